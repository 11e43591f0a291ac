"""Llama 2: a cache with memory of its own, attention on top of it, the format of a chat, and two losses from its training.

Sizes: B sequences, t new tokens, S = all tokens up to the newest, H query heads and G key/value heads of D features (G divides H). The
query heads that share a key/value head are neighbours: head h uses h // (H / G).

Tensors are float32 or float64 (caches of any floating dtype). Arguments are left as they were, may be views (sliced, transposed), and
share nothing with results. A call leaves nothing behind but what it puts into its cache, and caches share nothing.
"""

from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor


class KVCache:
    """Keys and values of one layer, in memory that is taken once: places 0 … max_len-1, of which the first `len(cache)` are in use.

    >>> cache = KVCache(1, 1, 4, 1)
    >>> old = cache.update(tensor([[[[1.0], [2.0]]]]), tensor([[[[5.0], [6.0]]]]), tensor([0, 1]))
    >>> new = cache.update(tensor([[[[3.0]]]]), tensor([[[[7.0]]]]), tensor([2]))
    >>> new[1].flatten()
    tensor([5., 6., 7.])
    >>> KVCache(1, 8, 4096, 128, torch.float16).nbytes  # one of the 80 layers of Llama 2 70B
    16777216
    """

    def __init__(self, B: int, G: int, max_len: int, D: int, dtype: torch.dtype = torch.float32) -> None:
        """An empty cache for B sequences of at most max_len tokens. All of its memory is taken here."""
        # YOUR CODE HERE
        raise NotImplementedError("KVCache.__init__ is not written yet")

    def __len__(self) -> int:
        """How many places are in use: the last place that was written, and one."""
        # YOUR CODE HERE
        raise NotImplementedError("KVCache.__len__ is not written yet")

    @property
    def nbytes(self) -> int:
        """The bytes of all places, used or not, for keys *and* values."""
        # YOUR CODE HERE
        raise NotImplementedError("KVCache.nbytes is not written yet")

    def update(self, k: Tensor, v: Tensor, pos: Tensor) -> tuple[Tensor, Tensor]:
        """Write k and v, (B, G, t, D), to the places pos, and give back the keys and values of all tokens up to the newest.

        pos: int64 (t,), t >= 1 numbers that follow each other: s, s+1, …, s+t-1, with s >= 0. Often s is `len(cache)`. It may be less:
        then the places
            from s on are written again, and what stood behind s+t-1 is forgotten, so that `len(cache)` becomes s + t. (A model that guesses
            tokens ahead takes the wrong ones back like that.)

        Returns keys and values, each (B, G, s + t, D), in the dtype of the cache; numbers of another dtype are converted. Places that are
        not in use are never returned.

        Both results are views of the cache's memory: nothing is copied but the new numbers, and a later `update` that writes to a place shows in
        earlier results too. (Hugging Face's DynamicCache makes a longer copy in each call instead: one check, and no other, tells the difference.)
        The cache is for generation: it keeps numbers without their graph, and its results require no gradient.

        Raises IndexError if there is no room (s + t > max_len), or if a hole would stay (s > `len(cache)`). Then nothing has changed.
        """
        # YOUR CODE HERE
        raise NotImplementedError("KVCache.update is not written yet")


class Cache(Protocol):
    """What `cached_gqa` may ask of a cache. Nothing to write here: `KVCache` is one, and so is any other object with these two methods."""

    def __len__(self) -> int:
        """The number of old tokens."""

    def update(self, k: Tensor, v: Tensor, pos: Tensor) -> tuple[Tensor, Tensor]:
        """As `KVCache.update`."""


def cached_gqa(
    q: Tensor, k: Tensor, v: Tensor, pos: Tensor, cache: Cache, rotate: Callable[[Tensor, Tensor], Tensor]
) -> Tensor:
    """Attention of t new tokens to themselves and to the tokens in the cache.

    q: (B, H, t, D), k and v: (B, G, t, D), as they come from the projections of the new tokens.
    pos: int64 (t,), the positions of the new tokens, which follow each other. They are their places in the cache too.
    cache: keeps the keys (rotated) and the values of this layer. `update` is called once, with G heads, and what it returns is what the
    queries attend to. rotate(x, pos): gives x, (B, H, t, D) or (B, G, t, D), with each token turned by its position, as position/rope
    does. Queries and keys
        are rotated, each token once; values are not.

    A token sees the keys of all positions up to its own, in the cache or new. Scores are q · k / √D. So tokens that are fed in pieces get the result
    of all at once, and a piece that begins before the end of the cache replaces what was there.

    Returns (B, H, t, D), in the dtype of q, k and v, and everything is computed in that dtype: float64 is exact to 1e-10. (Hugging Face
    and Meta compute the softmax in float32: one check, and no other, tells the difference.) Gradients flow to q, and to k and v if the
    cache lets them through.

    >>> one = torch.ones(1, 1, 2, 1)
    >>> cached_gqa(one, one, tensor([[[[2.0], [4.0]]]]), tensor([0, 1]), KVCache(1, 1, 2, 1), lambda x, pos: x).flatten()
    tensor([2., 3.])
    """
    # YOUR CODE HERE
    raise NotImplementedError("cached_gqa is not written yet")


