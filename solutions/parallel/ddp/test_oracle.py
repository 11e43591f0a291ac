"""parallel/ddp against PyTorch's own DistributedDataParallel (gloo, two processes) and its process groups."""

import os
import subprocess
import sys
import tempfile

import pytest
import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from autograder.lab.world import World


def model(seed):
    torch.manual_seed(seed)
    return nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 4), nn.Tanh(), nn.Linear(4, 1))


class Skipping(nn.Module):
    """A net of which rank 1 uses one layer less."""

    def __init__(self, skip):
        super().__init__()
        self.net, self.skip = model(0), skip
        self.extra = nn.Linear(1, 1)

    def forward(self, x):
        y = self.net(x)
        return y if self.skip else self.extra(y)


def batch(rank, step):
    return torch.randn(4, 3, generator=torch.Generator().manual_seed(10 * rank + step))


def steps(ddp, net, rank, finalize):
    """Two synchronised steps around one that accumulates; what PyTorch and ours must agree about."""
    seen = []
    for step in range(4):
        if step != 2:
            net.zero_grad()
        if step == 1:
            with ddp.no_sync():
                ddp(batch(rank, step)).pow(2).mean().backward()
            continue
        ddp(batch(rank, step)).pow(2).mean().backward()
        finalize()
        seen.append([p.grad.clone() for p in net.parameters()])
        with torch.no_grad():
            for p in net.parameters():
                p -= 0.1 * p.grad
    return seen + [[value.clone() for value in net.state_dict().values()]]


def under_gloo(rank, folder):
    """One process of the oracle."""
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    try:
        net = Skipping(skip=rank == 1)
        ddp = DistributedDataParallel(net, find_unused_parameters=True, bucket_cap_mb=1)
        seen = steps(ddp, net, rank, lambda: None)
        summed = torch.arange(7.0) * (rank + 1)
        dist.all_reduce(summed)
        torch.save((seen, summed), f"{folder}/{rank}.pt")
    finally:
        dist.destroy_process_group()


def test_gradients_and_buffers_are_those_of_pytorch(reference):
    with tempfile.TemporaryDirectory() as folder:
        # A fresh process forks the two ranks: this one may have threads by now, and a fork would inherit the locks that they hold.
        subprocess.run([sys.executable, __file__, folder], check=True, timeout=300)
        want = [torch.load(os.path.join(folder, f"{rank}.pt")) for rank in range(2)]

    def program(comm):
        net = Skipping(skip=comm.rank == 1)
        ddp = reference.MiniDDP(net, 40, comm)
        seen = steps(ddp, net, comm.rank, ddp.finalize)
        return seen, reference.ring_allreduce(torch.arange(7.0) * (comm.rank + 1), comm)

    torch.testing.assert_close(World(2).run(program), want)


@pytest.mark.parametrize("n", range(1, 8))
def test_a_ring_sums_whatever_the_sizes(reference, n):
    for size in range(12):
        x = torch.randn(n, size, generator=torch.Generator().manual_seed(size))
        world = World(n)
        for got in world.run(lambda comm, x=x: reference.ring_allreduce(x[comm.rank], comm)):
            torch.testing.assert_close(got, x.sum(0))
        sent = [0] * n
        for event in world.events:
            if event["event"] == "send":
                sent[event["rank"]] += event["tensor"].numel() * 4
        assert sum(sent) == pytest.approx(n * reference.allreduce_bytes(n, size * 4))


def test_the_mean_over_ranks_is_the_gradient_of_the_whole_batch(reference):
    x = torch.randn(12, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    for n in (1, 2, 3, 4, 6):

        def program(comm):
            net = model(comm.rank).double().eval()
            ddp = reference.MiniDDP(net, 64, comm)
            ddp.eval()
            ddp(x.chunk(comm.size)[comm.rank]).pow(2).mean().backward()
            ddp.finalize()
            return [p.grad for p in net.parameters()]

        whole = model(0).double().eval()
        whole(x).pow(2).mean().backward()
        for grads in World(n).run(program):
            torch.testing.assert_close(grads, [p.grad for p in whole.parameters()])


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_one_rank_under_nccl(reference):
    """World size 1 on one GPU: PyTorch's DDP over NCCL, and MiniDDP in a simulated world, give the plain gradients.

    (Not a check of submissions: NCCL opens sockets, and the jail has none.)
    """
    x = torch.randn(8, 3, device="cuda")
    plain = model(0).cuda()
    plain(x).pow(2).mean().backward()
    want = [p.grad for p in plain.parameters()]
    with tempfile.TemporaryDirectory() as folder:
        dist.init_process_group("nccl", init_method=f"file://{folder}/meeting", rank=0, world_size=1)
        try:
            net = model(0).cuda()
            DistributedDataParallel(net)(x).pow(2).mean().backward()
        finally:
            dist.destroy_process_group()
    torch.testing.assert_close([p.grad for p in net.parameters()], want)

    def program(comm):
        ours = model(0).cuda()
        ddp = reference.MiniDDP(ours, 40, comm)
        ddp(x).pow(2).mean().backward()
        ddp.finalize()
        return [p.grad for p in ours.parameters()]

    torch.testing.assert_close(World(1).run(program)[0], want)


if __name__ == "__main__":
    torch.multiprocessing.start_processes(under_gloo, (sys.argv[1],), nprocs=2, start_method="fork")
