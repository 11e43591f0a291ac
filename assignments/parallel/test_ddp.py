"""Public checks of parallel/ddp: run `pytest` on this file, or `autograder check parallel/ddp`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import contextlib
import itertools
import torch
from torch import nn
from autograder.checks import Tolerance, case, check, difference, reject
from autograder.lab.replay import BadEvents, replay
from autograder.lab.world import World


SUMS = Tolerance(atol=2e-6, rtol=1e-5)


def tensors(rng, n, shape, dtype="float32", values=None):
    """One tensor for each rank."""
    dtype = getattr(torch, dtype)
    if values is not None:
        return {"tensors": [torch.tensor(each, dtype=dtype) for each in values]}
    if not dtype.is_floating_point:
        return {"tensors": [rng.integers(-50, 50, *shape).to(dtype) for _ in range(n)]}
    return {"tensors": [rng.normal(*shape, dtype=dtype) for _ in range(n)]}


def ring(student, tensors):
    """What every rank returns, and the record."""
    world = World(len(tensors))
    results = world.run(lambda comm: student.ring_allreduce(tensors[comm.rank], comm))
    return {"results": results, "events": world.events}


def judge_sum(seen, want):
    """The result is the sum, and messages alone made it."""
    if any(event["event"] == "call" for event in seen["events"]):
        return reject("You use a collective of comm; build the ring from send and recv.")
    return difference(seen["results"], want["results"], SUMS)


def judge_ring(seen, want, inputs):
    """2(n-1) chunks from each rank to its neighbour, each of them the partial sum that the ring has at that step."""
    wrong = judge_sum(seen, want)
    if wrong is not None:
        return wrong
    x = torch.stack([each.flatten() for each in inputs["tensors"]])  # (n, V)
    n = len(x)
    try:
        record = replay(seen["events"], n)
    except BadEvents:
        return reject("The record of messages is not what a world of these ranks records.")
    messages = [each for each in record.messages if each.tensor.numel()]
    if not all(each.received for each in record.messages):
        return reject("Some messages are sent and never received.")
    way = {(each.dst - each.src) % n for each in messages}
    if len(way) > 1 or not way <= {1, n - 1}:
        return reject("Messages go to ranks {ways} further on; on a ring all go to the next rank.", ways=sorted(way))
    bounds = [
        (int(each[0]), int(each[-1]) + 1) for each in torch.tensor_split(torch.arange(x.shape[1]), n) if len(each)
    ]
    sizes = {end - start for start, end in bounds}
    longest = max((each.tensor.numel() for each in messages), default=0)
    if longest > max(sizes, default=0):
        return reject(
            "A message carries {longest} elements; each step sends one chunk, of {size} at most.",
            longest=longest,
            size=max(sizes, default=0),
        )
    steps = max((each.step for each in messages), default=0)
    if steps > 2 * (n - 1):
        return reject(
            "The last message waits for {steps} messages in a row; a ring needs 2(n-1) = {want}.",
            steps=steps,
            want=2 * n - 2,
        )
    total = sum(each.tensor.numel() for each in messages)
    if total != 2 * (n - 1) * x.shape[1]:
        return reject(
            "The ranks send {total} elements together; every chunk goes 2(n-1) times over a link: {want}.",
            total=total,
            want=2 * (n - 1) * x.shape[1],
        )
    direction = 1 if 1 in way else -1
    for message in messages:
        added = [(message.src - direction * back) % n for back in range(min(message.step, n))]
        part = x[added].sum(0)
        if not any(_same(message.tensor, part[start:end]) for start, end in bounds):
            return reject(
                "What rank {rank} sends in step {step} is not a chunk of the sum that should be there by then.",
                rank=message.src,
                step=message.step,
            )
    return None


def _same(a, b):
    return a.shape == b.shape and difference(a, b, SUMS) is None


@check(points=2, inputs=tensors, judge=judge_sum, shapes='any', lecture='around-the-ring', public=[case('two ranks, three elements', n=2, shape=(3,), values=[[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]), case('three ranks, two rows of three', n=3, shape=(2, 3))])
def the_ring_sums(student, tensors):
    """ring_allreduce returns, on every rank, the sum over ranks in the shape and dtype of x, and leaves x as it was."""
    return ring(student, tensors)


@check(points=2, inputs=tensors, judge=judge_ring, shapes='any', lecture='around-the-ring', public=[case('two ranks, three elements', n=2, shape=(3,), values=[[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]]), case('four ranks, four elements', n=4, shape=(4,))])
def the_ring_sends_chunks(student, tensors):
    """In each of 2(n-1) steps, a rank sends one chunk to its neighbour: 2(n-1)/n of the tensor in all."""
    return ring(student, tensors)


@check(points=1, lecture='what-it-costs', public=[case('four ranks', pairs=[[4, 100]])])
def bytes_of_a_ring(student, pairs):
    """allreduce_bytes is 2(n-1)/n times the size of the tensor."""
    return [student.allreduce_bytes(n, nbytes) for n, nbytes in pairs]


class Net(nn.Module):
    """Linear layers, tanh after each; `path` says in which order they are used, and which are."""

    def __init__(self, weights, path=None, norm=False, frozen=()):
        super().__init__()
        self.layers = nn.ModuleList()
        for index, weight in enumerate(weights):  # (out, 1 + in): the bias comes first
            layer = nn.Linear(weight.shape[1] - 1, weight.shape[0], dtype=weight.dtype, device=weight.device)
            with torch.no_grad():
                layer.bias.copy_(weight[:, 0])
                layer.weight.copy_(weight[:, 1:])
            layer.requires_grad_(index not in frozen)
            self.layers.append(layer)
        self.norm = nn.BatchNorm1d(weights[0].shape[1] - 1, dtype=weights[0].dtype) if norm else nn.Identity()
        self.path = list(range(len(weights))) if path is None else path

    def forward(self, x):
        x = self.norm(x)
        for index in self.path:
            x = torch.tanh(self.layers[index](x))
        return x


def gradients(net):
    """The gradients of all parameters by name; one that has none counts as zeros."""
    return {name: torch.zeros_like(p) if p.grad is None else p.grad.clone() for name, p in net.named_parameters()}


def setup(rng, widths, n, batch=3, steps=1, dtype="float32", **others):
    """Weights, and for each rank and step a batch of its own."""
    dtype = getattr(torch, dtype)
    weights = [rng.normal(b, a + 1, scale=0.7, dtype=dtype) for a, b in itertools.pairwise(widths)]
    batches = [[rng.normal(batch, widths[0], dtype=dtype) for _ in range(steps)] for _ in range(n)]
    return {"weights": weights, "batches": batches, **others}


def training(rng, paths=None, frozen=(), **rest):
    return setup(rng, paths=paths, frozen=list(frozen), **rest)


def accumulating(rng, nested=False, paths=None, **rest):
    return setup(rng, nested=nested, paths=paths, **rest)


def overlapping(rng, before="", **rest):
    return setup(rng, before=before, **rest)


def batches_for_norm(rng, evaluate=False, **rest):
    return setup(rng, evaluate=evaluate, **rest)


def per_rank_state(rng, n, widths, norm=False):
    """Different weights (and statistics) on every rank."""
    weights = [setup(rng, widths, 1)["weights"] for _ in range(n)]
    counts = [rng.integer(1, 100) for _ in range(n)]
    means = [rng.normal(widths[0]) for _ in range(n)] if norm else None
    return {"weights": weights, "means": means, "counts": counts, "x": rng.normal(2, widths[0])}


@check(points=1, inputs=per_rank_state, lecture='all-ranks-start-alike', public=[case('two ranks, one layer', n=2, widths=[2, 3])])
def all_ranks_start_alike(student, weights, means, counts, x):
    """After construction, every rank has the parameters and buffers of rank 0, in the module that was given."""
    world = World(len(weights))

    def program(comm):
        net = Net(weights[comm.rank], norm=means is not None)
        if means is not None:
            net.norm.running_mean.copy_(means[comm.rank])
            net.norm.num_batches_tracked.fill_(counts[comm.rank])
        ddp = student.MiniDDP(net, 64, comm)
        state = {name: value.clone() for name, value in net.state_dict().items()}
        return {"state": state, "output": ddp.eval()(x)}

    return world.run(program)


def train(student, weights, batches, cap, paths=None, frozen=()):
    """Steps of gradient descent: every rank's gradients after each, and the record."""
    world = World(len(batches))

    def program(comm):
        net = Net(weights, frozen=frozen)
        ddp = student.MiniDDP(net, cap, comm)
        seen = []
        for step, x in enumerate(batches[comm.rank]):
            if paths is not None:
                net.path = paths[comm.rank][step]
            net.zero_grad()
            ddp(x).pow(2).sum().backward()
            ddp.finalize()
            seen.append(gradients(net))
            with torch.no_grad():
                for p, grad in zip(net.parameters(), seen[-1].values(), strict=True):
                    p -= 0.1 * grad
        return seen, [p.grad for p in net.parameters() if not p.requires_grad]

    results = world.run(program)
    return {
        "gradients": [seen for seen, _ in results],
        "of the frozen": [none for _, none in results],
        "events": world.events,
    }


