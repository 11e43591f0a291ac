"""Checks of framework/ollama_modelfile: commands and quotes, errors with their lines, writing, templates."""

from autograder.checks import again, case, check, raises


def parsed(student, text):
    """The commands, or the line of the error."""
    try:
        return student.parse_modelfile(text)
    except student.ModelfileError as error:
        return error.line


def texts(rng, texts, random=0):
    """Given texts, and random ones with quotes, spaces and line breaks in their values."""
    texts = list(texts)
    for _ in range(random):
        commands = ["FROM x"]
        for _ in range(rng.integer(1, 5)):
            value = rng.word('ab" \n#', 0, 12)
            quote = '"""' if '"' in value or rng.integer(0, 2) else '"'
            commands.append(rng.choice(["SYSTEM ", "PARAMETER stop ", "message user "]) + rng.choice(["", " "]) + quote + value + quote)
        texts.append("\n".join(commands) + rng.choice(["", "\n", " \n# end"]))
    return {"texts": texts}


@check(
    points=2,
    inputs=texts,
    lecture="values-and-quotes",
    public=[
        case("a quote keeps spaces", texts=["FROM foo\nPARAMETER stop ### User: ", 'FROM foo\nPARAMETER stop "### User: "', 'FROM "FOO  BAR  "']),
        case("several lines", texts=['FROM foo\nSYSTEM """\nThis is a\nmultiline "system".\n"""\n\t\t', 'FROM foo\nSYSTEM "a\nb" \nLICENSE MIT']),
    ],
    hidden=[
        case("at random", texts=[], random=20),
        case("quotes in quotes", texts=["FROM foo\nSYSTEM \"\"\"''\"'\"\"'\"\"'\"'''''\"\"'\"\"'\"\"\"\n", 'FROM foo\nSYSTEM "\'"', 'FROM a\nSYSTEM "a" b"', 'FROM a\nSYSTEM """a""" b"""']),
        case("nothing between quotes", texts=['FROM foo\nSYSTEM """"""\n', 'FROM foo\nSYSTEM ""\n', 'FROM foo\nSYSTEM """"\n"""\n', 'FROM foo\nSYSTEM """\n"""']),
        case("a quote inside a value", texts=['FROM foo\nSYSTEM say "hi"\nLICENSE it\'s "', 'FROM foo\nSYSTEM \'a\nLICENSE b']),
        case("spaces around, and inside", texts=["FROM     FOOO BAR    ", 'FROM x\nTEMPLATE """   a\n\n b   """    \n', "  FROM /a b\t\n\tSYSTEM \t c  d \t"]),
        case("a line that ends like a command", texts=['FROM x\nSYSTEM """FROM y\nPARAMETER a b"\nFROM z"""', 'FROM x\nSYSTEM "# no\n# comment"']),
        case("the quote ends behind spaces", texts=['FROM x\nSYSTEM "a\nb"   \nSYSTEM c', 'FROM x\nSYSTEM """a"" "\nb""" \t\nSYSTEM c']),
        case("what is white space to others", texts=["FROM x\nSYSTEM hi\u00a0\nLICENSE \u2003a\x0b", "FROM x\nSYSTEM \u00a0"]),
        case("what looks like a line break to others", texts=["FROM x\nSYSTEM a\u2028b\nSYSTEM c\x0bd\x0ce", 'FROM x\nSYSTEM "f\x85g"\nSYSTEM h']),
        case("a # in a value", texts=["FROM x # y\nSYSTEM a#b\nPARAMETER stop #", 'FROM x\nSYSTEM "#"']),
    ],
    fresh=1,
    cites=[
        "without white space around", "If it begins with a quote", "At the end of each line one looks", "what stands between the two unchanged", "So a quote in the middle", "A # inside a value", "quotes are ordinary characters",
    ],
)  # fmt: skip
def quotes_hold_a_value_together(student, texts):
    """A value ends with its line, or with its closing quote at the end of a line, and quotes keep what stands between them."""
    return [parsed(student, text) for text in texts]


