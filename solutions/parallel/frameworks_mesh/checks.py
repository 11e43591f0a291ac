"""Checks of parallel/frameworks_mesh: coordinates, groups, checkpoints cut anew, a plan, and utilization."""

import torch

from autograder.checks import case, check, raises

CUBE = {"tp": 2, "dp": 2, "pp": 2}
LONG = {"tp": 2, "cp": 3, "ep": 1, "dp": 4, "pp": 5}
WORDS = "tensor-context-expert-data-pipeline"
MANY = {name: 1 for name in "abcdefghijklmno"} | {"tensor": 2, "data": 3, "pipeline": 2}


def meshes(rng, sizes=None, order="tp-dp-pp", ranks=None, drawn=0, **more):
    """A mesh and some ranks on it. drawn: how many dimensions are drawn at random."""
    if drawn:
        names = rng.shuffled(["tp", "cp", "ep", "dp", "pp"])[:drawn]
        sizes, order = {name: rng.integer(1, 5) for name in rng.shuffled(names)}, "-".join(names)
    total = 1
    for size in sizes.values():
        total *= size
    ranks = range(total) if ranks is None else ranks
    return {"sizes": sizes, "order": order, "ranks": list(ranks), "total": total} | more


@check(
    points=2,
    inputs=meshes,
    lecture="counting-through-a-mesh",
    public=[
        case("2 x 2 x 2", sizes=CUBE),
        case("2 x 3, and 3 x 2", sizes={"tp": 2, "dp": 3}, order="tp-dp"),
        case("pp fastest", sizes={"tp": 2, "dp": 3, "pp": 4}, order="pp-tp-dp", ranks=[0, 1, 4, 7, 23]),
        case("names that are not in sizes", sizes={"dp": 3, "tp": 2}, order="tp-cp-ep-dp-pp"),
    ],
    hidden=[
        case("drawn", drawn=4),
        case("five dimensions", sizes=LONG, order="tp-cp-ep-dp-pp", ranks=[0, 1, 2, 5, 6, 23, 24, 77, 119]),
        case("the dict in another order", sizes={"pp": 4, "tp": 3, "dp": 2}),
        case("one rank", sizes={"tp": 1}, order="tp"),
        case("one dimension", sizes={"dp": 7}, order="dp"),
        case("a size of 1 that has no place", sizes={"tp": 2, "cp": 1, "dp": 2}, order="dp-tp"),
        case("long names, and eighteen sizes", sizes=MANY, order=WORDS, ranks=[0, 1, 2, 3, 7, 11]),
        case("thousands of ranks", sizes={"tp": 8, "dp": 16, "pp": 12}, ranks=[0, 8, 1535, 999, 127, 128]),
    ],
    fresh=2,
    cites=["the first name changes fastest", "The keys are the names of the order", "has the size 1", "the slowest first", "of any length"],
)
def each_rank_has_coordinates(student, sizes, order, ranks, total):
    """rank_coords counts with the first name fastest, and device_mesh holds the same ranks, slowest dimension first."""
    mesh = student.device_mesh(sizes, order)
    mesh.add_(1)  # the caller's own
    return {
        "coords": [student.rank_coords(rank, sizes, order) for rank in ranks],
        "by name": student.rank_coords(rank=ranks[-1], sizes=sizes, order=order),
        "mesh": student.device_mesh(sizes, order),
        "sizes": sizes,
    }


