"""Public checks of flash/fa3_fp8: run `pytest` on this file, or `autograder check flash/fa3_fp8`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, flags, raises, with_gradients


def near_the_grid(rng, T, block, B=1, H=2, D=4, dtype="float32", zeros=(), tiny=1.0):
    """Numbers near those that eight bits have, and far from the middle between two of them, times a scale for each block.

    So a quotient that was rounded otherwise on its way becomes the same eight bits. `zeros`: blocks that have nothing else.
    """
    bits = rng.integers(0, 127, B, H, T, D).to(torch.uint8)
    y = bits.view(torch.float8_e4m3fn).double() * (1 - 2 * rng.integers(0, 2, B, H, T, D))
    step = 2 ** (y.abs().clamp(min=2.0**-6).log2().floor() - 3)
    y = (y + step * rng.uniform(-0.3, 0.3, B, H, T, D)).clamp(-447, 447)
    for number, first in enumerate(range(0, T, block)):
        height = min(block, T - first)
        part = y[:, :, first : first + height]
        part[:, :, rng.integer(0, height), rng.integer(0, D)] = rng.choice([-448.0, 448.0])
        part *= 0.0 if number in zeros else rng.uniform(0.001, 0.1, B, H, 1, 1) * 4.0 ** rng.integer(-3, 3)
    return {"x": (y * tiny).to(getattr(torch, dtype)), "block": block}


def eight_bits(x, block, student):
    x8, scale = student.quantize_fp8_blocks(x, block)
    return {"dtype": str(x8.dtype), "x8": x8.float(), "scale": scale}


@check(points=2, inputs=near_the_grid, lecture='a-scale-for-each-block', public=[case('two blocks', T=6, block=3), case('the last block is shorter', T=5, block=2, D=3)])
def each_block_has_its_scale(student, x, block):
    """Each block of tokens of each head is divided by its own scale, so that its largest number becomes 448, and rounded to eight bits."""
    view = x.transpose(1, 2).contiguous().transpose(1, 2)
    return [eight_bits(view, block, student), eight_bits(x * -4, block + 1 if block < 2 else block, student), str(flags(view))]


@check(points=1, inputs=near_the_grid, lecture='a-scale-for-each-block', public=[case('a block of zeros', T=6, block=2, zeros=[1]), case('a block larger than the text', T=3, block=50)])
def zeros_stay_zeros(student, x, block):
    """A block of zeros has the scale 1 and stays zeros; with a large block there is one scale for each head."""
    return [eight_bits(x, block, student), eight_bits(x, 10**6, student)]


def vectors(rng, shape, dtype="float64", alike=False):
    D = shape[-1]
    signs = 1 - 2 * rng.integers(0, 2, D)
    return {"x": rng.normal(*shape, dtype=dtype), "signs": torch.ones_like(signs) if alike else signs}


@check(points=2, inputs=vectors, lecture='spreading-outliers', public=[case('four features, no signs', shape=[2, 4], alike=True, dtype='float32'), case('eight features', shape=[3, 8])])
def features_are_spread(student, x, signs):
    """Features are multiplied by the signs, then by the orthonormal Hadamard matrix in Sylvester's order, with gradients."""
    student.hadamard_rotate(x.float(), signs)  # what it leaves behind is not to be seen in other dtypes
    first = with_gradients(lambda x: student.hadamard_rotate(x, signs), x=x)
    doubles = student.hadamard_rotate(x, signs.double())
    view = x.mT.contiguous().mT if x.ndim > 1 else torch.stack([x, x], -1)[:, 0]
    again = student.hadamard_rotate(view, signs.to(x.dtype))
    return {"first": first, "signs in float64": doubles, "view": again, "other signs": student.hadamard_rotate(x, -signs), "left": flags(view)}


@check(points=1, inputs=vectors, lecture='spreading-outliers', public=[case('three features', shape=[2, 3])])
def sizes_are_powers_of_two(student, x, signs):
    """A number of features that is no power of two raises ValueError."""
    four = torch.cat([x.flatten(), torch.ones(4, dtype=x.dtype)])[:4]
    return {"wrong": raises("ValueError", lambda: student.hadamard_rotate(x, signs)), "four": student.hadamard_rotate(four, torch.tensor([1, -1, -1, -1]))}


def attention(rng, T, S, block, B=1, H=2, D=4, dtype="float32", loud=1.0, grid=True, outliers=False):
    def made(n, scale=1.0):
        if grid:
            x = near_the_grid(rng, n, block, B=B, H=H, D=D, dtype="float64")["x"]
            return (x / x.abs().amax() * 2 * scale).to(getattr(torch, dtype))
        x = rng.normal(B, H, n, D, dtype=dtype, scale=scale)
        return x + 20 * (rng.uniform(0, 1, B, H, n, D) < 0.03) if outliers else x

    signs = 1 - 2 * rng.integers(0, 2, D)
    return {"q": made(T, loud), "k": made(S), "v": made(S), "block": block, "signs": signs}


@check(points=2, inputs=attention, lecture='attention-in-eight-bits', public=[case('three queries, five keys', T=3, S=5, block=2), case('one block', T=4, S=4, block=4)])
def attention_takes_what_eight_bits_hold(student, q, k, v, block, signs):
    """Attention is exact for what q, k and v have become in eight bits, each with the scales of its blocks."""
    plain = student.fa3_fp8_attention(q, k, v, block)
    views = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]
    other = student.fa3_fp8_attention(-q, k, v * 2, block)  # the same bits, up to a sign and a scale
    return {"plain": plain, "other values": other, "signs without a rotation": student.fa3_fp8_attention(*views, block, False, signs), "left": flags(*views)}


@check(points=1, inputs=attention, lecture='attention-in-eight-bits', public=[case('four features', T=3, S=5, block=2, dtype='float64', grid=False)])
def queries_and_keys_are_rotated_first(student, q, k, v, block, signs):
    """With `incoherent`, queries and keys are rotated before they are quantized, and values are not; without signs it raises ValueError."""
    return {
        "rotated": student.fa3_fp8_attention(q, k, v, block, incoherent=True, signs=signs),
        "other signs": student.fa3_fp8_attention(q, k, v, block, True, -signs),
        "no signs": raises("ValueError", lambda: student.fa3_fp8_attention(q, k, v, block, True)),
        "plain": student.fa3_fp8_attention(q, k, v, block),
    }


@check(points=1, lecture='taking-turns', tolerance=Tolerance(atol=1e-09, rtol=1e-12), public=[case('one tile each', calls=[[1, 1.0, 4.0]]), case('products are slower', calls=[[3, 2.0, 1.0], [2, 1.0, 1.0]]), case('softmax is slower', calls=[[10, 1.0, 8.0]])])
def one_softmax_runs_in_the_turn_of_the_other(student, calls):
    """With overlap, one group's softmax runs during the other's products; without, all steps follow each other."""
    return [[float(student.pingpong_makespan(*call, overlap=way)) for way in (True, False)] for call in calls]
