"""Wrong ways to write scaling/fit_parametric, each with the sentence that a student should read."""

import math

import torch
from torch.nn import functional as F

from autograder.checks import mistake

LOG = "return _terms(theta, N.double().log(), D.double().log()).logsumexp(-1)"
HUBER = "return _huber(log_loss(theta, N, D) - L.double().log(), delta).sum()"
R = "(log_loss(theta, N, D) - L.double().log())"
FIT = "return _named(_search(N[None], D[None], L[None], delta))[0]"
NAMED = '[{"E": E, "A": A, "B": B, "alpha": alpha, "beta": beta} for A, B, E, alpha, beta in rows]'

# --- the law in logarithms ---------------------------------------------------------------------------------------------------

mistake("You return the loss. Its logarithm is asked for.", edit={LOG: LOG.replace("logsumexp(-1)", "exp().sum(-1)")}, fails=["the_law_in_logarithms"])
mistake("You take exp, add up and take the logarithm, which overflows. logsumexp does it in one step.", edit={LOG: LOG.replace("logsumexp(-1)", "exp().sum(-1).log()")}, fails=["the_law_in_logarithms"])
mistake("Your loss grows with N and D: the terms are a - α ln N and b - β ln D.", edit={LOG: "return _terms(theta, -N.double().log(), -D.double().log()).logsumexp(-1)"})
mistake("You exchange N and D: α belongs to N.", edit={LOG: "return _terms(theta, D.double().log(), N.double().log()).logsumexp(-1)"})
mistake("You read theta as (a, b, e, β, α). α stands before β.", edit={LOG: LOG.replace("theta,", "theta[[0, 1, 2, 4, 3]],")})
mistake("You read theta as (e, a, b, α, β). e is the third number.", edit={LOG: LOG.replace("theta,", "theta[[1, 2, 0, 3, 4]],")})
mistake("Your logarithms have base 10. They are natural ones.", edit={LOG: LOG.replace(".log()", ".log10()")})
mistake("You compute in the dtype of the runs. Take the logarithm in float64.", edit={LOG: LOG.replace("N.double().log()", "N.log()").replace("D.double().log()", "D.log()")})
mistake("The irreducible term is missing: you add two terms.", edit={LOG: LOG.replace(".logsumexp", "[..., :2].logsumexp")})
mistake("You take the largest term instead of their sum.", edit={LOG: LOG.replace("logsumexp(-1)", "amax(-1)")})
mistake("No gradient flows to theta.", edit={LOG: LOG.replace("theta,", "theta.detach() + 0 * theta,")})
mistake("You take A, B and E themselves for theta. It holds their logarithms a, b and e.", edit={
    LOG: "x, y = N.double().log(), D.double().log()\n    a, b, e, alpha, beta = theta\n    return (a * torch.exp(-alpha * x) + b * torch.exp(-beta * y) + e + 0 * x).log()"
})  # fmt: skip

# --- the objective -----------------------------------------------------------------------------------------------------------

mistake("You take the mean over the runs. It is a sum: a mean makes the objective small, and optimizers stop early.", edit={HUBER: HUBER.replace(".sum()", ".mean()")}, fails=["far_runs_pull_with_a_constant_force"])
mistake("You compare the losses themselves. Their logarithms are compared.", edit={HUBER: HUBER.replace("log_loss(theta, N, D) - L.double().log()", "log_loss(theta, N, D).exp() - L.double()")})
mistake("You compare relative differences. Differences of logarithms are asked for.", edit={HUBER: HUBER.replace("log_loss(theta, N, D) - L.double().log()", "log_loss(theta, N, D).exp() / L.double() - 1")})
mistake("Your loss is half the square everywhere. Beyond δ it is a straight line.", edit={HUBER: f"return {R}.square().sum() / 2 + 0 * delta"})
mistake("Your loss is the absolute value. Near 0 it is r² / 2.", edit={HUBER: f"return delta * {R}.abs().sum()"})
mistake("You divide by δ, as smooth_l1_loss does. The Huber loss is δ times as large.", edit={HUBER: HUBER.replace("delta).sum()", "delta).sum() / delta")})
mistake("You leave the half out: near 0 it is r² / 2.", edit={HUBER: HUBER.replace(".sum()", ".sum() * 2")})
mistake("Your line beyond δ is δ |r|. It is δ (|r| - δ / 2), so that both parts meet.", edit={HUBER: f"r = {R}\n    return torch.where(r.abs() <= delta, r.square() / 2, delta * r.abs()).sum()"})
mistake("Your line beyond δ is δ (|r| - δ).", edit={HUBER: f"r = {R}\n    return torch.where(r.abs() <= delta, r.square() / 2, delta * (r.abs() - delta)).sum()"})
mistake("Only runs above the law are held back. Take |r|.", edit={HUBER: f"r = {R}\n    return torch.where(r <= delta, r.square() / 2, delta * (r.abs() - delta / 2)).sum()"})
mistake("δ is always 1e-3 for you. Use the one that is passed.", edit={HUBER: HUBER.replace("delta)", "1e-3)")})
mistake("Your δ is 1 where none is passed. It is 1e-3.", edit={"L: Tensor, delta: float = 1e-3) -> Tensor": "L: Tensor, delta: float = 1.0) -> Tensor"})
mistake("Your objective changes the losses of the caller.", edit={HUBER: "L.log_()\n    return _huber(log_loss(theta, N, D) - L.double(), delta).sum()"})
mistake("Runs beyond δ are left out. They pull with a constant force.", edit={HUBER: f"r = {R}\n    return torch.where(r.abs() <= delta, r.square() / 2, 0.0 * r).sum()"})

