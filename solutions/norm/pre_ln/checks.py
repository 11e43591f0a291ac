"""Checks of norm/pre_ln: the stack, the stream that no norm touches, what the parts read, fresh norms, and gradients by depth."""

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


@check(
    points=2,
    inputs=stacks,
    lecture="the-stream",
    public=[case("one layer", L=1), case("two layers, two sequences", L=2, B=2, T=2, C=3, dtype="float64")],
    hidden=[
        case("three layers", L=3, B=2, T=4, C=5, dtype="float64"),
        case("one token of many features", L=2, B=3, T=1, C=19),
        case("sizes alike", L=4, B=4, T=4, C=4, dtype="float64"),
        case("large weights", L=2, B=2, T=3, C=7, gain=20.0, dtype="float64"),
        case("a large stream", L=2, B=1, T=6, C=8, scale=50.0, offset=20.0, dtype="float64"),
        case("twenty layers", L=20, B=1, T=2, C=3, dtype="float64"),
    ],
    fresh=1,
    cites=[
        "each part of a layer reads a normalised copy",
        "For each layer in turn: x ← x + attn",
        "After the last layer",
        "Each norm is a layer norm with weights of its own",
        "gradients flow to it and to all parameters",
        "a pair (attn, ffn) for each layer",
        "x may be a view",
        "it is not changed",
        "in training mode and in evaluation mode",
        "what was returned does not change later",
    ],
)
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


@check(
    points=1,
    inputs=streams,
    lecture="the-stream",
    public=[case("all parts give 0", L=2), case("attn of the second layer gives something", L=2, givers=(2,))],
    hidden=[
        case("ffn of the first layer gives something", L=3, B=1, givers=(1,), scale=30.0),
        case("all give something to a large stream", L=4, T=2, C=5, givers=tuple(range(8)), scale=1e4),
        case("no layers", L=0, T=5, C=3),
        case("the stream has a mean", L=3, C=6, givers=(0, 5), offset=100.0),
        case("eps = 0.5", L=1, C=7, eps=0.5),
        case("larger than float16 can hold", L=2, B=1, C=5, givers=(1, 2), scale=1e6),
        case("a dozen layers of zeros", L=12, B=1, T=1, C=3, scale=1e-2),
        case("the stream has a mean that is much larger than its spread", L=2, C=6, givers=(0, 3), offset=3e4),
    ],
    cites=["Where all parts return 0", "No pairs are allowed", "which no norm touches"],
)
def no_norm_touches_the_stream(student, x, gifts, weights, more):
    """What comes in and what the parts give reaches the last norm as it is: where all parts give 0, the result is norm(x)."""
    pairs = [(Gift(attn), Gift(ffn)) for attn, ffn in gifts.view(-1, 2, gifts.shape[-1])]
    (x,) = leaves(x)
    out = with_weights(student.PreLNStack(x.shape[-1], pairs, *more), weights)(x)
    return {"out": out, "gradient": gradients(out, {"x": x})["x"]}


@check(
    points=1,
    inputs=stacks,
    lecture="the-stream",
    public=[case("one layer", L=1, dtype="float64")],
    hidden=[
        case("two layers", L=2, B=2, T=5, C=3, dtype="float64"),
        case("three layers, large weights", L=3, B=1, T=2, C=6, gain=10.0, dtype="float64"),
        case("a large stream", L=2, B=3, T=1, C=5, scale=100.0, dtype="float64"),
    ],
    cites=["Each of the parts is called once"],
)
def the_parts_read_what_their_norm_gives(student, x, weights, L, more):
    """attn is called once with norm1(x), and ffn once with norm2 of the stream that attn has added to."""
    pairs, stack = build(student, x, weights, L, more)
    heard = []
    for part in (part for pair in pairs for part in pair):
        part.register_forward_hook(lambda part, given, got: heard.append(got.detach()))
    out = stack(x)
    seen = {"attn": [attn.seen for attn, _ in pairs], "ffn": [ffn.seen for _, ffn in pairs]}
    return seen | {"out": out, "what the parts' forward hooks got": heard}


