"""Public checks of glm/glm130b_block: run `pytest` on this file, or `autograder check glm/glm130b_block`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, flags, gradients, in_evaluation, leaves, with_gradients, with_weights
from autograder.lab.parts import Feed, Mix


def halves(rng, shape=(2,), F=3, dtype="float64", loud=1.0):
    return {"x": loud * rng.normal(*shape, 2 * F, dtype=dtype)}


@check(points=1, inputs=halves, lecture='a-gate-with-gelu', public=[case('two tokens', F=2), case('one feature each', shape=(1, 3), F=1)])
def the_second_half_goes_through_gelu(student, x):
    """The result is x₁ ⊙ gelu(x₂), with the exact gelu, and gradients flow through both halves."""
    view = x.mT.contiguous().mT if x.ndim > 1 else x
    found = with_gradients(lambda x: student.geglu(x), x=x)
    return {"result": found, "of a view": student.geglu(view), "of others": student.geglu(-x), "left": flags(x)}


def embedded(rng, shape=(2, 3), a=0.1, dtype="float64"):
    return {"e": rng.normal(*shape, dtype=dtype), "a": a}


@check(points=2, inputs=embedded, lecture='a-smaller-gradient-for-the-embedding', public=[case('a tenth'), case('a half', shape=(4,), a=0.5)])
def values_stay_and_the_gradient_shrinks(student, e, a):
    """The values stay as they are, and the gradient that arrives is a times that of the result."""

    def shrink(e):
        return student.embedding_gradient_shrink(e) if a == 0.1 else student.embedding_gradient_shrink(e, a)

    leaf, frozen, twice = leaves(e, e, e)
    once = shrink(leaf)
    left = flags(leaf, frozen.requires_grad_(False), shrink(frozen))
    made = {"value": once, "gradient": gradients(once, {"e": leaf}), "twice": gradients(shrink(shrink(twice)), {"e": twice})}
    squared, beside = leaves(e, e)
    made["through a square"] = gradients(shrink(squared * squared), {"e": squared})
    made["beside e itself"] = gradients(shrink(beside) + beside, {"e": beside})
    view = e[..., None, None].expand(*e.shape, 2, 3).mT
    made["shares memory with e"] = e.numel() > 0 and shrink(e).data_ptr() == e.data_ptr()
    return made | {"plain": [shrink(e), shrink(-e), shrink(view)], "left": left + flags(e)}


@check(points=1, tolerance=Tolerance(atol=1e-12, rtol=1e-12), lecture='deepnorm-with-other-powers', public=[case('2 layers, 70 layers', sizes=[2, 70])])
def the_constants_are_square_roots(student, sizes):
    """α = (2N)^(1/2), and the gain is (2N)^(-1/2)."""
    return [student.glm130b_constants(n) for n in sizes]


class Attends(Mix):
    """In the place of attention: it takes positions and a mask behind its input, and shows in its answer that it got them."""

    def forward(self, x, pos, mask):
        out = super().forward(x)
        out = out if pos is None else out * (pos[..., None] + 2)
        return out if mask is None else mask.to(x.dtype) @ out


class Fixed(torch.nn.Module):
    """A part without parameters."""

    def forward(self, x, *more):
        return x.cumsum(-2)


def layered(rng, B=2, T=3, C=4, n_layers=2, dtype="float64", gain=1.5, more=0, shift=0.0):
    shapes = {f"{name}.{part}": (C,) for name in ("input_layernorm", "post_attention_layernorm") for part in ("weight", "bias")}
    shapes |= {f"{name}.out.{part}": (C, C)[: 2 - (part == "bias")] for name in ("attn", "mlp") for part in ("weight", "bias")}
    weights = rng.weights(shapes, gain=gain, dtype=dtype)
    for name in shapes:
        if name.endswith("layernorm.weight"):
            weights[name] += 1.5
    made = {"x": rng.normal(B, T, C, dtype=dtype) * 3 + shift, "weights": weights, "n_layers": n_layers}
    return made | {"more": [rng.integers(0, 9, B, T), rng.mask(T, T)][:more]}


@check(points=3, inputs=layered, lecture='the-normed-stream-goes-on', public=[case('two tokens of three features', B=1, T=2, C=3), case('a model of eight layers', n_layers=8)])
def both_parts_read_and_keep_the_normed_stream(student, x, weights, n_layers, more):
    """Each part reads the normed stream, and α times the normed stream is added to what the part gives."""
    C = x.shape[-1]
    attn, mlp = Attends(C), Feed(C)
    layer = with_weights(student.GLM130BLayer(C, n_layers, attn, mlp), weights)
    (leaf,) = leaves(x)
    out = layer(leaf, *more)
    found = gradients(out, {"x": leaf} | dict(layer.named_parameters()))
    seen = {"attn": list(attn.seen), "mlp": list(mlp.seen)}
    view = layer(x.mT.contiguous().mT, *more)
    layer.input_layernorm.weight.requires_grad_(False)
    layer.eval()
    layer.mlp.train()
    return {
        "out": out, "gradients": found, "seen": seen, "of a view": view, "of others": layer(-x, *more),
        "fresh": student.GLM130BLayer(C, n_layers, Fixed(), Fixed())(x.float()),
        "left": flags(x, layer),
    }


def attending(rng, B=2, T=3, H=2, D=2, dtype="float64", positions=None, masked=None, far=0, gain=2.0):
    C = H * D
    shapes = {"query_key_value.weight": (3 * C, C), "query_key_value.bias": (3 * C,), "dense.weight": (C, C), "dense.bias": (C,)}
    pos = {None: torch.zeros(B, T, dtype=torch.int64), "in order": torch.arange(T).expand(B, T) + 0, "any": rng.integers(0, 9, B, T)}[positions]
    mask = None
    if masked == "causal":
        mask = torch.ones(T, T).tril().bool()
    elif masked == "any":
        mask = rng.mask(T, T) | torch.eye(T).bool()
    return {"x": rng.normal(B, T, C, dtype=dtype), "weights": rng.weights(shapes, gain=gain, dtype=dtype), "H": H, "pos": pos + far, "mask": mask}


def attended(student, x, weights, H, pos, mask):
    layer = with_weights(student.GLM130BAttention(x.shape[-1], H), weights)
    student.GLM130BAttention(2, 1)  # another one changes nothing
    (leaf,) = leaves(x)
    out = layer(leaf, pos) if mask is None else layer(leaf, pos, mask)
    found = gradients(out, {"x": leaf} | dict(layer.named_parameters()))
    views = layer(x.mT.contiguous().mT, pos.mT.contiguous().mT, None if mask is None else mask.mT.contiguous().mT)
    quiet = in_evaluation(layer, lambda: layer(x, pos, mask))
    layer.dense.bias.requires_grad_(False)
    layer.eval()
    layer.dense.train()
    others = [layer(x, pos, torch.eye(x.shape[1]).bool()), layer(-x, pos.flip(1), mask)]
    return {"out": out, "gradients": found, "of views": views, "of others": others, "in evaluation mode": quiet, "left": flags(x, layer)}


@check(points=1, inputs=attending, lecture='one-matrix-sorted-by-heads', public=[case('two heads of two features')])
def each_head_has_its_rows_together(student, x, weights, H, pos, mask):
    """The outputs of `query_key_value` are sorted by heads, and in each head by query, key and value."""
    return attended(student, x, weights, H, pos, mask)


@check(points=1, inputs=attending, lecture='one-position-again', public=[case('three tokens in order', H=1, D=4, positions='in order'), case('a causal mask', H=1, T=4, positions='in order', masked='causal')])
def scores_depend_on_distances(student, x, weights, H, pos, mask):
    """Queries and keys are turned by their positions, and a token looks at what the mask lets it see."""
    return attended(student, x, weights, H, pos, mask)