@check(
    points=1,
    inputs=texts,
    lecture="commands",
    public=[
        case("parameters and messages", texts=["PARAMETER what the \nFROM lemons make lemonade ", "FROM foo\nMESSAGE user Hey there!\nMESSAGE assistant Hello: you"]),
        case("one parameter twice", texts=["FROM foo\nPARAMETER stop a\nPARAMETER stop b\nFROM bar"]),
    ],
    hidden=[
        case("all words", texts=["\n".join(f"{word} x{i} y" for i, word in enumerate(["from", "LICENSE", "Template", "SYSTEM", "ADAPTER", "draft", "RENDERER", "Parser", "REQUIRES"]))]),
        case("names of parameters", texts=["FROM x\nPARAMETER num_ctx 4096\nparameter Top_P2 0.9\nPARAMETER 7 8\nPARAMETER _ \"\"\nPARAMETER a  \tb c "]),
        case("roles", texts=['FROM x\nMESSAGE system """\na: b\n"""\nmessage user  x\nMESSAGE\tassistant\t""', "FROM x\nMESSAGE user user: x"]),
        case("comments and empty lines", texts=["\n# comment\nFROM foo\n\t", "#FROM x\n  # y\n\n\t\nFROM z\n#", "FROM x\n# \"\n# it's\nSYSTEM y"]),
        case("the parameter is called like a command", texts=["FROM x\nPARAMETER system a\nPARAMETER from b"]),
        case("line breaks of other systems", texts=['FROM a\r\nSYSTEM "b\r\nc"\r\n\r\nLICENSE d\r\n', "FROM a\rSYSTEM b\rLICENSE c", "FROM a\n\rSYSTEM b"]),
    ],
    cites=["in order all of them", "Names model for FROM", "and args is ROLE VALUE", "FROM may come anywhere", "what begins with # is a comment", "in upper or lower case"],
)
def commands_have_names_and_values(student, texts):
    """All commands come in their order, parameters by their own names, messages with their role."""
    seen = [parsed(student, text) for text in texts]
    return {"seen": seen, "after the caller has changed the first list": again(parsed, student, texts[0] + "\n# end")}


@check(
    points=1,
    inputs=texts,
    lecture="errors-that-help",
    public=[
        case("no FROM, a bad word, a bad role", texts=["", "PARAMETER a b", "\nFROM foo\nBADCOMMAND param1 value1\n", "\nFROM foo\nMESSAGE badguy I'm a bad guy!\n"]),
        case("quotes that stay open", texts=['FROM foo\nSYSTEM """This is a multiline system.""\n\t\t', 'FROM foo\nSYSTEM "\n\t\t', "FROM foo\nSYSTEM ok"]),
    ],
    hidden=[
        case("values that are missing", texts=["FROM foo\nPARAMETER param1\n", "FROM foo\n\nMESSAGE system\n", "FROM", "FROM  \nSYSTEM x", "\nFROM x\nSYSTEM\nLICENSE y", "FROM x\nMESSAGE", "FROM x\nPARAMETER \t"]),
        case("words that are none", texts=["FROM:x", "FROM x\nFROMM y", "FROM x\n\n  \n5 y", "FROM x\n\u00a0SYSTEM y", "FROM x\nSYSTEM: y", "FROM x\n- y"]),
        case("roles that are none", texts=["FROM x\nMESSAGE User y", "FROM x\nMESSAGE tool y", 'FROM x\nSYSTEM "a\nb\nc"\nMESSAGE user: y', "FROM x\nMESSAGE y"]),
        case("names that are none", texts=["FROM x\nPARAMETER a-b c", "FROM x\nPARAMETER é c", "FROM x\nPARAMETER a: c"]),
        case("the line in which it begins", texts=['FROM x\n\n# a\nSYSTEM "a\nb\nc', 'FROM x\r\nSYSTEM "a\r\nb"\r\nBAD c\r\n', "FROM x\rSYSTEM y\rBAD z", 'FROM x\nSYSTEM """""']),
        case("the first of two errors", texts=["BAD a\nMESSAGE bad b", "SYSTEM a\nBAD b"]),
        case("no FROM though it looks like one", texts=["# FROM x", 'SYSTEM """\nFROM x\n"""', "PARAMETER from x", "\n\n"]),
        case("other letters that become these in upper case", texts=["FROM x\n\u017fystem y", "FROM x\nl\u0131cense y", "FROM x\n\nMe\u017fSAGE user y"]),
    ],
    cites=["With line 0 if there is no FROM", "Raises ModelfileError with the line", "which count as one line"],
)  # fmt: skip
def errors_name_their_line(student, texts):
    """What is wrong raises a ModelfileError with the line in which its command begins."""
    return [parsed(student, text) for text in texts]


