"""parallel/zero_stages against plain Adam on the whole batch, and PyTorch's ZeroRedundancyOptimizer and FSDP2 (gloo, two processes)."""

import os
import subprocess
import sys
import tempfile

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.lab.world import World


def model():
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 3), nn.Tanh(), nn.Linear(3, 1)).double()


def batch(rank, step, size=4):
    return torch.randn(size, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(10 * rank + step))


def plain(n, steps):
    """Adam on one device with the batches of all ranks."""
    net = model()
    optimizer = torch.optim.Adam(net.parameters(), lr=0.02)
    for step in range(steps):
        optimizer.zero_grad()
        net(torch.cat([batch(rank, step) for rank in range(n)])).pow(2).mean().backward()
        optimizer.step()
    return [p.detach() for p in net.parameters()]


def sent(world):
    """Numbers of the reduce-scatters and all-gathers, whole."""
    calls = [each for each in world.events if each["event"] == "call" and each["rank"] == 0]
    assert {each["op"] for each in calls} <= {"reduce_scatter", "all_gather"}
    return sum(each["tensor"].numel() * (world.size if each["op"] == "all_gather" else 1) for each in calls)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("stage", [1, 2])
def test_stages_1_and_2_train_as_one_device_does(reference, n, stage):
    def program(comm):
        net = model()
        optimizer = (reference.Zero1 if stage == 1 else reference.Zero2)(list(net.parameters()), 0.02, comm)
        for step in range(5):
            net.zero_grad()
            net(batch(comm.rank, step)).pow(2).mean().backward()
            optimizer.step()
        return list(net.parameters()), sum(state["m"].numel() for state in optimizer.state)

    world = World(n)
    want, psi = plain(n, 5), sum(-(-p.numel() // n) * n for p in model().parameters())
    for weights, kept in world.run(program):
        torch.testing.assert_close([p.detach() for p in weights], want)
        assert kept == psi // n
    assert sent(world) == 5 * 2 * psi


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
def test_stage_3_trains_as_one_device_does(reference, n):
    def program(comm):
        net = model()
        layers = [
            reference.Zero3Layer(lambda x, w: torch.tanh(F.linear(x, *w)), [net[i].weight, net[i].bias], comm) for i in (0, 2)
        ]
        layers.append(reference.Zero3Layer(lambda x, w: F.linear(x, *w), [net[4].weight, net[4].bias], comm))
        shards = [p for layer in layers for p in layer.shards]
        optimizer = torch.optim.Adam(shards, lr=0.02)
        for step in range(5):
            optimizer.zero_grad()
            h = batch(comm.rank, step)
            for layer in layers:
                h = layer(h)
            h.pow(2).mean().backward()
            optimizer.step()
        return [p.detach() for p in shards]

    world = World(n)
    parts = world.run(program)
    whole = reference.consolidate(parts, [tuple(p.shape) for p in model().parameters()])
    torch.testing.assert_close(whole, plain(n, 5))
    assert sent(world) == 5 * 3 * sum(-(-p.numel() // n) * n for p in model().parameters())


def under_gloo(rank, folder):
    """One process of the oracle: ZeroRedundancyOptimizer, then FSDP2."""
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard
    from torch.distributed.optim import ZeroRedundancyOptimizer
    from torch.nn.parallel import DistributedDataParallel

    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        net = model()
        ddp = DistributedDataParallel(net)
        optimizer = ZeroRedundancyOptimizer(net.parameters(), torch.optim.Adam, lr=0.02)
        for step in range(3):
            optimizer.zero_grad()
            ddp(batch(rank, step)).pow(2).mean().backward()
            optimizer.step()
        zero = [p.detach().clone() for p in net.parameters()]
        sharded = model()
        mesh = init_device_mesh("cpu", (2,))
        for layer in (*[each for each in sharded if isinstance(each, nn.Linear)], sharded):
            fully_shard(layer, mesh=mesh)
        adam = torch.optim.Adam(sharded.parameters(), lr=0.02)
        for step in range(3):
            adam.zero_grad()
            sharded(batch(rank, step)).pow(2).mean().backward()
            adam.step()
        torch.save((zero, [p.detach().full_tensor() for p in sharded.parameters()]), f"{folder}/{rank}.pt")
    finally:
        dist.destroy_process_group()


@pytest.mark.slow  # DTensor is imported in each process
def test_pytorch_trains_to_the_same_weights(reference):
    with tempfile.TemporaryDirectory() as folder:
        # A fresh process forks the two ranks: this one may have threads by now, and a fork would inherit the locks that they hold.
        subprocess.run([sys.executable, __file__, folder], check=True, timeout=300)
        found = [torch.load(os.path.join(folder, f"{rank}.pt")) for rank in range(2)]

    def program(comm):
        net = model()
        optimizer = reference.Zero2(list(net.parameters()), 0.02, comm)
        for step in range(3):
            net(batch(comm.rank, step)).pow(2).mean().backward()
            optimizer.step()
        return [p.detach() for p in net.parameters()]

    for got, (zero, sharded) in zip(World(2).run(program), found, strict=True):
        torch.testing.assert_close(got, zero)
        torch.testing.assert_close(got, sharded)


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_parts_are_those_of_a_brute_force(reference, n):
    for size in (1, 2, 7, 8, 15):
        x = torch.arange(1.0, size + 1)

        def program(comm, x=x):
            part = reference.shard(x, comm)
            return part, reference.unshard(part, x.shape, comm), reference.reduce_shard(x * (comm.rank + 1), comm)

        each = (size + n - 1) // n
        for rank, (part, whole, mean) in enumerate(World(n).run(program)):
            want = [float(i + 1) if i < size else 0.0 for i in range(rank * each, rank * each + each)]
            assert part.tolist() == want
            assert whole.tolist() == x.tolist()
            torch.testing.assert_close(mean, torch.tensor(want) * (n + 1) / 2)


if __name__ == "__main__":
    torch.multiprocessing.start_processes(under_gloo, (sys.argv[1],), nprocs=2, start_method="fork")
