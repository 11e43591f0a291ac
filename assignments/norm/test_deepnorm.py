"""Public checks of norm/deepnorm: run `pytest` on this file, or `autograder check norm/deepnorm`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from torch import nn
from autograder.checks import Tolerance, case, check, flags, gradients, leaves, reject, with_gradients, with_weights


EXACT = Tolerance(atol=1e-12, rtol=1e-12)


def stacks(rng, sizes=()):
    return {"sizes": [tuple(size) for size in sizes]}


@check(points=1, inputs=stacks, tolerance=EXACT, lecture='two-constants', public=[case('a decoder of 3, an encoder of 6', sizes=[(0, 3), (6, 0)])])
def one_stack_has_the_fourth_roots_of_2n_and_8n(student, sizes):
    """A single stack of N layers has α = (2 N)^(1/4) and β = (8 N)^(-1/4), and is the only one in the dict."""
    found = [student.deepnorm_constants(*size) for size in sizes]
    kept = [dict(each) for each in found]
    for each in found:
        each["changed"] = (0.0, 0.0)  # by the caller
    return {"constants": kept, "again": [student.deepnorm_constants(*size) for size in sizes]}


@check(points=1, inputs=stacks, tolerance=EXACT, lecture='two-constants', public=[case('an encoder of 6 with a decoder of 3', sizes=[(6, 3)])])
def two_stacks_have_constants_of_their_own(student, sizes):
    """Beside each other the encoder has α = 0.81 · (N⁴ M)^(1/16), the decoder α = (3 M)^(1/4) and β = (12 M)^(-1/4)."""
    found = [student.deepnorm_constants(*size) for size in sizes]
    return [{"encoder α": each["encoder"][0], "decoder": each["decoder"], "keys": sorted(each)} for each in found]


@check(points=1, inputs=stacks, lecture='two-constants', public=[case('an encoder of 6 with a decoder of 3', sizes=[(6, 3)])])
def an_encoder_beside_a_decoder_has_the_gain_of_the_paper(student, sizes):
    """Beside a decoder the encoder has β = 0.87 · (N⁴ M)^(-1/16), as the paper says."""
    return [student.deepnorm_constants(*size)["encoder"][1] for size in sizes]


class Model(nn.Module):
    """Names as models have them: an embedding, two layers of attention and ffn, norms inside and outside, an output matrix."""

    def __init__(self, C, F, layers=2):
        super().__init__()
        self.embed = nn.Embedding(7, C)
        self.layers = nn.ModuleList()
        for _ in range(layers):
            layer = nn.Module()
            layer.attn = nn.Module()
            layer.attn.q_proj, layer.attn.k_proj = nn.Linear(C, F), nn.Linear(C, F)
            layer.attn.v_proj, layer.attn.out_proj = nn.Linear(C, F), nn.Linear(F, C)
            layer.attn.q_norm = nn.LayerNorm(C)
            layer.ffn = nn.Sequential(nn.Linear(C, F), nn.LayerNorm(F), nn.Linear(F, C))
            layer.ffn_gate, layer.FFN = nn.Linear(C, 2), nn.Linear(C, 2)  # names of other things
            layer.out_proj_norm = nn.LayerNorm(C)
            self.layers.append(layer)
        self.ffn = nn.Linear(C, 3)  # a part may be the first one of a name
        self.v_proj = nn.Conv1d(C, 2, 3)  # its weight has three dimensions
        self.ffn.scale = nn.Parameter(torch.zeros(3, C))  # a matrix need not be called weight
        self.memory = nn.Module()
        self.memory.v_proj = nn.Parameter(torch.zeros(C, 4))  # a part may be the last one
        self.norm = nn.LayerNorm(C)
        self.head = nn.Linear(C, 5, bias=False)


def models(rng, C=6, F=22, beta=0.5, layers=1, dtype="float32"):
    shapes = {name: tuple(p.shape) for name, p in Model(C, F, layers).named_parameters()}
    return {"weights": rng.weights(shapes, dtype=dtype), "C": C, "F": F, "beta": beta, "seed": rng.integer(0, 10**6)}


def build(weights, C, F):
    return with_weights(Model(C, F, len({name.split(".")[1] for name in weights if name.startswith("layers")})), weights)


BETA, ONE = ("v_proj", "out_proj", "ffn"), ("q_proj", "k_proj")


def drawn(name, weight):
    """What is drawn anew, with β or with 1; None for what stays."""
    parts = name.split(".")
    if weight.ndim != 2 or not set(parts) & {*BETA, *ONE}:
        return None
    return "β" if set(parts) & set(BETA) else "1"


def xaviers_rule(seen, want, inputs):
    """Mean, standard deviation and shape of the numbers, each kind together, and each matrix for itself."""
    for kind, gain in (("β", inputs["beta"]), ("1", 1.0)):
        together = []
        for name, weight in seen["once"].items():
            if drawn(name, weight) != kind:
                continue
            if not weight.isfinite().all():
                return reject("{name} holds numbers that are not finite.", name=name)
            unit = weight.double() / (gain * (2 / sum(weight.shape)) ** 0.5)
            if abs(unit.std() - 1) > 7 / (2 * unit.numel()) ** 0.5:
                return reject("The standard deviation of {name} is not gain · √(2 / (rows + columns)), with the gain {kind}.",
                              name=name, kind=kind)  # fmt: skip
            together.append(unit.flatten())
        unit = torch.cat(together)
        n = len(unit)
        if abs(unit.mean()) > 7 / n**0.5 or abs(unit.std() - 1) > 7 / (2 * n) ** 0.5:
            return reject("The matrices with the gain {kind} do not have the mean 0 and Xavier's standard deviation.", kind=kind)
        fourth = float((unit**4).mean() / (unit**2).mean() ** 2) - 3  # of few numbers it is far more often large than small
        if not -5.5 * (24 / n) ** 0.5 < fourth < 30 * (24 / n) ** 0.5:
            return reject("The matrices with the gain {kind} are not normal: their fourth moment is that of another law.", kind=kind)
        if n > 9000 and unit.abs().max() < 3.001:  # of as many normal numbers 24 lie farther out
            return reject("Of the {n} numbers with the gain {kind} none is more than three standard deviations from 0: they are cut off.", n=n, kind=kind)
    names = [name for name, weight in want["once"].items() if drawn(name, weight)]
    for name in names:
        if not torch.equal(seen["once"][name][:2], seen["seeded again"][name]):
            return reject("After the same torch.manual_seed {name} is another one.", name=name)
        if float((seen["once"][name][:2] - seen["twice"][name]).abs().max()) == 0:
            return reject("A second call draws {name} as the first one did: torch's numbers were seeded, or not used.", name=name)
        for other in names:
            if other < name and torch.equal(seen["once"][other], seen["once"][name]):
                return reject("{name} and {other} are equal; each is drawn by itself.", name=name, other=other)
    return None


@check(points=1, inputs=models, judge=xaviers_rule, lecture='the-first-weights', public=[case('β = 0.5', F=20)])
def ffn_values_and_outputs_get_the_gain_beta(student, weights, C, F, beta, seed):
    """ffn, v_proj and out_proj are drawn by Xavier's normal rule with the gain β, q_proj and k_proj with 1."""
    seen = {}
    models = [build(weights, C, F) for _ in range(3)]  # before the seed: making them draws random numbers
    for model, (name, again) in zip(models, (("once", True), ("twice", False), ("seeded again", True)), strict=True):
        if again:
            torch.manual_seed(seed)
        student.deepnorm_init_(model, beta)
        rows = None if name == "once" else 2  # two rows are enough to be told apart
        seen[name] = {n: p.detach()[:rows].clone() for n, p in model.named_parameters() if drawn(n, p)}
    return seen


