"""Checks of flash/fa3_fp8: eight bits and their scales, the rotation, attention with both, and the time of two groups that take turns."""

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


@check(
    points=2,
    inputs=near_the_grid,
    lecture="a-scale-for-each-block",
    public=[case("two blocks", T=6, block=3), case("the last block is shorter", T=5, block=2, D=3)],
    hidden=[
        case("many heads", T=9, block=4, B=2, H=5, D=8),
        case("a block for each token", T=7, block=1, B=3, H=1, D=2),
        case("one feature", T=8, block=3, D=1),
        case("float64", T=11, block=5, B=2, H=3, dtype="float64"),
        case("exactly one block", T=4, block=4, H=3),
        case("tiny numbers", T=8, block=3, tiny=1e-14, dtype="float64"),
        case("twenty blocks", T=59, block=3, H=1, D=2),
        case("blocks of twenty", T=45, block=20, H=1, D=2),
    ],
    fresh=1,
    cites=["the largest absolute value of the block", "and rounded by", "in the dtype of x", "the last block of a head is what is left"],
)
def each_block_has_its_scale(student, x, block):
    """Each block of tokens of each head is divided by its own scale, so that its largest number becomes 448, and rounded to eight bits."""
    view = x.transpose(1, 2).contiguous().transpose(1, 2)
    return [eight_bits(view, block, student), eight_bits(x * -4, block + 1 if block < 2 else block, student), str(flags(view))]


@check(
    points=1,
    inputs=near_the_grid,
    lecture="a-scale-for-each-block",
    public=[case("a block of zeros", T=6, block=2, zeros=[1]), case("a block larger than the text", T=3, block=50)],
    hidden=[
        case("zeros alone", T=5, block=2, B=2, zeros=[0, 1, 2]),
        case("the last block is zeros", T=7, block=3, H=3, D=2, zeros=[2]),
        case("zeros in float64", T=4, block=1, dtype="float64", zeros=[0, 3]),
        case("one token, a large block", T=1, block=1000, B=2, H=3),
    ],
    cites=["A block of zeros has the scale 1", "With block T there is one block"],
)
def zeros_stay_zeros(student, x, block):
    """A block of zeros has the scale 1 and stays zeros; with a large block there is one scale for each head."""
    return [eight_bits(x, block, student), eight_bits(x, 10**6, student)]


def vectors(rng, shape, dtype="float64", alike=False):
    D = shape[-1]
    signs = 1 - 2 * rng.integers(0, 2, D)
    return {"x": rng.normal(*shape, dtype=dtype), "signs": torch.ones_like(signs) if alike else signs}


@check(
    points=2,
    inputs=vectors,
    lecture="spreading-outliers",
    public=[
        case("four features, no signs", shape=[2, 4], alike=True, dtype="float32"),
        case("eight features", shape=[3, 8]),
    ],
    hidden=[
        case("one feature", shape=[2, 3, 1]),
        case("two features", shape=[5, 2]),
        case("heads", shape=[2, 3, 5, 16]),
        case("a vector alone", shape=[32]),
        case("sixty-four features, float32", shape=[2, 64], dtype="float32"),
        case("256 features", shape=[3, 256]),
        case("no vectors", shape=[0, 4]),
    ],
    fresh=1,
    cites=["multiplied with the features first", "lengths and products of rotated vectors", "in Sylvester s order", "Gradients flow to x", "of any dtype"],
)  # fmt: skip
def features_are_spread(student, x, signs):
    """Features are multiplied by the signs, then by the orthonormal Hadamard matrix in Sylvester's order, with gradients."""
    student.hadamard_rotate(x.float(), signs)  # what it leaves behind is not to be seen in other dtypes
    first = with_gradients(lambda x: student.hadamard_rotate(x, signs), x=x)
    doubles = student.hadamard_rotate(x, signs.double())
    view = x.mT.contiguous().mT if x.ndim > 1 else torch.stack([x, x], -1)[:, 0]
    again = student.hadamard_rotate(view, signs.to(x.dtype))
    return {"first": first, "signs in float64": doubles, "view": again, "other signs": student.hadamard_rotate(x, -signs), "left": flags(view)}


@check(
    points=1,
    inputs=vectors,
    lecture="spreading-outliers",
    public=[case("three features", shape=[2, 3])],
    hidden=[case("six", shape=[6], dtype="float32"), case("twelve", shape=[1, 2, 12]), case("one hundred", shape=[3, 100]), case("none", shape=[3, 0])],
    cites=["D is a power of two 1 included else ValueError"],
)
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


@check(
    points=2,
    inputs=attention,
    lecture="attention-in-eight-bits",
    public=[case("three queries, five keys", T=3, S=5, block=2), case("one block", T=4, S=4, block=4)],
    hidden=[
        case("many heads", T=7, S=9, block=4, B=2, H=5, D=8),
        case("blocks of one", T=4, S=6, block=1, B=3, H=1),
        case("float64", T=6, S=8, block=3, dtype="float64", D=3),
        case("large scores, float64", T=5, S=11, block=5, dtype="float64", loud=60.0, H=3, D=5),
        case("one query", T=1, S=40, block=18, D=2),
        case("one key", T=5, S=1, block=2),
    ],
    cites=["q k and v are quantized", "Everything else is exact", "signs are not looked at"],
)
def attention_takes_what_eight_bits_hold(student, q, k, v, block, signs):
    """Attention is exact for what q, k and v have become in eight bits, each with the scales of its blocks."""
    plain = student.fa3_fp8_attention(q, k, v, block)
    views = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]
    other = student.fa3_fp8_attention(-q, k, v * 2, block)  # the same bits, up to a sign and a scale
    return {"plain": plain, "other values": other, "signs without a rotation": student.fa3_fp8_attention(*views, block, False, signs), "left": flags(*views)}


