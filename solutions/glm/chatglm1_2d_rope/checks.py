"""Checks of glm/chatglm1_2d_rope: the mask, both positions, padding, and the rotation of both halves."""

import torch

from autograder.checks import case, check, flags, with_gradients


def rows(rng, context=(3,), answer=(3,), pads=None, bos=9, again=False, at=None):
    """Rows of padding, context, bos and answer; `answer` counts the tokens behind bos. All rows become as long as the longest."""
    lengths = [c + 1 + a for c, a in zip(context, answer, strict=True)]
    if pads is None:
        pads = [max(lengths) - n for n in lengths]
    ids = torch.full((len(context), max(n + p for n, p in zip(lengths, pads, strict=True))), 3)  # the padding token of ChatGLM 1
    mask_pos = []
    for b, (c, a, p) in enumerate(zip(context, answer, pads, strict=True)):
        ids[b, p:] = torch.cat([rng.integers(bos + 1, bos + 50, c), torch.tensor([bos]), rng.integers(bos + 1, bos + 50, a)])
        if again:
            ids[b, -1] = bos
        mask_pos.append(p + (rng.integer(0, c) if at is None else at % c))
    return {"ids": ids, "bos": bos, "mask_pos": mask_pos, "pad_len": list(pads)}


def made(student, ids, bos, mask_pos, pad_len):
    """The inputs, of a view, of rows in another order, and of one row that has its bos elsewhere."""
    view, one, last = ids.mT.contiguous().mT, ids[:1], int(ids[0, -1])
    ones = [student.chatglm1_inputs(one, each, mask_pos[:1], pad_len[:1]) for each in (bos, last)]
    back = student.chatglm1_inputs(ids.flip(0), bos, mask_pos[::-1], pad_len[::-1])
    return [student.chatglm1_inputs(ids, bos, mask_pos, pad_len), student.chatglm1_inputs(view, bos, mask_pos, pad_len), back, *ones]


@check(
    points=2,
    inputs=rows,
    lecture="who-may-look-at-whom",
    public=[case("three tokens, bos, two tokens", context=(3,), answer=(2,)), case("two rows with other cuts", context=(2, 4), answer=(3, 1))],
    hidden=[
        case("three rows", context=(5, 2, 7), answer=(4, 7, 2)),
        case("bos alone", context=(4,), answer=(0,)),
        case("one token of context", context=(1, 1), answer=(6, 6)),
        case("a long row", context=(23,), answer=(19,)),
        case("as many rows as tokens", context=(2, 3, 1, 4, 2), answer=(2, 1, 3, 0, 2)),
        case("bos again in the answer", context=(3, 2), answer=(4, 5), again=True),
        case("a large id", context=(3, 5), answer=(4, 2), bos=130004),
        case("bos is 0", context=(2, 3), answer=(2, 1), bos=0),
    ],
    fresh=1,
    cites=["Tokens of the context look at the whole context", "bos and the tokens of the answer look at the whole context", "if a row has several the first one counts"],
)  # fmt: skip
def the_context_sees_itself_and_the_answer_is_causal(student, ids, bos, mask_pos, pad_len):
    """The context sees the whole context; bos and the answer see the context and what stands before them."""
    return {"masks": [mask for mask, _ in made(student, ids, bos, mask_pos, pad_len)], "left": flags(ids)}


PLACES = {
    "public": [case("the mask is the last token", context=(3,), answer=(2,), at=-1), case("the mask stands inside", context=(4,), answer=(3,), at=1)],
    "hidden": [
        case("three rows", context=(5, 2, 7), answer=(4, 7, 2)),
        case("the mask is the first token", context=(4, 3), answer=(2, 3), at=0),
        case("bos alone", context=(4,), answer=(0,), at=2),
        case("a long answer", context=(3,), answer=(31,), at=1),
        case("a long context", context=(29,), answer=(2,), at=20),
        case("bos again in the answer", context=(3, 2), answer=(4, 5), again=True),
        case("as many rows as tokens", context=(2, 3, 1, 4, 2), answer=(2, 1, 3, 0, 2)),
    ],
}


@check(
    points=1,
    inputs=rows,
    lecture="two-positions-for-each-token",
    **PLACES,
    cites=["counts the tokens of the context 0 1 2", "from bos on it stays at the number of"],
)
def the_first_position_stops_at_the_mask(student, ids, bos, mask_pos, pad_len):
    """The first position counts the context, and from bos on it is that of the mask token."""
    return [pos[:, 0] for _, pos in made(student, ids, bos, mask_pos, pad_len)]


