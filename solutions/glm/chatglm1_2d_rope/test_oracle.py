"""glm/chatglm1_2d_rope against what SwissArmyTransformer's ChatGLM computed, against blank infilling, and against ordinary rotation."""

import importlib.util
import json
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

HERE = Path(__file__).parent
RECORDED = json.loads((HERE / "official_code.json").read_text())
BOS = 9


@pytest.mark.parametrize("case", RECORDED["inputs"], ids=lambda case: f"{len(case['ids'])} rows")
def test_masks_and_positions_of_swiss_army_transformer(reference, case):
    ids = torch.tensor(case["ids"])
    mask, pos = reference.chatglm1_inputs(ids, BOS, case["mask_pos"], case["pad_len"])
    want = torch.tensor(case["mask"]).bool() | torch.eye(ids.shape[1]).bool()  # their rows of padding are empty
    assert torch.equal(mask, want)
    assert torch.equal(pos, torch.tensor(case["pos"]))


@pytest.mark.parametrize("case", RECORDED["rotations"], ids=lambda case: f"D={len(case['x'][0][0][0])}")
def test_rotation_of_swiss_army_transformer(reference, case):
    got = reference.rope_2d(torch.tensor(case["x"], dtype=torch.float64), torch.tensor(case["pos"]))
    torch.testing.assert_close(got, torch.tensor(case["out"], dtype=torch.float64), atol=1e-5, rtol=1e-5)  # float32 angles there


def neighbour(name):
    path = HERE.parent / name / "solution.py"
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("prefix, length", [(1, 4), (6, 9), (11, 12)])
def test_a_prompt_is_one_long_blank(reference, prefix, length):
    """A context that ends with [gMASK] is GLM's example of one long span: the same tokens, positions and mask."""
    blanks = neighbour("blank_infilling")
    made = blanks.gmask_example(list(range(20, 20 + length)), prefix, GMASK=8, SOP=BOS, EOP=7)
    ids = made["tokens"][None]
    mask, pos = reference.chatglm1_inputs(ids, BOS, [prefix], [0])
    assert torch.equal(pos[0], torch.stack([made["pos1"], made["pos2"]]))
    assert torch.equal(mask[0, 0], blanks.glm_mask(made["sep"], ids.shape[1]))


def one_dimension(x, p):
    """Rotary embedding from its definition, pair by pair, as complex numbers."""
    D = x.shape[-1]
    pairs = [torch.complex(x[..., i], x[..., D // 2 + i]) * torch.exp(1j * p[:, None] * 10000 ** (-2 * i / D)) for i in range(D // 2)]
    return torch.stack([pair.real for pair in pairs] + [pair.imag for pair in pairs], dim=-1)


@pytest.mark.parametrize("B, H, T, D", [(1, 1, 4, 4), (2, 3, 5, 12), (3, 2, 7, 32)])
def test_each_half_is_an_ordinary_rotation(reference, B, H, T, D):
    torch.manual_seed(D)
    x, pos = torch.randn(B, H, T, D, dtype=torch.float64), torch.randint(0, 3000, (B, 2, T))
    got = reference.rope_2d(x, pos)
    for k, (part, want) in enumerate(zip(got.chunk(2, -1), x.chunk(2, -1), strict=True)):
        torch.testing.assert_close(part, one_dimension(want, pos[:, k].double()), atol=1e-9, rtol=1e-9)
    pos[:, 1] = 0
    torch.testing.assert_close(reference.rope_2d(x, pos)[..., D // 2 :], x[..., D // 2 :])


def test_scores_depend_on_both_differences(reference):
    torch.manual_seed(0)
    q, k = torch.randn(2, 1, 1, 6, 16, dtype=torch.float64)
    a, b = torch.randint(0, 50, (2, 1, 2, 6))
    shift = torch.tensor([[[700], [31]]])
    score = (reference.rope_2d(q, a) * reference.rope_2d(k, b)).sum(-1)
    torch.testing.assert_close((reference.rope_2d(q, a + shift) * reference.rope_2d(k, b + shift)).sum(-1), score)


def test_padding_changes_nothing_in_attention(reference):
    """Attention with these masks and positions gives a row behind padding what it gives the row alone."""
    torch.manual_seed(1)
    alone = torch.tensor([[21, 8, 22, BOS, 23, 24]])
    padded = F.pad(alone, (3, 0), value=3)
    table, weights = torch.randn(40, 24, dtype=torch.float64), torch.randn(3, 24, 24, dtype=torch.float64) / 5

    def attend(ids, at, pads):
        mask, pos = reference.chatglm1_inputs(ids, BOS, at, pads)
        q, k, v = ((table[ids] @ w).unflatten(-1, (2, 12)).transpose(1, 2) for w in weights)
        return F.scaled_dot_product_attention(reference.rope_2d(q, pos), reference.rope_2d(k, pos), v, attn_mask=mask)

    out = attend(padded, [4], [3])
    assert out.isfinite().all()
    torch.testing.assert_close(out[:, :, 3:], attend(alone, [1], [0]))
