"""Right ways to write framework/vllm_scheduler, done differently."""

from itertools import count

from autograder.checks import alternative


@alternative("the whole beginning, written as text and read as one large number")
def block_hashes(tokens, bs, extra=()):
    """The text can be read in one way only."""
    text = [repr(tuple(extra))]
    out = []
    for i, token in enumerate(tokens, 1):
        text.append(str(token))
        if i % bs == 0:
            out.append(int.from_bytes((f"{bs};" + ",".join(text)).encode(), "big"))
    return out


@alternative("a rolling polynomial modulo the prime 2¹²⁷ - 1")
def block_hashes(tokens, bs, extra=()):
    prime, base = 2**127 - 1, 0x9E3779B97F4A7C15F39CC0605CEDC835
    value, out = int.from_bytes(repr(extra).encode(), "big") % prime, []
    for i in range(len(tokens) // bs):
        for token in tokens[i * bs : (i + 1) * bs]:
            value = (value * base + token + 1) % prime
        out.append(value)
    return out


class _Plain:
    """One list of requests in the order in which they came, and for each block a record; nothing is kept twice.

    The blocks' contents are kept as whole beginnings (tuples of tokens), not as hashes. What is free and which block is oldest is looked up anew.
    """

    decodes_first = False

    def __init__(self, max_tokens, max_seqs, n_blocks, bs, prefix_cache=True):
        self.max_tokens, self.max_seqs, self.bs, self.prefix_cache = max_tokens, max_seqs, bs, prefix_cache
        self.requests, self.clock = [], count(1)
        self.holds, self.left = [None] * n_blocks, [0] * n_blocks  # contents; when it was given back
        self.n_blocks = n_blocks

    @property
    def tables(self):
        return {r["id"]: list(r["table"]) for r in self.requests if r["runs"]}

    @property
    def n_free(self):
        return len(self._free())

    def _free(self):
        taken = {b for r in self.requests for b in r["table"]}
        return sorted((b for b in range(self.n_blocks) if b not in taken), key=lambda b: self.left[b])

    def add(self, r):
        self.requests.append({"id": r.id, "tokens": r.prompt[:], "prompt": len(r.prompt), "left": r.max_new, "table": [], "done": 0, "runs": False})

    def _drop(self, r):
        table, r["table"], r["runs"], r["done"] = r["table"], [], False, 0
        for b in table[::-1]:
            if not any(b in other["table"] for other in self.requests):
                self.left[b] = next(self.clock)

    def _hits(self, r):
        hits, bs = [], self.bs
        if self.prefix_cache:
            for end in range(bs, len(r["tokens"]), bs):
                block = next((b for b in range(self.n_blocks) if self.holds[b] == tuple(r["tokens"][:end])), None)
                if block is None:
                    break
                hits.append(block)
        return hits

    def _run(self, r, n, prefill, decode):
        while len(r["table"]) * self.bs < r["done"] + n:
            block = self._free()[0]
            self.holds[block] = None
            r["table"].append(block)
        if r["done"] + 1 == len(r["tokens"]) > r["prompt"]:
            decode.append(r["id"])
        else:
            prefill.append((r["id"], r["done"], n))
        r["done"] += n
        for i in range(r["done"] // self.bs):
            self.holds[r["table"][i]] = tuple(r["tokens"][: (i + 1) * self.bs])

    def step(self, sampled):
        prefill, decode, preempted, finished = [], [], [], []
        for r in list(self.requests):
            if r["id"] in sampled:
                r["tokens"].append(sampled[r["id"]])
                r["left"] -= 1
                if r["left"] == 0:
                    finished.append(r["id"])
                    self._drop(r)
                    self.requests.remove(r)
        budget = self.max_tokens
        running = [r for r in self.requests if r["runs"]]
        # First it is settled how much everybody computes; who does not fit goes, the last one first.
        while running:
            plan, rest = [], budget
            for r in sorted(running, key=lambda r: len(r["tokens"]) - r["done"] > 1) if self.decodes_first else running:
                n = min(rest, len(r["tokens"]) - r["done"])
                plan.append((r, n))
                rest -= n
            need = sum(max(0, -(-(r["done"] + n) // self.bs) - len(r["table"])) for r, n in plan)
            if need <= self.n_free:
                break
            last = running.pop()
            self._drop(last)
            preempted.append(last["id"])
        for r, n in plan if running else []:
            if n:
                self._run(r, n, prefill, decode)
                budget -= n
        for r in self.requests:
            if r["runs"]:
                continue
            if preempted or not budget or len(self.tables) == self.max_seqs:
                break
            hits = self._hits(r)
            n = min(budget, len(r["tokens"]) - len(hits) * self.bs)
            if -(-n // self.bs) > len(set(self._free()) - set(hits)):
                break
            r["table"], r["done"], r["runs"] = hits, len(hits) * self.bs, True
            self._run(r, n, prefill, decode)
            budget -= n
        return StepOut(prefill, decode, preempted, finished)


@alternative("one list of requests, contents instead of hashes, everything else looked up anew")
class Scheduler(_Plain):
    pass


@alternative("who lacks one token comes first, then prompts, as in schedulers with decode first")
class Scheduler(_Plain):
    decodes_first = True


@alternative("every list in the opposite order")
class Scheduler(_Plain):
    def step(self, sampled):
        out = super().step(dict(reversed(list(sampled.items()))))
        return StepOut(out.prefill[::-1], out.decode[::-1], out.preempted[::-1], out.finished[::-1])
