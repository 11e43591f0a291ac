"""Wrong ways to write tokenizer/bbpe, each with the sentence that a student should read."""

import regex

from autograder.checks import mistake

# --- the table of bytes ----------------------------------------------------------------------------------------------

mistake(
    "Your table is Latin-1: byte b is `chr(b)`. Then spaces and control bytes stay invisible; 68 bytes need "
    "characters from U+0100 on.",
    edit={"{b: chr(256 + n) for n, b in enumerate(hidden)}": "{b: chr(b) for b in hidden}"},
)

mistake(
    "You shift each invisible byte by its own value, `chr(256 + b)`. They are numbered: the n-th of them gets "
    "`chr(256 + n)`.",
    edit={"{b: chr(256 + n) for n, b in enumerate(hidden)}": "{b: chr(256 + b) for b in hidden}"},
)

mistake(
    "Byte 173, the soft hyphen, stands for itself in your table. It is invisible: it is the 68th that gets a "
    "new character.",
    edit={"*range(161, 173), *range(174, 256)": "*range(161, 256)"},
)

mistake(
    "Your space stands for itself. It is the one that matters most: byte 32 is `Ġ`.",
    edit={"*range(33, 127)": "*range(32, 127)"},
)

mistake(
    "Only ASCII bytes stand for themselves in your table; so do 161–172 and 174–255.",
    edit={"[*range(33, 127), *range(161, 173), *range(174, 256)]": "list(range(33, 127))"},
)

# --- pre-tokens ------------------------------------------------------------------------------------------------------


@mistake(
    "You split at whitespace and drop it. Nothing of the text may be lost: a space belongs to the word after it.",
)
def pretokenize(text: str) -> list[str]:
    return text.split()


@mistake(
    "You split at spaces only. Letters, numbers and other signs are cut apart as well, and so are contractions.",
)
def pretokenize(text: str) -> list[str]:
    return regex.findall(r" ?\S+|\s+(?!\S)|\s+", text)


