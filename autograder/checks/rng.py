"""The one source of randomness of inputs and judges: the same seed gives the same values on every machine."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
import torch

T = TypeVar("T")
Dtype = torch.dtype | str


class Rng:
    """Random tensors and Python values from one seed.

    >>> Rng(1).integers(0, 10, 3).tolist() == Rng(1).integers(0, 10, 3).tolist()
    True
    """

    def __init__(self, seed: int) -> None:
        self._numpy = np.random.Generator(np.random.Philox(seed % 2**128))
        self.python = random.Random(seed)

    def normal(self, *shape: int, scale: float = 1.0, dtype: Dtype = torch.float32) -> torch.Tensor:
        """Normal values with mean 0 and standard deviation `scale`, as a tensor of `shape`. A dtype may be given by name.

        >>> Rng(1).normal(2, 3, dtype="float64").dtype
        torch.float64
        """
        return torch.from_numpy(np.asarray(self._numpy.standard_normal(shape) * scale)).to(_dtype(dtype))

    def uniform(self, low: float, high: float, *shape: int, dtype: Dtype = torch.float32) -> torch.Tensor:
        """Uniform values in [low, high)."""
        return torch.from_numpy(np.asarray(self._numpy.uniform(low, high, shape))).to(_dtype(dtype))

    def weights(
        self, shapes: Mapping[str, Sequence[int]], gain: float = 1.0, dtype: Dtype = torch.float32
    ) -> dict[str, torch.Tensor]:
        """Weights of a module by the names and shapes of its parameters, for `with_weights`.

        Matrices have the standard deviation gain/√(last dimension), so that what goes in with variance 1 comes out with gain².
        Vectors called `weight` (those of norms) lie around 1, all others around 0: none is what a fresh module has.

        >>> {name: tuple(weight.shape) for name, weight in Rng(1).weights({"up.weight": (8, 4), "up.bias": (8,)}).items()}
        {'up.weight': (8, 4), 'up.bias': (8,)}
        """
        made = {}
        for name, shape in shapes.items():
            scale = gain / shape[-1] ** 0.5 if len(shape) > 1 else 0.3
            center = 1.0 if len(shape) == 1 and name.rpartition(".")[2] == "weight" else 0.0
            made[name] = self.normal(*shape, scale=scale, dtype=dtype) + center
        return made

    def integers(self, low: int, high: int, *shape: int) -> torch.Tensor:
        """Integers in [low, high), int64."""
        return torch.from_numpy(np.asarray(self._numpy.integers(low, high, shape), dtype=np.int64))

    def mask(self, *shape: int, p: float = 0.5) -> torch.Tensor:
        """A bool tensor in which each element is True with probability `p`."""
        return torch.from_numpy(np.asarray(self._numpy.random(shape) < p))

    def permutation(self, n: int) -> torch.Tensor:
        """A random order of 0 … n-1, int64."""
        return torch.from_numpy(self._numpy.permutation(n).astype(np.int64))

    def integer(self, low: int, high: int) -> int:
        """An int in [low, high)."""
        return self.python.randrange(low, high)

    def real(self, low: float, high: float) -> float:
        """A float in [low, high)."""
        return self.python.uniform(low, high)

    def choice(self, values: Sequence[T]) -> T:
        """One of `values`."""
        return self.python.choice(values)

    def sample(self, values: Sequence[T], k: int) -> list[T]:
        """`k` different ones of `values`."""
        return self.python.sample(values, k)

    def shuffled(self, values: Sequence[T]) -> list[T]:
        """`values` in a random order."""
        return self.python.sample(values, len(values))

    def word(self, alphabet: str, low: int, high: int) -> str:
        """A string over `alphabet` whose length is in [low, high)."""
        return "".join(self.python.choices(alphabet, k=self.python.randrange(low, high)))

    def split(self, label: str) -> Rng:
        """An independent stream that depends on the seed and `label` only."""
        return Rng(_number(f"{self._seed_text()}/{label}"))

    def _seed_text(self) -> str:
        state: Any = self._numpy.bit_generator.state
        return str(state["state"]["key"].tolist())


def _dtype(dtype: Dtype) -> torch.dtype:
    return getattr(torch, dtype) if isinstance(dtype, str) else dtype


def _number(text: str) -> int:
    import hashlib

    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big")
