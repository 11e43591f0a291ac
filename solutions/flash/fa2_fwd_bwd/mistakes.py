"""Wrong ways to write flash/fa2_fwd_bwd, each with the sentence that a student should read."""

import math

import torch

from autograder.checks import mistake

DS = "ds = p * (do_i @ v_j.mT - (do_i * o_i).sum(-1, keepdim=True)) / math.sqrt(D)"
S_BACK = "s = (q_i @ k_j.mT / math.sqrt(D)).masked_fill(~sees, -math.inf)\n            p = (s - lse"
KEYS = "dk[:, :, columns] += (ds.mT @ q_i).sum(2)"
VALUES = "dv[:, :, columns] += (p.mT @ do_i).sum(2)"

mistake("The output is not scaled down when the maximum grows: multiply it by exp(m - m_new) before you add a tile.", edit={"acc = before[..., None] * acc + p @ v_j": "acc = acc + p @ v_j"})
mistake("Your lse has base 2, as kernels keep it inside. It is a natural logarithm.", edit={"lse[..., rows] = m + l.log()": "lse[..., rows] = (m + l.log()) / math.log(2)"})
mistake("You compute in the dtype of q. Tiles are converted to float32 first.", edit={
    "dtype = torch.promote_types(q.dtype, torch.float32)\n    q, k, v = q.reshape": "dtype = q.dtype\n    q, k, v = q.reshape",
    "return o.flatten(1, 2).to(q.dtype), lse.flatten(1, 2)": "return o.flatten(1, 2), lse.flatten(1, 2).to(torch.promote_types(q.dtype, torch.float32))"})  # fmt: skip
mistake("A query that has seen nothing gives nan: -inf - -inf. Shift by 0 there.", edit={"m_new.masked_fill(m_new == -math.inf, 0.0)": "m_new"})
mistake("Query head h uses key/value head h mod G in your code. Neighbouring heads share: h // (H/G).", edit={
    "q, k, v = q.reshape(B, G, H // G, T, D), k[:, :, None], v[:, :, None]": "q, k, v = q.reshape(B, H // G, G, T, D).transpose(1, 2), k[:, :, None], v[:, :, None]",
    "return o.flatten(1, 2).to(q.dtype), lse.flatten(1, 2)": "return o.transpose(1, 2).flatten(1, 2).to(q.dtype), lse.transpose(1, 2).flatten(1, 2)"})  # fmt: skip
mistake("You align the sequences at their starts. Query i stands at i + (S - T).", edit={"[:, None] + S - T)": "[:, None])"})
mistake("Your window has W + 1 positions. |p - j| is less than W.", edit={"ahead.abs() < window": "ahead.abs() <= window"})
mistake("Your window hides nothing on the right without `causal`, or everything. Without it, it reaches to both sides.", edit={"sees &= ahead.abs() < window": "sees &= (ahead.abs() < window) & (ahead <= 0)"})
mistake("You compute tiles that nobody sees. Skip them, in both directions.", edit={"            if not sees.any():\n                continue\n            q_i, o_i": "            q_i, o_i"})
mistake("You skip tiles of which a part is hidden.", edit={"            if not sees.any():\n                continue\n            k_j": "            if not sees.all() and (i or j):\n                continue\n            k_j"})
mistake("Backwards you forget the mask inside of tiles: weights flow along hidden pairs.", edit={S_BACK: "s = q_i @ k_j.mT / math.sqrt(D)\n            p = (s - lse"})
mistake("ds lacks the factor 1 / √D.", edit={DS: DS.replace(" / math.sqrt(D)", "")})
mistake("Your Δ is the sum of do alone. It is the sum of do ∘ o.", edit={"(do_i * o_i).sum(-1, keepdim=True)": "do_i.sum(-1, keepdim=True)"})
mistake("dq is overwritten by each block of keys. Add to it.", edit={"dq[..., rows, :] += ds @ k_j": "dq[..., rows, :] = ds @ k_j"})
mistake("dk and dv come from the first query head of a group alone. Sum over all of them.", edit={KEYS: "dk[:, :, columns] += (ds.mT @ q_i)[:, :, 0]", VALUES: "dv[:, :, columns] += (p.mT @ do_i)[:, :, 0]"})
mistake("Backwards a query that sees no key gives nan: its lse is -inf.", edit={".masked_fill(lse.reshape(grouped[:-1]) == -math.inf, 0.0)": ""})
mistake("Gradients that grow have the dtype of q, so each tile rounds them. Keep them in float32, and round once.", edit={
    "dq = torch.zeros(grouped, dtype=dtype, device=q.device)": "dq = torch.zeros(grouped, dtype=q.dtype, device=q.device)", "torch.zeros(B, G, S, D, dtype=dtype, device=q.device)": "torch.zeros(B, G, S, D, dtype=q.dtype, device=q.device)"})  # fmt: skip


