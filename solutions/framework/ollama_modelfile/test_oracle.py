"""framework/ollama_modelfile against the vectors of Ollama's own tests (ollama/ollama, parser/parser_test.go), retyped as data.

No library renders Go's templates in Python. What stands for one is Llama 3's chat format, written by hand, and a second engine among the alternatives.
"""

import pytest

GOOD = [
    ('FROM "FOO  BAR  "', [("model", "FOO  BAR  ")]),
    ('FROM "FOO BAR"\nPARAMETER param1 value1', [("model", "FOO BAR"), ("param1", "value1")]),
    ("FROM     FOOO BAR    ", [("model", "FOOO BAR")]),
    ("FROM /what/is/the path ", [("model", "/what/is/the path")]),
    ("FROM /path/to/model/fp16.bin", [("model", "/path/to/model/fp16.bin")]),
    ("FROM llama3:7b-instruct-q4_K_M", [("model", "llama3:7b-instruct-q4_K_M")]),
    ("PARAMETER param1 value1\nFROM foo", [("param1", "value1"), ("model", "foo")]),
    ("PARAMETER what the \nFROM lemons make lemonade ", [("what", "the"), ("model", "lemons make lemonade")]),
    ("\nFROM base\nDRAFT ./assistant\n", [("model", "base"), ("draft", "./assistant")]),
    ("\nFROM foo\nRENDERER renderer1\n", [("model", "foo"), ("renderer", "renderer1")]),
    ("\nFROM foo\nPARSER parser1\n", [("model", "foo"), ("parser", "parser1")]),
    ("\n# comment\nFROM foo\n\t", [("model", "foo")]),
    ("FROM test\n\tSYSTEM 你好👋", [("model", "test"), ("system", "你好👋")]),
    (
        '\nFROM "     model 1"\nADAPTER      adapter3\nLICENSE "MIT       "\nPARAMETER param1        value1\nPARAMETER param2    value2\n'
        'TEMPLATE """   {{ if .System }}x\n\n{{ .Response }}<|eot_id|>   """    \n',
        [
            ("model", "     model 1"), ("adapter", "adapter3"), ("license", "MIT       "), ("param1", "value1"), ("param2", "value2"),
            ("template", "   {{ if .System }}x\n\n{{ .Response }}<|eot_id|>   "),
        ],
    ),
    (
        "\nFROM foo\nMESSAGE system You are a file parser. Always parse things.\nMESSAGE user Hey there!\n"
        "MESSAGE assistant Hello, I want to parse all the things!\n",
        [
            ("model", "foo"), ("message", "system: You are a file parser. Always parse things."), ("message", "user: Hey there!"),
            ("message", "assistant: Hello, I want to parse all the things!"),
        ],
    ),
    (
        '\nFROM foo\nMESSAGE system """\nYou are a multiline file parser. Always parse things.\n"""\n\t\t\t',
        [("model", "foo"), ("message", "system: \nYou are a multiline file parser. Always parse things.\n")],
    ),
]  # fmt: skip
SYSTEMS = [
    ('"""\nThis is a\nmultiline system.\n"""\n\t\t\t', "\nThis is a\nmultiline system.\n"),
    ('"""\nThis is a\nmultiline system."""\n\t\t\t', "\nThis is a\nmultiline system."),
    ('"""This is a\nmultiline system."""\n\t\t\t', "This is a\nmultiline system."),
    ('"""This is a multiline system."""\n\t\t\t', "This is a multiline system."),
    ('"""\nThis is a multiline system with "quotes".\n"""\n', '\nThis is a multiline system with "quotes".\n'),
    ('""""""\n', ""),
    ('""\n', ""),
    ('"\'"\n', "'"),
    ("\"\"\"''\"'\"\"'\"\"'\"'''''\"\"'\"\"'\"\"\"\n", "''\"'\"\"'\"\"'\"'''''\"\"'\"\"'"),
]
BAD = [
    ("", 0), ("PARAMETER param1 value1", 0), ("\nFROM foo\nPARAMETER param1\n", 3), ("\nFROM foo\nBADCOMMAND param1 value1\n", 3),
    ("\nFROM foo\nMESSAGE badguy I'm a bad guy!\n", 3), ("\nFROM foo\nMESSAGE system\n", 3), ("\nFROM foo\nMESSAGE system", 3),
    ('\nFROM foo\nSYSTEM """This is a multiline system.""\n\t\t\t', 3), ('\nFROM foo\nSYSTEM "\n\t\t\t', 3),
]  # fmt: skip
PARAMETERS = [
    ("numa true", "true"), ("num_ctx 1", "1"), ("top_p 1.0", "1.0"), ("min_p 0.05", "0.05"), ("repeat_last_n 1", "1"), ("stop ### User:", "### User:"),
    ("stop ### User: ", "### User:"), ('stop "### User:"', "### User:"), ('stop "### User: "', "### User: "), ('stop """### User:"""', "### User:"),
    ('stop """### User:\n"""', "### User:\n"), ("stop <|endoftext|>", "<|endoftext|>"), ("stop <|eot_id|>", "<|eot_id|>"), ("stop </s>", "</s>"),
]  # fmt: skip
ROUND = [
    "\nFROM foo\nADAPTER adapter1\nLICENSE MIT\nPARAMETER param1 value1\nTEMPLATE template1\nMESSAGE system You are a file parser. Always parse things.\n",
    '\nFROM foo\nMESSAGE system """\nYou are a store greeter. Always respond with "Hello!".\n"""\nMESSAGE user Hey there!\n',
    '\nFROM foo\nLICENSE """\nVery long and boring legal text.\nBlah blah blah.\n"Oh look, a quote!"\n"""\n\nPARAMETER param1 value1\n',
    '\nFROM foo\nSYSTEM ""\n',
]
UTF16 = "FROM bob\nPARAMETER param1 1\nPARAMETER param2 4096\nSYSTEM You are a utf16 file.\n"


