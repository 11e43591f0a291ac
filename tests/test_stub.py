"""The stub holds everything outside the markers and nothing inside them."""

from __future__ import annotations

import ast
import re
import textwrap

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograder.source.errors import ReleaseError
from autograder.source.stub import make_stub


def source(text: str) -> str:
    return textwrap.dedent(text).removeprefix("\n")


FULL = source('''
    """Add and multiply.

    A line with # BEGIN SOLUTION in a docstring is no marker.
    """

    from __future__ import annotations

    import math

    SIZE = 3  # given


    # BEGIN SOLUTION
    # secret thought
    def _helper(x):
        """secret docstring"""
        return x * 2


    # END SOLUTION


    def double(x: float) -> float:
        """Twice x. `double(2.0) -> 4.0`"""
        # BEGIN SOLUTION
        secret = _helper(x)

        # a secret comment
        return secret
        # END SOLUTION


    class Table:
        """A table of numbers."""

        size: int = 4

        # BEGIN SOLUTION
        _secret_cache = {}

        # END SOLUTION

        def __init__(self, rows: int) -> None:
            # BEGIN SOLUTION
            self.rows = "secret"
            # END SOLUTION

        async def area(self) -> int:
            """Rows times columns."""
            rows = 2
            # BEGIN SOLUTION
            return rows
            # END SOLUTION

        def given(self) -> int:
            return 1
    ''')

STUB = source('''
    """Add and multiply.

    A line with # BEGIN SOLUTION in a docstring is no marker.
    """

    from __future__ import annotations

    import math

    SIZE = 3  # given


    def double(x: float) -> float:
        """Twice x. `double(2.0) -> 4.0`"""
        # YOUR CODE HERE
        raise NotImplementedError("double is not written yet")


    class Table:
        """A table of numbers."""

        size: int = 4

        def __init__(self, rows: int) -> None:
            # YOUR CODE HERE
            raise NotImplementedError("Table.__init__ is not written yet")

        async def area(self) -> int:
            """Rows times columns."""
            rows = 2
            # YOUR CODE HERE
            raise NotImplementedError("Table.area is not written yet")

        def given(self) -> int:
            return 1
    ''')


def test_a_whole_module():
    assert make_stub(FULL) == STUB


def test_nothing_of_a_region_survives():
    stub = make_stub(FULL)
    assert "secret" not in stub
    assert "END SOLUTION" not in stub


def test_what_was_never_filled_in_raises_and_names_itself():
    namespace: dict = {}
    exec(compile(make_stub(FULL), "stub.py", "exec", dont_inherit=True), namespace)
    with pytest.raises(NotImplementedError, match="double is not written yet"):
        namespace["double"](1.0)
    with pytest.raises(NotImplementedError, match=r"Table\.__init__ is not written yet"):
        namespace["Table"](1)


def test_several_regions_in_one_function_and_in_an_inner_block():
    stub = make_stub(
        source('''
        def f(xs):
            """Sum."""
            # BEGIN SOLUTION
            total = 0
            # END SOLUTION
            for x in xs:
                # BEGIN SOLUTION
                total += x
                # END SOLUTION
            return total
        ''')
    )
    assert stub.count('raise NotImplementedError("f is not written yet")') == 2
    assert "            return total" not in stub and "    return total" in stub
    assert stub.splitlines()[5] == "        # YOUR CODE HERE"


def test_the_innermost_function_is_named():
    stub = make_stub(
        source('''
        def outer():
            """Outer."""

            def inner():
                """Inner."""
                # BEGIN SOLUTION
                return 1
                # END SOLUTION

            return inner
        ''')
    )
    assert 'NotImplementedError("outer.inner is not written yet")' in stub


def test_decorated_multiline_and_tabbed_functions():
    stub = make_stub(
        'import functools\n\n@functools.cache\ndef f(\n\ta,\n):\n\t"""A."""\n\t# BEGIN SOLUTION\n\treturn (\n\t\ta\n\t)\n\t# END SOLUTION\n'
    )
    assert stub.endswith('\t"""A."""\n\t# YOUR CODE HERE\n\traise NotImplementedError("f is not written yet")\n')


def test_a_region_at_the_end_of_the_file_leaves_one_line_end():
    stub = make_stub(
        source('''
        def f() -> int:
            """One."""
            # BEGIN SOLUTION
            return _one()
            # END SOLUTION


        # BEGIN SOLUTION
        def _one():
            return 1
        # END SOLUTION
        ''')
    )
    assert stub.endswith('written yet")\n') and not stub.endswith("\n\n")


