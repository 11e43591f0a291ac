"""Checks of gpt/gpt3_sizing: parameters, operations, the budget, the two attention patterns, the prompt."""

from autograder.checks import case, check, raises


def sizes(rng, rows=None, n=0):
    """Rows (L, C, V, n_ctx): given, or random ones that are all different."""
    if n:
        rows = [[rng.integer(1, 40), rng.integer(1, 700), rng.integer(2, 60000), rng.integer(1, 5000)] for _ in range(n)]
    return {"rows": rows}


@check(
    points=2,
    inputs=sizes,
    lecture="what-is-in-a-layer",
    public=[
        case("one layer of width 1", rows=[[1, 1, 1, 1], [1, 1, 3, 2], [2, 1, 3, 2]]),
        case("GPT-2 small, and a small one", rows=[[12, 768, 50257, 1024], [2, 12, 17, 9]]),
    ],
    hidden=[
        case("random models", n=4),
        case("the four sizes of GPT-2", rows=[[12, 768, 50257, 1024], [24, 1024, 50257, 1024], [36, 1280, 50257, 1024], [48, 1600, 50257, 1024]]),
        case("GPT-3", rows=[[96, 12288, 50257, 2048], [24, 2048, 50257, 2048], [40, 5140, 50257, 2048]]),
        case("one layer", rows=[[1, 10, 5, 7], [1, 10, 7, 5], [1, 7, 5, 10]]),
        case("beyond what a float can count", rows=[[100_001, 1_000_003, 50257, 2048]]),
        case("no layers at all", rows=[[0, 8, 5, 3]]),
    ],
    fresh=1,
    cites=["A table of V token embeddings", "it counts once", "two layer norms", "One more layer norm at the end", "exact however large"],
)
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


@check(
    points=2,
    inputs=reading,
    lecture="what-one-token-costs",
    public=[
        case("all sizes are 1", rows=[[1, 1, 1, 1, 1]]),
        case("a small one", rows=[[1, 2, 5, 1, 3], [2, 12, 17, 2, 7], [2, 12, 17, 1, 14]]),
    ],
    hidden=[
        case("random models", n=4),
        case("GPT-3 on one text", rows=[[96, 12288, 50257, 1, 2048], [96, 12288, 50257, 1, 1]]),
        case("beyond what a float can count", rows=[[96, 12288, 50257, 1563, 2047], [97, 12287, 50257, 4001, 8191]]),
        case("long texts of a narrow model", rows=[[3, 4, 5, 1, 10_001], [3, 4, 5, 2, 10_001]]),
        case("one token", rows=[[5, 3, 2, 1, 1], [5, 3, 2, 7, 1], [5, 3, 7, 2, 1]]),
        case("no layers: the head is left", rows=[[0, 6, 5, 2, 3]]),
    ],
    fresh=1,
    cites=["The product of an m k and a k n matrix costs", "in each layer the projections", "computed for all T·T pairs",
           "the head which maps every position", "Nothing else counts"],
)  # fmt: skip
def every_matrix_product_is_counted(student, rows):
    """forward_flops counts 2·m·k·n for each matrix product: projections, feed-forward networks, attention and the head."""
    return [student.forward_flops(*row) for row in rows]


@check(
    points=1,
    lecture="the-bill",
    public=[case("GPT-3", pairs=[[175e9, 300e9], [125e6, 300e9]]), case("one of each", pairs=[[1.0, 1.0]])],
    hidden=[
        case("whole numbers", pairs=[[174_604_259_328, 300_000_000_000], [3, 7]]),
        case("small and large", pairs=[[1e3, 1e4], [1.8e12, 13e12], [0.5, 0.25]]),
        case("nothing", pairs=[[0.0, 5.0], [5.0, 0.0], [2.0, 3.0]]),
        case("one model, three trainings", pairs=[[7e9, 1e12], [7e9, 2e12], [7e9, 15e12]]),
    ],
    cites=["6 FLOPs for each parameter and each token", "what a machine does in one day"],
)
def a_training_costs_6NT(student, pairs):
    """Training costs 6 FLOPs for each parameter and token, and a petaflop/s-day is 8.64·10^19 of them."""
    flops = [student.train_flops(n, t) for n, t in pairs]
    days = [student.pf_days(x) for x in (8.64e19, 1.0e24, 5e15, 86400.0)]
    return {"flops": flops, "days": days, "days of a training": [student.pf_days(6.0 * n * t) for n, t in pairs]}


