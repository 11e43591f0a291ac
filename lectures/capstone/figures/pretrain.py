"""Draws pretrain.svg: what the reference learns, when, and where it looks then."""

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

solution = HERE.parents[2] / "solutions" / "capstone" / "pretrain" / "solution.py"
reference = runpy.run_path(str(solution))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "pretrain", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
VOCAB, TRAIN = 16, 2500


def texts(seed, lag=None):
    rng = Rng(seed)
    language = Language.drawn(rng, VOCAB, lag)
    return language, torch.tensor(language.text(rng, TRAIN)), torch.tensor(language.text(rng, 600))


def excess(model, language, held_out):
    """The mean loss on pieces of the held-out text, above the language's own."""
    pieces = held_out.unfold(0, 17, 8)
    with torch.no_grad():
        logp = model(pieces[:, :-1]).log_softmax(-1).gather(-1, pieces[:, 1:, None])[..., 0]
    own = [-language.loss(piece.tolist(), 8) for piece in pieces]
    return (torch.tensor(own).mean() - logp[:, 7:].mean()).item()


def curve(ref, seed):
    """The excess loss along one training: the loop of the reference is watched at each of its steps."""
    language, ids, held_out = texts(seed, lag=3)
    seen = []

    class Watched(ref["AdamW"]):
        def step(self, lr):
            super().step(lr)
            if self.t % 4 == 0:
                seen.append((self.t, excess(models[-1], language, held_out)))

    models, build, scope = [], ref["build_model"], ref["pretrain"].__globals__
    scope["AdamW"] = Watched
    scope["build_model"] = lambda vocab, seed: models.append(build(vocab, seed)) or models[-1]
    trained = ref["pretrain"](ids, VOCAB, 150, 1)
    scope["build_model"], scope["AdamW"] = build, ref["AdamW"]
    return trained, models, seen, held_out


def attention(model, held_out):
    """How much each place back gets of the attention of the last token, in the mean over pieces: (heads, places)."""
    pieces = held_out.unfold(0, 16, 8)
    block = model.blocks[0]
    with torch.no_grad():
        normed = reference["rms_norm"](model.embed(pieces), block.norm1)
        q, k, _ = (y.unflatten(-1, (block.H, -1)).transpose(1, 2) for y in block.qkv(normed).chunk(3, dim=-1))
        scores = reference["rope"](q) @ reference["rope"](k).mT * q.shape[-1] ** -0.5
    return scores[:, :, -1].softmax(-1).mean(0).flip(-1)


figure, (left, middle, right) = plt.subplots(1, 3, figsize=(11.4, 3.6), width_ratios=[1.3, 1, 1], layout="constrained")

for seed, alpha in ((11, 1.0), (12, 0.6), (13, 0.35)):
    trained, _, seen, held_out = curve(reference, seed)
    if seed == 11:
        first, text = trained, held_out
    left.plot(*zip(*seen, strict=True), color=BLUE, alpha=alpha, label="three languages, lag 3" if seed == 11 else None)
blind = runpy.run_path(str(solution))
blind["pretrain"].__globals__["rope"] = lambda x, base=100.0: x
_, _, seen, _ = curve(blind, 11)
left.plot(*zip(*seen, strict=True), color=RED, label="without positions")
left.axhline(0, color=GREY, lw=0.8)
left.set(xlabel="step", ylabel="excess loss on held-out text (nats)", ylim=(-0.1, 2.6), title="When it learns")
left.legend(frameon=False, fontsize=9, loc="center right")

before, after = attention(reference["build_model"](VOCAB, 1), text), attention(first, text)
head = int(after[:, 2].argmax())
places = torch.arange(1, 8)
middle.bar(places - 0.2, before[head, :7].tolist(), 0.4, color=GREY, label="before")
middle.bar(places + 0.2, after[head, :7].tolist(), 0.4, color=BLUE, label="after 150 steps")
middle.set(xlabel="token so many places before the next one", ylabel="attention of one head", title="Where it looks (lag 3)")
middle.legend(frameon=False, fontsize=9)

found = []
for seed in range(12):
    language, ids, held_out = texts(100 + seed)
    found.append((language.lag, excess(reference["pretrain"](ids, VOCAB, 150, seed), language, held_out)))
for place, (lag, value) in enumerate(sorted(found)):
    right.plot(place, value, "o", color={2: GREEN, 3: BLUE, 4: RED}[lag])
for lag, colour in ((2, GREEN), (3, BLUE), (4, RED)):
    right.plot([], [], "o", color=colour, label=f"lag {lag}")
for bound, says in ((1.0, "2 points"), (0.5, "2 more")):
    right.axhline(bound, color=GREY, ls="--", lw=1)
    right.text(11.4, bound + 0.02, says, ha="right", va="bottom", color="#555555", fontsize=9)
right.set(xlabel="12 languages", ylabel="excess loss (nats)", ylim=(0, 1.3), xticks=[], title="What the exam sees")
right.legend(frameon=False, fontsize=9, loc="upper left", ncols=3, handletextpad=0.1, columnspacing=0.8)

figure.savefig(HERE / "pretrain.svg", metadata={"Date": None})
if len(sys.argv) > 1:
    figure.savefig(sys.argv[1], dpi=110)
