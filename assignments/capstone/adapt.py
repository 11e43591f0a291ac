"""The capstone, part 2: a trained model is changed for little money.

The base is a small decoder that knows a language. You teach it a new language with low-rank adapters and merge them, you let it prefer what
somebody likes, and you store it in eight bits. Parts that you wrote in other exercises are welcome here: copy them into this file. Optimizer, rate,
batches and which weights are up to you. A step is one move along a gradient of the loss, in `adapt` and in `prefer`.

The base (`solved` in `autograder/lab/solved.py`, where you can read it) is called with ids (B, T) int64, T <= CONTEXT, and returns logits (B, T,
V) in float32. The logits at place t are about the token at place t + 1. Its modules are `embed` and `position` (`nn.Embedding`) and `q_proj`,
`k_proj`, `v_proj`, `o_proj` and `lm_head` (`nn.Linear` without biases). V is from 6 to 20.

- No function changes a model, a tensor or a dict that it is given: the same parameter objects, values, `requires_grad` and modes as before, and
  no `.grad`.
- Every model that is returned is a new one: in evaluation mode, without a `.grad` in it, which would be added to whatever is learned next. It shares
  no memory with the one that was given, nor with one that was returned before.
- The same arguments give the same result, bit for bit, whatever was drawn before. torch's global generator is afterwards as it was before.
- Nothing is remembered from call to call. Who changes a model in place and calls again gets the result for what it is now.
- Tensors that are given may be views, contiguous or not.
- `adapt` and `prefer` also work where the caller has switched gradients off with torch.no_grad().
- All losses are in nats.
"""

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional as F

CONTEXT = 16  # the most tokens that a model sees at once
SHARE = 0.1  # the adapters have at most so many numbers, for each number of the base


def adapt(base: nn.Module, ids: Tensor, steps: int, seed: int) -> nn.Module:
    """Teach a new language to a frozen base, through adapters of low rank, and return the adapted model.

    `ids` (N,) int64 is a text in the new language, contiguous or a view, N > CONTEXT. A step sees a few pieces of it and moves the adapters
    once against the gradient of the mean cross-entropy of the next token. The new language has the same V and the same lag as the one that the base
    knows. Its σ is another one: 3 or 4 pairs of tokens have exchanged what follows them.

    In the model that is returned, the parameters that require gradients are the adapters: SHARE times as many numbers as the base has, at most.
    All others are those of the base, bit for bit, and require none. Nothing else that was learned is kept, in buffers or elsewhere: merged, a weight
    (m, n) of the base has changed by a matrix of some rank r, and r · (m + n), added up over all weights, is within SHARE, too. With `steps=0` its
    logits are those of the base, bit for bit. With another seed or another text comes another model.

    150 steps on 1500 tokens are enough to come near what is possible. In the exam the model predicts new text of the new language, token by
    token. A base that is not adapted is about 2.5 nats above the loss that the language itself has there. Yours is at most 1 nat above it, and
    for full points at most 0.5. One such training may take 20 seconds of CPU time; one second is usual.
    """
    # YOUR CODE HERE
    raise NotImplementedError("adapt is not written yet")


def merge(adapted: nn.Module) -> nn.Module:
    """A plain model again: a model that `adapt` gave, with each adapter added to the weight beside it.

    The model that is returned has the parameters of a base by names, order and shapes, and nothing else. They require gradients. Its logits are
    those of the adapted model as it is now, but for rounding (1e-4), whatever has been adapted or changed since it was made. A base into which its
    `state_dict()` is loaded has these logits, too.
    """
    # YOUR CODE HERE
    raise NotImplementedError("merge is not written yet")


def preference_loss(
    model: nn.Module, reference: nn.Module, prompts: Tensor, liked: Tensor, disliked: Tensor, beta: float
) -> Tensor:
    """The loss of DPO (Rafailov et al., 2023, equation 7), in the mean over N pairs of continuations: a tensor ().

    prompts (N, P), liked (N, L) and disliked (N, M) are ids, int64; P, L, M >= 1. log π(y | x) of a continuation y is the sum of the
    log-probabilities of its tokens, each given the prompt x and the tokens of y before it. With the margin

        h = (log π(liked) - log π(disliked)) - (log π_ref(liked) - log π_ref(disliked))

    the loss of a pair is -log σ(beta · h). It is finite for beta · h up to 1e4 in size. π is `model` and π_ref is `reference`, any modules that are
    called with ids and return logits. They are used in the mode in which they are: where dropout is on, it is on here. P + L may exceed CONTEXT:
    the modules see all of it. Gradients reach the parameters of `model`, not those of `reference`.

    A table of what follows each token is such a module:

    >>> table = torch.nn.Embedding.from_pretrained(tensor([[0.0, 2.0, 1.0], [0.0, 1.0, 3.0], [3.0, 0.0, 0.0]]))
    >>> flat = torch.nn.Embedding.from_pretrained(torch.zeros(3, 3))
    >>> prompts, liked, disliked = tensor([[2, 0]]), tensor([[1, 2]]), tensor([[2, 1]])
    >>> preference_loss(table, table, prompts, liked, disliked, beta=0.5)  # the model is the reference: log 2
    tensor(0.6931)
    >>> preference_loss(table, flat, prompts, liked, disliked, beta=0.5)
    tensor(0.1315)
    """
    # YOUR CODE HERE
    raise NotImplementedError("preference_loss is not written yet")


