"""Checks of quant/memory_activation: the table of a layer, parallelism, recomputation, what autograd saves, and a checkpoint of one's own."""

import torch
import torch.nn.functional as F
from torch.multiprocessing.reductions import StorageWeakRef

from autograder.checks import again, case, check, flags, leaves_gradients_off, raises


def sizes(rng, s=None, b=None, h=None, a=None, **options):
    """The sizes of a layer, drawn where a case has none; a divides h."""
    a = a or rng.integer(1, 9)
    return {"sizes": [s or rng.integer(1, 60), b or rng.integer(1, 7), h or a * rng.integer(1, 20), a], "options": options}


@check(
    points=1,
    inputs=sizes,
    lecture="part-by-part",
    public=[case("small sizes", s=2, b=1, h=4, a=2), case("GPT-3", s=2048, b=1, h=12288, a=96)],
    hidden=[
        case("all sizes different"),
        case("one head, a batch of 5", s=7, b=5, h=3, a=1),
        case("one token", s=1, b=2, h=6, a=3),
        case("a long sequence", s=10**6, b=3, h=5120, a=40),
        case("beyond what floats can count", s=10**9 + 7, b=21, h=10**9 + 10, a=10),
    ],
    fresh=2,
    cites=["as Python ints, exact"],
)
def a_layer_keeps_fourteen_things(student, sizes, options):
    """Each part of a layer has its bytes: those with sbh, and those with a table of scores for each head."""
    s, b, h, a = sizes
    parts = again(student.activation_parts, s, b, h, a)
    return {"parts": list(parts.items()), "by name": student.activation_parts(s=s, b=b + 1, h=h, a=a), "again": student.activation_parts(*sizes)}


@check(
    points=1,
    inputs=sizes,
    lecture="several-gpus",
    public=[
        case("one GPU", s=4, b=2, h=8, a=2),
        case("GPT-3 on 8 GPUs", s=2048, b=1, h=12288, a=96, t=8),
        case("with sequence parallelism", s=4, b=2, h=8, a=2, t=2, sp=True),
    ],
    hidden=[
        case("by chance, 4 GPUs", t=4),
        case("by chance, 5 GPUs, sp", t=5, sp=True),
        case("one GPU, with sp", t=1, sp=True),
        case("three GPUs, odd sizes", s=7, b=3, h=15, a=3, t=3),
        case("a batch of 6, sp", s=5, b=6, h=12, a=4, t=2, sp=True),
        case("long", s=100_000, b=1, h=4096, a=32, t=16),
        case("64 GPUs, sp", s=100, b=20, h=640, a=64, t=64, sp=True),
    ],
    fresh=2,
    cites=["All other parts lie on each GPU in whole", "with sequence parallelism sp they too are cut"],
)
def tensor_parallelism_cuts_a_part(student, sizes, options):
    """With t GPUs, 24 of 34 sbh and the tables of scores are cut into t; with sequence parallelism everything is."""
    return [
        student.activation_bytes_per_layer(*sizes, **options),
        student.activation_bytes_per_layer(*sizes, options.get("t", 1), not options.get("sp", False)),
        student.activation_bytes_per_layer(*sizes),
    ]


def observed(sound, call):
    return call() if sound else raises("ValueError", call)