def numbers(parts):
    """Every number of these tensors, sorted."""
    flat = [part.double().flatten() for part in parts]
    return torch.cat([torch.zeros(1, dtype=torch.float64), *flat]).sort().values


def among(values, known):
    """For each value, whether it is, within rounding, one of the sorted known numbers."""
    after = torch.searchsorted(known, values).clamp(max=len(known) - 1)
    nearest = torch.minimum((known[after] - values).abs(), (known[(after - 1).clamp_min(0)] - values).abs())
    return nearest <= SUMS.atol + SUMS.rtol * values.abs()


def given_by(record, rank):
    """The numbers that a rank gave to the others (what it broadcasts too: a sum that was gathered goes back that way)."""
    parts = [each.payloads[rank] for each in record.collectives if each.op != "broadcast" or each.peer == rank]
    return numbers(parts + [each.tensor for each in record.messages if each.src == rank])


def arrived(record):
    """The numbers that a rank can have as sums: what collectives add up, what messages and broadcasts carry."""
    parts = [each.total for each in record.collectives if each.op != "broadcast"]
    parts += [each.payloads[each.peer] for each in record.of("broadcast")]
    return numbers(parts + [each.tensor for each in record.messages])


def shares(record, inputs):
    """(rank, number): each rank's own gradients of all reductions, from the record of the reference."""
    return torch.stack(
        [
            torch.cat([each.payloads[rank].double() for each in record.of("all_reduce")])
            for rank in range(len(inputs["batches"]))
        ]
    )


