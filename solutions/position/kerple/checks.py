"""Checks of position/kerple: both kernels and their gradients, where queries stand, ranges, new parameters, the test of a kernel."""

import torch

from autograder.checks import (
    Tolerance,
    case,
    check,
    difference,
    flags,
    gradients,
    implausible,
    in_evaluation,
    reject,
    with_weights,
)

LOG = {"r1": (0.05, 2.0), "r2": (0.05, 1.5)}
POWER = {"r1": (0.05, 1.5), "r2": (0.1, 1.9)}


def kernel(rng, H=2, T=3, S=None, dtype="float32", r1=None, r2=None, kind="log"):
    """Two sets of parameters that are in range."""
    ranges = LOG if kind == "log" else POWER
    made = [{name: rng.uniform(*ranges[name], H, dtype=dtype) for name in ("r1", "r2")} for _ in range(2)]
    if r1 is not None:
        made[0] = {name: torch.tensor(r, dtype=getattr(torch, dtype)) for name, r in (("r1", r1), ("r2", r2))}
    return {"T": T, "S": S or T, "weights": made}


def power(rng, **options):
    return kernel(rng, kind="power", **options)


def observe(layer, T, S, weights):
    """Bias and gradients, then with other parameters, then with the first ones again, and what is left behind."""
    with_weights(layer, weights[0])
    layer.train()
    bias = layer(T, S)
    first = bias.detach().clone()
    grads = gradients(bias, layer)
    with_weights(layer, weights[1])
    second = layer(T, S).detach().clone()
    longer = layer(T, S + 1)
    with torch.no_grad():
        bias.mul_(0)  # the caller's own
    quiet = in_evaluation(layer, lambda: layer(T, S))
    layer.r2.requires_grad_(False)
    layer.eval()
    again = with_weights(layer, weights[0])(T, S)
    return {
        "bias": first,
        "gradients": grads,
        "other parameters": second,
        "one key more": longer,
        "in evaluation mode": quiet,
        "again": again,
        "parameters": {name: parameter.detach().clone() for name, parameter in layer.named_parameters()},
        "left": flags(layer),
    }


@check(
    points=2,
    inputs=kernel,
    lecture="the-logarithmic-kernel",
    public=[
        case("r1 = 1, r2 = 1", H=1, T=3, r1=[1.0], r2=[1.0]),
        case("two heads, four tokens", H=2, T=4, r1=[0.5, 2.0], r2=[0.25, 1.5]),
    ],
    hidden=[
        case("three heads, seven tokens", H=3, T=7),
        case("float64", H=2, T=5, dtype="float64"),
        case("one token", H=4, T=1),
        case("as many heads as tokens", H=5, T=5, dtype="float64"),
        case("twenty heads", H=20, T=3),
        case("sixty tokens", H=2, T=60),
        case("large parameters", H=2, T=6, r1=[3e4, 4.0], r2=[2.5, 7e4], dtype="float64"),
        case("the smallest ones", H=3, T=4, r1=[0.01, 1.0, 0.01], r2=[0.01, 0.01, 3.0], dtype="float64"),
    ],
    fresh=1,
    cites=[
        "the bias is -r1 · ln",
        "Both modules have two parameters",
        "gradients flow to both",
        "A call depends on T, S and the parameters",
        "keys after the query get a bias as well",
    ],
)
def log_bias_falls_ever_more_slowly(student, T, S, weights):
    """`KerpleLog` gives -r1·ln(1 + r2·d) for each head, and both parameters get their gradients."""
    return observe(student.KerpleLog(len(weights[0]["r1"])), T, S, weights)


@check(
    points=2,
    inputs=power,
    lecture="the-power-kernel",
    public=[
        case("r1 = 1, r2 = 2", H=1, T=3, r1=[1.0], r2=[2.0]),
        case("two heads, four tokens", H=2, T=4, r1=[0.5, 2.0], r2=[0.5, 1.0]),
    ],
    hidden=[
        case("three heads, seven tokens", H=3, T=7),
        case("float64", H=2, T=5, dtype="float64"),
        case("one token", H=4, T=1),
        case("as many heads as tokens", H=5, T=5, dtype="float64"),
        case("twenty heads", H=20, T=3),
        case("sixty tokens", H=2, T=60),
        case("the bounds", H=3, T=6, r1=[0.01, 3.0, 25.0], r2=[0.01, 2.0, 0.01], dtype="float64"),
    ],
    fresh=1,
    cites=["the bias is -r1 · d^r2", "At distance 0 the bias is 0", "never nan", "r2 = 1 is ALiBi"],
)
def power_bias_is_a_power_of_distance(student, T, S, weights):
    """`KerplePower` gives -r1·d^r2 for each head, 0 at distance 0, and finite gradients everywhere."""
    return observe(student.KerplePower(len(weights[0]["r1"])), T, S, weights)


