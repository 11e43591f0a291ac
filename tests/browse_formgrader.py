"""Opens formgrader in headless Chromium, as a person who grades; run by a Python that has nbgrader and playwright.

`browse_formgrader.py COURSE ASSIGNMENT NOTEBOOK CHROMIUM [STUDENT:FIELD=VALUE …]` types values into fields of a student's page, and prints
by student, as JSON, what the page then shows, whether a script of theirs ran, and links that would run one.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from playwright.sync_api import sync_playwright  # pyright: ignore[reportMissingImports]

READ = """() => ({
  scores: Object.fromEntries([...document.querySelectorAll("input.score")].map(x => [x.id, x.value || x.placeholder])),
  extra: Object.fromEntries([...document.querySelectorAll("input.extra-credit")].map(x => [x.id, x.value])),
  comments: Object.fromEntries([...document.querySelectorAll("textarea.comment")].map(x => [x.id, x.value || x.placeholder])),
  text: document.querySelector("#notebook-container").innerText,
  ran: window.pwned === true,
  links: [...document.querySelectorAll("#notebook-container a")].map(x => x.protocol),
})"""
FILLED = """() => [".comment", ".score"].every(kind =>
  [...document.querySelectorAll(kind)].some(x => x.value || x.placeholder))"""  # grades and comments come in requests of their own


def server(course: str, runtime: str) -> subprocess.Popen[bytes]:
    options = [
        "--allow-root",
        "--no-browser",
        "--port=0",
        "--IdentityProvider.token=",
        f"--ServerApp.root_dir={course}",
        "--ServerApp.jpserver_extensions={'nbgrader.server_extensions.formgrader': True}",
    ]
    folders = {f"JUPYTER_{name}_DIR": f"{runtime}/{name.lower()}" for name in ("RUNTIME", "CONFIG", "DATA")}
    return subprocess.Popen(
        [sys.executable, "-m", "jupyter_server", *options],
        cwd=course,
        env={**os.environ, **folders},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def address(process: subprocess.Popen[bytes], runtime: str) -> str:
    while process.poll() is None:
        for file in Path(runtime, "runtime").glob("jpserver-*.json"):
            try:
                return json.loads(file.read_text())["url"]
            except ValueError:  # it is just being written
                pass
        time.sleep(0.1)
    sys.exit("the server ended")


def main(course: str, assignment: str, notebook: str, chromium: str, *typed: str) -> None:
    seen = {}
    with tempfile.TemporaryDirectory() as runtime:
        process = server(course, runtime)
        try:
            url = address(process, runtime) + "formgrader"
            with sync_playwright() as playwright:
                browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
                page = browser.new_page()
                page.set_default_timeout(120_000)
                for each in page.request.get(f"{url}/api/submitted_notebooks/{assignment}/{notebook}").json():
                    page.goto(f"{url}/submissions/{each['id']}/")
                    page.wait_for_function(FILLED)
                    for one in typed:
                        who, _, what = one.partition(":")
                        field, _, value = what.partition("=")
                        if who == each["student"]:
                            with page.expect_response(lambda answer: "/api/grade/" in answer.url and answer.ok):
                                page.fill(f"#{field}", value)
                                page.press(f"#{field}", "Tab")
                    seen[each["student"]] = page.evaluate(READ) | {"needs_manual": each["needs_manual_grade"]}
                browser.close()
        finally:
            process.terminate()
            process.wait()
    print(json.dumps(seen))


if __name__ == "__main__":
    main(*sys.argv[1:])
