"""Wrong implementations of parallel/tensor_parallel, and what a student should read about each."""

import torch
import torch.nn.functional as F
from torch import nn

from autograder.checks import mistake

# --- f and g ---
mistake(
    "Your copy_to_ranks hands the gradient through: each rank then has only its own part of it. Sum the gradients over ranks in backward.",
    edit={"return ctx.comm.all_reduce(grad.clone()), None": "return grad.clone(), None"},
)
mistake(
    "Your reduce_from_ranks sums the gradients too. All ranks have the whole gradient already, so yours is n times too large.",
    edit={
        "    def forward(ctx, x, comm):\n        return comm": "    def forward(ctx, x, comm):\n        ctx.comm = comm\n        return comm",
        "        return grad, None": "        return ctx.comm.all_reduce(grad.clone()), None",
    },
)
mistake(
    "Your copy_to_ranks sums x over ranks in forward. x is the same everywhere; only its gradients are summed.",
    edit={"        return x.view_as(x)": "        return comm.all_reduce(x.clone())"},
)
mistake(
    "Your copy_to_ranks sums into the gradient that it is given. In x + f(x) the other path gets the same tensor: sum a copy.",
    edit={"return ctx.comm.all_reduce(grad.clone()), None": "return ctx.comm.all_reduce(grad), None"},
)
mistake(
    "Your reduce_from_ranks takes the mean over ranks. The partial products add up: take the sum.",
    edit={"        return comm.all_reduce(x.clone())": "        return comm.all_reduce(x.clone()) / comm.size"},
)
mistake(
    "Your copy_to_ranks takes the mean of the gradients. A rank's gradient is a part of the whole one: take the sum.",
    edit={"return ctx.comm.all_reduce(grad.clone()), None": "return ctx.comm.all_reduce(grad.clone()) / ctx.comm.size, None"},
)
mistake(
    "Your reduce_from_ranks writes the sum into x: all_reduce works in place. Give it a copy.",
    edit={"        return comm.all_reduce(x.clone())": "        total = comm.all_reduce(x)\n        return total.clone()"},
)
mistake(
    "Your reduce_from_ranks calls all_reduce alone, which no gradient passes. Write an autograd function with a backward of its own.",
    edit={"    return _Reduce.apply(x, comm)": "    return comm.all_reduce(x.detach().clone())"},
)
mistake(
    "Your reduce_from_ranks returns one buffer in every call, so an earlier result changes. Return a new tensor.",
    edit={
        "    return _Reduce.apply(x, comm)": "    result = _Reduce.apply(x, comm)\n"
        "    if not hasattr(comm, 'kept') or comm.kept.shape != x.shape:\n        comm.kept = torch.empty_like(x).detach()\n"
        "    comm.kept.copy_(result.detach())\n"
        "    return result - result.detach() + comm.kept if result.requires_grad else comm.kept"
    },
)

