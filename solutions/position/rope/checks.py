"""Checks of position/rope: frequencies, both styles, positions, partial rotation, precision, gradients, conversion, decay."""

import torch

from autograder.checks import Tolerance, again, case, check, difference, flags, gradients

# float32 near the start: honest answers (angles in float32 or float64) differ by up to 2e-5 of an input of size 4.
NEAR = Tolerance(atol=1e-4, rtol=1e-5)
EXACT = Tolerance(
    atol=1e-9, rtol=1e-12
)  # float64: 1e-11 at position 100 000; float32 frequencies are off by 1e-3 there
# float32 at positions up to 4000: float32 angles are off by up to 3e-4, so outputs by 1e-3; tables in bfloat16 by 1e-2.
FAR = Tolerance(atol=3e-3, rtol=1e-3)  # one unit of float16
# bfloat16, tables and products too, of inputs up to 4: eight units of 2^-9 (0.03); positions in bfloat16 are off by 2.
IN_BFLOAT16 = Tolerance(atol=5e-2, rtol=2**-7)
IN_FLOAT16 = Tolerance(atol=1e-4, rtol=2**-10)  # near the start, where float32 angles are exact enough: rounded once
ONE_ULP = Tolerance(atol=1e-3, rtol=2**-7)  # of bfloat16, and what float32 angles do to numbers near 0


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


@check(
    points=1,
    lecture="an-angle-for-each-pair",
    tolerance=Tolerance(rtol=1e-12),
    public=[case("D = 4", D=4, base=10000.0), case("D = 6, base 1000", D=6, base=1000.0)],
    hidden=[
        case("one pair", D=2, base=10000.0),
        case("Llama 3", D=128, base=500000.0),
        case("an odd number of pairs", D=10, base=7.0),
        case("base 10 000, the default, 64 features", D=64, base=None),
    ],
    cites=["the angle by which pair i turns", "Returns float64 (D/2,)", "A result depends on the arguments"],
)
def frequencies_fall_from_1(student, D, base):
    """Pair i has the frequency base^(-2i/D), in float64."""
    return [again(student.rope_freqs, D, **based(base)), student.rope_freqs(D, 20.0)]  # the first stays what it is


@check(
    points=1,
    inputs=tokens,
    lecture="two-styles",
    tolerance=NEAR,
    public=[
        case("(1, 0) at position 1", D=2, values=[[1.0, 0.0]], pos=[1]),
        case("four features at position 1", values=[[1.0, 0.0, 0.0, 1.0]], pos=[1]),
        case("three tokens", T=3, D=4),
    ],
    hidden=[
        case("an odd number of pairs", B=2, H=3, T=5, D=6),
        case("as many tokens as heads and features", B=4, H=4, T=4, D=4),
        case("positions in any order", H=2, T=6, D=8, high=40),
        case("the same position twice", T=3, D=4, pos=[7, 2, 7]),
        case("position 0", B=2, H=2, T=1, D=10, pos=[0]),
        case("base 100", T=4, D=6, base=100.0, pos=[0, 3, 1, 50]),
    ],
    fresh=1,
    cites=[
        "features i and R/2+i",
        "Turn the pairs of x by their angles",
        "A pair (a, b) turned",
        "Every head is turned alike",
        "Any numbers from 0 on",
        "None rotates all D",
    ],
)
def half_pairs_feature_i_with_its_half(student, x, pos, style, rotary_dim, base):
    """In the style "half", the default, features i and D/2+i are a pair, turned counterclockwise by pos · θ_i."""
    return student.apply_rope(x, pos) if base == 10000.0 else student.apply_rope(x, pos, base=base)


@check(
    points=1,
    inputs=tokens,
    lecture="two-styles",
    tolerance=NEAR,
    public=[
        case("four features at position 1", values=[[1.0, 0.0, 0.0, 1.0]], pos=[1], style="interleaved"),
        case("three tokens", T=3, D=4, style="interleaved"),
    ],
    hidden=[
        case("an odd number of pairs", B=2, H=3, T=5, D=6, style="interleaved"),
        case("as many tokens as heads and features", B=4, H=4, T=4, D=4, style="interleaved"),
        case("positions in any order", H=2, T=6, D=8, high=40, style="interleaved"),
        case("one pair", H=2, T=3, D=2, high=9, style="interleaved"),
        case("base 50", T=4, D=8, base=50.0, pos=[5, 3, 1, 0], style="interleaved"),
    ],
    fresh=1,
    cites=["features 2i and 2i+1", "Inputs may be views", "arguments are left as they were"],
)
def interleaved_pairs_neighbours(student, x, pos, style, rotary_dim, base):
    """In the style "interleaved", features 2i and 2i+1 are a pair, and come back at the same places, also in a view of other strides."""
    view = x.mT.contiguous().mT
    return {
        "turned": student.apply_rope(x, pos, style, rotary_dim, base),
        "a view": student.apply_rope(view, pos, style, rotary_dim, base),
        "base 20": student.apply_rope(x, pos, style, rotary_dim, 20.0),
        "left": flags(view),
    }


