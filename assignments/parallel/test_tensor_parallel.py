"""Public checks of parallel/tensor_parallel: run `pytest` on this file, or `autograder check parallel/tensor_parallel`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, difference, flags, gradients, in_evaluation, lab, leaves, raises, reject
from autograder.lab.replay import replay


def weighted(rng, *shape, dtype="float32"):
    """Weights such that outputs have the size of inputs."""
    return rng.normal(*shape, scale=shape[-1] ** -0.5, dtype=getattr(torch, dtype))


def normal(rng, *shape, dtype="float32", scale=1.0):
    return rng.normal(*shape, scale=scale, dtype=getattr(torch, dtype))


def turned(x):
    """The same numbers, not contiguous where x has two dimensions and more."""
    return x.mT.contiguous().mT if x.ndim > 1 else x


def tensors(rng, n, shape, dtype="float32", view=False):
    """For each rank two tensors of its own, and one that all have."""
    mine = [[normal(rng, *shape, dtype=dtype) for _ in range(2)] for _ in range(n)]
    return {"comm": lab("world", size=n), "same": normal(rng, *shape, dtype=dtype), "view": view,
            "mine": lab("each_rank", values=mine)}


@check(points=2, inputs=tensors, lecture='two-operators', public=[case('two ranks', n=2, shape=(3,)), case('three ranks, a matrix', n=3, shape=(2, 4))])
def f_and_g(student, comm, same, mine, view):
    """copy_to_ranks sums gradients, reduce_from_ranks sums values; neither does both, and neither changes what it is given."""
    first, second = mine

    def shaped(x):
        return turned(x) if view else x

    x, y, z = (shaped(each).detach().requires_grad_() for each in (same, first, second))
    same_again = x.detach().clone().requires_grad_()
    copied = student.copy_to_ranks(x, comm)
    found = {
        "f": copied.detach().clone(),
        "gradient through f": gradients(copied * shaped(second), {"x": x}),
        "gradient of x + f": gradients(x + student.copy_to_ranks(x, comm), {"x": x}),
        "gradient of f + x": gradients(student.copy_to_ranks(same_again, comm) + same_again, {"x": same_again}),
        "g": student.reduce_from_ranks(y, comm),
        "g of another": student.reduce_from_ranks(z, comm),
    }
    found["gradient through g"] = gradients(found["g"] * same, {"x": y})
    plain, other = shaped(first).clone(), shaped(second).clone()  # from here on without gradients
    copies = [student.copy_to_ranks(plain, comm), student.copy_to_ranks(other, comm)]
    sums = [student.reduce_from_ranks(plain, comm), student.reduce_from_ranks(other, comm)]
    sums[0] += 1
    return found | {"given": [x, y, plain], "copies": copies, "sums": sums, "left": flags(plain, other, *sums)}


def linear(rng, n, inner, outer, batch=(2, 3), bias=True, dtype="float32"):
    return {
        "comm": lab("world", size=n),
        "wide": weighted(rng, outer, inner, dtype=dtype),
        "wide_bias": normal(rng, outer, dtype=dtype) if bias else None,
        "long": weighted(rng, inner, outer, dtype=dtype),
        "long_bias": normal(rng, inner, dtype=dtype) if bias else None,
        "x": normal(rng, *batch, inner, dtype=dtype),
        "h": normal(rng, *batch, outer, dtype=dtype),
    }


@check(points=2, inputs=linear, lecture='columns-and-rows', public=[case('two ranks', n=2, inner=3, outer=4), case('three ranks, without bias', n=3, inner=2, outer=6, batch=(3,), bias=False)])
def columns_and_rows(student, comm, wide, wide_bias, long, long_bias, x, h):
    """A column-parallel layer gives this rank's outputs, a row-parallel one the whole; gradients reach weights, biases and inputs."""
    column = student.ColumnParallelLinear(wide, wide_bias, comm)
    row = student.RowParallelLinear(long, long_bias, comm)
    (x,) = leaves(x)
    part, part2 = (each.chunk(comm.size, -1)[comm.rank].clone().requires_grad_() for each in (h, h + 1))
    y, z = column(x), row(part)
    found = {
        "column": y,
        "gradients of column": gradients(y, {"x": x, **dict(column.named_parameters())}),
        "row": z,
        "gradients of row": gradients(z, {"x": part, **dict(row.named_parameters())}),
        "training": [column.training, row.training],
    }
    if comm.size == 1:
        found["in evaluation mode"] = [in_evaluation(column, lambda: column(x)), in_evaluation(row, lambda: row(part))]
    for layer in (column, row):
        layer.eval()
        layer.weight.requires_grad_(False)
    plain = [turned(x.detach() + 1), x.detach(), turned(part2.detach()), part.detach()]
    with torch.no_grad():
        columns, rows = [column(each) for each in plain[:2]], [row(each) for each in plain[2:]]
    return found | {"columns again": columns, "rows again": rows, "left": flags(column, row, part, *plain)}


