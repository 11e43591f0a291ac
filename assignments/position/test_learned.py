"""Public checks of position/learned: run `pytest` on this file, or `autograder check position/learned`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, difference, flags, gradients, implausible, raises, reject, with_gradients, with_weights


def table(rng, max_len=5, C=3, offset=0, padding_idx=None, shape=(2, 3), dtype="float32", ids=None):
    """Weights of a table, and positions that all have a row; the last one and the first one are among them."""
    if ids is None:
        ids = rng.integers(-offset, max_len, *shape)
        ids.view(-1)[0] = max_len - 1
        ids.view(-1)[-1] = -offset
    else:
        ids = torch.tensor(ids)
    options = {"max_len": max_len, "C": C}
    options |= {"offset": offset} if offset else {}
    options |= {} if padding_idx is None else {"padding_idx": padding_idx}
    return {"options": options, "weight": rng.normal(offset + max_len, C, dtype=dtype), "ids": ids}


@check(points=1, inputs=table, lecture='a-row-for-each-position', public=[case('no offset', max_len=4, C=2, ids=[[0, 1, 2], [3, 0, 0]]), case('offset 2', max_len=3, C=2, offset=2, ids=[[0, 1, 2], [-2, -1, 0]])])
def a_position_reads_its_row(student, options, weight, ids):
    """Position p gives row p + offset of the table, gradients add up in the rows that were read, and other positions raise an IndexError."""
    layer = with_weights(student.LearnedPositions(**options), {"weight": weight})
    out = layer(ids)
    outside = [options["max_len"], options["max_len"] + 20, -options.get("offset", 0) - 1, 2**32]
    grads = gradients(out, layer)
    mixed = ids.reshape(-1).repeat(2)
    view = ids.mT.contiguous().mT if ids.ndim > 1 else ids.repeat_interleave(2)[::2]
    with torch.no_grad():
        layer(torch.arange(options["max_len"])).zero_()  # the caller's own
    again = layer(
        options["max_len"] - 1 - options.get("offset", 0) - view
    )  # other positions, in a call of the same shape
    result = {
        "out": out,
        "gradients": grads,
        "no position, and one alone": [layer(ids.new_zeros(2, 0)), layer(ids.new_zeros(()))],
        "other positions": again,
        "the first call": layer(view),
        "outside": [raises("IndexError", lambda p=p: layer(torch.full_like(ids, p))) for p in outside],
        "one of them outside": [
            raises("IndexError", lambda p=p: layer(mixed.index_fill(0, torch.tensor([1]), p))) for p in outside
        ],
        "left": flags(layer, ids),
    }
    layer.eval()
    evaluation = [raises("IndexError", lambda p=p: layer(torch.full_like(ids, p))) for p in outside]
    return result | {"outside, in evaluation mode": evaluation, "in evaluation mode": layer(ids)}


def new_table(seen, want, case):
    """What is fixed as usual; a new table by its mean and spread."""
    rows = want["fresh"].clone()
    if seen["fresh"].shape != rows.shape:
        return difference(seen, want)
    pad = case.get("padding_idx")
    random = torch.ones(len(rows), dtype=torch.bool)
    if pad is not None:
        if bool((seen["fresh"][pad] != 0).any()):
            return reject("The row of padding is not zero in a new table.")
        random[pad] = False
    if bool((seen["fresh"][random] == 0).all(1).any()):
        return reject("A row of a new table is zero that is not the row of padding.")
    values = seen["fresh"][random].double().flatten() / 0.02
    if torch.equal(seen["fresh"][: len(seen["another"])], seen["another"]):
        return reject("Two new tables are equal: their numbers are not random.")
    if len(values) > 2000:
        # Normal values: how many fall between quarters of the distribution, and beyond two standard deviations.
        cuts = torch.tensor([-2.0, -0.67448975, 0.0, 0.67448975, 2.0], dtype=torch.float64)
        counts = torch.bucketize(values, cuts).bincount(minlength=6)
        tail = 0.022750132
        if implausible(counts, torch.tensor([tail, 0.25 - tail, 0.25, 0.25, 0.25 - tail, tail])):
            return reject("A new table is not normal with mean 0 and standard deviation 0.02.")
    rest = {name: seen[name] for name in seen if name not in ("fresh", "another")}
    return difference(rest, {name: want[name] for name in rest})


@check(points=1, inputs=table, judge=new_table, lecture='a-row-for-padding', public=[case('row 1 is padding', max_len=4, C=3, padding_idx=1, ids=[[1, 2, 3], [0, 1, 1]]), case('a larger table', max_len=60, C=45, shape=(1, 2))])
def the_padding_row_is_zero_and_stays(student, options, weight, ids):
    """A new table is normal(0, 0.02) with zeros in row padding_idx, which never gets a gradient and is read like any other."""
    torch.manual_seed(5)
    fresh, another = student.LearnedPositions(**options), student.LearnedPositions(**options)
    first, second = fresh.weight.detach().clone(), another.weight.detach().clone()
    layer = with_weights(fresh, {"weight": weight})
    out = layer(ids)
    return {
        "fresh": first,
        "another": second[:4],
        "out": out,
        "gradients": gradients(out, layer),
        "requires_grad": [bool(parameter.requires_grad) for parameter in layer.parameters()],
        "names": sorted(layer.state_dict()),
        "the other table": (another.weight.detach() - second).abs().max(),
    }


def batch(rng, B=2, T=5, pad=1, side="mixed", dtype="int64", rows=None, low=0):
    """A mask and token numbers with padding in the same places."""
    if rows is not None:
        real = torch.tensor(rows, dtype=torch.bool)
    elif side == "mixed":
        real = rng.mask(B, T, p=0.6)
    else:
        lengths = torch.tensor([rng.integer(low, T + 1) for _ in range(B)])
        real = torch.arange(T) < lengths[:, None]
        real = real.flip(1) if side == "left" else real
    ids = rng.integers(pad + 1, pad + 30, *real.shape)
    if pad > 0:
        ids = torch.where(rng.mask(*real.shape), ids, rng.integers(0, pad, *real.shape))
    mask = real if dtype == "bool" else real.to(getattr(torch, dtype))
    return {"mask": mask, "ids": torch.where(real, ids, pad), "pad": pad}


def numbers(student, mask, ids, pad):
    """Both functions, twice with other values of the same shape, and on views."""
    view = mask.T.contiguous().T
    return {
        "from the mask": student.position_ids_from_mask(mask),
        "RoBERTa's": student.roberta_position_ids(ids, pad),
        "of the flipped mask": student.position_ids_from_mask(view.flip(1)),
        "RoBERTa's, flipped": student.roberta_position_ids(ids.flip(1).T.contiguous().T, pad),
        "RoBERTa's without padding": student.roberta_position_ids(ids, pad + 40),  # a number that no token has
    }


def where_tokens_are(seen, want, inputs):
    real = inputs["mask"].bool()
    places = {name: real.flip(1) if "flipped" in name else real for name in want}
    return difference(*({name: x[name][places[name]] for name in x} for x in (seen, want)))


def where_padding_is(seen, want, inputs):
    padding = {**inputs, "mask": ~inputs["mask"].bool()}
    return where_tokens_are(seen, want, padding)


LEFT, RIGHT = [[0, 0, 1, 1, 1], [0, 1, 1, 1, 1]], [[1, 1, 1, 0, 0], [1, 0, 0, 0, 0]]


@check(points=1, inputs=batch, judge=where_tokens_are, lecture='numbers-for-a-padded-batch', public=[case('padding on the left', rows=LEFT), case('padding on the right', rows=RIGHT, pad=0)])
def real_tokens_are_counted(student, mask, ids, pad):
    """A real token's position is the number of real tokens before it in its row, and RoBERTa's is pad + 1 more."""
    return numbers(student, mask, ids, pad)


@check(points=1, inputs=batch, judge=where_padding_is, lecture='numbers-for-a-padded-batch', public=[case('padding on the left', rows=LEFT), case('padding on the right', rows=RIGHT, pad=2)])
def padding_has_one_position(student, mask, ids, pad):
    """Padding has position 0, and in RoBERTa's numbers `pad`, wherever it stands."""
    return numbers(student, mask, ids, pad)


