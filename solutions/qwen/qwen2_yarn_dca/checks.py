"""Checks of qwen/qwen2_yarn_dca: the ramp and its two ends, positions in chunks and their distances, and attention that uses both."""

import torch

from autograder.checks import Tolerance, again, case, check, flags, gradients, leaves, raises, with_gradients

CLOSE = Tolerance(atol=0.0, rtol=1e-5, why="frequencies in float32, as libraries have them, pass here; float64_is_exact is for digits")


@check(
    points=1,
    tolerance=CLOSE,
    lecture="which-pairs-to-stretch",
    public=[
        case("Qwen 2 7B, four times as long", calls=[[128, 1e6, 4.0, 32768]]),
        case("a short ramp", calls=[[8, 10.0, 4.0, 40, 4.0]]),
    ],
    hidden=[
        case("Llama 2 7B, sixteen times", calls=[[128, 10000.0, 16.0, 4096], [128, 10000.0, 1.0, 4096]]),
        case("other turns", calls=[[64, 500000.0, 8.0, 8192, 16.0, 2.0], [32, 1000.0, 2.5, 700, 8.0, 0.5]]),
        case("less than before", calls=[[16, 1e4, 0.5, 3000]]),
        case("many features", calls=[[256, 3e6, 40.0, 20000]]),
    ],
    cites=["1 r_i f_i r_i f_i factor", "The pair that turns n times within orig tokens"],
)
def slow_pairs_are_stretched(student, calls):
    """Pairs that turn often stay as they are, pairs that turn rarely are slowed by factor, and a ramp joins the two."""
    other = [again(student.yarn_freqs, *call[:4], beta_slow=0.5)[0].double() for call in calls]
    return [student.yarn_freqs(*call)[0].double() for call in calls] + other


@check(
    points=1,
    tolerance=CLOSE,
    lecture="which-pairs-to-stretch",
    public=[
        case("no pair turns often", calls=[[8, 10000.0, 4.0, 100]]),
        case("the end of the ramp is cut", calls=[[8, 10.0, 4.0, 4096], [8, 10.0, 4.0, 4000, 400.0]]),
        case("both ends at 0", calls=[[12, 10000.0, 3.0, 7, 32.0, 2.0]]),
    ],
    hidden=[
        case("both ends at 0, more features", calls=[[16, 10000.0, 4.0, 8, 32.0, 2.0]]),
        case("cut at both ends", calls=[[6, 20.0, 3.0, 190], [2, 20.0, 3.0, 190], [10, 6.0, 5.0, 150, 30.0]]),
        case("turns that are near each other", calls=[[64, 10000.0, 4.0, 6000, 12.0, 9.0]]),
    ],
    cites=["rounded down and at least 0", "rounded up and at most D 1", "Where both are the same number"],
)  # fmt: skip
def the_ramp_has_whole_ends(student, calls):
    """The ends of the ramp are rounded outwards, cut to 0 and D - 1, and never fall together."""
    return [student.yarn_freqs(*call)[0].double() for call in calls]


@check(
    points=1,
    lecture="a-number-for-the-scores",
    public=[case("four times, once, half", factors=[4.0, 1.0, 0.5])],
    hidden=[case("other lengths", factors=[16.0, 2.0, 1.0001, 40.0]), case("not longer", factors=[0.9, 0.1, 1.0, 7.5])],
    cites=["for a factor above 1 else 1"],
)
def mscale_grows_with_the_logarithm(student, factors):
    """mscale is 0.1 · ln(factor) + 1, and 1 where the text does not become longer."""
    return [student.yarn_freqs(32, 10000.0, factor, 2048)[1] for factor in factors] + [student.yarn_freqs(8, 100.0, factors[0], 77)[1]]


