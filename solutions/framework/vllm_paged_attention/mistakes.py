"""Wrong ways to write framework/vllm_paged_attention, each with the sentence that a student should read."""


from autograder.checks import mistake

COW = "        new = self.alloc()\n        self.users[b] -= 1\n"
SLOTS = "b, i = slots // kc.shape[1], slots % kc.shape[1]"
BLOCKS = "blocks = block_tables[r, : -(-n // bs)]"
CUT = "k, v = kc[blocks].flatten(0, 1)[:n], vc[blocks].flatten(0, 1)[:n]"
GROUPS = "groups = q[r].reshape(G, H // G, D)"
WASTE = "sum(-n % bs for n in ctx_lens)"

# --- the allocator ---------------------------------------------------------------------------------------------------

mistake("A block can be freed more often than it has users. Raise ValueError.",
        edit={"        self._in_use([b])\n        self.users[b] -= 1\n        if not": "        if not 0 <= b < len(self.users):\n            raise ValueError\n        self.users[b] = max(self.users[b] - 1, 0)\n        if not"})  # fmt: skip
mistake("Your block is free as soon as one user leaves it, although others still have it.",
        edit={"        if not self.users[b]:\n            self.free_blocks": "        if True:\n            self.free_blocks"})  # fmt: skip
mistake("`fork` counts no users, so the first of two requests that ends takes the blocks away from the other.", edit={"self.users[b] += 1": "self.users[b] += 0"})
mistake("`fork` returns the list that it was given. The two requests then have one block table.", edit={"return list(blocks)": "return blocks"})
mistake("`fork` counts users before it has looked at all blocks. What is refused changes nothing.",
        edit={"        self._in_use(blocks)\n        for b in blocks:\n            self.users[b] += 1": "        for b in blocks:\n            self._in_use([b])\n            self.users[b] += 1"})  # fmt: skip
mistake("`cow` copies a block that has one user. It may write into it.", edit={"if self.users[b] == 1:": "if self.users[b] < 1:"})
mistake("`cow` hands out a new block, and the old one keeps its user: it is never free again.", edit={COW: "        new = self.alloc()\n"})
mistake("`cow` takes the user away before it knows that there is a free block. What is refused changes nothing.", edit={COW: "        self.users[b] -= 1\n        new = self.alloc()\n"})
mistake("Block -1 is read as the last block, as lists do. It is no block.", edit={"if not 0 <= b < len(self.users) or not": "if b >= len(self.users) or not"})
mistake("Block 0 is never handed out, as in vLLM, where it is a placeholder. Here it is a block like any other.",
        edit={"list(range(n))": "list(range(1, n))"})  # fmt: skip


# --- writing ---------------------------------------------------------------------------------------------------------


@mistake("You reshape the cache to write into it. Where keys and values lie side by side, the reshaped tensor is a copy, and what you write is lost.")
def write_kv(kc, vc, k, v, slots):
    real = slots >= 0
    kc.reshape(-1, *kc.shape[2:])[slots[real]] = k[real]
    vc.reshape(-1, *vc.shape[2:])[slots[real]] = v[real]


mistake("A token with the slot -1 overwrites the last slot. It is written nowhere.", edit={"real = slots >= 0": "real = slots >= -1", SLOTS: "b, i = slots // kc.shape[1], slots % kc.shape[1]  #"})
mistake("Your slots go through the blocks by offsets: number b + i · nb. It is b · bs + i.", edit={SLOTS: "b, i = slots % kc.shape[0], slots // kc.shape[0]"})
mistake("You leave out tokens with the slot -1 from the slots, and keep their keys.", edit={"kc[b, i] = k[real]": "kc[b, i] = k[: len(b)]", "vc[b, i] = v[real]": "vc[b, i] = v[: len(b)]"})

# --- attention -------------------------------------------------------------------------------------------------------

mistake("You attend to all slots of the last block, also behind the newest token.", edit={CUT: CUT.replace("[:n]", "")})
mistake("You hide other slots by adding -inf to their scores, but their values are multiplied by the weight 0: nan times 0 is nan.",
        edit={CUT: CUT.replace("[:n]", ""), "* scale).softmax(-1)": "* scale).masked_fill(torch.arange(len(k)) >= n, -torch.inf).softmax(-1)"})  # fmt: skip
mistake("You look up every entry of the table. Those behind the last block need not be blocks.", edit={BLOCKS: "blocks = block_tables[r]"}, crashes=True)
mistake("You cut the number of blocks down: the last one, which is not full, is missing.", edit={BLOCKS: "blocks = block_tables[r, : max(n // bs, 1)]"})
mistake("The newest token does not attend to itself.", edit={CUT: CUT.replace("[:n]", "[: max(n - 1, 1)]")})
mistake("You ignore `scale` and take 1/√D.", edit={"k) * scale)": "k) * D**-0.5)"})
mistake("Query head h uses head h % G. Neighbouring query heads share: h // (H / G).",
        edit={GROUPS: "groups = q[r].reshape(H // G, G, D).transpose(0, 1)", "v).reshape(H, D)": "v).transpose(0, 1).reshape(H, D)"})  # fmt: skip
mistake("All requests use the block table of the first.", edit={BLOCKS: "blocks = block_tables[0, : -(-n // bs)]"})
mistake("You take blocks in the order of their numbers. The table's order is that of the tokens.", edit={BLOCKS: BLOCKS + ".sort()[0]"})

