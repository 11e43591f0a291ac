"""parallel/zero_memory against the paper's table 1, torch's own sharding on the fake process group, torch's optimizers, and brute force."""

import itertools
import math

import pytest
import torch
from torch import nn

TABLE = {  # table 1 of the paper, in GB: (P_os, P_os+g, P_os+g+p) by parameters and devices
    (7.5e9, 4): (52.5, 41.3, 30), (7.5e9, 16): (35.6, 21.6, 7.5), (7.5e9, 64): (31.4, 16.6, 1.88), (7.5e9, 256): (30.4, 15.4, 0.47),
    (7.5e9, 1024): (30.1, 15.1, 0.12), (128e9, 64): (536, 284, 32), (128e9, 1024): (513, 257, 2), (1e12, 1024): (4011, 2013, 15.6),
}  # fmt: skip


@pytest.mark.parametrize("psi, n", TABLE)
def test_table_1(reference, psi, n):
    for stage, want in enumerate(TABLE[psi, n], 1):
        assert reference.zero_bytes(psi, n, stage) / 1e9 == pytest.approx(want, rel=6e-3, abs=6e-3)
    assert reference.zero_bytes(psi, n, 0) == 16 * psi


@pytest.mark.parametrize("psi", [1e6, 7.5e9])
def test_order_and_limits(reference, psi):
    held = [[reference.zero_bytes(psi, n, stage) for stage in range(4)] for n in (1, 2, 8, 10**9)]
    assert held[0] == [16 * psi] * 4
    assert all(a >= b for row in held for a, b in itertools.pairwise(row)) and all(a >= b for x, y in itertools.pairwise(held) for a, b in zip(x, y, strict=True))
    assert held[-1] == pytest.approx([16 * psi, 4 * psi, 2 * psi, 0], abs=psi * 1e-6)


@pytest.mark.parametrize("name, K", [("Adam", 12), ("SGD", 8), ("plain", 4)])
def test_bytes_of_a_real_optimizer(reference, name, K):
    """bfloat16 weights and gradients, a float32 copy and what torch's optimizer keeps for it, step counters left aside."""
    model = nn.Sequential(nn.Linear(7, 5), nn.Linear(5, 3)).bfloat16()
    psi = sum(p.numel() for p in model.parameters())
    model(torch.randn(2, 7).bfloat16()).sum().backward()
    copies = [p.detach().float().requires_grad_() for p in model.parameters()]
    optimizer = {"Adam": torch.optim.Adam(copies), "SGD": torch.optim.SGD(copies, momentum=0.9), "plain": torch.optim.SGD(copies)}[name]
    for copy, p in zip(copies, model.parameters(), strict=True):
        copy.grad = p.grad.float()
    optimizer.step()

    def size(tensors):
        return sum(t.numel() * t.element_size() for t in tensors)

    state = [t for each in optimizer.state.values() for t in each.values() if isinstance(t, torch.Tensor) and t.ndim]
    parts = reference.zero_parts(psi, 1, 0, K)
    assert parts == {"weights": size(model.parameters()), "gradients": size(p.grad for p in model.parameters()), "optimizer": size(copies) + size(state)}


@pytest.mark.parametrize("n", [2, 3, 8])
def test_fsdp2_cuts_rows(reference, n):
    dist = pytest.importorskip("torch.distributed")
    fsdp = pytest.importorskip("torch.distributed.fsdp")
    fake = pytest.importorskip("torch.testing._internal.distributed.fake_pg")
    shapes = [(4, 7), (4,), (9, 4), (9,)]
    held = []
    for rank in range(n):
        dist.init_process_group("fake", store=fake.FakeStore(), rank=rank, world_size=n)
        try:
            model = nn.Sequential(nn.Linear(7, 4), nn.Linear(4, 9))
            fsdp.fully_shard(model, mesh=dist.device_mesh.init_device_mesh("cpu", (n,)))
            held.append(sum(p.to_local().numel() for p in model.parameters()))
        finally:
            dist.destroy_process_group()
    assert reference.largest_shard(shapes, n, flat=False) == max(held) == held[0]
    assert sum(held) == sum(math.prod(shape) for shape in shapes)
    assert reference.largest_shard(shapes, n, flat=True) == len(torch.zeros(sum(held)).tensor_split(n)[0])


@pytest.mark.parametrize("K", [12, 4, 0])
def test_numbers_of_devices_by_trying(reference, K):
    for psi, mem, stage in itertools.product((3.0, 10.3), (9.1, 50.7, 170.9), range(4)):
        tried = next((n for n in range(1, 500) if reference.zero_bytes(psi, n, stage, K) <= mem), None)
        if tried is None:
            with pytest.raises(ValueError):
                reference.min_devices(psi, mem, stage, K)
        else:
            assert reference.min_devices(psi, mem, stage, K) == tried
            assert reference.zero_bytes(reference.max_params(mem, tried, stage, K), tried, stage, K) == pytest.approx(mem)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
def test_a_ring_sends_so_much(reference, n):
    """Reduce-scatter and all-gather on a ring: n - 1 steps, in each of which every device sends one n-th."""
    psi = 40 * n
    ring = sum(psi // n for _ in range(n - 1))
    for stage, collectives in enumerate((2, 2, 2, 3)):
        assert reference.zero_traffic(psi, n, stage) == collectives * ring


@pytest.mark.parametrize("K", [12])
def test_no_other_split_between_device_and_cpu_moves_less(reference, K):
    """The data flow of ZeRO-Offload (its section 3): every way to put the four nodes on a device or on the CPU, with the computation on the device and
    the update on the CPU. Bytes for each parameter: 2 along edges of half precision, 4 along the others."""
    edges = [("forward-backward", "gradients", 2), ("gradients", "update", 2), ("state", "update", 4), ("update", "state", 4),
             ("update", "cast", 4), ("cast", "weights", 2), ("weights", "forward-backward", 2)]  # fmt: skip
    free = ["gradients", "state", "cast", "weights"]
    found = []
    for places in itertools.product(("gpu", "cpu"), repeat=len(free)):
        where = dict(zip(free, places, strict=True)) | {"forward-backward": "gpu", "update": "cpu"}
        moved = sum(size for a, b, size in edges if where[a] != where[b])
        found.append(moved)
    plan = reference.offload_plan(1.0, 1, K)
    assert plan["down"] + plan["up"] == min(found) == 4
    assert plan["gpu"] + plan["cpu"] == 4 + K
