"""parallel/dp against the whole batch on one device, and against torch's own chunk, replicas by functional_call, and BatchNorm."""

import pytest
import torch
from torch import nn
from torch.func import functional_call

from autograder.lab.world import World


def model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()


def batch(size, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(size, 3, dtype=torch.float64, generator=generator), torch.randint(2, (size,), generator=generator)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 7])
@pytest.mark.parametrize("size", [1, 4, 5, 11])
def test_training_is_that_of_one_device(reference, n, size):
    whole = model(0)
    for step in range(3):
        x, target = batch(size, step)
        nn.functional.cross_entropy(whole(x), target).backward()  # gradients accumulate over the first two
        if step:
            with torch.no_grad():
                for p in whole.parameters():
                    p -= 0.1 * p.grad
            whole.zero_grad()

    def program(comm):
        net = model(comm.rank)
        dp = reference.DataParallelSim(net, comm)
        for step in range(3):
            x, target = batch(size, step) if comm.rank == 0 else (None, None)
            y = dp.forward(x)
            if comm.rank == 0:
                nn.functional.cross_entropy(y, target).backward()
            dp.backward(y.grad if comm.rank == 0 else None)
            assert comm.rank == 0 or all(p.grad is None for p in net.parameters())
            if step and comm.rank == 0:
                with torch.no_grad():
                    for p in net.parameters():
                        p -= 0.1 * p.grad
                net.zero_grad()
        return [p.detach() for p in net.parameters()]

    world = World(n)
    torch.testing.assert_close(world.run(program)[0], [p.detach() for p in whole.parameters()])
    weights = sum(p.numel() for p in whole.parameters())
    rule = reference.dp_traffic(weights * 8, 3 * 8, 2 * 8, size, n)
    sends = [each for each in world.events if each["event"] == "send"]
    out = sum(each["tensor"].numel() for each in sends if each["rank"] == 0) + 3 * (n - 1) * weights
    assert 8 * out == 3 * rule["sent"]
    assert 8 * sum(each["tensor"].numel() for each in sends if each["peer"] == 0) == 3 * rule["received"]


def by_functional_call(module, x, n):
    """As nn.DataParallel does: replicas that share the parameters; the first replica's buffers are the module's own."""
    outputs = []
    for index, rows in enumerate(x.chunk(n)):
        buffers = {name: each if index == 0 else each.clone() for name, each in module.named_buffers()}
        outputs.append(functional_call(module, {**dict(module.named_parameters()), **buffers}, rows))
    return torch.cat(outputs)


@pytest.mark.parametrize(("n", "size"), [(1, 4), (2, 5), (3, 9), (4, 8)])
def test_replicas_and_batch_norm_are_those_of_functional_call(reference, n, size):
    def build():
        torch.manual_seed(1)
        return nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 2)).double()

    x, _ = batch(size)
    theirs = build()
    want = by_functional_call(theirs, x, n)
    want.square().sum().backward()

    def program(comm):
        net = build()
        dp = reference.DataParallelSim(net, comm)
        y = dp.forward(x if comm.rank == 0 else None)
        if comm.rank == 0:
            y.square().sum().backward()
        dp.backward(y.grad if comm.rank == 0 else None)
        return y, net

    y, net = World(n).run(program)[0]
    torch.testing.assert_close(y.detach(), want.detach())
    torch.testing.assert_close(net.state_dict(), theirs.state_dict())
    torch.testing.assert_close([p.grad for p in net.parameters()], [p.grad for p in theirs.parameters()])


@pytest.mark.parametrize("sizes", [[1], [3, 1], [4, 4, 2], [1, 2, 3, 4]])
def test_means_of_chunks_combine_to_the_whole_mean(reference, sizes):
    rows = torch.randn(sum(sizes), dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(reference.combine_means([each.mean() for each in rows.split(sizes)], sizes), rows.mean())
