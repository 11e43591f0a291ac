"""Right ways to write framework/ollama_server, done differently."""

import heapq
import itertools
import json
import re
from collections import OrderedDict
from dataclasses import dataclass, field

import torch

from autograder.checks import alternative


@alternative("a class for an answer that is fed bytes; lists and a loop over candidates")
class App:
    def __init__(self, models, max_loaded=1, clock=None):
        self._make, self._room, self._now = dict(models), max_loaded, clock or time.monotonic_ns
        self._here = OrderedDict()

    def __call__(self, environ, start_response):
        status, kind, lines = self._route(environ)
        start_response(status, [("Content-Type", kind)])
        return map(lambda each: (json.dumps(each, ensure_ascii=False) + "\n").encode("utf-8"), lines)

    def _route(self, environ):
        path, method, kind = environ["PATH_INFO"], environ["REQUEST_METHOD"], "application/json"

        def error(status, text):
            return status, kind, [{"error": text}]

        if path in ("/api/tags", "/api/ps"):
            if method != "GET":
                return error("405 Method Not Allowed", "GET")
            self._clean()
            names = list(self._make) if path.endswith("tags") else [*self._here][::-1]
            return "200 OK", kind, [{"models": [dict(name=name, model=name) for name in names]}]
        if path not in ("/api/generate", "/api/chat"):
            return error("404 Not Found", "no such path")
        if method != "POST":
            return error("405 Method Not Allowed", "POST")
        length = environ.get("CONTENT_LENGTH")
        try:
            body = json.loads(environ["wsgi.input"].read(int(length)) if length else b"")
        except ValueError:
            return error("400 Bad Request", "no JSON")
        if type(body) is not dict or "model" not in body:
            return error("400 Bad Request", "model?")
        name = body["model"]
        if name not in self._make:
            return error("404 Not Found", f"there is no model {name}")
        self._clean()
        return ("200 OK", *self._reply(path.endswith("chat"), name, body))

    def _clean(self):
        for name in [name for name, (_, begun, kept) in self._here.items() if kept >= 0 and self._now() >= begun + kept * 10**9]:
            del self._here[name]

    def _reply(self, chat, name, body):
        times = [self._now()]
        kept = body.get("keep_alive", 300)

        def shape(text, rest):
            head = {"model": name, "created_at": datetime.now(UTC).isoformat()}
            return head | ({"message": {"role": "assistant", "content": text}} if chat else {"response": text}) | {"done": bool(rest)} | rest

        wanted = body.get("messages", []) if chat else body.get("prompt", "")
        if not wanted and kept == 0:
            self._here.pop(name, None)
            return "application/json", [shape("", {"done": True, "done_reason": "unload"})]
        if name in self._here:
            model = self._here[name][0]
        else:
            while len(self._here) >= self._room:
                self._here.popitem(last=False)
            model = self._make[name]()
        self._here[name] = (model, times[0], kept)
        self._here.move_to_end(name)
        if not wanted:
            return "application/json", [shape("", {"done": True, "done_reason": "load"})]
        times.append(self._now())
        prompt = model.encode(model.prompt(wanted) if chat else wanted)
        pieces = self._pieces(model, prompt, body.get("options", {}), times)
        if body.get("stream", True):
            return "application/x-ndjson", (shape(*each) for each in pieces)
        text, rest = "", {}
        for piece, more in pieces:
            text, rest = text + piece, more
        return "application/json", [shape(text, rest)]

    def _pieces(self, model, prompt, options, times):
        stops = options.get("stop", [])
        if type(stops) is str:
            stops = [stops]
        most = options.get("num_predict", 128)
        heat = options.get("temperature", 0.8)
        dice = torch.default_generator
        if "seed" in options:
            dice = torch.Generator()
            dice.manual_seed(options["seed"])
        raw, given, out, why = b"", 0, [], "length"  # all bytes of the answer; how many characters were written
        while most < 0 or len(out) < most:
            scores = model.logits(prompt + out)
            if len(times) == 2:
                times.append(self._now())
            if heat == 0:
                token = min(range(len(scores)), key=lambda i: (-float(scores[i]), i))
            else:
                token = torch.multinomial(torch.softmax(scores / heat, 0), 1, generator=dice).item()
            if token == model.eos:
                why = "stop"
                break
            out.append(token)
            raw += model.piece(token)
            text = self._whole(raw)
            places = sorted(text.find(stop, 0) for stop in stops if text.find(stop) >= 0)
            if places:
                why, raw = "stop", text[: places[0]].encode("utf-8", "surrogatepass")
                break
            safe = len(text)
            for start in range(len(text) - 1, given - 1, -1):
                if any(stop[: len(text) - start] == text[start:] for stop in stops):
                    safe = start
            if safe > given:
                yield text[given:safe], {}
                given = safe
        text = raw.decode("utf-8", "replace")
        if text[given:]:
            yield text[given:], {}
        if len(times) == 2:
            times.append(times[1])
        times.append(self._now())
        start, there, first, end = times
        yield "", {
            "done": True, "done_reason": why, "total_duration": end - start, "load_duration": there - start, "prompt_eval_count": len(prompt),
            "prompt_eval_duration": first - there, "eval_count": len(out), "eval_duration": end - first,
        }  # fmt: skip

    @staticmethod
    def _whole(raw):
        """The text of the bytes, without the beginning of a character at their end."""
        for n in range(1, 4):
            tail = raw[-n:]
            if len(tail) == n and tail[0] >= 0xC0:
                need = 2 if tail[0] < 0xE0 else 3 if tail[0] < 0xF0 else 4
                possible = tail[0] <= 0xF4 and tail[0] >= 0xC2 and all(0x80 <= byte < 0xC0 for byte in tail[1:])
                if possible and n < need:
                    return raw[:-n].decode("utf-8", "replace")
                break
        return raw.decode("utf-8", "replace")


