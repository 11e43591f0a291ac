"""Right ways to write tokenizer/bbpe, different from the reference."""

import heapq
import unicodedata
from collections import defaultdict
from itertools import pairwise

import regex

from autograder.checks import alternative

PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def table() -> dict[int, str]:
    characters, n = {}, 0
    for byte in range(256):
        if chr(byte).isprintable() and byte != 32:
            characters[byte] = chr(byte)
        else:
            characters[byte] = chr(256 + n)
            n += 1
    return characters


# --- the table and the pre-tokens ------------------------------------------------------------------------------------


@alternative("the table made byte by byte, with Python's own idea of what is printable")
def bytes_to_unicode() -> dict[int, str]:
    return table()


def kind(character: str) -> str:
    category = unicodedata.category(character)[0]
    return (
        category
        if category in "LN"
        else "space"
        if character.isspace() and not "\x1c" <= character <= "\x1f"
        else "other"
    )


def end_of_run(text: str, start: int) -> int:
    end = start
    while end < len(text) and kind(text[end]) == kind(text[start]):
        end += 1
    return end


@alternative("pre-tokens by hand, from the categories of `unicodedata`, without regular expressions")
def pretokenize(text: str) -> list[str]:
    tokens, i = [], 0
    while i < len(text):
        contraction = next((c for c in ("'ll", "'ve", "'re", "'s", "'d", "'m", "'t") if text.startswith(c, i)), "")
        if contraction:
            end = i + len(contraction)
        elif text[i] == " " and i + 1 < len(text) and kind(text[i + 1]) != "space":
            end = end_of_run(text, i + 1)
        else:
            end = end_of_run(text, i)
            if kind(text[i]) == "space" and end < len(text) and end - i > 1:
                end -= 1
        tokens.append(text[i:end])
        i = end
    return tokens


@alternative("pre-tokens with the pattern as OpenAI wrote it, as matches of an iterator")
def pretokenize(text: str) -> list[str]:
    return [match.group() for match in regex.finditer(PATTERN, text)]


# --- the tokenizer ---------------------------------------------------------------------------------------------------


@alternative("ranks of byte strings as in tiktoken: two neighbours are a pair when their bytes joined have a rank")
class ByteBPE:
    def __init__(
        self, merges: list[tuple[str, str]], vocab: dict[str, int], special: dict[str, int] | None = None
    ) -> None:
        byte_of = {character: byte for byte, character in table().items()}

        def as_bytes(token: str) -> bytes:
            return bytes(byte_of[character] for character in token)

        self.ranks = {as_bytes(left + right): i for i, (left, right) in enumerate(merges)}
        self.special = dict(special or {})
        self.ids = {as_bytes(token): i for token, i in vocab.items()}
        self.data = {i: data for data, i in self.ids.items()}
        self.data |= {i: text.encode() for text, i in self.special.items()}

    def encode(self, text: str, allowed_special: set[str] | frozenset[str] = frozenset()) -> list[int]:
        ids: list[int] = []
        start = i = 0
        while i < len(text):
            found = max((s for s in allowed_special if text.startswith(s, i)), key=len, default="")
            if found:
                ids += self._ordinary(text[start:i]) + [self.special[found]]
                i = start = i + len(found)
            else:
                i += 1
        return ids + self._ordinary(text[start:])

    def _ordinary(self, text: str) -> list[int]:
        ids = []
        for match in regex.findall(PATTERN, text):
            parts = [bytes([byte]) for byte in match.encode()]
            while len(parts) > 1:
                rank, i = min((self.ranks.get(a + b, 10**9), i) for i, (a, b) in enumerate(pairwise(parts)))
                if rank == 10**9:
                    break
                parts[i : i + 2] = [parts[i] + parts[i + 1]]
            ids += [self.ids[part] for part in parts]
        return ids

    def decode(self, ids: list[int], errors: str = "replace") -> str:
        return b"".join(map(self.data.__getitem__, ids)).decode(errors=errors)


