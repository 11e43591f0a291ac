"""Checks of sft/packing: rows that are filled well, packed batches, masks of blocks, noise."""

import torch

from autograder.checks import case, check, flags, raises, with_gradients

# --- which examples share a row --------------------------------------------------------------------------------------


def rows(rng, lengths=(), cap=8, n=0, low=1):
    return {"lengths": list(lengths) or [rng.integer(low, cap + 1) for _ in range(n)], "cap": cap}


@check(
    points=2,
    inputs=rows,
    lecture="best-fit-decreasing",
    public=[
        case("four examples", lengths=[5, 3, 4, 2]),
        case("the best row is not the first one", lengths=[5, 7, 1, 4], cap=10),
        case("the longest comes last", lengths=[1, 2, 7]),
    ],
    hidden=[
        case("twenty at random", n=20, cap=13),
        case("many at random", n=120, cap=50, low=3),
        case("equal lengths", lengths=[4, 4, 4, 4, 4], cap=9),
        case("equal room", lengths=[7, 7, 7, 2, 2, 2, 1], cap=10),
        case("just enough", lengths=[8, 5, 3, 7, 1]),
        case("all are full", lengths=[8, 8, 8]),
        case("one example", lengths=[3]),
        case("small ones", n=30, cap=3),
        case("no example", lengths=[], n=0),
        case("rows of one", lengths=[1, 1, 1], cap=1),
        case("half and a little more", lengths=[6, 6, 6, 5, 5, 4, 4, 1, 1, 1], cap=10),
    ],
    fresh=1,
    cites=[
        "The longest example comes first", "Each goes into the row with the least room", "into the one that was opened first", "Where no row has room",
        "Returns the rows in the order", "perhaps there are none",
    ],
)  # fmt: skip
def each_goes_where_it_fits_best(student, lengths, cap):
    """The longest example comes first, and each goes into the row with the least room that is enough."""
    first = student.pack_bfd(lengths, cap)
    kept = [list(row) for row in first]
    first.clear()  # the caller's own now
    return [kept, student.pack_bfd(lengths[::-1], cap), student.pack_bfd(lengths, cap + 3), student.pack_bfd(lengths, cap)]


@check(
    points=1,
    inputs=rows,
    lecture="best-fit-decreasing",
    public=[case("one token too many", lengths=[3, 9, 2])],
    hidden=[case("the last one", lengths=[1, 2, 4], cap=3), case("the only one", lengths=[2], cap=1), case("two of them", lengths=[7, 5, 6, 1], cap=5)],
    cites=["An example that is longer than cap"],
)
def too_long_examples_are_refused(student, lengths, cap):
    """An example that is longer than a row is a ValueError, and one that is just as long is not."""
    sound = [min(n, cap) for n in lengths]
    return {"bad": raises("ValueError", lambda: student.pack_bfd(lengths, cap)), "good": student.pack_bfd(sound, cap)}


# --- batches and masks -----------------------------------------------------------------------------------------------


def packs(rng, lengths, trained=0.7, low=0, high=90):
    ids = [[rng.integer(low, high) for _ in range(n)] for n in lengths]
    return {"ex": [(row, [i if rng.real(0, 1) < trained else -100 for i in row]) for row in ids]}


@check(
    points=2,
    inputs=packs,
    lecture="one-row",
    public=[case("three tokens and two", lengths=[3, 2], trained=2.0), case("three examples", lengths=[1, 4, 2])],
    hidden=[
        case("at random", lengths=[5, 1, 3, 2]),
        case("one example", lengths=[6], trained=2.0),
        case("examples of one token", lengths=[1, 1, 1], trained=2.0),
        case("nothing is trained", lengths=[2, 3], trained=-1.0),
        case("a long example", lengths=[5000, 3], trained=2.0),
        case("large ids", lengths=[2, 2], low=3_000_000_000, high=3_000_000_100, trained=2.0),
        case("all alike", lengths=[3, 3, 3], low=7, high=8, trained=2.0),
        case("nineteen examples", lengths=[2] * 19),
        case("many", lengths=[4, 9, 1, 7, 2, 12, 3], trained=0.9),
    ],
    fresh=1,
    cites=[
        "as given but 100 for the first token", "0 1 2 for each example anew", "where examples begin and T", "they stand one behind the other", "Arguments are left as they were", "A label is the id",
    ],
)  # fmt: skip
def examples_stand_in_one_row(student, ex):
    """Ids stand one behind the other, positions begin anew, and the first token of each example has no label."""
    alone = student.pack_batch(ex[:1])
    kept = {name: tensor.clone() for name, tensor in alone.items()}
    for tensor in alone.values():
        tensor.zero_()  # the caller's own now
    return [student.pack_batch(ex), student.pack_batch(ex[::-1]), kept, student.pack_batch(ex), student.pack_batch(ex[:1])]


def borders(rng, lengths, dtype="int32"):
    return {"cu": torch.tensor([0, *lengths]).cumsum(0).to(getattr(torch, dtype)), "x": rng.normal(sum(lengths), 3, dtype="float64")}


