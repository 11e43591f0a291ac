"""Checks of parallel/dp: what rank 0 ends with, and what went over its link, from the record of the world.

Each experiment is one rank's program. When it is graded, every rank is a process of its own; only rank 0 is given the data. The world and
its record are in a trusted process.
"""

import itertools

import torch
from torch import nn

from autograder.checks import Tolerance, again, case, check, difference, flags, lab, leaves, reject
from autograder.lab.replay import replay

# Rows may be added up in any order: honest answers differ by 1e-7 of the largest gradient.
SUMS = Tolerance(atol=3e-6, rtol=2e-5)


def only_for_the_master(value, n):
    return lab("each_rank", values=[value, *[None] * (n - 1)])


def judge(seen, want, record):
    """Values; and that only broadcasts and messages from or to rank 0 made them."""
    wrong = difference(seen, want, SUMS)
    if wrong is not None:
        return wrong
    record = replay(record, len(want))
    if any(each.op != "broadcast" for each in record.collectives):
        return reject("You use another collective than broadcast. The master alone wants the result: use send and recv.")
    if any(each.src and each.dst for each in record.messages):
        return reject("A message goes from rank to rank without rank 0: each of them talks with the master alone.")
    if not all(each.received for each in record.messages):
        return reject("Some messages are sent and never received.")
    return None


# --- rows ---


def rows(rng, n, batch, shape=(), dtype="float32", sizes=None, view=False):
    """The batch of rank 0; and rows of different numbers on all ranks."""
    dtype = getattr(torch, dtype)

    def made(count):
        return rng.normal(count, *shape, dtype=dtype) if dtype.is_floating_point else rng.integers(0, 99, count, *shape)

    parts = [None if size is None else made(size) for size in sizes or [2] * n]
    return {"comm": lab("world", size=n), "x": only_for_the_master(made(batch), n), "y": lab("each_rank", values=parts), "view": view}


@check(
    points=1,
    inputs=rows,
    judge=judge,
    lecture="hand-out-and-collect",
    public=[
        case("five rows on four ranks", n=4, batch=5, sizes=[2, 2, 1, None]),
        case("two ranks", n=2, batch=4, shape=(3,)),
    ],
    hidden=[
        case("more ranks than rows", n=5, batch=2, shape=(2,), sizes=[1, 1, None, None, None]),
        case("one rank", n=1, batch=3, shape=(2,), sizes=[3]),
        case("integers", n=3, batch=7, shape=(4,), dtype="int64", sizes=[3, 1, 2]),
        case("integers, ranks without rows", n=4, batch=3, shape=(2,), dtype="int64", sizes=[2, None, 1, None]),
        case("float64, ten rows on four ranks", n=4, batch=10, shape=(2, 3), dtype="float64", sizes=[3, 3, 3, 1]),
        case("a transposed view", n=2, batch=3, shape=(5,), view=True),
        case("one row", n=3, batch=1, sizes=[1, 4, 2]),
        case("one rank gathers no rows", n=1, batch=2, shape=(3,), sizes=[0]),
        case("rank 0 gathers no rows of its own", n=3, batch=4, shape=(3,), sizes=[0, 2, 0]),
        case("ten ranks, four dimensions", n=10, batch=27, shape=(2, 1, 2)),
    ],
    cites=[
        "⌈B/n⌉ rows for each rank in order while there are any",
        "ranks for which nothing is left get x[:0]",
        "one below the other in the order of ranks",
        "or None on a rank that has none",
        "the rows are a copy and require no gradient",
    ],
)
def rows_go_out_and_come_back(student, comm, x, y, view):
    """scatter gives each rank its rows of rank 0's batch, gather puts the rows of all ranks together on rank 0."""
    if view:
        x, y = (None if each is None else each.mT.contiguous().mT for each in (x, y))
    mine, whole = student.scatter(x, comm), student.gather(y, comm)
    found = {"rows": mine.clone(), "all": None if whole is None else whole.clone()}
    mine += 1
    if whole is not None:
        whole += 1  # it is a new tensor: y stays
    other, second = (None if each is None else each + 1 for each in (x, y))
    for each in (other, second):
        if each is not None and each.is_floating_point():
            each.requires_grad_()
    found |= {"other rows": student.scatter(other, comm), "all of others": student.gather(second, comm)}
    found["all of those"] = student.gather(found["rows"] if len(mine) else None, comm)
    without_gradient = [found["other rows"], *(each for each in (x, y, found["all"], found["all of others"]) if each is not None)]
    return found | {"given": [x, y], "left": flags(*without_gradient)}


