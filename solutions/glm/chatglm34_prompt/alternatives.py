"""Right ways to write glm/chatglm34_prompt, done differently."""

import json
import re

from autograder.checks import alternative


@alternative("as ChatGLM 2's tokenizer: a text that grows; as GLM-4's: single messages")
def build_v2(history, query):
    prompt = ""
    for i, (old_query, response) in enumerate(history):
        prompt += f"[Round {i + 1}]\n\n问：{old_query}\n\n答：{response}\n\n"
    prompt += f"[Round {len(history) + 1}]\n\n问：{query}\n\n答："
    return prompt


def single_message(message, encode, special):
    role, metadata = message["role"], message.get("metadata", "")
    if role not in {"system", "user", "assistant", "observation"}:
        raise ValueError(role)
    role_tokens = [special[f"<|{role}|>"], *encode(f"{metadata}\n")]
    return role_tokens + encode(message["content"])


@alternative("as ChatGLM 2's tokenizer: a text that grows; as GLM-4's: single messages")
def build_v3(messages, encode, special):
    input_ids = []
    for item in messages:
        input_ids.extend(single_message(item, encode, special))
    return [special["[gMASK]"], special["sop"], *input_ids, special["<|assistant|>"]]


@alternative("as ChatGLM 2's tokenizer: a text that grows; as GLM-4's: single messages")
def build_glm4(messages, encode, special):
    input_ids = [special["[gMASK]"], special["<sop>"]]
    for item in messages:
        message = single_message(item, encode, special)
        if item["content"]:
            input_ids.extend(message)
    input_ids.extend([special["<|assistant|>"]])
    return input_ids


@alternative("a list of pieces, some of them control tokens, encoded in the end")
def build(messages, encode, special, sop):
    pieces = [("[gMASK]", True), (sop, True)]
    for message in messages:
        role = role_of(message)
        pieces += [(f"<|{role}|>", True), (message.get("metadata", "") + "\n", False), (message["content"], False)]
    pieces.append(("<|assistant|>", True))
    return [i for piece, control in pieces for i in ([special[piece]] if control else encode(piece))]


@alternative("rounds by a generator, joined with blank lines")
def build_v2(history, query):
    def blocks():
        for n, (question, answer) in enumerate(history):
            yield from (f"[Round {n + 1}]", "问：" + question, "答：" + answer)
        yield from (f"[Round {len(history) + 1}]", "问：" + query, "答：")

    return "\n\n".join(blocks())


@alternative("split once, JSON by a decoder")
def parse_tool_call(text):
    lines = text.split("\n", 1)
    if len(lines) < 2 or not lines[0].strip():
        return None
    rest = lines[1].strip(" \t\n\r")
    try:
        arguments, end = json.JSONDecoder().raw_decode(rest)
    except json.JSONDecodeError:
        return None
    if end != len(rest) or type(arguments) is not dict:
        return None
    return lines[0].strip(), arguments


@alternative("a pattern for the call")
def parse_tool_call(text):
    match = re.fullmatch(r"([^\n]*\S[^\n]*)\n\s*(\{.*\})\s*", text, re.DOTALL)
    if match is None:
        return None
    try:
        found = json.loads(match[2])
    except ValueError:
        return None
    return match[1].strip(), found


@alternative("GLM-4 by way of ChatGLM 3")
def build_glm4(messages, encode, special):
    ids = build_v3(messages, encode, special | {"sop": special["<sop>"]})  # raises where a role is none
    kept = [message for message in messages if message["content"] != ""]
    return ids if len(kept) == len(messages) else build_v3(kept, encode, special | {"sop": special["<sop>"]})
