"""Checks of position/sinusoidal: the table in both layouts, another base, far positions, and the matrix that shifts it.

The table is a formula, so answers are compared with it. Honest answers differ in the last bit of float32 (6e-8), or by
3e-6 when angles below 100 are computed in float32, which the near checks let pass. The far ones ask for float64 angles.
"""

from autograder.checks import Tolerance, case, check

NEAR = Tolerance(atol=1e-5)
FAR = Tolerance(atol=1e-6)  # float64: 6e-8; float32 angles, in the best of these cases: 6e-5


@check(
    points=2,
    lecture="one-angle-for-each-pair",
    tolerance=NEAR,
    public=[
        case("position 0", n=1, C=4),
        case("three positions, two pairs", n=3, C=4),
        case("six features", n=5, C=6),
    ],
    hidden=[
        case("one pair", n=9, C=2),
        case("one position", n=1, C=10),
        case("as many features as positions", n=8, C=8),
        case("an odd number of pairs", n=37, C=14),
        case("a model's size", n=40, C=512),
    ],
    cites=[
        "The position table PE",
        "features 2i and 2i+1",
        "Returns float32 (n, C)",
        "The two features of a pair have the same frequency",
        "number of positions, at least 1",
        "C, the number of features",
        "The authors' library Tensor2Tensor",
    ],
)
def each_pair_is_sine_and_cosine_of_one_angle(student, n, C):
    """Features 2i and 2i+1 of position t are the sine and the cosine of t · 10000^(-2i/C)."""
    return student.sinusoidal(n, C)


@check(
    points=1,
    lecture="two-layouts",
    tolerance=NEAR,
    public=[case("two pairs", n=2, C=4, layout="concat")],
    hidden=[
        case("one pair: both layouts are the same", n=6, C=2, layout="concat"),
        case("as many pairs as positions", n=5, C=10, layout="concat"),
        case("two positions, many pairs", n=2, C=64, layout="concat"),
        case("by its name", n=7, C=6, layout="interleaved"),
    ],
    cites=["features i and C/2+i", "Each call depends on its own arguments", "The frequencies fall from 1"],
)
def layouts_put_the_same_numbers_in_other_places(student, n, C, layout):
    """In the layout "concat", all sines come first and all cosines after them; "interleaved" is the paper's, in every call."""
    first = student.sinusoidal(n, C, layout=layout)
    tables = {
        "first": first.clone(),
        "interleaved": student.sinusoidal(n, C),
        "concat": student.sinusoidal(n, C, "concat"),
    }
    first.zero_()  # the table of that call only
    return tables | {"once more": student.sinusoidal(n, C, layout)}


def table(rng, n, C, layout="interleaved", base=10000.0, **more):
    return {"n": n, "C": C, "layout": layout, "base": base, **more}


@check(
    points=1,
    inputs=table,
    lecture="one-angle-for-each-pair",
    tolerance=NEAR,
    public=[case("base 100", n=4, C=4, base=100.0)],
    hidden=[
        case("base 2", n=20, C=6, base=2.0),
        case("base 1 000 000, concat", n=11, C=8, layout="concat", base=1e6),
        case("base 500 000", n=30, C=16, base=500000.0),
        case("an integer", n=6, C=4, base=10),
    ],
    cites=["pair i turns by base"],
)
def the_base_sets_the_slowest_frequency(student, n, C, layout, base):
    """`base` takes the place of 10000 in the frequencies, in both layouts and in every call."""
    return {"given": student.sinusoidal(n, C, layout, base), "without": student.sinusoidal(n, C, layout)}


@check(
    points=1,
    inputs=table,
    lecture="far-positions",
    tolerance=FAR,
    public=[case("position 29 999", n=30_000, C=6, rows=[29_999])],
    hidden=[
        case("up to 100 000", n=100_001, C=8, rows=[99, 4097, 65_537, 99_999, 100_000]),
        case("concat, six features", n=70_000, C=6, layout="concat", rows=[21_111, 69_998, 69_999]),
        case("another base", n=50_000, C=4, base=7.0, rows=[33_333, 49_999]),
    ],
    cites=["Rows far down are exact", "Both results are float32", "Most programs compute the angles"],
)
def far_positions_are_exact(student, n, C, layout, base, rows):
    """Rows far down the table are as exact as the first ones: angles are computed in float64."""
    return student.sinusoidal(n, C, layout, base)[rows]


@check(
    points=1,
    lecture="a-shift-is-a-rotation",
    tolerance=FAR,
    public=[case("one step", k=1, C=4), case("no step", k=0, C=4)],
    hidden=[
        case("backwards", k=-3, C=6),
        case("one pair", k=5, C=2),
        case("many pairs", k=17, C=64),
        case("no step, many pairs", k=0, C=10),
    ],
    cites=[
        "The matrix M that moves",
        "Returns float32 (C, C)",
        "M does not depend on t",
        "Each pair only mixes with itself",
        "Rows stand on the left of M",
    ],
)
def a_fixed_matrix_moves_every_position(student, k, C):
    """PE(t) @ M is PE(t + k) for every t: a rotation for each pair, by the angle of k steps, and zero elsewhere."""
    return student.shift_matrix(k, C)


@check(
    points=1,
    lecture="a-shift-is-a-rotation",
    tolerance=FAR,
    public=[case("base 100", k=2, C=4, base=100.0)],
    hidden=[
        case("base 3, backwards", k=-11, C=6, base=3.0),
        case("100 000 steps", k=100_000, C=8, base=10000.0),
        case("65 537 steps back, base 7", k=-65_537, C=4, base=7.0),
    ],
    cites=["steps, of any sign and size", "C, base: as in"],
)
def shifts_of_any_size_in_any_base(student, k, C, base):
    """The matrix takes its frequencies from `base`, and stays exact for shifts of 100 000 positions and back."""
    there = student.shift_matrix(k, C, base)
    matrices = {
        "there": there.clone(),
        "back": student.shift_matrix(-k, C, base),
        "without a base": student.shift_matrix(k, C),
    }
    there.zero_()  # the matrix of that call only
    return matrices | {"once more": student.shift_matrix(k, C, base)}