# --- linear layers ---
mistake(
    "Every rank adds the bias before the sum, so it counts n times. Add it once, after the all-reduce.",
    edit={
        "        y = reduce_from_ranks(F.linear(x, self.weight), self.comm)\n        return y if self.bias is None else y + self.bias": ""
        "        return reduce_from_ranks(F.linear(x, self.weight, self.bias), self.comm)"
    },
)
mistake(
    "Only rank 0 adds the bias, and after the sum: the other ranks go on without it.",
    edit={"return y if self.bias is None else y + self.bias": "return y if self.bias is None or self.comm.rank else y + self.bias"},
)
mistake(
    "Rank 0 alone adds the bias, before the sum. The values are right, but the other ranks' copies of the bias get no gradient "
    "and go apart from rank 0's. Add it on every rank after the sum.",
    edit={
        "        y = reduce_from_ranks(F.linear(x, self.weight), self.comm)\n        return y if self.bias is None else y + self.bias": ""
        "        return reduce_from_ranks(F.linear(x, self.weight, None if self.comm.rank else self.bias), self.comm)"
    },
)
mistake(
    "Your column-parallel layer uses x without copy_to_ranks: its gradient is only this rank's part.",
    edit={"F.linear(copy_to_ranks(x, self.comm), self.weight, self.bias)": "F.linear(x, self.weight, self.bias)"},
)
mistake(
    "Your column-parallel layer splits the inputs. It is the outputs that are shared: dimension 0 of PyTorch's weight (out, in).",
    edit={"nn.Parameter(shard(weight, 0, comm.rank, comm.size))": "nn.Parameter(shard(weight.T, 0, comm.rank, comm.size).T)"},
    crashes=True,
)
mistake(
    "Your row-parallel layer keeps the shard with the rank's number counted from the end. Rank r has the r-th part of the inputs.",
    edit={"shard(weight, 1, comm.rank, comm.size)": "shard(weight, 1, comm.size - 1 - comm.rank, comm.size)"},
)
mistake(
    "Your column-parallel layer sums its outputs over ranks. Each rank keeps its own part: they belong to different outputs.",
    edit={
        "        return F.linear(copy_to_ranks(x, self.comm), self.weight, self.bias)": ""
        "        return reduce_from_ranks(F.linear(copy_to_ranks(x, self.comm), self.weight, self.bias), self.comm)"
    },
)
mistake(
    "Your column-parallel layer adds no bias. Each rank adds its part of the bias to its part of the outputs.",
    edit={"F.linear(copy_to_ranks(x, self.comm), self.weight, self.bias)": "F.linear(copy_to_ranks(x, self.comm), self.weight)"},
)
mistake(
    "Your row-parallel layer passes its input through copy_to_ranks. The input differs from rank to rank, and its gradient is whole.",
    edit={
        "        y = reduce_from_ranks(F.linear(x, self.weight), self.comm)": ""
        "        y = reduce_from_ranks(F.linear(copy_to_ranks(x, self.comm), self.weight), self.comm)"
    },
)

# --- what is held ---
mistake(
    "Your shard is a view of the whole weight: all of it stays in memory on every rank. Make a contiguous copy.",
    edit={"x.chunk(n, dim)[rank].clone(memory_format=torch.contiguous_format)": "x.chunk(n, dim)[rank]"},
)
mistake(
    "Your shard is a copy, but not a contiguous one where it is cut from a transposed tensor. Ask for the contiguous format.",
    edit={"x.chunk(n, dim)[rank].clone(memory_format=torch.contiguous_format)": "x.chunk(n, dim)[rank].clone()"},
)
mistake(
    "Your embedding keeps a view of the whole table. Clone the rows of this rank.",
    edit={"nn.Parameter(weight[self.start : self.end].clone())": "nn.Parameter(weight[self.start : self.end])"},
)
mistake(
    "Your row-parallel layer takes the caller's bias as its parameter without a copy: training then changes it.",
    edit={"nn.Parameter(bias.clone())": "nn.Parameter(bias)"},
)
mistake(
    "You keep the shards as plain tensors, not as parameters: no optimizer finds them and they are not trained.",
    edit={
        "        self.weight = nn.Parameter(shard(weight, 1, comm.rank, comm.size))": ""
        "        self.register_parameter('bias', None)\n        self.weight = shard(weight, 1, comm.rank, comm.size)"
    },
)
mistake(
    "Where n does not divide the size, your shard gives the parts of torch.chunk. Raise ValueError.",
    edit={"    if x.shape[dim] % n:\n        raise": "    if x.shape[dim] < n:\n        raise"},
)
mistake(
    "Where the sizes don't fit, you use assert, which raises AssertionError. Raise ValueError.",
    edit={
        "        raise ValueError(f\"{n} ranks can't share {x.shape[dim]} equally\")": ""
        "        raise AssertionError(f\"{n} ranks can't share {x.shape[dim]} equally\")"
    },
)


