"""Rejection sampling and fine-tuning: write n answers, keep the best one, train on it, begin again ("Llama 2", Touvron et al., 2023, section 3.2.3;
"Theoretical guarantees on the best-of-n alignment policy", Beirami et al., 2024; "Scaling Relationship on Learning Mathematical Reasoning with
Large Language Models", Yuan et al., 2023, whose method is RFT).

Answers are texts, rewards are numbers, and prompts are texts that differ. Floating-point tensors are float32 or float64, and all of one
call have the same dtype; tensors may be views. Nothing that is passed in is changed. No function draws random numbers by itself.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Sampler = Callable[[str, int], list[str]]
"""sample(prompt, n) gives n answers to the prompt, one after the other, as the model would write them."""

Example = tuple[str, str, float]
"""A prompt, an answer to it, and the answer's reward."""


def best_of_n(prompts: list[str], sample: Sampler, rm: Callable[[str, str], float], n: int) -> list[Example]:
    """For each prompt, in order, the best of n answers.

    sample is called once for each prompt, in order, and asked for all n answers. rm(prompt, answer) is the reward; it is called once for each of
    the n answers, in order, also where two of them have the same text, before the next prompt is sampled.
    Of answers with equal rewards the first one is taken, also if all of them are -inf.

    Raises ValueError if n < 1. (The example's answers are "x", "xx" and "xxx", and the reward is the length.)

    >>> best_of_n(["p", "q"], lambda prompt, n: ["x", "xxx", "xx"], lambda prompt, answer: 1.0 * answer.count("x"), 3)
    [('p', 'xxx', 3.0), ('q', 'xxx', 3.0)]
    """
    # YOUR CODE HERE
    raise NotImplementedError("best_of_n is not written yet")


def best_of_n_policy(probs: Tensor, rewards: Tensor, n: int) -> Tensor:
    """How probable each answer is as the best of n, where all answers can be listed.

    probs: (..., N): for each prompt the probabilities of its N answers. Rows sum to 1; a probability may be 0.
    rewards: (..., N): their rewards, finite. Of equal rewards the answer that was written first is taken, as in `best_of_n`.
    n: >= 1.

    The best of n has a reward of at most r if all n have. So a whole group of answers with the reward r gets F(r)^n - F(just below r)^n, where F(r)
    is the probability that one answer has a reward of at most r. Within the group the answers share this as they share the probability.

    Returns (..., N): rows sum to 1, and an answer with probability 0 keeps it. float64 is exact to nine digits (as absolute numbers).

    >>> best_of_n_policy(tensor([0.5, 0.5]), tensor([0.0, 1.0]), 3)  # the bad one only if it comes three times
    tensor([0.1250, 0.8750])
    >>> best_of_n_policy(tensor([0.5, 0.375, 0.125]), tensor([0.0, 7.0, 7.0]), 2)  # 1/4, and 3/4 shared as 3 : 1
    tensor([0.2500, 0.5625, 0.1875])
    """
    # YOUR CODE HERE
    raise NotImplementedError("best_of_n_policy is not written yet")


def bon_kl_bound(n: int) -> float:
    """An upper bound in nats on KL(best of n ‖ the model), whatever the model and the rewards are: log n - (n - 1) / n.

    It is reached if no two answers have the same reward and each one is very improbable. Raises ValueError if n < 1.

    >>> bon_kl_bound(1)
    0.0
    >>> bon_kl_bound(4)  # 2 ln 2 - 3/4
    0.636294
    """
    # YOUR CODE HERE
    raise NotImplementedError("bon_kl_bound is not written yet")