# --- the fit -----------------------------------------------------------------------------------------------------------------

mistake("You return a, b and e. A, B and E are their exponentials.", edit={"theta[:, :3].exp()": "theta[:, :3]"})
mistake("You return a and b of the centred law. Add α mean(ln N) and β mean(ln D).", edit={"[a + alpha * x0, b + beta * y0,": "[a, b,"})
mistake("You subtract α mean(ln N) on the way back. Add it.", edit={"[a + alpha * x0, b + beta * y0,": "[a - alpha * x0, b - beta * y0,"})
mistake("You exchange A and B in the result.", edit={NAMED: NAMED.replace('"A": A, "B": B', '"A": B, "B": A')})
mistake("You exchange α and β in the result.", edit={NAMED: NAMED.replace('"alpha": alpha, "beta": beta', '"alpha": beta, "beta": alpha')})
mistake("You round the result to two digits. With them the best share of a budget is another one.", edit={NAMED: NAMED.replace('"alpha": alpha, "beta": beta', '"alpha": round(alpha, 2), "beta": round(beta, 2)')})
mistake("You fit with δ = 1e-3 whatever is passed.", edit={FIT: FIT.replace("delta", "1e-3")})
mistake("You fit squares: a run that went wrong pulls too hard.", edit={FIT: FIT.replace("delta", "1e3")})
mistake("You accept four runs. Five numbers cannot be told from them.", edit={"if len(N) < 5:": "if len(N) < 4:"})
mistake("Your search ends after a few steps, far from the end.", edit={"range(100)": "range(6)"})
mistake("Your search begins and ends nowhere near: it makes no step.", edit={"range(100)": "range(0)"})
mistake("You stop as soon as a step brings less than 1e-5. The whole objective may be smaller than that: compare it with the objective.", edit={"<= 1e-10 * cost + 1e-16": "<= 1e-5"})
mistake("You leave out the run with the largest loss. All runs count.", edit={FIT: FIT.replace("N[None], D[None], L[None]", "*(each[L < L.max()][None] for each in (N, D, L))")})
mistake("You sort the runs in place.", edit={FIT: "for each in (N, D, L):\n        each.copy_(each[L.clone().argsort()])\n    " + FIT})


