"""sft/packing against Hugging Face's collator, a Llama that reads packed and single examples, FlexAttention's masks, and trl's packing."""

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


@pytest.mark.slow  # the import of trl alone takes seconds
@pytest.mark.parametrize("cap, n", [(8, 4), (8, 40), (50, 60), (100_000, 40), (100_000, 90)])
def test_trl_packs_the_same(reference, cap, n):
    """Among rows with equal room trl takes the one that has had this room for longest, not the one that was opened first: where rooms are few, the
    sums of the rows are compared alone. With 100,000 rooms hardly two are equal, and the rows are the same."""
    pack = pytest.importorskip("trl").pack_dataset
    datasets = pytest.importorskip("datasets")
    draw = random.Random(n)
    lengths = [5, 3, 4, 2] if n == 4 else [draw.randint(1, cap) for _ in range(n)]
    packed = pack(datasets.Dataset.from_dict({"input_ids": [[i] * length for i, length in enumerate(lengths)]}), cap, "bfd")
    theirs = []
    for row, parts in zip(packed["input_ids"], packed["seq_lengths"], strict=True):
        starts = [sum(parts[:k]) for k in range(len(parts))]
        theirs.append([row[start] for start in starts])
    ours = reference.pack_bfd(lengths, cap)
    if n == 4 or cap == 100_000:
        assert ours == theirs
    sums = [sorted(sum(lengths[i] for i in row) for row in rows) for rows in (ours, theirs)]
    assert sums[0] == sums[1]


@pytest.mark.slow
@pytest.mark.parametrize("ex", EXAMPLES)
def test_the_collator_of_trl(reference, ex):
    trainer = pytest.importorskip("trl.trainer.sft_trainer")
    collator = trainer.DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
    got = reference.pack_batch(ex)
    want = collator([{"input_ids": ids, "labels": labels} for ids, labels in ex])
    for name in ("input_ids", "labels", "position_ids"):
        torch.testing.assert_close(got[name], want[name])
    torch.testing.assert_close(got["cu_seqlens"], want["cu_seq_lens_q"])
    row = {"input_ids": [i for ids, _ in ex for i in ids], "labels": [i for _, labels in ex for i in labels], "seq_lengths": [len(ids) for ids, _ in ex]}
    again = collator([row])  # packed before, as `pack_dataset` gives it
    torch.testing.assert_close(again["labels"], got["labels"])
    torch.testing.assert_close(again["cu_seq_lens_q"], got["cu_seqlens"])


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
