"""Wrong implementations of warmup/softmax_lse, and what a student should read about each."""

import torch

from autograder.checks import mistake

# The two lines of solution.py that find the maxima: in logsumexp, in softmax.
MAXIMA = (
    "    m = _finite(x.amax(dim, keepdim=True))  # (…, 1, …) one",
    "    m = _finite(x.amax(dim, keepdim=True))  # (…, 1, …) the",
)

mistake(
    "You exponentiate the scores as they come, so exp overflows to inf or underflows to 0. "
    "Subtract each slice's maximum first; logsumexp adds it back at the end.",
    edit=dict.fromkeys(MAXIMA, "    m = 0 * _finite(x.detach().amax(dim, keepdim=True))  #"),
)

mistake(
    "You subtract one maximum for the whole tensor: slices far below it underflow to 0. "
    "Each slice needs the maximum of its own entries along `dim`.",
    edit=dict.fromkeys(MAXIMA, "    m = _finite(x.amax()).expand_as(x.amax(dim, keepdim=True))  #"),
)

mistake(
    "Your logsumexp subtracts the maximum and never adds it back: it gives the log of the shifted sum. "
    "Undo the shift after the log.",
    edit={"return m.squeeze(dim) + (x - m)": "return (x - m)"},
)


@mistake(
    "Your softmax is exp(x - logsumexp(x)). Where scores are large, the log of the sum is rounded away when it is added to "
    "the maximum, and the weights no longer sum to 1. Divide the shifted exponentials by their sum."
)
def softmax(x, dim, mask=None):
    if mask is not None:
        x = x.masked_fill(~mask, -torch.inf)
    m = x.amax(dim, keepdim=True)
    m = m.masked_fill(m == -torch.inf, 0.0)
    total = (x - m).exp().sum(dim, keepdim=True)
    return (x - (m + total.masked_fill(total == 0, 1.0).log())).exp()


mistake(
    "You apply the mask after dividing, so the kept weights do not sum to 1. "
    "Masked entries must leave the sum as well: mask before you normalise.",
    edit={
        "    if mask is not None:\n        x = x.masked_fill(~mask, -torch.inf)\n": "",
        "    return e / total.masked_fill(total == 0, 1.0)": "    p = e / total.masked_fill(total == 0, 1.0)\n"
        "    return p if mask is None else p.masked_fill(~mask, 0.0)",
    },
)

mistake(
    "Your maximum is taken over masked entries too. When a masked score is far above the kept ones, they all underflow "
    "to 0. Take the maximum among what is kept.",
    edit={
        "    if mask is not None:\n        x = x.masked_fill(~mask, -torch.inf)\n": "",
        "(x.amax(dim, keepdim=True))  # (…, 1, …) the maximum of what is kept": "(x.amax(dim, keepdim=True))",
        "e = (x - m).exp()  # exp(-inf) = 0 where masked": "e = (x - m).exp()\n"
        "    if mask is not None:\n        e = e * mask",
    },
)

mistake(
    "Your mask is upside down: True means that an entry is kept, False that it is masked.",
    edit={"x.masked_fill(~mask, -torch.inf)": "x.masked_fill(mask, -torch.inf)"},
)

mistake(
    "You exponentiate masked scores and clear them afterwards. One that is far above the kept ones becomes inf, and its "
    "gradient inf · 0 = nan. Mask the scores, not their exponentials.",
    edit={
        "    e = (x - m).exp()  # exp(-inf) = 0 where masked": "    e = (scores - m).exp()\n"
        "    e = torch.where(x > -torch.inf, e, torch.zeros_like(e))",
        "    if mask is not None:\n        x =": "    scores = x\n    if mask is not None:\n        x =",
    },
)

mistake(
    "You set masked scores to 0 instead of -inf. exp(0) is 1, so masked entries keep a share of the weight.",
    edit={"x.masked_fill(~mask, -torch.inf)": "x.masked_fill(~mask, 0.0)"},
)

mistake(
    "A slice with nothing in it gives nan: its maximum is -inf, and -inf - -inf is nan. "
    "Give such a slice a finite shift, and a divisor that is not 0.",
    edit=dict.fromkeys(MAXIMA, "    m = x.amax(dim, keepdim=True)  #"),
)

mistake(
    "Your empty slices look right forwards, but their gradient is nan: you replace the nan after dividing 0 by 0, and "
    "backward still goes through that division. Make the divisor safe before dividing.",
    edit={"e / total.masked_fill(total == 0, 1.0)": "torch.where(total == 0, torch.zeros_like(e), e / total)"},
)

mistake(
    "No gradient reaches the scores from your logsumexp: somewhere a tensor is detached, turned into numbers, or computed "
    "under no_grad. Stay with tensor operations; only the maximum may be detached.",
    edit={MAXIMA[0]: "    x = x.detach()\n" + MAXIMA[0]},
)

