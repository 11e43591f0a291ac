"""What experiments on modules and judges of random draws share: given weights, gradients, a bound on chance."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from autograder.checks import gradients, implausible, leaves, operate, surprise, with_gradients, with_weights
from autograder.checks.modules import WrongParameters
from autograder.checks.rng import Rng
from autograder.experiment.observe import load, run
from autograder.wire.decode import decode
from autograder.wire.encode import encode

STUB = "import torch\nfrom torch import nn\nclass Scale(nn.Module):\n    def __init__(self, n): ...\n"
HEAD = "import torch\nfrom torch import nn\nclass Scale(nn.Module):\n    def __init__(self, n):\n        super().__init__()\n"


def observed(body: str, weights: dict[str, torch.Tensor]):
    implementation, seen = load(HEAD + body, STUB, "modules", "scale.py", [])
    assert implementation is not None, seen
    return run(
        implementation,
        lambda student, weights: dict(with_weights(student.Scale(2), weights).state_dict()),
        encode({"weights": weights}),
    )


def test_a_module_takes_copies_of_the_weights_in_their_dtype():
    weights = {"weight": torch.randn(3, 2, dtype=torch.float64), "bias": torch.randn(3, dtype=torch.float64)}
    before = {name: weight.clone() for name, weight in weights.items()}
    layer = with_weights(nn.Linear(2, 3), weights)
    x = torch.randn(4, 2, dtype=torch.float64)
    assert torch.equal(layer(x), nn.functional.linear(x, weights["weight"], weights["bias"]))
    layer.weight.data.zero_()
    assert all(torch.equal(weights[name], before[name]) for name in weights)


def test_what_is_frozen_stays_frozen_and_buffers_are_the_modules_own():
    layer = nn.BatchNorm1d(2)
    layer.weight.requires_grad_(False)
    with_weights(layer, {"weight": torch.full((2,), 3.0), "bias": torch.ones(2), "running_mean": torch.ones(2)})
    assert not layer.weight.requires_grad and layer.bias.requires_grad
    assert layer.running_mean.tolist() == [1.0, 1.0] and layer.running_var.tolist() == [1.0, 1.0]


@pytest.mark.parametrize(
    "body, found",
    [
        ("        self.v = nn.Parameter(torch.ones(2))", "`w` is missing; `v` is not asked for"),
        ("        self.w = nn.Parameter(torch.ones(2, 1))", "`w` has the shape (2, 1), not (2,)"),
        ("        self.w = torch.ones(2)", "`w` is missing"),
        ("        self.w = nn.Parameter(torch.ones(2))\n        self.b = nn.Linear(1, 1, bias=False)", "`b.weight` is not asked for"),
    ],
)  # fmt: skip
def test_other_parameters_are_told_in_the_students_terms(body, found):
    seen = observed(body, {"w": torch.ones(2)})
    assert (seen.kind, seen.name, seen.text) == ("wrong-parameters", "Scale", found)


def test_a_right_module_is_observed_with_the_weights():
    weights = {"w": torch.tensor([2.0, 3.0])}
    seen = observed("        self.w = nn.Parameter(torch.ones(2))", weights)
    assert seen.kind == "value" and torch.equal(decode(seen.value)["w"], weights["w"])


def test_many_wrong_names_are_cut_and_what_is_no_module_is_said():
    with pytest.raises(WrongParameters, match=r"`a` is missing; .*; …$"):
        with_weights(nn.Linear(1, 1), dict.fromkeys("abcdefgh", torch.ones(1)))
    with pytest.raises(WrongParameters, match=r"it is no nn[.]Module"):
        with_weights(3, {})  # type: ignore[type-var]


def test_gradients_of_several_outputs_by_name():
    x, y, z = (torch.tensor([1.0, 2.0], requires_grad=True) for _ in range(3))
    c = torch.arange(1, 3).float().cos()
    found = gradients([2 * x, x * y.detach()], {"x": x, "y": y, "z": z})
    torch.testing.assert_close(found["x"], 2 * c + y.detach() * c)
    assert found["y"] is None and found["z"] is None


def test_gradients_of_a_module_and_of_what_is_detached():
    layer = nn.Linear(2, 1)
    layer.bias.requires_grad_(False)
    x = torch.tensor([[1.0, -2.0]])
    found = gradients(layer(x), layer)
    torch.testing.assert_close(found["weight"], x * torch.tensor(1.0).cos())
    assert found["bias"] is None
    assert gradients(layer(x).detach(), layer) == {"weight": None, "bias": None}


def test_the_bound_on_chance_holds_and_is_not_far_off():
    """Every outcome of 30 draws among three, exactly: the chance to lie as far as each is within its bound."""
    p, n = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), 30
    counts = [torch.tensor([a, b, n - a - b]) for a in range(n + 1) for b in range(n + 1 - a)]
    chance = [math.exp(torch.distributions.Multinomial(n, p).log_prob(c.double())) for c in counts]
    distance = [float(torch.xlogy(c.double(), c / (n * p)).sum()) for c in counts]
    assert sum(chance) == pytest.approx(1)
    for c, d in zip(counts, distance, strict=True):
        tail = sum(each for each, other in zip(chance, distance, strict=True) if other >= d - 1e-9)
        assert tail <= math.exp(surprise(c, p)) * (1 + 1e-9)
        assert surprise(c, p) <= math.log(tail) / 2 + 3


def test_draws_that_are_off_are_implausible_and_honest_ones_are_not():
    p = torch.tensor([0.4, 0.3, 0.2, 0.1])
    honest = torch.multinomial(p, 20_000, replacement=True, generator=torch.Generator().manual_seed(0)).bincount()
    assert not implausible(honest, p)
    off = torch.tensor([0.42, 0.3, 0.2, 0.08])
    assert implausible((off * 20_000).long(), p)
    assert implausible(torch.tensor([9, 1, 0, 0]), torch.tensor([1.0, 0.0, 0.0, 0.0]))
    assert not implausible(torch.tensor([10, 0]), torch.tensor([1.0, 0.0]))


def test_with_gradients_leaves_the_inputs_alone():
    x, n = torch.tensor([1.0, 2.0], dtype=torch.float64), torch.tensor([1, 0])
    seen = with_gradients(lambda x, n, factor: (factor * x[n], n), x=x, n=n, factor=3.0)
    assert not x.requires_grad and list(seen["gradients"]) == ["x"]
    assert torch.allclose(seen["gradients"]["x"], 3 * torch.arange(1.0, 3.0, dtype=torch.float64).cos()[n])
    assert seen["value"][0].tolist() == [6.0, 3.0]
    (leaf,) = leaves(x)
    assert leaf.requires_grad and leaf.data_ptr() != x.data_ptr()


def test_weights_have_their_gain_and_none_is_a_fresh_modules():
    made = Rng(1).weights({"a.weight": (300, 400), "norm.weight": (9,), "a.bias": (9,)}, gain=2.0, dtype="float64")
    assert made["a.weight"].std().item() == pytest.approx(0.1, rel=0.02) and made["a.weight"].dtype == torch.float64
    assert (made["norm.weight"] - 1).abs().max() < 1.5 and not torch.equal(made["a.bias"], torch.zeros(9))


class Stack:
    def __init__(self) -> None:
        self.items: list[int] = []

    def push(self, item: int) -> list[int]:
        self.items.append(item)
        return self.items

    def pop(self) -> int:
        return self.items.pop()

    def later(self) -> None:
        raise NotImplementedError


def test_operate_tells_what_each_method_did():
    seen = operate(Stack(), [["pop"], ["push", 4], ["pop"]], watch=["items"])
    assert [list(step) for step in seen] == [["raised", "items"], ["returned", "items"], ["returned", "items"]]
    assert seen[0]["raised"] == "IndexError" and seen[2]["returned"] == 4
    with pytest.raises(NotImplementedError):
        operate(Stack(), [["later"]])
