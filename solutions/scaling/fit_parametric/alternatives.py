"""Right ways to write scaling/fit_parametric, done differently."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from autograder.checks import alternative


@alternative("the largest term is taken out by hand")
def log_loss(theta, N, D):
    a, b, e, alpha, beta = theta
    first, second = a - alpha * N.double().log(), b - beta * D.double().log()
    top = torch.maximum(torch.maximum(first, second), e).detach()
    return top + (torch.exp(first - top) + torch.exp(second - top) + torch.exp(e - top)).log()


@alternative("logaddexp twice, two matrix products")
def log_loss(theta, N, D):
    one = torch.ones(len(N), dtype=torch.float64)
    first = torch.stack([one, -N.double().log()], dim=1) @ theta[[0, 3]]
    second = torch.stack([one, -D.double().log()], dim=1) @ theta[[1, 4]]
    return torch.logaddexp(torch.logaddexp(first, second), theta[2] * one)


@alternative("torch's huber_loss")
def objective(theta, N, D, L, delta=1e-3):
    terms = torch.stack([theta[0] - theta[3] * N.double().log(), theta[1] - theta[4] * D.double().log(), theta[2].expand(len(N))])
    return F.huber_loss(terms.logsumexp(0), L.double().log(), delta=delta, reduction="sum")


@alternative("the clipped difference times what is left")
def objective(theta, N, D, L, delta=1e-3):
    terms = torch.stack([theta[0] - theta[3] * N.double().log(), theta[1] - theta[4] * D.double().log(), theta[2].expand(len(N))], dim=1)
    r = torch.logsumexp(terms, dim=1) - torch.log(L.double())
    near = r.clamp(-delta, delta)
    return (near * (r - near / 2)).sum()


@alternative("L-BFGS of torch, centred")
def fit_chinchilla(N, D, L, delta=1e-3):
    if len(N) < 5:
        raise ValueError("runs")
    x, y, t = N.double().log(), D.double().log(), L.double().log()
    x0, y0, third = float(x.mean()), float(y.mean()), float(t.mean()) - math.log(3)
    theta = torch.tensor([third, third, third, 0.3, 0.3], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([theta], max_iter=300, tolerance_grad=1e-10, tolerance_change=1e-13, history_size=20, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        terms = torch.stack([theta[0] - theta[3] * (x - x0), theta[1] - theta[4] * (y - y0), theta[2].expand_as(x)])
        loss = F.huber_loss(terms.logsumexp(0), t, delta=delta, reduction="sum")
        loss.backward()
        return loss

    optimizer.step(closure)
    a, b, e, alpha, beta = theta.tolist()
    return {"E": math.exp(e), "A": math.exp(a + alpha * x0), "B": math.exp(b + beta * y0), "alpha": alpha, "beta": beta}


@alternative("a coarse grid of α and β with weighted least squares for the rest, made finer; then Newton's method")
def fit_chinchilla(N, D, L, delta=1e-3):
    if len(N) < 5:
        raise ValueError("runs")
    x, y, t = (each.double().log() for each in (N, D, L))
    x0, y0 = x.mean(), y.mean()
    x, y = x - x0, y - y0
    alpha, beta = (each.flatten() for each in torch.meshgrid(torch.linspace(0.05, 1.0, 20).double(), torch.linspace(0.05, 1.0, 20).double(), indexing="ij"))
    design = torch.stack([torch.exp(-alpha[:, None] * x), torch.exp(-beta[:, None] * y), torch.ones(len(alpha), len(x)).double()], dim=-1) / t.exp()[:, None]
    weight = torch.ones(len(alpha), len(x)).double()
    for _ in range(15):
        normal = design.mT @ (weight[..., None] * design) + 1e-12 * torch.eye(3).double()
        found = torch.linalg.solve(normal, (design * weight[..., None]).sum(1)[..., None])
        r = (design @ found)[..., 0] - 1
        weight = delta / r.abs().clamp(min=delta)
    error = torch.where(r.abs() <= delta, r * r / 2, delta * (r.abs() - delta / 2)).sum(1)
    error = torch.where((found[..., 0] > 1e-6).all(1), error, math.inf)
    at = int(error.argmin())
    theta = torch.cat([found[at, :, 0].log(), alpha[[at]], beta[[at]]])

    def cost(theta):
        terms = torch.stack([theta[0] - theta[3] * x, theta[1] - theta[4] * y, theta[2].expand_as(x)])
        return F.huber_loss(terms.logsumexp(0), t, delta=delta, reduction="sum")

    damping, now = 1e-3, float(cost(theta))
    for _ in range(150):
        terms = torch.stack([theta[0] - theta[3] * x, theta[1] - theta[4] * y, theta[2].expand_as(x)])
        share, r = terms.softmax(0), terms.logsumexp(0) - t
        slopes = torch.stack([share[0], share[1], share[2], -share[0] * x, -share[1] * y], dim=1)
        weight = delta / r.abs().clamp(min=delta)
        normal = slopes.T @ (weight[:, None] * slopes)
        step = torch.linalg.solve(normal + damping * torch.diag(normal.diagonal() + 1e-12), slopes.T @ (weight * r))
        then = float(cost(theta - step))
        theta, now, damping = (theta - step, then, max(damping / 4, 1e-13)) if then < now else (theta, now, min(damping * 5, 1e6))
    a, b, e, alpha, beta = theta.tolist()
    return {"E": math.exp(e), "A": math.exp(a + alpha * float(x0)), "B": math.exp(b + beta * float(y0)), "alpha": alpha, "beta": beta}


alternative("one fit after the other", edit={
    "fits = _named(_search(N[resamples], D[resamples], L[resamples], delta))": "fits = [fit_chinchilla(N[row], D[row], L[row], delta) for row in resamples]"
})  # fmt: skip
alternative("numpy's quantiles", edit={
    "torch.tensor([fit[name] for fit in fits], dtype=torch.float64).quantile(ends)": "__import__('numpy').quantile([fit[name] for fit in fits], ends.numpy())"
})  # fmt: skip


@alternative("numpy.polyfit, budgets in a dict")
def isoflop_parabola(C, N, L):
    budgets = {}
    for c, n, loss in zip(C.tolist(), N.tolist(), L.tolist(), strict=True):
        budgets.setdefault(c, []).append((math.log(n), loss))
    if len(budgets) < 2:
        raise ValueError("budgets")
    points = []
    for c, members in budgets.items():
        x, y = (np.array(each) for each in zip(*members, strict=True))
        if len(set(x.tolist())) < 3:
            raise ValueError("sizes")
        p, q, _ = np.polyfit(x - x.mean(), y, 2)
        if p <= 0:
            raise ValueError("valley")
        points.append((math.log(c), x.mean() - q / (2 * p)))
    x, y = (np.array(each) for each in zip(*points, strict=True))
    a, height = np.polyfit(x, y, 1)
    return math.exp(height), float(a)


@alternative("powers of ten, normal equations, covariance")
def isoflop_parabola(C, N, L):
    budgets = sorted(set(C.tolist()))
    if len(budgets) < 2:
        raise ValueError("budgets")
    best = []
    for budget in budgets:
        x, y = N[budget == C].double().log10(), L[budget == C].double()
        if len(set(x.tolist())) < 3:
            raise ValueError("sizes")
        middle = x.mean()
        design = torch.stack([torch.ones_like(x), x - middle, (x - middle) ** 2], dim=1)
        _, q, p = torch.linalg.solve(design.T @ design, design.T @ y).tolist()
        if p <= 0:
            raise ValueError("valley")
        best.append(float(middle) - q / (2 * p))
    x, y = torch.tensor(budgets, dtype=torch.float64).log10(), torch.tensor(best, dtype=torch.float64)
    covariance = torch.cov(torch.stack([x, y]))
    a = covariance[0, 1] / covariance[0, 0]
    return float(10 ** (y.mean() - a * x.mean())), float(a)
