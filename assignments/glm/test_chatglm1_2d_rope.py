"""Public checks of glm/chatglm1_2d_rope: run `pytest` on this file, or `autograder check glm/chatglm1_2d_rope`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

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


@check(points=2, inputs=rows, lecture='who-may-look-at-whom', public=[case('three tokens, bos, two tokens', context=(3,), answer=(2,)), case('two rows with other cuts', context=(2, 4), answer=(3, 1))])
def the_context_sees_itself_and_the_answer_is_causal(student, ids, bos, mask_pos, pad_len):
    """The context sees the whole context; bos and the answer see the context and what stands before them."""
    return {"masks": [mask for mask, _ in made(student, ids, bos, mask_pos, pad_len)], "left": flags(ids)}


@check(points=2, inputs=rows, lecture='padding-on-the-left', public=[case('a short row beside a long one', context=(4, 2), answer=(2, 1)), case('one row, two tokens of padding', context=(2,), answer=(1,), pads=[2])])
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


@check(points=2, inputs=heads, lecture='a-half-for-each-position', public=[case('one pair in each half'), case('the second position is 0', T=2, D=8, positions='first')])
def each_half_is_turned_by_its_own_position(student, x, pos):
    """The first half of a head is turned by the first position, the second half by the second one."""
    return rotated(student, x, pos)


@check(points=1, inputs=heads, lecture='a-half-for-each-position', public=[case('position 2047', T=2, D=8, far=2036)])
def far_positions_are_exact(student, x, pos):
    """Far away the angles have all digits of float64."""
    return rotated(student, x, pos)