@check(
    points=1,
    inputs=power,
    lecture="a-bias-for-each-distance",
    public=[case("one query, four keys", H=2, T=1, S=4), case("two queries, five keys", H=1, T=2, S=5)],
    hidden=[
        case("all but one", H=3, T=6, S=7, dtype="float64"),
        case("one query, three hundred keys", H=2, T=1, S=300),
        case("more queries than keys", H=2, T=5, S=3, dtype="float64"),
        case("one key", H=3, T=4, S=1),
    ],
    cites=["query t has position t + S - T"],
)
def queries_stand_beside_the_last_keys(student, T, S, weights):
    """With T ≠ S, query t has position t + S - T: one query alone gets the last row of the square."""
    H = len(weights[0]["r1"])
    layers = [with_weights(make(H), weights[0]) for make in (student.KerpleLog, student.KerplePower)]
    return [layer(T, S) for layer in layers]


@check(
    points=1,
    inputs=kernel,
    lecture="parameters-that-stay-in-range",
    tolerance=Tolerance(atol=1e-6, rtol=1e-5),  # 0.01 in float32 is 2e-10 off
    public=[case("below 0", H=2, T=3, r1=[-1.0, 1.0], r2=[0.5, -0.25])],
    hidden=[
        case("an exponent above 2", H=3, T=4, r1=[1.0, 0.5, 0.25], r2=[2.5, 1.5, 30.0], dtype="float64"),
        case("all of them", H=2, T=13, r1=[-3.0, 0.0], r2=[0.0, -1.0], dtype="float64"),
        case("just below the bound", H=4, T=2, r1=[0.009, 0.011, 1.0, -0.01], r2=[0.011, 0.009, 2.01, 1.99]),
    ],
    cites=["A call first puts parameters that are out of range", "in training and in evaluation mode", "a parameter on the bound has an ordinary gradient"],
)
def parameters_come_back_into_range(student, T, S, weights):
    """A call puts parameters that are out of range on the bound, in place, and computes bias and gradient from there."""
    seen = {}
    for name in ("KerpleLog", "KerplePower"):
        layer = with_weights(getattr(student, name)(len(weights[0]["r1"])), weights[0])
        held = list(layer.parameters())
        bias = layer(T, S)
        seen[name] = {
            "bias": bias,
            "gradients": gradients(bias, layer),
            "parameters": {key: parameter.detach().clone() for key, parameter in layer.named_parameters()},
            "the same objects": [a is b for a, b in zip(held, layer.parameters(), strict=True)],
            "left": flags(layer),
        }
        with_weights(layer, weights[0]).eval()
        seen[name]["in evaluation mode"] = layer(T, S).detach()
        with_weights(layer, weights[0]).train()
        with torch.no_grad():
            seen[name]["without autograd"] = layer(T, S)
    return seen


def new_numbers(seen, want, inputs):
    """Each parameter in its range, spread evenly, and other numbers in each head and module."""
    ranges = {"KerpleLog": {"r1": 2.0, "r2": 1.0}, "KerplePower": {"r1": 1.0, "r2": 2.0}}
    for name, tops in ranges.items():
        for key, top in tops.items():
            numbers, other = seen[name][key].double(), seen[name + " again"][key].double()
            if numbers.shape != want[name][key].shape:
                return difference(seen, want)
            if not bool(((numbers >= 0) & (numbers <= top)).all()):
                return reject("{key} of a new {name} is outside 0 … {top}.", key=key, name=name, top=top)
            if torch.equal(numbers, other) or (len(numbers) > 4 and len(numbers.unique()) < len(numbers) - 1):
                return reject("{key} of a new {name} is not random for each head and module.", key=key, name=name)
            if len(numbers) > 100:
                counts = (numbers / top * 4).long().clamp(0, 3).bincount(minlength=4)
                if implausible(counts, torch.full((4,), 0.25, dtype=torch.float64)):
                    return reject("{key} of a new {name} is not uniform from 0 to {top}.", key=key, name=name, top=top)
            if len(numbers) > 100 and key == "r2":  # halves of r1 and of r2, together
                halves = (seen[name]["r1"].double() * 2 >= ranges[name]["r1"]).long()
                both = (2 * halves + (numbers * 2 >= top).long()).bincount(minlength=4)
                if implausible(both, torch.full((4,), 0.25, dtype=torch.float64)):
                    return reject("r2 of a new {name} follows r1: they are drawn together.", name=name)
            if key == "r2":  # a new module gives the bias of its own numbers
                r1, r2 = (seen[name + " after"][each].double()[:, None, None] for each in ("r1", "r2"))
                T = inputs["T"]
                d = (torch.arange(T)[:, None] - torch.arange(T)).abs().double()
                bias = -r1 * (torch.log1p(r2 * d) if name == "KerpleLog" else d**r2)
                found = difference(seen[name + " bias"].double(), bias, Tolerance(atol=1e-4, rtol=1e-4))
                if found is not None:
                    return found
    return difference(seen["left"], want["left"])


def new(rng, H, T):
    return {"H": H, "T": T}


