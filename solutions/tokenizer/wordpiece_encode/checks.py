from hypothesis import strategies as st

from autograder.checks import case, check

# Every Python from 3.11 on agrees on the characters below: none is unassigned, none got another category since then.


@check(
    points=1,
    lecture="cleaning",
    public=[
        case("a zero-width space vanishes, a tab separates", texts=["un\u200baffable", "two\twords\nthree"]),
        case("a character for private use stays", texts=["a\ue000b"]),
    ],
    hidden=[
        case("control characters", texts=["a\x00b\x07c", "a\x0bb\x0cc", "a\x85b\x1cc d\x1f", "\x7fdel\x1b[0m"]),
        case("spaces of all kinds", texts=["a\u00a0b\u3000c", "a\u2028b\u2029c\u2003d", "\r\n a \r\r b\t"]),
        case(
            "format characters",
            texts=["co\u00adop", "\ufeffbom", "\U0001f469\u200d\U0001f467", "\u202eright\u2060left"],
        ),
        case(
            "every space separator",
            texts=["a".join(map(chr, [0x20, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x202F, 0x205F, 0x3000]))],
        ),
        case("the replacement character", texts=["a\ufffdb", "\ufffd"]),
        case("characters for private use", texts=["\uf8ff\t\uf8ff", "x\U000f0000y \U0010fffd"]),
        case("nothing to see", texts=["", "   ", "\u200b", "\t \n"]),
        case(
            "the last code points of the Chinese blocks, most of them unassigned",
            texts=["a\ufaffb\U0002a6dfc\U0002b73fd", "a\U0002b81fb\U0002ceafc\U0002fa1fd\U0002fa20e"],
        ),
    ],
    cites=[
        "none of them empty",
        "Split at spaces",
        "White space becomes a space",
        "All other characters of the categories",
        "Other characters stay",
        "(Hugging Face's tokenizers take out",
    ],
)
def cleans_the_text(student, texts):
    """White space of every kind separates words; control and format characters vanish without a trace."""
    for text in texts:  # what a caller does with one result does not show in the next one
        student.basic_tokenize(text, lower=False).append("?")
    return [student.basic_tokenize(text, lower=False) for text in texts]


@check(
    points=1,
    lecture="chinese-characters",
    public=[case("two of them", texts=["I like 東京 a lot"])],
    hidden=[
        case("without spaces", texts=["中文abc字", "第3章", "一"]),
        case(
            "all the blocks",
            texts=[
                "a\u4e00b\u9fffc",
                "a\u3400b\u4dbfc",
                "a\uf900b\ufad9c",
                "a\U00020000b\U0002a6dfc",
                "a\U0002a700b\U0002b734c",
                "a\U0002b740b\U0002b81dc",
                "a\U0002b820b\U0002cea1c",
                "a\U0002f800b\U0002fa1dc",
            ],
        ),
        case("just outside the blocks", texts=["a\u33ffb\u4dc0c", "a\ua000b", "a\ufb00b", "a\U0002ceb0b"]),
        case("Kana and Hangul are no Chinese characters", texts=["東京へ行くカナ", "한국어 문장", "ｱｲｳ"]),
    ],
    cites=["Put a space before and behind"],
)
def separates_chinese_characters(student, texts):
    """Each Chinese character is a word of its own; Kana and Hangul are written together like other letters."""
    return [student.basic_tokenize(text, lower=False) for text in texts]


@check(
    points=1,
    lecture="case-and-accents",
    public=[
        case("accents", texts=["Zürich", "Crème Brûlée", "ÅNGSTRÖM"]),
        case("capitals beyond ASCII", texts=["ŁÓDŹ Ørsted", "МОСКВА Ёлка", "ÆTHER Þór"]),
    ],
    hidden=[
        case("accents of their own", texts=["e\u0301te\u0301", "\u0301", "x\u0308\u0323y", "Việt Nam"]),
        case("letters that are not decomposed", texts=["Łódź", "Ørsted", "ßtraße", "ﬁne ①", "ＡＢＣ", "Ñandú"]),
        case("other scripts", texts=["Ёлка Й", "हिन्दी", "ภาษาไทย", "שָׁלוֹם", "Ἀθήναι"]),
        case("marks of every combining class, also of 0", texts=["दुकान", "ที่", "கி"]),
        case("Hangul and Kana", texts=["한국", "ガギグ", "ぱぴ"]),
        case("a mark on a symbol", texts=["a≠b", "x≯y", "İzmir", "300 \u212a"]),
    ],
    cites=["If `lower`", "The text *stays* decomposed", "Without `lower` nothing"],
)
def strips_accents_only_when_it_lowers(student, texts):
    """With `lower`, the default, letters lose case and accents and stay decomposed; without it, nothing changes."""
    return {
        "by default": [student.basic_tokenize(text) for text in texts],
        "lower=False": [student.basic_tokenize(text, lower=False) for text in texts],
    }


