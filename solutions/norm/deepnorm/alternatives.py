"""Right ways to write norm/deepnorm, done differently."""

import math
import re

import numpy as np
import torch
from torch import nn

from autograder.checks import alternative


@alternative("by logarithms")
def deepnorm_constants(n_enc, n_dec):
    def power(base, exponent):
        return math.exp(exponent * math.log(base))

    found = {}
    if n_enc > 0 and n_dec > 0:
        mixed = math.exp((4 * math.log(n_enc) + math.log(n_dec)) / 16)
        found["decoder"] = (power(3 * n_dec, 0.25), power(12 * n_dec, -0.25))
        found["encoder"] = (0.81 * mixed, 0.87 / mixed)
    elif n_enc > 0:
        found["encoder"] = (power(2 * n_enc, 0.25), power(8 * n_enc, -0.25))
    else:
        found["decoder"] = (power(2 * n_dec, 0.25), power(8 * n_dec, -0.25))
    return found


@alternative("roots of roots, and a table of factors")
def deepnorm_constants(n_enc, n_dec):
    def fourth(n):
        return math.sqrt(math.sqrt(n))

    depths = {"encoder": n_enc, "decoder": n_dec}
    if all(depths.values()):
        mixed = n_enc**0.25 * fourth(fourth(n_dec))
        return {"encoder": (0.81 * mixed, 0.87 * mixed**-1), "decoder": (fourth(3 * n_dec), 1 / fourth(12 * n_dec))}
    return {name: (fourth(2 * n), 1 / fourth(8 * n)) for name, n in depths.items() if n}


@alternative("NumPy's powers")
def deepnorm_constants(n_enc, n_dec):
    n = np.array([n_enc, n_dec], dtype=np.float64)
    if n.all():
        mixed = np.prod(n ** np.array([1 / 4, 1 / 16]))
        return {"encoder": (float(0.81 * mixed), float(0.87 / mixed)), "decoder": tuple(np.power(np.array([3.0, 12.0]) * n[1], [0.25, -0.25]).tolist())}
    name, depth = [("encoder", n[0]), ("decoder", n[1])][int(n[0] == 0)]
    return {name: tuple((np.array([2.0, 8.0]) * depth) ** np.array([0.25, -0.25]))}


@alternative("the gain multiplied in after Xavier's rule, as torchscale does it")
def deepnorm_init_(m, beta):
    with torch.no_grad():
        for name, parameter in m.named_parameters():
            words = name.split(".")
            if parameter.dim() != 2 or not any(w in ("ffn", "v_proj", "out_proj", "q_proj", "k_proj") for w in words):
                continue
            nn.init.xavier_normal_(parameter)
            if any(w in ("ffn", "v_proj", "out_proj") for w in words):
                parameter.mul_(beta)


@alternative("normal numbers by hand, names by a regular expression")
def deepnorm_init_(m, beta):
    scaled, plain = re.compile(r"(^|\.)(ffn|v_proj|out_proj)(\.|$)"), re.compile(r"(^|\.)[qk]_proj(\.|$)")
    for name, parameter in m.named_parameters():
        gain = beta if scaled.search(name) else 1.0 if plain.search(name) else None
        if gain is None or len(parameter.shape) != 2:
            continue
        rows, columns = parameter.shape
        std = gain * math.sqrt(2.0 / (rows + columns))
        parameter.data.copy_(torch.randn(rows, columns, dtype=parameter.dtype) * std)


@alternative("modules are walked through, not names")
def deepnorm_init_(m, beta):
    def walk(module, gain):
        gains = {"ffn": beta, "v_proj": beta, "out_proj": beta, "q_proj": 1.0, "k_proj": 1.0}
        for name, parameter in module.named_parameters(recurse=False):
            own = gains.get(name, gain)
            if own is not None and parameter.ndim == 2:
                with torch.no_grad():
                    parameter.normal_(0.0, own * (2 / sum(parameter.shape)) ** 0.5)
        for name, child in module.named_children():
            walk(child, gains.get(name, gain))

    walk(m, None)


@alternative("two passes: queries and keys first")
def deepnorm_init_(m, beta):
    for words, gain in ((("q_proj", "k_proj"), 1.0), (("ffn", "v_proj", "out_proj"), beta)):
        for name, parameter in reversed(list(m.named_parameters())):
            if parameter.ndim == 2 and any(f".{word}." in f".{name}." for word in words):
                torch.nn.init.normal_(parameter, std=gain / (0.5 * (parameter.size(0) + parameter.size(1))) ** 0.5)


@alternative("each name of a shared matrix counts: how those are drawn is open")
def deepnorm_init_(m, beta):
    gains = {"q_proj": 1.0, "k_proj": 1.0, "ffn": beta, "v_proj": beta, "out_proj": beta}
    for name, parameter in m.named_parameters(remove_duplicate=False):
        found = [gain for part, gain in gains.items() if part in name.split(".")]
        if found and parameter.ndim == 2:
            nn.init.xavier_normal_(parameter, gain=found[0])


@alternative("torch.add with a factor")
def deepnorm_residual(x, fx, ln, alpha):
    return ln(torch.add(fx, x, alpha=alpha))


@alternative("a weighted sum of a stack")
def deepnorm_residual(x, fx, ln, alpha):
    weights = torch.tensor([alpha, 1.0], dtype=x.dtype)
    return ln(torch.einsum("n,n...->...", weights, torch.stack([x, fx])))
