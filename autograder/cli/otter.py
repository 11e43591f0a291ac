"""The command `export otter`: an autograder for otter-grader and Gradescope."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from autograder.cli.common import CourseOption, open_course, private_folder, require_solutions
from autograder.cli.export import export


def register(app: typer.Typer) -> None:
    """Beside the other exports."""
    export.command("otter")(export_otter)


def export_otter(
    topic: Annotated[str, typer.Argument(help="A topic, a module, or an exercise.")],
    file: Annotated[Path | None, typer.Argument(metavar="OUT", help="The zip to write; by default TOPIC.zip.")] = None,
    points: Annotated[
        float | None,
        typer.Option("--points", min=0.01, help="What the assignment is out of on Gradescope, if not the same."),
    ] = None,
    minutes: Annotated[
        int, typer.Option("--minutes", min=2, max=240, help="Gradescope's time limit for one submission.")
    ] = 10,
    unsafe: Annotated[
        bool,
        typer.Option("--unsafe", help="Run hidden checks although the container lacks the isolation for them."),
    ] = False,
    course: CourseOption = None,
) -> None:
    """The autograder of a topic for otter-grader and Gradescope: a zip for `otter run`, `otter grade` and Gradescope's upload.

    It holds the solutions and the course secret: give it to nobody but the machine that grades.
    """
    from autograder.feedback.escape import visible
    from autograder.feedback.pen import console
    from autograder.integrations.otter.bundle import Settings
    from autograder.integrations.otter.export import autograder_zip
    from autograder.release.files import write_atomically

    root, loaded = open_course(course)
    require_solutions(root)
    chosen = loaded.match([topic])
    target = file or Path(f"{topic.replace('/', '-')}.zip")
    settings = Settings([each.name for each in chosen], points, unsafe)
    data = autograder_zip(root, loaded, chosen, private_folder(root), settings, minutes=minutes)
    write_atomically(target.resolve(), data)
    count = f"{len(chosen)} exercise{'s' if len(chosen) != 1 else ''}"
    worth = sum(each.points for each in chosen)
    console().print(
        visible(f"{target}: {count}, {worth} points, {len(data) // 1024} KB. It holds solutions and the secret.")
    )
