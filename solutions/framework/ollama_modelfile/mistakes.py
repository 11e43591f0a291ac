"""Wrong ways to write framework/ollama_modelfile, each with the sentence that a student should read."""

import re

from autograder.checks import mistake

DECODE = 'data = data.decode("utf-16" if data[:2] in (b"\\xff\\xfe", b"\\xfe\\xff") else "utf-8")'
MARKS = 'for quote in (\'"""\', \'"\'):'
CLOSED = "return text[len(quote) : -len(quote)] if len(text) >= 2 * len(quote) and text.endswith(quote) else None"
OPEN = 'raise ModelfileError(begin, "the quotes are never closed")'
COMMAND = 'commands.append(Command("model" if word[1].lower() == "from" else name, before + value))'
QUOTED = "if not value or value != value.strip(SPACE) or value.startswith('\"') or re.search(\"[\\r\\n]\", value):"

mistake("You take the value of three quotes for one with one quote, so quotes are left over.", edit={MARKS: "for quote in ('\"',):"})
mistake("A text of quotes closes itself in your function: the closing quote must be another one than the opening quote.", edit={
    "if len(text) >= 2 * len(quote) and text.endswith(quote) else None": "if len(text) > len(quote) and text.endswith(quote) else None"})  # fmt: skip
mistake("You strip what stands between quotes. It is unchanged.", edit={CLOSED: CLOSED.replace("text[len(quote) : -len(quote)] if", "text[len(quote) : -len(quote)].strip() if")})
mistake("Quotes that are never closed become a value. They are an error.", edit={OPEN: "value = rest.strip(SPACE)\n                break"})
mistake("Quotes that are never closed are told with the last line. The line in which the command begins helps more.", edit={OPEN: OPEN.replace("begin", "at")})
mistake("You drop the line breaks inside quotes.", edit={"            rest += lines[at]\n": "            rest += lines[at].rstrip(SPACE)\n"})
mistake("You look for the closing quote anywhere. A quote in the middle of a line ends no value.", edit={
    "return text[len(quote) : -len(quote)] if len(text) >= 2 * len(quote) and text.endswith(quote) else None":
    "end = text.find(quote, len(quote))\n            return text[len(quote) : end] if end >= 0 else None"})  # fmt: skip
mistake("You cut comments out of values.", edit={"lines = re.findall(": 'data = re.sub("#.*", "", data)\n    lines = re.findall('})
mistake("Only upper case is a command in your parser.", edit={"if word is None or word[1].lower() not in WORDS": "if word is None or word[1] not in [each.upper() for each in WORDS]"})
mistake("FROM must come first in your parser. It may come anywhere.", edit={
    'if not any(command.name == "model" for command in commands):': 'if not commands or commands[0].name != "model":'})  # fmt: skip
mistake("You do not ask for FROM.", edit={'raise ModelfileError(0, "there is no FROM")': "pass"})
mistake("A parameter that comes twice counts once in your list. All commands are kept.", edit={
    COMMAND: "commands = [each for each in commands if each.name != name or name in WORDS]\n        " + COMMAND})  # fmt: skip
mistake("You leave the role out of a message.", edit={'(name, first[1] + ": ") if name == "message"': '(name, "") if name == "message"'})
mistake("Any role is right for you.", edit={' or (name == "message" and first[1] not in ("system", "user", "assistant"))': ""})
mistake("The name of FROM stays \"from\". It is \"model\".", edit={COMMAND: "commands.append(Command(name, before + value))"})
mistake("Your lines are counted from 0.", edit={"rest, begin = lines[at].lstrip(SPACE), at + 1": "rest, begin = lines[at].lstrip(SPACE), at"})
mistake("A carriage return and a line feed count as two lines.", edit={'[^\\r\\n]*(?:\\r\\n|\\r|\\n)': '[^\\r\\n]*(?:\\r|\\n)'})
mistake("All bytes are UTF-8 for you. A byte order mark may say UTF-16.", edit={DECODE: 'data = data.decode("utf-8", "replace")'})
mistake("The byte order mark of UTF-8 becomes a part of the first command.", edit={'data.removeprefix("\\ufeff")': "data"})
mistake("Your parser takes other letters for commands: some, such as the long s in \u017fystem, become A to Z in upper case. A command is written with the letters A to Z or a to z.", edit={
    'word = re.match(r"([A-Za-z]+)[ \\t]+", rest)': 'word = re.match(r"([^ \\t\\r\\n]+)[ \\t]+", rest)',
    "word[1].lower() not in WORDS": "word[1].upper() not in [each.upper() for each in WORDS]",
    'name, before, rest = word[1].lower(), ""': 'name, before, rest = word[1].upper().lower(), ""'})  # fmt: skip
mistake("You keep the list that you returned and give it out again. When a caller changes it, the next call is wrong. Make a new list in each call.", edit={
    "def parse_modelfile(data: str | bytes)": "@functools.lru_cache\ndef parse_modelfile(data: str | bytes)", "import re\n": "import functools\nimport re\n"})  # fmt: skip