@mistake(
    "Your embedding holds the whole table on every rank and sends nothing. Each rank has only the rows of its own tokens."
)
class VocabParallelEmbedding(nn.Module):
    def __init__(self, weight, comm):
        super().__init__()
        if len(weight) < comm.size:
            raise ValueError("too few tokens")
        self.weight = nn.Parameter(weight.clone())

    def forward(self, ids):
        return F.embedding(ids, self.weight)


# --- heads ---
mistake(
    "You cut the joined projection into n equal pieces from top to bottom: rank 0 gets queries only. "
    "Share queries, keys and values each for itself.",
    edit={"    return torch.cat([shard(q, 0, rank, n), shard(k, 0, mine, parts), shard(v, 0, mine, parts)])": ""
          "    return shard(weight, 0, rank, n) if parts == n else torch.cat([shard(q, 0, rank, n), shard(k, 0, mine, parts), "
          "shard(v, 0, mine, parts)])"},
)  # fmt: skip
mistake(
    "You take the width of a head from the columns, C / n_heads. It is in the rows: a head may be wider or narrower than that.",
    edit={"    width = weight.shape[0] // (n_heads + 2 * n_kv_heads)": "    width = weight.shape[1] // n_heads",
          "q, k, v = weight.split([n_heads * width, n_kv_heads * width, n_kv_heads * width])": ""
          "q, k, v = weight[: n_heads * width], weight[n_heads * width :][: n_kv_heads * width], weight[(n_heads + n_kv_heads) * width :]"
          "[: n_kv_heads * width]"},
    crashes=True,
)  # fmt: skip
mistake(
    "With fewer key heads than ranks, you deal the heads out in turn: rank r gets head r % n_kv_heads. "
    "Neighbouring ranks share a head, as neighbouring query heads do.",
    edit={"    mine = rank * parts // n": "    mine = rank % parts"},
)
mistake(
    "With fewer key heads than ranks, every rank gets all key heads. It needs only the one that its query heads use.",
    edit={
        "    return torch.cat([shard(q, 0, rank, n), shard(k, 0, mine, parts), shard(v, 0, mine, parts)])": ""
        "    return torch.cat([shard(q, 0, rank, n), k, v] if parts < n else "
        "[shard(q, 0, rank, n), shard(k, 0, mine, parts), shard(v, 0, mine, parts)])"
    },
)
mistake(
    "Your heads are refused only where n does not divide the query heads. Look at the key heads as well.",
    edit={"    if n_heads % n or n_heads % n_kv_heads or (n_kv_heads % n and n % n_kv_heads):": "    if n_heads % n:"},
)
mistake(
    "Your heads are refused by the number of rows alone: three heads of two rows can be cut in two, but not into whole heads.",
    edit={"    if n_heads % n or n_heads % n_kv_heads or": "    if n_heads % n_kv_heads or"},
)
mistake(
    "You don't refuse numbers of ranks and key heads of which neither divides the other.",
    edit={" or (n_kv_heads % n and n % n_kv_heads):": ":"},
)
mistake(
    "You don't look whether the rows of the joined projection fit the heads: the width is rounded down and rows are lost.",
    edit={
        "    q, k, v = weight.split([n_heads * width, n_kv_heads * width, n_kv_heads * width])": ""
        "    q, k, v = weight[: (n_heads + 2 * n_kv_heads) * width].split([n_heads * width, n_kv_heads * width, n_kv_heads * width])",
        "    if weight.shape[0] % (n_heads + 2 * n_kv_heads):\n        raise": "    if weight.shape[0] < n_heads:\n        raise",
    },
)
mistake(
    "Your attention is not causal: a position sees later ones.",
    edit={"is_causal=True, enable_gqa=True": "enable_gqa=True"},
)
mistake(
    "You put keys and values side by side with the queries in groups: queries of a group must use neighbouring heads, h // group, "
    "not h % n_kv_heads.",
    edit={
        "F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)": ""
        "F.scaled_dot_product_attention(q, k.repeat(1, h // kv, 1, 1), v.repeat(1, h // kv, 1, 1), is_causal=True)"
    },
)
mistake(
    "You use copy_to_ranks for queries, keys and values each: three all-reduces in backward. Copy x once, before the joined projection.",
    edit={
        "        heads = F.linear(copy_to_ranks(x, self.comm), self.qkv).unflatten": ""
        "        width = self.qkv.shape[0] // (h + 2 * kv)\n"
        "        pieces = self.qkv.split([h * width, kv * width, kv * width])\n"
        "        heads = torch.cat([F.linear(copy_to_ranks(x, self.comm), each) for each in pieces], -1).unflatten"
    },
)
mistake(
    "Your attention forgets copy_to_ranks before the projection: the gradient of x is only what this rank's heads give.",
    edit={"heads = F.linear(copy_to_ranks(x, self.comm), self.qkv)": "heads = F.linear(x, self.qkv)"},
)
mistake(
    "You scale the scores by the width of all heads together, 1/√(H·D), or by the model's. Each head has the scale 1/√D.",
    edit={"is_causal=True, enable_gqa=True)": "is_causal=True, enable_gqa=True, scale=x.shape[-1] ** -0.5)"},
)
mistake(
    "You join the outputs of the heads without bringing heads next to their widths: transpose back before you flatten.",
    edit={"mixed.transpose(1, 2).flatten(2)": "mixed.flatten(1).view(*x.shape[:2], -1)"},
)
mistake(
    "Your attention shares one key head among several ranks where n does not divide n_kv_heads: its copies get different gradients. "
    "Raise ValueError.",
    edit={
        "        if n_kv_heads % comm.size:\n            raise ValueError(f\"{comm.size} ranks can't share {n_kv_heads} key heads\")\n": "",
        "n_kv_heads // comm.size\n": "max(1, n_kv_heads // comm.size)\n",
    },
)


