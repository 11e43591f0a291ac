"""Public checks of quant/awq: run `pytest` on this file, or `autograder check quant/awq`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from torch import nn
from autograder.checks import Tolerance, case, check, difference, flags, leaves_gradients_off, raises


AHEAD = 1e-3


SCALES = Tolerance(atol=1e-12, rtol=1e-10)


def by_dtype(seen, want):
    """float64 is computed in float64."""
    return difference(seen, want, SCALES if want["once more"].dtype == torch.float64 else None)


def large_columns(rng, shape, dtype="float64", spread=1.0):
    """Inputs of which some columns are much larger than others."""
    sizes = torch.exp(spread * rng.normal(shape[-1], dtype="float64"))
    return (rng.normal(*shape, dtype="float64") * sizes).to(getattr(torch, dtype))


def batches(rng, sizes=None, dtype="float64", given=None):
    if given is not None:
        return {"batches": [torch.tensor(each) for each in given]}
    return {"batches": [large_columns(rng, size, dtype) for size in sizes]}


@check(points=1, inputs=batches, lecture='which-columns-matter', public=[case('one batch', given=[[[1.0, -2.0], [3.0, 1.0]]]), case('batches of one and two inputs', given=[[[1.0, -2.0]], [[-3.0, 0.0], [2.0, 1.0]]])])
def importance_is_the_size_of_inputs(student, batches):
    """importance is the mean of |x| for each column, over all inputs of all batches."""
    views = [torch.stack([each, each], -1)[..., 0] for each in batches]  # not contiguous
    return {
        "importance": student.importance(batches),
        "of views": student.importance(views),
        "of minus three times the last batch": student.importance([-3 * batches[-1]]),
        "of parameters": student.importance([each.clone().requires_grad_() for each in batches]).requires_grad,
        "left": flags(*batches),
    }


def sizes_of_columns(rng, C=None, n_grid=None, dtype="float64", given=None, zeros=0):
    a = torch.tensor(given, dtype=getattr(torch, dtype)) if given is not None else torch.exp(2 * rng.normal(C, dtype="float64")).to(getattr(torch, dtype))
    if zeros:
        a[-zeros:] = 0
    return {"a": a, "options": {} if n_grid is None else {"n_grid": n_grid}}


@check(points=1, inputs=sizes_of_columns, lecture='scales-to-try', public=[case('two candidates', given=[4.0, 1.0, 0.25], n_grid=2), case('four candidates, and a column without inputs', given=[9.0, 1.0, 0.0], n_grid=4)])
def candidates_are_powers(student, a, options):
    """Row k is a^(k / n_grid), at least 1e-4, divided by the root of its largest times its smallest."""
    first = student.candidates(a, **options)
    return {
        "scales": first,
        "of a hundred times a": student.candidates(100 * a, **options),
        "of a view": student.candidates(torch.stack([a, a], 1)[:, 0], **options),
        "of a parameter": student.candidates(a.clone().requires_grad_(), **options).requires_grad,
        "three of them": student.candidates(a, n_grid=3),
        "left": flags(a),
    }


def rounded(W, bits, group):
    """As the stub has it, for making inputs."""
    w = W.unflatten(-1, (-1, group))
    lo, hi = w.amin(-1, keepdim=True).clamp(max=0), w.amax(-1, keepdim=True).clamp(min=0)
    s = (hi - lo) / (2**bits - 1)
    s = torch.where(s == 0, 1.0, s)
    z = torch.round(-lo / s)
    return (((torch.round(w / s) + z).clamp(0, 2**bits - 1) - z) * s).flatten(-2)


def ahead(losses):
    """How far the best is ahead of the second, relative to it."""
    best, second = sorted(losses)[:2]
    return (second - best) / second if second > 0 else 0.0


def search_losses(W, x, bits, group, n_grid):
    W, x = W.double(), x.double().reshape(-1, x.shape[-1])
    a = x.abs().mean(0)
    losses = []
    for k in range(n_grid):
        s = (a ** (k / n_grid)).clamp(min=1e-4)
        s = s / (s.max() * s.min()).sqrt()
        losses.append(float(((x / s) @ rounded(W * s, bits, group).T - x @ W.T).square().mean()))
    return losses


def layer(rng, R, C, n=24, bits=3, group=4, n_grid=None, dtype="float64", spread=1.0, best=None, shape=None, nothing=False, scale=1.0):
    """Weights and inputs. `nothing`: all inputs are 0, so all candidates are equal. `best`: the number of the best candidate must be below, above or none of the ends."""
    for _ in range(300):
        W = rng.normal(R, C, dtype="float64").to(getattr(torch, dtype))
        x = large_columns(rng, shape or (n, C), dtype, spread) * (0 if nothing else scale)
        count = n_grid or 20
        losses = search_losses(W, x, bits, group, count)
        place = losses.index(min(losses))
        fits = {"first": place == 0, "inside": 0 < place < count - 1, None: True}[best]
        if fits and (count == 1 or nothing or ahead(losses) > AHEAD):
            return {"W": W, "x": x, "bits": bits, "group": group, "options": {} if n_grid is None else {"n_grid": n_grid}}
    raise ValueError("no such layer was found")


@check(points=3, inputs=layer, judge=by_dtype, lecture='the-search', public=[case('two rows, four columns', R=2, C=4, n_grid=8, best='inside'), case('two groups of four', R=3, C=8, best='inside'), case('no scales are the best', R=1, C=4, n_grid=4, spread=0.3, best='first')])
def the_search_looks_at_outputs(student, W, x, bits, group, options):
    """awq_search gives the candidate for which the outputs of the rounded, scaled layer are nearest, and its α."""
    torch.manual_seed(1)
    parameter = W.clone().requires_grad_()
    s, alpha = student.awq_search(parameter, x.clone().requires_grad_(), bits, group, **options)
    views = W.T.contiguous().T, torch.stack([x, x], -1)[..., 0]
    return {
        "s": s,
        "α": alpha,
        "α is a float": isinstance(alpha, float),
        "carries a gradient": s.requires_grad,
        "of views, by name": student.awq_search(x=views[1], W=views[0], bits=bits, group=group, **options),
        "once more": student.awq_search(W, x, bits, group, **options)[0],
        "of a layer twice as large": student.awq_search(2 * W, x, bits, group, **options),
        "without scales": student.awq_search(W, x, bits, group, n_grid=1),
        "left": [*flags(parameter, W, x), torch.is_grad_enabled(), torch.rand(2)],
    }


def pair(rng, kind, C, outs=(3,), bias=True, frozen=False, dtype="float64"):
    """Weights of prev and of the layers behind it, and scales."""
    width = C if kind == "own" else C + 2
    prev = {"weight": rng.normal(*((C, width) if kind in ("linear", "own") else (C,)), dtype=dtype)}
    if bias:
        prev["bias"] = rng.normal(C, dtype=dtype)
    linears = [{"weight": rng.normal(out, C, dtype=dtype), "bias": rng.normal(out, dtype=dtype)} for out in outs]
    s = torch.exp(rng.normal(C, dtype="float64")).to(getattr(torch, dtype))
    return {"kind": kind, "prev": prev, "linears": linears, "s": s, "frozen": frozen, "x": rng.normal(4, width if kind in ("linear", "own") else C, dtype=dtype)}


def module(kind, weights):
    """A module of torch's with these weights."""
    dtype, shape = weights["weight"].dtype, weights["weight"].shape

    class Own(nn.Linear):
        """A linear layer of somebody's own."""

    class Centred(nn.Module):
        """A normalisation of somebody's own: it subtracts the mean."""

        def __init__(self):
            super().__init__()
            self.weight, self.bias = (nn.Parameter(torch.empty(shape, dtype=dtype)) for _ in range(2))

        def forward(self, x):
            return (x - x.mean(-1, keepdim=True)) * self.weight + self.bias

    if kind == "linear":
        made = nn.Linear(shape[1], shape[0], bias="bias" in weights, dtype=dtype)
    elif kind == "own":
        made = Own(shape[1], shape[0], bias="bias" in weights, dtype=dtype)
    elif kind == "centred":
        made = Centred()
    elif kind == "group":
        made = nn.GroupNorm(1, shape[0], dtype=dtype)
    elif kind == "rms":
        made = nn.RMSNorm(shape[0], dtype=dtype, eps=1e-6)
    else:
        made = nn.LayerNorm(shape[0], bias="bias" in weights, dtype=dtype)
    made.load_state_dict(weights)
    return made


