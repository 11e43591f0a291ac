"""What torch does for you, in plain Python: tables of numbers that are seen in many ways, and gradients that are found automatically.

The first half is about *tensors*. A tensor is a flat list of numbers with a way to look at it: a shape, strides, an offset. The second half is about
*autograd*: numbers that remember how they were computed.

No library is allowed here, neither torch nor NumPy: Python's own is enough. A shape is a tuple of whole numbers >= 1, and () is the shape of a single
number. Dimensions are numbered from 0; a negative number counts from the end, so -1 is the last one.
"""

import itertools
import math
from typing import Any


def contiguous_strides(shape: tuple[int, ...]) -> tuple[int, ...]:
    """How far apart neighbours stand in the list, for each dimension, if the table is written row by row.

    The last dimension has stride 1. The stride of every other one is the product of all sizes behind it.

    >>> contiguous_strides((2, 3, 4))
    (12, 4, 1)
    >>> contiguous_strides(())
    ()
    """
    # BEGIN SOLUTION
    return tuple(math.prod(shape[i + 1 :]) for i in range(len(shape)))
    # END SOLUTION


def broadcast_shapes(a: tuple[int, ...], b: tuple[int, ...]) -> tuple[int, ...]:
    """The shape of a + b, when a and b are tables of these shapes.

    The shapes are written one below the other so that their *last* dimensions meet, and the shorter one is filled with 1 on the left. In each
    dimension the two sizes must be equal, or one of them must be 1; the result has the larger one.

    Raises ValueError if they do not fit.

    >>> broadcast_shapes((2, 3, 4), (3, 1))
    (2, 3, 4)
    >>> broadcast_shapes((5, 1), (1, 6))
    (5, 6)
    >>> broadcast_shapes((2, 3), (2,))
    Traceback (most recent call last):
    ValueError: 3 and 2
    """
    # BEGIN SOLUTION
    n = max(len(a), len(b))
    pairs = list(zip((1,) * (n - len(a)) + a, (1,) * (n - len(b)) + b, strict=True))
    if any(x != y and 1 not in (x, y) for x, y in pairs):
        raise ValueError(f"{a} and {b} do not fit")
    return tuple(max(pair) for pair in pairs)
    # END SOLUTION


