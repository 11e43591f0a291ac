"""Right ways to write framework/ollama_modelfile, done differently."""

import io
import re

from autograder.checks import alternative


@alternative("a state machine over characters, as Ollama's own")
def parse_modelfile(data):
    if isinstance(data, bytes):
        if data.startswith(b"\xff\xfe"):
            data = data[2:].decode("utf-16-le")
        elif data.startswith(b"\xfe\xff"):
            data = data[2:].decode("utf-16-be")
        else:
            data = data.decode("utf-8-sig")
    data = data[1:] if data[:1] == "\ufeff" else data
    commands, state, name, role, buffer, line, begin = [], "none", "", "", "", 1, 1

    def complete(text):
        text = text.strip(" \t\r\n")
        if text.startswith('"""'):
            return text[3:-3] if len(text) > 5 and text[-3:] == '"""' else None
        if text.startswith('"'):
            return text[1:-1] if len(text) > 1 and text[-1] == '"' else None
        return text

    def start(text):
        nonlocal name, role
        word, rest = re.fullmatch(r"([^ \t]*)[ \t]*(.*)", text, re.DOTALL).groups()
        name, role = word.lower(), ""
        known = ["from", "license", "template", "system", "adapter", "draft", "renderer", "parser", "parameter", "message", "requires"]
        if name not in known or word == text:
            raise ModelfileError(begin, "command")
        if name == "from":
            name = "model"
        elif name in ("parameter", "message"):
            first, rest = re.fullmatch(r"([^ \t]*)[ \t]*(.*)", rest, re.DOTALL).groups()
            if not rest or not re.fullmatch("[A-Za-z0-9_]+", first):
                raise ModelfileError(begin, "value")
            if name == "parameter":
                name = first
            else:
                role = first + ": "
                if first not in ("user", "system", "assistant"):
                    raise ModelfileError(begin, "role")
        if not rest.strip(" \t\r\n"):
            raise ModelfileError(begin, "value")
        return rest

    at = 0
    while at <= len(data):
        c = data[at : at + 1]
        if data[at : at + 2] == "\r\n":
            c = "\r\n"
        at += len(c) or 1
        newline = c in ("", "\r", "\n", "\r\n")
        if state == "none":
            if c == "#":
                state = "comment"
            elif not newline and c not in " \t":
                state, begin, buffer = "line", line, c
        elif state == "comment":
            state = "none" if newline else state
        elif not newline:
            buffer += c
        else:
            if state == "line":
                buffer = start(buffer)
            value = complete(buffer)
            if value is not None:
                commands.append(Command(name, role + value))
                state = "none"
            elif c == "":
                raise ModelfileError(begin, "quotes")
            else:
                buffer, state = buffer + c, "value"
        line += newline
    if "model" not in [command.name for command in commands]:
        raise ModelfileError(0, "FROM")
    return commands


@alternative("one pattern for a whole command")
def parse_modelfile(data):
    if isinstance(data, bytes):
        wide = data[:2] in {b"\xfe\xff", b"\xff\xfe"}
        data = data.decode("utf-16") if wide else data.decode()
    data = data.lstrip("\ufeff") if data.startswith("\ufeff") else data
    end = r"[ \t]*(?:\r\n|\r|\n|\Z)"
    command = re.compile(r"([A-Za-z]+)[ \t]+")
    patterns = r'"""(?P<v>.*?)"""', r'"(?!"")(?P<v>.*?)"', r'(?P<v>[^" \t\r\n][^\r\n]*?)'
    value = [re.compile(each + end, re.DOTALL) for each in patterns]
    words = {"FROM", "LICENSE", "TEMPLATE", "SYSTEM", "ADAPTER", "DRAFT", "RENDERER", "PARSER", "PARAMETER", "MESSAGE", "REQUIRES"}
    commands, at = [], 0
    while at < len(data):
        skip = re.compile(r"[ \t\r\n]+|#[^\r\n]*").match(data, at)
        if skip:
            at = skip.end()
            continue
        line = 1 + len(re.findall(r"\r\n|\r|\n", data[:at]))
        found = command.match(data, at)
        if not found or found[1].upper() not in words:
            raise ModelfileError(line, "no command")
        name, at, head = found[1].lower(), found.end(), ""
        if name in {"parameter", "message"}:
            more = re.compile(r"([0-9A-Za-z_]+)[ \t]+").match(data, at)
            if not more:
                raise ModelfileError(line, "no name")
            at = more.end()
            if name == "parameter":
                name = more[1]
            elif more[1] in {"assistant", "system", "user"}:
                head = more[1] + ": "
            else:
                raise ModelfileError(line, "no role")
        elif name == "from":
            name = "model"
        for pattern in value:
            match = pattern.match(data, at)
            if match:
                break
        else:
            raise ModelfileError(line, "no value")
        commands.append(Command(name, head + match["v"]))
        at = match.end()
    if all(each.name != "model" for each in commands):
        raise ModelfileError(0, "no FROM")
    return commands


