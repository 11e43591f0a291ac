import string
import unicodedata

from autograder.checks import mistake

# ---------------------------------------------------------------- basic_tokenize

mistake(
    "You put a space where a control or format character was, and so cut words in two. Take these characters out "
    "without a trace: a zero-width space or a soft hyphen is no border of a word.",
    edit={"            out.append(c)": '            out.append(c)\n        else:\n            out.append(" ")'},
)

mistake(
    "You take out tab and line ends with the control characters, so that words run together. These three are white "
    "space: look for them first.",
    edit={'if c in "\\t\\n\\r" or category in': "if category in"},
)

mistake(
    "You leave characters of category Cf in the text. Format characters, such as the zero-width joiner or the soft "
    "hyphen, are taken out like control characters.",
    edit={'not in ("Cc", "Cf")': 'not in ("Cc",)'},
)

mistake(
    "You leave the replacement character U+FFFD in the text. It stands for bytes that could not be read: take it out.",
    edit={' and c != "\\ufffd"': ""},
)


@mistake(
    "You take everything for a space that Python's `str.isspace` does, also the vertical tab and other control "
    "characters. Of these only tab, newline and carriage return are white space; the others vanish."
)
def clean(text):
    out = []
    for c in text:
        if c.isspace():
            out.append(" ")
        elif unicodedata.category(c) not in ("Cc", "Cf") and c != "\ufffd":
            out.append(c)
    return "".join(out)


@mistake(
    "You clean nothing: control and format characters stay in the words. Take out Cc and Cf, but for tab and line "
    "ends, which are white space."
)
def clean(text):
    return text


mistake(
    "You keep ASCII white space only. Spaces of the categories Zs, Zl and Zp, such as the no-break space and the "
    "ideographic space, separate words too: make all of them the same.",
    edit={
        'or category in ("Zs", "Zl", "Zp")': 'or c == " "',
        'return "".join(f" {c} " if is_punctuation(c) else c for c in text).split()': 'text = "".join(f" {c} " '
        'if is_punctuation(c) else c for c in text)\n    return [token for token in text.split(" ") if token]',
    },
)

mistake(
    "You do not separate Chinese characters. They are written without spaces, so BERT makes each of them a word.",
    edit={'f" {c} " if is_cjk(c) else c for': "c for"},
)

mistake(
    "You separate Chinese characters from other text but not from each other. Each one is a word: put spaces on "
    "both sides of every one.",
    edit={
        'text = "".join(f" {c} " if is_cjk(c) else c for c in clean(text))': "text = clean(text)\n"
        '    text = "".join(" " + c if i and is_cjk(c) != is_cjk(text[i - 1]) else c for i, c in enumerate(text))'
    },
)

mistake(
    "You know the first block of Chinese characters only. There are eight in CJK_RANGES, some far behind U+FFFF.",
    edit={"return any(first <= ord(c) <= last for first, last in CJK_RANGES)": "return 0x4E00 <= ord(c) <= 0x9FFF"},
)

mistake(
    "You leave out the last character of each block. Both ends of a range in CJK_RANGES belong to it.",
    edit={"first <= ord(c) <= last": "first <= ord(c) < last"},
)

mistake(
    "You separate Kana and Hangul, too. They are written together like the letters of other scripts: only the "
    "ranges in CJK_RANGES are separated.",
    edit={
        "return any(first <= ord(c) <= last for first, last in CJK_RANGES)": "return any(\n"
        "        first <= ord(c) <= last for first, last in (*CJK_RANGES, (0x3040, 0x30FF), (0xAC00, 0xD7A3))\n    )"
    },
)

mistake(
    "You strip accents in any case. A cased model keeps them: with lower=False the third step does nothing.",
    edit={
        "    if lower:\n        text = strip_accents(text.lower())": "    text = strip_accents(text.lower() if lower else text)"
    },
)