@check(
    points=2,
    lecture="three-positions-for-a-query",
    public=[case("the paper's example", T=14, chunk=6, local=4), case("as local as can be", T=5, chunk=2, local=2)],
    hidden=[
        case("the smallest window", T=9, chunk=4, local=1),
        case("chunks of one token", T=4, chunk=1, local=1),
        case("a text shorter than a chunk", T=3, chunk=8, local=5),
        case("exactly three chunks", T=15, chunk=5, local=3),
        case("many chunks", T=100, chunk=7, local=6),
        case("no tokens", T=0, chunk=3, local=2),
    ],
    cites=["a key has the position r", "a query has r as well", "but at most chunk local 1", "wherever it is", "ValueError unless"],
)  # fmt: skip
def a_query_has_three_positions(student, T, chunk, local):
    """Keys count within their chunk, and queries have a position for each kind of chunk; windows that do not fit raise ValueError."""
    return {
        "positions": again(student.dca_positions, T, chunk, local),
        "again": student.dca_positions(T, chunk + 1, local),
        "too local": raises("ValueError", lambda: student.dca_positions(T, chunk, chunk + 1)),
        "no window": raises("ValueError", lambda: student.dca_positions(T, chunk, 0)),
        "negative": raises("ValueError", lambda: student.dca_positions(T, chunk, -1)),
    }


@check(
    points=1,
    lecture="distances-that-stay-small",
    public=[case("the paper's example", T=14, chunk=6, local=4), case("four chunks of two", T=7, chunk=2, local=1)],
    hidden=[
        case("a large window", T=17, chunk=5, local=5),
        case("chunks of one token", T=6, chunk=1, local=1),
        case("one chunk", T=4, chunk=9, local=3),
        case("a text that ends with a chunk", T=12, chunk=4, local=2),
        case("no tokens", T=0, chunk=3, local=2),
    ],
    cites=["The distance at which query i sees key j", "For keys behind the query", "Where i j local it is i j"],
)
def distances_never_reach_the_training_length(student, T, chunk, local):
    """The distance is that of the two chunks' positions: exact for near keys, below chunk + local for all, and -1 for later keys."""
    return [again(student.dca_relative_positions, T, chunk, local), student.dca_relative_positions(T, chunk + 1, local)]


def texts(rng, T=5, S=None, B=1, H=2, D=4, chunk=3, local=2, base=20.0, mscale=1.0, dtype="float32", plain=torch.float64, loud=1.0):
    S = S or T
    return {
        "q": rng.normal(B, H, T, D, dtype=dtype, scale=2.0 * loud),
        "k": rng.normal(B, H, S, D, dtype=dtype),
        "v": rng.normal(B, H, S, D, dtype=dtype),
        "chunk": chunk,
        "local": local,
        "inv_freq": (base ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)).to(plain),
        "mscale": mscale,
    }


@check(
    points=1,
    inputs=texts,
    lecture="one-softmax",
    public=[case("four tokens in a chunk of five", T=4, chunk=5), case("with mscale", T=3, chunk=6, mscale=1.2)],
    hidden=[
        case("exactly one chunk", T=6, B=2, D=6, chunk=6, local=1, mscale=1.5),
        case("one token", T=1, B=3, H=1, chunk=1, local=1),
        case("frequencies in float32", T=7, H=3, D=8, chunk=9, local=9, mscale=1.1, plain=torch.float32),
        case("fast pairs", T=5, D=10, chunk=20, base=2.0, mscale=0.7),
        case("scores of 100,000", T=6, D=6, chunk=8, dtype="float64", loud=1e5),
    ],
    fresh=1,
    cites=["A text of no more than chunk tokens", "Both queries and keys are multiplied by mscale so", "v is not rotated"],
)
def one_chunk_is_plain_attention(student, q, k, v, chunk, local, inv_freq, mscale):
    """Within one chunk it is causal attention with rotary positions, and scores are multiplied by mscale²."""
    rest = () if mscale == 1.0 else (mscale,)  # 1 by default
    return with_gradients(lambda q, k, v: student.dca_attention(q, k, v, chunk, local, inv_freq, *rest), q=q, k=k, v=v)


@check(
    points=2,
    inputs=texts,
    lecture="one-softmax",
    public=[
        case("two chunks", T=6, chunk=3, local=2),
        case("five chunks", T=10, chunk=2, local=1, mscale=1.3),
    ],
    hidden=[
        case("two texts, many heads", T=13, B=2, H=3, D=6, chunk=4, local=3, mscale=1.1),
        case("the smallest window", T=11, D=8, chunk=5, local=1),
        case("the largest window", T=12, chunk=4, local=4, base=3.0),
        case("chunks of one token", T=5, B=3, H=1, D=2, chunk=1, local=1),
        case("three whole chunks", T=9, B=2, D=10, chunk=3, local=1, mscale=0.8),
        case("twenty-one chunks", T=63, H=1, chunk=3, local=2),
    ],
    fresh=1,
    cites=["Each query is rotated in three ways", "One softmax goes over all keys", "Gradients flow to q k and v"],
)
def chunks_share_one_softmax(student, q, k, v, chunk, local, inv_freq, mscale):
    """Across chunks each score has the distance of its chunks, and one softmax goes over all keys that a query sees."""
    return with_gradients(lambda q, k, v: student.dca_attention(q, k, v, chunk, local, inv_freq, mscale), q=q, k=k, v=v)


