"""What experiments with kernels of Triton see: which were launched, and tensors that have nan around them."""

import os
import subprocess
import sys

import pytest

pytest.importorskip("triton")

PROGRAM = """
import torch, triton, triton.language as tl
from autograder.lab.kernels import interpreted, launches

@triton.jit
def double(x, out, n, BEYOND: tl.constexpr):
    at = tl.arange(0, 4) + BEYOND
    tl.store(out + tl.arange(0, 4), 2 * tl.load(x + at, mask=at < n, other=0.0))

before, names = double.run, []
x, out = interpreted(torch.arange(4.0)), torch.zeros(4)
with launches(names):
    double[(1,)](x, out, 4, 0)
    print(names, out.tolist())
    double[(1,)](x, out, 8, 2)  # reads two beyond the end
print(names, out.isnan().tolist(), double.run == before)
"""


def test_launches_are_written_down_and_what_lies_beyond_is_nan():
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, env={**os.environ, "TRITON_INTERPRET": "1"}
    )
    assert done.stdout.splitlines() == [
        "['double'] [0.0, 2.0, 4.0, 6.0]",
        "['double', 'double'] [False, False, True, True] True",
    ], done.stderr