mistake(
    "You detach the divisor of the softmax. Every weight depends on every score of its slice through that sum: "
    "let gradients flow through it.",
    edit={"    total = e.sum(dim, keepdim=True)  #": "    total = e.sum(dim, keepdim=True).detach()  #"},
)

mistake(
    "Your softmax divides by the sum over the whole tensor. Each slice along `dim` is normalised by itself.",
    edit={"    total = e.sum(dim, keepdim=True)  #": "    total = e.sum()  #"},
)


mistake(
    "You always work over the last dimension. Use the `dim` that you are given.",
    edit={line: "    dim = -1\n" + line for line in MAXIMA},
)

mistake(
    "Your logsumexp keeps the summed dimension with size 1. The result has one dimension fewer than x.",
    edit={
        "return m.squeeze(dim) + (x - m).exp().sum(dim).log()": "return m + (x - m).exp().sum(dim, keepdim=True).log()"
    },
)

mistake(
    "Your softmax adds a small number to the divisor. The maximum's own term is exp(0) = 1, so the divisor needs no "
    "help unless the slice is empty, and in float64 the error shows.",
    edit={"e / total.masked_fill(total == 0, 1.0)": "e / (total + 1e-8)"},
)

mistake(
    "You write masks into the scores in place, which changes the caller's tensor. Make a new tensor.",
    edit={"        x = x.masked_fill(~mask, -torch.inf)": "        x.detach().masked_fill_(~mask, -torch.inf)"},
)

mistake(
    "Your running sum is not rescaled when the maximum moves: the old terms are relative to the old maximum. "
    "Multiply the old sum by exp(m_old - m_new) first, and do not overwrite m_old before you have.",
    edit={"ell = ell * (m - shift).exp() + (x - shift)": "ell = ell + (x - shift)"},
)

mistake(
    "You rescale the running sum by exp(m_new - m_old), which is upside down (and overflows): "
    "when the maximum grows, old terms become smaller.",
    edit={"ell = ell * (m - shift).exp() + (x - shift)": "ell = ell * (shift - _finite(m)).exp() + (x - shift)"},
)

mistake(
    "You take each chunk's terms relative to that chunk's own maximum and add them up. "
    "All terms must be relative to the running maximum.",
    edit={"+ (x - shift).exp().sum()": "+ (x - _finite(x.amax())).exp().sum()"},
)

mistake(
    "Your running maximum is replaced by each chunk's maximum, so it goes down again. Keep the larger of the two.",
    edit={"m_new = torch.maximum(m, x.amax())": "m_new = x.amax()"},
)

mistake(
    "A chunk that is -inf throughout turns the running numbers into nan: m_old and m_new are both -inf, and their "
    "difference is nan. Until a finite score arrives, the sum is simply 0.",
    edit={"shift = _finite(m_new)": "shift = m_new"},
)

mistake(
    "Your running maximum starts at a finite number, which stays when all scores are lower. "
    "Start below every score: at -inf, with a sum of 0.",
    edit={"m = torch.tensor(-torch.inf)  #": "m = torch.tensor(0.0)  #"},
)


@mistake(
    "You collect the chunks and work on them afterwards. They share one piece of memory, so by then each holds the values "
    "of a later one. Update m and l while the chunk is there, and keep nothing else."
)
def online_softmax(chunks):
    x = torch.cat(list(chunks))
    m = x.amax()
    return m, (x - m.masked_fill(m == -torch.inf, 0.0)).exp().sum()


mistake(
    "You remember a softmax by the shape of the scores. It depends on the numbers.",
    edit={
        "    return e / total.masked_fill(total == 0, 1.0)": (
            "    return softmax.__dict__.setdefault(str((x.shape, dim)), e / total.masked_fill(total == 0, 1.0))"
        )
    },
)

mistake(
    "You read a mask of fewer dimensions from the first dimension on. It is broadcast like everything in torch, from the last one on.",
    edit={
        "    if mask is not None:\n        x =": (
            "    if mask is not None:\n        if mask.ndim == 3 and x.ndim == 4:\n            mask = mask[:, None]\n        x ="
        )
    },
)

mistake(
    "With a mask you compute in float32. Results are as exact as the dtype of the scores allows.",
    edit={
        "        x = x.masked_fill(~mask, -torch.inf)": "        x = x.float().to(x.dtype).masked_fill(~mask, -torch.inf)"
    },
)

mistake(
    "You use `view` on scores that need not be contiguous. Use `reshape`, or no change of shape at all.",
    edit={
        "    return m.squeeze(dim) + (x - m).exp().sum(dim).log()": (
            "    return m.squeeze(dim) + (x.view(x.numel()).view(x.shape) - m).exp().sum(dim).log()"
        )
    },
    crashes=True,
)
