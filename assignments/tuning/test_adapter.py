"""Public checks of tuning/adapter: run `pytest` on this file, or `autograder check tuning/adapter`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import copy
import torch
from torch import nn
from autograder.checks import case, check, difference, flags, gradients, lab, raises, reject, with_weights


def shapes(C, m):
    return {"down.weight": (m, C), "down.bias": (m,), "up.weight": (C, m), "up.bias": (C,)}


def bottlenecks(rng, C=4, m=2, shape=(2, 3), act="gelu", dtype="float32", loud=1.0):
    return {"weights": rng.weights(shapes(C, m), dtype=dtype), "x": rng.normal(*shape, C, dtype=dtype, scale=loud), "act": act}


@check(points=1, inputs=bottlenecks, lecture='a-narrow-way', public=[case('four numbers through two'), case('relu', act='relu', shape=(3,))])
def the_bottleneck_adds_to_x(student, weights, x, act):
    """The adapter gives x + up(act(down(x))), its change is the same without x, and gradients reach all of it."""
    m, C = weights["down.weight"].shape
    layer = with_weights(student.Bottleneck(C, m, act) if act != "gelu" else student.Bottleneck(C, m), weights)
    leaf = x.clone().requires_grad_()
    out = layer(leaf)
    view = x.unsqueeze(0).mT.contiguous().mT[0] if x.dim() else x
    seen = {"out": out.detach(), "gradients": gradients(out, {"x": leaf, **dict(layer.named_parameters())}), "change": [layer.change(x), layer.change(-x), layer.change(x)]}
    layer.eval().requires_grad_(False)
    seen |= {"views": [layer(view), layer(-view), layer(view)], "left": flags(view, layer)}
    return seen


def fresh(rng, C=16, m=12, std=None, act="gelu"):
    return {"C": C, "m": m, "std": std, "act": act, "seed": rng.integer(0, 10**6), "x": rng.normal(5, C)}


def begins_small(seen, want, inputs):
    std = inputs["std"] or 1e-3
    numbers = [(name, weight) for each in seen["fresh"] for name, weight in each.items() if name.endswith("weight")]
    for name, weight in numbers:
        unit = weight.double() / std
        n = unit.numel()
        if not bool(unit.isfinite().all()) or abs(float(unit.std()) - 1) > 7 / (2 * n) ** 0.5 or abs(float(unit.mean())) > 7 / n**0.5:
            return reject("{name} has not the mean 0 and the standard deviation init_std.", name=name)
        if n > 2000 and float(unit.abs().max()) < 2.6:
            return reject("The numbers of {name} are cut off: none is far from 0.", name=name)
        if float(unit.abs().max()) < 1.8:  # uniform ones end at 1.73; of 180 normal ones none is larger once in a million times
            return reject("The numbers of {name} are not normal.", name=name)
    flat = [weight.flatten() for _, weight in numbers]
    if any(torch.equal(a, b) for i, a in enumerate(flat) for b in flat[:i]):
        return reject("Two fresh weights are equal. Each is drawn by itself.")
    if not all(torch.equal(a[n], b[n]) for a, b in zip(seen["fresh"][:1], seen["again"], strict=True) for n in a):
        return reject("After the same torch.manual_seed a fresh adapter is another one.")
    for each in seen["fresh"]:
        if any(bool(each[name].any()) for name in ("down.bias", "up.bias")):
            return reject("The biases of a fresh adapter are not 0.")
    far = float((seen["out"] - inputs["x"]).abs().max())
    if far == 0 or far > 40 * inputs["C"] * std:
        return reject("A fresh adapter does not give nearly x.")
    return difference(seen["kept"], want["kept"])


@check(points=1, inputs=fresh, judge=begins_small, lecture='nearly-nothing-at-the-start', public=[case('the usual size')])
def a_fresh_adapter_changes_little(student, C, m, std, act, seed, x):
    """Fresh weights are normal with the deviation init_std, each drawn by itself, and biases are 0."""
    more = {} if std is None else {"init_std": std}
    torch.manual_seed(seed)
    made = [student.Bottleneck(C, m, act, **more) for _ in range(2)]
    torch.manual_seed(seed)
    again = student.Bottleneck(C, m, act, **more)
    states = [{name: p.detach().clone() for name, p in each.named_parameters()} for each in (*made, again)]
    return {
        "fresh": states[:2],
        "again": states[2:],
        "out": made[0](x).detach(),
        "kept": [flags(made[0]), raises("ValueError", lambda: student.Bottleneck(C, m, "sigmoid"))],
    }


PARTS = {"houlsby": ("attn", "mlp"), "pfeiffer": ("mlp",), "parallel": ("mlp",)}


def models(rng, style="houlsby", m=4, B=2, T=3, padded=False, act=None, norms=False, dtype="float32", layers=2, width=12, **model):
    weights = {
        f"{i}.{part}": rng.weights(shapes(width, m), dtype=dtype) for i in range(layers) for part in PARTS[style]
    }
    return {
        "model": lab("frozen_model", seed=rng.integer(0, 10**6), layers=layers, width=width, dtype=dtype, **model),
        "weights": weights,
        "ids": rng.integers(0, 29, B, T),
        "mask": torch.arange(T) < torch.tensor([T] + [max(1, T - 2)] * (B - 1))[:, None] if padded else None,
        "m": m,
        "options": {"style": style, **({"act": act} if act else {}), **({"norms": True} if norms else {})},
    }


class SubNorm(nn.LayerNorm):
    """A norm of somebody else."""


def fill(model, weights):
    """The adapters, with these weights, by place."""
    found = {}
    for place, each in weights.items():
        i, part = place.split(".")
        found[place] = with_weights(getattr(model.layers[int(i)], part).adapter, each)
    return found


def outputs(student, model, weights, ids, mask, m, options):
    adapted = student.insert_adapters(model.requires_grad_(), m, **options)
    adapters = fill(adapted, weights)
    logits = model(ids, mask=mask)
    inner = {f"{place}.{name}": p for place, adapter in adapters.items() for name, p in adapter.named_parameters()}
    return {
        "logits": logits.detach()[..., ::3],
        "gradients": gradients(logits, inner),
        "other tokens": model((ids + 1) % 29)[..., ::7].detach(),
        "the same model": adapted is model,
    }


@check(points=1, inputs=models, lecture='two-in-each-layer', public=[case('two layers'), case('one layer, padding', layers=1, padded=True, T=4, m=2)])
def two_stand_in_each_layer(student, model, weights, ids, mask, m, options):
    """What attention and the MLP give goes through an adapter before it is added to the stream."""
    return outputs(student, model, weights, ids, mask, m, options)


@check(points=1, inputs=models, lecture='one-in-each-layer', public=[case('Pfeiffer', style='pfeiffer'), case('parallel', style='parallel', T=2)])
def other_styles_have_one(student, model, weights, ids, mask, m, options):
    """Pfeiffer's adapter stands behind the MLP, the parallel one beside it, and attention has none."""
    seen = outputs(student, model, weights, ids, mask, m, options)
    return seen | {"of attention": [getattr(layer.attn, "adapter", None) for layer in model.layers]}