@check(
    points=1,
    inputs=sizes,
    lecture="keep-less-compute-again",
    public=[
        case("selective, one GPU", s=4, b=2, h=8, a=2, recompute="selective"),
        case("full, one GPU", s=4, b=2, h=8, a=2, recompute="full"),
        case("selective, GPT-3 on 8 GPUs, sp", s=2048, b=1, h=12288, a=96, t=8, sp=True, recompute="selective"),
        case("full, 2 GPUs", s=4, b=2, h=8, a=2, t=2, recompute="full"),
    ],
    hidden=[
        case("by chance, selective, 3 GPUs", t=3, recompute="selective"),
        case("by chance, selective, 6 GPUs, sp", t=6, sp=True, recompute="selective"),
        case("full, 4 GPUs, sp", s=9, b=2, h=20, a=4, t=4, sp=True, recompute="full"),
        case("no GPU", s=3, b=2, h=4, a=2, t=0, recompute="full"),
        case("another word", s=3, b=2, h=4, a=2, recompute="block"),
        case("fewer GPUs than none", s=3, b=2, h=4, a=2, t=-1, recompute="selective"),
        case("another word, with sp", s=3, b=2, h=4, a=2, t=2, sp=True, recompute="all"),
        case("True", s=3, b=2, h=4, a=2, t=2, recompute=""),
    ],
    fresh=1,
    cites=["The input lies on each GPU in whole whatever sp is", "raises ValueError for another recompute and where t is below 1"],
)
def recomputed_parts_are_not_kept(student, sizes, options):
    """Selective recomputation drops the tables of scores, full recomputation all but the layer's input; another word is refused."""
    sound = options["recompute"] in ("selective", "full") and options.get("t", 1) > 0
    valid = {**options, "t": max(1, options.get("t", 1)), "recompute": options["recompute"] if sound else "none"}
    return {
        "asked": observed(sound, lambda: student.activation_bytes_per_layer(*sizes, **options)),
        "a good one": student.activation_bytes_per_layer(*sizes, **valid),
        "selective": student.activation_bytes_per_layer(*sizes, **{**valid, "recompute": "selective"}),
    }


@check(
    points=1,
    lecture="what-it-costs",
    public=[
        case("GPT-3", s=2048, h=12288, recompute="selective", layers=[[16], [10, 2, 3]]),
        case("all of it", s=10, h=8, recompute="full", layers=[[7, 1, 1]]),
        case("nothing", s=10, h=8, recompute="none", layers=[[1], [2]]),
        case("another word, no layer", s=10, h=8, recompute="half", layers=[[0], [3]]),
    ],
    hidden=[
        case("a long sequence", s=131_072, h=4096, recompute="selective", layers=[[100], [99], [50, 3, 7], [200, 300, 1]]),
        case("a short one", s=3, h=50, recompute="selective", layers=[[96, 2, 34], [12, 34, 2], [10, 100, 1]]),
        case("ties", s=1, h=1, recompute="full", layers=[[6], [12], [2], [20], [30, 5, 5]]),
        case("the last segment is shorter", s=7, h=3, recompute="none", layers=[[17, 9, 2], [17], [23, 1, 1], [80, 2, 1]]),
        case("all in one segment", s=7, h=3, recompute="full", layers=[[5, 1000, 1], [9, 10_000, 3], [2000, 1000, 1]]),
        case("fewer than none", s=7, h=3, recompute="Full", layers=[[-3, 1, 1], [1, 4, 2]]),
    ],
    cites=["of several the smallest k", "raises ValueError where n is below 1"],
)
def less_memory_costs_products(student, s, h, recompute, layers):
    """The overhead is a share of the forward and backward pass; the best segment makes inputs and one segment's activations smallest."""
    known = recompute in ("none", "selective", "full")
    return {
        "overhead": observed(known, lambda: student.recompute_overhead(s, h, recompute)),
        "of selective": student.recompute_overhead(h=h, s=2 * s, recompute="selective"),
        "layers": [observed(each[0] > 0, lambda each=each: student.optimal_checkpoint(*each)) for each in layers],
        "by name": student.optimal_checkpoint(n=11, layer=2, boundary=5),
    }


def mlp(x, w1, w2):
    return F.linear(F.gelu(F.linear(x, w1)), w2)


def attention(x, w1, w2):
    q, k, v = x @ w1.T, x @ w2.T, x
    return (q @ k.mT).softmax(-1) @ v


def drops(x, w1, w2):
    for factor in range(1, 41):  # so many that an address is used again for certain
        (x * factor).exp()
    return x * 2.0


def steps(x, w1, w2):
    for _ in range(20):
        x = (x * 1.1).sin()
    return x


