"""Wrong ways to write warmup/tensors_autograd, each with the sentence that a student should read."""

from autograder.checks import mistake

STRIDES = "tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))"
PLACE = "self.offset + sum(i % n * s for i, n, s in zip(index, self.shape, self.strides, strict=True))"
RANGE = "len(index) != len(self.shape) or not all(-n <= i < n for i, n in zip(index, self.shape, strict=True))"
PAIRS = "list(zip((1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b, strict=True))"
FIT = "any(x != y and 1 not in (x, y) for x, y in pairs)"
EXPANDABLE = "broadcast_shapes(self.shape, shape) != shape"
IN_ORDER = "any(n > 1 and s != c for n, s, c in rows)"
SPREAD = "        spread[index] += table[index]\n"
WALK = """        stack = [(self, False)]
        while stack:
            value, ready = stack.pop()
            if ready:
                order.append(value)
            elif value not in seen:
                seen.add(value)
                stack.append((value, True))
                stack += [(parent, False) for parent, _ in value.parents]
"""
LOOP = "            for parent, slope in value.parents:\n                grads[parent] += slope * grads[value]\n"

# --- strides and indices ---------------------------------------------------------------------------------------------

mistake(
    "Your first dimension has stride 1: the table is written column by column. Row by row, the last dimension has stride 1.",
    edit={STRIDES: "tuple(math.prod(shape[:i]) for i in range(len(shape)))"},
)
mistake(
    "Your strides are the sizes of the next dimension alone. Multiply all sizes behind it.",
    edit={STRIDES: "(*shape[1:], 1)[: len(shape)]"},
)
mistake(
    "Your strides count bytes, 8 for each number, as NumPy's. Count numbers.",
    edit={STRIDES: "tuple(8 * math.prod(shape[i + 1 :]) for i in range(len(shape)))"},
    crashes=True,
)
mistake("The offset is left out: the table begins at storage[offset].", edit={PLACE: PLACE.replace("self.offset + ", "")})
mistake(
    "You read row by row whatever the strides are. Use the View's own strides.",
    edit={PLACE: PLACE.replace("self.strides", "contiguous_strides(self.shape)")},
)
mistake(
    "A negative index goes to the left of the table. Count it from the end: add the size.",
    edit={PLACE: PLACE.replace("i % n", "i")},
)
mistake(
    "An index that is too large wraps around, or leads into the next row. Raise IndexError.",
    edit={RANGE: "len(index) != len(self.shape)"},
)
mistake("Negative indices are refused. They count from the end.", edit={RANGE: RANGE.replace("-n <= i", "0 <= i")}, crashes=True)
mistake("The index size is accepted. The last element is at size - 1.", edit={RANGE: RANGE.replace("i < n", "i <= n")})
mistake(
    "You do not count the numbers of an index. With too few or too many, raise IndexError.",
    edit={RANGE: RANGE.replace("len(index) != len(self.shape) or ", "").replace("strict=True", "strict=False"), PLACE: PLACE.replace("strict=True", "strict=False")},
)
mistake(
    "Writing does not look at the index: the number lands where no element of the table is.",
    edit={"self.storage[self._place(index)] = number": "self.storage[self.offset + sum(i * s for i, s in zip(index, self.strides))] = number"},
)
mistake(
    "`tolist` gives one flat list. It is as deep as there are dimensions.",
    edit={"return [self.select(0, i).tolist() for i in range(self.shape[0])]": "return [self[i] for i in itertools.product(*map(range, self.shape))]"},
)

# --- views -----------------------------------------------------------------------------------------------------------

mistake(
    "`transpose` exchanges the shape but not the strides. The numbers are then read in the old order.",
    edit={"for each in (shape, strides):": "for each in (shape,):"},
)
mistake("`transpose` copies the list. A View looks at the same storage.", edit={"View(self.storage, tuple(shape)": "View(list(self.storage), tuple(shape)"})
mistake("`transpose` forgets the offset.", edit={"tuple(strides), self.offset)": "tuple(strides))"})
mistake(
    "`transpose` changes the View that it is called on. Return a new one.",
    edit={"return View(self.storage, tuple(shape), tuple(strides), self.offset)": "self.shape, self.strides = tuple(shape), tuple(strides)\n        return self"},
)
mistake("`select` copies the numbers. A View looks at the same storage.", edit={"View(self.storage, shape, strides, offset)": "View(list(self.storage), shape, strides, offset)"})
mistake("`select` forgets the offset of the table that it is called on.", edit={"offset = self.offset + index": "offset = index"})
mistake("`select` ignores `dim` and always takes a row.", edit={"dim, n = dim % len(self.shape), self.shape[dim]": "dim, n = 0, self.shape[0]"})
mistake("`select` accepts an index outside of the table, because the list goes on there. Raise IndexError.", edit={"if not -n <= index < n:": "if False:"})
mistake(
    "`select` counts the strides anew, row by row. The rest of the table keeps its strides.",
    edit={"View(self.storage, shape, strides, offset)": "View(self.storage, shape, None, offset)"},
)
mistake("`view` looks only at the number of elements. A transposed table does not stand in order: raise ValueError.", edit={f" or {IN_ORDER}": ""})
mistake("`view` copies the numbers when they are not in order (`reshape` does that). A view copies nothing: raise ValueError.", edit={
    "        rows = zip(": "        if math.prod(shape) == math.prod(self.shape):\n            numbers = [self[i] for i in itertools.product(*map(range, self.shape))]\n            return View(numbers, shape)\n        rows = zip("})  # fmt: skip
