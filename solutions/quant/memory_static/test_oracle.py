"""quant/memory_static against what torch's and bitsandbytes' optimizers keep, transformers' footprints and caches, peft's adapters, and gguf's table;
and, where there is a GPU, against what its allocator says."""

import gc
import random

import pytest
import torch
from torch import nn


def size(tensors):
    return sum(t.numel() * t.element_size() for t in tensors)


def states(optimizer):
    return [t for state in optimizer.state.values() for name, t in state.items() if torch.is_tensor(t) and not name.startswith("qmap")]


def shapes_of(seed, n=6):
    rng = random.Random(seed)
    return [tuple(rng.randint(1, 9) for _ in range(rng.choice([0, 1, 2, 2, 3, 4]))) for _ in range(n)]


MAKE = {
    "sgd": lambda p: torch.optim.SGD(p, lr=0.1),
    "sgd_momentum": lambda p: torch.optim.SGD(p, lr=0.1, momentum=0.9),
    "adamw": lambda p: torch.optim.AdamW(p),
    "adafactor": lambda p: torch.optim.Adafactor(p),
}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("precision, dtype", [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
@pytest.mark.parametrize("optimizer", MAKE)
def test_torch_keeps_as_much(reference, optimizer, precision, dtype, seed):
    parameters = [nn.Parameter(torch.randn(shape).to(dtype)) for shape in shapes_of(seed)]
    made = MAKE[optimizer](parameters)
    for each in parameters:
        each.grad = torch.randn_like(each)
    made.step()
    got = reference.training_state_bytes(shapes_of(seed), optimizer, precision)
    assert got == {"weights": size(parameters), "gradients": size(p.grad for p in parameters), "master": 0, "optimizer": size(states(made))}


@pytest.mark.parametrize("seed", range(3))
def test_a_step_with_master_weights(reference, seed):
    """The optimizer is given the float32 copy, so its states are float32."""
    low = [nn.Parameter(torch.randn(shape).bfloat16()) for shape in shapes_of(seed)]
    master = [nn.Parameter(p.detach().float()) for p in low]
    optimizer = torch.optim.AdamW(master)
    for p, m in zip(low, master, strict=True):
        p.grad = torch.randn_like(p)
        m.grad = p.grad.float()
    optimizer.step()
    got = reference.training_state_bytes(shapes_of(seed))
    assert got == {"weights": size(low), "gradients": size(p.grad for p in low), "master": size(master), "optimizer": size(states(optimizer))}


def a_step(device, precision, width=2048, tokens=1024):
    """Builds a model of 9 matrices (50 million parameters at the default width), trains it for a step, and returns what outlives the step."""
    dtype = torch.float32 if precision == "float32" else torch.bfloat16
    model = nn.Sequential(nn.Embedding(4 * width, width), *(nn.Linear(width, width) for _ in range(8))).to(device, dtype)
    parameters = list(model.parameters())
    master = [nn.Parameter(p.detach().float()) for p in parameters] if precision == "mixed" else []
    optimizer = torch.optim.AdamW(master or parameters)
    model(torch.arange(tokens, device=device)).float().square().mean().backward()
    for p, m in zip(parameters, master, strict=False):
        m.grad = p.grad.float()
    optimizer.step()
    with torch.no_grad():
        for p, m in zip(parameters, master, strict=False):
            p.copy_(m)
            m.grad = None
    return model, optimizer


def shapes_of_the_step(width=2048):
    return [(4 * width, width), *[(width, width), (width,)] * 8]


@pytest.mark.parametrize("precision", ["float32", "mixed", "bfloat16"])
def test_a_whole_step_keeps_as_much(reference, precision):
    model, optimizer = a_step("cpu", precision, width=16, tokens=20)
    parameters = [*model.parameters()]
    master = [p for group in optimizer.param_groups for p in group["params"]] if precision == "mixed" else []
    assert [tuple(p.shape) for p in parameters] == shapes_of_the_step(16)
    kept = {"weights": size(parameters), "gradients": size(p.grad for p in parameters), "master": size(master), "optimizer": size(states(optimizer))}
    assert reference.training_state_bytes(shapes_of_the_step(16), "adamw", precision) == kept


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "mixed", "bfloat16"])
def test_a_gpu_keeps_as_much(reference, precision):
    """What stays allocated after a step of 50 million parameters, to 2 %. A first small step makes the workspaces of the matrix products, which stay, too."""
    a_step("cuda", precision, width=64, tokens=8)
    gc.collect()
    torch.cuda.empty_cache()
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    kept = a_step("cuda", precision)
    gc.collect()
    torch.cuda.synchronize()
    measured = torch.cuda.memory_allocated() - before
    assert sum(p.numel() for p in kept[0].parameters()) == pytest.approx(50e6, rel=0.01)
    assert measured == pytest.approx(sum(reference.training_state_bytes(shapes_of_the_step(), "adamw", precision).values()), rel=0.02)


