"""The `autograder` command. Each command, or group of commands that belong together, has a file.

Exit code 0 means that the command did its work (grading worked, whatever the score); 1 that something is to be mended
(`check` with failing checks keeps 0 unless `--strict`); 2 that it could not do its work. Heavy imports are inside the
commands, so that `--help` and `status` are instant.
"""

from __future__ import annotations

import sys
from pathlib import Path

import typer

from autograder.cli import (
    audit,
    authors,
    build,
    canvas,
    ci,
    collect,
    common,
    deliver,
    edition,
    explain,
    export,
    grade,
    handin,
    ledger,
    lessons,
    mistake,
    notes,
    otter,
    own,
    people,
    problems,
    questions,
    read,
    rejudge,
    runs,
    scores,
    secret,
    serve,
    similar,
    status,
    students,
)

app = typer.Typer(
    name="autograder",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Checks, grades and explains the exercises of a course.\n\n"
    "**Students** start with `autograder check` and `autograder status`; "
    "**instructors** with `autograder grade SUBMISSIONS…`; **authors** with `autograder verify` and `autograder new`.",
)
students.register(app)
problems.register(app)
status.register(app)
lessons.register(app)
handin.register(app)
read.register(app)
own.register(app)
people.register(app)
questions.register(app)
notes.register(app)
build.register(app)
ci.register(app)
grade.register(app)
explain.register(app)
rejudge.register(app)
mistake.register(app)
scores.register(app)
runs.register(app)
ledger.register(app)
collect.register(app)
export.register(app)
canvas.register(app)
otter.register(app)
deliver.register(app)
serve.register(app)
similar.register(app)
secret.register(app)
authors.register(app)
audit.register(app)


def main() -> None:
    """Entry point: runs the command, and turns what may go wrong into sentences."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="replace")  # a console that can't show a character shows "?", and the command goes on
    try:
        common.require_no_empty(sys.argv[1:])
        edition.fit(app, Path.cwd())
        app(standalone_mode=True)
    except KeyboardInterrupt:
        sys.stderr.write("\nStopped.\n")
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        from autograder.feedback import refusals

        text = refusals.explain(error)
        if text is None:
            raise
        sys.stderr.write(text.rstrip() + "\n")
        sys.exit(2)


if __name__ == "__main__":
    main()
