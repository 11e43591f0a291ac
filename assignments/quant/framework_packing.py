"""How two families of quantized checkpoints lie in int32 words: GPTQ (AutoGPTQ, GPTQModel) and AWQ (AutoAWQ's "GEMM" version).

A layer with C inputs and O outputs has codes q (O, C), from 0 to 2^bits - 1, and G groups of inputs. Each group has a scale and a
zero-point for each output:

    W[o, c] = scales[g, o] · (q[o, c] - zeros[g, o])          g: the group of input c

Both formats keep `scales` as (G, O) floats. What differs is how codes lie in words of 32 bits. bits is 2, 4 or 8 (AWQ: 4), so a word
holds P = 32 / bits codes.
Codes and zero-points come in any integer dtype, and come out as int32. Words are int32, too: a word whose highest bit is set is a negative number.
What is returned is contiguous. Inputs may be views and are not changed.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AWQ_ORDER = (0, 2, 4, 6, 1, 3, 5, 7)


def pack_int32(codes: Tensor, bits: int = 4, order: tuple[int, ...] | None = None) -> Tensor:
    """Words of P neighbours along the last dimension: (…, N) → int32 (…, N / P).

    Word j holds code j · P + order[i] in its bits from bits · i on: i = 0 is the lowest part. Without an order, code j · P + i.

    Raises ValueError where bits is not 2, 4 or 8, P does not divide N, or a code is negative or 2^bits or more. (N may be 0: no words.)

    >>> pack_int32(tensor([[1, 2, 3, 4, 5, 6, 7, 0]]))  # 0x07654321
    tensor([[124076833]], dtype=torch.int32)
    >>> pack_int32(tensor([[1, 2, 3, 4, 5, 6, 7, 0]]), order=AWQ_ORDER)  # 0x06427531
    tensor([[105018673]], dtype=torch.int32)
    >>> pack_int32(tensor([255, 255, 255, 255]), bits=8)
    tensor([-1], dtype=torch.int32)
    """
    # YOUR CODE HERE
    raise NotImplementedError("pack_int32 is not written yet")


def unpack_int32(words: Tensor, bits: int = 4, order: tuple[int, ...] | None = None) -> Tensor:
    """The codes, int32 (…, N), of words (…, N / P) that `pack_int32` made with the same bits and order. Raises ValueError for other bits.

    >>> unpack_int32(tensor([-1, 16], dtype=torch.int32), bits=8)
    tensor([255, 255, 255, 255,  16,   0,   0,   0], dtype=torch.int32)
    """
    # YOUR CODE HERE
    raise NotImplementedError("unpack_int32 is not written yet")


def pack_gptq(q: Tensor, zeros: Tensor, bits: int = 4, v2: bool = False) -> tuple[Tensor, Tensor]:
    """GPTQ: q (O, C) and zeros (G, O) → qweight int32 (C / P, O) and qzeros int32 (G, O / P).

    - qweight packs along the inputs: word (r, o) holds q[o, r · P] to q[o, r · P + P - 1], the first one lowest.
    - qzeros packs along the outputs. What is stored is zero - 1, and for a zero of 0 the largest code, 2^bits - 1. (The first GPTQ code did so,
      and all readers add 1 since then.) The later format, checkpoint_format "gptq_v2" of GPTQModel, stores the zero itself: v2=True.

    Raises ValueError as `pack_int32` does, also for zeros.

    >>> qweight, qzeros = pack_gptq(tensor([[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4]]), tensor([[1, 1, 2, 0]]), bits=8)
    >>> qweight  # 0x04030201
    tensor([[67305985, 67305985, 67305985, 67305985]], dtype=torch.int32)
    >>> qzeros  # 0xFF010000
    tensor([[-16711680]], dtype=torch.int32)
    """
    # YOUR CODE HERE
    raise NotImplementedError("pack_gptq is not written yet")


def unpack_gptq(qweight: Tensor, qzeros: Tensor, bits: int = 4, v2: bool = False) -> tuple[Tensor, Tensor]:
    """q (O, C) and zeros (G, O), both int32, of what `pack_gptq` made with the same bits and v2.

    Without v2, 1 is added to what is stored, and 2^bits becomes 0. (Some readers leave 2^bits as it is; then a zero of 0 can't be said.)
    """
    # YOUR CODE HERE
    raise NotImplementedError("unpack_gptq is not written yet")


def pack_awq(q: Tensor, zeros: Tensor) -> tuple[Tensor, Tensor]:
    """AWQ, 4 bits: q (O, C) and zeros (G, O) → qweight int32 (C, O / 8) and qzeros int32 (G, O / 8).

    Both pack along the outputs, in AWQ_ORDER: word (c, j) holds q[8 j + AWQ_ORDER[i], c] in its i-th four bits. Zeros are stored as they are.

    Raises ValueError as `pack_int32` does.
    """
    # YOUR CODE HERE
    raise NotImplementedError("pack_awq is not written yet")


def unpack_awq(qweight: Tensor, qzeros: Tensor) -> tuple[Tensor, Tensor]:
    """q (O, C) and zeros (G, O), both int32, of what `pack_awq` made."""
    # YOUR CODE HERE
    raise NotImplementedError("unpack_awq is not written yet")


def gptq_to_awq(
    qweight: Tensor, qzeros: Tensor, g_idx: Tensor | None = None, v2: bool = False
) -> tuple[Tensor, Tensor]:
    """A GPTQ layer of 4 bits as an AWQ layer: (qweight, qzeros). Codes, zero-points and (G, O) scales mean the same afterwards.

    g_idx (C,): the group of each input, in any integer dtype. AWQ has no such list: its groups are C / G neighbours each. So g_idx may be
    None or must be 0, …, 0, 1, …, 1, … with C / G of each; another order (act_order) raises ValueError, also
    for one group.
    """
    # YOUR CODE HERE
    raise NotImplementedError("gptq_to_awq is not written yet")


class W4A16Linear(nn.Module):
    """A linear layer with packed weights and activations in floats: y = x Wᵀ + bias, W as at the top of this file.

    Its state dict has the names of published checkpoints: "qweight", "qzeros", "scales", for GPTQ "g_idx", and "bias" if there is one. They
    are buffers, no parameters.
    """

    def __init__(
        self,
        qweight: Tensor,
        qzeros: Tensor,
        scales: Tensor,
        g_idx: Tensor | None = None,
        bias: Tensor | None = None,
        bits: int = 4,
        layout: str = "gptq",
        v2: bool = False,
    ) -> None:
        """scales: (G, O). bias: (O,). layout: "gptq" or "awq"; another one raises ValueError.

        g_idx (C,): the group of each input, for GPTQ only (AWQ: ignored), in any order, for example of act_order, and in any integer dtype. If it
        is None, groups are C / G neighbours each, and g_idx in the state dict is this list in int32.

        The buffers may be the given tensors or copies of them.
        """
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("W4A16Linear.__init__ is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """x: (…, C) → (…, O), in x's dtype: q - zeros in whole numbers, scales and bias converted to x's dtype. x gets its gradient.

        What is in the buffers now counts (they may have been loaded).
        """
        # YOUR CODE HERE
        raise NotImplementedError("W4A16Linear.forward is not written yet")
