"""Right ways to write tuning/prompt_tuning, done differently."""

import math
from collections import Counter

import numpy as np
import torch
from torch import nn

from autograder.checks import alternative


@alternative("normal numbers, and an embedding looked up by index, as PEFT does it")
class SoftPrompt(nn.Module):
    def __init__(self, P, C, init="random", table=None, ids=None):
        super().__init__()
        if init == "random":
            self.weight = nn.Parameter(torch.randn(P, C))
            return
        if init not in {"vocab", "text"} or table is None or table.shape[-1] != C:
            raise ValueError("what is needed is not there")
        if init == "vocab":
            chosen = torch.randint(0, table.shape[0], (P,), dtype=torch.long)
        else:
            if ids is None or ids.numel() == 0:
                raise ValueError("no ids")
            chosen = torch.tensor((ids.tolist() * math.ceil(P / len(ids)))[:P])
        self.weight = nn.Parameter(nn.functional.embedding(chosen, table).detach().clone())

    def forward(self, embeds):
        return torch.cat([nn.functional.embedding(torch.arange(len(self.weight)).repeat(embeds.shape[0], 1), self.weight).to(embeds.dtype), embeds], 1)


@alternative("the prompt written into an empty tensor, rows copied one by one, without repeats while there are enough")
class SoftPrompt(nn.Module):
    def __init__(self, P, C, init="random", table=None, ids=None):
        super().__init__()
        known = {"random": self.random, "vocab": self.vocab, "text": self.text}
        if init not in known:
            raise ValueError(init)
        self.weight = nn.Parameter(known[init](P, C, table, ids))

    @staticmethod
    def random(P, C, table, ids):
        return torch.empty(P, C).uniform_(-0.5, 0.5)

    @staticmethod
    def vocab(P, C, table, ids):
        if table is None or table.shape[1] != C:
            raise ValueError("table")
        order = []
        while len(order) < P:
            order += torch.randperm(len(table)).tolist()
        return torch.stack([table.detach()[i] for i in order[:P]])

    @staticmethod
    def text(P, C, table, ids):
        if table is None or table.shape[1] != C or ids is None or not len(ids):
            raise ValueError("table and ids")
        start = table.new_empty(P, C, requires_grad=False)
        for i in range(P):
            start[i] = table.detach()[ids[i % len(ids)]]
        return start

    def forward(self, embeds):
        B, T, C = embeds.shape
        P = self.weight.shape[0]
        whole = embeds.new_zeros(B, P + T, C)
        whole[:, :P] = self.weight
        whole[:, P:] = embeds
        return whole


@alternative("log-probabilities picked with gather, sequence by sequence")
def forward_with_prompt(model, prompt, ids, mask=None, labels=None):
    P, T = prompt.weight.shape[0], ids.shape[1]
    if model.longest < P + T:
        raise ValueError("too long")
    seen = torch.full((len(ids), P + T), True)
    if mask is not None:
        seen[:, P:] = mask
    out = {"mask": seen, "logits": model(embeds=prompt(model.embed(ids)), mask=seen)}
    if labels is None:
        return out
    out["labels"] = nn.functional.pad(labels, (P, 0), value=-100)
    total, n = 0.0, 0
    for logits, row in zip(out["logits"], out["labels"], strict=True):
        for j in range(1, P + T):
            if row[j] != -100:
                total = total - logits[j - 1].log_softmax(-1)[row[j]]
                n += 1
    out["loss"] = total / n
    return out


@alternative("the table indexed by hand, the prompt's logits cut from P - 1 on, float64 inside the loss")
def forward_with_prompt(model, prompt, ids, mask=None, labels=None):
    n, (B, T) = prompt.weight.size(0), ids.size()
    if n + T > model.position.num_embeddings:
        raise ValueError("the model has too few positions")
    embeds = torch.cat((prompt.weight[None].repeat(B, 1, 1).to(model.embed.weight.dtype), model.embed.weight[ids]), 1)
    mask = torch.ones_like(ids).bool() if mask is None else mask
    full = torch.hstack((torch.ones(B, n).bool(), mask))
    logits = model(embeds=embeds, mask=full)
    if labels is None:
        return dict(logits=logits, mask=full)
    learned = labels != -100
    wide = logits[:, n - 1 : -1].double()
    picked = wide.gather(-1, labels.clamp(min=0)[..., None])[..., 0] - wide.logsumexp(-1)
    loss = (-(picked * learned).sum() / learned.sum()).to(logits.dtype)
    return dict(logits=logits, mask=full, loss=loss, labels=torch.hstack((torch.full((B, n), -100), labels)))


@alternative("torch.mode, which gives the smallest of several")
def prompt_ensemble(logits):
    return torch.stack([each.max(-1).indices for each in logits], -1).mode(-1).values


@alternative("a counter for each sequence")
def prompt_ensemble(logits):
    winners = []
    for b in range(len(logits[0])):
        votes = Counter(int(each[b].argmax()) for each in logits)
        winners.append(min(votes, key=lambda k: (-votes[k], k)))
    return torch.tensor(winners)


@alternative("NumPy's bincount")
def prompt_ensemble(logits):
    votes = np.stack([each.numpy().argmax(-1) for each in logits], 1)
    return torch.from_numpy(np.array([np.bincount(row).argmax() for row in votes]))