@alternative("a generator with a state machine; json lines are made by hand; last use is a number")
class App:
    def __init__(self, models, max_loaded=1, clock=None):
        self.models, self.max_loaded, self.clock = models, max_loaded, clock or time.monotonic_ns
        self.kept, self.turn = {}, 0

    def __call__(self, environ, start_response):
        def reply(status, value):
            start_response(status, [("Content-Type", "application/json")])
            return [json.dumps(value).encode()]

        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        now = self.clock()
        for name in list(self.kept):
            if now >= self.kept[name]["until"]:
                self.kept.pop(name)
        if path in ("/api/tags", "/api/ps") and method == "GET":
            names = self.models if path == "/api/tags" else sorted(self.kept, key=lambda name: -self.kept[name]["turn"])
            return reply("200 OK", {"models": [{"name": n, "model": n} for n in names]})
        if path in ("/api/generate", "/api/chat") and method == "POST":
            size = int(environ.get("CONTENT_LENGTH") or "0")
            try:
                asked = json.loads(environ["wsgi.input"].read(size).decode())
                model_name = asked["model"]
                assert isinstance(asked, dict)
            except Exception:
                return reply("400 Bad Request", {"error": "this is no request with a model"})
            if model_name not in self.models:
                return reply("404 Not Found", {"error": "no model " + model_name})
            return self.write(path[5:], asked, start_response, now)
        known = path in ("/api/tags", "/api/ps", "/api/generate", "/api/chat")
        return reply("405 Method Not Allowed" if known else "404 Not Found", {"error": "not here"})

    def write(self, what, asked, start_response, began):
        name, chat = asked["model"], what == "chat"
        alive = asked.get("keep_alive", 300)
        text = asked.get("messages") if chat else asked.get("prompt")

        def one(text, **more):
            record = {"model": name, "created_at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f+00:00"), "done": False, **more}
            record["message" if chat else "response"] = {"role": "assistant", "content": text} if chat else text
            return json.dumps(record).encode() + b"\n"

        if not text and alive == 0:
            self.kept.pop(name, None)
        else:
            if name not in self.kept:
                while len(self.kept) >= self.max_loaded:
                    self.kept.pop(min(self.kept, key=lambda each: self.kept[each]["turn"]))
                self.kept[name] = {"model": self.models[name]()}
            self.turn += 1
            self.kept[name] |= {"turn": self.turn, "until": float("inf") if alive < 0 else began + alive * 1_000_000_000}
        if not text:
            start_response("200 OK", [("Content-Type", "application/json")])
            return [one("", done=True, done_reason="unload" if alive == 0 else "load")]
        model, loaded = self.kept[name]["model"], self.clock()
        options = asked.get("options") or {}
        tokens = model.encode(model.prompt(text) if chat else text)
        stream = asked.get("stream", True)
        start_response("200 OK", [("Content-Type", "application/x-ndjson" if stream else "application/json; charset=utf-8")])
        parts = self.parts(model, tokens, options, began, loaded)
        if stream:
            return (one(each[0], **each[1]) for each in parts)
        every = list(parts)
        return [one("".join(each[0] for each in every), **every[-1][1])]

    def parts(self, model, prompt, options, began, loaded):
        stops = options.get("stop") or ()
        stops = (stops,) if isinstance(stops, str) else stops
        generator = torch.Generator().manual_seed(options["seed"]) if "seed" in options else None
        count, wait, loose, first, reason = 0, "", b"", None, None
        tokens = [*prompt]
        while reason is None:
            if count == options.get("num_predict", 128):
                reason = "length"
                continue
            logits = model.logits(tokens)
            first = self.clock() if first is None else first
            heat = options.get("temperature", 0.8)
            probs = (logits / heat).softmax(0) if heat else None
            token = int(logits.argmax()) if not heat else int(probs.multinomial(1, generator=generator))
            if token == model.eos:
                reason = "stop"
                continue
            tokens.append(token)
            count += 1
            loose += model.piece(token)
            whole = loose
            while whole and not self.complete(loose[len(whole) :], whole):
                whole = whole[:-1]
            wait, loose = wait + whole.decode("utf-8", "replace"), loose[len(whole) :]
            hits = [wait.index(stop) for stop in stops if stop in wait]
            if hits:
                wait, loose, reason = wait[: min(hits)], b"", "stop"
                continue
            n = 0
            while n < len(wait) and not any(stop.startswith(wait[n:]) for stop in stops):
                n += 1
            if n:
                yield wait[:n], {}
                wait = wait[n:]
        wait += loose.decode("utf-8", "replace")
        if wait:
            yield wait, {}
        end = self.clock()
        first = loaded if first is None else first
        yield "", {
            "done": True, "done_reason": reason, "prompt_eval_count": len(prompt), "eval_count": count, "total_duration": end - began,
            "load_duration": loaded - began, "prompt_eval_duration": first - loaded, "eval_duration": end - first,
        }  # fmt: skip

    @staticmethod
    def complete(rest, whole):
        """Whether nothing at the end of `whole` waits for more bytes."""
        try:
            whole.decode("utf-8")
            return True
        except UnicodeDecodeError as error:
            return error.reason != "unexpected end of data"


