"""Public checks of tuning/lora: run `pytest` on this file, or `autograder check tuning/lora`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from torch import nn
from autograder.checks import Tolerance, case, check, difference, flags, gradients, implausible, in_evaluation, lab, reject
from autograder.lab.toys import Conv1D


OUTPUT = Tolerance(atol=3e-5, rtol=1e-5)


class SubLinear(nn.Linear):
    """A linear layer of somebody's own, as models have them."""


class Doubled(nn.Linear):
    """A linear layer that computes something of its own."""

    def forward(self, x):
        return 2 * super().forward(x)


def settings():
    """What a call has to leave as it was."""
    return [str(torch.get_default_dtype()), torch.is_grad_enabled()]


def base_layer(weight, bias=None, conv=False):
    """A linear layer with these weights: `nn.Linear`'s are (out, in), Conv1D's (in, out)."""
    if conv:
        layer = Conv1D(*weight.shape, dtype=weight.dtype)
    else:
        layer = nn.Linear(weight.shape[1], weight.shape[0], bias is not None, dtype=weight.dtype)
    layer.to(weight.device)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer


def adapted(student, weight, bias, A, B, conv=False, **options):
    """The student's layer on such a base, with these A and B."""
    return with_adapter(student.LoRALinear(base_layer(weight, bias, conv), fan_in_fan_out=conv, **options), A, B)


def with_adapter(layer, A, B):
    """`layer`, with these A and B."""
    with torch.no_grad():
        layer.A.copy_(A)
        layer.B.copy_(B)
    return layer


def fill(model, names, B=True):
    """Write numbers that depend on the place alone into A and B of the layers called `names`."""
    with torch.no_grad():
        for i, name in enumerate(names):
            layer = model.get_submodule(name)
            layer.A.copy_(torch.arange(layer.A.numel()).add(3 * i).cos().view(layer.A.shape))
            if B:
                layer.B.copy_(torch.arange(layer.B.numel()).add(5 * i).sin().view(layer.B.shape))


def numbers(rng, n_in=4, n_out=3, r=2, shape=(5,), bias=True, dtype="float32", conv=False, alpha=4.0, **options):
    """Weights of a base and its adapter, and inputs of shape (*shape, in)."""
    dtype = getattr(torch, dtype)
    wide = torch.promote_types(dtype, torch.float32)
    weight = rng.normal(*((n_in, n_out) if conv else (n_out, n_in)), dtype=dtype)
    return {
        "weight": weight,
        "bias": rng.normal(n_out, dtype=dtype) if bias else None,
        "A": rng.normal(r, n_in, dtype=wide),
        "B": rng.normal(n_out, r, dtype=wide),
        "x": rng.normal(*shape, n_in, dtype=dtype),
        "options": {"r": r, "alpha": alpha, **options},
    }


def starts_at_zero(seen, want):
    """B is 0, A has the right shape and r independent rows, another A in each layer."""
    for part in [name for name in want if not name.startswith("A") or "and" in name]:
        found = difference(seen[part], want[part])
        if found is not None:
            return found
    for part in ("A", "A of another layer"):
        if seen[part].shape != want[part].shape:
            return difference(seen[part], want[part])
    both = torch.cat([seen["A"], seen["A of another layer"]]).double()
    if not both.isfinite().all() or torch.linalg.matrix_rank(both) < len(both):
        return reject(
            "A must be random, independently in each row and each layer. Rows of equal or zero A learn the same, or nothing."
        )
    # The mean of n honest values is off by 6.5 standard errors once in 10¹⁰ times.
    if both.numel() > 1000 and both.mean().abs() > 6.5 * both.std() / both.numel() ** 0.5:
        return reject("A must be random with mean 0: as often below as above.")
    return None


