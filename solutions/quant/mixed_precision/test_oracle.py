"""quant/mixed_precision against torch.amp.GradScaler on the CPU, clip_grad_norm_, float32 training, and math.fsum."""

import math
import random

import pytest
import torch
from torch import nn


def make(name, parameters):
    return {"sgd": torch.optim.SGD(parameters, lr=0.1, momentum=0.9), "adam": torch.optim.Adam(parameters, lr=0.05)}[name]


@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
@pytest.mark.parametrize("seed", range(12))
def test_traces_of_grad_scaler(reference, seed, optimizer):
    """Random patterns of good and bad rounds, with and without an unscale_ of one's own: scale, tracker and weights are the same."""
    rng = random.Random(seed)
    options = {"init": 2.0 ** rng.randint(-2, 16), "growth": rng.choice([2.0, 4.0]), "backoff": rng.choice([0.5, 0.25]), "interval": rng.randint(1, 4)}
    theirs = torch.amp.GradScaler(
        "cpu", init_scale=options["init"], growth_factor=options["growth"], backoff_factor=options["backoff"], growth_interval=options["interval"]
    )
    ours = reference.LossScaler(**options)
    torch.manual_seed(seed)
    mine = [torch.randn(3, 2), torch.randn(4)]
    want = [w.clone() for w in mine]
    optimizers = make(optimizer, mine), make(optimizer, want)
    for _ in range(25):
        bad, explicit = rng.choice(["", "", "", "inf", "-inf", "nan"]), rng.random() < 0.5
        x = torch.randn(3)
        assert torch.equal(ours.scale(x.sum()), theirs.scale(x.sum()))
        for a, b in zip(mine, want, strict=True):
            a.grad = torch.randn_like(a) * ours.value
            if bad and (rng.random() < 0.5 or a is mine[-1]):
                a.grad.view(-1)[rng.randrange(a.numel())] = float(bad)
            b.grad = a.grad.clone()
        if explicit:
            assert ours.unscale_(mine) == bool(bad)
            theirs.unscale_(optimizers[1])
        assert ours.step(optimizers[0]) == (not bad)
        theirs.step(optimizers[1])
        ours.update()
        theirs.update()
        assert ours.value == theirs.get_scale() and ours.good == theirs._get_growth_tracker()
        assert all(torch.equal(a, b) for a, b in zip(mine, want, strict=True))
    assert optimizers[0].state_dict().keys() == optimizers[1].state_dict().keys()


def test_the_order_is_held_as_in_torch(reference):
    for calls in (["unscale", "unscale"], ["step", "unscale"], ["step", "step"], ["unscale", "step", "step"]):
        for kind in (lambda: reference.LossScaler(), lambda: torch.amp.GradScaler("cpu")):
            w = torch.ones(2)
            w.grad = torch.ones(2)
            scaler, optimizer = kind(), torch.optim.SGD([w], lr=0.1)
            scaler.scale(torch.ones(()))
            todo = {"unscale": lambda s=scaler, o=optimizer, w=w: s.unscale_(o if isinstance(s, torch.amp.GradScaler) else [w]), "step": lambda s=scaler, o=optimizer: s.step(o)}
            for name in calls[:-1]:
                todo[name]()
            with pytest.raises(RuntimeError):
                todo[calls[-1]]()


def test_float16_is_refused_as_in_torch(reference):
    w = torch.ones(2).half()
    w.grad = torch.ones(2).half()
    with pytest.raises(ValueError):
        reference.LossScaler().unscale_([w])
    theirs = torch.amp.GradScaler("cpu")
    theirs.scale(torch.ones(()))
    with pytest.raises(ValueError):
        theirs.unscale_(torch.optim.SGD([w], lr=0.1))


