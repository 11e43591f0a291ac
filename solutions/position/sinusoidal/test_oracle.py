"""position/sinusoidal against the tables of DistilBERT (interleaved) and Marian (sines first), and against its own laws."""

import pytest
import torch


@pytest.mark.parametrize("n, C", [(1, 2), (7, 6), (40, 64), (512, 768)])
def test_interleaved_is_distilberts_table(reference, n, C):
    distilbert = pytest.importorskip("transformers.models.distilbert.modeling_distilbert")
    out = torch.empty(n, C)
    distilbert.create_sinusoidal_embeddings(n, C, out)
    torch.testing.assert_close(reference.sinusoidal(n, C), out, rtol=0, atol=1e-7)


@pytest.mark.parametrize("n, C", [(1, 2), (7, 6), (40, 64), (512, 768)])
def test_concat_is_marians_table(reference, n, C):
    marian = pytest.importorskip("transformers.models.marian.modeling_marian")
    embedding = marian.MarianSinusoidalPositionalEmbedding(n, C)
    torch.testing.assert_close(reference.sinusoidal(n, C, "concat"), embedding.create_weight(), rtol=0, atol=1e-7)


@pytest.mark.parametrize("base", [10000.0, 3.0])
def test_dot_products_depend_on_the_distance_alone(reference, base):
    table = reference.sinusoidal(50, 24, base=base).double()
    gram = table @ table.T
    torch.testing.assert_close(gram.diag(), torch.full((50,), 12.0, dtype=torch.float64), rtol=0, atol=1e-5)
    for distance in range(50):
        diagonal = gram.diagonal(distance)
        torch.testing.assert_close(diagonal, diagonal[:1].expand_as(diagonal), rtol=0, atol=1e-5)


@pytest.mark.parametrize("k", [0, 1, -5, 31])
@pytest.mark.parametrize("base", [10000.0, 3.0])
def test_the_shift_moves_rows(reference, k, base):
    table, M = reference.sinusoidal(64, 10, base=base), reference.shift_matrix(k, 10, base)
    first, last = max(0, -k), 64 - max(0, k)
    torch.testing.assert_close(table[first:last] @ M, table[first + k : last + k], rtol=0, atol=1e-6)


def test_shifts_form_a_group_of_rotations(reference):
    a, b, both = (reference.shift_matrix(k, 8).double() for k in (1234, -77, 1157))
    torch.testing.assert_close(a @ b, both, rtol=0, atol=1e-6)
    torch.testing.assert_close(a @ a.T, torch.eye(8, dtype=torch.float64), rtol=0, atol=1e-6)


def test_far_rows_against_arbitrary_precision(reference):
    mpmath = pytest.importorskip("mpmath")
    mpmath.mp.dps = 40
    row = reference.sinusoidal(100_001, 8)[100_000]
    angles = [100_000 * mpmath.mpf(10000) ** (mpmath.mpf(-2 * i) / 8) for i in range(4)]
    want = [float(f(a)) for a in angles for f in (mpmath.sin, mpmath.cos)]
    torch.testing.assert_close(row, torch.tensor(want), rtol=0, atol=1e-7)
