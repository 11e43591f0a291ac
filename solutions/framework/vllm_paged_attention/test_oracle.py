"""framework/vllm_paged_attention against dense attention of torch, request by request, and against transformers' paged attention and its
continuous batching (make_fixture.py)."""

import json
import runpy
import types
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

CONFIGS = [
    {"lens": [5], "bs": 2, "G": 1, "H": 1, "D": 2},
    {"lens": [7, 1, 16, 3], "bs": 4, "G": 2, "H": 6, "D": 8},
    {"lens": [33, 31, 32], "bs": 16, "G": 4, "H": 4, "D": 5},
    {"lens": [3, 9, 1], "bs": 1, "G": 1, "H": 8, "D": 3},
]


def filled(reference, lens, bs, G, H, D, dtype=torch.float64, seed=0):
    """Dense keys and values of each request, and the same in a cache that the reference's allocator and `write_kv` filled in random order."""
    gen = torch.Generator().manual_seed(seed)
    need = [-(-n // bs) for n in lens]
    allocator = reference.BlockAllocator(sum(need) + 3)
    kc, vc = torch.full((2, sum(need) + 3, bs, G, D), float("nan"), dtype=dtype)
    tables = torch.full((len(lens), max(need)), -1)
    for turn in range(max(need)):
        for r in torch.randperm(len(lens), generator=gen).tolist():
            if turn < need[r]:
                tables[r, turn] = allocator.alloc()
    dense = []
    for r, n in enumerate(lens):
        k, v = torch.randn(2, n, G, D, generator=gen, dtype=dtype)
        j = torch.arange(n)
        reference.write_kv(kc, vc, k, v, tables[r, j // bs] * bs + j % bs)
        dense.append((k, v))
    return torch.randn(len(lens), H, D, generator=gen, dtype=dtype), kc, vc, tables, torch.tensor(lens), dense


@pytest.mark.parametrize("config", CONFIGS)
@pytest.mark.parametrize("scale", [1.0, 0.3])
def test_dense_attention(reference, config, scale):
    q, kc, vc, tables, lens, dense = filled(reference, **config)
    got = reference.paged_attention(q, kc, vc, tables, lens, scale)
    for r, (k, v) in enumerate(dense):
        want = F.scaled_dot_product_attention(
            q[r, None, :, None], k.transpose(0, 1)[None], v.transpose(0, 1)[None], scale=scale, enable_gqa=True
        )
        torch.testing.assert_close(got[r], want[0, :, 0], rtol=0, atol=1e-12)


@pytest.mark.parametrize("config", CONFIGS)
def test_paged_attention_of_transformers(reference, config):
    """Its eager function, which reads the slots of all requests behind each other and hides those of others by a mask."""
    paged = pytest.importorskip("transformers.integrations.eager_paged").eager_paged_attention_forward
    q, kc, vc, tables, lens, _ = filled(reference, **config, dtype=torch.float32)
    bs, R = config["bs"], len(config["lens"])
    slots = [tables[r, torch.arange(n) // bs] * bs + torch.arange(n) % bs for r, n in enumerate(config["lens"])]
    owner = torch.cat([torch.full((len(s),), r) for r, s in enumerate(slots)])
    mask = torch.zeros(R, len(owner)).masked_fill(owner != torch.arange(R)[:, None], -torch.inf)
    read = torch.cat(slots)

    def update(key_states, value_states, layer_idx, kwargs):
        return tuple(x.flatten(0, 1)[read].transpose(0, 1)[None] for x in (kc, vc))

    module = types.SimpleNamespace(layer_idx=0, num_key_value_groups=config["H"] // config["G"])
    cache = types.SimpleNamespace(update=update)
    want, _ = paged(module, q.transpose(0, 1)[None], None, None, mask, 0.3, cache=cache)
    torch.testing.assert_close(reference.paged_attention(q, kc, vc, tables, lens, 0.3), want[0])


def continued(reference, model, prompts, eos, max_new, bs, n_blocks, at_once):
    """The greedy texts of all prompts, `at_once` of them in a batch: each step has one token of each. Who is finished makes room for the next."""
    from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

    G, D, layers = model.config.num_key_value_heads, model.config.head_dim, model.model.layers
    allocator = reference.BlockAllocator(n_blocks)
    caches = torch.full((len(layers), 2, n_blocks, bs, G, D), float("nan"))
    waiting = [types.SimpleNamespace(tokens=list(prompt), given=len(prompt), fed=0, blocks=[]) for prompt in prompts]
    rows, every = [], list(waiting)
    while waiting or rows:
        while waiting and len(rows) < at_once:
            rows.append(waiting.pop(0))
        for row in rows:
            if row.fed % bs == 0:
                row.blocks.append(allocator.alloc())
        width = max(len(row.blocks) for row in rows)
        tables = torch.tensor([row.blocks + [-1] * (width - len(row.blocks)) for row in rows])
        slots = torch.tensor([row.blocks[-1] * bs + row.fed % bs for row in rows])
        positions = torch.tensor([row.fed for row in rows])
        x = model.model.embed_tokens(torch.tensor([row.tokens[row.fed] for row in rows]))  # (R, C)
        cos, sin = model.model.rotary_emb(x[:, None], positions[:, None])
        for layer, (kc, vc) in zip(layers, caches, strict=True):
            here, normed = layer.self_attn, layer.input_layernorm(x)
            q, k, v = (project(normed).unflatten(-1, (-1, D)) for project in (here.q_proj, here.k_proj, here.v_proj))
            q, k = (each[:, :, 0] for each in apply_rotary_pos_emb(q[:, :, None], k[:, :, None], cos, sin))
            reference.write_kv(kc, vc, k, v, slots)
            x = x + here.o_proj(reference.paged_attention(q, kc, vc, tables, positions + 1, here.scaling).flatten(1))
            x = x + layer.mlp(layer.post_attention_layernorm(x))
        best = model.lm_head(model.model.norm(x)).argmax(-1).tolist()
        for row, token in zip(list(rows), best, strict=True):
            row.fed += 1
            if row.fed < len(row.tokens):  # still in the prompt
                continue
            row.tokens.append(token)
            if token == eos or len(row.tokens) == row.given + max_new:
                rows.remove(row)
                for block in row.blocks:
                    allocator.free(block)
    assert allocator.n_free == n_blocks
    return [row.tokens[row.given :] for row in every]


@pytest.mark.parametrize("bs, n_blocks, at_once", [(4, 15, 3), (1, 20, 1), (16, 7, 7), (3, 28, 4)])
def test_continuous_batching_of_transformers(reference, bs, n_blocks, at_once):
    """A Llama of transformers' with this exercise's cache and attention goes on as `generate_batch` does, whatever the blocks and the batches."""
    pytest.importorskip("transformers")
    made = runpy.run_path(str(Path(__file__).with_name("make_fixture.py")))
    fixture = json.loads(Path(__file__).with_name("fixture.json").read_text("utf-8"))
    with torch.no_grad():
        found = continued(reference, made["tiny_llama"](), fixture["prompts"], fixture["eos"], fixture["max_new"], bs, n_blocks, at_once)
    assert found == fixture["continued"]


@pytest.mark.slow
def test_the_fixture_is_what_transformers_says():
    pytest.importorskip("transformers")
    made = runpy.run_path(str(Path(__file__).with_name("make_fixture.py")))
    fixture = json.loads(Path(__file__).with_name("fixture.json").read_text("utf-8"))
    assert (fixture["prompts"], fixture["eos"], fixture["max_new"]) == (made["PROMPTS"], made["EOS"], made["MAX_NEW"])
    assert made["continued"]() == fixture["continued"]


@pytest.mark.parametrize("seed", range(5))
def test_allocator_against_lists_of_users(reference, seed):
    """Every use of a block is an entry of a list; what is free follows from it."""
    gen = torch.Generator().manual_seed(seed)
    allocator, uses = reference.BlockAllocator(6), []
    for _ in range(400):
        kind = int(torch.randint(4, (), generator=gen))
        at = int(torch.randint(len(uses), (), generator=gen)) if uses else None
        full = len(set(uses)) == 6
        if kind == 0 or at is None:
            if full:
                with pytest.raises(MemoryError):
                    allocator.alloc()
            else:
                block = allocator.alloc()
                assert block not in uses
                uses.append(block)
        elif kind == 1:
            allocator.free(uses.pop(at))
        elif kind == 2:
            uses += allocator.fork(uses[at : at + 2])
        elif uses.count(uses[at]) == 1:
            assert allocator.cow(uses[at]) == (uses[at], False)
        elif full:
            with pytest.raises(MemoryError):
                allocator.cow(uses[at])
        else:
            block, copied = allocator.cow(uses[at])
            assert copied and block not in uses
            uses[at] = block
        assert allocator.n_free == 6 - len(set(uses))


@pytest.mark.parametrize("bs", [1, 2, 16])
def test_waste(reference, bs):
    lens = list(range(70))
    blocks = [len(range(0, n, bs)) for n in lens]
    assert reference.waste(lens, bs) == sum(blocks) * bs - sum(lens)
    assert all(0 <= reference.waste([n], bs) < bs for n in lens)
