"""Public checks of gpt/gpt3_sizing: run `pytest` on this file, or `autograder check gpt/gpt3_sizing`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from autograder.checks import case, check, raises


def sizes(rng, rows=None, n=0):
    """Rows (L, C, V, n_ctx): given, or random ones that are all different."""
    if n:
        rows = [[rng.integer(1, 40), rng.integer(1, 700), rng.integer(2, 60000), rng.integer(1, 5000)] for _ in range(n)]
    return {"rows": rows}


@check(points=2, inputs=sizes, lecture='what-is-in-a-layer', public=[case('one layer of width 1', rows=[[1, 1, 1, 1], [1, 1, 3, 2], [2, 1, 3, 2]]), case('GPT-2 small, and a small one', rows=[[12, 768, 50257, 1024], [2, 12, 17, 9]])])
def every_parameter_is_counted(student, rows):
    """gpt_params counts embeddings, attention, feed-forward networks, norms and biases exactly, and the shared head once."""
    return {
        "all": [student.gpt_params(*row) for row in rows],
        "with the defaults of GPT-3": [student.gpt_params(L, C) for L, C, _, _ in rows],
        "with another vocabulary": [student.gpt_params(L, C, V=V) for L, C, V, _ in rows],
    }


def reading(rng, rows=None, n=0):
    """Rows (L, C, V, B, T)."""
    if n:
        rows = [[rng.integer(1, 40), rng.integer(1, 700), rng.integer(2, 60000), rng.integer(1, 30), rng.integer(1, 3000)] for _ in range(n)]
    return {"rows": rows}


@check(points=2, inputs=reading, lecture='what-one-token-costs', public=[case('all sizes are 1', rows=[[1, 1, 1, 1, 1]]), case('a small one', rows=[[1, 2, 5, 1, 3], [2, 12, 17, 2, 7], [2, 12, 17, 1, 14]])])
def every_matrix_product_is_counted(student, rows):
    """forward_flops counts 2·m·k·n for each matrix product: projections, feed-forward networks, attention and the head."""
    return [student.forward_flops(*row) for row in rows]


@check(points=1, lecture='the-bill', public=[case('GPT-3', pairs=[[175000000000.0, 300000000000.0], [125000000.0, 300000000000.0]]), case('one of each', pairs=[[1.0, 1.0]])])
def a_training_costs_6NT(student, pairs):
    """Training costs 6 FLOPs for each parameter and token, and a petaflop/s-day is 8.64·10^19 of them."""
    flops = [student.train_flops(n, t) for n, t in pairs]
    days = [student.pf_days(x) for x in (8.64e19, 1.0e24, 5e15, 86400.0)]
    return {"flops": flops, "days": days, "days of a training": [student.pf_days(6.0 * n * t) for n, t in pairs]}


@check(points=1, lecture='dense-and-banded', public=[case('layer 0 and layer 1', T=4, window=2, layers=[0, 1]), case('layers 2 and 3', T=5, window=3, layers=[2, 3])])
def dense_and_banded_layers_alternate(student, T, window, layers):
    """Even layers see all keys up to the query; odd layers see the last `window` of them, the query's own included."""
    masks = [student.sparse_mask(T, window, layer) for layer in layers]
    masks[0].zero_()  # who keeps a mask for the next call gives this one away
    return {"masks": masks[1:], "again": [student.sparse_mask(T, window, layer) for layer in layers]}


TRANSLATE = [["sea otter", "loutre de mer"], ["peppermint", "menthe poivrée"], ["plush giraffe", "girafe peluche"]]


def asked(rng, instruction, query, ks, shots=TRANSLATE, count=0):
    if count:
        shots = [[rng.word("abcdefgh", 1, 6), rng.word("stuvwxyz", 1, 6)] for _ in range(count)]
    return {"instruction": instruction, "shots": [tuple(shot) for shot in shots], "query": query, "ks": ks}


@check(points=1, inputs=asked, lecture='learning-from-the-prompt', public=[case('zero, one and three shots', instruction='Translate English to French:', query='cheese', ks=[0, 1, 3]), case('no instruction', instruction='', query='mint', ks=[0, 2])])
def the_prompt_shows_the_first_k(student, instruction, shots, query, ks):
    """The prompt has the instruction, the first k shots and the query, a line for each, and nothing behind the last arrow."""
    return [student.fewshot_prompt(instruction, shots, query, k) for k in ks]


@check(points=1, inputs=asked, lecture='learning-from-the-prompt', public=[case('four of three', instruction='Translate English to French:', query='cheese', ks=[4, 3])])
def too_few_shots_are_refused(student, instruction, shots, query, ks):
    """ValueError if k is negative or larger than the number of shots; as many as there are is allowed."""
    ask = [lambda k=k: student.fewshot_prompt(instruction, shots, query, k) for k in ks]
    return [raises("ValueError", each) if not 0 <= k <= len(shots) else each() for k, each in zip(ks, ask, strict=True)]
