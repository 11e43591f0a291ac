"""Draws gpt1_finetune.svg: tasks as rows of tokens, what each token has seen, and where an answer can be learned."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "gpt" / "gpt1_finetune" / "solution.py"))
GPT1Block, clf_readout, format_task, gpt1_loss, task_logits = (
    reference[name] for name in ("GPT1Block", "clf_readout", "format_task", "gpt1_loss", "task_logits")
)
plt.rcParams.update({"svg.hashsalt": "gpt1_finetune", "svg.fonttype": "none", "font.size": 10})
figure, axes = plt.subplots(1, 3, figsize=(11, 3.9), width_ratios=[1.25, 0.85, 0.95], layout="constrained")
S, DLM, E = -1, -2, -3
LABELS = {S: "s", DLM: "\\$", E: "e"}

# Left: the four kinds, as format_task writes them. The numbers of tokens stand for texts of that length; colours for which text.
axis = axes[0]
a, b, c, d = [10, 11], [20], [30], [31]
tasks = [
    ("a text", format_task("cls", {"text": a}, S, DLM, E)),
    ("premise, hypothesis", format_task("entail", {"premise": a, "hypothesis": b}, S, DLM, E)),
    ("two texts, both orders", format_task("sim", {"a": a, "b": b}, S, DLM, E)),
    ("context, question, two answers", format_task("mcq", {"context": a, "question": b, "answers": [c, d]}, S, DLM, E)),
]
colors = {1: "#9ecae1", 2: "#fdd0a2", 3: "#c7e9c0"}
y = 0.0
for title, sequences in tasks:
    axis.text(0, y, title, ha="left", va="center", fontsize=9)
    for sequence in sequences:
        y -= 0.9
        for x, token in enumerate(sequence):
            face = "#cb181d" if token == E else "0.85" if token < 0 else colors[token // 10]
            axis.add_patch(plt.Rectangle((x, y - 0.36), 0.94, 0.72, facecolor=face, edgecolor="0.5", lw=0.7))
            if token < 0:
                axis.text(x + 0.47, y, LABELS[token], ha="center", va="center", fontsize=9, color="white" if token == E else "black")
    y -= 1.0
axis.set(title="A task as rows of tokens", xlim=(-0.2, 7.4), ylim=(y + 0.4, 0.6))
axis.axis("off")

# Middle: what the result of a block depends on, measured by gradients.
axis = axes[1]
torch.manual_seed(0)
block, x = GPT1Block(12, 2).double(), torch.randn(1, 6, 12, dtype=torch.float64, requires_grad=True)
out = block(x)
seen = torch.stack([torch.autograd.grad(out[0, t].square().sum() * out[0, t, 0], x, retain_graph=True)[0][0].abs().sum(-1) for t in range(6)]) > 0
picture = seen.int() + (seen & (torch.arange(6) == 5)[:, None]).int()
axis.imshow(picture, cmap=matplotlib.colors.ListedColormap(["white", "0.75", "#cb181d"]), vmin=-0.5, vmax=2.5)
names = ["s", "a", "a", "\\$", "b", "e"]
axis.set(title="Which tokens have seen which", xlabel="token that is seen", ylabel="token")
axis.set_xticks(range(6), names)
axis.set_yticks(range(6), names)
axis.set_xticks([i - 0.5 for i in range(1, 6)], minor=True)
axis.set_yticks([i - 0.5 for i in range(1, 6)], minor=True)
axis.grid(which="minor", color="0.9", lw=0.8)
axis.tick_params(which="both", length=0)

# Right: more ones than zeros? Read at the first token, and at the end token.
axis = axes[2]
C = 12
for place, color, style in (("end token", "#cb181d", "-"), ("first token", "0.4", "--")):
    torch.manual_seed(0)
    block = GPT1Block(C, 2)
    we, wp, w, bias = (torch.nn.Parameter(0.3 * torch.randn(*shape)) for shape in ((5, C), (7, C), (2, C), (2,)))
    params = [we, wp, w, bias, *block.parameters()]
    history = []
    for step in range(51):
        texts = torch.randint(0, 2, (256, 5))
        labels = (texts.sum(1) > 2).long()
        ids = torch.tensor([format_task("cls", {"text": text}, 2, 3, 4)[0] for text in texts.tolist()])
        h = block(we[ids] + wp)
        reads = h[:, 0] if place == "first token" else clf_readout(h, ids, 4)
        scores = task_logits("cls", reads[:, None], w, bias)
        loss = gpt1_loss(h @ we.T, ids, torch.ones_like(ids, dtype=torch.bool), scores, labels)
        history.append((scores.argmax(1) == labels).float().mean().item())
        with torch.no_grad():
            for p, g in zip(params, torch.autograd.grad(loss, params), strict=True):
                p -= 0.03 * (1 - step / 51) * g / (g.square().mean().sqrt() + 1e-8)
    axis.plot(history, style, color=color, label=f"read at the {place}")
axis.set(title="Right answers in training", xlabel="step", ylim=(0, 1.05), xlim=(0, 50))
axis.legend(loc="lower right", frameon=False)
figure.savefig(HERE / "gpt1_finetune.svg", metadata={"Date": None})
