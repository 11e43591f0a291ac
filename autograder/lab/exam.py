"""A hosted exam: text that nobody can know before it is predicted, and the languages that the text is written in.

The exam is a *hosted* value (`autograder.lab.hosting`): its tokens are in a trusted process. An implementation gets the first few, the
prompt. Each other token is told in exchange for the logits of a prediction, `exam.next(logits)`, and what they lose on it is computed here
and kept. So no code beside the implementation, the implementation's included, can know a token before it has committed itself, and nothing
that it does later changes what was kept. Whoever asks without the experiment, to see what comes, has predicted with the logits that he gave.

A *language* has a lag k and a permutation σ. Token t is σ(token t - k) with probability 0.9, and any token otherwise. How often
tokens and pairs of neighbours occur says nothing about it, and how well it can be predicted at best is known.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from autograder.checks.declared import Rejection
from autograder.checks.rng import Rng

KEPT = 0.9
"""How often a token follows from the one k places before it."""

LAGS = (2, 3, 4)

# --- languages -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Language:
    """Token t is `sigma[token t - lag]` with probability 0.9, else any of `len(sigma)` tokens, each as likely."""

    sigma: Sequence[int]
    lag: int

    @classmethod
    def drawn(cls, rng: Rng, vocab: int, lag: int | None = None) -> Language:
        return cls(rng.permutation(vocab).tolist(), rng.choice(LAGS) if lag is None else lag)

    def text(self, rng: Rng, length: int) -> list[int]:
        """So many tokens. The first `lag` are any."""
        tokens = rng.integers(0, len(self.sigma), length).tolist()
        follows = (rng.uniform(0.0, 1.0, length) < KEPT).tolist()
        for t in range(self.lag, length):
            if follows[t]:
                tokens[t] = self.sigma[tokens[t - self.lag]]
        return tokens

    def loss(self, tokens: Sequence[int], start: int) -> float:
        """The mean loss (nats) of the language itself on `tokens[start:]`: no model does better, but by luck."""
        vocab = len(self.sigma)
        other = (1 - KEPT) / vocab
        losses = [
            -math.log(other + KEPT * (tokens[t] == self.sigma[tokens[t - self.lag]])) for t in range(start, len(tokens))
        ]
        return sum(losses) / len(losses)

    @property
    def entropy(self) -> float:
        """The loss on a text without end.

        >>> round(Language(range(16), 2).entropy, 4)
        0.565
        """
        vocab = len(self.sigma)
        other = (1 - KEPT) / vocab
        likely = KEPT + other
        return -likely * math.log(likely) - (vocab - 1) * other * math.log(other)


# --- the trusted side ------------------------------------------------------------------------------------------------


class Exam:
    """`tokens`, of which the first `given` are told at once, and each other one in exchange for logits over `vocab` tokens.

    `best` and `notes` are for who marks it: the loss that the language itself has on these tokens, and what else he has to know.
    `pieces` are the lengths of pieces of what is asked, one behind the other, whose losses are kept each for itself (`pieces_of`).
    """

    def __init__(
        self,
        tokens: Sequence[int],
        given: int,
        vocab: int,
        best: float = 0.0,
        pieces: Sequence[int] = (),
        notes: Any = None,
    ) -> None:
        if not 0 <= given <= len(tokens) or not all(0 <= token < vocab for token in tokens):
            raise ValueError("an exam has tokens of its vocabulary, and gives at most all of them")
        if pieces and (min(pieces) < 1 or sum(pieces) != len(tokens) - given):
            raise ValueError("the pieces of an exam are together as long as what it asks")
        self._tokens, self._given, self._vocab, self._pieces = list(tokens), given, vocab, tuple(pieces)
        self._losses: list[float] = []

    def ends(self) -> list[dict[str, Any]]:
        return [{"prompt": self._tokens[: self._given], "length": len(self._tokens) - self._given}]

    def call(self, rank: int, method: str, arguments: Sequence[Any]) -> int:
        match method, arguments:
            case "next", [Tensor() as logits]:
                return self._next(logits)
            case "next", [other]:
                raise TypeError(f"the exam wants the logits of the next token as a tensor, not {type(other).__name__}")
        raise ValueError(f"{method} is not called like this")

    def _next(self, logits: Tensor) -> int:
        if logits.shape != (self._vocab,) or not logits.is_floating_point():
            raise ValueError(
                f"the exam wants the logits of the next token as floats ({self._vocab},), "
                f"not {str(logits.dtype).removeprefix('torch.')} {tuple(logits.shape)}"
            )
        place = self._given + len(self._losses)
        if place >= len(self._tokens):
            raise IndexError(f"the exam is over: all {len(self._losses)} tokens are told")
        token = self._tokens[place]
        self._losses.append(loss_of(logits, token))
        return token

    def stuck(self) -> Exception:
        return RuntimeError("the exam waits for nobody")

    def finish(self) -> None: ...

    def record(self) -> list[dict[str, Any]]:
        """One entry: the tokens that were told, in order; what their predictions lost in all; the first one that was not finite, or None.

        No more is kept, since plans hold a record for each known mistake.
        """
        told = self._tokens[self._given : self._given + len(self._losses)]
        bad = next((number for number, loss in enumerate(self._losses) if math.isnan(loss)), None)
        kept = {"tokens": told, "loss": math.fsum(self._losses) if bad is None else math.nan, "not finite": bad}
        return [kept | {"pieces": self._lost_in_pieces()} if self._pieces else kept]

    def _lost_in_pieces(self) -> list[float]:
        """What was lost in each piece that is over."""
        ends = itertools.accumulate(self._pieces)
        return [
            math.fsum(self._losses[end - length : end])
            for length, end in zip(self._pieces, ends, strict=True)
            if end <= len(self._losses)
        ]


def loss_of(logits: Tensor, token: int) -> float:
    """What logits lose on the token that came, in nats. Where one of them is not finite it is nan, else it is no nan."""
    exact = logits.detach().cpu().double()
    if not bool(exact.isfinite().all()):
        return math.nan
    return -exact.log_softmax(0)[token].item()


def unfinished(record: Sequence[dict[str, Any]], exam: dict[str, Any]) -> Rejection | None:
    """What is wrong with the record of an exam, which was made from `exam`, so that it can't be marked."""
    (kept,) = record
    asked = exam["tokens"][exam["given"] :]
    if len(kept["tokens"]) != len(asked):
        return Rejection(
            "The exam has {asked} tokens, and {told} were predicted.",
            {"asked": len(asked), "told": len(kept["tokens"])},
        )
    if kept["tokens"] != list(asked):
        return Rejection("This is the record of another exam.")
    bad = kept["not finite"]
    return None if bad is None else Rejection("The logits of prediction {number} are not finite.", {"number": bad})


def mean_loss(record: Sequence[dict[str, Any]]) -> float:
    """The mean loss (nats) of all predictions."""
    loss: float = record[0]["loss"]
    return loss / len(record[0]["tokens"])


def pieces_of(record: Sequence[dict[str, Any]]) -> list[float]:
    """What was lost in each piece of an exam that was made with `pieces`, in all of the piece (nats)."""
    pieces: list[float] = record[0]["pieces"]
    return pieces


# --- the implementation's side ---------------------------------------------------------------------------------------


class Sitting:
    """The end of an exam. `prompt` is how the text begins, and `length` tokens follow."""

    def __init__(self, ask: Callable[..., Any], prompt: Sequence[int], length: int) -> None:
        self.prompt, self.length = tuple(prompt), length
        self._ask = ask

    def next(self, logits: Tensor) -> int:
        """The token that comes next, in exchange for the logits (vocab,) that predict it."""
        token: int = self._ask("next", logits.detach().cpu() if isinstance(logits, Tensor) else logits)
        return token
