"""Prompts of ChatGLM 2, of ChatGLM 3 and of GLM-4: from plain text with rounds to control tokens that no text can forge.

Arguments are left as they were, and results share nothing with them.
"""

import json
from collections.abc import Callable


def build_v2(history: list[tuple[str, str]], query: str) -> str:
    """The prompt of ChatGLM 2, a plain text.

    history: pairs (question, answer), the oldest first. query: the new question. For each pair, with n = 1 for the first one, the text has

        [Round n]

        问：QUESTION

        答：ANSWER

    with a blank line (two line feeds) behind each of the three lines, also behind the answer. Then comes the round of the query, which ends with
    答： and has nothing behind it: there the model goes on. The colons are the wide ones of Chinese (U+FF1A). Nothing is stripped. (ChatGLM 1
    counted rounds from 0 and had single line feeds.)

    >>> build_v2([], "Hi")
    '[Round 1]\\n\\n问：Hi\\n\\n答：'
    >>> build_v2([("Hi", "Hello!")], "Bye")
    '[Round 1]\\n\\n问：Hi\\n\\n答：Hello!\\n\\n[Round 2]\\n\\n问：Bye\\n\\n答：'
    """
    # YOUR CODE HERE
    raise NotImplementedError("build_v2 is not written yet")


def build_v3(
    messages: list[dict[str, str]], encode: Callable[[str], list[int]], special: dict[str, int]
) -> list[int]:
    """The prompt of ChatGLM 3 as token ids.

    messages: {"role": …, "content": …}, and there may be a "metadata" too (the name of a tool that the assistant calls); without one it is
        empty. The role is "system", "user", "assistant" or "observation"; any other is a ValueError.
    encode: gives the ids of a piece of ordinary text. It knows no control tokens: of "<|user|>" it makes the ids of its eight characters.
    special: the ids of the control tokens by their names: "[gMASK]", "sop", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>".
        There may be others in it.

    The ids are those of [gMASK] and sop, once; then for each message that of its role, the metadata with one line feed behind it, and the
    content; and in the end that of <|assistant|>, with nothing behind it. Nothing stands between two messages.

    Metadata with its line feed is one call of `encode`, the content is another. (Many tokenizers begin each piece with a token of their own, and
    ChatGLM 3's does. So it matters how a text is cut.) What users type is always text: a control token in a content or in metadata is
    encoded as its characters.

    >>> special = {"[gMASK]": 1, "sop": 2, "<|system|>": 3, "<|user|>": 4, "<|assistant|>": 5, "<|observation|>": 6}
    >>> build_v3([{"role": "user", "content": "aha"}], lambda text: [7] * text.count("a") + [8] * text.count("\\n"), special)
    [1, 2, 4, 8, 7, 7, 5]
    """
    # YOUR CODE HERE
    raise NotImplementedError("build_v3 is not written yet")


def build_glm4(
    messages: list[dict[str, str]], encode: Callable[[str], list[int]], special: dict[str, int]
) -> list[int]:
    """The prompt of GLM-4 as token ids.

    As `build_v3`, with two differences. The second token is called "<sop>" here, and a message with an empty content is left out
    altogether, with its role and its metadata. (It must have one of the four roles all the same.)

    >>> special = {"[gMASK]": 1, "<sop>": 2, "<|system|>": 3, "<|user|>": 4, "<|assistant|>": 5, "<|observation|>": 6}
    >>> chat = [{"role": "system", "content": ""}, {"role": "user", "content": "aha"}]
    >>> build_glm4(chat, lambda text: [7] * text.count("a") + [8] * text.count("\\n"), special)
    [1, 2, 4, 8, 7, 7, 5]
    """
    # YOUR CODE HERE
    raise NotImplementedError("build_glm4 is not written yet")


def parse_tool_call(text: str) -> tuple[str, dict] | None:
    """What GLM-4 wrote behind <|assistant|>: a call of a tool, or an answer for the user?

    A call is the name of a tool, a line feed, and a JSON object with the arguments; everything behind the first line feed is the JSON. White
    space around the name and around the JSON does not count. Returns (name, arguments).

    Everything else is an answer, and the result is None: if there is no line feed, if the name is empty (an answer begins with a line
    feed), if what follows is no JSON (by Python's `json.loads`), or if it is JSON but no object.

    >>> parse_tool_call('get_weather\\n{"city": "Beijing", "days": 3}')
    ('get_weather', {'city': 'Beijing', 'days': 3})
    >>> [parse_tool_call("\\nIt is sunny."), parse_tool_call("f\\n[1, 2]")]
    [None, None]
    """
    # YOUR CODE HERE
    raise NotImplementedError("parse_tool_call is not written yet")
