"""Parts → a model: how they are put together, what its weights begin with, how it is measured, and how it writes."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from autograder.capstone.architectures import architecture
from autograder.capstone.parts import Parts
from autograder.capstone.recipe import Recipe

END = "<|end|>"
"""The token that ends an answer. It stands behind the vocabulary."""
STD = 0.02
"""Of the normal distribution that matrices begin with (GPT-2 and Llama use it too)."""


def assemble(parts: Parts, recipe: Recipe, vocab: int) -> nn.Module:
    """The model of these parts, with weights that the recipe's seed gives: the same ones whatever a part's own are."""
    model = architecture(parts).make(parts, recipe, vocab).to(getattr(torch, recipe.dtype))
    begin(model, recipe.seed)
    return model


@torch.no_grad()
def begin(model: nn.Module, seed: int) -> None:
    """Matrices from N(0, 0.02²), in the order of their names; biases are 0, and the other vectors, which are the weights of norms, 1."""
    for name, parameter in sorted(model.named_parameters()):
        if parameter.ndim < 2:
            parameter.fill_(0.0 if name.endswith("bias") else 1.0)
        else:
            parameter.copy_(drawn(parameter, f"{seed} {name}") * STD)


def drawn(like: Tensor, seed: str) -> Tensor:
    """Normal values in the shape of `like`. They depend on the text `seed` alone, on every machine."""
    number = int.from_bytes(seed.encode(), "little") % (2**63 - 25)
    return torch.randn(like.shape, generator=torch.Generator().manual_seed(number), dtype=torch.float64).to(like.dtype)


def count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


# ---------------------------------------------------------------- learning


class Learner:
    """Steps of training with the parts `training` and `loss`."""

    def __init__(
        self, parts: Parts, model: nn.Module, recipe: Recipe, steps: int, lr: float, weight_decay: float | None = None
    ) -> None:
        self.parts, self.model, self.recipe, self.steps, self.peak = parts, model, recipe, steps, lr
        self.weights = [parameter for parameter in model.parameters() if parameter.requires_grad]
        decay = recipe.weight_decay if weight_decay is None else weight_decay
        self.optimizer = parts.training.AdamW(self.weights, lr=lr, betas=(0.9, 0.95), weight_decay=decay)

    def step(
        self, number: int, loss_sum: Callable[[Any], Tensor], batches: Sequence[Any], n_items: int
    ) -> tuple[float, float]:
        """Step `number` = 0, 1, …: returns the loss before it, and the length of the gradient."""
        training = self.parts.training
        warmup = min(self.recipe.warmup, max(1, self.steps // 5))
        self.optimizer.zero_grad()
        loss = training.accumulate(loss_sum, batches, n_items)
        norm = training.clip_grad_norm(self.weights, self.recipe.clip)
        self.optimizer.lr = self.peak * training.cosine_with_warmup(number + 1, warmup, self.steps, self.recipe.floor)
        self.optimizer.step()
        return float(loss), float(norm)

    def token_loss(self, batch: dict[str, Tensor]) -> Tensor:
        """The loss of a batch, summed over its targets."""
        return self.parts.loss.causal_lm_loss(self.model(batch["input_ids"]), batch["labels"], num_items=1)


def targets(labels: Tensor) -> int:
    return int((labels[:, 1:] != -100).sum())


def windows(ids: Tensor, recipe: Recipe, number: int) -> list[dict[str, Tensor]]:
    """The micro-batches of step `number`: `batch` windows from random places of the text."""
    generator = torch.Generator().manual_seed(1_000_003 * recipe.seed + number)
    starts = torch.randint(0, len(ids) - recipe.length, (recipe.batch,), generator=generator)
    rows = torch.stack([ids[start : start + recipe.length + 1] for start in starts.tolist()])
    return [{"input_ids": piece, "labels": piece} for piece in rows.chunk(recipe.micro)]


# ---------------------------------------------------------------- measuring, with torch's own functions


@torch.no_grad()
def held_out_loss(model: nn.Module, ids: Tensor, length: int, sequences: int | None = None) -> tuple[float, int]:
    """The summed loss in nats, and over how many tokens: of `ids`, cut into pieces of `length` that follow each other."""
    total, tokens = 0.0, 0
    pieces = ids[: (len(ids) - 1) // length * length + 1].unfold(0, length + 1, length)[:sequences]
    for piece in pieces.split(16):
        logits = model(piece[:, :-1]).double()
        total += float(torch.nn.functional.cross_entropy(logits.flatten(0, 1), piece[:, 1:].flatten(), reduction="sum"))
        tokens += piece[:, 1:].numel()
    return total, tokens


@torch.no_grad()
def answer_loss(model: nn.Module, batches: Sequence[dict[str, Tensor]]) -> float:
    """The mean loss of the tokens that are answers, in nats."""
    total, tokens = 0.0, 0
    for batch in batches:
        logits = model(batch["input_ids"])[:, :-1].double()
        labels = batch["labels"][:, 1:]
        total += float(
            torch.nn.functional.cross_entropy(logits.transpose(1, 2), labels, ignore_index=-100, reduction="sum")
        )
        tokens += int((labels != -100).sum())
    return total / max(tokens, 1)


def bits(nats: float) -> float:
    return nats / math.log(2)


# ---------------------------------------------------------------- writing


@torch.no_grad()
def write(
    parts: Parts, model: nn.Module, recipe: Recipe, prompt: list[int], n: int, seed: int, *, end: int | None = None,
    temperature: float = 0.8, top_p: float = 0.95, top_k: int = 40,
) -> Iterator[int]:  # fmt: skip
    """The tokens that the model writes after `prompt`, one after the other, with a cache; `end` ends them and is not among them."""
    generator = torch.Generator().manual_seed(seed)
    cache = architecture(parts).cache(parts, recipe)
    new = torch.tensor([prompt])
    for _ in range(n):
        logits = model(new, cache=cache)[:, -1]
        token = int(parts.sampling.sample(logits, generator, temperature=temperature, top_p=top_p, top_k=top_k)[0])
        if token == end:
            return
        yield token
        new = torch.tensor([[token]])