def quiet(x, w1, w2):
    with torch.no_grad():
        return (x @ w1.T).exp().square()


FUNCTIONS = {
    "exp": lambda x, w1, w2: x.exp(),
    "x twice": lambda x, w1, w2: x.square() + x.pow(3) + x.sin(),
    "a small view": lambda x, w1, w2: x[1:, :1].square(),
    "views": lambda x, w1, w2: x[1:].square().sum() + x.flatten()[3:].sin().sum() + x.mT.cos().sum(),
    "the view of a result": lambda x, w1, w2: (x * 3.0).mT[1:].sin(),
    "a chain of results": lambda x, w1, w2: x.sigmoid().tanh().exp().sqrt(),
    "mlp": mlp,
    "attention": attention,
    "views of weights": lambda x, w1, w2: (x * w1[:1]) @ w1.mT[:, 1:],
    "dropped results": drops,
    "no graph": quiet,
    "twenty steps": steps,
    "an index": lambda x, w1, w2: x[torch.arange(len(x) - 1)].sin() + F.embedding(torch.tensor([1, 0, 1]), w1).sum(),
    "constants": lambda x, w1, w2: (x.detach() + 1.0) * (x * 2.0),
}


def tensors(rng, which="", n=3, c=4, d=5, dtype="float32", needs=("x", "w1", "w2"), **options):
    given = {"x": rng.normal(n, c, dtype=dtype), "w1": rng.normal(d, c, dtype=dtype), "w2": rng.normal(c, d, dtype=dtype)}
    if which == "attention":
        given["w2"] = rng.normal(d, c, dtype=dtype)
    return {"which": which, **given, "needs": list(needs), "options": options}


def ready(needs, **given):
    return [each.clone().requires_grad_(name in needs) for name, each in given.items()]


@check(
    points=2,
    inputs=tensors,
    lecture="measure-it",
    public=[
        case("exp keeps its result", which="exp"),
        case("x is kept three times", which="x twice"),
        case("a small view of a larger x", which="a small view", n=5),
        case("a linear layer's weights are ignored", which="mlp"),
        case("no graph", which="no graph"),
    ],
    hidden=[
        case("an mlp, float64", which="mlp", n=7, c=3, d=11, dtype="float64"),
        case("views of x", which="views", n=4, c=6),
        case("the view of a result", which="the view of a result", n=6, c=3),
        case("a chain", which="a chain of results", n=2, c=9),
        case("attention", which="attention", n=6, c=4, d=3),
        case("attention, bfloat16", which="attention", n=5, c=2, d=7, dtype="bfloat16"),
        case("views of weights are ignored, too", which="views of weights", d=6),
        case("results that are dropped", which="dropped results", n=30, c=40),
        case("whole numbers", which="an index", n=6, dtype="float64"),
        case("inputs from a generator", which="mlp", lazy=True),
        case("constants are kept as well", which="constants"),
        case("many results", which="twenty steps", n=5),
        case("nothing requires a gradient", which="mlp", needs=[]),
        case("the input alone requires one", which="mlp", needs=["x"], n=9),
        case("frozen weights below", which="mlp", needs=["w2"], n=2),
    ],
    cites=["A storage counts once", "A storage counts with all of its bytes", "Inputs are not ignored by themselves", "What fn drops again before it ends counts"],
)
def storages_are_counted_once(student, which, x, w1, w2, needs, options):
    """What autograd saves is counted by storage: each once and whole, but for those of the tensors to ignore."""
    torch.manual_seed(5)
    x, w1, w2 = ready(needs, x=x, w1=w1, w2=w2)
    called = []

    def fn(*given):
        called.append(len(given))
        return FUNCTIONS[which](*given)

    many = [(x.detach() * (i + 1.0)).requires_grad_() for i in range(19)]
    with torch.no_grad():
        nothing = student.saved_bytes(lambda *given: FUNCTIONS[which](*given), [x, w1, w2])
    listed, left_out = [x, w1, w2], [x[-1:]]
    student.saved_bytes(FUNCTIONS[which], listed, left_out)
    return {
        "lists that were given": [len(listed), len(left_out)],
        "without a graph": nothing,
        "gradients stay off": leaves_gradients_off(student.saved_bytes, FUNCTIONS[which], listed),
        "weights ignored": student.saved_bytes(fn, [x, w1, w2], ignore=(each for each in (w1, w2))),
        "nothing ignored": student.saved_bytes(fn, [x, w1, w2]),
        "the input ignored": student.saved_bytes(fn, [x, w1, w2], ignore=[x[-1:]]),
        "from a generator": student.saved_bytes(fn, (each for each in (x, w1, w2)), [w2]) if options else None,
        "many inputs": [student.saved_bytes(lambda *given: sum(v.square().sum() for v in given), many, each) for each in ((), many[3:], iter(many))],
        "of a view": student.saved_bytes(lambda x: x.square(), [x.detach().mT.requires_grad_()]),
        "of nothing": student.saved_bytes(lambda: None, []),
        "called": called,
        "left": flags(x, w1),
        "gradients": [each.grad is None for each in (x, w1, w2)],
        "chance": torch.rand(2),
    }


