"""parallel/tensor_parallel against torch.distributed.tensor.parallel (gloo, two processes), and against the whole model in float64."""

import os
import subprocess
import sys
import tempfile

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.lab.world import World


def numbers(seed, *shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.up, self.down = nn.Embedding(8, 6), nn.Linear(6, 8), nn.Linear(8, 6)
        self.head = nn.Linear(6, 8, bias=False)
        with torch.no_grad():
            for index, p in enumerate(self.parameters()):
                p.copy_(numbers(index, *p.shape, dtype=torch.float32))

    def forward(self, ids):
        return self.head(self.down(F.gelu(self.up(self.embed(ids)))))


IDS = torch.tensor([[0, 3, 4], [7, 5, 1]])
TARGET = torch.tensor([[3, 4, 0], [5, 7, 2]])


def under_gloo(rank, folder):
    """One process of the oracle."""
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.tensor import Replicate, Shard
    from torch.distributed.tensor.parallel import (
        ColwiseParallel,
        RowwiseParallel,
        loss_parallel,
        parallelize_module,
    )

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        net = parallelize_module(
            MLP(),
            init_device_mesh("cpu", (2,)),
            {
                "embed": RowwiseParallel(input_layouts=Replicate()),
                "up": ColwiseParallel(),
                "down": RowwiseParallel(),
                "head": ColwiseParallel(output_layouts=Shard(-1), use_local_output=False),
            },
        )
        with loss_parallel():
            loss = F.cross_entropy(net(IDS).flatten(0, 1), TARGET.flatten())
            loss.backward()
        shards = {name: p.grad.redistribute(placements=p.placements).to_local().clone() for name, p in net.named_parameters()}
        torch.save((loss.detach().full_tensor() if hasattr(loss, "full_tensor") else loss.detach(), shards), f"{folder}/{rank}.pt")
    finally:
        dist.destroy_process_group()


@pytest.mark.slow  # DTensor is imported in each process
def test_shards_losses_and_gradients_are_those_of_pytorch(reference):
    with tempfile.TemporaryDirectory() as folder:
        # A fresh process forks the two ranks: this one may have threads by now, and a fork would inherit the locks that they hold.
        subprocess.run([sys.executable, __file__, folder], check=True, timeout=300)
        want = [torch.load(os.path.join(folder, f"{rank}.pt")) for rank in range(2)]

    def program(comm):
        net = MLP()
        embed = reference.VocabParallelEmbedding(net.embed.weight, comm)
        mlp = reference.ParallelMLP(net.up.weight, net.up.bias, net.down.weight, net.down.bias, comm)
        head = reference.ColumnParallelLinear(net.head.weight, None, comm)
        loss = reference.vocab_parallel_cross_entropy(head(mlp(embed(IDS))), TARGET, 8, comm).mean()
        loss.backward()
        parts = {"embed": embed, "up": mlp.up, "down": mlp.down, "head": head}
        return loss.detach(), {f"{name}.{each}": p.grad for name, part in parts.items() for each, p in part.named_parameters()}

    for got, right in zip(World(2).run(program), want, strict=True):
        torch.testing.assert_close(got, right)


def whole_block(x, w, heads, kv_heads):
    """Attention and MLP on one device, head by head."""
    width = w["out"].shape[1] // heads
    q, k, v = (x @ w["qkv"].T).split([heads * width, kv_heads * width, kv_heads * width], -1)
    q, k, v = (each.unflatten(-1, (-1, width)) for each in (q, k, v))
    mask = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
    outputs = []
    for head in range(heads):
        group = head // (heads // kv_heads)
        scores = torch.einsum("btd,bsd->bts", q[:, :, head], k[:, :, group]) / width**0.5
        outputs.append(scores.masked_fill(~mask, -torch.inf).softmax(-1) @ v[:, :, group])
    h = x + torch.cat(outputs, -1) @ w["out"].T
    return h + F.gelu(h @ w["up"].T + w["up_bias"]) @ w["down"].T + w["down_bias"]


@pytest.mark.parametrize(("n", "heads", "kv_heads"), [(1, 2, 1), (2, 4, 2), (2, 2, 2), (3, 6, 3), (4, 8, 4), (4, 4, 4)])
def test_a_block_is_that_of_one_device(reference, n, heads, kv_heads):
    shapes = {
        "qkv": ((heads + 2 * kv_heads) * 3, 5),
        "out": (5, heads * 3),
        "up": (12, 5),
        "up_bias": (12,),
        "down": (5, 12),
        "down_bias": (5,),
    }
    w = {name: (numbers(index, *shape) / 3).requires_grad_() for index, (name, shape) in enumerate(shapes.items())}
    x = numbers(9, 2, 4, 5)
    whole = whole_block(x, w, heads, kv_heads)
    (whole * numbers(10, 2, 4, 5)).sum().backward()

    def program(comm):
        attention = reference.ParallelAttention(w["qkv"].detach(), w["out"].detach(), heads, kv_heads, comm)
        mlp = reference.ParallelMLP(*(w[name].detach() for name in ("up", "up_bias", "down", "down_bias")), comm)
        mine = x.clone().requires_grad_()
        h = mine + attention(mine)
        y = h + mlp(h)
        (y * numbers(10, 2, 4, 5)).sum().backward()
        r = comm.rank
        torch.testing.assert_close(y, whole)
        expected = reference.shard_qkv(w["qkv"].grad, heads, kv_heads, r, n)
        torch.testing.assert_close(attention.qkv.grad, expected)
        torch.testing.assert_close(attention.out.weight.grad, w["out"].grad.chunk(n, 1)[r])
        torch.testing.assert_close(mlp.up.weight.grad, w["up"].grad.chunk(n, 0)[r])
        torch.testing.assert_close(mlp.down.weight.grad, w["down"].grad.chunk(n, 1)[r])
        torch.testing.assert_close(mlp.down.bias.grad, w["down_bias"].grad)
        return len(attention.qkv)

    world = World(n)
    assert sum(world.run(program)) == len(w["qkv"])
    sums = [each for each in world.events if each["event"] == "call"]
    assert len(sums) == 4 * n and all(each["tensor"].numel() == x.numel() for each in sums)


@pytest.mark.parametrize("n", [1, 2, 3, 5])
@pytest.mark.parametrize("scale", [1.0, 1e4])
def test_the_loss_is_that_of_one_device(reference, n, scale):
    for vocab in (5, 8, 13):
        logits = (scale * numbers(vocab, 7, vocab)).requires_grad_()
        target = torch.randint(vocab, (7,), generator=torch.Generator().manual_seed(vocab))
        want = F.cross_entropy(logits, target, reduction="none")
        (grad,) = torch.autograd.grad(want.square().sum(), logits)

        def program(comm, logits=logits, target=target, vocab=vocab):
            start, end = reference.vocab_range(vocab, comm.rank, comm.size)
            mine = logits.detach()[:, start:end].clone().requires_grad_()
            loss = reference.vocab_parallel_cross_entropy(mine, target, vocab, comm)
            return loss, *torch.autograd.grad(loss.square().sum(), mine)

        got = World(n).run(program)
        for loss, _ in got:
            torch.testing.assert_close(loss, want)
        torch.testing.assert_close(torch.cat([each for _, each in got], 1), grad)


@pytest.mark.parametrize(("heads", "kv_heads", "n"), [(8, 8, 4), (8, 2, 4), (8, 1, 8), (12, 3, 6), (4, 4, 1), (32, 8, 16)])
def test_every_rank_has_the_heads_that_its_queries_use(reference, heads, kv_heads, n):
    rows = torch.arange((heads + 2 * kv_heads) * 2.0).unsqueeze(1)
    for rank in range(n):
        got = reference.shard_qkv(rows, heads, kv_heads, rank, n).flatten().long() // 2
        mine = [head for head in range(heads) if head * n // heads == rank]
        used = sorted({head // (heads // kv_heads) for head in mine})
        want = [*mine, *(heads + each for each in used), *(heads + kv_heads + each for each in used)]
        assert got[::2].tolist() == got[1::2].tolist() == want


if __name__ == "__main__":
    torch.multiprocessing.start_processes(under_gloo, (sys.argv[1],), nprocs=2, start_method="fork")
