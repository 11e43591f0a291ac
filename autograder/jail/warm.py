"""What the zygote does once, so that no worker has to: imports, a first run of everything that torch does lazily, big data of the lab."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import sys
from typing import Any

import msgspec

LATER = "torch.fx.experimental.symbolic_shapes"
"""What torch imports when somebody first gives `backward` a gradient: 0.4 s in every worker, where nobody has done it before."""


class Ready(msgspec.Struct, tag="ready"):
    python: str
    torch: str
    numpy: str
    pid: int
    cuda: bool = False  # whether torch sees a device


def warm_up() -> Ready:
    """Import what every worker needs and run one operation: torch reads /proc lazily, and nothing may be left to do."""
    gc.disable()  # what is imported stays: to look through it for garbage, again and again, takes a tenth of the time
    try:
        return _warmed_up()
    finally:
        gc.enable()


def _warmed_up() -> Ready:
    import numpy
    import torch

    import autograder.experiment.observe
    import autograder.jail.worker
    import autograder.lab

    assert autograder.experiment.observe and autograder.jail.worker and autograder.lab
    torch.set_num_threads(1)
    cuda = _finds_a_device()
    _run_once(backward=not cuda)
    if sys.platform == "linux":
        tasks = os.listdir("/proc/self/task")
        if len(tasks) != 1:  # a fork would copy locks that nobody releases
            raise RuntimeError(f"the zygote has {len(tasks)} threads; a library started one at import")
    gc.freeze()
    return Ready(
        python=sys.version.split()[0],
        torch=str(torch.__version__),
        numpy=numpy.__version__,
        pid=os.getpid(),
        cuda=cuda,
    )


def _finds_a_device() -> bool:
    """Whether torch sees a device. Asked in a child: the driver's library, which tells, starts a thread when it is loaded."""
    import torch

    if torch.version.cuda is None and torch.version.hip is None:
        return False
    pid = os.fork()
    if pid == 0:
        found = False
        with contextlib.suppress(BaseException):
            found = torch.cuda.is_available()
        os._exit(not found)
    return os.waitpid(pid, 0)[1] == 0


def _run_once(backward: bool) -> None:
    """One small exercise from end to end: what torch and the typing module do lazily is done before the first fork.

    Where there is a device, the first `backward` of a process starts a thread for it, also for tensors that are elsewhere: then
    every worker does its own first one.
    """
    from autograder.experiment import observe
    from autograder.wire.encode import encode

    source = "import torch\ndef f(x: torch.Tensor) -> list[torch.Tensor]:\n    return [(x @ x).softmax(-1)]\n"
    implementation, _ = observe.load(source, source, "warm.up", "warm-up", ["os.system"], seconds=10.0)
    assert implementation is not None

    def experiment(student: observe.Student, x: Any) -> Any:
        y = student.f(x.requires_grad_())[0]
        if backward:
            y.sum().backward()
        return {"y": y, "x.grad": x.grad}

    import torch

    inputs = encode({"x": torch.ones(8, 8)})
    assert observe.run(implementation, experiment, inputs, seconds=10.0).kind == "value"
    for name in [name for name in sys.modules if name.endswith("warm.up")]:
        del sys.modules[name]


def preload(names: list[str]) -> None:
    """Read big data of the lab here, once: every worker forked from now on has it without reading it again. So with `LATER`."""
    from autograder import lab

    for name in names:
        lab.preload(name)
    if LATER in names and LATER not in sys.modules:
        importlib.import_module(LATER)
        gc.freeze()


INTERPRET = "TRITON_INTERPRET"
_IMPORTED_LATER = {"triton": ("triton.experimental.gluon",)}
"""What a package imports when it is first used."""
_tried: set[str] = set()
_imported: set[str] = set()
"""Packages that this process has for the workers that want them, beside torch."""


def import_here(packages: list[str]) -> None:
    """Import what an exercise needs once, for every worker forked from now on: Triton alone takes 0.25 s in each.

    Only where there is no device: there its kernels are interpreted, which is decided when it is imported.
    """
    for package in packages:
        if package in _tried:
            continue
        _tried.add(package)
        before = os.environ.get(INTERPRET)
        os.environ[INTERPRET] = "1"
        pid = os.fork()
        if pid == 0:  # a package that starts a thread can't be here when others are forked
            with contextlib.suppress(BaseException):
                _import_whole(package)
                os._exit(len(os.listdir("/proc/self/task")) != 1)
            os._exit(1)
        if os.waitpid(pid, 0)[1] == 0:
            _import_whole(package)
            _imported.add(package)
            gc.freeze()
        if before is None:
            del os.environ[INTERPRET]
        else:
            os.environ[INTERPRET] = before


def _import_whole(package: str) -> None:
    for name in (package, *_IMPORTED_LATER.get(package, ())):
        importlib.import_module(name)


def forget(packages: list[str]) -> None:
    """In a worker: what it may not have, it has not inherited either."""
    for name in [name for name in sys.modules if name.partition(".")[0] in _imported.intersection(packages)]:
        del sys.modules[name]
