"""Wrong ways to write glm/chatglm34_prompt, each with the sentence that a student should read."""

import json
import re

from autograder.checks import mistake

ROUND = 'return "".join(f"[Round {n}]\\n\\n问：{question}\\n\\n答：{answer}" for n, (question, answer) in enumerate(rounds, 1))'
META = 'ids += encode(message.get("metadata", "") + "\\n")'
CONTENT = 'ids += encode(message["content"])'
LAST = 'return [*ids, special["<|assistant|>"]]'
FIRST = 'ids = [special["[gMASK]"], special[sop]]'
KEPT = 'kept = [message for message in messages if role_of(message) and message["content"]]'

mistake("Your rounds are numbered from 0, as in ChatGLM 1. ChatGLM 2 begins with 1.", edit={"enumerate(rounds, 1)": "enumerate(rounds)"})
mistake("You write single line feeds, as in ChatGLM 1. ChatGLM 2 has a blank line each time.", edit={
    'answer + "\\n\\n"': 'answer + "\\n"', ROUND: ROUND.replace("\\n\\n", "\\n")})  # fmt: skip
mistake("Behind the last 答： stands a blank line in your text. The model goes on right there.", edit={'[(query, "")]': '[(query, "\\n\\n")]'})
mistake("Your colons are those of ASCII. ChatGLM 2 was trained with the wide ones, U+FF1A.", edit={ROUND: ROUND.replace("：", ":")})
mistake("You strip questions and answers. White space stays.", edit={ROUND: ROUND.replace("{question}", "{question.strip()}").replace("{answer}", "{answer}")})
mistake("Your newest round stands first. The oldest one does.", edit={"in enumerate(rounds, 1))": "in [*enumerate(rounds, 1)][::-1])"})

mistake("Your role has no line feed behind it. Metadata and one line feed follow, also where metadata is empty.", edit={
    META: 'ids += encode(message.get("metadata", ""))'})  # fmt: skip
mistake("You encode the line feed and the content in one call. A tokenizer that begins each piece with a token of its own gives other ids.", edit={
    META: "", CONTENT: 'ids += encode(message.get("metadata", "") + "\\n" + message["content"])'})  # fmt: skip
mistake("You encode metadata and the line feed apart. They are one piece.", edit={META: 'ids += encode(message.get("metadata", "")) + encode("\\n")'})
mistake("You leave the metadata out.", edit={META: 'ids += encode("\\n")'})
mistake("[gMASK] and sop stand before every message in your ids. They stand there once.", edit={
    "        ids.append(special[f": '        ids += [special["[gMASK]"], special[sop]] if len(ids) > 2 else []\n        ids.append(special[f'})  # fmt: skip
mistake("[gMASK] and sop are missing.", edit={FIRST: "ids = []"})
mistake("A line feed follows your last <|assistant|>. The model writes it itself.", edit={LAST: 'return [*ids, special["<|assistant|>"], *encode("\\n")]'})
mistake("The last <|assistant|> is missing: the model would go on with the user's text.", edit={LAST: "return ids"})
mistake("You move the system message to the front. Messages keep their order.", edit={
    "    for message in messages:\n": '    for message in sorted(messages, key=lambda m: m["role"] != "system"):\n'})  # fmt: skip
mistake("A role that is none becomes a user in your function. It is a ValueError.", edit={
    '''        raise ValueError(f"{message['role']!r} is no role")''': '        return "user"'})  # fmt: skip
mistake("You leave out messages of white space too. Only an empty content is left out.", edit={KEPT: KEPT.replace('message["content"]]', 'message["content"].strip()]')})


@mistake("You write the chat as text and look for control tokens in it, so what a user typed becomes a control token. Encode each part by itself.")
def build(messages, encode, special, sop):
    text = "[gMASK]" + sop
    for message in messages:
        text += f"<|{role_of(message)}|>{message.get('metadata', '')}\n{message['content']}"
    parts = re.split("(" + "|".join(map(re.escape, special)) + ")", text + "<|assistant|>")
    return [i for part in parts for i in ([special[part]] if part in special else encode(part))]


@mistake("You look for the first brace. A call is the first line and nothing but JSON behind it.")
def parse_tool_call(text):
    name, brace, rest = text.partition("{")
    try:
        arguments, _ = json.JSONDecoder().raw_decode(brace + rest)
    except ValueError:
        return None
    return (name.strip(), arguments) if name.strip() else None


mistake("You take any JSON for arguments. They are an object.", edit={"if name.strip() and isinstance(arguments, dict) else None": "if name.strip() else None"})
mistake("A call without a name is an answer: an answer begins with a line feed.", edit={"if name.strip() and isinstance(arguments, dict)": "if isinstance(arguments, dict)"})

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("You strip the whole text before you cut it. An answer begins with a line feed, also where JSON follows later.", edit={
    'text.partition("\\n")': 'text.strip().partition("\\n")'})  # fmt: skip
mistake("You read the arguments as Python, so single quotes pass. They are JSON.", edit={"json.loads(rest)": '__import__("ast").literal_eval(rest.strip())', "except ValueError": "except (ValueError, SyntaxError)"})
mistake("Two messages of one role become one message in your ids. Each has its role.", edit={
    "        ids.append(special[f": "        if message is messages[0] or messages[messages.index(message) - 1][\"role\"] != message[\"role\"]:\n            ids.append(special[f"})  # fmt: skip
mistake("You append the query to the history that was passed.", edit={
    "rounds = [(question": 'history.append((query, ""))\n    rounds = [(question', "for question, answer in history]": "for question, answer in history[:-1]]"})  # fmt: skip
mistake("Only the assistant's metadata stand in your ids. Any message can have them.", edit={
    META: 'ids += encode((message.get("metadata", "") if message["role"] == "assistant" else "") + "\\n")'})  # fmt: skip
