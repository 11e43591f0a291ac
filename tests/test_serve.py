"""`autograder serve`: a real server on a free port, asked as browsers ask, and as pages of others would make them ask."""

from __future__ import annotations

import html
import http.client
import re
import socket
import time
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, urlencode, urljoin, urlsplit

import pytest
from command_line import LONG, Running, alive, copied, make_course, run, submit, with_code
from release_course import put
from tiny_course import TOTAL

from autograder.course import load_course
from autograder.course.requests_handed_in import added
from autograder.people import Folder

pytest.importorskip("flask")
pytest.importorskip("waitress")

NAME = "numbers_of/first"
HOSTILE = "<img src=x onerror=alert(1)>"
RUBRIC = f"""
[[rubric]]
of = "{NAME}"

[[rubric.item]]
id = "clarity"
title = "Names say <b>what</b> things are"
points = 3
"""
SENTENCE = "You take three times the sum. Take it *once*."


class Answer:
    """What the server said."""

    def __init__(self, status: int, headers: dict[str, str], text: str) -> None:
        self.status, self.headers, self.text = status, headers, text

    def field(self, name: str, after: str = "") -> str:
        """The value of a hidden field, the first one behind `after`."""
        found = re.search(rf'name="{name}" value="([^"]*)"', self.text[self.text.index(after) :])
        assert found, (name, self.text)
        return html.unescape(found[1])


class Served:
    """A server that runs, and a browser's way to ask it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.running = Running(root, "serve", "--port", "0", "--by", "prof")
        self.running.until_printed("Ctrl-C ends it")
        self.address = re.findall(r"http://127\.0\.0\.1:\d+", self.running.out)[0]
        self.port = int(self.address.rpartition(":")[2])

    def ask(
        self, path: str, form: dict[str, str] | list[tuple[str, str]] | None = None, **headers: str | None
    ) -> Answer:
        """GET, or POST of a form as a page of this server would send it; a header that is None is left out."""
        sent: dict[str, str | None] = {"Host": f"127.0.0.1:{self.port}"}
        body = None
        if form is not None:
            body = urlencode(form).encode()
            sent |= {
                "Content-Type": "application/x-www-form-urlencoded",
                "Origin": self.address,
                "Content-Length": str(len(body)),
            }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=LONG)
        connection.putrequest("GET" if form is None else "POST", path, skip_host=True)
        for name, value in sent.items():
            if value is not None:
                connection.putheader(name, value)
        connection.endheaders(body)
        got = connection.getresponse()
        answer = Answer(got.status, dict(got.getheaders()), got.read().decode())
        connection.close()
        assert "Traceback" not in answer.text
        return answer

    def said(self, student: str) -> str:
        folder = Folder(self.root / ".autograder/people", load_course(self.root))
        path = folder._path(student)
        return path.read_text("utf-8") if path.is_file() else ""

    def until_ended(self, address: str) -> Answer:
        end = time.monotonic() + LONG
        while 'data-state="running"' in (answer := self.ask(address)).text:
            assert time.monotonic() < end
            time.sleep(0.1)
        return answer


@pytest.fixture(scope="module")
def graded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_course(tmp_path_factory.mktemp("serve") / "course")
    put(root, "grading.toml", (root / "grading.toml").read_text("utf-8") + RUBRIC)
    submit(root, "ada", first=with_code(sum_="3 * x.sum(-1)"))
    submit(root, "bob", first=with_code(sum_="x.sum(-1) + x.sum(-1) * 2"))
    submit(root, HOSTILE, first=TOTAL + "\n# </pre><script>alert(2)</script>\n")
    put(root, "class/cyd/assignments/numbers_of/first.py", TOTAL)
    put(root, "class/cyd/assignments/regrade.toml", added("", NAME, "</p><script>alert(3)</script>"))
    done = run(root, "grade", "class")
    assert done.code == 0, done
    return root


@pytest.fixture(scope="module")
def served(graded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for the tests that ask it without breaking anything."""
    found = Served(copied(graded, tmp_path_factory.mktemp("served") / "course"))
    with found.running:
        yield found


