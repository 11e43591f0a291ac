"""Public checks of pipeline/gpipe: run `pytest` on this file, or `autograder check pipeline/gpipe`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from torch.nn.functional import cross_entropy, mse_loss
from autograder.checks import Rejection, again, case, check, flags, lab, reject
from autograder.lab.schedules import drawn, invalid, too_long
from autograder.lab.stages import stack
from autograder.lab.steps import execution, most_kept, strangers


def new_lists(seen, m):
    """What `again` gives is a schedule as well."""
    if invalid(seen["again"], 1, m + 30) is None:
        return None
    return reject(
        "A schedule (for 1 device and {m} micro-batches) is wrong when you are asked for it a second time, after the caller has changed "
        "the lists of the first call. Make new lists in each call.",
        m=m + 30,
    )


def all_forwards_first(seen, case):
    """Valid, every F of a device before its first B, and no longer than it must be."""
    p, m, schedule = case["p"], case["m"], seen["schedule"]
    wrong = invalid(schedule, p, m)
    if wrong is not None:
        return wrong
    for device, ops in enumerate(schedule):
        kinds = [kind for _, kind, _ in ops]
        if "F" in kinds[kinds.index("B") :]:
            return reject(
                "Device {device} runs a B before its last F. In GPipe all forwards of a device come first.",
                device=device, timeline=drawn(schedule),
            )  # fmt: skip
    long = too_long(schedule, 3.0 * (m + p - 1)) or too_long(schedule, 5.0 * (m + p - 1), tf=4.0, tb=1.0)
    return long or new_lists(seen, m)


@check(points=2, judge=all_forwards_first, lecture='the-schedule', public=[case('2 devices, 2 micro-batches', p=2, m=2), case('4 devices, 8 micro-batches', p=4, m=8), case('3 devices, 1 micro-batch', p=3, m=1)], given={})
def the_schedule_fills_and_drains_once(student, p, m):
    """`gpipe_schedule` runs all forwards of a device, then all backwards, in (m + p - 1) · (tf + tb)."""
    return {"schedule": student.gpipe_schedule(p, m), "again": again(student.gpipe_schedule, 1, m + 30)}


@check(points=1, lecture='the-bubble', public=[case(p=4, m=8), case(p=2, m=1)])
def the_bubble_shrinks_with_micro_batches(student, p, m):
    """`bubble` is GPipe's idle share of all time."""
    return {"bubble": student.bubble(p, m), "with one micro-batch more": student.bubble(p, m + 1)}


@check(points=1, lecture='what-a-stage-holds', public=[case('everything is kept', m=8, boundary=10, inside=100, recompute=False), case('only inputs are kept', m=8, boundary=10, inside=100, recompute=True)])
def memory_grows_with_the_number_of_micro_batches(student, m, boundary, inside, recompute):
    """`peak_bytes`: m micro-batches are held at once; with recomputation, m inputs and the inside of one."""
    return student.peak_bytes(m, boundary, inside, recompute)


def batch(rng, rows, m, kinds, width=3, loss="mse", dtype="float32", recompute=False, before=False, again=False):
    """A model of these stages, a batch, and how to cut it; `before`: the parameters have gradients already; `again`: two more steps
    follow, one with the other value of `recompute`, and one on another batch."""
    dtype = getattr(torch, dtype)
    weights, tokens = [], "embed" in kinds
    for kind in kinds:
        if kind == "embed":
            weights.append(rng.normal(11, width, dtype=dtype))
        elif kind == "linear":
            wider = width + 1  # each layer has its own shape, so that a wrong gradient does not fit
            weights += [rng.normal(wider, width, dtype=dtype), rng.normal(wider, scale=0.3, dtype=dtype)]
            width = wider
    first = weights[0].shape[1]
    return {
        "kinds": list(kinds),
        "weights": weights,
        "x": rng.integers(0, 11, rows, 4) if tokens else rng.normal(rows, first, dtype=dtype),
        "y": rng.integers(0, width, rows) if loss == "cross entropy" else rng.normal(rows, width, dtype=dtype),
        "options": {"m": m, "recompute": True} if recompute else {"m": m},
        "loss": loss,
        "before": [rng.normal(*w.shape, dtype=dtype) for w in weights] if before else [],
        "again": [rng.normal(rows, first, dtype=dtype), rng.normal(rows, width, dtype=dtype)] if again else [],
    }


def in_float64(predicted, wanted):
    """A loss with a dtype of its own, and names of its own for what it takes."""
    return mse_loss(predicted.double(), wanted.double())


def in_bfloat16(predicted, wanted):
    return mse_loss(predicted.bfloat16(), wanted.bfloat16())


