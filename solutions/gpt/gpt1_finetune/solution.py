"""GPT-1: the block of the model, and all that fine-tuning adds to it: tasks as sequences of tokens, where an answer is read, and a loss of two parts.

Sizes: B sequences of T tokens, V tokens in the vocabulary, C features, H heads of D = C / H features, N examples of a task with K classes.
One example may need several sequences.

Tensors are float32 or float64; all of a call are of one dtype, and so is the result. Everything is computed in that dtype, so float64 is
exact to 1e-10. There is no dropout. Arguments are left as they were, may be views (sliced, transposed), and share nothing with results.
Gradients flow to all floating arguments and parameters. A call leaves nothing behind, and blocks share nothing: what a block gives does not
depend on earlier calls, be their sequences longer or shorter.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

# BEGIN SOLUTION


def gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


class Attention(nn.Module):
    def __init__(self, C: int, H: int) -> None:
        super().__init__()
        self.H = H
        self.c_attn, self.c_proj = nn.Linear(C, 3 * C), nn.Linear(C, C)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (each.unflatten(-1, (self.H, -1)).transpose(1, 2) for each in self.c_attn(x).chunk(3, dim=-1))
        scores = q @ k.mT * q.shape[-1] ** -0.5  # (B, H, T, T)
        later = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1)
        weights = scores.masked_fill(later, -torch.inf).softmax(-1)
        return self.c_proj((weights @ v).transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, C: int, act: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.c_fc, self.c_proj, self.act = nn.Linear(C, 4 * C), nn.Linear(4 * C, C), act

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(self.act(self.c_fc(x)))


# END SOLUTION


class GPT1Block(nn.Module):
    """One block of GPT-1. The norm stands *behind* each sum (Post-LN), as in the first Transformer; GPT-2 moved it to the front. The block
    computes two lines.

        n = ln_1(x + attn(x))
        out = ln_2(n + mlp(n))

    attn is causal self-attention with H heads: a token sees itself and earlier ones, and scores are q · k / √D. mlp is a linear layer to 4 C
    features, an activation, and a linear layer back to C. ln_1 and ln_2 are layer norms over the last dimension: x minus its mean, divided
    by the root of (variance + eps), times weight, plus bias; the variance is the mean of the squares (not C - 1).

    The names of the parameters are those of Hugging Face's OpenAIGPTModel. There are no others. Matrices are kept as `nn.Linear` keeps
    them: (features out, features in). New ones may hold anything that can be trained, since checks load weights.

    - `attn.c_attn`: `….weight` (3 C, C) and `….bias` (3 C,). The first C features that come out are the queries, then come the keys, then
        the values. Of the C features of each, the first D belong to head 0, the next D to head 1, and so on;
    - `attn.c_proj`: `….weight` (C, C) and `….bias` (C,), for what the heads give, head 0 first;
    - `ln_1` and `ln_2`: `….weight` (C,) and `….bias` (C,);
    - `mlp.c_fc`: `….weight` (4 C, C) and `….bias` (4 C,), and `mlp.c_proj`: `….weight` (C, 4 C) and `….bias` (C,).
    """

    def __init__(self, C: int, H: int, eps: float = 1e-5, act: Callable[[Tensor], Tensor] | None = None) -> None:
        """A block for C features and H heads, with eps in both norms.

        act: the activation, called with (B, T, 4 C). None means GELU in the form of GPT-1's code: x/2 · (1 + tanh(√(2/π) · (x + 0.044715
            x³))). (The exact GELU, which `torch.nn.GELU()` is by default, differs by up to 0.0005: one check, and no other, tells the
            difference.) If act is an `nn.Module` with parameters of its own, they may become parameters of the block, as in the reference,
            or not: no check asks for that.
        """
        super().__init__()
        # BEGIN SOLUTION
        self.attn, self.mlp = Attention(C, H), MLP(C, gelu if act is None else act)
        self.ln_1, self.ln_2 = nn.LayerNorm(C, eps), nn.LayerNorm(C, eps)
        # END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """x: (B, T, C), the features of all tokens. Returns (B, T, C). Later tokens are hidden completely, however large the scores are.
        (GPT-1's code, and Hugging Face's, subtracts 10 000 from their scores: one check, and no other, tells the difference.) Training and
        evaluation mode give the same.
        """
        # BEGIN SOLUTION
        n = self.ln_1(x + self.attn(x))
        return self.ln_2(n + self.mlp(n))
        # END SOLUTION


def format_task(kind: str, fields: dict[str, list], S: int, DLM: int, E: int) -> list[list[int]]:
    """One example of a task, as the sequences of tokens that the model reads ("Improving Language Understanding", section 3.3 and figure 1).

    S, DLM, E: the ids of the three new tokens: start, delimiter, and the end, at which the answer is read (`<s>`, `$`, `<e>`).
    kind and fields: the texts are lists of ids, which may be empty.

    - "cls", a text to be classified, {"text": …}: S text E;
    - "entail", does a premise imply a hypothesis, {"premise": …, "hypothesis": …}: S premise DLM hypothesis E;
    - "sim", do two texts mean the same, {"a": …, "b": …}: since they have no order, *two* sequences, S a DLM b E and S b DLM a E, in this
        order, also where a and b are alike;
    - "mcq", a question about a context with several answers, {"context": …, "question": …, "answers": [… , …]}: one sequence for each
      answer, in their order,
        S context question DLM answer E. Nothing stands between context and question.

    Returns the sequences, each a new list; none is padded or cut. fields is not changed. Another kind raises ValueError.

    >>> format_task("sim", {"a": [5, 6], "b": [7]}, S=1, DLM=2, E=3)
    [[1, 5, 6, 2, 7, 3], [1, 7, 2, 5, 6, 3]]
    >>> format_task("mcq", {"context": [5], "question": [6], "answers": [[7], [8, 9]]}, S=1, DLM=2, E=3)
    [[1, 5, 6, 2, 7, 3], [1, 5, 6, 2, 8, 9, 3]]
    """
    # BEGIN SOLUTION
    if kind == "cls":
        parts = [[fields["text"]]]
    elif kind == "entail":
        parts = [[fields["premise"], fields["hypothesis"]]]
    elif kind == "sim":
        parts = [[fields["a"], fields["b"]], [fields["b"], fields["a"]]]
    elif kind == "mcq":
        parts = [[fields["context"] + fields["question"], answer] for answer in fields["answers"]]
    else:
        raise ValueError(f"there is no kind {kind!r}")
    return [[S, *first, *(token for text in more for token in [DLM, *text]), E] for first, *more in parts]
    # END SOLUTION


def clf_readout(h: Tensor, ids: Tensor, extract_id: int) -> Tensor:
    """The features at which the answer is read: those of the end token, the last token of the example. No earlier one has seen all of it.

    h: (B, T, C), what the last block gave. ids: int64 (B, T). Behind the end token of a row stands padding, of any ids, which may be `extract_id`
        as well. So the *first* place of a row that holds `extract_id` counts.

    Returns (B, C). What stands behind that place has no influence, also where it is infinite or nan. Raises ValueError if some row has no such place.

    >>> clf_readout(tensor([[[1.0], [2.0], [3.0]], [[4.0], [5.0], [6.0]]]), tensor([[7, 3, 0], [7, 8, 3]]), 3)
    tensor([[2.],
            [6.]])
    """
    # BEGIN SOLUTION
    found = ids == extract_id
    if not found.any(1).all():
        raise ValueError(f"a row has no token {extract_id}")
    first = found.int().argmax(1)  # of equal numbers argmax takes the first
    return h[torch.arange(len(h), device=h.device), first]
    # END SOLUTION


def task_logits(kind: str, reads: Tensor, w: Tensor, b: Tensor) -> Tensor:
    """The scores of the answers of N examples, from what was read at the end of their sequences.

    reads: (N, R, C), for each example what `clf_readout` gave for its R sequences, in the order of `format_task`. w, b: a linear layer,
    (K, C) and (K,).

    - "cls" and "entail", R = 1: the layer's result, (N, K);
    - "sim", R = 2: the two reads are added (not averaged), and the layer is applied to the sum, (N, K). So the order of the two texts does
      not matter;
    - "mcq", R answers, K = 1: the layer's one number for each sequence, (N, R). A softmax over the answers is part of the loss, not of this function.

    Another kind raises ValueError.

    >>> task_logits("sim", tensor([[[1.0], [2.0]]]), tensor([[1.0], [10.0]]), tensor([0.5, 0.0]))
    tensor([[ 3.5000, 30.0000]])
    >>> task_logits("mcq", tensor([[[1.0], [2.0], [4.0]]]), tensor([[10.0]]), tensor([0.5]))
    tensor([[10.5000, 20.5000, 40.5000]])
    """
    # BEGIN SOLUTION
    if kind not in ("cls", "entail", "sim", "mcq"):
        raise ValueError(f"there is no kind {kind!r}")
    if kind == "mcq":
        return (reads @ w.T + b).squeeze(-1)
    return reads.sum(1) @ w.T + b
    # END SOLUTION


def gpt1_loss(lm_logits: Tensor, ids: Tensor, lm_mask: Tensor, clf_logits: Tensor, y: Tensor, lam: float = 0.5) -> Tensor:
    """The loss of fine-tuning: that of the task, plus lam times that of the language model on the same sequences. (L3 = L2 + λ L1 in the paper,
    where both are likelihoods to be made large; here both are losses to be made small.)

    The task: clf_logits (N, K), y int64 (N,): the mean over the examples of -ln softmax(clf_logits)[y].

    The language model: lm_logits (B, T, V), ids int64 (B, T), lm_mask bool (B, T), True for tokens and False for padding. B may differ
    from N. The logits at place t predict the token at place t + 1, which counts if lm_mask is True at t + 1. So the first token is never a
    target, and the logits at places that predict no target (the last one, and those before padding) are not used; they are finite too. The
    loss is the mean over each sequence's targets, and then the mean over the sequences: every sequence has the same weight, whatever its
    length. (GPT-1's code does that; Hugging Face's models take one mean over all targets of the batch, in which long sequences weigh more. One
    check, and no other, tells the difference.) Every sequence has at least one target. Large logits give finite results.

    Returns one number. With lam = 0 it is the task's loss.

    >>> mask = torch.ones(1, 3, dtype=torch.bool)
    >>> gpt1_loss(torch.zeros(1, 3, 4), tensor([[0, 1, 2]]), mask, torch.zeros(1, 2), tensor([1]))  # ln 2 + ln(4) / 2
    tensor(1.3863)
    """
    # BEGIN SOLUTION
    surprise = nn.functional.cross_entropy(lm_logits[:, :-1].mT, ids[:, 1:], reduction="none")  # (B, T - 1)
    counts = lm_mask[:, 1:]
    lm = (surprise * counts).sum(1) / counts.sum(1)
    return nn.functional.cross_entropy(clf_logits, y) + lam * lm.mean()
    # END SOLUTION
