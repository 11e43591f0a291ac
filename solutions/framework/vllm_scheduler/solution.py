"""vLLM's scheduler: who computes which tokens in the next step, who has to give back blocks, and which blocks are known already.

A *request* has a prompt and gets max_new tokens behind it, one after the other. Its *known* tokens are the prompt and those that it got so far.
Keys and values of known tokens are computed in steps, and stand in blocks of bs slots: token j in block number j // bs of the request's block
table. Behind the step in which its last known token is computed, the model gives the request a new token, so there is one more to compute.

In each step a request either *runs* (it has blocks) or *waits* (it has none). Nothing here holds numbers of a model: only token ids and blocks.
"""

from collections import OrderedDict, deque
from dataclasses import dataclass, field


@dataclass
class Req:
    """A request. id: different for each. prompt: at least one token. max_new: how many tokens it gets, at least 1. arrival: the step in which it
    came; it says nothing about the order (requests are added in their order).
    """

    id: int
    prompt: list[int]
    max_new: int
    arrival: int = 0


@dataclass
class StepOut:
    """What happens in a step.

    prefill: (id, start, n): the tokens start … start + n - 1 of a request are computed. decode: ids of requests that compute their newest token
    alone, one that the model gave. preempted: ids of requests that gave back their blocks and wait again. finished: ids of requests that have
    all of their tokens. The order in each list is open.
    """

    prefill: list[tuple[int, int, int]] = field(default_factory=list)
    decode: list[int] = field(default_factory=list)
    preempted: list[int] = field(default_factory=list)
    finished: list[int] = field(default_factory=list)


def block_hashes(tokens: list[int], bs: int, extra: tuple = ()) -> list[int]:
    """A number for each *full* block of bs tokens, from the front; tokens behind the last full block have none.

    Two blocks have the same number exactly if the tokens in them are the same, all tokens before them are the same, and `extra` is the same
    (strings, or whole numbers from 0 on: something else that the keys and values depend on, such as an adapter, a picture, a user who
    shares nothing). So a number stands for a block and for all that is before it. What the numbers are is open; that two different ones
    agree by chance may be as unlikely as one in 2⁶⁰.

    >>> block_hashes([5, 6, 7], 4)
    []
    """
    # BEGIN SOLUTION
    hashes, parent = [], 0  # not None: its hash is another one in each process
    for end in range(bs, len(tokens) + 1, bs):
        parent = hash((parent, tuple(tokens[end - bs : end]), extra))
        hashes.append(parent)
    return hashes
    # END SOLUTION


# BEGIN SOLUTION
class _State:
    """A request with what the scheduler knows of it."""

    def __init__(self, r: Req) -> None:
        self.id, self.tokens, self.end = r.id, list(r.prompt), len(r.prompt) + r.max_new
        self.prompt = len(r.prompt)
        self.table: list[int] = []
        self.computed = 0


# END SOLUTION