@check(
    points=1,
    inputs=rows,
    lecture="two-positions-for-each-token",
    **PLACES,
    cites=["is 0 in the context 1 at bos and counts on from there"],
)
def the_second_position_counts_from_bos(student, ids, bos, mask_pos, pad_len):
    """The second position is 0 in the context, and counts from 1 at bos."""
    return [pos[:, 1] for _, pos in made(student, ids, bos, mask_pos, pad_len)]


@check(
    points=2,
    inputs=rows,
    lecture="padding-on-the-left",
    public=[case("a short row beside a long one", context=(4, 2), answer=(2, 1)), case("one row, two tokens of padding", context=(2,), answer=(1,), pads=[2])],
    hidden=[
        case("four rows", context=(5, 2, 7, 1), answer=(4, 7, 2, 3)),
        case("padding everywhere", context=(3, 4), answer=(2, 2), pads=[3, 2]),
        case("the mask is the first token", context=(3, 1), answer=(2, 1), at=0),
        case("much padding", context=(2, 20), answer=(1, 15), at=1),
        case("bos alone", context=(2, 5), answer=(0, 0)),
    ],
    fresh=1,
    cites=["padding included", "Nobody looks at padding", "each padding token at itself", "Padding has 0 in both and it is not counted"],
)  # fmt: skip
def padding_changes_nothing(student, ids, bos, mask_pos, pad_len):
    """Behind padding a row has the mask and the positions that it has without padding, and padding sees itself alone."""
    return {"made": made(student, ids, bos, mask_pos, pad_len), "left": flags(ids)}


def heads(rng, B=1, H=1, T=3, D=4, positions="any", dtype="float64", far=0):
    pos = rng.integers(0, 12, B, 2, T) + far
    if positions == "first":
        pos[:, 1] = 0
    elif positions == "second":
        pos[:, 0] = 0
    elif positions == "alike":
        pos[:, 1] = pos[:, 0]
    return {"x": rng.normal(B, H, T, D, dtype=dtype), "pos": pos}


def rotated(student, x, pos):
    """Values and gradients, of a view, and of others of the same shape."""
    found = with_gradients(lambda x: student.rope_2d(x, pos), x=x)
    views = student.rope_2d(x.mT.contiguous().mT, pos.mT.contiguous().mT)
    return {"result": found, "of views": views, "of others": [student.rope_2d(-x, pos.flip(2)), student.rope_2d(x, pos.flip(1))], "left": flags(x, pos)}


@check(
    points=2,
    inputs=heads,
    lecture="a-half-for-each-position",
    public=[case("one pair in each half"), case("the second position is 0", T=2, D=8, positions="first")],
    hidden=[
        case("two sequences, three heads", B=2, H=3, T=4, D=8),
        case("the first position is 0", B=2, T=3, D=12, positions="second"),
        case("both alike", H=2, T=5, D=16, positions="alike"),
        case("all sizes alike", B=4, H=4, T=4, D=4),
        case("one token", B=3, H=2, T=1, D=20),
        case("T = 2", B=3, H=1, T=2, D=4),
        case("float32", B=2, H=3, T=5, D=8, dtype="float32"),
        case("heads of ChatGLM", T=2, D=128),
    ],
    fresh=1,
    cites=["the first half of each head is turned by", "Each half is an ordinary rotary embedding with D 2 features", "All heads are turned alike"],
)
def each_half_is_turned_by_its_own_position(student, x, pos):
    """The first half of a head is turned by the first position, the second half by the second one."""
    return rotated(student, x, pos)


@check(
    points=1,
    inputs=heads,
    lecture="a-half-for-each-position",
    public=[case("position 2047", T=2, D=8, far=2036)],
    hidden=[
        case("100 000 tokens away", B=2, H=2, T=3, D=12, far=100_000),
        case("a million", T=4, D=4, far=1_000_000),
        case("float32 at 200", B=2, T=3, D=8, far=200, dtype="float32"),
    ],
    cites=["Angles are computed in float64 for float64 x"],
)
def far_positions_are_exact(student, x, pos):
    """Far away the angles have all digits of float64."""
    return rotated(student, x, pos)
