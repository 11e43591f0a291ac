"""Checks of parallel/zero_memory: bytes of each kind, what fits, traffic, uneven shards, offloading."""

from autograder.checks import again, case, check, raises


def models(rng, rows=(), drawn=0, **more):
    """Rows (psi, n): given, or drawn."""
    return {"rows": [list(row) for row in rows] + [[10 ** rng.real(6, 12), rng.integer(2, 2000)] for _ in range(drawn)]} | more


def states(rng, K=12, **more):
    """As models, with the optimizer's bytes K."""
    return models(rng, **more) | {"K": K}


@check(
    points=3,
    inputs=states,
    lecture="three-things-three-stages",
    public=[
        case("7.5 billion on 64 devices", rows=[[7.5e9, 64]]),
        case("small numbers, other optimizers", rows=[[1000, 4], [1000, 8]], K=4),
    ],
    hidden=[
        case("128 billion and a trillion, as in table 1", rows=[[128e9, 64], [128e9, 1024], [1e12, 1024], [1e12, 4], [7.5e9, 256]]),
        case("any models", drawn=4),
        case("one device", rows=[[3e9, 1], [5, 1]], K=6),
        case("an optimizer without state", rows=[[1e6, 10], [2e9, 3]], K=0),
        case("states of half a byte", rows=[[1e6, 10], [7, 3]], K=2.5),
        case("no parameters", rows=[[0, 5], [12, 5]]),
        case("more devices than parameters", rows=[[3, 1024], [0.5, 16]]),
    ],
    cites=["The bytes of each kind on one device", "for one that is not 0, 1, 2 or 3"],
)
def each_device_holds_its_part(student, rows, K):
    """zero_parts and zero_bytes share the optimizer's state, then gradients, then weights; stages beyond 0 to 3 are refused."""
    seen = {
        "parts": [[again(student.zero_parts, psi, n, stage, K=K) for stage in range(4)] for psi, n in rows],
        "parts by default": [student.zero_parts(psi, n, 3) for psi, n in rows],
        "bytes": [[student.zero_bytes(psi, n, stage, K=K) for stage in range(4)] for psi, n in rows],
        "by place": [student.zero_bytes(psi, n, 1, 8) for psi, n in rows],
        "by name": [student.zero_bytes(psi=psi, n=n, stage=2) for psi, n in rows],
        "floats": all(isinstance(each, float) for psi, n in rows for stage in range(4) for each in student.zero_parts(psi, n, stage, K).values()),
    }
    psi, n = rows[0]
    bad = [lambda stage=stage: student.zero_bytes(psi, n, stage) for stage in (4, -1)] + [lambda: student.zero_parts(psi, n, 5)]
    return seen | {"refused": [raises("ValueError", each) for each in bad]}


def memories(rng, mems, ns, psis, K=12):
    return {"mems": mems, "ns": ns, "psis": psis, "K": K}


@check(
    points=2,
    inputs=memories,
    lecture="what-fits",
    public=[
        case("GPUs of 34.3 GB", mems=[34.3e9], ns=[1, 64], psis=[1e9, 7.5e9, 1.5e12]),
        case("exactly full", mems=[16, 28], ns=[4], psis=[4, 2, 1]),
        case("an optimizer with 4 bytes", mems=[10.0], ns=[3], psis=[0.7, 2.3], K=4),
    ],
    hidden=[
        case("GPUs of 80 GB", mems=[80e9, 41e9], ns=[8, 1024, 3], psis=[7.5e9, 19.87e9, 21e9, 70.1e9, 1.313e12]),
        case("another optimizer", mems=[24.7e9, 10.73e9], ns=[2, 7], psis=[2.6e9, 5e9], K=4),
        case("nothing is left for the rest", mems=[16, 8], ns=[2], psis=[4, 8, 2, 0.5]),
        case("one device is enough", mems=[100.0], ns=[1], psis=[6.2, 0.5, 6.3]),
        case("no state", mems=[40, 20], ns=[5], psis=[7.1, 8.7, 21], K=0),
        case("nearly all of it is kept whole", mems=[2.00013e9], ns=[3], psis=[1e9]),
        case("no memory at all", mems=[0.0], ns=[2], psis=[1.0]),
        case("very many devices", mems=[1e9], ns=[10**6], psis=[1.0007e12, 0.4903e9, 0.24993e9]),
    ],
    cites=["The largest psi that fits", "The smallest n for which", "Exactly full is allowed", "where no number of devices is enough"],
)
def what_fits_into_a_device(student, mems, ns, psis, K):
    """max_params is what mem holds, min_devices the smallest number that is enough; ValueError where none is."""

    def devices(*args, **more):
        try:
            return student.min_devices(*args, **more)
        except ValueError:
            return "ValueError"

    return {
        "params": [[student.max_params(mem, n, stage, K) for stage in range(4)] for mem in mems for n in ns],
        "params by default": [student.max_params(mem, ns[0], stage) for mem in mems for stage in range(4)],
        "devices": [[devices(psi, mem, stage, K) for stage in (1, 2, 3)] for mem in mems for psi in psis],
        "devices by default": [[devices(psi, mem, stage) for stage in (0, 1, 2, 3)] for mem in mems for psi in psis],
        "refused": [
            raises("ValueError", lambda: student.max_params(mems[0], 2, 4)),
            *(raises("ValueError", lambda stage=stage: student.min_devices(psis[0], 1e15, stage)) for stage in (-1, 4)),
        ],
        "good": student.min_devices(1.0, 100.0, stage=3, K=12),
    }


