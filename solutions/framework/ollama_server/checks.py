"""Checks of framework/ollama_server: answers in one piece and as streams, stops, chats, chance, memory, errors, two at a time."""

import io
import json
import re

import torch

from autograder.checks import case, check, implausible, reject

FIRST = 1000  # tokens of prompts begin here; what a model writes is below


class Toy:
    """A model that writes a script, token by token, or draws by a table. Its clock goes on when it is loaded and when it computes."""

    def __init__(self, pieces, script=None, table=None, time=None):
        self.pieces = dict(enumerate(map(bytes, pieces)))  # by numbers: a tensor is none of its keys
        self.script, self.table = script, table
        self.eos, self.time, self.asked = len(pieces), time if time is not None else [0], []

    def encode(self, text):
        return [FIRST + len(word) for word in text.split(" ")]

    def prompt(self, messages):
        return "".join(f"<{each['role']}> {each['content']} " for each in messages) + "<assistant>"

    def piece(self, token):
        return self.pieces[token]

    def logits(self, tokens):
        self.time[0] += 7
        self.asked.append(list(tokens))
        written = [token for token in tokens if token < FIRST]
        if self.table is not None:
            return torch.tensor(self.table[written[-1] if written else 0], dtype=torch.float64)
        logits = torch.zeros(len(self.pieces) + 1, dtype=torch.float64)
        wanted = self.script[len(written)] if len(written) < len(self.script) else self.eos
        logits[wanted] = 100.0  # so sure that it is drawn at every temperature in use
        return logits


class Body(io.BytesIO):
    """A body behind which the connection stays open: who reads on waits for ever."""

    def read(self, size=-1):
        if size is None or size < 0 or self.tell() + size > len(self.getbuffer()):
            raise OSError("more was read than CONTENT_LENGTH says")
        return super().read(size)


def request(app, path, body=None, method=None, raw=None):
    """Status, content type, and the body as an iterator that has not been read yet."""
    data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
    environ = {
        "REQUEST_METHOD": method or ("GET" if body is None and raw is None else "POST"), "PATH_INFO": path, "QUERY_STRING": "",
        "SERVER_NAME": "here", "SERVER_PORT": "11434", "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_LENGTH": str(len(data)), "CONTENT_TYPE": "application/json",
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": Body(data), "wsgi.errors": io.StringIO(),
        "wsgi.multithread": False, "wsgi.multiprocess": False, "wsgi.run_once": False,
    }  # fmt: skip
    told = []

    def start_response(status, headers, exc_info=None):
        told.append((status, {name.lower(): value for name, value in headers}))

    parts = iter(app(environ, start_response))
    first = next(parts, b"")  # PEP 3333: start_response is called before the first part at the latest
    status, headers = told[0]
    assert len(told) == 1

    def body():
        yield first
        yield from parts

    return int(status[:3]), headers.get("content-type", "").partition(";")[0], body()


def plain(text):
    """The object of a line, its time told by its form; the line itself, where it is no JSON."""
    try:
        line = json.loads(text)
    except ValueError:
        return "no JSON: " + re.sub(r"\d{4}-\d\d-\d\dT[\d:.+Z]+", "the time", text)[:200]
    made = line.pop("created_at", None)
    if made is not None:
        line["created_at"] = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]00:?00)", made) is not None
    return line


def ask(app, path, body=None, **more):
    """The answer in full; of NDJSON each line, which says itself whether it is one."""
    status, kind, parts = request(app, path, body, **more)
    text = b"".join(parts).decode()
    if kind != "application/x-ndjson":
        return {"status": status, "kind": kind, "body": plain(text)}
    return {"status": status, "kind": kind, "lines": [plain(line) for line in text.split("\n")[:-1]], "end": text[-1:]}


def app_of(student, *toys, time=None, loads=None, max_loaded=1, slow=1000):
    """An application with models a, b, c, …. Loading takes `slow` on the clock, and is written down with how many others are in memory."""
    time = time if time is not None else [0]

    def loader(name, toy):
        def load():
            if loads is not None:
                loads.append([name, len(ask(app, "/api/ps")["body"]["models"])])
            time[0] += slow
            toy.time = time
            return toy

        return load

    names = "abcdef"[: len(toys)]
    app = student.App({name: loader(name, toy) for name, toy in zip(names, toys, strict=True)}, max_loaded, lambda: time[0])
    return app


WORDS = ["Hel", "lo", " wor", "ld", "!", "", "\n", '"', "é"]


