"""A small decoder that knows a language of `autograder.lab.exam` without any training: its weights are written down.

Capstone exercises that *change* a model begin with it. In a check's inputs it is used by name, `lab("solved", sigma=[…], lag=3)`, so that a
plan holds a seed in the place of weights, and the trusted side can make the same model again and compute with it.

The features of a token are three slots: which token it is (V numbers, one of them 1), which place it has (CONTEXT numbers, one of them 1), and what
attention has read (V numbers). Queries are places that lie lag - 1 back, keys are places, values are tokens, and the output layer applies σ to what was
read. Its logits are those of the language itself. All this is turned by random orthogonal matrices, which hang on `seed` alone and change no logits: so
the weights are dense, as those of a trained model are.

Theory: where another language has the same lag, and its σ is this one after m exchanges of pairs that have no token in common, a change of the output
layer of rank m makes one model of the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from autograder.lab.exam import KEPT

CONTEXT = 16
SHARP = 14.0
"""The score of the place that is looked for; all others have 0."""

GRID = 2**16
"""Weights are multiples of 1 / GRID, so that a sine which differs in its last bit on another machine makes no other model."""


def solved(
    sigma: Sequence[int] = (1, 2, 3, 4, 5, 0), lag: int = 2, seed: int = 0, outlier: float = 1.0
) -> SolvedDecoder:
    """The model of `Language(sigma, lag)`, in evaluation mode; its parameters require gradients.

    outlier: so many times as large is one row of `q_proj`, and so many times smaller that row of `k_proj`. It changes no logits.

    >>> logits = solved([2, 0, 3, 1], 2)(torch.tensor([[1, 3, 0, 2]]))
    >>> [logits[0, t].argmax().item() for t in (1, 2, 3)]  # the token of place 2 hangs on the one of place 0, and so on
    [0, 1, 2]
    """
    V, read = len(sigma), len(sigma) + CONTEXT
    with torch.random.fork_rng(devices=[]):
        model = SolvedDecoder(V)
    generator = torch.Generator().manual_seed(seed)
    features, scores, values = (_turn(n, generator) for n in (model.width, CONTEXT, V))
    eye, other = torch.eye(model.width, dtype=torch.float64), (1 - KEPT) / V
    table = torch.zeros(V, V, dtype=torch.float64)
    table[list(sigma), range(V)] = math.log((KEPT + other) / other)  # (next token, token that was read)
    back = eye[:CONTEXT, :CONTEXT].roll(1 - lag, 0)  # row p - (lag - 1) has a 1 in column p
    back[CONTEXT + 1 - lag :] = 0.0
    sharp = math.sqrt(SHARP) * CONTEXT**0.25  # both sides of a score, which is divided by √CONTEXT
    weights = {
        "embed": eye[:V] @ features.T,
        "position": eye[V:read] @ features.T,
        "q_proj": sharp * scores @ back @ eye[V:read] @ features.T,
        "k_proj": sharp * scores @ eye[V:read] @ features.T,
        "v_proj": values @ eye[:V] @ features.T,
        "o_proj": features @ eye[:, read:] @ values.T,
        "lm_head": table @ eye[read:] @ features.T,
    }
    with torch.no_grad():
        for name, weight in weights.items():
            model.get_parameter(f"{name}.weight").copy_(torch.round(weight * GRID) / GRID)
        model.q_proj.weight[0] *= outlier
        model.k_proj.weight[0] /= outlier
    return model.eval()


def _turn(n: int, generator: torch.Generator) -> Tensor:
    """An orthogonal matrix. It is made of plane rotations: a decomposition is another one in each library."""
    turn = torch.eye(n, dtype=torch.float64)
    angles = torch.rand(n, n, generator=generator, dtype=torch.float64) * 2 * math.pi
    for i in range(n):
        for j in range(i + 1, n):
            c, s = math.cos(angles[i, j]), math.sin(angles[i, j])
            turn[[i, j]] = torch.stack([c * turn[i] - s * turn[j], s * turn[i] + c * turn[j]])
    return turn


class SolvedDecoder(nn.Module):
    """One layer of causal attention with learned positions, and an output layer. Called with ids (B, T), T <= CONTEXT: logits (B, T, vocab).

    The modules are `embed` and `position` (`nn.Embedding`), and `q_proj`, `k_proj`, `v_proj`, `o_proj` and `lm_head` (`nn.Linear` without biases).
    """

    def __init__(self, vocab: int) -> None:
        super().__init__()
        self.vocab, self.width = vocab, 2 * vocab + CONTEXT
        self.embed, self.position = nn.Embedding(vocab, self.width), nn.Embedding(CONTEXT, self.width)
        self.q_proj, self.k_proj = (nn.Linear(self.width, CONTEXT, bias=False) for _ in range(2))
        self.v_proj = nn.Linear(self.width, vocab, bias=False)
        self.o_proj = nn.Linear(vocab, self.width, bias=False)
        self.lm_head = nn.Linear(self.width, vocab, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        T = ids.shape[1]
        x = self.embed(ids) + self.position.weight[:T]
        scores = self.q_proj(x) @ self.k_proj(x).mT * CONTEXT**-0.5
        later = torch.ones(T, T, dtype=torch.bool, device=ids.device).triu(1)
        weights = scores.masked_fill(later, -torch.inf).softmax(-1)
        return self.lm_head(x + self.o_proj(weights @ self.v_proj(x)))
