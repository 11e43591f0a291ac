"""The layers of isolation, one file each. A worker applies them in this order, before it sees any of the student's code.

A layer is a module with NAME, GUARANTEES, `probe() -> Probe` (really tried in a throwaway process; if it can't be had here,
why not) and `apply(settings)`; some have `prepare(profile)`, which the zygote calls before it forks. `isolation()` says what
the layers of this machine come to, and whether hidden checks may run behind them.
"""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from types import ModuleType

from autograder.jail.layers import cgroup, landlock, limits, namespaces, paths, process, seccomp, uid
from autograder.jail.layers.base import PROBE_TRIES, Probe, Profile, Settings

ORDER: tuple[ModuleType, ...] = (process, limits, cgroup, namespaces, uid, landlock, seccomp)
NAMES: tuple[str, ...] = tuple(layer.NAME for layer in ORDER)

PROBE_SECONDS = 60

__all__ = [
    "NAMES",
    "ORDER",
    "Isolation",
    "Probe",
    "Profile",
    "Settings",
    "apply_all",
    "isolation",
    "prepare",
    "probe_all",
    "probe_here",
    "strength",
]


@dataclass(frozen=True)
class Isolation:
    """What the layers come to."""

    on: list[str]
    level: int  # 0 to 3
    enough_for_hidden: bool
    why: str  # a sentence


@functools.cache
def probe_all() -> tuple[Probe, ...]:
    """What each layer can do on this machine, tried in a process of its own: it may be called anywhere, with threads too."""
    if sys.platform != "linux":
        return probe_here()
    command = [sys.executable, "-I", "-m", "autograder.jail.layers"]
    why = ""
    for _ in range(PROBE_TRIES):  # something else may have killed it
        try:
            done = subprocess.run(
                command, capture_output=True, timeout=PROBE_SECONDS, check=True, stdin=subprocess.DEVNULL
            )
            return tuple(Probe(**row) for row in json.loads(done.stdout))
        except (OSError, subprocess.SubprocessError, ValueError, TypeError) as error:
            why = f"it could not be tried ({type(error).__name__}); `{' '.join(command[1:])}` says more"
    return tuple(Probe(layer.NAME, False, why, layer.GUARANTEES) for layer in ORDER)


def probe_here() -> tuple[Probe, ...]:
    """The same, tried in children of the calling process, which has no threads."""
    return tuple(layer.probe() for layer in ORDER)


def isolation(without: Collection[str] = ()) -> Isolation:
    """What the layers of this machine come to, leaving out those named."""
    found = {probe.name: probe for probe in probe_all()}
    on = _chosen_names(tuple(found.values()), without)
    return strength(on, [probe for probe in found.values() if probe.name not in on])


def strength(on: Collection[str], missing: Collection[Probe] = ()) -> Isolation:
    """What these layers come to together."""
    files_closed = landlock.NAME in on or (uid.NAME in on and namespaces.NAME in on)
    enough = process.NAME in on and limits.NAME in on and seccomp.NAME in on and files_closed
    level = 0
    if process.NAME in on and limits.NAME in on:
        level = 1
    if enough:
        level = 3 if uid.NAME in on and namespaces.NAME in on else 2
    if enough:
        why = "student code can reach neither hidden files, other processes nor the network"
    else:
        wanted = [seccomp.NAME] * (seccomp.NAME not in on) + [landlock.NAME] * (not files_closed)
        reasons = {probe.name: probe.why for probe in missing if not probe.available}
        lacks = "; ".join(f"{name} is off ({reasons.get(name, 'left out')})" for name in wanted)
        why = f"not isolated: {lacks or 'student code runs without limits here'}"
    return Isolation([name for name in NAMES if name in on], level, enough, why)


def prepare(profile: Profile, without: Collection[str] = (), hidden: tuple[str, ...] = ()) -> bool:
    """In the zygote, before a worker is forked: make once what all workers of this profile use.

    True when the worker is to be forked into a PID namespace of its own.
    """
    chosen = _chosen(without)
    for layer in chosen:
        if hasattr(layer, "prepare"):
            layer.prepare(profile)
    paths.readable(profile, hidden)
    return namespaces in chosen and profile != "gpu"


def apply_all(settings: Settings) -> list[str]:
    """Put the calling process behind every layer that this machine has; returns their names. There is no way back.

    Raises `OSError` when a layer that was found to work does not: then nothing may run here.
    """
    chosen = _chosen(settings.without)
    names = [layer.NAME for layer in chosen]
    settings = replace(settings, on=tuple(names))
    if sys.platform == "linux":
        settings = replace(settings, process=int(os.readlink("/proc/self")))
    for layer in chosen:
        if layer in (landlock, seccomp) and sys.platform == "linux" and os.geteuid() == 0:
            uid.give_up_capabilities()  # root that stays root
        layer.apply(settings)
    return names


def _chosen(without: Collection[str]) -> list[ModuleType]:
    names = _chosen_names(probe_here(), without)
    return [layer for layer in ORDER if layer.NAME in names]


def _chosen_names(probes: Collection[Probe], without: Collection[str]) -> list[str]:
    unknown = set(without) - set(NAMES)
    if unknown:
        raise ValueError(f"there is no layer {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    on = [probe.name for probe in probes if probe.available and probe.name not in without]
    needs = {probe.name: probe.needs for probe in probes if probe.needs}
    return [name for name in on if needs.get(name, name) in on]


def as_json() -> str:
    """The probes of this process, for `probe_all` in another one."""
    return json.dumps([asdict(probe) for probe in probe_here()])
