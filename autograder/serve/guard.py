"""Who is answered: a browser that asks for this address by its own name, and forms that came from these very pages.

There are no accounts. What is refused here is what *other* web pages could make somebody's browser do: ask under a name of theirs that
leads to this machine (DNS rebinding), or send one of our forms from theirs (cross-site request forgery).
"""

from __future__ import annotations

import hmac
import secrets

from flask import Flask, Request, Response, request

from autograder.refusals import Refusal

NAMES = ("127.0.0.1", "localhost")
MAX_FORM = 256 * 1024
"""Bytes of one form."""
HEADERS = {
    "Cache-Control": "no-store",  # pages hold hidden cases
    "Content-Security-Policy": "default-src 'none'; style-src 'self' 'unsafe-inline'; script-src 'self'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Forbidden(Refusal):
    """A request that no page of ours would make."""


class Guard:
    """Holds the token of this start, which every form carries."""

    def __init__(self) -> None:
        self.token = secrets.token_urlsafe(32)
        self.hosts: frozenset[str] = frozenset()

    def listen(self, port: int) -> None:
        """From now on the server is known by these names."""
        self.hosts = frozenset(f"{name}:{port}" for name in NAMES)

    def protect(self, app: Flask) -> None:
        """Look at every request before anything else, and set the headers of every answer."""
        app.config["MAX_CONTENT_LENGTH"] = app.config["MAX_FORM_MEMORY_SIZE"] = MAX_FORM
        app.before_request(self._before)
        app.after_request(_after)

    def _before(self) -> None:
        self.require_host(request)
        if request.method not in ("GET", "HEAD"):
            self.require_own_form(request)

    def require_host(self, asked: Request) -> None:
        if asked.headers.get("Host", "") not in self.hosts:
            raise Forbidden(f"This server answers to {' and '.join(sorted(self.hosts))} alone.")

    def require_own_form(self, asked: Request) -> None:
        origin = asked.headers.get("Origin")
        ours = {f"http://{host}" for host in self.hosts}
        if origin != f"http://{asked.headers['Host']}" or origin not in ours:
            raise Forbidden("This form was not sent from a page of this server. Nothing was written.")
        if asked.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise Forbidden("This form was sent from another page. Nothing was written.")
        if not hmac.compare_digest(asked.form.get("token", "").encode(), self.token.encode()):
            raise Forbidden(
                "The server was started anew since this page was loaded. Nothing was written: load the page again, and copy your words "
                "from this one (the browser's Back has them)."
            )


def _after(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers[name] = value
    return answer