@check(
    points=1,
    inputs=attention,
    lecture="attention-in-eight-bits",
    public=[case("four features", T=3, S=5, block=2, dtype="float64", grid=False)],
    hidden=[
        case("outliers", T=9, S=12, block=4, B=2, H=3, D=8, dtype="float64", grid=False, outliers=True),
        case("one block", T=5, S=4, block=50, D=16, dtype="float64", grid=False, outliers=True),
        case("two features", T=6, S=7, block=3, H=1, D=2, dtype="float64", grid=False),
    ],
    cites=["q and k are rotated by", "v is not", "without signs raises ValueError"],
)
def queries_and_keys_are_rotated_first(student, q, k, v, block, signs):
    """With `incoherent`, queries and keys are rotated before they are quantized, and values are not; without signs it raises ValueError."""
    return {
        "rotated": student.fa3_fp8_attention(q, k, v, block, incoherent=True, signs=signs),
        "other signs": student.fa3_fp8_attention(q, k, v, block, True, -signs),
        "no signs": raises("ValueError", lambda: student.fa3_fp8_attention(q, k, v, block, True)),
        "plain": student.fa3_fp8_attention(q, k, v, block),
    }


@check(
    points=1,
    lecture="taking-turns",
    tolerance=Tolerance(atol=1e-9, rtol=1e-12),
    public=[
        case("one tile each", calls=[[1, 1.0, 4.0]]),
        case("products are slower", calls=[[3, 2.0, 1.0], [2, 1.0, 1.0]]),
        case("softmax is slower", calls=[[10, 1.0, 8.0]]),
    ],
    hidden=[
        case("no tiles", calls=[[0, 1.0, 1.0], [0, 3.0, 0.5]]),
        case("equal times", calls=[[7, 1.0, 2.0], [7, 1.0, 1.9], [7, 1.0, 2.1]]),
        case("no softmax, no products", calls=[[4, 1.5, 0.0], [4, 0.0, 1.5]]),
        case("many tiles", calls=[[1000, 1.25, 3.5], [1000, 1.25, 0.5], [64, 0.3, 0.61]]),
        case("two tiles", calls=[[2, 1.0, 1.5], [2, 1.0, 3.0], [2, 3.0, 1.0]]),
    ],
    cites=["nothing overlaps", "the groups take turns", "A turn begins when", "0 0 for no tiles"],
)
def one_softmax_runs_in_the_turn_of_the_other(student, calls):
    """With overlap, one group's softmax runs during the other's products; without, all steps follow each other."""
    return [[float(student.pingpong_makespan(*call, overlap=way)) for way in (True, False)] for call in calls]


@check(
    points=1,
    bonus=True,
    device="cuda",
    inputs=attention,
    lecture="attention-in-eight-bits",
    tolerance=Tolerance(atol=1e-4, rtol=1e-3, why="a GPU adds up in another order"),
    hidden=[
        case("forty queries", T=40, S=70, block=16, B=2, H=3, D=16),
        case("one block", T=9, S=9, block=64, D=8),
    ],
)
def eight_bits_stay_on_the_gpu(student, q, k, v, block, signs):
    """On a GPU, eight bits, scales and attention are computed there, and returned there."""
    x8, scale = student.quantize_fp8_blocks(k, block)
    turned = student.hadamard_rotate(q, signs)
    out = student.fa3_fp8_attention(q, k, v, block)
    tensors = [x8, scale, turned, out, student.fa3_fp8_attention(q, k, v, block, True, signs)]
    return {
        "x8": x8.float().cpu(),
        "scale": scale.cpu(),
        "turned": turned.cpu(),
        "out": out.cpu(),
        "same place": [each.device.type == q.device.type for each in tensors],
    }


@check(
    points=1,
    bonus=True,
    device="cuda",
    inputs=attention,
    lecture="attention-in-eight-bits",
    tolerance=Tolerance(atol=1e-2, rtol=1e-2, why="a GPU's matrix unit adds up products of eight bits with fewer digits than float32 has"),
    hidden=[
        case("48 queries, 64 keys, one scale for each head", T=48, S=64, block=64, B=2, H=2, D=64, dtype="float64", grid=False),
        case("outliers", T=16, S=32, block=32, D=128, dtype="float64", grid=False, outliers=True),
    ],
)
def the_matrix_unit_takes_the_same_bits(student, q, k, v, block, signs):
    """On a GPU, its matrix unit multiplies your eight-bit numbers: times the scales, its products are the scores of the emulation."""
    # From float64: a last bit of a turned float32 decides now and then which eight-bit number is the next, and those lie far apart.
    scores, emulated = [], []
    for turned in (False, True):
        (q8, q_scale), (k8, k_scale) = (
            student.quantize_fp8_blocks(student.hadamard_rotate(x, signs) if turned else x, block) for x in (q, k)
        )
        emulated.append(((q8.float() * q_scale[..., None]) @ (k8.float() * k_scale[..., None]).mT).cpu())
        for b in range(q.shape[0]):
            for h in range(q.shape[1]):
                left, right = q8[b, h].contiguous(), k8[b, h].contiguous()
                scales = q_scale[b, h].reshape(()).float(), k_scale[b, h].reshape(()).float()
                product = torch._scaled_mm(left, right.t(), scale_a=scales[0], scale_b=scales[1], out_dtype=torch.float32)
                scores.append(product.cpu())
    return {"scores": scores, "emulated": emulated}