@mistake(
    "Your MLP sums the partial results of the first layer and applies gelu to the whole on every rank. "
    "gelu works on each output alone: keep the parts, and sum once, after the second layer."
)
class ParallelMLP(nn.Module):
    def __init__(self, up, up_bias, down, down_bias, comm):
        super().__init__()
        self.comm = comm
        self.up = ColumnParallelLinear(up, up_bias, comm)
        self.down = RowParallelLinear(down, down_bias, comm)

    def forward(self, x):
        mine = F.gelu(self.up(x))
        wide = torch.zeros(*mine.shape[:-1], mine.shape[-1] * self.comm.size, dtype=x.dtype)
        parts = list(wide.chunk(self.comm.size, -1))
        parts[self.comm.rank] = mine
        h = reduce_from_ranks(torch.cat(parts, -1), self.comm)
        return self.down(h.chunk(self.comm.size, -1)[self.comm.rank])


mistake(
    "Your MLP splits the first layer by rows and the second by columns, or applies gelu to partial sums: gelu(a) + gelu(b) is not gelu(a + b).",
    edit={"return self.down(F.gelu(self.up(x)))": "return F.gelu(self.down(self.up(x)))"},
)
mistake(
    "Your MLP uses the tanh approximation of gelu. The exact one is asked for: `F.gelu` without options.",
    edit={"F.gelu(self.up(x))": 'F.gelu(self.up(x), approximate="tanh")'},
)

