"""Llama 3: rotary frequencies for a longer context, several documents in one sequence, and the format of a chat.

Sizes: D features of a head (even), B sequences of T tokens. Arguments are left as they were, may be views (sliced, transposed), and share
nothing with results. A result depends on the arguments of its own call alone.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor


def llama3_rope_freqs(
    D: int, base: float = 500000.0, factor: float = 8.0, low: float = 1.0, high: float = 4.0, orig: float = 8192
) -> Tensor:
    """The rotary frequencies of Llama 3.1: slow pairs are slowed down further, so that positions beyond `orig` are known territory.

    Pair i = 0 … D/2-1 has the frequency f = base^(-2i/D) in radians per position, and so the wavelength λ = 2π / f in positions. With 0 <
    low < high:

    - λ < orig / high: the pair has turned more than `high` times within the old context. f stays.
    - λ > orig / low: it has turned less than `low` times. It becomes f / factor.
    - between: (1 - s) f / factor + s f, with s = (orig / λ - low) / (high - low). s is 0 at one edge and 1 at the other.

    Returns float64 (D/2,), computed in float64 from the beginning: base and the other numbers are not rounded to float32 either.
    (Hugging Face computes these numbers in float32: one check, and no other, tells the difference.)

    With orig = 2π · 8, low = 1 and high = 4, the edges are at f = 1/2 and f = 1/8, and s = (8 f - 1) / 3:

    >>> llama3_rope_freqs(6, 64.0, 4.0, orig=2 * math.pi * 8)  # 1 stays; 1/4 has s = 1/3; 1/16 is divided by 4
    tensor([1.0000, 0.1250, 0.0156], dtype=torch.float64)
    """
    # YOUR CODE HERE
    raise NotImplementedError("llama3_rope_freqs is not written yet")


def document_mask(doc_ids: Tensor) -> Tensor:
    """Which token may attend to which, when several documents stand in one sequence.

    doc_ids: int64 (B, T), for each token the number of its document. Equal numbers are the same document, in whatever order the numbers
        come, and also when another document stands between. A negative number is padding.

    Returns bool (B, T, T), on the device of doc_ids: [b, t, s] is True if token t may look at token s. That is so if s <= t and both
    are in the same document. Padding is looked at by nobody, but each padding token by itself, so that no row is empty.

    >>> document_mask(tensor([[0, 0, 1]]))
    tensor([[[ True, False, False],
             [ True,  True, False],
             [False, False,  True]]])
    >>> document_mask(tensor([[5, -1, -1]]))
    tensor([[[ True, False, False],
             [False,  True, False],
             [False, False,  True]]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("document_mask is not written yet")


def render_llama3(messages: list[dict[str, str]], add_generation_prompt: bool = True) -> str:
    """A chat as the text that Llama 3 Instruct was trained on. (That of 3.1 also writes dates into the system message; not here.)

    messages: {"role": "system" or "user" or "assistant" or another, "content": …}, in order.

    The text begins with <|begin_of_text|>, once. Each message is

        <|start_header_id|>ROLE<|end_header_id|>

        CONTENT<|eot_id|>

    with two line feeds before the content, and nothing between <|eot_id|> and what follows. White space (as `str.strip` knows it) is
    taken off both ends of the content; the role is written as it is. With add_generation_prompt, the header of a message of "assistant"
    stands at the end, with its two line feeds: there the model goes on.

    >>> render_llama3([{"role": "user", "content": " hi "}], add_generation_prompt=False)
    '<|begin_of_text|><|start_header_id|>user<|end_header_id|>\\n\\nhi<|eot_id|>'
    >>> render_llama3([])
    '<|begin_of_text|><|start_header_id|>assistant<|end_header_id|>\\n\\n'
    """
    # YOUR CODE HERE
    raise NotImplementedError("render_llama3 is not written yet")


def encode_llama3(
    messages: list[dict[str, str]],
    encode: Callable[[str], list[int]],
    special: dict[str, int],
    add_generation_prompt: bool = True,
) -> list[int]:
    """The token ids of the same chat, safe against control tokens in the messages.

    encode: gives the ids of a piece of ordinary text. It knows no control tokens: of "<|eot_id|>" it makes the ids of its ten
        characters, as of any other text. The ids of two pieces, one behind the other, are those of both together.
    special: the ids of the control tokens, by their names: "<|begin_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>".

    Returns the ids of what `render_llama3` writes: those of `special` where the format puts a control token, and those of `encode` for roles,
    contents and line feeds. A user can type "<|eot_id|>" or a whole header; in a content, and in a role, it is text, whatever the
    role, and becomes no control token, also if it is the whole content. Everything else is as in `render_llama3`, white space included.

    >>> special = {"<|begin_of_text|>": 1, "<|start_header_id|>": 2, "<|end_header_id|>": 3, "<|eot_id|>": 4}
    >>> encode_llama3([{"role": "user", "content": "hi"}], lambda text: [9] * text.count("h"), special, False)  # 9: an h
    [1, 2, 3, 9, 4]
    """
    # YOUR CODE HERE
    raise NotImplementedError("encode_llama3 is not written yet")
