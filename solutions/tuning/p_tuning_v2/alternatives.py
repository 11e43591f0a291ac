"""Right ways to write tuning/p_tuning_v2, done differently."""

import torch
from torch import nn

from autograder.checks import alternative


class Prompt(nn.Module):
    """The table, or what makes it, with the network written out."""

    def __init__(self, P, L, C, reparam):
        super().__init__()
        self.embedding = nn.Embedding(P, C if reparam else 2 * L * C)
        if reparam:
            self.transform = nn.ModuleDict({"0": nn.Linear(C, C), "2": nn.Linear(C, 2 * L * C)})

    def forward(self):
        x = self.embedding(torch.arange(self.embedding.num_embeddings))
        if hasattr(self, "transform"):
            x = self.transform["2"](torch.tanh(self.transform["0"](x)))
        return x


@alternative("columns sliced for each layer, a mask that is always there")
class PTuningV2(nn.Module):
    def __init__(self, backbone, P, n_labels, task="cls", reparam=False, shared=None):
        super().__init__()
        if task != "cls" and task != "tag":
            raise ValueError(task)
        self.n, self.small, self.tags = P, reparam, task == "tag"
        for parameter in backbone.parameters():
            parameter.requires_grad = False
        self.backbone = backbone
        dtype = backbone.embed.weight.dtype
        if shared is None:
            self.prefix = Prompt(P, len(backbone.layers), backbone.width, reparam).to(dtype)
        else:
            if shared.n != P or shared.small != reparam:
                raise ValueError("shared")
            self.prefix = shared.prefix
        self.head = nn.Linear(backbone.width, n_labels, dtype=dtype)

    def forward(self, ids, mask=None):
        B, T = ids.shape
        if self.n + T > self.backbone.longest:
            raise ValueError("too long")
        table, C = self.prefix(), self.backbone.width
        past = []
        for layer in range(len(self.backbone.layers)):
            pair = []
            for kind in (0, 1):
                part = table[:, (2 * layer + kind) * C : (2 * layer + kind + 1) * C]
                heads = part.reshape(self.n, self.backbone.heads, self.backbone.head_dim).transpose(0, 1)
                pair.append(torch.stack([heads] * B))
            past.append(tuple(pair))
        seen = torch.ones(B, self.n + T, dtype=torch.bool)
        if mask is not None:
            seen[:, self.n :] = mask
        where = (torch.arange(T) + self.n).expand(B, T)
        h = self.backbone.hidden(ids, mask=seen, positions=where, past=past)
        return self.head(h) if self.tags else self.head(h)[:, 0]


@alternative("as PEFT does it, with embeddings in place of ids, and the head as a product")
class PTuningV2(nn.Module):
    def __init__(self, backbone, P, n_labels, task="cls", reparam=False, shared=None):
        super().__init__()
        if task not in {"cls", "tag"}:
            raise ValueError("task")
        L, C = len(backbone.layers), backbone.layers[0].attn.q_proj.weight.shape[0]
        self.backbone, self.task, self.P, self.reparam = backbone, task, P, reparam
        backbone.requires_grad_(False)
        if shared is None:
            self.prefix = nn.Module()
            self.prefix.embedding = nn.Embedding(P, C if reparam else L * 2 * C)
            if reparam:
                self.prefix.transform = nn.Sequential(nn.Linear(C, C), nn.Tanh(), nn.Linear(C, L * 2 * C))
        elif shared.P == P and shared.reparam is reparam:
            self.prefix = shared.prefix
        else:
            raise ValueError("P")
        self.head = nn.Linear(C, n_labels)
        self.prefix.to(backbone.norm.weight.dtype)
        self.head.to(backbone.norm.weight.dtype)

    def forward(self, ids, mask=None):
        B, T = ids.shape
        if not self.backbone.longest - self.P >= T:
            raise ValueError("no positions")
        flat = self.prefix.embedding.weight
        if self.reparam:
            flat = self.prefix.transform(flat)
        flat = flat.repeat(B, 1, 1).view(B, self.P, 2 * len(self.backbone.layers), self.backbone.heads, self.backbone.head_dim)
        past = [(each[0], each[1]) for each in flat.permute(2, 0, 3, 1, 4).split(2)] if self.P else None
        if mask is not None:
            mask = nn.functional.pad(mask, (self.P, 0), value=True)
        h = self.backbone.hidden(embeds=self.backbone.embed(ids), mask=mask, past=past, positions=torch.arange(T) + self.P)
        h = h[:, 0] if self.task == "cls" else h
        return h @ self.head.weight.T + self.head.bias


@alternative("counted from the shapes of the parameters")
def trainable_count(P, L, C, n_labels, task="cls", reparam=False):
    if task not in ["cls", "tag"]:
        raise ValueError(task)
    with torch.device("meta"):
        parts = [Prompt(P, L, C, reparam), nn.Linear(C, n_labels)]
        return sum(p.numel() for part in parts for p in part.parameters())


@alternative("a dict of what was seen")
def trainable_fraction(model):
    known = {id(p): p for p in model.parameters()}
    learning = sum(p.nelement() for p in known.values() if p.requires_grad)
    return learning / max(1, sum(p.nelement() for p in known.values()))


@alternative("numbers counted by shapes, added in a loop")
def trainable_fraction(model):
    found = [0, 0]
    for parameter in dict(model.named_parameters()).values():
        found[int(parameter.requires_grad)] += torch.Size(parameter.shape).numel()
    return 0.0 if not any(found) else found[1] / sum(found)
