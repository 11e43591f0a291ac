"""Public checks of quant/gptq: run `pytest` on this file, or `autograder check quant/gptq`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, difference, flags, raises


FACTOR = Tolerance(atol=1e-9, rtol=1e-8)


def as_exact_as_w(seen, want):
    """s follows from weights that carry errors of earlier columns."""
    return difference(seen, want, FACTOR if (want.get("first") or want)["s"].dtype == torch.float64 else None)


def correlated(rng, n, C, dtype="float64"):
    """Inputs that belong together: few directions, and columns of different sizes."""
    mixed = rng.normal(n, C, dtype="float64") @ rng.normal(C, C, dtype="float64")
    return (mixed * rng.uniform(0.4, 2.0, C, dtype=torch.float64)).to(getattr(torch, dtype))


def left():
    """What a call could have changed for the whole program. The precision is set back for the next case."""
    precision, on_gpus = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = True
    return [torch.rand(2), torch.is_grad_enabled(), precision, on_gpus]


def batches(rng, sizes=None, dtype="float64", damp=None, given=None):
    if given is not None:
        return {"batches": [torch.tensor(each) for each in given], "damp": damp}
    return {"batches": [correlated(rng, torch.Size(size[:-1]).numel(), size[-1], dtype).reshape(size) for size in sizes], "damp": damp}


def damped(damp):
    return {} if damp is None else {"damp": damp}


@check(points=2, inputs=batches, lecture='what-an-error-costs', public=[case('two inputs, no damping', given=[[[1.0, 2.0], [3.0, 0.0]]], damp=0.0), case('batches of one and of two, damping', given=[[[1.0, 2.0, 0.0]], [[3.0, 0.0, 1.0], [1.0, 1.0, 0.0]]], damp=0.5), case('two inputs, damping by default', given=[[[1.0, 2.0], [3.0, 0.0]]])])
def inputs_are_summed_up_in_h(student, batches, damp):
    """hessian gives 2 · mean of xᵀ x over the inputs of all batches together, and damping relative to the mean of its diagonal."""
    torch.manual_seed(1)
    first = student.hessian(batches, **damped(damp))
    views = [torch.stack([each, each], -1)[..., 0] for each in batches]  # not contiguous
    leaves = [each.clone().requires_grad_() for each in batches]
    return {
        "H": first,
        "of twice the inputs": student.hessian([2 * each for each in batches], **damped(damp)),
        "of views": student.hessian(views, **damped(damp)),
        "of the first batch": student.hessian(batches=batches[:1], damp=0.0),
        "of parameters": student.hessian(leaves, **damped(damp)).requires_grad,
        "left": [*flags(*batches), *left()],
    }


def positive(rng, C=None, dtype="float64", given=None):
    if given is not None:
        return {"H": torch.tensor(given, dtype=torch.float64)}
    x = correlated(rng, 3 * C, C)
    H = 2 / len(x) * x.T @ x
    return {"H": (H + 0.05 * H.diagonal().mean() * torch.eye(C, dtype=torch.float64)).to(getattr(torch, dtype))}


@check(points=1, inputs=positive, lecture='one-factor-for-all-columns', public=[case('two by two', given=[[2.0, 1.0], [1.0, 4.0]]), case('three by three', given=[[2.0, 1.0, 0.0], [1.0, 3.0, 1.0], [0.0, 1.0, 2.0]])])
def the_factor_is_upper_triangular(student, H):
    """inverse_factor gives the upper triangular U with a positive diagonal and Uᵀ U = H⁻¹."""
    other = H.clone()
    student.inverse_factor(other)
    other *= 4
    again = student.inverse_factor(other)
    return {
        "U": student.inverse_factor(H),
        "of the same tensor with four times H in it": again,
        "from behind": student.inverse_factor(H.flip(0, 1)),
        "of a view": student.inverse_factor(torch.stack([H, H], -1)[..., 0]),
        "of a parameter": student.inverse_factor(H.clone().requires_grad_()).requires_grad,
    }


def two_weights(rng, R, C, given=None):
    W = rng.normal(R, C, dtype="float64")
    return {"W": W, "Wq": W + 0.2 * rng.normal(R, C, dtype="float64"), **positive(rng, C)}


@check(points=1, inputs=two_weights, tolerance=Tolerance(atol=1e-12, rtol=1e-10), lecture='what-an-error-costs', public=[case('one row', R=1, C=2), case('two rows', R=2, C=3)])
def errors_cost_what_h_says(student, W, Wq, H):
    """proxy_loss is half the trace of E H Eᵀ, as a float."""
    weights = W.clone().requires_grad_()
    torch.manual_seed(1)
    used = torch.ones(len(H), dtype=H.dtype)
    used[0] = 0.0
    return {
        "loss": student.proxy_loss(weights, Wq, H),
        "with an input that is always 0": student.proxy_loss(W, Wq, H * used * used[:, None]),
        "of twice the error": student.proxy_loss(2 * W, 2 * Wq, H),
        "without correlation": student.proxy_loss(W=W, Wq=Wq, H=torch.eye(len(H), dtype=H.dtype)),
        "no error": student.proxy_loss(W, W, H),
        "of a turned W": student.proxy_loss(W.T.contiguous().T, Wq, H),
        "left": [*flags(W, Wq, H), *left()],
    }


def simulate(W, H, bits, group, order, far):
    """GPTQ in float64 with an explicit inverse for each column. Gives the distance of the nearest rounding from a tie; `far` are those of s and z."""
    W, top, nearest = W.double().clone(), 2**bits - 1, 1.0

    def gap(x):
        return float((x - x.floor() - 0.5).abs().min())

    for k, j in enumerate(order):
        left = order[k:]
        inverse = torch.linalg.inv(H[left][:, left].double())
        if k % group == 0:
            members = W[:, order[k : k + group]]
            lo, hi = members.amin(1).clamp(max=0), members.amax(1).clamp(min=0)
            s = (hi - lo) / top
            s = torch.where(s == 0, 1.0, s)
            nearest = min(nearest, gap(-lo / s))
            z = torch.round(-lo / s)
        x = W[:, j] / s
        inside = (torch.round(x) + z >= -0.6) & (torch.round(x) + z <= top + 0.6)
        nearest = min(nearest, gap(x[inside]) if inside.any() else 1.0)
        q = (torch.round(x) + z).clamp(0, top)
        error = W[:, j] - s * (q - z)
        W[:, left] -= error[:, None] * inverse[0] / inverse[0, 0]
    return nearest


def layer(rng, R=3, C=8, n=30, bits=4, group=None, blocksize=None, act_order=None, dtype="float64", damp=0.03, diagonal=False, spread=1.0, zeros=(), scale=1.0, given=None):
    """Weights and H, so that no rounding is near a tie in either order. Options that are None are left out. `given`: W in quarters, and H is the identity."""
    if given is not None:
        return {"W": torch.tensor(given), "H": torch.eye(len(given[0]), dtype=torch.float64), "bits": bits, "options": {}}
    options = {name: value for name, value in (("group", group), ("blocksize", blocksize), ("act_order", act_order)) if value is not None}
    enough = 2e-2 if dtype == "float32" else 1e-4
    for _ in range(500):
        W = scale * rng.normal(R, C, dtype="float64")
        W[:, 0] *= spread
        for row, columns in zeros:
            W[row, columns[0] : columns[1]] = 0
        x = correlated(rng, n, C)
        H = 2 / n * x.T @ x
        H += damp * H.diagonal().mean() * torch.eye(C, dtype=torch.float64)
        H = torch.diag(H.diagonal()) if diagonal else H
        W, H = W.to(getattr(torch, dtype)), H.to(getattr(torch, dtype))
        order = sorted(range(C), key=lambda j: -float(H[j, j])) if act_order else list(range(C))
        size = C if group in (None, -1) else group
        if simulate(W, H, bits, size, order, enough) > enough:
            return {"W": W, "H": H, "bits": bits, "options": options}
    raise ValueError("all of these weights are near ties: draw smaller layers")


def seen_codes(result):
    """z may be int32."""
    codes, s, z, perm = result
    return {"codes": codes, "s": s, "z": z.to(s.dtype), "z is of its dtype or int32": z.dtype in (s.dtype, torch.int32), "perm": perm}


@check(points=3, inputs=layer, judge=as_exact_as_w, lecture='column-by-column', public=[case('one row, three columns', R=1, C=3, bits=3), case('two rows, six columns', R=2, C=6, bits=3), case('inputs without correlation: rounding to the nearest', R=2, C=6, bits=4, diagonal=True)])
def errors_go_to_later_columns(student, W, H, bits, options):
    """Each column is rounded on its row's grid, and its error, divided by U[j, j], changes the columns after it along row j of U."""
    W = W if W.is_floating_point() else W.double() / 4
    torch.manual_seed(1)
    first = seen_codes(student.gptq(W, H, bits, **options))
    parameter, turned = W.clone().requires_grad_(), W.T.contiguous().T
    of_parameter = student.gptq(parameter, H.clone().requires_grad_(), bits, **options)
    other = seen_codes(student.gptq(-2 * W, H, bits, **options))
    return {
        "first": first,
        "of -2 W": other["s"],
        "of a view": seen_codes(student.gptq(turned, H.T, bits, **options)),
        "of a parameter": [each.requires_grad for each in of_parameter],
        "left": [*flags(parameter, W, H), *left()],
    }


