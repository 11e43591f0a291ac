"""The capstone, part 1: your own parts become a language model that learns.

Everything is in this one file: a small decoder, the loop that trains it, and the loop that lets it write. Parts that you wrote in other
exercises are welcome here: copy them into this file (a block, attention, positions, a norm, AdamW, a schedule). Which ones you choose
is up to you. What is graded is what comes out.

Write `next_logits` first: it works with any model, and most checks ask your model through it. Then the model, the training, the writing.

The text is in a language of 2 to 30 tokens that nobody tells you. Each token hangs on an earlier one, a few places before it, and not on
its neighbour. Counting tokens, or pairs of neighbours, shows nothing. Counting pairs at another distance would show it; but here a model
has to find it, by steps along a gradient.

- B sequences, T tokens in each, V tokens in the vocabulary: ids are 0 … V - 1.
- All losses are in nats for each token.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

CONTEXT = 16  # the most tokens that a model sees at once
MAX_PARAMETERS = 30_000  # the most numbers that a model may learn


def build_model(vocab: int, seed: int) -> nn.Module:
    """A decoder that has learned nothing yet, for a vocabulary of `vocab` tokens.

    It is called with ids (B, T) int64, 1 <= T <= CONTEXT, and returns logits (B, T, vocab) in float32. The logits at place t are about the
    token at place t + 1. They may look at the tokens 0 … t, and at no later one, and rows do not look at each other. This
    holds in either mode, training and evaluation. In which mode the new model is, is up to you (torch makes modules in training mode).

    It has at most MAX_PARAMETERS parameters, a parameter that is used twice counted once, and all of them are float32 and trainable.
    All that it learns is in `parameters()`. Buffers and plain lists hold nothing learned: what is in a buffer is the same for every seed.

    `seed` is an int, 0 <= seed < 2**32. The same seed gives the same model, bit for bit, whatever was drawn before. Another seed gives
    another one. The global generators (torch's, and those of Python's `random` and of NumPy) are afterwards as they were before.
    """
    # YOUR CODE HERE
    raise NotImplementedError("build_model is not written yet")


def pretrain(ids: Tensor, vocab: int, steps: int, seed: int) -> nn.Module:
    """Train `build_model(vocab, seed)` on a text and return it in evaluation mode.

    `ids` (N,) int64 is one text, contiguous or a view of other data, N > CONTEXT; it stays as it is. A step sees a few pieces of it (you choose
    how many, and how long) and moves the parameters against the gradient of the mean cross-entropy of the next token, as a rule once. More
    often is allowed; it takes time. The first step moves them already (no warm-up from a rate of 0), and after ten steps every tensor
    on which the loss hangs has moved. After `steps` steps it is over; with `steps=0` the parameters are those of `build_model(vocab, seed)`.

    150 steps on 2500 tokens are enough to come near what is possible, and so are 300 on 5000. In the exam the model predicts new text of the same
    language, token by token, with `next_logits`; each prefix has 5 tokens or more. Its mean loss there is compared with the loss that the
    language itself has on that text. The language of an exam has 12 to 30 tokens. A model that knows nothing is 2.0 nats above it with
    12 tokens, 2.2 with 16, and 2.8 with 30. (With 2 tokens it would be 0.5, which says nothing.) Yours is at most 1 nat above it, and for
    full points, with up to 16 tokens, at most 0.5 nats. This holds for every such language and every seed. But it is learned little by
    little: after 3 steps, with 16 tokens, your model is still more than 1 nat above it. One training may take 20 seconds of CPU time; one
    second is usual.

    The same arguments give the same model, bit for bit, whatever was drawn before. With another seed or another text comes another one, also
    where the text is the same tensor with other tokens in it. Each call gives a model of its own. The global generators are afterwards as they
    were before. It also works where the caller has switched gradients off with torch.no_grad().
    """
    # YOUR CODE HERE
    raise NotImplementedError("pretrain is not written yet")


def next_logits(model: nn.Module, prefix: Sequence[int]) -> Tensor:
    """The logits (V,) of the token that comes after `prefix`, a list of one id or more.

    `model` is any module that is called as the one of `build_model` is. Of a longer prefix only the last CONTEXT tokens are used. `prefix`
    stays as it is. The model computes in evaluation mode (no dropout) and is afterwards in the mode in which it was before, with all of its
    parts (before, too, they are all in one mode). Its parameters stay the same objects, with the same values and the same `requires_grad`. No
    gradient hangs on the result. An empty prefix is a ValueError.

    A table of what follows each token is such a module:

    >>> table = torch.nn.Embedding.from_pretrained(tensor([[0.0, 2.0, 1.0], [0.0, 1.0, 2.0], [3.0, 0.0, 0.0]]))
    >>> next_logits(table, [2, 1])
    tensor([0., 1., 2.])
    >>> next_logits(table, [])
    Traceback (most recent call last):
    ValueError: the prefix is empty
    """
    # YOUR CODE HERE
    raise NotImplementedError("next_logits is not written yet")


def generate(model: nn.Module, prompt: Sequence[int], n: int, temperature: float, gen: torch.Generator) -> list[int]:
    """Let the model write n tokens after `prompt`, each drawn from softmax(next_logits / temperature), given all tokens before it.

    Any token can be drawn, the unlikely ones too. Logits may be large, and the temperature may be small (0.01).
    Returns the n new tokens as a list of ints, without the prompt. The prompt, a list of ids, stays as it is; it may be longer than CONTEXT.
    The model is left as `next_logits` leaves it. All randomness comes from `gen`; how it is used is up to you. `temperature=0`
    takes the token with the largest logit (there is no tie) and leaves `gen` as it is. With n = 0 the result is []. A negative
    temperature or an empty prompt is a ValueError, also with n = 0.

    >>> table = torch.nn.Embedding.from_pretrained(tensor([[0.0, 2.0, 1.0], [0.0, 1.0, 2.0], [3.0, 0.0, 0.0]]))
    >>> generate(table, [0], 5, 0, torch.Generator())
    [1, 2, 0, 1, 2]
    >>> generate(table, [1, 2], 0, 1.0, torch.Generator())
    []
    """
    # YOUR CODE HERE
    raise NotImplementedError("generate is not written yet")
