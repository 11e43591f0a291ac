"""Tensor parallelism as in Megatron-LM: every rank holds a part of each matrix, and the ranks compute one layer together.

Every rank runs the same program. What it knows of the others goes through `comm`, its end of a simulated world
(`autograder/lab/world.py`): `comm.rank`, `comm.size` (called n here), and collectives such as `comm.all_reduce(x)`, which writes the
sum over ranks into x *in place* and returns x. No collective is differentiable, and all ranks must call the same ones in the same
order. `torch.distributed` is not allowed.

All ranks get the same whole weights when a layer is built, and the same inputs where nothing else is said. In these docstrings
*shard* is the part that one rank holds. Every parameter is an `nn.Parameter` with memory of its own: a view of the whole weight
would keep all of it in memory. The layers change nothing that is passed to them; weights and inputs may be views. They work in float32
and in float64, in training as in evaluation mode; gradients flow to all parameters and to the input.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.lab.world import Comm


def copy_to_ranks(x: Tensor, comm: Comm) -> Tensor:
    """The operator f of the paper: forward gives x and sends nothing; backward gives the *sum over ranks* of the gradients.

    x: the same on every rank. Afterwards each rank uses it in another way, so each has a part of its gradient. The gradient that
    arrives in backward is not changed in place: another path of the graph may need it, as in x + copy_to_ranks(x, comm).
    """
    # YOUR CODE HERE
    raise NotImplementedError("copy_to_ranks is not written yet")


def reduce_from_ranks(x: Tensor, comm: Comm) -> Tensor:
    """The operator g of the paper: forward gives the sum over ranks of x; backward gives the gradient as it comes, and sends nothing.

    x: another one on each rank, of the same shape. It is not changed; the result is a new tensor. All ranks use the result in the
    same way, so each already has the whole gradient.
    """
    # YOUR CODE HERE
    raise NotImplementedError("reduce_from_ranks is not written yet")


def shard(x: Tensor, dim: int, rank: int, n: int) -> Tensor:
    """The rank-th of n equal parts of x along dimension `dim`: a contiguous copy, so that changing it leaves x alone.

    A negative `dim` counts from the end. Raises ValueError where n does not divide the dimension.

    >>> shard(tensor([[1.0, 2.0, 3.0, 4.0]]), 1, rank=1, n=2)
    tensor([[3., 4.]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("shard is not written yet")


class ColumnParallelLinear(nn.Module):
    """y = x Wᵀ + b, of which each rank computes a part of the outputs. (The paper writes x A with A = Wᵀ: its columns are split.)

    Parameters: `weight` (out/n, in) and `bias` (out/n,), or None: shard `rank` of both along dimension 0.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, comm: Comm) -> None:
        """weight: (out, in), whole. bias: (out,), whole, or None. Raises ValueError where n does not divide out."""
        # YOUR CODE HERE
        raise NotImplementedError("ColumnParallelLinear.__init__ is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """x: (…, in), the same on every rank. Returns (…, out/n), this rank's part of y. The gradient of x is whole on every rank."""
        # YOUR CODE HERE
        raise NotImplementedError("ColumnParallelLinear.forward is not written yet")


class RowParallelLinear(nn.Module):
    """y = x Wᵀ + b, where each rank has a part of the inputs; the bias is added once.

    Parameters: `weight` (out, in/n), shard `rank` along dimension 1, and `bias` (out,), whole on every rank, or None.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, comm: Comm) -> None:
        """weight: (out, in), whole. bias: (out,) or None. Raises ValueError where n does not divide in."""
        # YOUR CODE HERE
        raise NotImplementedError("RowParallelLinear.__init__ is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """x: (…, in/n), this rank's part of the inputs. Returns y (…, out), whole, on every rank."""
        # YOUR CODE HERE
        raise NotImplementedError("RowParallelLinear.forward is not written yet")


class ParallelMLP(nn.Module):
    """down(gelu(up(x))) with `F.gelu` (the exact one), for x (…, C), the same on every rank; the result is whole on every rank.

    One all-reduce of a tensor of x's size in forward, one in backward, and no other communication.
    Parts: `up`, a ColumnParallelLinear, and `down`, a RowParallelLinear.
    """

    def __init__(self, up: Tensor, up_bias: Tensor, down: Tensor, down_bias: Tensor, comm: Comm) -> None:
        """up: (hidden, C). up_bias: (hidden,). down: (C, hidden). down_bias: (C,). All whole."""
        # YOUR CODE HERE
        raise NotImplementedError("ParallelMLP.__init__ is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """x: (…, C). Returns (…, C)."""
        # YOUR CODE HERE
        raise NotImplementedError("ParallelMLP.forward is not written yet")


def shard_qkv(weight: Tensor, n_heads: int, n_kv_heads: int, rank: int, n: int) -> Tensor:
    """The rows of a joined projection of queries, keys and values that rank `rank` of n needs for its heads.

    weight: ((n_heads + 2 n_kv_heads)·D, C): first D rows for each query head in turn, then those of the key heads, then those of
    the value heads. `n_heads / n_kv_heads` query heads in a row share one key and value head: query head h uses number
    h // (n_heads / n_kv_heads).

    Returns a new tensor in the same order: the rank-th n_heads/n query heads, then the key heads that they use, then the value
    heads. With n_kv_heads < n, several ranks get a copy of the same key and value head.

    Raises ValueError where n does not divide n_heads, where n_kv_heads does not divide n_heads, where of n and n_kv_heads neither
    divides the other, or where the rows are not a multiple of n_heads + 2 n_kv_heads.

    >>> shard_qkv(tensor([[1.0], [2.0], [3.0], [4.0]]), n_heads=2, n_kv_heads=1, rank=1, n=2)  # queries 1 and 2, key 3, value 4
    tensor([[2.],
            [3.],
            [4.]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("shard_qkv is not written yet")


class ParallelAttention(nn.Module):
    """Causal self-attention with grouped queries, of which each rank computes some heads; no biases.

    One all-reduce of a tensor of x's size in forward, one in backward, and no other communication.
    Parameters: `qkv` ((n_heads + 2 n_kv_heads)·D/n, C), as `shard_qkv` gives it, and `out`, a RowParallelLinear without a bias.
    """

    def __init__(self, qkv: Tensor, out: Tensor, n_heads: int, n_kv_heads: int, comm: Comm) -> None:
        """qkv: ((n_heads + 2 n_kv_heads)·D, C), whole, rows as in `shard_qkv`. out: (C, n_heads·D), whole.

        Raises ValueError where n does not divide n_kv_heads (copies of one head would need their gradients summed), and where
        `shard_qkv` does.
        """
        # YOUR CODE HERE
        raise NotImplementedError("ParallelAttention.__init__ is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, C), the same on every rank. Returns (B, T, C), whole, on every rank.

        Scores are scaled by 1/√D; the position t attends to positions 0 to t. The outputs of the heads stand side by side, in the
        order of heads, before `out`.
        """
        # YOUR CODE HERE
        raise NotImplementedError("ParallelAttention.forward is not written yet")


def vocab_range(vocab_size: int, rank: int, n: int) -> tuple[int, int]:
    """First token of this rank, and one behind its last one: as `torch.tensor_split` cuts, the first vocab_size % n ranks have one more.

    (Megatron-LM pads the vocabulary instead, until all ranks have as many.) Raises ValueError where there are fewer tokens than ranks.

    >>> vocab_range(10, rank=1, n=4)  # of 3, 3, 2 and 2 tokens
    (3, 6)
    """
    # YOUR CODE HERE
    raise NotImplementedError("vocab_range is not written yet")


class VocabParallelEmbedding(nn.Module):
    """A table of embeddings, of which each rank holds the rows of its tokens. Parameter: `weight`, rows `vocab_range` of the whole."""

    def __init__(self, weight: Tensor, comm: Comm) -> None:
        """weight: (V, C), whole. Raises ValueError where V < n."""
        # YOUR CODE HERE
        raise NotImplementedError("VocabParallelEmbedding.__init__ is not written yet")

    def forward(self, ids: Tensor) -> Tensor:
        """ids: any shape, int64, from 0 to V-1, the same on every rank. Returns the embeddings (*ids.shape, C) on every rank.

        Every rank gets the gradients of its own rows: those of tokens that do not occur are 0.
        """
        # YOUR CODE HERE
        raise NotImplementedError("VocabParallelEmbedding.forward is not written yet")


def vocab_parallel_cross_entropy(logits: Tensor, target: Tensor, vocab_size: int, comm: Comm) -> Tensor:
    """log Σ exp(logits) − logits[target] over the whole vocabulary, where each rank has the logits of its own tokens.

    logits: (…, V_r), those of the tokens `vocab_range(vocab_size, comm.rank, comm.size)`; their number may differ from rank to rank.
        Not changed.
    target: (…) int64, from 0 to vocab_size-1, the same on every rank.

    Returns (…), the loss of each token, in the dtype of logits, the same on every rank. The gradient of a rank's logits is that of its
    part: softmax minus 1 at the target, times what arrives.

    - The logits are never gathered: in forward, each rank gives at most three numbers for each token to collectives, whatever
      vocab_size is. In backward nothing is sent.
    - Logits of ±10⁴ don't overflow: the maximum over *all* ranks is taken out before exp.
    - Logits may be -inf (a token that can't occur), also all logits of one rank, if the row has a finite one and the target's is
      finite. Loss and gradients are finite then, and the gradient of such a logit is 0.
    """
    # YOUR CODE HERE
    raise NotImplementedError("vocab_parallel_cross_entropy is not written yet")
