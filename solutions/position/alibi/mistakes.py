"""Wrong ways to write position/alibi, each with the sentence that a student should read."""

import math

import torch

from autograder.checks import mistake

# --- slopes ----------------------------------------------------------------------------------------------------------

mistake(
    "Your slopes begin at 2^0 = 1. The first one is 2^(-8/H), the last 2^(-8): count heads from 1.",
    edit={"for h in range(1, n + 1)]": "for h in range(n)]"},
)

mistake(
    "Your slopes are 2^-1, 2^-2, 2^-3, … for any number of heads. That is right for 8 heads only: the ratio is 2^(-8/H).",
    edit={
        "return torch.tensor(_geometric(n) + _geometric(2 * n)[::2][: H - n])": "return torch.tensor([2.0**-h for h in "
        "range(1, H + 1)])"
    },
)

mistake(
    "You use 2^(-8h/H) for every number of heads. Where H is no power of two, the slopes of the power of two below come first, "
    "and then every other slope of the power above.",
    edit={"_geometric(n) + _geometric(2 * n)[::2][: H - n]": "_geometric(H)"},
)

mistake(
    "You fill up with the next slopes of the power of two above, without leaving any out. Take every other one, from the first: "
    "those between are there already.",
    edit={"_geometric(2 * n)[::2][: H - n]": "_geometric(2 * n)[: H - n]"},
)

mistake(
    "You fill up with the second, fourth, … slope of the power of two above: these are there already. Begin with its first.",
    edit={"_geometric(2 * n)[::2][: H - n]": "_geometric(2 * n)[1::2][: H - n]"},
)

mistake(
    "You fill up with the last of every other slope of the power above. The first H-n of them are meant.",
    edit={"[::2][: H - n])": "[::2][n - (H - n) :])"},
)

mistake(
    "You take the first H slopes of the power of two above H. The n slopes of the power below come first.",
    edit={"_geometric(n) + _geometric(2 * n)[::2][: H - n]": "_geometric(n if n == H else 2 * n)[:H]"},
)

mistake(
    "Your slopes are sorted. The additional ones are appended at the end, as in the models that were trained with them.",
    edit={
        "_geometric(n) + _geometric(2 * n)[::2][: H - n])": "sorted(_geometric(n) + _geometric(2 * n)[::2][: H - n], "
        "reverse=True))"
    },
)

mistake(
    "Your heads are in the reverse order: the first head has the steepest slope, 2^(-8/H).",
    edit={"for h in range(1, n + 1)]": "for h in range(n, 0, -1)]"},
)

mistake(
    "You use one slope for all heads. Each head has its own: steep ones look near, flat ones far.",
    edit={
        "return torch.tensor(_geometric(n) + _geometric(2 * n)[::2][: H - n])": "return torch.full((H,), 0.5)",
    },
)

# --- bias ------------------------------------------------------------------------------------------------------------

mistake(
    "Your bias grows with the distance: far keys are favoured. It is *minus* slope times distance.",
    edit={"bias = -alibi": "bias = alibi"},
)

mistake(
    "Your queries begin at position 0 when there are fewer of them than keys. They are the last ones: query t stands at "
    "position S - T + t.",
    edit={"torch.arange(S - T, S)[:, None]": "torch.arange(T)[:, None]"},
)

mistake(
    "You shift the queries one position too far when there are fewer of them than keys. Query t stands at position S - T + t.",
    edit={"torch.arange(S - T, S)[:, None]": "(torch.arange(S - T, S) + (T < S))[:, None]"},
)

mistake(
    "Your bias counts from the first key (slope · s), as BLOOM's does. After the softmax that is the same, but here the bias "
    "itself is asked for: -slope · distance, 0 for the query's own position.",
    edit={"[:, None, None] * distance": "[:, None, None] * -torch.arange(S).expand(T, S)"},
)

mistake(
    "The future is not hidden: keys after the query get a bias by their distance. Their bias is -inf.",
    edit={
        "bias = -alibi_slopes(H)[:, None, None] * distance": "return -alibi_slopes(H)[:, None, None] * distance.abs()",
    },
)

mistake(
    "You hide the query's own position too. It has distance 0 and bias 0; only later keys are hidden.",
    edit={"distance < 0, -torch.inf": "(distance <= 0) & (torch.arange(S) > 0), -torch.inf"},
)

mistake(
    "You hide the future with a large negative number. A score can be larger: use -inf.",
    edit={"distance < 0, -torch.inf": "distance < 0, -10000.0"},
)

mistake(
    "You hide the future with `torch.finfo(torch.float32).min`, which is a finite number. The bias of a later key is -inf.",
    edit={"distance < 0, -torch.inf": "distance < 0, torch.finfo(torch.float32).min"},
)

mistake(
    "Your bias is off by one: the query's own position has distance 0, not 1.",
    edit={"[:, None, None] * distance": "[:, None, None] * (distance + 1)"},
)

mistake(
    "Your bias grows with the square of the distance. It is linear: slope · distance.",
    edit={"[:, None, None] * distance": "[:, None, None] * distance**2"},
)

mistake(
    "You mask the bias with a lower triangle that begins at the upper left. With fewer queries than keys, its corner is at the "
    "lower right.",
    edit={"distance < 0, -torch.inf": "torch.ones(T, S).tril() == 0, -torch.inf"},
)

