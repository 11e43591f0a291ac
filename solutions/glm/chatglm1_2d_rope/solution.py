"""ChatGLM 1: a mask that lets the question see itself, two positions for each token, and rotary embedding with both.

B sequences of T tokens, H heads of D features; D is a multiple of 4. Arguments may be views (transposed, sliced); they are left as they were,
with their `requires_grad`, and share nothing with results. A result depends on the arguments of its own call alone.

A sequence is made of four pieces: padding on the left, the *context* (the question, with a token [gMASK] or [MASK] somewhere in it), a token
bos, and the *answer*. The context ends before bos; bos belongs to what is generated.
"""

import torch
from torch import Tensor


def chatglm1_inputs(ids: Tensor, bos: int, mask_pos: list[int], pad_len: list[int]) -> tuple[Tensor, Tensor]:
    """The mask and the positions that ChatGLM 1 reads beside its tokens.

    ids: int64 (B, T). bos: the id of bos; each row has one, and if a row has several, the first one counts.
    mask_pos: for each row the index of its [gMASK] or [MASK], counted from the beginning of the row, padding included.
    pad_len: for each row the number of padding tokens, which stand on the left; 0 or more.

    Returns (mask, pos), on the device of ids:

    - mask: bool (B, 1, T, T); [b, 0, t, s] is True if token t may look at token s. Tokens of the context look at the whole context. bos and
      the tokens of the answer look at the whole context, at themselves, and at what stands between. Nobody looks at padding, but each padding
      token at itself, so that no row is empty. (ChatGLM's own code leaves the rows of padding empty.)
    - pos: int64 (B, 2, T). pos[b, 0] counts the tokens of the context 0, 1, 2, …; from bos on it stays at the number of [gMASK] or [MASK].
      pos[b, 1] is 0 in the context, 1 at bos, and counts on from there. Padding has 0 in both, and it is not counted.

    A context 1, 2, [gMASK] = 8, then bos = 9, and the answer 4, 5; and the same behind one token of padding:

    >>> mask, pos = chatglm1_inputs(tensor([[1, 2, 8, 9, 4, 5]]), 9, [2], [0])
    >>> pos
    tensor([[[0, 1, 2, 2, 2, 2],
             [0, 0, 0, 1, 2, 3]]])
    >>> mask[0, 0].int()
    tensor([[1, 1, 1, 0, 0, 0],
            [1, 1, 1, 0, 0, 0],
            [1, 1, 1, 0, 0, 0],
            [1, 1, 1, 1, 0, 0],
            [1, 1, 1, 1, 1, 0],
            [1, 1, 1, 1, 1, 1]], dtype=torch.int32)
    >>> chatglm1_inputs(tensor([[0, 1, 2, 8, 9, 4, 5]]), 9, [3], [1])[1]
    tensor([[[0, 0, 1, 2, 2, 2, 2],
             [0, 0, 0, 0, 1, 2, 3]]])
    """
    # BEGIN SOLUTION
    place = torch.arange(ids.shape[1], device=ids.device)
    pad, frozen = (torch.tensor(each, device=ids.device)[:, None] for each in (pad_len, mask_pos))  # (B, 1)
    start = (ids == bos).int().argmax(1, keepdim=True)  # of bos
    real, answer = place >= pad, place >= start  # (B, T)
    seen = ~answer[:, None, :] | (place <= place[:, None])
    mask = seen & real[:, None, :] & real[:, :, None] | (place == place[:, None])
    pos1 = torch.where(answer, frozen, place) - pad
    pos2 = place - start + 1
    return mask[:, None], torch.stack([pos1.clamp(min=0), pos2.clamp(min=0)], dim=1)
    # END SOLUTION


def rope_2d(x: Tensor, pos: Tensor) -> Tensor:
    """Rotary embedding with two positions: the first half of each head is turned by pos[:, 0], the second half by pos[:, 1].

    x: queries or keys (B, H, T, D), float32 or float64. pos: int64 (B, 2, T), any numbers from 0 on.

    Each half is an ordinary rotary embedding with D/2 features. Its frequencies are θ_i = 10000^(-2i/(D/2)), i = 0 … D/4-1. Features i and
    D/4+i of the half are a pair (a, b), which becomes (a cos φ - b sin φ, a sin φ + b cos φ) with φ = p θ_i at position p. All heads
    are turned alike.

    Returns a tensor of x's shape and dtype. Gradients flow to x. Angles are computed in float64 for float64 x, and at least in float32 for float32.

    With D = 4 there is one pair in each half, with θ_0 = 1. The first is turned by 1, the second by 0:

    >>> rope_2d(tensor([[[[1.0, 0.0, 1.0, 0.0]]]]), tensor([[[1], [0]]]))
    tensor([[[[0.5403, 0.8415, 1.0000, 0.0000]]]])
    """
    # BEGIN SOLUTION
    D = x.shape[-1]
    theta = 10000.0 ** (-torch.arange(0, D // 2, 2, dtype=torch.float64, device=x.device) / (D // 2))
    angles = pos[:, None, :, :, None] * theta  # (B, 1, 2, T, D/4)
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.unflatten(-1, (2, 2, -1)).permute(4, 0, 1, 3, 2, 5)  # each (B, H, 2, T, D/4)
    turned = torch.stack([a * cos - b * sin, a * sin + b * cos])
    return turned.permute(1, 2, 4, 3, 0, 5).flatten(3)
    # END SOLUTION
