"""Wrong tiled attention: what goes wrong between one tile and the next."""

import math

import torch

from autograder.checks import mistake

mistake(
    "When the maximum grows, you go on with the old output as it was. It was computed for the old maximum: multiply it by "
    "exp(m_old - m_new)·l_old / l_new.",
    edit={"before[..., None] * o": "l[..., block][..., None] * o"},
)
mistake(
    "When the maximum grows, nothing of the earlier tiles shrinks: neither l nor the output. Both were computed for the old maximum.",
    edit={"before = (m[..., block] - shift).exp() * l[..., block]": "before = l[..., block]"},
)
mistake(
    "You rescale the output but not the running sum: l must shrink by exp(m_old - m_new) too before the new tile's sum is added.",
    edit={"l_new = before + p.sum(-1)": "l_new = l[..., block] + p.sum(-1)"},
)
mistake(
    "You divide the old output by the new sum without multiplying it by the old one first: it was already divided once.",
    edit={"before[..., None] * o": "(m[..., block] - shift).exp()[..., None] * o"},
)


@mistake(
    "You take a softmax in each tile by itself and average the tiles. Their weights differ: carry m and l from tile to tile."
)
def fa1_forward(q, k, v, Br, Bc, causal=False):
    o, m, l = _whole(q, k, v, causal)  # noqa: E741
    parts = []
    for j in range(0, k.shape[-2], Bc):
        s = q @ k[..., j : j + Bc, :].mT / math.sqrt(q.shape[-1])
        parts.append(s.softmax(-1) @ v[..., j : j + Bc, :])
    return (o if causal else torch.stack(parts).mean(0)), m, l


mistake(
    "You keep m, l and the output in the dtype of q. In float16 or bfloat16 every tile adds a rounding: keep them in float32.",
    edit={"torch.promote_types(q.dtype, torch.float32)": "q.dtype"},
)
mistake(
    "You keep m and l in float32 even when q is float64: they lose half of their digits.",
    edit={"torch.promote_types(q.dtype, torch.float32)": "torch.float32"},
)
mistake(
    "You return the output in the dtype of the sums. Round it to q's dtype at the end.",
    edit={"o.to(q.dtype), m, l": "o, m, l"},
)
mistake(
    "You leave out the last keys where Bc does not divide S: the last block is smaller, not missing.",
    edit={"range(0, S, Bc)": "range(0, S - S % Bc if S >= Bc else S, Bc)"},
)
mistake(
    "You leave out the last queries where Br does not divide T: the last block is smaller, not missing.",
    edit={"range(0, T, Br)": "range(0, T - T % Br if T >= Br else T, Br)"},
)


@mistake(
    "You compute all T×S scores at once. The result is right, but that matrix is what FlashAttention never holds: go tile by tile."
)
def fa1_forward(q, k, v, Br, Bc, causal=False):
    return _whole(q, k, v, causal)


@mistake("You compute the scores tile by tile and then put the tiles together: the whole matrix is there after all.")
def fa1_forward(q, k, v, Br, Bc, causal=False):
    if causal:
        return _whole(q, k, v, causal)
    s = torch.cat([q @ k[..., j : j + Bc, :].mT for j in range(0, k.shape[-2], Bc)], -1) / math.sqrt(q.shape[-1])
    return _finish(s, v, q.dtype)


