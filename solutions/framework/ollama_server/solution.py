"""Ollama's server: a web application that loads models, streams what they write, and forgets those that nobody asks for.

It is written for WSGI (PEP 3333), Python's interface between web servers and applications: no socket is opened here, and any server that
speaks WSGI can serve it. What it answers is what Ollama's own client packages understand.
"""

import codecs
import io
import json
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Any, Protocol
from wsgiref.util import setup_testing_defaults

import torch
from torch import Tensor


class Model(Protocol):
    """A language model, as the server is given it. Nothing to write here."""

    eos: int  # the token that ends an answer

    def encode(self, text: str) -> list[int]:
        """The tokens of a text, at least one."""
        ...

    def prompt(self, messages: list[dict[str, str]]) -> str:
        """The text of a chat, up to where the assistant's next answer begins."""
        ...

    def piece(self, token: int) -> bytes:
        """The bytes of a token, perhaps none. A character may need the bytes of several tokens."""
        ...

    def logits(self, tokens: list[int]) -> Tensor:
        """(V,), float64: what follows these tokens."""
        ...


class Parrot:
    """Given. A model that writes one text, whatever it is asked. Each byte is a token, so that "é" needs two."""

    eos = 256

    def __init__(self, text: str) -> None:
        self.text = text.encode()

    def encode(self, text: str) -> list[int]:
        return [300 + byte for byte in text.encode()]

    def prompt(self, messages: list[dict[str, str]]) -> str:
        return "".join(f"{each['role']}: {each['content']}\n" for each in messages) + "assistant:"

    def piece(self, token: int) -> bytes:
        return bytes([token])

    def logits(self, tokens: list[int]) -> Tensor:
        written = sum(token < 256 for token in tokens)
        logits = torch.zeros(257, dtype=torch.float64)
        logits[self.text[written] if written < len(self.text) else self.eos] = 100.0
        return logits


def ask(app: Callable[..., Any], path: str, body: dict[str, Any] | None = None) -> tuple[int, list[dict[str, Any]]]:
    """Given. Hands a request to an application as a server does: a POST with `body`, or a GET without one. Gives the status, and the objects of
    the answer: each line of a stream is one."""
    data = b"" if body is None else json.dumps(body).encode()
    environ = {"REQUEST_METHOD": "GET" if body is None else "POST", "PATH_INFO": path, "CONTENT_LENGTH": str(len(data))}
    environ["wsgi.input"] = io.BytesIO(data)
    setup_testing_defaults(environ)
    told: list[tuple[str, str]] = []
    answer = b"".join(app(environ, lambda status, headers, exc_info=None: told.append((status, str(headers)))))
    parts = answer.split(b"\n")[:-1] if "ndjson" in told[0][1] else [answer]
    return int(told[0][0][:3]), [json.loads(part) for part in parts]


