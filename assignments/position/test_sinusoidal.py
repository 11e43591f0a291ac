"""Public checks of position/sinusoidal: run `pytest` on this file, or `autograder check position/sinusoidal`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from autograder.checks import Tolerance, case, check


NEAR = Tolerance(atol=1e-5)


FAR = Tolerance(atol=1e-6)


@check(points=2, lecture='one-angle-for-each-pair', tolerance=NEAR, public=[case('position 0', n=1, C=4), case('three positions, two pairs', n=3, C=4), case('six features', n=5, C=6)])
def each_pair_is_sine_and_cosine_of_one_angle(student, n, C):
    """Features 2i and 2i+1 of position t are the sine and the cosine of t · 10000^(-2i/C)."""
    return student.sinusoidal(n, C)


@check(points=1, lecture='two-layouts', tolerance=NEAR, public=[case('two pairs', n=2, C=4, layout='concat')])
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


@check(points=1, inputs=table, lecture='one-angle-for-each-pair', tolerance=NEAR, public=[case('base 100', n=4, C=4, base=100.0)])
def the_base_sets_the_slowest_frequency(student, n, C, layout, base):
    """`base` takes the place of 10000 in the frequencies, in both layouts and in every call."""
    return {"given": student.sinusoidal(n, C, layout, base), "without": student.sinusoidal(n, C, layout)}


@check(points=1, inputs=table, lecture='far-positions', tolerance=FAR, public=[case('position 29 999', n=30000, C=6, rows=[29999])])
def far_positions_are_exact(student, n, C, layout, base, rows):
    """Rows far down the table are as exact as the first ones: angles are computed in float64."""
    return student.sinusoidal(n, C, layout, base)[rows]


@check(points=1, lecture='a-shift-is-a-rotation', tolerance=FAR, public=[case('one step', k=1, C=4), case('no step', k=0, C=4)])
def a_fixed_matrix_moves_every_position(student, k, C):
    """PE(t) @ M is PE(t + k) for every t: a rotation for each pair, by the angle of k steps, and zero elsewhere."""
    return student.shift_matrix(k, C)


@check(points=1, lecture='a-shift-is-a-rotation', tolerance=FAR, public=[case('base 100', k=2, C=4, base=100.0)])
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