@check(points=1, inputs=numbers, judge=starts_at_zero, lecture='a-change-of-low-rank', public=[case('rank 2', n_in=6, n_out=3)])
def a_fresh_layer_changes_nothing(student, weight, bias, A, B, x, options):
    """At the start B is 0 and A random, so that the layer gives what its base gives; the base is frozen."""
    base = base_layer(weight, bias)
    held, places = list(base.parameters()), [parameter.data_ptr() for parameter in base.parameters()]
    layer, other = student.LoRALinear(base, **options), student.LoRALinear(base_layer(weight, bias), **options)
    output = layer(x)
    own = base_layer(weight, bias)
    own.__class__ = Doubled
    in_evaluation = student.LoRALinear(base_layer(weight, bias).eval(), **options)
    return {
        "base is kept": [layer.base is base, *(a is b for a, b in zip(held, layer.base.parameters(), strict=True))],
        "its data are where they were": [a.data_ptr() == b for a, b in zip(held, places, strict=True)],
        "base requires gradients": [bool(parameter.requires_grad) for parameter in base.parameters()],
        "A and B are parameters": [type(part).__name__ for part in (layer.A, layer.B)],
        "A and B require gradients": [bool(part.requires_grad) for part in (layer.A, layer.B)],
        "names": sorted(name for name, _ in layer.named_parameters()),
        "modes": [layer.training, layer.base.training, in_evaluation.training, in_evaluation.base.training],
        "merged": bool(layer.merged),
        "settings": settings(),
        "output": output.detach(),
        "output on a base with a forward of its own": student.LoRALinear(own, **options)(x).detach(),
        "gradients of base": gradients(output, base),
        "B": layer.B.detach(),
        "A": layer.A.detach(),
        "A of another layer": other.A.detach(),
    }


def as_exact_as_its_dtype(seen, want):
    return difference(seen, want, OUTPUT if want["output"].dtype == torch.float32 else None)


@check(points=1, inputs=numbers, judge=as_exact_as_its_dtype, lecture='a-change-of-low-rank', public=[case('alpha 4, rank 2', n_in=3, n_out=2), case('alpha 1, rank 3, no bias', r=3, alpha=1.0, bias=False)])
def the_adapter_is_scaled_by_alpha_over_r(student, weight, bias, A, B, x, options):
    """y = base(x) + alpha / r · B A x, and delta() is alpha / r · B A, in the layout of base.weight."""
    layer = adapted(student, weight, bias, A, B, **options)
    x = x.clone().requires_grad_()
    wide = torch.cat([x, -x], -1).detach()  # its first half is x, not contiguous
    seen = {
        "output": layer(x),
        "delta": layer.delta().detach().clone(),
        "output of a view": layer(wide[..., : x.shape[-1]]).detach(),
    }
    grads = gradients(seen["output"], {"x": x, "A": layer.A, "B": layer.B})
    other = adapted(student, 2 * weight, bias, -A, B + 1, **options)
    seen |= {"output of another layer": other(x.detach()).detach(), "delta of another layer": other.delta().detach()}
    with torch.no_grad():
        layer.B.mul_(-0.5)
    seen |= {"output after a step": layer(x).detach(), "delta after a step": layer.delta().detach()}
    seen["output"] = seen["output"].detach()
    seen["in evaluation mode"] = in_evaluation(layer, lambda: layer(x.detach()))
    return seen | {f"gradient of {name}": grad for name, grad in grads.items()} | {"settings": settings()}


@check(points=1, inputs=numbers, lecture='the-scale', tolerance=OUTPUT, public=[case('rank 4: alpha / 2', r=4, alpha=3.0, rslora=True)])
def rslora_divides_by_the_root_of_r(student, weight, bias, A, B, x, options):
    """With rslora=True the scale is alpha / √r: of the output, of delta(), and of the merged weight."""
    layer = adapted(student, weight, bias, A, B, **options)
    output, delta = layer(x).detach(), layer.delta().detach()
    layer.merge()
    return {"output": output, "delta": delta, "merged weight": layer.base.weight.detach()}


