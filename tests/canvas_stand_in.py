"""A Canvas on this machine, as far as its documented HTTP goes: users, assignments, submissions, grades of many at once, and their job.

Pages follow one another by `Link` headers with bookmarks that mean nothing, `per_page` has a ceiling, errors are Canvas's JSON, a job is worked
off while it is asked about. `fault` makes the next requests of a kind fail in some way. What each part is documented in stands in
`autograder/integrations/canvas_api/__init__.py`.
"""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

TOKEN = "7~" + "k3yThatMustNeverBeShown" * 2
PAGE = 3
"""The most of a list that comes in one answer, whatever is asked for."""
TEACHER = 900


@dataclass
class Fault:
    """How requests `METHOD path` that match are answered, `times` of them."""

    match: str
    status: int = 0  # 0: the connection is closed
    body: str = "{}"
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    after: bool = False  # what was asked for is done all the same
    skip: int = 0  # so many go well before


@dataclass
class StandIn:
    """One course, number 77."""

    users: list[dict[str, Any]] = field(default_factory=list)
    assignments: list[dict[str, Any]] = field(default_factory=list)
    submissions: dict[tuple[int, int], dict[str, Any]] = field(default_factory=dict)  # by assignment and user
    requests: list[tuple[str, str, dict[str, str], str]] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    jobs: list[dict[str, Any]] = field(default_factory=list)
    refuses: set[int] = field(default_factory=set)  # students whom a job does not find
    base: str = ""
    _bookmarks: dict[str, tuple[str, int]] = field(default_factory=dict)

    @property
    def address(self) -> str:
        return f"{self.base}/courses/77"

    @property
    def writes(self) -> list[tuple[str, str]]:
        """The requests that could have changed something, with what was sent."""
        return [(path, body) for method, path, _, body in self.requests if method != "GET"]

    def student(self, id: int, name: str, **more: Any) -> None:
        self.users.append({"id": id, "name": name, "sortable_name": name, "email": f"u{id}@uni.example", **more})

    def assignment(self, id: int, name: str, points: float = 10, **more: Any) -> None:
        self.assignments.append(
            {"id": id, "name": name, "points_possible": points, "published": True, "grading_type": "points", **more}
        )
        for user in self.users:
            self.submissions[id, user["id"]] = {
                "id": id * 1000 + user["id"], "assignment_id": id, "user_id": user["id"], "score": None, "grade": None,
                "entered_score": None, "excused": None, "grader_id": None, "workflow_state": "unsubmitted", "submission_comments": [],
            }  # fmt: skip

    def enter(self, assignment: int, user: int, score: float | None, grader: int | None = TEACHER) -> None:
        """What somebody types into the gradebook."""
        grade = None if score is None else f"{score:g}"
        self.submissions[assignment, user].update(
            score=score, entered_score=score, grade=grade, excused=False, grader_id=grader, workflow_state="graded"
        )

    def score(self, assignment: int, user: int) -> float | None:
        return self.submissions[assignment, user]["entered_score"]

    def comments(self, assignment: int, user: int) -> list[str]:
        return [each["comment"] for each in self.submissions[assignment, user]["submission_comments"]]

    # --- answers ---

    def answer(
        self, method: str, path: str, query: list[tuple[str, str]], body: str
    ) -> tuple[int, Any, dict[str, str]]:
        asked = dict(query)
        if found := re.fullmatch(r"/api/v1/courses/77/(?:users|search_users)", path):
            # `student` leaves teachers and the Test Student out; every answer has the email.
            assert ("enrollment_type[]", "student") in query or "page" in asked
            return self._page(path, asked, self.users)
        if path == "/api/v1/courses/77/assignments":
            return self._page(path, asked, self.assignments)
        if found := re.fullmatch(r"/api/v1/courses/77/assignments/(\d+)/submissions", path):
            rows = [row for (assignment, _), row in self.submissions.items() if assignment == int(found[1])]
            with_comments = ("include[]", "submission_comments") in query or "comments" in asked
            shown = [
                row if with_comments else {k: v for k, v in row.items() if k != "submission_comments"} for row in rows
            ]
            return self._page(path, asked, shown, "&comments=1" if with_comments else "")
        if found := re.fullmatch(r"/api/v1/courses/77/assignments/(\d+)/submissions/update_grades", path):
            assert method == "POST"
            return 200, self._begin(int(found[1]), body), {}
        if found := re.fullmatch(r"/api/v1/progress/(\d+)", path):
            return 200, self._go_on(int(found[1])), {}
        return 404, {"errors": [{"message": "The specified resource does not exist."}]}, {}

    def _page(
        self, path: str, asked: dict[str, str], rows: list[Any], more: str = ""
    ) -> tuple[int, Any, dict[str, str]]:
        first = self._bookmarks[asked["page"]][1] if "page" in asked else 0
        size = min(int(asked.get("per_page", 10)), PAGE)
        links = [f'<{self.base}{path}?page=first&per_page={size}>; rel="first"']
        if first + size < len(rows):
            mark = f"bookmark:{secrets.token_hex(4)}"
            self._bookmarks[mark] = (path, first + size)
            links.insert(0, f'<{self.base}{path}?page={mark}&per_page={size}{more}>; rel="next"')
        return 200, rows[first : first + size], {"Link": ",".join(links)}

    def _begin(self, assignment: int, body: str) -> dict[str, Any]:
        grades: dict[int, dict[str, str]] = {}
        for name, value in parse_qsl(body, keep_blank_values=True):
            found = re.fullmatch(r"grade_data\[(\d+)\]\[(posted_grade|excuse|text_comment)\]", name)
            assert found, name
            grades.setdefault(int(found[1]), {})[found[2]] = value
        job = {
            "id": len(self.jobs) + 1,
            "tag": "submissions_update",
            "workflow_state": "queued",
            "completion": 0,
            "message": None,
        }
        self.jobs.append(job | {"grades": grades, "assignment": assignment})
        return job

    def _go_on(self, number: int) -> dict[str, Any]:
        job = self.jobs[number - 1]
        if job["workflow_state"] == "queued":
            job["workflow_state"] = "running"
        elif job["workflow_state"] == "running":
            self.work_off(job)
        return {name: value for name, value in job.items() if name not in ("grades", "assignment")}

    def work_off(self, job: dict[str, Any]) -> None:
        """As Canvas does it: who is not found is named at the end, and the others have their grades."""
        missing = []
        for user, said in job["grades"].items():
            if user in self.refuses or (job["assignment"], user) not in self.submissions:
                missing.append(f"'{user}'")
                continue
            row = self.submissions[job["assignment"], user]
            if said.get("excuse") == "true":
                row.update(score=None, entered_score=None, grade=None, excused=True, grader_id=TEACHER)
            elif "posted_grade" in said:
                self.enter(job["assignment"], user, float(said["posted_grade"]))
            if "text_comment" in said:
                row["submission_comments"].append(
                    {"id": 1, "author_id": TEACHER, "comment": said["text_comment"].replace("\r\n", "\n")}
                )
        job.update(workflow_state="failed" if missing else "completed", completion=100)
        if missing:
            job["message"] = f"Couldn't find User(s) with API ids {', '.join(missing)}"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = (
        True  # head and body are two packets, and the second would wait for an answer to the first
    )
    canvas: StandIn

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
        parts = urlsplit(self.path)
        canvas = self.canvas
        canvas.requests.append((self.command, self.path, dict(self.headers), body))
        fault = self._fault(f"{self.command} {parts.path}")
        if fault is not None and not fault.after:
            return self._fail(fault)
        if self.headers.get("Authorization") != f"Bearer {TOKEN}":
            return self._say(
                401,
                {"errors": [{"message": "Invalid access token."}]},
                {"WWW-Authenticate": 'Bearer realm="canvas-lms"'},
            )
        status, content, headers = canvas.answer(self.command, parts.path, parse_qsl(parts.query), body)
        if fault is not None:
            if canvas.jobs and self.command == "POST":
                canvas.work_off(canvas.jobs[-1])
            return self._fail(fault)
        self._say(status, content, headers)

    def _fault(self, asked: str) -> Fault | None:
        for fault in self.canvas.faults:
            if fault.times and re.search(fault.match, asked):
                if fault.skip:
                    fault.skip -= 1
                    return None
                fault.times -= 1
                return fault
        return None

    def _fail(self, fault: Fault) -> None:
        if fault.status == 0:
            self.close_connection = True
            with contextlib.suppress(OSError):
                self.connection.shutdown(socket.SHUT_RDWR)
            return
        self._say(fault.status, fault.body, fault.headers)

    def _say(self, status: int, content: Any, headers: dict[str, str]) -> None:
        data = (content if isinstance(content, str) else json.dumps(content)).encode()
        self.send_response(status)
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "X-Request-Cost": "0.1",
            "X-Rate-Limit-Remaining": "600.0",
            **headers,
        }
        for name, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextlib.contextmanager
def canvas_stand_in() -> Iterator[StandIn]:
    """A running stand-in, at `base`."""
    found = StandIn()
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"canvas": found}))
    found.base = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
