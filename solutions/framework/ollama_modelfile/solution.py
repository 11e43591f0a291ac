"""Ollama's Modelfile: a text that says from which weights, with which parameters and with which prompt format a model is made.

White space means spaces, tabs and line breaks (U+000A, U+000D, or both, which count as one line). Arguments are left as they were.
"""

import re
from dataclasses import dataclass


@dataclass
class Command:
    """One command of a Modelfile. Nothing to write here."""

    name: str
    args: str


class ModelfileError(ValueError):
    """What is wrong with a Modelfile, and in which line. Nothing to write here."""

    def __init__(self, line: int, msg: str) -> None:
        super().__init__(f"line {line}: {msg}")
        self.line = line


# BEGIN SOLUTION
SPACE = " \t\r\n"
WORDS = ("from", "license", "template", "system", "adapter", "draft", "renderer", "parser", "parameter", "message", "requires")


def value_of(text: str) -> str | None:
    """What a text without white space around stands for, or None if its quotes are not closed."""
    for quote in ('"""', '"'):
        if text.startswith(quote):
            return text[len(quote) : -len(quote)] if len(text) >= 2 * len(quote) and text.endswith(quote) else None
    return text


# END SOLUTION


def parse_modelfile(data: str | bytes) -> list[Command]:
    """The commands of a Modelfile, in order, all of them.

    data: the text, or its bytes: UTF-16 where they begin with the byte order mark FF FE (little endian) or FE FF (big endian), else UTF-8, perhaps
    with a byte order mark of its own. A byte order mark is no part of the text.

    Between commands, white space does not matter, and what begins with # is a comment to the end of its line. A command is a word (FROM, LICENSE,
    TEMPLATE, SYSTEM, ADAPTER, DRAFT, RENDERER, PARSER, PARAMETER, MESSAGE or REQUIRES, in upper or lower case), one or more spaces or tabs, and a
    value.

    The value is what is left of the line, without white space around. If it begins with a quote, three (\"\"\") or one ("), it can have several
    lines. At the end of each line one looks at all that was read of it so far, without white space around. Where that ends with the same quote (one
    that is not the beginning), the value is complete: what stands between the two, unchanged. So a quote in the middle of a line never ends a
    value. A # inside a value is no comment. Where no quote comes first, quotes are ordinary characters.

    Names: "model" for FROM; the word in lower case for the others; for PARAMETER the name of the parameter (A to Z, a to z, 0 to 9 and _), which
    stands before its value; "message" for MESSAGE, where a role stands before the value, and args is "ROLE: VALUE". The role is system, user or
    assistant. Some commands may come more than once, and FROM may come anywhere.

    Raises ModelfileError with the line (from 1) in which the command begins: for a word that is no command, a role or a name that is none, a
    command, a parameter or a message without a value (an empty one is written ""), and quotes that are never closed. With line 0 if there is no
    FROM.

    >>> parse_modelfile("FROM llama3\\nPARAMETER stop \\"User: \\"\\nMESSAGE user Hi there! ")[1].args
    'User: '
    >>> parse_modelfile("FROM llama3\\nPARAMETER stop \\"User: \\"\\nMESSAGE user Hi there! ")[2].args
    'user: Hi there!'
    >>> parse_modelfile("SYSTEM hi")
    Traceback (most recent call last):
    ModelfileError: line 0: there is no FROM
    """
    # BEGIN SOLUTION
    if isinstance(data, bytes):
        data = data.decode("utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8")
    lines = re.findall(r"[^\r\n]*(?:\r\n|\r|\n)|[^\r\n]+", data.removeprefix("\ufeff"))
    commands, at = [], 0
    while at < len(lines):
        rest, begin = lines[at].lstrip(SPACE), at + 1
        at += 1
        if not rest or rest.startswith("#"):
            continue
        word = re.match(r"([A-Za-z]+)[ \t]+", rest)
        if word is None or word[1].lower() not in WORDS:
            raise ModelfileError(begin, "this is no command")
        name, before, rest = word[1].lower(), "", rest[word.end() :]
        if name in ("parameter", "message"):
            first = re.match(r"(\w+)[ \t]+", rest, re.ASCII)
            if first is None or (name == "message" and first[1] not in ("system", "user", "assistant")):
                raise ModelfileError(begin, f"what stands behind {name.upper()} is none")
            name, before = (name, first[1] + ": ") if name == "message" else (first[1], "")
            rest = rest[first.end() :]
        while (value := value_of(rest.strip(SPACE))) is None:
            if at == len(lines):
                raise ModelfileError(begin, "the quotes are never closed")
            rest += lines[at]
            at += 1
        if not rest.strip(SPACE):
            raise ModelfileError(begin, "the value is missing")
        commands.append(Command("model" if word[1].lower() == "from" else name, before + value))
    if not any(command.name == "model" for command in commands):
        raise ModelfileError(0, "there is no FROM")
    return commands
    # END SOLUTION


