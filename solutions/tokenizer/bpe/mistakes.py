"""Wrong ways to write tokenizer/bpe, each with the sentence that a student should read."""

from collections import Counter
from itertools import pairwise

from autograder.checks import mistake

# --- the end of a word -----------------------------------------------------------------------------------------------

mistake(
    "Your symbols have no end-of-word mark, so `est` at the end of a word and `est` inside one are the same "
    "piece. The last character of each word carries `</w>`.",
    edit={"[*word[:-1], word[-1] + END] if word else []": "list(word)"},
)

mistake(
    "Your `</w>` is a symbol of its own, so learning to attach it costs merges. It is part of the last "
    "character's symbol from the start: `t</w>`.",
    edit={"[*word[:-1], word[-1] + END] if word else []": "[*word, END] if word else []"},
)


@mistake(
    "Your training puts the words into one long sequence, so pairs are learned that join the end of one word "
    "to the start of the next. Count inside each word by itself.",
)
def train_bpe(word_counts: dict[str, int], num_merges: int) -> list[tuple[str, str]]:
    symbols = [s for word, n in word_counts.items() for _ in range(min(n, 200)) for s in start(word)]
    ids = {s: i for i, s in enumerate(sorted(set(symbols)))}
    merges = []
    for _ in range(num_merges):
        counts = Counter(pairwise(symbols))
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], ids[pair[0]], ids[pair[1]]))
        merges.append(best)
        ids.setdefault("".join(best), len(ids))
        symbols = join_from_left(symbols, best)
    return merges


# --- counting --------------------------------------------------------------------------------------------------------

mistake(
    "Each word counts once, however often it occurs. A pair counts as often as its word: add the word's count, not 1.",
    edit={"counts[pair] += word_counts[word]": "counts[pair] += 1"},
)

mistake(
    "You count pairs without overlap, so `aaa` holds the pair (a, a) once. Every position counts: it holds it twice.",
    edit={
        "for pair in pairwise(symbols):": "for pair in apart(symbols):",
        "def initial_symbols(": """\
def apart(symbols):
    last = {}
    for i, pair in enumerate(pairwise(symbols)):
        if last.get(pair) != i - 1:
            last[pair] = i
            yield pair


def initial_symbols(""",
    },
)

mistake(
    "You count all pairs once at the start and never again. Every merge makes new pairs and breaks old ones, "
    "so the counts must follow.",
    edit={
        "    for _ in range(num_merges):\n        counts = Counter()\n": (
            "    counts = Counter()\n    for _ in range(1):\n"
        ),
        """\
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], ids[pair[0]], ids[pair[1]]))
        merges.append(best)
        ids[best[0] + best[1]] = len(ids)
        words = {word: join_pair(symbols, best) for word, symbols in words.items()}
    return merges
""": """\
    return sorted(counts, key=lambda pair: (-counts[pair], ids[pair[0]], ids[pair[1]]))[:num_merges]
""",
    },
)

# --- ties ------------------------------------------------------------------------------------------------------------

mistake(
    "Of equally frequent pairs you take the one that was seen first, so the order of the words decides. Take "
    "the one with the smallest ids.",
    edit={"min(counts, key=lambda pair: (-counts[pair], ids[pair[0]], ids[pair[1]]))": "max(counts, key=counts.get)"},
)

mistake(
    "Of equally frequent pairs you take the first one in alphabetical order. Ids decide: letters have theirs "
    "in alphabetical order, but a merged symbol gets the next free id, after all of them.",
    edit={"(-counts[pair], ids[pair[0]], ids[pair[1]])": "(-counts[pair], pair)"},
)

mistake(
    "Of equally frequent pairs you take the one with the largest ids. The one with the smallest ids is wanted.",
    edit={"(-counts[pair], ids[pair[0]], ids[pair[1]])": "(-counts[pair], -ids[pair[0]], -ids[pair[1]])"},
)

mistake(
    "Your ids are given in the order in which the symbols appear in the words. The symbols that words start "
    "with are sorted first.",
    edit={
        "sorted({symbol for symbols in words.values() for symbol in symbols})": (
            "dict.fromkeys(symbol for symbols in words.values() for symbol in symbols)"
        ),
    },
)

mistake(
    "Ties compare the right symbol's id before the left one's. The left id comes first.",
    edit={"(-counts[pair], ids[pair[0]], ids[pair[1]])": "(-counts[pair], ids[pair[1]], ids[pair[0]])"},
)

