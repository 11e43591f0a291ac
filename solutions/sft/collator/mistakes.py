"""Wrong ways to write sft/collator, each with the sentence that a student should read."""

import re

from autograder.checks import mistake

PARTS = 'head, answer = list(encode(head)), [*encode(message["content"]), *encode(tail)]'
LABELS = "labels += [IGNORE] * len(head) + (answer if i in trained else [IGNORE] * len(answer))"
ROWS = "rows = [(ids[:max_len], labels[:max_len], [1] * len(ids[:max_len])) for ids, labels in batch]"
LOOP = 'trained = [i for i, message in enumerate(messages) if message["role"] == "assistant"]'

mistake("You strip the instruction. Nothing is stripped.", edit={"### Instruction:\\n{instruction}": "### Instruction:\\n{instruction.strip()}"})
mistake("An input of white space is an input too: only the empty string is none.", edit={"    if input:": "    if input.strip():"})


@mistake("You put the instruction in first and then look for the place of the input, so an instruction with braces is changed.")
def alpaca_prompt(instruction, input=""):
    task = "Below is an instruction that describes a task"
    if input:
        task += ", paired with an input that provides further context"
    text = task + ". Write a response that appropriately completes the request.\n\n### Instruction:\n{instruction}\n\n"
    text += "### Input:\n{input}\n\n### Response:" if input else "### Response:"
    return text.replace("{instruction}", instruction).replace("{input}", input)


mistake("You train on everything. Only answers, with their tails, have labels.", edit={"(answer if i in trained else [IGNORE] * len(answer))": "answer"})
mistake("The head of an answer is trained in your labels. The program that asks the model writes the head, so it has -100.", edit={
    LABELS: LABELS.replace("[IGNORE] * len(head)", "(head if i in trained else [IGNORE] * len(head))")})  # fmt: skip
mistake("The tail of an answer has no labels in your function, so the model never learns to stop.", edit={
    PARTS: PARTS + "\n        ending = len(encode(tail))",
    "(answer if i in trained else": "(answer[: len(answer) - ending] + [IGNORE] * ending if i in trained else"})  # fmt: skip
mistake("You encode a whole message at once, so a token can belong to its head and to its content. Encode each part by itself.", edit={
    PARTS: 'whole = list(encode(head + message["content"] + tail))\n        head, answer = whole[: len(encode(head))], whole[len(encode(head)) :]'})  # fmt: skip
mistake("You encode content and tail in one call. They are two parts.", edit={PARTS: 'head, answer = list(encode(head)), [*encode(message["content"] + tail)]'})
mistake("You shift the labels. The model does that itself.", edit={"    return ids, labels": "    return ids, labels[1:] + labels[:0] + [IGNORE] * bool(labels)"})
mistake("You let a list of `encode` grow, which it gives again for the same text. Copy it first.", edit={
    PARTS: 'head, answer = encode(head), encode(message["content"])\n        answer += encode(tail)'})  # fmt: skip
mistake("You let the list grow that `encode` gave for the head. It gives the same list again for the same text: put what follows into a list of your own.", edit={
    PARTS: PARTS.replace("list(encode(head))", "encode(head)"),
    "ids += head + answer": "own = len(head)\n        head += answer\n        ids += head",
    LABELS: LABELS.replace("len(head)", "own")})  # fmt: skip
mistake('With "last" you train on the last message only if it is an answer. Other messages may follow the last answer.', edit={
    "trained = trained[-1:]": "trained = [i for i in trained if i == len(messages) - 1]"})  # fmt: skip
mistake('You ignore "last".', edit={"trained = trained[-1:]": "pass"})
mistake("A role that the template does not have is skipped in your function. It is a ValueError.", edit={
    '''raise ValueError(f"the template has no role {message['role']!r}")''': "continue"})  # fmt: skip

mistake("You refuse a template without the assistant. Only a role that a message has must be in it.", crashes=True, edit={
    "    " + LOOP: '    if "assistant" not in template:\n        raise ValueError("no assistant")\n    ' + LOOP})  # fmt: skip


