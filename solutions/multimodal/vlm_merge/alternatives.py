"""Right ways to write multimodal/vlm_merge, done differently."""

import math

import torch
from torch import nn

from autograder.checks import alternative


@alternative("masked_scatter, as Hugging Face; positions by meshgrid")
def merge(embeds, ids, image_id, feats):
    mask = (ids == image_id)[..., None].expand_as(embeds)
    if mask.sum() != feats.numel():
        raise ValueError("image features and image tokens do not match")
    return embeds.masked_scatter(mask, feats.to(embeds.dtype))


@alternative("masked_scatter, as Hugging Face; positions by meshgrid")
def mrope_positions(ids, image_id, grids, merge=2):
    sizes = [t * (h // merge) * (w // merge) for t, h, w in grids]
    if sum(sizes) != sum(token == image_id for token in ids):
        raise ValueError("image tokens and grids do not match")
    pieces, at, start = [torch.zeros(3, 0, dtype=torch.int64)], 0, 0
    todo = list(zip(grids, sizes, strict=True))
    while at < len(ids):
        if ids[at] == image_id:
            (t, h, w), n = todo.pop(0)
            if any(token != image_id for token in ids[at : at + n]):
                raise ValueError("text within an image")
            axes = torch.meshgrid(torch.arange(t), torch.arange(h // merge), torch.arange(w // merge), indexing="ij")
            piece = torch.stack([axis.flatten() for axis in axes]) + start
            at += n
        else:
            piece = torch.full((3, 1), start)
            at += 1
        pieces.append(piece)
        start = int(piece.max()) + 1
    return torch.cat(pieces, 1)


@alternative("an index for each place, torch.where")
def merge(embeds, ids, image_id, feats):
    place = ids == image_id
    if place.sum().item() != feats.shape[0]:
        raise ValueError
    number = place.flatten().cumsum(0).view_as(ids) - 1
    table = torch.cat([feats, feats.new_zeros(1, feats.shape[1])]).to(embeds.dtype)
    return torch.where(place[..., None], table[number.where(place, len(feats))], embeds)


@alternative("an index for each place, torch.where")
def mask_labels(ids, image_id):
    return torch.where(ids == image_id, torch.tensor(-100), ids)


@alternative("an index for each place, torch.where")
def expand_image_tokens(ids, image_id, n_patches):
    left = list(n_patches)
    out = []
    for token in ids:
        if token != image_id:
            out.append(token)
        elif left:
            out.extend([token] * left.pop(0))
        else:
            raise ValueError("not enough images")
    if left:
        raise ValueError("too many images")
    return out


@alternative("token by token, stacked; GELU by the error function")
def merge(embeds, ids, image_id, feats):
    rows, n = [], 0
    for b, row in enumerate(ids.tolist()):
        for t, token in enumerate(row):
            if token == image_id:
                if n >= len(feats):
                    raise ValueError("not enough features")
                rows.append(feats[n].to(embeds.dtype))
                n += 1
            else:
                rows.append(embeds[b, t])
    if n != len(feats):
        raise ValueError("too many features")
    return torch.stack(rows).view(embeds.shape)


@alternative("token by token, stacked; GELU by the error function")
class Projector(nn.Module):
    def __init__(self, Cv, C):
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(Cv, C, bias=True), nn.Linear(C, C, bias=True)

    def forward(self, x):
        z = x @ self.linear_1.weight.T + self.linear_1.bias
        return (z * (1 + torch.erf(z / math.sqrt(2))) / 2) @ self.linear_2.weight.T + self.linear_2.bias


@alternative("index_put on flat tensors; a module for the activation")
def merge(embeds, ids, image_id, feats):
    (where,) = torch.nonzero(ids.reshape(-1) == image_id, as_tuple=True)
    if len(where) != len(feats):
        raise ValueError("numbers differ")
    flat = embeds.reshape(-1, embeds.shape[-1])
    return flat.index_put((where,), feats.to(flat.dtype)).view(embeds.shape)


@alternative("index_put on flat tensors; a module for the activation")
class Projector(nn.Module):
    def __init__(self, Cv, C):
        super().__init__()
        self.linear_1 = nn.Linear(Cv, C)
        self.act = nn.GELU()
        self.linear_2 = nn.Linear(C, C)

    def forward(self, x):
        return self.linear_2(self.act(self.linear_1(x)))


@alternative("runs first, then arithmetic: divmod instead of loops")
def mrope_positions(ids, image_id, grids, merge=2):
    out, at, start, k = torch.zeros(3, len(ids), dtype=torch.int64), 0, 0, 0
    while at < len(ids):
        if ids[at] != image_id:
            out[:, at] = start
            at, start = at + 1, start + 1
            continue
        if k == len(grids):
            raise ValueError("no grid")
        t, h, w = grids[k][0], grids[k][1] // merge, grids[k][2] // merge
        n = torch.arange(t * h * w)
        if ids[at : at + len(n)].count(image_id) != len(n):
            raise ValueError("too few")
        out[:, at : at + len(n)] = start + torch.stack([n // (h * w), n // w % h, n % w])
        at, start, k = at + len(n), start + max(t, h, w), k + 1
    if k != len(grids):
        raise ValueError("too many grids")
    return out


@alternative("a copy that is written to, labels and lists")
def mask_labels(ids, image_id):
    labels = ids.clone()
    labels[labels == image_id] = -100
    return labels


@alternative("a copy that is written to, labels and lists")
def expand_image_tokens(ids, image_id, n_patches):
    places = [i for i, token in enumerate(ids) if token == image_id]
    if len(places) != len(n_patches):
        raise ValueError("numbers differ")
    out = list(ids)
    for i, n in reversed(list(zip(places, n_patches, strict=True))):
        out[i : i + 1] = [image_id] * n
    return out