def scripts(rng, script, pieces=WORDS, prompt="Say it now", **options):
    return {"pieces": [list(piece.encode() if isinstance(piece, str) else piece) for piece in pieces], "script": list(script), "prompt": prompt, "options": options}


@check(
    points=1,
    inputs=scripts,
    lecture="one-answer",
    public=[case("hello world", script=[0, 1, 2, 3, 4], temperature=0), case("three tokens at most", script=[0, 1, 2, 3, 4], temperature=0, num_predict=3)],
    hidden=[
        case("the first token is the end", script=[], temperature=0),
        case("none at all", script=[0, 1], temperature=0, num_predict=0),
        case("just as many as there are", script=[0, 1, 4], temperature=0, num_predict=3),
        case("no bound", script=[2, 3] * 90, temperature=0, num_predict=-1),
        case("128, when nothing is said", script=[0, 1] * 90, temperature=0),
        case("line feeds and quotes", script=[6, 7, 6, 8, 5, 7], temperature=0),
        case("a prompt of one word", script=[0], prompt="x", temperature=0),
    ],
    cites=["one such last object with the whole text", "128 by default", "without eos", "after num_predict tokens"],
)  # fmt: skip
def an_answer_comes_in_one_piece(student, pieces, script, prompt, options):
    """With "stream": false there is one JSON object: the text, why it ended, how many tokens, and how long it took."""
    toy = Toy(pieces, script)
    app = app_of(student, toy)
    body = {"model": "a", "prompt": prompt, "stream": False, "options": options, "unknown": 1}
    return {"first": ask(app, "/api/generate", body), "again": ask(app, "/api/generate", body), "asked": [len(each) for each in toy.asked]}


SPLIT = [b"\xe4", b"\xbd\xa0", b"\xf0\x9f", b"\x91", b"\x8b", b"ok", b"\xff", b"", b"\xe5\xa5\xbdx\xe4"]


@check(
    points=2,
    inputs=scripts,
    lecture="a-stream",
    public=[case("hello world", script=[0, 1, 2, 3, 4], temperature=0), case("a character in two tokens", pieces=SPLIT, script=[5, 0, 1, 5], temperature=0)],
    hidden=[
        case("a character in three tokens", pieces=SPLIT, script=[2, 3, 4, 5, 0, 1, 2, 3, 4], temperature=0),
        case("the end comes in the middle of a character", pieces=SPLIT, script=[5, 2, 3], temperature=0),
        case("cut in the middle of a character", pieces=SPLIT, script=[2, 3, 4], num_predict=1, temperature=0),
        case("bytes that are none", pieces=SPLIT, script=[6, 5, 0, 5, 6], temperature=0),
        case("tokens without bytes", pieces=SPLIT, script=[7, 5, 7, 7], temperature=0),
        case("one and a half characters in a token", pieces=SPLIT, script=[8, 1, 5], temperature=0),
        case("nothing", script=[], temperature=0),
        case("line feeds and quotes", script=[6, 7, 8, 6], temperature=0),
        case("the length is reached", script=[0, 1, 2, 3], num_predict=2, temperature=0),
    ],
    cites=["A character is written when all its bytes are there", "one object a line", "none if there is no text", "The last object has an empty text", "Bytes that are no UTF 8"],
)  # fmt: skip
def a_stream_is_a_line_for_each_text(student, pieces, script, prompt, options):
    """A stream is NDJSON: one object for each piece of text, whole characters only, and one object at the end."""
    app = app_of(student, Toy(pieces, script))
    return {"generate": ask(app, "/api/generate", {"model": "a", "prompt": prompt, "options": options}),
            "chat": ask(app, "/api/chat", {"model": "a", "messages": [{"role": "user", "content": prompt}], "stream": True, "options": options})}  # fmt: skip


LETTERS = ["a", "b", "ab", "stop", "st", "op", "x", "<|", "end|>", "é"]