mistake("`view` refuses a table because of the stride of a dimension of size 1. That stride is never used.", edit={"n > 1 and s != c": "s != c"}, crashes=True)
mistake("`view` forgets the offset.", edit={"View(self.storage, shape, None, self.offset)": "View(self.storage, shape)"})
mistake("`view` accepts a shape with another number of elements. Raise ValueError.", edit={f"math.prod(shape) != math.prod(self.shape) or {IN_ORDER}": IN_ORDER})
mistake(
    "`view` asks only whether the last stride is 1. There may be gaps between the rows.",
    edit={IN_ORDER: "(self.strides and self.shape[-1] > 1 and self.strides[-1] != 1)"},
)

# --- broadcasting ----------------------------------------------------------------------------------------------------

mistake("Your shapes meet at their first dimensions. Fill the shorter one with 1 on the left.", edit={PAIRS: "list(zip(a + (1,) * (n - len(a)), b + (1,) * (n - len(b)), strict=True))"}, crashes=True)
mistake("Sizes that do not fit are accepted, and the larger one wins. Raise ValueError unless one of them is 1.", edit={FIT: "False"})
mistake("Shapes of different lengths are refused. The shorter one is filled with 1 on the left.", edit={FIT: f"len(a) != len(b) or {FIT}"}, crashes=True)
mistake("All strides become 0 in `expand`: the whole table repeats its first number.", edit={"s if n == m else 0": "0"})
mistake("`expand` lets a table become smaller where broadcasting would go the other way. Raise ValueError.", edit={EXPANDABLE: "broadcast_shapes(self.shape, shape) is None"})
mistake("`expand` copies the numbers. With a stride of 0 no copy is needed.", edit={"(0,) * new + tuple(kept), self.offset)": "(0,) * new + tuple(kept), self.offset) if new == 0 else View(list(self.storage), shape, (0,) * new + tuple(kept), self.offset)"})
mistake("New dimensions are added on the right in `expand`.", edit={"(0,) * new + tuple(kept)": "tuple(kept) + (0,) * new"})
mistake("`sum_to` keeps the last number instead of adding all of them up.", edit={SPREAD: SPREAD.replace("+=", "=")})
mistake("`sum_to` gives the mean. Every use counts in full: it is the sum.", edit={SPREAD: SPREAD.replace("table[index]\n", "table[index] * math.prod(shape) / math.prod(table.shape)\n")})
mistake("`sum_to` returns the table itself when there is nothing to add. The sum has a storage of its own.", edit={"    total = View([0.0]": "    if table.shape == shape:\n        return table\n    total = View([0.0]"})
# --- slopes ----------------------------------------------------------------------------------------------------------

mistake("The slopes of a product are exchanged: d(a b)/da is b.", edit={"(self, other.data), (other, self.data)": "(self, self.data), (other, other.data)"})
mistake("Your power rule forgets the factor n.", edit={"n * self.data ** (n - 1) if n else 0.0": "self.data ** (n - 1) if n else 0.0"})
mistake("a ** 0 at a = 0 divides by 0 in your slope. The slope is 0.", edit={"n * self.data ** (n - 1) if n else 0.0": "n * self.data ** (n - 1)"}, crashes=True)
mistake("The slope of exp is exp of the number, not the number.", edit={"return self._result(y, (self, y))": "return self._result(y, (self, self.data))"})
mistake("The slope of log is 1 / a.", edit={"(self, 1 / self.data)": "(self, self.data)"})
mistake("The slope of tanh is 1 - tanh², of the result, not of the number.", edit={"(self, 1 - y * y)": "(self, 1 - self.data**2)"})
mistake("Your relu passes gradients for negative numbers too.", edit={"float(self.data > 0)": "1.0"})
mistake("The slope of relu at 0 is 0, as in torch.", edit={"float(self.data > 0)": "float(self.data >= 0)"})
mistake("2 - a gives a - 2 in your code.", edit={"return -self + other": "return self - other"})
mistake("2 / a gives a / 2 in your code.", edit={"return self**-1 * other": "return self / other"})
mistake("The right operand of a difference has slope -1.", edit={"return self + -self._of(other)": "other = self._of(other)\n        return self._result(self.data - other.data, (self, 1.0), (other, 1.0))"})
mistake("A number stands on the left of + or *, and Python does not know what to do. Write the methods with an r too.", edit={
    "    def __radd__": "    def _radd", "    def __rmul__": "    def _rmul"}, crashes=True)  # fmt: skip
