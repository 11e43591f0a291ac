"""tuning/p_tuning_v2 against PEFT's prefix tuning of a tiny BERT, with a linear head; and the module's shared table."""

import runpy
import tomllib
from pathlib import Path

import pytest
import torch

from autograder.lab.frozen import frozen_model

IDS = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 5, 8]])
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]).bool()


def bert():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    sizes = {"vocab_size": 29, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
    config = transformers.BertConfig(**sizes, max_position_embeddings=20, initializer_range=0.3)
    return transformers.BertModel(config, add_pooling_layer=False).eval()


class AsOurs(torch.nn.Module):
    """A BERT of transformers behind the interface of the lab's."""

    def __init__(self, theirs):
        super().__init__()
        self.theirs, self.layers = theirs, theirs.encoder.layer
        self.heads, self.head_dim, self.width, self.longest = 4, 8, 32, 20

    def hidden(self, ids, mask, positions, past):
        from transformers import DynamicCache

        cache = DynamicCache()
        for layer, (keys, values) in enumerate(past):
            cache.update(keys, values, layer)
        places = positions.expand(len(ids), -1)
        return self.theirs(ids, attention_mask=mask.long(), position_ids=places, past_key_values=cache)[0]


@pytest.mark.slow
@pytest.mark.parametrize("task, n", [("cls", 3), ("tag", 5)])
def test_pefts_prefix_tuning_of_bert(reference, task, n):
    peft = pytest.importorskip("peft")
    config = peft.PrefixTuningConfig(task_type="FEATURE_EXTRACTION", num_virtual_tokens=5, prefix_projection=False)
    theirs = peft.get_peft_model(bert(), config).eval()
    table = theirs.prompt_encoder["default"].embedding.weight
    ours = reference.PTuningV2(AsOurs(bert()), 5, n, task)
    with torch.no_grad():
        ours.prefix.embedding.weight.copy_(table)
    states = theirs(input_ids=IDS, attention_mask=MASK.long())[0]
    assert states.shape == (2, 6, 32)
    want = ours.head(states[:, 0] if task == "cls" else states)
    found = ours(IDS, MASK)
    torch.testing.assert_close(found, want, atol=1e-5, rtol=1e-4)
    a = torch.autograd.grad(found.sin().sum(), ours.prefix.embedding.weight)[0]
    b = torch.autograd.grad(want.sin().sum(), table)[0]
    torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-3)
    assert reference.trainable_count(5, 2, 32, n, task) == table.numel() + 33 * n
    assert sum(p.numel() for p in ours.parameters() if p.requires_grad) == 5 * 2 * 2 * 32 + 33 * n


@pytest.mark.parametrize("P, reparam, task, n", [(3, False, "cls", 2), (4, True, "tag", 5), (0, False, "cls", 3)])
def test_what_is_counted_is_what_learns(reference, P, reparam, task, n):
    model = reference.PTuningV2(frozen_model(causal=False), P, n, task, reparam)
    learning = sum(p.numel() for p in model.parameters() if p.requires_grad)
    assert learning == reference.trainable_count(P, 2, 12, n, task, reparam)
    assert reference.trainable_fraction(model) == learning / sum(p.numel() for p in model.parameters())


def test_without_a_prompt_it_is_a_linear_probe(reference):
    backbone = frozen_model(seed=2, causal=False)
    model = reference.PTuningV2(backbone, 0, 3)
    torch.testing.assert_close(model(IDS, MASK), model.head(backbone.hidden(IDS, mask=MASK)[:, 0]))


def test_the_lowest_prompt_learns(reference):
    model = reference.PTuningV2(frozen_model(seed=2, causal=False), 3, 2)
    model(IDS, MASK).square().sum().backward()
    by_layer = model.prefix.embedding.weight.grad.view(3, 2, 2, 12).abs().amax((0, 2, 3))
    assert by_layer.min() > 1e-4


TABLES = Path(__file__).resolve().parents[3] / "lectures" / "tables"


def said():
    return tomllib.loads((TABLES / "tuning.toml").read_text(encoding="utf-8"))["things"]


def test_the_modules_table_counts_what_the_references_give():
    made, things = runpy.run_path(str(TABLES / "tuning.py"))["methods"](), said()
    assert [thing for thing, _ in made] == list(things)
    for thing, method in made:
        counted = {"learns": sum(p.numel() for p in method.learns), "kept": method.kept, "added": method.added}
        counted |= {"state": 2 * 4 * counted["learns"]}  # two moments, of 4 bytes
        assert {key: f"{n:,}" if isinstance(n, int) else n for key, n in counted.items()} == {key: things[thing][key] for key in counted}


@pytest.mark.slow
def test_the_losses_of_the_modules_table():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        found = runpy.run_path(str(TABLES / "tuning.py"))["facts"]()
    finally:
        torch.set_num_threads(threads)
    for thing, each in said().items():
        assert float(each["loss"]) == pytest.approx(found[thing]["loss"], abs=0.02), thing
        assert each["state"] == f"{found[thing]['state']:,}"