# --- the vocabulary ---
mistake(
    "You give all ranks but the last ⌈V/n⌉ tokens. The first V % n ranks have one token more than the others, as tensor_split cuts.",
    edit={
        "    return rank * size + min(rank, more), (rank + 1) * size + min(rank + 1, more)": ""
        "    size += more > 0\n    return min(rank * size, vocab_size), min((rank + 1) * size, vocab_size)"
    },
)
mistake(
    "Your last rank takes all the tokens that are left over. The first V % n ranks take one more each.",
    edit={
        "    return rank * size + min(rank, more), (rank + 1) * size + min(rank + 1, more)": ""
        "    return rank * size, vocab_size if rank == n - 1 else (rank + 1) * size"
    },
)
mistake(
    "Your vocab_range leaves the last V % n tokens to nobody.",
    edit={"    return rank * size + min(rank, more), (rank + 1) * size + min(rank + 1, more)": "    return rank * size, (rank + 1) * size"},
)
mistake(
    "Your vocab_range gives some ranks no tokens where there are fewer tokens than ranks. Raise ValueError.",
    edit={"    if vocab_size < n:": "    if vocab_size < 1:"},
)
mistake(
    "Your embedding looks ids up without taking off the first token of the rank: `weight` begins at `start`.",
    edit={"F.embedding((ids - self.start).where(here, 0), self.weight)": "F.embedding(ids.where(here, 0) % len(self.weight), self.weight)"},
)
mistake(
    "Your embedding does not put zeros for tokens of other ranks: row 0 of every other rank is added.",
    edit={"reduce_from_ranks(rows * here.unsqueeze(-1), self.comm)": "reduce_from_ranks(rows, self.comm)"},
)
mistake(
    "Your mask takes the token after the last one of the rank for its own: ids end before `end`.",
    edit={
        "here = (ids >= self.start) & (ids < self.end)": "here = (ids >= self.start) & (ids <= self.end)",
        "(ids - self.start).where(here, 0)": "(ids - self.start).where(here, 0).clamp(max=len(self.weight) - 1)",
    },
)
mistake(
    "Your embedding is not summed over ranks: each rank has zeros where another rank has the token.",
    edit={"reduce_from_ranks(rows * here.unsqueeze(-1), self.comm)": "rows * here.unsqueeze(-1)"},
)