@check(
    points=2,
    inputs=scripts,
    lecture="stop-strings",
    public=[
        case("over two tokens", pieces=LETTERS, script=[6, 4, 5, 6], stop=["stop"], temperature=0),
        case("nearly", pieces=LETTERS, script=[6, 4, 6, 6], stop=["stop"], temperature=0),
    ],
    hidden=[
        case("inside of a token", pieces=LETTERS, script=[6, 3, 6], stop=["to"], temperature=0),
        case("one string", pieces=LETTERS, script=[0, 7, 8, 6], stop="<|end|>", temperature=0),
        case("it begins anew", pieces=LETTERS, script=[0, 0, 0, 1, 6], stop=["aab"], temperature=0),
        case("the first of two places", pieces=LETTERS, script=[6, 2, 0, 6], stop=["b", "xab", "a"], temperature=0),
        case("the end comes while it is held back", pieces=LETTERS, script=[6, 4], stop=["stop"], temperature=0),
        case("the length is reached while it is held back", pieces=LETTERS, script=[6, 4, 5], stop=["stop"], num_predict=2, temperature=0),
        case("several, of which one is longer", pieces=LETTERS, script=[0, 1, 6, 0, 1, 0, 6], stop=["abab", "ax"], temperature=0),
        case("at once", pieces=LETTERS, script=[6, 6], stop=["x"], temperature=0),
        case("marks of patterns", pieces=["a.", ".", "b", "a"], script=[2, 3, 2, 1, 0], stop=[".a."], temperature=0),
        case("a character with two bytes", pieces=[b"a", b"\xc3", b"\xa9", b"b"], script=[0, 1, 2, 3], stop=["éb"], temperature=0),
        case("never", pieces=LETTERS, script=[0, 1, 2, 3, 4], stop=["zz", "stopsx"], temperature=0),
        case("an empty list", pieces=LETTERS, script=[0, 1], stop=[], temperature=0),
        case("twice in one token", pieces=["x##y##z", "a"], script=[1, 0, 1], stop=["##"], temperature=0),
    ],
    cites=["it ends before the first place where one begins", "No more than that is held back", "what was held back is written", "a list of strings or one string"],
)  # fmt: skip
def stop_strings_are_never_written(student, pieces, script, prompt, options):
    """An answer ends before a stop string, wherever its tokens are cut; nothing else is lost, and little is held back."""
    app = app_of(student, Toy(pieces, script))
    body = {"model": "a", "prompt": prompt, "options": options}
    return {"stream": ask(app, "/api/generate", body), "whole": ask(app, "/api/generate", {**body, "stream": False})}


@check(
    points=1,
    inputs=scripts,
    lecture="chats",
    public=[case("one answer", script=[0, 1, 4], temperature=0)],
    hidden=[case("nothing to say", script=[], temperature=0), case("two tokens", script=[2, 3, 0], num_predict=2, temperature=0)],
    cites=["the assistant", "only loads the model", "The answer stands in message"],
)
def chats_are_rendered_by_the_model(student, pieces, script, prompt, options):
    """A chat's prompt is what the model makes of its messages, and its answer is a message of the assistant."""
    toy = Toy(pieces, script)
    app = app_of(student, toy)
    messages = [{"role": "system", "content": "Be brief"}, {"role": "user", "content": prompt}, {"role": "assistant", "content": "Yes"}, {"role": "user", "content": "And"}]
    whole = ask(app, "/api/chat", {"model": "a", "messages": messages, "stream": False, "options": options})
    seen = {"whole": whole, "prompt": toy.asked[:1], "one": ask(app, "/api/chat", {"model": "a", "messages": messages[:1], "stream": False, "options": options})}
    only = [{"model": "a", "messages": []}, {"model": "a"}]
    seen |= {"only loads": [ask(app, "/api/chat", each) for each in only], "so does": ask(app, "/api/generate", {"model": "a", "prompt": ""})}
    seen["without options"] = ask(app, "/api/chat", {"model": "a", "messages": messages[:2], "stream": False})
    return seen | {"unloads": [ask(app, path, {"model": "a", "keep_alive": 0}) for path in ("/api/chat", "/api/generate")]}


TABLE = [[0.3, 1.2, -0.5, -9.0], [1.0, 0.1, 0.8, -9.0], [-0.4, 0.9, 0.2, -9.0], [0.0, 0.0, 0.0, 0.0]]


def drawn(rng, temperature=None, n=12, table=TABLE):
    return {"table": table, "temperature": temperature, "n": n, "seeds": [rng.integer(0, 2**31) for _ in range(4)]}


def comes_by_chance(seen, want, inputs):
    """The text with a seed is given; without one, texts are others each time, with the right shares."""
    for name in ("with seeds", "by default"):
        if seen[name] != want[name]:
            return reject("With a seed, the tokens are not torch.multinomial(softmax(logits / temperature)) from a new generator with this seed.")
    if len(set(seen["without"])) < 3:
        return reject("Without a seed, several requests get the same text.")
    logits = torch.tensor(inputs["table"][0], dtype=torch.float64) / (0.8 if inputs["temperature"] is None else inputs["temperature"])
    counts = torch.tensor([sum(text[:1] == letter for text in seen["without"]) for letter in "abc"] + [sum(not text for text in seen["without"])])
    if implausible(counts, logits.softmax(-1)):
        return reject("Without a seed, the first tokens do not come as often as the softmax of logits / temperature says.")
    return None