def never_left(record, own):
    """The first rank whose gradients did not all leave it, as they are or divided by n; else None.

    A rank that was sent something may have added to it what it passes on, as on a ring: then a sum with others' counts.
    """
    n = len(own)
    for rank in range(n):
        given = given_by(record, rank)
        others = [other for other in range(n) if other != rank]
        left = own[rank] == 0  # nothing to tell
        for count in range(n if any(each.dst == rank for each in record.messages) else 1):
            for added in itertools.combinations(others, count):
                part = own[[rank, *added]].sum(0)
                left |= among(part, given) | among(part / n, given)
        if not left.all():
            return rank
    return None


def is_explained(record, own):
    """Whether the sums over ranks are among what arrived, or each rank was sent all that it adds up."""
    n, total, known = len(own), own.sum(0), arrived(record)
    if (among(total, known) | among(total / n, known)).all():
        return True
    sent = {(src, dst): [each.tensor for each in record.messages if (each.src, each.dst) == (src, dst)]
            for src, dst in itertools.permutations(range(n), 2)}  # fmt: skip
    return all(among(own[src], numbers(parts)).all() for (src, _), parts in sent.items())


def misplaced(seen, want):
    """Where a rank has all the right numbers at the end of a step, but some in other parameters."""
    for got, right in zip(itertools.chain(*seen), itertools.chain(*want), strict=False):
        wrong = [name for name in right if not _same(got[name], right[name])]
        if wrong and _same(numbers(got.values()), numbers(right.values())):
            return reject(
                "Your means are right, but not where they belong: {name} has numbers of another parameter. "
                "Take a joined tensor apart in the order in which you joined it.",
                name=wrong[0],
            )
    return None


