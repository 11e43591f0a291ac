"""Public checks of tuning/p_tuning_v2: run `pytest` on this file, or `autograder check tuning/p_tuning_v2`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

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


@check(points=2, inputs=tasks, lecture='a-prompt-in-every-layer', public=[case('two sequences, one padded'), case('no mask', lengths=(3,), T=3, P=1, masked=False)])
def a_sequence_is_read_at_its_first_token(student, backbone, prefix, head, ids, mask, options):
    """The head reads the first token's state, behind a prompt in every layer, and gradients reach each layer's prompt."""
    return observed(student, backbone, prefix, head, ids, mask, options)


@check(points=1, inputs=tasks, lecture='no-words-for-labels', public=[case('two sequences, one padded', task='tag', T=3, lengths=(3, 2))])
def every_token_has_its_answer(student, backbone, prefix, head, ids, mask, options):
    """With task="tag" there is one row of logits for each token, and none for the prompt."""
    return observed(student, backbone, prefix, head, ids, mask, options)


@check(points=1, inputs=tasks, lecture='with-or-without-a-network', public=[case('a network', reparam=True, layers=1, width=6, heads=2)])
def a_network_makes_the_prompt(student, backbone, prefix, head, ids, mask, options):
    """With reparam=True a small table goes through a linear layer, tanh, and another linear layer."""
    return observed(student, backbone, prefix, head, ids, mask, options)


@check(points=1, inputs=tasks, lecture='a-prompt-in-every-layer', public=[case('no prompt', P=0, layers=1, lengths=(3, 2), T=3)])
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


@check(points=1, inputs=tasks, lecture='what-learns', public=[case('two layers')])
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


@check(points=1, inputs=tasks, lecture='what-learns', public=[case('a sequence and its tokens')])
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


@check(points=1, inputs=models_to_count, lecture='what-it-costs', public=[case('five positions', sizes=[(5, 2, 12, 3), (5, 2, 12, 3, 'tag', True)], frozen=[0])])
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
