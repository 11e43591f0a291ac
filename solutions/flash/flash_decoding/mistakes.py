"""Wrong ways to write flash/flash_decoding, each with the sentence that a student should read."""

from autograder.checks import mistake

LSE = "sums.append(s.logsumexp(-1))"
TOP = "top = lse.to(wide).amax(0)"
WEIGHTS = "weights = (lse.to(wide) - top.masked_fill(top == -math.inf, 0.0)).exp()"
MERGED = "merged = (weights[..., None] * heard).sum(0) / total.masked_fill(total == 0, 1.0)[..., None]"
RULE = "if n == 1 or math.ceil(blocks / n) < math.ceil(blocks / (n - 1)):"
GIVE = "return merged.to(o.dtype), (top + total.log()).to(dtype)"

mistake("Your scores are not divided by √D.", edit={"mT / math.sqrt(D)": "mT"})
mistake("Your lse is that of the scores before they are divided by √D. Take the scores that the softmax takes.", edit={LSE: "sums.append((s * math.sqrt(D)).logsumexp(-1))"})
mistake("Your lse is the maximum of the scores. It is the logarithm of a sum.", edit={LSE: "sums.append(s.amax(-1) if last > first else s.sum(-1) - math.inf)"})
mistake("You compute in the dtype of q. Convert q, k and v to float32 first.", edit={
    "dtype = torch.promote_types(q.dtype, torch.float32)\n    q, outs": "dtype = q.dtype\n    q, outs", "return torch.stack(outs), torch.stack(sums)": "wide = torch.promote_types(q.dtype, torch.float32)\n    return torch.stack(outs).to(wide), torch.stack(sums).to(wide)"})  # fmt: skip
mistake("You take the softmax over all keys before you cut them. Then parts depend on each other, and merging divides a second time.", edit={
    "outs.append(s.softmax(-1) @": "outs.append((q @ k.to(dtype).mT / math.sqrt(D)).softmax(-1)[..., first:last] @"})  # fmt: skip
mistake("An empty part raises an error.", edit={"s = q @ k[..., first:last, :]": "s = q @ k[..., first : last or last / 0, :] if last > first else [][0]\n        s = q @ k[..., first:last, :]"}, crashes=True)
mistake("Bounds that fall, or do not reach all keys, raise nothing.", edit={" or bounds[0] != 0 or bounds[-1] != S or any(a > b for a, b in pairwise(bounds))": ""})
mistake("You refuse empty parts: bounds may stay the same.", edit={"any(a > b for": "any(a >= b for"}, crashes=True)
mistake("You average the parts. A part's weight is exp(lse) over the sum of them.", edit={MERGED: "merged = heard.mean(0)"})
mistake("Your exponentials overflow. Subtract the largest lse first.", edit={WEIGHTS: "top = torch.zeros_like(top)\n    weights = lse.to(wide).exp()"})
mistake("You weigh a part by its lse, not by the exponential of it.", edit={MERGED: "merged = (lse.to(wide)[..., None] * heard).sum(0) / lse.to(wide).sum(0)[..., None]"})
mistake("You subtract the largest lse of all heads. Each query has its own.", edit={TOP: "top = lse.to(wide).amax().expand(lse.shape[1:])"})
mistake("The merged lse lacks the maximum that you subtracted.", edit={GIVE: "return merged.to(o.dtype), total.log().to(dtype)"})
mistake("The merged lse is the mean of the parts. It is the logarithm of the sum of their exponentials.", edit={GIVE: "return merged.to(o.dtype), lse.to(wide).mean(0).to(dtype)"})
mistake("You do not divide by the sum of the weights.", edit={MERGED: "merged = (weights[..., None] * heard).sum(0)"})
mistake("Where all parts are empty, you give nan: -inf - -inf.", edit={"top.masked_fill(top == -math.inf, 0.0)": "top"})
mistake("nan in an empty part's o spreads: a weight of 0 does not take it out, since 0 · nan is nan. Put 0 in its place before you multiply.", edit={"heard = o.to(wide).masked_fill((weights == 0)[..., None], 0.0)": "heard = o.to(wide)"})
mistake("You merge in the dtype of the parts. In float16, hundreds of them are summed up too coarsely: take float32.", edit={"wide, dtype = torch.promote_types(o.dtype, torch.float32), lse.dtype": "wide, dtype = o.dtype, lse.dtype"})
mistake("You return float32 whatever came in. Results keep their dtype.", edit={GIVE: "return merged, top + total.log()"})
mistake("Your tree merges one part after the other: n - 1 rounds. Merge pairs, all at once.", edit={"pairs = [parts[p : p + 2] for p in range(0, len(parts), 2)]": "pairs = [parts[:2], *([part] for part in parts[2:])]"})
mistake("Your tree drops a last part that has no partner.", edit={"for p in range(0, len(parts), 2)]": "for p in range(0, len(parts) - 1, 2)]"})
mistake("With one part your tree returns a view of what it was given: who changes the result changes the part.", edit={"return *combine(last[None], own[None]), rounds": "return last, own, rounds"})
mistake("You take the candidate with the best efficiency. The smallest one that reaches 0.85 of it is asked for.", edit={"return min(n for n, each in efficiency.items() if each >= 0.85 * best)": "return max(efficiency, key=efficiency.get)"})
mistake("You take the largest candidate. The smallest one whose efficiency is at least 0.85 times the best one is asked for.", edit={"return min(n for n, each in efficiency.items() if each >= 0.85 * best)": "return max(efficiency)"})
mistake("You split into as many parts as the limits allow, and ask for no efficiency: the smallest candidate that reaches 0.85 of the best is enough.", edit={"return min(n for n, each in efficiency.items() if each >= 0.85 * best)": "return min(128, n_sm, blocks)"})
mistake("You also try parts that leave the longest part as long as it was.", edit={RULE: "if True:"})
mistake("You allow more than 128 parts.", edit={"min(128, n_sm, blocks)": "min(n_sm, blocks)"})
mistake("You convert all keys and values to float32 before you cut them. A long cache is then there once more, at twice its size: convert one part at a time.", edit={
    "q, outs, sums = q.to(dtype), [], []": "q, k, v, outs, sums = q.to(dtype), k.to(dtype), v.to(dtype), [], []"})  # fmt: skip