@mistake("You look for the head of an answer in the text. A user can type it: decide by the role of the message.")
def build_example(messages, encode, template, train_on="assistant"):
    if train_on not in ("assistant", "last"):
        raise ValueError(train_on)
    pieces = []
    for message in messages:
        if message["role"] not in template:
            raise ValueError(message["role"])
        head, tail = template[message["role"]]
        pieces += [encode(head), encode(message["content"]), encode(tail)]
    ids = [i for piece in pieces for i in piece]
    head, tail = (encode(part) for part in template["assistant"])
    spans, at = [], 0
    while at < len(ids):
        if head and ids[at : at + len(head)] == head:
            start = at = at + len(head)
            while tail and at < len(ids) and ids[at : at + len(tail)] != tail:
                at += 1
            at += len(tail)
            spans.append((start, at))
        else:
            at += 1
    if train_on == "last":
        spans = spans[-1:]
    return ids, [x if any(a <= i < b for a, b in spans) else -100 for i, x in enumerate(ids)]


mistake("You set the label of every id that is `pad` to -100. The end of a text is often the same id, and its label is real.", edit={
    "    return filled\n": '    filled["labels"][filled["input_ids"] == pad] = IGNORE\n    return filled\n'})  # fmt: skip
mistake("You make the mask from ids that are not `pad`. Tokens of an example are attended to, also where they have that id.", edit={
    "    return filled\n": '    filled["attention_mask"] = (filled["input_ids"] != pad).long()\n    return filled\n'})  # fmt: skip
mistake("You fill up to `max_len`. Rows are as long as the longest example.", edit={
    "T = max(len(ids) for ids, *_ in rows)": "T = max(max_len or 0, max(len(ids) for ids, *_ in rows))"})  # fmt: skip
mistake("Your `collate` shifts the labels of each example to the left. The model does that itself: a label stays at the place of its token.", edit={
    ROWS: ROWS.replace("labels[:max_len]", "(labels[1:] + [IGNORE])[: len(ids)][:max_len]")})  # fmt: skip
mistake("Your `collate` shifts the labels of each example to the right. The model shifts by itself: a label stays at the place of its token.", edit={
    ROWS: ROWS.replace("labels[:max_len]", "([IGNORE] + labels)[: len(ids)][:max_len]")})  # fmt: skip
mistake("Your `collate` shifts the filled rows of labels to the left. The model does that itself: a label stays at the place of its token.", edit={
    "    return filled\n": '    filled["labels"] = torch.cat([filled["labels"][:, 1:], torch.full_like(filled["labels"][:, :1], IGNORE)], 1)\n    return filled\n'})  # fmt: skip
mistake("You ignore `side`: what is filled up stands behind.", edit={'if side == "right" else more + list(each)': 'if side else more + list(each)'})
mistake("On the left you keep the last tokens of an example that is too long. The first ones are kept, whatever the side.", edit={
    ROWS: ROWS.replace("[:max_len]", "[cut]").replace("rows =", "cut = slice(-max_len if max_len and side == 'left' else None, max_len if side == 'right' else None)\n    rows =")})  # fmt: skip
mistake("You cut the ids, but not the labels to the same length.", crashes=True, edit={ROWS: ROWS.replace("labels[:max_len]", "labels")})
mistake("Labels of what was filled up are `pad` in your batch. They are -100.", edit={"(pad, IGNORE, 0), strict=True)": "(pad, pad, 0), strict=True)"})
mistake("Your mask is of booleans. All three tensors are int64.", edit={
    "    return filled\n": '    filled["attention_mask"] = filled["attention_mask"].bool()\n    return filled\n'})  # fmt: skip


@mistake("You count the words that both texts have, in any order: that is ROUGE-1. ROUGE-L asks for the longest common subsequence.")
def rouge_l(a, b):
    first, second = (re.findall("[a-z0-9]+", text.lower()) for text in (a, b))
    common = sum(min(first.count(word), second.count(word)) for word in set(first))
    return 2 * common / (len(first) + len(second)) if common else 0.0


@mistake("You compare candidates with the pool alone. What was kept before counts too.")
def dedup_rouge(pool, cands, thr=0.7):
    return [text for text in cands if all(rouge_l(text, other) < thr for other in pool)]


mistake("You compare with candidates that were dropped too.", edit={
    "            seen.append(text)\n            kept.append(text)": "            kept.append(text)\n        seen.append(text)"})  # fmt: skip
mistake("You look for a to z and A to Z, and make small letters of that. Make the whole text small first: some letters are one of a to z only then.", edit={'re.findall("[a-z0-9]+", text.lower())': '[word.lower() for word in re.findall("[a-zA-Z0-9]+", text)]'})
