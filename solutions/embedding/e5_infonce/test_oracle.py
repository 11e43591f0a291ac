"""embedding/e5_infonce against sentence-transformers, PyTorch's cross-entropy, and a small BERT."""

import pytest
import torch
import torch.nn.functional as F

MODES = {"mean": "mean", "cls": "cls", "last": "lasttoken", "max": "max"}


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def masks():
    right = (torch.arange(6) < torch.tensor([6, 2, 5, 1])[:, None]).long()
    between = torch.tensor([[0, 1, 0, 1, 1, 0], [0, 0, 0, 0, 0, 1], [1, 0, 0, 0, 1, 0], [1, 1, 1, 1, 1, 1]])
    return {"right": right, "left": right.flip(1), "between": between}


@pytest.mark.slow  # importing it takes seconds
@pytest.mark.parametrize("side", masks())
@pytest.mark.parametrize("mode", MODES)
def test_pooling_of_sentence_transformers(reference, mode, side):
    modules = pytest.importorskip("sentence_transformers.sentence_transformer.modules")
    h, mask = normal(4, 6, 3).requires_grad_(), masks()[side]
    theirs = modules.Pooling(3, pooling_mode=MODES[mode])({"token_embeddings": h, "attention_mask": mask})["sentence_embedding"]
    ours = reference.pool(h, mask, mode)
    torch.testing.assert_close(ours, theirs)
    weights = normal(4, 3, seed=1)
    for mine, other in zip(*(torch.autograd.grad((x * weights).sum(), h) for x in (ours, theirs)), strict=True):
        torch.testing.assert_close(mine, other)


@pytest.mark.slow
@pytest.mark.parametrize("temp", [1.0, 0.05, 0.01])
@pytest.mark.parametrize("B, C, K", [(5, 4, None), (3, 6, 1), (4, 3, 5), (1, 2, 2)])
def test_loss_of_sentence_transformers(reference, B, C, K, temp):
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")
    tensors = [normal(B, C, seed=1).requires_grad_(), normal(B, C, seed=2).requires_grad_()]
    if K:
        tensors.append(normal(B, K, C, seed=3).requires_grad_())
    theirs = losses.MultipleNegativesRankingLoss(None, scale=1 / temp).compute_loss_from_embeddings(
        [*tensors[:2], *(tensors[2].unbind(1) if K else ())], None
    )
    ours = reference.info_nce(*tensors, temp=temp)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, tensors), torch.autograd.grad(theirs, tensors))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("B, C, K", [(5, 4, 0), (3, 6, 1), (4, 3, 5), (1, 2, 0)])
def test_loss_is_a_classification(reference, B, C, K, dtype):
    q, p, hard = (normal(*shape, seed=B, dtype=dtype).requires_grad_() for shape in ((B, C), (B, C), (B, K, C)))
    table = torch.stack([torch.stack([F.cosine_similarity(a, b, dim=0) for b in (*p, *hard.flatten(0, 1))]) for a in q])
    want = F.cross_entropy(table / 0.3, torch.arange(B))
    got = reference.info_nce(q, p, hard, temp=0.3)
    torch.testing.assert_close(got, want, atol=1e-6, rtol=1e-5)
    leaves = (q, p, hard) if K else (q, p)
    torch.testing.assert_close(torch.autograd.grad(got, leaves), torch.autograd.grad(want, leaves), atol=1e-5, rtol=1e-4)


def test_no_hard_negatives_is_plain(reference):
    q, p = normal(5, 3, seed=4), normal(5, 3, seed=5)
    torch.testing.assert_close(reference.info_nce(q, p, q.new_zeros(5, 0, 3)), reference.info_nce(q, p))
    torch.testing.assert_close(reference.info_nce(7 * q, p / 9), reference.info_nce(q, p))


@pytest.mark.parametrize("top_k", [1, 2, 5, 40])
@pytest.mark.parametrize("M", [0, 1, 3, 30])
def test_filter_by_sorting(reference, M, top_k):
    q, p, pool = normal(8, 4, seed=1), normal(8, 4, seed=2), normal(M, 4, seed=3)
    cosines = [sorted(((F.cosine_similarity(a, d, dim=0).item(), n) for n, d in enumerate([b, *pool])), reverse=True) for a, b in zip(q, p, strict=True)]
    want = [any(n == 0 for _, n in ranked[:top_k]) for ranked in cosines]
    assert reference.consistency_filter(q, p, pool, top_k=top_k).tolist() == want


def test_planted_noise_is_found(reference):
    q = normal(200, 32, seed=1)
    p = q + 0.5 * normal(200, 32, seed=2)
    p[:50] = normal(50, 32, seed=3)
    kept = reference.consistency_filter(q, p, normal(500, 32, seed=4))
    assert kept[50:].all() and kept[:50].sum() <= 5


@pytest.mark.parametrize("mode", MODES)
def test_padding_of_a_bert_changes_nothing(reference, mode):
    """A text in a padded batch has the vector that it has alone."""
    transformers = pytest.importorskip("transformers")
    config = transformers.BertConfig(
        vocab_size=37, hidden_size=12, num_hidden_layers=2, num_attention_heads=3, intermediate_size=20,
        attn_implementation="eager",
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.BertModel(config).double().eval()
    texts = [[1, 5, 9, 2], [1, 30, 2], [1, 7, 7, 7, 8, 20, 2]]
    ids = torch.tensor([text + [0] * (7 - len(text)) for text in texts])
    mask = torch.tensor([[1] * len(text) + [0] * (7 - len(text)) for text in texts])
    with torch.no_grad():
        together = reference.pool(model(ids, attention_mask=mask).last_hidden_state, mask, mode)
        for row, text in zip(together, texts, strict=True):
            alone = torch.tensor([text])
            h = model(alone, attention_mask=torch.ones_like(alone)).last_hidden_state
            torch.testing.assert_close(row[None], reference.pool(h, torch.ones_like(alone), mode))
