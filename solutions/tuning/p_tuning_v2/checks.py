"""Checks of tuning/p_tuning_v2: logits for sequences and tokens, masks, the network, shared prompts, no prompt, and the counts."""

import torch
from torch import nn

from autograder.checks import case, check, flags, gradients, lab, raises, with_weights


def tasks(rng, lengths=(4, 2), T=4, P=3, n=2, task="cls", reparam=False, masked=True, dtype="float32", layers=2, width=12, **model):
    wide = layers * 2 * width
    prefix = {"embedding.weight": (P, width if reparam else wide)}
    if reparam:
        prefix |= {"transform.0.weight": (width, width), "transform.0.bias": (width,)}
        prefix |= {"transform.2.weight": (wide, width), "transform.2.bias": (wide,)}
    weights = rng.weights(prefix, gain=2.0, dtype=dtype)
    weights["embedding.weight"] = rng.normal(*prefix["embedding.weight"], dtype=dtype)
    real = torch.arange(T) < torch.tensor(lengths)[:, None]
    return {
        "backbone": lab("frozen_model", seed=rng.integer(0, 10**6), causal=False, layers=layers, width=width, dtype=dtype, **model),
        "prefix": weights,
        "head": rng.weights({"weight": (n, width), "bias": (n,)}, dtype=dtype),
        "ids": rng.integers(0, 29, len(lengths), T),
        "mask": real if masked else None,
        "options": {"P": P, "n_labels": n, **({"task": task} if task != "cls" else {}), **({"reparam": True} if reparam else {})},
    }


def built(student, backbone, prefix, head, options, shared=None):
    more = {} if shared is None else {"shared": shared}
    model = student.PTuningV2(backbone, **options, **more)
    with_weights(model.prefix, prefix)
    with_weights(model.head, head)
    return model


def observed(student, backbone, prefix, head, ids, mask, options):
    model = built(student, backbone, prefix, head, options).train()
    backbone.layers[0].eval()
    logits = model(ids, mask)
    modes = [[part.training for part in (model, model.head, backbone, *backbone.layers, backbone.layers[0].mlp)]]
    views = [x if x is None else x.T.contiguous().T for x in (ids, mask)]
    seen = {"logits": logits.detach(), "of views": model(*views).detach(), "modes": modes}
    learned = {f"prefix.{n}": p for n, p in model.prefix.named_parameters()} | {f"head.{n}": p for n, p in model.head.named_parameters()}
    seen["gradients"] = gradients(logits, learned)
    seen |= {"turned": model((ids + 1) % 29, mask).detach(), "shorter": model(ids[:1, :1]).detach()}
    evaluated = gradients(model.eval()(ids, mask), learned)
    with torch.no_grad():
        model.prefix.embedding.weight.mul_(0.5)
        after = model(ids, mask)
        model.prefix.embedding.weight.mul_(2)
    seen |= {"gradients in evaluation mode": evaluated, "in evaluation mode, after a step": after}
    model.requires_grad_(False)
    return seen | {"in evaluation mode": model(ids.flip(0), None if mask is None else mask.flip(0)), "left": flags(views[0], model.prefix, model.head)}


@check(
    points=2,
    inputs=tasks,
    lecture="a-prompt-in-every-layer",
    public=[case("two sequences, one padded"), case("no mask", lengths=(3,), T=3, P=1, masked=False)],
    hidden=[
        case("three layers, float64", layers=3, lengths=(2, 5, 1), T=5, P=2, n=3, dtype="float64"),
        case("other sizes", width=6, heads=2, layers=1, lengths=(3, 4), P=5, n=4),
        case("one token", lengths=(1,), T=1, P=2, n=1),
        case("all sizes alike", width=4, heads=2, layers=2, lengths=(2, 2), T=2, P=2, n=2),
        case("many labels", lengths=(4, 1, 3), P=4, n=19, heads=4),
        case("many positions", width=4, heads=1, layers=1, lengths=(3, 2), T=3, P=18),
    ],
    fresh=1,
    cites=[
        "read from the state of the first token",
        "A row holds layer after layer",
        "The tokens have the positions",
        "The prompt can always be seen",
        "Gradients reach prefix and head",
        "is an `nn.Linear` from C to n",
    ],
)
def a_sequence_is_read_at_its_first_token(student, backbone, prefix, head, ids, mask, options):
    """The head reads the first token's state, behind a prompt in every layer, and gradients reach each layer's prompt."""
    return observed(student, backbone, prefix, head, ids, mask, options)


