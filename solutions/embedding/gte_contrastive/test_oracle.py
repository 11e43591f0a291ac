"""embedding/gte_contrastive against sentence-transformers, a loop over the definition, and plain backward."""

import math

import pytest
import torch

ALL = ("query_to_doc", "query_to_query", "doc_to_query", "doc_to_doc")
SIZES = [(5, 4, None), (3, 6, 1), (4, 3, 5), (1, 2, 2), (2, 3, 0)]


def normal(*shape, seed=0, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def tensors(B, C, K):
    made = [normal(B, C, seed=1).requires_grad_(), normal(B, C, seed=2).requires_grad_()]
    return made + ([normal(B, K, C, seed=3).requires_grad_()] if K else [])


@pytest.mark.slow  # importing it takes seconds
@pytest.mark.parametrize("temp", [1.0, 0.05, 0.01])
@pytest.mark.parametrize("B, C, K", SIZES)
def test_loss_of_sentence_transformers(reference, B, C, K, temp):
    losses = pytest.importorskip("sentence_transformers.sentence_transformer.losses")
    given = tensors(B, C, K)
    theirs = losses.MultipleNegativesRankingLoss(None, scale=1 / temp, directions=ALL, partition_mode="joint")
    theirs = theirs.compute_loss_from_embeddings([*given[:2], *(given[2].unbind(1) if K else ())], None)
    ours = reference.gte_loss(*given, temp=temp)
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(torch.autograd.grad(ours, given), torch.autograd.grad(theirs, given))


@pytest.mark.parametrize("temp", [1.0, 0.1])
@pytest.mark.parametrize("B, C, K", SIZES)
def test_loss_by_its_definition(reference, B, C, K, temp):
    given = tensors(B, C, K)
    q, d = (x / x.norm(dim=1, keepdim=True) for x in given[:2])
    hard = [[x / x.norm() for x in row] for row in given[2]] if K else [[]] * B
    total = 0.0
    for i in range(B):
        z = sum(math.e ** (q[i] @ d[j] / temp) + math.e ** (d[i] @ q[j] / temp) for j in range(B))
        z = z + sum(math.e ** (q[i] @ q[j] / temp) + math.e ** (d[i] @ d[j] / temp) for j in range(B) if j != i)
        z = z + sum(math.e ** (q[i] @ x / temp) + (0 if j == i else math.e ** (d[i] @ x / temp)) for j in range(B) for x in hard[j])
        total = total + z.log() - q[i] @ d[i] / temp
    ours = reference.gte_loss(*given, temp=temp)
    torch.testing.assert_close(ours, total / B)
    torch.testing.assert_close(torch.autograd.grad(ours, given), torch.autograd.grad(total / B, given))


def test_limits(reference):
    q, d = normal(6, 4, seed=1), normal(6, 4, seed=2)
    torch.testing.assert_close(reference.gte_loss(q, d, temp=0.2), reference.gte_loss(d, q, temp=0.2))
    s = (q / q.norm(dim=1, keepdim=True)) @ (d / d.norm(dim=1, keepdim=True)).T / 0.2
    assert reference.gte_loss(q, d, temp=0.2) > torch.nn.functional.cross_entropy(s, torch.arange(6))
    probs = reference.source_probs([3, 5, 0, 12], alpha=1.0)
    torch.testing.assert_close(probs, torch.tensor([3, 5, 0, 12], dtype=torch.float64) / 20)


@pytest.mark.parametrize("sizes", [(6,), (2, 4), (1, 1, 1, 3)])
def test_a_batch_in_pieces(reference, sizes):
    torch.manual_seed(0)
    encoder = torch.nn.Sequential(torch.nn.Linear(5, 7), torch.nn.Tanh(), torch.nn.Linear(7, 3)).double()
    x = normal(6, 5)

    def loss_fn(v):
        return reference.gte_loss(v[:3], v[3:], temp=0.2)

    want = loss_fn(encoder(x))
    gradients = torch.autograd.grad(want, list(encoder.parameters()))
    got = reference.grad_cache_step(encoder, list(x.split(sizes)), loss_fn)
    torch.testing.assert_close(got, want.detach())
    for parameter, gradient in zip(encoder.parameters(), gradients, strict=True):
        torch.testing.assert_close(parameter.grad, gradient)
