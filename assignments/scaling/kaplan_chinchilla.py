"""Scaling laws: the loss that a model of N parameters reaches after D tokens, and how to share a budget between the two.

Two papers, two forms. Kaplan and others ("Scaling Laws for Neural Language Models", 2020) fit powers without a constant. Hoffmann and others
("Training Compute-Optimal Large Language Models", 2022, the Chinchilla paper) fit a constant and two powers. Losses are in nats for each token.

All numbers are Python floats (ints are accepted for them), positive and finite unless it is said otherwise. Compute is counted in FLOPs, and a
training costs 6 N D of them. Results are right to a millionth.
"""

import math

import torch

HOFFMANN = {"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}
"""The coefficients as the Chinchilla paper prints them, rounded (equation 10 in its appendix)."""

HOFFMANN_UNROUNDED = {"E": math.exp(0.5267228), "A": math.exp(6.0073404), "B": math.exp(6.0179186), "alpha": 0.33917084, "beta": 0.2849083}
"""The same fit with all digits, which stand in the source text of the paper."""

BESIROGLU = {"E": 1.8172, "A": 482.01, "B": 2085.43, "alpha": 0.3478, "beta": 0.3658}
"""The fit of Besiroglu and others (2024), who read the runs off the paper's figure and let the optimizer finish."""


def params_nonembed(n_layer: int, d_model: int) -> int:
    """How many parameters count as N in Kaplan's laws: the matrices of all layers, without embeddings, biases and norms.

    Each layer has four d_model x d_model matrices of attention, and a feed-forward network that is four times as wide as the model and has two
    matrices.

    >>> params_nonembed(12, 768)  # GPT-2 small, which has 124 million with its embeddings
    84934656
    """
    # YOUR CODE HERE
    raise NotImplementedError("params_nonembed is not written yet")


def kaplan_L(*, N: float | None = None, D: float | None = None, C: float | None = None) -> float:
    """The loss when one thing alone is scarce: parameters, data or compute (Kaplan and others, equations 1.1, 1.2 and 1.3).

    N: parameters without embeddings; the model was trained to the end on enough data. L = (N_c / N)^α, N_c = 8.8e13, α = 0.076.
    D: tokens; the model is large enough, and its training was stopped in time. L = (D_c / D)^α, D_c = 5.4e13, α = 0.095.
    C: compute in FLOPs, spent in the best way. L = (C_c / C)^α, C_c = 3.1e8 PF-days, α = 0.050. A PF-day is 10^15 FLOPs in each second of a day.

    Raises ValueError unless exactly one of the three is given.

    >>> kaplan_L(N=1e9)
    2.37564
    >>> kaplan_L(C=86400e15)  # one PF-day
    2.65808
    """
    # YOUR CODE HERE
    raise NotImplementedError("kaplan_L is not written yet")


def kaplan_LND(N: float, D: float) -> float:
    """The loss when parameters and tokens are scarce together (Kaplan and others, equation 1.5):

        L(N, D) = [(N_c / N)^(α_N / α_D) + D_c / D]^α_D

    The four numbers were fitted anew for this form: N_c = 6.4e13, D_c = 1.8e13, α_N = 0.076, α_D = 0.103 (table 2 of the paper). N is without
    embeddings. N or D may be infinite, which leaves the other one's term.

    >>> kaplan_LND(1e9, 2e10)
    2.37388
    >>> kaplan_LND(math.inf, 1.8e13)
    1.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("kaplan_LND is not written yet")


def chinchilla_L(N: float, D: float, coef: dict[str, float] = HOFFMANN) -> float:
    """The loss E + A / N^α + B / D^β (Hoffmann and others, section 3.3). E is what no model can avoid. N counts all parameters.

    coef: a dict with the keys E, A, B, alpha, beta, in any order. It is left as it is. N or D may be infinite, which takes its term away.

    >>> chinchilla_L(70e9, 1.4e12)  # Chinchilla
    1.93665
    >>> chinchilla_L(280e9, 300e9)  # Gopher: four times the parameters, for about the same compute
    1.99326
    """
    # YOUR CODE HERE
    raise NotImplementedError("chinchilla_L is not written yet")


def optimal(C: float, coef: dict[str, float] = HOFFMANN) -> tuple[float, float]:
    """The best way to spend C FLOPs: the (N, D) with the smallest chinchilla_L(N, D, coef) among all with 6 N D = C (their equation 4).

    N and D may come out as fractions, and 6 N D is C again. No ratio of tokens to parameters is put in; it comes out of coef.

    >>> optimal(6.0, {"E": 1.0, "A": 2.0, "B": 2.0, "alpha": 0.5, "beta": 0.5})
    (1.0, 1.0)
    >>> optimal(6e12, {"E": 1.0, "A": 2.0, "B": 1.0, "alpha": 0.5, "beta": 0.5})  # A is twice B: four times as many parameters as tokens
    (2000000.0, 500000.0)
    """
    # YOUR CODE HERE
    raise NotImplementedError("optimal is not written yet")


def isoflop_min(N: list[float], L: list[float]) -> float:
    """The best N among runs that all took the same compute: the lowest point of a parabola through their losses.

    N, L: the sizes and the losses of at least three runs, in any order, at least three of the sizes different. The parabola is
    L = p x² + q x + r with x = ln N, fitted by least squares to all runs; for three runs it passes through them. Its lowest point may lie outside
    of the runs. The lists are left as they are.

    Raises ValueError for fewer than three runs, and where the parabola has no lowest point (p <= 0).

    >>> isoflop_min([1e8, 1e9, 1e10], [3.1, 3.0, 3.1])
    1000000000.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("isoflop_min is not written yet")


def tokens_for_loss(L: float, N: float, coef: dict[str, float] = HOFFMANN) -> float:
    """How many tokens a model of N parameters needs until its loss is L: the D with chinchilla_L(N, D, coef) = L.

    Raises ValueError where L is not above E + A / N^α: a model of this size stays above it, however many tokens it reads.

    >>> tokens_for_loss(2.9, 1e6, {"E": 1.0, "A": 1000.0, "B": 90.0, "alpha": 0.5, "beta": 0.5})  # 2 + 90 / √D
    10000.0
    >>> tokens_for_loss(1.9, 1e6, {"E": 1.0, "A": 1000.0, "B": 90.0, "alpha": 0.5, "beta": 0.5})
    Traceback (most recent call last):
    ValueError: this model stays above 1.9
    """
    # YOUR CODE HERE
    raise NotImplementedError("tokens_for_loss is not written yet")


def overtrain_cost(N: float, D: float, inference_tokens: float) -> float:
    """The compute of a model's whole life: training on D tokens, and then answering. A token that is read or written in use costs the forward
    pass alone, 2 N FLOPs. inference_tokens may be 0.

    >>> overtrain_cost(8e9, 15e12, 0)
    7.2e+23
    >>> overtrain_cost(1.0, 10.0, 30.0)
    120.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("overtrain_cost is not written yet")
