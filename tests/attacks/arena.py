"""The arena: attacks are submissions, graded as any other, and afterwards nothing may be different.

`Arena.fight` grades an attack and then an honest submission with the same `ClassGrader`, and asserts what must hold after
every attack. What came of each is kept in `ROWS`, and printed at the end of the test session.
"""

from __future__ import annotations

import ctypes
import io
import os
import re
import select
import socket
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from attacks.course import HONEST, POINTS, Planted

from autograder import results
from autograder.course.submission import Submission, open_submission
from autograder.feedback import pen
from autograder.feedback.html import result_html
from autograder.feedback.markdown import result_markdown
from autograder.feedback.policy import Show, student_view
from autograder.feedback.terminal import result_report
from autograder.feedback.view import Options
from autograder.grading.grade import ClassGrader
from autograder.jail.host import Zygote
from autograder.results import ExerciseResult, Result
from autograder.store import Store

STRAY = "arena-stray"
"""What attacks call the processes and files that they try to leave behind."""

ROWS: list[tuple[int, str, str, str]] = []
"""Number in the acceptance list, attack, expected, got."""


@dataclass(frozen=True)
class Attack:
    """One hostile (or broken, or honest) file for one exercise, and what must come of it."""

    number: int  # in the acceptance list
    name: str
    exercise: str  # soft, rank or notes
    source: str
    verdict: str | tuple[str, ...]
    earned: int = 0
    says: str = ""  # printed or raised in a public case: proves that it did what it is here for
    message: str = ""  # the id of a message that its result has
    flags: tuple[str, ...] = ()  # ids of what a person must be shown
    real: bool = False  # without isolation it finds something: tried too

    @property
    def verdicts(self) -> tuple[str, ...]:
        return (self.verdict,) if isinstance(self.verdict, str) else self.verdict

    @property
    def expected(self) -> str:
        return f"{' or '.join(self.verdicts)} {self.earned}/{POINTS[self.exercise]}"


def got(one: ExerciseResult) -> str:
    return f"{one.verdict} {one.earned}/{one.points}"


def record(number: int, name: str, expected: str, found: str) -> None:
    ROWS.append((number, name, expected, found))


class Listeners:
    """Sockets that student code must not reach."""

    def __init__(self, folder: Path) -> None:
        self.tcp = socket.create_server(("127.0.0.1", 0))
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(("127.0.0.1", 0))
        self.path = folder / "listener.sock"
        self.unix = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.unix.bind(str(self.path))
        self.path.chmod(0o777)
        self.unix.listen()
        self.name = f"arena-{os.getpid()}-{self.tcp.getsockname()[1]}"
        self.abstract = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.abstract.bind("\0" + self.name)
        self.abstract.listen()

    @property
    def all(self) -> list[socket.socket]:
        return [self.tcp, self.udp, self.unix, self.abstract]

    def heard(self) -> int:
        """How many of them somebody has spoken to."""
        return len(select.select(self.all, [], [], 0)[0])

    def close(self) -> None:
        for each in self.all:
            each.close()
        self.path.unlink()