# --- backward --------------------------------------------------------------------------------------------------------

mistake(
    "A gradient replaces what is there. A value that is used twice hears from both uses: add.",
    edit={LOOP: LOOP.replace("+=", "=")},
)
mistake("The derivative of the result with respect to itself is 1, not 0.", edit={"| {self: 1.0}": ""})
mistake("Your slopes are added along a way. The chain rule multiplies them.", edit={"slope * grads[value]": "(slope + grads[value])"})
mistake("The values are visited from the leaves to the result. Go the other way: a value passes on what it has heard.", edit={"for value in reversed(order):": "for value in order:"})
mistake(
    "Each call sets gradients to 0 first. Nothing is set back: gradients add up.",
    edit={"            value.grad += grads[value]": "            value.grad = grads[value]"},
    fails=["another_call_adds_up"],
)
mistake("Only the leaves get a gradient. Values in between have one too.", edit={"            value.grad += grads[value]": "            value.grad += grads[value] * (not value.parents)"})
mistake("The value on which backward is called gets no gradient. Its own is 1.0.", edit={"            value.grad += grads[value]": "            value.grad += grads[value] * (value is not self)"})
mistake("The graph is forgotten after the first backward (as torch does without retain_graph). Here a second call must work.", edit={LOOP: LOOP + "            value.parents = []\n"})
mistake(
    "A value passes on its gradient before it has heard from all uses: your order is that of the visits. Put a value behind those it was computed from.",
    edit={"                stack.append((value, True))\n": "                order.insert(0, value)\n"},
)
mistake(
    "Your search for the order calls itself, and Python allows 1000 calls. Keep a list of what is still to be visited.",
    edit={WALK: """        def visit(value):
            if value not in seen:
                seen.add(value)
                for parent, _ in value.parents:
                    visit(parent)
                order.append(value)

        visit(self)
"""},
    fails=["depth_does_not_matter"],
    crashes=True,
)
mistake(
    "You follow every way from the result to a leaf. That is right, but forty doublings have a million million ways. Visit each value once.",
    edit={WALK: """        stack = [(self, 1.0)]
        while stack:
            value, grad = stack.pop()
            value.grad += grad
            stack += [(parent, slope * grad) for parent, slope in value.parents]
        return
"""},
    fails=["depth_does_not_matter"],
    crashes=True,
)

# --- of other kinds ---------------------------------------------------------------------------------------------------

