"""Right ways to write scaling/kaplan_chinchilla, done differently."""

import math

import numpy as np
import torch

from autograder.checks import alternative

PRINTED = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}


@alternative("the formula of the paper: 2 d_model n_layer (2 d_attn + d_ff)")
def params_nonembed(n_layer, d_model):
    d_attn, d_ff = d_model, 4 * d_model
    return 2 * d_model * n_layer * (2 * d_attn + d_ff)


@alternative("a table of laws, in logarithms")
def kaplan_L(*, N=None, D=None, C=None):
    laws = [(N, 8.8e13, 0.076), (D, 5.4e13, 0.095), (C, 3.1e8 * 1e15 * 24 * 3600, 0.05)]
    given = [(x, scale, power) for x, scale, power in laws if x is not None]
    if len(given) != 1:
        raise ValueError("one of N, D, C")
    ((x, scale, power),) = given
    return math.exp(power * (math.log(scale) - math.log(x)))


@alternative("a dict of what is given; compute in PF-days, negative powers")
def kaplan_L(*, N=None, D=None, C=None):
    given = {name: value for name, value in (("N", N), ("D", D), ("C", C)) if value is not None}
    if len(given) != 1:
        raise ValueError(given)
    name, value = given.popitem()
    if name == "C":
        value = value / (1e15 * 24 * 60 * 60)
    scale, power = {"N": (8.8e13, 0.076), "D": (5.4e13, 0.095), "C": (3.1e8, 0.050)}[name]
    return (value / scale) ** -power


@alternative("the joint law by two losses")
def kaplan_LND(N, D):
    parameters, tokens = (6.4e13 / N) ** 0.076, (1.8e13 / D) ** 0.103
    power = 1 / 0.103
    return (parameters**power + tokens**power) ** 0.103


@alternative("logsumexp, as the Chinchilla paper fits it")
def chinchilla_L(N, D, coef=PRINTED):
    terms = [math.log(coef["A"]) - coef["alpha"] * math.log(N), math.log(coef["B"]) - coef["beta"] * math.log(D)]
    return coef["E"] + torch.tensor(terms, dtype=torch.float64).exp().sum().item()


@alternative("negative powers")
def chinchilla_L(N, D, coef=PRINTED):
    E, A, B, alpha, beta = (coef[name] for name in ("E", "A", "B", "alpha", "beta"))
    return sum((E, A * N**-alpha, B * D**-beta))


@alternative("G, a and b of the paper")
def optimal(C, coef=PRINTED):
    alpha, beta = coef["alpha"], coef["beta"]
    G = (alpha * coef["A"] / (beta * coef["B"])) ** (1 / (alpha + beta))
    a, b = beta / (alpha + beta), alpha / (alpha + beta)
    return G * (C / 6) ** a, (C / 6) ** b / G


@alternative("bisection where the slope changes its sign")
def optimal(C, coef=PRINTED):
    product = math.log(C / 6)
    low, high = -200.0, 200.0
    for _ in range(200):
        x = (low + high) / 2
        down = math.log(coef["alpha"] * coef["A"]) - coef["alpha"] * x
        up = math.log(coef["beta"] * coef["B"]) - coef["beta"] * (product - x)
        low, high = (x, high) if down > up else (low, x)
    return math.exp(x), math.exp(product - x)


@alternative("Newton's steps for the logarithm of N")
def optimal(C, coef=PRINTED):
    x = torch.tensor(math.log(C / 6) / 2, dtype=torch.float64)
    for _ in range(3):
        down = math.log(coef["alpha"] * coef["A"]) - coef["alpha"] * x
        up = math.log(coef["beta"] * coef["B"]) - coef["beta"] * (math.log(C / 6) - x)
        x = x + (down - up) / (coef["alpha"] + coef["beta"])
    return x.exp().item(), C / 6 / x.exp().item()


@alternative("numpy.polyfit around the middle")
def isoflop_min(N, L):
    if len(N) < 3:
        raise ValueError("runs")
    x = np.log(np.asarray(N, dtype=float))
    middle = x.mean()
    p, q, _ = np.polyfit(x - middle, np.asarray(L, dtype=float), 2)
    if p <= 0:
        raise ValueError("no valley")
    return float(np.exp(middle - q / (2 * p)))


@alternative("torch.linalg.lstsq, powers of ten")
def isoflop_min(N, L):
    if len(N) <= 2:
        raise ValueError("runs")
    x = torch.tensor(N, dtype=torch.float64).log10()
    design = torch.stack([torch.ones_like(x), x, x * x], dim=1)
    _r, q, p = torch.linalg.lstsq(design, torch.tensor(L, dtype=torch.float64)[:, None]).solution[:, 0].tolist()
    if not p > 0:
        raise ValueError("no valley")
    return 10 ** (-q / (2 * p))


@alternative("the law is turned round in logarithms")
def tokens_for_loss(L, N, coef=PRINTED):
    left = L - (coef["E"] + coef["A"] * N ** -coef["alpha"])
    if not left > 0:
        raise ValueError("never")
    return math.exp((math.log(coef["B"]) - math.log(left)) / coef["beta"])


@alternative("2 N for a token, three times as much with the backward pass")
def overtrain_cost(N, D, inference_tokens):
    forward = 2 * N
    return float(forward * (3 * D + inference_tokens))
