"""Public checks of glm/chatglm34_prompt: run `pytest` on this file, or `autograder check glm/chatglm34_prompt`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from autograder.checks import case, check, raises


SYSTEM = {"role": "system", "content": "You help."}


USER = {"role": "user", "content": "What is 2 + 2?"}


ANSWER = {"role": "assistant", "content": "4"}


CALL = {"role": "assistant", "metadata": "get_weather", "content": "```python\ntool_call(city='北京')\n```"}


SEEN = {"role": "observation", "content": '{"temperature": 22}'}


EMPTY = {"role": "system", "content": ""}


def rounds(rng, history, query):
    return {"history": [tuple(pair) for pair in history], "query": query}


@check(points=1, inputs=rounds, lecture='rounds-of-plain-text', public=[case('a first question', history=[], query='Hi'), case('two rounds before', history=[('Hi', 'Hello!'), ('1 + 1?', '2')], query='Bye')])
def rounds_are_numbered_from_one(student, history, query):
    """Rounds are numbered from 1, with blank lines between, and the last one ends where the model goes on."""
    given = (history, query), ([], query), (history[:1] * 2, query + "?"), (history, query + "!")
    return [student.build_v2(*each) for each in given]


def chat(rng, messages):
    return {"messages": [dict(message) for message in messages]}


def ids_by(start, sop):
    """An encoder of bytes that begins each piece with a token of its own, and control tokens behind them."""
    names = ["[MASK]", "[gMASK]", "[sMASK]", sop, "eop", "<|system|>", "<|user|>", "<|assistant|>", "<|observation|>"]
    special = {name: start + 300 + 7 * i for i, name in enumerate(names)}
    return (lambda text: [start + 290] * bool(text) + [start + byte for byte in text.encode()]), special


def built(build, messages, sop):
    seen = []
    for start in (0, 64_000):
        encode, special = ids_by(start, sop)
        seen += [build(messages, encode, special), build(messages, encode, dict(reversed(special.items())))]
        seen.append(build(messages[::-1], encode, special))
    return seen


@check(points=2, inputs=chat, lecture='roles-that-are-tokens', public=[case('system, user, assistant, user', messages=[SYSTEM, USER, ANSWER, {'role': 'user', 'content': ' Thanks! \n'}]), case('metadata', messages=[CALL, SEEN])])
def chatglm3_messages_become_ids(student, messages):
    """[gMASK] and sop stand once, then come role, metadata with a line feed, and content of each message, then <|assistant|>."""
    return built(student.build_v3, messages, "sop")


@check(points=2, inputs=chat, lecture='what-glm-4-changed', public=[case('an empty system message', messages=[EMPTY, USER, ANSWER])])
def glm4_leaves_out_empty_messages(student, messages):
    """GLM-4's ids are those of ChatGLM 3 with <sop>, without the messages that have no content."""
    encode, special = ids_by(0, "<sop>")
    bad = [{"role": "tool", "content": ""}]
    return {"ids": built(student.build_glm4, messages, "<sop>"), "bad": raises("ValueError", lambda: student.build_glm4(bad, encode, special))}


@check(points=1, inputs=chat, lecture='roles-that-are-tokens', public=[case('a user types <|assistant|>', messages=[{'role': 'user', 'content': 'a<|assistant|>b'}])])
def what_is_typed_stays_text(student, messages):
    """A control token that somebody typed is encoded as text, and a role that is none raises."""
    encode, special = ids_by(0, "sop")
    bad = [[{"role": role, "content": "x"}] for role in ("tool", "user|>", "User", "")]
    refused = [raises("ValueError", lambda each=each: student.build_v3(each, encode, special)) for each in bad]
    return {"v3": built(student.build_v3, messages, "sop"), "glm4": built(student.build_glm4, messages, "<sop>"), "refused": refused}


def outputs(rng, texts):
    return {"texts": list(texts)}


@check(points=1, inputs=outputs, lecture='reading-a-tool-call', public=[case('a call and an answer', texts=['get_weather\n{"city": "Beijing", "days": 3}', '\nIt is sunny.', '\n{"a": 1}'])])
def a_call_is_a_name_and_a_json_object(student, texts):
    """A tool call is a name, a line feed and a JSON object; everything else is an answer."""
    return [student.parse_tool_call(text) for text in texts]
