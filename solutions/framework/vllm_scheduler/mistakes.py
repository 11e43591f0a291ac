"""Wrong ways to write framework/vllm_scheduler, each with the sentence that a student should read."""

from autograder.checks import mistake

HASH = "parent = hash((parent, tuple(tokens[end - bs : end]), extra))"
CHUNK = "            n = min(len(r.tokens) - r.computed, budget)\n            while"
VICTIM = "victim = self.running.pop()"
AGAIN = "self.waiting.appendleft(victim)"
ADMIT = "while self.waiting and len(self.running) < self.max_seqs and budget and not out.preempted:"
ROOM = "if need > len(self.unused) - sum(b in self.unused for b in hits):"
RELEASE = "for b in reversed(r.table):"
TAKE = "b, _ = self.unused.popitem(last=False)"
EVICT = "            if b in self.hash_of:\n                self.known[self.hash_of.pop(b)].remove(b)\n"
HITS = "for h in self._hashes(r.tokens[:-1]):"
FILLED = "self._hashes(r.tokens[: r.computed])"

# --- hashes ----------------------------------------------------------------------------------------------------------

mistake("Your number depends on the tokens of the block alone. The same tokens behind others have other keys and values.", edit={HASH: HASH.replace("parent, tuple", "0, tuple")})
mistake("The block that is not full has a number as well.", edit={"for end in range(bs, len(tokens) + 1, bs):": "for end in range(bs, len(tokens) + bs, bs):"})
mistake("The last full block has no number when nothing comes behind it.", edit={"len(tokens) + 1, bs)": "len(tokens), bs)"})
mistake("Your number ignores `extra`.", edit={HASH: HASH.replace(", extra))", "))")})
mistake("Your number is made from the sum of the tokens: their order is lost.", edit={HASH: HASH.replace("tuple(tokens[end - bs : end])", "sum(tokens[end - bs : end])")})
mistake("Your number depends on the place of the block and on its tokens, but not on the tokens before it.", edit={HASH: HASH.replace("parent, tuple", "end, tuple")})

# --- who runs --------------------------------------------------------------------------------------------------------

mistake("A new request begins only when nobody runs any more. Places that become free are to be filled in the next step.", edit={ADMIT: ADMIT + "\n            if any(r.table and r.computed > 1 and not any(c[0] == r.id and c[1] == 0 for c in out.prefill) for r in self.running):\n                break"})
mistake("You preempt the oldest request that runs. The one that was added last goes first.", edit={VICTIM: "victim = self.running.pop(0)"})
mistake("A preempted request stands at the end of the queue. It waits before all others.", edit={AGAIN: "self.waiting.append(victim)"})
mistake("A preempted request is forgotten.", edit={AGAIN: "pass"})
mistake("A preempted request begins with its prompt again, and loses the tokens that the model gave.", edit={AGAIN: "del victim.tokens[victim.prompt :]\n                " + AGAIN})
mistake("More than max_seqs requests run.", edit={"len(self.running) < self.max_seqs": "len(self.running) <= self.max_seqs"})
mistake("Only one request begins in each step, although more could.", edit={"            budget -= self._compute(r, n, out)\n        return out": "            budget -= self._compute(r, n, out)\n            break\n        return out"})
mistake("A request waits until all of its prompt fits into what is left of max_tokens. Prompts are computed in chunks.",
        edit={ROOM: "if need > len(self.unused) - sum(b in self.unused for b in hits) or n < min(len(r.tokens) - len(hits) * self.bs, self.max_tokens):"})  # fmt: skip
mistake("Chunks of prompts are as large as max_tokens, whatever other requests compute in the same step.",
        edit={"            n = min(len(r.tokens) - len(hits) * self.bs, budget)": "            n = min(len(r.tokens) - len(hits) * self.bs, self.max_tokens)"})  # fmt: skip
mistake("New requests take from max_tokens before those that run: their tokens come late.",
        edit={"budget = self.max_tokens": "budget = self.max_tokens - (min(len(self.waiting[0].tokens), self.max_tokens - 1) if self.waiting and len(self.running) < self.max_seqs else 0)"})  # fmt: skip
mistake("A request goes on for one token more than max_new.", edit={"if len(r.tokens) == r.end:": "if len(r.tokens) > r.end:"})

# --- blocks and the prefix cache -------------------------------------------------------------------------------------