@check(
    points=1,
    inputs=stacks,
    lecture="your-task",
    public=[case("two layers of small numbers", L=2, scale=1e-3), case("eps = 0.1", L=1, T=2, C=3, eps=0.1)],
    hidden=[
        case("eps = 0.25", L=2, C=5, eps=0.25),
        case("one layer, eps = 1e-12", L=1, B=2, T=2, C=7, scale=1e-4, eps=1e-12, dtype="float64"),
        case("no layers, small numbers", L=0, C=3, scale=1e-3),
        case("no layers, eps = 0.3", L=0, C=3, eps=0.3),
        case("three layers, the default eps", L=3, C=20, scale=1e-2, dtype="float64"),
        case("eps = 0", L=1, C=5, scale=1e-2, eps=0.0, dtype="float64"),
    ],
    cites=[
        "What checks load weights by",
        "There are no other parameters",
        "at first 1 and 0",
        "The modules themselves are kept",
        "eps belongs to every norm",
        "A call leaves nothing else behind",
        "training modes",
    ],
)
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


KINDS = ("between", "Pre", "post-ln", "pre-ln", "pre ", "")  # none of them exists


def profiles(rng, kind="pre", calls=()):
    """`calls`: the arguments of each call, after the kind."""
    return {"kind": kind, "calls": [dict(call) for call in calls]}


@check(
    points=1,
    inputs=profiles,
    tolerance=Tolerance(atol=1e-9, rtol=1e-9),  # float64: right answers agree to 1e-14, float32 is off by 1e-7
    lecture="gradients-and-depth",
    public=[case("two layers and five", calls=[{"L": 2, "C": 4, "seed": 1}, {"L": 5, "C": 6, "seed": 2}])],
    hidden=[
        case("C and the seed as they are by default", calls=[{"L": 3}, {"L": 3, "seed": 1}, {"L": 3, "C": 8}]),
        case("one layer", calls=[{"L": 1, "C": 5, "seed": 70}, {"L": 1, "C": 5, "seed": 2026}]),
        case("2, 8 and 32 layers", calls=[{"L": L, "C": 24, "seed": 3} for L in (2, 8, 32)]),
        case("nine layers, many features", calls=[{"L": 9, "C": 40, "seed": 4}, {"L": 4, "C": 33, "seed": 4}]),
    ],
    cites=[
        'kind "pre": y is what',
        "The loss is the mean over the",
        "the Frobenius norm",
        "Take the parts, x and r",
        "Everything is computed in float64",
        "torch's random numbers",
        "Any other kind is a",
    ],
)
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


@check(
    points=1,
    inputs=profiles,
    tolerance=Tolerance(atol=1e-9, rtol=1e-9),  # float64: right answers agree to 1e-14, float32 is off by 1e-7
    lecture="gradients-and-depth",
    public=[case("two layers and five", kind="post", calls=[{"L": 2, "C": 4, "seed": 1}, {"L": 5, "C": 6, "seed": 2}])],
    hidden=[
        case("C and the seed as they are by default", kind="post", calls=[{"L": 3}, {"L": 3, "seed": 1}, {"L": 3, "C": 8}]),
        case("one layer", kind="post", calls=[{"L": 1, "C": 5, "seed": 70}, {"L": 1, "C": 5, "seed": 2026}]),
        case("2, 8 and 32 layers", kind="post", calls=[{"L": L, "C": 24, "seed": 3} for L in (2, 8, 32)]),
        case("nine layers, many features", kind="post", calls=[{"L": 9, "C": 40, "seed": 4}, {"L": 4, "C": 33, "seed": 4}]),
    ],
    cites=['kind "post": for each layer'],
)  # fmt: skip
def post_ln_gradients_do_not(student, kind, calls):
    """grad_profile("post", …) does the same with x ← norm(x + part(x)), without a norm at the end."""
    return [student.grad_profile(kind, **call) for call in calls]