# --- waste -----------------------------------------------------------------------------------------------------------

mistake("You count a whole block for a request that fills its blocks exactly.", edit={WASTE: "sum(bs - n % bs for n in ctx_lens)"})

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("Your scores are computed in float32. Results are computed in the dtype of the queries.",
        edit={"groups, k) * scale).softmax(-1)": "groups.float(), k.float()) * scale).softmax(-1).to(v.dtype)"})  # fmt: skip
mistake("A block that is twice in the list of `fork` gets one user only.", edit={"        for b in blocks:\n            self.users": "        for b in set(blocks):\n            self.users"})
mistake("A request without tokens counts as a request with one block. It needs none.", edit={WASTE: "sum(-n % bs if n else bs for n in ctx_lens)"})
mistake("All requests of a batch are cut at the length of the longest.", edit={"n = int(ctx_lens[r])": "n = int(ctx_lens.max())"})
mistake("Two allocators of one size are the same one.",
        edit={"        self.users = [0] * n\n        self.free_blocks = list(range(n))": "        self.__dict__ = _ALL.setdefault(n, {\"users\": [0] * n, \"free_blocks\": list(range(n))})",
              "class BlockAllocator:": "_ALL = {}\n\n\nclass BlockAllocator:"})  # fmt: skip

mistake("You repeat the keys and values of the whole cache for all query heads. Fetch what a request needs first.",
        edit={CUT: "k, v = kc.repeat_interleave(H // G, 2)[blocks].flatten(0, 1)[:n, :: H // G], vc.repeat_interleave(H // G, 2)[blocks].flatten(0, 1)[:n, :: H // G]"})  # fmt: skip
mistake("You reshape the cache before you look into it. Where it is a view, that copies all of it.",
        edit={CUT: "j = torch.arange(n, device=q.device)\n        at = blocks[j // bs] * bs + j % bs\n        k, v = kc.reshape(-1, G, D)[at], vc.reshape(-1, G, D)[at]"})  # fmt: skip
CUT_AT = "real = (i < bs) & (j * bs + i < n)"
HALF = ", mask=inside, other=0.0).to(tl.float32)"
LAUNCH = """    (R, H, D), (_, bs, G, _) = q.shape, kc.shape
    out,"""

# --- the kernel ------------------------------------------------------------------------------------------------------

mistake("paged_attention_triton calls paged_attention: a right answer, but no kernel. Write one with @triton.jit and launch it.",
        edit={LAUNCH: "    return paged_attention(q.float(), kc.float(), vc.float(), block_tables, ctx_lens, scale).to(q.dtype)\n" + LAUNCH})  # fmt: skip
mistake("You launch the kernel once for each request. One launch has a program for each query head of each request.",
        edit={"_paged[R, H](\n        q, kc, vc, block_tables, ctx_lens, out,": "for r in range(R):\n      _paged[1, H](\n        q[r], kc, vc, block_tables[r], ctx_lens[r:], out[r],"})  # fmt: skip
mistake("Your kernel reads all slots of the last block, also those behind the request's last token.", edit={CUT_AT: "real = i < bs"})
mistake("Your kernel hides slots in the scores alone. Their values are multiplied by the weight 0, and nan times 0 is nan: mask what is loaded.",
        edit={"v_j = tl.load(vc + at, mask=inside": "v_j = tl.load(vc + at, mask=(i < bs) & (d < D)"})  # fmt: skip
mistake("Your kernel takes as many slots as the next power of two: those behind the end of a block are another block's.", edit={CUT_AT: "real = j * bs + i < n"})
mistake("Your kernel does not multiply scores by `scale`.", edit={"tl.sum(q_r * k_j, 1)[:, None] * scale": "tl.sum(q_r * k_j, 1)[:, None]"})
mistake("In your kernel query head h uses head h % G. Neighbouring query heads share: h // (H / G).", edit={"* G + h // (H // G)) * D": "* G + h % G) * D"})
mistake("In your kernel the maximum begins at 0. Where all scores are negative, it is too large, and their exponentials vanish.", edit={'top, total = -float("inf"), 0.0': "top, total = 0.0, 0.0"})
mistake("The results of your kernel are not divided by the sum of the exponentials.", edit={"acc / total, mask": "acc, mask"})
mistake("Your kernel multiplies in float16. Convert to float32 before you multiply.",
        edit={"other=0.0).to(tl.float32)  # (1, WIDTH)": "other=0.0)  # (1, WIDTH)", "k_j = tl.load(kc + at" + HALF: "k_j = tl.load(kc + at" + HALF.replace(".to(tl.float32)", "")})  # fmt: skip
mistake("In your kernel all requests use the block table of the first.", edit={"tables + r * m + j": "tables + j"})
mistake("In your kernel a row of the table is as long as the request's blocks. All rows have m entries.", edit={"tables + r * m + j": "tables + r * tl.cdiv(n, bs) + j"})
mistake("Your kernel leaves out the last block where it is not full.", edit={"range(0, tl.cdiv(n, bs))": "range(0, tl.maximum(n // bs, 1))"})
mistake("The running sum of your kernel is not rescaled when the maximum rises.", edit={"total = before * total + tl.sum(p)": "total = total + tl.sum(p)"})
mistake("paged_attention_triton returns float32. The result has the dtype of q.", edit={"out, slots = torch.empty_like(q)": "out, slots = torch.empty(q.shape, dtype=torch.float32, device=q.device)"})
