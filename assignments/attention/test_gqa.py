"""Public checks of attention/gqa: run `pytest` on this file, or `autograder check attention/gqa`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, difference, flags, gradients, large_scores, leaves, reject


def heads(rng, B=1, G=2, S=2, D=2, n_rep=2, dtype="float32", values=None):
    x = rng.normal(B, G, S, D, dtype=dtype)
    return {"x": x if values is None else torch.tensor(values)[None, :, None, None], "n_rep": n_rep}


@check(points=2, inputs=heads, lecture='who-shares-with-whom', public=[case('heads 0 and 1, twice', values=[0.0, 1.0], n_rep=2), case('three heads, three times', G=3, S=2, D=2, n_rep=3)])
def copies_stand_side_by_side(student, x, n_rep):
    """Head j of the result is head j // n_rep of x, and the gradient of a head sums over its copies."""
    (x,) = leaves(x)
    y = student.repeat_kv(x, n_rep)
    view = x.detach().transpose(1, 2).contiguous().transpose(1, 2)
    views = [student.repeat_kv(view, n_rep), student.repeat_kv(view, n_rep + 1)]
    return {"y": y, "gradient": gradients(y, {"x": x})["x"], "of a view": views, "left": flags(view)}


def grouped(rng, B=1, H=4, G=2, T=3, S=None, D=4, by=0.0, rising=False, still=False, dtype="float32", **more):
    """Random queries, keys and values; `by`: their scores are so large; `still`: queries are 0, so all scores are."""
    shapes = {"q": (B, H, T, D), "k": (B, G, S or T, D), "v": (B, G, S or T, D)}
    made = {name: rng.normal(*shape, dtype=dtype) for name, shape in shapes.items()}
    if by:
        made["q"], made["k"], made["v"] = large_scores(**made, by=by, rising=rising)
    if still:
        made["q"] = torch.zeros_like(made["q"])
    return made | more


@check(points=1, inputs=grouped, lecture='the-layer-in-between', public=[case('four heads in two groups', T=2, S=3), case('one group', B=2, H=3, G=1, T=2, S=2)])
def groups_attend(student, q, k, v):
    """The output is softmax(q kᵀ/√D) v with each query head's own group, and gradients flow to q, k and v."""
    q, k, v = leaves(q, k, v)
    out = student.gqa(q, k, v)
    apart = [x.detach().transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]  # as layers split their heads
    views = student.gqa(*apart)
    return {"out": out, "gradients": gradients(out, {"q": q, "k": k, "v": v}), "views": views, "left": flags(*apart)}


@check(points=1, inputs=grouped, lecture='the-layer-in-between', public=[case('three tokens', H=2, G=1, T=3), case('one new token after three', H=4, G=2, T=1, S=4), case('queries of zeros: a mean of what they see', H=2, G=1, T=3, D=2, still=True)])
def causal_ends_in_the_lower_right_corner(student, q, k, v):
    """With causal=True, query t sees the keys up to t + S - T."""
    q, k, v = leaves(q, k, v)
    out = student.gqa(q, k, v, causal=True)
    return {"out": out, "gradients": gradients(out, {"q": q, "k": k, "v": v})}


@check(points=1, inputs=grouped, lecture='the-layer-in-between', public=[case('two groups, two new tokens after one', H=4, G=2, T=2, S=3, D=2, dtype='float64')])
def float64_is_exact_to_the_end(student, q, k, v):
    """For float64 inputs everything, the softmax too, is computed in float64, with and without `causal`; float32 ones after them give float32."""
    q, k, v = leaves(q, k, v)
    out, causal = student.gqa(q, k, v), student.gqa(q, k, v, causal=True)
    small = q.detach() / q.detach().abs().amax()  # on which float32 is exact enough
    narrow = student.gqa(*(x.detach().float() for x in (small, k, v)), causal=True)
    found = gradients([out, causal], {"q": q, "k": k, "v": v})
    return {"out": out, "causal": causal, "gradients": found, "causal, of float32 after that": narrow}


def listens_to_its_group(seen, want, inputs):
    """Which query heads answer when a single value head is not zero."""
    H, G = inputs["q"].shape[1], inputs["k"].shape[1]
    for g, out in enumerate(seen):
        if out.shape != want[g].shape:
            break
        answering = [h for h in range(H) if bool((out[:, h] != 0).any())]
        if answering != [h for h in range(H) if h // (H // G) == g]:
            return reject("Value head {g} of {G} reaches the query heads {answering} of {H}.",
                          g=g, G=G, answering=answering, H=H)  # fmt: skip
    return difference(seen, want)


@check(points=1, inputs=grouped, judge=listens_to_its_group, lecture='who-shares-with-whom', public=[case('four heads, two groups', H=4, G=2, T=1, S=2, D=2)])
def a_value_head_reaches_its_group_only(student, q, k, v):
    """When one value head is kept and the others are zero, only the H/G neighbouring query heads of its group answer."""
    outs = []
    for g in range(k.shape[1]):
        alone = torch.zeros_like(v)
        alone[:, g] = v[:, g]
        outs.append(student.gqa(q, k, alone))
    return outs


def weights(rng, H=4, G=2, D=2, C=3, dtype="float32", values=None):
    w = rng.normal(H * D, C, dtype=dtype) if values is None else torch.tensor(values)
    return {"w": w, "H": H, "G": G}


@check(points=2, inputs=weights, lecture='from-a-trained-model', public=[case('heads of one row', values=[[1.0], [3.0], [10.0], [20.0]], H=4, G=2), case('heads of two rows', values=[[1.0], [2.0], [5.0], [8.0], [0.0], [0.0], [6.0], [4.0]], H=4, G=2)])
def neighbouring_heads_are_averaged(student, w, H, G):
    """Head g of the result is the mean of the H/G heads of group g, row by row."""
    (w,) = leaves(w)
    pooled = student.mha_to_gqa(w, H, G)
    view = w.detach().T.contiguous().T  # as the weight of a Conv1D, which is stored the other way round
    views = [student.mha_to_gqa(view, H, G), student.mha_to_gqa(-view, H, G), student.mha_to_gqa(view, H, H)]
    return {"pooled": pooled, "gradient": gradients(pooled, {"w": w})["w"], "of a view": views, "left": flags(view)}
