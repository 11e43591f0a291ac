"""BPE in the order of the lecture: count, merge, repeat."""

from collections import defaultdict


def split(word):
    return list(word[:-1]) + [word[-1] + "</w>"] if word else []


def merge_all(symbols, pair):
    out, i = [], 0
    while i < len(symbols):
        n = 2 if tuple(symbols[i : i + 2]) == pair else 1
        out.append("".join(symbols[i : i + n]))
        i += n
    return out


def train_bpe(word_counts: dict[str, int], num_merges: int) -> list[tuple[str, str]]:
    words = [(split(word), count) for word, count in word_counts.items()]
    order = sorted({symbol for symbols, _ in words for symbol in symbols})
    merges = []
    while len(merges) < num_merges:
        counts = defaultdict(int)
        for symbols, count in words:
            for pair in zip(symbols, symbols[1:]):
                counts[pair] += count
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], order.index(pair[0]), order.index(pair[1])))
        merges.append(best)
        order.append(best[0] + best[1])
        words = [(merge_all(symbols, best), count) for symbols, count in words]
    return merges


def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    rank = {pair: i for i, pair in enumerate(merges)}
    symbols = split(word)
    while len(symbols) > 1:
        best = min(zip(symbols, symbols[1:]), key=lambda pair: rank[pair])
        symbols = merge_all(symbols, best)
    return symbols


def decode(pieces: list[str]) -> str:
    text = "".join(pieces).replace("</w>", " ")
    return text[:-1] if text.endswith(" ") else text