def encoded(rng, text):
    marks = {"utf-8": b"", "utf-8-sig": b"", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    return {"data": [mark + text.encode(name) for name, mark in marks.items()], "text": text}


@check(
    points=1,
    inputs=encoded,
    lecture="bytes",
    public=[case("four encodings", text="FROM bob\nPARAMETER param1 1\nSYSTEM You are a utf16 file.\n")],
    hidden=[
        case("more than ASCII", text="FROM test\n\tSYSTEM 你好👋"),
        case("a line break in two bytes of a character", text="FROM x\nSYSTEM \u0a0a\u0d0d\u010a\n"),
        case("a quote over lines", text='FROM x\r\nSYSTEM """é\r\n"""\r\n'),
        case("a mistake in line 3", text="FROM x\n\nBÄD y"),
    ],
    cites=["UTF 16 where they begin with", "A byte order mark is no part", "else UTF 8"],
)
def bytes_are_decoded(student, data, text):
    """Bytes are UTF-16 with a byte order mark of it, else UTF-8, and the mark belongs to no command."""
    return {"bytes": [parsed(student, each) for each in data], "text": parsed(student, text), "text with a mark": parsed(student, "\ufeff" + text)}


@check(
    points=1,
    inputs=texts,
    lecture="and-back",
    public=[case("with and without quotes", texts=['FROM foo\nPARAMETER stop "User: "\nLICENSE """\n"Oh look, a quote!"\n"""\nMESSAGE user Hey there!\nSYSTEM ""'])],
    hidden=[
        case("at random", texts=[], random=12),
        case("values that begin or end with a quote", texts=['FROM x\nSYSTEM """"a"""\nSYSTEM a"\nSYSTEM """"\n"""\nSYSTEM """a\n"""""\nPARAMETER stop """"""""']),
        case("white space of other kinds is none", texts=["FROM x\u00a0\nSYSTEM hi\u00a0\nLICENSE \u2003a\x0b", 'FROM "a\rb"\nSYSTEM "c\rd"']),
        case("white space", texts=['FROM " a"\nPARAMETER stop "\n"\nPARAMETER a "\t"\nSYSTEM "\rx"\nLICENSE "a\r\nb"\nSYSTEM " "']),
        case("all words", texts=["\n".join(f"{word} x y" for word in ["from", "license", "template", "system", "adapter", "draft", "renderer", "parser", "requires"])]),
        case("messages with colons", texts=['FROM x\nMESSAGE user a: b: c\nMESSAGE assistant ""\nMESSAGE system " : "\nPARAMETER temperature 0.5']),
        case("more than twenty messages", texts=["FROM x\n" + "\n".join(f"MESSAGE user {i}" for i in range(21))]),
        case("no quotes where none are needed", texts=["FROM x\nSYSTEM it's a \"b\" c\nPARAMETER stop #\nTEMPLATE {{ .Prompt }}"]),
        case("what is a line break to others needs no quotes", texts=["FROM x\nSYSTEM a\u2028b\nLICENSE c\x0bd\nPARAMETER stop e\x85f"]),
        case("parameters like commands, in upper case", texts=["FROM x\nPARAMETER Template a\nPARAMETER SYSTEM b\nPARAMETER Model c\nPARAMETER MESSAGE d"]),
    ],
    fresh=1,
    cites=["A value is written as it is if that is enough", "Else it stands in quotes", "A name that is none of the other words", "and ends with a line feed"],
)
def what_is_written_is_read_again(student, texts):
    """Commands are written with as few quotes as needed, and read again as the same commands."""
    both = []
    for text in texts:
        commands = parsed(student, text)
        if isinstance(commands, int):
            both.append(commands)
            continue
        again = student.format_modelfile(commands)
        both.append({"text": again, "read": parsed(student, again), "commands": commands})
    return both


# --- templates -------------------------------------------------------------------------------------------------------

LLAMA = (
    "{{ if .System }}<|start_header_id|>system<|end_header_id|>\n\n{{ .System }}<|eot_id|>{{ end }}{{ if .Prompt }}<|start_header_id|>user<|end_header_id|>\n\n"
    "{{ .Prompt }}<|eot_id|>{{ end }}<|start_header_id|>assistant<|end_header_id|>\n\n{{ .Response }}<|eot_id|>"
)
CHAT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": " {{ .Role }} "}, {"role": "assistant", "content": ""}]


def templates(rng, tmpls, **fields):
    return {"tmpls": list(tmpls), "fields": fields}


def rendered(student, tmpls, fields):
    bare = {name: value for name, value in fields.items() if name in ("prompt", "messages")}
    return [[student.render_template(tmpl, **fields), student.render_template(tmpl, **bare), student.render_template(tmpl)] for tmpl in tmpls]


@check(
    points=1,
    inputs=templates,
    lecture="templates",
    public=[
        case("Llama 3's", tmpls=[LLAMA], system="Be kind.", prompt="Hi", response="Hello"),
        case("if and else", tmpls=["{{ if .System }}S{{ .System }}{{ else }}none{{ end }}|{{.Prompt}}"], system="x", prompt="y"),
    ],
    hidden=[
        case("inside each other", tmpls=["{{ if .System }}a{{ if .Prompt }}b{{ else }}c{{ end }}d{{ else }}e{{ if .Prompt }}f{{ end }}g{{ end }}h"], system="x", prompt="y", response="z"),
        case("fields that look like actions", tmpls=["{{ .Prompt }}{{ .System }}{{ .Response }}"], system="{{ .Prompt }}", prompt="{{ end }}{{ .System }}", response="\\1 {{- x"),
        case("white space in a field", tmpls=["[{{ if .Prompt }}{{ .Prompt }}{{ else }}no{{ end }}]"], prompt=" \n", system=""),
        case("no action", tmpls=["", " plain } text { \n", "{ .Prompt }"], prompt="x"),
        case("actions over lines", tmpls=["{{\n.Prompt\n}}{{   if   .Prompt   }}a{{end}}b{{ if\n  .Prompt }}c{{ end }}"], prompt="p"),
        case("braces of the text", tmpls=["}}{{ .Prompt }}{"], prompt="p"),
        case("a part that is not taken may have any field", tmpls=["{{ if .System }}{{ .Tools }}{{ end }}x"], prompt="p"),
        case("twice", tmpls=["{{ .Prompt }}{{ .Prompt }}{{ if .Prompt }}{{ .Prompt }}{{ end }}"], prompt="p"),
    ],
    cites=["that argument", "the first part if the field is not empty", "They may stand inside each other", "What a field holds is written as it is", "with or without white space around it"],
)  # fmt: skip
def templates_choose_and_fill_in(student, tmpls, fields):
    """Fields are filled in as they are, and if and else choose by whether a field is empty."""
    return rendered(student, tmpls, fields)


@check(
    points=1,
    inputs=templates,
    lecture="templates",
    public=[
        case("messages", tmpls=["{{ range .Messages }}<{{ .Role }}>{{ .Content }}\n{{ end }}<assistant>"], messages=CHAT),
        case("white space is taken away", tmpls=["a \n {{- .Prompt -}} \n b", "{{ if .Prompt -}}  x  {{- end }} y"], prompt=" p "),
    ],
    hidden=[
        case("an if in a range, an else of a range", tmpls=["{{ range .Messages }}{{ if .Content }}{{ .Content }}{{ else }}-{{ end }}{{ else }}none{{ end }}"], messages=CHAT, prompt="x"),
        case("a range in an if", tmpls=["{{ if .Messages }}M{{ range .Messages -}} \n {{ .Role }}; {{ end -}}  {{ else }}P{{ .Prompt }}{{ end }}"], messages=CHAT[:2], prompt="x"),
        case("nothing but white space between", tmpls=["a {{- if .Prompt -}}  \n {{- .Prompt -}}  {{- end -}}  b", "{{ .Prompt -}} \n {{ .Prompt }} \t\n{{- .Prompt }}"], prompt=" p "),
        case("only next to an action", tmpls=["a  b {{- .Prompt }}  c  {{ .Prompt -}} d  e", "{{ .Prompt -}} \u00a0 d\u2003{{- .Prompt }}"], prompt="p"),
        case("not across an action", tmpls=["a {{ .System }}{{- .Prompt }} b", "a {{ .Prompt -}}{{ .System }} b"], prompt="p"),
        case("nineteen messages", tmpls=["{{ range .Messages }}{{ .Content }};{{ end }}"], messages=[{"role": "user", "content": str(i)} for i in range(19)]),
        case("no messages", tmpls=["a{{ range .Messages }}b{{ end }}c"], messages=[]),
    ],
    cites=["It never takes any of a field", "the part once for each of the messages", "the second part if there are none", "all white space in the text"],
)  # fmt: skip
def ranges_repeat_and_dashes_trim(student, tmpls, fields):
    """A range repeats its part for each message, dashes take white space out of the text, and what is no template raises."""
    bad = ["{{ if .System }}a", "a{{ end }}", "{{ else }}", "{{ range .Messages }}x", "{{ .Foo }}", "{{ .Role }}", "{{ if .System }}a{{ else }}b{{ else }}c{{ end }}", "{{ foo }}", "{{ range .Prompt }}{{ end }}"]
    bad += ["{{ if .Prompt }}{{ if .System }}a{{ else }}b{{ else }}c{{ end }}", "{{ range .Messages }}{{ .System }}{{ end }}", "{{ range .System }}a{{ else }}b{{ end }}", "{{ .Messages }}"]
    bad += ["{{ if .Prompt }}a{{ else if .System }}b{{ end }}", "{{ .Prompt .System }}", "{{-.Prompt }}", "{{ .Prompt-}}", "{{ if .System }}{{ if .Prompt }}a{{ else }}b{{ else }}c{{ end }}{{ end }}"]
    some = [{"role": "user", "content": "x"}]
    return {"good": rendered(student, tmpls, fields), "bad": {each: raises("ValueError", lambda each=each: student.render_template(each, prompt="p", messages=some)) for each in bad}}