def render_llama2_chat(messages: list[dict[str, str]]) -> str:
    """A chat as the text that Llama 2-Chat was trained on.

    messages: {"role": …, "content": …}, in order: "system" first or not at all, then "user" and "assistant" in turn, beginning with
        "user". The last one is the user's (the model goes on from there) or the assistant's (a finished dialogue, for training).

    A question and its answer are one unit, which looks like the next line.

        <s>[INST] QUESTION [/INST] ANSWER </s>

    The units follow each other with nothing between, and each has its own <s>. A question that nobody has answered ends with [/INST],
    and no space behind it. (Mistral writes <s> once, and no space before </s>.)

    A system message is part of the first question, which is then SYSTEM and QUESTION with tags around the first: "<<SYS>>", a line feed, SYSTEM, a
    line feed, "<</SYS>>", two line feeds, QUESTION. White space (as `str.strip` knows it) is taken off both ends of each question and
    answer; of the first question, off both ends of the whole with its tags. So the white space around SYSTEM stays, and so does that
    before the first QUESTION. (Meta's code and Hugging Face's template do it like that.)

    Raises ValueError if the roles are not in that order, or if there is no user's message. Raises it also if a content, of whatever role,
    holds one of the tags "[INST]", "[/INST]", "<<SYS>>", "<</SYS>>", "<s>", "</s>": a user who types them could forge an answer. (Meta's
    code looks for the first four and then refuses to answer: one check, and no other, tells the difference.)

    >>> render_llama2_chat([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}, {"role": "user", "content": "ok "}])
    '<s>[INST] hi [/INST] yo </s><s>[INST] ok [/INST]'
    >>> render_llama2_chat([{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hi"}])
    '<s>[INST] <<SYS>>\\nBe brief.\\n<</SYS>>\\n\\nhi [/INST]'
    >>> render_llama2_chat([{"role": "assistant", "content": "hi"}])
    Traceback (most recent call last):
    ValueError: message 0 should be the user's
    """
    # YOUR CODE HERE
    raise NotImplementedError("render_llama2_chat is not written yet")


def rm_margin_loss(rc: Tensor, rr: Tensor, margin: Tensor) -> Tensor:
    """The loss of a reward model that has to tell a good answer from a worse one, and by how much.

    rc, rr: (B,), the scores of the chosen and of the rejected answer of each pair. margin: (B,), larger where people found the chosen one
    clearly better.

    Returns the mean over the pairs of -ln σ(rc - rr - margin), with σ(z) = 1 / (1 + e^-z): one number, in the dtype of the scores; in
    float64 it is exact to 1e-10 wherever rc - rr - margin lies between -20 and 20. Scores that lie thousands apart give finite results and
    gradients.

    >>> rm_margin_loss(tensor([2.0, 1.0]), tensor([1.0, 1.0]), tensor([1.0, 0.0]))  # twice ln 2
    tensor(0.6931)
    """
    # YOUR CODE HERE
    raise NotImplementedError("rm_margin_loss is not written yet")


def ghost_prompts(dialog: list[dict[str, str]], instruction: str) -> list[dict[str, str]]:
    """Ghost Attention, first step: the dialogue that a model gets so that its answers obey an instruction in every turn.

    dialog: messages of "user" and "assistant" in turn, beginning with "user", as for `render_llama2_chat`; there is no system message.

    Returns the messages as new dicts, in a new list. In *every* message of the user the content becomes the instruction, a line feed, and
    the old content; nothing is stripped. Messages of the assistant stay as they are: one that has more keys than "role" and "content" keeps them
    all. (A user's message has those two alone.)

    >>> ghost_prompts([{"role": "user", "content": "hi"}], "Speak French.")
    [{'role': 'user', 'content': 'Speak French.\\nhi'}]
    """
    # YOUR CODE HERE
    raise NotImplementedError("ghost_prompts is not written yet")


def ghost_attention(dialog: list[dict[str, str]], instruction: str) -> tuple[list[dict[str, str]], list[bool]]:
    """Ghost Attention, second step: what the model is trained on, so that it obeys an instruction that was given once, long ago.

    dialog: as for `ghost_prompts`, *without* the instruction. Its last message is the assistant's: the answer that a model gave to `ghost_prompts`.

    Returns two lists. The first has the messages as new dicts; in the *first* message of the user the content becomes the instruction, a line
    feed, and the old content, and all other messages stay as they are, with all their keys. The second has for each message whether its tokens count
    in the loss: True for the last message alone. (The older answers were not made for this instruction; the model must not learn to answer like
    them.)

    >>> ghost_attention([{"role": "user", "content": "hi"}, {"role": "assistant", "content": "salut"}], "Speak French.")
    ([{'role': 'user', 'content': 'Speak French.\\nhi'}, {'role': 'assistant', 'content': 'salut'}], [False, True])
    """
    # YOUR CODE HERE
    raise NotImplementedError("ghost_attention is not written yet")
