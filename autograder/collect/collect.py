"""Collecting a class: many repositories at once, each on its own; what goes wrong with one is its entry in the manifest."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from autograder.collect.choose import bring_back, choose, why_nothing
from autograder.collect.process import FetchError
from autograder.collect.reflog import on_own_clock
from autograder.collect.remote import Bounds, Mirror, Push, protocol_of, server_pushes
from autograder.course.config import Course
from autograder.course.manifest import Entry, Manifest, write_manifest
from autograder.course.roster import Person, Roster
from autograder.course.submission import SubmissionError, open_submission

RETRIED = frozenset({"failed"})


@dataclass(frozen=True)
class Unit:
    """One repository to collect: a student's, or the one of a group."""

    id: str
    url: str
    branch: str = ""
    deadline: datetime | None = None


def units(roster: Roster, deadline: Callable[[Person], datetime | None]) -> list[Unit]:
    """What there is to collect. A group with one repository is one unit, due when the last of its members is."""
    found: dict[str, Unit] = {}
    for person in roster.people:
        members = roster.groups.get(person.group, [])
        shared = {each.repository for each in members if each.repository}
        id = person.group if person.group and len(shared) == 1 else person.id
        url = next(iter(shared)) if id == person.group else person.repository
        branch = next((each.branch for each in [person, *members] if each.branch), "")
        dues = [deadline(each) for each in members or [person]] if id == person.group else [deadline(person)]
        open_end = any(due is None for due in dues)
        latest = None if open_end else max(due for due in dues if due is not None)
        found.setdefault(id, Unit(id, url, branch, latest))
    return list(found.values())


@dataclass
class Collector:
    """Collects into `folder`, keeping copies of the repositories in `repositories`."""

    course: Course
    folder: Path
    repositories: Path
    bounds: Bounds = field(default_factory=Bounds)
    jobs: int = 8
    pushes: Mapping[str, Sequence[Push]] = field(default_factory=dict)  # by student, as the server knows them
    on_entry: Callable[[Entry, int, int], None] = lambda entry, done, total: None

    def __post_init__(self) -> None:
        self._mirrors: set[Mirror] = set()
        self._lock = threading.Lock()

    def collect(self, wanted: Iterable[Unit], module: str = "", before: Manifest | None = None) -> Manifest:
        """Visit all, and write the manifest as each is done. An unfinished `before` is gone on with; a finished one is updated."""
        wanted = list(wanted)
        kept = (
            {}
            if before is None or before.finished or before.module != module
            else {e.student: e for e in before.entries}
        )
        done = {unit.id: kept[unit.id] for unit in wanted if unit.id in kept and self._holds(kept[unit.id], unit)}
        manifest = Manifest(made_at=_now(), module=module)
        waiting = [unit for unit in wanted if unit.id not in done]
        with ThreadPoolExecutor(self.jobs, thread_name_prefix="collect") as pool:
            running = {pool.submit(self._one, unit): unit for unit in waiting}
            try:
                while running:
                    finished, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in finished:
                        unit = running.pop(future)
                        done[unit.id] = entry = future.result()
                        manifest.entries = [done[each.id] for each in wanted if each.id in done]
                        write_manifest(self.folder, manifest)
                        self.on_entry(entry, len(done), len(wanted))
            except BaseException:
                for future in running:
                    future.cancel()
                with self._lock:
                    for mirror in self._mirrors:
                        mirror.stop()
                raise
        manifest.entries = [done[unit.id] for unit in wanted]
        manifest.finished = True
        write_manifest(self.folder, manifest)
        return manifest

    def _holds(self, entry: Entry, unit: Unit) -> bool:
        """Whether an entry of a run that was cut short still says what is asked."""
        same = entry.repository == unit.url and entry.deadline == _text(unit.deadline)
        return same and entry.status not in RETRIED

    def _one(self, unit: Unit) -> Entry:
        entry = Entry(student=unit.id, repository=unit.url, status="collected", deadline=_text(unit.deadline))
        if not unit.url:
            entry.status, entry.why = "no-repository", "the class list has no repository for it"
            return entry
        mirror = Mirror(self.repositories / _folder_name(unit), self.bounds)
        with self._lock:
            self._mirrors.add(mirror)
        try:
            self._collect(unit, mirror, entry)
        except FetchError as error:
            entry.status, entry.why = error.kind, str(error)
        except Exception as error:  # one repository never stops the others; what it was is said
            entry.status, entry.why = "failed", f"{type(error).__name__}: {error}"
        finally:
            with self._lock:
                self._mirrors.discard(mirror)
        return entry

    def _collect(self, unit: Unit, mirror: Mirror, entry: Entry) -> None:
        seen = mirror.seen() if (mirror.folder / "HEAD").exists() else []
        head = mirror.fetch(unit.url, unit.branch)
        pushes = self._pushes(unit, mirror, entry)
        bring_back(mirror, unit.deadline, pushes)
        choice = choose(mirror, head, unit.deadline, pushes, [*seen, *mirror.seen()])
        if choice is None:
            entry.status = "nothing"
            entry.why = why_nothing(mirror, head, unit.deadline, pushes)
            return
        entry.commit, entry.tree = choice.commit, mirror.tree(choice.commit)
        entry.handed_in, entry.clock = choice.at.isoformat(timespec="seconds"), choice.clock
        entry.notes += choice.notes
        entry.folder = os.path.relpath(mirror.folder, self.folder)
        try:
            entry.hash = open_submission(f"{mirror.folder}@{choice.commit}", self.course, name=unit.id).hash
        except SubmissionError as error:
            raise FetchError("failed", str(error)) from None

    def _pushes(self, unit: Unit, mirror: Mirror, entry: Entry) -> Sequence[Push]:
        """What a server's own clock says of the pushes; nothing where no such clock is known."""
        given = self.pushes.get(unit.id, ())
        if given or protocol_of(unit.url) != "file":
            return given
        name = mirror.run("config", "remote.origin.fetch").strip().removeprefix("+").partition(":")[0]
        written = server_pushes(unit.url, name)
        found = on_own_clock(unit.url, written, unit.deadline)
        if found is None:
            entry.notes = [
                "the repository's reflog has push times, but its files came later: they are not taken for the server's clock"
            ]
        return found or ()


def _folder_name(unit: Unit) -> str:
    """A folder for a repository: readable, and another one when the address changes."""
    plain = "".join(c if c.isalnum() and c.isascii() else "_" for c in unit.id)[:40]
    return f"{plain}-{hashlib.sha256(f'{unit.id}|{unit.url}'.encode()).hexdigest()[:10]}.git"


def _text(moment: datetime | None) -> str:
    return moment.isoformat() if moment is not None else ""


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
