"""Right ways to write parallel/frameworks_mesh, done differently."""

import itertools
import math

import numpy as np
import torch

from autograder.checks import alternative


def dimensions(sizes, order):
    names = order.split("-")
    for name in sizes:
        if name not in names and sizes[name] > 1:
            raise ValueError(name)
    return names, [sizes.get(name, 1) for name in names]


@alternative("strides: the products of the sizes before")
def rank_coords(rank, sizes, order):
    names, each = dimensions(sizes, order)
    strides = [math.prod(each[:i]) for i in range(len(each))]
    if not 0 <= rank < math.prod(each):
        raise ValueError(rank)
    return {name: rank // stride % size for name, stride, size in zip(names, strides, each, strict=True)}


@alternative("numpy.unravel_index, in Fortran's order")
def rank_coords(rank, sizes, order):
    names, each = dimensions(sizes, order)
    if rank < 0 or rank >= math.prod(each):
        raise ValueError(rank)
    return dict(zip(names, (int(i) for i in np.unravel_index(rank, each, order="F")), strict=True))


@alternative("filled coordinate by coordinate")
def device_mesh(sizes, order):
    _, each = dimensions(sizes, order)
    mesh = torch.zeros(each[::-1], dtype=torch.int64)
    stride = 1
    for i, size in enumerate(each):
        mesh += (stride * torch.arange(size)).view(-1, *[1] * i)
        stride *= size
    return mesh


@alternative("ranks are collected by their other coordinates")
def groups(sizes, order, dims):
    names, each = dimensions(sizes, order)
    if any(name not in names for name in dims.split("-")):
        raise ValueError(dims)
    found = {}
    for rank in range(math.prod(each)):
        left, key = rank, []
        for name, size in zip(names, each, strict=True):
            left, at = divmod(left, size)
            if name not in dims.split("-"):
                key.append(at)
        found.setdefault(tuple(key), []).append(rank)
    return list(found.values())


@alternative("sums of strides, as Megatron's RankGenerator")
def groups(sizes, order, dims):
    names, each = dimensions(sizes, order)
    if set(dims.split("-")) - set(names):
        raise ValueError(dims)
    strides = dict(zip(names, itertools.accumulate(each, lambda a, b: a * b, initial=1), strict=False))

    def offsets(chosen):
        ranges = [[strides[name] * i for i in range(size)] for name, size in zip(names, each, strict=True) if name in chosen]
        return sorted(sum(point) for point in itertools.product(*ranges))

    inside = dims.split("-")
    return [[base + step for step in offsets(inside)] for base in offsets([name for name in names if name not in inside])]


@alternative("sets of coordinates, sorted in the end")
def groups(sizes, order, dims):
    names, each = dimensions(sizes, order)
    wanted = dims.split("-")
    if not all(name in names for name in wanted):
        raise ValueError(dims)
    mesh = np.arange(math.prod(each)).reshape(each[::-1])
    axes = [len(names) - 1 - names.index(name) for name in dict.fromkeys(wanted)]
    moved = np.moveaxis(mesh, axes, range(-len(axes), 0))
    return sorted(sorted(group) for group in moved.reshape(-1, math.prod(each[names.index(name)] for name in dict.fromkeys(wanted))).tolist())


@alternative("rows are picked by their numbers")
def reshard(shards, new_tp, spec):
    old_tp, new = len(shards), [{} for _ in range(new_tp)]
    for name, first in shards[0].items():
        rule = spec[name]
        if rule is None:
            for shard in new:
                shard[name] = first.detach().clone()
            continue
        if isinstance(rule, int):
            rule = (rule, [old_tp * first.shape[rule]])
        dim, parts = rule
        joined = torch.cat([shard[name] for shard in shards], dim)
        width = first.shape[dim]
        for i, shard in enumerate(new):
            rows, start = [], 0
            for part in parts:
                if part % new_tp != 0:
                    raise ValueError(name)
                for row in range(i * (part // new_tp), (i + 1) * (part // new_tp)):
                    owner, within = divmod(row, part // old_tp)
                    rows.append(owner * width + start + within)
                start += part // old_tp
            shard[name] = joined.index_select(dim, torch.tensor(rows))
    return new


@alternative("with the cut dimension first, in NumPy's manner")
def reshard(shards, new_tp, spec):
    new = [{} for _ in range(new_tp)]
    for name in shards[0]:
        if spec[name] is None:
            for shard in new:
                shard[name] = shards[0][name] + 0
            continue
        dim, parts = spec[name] if isinstance(spec[name], tuple) else (spec[name], None)
        moved = [shard[name].movedim(dim, 0) for shard in shards]
        parts = parts or [len(shards) * len(moved[0])]
        if any(part % new_tp for part in parts):
            raise ValueError(name)
        pieces, start = [[] for _ in new], 0
        for part in parts:
            size = part // len(shards)
            whole = torch.cat([each[start : start + size] for each in moved])
            for i, piece in enumerate(pieces):
                piece.append(whole[i * part // new_tp : (i + 1) * part // new_tp])
            start += size
        for shard, piece in zip(new, pieces, strict=True):
            shard[name] = torch.cat(piece).movedim(0, dim).contiguous().clone()
    return new


@alternative("copies are tried from many to few")
def plan_3d(n_gpus, mem, psi, n_layers, n_heads, node=8, per_param=16.0):
    for dp in range(n_gpus, 0, -1):
        if n_gpus % dp:
            continue
        for tp in range(n_gpus // dp, 0, -1):
            pp, rest = divmod(n_gpus // dp, tp)
            if rest or math.gcd(node, tp) != tp or math.gcd(n_heads, tp) != tp or n_layers % pp:
                continue
            if per_param * psi / (tp * pp) <= mem:
                return tp, dp, pp
    raise ValueError("nothing fits")


@alternative("seconds for a token, as it is and at the peak")
def mfu(tokens_per_s, n_params, L, C, T, peak):
    attention = 3 * 2 * 2 * L * C * T
    return tokens_per_s / (peak / (6 * n_params + attention))