mistake("You compute the scores of all parts with one product, for which all keys are converted at once. Convert one part at a time.", edit={
    "s = q @ k[..., first:last, :].to(dtype).mT / math.sqrt(D)": "s = (q @ k.to(dtype).mT / math.sqrt(D))[..., first:last]"})  # fmt: skip


# --- the kernel ---

LAUNCH = "_decode[n, B * H](q, k, v, o, lse, S, triton.cdiv(S, n), D**-0.5, D, triton.next_power_of_2(D), 32)\n    return o, lse"

mistake(
    "decode_triton calls split_kv_attention: a right answer, but no kernel. Write one with @triton.jit and launch it.",
    edit={LAUNCH: "return split_kv_attention(q, k, v, [min(S, p * triton.cdiv(S, n)) for p in range(n + 1)])"},
)
mistake(
    "Your kernel lets a part read on to the end of its last block: keys of the next part count twice. Mask with the part's own end.",
    edit={"end = part * keys, tl.minimum(S, (part + 1) * keys)": "end = part * keys, tl.minimum(S, tl.cdiv((part + 1) * keys, Bc) * Bc)"},
)
mistake(
    "In your kernel parts have ⌊S / n⌋ keys, so the last keys belong to nobody. Round up: ⌈S / n⌉.",
    edit={"triton.cdiv(S, n), D**-0.5": "max(S // n, 1), D**-0.5"},
)
mistake(
    "Your kernel does not divide by √D.",
    edit={"triton.cdiv(S, n), D**-0.5": "triton.cdiv(S, n), 1.0"},
)
mistake(
    "The results of your kernel are not divided by the sum of their part. Each part is a softmax of its own.",
    edit={"acc / tl.where(l == 0, 1.0, l), mask": "acc, mask"},
)
mistake(
    "In your kernel the maximum begins at 0. Where all scores are negative, it is too large, and their exponentials vanish.",
    edit={'m, l = -float("inf"), 0.0': "m, l = 0.0, 0.0"},
)
mistake(
    "Your kernel writes results head by head, and parts inside. The first dimension of o and lse is the part.",
    edit={"at = part.to(tl.int64) * heads + head": "at = head * tl.num_programs(0) + part"},
)
mistake(
    "An empty part has lse = 0 in your kernel. It has no say: -inf.",
    edit={'tl.where(l == 0, -float("inf"), m + tl.log': "tl.where(l == 0, 0.0, m + tl.log"},
)
mistake(
    "Your kernel computes scores in float16. Convert q and k to float32 before they are multiplied.",
    edit={"other=0.0).to(tl.float32)[None, :]": "other=0.0)[None, :]", "k_j = tl.load(k + at, mask=inside, other=0.0).to(tl.float32)": "k_j = tl.load(k + at, mask=inside, other=0.0)"},
)
