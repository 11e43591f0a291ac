"""Wrong ways to write position/shaw, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

DISTANCE = "distance = torch.arange(S) - torch.arange(S - T, S)[:, None]"
CLIP = "return distance.clamp(-K, K) + K"
SCORES = "scores = (q @ k.mT + (q @ rk.mT).gather(-1, index)) * D**-0.5"
MASK = "scores = scores.masked_fill(~visible, -torch.inf)"
SOFTMAX = "p = scores.softmax(-1)"
VALUES = "out = out + p.new_zeros(B, H, T, rows).scatter_add(-1, index, p) @ rv"
PLAIN = "    out = p @ v\n"

# --- the index -------------------------------------------------------------------------------------------------------

mistake(
    "Your distance is query minus key, as in BERT. It is key minus query: the keys before a query have the first rows of the table.",
    edit={DISTANCE: "distance = torch.arange(S - T, S)[:, None] - torch.arange(S)"},
)
mistake(
    "You take the distance without its sign, so a key before the query and one behind it get the same row.",
    edit={DISTANCE: "distance = (torch.arange(S) - torch.arange(S - T, S)[:, None]).abs()"},
)
mistake(
    "Your index is turned over: queries are its rows, keys its columns.",
    edit={CLIP: "return (distance.clamp(-K, K) + K).flip(0, 1)"},
)
mistake(
    "You add K before you clip to -K … K. Clip the distance first, or clip to 0 … 2K afterwards.",
    edit={CLIP: "return (distance + K).clamp(-K, K)"},
)
mistake(
    "You do not add K. Rows are counted from 0: distance -K has row 0.",
    edit={CLIP: "return distance.clamp(-K, K)"},
)
mistake(
    "Your distances are clipped one too early: K itself is still told apart.",
    edit={CLIP: "return distance.clamp(-K + 1, K - 1).where(torch.tensor(K > 0), 0) + K"},
)
mistake(
    "Your last row is not used: clip to K, not to K - 1.",
    edit={CLIP: "return distance.clamp(-K, max(K - 1, 0)) + K"},
)
mistake(
    "Distances beyond K begin again at the other end of your table. They are clipped: all far keys share the last row.",
    edit={CLIP: "return (distance + K) % (2 * K + 1)"},
)
mistake(
    "Far keys before the query are clipped in your index, far keys behind it are not.",
    edit={CLIP: "return distance.clamp(min=-K) + K"},
)
mistake(
    "Your first query stands beside the first key. The last query stands beside the last key: query t has position t + S - T.",
    edit={DISTANCE: "distance = torch.arange(S) - torch.arange(T)[:, None]"},
    fails=["queries_stand_beside_the_last_keys"],
)
mistake(
    "Your index is int32. It is int64.",
    edit={CLIP: "return (distance.clamp(-K, K) + K).int()", "gather(-1, index)": "gather(-1, index.long())",
          "scatter_add(-1, index, p)": "scatter_add(-1, index.long(), p)"},
)  # fmt: skip
mistake(
    "Your distances end at 16, whatever K is.",
    edit={CLIP: "return distance.clamp(-min(K, 16), min(K, 16)) + K"},
)

# --- scores ----------------------------------------------------------------------------------------------------------

mistake(
    "You divide q·k by √D, but not the new term. Both are divided.",
    edit={SCORES: "scores = q @ k.mT * D**-0.5 + (q @ rk.mT).gather(-1, index)"},
)
mistake("Your scores are not divided by √D.", edit={SCORES: SCORES.replace(" * D**-0.5", "")})
mistake(
    "You divide by √(H·D). A product sums the D terms of one head: the scale is 1/√D.",
    edit={"* D**-0.5": "* (H * D) ** -0.5"},
)
mistake(
    "You divide by D instead of √D.",
    edit={"* D**-0.5": "/ D"},
)
mistake(
    "Your keys know no distances: rk is not used.",
    edit={SCORES: "scores = q @ k.mT * D**-0.5"},
)
mistake(
    "You multiply rk with the key instead of the query. rk is added to the key, so the query is multiplied with it.",
    edit={SCORES: "scores = (q @ k.mT + torch.einsum('bhsd,tsd->bhts', k, rk[index[0, 0]])) * D**-0.5"},
)
mistake(
    'You also multiply rk with the key, as BERT\'s "relative_key_query" does. Here the new term is q · rk alone.',
    edit={
        SCORES: "scores = (q @ k.mT + (q @ rk.mT).gather(-1, index) + torch.einsum('bhsd,tsd->bhts', k, rk[index[0, 0]])) * D**-0.5"
    },
)
mistake(
    "You add the sum of the row instead of its product with the query: the new term is q · rk[r].",
    edit={SCORES: "scores = (q @ k.mT + rk.sum(-1)[index]) * D**-0.5"},
)
mistake(
    "The rows for values are used for the keys, too.",
    edit={SCORES: SCORES.replace("q @ rk.mT", "q @ (rk if rv is None else rv).mT")},
)
mistake(
    "The rows that your keys get are detached: no gradient reaches rk.",
    edit={SCORES: SCORES.replace("rk.mT", "rk.detach().mT")},
)
mistake(
    "The first query's distances are used for all your queries.",
    edit={".gather(-1, index)": ".gather(-1, index[:, :, :1].expand(B, H, T, S))"},
)
mistake(
    "The table's middle row is not where you think: K is (rows - 1) / 2.",
    edit={"rows // 2)": "max(rows // 2 - 1, 0))"},
)
mistake(
    "Your softmax runs over the queries. A query's weights sum to 1 over the keys.",
    edit={SOFTMAX: "p = scores.softmax(-2)"},
)

mistake(
    "Keys farther than K get no row. They are clipped: all of them get the first or the last one.",
    edit={
        SCORES: "far = (torch.arange(S) - torch.arange(S - T, S)[:, None]).abs() > rows // 2\n"
        "    scores = (q @ k.mT + (q @ rk.mT).gather(-1, index).masked_fill(far, 0)) * D**-0.5"
    },
)
mistake(
    "Keys farther than K are hidden. They are seen, with the first or the last row.",
    edit={
        SCORES: SCORES + "\n    far = (torch.arange(S) - torch.arange(S - T, S)[:, None]).abs() > rows // 2\n"
        "    scores = scores.masked_fill(far, -torch.inf)"
    },
)

# --- values ----------------------------------------------------------------------------------------------------------

mistake("Your values know no distances: rv is not used.", edit={VALUES: "pass"})
mistake(
    "You add the rows for keys to the values. rv has rows of its own.",
    edit={VALUES: VALUES.replace("@ rv", "@ rk")},
)
mistake(
    "You take rk where rv is None. Then nothing is added to the values.",
    edit={"    if rv is not None:\n": "    rv = rk if rv is None else rv\n    if rv is not None:\n"},
)
mistake(
    "The rows of rv are added without the weights of the softmax. Each counts as much as the value that it is added to.",
    edit={VALUES: VALUES.replace("scatter_add(-1, index, p)", "scatter_add(-1, index, torch.ones_like(p) / S)")},
)
mistake(
    "Where several keys share a row, only one of their weights counts in your sum. Add them all up.",
    edit={VALUES: VALUES.replace("scatter_add", "scatter")},
)
mistake(
    "You use the unscaled scores as weights for rv, not those after the softmax.",
    edit={VALUES: VALUES.replace("index, p)", "index, scores.exp())")},
)
mistake(
    "Your rows for values are read from the end of the table: the index is that of the keys.",
    edit={VALUES: VALUES.replace("@ rv", "@ rv.flip(0)")},
)
mistake(
    "The weights that you multiply with rv are detached: the gradient through them is lost.",
    edit={VALUES: VALUES.replace("index, p)", "index, p.detach())")},
)
mistake(
    "No gradient reaches rv from your output.",
    edit={VALUES: VALUES.replace("@ rv", "@ rv.detach()")},
)
mistake(
    "You divide what is added to the values by √D. Only the scores are scaled.",
    edit={VALUES: VALUES + " * D**-0.5"},
)

mistake(
    "Values farther than K get no row. Their distance is clipped: all of them get the first or the last one.",
    edit={
        VALUES: "far = (torch.arange(S) - torch.arange(S - T, S)[:, None]).abs() > rows // 2\n"
        "        out = out + p.new_zeros(B, H, T, rows).scatter_add(-1, index, p.masked_fill(far, 0)) @ rv"
    },
)

# --- the causal triangle ---------------------------------------------------------------------------------------------

mistake("Your `causal` does nothing: queries see later keys.", edit={"if causal:": "if False:"})
mistake("You always hide later keys. Do it when `causal` says so.", edit={"if causal:": "if causal or T == S:"})
mistake(
    "Your causal triangle begins in the upper left corner. The last query stands beside the last key.",
    edit={".tril(S - T)": ".tril()"},
    fails=["queries_stand_beside_the_last_keys"],
)
mistake("Your causal mask shows each query one key too many.", edit={".tril(S - T)": ".tril(S - T + 1)"})
mistake("Your causal mask hides a query's own key.", edit={".tril(S - T)": ".tril(max(S - T - 1, 0))"})
mistake(
    "You clip later keys to distance 0 instead of hiding them.",
    edit={MASK: "scores = (q @ k.mT + (q @ rk.mT).gather(-1, index.clamp(max=rows // 2))) * D**-0.5"},
)
mistake(
    "You hide later keys after the softmax, so the weights that are left do not sum to 1.",
    edit={
        MASK: "pass",
        SOFTMAX: "p = scores.softmax(-1)\n    if causal:\n        p = p * visible",
    },
)
mistake(
    "You hide later keys in the sum over values only; what rv adds still comes from them, too.",
    edit={
        VALUES: "free = (q @ k.mT + (q @ rk.mT).gather(-1, index)) * D**-0.5\n"
        "        out = out + p.new_zeros(B, H, T, rows).scatter_add(-1, index, free.softmax(-1)) @ rv"
    },
)

# --- memory, precision, state ----------------------------------------------------------------------------------------

mistake(
    "You add a vector to each key for each query, in each sequence and head: B·H·T·S·D numbers. Multiply q with the few rows of rk, "
    "then look the products up.",
    edit={
        SCORES: "scores = (q[:, :, :, None] * (k[:, :, None] + rk[index[0, 0]])).sum(-1) * D**-0.5",
    },
    fails=["makes_no_vector_for_each_pair"],
)
mistake(
    "You add a vector to each value for each query, in each sequence and head: B·H·T·S·D numbers. Sum the weights for each distance, "
    "then multiply with the few rows of rv.",
    edit={VALUES: "out = (p[..., None] * (v[:, :, None] + rv[index[0, 0]])).sum(3)"},
    fails=["makes_no_vector_for_each_pair"],
)
mistake(
    "You compute in float32 and round the result to the dtype of the inputs.",
    edit={
        SCORES: "dtype, q, k, v, rk = q.dtype, q.float(), k.float(), v.float(), rk.float()\n"
        "    scores = (q @ k.mT + (q @ rk.mT).gather(-1, index)) * D**-0.5",
        VALUES: VALUES.replace("@ rv", "@ rv.float()"),
        "    return out\n": "    return out.to(dtype)\n",
    },
)
mistake(
    "You use `view` on queries that need not be contiguous, as when heads were split with `transpose`. Use `reshape`.",
    edit={"index = relative_index(T, S, rows // 2)": "q = q.view(B * H * T, D).view(B, H, T, D)\n"
          "    index = relative_index(T, S, rows // 2)"},
    crashes=True,
)  # fmt: skip
mistake(
    "You scale the queries in place, so the caller's are changed.",
    edit={SCORES: "q.data.mul_(D**-0.5)\n    scores = q @ k.mT + (q @ rk.mT).gather(-1, index)"},
)


tables: dict[tuple[int, int], torch.Tensor] = {}


@mistake("You remember the index by the numbers of queries and keys. It depends on K as well.")
def relative_index(T, S, K):
    if (T, S) not in tables:
        tables[T, S] = (torch.arange(S) - torch.arange(S - T, S)[:, None]).clamp(-K, K) + K
    return tables[T, S].clone()


@mistake("You average keys over heads before adding rows. Each head has its own keys.")
def shaw_attention(q, k, v, rk, rv=None, causal=False):
    (B, H, T, D), S, rows = q.shape, k.shape[2], rk.shape[0]
    index = relative_index(T, S, rows // 2).expand(B, H, T, S)
    scores = (q @ k.mean(1, keepdim=True).mT + (q @ rk.mT).gather(-1, index)) * D**-0.5
    if causal:
        scores = scores.masked_fill(~torch.ones(T, S, dtype=torch.bool).tril(S - T), -torch.inf)
    p = scores.softmax(-1)
    out = p @ v
    return out if rv is None else out + p.new_zeros(B, H, T, rows).scatter_add(-1, index, p) @ rv


# --- of other kinds --------------------------------------------------------------------------------------------------

mistake(
    "You keep the numbers of rows in 8 bits, which end at 255. A table may have more rows.",
    edit={CLIP: "return (distance.clamp(-K, K) + K).to(torch.uint8).long()"},
)
mistake(
    "You put -1e9 in place of the scores of later keys. Where all others are lower still, later keys are seen: use -inf.",
    edit={MASK: MASK.replace("-torch.inf", "-1e9")},
)
mistake(
    "You leave rv out where it is all zeros. Then it gets no gradient, and a table that begins with zeros is never trained.",
    edit={"if rv is not None:": "if rv is not None and rv.any():"},
)
mistake(
    "With `causal` you add a vector to each key for each query, in each sequence and head. Look the products up, as without it.",
    edit={MASK: "scores = (((k[:, :, None] + rk[index[0, 0]]) * q[:, :, :, None]).sum(-1) * D**-0.5).masked_fill(~visible, -torch.inf)"},
)
mistake(
    "Queries that would stand before the first key count as position 0 in your index. With T > S their positions are negative.",
    edit={DISTANCE: DISTANCE + ".clamp(min=0)"},
)
mistake(
    "With `causal` no gradient reaches rk.",
    edit={MASK: "scores = (q @ k.mT + (q @ rk.detach().mT).gather(-1, index)) * D**-0.5\n        " + MASK},
)