@check(
    points=1,
    inputs=tokens,
    lecture="positions-come-with-the-tokens",
    tolerance=NEAR,
    public=[case("two sequences of two heads", B=2, H=2, T=2, D=4, pos=[[0, 1], [5, 6]])],
    hidden=[
        case("as many heads as sequences", B=3, H=3, T=3, D=4, own=True, high=30),
        case("interleaved", B=4, H=2, T=5, D=6, own=True, high=50, style="interleaved"),
        case("one token each", B=5, H=2, T=1, D=8, own=True, high=60),
        case("one sequence, as (1, T)", B=1, H=3, T=4, D=4, pos=[[4, 0, 2, 9]]),
        case("left padding", B=2, H=1, T=4, D=2, pos=[[0, 0, 0, 1], [0, 1, 2, 3]], style="interleaved"),
    ],
    cites=["int64 positions", "Inputs may be views"],
)
def each_sequence_can_have_its_own_positions(student, x, pos, style, rotary_dim, base):
    """Positions of shape (B, T) give each sequence its own, the same for all of its heads, in every call."""
    return {
        "turned": student.apply_rope(x, pos, style, rotary_dim, base),
        "other positions": student.apply_rope(x, pos.flip(-1) + 3, style, rotary_dim, base),
        "a view": student.apply_rope(
            x.transpose(1, 2).contiguous().transpose(1, 2), pos.T.contiguous().T, style, rotary_dim, base
        ),
    }


@check(
    points=1,
    inputs=tokens,
    lecture="rotating-a-part",
    tolerance=NEAR,
    public=[
        case("two of four features", values=[[1.0, 0.0, 5.0, 6.0]], pos=[1], rotary_dim=2),
        case("four of six", T=2, D=6, rotary_dim=4),
    ],
    hidden=[
        case("a quarter, as in GPT-NeoX", B=2, H=2, T=5, D=16, rotary_dim=4),
        case("half, interleaved, as in GLM", H=3, T=4, D=12, rotary_dim=6, style="interleaved"),
        case("all but two", T=6, D=10, rotary_dim=8, high=25),
        case("all of them, by number", T=3, D=6, rotary_dim=6, high=9),
        case("20 of 24", T=2, D=24, rotary_dim=20, high=9),
        case("none of them", B=2, T=3, D=4, rotary_dim=0, high=9),
        case(
            "own positions, base 300", B=2, T=3, D=8, rotary_dim=4, own=True, high=20, base=300.0, style="interleaved"
        ),
    ],
    cites=["only the first R features", "D is even, and so is every"],
)
def partial_rotation_leaves_the_tail(student, x, pos, style, rotary_dim, base):
    """Only the first rotary_dim features are rotated, with the frequencies for rotary_dim; the others are unchanged."""
    return student.apply_rope(x, pos, style, rotary_dim, base)


@check(
    points=1,
    inputs=tokens,
    lecture="precision",
    tolerance=EXACT,
    public=[case("float64 at position 50 000", T=2, D=4, pos=[0, 50_000], dtype="float64")],
    hidden=[
        case("up to 100 000", H=2, T=6, D=8, low=60_000, high=100_000, dtype="float64"),
        case("a million, beyond any table", T=2, D=4, pos=[3, 1_000_000], dtype="float64"),
        case("interleaved", B=2, T=3, D=6, own=True, high=100_000, dtype="float64", style="interleaved"),
        case("a part, base 500 000", T=4, D=10, rotary_dim=6, high=90_000, base=500000.0, dtype="float64"),
    ],
    cites=["Angles are computed in float64"],
)
def float64_stays_exact_far_out(student, x, pos, style, rotary_dim, base):
    """For float64 x the angles are float64 throughout, so that position 100 000 is as exact as position 0."""
    return student.apply_rope(x, pos, style, rotary_dim, base)


def rounded_once(seen, want, inputs):
    near = want.dtype == torch.float16 and int(inputs["pos"].max()) < 100
    return difference(seen, want, IN_FLOAT16 if near else ONE_ULP)


