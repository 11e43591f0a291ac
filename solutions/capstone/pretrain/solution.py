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


# BEGIN SOLUTION
def rms_norm(x: Tensor, w: Tensor) -> Tensor:
    return x * (x.square().mean(-1, keepdim=True) + 1e-5).rsqrt() * w


def rope(x: Tensor, base: float = 100.0) -> Tensor:
    T, D = x.shape[-2:]
    freqs = base ** (-torch.arange(0, D, 2, device=x.device) / D)
    angles = torch.arange(T, device=x.device)[:, None] * freqs
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], dim=-1)


class Block(nn.Module):
    def __init__(self, C: int, H: int, F: int) -> None:
        super().__init__()
        self.H = H
        self.norm1, self.norm2 = (nn.Parameter(torch.ones(C)) for _ in range(2))
        self.qkv, self.out = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.gate, self.up, self.down = nn.Linear(C, F), nn.Linear(C, F), nn.Linear(F, C)

    def forward(self, x: Tensor) -> Tensor:
        T = x.shape[1]
        q, k, v = (
            y.unflatten(-1, (self.H, -1)).transpose(1, 2) for y in self.qkv(rms_norm(x, self.norm1)).chunk(3, dim=-1)
        )
        scores = rope(q) @ rope(k).mT * q.shape[-1] ** -0.5
        hidden = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)
        weights = scores.masked_fill(hidden, -torch.inf).softmax(-1)
        x = x + self.out((weights @ v).transpose(1, 2).flatten(2))
        h = rms_norm(x, self.norm2)
        return x + self.down(nn.functional.silu(self.gate(h)) * self.up(h))


class Decoder(nn.Module):
    def __init__(self, V: int, C: int = 32, H: int = 2, L: int = 1) -> None:
        super().__init__()
        self.embed = nn.Embedding(V, C)
        self.blocks = nn.ModuleList(Block(C, H, 2 * C) for _ in range(L))
        nn.init.normal_(self.embed.weight, std=0.3)
        self.norm = nn.Parameter(torch.ones(C))
        self.head = nn.Linear(C, V, bias=False)

    def forward(self, ids: Tensor) -> Tensor:
        x = self.embed(ids)
        for block in self.blocks:
            x = block(x)
        return self.head(rms_norm(x, self.norm))


class AdamW:
    def __init__(self, params: list[Tensor], betas: tuple[float, float] = (0.9, 0.98), decay: float = 0.01) -> None:
        self.params, self.betas, self.decay, self.t = params, betas, decay, 0
        self.m, self.v = ([torch.zeros_like(p) for p in params] for _ in range(2))

    @torch.no_grad()
    def step(self, lr: float) -> None:
        self.t += 1
        b1, b2 = self.betas
        for p, m, v in zip(self.params, self.m, self.v, strict=True):
            m.lerp_(p.grad, 1 - b1)
            v.lerp_(p.grad.square(), 1 - b2)
            p.mul_(1 - lr * self.decay)
            p.sub_(lr * m / (1 - b1**self.t) / ((v / (1 - b2**self.t)).sqrt() + 1e-8))


# END SOLUTION


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
    # BEGIN SOLUTION
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Decoder(vocab)
    # END SOLUTION


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
    # BEGIN SOLUTION
    model = build_model(vocab, seed)
    gen = torch.Generator().manual_seed(seed)
    T, B, warmup = CONTEXT, 16, 10
    optimizer = AdamW(list(model.parameters()))
    with torch.enable_grad():
        for step in range(steps):
            starts = torch.randint(0, len(ids) - T, (B, 1), generator=gen)
            pieces = ids[starts + torch.arange(T + 1)]
            logits = model(pieces[:, :-1])
            loss = nn.functional.cross_entropy(logits.flatten(0, 1), pieces[:, 1:].flatten())
            model.zero_grad()
            loss.backward()
            decayed = 0.1 + 0.45 * (1 + math.cos(math.pi * step / steps))
            optimizer.step(0.015 * decayed * min(1.0, (step + 1) / warmup))
    model.zero_grad()
    return model.eval()
    # END SOLUTION


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
    # BEGIN SOLUTION
    if not len(prefix):
        raise ValueError("the prefix is empty")
    mode = model.training
    model.eval()
    with torch.no_grad():
        logits = model(torch.tensor([list(prefix[-CONTEXT:])]))[0, -1]
    model.train(mode)
    return logits
    # END SOLUTION


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
    # BEGIN SOLUTION
    if temperature < 0:
        raise ValueError("the temperature is negative")
    if not len(prompt):
        raise ValueError("the prompt is empty")
    text = list(prompt)
    for _ in range(n):
        logits = next_logits(model, text)
        if temperature == 0:
            text.append(int(logits.argmax()))
        else:
            probs = (logits / temperature).softmax(-1)
            text.append(int(torch.multinomial(probs, 1, generator=gen)))
    return text[len(prompt) :]
    # END SOLUTION