@mistake("You keep the weights for the backward pass. They are a T×S matrix: compute them anew from lse.")
class FA2(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, Br, Bc, causal, window):
        o, lse = fa2_forward(q, k, v, Br, Bc, causal, window)
        group = q.shape[1] // k.shape[1]
        hidden = ~visible(0, 0, q.shape[2], k.shape[2], q.shape[2], k.shape[2], causal, window)
        s = (q @ k.repeat_interleave(group, 1).mT / math.sqrt(q.shape[-1])).masked_fill(hidden, -math.inf)
        p = (s - lse.masked_fill(lse == -math.inf, 0.0)[..., None]).exp()
        ctx.save_for_backward(q, k, v, o, lse, p)
        ctx.options = Br, Bc, causal, window
        return o

    @staticmethod
    def backward(ctx, do):
        return (*fa2_backward(*ctx.saved_tensors[:5], do, *ctx.options), None, None, None, None)


mistake("Version 1 divides the output in every block too.", edit={"(3 + 2 * D)": "(3 + D)"})
mistake("The last block of keys counts even when it is not full.", edit={"math.ceil(S / Bc)": "S // Bc"})
mistake("Your window is counted from i. Query i stands at p = i + (S - T), for the window too.", edit={"sees &= ahead.abs() < window": "sees &= (ahead + S - T).abs() < window"})
mistake("Δ is summed in the dtype of q. Convert do and o first.", edit={"(do_i * o_i).sum(-1, keepdim=True)": "(do_i * o_i).to(q.dtype).sum(-1, keepdim=True).to(dtype)"})
mistake("lse has the dtype of q. It is float32 (float64 for float64): the backward pass takes exponentials of it.", edit={"lse.flatten(1, 2)\n    # END SOLUTION\n\n\ndef fa2_backward": "lse.flatten(1, 2).to(q.dtype)\n    # END SOLUTION\n\n\ndef fa2_backward"})
mistake("You skip a tile whose last key is the oldest that its first query sees. One key is enough to compute a tile.", edit={"            if not sees.any():\n                continue\n            k_j": "            if not sees.any() or (window is not None and j and min(j + Bc, S) - 1 == i + S - T - window + 1):\n                continue\n            k_j"})
mistake("You remember who sees whom by the place of a tile. Another window, or another length, has others.", edit={
    "def visible(i: int": "SEEN = {}\n\n\ndef visible(i: int", "    ahead = torch.arange(j, min(j + Bc, S))": "    if (i, j, Br, Bc, T, S) in SEEN:\n        return SEEN[i, j, Br, Bc, T, S]\n    ahead = torch.arange(j, min(j + Bc, S))", "sees &= ahead.abs() < window\n    return sees": "sees &= ahead.abs() < window\n    SEEN[i, j, Br, Bc, T, S] = sees\n    return sees"})  # fmt: skip


# --- the kernel ---

LAUNCH = "_attend[triton.cdiv(T, Br), B * H](q, k, v, o, lse, T, S, D**-0.5, H, G, D, width, Br, Bc, causal)\n    return o, lse"

mistake(
    "fa2_triton calls fa2_forward: a right answer, but no kernel. Write one with @triton.jit and launch it.",
    edit={LAUNCH: "return fa2_forward(q, k, v, Br, Bc, causal)"},
)
mistake(
    "In your kernel every query head has keys of its own number. The heads of a group share one: h // (H/G).",
    edit={"head // H * G + head % H // (H // G)": "head % H % G + head // H * G"},
)
mistake(
    "Your kernel forgets which entry of the batch it is in when it looks for its key/value head.",
    edit={"head // H * G + head % H // (H // G)": "head % H // (H // G)"},
)
mistake(
    "Your kernel launches a program for each full block of queries only: round up, triton.cdiv(T, Br).",
    edit={"[triton.cdiv(T, Br), B * H]": "[max(T // Br, 1), B * H]", "torch.empty_like(q), torch.empty(B": "torch.zeros_like(q), torch.zeros(B"},
)
mistake(
    "Your kernel masks keys when it loads them, but not their scores: a key that is not there has score 0, not -inf.",
    edit={"sees = tl.trans(j) < S": "sees = tl.trans(j) < S + Bc"},
)
mistake(
    "In your kernel the causal mask is aligned at the beginnings. Query i may see the keys up to i + (S - T).",
    edit={"last = i + S - T": "last = i"},
)
mistake(
    "Your kernel writes the sum where its logarithm is asked for: lse = m + log l.",
    edit={"m + tl.where(l == 0, 0.0, tl.log(tl.where(l == 0, 1.0, l)))": "m + l"},
)
mistake(
    "In your kernel the output is not scaled down when the maximum grows: multiply it by exp(m - m_new) before you add a tile.",
    edit={"acc = before * acc + tl.dot": "acc = acc + tl.dot"},
)
mistake(
    "Your kernel scales by the padded width. The head has D features; the others are zeros.",
    edit={"T, S, D**-0.5, H": "T, S, width**-0.5, H"},
)
mistake(
    "A query that sees no key gets lse = 0 from your kernel. The logarithm of an empty sum is -inf.",
    edit={"m + tl.where(l == 0, 0.0, tl.log(tl.where(l == 0, 1.0, l)))": "tl.where(l == 0, 0.0, m + tl.log(tl.where(l == 0, 1.0, l)))"},
)
