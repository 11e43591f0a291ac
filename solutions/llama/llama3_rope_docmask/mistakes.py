"""Wrong ways to write llama/llama3_rope_docmask, each with the sentence that a student should read."""

import re

from autograder.checks import mistake

F = "f = base ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)"
TURNS = "turns = orig * f / (2 * math.pi)  # orig / λ: turns within the old context"
S = "s = ((turns - low) / (high - low)).clamp(0, 1)"
BLEND = "return (1 - s) * f / factor + s * f"
SAME = "same = (doc_ids[:, :, None] == doc_ids[:, None, :]) & (doc_ids >= 0)[:, None, :]"
SEEN = "return same & (t <= t[:, None]) | (t == t[:, None])"
TEXT = 'text += header(message["role"]) + message["content"].strip() + "<|eot_id|>"'
END = 'return text + header("assistant") if add_generation_prompt else text'
IDS = 'ids += [start, *encode(message["role"]), end, *encode("\\n\\n"), *encode(message["content"].strip()), eot]'
LAST = 'ids += [start, *encode("assistant"), end, *encode("\\n\\n")]'

# --- frequencies -----------------------------------------------------------------------------------------------------

mistake("You compare frequencies with the edges, not wavelengths: λ = 2π / f.", edit={TURNS: "turns = f"})
mistake("You forget the 2π: a pair has turned once after λ = 2π / f positions.", edit={TURNS: "turns = orig * f"})
mistake("You divide every frequency by the factor, as in position interpolation. Fast pairs stay.", edit={BLEND: "return f / factor"})
mistake("You multiply by the factor. Slow pairs become slower still: divide.", edit={BLEND: "return (1 - s) * f * factor + s * f"})
mistake("You slow down the fast pairs and keep the slow ones. It is the other way round.", edit={BLEND: "return s * f / factor + (1 - s) * f"})
mistake("low and high are exchanged in your edges.", edit={S: "s = ((turns - high) / (low - high)).clamp(0, 1)"})
mistake("There is no band between in your function: it jumps from f to f / factor at the lower edge.", edit={S: "s = (turns > low).double()"})
mistake("There is no band between in your function: it jumps from f / factor to f at the upper edge.", edit={S: "s = (turns >= high).double()"})
mistake("Your s goes beyond 0 and 1, so the outer bands are blended too.", edit={S: "s = (turns - low) / (high - low)"})
mistake("Your s is not cut off at 0: the slow pairs come out wrong.", edit={S: "s = ((turns - low) / (high - low)).clamp(max=1)"})
mistake("Your s is not cut off at 1: the fast pairs come out too fast.", edit={S: "s = ((turns - low) / (high - low)).clamp(min=0)"})
mistake("You blend wavelengths. The docstring blends frequencies.", edit={BLEND: "return 1 / ((1 - s) * factor / f + s / f)"})
mistake("You blend in the logarithm. The docstring blends frequencies.", edit={BLEND: "return f * factor ** (s - 1)"})
mistake("Your s is linear in the wavelength. It is linear in orig / λ.", edit={
    S: "a, b = orig / low, orig / high\n    s = ((orig / turns - a) / (b - a)).clamp(0, 1)"})  # fmt: skip
mistake("Your s divides by high alone.", edit={S: "s = ((turns - low) / high).clamp(0, 1)"})
mistake("Your frequencies have the exponent i / D. It is 2i / D.", edit={F: "f = base ** (-torch.arange(0, D // 2, dtype=torch.float64) / D)"})
mistake("You divide the base of all pairs instead (NTK). Llama 3.1 changes frequencies band by band.", edit={
    BLEND: "return (base * factor ** (D / max(D - 2, 1))) ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)"})  # fmt: skip
mistake("You return every frequency twice, side by side for both halves. There are D/2.", edit={BLEND: "f = (1 - s) * f / factor + s * f\n    return torch.cat([f, f])"})
mistake("You return wavelengths. The docstring asks for frequencies.", edit={BLEND: "return 2 * math.pi / ((1 - s) * f / factor + s * f)"})
mistake("Your context is always 8192. Take `orig`.", edit={TURNS: "turns = 8192 * f / (2 * math.pi)"})
mistake("Your edges are always those of 1 and 4. Take `low` and `high`.", edit={S: "s = ((turns - 1) / (4 - 1)).clamp(0, 1)"})
mistake("Your default base is 10000, that of Llama 1. Llama 3 has 500000.", edit={"base: float = 500000.0": "base: float = 10000.0"})