@alternative("a writer that tries")
def format_modelfile(cmds):
    out = io.StringIO()
    plain = {"license", "template", "system", "adapter", "draft", "renderer", "parser", "requires"}
    for command in cmds:
        head, value = f"PARAMETER {command.name}", command.args
        if command.name in plain:
            head = command.name.upper()
        elif command.name == "model":
            head = "FROM"
        elif command.name == "message":
            role, _, value = value.partition(": ")
            head = "MESSAGE " + role
        if value == "" or value[0] in ' \t\r\n"' or value[-1] in " \t\r\n" or "\n" in value or "\r" in value:
            value = f'"""{value}"""' if '"' in value else f'"{value}"'
        print(head, value, file=out)
    return out.getvalue()


@alternative("closures: each part becomes a function of its fields")
def render_template(tmpl, *, system="", prompt="", response="", messages=None):
    tokens, last = [], 0
    for match in re.finditer(r"\{\{(.*?)\}\}", tmpl, re.DOTALL):
        action, before = match[1], tmpl[last : match.start()]
        if tokens and tokens[-1] == "trim":
            tokens.pop()
            before = before.lstrip(" \t\r\n")
        if re.match(r"-\s", action):
            action, before = action[1:], before.rstrip(" \t\r\n")
        trim = re.search(r"\s-$", action)
        action = action[:-1] if trim else action
        tokens += [("text", before), ("do", action.split())] + (["trim"] if trim else [])
        last = match.end()
    rest = tmpl[last:]
    if tokens and tokens[-1] == "trim":
        tokens.pop()
        rest = rest.lstrip(" \t\r\n")
    tokens.append(("text", rest))
    tokens.reverse()

    def look(name, fields):
        if name not in fields:
            raise ValueError(name)
        return fields[name]

    def sequence(ends):
        parts = []
        while tokens:
            kind, what = tokens.pop()
            if kind == "text":
                parts.append(lambda fields, what=what: what)
            elif what in (["end"], ["else"]):
                if what[0] not in ends:
                    raise ValueError(what)
                return (lambda fields: "".join(part(fields) for part in parts)), what[0]
            elif len(what) == 2 and what[0] in ("if", "range"):
                yes, end = sequence(("end", "else"))
                no = sequence(("end",))[0] if end == "else" else (lambda fields: "")
                if what[0] == "if":
                    parts.append(lambda fields, name=what[1], yes=yes, no=no: (yes if look(name, fields) else no)(fields))
                else:

                    def loop(fields, name=what[1], yes=yes, no=no):
                        if name != ".Messages":
                            raise ValueError(name)
                        each = look(name, fields)
                        return "".join(yes({".Role": m["role"], ".Content": m["content"]}) for m in each) if each else no(fields)

                    parts.append(loop)
            else:

                def field(fields, what=what):
                    name = " ".join(what)
                    if name == ".Messages":
                        raise ValueError(name)
                    return look(name, fields)

                parts.append(field)
        if ends:
            raise ValueError("no end")
        return (lambda fields: "".join(part(fields) for part in parts)), ""

    run, _ = sequence(())
    return run({".System": system, ".Prompt": prompt, ".Response": response, ".Messages": messages or []})


@alternative("a stack that is written to at once")
def render_template(tmpl, *, system="", prompt="", response="", messages=None):
    space = " \t\r\n"
    pieces = []
    while "{{" in tmpl and "}}" in tmpl[tmpl.index("{{") :]:
        text, _, rest = tmpl.partition("{{")
        action, _, tmpl = rest.partition("}}")
        if action[:1] == "-" and action[1:2] in tuple(space):
            text, action = text.rstrip(space), action[1:]
        if action[-1:] == "-" and action[-2:-1] in tuple(space):
            tmpl, action = tmpl.lstrip(space), action[:-1]
        pieces += [text, action.split()]
    pieces.append(tmpl)

    begun, matching = [], {}  # for each if and range: where its else and its end are
    for i in range(1, len(pieces), 2):
        if len(pieces[i]) == 2 and pieces[i][0] in ("if", "range"):
            begun.append(i)
            matching[i] = None, None
        elif pieces[i] in (["end"], ["else"]):
            if not begun or (pieces[i] == ["else"] and matching[begun[-1]][0] is not None):
                raise ValueError(pieces[i])
            if pieces[i] == ["else"]:
                matching[begun[-1]] = i, None
            else:
                at = begun.pop()
                matching[at] = matching[at][0], i
    if begun:
        raise ValueError("end")

    def run(begin, end, fields):
        out, at = [], begin
        while at < end:
            piece = pieces[at]
            if isinstance(piece, str):
                out.append(piece)
            elif len(piece) == 2 and piece[0] in ("if", "range"):
                other, stop = matching[at]
                if piece[1] not in fields or (piece[0] == "range" and piece[1] != ".Messages"):
                    raise ValueError(piece)
                value = fields[piece[1]]
                if not value:
                    out.append(run(other + 1, stop, fields) if other else "")
                elif piece[0] == "if":
                    out.append(run(at + 1, other or stop, fields))
                else:
                    out += [run(at + 1, other or stop, {".Role": m["role"], ".Content": m["content"]}) for m in value]
                at = stop
            elif len(piece) != 1 or piece[0] not in fields or piece[0] == ".Messages":
                raise ValueError(piece)
            else:
                out.append(fields[piece[0]])
            at += 1
        return "".join(out)

    return run(0, len(pieces), {".System": system, ".Prompt": prompt, ".Response": response, ".Messages": messages})
