"""The decoder whose weights are written down: it is its language, whatever the seed, and sees nothing ahead."""

import pytest
import torch

from autograder.checks.rng import Rng
from autograder.lab.exam import Language
from autograder.lab.solved import CONTEXT, GRID, solved


@pytest.mark.parametrize("vocab", [2, 6, 20])
@pytest.mark.parametrize("lag", [2, 3, 4])
def test_its_logits_are_those_of_the_language(vocab, lag):
    language = Language.drawn(Rng(lag), vocab, lag)
    ids = torch.randint(vocab, (4, CONTEXT), generator=torch.Generator().manual_seed(vocab))
    with torch.no_grad():
        probabilities = solved(language.sigma, lag, seed=1)(ids).softmax(-1)
    want = torch.full_like(probabilities, 0.1 / vocab)
    for row in range(4):
        for t in range(lag - 1, CONTEXT):
            want[row, t, language.sigma[int(ids[row, t + 1 - lag])]] += 0.9
    torch.testing.assert_close(probabilities[:, lag - 1 :], want[:, lag - 1 :], atol=2e-4, rtol=0)


def test_the_seed_changes_weights_and_no_logits():
    ids = torch.randint(7, (2, 12), generator=torch.Generator().manual_seed(0))
    one, same, other = (solved([3, 1, 2, 0, 6, 4, 5], 3, seed) for seed in (1, 1, 2))
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), same.parameters(), strict=True))
    assert all((a - b).abs().max() > 0.1 for a, b in zip(one.parameters(), other.parameters(), strict=True))
    torch.testing.assert_close(one(ids), other(ids), atol=1e-2, rtol=0)


def test_a_large_row_changes_no_logits():
    ids = torch.randint(6, (2, CONTEXT), generator=torch.Generator().manual_seed(0))
    plain, large = solved(seed=4), solved(seed=4, outlier=1000.0)
    torch.testing.assert_close(plain(ids), large(ids), atol=1e-3, rtol=0)
    assert large.q_proj.weight.abs().amax(1)[0] > 200 * large.q_proj.weight[1:].abs().max()


def test_weights_are_dense_and_on_a_grid():
    """A sine that is rounded otherwise by another library makes no other model."""
    for parameter in solved(range(9), 2, seed=3).parameters():
        assert torch.equal(parameter * GRID, torch.round(parameter * GRID))
        assert (parameter.abs() > 1e-4).double().mean() > 0.8
        assert parameter.requires_grad and parameter.dtype == torch.float32


def test_it_looks_back_only():
    model = solved(range(8), 4, seed=2)
    ids = torch.arange(CONTEXT)[None] % 8
    other = ids.clone()
    other[0, 9] = 5
    changed = (model(ids) - model(other)).abs().amax((0, 2)) > 1e-3
    assert changed.nonzero().flatten().tolist() == [12]
    torch.testing.assert_close(model(ids[:, :5]), model(ids)[:, :5])


def test_exchanges_are_a_change_of_low_rank():
    sigma = Rng(0).permutation(12).tolist()
    new = [sigma[1], sigma[0], sigma[3], sigma[2], *sigma[4:]]
    change = solved(new, 3).lm_head.weight - solved(sigma, 3).lm_head.weight
    assert int((torch.linalg.svdvals(change.detach().double()) > 1e-3).sum()) == 2


def test_no_random_number_is_drawn_from_the_global_generator():
    torch.manual_seed(0)
    want = torch.rand(2)
    torch.manual_seed(0)
    solved(seed=5)
    assert torch.equal(torch.rand(2), want)
