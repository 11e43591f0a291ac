"""Public checks of position/transformer_xl: run `pytest` on this file, or `autograder check position/transformer_xl`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, difference, flags, gradients, leaves, reject


NAMES = ("q", "ke", "kr", "v", "o")


def products(rng, B=1, H=2, T=3, S=None, dtype="float32"):
    return {"x": rng.normal(B, H, T, S or T, dtype=dtype)}


def up_to_the_query(seen, want, inputs):
    """Compare what is not after the query; the rest is open."""
    T, S = inputs["x"].shape[-2:]
    visible = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    if any(seen[name].shape != want[name].shape for name in want if name != "left"):
        return difference(seen, want)
    return difference(
        *({name: x[name] if name == "left" else x[name].masked_fill(~visible, 0) for name in x if name != "gradient"} for x in (seen, want))
    ) or difference(seen["gradient"], want["gradient"])


@check(points=2, inputs=products, judge=up_to_the_query, lecture='the-shift', public=[case('three queries, three keys', H=1), case('two queries, five keys', H=1, T=2, S=5)])
def products_are_shifted_to_their_keys(student, x):
    """`rel_shift` moves row t to the left by T - 1 - t, so that column s belongs to key s, up to the query's own."""
    T, S = x.shape[-2:]
    (leaf,) = leaves(x)
    shifted = student.rel_shift(leaf)
    view = x.transpose(0, 1).mT.contiguous().mT.transpose(0, 1)
    visible = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    grad = gradients(torch.where(visible, shifted, 0), {"x": leaf})["x"]
    return {"shifted": shifted, "of a view": student.rel_shift(view), "negated": student.rel_shift(-view), "gradient": grad,
            "left": flags(view)}


def segment(rng, B=1, T=3, M=2, C=4, H=2, D=3, loud=1.0, dtype="float32", still=False, **more):
    """New tokens, memory and weights. `still`: no query and no biases, so that all scores are 0."""
    shapes = {"q": (H * D, C), "ke": (H * D, C), "kr": (H * D, C), "v": (H * D, C), "o": (C, H * D)}
    W = {name: rng.normal(*shape, scale=shape[1] ** -0.5, dtype=dtype) for name, shape in shapes.items()}
    W["q"] *= 0.0 if still else loud
    u, v = (rng.normal(H, D, scale=0.0 if still else loud, dtype=dtype) for _ in "uv")
    return {
        "h": rng.normal(B, T, C, dtype=dtype),
        "mem": rng.normal(B, M, C, dtype=dtype),
        "W": W,
        "u": u,
        "v": v,
        "H": H,
        **more,
    }


def attend(student, h, mem, W, u, v, H):
    """Values and all gradients; the memory requires one, and gets none."""
    h, mem, u, v, *weights = leaves(h, mem, u, v, *(W[name] for name in NAMES))
    W = dict(zip(NAMES, weights, strict=True))
    out = student.txl_attention(h, mem, W, u, v, H)
    return {
        "out": out,
        "gradients": gradients(out, {"h": h, "mem": mem, "u": u, "v": v, **{f"W {name}": w for name, w in W.items()}}),
        "left": flags(h, mem, u, v),
    }


@check(points=2, inputs=segment, lecture='four-terms', public=[case('one head, two tokens', T=2, M=0, C=2, H=1, D=2), case('two heads, three tokens', T=3, M=0, C=4, H=2, D=3)])
def content_and_distance_make_the_score(student, h, mem, W, u, v, H):
    """Without a memory, the score is ((q + u)·k + (q + v)·Wkr R[i - j])/√D, and every weight gets its gradient."""
    return attend(student, h, mem, W, u, v, H)


