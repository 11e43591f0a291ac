"""Checks of warmup/tensors_autograd: strides, views, contiguity, broadcasting and its way back; slopes, sharing, repeated calls, depth."""

import math

from autograder.checks import case, check, raises

# --- tensors ---------------------------------------------------------------------------------------------------------


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


@check(
    points=1,
    inputs=stored,
    lecture="a-list-and-a-way-to-look-at-it",
    public=[
        case("two rows of three", shape=(2, 3), indices=[(0, 0), (1, -1), (-2, 1)], bad=[(2, 0), (0, -4), (1,)]),
        case("strides and an offset of its own", shape=(2, 2), strides=(1, 3), offset=1, indices=[(0, 1), (1, 0)], bad=[(0, 2)]),
    ],
    hidden=[
        case("three dimensions", shape=(2, 3, 4), indices=[(1, 2, 3), (0, -1, 2), (-2, 0, -4)], bad=[(1, 3, 0), (-3, 0, 0), (0, 0)]),
        case("one number", shape=(), indices=[()], bad=[(0,)]),
        case("one dimension", shape=(5,), indices=[(4,), (-5,), (-1,)], bad=[(5,), (-6,), ()]),
        case("sizes of 1", shape=(1, 4, 1), indices=[(0, 3, -1), (-1, -4, 0)], bad=[(0, 1, 1), (1, 0, 0), (0, 0, 0, 0)]),
        case("one number for a whole row", shape=(3, 2), strides=(2, 0), offset=3, indices=[(2, 1), (0, 0)], bad=[(3, 0)]),
        case("strides in any order", shape=(2, 3, 2), strides=(3, 1, 6), offset=2, indices=[(1, 2, 0), (-1, -1, -1)], bad=[(0, -4, 0)]),
        case("gaps between the rows", shape=(3, 2), strides=(5, 2), offset=1, indices=[(1, 1), (2, -2)], bad=[(-4, 0)]),
        case("nineteen dimensions", shape=(2, *(1,) * 15, 3, 1, 2), indices=[(1, *(0,) * 15, 2, 0, 1)], bad=[(0,) * 18]),
        case("four dimensions", shape=(3, 2, 5, 2), indices=[(2, 1, 4, 1), (1, 0, -3, 0)], bad=[(0, 0, 5, 0)]),
    ],
    cites=["The last dimension has stride 1", "Negative numbers count from the end", "as many numbers as dimensions", "as deep as there are dimensions"],
)
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


@check(
    points=1,
    inputs=stored,
    lecture="views",
    public=[
        case("a transposed table", shape=(2, 3), steps=[["transpose", 0, 1]]),
        case("the last column", shape=(2, 3), steps=[["select", -1, -1]]),
        case("a row of a transposed part", shape=(2, 3), strides=(4, 1), offset=2, steps=[["transpose", 0, 1], ["select", 0, 2]]),
    ],
    hidden=[
        case("the last two dimensions", shape=(2, 3, 4), steps=[["transpose", -1, -2], ["select", -1, 0]]),
        case("one index after the other", shape=(3, 2, 5), steps=[["select", 0, 2], ["select", 0, -1], ["select", 0, 3]]),
        case("the dimension in the middle", shape=(2, 3, 4), steps=[["select", 1, 1], ["transpose", 0, 1]]),
        case("there and back", shape=(4, 3), steps=[["transpose", 0, 1], ["transpose", 1, 0]]),
        case("a dimension with itself", shape=(2, 3), steps=[["transpose", 1, 1], ["select", 1, 0]]),
        case("first and last", shape=(2, 1, 3, 2), steps=[["transpose", 0, 3], ["transpose", 1, -2], ["select", 2, 0]]),
        case("of a part", shape=(3, 2), strides=(4, 1), offset=3, steps=[["transpose", 0, 1], ["select", 1, -3]]),
        case("an expanded one, selected", shape=(3,), steps=[["expand", (2, 3)], ["transpose", 0, 1], ["select", 0, 1]]),
        case("seen as a row, then a part", shape=(2, 6), offset=0, steps=[["view", (3, 4)], ["select", 0, 1], ["view", (2, 2)]]),
    ],
    cites=["copy no numbers", "Each gives a new View", "The View that they are called on stays as it was", "is seen through all of them", "The dimension is gone", "Raises IndexError if the index is out of range"],
)
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


