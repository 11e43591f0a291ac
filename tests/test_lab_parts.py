"""The parts of the lab: attention's stand-in looks back, the other's looks at one token, and both keep what they read."""

import pytest
import torch

from autograder.lab.parts import Feed, Mix


@pytest.mark.parametrize("part, earlier", [(Mix, True), (Feed, False)])
def test_which_tokens_a_part_looks_at(part, earlier):
    torch.manual_seed(0)
    part, x = part(3).double(), torch.randn(2, 4, 3, dtype=torch.float64)
    changed = x.clone()
    changed[:, 1] += 1
    moved = ((part(x) - part(changed)).abs().amax((0, 2)) > 1e-3).tolist()
    assert moved == [False, True, earlier, earlier]


@pytest.mark.parametrize("part", [Mix, Feed])
def test_what_a_part_read_is_kept_without_its_graph(part):
    part, x = part(3), torch.randn(1, 2, 3, requires_grad=True)
    part(x), part(-x)
    assert torch.equal(torch.stack(part.seen), torch.stack([x, -x]).detach())
    assert not any(seen.requires_grad for seen in part.seen)
    assert sorted(name for name, _ in part.named_parameters()) == ["out.bias", "out.weight"]


def test_the_mean_of_the_tokens_up_to_each():
    part = Mix(1)
    with torch.no_grad():
        part.out.weight.fill_(1)
        part.out.bias.fill_(0)
    assert part(torch.tensor([[2.0], [4.0], [9.0]])).flatten().tolist() == [2.0, 3.0, 5.0]
