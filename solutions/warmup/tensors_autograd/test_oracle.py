"""warmup/tensors_autograd against torch: strides, views, broadcasting, and autograd on random computations."""

import itertools
import math
import random

import pytest
import torch

SHAPES = [(), (1,), (5,), (2, 3), (3, 1), (1, 4), (2, 3, 4), (3, 1, 2), (2, 1, 1, 3)]


def pair(reference, shape):
    """The same numbers as a View and as a tensor."""
    numbers = [float(x) for x in range(math.prod(shape))]
    return reference.View(numbers, shape), torch.tensor(numbers, dtype=torch.float64).view(shape)


def same(view, tensor):
    assert view.shape == tuple(tensor.shape)
    assert view.tolist() == tensor.tolist()
    assert view.offset == tensor.storage_offset()
    strides = zip(view.shape, view.strides, tensor.stride(), strict=True)
    assert all(ours == theirs for n, ours, theirs in strides if n > 1)


@pytest.mark.parametrize("shape", SHAPES)
def test_strides(reference, shape):
    assert reference.contiguous_strides(shape) == torch.empty(shape).stride()
    same(*pair(reference, shape))


@pytest.mark.parametrize("a, b", list(itertools.product(SHAPES, SHAPES)))
def test_broadcasting(reference, a, b):
    try:
        want = tuple(torch.broadcast_shapes(a, b))
    except RuntimeError:
        with pytest.raises(ValueError, match="fit"):
            reference.broadcast_shapes(a, b)
        return
    assert reference.broadcast_shapes(a, b) == want
    view, tensor = pair(reference, a)
    same(view.expand(want), tensor.expand(want))
    large, expanded = pair(reference, want)
    assert reference.sum_to(large, a).tolist() == expanded.sum_to_size(a).tolist()
    leaf = tensor.clone().requires_grad_()  # the gradient of a broadcast
    (leaf + torch.zeros(want)).backward(expanded)
    assert reference.sum_to(large, a).tolist() == leaf.grad.tolist()


@pytest.mark.parametrize("seed", range(8))
def test_chains_of_views(reference, seed):
    draw = random.Random(seed)
    view, tensor = pair(reference, (2, 3, 4, 2))
    for _ in range(6):
        n = tensor.ndim
        kind = draw.choice(["transpose", "select", "expand", "view"])
        if kind == "transpose" and n:
            dims = draw.randrange(-n, n), draw.randrange(-n, n)
            view, tensor = view.transpose(*dims), tensor.transpose(*dims)
        elif kind == "select" and n:
            dim = draw.randrange(-n, n)
            index = draw.randrange(-tensor.shape[dim], tensor.shape[dim])
            view, tensor = view.select(dim, index), tensor.select(dim, index)
        elif kind == "expand" and n < 4:
            view, tensor = view.expand((2, *view.shape)), tensor.expand((2, *tensor.shape))
        elif kind == "view":
            shape = (tensor.numel(),)
            if tensor.is_contiguous():
                view, tensor = view.view(shape), tensor.view(shape)
            else:
                with pytest.raises(ValueError, match="seen"):
                    view.view(shape)
        same(view, tensor)
    view[(0,) * len(view.shape)] = -1.0
    assert view.storage.count(-1.0) == 1


OPERATIONS = {
    "+": (2, lambda a, b: a + b), "-": (2, lambda a, b: a - b), "*": (2, lambda a, b: a * b), "/": (2, lambda a, b: a / (b * b + 1)),
    "exp": (1, lambda a: (a * 0.1).exp()), "log": (1, lambda a: (a * a + 1).log()), "tanh": (1, lambda a: a.tanh()),
    "relu": (1, lambda a: a.relu()), "-a": (1, lambda a: -a), "**": (1, lambda a: a**3), "root": (1, lambda a: (a * a + 2) ** 0.5),
    "2 - a": (1, lambda a: 2 - a), "3 / a": (1, lambda a: 3 / (a * a + 1)), "1.5 a": (1, lambda a: 1.5 * a), "a / 4": (1, lambda a: 1 + a / 4),
}  # fmt: skip


def computed(leaves, seed):
    draw, values = random.Random(seed), list(leaves)
    for _ in range(20):
        arity, operation = OPERATIONS[draw.choice(list(OPERATIONS))]
        values.append((operation(*(draw.choice(values) for _ in range(arity))) * 0.5).tanh() * 3)
    return values


@pytest.mark.parametrize("seed", range(25))
def test_autograd(reference, seed):
    """Random computations of 20 lines, two calls of backward on different results: values and gradients, in between too."""
    numbers = [random.Random(-seed).uniform(-2, 2) for _ in range(3)]
    ours = computed([reference.Value(x) for x in numbers], seed)
    theirs = computed([torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in numbers], seed)
    for each in theirs:
        each.retain_grad()
    for k in (-1, -5):
        ours[k].backward()
        theirs[k].backward(retain_graph=True)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine.data == pytest.approx(other.item(), abs=1e-12)
        assert mine.grad == pytest.approx(0.0 if other.grad is None else other.grad.item(), abs=1e-10)


def test_edges(reference):
    """At the edges of relu and of powers, torch and the reference agree."""
    for number, operation in [(0.0, lambda a: a.relu()), (0.0, lambda a: a**0), (0.0, lambda a: a**1), (0.0, lambda a: a**2), (-1.0, lambda a: a.relu())]:
        ours, theirs = reference.Value(number), torch.tensor(number, dtype=torch.float64, requires_grad=True)
        operation(ours).backward()
        operation(theirs).backward()
        assert ours.grad == theirs.grad.item()


def test_deep(reference):
    x, t = reference.Value(0.5), torch.tensor(0.5, dtype=torch.float64, requires_grad=True)
    y, u = x, t
    for _ in range(4000):
        y, u = (y + x * 0.01).tanh(), (u + t * 0.01).tanh()
    y.backward()
    u.backward()
    assert x.grad == pytest.approx(t.grad.item())