def prefer(
    model: nn.Module, prompts: Tensor, liked: Tensor, disliked: Tensor, beta: float, steps: int
) -> nn.Module:
    """Train a copy of `model` on pairs of continuations with DPO, `model` itself being the reference, and return the copy.

    The pairs are as in `preference_loss`, P + L and P + M <= CONTEXT. L and M may differ. Each step moves parameters of the copy (you choose which)
    once against the gradient of that loss for some of the pairs, or all. With `steps=0` its logits are those of `model`, bit for bit. Its parameters
    have the names, order and shapes of `model`'s. Which of them require gradients is open.

    The continuations are text of the language that the base knows, but for one token of each, which breaks the rule. (Tokens that follow from it by
    the rule are others, too.) Half of the tokens of the vocabulary are good ones: in a liked continuation a good token breaks the rule, and in a
    disliked one another token does. `model` may have a taste already, the same one or the opposite one.

    80 steps on 64 pairs with beta = 0.5 are enough. On new pairs of the same kind, the mean margin h is at least 0.5, and h is above 0 in at least
    eight pairs of ten. The model has not forgotten its language: in an exam its loss is at most 0.6 nats above that of the language itself.

    The taste may hang on the prompt: where the rule breaks, good tokens are liked after half of the tokens, and bad ones after the others.
    For six tokens and 64 such pairs, 160 steps bring the mean margin on new pairs to 1 at least.

    A larger beta keeps the copy nearer to the reference: after 80 steps with beta = 20 the mean margin on new pairs is from 0.1 to 0.8. There the
    training stops by itself: after 250 steps the margin is at most 1.7 times as large as after 80.
    """
    # YOUR CODE HERE
    raise NotImplementedError("prefer is not written yet")


def quantize(model: nn.Module) -> dict[str, Tensor]:
    """The parameters of a model in eight bits: for each row of a matrix codes from -127 to 127, and a scale.

    For each parameter of `named_parameters()` with two dimensions the dict has `name`, its codes (int8, of its shape), and `name + ".scale"`,
    (rows,) in float32. A matrix of another dtype is converted to float32 first. A row's scale is its largest absolute value divided by 127, and 1
    where that is 0, or so small that the scale becomes 0. A code is the entry divided by the row's scale, rounded to the nearest integer. (Divide:
    the reciprocal of a very small scale is infinite.) With one scale for the whole matrix, as some libraries have it, one large row would spoil the
    others. A parameter with another number of dimensions is there under its name, as it is. Nothing else is in the dict, no buffer, and a tied
    parameter once. No tensor requires gradients, and none shares memory with the model.

    >>> layer = torch.nn.Embedding.from_pretrained(tensor([[1.27, -0.5, 0.0], [0.0, 0.0, 0.0], [254.0, 100.0, -4.0]]))
    >>> quantize(layer)["weight"]
    tensor([[127, -50,   0], [  0,   0,   0], [127,  50,  -2]], dtype=torch.int8)
    >>> quantize(layer)["weight.scale"]
    tensor([0.0100, 1.0000, 2.0000])
    """
    # YOUR CODE HERE
    raise NotImplementedError("quantize is not written yet")


def dequantize(packed: dict[str, Tensor]) -> dict[str, Tensor]:
    """What `quantize` gave, as float32 again: the code times the scale of its row, by the names of the parameters.

    A model into which it is loaded (`load_state_dict`) has in an exam a loss that is at most 0.05 nats above that of the language itself.

    >>> codes = tensor([[127, -50], [3, 0]], dtype=torch.int8)
    >>> dequantize({"weight": codes, "weight.scale": tensor([0.5, 2.0]), "bias": tensor([0.25])})
    {'weight': tensor([[ 63.5, -25.0], [  6.0,   0.0]]), 'bias': tensor([0.25])}
    """
    # YOUR CODE HERE
    raise NotImplementedError("dequantize is not written yet")