@check(points=2, inputs=layer, judge=as_exact_as_w, lecture='groups-and-blocks', public=[case('two groups of three', R=2, C=6, group=3), case('blocks of two', R=2, C=6, bits=3, blocksize=2), case('groups of two in one block of four', R=2, C=8, group=2, blocksize=4)])
def groups_have_grids_of_their_own(student, W, H, bits, options):
    """A group's s and z come from its weights with all errors so far, whatever the block size is."""
    double = W.dtype == torch.float64
    sizes = [1, 2, 3, 5, 200] if double else []
    others = {size: seen_codes(student.gptq(W, H, bits, **{**options, "blocksize": size})) for size in sizes}
    return {
        "first": seen_codes(student.gptq(W, H, bits, **options)),
        "with other block sizes": others,
        "refused": [
            raises("ValueError", lambda: student.gptq(W, H, 1)),
            raises("ValueError", lambda: student.gptq(W, H, 9)),
            raises("ValueError", lambda: student.gptq(W, H, bits, group=0)),
            raises("ValueError", lambda: student.gptq(W, H, bits, group=-2)),
            raises("ValueError", lambda: student.gptq(W, H, bits, blocksize=0)),
            raises("ValueError", lambda: student.gptq(W, H, bits, blocksize=-1)),
        ],
    }


