"""Checks of warmup/softmax_lse: values and gradients, huge scores, masks, empty slices, the online form."""

from math import inf, log

import torch
from hypothesis import strategies as st

from autograder.checks import Tolerance, case, check

# For checks that are not about precision. Honest answers differ by 2e-7; exp(x - logsumexp(x)) is wrong by 5e-4.
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


@check(
    points=1,
    inputs=scores,
    lecture="the-definitions",
    given=dict(shape=st.lists(st.integers(1, 4), min_size=2, max_size=3), dim=st.integers(-2, 1)),
    public=[
        case("exp(x) is 1, 2, 5", values=[0.0, log(2), log(5)], dim=0),
        case("two rows, over the columns", values=[[0.0, log(3)], [log(2), log(2)]], dim=1),
        case("two rows, over the rows", values=[[0.0, log(3)], [log(2), log(2)]], dim=0),
    ],
    hidden=[
        case("float64, the last of three dimensions", shape=(2, 3, 5), dim=-1, dtype="float64"),
        case("the first of three dimensions", shape=(4, 3, 2), dim=0),
        case("the middle one, counted from the end", shape=(3, 7, 2), dim=-2, scale=3.0),
        case("the second of four", shape=(2, 5, 3, 3), dim=1, dtype="float64"),
        case("slices of one entry", shape=(5, 1), dim=1),
        case("other dimensions of size 1", shape=(1, 6, 1), dim=1),
        case("one of the other dimensions has size 1", shape=(3, 6, 1), dim=1),
        case("some scores are -inf", values=[[0.5, -inf, 2.0], [-inf, -1.0, -inf], [1.5, 0.0, -2.5]], dim=0),
        case("ties for the maximum", values=[[2.0, 2.0, 2.0, -1.0], [0.0, 3.0, 3.0, 1.0]], dim=-1, dtype="float64"),
        case("a long slice", shape=(2, 1000), dim=1),
    ],
    fresh=2,
    cites=[
        "log Σ exp(x) over the dimension",
        "the dimension to sum over",
        "Returns x's shape without",
        "Gradients flow to x: dy/dx_i",
        "exp(x) / Σ exp(x) over the dimension",
        "the dimension that sums to 1",
        "Returns a tensor of x's shape",
        "None keeps everything",
        "Inputs may be views",
        "A result depends on the arguments",
        "scores of any shape",
    ],
)
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


@check(
    points=1,
    inputs=scores,
    lecture="the-maximum-comes-out",
    tolerance=FLOAT32,
    public=[
        case("scores of 1000", values=[[1000.0, 1000.0], [-1000.0, -1000.0]]),
        case("±1e30", values=[[1e30, 1e30, -1e30], [-1e30, -1e30, -1e30], [0.0, 0.0, 1.0]]),
    ],
    hidden=[
        case("each slice somewhere else", shape=(6, 9), dim=1, apart=1e4),
        case("each slice somewhere else, over rows", shape=(7, 2, 3), dim=0, apart=300.0),
        case("float64", shape=(3, 8), dim=-1, apart=1e6, scale=2.0, dtype="float64"),
        case("random scores around 1e29", shape=(5, 4), dim=0, scale=1e29),
        case("just too large for exp in float32", values=[[89.0, 88.0, 87.0], [-104.0, -105.0, -106.0]], dim=1),
        case("just too large for exp in float64", values=[[710.0, 709.0], [-746.0, -747.0]], dtype="float64"),
        case("huge ties", values=[[3e4, 3e4, 3e4, 0.0, 3e4], [-7e9, -8e9, -7e9, -7e9, -inf]], dim=1),
        case("one entry", values=[-1e30], dim=0),
    ],
    fresh=2,
    cites=["Scores are float32 or float64", "Equal scores get equal weights"],
)
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


@check(
    points=1,
    inputs=masked,
    lecture="masks-come-before-the-sum",
    public=[
        case("the last is masked", values=[0.0, log(3), 99.0], mask=[True, True, False]),
        case("causal", values=[[0.0, 7.0], [0.0, log(3)]], mask=[[True, False], [True, True]]),
    ],
    hidden=[
        case("random masks", shape=(5, 9), mask_shape=(5, 9)),
        case("the masked scores are the largest by far", shape=(4, 7), mask_shape=(4, 7), loud=1e4),
        case("the masked scores are 1e30", shape=(3, 6, 2), mask_shape=(3, 6, 2), dim=-2, loud=1e30),
        case("the masked scores are -1e30", shape=(3, 8), mask_shape=(3, 8), loud=-1e30),
        case("one mask for all rows", shape=(6, 5), mask_shape=(5,), loud=50.0),
        case("one mask for all heads", shape=(2, 3, 4, 5), mask_shape=(2, 1, 1, 5), dtype="float64"),
        case("over rows, one mask for all columns", shape=(7, 4), mask_shape=(7, 1), dim=-2),
        case("one kept in a slice", shape=(6, 11), mask_shape=(6, 11), p=0.0, loud=3.0),
        case("nothing masked", shape=(3, 4), mask_shape=(3, 4), p=1.0),
        case("three of four dimensions: they are the last", shape=(2, 2, 3, 4), mask_shape=(2, 3, 4)),
        case("a mask of no dimension", values=[[1.0, 2.0], [0.5, 0.25]], mask=True),
        case("float64, to the last digits", shape=(3, 5), mask_shape=(3, 5), dtype="float64"),
    ],
    fresh=2,
    cites=[
        "broadcastable to x's shape",
        "Its weight is exactly 0",
        "Its score has no influence",
        "Results have the dtype of the scores",
        "Gradients flow to x.",
        "True = keep",
    ],
)
def masked_entries_take_no_part(student, x, dim, mask):
    """Masked entries get weight 0, and the kept ones share 1 as if the masked were not there."""
    return {
        "softmax": student.softmax(x, dim, mask=mask),
        "gradient": gradient(lambda x: student.softmax(x, dim, mask=mask), x),
    }