@check(
    points=1,
    lecture="dense-and-banded",
    public=[case("layer 0 and layer 1", T=4, window=2, layers=[0, 1]), case("layers 2 and 3", T=5, window=3, layers=[2, 3])],
    hidden=[
        case("a window of 1", T=6, window=1, layers=[0, 1, 2, 5]),
        case("a window as long as the text", T=7, window=7, layers=[0, 1]),
        case("longer than the text", T=5, window=50, layers=[3, 4]),
        case("one less than the text", T=6, window=5, layers=[1]),
        case("one token", T=1, window=3, layers=[0, 1]),
        case("a long text", T=61, window=19, layers=[17, 18, 94, 95]),
        case("no token", T=0, window=2, layers=[0, 1, 2]),
    ],
    cites=["a bool tensor", "No query looks at a later token", "Even layers are dense", "Odd layers are banded", "may be larger than T"],
)
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


@check(
    points=1,
    inputs=asked,
    lecture="learning-from-the-prompt",
    public=[
        case("zero, one and three shots", instruction="Translate English to French:", query="cheese", ks=[0, 1, 3]),
        case("no instruction", instruction="", query="mint", ks=[0, 2]),
    ],
    hidden=[
        case("twenty shots", instruction="Answer.", query="a long question of more than sixteen letters", ks=[20, 17, 3], count=21),
        case("an instruction of one space", instruction=" ", query="q", ks=[0, 1]),
        case("no shots to choose from", instruction="Say yes.", query="well", ks=[0], shots=[]),
        case("texts with spaces, breaks and arrows", instruction=" Sort: \n", query=" B => a ", ks=[1, 2], shots=[[" X", "y "], ["1\n2", "=>"]]),
        case("empty texts", instruction="Go", query="", ks=[2, 1, 0], shots=[["", "a"], ["b", ""]]),
        case("the same shot twice", instruction="", query="q", ks=[2], shots=[["x", "y"], ["x", "y"]]),
    ],
    cites=["the instruction for each of the", "joined by single line breaks", "Nothing stands behind the last arrow", "An empty instruction",
           "The texts are used as they are"],
)  # fmt: skip
def the_prompt_shows_the_first_k(student, instruction, shots, query, ks):
    """The prompt has the instruction, the first k shots and the query, a line for each, and nothing behind the last arrow."""
    return [student.fewshot_prompt(instruction, shots, query, k) for k in ks]


@check(
    points=1,
    inputs=asked,
    lecture="learning-from-the-prompt",
    public=[case("four of three", instruction="Translate English to French:", query="cheese", ks=[4, 3])],
    hidden=[
        case("k is negative", instruction="Go", query="x", ks=[-1, -3, 0, 1]),
        case("one of none", instruction="", query="x", ks=[1, 0], shots=[]),
        case("one more than there are", instruction="", query="x", ks=[18, 17], count=17),
        case("many more", instruction="Go", query="x", ks=[100, 2]),
    ],
    cites=["if k is negative or there are fewer than k shots"],
)
def too_few_shots_are_refused(student, instruction, shots, query, ks):
    """ValueError if k is negative or larger than the number of shots; as many as there are is allowed."""
    ask = [lambda k=k: student.fewshot_prompt(instruction, shots, query, k) for k in ks]
    return [raises("ValueError", each) if not 0 <= k <= len(shots) else each() for k, each in zip(ks, ask, strict=True)]
