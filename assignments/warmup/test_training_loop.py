"""Public checks of warmup/training_loop: run `pytest` on this file, or `autograder check warmup/training_loop`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, flags, leaves, leaves_gradients_off


def one_step(rng, shape=(3,), t=1, dtype="float64", start=False, scale=1.0, numbers=None, **options):
    """A parameter, its gradient and the state before step t. `options` are left to their defaults where a case has none."""
    p, g = rng.normal(*shape, dtype=dtype), rng.normal(*shape, scale=scale, dtype=dtype)
    if numbers is not None:
        p, g = (torch.tensor(each, dtype=g.dtype) for each in numbers)
    m, v = rng.normal(*p.shape, scale=scale, dtype=dtype), rng.normal(*p.shape, scale=scale, dtype=dtype) ** 2
    if start:
        m, v = torch.zeros_like(m), torch.zeros_like(v)
    return {"p": p, "g": g, "m": m, "v": v, "t": t, "options": {"lr": 0.1, "weight_decay": 0.0} | options}


def updates(student, p, g, m, v, t, options):
    """A step, one of a parameter that requires gradients, one of views, and the first once more."""
    leaf, gradient = leaves(p, g)  # the gradient of a gradient's graph requires one as well
    view = [x.mT.contiguous().mT if x.ndim > 1 else x[::2] for x in (p, g, m, v)]
    first = student.adamw_update(p, g, m, v, t, **options)
    recorded = student.adamw_update(leaf, gradient, m, v, t, **options)
    return {
        "p, m, v": first,
        "of a leaf": recorded,
        "records gradients": [x.requires_grad for x in recorded],
        "of views": student.adamw_update(*view, t, **options),
        "the other way": student.adamw_update(-p, 2 * g, m, v, t + 1, **options),
        "other settings": student.adamw_update(p, g, m, v, t, **options | {"betas": (0.3, 0.6), "eps": 0.2}),
        "left": flags(p, g, m, v, leaf),
    }


@check(points=1, inputs=one_step, lecture='adam-a-step-of-its-own-for-each-number', public=[case('the first step', numbers=[[1.0, 1.0, 1.0], [4.0, -0.5, 0.001]], start=True), case('the second step', numbers=[[1.0, 1.0, 1.0], [4.0, -0.5, 0.001]], t=2)])
def moments_are_corrected_for_their_start(student, p, g, m, v, t, options):
    """p moves by lr · m̂ / (√v̂ + eps), with both running means corrected by 1 - β^t."""
    return updates(student, p, g, m, v, t, options)


def decaying(rng, **options):
    made = one_step(rng, **options)
    if made["options"]["weight_decay"] == 0.0:
        del made["options"]["weight_decay"]
    return made


@check(points=1, inputs=decaying, lecture='weight-decay-beside-the-gradient', public=[case('half of the learning rate', numbers=[[1.0, -4.0, 2.0], [4.0, 0.5, -1.0]], start=True, weight_decay=0.5), case('the default', numbers=[[1.0, -4.0, 2.0], [4.0, 0.5, -1.0]], t=2)])
def decay_stands_beside_the_gradient(student, p, g, m, v, t, options):
    """The decay takes lr · λ of the old parameter away, and neither m nor v hears of it."""
    return updates(student, p, g, m, v, t, options)


def several(rng, shapes=((2, 3), (4,)), steps=3, missing=(), zeros=(), rates=None, dtype="float64", **options):
    """Parameters and their gradients of several steps. `missing`: (step, parameter) without a gradient; `zeros`: with one of zeros."""
    grads = [[None if (s, i) in missing else rng.normal(*shape, dtype=dtype) for i, shape in enumerate(shapes)] for s in range(steps)]
    for s, i in zeros:
        grads[s][i] = torch.zeros_like(grads[s][i])
    return {
        "start": [rng.normal(*shape, dtype=dtype) for shape in shapes],
        "grads": grads,
        "rates": rates or [None] * steps,
        "options": options,
    }


def course(optimizer, params, grads, rates):
    """The parameters after each step, and what a step leaves of the gradients."""
    seen = []
    for step, rate in zip(grads, rates, strict=True):
        for p, g in zip(params, step, strict=True):
            p.grad = None if g is None else g.clone()
        if rate is not None:
            optimizer.lr = rate
        optimizer.step()
        seen.append({"params": [p.detach().clone() for p in params], "grads": [p.grad for p in params]})
    held = [p.grad for p in params]
    for p in params:
        p.grad = None  # so that the last step changes nothing
    seen.append({"gradients stay off": leaves_gradients_off(optimizer.step)})
    for p, grad in zip(params, held, strict=True):
        p.grad = grad
    return seen


@check(points=1, inputs=several, lecture='what-an-optimizer-remembers', public=[case('two parameters, three steps', weight_decay=0.0, lr=0.1), case('another learning rate in each step', shapes=((2,), (1, 2)), rates=[0.1, 0.4, 0.2])])
def each_parameter_has_its_own_moments(student, start, grads, rates, options):
    """Every step updates all parameters in place, each with its own moments, with the learning rate that `lr` has then."""
    params, others = leaves(*start), leaves(*[x.mT.contiguous().mT if x.ndim == 2 else x for x in start])
    rows = [p.detach()[:1] for p in params]  # views, made before
    optimizer = student.AdamW((p for p in params), **options)
    another = student.AdamW(others, **options)
    first = course(optimizer, params, grads, rates)
    second = course(another, others, [[-2 * g for g in step] for step in grads], rates)
    left = [flags(*params), [p.is_leaf for p in params], [x.clone() for x in rows]]
    optimizer.zero_grad()
    third = course(optimizer, params, grads[:1], rates[:1])
    optimizer.zero_grad()
    return {
        "steps": first,
        "of another optimizer": second,
        "one more": third,
        "after zero_grad": [p.grad for p in params],
        "left": left,
    }


@check(points=1, inputs=several, lecture='what-an-optimizer-remembers', public=[case('the second parameter has no gradient in the first two steps', missing=[(0, 1), (1, 1)], steps=3, lr=0.1)])
def parameters_without_a_gradient_wait(student, start, grads, rates, options):
    """A parameter without a gradient does not move or decay, and its t counts only its own steps."""
    params = leaves(*start)
    return course(student.AdamW(params, **options), params, grads, rates)


@check(points=1, lecture='the-learning-rate-rises-and-falls', public=[case('four steps of warm-up in ten', calls=[[i, 4, 10] for i in range(11)]), case('down to a tenth', calls=[[i, 2, 6, 0.1] for i in range(7)])])
def the_rate_rises_in_a_line_and_falls_in_a_wave(student, calls):
    """The factor is step / warmup before step `warmup`, 1 in it, and then half a cosine down to the floor."""
    return [student.cosine_with_warmup(*call) for call in calls]


def gradients_of(rng, shapes=((2, 3), (4,)), max_norm=1.0, without=(), scale=1.0, dtype="float64", numbers=None):
    grads = [rng.normal(*shape, scale=scale, dtype=dtype) for shape in shapes]
    if numbers is not None:
        grads = [torch.tensor(each, dtype=torch.float64) for each in numbers]
    return {"grads": [None if i in without else g for i, g in enumerate(grads)], "max_norm": max_norm}


@check(points=1, inputs=gradients_of, lecture='one-length-for-all-gradients', public=[case('3, 4 and 12 have the length 13', numbers=[[3.0, 4.0], [12.0]], max_norm=2.0), case('short enough', numbers=[[0.3, 0.4], [0.0]], max_norm=2.0)])
def all_gradients_are_shortened_alike(student, grads, max_norm):
    """All gradients are multiplied by min(1, max_norm / (norm + 1e-6)), and the norm from before is returned."""
    params = leaves(*[torch.zeros(3) if g is None else 0 * g.mT.contiguous().mT if g.ndim == 2 else 0 * g for g in grads])
    results = []
    for flipped in (False, True):  # the second time with views
        for p, g in zip(params, grads, strict=True):
            if g is not None:
                p.grad = -g.mT.contiguous().mT if flipped and g.ndim == 2 else g.clone()
        held = [p.grad for p in params]  # by others too
        norm = student.clip_grad_norm((p for p in params), max_norm)
        results += [norm, norm.requires_grad, [None if g is None else g.clone() for g in held]]
    again = student.clip_grad_norm(params, max_norm / 2)
    return {"clipped": results, "norm after clipping": again, "clipped again": [p.grad for p in params], "left": flags(*params)}


def regression(rng, sizes=(2, 3), C=3, dtype="float64", scale=1.0, n_items=None):
    """Least squares: micro-batches of x (n, C) and y (n,) of different sizes n."""
    return {
        "w": rng.normal(C, dtype=dtype),
        "parts": [(rng.normal(n, C, scale=scale, dtype=dtype), rng.normal(n, dtype=dtype)) for n in sizes],
        "n_items": n_items or sum(sizes),
    }


def squares(w, events):
    """A loss that writes down when it is computed, and when its backward pass runs."""

    def loss_sum(part):
        x, y = part
        loss = ((x @ w - y) ** 2).sum()
        events.append(f"forward {len(y)}")
        loss.register_hook(lambda _: events.append(f"backward {len(y)}"))
        return loss

    return loss_sum


def one_by_one(parts, events):
    """The micro-batches, with a note of when each was asked for."""
    for part in parts:
        events.append(f"asked for {len(part[1])}")
        yield part


@check(points=1, inputs=regression, lecture='a-large-batch-in-small-pieces', public=[case('two items, then three', sizes=(2, 3)), case('one, five and two', sizes=(1, 5, 2), C=2)])
def every_item_weighs_the_same(student, w, parts, n_items):
    """The gradient is that of the mean over all items, added to what was there, with one micro-batch in memory at a time."""
    (fresh, used), events = leaves(w, w), []
    loss = student.accumulate(squares(fresh, events), one_by_one(parts, events), n_items)
    seen = {"loss": loss, "gradient": fresh.grad.clone(), "order": list(events)}
    used.grad = torch.arange(1.0, len(w) + 1, dtype=w.dtype)
    views = [(x.mT.contiguous().mT, 2 * y) for x, y in parts[::-1]]
    seen["loss of another call"] = student.accumulate(squares(used, events), views, n_items)
    seen["added to what was there"] = used.grad
    student.accumulate(squares(fresh, events), parts[:1], n_items)
    return seen | {"twice": fresh.grad, "left": flags(fresh, used, *[x for part in parts for x in part])}


def run_of(rng, steps=((2, 3), (4,), (1, 2)), C=3, scale=1.0, **options):
    batches = []
    for sizes in steps:
        part = regression(rng, sizes, C, scale=scale)
        batches.append((part["parts"], sum(sizes)))
    return {"w": part["w"], "b": rng.normal(1, dtype="float64"), "batches": batches, "options": {"lr": 0.5, "warmup": 1} | options}


@check(points=1, inputs=run_of, lecture='the-loop', public=[case('three steps, one of them warm-up', max_norm=2.0), case('no warm-up, all defaults', steps=((3,), (2, 2)), warmup=0)])
def accumulate_clip_step(student, w, b, batches, options):
    """Each step drops old gradients, accumulates, clips once, and uses the learning rate of its own number."""
    weight, bias = leaves(w, b)
    weight.grad, bias.grad = torch.full_like(w, 100.0), torch.full_like(b, -100.0)  # from before

    def loss_sum(part):
        x, y = part
        return ((x @ weight + bias - y) ** 2).sum()

    def state():
        return [weight.detach().clone(), bias.detach().clone()]

    views = [([(x.mT.contiguous().mT, -2 * y) for x, y in parts], n) for parts, n in batches]
    others = {"floor": 0.75, "max_norm": 0.7, "weight_decay": 0.4}
    seen = {"log": student.train(iter([weight, bias]), loss_sum, batches, **options), "after": state()}
    params = [weight, bias]
    for name, given, settings in (("again", batches, {}), ("other batches", views, {}), ("other settings", batches, others)):
        with torch.no_grad():
            weight.copy_(w)
            bias.copy_(b)
        seen[name] = [student.train(params, loss_sum, given, **options | settings), state()]
    return seen | {"left": flags(*params, *[x for parts, _ in batches for part in parts for x in part])}
