"""The server: on this machine's own address alone, until Ctrl-C."""

from __future__ import annotations

import errno
from collections.abc import Callable
from importlib import util

from autograder.refusals import Refused

HOST = "127.0.0.1"
NEEDED = ("flask", "waitress")


def require_tools() -> None:
    """Refuse to go on without the packages of the extra `serve`."""
    if missing := [name for name in NEEDED if util.find_spec(name) is None]:
        raise Refused(
            f"{' and '.join(missing)} {'is' if len(missing) == 1 else 'are'} not installed here. In the course's folder:\n\n"
            '    python -m pip install -c constraints.txt -e ".[serve]"\n\n'
            "Then again: autograder serve. Without it, the pages are files: .autograder/report/index.html"
        )


def serve(place, port: int, by: str, listening: Callable[[str], None]) -> None:
    """Serve until it is interrupted. `listening` is told the address as soon as it answers."""
    from waitress.server import create_server

    from autograder.serve.app import create_app
    from autograder.serve.classroom import Classroom
    from autograder.serve.guard import Guard
    from autograder.serve.jobs import Jobs

    classroom, guard, jobs = Classroom(place), Guard(), Jobs(place.root)
    classroom.graded()  # what is wrong is said now, not to a browser
    classroom.site()
    app = create_app(classroom, guard, jobs, by)
    try:
        server = create_server(
            app,
            host=HOST,
            port=port,
            threads=4,
            ident=None,
            max_request_body_size=2**20,
            clear_untrusted_proxy_headers=True,
        )
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise Refused(f"Port {port} is taken: give another one with --port, or 0 for any free one.") from None
    actual = server.effective_port  # type: ignore[union-attr] (of the one socket that there is)
    guard.listen(int(actual))
    listening(f"http://{HOST}:{actual}/")
    try:
        server.run()
    finally:
        server.close()
        jobs.close()
        classroom.close()
