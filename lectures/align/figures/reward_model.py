"""Draws reward_model.svg: where the reward is read, the loss of a pair, and what the training ends at."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "align" / "reward_model" / "solution.py"))
last_token_reward, bt_loss = reference["last_token_reward"], reference["bt_loss"]
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "reward_model", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (rows, loss, end) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1.15, 1, 1], layout="constrained")

mask = torch.tensor([[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 0], [0, 0, 1, 1, 1, 1], [0, 1, 1, 1, 0, 0]])
places = torch.arange(6).float()[None, :, None].expand(4, 6, 1)  # a hidden state that is its own place
last = last_token_reward(places, mask, torch.ones(1)).long().tolist()
for y, row in enumerate(mask.tolist()):
    for x, token in enumerate(row):
        face = BLUE if x == last[y] else "#cfdcec" if token else "white"
        rows.add_patch(plt.Rectangle((x, 3 - y), 0.86, 0.72, facecolor=face, edgecolor=GREY, lw=0.8))
        text = "r" if x == last[y] else "h" if token else "pad"
        rows.text(x + 0.43, 3.36 - y, text, ha="center", va="center", color="white" if x == last[y] else "black" if token else GREY, fontsize=9)
rows.set(xlim=(-0.1, 6), ylim=(-0.15, 4), title="Four rows: read at the last token")
rows.axis("off")

d = torch.linspace(-6, 8, 281, dtype=torch.float64)
zero = torch.zeros_like(d)
for margin, color, style in ((0.0, BLUE, "-"), (1.0, GREEN, "--"), (3.0, RED, ":")):
    loss.plot(d, bt_loss(d, zero, margin), color=color, ls=style, label=f"margin {margin:g}")
loss.axvline(0, color=GREY, lw=0.8)
loss.set(title="The loss of a pair", xlabel="chosen reward - rejected reward", xlim=(-6, 8), ylim=(0, 7))
loss.legend(frameon=False)

true = torch.tensor([-1.6, -0.9, -0.3, 0.2, 0.7, 1.2, 2.1], dtype=torch.float64)
n = len(true)
i, j = (each.flatten() for each in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
preferred = torch.sigmoid(true[i] - true[j])
start = torch.full((n,), 3.0, dtype=torch.float64)
for center, color, shape, label in ((0.0, BLUE, "o", "no centre"), (0.01, GREEN, "s", "centre 0.01")):
    r = start.clone().requires_grad_()
    for _ in range(3000):
        (slope,) = torch.autograd.grad((preferred * bt_loss(r[i], r[j], center_coef=center)).sum() / n, r)
        r = (r - slope).detach().requires_grad_()
    end.plot(true, r.detach(), color=color, marker=shape, ls="none", label=label)
end.plot(true, true, color=GREY, lw=1)
end.plot(true, true + 3.0 - true.mean(), color=GREY, lw=1, ls="--")
end.set(title="After training on all pairs", xlabel="true reward", ylabel="learned reward")
end.legend(frameon=False, loc="upper left")
for axis in (loss, end):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "reward_model.svg", metadata={"Date": None})
