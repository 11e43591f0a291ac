"""Right ways to write eval/text_metrics, done differently."""

import math
import re
import string
from collections import Counter, defaultdict
from functools import cache

import numpy as np
import torch

from autograder.checks import alternative


@alternative("order by order, n-grams as strings in dictionaries, a product instead of logarithms")
def corpus_bleu(hyps, refs, max_n=4, smooth=False):
    if len(hyps) == 0 or len(hyps) != len(refs) or any(len(some) == 0 for some in refs):
        raise ValueError("lengths")
    c = r = 0
    for hyp, some in zip(hyps, refs, strict=True):
        c += len(hyp.split())
        lengths = sorted(len(ref.split()) for ref in some)
        r += min(lengths, key=lambda length: abs(length - len(hyp.split())))  # sorted: the shorter one comes first
    product, zeros, found_any = 1.0, 0, False
    for n in range(1, max_n + 1):
        found = total = 0
        for hyp, some in zip(hyps, refs, strict=True):
            table = defaultdict(int)
            words = hyp.split()
            for at in range(len(words) - n + 1):
                table["\n".join(words[at : at + n])] += 1
                total += 1
            for gram, count in table.items():
                most = 0
                for ref in some:
                    others = ref.split()
                    most = max(most, sum("\n".join(others[at : at + n]) == gram for at in range(len(others) - n + 1)))
                found += min(count, most)
        if total == 0 or (found == 0 and not smooth):
            return 0.0
        if found == 0:
            zeros += 1
            product *= 2.0**-zeros / total
        else:
            found_any = True
            product *= found / total
    if not found_any:
        return 0.0
    penalty = 1.0 if c >= r else math.exp(1 - r / c)
    return 100 * penalty * product ** (1 / max_n)


@alternative("statistics of each text as an array, added up at the end, as sacrebleu does")
def corpus_bleu(hyps, refs, max_n=4, smooth=False):
    if not hyps or len(hyps) != len(refs):
        raise ValueError

    def grams(tokens, n):
        return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))

    rows = []
    for hyp, some in zip(hyps, refs, strict=True):
        if not some:
            raise ValueError
        tokens, others = hyp.split(), [ref.split() for ref in some]
        closest = None
        for other in others:
            distance = abs(len(other) - len(tokens))
            if closest is None or distance < abs(closest - len(tokens)) or (distance == abs(closest - len(tokens)) and len(other) < closest):
                closest = len(other)
        row = [len(tokens), closest]
        for n in range(1, max_n + 1):
            mine = grams(tokens, n)
            row += [sum(min(k, max(grams(other, n)[gram] for other in others)) for gram, k in mine.items()), max(len(tokens) - n + 1, 0)]
        rows.append(row)
    c, r, *counts = np.array(rows, dtype=np.int64).sum(0).tolist()
    found, totals = counts[::2], counts[1::2]
    if not any(found) or 0 in totals or (0 in found and not smooth):
        return 0.0
    halves = iter(2.0**-k for k in range(1, max_n + 1))
    precisions = [100.0 * (f or next(halves)) / t for f, t in zip(found, totals, strict=True)]
    return (math.exp(1 - r / c) if c < r else 1.0) * math.exp(sum(map(math.log, precisions)) / max_n)


@alternative("a whole table, and F1 from L alone")
def rouge_l(hyp, ref):
    clean = [re.sub(r"[^a-z0-9]+", " ", text.lower()).split() for text in (hyp, ref)]
    m, n = map(len, clean)
    table = np.zeros((m + 1, n + 1), dtype=int)
    for i in range(m):
        for j in range(n):
            table[i + 1, j + 1] = table[i, j] + 1 if clean[0][i] == clean[1][j] else max(table[i, j + 1], table[i + 1, j])
    common = int(table[m, n])
    return (common / m, common / n, 2 * common / (m + n)) if common else (0.0, 0.0, 0.0)


@alternative("one bit for each token of the reference")
def rouge_l(hyp, ref):
    mine, other = ("".join(c if c in string.ascii_lowercase + string.digits else " " for c in text.lower()).split() for text in (hyp, ref))
    masks = defaultdict(int)
    for j, word in enumerate(other):
        masks[word] |= 1 << j
    whole = (1 << len(other)) - 1
    row = whole
    for word in mine:
        same = row & masks[word]
        row = ((row + same) | (row - same)) & whole
    common = len(other) - row.bit_count()
    if common == 0:
        return (0.0, 0.0, 0.0)
    precision, recall = common / len(mine), common / len(other)
    return (precision, recall, 2 / (1 / precision + 1 / recall))


