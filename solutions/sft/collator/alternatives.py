"""Right ways to write sft/collator, done differently."""

import re
from functools import cache

import numpy as np
import torch

from autograder.checks import alternative


@alternative("two templates, as in Alpaca's train.py; padding by pad_sequence")
def alpaca_prompt(instruction, input=""):
    with_input = (
        "Below is an instruction that describes a task, paired with an input that provides further context. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Input:\n{input}\n\n### Response:"
    )
    without = (
        "Below is an instruction that describes a task. "
        "Write a response that appropriately completes the request.\n\n"
        "### Instruction:\n{instruction}\n\n### Response:"
    )
    example = {"instruction": instruction, "input": input}
    return with_input.format_map(example) if input != "" else without.format_map(example)


@alternative("two templates, as in Alpaca's train.py; padding by pad_sequence")
def collate(batch, pad, side="right", max_len=None):
    if side not in {"left", "right"}:
        raise ValueError(side)
    rows = [[torch.tensor(row, dtype=torch.long)[:max_len] for row in example] for example in batch]

    def padded(tensors, value):
        return torch.nn.utils.rnn.pad_sequence(tensors, batch_first=True, padding_value=value, padding_side=side)

    ids = padded([row[0] for row in rows], pad)
    labels = padded([row[1] for row in rows], -100)
    mask = padded([torch.ones_like(row[0]) for row in rows], 0)
    return {"input_ids": ids, "labels": labels, "attention_mask": mask}


@alternative("pieces with a flag, flattened in the end")
def build_example(messages, encode, template, train_on="assistant"):
    if train_on == "assistant":
        wanted = {n for n, message in enumerate(messages) if message["role"] == "assistant"}
    elif train_on == "last":
        wanted = {max((n for n, message in enumerate(messages) if message["role"] == "assistant"), default=-1)}
    else:
        raise ValueError(train_on)
    pieces = []
    for n, message in enumerate(messages):
        try:
            head, tail = template[message["role"]]
        except KeyError:
            raise ValueError(message["role"]) from None
        pieces += [(head, False), (message["content"], n in wanted), (tail, n in wanted)]
    tokens = [(token, flag) for text, flag in pieces for token in encode(text)]
    return [token for token, _ in tokens], [token if flag else -100 for token, flag in tokens]


@alternative("all labels first, then spans are ignored, as preprocessing of Vicuna does")
def build_example(messages, encode, template, train_on="assistant"):
    if train_on not in ["last", "assistant"]:
        raise ValueError("train_on")
    ids, spans, answers = [], [], []
    for message in messages:
        if message["role"] not in template:
            raise ValueError("role")
        begin = len(ids)
        ids.extend(encode(template[message["role"]][0]))
        middle = len(ids)
        ids.extend(encode(message["content"]))
        ids.extend(encode(template[message["role"]][1]))
        if message["role"] == "assistant":
            spans.append((begin, middle))
            answers.append((middle, len(ids)))
        else:
            spans.append((begin, len(ids)))
    labels = np.array(ids, dtype=object)
    for begin, end in spans + (answers[:-1] if train_on == "last" else []):
        labels[begin:end] = -100
    return ids, labels.tolist()


@alternative("tensors that are filled first")
def collate(batch, pad, side="right", max_len=None):
    if side != "left" and side != "right":
        raise ValueError("side")
    lengths = [len(ids) if max_len is None else min(len(ids), max_len) for ids, _ in batch]
    B, T = len(batch), max(lengths)
    out = {"input_ids": torch.full((B, T), pad), "labels": torch.full((B, T), -100), "attention_mask": torch.zeros(B, T, dtype=torch.int64)}
    for b, ((ids, labels), n) in enumerate(zip(batch, lengths, strict=True)):
        place = slice(0, n) if side == "right" else slice(T - n, T)
        out["input_ids"][b, place] = torch.tensor(ids[:n], dtype=torch.int64)
        out["labels"][b, place] = torch.tensor(labels[:n], dtype=torch.int64)
        out["attention_mask"][b, place] = 1
    return out


@alternative("a NumPy table, precision and recall")
def rouge_l(a, b):
    first, second = (re.sub("[^a-z0-9]+", " ", text.lower()).split() for text in (a, b))
    table = np.zeros((len(first) + 1, len(second) + 1), dtype=int)
    for i, word in enumerate(first, 1):
        for j, other in enumerate(second, 1):
            table[i, j] = table[i - 1, j - 1] + 1 if word == other else max(table[i - 1, j], table[i, j - 1])
    common = int(table[-1, -1])
    if not common:
        return 0.0
    precision, recall = common / len(first), common / len(second)
    return 2 * precision * recall / (precision + recall)


@alternative("recursion that remembers")
def rouge_l(a, b):
    first, second = (re.findall(r"[a-z\d]+", text.lower(), re.ASCII) for text in (a, b))

    @cache
    def longest(i, j):
        if i == len(first) or j == len(second):
            return 0
        if first[i] == second[j]:
            return 1 + longest(i + 1, j + 1)
        return max(longest(i + 1, j), longest(i, j + 1))

    common = longest(0, 0)
    return 2 * common / (len(first) + len(second)) if common else 0.0


@alternative("the largest similarity first, as in Alpaca's generate_instruction.py")
def dedup_rouge(pool, cands, thr=0.7):
    fresh = []
    for text in cands:
        scores = [rouge_l(text, other) for other in pool + fresh]
        if not scores or max(scores) < thr:
            fresh.append(text)
    return fresh
