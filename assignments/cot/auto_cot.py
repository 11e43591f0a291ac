"""Prompts that write themselves. Auto-CoT picks questions that differ, and lets the model write their reasoning ("Automatic Chain of Thought
Prompting in Large Language Models", Zhang et al., 2022). Least-to-most takes a problem apart ("Least-to-Most Prompting Enables Complex Reasoning
in Large Language Models", Zhou et al., 2022).

Questions come with embeddings, a tensor (N, D) of float32 or float64. An *item* is a tuple (question, rationale, answer): what was asked, the
reasoning that a model has written, and the answer that was read out of it. A *language model* is a callable from a prompt to the text that it
writes; no other line break than a line feed occurs in texts. Tensors may be views, and those of one call have one dtype. Nothing that is passed in
is changed, no random number is drawn, and nothing is remembered between calls.
"""

import re
from collections.abc import Callable

import torch
from torch import Tensor

STEP_BY_STEP = "Let's think step by step."
DECOMPOSE = "Before this can be answered, which smaller questions must be answered? Write each of them on a line of its own."


def initial_centers(x: Tensor, k: int) -> Tensor:
    """k points of x that lie far apart, to begin k-means with.

    x: (N, D). The first one is x[0]. Each further one is the point whose distance to the nearest of those that were already chosen is largest; of
    several such points the first one. So points repeat if fewer than k of them are different. (k-means++ draws the point by chance, with a
    probability that is proportional to this distance squared.)

    Returns (k, D), a copy. Raises ValueError unless 1 <= k <= N.

    >>> initial_centers(tensor([[0.0], [1.0], [5.0], [3.0]]), 3)  # 5 is farthest from 0; then 3, which is 2 from 5
    tensor([[0.], [5.], [3.]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("initial_centers is not written yet")


def kmeans(x: Tensor, centers: Tensor, iters: int = 100) -> tuple[Tensor, Tensor]:
    """Lloyd's algorithm: (labels, centers).

    x: (N, D), N >= 1. centers: (K, D), K >= 1, where to begin.

    Each point belongs to the nearest center, by Euclidean distance; of several that are equally near to the first one. Then every center moves to
    the mean of its points. A center without points stays where it is. (scikit-learn moves it to a point that is far from its own center.) This is
    repeated until no point changes its center, or until the centers have moved iters times; with iters = 0 they never move.

    Returns labels (N,), int64, and centers (K, D), with x's dtype. Each label is the number of the nearest of the centers that are returned.

    >>> labels, centers = kmeans(tensor([[0.0], [1.0], [8.0], [10.0]]), tensor([[0.0], [1.0]]))
    >>> labels
    tensor([0, 0, 1, 1])
    >>> centers
    tensor([[0.5000], [9.0000]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("kmeans is not written yet")


def usable(item: tuple[str, str, str], max_words: int = 60, max_steps: int = 5) -> bool:
    """Whether an item is simple enough, and whole enough, to be shown as an example. All four must hold:

    - the question has at most max_words words, split at white space;
    - the rationale has at most max_steps steps. A step is a line that is not blank, however many sentences are on it;
    - the rationale, without white space at its end, ends with a full stop ".": otherwise the model was cut off;
    - the answer, without white space at both ends, is not empty and stands somewhere in the rationale. (The paper's code wants it in the last
      sentence or among the last ten words.)

    >>> usable(("How much is 2 + 3?", "2 + 3 is 5.", "5"))
    True
    >>> usable(("How much is 2 + 3?", "2 + 3 is", "5"))
    False
    """
    # YOUR CODE HERE
    raise NotImplementedError("usable is not written yet")


def pick_demos(
    x: Tensor, labels: Tensor, centers: Tensor, items: list[tuple[str, str, str]], max_words: int = 60, max_steps: int = 5
) -> list[int]:
    """One example of each cluster: the numbers of the items.

    x: (N, D), labels: (N,), centers: (K, D): as `kmeans` has them. items: N items, one for each row of x.

    From each cluster the usable item whose point is nearest to the cluster's own center; of several that are equally near the first one. A
    cluster without a usable item gives none. The numbers stand in the order of the clusters, from 0 to K - 1.

    Raises ValueError if there are not as many items as points.

    >>> items = [("a?", "", "7"), ("b?", "It is 7.", "7"), ("c?", "It is 8.", "8")]
    >>> pick_demos(tensor([[0.0], [2.0], [9.0]]), tensor([1, 1, 0]), tensor([[9.0], [1.0]]), items)
    [2, 1]
    """
    # YOUR CODE HERE
    raise NotImplementedError("pick_demos is not written yet")


def build_auto_cot(items: list[tuple[str, str, str]], question: str) -> str:
    """The prompt: examples, then the question that is to be answered.

    Each item becomes two lines and an empty one:

        Q: {question}
        A: Let's think step by step. {rationale} The answer is {answer}.

    The rationale stands on one line: all its white space, line breaks too, becomes single spaces, and there is none at its ends. Question and
    answer lose the white space at their ends. The prompt ends with "Q: {question}", a line break, and "A: Let's think step by step." Nothing
    follows. The items are shown as they are given, usable or not, and a rationale that begins with these words already has them twice.

    >>> build_auto_cot([("2 + 3?", "We add.\\nIt is 5.", "5")], "3 + 4?")
    "Q: 2 + 3?\\nA: Let's think step by step. We add. It is 5. The answer is 5.\\n\\nQ: 3 + 4?\\nA: Let's think step by step."
    >>> build_auto_cot([], "And 3 + 4?")
    "Q: And 3 + 4?\\nA: Let's think step by step."
    """
    # YOUR CODE HERE
    raise NotImplementedError("build_auto_cot is not written yet")


def least_to_most(llm: Callable[[str], str], problem: str, question: str, limit: int = 8) -> tuple[str, list[str]]:
    """Solve a problem by its smaller questions: (the answer to question, the answers to the smaller questions in their order).

    problem: what is given. question: what is asked about it. Both have no white space at their ends.

    1. llm is asked once with "{problem} {question}", a line break, and DECOMPOSE. Each line of its text that is not blank is a smaller question. Its
       white space at both ends goes, and then what numbers it: digits and a point or a closing bracket, or one "-" or "*", if white space
       follows. This is done once. A line that is then equal to question is left out, and of the rest only the first `limit` are asked.
    2. Each smaller question, and `question` itself at the end, is asked with one call, also if it was asked before. The prompt is problem, then
       for each question that was already answered an empty line, "Q: {it}", a line break and "A: {its answer}", then an empty line,
       "Q: {the present one}", a line break and "A:".
    3. Of what llm writes, the answer is the first line that is not blank, without white space at its ends: models go on and invent more
       questions. It is "" if all lines are blank.

    >>> least_to_most(lambda prompt: "1. How many?\\n2. What for?", "Ann has 5 apples.", "So?")
    ('1. How many?', ['1. How many?', '1. How many?'])
    """
    # YOUR CODE HERE
    raise NotImplementedError("least_to_most is not written yet")