mistake("Your scores are not divided by √D.", edit={" / math.sqrt(D)": ""})
mistake("You divide the scores by D. Divide them by √D.", edit={"math.sqrt(D)": "D"})
mistake(
    "Your causal mask hides a query's own key: it sees j <= i + (S - T), its own position included.",
    edit={"key > sees": "key >= sees", "sees[-1] < j": "sees[-1] <= j"},
)
mistake(
    "Your causal mask lets a query see one key of the future.",
    edit={"key > sees": "key > 1 + sees", "sees[-1] < j": "sees[-1] + 1 < j"},
)
mistake(
    "A query that sees nothing in a tile gives nan: there m is still -inf, and -inf - -inf is nan. Shift by 0 in that case.",
    edit={"m_new.masked_fill(m_new == -math.inf, 0.0)": "m_new"},
)
mistake(
    "You divide by l where a query has seen no key yet, and 0 / 0 is nan.",
    edit={"l_new.masked_fill(l_new == 0, 1.0)": "l_new"},
)
mistake(
    "You mask with a large negative number and skip nothing: a query that sees no key then averages values that it must not see.",
    edit={"-math.inf)\n            m_new": "-1e30)\n            m_new", "causal and sees[-1] < j": "False"},
)
mistake(
    "You compute tiles that nobody sees. The result is the same, but half of the work of causal attention is in them: skip them.",
    edit={"causal and sees[-1] < j": "False"},
)
mistake(
    "You skip tiles that some of their queries see: a tile is skipped when its *last* query sees no key of it.",
    edit={"sees[-1] < j": "sees[0] < j"},
)
mistake(
    "You skip the tiles above the diagonal, but inside of the tiles that it crosses you mask nothing: queries see some later keys.",
    edit={"            if causal:\n": "            if False:\n"},
)
mistake(
    "You ignore `causal`.",
    edit={"            if causal:\n": "            if False:\n", "causal and sees[-1] < j": "False"},
)
mistake(
    "Br and Bc have changed places: your tiles have Bc queries and Br keys. A tile is Br queries × Bc keys.",
    edit={"range(0, S, Bc)": "range(0, S, Br)", "range(0, T, Br)": "range(0, T, Bc)", "[j : j + Bc]": "[j : j + Br]",
          "k[..., j : j + Bc, :].to(dtype), v[..., j : j + Bc, :]": "k[..., j : j + Br, :].to(dtype), v[..., j : j + Br, :]",
          "slice(i, i + Br)": "slice(i, i + Bc)"},
)  # fmt: skip
mistake(
    "The output that grows has the dtype of q, so every tile rounds it. Keep it in float32, and round it once, at the end.",
    edit={"torch.zeros(q.shape, dtype=dtype, device=q.device)": "torch.zeros(q.shape, dtype=q.dtype, device=q.device)"},
)
mistake(
    "You round the weights to the dtype of v before the second product. They are float32 (float64 for float64 inputs), as all in a tile.",
    edit={"p @ v_j)": "p.to(v.dtype).to(dtype) @ v_j)"},
)
mistake(
    "You scale q in its own dtype before you convert it, which rounds it. Convert first.",
    edit={"q[..., block, :].to(dtype) @ k_j.mT / math.sqrt(D)": "(q[..., block, :] / math.sqrt(D)).to(dtype) @ k_j.mT"},
)
mistake(
    "You round the scores to the dtype of q. They are float32 (float64 for float64 inputs), as all in a tile.",
    edit={"@ k_j.mT / math.sqrt(D)": "@ k_j.mT / math.sqrt(D)\n            s = s.to(q.dtype).to(dtype)"},
)
mistake(
    "You flatten or fold with `view`, which fails where heads lie inside of positions in memory. Use reshape, or index.",
    edit={"    (T, D), S = q": "    q.view(-1)\n    (T, D), S = q"},
    crashes=True,
)
mistake(
    "You change torch's default dtype and leave it so. Give tensors their dtype instead.",
    edit={
        "    o = torch.zeros(q.shape": "    torch.set_default_dtype(dtype if dtype == torch.float64 else torch.bfloat16)\n    o = torch.zeros(q.shape"
    },
)
mistake(
    "You switch gradients off and leave them so. Use `with torch.no_grad():`.",
    edit={"    o = torch.zeros(q.shape": "    torch.set_grad_enabled(False)\n    o = torch.zeros(q.shape"},
)
mistake(
    "You seed torch's random numbers, for others too. Nothing here is random.",
    edit={"    o = torch.zeros(q.shape": "    torch.manual_seed(0)\n    o = torch.zeros(q.shape"},
)


@mistake("You remember results by shapes and block sizes: another call with other values gets the first one's answer.")
def fa1_forward(q, k, v, Br, Bc, causal=False):
    key = q.shape, k.shape, q.dtype, Br, Bc, causal
    if key not in _RESULTS:
        _RESULTS[key] = _whole(q, k, v, causal)
    return _RESULTS[key]


@mistake("You remember results by the addresses of the tensors: what is in them may have changed.")
def fa1_forward(q, k, v, Br, Bc, causal=False):
    key = q.data_ptr(), k.data_ptr(), v.data_ptr(), q.shape, k.shape, causal
    if key not in _RESULTS:
        _RESULTS[key] = _whole(q, k, v, causal)
    return _RESULTS[key]


@mistake("The output is kept in the module and written again in the next call: what you returned before changes.")
def fa1_forward(q, k, v, Br, Bc, causal=False):
    o, m, l = _whole(q, k, v, causal)  # noqa: E741
    key = q.shape, q.dtype
    if key not in _RESULTS:
        _RESULTS[key] = torch.empty_like(o)
    return _RESULTS[key].copy_(o), m, l


mistake(
    "You give the maximum of the last tile. m is the maximum over all tiles.",
    edit={"m[..., block], l[..., block] = m_new, l_new": "m[..., block], l[..., block] = s.amax(-1), l_new"},
)
mistake("Bc is rounded up: ⌈M / 4D⌉.", edit={"math.ceil(M / (4 * D))": "M // (4 * D)"})
mistake("Br is at most D: Br = min(Bc, D).", edit={"return min(Bc, D), Bc": "return Bc, Bc"})
mistake("block_sizes returns (Br, Bc) in this order.", edit={"return min(Bc, D), Bc": "return Bc, min(Bc, D)"})
mistake(
    "You count M in bytes of float32. It is a number of elements.",
    edit={"math.ceil(M / (4 * D))": "math.ceil(M / 4 / (4 * D))"},
)
mistake(
    "For FlashAttention you read q and o once. They are read again for each block of keys.",
    edit={"passes * (matrix + 2 * state)": "matrix + 2 * state"},
)
mistake(
    "The standard algorithm touches T×T elements four times: s is written and read, and so is p.",
    edit={"4 * T**2": "2 * T**2"},
)
mistake(
    "The last block of keys counts even when it is not full: ⌈T / Bc⌉.", edit={"math.ceil(T / Bc)": "max(T // Bc, 1)"}
)
mistake("You forget l and m, which are read and written with o.", edit={"matrix + 2 * T  #": "matrix  #"})
mistake("An unknown `algo` must raise ValueError.", edit={'if algo != "flash":': "if False:"})
mistake("An unknown `algo` must raise ValueError, not KeyError.", edit={"raise ValueError(f": "raise KeyError(f"})
mistake(
    'Names of algorithms are as they are written: "Flash" is another, and raises ValueError.',
    edit={'if algo != "flash":': 'if algo.lower() != "flash":'},
)
mistake(
    "You remember the block sizes of the first memory. Another M or D has others.",
    edit={"    Bc = math.ceil(M / (4 * D))\n": "    Bc = block_sizes.__dict__.setdefault(D, math.ceil(M / (4 * D)))\n"},
)