mistake(
    "You lower the case but keep the accents. With `lower`, decompose the text and take out the nonspacing marks as"
    " well.",
    edit={"strip_accents(text.lower())": "text.lower()"},
)

mistake(
    "You strip the accents but keep the case. Lower-case the text as well.",
    edit={"strip_accents(text.lower())": "strip_accents(text)"},
)

mistake(
    "You do not decompose the text, so only accents that are characters of their own go away. In NFD an é is an e "
    "and an accent; then take out the marks.",
    edit={'unicodedata.normalize("NFD", text)': "text"},
)

mistake(
    "You put the text together again (NFC) after taking out the marks. BERT leaves it decomposed: Hangul stays in "
    "letters.",
    edit={
        'return "".join(c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn")': "marks = "
        '[c for c in unicodedata.normalize("NFD", text) if unicodedata.category(c) != "Mn"]\n'
        '    return unicodedata.normalize("NFC", "".join(marks))'
    },
)

mistake(
    "You use the compatibility form NFKD, which also changes letters that have no accent, such as ligatures and "
    "full-width forms. BERT uses NFD.",
    edit={'normalize("NFD", text)': 'normalize("NFKD", text)'},
)

mistake(
    "You take out all marks, also the spacing ones (Mc) that are vowels in many scripts of India. Take out Mn only.",
    edit={'!= "Mn"': 'not in ("Mn", "Mc", "Me")'},
)

mistake(
    "You drop every letter that is not ASCII, instead of its accent only. Decompose, take out the characters of "
    "category Mn, and keep all others.",
    edit={'if unicodedata.category(c) != "Mn")': "if ord(c) < 128)"},
)

mistake(
    "You use `casefold`, which makes ß an ss. Lower-case as `str.lower` does.",
    edit={"text.lower()": "text.casefold()"},
)

mistake(
    "You go by Unicode's categories alone, where $+<=>^`|~ are symbols. BERT takes every printable ASCII character "
    "that is no letter, digit or space for punctuation.",
    edit={"return ascii_symbol or ": "return "},
)

mistake(
    "You know ASCII punctuation only. Each category that begins with P is punctuation, as in « » and 。",
    edit={'return ascii_symbol or unicodedata.category(c).startswith("P")': "return ascii_symbol"},
)

mistake(
    "You take all symbols for punctuation. Outside ASCII only the categories that begin with P are: €, ° and emoji "
    "stay with their word.",
    edit={'.startswith("P")': '[0] in "PS"'},
)

mistake(
    "You keep several marks in a row together. Each punctuation mark is a token of its own.",
    edit={
        'return "".join(f" {c} " if is_punctuation(c) else c for c in text).split()': "out = []\n"
        "    for i, c in enumerate(text):\n"
        "        border = i and is_punctuation(c) != is_punctuation(text[i - 1])\n"
        '        out.append(" " + c if border else c)\n'
        '    return "".join(out).split()'
    },
)

mistake(
    "You throw punctuation away. Each mark is a token: the model should see it.",
    edit={'f" {c} " if is_punctuation(c) else c for': '" " if is_punctuation(c) else c for'},
)

mistake(
    "You look at the ends of words only. Punctuation inside a word splits it too: it's is three tokens.",
    edit={
        'return "".join(f" {c} " if is_punctuation(c) else c for c in text).split()': "out = []\n"
        "    for word in text.split():\n"
        "        first, last = 0, len(word)\n"
        "        while first < last and is_punctuation(word[first]):\n"
        "            first += 1\n"
        "        while last > first and is_punctuation(word[last - 1]):\n"
        "            last -= 1\n"
        "        out += [*word[:first], *([word[first:last]] if last > first else []), *word[last:]]\n"
        "    return out"
    },
)

mistake(
    "You return empty tokens where several spaces meet. Leave them out.",
    edit={"for c in text).split()": 'for c in text).split(" ")'},
)