@alternative("a table of functions by path; generators through which tokens, characters and lines run; memory as a list of the newest first")
class App:
    def __init__(self, models, max_loaded=1, clock=None):
        clock = clock or time.monotonic_ns
        here = []  # [name, model, the end of its time or None], the newest first

        def look(name):
            now = clock()
            here[:] = [each for each in here if each[2] is None or each[2] > now]
            return next((each[1] for each in here if each[0] == name), None)

        def listing(names):
            return 200, [{"models": [{"name": name, "model": name} for name in names]}], False

        def tags():
            return listing(models)

        def ps():
            look(None)
            return listing([each[0] for each in here])

        def written(wrap, asked, given):
            name, begun, kept = asked["model"], clock(), asked.get("keep_alive", 300)
            model, stays = look(name), not (kept == 0 and not given)
            here[:] = [each for each in here if each[0] != name]

            def stamped(text, end=None):
                return {"model": name, "created_at": datetime.now(UTC).isoformat(timespec="microseconds"), **wrap(text), "done": end is not None, **(end or {})}

            if stays:
                if model is None:
                    del here[max_loaded - 1 :]
                    model = models[name]()
                here.insert(0, [name, model, None if kept < 0 else begun + round(kept * 1e9)])
            if not given:
                return 200, [stamped("", {"done_reason": "load" if stays else "unload"})], False
            end = {"total_duration": begun, "load_duration": clock()}
            tokens = model.encode(given if isinstance(given, str) else model.prompt(given))
            texts = held(spelled(drawn(model, tokens, asked.get("options") or {}, end), model), asked.get("options") or {}, end)
            lines = itertools.chain(map(stamped, texts), (stamped("", settled(end)) for _ in "1"))
            if asked.get("stream", True):
                return 200, lines, True
            text = "".join(texts)
            return 200, [stamped(text, settled(end))], False

        def drawn(model, tokens, options, end):
            """Tokens, until the model says that it is enough, or as many as are wanted."""
            dice = torch.Generator().manual_seed(options["seed"]) if "seed" in options else None
            heat, most = options.get("temperature", 0.8), options.get("num_predict", 128)
            end |= {"prompt_eval_count": len(tokens), "eval_count": 0, "done_reason": "length", "first": None}
            for n in itertools.count():
                if n == most:
                    return
                logits = model.logits(list(tokens))
                if end["first"] is None:
                    end["first"] = clock()
                token = int(torch.multinomial(torch.softmax(logits / heat, -1), 1, generator=dice)[0]) if heat else int(logits.max(0).indices)
                if token == model.eos:
                    end["done_reason"] = "stop"
                    return
                end["eval_count"] = n + 1
                tokens = [*tokens, token]
                yield token

        def spelled(tokens, model):
            """The text of each token, and at the end what is left of a character, as a text of its own."""
            raw = b""
            for token in tokens:
                raw += model.piece(token)
                text, used = codecs.utf_8_decode(raw, "replace", False)
                raw = raw[used:]
                yield text
            yield None
            yield raw.decode("utf-8", "replace")

        def held(texts, options, end):
            """The same texts, later: nothing that may become a stop string, and nothing behind one."""
            stops = options.get("stop") or []
            stops = [stops] if isinstance(stops, str) else stops
            waits = ""
            for text in texts:
                if text is None:
                    yield from filter(None, [waits + next(texts)])
                    return
                waits += text
                cuts = [waits.partition(stop)[0] for stop in stops if stop in waits]
                if cuts:
                    end["done_reason"] = "stop"
                    yield from filter(None, [min(cuts, key=len)])
                    return
                ends = [waits[n:] for n in range(len(waits))]
                back = next((each for each in ends if any(stop.startswith(each) for stop in stops)), "")
                safe, waits = waits.removesuffix(back) if back else waits, back
                if safe:
                    yield safe

        def settled(end):
            begun, there, now = end["total_duration"], end["load_duration"], clock()
            first = end.pop("first")
            first = there if first is None else first
            return end | {"total_duration": now - begun, "load_duration": there - begun, "prompt_eval_duration": first - there, "eval_duration": now - first}

        def generate(asked):
            return written(lambda text: {"response": text}, asked, asked.get("prompt"))

        def chat(asked):
            return written(lambda text: {"message": {"role": "assistant", "content": text}}, asked, asked.get("messages"))

        def posted(function):
            def answer(environ):
                try:
                    asked = json.loads(environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)))
                except (ValueError, UnicodeDecodeError):
                    return 400, [{"error": "not JSON"}], False
                if not isinstance(asked, dict) or "model" not in asked:
                    return 400, [{"error": "an object with a model is needed"}], False
                if asked["model"] not in models:
                    return 404, [{"error": "no " + str(asked["model"])}], False
                return function(asked)

            return answer

        def got(function):
            return lambda environ: function()

        self.routes = {
            "/api/tags": {"GET": got(tags)}, "/api/ps": {"GET": got(ps)},
            "/api/generate": {"POST": posted(generate)}, "/api/chat": {"POST": posted(chat)},
        }  # fmt: skip

    def __call__(self, environ, start_response):
        methods = self.routes.get(environ["PATH_INFO"])
        if methods is None:
            answer = 404, [{"error": "nothing is here"}], False
        elif environ["REQUEST_METHOD"] not in methods:
            answer = 405, [{"error": "not with this method"}], False
        else:
            answer = methods[environ["REQUEST_METHOD"]](environ)
        status, lines, stream = answer
        reason = {200: "OK", 400: "Bad Request", 404: "Not Found", 405: "Method Not Allowed"}[status]
        start_response(f"{status} {reason}", [("Content-Type", "application/x-ndjson" if stream else "application/json")])
        return ((json.dumps(line) + "\n").encode() for line in lines)