@check(
    points=1,
    inputs=drawn,
    judge=comes_by_chance,
    lecture="chance",
    public=[case("a temperature of 1", temperature=1.0)],
    hidden=[case("cold", temperature=0.3), case("hot", temperature=2.5), case("0.8, when nothing is said"), case("few tokens", temperature=1.0, n=4)],
    cites=["The generator is a new", "Without it it is torch s own generator", "0.8 by default"],
)
def a_seed_says_what_is_drawn(student, table, temperature, n, seeds):
    """With a seed the same request gets the same text; without one, another text each time."""
    app = app_of(student, Toy([b"a", b"b", b"c"], table=table))
    options = {"num_predict": n} | ({} if temperature is None else {"temperature": temperature})

    def text(**more):
        return ask(app, "/api/generate", {"model": "a", "prompt": "go", "stream": False, "options": options | more})["body"]["response"]

    torch.manual_seed(seeds[3])
    return {
        "with seeds": [text(seed=seed) for seed in (*seeds[:3], seeds[0], 0)],
        "by default": [text(seed=3), text(seed=3, temperature=0)],
        "without": [text(num_predict=2) for _ in range(80)],
    }


def errors(rng, name="none", models=3):
    return {"name": name, "models": models}


@check(
    points=1,
    inputs=errors,
    lecture="errors",
    public=[case("a model that is not there", name="llama9")],
    hidden=[case("another one, and one model", name="b/ü", models=1), case("nearly a name, and five models", name="a ", models=5)],
    cites=["405 for a path with the other method", "400 for a body that is no JSON object", "the sentence names the model", "all names twice"],
)
def errors_are_objects_with_a_status(student, name, models):
    """Errors have a status and an object with a sentence; what there is is listed in its order."""
    app = app_of(student, *[Toy([b"x"], [0]) for _ in range(models)])
    asked = [
        request(app, "/api/generate", {"model": name, "prompt": "x"}),
        request(app, "/api/chat", {"model": name, "messages": [{"role": "user", "content": "x"}], "stream": False}),
        request(app, "/api/nothing"),
        request(app, "/api/generate", method="GET"),
        request(app, "/api/tags", {}, method="POST"),
        request(app, "/api/ps", {}),
        request(app, "/api/generate", raw=b"{"),
        request(app, "/api/generate", raw=b"[1]"),
        request(app, "/api/chat", raw=b'"model"'),
        request(app, "/api/generate", raw=b""),
        request(app, "/api/generate", {"prompt": "x"}),
        request(app, "/api/chat", raw=b"\xff"),
    ]
    seen = []
    for status, kind, parts in asked:
        body = plain(b"".join(parts).decode())
        said = body.get("error") if isinstance(body, dict) else None
        seen.append([status, kind, list(body) if isinstance(body, dict) else body, isinstance(said, str) and bool(said)])
        seen[-1] += [isinstance(said, str) and name in said] if len(seen) <= 2 else []
    return {"errors": seen, "tags": ask(app, "/api/tags"), "ps": ask(app, "/api/ps")}


class Sized(Toy):
    """A model with a length, which is 0: `model or load()` takes it for none."""

    def __len__(self):
        return 0


def visits(rng, steps, max_loaded=1, models=3):
    """Steps: a model's name with what else its request has, seconds to wait, or a question for those in memory."""
    return {"steps": [[step] if isinstance(step, (int, float)) else list(step) for step in steps], "max_loaded": max_loaded, "models": models}


