"""Wrong ways to write framework/ollama_server, each with the sentence that a student should read."""

from autograder.checks import mistake

LINE = 'json.dumps(each).encode() + b"\\n" for each in body'
DECODER = 'decoder = codecs.getincrementaldecoder("utf-8")("replace")'
FREE = "free = len(held) - _begun(held, stops)"
ENDS = "ends = [held.find(stop) for stop in stops if stop in held]"
FLUSH = '    if decoder is not None:\n        held += decoder.decode(b"", final=True)\n'

mistake("Your lines are server-sent events with `data:` before each object. NDJSON has the object alone.", edit={LINE: 'b"data: " + json.dumps(each).encode() + b"\\n\\n" for each in body'})
mistake("Your objects have no line feed between them.", edit={LINE: "json.dumps(each).encode() for each in body"})
mistake("Your objects are written over several lines. Each is one line.", edit={LINE: 'json.dumps(each, indent=1).encode() + b"\\n" for each in body'})
mistake(
    "Each token is decoded by itself. A character whose bytes come in several tokens is lost: use an incremental decoder.",
    edit={"held += decoder.decode(model.piece(token))": 'held += model.piece(token).decode("utf-8", "replace")', FLUSH: ""},
)
mistake("Bytes that are no UTF-8 are left out. Each becomes U+FFFD.", edit={DECODER: 'decoder = codecs.getincrementaldecoder("utf-8")("ignore")'})
mistake("What is left of a character at the end is dropped. It becomes U+FFFD.", edit={FLUSH: ""})
mistake("Stop strings are looked for in the newest token alone. They may lie over several.", edit={ENDS: "ends = [held.find(stop) for stop in stops if stop in held and stop in model.piece(token).decode('utf-8', 'replace')]"})
mistake("Nothing is held back: the beginning of a stop string has been written before it is complete.", edit={FREE: "free = len(held)"})
mistake(
    "You hold back as many characters as the longest stop string has, whatever they are. Hold back what is the beginning of one.",
    edit={FREE: "free = len(held) - max(map(len, stops), default=1) + 1"},
)
mistake("The stop string itself is written.", edit={"held[: min(ends)], None": "held[: min(ends) + len(stops[0])], None"})
mistake("Of several stop strings, the one that stands first in the list decides. The one that begins first in the text does.", edit={"held[: min(ends)], None": "held[: ends[0]], None"})
mistake("What was held back is lost when the answer ends.", edit={"    if held:\n        yield held, {}\n    end = clock()": '    if held and reason == "stop" and decoder is None:\n        yield held, {}\n    end = clock()'})
mistake("A single string as `stop` is taken for a list of letters.", edit={"    stops = [stops] if isinstance(stops, str) else stops\n": "    stops = list(stops)\n"})
mistake("eos counts as a token that was written.", edit={'"eval_count": len(tokens) - len(prompt),': '"eval_count": len(tokens) - len(prompt) + (reason == "stop" and decoder is not None),'})
mistake("One token more than num_predict is written.", edit={"len(tokens) - len(prompt) < most": "len(tokens) - len(prompt) <= most"})
mistake("num_predict -1 writes nothing. It means that there is no bound.", edit={"while most < 0 or len": "while len"})
mistake("done_reason is \"stop\" always. It is \"length\" where num_predict ended the answer.", edit={'first, reason = list(prompt), "", there, "length"': 'first, reason = list(prompt), "", there, "stop"'})
mistake("Lines without text are written.", edit={"        if free:\n            yield": "        if True:\n            yield"})
mistake(
    "The whole answer is made before its first line is given. Lines come as they are made.",
    edit={"(line(text, **more) for text, more in parts)": "iter([line(text, **more) for text, more in parts])"},
)
mistake("The seed is set in torch's global generator.", edit={
    "torch.multinomial((logits / temperature).softmax(-1), 1, generator=generator)": "torch.multinomial((logits / temperature).softmax(-1), 1)"})  # fmt: skip
mistake("Without a seed your server draws the same each time.", edit={'options["seed"]) if "seed" in options else None': 'options.get("seed", 0))'})
mistake("The seed is ignored.", edit={'torch.Generator().manual_seed(options["seed"]) if "seed" in options else None': "None"})
mistake("The temperature multiplies the logits.", edit={"(logits / temperature).softmax": "(logits * temperature).softmax"})
mistake("The model that was loaded first is forgotten. Forget the one that was asked for the longest time ago.", edit={
    "model = self.loaded.pop(name, (None, 0))[0]": "model = self.loaded.get(name, (None, 0))[0]"})  # fmt: skip
mistake("Each request loads its model anew.", edit={"model = self.models[name]() if model is None else model": "model = self.models[name]()"})
mistake("You ask `if model`, and load a model of length 0 again although it is in memory. Ask whether it `is None`.", edit={"self.models[name]() if model is None else model": "model or self.models[name]()"})
mistake("keep_alive is taken in nanoseconds.", edit={"now + keep_alive * 1e9": "now + keep_alive"})
mistake("A negative keep_alive forgets at once. It means never.", edit={'float("inf") if keep_alive < 0 else now': "now"})
mistake("An unknown model has the status 400.", edit={'"404 Not Found", f"model': '"400 Bad Request", f"model'})
mistake("You read the body up to its end. The connection stays open: read as many bytes as CONTENT_LENGTH says.", edit={'.read(int(environ.get("CONTENT_LENGTH") or 0))': ".read()"}, crashes=True)
mistake("Bytes that are no JSON raise out of your application, and the server answers with an error of its own.", edit={"    except ValueError:\n        asked = None\n": "    except KeyError:\n        asked = None\n"}, crashes=True)
mistake(
    "Only a keep_alive of -1 means never. Any negative number does.",
    edit={'float("inf") if keep_alive < 0': 'float("inf") if keep_alive == -1'},
)
mistake(
    "An answer ends before the last place where a stop string begins. It ends before the first one: a token may hold it twice.",
    edit={"held.find(stop) for stop": "held.rfind(stop) for stop"},
)