class Automaton:
    """All stop strings at once (Aho and Corasick): after each character, the longest end of the text that begins one of them."""

    def __init__(self, stops):
        self.stops, self.nodes = set(stops), {stop[:n] for stop in stops for n in range(len(stop) + 1)} | {""}

    def step(self, node, character):
        node += character
        while node not in self.nodes:
            node = node[1:]
        return node

    def found(self, node):
        """The longest stop string that ends here, or None."""
        return next((node[i:] for i in range(len(node)) if node[i:] in self.stops), None)


@alternative("an iterator with a state and a queue of lines; an automaton for stop strings, character by character; a heap of the times at which models go")
class App:
    def __init__(self, models, max_loaded=1, clock=None):
        self.models, self.max_loaded, self.clock = models, max_loaded, clock or time.monotonic_ns
        self.there, self.order, self.alarms, self.number = {}, {}, [], 0

    def forget(self, name):
        self.there.pop(name, None)
        self.order.pop(name, None)

    def ring(self):
        now = self.clock()
        while self.alarms and self.alarms[0][0] <= now:
            _, number, name = heapq.heappop(self.alarms)
            if self.order.get(name) == number:  # nobody has asked for it since
                self.forget(name)

    def fetch(self, name, kept, now):
        if name not in self.there:
            while len(self.there) >= self.max_loaded:
                self.forget(min(self.order, key=self.order.get))
            self.there[name] = self.models[name]()
        self.number += 1
        self.order[name] = self.number
        if kept >= 0:
            heapq.heappush(self.alarms, (now + int(kept * 10**9), self.number, name))
        return self.there[name]

    def __call__(self, environ, start_response):
        def plain(status, value):
            start_response(status, [("Content-Type", "application/json")])
            return [json.dumps(value).encode()]

        self.ring()
        match environ["REQUEST_METHOD"], environ["PATH_INFO"]:
            case "GET", "/api/tags":
                return plain("200 OK", {"models": [{"name": name, "model": name} for name in self.models]})
            case "GET", "/api/ps":
                newest = sorted(self.order, key=self.order.get, reverse=True)
                return plain("200 OK", {"models": [{"name": name, "model": name} for name in newest]})
            case "POST", "/api/generate" | "/api/chat":
                pass
            case _, "/api/tags" | "/api/ps" | "/api/generate" | "/api/chat":
                return plain("405 Method Not Allowed", {"error": "another method is wanted"})
            case _, path:
                return plain("404 Not Found", {"error": f"{path} is not there"})
        raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        try:
            asked = json.loads(raw)
        except ValueError:
            return plain("400 Bad Request", {"error": "JSON is wanted"})
        if not isinstance(asked, dict) or not isinstance(asked.get("model"), str):
            return plain("400 Bad Request", {"error": "a model is wanted"})
        if asked["model"] not in self.models:
            return plain("404 Not Found", {"error": f"{asked['model']} is not there"})
        answer = Answer(self, environ["PATH_INFO"] == "/api/chat", asked)
        if answer.done or not asked.get("stream", True):
            return plain("200 OK", answer.whole())
        start_response("200 OK", [("Content-Type", "application/x-ndjson")])
        return answer