class View:
    """A table of numbers: a way to look at a flat list, the *storage*.

    The number at index (i, j, …) stands at storage[offset + i · strides[0] + j · strides[1] + …].

    `select`, `transpose`, `expand` and `view` copy no numbers. Each gives a new View of the same list, also where nothing changes (`expand` to
    the shape that it has); what is written through one View is seen through all of them. The View that they are called on stays as it
    was. (The stride of a dimension of size 1 is never used, so it may be any number.)

    >>> table = View([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 3))
    >>> table.tolist()
    [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
    >>> View([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 2), (1, 3), 1).tolist()
    [[2.0, 5.0], [3.0, 6.0]]
    """

    def __init__(
        self, storage: list[float], shape: tuple[int, ...], strides: tuple[int, ...] | None = None, offset: int = 0
    ) -> None:
        """This is given. Without strides, the table is written row by row."""
        self.storage, self.shape, self.offset = storage, shape, offset
        self.strides = contiguous_strides(shape) if strides is None else strides

    def __getitem__(self, index: tuple[int, ...]) -> float:
        """The number at an index: a tuple with one whole number for each dimension.

        Negative numbers count from the end. Raises IndexError if a number is out of range (less than -size, or size and more), or if
        there are not as many numbers as dimensions.

        >>> View([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 3))[1, -1]
        6.0
        >>> View([7.0], ())[()]
        7.0
        >>> View([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 3))[0, 3]
        Traceback (most recent call last):
        IndexError: 3 is out of range
        """
        # BEGIN SOLUTION
        return self.storage[self._place(index)]
        # END SOLUTION

    def __setitem__(self, index: tuple[int, ...], number: float) -> None:
        """Write a number into the storage, at an index as for `__getitem__`."""
        # BEGIN SOLUTION
        self.storage[self._place(index)] = number
        # END SOLUTION

    # BEGIN SOLUTION
    def _place(self, index: tuple[int, ...]) -> int:
        """Where in the storage the number at an index stands."""
        if len(index) != len(self.shape) or not all(-n <= i < n for i, n in zip(index, self.shape, strict=True)):
            raise IndexError(f"{index} is no index of a table of shape {self.shape}")
        return self.offset + sum(i % n * s for i, n, s in zip(index, self.shape, self.strides, strict=True))

    # END SOLUTION

    def tolist(self) -> list | float:
        """All numbers as lists of lists, as deep as there are dimensions. Without a dimension it is the number itself.

        >>> View([0.0, 1.0, 2.0, 3.0], (2, 1, 2)).tolist()
        [[[0.0, 1.0]], [[2.0, 3.0]]]
        """
        # BEGIN SOLUTION
        if not self.shape:
            return self[()]
        return [self.select(0, i).tolist() for i in range(self.shape[0])]
        # END SOLUTION

    def select(self, dim: int, index: int) -> Any:  # a View
        """The part of the table at one index of one dimension: `table[index]` for dim 0, a column for dim 1. The dimension is gone.

        A negative index counts from the end. Raises IndexError if the index is out of range.

        >>> View([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 3)).select(1, 2).tolist()
        [3.0, 6.0]
        """
        # BEGIN SOLUTION
        dim, n = dim % len(self.shape), self.shape[dim]
        if not -n <= index < n:
            raise IndexError(f"{index} is not within {n}")
        offset = self.offset + index % n * self.strides[dim]
        without = slice(dim), slice(dim + 1, None)
        shape, strides = (sum((each[part] for part in without), ()) for each in (self.shape, self.strides))
        return View(self.storage, shape, strides, offset)
        # END SOLUTION

    def transpose(self, dim0: int, dim1: int) -> Any:  # a View
        """The table with two dimensions exchanged.

        >>> View([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 3)).transpose(0, 1).tolist()
        [[1.0, 4.0], [2.0, 5.0], [3.0, 6.0]]
        >>> View([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 3)).transpose(0, 1).strides
        (1, 3)
        """
        # BEGIN SOLUTION
        shape, strides = list(self.shape), list(self.strides)
        for each in (shape, strides):
            each[dim0], each[dim1] = each[dim1], each[dim0]
        return View(self.storage, tuple(shape), tuple(strides), self.offset)
        # END SOLUTION

    def expand(self, shape: tuple[int, ...]) -> Any:  # a View
        """The table seen with a larger shape, as broadcasting sees it: the same numbers, repeated without a copy.

        Shapes meet at their last dimensions. A dimension of size 1 may get any size, and new dimensions may be added on the left: their stride is 0,
        so every index leads to the same number. Every other dimension keeps its size and its stride.

        Raises ValueError if this table cannot be seen with that shape.

        >>> View([1.0, 2.0, 3.0], (3,)).expand((2, 3)).tolist()
        [[1.0, 2.0, 3.0], [1.0, 2.0, 3.0]]
        >>> View([1.0, 2.0], (2, 1)).expand((2, 3)).strides
        (1, 0)
        """
        # BEGIN SOLUTION
        if broadcast_shapes(self.shape, shape) != shape:
            raise ValueError(f"a table of shape {self.shape} cannot be expanded to {shape}")
        new = len(shape) - len(self.shape)
        kept = (s if n == m else 0 for n, m, s in zip(self.shape, shape[new:], self.strides, strict=True))
        return View(self.storage, shape, (0,) * new + tuple(kept), self.offset)
        # END SOLUTION

    def view(self, shape: tuple[int, ...]) -> Any:  # a View
        """The same numbers in the same order (row by row), seen with another shape.

        Raises ValueError if the shape does not have as many numbers, or if the numbers of this table, read row by row, do not stand
        one after the other in the storage. After `transpose` they mostly don't: torch then says that the tensor is not contiguous.
        (torch's `view` is more patient: it also accepts a few other tables, in which the new shape only splits or joins dimensions.)

        >>> View([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 3)).view((3, 2)).tolist()
        [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]
        >>> View([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 3)).transpose(0, 1).view((6,))
        Traceback (most recent call last):
        ValueError: not contiguous
        """
        # BEGIN SOLUTION
        rows = zip(self.shape, self.strides, contiguous_strides(self.shape), strict=True)
        if math.prod(shape) != math.prod(self.shape) or any(n > 1 and s != c for n, s, c in rows):
            raise ValueError(f"a table of shape {self.shape} and strides {self.strides} cannot be seen with shape {shape}")
        return View(self.storage, shape, None, self.offset)
        # END SOLUTION