@check(
    points=2,
    inputs=texts,
    lecture="one-softmax",
    public=[case("one new token of seven", T=1, S=7), case("three of eight", T=3, S=8, mscale=1.2)],
    hidden=[
        case("the first of a new chunk", T=1, S=9, B=2, D=6, chunk=4, local=2),
        case("the last of a chunk", T=1, S=8, H=3, chunk=4, local=2),
        case("over the end of a chunk", T=5, S=11, B=2, H=3, D=8, chunk=4, local=3, mscale=1.4),
        case("all but the first", T=10, S=11, chunk=3, local=3),
    ],
    cites=["The queries are those of the last T", "may be views", "A result depends on the arguments", "are left as they were"],
)
def the_last_queries_stand_at_the_end(student, q, k, v, chunk, local, inv_freq, mscale):
    """Fewer queries than keys are those of the last tokens; views are welcome, nothing is remembered and nothing changed."""
    apart = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]  # as layers split their heads
    spread = inv_freq.repeat_interleave(2)[::2]
    leaf, key, value = leaves(q, k, v)
    first = student.dca_attention(*apart, chunk, local, spread, mscale)
    more = [
        student.dca_attention(q, k, v, chunk + 1, local, inv_freq, mscale),
        student.dca_attention(q, k, v, chunk, 1, inv_freq, mscale),
        student.dca_attention(q, k, v, chunk, local, inv_freq / 2, 2 * mscale),
        student.dca_attention(q, k, v, chunk, local, inv_freq, 0.7),
        student.dca_attention(leaf, key + 1, value * 2, chunk, local, inv_freq),
    ]
    turning = inv_freq.clone()
    student.dca_attention(q, k, v, chunk, local, turning, mscale)
    turning /= 2  # other numbers in the same tensor
    return {
        "views": first,
        "others": more,
        "frequencies that were changed": student.dca_attention(q, k, v, chunk, local, turning, mscale),
        "dtype of bfloat16": str(student.dca_attention(q.bfloat16(), k.bfloat16(), v.bfloat16(), chunk, local, inv_freq, mscale).dtype),
        "gradients": gradients(more[-1], {"q": leaf, "k": key, "v": value}),
        "a short text, too local": raises("ValueError", lambda: student.dca_attention(q[:, :, :1], k[:, :, :1], v[:, :, :1], 4, 5, inv_freq)),
        "a short text, no window": raises("ValueError", lambda: student.dca_attention(q[:, :, :1], k[:, :, :1], v[:, :, :1], 4, 0, inv_freq)),
        "too local": raises("ValueError", lambda: student.dca_attention(q, k, v, chunk, chunk + 1, inv_freq)),
        "left": flags(q, *apart, spread),
    }


@check(
    points=1,
    inputs=texts,
    lecture="one-softmax",
    public=[case("seven tokens", T=7, mscale=1.3, dtype="float64")],
    hidden=[
        case("scores of thousands", T=9, mscale=30.0, dtype="float64"),
        case("far keys", T=6, S=40, D=8, chunk=17, local=13, dtype="float64", base=10000.0),
        case("two texts", T=9, B=2, H=3, D=6, chunk=4, local=1, dtype="float64", mscale=1.1),
        case("frequencies in float32", T=20, H=1, D=6, chunk=30, local=8, dtype="float64", plain=torch.float32),
    ],
    cites=["Returns float64 D 2 all of it computed in float64", "for float64 the angles too"],
)
def float64_is_exact(student, q, k, v, chunk, local, inv_freq, mscale):
    """Frequencies are float64 to their last digits, and so is attention for float64."""
    D = q.shape[-1]
    freqs = [student.yarn_freqs(D, 10000.0, 4.0, 32768)[0], student.yarn_freqs(2 * D, 50.0, 3.7, 500, 9.0, 1.5)[0] * 1000]
    return {"frequencies": freqs, "attention": student.dca_attention(q, k, v, chunk, local, inv_freq, mscale)}
