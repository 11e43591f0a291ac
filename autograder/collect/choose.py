"""Which commit counts at a deadline.

Best known is what the server says of its pushes: the head after the last push before the deadline. Otherwise commits say it themselves,
which their authors can set as they like; so what earlier fetches saw holds them to it. A commit that claims to be from before the
deadline but was not there when we looked after it came later; a head that was there before the deadline and is gone was
force-pushed away, and still counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from autograder.collect.remote import Mirror, Push
from autograder.results import Clock


@dataclass(frozen=True)
class Choice:
    """The commit that counts, when it was handed in and who says so, and what a person should know."""

    commit: str
    at: datetime
    clock: Clock
    notes: tuple[str, ...] = ()


def choose(
    mirror: Mirror, head: str, deadline: datetime | None, pushes: Sequence[Push] = (), seen: Sequence[Push] = ()
) -> Choice | None:
    """The last commit before `deadline` (the newest of all without one); None when there is none."""
    known = [push for push in pushes if mirror.has(push.commit)]
    gone = [push for push in pushes if push not in known and (deadline is None or push.at <= deadline)]
    if known:
        before = [push for push in known if deadline is None or push.at <= deadline]
        if not before:
            return None
        lost = [push for push in gone if push.at > before[-1].at]
        notes = (
            ("what was pushed later, still before the deadline, was force-pushed away and can't be had",)
            if lost
            else ()
        )
        return Choice(before[-1].commit, before[-1].at, "push", notes)
    if deadline is None:
        newest = mirror.history(head, 1)[0]
        return Choice(head, newest.at, "commit")
    found = _by_commits(mirror, head, deadline, sorted(seen, key=lambda push: push.at))
    if found is not None and gone:
        said = f"the server's record has a push of commit {gone[-1].commit[:10]} on {_said(gone[-1])}"
        found = replace(found, notes=(*found.notes, f"{said}, which was force-pushed away and can't be had"))
    return found


def bring_back(mirror: Mirror, deadline: datetime | None, pushes: Sequence[Push]) -> None:
    """Fetch the commit of the last push in time, when it was force-pushed away: many servers still give it to who asks for it by name."""
    on_time = [push for push in pushes if deadline is None or push.at <= deadline]
    if on_time and not mirror.has(on_time[-1].commit):
        mirror.fetch_commit(on_time[-1].commit)


def why_nothing(mirror: Mirror, head: str, deadline: datetime | None, pushes: Sequence[Push] = ()) -> str:
    """What is known where `choose` finds nothing: what the server's record of pushes says, or that there is none."""
    until = f"the deadline ({_said_moment(deadline)})"
    newest = f"the newest commit is {head[:10]}, of {_said(mirror.history(head, 1)[0])} by its own time"
    lost = [push for push in pushes if deadline is None or push.at <= deadline]
    if lost:
        return (
            f"the server's record has a push in time, of commit {lost[-1].commit[:10]} on {_said(lost[-1])}, but it was force-pushed away "
            f"and can't be had any more; {newest}. Ask the student for it"
        )
    if pushes:
        return f"by the server's record, the first push was on {_said(pushes[0])}, after {until}; {newest}"
    return (
        f"no commit on the branch is from before {until}; {newest}. Whether another one was there, nobody knows: "
        "there is no record of pushes (--pushes)"
    )


def _by_commits(mirror: Mirror, head: str, deadline: datetime, seen: Sequence[Push]) -> Choice | None:
    notes: list[str] = []
    after = next((push for push in seen if push.at > deadline), None)
    before = next((push for push in reversed(seen) if push.at <= deadline), None)
    there = after.commit if after is not None and mirror.has(after.commit) else head
    history = mirror.history(there)
    on_time = _until(history, deadline)
    if on_time is not None and any(push.at <= deadline for push in history[: history.index(on_time)]):
        notes.append(
            "commits after it claim a time before the deadline, but stand on commits from after it: set back by hand?"
        )
    if there != head:
        claimed = _until(mirror.history(head), deadline)
        if claimed is not None and claimed != on_time and not mirror.is_ancestor(claimed.commit, there):
            notes.append(
                f"commit {claimed.commit[:10]} claims a time before the deadline, but was not on the server when it was fetched "
                f"after it ({_said(after)}): it does not count, unless a record of pushes (--pushes) says that it was there before"
            )
    if before is not None and mirror.has(before.commit):
        if on_time is not None and mirror.is_ancestor(before.commit, on_time.commit):
            clock: Clock = "seen" if on_time.commit == before.commit else "commit"
            return Choice(
                on_time.commit, min(on_time.at, before.at) if clock == "seen" else on_time.at, clock, tuple(notes)
            )
        made = mirror.history(before.commit, 1)[0].at
        if on_time is None or on_time.at <= made:
            notes.append(
                f"the history was rewritten; this is what was on the server before the deadline ({_said(before)})"
            )
            return Choice(before.commit, min(made, before.at), "seen", tuple(notes))
        notes.append(f"the history was rewritten after it was fetched on {_said(before)}")
    return Choice(on_time.commit, on_time.at, "commit", tuple(notes)) if on_time is not None else None


def _until(history: Sequence[Push], deadline: datetime) -> Push | None:
    """The newest of the commits that, with all before them, are not after `deadline`."""
    found = None
    for push in reversed(history):
        if push.at > deadline:
            break
        found = push
    return found


def _said(push: Push | None) -> str:
    return _said_moment(push.at) if push is not None else ""


def _said_moment(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC") if moment is not None else "none"