LOSSES = {"mse": mse_loss, "cross entropy": cross_entropy, "mse in float64": in_float64, "mse in bfloat16": in_bfloat16}


def parameters(stages):
    return [parameter for stage in stages for parameter in stage.parameters()]


@check(points=2, inputs=batch, lecture='a-mean-of-unequal-parts', public=[case('one stage, 4 rows, 2 micro-batches', rows=4, m=2, kinds=['linear']), case('two stages', rows=4, m=2, kinds=['linear', 'linear']), case('5 rows, 2 micro-batches: 3 and 2', rows=5, m=2, kinds=['linear', 'linear']), case('three steps, one after the other', rows=3, m=2, kinds=['linear', 'linear'], again=True)])
def gradients_are_those_of_the_batch(student, kinds, weights, x, y, options, loss, before, again):
    """`run_gpipe` adds the gradient of the mean loss over the whole batch to `.grad`, also when m does not divide it."""
    stages = stack(kinds, weights)
    for parameter, grad in zip(parameters(stages), before, strict=False):
        parameter.grad = grad.clone()
    means = [student.run_gpipe(stages, x, y, LOSSES[loss], **options)]
    if again:
        other = options | {"recompute": not options.get("recompute", False)}
        means.append(student.run_gpipe(stages, x, y, LOSSES[loss], **other))
        x, y = (each.mT.contiguous().mT for each in again)  # the same numbers, as views whose rows do not lie in order
        means.append(student.run_gpipe(stages, x, y, LOSSES[loss], **options))
    return {
        "losses": [mean.detach() for mean in means],
        "require gradients": [mean.requires_grad for mean in means],
        "gradients": [parameter.grad for parameter in parameters(stages)],
        "weights": [parameter.detach() for parameter in parameters(stages)],
    }