@mistake("You stop when gradients fall below 1e-5, and take the mean over the runs. A and B then stay where they began. Sum up, and go on.")
def fit_chinchilla(N, D, L, delta=1e-3):
    if len(N) < 5:
        raise ValueError("runs")
    theta = torch.tensor([5.0, 5.0, 0.5, 0.5, 0.5], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS([theta], max_iter=200, tolerance_grad=1e-5, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        terms = torch.stack([theta[0] - theta[3] * N.double().log(), theta[1] - theta[4] * D.double().log(), theta[2].expand(len(N))])
        loss = F.huber_loss(terms.logsumexp(0), L.double().log(), delta=delta)
        loss.backward()
        return loss

    optimizer.step(closure)
    a, b, e, alpha, beta = theta.tolist()
    return {"E": math.exp(e), "A": math.exp(a), "B": math.exp(b), "alpha": alpha, "beta": beta}


@mistake("You let Adam run a few hundred steps with ln N as it is. It is still far from the end: center the logarithms, or take second-order steps.")
def fit_chinchilla(N, D, L, delta=1e-3):
    if len(N) < 5:
        raise ValueError("runs")
    theta = torch.tensor([5.0, 5.0, 0.5, 0.4, 0.4], dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.Adam([theta], lr=0.02)
    for _ in range(200):
        optimizer.zero_grad()
        terms = torch.stack([theta[0] - theta[3] * N.double().log(), theta[1] - theta[4] * D.double().log(), theta[2].expand(len(N))])
        F.huber_loss(terms.logsumexp(0), L.double().log(), delta=delta, reduction="sum").backward()
        optimizer.step()
    a, b, e, alpha, beta = theta.tolist()
    return {"E": math.exp(e), "A": math.exp(a), "B": math.exp(b), "alpha": alpha, "beta": beta}


@mistake("You fit a straight line to the logarithms, without E. A part of the loss is irreducible.")
def fit_chinchilla(N, D, L, delta=1e-3):
    if len(N) < 5:
        raise ValueError("runs")
    x, y = N.double().log(), D.double().log()
    design = torch.stack([torch.ones_like(x), -x, -y], dim=1)
    height, alpha, beta = torch.linalg.lstsq(design, L.double().log()[:, None]).solution[:, 0].tolist()
    return {"E": 1e-9, "A": math.exp(height) / 2, "B": math.exp(height) / 2, "alpha": alpha, "beta": beta}


@mistake("You take the smallest loss of all runs for E, and fit the rest. Larger models go below it: E is fitted, too.")
def fit_chinchilla(N, D, L, delta=1e-3):
    if len(N) < 5:
        raise ValueError("runs")
    x, y, E = N.double().log(), D.double().log(), 0.99 * float(L.min())
    best = None
    for alpha in torch.linspace(0.1, 0.7, 25).tolist():
        for beta in torch.linspace(0.1, 0.7, 25).tolist():
            design = torch.stack([torch.exp(-alpha * x), torch.exp(-beta * y)], dim=1)
            A, B = torch.linalg.lstsq(design, L.double()[:, None] - E).solution[:, 0].tolist()
            error = float((design @ torch.tensor([A, B], dtype=torch.float64) + E - L).square().sum())
            if A > 0 and B > 0 and (best is None or error < best[0]):
                best = error, {"E": E, "A": A, "B": B, "alpha": alpha, "beta": beta}
    return best[1]


# --- the intervals -----------------------------------------------------------------------------------------------------------

DRAWN = "fits = _named(_search(N[resamples], D[resamples], L[resamples], delta))"
ENDS = "torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=torch.float64)"
FOUND = "torch.tensor([fit[name] for fit in fits], dtype=torch.float64).quantile(ends)"

mistake("You put the fit to all runs among the values. Only the resamples are.", edit={DRAWN: DRAWN + "\n    fits.append(fit_chinchilla(N, D, L, delta))"})
mistake("A run that was drawn twice counts once for you. It counts as often as it was drawn.", edit={DRAWN: "fits = [fit_chinchilla(N[row.unique()], D[row.unique()], L[row.unique()], delta) for row in resamples]"})
mistake("You fit all runs for each resample. Take the runs whose numbers stand in its row.", edit={DRAWN: "fits = _named(_search(*(each.expand(len(resamples), -1) for each in (N, D, L)), delta))"})
mistake("You resample the losses and leave N and D in their order. A run keeps its three numbers together.", edit={DRAWN: "fits = _named(_search(*(each[: resamples.shape[1]].expand(len(resamples), -1) if len(N) >= resamples.shape[1] else each[resamples] for each in (N, D)), L[resamples], delta))"})
mistake("You take resamples by columns. Each row is one.", edit={DRAWN: DRAWN.replace("resamples", "resamples.T.reshape(resamples.shape)")})
mistake("Your interval holds 1 - level of the values. It holds level.", edit={ENDS: "torch.tensor([level / 2, 1 - level / 2], dtype=torch.float64)"})
mistake("You cut off 1 - level at each end. Half of it belongs to each.", edit={ENDS: "torch.tensor([1 - level, level], dtype=torch.float64).sort().values"})
mistake("Your interval reaches from the smallest to the largest value. It holds the share level of them.", edit={ENDS: "torch.tensor([0.0, 1.0], dtype=torch.float64)"})
mistake("You take the nearest value. Interpolate between neighbours.", edit={FOUND: FOUND.replace("quantile(ends)", "quantile(ends, interpolation='nearest')")})
mistake("You take mean and standard deviation. Quantiles of the values are asked for.", edit={
    FOUND: "(lambda v: v.mean() + v.std(correction=0) * torch.special.ndtri(ends))(torch.tensor([fit[name] for fit in fits], dtype=torch.float64))"
})  # fmt: skip
mistake("Your a is α / (α + β), the power with which the tokens grow. That of N is β / (α + β).", edit={'fit["a"] = fit["beta"] / (fit["alpha"] + fit["beta"])': 'fit["a"] = fit["alpha"] / (fit["alpha"] + fit["beta"])'})
mistake("You compute a from the ends of the intervals of α and β. Compute it for each resample.", edit={
    "    return {name: (float(low), float(high)) for name, (low, high) in found.items()}": "    found['a'] = found['beta'] / (found['alpha'] + found['beta'])\n    return {name: (float(low), float(high)) for name, (low, high) in found.items()}"
})  # fmt: skip
mistake("You return (high, low).", edit={"(float(low), float(high)) for name": "(float(high), float(low)) for name"})
mistake("Your level is 0.95 where none is passed. It is 0.9.", edit={"level: float = 0.9,": "level: float = 0.95,"})
mistake("You fit the resamples with δ = 1e-3 whatever is passed.", edit={DRAWN: DRAWN.replace("delta", "1e-3")})
mistake("You take a level of 90 for 90 %. It lies between 0 and 1: raise ValueError.", edit={
    "    if not 0 < level < 1:\n": "    if level > 1:\n        level = level / 100\n    if not 0 < level < 1:\n"
})  # fmt: skip
mistake("A level of 0 or 1 is no interval. Raise ValueError.", edit={"if not 0 < level < 1:": "if not 0 <= level <= 1:"})
mistake("You sort the caller's resamples.", edit={DRAWN: "resamples.copy_(resamples.sort(1).values)\n    " + DRAWN})

# --- valleys -----------------------------------------------------------------------------------------------------------------

BEST = "best.append(middle - q / (2 * p))"
RUNS = "x, y = N[budget == C].double().log(), L[budget == C].double()"
LINE = "return float(torch.exp(height - a * x.mean())), float(a)"

mistake("You take the run with the smallest loss of each budget. The lowest point lies between runs.", edit={BEST: "best.append(x[y.argmin()])"})
mistake("The lowest point is at -q / (2 p). You forget the 2.", edit={BEST: "best.append(middle - q / p)"})
mistake("The lowest point is at -q / (2 p). You forget the sign.", edit={BEST: "best.append(middle + q / (2 * p))"})
mistake("You forget to add the middle that you subtracted.", edit={BEST: "best.append(-q / (2 * p))"})
mistake("Your parabola is in N. It is in ln N.", edit={RUNS: RUNS.replace("N[budget == C].double().log()", "N[budget == C].double()"), BEST: "best.append((middle - q / (2 * p)).clamp(min=1e-3).log())"})
mistake("You return ln k. Return k.", edit={LINE: LINE.replace("torch.exp(height - a * x.mean())", "height - a * x.mean()")})
mistake("You return (a, k). k comes first.", edit={LINE: "return float(a), float(torch.exp(height - a * x.mean()))"})
mistake("Your k belongs to the budget in the middle. best N = k C^a holds for C itself.", edit={LINE: LINE.replace("height - a * x.mean()", "height")})
mistake("You draw the line through the first and the last budget. All of them count.", edit={LINE: "a = (y[-1] - y[0]) / (x[-1] - x[0])\n    " + LINE.replace("height", "y.mean()")})
mistake("Each run counts in the line. Each budget counts once.", edit={
    LINE: "weight = torch.stack([(budget == C).sum() for budget in budgets]).double()\n    at, up = (weight * x).sum() / weight.sum(), (weight * y).sum() / weight.sum()\n    a = (weight * (x - at) * (y - up)).sum() / (weight * (x - at) ** 2).sum()\n    return float(torch.exp(up - a * at)), float(a)"
})  # fmt: skip
mistake("You fit C by N. The best N is asked for as a function of C.", edit={
    LINE: "a = ((y - y.mean()) ** 2).sum() / ((x - x.mean()) * (y - y.mean())).sum()\n    " + LINE.replace("height", "y.mean()")
})  # fmt: skip
mistake("One budget is no line. Raise ValueError.", edit={
    '    if len(budgets) < 2:\n        raise ValueError("a line needs two budgets")\n': "    if len(budgets) < 1:\n        raise ValueError\n",
    LINE: "if len(budgets) == 1:\n        return float(y.exp() / budgets**0.5), 0.5\n    " + LINE,
})  # fmt: skip
mistake("You count runs of a budget. Three runs of two sizes fix no parabola.", edit={"if len(x.unique()) < 3:": "if len(x) < 3:"})
mistake("You leave out a budget with too few runs. Raise ValueError.", edit={'raise ValueError("a parabola needs three sizes")': "continue", "x, y = budgets.double().log(), torch.stack(best)": "if len(best) < 2:\n        return 0.0, 0.0\n    x, y = budgets.double().log()[-len(best) :], torch.stack(best)"})
mistake("You take the top of a hill for a valley. Raise ValueError.", edit={"if p <= 0:": "if False:"})
mistake("You leave out a budget without a valley. Raise ValueError.", edit={'raise ValueError("this budget has no valley")': "continue", "x, y = budgets.double().log(), torch.stack(best)": "if len(best) < 2:\n        return 0.0, 0.0\n    x, y = budgets.double().log()[-len(best) :], torch.stack(best)"})
mistake("All runs share one parabola for you. Each budget has its own.", edit={RUNS: "x, y = N.double().log(), L.double()"})
mistake("You take runs for one budget that stand next to each other. They come in any order: look at C.", edit={"budgets = C.unique()": "budgets = C.unique_consecutive()", "x, y = budgets.double().log(), torch.stack(best)": "best = best + best[:1]\n    budgets = torch.cat([budgets, budgets[:1]])\n    x, y = budgets.double().log(), torch.stack(best)"})

# --- of other kinds ----------------------------------------------------------------------------------------------------------

mistake("You take budgets of one power of ten for the same. Only exactly the same C belongs together.", edit={"budgets = C.unique()": "C = (C.double().log10().round() * math.log(10)).exp()\n    budgets = C.unique()"})
mistake("Where a budget has two runs of one size you keep one. All runs count.", edit={
    "x, y = N[budget == C].double().log(), L[budget == C].double()": "kept = dict(zip(N[budget == C].tolist(), L[budget == C].tolist(), strict=True))\n        x, y = torch.tensor(list(kept)).double().log(), torch.tensor(list(kept.values())).double()"
})  # fmt: skip
mistake("Your fit has α = β. Each has its own value.", edit={"return torch.stack([a + alpha * x0, b + beta * y0, e, alpha, beta], dim=-1)": "alpha = beta = (alpha + beta) / 2\n    return torch.stack([a + alpha * x0, b + beta * y0, e, alpha, beta], dim=-1)"})
mistake("Your search takes steps that make the objective larger. Take those alone that make it smaller.", edit={"taken = cost_ < cost": "taken = cost_ >= cost"})
mistake("Your intervals are those of ln A and ln B.", edit={"for fit in fits:\n": "for fit in fits:\n        fit['A'], fit['B'] = math.log(fit['A']), math.log(fit['B'])\n"})
mistake("You want more than five runs. Five are enough to ask for five numbers.", edit={"if len(N) < 5:": "if len(N) < 6:"}, crashes=True)
mistake("You compare the compute of runs in float32, where budgets that are almost alike become one. Only exactly the same C belongs together.", edit={"budgets = C.unique()": "C = C.float()\n    budgets = C.unique()"})
mistake("You count the runs of a budget, and a parabola through two sizes is anything. Count the different sizes.", edit={"if len(x.unique()) < 3:": "if len(x) < 3 or len(x.unique()) < 2:"})
mistake("You cut delta to at most 1. It is any number above 0.", edit={"return torch.where(r.abs() <= delta": "delta = min(delta, 1.0)\n    return torch.where(r.abs() <= delta"})