@pytest.mark.parametrize("precision, dtype", [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_bitsandbytes_keeps_as_much(reference, precision, dtype):
    bnb = pytest.importorskip("bitsandbytes")
    shapes = [(64, 64), (63, 65), (4097,), (5,), (30, 2, 100)]
    parameters = [nn.Parameter(torch.randn(shape).to(dtype)) for shape in shapes]
    optimizer = bnb.optim.AdamW8bit(parameters)
    for each in parameters:
        each.grad = torch.randn_like(each)
    optimizer.step()
    assert reference.training_state_bytes(shapes, "adamw8bit", precision)["optimizer"] == size(states(optimizer))


@pytest.mark.parametrize("name", ["Q4_0", "Q4_1", "Q5_0", "Q5_1", "Q8_0", "MXFP4"])
def test_bits_of_gguf(reference, name):
    gguf = pytest.importorskip("gguf")
    weights, bytes_ = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[name]]
    bits = 4 if name == "MXFP4" else int(name[1])
    options = {"scale_bits": 8} if name == "MXFP4" else {"zero_bits": 16 if name.endswith("1") else 0}
    assert reference.bits_per_weight(bits, weights, **options) == 8 * bytes_ / weights
    assert reference.weights_bytes([(6, 10 * weights)], bits, weights, **options) == 60 * bytes_


@pytest.mark.parametrize("double", [False, True])
def test_bits_of_qlora(reference, double):
    functional = pytest.importorskip("bitsandbytes.functional")
    packed, state = functional.quantize_nf4(torch.randn(512, 512), blocksize=64, compress_statistics=double)
    scale_bits = reference.bits_per_weight(8, 256, scale_bits=32) if double else 32
    scales = [state.absmax] + ([state.state2.absmax] if double else [])
    assert reference.bits_per_weight(4, 64, scale_bits) == 8 * size([packed, *scales]) / 512**2


MODELS = {
    "plain": ("LlamaConfig", dict(num_attention_heads=4)),
    "grouped": ("LlamaConfig", dict(num_attention_heads=6, num_key_value_heads=2, hidden_size=24)),
    "one": ("MistralConfig", dict(num_attention_heads=4, num_key_value_heads=1, sliding_window=None)),
    "wide heads": ("Qwen3Config", dict(num_attention_heads=4, num_key_value_heads=2, head_dim=10)),
}


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_models_and_their_caches(reference, name, dtype):
    transformers = pytest.importorskip("transformers")
    kind, options = MODELS[name]
    config = getattr(transformers, kind)(**{"vocab_size": 31, "hidden_size": 16, "intermediate_size": 20, "num_hidden_layers": 3, **options})
    model = transformers.AutoModelForCausalLM.from_config(config).to(dtype)
    shapes = [tuple(p.shape) for p in model.parameters()]
    bits = 8 * dtype.itemsize
    assert reference.weights_bytes(shapes, bits) == model.get_memory_footprint(return_buffers=False)
    with torch.no_grad():
        cache = model(torch.randint(0, 31, (2, 7)), use_cache=True).past_key_values
    kept = size(t for layer in cache.layers for t in (layer.keys, layer.values))
    assert reference.kv_cache_bytes(config.to_dict(), 2, 7, dtype.itemsize) == kept
    assert reference.max_batch(10**6 + 3 * kept, 10**6, config.to_dict(), 14, dtype.itemsize) == 3
    assert reference.max_batch(10**6 + 3 * kept - 1, 10**6, config.to_dict(), 14, dtype.itemsize) == 2


@pytest.mark.parametrize("targets", [["q_proj", "v_proj"], ["self_attn.o_proj", "up_proj"]])
def test_peft_trains_as_much(reference, targets):
    transformers, peft = pytest.importorskip("transformers"), pytest.importorskip("peft")
    config = transformers.LlamaConfig(
        vocab_size=31, hidden_size=16, intermediate_size=20, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2
    )
    model = transformers.LlamaForCausalLM(config).bfloat16()
    shapes = {name: tuple(p.shape) for name, p in model.named_parameters()}
    model = peft.get_peft_model(model, peft.LoraConfig(r=3, target_modules=targets))
    model(torch.randint(0, 31, (2, 5))).logits.float().sum().backward()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    optimizer.step()
    got = reference.lora_training_bytes(shapes, targets, r=3)
    frozen = [p for p in model.parameters() if not p.requires_grad]
    assert got == {
        "base": size(frozen),
        "weights": size(trained),
        "gradients": size(p.grad for p in trained),
        "master": 0,
        "optimizer": size(states(optimizer)),
    }


def test_numbers_of_papers(reference):
    """ZeRO (Rajbhandari et al. 2020), section 3.1: 16 bytes a parameter, so 24 GB for 1.5 billion of them."""
    kept = reference.training_state_bytes([(1500, 10**6)])
    assert sum(kept.values()) == 24 * 10**9 + 4
    llama70b = {"num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8, "hidden_size": 8192}
    assert reference.kv_cache_bytes(llama70b, 1, 1) == 327_680
