"""Wrong ways to write llama/llama2_gqa_chat, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

START = "start, end = int(pos[0]), int(pos[-1]) + 1"
WRITE_K = "self.k[:, :, start:end] = k.detach()"
WRITE_V = "self.v[:, :, start:end] = v.detach()"
USED = "        self.used = end\n"
BACK = "return self.k[:, :, :end], self.v[:, :, :end]"
HOLE = '''        if start > self.used:
            raise IndexError(f"places {self.used} to {start - 1} would stay empty")
'''
ROOM = '''        if end > self.k.shape[2]:
            raise IndexError(f"there are {self.k.shape[2]} places, and {end} are needed")
'''
MAKE = 'self.k, self.v = (torch.zeros(B, G, max_len, D, dtype=dtype) for _ in "kv")'
BYTES = "return self.k.nbytes + self.v.nbytes"

TURN = "q, k = rotate(q, pos), rotate(k, pos)"
UPDATE = "keys, values = cache.update(k, v, pos)"
GROUPS = "groups = q.unflatten(1, (G, -1))  # (B, G, H/G, t, D): the heads of a group share keys that are not copied"
SCORES = "scores = groups @ keys[:, :, None].mT * q.shape[-1] ** -0.5  # (B, G, H/G, t, S)"
LATER = "later = torch.arange(S, device=q.device) > pos[:, None]"
WEIGHTS = "weights = scores.masked_fill(later, -torch.inf).softmax(-1)"
OUT = "return (weights @ values[:, :, None]).flatten(1, 2)"

QUESTION = '''text += f"<s>[INST] {(system + message['content']).strip()} [/INST]"'''
ANSWER = '''text += f" {message['content'].strip()} </s>"'''
SYSTEM = '''system, messages = f"<<SYS>>\\n{messages[0]['content']}\\n<</SYS>>\\n\\n", messages[1:]'''
TAGGED = '''        raise ValueError("a content holds a tag of the format")'''
ORDER = '''            raise ValueError(f"message {i} should be the {role}'s")'''
NOBODY = '''    if not messages:
        raise ValueError("there is no message of a user")
'''

LOSS = "return -torch.nn.functional.logsigmoid(rc - rr - margin).mean()"
PROMPTS = 'return [instructed(message, instruction) if message["role"] == "user" else dict(message) for message in dialog]'
JOINED = '''return {"role": message["role"], "content": f"{instruction}\\n{message['content']}"}'''
TRAINED = "messages = [instructed(dialog[0], instruction), *(dict(message) for message in dialog[1:])]"
COUNTED = "return messages, [False] * (len(dialog) - 1) + [True]"

# --- the cache -------------------------------------------------------------------------------------------------------

mistake("Your cache returns all max_len places. The unused ones hold zeros, and attention would look at them.", edit={BACK: "return self.k, self.v"})
mistake("Your cache returns the new tokens alone. It returns all tokens up to the newest.", edit={BACK: "return self.k[:, :, start:end], self.v[:, :, start:end]"})
mistake("Your cache appends new tokens behind the old ones, wherever `pos` says. They belong at the places pos.", edit={
    START: "start, end = self.used, self.used + len(pos)", HOLE: ""})  # fmt: skip
mistake("Your cache always writes from place 0 on.", edit={START: "start, end = 0, len(pos)"})
mistake("Your cache does not forget: after tokens were taken back it still returns those behind the newest.", edit={
    USED: "        self.used = end = max(self.used, end)\n", WRITE_V: WRITE_V + "\n        "[:0]})  # fmt: skip
mistake("`len` of your cache is max_len. It is the number of places in use.", edit={"return self.used": "return self.k.shape[2]"})
mistake("`len` of your cache counts all tokens that were ever written. After some are taken back it is less.", edit={USED: "        self.used += len(pos)\n", HOLE: ""})
mistake("`len` of your cache grows even when `update` raises. Then nothing has changed.", edit={
    HOLE: "        before, self.used = self.used, end\n        if start > before:\n            raise IndexError\n", USED: ""})  # fmt: skip
mistake("Your cache writes what fits before it raises. Then nothing may have changed.", edit={
    ROOM: "        if end > self.k.shape[2]:\n            room = self.k.shape[2] - start\n            self.k[:, :, start:], self.used = k[:, :, :room].detach(), start + room\n            raise IndexError\n"})  # fmt: skip
mistake("A full cache drops its oldest tokens in your class. It raises IndexError.", edit={
    ROOM: "        if (over := end - self.k.shape[2]) > 0:\n            self.k, self.v = self.k.roll(-over, 2), self.v.roll(-over, 2)\n            start, end = start - over, end - over\n"})  # fmt: skip
mistake("Your cache needs one place more than it has to: the last place may be used.", edit={"if end > self.k.shape[2]:": "if end >= self.k.shape[2]:"})
mistake("Your cache accepts a place beyond its end: a hole of zeros stays, which attention would look at.", edit={HOLE: ""})
mistake("Your cache refuses to write to a place twice. A model that takes tokens back does that.", edit={"if start > self.used:": "if start != self.used:"})
mistake("Your cache raises ValueError. The docstring says IndexError.", edit={
    HOLE: HOLE.replace("IndexError", "ValueError"), ROOM: ROOM.replace("IndexError", "ValueError")})  # fmt: skip
mistake("Your cache puts values where keys belong.", edit={BACK: "return self.v[:, :, :end], self.k[:, :, :end]"})
mistake("Keys and values share one block of memory in your cache, so the values overwrite the keys.", edit={
    MAKE: "self.k = self.v = torch.zeros(B, G, max_len, D, dtype=dtype)"})  # fmt: skip
mistake("Your cache is always float32. It has the dtype that it is given.", edit={MAKE: MAKE.replace("dtype=dtype", "dtype=torch.float32")})
mistake("`nbytes` of your cache counts the keys alone.", edit={BYTES: "return self.k.nbytes"})
mistake("`nbytes` of your cache counts numbers. A number of float16 has two bytes, one of float32 four.", edit={BYTES: "return self.k.numel() + self.v.numel()"})
mistake("`nbytes` of your cache takes every number for two bytes. It depends on the dtype.", edit={BYTES: "return 2 * (self.k.numel() + self.v.numel())"})
mistake("`nbytes` of your cache counts the places in use. All of them are taken.", edit={
    BYTES: "return self.k[:, :, : self.used].nbytes + self.v[:, :, : self.used].nbytes"})  # fmt: skip
mistake("Your cache returns copies. Views cost nothing, and show what is written later.", edit={
    BACK: "return self.k[:, :, :end].clone(), self.v[:, :, :end].clone()"}, fails=["nothing_is_copied"])  # fmt: skip
mistake("Your cache keeps the graph of keys and values, so the memory of every step stays alive.", edit={
    WRITE_K: WRITE_K.removesuffix(".detach()"), WRITE_V: WRITE_V.removesuffix(".detach()")}, fails=["nothing_is_copied"])  # fmt: skip
mistake("All of your caches share one block of memory.", edit={
    MAKE: 'shape, pool = (B, G, max_len, D), KVCache.__dict__.get("pool", {})\n        KVCache.pool = pool\n        self.k, self.v = (pool.setdefault((c, shape, dtype), torch.zeros(shape, dtype=dtype)) for c in "kv")'})  # fmt: skip
mistake("Your first call keeps the tensor that it gets instead of copying it into the cache's memory.", edit={
    USED: USED + "        if start == 0 and end == self.k.shape[2]:\n            self.k, self.v = k.detach().to(self.k.dtype), v.detach().to(self.v.dtype)\n"})  # fmt: skip

# --- attention -------------------------------------------------------------------------------------------------------

mistake("You do not rotate at all.", edit={TURN: ""})
mistake("You keep keys that are not rotated, and rotate all of them again by the positions of the new ones.", edit={
    TURN: "q = rotate(q, pos)", UPDATE: UPDATE + "\n    keys = torch.cat([keys[:, :, : -len(pos)], rotate(keys[:, :, -len(pos) :], pos)], 2)"})  # fmt: skip
mistake("You keep keys that are not rotated, and rotate all of them in every call. Rotate each once, before it is kept.", edit={
    TURN: "q = rotate(q, pos)", UPDATE: UPDATE + "\n    keys = rotate(keys, torch.arange(keys.shape[2]))"})  # fmt: skip
mistake("You rotate keys that come from the cache a second time.", edit={UPDATE: UPDATE + "\n    keys = rotate(keys, torch.arange(keys.shape[2]))"})
mistake("You rotate the queries only.", edit={TURN: "q = rotate(q, pos)"})
mistake("You rotate the values too.", edit={TURN: "q, k, v = rotate(q, pos), rotate(k, pos), rotate(v, pos)"})
mistake("Your positions begin at 0 in every piece. Use `pos`.", edit={TURN: "q, k = (rotate(x, torch.arange(len(pos))) for x in (q, k))"})
mistake("Your queries are rotated by one position too much.", edit={TURN: "q, k = rotate(q, pos + 1), rotate(k, pos)"})
mistake("You repeat keys and values for all query heads before they are kept. The cache gets the G heads once.", edit={
    UPDATE: "n = q.shape[1] // k.shape[1]\n    keys, values = cache.update(k.repeat_interleave(n, 1), v.repeat_interleave(n, 1), pos)"})  # fmt: skip
mistake("You attend to the new tokens alone. Attend to what the cache returns.", edit={
    UPDATE: "cache.update(k, v, pos)\n    keys, values = k, v", LATER: "later = pos > pos[:, None]"})  # fmt: skip
mistake("You attend to the old tokens alone, and put the new ones into the cache afterwards.", edit={
    UPDATE: UPDATE + "\n    if pos[0] > 0:\n        keys, values = keys[:, :, : pos[0]], values[:, :, : pos[0]]"})  # fmt: skip
mistake("Your attention is not causal inside a piece: a new token sees later ones.", edit={LATER: "later = torch.zeros(len(pos), S, dtype=torch.bool)"})
mistake("Your causal triangle begins in the upper left corner: new tokens do not see what is in the cache.", edit={
    LATER: "later = torch.ones(len(pos), S, dtype=torch.bool).triu(1)"})  # fmt: skip
mistake("A token does not see itself in your attention.", edit={LATER: "later = (torch.arange(S) >= pos[:, None]) & (pos[:, None] > 0)"})
mistake("A token sees one later token in your attention.", edit={LATER: LATER.replace("pos[:, None]", "pos[:, None] + 1")})
mistake("Your scores are not divided by √D.", edit={SCORES: SCORES.replace(" * q.shape[-1] ** -0.5", "")})
mistake("Your scores are divided by D, not by √D.", edit={SCORES: SCORES.replace("-0.5", "-1.0")})
mistake("Query head h uses key head h % G in your function. The heads of a group are neighbours.", edit={
    GROUPS: "groups = q.unflatten(1, (-1, G)).transpose(1, 2)", OUT: "return (weights @ values[:, :, None]).transpose(1, 2).flatten(1, 2)"})  # fmt: skip
mistake("All query heads use the first key head.", edit={UPDATE: UPDATE + "\n    keys, values = (x[:, :1].expand_as(x) for x in (keys, values))"})
mistake("You hide later tokens after the softmax, so the weights do not sum to 1.", edit={WEIGHTS: "weights = scores.softmax(-1).masked_fill(later, 0.0)"})
mistake("You set the scores of later tokens to 0 instead of minus infinity.", edit={WEIGHTS: "weights = scores.masked_fill(later, 0.0).softmax(-1)"})
mistake("You hide later tokens with -100, which large scores get past. Use minus infinity.", edit={WEIGHTS: WEIGHTS.replace("-torch.inf", "-100.0")})
mistake("No gradient flows to the queries.", edit={GROUPS: "groups = q.detach().unflatten(1, (G, -1))"})
mistake("No gradient flows to keys and values, although the cache lets it through.", edit={UPDATE: UPDATE + "\n    keys, values = keys.detach(), values.detach()"})
mistake("You call `update` of the cache twice, once for keys and once for values.", edit={
    UPDATE: "keys, _ = cache.update(k, v, pos)\n    _, values = cache.update(k, v, pos)"})  # fmt: skip
mistake("You hide by the length of the cache before the call. After tokens are taken back, it is more than the new ones' positions.", edit={
    UPDATE: "S0 = len(cache)\n    " + UPDATE, LATER: "later = torch.arange(S) > (torch.arange(len(pos)) + S0)[:, None]"})  # fmt: skip

# --- the chat --------------------------------------------------------------------------------------------------------

mistake("You write <s> once, as Mistral does. Here each question has its own.", edit={QUESTION: QUESTION.replace("<s>", "{'' if text else '<s>'}")})
mistake("Your text has no <s>. Each question begins with one.", edit={QUESTION: QUESTION.replace("<s>", "")})
mistake("Your answers do not end with </s>.", edit={ANSWER: ANSWER.replace(" </s>", " ")})
mistake("You write no space before </s>.", edit={ANSWER: ANSWER.replace(" </s>", "</s>")})
mistake("You write no space before the answer.", edit={ANSWER: ANSWER.replace('f" {', 'f"{')})
mistake("You write a space behind the last [/INST]. The model writes it itself.", edit={
    QUESTION: QUESTION.replace("[/INST]", "[/INST] "), ANSWER: ANSWER.replace('f" {', 'f"{')})  # fmt: skip
mistake("You write no spaces inside [INST] … [/INST].", edit={QUESTION: QUESTION.replace("[INST] {", "[INST]{").replace("} [/INST]", "}[/INST]")})
mistake("You write a line feed between the units. There is nothing between them.", edit={ANSWER: ANSWER.replace("</s>", "</s>\\n")})
mistake("Your system message is in every question. It is in the first one only.", edit={'            system = ""\n': ""})
mistake("Your system message stands before [INST]. It is inside the first question.", edit={
    QUESTION: '''text += f"<s>{system}[INST] {message['content'].strip()} [/INST]"'''})  # fmt: skip
mistake("You leave the system message out.", edit={SYSTEM: "messages = messages[1:]"})
mistake("Your system message has no line feeds around it.", edit={SYSTEM: SYSTEM.replace("<<SYS>>\\n", "<<SYS>>").replace("\\n<</SYS>>", "<</SYS>>")})
mistake("One line feed stands behind your <</SYS>>. There are two.", edit={SYSTEM: SYSTEM.replace("<</SYS>>\\n\\n", "<</SYS>>\\n")})
mistake("Your system message ends with <<SYS>> or <</SYS>> in the wrong order.", edit={SYSTEM: SYSTEM.replace("<<SYS>>", "@").replace("<</SYS>>", "<<SYS>>").replace("@", "<</SYS>>")})
mistake("You strip the system message. White space around it stays.", edit={SYSTEM: SYSTEM.replace("['content']", "['content'].strip()")})
mistake("You strip the first question before the system message is put in front. The whole is stripped.", edit={
    QUESTION: QUESTION.replace("(system + message['content']).strip()", "system + message['content'].strip()")})  # fmt: skip
mistake("You leave out an empty system message. Its tags stand there all the same.", edit={SYSTEM: SYSTEM + '\n        system = "" if "<<SYS>>\\n\\n<<" in system else system'})
mistake("You do not strip questions.", edit={QUESTION: QUESTION.replace(".strip()", "")})
mistake("You do not strip answers.", edit={ANSWER: ANSWER.replace(".strip()", "")})
mistake("You take spaces off, and not the other white space.", edit={QUESTION: QUESTION.replace(".strip()", ".strip(' ')"), ANSWER: ANSWER.replace(".strip()", ".strip(' ')")})
mistake("You refuse a chat that ends with an answer. A finished dialogue is for training.", edit={
    "    return text\n": '    if messages[-1]["role"] == "assistant":\n        raise ValueError\n    return text\n'}, crashes=True)  # fmt: skip
mistake("You drop a last answer, since the model goes on after a question. A finished dialogue keeps it.", edit={
    "    return text\n": '    if messages[-1]["role"] == "assistant":\n        return text[: text.rindex("[/INST]") + 7]\n    return text\n'})  # fmt: skip
mistake("You write the format of Llama 3.", edit={
    QUESTION: '''text += f"<|start_header_id|>user<|end_header_id|>\\n\\n{(system + message['content']).strip()}<|eot_id|>"''',
    ANSWER: '''text += f"<|start_header_id|>assistant<|end_header_id|>\\n\\n{message['content'].strip()}<|eot_id|>"'''})  # fmt: skip
mistake("You render what a user typed, tags and all. A user who types [/INST] forges an answer: raise ValueError.", edit={TAGGED: "        pass"})
mistake("You cut tags out of contents. Raise ValueError.", edit={TAGGED: '        messages = [m | {"content": m["content"].replace("[INST]", "").replace("[/INST]", "")} for m in messages]'})
mistake("You look for tags in questions only. A system message or an answer can hold them too.", edit={
    "for message in messages for tag in TAGS)": 'for message in messages if message["role"] == "user" for tag in TAGS)'})  # fmt: skip
mistake("You refuse tags in any mixture of capitals. Only the six as they are written are tags.", edit={
    'if any(tag in message["content"] for': 'if any(tag in message["content"].upper().replace("<S>", "<s>").replace("</S>", "</s>") for'}, crashes=True)  # fmt: skip
mistake("You do not look at the order of the roles.", edit={ORDER: "            role = message[\"role\"]"})
mistake("Two questions one after the other are accepted in your function.", edit={ORDER: ORDER.replace("raise", 'role = "user"\n            if message["role"] != "user": raise')})
mistake("You accept a chat without a user's message.", edit={NOBODY: ""})
mistake("You take a system message at any place for the first one.", edit={
    "    if messages and messages[0]": '    messages = sorted(messages, key=lambda m: m["role"] != "system")\n    if messages and messages[0]'})  # fmt: skip
mistake("You use `assert`, which raises AssertionError. The docstring says ValueError.", edit={
    ORDER: "            raise AssertionError", NOBODY: "    assert messages\n"})  # fmt: skip

# --- training --------------------------------------------------------------------------------------------------------

mistake("You add the margin to the difference. It makes the task harder: take it off.", edit={LOSS: LOSS.replace("- margin", "+ margin")})
mistake("You leave the margin out.", edit={LOSS: LOSS.replace(" - margin", "")})
mistake("You exchange chosen and rejected.", edit={LOSS: LOSS.replace("rc - rr", "rr - rc")})
mistake("You forget the minus sign: a loss is small where the answer is right.", edit={LOSS: LOSS.replace("-torch", "torch")})
mistake("You sum over the pairs. The loss is their mean.", edit={LOSS: LOSS.replace("mean", "sum")})
mistake("You return one loss for each pair. The loss is their mean.", edit={LOSS: LOSS.replace(".mean()", "")})
mistake("You take the logarithm of a sigmoid that is 0 where scores are far apart. Use logsigmoid, or softplus.", edit={
    LOSS: "return -torch.log(torch.sigmoid(rc - rr - margin)).mean()"})  # fmt: skip
mistake("You use torch's soft_margin_loss, which is infinite where scores lie far apart. Use logsigmoid, or softplus.", edit={
    LOSS: "z = rc - rr - margin\n    return torch.nn.functional.soft_margin_loss(z, torch.ones_like(z))"})  # fmt: skip
mistake("You put a small number into the logarithm, which flattens the loss of pairs that are far off.", edit={
    LOSS: "return -torch.log(torch.sigmoid(rc - rr - margin) + 1e-8).mean()"})  # fmt: skip
mistake("Your loss is a hinge: max(0, margin - difference). It is -ln σ.", edit={LOSS: "return (margin - (rc - rr)).clamp(min=0).mean()"})
mistake("You multiply the loss by the margin. It is taken off the difference.", edit={LOSS: "return -(torch.nn.functional.logsigmoid(rc - rr) * margin).mean()"})
mistake("Your loss is computed in float32.", edit={LOSS: "return -torch.nn.functional.logsigmoid((rc - rr - margin).float()).mean().to(rc.dtype)"})
mistake("You take the mean of the differences before the sigmoid.", edit={LOSS: "return -torch.nn.functional.logsigmoid((rc - rr - margin).mean())"})
mistake("Your margin is one number for all pairs: their mean.", edit={LOSS: LOSS.replace("- margin", "- margin.mean()")})
mistake("No gradient flows to the rejected score.", edit={LOSS: LOSS.replace("rr", "rr.detach()")})

mistake("You give the instruction in the first question only while answers are made. It is in every question there.", edit={
    PROMPTS: PROMPTS.replace('if message["role"] == "user"', "if message is dialog[0]")})  # fmt: skip
mistake("You put the instruction into the answers too.", edit={PROMPTS: "return [instructed(message, instruction) for message in dialog]"})
mistake("For training the instruction is in every question of yours. It is in the first one only.", edit={
    TRAINED: "messages = ghost_prompts(dialog, instruction)"})  # fmt: skip
mistake("For training you put the instruction into the last question. It is in the first one.", edit={
    TRAINED: "messages = [dict(message) for message in dialog]\n    messages[-2] = instructed(messages[-2], instruction)"})  # fmt: skip
mistake("For training you leave the instruction out.", edit={TRAINED: "messages = [dict(message) for message in dialog]"})
mistake("All answers count in your loss. The older ones were not made for this instruction: only the last counts.", edit={
    COUNTED: 'return messages, [message["role"] == "assistant" for message in messages]'})  # fmt: skip
mistake("The last question counts in your loss too. Only the last answer does.", edit={COUNTED: "return messages, [i >= len(dialog) - 2 for i in range(len(dialog))]"})
mistake("You return what does not count. True means that a message counts.", edit={COUNTED: "return messages, [True] * (len(dialog) - 1) + [False]"})
mistake("You count equal answers too. Only the last message counts.", edit={COUNTED: "return messages, [message == dialog[-1] for message in dialog]"})
mistake("You put the instruction behind the question. It stands before.", edit={JOINED: '''return {"role": message["role"], "content": f"{message['content']}\\n{instruction}"}'''})
mistake("You join instruction and question by a space. It is a line feed.", edit={JOINED: JOINED.replace("\\n", " ")})
mistake("You strip the question, or the instruction. Nothing is stripped.", edit={JOINED: JOINED.replace("{message['content']}", "{message['content'].strip()}")})
mistake("You leave out an empty instruction with its line feed. It is written as any other.", edit={
    JOINED: "if not instruction:\n        return dict(message)\n    " + JOINED})  # fmt: skip
mistake("You put the instruction in only where it is not yet. It is put in everywhere.", edit={
    JOINED: 'if message["content"].startswith(instruction + "\\n"):\n        return dict(message)\n    ' + JOINED})  # fmt: skip
mistake("Your messages are those of the dialogue itself: who changes one changes the other. Return new dicts.", edit={
    PROMPTS: PROMPTS.replace("dict(message)", "message"), TRAINED: TRAINED.replace("dict(message)", "message")})  # fmt: skip
mistake("You write the instruction into the dialogue that you are given. It is left as it was.", edit={
    TRAINED: '''dialog[0]["content"] = f"{instruction}\\n{dialog[0]['content']}"\n    messages = dialog'''})  # fmt: skip
mistake("You make the instruction a system message. Here it is in front of the question.", edit={
    TRAINED: 'messages = [{"role": "system", "content": instruction}, *(dict(message) for message in dialog)]',
    COUNTED: "return messages, [False] * len(dialog) + [True]"})  # fmt: skip

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("In later calls your cache writes the first of the new tokens alone.", edit={
    WRITE_V: WRITE_V + "\n        if start > 0:\n            self.k[:, :, start + 1 : end] = 0"})  # fmt: skip
mistake("You look into the memory of your own cache. Any object with `update` is a cache: use what it returns.", edit={
    UPDATE: "cache.update(k, v, pos)\n    keys, values = cache.k[:, :, : len(cache)], cache.v[:, :, : len(cache)]"}, crashes=True)  # fmt: skip
mistake("You multiply the queries by 1/√D in place. They are the caller's.", edit={
    TURN: "q.mul_(q.shape[-1] ** -0.5)\n    " + TURN, SCORES: SCORES.replace(" * q.shape[-1] ** -0.5", "")})  # fmt: skip
mistake("You look for tags in the newest message alone. An older one can hold them too.", edit={
    "for message in messages for tag in TAGS)": "for message in messages[-1:] for tag in TAGS)"})  # fmt: skip
mistake("You turn all line ends into line feeds. White space inside a content stays as it is.", edit={
    ANSWER: ANSWER.replace(".strip()", ".replace(chr(13) + chr(10), chr(10)).strip()")})  # fmt: skip
mistake("You take the system message out of the list that you are given. It is left as it was.", edit={
    SYSTEM: 'system = f"<<SYS>>\\n{messages.pop(0)[\'content\']}\\n<</SYS>>\\n\\n"'})  # fmt: skip


@mistake("Your cache keeps lists and joins them in each call, in the order in which they came. They belong at the places pos.")
class KVCache:
    def __init__(self, B, G, max_len, D, dtype=torch.float32):
        self.parts, self.max_len = [], max_len
        self.nbytes = 2 * B * G * max_len * D * torch.empty((), dtype=dtype).element_size()
        self.dtype = dtype

    def __len__(self):
        return sum(k.shape[2] for k, _ in self.parts)

    def update(self, k, v, pos):
        if len(self) + len(pos) > self.max_len:
            raise IndexError("full")
        self.parts.append((k.detach().to(self.dtype), v.detach().to(self.dtype)))
        return tuple(torch.cat(each, 2) for each in zip(*self.parts, strict=True))


mistake("Messages of the assistant lose all keys but role and content. They stay as they are.", edit={
    PROMPTS: PROMPTS.replace("else dict(message) for", "else {key: message[key] for key in ('role', 'content')} for")})  # fmt: skip
mistake("Your logarithm of σ is a straight line from 12 on, which is wrong by 6e-6. float64 can do better.", edit={
    LOSS: "return torch.nn.functional.softplus(margin + rr - rc, threshold=12).mean()"})  # fmt: skip