class Answer:
    """Writes one answer: each `next` goes from state to state until there is a line."""

    def __init__(self, app, chat, asked):
        self.app, self.chat, self.name, self.begun = app, chat, asked["model"], app.clock()
        self.options, self.done, self.lines, self.written, self.closing = asked.get("options") or {}, False, [], "", None
        given, kept = asked.get("messages" if chat else "prompt"), asked.get("keep_alive", 300)
        if not given and kept == 0:
            app.forget(self.name)
            self.finish("unload")
            return
        self.model = app.fetch(self.name, kept, self.begun)
        if not given:
            self.finish("load")
            return
        self.loaded = self.first = app.clock()
        self.tokens = list(self.model.encode(self.model.prompt(given) if chat else given))
        self.given, self.asked_yet = len(self.tokens), False
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")
        stops = self.options.get("stop") or []
        self.automaton, self.node, self.held = Automaton([stops] if isinstance(stops, str) else stops), "", ""
        self.dice = torch.Generator() if "seed" in self.options else torch.default_generator
        if "seed" in self.options:
            self.dice.manual_seed(self.options["seed"])

    def __iter__(self):
        return self

    def __next__(self):
        while not self.lines:
            if self.done:
                raise StopIteration
            self.advance()
        return json.dumps(self.lines.pop(0)).encode() + b"\n"

    def whole(self):
        while not self.done:
            self.advance()
        last = self.lines[-1]
        if self.chat:
            last["message"]["content"] = self.written
        else:
            last["response"] = self.written
        return last

    def say(self, text, **more):
        self.written += text
        said = {"message": {"role": "assistant", "content": text}} if self.chat else {"response": text}
        self.lines.append({"model": self.name, "created_at": datetime.now(UTC).isoformat(), **said, "done": False, **more})

    def finish(self, reason, **counts):
        self.done = True
        self.say("", **{"done": True, "done_reason": reason, **counts})

    def end(self, reason, text):
        self.closing = reason
        if text:
            self.say(text)
        else:
            self.advance()

    def close(self):
        now = self.app.clock()
        self.finish(
            self.closing, total_duration=now - self.begun, load_duration=self.loaded - self.begun, prompt_eval_count=self.given,
            prompt_eval_duration=self.first - self.loaded, eval_count=len(self.tokens) - self.given, eval_duration=now - self.first,
        )  # fmt: skip

    def advance(self):
        """One token, or the end."""
        if self.closing:
            return self.close()
        if len(self.tokens) - self.given == self.options.get("num_predict", 128):
            return self.end("length", self.held + self.decoder.decode(b"", True))
        logits = self.model.logits(list(self.tokens))
        if not self.asked_yet:
            self.asked_yet, self.first = True, self.app.clock()
        heat = self.options.get("temperature", 0.8)
        if heat > 0:
            token = torch.multinomial(torch.nn.functional.softmax(logits.div(heat), dim=0), num_samples=1, generator=self.dice).item()
        else:
            token = logits.tolist().index(max(logits.tolist()))
        if token == self.model.eos:
            return self.end("stop", self.held + self.decoder.decode(b"", True))
        self.tokens.append(token)
        cut = None
        for character in self.decoder.decode(self.model.piece(token)):
            self.held, self.node = self.held + character, self.automaton.step(self.node, character)
            stop = self.automaton.found(self.node)
            if stop is not None:
                begins = len(self.held) - len(stop)
                cut = begins if cut is None else min(cut, begins)
        if cut is not None:
            return self.end("stop", self.held[:cut])
        free = len(self.held) - len(self.node)
        if free:
            self.say(self.held[:free])
            self.held = self.held[free:]