def trained(rng, M=3, C=2, new_len=5, dtype="float32", values=None, alpha=None):
    w = rng.normal(M, C, dtype=dtype) if values is None else torch.tensor(values)
    return {"w": w, "new_len": new_len, "options": {} if alpha is None else {"alpha": alpha}}


@check(points=1, inputs=trained, lecture='stretching-the-table', public=[case('two rows become four', values=[[0.0], [8.0]], new_len=4), case('three rows of two features become five', values=[[0.0, 1.0], [10.0, 3.0], [20.0, -1.0]], new_len=5)])
def linear_reads_between_the_rows(student, w, new_len, options):
    """ "linear" reads row i at the place (i + 1/2)·M/new_len - 1/2, between its two neighbours."""
    view = w.T.contiguous().T
    seen = with_gradients(lambda w: student.extend_positions(w, new_len, "linear"), w=w)
    copy = w.clone()
    first = student.extend_positions(copy, len(w), "linear")
    first.zero_()  # the caller's own
    return {
        "table": seen,
        "of a view": student.extend_positions(-2 * view, new_len, "linear"),
        "of another view": student.extend_positions(view, new_len, "linear"),
        "with an alpha": student.extend_positions(view, new_len, "linear", 0.9),
        "w afterwards": copy,
        "left": flags(copy, view),
    }


@check(points=1, inputs=trained, lecture='composing-rows-of-two', public=[case('two rows become four', values=[[1.0], [4.0]], new_len=4, alpha=0.5), case('three rows become seven, alpha 0.4', values=[[0.0, 1.0], [6.0, 3.0], [3.0, -2.0]], new_len=7)])
def hier_composes_and_keeps_old_rows(student, w, new_len, options):
    """ "hier" keeps the old rows, composes row i·M + j of u[i] and u[j], and ends at M² rows."""
    view = w.T.contiguous().T
    seen = with_gradients(lambda w: student.extend_positions(w, new_len, "hier", **options), w=w)
    copy = w.clone()
    first = student.extend_positions(copy, len(w), "hier", **options)
    first.zero_()  # the caller's own
    M = len(w)
    return {
        "table": seen,
        "of a view": student.extend_positions(-2 * view, new_len, "hier", **options),
        "another alpha": student.extend_positions(view, new_len, "hier", alpha=0.25),
        "too long": raises("ValueError", lambda: student.extend_positions(w, M * M + 1, "hier")),
        "another mode": [
            raises("ValueError", lambda m=m: student.extend_positions(w, M, m)) for m in ("cubic", "", "Linear")
        ],
        "w afterwards": copy,
        "left": flags(copy, view),
    }
