"""quant/memory_activation against layers that really run: what autograd saves of them, torch.utils.checkpoint, and a GPU's allocator, where there is one."""

import gc
import math

import pytest
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint as torch_checkpoint
from torch.utils.flop_counter import FlopCounterMode


def masked(x, p=0.1):
    """Dropout as the paper counts it: a mask of one byte a number is kept, and nothing else."""
    return x * (torch.rand(x.shape) >= p).to(x.device) * (1 / (1 - p))


def scores(q, k, v):
    d = q.shape[-1]
    return masked((q @ k.mT * d**-0.5).softmax(-1)) @ v


def weights(h, dtype=torch.bfloat16):
    def make(*shape):
        return (torch.randn(shape) * 0.1).to(dtype).requires_grad_()

    return {"norm1": make(h), "qkv": make(3 * h, h), "proj": make(h, h), "norm2": make(h), "up": make(4 * h, h), "down": make(h, 4 * h)}


def layer(x, w, a, attend=scores):
    b, s, h = x.shape
    qkv = F.linear(F.layer_norm(x, (h,), w["norm1"]), w["qkv"])
    q, k, v = (each.reshape(b, s, a, -1).transpose(1, 2).contiguous() for each in qkv.chunk(3, -1))
    z = attend(q, k, v).transpose(1, 2).reshape(b, s, h)
    x = x + masked(F.linear(z, w["proj"]))
    y = F.gelu(F.linear(F.layer_norm(x, (h,), w["norm2"]), w["up"]))
    return x + masked(F.linear(y, w["down"]))


SIZES = [(8, 2, 12, 3), (16, 1, 32, 4), (5, 3, 8, 8)]


@pytest.mark.parametrize("s, b, h, a", SIZES)
@pytest.mark.parametrize("recompute", ["none", "selective", "full"])
def test_a_layer_that_runs_keeps_as_much(reference, s, b, h, a, recompute):
    """To the byte, but for the two numbers that each norm keeps of each token (2 or 4 bytes each)."""
    w, x = weights(h), torch.randn(b, s, h).bfloat16().requires_grad_()

    def selective(q, k, v):
        return torch_checkpoint(scores, q, k, v, use_reentrant=False)

    def run(x):
        return layer(x, w, a, selective if recompute == "selective" else scores)

    def full(x):
        return torch_checkpoint(run, x, use_reentrant=False)

    measured = reference.saved_bytes(full if recompute == "full" else run, [x], ignore=w.values())
    numbers = 0 if recompute == "full" else 4 * b * s  # a mean and a deviation of each token, in both norms
    want = reference.activation_bytes_per_layer(s, b, h, a, recompute=recompute)
    assert measured in {want + 2 * numbers, want + 4 * numbers}


@pytest.mark.parametrize("s, b, h, a", SIZES)
def test_parts_and_formula(reference, s, b, h, a):
    total = sum(reference.activation_parts(s, b, h, a).values())
    assert total == reference.activation_bytes_per_layer(s, b, h, a) == pytest.approx(s * b * h * (34 + 5 * a * s / h))
    assert reference.activation_bytes_per_layer(s, b, h, a, t=1, sp=True) == total


def test_table_two_of_the_paper(reference):
    """Korthikanti et al. 2022, table 2, for GPT-3's sizes."""
    s, b, h, a, t = 2048, 1, 12288, 96, 8
    sbh = s * b * h
    of = reference.activation_bytes_per_layer
    assert of(s, b, h, a) == sbh * (34 + 5 * a * s / h) == 2_868_903_936
    assert of(s, b, h, a, t) == sbh * (10 + 24 / t + 5 * a * s / (h * t))
    assert of(s, b, h, a, t, True) == sbh * (34 / t + 5 * a * s / (h * t))
    assert of(s, b, h, a, t, False, "selective") == sbh * (10 + 24 / t)
    assert of(s, b, h, a, t, True, "selective") == sbh * 34 / t
    assert of(s, b, h, a, t, False, "full") == 2 * sbh


@pytest.mark.parametrize("recompute", ["none", "selective", "full"])
def test_torch_counts_as_many_products(reference, recompute):
    s, b, h, a = 24, 1, 16, 2
    w, x = weights(h, torch.float32), torch.randn(b, s, h, requires_grad=True)

    def selective(q, k, v):
        return torch_checkpoint(scores, q, k, v, use_reentrant=False)

    def run(x):
        return layer(x, w, a, selective if recompute == "selective" else scores)

    def counted(forward):
        with FlopCounterMode(display=False) as counter:
            forward(x).sum().backward()
        return counter.get_total_flops()

    # early_stop=False: torch's checkpoint otherwise stops before the last products, which nobody needs
    with torch.utils.checkpoint.set_checkpoint_early_stop(False):
        more = counted(run if recompute != "full" else lambda x: torch_checkpoint(run, x, use_reentrant=False))
    plain = counted(lambda x: layer(x, w, a))
    assert plain == 3 * (24 * s * h**2 + 4 * s**2 * h)
    assert more / plain - 1 == pytest.approx(reference.recompute_overhead(s, h, recompute))


@pytest.mark.parametrize("n", [1, 2, 7, 16, 30, 96])
@pytest.mark.parametrize("boundary, layer_bytes", [(1, 1), (2, 34), (9, 1)])
def test_segments_one_by_one(reference, n, boundary, layer_bytes):
    peaks = {k: math.ceil(n / k) * boundary + k * layer_bytes for k in range(1, n + 1)}
    best = reference.optimal_checkpoint(n, boundary, layer_bytes)
    assert peaks[best] == min(peaks.values()) and all(peaks[k] > peaks[best] for k in range(1, best))
    if boundary == layer_bytes == 1:
        assert peaks[best] <= 2 * math.sqrt(n) + 1