@check(
    points=1,
    inputs=stored,
    lecture="when-a-view-is-not-possible",
    public=[
        case("six numbers", shape=(2, 3), good=[(3, 2), (6,), (1, 6)], bad=[(4,), (2, 2), (3, 3)]),
        case("transposed", shape=(3, 2), strides=(1, 3), good=[], bad=[(6,), (2, 3), (3, 2)]),
        case("every second number", shape=(4,), strides=(2,), good=[], bad=[(2, 2), (1, 4)]),
        case("gaps between two rows", shape=(2, 2), strides=(3, 1), good=[], bad=[(4,), (4, 1)]),
        case("one row of a larger table", shape=(1, 4), strides=(9, 1), offset=3, good=[(4,), (2, 2)], bad=[(3,)]),
    ],
    hidden=[
        case("three dimensions", shape=(2, 3, 4), good=[(24,), (4, 6), (2, 2, 2, 3), (1, 24, 1)], bad=[(23,), (5, 5), ()]),
        case("from a place in the middle", shape=(2, 2), offset=3, strides=(2, 1), good=[(4,), (4, 1)], bad=[(3,)]),
        case("gaps between the rows", shape=(2, 3), strides=(5, 1), good=[], bad=[(6,), (3, 2)]),
        case("a transposed square", shape=(3, 3), strides=(1, 3), good=[], bad=[(9,), (3, 3), (1, 9)]),
        case("every third number", shape=(6,), strides=(3,), good=[], bad=[(2, 3), (1, 6), (3, 2)]),
        case("expanded", shape=(2, 3), strides=(0, 1), good=[], bad=[(6,), (3, 2)]),
        case("transposed, but one row only", shape=(4, 1), strides=(1, 4), good=[(4,), (2, 2), (1, 4)], bad=[(2, 3)]),
        case("any stride where the size is 1", shape=(1, 3, 1), strides=(77, 1, 0), offset=2, good=[(3,), (3, 1)], bad=[(2,)]),
        case("one number", shape=(), good=[(), (1,), (1, 1)], bad=[(2,)]),
        case("one row of an expanded table", shape=(1, 5), strides=(0, 1), good=[(5,), (5, 1)], bad=[(4,)]),
    ],
    cites=["Raises ValueError if the shape does not have", "do not stand one after the other in the storage", "so it may be any number"],
)
def view_needs_numbers_in_order(student, storage, shape, strides, offset, good, bad):
    """view works where the numbers, read row by row, stand one after the other in the list; otherwise it raises ValueError."""
    table = student.View(list(storage), shape, strides, offset)
    return {
        "table": described(table),
        "good": [described(table.view(each)) for each in good],
        "bad": [raises("ValueError", lambda each=each: table.view(each)) for each in bad],
        "a new View of the same": [table.view(shape) is not table] if good else [],
    }


@check(
    points=1,
    inputs=stored,
    lecture="shapes-meet-at-the-end",
    public=[
        case("a row under each other", shape=(3,), good=[(2, 3), (3,)], bad=[(3, 2), (4,), ()]),
        case("a column", shape=(2, 1), good=[(2, 3), (4, 2, 1)], bad=[(3, 3), (2,), (1, 1)]),
    ],
    hidden=[
        case("a single number", shape=(), good=[(), (1,), (3, 2)], bad=[]),
        case("in the middle", shape=(2, 1, 4), good=[(2, 3, 4), (5, 2, 3, 4)], bad=[(2, 3, 1), (1, 1, 4), (3, 4)]),
        case("nineteen dimensions", shape=(2, *(1,) * 17, 3), good=[(2, 2, *(1,) * 16, 3)], bad=[(1,) * 19, (3, *(1,) * 17, 3)]),
        case("all ones", shape=(1, 1), good=[(3, 4), (1, 4), (2, 1, 1)], bad=[(3,)]),
        case("of a transposed part", shape=(3, 1), strides=(1, 3), offset=2, good=[(3, 2), (2, 3, 2)], bad=[(2, 3)]),
        case("expanded once more", shape=(2, 3), strides=(0, 1), good=[(4, 2, 3)], bad=[(3, 3), (2, 1)]),
        case("a square", shape=(3, 3), good=[(3, 3), (1, 3, 3)], bad=[(3, 1), (1, 3), (2, 3)]),
    ],
    cites=["their last dimensions meet", "Every other dimension keeps its size", "if this table cannot be seen with that shape", "if they do not fit"],
)
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