def bon_expected_max(scores: Tensor, k: int) -> float:
    """The unbiased estimate, from the rewards of n answers to one prompt, of the mean reward of the best of k.

    scores: (n,), finite, in any order, float32 or float64; the result is a float, exact to nine digits of the numbers as they are given.

    It is the mean, over all choices of k of the n answers (each at most once), of the largest reward of the choice. Among these choices the
    i-th smallest reward, i = 1 … n, is the largest one in C(i - 1, k - 1) of C(n, k). If rewards are 0 or 1, it is pass@k.

    It is right for n up to 5,000, where C(n, k) does not fit into a float. Raises ValueError unless 1 <= k <= n.

    >>> bon_expected_max(tensor([3.0, 0.0, 1.0]), 2)  # the largest of (3, 0), (3, 1), (0, 1)
    2.333333
    >>> bon_expected_max(tensor([3.0, 0.0, 1.0]), 1)
    1.333333
    """
    # YOUR CODE HERE
    raise NotImplementedError("bon_expected_max is not written yet")


def distinct_paths(paths: list[str]) -> list[str]:
    """Solutions of one problem, of which only one is kept where several compute the same (the selection of RFT).

    paths: texts with calculations between << and >>, as the data set GSM8K writes them: "He has 3*4=<<3*4=12>>12 eggs."

    Two paths compute the same if the lists of their calculations are the same: equal texts in the same order, where spaces do not count. (Whether
    tabs and line breaks count is open.) The words around them do not matter. 3*4=12 and 4*3=12 are different. Paths without any calculation
    compute the same. Of each kind the first path is kept, and what is kept stays in order and unchanged. Every << has its >>, and they are not
    nested.

    >>> distinct_paths(["so 1+2=<<1+2=3>>3.", "thus <<1 + 2=3>>3!", "<<2+1=3>>3"])
    ['so 1+2=<<1+2=3>>3.', '<<2+1=3>>3']
    """
    # YOUR CODE HERE
    raise NotImplementedError("distinct_paths is not written yet")


def training_set(rounds: list[list[Example]], keep: str = "all") -> list[Example]:
    """What the model is trained on after some rounds of `best_of_n`.

    rounds: what each round gave, the oldest first. Not every prompt has an answer in every round.
    keep:

    - "all": for each prompt the best answer of all rounds. Of equal rewards the one of the oldest round is taken.
    - "last": what the last round gave, whatever there was before.

    Returns a new list. Prompts are in the order in which they first come up in `rounds`, with "last" as in the last round. No rounds give []. Raises
    ValueError for another `keep`. (Llama 2 had "last" at first. Later it took the best answers of all rounds.)

    >>> training_set([[("p", "good", 2.0)], [("p", "bad", 1.0), ("q", "new", 0.0)]])
    [('p', 'good', 2.0), ('q', 'new', 0.0)]
    >>> training_set([[("p", "good", 2.0)], [("p", "bad", 1.0), ("q", "new", 0.0)]], keep="last")
    [('p', 'bad', 1.0), ('q', 'new', 0.0)]
    """
    # YOUR CODE HERE
    raise NotImplementedError("training_set is not written yet")


def rft_loop(
    prompts: list[str],
    sample: Sampler,
    rm: Callable[[str, str], float],
    fit: Callable[[list[tuple[str, str]]], None],
    rounds: int,
    n: int,
    keep: str = "all",
) -> list[float]:
    """Several rounds of: the best of n answers to each prompt, then training on them.

    fit(pairs) trains the model that `sample` samples from, on pairs of a prompt and an answer. It is called once in each round, after all prompts
    have been sampled, with the training set of all rounds so far. It gets a new list each time. (What fit does with it has no effect
    on later rounds.)

    Returns one number for each round: the mean reward of the answers that `best_of_n` gave in it. rounds = 0 gives []. There is at least one prompt.

    >>> rft_loop(["p", "q"], lambda prompt, n: ["x", "xx"], lambda prompt, answer: 1.0 * answer.count("x"), lambda pairs: None, rounds=2, n=2)
    [2.0, 2.0]
    """
    # YOUR CODE HERE
    raise NotImplementedError("rft_loop is not written yet")