def test_a_region_at_the_start_of_the_file_leaves_no_gap():
    text = "# BEGIN SOLUTION\nimport heapq\n# END SOLUTION\n\n\nX = 1\n"
    assert make_stub(text) == "X = 1\n"


def test_windows_line_ends_and_byte_order_mark_do_not_matter():
    assert make_stub("\ufeff" + FULL.replace("\n", "\r\n")) == STUB


def test_separators_that_only_splitlines_knows_do_not_move_the_cut():
    text = 'X = "a\u2028b"\n\x0c\nY = """\x1c"""\n\n# BEGIN SOLUTION\nsecret = 1\n# END SOLUTION\nZ = 2\n'
    assert make_stub(text) == 'X = "a\u2028b"\n\x0c\nY = """\x1c"""\n\nZ = 2\n'


BODY = '    """Doc."""\n'

REFUSED = [
    ("no region", "def f():\n    return 1\n", "there is no '# BEGIN SOLUTION'", None),
    ("begin only", f"def f():\n{BODY}    # BEGIN SOLUTION\n    return 1\n", "without an '# END SOLUTION'", 3),
    ("end only", f"def f():\n{BODY}    return 1\n    # END SOLUTION\n", "without a '# BEGIN SOLUTION'", 4),
    (
        "nested",
        f"def f():\n{BODY}    # BEGIN SOLUTION\n    x = 1\n    # BEGIN SOLUTION\n    return x\n    # END SOLUTION\n    # END SOLUTION\n",
        "begins in line 3",
        5,
    ),
    ("lower case", f"def f():\n{BODY}    # begin solution\n    return 1\n    # END SOLUTION\n", "is not a marker", 3),
    ("no space", f"def f():\n{BODY}    #BEGIN SOLUTION\n    return 1\n    # END SOLUTION\n", "is not a marker", 3),
    (
        "words behind the marker",
        f"def f():\n{BODY}    # BEGIN SOLUTION (hidden)\n    return 1\n    # END SOLUTION\n",
        "is not a marker",
        3,
    ),
    (
        "behind code",
        f"def f():\n{BODY}    x = 1  # BEGIN SOLUTION\n    return x\n    # END SOLUTION\n",
        "behind code",
        3,
    ),
    (
        "no code",
        f"def f():\n{BODY}    # BEGIN SOLUTION\n    # a thought\n    # END SOLUTION\n    return 1\n",
        "no code",
        3,
    ),
    (
        "end indented otherwise",
        f"def f():\n{BODY}    # BEGIN SOLUTION\n    return 1\n# END SOLUTION\n",
        "indented otherwise",
        5,
    ),
    (
        "marker not at the code's indentation",
        f"def f():\n{BODY}# BEGIN SOLUTION\n    return 1\n# END SOLUTION\n",
        "not at the indentation of the code",
        3,
    ),
    (
        "cuts an expression in two",
        f"def f():\n{BODY}    # BEGIN SOLUTION\n    return g(\n    # END SOLUTION\n    1)\n",
        "whole statements",
        3,
    ),
    (
        "inside an expression",
        f"def f():\n{BODY}    return g(\n    # BEGIN SOLUTION\n    1\n    # END SOLUTION\n    )\n",
        "whole statements",
        4,
    ),
    (
        "swallows an else",
        f"def f(x):\n{BODY}    if x:\n        # BEGIN SOLUTION\n        return 1\n    else:\n        # END SOLUTION\n        return 2\n",
        "part of the statement around it ('else:')",
        6,
    ),
    (
        "reaches into the next function",
        f"def f():\n{BODY}    # BEGIN SOLUTION\n    return 1\n\ndef g():\n    # END SOLUTION\n    return 2\n",
        "whole statements",
        3,
    ),
    (
        "function without a docstring",
        "def f():\n    # BEGIN SOLUTION\n    return 1\n    # END SOLUTION\n",
        "f has no docstring",
        1,
    ),
    (
        "docstring in the solution",
        'def f():\n    # BEGIN SOLUTION\n    """Secret."""\n    return 1\n    # END SOLUTION\n',
        "f has no docstring",
        1,
    ),
    (
        "__init__ of a class without a docstring",
        "class A:\n    def __init__(self):\n        # BEGIN SOLUTION\n        self.a = 1\n        # END SOLUTION\n",
        "A.__init__ has no docstring",
        2,
    ),
    ("not Python", "def f(:\n    # BEGIN SOLUTION\n    pass\n    # END SOLUTION\n", "not valid Python", 1),
    ("null byte", "x = 1\x00\n", "not valid Python", None),
    (
        "nothing left of a class",
        "class A:\n    # BEGIN SOLUTION\n    x = 1\n    # END SOLUTION\n\n\nY = 1\n",
        "the stub, what is left without the solution, is not valid Python",
        7,
    ),
    (
        "helper used outside",
        f"# BEGIN SOLUTION\nK = 3\n# END SOLUTION\ndef f():\n{BODY}    n = K\n    return n\n",
        "'K' is defined inside a solution region but used outside",
        2,
    ),
    (
        "helper in a default value",
        f"# BEGIN SOLUTION\ndef k():\n    return 3\n# END SOLUTION\ndef f(n=k()):\n{BODY}    return n\n",
        "'k' is defined inside a solution region but used outside",
        2,
    ),
]


