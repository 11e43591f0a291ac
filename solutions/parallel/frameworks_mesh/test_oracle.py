"""parallel/frameworks_mesh against torch's DeviceMesh (on the fake process group), the groups of Megatron's RankGenerator and of DeepSpeed's topology
(recorded: make_fixture.py wrote fixture.json), and a layer that is really cut."""

import itertools
import json
import math
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

FIXTURE = json.loads(Path(__file__).with_name("fixture.json").read_text(encoding="utf-8"))
MESHES = [{"tp": 2, "dp": 2, "pp": 2}, {"tp": 2, "dp": 3, "pp": 4}, {"tp": 8, "dp": 4}, {"tp": 2, "cp": 3, "dp": 2, "pp": 2}]


def torch_mesh(sizes, order, rank):
    """What torch's DeviceMesh says to one rank: the mesh, its coordinate, its group and those of all others, by name."""
    dist = pytest.importorskip("torch.distributed")
    fake = pytest.importorskip("torch.testing._internal.distributed.fake_pg")
    names = order.split("-")[::-1]
    dist.init_process_group("fake", store=fake.FakeStore(), rank=rank, world_size=math.prod(sizes.values()))
    try:
        mesh = dist.device_mesh.init_device_mesh("cpu", tuple(sizes[name] for name in names), mesh_dim_names=tuple(names))
        mine = {name: sorted(dist.get_process_group_ranks(mesh.get_group(name))) for name in names}
        return mesh.mesh.clone(), dict(zip(names, mesh.get_coordinate(), strict=True)), mine
    finally:
        dist.destroy_process_group()


