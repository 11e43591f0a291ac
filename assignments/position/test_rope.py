"""Public checks of position/rope: run `pytest` on this file, or `autograder check position/rope`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, again, case, check, difference, flags, gradients


NEAR = Tolerance(atol=1e-4, rtol=1e-5)


EXACT = Tolerance(
    atol=1e-9, rtol=1e-12
)


FAR = Tolerance(atol=3e-3, rtol=1e-3)


IN_FLOAT16 = Tolerance(atol=1e-4, rtol=2**-10)


ONE_ULP = Tolerance(atol=1e-3, rtol=2**-7)


def based(base):
    """The argument `base`, or none where the default is wanted."""
    return {} if base is None else {"base": base}


def options(style="half", rotary_dim=None, base=10000.0):
    return {"style": style, "rotary_dim": rotary_dim, "base": base}


def tokens(rng, B=1, H=1, T=1, D=4, values=None, pos=None, low=0, high=0, own=False, dtype="float32", **more):
    """x and positions: given, or random in [low, high), or 0 … T-1; `own`: for each sequence its own."""
    dtype = getattr(torch, dtype)
    x = rng.normal(B, H, T, D, dtype=dtype) if values is None else torch.tensor(values, dtype=dtype)[None, None]
    if pos is not None:
        pos = torch.tensor(pos)
    elif high:
        pos = rng.integers(low, high, *((B, T) if own else (T,)))
    else:
        pos = torch.arange(T)
    return {"x": x, "pos": pos, **options(**more)}


@check(points=1, lecture='an-angle-for-each-pair', tolerance=Tolerance(rtol=1e-12), public=[case('D = 4', D=4, base=10000.0), case('D = 6, base 1000', D=6, base=1000.0)])
def frequencies_fall_from_1(student, D, base):
    """Pair i has the frequency base^(-2i/D), in float64."""
    return [again(student.rope_freqs, D, **based(base)), student.rope_freqs(D, 20.0)]


@check(points=1, inputs=tokens, lecture='two-styles', tolerance=NEAR, public=[case('(1, 0) at position 1', D=2, values=[[1.0, 0.0]], pos=[1]), case('four features at position 1', values=[[1.0, 0.0, 0.0, 1.0]], pos=[1]), case('three tokens', T=3, D=4)])
def half_pairs_feature_i_with_its_half(student, x, pos, style, rotary_dim, base):
    """In the style "half", the default, features i and D/2+i are a pair, turned counterclockwise by pos · θ_i."""
    return student.apply_rope(x, pos) if base == 10000.0 else student.apply_rope(x, pos, base=base)


@check(points=1, inputs=tokens, lecture='two-styles', tolerance=NEAR, public=[case('four features at position 1', values=[[1.0, 0.0, 0.0, 1.0]], pos=[1], style='interleaved'), case('three tokens', T=3, D=4, style='interleaved')])
def interleaved_pairs_neighbours(student, x, pos, style, rotary_dim, base):
    """In the style "interleaved", features 2i and 2i+1 are a pair, and come back at the same places, also in a view of other strides."""
    view = x.mT.contiguous().mT
    return {
        "turned": student.apply_rope(x, pos, style, rotary_dim, base),
        "a view": student.apply_rope(view, pos, style, rotary_dim, base),
        "base 20": student.apply_rope(x, pos, style, rotary_dim, 20.0),
        "left": flags(view),
    }


@check(points=1, inputs=tokens, lecture='positions-come-with-the-tokens', tolerance=NEAR, public=[case('two sequences of two heads', B=2, H=2, T=2, D=4, pos=[[0, 1], [5, 6]])])
def each_sequence_can_have_its_own_positions(student, x, pos, style, rotary_dim, base):
    """Positions of shape (B, T) give each sequence its own, the same for all of its heads, in every call."""
    return {
        "turned": student.apply_rope(x, pos, style, rotary_dim, base),
        "other positions": student.apply_rope(x, pos.flip(-1) + 3, style, rotary_dim, base),
        "a view": student.apply_rope(
            x.transpose(1, 2).contiguous().transpose(1, 2), pos.T.contiguous().T, style, rotary_dim, base
        ),
    }


@check(points=1, inputs=tokens, lecture='rotating-a-part', tolerance=NEAR, public=[case('two of four features', values=[[1.0, 0.0, 5.0, 6.0]], pos=[1], rotary_dim=2), case('four of six', T=2, D=6, rotary_dim=4)])
def partial_rotation_leaves_the_tail(student, x, pos, style, rotary_dim, base):
    """Only the first rotary_dim features are rotated, with the frequencies for rotary_dim; the others are unchanged."""
    return student.apply_rope(x, pos, style, rotary_dim, base)


@check(points=1, inputs=tokens, lecture='precision', tolerance=EXACT, public=[case('float64 at position 50 000', T=2, D=4, pos=[0, 50000], dtype='float64')])
def float64_stays_exact_far_out(student, x, pos, style, rotary_dim, base):
    """For float64 x the angles are float64 throughout, so that position 100 000 is as exact as position 0."""
    return student.apply_rope(x, pos, style, rotary_dim, base)


def rounded_once(seen, want, inputs):
    near = want.dtype == torch.float16 and int(inputs["pos"].max()) < 100
    return difference(seen, want, IN_FLOAT16 if near else ONE_ULP)


@check(points=1, inputs=tokens, lecture='precision', judge=rounded_once, public=[case('bfloat16 at positions around 1000', H=2, T=8, D=32, low=900, high=1100, dtype='bfloat16')])
def low_precision_is_rotated_in_float32(student, x, pos, style, rotary_dim, base):
    """bfloat16 (or float16) x comes back as such, off by one rounding only: positions, angles, tables and rotation are float32."""
    return student.apply_rope(x, pos, style, rotary_dim, base)


@check(points=1, inputs=tokens, lecture='scores-know-the-distance-only', tolerance=FAR, public=[case('three tokens', T=3, D=4, pos=[2, 0, 11])])
def gradients_are_turned_back(student, x, pos, style, rotary_dim, base):
    """Gradients flow to x, rotated the other way, and far positions are right in float32; x itself is not changed."""
    leaf = x.clone().requires_grad_()
    output = student.apply_rope(leaf, pos, style, rotary_dim, base)
    return {"output": output, "x.grad": gradients(output.float(), {"x": leaf})["x"], "x": leaf.detach()}


def rows(rng, H, D, C=2, to="half", numbered=False, dtype="float32"):
    dtype = getattr(torch, dtype)
    wide = torch.promote_types(dtype, torch.float32)
    w = torch.arange(H * D * C).view(H * D, C) if numbered else rng.normal(H * D, C, dtype=wide)
    return {"w": w.to(dtype), "H": H, "to": to}


@check(points=1, inputs=rows, lecture='from-metas-files-to-hugging-faces', tolerance=Tolerance(), public=[case('one head, D = 4', H=1, D=4, C=1, numbered=True), case('two heads, D = 6', H=2, D=6, C=1, numbered=True), case('the other way', H=1, D=6, C=1, to='interleaved', numbered=True)])
def weights_move_from_one_style_to_the_other(student, w, H, to):
    """Rows are reordered inside each head, so that rotating in the new style gives the old pairs."""
    view = w.T.contiguous().T  # as the weight of a Conv1D, which is stored the other way round
    others = [student.permute_weights(-w, H, to), student.permute_weights(w, 1, to)]
    moved, of_view = student.permute_weights(w, H, to), student.permute_weights(view, H, to)
    return {"w": moved, "of a view": of_view, "of others": others, "left": flags(w, view)}


@check(points=1, lecture='far-tokens-matter-less', public=[case('two pairs', D=4, max_dist=3, base=10000.0)])
def the_bound_falls_with_the_distance(student, D, max_dist, base):
    """The bound at distance m is the mean of |S_j(m)| over all D/2 partial sums S_j of exp(1j · m · θ_i)."""
    return [again(student.decay_bound, D, max_dist, **based(base)), student.decay_bound(D, max_dist, 20.0)]
