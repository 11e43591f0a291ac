"""ZeRO: what each device holds of a model in training, and what moves for it ("ZeRO: Memory Optimizations Toward Training Trillion Parameter
Models", Rajbhandari et al., 2020).

A model of psi parameters is trained in mixed precision on n devices by data parallelism. Weights and gradients have 2 bytes for each parameter,
and the optimizer's state has K: for Adam 12, that is a copy of the weights, the momentum and the variance in 4 bytes each. The stage says what is
no longer kept whole on every device, but shared, one n-th on each:

    stage 0: nothing, as in plain data parallelism
    stage 1: the optimizer's state
    stage 2: that and the gradients
    stage 3: that and the weights

Activations, buffers and fragments are not counted. psi and bytes are floats: whole numbers are accepted for them, and floats are
given back. n and stage are ints, n >= 1. All functions with a stage raise ValueError for one that is not 0, 1, 2 or 3.

Others count otherwise: DeepSpeed's own estimator has 18 psi / n for what is shared at stages 2 and 3, and at stage 3 a buffer. Here it is as in
the paper.
"""

import math


def zero_parts(psi: float, n: int, stage: int, K: float = 12) -> dict[str, float]:
    """The bytes of each kind on one device: a dict with the keys "weights", "gradients" and "optimizer".

    >>> zero_parts(1000, 4, 1)
    {'weights': 2000.0, 'gradients': 2000.0, 'optimizer': 3000.0}
    >>> zero_parts(1000, 4, 3, K=8)
    {'weights': 500.0, 'gradients': 500.0, 'optimizer': 2000.0}
    """
    # YOUR CODE HERE
    raise NotImplementedError("zero_parts is not written yet")


def zero_bytes(psi: float, n: int, stage: int, K: float = 12) -> float:
    """The bytes of all three on one device (figure 1 of the paper).

    >>> zero_bytes(7.5e9, 64, 0)
    120000000000.0
    >>> zero_bytes(7.5e9, 64, 1)
    31406250000.0
    >>> zero_bytes(7.5e9, 64, 2)
    16640625000.0
    >>> zero_bytes(7.5e9, 64, 3)
    1875000000.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("zero_bytes is not written yet")


def max_params(mem: float, n: int, stage: int, K: float = 12) -> float:
    """The largest psi that fits into mem bytes on each device: zero_bytes is then mem. It may be a fraction.

    >>> max_params(32e9, 64, 0)  # 16 bytes for each parameter
    2000000000.0
    >>> max_params(32e9, 64, 3)
    128000000000.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("max_params is not written yet")


def min_devices(psi: float, mem: float, stage: int, K: float = 12) -> int:
    """The smallest n for which zero_bytes(psi, n, stage, K) <= mem. Exactly full is allowed, and psi > 0. Where
    mem is so near to full that the rounding of floats decides, one device more or less is right as well.

    Raises ValueError where no number of devices is enough: what is not shared is too large already (at stage 1 and 2 also if it takes all of mem,
    so that nothing is left for the shared part). Stage 1 with K = 0 has no shared part: exactly full memory is not asked there.

    >>> min_devices(7.5e9, 80e9, 1)  # 30 GB are not shared, 90 GB are
    2
    >>> min_devices(7.5e9, 20e9, 1)
    Traceback (most recent call last):
    ValueError: no number of devices is enough
    """
    # YOUR CODE HERE
    raise NotImplementedError("min_devices is not written yet")


def zero_traffic(psi: float, n: int, stage: int) -> float:
    """How many numbers (not bytes) each device sends in one step, with collectives that send no more than they must.

    A reduce-scatter or an all-gather of psi numbers costs each device (n - 1) / n · psi. Stages 0, 1 and 2 need one of each: gradients are
    reduced so that each device has the sum of its part, and then the parts are gathered (at stage 0 those of the gradients, else those
    of the new weights). Stage 3 needs a reduce-scatter of gradients and two all-gathers of weights, one in the forward and one in the backward pass.

    >>> zero_traffic(1000, 4, 0)
    1500.0
    >>> zero_traffic(1000, 4, 3)
    2250.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("zero_traffic is not written yet")


def largest_shard(shapes: list[tuple[int, ...]], n: int, flat: bool) -> int:
    """How many numbers the fullest device holds if the parameters with these shapes are shared by n devices. Real models do not divide evenly.

    flat: all parameters are laid end to end, zeros are added until n divides the whole, and each device has an equal part (ZeRO, FSDP). The zeros
        count, too.
    not flat: each parameter is cut by itself, along dimension 0, into pieces of ceil(size / n) rows. The first devices have full pieces, and the
        last ones less or nothing (FSDP2, as torch.chunk cuts). A parameter of shape () stays whole: it counts as one row.

    The result is an int, exact however large. No parameter at all gives 0.

    >>> largest_shard([(3, 5), (4,)], 2, flat=True)  # 19 and a zero
    10
    >>> largest_shard([(3, 5), (4,)], 2, flat=False)  # 2 rows of 5, and 2
    12
    """
    # YOUR CODE HERE
    raise NotImplementedError("largest_shard is not written yet")


def offload_plan(psi: float, n: int = 1, K: float = 12) -> dict[str, float]:
    """Where everything is with ZeRO-Offload (Ren et al., 2021), in bytes for each device and its process on the CPU.

    The forward and backward pass run on the device, the optimizer on the CPU. All weights (2 bytes) stay on the device. The n-th part of the
    gradients (2 bytes) and of the optimizer's state (K bytes) for which this process is responsible lies in the memory of the CPU. In each step
    this part of the gradients moves down to the CPU, and the same part of the new weights, in 2 bytes, moves up.

    Returns a dict with the keys "gpu", "cpu", "down" and "up".

    >>> offload_plan(1000)
    {'gpu': 2000.0, 'cpu': 14000.0, 'down': 2000.0, 'up': 2000.0}
    >>> offload_plan(1000, n=4, K=8)
    {'gpu': 2000.0, 'cpu': 2500.0, 'down': 500.0, 'up': 500.0}
    """
    # YOUR CODE HERE
    raise NotImplementedError("offload_plan is not written yet")