@pytest.mark.parametrize("clip", [None, 0.05, 3.0])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_training_by_hand_with_torchs_parts(reference, dtype, clip):
    """The classical recipe, with GradScaler and clip_grad_norm_, beside ours."""
    torch.manual_seed(1)
    mine = [0.4 * torch.randn(5, 3), torch.zeros(3)]
    want = [nn.Parameter(w.clone()) for w in mine]
    optimizers = make("sgd", mine), make("sgd", want)
    ours, theirs = reference.LossScaler(2.0**18, interval=3), torch.amp.GradScaler("cpu", init_scale=2.0**18, growth_interval=3)
    skipped = 0
    for number in range(20):
        x, y = torch.randn(6, 5), torch.randn(6, 3)

        def loss_fn(low, x=x, y=y, number=number):
            loss = ((x.to(dtype) @ low[0] + low[1]).float() - y).square().mean()
            return loss * (1e9 if number == 9 else 1.0)

        low = [w.detach().to(dtype).requires_grad_() for w in want]
        theirs.scale(loss_fn(low)).backward()
        for w, small in zip(want, low, strict=True):
            w.grad = small.grad.float()
        theirs.unscale_(optimizers[1])
        norm = torch.nn.utils.clip_grad_norm_(want, clip if clip is not None else math.inf)
        theirs.step(optimizers[1])
        theirs.update()
        got = reference.train_step(loss_fn, mine, optimizers[0], ours, dtype, clip)
        assert ours.value == theirs.get_scale()
        assert got["norm"] == pytest.approx(norm.item(), rel=1e-5) if got["stepped"] else not math.isfinite(norm)
        skipped += not got["stepped"]
        for a, b in zip(mine, want, strict=True):
            torch.testing.assert_close(a, b.detach(), atol=1e-5, rtol=1e-4)
    assert skipped >= 1 if dtype == torch.float16 else True


def test_it_learns_as_float32_does(reference):
    """And 16-bit weights alone do not: small updates are lost."""
    torch.manual_seed(0)
    x = torch.randn(64, 8)
    y = x @ torch.randn(8, 1)

    def loss_fn(low):
        return (x.to(low[0].dtype) @ low[0] - y.to(low[0].dtype)).float().square().mean()

    ends = {}
    for name in ("mixed", "float32", "float16 alone"):
        w = torch.zeros(8, 1, dtype=torch.float16 if name == "float16 alone" else torch.float32)
        optimizer = torch.optim.SGD([w], lr=3e-4)
        scaler = reference.LossScaler(1024.0)
        for _ in range(600):
            if name == "mixed":
                reference.train_step(loss_fn, [w], optimizer, scaler, clip=None)
            else:
                leaf = w.clone().requires_grad_()
                (w.grad,) = torch.autograd.grad(loss_fn([leaf]), leaf)
                optimizer.step()
        ends[name] = loss_fn([w.float()]).item()
    assert ends["mixed"] == pytest.approx(ends["float32"], rel=0.02)
    assert abs(ends["float16 alone"] - ends["float32"]) > 5 * abs(ends["mixed"] - ends["float32"])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("seed", range(5))
def test_scales_one_by_one(reference, dtype, seed):
    rng = random.Random(seed)
    gradients = [torch.tensor([rng.choice([-1, 1]) * 10 ** rng.uniform(-12, 3) for _ in range(20)]) for _ in range(2)]
    limit = torch.finfo(dtype).max
    largest = max(abs(v) for g in gradients for v in g.tolist())
    fits = [k for k in range(-160, 160) if largest * 2.0**k <= limit]
    best = reference.best_scale(gradients, dtype)
    assert best == 2.0 ** max(fits)
    assert all(torch.isfinite((g.double() * best).to(dtype)).all() for g in gradients)
    for scale in (1.0, best):
        lost = [v for g in gradients for v in g.tolist() if v and torch.tensor(v * scale).to(dtype) == 0]
        assert reference.lost_share(gradients, scale, dtype) == pytest.approx(len(lost) / 40)


@pytest.mark.parametrize("dtype, name", [(torch.bfloat16, "bfloat16"), (torch.float16, "float16")])
@pytest.mark.parametrize("seed", range(3))
def test_sums_against_fsum_and_ml_dtypes(reference, dtype, name, seed):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    import numpy as np

    kind = np.float16 if name == "float16" else ml_dtypes.bfloat16
    torch.manual_seed(seed)
    xs = torch.rand(400).to(dtype)
    total, excess = torch.zeros(1, dtype=dtype), torch.zeros(1, dtype=dtype)
    s, c = kind(0), kind(0)
    for x in xs:
        total, excess = reference.kahan_add(total, excess, x.reshape(1))
        y = kind(kind(x.item()) - c)
        t = kind(s + y)
        s, c = t, kind(kind(t - s) - y)
        assert float(s) == total.item() and float(c) == excess.item()
    exact = math.fsum(xs.double().tolist())
    assert abs(total.item() - excess.item() - exact) <= exact * 0.005
