"""Right ways to write gpt/gpt4_predictable_scaling, done differently."""

import math

import numpy as np
import torch

from autograder.checks import alternative


@alternative("NumPy: golden section over b, after a coarse grid; a line by polyfit")
def fit_power_law(C, L):
    x, y = np.log(np.asarray(C, dtype=np.float64)), np.asarray(L, dtype=np.float64)
    if len(x) < 3:
        raise ValueError("runs")
    middle = x.mean()

    def line(b):
        u = np.exp(b * (x - middle))
        M = np.stack([u, np.ones_like(u)], 1)
        coefficients = np.linalg.lstsq(M, y, rcond=None)[0]
        return coefficients, float(((M @ coefficients - y) ** 2).sum())

    grid = -np.geomspace(0.01, 2, 400)
    best = int(np.argmin([line(b)[1] for b in grid]))
    low, high = grid[min(best + 1, 399)], grid[max(best - 1, 0)]
    ratio = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - ratio * (high - low), low + ratio * (high - low)
        if line(left)[1] < line(right)[1]:
            high = right
        else:
            low = left
    b = (low + high) / 2
    (a, c), _ = line(b)
    return float(a * np.exp(-b * middle)), float(b), float(c)


@alternative("Gauss-Newton with damping on all three numbers, from several starts")
def fit_power_law(C, L):
    x, y = C.double().log(), L.double()
    n = x.shape[0]
    if n < 3:
        raise ValueError(n)
    x = x - (middle := x.mean())
    best, found = math.inf, None
    for start in (-0.02, -0.1, -0.3, -0.8, -1.6):
        u = torch.exp(start * x)
        M = torch.stack([u, torch.ones_like(u)], 1)
        a, c = torch.linalg.lstsq(M, y[:, None], driver="gelsd").solution.flatten().tolist()
        p, damping = torch.tensor([a, start, c], dtype=torch.float64), 1e-3
        error = float((M @ torch.tensor([a, c], dtype=torch.float64) - y).square().sum())
        for _ in range(300):
            u = torch.exp(p[1] * x)
            J = torch.stack([u, p[0] * u * x, torch.ones_like(u)], 1)
            r = p[0] * u + p[2] - y
            A = J.T @ J
            step = torch.linalg.solve(A + damping * torch.diag(A.diag() + 1e-300), J.T @ r)
            new = p - step
            new[1] = new[1].clamp(-2.0, -0.01)
            tried = float((new[0] * torch.exp(new[1] * x) + new[2] - y).square().sum())
            if tried < error:
                p, error, damping = new, tried, damping / 5
            else:
                damping *= 4
            if damping > 1e12:
                break
        if error < best:
            best, found = error, p
    u = torch.exp(found[1] * x)  # where b met its bound, a and c go on by themselves
    a, c = torch.linalg.lstsq(torch.stack([u, torch.ones_like(u)], 1), y[:, None], driver="gelsd").solution.flatten().tolist()
    b = float(found[1])
    return a * math.exp(-b * float(middle)), b, c


@alternative("a loop over b, each time with the normal equations, ever finer")
def fit_power_law(C, L):
    if C.numel() < 3:
        raise ValueError("too few")
    logs = [math.log(v) for v in C.tolist()]
    losses, n = L.tolist(), len(logs)
    unit = sum(logs) / n

    def solve(b):
        u = [math.exp(b * (v - unit)) for v in logs]
        mu, ml = sum(u) / n, sum(losses) / n
        a = sum((p - mu) * (q - ml) for p, q in zip(u, losses, strict=True)) / sum((p - mu) ** 2 for p in u)
        c = ml - a * mu
        return sum((a * p + c - q) ** 2 for p, q in zip(u, losses, strict=True)), a, c

    candidates = [-0.01 * 200 ** (i / 150) for i in range(151)]
    for _ in range(12):
        i = min(range(len(candidates)), key=lambda i: solve(candidates[i])[0])
        b = candidates[i]
        low, high = candidates[max(i - 1, 0)], candidates[min(i + 1, len(candidates) - 1)]
        candidates = [low + (high - low) * j / 24 for j in range(25)]
    _, a, c = solve(b)
    return a / math.exp(unit) ** b, b, c