@check(points=2, inputs=pair, lecture='scales-go-into-the-layer-before', public=[case('a layer norm before two layers', kind='norm', C=3, outs=(2, 4)), case('a linear before a linear', kind='linear', C=3), case('an RMS norm, which has no bias', kind='rms', C=4, bias=False)])
def the_function_stays(student, kind, prev, linears, s, frozen, x):
    """apply_awq divides what prev gives by s and multiplies the weights behind it: outputs stay, and parameters are the same objects."""
    before, layers = module(kind, prev), [module("linear", each) for each in linears]
    before.weight.requires_grad_(not frozen)
    before.train(not frozen)
    for each in layers[1:]:
        each.eval()
    torch.manual_seed(1)
    modules = [before, *layers]
    objects = [parameter for each in modules for parameter in each.parameters()]
    student.apply_awq(before, layers, s)
    now = [parameter for each in modules for parameter in each.parameters()]
    once = [parameter.detach().clone() for parameter in now]
    outputs = [each(before(x)).detach() for each in layers]
    student.apply_awq(prev=before, linears=layers[:1], s=torch.stack([1 / s, s], 1)[:, 0])
    off = leaves_gradients_off(student.apply_awq, before, layers, torch.ones_like(s))
    weights = torch.arange(4.0).reshape(2, 2)
    behind = module("linear", {"weight": weights, "bias": weights[0]})
    without = nn.GELU(), nn.LayerNorm(2, elementwise_affine=False)
    return {
        "outputs": outputs,
        "parameters": once,
        "the same objects": [a is b for a, b in zip(objects, now, strict=True)],
        "after going back": [parameter.detach() for parameter in now],
        "refused": [raises("ValueError", lambda each=each: student.apply_awq(each, [behind], torch.tensor([2.0, 3.0]))) for each in without],
        "gradients stay off": off,
        "the layer of the refused": behind.weight.detach(),
        "left": [*flags(*modules, *now, s), torch.is_grad_enabled(), torch.rand(2)],
    }


