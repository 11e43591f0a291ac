"""Draws ollama_server.svg: what a stream sends and holds back, token by token; which models stay in memory."""

import io
import json
import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch
from matplotlib.patches import FancyBboxPatch

HERE = Path(__file__).resolve().parent
App = runpy.run_path(str(HERE.parents[2] / "solutions" / "framework" / "ollama_server" / "solution.py"))["App"]
plt.rcParams.update({"svg.hashsalt": "ollama_server", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREEN, PALE, GREY = "#1f5fa8", "#c0392b", "#2e7d4f", "#dfe7f1", "#888888"

PIECES = [b"H", b"i ", b"\xc3", b"\xa9", b"Us", b"e ", b"Us", b"er:"]
SHOWN = ["H", "i_", "C3", "A9", "Us", "e_", "Us", "er:"]


class Script:
    eos = len(PIECES)

    def encode(self, text):
        return [100]

    def piece(self, token):
        return PIECES[token]

    def logits(self, tokens):
        logits = torch.zeros(len(PIECES) + 1, dtype=torch.float64)
        logits[len(tokens) - 1] = 9.0
        return logits


def post(app, **body):
    data = json.dumps(body).encode()
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/api/generate", "CONTENT_LENGTH": str(len(data)), "wsgi.input": io.BytesIO(data)}
    return [json.loads(line) for line in app(environ, lambda *_: None)]


def names(app):
    (line,) = app({"REQUEST_METHOD": "GET", "PATH_INFO": "/api/ps"}, lambda *_: None)
    return [each["name"] for each in json.loads(line)["models"]]


# What was sent after n tokens: the lines of an answer of n tokens, but for what its end made free.
app = App({"script": Script})
sent = []
for n in range(1, len(PIECES) + 1):
    lines = post(app, model="script", prompt="x", options={"temperature": 0, "stop": ["User:"], "num_predict": n + 1 if n < len(PIECES) else n})
    texts = [line["response"] for line in lines[:-1]]
    sent.append(texts)
full = [text for text in sent[-1]]

figure, (stream, memory) = plt.subplots(2, 1, figsize=(9.6, 5.2), height_ratios=[1.25, 1], layout="constrained")
rows = {"token": 2.0, "sent": 1.0, "held back": 0.0}
held = ["", "", "half of é", "", "Us", "", "Us", "ends: User:"]
out = ["H", "i_", "", "é", "", "Use_", "", ""]
assert "".join(full).replace(" ", "_") == "".join(out)
for label, y in rows.items():
    stream.text(-0.75, y, label, ha="right", va="center", color=GREY)
for x, (token, text, back) in enumerate(zip(SHOWN, out, held, strict=True)):
    stream.add_patch(FancyBboxPatch((x - 0.38, 1.72), 0.76, 0.56, boxstyle="round,pad=0.02", fc=PALE, ec=BLUE))
    stream.text(x, 2.0, token, ha="center", va="center", family="monospace")
    if text:
        stream.text(x, 1.0, text, ha="center", va="center", color=GREEN, family="monospace", fontsize=12)
    if back:
        stream.text(x, 0.0, back, ha="center", va="center", color=RED, family="monospace", fontsize=9)
stream.set(xlim=(-1.7, 7.8), ylim=(-0.5, 2.6), title="A stream with the stop string “User:” (_ is a space)")
stream.axis("off")

room = App({name: Script for name in "ABC"}, max_loaded=2)
asked = ["A", "B", "A", "C", "B"]
for x, name in enumerate(asked):
    before = names(room)
    list(post(room, model=name, prompt=""))
    after = names(room)
    memory.text(x * 1.5, 2.55, f"asks for {name}", ha="center", color=BLUE)
    for place, loaded in enumerate(after):
        new = loaded not in before
        memory.add_patch(FancyBboxPatch((x * 1.5 - 0.42, 1.45 - place * 0.8), 0.84, 0.56, boxstyle="round,pad=0.02", fc=PALE if not new else "#d9ecdf", ec=GREEN if new else BLUE))
        memory.text(x * 1.5, 1.73 - place * 0.8, f"{loaded} (loaded)" if new else loaded, ha="center", va="center", fontsize=9)
    gone = [each for each in before if each not in after]
    if gone:
        memory.text(x * 1.5, -0.05, f"{gone[0]} is forgotten", ha="center", va="center", color=RED, fontsize=9)
memory.text(-0.75, 1.73, "asked for last", ha="right", va="center", color=GREY)
memory.text(-0.75, 0.93, "before that", ha="right", va="center", color=GREY)
memory.set(xlim=(-2.2, 6.8), ylim=(-0.4, 2.9), title="Room for two models")
memory.axis("off")
figure.savefig(HERE / "ollama_server.svg", metadata={"Date": None})