@check(points=1, inputs=models, lecture='what-learns', public=[case('adapters alone'), case('with norms', norms=True, layers=1)])
def only_adapters_learn(student, model, weights, ids, mask, m, options):
    """Adapters, and norms if asked for, require gradients and nothing else; modes and dtypes are the model's."""
    model.requires_grad_()
    model.layers[0].mlp.train()
    model.layers[0].mlp_norm.__class__ = SubNorm
    watched = (model, *model.layers, model.layers[0].attn.q_proj, model.layers[0].mlp.up_proj)
    old = dict(model.named_parameters())
    near = model(ids).detach()
    half = student.insert_adapters(copy.deepcopy(model).bfloat16(), m, **options)
    student.insert_adapters(model, m, **options)
    adapters = [getattr(getattr(model.layers[int(p.split(".")[0])], p.split(".")[1]), "adapter") for p in weights]  # noqa: B009
    inner = {id(p) for adapter in adapters for p in adapter.parameters()}
    seen = {
        "near": round(float((model(ids) - near).detach().abs().max()), 2),
        "learning of the model": sorted(name for name, p in old.items() if p.requires_grad),
        "learning": sum(p.numel() for p in model.parameters() if p.requires_grad),
        "adapters": sum(p.numel() for p in model.parameters() if id(p) in inner),
        "requires": sorted({p.requires_grad for adapter in adapters for p in adapter.parameters()}),
        "dtypes": sorted({str(p.dtype) for p in model.parameters()}),
        "dtypes of a model in bfloat16": sorted({str(p.dtype) for p in half.parameters()}),
        "modes": [bool(module.training) for adapter in adapters for module in (adapter, adapter.down, adapter.up)],
        "modes of the model": [part.training for part in watched],
    }
    seen["each drawn by itself"] = len({tuple(adapter.down.weight.flatten().tolist()) for adapter in adapters}) == len(adapters)
    fill(model, weights)
    twin = copy.deepcopy(model)
    logits = model(ids, mask=mask).detach()
    with torch.no_grad():
        for adapter in adapters:
            for parameter in adapter.parameters():
                parameter.zero_()
    seen |= {"logits": logits[..., ::7], "of the copy": twin(ids, mask=mask).detach()[..., ::7], "left": flags(ids)}
    student.remove_adapters(model)
    seen["of the copy, after removal"] = twin(ids, mask=mask).detach()[..., ::7]
    return seen | {"default dtype": str(torch.get_default_dtype())}