# --- the loss ---
mistake(
    "You take out the maximum of this rank's logits. exp of two ranks then stand on different scales: take the maximum over all ranks.",
    edit={'largest = comm.all_reduce(logits.detach().amax(-1), op="max")': "largest = logits.detach().amax(-1)"},
)
mistake(
    "You take no maximum out, so exp overflows.",
    edit={'largest = comm.all_reduce(logits.detach().amax(-1), op="max")': "largest = torch.zeros_like(logits[..., 0])"},
)
mistake(
    "You sum the maxima over ranks. Use op=\"max\".",
    edit={'logits.detach().amax(-1), op="max")': "logits.detach().amax(-1))"},
)
mistake(
    "Your loss sums exp over this rank's tokens only: each rank normalises for itself.",
    edit={"total = reduce_from_ranks(logits.exp().sum(-1), comm)": "total = logits.exp().sum(-1)"},
)
mistake(
    "Targets of other ranks are looked up here as well (at place 0) and added. Put a zero where the target is not on this rank.",
    edit={"reduce_from_ranks(mine.where(here, 0), comm)": "reduce_from_ranks(mine, comm)"},
)
mistake(
    "Where the target is on another rank you multiply by 0, and 0 · -inf is nan. Use `where`.",
    edit={"reduce_from_ranks(mine.where(here, 0), comm)": "reduce_from_ranks(mine * here, comm)"},
)
mistake(
    "You look the target up without taking off the rank's first token.",
    edit={"(target - start).where(here, 0).unsqueeze(-1)": "(target % logits.shape[-1]).where(here, 0).unsqueeze(-1)"},
)
mistake(
    "You take rank times the number of this rank's logits for its first token. Ranks may have different numbers: use vocab_range.",
    edit={"    start, end = vocab_range(vocab_size, comm.rank, comm.size)": ""
          "    start = comm.rank * logits.shape[-1]\n    end = start + logits.shape[-1]"},
)  # fmt: skip
mistake(
    "You gather the logits of all ranks: that is the traffic which this loss avoids. Three numbers a token are enough.",
    edit={
        "    total = reduce_from_ranks(logits.exp().sum(-1), comm)": ""
        "    widest = -(-vocab_size // comm.size)\n"
        "    comm.all_gather(F.pad(logits.detach(), (0, widest - logits.shape[-1])))\n"
        "    total = reduce_from_ranks(logits.exp().sum(-1), comm)"
    },
)
mistake(
    "Your loss adds all_reduce without a gradient: log Σ exp then has none, and the gradient is only minus 1 at the target.",
    edit={"total = reduce_from_ranks(logits.exp().sum(-1), comm)": "total = comm.all_reduce(logits.detach().exp().sum(-1))"},
)
mistake(
    "Your loss is the mean over tokens. Return one number for each token.",
    edit={
        "    return total.log() - reduce_from_ranks(mine.where(here, 0), comm)": ""
        "    return (total.log() - reduce_from_ranks(mine.where(here, 0), comm)).mean()"
    },
)
mistake(
    "Your loss has the other sign: it is log Σ exp minus the target's logit.",
    edit={
        "    return total.log() - reduce_from_ranks(mine.where(here, 0), comm)": ""
        "    return reduce_from_ranks(mine.where(here, 0), comm) - total.log()"
    },
)
mistake(
    "You take the maximum out of the caller's logits in place. Compute a new tensor.",
    edit={
        "    logits = logits - largest.unsqueeze(-1)": ""
        "    with torch.no_grad():\n        logits.data -= largest.unsqueeze(-1)"
    },
)
mistake(
    "Your loss is computed in float32 whatever the dtype of the logits. float64 stays float64.",
    edit={
        '    largest = comm.all_reduce(logits.detach().amax(-1), op="max")': ""
        '    dtype, logits = logits.dtype, logits.float()\n    largest = comm.all_reduce(logits.detach().amax(-1), op="max")',
        "    return total.log() - reduce_from_ranks(mine.where(here, 0), comm)": ""
        "    return (total.log() - reduce_from_ranks(mine.where(here, 0), comm)).to(dtype)",
    },
)
mistake(
    "You multiply 0 or 1 into a one-hot table of the logits, and 0 · -inf is nan.",
    edit={
        "    mine = logits.gather(-1, (target - start).where(here, 0).unsqueeze(-1)).squeeze(-1)": ""
        "    mine = (logits * F.one_hot((target - start).where(here, 0), logits.shape[-1])).sum(-1)"
    },
)
mistake(
    "You also send something in backward: the gradient of a rank's logits needs its own logits and Σ exp, which the rank has.",
    edit={"    logits = logits - largest.unsqueeze(-1)": "    logits = _Spread.apply(logits, comm) - largest.unsqueeze(-1)",
          "class _Reduce(torch.autograd.Function):": "class _Spread(torch.autograd.Function):\n    @staticmethod\n"
          "    def forward(ctx, x, comm):\n        ctx.comm = comm\n        return x.view_as(x)\n\n    @staticmethod\n"
          "    def backward(ctx, grad):\n        ctx.comm.all_reduce(grad.sum(-1))\n        return grad, None\n\n\n"
          "class _Reduce(torch.autograd.Function):"},
)  # fmt: skip
mistake(
    "You take the maximum and 0, whichever is larger, out of the logits: where all are far below 0, Σ exp is 0. Take the maximum itself.",
    edit={'op="max")\n': 'op="max").clamp(min=0)\n'},
)
mistake(
    "Your causal mask is made once, for 64 positions. A text may be longer.",
    edit={
        "        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)": ""
        "        seen = torch.ones(64, 64, dtype=torch.bool).tril()[: x.shape[1], : x.shape[1]]\n"
        "        mixed = F.scaled_dot_product_attention(q, k, v, attn_mask=seen, enable_gqa=True)"
    },
    crashes=True,
)
