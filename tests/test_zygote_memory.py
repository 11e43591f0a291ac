"""What a zygote has once for all of its workers: huge pages, and packages that an exercise needs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autograder.jail import pages
from autograder.jail import zygote as module
from autograder.jail.host import Limits, Zygote
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.messages import Load, Run

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="zygotes fork on Linux")

ANSWER = "def f() -> dict[str, str]:\n    raise NotImplementedError\n"


def seen(zygote: Zygote, body: str, **limits: Any) -> Any:
    """What a function with this body returns in a worker."""
    source = "import os, sys\n\ndef f():\n" + "\n".join("    " + line for line in body.splitlines()) + "\n"
    worker = zygote.fork("jail", Limits(**limits))
    try:
        stub = "def f():\n    raise NotImplementedError\n"
        experiments = "def e(student):\n    return student.f()\n"
        loaded = worker.ask(
            Load(module="a.b", file="b.py", source=source, stub=stub, experiments=experiments, seconds=10.0), 30.0
        )
        assert loaded.kind == "loaded", loaded
        observed = worker.ask(Run(experiment="e", inputs=encode({}), seconds=10.0), 30.0)
        assert observed.kind == "value", observed
        return decode(observed.value)
    finally:
        worker.close()


def test_memory_is_gathered_on_huge_pages() -> None:
    """In a process of its own, with 64 MB of small pages."""
    code = (
        "from autograder.jail import pages\n"
        "kept = [bytes(300) for _ in range(200_000)]\n"
        "def huge():\n"
        "    text = open('/proc/self/smaps_rollup').read()\n"
        "    return int(text.split('AnonHugePages:')[1].split()[0])\n"
        "before = huge()\n"
        "print(pages.gather(), before, huge(), len(set(map(len, kept))))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    gathered, before, after, same = map(int, done.stdout.split())
    assert same == 1
    if not gathered:
        pytest.skip("this kernel can't (Linux 6.1 can)")
    assert after >= before + gathered * 2048 * 0.9 and gathered > 10


def test_what_is_not_memory_of_its_own_is_left_alone(tmp_path: Path) -> None:
    maps = (
        "7f0000000000-7f0000800000 rw-p 00000000 00:00 0 \n7f1000000000-7f1000800000 rw-s 00000000 00:01 5 /dev/zero\n"
    )
    lines = [*maps.splitlines(), "55d000000000-55d000400000 rw-p 00000000 00:00 0                          [heap]"]
    lines += [
        "7ffc00000000-7ffc00400000 rw-p 00000000 00:00 0 [stack]",
        "7f2000000000-7f2000400000 r--p 00000000 00:00 0",
    ]
    assert [bool(pages._MAPPING.match(line)) for line in lines] == [True, False, True, False, False]


def test_workers_are_forked_as_before_when_memory_was_gathered(monkeypatch: pytest.MonkeyPatch) -> None:
    with Zygote() as zygote:
        for _ in range(min(module.GATHER_AT) + 1):
            zygote.fork().close()
        assert seen(zygote, "import torch\nreturn {'sum': str(float(torch.ones(4).sum()))}") == {"sum": "4.0"}


triton = pytest.mark.skipif(
    subprocess.run([sys.executable, "-c", "import triton"], capture_output=True).returncode != 0,
    reason="Triton is not installed",
)
HAS_IT = "return {'there': str('triton' in sys.modules), 'interpreted': os.environ.get('TRITON_INTERPRET', '')}"


@triton
def test_a_package_that_an_exercise_needs_is_imported_once_for_all() -> None:
    with Zygote() as zygote:
        ready = zygote.wait()
        if ready.cuda:
            pytest.skip("with a device, each worker decides whether it interprets")
        assert seen(zygote, HAS_IT) == {"there": "False", "interpreted": "1"}
        assert seen(zygote, HAS_IT, imports=("triton",)) == {"there": "True", "interpreted": "1"}
        maps = Path(f"/proc/{ready.pid}/maps").read_text()
        assert re.search(r"/triton/.*\.so", maps)
        environment = Path(f"/proc/{ready.pid}/environ").read_bytes()
        assert b"TRITON_INTERPRET" not in environment or "TRITON_INTERPRET" in os.environ


@triton
def test_who_may_not_have_it_does_not_inherit_it() -> None:
    with Zygote() as zygote:
        assert seen(zygote, HAS_IT, imports=("triton",))["there"] == "True"
        tries = "try:\n    from triton import jit\nexcept ImportError:\n    return {'got': 'nothing'}\nreturn {'got': 'triton'}"
        assert seen(zygote, tries, hidden=("triton",)) == {"got": "nothing"}
        assert seen(zygote, tries) == {"got": "triton"}


def test_a_package_that_starts_a_thread_is_left_to_workers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fork copies one thread only: the locks of others would be held for ever."""
    (tmp_path / "threaded_package.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    (tmp_path / "broken_package.py").write_text("raise SystemExit\n")
    (tmp_path / "quiet_package.py").write_text("x = 1\n")
    code = (
        "import sys, os\n"
        "from autograder.jail import warm\n"
        "warm.import_here(['threaded_package', 'broken_package', 'quiet_package', 'no_such_package'])\n"
        "print(sorted(warm._imported), len(os.listdir('/proc/self/task')), os.environ.get('TRITON_INTERPRET'))\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    environment.pop("TRITON_INTERPRET", None)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.split("\n")[-2] == "['quiet_package'] 1 None"
