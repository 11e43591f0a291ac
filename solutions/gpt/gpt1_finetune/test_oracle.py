"""gpt/gpt1_finetune against transformers' OpenAIGPT models, and against what OpenAI's own code computes, transcribed."""

import pytest
import torch
import torch.nn.functional as F

# layers, heads, features, positions, vocabulary of openai-gpt; tests shrink it and keep the three special tokens behind the vocabulary.
FULL = {"n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 512, "vocab_size": 40478}
SHAPES = [(1, 2, 8), (2, 3, 12), (3, 1, 6)]


def config(**sizes):
    transformers = pytest.importorskip("transformers")
    dropout = {"resid_pdrop": 0.0, "embd_pdrop": 0.0, "attn_pdrop": 0.0, "summary_first_dropout": 0.0}
    return transformers.OpenAIGPTConfig(**dropout, **sizes)


def copy(reference, block, theirs):
    """Their Conv1D keeps matrices as (in, out)."""
    weights = {name: w.mT if w.ndim == 2 and "ln_" not in name else w for name, w in theirs.state_dict().items() if name != "attn.bias"}
    block.load_state_dict(weights)
    return block


@pytest.mark.parametrize("L, H, C", SHAPES)
def test_logits_and_gradients_of_a_model(reference, L, H, C):
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(L)
    theirs = transformers.OpenAIGPTLMHeadModel(config(n_layer=L, n_head=H, n_embd=C, n_positions=9, vocab_size=17))
    with torch.no_grad():
        for parameter in theirs.parameters():
            torch.nn.init.normal_(parameter, mean=float(parameter.ndim == 1), std=0.5)
    blocks = [copy(reference, reference.GPT1Block(C, H), block) for block in theirs.transformer.h]
    ids = torch.randint(0, 17, (2, 7))
    out = theirs(ids, labels=ids)
    we, wp = theirs.transformer.tokens_embed.weight, theirs.transformer.positions_embed.weight
    h = we[ids] + wp[:7]
    for block in blocks:
        h = block(h)
    logits = h @ we.T
    torch.testing.assert_close(logits, out.logits, atol=1e-5, rtol=1e-4)
    (grads,) = torch.autograd.grad(logits.square().mean(), [blocks[0].attn.c_attn.weight])
    (oracle,) = torch.autograd.grad(out.logits.square().mean(), [theirs.transformer.h[0].attn.c_attn.weight])
    torch.testing.assert_close(grads.mT, oracle, atol=1e-5, rtol=1e-3)
    # Sequences of one length: both ways to average agree, and the task's part is exact.
    mask = torch.ones_like(ids, dtype=torch.bool)
    clf, y = torch.randn(2, 3), torch.tensor([2, 0])
    loss = reference.gpt1_loss(logits, ids, mask, clf, y, lam=0.25)
    torch.testing.assert_close(loss, F.cross_entropy(clf, y) + 0.25 * out.loss)


def test_parameters_of_the_real_model(reference):
    transformers = pytest.importorskip("transformers")
    with torch.device("meta"):
        theirs = transformers.OpenAIGPTLMHeadModel(config(**FULL))
        block = reference.GPT1Block(FULL["n_embd"], FULL["n_head"])
    ours = 12 * sum(p.numel() for p in block.parameters()) + (40478 + 512) * 768
    assert ours == sum(p.numel() for p in theirs.parameters()) == 116_534_784


def test_gelu(reference):
    activations = pytest.importorskip("transformers.activations")
    x = torch.linspace(-6, 6, 1001, dtype=torch.float64)
    torch.testing.assert_close(reference.gelu(x), activations.ACT2FN["gelu_new"](x))
    exact = F.gelu(x)
    assert 4e-4 < (reference.gelu(x) - exact).abs().max() < 5e-4


@pytest.mark.parametrize("answers", [2, 3])
def test_double_heads(reference, answers):
    """Multiple choice by transformers: the same read-out, scores and loss of the task."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(answers)
    model = transformers.OpenAIGPTDoubleHeadsModel(config(n_layer=1, n_head=2, n_embd=8, n_positions=12, vocab_size=20)).double().eval()
    S, DLM, E, pad = 17, 18, 19, 0
    N, rows = 3, []
    for _ in range(N):
        fields = {name: torch.randint(1, 17, (n,)).tolist() for name, n in (("context", 3), ("question", 2))}
        fields["answers"] = [torch.randint(1, 17, (1 + i,)).tolist() for i in range(answers)]
        rows += reference.format_task("mcq", fields, S, DLM, E)
    T = max(map(len, rows))
    ids = torch.tensor([row + [pad] * (T - len(row)) for row in rows]).view(N, answers, T)
    places = (ids == E).int().argmax(-1)
    y = torch.randint(0, answers, (N,))
    want = model(ids, mc_token_ids=places, mc_labels=y, labels=ids)
    flat = ids.flatten(0, 1)
    h = model.transformer(flat).last_hidden_state
    reads = reference.clf_readout(h, flat, E).view(N, answers, -1)
    head = model.multiple_choice_head.summary
    scores = reference.task_logits("mcq", reads, head.weight, head.bias)
    torch.testing.assert_close(scores, want.mc_logits)
    loss = reference.gpt1_loss(want.logits.flatten(0, 1), flat, flat != pad, scores, y, lam=0.0)
    torch.testing.assert_close(loss, want.mc_loss)


@pytest.mark.parametrize("lengths, lam", [([5, 5], 0.5), ([6, 2, 4], 0.5), ([2, 7, 3, 3], 2.0)])
def test_the_loss_as_openai_computes_it(reference, lengths, lam):
    """The lines of train.py: losses times mask, summed, divided by the sum of the mask, for each sequence; then means."""
    torch.manual_seed(len(lengths))
    B, T, V = len(lengths), max(lengths), 11
    X, M = torch.zeros(B, T, dtype=torch.int64), torch.zeros(B, T, dtype=torch.float64)
    for i, n in enumerate(lengths):
        X[i, :n], M[i, :n] = torch.randint(0, V, (n,)), 1
    lm_logits = torch.randn(B, T, V, dtype=torch.float64, requires_grad=True)
    clf_logits, Y = torch.randn(4, 2, dtype=torch.float64, requires_grad=True), torch.tensor([0, 1, 1, 0])
    lm_losses = F.cross_entropy(lm_logits[:, :-1].reshape(-1, V), X[:, 1:].reshape(-1), reduction="none").view(B, T - 1)
    lm_losses = (lm_losses * M[:, 1:]).sum(1) / M[:, 1:].sum(1)
    want = F.cross_entropy(clf_logits, Y, reduction="none").mean() + lam * lm_losses.mean()
    got = reference.gpt1_loss(lm_logits, X, M.bool(), clf_logits, Y, lam)
    torch.testing.assert_close(got, want)
    mine, oracle = (torch.autograd.grad(loss, (lm_logits, clf_logits)) for loss in (got, want))
    torch.testing.assert_close(mine, oracle)


def test_the_example_of_openai(reference):
    """`transform_roc` of train.py: [start] x1 [delimiter] x2 [classify] for both endings of a story."""
    story, endings = [4, 5, 6], [[7, 8], [9]]
    want = [[1, *story, 2, *ending, 3] for ending in endings]
    assert reference.format_task("mcq", {"context": story, "question": [], "answers": endings}, 1, 2, 3) == want


def test_similarity_has_no_order(reference):
    """Through a block: exchanging the texts of a pair changes nothing."""
    torch.manual_seed(0)
    block = reference.GPT1Block(8, 2).double()
    table, w, b = (torch.randn(*shape, dtype=torch.float64) for shape in ((20, 8), (3, 8), (3,)))

    def scores(a, b_):
        rows = reference.format_task("sim", {"a": a, "b": b_}, 17, 18, 19)
        ids = torch.tensor(rows)
        reads = reference.clf_readout(block(table[ids]), ids, 19)
        return reference.task_logits("sim", reads[None], w, b)

    torch.testing.assert_close(scores([1, 2, 3], [4, 5]), scores([4, 5], [1, 2, 3]))


@pytest.mark.parametrize("padding", [0, 19])
def test_padding_on_the_right_has_no_influence(reference, padding):
    torch.manual_seed(1)
    block, table = reference.GPT1Block(6, 3).double(), torch.randn(20, 6, dtype=torch.float64)
    ids = torch.tensor([[17, 3, 4, 5, 19]])
    padded = torch.cat([ids, torch.full((1, 3), padding)], 1)
    short, long = (reference.clf_readout(block(table[x]), x, 19) for x in (ids, padded))
    torch.testing.assert_close(short, long)