# --- documents -------------------------------------------------------------------------------------------------------

mistake("Your mask is not causal: tokens see later ones of their document.", edit={SEEN: "return same | (t == t[:, None])"})
mistake("Your mask is causal in the wrong direction: rows are those who look.", edit={SEEN: "return same & (t >= t[:, None]) | (t == t[:, None])"})
mistake("Your mask ignores the documents.", edit={SAME: "same = (doc_ids >= 0)[:, None, :].expand(-1, T, -1)"})
mistake("A token sees earlier documents too: you compare with <=. Only equal numbers are one document.", edit={
    "doc_ids[:, :, None] == doc_ids[:, None, :]": "doc_ids[:, None, :] <= doc_ids[:, :, None]"})  # fmt: skip
mistake("A token does not see itself in your mask.", edit={SEEN: "return same & (t < t[:, None])"})
mistake("You return what is hidden. True means that token t may look.", edit={SEEN: "return ~(same & (t <= t[:, None]) | (t == t[:, None]))"})
mistake("All sequences get the mask of the first one.", edit={SEEN: "same = same[:1].expand(len(doc_ids), -1, -1)\n    " + SEEN})
mistake("You return 0 and -inf to be added to scores. The mask is bool.", edit={
    SEEN: "seen = same & (t <= t[:, None]) | (t == t[:, None])\n    return torch.zeros(seen.shape).masked_fill(~seen, -torch.inf)"})  # fmt: skip
mistake("You add a dimension for the heads. The mask is (B, T, T).", edit={SEEN: "return (same & (t <= t[:, None]) | (t == t[:, None]))[:, None]"})
mistake("You begin a new document wherever the number changes. Equal numbers are one document, also with another between.", edit={
    "    T = doc_ids.shape[1]\n": "    T = doc_ids.shape[1]\n    runs = torch.cat([torch.zeros_like(doc_ids[:, :1]), (doc_ids[:, 1:] != doc_ids[:, :-1]).long()], 1).cumsum(1)\n    doc_ids = torch.where(doc_ids < 0, doc_ids, runs)\n"})  # fmt: skip
mistake("Padding tokens see each other, as if they were one document.", edit={" & (doc_ids >= 0)[:, None, :]": ""})
mistake("The rows of padding are empty in your mask: their softmax is nan. Each sees itself.", edit={SEEN: "return same & (t <= t[:, None])"})
mistake("Padding sees all earlier tokens in your mask. It sees itself alone.", edit={
    SEEN: "return (same | (doc_ids < 0)[:, :, None]) & (t <= t[:, None]) | (t == t[:, None])"})  # fmt: skip
mistake("You take document 0 for padding. Padding is negative.", edit={"doc_ids >= 0": "doc_ids > 0"})
mistake("Only -1 is padding in your mask. Every negative number is.", edit={"doc_ids >= 0": "doc_ids != -1"})
mistake("You compare float32 numbers, which merges large ones.", edit={
    "doc_ids[:, :, None] == doc_ids[:, None, :]": "doc_ids.float()[:, :, None] == doc_ids.float()[:, None, :]"})  # fmt: skip

# --- the chat as text ------------------------------------------------------------------------------------------------

