"""Checks of framework/deepspeed_config: batch sizes, plans of ZeRO, memory in two conventions, buckets, loss scales."""

import copy

from autograder.checks import again, case, check, raises

TRAIN, MICRO, STEPS = "train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps"


def tried(f, *arguments, **options):
    """What f returns, or the name for a ValueError."""
    try:
        return f(*arguments, **options)
    except ValueError:
        return "ValueError"


def batches(rng, configs=(), random=0):
    """Pairs of a configuration and a number of GPUs."""
    configs = [[{TRAIN: a, MICRO: b, STEPS: c}, world] for a, b, c, world in configs]
    configs = [[{name: size for name, size in config.items() if size is not None}, world] for config, world in configs]
    for _ in range(random):
        micro, steps, world = (rng.integer(1, 9) for _ in range(3))
        sizes = {TRAIN: micro * steps * world, MICRO: micro, STEPS: steps}
        configs.append([{name: sizes[name] for name in rng.sample([TRAIN, MICRO, STEPS], 2)} | {"optimizer": {}}, world])
    return {"configs": configs}


@check(
    points=2,
    inputs=batches,
    lecture="three-batch-sizes",
    public=[
        case("two are given", configs=[(64, 4, None, 1), (64, None, 2, 4), (None, 3, 5, 2)]),
        case("one is given", configs=[(24, None, None, 4), (None, 3, None, 8)]),
    ],
    hidden=[
        case("at random", random=12),
        case("all are given", configs=[(30, 3, 5, 2), (7, 7, 1, 1), (8, 1, 1, 8)]),
        case("one GPU", configs=[(12, None, None, 1), (None, 5, None, 1), (12, 3, None, 1), (12, None, 3, 1), (None, 5, 2, 1)]),
        case("many GPUs", configs=[(4096, 8, None, 64), (4096, None, 2, 512), (None, 1, 16, 1024), (1024, None, None, 1024)]),
        case("a batch of many millions", configs=[(None, 33_554_435, 1, 1)]),
    ],
    fresh=1,
    cites=["with two of them the third one", "with train alone or micro alone", "So train micro steps world", "Keys that are not named here"],
)
def missing_sizes_follow(student, configs):
    """The missing batch sizes follow from train = micro · steps · GPUs."""
    return [student.resolve_batch(*each) for each in configs] + [student.resolve_batch(config | {"none": 1}, world) for config, world in configs]


@check(
    points=1,
    inputs=batches,
    lecture="three-batch-sizes",
    public=[case("too little is given, and a contradiction", configs=[(None, None, None, 2), (None, None, 4, 2), (30, 4, None, 2), (24, 4, 3, 2)])],
    hidden=[
        case("all are given, and one is wrong", configs=[(24, 4, 3, 1), (12, 4, 3, 1), (12, 4, 3, 2), (24, 3, 4, 3)]),
        case("no whole number", configs=[(10, None, 3, 1), (10, None, None, 4), (10, None, None, 5), (7, 2, None, 1), (8, 2, None, 3)]),
        case("less than one", configs=[(0, 4, None, 1), (None, 0, 2, 1), (None, 2, -1, 3), (-8, -4, None, 1), (-8, 4, -2, 1), (0, 0, 0, 1), (2, 4, None, 1), (4, None, None, 8)]),
        case("a zero that is there", configs=[(8, 0, None, 1), (8, None, 0, 2), (0, 4, 2, 1)]),
        case("two negative ones make a positive one", configs=[(None, -2, -3, 1), (6, -2, None, 1), (6, None, -3, 2), (12, -2, -3, 2)]),
    ],
    cites=["with steps alone or none", "ValueError too where the equation", "or one of the three is less than 1"],
)
def contradictions_are_refused(student, configs):
    """Sizes that contradict each other, leave a fraction, or do not say enough are a ValueError."""
    good = student.resolve_batch({TRAIN: 30, MICRO: 3, STEPS: None}, 2), student.resolve_batch({MICRO: 3, TRAIN: None})
    return {"seen": [tried(student.resolve_batch, *each) for each in configs], "good": good}


def zeros(rng, settings):
    """Each a stage, the optimizer's device and that of parameters; None leaves the key out."""
    configs = []
    for stage, optimizer, parameters in settings:
        zero = {} if stage is None else {"stage": stage}
        zero |= {} if optimizer is None else {"offload_optimizer": {"device": optimizer, "pin_memory": True}}
        zero |= {} if parameters is None else {"offload_param": {"device": parameters}}
        configs.append({"zero_optimization": zero, "bf16": {"enabled": True}})
    return {"configs": configs}


