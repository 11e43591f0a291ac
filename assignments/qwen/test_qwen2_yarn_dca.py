"""Public checks of qwen/qwen2_yarn_dca: run `pytest` on this file, or `autograder check qwen/qwen2_yarn_dca`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, again, case, check, flags, gradients, leaves, raises, with_gradients


CLOSE = Tolerance(atol=0.0, rtol=1e-5, why="frequencies in float32, as libraries have them, pass here; float64_is_exact is for digits")


@check(points=1, tolerance=CLOSE, lecture='which-pairs-to-stretch', public=[case('Qwen 2 7B, four times as long', calls=[[128, 1000000.0, 4.0, 32768]]), case('a short ramp', calls=[[8, 10.0, 4.0, 40, 4.0]])])
def slow_pairs_are_stretched(student, calls):
    """Pairs that turn often stay as they are, pairs that turn rarely are slowed by factor, and a ramp joins the two."""
    other = [again(student.yarn_freqs, *call[:4], beta_slow=0.5)[0].double() for call in calls]
    return [student.yarn_freqs(*call)[0].double() for call in calls] + other


@check(points=1, tolerance=CLOSE, lecture='which-pairs-to-stretch', public=[case('no pair turns often', calls=[[8, 10000.0, 4.0, 100]]), case('the end of the ramp is cut', calls=[[8, 10.0, 4.0, 4096], [8, 10.0, 4.0, 4000, 400.0]]), case('both ends at 0', calls=[[12, 10000.0, 3.0, 7, 32.0, 2.0]])])
def the_ramp_has_whole_ends(student, calls):
    """The ends of the ramp are rounded outwards, cut to 0 and D - 1, and never fall together."""
    return [student.yarn_freqs(*call)[0].double() for call in calls]


@check(points=1, lecture='a-number-for-the-scores', public=[case('four times, once, half', factors=[4.0, 1.0, 0.5])])
def mscale_grows_with_the_logarithm(student, factors):
    """mscale is 0.1 · ln(factor) + 1, and 1 where the text does not become longer."""
    return [student.yarn_freqs(32, 10000.0, factor, 2048)[1] for factor in factors] + [student.yarn_freqs(8, 100.0, factors[0], 77)[1]]


@check(points=2, lecture='three-positions-for-a-query', public=[case("the paper's example", T=14, chunk=6, local=4), case('as local as can be', T=5, chunk=2, local=2)])
def a_query_has_three_positions(student, T, chunk, local):
    """Keys count within their chunk, and queries have a position for each kind of chunk; windows that do not fit raise ValueError."""
    return {
        "positions": again(student.dca_positions, T, chunk, local),
        "again": student.dca_positions(T, chunk + 1, local),
        "too local": raises("ValueError", lambda: student.dca_positions(T, chunk, chunk + 1)),
        "no window": raises("ValueError", lambda: student.dca_positions(T, chunk, 0)),
        "negative": raises("ValueError", lambda: student.dca_positions(T, chunk, -1)),
    }


@check(points=1, lecture='distances-that-stay-small', public=[case("the paper's example", T=14, chunk=6, local=4), case('four chunks of two', T=7, chunk=2, local=1)])
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


@check(points=1, inputs=texts, lecture='one-softmax', public=[case('four tokens in a chunk of five', T=4, chunk=5), case('with mscale', T=3, chunk=6, mscale=1.2)])
def one_chunk_is_plain_attention(student, q, k, v, chunk, local, inv_freq, mscale):
    """Within one chunk it is causal attention with rotary positions, and scores are multiplied by mscale²."""
    rest = () if mscale == 1.0 else (mscale,)  # 1 by default
    return with_gradients(lambda q, k, v: student.dca_attention(q, k, v, chunk, local, inv_freq, *rest), q=q, k=k, v=v)


@check(points=2, inputs=texts, lecture='one-softmax', public=[case('two chunks', T=6, chunk=3, local=2), case('five chunks', T=10, chunk=2, local=1, mscale=1.3)])
def chunks_share_one_softmax(student, q, k, v, chunk, local, inv_freq, mscale):
    """Across chunks each score has the distance of its chunks, and one softmax goes over all keys that a query sees."""
    return with_gradients(lambda q, k, v: student.dca_attention(q, k, v, chunk, local, inv_freq, mscale), q=q, k=k, v=v)


@check(points=2, inputs=texts, lecture='one-softmax', public=[case('one new token of seven', T=1, S=7), case('three of eight', T=3, S=8, mscale=1.2)])
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


@check(points=1, inputs=texts, lecture='one-softmax', public=[case('seven tokens', T=7, mscale=1.3, dtype='float64')])
def float64_is_exact(student, q, k, v, chunk, local, inv_freq, mscale):
    """Frequencies are float64 to their last digits, and so is attention for float64."""
    D = q.shape[-1]
    freqs = [student.yarn_freqs(D, 10000.0, 4.0, 32768)[0], student.yarn_freqs(2 * D, 50.0, 3.7, 500, 9.0, 1.5)[0] * 1000]
    return {"frequencies": freqs, "attention": student.dca_attention(q, k, v, chunk, local, inv_freq, mscale)}