def noisy(x, w1, w2):
    return F.dropout(mlp(F.dropout(x, 0.3), w1, w2), 0.5)


def bare(fn, inputs):
    return fn(*inputs)


def network(checkpoint, which, x, w1, w2, block):
    """Several ways to use checkpoints; `block` is what one segment does."""
    whole = lambda x: block(x, w1, w2)  # noqa: E731
    if which == "one":
        given = [x]
        y = checkpoint(whole, given)
        given[0] = torch.zeros_like(x, requires_grad=x.requires_grad)  # the list is the caller's
        return y
    if which == "many inputs":
        return checkpoint(lambda *xs: block(sum(xs), w1, w2), [x * (0.1 * i) for i in range(19)])
    if which == "a long segment":
        return checkpoint(lambda x: steps(whole(x), w1, w2), [x])
    if which == "a view":
        return checkpoint(whole, [x.mT.clone(memory_format=torch.contiguous_format).mT])
    if which == "all are inputs":
        return checkpoint(block, [x, w1, w2])
    if which == "a chain":
        return checkpoint(whole, [checkpoint(whole, [checkpoint(whole, [x])])])
    if which == "inside each other":
        return checkpoint(lambda x: checkpoint(whole, [x.sin()]) + checkpoint(whole, [x]), [x])
    if which == "side by side":
        left, right = checkpoint(whole, [x * 2.0]), checkpoint(whole, [x.cos()])
        return left * right + left
    if which == "around it":
        return (checkpoint(whole, [x.exp()]) * w1.sum()).tanh() + x
    raise KeyError(which)


def learned(checkpoint, which, x, w1, w2, needs, block):
    x, w1, w2 = ready(needs, x=x, w1=w1, w2=w2)
    y = network(checkpoint, which, x, w1, w2, block)
    between = torch.rand(2)
    (y * torch.arange(1.0, y.numel() + 1, dtype=y.dtype).cos().reshape(y.shape)).sum().backward()
    return {"y": y.detach(), "gradients": [x.grad, w1.grad, w2.grad], "draws": [between, torch.rand(2)]}


