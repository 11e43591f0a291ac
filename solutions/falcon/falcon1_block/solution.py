"""One block of Falcon: queries, keys and values from one fused matrix, attention and feed-forward network side by side.

Sizes: B sequences of T tokens, C features of the model, H query heads of D = C / H features, Hkv heads of keys and values (Hkv divides H).
D is even.

Tensors are float32 or float64; all of a block is of one dtype, and so is what it returns. Everything is computed in that dtype, so float64 is
exact to 1e-10. Inputs may be views and are not changed; gradients flow to the inputs and to all parameters. A call leaves nothing behind:
training modes, `requires_grad` and the default dtype stay as they were. There is no dropout, so both modes give the same.

Parts that you wrote in other exercises (attention/gqa, position/rope, position/alibi) are welcome here: copy them into this file.
"""

import torch
from torch import Tensor, nn


def split_qkv(fused: Tensor, kind: str, H: int, Hkv: int, D: int) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys and values from the output of the fused layer `query_key_value`.

    fused: (B, T, W). Its last dimension is a row of heads, each of D features. How they are ordered depends on the kind:

    - "mha" (Falcon-RW): W = 3·H·D. Head after head: the query, the key and the value of head 0, then those of head 1, and so on.
    - "mqa" (Falcon 7B): W = (H + 2)·D. First all H queries, then the only key, then the only value.
    - "gqa" (Falcon 40B): W = (H + 2·Hkv)·D. Group after group: the H / Hkv queries of group 0, its key, its value, then those of group 1.

    Hkv is read for "gqa" alone; the other two kinds have H and 1 heads of keys, whatever Hkv is. (The configuration of Falcon 7B says that it
    has 71 of them, and has one.) Another kind is a ValueError.

    Returns q, (B, H, T, D), and k and v, (B, n, T, D), with n = H, 1 or Hkv: heads are not repeated. Query head h belongs to the key head
    h // (H / n). Results may share memory with fused.

    (GPT-2 has all queries first, then all keys, then all values. No Falcon has.)

    >>> row = torch.arange(6.0).view(1, 1, 6)
    >>> split_qkv(row, "mha", 2, 2, 1)[1].flatten()  # query, key, value, query, key, value
    tensor([1., 4.])
    >>> split_qkv(row, "mqa", 4, 1, 1)[0].flatten()
    tensor([0., 1., 2., 3.])
    >>> split_qkv(torch.arange(8.0).view(1, 1, 8), "gqa", 4, 2, 1)[0].flatten()
    tensor([0., 1., 4., 5.])
    >>> split_qkv(row, "gqa", 2, 2, 1)[2].shape
    torch.Size([1, 2, 1, 1])
    >>> split_qkv(row, "gpt2", 2, 2, 1)
    Traceback (most recent call last):
    ValueError: no such kind
    """
    # BEGIN SOLUTION
    if kind not in ("mha", "mqa", "gqa"):
        raise ValueError(f"no such kind: {kind}")
    groups = {"mha": H, "mqa": 1, "gqa": Hkv}[kind]  # all three are groups of queries with a key and a value behind them
    heads = fused.unflatten(-1, (groups, H // groups + 2, D))
    parts = heads[..., :-2, :], heads[..., -2:-1, :], heads[..., -1:, :]
    q, k, v = (part.flatten(2, 3).transpose(1, 2) for part in parts)
    return q, k, v
    # END SOLUTION


# BEGIN SOLUTION
def rotate(x: Tensor, base: float) -> Tensor:
    T, D = x.shape[-2:]
    freqs = base ** (-torch.arange(0, D, 2, dtype=torch.float64, device=x.device) / D)
    angles = torch.arange(T, device=x.device)[:, None] * freqs
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


def alibi_slopes(H: int) -> list[float]:
    n = 1 << (H.bit_length() - 1)  # the largest power of two up to H
    slopes = [2.0 ** (-8 * h / n) for h in range(1, n + 1)]
    return slopes + [2.0 ** (-4 * h / n) for h in range(1, 2 * (H - n), 2)]


# END SOLUTION


class Falcon1Block(nn.Module):
    """One layer of Falcon 7B, Falcon 40B or Falcon-RW.

    kind says how queries, keys and values are fused (see `split_qkv`); each kind also has norms of its own:

    - "mqa" and "mha" with parallel=True:      a = input_layernorm(x);      y = x + attention(a) + mlp(a)
    - "mqa" and "mha" with parallel=False:     h = x + attention(input_layernorm(x));      y = h + mlp(post_attention_layernorm(h))
    - "gqa", always parallel:                  y = x + attention(ln_attn(x)) + mlp(ln_mlp(x))

    Its parameters have the names of Hugging Face's FalconDecoderLayer; there are no others. Each is kept as `nn.Linear` and `nn.LayerNorm` keep it.

    - `self_attention.query_key_value.weight` (W, C) and `self_attention.dense.weight` (C, C), the way out of attention;
    - `mlp.dense_h_to_4h.weight` (4 C, C) and `mlp.dense_4h_to_h.weight` (C, 4 C);
    - the norms that the kind has, as written above, each with `.weight` and `.bias` (C,): always with a bias;
    - with bias=True also the `.bias` of the four linear layers. Without it they have none.

    The norms are layer norms with `eps` under the root. mlp is down(gelu(up(x))) with the exact GELU, z · Φ(z), not the tanh approximation
    that GPT-2 uses. Attention is causal: a token sees itself and earlier ones. Scores are divided by √D.

    - alibi=False: queries and keys are rotated by their positions 0 … T-1, in the "half" style: features (i, D/2 + i) of each head are turned by
      the angle position · base^(-2i/D). Values are not rotated. (Hugging Face computes the angles in float32: one check, and no other, tells
      the difference.)
    - alibi=True: nothing is rotated, and base is not read. The score of query i and key j in head h is (qᵢ · kⱼ - slope_h · (i - j)) / √D. The
      bias is divided by √D too! (The paper on ALiBi, BLOOM and MPT add it after the division.) The slopes are those of the paper: for H a
      power of two 2^(-8 (h+1) / H) for h = 0 … H-1; else those of the largest power of two n below H, followed by the first, third, fifth
      … of those of 2 n. (Hugging Face rounds slope · position to bfloat16: one check, and no other, tells the difference.)

    What new parameters hold is open, since checks load weights.
    """

    def __init__(
        self,
        C: int,
        H: int,
        kind: str = "mqa",
        Hkv: int = 1,
        *,
        parallel: bool = True,
        alibi: bool = False,
        bias: bool = False,
        eps: float = 1e-5,
        base: float = 10000.0,
    ) -> None:
        super().__init__()
        # BEGIN SOLUTION
        self.H, self.D, self.kind, self.Hkv = H, C // H, kind, Hkv
        self.parallel, self.alibi, self.base = parallel, alibi, base
        n = {"mha": H, "mqa": 1, "gqa": Hkv}[kind]
        self.self_attention = nn.Module()
        self.self_attention.query_key_value = nn.Linear(C, (H + 2 * n) * self.D, bias=bias)
        self.self_attention.dense = nn.Linear(C, C, bias=bias)
        self.mlp = nn.Module()
        self.mlp.dense_h_to_4h = nn.Linear(C, 4 * C, bias=bias)
        self.mlp.dense_4h_to_h = nn.Linear(4 * C, C, bias=bias)
        if kind == "gqa":
            self.ln_attn, self.ln_mlp = nn.LayerNorm(C, eps), nn.LayerNorm(C, eps)
        else:
            self.input_layernorm = nn.LayerNorm(C, eps)
            if not parallel:
                self.post_attention_layernorm = nn.LayerNorm(C, eps)
        # END SOLUTION

    # BEGIN SOLUTION
    def attention(self, x: Tensor) -> Tensor:
        q, k, v = split_qkv(self.self_attention.query_key_value(x), self.kind, self.H, self.Hkv, self.D)
        if not self.alibi:
            q, k = rotate(q, self.base), rotate(k, self.base)
        k, v = (each.repeat_interleave(self.H // each.shape[1], dim=1) for each in (k, v))
        scores = q @ k.mT
        T = x.shape[1]
        places = torch.arange(T, device=x.device)
        distance = places[:, None] - places
        if self.alibi:
            slopes = torch.tensor(alibi_slopes(self.H), dtype=x.dtype, device=x.device)
            scores = scores - slopes[:, None, None] * distance
        scores = (scores * self.D**-0.5).masked_fill(distance < 0, -torch.inf)
        return self.self_attention.dense((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))

    def feed(self, x: Tensor) -> Tensor:
        return self.mlp.dense_4h_to_h(nn.functional.gelu(self.mlp.dense_h_to_4h(x)))

    # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, C). Returns (B, T, C)."""
        # BEGIN SOLUTION
        if self.kind == "gqa":
            return x + self.attention(self.ln_attn(x)) + self.feed(self.ln_mlp(x))
        a = self.input_layernorm(x)
        h = x + self.attention(a)
        return h + self.feed(a if self.parallel else self.post_attention_layernorm(h))
        # END SOLUTION
