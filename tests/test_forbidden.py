"""Forbidden names in a submission's syntax tree: as people write them, and where they are not."""

from __future__ import annotations

import ast

import pytest

from autograder.experiment.forbidden import first_use

FORBID = [
    "torch.softmax",
    "torch.nn.functional.softmax",
    "torch.nn.Softmax",
    "torch.ops",
    "Tensor.softmax",
    "tokenizers",
]


def found(source: str, patterns: list[str] | None = None) -> tuple[str, int] | None:
    use = first_use(ast.parse(source), FORBID if patterns is None else patterns)
    return (use.name, use.line) if use else None


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("import torch\ntorch.softmax(x, 0)", "torch.softmax"),
        ("import torch as t\nt.softmax(x, 0)", "torch.softmax"),
        ("import torch.nn\ntorch.softmax(x, 0)", "torch.softmax"),
        ("pass\nfrom torch import softmax", "torch.softmax"),
        ("pass\nfrom torch import softmax as s", "torch.softmax"),
        ("import torch.nn.functional as F\nF.softmax(x, 0)", "torch.nn.functional.softmax"),
        ("from torch.nn import functional\nfunctional.softmax(x, 0)", "torch.nn.functional.softmax"),
        ("from torch import nn\nnn.functional.softmax(x, 0)", "torch.nn.functional.softmax"),
        ("from torch import nn\nnn.Softmax(0)(x)", "torch.nn.Softmax"),
        ("from torch.nn.functional import *\nsoftmax(x, 0)", "torch.nn.functional.softmax"),
        ("pass\nimport tokenizers", "tokenizers"),
        ("pass\nimport tokenizers.models as m", "tokenizers.models"),
        ("pass\nfrom tokenizers.models import BPE", "tokenizers.models.BPE"),
        ("pass\nfrom tokenizers import *", "tokenizers"),
        ("x = 1\nx.softmax(0)", "?.softmax"),
        ("def f(x):\n    return (x - x.amax()).softmax(-1)", "?.softmax"),
        ("import torch\ntorch.Tensor.softmax(x, 0)", "torch.Tensor.softmax"),
        ("from torch import Tensor\nTensor.softmax(x, 0)", "torch.Tensor.softmax"),
        ("import torch\ntorch.ops.aten.softmax(x)", "torch.ops.aten.softmax"),
        ("import torch; F = torch.nn.functional\nF.softmax(x, 0)", "torch.nn.functional.softmax"),
        ("import torch; a = torch; b = a.nn\nb.Softmax()", "torch.nn.Softmax"),
        ("import torch\nf = torch.softmax", "torch.softmax"),
        ("import torch\ngetattr(torch, 'softmax')(x, 0)", "torch.softmax"),
        ("x = 1\ngetattr(x, 'softmax')(0)", "?.softmax"),
        ("import importlib\nimportlib.import_module('tokenizers')", "tokenizers"),
        ("from importlib import import_module\nimport_module('tokenizers.models')", "tokenizers.models"),
        ("pass\n__import__('tokenizers')", "tokenizers"),
        ("def f():\n    import tokenizers", "tokenizers"),
        ("try:\n    import tokenizers\nexcept ImportError: pass", "tokenizers"),
        ("class A:\n    from tokenizers import Tokenizer", "tokenizers.Tokenizer"),
        ("import torch\ng = lambda x: torch.softmax(x, 0)", "torch.softmax"),
        ("import torch\ntorch._C._VariableFunctions.softmax(x, 0)", "torch._C._VariableFunctions.softmax"),
        ("import torch._VF as V\nV.softmax(x, 0)", "torch._VF.softmax"),
        ("import torch\ntorch._C.TensorBase.softmax(x, 0)", "torch._C.TensorBase.softmax"),
        ("import torch\n@torch.ops.hook\ndef f(): ...", "torch.ops.hook"),
    ],
)
def test_a_forbidden_name_is_found_with_its_line(source: str, name: str) -> None:
    assert found(source) == (name, 2)


@pytest.mark.parametrize(
    "source",
    [
        "",
        "def softmax(x): ...\nsoftmax(1)",
        "import torch\ntorch.softmax_backward(x)",
        "import torch\ntorch.exp(x)",
        "import torch.nn.functional as F\nF.linear(x, w)",
        "from torch import *\nexp(x)",
        "import mytokenizers",
        "import my.tokenizers",
        "from . import tokenizers",
        "'torch.softmax'",
        "# torch.softmax(x)",
        "tokenizers = []\ntokenizers.append(1)",
        "x = {'softmax': 1}['softmax']",
        "softmax = 1\nprint(softmax)",
        "getattr(x)",
        "getattr(*args)",
        "import_module(name)",
    ],
)
def test_what_is_not_forbidden(source: str) -> None:
    assert found(source) is None


def test_the_first_line_is_named() -> None:
    assert found("import torch\n\n\nx.softmax()\n\ntorch.softmax(x)") == ("?.softmax", 4)
    assert found("import torch\ndef f():\n    torch.softmax(x)\nimport tokenizers") == ("torch.softmax", 3)


def test_nothing_is_forbidden_without_patterns() -> None:
    assert found("import tokenizers", []) is None