@check(points=1, inputs=models, lecture='the-first-weights', public=[case('two layers', C=4, F=6, layers=2)])
def everything_else_stays(student, weights, C, F, beta, seed):
    """Vectors, embeddings and the output matrix stay as they are, and parameters are the same objects as before."""
    model = build(weights, C, F)
    model.layers[0].attn.eval()
    model.layers[0].attn.q_proj.weight.requires_grad_(False)
    model.layers[-1].ffn[0].weight.requires_grad_(False)
    model.norm.bias.requires_grad_(False)
    held = list(model.parameters())
    places = [p.data_ptr() for p in held]
    returned = student.deepnorm_init_(model, beta)
    after = dict(model.named_parameters())
    same = [a is b for a, b in zip(held, after.values(), strict=True)]
    same += [p.data_ptr() == place for p, place in zip(held, places, strict=True)]
    changed = {n: bool((p.detach() != weights[n]).any()) for n, p in after.items() if drawn(n, p)}
    rest = {n: p.detach().clone() for n, p in after.items() if not drawn(n, p)}
    dtypes = [str(p.dtype) for p in after.values()]
    grads = [p.grad is None and p.is_leaf for p in after.values()]
    return {"rest": rest, "changed": changed, "same": same, "dtypes": dtypes, "leaves": grads, "returned": returned, "left": flags(model)}


def residuals(rng, shape=(2, 3, 4), alpha=2.0, eps=1e-5, scale=1.0, dtype="float32"):
    C = shape[-1]
    weights = rng.weights({"weight": (C,), "bias": (C,)}, dtype=dtype)
    x, fx = (rng.normal(*shape, scale=scale, dtype=dtype) for _ in range(2))
    return {"x": x, "fx": fx, "weights": weights, "eps": eps, "alpha": alpha}


class Counted(nn.LayerNorm):
    """Layer norm that keeps what it was called with."""

    def __init__(self, C, eps):
        super().__init__(C, eps)
        self.seen = []

    def forward(self, x):
        self.seen.append(x.detach())
        return super().forward(x)