mistake(
    "You use `\\w` for letters. It also takes digits, underscores and combining marks; letters are `\\p{L}`, numbers "
    "`\\p{N}`.",
    edit={r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+": r" ?\w+| ?[^\s\w]+"},
)

mistake(
    "You use `\\d` for numbers: it takes decimal digits only, while `\\p{N}` also takes `½`, `²` and `Ⅷ`.",
    edit={r" ?\p{N}+| ?[^\s\p{L}\p{N}]+": r" ?\d+| ?[^\s\p{L}\d]+"},
)

mistake(
    "Your letters and numbers are ASCII only. Use the Unicode classes `\\p{L}` and `\\p{N}`.",
    edit={r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+": r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+"},
)

mistake(
    "You take a run of whitespace before a word whole. Its last character is left for the word: look ahead "
    "before you take it.",
    edit={r"\s+(?!\S)|": ""},
)

mistake(
    "Any whitespace goes with the word after it. Only the space U+0020 does: a newline or a tab stands alone.",
    edit={r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+": r"\s?\p{L}+|\s?\p{N}+|\s?[^\s\p{L}\p{N}]+"},
)

mistake(
    "Words do not take the space before them. One space belongs to the word after it.",
    edit={r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+": r"\p{L}+|\p{N}+|[^\s\p{L}\p{N}]+"},
)

mistake(
    "Words take all the spaces before them. They take at most one.",
    edit={r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+": r" *\p{L}+| *\p{N}+| *[^\s\p{L}\p{N}]+"},
)

mistake(
    "Contractions are not cut off: in `it's`, `'s` is a pre-token of its own.",
    edit={"'(?:[sdmt]|ll|ve|re)| ": " "},
)

mistake(
    "Your contractions ignore case. In GPT-2 only small letters count: `DON'T` is `DON`, `'`, `T`.",
    edit={"'(?:[sdmt]|ll|ve|re)": "(?i:'(?:[sdmt]|ll|ve|re))"},
)

mistake(
    "You cut numbers into groups of three digits, as Llama 3 does. GPT-2 takes a number whole.",
    edit={r"\p{N}+|": r"\p{N}{1,3}|"},
)

mistake(
    "You cut numbers into single digits, as Qwen does. GPT-2 takes a number whole.",
    edit={r"\p{N}+|": r"\p{N}|"},
)

mistake(
    "You lose signs that you did not list, such as those for private use. The fourth kind is everything else: no letter, no number, "
    "no whitespace.",
    edit={r"[^\s\p{L}\p{N}]+": r"[\p{P}\p{S}\p{M}\p{Cf}\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]+"},
)

mistake(
    "Your letters are small ones, large ones and those without case. `\\p{L}` has two kinds more, in which `々`, the long `ー` and `ʰ` are.",
    edit={r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+": r" ?[\p{Lu}\p{Ll}\p{Lo}]+| ?\p{N}+| ?[^\s\p{Lu}\p{Ll}\p{Lo}\p{N}]+"},
)

# --- encoding --------------------------------------------------------------------------------------------------------

mistake(
    "Your symbols are the characters of the text, not its bytes: `é` is two bytes, `你` three. Encode as UTF-8 "
    "first, then look every byte up.",
    edit={
        '[self.char_of[byte] for byte in pre_token.encode("utf-8")]': "[self.char_of.get(ord(c), c) for c in pre_token]"
    },
)

mistake(
    "You encode the text as Latin-1. Its bytes are those of UTF-8: `é` is two bytes, `你` three.",
    edit={
        'for byte in pre_token.encode("utf-8")]\n                ids': (
            'for byte in pre_token.encode("latin-1", "replace")]\n                ids'
        ),
    },
)

mistake(
    "You merge across pre-tokens: the text is not cut before it is merged.",
    edit={"for pre_token in pretokenize(part):": "for pre_token in [part]:"},
)

mistake(
    "You merge the leftmost known pair. The one with the lowest rank comes first, wherever it stands.",
    edit={"min(known, key=rank.__getitem__)": "known[0]"},
)

mistake(
    "You merge the pair that was learned last first. The lowest rank comes first.",
    edit={"min(known, key=rank.__getitem__)": "max(known, key=rank.__getitem__)"},
)

mistake(
    "You take the place of a token in the vocabulary for its rank. Ranks come from `merges`; ids may follow "
    "another order.",
    edit={
        "self.rank = {pair: i for i, pair in enumerate(merges)}": "self.rank = {pair: vocab[pair[0] + pair[1]] for pair in merges}",
    },
)

mistake(
    "You take the place in `merges` for the id (256 + rank). Ids come from `vocab`, whatever they are.",
    edit={
        "        self.vocab = vocab\n": (
            "        letters = [token for token in vocab if (token[:-1], token[-1:]) not in self.rank]\n"
            "        letters = sorted(token for token in letters if len(token) == 1)\n"
            "        made = [left + right for left, right in merges]\n"
            "        self.vocab = {token: i for i, token in enumerate(letters + made)}\n"
        ),
    },
)


@mistake(
    "You take the longest token of the vocabulary from the front (that is WordPiece). BPE repeats training: "
    "the pair with the lowest rank is merged first.",
)
def merge(symbols: list[str], rank: dict[tuple[str, str], int]) -> list[str]:
    def known(token: str) -> bool:
        return any((token[:k], token[k:]) in rank for k in range(1, len(token)))

    tokens: list[str] = []
    while symbols:
        n = next((n for n in range(len(symbols), 1, -1) if known("".join(symbols[:n]))), 1)
        tokens.append("".join(symbols[:n]))
        symbols = symbols[n:]
    return tokens


@mistake(
    "You go through a pre-token once from left to right and merge whatever pair is known. The pair with the "
    "lowest rank comes first, wherever it stands, and every merge can make new pairs.",
)
def merge(symbols: list[str], rank: dict[tuple[str, str], int]) -> list[str]:
    tokens: list[str] = []
    for symbol in symbols:
        if tokens and (tokens[-1], symbol) in rank:
            tokens[-1] += symbol
        else:
            tokens.append(symbol)
    return tokens


@mistake(
    "You merge from the end of a pre-token, so `aaa` becomes `a aa`. Merge from the left: `aa a`.",
)
def join_pair(symbols: list[str], pair: tuple[str, str]) -> list[str]:
    joined: list[str] = []
    for symbol in reversed(symbols):
        if joined and (symbol, joined[-1]) == pair:
            joined[-1] = symbol + joined[-1]
        else:
            joined.append(symbol)
    return joined[::-1]


# --- decoding --------------------------------------------------------------------------------------------------------

mistake(
    "You decode each token by itself, so a character whose bytes lie in several tokens becomes U+FFFD. Join "
    "all bytes first.",
    edit={
        'data = b""': 'data = ""',
        'self.special_text[i].encode("utf-8")': "self.special_text[i]",
        "bytes(self.byte_of[char] for char in self.token[i])": (
            'bytes(self.byte_of[char] for char in self.token[i]).decode("utf-8", errors)'
        ),
        'data.decode("utf-8", errors)': "data",
    },
)

mistake(
    "You do not pass `errors` on: bytes that are no valid UTF-8 are always replaced.",
    edit={'data.decode("utf-8", errors)': 'data.decode("utf-8", "replace")'},
)

mistake(
    "You do not pass `errors` on: bytes that are no valid UTF-8 always raise an error. By default they become U+FFFD.",
    edit={'data.decode("utf-8", errors)': 'data.decode("utf-8")'},
    crashes=True,
)

mistake(
    "Bytes that are no valid UTF-8 vanish by default. They become U+FFFD unless `errors` says otherwise.",
    edit={'data.decode("utf-8", errors)': 'data.decode("utf-8", "ignore" if errors == "replace" else errors)'},
)

mistake(
    "You decode the joined bytes as Latin-1. They are UTF-8.",
    edit={'data.decode("utf-8", errors)': 'data.decode("latin-1", errors)'},
)

mistake(
    "You join the tokens' characters and only put spaces back for `Ġ`. Every character stands for a byte: map "
    "all of them back, then decode the bytes as UTF-8.",
    edit={
        'data = b""': 'data = ""',
        'self.special_text[i].encode("utf-8")': "self.special_text[i]",
        "bytes(self.byte_of[char] for char in self.token[i])": 'self.token[i].replace("Ġ", " ").replace("Ċ", "\\n")',
        'data.decode("utf-8", errors)': "data",
    },
)

mistake(
    "You take the place of a token in `vocab` for its id when you decode. Ids follow no rule: look up which token has the id.",
    edit={"{i: token for token, i in vocab.items()}": "dict(enumerate(vocab))"},
    crashes=True,
)

# --- special tokens --------------------------------------------------------------------------------------------------

mistake(
    "Special strings become their ids even when they are not allowed, so anybody's text can end a document. "
    "Only those in `allowed_special` do.",
    edit={
        "split_out(text, allowed_special)": "split_out(text, set(self.special))",
        "if part in allowed_special:": "if part in self.special:",
    },
)

mistake(
    "When one special string is allowed, all of them become ids. Only those in `allowed_special` do.",
    edit={
        "split_out(text, allowed_special)": "split_out(text, set(self.special) if allowed_special else set())",
        "if part in allowed_special:": "if allowed_special and part in self.special:",
    },
)

mistake(
    "Allowed special strings are encoded like ordinary text. Each of them is one id.",
    edit={"split_out(text, allowed_special)": "[text]", "if part in allowed_special:": "if False:"},
)

mistake(
    "You put special strings into a regular expression as they are, but signs such as `|` mean something "
    "there. Escape them.",
    edit={"map(regex.escape, longest_first)": "longest_first"},
)

mistake(
    "Where two special strings begin at the same place, you take the shorter one. Take the longer.",
    edit={"key=len, reverse=True": "key=len"},
)

mistake(
    "You cut the text into pre-tokens first and then look for special strings among them. Find them in the "
    "text first, then cut what lies between.",
    edit={"split_out(text, allowed_special)": "pretokenize(text)"},
)

mistake(
    "You strip the spaces around special strings. The text on both sides is encoded as it is.",
    edit={
        "for pre_token in pretokenize(part):": (
            "for pre_token in pretokenize(part.strip() if allowed_special else part):"
        ),
    },
)

mistake(
    "You remember the ids of a text by the text alone, and give them again when other special strings are allowed. They depend on "
    "`allowed_special` too.",
    edit={
        "        self.vocab = vocab\n": "        self.vocab = vocab\n        self.remembered = {}\n",
        "        ids = []\n": "        if text in self.remembered:\n            return list(self.remembered[text])\n        ids = []\n",
        "        return ids\n": "        self.remembered[text] = ids\n        return list(ids)\n",
    },
)

mistake(
    "A special string with the id 0 becomes ordinary text, because 0 counts as false. Ask whether the string is allowed, not "
    "whether its id is true.",
    edit={"if part in allowed_special:": "if part in allowed_special and self.special[part]:"},
)

mistake(
    "You look an id up in the vocabulary first when you decode. An id of `special` gives its string, also where `vocab` has the "
    "id under another name.",
    edit={"if i in self.special_text:": "if i in self.special_text and i not in self.token:"},
)

mistake(
    "You take the special strings out of the vocabulary. A token can be written like one of them, and where the string is not "
    "allowed, ordinary text needs it.",
    edit={
        "        self.special = special or {}\n": (
            "        self.special = special or {}\n"
            "        self.vocab = {token: i for token, i in vocab.items() if token not in self.special}\n"
        )
    },
    crashes=True,
)

# --- training --------------------------------------------------------------------------------------------------------

mistake(
    "You join the texts before you cut them, so pairs are counted that reach from one text into the next.",
    edit={
        "Counter(pre_token for text in corpus for pre_token in pretokenize(text))": (
            'Counter(pretokenize("".join(corpus)))'
        ),
    },
)

mistake(
    "You join the texts with spaces or newlines, which are then counted as well. Cut each text by itself.",
    edit={
        "Counter(pre_token for text in corpus for pre_token in pretokenize(text))": (
            'Counter(pretokenize(" ".join(corpus)))'
        ),
    },
)

mistake(
    "Training does not cut the texts into pre-tokens, so merges reach over spaces.",
    edit={"Counter(pre_token for text in corpus for pre_token in pretokenize(text))": "Counter(corpus)"},
)

mistake(
    "Training splits the texts at whitespace and loses it. Use `pretokenize`: the space belongs to the word.",
    edit={
        "Counter(pre_token for text in corpus for pre_token in pretokenize(text))": (
            "Counter(word for text in corpus for word in text.split())"
        ),
    },
)

mistake(
    "Each pre-token counts once, however often it occurs in the texts. A pair counts at each of its places in "
    "all the texts.",
    edit={"counts[pair] += counts_of_words[word]": "counts[pair] += 1"},
)

mistake(
    "Training starts from characters, not from bytes: the vocabulary would need every character there is.",
    edit={
        'words = {word: [char_of[byte] for byte in word.encode("utf-8")]': (
            "words = {word: [char_of.get(ord(c), c) for c in word]"
        ),
        "vocab[pair[0]], vocab[pair[1]])": "vocab.get(pair[0], 0), vocab.get(pair[1], 0))",
    },
)

mistake(
    "Your vocabulary starts with the bytes that occur in the texts. All 256 are in it: any text can come later.",
    edit={
        "enumerate(sorted(char_of.values()))": (
            'enumerate(sorted({char_of[b] for text in corpus for b in text.encode("utf-8")}))'
        ),
    },
)

mistake(
    "You make `vocab_size` merges. The 256 bytes are part of the vocabulary, so `vocab_size` - 256 merges fill it.",
    edit={"while len(vocab) < vocab_size:": "while len(merges) < vocab_size:"},
)

mistake(
    "Your vocabulary ends up with one token too many.",
    edit={"while len(vocab) < vocab_size:": "while len(vocab) <= vocab_size:"},
)

mistake(
    "Training stops at the first pair that occurs only once. It stops when the vocabulary is full or no pair is left.",
    edit={"if not counts:": "if not counts or max(counts.values()) < 2:"},
)

mistake(
    "Of equally frequent pairs you take the first one in alphabetical order. Ids decide, and a merged token's "
    "id is higher than that of any byte.",
    edit={"(-counts[pair], vocab[pair[0]], vocab[pair[1]])": "(-counts[pair], pair)"},
)

mistake(
    "Of equally frequent pairs you take the one with the largest ids. Take the one with the smallest.",
    edit={"(-counts[pair], vocab[pair[0]], vocab[pair[1]])": "(-counts[pair], -vocab[pair[0]], -vocab[pair[1]])"},
)

mistake(
    "Training counts all pairs once and never again. Every merge makes new pairs and breaks old ones.",
    edit={
        "    while len(vocab) < vocab_size:\n        counts = Counter()\n": (
            "    counts = Counter()\n    for _ in range(1):\n"
        ),
        """\
        if not counts:
            break
        best = min(counts, key=lambda pair: (-counts[pair], vocab[pair[0]], vocab[pair[1]]))
        merges.append(best)
        vocab[best[0] + best[1]] = len(vocab)
        words = {word: join_pair(symbols, best) for word, symbols in words.items()}
""": """\
        ranked = sorted(counts, key=lambda pair: (-counts[pair], vocab[pair[0]], vocab[pair[1]]))
        merges = ranked[: max(vocab_size - 256, 0)]
        vocab |= {left + right: 256 + i for i, (left, right) in enumerate(merges)}
""",
    },
)


# --- of other kinds --------------------------------------------------------------------------------------------------

mistake(
    "Bytes 161 and 173 change places in your table: 161 stands for itself, 173 is the one that gets a new character.",
    edit={"*range(161, 173), *range(174, 256)": "*range(162, 256)"},
)

mistake(
    "You take everything for whitespace that `str.isspace` (or the module `re`) does: U+001C to U+001F, too. `\\s` of the module "
    "`regex` does not have them.",
    edit={
        r"[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": r"[^\s\x1c-\x1f\p{L}\p{N}]+|[\s\x1c-\x1f]+(?![^\s\x1c-\x1f])|[\s\x1c-\x1f]+"
    },
)

mistake(
    "You know the whitespace of ASCII only. `\\s` has many more characters, the no-break space and the ideographic space among them.",
    edit={r"[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+": r"[^ \t-\r\p{L}\p{N}]+|[ \t-\r]+(?![^ \t-\r])|[ \t-\r]+"},
)


@mistake(
    "You look for the longest special string in the whole text first, and for shorter ones in what is left. The one that begins "
    "first is taken; the length decides only between two that begin at the same place."
)
def split_out(text: str, special: set[str] | frozenset[str]) -> list[str]:
    parts = [text]
    for each in sorted(special, key=len, reverse=True):
        found = []
        for part in parts:
            found += [part] if part in special else regex.split("(" + regex.escape(each) + ")", part)
        parts = found
    return parts


@mistake(
    "You look for special strings in the order of the set or of the alphabet, and take the first that fits. Where two begin at the "
    "same place, the longer one is taken."
)
def split_out(text: str, special: set[str] | frozenset[str]) -> list[str]:
    return regex.split("(" + "|".join(map(regex.escape, sorted(special))) + ")", text) if special else [text]


mistake(
    "You take a frozenset for no set at all. `allowed_special` may be either.",
    edit={"    if not special:\n": "    if not special or type(special) is not set:\n"},
)

mistake(
    'You know "ignore", "strict" and "replace" only. `errors` is any that `bytes.decode` knows.',
    edit={
        'data.decode("utf-8", errors)': 'data.decode("utf-8", errors if errors in ("ignore", "strict") else "replace")'
    },
)

mistake(
    "You cut tokens at 16 characters, and so never merge longer ones. Merging goes on as long as some pair is in `merges`.",
    edit={
        "known = [pair for pair in pairwise(symbols) if pair in rank]": (
            "known = [pair for pair in pairwise(symbols) if pair in rank and len(pair[0] + pair[1]) <= 16]"
        )
    },
)
mistake("Pre-tokens of white space alone are left out in training. They are counted like all others.", edit={
    "for word in counts_of_words}": "for word in counts_of_words if not word.isspace()}"})  # fmt: skip