@check(
    points=1,
    inputs=stored,
    lecture="the-way-back-is-a-sum",
    public=[
        case("two rows of three", shape=(2, 3), good=[(3,), (2, 1), (1, 3), ()], bad=[(2,), (2, 2)]),
        case("a transposed part of a list", shape=(3, 2), strides=(1, 3), offset=1, good=[(2,), (3, 2)], bad=[(3,)]),
        case("nothing to add", shape=(2, 2), good=[(2, 2)], bad=[(3, 2), (1, 2, 2)]),
    ],
    hidden=[
        case("three dimensions", shape=(2, 3, 4), good=[(4,), (3, 1), (2, 1, 4), (1, 1, 1), (3, 4), (2, 3, 4)], bad=[(2,), (2, 3), (3,)]),
        case("every second number of a column", shape=(2, 3, 2), strides=(1, 4, 2), offset=2, good=[(2,), (3, 1), (2, 1, 1), (2, 3, 2)], bad=[(3,)]),
        case("a table that repeats itself", shape=(3, 4), strides=(0, 1), good=[(4,), (3, 1), ()], bad=[(3,), (4, 3)]),
        case("one number", shape=(), good=[()], bad=[(1,), (2,)]),
        case("sizes of 1", shape=(1, 3), good=[(1, 3), (3,), (1, 1), (1,)], bad=[(3, 1)]),
        case("a square", shape=(3, 3), good=[(3,), (3, 1), (1, 3)], bad=[(2,), (9,)]),
    ],
    cites=["the sum over all of these places", "with a storage of its own written row by row", "Raises ValueError if no table of this shape"],
)
def sum_to_is_the_way_back(student, storage, shape, strides, offset, good, bad):
    """sum_to adds up all numbers that came from the same one, in a new list; the table itself stays as it is."""
    kept = list(storage)
    table = student.View(kept, shape, strides, offset)
    sums = [student.sum_to(table, each) for each in good]
    found = [described(each) for each in sums]
    for each in sums:
        each[(0,) * len(each.shape)] = 1000.0
    return {"sums": found, "refused": [raises("ValueError", lambda each=each: student.sum_to(table, each)) for each in bad], "table": kept}


# --- autograd --------------------------------------------------------------------------------------------------------

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


@check(
    points=1,
    inputs=programs,
    lecture="the-chain-rule-as-bookkeeping",
    public=[
        case("a · b", leaves=[3.0, -2.0], program=[["*", [0], [1]]]),
        case("3 - a / 2", leaves=[1.0], program=[["/", [0], 2], ["-", 3, [1]]]),
        case("√(a + 1) / b", leaves=[3.0, 4.0], program=[["+", 1, [0]], ["**", [2], 0.5], ["/", [3], [1]]]),
        case("log(exp(a) + 2) · tanh(b)", leaves=[0.5, -0.7], program=[["exp", [0]], ["+", [2], 2.0], ["log", [3]], ["tanh", [1]], ["*", [4], [5]]]),
        case("relu of a half", leaves=[0.5], program=[["relu", [0]]]),
        case("relu, also at 0", leaves=[1.5, 0.0], program=[["relu", [0]], ["relu", [1]], ["*", [3], 5], ["-", [2], [4]]]),
        case("2 / a, and a ** 0 of 0", leaves=[-4.0, 0.0], program=[["/", 2, [0]], ["**", [1], 0], ["+", [2], [3]]]),
    ],
    hidden=[
        case("a - b", leaves=[0.75, 4.0], program=[["-", [0], [1]]]),
        case("a / b", leaves=[3.0, -4.0], program=[["/", [0], [1]]]),
        case("relu of a negative number", leaves=[-1.5], program=[["relu", [0]], ["-", [1], 1]]),
        case("-a", leaves=[-4.0], program=[["neg", [0]]]),
        case("numbers on the right", leaves=[1.25], program=[["-", [0], 3], ["*", [1], 2], ["/", [2], -4], ["+", [3], 0.5]]),
        case("numbers on the left", leaves=[1.25], program=[["-", 3, [0]], ["*", 2, [1]], ["/", -4, [2]], ["+", 0.5, [3]]]),
        case("powers", leaves=[2.0, -3.0, 0.25], program=[["**", [0], -2], ["**", [1], 3], ["**", [2], 0.5], ["+", [3], [4]], ["*", [5], [6]]]),
        case("the power 0, also of 0", leaves=[0.0, 5.0], program=[["**", [0], 0], ["**", [1], 0], ["+", [2], [3]]]),
        case("0 squared, and 0 to the first", leaves=[0.0, 0.0], program=[["**", [0], 2], ["**", [1], 1], ["-", [2], [3]]]),
        case("relu at 0", leaves=[0.0], program=[["relu", [0]], ["*", [1], 3]]),
        case("a whole number", leaves=[3, 2], program=[["/", [0], [1]]]),
        case("0 times something", leaves=[0.0, 7.0], program=[["*", [0], [1]]]),
        case("the result is a leaf", leaves=[4.5], program=[]),
        case("a large tanh", leaves=[400.0, -30.0], program=[["tanh", [0]], ["tanh", [1]], ["+", [2], [3]]]),
        case("a random tree", n=5, lines=8),
        case("a larger one", n=8, lines=14),
    ],
    cites=["max(a, 0), and its derivative at 0 is 0", "the number as a float", "a ** 0 is 1 with derivative 0 everywhere", "for this value itself"],
)
def each_operation_knows_its_slope(student, leaves, program):
    """Each operation gives the right number, and backward the right derivative for every value that led to it, where each is used once."""
    return differentiated(student, leaves, program)


