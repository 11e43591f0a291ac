"""Wrong ways to write attention/gqa, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

REPEAT = "return x.unsqueeze(2).expand(B, G, n_rep, S, D).reshape(B, G * n_rep, S, D)"
BOTH = "k, v = repeat_kv(k, n_rep), repeat_kv(v, n_rep)  # (B, H, S, D)"
SCORES = "scores = q @ k.mT * q.shape[-1] ** -0.5  # (B, H, T, S)"
POOL = "heads = w.unflatten(0, (G, H // G, -1))  # (G, H/G, D, C)"

# --- which head serves whom ------------------------------------------------------------------------------------------

mistake(
    "Your heads are tiled: 0, 1, 0, 1, … Each one serves *neighbouring* query heads: 0, 0, 1, 1, …",
    edit={REPEAT: "return x.repeat(1, n_rep, 1, 1)"},
)
mistake(
    "You repeat tokens instead of heads: the new dimension belongs behind the heads, not behind the tokens.",
    edit={REPEAT: "return x.unsqueeze(3).expand(B, G, S, n_rep, D).reshape(B, G * n_rep, S, D)"},
)
mistake(
    "Your `repeat_kv` expects the number of heads that come out. n_rep is how often each head is repeated.",
    edit={REPEAT: "return x.repeat_interleave(max(n_rep // G, 1), dim=1)"},
)
mistake(
    "Copies of your heads are detached: no gradient flows back through `repeat_kv`.",
    edit={REPEAT: REPEAT.replace("x.unsqueeze", "x.detach().unsqueeze")},
)
mistake(
    "Query head h uses key/value head h % G in your `gqa`. Groups are neighbours: h // (H / G).",
    edit={BOTH: "k, v = k.repeat(1, n_rep, 1, 1), v.repeat(1, n_rep, 1, 1)"},
)
mistake(
    "Your keys are shared by neighbouring query heads, your values by every G-th. Both are shared alike.",
    edit={BOTH: "k, v = repeat_kv(k, n_rep), v.repeat(1, n_rep, 1, 1)"},
)
mistake(
    "Your values are shared by neighbouring query heads, your keys by every G-th. Both are shared alike.",
    edit={BOTH: "k, v = k.repeat(1, n_rep, 1, 1), repeat_kv(v, n_rep)"},
)
mistake(
    "Your groups are counted from the last head. Query head h uses key/value head h // (H / G).",
    edit={BOTH: "k, v = repeat_kv(k.flip(1), n_rep), repeat_kv(v.flip(1), n_rep)"},
)
mistake(
    "All query heads use the first key/value head. That is multi-query attention; here there are G of them.",
    edit={BOTH: "k, v = k[:, :1], v[:, :1]"},
)
mistake(
    "You average the key/value heads. Each serves its own group.",
    edit={BOTH: "k, v = k.mean(1, keepdim=True), v.mean(1, keepdim=True)"},
)


@mistake(
    "You average the query heads of a group before they attend, so all of them give the same. Only keys and values are shared.",
)
def gqa(q, k, v, causal=False):
    n_rep = q.shape[1] // k.shape[1]
    q = q.unflatten(1, (-1, n_rep)).mean(2)
    scores = q @ k.mT * q.shape[-1] ** -0.5
    if causal:
        T, S = scores.shape[-2:]
        scores = scores.masked_fill(~torch.ones(T, S, dtype=torch.bool).tril(S - T), -torch.inf)
    return (scores.softmax(-1) @ v).repeat_interleave(n_rep, dim=1)


@mistake(
    "You add up the scores of a group before the softmax. Each query head has weights of its own; only keys and values are "
    "shared.",
)
def gqa(q, k, v, causal=False):
    n_rep = q.shape[1] // k.shape[1]
    scores = q.unflatten(1, (-1, n_rep)).sum(2) @ k.mT * q.shape[-1] ** -0.5
    if causal:
        T, S = scores.shape[-2:]
        scores = scores.masked_fill(~torch.ones(T, S, dtype=torch.bool).tril(S - T), -torch.inf)
    return (scores.softmax(-1) @ v).repeat_interleave(n_rep, dim=1)


# --- attention -------------------------------------------------------------------------------------------------------

mistake("Your scores are not scaled by 1/√D.", edit={SCORES: "scores = q @ k.mT"})
mistake(
    "You scale by 1/√(H·D). A product sums the D terms of one head: the scale is 1/√D.",
    edit={SCORES: "scores = q @ k.mT * (q.shape[1] * q.shape[-1]) ** -0.5"},
)
mistake(
    "Your softmax runs over the queries. A query's weights sum to 1 over the keys, the last dimension.",
    edit={"scores.softmax(-1)": "scores.softmax(-2)"},
)
mistake(
    "Your `causal` does nothing: queries see later keys.",
    edit={"if causal:": "if False:"},
)
mistake(
    "Your `gqa` is always causal. It is when `causal` says so.",
    edit={"if causal:": "if True:"},
)
mistake(
    "Your causal triangle begins in the upper left corner. The last query stands beside the last key: query t sees t + S - T + 1 "
    "keys.",
    edit={".tril(S - T)": ".tril()"},
)
mistake(
    "Your causal mask shows each query one key too many.",
    edit={".tril(S - T)": ".tril(S - T + 1)"},
)
mistake(
    "You hide later keys after the softmax, so the weights that are left do not sum to 1. Hide them before, with -inf.",
    edit={
        "        scores = scores.masked_fill(~visible, -torch.inf)\n": "        return scores.softmax(-1) * visible @ v\n"
    },
)
mistake(
    "You hide what is 0 after `tril`. A score of a key that a query sees may be 0 as well: make a mask of its own.",
    edit={
        "visible = torch.ones(T, S, dtype=torch.bool, device=q.device).tril(S - T)": "scores = scores.tril(S - T)",
        "~visible": "scores == 0",
    },
)
mistake(
    "You take the queries in blocks, and every block gets the triangle of the first one. Query t sees key s if "
    "s <= t + S - T, with t counted over all blocks.",
    edit={
        "    return scores.softmax(-1) @ v": "    outs = []\n"
        "    for rows in (q @ k.mT * q.shape[-1] ** -0.5).split(32, dim=2):\n"
        "        if causal:\n"
        "            rows = rows.masked_fill(~torch.ones(rows.shape[2], S, dtype=torch.bool).tril(S - T), -torch.inf)\n"
        "        outs.append(rows.softmax(-1) @ v)\n"
        "    return torch.cat(outs, dim=2)"
    },
)

# --- pooling ---------------------------------------------------------------------------------------------------------

mistake(
    "You average every G-th head. A group is H/G *neighbouring* heads.",
    edit={POOL: "heads = w.unflatten(0, (H // G, G, -1)).transpose(0, 1)"},
)
mistake(
    "You average neighbouring rows, which belong to one head. Average row d of the heads of a group, for each d.",
    edit={POOL: "heads = w.unflatten(0, (-1, H // G)).transpose(0, 1)[None]"},
)
mistake(
    "You add the heads of a group up instead of averaging them.",
    edit={"heads.mean(1)": "heads.sum(1)"},
)
mistake(
    "You keep the first head of each group. A pooled head is the mean of all of them: it starts nearer to the trained model.",
    edit={"heads.mean(1)": "heads[:, 0]"},
)
mistake(
    "Your pooled rows are in the order (D, G): first row 0 of each head, then row 1. All rows of a head stand together.",
    edit={"heads.mean(1).flatten(0, 1)": "heads.mean(1).transpose(0, 1).flatten(0, 1)"},
)
mistake(
    "You take G for the size of a group. It is the number of groups; a group has H/G heads.",
    edit={POOL: "heads = w.unflatten(0, (H // G, G, -1))"},
)

# --- precision, views, state -----------------------------------------------------------------------------------------

mistake(
    "You compute everything in float32 and round the result to the dtype of the inputs. For float64 inputs compute in float64.",
    edit={
        "scores = q @ k.mT * q.shape[-1] ** -0.5": "dtype, q, k, v = q.dtype, q.float(), k.float(), v.float()\n"
        "    scores = q @ k.mT * q.shape[-1] ** -0.5",
        "return scores.softmax(-1) @ v": "return (scores.softmax(-1) @ v).to(dtype)",
    },
)
mistake(
    "You use `view` on keys and values that need not be contiguous, as when heads were split with `transpose`. Use `reshape`.",
    edit={"    B, G, S, D = x.shape\n": "    B, G, S, D = x.shape\n    x = x.view(B, G, S * D).view(B, G, S, D)\n"},
    crashes=True,
)
mistake(
    "You use `view` on a weight that need not be contiguous. Use `reshape` or `unflatten`.",
    edit={"heads = w.unflatten(0, (G, H // G, -1))": "heads = w.view(w.numel()).view(G, H // G, -1, w.shape[1])"},
    crashes=True,
)


remembered: dict[tuple[int, ...], torch.Tensor] = {}


@mistake(
    "You remember the repeated heads of an earlier call with the same shapes. The result depends on the numbers as well."
)
def repeat_kv(x, n_rep):
    key = (*x.shape, n_rep)
    if key not in remembered:
        remembered[key] = x.repeat_interleave(n_rep, dim=1)
    return remembered[key]


@mistake(
    "You keep your causal mask for the next call of these sizes, and it has the dtype of the first. Keep booleans, or "
    "give the mask the dtype of the scores.",
    crashes=True,
)
def gqa(q, k, v, causal=False):
    n_rep = q.shape[1] // k.shape[1]
    k, v = repeat_kv(k, n_rep), repeat_kv(v, n_rep)
    scores = q @ k.mT * q.shape[-1] ** -0.5
    if causal:
        T, S = scores.shape[-2:]
        if (T, S) not in remembered:
            remembered[T, S] = torch.full((T, S), -torch.inf, dtype=q.dtype).triu(S - T + 1)
        scores = scores + remembered[T, S]
    return scores.softmax(-1) @ v
