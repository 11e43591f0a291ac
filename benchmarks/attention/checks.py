"""Ten checks of attention, one case each, on B=2, H=4, T=32, d=16: as large as the checks of a real exercise are."""

import torch

from autograder.checks import case, check

B, H, T, D = 2, 4, 32, 16


def heads(rng, kv_heads=H, keys=T, dtype="float32", mask=None):
    """Queries, keys and values; with a mask of that shape when one is asked for (nobody looks at nothing)."""
    dtype = getattr(torch, dtype)
    found = {
        "q": rng.normal(B, H, T, D, dtype=dtype),
        "k": rng.normal(B, kv_heads, keys, D, dtype=dtype),
        "v": rng.normal(B, kv_heads, keys, D, dtype=dtype),
    }
    if mask is not None:
        found["mask"] = rng.mask(*mask, p=0.7)
        found["mask"][..., 0] = True
    return found


def wide(rng):
    return {"x": rng.normal(B, T, H * D)}


def narrow(rng):
    return {"x": rng.normal(B, H, T, D)}


def weights(rng):
    scale = (H * D) ** -0.5
    names = ("wq", "wk", "wv", "wo")
    return {"x": rng.normal(B, T, H * D)} | {name: rng.normal(H * D, H * D, scale=scale) for name in names}


def with_gradients(f, **inputs):
    """The output of f, and the gradients of the sum of its squares."""
    inputs = {name: x.clone().requires_grad_() for name, x in inputs.items()}
    output = f(**inputs)
    output.square().sum().backward()
    return {"output": output, "gradients": {name: x.grad for name, x in inputs.items()}}


@check(points=1, inputs=heads, hidden=[case()])
def every_query_looks_at_every_key(student, q, k, v):
    """Without a mask, every query looks at every key."""
    return student.attention(q, k, v)


@check(points=1, inputs=heads, hidden=[case()])
def no_query_looks_ahead(student, q, k, v):
    """With causal=True, query i looks at keys 0 … i only."""
    return student.attention(q, k, v, causal=True)


@check(points=1, inputs=heads, hidden=[case(mask=(B, 1, 1, T))])
def masked_keys_are_left_out(student, q, k, v, mask):
    """A key that the mask leaves out has no weight, for any head and query."""
    return student.attention(q, k, v, mask=mask)


@check(points=1, inputs=heads, hidden=[case(mask=(B, H, T, T))])
def both_masks_hold_together(student, q, k, v, mask):
    """A mask and causal=True hold together."""
    return student.attention(q, k, v, mask=mask, causal=True)


@check(points=1, inputs=heads, hidden=[case()])
def gradients_reach_queries_keys_and_values(student, q, k, v):
    """Gradients flow back to the queries, the keys and the values."""
    return with_gradients(student.attention, q=q, k=k, v=v)


@check(points=1, inputs=heads, hidden=[case(dtype="float64", keys=48)])
def more_keys_than_queries(student, q, k, v):
    """There may be more keys than queries; the output has the dtype of the inputs."""
    return student.attention(q, k, v)


@check(points=1, inputs=heads, hidden=[case(kv_heads=2)])
def query_heads_share_keys_and_values(student, q, k, v):
    """Query heads 0 and 1 use key/value head 0, query heads 2 and 3 use head 1."""
    return student.attention(q, k, v, causal=True)


@check(points=1, inputs=wide, hidden=[case()])
def heads_are_neighbouring_columns(student, x):
    """Each head is a run of neighbouring columns."""
    return student.split_heads(x, H)


@check(points=1, inputs=narrow, hidden=[case()])
def merging_undoes_splitting(student, x):
    """merge_heads puts the heads side by side again."""
    return student.merge_heads(x)


@check(points=1, inputs=weights, hidden=[case()])
def the_layer_learns(student, x, wq, wk, wv, wo):
    """The layer projects, attends causally and projects again, and gradients reach its input and all four weights."""
    return with_gradients(lambda **inputs: student.layer(**inputs, heads=H), x=x, wq=wq, wk=wk, wv=wv, wo=wo)
