"""Public checks of attention/mqa: run `pytest` on this file, or `autograder check attention/mqa`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, flags, gradients, in_evaluation, with_weights
from autograder.lab.pieces import pieces_are_the_whole


def tokens(rng, B=1, T=3, C=4, H=2, S=None, cuts=None, loud=1.0, by=0.0, dtype="float32"):
    """New tokens and weights of a layer. `S`: as many old ones have random keys and values; `cuts`: where pieces end; `by`: see `raise_scores`."""
    dtype = getattr(torch, dtype)
    D = C // H
    made = {
        "x": rng.normal(B, T, C, scale=loud, dtype=dtype),
        "heads": H,
        "weights": {
            "qkv.weight": rng.normal(C + 2 * D, C, scale=C**-0.5, dtype=dtype),
            "qkv.bias": rng.normal(C + 2 * D, dtype=dtype),
            "o_proj.weight": rng.normal(C, C, scale=C**-0.5, dtype=dtype),
            "o_proj.bias": rng.normal(C, dtype=dtype),
        },
    }
    if by:
        raise_scores(made["x"], made["weights"], heads=H, by=by)
    if S is not None:
        made["cache"] = tuple(rng.normal(B, 1, S, D, dtype=dtype) for _ in "kv")
    if cuts is not None:
        made["cuts"] = cuts
    return made


def raise_scores(x, weights, heads, by):
    """All scores of the heads 0, 2 … higher by `by`, those of the others lower: the first feature of queries and keys is a bias. The
    rest is in eighths, so that float32 has every score exactly, and values are small, so that gradients are."""
    C = x.shape[-1]
    D = C // heads
    for part in (x, *weights.values()):
        part.mul_(8).round_().div_(8)
    for part in (weights["qkv.weight"], weights["qkv.bias"]):
        part[: C + D : D] = 0
        part[C + D :] /= 64
    weights["qkv.bias"][:C:D] = by * D**0.5 / 4 * (1 - 2 * (torch.arange(heads) % 2))
    weights["qkv.bias"][C] = 4


def build(student, weights, heads):
    return with_weights(student.MultiQueryAttention(len(weights["o_proj.bias"]), heads), weights)


@check(points=1, inputs=tokens, lecture='one-head-of-keys-and-values', public=[case('two heads of two features', T=3, C=4, H=2), case('three heads', B=2, T=4, C=12, H=3)])
def all_heads_share_one_key_and_value(student, x, heads, weights):
    """Each of the H query heads attends, causally and with scale 1/√D, to the same keys and values."""
    attention = build(student, weights, heads)
    x = x.clone().requires_grad_()
    out, _ = attention(x)
    return {"out": out, "gradient of x": gradients(out, {"x": x})["x"], "gradients": gradients(out, attention)}


@check(points=1, inputs=tokens, lecture='one-head-of-keys-and-values', public=[case('two tokens after one', T=2, C=4, H=2, S=1, dtype='float64')])
def float64_is_exact_to_the_end(student, x, heads, weights, cache):
    """For float64 inputs everything, the softmax too, is computed in float64, with and without a cache."""
    attention = build(student, weights, heads)
    x = x.clone().requires_grad_()
    out, (k, v) = attention(x)
    more, _ = attention(x, cache)
    return {"out": out, "k": k, "v": v, "with a cache": more, "gradient of x": gradients([out, more], {"x": x})["x"]}


@check(points=1, inputs=tokens, lecture='the-cache', public=[case('three tokens', T=3, C=4, H=2)])
def the_cache_holds_one_head(student, x, heads, weights):
    """The cache is (k, v), each (B, 1, T, D): the shared head once, not a copy for each query head."""
    _, (k, v) = build(student, weights, heads)(x)
    return {"k": k, "v": v}


@check(points=1, inputs=tokens, lecture='the-cache', public=[case('one token after three', T=1, C=4, H=2, S=3), case('two tokens after three', B=2, T=2, C=6, H=3, S=3)])
def new_tokens_see_the_cache_that_is_given(student, x, heads, weights, cache):
    """New token t sees all cached tokens and the new ones up to t, and is appended behind them."""
    attention = build(student, weights, heads)
    x = x.clone().requires_grad_()
    out, (k, v) = attention(x, cache)
    return {"out": out, "k": k, "v": v, "gradient of x": gradients(out, {"x": x})["x"]}


@check(points=2, inputs=tokens, judge=pieces_are_the_whole, lecture='decoding-is-prefill-in-pieces', public=[case('three tokens, then one at a time', T=5, C=4, H=2, cuts=[3, 4, 5])])
def decoding_in_pieces_is_prefill(student, x, heads, weights, cuts):
    """A sequence fed in pieces, each with the cache of the one before, gives the outputs of one pass, also with another in between."""
    attention = build(student, weights, heads)
    whole, _ = attention(x)
    pieces, others, cache, other, start = [], [], None, None, 0
    for end in cuts:
        before = cache
        out, cache = attention(x[:, start:end], cache)
        pieces.append(out)
        out, other = attention(-x[:, start:end], other)  # another sequence, in turn with the first
        others.append(out)
        start = end
    start = cuts[-2]
    again, _ = attention(x[:, start:].flip(1), before)  # another end, from the cache of the piece before the last
    second = build(student, {name: -2 * weight for name, weight in weights.items()}, heads).eval()
    second.o_proj.requires_grad_(False)
    turns = [attention(x)[0], second(x)[0]]  # the first layer has its own weights still
    return {
        "whole": whole,
        "pieces": pieces,
        "cache": cache,
        "another sequence": others,
        "another end": again,
        "two layers": turns,
        "in evaluation mode": in_evaluation(attention, lambda: attention(x)[0]),
        "left": flags(attention, second, x),
    }


def models(rng, calls):
    return {"calls": calls}


@check(points=1, inputs=models, lecture='what-it-saves', public=[case('Llama 2 7B, 32 heads and one', calls=[(1, 1, 32, 32, 128, 2), (1, 1, 32, 1, 128, 2)]), case('two sequences of three tokens, four layers', calls=[(2, 3, 4, 1, 5, 2)])])
def cache_bytes_are_counted(student, calls):
    """The cache has keys and values of each token, layer and key/value head, `itemsize` bytes for each number."""
    return [student.kv_cache_bytes(*call) for call in calls]


def projections(rng, H=2, D=2, C=3, values=None, dtype="float32"):
    if values is not None:
        return {"wk": torch.tensor(values), "wv": -torch.tensor(values).flip(0), "H": H}
    dtype = getattr(torch, dtype)
    return {"wk": rng.normal(H * D, C, dtype=dtype), "wv": rng.normal(H * D, C, dtype=dtype), "H": H}


@check(points=1, inputs=projections, lecture='from-many-heads-to-one', public=[case('two heads of two rows', values=[[1.0], [2.0], [5.0], [8.0]], H=2)])
def heads_are_averaged(student, wk, wv, H):
    """Row d of the shared head is the mean of row d of all heads, for keys and for values."""
    k, v = student.mqa_from_mha(wk, wv, H)
    views = student.mqa_from_mha(
        wk.T.contiguous().T, wv.T.contiguous().T, H
    )  # as of a Conv1D, stored the other way round
    others = [student.mqa_from_mha(-wk, wv, H), student.mqa_from_mha(wk, -wv, H)]
    return {"wk": k, "wv": v, "of views": views, "of others": others, "left": flags(wk, wv)}