class App:
    """The application. `app(environ, start_response)` answers one request, as PEP 3333 says.

    models: by name, what loads each model: a function without arguments. It is called when the model is first needed, and again after it was
        forgotten.
    max_loaded: how many models are in memory at a time, from 1.
    clock: the time in nanoseconds, as `time.monotonic_ns` gives it. It is asked for all durations and for keep_alive.

    Requests (the body is a JSON object in UTF-8, and its length is in CONTENT_LENGTH; a body may hold other keys, which are ignored):

    - GET /api/tags: {"models": [{"name": …, "model": …}, …]}, all names twice, in the order of `models`.
    - GET /api/ps: the same of those in memory, the one that was asked for last first.
    - POST /api/generate: "model", "prompt". The answer stands in "response".
    - POST /api/chat: "model", "messages". The answer stands in "message": {"role": "assistant", "content": …}.

    Both POSTs take "stream" (true by default), "keep_alive" and "options", an object with

    - "num_predict": how many tokens are written at most, 128 by default; -1 means no bound.
    - "temperature": 0.8 by default. 0 takes the token with the largest logit, the smallest one of several. Otherwise the token is
      `torch.multinomial(softmax(logits / temperature), 1, generator=generator)`.
    - "seed": the generator is a new `torch.Generator` with this seed for each request. Without it, it is
      torch's own generator, so that the text is another one each time.
    - "stop": a list of strings, or one string.

    **What is written.** The tokens' bytes are read as UTF-8. A character is written when all its bytes are there. Bytes that are no UTF-8 become
    U+FFFD, as `errors="replace"` has it. The answer ends, by the first of these that comes,

    - when its text holds one of the stop strings: it ends before the first place where one begins (done_reason "stop");
    - when the token is eos, which is not written (done_reason "stop");
    - after num_predict tokens (done_reason "length"), without asking the model again.

    Text that may still become a stop string is held back until it is clear, and so is the beginning of a character. If the answer ends otherwise,
    what was held back is written. No more than that is held back.

    **A stream** is NDJSON, with the content type application/x-ndjson: one object a line, each line ends with a line feed, and there is no other
    line feed. After each token, the text that can be written is one object: {"model", "created_at", "response" (or "message"), "done": false};
    none if there is no text. What is written at the end for want of more tokens is one more such object. The last object has an empty text,
    "done": true, "done_reason", and the counts and durations below. Lines come as they are made: the model is not asked for the next token before
    the lines of the last one were taken.

    **Without a stream** the answer is one such last object with the whole text, with the content type application/json, as all other answers
    have.

    Counts: "prompt_eval_count" tokens of the prompt, "eval_count" tokens that the model wrote, without eos. Durations in nanoseconds:
    "load_duration" until the model is there, "prompt_eval_duration" until the first logits are there (0 if none are needed), "eval_duration" from
    then on, "total_duration" all of them. "created_at" is the time in UTC, as ISO 8601 has it.

    An empty "prompt" or an empty list of "messages" (or none) only loads the model: one object with an empty text and "done_reason": "load", as
    application/json even where a stream was asked for, and no counts or durations are needed.

    **Memory.** A model that is asked for is loaded unless it is in memory. If max_loaded others are there, the one that was asked for the longest
    time ago is forgotten before. A model is also forgotten when the clock shows that its last request began "keep_alive" seconds ago or more: 300
    by default, a number; a negative one means never. Each request has a keep_alive of its own. What is forgotten while an answer is being written
    still finishes that answer. With keep_alive 0 and nothing to write, the model is not loaded but forgotten at once, and done_reason is
    "unload".

    Errors are objects {"error": a sentence}, with the status 404 for a path or a model that is not there (the sentence names the model), 405 for
    a path with the other method, 400 for a body that is no JSON object, and for one without "model".

    Requests may overlap: two streams can be read in turns, and what each gets does not depend on the other.

    >>> app = App({"tiny": lambda: Parrot("né!"), "other": lambda: Parrot("x")})
    >>> status, lines = ask(app, "/api/generate", {"model": "tiny", "prompt": "Hi"})
    >>> lines[0]["response"], lines[1]["response"], lines[2]["response"], lines[3]["response"]  # "é" comes when its second byte is there
    ("n", "é", "!", "")
    >>> lines[3]["done"], lines[3]["done_reason"], lines[3]["prompt_eval_count"], lines[3]["eval_count"]
    (True, "stop", 2, 4)
    >>> hello = {"model": "tiny", "messages": [{"role": "user", "content": "Hi"}], "stream": False, "options": {"stop": "!"}}
    >>> ask(app, "/api/chat", hello)[1][0]["message"]
    {"role": "assistant", "content": "né"}
    >>> short = {"model": "other", "prompt": "Hi", "stream": False, "options": {"num_predict": 1}}
    >>> ask(app, "/api/generate", short)[1][0]["done_reason"]
    "length"
    >>> loaded = ask(app, "/api/chat", {"model": "other"})  # and "tiny" is forgotten: there is room for one
    >>> ask(app, "/api/ps")[1][0]["models"]
    [{"name": "other", "model": "other"}]
    >>> ask(app, "/api/generate", {"model": "third", "prompt": "Hi"})[0]
    404
    """

    def __init__(
        self, models: dict[str, Callable[[], Model]], max_loaded: int = 1, clock: Callable[[], int] = time.monotonic_ns
    ) -> None:
        # BEGIN SOLUTION
        self.models, self.max_loaded, self.clock = models, max_loaded, clock
        self.loaded: dict[str, tuple[Model, float]] = {}  # until when each is kept; the one that was asked for last is the last
        # END SOLUTION

    def __call__(self, environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer one request: call start_response(status, headers) once, and give the parts of the body. Each line of a stream is one part."""
        # BEGIN SOLUTION
        try:
            kind, body = self._answer(environ)
        except _Refused as refused:
            kind, body = "application/json", iter([{"error": refused.args[1]}])
            start_response(refused.args[0], [("Content-Type", kind)])
        else:
            start_response("200 OK", [("Content-Type", kind)])
        return (json.dumps(each).encode() + b"\n" for each in body)
        # END SOLUTION

    # BEGIN SOLUTION
    def _answer(self, environ: dict[str, Any]) -> tuple[str, Iterator[dict[str, Any]]]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        methods = {"/api/tags": "GET", "/api/ps": "GET", "/api/generate": "POST", "/api/chat": "POST"}
        if path not in methods:
            raise _Refused("404 Not Found", f"there is no {path}")
        if method != methods[path]:
            raise _Refused("405 Method Not Allowed", f"{path} takes {methods[path]}")
        self._forget_old()
        if path == "/api/tags":
            return "application/json", iter([_listed(self.models)])
        if path == "/api/ps":
            return "application/json", iter([_listed(reversed(self.loaded))])
        return self._written(path, _read(environ))

    def _written(self, path: str, asked: dict[str, Any]) -> tuple[str, Iterator[dict[str, Any]]]:
        name, begin, keep_alive = asked["model"], self.clock(), asked.get("keep_alive", 300)
        given = asked.get("prompt" if path == "/api/generate" else "messages")
        if name not in self.models:
            raise _Refused("404 Not Found", f"model {name!r} not found")

        def line(text: str, **more: Any) -> dict[str, Any]:
            said = {"response": text} if path == "/api/generate" else {"message": {"role": "assistant", "content": text}}
            return {"model": name, "created_at": datetime.now(UTC).isoformat(), **said, "done": False, **more}

        if not given and keep_alive == 0:
            self.loaded.pop(name, None)
            return "application/json", iter([line("", done=True, done_reason="unload")])
        model = self._load(name, keep_alive, begin)
        if not given:
            return "application/json", iter([line("", done=True, done_reason="load")])
        prompt = model.encode(given if path == "/api/generate" else model.prompt(given))
        parts = _parts(model, prompt, asked.get("options") or {}, self.clock, begin, self.clock())
        if asked.get("stream", True):
            return "application/x-ndjson", (line(text, **more) for text, more in parts)
        found = list(parts)
        return "application/json", iter([line("".join(text for text, _ in found), **found[-1][1])])

    def _load(self, name: str, keep_alive: float, now: int) -> Model:
        model = self.loaded.pop(name, (None, 0))[0]
        while model is None and len(self.loaded) >= self.max_loaded:
            del self.loaded[next(iter(self.loaded))]
        model = self.models[name]() if model is None else model
        self.loaded[name] = model, float("inf") if keep_alive < 0 else now + keep_alive * 1e9
        return model

    def _forget_old(self) -> None:
        now = self.clock()
        self.loaded = {name: kept for name, kept in self.loaded.items() if now < kept[1]}

    # END SOLUTION


# BEGIN SOLUTION
class _Refused(Exception):
    """A status, and a sentence."""


def _listed(names: Any) -> dict[str, Any]:
    return {"models": [{"name": name, "model": name} for name in names]}


def _read(environ: dict[str, Any]) -> dict[str, Any]:
    try:
        asked = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
    except ValueError:
        asked = None
    if not isinstance(asked, dict):
        raise _Refused("400 Bad Request", "the body is no JSON object")
    if not asked.get("model"):
        raise _Refused("400 Bad Request", "model is required")
    return asked


def _parts(
    model: Model, prompt: list[int], options: dict[str, Any], clock: Callable[[], int], begin: int, there: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Texts of an answer, the last one with what is known at the end."""
    most, stops = options.get("num_predict", 128), options.get("stop") or []
    stops = [stops] if isinstance(stops, str) else stops
    generator = torch.Generator().manual_seed(options["seed"]) if "seed" in options else None  # None: torch's own
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    tokens, held, first, reason = list(prompt), "", there, "length"
    while most < 0 or len(tokens) - len(prompt) < most:
        logits = model.logits(tokens)
        if len(tokens) == len(prompt):
            first = clock()
        token = _choose(logits, options.get("temperature", 0.8), generator)
        if token == model.eos:
            reason = "stop"
            break
        tokens.append(token)
        held += decoder.decode(model.piece(token))
        ends = [held.find(stop) for stop in stops if stop in held]
        if ends:
            reason, held, decoder = "stop", held[: min(ends)], None
            break
        free = len(held) - _begun(held, stops)
        if free:
            yield held[:free], {}
            held = held[free:]
    if decoder is not None:
        held += decoder.decode(b"", final=True)
    if held:
        yield held, {}
    end = clock()
    yield "", {
        "done": True,
        "done_reason": reason,
        "total_duration": end - begin,
        "load_duration": there - begin,
        "prompt_eval_count": len(prompt),
        "prompt_eval_duration": first - there,
        "eval_count": len(tokens) - len(prompt),
        "eval_duration": end - first,
    }


def _choose(logits: Tensor, temperature: float, generator: torch.Generator | None) -> int:
    if temperature == 0:
        return int(logits.argmax())
    return int(torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator))


def _begun(text: str, stops: list[str]) -> int:
    """How many characters at the end of `text` are the beginning of a stop string."""
    longest = max(map(len, stops), default=0)
    return max((n for n in range(1, min(longest, len(text) + 1)) if any(stop.startswith(text[-n:]) for stop in stops)), default=0)


# END SOLUTION