@check(points=1, inputs=numbers, lecture='merging', tolerance=OUTPUT, public=[case('merged and unmerged', n_in=3, n_out=2)])
def merging_folds_the_change_into_the_weight(student, weight, bias, A, B, x, options):
    """Merged, base alone gives the adapted output; merging twice is merging once; unmerging restores the weight."""
    base = base_layer(weight, bias)
    layer = student.LoRALinear(base, **options).eval()
    held = base.weight
    tied = nn.Linear(weight.shape[1], weight.shape[0], False, dtype=weight.dtype).requires_grad_(False)
    tied.weight = held
    with torch.no_grad():
        layer.A.copy_(A)
        layer.B.copy_(B)
    layer.unmerge()
    seen = {"output before": layer(x), "merged before": bool(layer.merged)}
    layer.merge()
    layer.merge()
    seen |= {"weight": base.weight.clone(), "output": layer(x), "output of base": base(x), "merged": bool(layer.merged)}
    seen["the weight is the same object"] = [base.weight is held, layer.base is base]
    seen["output of a tied layer"] = tied(x)
    seen["the weight has a history"] = base.weight.grad_fn is not None
    seen["A and B require gradients"] = [bool(part.requires_grad) for part in (layer.A, layer.B)]
    seen["mode"], seen["settings"] = bool(layer.training), settings()
    layer.train()
    seen["output in training mode"] = layer(x)
    layer.eval()
    layer.unmerge()
    seen["the weight is the same object, unmerged"] = base.weight is held
    seen["output of a tied layer, unmerged"] = tied(x)
    layer.unmerge()
    seen |= {"weight after": base.weight.clone(), "output after": layer(x), "merged after": bool(layer.merged)}
    layer.train()
    calls = {"forward": lambda: layer(x), "delta": layer.delta, "merge": layer.merge, "unmerge": layer.unmerge}
    for name, call in calls.items():
        call()
        seen[f"left after {name}"] = flags(layer, x)
    return {name: value.detach() if isinstance(value, torch.Tensor) else value for name, value in seen.items()}


@check(points=1, inputs=numbers, lecture='gpt-2-stores-the-transpose', tolerance=OUTPUT, public=[case('3 features in, 2 out', n_in=3, n_out=2, conv=True)])
def fan_in_fan_out_turns_the_change(student, weight, bias, A, B, x, options):
    """On Conv1D, with a weight of (in, out), delta() and the merged weight have that layout too."""
    layer = adapted(student, weight, bias, A, B, conv=True, **options)
    seen = {"output": layer(x), "delta": layer.delta()}
    layer.merge()
    seen |= {"weight": layer.base.weight.clone(), "merged output": layer(x)}
    return {name: value.detach() for name, value in seen.items()}


def descend(parameters):
    """A step of gradient descent with weight decay. (The first use of torch.optim costs seconds of imports.)"""
    with torch.no_grad():
        for parameter in parameters:
            gradient = 0 if parameter.grad is None else parameter.grad
            parameter -= 0.1 * (gradient + 0.1 * parameter)


def decoder(rng, kind="llama", pattern=r".*\.[qv]_proj", second=None, r=2, alpha=4.0, layers=2, **more):
    return {
        "model": lab("toy_decoder", kind=kind, seed=rng.integer(0, 2**31), layers=layers),
        "tokens": rng.integers(0, 11, 2, 5),
        "pattern": pattern,
        "second": second,
        "options": {"r": r, "alpha": alpha, **more},
    }


@check(points=1, inputs=decoder, lecture='training', tolerance=Tolerance(atol=0.0001, rtol=0.0001), public=[case('queries and values', layers=1)])
def only_a_and_b_learn(student, model, tokens, pattern, second, options):
    """Only A and B get gradients: at the first step dA is 0 and dB is not; weight decay does not touch frozen weights."""
    names = student.inject(model, pattern, **options)
    fill(model, names, B=False)
    seen = {}
    for step in ("first", "second"):
        model.zero_grad()
        logits = model(tokens)
        logits.logsumexp(-1).sub(logits[..., 3]).sum().backward()
        for name, parameter in model.named_parameters():
            seen[f"{step} gradient of {name}"] = None if parameter.grad is None else parameter.grad.clone()
        descend([parameter for parameter in model.parameters() if parameter.requires_grad])
    return seen | {name: parameter.detach() for name, parameter in model.named_parameters()}


