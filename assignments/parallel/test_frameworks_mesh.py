"""Public checks of parallel/frameworks_mesh: run `pytest` on this file, or `autograder check parallel/frameworks_mesh`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, raises


CUBE = {"tp": 2, "dp": 2, "pp": 2}


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


@check(points=2, inputs=meshes, lecture='counting-through-a-mesh', public=[case('2 x 2 x 2', sizes=CUBE), case('2 x 3, and 3 x 2', sizes={'tp': 2, 'dp': 3}, order='tp-dp'), case('pp fastest', sizes={'tp': 2, 'dp': 3, 'pp': 4}, order='pp-tp-dp', ranks=[0, 1, 4, 7, 23]), case('names that are not in sizes', sizes={'dp': 3, 'tp': 2}, order='tp-cp-ep-dp-pp')])
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


@check(points=1, inputs=meshes, lecture='counting-through-a-mesh', public=[case('2 x 2 x 2', sizes=CUBE, off=[8, -1], short='tp-dp', unknown='cp')])
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


@check(points=3, inputs=meshes, lecture='who-talks-to-whom', public=[case('2 x 2 x 2', sizes=CUBE, dims=['tp', 'dp', 'pp', 'tp-pp', 'pp-tp']), case('2 x 3 x 2', sizes={'tp': 2, 'dp': 3, 'pp': 2}, dims=['dp', 'pp', 'tp-dp']), case('dp fastest, and a dimension of size 1', sizes={'tp': 2, 'dp': 3}, order='dp-cp-tp', dims=['dp', 'tp', 'cp'])])
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


@check(points=2, inputs=checkpoints, lecture='a-checkpoint-changes-its-layout', public=[case('rows and columns, 2 ranks to 4 and 1', old=2, news=[4, 1], tensors={'up': ((8, 3), 0), 'down': ((3, 8), 1), 'norm': ((3,), None)}, refused=[3]), case('gate and up in one, 2 ranks to 4', old=2, news=[4], tensors=MLP, refused=[8]), case('queries twice as large as keys and values; the same number of ranks', old=2, news=[2, 1], tensors={'qkv': ((8, 2), [0, [4, 2, 2]])}, refused=[4])])
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


@check(points=1, lecture='a-plan-for-a-cluster', public=[case('7 billion parameters', plans=[[16, 40000000000.0, 7000000000.0, 32, 32], [64, 80000000000.0, 7000000000.0, 32, 32]], nodes=[8, 2, 1]), case('70 billion', plans=[[64, 60000000000.0, 70000000000.0, 80, 64], [1024, 60000000000.0, 70000000000.0, 80, 64]], nodes=[8]), case('6 heads, 9 layers, nodes of 8 and of 6', plans=[[24, 20000000000.0, 4000000000.0, 24, 6], [36, 10000000000.0, 4000000000.0, 9, 12]], nodes=[8, 6])])
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


@check(points=1, lecture='how-much-of-the-machine', public=[case('without attention', runs=[[1000.0, 1000000000.0, 0, 0, 0, 12000000000000.0]]), case('with it', runs=[[10.0, 100.0, 2, 5, 10, 36000.0]])])
def the_models_own_arithmetic_counts(student, runs):
    """mfu is tokens a second times 6 N + 12 L C T, divided by the peak."""
    return [student.mfu(*run) for run in runs]