@check(
    points=1,
    inputs=meshes,
    lecture="counting-through-a-mesh",
    public=[case("2 x 2 x 2", sizes=CUBE, off=[8, -1], short="tp-dp", unknown="cp")],
    hidden=[
        case("2 x 3", sizes={"tp": 2, "dp": 3}, order="dp-tp", off=[6, 7, 100, -6], short="tp", unknown="tpdp"),
        case("sizes of 1 may be missing", sizes={"tp": 4, "pp": 1, "dp": 2}, order="tp-dp", off=[8], short="dp", unknown="pp"),
        case("names that are parts of other names", sizes={"t": 2, "tp": 3, "p": 1}, order="tp-t", off=[6, -1], short="tp-dp", unknown="p"),
        case("one of two is missing", sizes={"dp": 3, "tp": 2}, order="tp-dp", off=[-3, 12], short="dp-pp", unknown="dp-cp"),
    ],
    cites=["Raises ValueError if sizes has a name that is not in the order", "for a rank that is not on the mesh", "for a name that is not in the order"],
)
def what_is_not_on_the_mesh_is_refused(student, sizes, order, ranks, total, off, short, unknown):
    """ValueError for a rank beyond the mesh, a dimension without a place in the order, and a group of an unknown name."""
    return {
        "off": [raises("ValueError", lambda rank=rank: student.rank_coords(rank, sizes, order)) for rank in off],
        "short": [
            raises("ValueError", lambda: student.rank_coords(0, sizes, short)),
            raises("ValueError", lambda: student.device_mesh(sizes, short)),
            raises("ValueError", lambda: student.groups(sizes, short, short)),
        ],
        "unknown": raises("ValueError", lambda: student.groups(sizes, order, unknown)),
        "good": [student.rank_coords(rank, sizes, order) for rank in (0, total - 1)],
        "good groups": student.groups(sizes, order, order),
    }


@check(
    points=3,
    inputs=meshes,
    lecture="who-talks-to-whom",
    public=[
        case("2 x 2 x 2", sizes=CUBE, dims=["tp", "dp", "pp", "tp-pp", "pp-tp"]),
        case("2 x 3 x 2", sizes={"tp": 2, "dp": 3, "pp": 2}, dims=["dp", "pp", "tp-dp"]),
        case("dp fastest, and a dimension of size 1", sizes={"tp": 2, "dp": 3}, order="dp-cp-tp", dims=["dp", "tp", "cp"]),
    ],
    hidden=[
        case("drawn", drawn=4, dims=[]),
        case("five dimensions", sizes=LONG, order="tp-cp-ep-dp-pp", dims=["cp", "dp", "dp-cp", "ep", "tp-pp"]),
        case("pp before dp", sizes={"tp": 2, "dp": 4, "pp": 3}, order="tp-pp-dp", dims=["dp", "pp", "pp-dp", "dp-tp"]),
        case("all dimensions", sizes={"pp": 3, "tp": 2, "dp": 2}, dims=["pp-dp-tp", "tp-dp-pp"]),
        case("a dimension of size 1", sizes={"tp": 3, "dp": 2}, order="tp-cp-dp", dims=["cp", "cp-dp"]),
        case("one rank", sizes={}, order="tp-dp", dims=["tp", "dp-tp"]),
        case("long names, and eighteen sizes", sizes=MANY, order=WORDS, dims=["data", "pipeline-tensor-context", WORDS]),
        case("names that are parts of other names", sizes={"tp": 2, "etp": 3, "e": 2}, order="tp-etp-e", dims=["tp", "etp", "e", "e-etp"]),
    ],
    fresh=2,
    cites=["that differ in the dimensions dims alone", "in any order", "Each rank is in exactly one group", "are sorted by their first rank"],
)
def ranks_of_a_group_differ_in_its_dimensions(student, sizes, order, ranks, total, dims):
    """groups puts ranks together that differ in these dimensions alone, ascending, and sorted by their first rank."""
    dims = dims or [*order.split("-"), "-".join(order.split("-")[:2]), "-".join(order.split("-")[::-2])]
    return {each: student.groups(sizes, order, each) for each in dims} | {"by name": student.groups(sizes=sizes, order=order, dims=dims[0]), "sizes": sizes}


