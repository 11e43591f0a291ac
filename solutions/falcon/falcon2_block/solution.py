"""Falcon 2: fused groups of queries, keys and values, taken apart, put together and divided among GPUs; and the block that uses them.

Sizes: B sequences of T tokens, C features of the model, H query heads in Hkv groups (Hkv divides H), D features of a head (even), F features
inside the feed-forward network. A group is H / Hkv queries, one key and one value.

Tensors are float32 or float64, and results have the dtype of the inputs. Inputs may be views and are not changed; results may share memory with
them. Gradients flow to all inputs and parameters. A call leaves nothing behind: training modes, `requires_grad` and the default dtype stay as
they were. There is no dropout, so both modes give the same.

(The model card of Falcon 2 says "multiquery". Its weights have 8 keys and values, in groups of four queries.)
"""

import torch
from torch import Tensor, nn


def unpack_grouped_qkv(w: Tensor, H: int, Hkv: int, D: int) -> tuple[Tensor, Tensor, Tensor]:
    """The weights of three layers q, k and v from the weight of one fused layer.

    w: ((H + 2·Hkv)·D, …), the weight of the fused layer, as `nn.Linear` keeps it, or its bias. Its rows are Hkv groups, one after the
    other. A group is its H / Hkv queries, then its key, then its value, each of D rows.

    Returns q (H·D, …), k (Hkv·D, …), v (Hkv·D, …), with the heads in the order in which they were. (This is how Llama keeps them.)

    >>> unpack_grouped_qkv(torch.arange(8.0), 4, 2, 1)
    (tensor([0., 1., 4., 5.]), tensor([2., 6.]), tensor([3., 7.]))
    """
    # BEGIN SOLUTION
    groups = w.unflatten(0, (Hkv, H // Hkv + 2, D))
    q, k, v = groups[:, :-2], groups[:, -2:-1], groups[:, -1:]
    return q.flatten(0, 2), k.flatten(0, 2), v.flatten(0, 2)
    # END SOLUTION


def pack_grouped_qkv(q: Tensor, k: Tensor, v: Tensor, Hkv: int) -> Tensor:
    """The way back: one fused weight, ((H + 2·Hkv)·D, …), from q (H·D, …), k (Hkv·D, …) and v (Hkv·D, …).

    H and D are to be found out: D is what k has for each of its Hkv heads. Packing what was unpacked gives the same tensor, and the other way round.

    >>> pack_grouped_qkv(tensor([1.0, 2.0, 3.0, 4.0]), tensor([10.0, 20.0]), tensor([-1.0, -2.0]), 2)
    tensor([ 1.,  2., 10., -1.,  3.,  4., 20., -2.])
    """
    # BEGIN SOLUTION
    groups = [part.unflatten(0, (Hkv, -1)) for part in (q, k, v)]
    return torch.cat(groups, dim=1).flatten(0, 1)
    # END SOLUTION


def shard_for_tp(w: Tensor, Hkv: int, rank: int, world: int) -> Tensor:
    """The rows of a fused weight that one of `world` GPUs holds: whole groups, as many for each, in their order.

    w: ((H + 2·Hkv)·D, …), the weight or the bias of the fused layer. Rank 0 has the first Hkv / world groups, rank 1 the next ones, and so on. All
    shards, one after the other, are w.

    If world does not divide Hkv, or rank is not one of 0 … world - 1, ValueError is raised: a group is never cut.

    >>> shard_for_tp(torch.arange(8.0), 2, 1, 2)
    tensor([4., 5., 6., 7.])
    >>> shard_for_tp(torch.arange(8.0), 2, 0, 4)
    Traceback (most recent call last):
    ValueError: two groups, four GPUs
    """
    # BEGIN SOLUTION
    if Hkv % world or not 0 <= rank < world:
        raise ValueError(f"{Hkv} groups cannot be divided among {world} GPUs, or there is no rank {rank}")
    rows = len(w) // world
    return w[rank * rows : (rank + 1) * rows]
    # END SOLUTION


class Falcon2Block(nn.Module):
    """One layer of Falcon 2: y = x + attention(a) + mlp(a), with a = input_layernorm(x): one norm, read twice.

    Its parameters have the names of Hugging Face's FalconDecoderLayer. There are no others:

    - `input_layernorm.weight` and `input_layernorm.bias` (C,), a layer norm with `eps` under the root;
    - `self_attention.query_key_value.weight` ((H + 2·Hkv)·D, C), rows in groups as above, and `self_attention.dense.weight` (C, H·D);
    - `mlp.dense_h_to_4h.weight` (F, C) and `mlp.dense_4h_to_h.weight` (C, F). No linear layer has a bias.

    D is C / H if it is not given, F is 4·C. (With other numbers the block is the part of one GPU: see `shard_for_tp`.)

    mlp is down(gelu(up(a))) with the exact GELU, z · Φ(z). Attention is causal: scores q · k / √D of a token with itself and earlier ones,
    softmax, and the sum of values; the queries of a group share its key and its value. Queries and keys are rotated by their positions in the "half"
    style: features (i, D/2 + i) of a head are turned by the angle position · base^(-2i/D). Values are not rotated.

    Angles are computed in float64, then cos and sin are rounded to the dtype of x. Positions up to 8191 are exact to 1e-10 in a float64 block.
    (Hugging Face computes the angles in float32: one check, and no other, tells the difference.)

    What new parameters hold is open, since checks load weights.
    """

    def __init__(
        self, C: int, H: int, Hkv: int, *, D: int | None = None, F: int | None = None, eps: float = 1e-5, base: float = 500042.0
    ) -> None:
        super().__init__()
        # BEGIN SOLUTION
        D = C // H if D is None else D
        F = 4 * C if F is None else F
        self.H, self.Hkv, self.D, self.base = H, Hkv, D, base
        self.input_layernorm = nn.LayerNorm(C, eps)
        self.self_attention = nn.Module()
        self.self_attention.query_key_value = nn.Linear(C, (H + 2 * Hkv) * D, bias=False)
        self.self_attention.dense = nn.Linear(H * D, C, bias=False)
        self.mlp = nn.Module()
        self.mlp.dense_h_to_4h = nn.Linear(C, F, bias=False)
        self.mlp.dense_4h_to_h = nn.Linear(F, C, bias=False)
        # END SOLUTION

    def forward(self, x: Tensor, pos: Tensor | None = None) -> Tensor:
        """x: (B, T, C). pos: int64 (T,), the position of each token; 0 … T-1 if it is not given. Returns (B, T, C).

        The mask goes by the place in x, not by pos: a token sees itself and those before it in x.
        """
        # BEGIN SOLUTION
        T = x.shape[1]
        if pos is None:
            pos = torch.arange(T, device=x.device)
        freqs = self.base ** (-torch.arange(0, self.D, 2, dtype=torch.float64, device=x.device) / self.D)
        angles = pos[:, None] * freqs
        cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)

        def rotate(z: Tensor) -> Tensor:
            left, right = z.chunk(2, dim=-1)
            return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)

        a = self.input_layernorm(x)
        groups = self.self_attention.query_key_value(a).unflatten(-1, (self.Hkv, -1, self.D)).permute(0, 2, 3, 1, 4)
        q, k, v = groups[:, :, :-2], groups[:, :, -2:-1], groups[:, :, -1:]  # (B, Hkv, queries or 1, T, D)
        scores = rotate(q) @ rotate(k).mT * self.D**-0.5
        later = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        heads = scores.masked_fill(later, -torch.inf).softmax(-1) @ v
        attention = self.self_attention.dense(heads.permute(0, 3, 1, 2, 4).flatten(2))
        return x + attention + self.mlp.dense_4h_to_h(nn.functional.gelu(self.mlp.dense_h_to_4h(a)))
        # END SOLUTION
