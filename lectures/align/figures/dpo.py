"""Draws dpo.svg: where DPO ends, how it gets there, and the three losses."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "align" / "dpo" / "solution.py"))
dpo_loss, optimal_policy = reference["dpo_loss"], reference["optimal_policy"]
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "dpo", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (bars, way, losses) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1.2, 1, 1], layout="constrained")

ref = torch.tensor([0.30, 0.25, 0.15, 0.12, 0.09, 0.06, 0.03], dtype=torch.float64)
reward = torch.tensor([0.0, 0.5, -1.0, 1.0, 0.2, 1.5, 2.0], dtype=torch.float64)
beta, n = 0.7, len(ref)
i, j = (each.flatten() for each in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
preferred = torch.sigmoid(reward[i] - reward[j])
best = optimal_policy(ref, reward, beta)
logits = ref.log().clone().requires_grad_()
optimizer = torch.optim.Adam([logits], lr=0.05)
seen = []
for _ in range(250):
    logp = logits.log_softmax(0)
    policy = logp.detach().exp()
    seen.append(((policy * reward).sum().item(), (policy * (policy / ref).log()).sum().item()))
    loss = (preferred * dpo_loss(logp[i], logp[j], ref.log()[i], ref.log()[j], beta)[0]).mean()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
trained = logits.detach().softmax(0)

place = torch.arange(n)
for shift, values, color, label in ((-0.27, ref, GREY, "reference"), (0.0, trained, BLUE, "after DPO"), (0.27, best, GREEN, "best policy")):
    bars.bar(place + shift, values, width=0.25, color=color, label=label)
bars.set_xticks(place, [f"{each:g}" for each in reward.tolist()])
bars.set(title=f"Seven answers to one prompt, β = {beta:g}", xlabel="true reward of the answer", ylabel="probability")
bars.legend(frameon=False, loc="upper left")
bars.set_ylim(0, 0.42)

steps = range(len(seen))
rewards, divergences = zip(*seen, strict=True)
way.plot(steps, rewards, color=BLUE)
way.plot(steps, divergences, color=RED, ls="--")
way.axhline((best * reward).sum().item(), color=BLUE, lw=1, ls=":")
way.axhline((best * (best / ref).log()).sum().item(), color=RED, lw=1, ls=":")
way.text(130, (best * reward).sum().item() - 0.11, "mean reward", color=BLUE)
way.text(110, (best * (best / ref).log()).sum().item() - 0.11, "KL from the reference", color=RED)
way.set(title="On the way (dotted: best policy)", xlabel="step", xlim=(0, 250), ylim=(0, None))

h = torch.linspace(-8, 12, 201, dtype=torch.float64)
zero = torch.zeros_like(h)
for kind, color, style in (("sigmoid", BLUE, "-"), ("hinge", GREEN, "--"), ("ipo", RED, ":")):
    values = dpo_loss(h, zero, zero, zero, 0.25, 0.0, kind)[0]
    losses.plot(h, values / (4 if kind == "ipo" else 1), color=color, ls=style, label="ipo, a quarter of it" if kind == "ipo" else kind)
smoothed = dpo_loss(h, zero, zero, zero, 0.25, 0.1)[0]
losses.plot(h, smoothed, color=GREY, ls="-.", label="sigmoid, ε = 0.1")
losses.set(title="A pair's loss, β = 0.25", xlabel="margin h", ylim=(0, 4.4), xlim=(-8, 12))
losses.legend(framealpha=1, edgecolor="none", loc="upper right", fontsize=9)
for axis in (bars, way, losses):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "dpo.svg", metadata={"Date": None})
