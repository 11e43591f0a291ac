"""Controls: right answers pass whatever else they do, the stub earns nothing, and a class of all of them is as each alone."""

from __future__ import annotations

import pytest
from attacks.arena import Arena, Attack
from attacks.course import HONEST, NOTES, POINTS, RANK, SOFT, STUBBED

SOFTMAX = HONEST["soft"]


def reference(slug: str, text: str) -> Attack:
    return Attack(
        35, f"the reference of {slug}", slug, text.replace('ORIGIN = "@reference@"', ""), "passed", POINTS[slug]
    )


def stub(slug: str, text: str) -> Attack:
    lines: list[str] = []
    inside = False
    for line in text.splitlines():
        if "BEGIN SOLUTION" in line and line.startswith("    "):
            lines.append("    " + STUBBED)
        inside = "BEGIN SOLUTION" in line or (inside and "END SOLUTION" not in line)
        if not inside and "SOLUTION" not in line:
            lines.append(line)
    return Attack(35, f"the stub of {slug}", slug, "\n".join(lines) + "\n", "failed", 0, message="run.not-written")


def honest(name: str, source: str) -> Attack:
    return Attack(35, name, "soft", source, "passed", 4)


CONTROLS = [
    *(reference(slug, text) for slug, text in (("soft", SOFT), ("rank", RANK), ("notes", NOTES))),
    *(stub(slug, text) for slug, text in (("soft", SOFT), ("rank", RANK), ("notes", NOTES))),
    honest("a right answer that prints", SOFTMAX.replace("    e =", "    print(x, 'ümläut ✓')\n    e =")),
    honest("a right answer that imports lazily", SOFTMAX.replace(
        "    e =", "    import collections, json, numpy, random, statistics, torch.nn.functional\n    e =")),
    honest("a right answer that starts a thread", "import threading\nfrom concurrent.futures import ThreadPoolExecutor\n" + SOFTMAX.replace(
        "    e =", "    with ThreadPoolExecutor(4) as pool:\n        assert sum(pool.map(int, range(10))) == 45\n"
        "    thread = threading.Thread(target=print, args=('hello',))\n    thread.start()\n    thread.join()\n    e =")),
    honest("a right answer that works at its end", "import atexit\natexit.register(print, 'bye')\n" + SOFTMAX + "\nprint(softmax(torch.ones(2, 2)))\n"),
    honest("a right answer that writes a file of its own", SOFTMAX.replace(
        "    e =", "    import tempfile, pathlib\n    with tempfile.NamedTemporaryFile('w') as file:\n        file.write('note')\n"
        "    pathlib.Path('cache.txt').write_text('mine')\n    e =")),
    honest("a right answer with classes and decorators", "import dataclasses, functools\n\n\n@dataclasses.dataclass\nclass Row:\n    x: int = 0\n\n\n"
           + SOFTMAX.replace("def softmax", "@functools.lru_cache(None)\ndef helper():\n    return Row()\n\n\ndef softmax")),
    honest("a right answer compiled lazily by hand", "import torch\nfrom torch import Tensor\n\n\nclass Softmax(torch.autograd.Function):\n"
           "    @staticmethod\n    def forward(context, x):\n        e = (x - x.amax(-1, keepdim=True)).exp()\n        y = e / e.sum(-1, keepdim=True)\n"
           "        context.save_for_backward(y)\n        return y\n\n    @staticmethod\n    def backward(context, g):\n        (y,) = context.saved_tensors\n"
           "        return y * (g - (g * y).sum(-1, keepdim=True))\n\n\ndef softmax(x: Tensor) -> Tensor:\n    return Softmax.apply(x)\n"),
]  # fmt: skip


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.name)
def test_honest_work_is_graded_as_it_should_be(arena: Arena, control: Attack) -> None:
    arena.fight(control)
