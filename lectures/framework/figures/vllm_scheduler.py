"""Draws vllm_scheduler.svg: a time table of six requests under the reference, and the blocks in use."""

import importlib.util
import sys
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
path = HERE.parents[2] / "solutions" / "framework" / "vllm_scheduler" / "solution.py"
spec = importlib.util.spec_from_file_location("vllm_scheduler_reference", path)
reference = importlib.util.module_from_spec(spec)
sys.modules[spec.name] = reference
spec.loader.exec_module(reference)
plt.rcParams.update({"svg.hashsalt": "vllm_scheduler", "svg.fonttype": "none", "font.size": 10})
N_BLOCKS, MAX_TOKENS = 12, 6
requests = [(0, 4, 8, 0), (1, 11, 5, 1), (2, 3, 9, 2), (3, 5, 6, 4), (4, 2, 4, 6), (5, 7, 3, 8)]
scheduler = reference.Scheduler(MAX_TOKENS, 4, N_BLOCKS, 2, prefix_cache=False)
known, sampled, done, used, cells, marks = {}, {}, set(), [], [], []
step = 0
while len(done) < len(requests):
    for i, prompt, new, arrival in requests:
        if arrival == step:
            known[i] = [10 * i + j for j in range(prompt)]
            scheduler.add(reference.Req(i, list(known[i]), new, arrival))
    out = scheduler.step(sampled)
    done |= set(out.finished)
    cells += [(step, i, n, "prompt" if len(known[i]) == requests[i][1] else "again") for i, _, n in out.prefill]
    cells += [(step, i, 1, "one token") for i in out.decode]
    busy = {i for i, _, _ in out.prefill} | set(out.decode)
    cells += [(step, i, 0, "waits") for i in known if i not in done and i not in busy]
    marks += [(step, i) for i in out.preempted]
    used.append(N_BLOCKS - scheduler.n_free)
    work = out.prefill + [(i, len(known[i]) - 1, 1) for i in out.decode]
    sampled = {i: 7 for i, start, n in work if start + n == len(known[i])}
    for i in sampled:
        known[i].append(7)
    step += 1
assert marks, "the example should preempt somebody"

figure, (table, line) = plt.subplots(2, 1, figsize=(9.6, 4.4), height_ratios=[2.4, 1], sharex=True, layout="constrained")
colors = {"prompt": "#4878a8", "one token": "#c46a2f", "again": "#7d5a9b", "waits": "#eeeeee"}
for x, i, n, kind in cells:
    table.add_patch(plt.Rectangle((x - 0.46, i - 0.4), 0.92, 0.8, color=colors[kind], lw=0))
    if n:
        table.text(x, i, str(n), ha="center", va="center", color="white", fontweight="bold", fontsize=9)
for x, i in marks:
    table.text(x, i, "out", ha="center", va="center", color="#a02020", fontweight="bold", fontsize=9)
table.set(ylim=(len(requests) - 0.5, -0.5), title=f"Tokens computed in each step, {MAX_TOKENS} at most; 'out': preempted")
table.set_yticks(range(len(requests)), [f"request {i}" for i in range(len(requests))])
table.tick_params(length=0)
table.spines[:].set_visible(False)
names = {"prompt": "prompt, in chunks", "one token": "one token", "again": "known tokens again", "waits": "waits"}
handles = [plt.Rectangle((0, 0), 1, 1, color=color, lw=0) for color in colors.values()]
table.legend(handles, list(names.values()), loc="upper right", frameon=False, fontsize=9)
line.bar(range(step), used, 0.92, color="#bbbbbb")
line.axhline(N_BLOCKS, color="black", lw=1, ls=":")
line.set(xlabel="step", ylabel="blocks in use", xlim=(-0.6, step - 0.4), ylim=(0, N_BLOCKS + 1), yticks=[0, 6, 12])
line.set_xticks(range(step))
line.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "vllm_scheduler.svg", metadata={"Date": None})
