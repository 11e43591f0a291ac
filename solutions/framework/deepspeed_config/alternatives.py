"""Right ways to write framework/deepspeed_config, done differently."""

import math
from fractions import Fraction

from autograder.checks import alternative


@alternative("case by case, as DeepSpeed's own")
def resolve_batch(cfg, world=1):
    train = cfg.get("train_batch_size")
    micro = cfg.get("train_micro_batch_size_per_gpu")
    steps = cfg.get("gradient_accumulation_steps")
    if train is not None and micro is not None and steps is not None:
        pass
    elif train is not None and micro is not None:
        if micro == 0:
            raise ValueError("micro")
        steps = train // micro // world
    elif train is not None and steps is not None:
        if steps == 0:
            raise ValueError("steps")
        micro = train // world // steps
    elif micro is not None and steps is not None:
        train = micro * steps * world
    elif train is not None:
        steps, micro = 1, train // world
    elif micro is not None:
        train, steps = micro * world, 1
    else:
        raise ValueError("too little")
    if not (train > 0 and micro > 0 and steps > 0 and train == micro * steps * world):
        raise ValueError("contradiction")
    return train, micro, steps


@alternative("fractions, which must be whole in the end")
def resolve_batch(cfg, world=1):
    names = ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps")
    known = {name: Fraction(cfg[name]) for name in names if cfg.get(name) is not None}
    if not known.keys() & set(names[:2]) or min(known.values()) < 1:
        raise ValueError("too little")
    if len(known) == 1:
        known[names[2]] = Fraction(1)
    train, micro, steps = (known.get(name) for name in names)
    if train is None:
        train = micro * steps * world
    elif micro is None:
        micro = train / steps / world
    elif steps is None:
        steps = train / micro / world
    if train != micro * steps * world or any(each.denominator > 1 for each in (train, micro, steps)):
        raise ValueError("no whole number")
    return int(train), int(micro), int(steps)


@alternative("a table of stages")
def zero_plan(cfg):
    zero = cfg.get("zero_optimization")
    zero = zero if zero is not None else {}
    stage = zero["stage"] if zero.get("stage") is not None else 0
    table = [(False, False, False), (True, False, False), (True, True, False), (True, True, True)]
    if stage not in range(len(table)):
        raise ValueError("stage")

    def place(key):
        device = (zero.get(key) or {}).get("device")
        device = "none" if device is None or device == "" else device
        return {"none": "gpu", "cpu": "cpu", "nvme": "nvme"}.get(device)

    opt, param = place("offload_optimizer"), place("offload_param")
    if opt is None or param is None or (opt != "gpu" and not table[stage][0]) or (param != "gpu" and not table[stage][2]):
        raise ValueError("offload")
    devices = [opt, "cpu" if opt in ("cpu", "nvme") else "gpu", param]
    return {name: {"sharded": s, "device": d} for name, s, d in zip(("optimizer", "gradients", "parameters"), table[stage], devices, strict=True)}


@alternative("one branch for each stage")
def estimate(total, largest_layer, gpus, stage, offload_opt=False, offload_param=False, convention="paper"):
    if convention == "paper":
        if offload_opt or offload_param or stage not in (0, 1, 2, 3):
            raise ValueError("paper")
        parts = [(2, 3), (2, 2), (12, 1)]  # bytes, and the stage from which they are shared
        exact = sum(Fraction(size * total, gpus if stage >= first else 1) for size, first in parts)
        return 0, math.floor(exact)
    if convention != "deepspeed" or stage not in (2, 3):
        raise ValueError("convention")
    if stage == 2:
        if offload_param:
            raise ValueError("stage 2")
        if offload_opt:
            return total * max(4 * gpus, 16) * 3 // 2, 2 * total
        return total * 4 * gpus * 3 // 2, 2 * total + (18 * total) // gpus
    layer = 4 * largest_layer
    if offload_param:
        if not offload_opt:
            raise ValueError("stage 3")
        return total * 18 * 3 // 2, layer
    if offload_opt:
        return total * 16 * 3 // 2, layer + 2 * total // gpus
    return largest_layer * 4 * gpus * 3 // 2, layer + 18 * total // gpus


@alternative("sums of the newest bucket")
def bucketize(numels, bucket):
    done, newest = [], []
    for place, size in enumerate(numels):
        if newest and sum(numels[i] for i in newest) + size > bucket:
            done.append(newest)
            newest = []
        newest.append(place)
    return done + [newest] * bool(newest)


@alternative("defaults that are overwritten")
def loss_scale(cfg):
    settings = {"enabled": False, "loss_scale": 0, "initial_scale_power": 16, "loss_scale_window": 1000, "hysteresis": 2, "min_loss_scale": 1}
    for key, value in (cfg.get("fp16") or {}).items():
        if value is not None:
            settings[key] = value
    if settings["enabled"]:
        if settings["loss_scale"] < 0:
            raise ValueError("negative")
        if settings["loss_scale"] > 0:
            return {"dynamic": False, "scale": 1.0 * settings["loss_scale"]}
        renamed = {"window": "loss_scale_window", "hysteresis": "hysteresis", "min": "min_loss_scale"}
        return {"dynamic": True, "scale": math.ldexp(1.0, settings["initial_scale_power"])} | {new: settings[old] for new, old in renamed.items()}
    return None
