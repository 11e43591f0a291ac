"""L1: limits that the kernel holds: CPU time, memory, file size, open files, no core dumps."""

from __future__ import annotations

import sys

from autograder.jail.layers.base import Probe, Profile, Settings, has_device

NAME = "L1 limits"
GUARANTEES = "accidents are contained: CPU time, memory, file sizes, descriptors"


def probe() -> Probe:
    if sys.platform == "win32":
        return Probe(NAME, False, "Windows has no resource limits", GUARANTEES)
    if sys.platform == "linux":
        return Probe(NAME, True, "setrlimit", GUARANTEES)
    return Probe(NAME, True, "setrlimit, without a bound on memory", GUARANTEES)


def prepare(profile: Profile) -> None:
    """In the zygote: what each worker would have to load."""
    import resource

    assert resource


def apply(settings: Settings) -> None:
    import resource

    def limit(what: int, soft: int, hard: int | None = None) -> None:
        _, ceiling = resource.getrlimit(what)
        wanted = soft if hard is None else hard
        hard = wanted if ceiling == resource.RLIM_INFINITY else min(wanted, ceiling)
        resource.setrlimit(what, (min(soft, hard), hard))

    limit(resource.RLIMIT_CORE, 0)
    # At the soft limit SIGXCPU ends the process, at the hard one SIGKILL does, whatever it ignores.
    limit(resource.RLIMIT_CPU, settings.cpu_seconds, settings.cpu_seconds + 2)
    limit(resource.RLIMIT_FSIZE, settings.file_mb * 2**20)
    limit(resource.RLIMIT_NOFILE, settings.open_files)
    if sys.platform == "linux" and not has_device(settings.profile):  # CUDA reserves address space without bound
        # torch maps much address space that it never touches: the bound is on what is added from here.
        limit(resource.RLIMIT_AS, _address_space() + settings.memory_mb * 2**20)


def _address_space() -> int:
    import resource

    with open("/proc/self/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