@check(
    points=1,
    inputs=zeros,
    lecture="what-is-sharded-and-where",
    public=[case("all stages", settings=[(n, None, None) for n in range(4)]), case("offloading", settings=[(2, "cpu", None), (3, "cpu", "cpu")])],
    hidden=[
        case("to NVMe", settings=[(3, "nvme", "nvme"), (3, "cpu", "nvme"), (3, "nvme", "cpu"), (3, None, "nvme"), (2, "nvme", None)]),
        case("parameters alone", settings=[(3, None, "cpu"), (3, "none", "cpu"), (3, "cpu", "none")]),
        case("none is none", settings=[(0, "none", "none"), (1, "none", None), (2, None, "none"), (3, "none", "none")]),
        case("stage 1 with the optimizer on the CPU", settings=[(1, "cpu", None), (1, "nvme", None)]),
        case("nothing is said", settings=[(None, None, None), (None, "none", None)]),
    ],
    cites=["Stage 1 shards the states", "The states of the optimizer are on the device", "Gradients are on the GPU but on the CPU", "missing stage 0"],
)
def stages_shard_one_thing_more_each(student, configs):
    """Each stage shards one thing more, and each thing is where offloading puts it."""
    bare = [{}, {"zero_optimization": None}, {"zero_optimization": {"stage": 2, "offload_optimizer": {}, "offload_param": None}}, {"zero_optimization": {"stage": 1, "offload_optimizer": {"device": None}, "offload_param": {"device": None}}}]
    seen = copy.deepcopy([student.zero_plan(config) for config in configs + bare])
    return {"seen": seen, "after the caller has changed the first plan": [again(student.zero_plan, config) for config in ({"bf16": {}}, {"zero_optimization": {"stage": 3}})]}


@check(
    points=1,
    inputs=zeros,
    lecture="what-is-sharded-and-where",
    public=[case("parameters need stage 3", settings=[(2, None, "cpu"), (3, None, "cpu")])],
    hidden=[
        case("the optimizer needs stage 1", settings=[(0, "cpu", None), (None, "nvme", None), (1, "cpu", None)]),
        case("parameters in all stages", settings=[(n, "cpu" if n else None, device) for n in range(4) for device in ("cpu", "nvme", "none")]),
        case("other devices", settings=[(3, "gpu", None), (3, None, "disk"), (2, "CPU", None)]),
        case("other stages", settings=[(4, None, None), (-1, None, None), (3, None, None)]),
        case("stages between two", settings=[(1.5, None, None), (2.5, "cpu", None), (0.5, None, None), (2, "cpu", None)]),
    ],
    cites=["ValueError for another stage or device", "and for offloaded parameters in stages 0 to 2"],
)
def impossible_plans_are_refused(student, configs):
    """What a stage cannot offload, and unknown stages and devices, are a ValueError."""
    return [tried(student.zero_plan, config) for config in configs]


def models(rng, total=0, largest=0, gpus=(), random=0):
    found = [[total, largest, n] for n in gpus]
    for _ in range(random):
        found.append([rng.integer(10**6, 10**11), rng.integer(10**3, 10**6), rng.integer(1, 200)])
    return {"models": found}


@check(
    points=1,
    inputs=models,
    lecture="memory-in-two-conventions",
    public=[case("7.5 billion on 64 GPUs", total=7_500_000_000, largest=100_000_000, gpus=(64,))],
    hidden=[
        case("at random", random=6),
        case("one GPU", total=124_439_808, largest=38_597_376, gpus=(1,)),
        case("fractions are cut off", total=1_000_003, largest=7, gpus=(3, 7, 11, 64)),
        case("a trillion", total=10**12, largest=10**9, gpus=(4, 16, 1024)),
        case("more digits than a float has", total=10**17 + 1, largest=10**9, gpus=(3, 7)),
    ],
    fresh=1,
    cites=["GPU 16 P in stage 0", "Nothing can be offloaded", "Fractions of bytes"],
)
def the_papers_formulas(student, models):
    """In the paper's convention each stage divides one part more of 2 + 2 + 12 bytes by the number of GPUs."""
    seen = [student.estimate(*model, stage) for model in models for stage in range(4)]
    refused = [tried(student.estimate, *models[0], stage, *flags) for stage in (2, 3) for flags in ((True,), (True, True), (False, True))]
    return {"seen": seen, "refused": refused, "others": [tried(student.estimate, *models[0], stage) for stage in (-1, 4)]}