@pytest.mark.parametrize(("text", "words", "line"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_refused_with_file_and_line(text, words, line):
    with pytest.raises(ReleaseError) as caught:
        make_stub(text, file="solutions/a/b/solution.py")
    assert words in caught.value.message
    assert caught.value.file == "solutions/a/b/solution.py"
    assert caught.value.line == line
    assert str(caught.value).startswith("solutions/a/b/solution.py")


def test_a_local_name_like_a_helper_is_no_use_of_it():
    text = f"# BEGIN SOLUTION\nk = 3\n# END SOLUTION\ndef f(k):\n{BODY}    return k\n"
    assert make_stub(text) == f"def f(k):\n{BODY}    return k\n"


# ---------------------------------------------------------------- the property, over made-up modules

GIVEN = st.sampled_from(
    [
        "import math",
        "N = 3",
        '"""text # END SOLUTION"""',
        "# a comment",
        "for i in range(2):\n    pass",
        "Y = [\n    1,\n]",
    ]
)
HIDDEN = st.lists(
    st.sampled_from(
        [
            "canary = 1",
            "# canary",
            'text = """\ncanary\n"""',
            "if True:\n    canary = 2  # canary",
            "def canary():\n    # canary\n    return 1",
        ]
    ),
    min_size=1,
    max_size=3,
).filter(lambda parts: any(not part.startswith("#") for part in parts))


@st.composite
def modules(draw) -> tuple[str, list[str]]:
    """A module with regions at module, function and method level, and the lines that must survive."""
    text, kept = [], []

    def add(block: str, indent: int, *, keep: bool) -> None:
        # A multi-line string must not be indented inside: keep it as it is, it is one statement all the same.
        for number, line in enumerate(block.split("\n")):
            inside_string = '"""\n' in block and number > 0
            text.append(line if inside_string else " " * indent + line)
            if keep:
                kept.append(text[-1])

    def region(indent: int) -> None:
        add("# BEGIN SOLUTION", indent, keep=False)
        for block in draw(HIDDEN):
            add(block, indent, keep=False)
        add("# END SOLUTION", indent, keep=False)

    for number in range(draw(st.integers(1, 4))):
        add(draw(GIVEN), 0, keep=True)
        kind = draw(st.sampled_from(["module", "function", "method"]))
        if kind == "module":
            region(0)
            continue
        indent = 4
        if kind == "method":
            add(f'class C{number}:\n    """Doc."""', 0, keep=True)
            indent = 8
        add(f'def f{number}(a, b=2):\n    """Doc."""', indent - 4, keep=True)
        if draw(st.booleans()):
            add(draw(GIVEN), indent, keep=True)
        region(indent)
        if draw(st.booleans()):
            add("return a", indent, keep=True)
    return "\n".join(text) + "\n", kept


@given(modules())
def test_everything_outside_is_unchanged_and_nothing_inside_survives(made):
    text, kept = made
    stub = make_stub(text)
    assert "canary" not in stub
    ast.parse(stub)
    survivors = [
        line
        for line in stub.split("\n")
        if line.strip()
        and not re.fullmatch(r'\s*(# YOUR CODE HERE|raise NotImplementedError\("[\w.]+ is not written yet"\))', line)
    ]
    assert survivors == kept