@check(
    points=1,
    lecture="punctuation",
    public=[case("marks at the end and inside", texts=["it's well-known, no?", "3.14"])],
    hidden=[
        case("all of ASCII", texts=["a".join(chr(i) for i in range(33, 127)), "a$b+c<d=e>f^g`h|i~j_k"]),
        case("several in a row", texts=["wait...what?!", "--", "((a))", "[CLS]"]),
        case("other punctuation", texts=["«oui» – non…", "你好，世界。", "¿qué?", "a‿b", "it’s", "§5 ¶"]),
        case("symbols that are no punctuation", texts=["5€", "10°", "a×b", "hi👍", "©2024", "½x²"]),
    ],
    cites=["every punctuation mark becomes", "each category that begins with P"],
)
def splits_off_punctuation(student, texts):
    """Each punctuation mark is a token, and so is every ASCII symbol; other symbols stay with their word."""
    return [student.basic_tokenize(text, lower=False) for text in texts]


def drawn(rng, alphabet, number, longest, complete):
    """Random pieces and words. A complete vocabulary has all single characters, so that no word is unknown."""
    vocab = {mark + rng.word(alphabet, 1, longest + 1) for mark in ("", "##") for _ in range(number)}
    vocab |= {mark + c for mark in ("", "##") for c in alphabet if complete}
    return {"words": [rng.word(alphabet, 1, 3 * longest) for _ in range(40)], "vocab": vocab}


def words_and_pieces(rng, words=(), vocab=(), **random):
    return drawn(rng, **random) if random else {"words": words, "vocab": set(vocab)}


WORDS = st.lists(st.text("ab", max_size=8), min_size=1, max_size=3)
PIECES = st.lists(
    st.builds("{}{}".format, st.sampled_from(["", "##"]), st.text("ab", min_size=1, max_size=4)), unique=True
)


def complete(pieces):
    """With all single characters: no word of them is unknown."""
    return list(dict.fromkeys([*pieces, "a", "b", "##a", "##b"]))


@check(
    points=1,
    inputs=words_and_pieces,
    fresh=2,
    lecture="the-longest-piece-first",
    given=dict(words=WORDS, vocab=PIECES.map(complete)),
    public=[
        case(
            "the longest piece wins",
            words=["unaffable", "un"],
            vocab=["un", "u", "##n", "##aff", "##a", "##ff", "##able"],
        ),
    ],
    hidden=[
        case("random pieces", alphabet="ab", number=12, longest=4, complete=True),
        case("longer ones", alphabet="abé東", number=200, longest=9, complete=True),
        case("fewer pieces are possible", words=["abcde"], vocab=["abc", "ab", "##cde", "##d", "##e", "##c"]),
        case(
            "marked and unmarked pieces differ",
            words=["aba", "bab", "aab"],
            vocab=["a", "##a", "b", "##b", "ab", "##bb"],
        ),
        case("an empty word", words=["", "a"], vocab=["a", "##a"]),
        case(
            "pieces of 20 and of 45 characters",
            words=["a" * 21 + "b" * 20, "pneumonoultramicroscopicsilicovolcanoconiosis"],
            vocab=[
                "a",
                "a" * 20,
                "##a",
                "##ab",
                "##" + "b" * 19,
                "##b",
                "pneumono",
                "pneumonoultramicroscopicsilicovolcanoconiosis",
            ],
        ),
    ],
    cites=[
        "at each place the longest piece",
        "A piece at the start of the word",
        "An empty word has none",
        "no longer split or lower-cased",
    ],
)
def takes_the_longest_piece(student, words, vocab):
    """At each place of a word the longest piece that the vocabulary has is taken, with `##` but at the start."""
    return [student.wordpiece(word, vocab) for word in words]


