"""The toy networks of the lab: the same for one seed, causal, and with the layers that exercises look for."""

import pytest
import torch
from torch import nn

from autograder.lab.toys import Conv1D, toy_decoder


@pytest.mark.parametrize("kind, linear", [("llama", nn.Linear), ("gpt2", Conv1D)])
def test_decoders_are_made_of_the_seed_and_see_no_future(kind, linear):
    tokens = torch.tensor([[1, 2, 3, 4]])
    logits = toy_decoder(kind, seed=5)(tokens)
    assert torch.equal(logits, toy_decoder(kind, seed=5)(tokens))
    assert not torch.allclose(logits, toy_decoder(kind, seed=6)(tokens))
    changed = toy_decoder(kind, seed=5)(torch.tensor([[1, 2, 3, 7]]))
    torch.testing.assert_close(changed[:, :3], logits[:, :3])
    assert not torch.allclose(changed[:, 3], logits[:, 3])
    inner = [module for name, module in toy_decoder(kind).layers.named_modules() if name.count(".") == 2]
    assert inner and all(isinstance(module, linear) for module in inner)


def test_conv1d_is_a_transposed_linear_layer():
    layer, same = Conv1D(3, 5), nn.Linear(3, 5)
    with torch.no_grad():
        layer.weight.copy_(same.weight.T)
        layer.bias.copy_(same.bias)
    x = torch.arange(6.0).view(2, 3)
    torch.testing.assert_close(layer(x), same(x))
