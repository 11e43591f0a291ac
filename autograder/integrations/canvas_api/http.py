"""Speaking with Canvas, through canvasapi: what is asked, how long it is tried, and errors in sentences.

canvasapi follows pages and builds requests. It has no time limits, follows redirects and tries nothing twice: that is what `_Session` adds.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import requests
from canvasapi import exceptions
from canvasapi.assignment import Assignment as ApiAssignment
from canvasapi.course import Course
from canvasapi.progress import Progress
from canvasapi.requester import Requester
from requests.exceptions import ConnectionError as NoConnection
from requests.exceptions import RequestException, SSLError, Timeout

from autograder.integrations.canvas_api.data import Assignment, Grade, Job, Student
from autograder.integrations.canvas_api.place import CanvasApiError, Place

SECONDS = (15.0, 120.0)
"""To connect, and to wait for the next bytes."""
WAITS = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)
"""Before each further try, where Canvas does not say how long."""
FEW = 3
"""Further tries where Canvas does not answer, or has trouble; more would keep somebody waiting for a server that is down."""
LONGEST = 120.0
SHOWN = 300


class Canvas:
    """One course of Canvas. Every method raises `CanvasApiError`."""

    def __init__(self, place: Place, token: str, on_wait: Callable[[float], None] = lambda seconds: None) -> None:
        self.place, self._token = place, token
        self._requester = Requester(place.base, token)
        self._requester._session = _Session(on_wait)
        self._course = Course(self._requester, {"id": place.course})

    def students(self) -> list[Student]:
        """Who is enrolled as a student, invited ones too, without Canvas's Test Student."""
        with self._asking("the list of students"):
            found = self._course.get_users(enrollment_type=["student"])
            return [Student.of(user.__dict__) for user in found]

    def assignments(self) -> list[Assignment]:
        with self._asking("the list of assignments"):
            return [Assignment.of(each.__dict__) for each in self._course.get_assignments()]

    def grades(self, assignment: Assignment, comments: bool) -> dict[int, Grade]:
        """What each student has now, by their number; with the comments that are there, where they are asked for."""
        include = ["submission_comments"] if comments else []
        with self._asking(f"the grades of {assignment.name!r}"):
            there = self._of(assignment).get_submissions(include=include)
            return {grade.user: grade for each in there for grade in [Grade.of(each.__dict__)]}

    def send(self, assignment: Assignment, grades: Mapping[int, Mapping[str, str | bool]]) -> Job:
        """Ask Canvas to take over these grades and comments, by student; it works them off in a job."""
        with self._asking(f"taking over {len(grades)} grades of {assignment.name!r}"):
            return _job(self._of(assignment).submissions_bulk_update(grade_data={**grades}))

    def job(self, job: Job) -> Job:
        """How far it is now."""
        with self._asking("how far it is with grades"):
            return _job(Progress(self._requester, {"id": job.id}).query())

    def _of(self, assignment: Assignment) -> ApiAssignment:
        return ApiAssignment(self._requester, {"id": assignment.id, "course_id": self.place.course})

    @contextmanager
    def _asking(self, what: str) -> Iterator[None]:
        """Any error while Canvas is asked for `what`, in sentences. The token is never in them."""
        try:
            yield
        except CanvasApiError:
            raise
        except (
            exceptions.CanvasException,
            RequestException,
            ArithmeticError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
        ) as error:
            raise CanvasApiError(
                self._sentence(error, what)
            ) from None  # what stands behind it may hold the headers of the request

    def _sentence(self, error: Exception, what: str) -> str:
        host, course = self.place.host, self.place.course
        said = _said(error, self._token)
        if isinstance(error, exceptions.InvalidAccessToken):
            return f"{host} does not know this token: it was deleted, has expired, or is of another Canvas. Make a new one: Account → Settings → New Access Token"
        if isinstance(error, exceptions.RateLimitExceeded) or _is_throttled(error):
            return f"{host} still says that there are too many requests. Wait some minutes, then run the same command again: it goes on where it was"
        if isinstance(error, exceptions.Unauthorized | exceptions.Forbidden):
            return f"{host} refuses {what}: whoever owns the token may not do that in course {course}. It takes a teacher, or a TA who may edit grades{said}"
        if isinstance(error, exceptions.ResourceDoesNotExist):
            return f"{host} has no course {course}, or it has not what was asked for ({what}). Compare the number with the course's address in your browser"
        if isinstance(error, exceptions.UnprocessableEntity | exceptions.BadRequest | exceptions.Conflict):
            return f"{host} can't do what it was asked for ({what}){said}"
        if isinstance(error, exceptions.CanvasException):
            return f"{host} has trouble of its own ({_status(error)}): no answer to the request for {what}. Run the same command again later: it goes on where it was"
        if isinstance(error, SSLError):
            return f"{host} can't prove that it is {host} (its certificate), so nothing was sent. Is there a proxy in between, or is the address wrong?"
        if isinstance(error, Timeout):
            return f"{host} does not answer in time, when asked for {what}. Run the same command again: it goes on where it was"
        if isinstance(error, NoConnection):
            return f"The connection to {host} was lost, or there is none (asked for {what}). Is the address right, and this machine online? The same command goes on where it was"
        return f"{host} answers something that is not Canvas's ({what}). Is it the address of a Canvas? A page to sign in may stand before it"


