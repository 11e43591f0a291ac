"""Public checks of framework/deepspeed_config: run `pytest` on this file, or `autograder check framework/deepspeed_config`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

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


@check(points=2, inputs=batches, lecture='three-batch-sizes', public=[case('two are given', configs=[(64, 4, None, 1), (64, None, 2, 4), (None, 3, 5, 2)]), case('one is given', configs=[(24, None, None, 4), (None, 3, None, 8)])])
def missing_sizes_follow(student, configs):
    """The missing batch sizes follow from train = micro · steps · GPUs."""
    return [student.resolve_batch(*each) for each in configs] + [student.resolve_batch(config | {"none": 1}, world) for config, world in configs]


@check(points=1, inputs=batches, lecture='three-batch-sizes', public=[case('too little is given, and a contradiction', configs=[(None, None, None, 2), (None, None, 4, 2), (30, 4, None, 2), (24, 4, 3, 2)])])
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


@check(points=1, inputs=zeros, lecture='what-is-sharded-and-where', public=[case('all stages', settings=[(n, None, None) for n in range(4)]), case('offloading', settings=[(2, 'cpu', None), (3, 'cpu', 'cpu')])])
def stages_shard_one_thing_more_each(student, configs):
    """Each stage shards one thing more, and each thing is where offloading puts it."""
    bare = [{}, {"zero_optimization": None}, {"zero_optimization": {"stage": 2, "offload_optimizer": {}, "offload_param": None}}, {"zero_optimization": {"stage": 1, "offload_optimizer": {"device": None}, "offload_param": {"device": None}}}]
    seen = copy.deepcopy([student.zero_plan(config) for config in configs + bare])
    return {"seen": seen, "after the caller has changed the first plan": [again(student.zero_plan, config) for config in ({"bf16": {}}, {"zero_optimization": {"stage": 3}})]}


@check(points=1, inputs=zeros, lecture='what-is-sharded-and-where', public=[case('parameters need stage 3', settings=[(2, None, 'cpu'), (3, None, 'cpu')])])
def impossible_plans_are_refused(student, configs):
    """What a stage cannot offload, and unknown stages and devices, are a ValueError."""
    return [tried(student.zero_plan, config) for config in configs]


def models(rng, total=0, largest=0, gpus=(), random=0):
    found = [[total, largest, n] for n in gpus]
    for _ in range(random):
        found.append([rng.integer(10**6, 10**11), rng.integer(10**3, 10**6), rng.integer(1, 200)])
    return {"models": found}


@check(points=1, inputs=models, lecture='memory-in-two-conventions', public=[case('7.5 billion on 64 GPUs', total=7500000000, largest=100000000, gpus=(64,))])
def the_papers_formulas(student, models):
    """In the paper's convention each stage divides one part more of 2 + 2 + 12 bytes by the number of GPUs."""
    seen = [student.estimate(*model, stage) for model in models for stage in range(4)]
    refused = [tried(student.estimate, *models[0], stage, *flags) for stage in (2, 3) for flags in ((True,), (True, True), (False, True))]
    return {"seen": seen, "refused": refused, "others": [tried(student.estimate, *models[0], stage) for stage in (-1, 4)]}


@check(points=2, inputs=models, lecture='memory-in-two-conventions', public=[case('7.5 billion on 64 GPUs', total=7500000000, largest=100000000, gpus=(64,)), case('3 GPUs', total=1300000007, largest=50257001, gpus=(3,))])
def deepspeeds_formulas(student, models):
    """In DeepSpeed's convention gradients cost 4 bytes more, the CPU half as much again, and stage 3 the largest layer."""
    flags = [(2, False, False), (2, True, False), (3, False, False), (3, True, False), (3, True, True)]
    seen = [student.estimate(*model, *each, convention="deepspeed") for model in models for each in flags]
    wrong = [(0, False, False), (1, False, False), (1, True, False), (2, False, True), (2, True, True), (3, False, True), (4, True, True)]
    refused = [tried(student.estimate, *models[0], *each, "deepspeed") for each in wrong]
    return {"seen": seen, "refused": [*refused, tried(student.estimate, *models[0], 2, convention="Paper")]}


def gradients(rng, numels=(), bucket=8, n=0):
    return {"numels": list(numels) or [rng.integer(1, bucket + 3) for _ in range(n)], "bucket": bucket}


@check(points=1, inputs=gradients, lecture='buckets', public=[case('five gradients', numels=[3, 4, 2, 9, 1], bucket=7), case('a gap in an older bucket', numels=[5, 4, 1, 3], bucket=6)])
def buckets_are_filled_in_order(student, numels, bucket):
    """Gradients fill the newest bucket in order, whole, and a large one is alone."""
    return [student.bucketize(numels, bucket), student.bucketize(numels[::-1], bucket), student.bucketize(numels, bucket + 1)]


@check(points=1, lecture='loss-scales', public=[case('off, fixed, dynamic', settings=[None, {'loss_scale': 8}, {'enabled': True, 'loss_scale': 128}, {'enabled': True}])])
def loss_scales_are_fixed_or_dynamic(student, settings):
    """A loss scale is off, fixed, or dynamic where it is 0, with DeepSpeed's defaults."""
    bad = [raises("ValueError", lambda scale=scale: student.loss_scale({"fp16": {"enabled": True, "loss_scale": scale}})) for scale in (-1, -0.5)]
    cfgs = [{"fp16": fp16 and dict(fp16), "bf16": {"enabled": True}} for fp16 in settings]
    seen = copy.deepcopy([student.loss_scale(cfg) for cfg in cfgs])
    changed = [again(student.loss_scale, {"fp16": {"enabled": True, **more}}) for more in ({}, {"loss_scale": 4})]
    whole = student.loss_scale({"fp16": {"enabled": True, "loss_scale": 128}})["scale"]
    return {"seen": seen, "given": cfgs, "missing": student.loss_scale({}), "bad": bad, "after the caller has changed the first result": changed,
            "a fixed scale of 128 is a": type(whole).__name__}
