"""Draws llama2_gqa_chat.svg: the places of a cache in four calls, the loss for four margins, and a dialogue of Ghost Attention."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "llama" / "llama2_gqa_chat" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "llama2_gqa_chat", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), width_ratios=[1.05, 0.9, 1.25], layout="constrained")

# Left: eight places, four calls. What is new is dark; what is in use is light; the rest is white.
axis = axes[0]
cache = reference["KVCache"](1, 1, 8, 1)
calls = [("a prompt", 0, 3), ("one token", 3, 1), ("three guesses", 4, 3), ("two were wrong", 5, 1)]
for row, (title, start, t) in enumerate(calls):
    cache.update(torch.ones(1, 1, t, 1), torch.ones(1, 1, t, 1), torch.arange(start, start + t))
    y = -1.5 * row
    for place in range(8):
        new, used = start <= place < start + t, place < len(cache)
        color = "C0" if new else "#c6dbef" if used else "white"
        axis.add_patch(plt.Rectangle((place, y), 0.94, 0.8, facecolor=color, edgecolor="0.5", lw=0.8))
        label = str(place)
        axis.text(place + 0.47, y + 0.4, label, ha="center", va="center", fontsize=9, color="white" if new else "0.3")
    axis.text(0, y + 1.08, f"{title}: len = {len(cache)}", ha="left", va="center", fontsize=9)
axis.text(4, -5.1, "dark: written now   light: in use", ha="center", va="center", fontsize=9, color="0.3")
axis.set(title="Places of a cache", xlim=(-0.2, 8.2), ylim=(-5.5, 1.5))
axis.axis("off")

# Middle: the loss of one pair.
axis = axes[1]
difference = torch.linspace(-3, 6, 181)
for margin in range(4):
    losses = [reference["rm_margin_loss"](d[None], torch.zeros(1), torch.full((1,), float(margin))) for d in difference]
    axis.plot(difference, losses, color=f"C{margin}", label=f"margin {margin}")
    axis.plot(margin, torch.tensor(2.0).log(), "o", color=f"C{margin}", ms=5)
axis.set(title="Loss of one pair", xlabel="chosen score - rejected score", xlim=(-3, 6), ylim=(0, 4.2))
axis.legend(loc="upper right", frameon=False)

# Right: three turns, as the model is asked and as it is trained.
axis = axes[2]
dialog = [{"role": role, "content": f"{name}{i}"} for i in (1, 2, 3) for role, name in (("user", "q"), ("assistant", "a"))]
asked = reference["ghost_prompts"](dialog[:-1], "I")
trained, counts = reference["ghost_attention"](dialog, "I")
for x, title, messages, counted in ((0, "asked", asked, [False] * 5), (4.4, "trained", trained, counts)):
    axis.text(x + 1.8, 0.7, title, ha="center", va="center", fontsize=10)
    for i, (message, counts_here) in enumerate(zip(messages, counted, strict=True)):
        y, user = -i * 1.05, message["role"] == "user"
        left, width = (x, 2.7) if user else (x + 0.9, 2.7)
        *instruction, text = message["content"].split("\n")
        face = "#a1d99b" if counts_here else "0.92"
        axis.add_patch(plt.Rectangle((left, y - 0.4), width, 0.8, facecolor=face, edgecolor="0.6", lw=0.8))
        if instruction:
            axis.add_patch(plt.Rectangle((left, y - 0.4), 1.5, 0.8, facecolor="#cb181d", edgecolor="0.6", lw=0.8))
            axis.text(left + 0.75, y, "instruction", ha="center", va="center", fontsize=8, color="white")
        at = left + 2.1 if instruction else left + width / 2
        axis.text(at, y, text, ha="center", va="center", fontsize=9)
    if len(messages) == 5:
        axis.text(x + 0.9 + 1.35, -5 * 1.05, "a3 is made", ha="center", va="center", fontsize=9, color="0.3")
axis.text(4.0, -6.1, "green: counts in the loss", ha="center", va="center", fontsize=9, color="0.3")
axis.set(title="Ghost Attention", xlim=(-0.2, 8.3), ylim=(-6.5, 1.2))
axis.axis("off")
figure.savefig(HERE / "llama2_gqa_chat.svg", metadata={"Date": None})