@pytest.fixture
def own(graded: Path, tmp_path: Path) -> Iterator[Served]:
    """A server of the test's own."""
    found = Served(copied(graded, tmp_path / "course"))
    with found.running:
        yield found


class Links(HTMLParser):
    """Where a page leads, the elements in it, and the names of their attributes."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in ("href", "src") and value]


def marking(name: str) -> str:
    return f"/marking/students/{name}.html/{NAME}"


# --- who is answered ---------------------------------------------------------------------------------------------------


def test_it_says_who_can_reach_it_and_listens_on_this_machine_alone(served: Served) -> None:
    said = " ".join(served.running.out.split())
    assert "without a password" in said and "everybody who can use this machine" in said
    listening = [
        line.split()[1] for line in Path("/proc/net/tcp").read_text().splitlines()[1:] if line.split()[3] == "0A"
    ]
    ours = [each for each in listening if int(each.rpartition(":")[2], 16) == served.port]
    assert ours == [f"0100007F:{served.port:04X}"]
    with pytest.raises(OSError), socket.create_connection(("127.0.0.2", served.port), timeout=5):
        pass


@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "127.0.0.1:{port}.evil.example", "", None, "0.0.0.0:{port}"])  # fmt: skip
def test_other_names_are_refused(served: Served, host: str | None) -> None:
    for path in ("/", "/report.css", "/nothing", marking("ada")):
        answer = served.ask(path, Host=host.format(port=served.port) if host else host)
        assert answer.status in (400, 403) and "numbers" not in answer.text.lower(), (path, answer.text)
    assert served.ask("/", Host=f"localhost:{served.port}").status == 200


def test_a_form_of_another_page_writes_nothing(served: Served) -> None:
    page = served.ask(marking("ada"))
    form = {
        "token": page.field("token"),
        "action": "comment",
        "state": page.field("state"),
        "by": "prof",
        "text": "forged",
    }
    for headers in (
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": None},
        {"Origin": served.address.replace("127.0.0.1", "localhost")},
        {"Origin": f"http://127.0.0.1:{served.port + 1}"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Host": f"evil.example:{served.port}", "Origin": f"http://evil.example:{served.port}"},
    ):
        assert served.ask(marking("ada"), form, **headers).status == 403, headers
    for token in ("", "x", form["token"][:-1]):
        assert served.ask(marking("ada"), {**form, "token": token}).status == 403
    for path in ("/mistake", "/rejudge", f"/requests/students/cyd.html/{NAME}"):
        assert served.ask(path, {**form, "token": "", "exercise": NAME}).status == 403
    assert "forged" not in served.said("ada")


def test_no_page_may_be_framed_kept_or_run_scripts_of_others(served: Served) -> None:
    for path in ("/", marking("ada"), "/nothing"):
        headers = served.ask(path).headers
        assert (
            "script-src 'self'" in headers["Content-Security-Policy"]
            and "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        )
        assert headers["Cache-Control"] == "no-store" and headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in headers


# --- pages -------------------------------------------------------------------------------------------------------------


def test_every_link_of_every_page_leads_somewhere_and_nothing_of_theirs_is_markup(served: Served) -> None:
    seen: dict[str, Links] = {}
    left = ["/"]
    while left:
        path = left.pop()
        if path in seen:
            continue
        answer = served.ask(path)
        assert answer.status == 200, (path, answer.text)
        seen[path] = Links(answer.text if "html" in answer.headers["Content-Type"] else "")
        page = seen[path]
        assert not page.names & {"img", "iframe", "object", "b"} and "onerror" not in page.attributes, path
        assert answer.text.count("<script") == answer.text.count('<script src="'), path
        for link in page.links:
            target = urlsplit(urljoin(f"{served.address}{path}", link))
            assert target.netloc == urlsplit(served.address).netloc, link
            if "line=" not in target.query or "line=3" in target.query:
                left.append(target.path + (f"?{target.query}" if target.query else ""))
    assert len(seen) > 15 and {"/requests", "/jobs", "/attention.html", "/scores.csv"} <= set(seen)
    assert any(path.startswith("/mistake?") for path in seen) and any("line=3" in path for path in seen)


def test_code_is_shown_line_by_line_and_escaped(served: Served) -> None:
    [link] = {each.partition("#")[0] for each in Links(served.ask("/").text).links if "img-src" in each}
    page = served.ask(f"/marking/{link}/{NAME}")
    assert page.status == 200 and html.escape(HOSTILE) in page.text
    assert "&lt;/pre&gt;&lt;script&gt;alert(2)" in page.text and 'id="L12"' in page.text


@pytest.mark.parametrize("path", ["/students/nobody.html", "/exercises/x.html", "/marking/students/ada.html/numbers_of/second", "/jobs/99", "/mistake?exercise=x", "/../grading.toml", "/students/..%2f..%2fgrading.html", "/grading.toml", "/.autograder/secret"])  # fmt: skip
def test_what_is_not_there(served: Served, path: str) -> None:
    answer = served.ask(path)
    assert answer.status in (400, 404) and "schema" not in answer.text


# --- forms -------------------------------------------------------------------------------------------------------------


def test_points_comments_and_answers_are_written_and_shown(own: Served) -> None:
    page = own.ask(marking("ada"))
    token = page.field("token")
    given = own.ask(marking("ada"), {"token": token, "action": "points", "state": page.field("state"), "by": "ta", "item:clarity": "2,5", "why:clarity": "<i>short</i>"})  # fmt: skip
    assert given.status == 303, given.text
    line = 1 + next(
        number for number, text in enumerate(with_code(sum_="3 * x.sum(-1)").split("\n")) if "3 * x" in text
    )
    page = own.ask(f"{marking('ada')}?line={line}", Cookie="by=ta")
    assert page.field("by") == "ta" and 'value="2.5"' in page.text
    comment = {"token": token, "action": "comment", "state": page.field("state"), "by": "ta", "line": str(line), "file": page.field("file"), "text": "Why <u>three</u>?\r\nsay so"}  # fmt: skip
    assert own.ask(marking("ada"), comment).status == 303
    said = own.said("ada")
    assert "points = 2.5" in said and 'code = "    return 3 * x.sum(-1)"' in said and "say so" in said
    for path in (marking("ada"), "/students/ada.html"):
        text = own.ask(path).text
        assert "Why &lt;u&gt;three&lt;/u&gt;?" in text and "&lt;i&gt;short&lt;/i&gt;" in text and "<u>" not in text, (
            path
        )

    # The comment is taken back, the request of another is answered on the page of requests.
    page = own.ask(marking("ada"))
    taken = {
        "token": token,
        "action": "remove",
        "state": page.field("state"),
        "by": "ta",
        "target": page.field("target", "Why"),
    }
    assert own.ask(marking("ada"), taken).status == 303 and "three" not in own.ask(marking("ada")).text
    requests = own.ask("/requests")
    assert "&lt;script&gt;alert(3)" in requests.text and "Requests (1)" in requests.text
    answer = {
        "token": token,
        "action": "answer",
        "target": requests.field("target"),
        "by": "prof",
        "text": "No, see the <docstring>.",
    }
    assert own.ask(f"/requests/students/cyd.html/{NAME}", answer).status == 303
    assert "There are none." in own.ask("/requests").text
    assert "See" not in own.said("cyd") and "No, see the &lt;docstring&gt;." in own.ask(marking("cyd")).text
    again = own.ask(f"/requests/students/cyd.html/{NAME}", {**answer, "text": "Twice"})
    assert again.status == 409 and "was answered meanwhile" in again.text and "Twice" not in own.said("cyd")

    # The command line and the pages of files say the same.
    scores = run(own.root, "scores", "ada")
    assert "4.5/8" in scores.flat, scores


def test_two_tabs_do_not_lose_each_others_writing(own: Served) -> None:
    one, two = own.ask(marking("ada")), own.ask(marking("ada"))
    form = {"token": one.field("token"), "action": "comment", "by": "prof"}
    assert own.ask(marking("ada"), {**form, "state": one.field("state"), "text": "the first tab"}).status == 303
    before = own.said("ada")
    refused = own.ask(marking("ada"), {**form, "state": two.field("state"), "text": "the second <tab>"})
    assert refused.status == 409 and "Somebody wrote about" in refused.text and own.said("ada") == before
    assert "the second &lt;tab&gt;</textarea>" in refused.text and "the first tab" in refused.text
    assert own.ask(marking("ada"), {**form, "state": refused.field("state"), "text": "the second <tab>"}).status == 303
    assert "the first tab" in own.said("ada") and "the second <tab>" in own.said("ada")
    assert own.ask(marking("ada"), {**form, "state": "", "text": "no state"}).status == 409


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"action": "points", "item:clarity": "many"}, "is no number"),
        ({"action": "points", "item:clarity": "4"}, "is 4"),
        ({"action": "points", "item:clarity": "nan"}, "is nan"),
        ({"action": "points", "item:clarity": "1e999"}, "is inf"),
        ({"action": "points", "item:beauty": "1"}, "no item &#39;beauty&#39;"),
        ({"action": "points"}, "Nothing is another than before"),
        ({"action": "comment", "text": "  "}, "no words in it"),
        ({"action": "comment", "text": "x" * 20_001}, "longer than 20000"),
        ({"action": "comment", "text": "x", "line": "999", "file": "FILE"}, "There is no line 999"),
        ({"action": "comment", "text": "x", "line": "3", "file": "0" * 64}, "Another answer was graded"),
        ({"action": "comment", "text": "x", "by": " "}, "Say who you are"),
        ({"action": "remove", "target": "00000000"}, "there is no comment"),
        ({"action": "answer", "target": "00000000", "text": "x"}, "is there no more"),
        ({"action": "delete everything"}, "says nothing that can be written"),
    ],
)
def test_what_forms_refuse(served: Served, form: dict[str, str], said: str) -> None:
    page = served.ask(f"{marking('bob')}?line=3")
    form = {key: page.field("file") if value == "FILE" else value for key, value in form.items()}
    refused = served.ask(
        marking("bob"), {"token": page.field("token"), "state": page.field("state"), "by": "prof", **form}
    )
    assert refused.status == 400 and said in refused.text, refused.text
    assert served.said("bob") == ""


def test_a_form_that_is_far_too_large_is_not_read(served: Served) -> None:
    page = served.ask(marking("bob"))
    form = {
        "token": page.field("token"),
        "state": page.field("state"),
        "by": "prof",
        "action": "comment",
        "text": "x" * 400_000,
    }
    assert served.ask(marking("bob"), form).status == 413 and served.said("bob") == ""


def test_new_grades_and_files_written_by_hand_are_seen_and_a_broken_one_is_named(own: Served) -> None:
    assert "by hand" not in own.ask("/students/ada.html").text
    put(
        own.root,
        ".autograder/people/ada.toml",
        f'student = "ada"\n\n[[comment]]\nof = "{NAME}"\nby = "ta"\ntext = "by hand"\n',
    )
    assert "by hand" in own.ask("/students/ada.html").text
    put(own.root, "class/ada/numbers_of/first.py", TOTAL)
    assert run(own.root, "grade", "class/ada", "--new").code == 0
    assert "5/5" in own.ask("/students/ada.html").text
    put(
        own.root,
        ".autograder/people/ada.toml",
        f'student = "ada"\n\n[[points]]\nof = "{NAME}"\nby = "<ta>"\nitem = "x"\npoints = 1\n',
    )
    broken = own.ask("/students/ada.html")
    assert broken.status == 409 and "people/ada.toml:3: points.item" in broken.text


# --- known mistakes ----------------------------------------------------------------------------------------------------


def mistake_form(page: Answer) -> dict[str, str]:
    """The form that makes ada's wrong answer a known mistake, filled in."""
    edit = {"edit": "x.sum(-1)", "to": "x.sum(-1) * 3"}
    return {"token": page.field("token"), "exercise": NAME, "like": "ada", "sentence": SENTENCE, **edit}


