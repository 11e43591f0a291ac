"""GPT-3: how large is it, what does it cost, what does it look at, how is it asked?

Eight models from 125 million to 175 billion parameters were planned with a pencil. This file has the formulas: counts of parameters and
of floating-point operations (FLOPs), the two attention patterns, and the prompt that shows the model what to do.

L: layers. C: width of the model (d_model). V: size of the vocabulary. Counts are whole numbers, and exact however large they become.
"""

import torch
from torch import Tensor

PAPER = {
    "125M": (12, 768), "350M": (24, 1024), "760M": (24, 1536), "1.3B": (24, 2048),
    "2.7B": (32, 2560), "6.7B": (32, 4096), "13B": (40, 5140), "175B": (96, 12288),
}  # fmt: skip
"""(L, C) of the eight models, as table 2.1 of the paper prints them. All of them have V = 50257 and n_ctx = 2048."""


def gpt_params(L: int, C: int, V: int = 50257, n_ctx: int = 2048) -> int:
    """How many numbers are trained in a GPT-2 or GPT-3 of L layers and width C.

    - A table of V token embeddings and one of n_ctx position embeddings, C numbers each. The output head is the token table once
      more: it is shared, so it counts once, and the head has no bias.
    - In each layer: two layer norms (weight and bias, C numbers each); attention with projections of queries, keys, values and the
      output, each a (C, C) matrix with a bias; a feed-forward network from C to 4C and back to C, both with biases.
    - One more layer norm at the end.

    The number of heads changes nothing.

    >>> gpt_params(12, 768, n_ctx=1024)  # GPT-2 small
    124439808
    >>> gpt_params(96, 12288)
    174604259328
    """
    # YOUR CODE HERE
    raise NotImplementedError("gpt_params is not written yet")


def forward_flops(L: int, C: int, V: int, B: int, T: int) -> int:
    """The FLOPs of all matrix products when such a model reads B texts of T tokens and gives logits at every position.

    The product of an (m, k) and a (k, n) matrix costs 2·m·k·n FLOPs: k multiplications and k additions for each number. Counted are

    - in each layer the projections of queries, keys, values and the output, and both layers of the feed-forward network;
    - in each layer the products q·kᵀ and weights·v. They are computed for all T·T pairs: the half that the causal mask hides is
      computed, too (so counts PyTorch's FlopCounterMode);
    - the head, which maps every position to V logits.

    Nothing else counts: an embedding is looked up, and biases, norms, the softmax and the activation are no matrix products. The
    number of heads changes nothing.

    (Kaplan and others, *Scaling Laws*, count 2·T·C FLOPs of attention for each token and layer, where this counts 4·T·C, and leave the
    head out.)

    >>> forward_flops(1, 2, 5, 1, 3)  # 3 tokens: 2·(12·4 + 10) each; attention: 4·3·3·2
    420
    """
    # YOUR CODE HERE
    raise NotImplementedError("forward_flops is not written yet")


def train_flops(n_params: float, n_tokens: float) -> float:
    """The rule of thumb for a whole training: 6 FLOPs for each parameter and each token.

    Two of them are the forward pass (one multiplication, one addition), four the backward pass: a product there for the gradient of
    the inputs, and one for the gradient of the weights.

    >>> train_flops(175e9, 300e9)
    3.15e+23
    """
    # YOUR CODE HERE
    raise NotImplementedError("train_flops is not written yet")


def pf_days(flops: float) -> float:
    """The same amount in petaflop/s-days: what a machine does in one day that does 10^15 FLOPs in each second.

    >>> pf_days(8.64e19)
    1.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("pf_days is not written yet")


def sparse_mask(T: int, window: int, layer: int) -> Tensor:
    """Which tokens a query may look at in layer number `layer` (0, 1, 2, …): dense and locally banded layers alternate.

    Returns a bool tensor (T, T); row i, column j is True where query i may look at key j. No query looks at a later token.

    Even layers are dense: query i sees all keys 0 … i. Odd layers are banded: it sees the last `window` keys up to itself, j = i-window+1
    … i (fewer at the beginning of the text). window is at least 1, and may be larger than T.

    >>> sparse_mask(4, 2, 1).int()
    tensor([[1, 0, 0, 0],
            [1, 1, 0, 0],
            [0, 1, 1, 0],
            [0, 0, 1, 1]], dtype=torch.int32)
    """
    # YOUR CODE HERE
    raise NotImplementedError("sparse_mask is not written yet")


def fewshot_prompt(instruction: str, shots: list[tuple[str, str]], query: str, k: int) -> str:
    """The text that shows a model k solved examples and asks for one more answer: zero-shot (k = 0), one-shot, few-shot.

    The lines are: the instruction; for each of the *first* k shots (x, y) the line "x => y"; and "query =>". They are joined by single
    line breaks. Nothing stands behind the last arrow: the model begins its answer with a space, as the examples do, and a space in the
    prompt would make it begin otherwise. An empty instruction has no line. The texts are used as they are.

    Raises ValueError if k is negative or there are fewer than k shots: a 5-shot result from 3 examples would be called by a wrong name.

    >>> fewshot_prompt("Translate English to French:", [("sea otter", "loutre de mer"), ("mint", "menthe")], "cheese", 1)
    'Translate English to French:\\nsea otter => loutre de mer\\ncheese =>'
    """
    # YOUR CODE HERE
    raise NotImplementedError("fewshot_prompt is not written yet")