def judge_gradients(seen, want, inputs):
    """The gradients are right; each rank's share of each of them left the rank; and the sums are what was sent."""
    wrong = misplaced(seen["gradients"], want["gradients"]) or difference(seen["gradients"], want["gradients"], SUMS)
    if wrong is not None:
        return wrong
    n = len(inputs["batches"])
    try:
        record = replay(seen["events"], n)
    except BadEvents:
        return reject("The record of calls is not what a world of these ranks records.")
    if n == 1:
        return None
    own = shares(replay(want["events"], n), inputs)
    rank = never_left(record, own)
    if rank is not None:
        return reject(
            "The gradients of rank {rank} were not all sent to the others, so their mean can't come from there. "
            "Ranks share no memory: what another one knows has to go through `comm`.",
            rank=rank,
        )
    if not is_explained(record, own):
        return reject("The gradients did not come from what the ranks sent to each other.")
    return None


@check(points=2, inputs=training, judge=judge_gradients, shapes='any', lecture='the-mean-of-gradients', public=[case('two ranks, two layers', n=2, widths=[2, 3, 1], cap=1000), case('a bucket for each parameter', n=2, widths=[2, 2], cap=1)])
def gradients_are_averaged(student, weights, batches, cap, paths, frozen):
    """After finalize, every rank's gradients are the mean over ranks, in every step."""
    return train(student, weights, batches, cap, paths, frozen)


@check(points=1, inputs=setup, judge=judge_gradients, shapes='any', lecture='parameters-without-a-gradient', public=[case('rank 1 skips a layer', n=2, widths=[2, 2, 2, 2], cap=30, paths=[[[0, 1, 2]], [[0, 2]]])])
def unused_parameters_count_as_zero(student, weights, batches, cap, paths):
    """Whatever layers a rank used, and in whatever order, no rank hangs, and an unused parameter counts as 0 in the mean."""
    return train(student, weights, batches, cap, paths)


def judge_accumulation(seen, want, inputs):
    """As `judge_gradients`, and the gradients went out once, in the last backward."""
    wrong = difference(seen["alone"], want["alone"], SUMS) or judge_gradients(seen, want, inputs)
    if wrong is not None:
        return wrong
    n = len(inputs["batches"])
    record = replay(seen["events"], n)
    begins = {rank: place for place, rank, name in record.marks if name == "outside of no_sync"}
    starts = {rank: place for place, rank, name in record.marks if name == "built"}
    if set(begins) != set(range(n)) or set(starts) != set(range(n)):
        return reject("The record of calls is not what a world of these ranks records.")
    sent = [
        each
        for each in record.collectives
        if each.op != "broadcast" and min(each.called.values()) > min(starts.values())
    ]
    if any(each.called[rank] < begins[rank] for each in sent for rank in begins if each.payloads[rank].numel()):
        return reject("Gradients are sent in a backward under no_sync.")
    if any(starts[each.src] < each.sent < begins[each.src] and each.tensor.numel() for each in record.messages):
        return reject("Gradients are sent in a backward under no_sync.")
    numbers = sum(weight.numel() for weight in inputs["weights"])
    volume = sum(each.payloads[0].numel() for each in sent if each.op in ("all_reduce", "reduce_scatter"))
    if volume > numbers + 4 * len(inputs["weights"]):  # some room for flags that say which parameters were used
        return reject(
            "{volume} numbers are reduced, for gradients of {numbers}: send each accumulated gradient once.",
            volume=volume,
            numbers=numbers,
        )
    return None


@check(points=1, inputs=accumulating, judge=judge_accumulation, shapes='any', lecture='accumulation-without-sending', public=[case('two micro-batches', n=2, widths=[2, 3, 1], cap=40, steps=2)])
def no_sync_accumulates(student, weights, batches, cap, nested, paths):
    """Under no_sync gradients accumulate on each rank and nothing is sent; the next backward averages all that accumulated."""
    world = World(len(batches))

    def program(comm):
        net = Net(weights)
        ddp = student.MiniDDP(net, cap, comm)
        comm.mark("built")
        *first, last = range(len(batches[comm.rank]))

        def backward(step):
            net.path = paths[comm.rank][step] if paths else net.path
            ddp(batches[comm.rank][step]).pow(2).sum().backward()

        with ddp.no_sync():
            if nested:
                with ddp.no_sync():
                    pass
            for step in first:
                backward(step)
        alone = gradients(net)
        comm.mark("outside of no_sync")
        backward(last)
        ddp.finalize()
        return alone, gradients(net)

    results = world.run(program)
    return {
        "alone": [alone for alone, _ in results],
        "gradients": [[after] for _, after in results],
        "events": world.events,
    }