@check(
    points=1,
    inputs=tasks,
    lecture="no-words-for-labels",
    public=[case("two sequences, one padded", task="tag", T=3, lengths=(3, 2))],
    hidden=[
        case("no mask, float64", task="tag", lengths=(4, 4, 4), P=2, n=3, masked=False, dtype="float64"),
        case("a prompt longer than the text", task="tag", lengths=(2, 1), T=2, P=7, layers=1),
        case("with a network", task="tag", reparam=True, width=6, heads=2, layers=2, lengths=(3, 5), T=5, P=2, n=4),
    ],
    fresh=1,
    cites=["one row for each token, none for the prompt", "one to each token"],
)
def every_token_has_its_answer(student, backbone, prefix, head, ids, mask, options):
    """With task="tag" there is one row of logits for each token, and none for the prompt."""
    return observed(student, backbone, prefix, head, ids, mask, options)


@check(
    points=1,
    inputs=tasks,
    lecture="with-or-without-a-network",
    public=[case("a network", reparam=True, layers=1, width=6, heads=2)],
    hidden=[
        case("three layers, float64", reparam=True, layers=3, width=4, heads=1, dtype="float64", P=5),
        case("one position", reparam=True, layers=2, width=6, heads=3, P=1, lengths=(2, 3), T=3),
    ],
    cites=["With reparam=True it has", "a network that makes the large table"],
)
def a_network_makes_the_prompt(student, backbone, prefix, head, ids, mask, options):
    """With reparam=True a small table goes through a linear layer, tanh, and another linear layer."""
    return observed(student, backbone, prefix, head, ids, mask, options)


@check(
    points=1,
    inputs=tasks,
    lecture="a-prompt-in-every-layer",
    public=[case("no prompt", P=0, layers=1, lengths=(3, 2), T=3)],
    hidden=[
        case("no prompt for tokens", P=0, task="tag", lengths=(4, 4), masked=False, dtype="float64"),
        case("no prompt, three labels", P=0, n=3, lengths=(1, 5), T=5),
        case("as many positions as there are", P=5, lengths=(4, 3), T=4, longest=9),
        case("no prompt, as many positions as there are", P=0, task="tag", lengths=(6, 4), T=6, longest=6),
    ],
    cites=["Raises `ValueError` when P + T", "exactly as many are allowed"],
)
def without_a_prompt_it_is_a_linear_probe(student, backbone, prefix, head, ids, mask, options):
    """With P = 0 the head reads the states of the frozen encoder; more positions than it has are a ValueError."""
    model = built(student, backbone, prefix, head, options)
    n = backbone.longest - options["P"]
    logits = model(ids, mask)
    return {
        "logits": logits.detach(),
        "gradients": gradients(logits, dict(model.head.named_parameters())),
        "as long as possible": model(ids[:, :1].expand(-1, n)).detach(),
        "too long": raises("ValueError", lambda: model(ids[:, :1].expand(-1, n + 1))),
        "another task": [raises("ValueError", lambda task=task: student.PTuningV2(backbone, 1, 2, task)) for task in ("mlm", "", "c", "CLS")],
    }


@check(
    points=1,
    inputs=tasks,
    lecture="what-learns",
    public=[case("two layers")],
    hidden=[
        case("a network, float64", reparam=True, layers=1, width=6, heads=2, dtype="float64"),
        case("for tokens", task="tag", layers=3, n=4, P=1),
        case("float64", dtype="float64", lengths=(2, 1), T=2),
    ],
    cites=[
        "is kept as it is, not copied, and frozen",
        "Prefix and head require gradients",
        "have the dtype of the backbone",
        "No call changes a mode",
    ],
)
def the_backbone_is_frozen(student, backbone, prefix, head, ids, mask, options):
    """The backbone is the same object, frozen, in its modes; prefix and head learn, in its dtype, another one for each model."""
    backbone.requires_grad_()
    backbone.layers[0].train()
    old = list(backbone.parameters())
    one, two = (student.PTuningV2(backbone, **options) for _ in range(2))
    seen = {
        "the same": one.backbone is backbone,
        "frozen": [p.requires_grad for p in old],
        "dtypes": sorted({str(p.dtype) for p in one.parameters()}),
        "learning": sorted(name for name, p in one.named_parameters() if p.requires_grad),
        "modes": [[m.training for m in (model.backbone, backbone.layers[0], backbone.layers[-1].mlp)] for model in (one,)],
        "others": not torch.equal(one.prefix.embedding.weight, two.prefix.embedding.weight),
    }
    with_weights(one.prefix, prefix)
    with_weights(one.head, head)
    logits = one(ids, mask)
    logits.square().sum().backward()
    seen["gradients of the backbone"] = [p.grad for p in old]
    with torch.no_grad():
        two.prefix.embedding.weight.zero_()
    return seen | {"logits": logits.detach(), "again": one(ids, mask).detach(), "default": str(torch.get_default_dtype())}