@alternative("exp of the logarithm")
def extrapolate(fit, C):
    a, b, c = (torch.tensor(number, dtype=torch.float64) for number in fit)
    return torch.exp(b * torch.log(C.to(torch.float64))).mul(a).add(c)


@alternative("one run after the other")
def backtest(C, L, limit):
    runs = list(zip(C.tolist(), L.tolist(), strict=True))
    small, large = [r for r in runs if r[0] <= limit], [r for r in runs if r[0] > limit]
    if len(small) < 3 or not large:
        raise ValueError("runs are missing")
    a, b, c = fit_power_law(*torch.tensor(small, dtype=torch.float64).unbind(1))
    return max(abs(a * x**b + c - y) / y for x, y in large)


@alternative("NumPy's polyfit")
def fit_mean_log_pass(C, pass_rates):
    rates = pass_rates.numpy().astype(np.float64)
    if np.isnan(rates).any() or rates.min() <= 0 or rates.max() > 1 or (rates.min(axis=1) == 1).any():
        raise ValueError("rates")
    slope, at_zero = np.polyfit(np.log(C.numpy().astype(np.float64)), np.log(-np.log(rates).mean(axis=1)), 1)
    return float(np.exp(at_zero)), float(-slope)


@alternative("least squares of a matrix, with the geometric mean of the rates")
def fit_mean_log_pass(C, pass_rates):
    product = torch.ones(len(C), dtype=torch.float64)
    for rate in pass_rates.double().unbind(1):
        if bool((rate <= 0).any() or (rate > 1).any() or rate.isnan().any()):
            raise ValueError("a rate")
        product = product + rate.log()
    mean = (product - 1) / pass_rates.shape[1]
    if bool((mean >= 0).any()):
        raise ValueError("all solved")
    M = torch.stack([torch.ones_like(mean), -C.double().log()], 1)
    log_alpha, k = torch.linalg.lstsq(M, (-mean).log()[:, None]).solution.flatten().tolist()
    return math.exp(log_alpha), k


@alternative("bin by bin, as Guo's code")
def ece(probs, y, bins=10):
    confidences, predictions = torch.max(probs, 1)
    accuracies = predictions.eq(y)
    edges = torch.linspace(0, 1, bins + 1)
    total = torch.zeros(1)
    for i in range(bins):
        lower, upper = edges[i], edges[i + 1]
        inside = confidences.gt(lower.item()) * confidences.le(upper.item())
        share = inside.float().mean()
        if share.item() > 0:
            total += torch.abs(confidences[inside].mean() - accuracies[inside].float().mean()) * share
    return total.item()


@alternative("a dictionary of bins")
def ece(probs, y, bins=10):
    kept = {}
    for row, right in zip(probs.tolist(), y.tolist(), strict=True):
        top = max(row)
        number = min(i for i in range(bins) if top <= (i + 1) / bins or i == bins - 1)
        kept.setdefault(number, []).append((top, row.index(top) == right))
    gap = 0.0
    for members in kept.values():
        confidence = sum(top for top, _ in members) / len(members)
        accuracy = sum(hit for _, hit in members) / len(members)
        gap += len(members) / len(y) * abs(confidence - accuracy)
    return gap


@alternative("NumPy's bincount with weights")
def ece(probs, y, bins=10):
    p = probs.double().numpy()
    top, right = p.max(1), p.argmax(1) == y.numpy()
    index = np.digitize(top, np.arange(1, bins) / bins, right=True)
    counts = np.bincount(index, minlength=bins)
    conf, acc = (np.bincount(index, weights=w, minlength=bins) / np.maximum(counts, 1) for w in (top, right))
    return float(np.average(np.abs(conf - acc), weights=counts))


@alternative("the weighted sum over the sum of weights")
def rbrm_score(class_probs, class_rewards):
    return (class_probs * class_rewards).sum(-1) / class_probs.sum(-1)


@alternative("logarithms and a softmax")
def rbrm_score(class_probs, class_rewards):
    tiny = torch.finfo(class_probs.dtype).tiny
    weights = torch.softmax((class_probs + tiny).log(), -1)
    return torch.einsum("nk,k->n", weights, class_rewards)
