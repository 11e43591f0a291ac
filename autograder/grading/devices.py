"""Whether this machine has a GPU that checks can run on, told without importing torch."""

from __future__ import annotations

import glob
from importlib import metadata
from typing import Literal

Device = Literal["auto", "cpu", "cuda"]


def wants_gpu(device: Device) -> bool:
    """Whether GPU checks are to run: as asked, or where there is a device and a build of torch that can use it."""
    return device == "cuda" or (device == "auto" and bool(glob.glob("/dev/nvidia[0-9]*")) and _torch_has_cuda())


def _torch_has_cuda() -> bool:
    try:
        return not metadata.version("torch").endswith("+cpu")
    except metadata.PackageNotFoundError:
        return False