# --- the kernel ---

KERNEL = "_attend[grid](q, k, v, o, T, S, D**-0.5, D, width, Br, Bc, causal)\n    return o"

mistake(
    "fa1_triton calls fa1_forward: a right answer, but no kernel. Write one with @triton.jit and launch it.",
    edit={KERNEL: "return fa1_forward(q, k, v, Br, Bc, causal)[0]"},
)
mistake(
    "Your kernel launches a program for each full block of queries only: round up, triton.cdiv(T, Br).",
    edit={"triton.cdiv(T, Br), B * H": "max(T // Br, 1), B * H", "torch.empty_like(q)": "torch.zeros_like(q)"},
)
mistake(
    "Your kernel masks keys when it loads them, but not their scores: a masked key has score 0, not -inf, and takes part in the sum.",
    edit={"seen = tl.trans(j) < S": "seen = tl.trans(j) < S + Bc"},
)
mistake(
    "Your kernel loads past the last key: rows of the next head, or of nobody. Mask what it loads with j < S, and its scores too.",
    edit={
        "k + kv_at, mask=(j < S) & (d < D)": "k + kv_at, mask=(head * S + j < S) & (d < D)",
        "seen = tl.trans(j) < S": "seen = tl.trans(head * S + j) < S",
    },
)
mistake(
    "Your kernel reads every query of the first head: add head · T rows to where q and o begin.",
    edit={"q_at = (head * T + i)": "q_at = (0 * head + i)", "torch.empty_like(q)": "torch.zeros_like(q)"},
)
mistake(
    "Your kernel does not scale the scores by 1 / √D.",
    edit={"o, T, S, D**-0.5, D, width": "o, T, S, 1.0, D, width"},
)
mistake(
    "Your kernel scales by the padded width. The head has D features; the others are zeros.",
    edit={"o, T, S, D**-0.5, D, width": "o, T, S, width**-0.5, D, width"},
)
mistake(
    "In your kernel the output is not scaled down when the maximum grows: multiply it by exp(m - m_new) before you add a tile.",
    edit={"o_i = before * o_i + tl.dot": "o_i = o_i + tl.dot"},
)
mistake(
    "In your kernel the sum is not scaled down when the maximum grows.",
    edit={"l = before * l + tl.sum": "l = l + tl.sum"},
)
mistake(
    "Your kernel does not divide by l at the end.",
    edit={"o_i = o_i / tl.where(l == 0, 1.0, l)": "o_i = o_i / 1.0"},
)
mistake(
    "Your kernel divides by l where a query has seen no key: 0 / 0 is nan.",
    edit={"o_i / tl.where(l == 0, 1.0, l)": "o_i / l"},
)
mistake(
    "In your kernel a row that has seen nothing yet subtracts -inf from -inf: shift by 0 there.",
    edit={'tl.where(m_new == -float("inf"), 0.0, m_new)': "m_new"},
)
mistake(
    "Your kernel ignores `causal`.",
    edit={"Br, Bc, causal)\n    return o": "Br, Bc, False)\n    return o"},
)
mistake(
    "Your kernel aligns the sequences at their starts: query i sees keys up to i + (S - T).",
    edit={"last = i + S - T": "last = i"},
)


_RESULTS = {}


def _whole(q, k, v, causal):
    s = q.to(torch.promote_types(q.dtype, torch.float32)) @ k.to(torch.promote_types(q.dtype, torch.float32)).mT
    s = s / math.sqrt(q.shape[-1])
    if causal:
        T, S = s.shape[-2:]
        s = s.masked_fill(torch.ones(T, S, dtype=torch.bool).triu(1 + S - T), -math.inf)
    return _finish(s, v, q.dtype)


def _finish(s, v, dtype):
    m = s.amax(-1)
    p = (s - m.masked_fill(m == -math.inf, 0.0)[..., None]).exp()
    l = p.sum(-1)  # noqa: E741
    return (p @ v.to(p.dtype) / l.masked_fill(l == 0, 1.0)[..., None]).to(dtype), m, l
