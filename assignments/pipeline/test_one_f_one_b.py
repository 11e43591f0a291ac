"""Public checks of pipeline/one_f_one_b: run `pytest` on this file, or `autograder check pipeline/one_f_one_b`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from torch.nn.functional import cross_entropy, mse_loss
from autograder.checks import Rejection, again, case, check, flags, lab, reject
from autograder.lab.held import Held
from autograder.lab.pipeline import peaks, random_schedule
from autograder.lab.schedules import invalid, too_full, too_long
from autograder.lab.stages import stack
from autograder.lab.steps import execution, most_gradients, most_kept, most_outputs, strangers


def as_short_as_gpipe(seen, case):
    p, m = case["p"], case["m"]
    steps = m + p - 1
    return invalid(seen, p, m) or too_long(seen, 3.0 * steps) or too_long(seen, 2.0 * steps, tf=1.0, tb=1.0)


def new_lists(seen, m):
    """What `again` gives is a schedule as well."""
    if invalid(seen["again"], 1, m + 30) is None:
        return None
    return reject(
        "A schedule (for 1 device and {m} micro-batches) is wrong when you are asked for it a second time, after the caller has changed "
        "the lists of the first call. Make new lists in each call.",
        m=m + 30,
    )


def holds_few(seen, case):
    """As short, and within the memory: the naive schedule holds even less, and does not count."""
    p, m = case["p"], case["m"]
    schedule = seen["schedule"]
    full = as_short_as_gpipe(schedule, case) or too_full(schedule, [min(m, p - s) for s in range(p)])
    return full or new_lists(seen, m)


@check(points=2, judge=as_short_as_gpipe, lecture='three-phases', public=[case('2 devices, 3 micro-batches', p=2, m=3), case('4 devices, 8 micro-batches', p=4, m=8), case('4 devices, 2 micro-batches', p=4, m=2)], given={})
def as_short_as_it_can_be(student, p, m):
    """The schedule is valid, comes to no deadlock, and takes (m + p - 1) · (tf + tb), also when m < p."""
    return student.one_f_one_b(p, m)


@check(points=2, judge=holds_few, lecture='what-a-device-holds', public=[case('2 devices, 4 micro-batches', p=2, m=4), case('4 devices, 7 micro-batches', p=4, m=7)], given={})
def a_device_holds_no_more_than_it_must(student, p, m):
    """Device s holds the activations of at most min(m, p - s) micro-batches, and the schedule is no longer for it."""
    return {"schedule": student.one_f_one_b(p, m), "again": again(student.one_f_one_b, 1, m + 30)}


@check(points=1, lecture='what-a-device-holds', public=[case(p=4, m=8), case(p=3, m=2)])
def the_peak_has_a_formula(student, p, m):
    """`peak_activations` is what 1F1B holds on each device."""
    return again(student.peak_activations, p, m)


@check(points=1, lecture='what-a-device-holds', public=[case(p=2, m=8), case(p=4, m=2)])
def memory_is_a_fraction_of_gpipes(student, p, m):
    """`memory_vs_gpipe` is, for each device, 1F1B's peak over GPipe's."""
    return again(student.memory_vs_gpipe, p, m)


TWO_BY_THREE = [
    [(0, "F", 0), (0, "F", 1), (0, "B", 0), (0, "F", 2), (0, "B", 1), (0, "B", 2)],
    [(1, "F", 0), (1, "B", 0), (1, "F", 1), (1, "B", 1), (1, "F", 2), (1, "B", 2)],
]


LAST_FIRST = [
    [(0, "F", 2), (0, "F", 0), (0, "F", 1), (0, "B", 2), (0, "B", 1), (0, "B", 0)],
    [(1, "F", 2), (1, "B", 2), (1, "F", 0), (1, "F", 1), (1, "B", 1), (1, "B", 0)],
]


SCHEDULES = {"2 devices, 3 micro-batches": TWO_BY_THREE, "the last first": LAST_FIRST}


def ahead(stage, most, m):
    """A device's list that holds `most` micro-batches at once: a backward as soon as that many forwards have run."""
    turns = [(stage, "F", i) for i in range(most)]
    for i in range(m):
        turns += [(stage, "B", i), *([(stage, "F", most + i)] if most + i < m else [])]
    return turns


