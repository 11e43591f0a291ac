"""Public checks of parallel/zero_stages: run `pytest` on this file, or `autograder check parallel/zero_stages`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import itertools
import torch
import torch.nn.functional as F
from torch import nn
from autograder.checks import case, check, difference, flags, lab, leaves_gradients_off, reject
from autograder.lab.held import Held
from autograder.lab.replay import replay


def units(record, n):
    """Numbers that each rank sends, where a reduce-scatter or an all-gather of V counts V and an all-reduce 2V."""
    cost = {"all_reduce": 2, "reduce_scatter": 1, "all_gather": n, "broadcast": 1}
    total = sum(cost.get(each.op, 0) * each.payloads[0].numel() for each in record.collectives)
    return total + sum(each.tensor.numel() for each in record.messages) / max(1, n - 1)


def filled(shapes, n):
    return sum(-(-torch.Size(shape).numel() // n) * n for shape in shapes)


def turned(x):
    """The same numbers, not contiguous where x has two dimensions and more."""
    return x.mT.contiguous().mT if x.ndim > 1 else x


def strided(part):
    """The same numbers, with a gap behind each."""
    return torch.stack([part, part], 1)[:, 0]


def tensors(rng, n, shape, dtype="float32", values=None, view=False):
    """One tensor that all ranks have, and two for each rank."""
    dtype = getattr(torch, dtype)
    if values is None:
        same, mine = rng.normal(*shape, dtype=dtype), [[rng.normal(*shape, dtype=dtype) for _ in range(2)] for _ in range(n)]
    else:
        same, mine = torch.tensor(values[0], dtype=dtype), [[torch.tensor(each, dtype=dtype), torch.ones(shape)] for each in values[1]]
    return {"comm": lab("world", size=n), "same": same, "mine": lab("each_rank", values=mine), "view": view}


def judge_parts(seen, want, record, inputs):
    """Values first; then one all-gather for a whole, one reduce-scatter for a mean."""
    wrong = difference(seen, want)
    if wrong is not None or len(want) == 1:
        return wrong
    n = len(want)
    sent, size = units(replay(record, n), n), filled([inputs["same"].shape], n)
    if sent > 4 * size:  # two wholes, two means
        return reject(
            "Two calls of unshard and two of reduce_shard send {sent} numbers a rank (an all-reduce counts twice); {size} are enough.",
            sent=sent,
            size=4 * size,
        )
    return None


@check(points=2, inputs=tensors, judge=judge_parts, lecture='parts-of-a-tensor', public=[case('two ranks, three numbers', n=2, shape=(3,), values=[[1.0, 2.0, 3.0], [[1.0, 2.0, 3.0], [3.0, 6.0, 5.0]]]), case('three ranks, 2 × 4', n=3, shape=(2, 4))])
def parts_and_wholes(student, comm, same, mine, view):
    """shard and reduce_shard give each rank its part, filled up with zeros, and unshard gives the whole again."""
    x = (turned(same) if view else same).clone().requires_grad_()
    part = student.shard(x, comm)
    whole = student.unshard(part, x.shape, comm)
    before = whole.clone()
    whole += 1  # a tensor of its own: the part stays
    given = [turned(each) if view else each for each in mine]
    means = [student.reduce_shard(each, comm) for each in given]
    found = {
        "part": part.clone(),
        "bytes in memory": part.untyped_storage().nbytes(),
        "whole": before,
        "means": [each.clone() for each in means],
        "contiguous": x.is_contiguous(),
    }
    for each in (part, *means):
        each += 1
    plain = x.detach() + 1
    other = student.shard(plain, comm)
    found |= {"part again": student.shard(x, comm), "another": student.unshard(strided(other), tuple(x.shape), comm)}
    return found | {"given": [x, *mine], "left": flags(x, part, whole, plain, *given)}


@check(points=1, lecture='a-checkpoint-in-shards', public=[case('two ranks, two tensors', n=2, shapes=[[3], [2, 2]])])
def a_checkpoint_is_joined(student, n, shapes):
    """consolidate joins the parts that ranks have saved, and takes the filling away."""
    parts, start = [[] for _ in range(n)], 1
    for shape in shapes:
        size = torch.Size(shape).numel()
        flat = F.pad(torch.arange(start, start + size, dtype=torch.float64) / 7, (0, -size % n))
        start += size
        for rank, part in enumerate(flat.chunk(n)):
            parts[rank].append(part.clone())
    asked = [tuple(shape) for shape in shapes]
    whole = student.consolidate(parts, asked)
    found = [each.clone() for each in whole]
    for each in whole:
        each += 100
    dtypes = itertools.cycle([torch.float64, torch.float32])  # tensor by tensor
    others = [[strided(part + 1).to(dtype) for part, dtype in zip(rank, dtypes, strict=False)] for rank in parts]
    joined = student.consolidate(others, [tuple(shape) for shape in shapes])
    return {"whole": found, "given": parts, "shapes": asked, "others": joined, "left": flags(*itertools.chain(*parts, *others))}


def network(params, x):
    """Layers with tanh, and a gain at the end: all parameters are used."""
    *layers, gain = params
    for weight, bias in zip(layers[::2], layers[1::2], strict=True):
        x = torch.tanh(F.linear(x, weight, bias))
    return x * gain


def training(rng, n, widths, steps=3, micro=1, batch=3, dtype="float64", lr=0.05, skips=None, views=False):
    """Weights, and for each rank, step and micro-batch a batch of its own; `skips` are ranks that do not use the gain; `views`: the
    numbers of the weights do not lie in order."""
    dtype = getattr(torch, dtype)
    shapes = [shape for a, b in itertools.pairwise(widths) for shape in ((b, a), (b,))] + [()]
    weights = [rng.normal(*shape, scale=0.7, dtype=dtype) for shape in shapes]
    batches = [[[rng.normal(batch, widths[0], dtype=dtype) for _ in range(micro)] for _ in range(steps)] for _ in range(n)]
    return {
        "comm": lab("world", size=n),
        "weights": weights,
        "batches": lab("each_rank", values=batches),
        "lr": lr,
        "skips": lab("each_rank", values=[rank in (skips or ()) for rank in range(n)]),
        "views": views,
    }


def parameters(weights, views=False):
    return [nn.Parameter(turned(weight.clone()) if views else weight.clone()) for weight in weights]


def copies(tensors):
    return [None if each is None else each.detach().clone() for each in tensors]


def memory(states):
    """Of the state: how many numbers, and bytes in memory."""
    return [[list(state[name].shape), state[name].untyped_storage().nbytes()] for state in states for name in ("m", "v")]


@check(points=2, inputs=training, lecture='stage-1', public=[case('two ranks, two layers', n=2, widths=[2, 2, 1], steps=1), case('rank 1 has no gradient of the gain', n=3, widths=[2, 2], steps=1, skips=[1])])
def stage_1_trains(student, comm, weights, batches, lr, skips, views):
    """After each step of Zero1 all ranks have the weights that Adam gives with the mean gradients, and the state of their part alone."""
    params = parameters(weights, views)
    held = list(params)
    optimizer = student.Zero1(params, lr=lr, comm=comm)
    student.Zero1(parameters(weights[:2]), lr=2 * lr, comm=comm)  # another one, with parameters of its own
    after, gradients = [], []
    for step in batches:
        for p in params:
            p.grad = None
        for x in step:
            used = [*params[:-1], torch.ones((), dtype=x.dtype)] if skips else params
            network(used, x).pow(2).mean().backward()
        optimizer.step()
        after.append(copies(params))
        gradients.append(copies(p.grad for p in params))
    return {
        "weights": after,
        "gradients": gradients,
        "state in memory": memory(optimizer.state),
        "state": [[state["step"], state["m"], state["v"]] for state in optimizer.state],
        "same objects": [a is b for a, b in zip(params, held, strict=True)],
        "left": flags(*params),
    }


@check(points=3, inputs=training, lecture='stage-2', public=[case('two ranks, two layers', n=2, widths=[2, 2, 1], steps=1), case('two batches in each step', n=2, widths=[2, 1], steps=2, micro=2)])
def stage_2_frees_gradients(student, comm, weights, batches, lr, skips, views):
    """Zero2 reduces each gradient as soon as it is there, keeps its own part alone, and trains as Zero1 does."""
    params = parameters(weights, views)
    optimizer = student.Zero2(params, lr, comm)
    student.Zero2(parameters(weights[:2]), 2 * lr, comm)  # another one, with parameters of its own
    there = []  # how many gradients are in memory when the next one comes
    for p in params:
        p.register_hook(lambda grad: there.append(sum(p.grad is not None for p in params)))
    seen = [{"grads": copies(optimizer.grads)}]
    for step in batches:
        for x in step:
            network(params, x).pow(2).mean().backward()
            memory_of_grads = [None if each is None else each.untyped_storage().nbytes() for each in optimizer.grads]
            seen.append({"grads": copies(optimizer.grads), "whole": copies(p.grad for p in params), "bytes": memory_of_grads})
        optimizer.step()
        seen.append({"grads": copies(optimizer.grads), "weights": copies(params)})
    return {"seen": seen, "gradients in memory": there, "state in memory": memory(optimizer.state), "left": flags(*params)}


def linear(x, whole):
    return torch.tanh(F.linear(x, *whole))


def gated(x, whole):
    """A layer that uses each weight in a way of its own."""
    weight, gain, shift = whole
    return x + gain * torch.tanh(x @ weight) + shift


def many(x, whole):
    """A layer with as many weights as you like."""
    for each in whole:
        x = x + torch.tanh(each * x)
    return x


def embedding(ids, whole):
    return F.embedding(ids, whole[0]).sum(1)


FUNCTIONS = {"linear": linear, "gated": gated, "many": many, "embedding": embedding}


def layers(rng, n, kinds, width=3, batch=2, steps=2, micro=1, dtype="float64", again=False):
    """The weights of each layer, and batches for each rank. `again`: the first layer is called twice, and each graph is used twice."""
    dtype = getattr(torch, dtype)
    weights = []
    for kind in kinds:
        if kind == "gated":
            weights.append([rng.normal(width, width, dtype=dtype), rng.normal(dtype=dtype), rng.normal(width, dtype=dtype)])
        elif kind == "many":
            weights.append([rng.normal(width, dtype=dtype) for _ in range(18)])
        elif kind == "embedding":
            weights.append([rng.normal(7, width, dtype=dtype)])
        else:
            weights.append([rng.normal(width + 1, width, scale=0.7, dtype=dtype), rng.normal(width + 1, dtype=dtype)])
            width += 1
    first = weights[0][0].shape[-1]

    def made():
        return rng.integers(0, 7, batch, 4) if kinds[0] == "embedding" else rng.normal(batch, first, dtype=dtype)

    batches = [[[made() for _ in range(micro)] for _ in range(steps)] for _ in range(n)]
    return {"comm": lab("world", size=n), "kinds": kinds, "weights": weights, "batches": lab("each_rank", values=batches), "again": again}


def build(student, comm, kinds, weights):
    return [student.Zero3Layer(FUNCTIONS[kind], each, comm) for kind, each in zip(kinds, weights, strict=True)]


@check(points=3, inputs=layers, lecture='stage-3', public=[case('two ranks, one layer', n=2, kinds=['linear'])])
def stage_3_computes(student, comm, kinds, weights, batches, again):
    """Zero3Layer gives the whole layer's output, this rank's gradient of x, and its part of the mean gradient of each weight."""
    net = build(student, comm, kinds, [[turned(each) for each in layer] for layer in weights] if again else weights)
    shards = [p for layer in net for p in layer.shards]
    seen = [{"shards": copies(shards), "bytes in memory": [p.untyped_storage().nbytes() for p in shards]}]
    for number, step in enumerate(batches):
        for x in step:
            x = x.mT.contiguous().mT.requires_grad_(number == 0 and x.is_floating_point())
            h = x
            for layer in [net[0], *net] if again else net:
                h = layer(h)
            loss = h.pow(2).mean()
            if again:
                loss.backward(retain_graph=True)
            loss.backward()
            seen.append({"output": h.detach().clone(), "x.grad": None if x.grad is None else x.grad.clone()})
        seen[-1]["gradients"] = copies(p.grad for p in shards)
        with torch.no_grad():
            for p in shards:
                p -= 0.1 * p.grad
                p.grad = None
    net[0].eval()
    graded = net[0](batches[0][0])
    graded.pow(2).sum().backward()
    with torch.no_grad():
        for p in net[0].shards:
            p *= 0.5
        other = net[0](batches[0][0])
    in_evaluation = [other, graded.detach(), copies(p.grad for p in net[0].shards), leaves_gradients_off(net[0], batches[0][0])]
    net[0].shards[0].requires_grad_(False)
    inputs = [batches[0][0], batches[-1][-1]] if again else [batches[0][0]]
    with torch.no_grad():
        outputs = [net[0](x) for x in inputs]
    return {"seen": seen, "in evaluation mode": in_evaluation, "without gradients": outputs, "left": flags(*net, *inputs)}


@check(points=1, inputs=layers, lecture='stage-3', public=[case('two ranks, two layers', n=2, kinds=['linear', 'gated'], width=2)])
def whole_weights_are_let_go(student, comm, kinds, weights, batches, again):
    """No whole weight is in memory between layers, between forward and backward, and afterwards; nor is an output, after backward."""
    held, passed, counts, names = Held(), Held(), [], itertools.count()

    def watching(function):
        def call(x, whole):
            counts.append(len(held.names()))
            for each in whole:
                held.memory(f"{next(names)}", each)
            return function(x, whole)

        return call

    net = []
    for kind, each in zip(kinds, weights, strict=True):
        given = [held.copy(f"{next(names)}", weight) for weight in each]
        net.append(student.Zero3Layer(watching(FUNCTIONS[kind]), given, comm))
        del given
    seen = {"after construction": len(held.names())}
    h = batches[0][0]
    for layer in net:
        h = layer(h)
        passed.memory(f"{next(names)}", h)
    seen |= {"when a layer begins": list(counts), "after forward": len(held.names()), "output": h.detach().clone()}
    h.pow(2).mean().backward()
    del h
    seen |= {"after backward": [len(held.names()), len(passed.names())], "gradients": [p.grad.clone() for layer in net for p in layer.shards]}
    with torch.no_grad():
        net[0].eval()(batches[0][0])
    return seen | {"after a forward without gradients": len(held.names())}


def one_step(rng, stage, n, widths, dtype="float64"):
    return {**training(rng, n, widths, steps=1, dtype=dtype), "stage": stage}


def judge_volume(seen, want, record, inputs):
    """Values first; then 2Ψ, 2Ψ or 3Ψ."""
    wrong = difference(seen, want)
    if wrong is not None or len(want) == 1:
        return wrong
    n, stage = len(want), inputs["stage"]
    size = filled([weight.shape for weight in inputs["weights"]], n)
    sent, most = units(replay(record, n), n), (3 if stage == 3 else 2) * size
    if sent > most:
        return reject(
            "One step of stage {stage} sends {sent} numbers a rank (an all-reduce counts twice); {times} Ψ are {most}.",
            stage=stage,
            sent=sent,
            times=3 if stage == 3 else 2,
            most=most,
        )
    return None


@check(points=2, inputs=one_step, judge=judge_volume, lecture='what-each-stage-sends', public=[case(f'stage {stage}, two ranks', stage=stage, n=2, widths=[2, 2]) for stage in (1, 2, 3)])
def two_two_three_psi(student, comm, weights, batches, lr, skips, views, stage):
    """A step sends 2Ψ in stages 1 and 2, and 3Ψ in stage 3."""
    ((x,),) = batches
    params = parameters(weights, views)
    if stage < 3:
        optimizer = (student.Zero1 if stage == 1 else student.Zero2)(params, lr, comm)
        network(params, x).pow(2).mean().backward()
        optimizer.step()
        return copies(params)
    *pairs, gain = [p.detach() for p in params]
    net = [student.Zero3Layer(linear, [w, b], comm) for w, b in zip(pairs[::2], pairs[1::2], strict=True)]
    net.append(student.Zero3Layer(lambda x, whole: x * whole[0], [gain], comm))
    h = x
    for layer in net:
        h = layer(h)
    h.pow(2).mean().backward()
    return copies(p.grad for layer in net for p in layer.shards)