@pytest.mark.parametrize("sizes", MESHES)
@pytest.mark.parametrize("backwards", [False, True])
def test_the_mesh_of_torch(reference, sizes, backwards):
    order = "-".join(list(sizes)[::-1] if backwards else sizes)
    total = math.prod(sizes.values())
    for rank in sorted({0, 5, total // 2, total - 1}):
        mesh, coords, mine = torch_mesh(sizes, order, rank)
        assert torch.equal(reference.device_mesh(sizes, order), mesh) and reference.device_mesh(sizes, order).dtype == torch.int64
        assert reference.rank_coords(rank, sizes, order) == coords
        for name in sizes:
            assert mine[name] in reference.groups(sizes, order, name)


@pytest.mark.parametrize("sizes, order, dims, some", [
    ({"tp": 2, "pp": 2, "dp": 2}, "tp-pp-dp", "dp", [[0, 4], [1, 5], [2, 6], [3, 7]]),
    ({"tp": 2, "dp": 3, "pp": 4}, "tp-dp-pp", "dp", [[0, 2, 4], [1, 3, 5], [19, 21, 23]]),
    ({"tp": 4, "cp": 2}, "tp-cp-ep-dp-pp", "cp", [[0, 4], [1, 5], [2, 6], [3, 7]]),
    ({"tp": 2, "dp": 2, "pp": 4}, "tp-dp-pp", "tp", [[0, 1], [2, 3], [14, 15]]),
    ({"tp": 2, "dp": 2, "pp": 4}, "tp-dp-pp", "pp", [[0, 4, 8, 12], [1, 5, 9, 13], [3, 7, 11, 15]]),
])  # fmt: skip
def test_examples_of_megatron(reference, sizes, order, dims, some):
    """From the comments of megatron/core/parallel_state.py, which say its rule: a rank is the sum of its coordinates times the sizes before."""
    got = reference.groups(sizes, order, dims)
    assert all(each in got for each in some) and got[0] == some[0] and got[1] == some[1] and got[-1] == some[-1]


@pytest.mark.parametrize("order, sizes, found", FIXTURE["megatron"])
def test_groups_of_megatron(reference, order, sizes, found):
    """RankGenerator of megatron-core, one, two and three names at a time: the same groups, in the same order."""
    assert found
    for dims, want in found.items():
        assert reference.groups(sizes, order, dims) == want
        chosen = dims.split("-")
        for group in want:
            others = [{name: i for name, i in reference.rank_coords(rank, sizes, order).items() if name not in chosen} for rank in group]
            assert all(each == others[0] for each in others)


@pytest.mark.parametrize("order, sizes", FIXTURE["megatron refuses"])
def test_megatron_refuses_them_too(reference, order, sizes):
    with pytest.raises(ValueError):
        reference.groups(sizes, order, order.split("-")[0])


@pytest.mark.parametrize("axes, found", FIXTURE["deepspeed"])
def test_the_topology_of_deepspeed(reference, axes, found):
    """PipeModelDataParallelTopology: pipe, data, model, the slowest first."""
    pp, tp, dp = axes
    sizes = {"pp": pp, "tp": tp, "dp": dp}
    for rank, (stage, copy, shard) in enumerate(found["coords"]):
        assert reference.rank_coords(rank, sizes, "tp-dp-pp") == {"tp": shard, "dp": copy, "pp": stage}
        assert reference.device_mesh(sizes, "tp-dp-pp")[stage, copy, shard] == rank
    assert len(found["coords"]) == pp * tp * dp
    for name, want in found["groups"].items():
        assert reference.groups(sizes, "tp-dp-pp", name) == want


@pytest.mark.parametrize("seed", range(6))
def test_the_rule_of_megatron(reference, seed):
    """The published rule, by a search for what fits it: groups are numbered by the other coordinates, members by their own, the first fastest."""
    draw = torch.Generator().manual_seed(seed)
    names = [["tp", "cp", "ep", "dp", "pp"][int(i)] for i in torch.randperm(5, generator=draw)][:4]
    sizes = {name: int(torch.randint(1, 4, (1,), generator=draw)) for name in names}
    strides = {name: math.prod(sizes[each] for each in names[:i]) for i, name in enumerate(names)}
    for count in (1, 2, 3):
        for chosen in itertools.combinations(names, count):
            def numbered(some):
                points = itertools.product(*(range(sizes[name]) for name in reversed(some)))  # the first name fastest
                return [sum(i * strides[name] for i, name in zip(point, reversed(some), strict=True)) for point in points]

            inside = numbered([name for name in names if name in chosen])
            want = [[base + step for step in inside] for base in numbered([name for name in names if name not in chosen])]
            got = reference.groups(sizes, "-".join(names), "-".join(chosen[::-1]))
            assert got == want and sorted(rank for group in got for rank in group) == list(range(math.prod(sizes.values())))


@pytest.mark.parametrize("old, new", [(1, 4), (4, 2), (2, 8), (8, 1)])
def test_a_layer_gives_the_same_on_any_number_of_ranks(reference, old, new):
    """A gated feed-forward network, gate and up in one matrix: the sum over ranks is the output of the whole network, however it is cut."""
    draw = torch.Generator().manual_seed(old)
    gate, up, down = (torch.randn(16, 6, generator=draw, dtype=torch.float64) for _ in range(3))
    x = torch.randn(3, 6, generator=draw, dtype=torch.float64)
    want = (F.silu(x @ gate.T) * (x @ up.T)) @ down
    whole = [{"gate_up": torch.cat([gate, up]), "down": down.T.contiguous(), "norm": torch.ones(6)}]
    spec = {"gate_up": (0, [16, 16]), "down": 1, "norm": None}
    first = reference.reshard(whole, old, spec)
    for shards in (first, reference.reshard(first, new, spec)):
        outputs = []
        for shard in shards:
            g, u = (x @ shard["gate_up"].T).chunk(2, dim=-1)
            outputs.append((F.silu(g) * u) @ shard["down"].T)
        torch.testing.assert_close(sum(outputs), want)
    back = reference.reshard(reference.reshard(first, new, spec), 1, spec)[0]
    assert all(torch.equal(back[name], whole[0][name]) for name in whole[0])


@pytest.mark.parametrize("case", [(16, 40e9, 7e9, 32, 32, 8), (48, 20e9, 7e9, 32, 24, 4), (12, 40e9, 9e9, 30, 30, 6), (1024, 60e9, 70e9, 80, 64, 8)])
def test_no_plan_is_better(reference, case):
    n, mem, psi, layers, heads, node = case
    tp, dp, pp = reference.plan_3d(*case)
    assert tp * dp * pp == n and node % tp == heads % tp == layers % pp == 0 and 16 * psi / (tp * pp) <= mem
    for a, b in itertools.product([t for t in range(1, node + 1) if node % t == heads % t == 0], [p for p in range(1, layers + 1) if layers % p == 0]):
        if n % (a * b) == 0 and 16 * psi / (a * b) <= mem:
            assert (n // (a * b), a) <= (dp, tp)


def test_palm_540b(reference):
    """Appendix B: 238,300 tokens a second on 6,144 TPU v4 chips of 275 TFLOPs, 118 layers, 48 heads of size 256, are 46.2 %."""
    assert reference.mfu(238300, 540e9, 118, 48 * 256, 2048, 6144 * 275e12) == pytest.approx(0.462, abs=5e-4)
