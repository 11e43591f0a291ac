"""Right ways to write tokenizer/bpe, different from the reference."""

import heapq
import re
from collections import Counter, defaultdict
from itertools import pairwise

from autograder.checks import alternative


def start(word: str) -> tuple[str, ...]:
    return tuple(word[:-1]) + (word[-1] + "</w>",) if word else ()


# --- training --------------------------------------------------------------------------------------------------------


@alternative("words as text with spaces, counted anew at every step and merged by a regular expression")
def train_bpe(word_counts: dict[str, int], num_merges: int) -> list[tuple[str, str]]:
    vocabulary = {" ".join(start(word)): count for word, count in word_counts.items()}
    order: list[str] = sorted(set(" ".join(vocabulary).split()))
    merges = []
    while len(merges) < num_merges:
        counts: dict[tuple[str, str], int] = defaultdict(int)
        for word, count in vocabulary.items():
            symbols = word.split(" ")
            for i in range(len(symbols) - 1):
                counts[symbols[i], symbols[i + 1]] += count
        if len(counts) == 0:
            return merges
        top = max(counts.values())
        left, right = min((p for p in counts if counts[p] == top), key=lambda p: (order.index(p[0]), order.index(p[1])))
        both = re.compile(r"(?<!\S)" + re.escape(left + " " + right) + r"(?!\S)")
        vocabulary = {both.sub(lambda _, new=left + right: new, word): count for word, count in vocabulary.items()}
        merges.append((left, right))
        order.append(left + right)
    return merges


@alternative("a heap with lazy deletion, an index from pairs to words, and counts kept up to date")
def train_bpe(word_counts: dict[str, int], num_merges: int) -> list[tuple[str, str]]:
    names = sorted({s for word in word_counts for s in start(word)})
    id_of = {name: i for i, name in enumerate(names)}
    words = [[id_of[s] for s in start(word)] for word in word_counts]
    weight = list(word_counts.values())
    counts: Counter[tuple[int, int]] = Counter()
    where: dict[tuple[int, int], set[int]] = defaultdict(set)
    for w, ids in enumerate(words):
        for pair in pairwise(ids):
            counts[pair] += weight[w]
            where[pair].add(w)
    heap = [(-n, pair) for pair, n in counts.items()]
    heapq.heapify(heap)
    merges = []
    while heap and len(merges) < num_merges:
        n, pair = heapq.heappop(heap)
        if counts[pair] != -n or n == 0:
            continue  # stale: the count has changed since, and a newer entry is in the heap
        new = len(names)
        names.append(names[pair[0]] + names[pair[1]])
        merges.append((names[pair[0]], names[pair[1]]))
        changed = set()
        for w in where.pop(pair):
            old, fresh = words[w], []
            for s in old:  # from the left, without overlap
                fresh.append(s)
                if fresh[-2:] == list(pair):
                    fresh[-2:] = [new]
            for sign, ids in ((-1, old), (1, fresh)):
                for p in pairwise(ids):
                    counts[p] += sign * weight[w]
                    changed.add(p)
                    if sign > 0:
                        where[p].add(w)
            words[w] = fresh
        for p in changed:
            if counts[p] > 0:
                heapq.heappush(heap, (-counts[p], p))
    return merges


# --- encoding --------------------------------------------------------------------------------------------------------


@alternative("every merge in turn, over the whole word")
def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    symbols = list(start(word))
    for left, right in merges:
        i = 0
        while i < len(symbols) - 1:
            if symbols[i] == left and symbols[i + 1] == right:
                symbols[i : i + 2] = [left + right]
            i += 1
    return symbols


@alternative("one merge at a time: the leftmost place of the lowest rank")
def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    symbols = list(start(word))
    while len(symbols) > 1:
        places = [(merges.index(p), i) for i, p in enumerate(pairwise(symbols)) if p in merges]
        if not places:
            break
        _, i = min(places)
        symbols = symbols[:i] + [symbols[i] + symbols[i + 1]] + symbols[i + 2 :]
    return symbols


@alternative("a heap of places over a linked list")
def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    rank = {pair: i for i, pair in enumerate(merges)}
    symbols: list[str | None] = list(start(word))
    after = list(range(1, len(symbols) + 1))
    before = list(range(-1, len(symbols) - 1))
    heap: list[tuple[int, int, tuple]] = []

    def look(i: int) -> None:
        if i >= 0 and after[i] < len(symbols):
            pair = (symbols[i], symbols[after[i]])
            if pair in rank:
                heapq.heappush(heap, (rank[pair], i, pair))

    for i in range(len(symbols)):
        look(i)
    while heap:
        _, i, pair = heapq.heappop(heap)
        j = after[i] if symbols[i] is not None else len(symbols)
        if j >= len(symbols) or (symbols[i], symbols[j]) != pair:
            continue
        symbols[i], symbols[j], after[i] = pair[0] + pair[1], None, after[j]
        if after[i] < len(symbols):
            before[after[i]] = i
        look(before[i])
        look(i)
    return [s for s in symbols if s is not None]


# --- decoding --------------------------------------------------------------------------------------------------------


@alternative("split at the mark and join with spaces")
def decode(pieces: list[str]) -> str:
    return " ".join("".join(pieces).split("</w>")).strip()


@alternative("piece by piece")
def decode(pieces: list[str]) -> str:
    text = ""
    for piece in pieces:
        text += piece[:-4] + " " if piece.endswith("</w>") else piece
    return text.rstrip(" ")
