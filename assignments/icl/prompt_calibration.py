"""Prompts as classifiers: build one, read label probabilities off a language model, take out the prompt's own bias, and compare orders of examples.

"Calibrate Before Use: Improving Few-Shot Performance of Language Models", Zhao et al., 2021; "Fantastically Ordered Prompts and Where to Find Them",
Lu et al., 2022.

Logarithms are natural ones. Nothing that is passed in is changed. Tensors may be views.
"""

from collections.abc import Callable

import torch
from torch import Tensor

CONTENT_FREE = ("N/A", "[MASK]", "")
"""Texts that say nothing about any label."""


def build_prompt(instruction: str, demos: list[tuple[str, str]], x: str, template: str, sep: str = "\n\n") -> str:
    r"""The text that shows solved examples and leaves the last one open.

    template: how an example looks, with {x} once and {y} once, {x} first: "Review: {x}\nMood: {y}". Raises ValueError for any other template.

    The parts are: the instruction, unless it is empty; for each pair (x, y) of demos, in their order, the template with both filled in; and for x
    what stands before {y} in the template, without white space at its end, with x filled in. They are joined by sep. The prompt ends there, since a
    model begins the label with a space of its own.

    Only {x} and {y} of the template are filled in. Other braces stay, and so does everything in the instruction and in the texts, even if it looks
    like "{y}" or has white space at its ends.

    >>> build_prompt("Which mood?", [("I liked it.", "good")], "Too long.", "Review: {x}\nMood: {y}")
    'Which mood?\n\nReview: I liked it.\nMood: good\n\nReview: Too long.\nMood:'
    >>> build_prompt("", [], "", "{x} => {y}", sep=" | ")
    ' =>'
    """
    # YOUR CODE HERE
    raise NotImplementedError("build_prompt is not written yet")


def label_probs(
    logprob_fn: Callable[[str, str], list[float]],
    prompt: str,
    verbalizers: list[list[str]],
    normalize: bool = False,
) -> Tensor:
    """How probable a language model finds each of K labels behind a prompt.

    logprob_fn(prompt, continuation) gives the log-probability of each token of the continuation behind the prompt and the tokens before: a list of
    at least one number, each <= 0. It may be -inf.
    verbalizers: for each label the words that stand for it, at least one: [["positive", "good"], ["negative"]]. The continuation is a space and the
        word. The model is asked once for each word.
    normalize: the score of a word is the sum of its tokens' log-probabilities; with True it is their mean, so that words of many tokens are not at
        a disadvantage.

    A word counts exp(score), a label the sum over its words. (A word that stands twice counts twice; you may ask once for it or twice.) Returns
    (K,), float64: these sums, divided by their total. Scores may be as low as -10,000, where exp is 0 in floats: the result is right all the same.
    Raises ValueError if no label is possible (every score is -inf).

    >>> model = lambda prompt, continuation: {" good": [-1.0], " bad": [-1.0, -1.0]}[continuation]
    >>> label_probs(model, "Mood:", [["good"], ["bad"]])
    tensor([0.7311, 0.2689], dtype=torch.float64)
    >>> label_probs(model, "Mood:", [["good"], ["bad"]], normalize=True)
    tensor([0.5000, 0.5000], dtype=torch.float64)
    """
    # YOUR CODE HERE
    raise NotImplementedError("label_probs is not written yet")


def contextual_calibration(p: Tensor, p_cf: Tensor) -> Tensor:
    """Take out what the prompt alone says.

    p: (N, K): the label probabilities of N texts, each row sums to 1.
    p_cf: (M, K), M >= 1: those of M content-free texts in the same prompt. Their mean over the rows is what the prompt says about nothing.

    float32 or float64, both the same; so is the result. Returns (N, K): p divided by the mean of p_cf, label by label, and then each row divided
    by its sum. So a text whose probabilities are that mean gets 1/K everywhere. Raises ValueError if the mean is 0 for some label.

    (The paper, section 5, writes W p with W = diag(mean)⁻¹ and a softmax around it, and its script leaves the softmax away. The order of the labels
    is the same in all three.)

    >>> contextual_calibration(tensor([[0.8, 0.2], [0.9, 0.1]]), tensor([[0.9, 0.1]]))
    tensor([[0.3077, 0.6923],
            [0.5000, 0.5000]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("contextual_calibration is not written yet")


def global_entropy(p: Tensor) -> Tensor:
    """GlobalE of each prompt: does it say the same label to everything?

    p: (P, N, K): for each of P prompts (orders of the same examples) the label probabilities of the same N texts; N, K >= 1. float32 or float64.

    For each prompt every text is given its most probable label, of equal ones the first. Let s_k be the share of the N texts with label k. Returns
    (P,), of the dtype of p: -Σ s_k log s_k, where 0 log 0 is 0.

    >>> global_entropy(tensor([[[0.9, 0.1], [0.4, 0.6]], [[0.9, 0.1], [0.6, 0.4]]]))
    tensor([0.6931, 0.0000])
    """
    # YOUR CODE HERE
    raise NotImplementedError("global_entropy is not written yet")


def local_entropy(p: Tensor) -> Tensor:
    """LocalE of each prompt: is it too sure of everything?

    p: (P, N, K), as above. Returns (P,), of the dtype of p: the mean over the N texts of the entropy -Σ p_k log p_k of each text's probabilities,
    where 0 log 0 is 0.

    >>> local_entropy(tensor([[[0.5, 0.5], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]]))
    tensor([0.3466, 0.6931])
    """
    # YOUR CODE HERE
    raise NotImplementedError("local_entropy is not written yet")


def classify(
    logprob_fn: Callable[[str, str], list[float]],
    instruction: str,
    demos: list[tuple[str, str]],
    texts: list[str],
    template: str,
    verbalizers: list[list[str]],
    content_free: tuple[str, ...] = CONTENT_FREE,
) -> tuple[Tensor, Tensor]:
    """Few-shot classification with a calibrated prompt.

    Each text, N >= 1 of them, and each content-free text is put into the prompt of build_prompt (with its default sep), and label_probs reads the
    probabilities off (with its default normalize). Then the texts are calibrated. Content-free texts are asked once, however many texts there are.
    Without content_free (it is empty) nothing is calibrated.

    Returns (labels, probabilities): (N,), int64, the most probable label of each text, of equal ones the first; and (N, K), float64.

    >>> scores = {"awful => good": -1.0, "awful => bad": -1.5, "? => good": -1.0, "? => bad": -3.0}
    >>> model = lambda prompt, continuation: [scores[prompt + continuation]]
    >>> classify(model, "", [], ["awful"], "{x} => {y}", [["good"], ["bad"]], content_free=())[0]  # it says "good" to everything
    tensor([0])
    >>> classify(model, "", [], ["awful"], "{x} => {y}", [["good"], ["bad"]], content_free=("?",))
    (tensor([1]), tensor([[0.1824, 0.8176]], dtype=torch.float64))
    """
    # YOUR CODE HERE
    raise NotImplementedError("classify is not written yet")
