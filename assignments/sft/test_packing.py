"""Public checks of sft/packing: run `pytest` on this file, or `autograder check sft/packing`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, flags, raises, with_gradients


def rows(rng, lengths=(), cap=8, n=0, low=1):
    return {"lengths": list(lengths) or [rng.integer(low, cap + 1) for _ in range(n)], "cap": cap}


@check(points=2, inputs=rows, lecture='best-fit-decreasing', public=[case('four examples', lengths=[5, 3, 4, 2]), case('the best row is not the first one', lengths=[5, 7, 1, 4], cap=10), case('the longest comes last', lengths=[1, 2, 7])])
def each_goes_where_it_fits_best(student, lengths, cap):
    """The longest example comes first, and each goes into the row with the least room that is enough."""
    first = student.pack_bfd(lengths, cap)
    kept = [list(row) for row in first]
    first.clear()  # the caller's own now
    return [kept, student.pack_bfd(lengths[::-1], cap), student.pack_bfd(lengths, cap + 3), student.pack_bfd(lengths, cap)]


@check(points=1, inputs=rows, lecture='best-fit-decreasing', public=[case('one token too many', lengths=[3, 9, 2])])
def too_long_examples_are_refused(student, lengths, cap):
    """An example that is longer than a row is a ValueError, and one that is just as long is not."""
    sound = [min(n, cap) for n in lengths]
    return {"bad": raises("ValueError", lambda: student.pack_bfd(lengths, cap)), "good": student.pack_bfd(sound, cap)}


def packs(rng, lengths, trained=0.7, low=0, high=90):
    ids = [[rng.integer(low, high) for _ in range(n)] for n in lengths]
    return {"ex": [(row, [i if rng.real(0, 1) < trained else -100 for i in row]) for row in ids]}


@check(points=2, inputs=packs, lecture='one-row', public=[case('three tokens and two', lengths=[3, 2], trained=2.0), case('three examples', lengths=[1, 4, 2])])
def examples_stand_in_one_row(student, ex):
    """Ids stand one behind the other, positions begin anew, and the first token of each example has no label."""
    alone = student.pack_batch(ex[:1])
    kept = {name: tensor.clone() for name, tensor in alone.items()}
    for tensor in alone.values():
        tensor.zero_()  # the caller's own now
    return [student.pack_batch(ex), student.pack_batch(ex[::-1]), kept, student.pack_batch(ex), student.pack_batch(ex[:1])]


def borders(rng, lengths, dtype="int32"):
    return {"cu": torch.tensor([0, *lengths]).cumsum(0).to(getattr(torch, dtype)), "x": rng.normal(sum(lengths), 3, dtype="float64")}


@check(points=1, inputs=borders, lecture='blocks-on-the-diagonal', public=[case('two tokens and one', lengths=[2, 1]), case('one, three, two', lengths=[1, 3, 2], dtype='int64')])
def examples_do_not_see_each_other(student, cu, x):
    """A token sees itself and earlier tokens of its own example."""
    mask, other = student.block_causal_mask(cu), student.block_causal_mask(cu[:2])
    backwards = student.block_causal_mask(cu[-1] - cu.flip(0))  # the same examples, the last one first
    spread = torch.stack([cu, cu], 1)[:, 0]  # a view that is not contiguous
    weights = (x @ x.T).masked_fill(~mask, -torch.inf).softmax(-1)
    kept = mask.clone()
    mask.zero_()  # the caller's own now
    return {"mask": kept, "first alone": other, "backwards": backwards, "of a view": student.block_causal_mask(spread), "attention": weights @ x, "again": student.block_causal_mask(cu)}


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


@check(points=1, inputs=embeddings, lecture='noise-that-helps', public=[case('two rows of three tokens', tokens=[3, 3], T=3, C=4), case('no noise', tokens=[2], T=2, C=3, alpha=0.0)])
def noise_has_the_right_size(student, e, mask, alpha, seed):
    """The noise is uniform from the generator, of size alpha / √(n · C), and gradients pass."""
    return noisy(student, e, mask, alpha, seed)


@check(points=1, inputs=embeddings, lecture='noise-that-helps', public=[case('three tokens and one', tokens=[3, 1], T=3, C=4)])
def filled_places_do_not_count(student, e, mask, alpha, seed):
    """Each row's noise goes by its own number of tokens, and filled places stay as they are."""
    return noisy(student, e, mask, alpha, seed)