mistake("A block stays known when it is taken for other tokens: who begins with it later reads what others wrote.", edit={EVICT: "            self.hash_of.pop(b, None)\n"})
mistake("The last block is known before it is full.",
        edit={FILLED: "(self._hashes(r.tokens[: r.computed]) + ([hash((hash(tuple(r.tokens[: r.computed])), 1))] if r.computed % self.bs else []))",
              HITS: "for h in [hash((hash(tuple(r.tokens[:-1])), 1))] if hash((hash(tuple(r.tokens[:-1])), 1)) in self.known else self._hashes(r.tokens[:-1]):"})  # fmt: skip
mistake("A request whose tokens are all known computes none of them, so the model gives it nothing. The last one is always computed.", edit={HITS: "for h in self._hashes(r.tokens):"})
mistake("Your prefix cache cannot be switched off.", edit={"if self.prefix_cache else []": "if True else []"})
mistake("A shared block is free as soon as one request gives it back.", edit={"            if not self.users[b]:\n                self.unused": "            if True:\n                self.unused"})
mistake("The block that was given back last is taken first, so what is known is forgotten at once.", edit={TAKE: "b, _ = self.unused.popitem()"})
mistake("Blocks are given back from the front of the table, so beginnings are forgotten before their ends.", edit={RELEASE: "for b in r.table:"})
mistake("Blocks are given back to the front: a block that was used just now is forgotten first.", edit={"                self.unused[b] = None\n": "                self.unused[b] = None\n                self.unused.move_to_end(b, last=False)\n"})
mistake("What the model gave is not known afterwards: only blocks of prompts are.", edit={FILLED: "self._hashes(r.tokens[: min(r.computed, r.prompt)])"})

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("You keep the request's own prompt and write the new tokens into it. `r` is left as it is.", edit={"list(r.prompt), len(r.prompt) + r.max_new": "r.prompt, len(r.prompt) + r.max_new"})
mistake("Known blocks that are free count as room for new ones, although the request is about to use them.", edit={ROOM: "if need > len(self.unused):"})
mistake("Your tables are the scheduler's own lists: what you gave out changes in the next step.", edit={"list(r.table) for r": "r.table for r"})
mistake("A request that waits in front of the queue and does not fit is passed over for a later one that does.",
        edit={"                break\n            self._reuse": "                self.waiting.rotate(-1)\n                if len(self.waiting) == 1 or -(-len(self.waiting[0].tokens) // self.bs) > len(self.unused):\n                    self.waiting.rotate(1)\n                    break\n                continue\n            self._reuse"})  # fmt: skip
mistake("You ask for blocks for all known tokens before a request begins. It begins where there are blocks for the chunk that it computes.", edit={"need = -(-n // self.bs)": "need = -(-len(r.tokens) // self.bs) - len(hits)"})
mistake("After a preemption you look up the blocks of the prompt alone. All known tokens may be in the prefix cache, those that the model gave too.", edit={"in self._hashes(r.tokens[:-1]):": "in self._hashes(r.tokens[:-1][: r.prompt]):"})
mistake("Without a prefix cache, who was preempted finds known blocks all the same. With prefix_cache=False nobody does.", edit={"return block_hashes(tokens, self.bs) if self.prefix_cache else []": "return block_hashes(tokens, self.bs)", "        hits = []\n": "        hits = []\n        if not self.prefix_cache and len(r.tokens) == r.prompt:\n            return hits\n"})
mistake("Your numbers have 32 bits: among some hundred thousand blocks two agree.", edit={"parent = hash((parent, tuple(tokens[end - bs : end]), extra))": "parent = hash((parent, tuple(tokens[end - bs : end]), extra)) & 0xFFFFFFFF"})
mistake("A preempted request gives back the first block of its table first. The last one counts as given back first.", edit={"                self._release(victim)\n": "                victim.table.reverse()\n                self._release(victim)\n"})
mistake("You make one number of the tokens of a block, with 17 bits for each. A token beyond 131,071 reaches into its neighbour: hash the tokens themselves.", edit={"tuple(tokens[end - bs : end]), extra": "sum(token << (17 * i) for i, token in enumerate(tokens[end - bs : end])), extra"})
mistake("You call each chunk of one token behind the prompt `decode`. After a preemption these may be older tokens that are computed again: only the newest one belongs to `decode`.", edit={"if r.computed == len(r.tokens) - 1 >= r.prompt:": "if n == 1 and r.computed >= r.prompt:"})
mistake("Of two blocks with the same tokens only the first one is known. When it is taken for other tokens, the second one is still there, and known.", edit={"            if b not in self.hash_of:": "            if b not in self.hash_of and not self.known.get(h):"})