@check(points=1, inputs=decoder, lecture='which-layers', tolerance=Tolerance(atol=0.0001, rtol=0.0001), public=[case('queries and values', layers=1), case('the whole name has to match', pattern='q_proj', layers=1)])
def inject_replaces_linear_layers_by_name(student, model, tokens, pattern, second, options):
    """Every nn.Linear and Conv1D whose whole name matches is adapted once, in its mode; all the rest is frozen."""
    model.eval()
    for module in list(model.modules()):  # some layers are of a subclass
        if isinstance(getattr(module, "v_proj", None), nn.Linear):
            module.v_proj.__class__ = SubLinear
    kept = dict(model.named_parameters())
    held = [id(parameter) for parameter in kept.values()]
    replaced = [student.inject(model, pattern, **options)]
    if second is not None:
        replaced.append(student.inject(model, second, **options))
    names = [name for each in replaced for name in each]
    fill(model, names)
    namesakes = nn.ModuleDict({"base": nn.Linear(2, 2), "A": nn.Linear(2, 2), "inner": nn.ModuleDict({"base": nn.Linear(2, 2)})})  # named as parts of an adapter
    return {
        "names of layers that are called base and A": student.inject(namesakes, ".*", 1, 1.0),
        "names": replaced,
        "logits": model(tokens).detach(),
        "learning": sorted(name for name, parameter in model.named_parameters() if parameter.requires_grad),
        "in training mode": [name for name, module in model.named_modules() if module.training],
        "parameters that are gone": [
            name for name, old in zip(kept, held, strict=True) if old not in {id(each) for each in model.parameters()}
        ],
        "settings": settings(),
    }


def stepped(model, names, state):
    """The state after A of each layer has moved."""
    for name in names:
        model.get_submodule(name).A.data.mul_(0.5)
    return state


@check(points=1, inputs=decoder, lecture='what-is-saved', tolerance=Tolerance(atol=0.0001, rtol=0.0001), public=[case('queries and values', layers=1)])
def the_adapter_is_saved_alone(student, model, tokens, pattern, second, options):
    """adapter_state has copies of A and B under their names in state_dict(), of LoRALinears only, and can be loaded."""
    model.train()
    known = [name for name, _ in model.named_modules()]  # beside them, a LoRALinear may have parts of its own
    names = student.inject(model, pattern, **options)
    next(model.children()).eval()  # so that both modes occur
    fill(model, names)
    held = [model.get_submodule(name).B for name in names]
    state = student.adapter_state(model)
    saved = {name: value.clone() for name, value in state.items()}
    left = [*flags(model), {name: model.get_submodule(name).training for name in known}]
    for parameter in held:  # they are the model's still
        parameter.data.zero_()
    seen = {
        "left": left,
        "saved": saved,
        "saved again": student.adapter_state(model),
        "after the model changed": {name: value.clone() for name, value in state.items()},
        "after a step of A": {name: value.clone() for name, value in stepped(model, names, state).items()},
        "with gradients": [name for name, value in state.items() if value.requires_grad],
        "learning still": [bool(model.get_submodule(name).A.requires_grad) for name in names],
        "logits without": model(tokens).detach(),
    }
    model.load_state_dict(saved, strict=False)
    alone = student.LoRALinear(nn.Linear(3, 2), 1, 1.0)
    return seen | {"logits with": model(tokens).detach(), "of a layer alone": sorted(student.adapter_state(alone))}


def dropped(rng, p, n=4000, alpha=2.0, injected=False):
    """Rank 1, with A = (1, 10), B = (1, 2, 4) and x = (2, 3): what was dropped can be read from the output. `injected`: `inject` makes
    the layer."""
    return {
        "weight": rng.normal(3, 2),
        "A": torch.tensor([[1.0, 10.0]]),
        "B": torch.tensor([[1.0], [2.0], [4.0]]),
        "x": torch.tensor([2.0, 3.0]).repeat(n, 1),
        "options": {"r": 1, "alpha": alpha, "dropout": p},
        "injected": injected,
    }


