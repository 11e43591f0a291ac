"""Ranks on a mesh: who shares what with whom when tensor, pipeline, data and other parallelism are combined, and how a checkpoint moves from
one layout to another.

A *rank* is the number of a device, 0 … n - 1. Each kind of parallelism is a dimension with a name and a size: {"tp": 2, "dp": 4, "pp": 3} is a mesh
of 24 ranks. Names are words of any length without "-". An *order* says how ranks are counted through it: "tp-dp-pp" means that the coordinate of
tp, the first name, changes fastest from one rank to the next, and that of pp, the last one, slowest. This is Megatron's way to write it (its default
is "tp-cp-ep-dp-pp"). torch's init_device_mesh and DeepSpeed list the same dimensions the other way round, the slowest first: ("pp", "dp", "tp").

In all functions, sizes holds whole numbers >= 1. A name of the order that is not in sizes has the size 1. Raises ValueError if sizes has a name that
is not in the order, unless its size is 1. Nothing that is passed in is changed.
"""

import torch
from torch import Tensor


def rank_coords(rank: int, sizes: dict[str, int], order: str) -> dict[str, int]:
    """Where a rank stands: its coordinate in each dimension of the order, from 0. The keys are the names of the order.

    Raises ValueError for a rank that is not on the mesh.

    >>> rank_coords(5, {"tp": 2, "dp": 2, "pp": 2}, "tp-dp-pp")  # 5 = 1 + 0·2 + 1·4
    {'tp': 1, 'dp': 0, 'pp': 1}
    >>> rank_coords(5, {"tp": 2, "dp": 2, "pp": 2, "cp": 1}, "pp-dp-ep-tp")
    {'pp': 1, 'dp': 0, 'ep': 0, 'tp': 1}
    >>> rank_coords(4, {"tp": 2, "dp": 3}, "tp-dp")  # 4 = 0 + 2·2
    {'tp': 0, 'dp': 2}
    """
    # YOUR CODE HERE
    raise NotImplementedError("rank_coords is not written yet")


