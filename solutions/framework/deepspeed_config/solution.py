"""What a DeepSpeed configuration means: batch sizes, what ZeRO shards and where it keeps it, memory, buckets, loss scales.

A configuration is a dict, as one reads it from JSON. What is not there, or is None, is missing. Keys that are not named here may be there and do
not matter. Arguments are left as they were, and results share nothing with them.
"""


def resolve_batch(cfg: dict, world: int = 1) -> tuple[int, int, int]:
    """The three batch sizes of a run on `world` GPUs: (train, micro, steps).

    "train_batch_size" counts the examples of one update, "train_micro_batch_size_per_gpu" those of one forward pass on one GPU, and
    "gradient_accumulation_steps" the forward passes of one GPU for one update. So train = micro · steps · world. What is missing follows from the
    others:

    - with two of them, the third one;
    - with train alone, or micro alone, steps is 1;
    - with steps alone, or none, ValueError.

    ValueError too where the equation does not hold for whole numbers, or one of the three is less than 1.

    >>> resolve_batch({"train_batch_size": 64, "train_micro_batch_size_per_gpu": 4}, 1)
    (64, 4, 16)
    >>> resolve_batch({"train_micro_batch_size_per_gpu": 4}, 8)
    (32, 4, 1)
    >>> resolve_batch({"train_batch_size": 30, "train_micro_batch_size_per_gpu": 4}, 2)
    Traceback (most recent call last):
    ValueError: 30 is not 4 · 3 · 2
    """
    # BEGIN SOLUTION
    train, micro, steps = (cfg.get(name) for name in ("train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps"))
    if train is None and micro is None:
        raise ValueError("neither train_batch_size nor train_micro_batch_size_per_gpu is given")
    if any(size is not None and size < 1 for size in (train, micro, steps)):
        raise ValueError("a batch size is 1 or more")
    if steps is None:
        steps = 1 if train is None or micro is None else train // (micro * world)
    if train is None:
        train = micro * steps * world
    if micro is None:
        micro = train // (steps * world)
    if train != micro * steps * world:
        raise ValueError(f"{train} is not {micro} · {steps} · {world}")
    return train, micro, steps
    # END SOLUTION


def zero_plan(cfg: dict) -> dict[str, dict]:
    """What ZeRO shards, and where it is kept.

    cfg["zero_optimization"] (missing: stage 0) has a "stage", 0 to 3 (missing: 0), and perhaps "offload_optimizer" and "offload_param", dicts with a
    "device": "none" (also where it is missing), "cpu" or "nvme".

    Returns {"optimizer": …, "gradients": …, "parameters": …}, each {"sharded": bool, "device": "gpu", "cpu" or "nvme"}. Stage 1 shards the states
    of the optimizer, stage 2 gradients too, stage 3 parameters too. The states of the optimizer are on the device of offload_optimizer, parameters
    on that of offload_param, and on the GPU where it is "none". Gradients are on the GPU, but on the CPU where the optimizer is offloaded, to
    whatever device: it computes on the CPU.

    ValueError for another stage or device, for an offloaded optimizer in stage 0, and for offloaded parameters in stages 0 to 2.

    >>> plan = zero_plan({"zero_optimization": {"stage": 2, "offload_optimizer": {"device": "cpu"}}})
    >>> plan["gradients"], plan["parameters"]
    ({'sharded': True, 'device': 'cpu'}, {'sharded': False, 'device': 'gpu'})
    """
    # BEGIN SOLUTION
    zero = cfg.get("zero_optimization") or {}
    stage = zero.get("stage") or 0
    if stage not in (0, 1, 2, 3):
        raise ValueError(f"there is no stage {stage}")
    devices = []
    for name, first in (("offload_optimizer", 1), ("offload_param", 3)):
        device = (zero.get(name) or {}).get("device") or "none"
        if device not in ("none", "cpu", "nvme"):
            raise ValueError(f"{name}: there is no device {device}")
        if device != "none" and stage < first:
            raise ValueError(f"{name} needs stage {first}")
        devices.append("gpu" if device == "none" else device)
    optimizer, parameters = devices
    return {
        "optimizer": {"sharded": stage >= 1, "device": optimizer},
        "gradients": {"sharded": stage >= 2, "device": "gpu" if optimizer == "gpu" else "cpu"},
        "parameters": {"sharded": stage >= 3, "device": parameters},
    }
    # END SOLUTION