mistake("<|begin_of_text|> stands before every message in your text. It stands there once.", edit={TEXT: 'text += ("<|begin_of_text|>" if text != "<|begin_of_text|>" else "") + ' + TEXT.removeprefix("text += ")})
mistake("<|begin_of_text|> is missing.", edit={'text = "<|begin_of_text|>"': 'text = ""'})
mistake("You write one line feed behind the header. There are two.", edit={'<|end_header_id|>\\n\\n"': '<|end_header_id|>\\n"'})
mistake("You write a line feed behind <|eot_id|>. The next header follows at once.", edit={'"<|eot_id|>"\n    return': '"<|eot_id|>\\n"\n    return'})
mistake("You leave white space around the content.", edit={'message["content"].strip() + "<|eot_id|>"': 'message["content"] + "<|eot_id|>"'})
mistake("You take white space off the end only.", edit={'message["content"].strip() + "<|eot_id|>"': 'message["content"].rstrip() + "<|eot_id|>"'})
mistake("You take spaces off, and not the other white space.", edit={'message["content"].strip() + "<|eot_id|>"': 'message["content"].strip(" ") + "<|eot_id|>"'})
mistake("You take white space off the role. It is written as it is.", edit={'header(message["role"])': 'header(message["role"].strip())'})
mistake("You ignore add_generation_prompt: the header of the assistant always stands at the end.", edit={END: 'return text + header("assistant")'})
mistake("You ignore add_generation_prompt: the header of the assistant never stands at the end.", edit={END: "return text"})
mistake("The header at the end lacks its two line feeds.", edit={END: 'return text + header("assistant").rstrip() if add_generation_prompt else text'})
mistake("You leave out the header at the end when the last message is the assistant's.", edit={
    END: 'last = messages[-1]["role"] if messages else ""\n    return text + header("assistant") if add_generation_prompt and last != "assistant" else text'})  # fmt: skip
mistake("The last message has no <|eot_id|>. Every message ends with it.", edit={
    END: 'text = text.removesuffix("<|eot_id|>")\n    return text + header("assistant") if add_generation_prompt else text'})  # fmt: skip
mistake("You end messages with <|end_of_text|>. That ends a whole text; a message ends with <|eot_id|>.", edit={
    '.strip() + "<|eot_id|>"': '.strip() + "<|end_of_text|>"'})  # fmt: skip
mistake("You write ChatML (<|im_start|> …). Llama 3 has a format of its own.", edit={
    'return f"<|start_header_id|>{role}<|end_header_id|>\\n\\n"': 'return f"<|im_start|>{role}\\n"'})  # fmt: skip
mistake("You add a system message with dates, as Llama 3.1's template does. Here none is added.", edit={
    'text = "<|begin_of_text|>"': 'text = "<|begin_of_text|>" + header("system") + "Cutting Knowledge Date: December 2023<|eot_id|>"'})  # fmt: skip
mistake("Messages with an empty content are left out. They have a header and an end too.", edit={
    "        text += header": '        if not message["content"].strip():\n            continue\n        text += header'})  # fmt: skip
mistake("You move the system message to the front. Messages keep their order.", edit={
    "    for message in messages:\n        text +=": '    for message in sorted(messages, key=lambda m: m["role"] != "system"):\n        text +='})  # fmt: skip

# --- the chat as ids -------------------------------------------------------------------------------------------------


@mistake("You render the chat as text and look for control tokens in it, so what a user typed becomes a control token. Encode each part by itself.")
def encode_llama3(messages, encode, special, add_generation_prompt=True):
    text = render_llama3(messages, add_generation_prompt)
    parts = re.split("(" + "|".join(map(re.escape, special)) + ")", text)
    return [i for part in parts for i in ([special[part]] if part in special else encode(part))]


@mistake("You cut control tokens out of what users type. It stays text: nothing is lost.")
def encode_llama3(messages, encode, special, add_generation_prompt=True):
    begin, start, end, eot = (special[f"<|{name}|>"] for name in ("begin_of_text", "start_header_id", "end_header_id", "eot_id"))

    def clean(text):
        for name in special:
            text = text.replace(name, "")
        return text

    ids = [begin]
    for message in messages:
        ids += [start, *encode(clean(message["role"])), end, *encode("\n\n" + clean(message["content"]).strip()), eot]
    return ids + [start, *encode("assistant"), end, *encode("\n\n")] if add_generation_prompt else ids


@mistake("Contents are safe in your function, roles are not. A role can hold control tokens too.")
def encode_llama3(messages, encode, special, add_generation_prompt=True):
    ids = [special["<|begin_of_text|>"]]

    def header(role):
        parts = re.split("(" + "|".join(map(re.escape, special)) + ")", f"<|start_header_id|>{role}<|end_header_id|>\n\n")
        return [i for part in parts for i in ([special[part]] if part in special else encode(part))]

    for message in messages:
        ids += [*header(message["role"]), *encode(message["content"].strip()), special["<|eot_id|>"]]
    return ids + header("assistant") if add_generation_prompt else ids


@mistake("You encode control tokens as text. Each is one id, from `special`.")
def encode_llama3(messages, encode, special, add_generation_prompt=True):
    return encode(render_llama3(messages, add_generation_prompt))