@check(
    points=2,
    inputs=models,
    lecture="memory-in-two-conventions",
    public=[case("7.5 billion on 64 GPUs", total=7_500_000_000, largest=100_000_000, gpus=(64,)), case("3 GPUs", total=1_300_000_007, largest=50_257_001, gpus=(3,))],
    hidden=[
        case("at random", random=6),
        case("few GPUs", total=1_000_003, largest=70_001, gpus=(1, 2, 4, 5)),
        case("fractions are cut off", total=999_999, largest=3, gpus=(7, 11, 13)),
        case("a trillion", total=10**12, largest=10**9, gpus=(16, 1024)),
        case("more digits than a float has", total=10**17 + 1, largest=10**16 + 1, gpus=(3, 7)),
    ],
    fresh=1,
    cites=["stage 2 GPU 2 P 18 P N", "stage 3 GPU 4 L 18 P N", "ValueError for stages 0 and 1 there", "With both GPU 4 L"],
)
def deepspeeds_formulas(student, models):
    """In DeepSpeed's convention gradients cost 4 bytes more, the CPU half as much again, and stage 3 the largest layer."""
    flags = [(2, False, False), (2, True, False), (3, False, False), (3, True, False), (3, True, True)]
    seen = [student.estimate(*model, *each, convention="deepspeed") for model in models for each in flags]
    wrong = [(0, False, False), (1, False, False), (1, True, False), (2, False, True), (2, True, True), (3, False, True), (4, True, True)]
    refused = [tried(student.estimate, *models[0], *each, "deepspeed") for each in wrong]
    return {"seen": seen, "refused": [*refused, tried(student.estimate, *models[0], 2, convention="Paper")]}


def gradients(rng, numels=(), bucket=8, n=0):
    return {"numels": list(numels) or [rng.integer(1, bucket + 3) for _ in range(n)], "bucket": bucket}


@check(
    points=1,
    inputs=gradients,
    lecture="buckets",
    public=[case("five gradients", numels=[3, 4, 2, 9, 1], bucket=7), case("a gap in an older bucket", numels=[5, 4, 1, 3], bucket=6)],
    hidden=[
        case("at random", n=30, bucket=11),
        case("exactly full", numels=[4, 4, 4, 4, 8, 8]),
        case("all are too large", numels=[9, 10, 11]),
        case("a large one first and last", numels=[20, 1, 1, 20]),
        case("one bucket", numels=[1, 2, 3], bucket=100),
        case("one each", numels=[1, 1, 1], bucket=1),
        case("one gradient", numels=[5]),
        case("none", numels=[]),
        case("real sizes", numels=[38_597_376, 786_432, 768, 1_769_472, 2304, 589_824, 768, 2_359_296, 3072], bucket=2_400_000),
    ],
    fresh=1,
    cites=["Each goes into the newest bucket", "No gradient is cut in two", "one that is larger than a bucket"],
)
def buckets_are_filled_in_order(student, numels, bucket):
    """Gradients fill the newest bucket in order, whole, and a large one is alone."""
    return [student.bucketize(numels, bucket), student.bucketize(numels[::-1], bucket), student.bucketize(numels, bucket + 1)]


@check(
    points=1,
    lecture="loss-scales",
    public=[case("off, fixed, dynamic", settings=[None, {"loss_scale": 8}, {"enabled": True, "loss_scale": 128}, {"enabled": True}])],
    hidden=[
        case("all that can be set", settings=[{"enabled": True, "initial_scale_power": 12, "loss_scale_window": 500, "hysteresis": 3, "min_loss_scale": 2}]),
        case("0 is dynamic", settings=[{"enabled": True, "loss_scale": 0}, {"enabled": True, "loss_scale": 0.0, "initial_scale_power": 0}, {"enabled": True, "loss_scale": None, "hysteresis": None}]),
        case("off is off", settings=[{}, {"enabled": False, "loss_scale": -1}, {"enabled": False}, {"enabled": None}]),
        case("fixed ones", settings=[{"enabled": True, "loss_scale": 0.5}, {"enabled": True, "loss_scale": 1, "initial_scale_power": 3}, {"enabled": True, "loss_scale": 65536}]),
        case("a large power, and one that is negative", settings=[{"enabled": True, "initial_scale_power": 32}, {"enabled": True, "initial_scale_power": -2}]),
        case("zeros that are there, and a scale with a fraction", settings=[{"enabled": True, "hysteresis": 0, "min_loss_scale": 0}, {"enabled": True, "loss_scale": 2.5}]),
    ],
    cites=["None if that is missing or not enabled", "Otherwise it is dynamic", "where they are missing these are", "A negative loss_scale"],
)
def loss_scales_are_fixed_or_dynamic(student, settings):
    """A loss scale is off, fixed, or dynamic where it is 0, with DeepSpeed's defaults."""
    bad = [raises("ValueError", lambda scale=scale: student.loss_scale({"fp16": {"enabled": True, "loss_scale": scale}})) for scale in (-1, -0.5)]
    cfgs = [{"fp16": fp16 and dict(fp16), "bf16": {"enabled": True}} for fp16 in settings]
    seen = copy.deepcopy([student.loss_scale(cfg) for cfg in cfgs])
    changed = [again(student.loss_scale, {"fp16": {"enabled": True, **more}}) for more in ({}, {"loss_scale": 4})]
    whole = student.loss_scale({"fp16": {"enabled": True, "loss_scale": 128}})["scale"]
    return {"seen": seen, "given": cfgs, "missing": student.loss_scale({}), "bad": bad, "after the caller has changed the first result": changed,
            "a fixed scale of 128 is a": type(whole).__name__}  # fmt: skip