def equal_diagonal(rng, R, C, **rest):
    """Several equal numbers on the diagonal of H. In quarters, as whole numbers, so that no last bit orders them."""
    for _ in range(500):
        made = layer(rng, R, C, **rest)
        H = torch.round(made["H"] * 4).long()
        H.fill_diagonal_(0)
        size = int(H.abs().sum(1).max()) + 2
        H += torch.diag(torch.tensor([size, size + 8, size, size + 8, size + 4, size][:C]))
        order = sorted(range(C), key=lambda j: -int(H[j, j]))
        group = made["options"].get("group", C)
        if simulate(made["W"], H / 4, made["bits"], group, order, 1e-4) > 1e-4:
            return {**made, "H": H}
    raise ValueError("all of these weights are near ties")


def some_layer(rng, equal=False, **rest):
    return equal_diagonal(rng, **rest) if equal else layer(rng, **rest)


@check(points=2, inputs=some_layer, judge=as_exact_as_w, lecture='the-order-of-columns', public=[case('five columns', R=2, C=5, bits=3, act_order=True), case('groups of two', R=2, C=6, group=2, act_order=True)])
def large_columns_come_first(student, W, H, bits, options):
    """With act_order columns are rounded by falling H[j, j]; codes come back in the order of W, and perm says which was when."""
    H = H if H.is_floating_point() else H.double() / 4
    codes, s, z, perm = student.gptq(W, H, bits, **options)
    return {**seen_codes((codes, s, z, perm)), "in the order of W": seen_codes(student.gptq(W, H, bits, **{**options, "act_order": False}))["perm"]}


def stored(rng, R, C, group=None, bits=4, z_dtype="float64", dtype="float64", turned=True):
    size = C if group in (None, -1) else group
    G = -(-C // size)
    others = [other for other in range(1, C + 2) if other != size and -(-C // other) == G]
    return {
        "codes": rng.integers(0, 2**bits, R, C).to(torch.uint8),
        "s": rng.uniform(0.1, 2.0, R, G, dtype=getattr(torch, dtype)),
        "z": rng.integers(1, 2**bits, R, G).to(getattr(torch, z_dtype)),
        "perm": rng.permutation(C) if turned else torch.arange(C),
        "group": group,
        "other": others[0] if others else size,
    }


@check(points=1, inputs=stored, lecture='the-order-of-columns', public=[case('in order', R=2, C=4, group=2, turned=False), case('in another order', R=2, C=5, group=2)])
def weights_come_back_by_group(student, codes, s, z, perm, group, other):
    """dequantize gives s · (q - z) with the group in which each column was rounded."""
    options = {} if group is None else {"group": group}
    first = student.dequantize(codes, s, z, perm, **options)
    torch.manual_seed(1)
    views = codes.T.contiguous().T, s.T.contiguous().T, z.T.contiguous().T
    return {
        "W": first,
        "of views": student.dequantize(*views, torch.stack([perm, perm], 1)[:, 0], **options),
        "with other scales": student.dequantize(codes, 2 * s, z, perm.flip(0), **options),
        "of a parameter": student.dequantize(codes, s.clone().requires_grad_(), z, perm, **options).requires_grad,
        "with as many groups of another size": student.dequantize(codes, s, z, perm, group=other),
        "left": [*flags(codes, s, z, perm), *left()],
    }
