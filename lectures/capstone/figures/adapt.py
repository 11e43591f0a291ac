"""Draws adapt.svg: which singular values the change has, what preferences cost, and what a large row does to eight bits."""

import runpy
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))
from autograder.checks.rng import Rng  # noqa: E402
from autograder.lab.exam import Language  # noqa: E402
from autograder.lab.solved import solved  # noqa: E402

solution = HERE.parents[2] / "solutions" / "capstone" / "adapt" / "solution.py"
reference = runpy.run_path(str(solution))
scope = reference["adapt"].__globals__
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "adapt", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
VOCAB, LAG = 12, 3


def languages(seed, pairs=3):
    rng = Rng(seed)
    old = Language.drawn(rng, VOCAB, LAG)
    sigma, tokens = list(old.sigma), rng.sample(range(VOCAB), 2 * pairs)
    for a, b in zip(tokens[::2], tokens[1::2], strict=True):
        sigma[a], sigma[b] = sigma[b], sigma[a]
    return rng, old, Language(sigma, LAG)


def excess(model, language, text):
    pieces = torch.tensor(text).unfold(0, 17, 1)
    with torch.no_grad():
        logp = model(pieces[:, :-1])[:, -1].log_softmax(-1).gather(-1, pieces[:, -1:])
    return -logp.mean().item() - language.loss(text, 16)


figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11.4, 3.6), layout="constrained")

# --- rank ------------------------------------------------------------------------------------------------------------

lora = reference["LoRA"]
for rank, colour in ((1, RED), (2, GREY), (3, GREEN), (4, BLUE)):
    seen = []
    for steps in (0, 10, 20, 40, 60, 80, 100, 150):
        rng, old, new = languages(3)
        text, held_out = torch.tensor(new.text(rng, 1500)), new.text(rng, 500)
        scope["LoRA"] = lambda layer, r, gen, rank=rank: lora(layer, rank, gen)
        seen.append((steps, excess(reference["adapt"](solved(old.sigma, LAG, 3), text, steps, 0), new, held_out)))
    left.plot(*zip(*seen, strict=True), color=colour, marker=".", label=f"rank {rank}")
scope["LoRA"] = lora
left.axhline(0, color=GREY, lw=0.8)
left.set(xlabel="step", ylabel="excess loss in the new language (nats)", title="Three pairs exchanged")
left.legend(frameon=False, fontsize=9)

# --- preferences -----------------------------------------------------------------------------------------------------


def tastes(rng, language, good, number, length=14, prompt=8):
    found = [], [], []
    for _ in range(number):
        text, place = language.text(rng, length), rng.integer(prompt, length)
        found[0].append(text[:prompt])
        for which, tokens in ((1, good), (2, [t for t in range(VOCAB) if t not in good])):
            changed = list(text)
            changed[place] = rng.choice([t for t in tokens if t != language.sigma[text[place - LAG]]])
            for later in range(place + LAG, length, LAG):
                changed[later] = language.sigma[changed[later - LAG]]
            found[which].append(changed[prompt:])
    return [torch.tensor(each) for each in found]


def margin(policy, model, prompts, liked, disliked):
    def logp(which, answers):
        with torch.no_grad():
            logits = which(torch.cat([prompts, answers], 1))[:, prompts.shape[1] - 1 : -1]
        return logits.log_softmax(-1).gather(-1, answers[..., None]).sum((1, 2))

    h = logp(policy, liked) - logp(policy, disliked) - logp(model, liked) + logp(model, disliked)
    return h.mean().item()


adam = reference["Adam"]
rng, old, _ = languages(5)
base, good = solved(old.sigma, LAG, 5), [0, 2, 4, 6, 8, 10]
train, new_pairs, held_out = tastes(rng, old, good, 64), tastes(rng, old, good, 100), old.text(rng, 600)
for factor, colour, says in ((1, BLUE, "rate 0.0007"), (3, GREEN, "three times as large"), (8, RED, "eight times as large")):

    class Faster(adam):
        def step(self, loss, lr, factor=factor):
            super().step(loss, factor * lr)

    scope["Adam"] = Faster
    seen = []
    for steps in (0, 10, 20, 40, 60, 80, 110):
        policy = reference["prefer"](base, *train, 0.5, steps)
        seen.append((margin(policy, base, *new_pairs), excess(policy, old, held_out)))
    middle.plot(*zip(*seen, strict=True), color=colour, marker=".", label=says)
scope["Adam"] = adam
middle.axhline(0.25, color=GREY, ls="--", lw=1)
middle.axvline(1.0, color=GREY, ls="--", lw=1)
middle.text(14, 0.26, "no more than this", ha="right", va="bottom", color="#555555", fontsize=9)
middle.set(xlabel="mean margin h on new pairs (nats)", ylabel="excess loss in the old language", title="What a preference costs")
middle.set(xlim=(-0.3, 14.5), ylim=(-0.03, 1.0))
middle.legend(frameon=False, fontsize=9, loc="upper left")

# --- eight bits ------------------------------------------------------------------------------------------------------


def whole(model):
    """One scale for each matrix."""
    return {n: torch.round(p / p.abs().max() * 127) * p.abs().max() / 127 for n, p in model.state_dict().items()}


sizes = [1, 3, 10, 30, 100, 300, 1000]
for says, colour, pack in (
    ("one scale for each matrix", RED, whole),
    ("one scale for each row", BLUE, lambda model: reference["dequantize"](reference["quantize"](model))),
):
    seen = []
    for size in sizes:
        model = solved(old.sigma, LAG, 5, outlier=float(size))
        model.load_state_dict(pack(model))
        seen.append(excess(model, old, held_out))
    right.plot(sizes, seen, color=colour, marker=".", label=says)
right.set(xscale="log", xlabel="one row is so many times as large", ylabel="excess loss (nats)", title="Eight bits")
right.set_ylim(-0.1, 3.4)
right.set_xticks([1, 10, 100, 1000], ["1", "10", "100", "1000"])
right.legend(frameon=False, fontsize=9, loc="upper left")

figure.savefig(HERE / "adapt.svg", metadata={"Date": None})
if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=110)