@check(
    points=1,
    inputs=masked,
    lecture="a-slice-with-nothing-in-it",
    tolerance=FLOAT32,
    public=[
        case("the second row is masked", values=[[0.0, log(3)], [5.0, 6.0]], mask=[[True, True], [False, False]]),
    ],
    hidden=[
        case("two of six", shape=(6, 5), mask_shape=(6, 5), p=1.0, empty=2),
        case("over the middle", shape=(2, 4, 3), mask_shape=(2, 4, 3), dim=-2, p=1.0, empty=1, dtype="float64"),
        case("the same for all heads", shape=(2, 3, 4, 5), mask_shape=(2, 1, 4, 1), dim=-1, p=1.0, empty=3),
        case("whole rows: the mask has one column", values=[[1.0, -2.0, 0.5]] * 3, mask=[[False], [True], [False]]),
        case("the mask has fewer dimensions", values=[[1.0, 2.0], [3.0, 5.0]], mask=[True, False], dim=0),
        case("its scores are 1e30", shape=(4, 3), mask_shape=(4, 3), p=1.0, empty=1, loud=1e30),
        case("one entry a slice", values=[[4.0], [5.0], [6.0]], mask=[[True], [False], [True]], dim=1),
        case(
            "what the mask keeps is -inf",
            values=[[-inf, 5.0, -inf], [1.0, 2.0, 4.0]],
            mask=[[True, False, True], [True] * 3],
        ),
    ],
    fresh=2,
    cites=["A slice with nothing left", "of only -inf gives -inf", "torch.softmax gives nan there"],
)
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


@check(
    points=1,
    inputs=pieces,
    lecture="one-pass-two-running-numbers",
    given=dict(lengths=st.lists(st.integers(1, 5), min_size=1, max_size=6), drift=st.sampled_from([0.0, 4.0, -5.0])),
    public=[
        case("the maximum moves once", values=[[0.0, log(2)], [log(8), log(4)]]),
        case("the same, cut differently", values=[[0.0, log(2), log(8)], [log(4)]]),
        case("a chunk of -inf comes first", values=[[-inf], [3.0, -inf]]),
    ],
    hidden=[
        case("random chunks", lengths=(4, 7, 1, 5), scale=2.0),
        case("the maximum moves with every chunk", lengths=(3, 3, 5, 2), drift=4.0),
        case("the maximum is in the first chunk", lengths=(6, 2, 9), drift=-5.0),
        case("shuffled, float64", lengths=(2, 8, 3, 5, 4), drift=1.5, order="shuffled", dtype="float64"),
        case("all scores are below zero", lengths=(3, 5, 2), drift=-40.0, scale=9.0, order="shuffled"),
        case("one score at a time", lengths=(1,) * 40, scale=3.0, dtype="float64"),
        case("a single chunk", lengths=(11,), scale=5.0),
        case("huge scores", values=[[1e30, -1e30], [1e30], [0.0, 2e29]]),
        case("the sum starts far below zero", values=[[-1e30, -1e30], [-800.0], [-800.0, -801.0]], dtype="float64"),
        case("chunks of -inf at both ends", lengths=(3, 2, 4, 2, 5), blank=(0, 1, 4), drift=0.5, dtype="float64"),
        case("nothing but -inf", values=[[-inf, -inf], [-inf]]),
    ],
    fresh=3,
    cites=[
        "The maximum m and the sum",
        "yields one or more chunks",
        "It can be gone through only once",
        "Use each chunk when it comes",
        "Returns (m, l), both of shape",
        "They do not depend on how",
        "Chunks may hold -inf",
        "If all scores are -inf",
    ],
)
def one_pass_keeps_maximum_and_sum(student, chunks):
    """online_softmax gives the same (m, l) for every way to cut and order the scores, using each chunk once."""
    m, l_ = student.online_softmax(one_at_a_time(chunks))
    other = student.online_softmax(one_at_a_time([chunk / 2 for chunk in chunks]))  # m and l stay what they are
    return {"m": m, "l": l_, "of halves": other}