@check(
    points=1,
    inputs=words_and_pieces,
    fresh=2,
    lecture="all-or-nothing",
    given=dict(words=WORDS, vocab=PIECES),
    public=[
        case("the end is missing", words=["unaffable", "xun"], vocab=["un", "##aff", "##able", "able", "##a", "##b"]),
        case("the middle is missing", words=["unaffable"], vocab=["un", "##able", "##f", "able", "[UNK]"]),
    ],
    hidden=[
        case("random pieces, and not all characters", alphabet="abc", number=9, longest=3, complete=False),
        case("number signs are letters, too", words=["ax", "a#", "a##x", "#x"], vocab=["a", "##b", "#", "##x"]),
        case("no going back", words=["abc", "abd"], vocab=["a", "ab", "##bc", "##b", "##d"]),
        case("the only piece has the wrong mark", words=["able", "unable", "un"], vocab=["un", "able", "##un"]),
        case("an empty vocabulary", words=["a", "", "[UNK]"], vocab=[]),
        case("an unknown letter in a long word", words=["a" * 50 + "?", "?" + "a" * 50], vocab=["a", "##a", "##aaa"]),
    ],
    cites=["There is no going back"],
)
def gives_up_on_the_whole_word(student, words, vocab):
    """Where no piece fits, the whole word is one [UNK], without the pieces found before and without going back."""
    return [student.wordpiece(word, vocab) for word in words]


@check(
    points=1,
    lecture="words-that-are-too-long",
    public=[case("limits of 5 and 6", words=["aaaaa", "aaaaaa"], vocab={"a", "##a"}, limits=[5, 6])],
    hidden=[
        case("100 and 101 characters", words=["a" * 100, "a" * 101], vocab={"a", "##a"}, limits=[None, 100, 101]),
        case(
            "a long word that the vocabulary has", words=["b" * 101], vocab={"b" * 101, "b", "##b"}, limits=[None, 101]
        ),
        case(
            "characters, not bytes",
            words=["東" * 60, "👍" * 99, "e\u0301" * 50],
            limits=[None, 99],
            vocab={"東", "##東", "👍", "##👍", "e", "##e", "##\u0301"},
        ),
        case("characters, not pieces", words=["abcabcabc"], vocab={"abc", "##abc", "##c", "##ab"}, limits=[8, 9, 3]),
        case("nothing is short enough", words=["a", ""], vocab={"a"}, limits=[0, 1]),
    ],
    cites=["a word of *more* than"],
)
def gives_up_on_long_words(student, words, vocab, limits):
    """A word of more than `max_chars` characters (by default 100) is unknown; one of just as many is not."""
    long = []
    for limit in limits:
        more = {} if limit is None else {"max_chars": limit}
        long.append([student.wordpiece(word, vocab, unk="<unk>", **more) for word in words])
    return long


@check(
    points=1,
    lecture="both-together",
    public=[
        case(
            "a sentence",
            text="It's unaffable!",
            options={},
            vocab={"it", "'", "s", "un", "##aff", "##able", "!", "unaffable!"},
        ),
        case("unknown words side by side", text="x y z", options={}, vocab={"z"}),
    ],
    hidden=[
        case("the empty text", text="", vocab={"a"}, options={}),
        case(
            "unknown words among known ones",
            text="Ünable, 東京? unab\u200ble 12",
            options={},
            vocab={"un", "##able", ",", "京", "?", "1", "2", "12"},
        ),
        case("upper case is kept", text="It is It", vocab={"it", "It", "i", "##t", "##s"}, options={"lower": False}),
        case("words that repeat", text="a a b b? a ?? b", vocab={"a", "?"}, options={}),
        case("another token for the unknown", text="a bc a?", vocab={"a", "b"}, options={"unk": "<unk>"}),
        case("a limit", text="aaa aaaa a", vocab={"a", "##a"}, options={"max_chars": 3}),
        case("the limit counts what is left of a word", text="a\u0301" * 100, vocab={"a", "##a"}, options={}),
        case(
            "special tokens are text", text="[CLS] [UNK]", vocab={"[CLS]", "[UNK]", "[", "]", "cl", "##s"}, options={}
        ),
        case("no text", text=" \t", vocab={"a", "[UNK]"}, options={}),
    ],
    cites=[
        "in one list",
        "Each unknown word gives",
        "none is recognised in the text",
        "stands for a word that can't be cut",
        "It need not be in",
    ],
)
def encodes_text(student, text, vocab, options):
    """The pieces of all words come in one list, and `lower`, `unk` and `max_chars` do what they do in the two steps."""
    return {"with the options": student.encode(text, vocab, **options), "without": student.encode(text, vocab)}
