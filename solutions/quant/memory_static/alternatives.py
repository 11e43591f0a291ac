"""Right implementations of quant/memory_static, done differently."""

from fractions import Fraction
from functools import reduce
from itertools import product
from operator import mul

import torch

from autograder.checks import alternative


@alternative("all bits of a group, divided by its weights")
def bits_per_weight(bits, group=None, scale_bits=16, zero_bits=0):
    if group is None:
        group, scale_bits, zero_bits = 1, 0, 0
    if not group >= 1:
        raise ValueError("a group has at least one weight")
    return (group * bits + scale_bits + zero_bits) / group


@alternative("fractions, and a ceiling in the end")
def weights_bytes(shapes, bits=16, group=None, scale_bits=16, zero_bits=0):
    from math import ceil

    if group is not None and group <= 0:
        raise ValueError("a group has at least one weight")

    def of(shape):
        n = reduce(mul, shape, 1)
        if group is None:
            return ceil(Fraction(n * bits, 8))
        if len(shape) <= 1:
            return 2 * n
        rows = n // shape[-1]
        scales = rows * ceil(Fraction(shape[-1], group))
        return sum(ceil(Fraction(count * width, 8)) for count, width in ((n, bits), (scales, scale_bits), (scales, zero_bits)))

    return sum(of(shape) for shape in shapes)


def _meta(shape, dtype):
    return torch.empty(shape, device="meta", dtype=dtype)


def _size(tensors):
    return sum(t.numel() * t.element_size() for t in tensors)


@alternative("the states themselves, on the meta device")
def training_state_bytes(shapes, optimizer="adamw", precision="mixed", grad_bytes=None):
    table = {
        "float32": (torch.float32, None, torch.float32),
        "mixed": (torch.bfloat16, torch.float32, torch.float32),
        "bfloat16": (torch.bfloat16, None, torch.bfloat16),
    }
    if precision not in table:
        raise ValueError(precision)
    low, master, state = table[precision]

    def states(shape):
        step = _meta((), torch.float32)
        n = _meta(shape, torch.uint8).numel()
        match optimizer:
            case "sgd":
                return []
            case "sgd_momentum":
                return [_meta(shape, state)]
            case "adamw":
                return [step, _meta(shape, state), _meta(shape, state)]
            case "adafactor" if len(shape) > 1:
                return [step, _meta((*shape[:-1], 1), state), _meta((*shape[:-2], 1, shape[-1]), state)]
            case "adafactor":
                return [step, _meta(shape, state)]
            case "adamw8bit" if n < 4096:
                return [_meta(shape, torch.float32)] * 2
            case "adamw8bit":
                blocks = n // 256 + bool(n % 256)
                return [_meta(shape, torch.uint8), _meta((blocks,), torch.float32)] * 2
        raise ValueError(optimizer)

    states(())
    weights = _size(_meta(shape, low) for shape in shapes)
    numbers = weights // low.itemsize
    return {
        "optimizer": sum(_size(states(shape)) for shape in shapes),
        "master": _size(_meta(shape, master) for shape in shapes) if master else 0,
        "gradients": weights if grad_bytes is None else numbers * grad_bytes,
        "weights": weights,
    }


@alternative("one tensor after the other, as dictionaries that are added up")
def training_state_bytes(shapes, optimizer="adamw", precision="mixed", grad_bytes=None):
    weights = {"float32": 4, "mixed": 2, "bfloat16": 2}
    if precision not in weights:
        raise ValueError(precision)
    width = weights[precision]
    master = 4 if precision == "mixed" else 0
    total = dict.fromkeys(["weights", "gradients", "master", "optimizer"], 0)
    state = master or width
    kinds = {
        "sgd": lambda shape, n: 0,
        "sgd_momentum": lambda shape, n: state * n,
        "adamw": lambda shape, n: 4 + 2 * state * n,
        "adafactor": lambda shape, n: 4 + state * (n if len(shape) < 2 else n // shape[-1] + n // shape[-2]),
        "adamw8bit": lambda shape, n: 8 * n if n < 4096 else 2 * n + 8 * ((n + 255) // 256),
    }
    if optimizer not in kinds:
        raise ValueError(optimizer)
    for shape in shapes:
        n = 1
        for size in shape:
            n *= size
        total["weights"] += width * n
        total["gradients"] += (grad_bytes if grad_bytes is not None else width) * n
        total["master"] += master * n
        total["optimizer"] += kinds[optimizer](shape, n)
    return total


@alternative("names in parts, from the end")
def lora_training_bytes(shapes, targets, r, optimizer="adamw", precision="float32", bits=16, group=None, scale_bits=16):
    pairs, hits = [], set()
    for name, shape in shapes.items():
        parts = name.split(".")
        if parts[-1] != "weight":
            continue
        tails = {".".join(parts[k:-1]) for k in range(len(parts) - 1)}
        meant = tails & set(targets)
        hits |= meant
        if meant:
            pairs += [(shape[0], r), (r, shape[1])]
    if set(targets) - hits:
        raise ValueError("nothing is called so")
    frozen = weights_bytes(shapes.values(), bits=bits, group=group, scale_bits=scale_bits)
    result = training_state_bytes(pairs, optimizer=optimizer, precision=precision)
    result["base"] = frozen
    return result


@alternative("layer by layer, tensor by tensor")
def kv_cache_bytes(config, batch, tokens, itemsize=2):
    heads = config["num_attention_heads"]
    mine = config.get("num_key_value_heads")
    mine = heads if mine is None else mine
    if heads != mine * (heads // mine):
        raise ValueError("heads can't be shared evenly")
    dim = config.get("head_dim")
    if dim is None:
        dim = config["hidden_size"] // heads
    total = 0
    for _layer, _kind in product(range(config["num_hidden_layers"]), ("keys", "values")):
        total += batch * mine * tokens * dim * itemsize
    return total


@alternative("by blocks: what a block costs, and how many a sequence needs")
def max_batch(memory, weights, config, tokens, itemsize=2, block=1):
    room = memory - weights
    if room <= 0:
        return 0
    blocks = room // kv_cache_bytes(config, 1, block, itemsize)
    return blocks // ((tokens + block - 1) // block)


@alternative("by search: one sequence more, until it no longer fits")
def max_batch(memory, weights, config, tokens, itemsize=2, block=1):
    padded = tokens + -tokens % block
    low, high = 0, 1

    def fits(n):
        return weights + kv_cache_bytes(config, n, padded, itemsize) <= memory

    if not fits(1):
        return 0
    while fits(high):
        low, high = high, 2 * high
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low
