"""Public checks of warmup/tensors_autograd: run `pytest` on this file, or `autograder check warmup/tensors_autograd`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
from autograder.checks import case, check, raises


def stored(rng, shape, strides=None, offset=0, **more):
    """A storage of different numbers, just large enough and two more, and a way to look at it."""
    if strides is None:
        size = math.prod(shape)
    else:
        size = 1 + sum((n - 1) * max(s, 0) for n, s in zip(shape, strides, strict=True))
    numbers = [float(x) for x in rng.permutation(offset + size + 2)]
    return {"storage": numbers, "shape": shape, "strides": strides, "offset": offset, **more}


def described(table):
    """What a View is, but for the strides of dimensions of size 1, which are open."""
    strides = [s for s, n in zip(table.strides, table.shape, strict=True) if n > 1]
    return {"shape": table.shape, "strides": strides, "offset": table.offset, "numbers": table.tolist()}


@check(points=1, inputs=stored, lecture='a-list-and-a-way-to-look-at-it', public=[case('two rows of three', shape=(2, 3), indices=[(0, 0), (1, -1), (-2, 1)], bad=[(2, 0), (0, -4), (1,)]), case('strides and an offset of its own', shape=(2, 2), strides=(1, 3), offset=1, indices=[(0, 1), (1, 0)], bad=[(0, 2)])])
def strides_lead_to_every_number(student, storage, shape, strides, offset, indices, bad):
    """Each index leads to storage[offset + Σ index · stride]; negative numbers count from the end, others that do not exist raise IndexError."""
    kept = list(storage)
    table = student.View(kept, shape, strides, offset) if strides else student.View(kept, shape)
    found = {
        "contiguous": student.contiguous_strides(shape),
        "tolist": table.tolist(),
        "numbers": [table[index] for index in indices],
        "refused": [raises("IndexError", lambda index=index: table[index]) for index in bad],
    }
    for index in indices:
        table[index] = table[index] + 100.0
    refused = [raises("IndexError", lambda index=index: table.__setitem__(index, 0.0)) for index in bad]
    return {**found, "written": kept, "not written": refused, "tolist then": table.tolist()}


@check(points=1, inputs=stored, lecture='views', public=[case('a transposed table', shape=(2, 3), steps=[['transpose', 0, 1]]), case('the last column', shape=(2, 3), steps=[['select', -1, -1]]), case('a row of a transposed part', shape=(2, 3), strides=(4, 1), offset=2, steps=[['transpose', 0, 1], ['select', 0, 2]])])
def views_share_one_storage(student, storage, shape, strides, offset, steps):
    """select, transpose, expand and view look at the same list: what is written through one is seen through all. No index leads outside."""
    kept = list(storage)
    tables = [student.View(kept, shape, strides, offset)]
    for name, *arguments in steps:
        tables.append(getattr(tables[-1], name)(*arguments))
    before = [described(table) for table in tables]
    unchanged = [(table, table.expand(table.shape)) for table in tables] + [(table, table.transpose(-1, -1)) for table in tables if table.shape]
    edges = [(dim, index) for dim, n in enumerate(shape) for index in (n, n + 1, -n - 1)]
    outside = [raises("IndexError", lambda dim=dim, index=index: tables[0].select(dim, index)) for dim, index in edges]
    tables[-1][(0,) * len(tables[-1].shape)] = 1000.0
    after = [described(table) for table in tables]
    new = [[seen is not table, described(seen)] for table, seen in unchanged]
    return {"before": before, "outside": outside, "after": after, "storage": kept, "new Views of the same": new}


@check(points=1, inputs=stored, lecture='when-a-view-is-not-possible', public=[case('six numbers', shape=(2, 3), good=[(3, 2), (6,), (1, 6)], bad=[(4,), (2, 2), (3, 3)]), case('transposed', shape=(3, 2), strides=(1, 3), good=[], bad=[(6,), (2, 3), (3, 2)]), case('every second number', shape=(4,), strides=(2,), good=[], bad=[(2, 2), (1, 4)]), case('gaps between two rows', shape=(2, 2), strides=(3, 1), good=[], bad=[(4,), (4, 1)]), case('one row of a larger table', shape=(1, 4), strides=(9, 1), offset=3, good=[(4,), (2, 2)], bad=[(3,)])])
def view_needs_numbers_in_order(student, storage, shape, strides, offset, good, bad):
    """view works where the numbers, read row by row, stand one after the other in the list; otherwise it raises ValueError."""
    table = student.View(list(storage), shape, strides, offset)
    return {
        "table": described(table),
        "good": [described(table.view(each)) for each in good],
        "bad": [raises("ValueError", lambda each=each: table.view(each)) for each in bad],
        "a new View of the same": [table.view(shape) is not table] if good else [],
    }


@check(points=1, inputs=stored, lecture='shapes-meet-at-the-end', public=[case('a row under each other', shape=(3,), good=[(2, 3), (3,)], bad=[(3, 2), (4,), ()]), case('a column', shape=(2, 1), good=[(2, 3), (4, 2, 1)], bad=[(3, 3), (2,), (1, 1)])])
def shapes_meet_at_their_last_dimensions(student, storage, shape, strides, offset, good, bad):
    """Shapes are compared from the right; a size of 1 fits everything and is repeated with stride 0; what does not fit raises ValueError."""
    table = student.View(list(storage), shape, strides, offset)
    pairs = [(shape, other) for other in [*good, *bad]] + [((4, 1, 2), shape), ((1,), shape), ((5, 1), (1, 6)), ((2, 1), (3,))]
    misfits = [((2, 3), (2,)), ((4,), (3,)), ((2, 1, 3), (3, 1, 2)), ((2, 2), (3, 2, 3))]
    return {
        "expanded": [described(table.expand(each)) for each in good],
        "refused": [raises("ValueError", lambda each=each: table.expand(each)) for each in bad],
        "shapes": [_shape(student, *each) for each in pairs],
        "the other way": [_shape(student, *each[::-1]) for each in pairs],
        "misfits": [raises("ValueError", lambda each=each: student.broadcast_shapes(*each)) for each in misfits],
    }


def _shape(student, a, b):
    try:
        return list(student.broadcast_shapes(a, b))
    except ValueError:
        return "ValueError"


@check(points=1, inputs=stored, lecture='the-way-back-is-a-sum', public=[case('two rows of three', shape=(2, 3), good=[(3,), (2, 1), (1, 3), ()], bad=[(2,), (2, 2)]), case('a transposed part of a list', shape=(3, 2), strides=(1, 3), offset=1, good=[(2,), (3, 2)], bad=[(3,)]), case('nothing to add', shape=(2, 2), good=[(2, 2)], bad=[(3, 2), (1, 2, 2)])])
def sum_to_is_the_way_back(student, storage, shape, strides, offset, good, bad):
    """sum_to adds up all numbers that came from the same one, in a new list; the table itself stays as it is."""
    kept = list(storage)
    table = student.View(kept, shape, strides, offset)
    sums = [student.sum_to(table, each) for each in good]
    found = [described(each) for each in sums]
    for each in sums:
        each[(0,) * len(each.shape)] = 1000.0
    return {"sums": found, "refused": [raises("ValueError", lambda each=each: student.sum_to(table, each)) for each in bad], "table": kept}


OPERATIONS = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a / b,
    "**": lambda a, b: a**b,
    "neg": lambda a: -a,
    "exp": lambda a: a.exp(),
    "log": lambda a: a.log(),
    "tanh": lambda a: a.tanh(),
    "relu": lambda a: a.relu(),
}


def compute(student, leaves, program):
    """The values of a program: the leaves, then the result of each line. An operand [i] is value number i, any other a Python number."""
    return extended([student.Value(number) for number in leaves], program)


def extended(values, program):
    for name, *operands in program:
        values.append(OPERATIONS[name](*(values[each[0]] if isinstance(each, list) else each for each in operands)))
    return values


def known(name, *operands):
    """The result of one line in plain floats, or None where a number is too small, too large or too near to an edge."""
    a = operands[0]
    if name in ("log", "relu", "**") and (abs(a) < 0.2 or (name == "log" and a < 0.2)):
        return None
    if name == "**" and a < 0 and operands[1] != int(operands[1]):
        return None
    if name == "/" and abs(operands[1]) < 0.3:
        return None
    if name in ("exp", "log", "tanh"):
        result = getattr(math, name)(min(a, 5.0))
    else:
        result = max(a, 0.0) if name == "relu" else OPERATIONS[name](*operands)
    return result if 1e-3 < abs(result) < 20 or name == "relu" else None


def programs(rng, leaves=(), program=(), n=0, lines=0, shared=False, calls=None):
    """The given program, or a random one: a tree in which every value is used once, or one in which many are used again."""
    leaves, program = list(leaves), list(program)
    if n:
        leaves = [rng.choice((-1, 1)) * rng.real(0.3, 2.0) for _ in range(n)]
        numbers, unused = list(leaves), list(range(n))
        while len(program) < lines or (not shared and len(unused) > 1):
            name = rng.choice(list(OPERATIONS)) if len(program) < lines else "+"
            pool = list(range(len(numbers))) if shared else unused
            i = rng.choice(pool)
            operands = [[i]]
            if name == "**":
                operands.append(rng.choice((2, 3, -1, 0.5, -2, 1)))
            elif name in "+-*/" and (rng.real(0, 1) < 0.25 or (not shared and len(pool) < 2)):
                operands.insert(rng.integer(0, 2), rng.choice((2, -1.5, 0.25, 3)))
            elif name in "+-*/":
                operands.append([rng.choice([j for j in pool if shared or j != i])])
            result = known(name, *(numbers[each[0]] if isinstance(each, list) else each for each in operands))
            if result is not None or (name == "+" and len(program) >= lines):
                used = {each[0] for each in operands if isinstance(each, list)}
                unused = [j for j in unused if j not in used] + [len(numbers)]
                numbers.append(0.0 if result is None else result)
                program.append([name, *operands])
    return {"leaves": leaves, "program": program} | ({} if calls is None else {"calls": calls})


def differentiated(student, leaves, program):
    values = compute(student, leaves, program)
    start = [value.grad for value in values]
    values[-1].backward()
    floats = [isinstance(value.data, float) for value in values]
    return {"data": [float(value) for value in values], "data is a float": floats, "grad": [value.grad for value in values], "grad at first": start}


@check(points=1, inputs=programs, lecture='the-chain-rule-as-bookkeeping', public=[case('a · b', leaves=[3.0, -2.0], program=[['*', [0], [1]]]), case('3 - a / 2', leaves=[1.0], program=[['/', [0], 2], ['-', 3, [1]]]), case('√(a + 1) / b', leaves=[3.0, 4.0], program=[['+', 1, [0]], ['**', [2], 0.5], ['/', [3], [1]]]), case('log(exp(a) + 2) · tanh(b)', leaves=[0.5, -0.7], program=[['exp', [0]], ['+', [2], 2.0], ['log', [3]], ['tanh', [1]], ['*', [4], [5]]]), case('relu of a half', leaves=[0.5], program=[['relu', [0]]]), case('relu, also at 0', leaves=[1.5, 0.0], program=[['relu', [0]], ['relu', [1]], ['*', [3], 5], ['-', [2], [4]]]), case('2 / a, and a ** 0 of 0', leaves=[-4.0, 0.0], program=[['/', 2, [0]], ['**', [1], 0], ['+', [2], [3]]])])
def each_operation_knows_its_slope(student, leaves, program):
    """Each operation gives the right number, and backward the right derivative for every value that led to it, where each is used once."""
    return differentiated(student, leaves, program)


@check(points=1, inputs=programs, lecture='a-value-that-is-used-twice', public=[case('a + a', leaves=[3.0], program=[['+', [0], [0]]]), case('a² + 2 a', leaves=[3.0], program=[['*', [0], [0]], ['*', 2, [0]], ['+', [1], [2]]]), case('a + 0 is not a', leaves=[3.0], program=[['+', [0], 0], ['*', [1], [0]]]), case('relu of a is not a', leaves=[3.0], program=[['relu', [0]], ['*', [1], [0]]]), case('b is used by c, and by the result', leaves=[2.0], program=[['*', [0], 3], ['tanh', [1]], ['+', [1], [2]], ['*', [3], [1]]])])
def a_value_hears_from_every_use(student, leaves, program):
    """The derivatives of all uses of a value are added up, and it passes them on only after it has heard from all of them."""
    return differentiated(student, leaves, program)


@check(points=1, inputs=programs, lecture='gradients-add-up', public=[case('twice', leaves=[3.0], program=[['*', [0], [0]], ['+', [1], 1]], calls=[2, 2]), case('two results of one leaf', leaves=[3.0, 2.0], program=[['*', [0], [1]], ['exp', [1]]], calls=[2, 3])])
def another_call_adds_up(student, leaves, program, calls):
    """A second backward, of the same result or of another one, adds its own derivatives to what is there."""
    values = compute(student, leaves, program)
    seen = []
    for each in calls:
        values[each].backward()
        seen.append([value.grad for value in values])
    for leaf in values[: len(leaves)]:  # a step of training, and the same computation again
        leaf.data, leaf.grad = leaf.data + 0.0625, 0.0
    again = extended(values[: len(leaves)], program)
    again[calls[-1]].backward()
    after = {"data": [float(value) for value in again], "grad": [value.grad for value in again]}
    return {"after a step": after, "grads": seen, "data": [float(value) for value in values]}


def chains(rng, start, slope=1.0, steps=0, skip=False, doublings=0, wide=0):
    return {"start": start, "slope": slope, "steps": steps, "skip": skip, "doublings": doublings, "wide": wide}


@check(points=1, lecture='deep-computations', public=[case('a chain of 3000', start=1.0, slope=0.9995, steps=1500), case('doubled forty times', start=0.5, doublings=40)], inputs=chains)
def depth_does_not_matter(student, start, slope, steps, skip, doublings, wide):
    """Thousands of operations behind each other, or forty doublings with 2⁴⁰ ways, cost no more than their number."""
    x = student.Value(start)
    y = x
    for _ in range(steps):
        y = y * slope + (x if skip else 0.001)
    for _ in range(doublings):
        y = y + y
    for i in range(wide):
        y = y + x * (i % 7)
    y.backward()
    return {"data": float(y), "grad": x.grad}
