"""Data for instruction tuning: chats become token ids with labels, examples become batches, and near copies are dropped.

A label is the id of its own token where the model is trained on that token, and -100 where it is not. Nothing is shifted: the model compares
the output at place t with the label at t + 1 by itself, as models of Hugging Face do.

Arguments are left as they were, and results share nothing with them.
"""

import re
from collections.abc import Callable

import torch
from torch import Tensor

IGNORE = -100


def alpaca_prompt(instruction: str, input: str = "") -> str:
    """The prompt of Stanford's Alpaca, which ends where the answer begins.

    With an input that is not the empty string:

        Below is an instruction that describes a task, paired with an input that provides further context. Write a response that
        appropriately completes the request.

        ### Instruction:
        INSTRUCTION

        ### Input:
        INPUT

        ### Response:

    and with an empty one:

        Below is an instruction that describes a task. Write a response that appropriately completes the request.

        ### Instruction:
        INSTRUCTION

        ### Response:

    The first paragraph is one line, with one space where the line ends here. Nothing stands behind the last colon, and nothing is stripped. Both
    texts may hold anything, also braces.

    >>> alpaca_prompt("Say hi.")[-43:]
    't.\\n\\n### Instruction:\\nSay hi.\\n\\n### Response:'
    >>> alpaca_prompt("Translate.", "Hund")[-47:]
    'ion:\\nTranslate.\\n\\n### Input:\\nHund\\n\\n### Response:'
    """
    # YOUR CODE HERE
    raise NotImplementedError("alpaca_prompt is not written yet")


def build_example(
    messages: list[dict[str, str]],
    encode: Callable[[str], list[int]],
    template: dict[str, tuple[str, str]],
    train_on: str = "assistant",
) -> tuple[list[int], list[int]]:
    """The token ids of a conversation, and their labels: (ids, labels), of the same length.

    messages: {"role": …, "content": …}, in order; perhaps none.
    encode: gives the ids of a text. It may give the same list again for the same text, so what it gives is not changed.
    template: for each role a head and a tail, the texts before and behind the content. Each message is head, content, tail, and nothing stands
        between messages. A role that the template does not have is a ValueError.
    train_on: "assistant": all messages of the role "assistant" are trained. "last": only the last one of them is, also where other messages
        follow it. Anything else is a ValueError, also where there are no messages.

    Of a trained message the labels of content and tail are their ids: the tail ends the turn, and a model that was never trained on it never
    stops. Its head has -100 everywhere, because the program that asks the model writes it. All other messages have -100 everywhere.

    Head, content and tail are encoded each by itself, so that no token belongs to two of them. Which tokens are trained follows from that,
    never from what the texts look like: a content may hold a head or a tail as text.

    >>> ones = lambda text: [1] * text.count("a") + [2] * text.count("b") + [9] * text.count(".")
    >>> template = {"user": ("b", "."), "assistant": ("bb", ".")}
    >>> build_example([{"role": "user", "content": "aa"}, {"role": "assistant", "content": "a"}], ones, template)
    ([2, 1, 1, 9, 2, 2, 1, 9], [-100, -100, -100, -100, -100, -100, 1, 9])
    """
    # YOUR CODE HERE
    raise NotImplementedError("build_example is not written yet")


def collate(batch: list[tuple[list[int], list[int]]], pad: int, side: str = "right", max_len: int | None = None) -> dict[str, Tensor]:
    """Examples of different lengths become one batch.

    batch: B >= 1 examples (ids, labels); some of them may be empty.
    pad: the id that fills rows up. Often it is an id that examples have too, such as the end of a text: such a token of an example keeps its
        label and is attended to.
    side: "right": what is filled up stands behind the example; "left": before it. Anything else is a ValueError.
    max_len: 1 or more; of longer examples the first max_len tokens and labels are kept, whatever the side. None: nothing is cut.

    Returns "input_ids", "labels" and "attention_mask", each int64 (B, T). T is the length of the longest example (after the cut), not max_len.
    The mask is 1 for tokens of examples and 0 for what was filled up, where labels are -100.

    >>> batch = collate([([5, 6, 2], [-100, 6, 2]), ([7], [7])], pad=2)
    >>> batch["input_ids"], batch["labels"]
    (tensor([[5, 6, 2],
            [7, 2, 2]]), tensor([[-100,    6,    2],
            [   7, -100, -100]]))
    >>> batch["attention_mask"]
    tensor([[1, 1, 1],
            [1, 0, 0]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("collate is not written yet")


def rouge_l(a: str, b: str) -> float:
    """How alike two texts are: ROUGE-L, the F measure of the longest common subsequence of their words, from 0 to 1.

    Words are the longest runs of the letters a to z and digits 0 to 9 in the lower-cased text; everything else separates them. (As the package
    rouge-score without a stemmer.) With m and n words and a longest common subsequence of l words (in order, not necessarily neighbours), precision
    and recall are l/m and l/n, and F = 2PR/(P + R). F is 0.0 where l = 0, also where a text has no words.

    >>> rouge_l("Write a short poem.", "write a POEM")
    0.8571
    """
    # YOUR CODE HERE
    raise NotImplementedError("rouge_l is not written yet")


def dedup_rouge(pool: list[str], cands: list[str], thr: float = 0.7) -> list[str]:
    """Which candidates are new enough for a pool of instructions, as in Self-Instruct.

    One after the other, a candidate is kept if its `rouge_l` with every text of the pool, and with every candidate that was kept before it, is less
    than thr. With candidates that were dropped it is not compared. Returns those that are kept, in their order.

    (Self-Instruct's paper says "less than 0.7", and so it is here. The programs of Self-Instruct and Alpaca keep a candidate at exactly the threshold
    too. One check, and no other, tells the difference.)

    >>> dedup_rouge(["Write a short poem."], ["Write a poem.", "Name three fruits.", "name THREE red fruits"])
    ['Name three fruits.']
    """
    # YOUR CODE HERE
    raise NotImplementedError("dedup_rouge is not written yet")