class Scheduler:
    """Serves requests under these rules.

    max_tokens: no step computes more tokens, those of prefill and decode together. max_seqs: no more requests run at a time; max_seqs <=
    max_tokens. n_blocks: all blocks there are, 0 … n_blocks - 1, of bs slots each. Every request fits into them alone: prompt and new tokens
    need at most n_blocks blocks.

    **Who runs.** First come, first served: those that run are always the ones, of all that are not finished, that were added first. A request
    that waits begins to run only when all that were added before it run or are finished.

    **What is computed.** A step serves those that run first, and lets others begin with what is left. A request that runs and lacks only its
    newest token computes it in every step. Prompts are computed in chunks: as much as fits into what is left of max_tokens, the rest in later
    steps. No step leaves some of max_tokens unused while a request that runs has tokens to compute, or while one that waits could begin: fewer
    than max_seqs run, nobody was preempted in this step, and blocks for the chunk that it could compute are free.

    **Blocks.** After a step, a request that runs has exactly the blocks that its computed tokens need (those of this step count as computed).
    Blocks are added to its table behind the old ones; old ones stay. When it finishes or is preempted, its table is gone. A block is written by
    one request only: two tables share a block only if it is full and came from the prefix cache.

    **Preemption.** When a request that runs needs a block and none is free, the one that was added last, of those that run, is preempted (it may
    be the request itself): its blocks are given back, and it waits, before all others that wait. Later it computes its known tokens
    again (those that the prefix cache does not have), those that the model gave too, and goes on as if nothing had happened. Nobody is preempted
    while there are blocks for all known tokens
    of those that run.

    **Prefix cache** (unless prefix_cache=False). A full block whose tokens were computed stays known by its `block_hashes` number, also when
    nobody uses it any more, until it is taken for other tokens. A request that begins (also after a preemption) uses the known blocks that its
    known tokens begin with, as many as there are without a gap, and computes only what is behind them: its first chunk has start = number of
    these blocks · bs. At least its last known token is always computed, else the model gave it nothing.

    **Which block is taken.** The free block that was given back the longest time ago (or never used). When a request gives back its blocks, the
    last one of its table counts as given back first, so that beginnings stay known longest. Using a free block from the prefix cache takes it
    out of the free ones.
    """

    def __init__(self, max_tokens: int, max_seqs: int, n_blocks: int, bs: int, prefix_cache: bool = True) -> None:
        # BEGIN SOLUTION
        self.max_tokens, self.max_seqs, self.bs, self.prefix_cache = max_tokens, max_seqs, bs, prefix_cache
        self.waiting: deque[_State] = deque()
        self.running: list[_State] = []  # in the order in which they were added
        self.users = [0] * n_blocks
        self.unused = OrderedDict.fromkeys(range(n_blocks))  # the first one is taken next
        self.known: dict[int, list[int]] = {}  # hash: blocks, which hold the same
        self.hash_of: dict[int, int] = {}  # block: hash
        # END SOLUTION

    @property
    def n_free(self) -> int:
        """How many blocks are in no table."""
        # BEGIN SOLUTION
        return len(self.unused)
        # END SOLUTION

    @property
    def tables(self) -> dict[int, list[int]]:
        """The block table of each request that runs, by its id."""
        # BEGIN SOLUTION
        return {r.id: list(r.table) for r in self.running}
        # END SOLUTION

    def add(self, r: Req) -> None:
        """A request comes. It begins in a later `step`; `r` is left as it is."""
        # BEGIN SOLUTION
        self.waiting.append(_State(r))
        # END SOLUTION

    def step(self, sampled: dict[int, int]) -> StepOut:
        """Take in what the model gave, and say what it computes next.

        sampled: the new token of each request whose last known token was computed in the step before; {} in the first step. A request that has
        all of its max_new tokens with it is finished: it gives its blocks back before anything else is decided, and its last token is never
        computed.

        With nothing to do, all lists of the answer are empty.
        """
        # BEGIN SOLUTION
        out = StepOut()
        for r in [r for r in self.running if r.id in sampled]:
            r.tokens.append(sampled[r.id])
            if len(r.tokens) == r.end:
                out.finished.append(r.id)
                self.running.remove(r)
                self._release(r)
        budget = self.max_tokens
        for r in list(self.running):
            n = min(len(r.tokens) - r.computed, budget)
            while r in self.running and not self._grow(r, n):
                victim = self.running.pop()
                self._release(victim)
                self.waiting.appendleft(victim)
                out.preempted.append(victim.id)
            if n and r in self.running:
                budget -= self._compute(r, n, out)
        while self.waiting and len(self.running) < self.max_seqs and budget and not out.preempted:
            r = self.waiting[0]
            hits = self._hits(r)
            n = min(len(r.tokens) - len(hits) * self.bs, budget)
            need = -(-n // self.bs)  # a chunk begins with a block of its own
            if need > len(self.unused) - sum(b in self.unused for b in hits):
                break
            self._reuse(r, hits)
            self._grow(r, n)
            self.running.append(self.waiting.popleft())
            budget -= self._compute(r, n, out)
        return out
        # END SOLUTION

    # BEGIN SOLUTION
    def _compute(self, r: _State, n: int, out: StepOut) -> int:
        """Write down that r computes n tokens; what it fills becomes known."""
        if r.computed == len(r.tokens) - 1 >= r.prompt:
            out.decode.append(r.id)
        else:
            out.prefill.append((r.id, r.computed, n))
        r.computed += n
        for h, b in zip(self._hashes(r.tokens[: r.computed]), r.table, strict=False):
            if b not in self.hash_of:
                self.known.setdefault(h, []).append(b)
                self.hash_of[b] = h
        return n

    def _hashes(self, tokens: list[int]) -> list[int]:
        return block_hashes(tokens, self.bs) if self.prefix_cache else []

    def _hits(self, r: _State) -> list[int]:
        """The known blocks that r can begin with; its last known token is not in them."""
        hits = []
        for h in self._hashes(r.tokens[:-1]):
            if not self.known.get(h):
                break
            hits.append(self.known[h][0])
        return hits

    def _reuse(self, r: _State, hits: list[int]) -> None:
        for b in hits:
            self.unused.pop(b, None)
            self.users[b] += 1
        r.table, r.computed = hits, len(hits) * self.bs

    def _grow(self, r: _State, n: int) -> bool:
        """Blocks for n more tokens, if there are enough."""
        need = -(-(r.computed + n) // self.bs) - len(r.table)
        if need > len(self.unused):
            return False
        for _ in range(need):
            b, _ = self.unused.popitem(last=False)
            if b in self.hash_of:
                self.known[self.hash_of.pop(b)].remove(b)
            self.users[b] = 1
            r.table.append(b)
        return True

    def _release(self, r: _State) -> None:
        for b in reversed(r.table):
            self.users[b] -= 1
            if not self.users[b]:
                self.unused[b] = None
        r.table, r.computed = [], 0

    # END SOLUTION
