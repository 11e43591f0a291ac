"""Draws tensors_autograd.svg: one list seen as two tables, two shapes that meet, and a computation with its gradients."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "warmup" / "tensors_autograd" / "solution.py"))
View, Value = reference["View"], reference["Value"]
plt.rcParams.update({"svg.hashsalt": "tensors_autograd", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, PALE, WHITE = "#1f5fa8", "#c0392b", "#999999", "#d7dde5", "white"
figure, (views, shapes, graph) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1, 1, 1.15], layout="constrained")


def cells(axis, table, left, top, fill=PALE, color="black", size=0.8):
    """Draw the numbers of a two-dimensional View."""
    for i in range(table.shape[0]):
        for j in range(table.shape[1]):
            x, y = left + j * size, top - i * size
            face = fill(i, j) if callable(fill) else fill
            axis.add_patch(plt.Rectangle((x, y - size), size, size, fc=face, ec=GREY, lw=0.8))
            axis.text(x + size / 2, y - size / 2, f"{table[i, j]:g}", ha="center", va="center", color=color)


# Left: the storage, and two Views of it.
storage = [float(x) for x in range(1, 7)]
table = View(storage, (2, 3))
turned = table.transpose(0, 1)
views.text(2.4, 4.35, "one list", ha="center", color=GREY)
cells(views, View(storage, (1, 6)), 0, 4.2, fill=lambda i, j: PALE if j < 3 else WHITE)
cells(views, table, -0.4, 2.35, fill=lambda i, j: PALE if i == 0 else WHITE)
cells(views, turned, 3.2, 2.35, fill=lambda i, j: PALE if j == 0 else WHITE)
for x, each in ((0.8, table), (4.0, turned)):
    views.text(x, -0.55, f"shape {each.shape}", ha="center", va="center", fontsize=9)
    views.text(x, -0.95, f"strides {each.strides}", ha="center", va="center", color=BLUE, fontsize=9)
    views.annotate("", (x, 2.5), (2.4, 3.3), arrowprops={"arrowstyle": "-|>", "color": GREY})
views.set(xlim=(-0.8, 5.6), ylim=(-1.3, 4.8), title="Two views of one list")
views.axis("off")

# Middle: a column and a row, expanded to (2, 3), added; the gradient of the column is the sum over its row.
column, row = View([10.0, 20.0], (2, 1)), View([1.0, 2.0, 3.0], (3,))
wide, tall = column.expand((2, 3)), row.expand((2, 3))
total = View([wide[i, j] + tall[i, j] for i in range(2) for j in range(3)], (2, 3))
cells(shapes, wide, 0, 4.2, fill=lambda i, j: PALE if j == 0 else WHITE)
cells(shapes, tall, 3.3, 4.2, fill=lambda i, j: PALE if i == 0 else WHITE)
cells(shapes, total, 1.65, 1.5)
shapes.text(2.85, 3.4, "+", ha="center", va="center", fontsize=13)
shapes.text(2.85, 1.95, "=", ha="center", va="center", fontsize=13)
for x, each, text in ((1.2, wide, "(2, 1) to (2, 3)"), (4.5, tall, "(3,) to (2, 3)")):
    shapes.text(x, 2.35, text, ha="center", va="center", fontsize=9)
    shapes.text(x, 4.45, f"strides {each.strides}", ha="center", va="center", color=BLUE, fontsize=9)
shapes.text(2.85, -0.55, "grey: the numbers that are really there", ha="center", va="center", color=GREY, fontsize=9)
shapes.text(2.85, -0.95, "white: the same ones again, with stride 0", ha="center", va="center", color=GREY, fontsize=9)
shapes.set(xlim=(-0.3, 6.0), ylim=(-1.3, 4.8), title="Shapes that meet")
shapes.axis("off")

# Right: a * a + 2 * a at a = 3; every number is asked of the reference.
a = Value(3.0)
square, double = a * a, 2 * a
result = square + double
result.backward()
places = {"a": (0.4, 1.7, a), "a · a": (2.6, 3.1, square), "2 · a": (2.6, 0.3, double), "+": (4.9, 1.7, result)}
arrows = [("a", "a · a", f"slope {a.data:g}, twice"), ("a", "2 · a", "slope 2"), ("a · a", "+", "slope 1"), ("2 · a", "+", "slope 1")]
for start, end, text in arrows:
    (x0, y0, _), (x1, y1, _) = places[start], places[end]
    graph.annotate("", (x1, y1), (x0, y0), arrowprops={"arrowstyle": "-|>", "color": GREY, "shrinkA": 26, "shrinkB": 26})
    above = 1 if ((y1 > y0) == (x0 < 2) and "slope 1" not in text) or (text == "slope 1" and y0 > 2) else -1
    graph.text((x0 + x1) / 2 - 0.35 * (x0 < 2), (y0 + y1) / 2 + 0.55 * above, text, ha="center", va="center", fontsize=9, color=GREY)
for name, (x, y, value) in places.items():
    graph.text(x, y, f"{name}\n{value.data:g}", ha="center", va="center", bbox={"boxstyle": "round,pad=0.4", "fc": PALE, "ec": GREY})
    graph.text(x, y - 0.85, f"grad {value.grad:g}", ha="center", va="center", color=RED)
graph.set(xlim=(-0.5, 5.6), ylim=(-1.3, 4.1), title="a · a + 2 · a, and back")
graph.axis("off")
figure.savefig(HERE / "tensors_autograd.svg", metadata={"Date": None})