def drops_features_of_x(seen, want, inputs):
    p, s = inputs["options"]["dropout"], inputs["options"]["alpha"]
    for part in ("in evaluation mode", "merged, in training mode"):
        found = difference(seen[part], want[part], OUTPUT)
        if found is not None:
            return found
    output = seen["in training mode"]
    if output.shape != want["in training mode"].shape:
        return difference(output, want["in training mode"])
    change = (output - inputs["x"] @ inputs["weight"].T).double() / s  # (n, 3): B A dropout(x)
    kept = change[:, 0] * (1 - p)  # 0, 2, 30 or 32: which of the two features went through
    index = (kept[:, None] - torch.tensor([0.0, 2.0, 30.0, 32.0])).abs().min(-1)
    same = (change - change[:, :1] * inputs["B"].T.double()).abs().max()
    if not (float(index.values.max()) < 1e-3 and float(same) < 1e-2):
        return reject(
            "In training mode, dropout belongs to x on its way into A: each feature is either dropped or divided by 1 - p, "
            "and base sees all of x."
        )
    q = 1 - p
    expected = torch.tensor([p * p, q * p, p * q, q * q], dtype=torch.float64)
    if implausible(torch.bincount(index.indices, minlength=4), expected):
        return reject("Features are not dropped independently with the probability `dropout`.")
    return None


@check(points=1, inputs=dropped, judge=drops_features_of_x, lecture='training', public=[case('one in four', p=0.25, n=3000)])
def dropout_acts_on_the_way_into_a(student, weight, A, B, x, options, injected):
    """In training mode, features of x are dropped before A (base sees all); in evaluation mode or merged, none are."""
    if injected:
        model = nn.Sequential(base_layer(weight))
        student.inject(model, "0", **options)
        layer = with_adapter(model[0], A, B)
    else:
        layer = adapted(student, weight, None, A, B, **options)
    training = layer.train()(x).detach()
    evaluation = layer.eval()(x).detach()
    layer.merge()
    return {
        "in training mode": training,
        "in evaluation mode": evaluation,
        "merged, in training mode": layer.train()(x).detach(),
    }


def dyadic(rng, n_in=8, n_out=6, r=4, conv=False, dtype="bfloat16"):
    """A and B of eighths and a scale of 1/2: ΔW is exact in float32 in any order, and so is the sum with W."""
    dtype = getattr(torch, dtype)
    return {
        "weight": (rng.integers(-256, 257, *((n_in, n_out) if conv else (n_out, n_in))) / 128).to(dtype),
        "A": rng.integers(-16, 17, r, n_in) / 8,
        "B": rng.integers(-16, 17, n_out, r) / 8,
        "x": rng.normal(5, n_in, dtype=dtype),
        "options": {"r": r, "alpha": r / 2},
        "conv": conv,
    }


@check(points=1, inputs=dyadic, lecture='precision', public=[case('bfloat16', n_in=4, n_out=3)])
def low_precision_is_merged_through_float32(student, weight, A, B, x, options, conv):
    """On a bfloat16 base, A and B and their gradients are float32, outputs bfloat16; merging rounds the sum of both once."""
    layer = adapted(student, weight, None, A, B, conv, **options)
    leaf = x.clone().requires_grad_()
    output = layer(leaf)
    grads = gradients(output.float(), {"A": layer.A, "B": layer.B, "x": leaf})
    layer.merge()
    # -4 + 3 · 1 / 0.75 is 0, and stays it as long as 1 / 0.75 is not rounded to the base's dtype.
    one = torch.ones(1, 1)
    small = adapted(student, -4 * one.to(x.dtype), None, 3 * one, one, r=1, alpha=1.0, dropout=0.25)
    dropped = small.train()(torch.ones(200, 1, dtype=x.dtype)).detach().flatten().tolist()
    return {
        "output": output.detach(),
        "merged weight": layer.base.weight.detach(),
        "merged output": layer(x).detach(),
        "A": layer.A.detach(),
        "gradient of x": grads["x"],
        "dropped or not, of -4 and 3": sorted({round(value, 3) + 0.0 for value in dropped}),
        "dtypes of the gradients": {name: str(getattr(grad, "dtype", None)) for name, grad in grads.items()},
    }


@check(points=1, lecture='what-it-costs', public=[case('two layers', shapes=[(8, 8), (8, 2)], r=1), case('GPT-3', shapes=[(12288, 12288)] * 192, r=1)])
def adapters_cost_rows_plus_columns(student, shapes, r):
    """An adapter of rank r on an (m, n) weight has r · (m + n) weights, in all layers together."""
    return student.lora_params(shapes, r)