@pytest.mark.parametrize("needs", [True, False])
@pytest.mark.parametrize("seed", [0, 5])
def test_our_checkpoint_is_torchs(reference, needs, seed):
    results = []
    for run in (
        lambda f, x: f(x),
        lambda f, x: torch_checkpoint(f, x, use_reentrant=False),
        lambda f, x: reference.checkpoint(f, [x]),
    ):
        torch.manual_seed(seed)
        w = [weights(12, torch.float64) for _ in range(3)]
        x = torch.randn(2, 7, 12, dtype=torch.float64, requires_grad=needs)
        y = x
        for each in w:
            y = run(lambda x, each=each: layer(x, each, 3), y)
        y.square().sum().backward()
        results.append([y.detach(), torch.rand(3), *([x.grad] if needs else []), *(p.grad for each in w for p in each.values())])
    for other in results[1:]:
        for mine, want in zip(other, results[0], strict=True):
            assert torch.equal(mine, want)


class Allocator:
    """What the GPU's allocator hands out from here on: `now()` bytes at the moment, `peak()` at the worst one."""

    def __init__(self):
        gc.collect()
        torch.cuda.empty_cache()
        torch.cuda.synchronize()
        torch.cuda.reset_peak_memory_stats()
        self.before = torch.cuda.memory_allocated()

    def now(self):
        torch.cuda.synchronize()
        return torch.cuda.memory_allocated() - self.before

    def peak(self):
        torch.cuda.synchronize()
        return torch.cuda.max_memory_allocated() - self.before


def on_device(s, b, h, layers, device):
    """Weights with their gradients, and an input: what is there before the first layer runs."""
    made = [{name: p.detach().to(device).requires_grad_() for name, p in weights(h).items()} for _ in range(layers)]
    for p in (p for w in made for p in w.values()):
        p.grad = torch.zeros_like(p)
    return made, torch.randn(b, s, h).bfloat16().to(device).requires_grad_()


def ours(reference, kind):
    """`kind` of recomputation with our checkpoint: a function of (x, w, a)."""
    return {
        "none": layer,
        "selective": lambda x, w, a: layer(x, w, a, lambda *qkv: reference.checkpoint(scores, list(qkv))),
        "full": lambda x, w, a: reference.checkpoint(lambda x: layer(x, w, a), [x]),
    }[kind]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("recompute", ["none", "selective", "full"])
def test_a_gpu_keeps_as_much_of_a_layer(reference, recompute):
    """To 2 %. The input is there before, and the output after: both have 2 sbh bytes. All sizes are multiples of the allocator's pages."""
    s, b, h, a = 1024, 2, 1024, 8
    run = ours(reference, recompute)
    (w,), x = on_device(s, b, h, 1, "cuda")
    run(x, w, a).sum().backward()  # makes the workspaces of the matrix products, which stay
    allocator = Allocator()
    y = run(x, w, a)
    assert allocator.now() == pytest.approx(reference.activation_bytes_per_layer(s, b, h, a, recompute=recompute), rel=0.02)
    del y


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_peak_of_a_gpu_with_and_without_checkpoints(reference):
    """Eight layers, forwards and backwards: all that each keeps, against the inputs of all and what one keeps (beside what a layer needs for a moment)."""
    s, b, h, a, n = 1024, 2, 1024, 8, 8
    each = reference.activation_bytes_per_layer(s, b, h, a)
    inputs = n * reference.activation_bytes_per_layer(s, b, h, a, recompute="full")

    def torchs(x, w, a):
        return torch_checkpoint(layer, x, w, a, use_reentrant=False)

    peaks, gradients = {}, {}
    for name, run in (("none", layer), ("full", ours(reference, "full")), ("torch", torchs)):
        torch.manual_seed(0)
        made, x = on_device(s, b, h, n, "cuda")
        ours(reference, "none")(x, made[0], a).sum().backward()
        for p in (x, *(p for w in made for p in w.values())):
            p.grad.zero_()
        allocator = Allocator()
        torch.manual_seed(1)
        y = x
        for w in made:
            y = run(y, w, a)
        y.float().square().mean().backward()
        peaks[name], gradients[name] = allocator.peak(), [p.grad.cpu() for w in made for p in w.values()]
        del y, x, made, w, p
    assert n * each <= peaks["none"] <= n * each + each
    assert inputs + 0.8 * each <= peaks["full"] <= inputs + 2 * each
    assert peaks["full"] <= 1.1 * peaks["torch"]
    torch.testing.assert_close(gradients["full"], gradients["none"])
    torch.testing.assert_close(gradients["full"], gradients["torch"])


def test_layers_of_transformers(reference):
    """Twice the layers keep twice as much, and with transformers' own checkpointing each layer keeps its input."""
    transformers = pytest.importorskip("transformers")
    kept = {}
    for layers in (1, 2, 3):
        config = transformers.GPT2Config(vocab_size=11, n_positions=8, n_embd=16, n_layer=layers, n_head=2, attn_implementation="eager", use_cache=False)
        model = transformers.GPT2Model(config).train()
        ids = torch.randint(0, 11, (2, 8))
        kept[layers] = reference.saved_bytes(lambda: model(ids).last_hidden_state, [], model.parameters())  # noqa: B023
        model.gradient_checkpointing_enable({"use_reentrant": False})
        kept[-layers] = reference.saved_bytes(lambda: model(ids).last_hidden_state, [], model.parameters())  # noqa: B023
    assert kept[3] - kept[2] == kept[2] - kept[1] > 0
    assert kept[-3] - kept[-2] == kept[-2] - kept[-1] == 4 * 2 * 8 * 16