def checkpoints(rng, old, news, tensors, refused=(), dtype="float32"):
    """Shards of `old` ranks. tensors: name -> (whole shape, rule); a fused tensor's pieces stand together on each rank."""
    shards, spec = [{} for _ in range(old)], {}
    for name, (shape, rule) in tensors.items():
        whole = rng.normal(*shape).to(getattr(torch, dtype))
        spec[name] = tuple(rule) if isinstance(rule, list) else rule
        dim, parts = (rule[0], rule[1]) if isinstance(rule, list) else (rule, None)
        for rank, shard in enumerate(shards):
            if rule is None:
                shard[name] = whole.clone()
            else:
                matrices = whole.split(parts or [shape[dim]], dim)
                shard[name] = torch.cat([each.chunk(old, dim)[rank] for each in matrices], dim)
    return {"shards": shards, "spec": spec, "news": news, "refused": list(refused)}


MLP = {"norm": ((3,), None), "gate_up": ((8, 3), [0, [4, 4]]), "down": ((3, 4), 1)}


@check(
    points=2,
    inputs=checkpoints,
    lecture="a-checkpoint-changes-its-layout",
    public=[
        case("rows and columns, 2 ranks to 4 and 1", old=2, news=[4, 1], tensors={"up": ((8, 3), 0), "down": ((3, 8), 1), "norm": ((3,), None)}, refused=[3]),
        case("gate and up in one, 2 ranks to 4", old=2, news=[4], tensors=MLP, refused=[8]),
        case("queries twice as large as keys and values; the same number of ranks", old=2, news=[2, 1], tensors={"qkv": ((8, 2), [0, [4, 2, 2]])}, refused=[4]),
    ],
    hidden=[
        case("queries, keys and values of different sizes", old=2, news=[4, 1, 2], tensors={"qkv": ((24, 5), [0, [16, 4, 4]]), "o": ((5, 16), 1)}, refused=[8, 3]),
        case("fused along columns, 3 ranks to 2 and 6", old=3, news=[2, 6], tensors={"w": ((2, 30), [1, [12, 18]]), "b": ((12,), 0)}, refused=[4]),
        case("from one rank", old=1, news=[1, 2, 4], tensors=MLP, refused=[3]),
        case("6 ranks to 4, whole numbers", old=6, news=[4], tensors={"e": ((12, 2), 0), "n": ((2,), None)}, refused=[5], dtype="int64"),
        case("three dimensions, bfloat16", old=2, news=[3, 1], tensors={"experts": ((2, 12, 3), [1, [6, 6]]), "r": ((2, 6, 2), -2)}, refused=[5], dtype="bfloat16"),
        case("five matrices in one", old=2, news=[1, 2], tensors={"m": ((20,), [0, [2, 4, 6, 2, 6]]), "k": ((2, 20), [-1, [8, 12]])}, refused=[4]),
        case("eighteen tensors, eighteen ranks", old=2, news=[18], tensors={f"w{i}": ((18 + 18 * (i % 2),), 0) for i in range(18)}, refused=[4]),
    ],
    cites=["Each matrix is cut on its own", "they share no memory with the old shards", "Dtypes stay", "can t be divided by new_tp", "with the names in the order of the old ones"],
)
def a_checkpoint_is_cut_anew(student, shards, spec, news, refused):
    """reshard joins the pieces of each matrix and cuts them for the new ranks, in tensors of their own; back again nothing has changed."""
    seen = {}
    for new in news:
        cut = student.reshard(shards, new, spec)
        back = student.reshard(cut, len(shards), spec)
        for rank in cut:
            for each in rank.values():
                each.zero_()  # neither the old shards nor what came back may see this
        again = student.reshard(shards, new_tp=new, spec=spec)
        tensors = [each for rank in [*shards, *again] for each in rank.values()]
        alone = len({each.untyped_storage().data_ptr() for each in tensors}) == len(tensors)  # each has memory of its own
        seen[str(new)] = {"back": back, "cut": again, "in memory of their own": alone}
        first = seen[str(new)]["cut"][0]
        next(iter(first.values())).mul_(3)
    views = [{name: each.repeat_interleave(2, -1)[..., ::2] for name, each in shard.items()} for shard in shards]
    names = [list(rank) for rank in student.reshard(views, news[0], dict(reversed(spec.items())))]
    return seen | {"names": names, "refused": [raises("ValueError", lambda new=new: student.reshard(shards, new, spec)) for new in refused], "shards": shards}


