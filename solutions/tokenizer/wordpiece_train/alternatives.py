import math
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np

from autograder.checks import alternative


def split_into_characters(word):
    return [word[:1]] + ["##" + c for c in word[1:]] if word else []


def join(tokens, a, b, merged):
    out = []
    for token in tokens:
        if out and out[-1] == a and token == b:
            out[-1] = merged
        else:
            out.append(token)
    return out


@alternative("logarithm of the score")
def train_wordpiece(word_counts, num_merges):
    words = [(split_into_characters(word), n) for word, n in word_counts.items()]
    vocabulary = {token for tokens, _ in words for token in tokens}
    merges = []
    for _ in range(num_merges):
        left, both = Counter(), Counter()
        for tokens, n in words:
            for i, token in enumerate(tokens):
                left[token] += n
                if i:
                    both[tokens[i - 1], token] += n
        if not both:
            return merges, vocabulary
        a, b = min(
            both, key=lambda p: (-(math.log(both[p]) - math.log(left[p[0]]) - math.log(left[p[1]])), -both[p], p)
        )
        merged = a + b.removeprefix("##")
        words = [(join(tokens, a, b, merged), n) for tokens, n in words]
        merges.append((a, b))
        vocabulary |= {merged}
    return merges, vocabulary


@alternative("scores c/a/b as floats, sorted")
def train_wordpiece(word_counts, num_merges):
    words = {word: split_into_characters(word) for word in word_counts}
    vocabulary, merges = set(), []
    for tokens in words.values():
        vocabulary.update(tokens)
    while len(merges) < num_merges:
        single, double = defaultdict(int), defaultdict(int)
        for word, tokens in words.items():
            for token in tokens:
                single[token] += word_counts[word]
            for a, b in pairwise(tokens):
                double[a, b] += word_counts[word]
        ranked = sorted(double, key=lambda p: (-double[p] / single[p[0]] / single[p[1]], -double[p], p))
        if not ranked:
            break
        a, b = ranked[0]
        merged = a + b[len("##") :]
        words = {word: join(tokens, a, b, merged) for word, tokens in words.items()}
        merges += [(a, b)]
        vocabulary.add(merged)
    return merges, vocabulary


def beats(p, q, single, double):
    """Is pair p better than q? Products of integers, so that nothing is rounded."""
    p_score = double[p] * single[q[0]] * single[q[1]]
    q_score = double[q] * single[p[0]] * single[p[1]]
    if p_score != q_score:
        return p_score > q_score
    if double[p] != double[q]:
        return double[p] > double[q]
    return p < q


@alternative("counts kept up to date instead of counted anew, scores compared as products of integers")
def train_wordpiece(word_counts, num_merges):
    words = [[split_into_characters(word), n] for word, n in word_counts.items()]
    single, double, where = Counter(), Counter(), defaultdict(set)

    def add(index, sign):
        tokens, n = words[index]
        for token in tokens:
            single[token] += sign * n
        for pair in pairwise(tokens):
            double[pair] += sign * n
            where[pair].add(index)
            if not double[pair]:
                del double[pair]

    for index in range(len(words)):
        add(index, +1)
    vocabulary = set(single)
    merges = []
    for _ in range(num_merges):
        best = None
        for pair in double:
            if best is None or beats(pair, best, single, double):
                best = pair
        if best is None:
            break
        merged = best[0] + best[1][2:]
        for index in sorted(where.pop(best)):
            add(index, -1)
            words[index][0] = join(words[index][0], *best, merged)
            add(index, +1)
        merges.append(best)
        vocabulary.add(merged)
    return merges, vocabulary


@alternative("the gain as the logarithm of count(ab) · N / (count(a) · count(b))")
def unigram_loglik_gain(a, b, token_counts, pair_counts):
    together = pair_counts.get((a, b))
    if not together:
        return float("-inf")
    return math.log(together * sum(token_counts.values()) / token_counts[a] / token_counts[b])


@alternative("the training loop by the gain in log-likelihood itself")
def train_wordpiece(word_counts, num_merges):
    words = [(split_into_characters(word), n) for word, n in word_counts.items()]
    vocabulary = {token for tokens, _ in words for token in tokens}
    merges = []
    for _ in range(num_merges):
        single, double = Counter(), Counter()
        for tokens, n in words:
            single.update({token: n * times for token, times in Counter(tokens).items()})
            for i in range(len(tokens) - 1):
                double[tokens[i], tokens[i + 1]] += n
        if not double:
            break
        total = sum(single.values())

        def gain(pair, single=single, double=double, total=total):
            p, q = single[pair[0]] / total, single[pair[1]] / total
            return math.log(double[pair] / total) - (math.log(p) + math.log(q))

        a, b = sorted(double, key=lambda pair: (-gain(pair), -double[pair], pair))[0]
        words = [(join(tokens, a, b, a + b[2:]), n) for tokens, n in words]
        merges.append((a, b))
        vocabulary.add(a + b[2:])
    return merges, vocabulary


@alternative("tokens as numbers, all pairs in one NumPy matrix, the score as a matrix too")
def train_wordpiece(word_counts, num_merges):
    names = sorted({token for word in word_counts for token in split_into_characters(word)})
    number = {name: i for i, name in enumerate(names)}
    corpus = [([number[token] for token in split_into_characters(word)], n) for word, n in word_counts.items()]
    merges, vocabulary = [], set(names)
    while len(merges) < num_merges:
        alone = np.zeros(len(names), dtype=np.int64)
        together = np.zeros((len(names), len(names)), dtype=np.int64)
        for ids, n in corpus:
            np.add.at(alone, ids, n)
            np.add.at(together, (ids[:-1], ids[1:]), n)
        if not together.any():
            break
        score = together / np.maximum(np.outer(alone, alone), 1)  # one rounding, so equal fractions are equal
        best = np.argwhere(score == score.max())
        most = max(together[i, j] for i, j in best)
        a, b = min((names[i], names[j]) for i, j in best if together[i, j] == most)
        left, right, merged = number[a], number[b], a + b[2:]
        new = number.setdefault(merged, len(names))  # two merges may spell the same token
        names += [merged] * (new == len(names))
        corpus = [(join(ids, left, right, new), n) for ids, n in corpus]
        merges.append((a, b))
        vocabulary.add(merged)
    return merges, vocabulary