@check(points=1, inputs=batches_for_norm, lecture='buffers', public=[case('two ranks, two batches', n=2, widths=[2, 1], steps=2)])
def buffers_follow_rank_0(student, weights, batches, evaluate):
    """Each forward starts from the buffers of rank 0: after it, a rank has those, updated with its own batch."""
    world = World(len(batches))

    def program(comm):
        net = Net(weights, norm=True)
        ddp = student.MiniDDP(net, 1000, comm)
        outputs = []
        for step, x in enumerate(batches[comm.rank]):
            ddp.train(not (evaluate and step))
            outputs.append(ddp(x).detach().clone())
            outputs += [buffer.clone() for buffer in net.buffers()]
        return outputs

    return world.run(program)


def buckets_of(weights, cap):
    """Sizes of the buckets, and the parameters (as in `module.parameters()`) in each."""
    sizes = [size for weight in weights for size in (weight[:, 1:].numel(), weight.shape[0])]
    item = weights[0].element_size()
    buckets = []
    for index in reversed(range(len(sizes))):
        if not buckets or (sum(sizes[each] for each in buckets[-1]) + sizes[index]) * item > cap:
            buckets.append([])
        buckets[-1].append(index)
    return [(sum(sizes[each] for each in bucket), bucket) for bucket in buckets]


def judge_overlap(seen, want, inputs):
    """One all-reduce a bucket, begun between the bucket's last gradient and the next one, and waited for after all."""
    wrong = judge_gradients(seen, want, inputs)
    if wrong is not None:
        return wrong
    n = len(inputs["batches"])
    record = replay(seen["events"], n)
    buckets = buckets_of(inputs["weights"], inputs["cap"])
    sums = record.of("all_reduce")
    sizes = [each.payloads[0].numel() for each in sums]
    if sizes != [size for size, _ in buckets]:
        return reject(
            "The all-reduces have {got} elements; the buckets have {want}.", got=sizes, want=[s for s, _ in buckets]
        )
    for rank in range(n):
        places = {name: place for place, whose, name in record.marks if whose == rank}
        if set(places) != {f"gradient {index}" for _, bucket in buckets for index in bucket}:
            return reject("The record of calls is not what a world of these ranks records.")
        for number, (each, (_, bucket)) in enumerate(zip(sums, buckets, strict=True)):
            complete = max(places[f"gradient {index}"] for index in bucket)
            if each.called[rank] < complete:
                return reject("Bucket {number} is sent before all of its gradients are there.", number=number)
            if any(complete < place < each.called[rank] for place in places.values()):
                return reject(
                    "Bucket {number} is complete, but backward goes on to other gradients before it is sent.",
                    number=number,
                )
            if each.waited.get(rank, -1) < max(places.values()):
                return reject("Backward waits for bucket {number}; start it, and wait in finalize.", number=number)
    return None


@check(points=2, bonus=True, inputs=overlapping, judge=judge_overlap, shapes='any', lecture='buckets-that-overlap-backward', public=[case('two layers, a bucket for each', n=2, widths=[2, 3, 2], cap=36)])
def buckets_overlap_backward(student, weights, batches, cap, before):
    """Each bucket's all-reduce is started, flat and in order, as soon as its last gradient is there, and waited for in finalize."""
    world = World(len(batches))

    def program(comm):
        net = Net(weights)
        ddp = student.MiniDDP(net, cap, comm)
        for index, p in enumerate(net.parameters()):
            p.register_hook(lambda grad, index=index: comm.mark(f"gradient {index}"))
        if before:
            with contextlib.suppress(KeyError), ddp.no_sync():
                if before == "exception":
                    raise KeyError("from inside")
        ddp(batches[comm.rank][0]).pow(2).sum().backward()
        ddp.finalize()
        return [gradients(net)]

    return {"gradients": world.run(program), "events": world.events}