def format_modelfile(cmds: list[Command]) -> str:
    """Commands as a Modelfile that `parse_modelfile` reads as the same commands.

    Each command is its word in upper case (FROM for "model", MESSAGE and PARAMETER with the role or the name), one space, and the value, and ends
    with a line feed. A name that is none of the other words is that of a parameter. (So a parameter that is called like a command is taken for it,
    here as in Ollama.)

    A value is written as it is if that is enough: if it is not empty, has no line break, no white space around and no quote at its beginning.
    Else it stands in quotes: in three if there is a quote in it, in one if there is none. The commands are such as `parse_modelfile` gives them.

    >>> format_modelfile([Command("model", "llama3"), Command("stop", " User:"), Command("message", "system: Say\\n\\"hi\\".")])
    'FROM llama3\\nPARAMETER stop " User:"\\nMESSAGE system \"\"\"Say\\n"hi".\"\"\"\\n'
    """
    # BEGIN SOLUTION
    text = ""
    for command in cmds:
        word, value = command.name.upper(), command.args
        if command.name == "model":
            word = "FROM"
        elif command.name == "message":
            role, value = value.split(": ", 1)
            word = f"MESSAGE {role}"
        elif command.name not in WORDS:
            word = f"PARAMETER {command.name}"
        if not value or value != value.strip(SPACE) or value.startswith('"') or re.search("[\r\n]", value):
            quote = '"""' if '"' in value else '"'
            value = quote + value + quote
        text += f"{word} {value}\n"
    return text
    # END SOLUTION


def render_template(
    tmpl: str, *, system: str = "", prompt: str = "", response: str = "", messages: list[dict[str, str]] | None = None
) -> str:
    """The prompt that a template gives: a part of the templates of the language Go.

    Between {{ and }} stands an action, with or without white space around it; everything else is text. Actions:

    - .System, .Prompt, .Response: that argument. Inside a range: .Role and .Content of the message.
    - if FIELD … end, or if FIELD … else … end: the first part if the field is not empty, else the second one, if there is one. The field may also be
      .Messages.
    - range .Messages … end: the part once for each of the messages, {"role": …, "content": …}. With else, the second part if there are none.

    They may stand inside each other. {{- (with white space behind it) takes away all white space in the text before it, and -}} (with white space
    before it) all white space in the text behind it. It never takes any of a field. What a field holds is written as it is, also if it looks like
    an action.

    ValueError for an if or range without end, an end or else without one, and an action or a field that is none of these and would have to be
    evaluated.

    >>> render_template("{{ if .System }}<s>{{ .System }}\\n{{ end }}  {{- .Prompt }}!", prompt="Hi")
    'Hi!'
    >>> render_template("{{ range .Messages }}[{{ .Role }}] {{ .Content }};{{ end }}", messages=[{"role": "user", "content": "Hi"}])
    '[user] Hi;'
    """
    # BEGIN SOLUTION
    pieces = re.split(r"\{\{(-(?=\s))?\s*(.*?)\s*((?<=\s)-)?\}\}", tmpl, flags=re.DOTALL)
    texts, actions = pieces[::4], pieces[2::4]
    for i, (left, right) in enumerate(zip(pieces[1::4], pieces[3::4], strict=True)):
        texts[i] = texts[i].rstrip(SPACE) if left else texts[i]
        texts[i + 1] = texts[i + 1].lstrip(SPACE) if right else texts[i + 1]
    at = 0

    def block(inside: bool) -> tuple[list, str]:
        """The parts from here to the end of this block, and the action that ends it."""
        nonlocal at
        parts: list = [texts[at]]
        while at < len(actions):
            action = actions[at].split()
            at += 1
            if action in (["end"], ["else"]):
                if not inside:
                    raise ValueError(f"{action[0]} without a beginning")
                return parts, action[0]
            if len(action) == 2 and action[0] in ("if", "range"):
                first, last = block(True)
                second, last = block(True) if last == "else" else ([], last)
                if last != "end":
                    raise ValueError(f"{action[0]} without an end")
                parts.append((*action, first, second))
            else:
                parts.append(("", actions[at - 1], [], []))
            parts.append(texts[at])
        return parts, ""

    def written(parts: list, fields: dict) -> str:
        out = ""
        for part in parts:
            if isinstance(part, str):
                out += part
                continue
            word, field, first, second = part
            if field not in fields or (word != "if" and (word == "range") != (field == ".Messages")):
                raise ValueError(f"{field} is no field here")
            if not word:
                out += fields[field]
            elif word == "range" and fields[field]:
                out += "".join(written(first, {".Role": each["role"], ".Content": each["content"]}) for each in fields[field])
            else:
                out += written(first if fields[field] else second, fields)
        return out

    parts, _ = block(False)
    return written(parts, {".System": system, ".Prompt": prompt, ".Response": response, ".Messages": list(messages or [])})
    # END SOLUTION
