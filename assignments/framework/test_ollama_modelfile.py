"""Public checks of framework/ollama_modelfile: run `pytest` on this file, or `autograder check framework/ollama_modelfile`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

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


@check(points=2, inputs=texts, lecture='values-and-quotes', public=[case('a quote keeps spaces', texts=['FROM foo\nPARAMETER stop ### User: ', 'FROM foo\nPARAMETER stop "### User: "', 'FROM "FOO  BAR  "']), case('several lines', texts=['FROM foo\nSYSTEM """\nThis is a\nmultiline "system".\n"""\n\t\t', 'FROM foo\nSYSTEM "a\nb" \nLICENSE MIT'])])
def quotes_hold_a_value_together(student, texts):
    """A value ends with its line, or with its closing quote at the end of a line, and quotes keep what stands between them."""
    return [parsed(student, text) for text in texts]


@check(points=1, inputs=texts, lecture='commands', public=[case('parameters and messages', texts=['PARAMETER what the \nFROM lemons make lemonade ', 'FROM foo\nMESSAGE user Hey there!\nMESSAGE assistant Hello: you']), case('one parameter twice', texts=['FROM foo\nPARAMETER stop a\nPARAMETER stop b\nFROM bar'])])
def commands_have_names_and_values(student, texts):
    """All commands come in their order, parameters by their own names, messages with their role."""
    seen = [parsed(student, text) for text in texts]
    return {"seen": seen, "after the caller has changed the first list": again(parsed, student, texts[0] + "\n# end")}


@check(points=1, inputs=texts, lecture='errors-that-help', public=[case('no FROM, a bad word, a bad role', texts=['', 'PARAMETER a b', '\nFROM foo\nBADCOMMAND param1 value1\n', "\nFROM foo\nMESSAGE badguy I'm a bad guy!\n"]), case('quotes that stay open', texts=['FROM foo\nSYSTEM """This is a multiline system.""\n\t\t', 'FROM foo\nSYSTEM "\n\t\t', 'FROM foo\nSYSTEM ok'])])
def errors_name_their_line(student, texts):
    """What is wrong raises a ModelfileError with the line in which its command begins."""
    return [parsed(student, text) for text in texts]


def encoded(rng, text):
    marks = {"utf-8": b"", "utf-8-sig": b"", "utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}
    return {"data": [mark + text.encode(name) for name, mark in marks.items()], "text": text}


@check(points=1, inputs=encoded, lecture='bytes', public=[case('four encodings', text='FROM bob\nPARAMETER param1 1\nSYSTEM You are a utf16 file.\n')])
def bytes_are_decoded(student, data, text):
    """Bytes are UTF-16 with a byte order mark of it, else UTF-8, and the mark belongs to no command."""
    return {"bytes": [parsed(student, each) for each in data], "text": parsed(student, text), "text with a mark": parsed(student, "\ufeff" + text)}


@check(points=1, inputs=texts, lecture='and-back', public=[case('with and without quotes', texts=['FROM foo\nPARAMETER stop "User: "\nLICENSE """\n"Oh look, a quote!"\n"""\nMESSAGE user Hey there!\nSYSTEM ""'])])
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


@check(points=1, inputs=templates, lecture='templates', public=[case("Llama 3's", tmpls=[LLAMA], system='Be kind.', prompt='Hi', response='Hello'), case('if and else', tmpls=['{{ if .System }}S{{ .System }}{{ else }}none{{ end }}|{{.Prompt}}'], system='x', prompt='y')])
def templates_choose_and_fill_in(student, tmpls, fields):
    """Fields are filled in as they are, and if and else choose by whether a field is empty."""
    return rendered(student, tmpls, fields)


@check(points=1, inputs=templates, lecture='templates', public=[case('messages', tmpls=['{{ range .Messages }}<{{ .Role }}>{{ .Content }}\n{{ end }}<assistant>'], messages=CHAT), case('white space is taken away', tmpls=['a \n {{- .Prompt -}} \n b', '{{ if .Prompt -}}  x  {{- end }} y'], prompt=' p ')])
def ranges_repeat_and_dashes_trim(student, tmpls, fields):
    """A range repeats its part for each message, dashes take white space out of the text, and what is no template raises."""
    bad = ["{{ if .System }}a", "a{{ end }}", "{{ else }}", "{{ range .Messages }}x", "{{ .Foo }}", "{{ .Role }}", "{{ if .System }}a{{ else }}b{{ else }}c{{ end }}", "{{ foo }}", "{{ range .Prompt }}{{ end }}"]
    bad += ["{{ if .Prompt }}{{ if .System }}a{{ else }}b{{ else }}c{{ end }}", "{{ range .Messages }}{{ .System }}{{ end }}", "{{ range .System }}a{{ else }}b{{ end }}", "{{ .Messages }}"]
    bad += ["{{ if .Prompt }}a{{ else if .System }}b{{ end }}", "{{ .Prompt .System }}", "{{-.Prompt }}", "{{ .Prompt-}}", "{{ if .System }}{{ if .Prompt }}a{{ else }}b{{ else }}c{{ end }}{{ end }}"]
    some = [{"role": "user", "content": "x"}]
    return {"good": rendered(student, tmpls, fields), "bad": {each: raises("ValueError", lambda each=each: student.render_template(each, prompt="p", messages=some)) for each in bad}}
