"""Memory that grows with the batch: what a layer keeps for its backward pass, how to measure it, and how to do without most of it.

The layer is GPT-3's: norm, attention with a heads, dropout, residual; norm, MLP of width 4h with GELU, dropout, residual. Activations have 2
bytes a number, dropout masks 1. s is the sequence length, b the batch, h the width. All quantities are bytes (not GiB, not numbers).

torch.utils.checkpoint is not allowed here: it is what you build. No call changes what it is given, or torch's gradient mode or default dtype.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor


def activation_parts(s: int, b: int, h: int, a: int) -> dict[str, int]:
    """What one layer keeps, part by part, in this order (on one GPU, nothing recomputed):

    | part | bytes | part | bytes |
    | --- | --- | --- | --- |
    | "norm1" (its input) | 2 sbh | "attention dropout" (the mask) | sbh |
    | "qkv input" | 2 sbh | "norm2" (its input) | 2 sbh |
    | "q and k" | 4 sbh | "mlp input" | 2 sbh |
    | "softmax" (its output) | 2 a s² b | "gelu input" | 8 sbh |
    | "softmax dropout" (the mask) | a s² b | "second linear input" | 8 sbh |
    | "dropped softmax" | 2 a s² b | "mlp dropout" (the mask) | sbh |
    | "v" | 2 sbh | | |
    | "projection input" | 2 sbh | | |

    Read the left column first. Together sbh (34 + 5 a s / h), as Python ints, exact.

    >>> activation_parts(2, 1, 4, 3)["softmax"]
    24
    >>> activation_parts(2048, 1, 12288, 96)["gelu input"]  # GPT-3
    201326592
    """
    # YOUR CODE HERE
    raise NotImplementedError("activation_parts is not written yet")


def activation_bytes_per_layer(
    s: int, b: int, h: int, a: int, t: int = 1, sp: bool = False, recompute: str = "none"
) -> float:
    """What one of t GPUs keeps of a layer.

    Tensor parallelism cuts attention by heads and the MLP by its inner width. A t-th lies on each GPU of: q and k, v, the three parts with
    a s² b, and the inputs of the projection, of the GELU and of the second linear. All other parts lie on each GPU in whole; with
    sequence parallelism (sp) they, too, are cut into t.

    recompute: what is computed again in the backward pass, and not kept.

    - "none".
    - "selective": the three parts with a s² b.
    - "full": all but the layer's input (2 sbh). The input lies on each GPU in whole, whatever sp is.

    Raises ValueError for another recompute, and where t is below 1.

    >>> activation_bytes_per_layer(2048, 1, 12288, 96)  # a layer of GPT-3
    2868903936.0
    >>> activation_bytes_per_layer(2048, 1, 12288, 96, t=8)  # sbh (10 + 24 / 8 + 80 / 8)
    578813952.0
    >>> activation_bytes_per_layer(2048, 1, 12288, 96, t=8, sp=True, recompute="selective")  # sbh 34 / 8
    106954752.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("activation_bytes_per_layer is not written yet")


def recompute_overhead(s: int, h: int, recompute: str) -> float:
    """How much more a GPU multiplies for what it computes again, as a share of a layer's forward and backward pass (0.25: a quarter more).

    The forward pass of a layer takes 24 s h² operations for its linear layers and 4 s² h for the two products with scores (for one sequence), the
    backward pass twice as many. "none" repeats nothing, "full" the whole forward pass, "selective" the two products with scores.
    (Softmax and dropout cost no products. A causal mask saves nothing here.)

    Raises ValueError for another recompute.

    >>> recompute_overhead(2048, 12288, "selective")  # 1 / 111
    0.00900901
    """
    # YOUR CODE HERE
    raise NotImplementedError("recompute_overhead is not written yet")


def optimal_checkpoint(n: int, boundary: int = 1, layer: int = 1) -> int:
    """How many layers k a segment should have, if the inputs of segments are kept and all else is computed again, segment by segment.

    n layers make ⌈n / k⌉ segments, the last one perhaps shorter. At the worst moment the inputs of all segments are there (`boundary` bytes
    each), and all that the k layers of one segment keep (`layer` bytes each): ⌈n / k⌉ · boundary + k · layer.

    Returns the k from 1 to n for which this is smallest; of several, the smallest k. boundary and layer are at least 1. Raises ValueError
    where n is below 1.

    >>> optimal_checkpoint(16)  # 4 + 4
    4
    >>> optimal_checkpoint(96, boundary=2, layer=114)  # GPT-3's layers, in sbh
    1
    """
    # YOUR CODE HERE
    raise NotImplementedError("optimal_checkpoint is not written yet")


def saved_bytes(fn: Callable[..., object], inputs: Iterable[Tensor], ignore: Iterable[Tensor] = ()) -> int:
    """What autograd keeps for the backward pass of fn(*inputs), in bytes. fn is called once; its result is not needed.

    `torch.autograd.graph.saved_tensors_hooks` shows every tensor that is saved while fn runs. What lies in memory are their storages:

    - A storage counts once, however often it or views of it are saved.
    - A storage counts with all of its bytes, even if a small view of it was saved.
    - A storage that a tensor of `ignore` lies in does not count (the parameters, say: they are there anyway). `ignore` may be a
      generator, like `layer.parameters()`. Inputs are not ignored by themselves.

    What fn drops again before it ends counts, too: hold on to the storages, so that no address stands for two of them.
    Without a graph (in torch.no_grad(), say) nothing is saved: 0.

    exp keeps its result, and x² keeps x:

    >>> x = torch.ones(5, requires_grad=True)
    >>> saved_bytes(lambda x: x.exp(), [x])
    20
    >>> saved_bytes(lambda x: x.exp() + x.square(), [x])
    40
    >>> saved_bytes(lambda x: x.exp() + x.square(), [x], ignore=[x])
    20
    """
    # YOUR CODE HERE
    raise NotImplementedError("saved_bytes is not written yet")


def checkpoint(fn: Callable[..., Tensor], inputs: list[Tensor]) -> Tensor:
    """fn(*inputs), a tensor, without what autograd would keep of it: the backward pass calls fn again.

    - The result and all gradients are those of fn(*inputs): of the inputs that require one, and of parameters that fn uses, also if no
      input requires a gradient. They arrive when backward() is called on something that was made of the result.
    - After the call nothing that fn made on the way is held, only the inputs and the result. (A checkpoint inside of fn may hold its own
      inputs.) The caller may use the list `inputs` for something else after the call.
    - fn is called once, and once more in a backward pass. Without a graph (in torch.no_grad()) it is called once. A second backward pass
      through the same graph (retain_graph) need not work.
    - If nothing requires a gradient, the result may say all the same that it does.
    - fn may be random (dropout): the second call draws the same numbers as the first. To everything else randomness looks as if the second
      call had not been (torch's default generator on the CPU).
    - Segments one after the other (checkpoint(g, [checkpoint(f, [x])])) work, and so does fn with a checkpoint in it.

    >>> x = tensor([1.0, 2.0], requires_grad=True)
    >>> checkpoint(lambda x: x.exp() * x, [x]).sum().backward()
    >>> x.grad  # (1 + x) exp(x)
    tensor([5.4366, 22.1672])
    """
    # YOUR CODE HERE
    raise NotImplementedError("checkpoint is not written yet")
