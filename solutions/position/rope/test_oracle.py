"""position/rope against the rotary functions of Llama, GLM and GPT-NeoX, and against complex numbers."""

import pytest
import torch


def normal(*shape, seed=0, dtype=torch.float32):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed)).to(dtype)


def config(transformers, kind, D, **more):
    return getattr(transformers, kind)(hidden_size=4 * D, num_attention_heads=4, head_dim=D, **more)


def test_half_is_llamas(reference):
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    transformers = pytest.importorskip("transformers")
    x, pos = normal(2, 4, 7, 16), torch.randint(0, 50, (2, 7), generator=torch.Generator().manual_seed(1))
    cos, sin = llama.LlamaRotaryEmbedding(config(transformers, "LlamaConfig", 16))(x, pos)
    want = llama.apply_rotary_pos_emb(x, x, cos, sin)[0]
    torch.testing.assert_close(reference.apply_rope(x, pos), want, rtol=0, atol=2e-5)


def test_interleaved_part_is_glms(reference):
    glm = pytest.importorskip("transformers.models.glm.modeling_glm")
    transformers = pytest.importorskip("transformers")
    x, pos = normal(2, 4, 7, 16), torch.arange(7).expand(2, 7)
    embedding = glm.GlmRotaryEmbedding(config(transformers, "GlmConfig", 16))  # rotates half of the features
    cos, sin = embedding(x, pos)
    want = glm.apply_rotary_pos_emb(x, x, cos, sin)[0]
    torch.testing.assert_close(reference.apply_rope(x, pos, "interleaved", rotary_dim=8), want, rtol=0, atol=1e-5)


def test_half_part_is_neoxs(reference):
    neox = pytest.importorskip("transformers.models.gpt_neox.modeling_gpt_neox")
    x, pos = normal(2, 4, 7, 16), torch.arange(7)
    angles = torch.cat([pos[:, None] * 10000 ** (-torch.arange(0, 4, 2) / 4)] * 2, -1)[None]
    want = neox.apply_rotary_pos_emb(x, x, angles.cos(), angles.sin())[0]
    torch.testing.assert_close(reference.apply_rope(x, pos, rotary_dim=4), want, rtol=0, atol=1e-5)


@pytest.mark.parametrize("D, base", [(4, 1e4), (64, 5e5)])
def test_frequencies_are_transformers(reference, D, base):
    transformers = pytest.importorskip("transformers")
    llama = pytest.importorskip("transformers.models.llama.modeling_llama")
    made = config(transformers, "LlamaConfig", D, rope_parameters={"rope_type": "default", "rope_theta": base})
    torch.testing.assert_close(reference.rope_freqs(D, base).float(), llama.LlamaRotaryEmbedding(made).inv_freq)


@pytest.mark.parametrize("style", ["half", "interleaved"])
def test_laws(reference, style):
    """Lengths stay, scores know the distance only, rotations add up: at positions up to 100 000."""
    q, k = normal(1, 1, 1, 12, dtype=torch.float64), normal(1, 1, 1, 12, seed=1, dtype=torch.float64)

    def at(x, p):
        return reference.apply_rope(x, torch.tensor([p]), style)

    assert at(q, 77_777).norm().item() == pytest.approx(q.norm().item(), rel=1e-12)
    torch.testing.assert_close(at(at(q, 30_000), 41_234), at(q, 71_234), rtol=0, atol=1e-9)
    for shift in (0, 5, 99_000):
        score = at(q, 700 + shift).flatten() @ at(k, 310 + shift).flatten()
        assert score.item() == pytest.approx((at(q, 390).flatten() @ k.flatten()).item(), abs=1e-9)


def test_permuted_weights_give_the_same_scores(reference):
    x, pos = normal(1, 9, 10, dtype=torch.float64), torch.arange(9)
    wq, wk = normal(24, 10, seed=1, dtype=torch.float64), normal(24, 10, seed=2, dtype=torch.float64)

    def scores(wq, wk, style):
        q, k = ((x @ w.T).view(1, 9, 3, 8).transpose(1, 2) for w in (wq, wk))
        return reference.apply_rope(q, pos, style) @ reference.apply_rope(k, pos, style).mT

    want = scores(wq, wk, "interleaved")
    got = scores(*(reference.permute_weights(w, 3, "half") for w in (wq, wk)), "half")
    torch.testing.assert_close(got, want, rtol=0, atol=1e-12)
    there = reference.permute_weights(wq, 3, "half")
    assert torch.equal(reference.permute_weights(there, 3, "interleaved"), wq)


def test_permutation_is_the_conversion_scripts(reference):
    """`permute` of Hugging Face's convert_llama_weights_to_hf.py: view(H, D/2, 2, C).transpose(1, 2)."""
    w = normal(24, 5)
    assert torch.equal(reference.permute_weights(w, 3, "half"), w.view(3, 4, 2, 5).transpose(1, 2).reshape(24, 5))


def test_gradients(reference):
    x = normal(2, 1, 3, 6, dtype=torch.float64).requires_grad_()
    for style in ("half", "interleaved"):
        assert torch.autograd.gradcheck(lambda x, style=style: reference.apply_rope(x, torch.arange(3), style, 4), x)


def test_decay_bound_is_brute_force(reference):
    numpy = pytest.importorskip("numpy")
    theta = 10000.0 ** (-2 * numpy.arange(64) / 128)
    for m, bound in enumerate(reference.decay_bound(128, 100)):
        sums = [abs(numpy.exp(1j * m * theta[:j]).sum()) for j in range(1, 65)]
        assert bound.item() == pytest.approx(numpy.mean(sums), rel=1e-12)