class Arena:
    """A class being graded. `without` names layers that its workers do without."""

    def __init__(self, planted: Planted, name: str, without: Sequence[str] = ()) -> None:
        self.planted = planted
        self.name = name
        self.course = planted.course
        self.listeners = Listeners(Path(tempfile.gettempdir()))
        self.store = Store(planted.private / f"{name}.sqlite")
        self.grader = ClassGrader(
            self.course,
            planted.root,
            planted.private,
            planted.secret,
            self.store.start_run().id,
            jobs=1,  # one after the other: the honest submission is the next one
        )
        self.grader.jail = Zygote(without=without)
        # At a place that is told: all of the grader's memory can't be read in the time of one case.
        self.bait = ctypes.create_string_buffer(self.planted.forbidden_everywhere[0].encode())
        self.count = 0
        self.grade(self.submission("baseline"))
        self.baseline = self.grade(self.submission("baseline", rank=HONEST["rank"] + "# again\n"))["baseline"]

    def close(self) -> None:
        self.grader.close()
        self.store.close()
        self.listeners.close()

    # --- submissions ---

    def submission(self, name: str, **texts: str) -> Submission:
        """A submission of texts by exercise; right ones where none is given."""
        folder = self.planted.submissions / self.name / name
        for slug, honest in HONEST.items():
            path = folder / "ring" / f"{slug}.py"
            path.parent.mkdir(parents=True, exist_ok=True)
            text = self.filled(texts.get(slug, honest))
            path.write_text(text, encoding="utf-8", errors="surrogateescape")
        return open_submission(folder, self.course)

    def neighbour(self, exercise: str) -> Submission:
        """An honest submission whose answer to `exercise` nobody has handed in yet, so that it is run."""
        self.count += 1
        return self.submission(f"neighbour-{self.count}", **{exercise: HONEST[exercise] + f"# {self.count}\n"})

    def filled(self, source: str) -> str:
        """The source with the places that an attacker might know or guess."""
        places = {
            "@ROOT@": str(self.planted.root),
            "@PRIVATE@": str(self.planted.private),
            "@TEMPORARY@": tempfile.gettempdir(),
            "@TCP@": str(self.listeners.tcp.getsockname()[1]),
            "@UDP@": str(self.listeners.udp.getsockname()[1]),
            "@UNIX@": str(self.listeners.path),
            "@ABSTRACT@": self.listeners.name,
            "@GRADER@": str(os.getpid()),
            "@BAIT@": f"({ctypes.addressof(self.bait)}, {len(self.bait)})",
        }
        for token, text in places.items():
            source = source.replace(token, text)
        return source

    # --- grading ---

    def grade(self, *submissions: Submission) -> dict[str, Result]:
        """Grade with the one grader, and read the results back from the store."""
        self.grader.run = self.store.start_run().id  # small runs are read fast
        yielded = {result.submission for result in self.grader.grade(list(submissions), self.store)}
        return {each.submission: each for each in self.store.results(self.grader.run) if each.submission in yielded}

    def fight(self, attack: Attack) -> Result:
        """Grade `attack` and then an honest submission, and assert all that must hold."""
        slug = re.sub(r"\W+", "-", attack.name)[:60]
        return self.meet(
            attack, self.submission(slug, **{attack.exercise: attack.source}), self.neighbour(attack.exercise)
        )

    def meet(self, attack: Attack, hostile: Submission, honest: Submission | None = None) -> Result:
        honest = honest or self.neighbour(attack.exercise)
        before = self.surroundings()
        graded = self.grade(hostile, honest)
        result = graded[hostile.id]
        one = exercise(result, attack.exercise)
        record(attack.number, attack.name, attack.expected, got(one))
        self.nothing_is_left(before)
        self.no_canary(result)
        self.is_unharmed(graded[honest.id])
        points = attack.earned if one.verdict == "passed" or "passed" not in attack.verdicts else 0
        assert one.verdict in attack.verdicts and one.earned == points, (got(one), attack.expected, said(one))
        assert attack.says in said(one), said(one)
        assert not attack.message or attack.message in messages(one), messages(one)
        shown = {flag.id for flag in one.flags}
        assert set(attack.flags) <= shown, shown
        return result

    # --- what must hold ---

    def surroundings(self) -> dict[str, Any]:
        """Everything beside the results that an attack might have changed."""
        course = {
            str(path): (path.stat().st_mtime_ns, path.stat().st_size)
            for path in self.planted.root.rglob("*")
            if path.is_file() and ".sqlite" not in path.name and path.suffix != ".plan"
        }
        trusted = {os.path.basename(client._worker.folder) for client in self.grader._twins if client._worker}
        temporary = sorted(set(os.listdir(tempfile.gettempdir())) - trusted)
        return {"course": course, "temporary": temporary}

    def nothing_is_left(self, before: dict[str, Any]) -> None:
        assert self.surroundings() == before
        assert not self.listeners.heard(), "somebody has spoken to a listener"
        ready = self.grader.jail.ready
        assert ready is None or descendants(ready.pid) == [], "a worker has left something running"
        assert strays() == []
        for folder in ("/tmp", "/dev/shm", "/var/tmp"):
            if os.path.isdir(folder):
                assert [name for name in os.listdir(folder) if name.startswith(STRAY)] == []

    def no_canary(self, result: Result) -> None:
        private = self.planted.forbidden_everywhere
        staff = results.to_json(result).decode()
        assert [text for text in private if text in staff] == []
        for one in result.exercises:
            for case in (case for check in one.checks for case in check.cases if case.observation):
                blob = self.store.observation(case.observation) or b""
                assert [text for text in private if text.encode() in blob] == []
        for show in get_args(Show):
            hidden = private if show == "case" else [*private, *self.planted.canaries.values()]
            for shown in shown_to_students(result, show):
                assert [text for text in hidden if text in shown] == [], show

    def is_unharmed(self, honest: Result) -> None:
        assert what_counts(honest) == what_counts(self.baseline)

    def found_anything(self, attack: Attack) -> bool:
        """Whether this attack gets anywhere. For arenas without isolation."""
        slug = re.sub(r"\W+", "-", attack.name)[:60]
        result = self.grade(self.submission(slug, **{attack.exercise: attack.source}))[slug]
        staff = results.to_json(result).decode()
        heard = self.listeners.heard()
        for each in self.listeners.all:  # empty them for the next one
            while select.select([each], [], [], 0)[0]:
                if each is self.listeners.udp:
                    each.recv(2**16)
                else:
                    each.accept()[0].close()
        return bool(heard) or any(text in staff for text in self.planted.forbidden_everywhere)


