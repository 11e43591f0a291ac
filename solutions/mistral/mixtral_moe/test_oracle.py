"""mistral/mixtral_moe against transformers' Mixtral: routers, layers with gradients, whole models, the loss, and counts of parameters."""

import pytest
import torch

# Sizes of small models: heads, key/value heads, features of a head, features inside an expert, experts, experts for a token, layers.
SMALL = [
    {"H": 4, "G": 2, "D": 4, "F": 10, "E": 8, "k": 2, "L": 2},
    {"H": 3, "G": 1, "D": 6, "F": 7, "E": 4, "k": 1, "L": 1},
    {"H": 2, "G": 2, "D": 8, "F": 5, "E": 5, "k": 3, "L": 3},
    {"H": 4, "G": 4, "D": 2, "F": 12, "E": 3, "k": 3, "L": 2},
    {"H": 6, "G": 3, "D": 2, "F": 9, "E": 1, "k": 1, "L": 2},
]
# Mixtral 8x7B's sizes, those of a larger one, and how many parameters transformers' class has with them.
PUBLISHED = {
    "Mixtral 8x7B": {},
    "a larger one": {"vocab": 32_768, "C": 6144, "L": 56, "H": 48, "G": 8, "D": 128, "F": 16_384, "E": 8, "k": 2},
}


def config_of(reference, **sizes):
    transformers = pytest.importorskip("transformers")
    c = reference.MoECfg(**sizes)
    return transformers.MixtralConfig(
        vocab_size=c.vocab, hidden_size=c.C, num_hidden_layers=c.L, num_attention_heads=c.H, num_key_value_heads=c.G, head_dim=c.D,
        intermediate_size=c.F, num_local_experts=c.E, num_experts_per_tok=c.k, attn_implementation="eager", experts_implementation="eager",
    )  # fmt: skip


def model_of(reference, sizes):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    model = transformers.MixtralForCausalLM(config_of(reference, vocab=23, C=sizes["H"] * sizes["D"], **sizes)).double().eval()
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.4)
    return model