@check(
    points=1,
    inputs=programs,
    lecture="a-value-that-is-used-twice",
    public=[
        case("a + a", leaves=[3.0], program=[["+", [0], [0]]]),
        case("a² + 2 a", leaves=[3.0], program=[["*", [0], [0]], ["*", 2, [0]], ["+", [1], [2]]]),
        case("a + 0 is not a", leaves=[3.0], program=[["+", [0], 0], ["*", [1], [0]]]),
        case("relu of a is not a", leaves=[3.0], program=[["relu", [0]], ["*", [1], [0]]]),
        case("b is used by c, and by the result", leaves=[2.0], program=[["*", [0], 3], ["tanh", [1]], ["+", [1], [2]], ["*", [3], [1]]]),
    ],
    hidden=[
        case("a random computation", n=3, lines=12, shared=True),
        case("another one", n=2, lines=18, shared=True),
        case("a few values, used often", n=2, lines=7, shared=True),
        case("a long way and a short one", leaves=[0.5], program=[["exp", [0]], ["log", [1]], ["exp", [2]], ["*", [3], [0]], ["+", [4], [1]], ["+", [0], [5]]]),
        case("a / a", leaves=[4.0], program=[["/", [0], [0]], ["-", [1], [0]], ["-", [2], [2]]]),
        case("nothing is changed, six times", leaves=[2.5], program=[["+", 0, [0]], ["*", [1], 1], ["**", [2], 1], ["-", [3], 0], ["/", [4], 1], ["*", 1, [5]], ["*", [6], [0]], ["+", [1], [7]], ["+", [8], [3]]]),
        case("a leaf that is not used", leaves=[4.0, 9.0], program=[["*", [0], [0]]]),
        case("equal numbers are not the same value", leaves=[2.0, 2.0, 2.0], program=[["*", [0], [1]], ["*", [3], [0]], ["+", [4], [2]]]),
    ],
    fresh=2,
    cites=["with a grad of its own", "A value that was used several times hears from every use", "Each value is dealt with once", "on which this one does not depend stay as they are"],
)
def a_value_hears_from_every_use(student, leaves, program):
    """The derivatives of all uses of a value are added up, and it passes them on only after it has heard from all of them."""
    return differentiated(student, leaves, program)


@check(
    points=1,
    inputs=programs,
    lecture="gradients-add-up",
    public=[
        case("twice", leaves=[3.0], program=[["*", [0], [0]], ["+", [1], 1]], calls=[2, 2]),
        case("two results of one leaf", leaves=[3.0, 2.0], program=[["*", [0], [1]], ["exp", [1]]], calls=[2, 3]),
    ],
    hidden=[
        case("three times", n=3, lines=9, shared=True, calls=[-1, -1, -1]),
        case("first the end, then the middle", n=2, lines=10, shared=True, calls=[-1, -4, -7, -1]),
        case("first the middle, then the end", n=3, lines=11, shared=True, calls=[-6, -3, -1]),
        case("a leaf", leaves=[1.5], program=[["*", [0], 2]], calls=[0, 1, 0]),
    ],
    fresh=1,
    cites=["Nothing is set back to 0", "what an earlier call left there changes no derivative", "the next operation uses the new number"],
)
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


@check(
    points=1,
    lecture="deep-computations",
    public=[
        case("a chain of 3000", start=1.0, slope=0.9995, steps=1500),
        case("doubled forty times", start=0.5, doublings=40),
    ],
    hidden=[
        case("10,000 operations deep", start=-2.0, slope=1.0001, steps=5000),
        case("every step sees the first number too", start=0.25, slope=0.9, steps=700, skip=True),
        case("doubled sixty times", start=3.0, doublings=60),
        case("a sum of 1500 numbers", start=1.5, wide=1500),
        case("a chain of doublings", start=0.125, slope=0.5, steps=600, doublings=30),
    ],
    inputs=chains,
    cites=["Python s limit for recursion", "takes a time that grows like n"],
)
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