def estimate(
    total: int,
    largest_layer: int,
    gpus: int,
    stage: int,
    offload_opt: bool = False,
    offload_param: bool = False,
    convention: str = "paper",
) -> tuple[int, int]:
    """Bytes that parameters, gradients and Adam's states need: (cpu, gpu), on the one machine with all its GPUs, and on each of its GPUs.

    total: the number P of parameters. largest_layer: the number L of those of the largest layer. gpus: N, all in one machine. Fractions of bytes are
    cut off.

    convention "paper", as in the ZeRO paper: 2 bytes for a parameter, 2 for a gradient, 12 for Adam's states. GPU: 16 P in stage 0; 4 P + 12 P / N in
    stage 1; 2 P + 14 P / N in stage 2; 16 P / N in stage 3. CPU: 0. Nothing can be offloaded: ValueError.

    convention "deepspeed", as DeepSpeed's own estimators: 4 bytes more for gradients in float32, half as much again of memory on the CPU, and in
    stage 3 the largest layer in full:

    - stage 2: GPU 2 P + 18 P / N, CPU 6 P N. With offload_opt: GPU 2 P, CPU 1.5 P · max(4 N, 16).
    - stage 3: GPU 4 L + 18 P / N, CPU 6 L N. With offload_opt: GPU 4 L + 2 P / N, CPU 24 P. With both: GPU 4 L, CPU 27 P.

    ValueError for stages 0 and 1 there, for offload_param without offload_opt or without stage 3, for other stages, and for other conventions.

    >>> estimate(7_500_000_000, 100_000_000, 64, 2)
    (0, 16640625000)
    >>> estimate(7_500_000_000, 100_000_000, 64, 2, convention="deepspeed")[1]
    17109375000
    """
    # BEGIN SOLUTION
    P, L, N = total, largest_layer, gpus
    if offload_param and not (offload_opt and stage == 3):
        raise ValueError("parameters are offloaded in stage 3, with the optimizer")
    if convention == "paper":
        if offload_opt:
            raise ValueError("the paper's formulas offload nothing")
        whole, shared = {0: (16, 0), 1: (4, 12), 2: (2, 14), 3: (0, 16)}.get(stage, (None, None))
        if whole is None:
            raise ValueError(f"there is no stage {stage}")
        return 0, whole * P + shared * P // N
    table = {
        ("deepspeed", 2, False): (6 * P * N, 2 * P + 18 * P // N),
        ("deepspeed", 2, True): (3 * P * max(4 * N, 16) // 2, 2 * P),
        ("deepspeed", 3, False): (6 * L * N, 4 * L + 18 * P // N),
        ("deepspeed", 3, True): (24 * P, 4 * L + 2 * P // N),
    }
    if (convention, stage, bool(offload_opt)) not in table:
        raise ValueError(f"no formula for {convention}, stage {stage}")
    return (27 * P, 4 * L) if offload_param else table[convention, stage, bool(offload_opt)]
    # END SOLUTION


def bucketize(numels: list[int], bucket: int) -> list[list[int]]:
    """Which gradients are reduced together: places in `numels`, in buckets of at most `bucket` numbers.

    numels: the number of elements of each gradient, each 1 or more, in the order in which gradients arrive. Each goes into the newest bucket if it
    still fits there (exactly full is fine), and else begins a new one: older buckets are under way already. No gradient is cut in two; one that is
    larger than a bucket is alone in a bucket of its own.

    >>> bucketize([3, 4, 2, 9, 1], 7)
    [[0, 1], [2], [3], [4]]
    """
    # BEGIN SOLUTION
    buckets, room = [], 0
    for i, n in enumerate(numels):
        if not buckets or n > room:
            buckets.append([])
            room = bucket
        buckets[-1].append(i)
        room -= n
    return buckets
    # END SOLUTION


def loss_scale(cfg: dict) -> dict | None:
    """How the loss is scaled in float16, from cfg["fp16"].

    None if that is missing or not "enabled" (missing: False). Else, with a "loss_scale" that is neither missing nor 0, {"dynamic": False, "scale":
    that as a float}. Otherwise it is dynamic: {"dynamic": True, "scale": 2.0 to the power of "initial_scale_power", "window": "loss_scale_window",
    "hysteresis": "hysteresis", "min": "min_loss_scale"}; where they are missing these are 16, 1000, 2 and 1. A negative loss_scale is a ValueError.

    >>> loss_scale({"fp16": {"enabled": True, "loss_scale": 128}})
    {'dynamic': False, 'scale': 128.0}
    >>> loss_scale({"fp16": {"enabled": True, "hysteresis": 4}})
    {'dynamic': True, 'scale': 65536.0, 'window': 1000, 'hysteresis': 4, 'min': 1}
    """
    # BEGIN SOLUTION
    fp16 = {name: value for name, value in (cfg.get("fp16") or {}).items() if value is not None}
    if not fp16.get("enabled", False):
        return None
    scale = fp16.get("loss_scale", 0)
    if scale < 0:
        raise ValueError("a loss scale is 0 or more")
    if scale:
        return {"dynamic": False, "scale": float(scale)}
    return {
        "dynamic": True,
        "scale": 2.0 ** fp16.get("initial_scale_power", 16),
        "window": fp16.get("loss_scale_window", 1000),
        "hysteresis": fp16.get("hysteresis", 2),
        "min": fp16.get("min_loss_scale", 1),
    }
    # END SOLUTION
