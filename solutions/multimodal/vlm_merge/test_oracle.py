"""multimodal/vlm_merge against transformers: LLaVA's projector and merging (through its whole forward), Qwen2-VL's positions."""

import pytest
import torch

SIZES = [(12, 8, 3), (20, 16, 2)]  # features of the vision model, of the language model, images


def tiny_llava(Cv, C):
    transformers = pytest.importorskip("transformers")
    vision = transformers.CLIPVisionConfig(hidden_size=Cv, intermediate_size=16, num_hidden_layers=2, num_attention_heads=2, image_size=8, patch_size=4)
    text = transformers.LlamaConfig(hidden_size=C, intermediate_size=16, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2, vocab_size=30)
    config = transformers.LlavaConfig(vision_config=vision, text_config=text, image_token_id=29, projector_hidden_act="gelu")
    torch.manual_seed(Cv)
    return transformers.LlavaForConditionalGeneration(config).eval()


@pytest.mark.parametrize("Cv, C, images", SIZES)
def test_llava_step_by_step(reference, Cv, C, images):
    """Room, projector and merging of the reference, and LLaVA's language model behind them, give LLaVA's logits and gradients."""
    llava = tiny_llava(Cv, C)
    pixels = torch.randn(images, 3, 8, 8)
    ids = torch.tensor([reference.expand_image_tokens([1, *[29, 5] * images], 29, [4] * images)])
    want = llava(input_ids=ids, pixel_values=pixels).logits

    projector = reference.Projector(Cv, C)
    projector.load_state_dict(llava.model.multi_modal_projector.state_dict())
    with torch.no_grad():
        hidden = llava.model.vision_tower(pixels, output_hidden_states=True).hidden_states[-2][:, 1:]  # the layer before the last, no CLS
    feats = projector(hidden).flatten(0, 1)
    embeds = llava.get_input_embeddings()(ids)
    merged = reference.merge(embeds, ids, 29, feats)
    got = llava.lm_head(llava.model.language_model(inputs_embeds=merged).last_hidden_state)
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-4)

    (mine,) = torch.autograd.grad(got.square().sum(), [projector.linear_1.weight])
    (theirs,) = torch.autograd.grad(want.square().sum(), [llava.model.multi_modal_projector.linear_1.weight])
    torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-3)


def test_llava_refuses_what_the_reference_refuses(reference):
    llava = tiny_llava(12, 8)
    for n in (3, 5):
        ids = torch.tensor([[1] + [29] * n])
        with pytest.raises(ValueError):
            llava(input_ids=ids, pixel_values=torch.randn(1, 3, 8, 8))
        with pytest.raises(ValueError):
            reference.merge(torch.zeros(1, n + 1, 8), ids, 29, torch.zeros(4, 8))


# Parts of a sequence: numbers of text tokens, and grids whose number of frames is not above that of rows or columns.
SEQUENCES = [
    [1, (1, 4, 4), 2],
    [(1, 2, 6), 3, (1, 8, 4), 1],
    [2, (2, 4, 6), 1],
    [1, (3, 6, 6), 2, (1, 2, 2), 4],
    [5],
]


@pytest.mark.parametrize("parts", SEQUENCES)
def test_positions_of_qwen2_vl(reference, parts):
    module = pytest.importorskip("transformers.models.qwen2_vl.modeling_qwen2_vl")
    from types import SimpleNamespace

    ids, grids = [], []
    for part in parts:
        if isinstance(part, int):
            ids += [1] * part
        else:
            ids += [9] * (part[0] * part[1] * part[2] // 4)
            grids.append(part)
    model = SimpleNamespace(config=SimpleNamespace(vision_config=SimpleNamespace(spatial_merge_size=2)))
    model.get_vision_position_ids = lambda *a, **k: module.Qwen2VLModel.get_vision_position_ids(model, *a, **k)
    tensor = torch.tensor([ids])
    want, _ = module.Qwen2VLModel.get_rope_index(model, tensor, (tensor == 9).int(), torch.tensor(grids) if grids else None)
    assert torch.equal(reference.mrope_positions(ids, 9, grids), want[:, 0])


def test_labels_are_ignored_by_the_loss(reference):
    ids = torch.tensor([[3, 9, 9, 4]])
    logits = torch.randn(4, 10)
    loss = torch.nn.functional.cross_entropy(logits, reference.mask_labels(ids, 9)[0])
    torch.testing.assert_close(loss, torch.nn.functional.cross_entropy(logits[[0, 3]], ids[0, [0, 3]]))
