"""warmup/training_loop against torch.optim.AdamW, torch.nn.utils.clip_grad_norm_ and transformers' schedules."""

import copy

import pytest
import torch
from torch import nn

SETTINGS = {
    "PyTorch's defaults": {},
    "Llama 2": {"lr": 3e-4, "betas": (0.9, 0.95), "eps": 1e-5, "weight_decay": 0.1},
    "GPT-3": {"lr": 6e-4, "betas": (0.9, 0.95), "eps": 1e-8, "weight_decay": 0.1},
    "no decay": {"lr": 0.1, "weight_decay": 0.0},
    "loud": {"lr": 0.5, "betas": (0.5, 0.7), "eps": 0.1, "weight_decay": 0.9},
}


def model(seed=0, dtype=torch.float64):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(4, 7), nn.Tanh(), nn.Linear(7, 3)).to(dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("name", SETTINGS)
def test_adamw(reference, name, dtype):
    ours = model(dtype=dtype)
    theirs = copy.deepcopy(ours)
    mine = reference.AdamW(ours.parameters(), **SETTINGS[name])
    oracle = torch.optim.AdamW(theirs.parameters(), foreach=False, **SETTINGS[name])
    for step in range(20):
        x = torch.randn(5, 4, dtype=dtype)
        for each, optimizer in ((ours, mine), (theirs, oracle)):
            optimizer.zero_grad()
            hidden = each[0](x) if step % 3 == 1 else each(x)  # the last layer has no gradient then
            hidden.sin().sum().backward()
            optimizer.step()
        mine.lr = oracle.param_groups[0]["lr"] = 0.9 * mine.lr
        torch.testing.assert_close(list(ours.parameters()), list(theirs.parameters()))
    for i, p in enumerate(theirs.parameters()):
        state = oracle.state[p]
        torch.testing.assert_close((mine.m[i], mine.v[i]), (state["exp_avg"], state["exp_avg_sq"]))
        assert mine.t[i] == int(state["step"])


def test_it_is_not_adam_with_l2(reference):
    """Adam's weight_decay is added to the gradient: another result, as soon as it is not 0."""
    for decay, equal in ((0.0, True), (0.1, False)):
        ours, theirs = model(), model()
        mine = reference.AdamW(ours.parameters(), lr=0.1, weight_decay=decay)
        oracle = torch.optim.Adam(theirs.parameters(), lr=0.1, weight_decay=decay)
        x = torch.ones(1, 4, dtype=torch.float64)
        for each, optimizer in ((ours, mine), (theirs, oracle)):
            each(x).sum().backward()
            optimizer.step()
        assert torch.allclose(ours[0].weight, theirs[0].weight) == equal


@pytest.mark.parametrize("warmup, total", [(0, 5), (4, 10), (9, 10), (100, 1000)])
@pytest.mark.parametrize("floor", [0.0, 0.1, 0.5])
def test_schedule(reference, warmup, total, floor):
    transformers = pytest.importorskip("transformers")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    if floor == 0.0:
        scheduler = transformers.get_cosine_schedule_with_warmup(optimizer, warmup, total)
    else:
        scheduler = transformers.get_cosine_with_min_lr_schedule_with_warmup(
            optimizer, warmup, total, min_lr_rate=floor
        )
    factor = scheduler.lr_lambdas[0]
    for step in range(total + 1):
        assert reference.cosine_with_warmup(step, warmup, total, floor) == pytest.approx(factor(step), abs=1e-12)


@pytest.mark.parametrize("max_norm", [1e-3, 1.0, 100.0, float("inf")])
@pytest.mark.parametrize("scale", [0.0, 1e-4, 1.0, 1e3])
def test_clipping(reference, scale, max_norm):
    ours = model()
    theirs = copy.deepcopy(ours)
    x = torch.randn(6, 4, dtype=torch.float64)
    for each in (ours, theirs):
        (scale * each(x)).sin().sum().backward()
        each[0].bias.grad = None
    want = torch.nn.utils.clip_grad_norm_(theirs.parameters(), max_norm)
    torch.testing.assert_close(reference.clip_grad_norm(ours.parameters(), max_norm), want)
    for mine, oracle in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, oracle.grad)


def test_accumulation_is_transformers_num_items_in_batch(reference):
    """Micro-batches with different numbers of labels: the gradients of Llama's own loss, given the number of all items."""
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=11, hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2,
        bos_token_id=None, eos_token_id=None,
    )  # fmt: skip
    torch.manual_seed(0)
    ours = transformers.LlamaForCausalLM(config).double()
    theirs = copy.deepcopy(ours)
    ids = torch.randint(0, 11, (5, 7))
    labels = ids.clone()
    labels[0, 3:] = labels[3, 5:] = -100
    n_items = int((labels[:, 1:] != -100).sum())
    whole = theirs(ids, labels=labels).loss
    whole.backward()

    def loss_sum(rows):
        return ours(ids[rows], labels=labels[rows], num_items_in_batch=torch.tensor(1)).loss

    loss = reference.accumulate(loss_sum, [slice(0, 1), slice(1, 4), slice(4, 5)], n_items)
    assert loss == pytest.approx(whole.item())
    for mine, oracle in zip(ours.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, oracle.grad)


@pytest.mark.parametrize("warmup, floor, max_norm", [(0, 0.0, 1.0), (3, 0.1, 0.2), (2, 0.0, 1e9)])
def test_the_loop(reference, warmup, floor, max_norm):
    """Six steps against the same loop written with PyTorch's and transformers' parts."""
    transformers = pytest.importorskip("transformers")
    ours = model()
    theirs = copy.deepcopy(ours)
    batches = [([torch.randn(n, 4, dtype=torch.float64) for n in (1, 3, step + 1)], 5 + step) for step in range(6)]
    log = reference.train(
        ours.parameters(), lambda x: ours(x).square().sum(), batches, 0.1, warmup, floor, max_norm, weight_decay=0.2
    )
    optimizer = torch.optim.AdamW(theirs.parameters(), lr=0.1, weight_decay=0.2)
    scheduler = transformers.get_cosine_with_min_lr_schedule_with_warmup(optimizer, warmup, 6, min_lr_rate=floor)
    for row, (parts, n) in zip(log, batches, strict=True):
        loss = theirs(torch.cat(parts)).square().sum() / n
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(theirs.parameters(), max_norm)
        want = {"loss": loss.item(), "norm": norm.item(), "lr": scheduler.get_last_lr()[0]}
        assert row == pytest.approx(want)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    torch.testing.assert_close(list(ours.parameters()), list(theirs.parameters()))