@check(
    points=1,
    inputs=models,
    lecture="what-it-costs",
    public=[case("four devices, and one", rows=[[1000, 4], [1000, 1]])],
    hidden=[
        case("any models", drawn=3),
        case("two devices, and very many", rows=[[6, 2], [7.5e9, 10**6], [10, 3]]),
        case("as many devices as parameters", rows=[[5, 5], [64.0, 64]]),
        case("no parameters", rows=[[0, 3], [3, 2]]),
    ],
    fresh=1,
    cites=["How many numbers (not bytes) each device sends", "Stages 0, 1 and 2 need one of each", "two all gathers of weights"],
)
def sharing_costs_half_as_much_again_at_the_end(student, rows):
    """Stages 0, 1 and 2 send 2 (n - 1) / n · psi numbers, stage 3 sends 3 (n - 1) / n · psi; others are refused."""
    return {
        "sent": [[student.zero_traffic(psi, n, stage) for stage in range(4)] for psi, n in rows],
        "refused": [raises("ValueError", lambda stage=stage: student.zero_traffic(rows[0][0], rows[0][1], stage)) for stage in (4, -1)],
    }


def shapes_of(rng, shapes=(), ns=(2,), drawn=0):
    more = [[rng.integer(1, 40) for _ in range(rng.integer(1, 4))] for _ in range(drawn)]
    return {"shapes": [tuple(shape) for shape in [*shapes, *more]], "ns": list(ns)}


@check(
    points=1,
    inputs=shapes_of,
    lecture="real-models-do-not-divide-evenly",
    public=[
        case("a matrix and vectors on 2 and 3 devices", shapes=[[3, 5], [4], [7]], ns=[2, 3]),
        case("a number, and more devices than rows", shapes=[[], [2, 6]], ns=[4, 1]),
    ],
    hidden=[
        case("any shapes", drawn=6, ns=[2, 5, 16]),
        case("a layer of GPT-2", shapes=[[50257, 768], [2304, 768], [2304], [768, 768], [768], [3072, 768], [768, 3072]], ns=[8, 64, 1000]),
        case("beyond what a float can count", shapes=[[10**9 + 7, 10**8 + 1], [3]], ns=[2, 7]),
        case("more rows than a float can count", shapes=[[10**17 + 1, 3], [2, 10**17 + 3]], ns=[2]),
        case("twenty parameters", shapes=[[3 + i, 2] for i in range(20)], ns=[4, 18]),
        case("no parameter", shapes=[], ns=[1, 5]),
        case("three dimensions, and an empty matrix", shapes=[[7, 3, 2], [0, 5], [5, 0]], ns=[3, 4]),
        case("vectors of one number", shapes=[[1], [1], [1], [1]], ns=[2, 3, 4]),
    ],
    fresh=1,
    cites=["The zeros count too", "into pieces of ceil(size / n) rows", "it counts as one row", "exact however large", "No parameter at all gives 0"],
)
def the_fullest_device_counts(student, shapes, ns):
    """Flat sharing pads once for all parameters, sharing by rows rounds up for each of them."""
    return {
        "flat": [student.largest_shard(shapes, n, True) for n in ns],
        "by rows": [student.largest_shard(shapes, n, False) for n in ns],
        "by name": student.largest_shard(shapes, ns[0], flat=False),
        "one alone": [[student.largest_shard([shape], ns[-1], flat) for flat in (True, False)] for shape in shapes],
        "shapes": shapes,
    }


@check(
    points=1,
    inputs=states,
    lecture="the-optimizer-moves-to-the-cpu",
    public=[case("a thousand parameters", rows=[[1000, 1], [1000, 4]]), case("8 bytes of state", rows=[[1000, 2]], K=8)],
    hidden=[
        case("any models", drawn=3),
        case("another optimizer", rows=[[1e9, 16], [5, 2]], K=4),
        case("no state", rows=[[1e6, 3]], K=0),
        case("no parameters", rows=[[0, 3], [1, 1]]),
    ],
    fresh=1,
    cites=["All weights (2 bytes) stay on the device", "moves down to the CPU", "moves up"],
)
def the_optimizer_is_on_the_cpu(student, rows, K):
    """offload_plan keeps the weights on the device, and this process's part of the rest on the CPU; 2 bytes go down and 2 come up."""
    return {
        "plans": [again(student.offload_plan, psi, n, K) for psi, n in rows],
        "by default": [student.offload_plan(psi) for psi, _ in rows],
        "floats": all(isinstance(each, float) for psi, n in rows for each in student.offload_plan(psi, n).values()),
        "by name": [student.offload_plan(psi, n=n) for psi, n in rows],
    }
