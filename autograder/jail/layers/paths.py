"""Which files a worker may see: the interpreter, its packages, the parts of this package that run in it, system libraries.

An allow-list. Of the project's own folder only the modules that a worker runs are on it: not `solutions/`, `.autograder/`,
other submissions, nor anything else that lies beside them. Landlock grants these paths, the private root shows no others.
"""

from __future__ import annotations

import functools
import glob
import os
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from autograder.jail.layers.base import Profile, has_device, starts_programs

PACKAGE = Path(__file__).resolve().parents[2]
PARTS = ("__init__.py", "results.py", "wire", "checks", "lab", "experiment", "jail")

LIBRARIES = ("/lib", "/lib32", "/lib64", "/usr/lib", "/usr/lib32", "/usr/lib64", "/usr/local/lib", "/nix/store")
FILES = (
    "/etc/ld.so.cache",
    "/etc/alternatives",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/urandom",
    "/dev/random",
)
# How many processors there are: OpenMP, oneDNN and the C library ask late. Files by name, and not the folders: beside them are counters
# (of memory, of idle processors), which a worker could read what another one did from. The same is true of `stat` and `meminfo` below.
MACHINE = (
    *(f"/sys/devices/system/cpu/{name}" for name in ("online", "possible", "present", "kernel_max")),
    *(f"/sys/devices/system/cpu/cpu0/{name}" for name in ("topology", "cache")),
    *(f"/sys/devices/system/node/{name}" for name in ("online", "possible", "has_cpu", "has_memory")),
    *(f"/sys/devices/system/node/node0/{name}" for name in ("cpulist", "cpumap", "distance")),
    *(f"/sys/kernel/mm/transparent_hugepage/{name}" for name in ("enabled", "defrag", "hpage_pmd_size")),
)
PROC = ("self", "cpuinfo", "version", "sys/vm/overcommit_memory")
PROC_GPU = ("meminfo", "stat", "driver/nvidia", "devices", "modules", "sys/vm/mmap_min_addr")
DEVICES = ("/dev/null", "/dev/zero")

TOOLS = ("/usr", "/bin", "/sbin")
GPU_FILES = (
    *("/sys/bus/pci", "/sys/devices", "/sys/module"),
    *("/usr/local/cuda", "/usr/local/nvidia", "/usr/share/nvidia", "/etc/nvidia"),
)
GPU_DEVICES = ("/dev/nvidia*", "/dev/nvidia-caps/*", "/dev/dri/*")


@dataclass(frozen=True)
class Paths:
    """Absolute paths that exist here."""

    read: tuple[str, ...]
    execute: tuple[str, ...]  # read too
    devices: tuple[str, ...]  # read and written, no ioctl
    accelerators: tuple[str, ...]  # read, written, and any ioctl
    proc: tuple[str, ...]  # below /proc, of the worker's own /proc

    @property
    def all(self) -> tuple[str, ...]:
        return (*self.read, *self.execute, *self.devices, *self.accelerators)


@functools.cache
def visible(profile: Profile) -> Paths:
    """What a worker of this profile sees beside its private folder."""
    interpreter = _interpreter()
    read = [*interpreter, *(str(PACKAGE / part) for part in PARTS), *LIBRARIES, *FILES, *MACHINE]
    execute: list[str] = []
    accelerators: list[str] = []
    proc = PROC
    if has_device(profile):
        read += [*GPU_FILES, *_driver()]
        accelerators = [path for pattern in GPU_DEVICES for path in glob.glob(pattern)]
        proc = (*PROC, *PROC_GPU)
    if starts_programs(profile):
        execute = [
            *TOOLS,
            os.path.join(sys.prefix, "bin"),
            os.path.join(sys.base_prefix, "bin"),
            *interpreter,
            *LIBRARIES,
            *_compilers(),
        ]
        read = [path for path in read if path not in execute]
    return Paths(_existing(read), _existing(execute), _existing(DEVICES), _existing(accelerators), proc)