@check(
    points=1,
    lecture="a-plan-for-a-cluster",
    public=[
        case("7 billion parameters", plans=[[16, 40e9, 7e9, 32, 32], [64, 80e9, 7e9, 32, 32]], nodes=[8, 2, 1]),
        case("70 billion", plans=[[64, 60e9, 70e9, 80, 64], [1024, 60e9, 70e9, 80, 64]], nodes=[8]),
        case("6 heads, 9 layers, nodes of 8 and of 6", plans=[[24, 20e9, 4e9, 24, 6], [36, 10e9, 4e9, 9, 12]], nodes=[8, 6]),
    ],
    hidden=[
        case("one GPU", plans=[[1, 40e9, 1e9, 12, 12], [4, 40e9, 1e9, 12, 12]], nodes=[8]),
        case("heads that 4 does not divide", plans=[[24, 20e9, 4e9, 24, 6], [24, 20e9, 4e9, 7, 6], [16, 20e9, 4e9, 24, 6]], nodes=[8, 4, 6]),
        case("layers that 2 does not divide", plans=[[32, 10e9, 7e9, 27, 32], [36, 10e9, 7e9, 27, 36]], nodes=[2, 4]),
        case("a large model", plans=[[3072, 40e9, 1e12, 128, 160], [512, 80e9, 175e9, 96, 96]], nodes=[8, 4]),
        case("exactly full", plans=[[8, 16, 4, 4, 4], [8, 16, 8, 4, 4], [8, 15, 4, 4, 4]], nodes=[8, 2]),
        case("large nodes, and two heads", plans=[[64, 60e9, 70e9, 80, 64], [48, 10e9, 12e9, 24, 2]], nodes=[32, 18]),
        case("odd numbers of GPUs", plans=[[12, 30e9, 7e9, 30, 30], [18, 30e9, 9e9, 36, 36]], nodes=[6, 3]),
    ],
    cites=["tp divides node", "pp divides n_layers", "Exactly full is allowed", "with the largest dp", "the one with the largest tp", "if nothing is allowed"],
)
def a_plan_has_as_many_copies_as_fit(student, plans, nodes):
    """plan_3d takes the allowed sizes with the most copies, then with the largest tp; ValueError where nothing fits."""

    def plan(*args, **options):
        try:
            return student.plan_3d(*args, **options)
        except ValueError:
            return "ValueError"

    return {
        "plans": [plan(*each, node=node) for each in plans for node in nodes],
        "by default": [plan(*each) for each in plans],
        "less for each parameter": [plan(*each, per_param=4.0) for each in plans],
        "a third place": [plan(*each, 4, 18.0) for each in plans],
        "good": student.plan_3d(4, 100.0, 5.0, 4, 4),
        "too large": raises("ValueError", lambda: student.plan_3d(4, 100.0, 500.0, 4, 4)),
    }


@check(
    points=1,
    lecture="how-much-of-the-machine",
    public=[case("without attention", runs=[[1000.0, 1e9, 0, 0, 0, 1.2e13]]), case("with it", runs=[[10.0, 100.0, 2, 5, 10, 36000.0]])],
    hidden=[
        case("PaLM 540B", runs=[[238300.0, 540e9, 118, 12288, 2048, 6144 * 275e12]]),
        case("short and long texts", runs=[[1e4, 7e9, 32, 4096, 2048, 8e15], [1e4, 7e9, 32, 4096, 131072, 8e15]]),
        case("sizes all different", runs=[[3.0, 5.0, 7, 11, 13, 1e6], [3.0, 5.0, 11, 7, 26, 1e6]]),
        case("more than the peak: something is wrong, and it shows", runs=[[1e6, 1e9, 2, 3, 4, 1e12]]),
    ],
    cites=["A token costs 6 n_params FLOPs", "12 L C T more for attention", "not halved for the causal mask"],
)
def the_models_own_arithmetic_counts(student, runs):
    """mfu is tokens a second times 6 N + 12 L C T, divided by the peak."""
    return [student.mfu(*run) for run in runs]
