"""GPT-4: predict a large model from small ones, and measure what it promises.

The loss of small training runs follows a curve over the compute C that they took. The curve is fitted, drawn further, and says what a run
with a thousand times the compute will reach. The same is done for the share of programming problems that a model solves. Two more
numbers of the report: how well a model knows when it is right (calibration), and the reward that a model gives by a list of rules.

Compute may be given in any unit: as FLOPs (10^22), or as a share of the large run (10^-7). All of this is computed in float64, whatever
the dtype of the inputs, unless it is said otherwise.
"""

import math

import torch
from torch import Tensor


def fit_power_law(C: Tensor, L: Tensor) -> tuple[float, float, float]:
    """Fit L(C) = a · C^b + c to measured losses.

    C, L: (n,), the compute (positive) and the loss of n training runs, in any order.

    Returns (a, b, c): those with the smallest sum of squared differences Σ (a·C_i^b + c - L_i)², among all a, c and all b between -2 and
    -0.01. A sum at most 1.0001 times the smallest one is near enough. Each run counts the same. (Others compare logarithms, as the
    Chinchilla paper does.) c is the *irreducible* loss, which no compute takes away; it is fitted too, and may come out as any number.
    So may a: where the loss grows with compute, a is negative.

    Data that lie on such a curve give its a, b and c back, to a relative error of 10^-3 at most, in every unit of compute: C may be 10^-10
    or 10^25. A fit should take less than a tenth of a second: compute the sums of all values of b that you try at once, as one tensor
    operation. A Python loop over thousands of values may run into the time limit.

    Raises ValueError if there are fewer than three runs.

    >>> fit_power_law(tensor([1.0, 4.0, 16.0, 64.0]), tensor([3.0, 2.0, 1.5, 1.25]))  # 2 / √C + 1
    (2.0, -0.5, 1.0)
    """
    # BEGIN SOLUTION
    if len(C) < 3:
        raise ValueError("three numbers cannot be told from fewer than three runs")
    log_C, L = C.double().log(), L.double()
    middle = log_C.mean()
    b = -torch.logspace(-2, math.log10(2), 200, dtype=torch.float64, device=C.device)
    for _ in range(8):
        # For each b the best a and c are those of a straight line through the points (x, L), x = (C / middle)^b.
        x = torch.exp(b[:, None] * (log_C - middle))
        dx, dL = x - x.mean(1, keepdim=True), L - L.mean()
        slope = (dx @ dL) / (dx * dx).sum(1)
        error = (slope[:, None] * dx - dL).square().sum(1)
        best = int(error.argmin())
        found = slope[best], b[best], L.mean() - slope[best] * x[best].mean()
        b = torch.linspace(float(b[max(best - 1, 0)]), float(b[min(best + 1, len(b) - 1)]), 101, dtype=torch.float64, device=C.device)
    slope, power, c = found
    return float(slope * torch.exp(-power * middle)), float(power), float(c)
    # END SOLUTION


def extrapolate(fit: tuple[float, float, float], C: Tensor) -> Tensor:
    """The losses a · C^b + c that a fit (a, b, c) predicts for the compute C, a float64 tensor of C's shape.

    a and c may be any numbers, also 0 or negative ones.

    >>> extrapolate((2.0, -0.5, 1.0), tensor([[100.0, 10000.0]]))
    tensor([[1.2000, 1.0200]], dtype=torch.float64)
    """
    # BEGIN SOLUTION
    a, b, c = fit
    return a * C.double() ** b + c
    # END SOLUTION


def backtest(C: Tensor, L: Tensor, limit: float) -> float:
    """How far a prediction from small runs would have been off: the test to do before one trusts the method.

    The curve is fitted to the runs with C ≤ limit *alone*, and predicts the runs with C > limit. Returns the largest |predicted - L| / L
    among those. A run that is above the limit by a hundred-millionth of it is a large one: C in float64 is compared in float64.

    C, L: (n,), in any order. Raises ValueError if there are fewer than three small runs, or no large one.

    >>> backtest(tensor([1.0, 4.0, 16.0, 64.0]), tensor([3.0, 2.0, 1.5, 1.0]), limit=16.0)  # 2 / √64 + 1 = 1.25 for a loss of 1
    0.25
    """
    # BEGIN SOLUTION
    small = limit >= C
    if bool(small.all()):
        raise ValueError("no run is left to predict")
    fit = fit_power_law(C[small], L[small])
    truth = L[~small].double()
    return float(((extrapolate(fit, C[~small]) - truth).abs() / truth).max())
    # END SOLUTION