@dataclass
class Loaded:
    model: object
    used: int
    kept: float

    def gone(self, now):
        return self.kept >= 0 and now - self.used >= self.kept * 1e9


@dataclass
class Writing:
    """What has been written: all bytes, read anew for each token, and patterns that know where stop strings are or may begin."""

    stops: list
    raw: bytes = b""
    sent: int = 0
    patterns: tuple = field(init=False)

    def __post_init__(self):
        begun = sorted({stop[:n] for stop in self.stops for n in range(1, len(stop))}, key=len, reverse=True)
        self.patterns = tuple(
            # A match is looked for at each place: the first place decides, and there it does not matter which.
            re.compile("|".join(map(re.escape, texts))) if texts else None for texts in (self.stops, begun)
        )  # fmt: skip

    def add(self, piece):
        """(text that can be sent, whether a stop string came)."""
        self.raw += piece
        text, _ = codecs.utf_8_decode(self.raw, "replace", False)
        full, begun = self.patterns
        hit = full.search(text, self.sent) if full else None
        if hit:
            return text[self.sent : hit.start()], True
        until = len(text)
        if begun:
            until = next((i for i in range(self.sent, len(text)) if begun.fullmatch(text, i)), len(text))
        news, self.sent = text[self.sent : until], until
        return news, False

    def rest(self):
        return self.raw.decode("utf-8", errors="replace")[self.sent :]