def whole_weights(rng, n, channels, hidden, heads, kv_heads, width, vocab, dtype="float32"):
    return {
        "comm": lab("world", size=n),
        "up": weighted(rng, hidden, channels, dtype=dtype),
        "up_bias": normal(rng, hidden, dtype=dtype),
        "down": weighted(rng, channels, hidden, dtype=dtype),
        "down_bias": normal(rng, channels, dtype=dtype),
        "qkv": weighted(rng, (heads + 2 * kv_heads) * width, channels, dtype=dtype),
        "out": weighted(rng, channels, heads * width, dtype=dtype),
        "heads": heads,
        "kv_heads": kv_heads,
        "table": normal(rng, vocab, channels, dtype=dtype),
    }


def held_weights(rng, view=False, **more):
    return {**whole_weights(rng, **more), "view": view}


@check(points=2, inputs=held_weights, lecture='what-a-rank-holds', public=[case('two ranks', n=2, channels=3, hidden=8, heads=4, kv_heads=2, width=2, vocab=7)])
def a_rank_holds_its_part(student, comm, up, up_bias, down, down_bias, qkv, out, heads, kv_heads, table, view):
    """Each rank's parameters have the shapes of its shards, in memory of their own, and sizes that n does not divide are refused."""
    if view:
        up, down, qkv, out, table = (turned(each) for each in (up, down, qkv, out, table))
    layers = {
        "mlp": student.ParallelMLP(up, up_bias, down, down_bias, comm),
        "attention": student.ParallelAttention(qkv, out, heads, kv_heads, comm),
        "embedding": student.VocabParallelEmbedding(table, comm),
        "column": student.ColumnParallelLinear(weight=up, bias=None, comm=comm),
        "row": student.RowParallelLinear(weight=down, bias=None, comm=comm),
    }
    held, values = {}, {}
    for name, layer in layers.items():
        for each, p in layer.named_parameters():
            held[f"{name}.{each}"] = [list(p.shape), p.untyped_storage().nbytes(), p.requires_grad]
            values[f"{name}.{each}"] = p.detach().clone()
    with torch.no_grad():
        for layer in layers.values():
            for p in layer.parameters():
                p.add_(1)  # the whole weights are left alone
    more = comm.size + 1
    return {
        "shapes, bytes in memory, trained": held,
        "values": values,
        "refused": [
            raises("ValueError", lambda: student.ColumnParallelLinear(torch.ones(more, 2), None, comm)),
            raises("ValueError", lambda: student.RowParallelLinear(torch.ones(2, more), None, comm)),
            raises("ValueError", lambda: student.ParallelAttention(torch.ones(more * 3, 2), torch.ones(2, more), more, more, comm)),
            raises("ValueError", lambda: student.ParallelAttention(
                torch.ones(comm.size + 2, 2), torch.ones(2, comm.size), comm.size, 1, comm)),
            raises("ValueError", lambda: student.VocabParallelEmbedding(torch.ones(comm.size - 1, 2), comm)),
        ],
    }


def matrix(rng, rows, columns, heads=1, kv_heads=1, n=1, vocab=9):
    x = (torch.arange(rows * columns, dtype=torch.float64).reshape(rows, columns) - 5) / 7
    return {"x": x, "heads": heads, "kv_heads": kv_heads, "n": n, "vocab": vocab}