def _driver() -> list[str]:
    """Folders that the loader is told to look into: in containers the driver's libraries often lie in one of their own."""
    return [path for path in os.environ.get("LD_LIBRARY_PATH", "").split(":") if os.path.isabs(path)]


def _compilers() -> list[str]:
    """Where C compilers live that were not installed with the system: the folder above the `bin` in which one really lies."""
    found = [shutil.which(name) for name in (os.environ.get("CC", ""), "gcc", "cc", "clang") if name]
    folders = [os.path.dirname(os.path.realpath(path)) for path in found if path]
    return [
        os.path.dirname(folder) for folder in folders if os.path.basename(folder) == "bin" and folder.count("/") > 1
    ]


def _package_folders() -> list[str]:
    """Where packages are installed: of this interpreter, and folders of packages that a path file adds to it, as one that lends a
    virtual environment the torch of another does. The name says that nothing but packages lies there."""
    own = [sysconfig.get_paths()[name] for name in ("purelib", "platlib")]
    lent = [entry for entry in sys.path if os.path.basename(entry) in ("site-packages", "dist-packages")]
    return list(dict.fromkeys(path for path in [*own, *lent] if os.path.isabs(path)))


@functools.cache
def packages(names: tuple[str, ...]) -> tuple[str, ...]:
    """The files and folders of installed packages, as they lie beside each other in the folders of packages."""
    found: list[str] = []
    for real in {os.path.realpath(folder) for folder in _package_folders() if os.path.isdir(folder)}:
        for entry in os.listdir(real) if names else []:
            if entry.removesuffix(".libs").partition(".")[0] in names and not entry.endswith((".dist-info", ".pth")):
                found.append(os.path.join(real, entry))
    return tuple(sorted(found))


@functools.cache
def readable(profile: Profile, hidden: tuple[str, ...] = ()) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """`visible(profile).read` without the packages `hidden`: what may be read, and folders that may only be listed."""
    closed = packages(hidden)
    read: list[str] = []
    listed: list[str] = []

    def grant(path: str) -> None:
        real = os.path.realpath(path)
        if real in closed:
            return
        if any(each.startswith(real + os.sep) for each in closed):
            listed.append(real)
            for entry in os.listdir(real):
                if not os.path.islink(os.path.join(real, entry)):
                    grant(os.path.join(real, entry))
        else:
            read.append(path)

    for path in visible(profile).read:
        grant(path)
    return tuple(dict.fromkeys(read)), tuple(dict.fromkeys(listed))


def _interpreter() -> list[str]:
    """The standard library, compiled modules, site-packages and the folder of libpython; never the project itself."""
    known = [*(sysconfig.get_paths()[name] for name in ("stdlib", "platstdlib")), *_package_folders()]
    library = sysconfig.get_config_var("LIBDIR")
    if library and os.path.commonpath([library, sys.base_prefix]) == sys.base_prefix:
        known.append(library)
    prefixes = {os.path.realpath(prefix) for prefix in (sys.prefix, sys.base_prefix)}
    for entry in sys.path:
        # A path file may name any folder, such as this project's: only what belongs to the interpreter is taken.
        if os.path.isabs(entry) and any(os.path.realpath(entry).startswith(prefix + os.sep) for prefix in prefixes):
            known.append(entry)
    return [path for path in dict.fromkeys(known) if not _holds_the_project(path)]


def _holds_the_project(path: str) -> bool:
    """Whether `path` is a folder above this package that is no folder of packages."""
    here = os.path.realpath(path)
    return str(PACKAGE).startswith(here + os.sep) and os.path.basename(here) not in ("site-packages", "dist-packages")


def _existing(paths: list[str] | tuple[str, ...]) -> tuple[str, ...]:
    return tuple(path for path in dict.fromkeys(paths) if os.path.exists(path))


def must_be_readable() -> tuple[str, ...]:
    """Files that a worker can't do without: what a probe tries to read after it has given up its rights."""
    torch = [os.path.join(folder, "torch", "__init__.py") for folder in _package_folders()]
    return _existing((os.__file__, __file__, *torch))
