"""Paged attention: keys and values in blocks that lie anywhere, as in vLLM ("PagedAttention", sections 4.1 to 4.4).

Sizes: nb blocks of bs slots (a slot holds one token), G key/value heads, H query heads (a multiple of G), D features of a head, R requests.
Tensors are float32 or float64, results have the dtype of the queries and are computed in it. (The optional kernel takes float16 and bfloat16 as
well, and no float64.) Inputs may be views (transposed, sliced). Only `write_kv` changes what it is given, namely the cache. What was returned does
not change later, and two allocators share nothing.

The cache of one layer is two tensors, `kc` for keys and `vc` for values, both (nb, bs, G, D). Token j of a request stands in its block number j
// bs, at the offset j % bs. Which block of the cache that is says its *block table*. Slots have numbers: the slot at offset i of block b has the
number b · bs + i.
"""

import torch
from torch import Tensor

try:  # for Linux alone, and only paged_attention_triton needs it: keep kernels under `if triton is not None:`
    import triton
    import triton.language as tl
except ImportError:
    triton = None


class BlockAllocator:
    """Hands out the blocks 0 … n - 1 and counts how many users each has. Block 0 is a block like any other.

    A block with no user is free. What is refused (see the errors) changes nothing.

    >>> BlockAllocator(3).n_free
    3
    >>> BlockAllocator(1).alloc()
    0
    """

    def __init__(self, n: int) -> None:
        # YOUR CODE HERE
        raise NotImplementedError("BlockAllocator.__init__ is not written yet")

    @property
    def n_free(self) -> int:
        """How many blocks are free."""
        # YOUR CODE HERE
        raise NotImplementedError("BlockAllocator.n_free is not written yet")

    def alloc(self) -> int:
        """Take a free block: it has one user then. Which one is open. Raises MemoryError if none is free."""
        # YOUR CODE HERE
        raise NotImplementedError("BlockAllocator.alloc is not written yet")

    def free(self, b: int) -> None:
        """One user less; without users the block is free again. Raises ValueError if b has no user, or is no block."""
        # YOUR CODE HERE
        raise NotImplementedError("BlockAllocator.free is not written yet")

    def fork(self, blocks: list[int]) -> list[int]:
        """The block table of a second request that shares these blocks: each has one user more. No block is taken.

        Returns a new list with the same blocks. Raises ValueError if one of them has no user, or is no block.
        """
        # YOUR CODE HERE
        raise NotImplementedError("BlockAllocator.fork is not written yet")

    def cow(self, b: int) -> tuple[int, bool]:
        """Called before one of the users writes into b (copy on write).

        If b has one user, it may write: (b, False). If it has more, the user who writes gets a free block with one user instead and leaves b, which
        has one user less: (new block, True). The caller then copies what is in b.

        Raises ValueError if b has no user, or is no block, and MemoryError if a block is needed and none is free.
        """
        # YOUR CODE HERE
        raise NotImplementedError("BlockAllocator.cow is not written yet")


def write_kv(kc: Tensor, vc: Tensor, k: Tensor, v: Tensor, slots: Tensor) -> None:
    """Write the keys and values of n tokens into their slots, in place.

    kc, vc: (nb, bs, G, D), the cache. It may be a view of a larger tensor (keys and values in one, all layers in one), in any layout.
    k, v: (n, G, D), of the cache's dtype. slots: (n,) int64, the slot numbers of the tokens, no two of them equal but for -1.

    A token with the slot -1 is written nowhere. (A batch is filled up with such tokens to a fixed size.) All other slots stay as they are.

    >>> kc, vc = torch.zeros(2, 2, 1, 1), torch.zeros(2, 2, 1, 1)
    >>> nothing = write_kv(kc, vc, tensor([[[1.0]], [[2.0]]]), tensor([[[3.0]], [[4.0]]]), tensor([1, 2]))
    >>> kc.flatten()
    tensor([0., 1., 2., 0.])
    """
    # YOUR CODE HERE
    raise NotImplementedError("write_kv is not written yet")


def paged_attention(
    q: Tensor, kc: Tensor, vc: Tensor, block_tables: Tensor, ctx_lens: Tensor, scale: float
) -> Tensor:
    """One step of decoding: the newest token of each request attends to all tokens of its request, its own included.

    q: (R, H, D). kc, vc: (nb, bs, G, D). block_tables: (R, m) int64, the blocks of each request in their order. ctx_lens: (R,) int64, how many
    tokens each request has, from 1 to m · bs. Query head h uses key/value head h // (H / G). Scores are scale · q k.

    Entries of a block table behind the last block that a request needs are of no importance, and need not be blocks at all (-1, or a large
    number). What is in slots that hold no token of the request is of no importance either, nan included.

    The cache fills most of a GPU's memory, so no copy of the whole cache is made. Copies of what the requests need are fine.

    Returns (R, H, D): the softmax of the scores over the request's tokens, times their values.

    One block of two slots, one token: the second slot is not looked at.

    >>> kc, vc = torch.zeros(1, 2, 1, 1), tensor([5.0, 7.0]).view(1, 2, 1, 1)
    >>> paged_attention(torch.ones(1, 1, 1), kc, vc, tensor([[0]]), tensor([1]), 1.0)
    tensor([[[5.]]])
    >>> paged_attention(torch.ones(1, 1, 1), kc, vc, tensor([[0]]), tensor([2]), 1.0)
    tensor([[[6.]]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("paged_attention is not written yet")


def paged_attention_triton(
    q: Tensor, kc: Tensor, vc: Tensor, block_tables: Tensor, ctx_lens: Tensor, scale: float
) -> Tensor:
    """`paged_attention` from one launch of a kernel in Triton. Optional: bonus points.

    All tensors are contiguous and on one device, with D <= 128 and bs <= 64; neither needs to be a power of two. q, kc and vc are float16,
    bfloat16 or float32, of one dtype. Products and sums are float32, and the result has the dtype of q.

    Each program has one query head of one request, reads the request's length and then its row of the table, block by block, with a running maximum
    (as in flash/fa1_tiled). It reads nothing else: no entry behind the request's last block, and no slot that holds no token of it. So the cache is
    never put together, and nothing is copied. A query is one row, and `tl.dot` wants 16 at least: write the products with `tl.sum`.

    With a GPU the kernel is compiled. Without one it is interpreted, slowly, when TRITON_INTERPRET=1 is set before this file is imported. So is
    it graded where there is no GPU, in float32 and float16. Where Triton is not installed, points for it are pending.
    """
    # YOUR CODE HERE
    raise NotImplementedError("paged_attention_triton is not written yet")


def waste(ctx_lens: list[int], bs: int) -> int:
    """How many slots are taken by requests of these lengths and hold no token. Each request has just as many blocks as it needs, and shares none.

    >>> waste([1, 4, 5], 4)  # 3 + 0 + 3
    6
    """
    # YOUR CODE HERE
    raise NotImplementedError("waste is not written yet")