# --- a module on all ranks ---


def count_the_call(net, _):
    net.calls += 1


class Net(nn.Module):
    """Linear layers with tanh; `path` says which are used, `norm` adds BatchNorm in front.

    tied: the first layer is the last one too. order and shift: buffers of two other kinds, of integers and not persistent.
    """

    def __init__(self, weights, norm=False, frozen=(), path=None, tied=False, order=None, shift=0.0):
        super().__init__()
        self.calls = 0
        self.register_forward_pre_hook(count_the_call)
        self.layers = nn.ModuleList()
        for index, weight in enumerate(weights):  # (out, 1 + in): the bias comes first
            layer = nn.Linear(weight.shape[1] - 1, weight.shape[0], dtype=weight.dtype)
            with torch.no_grad():
                layer.bias.copy_(weight[:, 0])
                layer.weight.copy_(weight[:, 1:])
            layer.requires_grad_(index not in frozen)
            self.layers.append(layer)
        self.norm = nn.BatchNorm1d(weights[0].shape[1] - 1, dtype=weights[0].dtype) if norm else nn.Identity()
        if tied:
            self.layers.append(self.layers[0])
        self.layers[-1].eval()  # so that both modes occur; a linear layer is the same in both
        self.path = list(range(len(self.layers))) if path is None else path
        self.register_buffer("order", None if order is None else order.clone())
        self.register_buffer("shift", None if order is None else torch.full((len(order),), shift, dtype=weights[0].dtype), persistent=False)

    def forward(self, x):
        x = self.norm(x)
        if self.order is not None:
            x = x[:, self.order] + self.shift
            self.shift = self.shift + x.detach().mean(0)  # a new tensor takes the buffer's place
        for index in self.path:
            x = torch.tanh(self.layers[index](x))
        return x


def network(rng, n, widths, batch=4, steps=2, dtype="float32", norm=False, frozen=(), paths=None, evaluate=False, tied=False, orders=None, view=False):
    """Weights, which differ from rank to rank; batches and targets, which rank 0 alone has."""
    dtype = getattr(torch, dtype)
    weights = [[rng.normal(b, a + 1, scale=0.7, dtype=dtype) for a, b in itertools.pairwise(widths)] for _ in range(n)]
    sizes = [batch] * steps if isinstance(batch, int) else batch
    batches = [[rng.normal(size, widths[0], dtype=dtype), rng.normal(size, widths[-1], dtype=dtype)] for size in sizes]
    return {
        "comm": lab("world", size=n),
        "weights": lab("each_rank", values=weights),
        "batches": only_for_the_master(batches, n),
        "steps": len(sizes),
        "norm": norm,
        "frozen": list(frozen),
        "path": lab("each_rank", values=paths or [None] * n),
        "evaluate": evaluate,
        "tied": tied,
        "order": lab("each_rank", values=[None if each is None else torch.tensor(each) for each in orders or [None] * n]),
        "view": view,
    }


def strided(x):
    """The same numbers, with a gap behind each."""
    return x.repeat_interleave(2).view(*x.shape, 2)[..., 0]