@check(
    points=1,
    inputs=borders,
    lecture="blocks-on-the-diagonal",
    public=[case("two tokens and one", lengths=[2, 1]), case("one, three, two", lengths=[1, 3, 2], dtype="int64")],
    hidden=[
        case("several", lengths=[4, 1, 1, 5, 2]),
        case("one example", lengths=[5]),
        case("one token", lengths=[1]),
        case("examples of one token", lengths=[1, 1, 1, 1]),
        case("equal lengths", lengths=[3, 3, 3], dtype="int64"),
        case("longer ones", lengths=[17, 23]),
        case("more examples than a byte counts", lengths=[1] * 300),
    ],
    cites=["t sees s if both belong", "int32 or int64", "True where token t"],
)
def examples_do_not_see_each_other(student, cu, x):
    """A token sees itself and earlier tokens of its own example."""
    mask, other = student.block_causal_mask(cu), student.block_causal_mask(cu[:2])
    backwards = student.block_causal_mask(cu[-1] - cu.flip(0))  # the same examples, the last one first
    spread = torch.stack([cu, cu], 1)[:, 0]  # a view that is not contiguous
    weights = (x @ x.T).masked_fill(~mask, -torch.inf).softmax(-1)
    kept = mask.clone()
    mask.zero_()  # the caller's own now
    return {"mask": kept, "first alone": other, "backwards": backwards, "of a view": student.block_causal_mask(spread), "attention": weights @ x, "again": student.block_causal_mask(cu)}


# --- noise -----------------------------------------------------------------------------------------------------------


def embeddings(rng, tokens, T, C, alpha=5.0, dtype="float32", seed=3, left=False, places=None):
    e = rng.normal(len(tokens), T, C, dtype=dtype)
    mask = torch.arange(T) < torch.tensor(tokens)[:, None] if places is None else torch.tensor(places, dtype=torch.bool)
    return {"e": e, "mask": mask.flip(1) if left else mask, "alpha": alpha, "seed": seed}


def noisy(student, e, mask, alpha, seed):
    gen = torch.Generator().manual_seed(seed)
    torch.manual_seed(1)
    first = with_gradients(lambda e: student.neftune(e, mask, alpha, gen), e=e)
    spread = e.mT.contiguous().mT
    drawn = torch.rand(1, generator=torch.Generator().set_state(gen.get_state()))  # how far the generator went
    second = student.neftune(spread, mask.T.contiguous().T, alpha, gen)  # the generator goes on
    again = student.neftune(spread * 2, mask, alpha / 2, torch.Generator().manual_seed(seed))
    return {"first": first, "drawn": drawn, "second": second, "again": again, "left": flags(e, spread), "global": torch.rand(2)}


@check(
    points=1,
    inputs=embeddings,
    lecture="noise-that-helps",
    public=[case("two rows of three tokens", tokens=[3, 3], T=3, C=4), case("no noise", tokens=[2], T=2, C=3, alpha=0.0)],
    hidden=[
        case("float64", tokens=[5, 5, 5], T=5, C=7, alpha=15.0, dtype="float64", seed=8),
        case("one token, one feature", tokens=[1], T=1, C=1, alpha=0.5, seed=5),
        case("one row", tokens=[9], T=9, C=2, alpha=10.0, seed=11),
        case("as many of everything", tokens=[4] * 4, T=4, C=4, seed=12),
        case("longer", tokens=[64, 64], T=64, C=3, alpha=1.0, seed=13, dtype="float64"),
    ],
    cites=[
        "The noise is uniform between", "in one draw of the shape", "in the dtype of e", "Gradients flow to e", "results share no memory", "All random numbers come from gen",
    ],
)  # fmt: skip
def noise_has_the_right_size(student, e, mask, alpha, seed):
    """The noise is uniform from the generator, of size alpha / √(n · C), and gradients pass."""
    return noisy(student, e, mask, alpha, seed)


@check(
    points=1,
    inputs=embeddings,
    lecture="noise-that-helps",
    public=[case("three tokens and one", tokens=[3, 1], T=3, C=4)],
    hidden=[
        case("filled up on the left", tokens=[2, 5, 3], T=5, C=3, left=True, alpha=7.0, seed=4, dtype="float64"),
        case("a row without tokens", tokens=[0, 2], T=4, C=3, seed=5),
        case("filled up more than any row needs", tokens=[1, 2, 3], T=8, C=2, seed=6, alpha=2.0),
        case("filled places between tokens", tokens=[3, 2], T=5, C=3, seed=9, places=[[1, 0, 1, 1, 0], [0, 1, 0, 1, 0]]),
        case("nothing but filled places", tokens=[0], T=2, C=3, seed=7),
    ],
    cites=["where n is the number of tokens of that row", "At filled places", "a row may have no token", "The authors program"],
)
def filled_places_do_not_count(student, e, mask, alpha, seed):
    """Each row's noise goes by its own number of tokens, and filled places stay as they are."""
    return noisy(student, e, mask, alpha, seed)
