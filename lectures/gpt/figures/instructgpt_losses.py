"""Draws instructgpt_losses.svg: the comparisons of one prompt, what a comparison costs, and the price of leaving the supervised model."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
from matplotlib.patches import Arc

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "gpt" / "instructgpt_losses" / "solution.py"))
rm_ranking_loss, ppo_ptx_objective = reference["rm_ranking_loss"], reference["ppo_ptx_objective"]
plt.rcParams.update({"svg.hashsalt": "instructgpt_losses", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, PALE = "#1f5fa8", "#c0392b", "#999999", "#d7dde5"
figure, (pairs, cost, price) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1.15, 1, 1], layout="constrained")

# Left: four responses of one prompt, B and C tie; each arc is a comparison, and its cost is asked of the reference alone.
names, ranks, rewards = "ABCD", [1, 2, 2, 3], torch.tensor([1.5, 0.2, 1.0, -0.5])
for x, (name, rank, reward) in enumerate(zip(names, ranks, rewards.tolist(), strict=True)):
    pairs.text(x, 0, name, ha="center", va="center", bbox={"boxstyle": "round", "fc": PALE, "ec": GREY})
    pairs.text(x, -0.38, str(rank), ha="center", va="center")
    pairs.text(x, -0.68, f"{reward:g}", ha="center", va="center", color=BLUE)
for i in range(4):
    for j in range(i + 1, 4):
        tie, width = ranks[i] == ranks[j], j - i
        height = 0.62 * width
        color = GREY if tie else BLUE
        pairs.add_patch(Arc(((i + j) / 2, 0.18), width, 2 * height, theta1=0, theta2=180, color=color, lw=1.4, ls=":" if tie else "-"))
        loss = rm_ranking_loss(rewards[[i, j]][None]).item()
        label = "tie" if tie else f"{loss:.2f}"
        pairs.text((i + j) / 2, 0.18 + height, label, ha="center", va="center", color=color, fontsize=9, bbox={"fc": "white", "ec": "none", "pad": 1})
pairs.text(-0.55, -0.38, "rank", ha="right", va="center")
pairs.text(-0.55, -0.68, "reward", ha="right", va="center", color=BLUE)
mean = rm_ranking_loss(rewards[None], torch.tensor([ranks])).item()
pairs.text(1.2, -1.05, f"mean of the five: {mean:.2f}", ha="center", color=BLUE)
pairs.set(xlim=(-1.5, 3.4), ylim=(-1.2, 2.35), title="One prompt, four responses")
pairs.axis("off")

# Middle: what one comparison costs, and how hard it pulls.
gaps = torch.linspace(-6, 6, 121, dtype=torch.float64)
zeros = torch.zeros_like(gaps)
values, slopes = [], []
for gap in gaps:
    pair = torch.stack([gap, zeros[0]])[None].requires_grad_()
    loss = rm_ranking_loss(pair)
    values.append(loss.item())
    slopes.append(-torch.autograd.grad(loss, pair)[0][0, 0].item())
cost.plot(gaps, values, color=BLUE, label="cost")
cost.plot(gaps, slopes, color=RED, ls="--", label="pull on both rewards")
cost.axvline(0, color="0.8", lw=1, zorder=0)
cost.set(title="What one comparison costs", xlabel="reward of the better - of the worse", ylim=(0, 6.2), xlim=(-6, 6))
cost.legend(loc="upper right", frameon=False)

# Right: policies between the supervised model and the best answer alone, π ∝ π_SFT · exp(t r), all answers in their proportions.
r, sft = torch.tensor([2.0, 1.0, 0.0, -1.0]), torch.tensor([0.05, 0.15, 0.4, 0.4])
steps = torch.linspace(0, 5, 60)
policies = [torch.softmax(sft.log() + t * r, 0) for t in steps]
none = torch.zeros(1)


def expected(policy, beta):
    """The mean over all answers: each one alone, weighted by how probable it is."""
    each = [ppo_ptx_objective(r[[y]], policy.log()[[y]], sft.log()[[y]], none, beta).item() for y in range(4)]
    return sum(p * value for p, value in zip(policy.tolist(), each, strict=True))


kl = [(expected(policy, 0.0) - expected(policy, 1.0)) for policy in policies]
for beta, color in ((0.0, GREY), (0.3, BLUE), (1.0, RED)):
    values = [expected(policy, beta) for policy in policies]
    best = max(range(len(values)), key=values.__getitem__)
    price.plot(kl, values, color=color)
    price.text(kl[-1] + 0.08, values[-1], f"β = {beta:g}", color=color, va="center")
    if beta:
        price.plot(kl[best], values[best], "o", color=color)
price.set(title="The objective (γ = 0)", xlabel="KL from the supervised model (nats)", ylim=(-1.1, 2.2), xlim=(0, 3.7), xticks=[0, 1, 2, 3])
for axis in (cost, price):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "instructgpt_losses.svg", metadata={"Date": None})
