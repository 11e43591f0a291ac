"""tuning/prefix_tuning against PEFT on a tiny GPT-2 and a tiny Llama, torch's attention, and the cache of real tokens."""

import pytest
import torch
import torch.nn.functional as F

from autograder.lab.frozen import frozen_model

IDS = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 5, 8]])
MASK = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]).bool()


class AsOurs(torch.nn.Module):
    """A model of transformers behind the interface of the lab's."""

    def __init__(self, theirs):
        super().__init__()
        self.theirs, self.longest = theirs, 20

    def forward(self, ids, mask, positions, past):
        from transformers import DynamicCache

        cache = DynamicCache()
        for layer, (keys, values) in enumerate(past):
            cache.update(keys, values, layer)
        mask = None if mask is None else mask.long()
        return self.theirs(
            ids, attention_mask=mask, position_ids=positions.expand(len(ids), -1), past_key_values=cache
        ).logits


def gpt2(transformers):
    sizes = {"vocab_size": 29, "n_positions": 20, "n_embd": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, bos_token_id=0, eos_token_id=0))


def llama(transformers):
    sizes = {"vocab_size": 29, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2}
    heads = {"num_attention_heads": 4, "num_key_value_heads": 2, "initializer_range": 0.3}
    return transformers.LlamaForCausalLM(transformers.LlamaConfig(**sizes, **heads, max_position_embeddings=20))


@pytest.mark.slow
@pytest.mark.parametrize("make, G, hidden", [(gpt2, 4, None), (gpt2, 4, 16), (llama, 2, None)])
def test_pefts_prefix_tuning(reference, make, G, hidden):
    peft, transformers = pytest.importorskip("peft"), pytest.importorskip("transformers")
    torch.manual_seed(0)
    base = make(transformers).eval()
    state = {name: p.clone() for name, p in base.state_dict().items()}
    projection = {} if hidden is None else {"prefix_projection": True, "encoder_hidden_size": hidden}
    config = peft.PrefixTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=5, **projection)
    theirs = peft.get_peft_model(base, config).eval()
    trained = {name: p for name, p in theirs.named_parameters() if p.requires_grad}
    ours = make(transformers).eval()
    ours.load_state_dict(state)
    encoder = reference.PrefixEncoder(5, 2, G, 8, hidden)
    prefix = "prompt_encoder.default."
    encoder.load_state_dict({name.removeprefix(prefix): p.detach() for name, p in trained.items()})
    assert reference.prefix_params(5, 2, G, 8, hidden) == sum(p.numel() for p in trained.values())
    want = theirs(input_ids=IDS, attention_mask=MASK.long()).logits
    found = reference.forward_with_prefix(AsOurs(ours).requires_grad_(False), encoder(2), IDS, MASK)
    assert found.shape == want.shape == (2, 6, 29)
    torch.testing.assert_close(found[MASK], want[MASK], atol=1e-5, rtol=1e-4)
    for logits in (found, want):
        logits[MASK].logsumexp(-1).sub(logits[MASK][:, 3]).sum().backward()
    for name, parameter in encoder.named_parameters():
        torch.testing.assert_close(parameter.grad, trained[prefix + name].grad, atol=1e-5, rtol=1e-3)
    folded = reference.split_prefix(encoder.fold(), 2, 2, G)
    torch.testing.assert_close(reference.forward_with_prefix(AsOurs(ours), folded, IDS, MASK), found)


def test_counts_that_peft_gives(reference):
    """PEFT on a GPT-2 of width 32, and on a Llama with half as many key/value heads, both of two layers."""
    assert [reference.prefix_params(5, 2, 4, 8), reference.prefix_params(5, 2, 2, 8)] == [5 * 128, 5 * 64]
    assert reference.prefix_params(5, 2, 4, 8, 16) == 2864


@pytest.mark.parametrize("H, G, T, S, P, causal", [(4, 2, 3, 3, 2, True), (6, 1, 2, 5, 3, True), (3, 3, 4, 4, 1, False), (2, 1, 3, 3, 0, True)])
def test_torchs_attention(reference, H, G, T, S, P, causal):
    torch.manual_seed(0)
    q = torch.randn(2, H, T, 5, dtype=torch.float64, requires_grad=True)
    k, v, pk, pv = (torch.randn(2, G, n, 5, dtype=torch.float64, requires_grad=True) for n in (S, S, P, P))
    seen = torch.ones(2, 1, T, P + S, dtype=torch.bool)
    if causal:
        seen[..., P:] = torch.ones(T, S, dtype=torch.bool).tril(S - T)
    key_mask = torch.arange(S) >= torch.tensor([[0], [1 if P else 0]])
    seen[..., P:] &= key_mask[:, None, None]
    want = F.scaled_dot_product_attention(q, torch.cat([pk, k], 2), torch.cat([pv, v], 2), attn_mask=seen, enable_gqa=True)
    found = reference.attention_with_prefix(q, k, v, pk, pv, key_mask, causal)
    torch.testing.assert_close(found, want)
    for a, b in zip(*(torch.autograd.grad(x.sin().sum(), (q, k, v, pk, pv)) for x in (found, want)), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize("kv_heads", [1, 3])
def test_a_prefix_of_real_tokens_is_as_good_as_the_tokens(reference, kv_heads):
    model, past = frozen_model(seed=3, kv_heads=kv_heads), []

    def keep(module, args):
        k, v = (proj(args[0]).unflatten(-1, (-1, 4)).transpose(1, 2) for proj in (module.k_proj, module.v_proj))
        past.append((k[:, :, :2], v[:, :, :2]))

    for layer in model.layers:
        layer.attn.register_forward_pre_hook(keep)
    whole = model(IDS)
    found = reference.forward_with_prefix(model, past[:2], IDS[:, 2:])
    torch.testing.assert_close(found, whole[:, 2:])


def test_a_prefix_of_zeros_still_takes_a_share(reference):
    x = torch.ones(1, 1, 1, 1)
    out = [reference.attention_with_prefix(x * 0, x, x, *[torch.zeros(1, 1, P, 1)] * 2).item() for P in (0, 1, 3)]
    assert out == pytest.approx([1, 1 / 2, 1 / 4])