mistake(
    "Bare characters get all the ids before characters with `</w>`. There is one order for both, Python's "
    'order of strings: `"a" < "a</w>" < "b"`.',
    edit={
        "for symbols in words.values() for symbol in symbols}": (
            "for symbols in words.values() for symbol in symbols}, key=lambda s: (END in s, s)"
        ),
    },
)

# --- merging ---------------------------------------------------------------------------------------------------------


@mistake(
    "You merge from the end of a word, so `aaa` becomes `a aa`. Merge from the left: `aa a`.",
)
def join_pair(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    joined = []
    i = len(symbols) - 1
    while i >= 0:
        if i > 0 and (symbols[i - 1], symbols[i]) == pair:
            joined.append(symbols[i - 1] + symbols[i])
            i -= 2
        else:
            joined.append(symbols[i])
            i -= 1
    return joined[::-1]


mistake(
    "You join only the first place in a word where the pair stands. Join it everywhere, from left to right.",
    edit={"if tuple(symbols[i : i + 2]) == pair:": "if len(joined) == i and tuple(symbols[i : i + 2]) == pair:"},
)


@mistake(
    "You merge with a text replacement, which also hits the end of one symbol and the start of the next: (a, "
    "b) must not touch `xa` followed by `b`. Compare whole symbols.",
)
def join_pair(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    return " ".join(symbols).replace(" ".join(pair), "".join(pair)).split(" ") if symbols else []


# --- when to stop ----------------------------------------------------------------------------------------------------

mistake(
    "You stop at the first pair that occurs only once. Go on until no pair is left or all the merges are made.",
    edit={"if not counts:": "if not counts or max(counts.values()) < 2:"},
)

mistake(
    "You take `num_merges` for the size of the vocabulary and count the letters too. It is the number of merges.",
    edit={"range(num_merges)": "range(num_merges - len(alphabet))"},
)

mistake(
    "You make one merge too few.",
    edit={"range(num_merges)": "range(num_merges - 1)"},
)

mistake(
    "You make one merge too many.",
    edit={"range(num_merges)": "range(num_merges + 1)"},
)

# --- encoding --------------------------------------------------------------------------------------------------------


@mistake(
    "You cut the longest known piece from the front of the word (that is WordPiece). BPE repeats training: of "
    "the pairs in the word, the one that was learned first is merged first.",
)
def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    vocabulary = {left + right for left, right in merges}
    symbols, pieces = start(word), []
    while symbols:
        n = next((n for n in range(len(symbols), 1, -1) if "".join(symbols[:n]) in vocabulary), 1)
        pieces.append("".join(symbols[:n]))
        symbols = symbols[n:]
    return pieces


@mistake(
    "You go through the word once from left to right and merge whatever pair is known. The pair that was "
    "learned first comes first, wherever it stands, and every merge can make new pairs.",
)
def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    pieces: list[str] = []
    for symbol in start(word):
        if pieces and (pieces[-1], symbol) in merges:
            pieces[-1] += symbol
        else:
            pieces.append(symbol)
    return pieces


@mistake(
    "You merge the leftmost known pair. The one with the lowest rank comes first, wherever it stands.",
)
def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    symbols = start(word)
    while pair := next((pair for pair in pairwise(symbols) if pair in merges), None):
        symbols = join_from_left(symbols, pair)
    return symbols


@mistake(
    "You merge the pair that was learned last first. The lowest rank, the pair that was learned first, comes first.",
)
def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    symbols = start(word)
    while known := [pair for pair in pairwise(symbols) if pair in merges]:
        symbols = join_from_left(symbols, max(known, key=merges.index))
    return symbols


@mistake(
    "You merge the pair that makes the longest piece. The length of a piece does not matter: the pair that "
    "was learned first comes first.",
)
def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    symbols = start(word)
    while known := [pair for pair in pairwise(symbols) if pair in merges]:
        symbols = join_from_left(symbols, max(known, key=lambda pair: len("".join(pair))))
    return symbols


mistake(
    "You stop after the first merge. Go on until no two neighbours are a pair of the list.",
    edit={
        "        symbols = join_pair(symbols, min(known, key=rank.__getitem__))": (
            "        return join_pair(symbols, min(known, key=rank.__getitem__))"
        ),
    },
)

# --- decoding --------------------------------------------------------------------------------------------------------

mistake(
    "Your decoded text ends with a space. `</w>` becomes a space between words, and after the last word there is none.",
    edit={'.removesuffix(" ")': ""},
)

mistake(
    "You remove `</w>` and so run the words together. Between two words it becomes a space.",
    edit={'.replace(END, " ").removesuffix(" ")': '.replace(END, "")'},
)

mistake(
    "You put a space between pieces. Pieces of one word are joined as they are; only `</w>` becomes a space.",
    edit={'"".join(pieces).replace(END, " ").removesuffix(" ")': '" ".join(pieces).replace(END, "")'},
)

mistake(
    "You cut the last character off, also when the pieces stop inside a word. Only a space that `</w>` left "
    "at the end goes.",
    edit={'.removesuffix(" ")': "[:-1]"},
)


# --- helpers ---------------------------------------------------------------------------------------------------------


def start(word: str) -> list[str]:
    return [*word[:-1], word[-1] + "</w>"] if word else []


def join_from_left(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    i = 0
    while i < len(symbols):
        n = 2 if tuple(symbols[i : i + 2]) == pair else 1
        joined.append("".join(symbols[i : i + n]))
        i += n
    return joined


# --- of other kinds --------------------------------------------------------------------------------------------------


pieces_of: dict[str, list[str]] = {}


@mistake(
    "You remember something from an earlier call: the pieces of a word, whatever the merges are now. A result depends on the "
    "arguments of its own call alone."
)
def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    if word not in pieces_of:
        symbols = start(word)
        while known := [pair for pair in pairwise(symbols) if pair in merges]:
            symbols = join_from_left(symbols, min(known, key=merges.index))
        pieces_of[word] = symbols
    return list(pieces_of[word])


ranks_of: dict[tuple[str, str], int] = {}


@mistake(
    "You remember something from an earlier call: the ranks of the merges that it had. A result depends on the arguments of its "
    "own call alone."
)
def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    if not ranks_of:
        ranks_of.update({pair: i for i, pair in enumerate(merges)})
    symbols = start(word)
    while known := [pair for pair in pairwise(symbols) if pair in ranks_of]:
        symbols = join_from_left(symbols, min(known, key=ranks_of.__getitem__))
    return symbols


mistake(
    "You lower-case the word. Characters are taken as they come.",
    edit={"    symbols = initial_symbols(word)\n": "    symbols = initial_symbols(word.lower())\n"},
)

mistake(
    "You put letters and their accents together (NFC). Characters are code points, taken as they come.",
    edit={
        "    symbols = initial_symbols(word)\n": (
            '    symbols = initial_symbols(__import__("unicodedata").normalize("NFC", word))\n'
        )
    },
)

mistake(
    "You train on lower-cased words. Characters are taken as they come.",
    edit={
        "{word: initial_symbols(word) for word in word_counts}": "{word: initial_symbols(word.lower()) for word in word_counts}"
    },
)

mistake(
    "You train on the first 16 characters of a word. All of its pairs count.",
    edit={
        "            for pair in pairwise(symbols):\n                counts": (
            "            for pair in pairwise(symbols[:16]):\n                counts"
        )
    },
)

mistake(
    "You never make a piece of more than 16 characters. Merging goes on as long as some pair is in `merges`.",
    edit={
        "known = [pair for pair in pairwise(symbols) if pair in rank]": (
            "known = [pair for pair in pairwise(symbols) if pair in rank and len(pair[0] + pair[1]) <= 16]"
        )
    },
)

mistake(
    "A word that two pieces spell is taken as one piece. What matters is the rank: it may never come so far.",
    edit={
        "    rank = {pair: i": (
            "    if any(left + right == word + END for left, right in merges):\n        return [word + END]\n    rank = {pair: i"
        )
    },
)

mistake(
    "A pair is looked for as a regular expression. Characters are taken as they come: a dot is a dot.",
    edit={
        "        words = {word: join_pair(symbols, best) for word, symbols in words.items()}\n": (
            "        pattern = __import__('re').compile(r'(?<!\\S)' + ' '.join(best) + r'(?!\\S)')\n"
            "        words = {word: pattern.sub(''.join(best), ' '.join(symbols)).split(' ') for word, symbols in words.items()}\n"
        )
    },
    crashes=True,
)

mistake(
    "You add up shares of the text, and equal sums of them differ in the last digit. Counts are whole numbers.",
    edit={"counts[pair] += word_counts[word]": "counts[pair] += word_counts[word] / sum(word_counts.values())"},
)
mistake(
    "You make one number of two ids, with a thousand places for the right one. An alphabet may have more symbols: compare the left ids first.",
    edit={"ids[pair[0]], ids[pair[1]])": "ids[pair[0]] * 1000 + ids[pair[1]])"},
)
mistake("You count in floats. Beyond 2^53 they have no odd numbers, and counts that differ become equal.", edit={"counts[pair] += word_counts[word]": "counts[pair] += float(word_counts[word])"})
