"""sft/packing against Hugging Face's collator, a Llama that reads packed and single examples, FlexAttention's masks, and trl's published examples."""

import random

import pytest
import torch

EXAMPLES = [
    [([7, 8, 9], [7, 8, 9]), ([5, 6], [5, 6])],
    [([1], [1]), ([2, 3, 4, 5], [-100, -100, 4, 5]), ([6, 7], [-100, 7])],
    [([9, 8, 7, 6, 5], [-100, 8, -100, 6, 5])],
]


@pytest.mark.slow
@pytest.mark.parametrize("ex", EXAMPLES)
def test_the_collator_of_hugging_face(reference, ex):
    transformers = pytest.importorskip("transformers")
    collator = transformers.DataCollatorWithFlattening(return_flash_attn_kwargs=True, return_tensors="pt")
    want = collator([{"input_ids": list(ids), "labels": list(labels)} for ids, labels in ex])
    got = reference.pack_batch(ex)
    for name in ("input_ids", "labels", "position_ids"):
        torch.testing.assert_close(got[name], want[name])
    torch.testing.assert_close(got["cu_seqlens"], want["cu_seq_lens_q"])


@pytest.mark.slow
@pytest.mark.parametrize("ex", EXAMPLES)
def test_a_packed_row_has_the_loss_of_its_examples(reference, ex):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(vocab_size=11, hidden_size=12, intermediate_size=20, num_hidden_layers=2, num_attention_heads=3, num_key_value_heads=1)
    model = transformers.LlamaForCausalLM(config).eval().double()
    batch = reference.pack_batch(ex)
    mask = reference.block_causal_mask(batch["cu_seqlens"])
    additive = torch.zeros(mask.shape, dtype=torch.float64).masked_fill(~mask, -1e300)[None, None]
    with torch.no_grad():
        packed = model(input_ids=batch["input_ids"], position_ids=batch["position_ids"], attention_mask=additive).logits[0]
        single = torch.cat([model(input_ids=torch.tensor([ids])).logits[0] for ids, _ in ex])
    torch.testing.assert_close(packed, single)

    def total(logits, labels):
        return torch.nn.functional.cross_entropy(logits[:-1], labels[1:], reduction="sum")

    parts = single.split([len(ids) for ids, _ in ex])
    want = sum(total(part, torch.tensor(labels)) for part, (_, labels) in zip(parts, ex, strict=True) if len(labels) > 1)
    torch.testing.assert_close(total(packed, batch["labels"][0]), want)


@pytest.mark.parametrize("lengths", [[3, 2], [1, 1, 4], [6]])
def test_a_document_mask_of_flex_attention(reference, lengths):
    flex = pytest.importorskip("torch.nn.attention.flex_attention")
    cu = torch.tensor([0, *lengths]).cumsum(0)
    document = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    want = flex.create_mask(lambda b, h, q, k: (document[q] == document[k]) & (q >= k), 1, 1, len(document), len(document), device="cpu")
    assert torch.equal(reference.block_causal_mask(cu), want[0, 0].bool())


def test_an_example_of_trl(reference):
    """`pack_dataset(…, seq_length=8, strategy="bfd")` of examples of 5, 3, 4 and 2 tokens gives rows of 5 + 3 and 4 + 2."""
    assert reference.pack_bfd([5, 3, 4, 2], 8) == [[0, 1], [2, 3]]


def test_by_brute_force(reference):
    draw = random.Random(0)
    for _ in range(200):
        cap = draw.randint(1, 20)
        lengths = [draw.randint(1, cap) for _ in range(draw.randint(0, 15))]
        rows = []
        for n, i in sorted(((n, i) for i, n in enumerate(lengths)), key=lambda pair: (-pair[0], pair[1])):
            rooms = [(cap - sum(lengths[k] for k in row) - n, r) for r, row in enumerate(rows)]
            rooms = [pair for pair in rooms if pair[0] >= 0]
            if rooms:
                rows[min(rooms)[1]].append(i)
            else:
                rows.append([i])
        assert reference.pack_bfd(lengths, cap) == rows


@pytest.mark.slow
def test_the_noise_of_hugging_face(reference):
    neftune = pytest.importorskip("transformers.integrations.neftune")
    layer = torch.nn.Embedding(9, 6)
    layer.neftune_noise_alpha = 5.0
    e = layer(torch.arange(8).view(2, 4))
    torch.manual_seed(3)
    want = neftune.neftune_post_forward_hook(layer, None, e)
    got = reference.neftune(e, torch.ones(2, 4, dtype=torch.bool), 5.0, torch.Generator().manual_seed(3))
    torch.testing.assert_close(got, want)
