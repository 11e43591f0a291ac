"""position/learned against transformers' OPT, RoBERTa, GPT-2 and `generate`, torch's interpolation, and the definition by loops."""

from fractions import Fraction

import pytest
import torch
import torch.nn.functional as F


def masks():
    generator = torch.Generator().manual_seed(0)
    random = (torch.rand(4, 9, generator=generator) < 0.6).long()
    left = torch.tensor([[0, 0, 1, 1], [0, 1, 1, 1], [1, 1, 1, 1]])
    return [random, left, left.flip(1), torch.zeros(2, 3, dtype=torch.int64), torch.ones(1, 1, dtype=torch.int64)]


@pytest.mark.parametrize("max_len, C", [(6, 4), (9, 3)])
@pytest.mark.parametrize("mask", masks())
def test_opt(reference, mask, max_len, C):
    """OPT's table with offset 2: equal on real tokens; at padding OPT takes position -1, which is row 1."""
    opt = pytest.importorskip("transformers.models.opt.modeling_opt")
    theirs = opt.OPTLearnedPositionalEmbedding(max_len + 3, C)
    ours = reference.LearnedPositions(max_len + 3, C, offset=theirs.offset)
    ours.load_state_dict(theirs.state_dict())
    ids = reference.position_ids_from_mask(mask).where(mask == 1, -1)
    torch.testing.assert_close(ours(ids), theirs(mask), atol=0, rtol=0)
    gradients = [
        torch.autograd.grad(table(x).sin().sum(), table.weight)[0] for table, x in ((ours, ids), (theirs, mask))
    ]
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("padding_idx", [None, 0, 1, 5])
def test_nn_embedding(reference, padding_idx):
    theirs = torch.nn.Embedding(6, 4, padding_idx=padding_idx)
    ours = reference.LearnedPositions(6, 4, padding_idx=padding_idx)
    assert padding_idx is None or not ours.weight[padding_idx].any()
    ours.load_state_dict(theirs.state_dict())
    ids = torch.tensor([[0, 1, 5], [5, 5, 2]])
    gradients = [torch.autograd.grad(table(ids).sin().sum(), table.weight)[0] for table in (ours, theirs)]
    torch.testing.assert_close(*gradients, atol=0, rtol=0)
    for outside in (-1, 6):
        with pytest.raises(IndexError):
            theirs(torch.tensor([outside]))
        with pytest.raises(IndexError):
            ours(torch.tensor([outside]))


@pytest.mark.parametrize("mask", masks())
def test_generate(reference, mask):
    """What `generate` gives a GPT-2 for a padded batch."""
    transformers = pytest.importorskip("transformers")
    config = transformers.GPT2Config(n_embd=4, n_head=1, n_layer=1, vocab_size=5, n_positions=16)
    model = transformers.GPT2LMHeadModel(config)
    make = getattr(model, "_prepare_position_ids_for_generation", None)
    if make is None:
        pytest.skip("this release of transformers makes the numbers elsewhere")
    ids = torch.ones_like(mask)
    theirs = make(ids, {"input_ids": ids, "attention_mask": mask})
    assert torch.equal(reference.position_ids_from_mask(mask), theirs)


@pytest.mark.parametrize("pad", [0, 1, 4])
@pytest.mark.parametrize("mask", masks())
def test_roberta(reference, mask, pad):
    roberta = pytest.importorskip("transformers.models.roberta.modeling_roberta")
    ids = torch.where(mask == 1, torch.arange(mask.numel()).view(mask.shape) + pad + 1, pad)
    theirs = roberta.RobertaEmbeddings.create_position_ids_from_input_ids(ids, pad)
    assert torch.equal(reference.roberta_position_ids(ids, pad), theirs)


def test_a_bert_sees_the_same_vectors(reference):
    bert = pytest.importorskip("transformers.models.bert.modeling_bert")
    config = bert.BertConfig(hidden_size=6, max_position_embeddings=8, vocab_size=9, num_attention_heads=2)
    layer = bert.BertEmbeddings(config).eval()
    ours = reference.LearnedPositions(8, 6)
    ours.load_state_dict(layer.position_embeddings.state_dict())
    ids, positions = torch.tensor([[1, 2, 3], [4, 5, 6]]), torch.tensor([[0, 1, 7], [3, 3, 2]])
    words = layer.word_embeddings(ids) + layer.token_type_embeddings(torch.zeros_like(ids))
    torch.testing.assert_close(layer(ids, position_ids=positions), layer.LayerNorm(words + ours(positions)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("M, C, new_len", [(2, 1, 4), (7, 3, 4), (5, 4, 5), (1, 2, 6), (9, 2, 1), (16, 3, 24)])
def test_interpolate(reference, M, C, new_len, dtype):
    w = torch.randn(M, C, dtype=dtype, generator=torch.Generator().manual_seed(M)).requires_grad_()
    theirs = F.interpolate(w.T[None], size=new_len, mode="linear", align_corners=False)[0].T
    ours = reference.extend_positions(w, new_len, "linear")
    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(*(torch.autograd.grad(x.sin().sum(), w)[0] for x in (ours, theirs)))


@pytest.mark.parametrize("M, new_len, alpha", [(3, 9, "2/5"), (4, 13, "1/2"), (5, 3, "1/3"), (1, 1, "2/5")])
def test_hier_in_fractions(reference, M, new_len, alpha):
    """Su's formulas with exact fractions: p[n] = u[n//M]·α + u[n%M]·(1-α), where u solves p[j] = α u[0] + (1-α) u[j] for the old rows."""
    alpha = Fraction(alpha)
    old = [Fraction(7 * m * m - 11 * m + 3, 4) for m in range(M)]
    u = [old[0]] + [(p - alpha * old[0]) / (1 - alpha) for p in old[1:]]  # the first equation gives u[0] = p[0]
    want = [float(alpha * u[n // M] + (1 - alpha) * u[n % M]) for n in range(new_len)]
    w = torch.tensor([[float(p)] for p in old], dtype=torch.float64)
    got = reference.extend_positions(w, new_len, "hier", alpha=float(alpha))
    torch.testing.assert_close(got[:, 0], torch.tensor(want, dtype=torch.float64))
    torch.testing.assert_close(got[:M], w[:new_len])


@pytest.mark.parametrize("mode", ["linear", "hier"])
def test_gradients(reference, mode):
    w = torch.randn(3, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda w: reference.extend_positions(w, 8, mode), w)