mistake("A command without a value has an empty one in your parser. It is an error.", edit={'raise ModelfileError(begin, "the value is missing")': "pass"})

mistake("You write values with white space around without quotes, so it is lost.", edit={"or value != value.strip(SPACE) or": "or"})
mistake("You always write one quote. With a quote in the value, three are needed.", edit={"quote = '\"\"\"' if '\"' in value else '\"'": "quote = '\"'"})
mistake("You write a value that begins with a quote as it is. It is read as another value.", edit={" or value.startswith('\"')": ""})
mistake("You write a parameter called Template or SYSTEM as a command. Only a name in lower case is one of the words. With capital letters it is a parameter.", edit={
    "elif command.name not in WORDS:": "elif command.name.lower() not in WORDS:"})  # fmt: skip
mistake("You write quotes for characters that Python's splitlines takes for line breaks, such as U+2028. Only U+000A and U+000D are line breaks here.", edit={
    'or re.search("[\\r\\n]", value):': "or len(value.splitlines()) > 1:"})  # fmt: skip

mistake("A range over a text is refused only if the text is not empty. It is a ValueError always: a range goes over .Messages.", edit={
    '(word != "if" and (word == "range") != (field == ".Messages")):': '((word == "range" and field != ".Messages" and fields[field]) or (not word and field == ".Messages")):'})  # fmt: skip
mistake("You look at the first word of an action alone, so else if counts as else. An action with words too many is a ValueError.", edit={
    'if action in (["end"], ["else"]):': 'if action[:1] in (["end"], ["else"]):'})  # fmt: skip
mistake("You take the first of several fields and forget the rest. An action with words too many is a ValueError.", edit={
    'parts.append(("", actions[at - 1], [], []))': 'parts.append(("", *action[:1], [], []))'})  # fmt: skip
mistake("A dash without white space beside it takes white space away in your templates. {{-.Prompt }} has no such dash, and is a ValueError.", edit={
    '(-(?=\\s))?\\s*(.*?)\\s*((?<=\\s)-)?': '(-)?\\s*(.*?)\\s*(-)?'})  # fmt: skip
mistake("You write .Messages where it stands alone. Only if and range may use it: alone it is a ValueError.", edit={
    '(word != "if" and (word == "range") != (field == ".Messages")):': '(word == "range" and field != ".Messages"):',
    "                out += fields[field]\n": "                out += str(fields[field])\n"})  # fmt: skip
mistake("You take white space away from fields too. Dashes are for the text.", edit={
    "                out += fields[field]\n": "                out += fields[field].strip()\n"})  # fmt: skip


@mistake("You put fields in and then look for actions again, so what a user types can be an action.")
def render_template(tmpl, *, system="", prompt="", response="", messages=None):
    fields = {"System": system, "Prompt": prompt, "Response": response, "Messages": messages or []}
    tmpl = re.sub(r"[ \t\r\n]*\{\{-\s", "{{ ", tmpl)
    tmpl = re.sub(r"\s-\}\}[ \t\r\n]*", " }}", tmpl)
    inner = re.compile(r"\{\{\s*(if|range)\s+\.(\w+)\s*\}\}((?:(?!\{\{\s*(?:if|range)\s).)*?)\{\{\s*end\s*\}\}", re.DOTALL)
    while found := inner.search(tmpl):
        first, *second = re.split(r"\{\{\s*else\s*\}\}", found[3])
        if len(second) > 1 or found[2] not in fields or (found[1] == "range" and found[2] != "Messages"):
            raise ValueError(found[2])
        out = first if fields[found[2]] else "".join(second)
        if found[1] == "range" and fields["Messages"]:
            out = "".join(re.sub(r"\{\{\s*\.Role\s*\}\}", lambda _, m=m: m["role"], re.sub(r"\{\{\s*\.Content\s*\}\}", lambda _, m=m: m["content"], first)) for m in messages)
        tmpl = tmpl[: found.start()] + out + tmpl[found.end() :]
    for name in ("System", "Prompt", "Response"):
        tmpl = re.sub(r"\{\{\s*\." + name + r"\s*\}\}", lambda _, name=name: fields[name], tmpl)
    if re.search(r"\{\{.*\}\}", tmpl, re.DOTALL):
        raise ValueError(tmpl)
    return tmpl


@mistake("In a part that is not taken you do not notice a second else. Every else and end is looked at, in every part.")
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

    def matching(at):
        depth, other = 0, None
        for i in range(at, len(pieces)):
            if isinstance(pieces[i], list) and pieces[i]:
                if pieces[i][0] in ("if", "range"):
                    depth += 1
                elif pieces[i] == ["end"]:
                    depth -= 1
                    if depth == 0:
                        return other, i
                elif pieces[i] == ["else"] and depth == 1:
                    if other is not None:
                        raise ValueError("else")
                    other = i
        raise ValueError("end")

    def run(begin, end, fields):
        out, at = [], begin
        while at < end:
            piece = pieces[at]
            if isinstance(piece, str):
                out.append(piece)
            elif len(piece) == 2 and piece[0] in ("if", "range"):
                other, stop = matching(at)
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
