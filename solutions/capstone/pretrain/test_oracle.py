"""capstone/pretrain against transformers' Llama of the same size, its `generate`, and the entropy of the language."""

import pytest
import torch

from autograder.checks.rng import Rng
from autograder.lab.exam import Exam, Language, mean_loss, unfinished
from autograder.lab.together import local


@pytest.fixture(scope="module")
def llama():
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=16, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        max_position_embeddings=16, rms_norm_eps=1e-5, attention_bias=True, mlp_bias=True, attn_implementation="eager",
        pad_token_id=None, bos_token_id=None, eos_token_id=None, rope_parameters={"rope_type": "default", "rope_theta": 100.0},
    )  # fmt: skip
    return transformers.LlamaForCausalLM(config).eval()


def copied(model, llama):
    """The reference's weights in transformers' model."""
    block, layer = model.blocks[0], llama.model.layers[0]
    qkv = dict(zip("qkv", zip(block.qkv.weight.chunk(3), block.qkv.bias.chunk(3), strict=True), strict=True))
    found = {"model.embed_tokens.weight": model.embed.weight, "model.norm.weight": model.norm, "lm_head.weight": model.head.weight}
    place = "model.layers.0."
    found |= {f"{place}input_layernorm.weight": block.norm1, f"{place}post_attention_layernorm.weight": block.norm2}
    for name, (weight, bias) in qkv.items():
        found |= {f"{place}self_attn.{name}_proj.weight": weight, f"{place}self_attn.{name}_proj.bias": bias}
    for name, linear in (("self_attn.o", block.out), ("mlp.gate", block.gate), ("mlp.up", block.up), ("mlp.down", block.down)):
        found |= {f"{place}{name}_proj.weight": linear.weight, f"{place}{name}_proj.bias": linear.bias}
    assert layer.self_attn.head_dim == 16
    llama.load_state_dict({name: each.detach().clone() for name, each in found.items()})
    return llama


@pytest.mark.parametrize("seed", [0, 7])
def test_the_model_is_a_llama(reference, llama, seed):
    model = reference.build_model(16, seed)
    theirs = copied(model, llama)
    ids = torch.randint(16, (3, 16), generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(model(ids), theirs(ids).logits)
    loss = torch.nn.functional.cross_entropy(model(ids)[:, :-1].flatten(0, 1), ids[:, 1:].flatten())
    torch.testing.assert_close(loss, theirs(ids, labels=ids).loss)


def test_it_writes_what_transformers_writes(reference, llama):
    model = reference.pretrain(torch.arange(200) * 7 % 16, 16, 5, 0)
    theirs = copied(model, llama)
    prompt = [3, 10, 1]
    want = theirs.generate(torch.tensor([prompt]), max_new_tokens=12, do_sample=False, pad_token_id=0)[0, 3:].tolist()
    assert reference.generate(model, prompt, 12, 0, torch.Generator()) == want


@pytest.mark.parametrize("beta", [(0.9, 0.98), (0.8, 0.999)])
def test_the_optimizer_is_torchs_adamw(reference, beta):
    gen = torch.Generator().manual_seed(0)
    ours = [torch.randn(3, 4, generator=gen).requires_grad_() for _ in range(2)]
    theirs = [p.detach().clone().requires_grad_() for p in ours]
    optimizer = reference.AdamW(ours, beta, decay=0.1)
    other = torch.optim.AdamW(theirs, betas=beta, weight_decay=0.1)
    for lr in (0.1, 0.03, 0.01):
        other.param_groups[0]["lr"] = lr
        for p, q in zip(ours, theirs, strict=True):
            p.grad = torch.randn(3, 4, generator=gen)
            q.grad = p.grad.clone()
        optimizer.step(lr)
        other.step()
    torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("lag", [2, 4])
def test_it_comes_near_the_entropy(reference, lag):
    rng = Rng(lag)
    language = Language.drawn(rng, 16, lag)
    ids, held_out = torch.tensor(language.text(rng, 2500)), language.text(rng, 300)
    model = reference.pretrain(ids, 16, 150, 0)
    exam = Exam(held_out, 8, 16)
    sitting = local("exam", exam)
    text = list(sitting.prompt)
    while len(text) < len(held_out):
        text.append(sitting.next(reference.next_logits(model, text)))
    assert unfinished(exam.record(), {"tokens": held_out, "given": 8}) is None
    assert mean_loss(exam.record()) == pytest.approx(language.entropy, abs=0.5)