@check(
    points=1,
    inputs=tensors,
    lecture="a-checkpoint",
    public=[
        case("one segment", which="one"),
        case("no input requires a gradient", which="one", needs=["w1", "w2"]),
        case("three segments in a row", which="a chain"),
    ],
    hidden=[
        case("weights are inputs", which="all are inputs", n=5, c=3, d=7),
        case("one of the inputs requires a gradient", which="all are inputs", needs=["w2"]),
        case("the input alone requires a gradient", which="one", needs=["x"], dtype="float64"),
        case("inside each other", which="inside each other", dtype="float64", n=2),
        case("side by side", which="side by side", dtype="float64"),
        case("with something around it", which="around it", dtype="float64", n=6),
        case("a chain, and no input requires a gradient", which="a chain", needs=["w1"], dtype="float64"),
        case("frozen first weights", which="side by side", needs=["x", "w2"], dtype="float64"),
        case("one row, float64", which="one", n=1, dtype="float64"),
        case("many inputs", which="many inputs", dtype="float64"),
        case("a segment that saves much", which="a long segment", dtype="float64"),
        case("of a view", which="a view", n=5, dtype="float64"),
    ],
    cites=["also if no input requires a gradient", "segments one after the other", "so does fn with a checkpoint in it"],
)
def gradients_are_the_same(student, which, x, w1, w2, needs, options):
    """A checkpoint gives the result and the gradients of the function, for inputs and for parameters inside it."""
    torch.manual_seed(5)
    first = learned(student.checkpoint, which, x, w1, w2, needs, mlp)
    second = learned(student.checkpoint, which, -x, w1, w2, needs, lambda x, w1, w2: mlp(x, w1, w2).sigmoid())
    return [first, second, flags(x, w1)]


@check(
    points=1,
    inputs=tensors,
    lecture="the-same-dice",
    public=[case("dropout", which="one", n=6), case("three segments with dropout", which="a chain", n=6)],
    hidden=[
        case("inside each other", which="inside each other", n=5, dtype="float64"),
        case("side by side", which="side by side", n=5, dtype="float64"),
        case("parameters alone", which="one", n=9, needs=["w1", "w2"]),
        case("around it", which="around it", n=7, dtype="float64"),
        case("weights are inputs", which="all are inputs", n=8),
    ],
    cites=["the second call draws the same numbers as the first", "as if the second call had not been"],
)
def the_second_call_draws_the_same(student, which, x, w1, w2, needs, options):
    """A function with dropout draws the same numbers again, and what is drawn afterwards is what would have been drawn."""
    torch.manual_seed(7)
    mine = learned(student.checkpoint, which, x, w1, w2, needs, noisy)
    torch.manual_seed(7)
    plain = learned(bare, which, x, w1, w2, needs, noisy)
    return {"mine": mine, "plain": plain}


@check(
    points=1,
    inputs=tensors,
    lecture="a-checkpoint",
    public=[case("one segment", which="one", segments=1), case("without a graph", which="one", segments=1, graph=False)],
    hidden=[
        case("three segments", which="a chain", segments=3, n=5),
        case("two segments, parameters alone", which="one", segments=2, needs=["w1", "w2"]),
        case("one row, without a graph", which="one", segments=2, needs=["x"], graph=False, n=1),
        case("four segments without a graph", which="one", segments=4, graph=False, dtype="float64"),
        case("the input alone", which="one", segments=2, needs=["x"], n=7),
    ],
    cites=["After the call nothing that fn made on the way is held", "fn is called once and once more in a backward pass"],
)
def nothing_on_the_way_is_held(student, which, x, w1, w2, needs, options):
    """After the call no intermediate result is in memory; the function runs once, and once more for the backward pass."""
    x, w1, w2 = ready(needs, x=x, w1=w1, w2=w2)
    made, calls = [], []

    def segment(x):
        calls.append(tuple(x.shape))
        h = F.linear(x, w1)
        a = h.exp()
        s = a.sigmoid()
        made.extend(StorageWeakRef(each.untyped_storage()) for each in (h, a, s))
        return F.linear(s, w2)

    def forward(checkpoint):
        made.clear()
        calls.clear()
        with torch.set_grad_enabled(options.get("graph", True)):
            y = x
            for _ in range(options["segments"]):
                y = checkpoint(segment, [y])
        held = [not each.expired() for each in made]
        before = len(calls)
        needs = y.requires_grad
        if needs:
            y.sum().backward()
        return {"held": held, "calls": [before, len(calls)], "y": y.detach(), "needs": needs}

    return {"checkpoint": forward(student.checkpoint), "plain": forward(bare), "once more": forward(student.checkpoint)}