@pytest.mark.slow
def test_a_cluster_becomes_a_known_mistake_after_verify_accepted_it(own: Served) -> None:
    attention = own.ask("/attention.html").text
    assert "2 give the same wrong answer" in attention
    page = own.ask(f"/mistake?exercise={quote(NAME, safe='')}&like=ada")
    assert "return x.sum(-1)" in page.text
    mistakes = own.root / "solutions/numbers_of/first/mistakes.py"
    before = mistakes.read_bytes()
    form = mistake_form(page)
    for changed, said in (({"sentence": " "}, "Write the sentence"), ({"edit": "", "to": ""}, "Say which piece"), ({"to": ""}, "something in its place"), ({"to": "a\0b"}, "no file has"), ({"to": "x" * 30_000}, "more than")):  # fmt: skip
        refused = own.ask("/mistake", {**form, **changed})
        assert refused.status == 400 and said in refused.text
    begun = own.ask("/mistake", {**form, "edit": "x.sum(-99)"})
    assert begun.status == 303
    refused = own.until_ended(begun.headers["Location"])
    assert (
        'data-state="failed"' in refused.text
        and "is nowhere in solution.py" in refused.text
        and mistakes.read_bytes() == before
    )

    begun = own.ask("/mistake", form)
    other = own.ask("/mistake", form)
    assert other.status == 400 and "still running" in other.text and SENTENCE in html.unescape(other.text)
    assert mistakes.read_bytes() == before
    done = own.until_ended(begun.headers["Location"])
    assert 'data-state="done"' in done.text, done.text
    assert "accepts numbers_of/first with it" in done.text and "It explains 2 of 2" in done.text
    assert mistakes.read_bytes().startswith(before) and SENTENCE in mistakes.read_text("utf-8")

    again = own.ask("/rejudge", {"token": form["token"], "exercise": NAME})
    assert 'data-state="done"' in own.until_ended(again.headers["Location"]).text
    assert "three times the sum" in own.ask("/students/ada.html").text
    assert "2 give the same wrong answer" not in own.ask("/attention.html").text


