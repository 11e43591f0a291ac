"""Toy language models: callables from token ids to the logits of the next token, for decoding and sampling exercises.

In a check's inputs they are used by name, `lab("toy_lm", seed=3, vocab=5)`: the experiment gets the callable. They are cheap,
the same on every machine, and float64, so that rankings do not hang on the last bit.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

MAX_LENGTH = 64


def markov(logits: Sequence[Sequence[float]] = ((0.0,),)) -> Callable[[Tensor], Tensor]:
    """A model that looks at the last token only: row i of `logits` is what follows token i.

    >>> markov([[0.0, 1.0], [2.0, 0.0]])(torch.tensor([[0, 1], [1, 0]])).tolist()
    [[2.0, 0.0], [0.0, 1.0]]
    """
    table = torch.tensor(logits, dtype=torch.float64)

    def step(prefixes: Tensor) -> Tensor:
        _is_prefixes(prefixes, len(table))
        return table[prefixes[:, -1]].clone()

    return step


def toy_lm(seed: int = 0, vocab: int = 4, scale: float = 1.0) -> Callable[[Tensor], Tensor]:
    """A model that looks at the whole prefix: every token counts, with another effect at each place.

    Prefixes are int64 of shape (n, t) with 1 <= t <= 64; the logits are float64 of shape (n, vocab), their standard deviation
    is `scale`.

    >>> step = toy_lm(seed=3, vocab=5)
    >>> step(torch.tensor([[0, 1, 2], [0, 2, 1]])).shape
    torch.Size([2, 5])
    """
    generator = torch.Generator().manual_seed(seed)
    effect = torch.randn(MAX_LENGTH, vocab, vocab, generator=generator, dtype=torch.float64)

    def step(prefixes: Tensor) -> Tensor:
        _is_prefixes(prefixes, vocab)
        t = prefixes.shape[1]
        return scale * t**-0.5 * effect[torch.arange(t), prefixes].sum(1)

    return step


def _is_prefixes(prefixes: Tensor, vocab: int) -> None:
    """What a caller got wrong is said here, and not by an index error deep inside."""
    if not isinstance(prefixes, Tensor) or prefixes.dtype != torch.int64 or prefixes.ndim != 2:
        found = f"{prefixes.dtype} of shape {tuple(prefixes.shape)}" if isinstance(prefixes, Tensor) else type(prefixes)
        raise ValueError(f"step takes prefixes as an int64 tensor of shape (n, t); it got {found}")
    if not 1 <= prefixes.shape[1] <= MAX_LENGTH:
        raise ValueError(f"step takes prefixes of 1 to {MAX_LENGTH} tokens; it got {prefixes.shape[1]}")
    if prefixes.numel() and (int(prefixes.min()) < 0 or int(prefixes.max()) >= vocab):
        raise ValueError(
            f"step takes token ids from 0 to {vocab - 1}; it got {int(prefixes.min())} to {int(prefixes.max())}"
        )