@check(
    points=2,
    inputs=network,
    judge=judge,
    lecture="copies-of-the-master",
    public=[
        case("two ranks", n=2, widths=[2, 3, 1]),
        case("four ranks, five rows, then two", n=4, widths=[2, 2], batch=[5, 2]),
        case("three ranks, BatchNorm", n=3, widths=[3, 2], batch=[9, 6], norm=True),
    ],
    hidden=[
        case("BatchNorm in evaluation mode", n=2, widths=[3, 2], batch=[4, 8], norm=True, evaluate=True),
        case("one rank", n=1, widths=[2, 3], batch=3),
        case("float64, a frozen layer", n=4, widths=[3, 4, 2], batch=[6, 7, 1], dtype="float64", frozen=[0]),
        case("one row", n=3, widths=[2, 2], batch=1, view=True),
        case("ten layers", n=2, widths=[2] * 11, steps=1),
        case("BatchNorm in evaluation mode, the rest in training", n=2, widths=[3, 2], batch=[4, 8], norm=True, evaluate="norm"),
        case("all frozen", n=2, widths=[2, 3], frozen=[0]),
        case("a layer used twice", n=2, widths=[2, 2, 2], tied=True),
        case("other buffers", n=3, widths=[3, 2], batch=[6, 5, 7], steps=3, orders=[[1, 2, 0], [0, 1, 2], [2, 1, 0]]),
    ],
    cites=[
        "a rank without rows does not call its module",
        "rank 0 keeps what its own rows made of them",
        "a leaf that requires gradients",
        "the others get the new weights in the next forward",
        "with one rank it computes what the module alone would",
        "it is not copied",
        "each object has a module of its own",
    ],
)
def outputs_of_the_whole_batch(student, comm, weights, batches, steps, norm, frozen, path, evaluate, tied, order, view):
    """forward gives rank 0 the outputs of all rows with rank 0's weights, also after rank 0 has changed them."""
    net = Net(weights, norm, frozen, path, tied, order, shift=0.4 - comm.rank)
    if evaluate:
        (net.norm if evaluate == "norm" else net).eval()
    if norm:
        net.norm.running_mean.fill_(0.3 * comm.rank - 0.2)
    dp, given, seen = student.DataParallelSim(net, comm), [], []
    student.DataParallelSim(Net(weights), comm)  # another object with another module
    for step in range(steps):
        if comm.rank == 0:
            given.append(strided(batches[step][0]) if view else batches[step][0])
        y = dp.forward(given[-1] if given else None)
        state = {name: value.clone() for name, value in net.state_dict().items() if "running" not in name or comm.rank == 0}
        state.pop("norm.num_batches_tracked", None)
        seen.append({"output": None if y is None else y.detach(), "state": state, "calls": net.calls})
        seen[-1]["leaf"] = None if y is None else [y.is_leaf, y.requires_grad]
        if comm.rank == 0:
            with torch.no_grad():
                for p in net.parameters():  # the master changes its weights, nobody else does
                    p += 0.1
    return {"seen": seen, "left": flags(net, *given)}


def numbers(inputs, of_frozen=False):
    """How many parameters are trained; rank 0's network has all of them."""
    return sum(w.numel() for index, w in enumerate(inputs["weights"][0]) if of_frozen or index not in inputs["frozen"])