# --- attention -------------------------------------------------------------------------------------------------------

mistake(
    "You divide the bias by √D as well: it is added before the scale. (Falcon does so; ALiBi does not.) Scale the scores first, "
    "then add the bias.",
    edit={
        "q @ k.mT / math.sqrt(D) + bias": "(q @ k.mT + bias) / math.sqrt(D)",
    },
)

mistake(
    "Your scores are not divided by √D. ALiBi changes nothing about the scale: q kᵀ / √D + bias.",
    edit={"q @ k.mT / math.sqrt(D) +": "q @ k.mT +"},
)

mistake(
    "You divide the scores by D, not by its root.",
    edit={"math.sqrt(D)": "D"},
)

mistake(
    "Your attention has a causal mask and no bias.",
    edit={"bias = alibi_bias(H, T, S).to(q.dtype)": "bias = torch.zeros(T, S, dtype=q.dtype).where(alibi_bias(H, T, S).isfinite(), "
          "-torch.inf)"},
)  # fmt: skip

mistake(
    "Your softmax runs over the queries. For each query, the weights of the *keys* sum to 1.",
    edit={".softmax(-1)": ".softmax(-2).nan_to_num()"},
)

mistake(
    "You compute in float32 and return float32, whatever the dtype of q. Bring the bias to q's dtype instead.",
    edit={"return scores.softmax(-1) @ v": "return scores.float().softmax(-1) @ v.float()"},
)

mistake(
    "No gradient flows back: the scores are detached, or computed without autograd.",
    edit={"return scores.softmax(-1) @ v": "return scores.detach().softmax(-1) @ v"},
)


@mistake("You multiply the weights by the bias after the softmax. Add it to the scores, before the softmax.")
def alibi_attention(q, k, v):
    (H, T, D), S = q.shape[1:], k.shape[2]
    bias = alibi_bias_of(H, T, S).to(q)
    scores = (q @ k.mT / math.sqrt(D)).masked_fill(bias == -torch.inf, -torch.inf)
    return (scores.softmax(-1) * bias.nan_to_num(neginf=0.0)) @ v


def alibi_bias_of(H, T, S):
    distance = torch.arange(S - T, S)[:, None] - torch.arange(S)
    slopes = torch.tensor([2.0 ** (-8 * h / H) for h in range(1, H + 1)])
    return (-slopes[:, None, None] * distance).masked_fill(distance < 0, -torch.inf)


# --- state, precision, views -----------------------------------------------------------------------------------------

mistake(
    "You use `view` on keys that need not be contiguous, as when heads were split with `transpose`. Use `reshape`.",
    edit={
        "    scores = q @ k.mT / math.sqrt(D)": "    k = k.view(k.numel()).view(k.shape)\n    scores = q @ k.mT / math.sqrt(D)"
    },
    crashes=True,
)

biases: dict[tuple, torch.Tensor] = {}


def fresh_bias(slopes, T, S):
    distance = torch.arange(S - T, S)[:, None] - torch.arange(S)
    return (-slopes[:, None, None] * distance).masked_fill(distance < 0, -torch.inf)


def two_powers(H):
    n = 2 ** (H.bit_length() - 1)
    every = [[2 ** (-8 * h / m) for h in range(1, m + 1)] for m in (n, 2 * n)]
    return torch.tensor(every[0] + every[1][::2][: H - n])


@mistake(
    "You remember the bias by T and S, so the number of heads of the first call stays. It belongs to what it is remembered by."
)
def alibi_bias(H, T, S):
    if (T, S) not in biases:
        biases[T, S] = fresh_bias(two_powers(H), T, S)
    return biases[T, S].clone()


@mistake(
    "You give the same bias to everybody who asks for it. When one changes it, it changes for all: return a new one."
)
def alibi_bias(H, T, S):
    if (H, T, S) not in biases:
        biases[H, T, S] = fresh_bias(two_powers(H), T, S)
    return biases[H, T, S]


@mistake(
    "You give the same slopes to everybody who asks for them. When one changes them, they change for all: return new ones."
)
def alibi_slopes(H):
    if (H,) not in biases:
        biases[(H,)] = two_powers(H)
    return biases[(H,)]

mistake(
    "No key is further away than 2047 tokens for you. The bias falls without end.",
    edit={"distance  # (H, 1, 1)": "distance.clamp(max=2047)  # (H, 1, 1)"},
)

mistake(
    "The bias is remembered by its sizes, in the dtype of the first call. Each call depends on its own arguments alone.",
    edit={
        "        bias = alibi_bias(H, T, S).to(q.dtype)\n": (
            "        known = alibi_attention.__dict__\n        bias = known.setdefault(str((H, T, S)), alibi_bias(H, T, S).to(q.dtype))\n"
        )
    },
    crashes=True,
)

mistake(
    "Later keys get the most negative number of float32, and float64 has larger scores. It is -inf.",
    edit={"alibi_bias(H, T, S).to(q.dtype)": "alibi_bias(H, T, S).clamp(min=torch.finfo(torch.float32).min).to(q.dtype)"},
)

mistake(
    "Slopes for other numbers of heads are remembered, and given out again and again: a caller who changes them changes the next ones.",
    edit={"def alibi_slopes(": "@__import__('functools').cache\ndef alibi_slopes("},
)