@alternative("dataclasses; all bytes are read anew after each token; regular expressions for stop strings and for their beginnings")
class App:
    def __init__(self, models, max_loaded=1, clock=None):
        self.models, self.max_loaded, self.clock, self.memory = models, max_loaded, clock or time.monotonic_ns, {}

    def __call__(self, environ, start_response):
        result = self.result(environ["REQUEST_METHOD"], environ["PATH_INFO"], environ)
        status, value = result if isinstance(result, tuple) else ("200 OK", result)
        stream = not isinstance(value, dict)
        start_response(status, [("Content-Type", "application/x-ndjson" if stream else "application/json")])
        return (json.dumps(each, separators=(",", ":")).encode() + b"\n" for each in value) if stream else [json.dumps(value).encode()]

    def result(self, method, path, environ):
        which = re.fullmatch("/api/(?:(tags|ps)|(generate|chat))", path)
        if not which:
            return "404 Not Found", {"error": "no such page"}
        if method != ("GET" if which[1] else "POST"):
            return "405 Method Not Allowed", {"error": "no such method"}
        now = self.clock()
        for name in [name for name, loaded in self.memory.items() if loaded.gone(now)]:
            del self.memory[name]
        if which[1]:
            names = self.models if which[1] == "tags" else reversed(self.memory)
            return {"models": [{"name": name, "model": name} for name in names]}
        try:
            asked = json.loads(environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"] or 0)))
            name = asked["model"]
        except (ValueError, TypeError, KeyError):
            return "400 Bad Request", {"error": "send an object with a model"}
        if name not in self.models:
            return "404 Not Found", {"error": f"there is nothing called {name}"}
        return self.answer(which[2] == "chat", name, asked, now)

    def answer(self, chat, name, asked, begun):
        def record(text, **more):
            said = dict(message=dict(role="assistant", content=text)) if chat else dict(response=text)
            return dict(model=name, created_at=datetime.now(UTC).isoformat(), **said, done=bool(more), **more)

        given, kept = asked.get("messages" if chat else "prompt"), asked.get("keep_alive", 300)
        before = self.memory.pop(name, None)
        if not given and kept == 0:
            return record("", done_reason="unload")
        if before is None:
            while len(self.memory) >= self.max_loaded:
                self.memory.pop(next(iter(self.memory)))
        model = before.model if before else self.models[name]()
        self.memory[name] = Loaded(model, begun, kept)
        if not given:
            return record("", done_reason="load")
        lines = self.lines(model, model.encode(model.prompt(given) if chat else given), asked.get("options") or {}, record, begun, self.clock())
        if asked.get("stream", True):
            return lines
        every = list(lines)
        content = "".join(line["message"]["content"] if chat else line["response"] for line in every)
        return every[-1] | ({"message": {"role": "assistant", "content": content}} if chat else {"response": content})

    def lines(self, model, prompt, options, record, begun, there):
        stops, most, heat = options.get("stop") or [], options.get("num_predict", 128), options.get("temperature", 0.8)
        writing = Writing([stops] if isinstance(stops, str) else list(stops))
        random = {"generator": torch.Generator().manual_seed(options["seed"])} if "seed" in options else {}
        answer, first, reason = [], there, None
        while not reason:
            if len(answer) == most:
                reason = "length"
                break
            logits = model.logits([*prompt, *answer])
            first = first if answer else self.clock()
            if heat == 0:
                token = int((logits == logits.max()).nonzero()[0, 0])
            else:
                token = (logits / heat).softmax(-1).multinomial(1, **random).tolist()[0]
            if token == model.eos:
                reason = "stop"
                break
            answer.append(token)
            news, stopped = writing.add(model.piece(token))
            if news:
                yield record(news)
            if stopped:
                writing, reason = None, "stop"
        rest = writing.rest() if writing else ""
        if rest:
            yield record(rest)
        end = self.clock()
        yield record(
            "", done_reason=reason, total_duration=end - begun, load_duration=there - begun, prompt_eval_count=len(prompt),
            prompt_eval_duration=first - there, eval_count=len(answer), eval_duration=end - first,
        )  # fmt: skip