def step(rng, rows, kinds, m=1, order="random", width=3, loss="mse", dtype="float32", before=False, again=False):
    """A schedule, a model with a stage for each of its devices, and a batch; `before`: there are gradients already; `again`: a
    second step follows, on another batch."""
    dtype = getattr(torch, dtype)
    weights = []
    for kind in kinds:
        if kind == "embed":
            weights.append(rng.normal(11, width, dtype=dtype))
        elif kind == "linear":
            wider = width + 1  # each layer has its own shape, so that a wrong gradient does not fit
            weights += [rng.normal(wider, width, dtype=dtype), rng.normal(wider, scale=0.3, dtype=dtype)]
            width = wider
    if order == "random":
        schedule = random_schedule(rng, len(kinds), m)
    elif order == "1F1B":
        schedule = [ahead(s, min(m, len(kinds) - s), m) for s in range(len(kinds))]
    elif order == "all forwards first":
        schedule = [[(s, kind, i) for kind in "FB" for i in range(m)] for s in range(len(kinds))]
    else:
        schedule = SCHEDULES[order]
    first = 0 if "embed" in kinds else weights[0].shape[1]
    return {
        "schedule": schedule,
        "kinds": list(kinds),
        "weights": weights,
        "x": rng.integers(0, 11, rows, 4) if "embed" in kinds else rng.normal(rows, first, dtype=dtype),
        "y": rng.integers(0, width, rows) if loss == "cross entropy" else rng.normal(rows, width, dtype=dtype),
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


@check(points=2, inputs=step, lecture='running-a-schedule', public=[case('2 devices, 6 rows', rows=6, kinds=['linear', 'linear'], order='2 devices, 3 micro-batches'), case('2 devices, 7 rows: micro-batches of 3, 2 and 2', rows=7, kinds=['linear', 'linear'], order='2 devices, 3 micro-batches'), case('two steps, one after the other', rows=3, m=2, kinds=['linear', 'linear'], order='1F1B', again=True)])
def gradients_are_those_of_the_batch(student, schedule, kinds, weights, x, y, loss, before, again):
    """`run_schedule` adds the gradient of the mean loss over the whole batch to `.grad`, whatever the schedule is."""
    stages = stack(kinds, weights)
    for parameter, grad in zip(parameters(stages), before, strict=False):
        parameter.grad = grad.clone()
    means = [student.run_schedule(schedule, stages, x, y, LOSSES[loss])]
    if again:
        x, y = (each.mT.contiguous().mT for each in again)  # views whose rows do not lie in order
        means.append(student.run_schedule(schedule, stages, x, y, LOSSES[loss]))
    return {
        "losses": [mean.detach() for mean in means],
        "require gradients": [mean.requires_grad for mean in means],
        "gradients": [parameter.grad for parameter in parameters(stages)],
        "weights": [parameter.detach() for parameter in parameters(stages)],
    }


def hosted(rng, training=True, frozen="", **rest):
    """The same with stages on the trusted side: what happens to them is recorded there. `frozen`: what of them is."""
    made = step(rng, **rest)
    stages = lab("stages", kinds=made["kinds"], weights=made["weights"])
    return {
        "schedule": made["schedule"],
        "stages": stages,
        "x": made["x"],
        "y": made["y"],
        "loss": made["loss"],
        "training": training,
        "frozen": frozen,
    }


def written(ops):
    return " ".join(f"{kind}{i}" for kind, i in ops)


def without_a_loss(seen):
    """A loss that is not the batch's costs the check of gradients alone; one that is made up earns nothing for the stages either."""
    if seen["loss"] == 0:
        return reject("The stages run, and the loss that comes back is 0. It is the mean loss of the batch.")
    return None


def in_order(seen, want, record, want_record, inputs):
    schedule = inputs["schedule"]
    m = len(schedule[0]) // 2
    ran = execution(record, want_record, len(schedule), m)
    if isinstance(ran, Rejection):
        return ran
    for stage, (steps, ops) in enumerate(zip(ran, schedule, strict=True)):
        numbers = [i for _, kind, i in ops if kind == "F"]  # in the order in which the reference runs them
        got = [(step.kind, numbers[step.micro_batch] if step.micro_batch >= 0 else "?") for step in steps]
        right = [(kind, i) for _, kind, i in ops]
        if got != right:
            return strangers(ran) or reject(
                "Stage {stage} runs {got}; its list says {want}. Each device runs its own list, in order, each operation once.",
                stage=stage, got=written(got), want=written(right),
            )  # fmt: skip
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


def freed(seen, want, record, inputs):
    schedule = inputs["schedule"]
    stages = len(schedule)
    for stage, ops in enumerate(schedule):
        if sum(event["event"] == "B" and event["stage"] == stage for event in record) < len(ops) // 2:
            return reject("Stage {stage} runs too few backwards, so there is nothing to free.", stage=stage)
    for stage, (most, enough) in enumerate(zip(most_kept(record, stages), peaks(schedule), strict=True)):
        if most > enough:
            return reject(
                "Stage {stage} keeps what a backward needs for {most} micro-batches at once; with this schedule {enough} are enough. "
                "Run each B when its turn comes, let it free its graph, and drop what you hold of its micro-batch.",
                stage=stage, most=most, enough=enough,
            )  # fmt: skip
    most, enough = most_outputs(record), sum(peaks(schedule)) + 2  # what a variable of a loop still holds
    if most > enough:
        return reject(
            "{most} outputs of stages are in memory at once; with this schedule {enough} are enough. The output of a stage is the input of "
            "the next: drop what you hold of a micro-batch when its B has run.",
            most=most, enough=enough,
        )  # fmt: skip
    most = most_gradients(record)  # one that is in memory is on its way to a stage that holds that micro-batch
    if most > enough:
        return reject(
            "{most} gradients that stages sent back are in memory at once; with this schedule {enough} are enough. Drop a gradient when "
            "the B that needs it has run.",
            most=most, enough=enough,
        )  # fmt: skip
    if seen["still held"] != want["still held"]:
        return reject(
            "After the call your code still holds {got}. Keep nothing at the top of the file, or in a default argument.",
            got=", ".join(seen["still held"]),
        )  # fmt: skip
    return without_a_loss(seen)


def run(student, schedule, stages, x, y, loss, training, frozen):
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
    mean = student.run_schedule(schedule, stages, x, y, LOSSES[loss])
    return {
        "loss": float(mean),
        "dtype": str(mean.dtype),
        "modes": [part.training for stage in stages for part in stage.modules()],
        "same parameters": [new is old for new, old in zip(parameters(stages), held, strict=True)],
        "same memory": [parameter.data_ptr() == place for parameter, place in zip(held, places, strict=True)],
        "flags": flags(x, y, *stages),
        "gradients of the frozen": [parameter.grad for parameter in held if not parameter.requires_grad],
    }


def run_and_let_go(student, schedule, stages, x, y, loss, training, frozen):
    """What of the batch, of the targets and of the loss is still in memory when the caller has let it go."""
    for stage in stages:
        stage.train(training)
    held = Held()
    x, y = held.copy("x", x), held.copy("y", y)
    mean = student.run_schedule(schedule, stages, x, y, LOSSES[loss])
    held.watch("the loss", mean)
    value = float(mean)
    del x, y, mean
    return {"loss": value, "still held": held.names()}


@check(points=1, inputs=hosted, judge=in_order, lecture='running-a-schedule', public=[case('2 devices, 7 rows', rows=7, kinds=['linear', 'linear'], order='2 devices, 3 micro-batches'), case('micro-batches in another order', rows=7, kinds=['linear', 'linear'], order='the last first')])
def stages_run_their_lists(student, schedule, stages, x, y, loss, training, frozen):
    """Stage s of `run_schedule` runs `schedule[s]`: each forward and backward once, in exactly that order."""
    return run(student, schedule, stages, x, y, loss, training, frozen)


@check(points=1, inputs=hosted, judge=freed, lecture='running-a-schedule', public=[case('2 devices, 3 micro-batches', rows=6, kinds=['linear', 'linear'], order='2 devices, 3 micro-batches'), case('2 devices, 8 micro-batches, 1F1B', rows=8, m=8, kinds=['linear', 'linear'], order='1F1B')])
def memory_is_what_the_schedule_promises(student, schedule, stages, x, y, loss, training, frozen):
    """A stage keeps what a micro-batch's backward needs from its F to its B, and frees it then."""
    return run_and_let_go(student, schedule, stages, x, y, loss, training, frozen)