def exercise(result: Result, slug: str) -> ExerciseResult:
    return next(each for each in result.exercises if each.exercise == f"ring/{slug}")


def what_counts(result: Result) -> Any:
    """Of a result: all that may not depend on who was graded before."""
    return [
        (
            one.exercise,
            one.verdict,
            one.earned,
            one.pending,
            [
                (check.name, check.verdict, check.earned, check.margin, [case.observation for case in check.cases])
                for check in one.checks
            ],
        )
        for one in result.exercises
    ]


def said(one: ExerciseResult) -> str:
    """What came out of public cases, and why nothing could be run."""
    cases = [case for check in one.checks for case in check.cases if case.public]
    texts = [f"{case.output}\n{case.got}\n{case.message}" for case in cases]
    return "\n".join([str(one.message), *texts])


def messages(one: ExerciseResult) -> set[str]:
    found = {case.message.id for check in one.checks for case in check.cases if case.message}
    return found | ({one.message.id} if one.message else set())


def shown_to_students(result: Result, show: Show) -> list[str]:
    """All that a student may be given of `result`."""
    view = student_view(result, show)
    shown = [results.to_json(view).decode(), results.to_json(student_view(result, show, when_ok=False)).decode()]
    if show in ("diagnosis", "case"):
        options = Options(show_all=True)
        shown += [result_markdown(view, options), result_html(view, options), terminal(view, options)]
    return shown


def terminal(result: Result, options: Options | None = None) -> str:
    file = io.StringIO()
    pen.console(file, width=200).print(result_report(result, options))
    return file.getvalue()


def descendants(pid: int) -> list[int]:
    """The processes below `pid`, however far."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    parents[int(name)] = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
    found, waiting = [], [pid]
    while waiting:
        parent = waiting.pop()
        children = [child for child, its in parents.items() if its == parent]
        found += children
        waiting += children
    return found


def strays() -> list[str]:
    """Processes that carry the mark of an attack in their command line or environment."""
    found = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or int(name) == os.getpid():
            continue
        for part in ("cmdline", "environ"):
            try:
                with open(f"/proc/{name}/{part}", "rb") as file:
                    if STRAY.encode() in file.read():
                        found.append(f"{name} {part}")
            except OSError:
                continue
    return found
