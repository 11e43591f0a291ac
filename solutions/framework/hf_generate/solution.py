"""What `generate` of Hugging Face's transformers does: a loop around a model, processors of logits, stops, and files of weights.

Sizes: B sequences (rows), T tokens of a prompt, t tokens so far, V tokens in the vocabulary. Token ids are int64. Logits are float32 or
float64, finite or -inf, and what is computed from them has their dtype. Inputs may be views (transposed, sliced). Nothing that is passed is
changed, what was returned does not change later, and one call leaves nothing behind for the next.

**A place without a token.** Prompts of a batch have different lengths, so short ones are filled up on the left. Whoever looks at the ids of rows
(processors and stops) finds -1 at these places. It is no token: a -1 is never counted, never penalized, never part of an n-gram or of a text.
(Hugging Face passes the padding's own id along, so there a row can depend on how far it was filled up. One check tells the difference.)
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

# --- processors: each is called with the ids so far, (B, t) or -1, and the logits of the next token, (B, V); it returns new logits -----


class RepetitionPenalty:
    """Makes tokens that the row has already less likely: a logit above 0 is divided by p, one below 0 is multiplied by p. p > 0.

    However often a token is there, it is changed once. The prompt counts as well.

    >>> RepetitionPenalty(2.0)(tensor([[0, 1, 1]]), tensor([[2.0, -2.0, 3.0]]))
    tensor([[ 1., -4., 3.]])
    """

    def __init__(self, p: float) -> None:
        # BEGIN SOLUTION
        self.p = p
        # END SOLUTION

    def __call__(self, ids: Tensor, logits: Tensor) -> Tensor:
        # BEGIN SOLUTION
        V = logits.shape[1]
        seen = torch.zeros(len(ids), V + 1, dtype=torch.bool, device=ids.device).scatter(1, ids.masked_fill(ids < 0, V), True)[:, :V]
        return torch.where(seen, torch.where(logits < 0, logits * self.p, logits / self.p), logits)
        # END SOLUTION


class NoRepeatNGram:
    """Forbids (logit -inf) each token that would complete an n-gram, n tokens in a row, that is in the row already. n >= 1.

    With n = 1 no token comes twice. The prompt counts as well.

    >>> NoRepeatNGram(2)(tensor([[0, 1, 2, 0]]), tensor([[5.0, 6.0, 7.0]]))  # 0 1 was there; 0 is the last token
    tensor([[5., -inf, 7.]])
    """

    def __init__(self, n: int) -> None:
        # BEGIN SOLUTION
        self.n = n
        # END SOLUTION

    def __call__(self, ids: Tensor, logits: Tensor) -> Tensor:
        # BEGIN SOLUTION
        forbidden = torch.zeros_like(logits, dtype=torch.bool)
        t = ids.shape[1]
        if t >= self.n:
            grams = ids.unfold(1, self.n, 1)  # (B, t - n + 1, n)
            begun = ids[:, None, t - self.n + 1 :]  # (B, 1, n - 1): what the next token would complete
            row, place = ((grams[..., :-1] == begun).all(-1) & (grams >= 0).all(-1)).nonzero(as_tuple=True)
            forbidden[row, grams[row, place, -1]] = True
        return logits.masked_fill(forbidden, -torch.inf)
        # END SOLUTION


class MinLength:
    """Forbids the token `eos` (logit -inf) in rows that have fewer than n tokens so far, those of the prompt included.

    >>> MinLength(2, eos=0)(tensor([[-1, 1], [1, 1]]), tensor([[5.0, 6.0], [5.0, 6.0]]))
    tensor([[-inf, 6.], [5., 6.]])
    """

    def __init__(self, n: int, eos: int) -> None:
        # BEGIN SOLUTION
        self.n, self.eos = n, eos
        # END SOLUTION

    def __call__(self, ids: Tensor, logits: Tensor) -> Tensor:
        # BEGIN SOLUTION
        short = (ids >= 0).sum(1) < self.n
        logits = logits.clone()
        logits[short, self.eos] = -torch.inf
        return logits
        # END SOLUTION


class MinP:
    """Forbids (logit -inf) tokens whose probability is below p times that of the most probable one. 0 <= p <= 1.

    Probabilities are the softmax of the logits. A token that has exactly p times the largest probability stays: with p = 1, all
    tokens with the largest logit stay; with p = 0, all stay. (Otherwise no probability lies within rounding of the bound.)

    >>> MinP(0.3)(tensor([[0]]), tensor([[0.6, 0.1, 0.3]]).log())  # the bound is .18
    tensor([[-0.5108, -inf, -1.2040]])
    """

    def __init__(self, p: float) -> None:
        # BEGIN SOLUTION
        self.p = p
        # END SOLUTION

    def __call__(self, ids: Tensor, logits: Tensor) -> Tensor:
        # BEGIN SOLUTION
        probs = logits.softmax(-1)
        return logits.masked_fill(probs < self.p * probs.amax(-1, keepdim=True), -torch.inf)
        # END SOLUTION


# --- stops: each is called with the ids so far, (B, t) or -1, the newest token included, and says which rows are finished --------------


class StopString:
    """Finishes a row when its last token completes one of the texts `stops`.

    decode: from a list of ids to their text. A token need not be whole characters: two tokens may give one character together. stops:
    any number of texts, none of them empty.

    Let `text` be the text of a row, and `before` its text without the last token. The row is finished if some stop stands in `text` at a place
    where `before` does not have it. So the stop may begin in earlier tokens and the last token may go on behind it ("st" and "opera" complete
    "stop"), but what was complete before the last token came, in a prompt for example, stops nothing.

    With the text "ab" for every token, the second token completes "ba":

    >>> StopString(["ba"], lambda ids: "ab" * tensor(ids).shape[0])(tensor([[-1, 7], [7, 7]]))
    tensor([False, True])
    """

    def __init__(self, stops: list[str], decode: Callable[[list[int]], str]) -> None:
        # BEGIN SOLUTION
        self.stops, self.decode = list(stops), decode
        # END SOLUTION

    def __call__(self, ids: Tensor) -> Tensor:
        """Returns (B,) bool."""
        # BEGIN SOLUTION
        done = []
        for row in ids.tolist():
            tokens = [token for token in row if token >= 0]
            text, before = self.decode(tokens), self.decode(tokens[:-1])
            places = [(stop, i) for stop in self.stops for i in range(len(text)) if text.startswith(stop, i)]
            done.append(any(not before.startswith(stop, i) for stop, i in places))
        return torch.tensor(done, dtype=torch.bool, device=ids.device)
        # END SOLUTION


def generate(
    model: Callable[[Tensor, Tensor, Tensor, object], tuple[Tensor, object]],
    ids: Tensor,
    mask: Tensor,
    max_new: int,
    *,
    processors: Sequence[Callable[[Tensor, Tensor], Tensor]] = (),
    stopping: Sequence[Callable[[Tensor], Tensor]] = (),
    do_sample: bool = False,
    gen: torch.Generator | None = None,
    eos: int | None = None,
    pad: int = 0,
    use_cache: bool = True,
) -> Tensor:
    """Continue each row by up to max_new tokens.

    ids: (B, T), the prompts, filled up on the left. mask: (B, T) bool, True where there is a token; at least the last place of each row has one.
    What stands at the other places of `ids` (ids, too) is of no importance: a row is continued as if it were alone and not filled up.

    model: `logits, cache = model(new, positions, mask, cache)` with the new tokens, int64 (B, n), their positions, int64 (B, n), the
        mask of all tokens so far, bool (B, t), old ones and new ones, and the cache that the call before returned (None in the first call).
        logits: (B, n, V). The position of a token is the number of tokens before it in its row: the first real one has position 0. Places
        without a token may have any position from 0 on.
    use_cache: the first call gets the whole prompt, each later one the newest token of each row alone, and the cache. Without it, each call
        gets all tokens again, and None for the cache. The tokens that come out are the same.

    For each new token, the model is called once, without recording gradients, and

    1. the logits of the last place go through the `processors`, one after the other, in their order;
    2. the next token of a row is the one with the largest logit, or with do_sample it is drawn from the softmax of the logits,
       each row independently, with randomness from `gen` alone (from torch's global generator when `gen` is None; without do_sample nothing is
       drawn);
    3. a row is finished when its new token is `eos`, or when one of `stopping` says so. That token is kept. An eos in the prompt finishes nothing.
       A finished row gets `pad` from then on, and nothing begins it again. What the model, processors and stops see of it is of no importance.

    It ends after max_new tokens (0 is allowed: the model is not called then), or as soon as all rows are finished.

    Returns (B, T + n): ids as they were given, and the n new tokens of each row.

    A model that always prefers token 2, then 1:

    >>> model = lambda new, positions, mask, cache: (tensor([0.0, 1.0, 3.0]).expand(new.shape[0], new.shape[1], 3), None)
    >>> generate(model, tensor([[1], [0]]), tensor([[True], [True]]), 2)
    tensor([[1, 2, 2], [0, 2, 2]])
    >>> generate(model, tensor([[1]]), tensor([[True]]), 3, eos=2, pad=0)
    tensor([[1, 2]])
    """
    # BEGIN SOLUTION
    text = ids.masked_fill(~mask, -1)  # what processors and stops see
    done = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)
    cache, fed = None, 0
    for _ in range(max_new):
        positions = (mask.long().cumsum(1) - 1).clamp_min(0)
        with torch.no_grad():
            logits, cache = model(ids[:, fed:], positions[:, fed:], mask, cache)
        if use_cache:
            fed = ids.shape[1]
        else:
            cache = None
        logits = logits[:, -1]
        for processor in processors:
            logits = processor(text, logits)
        token = torch.multinomial(logits.softmax(-1), 1, generator=gen)[:, 0] if do_sample else logits.argmax(-1)
        token = token.masked_fill(done, pad)
        ids, text = (torch.cat([x, token[:, None]], 1) for x in (ids, text))
        mask = torch.cat([mask, mask.new_ones(len(mask), 1)], 1)
        if eos is not None:
            done = done | (token == eos)
        for stop in stopping:
            done = done | stop(text)
        if done.all():
            break
    return ids
    # END SOLUTION


def shard_state_dict(sd: dict[str, Tensor], max_bytes: int) -> tuple[list[dict[str, Tensor]], dict[str, dict]]:
    """Spread the weights of a model over files of at most max_bytes bytes, and write the index that finds them again.

    sd: names and tensors (at least one, none without elements), of any dtypes. A tensor takes as many bytes as it has elements times the bytes of
    an element.

    Tensors are taken in the order of `sd`. A file takes one after the other; before the tensor with which it would have more than max_bytes,
    it is closed and the next one begins. A tensor that has more than max_bytes by itself is a file of its own, closed at once, and the file that
    was being filled goes on to be filled. Files stand in the order in which they were closed; the last one is closed at the end. No file is empty.

    Tied weights: names that stand for the same memory (the same address, shape and strides) are saved once, under the first of these names. The
    other names appear nowhere; the model ties them again when it is loaded. Two slices of one tensor are two tensors, and so are equal ones in
    other memory.

    Returns (files, index). files: a dict for each file, from names to the tensors themselves: nothing is copied. index: {"metadata":
    {"total_size": n}, "weight_map": {name: file name, …}} with the bytes of all files together, and the file names
    "model-00001-of-00003.safetensors", and so on. If there is one file, its name is "model.safetensors".

    >>> x = torch.zeros(3)
    >>> shard_state_dict({"a": x, "b": torch.ones(2), "c": x}, 16)[1]["weight_map"]
    {"a": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}
    >>> shard_state_dict({"a": x, "c": x}, 16)[1]
    {"metadata": {"total_size": 12}, "weight_map": {"a": "model.safetensors"}}
    """
    # BEGIN SOLUTION
    files, current, filled, total, known = [], {}, 0, 0, set()
    for name, tensor in sd.items():
        memory = tensor.data_ptr(), tensor.shape, tensor.stride()
        if memory in known:
            continue
        known.add(memory)
        size = tensor.numel() * tensor.element_size()
        total += size
        if size > max_bytes:
            files.append({name: tensor})
            continue
        if filled + size > max_bytes:
            files.append(current)
            current, filled = {}, 0
        current[name] = tensor
        filled += size
    if current:
        files.append(current)
    n = len(files)
    names = [f"model-{i:05}-of-{n:05}.safetensors" for i in range(1, n + 1)] if n > 1 else ["model.safetensors"]
    weight_map = {name: file for file, tensors in zip(names, files, strict=True) for name in tensors}
    return files, {"metadata": {"total_size": total}, "weight_map": weight_map}
    # END SOLUTION