@pytest.mark.slow
def test_what_verify_does_not_accept_is_not_written(own: Served) -> None:
    """The exercise itself has a fault that `mistake` alone does not look for: an alternative that is wrong."""
    path = own.root / "solutions/numbers_of/first/alternatives.py"
    path.write_text(path.read_text("utf-8").replace("x.sum(dim=-1)", "x.sum(dim=0)"), "utf-8")
    mistakes = own.root / "solutions/numbers_of/first/mistakes.py"
    before = mistakes.read_bytes()
    page = own.ask(f"/mistake?exercise={quote(NAME, safe='')}&like=ada")
    form = mistake_form(page)
    done = own.until_ended(own.ask("/mistake", form).headers["Location"])
    assert 'data-state="failed"' in done.text and "does not accept numbers_of/first" in done.text
    assert mistakes.read_bytes() == before


def test_ctrl_c_ends_it_with_what_it_began(own: Served) -> None:
    page = own.ask(f"/mistake?exercise={quote(NAME, safe='')}&like=ada")
    form = mistake_form(page)
    assert own.ask("/mistake", form).status == 303
    children = own.running.children()
    done = own.running.interrupt()
    assert done.code in (0, 130) and "Traceback" not in done.err
    assert alive([*children, *own.running.late]) == []
    assert SENTENCE not in (own.root / "solutions/numbers_of/first/mistakes.py").read_text("utf-8")


def test_a_taken_port_and_a_class_without_results_are_said(served: Served, tmp_path: Path) -> None:
    taken = run(served.root, "serve", "--port", str(served.port))
    assert taken.code == 2 and f"Port {served.port} is taken" in taken.said
    root = make_course(tmp_path / "course")
    assert "There are no results yet" in run(root, "serve", "--port", "0").said
