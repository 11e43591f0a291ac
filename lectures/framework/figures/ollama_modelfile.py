"""Draws ollama_modelfile.svg: how far the value of a command goes, line by line, as the reference reads it."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "framework" / "ollama_modelfile" / "solution.py"))
plt.rcParams.update({"svg.hashsalt": "ollama_modelfile", "svg.fonttype": "none", "font.size": 10})
text = 'FROM llama3\nSYSTEM """You say "Hi".\n# no comment\n"""\nPARAMETER stop "User: "\nMESSAGE user Go on'
lines = text.split("\n")
commands = reference["parse_modelfile"](text)
ends, at = [], 0  # the line behind each command: the shortest text that parses to so many commands
for n in range(1, len(lines) + 1):
    try:
        read = reference["parse_modelfile"]("\n".join(lines[:n]))
    except reference["ModelfileError"]:
        continue
    if len(read) > len(ends):
        ends.append(n)
figure, axis = plt.subplots(figsize=(9.6, 3.0), layout="constrained")
begin = 0
for k, (command, end) in enumerate(zip(commands, ends, strict=True)):
    color = plt.cm.tab10(k)
    axis.add_patch(plt.Rectangle((0, begin + 0.06), 4.4, end - begin - 0.12, color=color, alpha=0.2, lw=0))
    axis.add_patch(plt.Rectangle((5.4, begin + 0.06), 4.4, end - begin - 0.12, color=color, alpha=0.2, lw=0))
    axis.annotate("", (5.35, (begin + end) / 2), (4.45, (begin + end) / 2), arrowprops={"arrowstyle": "->", "color": "0.4"})
    axis.text(5.5, (begin + end) / 2, f"{command.name} = {command.args!r}", va="center", family="monospace", fontsize=9)
    for y in range(begin, end):
        axis.text(0.1, y + 0.5, lines[y], va="center", family="monospace", fontsize=9)
    begin = end
axis.text(2.2, -0.35, "lines of the Modelfile", ha="center")
axis.text(7.6, -0.35, "commands", ha="center")
axis.set(xlim=(-0.05, 9.85), ylim=(len(lines) + 0.1, -0.7))
axis.axis("off")
figure.savefig(HERE / "ollama_modelfile.svg", metadata={"Date": None})
