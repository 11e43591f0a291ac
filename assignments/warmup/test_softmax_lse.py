"""Public checks of warmup/softmax_lse: run `pytest` on this file, or `autograder check warmup/softmax_lse`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from math import inf, log
import torch
from autograder.checks import Tolerance, case, check


FLOAT32 = Tolerance(atol=1e-6, rtol=1e-5)


def gradient(f, x):
    """The gradient of a weighted sum of f(x) (the plain sum of a softmax has none)."""
    x = x.clone().requires_grad_()
    y = f(x)
    if y.requires_grad:
        weights = torch.arange(1, y.numel() + 1, dtype=y.dtype).sin().reshape(y.shape)
        (y * weights).sum().backward()
    return x.grad


def one_at_a_time(chunks):
    """Yields the chunks, each in the memory of the one before."""
    memory = chunks[0].new_empty(max(len(chunk) for chunk in chunks), 2)[:, 0]  # a view
    for chunk in chunks:
        yield memory[: len(chunk)].copy_(chunk)


def scores(rng, dim=-1, values=None, shape=(), scale=1.0, apart=0.0, dtype="float32"):
    """Given scores, or random ones; `apart` moves each slice by an amount of its own."""
    dtype = getattr(torch, dtype)
    if values is not None:
        return {"x": torch.tensor(values, dtype=dtype), "dim": dim}
    x = rng.normal(*shape, scale=scale, dtype=dtype)
    per_slice = [1 if i == dim % len(shape) else n for i, n in enumerate(shape)]
    return {"x": x + rng.normal(*per_slice, scale=apart, dtype=dtype), "dim": dim}


@check(points=1, inputs=scores, lecture='the-definitions', public=[case('exp(x) is 1, 2, 5', values=[0.0, log(2), log(5)], dim=0), case('two rows, over the columns', values=[[0.0, log(3)], [log(2), log(2)]], dim=1), case('two rows, over the rows', values=[[0.0, log(3)], [log(2), log(2)]], dim=0)], given={})
def sums_over_the_given_dimension(student, x, dim):
    """logsumexp and softmax work over the dimension `dim`, and gradients flow back through both."""
    half = (x / 2).transpose(0, -1).contiguous().transpose(0, -1)
    views = [half, half - torch.arange(x.shape[-1])]  # what was returned for the first stays
    return {
        "logsumexp": student.logsumexp(x, dim),
        "gradient of logsumexp": gradient(lambda x: student.logsumexp(x, dim), x),
        "softmax": student.softmax(x, dim),
        "gradient of softmax": gradient(lambda x: student.softmax(x, dim), x),
        "of x/2, in views": [f(view, dim) for f in (student.logsumexp, student.softmax) for view in views],
    }


@check(points=1, inputs=scores, lecture='the-maximum-comes-out', tolerance=FLOAT32, public=[case('scores of 1000', values=[[1000.0, 1000.0], [-1000.0, -1000.0]]), case('±1e30', values=[[1e+30, 1e+30, -1e+30], [-1e+30, -1e+30, -1e+30], [0.0, 0.0, 1.0]])])
def huge_scores_do_not_overflow(student, x, dim):
    """Huge scores neither overflow nor vanish: each slice is shifted by its own maximum."""
    return {"logsumexp": student.logsumexp(x, dim), "softmax": student.softmax(x, dim)}


def masked(rng, shape=(), mask_shape=(), dim=-1, p=0.5, loud=None, empty=0, values=None, mask=None, dtype="float32"):
    """Scores and a mask that keeps something in every slice (`empty`: except in that many); `loud`: the masked scores."""
    dtype = getattr(torch, dtype)
    if values is not None:
        return {"x": torch.tensor(values, dtype=dtype), "dim": dim, "mask": torch.tensor(mask)}
    x, keep = rng.normal(*shape, dtype=dtype), rng.mask(*mask_shape, p=p)
    if dim + len(mask_shape) >= 0:  # else the mask has no such dimension and keeps whole slices or none
        rows = keep.movedim(dim, -1)
        rows[..., rng.integer(0, rows.shape[-1])] = True
        for _ in range(empty):
            rows[tuple(rng.integer(0, n) for n in rows.shape[:-1])] = False
    if loud is not None:
        x = torch.where(keep, x, torch.tensor(loud, dtype=dtype))
    return {"x": x, "dim": dim, "mask": keep}


@check(points=1, inputs=masked, lecture='masks-come-before-the-sum', public=[case('the last is masked', values=[0.0, log(3), 99.0], mask=[True, True, False]), case('causal', values=[[0.0, 7.0], [0.0, log(3)]], mask=[[True, False], [True, True]])])
def masked_entries_take_no_part(student, x, dim, mask):
    """Masked entries get weight 0, and the kept ones share 1 as if the masked were not there."""
    return {
        "softmax": student.softmax(x, dim, mask=mask),
        "gradient": gradient(lambda x: student.softmax(x, dim, mask=mask), x),
    }


@check(points=1, inputs=masked, lecture='a-slice-with-nothing-in-it', tolerance=FLOAT32, public=[case('the second row is masked', values=[[0.0, log(3)], [5.0, 6.0]], mask=[[True, True], [False, False]])])
def an_empty_slice_gives_zeros(student, x, dim, mask):
    """A slice that is masked or -inf throughout gives softmax 0, gradient 0 and logsumexp -inf, and no nan."""
    emptied = torch.where(mask, x, torch.tensor(-inf, dtype=x.dtype))
    return {
        "softmax with a mask": student.softmax(x, dim, mask=mask),
        "gradient with a mask": gradient(lambda x: student.softmax(x, dim, mask=mask), x),
        "softmax of -inf": student.softmax(emptied, dim),
        "gradient of -inf": gradient(lambda x: student.softmax(x, dim), emptied),
        "logsumexp of -inf": student.logsumexp(emptied, dim),
    }


def pieces(rng, values=None, lengths=(), drift=0.0, scale=1.0, blank=(), order=None, dtype="float32"):
    """Chunks of the given lengths: `drift` is added from chunk to chunk, `blank` ones are -inf."""
    dtype = getattr(torch, dtype)
    if values is not None:
        return {"chunks": [torch.tensor(v, dtype=dtype) for v in values]}
    chunks = [rng.normal(n, scale=scale, dtype=dtype) + drift * i for i, n in enumerate(lengths)]
    for i in blank:
        chunks[i].fill_(-inf)
    return {"chunks": rng.shuffled(chunks) if order == "shuffled" else chunks}


@check(points=1, inputs=pieces, lecture='one-pass-two-running-numbers', public=[case('the maximum moves once', values=[[0.0, log(2)], [log(8), log(4)]]), case('the same, cut differently', values=[[0.0, log(2), log(8)], [log(4)]]), case('a chunk of -inf comes first', values=[[-inf], [3.0, -inf]]), case('all scores are below zero', values=[[-3.0, -5.0], [-4.0]])], given={})
def one_pass_keeps_maximum_and_sum(student, chunks):
    """online_softmax gives the same (m, l) for every way to cut and order the scores, using each chunk once."""
    m, l_ = student.online_softmax(one_at_a_time(chunks))
    other = student.online_softmax(one_at_a_time([chunk / 2 for chunk in chunks]))  # m and l stay what they are
    return {"m": m, "l": l_, "of halves": other}
