"""Public checks of norm/pre_ln: run `pytest` on this file, or `autograder check norm/pre_ln`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from torch import nn
from autograder.checks import Tolerance, again, case, check, flags, gradients, leaves, raises, with_weights
from autograder.lab.parts import Feed, Mix


def stacks(rng, L=2, B=1, T=3, C=4, eps=None, scale=1.0, gain=1.0, offset=0.0, dtype="float32"):
    names = {"norm": (C,)}
    for layer in range(L):
        names |= {f"layers.{layer}.{part}": (C,) for part in ("norm1", "norm2")}
        names |= {f"layers.{layer}.{part}.out": (C, C) for part in ("attn", "ffn")}
    shapes = {f"{name}.weight": shape for name, shape in names.items()} | {f"{name}.bias": (C,) for name in names}
    return {
        "x": rng.normal(B, T, C, scale=scale, dtype=dtype) + offset,
        "weights": rng.weights(shapes, gain=gain, dtype=dtype),
        "L": L,
        "more": () if eps is None else (eps,),
    }


def build(student, x, weights, L, more):
    """The parts and the student's stack of them, with these weights."""
    pairs = [(Mix(x.shape[-1]), Feed(x.shape[-1])) for _ in range(L)]
    return pairs, with_weights(student.PreLNStack(x.shape[-1], pairs, *more), weights)


@check(points=2, inputs=stacks, lecture='the-stream', public=[case('one layer', L=1), case('two layers, two sequences', L=2, B=2, T=2, C=3, dtype='float64')])
def each_part_adds_to_the_stream(student, x, weights, L, more):
    """x ← x + attn(norm1(x)), x ← x + ffn(norm2(x)) for each layer, and one norm after the last."""
    _, stack = build(student, x, weights, L, more)
    _, other = build(student, x, {name: -2 * weight for name, weight in weights.items()}, L, more)
    (leaf,) = leaves(x)
    out = stack(leaf)
    found = gradients(out, {"x": leaf, **dict(stack.named_parameters())})
    turns = [other(x), stack(-x), stack(x.mT.contiguous().mT), stack(x)]
    quiet = stack.eval()(leaf)
    evaluation = {"out": quiet, "gradient": gradients(quiet, {"x": leaf})["x"]}
    return {"out": out, "gradients": found, "turns": turns, "in evaluation mode": evaluation}


class Gift(nn.Module):
    """A part that gives the same whatever it reads."""

    def __init__(self, gift):
        super().__init__()
        self.gift = gift

    def forward(self, x):
        return self.gift.expand_as(x)


def streams(rng, L=2, B=2, T=3, C=4, givers=(), scale=1.0, offset=0.0, eps=None):
    """`givers`: which of the 2 L parts give something, the others give 0."""
    names = ["norm"] + [f"layers.{layer}.{norm}" for layer in range(L) for norm in ("norm1", "norm2")]
    shapes = {f"{name}.{kind}": (C,) for name in names for kind in ("weight", "bias")}
    gives = torch.tensor([float(part in givers) for part in range(2 * L)], dtype=torch.float64)
    return {
        "x": rng.normal(B, T, C, scale=scale, dtype="float64") + offset,
        "gifts": rng.normal(2 * L, C, dtype="float64") * gives[:, None],
        "weights": rng.weights(shapes, dtype="float64"),
        "more": () if eps is None else (eps,),
    }


@check(points=1, inputs=streams, lecture='the-stream', public=[case('all parts give 0', L=2), case('attn of the second layer gives something', L=2, givers=(2,))])
def no_norm_touches_the_stream(student, x, gifts, weights, more):
    """What comes in and what the parts give reaches the last norm as it is: where all parts give 0, the result is norm(x)."""
    pairs = [(Gift(attn), Gift(ffn)) for attn, ffn in gifts.view(-1, 2, gifts.shape[-1])]
    (x,) = leaves(x)
    out = with_weights(student.PreLNStack(x.shape[-1], pairs, *more), weights)(x)
    return {"out": out, "gradient": gradients(out, {"x": x})["x"]}


