"""Right ways to write tuning/prefix_tuning, done differently."""

import numpy as np
import torch
from torch import nn

from autograder.checks import alternative


@alternative("as PEFT does it: view, permute, split")
def split_prefix(flat, B, L, G):
    P, n = flat.shape
    D = n // (L * 2 * G)
    past = flat[None].repeat(B, 1, 1).view(B, P, L * 2, G, D)
    return [(each[0], each[1]) for each in past.permute(2, 0, 3, 1, 4).split(2)]


@alternative("columns sliced for each layer, kind and head")
def split_prefix(flat, B, L, G):
    D = flat.shape[1] // (2 * L * G)
    found = []
    for layer in range(L):
        pair = []
        for kind in range(2):
            first = (layer * 2 + kind) * G * D
            one = torch.stack([flat[:, first + g * D : first + (g + 1) * D] for g in range(G)])
            pair.append(torch.stack([one] * B))
        found.append(tuple(pair))
    return found


@alternative("the network written out, the table indexed by positions")
class PrefixEncoder(nn.Module):
    def __init__(self, P, L, G, D, proj_hidden=None, C=None):
        super().__init__()
        self.L, self.G = L, G
        self.embedding = nn.Embedding(P, L * 2 * G * D if proj_hidden is None else C or G * D)
        if proj_hidden is not None:
            first, second = nn.Linear(C or G * D, proj_hidden), nn.Linear(proj_hidden, L * 2 * G * D)
            self.transform = nn.ModuleDict({"0": first, "2": second})

    def table(self):
        x = self.embedding(torch.arange(self.embedding.num_embeddings))
        if hasattr(self, "transform"):
            x = torch.tanh(x @ self.transform["0"].weight.T + self.transform["0"].bias)
            x = x @ self.transform["2"].weight.T + self.transform["2"].bias
        return x

    def forward(self, B):
        return split_prefix(self.table(), B, self.L, self.G)

    def fold(self):
        with torch.no_grad():
            return torch.clone(self.table())


@alternative("groups as a dimension of their own, prefix and tokens scored apart, one softmax")
def attention_with_prefix(q, k, v, pk, pv, key_mask=None, causal=True):
    (B, H, T, D), (G, S), P = q.shape, k.shape[1:3], pk.shape[2]
    q = q.unflatten(1, (G, H // G)) / D**0.5
    near = torch.einsum("bgrtd,bgsd->bgrts", q, k)
    far = torch.einsum("bgrtd,bgpd->bgrtp", q, pk)
    hidden = torch.zeros(B, 1, 1, T, S, dtype=torch.bool)
    if causal:
        hidden = hidden | (torch.arange(S) > torch.arange(T)[:, None] + S - T)
    if key_mask is not None:
        hidden = hidden | ~key_mask.view(B, 1, 1, 1, S)
    weights = torch.cat([far, near.masked_fill(hidden, -torch.inf)], -1).softmax(-1)
    out = torch.einsum("bgrtp,bgpd->bgrtd", weights[..., :P], pv) + torch.einsum("bgrts,bgsd->bgrtd", weights[..., P:], v)
    return out.flatten(1, 2)


@alternative("two softmaxes joined by their sums, as the paper's view of a prefix has it")
def attention_with_prefix(q, k, v, pk, pv, key_mask=None, causal=True):
    H, T, D = q.shape[1:]
    G, S, P = k.shape[1], k.shape[2], pk.shape[2]
    head = torch.arange(H) // (H // G)
    near = q @ k[:, head].mT / D**0.5
    if causal:
        near = near.masked_fill(torch.ones(T, S).triu(S - T + 1).bool(), -1e30 if q.dtype == torch.float32 else -1e300)
    if key_mask is not None:
        near = near.masked_fill(~key_mask[:, None, None, :], -1e30 if q.dtype == torch.float32 else -1e300)
    far = q @ pk[:, head].mT / D**0.5
    top = near.amax(-1, keepdim=True)
    if P:
        top = torch.maximum(top, far.amax(-1, keepdim=True))
    a, b = (near - top.detach()).exp(), (far - top.detach()).exp()
    return (a @ v[:, head] + b @ pv[:, head]) / (a.sum(-1, keepdim=True) + b.sum(-1, keepdim=True))


@alternative("a mask that is always there, positions for every row")
def forward_with_prefix(model, prefix, ids, mask=None):
    B, T = ids.shape
    P = prefix[0][1].size(-2)
    if P + T - model.longest > 0:
        raise ValueError("no positions are left")
    whole = torch.ones(B, P + T, dtype=torch.bool)
    if mask is not None:
        whole[:, -T:] = mask
    rows = torch.from_numpy(np.arange(T) + P).expand(B, T)
    return model.lm_head(model.hidden(ids, past=prefix, positions=rows, mask=whole))


@alternative("embeddings in place of ids")
def forward_with_prefix(model, prefix, ids, mask=None):
    n, P = ids.shape[1], len(prefix[0][0][0, 0])
    if n + P > model.position.weight.shape[0]:
        raise ValueError(f"{n + P} are too many")
    seen = None if mask is None else nn.functional.pad(mask, (P, 0), value=True)
    return model(embeds=model.embed(ids), mask=seen, positions=P + torch.arange(n), past=list(prefix))


@alternative("counted from the module")
def prefix_params(P, L, G, D, proj_hidden=None, C=None):
    with torch.device("meta"):
        return sum(p.numel() for p in PrefixEncoder(P, L, G, D, proj_hidden, C).parameters())


@alternative("counted layer by layer")
def prefix_params(P, L, G, D, proj_hidden=None, C=None):
    out = sum(2 * G * D for _ in range(L))
    if not proj_hidden:
        return out * P
    C = C or D * G
    return sum((C * P, C * proj_hidden, proj_hidden, out * proj_hidden, out))