def fit_mean_log_pass(C: Tensor, pass_rates: Tensor) -> tuple[float, float]:
    """Fit the law of the report for programming problems, -mean over problems of ln(pass rate) = α · C^(-k).

    C: (n,), the compute of n models. pass_rates: (n, P), the share of its programs with which model i solves problem j, in (0, 1].

    Returns (α, k): the straight line of least squares through the points (ln C, ln(-mean ln pass rate)), whose slope is -k. The
    logarithm of each rate is taken first, the mean over the problems second: a problem that is hardly ever solved counts much.

    Raises ValueError if some rate is not in (0, 1] (of a problem that is never solved nothing can be said: leave it out before; nan is
    not in (0, 1] either), or if a model has nothing but rates of 1.

    >>> fit_mean_log_pass(tensor([1.0, 100.0]), tensor([[0.01, 1.0], [0.1, 1.0]]))  # means -2.303 and -1.151: half, at a hundredfold
    (2.302585, 0.150515)
    """
    # BEGIN SOLUTION
    rates = pass_rates.double()
    if not bool(((rates > 0) & (rates <= 1)).all()):
        raise ValueError("pass rates lie in (0, 1]")
    difficulty = -rates.log().mean(1)
    if not bool((difficulty > 0).all()):
        raise ValueError("a model solves everything")
    x, y = C.double().log(), difficulty.log()
    dx = x - x.mean()
    slope = (dx * (y - y.mean())).sum() / (dx * dx).sum()
    return float(torch.exp(y.mean() - slope * x.mean())), float(-slope)
    # END SOLUTION


def ece(probs: Tensor, y: Tensor, bins: int = 10) -> float:
    """The expected calibration error: how far confidence and accuracy are apart.

    probs: (N, K), for each question a probability for each of K answers. y: (N,), int64, which answer is right.

    The *confidence* in a question is the largest of its probabilities; the answer with it is right or wrong. Confidences are sorted into
    `bins` bins of equal width: bin i holds those in (i/bins, (i+1)/bins], its upper edge included (as Guo and others define it; with
    NumPy's digitize one would include the lower edge). For each bin take |mean confidence - share of right answers|. The result is the
    mean of these, each weighted by the share of the N questions that is in the bin. An empty bin has no weight, so it adds nothing.

    N is at least 1. No question has two answers of the same largest probability. A confidence is exactly at an edge or at least 10^-6
    away from it (so that it does not matter in which dtype you compare them), and an error of 10^-6 in the result is allowed.

    >>> ece(tensor([[0.95, 0.05], [0.95, 0.05], [0.25, 0.75], [0.35, 0.65]]), tensor([0, 1, 1, 1]))  # (2·.45 + .25 + .35) / 4
    0.375
    """
    # BEGIN SOLUTION
    confidence, answer = probs.double().max(-1)
    right = (answer == y).double()
    # ceil - 1, so that an edge belongs to the bin below it. The sums of a bin, divided by N, are its means times its weight.
    index = (confidence * bins).ceil().long() - 1
    gaps = torch.zeros(bins, dtype=torch.float64, device=y.device).index_add_(0, index, confidence - right)
    return float(gaps.abs().sum() / len(y))
    # END SOLUTION


def rbrm_score(class_probs: Tensor, class_rewards: Tensor) -> Tensor:
    """The reward of a rule-based reward model: a model reads an answer and a list of classes (a rubric), and says which class it is.

    class_probs: (N, K), the probabilities that the model gives to the K letters of the classes. It gives some to other tokens, too, so a
    row does not sum to 1; it is divided by its sum first. No row is zero throughout.
    class_rewards: (K,), the reward of each class, of the same dtype.

    Returns (N,): the expected reward of each answer, in the dtype of the inputs. The expectation uses all classes; taking the most probable
    one alone would make it jump. The inputs are left as they are, and gradients flow back to both.

    >>> rbrm_score(tensor([[0.3, 0.1, 0.0], [0.0, 0.2, 0.2]]), tensor([1.0, -1.0, 0.0]))  # (.75 - .25), (-.5 + 0)
    tensor([ 0.5000, -0.5000])
    """
    # BEGIN SOLUTION
    return (class_probs / class_probs.sum(-1, keepdim=True)) @ class_rewards
    # END SOLUTION