@check(points=1, inputs=models, lecture='out-again', public=[case('two layers', T=2), case('parallel', style='parallel', T=2, layers=1)])
def removing_them_restores_the_model(student, model, weights, ids, mask, m, options):
    """Without its adapters the model gives the same bits as before, has its old parameters, and takes new adapters."""
    before, old = model(ids, mask=mask), dict(model.named_parameters())
    student.remove_adapters(model)
    seen = {"without": model(ids, mask=mask)[..., ::7], "frozen": any(p.requires_grad for p in model.parameters())}
    model.requires_grad_().train()
    model.layers[0].eval()
    student.remove_adapters(model)
    watched = (model, *model.layers, model.layers[0].attn.q_proj, model.layers[-1].mlp, model.layers[0].attn)
    seen["modes"] = [[part.training for part in watched]]
    wrong = {"a style": {"style": "hulsby"}, "an act": {"act": "swish"}}
    seen["wrong"] = [[raises("ValueError", lambda w=w: student.insert_adapters(model, m, **w)), model.embed.weight.requires_grad] for w in wrong.values()]
    student.insert_adapters(model, m, **options)
    fill(model, weights)
    after = model(ids, mask=mask).detach()
    asked = [p.requires_grad for p in model.parameters()]
    seen["twice"] = raises("ValueError", lambda: student.insert_adapters(model, m + 1, **options))
    seen["as before"] = asked == [p.requires_grad for p in model.parameters()]
    seen["after being refused"] = model(ids, mask=mask).detach()[..., ::7]
    seen["far from before"] = bool((after - before).abs().max() > 1e-2)
    learning = {name: p.requires_grad for name, p in old.items()}
    student.remove_adapters(model)
    seen["modes"].append([part.training for part in watched])
    now = dict(model.named_parameters())
    seen |= {
        "before": before[..., ::7],
        "bits": (model(ids, mask=mask).detach() - before).abs().max().item(),
        "names": sorted(now),
        "the same objects": [now.get(name) is p for name, p in old.items()],
        "requires": learning == {name: p.requires_grad for name, p in now.items()},
        "adapters": [getattr(part, "adapter", None) for layer in model.layers for part in (layer.attn, layer.mlp)],
        "kinds": sorted({type(module).__name__ for module in model.modules() if isinstance(module, nn.Linear | nn.LayerNorm)}),
    }
    hooked = copy.deepcopy(model)
    hooked.layers[0].mlp.register_forward_hook(lambda module, args, out: 2 * out)
    doubled = hooked(ids).detach()
    student.insert_adapters(hooked, m, **options)
    hooked.layers[0].mlp.register_forward_hook(lambda module, args, out: None)  # behind the adapter, and changes nothing
    student.remove_adapters(hooked)
    seen["hooks of others stay"] = torch.equal(hooked(ids).detach(), doubled)
    student.insert_adapters(model, m, **options)
    fill(model, weights)
    return seen | {"again": model(ids, mask=mask).detach()[..., ::7]}


@check(points=1, lecture='what-it-costs', public=[case('two layers of 16', sizes=[(2, 16, 4), (2, 16, 4, 'pfeiffer')])])
def adapters_are_counted(student, sizes):
    """An adapter has 2Cm + m + C numbers; Houlsby's style has two in each layer, the others one."""
    return [student.adapter_params(*each) for each in sizes] + [raises("ValueError", lambda: student.adapter_params(1, 2, 3, "lora"))]