mistake("Your ids lack the two line feeds behind the header.", edit={IDS: IDS.replace('*encode("\\n\\n"), ', "")})
mistake("Your ids lack the line feeds of the last header.", edit={LAST: LAST.replace(', *encode("\\n\\n")', "")})
mistake("You do not strip the contents before encoding.", edit={IDS: IDS.replace(".strip()", "")})
mistake("You encode only contents, and no roles.", edit={IDS: IDS.replace('*encode(message["role"]), ', "")})
mistake("You ignore add_generation_prompt in the ids.", edit={"    if add_generation_prompt:\n        ids": "    if True:\n        ids"})
mistake("You take the control tokens in the order of the dict. Look them up by their names.", edit={
    '''    begin, start, end, eot = (
        special[f"<|{name}|>"] for name in ("begin_of_text", "start_header_id", "end_header_id", "eot_id")
    )
''': "    begin, start, end, eot = special.values()\n"})  # fmt: skip
mistake("You begin every message with <|begin_of_text|>.", edit={IDS: IDS.replace("[start,", "[begin, start,")})
mistake("Your messages do not end with <|eot_id|>.", edit={IDS: IDS.replace(", eot]", "]")})

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("You convert document numbers to int32, where large ones fall together.", edit={
    "    T = doc_ids.shape[1]\n": "    T = doc_ids.shape[1]\n    doc_ids = doc_ids.int()\n"})  # fmt: skip
mistake("Your frequencies never grow. With a factor below 1 the slow pairs become faster.", edit={
    BLEND: "return torch.minimum(f, (1 - s) * f / factor + s * f)"})  # fmt: skip
mistake("You write roles in lower case in the ids. They are written as they are.", edit={
    IDS: IDS.replace('encode(message["role"])', 'encode(message["role"].lower())')})  # fmt: skip
mistake("You join the content's lines and words by single spaces. White space inside stays.", edit={
    'message["content"].strip() + "<|eot_id|>"': '" ".join(message["content"].split()) + "<|eot_id|>"'})  # fmt: skip
mistake("You decode what looks like an escaped line feed in contents. Text stays as it is.", edit={
    'message["content"].strip() + "<|eot_id|>"': 'message["content"].replace("\\\\n", "\\n").strip() + "<|eot_id|>"'})  # fmt: skip
mistake("You take ASCII white space alone off the content in the ids. There is more that str.strip knows.", edit={
    IDS: IDS.replace('["content"].strip()', '["content"].strip(" \\t\\r\\n\\v\\f")')})  # fmt: skip
mistake("Your base is a float32 before you compute with it. Everything is float64.", edit={F: F.replace("f = base **", "f = torch.tensor(float(base)) **")})
mistake("A content that is a control token becomes one if a tool says it. In a content it is text, whatever the role.", edit={
    IDS: "said = message['content'].strip()\n        tool = message['role'] not in ('system', 'user', 'assistant')\n        "
    + IDS.replace('*encode(message["content"].strip())', "*([special[said]] if tool and said in special else encode(said))")})  # fmt: skip

mistake(
    "A content that ends with <|eot_id|> gets no end of its own. Each message has one, whatever it says.",
    edit={
        '        text += header(message["role"]) + message["content"].strip() + "<|eot_id|>"\n': (
            '        text += header(message["role"]) + message["content"].strip()\n'
            '        text += "" if text.endswith("<|eot_id|>") else "<|eot_id|>"\n'
        )
    },
)

mistake(
    "You append to the list that `encode` gave you. It may be the encoder's own.",
    edit={
        '*encode(message["content"].strip()), eot]': '*(lambda given: given.append(eot) or given)(encode(message["content"].strip()))]'
    },
)
mistake(
    "You take role and content by their order in the message. They have names: the content may be written first.",
    edit={
        "    for message in messages:\n        text += header(message[\"role\"]) + message[\"content\"].strip()": (
            "    for message in messages:\n        role, content = list(message.values())[:2]\n        text += header(role) + content.strip()"
        )
    },
)
mistake(
    "You compare the numbers of documents as floats. Beyond 2^53 two numbers become one there: compare integers.",
    edit={"(doc_ids[:, :, None] == doc_ids[:, None, :])": "(doc_ids.double()[:, :, None] == doc_ids.double()[:, None, :])"},
)