@pytest.mark.parametrize("sizes", SMALL)
def test_layer(reference, sizes):
    """Weights, choices, outputs and gradients of one layer; transformers computes the router's softmax in float32."""
    block = model_of(reference, sizes).model.layers[0].mlp
    x = torch.randn(2, 7, sizes["H"] * sizes["D"], dtype=torch.float64, requires_grad=True)
    parts = [block.gate.weight, block.experts.gate_up_proj, block.experts.down_proj]
    _, weights, idx = block.gate(x)
    ours = reference.route(x.flatten(0, 1), parts[0], sizes["k"])
    assert torch.equal(ours[1], idx)
    torch.testing.assert_close(ours[0], weights.double(), atol=1e-6, rtol=1e-5)
    want = block(x)
    found = reference.moe_forward(x.flatten(0, 1), *parts, sizes["k"]).view_as(x)
    torch.testing.assert_close(found, want, atol=1e-6, rtol=1e-5)
    v = torch.randn_like(want)
    for mine, theirs in zip(*(torch.autograd.grad((out * v).sum(), [x, *parts]) for out in (found, want)), strict=True):
        torch.testing.assert_close(mine, theirs, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("sizes", SMALL)
def test_logits_of_a_model(reference, sizes, monkeypatch):
    """The logits of a whole model, and gradients of all of its weights, with this exercise's layer in place of its own."""
    model = model_of(reference, sizes)
    ids = torch.randint(0, 23, (2, 9))
    want = model(ids).logits
    v = torch.randn_like(want)
    theirs = torch.autograd.grad((want * v).sum(), list(model.parameters()))
    modeling = pytest.importorskip("transformers.models.mixtral.modeling_mixtral")

    def ours(self, x):
        return reference.moe_forward(x.flatten(0, 1), self.gate.weight, self.experts.gate_up_proj, self.experts.down_proj, self.top_k).view_as(x)

    monkeypatch.setattr(modeling.MixtralSparseMoeBlock, "forward", ours)
    found = model(ids).logits
    torch.testing.assert_close(found, want, atol=1e-5, rtol=1e-4)
    for mine, their in zip(torch.autograd.grad((found * v).sum(), list(model.parameters())), theirs, strict=True):
        torch.testing.assert_close(mine, their, atol=1e-3, rtol=1e-3)


@pytest.mark.parametrize("N, E, k", [(9, 8, 2), (1, 5, 1), (30, 4, 4), (6, 7, 3)])
def test_loss(reference, N, E, k):
    modeling = pytest.importorskip("transformers.models.mixtral.modeling_mixtral")
    torch.manual_seed(0)
    logits = torch.randn(N, E, dtype=torch.float64, requires_grad=True)
    want, found = modeling.load_balancing_loss_func((logits,), E, k), reference.aux_loss(logits, k)
    torch.testing.assert_close(found, want.double(), atol=1e-6, rtol=1e-5)
    torch.testing.assert_close(*(torch.autograd.grad(loss, logits)[0] for loss in (found, want)), atol=1e-6, rtol=1e-5)


def test_limits(reference):
    """An even load gives k; experts in another order, with their rows of the router, change nothing; one expert is an ordinary SwiGLU."""
    E, k = 6, 2
    logits = torch.cat([torch.eye(E) + torch.eye(E).roll(1, 1)] * 3).double()
    torch.testing.assert_close(reference.aux_loss(logits, k), torch.tensor(2.0, dtype=torch.float64))
    x, Wg, W13, W2 = (torch.randn(*shape, dtype=torch.float64) for shape in ((7, 4), (E, 4), (E, 10, 4), (E, 4, 5)))
    order = torch.randperm(E)
    out = reference.moe_forward(x, Wg, W13, W2, k)
    torch.testing.assert_close(reference.moe_forward(x, Wg[order], W13[order], W2[order], k), out)
    tokens = torch.randperm(7)
    torch.testing.assert_close(reference.moe_forward(x[tokens], Wg, W13, W2, k), out[tokens])
    gate, up = (x @ W13[0].T).chunk(2, -1)
    torch.testing.assert_close(reference.moe_forward(x, Wg[:1], W13[:1], W2[:1], 1), (torch.nn.functional.silu(gate) * up) @ W2[0].T)


def test_work(reference):
    """Counted by torch: the matrix products of k experts for each token, and the router's."""
    from torch.utils.flop_counter import FlopCounterMode

    N, C, E, F, k = 30, 8, 16, 12, 2
    x, Wg, W13, W2 = torch.randn(N, C), torch.randn(E, C), torch.randn(E, 2 * F, C), torch.randn(E, C, F)
    with FlopCounterMode(display=False) as counter:
        reference.moe_forward(x, Wg, W13, W2, k)
    assert counter.get_total_flops() == 2 * N * C * E + 2 * N * k * 3 * C * F


@pytest.mark.parametrize("name", PUBLISHED)
def test_counts(reference, name):
    transformers = pytest.importorskip("transformers")
    sizes = PUBLISHED[name]
    with torch.device("meta"):
        model = transformers.MixtralForCausalLM(config_of(reference, **sizes))
    cfg = reference.MoECfg(**sizes)
    assert sum(p.numel() for p in model.parameters()) == reference.total_params(cfg)
    expert = sum(p[0].numel() for p in model.model.layers[0].mlp.experts.parameters())
    assert reference.active_params(cfg) == reference.total_params(cfg) - cfg.L * (cfg.E - cfg.k) * expert


def test_numbers_of_the_lecture(reference):
    cfg = reference.MoECfg()
    assert (reference.total_params(cfg), reference.active_params(cfg)) == (46_702_792_704, 12_879_925_248)
    assert 3 * cfg.C * cfg.F * cfg.E * cfg.L == 45_097_156_608