@alternative("byte characters as text with spaces, a cache of pre-tokens, and every merge looked up by its text")
class ByteBPE:
    def __init__(
        self, merges: list[tuple[str, str]], vocab: dict[str, int], special: dict[str, int] | None = None
    ) -> None:
        self.place = {f"{left} {right}": i for i, (left, right) in enumerate(merges)}
        self.characters = table()
        self.bytes = {character: byte for byte, character in self.characters.items()}
        self.vocab, self.special, self.cache = vocab, {} if special is None else special, {}
        self.tokens = {i: token for token, i in vocab.items()}
        self.names = {i: name for name, i in self.special.items()}

    def encode(self, text: str, allowed_special: set[str] | frozenset[str] = frozenset()) -> list[int]:
        for name in sorted(allowed_special, key=len, reverse=True):
            at = min((text.find(s) for s in allowed_special if s in text), default=-1)
            if at >= 0 and text.startswith(name, at):
                head, tail = text[:at], text[at + len(name) :]
                return self.encode(head) + [self.special[name]] + self.encode(tail, allowed_special)
        return [self.vocab[token] for word in regex.findall(PATTERN, text) for token in self._tokens(word)]

    def _tokens(self, word: str) -> list[str]:
        if word not in self.cache:
            symbols = [self.characters[byte] for byte in bytes(word, "utf-8")]
            while True:
                pairs = {f"{a} {b}" for a, b in pairwise(symbols)} & self.place.keys()
                if not pairs:
                    break
                pair = min(pairs, key=lambda p: self.place[p])
                merged: list[str] = []
                for symbol in symbols:
                    if merged and f"{merged[-1]} {symbol}" == pair:
                        merged[-1] += symbol
                    else:
                        merged.append(symbol)
                symbols = merged
            self.cache[word] = symbols
        return self.cache[word]

    def decode(self, ids: list[int], errors: str = "replace") -> str:
        data = bytearray()
        for i in ids:
            data.extend(self.names[i].encode() if i in self.names else [self.bytes[c] for c in self.tokens[i]])
        return bytes(data).decode("utf-8", errors=errors)


# --- training --------------------------------------------------------------------------------------------------------


@alternative("training on ids, with a heap, an index from pairs to pre-tokens, and counts kept up to date")
def train(corpus: list[str], vocab_size: int) -> tuple[list[tuple[str, str]], dict[str, int]]:
    characters = table()
    tokens = sorted(characters.values())
    id_of_byte = {byte: tokens.index(character) for byte, character in characters.items()}
    weight: dict[str, int] = defaultdict(int)
    for text in corpus:
        for word in regex.findall(PATTERN, text):
            weight[word] += 1
    words = {word: [id_of_byte[byte] for byte in word.encode()] for word in weight}
    counts: dict[tuple[int, int], int] = defaultdict(int)
    where: dict[tuple[int, int], set[str]] = defaultdict(set)
    for word, ids in words.items():
        for pair in pairwise(ids):
            counts[pair] += weight[word]
            where[pair].add(word)
    heap = [(-n, pair) for pair, n in counts.items()]
    heapq.heapify(heap)
    merges: list[tuple[str, str]] = []
    while heap and len(tokens) < vocab_size:
        n, pair = heapq.heappop(heap)
        if n == 0 or -n != counts[pair]:
            continue  # an old entry
        left, right = tokens[pair[0]], tokens[pair[1]]
        merges.append((left, right))
        tokens.append(left + right)
        touched = set()
        for word in where[pair].copy():
            ids, i = words[word], 0
            new: list[int] = []
            while i < len(ids):
                if (ids[i], ids[i + 1] if i + 1 < len(ids) else -1) == pair:
                    new.append(len(tokens) - 1)
                    i += 2
                else:
                    new.append(ids[i])
                    i += 1
            for p in pairwise(ids):
                counts[p] -= weight[word]
                where[p].discard(word)
                touched.add(p)
            for p in pairwise(new):
                counts[p] += weight[word]
                where[p].add(word)
                touched.add(p)
            words[word] = new
        for p in touched:
            heapq.heappush(heap, (-counts[p], p))
    return merges, {token: i for i, token in enumerate(tokens)}


@alternative("training on the pre-tokens as they come, one list each, counted anew at every step")
def train(corpus: list[str], vocab_size: int) -> tuple[list[tuple[str, str]], dict[str, int]]:
    characters = table()
    pieces = [[characters[byte] for byte in word.encode()] for text in corpus for word in regex.findall(PATTERN, text)]
    vocab = {character: i for i, character in enumerate(sorted(set(characters.values())))}
    merges: list[tuple[str, str]] = []
    for new_id in range(256, vocab_size):
        counts: dict[tuple[str, str], int] = {}
        for piece in pieces:
            for pair in pairwise(piece):
                counts[pair] = counts.get(pair, 0) + 1
        if counts == {}:
            break
        top = max(counts.values())
        left, right = min((p for p, n in counts.items() if n == top), key=lambda p: (vocab[p[0]], vocab[p[1]]))
        merges.append((left, right))
        vocab[left + right] = new_id
        for piece in pieces:
            i = 0
            while i + 1 < len(piece):
                if piece[i] == left and piece[i + 1] == right:
                    piece[i : i + 2] = [left + right]
                i += 1
    return merges, vocab