@check(
    points=1,
    inputs=visits,
    lecture="memory",
    public=[
        case("one at a time", steps=["a", "a", "b", "a"]),
        case("two: the one that was asked for last stays", steps=["a", "b", "a", "c", "a", "b"], max_loaded=2),
        case("five minutes", steps=["a", 299, "a", 301, "a"]),
    ],
    hidden=[
        case("three", steps="abcabcadabcd", max_loaded=3, models=4),
        case("keep_alive of its own", steps=[("a", {"keep_alive": 10}), 9, ("a", {"keep_alive": 2}), 1, "b", 5, ("c", {"keep_alive": -1}), 10**6, "c", "a"], max_loaded=2),
        case("forgotten at once", steps=[("a", {"keep_alive": 0}), "a", ("a", {"keep_alive": 0, "prompt": ""}), ("b", {"keep_alive": 0, "prompt": ""}), "b"], max_loaded=2),
        case("only loaded", steps=[("a", {"prompt": ""}), "b", ("a", {"prompt": ""}), "c"], max_loaded=2),
        case("exactly", steps=["a", 300, "a", ("b", {"keep_alive": 1.5}), 1.5, "b"], max_loaded=2),
        case("never is any number below 0", steps=[("a", {"keep_alive": -7.5}), 10**6, "b", 10**6, "a"], max_loaded=2),
        case("to the nanosecond", steps=[("a", {"keep_alive": 10}), ("at", 10), "a"]),
        case("its time is over, and it is asked for", steps=[("a", {"keep_alive": 10}), ("wait", 20), "a", ("wait", 301), "b", ("wait", 400), "a"], max_loaded=2),
        case("counted from where the request began", steps=[("a", {"keep_alive": 10}), 9.9, "a"]),
        case("all there is", steps=["a", "b", "c", "c", "a", "b"], max_loaded=7),
        case("an unknown one throws nobody out", steps=["a", "f", "a"]),
    ],
    cites=["the one that was asked for the longest time ago is forgotten", "seconds ago or more", "a negative one means never", "the one that was asked for last first"],
)  # fmt: skip
def models_are_kept_and_forgotten(student, steps, max_loaded, models):
    """A model stays in memory until others need its place or its time is over, and is loaded again when it is needed."""
    time, loads, seen = [0], [], []
    app = app_of(student, *[Sized([b"x", b"y"], [0, 1]) for _ in range(models)], time=time, loads=loads, max_loaded=max_loaded, slow=250_000_000)
    for step in steps:
        if step[0] == "wait":  # and nobody asks who is there
            time[0] += step[1] * 10**9
            continue
        if step[0] == "at":  # a request that begins at 0 ends its time at a whole number
            time[0] = step[1] * 10**9
            seen.append(ask(app, "/api/ps")["body"])
            continue
        if not isinstance(step[0], str):
            # What the clock shows at the last request is not known to the nanosecond: a microsecond more makes sure.
            time[0] += int(step[0] * 10**9) + (1000 if step[0] != 299 else 0)
            seen.append(ask(app, "/api/ps")["body"])
            continue
        name, more = (step[0], step[1]) if len(step) > 1 else (step[0], {})
        body = {"model": name, "prompt": "x", "stream": False, "options": {"temperature": 0}} | more
        found = ask(app, "/api/generate", body)
        seen.append([found["status"], found["body"]["done_reason"] if found["status"] == 200 else "", list(loads), ask(app, "/api/ps")["body"]])
    return seen


def two(rng, scripts, order, stop=()):
    return {"scripts": [list(script) for script in scripts], "order": list(order), "stop": list(stop)}


@check(
    points=1,
    inputs=two,
    lecture="two-at-a-time",
    public=[case("in turns", scripts=[[0, 1, 2, 3], [3, 2, 1]], order="0101010101")],
    hidden=[
        case("one goes ahead", scripts=[[0, 1, 2, 3, 0], [3, 2]], order="0001110011"),
        case("one begins while the other one ends", scripts=[[0], [1, 2, 3]], order="0010111"),
        case("held back", scripts=[[0, 1, 0, 2, 3], [0, 0, 1]], order="010101010101", stop=["ab!"]),
        case("half characters", scripts=[[4, 5, 0, 4, 5], [0, 4, 5]], order="0101010101"),
    ],
    cites=["Lines come as they are made", "What is forgotten while an answer is being written", "two streams can be read in turns"],
)
def streams_do_not_disturb_each_other(student, scripts, order, stop):
    """Lines come one by one, as they are taken; a second stream, and a model that is forgotten, change nothing."""
    pieces = [b"a", b"b", b"c", b"d", b"\xc3", b"\xa9"]
    toys = [Toy(pieces, script) for script in scripts]
    app = app_of(student, *toys)
    streams, lines, asked = {}, [[], []], []
    for number in map(int, order):
        if number not in streams:
            body = {"model": "ab"[number], "prompt": "x", "options": {"temperature": 0, "stop": stop}}
            streams[number] = request(app, "/api/generate", body)[2]
        part = next(streams[number], b"")
        lines[number].append(part)
        asked.append([len(toy.asked) for toy in toys])
    rest = [b"".join([*lines[number], *streams.get(number, ())]).decode() for number in (0, 1)]
    texts = [[plain(line) for line in text.split("\n")[:-1]] for text in rest]
    return {"texts": [[line["response"] for line in text if isinstance(line, dict)] for text in texts], "ends": [text[-1:] for text in texts], "asked": asked}