mistake(
    "You split off punctuation before you take the accents out. The steps have an order: ≠ without its stroke is =,"
    " which is punctuation.",
    edit={
        "    if lower:\n        text = strip_accents(text.lower())\n": "",
        'return "".join(f" {c} " if is_punctuation(c) else c for c in text).split()': 'text = "".join(f" {c} " '
        "if is_punctuation(c) else c for c in text)\n    return (strip_accents(text.lower()) if lower else text).split()",
    },
)

mistake(
    "Your `lower` is False if nothing is said. The default is True.",
    edit={"def basic_tokenize(text: str, lower: bool = True)": "def basic_tokenize(text: str, lower: bool = False)"},
)


@mistake(
    "You split at the characters of Python's `string.punctuation` and at white space, and leave it at that. Unicode"
    " has many more of both."
)
def basic_tokenize(text, lower=True):
    if lower:
        text = "".join(c for c in unicodedata.normalize("NFD", text.lower()) if unicodedata.category(c) != "Mn")
    for c in string.punctuation:
        text = text.replace(c, f" {c} ")
    return text.split()


# ---------------------------------------------------------------- wordpiece


@mistake(
    "You return the pieces found so far with an [UNK] behind them. A word that can't be cut to its end is one [UNK]"
    " and nothing else."
)
def wordpiece(word, vocab, unk="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unk]
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = "##" * (start > 0) + word[start:end]
            if piece in vocab:
                break
        else:
            return [*pieces, unk]
        pieces.append(piece)
        start = end
    return pieces


@mistake(
    "You go on after a character that no piece fits, with an [UNK] for it alone. If any part of a word is unknown, "
    "the whole word is one [UNK]."
)
def wordpiece(word, vocab, unk="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unk]
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = "##" * (start > 0) + word[start:end]
            if piece in vocab:
                break
        else:
            piece, end = unk, start + 1
        pieces.append(piece)
        start = end
    return pieces


mistake(
    "You take the shortest piece that fits. Begin with the whole rest of the word and shorten it until the "
    "vocabulary has it.",
    edit={"for end in range(len(word), start, -1):": "for end in range(start + 1, len(word) + 1):"},
)

mistake(
    "Your search never tries a single character. The shortest piece is one character long.",
    edit={"range(len(word), start, -1)": "range(len(word), start + 1, -1)"},
)

mistake(
    "Your search never tries the whole rest of the word, so a word that is in the vocabulary gets cut. Begin with it.",
    edit={"range(len(word), start, -1)": "range(max(len(word) - 1, start + 1), start, -1)"},
)

mistake(
    "You look up the continuing pieces without their ##. Inside a word only pieces that are marked so fit.",
    edit={'piece = word[start:end] if start == 0 else "##" + word[start:end]': "piece = word[start:end]"},
)

mistake(
    "You look up a piece that begins at the second character without its ##. Only the piece at the start of the word has none.",
    edit={'if start == 0 else "##"': 'if start <= 1 else "##"'},
)

mistake(
    "You look up the first piece with ##, too. A word begins with an unmarked piece.",
    edit={'word[start:end] if start == 0 else "##" + word[start:end]': '"##" + word[start:end]'},
)

mistake(
    "You look up the right pieces but return the later ones without their ##. The marker belongs to the piece: the "
    "vocabulary has it, and joining the pieces needs it.",
    edit={"pieces.append(piece)": "pieces.append(word[start:end])"},
)


@mistake(
    "Where no marked piece fits you take an unmarked one. Then the text can't be put together again: such a word is"
    " [UNK]."
)
def wordpiece(word, vocab, unk="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unk]
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = "##" * (start > 0) + word[start:end]
            if piece in vocab:
                break
            if word[start:end] in vocab:
                piece = word[start:end]
                break
        else:
            return [unk]
        pieces.append(piece)
        start = end
    return pieces


@mistake(
    "You search for the cut with the fewest pieces. WordPiece is greedy: at each place it takes the longest piece, "
    "whatever comes after."
)
def wordpiece(word, vocab, unk="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unk]
    best = [[], *[None] * len(word)]
    for end in range(1, len(word) + 1):
        for start in range(end):
            piece = "##" * (start > 0) + word[start:end]
            known = best[start] is not None and piece in vocab
            if known and (best[end] is None or len(best[start]) + 1 < len(best[end])):
                best[end] = [*best[start], piece]
    return [unk] if best[-1] is None else best[-1]


@mistake(
    "You go back to a shorter piece when the longest one leads nowhere. WordPiece does not: then the word is [UNK]."
)
def wordpiece(word, vocab, unk="[UNK]", max_chars=100):
    dead = set()

    def cut(start):
        if start == len(word):
            return []
        for end in range(len(word), start, -1):
            piece = "##" * (start > 0) + word[start:end]
            if piece in vocab and end not in dead:
                rest = cut(end)
                if rest is not None:
                    return [piece, *rest]
        dead.add(start)
        return None

    pieces = cut(0) if len(word) <= max_chars else None
    return [unk] if pieces is None else pieces


@mistake("You cut from the end of the word. Begin at its start: the longest piece there comes first.")
def wordpiece(word, vocab, unk="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unk]
    pieces, end = [], len(word)
    while end:
        for start in range(end):
            piece = "##" * (start > 0) + word[start:end]
            if piece in vocab:
                break
        else:
            return [unk]
        pieces.insert(0, piece)
        end = start
    return pieces


mistake(
    "You give up on a word of exactly `max_chars` characters. The limit is for longer ones: 100 are cut, 101 are not.",
    edit={"if len(word) > max_chars:": "if len(word) >= max_chars:"},
)

mistake(
    "You count bytes. The limit is on characters: a Chinese one has three bytes in UTF-8.",
    edit={"if len(word) > max_chars:": "if len(word.encode()) > max_chars:"},
)

mistake(
    "You have no limit on the length of a word. One of more than `max_chars` characters is unknown, whatever pieces"
    " there are.",
    edit={"if len(word) > max_chars:": "if False:"},
)

mistake(
    "You limit the number of pieces. The limit is on the characters of the word.",
    edit={
        "if len(word) > max_chars:": "if False:",
        "    return pieces": "    return pieces if len(pieces) <= max_chars else [unk]",
    },
)

mistake(
    "Your limit is 100, whatever `max_chars` says. Use the argument.",
    edit={"if len(word) > max_chars:": "if len(word) > 100:"},
)

mistake(
    "You let a long word pass if the vocabulary has it as a whole. The limit comes first.",
    edit={"if len(word) > max_chars:": "if len(word) > max_chars and word not in vocab:"},
)

mistake(
    "You return [UNK] where the caller asked for another token. Use `unk`.",
    edit={
        "    pieces = []": '    unk = "[UNK]"\n    pieces = []',
        "max_chars:\n        return [unk]": 'max_chars:\n        return ["[UNK]"]',
    },
)

mistake(
    "You take an empty word for unknown. It has no pieces: [].",
    edit={"if len(word) > max_chars:": "if not word or len(word) > max_chars:"},
)

# ---------------------------------------------------------------- encode

mistake(
    "You split the text at spaces and leave out the first step. The words come from `basic_tokenize`.",
    edit={"for word in basic_tokenize(text, lower) for": "for word in text.split() for"},
)

mistake(
    "You do not hand `lower` on to `basic_tokenize`.",
    edit={"in basic_tokenize(text, lower) for": "in basic_tokenize(text) for"},
)

mistake(
    "You do not hand `unk` and `max_chars` on to `wordpiece`.",
    edit={"wordpiece(word, vocab, unk, max_chars)]": "wordpiece(word, vocab)]"},
)

mistake(
    "You add [CLS] and [SEP]. The model's input needs them, but whoever builds it adds them: return the pieces of "
    "the text.",
    edit={
        "return [piece for word in": 'return ["[CLS]", *[piece for word in',
        "wordpiece(word, vocab, unk, max_chars)]": 'wordpiece(word, vocab, unk, max_chars)], "[SEP]"]',
    },
)

mistake(
    "You leave unknown words out. Each of them is one `unk`.",
    edit={"wordpiece(word, vocab, unk, max_chars)]": "wordpiece(word, vocab, unk, max_chars) if piece != unk]"},
)

mistake(
    "Where several unknown words stand side by side, you give one `unk` for all of them. Each word gives its own.",
    edit={
        "    return [piece for word in basic_tokenize(text, lower) for piece in wordpiece(word, vocab, unk, max_chars)]": (
            "    pieces = [piece for word in basic_tokenize(text, lower) for piece in wordpiece(word, vocab, unk, max_chars)]\n"
            "    return [piece for i, piece in enumerate(pieces) if i == 0 or piece != unk or pieces[i - 1] != unk]"
        )
    },
)

mistake(
    "You leave out pieces that came before. The result has the pieces of each word, as often as it stands in the text.",
    edit={
        "    return [piece for word in basic_tokenize(text, lower) for piece in wordpiece(word, vocab, unk, max_chars)]": (
            "    pieces = [piece for word in basic_tokenize(text, lower) for piece in wordpiece(word, vocab, unk, max_chars)]\n"
            "    return list(dict.fromkeys(pieces))"
        )
    },
)

# ---------------------------------------------------------------- neighbours of the mistakes above, told apart in public

mistake(
    "You lower-case ASCII letters only. `str.lower` knows the capitals of all scripts: Ł, Ø and М have small letters too.",
    edit={"text.lower()": '"".join(c.lower() if c.isascii() else c for c in text)'},
)

mistake(
    "You lower-case ASCII letters only, and only after decomposing: so É becomes e, but Ł, Ø and М stay as they are. `str.lower` "
    "knows the capitals of all scripts.",
    edit={
        "strip_accents(text.lower())": '"".join(c.lower() if c.isascii() else c for c in strip_accents(text))',
    },
)

mistake(
    "You lower-case ASCII letters only, and keep the accents. `str.lower` knows the capitals of all scripts; then decompose and take "
    "out the marks.",
    edit={"strip_accents(text.lower())": '"".join(c.lower() if c.isascii() else c for c in text)'},
)

mistake(
    "You take out the marks of Latin letters only (U+0300 to U+036F). All characters of category Mn go, in every script.",
    edit={'unicodedata.category(c) != "Mn"': 'not "\\u0300" <= c <= "\\u036f"'},
)


@mistake(
    "Your longest piece has 16 characters. Begin with the whole rest of the word, however long it is: a vocabulary may have longer "
    "pieces."
)
def wordpiece(word, vocab, unk="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unk]
    pieces, start = [], 0
    while start < len(word):
        for end in range(min(len(word), start + 16), start, -1):
            piece = "##" * (start > 0) + word[start:end]
            if piece in vocab:
                break
        else:
            return [unk]
        pieces.append(piece)
        start = end
    return pieces

mistake(
    "Only marks with a combining class are taken out. Many of the category Mn have the class 0: vowel signs, say.",
    edit={'if unicodedata.category(c) != "Mn")': "if not unicodedata.combining(c))"},
)
mistake(
    "Results are remembered and given out again: what a caller appends to one stands in the next one.",
    edit={"def basic_tokenize(text": "@__import__('functools').lru_cache(maxsize=1024)\ndef basic_tokenize(text"},
)


@mistake(
    "You put `##` before the rest of the word and look its pieces up in that, so that a piece may end inside of the mark."
)
def wordpiece(word, vocab, unk="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unk]
    pieces, rest = [], word
    while rest and len(pieces) <= len(word):  # it might go on for ever
        end = next((end for end in range(len(rest), 0, -1) if rest[:end] in vocab), 0)
        if not end:
            return [unk]
        pieces.append(rest[:end])
        rest = "##" + rest[end:] if rest[end:] else ""
    return pieces