def judge_gradients(seen, want, record, inputs):
    """As `judge`, and what went over rank 0's link is what has to."""
    wrong = judge(seen, want, record)
    if wrong is not None:
        return wrong
    n = len(want)
    record = replay(record, n)
    state, trained = numbers(inputs, of_frozen=True), numbers(inputs)
    received = sent = 0
    for x, y in inputs["batches"][0]:
        largest = -(-len(x) // n)
        away = len(x) - largest
        received += (-(-len(x) // largest) - 1) * trained + away * y.shape[1]
        sent += away * (x.shape[1] + y.shape[1])
    got = sum(each.tensor.numel() for each in record.messages if each.dst == 0)
    if got > received:
        return reject(
            "Rank 0 receives {got} numbers; outputs and gradients of the ranks with rows are {want}.", got=got, want=received
        )
    got = sum(each.tensor.numel() for each in record.messages if each.src == 0)
    got += (n - 1) * sum(each.payloads[0].numel() for each in record.of("broadcast"))  # a copy for each other rank
    sent += (n - 1) * state * len(inputs["batches"][0])
    if got > sent:
        return reject(
            "Rank 0 sends {got} numbers; the weights once to each other rank, their rows and the gradients of their outputs are {want}.",
            got=got,
            want=sent,
        )
    return None


@check(
    points=2,
    inputs=network,
    judge=judge_gradients,
    lecture="gradients-come-home",
    public=[
        case("two ranks", n=2, widths=[2, 3, 1], steps=1),
        case("three ranks, four rows and then seven", n=3, widths=[2, 2], batch=[4, 7]),
    ],
    hidden=[
        case("more ranks than rows", n=5, widths=[2, 3], batch=[2, 3], view=True),
        case("one rank", n=1, widths=[2, 3], batch=3),
        case("float64, a frozen layer", n=4, widths=[3, 4, 2, 2], batch=[9, 2], dtype="float64", frozen=[1]),
        case("ten ranks, ten layers", n=10, widths=[2] * 11, batch=19, steps=1),
        case("rank 1 skips a layer", n=2, widths=[2, 2, 2], paths=[[0, 1], [1]]),
        case("no rank uses a layer", n=2, widths=[2, 2, 2], paths=[[1], [1]]),
        case("a layer used twice", n=3, widths=[2, 2, 2], batch=[5, 2], tied=True),
        case("rank 0 skips a layer", n=3, widths=[2, 2, 2], batch=[6, 5], paths=[[0], [0, 1], [1, 0]]),
    ],
    cites=[
        "on rank 0 the sum is added to what grad of each parameter holds",
        "on the other ranks grad of every parameter stays as it was",
        "a parameter that a rank did not use counts with 0 there",
        "parameters with requires_grad=False are left alone and nothing is sent for them",
        "a rank without rows sends no gradients",
    ],
)
def gradients_of_the_whole_batch(student, comm, weights, batches, steps, norm, frozen, path, evaluate, tied, order, view):
    """After backward, rank 0 has the gradients of the whole batch's loss, added to earlier ones, and no other rank has changed its own."""
    net = Net(weights, norm, (), path, tied, order)
    for p in net.parameters():
        if comm.rank or p.ndim == 1:  # on rank 0 biases have a gradient already, and weights none
            p.grad = torch.full_like(p, 7.0)
    dp, given, seen, kept = student.DataParallelSim(net, comm), [], [], []
    for index in frozen:  # requires_grad is the caller's, at any time
        net.layers[index].requires_grad_(False)
    for step in range(steps):
        if comm.rank == 0:
            x, target = batches[step]
            y = dp.forward(x)
            (y - target).pow(2).mean().backward()
            given.append(strided(y.grad) if view else y.grad)
            before = given[-1].clone()
            dp.backward(given[-1])
            kept.append(torch.equal(given[-1], before))
        else:
            dp.forward(x=None)
            dp.backward(grad=None)
        grads = {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in net.named_parameters()}
        of_frozen = [None if p.grad is None else p.grad.clone() for p in net.parameters() if not p.requires_grad]
        with_graph = [p.grad is not None and p.grad.requires_grad for p in net.parameters()]
        seen.append({**grads, "of the frozen": of_frozen, "require gradients themselves": with_graph})
    return {"gradients": seen, "left": flags(net, *given), "grad is what it was": kept}


# --- numbers ---


def means(rng, sizes, dtype="float64"):
    return {"means": [rng.normal(dtype=getattr(torch, dtype)) for _ in sizes], "sizes": sizes}


@check(
    points=1,
    inputs=means,
    lecture="a-mean-of-means",
    public=[case("two chunks, 3 rows and 1", sizes=[3, 1]), case("chunks of one size", sizes=[2, 2, 2])],
    hidden=[
        case("four chunks", sizes=[4, 4, 4, 1]),
        case("one chunk", sizes=[5]),
        case("float32", sizes=[100, 7], dtype="float32"),
        case("twenty chunks", sizes=[*range(1, 21)]),
        case("millions of rows", sizes=[2**24 + 1, 3, 2**25 + 1]),
    ],
    cites=["the mean over a whole batch from the means over its chunks differentiable"],
)
def means_of_uneven_chunks(student, means, sizes):
    """combine_means weighs each chunk's mean by its rows, and each mean gets its share of the gradient."""
    each = leaves(*means)
    whole = student.combine_means(each, sizes)
    others = [m + 1 for m in means]
    return {
        "mean": whole,
        "gradients": torch.autograd.grad(whole, each),
        "of others": student.combine_means(others, sizes),
        "left": flags(*means, *others),
    }


@check(
    points=1,
    lecture="one-link-for-all",
    public=[
        case("two ranks", settings=[[100, 1, 2, 4, 2]]),
        case("as many ranks as rows", settings=[[1000, 10, 20, 8, 8]]),
    ],
    hidden=[
        case("large ones", settings=[[100_000_007, 3, 5, 10, 4]]),
        case("uneven", settings=[[100, 3, 5, 10, 4], [100, 3, 5, 9, 4], [64, 1, 0, 7, 3]]),
        case("more ranks than rows", settings=[[100, 3, 5, 3, 8], [12, 7, 7, 1, 5]]),
        case("one rank", settings=[[100, 3, 5, 10, 1]]),
        case("forty ranks", settings=[[100, 30, 50, 100, 40], [100, 30, 50, 90, 40]]),
        case("BERT-base on eight ranks", settings=[[440_000_000, 2048, 122_088, 256, 8]]),
    ],
    cites=["a broadcast sends one copy to each other rank also to those without rows", "nothing is sent from rank 0 to itself"],
)
def bytes_over_the_master_s_link(student, settings):
    """dp_traffic counts what rank 0 sends and receives: weights, rows, outputs and both kinds of gradients."""
    return [again(student.dp_traffic, p, i, o, batch=b, n=n) for p, i, o, b, n in settings]
