"""multimodal/clip_loss against CLIP and SigLIP of Hugging Face, and PyTorch's convolution."""

import math

import pytest
import torch
import torch.nn.functional as F


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("B, K, H, W, P", [(2, 3, 4, 6, 2), (1, 1, 9, 3, 3), (3, 2, 5, 5, 5), (2, 4, 3, 2, 1), (1, 3, 28, 14, 14)])
def test_patches_times_weights_are_a_convolution(reference, B, K, H, W, P, dtype):
    img = normal(B, K, H, W, dtype=dtype).requires_grad_()
    weight = normal(7, K, P, P, seed=1, dtype=dtype).requires_grad_()
    ours = reference.patchify(img, P) @ weight.flatten(1).T
    theirs = F.conv2d(img, weight, stride=P).flatten(2).mT
    torch.testing.assert_close(ours, theirs, atol=1e-4 if dtype == torch.float32 else 1e-10, rtol=1e-4)
    for mine, other in zip(*(torch.autograd.grad(x.sin().sum(), (img, weight)) for x in (ours, theirs)), strict=True):
        torch.testing.assert_close(mine, other, atol=1e-3 if dtype == torch.float32 else 1e-10, rtol=1e-4)


@pytest.mark.parametrize("S, P, C, K", [(8, 4, 6, 3), (6, 2, 5, 1), (5, 5, 4, 2)])
def test_first_layer_of_clip(reference, S, P, C, K):
    clip = pytest.importorskip("transformers.models.clip.modeling_clip")
    config = clip.CLIPVisionConfig(image_size=S, patch_size=P, hidden_size=C, num_channels=K, num_attention_heads=1)
    theirs = clip.CLIPVisionEmbeddings(config).double()
    ours = reference.ViTEmbed(S, P, C, channels=K).double()
    ours.load_state_dict(theirs.state_dict())
    img = normal(3, K, S, S)
    torch.testing.assert_close(ours(img), theirs(img))
    for layer in (ours, theirs):
        layer(img).sin().sum().backward()
    for (name, mine), (other, their) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == other
        torch.testing.assert_close(mine.grad, their.grad)


SMALL = dict(hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2)


@pytest.mark.parametrize("scale", [0.0, math.log(1 / 0.07), math.log(80)])
@pytest.mark.parametrize("B", [1, 3, 6])
def test_loss_of_clip(reference, B, scale):
    transformers = pytest.importorskip("transformers")
    text = SMALL | dict(vocab_size=50, max_position_embeddings=9, eos_token_id=49, bos_token_id=0)
    config = transformers.CLIPConfig(text_config=text, vision_config=SMALL | dict(image_size=8, patch_size=4), projection_dim=5)
    torch.manual_seed(B)
    model = transformers.CLIPModel(config).double().eval()
    with torch.no_grad():
        model.logit_scale.fill_(scale)
    ids = torch.randint(1, 49, (B, 7))
    ids[:, -1] = 49
    out = model(input_ids=ids, pixel_values=normal(B, 3, 8, 8), return_loss=True)
    # The model hands out vectors of length 1; longer ones have to give the same.
    img, txt = (out.image_embeds * 3).detach().requires_grad_(), (out.text_embeds / 7).detach().requires_grad_()
    s = torch.tensor(scale, dtype=torch.float64, requires_grad=True)
    loss = reference.clip_loss(img, txt, s)
    torch.testing.assert_close(loss, out.loss)
    (theirs,) = torch.autograd.grad(out.loss, model.logit_scale)
    torch.testing.assert_close(torch.autograd.grad(loss, s)[0], theirs)


@pytest.mark.parametrize("t, b", [(0.0, 0.0), (math.log(10), -10.0), (3.0, 2.0)])
@pytest.mark.parametrize("B", [1, 2, 5])
def test_loss_of_siglip(reference, B, t, b):
    transformers = pytest.importorskip("transformers")
    text = SMALL | dict(vocab_size=50, max_position_embeddings=9, projection_size=8)
    config = transformers.SiglipConfig(text_config=text, vision_config=SMALL | dict(image_size=8, patch_size=4))
    torch.manual_seed(B)
    model = transformers.SiglipModel(config).double().eval()
    with torch.no_grad():
        model.logit_scale.fill_(t)
        model.logit_bias.fill_(b)
    out = model(input_ids=torch.randint(1, 49, (B, 7)), pixel_values=normal(B, 3, 8, 8), return_loss=True)
    scale, bias = (torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in (t, b))
    loss = reference.siglip_loss(out.image_embeds.detach() * 5, out.text_embeds.detach() / 2, scale, bias)
    torch.testing.assert_close(loss, out.loss)
    ours = torch.stack(torch.autograd.grad(loss, (scale, bias)))
    torch.testing.assert_close(ours, torch.cat(torch.autograd.grad(out.loss, (model.logit_scale, model.logit_bias))))


def test_limits(reference):
    x, y, z = normal(6, 9, seed=1), normal(6, 9, seed=2), torch.tensor(9.0, dtype=torch.float64)
    torch.testing.assert_close(reference.clip_loss(x, y, z), reference.clip_loss(x, y, z.new_tensor(math.log(100))))
    torch.testing.assert_close(reference.clip_loss(x, y, z / 9), reference.clip_loss(y, x, z / 9))
    assert reference.clip_loss(x, 2 * x, z) < 1e-6
    assert reference.siglip_loss(x, 2 * x, z.new_tensor(6.0), z.new_tensor(-380.0)) < 1e-6
    # As SigLIP begins, a random batch costs about as much as its right pairs alone: the bias has called all pairs wrong.
    start = reference.siglip_loss(x, y, z.new_tensor(math.log(10)), z.new_tensor(-10.0))
    assert 5 < start < 15