def micro_batches(case):
    """The rows of each micro-batch."""
    rows, m = case["rows"], case["m"]
    return [rows // m + (i < rows % m) for i in range(m)]


def hosted(rng, training=True, frozen="", **rest):
    """The same with stages on the trusted side: what happens to them is recorded there. `frozen`: what of them is."""
    made = batch(rng, **rest)
    stages = lab("stages", kinds=made.pop("kinds"), weights=made.pop("weights"))
    del made["before"], made["again"]
    return {"stages": stages, **made, "training": training, "frozen": frozen}


def without_a_loss(seen):
    """A loss that is not the batch's costs the check of gradients alone; one that is made up earns nothing for the stages either."""
    if seen["loss"] == 0:
        return reject("The stages run, and the loss that comes back is 0. It is the mean loss of the batch.")
    return None


def forwards_then_backwards(seen, want, record, want_record, inputs, case):
    """Every stage: m forwards of the right micro-batches, then each of them back, once."""
    sizes = micro_batches(case)
    ran = execution(record, want_record, len(case["kinds"]), len(sizes))
    if isinstance(ran, Rejection):
        return ran
    for stage, steps in enumerate(ran):
        kinds = "".join(step.kind for step in steps)
        if "BF" in kinds:
            return reject(
                "Stage {stage} runs a forward after a backward: {kinds}. All forwards come first.",
                stage=stage,
                kinds=kinds,
            )
        if kinds.count("F") != len(sizes) or kinds.count("B") != len(sizes):
            return reject(
                "Stage {stage} runs {forwards} forwards and {backwards} backwards for {m} micro-batches: each goes through once in "
                "either direction.",
                stage=stage, forwards=kinds.count("F"), backwards=kinds.count("B"), m=len(sizes),
            )  # fmt: skip
        if sorted(step.call for step in steps if step.kind == "B") != list(range(len(sizes))):
            return reject(
                "Stage {stage} runs the backward of some micro-batch twice, and of another never.", stage=stage
            )
        got = [step.rows for step in steps if step.kind == "F"]
        if sorted(got) != sorted(sizes):
            return reject(
                "The micro-batches of stage {stage} have {got} rows. They are those of tensor_split: {want}.",
                stage=stage, got=got, want=sizes,
            )  # fmt: skip
        if sorted(step.micro_batch for step in steps if step.kind == "F") != list(range(len(sizes))):
            return strangers(ran) or reject(
                "Stage {stage} runs some micro-batch twice, and another never.", stage=stage
            )
    return left_alone(seen, want)


def left_alone(seen, want):
    """What the caller passed is as it was, but for `.grad`."""
    if seen["modes"] != want["modes"]:
        return reject(
            "The stages, or modules in them, come back in another mode: `training` is {got}; it was {want}. Each has its own.",
            got=seen["modes"], want=want["modes"],
        )  # fmt: skip
    if any(seen[part] != want[part] for part in ("same parameters", "same memory")):
        return reject(
            "Stages come back with other parameters: an optimizer that holds theirs would go on with the old ones."
        )
    if seen["flags"] != want["flags"]:
        return reject(
            "`requires_grad` of x, y or a parameter, or torch's default dtype, is not what it was before the call."
        )
    if any(each is not None for each in seen["gradients of the frozen"]):
        return reject("A parameter that requires no gradient gets one.")
    if seen["dtype"] != want["dtype"]:
        return reject("The loss that you return is {got}; the losses are {want}.", got=seen["dtype"], want=want["dtype"])
    return without_a_loss(seen)


def run(student, stages, x, y, options, loss, training, frozen):
    """How the call leaves what it was given. What the judge looks at beside that is the record of the stages."""
    for number, stage in enumerate(stages):  # neighbours are in different modes, and so is what is in them
        stage.train(training == (number % 2 == 0))
        for part in stage.children():
            part.train(not stage.training)
    held = parameters(stages)
    chosen = {"the last parameter": held[-1:], "the second stage": parameters(stages[1:2])}.get(frozen, [])
    for parameter in chosen:
        parameter.requires_grad_(False)
    places = [parameter.data_ptr() for parameter in held]
    mean = student.run_gpipe(stages, x, y, LOSSES[loss], **options)
    return {
        "loss": float(mean),
        "dtype": str(mean.dtype),
        "modes": [part.training for stage in stages for part in stage.modules()],
        "same parameters": [new is old for new, old in zip(parameters(stages), held, strict=True)],
        "same memory": [parameter.data_ptr() == place for parameter, place in zip(held, places, strict=True)],
        "flags": flags(x, y, *stages),
        "gradients of the frozen": [parameter.grad for parameter in held if not parameter.requires_grad],
        "gradient mode": torch.is_grad_enabled(),
    }


def run_after_another(student, stages, x, y, options, loss, training, frozen):
    """The same, after a step on another model that did not recompute: what that one was told does not count here."""
    student.run_gpipe([torch.nn.Linear(1, 1)], torch.ones(2, 1), torch.ones(2, 1), mse_loss, 2)
    return run(student, stages, x, y, options, loss, training, frozen)


@check(points=1, inputs=hosted, judge=forwards_then_backwards, lecture='running-it', public=[case('2 stages, 3 micro-batches', rows=6, m=3, kinds=['linear', 'linear']), case('3 stages, 5 rows, 2 micro-batches', rows=5, m=2, kinds=['linear'] * 3)])
def each_micro_batch_passes_once(student, stages, x, y, options, loss, training, frozen):
    """Each stage of `run_gpipe` runs m forwards, of the rows of `tensor_split`, and then their m backwards."""
    return run(student, stages, x, y, options, loss, training, frozen)


def one_at_a_time_is_kept(seen, want, record, want_record, case):
    """With recomputation: m forwards that keep nothing, then for each micro-batch a forward and its backward."""
    m, stages = case["m"], len(case["kinds"])
    ran = execution(record, want_record, stages, m)
    if isinstance(ran, Rejection):
        return ran
    for stage, steps in enumerate(ran):
        kinds = [step.kind for step in steps]
        if kinds.count("B") != m or kinds.count("F") != 2 * m:
            return reject(
                "Stage {stage} runs {forwards} forwards and {backwards} backwards for {m} micro-batches. With recompute it runs each "
                "forward twice: once on the way there, and again for its backward.",
                stage=stage, forwards=kinds.count("F"), backwards=kinds.count("B"), m=m,
            )  # fmt: skip
        if kinds[:m] != ["F"] * m:
            return reject("Stage {stage} runs a backward before its m forwards are done.", stage=stage)
    for stage, most in enumerate(most_kept(record, stages)):
        if most > 1:
            return reject(
                "Stage {stage} keeps what the backward needs for {most} micro-batches at once. With recompute a forward keeps its "
                "input alone (`torch.no_grad()`), and is run again just before its backward.",
                stage=stage, most=most,
            )  # fmt: skip
    if seen["gradient mode"] != want["gradient mode"]:
        return reject(
            "Gradients are switched off when you return. `with torch.no_grad():` switches them on again at its end."
        )
    return strangers(ran) or without_a_loss(seen)


@check(points=1, inputs=hosted, judge=one_at_a_time_is_kept, lecture='recomputation', public=[case('2 stages, 3 micro-batches', rows=6, m=3, kinds=['linear', 'linear'], recompute=True)])
def recomputing_keeps_one_micro_batch(student, stages, x, y, options, loss, training, frozen):
    """With recompute=True a stage keeps what a backward needs for one micro-batch at a time, and runs each forward twice."""
    return run_after_another(student, stages, x, y, options, loss, training, frozen)