def sum_to(table: View, shape: tuple[int, ...]) -> Any:  # a View
    """The way back from `expand`: add up all numbers of `table` that came from the same number of a smaller table of this shape.

    This is what happens to gradients: if a small table was broadcast to the shape of `table`, each of its numbers was used several times,
    and its gradient is the sum over all of these places.

    Returns a new View with a storage of its own, written row by row. Raises ValueError if no table of this shape can be expanded to
    the shape of `table`.

    >>> sum_to(View([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 3)), (3,)).tolist()
    [5.0, 7.0, 9.0]
    >>> sum_to(View([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], (2, 3)), (2, 1)).tolist()
    [[6.0], [15.0]]
    """
    # BEGIN SOLUTION
    total = View([0.0] * math.prod(shape), shape)
    spread = total.expand(table.shape)  # many of its indices lead to one number of `total`
    for index in itertools.product(*map(range, table.shape)):
        spread[index] += table[index]
    return total
    # END SOLUTION


class Value:
    """A number that remembers how it was computed, and can find the derivatives of a result with respect to everything that led to it.

    Attributes: `data`, the number as a float (3.0 for `Value(3)`); `grad`, 0.0 at first, in which `backward` adds up derivatives. Between two
    computations both may be changed by anybody (a training step changes `data`): the next operation uses the new number. (If `data` changes
    between an operation and the `backward` of its result, it is open which number that `backward` uses.)

    With Values a and b, and with a Python number (int or float) in place of one of them:

        a + b    a - b    a * b    a / b    -a    a ** n    a.exp()    a.log()    a.tanh()    a.relu()

    n is a Python number, not a Value. Each operation gives a new Value, with a `grad` of its own (a + 0 and a ** 1 as well), and leaves its operands
    as they are. `relu` is max(a, 0), and its derivative at 0 is 0. Operations are only asked for where the result and its derivatives are
    real numbers; a ** 0 is 1 with derivative 0 everywhere. Operands that are not 0 lie between 1e-100 and 1e100 in size, so that no square is too
    small or too large for a float.

    >>> (3 - Value(1.0) / 2).data
    2.5
    >>> a = Value(3.0)
    >>> _ = (a * a + 2 * a).backward()
    >>> a.grad  # 2 a + 2
    8.0
    """

    def __init__(self, data: float) -> None:
        # BEGIN SOLUTION
        self.data, self.grad = float(data), 0.0
        self.parents: list[tuple[Value, float]] = []  # with the derivative of this number with respect to each of them
        # END SOLUTION

    # BEGIN SOLUTION
    @staticmethod
    def _of(x: "Value | float") -> "Value":
        return x if isinstance(x, Value) else Value(x)

    @staticmethod
    def _result(data: float, *parents: tuple["Value", float]) -> "Value":
        result = Value(data)
        result.parents = list(parents)
        return result

    # END SOLUTION

    def __float__(self) -> float:
        """This is given: float(a) is the number, a.data."""
        return float(self.data)

    def __add__(self, other: "Value | float") -> Any:  # a Value
        # BEGIN SOLUTION
        other = self._of(other)
        return self._result(self.data + other.data, (self, 1.0), (other, 1.0))
        # END SOLUTION

    def __radd__(self, other: float) -> Any:  # a Value
        # BEGIN SOLUTION
        return self + other
        # END SOLUTION

    def __mul__(self, other: "Value | float") -> Any:  # a Value
        # BEGIN SOLUTION
        other = self._of(other)
        return self._result(self.data * other.data, (self, other.data), (other, self.data))
        # END SOLUTION

    def __rmul__(self, other: float) -> Any:  # a Value
        # BEGIN SOLUTION
        return self * other
        # END SOLUTION

    def __neg__(self) -> Any:  # a Value
        # BEGIN SOLUTION
        return self * -1
        # END SOLUTION

    def __sub__(self, other: "Value | float") -> Any:  # a Value
        # BEGIN SOLUTION
        return self + -self._of(other)
        # END SOLUTION

    def __rsub__(self, other: float) -> Any:  # a Value
        # BEGIN SOLUTION
        return -self + other
        # END SOLUTION

    def __pow__(self, n: float) -> Any:  # a Value
        # BEGIN SOLUTION
        return self._result(self.data**n, (self, n * self.data ** (n - 1) if n else 0.0))
        # END SOLUTION

    def __truediv__(self, other: "Value | float") -> Any:  # a Value
        # BEGIN SOLUTION
        return self * self._of(other) ** -1
        # END SOLUTION

    def __rtruediv__(self, other: float) -> Any:  # a Value
        # BEGIN SOLUTION
        return self**-1 * other
        # END SOLUTION

    def exp(self) -> Any:  # a Value
        """e to the power of this value.

        >>> Value(0.0).exp().data
        1.0
        """
        # BEGIN SOLUTION
        y = math.exp(self.data)
        return self._result(y, (self, y))
        # END SOLUTION

    def log(self) -> Any:  # a Value
        """The natural logarithm.

        >>> Value(1.0).log().data
        0.0
        """
        # BEGIN SOLUTION
        return self._result(math.log(self.data), (self, 1 / self.data))
        # END SOLUTION

    def tanh(self) -> Any:  # a Value
        """The hyperbolic tangent, whose slope is 1 - tanh².

        >>> Value(0.0).tanh().data
        0.0
        """
        # BEGIN SOLUTION
        y = math.tanh(self.data)
        return self._result(y, (self, 1 - y * y))
        # END SOLUTION

    def relu(self) -> Any:  # a Value
        """max(a, 0); the derivative at 0 is 0.

        >>> Value(-2.0).relu().data
        0.0
        """
        # BEGIN SOLUTION
        return self._result(max(self.data, 0.0), (self, float(self.data > 0)))
        # END SOLUTION

    def backward(self) -> None:
        """Add d(this value)/d(v) to v.grad, for this value itself (1.0) and for every Value v from which it was computed.

        A value that was used several times hears from every use, along every way: the derivatives are added up.

        Nothing is set back to 0: a second call adds the same derivatives once more, and the gradients of several results add up, as in torch. Values
        in between have a `grad` too, which is no part of the computation: what an earlier call left there changes no derivative of
        a later one. (micrograd, Karpathy's teaching engine, goes on computing with it, so its second call gives other numbers.)
        Values on which this one does not depend stay as they are.

        Each value is dealt with once, after all values that were computed from it. So a computation of n operations takes a time that
        grows like n, and it may be 10,000 operations deep: Python's limit for recursion (1000 calls) must not matter.
        """
        # BEGIN SOLUTION
        order: list[Value] = []  # each value behind all those from which it was computed
        seen: set[Value] = set()
        stack = [(self, False)]
        while stack:
            value, ready = stack.pop()
            if ready:
                order.append(value)
            elif value not in seen:
                seen.add(value)
                stack.append((value, True))
                stack += [(parent, False) for parent, _ in value.parents]
        grads = dict.fromkeys(order, 0.0) | {self: 1.0}
        for value in reversed(order):
            value.grad += grads[value]
            for parent, slope in value.parents:
                grads[parent] += slope * grads[value]
        # END SOLUTION
