"""What became of the general mistakes of an exercise: killed, by which check; survived; declared equivalent."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field

from rich import box
from rich.table import Table
from rich.text import Text

from autograder.verify.general.made import General
from autograder.verify.mutant_report import Said


@dataclass
class TriedGeneral:
    """A general mistake and what came of it."""

    general: General
    said: dict[str, Said] = field(default_factory=dict)  # by check, as far as it was run
    equivalent: str = ""  # the reason, where one is recorded
    open: str = ""  # what is missing to reject it, where that is recorded
    witness: str = ""  # of a survivor: which other call tells it from the reference; "" where none that was tried does

    @property
    def killed_by(self) -> list[str]:
        return [check for check, said in self.said.items() if said.verdict != "passed"]

    @property
    def survived(self) -> bool:
        return not self.killed_by


@dataclass
class GeneralReport:
    """What became of the general mistakes of one exercise."""

    exercise: str
    tried: list[TriedGeneral] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)

    @property
    def killed(self) -> list[TriedGeneral]:
        return [each for each in self.tried if not each.survived]

    @property
    def equivalent(self) -> list[TriedGeneral]:
        return [each for each in self.tried if each.survived and each.equivalent]

    @property
    def survivors(self) -> list[TriedGeneral]:
        return [each for each in self._undeclared if each.witness]

    @property
    def open(self) -> list[TriedGeneral]:
        """Mistakes that no check rejects yet, and that are recorded as such."""
        return [each for each in self.tried if each.survived and each.open]

    @property
    def _undeclared(self) -> list[TriedGeneral]:
        return [each for each in self.tried if each.survived and not each.equivalent and not each.open]

    @property
    def unshown(self) -> list[TriedGeneral]:
        """Those that nothing tells from the reference, as far as was tried: they are no mistakes here."""
        return [each for each in self._undeclared if not each.witness]

    @property
    def problems(self) -> list[str]:
        found = [
            f"no check rejects this general mistake: {each.general.scope}: {each.general.sentence} (see: {each.witness})"
            for each in self.survivors
        ]
        return found + self.stale


def general_table(found: list[GeneralReport]) -> Table:
    """One line for each exercise, and one for all of them."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0, show_footer=True)
    rows = [[len(part) for part in (r.tried, r.killed, r.equivalent, r.unshown, r.open, r.survivors)] for r in found]
    table.add_column("exercise", "all", no_wrap=True, max_width=28)
    for column, name in enumerate(("general", "killed", "equiv.", "no diff.", "open", "survived")):
        total = str(sum(row[column] for row in rows))
        table.add_column(name, total, justify="right", no_wrap=True, min_width=len(name) + 1)
    for report, row in zip(found, rows, strict=True):
        table.add_row(Text(report.exercise, "red" if report.problems else "green"), *map(str, row))
    return table


def general_details(report: GeneralReport, everything: bool) -> Iterator[Text]:
    """What nothing tells from the reference, a line for each kind. With `everything`, who rejects what; and what to write for
    survivors that are right after all."""
    for kind, alike in itertools.groupby(sorted(report.unshown, key=_kind), key=_kind):
        what = ", ".join(f"{each.general.scope} {each.general.about}".strip() for each in alike)
        yield Text(f"  no difference shown: {kind}: {what}", "dim")
    for kind, left in itertools.groupby(sorted(report.open, key=_kind), key=_kind):
        what = ", ".join(f"{each.general.scope} {each.general.about}".strip() for each in left)
        yield Text(f"  open, no check rejects it yet: {kind}: {what}", "yellow")
    if not everything:
        return
    for each in report.tried:
        what = f"{each.general.scope}: {each.general.sentence}"
        yield Text(f"  {'✗' if each in report.survivors else '✓'} {what}", "red" if each in report.survivors else "")
        by = f"rejected by {each.killed_by[0]}" if each.killed_by else each.equivalent or _unrejected(each)
        yield Text(f"      {by}", "dim")
    if report.survivors:
        yield Text("\nWrite a case that tells them apart, or say in equivalent.toml why they are right:", "dim")
        yield Text("\n\n".join(entry(each.general) for each in report.survivors), "dim")


def _kind(each: TriedGeneral) -> str:
    return each.general.kind


def _unrejected(each: TriedGeneral) -> str:
    if each.open:
        return f"open: {each.open}"
    return f"rejected by no check; it would show in: {each.witness}" if each.witness else "no difference shown"


def entry(general: General) -> str:
    """What to paste into `equivalent.toml`; the reason is left to write."""
    from autograder.verify.equivalent import toml_text

    lines = ["[[general]]", f"scope = {toml_text(general.scope)}", f"kind = {toml_text(general.kind)}"]
    if general.about:
        lines.append(f"about = {toml_text(general.about)}")
    return "\n".join([*lines, 'why = ""'])
