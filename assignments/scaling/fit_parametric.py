"""Fitting a scaling law: five numbers from a few dozen training runs, how sure they are, and what an optimizer that stops early makes of them.

The law is that of Hoffmann and others (2022, the Chinchilla paper), L(N, D) = E + A / N^α + B / D^β. It is fitted as in their section 3.3: the
logarithms of the losses are compared, under a Huber loss, with the parameters

    theta = (a, b, e, α, β),    A = exp(a), B = exp(b), E = exp(e).

N, D, L: (n,), float64 or float32, positive: the parameters, the tokens and the final loss of n runs, in any order. Everything is computed in float64.
Nothing that is passed in is changed, and no random number is drawn.
"""

import math

import torch
from torch import Tensor


def log_loss(theta: Tensor, N: Tensor, D: Tensor) -> Tensor:
    """The logarithm of the loss that the law predicts for each run: ln(E + A / N^α + B / D^β), as logsumexp(a - α ln N, b - β ln D, e).

    theta: (5,), float64, in the order (a, b, e, α, β). It may hold any numbers: terms up to 1e4 in size overflow nowhere.

    Returns (n,), float64, differentiable with respect to theta.

    >>> log_loss(torch.zeros(5, dtype=torch.float64), tensor([1.0, 7.0]), tensor([1.0, 9.0]))  # ln(1 + 1 + 1), whatever N and D are
    tensor([1.0986, 1.0986], dtype=torch.float64)
    >>> log_loss(tensor([5000.0, 0.0, 0.0, 0.0, 0.0], dtype=torch.float64), tensor([1.0]), tensor([1.0]))
    tensor([5000.], dtype=torch.float64)
    """
    # YOUR CODE HERE
    raise NotImplementedError("log_loss is not written yet")


def objective(theta: Tensor, N: Tensor, D: Tensor, L: Tensor, delta: float = 1e-3) -> Tensor:
    """What is made small: the sum over all runs of Huber(r), with r = log_loss - ln L.

    Huber(r) is r² / 2 for |r| <= delta, and delta (|r| - delta / 2) beyond: a run that is far off pulls with a constant force. delta is any
    number above 0.

    Returns a float64 tensor without dimensions, differentiable with respect to theta. It is a sum, and not a mean: twice the runs are twice the
    objective. No run at all gives 0.

    >>> zero = torch.zeros(5, dtype=torch.float64)
    >>> objective(zero, tensor([1.0]), tensor([1.0]), tensor([3.0 * math.e]), delta=0.5)  # r = -1: 0.5 · (1 - 0.25)
    tensor(0.3750, dtype=torch.float64)
    >>> objective(zero, tensor([1.0]), tensor([1.0]), tensor([3.0 * math.e]), delta=2.0)  # r² / 2
    tensor(0.5000, dtype=torch.float64)
    """
    # YOUR CODE HERE
    raise NotImplementedError("objective is not written yet")


def fit_chinchilla(N: Tensor, D: Tensor, L: Tensor, delta: float = 1e-3) -> dict[str, float]:
    """The law that fits the runs best: a dict with the keys E, A, B, alpha, beta of positive floats.

    They are those with the smallest objective(theta, N, D, L, delta). An objective up to 1.0001 times the smallest one, plus 1e-8, is near enough.
    Ten runs or more that lie on a law give its E, α and β back to 0.002, and A and B to 2 %. Any way to get there is welcome. Three things to know:

    - ln N is about 20. With ln N - mean(ln N) in its place, and the same for D, the five parameters hardly hang together, and every optimizer
      needs few steps. a and b of the centred law are a - α mean(ln N) and b - β mean(ln D).
    - The objective is a small number: 1e-4 is a lot, and 1e-6 may still be far from the end. An optimizer that stops when gradients or steps fall
      below its usual 1e-5 has not begun. (This happened to the authors of the law, who took the mean over runs as well.)
    - From a bad start a search may end in the wrong place. In the centred law a good one is a = b = e = mean(ln L) - ln 3, so that each term
      begins as a third of the loss, and α = β = 0.3. A fit should take less than a second.

    Raises ValueError for fewer than five runs: five numbers cannot be told from them.

    >>> fit_chinchilla(torch.ones(4), torch.ones(4), torch.ones(4))
    Traceback (most recent call last):
    ValueError: five numbers need five runs
    """
    # YOUR CODE HERE
    raise NotImplementedError("fit_chinchilla is not written yet")


def bootstrap_ci(
    N: Tensor, D: Tensor, L: Tensor, resamples: Tensor, level: float = 0.9, delta: float = 1e-3
) -> dict[str, tuple[float, float]]:
    """How sure the numbers are: the law is fitted again to runs that were drawn from the runs, with replacement.

    resamples: (R, n'), int64, R >= 1: each row holds the numbers (from 0) of the runs of one resample; a run may stand in it several times, and
        then counts as often. n' may be another number than n. At least ten of a row are different.
    level: 0 < level < 1, the share of the R results that lies in the interval.

    Returns a dict with the keys E, A, B, alpha, beta and "a", the power β / (α + β) with which the best N grows with the compute. Each has
    (low, high): the quantiles (1 - level) / 2 and (1 + level) / 2 of the R values, each number by itself, interpolated linearly between
    neighbours (the default of torch.quantile and numpy.quantile). The fit to all runs is not among the values. Ends that are off by 3 % of the
    interval's width are near enough.

    Raises ValueError for a level that is not between 0 and 1.
    """
    # YOUR CODE HERE
    raise NotImplementedError("bootstrap_ci is not written yet")


def isoflop_parabola(C: Tensor, N: Tensor, L: Tensor) -> tuple[float, float]:
    """The same question without a law: how does the best size grow with the compute? (Approach 2 of the paper.)

    C, N, L: (n,): the compute, the size and the loss of n runs, in any order. Runs with exactly the same C belong to one budget.

    For each budget a parabola in ln N is fitted to its losses by least squares, and its lowest point is the best N. Then a straight line is fitted
    through the points (ln C, ln best N) by least squares; each budget counts once, however many runs it has.

    Returns (k, a) with best N = k C^a, right to a relative error of 1e-4.

    Raises ValueError for fewer than two budgets, for a budget of fewer than three different sizes, and for one whose parabola has no lowest point.

    >>> N = tensor([1.0, 10.0, 100.0, 10.0, 100.0, 1000.0], dtype=torch.float64)
    >>> L = tensor([3.0, 2.0, 3.0, 1.5, 1.0, 1.5], dtype=torch.float64)
    >>> isoflop_parabola(tensor([1.0, 1.0, 1.0, 100.0, 100.0, 100.0], dtype=torch.float64), N, L)  # 10 and 100: 10 · √C
    (10.0, 0.5)
    """
    # YOUR CODE HERE
    raise NotImplementedError("isoflop_parabola is not written yet")
