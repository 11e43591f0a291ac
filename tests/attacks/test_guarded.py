"""What the exercise forbids, by ways that nobody can list: refused where it is called, or shown to a person.

The last table holds what gets through. It stands here so that nobody believes otherwise.
"""

from __future__ import annotations

import pytest
from attacks.arena import Arena, Attack, exercise

HEAD = "import torch\nimport torch.nn.functional as F\nfrom torch import Tensor\n\nname = 'xamtfos'[::-1]\n"


def soft(
    name: str, body: str, verdict: str = "forbidden", earned: int = 0, flags: tuple[str, ...] = ("flag.call",)
) -> Attack:
    lines = "\n".join("    " + line for line in body.strip().splitlines())
    source = f"{HEAD}\n\ndef softmax(x: Tensor) -> Tensor:\n{lines}\n"
    return Attack(27, name, "soft", source, verdict, earned, flags=flags)


REFUSED = [
    soft("writes it in letters that only look different", "return torch.\u017foftmax(x, -1)", flags=()),
    soft("takes it apart with a pattern", "match torch:\n    case object(softmax=f):\n        return f(x, -1)"),
    soft("gets at it with operator.attrgetter", "import operator\nreturn operator.attrgetter('nn.functional.softmax')(torch)(x, -1)"),
    soft("folds getattr over its path", "import functools\nreturn functools.reduce(getattr, ['nn', 'functional', name], torch)(x, -1)"),
    soft("unpickles it", "import pickle\nreturn pickle.loads(b'ctorch\\n' + name.encode() + b'\\n.')(x, -1)"),
    soft("hands it to something that calls it later", "import functools\nlater = functools.singledispatch(getattr(F, name))\nreturn later(x, -1)"),
    soft("makes it a method of a class of its own", "C = type('C', (), {'f': staticmethod(getattr(torch, name))})\nreturn C().f(x, -1)"),
    soft("makes it the value of a property", "class P:\n    y = property(lambda self: getattr(self.x, name)(-1))\nP.x = x\nreturn P().y"),
    soft("calls it in a metaclass", "class M(type):\n    def __call__(cls, x): return getattr(torch, name)(x, -1)\nclass C(metaclass=M): pass\nreturn C(x)"),
    soft("calls it in __class_getitem__", "class C:\n    def __class_getitem__(cls, x): return getattr(torch, name)(x, -1)\nreturn C[x]"),
    soft("calls it when it is collected", "got = []\nclass D:\n    def __del__(self): got.append(getattr(torch, name)(x, -1))\nD()\nreturn got[0]",
         "failed"),
    soft("calls it while sorting", "got = []\nsorted([0, 1], key=lambda i: got.append(getattr(torch, name)(x, -1)) or i)\nreturn got[0]"),
    soft("swallows the refusal and answers wrongly", "try:\n    return getattr(torch, name)(x, -1)\nexcept RuntimeError:\n    return x", "failed"),
]  # fmt: skip

RIGHT = "e = (x - x.amax(-1, keepdim=True)).exp()\nreturn e / e.sum(-1, keepdim=True)"
SEEN = [
    soft("swallows the refusal and answers rightly", f"try:\n    getattr(torch, name)(x, -1)\nexcept RuntimeError:\n    pass\n{RIGHT}", "passed", 4,
         ("flag.call", "flag.computed-name")),
    soft("takes the original out of the guard's closure",
         "f = getattr(torch, name)\nfor cell in f.__closure__:\n    if type(cell.cell_contents).__name__.startswith('builtin'):\n"
         "        return cell.cell_contents(x, -1)", "passed", 4, ("flag.insides", "flag.computed-name")),
    soft("takes it from torch's own C class", "return getattr(torch._C.TensorBase, name)(x, -1)", "passed", 4, ("flag.private-torch",)),
    soft("says that its code is torch's", "d = {'torch': torch, 'x': x}\nexec(compile('y = torch.' + name + '(x, -1)', F.__file__, 'exec'), d)\nreturn d['y']",
         "passed", 4, ("flag.run-text",)),
    soft("writes it in TorchScript", "return torch.jit.CompilationUnit('def f(x):\\n  return x.' + name + '(-1)\\n').f(x)", "passed", 4,
         ("flag.run-text",)),
    soft("takes the notes away before they are sent",
         "from autograder.jail.guard import Guard\nGuard.noticed = lambda self: []\ntry:\n    getattr(torch, name)(x, -1)\nexcept RuntimeError:\n"
         f"    pass\n{RIGHT}", "passed", 4, ("flag.worker", "flag.computed-name")),
    soft("uses something that computes the same and is not on the list", "return F.softmin(-x, -1)", "passed", 4, ()),
]  # fmt: skip
"""What the guard can't stop. A person is shown all but the last, which is for the author of the list to see."""


@pytest.mark.parametrize("attack", REFUSED, ids=lambda attack: attack.name)
def test_it_is_refused_however_it_is_reached(arena: Arena, attack: Attack) -> None:
    arena.fight(attack)


@pytest.mark.parametrize("attack", SEEN, ids=lambda attack: attack.name)
def test_what_gets_through_is_shown_to_a_person(arena: Arena, attack: Attack) -> None:
    result = arena.fight(attack)
    assert bool(exercise(result, "soft").flags) == bool(attack.flags)
