"""Public checks of glm/chatglm2_block: run `pytest` on this file, or `autograder check glm/chatglm2_block`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, flags, gradients, in_evaluation, leaves, with_gradients, with_weights


GRADIENTS = Tolerance(atol=5e-5, rtol=2e-4)


def heads(rng, B=2, H=3, T=4, D=8, pos=None, base=None, each=False, dtype="float32"):
    pos = list(range(T)) if pos is None else pos
    if each:
        pos = [[p + 3 * b for p in pos[::-1]] for b in range(B)]
    return {"x": rng.normal(B, H, T, D, dtype=dtype), "pos": pos, "options": [] if base is None else [base]}


@check(points=2, inputs=heads, lecture='half-of-a-head', public=[case('one head of four', B=1, H=1, T=3, D=4), case('positions of each sequence', H=1, T=2, D=8, each=True)])
def the_second_half_of_a_head_stays(student, x, pos, options):
    """Pairs of neighbours in the first half of each head are turned by their positions, and the second half is kept."""
    places = torch.tensor(pos)
    whole = with_gradients(lambda x: student.rotate_half_of(x, places, *options), x=x)
    views = [student.rotate_half_of(x.mT.contiguous().mT, places, *options), student.rotate_half_of(-x, places.flip(-1), *options)]
    again = student.rotate_half_of(x, places, 3.0)
    return {"whole": whole, "of others": views, "another base": again, "left": flags(x)}


def sizes(C, H, G, F, D):
    return {
        "input_layernorm.weight": (C,), "post_attention_layernorm.weight": (C,),
        "self_attention.query_key_value.weight": ((H + 2 * G) * D, C), "self_attention.query_key_value.bias": ((H + 2 * G) * D,),
        "self_attention.dense.weight": (C, H * D), "mlp.dense_h_to_4h.weight": (2 * F, C), "mlp.dense_4h_to_h.weight": (C, F),
    }


def block(rng, B=2, T=4, C=6, H=2, G=1, F=5, D=4, dtype="float32", scale=1.0, gain=1.5, watch="", pos=None, **options):
    weights = rng.weights(sizes(C, H, G, F, D), gain=gain, dtype=dtype)
    weights["self_attention.query_key_value.bias"] = rng.normal((H + 2 * G) * D, scale=0.7, dtype=dtype)
    return {"x": rng.normal(B, T, C, scale=scale, dtype=dtype), "weights": weights, "shape": [C, H, G, F, D], "options": options,
            "pos": list(range(T)) if pos is None else pos, "watch": [name for name in weights if name.startswith(watch)]}


def run(student, x, weights, shape, options, pos, watch):
    layer = with_weights(student.ChatGLM2Block(*shape, **options), weights)
    (x,) = leaves(x)
    pos = torch.tensor(pos)
    out = layer(x, pos)
    named = dict(layer.named_parameters())
    found = gradients(out, {"x": x, **{name: named[name] for name in watch}})
    far = x.detach().mT.contiguous().mT
    return {"out": out, "gradients": found, "of others": [layer(far.flip(1), pos), layer(-far, pos), layer(far, pos)]}


@check(points=2, inputs=block, tolerance=GRADIENTS, lecture='the-block', public=[case('two heads share a key', B=1, T=3, C=4, F=3, watch='input'), case('one head', T=2, C=4, H=1, F=2, watch='input')])
def one_part_comes_after_the_other(student, x, weights, shape, options, pos, watch):
    """The block adds attention of a norm of x, then the feed-forward network of a norm of that sum."""
    return run(student, x, weights, shape, options, pos, watch)


@check(points=1, inputs=block, tolerance=GRADIENTS, lecture='who-shares-with-whom', public=[case('four heads, two keys', B=1, T=3, C=4, H=4, G=2, F=2, watch='input')])
def neighbours_share_a_key(student, x, weights, shape, options, pos, watch):
    """The queries of a group stand next to each other and use one key and one value."""
    return run(student, x, weights, shape, options, pos, watch)


@check(points=1, inputs=block, lecture='half-of-a-head', public=[case('positions with a gap', B=1, T=3, C=4, F=2, pos=[0, 1, 9])])
def positions_turn_and_places_hide(student, x, weights, shape, options, pos, watch):
    """Positions turn queries and keys and do nothing else; what a token sees goes by its place in x."""
    layer = with_weights(student.ChatGLM2Block(*shape, **options), weights)
    places = torch.tensor(pos)
    return [layer(x, places), layer(x, places + 5), layer(x, 2 * places), layer(x, places.flip(-1))]


@check(points=1, inputs=block, lecture='the-gate-comes-first', public=[case('two features inside', B=1, T=1, C=3, F=2, gain=3.0), case('gates far below zero, small', B=1, T=2, C=3, F=3, gain=200.0)])
def the_gate_is_the_first_half(student, x, weights, shape, options, pos, watch):
    """silu is applied to the first F outputs, which multiply the last F, and nothing overflows."""
    quiet = dict(weights)
    quiet["self_attention.dense.weight"] = torch.zeros_like(weights["self_attention.dense.weight"])  # the feed-forward network alone
    layer = with_weights(student.ChatGLM2Block(*shape, **options), quiet)
    (x,) = leaves(x)
    out = layer(x, torch.tensor(pos))
    return {"out": out, "gradient": gradients(out.sum() / out.detach().abs().max(), {"x": x})}


def exact_block(rng, **options):
    return block(rng, dtype="float64", **options)


@check(points=1, inputs=exact_block, lecture='the-block', public=[case('two heads of four', B=1, T=3, C=4, F=2)])
def float64_is_exact_to_the_end(student, x, weights, shape, options, pos, watch):
    """Norms, angles, softmax and sums are all computed in float64 when the block is float64."""
    layer, pos = with_weights(student.ChatGLM2Block(*shape, **options), weights), torch.tensor(pos)
    return {"output": layer(x, pos), "in evaluation mode": in_evaluation(layer, lambda: layer(x, pos))["with other weights"]}


@check(points=2, inputs=block, lecture='the-block', public=[case('a large eps', B=1, T=2, C=4, F=2, eps=0.5), case('a small base', B=1, T=3, C=4, H=1, F=2, D=8, base=5.0)])
def every_option_counts_and_nothing_is_left(student, x, weights, shape, options, pos, watch):
    """eps and base do what the docstring says, in both modes, and a call leaves the block and its input as they were."""
    layer = with_weights(student.ChatGLM2Block(*shape, **options), weights)
    other = with_weights(student.ChatGLM2Block(*shape, **options), {name: w.flip(0) for name, w in weights.items()}).eval()
    layer.mlp.dense_h_to_4h.weight.requires_grad_(False)
    pos = torch.tensor(pos)
    with torch.no_grad():
        outs = [layer(x, pos), other(x, pos + 1), layer.eval()(x, pos), layer(x[:1, :2], pos[:2]), layer(x, pos + 2), other.train()(x, pos)]
    quiet = layer.eval()(x, pos).requires_grad
    return {"outs": outs, "gradients flow in evaluation mode": quiet, "names": sorted(layer.state_dict()), "left": flags(layer, other, x)}