class _Session(requests.Session):
    """Requests with a time limit, no redirects, and further tries where one can't do harm."""

    def __init__(self, on_wait: Callable[[float], None]) -> None:
        super().__init__()
        self.on_wait = on_wait
        self.auth = lambda request: request  # else a line for this host in ~/.netrc would replace the token

    def request(self, method: str, url: str, *arguments: Any, **settings: Any) -> requests.Response:  # type: ignore[override]
        settings.setdefault("timeout", SECONDS)
        settings["allow_redirects"] = False
        reading = method.upper() == "GET"
        for number in range(len(WAITS) + 1):
            last, few = number == len(WAITS), reading and number < FEW
            try:
                response = super().request(method, url, *arguments, **settings)
            except (NoConnection, Timeout) as error:
                # What writes may have arrived all the same: `send` looks.
                if last or not few or isinstance(error, SSLError):
                    raise
                self._wait(WAITS[number])
                continue
            throttled = response.status_code == 429 or (response.status_code == 403 and _RATE in response.text)
            if last or not (throttled or (few and response.status_code >= 500)):
                return self._from_there(response, url)
            self._wait(_asked_to_wait(response, WAITS[number]))
        raise AssertionError("the last try returns or raises")

    def _wait(self, seconds: float) -> None:
        if seconds >= 1:
            self.on_wait(seconds)
        time.sleep(seconds)

    @staticmethod
    def _from_there(response: requests.Response, url: str) -> requests.Response:
        """The answer, unless it leads elsewhere: the token is for one address only."""
        if response.is_redirect:
            other = _host(response.headers["location"])
            if other in ("", _host(url)):
                raise CanvasApiError(
                    f"{_host(url)} shows another page instead, as one to sign in. Is it the address of a Canvas?"
                )
            raise CanvasApiError(f"{_host(url)} sends on to {other}: name that one, if it is your Canvas")
        following = response.links.get("next", {}).get("url", "")
        if following and _host(following) != _host(url):
            raise CanvasApiError(
                f"{_host(url)} calls itself {_host(following)}: name that address, if it is your Canvas"
            )
        return response


_RATE = "Rate Limit Exceeded"


def _is_throttled(error: Exception) -> bool:
    return isinstance(error, exceptions.Forbidden) and _RATE in str(error)


def _asked_to_wait(response: requests.Response, otherwise: float) -> float:
    try:
        return min(max(float(response.headers.get("Retry-After", "")), 0.0), LONGEST)
    except ValueError:
        return otherwise


def _host(url: str) -> str:
    return urlsplit(url).netloc


def _status(error: Exception) -> str:
    digits = "".join(character for character in str(error) if character.isdigit())[-3:]
    return f"status {digits}" if digits else "no status"


def _said(error: Exception, token: str) -> str:
    """What Canvas itself says of it: `{"errors": [{"message": …}]}`, `{"errors": {field: [{"message": …}]}}`, `{"error": …}`."""
    told: Any = getattr(error, "message", "")
    if isinstance(told, str):
        try:
            told = json.loads(told)
        except ValueError:
            told = ""
    words = "; ".join(dict.fromkeys(_messages(told))).replace(token, "(the token)")  # before it is cut
    return f". It says: {words[:SHOWN]}" if words else ""


def _messages(told: Any) -> Iterator[str]:
    if isinstance(told, list | tuple):
        for each in told:
            yield from _messages(each)
    elif isinstance(told, dict):
        for name, each in told.items():
            if name in ("message", "error") and isinstance(each, str):
                yield each
            else:
                yield from _messages(each)


def _job(progress: Progress) -> Job:
    return Job.of(progress.__dict__)