def pairs(commands):
    return [(command.name, command.args) for command in commands]


@pytest.mark.parametrize(("text", "want"), GOOD)
def test_commands(reference, text, want):
    assert pairs(reference.parse_modelfile(text)) == want


@pytest.mark.parametrize(("text", "want"), SYSTEMS)
def test_quotes(reference, text, want):
    assert pairs(reference.parse_modelfile("\nFROM foo\nSYSTEM " + text)) == [("model", "foo"), ("system", want)]


@pytest.mark.parametrize(("text", "line"), BAD)
def test_errors(reference, text, line):
    with pytest.raises(reference.ModelfileError) as error:
        reference.parse_modelfile(text)
    assert error.value.line == line


@pytest.mark.parametrize(("text", "value"), PARAMETERS)
def test_parameters(reference, text, value):
    assert pairs(reference.parse_modelfile(f"FROM foo\nPARAMETER {text}\n")) == [("model", "foo"), (text.split(" ")[0], value)]


@pytest.mark.parametrize("text", ROUND)
def test_there_and_back(reference, text):
    commands = reference.parse_modelfile(text)
    assert reference.parse_modelfile(reference.format_modelfile(commands)) == commands


@pytest.mark.parametrize(("mark", "name"), [(b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")])
def test_utf16(reference, mark, name):
    want = [("model", "bob"), ("param1", "1"), ("param2", "4096"), ("system", "You are a utf16 file.")]
    assert pairs(reference.parse_modelfile(mark + UTF16.encode(name))) == want


def test_llama_3_by_hand(reference):
    template = (
        "{{ if .System }}<|start_header_id|>system<|end_header_id|>\n\n{{ .System }}<|eot_id|>{{ end }}{{ if .Prompt }}<|start_header_id|>user<|end_header_id|>"
        "\n\n{{ .Prompt }}<|eot_id|>{{ end }}<|start_header_id|>assistant<|end_header_id|>\n\n{{ .Response }}<|eot_id|>"
    )
    for system in ("", "Be brief."):
        want = f"<|start_header_id|>system<|end_header_id|>\n\n{system}<|eot_id|>" if system else ""
        want += "<|start_header_id|>user<|end_header_id|>\n\nHi<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nHello<|eot_id|>"
        assert reference.render_template(template, system=system, prompt="Hi", response="Hello") == want