@check(points=2, inputs=segment, lecture='a-memory-of-the-segment-before', public=[case('two new tokens after one', T=2, M=1, C=2, H=1, D=2), case('three after two', B=1, T=3, M=2, C=4, H=2, D=2)])
def the_memory_is_seen_and_gets_no_gradient(student, h, mem, W, u, v, H):
    """Keys and values come from memory and new tokens, distances count back into the memory, and no gradient reaches it."""
    turned = [x.transpose(0, 1).contiguous().transpose(0, 1) for x in (h, mem)]
    weights = {name: w.T.contiguous().T for name, w in W.items()}
    other = {**weights, "kr": -weights["kr"], "v": 2 * weights["v"]}
    results = [
        student.txl_attention(*turned, weights, u, v, H),
        student.txl_attention(*turned, other, v, u, H),
        student.txl_attention(turned[0], turned[1][:, 1:], weights, u, v, H),
    ]
    return {**attend(student, h, mem, W, u, v, H), "views": results, "left of views": flags(*turned, *weights.values(), u, v)}


@check(points=1, inputs=segment, lecture='four-terms', public=[case('two after one', T=2, M=1, C=2, H=1, D=2, dtype='float64')])
def float64_is_exact_to_the_end(student, h, mem, W, u, v, H):
    """For float64 inputs everything, distances and softmax too, is float64."""
    return attend(student, h, mem, W, u, v, H)


@check(points=1, inputs=segment, lecture='the-shift', public=[case('later tokens are loud', T=3, M=0, C=4, loud=40.0, dtype='float64')])
def later_tokens_have_no_weight(student, h, mem, W, u, v, H):
    """A token after the query has weight 0, however loud it is, and what the shift leaves there does no harm."""
    whole = student.txl_attention(h, mem, W, u, v, H)
    changed = h.clone()
    changed[:, -1] = -7 * h[:, -1] + 1
    return {"out": whole, "another last token": student.txl_attention(changed, mem, W, u, v, H)}


def states(rng, B=1, M=2, T=3, C=2, mem_len=4, dtype="float32"):
    return {"mem": rng.normal(B, M, C, dtype=dtype), "h": rng.normal(B, T, C, dtype=dtype), "mem_len": mem_len}


@check(points=1, inputs=states, lecture='a-memory-of-the-segment-before', public=[case('two and three, four are kept', mem_len=4), case('nothing is kept', mem_len=0), case('fewer than four', M=1, T=2)])
def the_last_tokens_are_kept(student, mem, h, mem_len):
    """The new memory has the last mem_len tokens of both, or all, is detached, and is a copy."""
    given = leaves(mem, h)
    new = student.update_mem(*given, mem_len)
    copies = [mem.clone(), h.clone()]
    student.update_mem(*copies, mem_len).zero_()
    student.update_mem(copies[0][:, :0], copies[1], h.shape[1]).zero_()  # a memory of `h` alone, the caller's own
    plain = student.update_mem(mem, h, mem_len)
    other = student.update_mem(-mem, h.transpose(0, 1).contiguous().transpose(0, 1), mem_len)
    return {
        "memory": new,
        "requires_grad": [new.requires_grad, plain.requires_grad],
        "without gradients": plain,
        "another": other,
        "inputs afterwards": copies,
        "left": flags(mem, h, *given),
    }


def pieces_are_the_whole(seen, want):
    """The student's own segments against the student's own whole."""
    start = 0
    for number, piece in enumerate(seen["segments"], 1):
        end = start + piece.shape[1] if piece.ndim == 3 else start
        alike = seen["whole"].shape == want["whole"].shape and piece.shape == want["segments"][number - 1].shape
        if alike and difference(piece, seen["whole"][:, start:end]) is not None:
            return reject("Segment {number} with its memory differs from one pass over all tokens.", number=number)
        start = end
    return difference(seen, want)


@check(points=1, inputs=segment, judge=pieces_are_the_whole, lecture='a-memory-of-the-segment-before', public=[case('two segments of two', T=4, M=0, C=4, cuts=[2, 4], mem_len=4)])
def segments_with_memory_are_the_whole(student, h, mem, W, u, v, H, cuts, mem_len):
    """A sequence in segments, each with the memory of those before, gives the outputs of one pass over all of it."""
    whole = student.txl_attention(h, mem, W, u, v, H)
    segments, memories, start = [], [mem], 0
    for end in cuts:
        part = h[:, start:end]
        segments.append(student.txl_attention(part, memories[-1], W, u, v, H))
        memories.append(student.update_mem(memories[-1], part, mem_len))
        start = end
    return {"whole": whole, "segments": segments, "memories": memories[1:]}