@check(points=1, inputs=residuals, lecture='two-constants', public=[case('α = 2'), case('α = 1 is Post-LN', alpha=1.0, shape=(3, 5))])
def the_stream_counts_alpha_times(student, x, fx, weights, eps, alpha):
    """The result is ln(α · x + fx): α multiplies the stream, and the norm comes last."""
    C = x.shape[-1]
    ln = with_weights(Counted(C, eps), weights).eval()
    ln.bias.requires_grad_(False)
    free = nn.Identity()  # in training mode
    x, fx = leaves(x, fx)
    out = student.deepnorm_residual(x, fx, ln, alpha)
    found = gradients(out, {"x": x, "fx": fx, "weight": ln.weight, "bias": ln.bias})
    seen = list(ln.seen)
    a, b = x.detach(), fx.detach()
    far = [t.movedim(0, -1).contiguous().movedim(-1, 0) for t in (a, b)]
    others = [student.deepnorm_residual(*far, ln, alpha), student.deepnorm_residual(b, a, ln, alpha), student.deepnorm_residual(a, b, ln, -alpha)]
    plain = with_gradients(student.deepnorm_residual, x=a, fx=b, ln=free, alpha=alpha)
    return {"out": out, "gradients": found, "ln reads": seen, "others": others, "without a norm": plain, "left": flags(ln, free, a, b)}


class Attend(nn.Module):
    """Causal attention with one head, and the names that DeepNorm asks for."""

    def __init__(self, C):
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(C, C, bias=False) for _ in range(4))

    def forward(self, x):
        scores = self.q_proj(x) @ self.k_proj(x).mT * x.shape[-1] ** -0.5
        later = torch.ones(x.shape[-2:-1] * 2, dtype=torch.bool).triu(1)
        return self.out_proj(scores.masked_fill(later, -torch.inf).softmax(-1) @ self.v_proj(x))


def first_step(student, x, r, L, deep):
    """What a fresh decoder gives before and after one step of Adam (which is a step of the sign of the gradient)."""
    C = x.shape[-1]
    layers = nn.ModuleList()
    for _ in range(L):
        ffn = nn.Sequential(nn.Linear(C, 4 * C, bias=False), nn.ReLU(), nn.Linear(4 * C, C, bias=False))
        layers.append(nn.ModuleDict({"attn": Attend(C), "ffn": ffn, "norm1": nn.LayerNorm(C), "norm2": nn.LayerNorm(C)}))
    layers.to(x.dtype)
    alpha, beta = student.deepnorm_constants(0, L)["decoder"] if deep else (1.0, 1.0)
    student.deepnorm_init_(layers, beta)

    def run():
        h = x
        for layer in layers:
            h = student.deepnorm_residual(h, layer["attn"](h), layer["norm1"], alpha)
            h = student.deepnorm_residual(h, layer["ffn"](h), layer["norm2"], alpha)
        return h

    before = run()
    parameters = [p for p in layers.parameters() if p.ndim == 2]
    grads = torch.autograd.grad((before * r).sum(-1).mean(), parameters)
    with torch.no_grad():
        for parameter, grad in zip(parameters, grads, strict=True):
            parameter -= 1e-4 * grad.sign()
        return {"before": before.detach(), "after": run().detach()}


def deep_models(rng, L=36, C=16, B=1, T=2, runs=1):
    x, r = (rng.normal(B, T, C, dtype="float64") for _ in range(2))
    return {"x": x, "r": r, "L": L, "runs": runs}


def a_first_step_changes_little(seen, want, inputs):
    """The size of the change with DeepNorm against that with Post-LN, over all runs; and outputs that are normalised."""
    sizes = {}
    for kind in ("DeepNorm", "Post-LN"):
        changes = []
        for each in seen[kind]:
            if not (each["before"].isfinite().all() and each["after"].isfinite().all()):
                return reject("With {kind} the outputs are not finite.", kind=kind)
            if (each["before"].square().mean(-1) - 1).abs().max() > 1e-3:
                return reject("With {kind} the outputs do not have the size that a norm gives.", kind=kind)
            changes.append((each["after"] - each["before"]).square().mean().sqrt())
        sizes[kind] = float(sum(changes)) / len(changes)
    if not 1e-4 < sizes["DeepNorm"] < 0.03:
        return reject("One step changes the outputs of a fresh model with DeepNorm by {change}.", change=round(sizes["DeepNorm"], 4))
    if sizes["Post-LN"] < 0.01 or sizes["DeepNorm"] > 0.4 * sizes["Post-LN"]:
        return reject("One step changes outputs by {deep} with your DeepNorm, and by {post} with Post-LN (α = β = 1).",
                      deep=round(sizes["DeepNorm"], 4), post=round(sizes["Post-LN"], 4))  # fmt: skip
    return None


@check(points=1, inputs=deep_models, judge=a_first_step_changes_little, lecture='the-first-step', public=[case('36 layers')])
def a_first_step_changes_a_deep_model_little(student, x, r, L, runs):
    """One step of Adam changes what a fresh deep decoder gives far less with DeepNorm than with Post-LN."""
    torch.manual_seed(11)
    kinds = {"DeepNorm": True, "Post-LN": False}
    return {kind: [first_step(student, x, r, L, deep) for _ in range(runs)] for kind, deep in kinds.items()}