def device_mesh(sizes: dict[str, int], order: str) -> Tensor:
    """The mesh as torch's DeviceMesh holds it: an int64 tensor of ranks, with one dimension for each name of the order, the slowest first.

    With the order "tp-dp-pp" its shape is (pp, dp, tp), and mesh[i, j, k] is the rank with the coordinates pp = i, dp = j, tp = k.

    >>> device_mesh({"tp": 2, "pp": 3}, "tp-pp")
    tensor([[0, 1],
            [2, 3],
            [4, 5]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("device_mesh is not written yet")


def groups(sizes: dict[str, int], order: str, dims: str) -> list[list[int]]:
    """All groups of ranks that differ in the dimensions `dims` alone: those that talk to each other in a collective of this kind.

    dims: one name of the order, or several with "-" between them, in any order: "dp-cp" is the group over which gradients are averaged if the
        text is cut into pieces, too. Raises ValueError for a name that is not in the order.

    Each rank is in exactly one group, which has as many ranks as the sizes of dims multiply to. The ranks of a group ascend, and the groups
    are sorted by their first rank (as Megatron's RankGenerator lists them).

    >>> groups({"tp": 2, "dp": 2, "pp": 2}, "tp-dp-pp", "tp")
    [[0, 1], [2, 3], [4, 5], [6, 7]]
    >>> groups({"tp": 2, "dp": 2, "pp": 2}, "tp-dp-pp", "dp")
    [[0, 2], [1, 3], [4, 6], [5, 7]]
    >>> groups({"tp": 2, "dp": 2, "pp": 2}, "tp-dp-pp", "pp-tp")
    [[0, 1, 4, 5], [2, 3, 6, 7]]
    """
    # YOUR CODE HERE
    raise NotImplementedError("groups is not written yet")


def reshard(
    shards: list[dict[str, Tensor]], new_tp: int, spec: dict[str, int | tuple[int, list[int]] | None]
) -> list[dict[str, Tensor]]:
    """A checkpoint of len(shards) tensor-parallel ranks, cut anew for new_tp ranks.

    shards: for each old rank a dict from names to tensors, all with the same names. The tensors may be views.
    spec: for each of these names how its tensor is cut,

    - None: not at all. Every rank has the whole tensor (a norm, for instance), and all have the same one.
    - a number: along this dimension (a negative one counts from the end), in equal pieces, rank 0 having the first one.
    - (dim, parts): along dim, where the whole tensor is several matrices in one, with the sizes `parts` along dim, one after the other. Each
      matrix is cut on its own: a rank holds its piece of the first one, then its piece of the second one, and so on. (Gate and up of a feed-forward
      network, or queries, keys and values.)

    Returns new_tp dicts, with the names in the order of the old ones. The tensors are copies of their own: they share no memory with the old shards
    or with each other. Dtypes stay. new_tp may be 1, which gives whole tensors.

    Raises ValueError if a size, or one of `parts`, can't be divided by new_tp.

    >>> old = [{"up": tensor([1, 2])}, {"up": tensor([3, 4])}]
    >>> reshard(old, 4, {"up": 0})
    [{'up': tensor([1])}, {'up': tensor([2])}, {'up': tensor([3])}, {'up': tensor([4])}]
    >>> fused = [{"w": tensor([1, 2, 5, 6])}, {"w": tensor([3, 4, 7, 8])}]  # 1 2 3 4 and 5 6 7 8
    >>> reshard(fused, 1, {"w": (0, [4, 4])})
    [{'w': tensor([1, 2, 3, 4, 5, 6, 7, 8])}]
    >>> reshard(fused, 4, {"w": (0, [4, 4])})[1]
    {'w': tensor([2, 6])}
    """
    # YOUR CODE HERE
    raise NotImplementedError("reshard is not written yet")


def plan_3d(n_gpus: int, mem: float, psi: float, n_layers: int, n_heads: int, node: int = 8, per_param: float = 16.0) -> tuple[int, int, int]:
    """The sizes (tp, dp, pp) for a training: as many copies of the model as fit, each as local as can be.

    Allowed are all whole numbers with tp · dp · pp = n_gpus where

    - tp divides node (tensor parallelism stays inside a node of `node` GPUs, whose links are fast) and divides n_heads;
    - pp divides n_layers;
    - the weights, gradients and optimizer state of a GPU fit: per_param · psi / (tp · pp) <= mem. psi is the number of parameters, mem the bytes of a
      GPU that may be used for them, and 16 bytes a parameter are mixed precision with Adam. Exactly full is allowed.

    Of these take the one with the largest dp, and where several have it, the one with the largest tp, so that the pipeline is short.

    Raises ValueError if nothing is allowed.

    >>> plan_3d(16, 40e9, 7e9, 32, 32)  # 112 GB: four GPUs for a copy, in one node
    (4, 4, 1)
    >>> plan_3d(16, 40e9, 7e9, 32, 32, node=2)
    (2, 4, 2)
    >>> plan_3d(2, 40e9, 7e9, 32, 32)
    Traceback (most recent call last):
    ValueError: the model does not fit
    """
    # YOUR CODE HERE
    raise NotImplementedError("plan_3d is not written yet")


def mfu(tokens_per_s: float, n_params: float, L: int, C: int, T: int, peak: float) -> float:
    """Model FLOPs utilization (PaLM, appendix B): the share of the peak that the model's own arithmetic takes.

    A token costs 6 n_params FLOPs, forward and backward, and 12 L C T more for attention, with L layers, C = heads · head size, and T tokens of
    text (not halved for the causal mask). What is computed twice to save memory does not count; with it the share would be called hardware
    utilization.

    tokens_per_s: of all devices together. peak: FLOPs a second of all devices together.

    >>> mfu(1000.0, 1e9, 0, 0, 0, 1.2e13)
    0.5
    >>> mfu(10.0, 100.0, 2, 5, 10, 36000.0)  # 600 + 1200
    0.5
    """
    # YOUR CODE HERE
    raise NotImplementedError("mfu is not written yet")