@check(
    points=1,
    inputs=new,
    judge=new_numbers,
    lecture="parameters-that-stay-in-range",
    public=[case("five heads", H=5, T=3), case("four hundred heads", H=400, T=2)],
    hidden=[case("one head", H=1, T=11), case("six hundred heads", H=600, T=6)],
    cites=["New parameters are random"],
)
def new_parameters_are_uniform(student, H, T):
    """New parameters are uniform in their ranges, each head on its own, and require gradients."""
    torch.manual_seed(3)
    made = {
        name + again: getattr(student, name)(H) for name in ("KerpleLog", "KerplePower") for again in ("", " again")
    }
    numbers = {name: {key: p.detach().clone() for key, p in layer.named_parameters()} for name, layer in made.items()}
    biases = {name + " bias": made[name](T, T).detach()[:9] for name in ("KerpleLog", "KerplePower")}
    after = {
        name + " after": {key: p.detach().clone()[:9] for key, p in made[name].named_parameters()}
        for name in ("KerpleLog", "KerplePower")
    }
    return {**numbers, **biases, **after, "left": [flags(layer) for layer in made.values()]}


def matrix(rng, kind, n):
    """A symmetric matrix (or one that is not quite), as far from the bound as rounding is from it."""
    x = torch.arange(n, dtype=torch.float64)
    d = (x[:, None] - x).abs()
    g = rng.normal(n, n, dtype="float64")
    P = torch.eye(n, dtype=torch.float64) - 1 / n
    kernels = {
        "log": -torch.log1p(0.7 * d),
        "power": -(d**1.3),
        "square": -(d**2),
        "too steep": -(d**2.6),
        "distance": d,
    }
    if kind in kernels:
        return kernels[kind]
    gram, column, row = g @ g.T, P @ g[:, :1], P @ g[:1].T
    others = {
        "gram": gram,
        "gram and constants": gram - 40.0,
        "rows and columns": gram - 5 * (g[0][:, None] + g[0]),
        "one bad direction": P @ gram @ P - 3.0 * column @ column.T,
        "negative": -gram,
        "hardly": P * 0.2 - row @ row.T / row.square().sum() * 0.21,
        "constant": torch.full((n, n), -7.0, dtype=torch.float64),
        "not symmetric": 0.5 * torch.ones(n, n, dtype=torch.float64).triu(1) - d,
        "askew": 0.2 * torch.ones(n, n, dtype=torch.float64).triu(1) - d,
        "large and askew": 1e-3 * torch.ones(n, n, dtype=torch.float64).triu(1) - 1e3 * d,
        "hardly, and askew": 0.2 * torch.ones(n, n, dtype=torch.float64).triu(1) - 0.1 * P,
        "less than -tol by 0.05": -0.3 * P,  # where tol is 0.25
        "triangle": (gram + n * torch.eye(n, dtype=torch.float64)).tril(),
    }
    return others[kind]


def matrices(rng, kinds, n=5):
    return {"matrices": [matrix(rng, kind, n) for kind in kinds]}


@check(
    points=1,
    inputs=matrices,
    lecture="why-these-two-shapes",
    public=[
        case("kernels of five positions", kinds=["log", "power", "square", "distance", "too steep"]),
        case("no kernels", kinds=["constant", "negative", "gram", "not symmetric"], n=3),
    ],
    hidden=[
        case(
            "sums of rows and columns",
            kinds=["rows and columns", "gram and constants", "triangle", "one bad direction"],
            n=6,
        ),
        case("not quite symmetric, or not quite", kinds=["askew", "large and askew", "hardly, and askew", "less than -tol by 0.05"], n=8),
        case("one bad direction of twenty", kinds=["one bad direction", "hardly", "gram", "too steep"], n=20),
        case(
            "forty positions",
            kinds=["log", "power", "square", "too steep", "distance", "not symmetric", "hardly"],
            n=40,
        ),
        case("two positions", kinds=["log", "distance", "negative", "not symmetric", "hardly"], n=2),
        case("one position", kinds=["negative", "gram", "constant"], n=1),
    ],
    cites=["Whether a matrix is symmetric", "no two entries", "for *every* vector c", "both halves of K do", "Returns a bool of Python"],
)
def only_directions_with_sum_0_count(student, matrices):
    """A matrix is conditionally positive definite if it is symmetric and cᵀKc ≥ -tol for every unit vector c that sums to 0."""
    seen = []
    for K in matrices:
        view = K.T.contiguous().T
        seen.append([student.is_cpd_matrix(view), student.is_cpd_matrix(-K), student.is_cpd_matrix(view, tol=1e4)])
        seen.append([student.is_cpd_matrix(K.float(), 1e-4), student.is_cpd_matrix(K, tol=0.25), *flags(view)])
        whole = (4 * K).round()  # float32 holds these numbers, but is too coarse to decide
        seen.append([student.is_cpd_matrix(whole.float())])
        if len(K) == 1:  # no direction has the sum 0
            seen.append([student.is_cpd_matrix(K, tol=0.0)])
    return seen