@alternative("recursion that remembers, from the ends")
def rouge_l(hyp, ref):
    mine, other = (tuple(m.group() for m in re.finditer("[0-9a-z]+", text.lower())) for text in (hyp, ref))

    @cache
    def common(i, j):
        if i == 0 or j == 0:
            return 0
        return common(i - 1, j - 1) + 1 if mine[i - 1] == other[j - 1] else max(common(i - 1, j), common(i, j - 1))

    length = common(len(mine), len(other))
    if not length:
        return 0.0, 0.0, 0.0
    return length / len(mine), length / len(other), 2 * length / (len(mine) + len(other))


@alternative("the official script's steps: translate, a regular expression for articles, precision and recall")
def squad_em_f1(prediction, golds):
    def tokens(text):
        text = text.lower().translate(str.maketrans("", "", string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", text).split()

    def f1(mine, gold):
        if not mine or not gold:
            return float(mine == gold)
        same = sum((Counter(mine) & Counter(gold)).values())
        if same == 0:
            return 0.0
        precision, recall = same / len(mine), same / len(gold)
        return 2 * precision * recall / (precision + recall)

    if len(golds) == 0:
        raise ValueError("golds")
    given = tokens(prediction)
    return max(float(" ".join(tokens(g)) == " ".join(given)) for g in golds), max(f1(given, tokens(g)) for g in golds)


@alternative("common words are struck out one by one")
def squad_em_f1(prediction, golds):
    def tokens(text):
        for mark in string.punctuation:
            text = text.replace(mark, "")
        return [word for word in text.lower().split() if word not in {"a", "an", "the"}]

    results = []
    for gold in golds:
        left, mine, common = tokens(gold), tokens(prediction), 0
        size = len(left) + len(mine)
        exact = left == mine
        for word in mine:
            if word in left:
                left.remove(word)
                common += 1
        results.append((1.0 if exact else 0.0, 1.0 if size == 0 else 2 * common / size))
    if not results:
        raise ValueError
    return max(e for e, _ in results), max(f for _, f in results)


@alternative("both sides by their own formula; a tensor of ratings")
def elo(matches, n, k=4.0):
    ratings = torch.full((n,), 1000.0, dtype=torch.float64)
    for a, b, score in matches:
        ra, rb = ratings[a].item(), ratings[b].item()
        qa, qb = 10.0 ** (ra / 400), 10.0 ** (rb / 400)
        ratings[a] = ra + k * (score - qa / (qa + qb))
        ratings[b] = rb + k * ((1 - score) - qb / (qa + qb))
    return ratings.tolist()


def connected(wins):
    """Everybody is reached from model 0 by wins, and reaches it."""
    n = len(wins)
    for table in (wins, wins.T):
        seen, todo = {0}, [0]
        while todo:
            at = todo.pop()
            for other in np.flatnonzero(table[at]).tolist():
                if other not in seen:
                    seen.add(other)
                    todo.append(other)
        if len(seen) < n:
            return False
    return True


def table_of(matches, n):
    wins = np.zeros((n, n))
    for a, b, score in matches:
        wins[a, b] += score
        wins[b, a] += 1.0 - score
    if not connected(wins):
        raise ValueError("no finite ratings")
    return wins


@alternative("Zermelo's iteration, newer form: from one strength to the next")
def bradley_terry(matches, n):
    wins = table_of(matches, n)
    p = np.ones(n)
    for _ in range(3000):
        old = p.copy()
        for i in range(n):
            others = np.arange(n) != i
            top = (wins[i] * p / (p[i] + p))[others].sum()
            low = (wins[:, i] / (p[i] + p))[others].sum()
            if n > 1:
                p[i] = top / low
        p /= np.exp(np.log(p).mean())
        if np.abs(np.log(p / old)).max() < 1e-11:
            break
    return (1000 + 400 * np.log10(p)).tolist()


@alternative("logistic regression on every match, by reweighted least squares")
def bradley_terry(matches, n):
    table_of(matches, n)
    if n == 1:
        return [1000.0]
    x = np.zeros((len(matches), n))
    for row, (a, b, _) in enumerate(matches):
        x[row, a], x[row, b] = 1.0, -1.0
    y, s = np.array([score for *_, score in matches]), np.zeros(n)

    def loss(s):
        return np.logaddexp(0.0, x @ s).sum() - y @ (x @ s)

    for _ in range(300):
        p = 1 / (1 + np.exp(-(x @ s)))
        step = np.linalg.pinv(x.T @ (x * (p * (1 - p))[:, None])) @ (x.T @ (y - p))
        size = 1.0
        while size > 1e-6 and loss(s + size * step) > loss(s):
            size /= 2
        s = s + size * step
        if np.abs(step).max() < 1e-11:
            break
    return [float(each) for each in 1000 + 400 / math.log(10) * (s - s.mean())]
