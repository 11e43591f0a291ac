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
    # YOUR CODE HERE
    raise NotImplementedError("resolve_batch is not written yet")


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
    # YOUR CODE HERE
    raise NotImplementedError("zero_plan is not written yet")


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
    # YOUR CODE HERE
    raise NotImplementedError("estimate is not written yet")


def bucketize(numels: list[int], bucket: int) -> list[list[int]]:
    """Which gradients are reduced together: places in `numels`, in buckets of at most `bucket` numbers.

    numels: the number of elements of each gradient, each 1 or more, in the order in which gradients arrive. Each goes into the newest bucket if it
    still fits there (exactly full is fine), and else begins a new one: older buckets are under way already. No gradient is cut in two; one that is
    larger than a bucket is alone in a bucket of its own.

    >>> bucketize([3, 4, 2, 9, 1], 7)
    [[0, 1], [2], [3], [4]]
    """
    # YOUR CODE HERE
    raise NotImplementedError("bucketize is not written yet")


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
    # YOUR CODE HERE
    raise NotImplementedError("loss_scale is not written yet")