@check(points=1, inputs=matrix, lecture='heads', public=[case('four heads, each with keys of its own', rows=12, columns=2, heads=4, kv_heads=4, n=2, vocab=10), case('four query heads share two, four ranks', rows=8, columns=4, heads=4, kv_heads=2, n=4, vocab=9)])
def parts_of_weights(student, x, heads, kv_heads, n, vocab):
    """shard, shard_qkv and vocab_range give each rank its rows, its heads and its tokens, and refuse what can't be shared."""
    parts = [student.shard(x, 1, rank, n) for rank in range(n)]
    of_columns = student.shard(x.T[:, : n * (len(x) // n)], 1, n - 1, n)
    joined = [student.shard_qkv(x, heads, kv_heads, rank, n) for rank in range(n)]
    found = {
        "columns": [part.clone() for part in parts],
        "contiguous": [part.is_contiguous() for part in (*parts, of_columns)],
        "of a transposed matrix": of_columns,
        "of three dimensions": student.shard(x.unflatten(1, (1, -1)), -1, rank=n - 1, n=n),
        "of four": student.shard(turned(x + 1).unflatten(1, (1, 1, -1)), 3, 0, n),
        "of one": student.shard(x[0], 0, n - 1, n),
        "other heads": student.shard_qkv(turned(x + 1), heads, kv_heads, n - 1, n),
        "heads": [part.clone() for part in joined],
        "tokens": [student.vocab_range(vocab, rank, n) for rank in range(n)],
    }
    for part in (*parts, *joined):
        part += 100
    return found | {
        "given": x.clone(),
        "left": flags(x),
        "refused": [
            raises("ValueError", lambda: student.shard(torch.ones(4, 5), 1, 0, 2)),
            raises("ValueError", lambda: student.shard_qkv(torch.ones(9, 2), 3, 3, 0, 2)),
            raises("ValueError", lambda: student.shard_qkv(torch.ones(16, 2), 4, 6, 0, 2)),
            raises("ValueError", lambda: student.shard_qkv(torch.ones(12, 2), 6, 3, 0, 2)),
            raises("ValueError", lambda: student.shard_qkv(torch.ones(13, 2), 4, 4, 0, 4)),
            raises("ValueError", lambda: student.shard_qkv(torch.ones(10, 2), 3, 1, 0, 2)),
            raises("ValueError", lambda: student.shard_qkv(torch.ones(20, 2), 12, 4, 0, 6)),
            raises("ValueError", lambda: student.vocab_range(3, 0, 4)),
        ],
    }


def attention(rng, n, heads, kv_heads, width, channels, batch=2, length=3, dtype="float32", scale=1.0):
    return {
        "comm": lab("world", size=n),
        "qkv": scale * weighted(rng, (heads + 2 * kv_heads) * width, channels, dtype=dtype),
        "out": weighted(rng, channels, heads * width, dtype=dtype),
        "heads": heads,
        "kv_heads": kv_heads,
        "x": normal(rng, batch, length, channels, dtype=dtype),
    }


@check(points=2, inputs=attention, lecture='heads', public=[case('two ranks, a head for each', n=2, heads=2, kv_heads=2, width=2, channels=4), case('two ranks, grouped queries', n=2, heads=8, kv_heads=4, width=3, channels=5, scale=2.0)])
def attention_by_heads(student, comm, qkv, out, heads, kv_heads, x):
    """ParallelAttention gives causal attention over all heads on every rank, and the gradients of its own heads."""
    layer = student.ParallelAttention(qkv, out, n_heads=heads, n_kv_heads=kv_heads, comm=comm)
    student.ParallelAttention(qkv + 1, out, heads, kv_heads, comm)  # another layer with other weights
    (x,) = leaves(x)
    y = layer(x)
    found = {"output": y, "gradients": gradients(y, {"x": x, **dict(layer.named_parameters())})}
    if comm.size == 1:
        found["in evaluation mode"] = in_evaluation(layer, lambda: layer(x))
    layer.eval()
    layer.out.train()  # so that both modes occur
    layer.qkv.requires_grad_(False)
    plain = [turned(x.detach().flip(0, 1)), x.detach()][: 2 if comm.size == 1 else 1]
    with torch.no_grad():
        others = [layer(each) for each in plain]
    return found | {"others": others, "left": flags(layer, *plain)}


def block(rng, n, channels, hidden, heads, kv_heads, width, batch=2, length=3, dtype="float32"):
    inputs = whole_weights(rng, n, channels, hidden, heads, kv_heads, width, 7, dtype)
    del inputs["table"]
    return {**inputs, "x": normal(rng, batch, length, channels, dtype=dtype)}


def judge_volume(seen, want, record, inputs):
    """Values first; then two all-reduces of x's size in forward, two in backward."""
    wrong = difference(seen, want)
    if wrong is not None:
        return wrong
    n = len(want)
    if n == 1:
        return None
    record = replay(record, n)
    borders = {rank: [place for place, each, _ in record.marks if each == rank] for rank in range(n)}
    size, phases = inputs["x"].numel(), ("forward", "backward", "afterwards")
    sent = dict.fromkeys(phases, 0.0)
    # In units in which an all-reduce of V numbers costs 2 V: reduce-scatter and all-gather are its halves.
    for each in record.collectives:
        cost = {"all_reduce": 2, "reduce_scatter": 1, "all_gather": n, "broadcast": 1}.get(each.op, 0)
        phase = phases[sum(each.called[0] > border for border in borders[0])]
        sent[phase] += cost * each.payloads[0].numel()
    for message in record.messages:
        phase = phases[sum(message.sent > border for border in borders[message.src])]
        sent[phase] += message.tensor.numel() / (n - 1)
    for phase in phases[:2]:
        volume = sent[phase]
        if volume > 4 * size + 4 * n:  # some room for padding
            return reject(
                "In {phase} you send as much as {times} all-reduces of x; one for attention and one for the MLP are enough.",
                phase=phase,
                times=round(volume / (2 * size), 2),
            )
    return None


@check(points=2, inputs=block, judge=judge_volume, lecture='four-all-reduces', public=[case('two ranks', n=2, channels=3, hidden=4, heads=2, kv_heads=2, width=1, batch=1, length=2)])
def four_all_reduces(student, comm, up, up_bias, down, down_bias, qkv, out, heads, kv_heads, x):
    """A block of attention and MLP gives the whole model's values and gradients, with two all-reduces forward and two backward."""
    attention = student.ParallelAttention(qkv, out, heads, kv_heads, comm)
    mlp = student.ParallelMLP(up, up_bias, down, down_bias, comm)
    student.ParallelMLP(up + 1, up_bias, down, down_bias, comm)  # another one with other weights
    (x,) = leaves(x)
    h = x + attention(x)
    y = h + mlp(h)
    comm.mark("backward begins")
    trained = {f"attention.{name}": p for name, p in attention.named_parameters()}
    trained |= {f"mlp.{name}": p for name, p in mlp.named_parameters()}
    found = {"output": y.detach().clone(), "gradients": gradients(y, {"x": x, **trained})}
    comm.mark("backward has ended")
    if comm.size == 1:
        found["MLP in evaluation mode"] = in_evaluation(mlp, lambda: mlp(x))
    mlp.eval()
    mlp.up.train()  # so that both modes occur
    mlp.down.bias.requires_grad_(False)
    x = x.detach()
    plain = [x[0, 0], turned(x + 1).unsqueeze(0), x.unsqueeze(0)]
    with torch.no_grad():
        others = [mlp(each) for each in plain]
    return found | {"MLP of others": others, "left": flags(mlp, *plain)}


def tokens(rng, n, vocab, channels, shape=(2, 3), ids=None, dtype="float32"):
    return {
        "comm": lab("world", size=n),
        "table": normal(rng, vocab, channels, dtype=dtype),
        "ids": rng.integers(0, vocab, *shape) if ids is None else torch.tensor(ids),
    }


@check(points=1, inputs=tokens, lecture='the-vocabulary', public=[case('two ranks, six tokens', n=2, vocab=6, channels=3, ids=[[0, 2, 3], [5, 3, 1]]), case('seven tokens', n=2, vocab=7, channels=2, ids=[3, 4, 6, 0])])
def embeddings_of_all_tokens(student, comm, table, ids):
    """VocabParallelEmbedding gives the embedding of every token on every rank, and each rank the gradients of its own rows."""
    layer = student.VocabParallelEmbedding(table, comm)
    student.VocabParallelEmbedding(table + 1, comm)  # another one with other weights
    y = layer(ids)
    found = {"output": y, "gradients": gradients(y, layer), "training": layer.training}
    if comm.size == 1:
        found["in evaluation mode"] = in_evaluation(layer, lambda: layer(ids))
    layer.eval()
    layer.weight.requires_grad_(False)
    others = [layer(turned(ids.flip(0)) if ids.ndim else ids), layer(ids)]
    return found | {"without gradients": others, "left": flags(layer)}


def scores(rng, n, vocab, shape, dtype="float32", scale=2.0, masked=(), target=None, raised=None, lowered=0.0):
    """The logits of each rank; `masked` are tokens that can't occur, `raised` is one with a far larger logit, and all logits are `lowered`."""
    target = rng.integers(0, vocab, *shape) if target is None else torch.tensor(target)
    logits = normal(rng, *shape, vocab, dtype=dtype, scale=scale) - lowered
    if raised is not None:
        logits[..., raised] += 1e4
    logits[..., list(masked)] = -torch.inf
    parts = [part.clone() for part in logits.tensor_split(n, -1)]
    return {"comm": lab("world", size=n), "logits": lab("each_rank", values=parts), "target": target, "vocab": vocab}


def judge_loss(seen, want, record, inputs):
    """Values and gradients first; then three numbers a token."""
    wrong = difference(seen, want)
    if wrong is not None:
        return wrong
    n, count = len(want), inputs["target"].numel()
    record = replay(record, n)
    borders = {rank: [place for place, each, _ in record.marks if each == rank] for rank in range(n)}
    sent = [0, 0, 0]  # in forward, in backward, and in what the experiment does afterwards
    for each in record.collectives:
        for rank, payload in each.payloads.items():
            sent[sum(each.called[rank] > border for border in borders[rank])] += payload.numel()
    for message in record.messages:  # a ring that sums V numbers sends 2(n-1)·V; each rank gives V of them
        phase = sum(message.sent > border for border in borders[message.src])
        sent[phase] += message.tensor.numel() * n / (2 * (n - 1))
    if sent[0] > 3 * count * n + 1e-6:
        return reject(
            "{count} ranks give {sent} numbers for {tokens} tokens: the logits stay where they are, and three numbers for each are enough.",
            count=n,
            sent=sent[0],
            tokens=count,
        )
    if sent[1]:
        return reject("Something is sent in backward: each rank has all that the gradient of its own logits needs.")
    return None


@check(points=2, inputs=scores, judge=judge_loss, lecture='the-loss-without-gathering', public=[case('two ranks, eight tokens', n=2, vocab=8, shape=(3,), target=[0, 4, 7]), case('a large logit on the first rank', n=2, vocab=9, shape=(2,), dtype='float64', raised=1, target=[6, 1]), case('the first of each rank is -inf', n=2, vocab=7, shape=(4,), masked=[0, 4], target=[1, 3, 5, 6])])
def loss_without_gathering(student, comm, logits, target, vocab):
    """vocab_parallel_cross_entropy gives every token's loss on every rank and the gradient of its own logits, with three numbers a token."""
    (mine,) = leaves(logits)
    loss = student.vocab_parallel_cross_entropy(mine, target, vocab, comm)
    comm.mark("backward begins")
    found = {"loss": loss.detach().clone(), "gradients": gradients(loss, {"logits": mine})}
    comm.mark("backward has ended")
    plain = student.vocab_parallel_cross_entropy(logits, target, vocab_size=vocab, comm=comm)
    other = student.vocab_parallel_cross_entropy(turned(2 * logits), target, vocab, comm)
    return found | {"without gradients": plain, "of twice the logits": other, "left": flags(logits, plain)}
