"""Wrong ways to write sft/packing, each with the sentence that a student should read."""


from autograder.checks import mistake

SORTED = "sorted(range(len(lengths)), key=lambda i: -lengths[i])"
FIND = "place = bisect_left(free, (lengths[i], 0))"
EXAMPLE = "(example[:, None] == example) & (t[:, None] >= t)"
SIZE = "size = alpha / (n * e.shape[2]).sqrt()"
NOISE = "noise = 2 * torch.rand(e.shape, generator=gen, dtype=e.dtype, device=e.device) - 1"
LAST = "return e + torch.where(mask, size[:, None], 0.0)[..., None] * noise"


@mistake("You take the first row that has room. Best fit takes the one with the least room that is enough.")
def pack_bfd(lengths, cap):
    rows, room = [], []
    for i in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        if lengths[i] > cap:
            raise ValueError(lengths[i])
        for r in range(len(rows)):
            if room[r] >= lengths[i]:
                break
        else:
            r = len(rows)
            rows.append([])
            room.append(cap)
        rows[r].append(i)
        room[r] -= lengths[i]
    return rows


mistake("You take the examples in the order in which they come. The longest comes first.", edit={SORTED: "range(len(lengths))"})
mistake("You begin with the shortest example.", edit={SORTED: SORTED.replace("-lengths", "lengths")})
mistake("Of equally long examples you take the last one first.", edit={SORTED: "sorted(range(len(lengths)), key=lambda i: (-lengths[i], -i))"})
mistake("You take the row with the most room.", edit={FIND: "place = len(free) - 1 if free and free[-1][0] >= lengths[i] else len(free)"})
mistake("You want more room than the example needs. Exactly enough is enough.", edit={FIND: "place = bisect_left(free, (lengths[i] + 1, 0))"})
mistake("You let an example that is too long have a row of its own. It is a ValueError.", edit={
    'raise ValueError(f"an example of {lengths[i]} tokens does not fit into {cap}")': "rows.append([i])\n            continue"})  # fmt: skip
mistake("You leave examples out that are too long. They are a ValueError.", edit={
    'raise ValueError(f"an example of {lengths[i]} tokens does not fit into {cap}")': "continue"})  # fmt: skip
mistake("You give lengths. What is asked for is the place of each example.", edit={"rows[row].append(i)": "rows[row].append(lengths[i])"})

mistake("You keep the label of an example's first token, so it is predicted from the example before.", edit={"[-100, *wanted[1:]]": "wanted"})
mistake("The first example keeps the label of its first token in your function.", edit={"[-100, *wanted[1:]]": "[-100 if labels else wanted[0], *wanted[1:]]"})
mistake("The last label of each example is -100 in your batch, as if labels were shifted. They are not.", edit={"[-100, *wanted[1:]]": "[*wanted[1:], -100]"})
mistake("You train on all tokens. Labels stay as they were given.", edit={"[-100, *wanted[1:]]": "[-100, *tokens[1:]]"})
mistake("Your positions go on from one example to the next.", edit={"positions += range(len(tokens))": "positions += range(len(ids) - len(tokens), len(ids))"})
mistake("Your positions begin with 1.", edit={"positions += range(len(tokens))": "positions += range(1, len(tokens) + 1)"})
mistake("`cu_seqlens` is int64 in your batch. FlashAttention wants int32.", edit={"torch.tensor(cu, dtype=torch.int32)": "torch.tensor(cu)"})
mistake("`cu_seqlens` holds lengths in your batch. It holds where examples begin.", edit={"cu.append(len(ids))": "cu.append(len(tokens))"})

mistake("Your mask is causal, but examples see those before them.", edit={EXAMPLE: "t[:, None] >= t"})
mistake("Tokens see later tokens of their example in your mask.", edit={EXAMPLE: "example[:, None] == example"})
mistake("The first token of an example belongs to the example before in your mask.", edit={"right=True": "right=False"})

mistake("You divide by n · C, not by its square root.", edit={SIZE: "size = alpha / (n * e.shape[2])"})
mistake("Your noise is normal. It is uniform between -1 and 1.", edit={NOISE: "noise = torch.randn(e.shape, generator=gen, dtype=e.dtype, device=e.device)"})
mistake("Your noise is uniform between 0 and 1.", edit={NOISE: "noise = torch.rand(e.shape, generator=gen, dtype=e.dtype, device=e.device)"})
mistake("You ignore the generator.", edit={NOISE: "noise = 2 * torch.rand(e.shape, dtype=e.dtype, device=e.device) - 1"})
mistake("You count the tokens of the whole batch. Each row counts its own.", edit={"mask.sum(dim=1).clamp(min=1)": "mask.sum().expand(len(mask)).clamp(min=1)"})

mistake(
    "Results are remembered and given out again: a caller who empties one empties the next.",
    edit={"    rows: list[list[int]] = []\n": "    known = pack_bfd.__dict__.setdefault('known', {})\n    if (key := (*lengths, cap)) in known:\n        return known[key]\n    rows: list[list[int]] = []\n    known[key] = rows\n"},
)
mistake(
    "Positions end at 2047: a longer example has fewer positions than tokens.",
    edit={"positions += range(len(tokens))": "positions += range(min(len(tokens), 2048))"},
)
mistake(
    "The numbers of examples are kept in a byte: example 256 is example 0 again.",
    edit={"torch.bucketize(t, cu.contiguous().to(t.dtype), right=True)": "torch.bucketize(t, cu.contiguous().to(t.dtype), right=True).to(torch.uint8)"},
)
mistake(
    "You count the places from the first token to the last. n is the number of tokens, without the filled places between them.",
    edit={"n = mask.sum(dim=1).clamp(min=1).to(e.dtype)": "n = (mask.shape[1] - mask.flip(1).int().argmax(1) - mask.int().argmax(1)).clamp(min=1).to(e.dtype)"},
)