@check(
    points=1,
    inputs=tasks,
    lecture="what-learns",
    public=[case("a sequence and its tokens")],
    hidden=[
        case("two networks are one", reparam=True, layers=1, width=6, heads=2, P=2),
        case("tokens first, float64", task="tag", n=3, dtype="float64"),
    ],
    cites=["The prompt is then", "each has its own head", "P and reparam have to be those"],
)
def several_tasks_share_a_prompt(student, backbone, prefix, head, ids, mask, options):
    """With `shared`, two tasks have one prompt, which learns from both, and each has its own head."""
    first = built(student, backbone, prefix, head, options)
    other = "tag" if options.get("task", "cls") == "cls" else "cls"
    second = student.PTuningV2(backbone, **{**options, "task": other, "n_labels": 5}, shared=first)
    with torch.no_grad():
        for name, parameter in second.head.named_parameters():
            parameter.copy_(torch.linspace(-1, 1, parameter.numel()).view(parameter.shape) * (2 if name == "weight" else 1))
    outs = [first(ids, mask), second(ids, mask)]
    numbers = [sum(p.numel() for p in each.parameters() if p.requires_grad) for each in (first, second)]
    learned = dict(first.prefix.named_parameters())
    seen = {"logits": [out.detach() for out in outs], "one prompt": first.prefix is second.prefix}
    seen["gradients"] = [gradients(out, learned) for out in (*outs, outs)]
    with torch.no_grad():
        first.prefix.embedding.weight.mul_(0.5)
    seen["after a step"] = second(ids, mask).detach()
    P, reparam = options["P"], options.get("reparam", False)
    seen["another length"] = [raises("ValueError", lambda n=n: student.PTuningV2(backbone, n, 2, "cls", reparam, first)) for n in (P + 1, 0)]
    seen["another kind"] = raises("ValueError", lambda: student.PTuningV2(backbone, P, 2, "cls", not reparam, first))
    return seen | {"learns": numbers, "heads": [tuple(each.head.weight.shape) for each in (first, second)]}


def models_to_count(rng, sizes=(), frozen=()):
    return {"sizes": [tuple(each) for each in sizes], "frozen": list(frozen)}


@check(
    points=1,
    inputs=models_to_count,
    lecture="what-it-costs",
    public=[case("five positions", sizes=[(5, 2, 12, 3), (5, 2, 12, 3, "tag", True)], frozen=[0])],
    hidden=[
        case("BERT large", sizes=[(20, 24, 1024, 2), (128, 24, 1024, 9, "tag"), (20, 24, 1024, 2, "cls", True)], frozen=[1, 2]),
        case("nothing but the head", sizes=[(0, 3, 7, 2), (0, 1, 1, 1, "tag"), (0, 3, 7, 2, "cls", True)], frozen=[0, 1, 2]),
        case("one of each", sizes=[(1, 1, 1, 1), (1, 1, 1, 1, "cls", True), (2, 3, 5, 7, "tag", True), (1, 2, 3, 20)], frozen=[]),
    ],
    cites=["How many numbers a `PTuningV2` learns", "a parameter that occurs twice", "A model without parameters", "Another task raises"],
)
def what_learns_is_counted(student, sizes, frozen):
    """trainable_count has the prompt, its network and the head; trainable_fraction counts every parameter once."""
    layers = [nn.Linear(3, 2), nn.Linear(4, 5, bias=False), nn.Linear(2, 7)]
    for n in frozen:
        layers[n].requires_grad_(False)
    layers[2].bias.requires_grad_(False)
    whole = nn.Sequential(*layers)
    layers[0].eval()
    held, counted = list(whole.parameters()), student.trainable_fraction(whole)
    left = [flags(whole), [part.training for part in layers], [a is b for a, b in zip(held, whole.parameters(), strict=True)]]
    return {
        "left": left,
        "whole": counted,
        "counts": [student.trainable_count(*each) for each in sizes],
        "fractions": [student.trainable_fraction(m) for m in (nn.Sequential(*layers), nn.Sequential(*layers, layers[0]), layers[2])],
        "nothing": student.trainable_fraction(nn.ReLU()),
        "another task": [raises("ValueError", lambda task=task: student.trainable_count(1, 2, 3, 4, task)) for task in ("mlm", "", "c", "CLS")],
    }