mistake(
    "a + 0 gives a itself in your code. Each operation gives a new Value, with a gradient of its own.",
    edit={"        return self._result(self.data + other.data,": "        if other.data == 0 and not other.parents:\n            return self\n        return self._result(self.data + other.data,"},
)
mistake(
    "relu of a positive number gives the value itself. Each operation gives a new Value, with a gradient of its own.",
    edit={"        return self._result(max(self.data, 0.0)": "        if self.data > 0:\n            return self\n        return self._result(max(self.data, 0.0)"},
)
mistake(
    "A product uses the number with which its factor was made. If somebody has changed `data` since, the new number counts.",
    edit={
        "self.data, self.grad = float(data), 0.0": "self.data, self.grad, self._made = float(data), 0.0, float(data)",
        "return self._result(self.data * other.data, (self, other.data), (other, self.data))": "return self._result(self._made * other._made, (self, other._made), (other, self._made))",
    },
)
mistake(
    "`select` is right for dimensions from 0 on, but not for negative ones. -1 is the last dimension.",
    edit={"dim, n = dim % len(self.shape), self.shape[dim]": "n = self.shape[dim]"},
    crashes=True,
)
mistake(
    "`transpose` moves one dimension to the place of the other, and those in between shift. The two change places, all others stay.",
    edit={"            each[dim0], each[dim1] = each[dim1], each[dim0]": "            each.insert(dim1 % len(each), each.pop(dim0))"},
)
mistake(
    "`sum_to` reads the storage from its beginning, row by row. The table may be a view: use its strides and its offset.",
    edit={"    for index in itertools.product(*map(range, table.shape)):\n        spread[index] += table[index]\n": "    for number, index in zip(table.storage, itertools.product(*map(range, table.shape)), strict=False):\n        spread[index] += number\n"},
)
mistake(
    "Writing gives the View a list of its own. All views of a storage see what is written through one of them.",
    edit={"        self.storage[self._place(index)] = number": "        self.storage = list(self.storage)\n        self.storage[self._place(index)] = number"},
)
mistake("Exponents are rounded to whole numbers. a ** 0.5 is the root.", edit={"    def __pow__(self, n: float) -> Any:  # a Value\n": "    def __pow__(self, n: float) -> Any:  # a Value\n        n = int(n)\n"})
mistake(
    "A result remembers that backward was called, and the second call does nothing. It adds the same derivatives once more.",
    edit={"        order: list[Value] = []": "        if getattr(self, 'done', False):\n            return\n        self.done = True\n        order: list[Value] = []"},
)
mistake(
    "Every call sets the gradients of the values in between to 0 first, and keeps those of the leaves. They add up everywhere.",
    edit={"            value.grad += grads[value]": "            value.grad = grads[value] + (0.0 if value.parents else value.grad)"},
)
mistake(
    "Values with equal numbers are taken for one. Two values are different even if their numbers are not.",
    edit={"        seen: set[Value] = set()": "        seen = set()", "            elif value not in seen:\n                seen.add(value)": "            elif (value.data, bool(value.parents)) not in seen:\n                seen.add((value.data, bool(value.parents)))",
          "        grads = dict.fromkeys(order, 0.0) | {self: 1.0}": "        grads = collections.defaultdict(float, {self: 1.0})", "import itertools\nimport math": "import collections\nimport itertools\nimport math"},
)  # fmt: skip
mistake(
    "a + a counts a only once in your code. Both operands have slope 1, also when they are the same value.",
    edit={"(self, 1.0), (other, 1.0))": "*(((self, 1.0), (other, 1.0)) if self is not other else ((self, 1.0),)))"},
)
mistake(
    "`view` compares the strides without their order, so a square table that was transposed passes. Its numbers stand in another order.",
    edit={IN_ORDER: "sorted(s for n, s, c in list(rows) if n > 1) != sorted(s for n, s in zip(self.shape, contiguous_strides(self.shape)) if n > 1)"},
)
mistake(
    "Your tanh divides two exponentials, which are too large for a float when the number is large. Use math.tanh.",
    edit={"y = math.tanh(self.data)": "y = (math.exp(2 * self.data) - 1) / (math.exp(2 * self.data) + 1)"},
    crashes=True,
)
mistake(
    "Your backward stops at values that are 0, because their gradient would not matter. A product with 0 has a slope too.",
    edit={"            for parent, slope in value.parents:\n                grads": "            for parent, slope in value.parents if value.data else ():\n                grads"},
)
mistake(
    "`expand` may also cut: a larger size is made smaller without a word. Raise ValueError.",
    edit={EXPANDABLE: "len(shape) < len(self.shape) or any(n < m and n != 1 for n, m in zip(self.shape, shape[len(shape) - len(self.shape) :]))"},
)
mistake(
    "A select on the only dimension gives a number in your code. It is a View with the shape ().",
    edit={"        return View(self.storage, shape, strides, offset)": "        return View(self.storage, shape, strides, offset) if shape else self.storage[offset]", "return [self.select(0, i).tolist() for i in range(self.shape[0])]": "return [self[(i,)] if len(self.shape) == 1 else self.select(0, i).tolist() for i in range(self.shape[0])]"},
    crashes=True,
)
mistake(
    "Where `sum_to` has nothing to add, you copy the storage with its strides and its offset. The sum is written row by row.",
    edit={"    total = View([0.0]": "    if table.shape == shape:\n        return View(list(table.storage), shape, table.strides, table.offset)\n    total = View([0.0]"},
)
mistake("`data` is a float, also where a whole number was given.", edit={"self.data, self.grad = float(data), 0.0": "self.data, self.grad = data, 0.0"})
mistake(
    "`expand` to the shape that the table has gives the View itself. Each call gives a new one.",
    edit={f"        if {EXPANDABLE}:": f"        if shape == self.shape:\n            return self\n        if {EXPANDABLE}:"},
)
mistake(
    "`view` with the shape that the table has gives the View itself. Each call gives a new one.",
    edit={"        return View(self.storage, shape, None, self.offset)": "        return self if shape == self.shape else View(self.storage, shape, None, self.offset)"},
)
mistake(
    "`transpose` of a dimension with itself gives the View itself. Each call gives a new one.",
    edit={"        shape, strides = list(self.shape), list(self.strides)\n": "        if dim0 == dim1:\n            return self\n        shape, strides = list(self.shape), list(self.strides)\n"},
)
