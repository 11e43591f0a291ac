"""Right ways to write framework/ollama_server, done differently."""

import json
from collections import OrderedDict

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
