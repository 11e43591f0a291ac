"""A language model's world so small that everything about it is known exactly: all answers can be listed.

Alignment exercises share it. There are a few prompts, each of one token; an answer is a row of `length` tokens or fewer, ended by `EOS`.
So an expectation is a sum, and the best policy of Rafailov et al. (2023), equation 4, π*(y|x) ∝ π_ref(y|x) · exp(r(x, y) / β), is a table:
what a method makes of a policy is held against that table, and not only its loss against another loss.

    world = AnswerWorld(seed=3)
    policy = world.policy()                    # an nn.Module that starts as the reference
    logps = world.logps(policy)                # (prompts, answers): log π(y|x) of every answer
    best = world.best(beta=0.5)                # (prompts, answers), rows sum to 1
"""

from __future__ import annotations

import itertools

import torch
from torch import Tensor, nn

EOS = 0
PAD = -100
"""What stands behind the end of an answer: no token."""


class TablePolicy(nn.Module):
    """A model with a row of logits for each prompt and each beginning of an answer: it can be any distribution over answers.

    policy(ids) -> logits, with ids int64 (B, L) and logits float64 (B, L, vocab), as causal language models have it: logits[:, t] are of
    the token after ids[:, t]. ids are a prompt's token (`vocab` and up) and then tokens of an answer; `PAD` may stand behind it.
    """

    def __init__(self, logits: Tensor, vocab: int, length: int) -> None:
        super().__init__()
        self.vocab, self.length = vocab, length
        self.logits = nn.Parameter(logits.clone())  # (prompts, beginnings, vocab)

    def forward(self, ids: Tensor) -> Tensor:
        if ids.ndim != 2 or not 1 <= ids.shape[1] <= self.length + 1:
            raise ValueError(f"ids are (B, L) with L from 1 to {self.length + 1}; they are {tuple(ids.shape)}")
        prompts = ids[:, :1] - self.vocab
        if ids.numel() and (int(prompts.min()) < 0 or int(prompts.max()) >= len(self.logits)):
            raise ValueError(
                f"the first token of a row is a prompt, from {self.vocab} to {self.vocab + len(self.logits) - 1}"
            )
        beginning = torch.zeros_like(ids)
        for t in range(1, ids.shape[1]):  # each beginning has a number; the empty one has 0
            beginning[:, t] = beginning[:, t - 1] * self.vocab + ids[:, t].clamp_min(0) + 1
        known = self.logits.shape[1]
        return self.logits[prompts, beginning.clamp_max(known - 1)]  # nothing follows a whole answer: any row will do


class AnswerWorld:
    """Prompts, all their answers, a reference policy and a reward; all of it follows from `seed`.

    prompts: int64 (P,), the prompts' tokens. answers: int64 (N, length), `PAD` behind the end. lengths: int64 (N,), with `EOS` where there is one.
    rewards: float64 (P, N), normal values: neither long nor short answers are better.
    """

    def __init__(self, seed: int = 0, prompts: int = 2, vocab: int = 3, length: int = 3, scale: float = 1.0) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.vocab, self.length = vocab, length
        self.prompts = torch.arange(vocab, vocab + prompts)
        rows = [row for row in itertools.product(range(vocab), repeat=length)]
        ended = dict.fromkeys(_ended(row) for row in rows)  # each answer once, in order
        self.answers = torch.tensor([[*row, *[PAD] * (length - len(row))] for row in ended])
        self.lengths = torch.tensor([len(row) for row in ended])
        beginnings = sum(vocab**t for t in range(length))
        self._reference = torch.randn(prompts, beginnings, vocab, generator=generator, dtype=torch.float64) * scale
        self.rewards = torch.randn(prompts, len(ended), generator=generator, dtype=torch.float64)

    def policy(self) -> TablePolicy:
        """A policy to train: it starts as the reference."""
        return TablePolicy(self._reference, self.vocab, self.length)

    def reference(self) -> TablePolicy:
        """The reference: the same, and its parameter requires no gradient."""
        return self.policy().requires_grad_(False)

    def pair(self, prompt: int, *answers: int) -> tuple[Tensor, Tensor]:
        """ids and labels, int64 (n, 1 + length), of some answers to prompt number `prompt`: labels are ids where an answer is, else -100."""
        chosen = self.answers[list(answers)]
        ids = torch.cat([self.prompts[prompt].expand(len(chosen), 1), chosen.clamp_min(EOS)], 1)
        return ids, torch.cat([torch.full((len(chosen), 1), PAD), chosen], 1)

    def logps(self, policy: nn.Module) -> Tensor:
        """log π(y|x) of every answer to every prompt, (P, N), with gradients."""
        every = range(len(self.answers))
        found = []
        for prompt in range(len(self.prompts)):
            ids, _ = self.pair(prompt, *every)
            each = policy(ids)[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]
            found.append((each * (self.answers != PAD)).sum(1))
        return torch.stack(found)

    def best(self, beta: float) -> Tensor:
        """The policy that is best for the reward with β · KL(π ‖ reference) taken from it: (P, N)."""
        return (self.logps(self.reference()) + self.rewards / beta).softmax(-1)

    def best_policy(self, beta: float) -> TablePolicy:
        """The same as a model: its parameter is the logarithm of how probable each token is behind each beginning."""
        best = self.best(beta).detach()
        weights = torch.zeros_like(self._reference)
        place = self.answers.new_zeros(len(self.answers))
        for t in range(self.length):
            there = self.answers[:, t] != PAD
            parts = weights.permute(1, 2, 0)  # several answers share a beginning, and are added up
            parts.index_put_((place[there], self.answers[there, t]), best[:, there].T, accumulate=True)
            place = place * self.vocab + self.answers[:, t].clamp_min(0) + 1
        return TablePolicy(weights.clamp_min(torch.finfo(weights.dtype).tiny).log(), self.vocab, self.length)

    def reward(self, policy: nn.Module) -> Tensor:
        """The mean reward of what `policy` answers, (P,): exact, no samples."""
        return (self.logps(policy).exp() * self.rewards).sum(-1)

    def divergence(self, policy: nn.Module) -> Tensor:
        """KL(π ‖ reference) in nats, (P,): exact."""
        logps = self.logps(policy)
        return (logps.exp() * (logps - self.logps(self.reference()))).sum(-1)

    def sample(self, policy: nn.Module, n: int, generator: torch.Generator) -> Tensor:
        """Numbers of answers that `policy` gives, (P, n)."""
        return torch.multinomial(self.logps(policy).detach().exp(), n, replacement=True, generator=generator)


def _ended(row: tuple[int, ...]) -> tuple[int, ...]:
    """Up to the first `EOS`, with it."""
    return row[: row.index(EOS) + 1] if EOS in row else row