def clip_ahead(W, x, bits, group, n_grid, shrink):
    """The smallest lead of the best threshold, over rows and groups."""
    W, x = W.double(), x.double().reshape(-1, x.shape[-1])
    lead = 1.0
    for row in W:
        for g in range(0, W.shape[1], group):
            w, part = row[g : g + group], x[:, g : g + group]
            losses = []
            for k in range(int(shrink * n_grid)):
                top = float(w.abs().max()) * (1 - k / n_grid)
                losses.append(float((part @ (rounded(w.clamp(-top, top)[None], bits, group)[0] - w)).square().mean()))
            if len(losses) > 1 and w.any() and part.any():
                lead = min(lead, ahead(losses))
    return lead


def to_clip(rng, R, C, n=20, bits=2, group=4, n_grid=None, max_shrink=None, dtype="float64", shape=None, zeros=False, silent=False, outlier=3.0, scale=1.0, late=0):
    """Weights and inputs. `outlier`: how much larger every third column of W is; where it is above 3, its inputs are small, so that low thresholds win;
    but not those of every other input after the first `late` ones.
    """
    options = {name: value for name, value in (("n_grid", n_grid), ("max_shrink", max_shrink)) if value is not None}
    for _ in range(300):
        W = rng.normal(R, C, dtype="float64")
        W[:, ::3] *= outlier
        if zeros:
            W[0, :group] = 0
        W = W.to(getattr(torch, dtype))
        x = large_columns(rng, shape or (n, C), dtype, 0.5)
        x *= scale
        if outlier > 3:
            loud = x[late + 1 :: 2].clone() if late else None
            x[..., ::3] /= outlier**2
            if late:
                x[late + 1 :: 2] = loud
        if silent:
            x[..., :group] = 0
        if clip_ahead(W, x, bits, group, n_grid or 20, 0.5 if max_shrink is None else max_shrink) > AHEAD:
            return {"W": W, "x": x, "bits": bits, "group": group, "options": options}
    raise ValueError("no such layer was found")


@check(points=1, inputs=to_clip, judge=by_dtype, lecture='thresholds', public=[case('one row, one group', R=1, C=4, n_grid=10), case('two rows, two groups', R=2, C=8, n_grid=10)])
def thresholds_are_found_by_group(student, W, x, bits, group, options):
    """clip_search tries thresholds from the largest |w| down, and keeps for each row and group the one with the nearest part of the output."""
    torch.manual_seed(1)
    thresholds = student.clip_search(W.clone().requires_grad_(), x.clone().requires_grad_(), bits, group, **options)
    return {
        "thresholds": thresholds,
        "carry a gradient": thresholds.requires_grad,
        "of views": student.clip_search(W.T.contiguous().T, torch.stack([x, x], -1)[..., 0], bits, group, **options),
        "once more": student.clip_search(W, x, bits, group, **options),
        "of a layer twice as large": student.clip_search(2 * W, x, bits, group, **options),
        "one threshold": student.clip_search(W, x, bits, group, n_grid=1, max_shrink=1.0),
        "left": [*flags(W, x), torch.is_grad_enabled(), torch.rand(2)],
    }