@check(
    points=1,
    inputs=tokens,
    lecture="precision",
    judge=rounded_once,
    public=[case("bfloat16 at positions around 1000", H=2, T=8, D=32, low=900, high=1100, dtype="bfloat16")],
    hidden=[
        case("positions that bfloat16 cannot hold", H=2, T=8, D=16, low=257, high=4000, dtype="bfloat16"),
        case("interleaved", B=2, H=2, T=6, D=32, own=True, high=4000, dtype="bfloat16", style="interleaved"),
        case("a part", H=4, T=5, D=32, rotary_dim=16, high=500, dtype="bfloat16"),
        case("near the start", H=2, T=16, D=32, dtype="bfloat16"),
        case("near the start, float16", H=4, T=32, D=32, dtype="float16"),
        case("positions that float16 cannot hold", H=2, T=8, D=16, low=2049, high=4000, dtype="float16"),
    ],
    cites=[
        "bfloat16 and float16 are rotated in float32",
        "Returns a tensor of x's shape and dtype",
        "float32, float64, bfloat16 or float16",
        "Hugging Face's models round",
    ],
)
def low_precision_is_rotated_in_float32(student, x, pos, style, rotary_dim, base):
    """bfloat16 (or float16) x comes back as such, off by one rounding only: positions, angles, tables and rotation are float32."""
    return student.apply_rope(x, pos, style, rotary_dim, base)


@check(
    points=1,
    inputs=tokens,
    lecture="scores-know-the-distance-only",
    tolerance=FAR,
    public=[case("three tokens", T=3, D=4, pos=[2, 0, 11])],
    hidden=[
        case("float32, positions up to 4000", H=2, T=8, D=32, low=1000, high=4000),
        case("interleaved", B=2, H=2, T=5, D=8, own=True, high=4000, style="interleaved"),
        case("a part", H=2, T=4, D=12, rotary_dim=4, high=100, base=100.0),
        case("float16", H=2, T=4, D=8, high=300, dtype="float16"),
    ],
    cites=["Gradients flow to x", "It is not changed"],
)
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


@check(
    points=1,
    inputs=rows,
    lecture="from-metas-files-to-hugging-faces",
    tolerance=Tolerance(),
    public=[
        case("one head, D = 4", H=1, D=4, C=1, numbered=True),
        case("two heads, D = 6", H=2, D=6, C=1, numbered=True),
        case("the other way", H=1, D=6, C=1, to="interleaved", numbered=True),
    ],
    hidden=[
        case("three heads, to half", H=3, D=8, C=5),
        case("three heads, to interleaved", H=3, D=8, C=5, to="interleaved"),
        case("a square matrix", H=2, D=6, C=12),
        case("D = 2", H=4, D=2, C=3, to="interleaved"),
        case("float64", H=2, D=8, C=3, dtype="float64"),
        case("bfloat16, seven pairs", H=2, D=14, C=3, to="interleaved", dtype="bfloat16"),
    ],
    cites=[
        "w was made for",
        "the other way back",
        "the same rows in another order",
        "Rotating the heads of x",
        "Any dtype",
        "row h·D + d makes",
        "Reorder the rows",
    ],
)
def weights_move_from_one_style_to_the_other(student, w, H, to):
    """Rows are reordered inside each head, so that rotating in the new style gives the old pairs."""
    view = w.T.contiguous().T  # as the weight of a Conv1D, which is stored the other way round
    others = [student.permute_weights(-w, H, to), student.permute_weights(w, 1, to)]
    moved, of_view = student.permute_weights(w, H, to), student.permute_weights(view, H, to)
    return {"w": moved, "of a view": of_view, "of others": others, "left": flags(w, view)}


@check(
    points=1,
    lecture="far-tokens-matter-less",
    public=[case("two pairs", D=4, max_dist=3, base=10000.0)],
    hidden=[
        case("one pair", D=2, max_dist=5, base=10000.0),
        case("the paper's curve, with the default base", D=128, max_dist=256, base=None),
        case("base 100", D=10, max_dist=40, base=100.0),
        case("distance 0 only", D=6, max_dist=1, base=10000.0),
    ],
    cites=["With the partial sums", "for the distances 0", "The curve of the paper"],
)
def the_bound_falls_with_the_distance(student, D, max_dist, base):
    """The bound at distance m is the mean of |S_j(m)| over all D/2 partial sums S_j of exp(1j · m · θ_i)."""
    return [again(student.decay_bound, D, max_dist, **based(base)), student.decay_bound(D, max_dist, 20.0)]


@check(
    points=1,
    bonus=True,
    device="cuda",
    inputs=tokens,
    lecture="precision",
    tolerance=IN_BFLOAT16,
    hidden=[
        case("bfloat16", B=2, H=4, T=64, D=64, own=True, high=4000, dtype="bfloat16"),
        case("interleaved, a part", B=2, H=4, T=33, D=64, rotary_dim=32, dtype="bfloat16", style="interleaved"),
        case("positions for all", H=2, T=128, D=128, high=2000, dtype="bfloat16"),
    ],
    cites=["on its device"],
)
def on_a_gpu_it_is_the_same(student, x, pos, style, rotary_dim, base):
    """On a GPU, bfloat16 is turned by the right angles at far positions too, and stays on its device."""
    return student.apply_rope(x, pos, style, rotary_dim, base)