@check(points=1, inputs=stacks, lecture='the-stream', public=[case('one layer', L=1, dtype='float64')])
def the_parts_read_what_their_norm_gives(student, x, weights, L, more):
    """attn is called once with norm1(x), and ffn once with norm2 of the stream that attn has added to."""
    pairs, stack = build(student, x, weights, L, more)
    heard = []
    for part in (part for pair in pairs for part in pair):
        part.register_forward_hook(lambda part, given, got: heard.append(got.detach()))
    out = stack(x)
    seen = {"attn": [attn.seen for attn, _ in pairs], "ffn": [ffn.seen for _, ffn in pairs]}
    return seen | {"out": out, "what the parts' forward hooks got": heard}


@check(points=1, inputs=stacks, lecture='your-task', public=[case('two layers of small numbers', L=2, scale=0.001), case('eps = 0.1', L=1, T=2, C=3, eps=0.1)])
def a_fresh_stack_keeps_the_parts_as_they_are(student, x, weights, L, more):
    """The parts are kept, in their modes; each norm is new, with weight 1, bias 0, and the eps that was given."""
    C = x.shape[-1]
    pairs = [(Mix(C).eval(), Feed(C)) for _ in range(L)]
    for attn, ffn in pairs:
        ffn.out.bias.requires_grad_(False)
        for part, name in ((attn, "attn"), (ffn, "ffn")):
            with_weights(part, {k: weights[f"layers.0.{name}.{k}"] for k in ("out.weight", "out.bias")})
    given = list(pairs)
    stack = student.PreLNStack(C, given, *more)
    length = len(given)
    given.clear()  # the list is the caller's own, the modules are in the stack
    norms = {name: part.detach().clone() for name, part in stack.named_parameters() if "norm" in name}
    found = [stack.get_submodule(f"layers.{i}.attn") is pairs[i][0] for i in range(L)]
    found += [stack.get_submodule(f"layers.{i}.ffn") is pairs[i][1] for i in range(L)]
    stack.to(x.dtype)
    out = stack(x)
    modes = [[attn.training, ffn.training] for attn, ffn in pairs]
    return {"out": out, "norms": norms, "kept": found, "modes": modes, "pairs": length, "left": flags(stack, x)}


KINDS = ("between", "Pre", "post-ln", "pre-ln", "pre ", "")


def profiles(rng, kind="pre", calls=()):
    """`calls`: the arguments of each call, after the kind."""
    return {"kind": kind, "calls": [dict(call) for call in calls]}


@check(points=1, inputs=profiles, tolerance=Tolerance(atol=1e-09, rtol=1e-09), lecture='gradients-and-depth', public=[case('two layers and five', calls=[{'L': 2, 'C': 4, 'seed': 1}, {'L': 5, 'C': 6, 'seed': 2}])])
def pre_ln_gradients_shrink_with_depth(student, kind, calls):
    """grad_profile("pre", …) gives the norm of the gradient of each layer's `ffn.down`, from first to last."""
    torch.manual_seed(5)
    before = torch.rand(1).item()
    torch.manual_seed(5)
    found = [again(student.grad_profile, kind, **call) for call in calls]
    following = torch.rand(1).item() == before
    defaults = flags()
    torch.set_default_dtype(torch.float64)
    try:
        student.grad_profile(kind, 1, 2)
        defaults += flags()
    finally:
        torch.set_default_dtype(torch.float32)
    wrong = [raises("ValueError", lambda k=k: student.grad_profile(k, 1, 2)) for k in KINDS]
    return {"profiles": found, "default dtypes": defaults, "other kinds": wrong, "the next random number": [following]}


@check(points=1, inputs=profiles, tolerance=Tolerance(atol=1e-09, rtol=1e-09), lecture='gradients-and-depth', public=[case('two layers and five', kind='post', calls=[{'L': 2, 'C': 4, 'seed': 1}, {'L': 5, 'C': 6, 'seed': 2}])])
def post_ln_gradients_do_not(student, kind, calls):
    """grad_profile("post", …) does the same with x ← norm(x + part(x)), without a norm at the end."""
    return [student.grad_profile(kind, **call) for call in calls]
