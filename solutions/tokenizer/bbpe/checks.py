"""Checks of tokenizer/bbpe. U+001C–U+001F, whitespace to Python and not to `regex`, stand in one check only."""

from hypothesis import strategies as st

from autograder.checks import again, case, check, lab, raises


@check(
    points=1,
    lecture="a-character-for-every-byte",
    public=[
        case("a letter, a space, a newline", some=[65, 32, 10]),
        case("the first, the last, the soft hyphen", some=[0, 255, 173]),
        case("all 256", some=list(range(256))),
    ],
    hidden=[case("around the gaps", some=[0, 33, 126, 127, 128, 160, 161, 172, 173, 174, 255])],
    cites=["all of them different and visible", "The 188 bytes", "The other 68 bytes"],
)
def every_byte_has_its_character(student, some):
    """Visible Latin-1 bytes stand for themselves; the other 68 get the characters from U+0100 on, in their order."""
    table = again(student.bytes_to_unicode)
    return {"size": len(table), "characters": [table.get(byte) for byte in some]}


@check(
    points=1,
    lecture="pre-tokens",
    public=[case("words, a contraction, a number", texts=["Hello world's 123"])],
    hidden=[
        case(
            "contractions",
            texts=[
                "I'll we've they're I'm he'd it's don't o'clock",
                "DON'T It'S I'LL 'tis ''s 'lls x'rey",
                "it’s don’t",
            ],
        ),
        case("numbers", texts=["abc123def 4567890 3.14", "x² 10² 3½! ⅧⅨ, ①② 一二 ٣٤ 1st", "2024-01-31T10:20"]),
        case("underscores and signs", texts=["snake_case __init__(x)", "a+b=c; $5 (e.g.) --flag", "!!! ?!x _1_"]),
        case(
            "scripts",
            texts=["naïve Ünïcode straße", "你好，世界 hello", "Привет, мир! العربية हिन्दी", "e\u0301te\u0301 a\u0308"],
        ),
        case("emoji", texts=["ok 👍🏽 👩‍👩‍👧 !", "a🙂b 🙂🙂"]),
        case("letters that are neither small nor large", texts=["人々 コーヒー", "aʰb ʰ", "ǅungla xǅy"]),
        case(
            "signs for private use, and what is no character",
            texts=["a\ue000b", "x \uf8ff\uf8ff!", "1\uffff \U0010fffd"],
        ),
    ],
    cites=[
        "the apostrophe is",
        "an optional space and letters",
        "an optional space and numbers",
        "an optional space and other characters",
        'Space" is U+0020 only',
        "Joined, they are the text",
    ],
)
def letters_numbers_and_signs_are_cut_apart(student, texts):
    """A pre-token is a contraction, or letters, or numbers, or other signs, each with at most one space before it."""
    return [again(student.pretokenize, text) for text in texts]


@check(
    points=1,
    lecture="pre-tokens",
    public=[
        case("two spaces before a word", texts=["Hello  world"]),
        case("U+001C is no whitespace to `regex`", texts=["a \x1cb"]),
    ],
    hidden=[
        case("longer runs", texts=["a   b", "    return x", "   ", " ", "a b", " a"]),
        case("at the end", texts=["end ", "end   ", "end \n", "a b \t "]),
        case(
            "newlines and tabs",
            texts=["a\nb", "a\n\nb", "a\n b", "a \nb", "a\tb\t\tc", "x\r\ny\r\n", "\n\n    if", "a\r\n\r\n 1"],
        ),
        case(
            "control characters that Python, not `regex`, takes for whitespace",
            texts=["a\x1cb", "a \x1d b", "\x1e\x1f", "x\x1c \x1fy"],
        ),
        case(
            "rare whitespace, and what is none",
            texts=["a\x85b\x0bc\x0cd", "a\u200bb \u2060c", "a\u1680b\u2028c\u180ed", "\ufeffx"],
        ),
        case("spaces other than U+0020", texts=["a\u00a0b", "a\u00a0 b", "一\u3000二", "a\u2003\u2003b", "5\u202f000"]),
        case("before signs and numbers", texts=["a  1", "a  !", "1  's", " 's  's", "x  \n  !"]),
        case("no text", texts=["", "x"]),
    ],
    cites=[
        "that is not followed by a character other than whitespace",
        "whitespace, one or more.",
        "U+001C … U+001F",
        'Space" is U+0020 only',
    ],
)
def runs_of_whitespace_leave_one_for_the_word(student, texts):
    """Whitespace before a word is taken without its last character, and at the end of the text it is taken whole."""
    return [student.pretokenize(text) for text in texts]


ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789.!<|>[]*+_ĠĊ"


def toy(rng, merges, texts, ids="rising", more=()):
    """A vocabulary of a few signs, the tokens of the merges, and `more`. Its ids are 0, 1, 2, … or fall in steps of three."""
    tokens = [*ALPHABET, *(left + right for left, right in merges), *more]
    numbers = range(len(tokens)) if ids == "rising" else range(3 * len(tokens), 0, -3)
    return {"merges": merges, "vocab": dict(zip(tokens, numbers, strict=True)), "texts": texts}


def as_trained(picks):
    """Merges of letters and of tokens that stand before. No token is made of two others in a second way, so that ranks may as
    well be those of the tokens, as in tiktoken."""
    tokens, merges = ["a", "b"], []
    for left, right in picks:
        pair = tokens[left % len(tokens)], tokens[right % len(tokens)]
        more = [*tokens, "".join(pair)]
        if all(sum(each[:i] in more and each[i:] in more for i in range(1, len(each))) < 2 for each in more):
            tokens, merges = list(dict.fromkeys(more)), list(dict.fromkeys([*merges, pair]))
    return merges


MERGES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=2, max_size=8).map(as_trained)


@check(
    points=1,
    inputs=toy,
    lecture="encoding",
    given=dict(merges=MERGES, texts=st.lists(st.text("ab", min_size=3, max_size=12), min_size=1, max_size=3)),
    public=[case("learned order decides", merges=[("b", "c"), ("a", "b"), ("bc", "d")], texts=["abcd", "ab abc"])],
    hidden=[
        case(
            "falling ids",
            ids="falling",
            merges=[("b", "c"), ("a", "b"), ("bc", "d"), ("Ġ", "a")],
            texts=["abcd abab", "ab", " abcd"],
        ),
        case(
            "a longer token is known",
            merges=[("b", "c"), ("a", "b"), ("ab", "x"), ("bc", "y")],
            texts=["abcx", "abx", "abcy"],
        ),
        case(
            "the first merge is the last pair",
            merges=[("e", "f"), ("d", "e"), ("c", "d"), ("b", "c"), ("a", "b")],
            texts=["abcdefg abcdeg"],
        ),
        case("runs", merges=[("a", "a"), ("aa", "a"), ("aa", "aa")], texts=["a aa aaa aaaa aaaaa", "aaaaaaaa"]),
        case(
            "the space is part of a word",
            merges=[("Ġ", "t"), ("h", "e"), ("Ġt", "he"), ("t", "he")],
            texts=["the the the", "  the"],
        ),
        case(
            "a run of 75",
            merges=[("a", "a"), ("aa", "aa"), ("aaaa", "aaaa"), ("a" * 8, "a" * 8), ("a" * 16, "a" * 16)],
            texts=["a" * 75],
        ),
        case("no merges", ids="falling", merges=[], texts=["abc 1"]),
        case("tokens that no merge makes", merges=[("a", "b")], more=["abc", "bc", "Ġab"], texts=["abc ab", "bc"]),
    ],
    cites=[
        "what no merge makes",
        "None means that there are none",
        "Nothing here changes its arguments",
        "the rank of a pair is its place",
        "Ids follow no rule",
        "the pair with the lowest rank",
        "`vocab` has their ids",
    ],
)
def the_lowest_rank_is_merged_first(student, merges, vocab, texts):
    """In a pre-token, the pair that stands first in `merges` is merged first; ids come from `vocab`, in any order."""
    tokenizer = student.ByteBPE(merges, vocab)
    return [tokenizer.encode(text) for text in texts]


@check(
    points=1,
    inputs=toy,
    lecture="pre-tokens",
    public=[case("a merge over a space", merges=[("o", "Ġ"), ("oĠ", "w")], texts=["o w"])],
    hidden=[
        case(
            "over a space, from both sides",
            merges=[("a", "Ġ"), ("Ġ", "a"), ("aĠ", "a")],
            texts=["a a a", "a  a", "aa aa"],
        ),
        case(
            "letters and numbers", merges=[("a", "1"), ("1", "2"), ("a1", "2"), ("2", "b")], texts=["a12b", "a1 12 2b"]
        ),
        case("words and signs", merges=[("a", "."), ("!", "!"), (".", "b"), ("!!", "a")], texts=["a.b!!a", "a. b"]),
        case("newlines", merges=[("Ċ", "Ċ"), ("ĊĊ", "a"), ("a", "Ċ")], texts=["a\n\na", "a\n\n", "\na"]),
    ],
    cites=["which later merges never cross", "Each stretch of ordinary text"],
)
def merges_never_cross_pre_tokens(student, merges, vocab, texts):
    """A pair is merged only inside a pre-token, also when `merges` has a pair that would reach over its end."""
    tokenizer = student.ByteBPE(merges, vocab)
    return [tokenizer.encode(text) for text in texts]


SAMPLES = [
    "aZ éßÑ",
    "你好世界，。",
    "日本語",
    "🙂👍🏽",
    "Ωя אב",
    "019٣½",
    "  \n\r\n\t",
    "\u00a0\u3000",
    "_-'’\"#{}",
    "\0\x7f\x85",
    "e\u0301\u200d",
]


def gpt2(rng, texts=(), random=0):
    """GPT-2's merges and vocabulary, with some texts and `random` more of mixed scripts."""
    pool = "".join(SAMPLES) + "the of and ing  " * 3
    return {
        "merges": lab("gpt2_merges"),
        "vocab": lab("gpt2_vocab"),
        "texts": [*texts, *(rng.word(pool, 1, 30) for _ in range(random))],
    }


@check(
    points=2,
    inputs=gpt2,
    lecture="encoding",
    public=[case("words", texts=["Hello world", "naïve café"]), case("an emoji and Chinese", texts=["👋 你好"])],
    hidden=[
        case("random texts of many scripts", random=100),
        case(
            "prose and code",
            texts=[
                "In the beginning God created the heaven and the earth. And the earth was without form, and void;",
                "def f(x):\n    return x  # squares 1234567 times\n\n\n",
                "Donaudampfschifffahrtsgesellschaft antidisestablishmentarianism",
                "  leading and trailing spaces   ",
                "",
                "\r\n\0\0 tab\there",
                "床前明月光，疑是地上霜。",
                "👩‍👩‍👧‍👦 family",
                "aaaaaaaaaaaaaaaaaaaaaaaaa !!!!!!!!!!!!",
            ],
        ),
    ],
    fresh=1,
    cites=[
        "With GPT-2",
        "Byte-level BPE as GPT-2 does it",
        "Each pre-token becomes its",
        "The empty text gives",
        "Merges and vocabulary are written in",
    ],
)
def real_text_gets_gpt2_ids_and_comes_back(student, merges, vocab, texts):
    """With GPT-2's merges and vocabulary you give GPT-2's ids, and decoding them gives the text back exactly."""
    tokenizer = student.ByteBPE(merges, vocab)
    ids = [tokenizer.encode(text) for text in texts]
    return {"ids": ids, "text": [tokenizer.decode(each) for each in ids]}


def byte_tokens(rng, ids):
    """Some bytes and two merged tokens with the ids 0 … 15: "你" has the bytes ä ½ ł, "🙂" has ð Ł Ļ Ĥ."""
    tokens = ["a", "b", "Ġ", "ä", "½", "ł", "å", "¥", "ð", "Ł", "Ļ", "Ĥ", "ÿ", "ab", "ä½", "Ģ"]
    vocab = {token: i for i, token in enumerate(tokens)}
    return {"merges": [("a", "b"), ("ä", "½")], "vocab": vocab, "ids": ids}


@check(
    points=1,
    inputs=byte_tokens,
    lecture="decoding",
    public=[case("one character in three tokens", ids=[3, 4, 5, 2, 13])],
    hidden=[
        case("in two tokens", ids=[0, 14, 5, 14, 5]),
        case("an emoji in four", ids=[8, 9, 10, 11, 8, 9, 10, 11]),
        case("cut inside a character", ids=[13, 3, 4]),
        case("starts inside a character", ids=[5, 4, 0, 7, 13]),
        case("never valid", ids=[12, 0, 12, 12, 15]),
        case("no ids", ids=[]),
    ],
    cites=["the bytes of all tokens are joined first", "A token may hold a part"],
)
def decoding_joins_the_bytes_first(student, merges, vocab, ids):
    """The bytes of all tokens are joined and then decoded together; bytes that are no valid UTF-8 become U+FFFD."""
    return student.ByteBPE(merges, vocab).decode(ids)


@check(
    points=1,
    inputs=byte_tokens,
    lecture="decoding",
    public=[case("half a character", ids=[3, 4, 2, 0])],
    hidden=[
        case("a byte that begins nothing", ids=[0, 12, 13]),
        case("cut short", ids=[14, 5, 14]),
        case("valid", ids=[14, 5, 2]),
    ],
    cites=["handled as `bytes.decode` does"],
)
def decoding_handles_errors_as_asked(student, merges, vocab, ids):
    """Bytes that are no valid UTF-8 are handled as `errors` says: "ignore" drops them, "strict" raises UnicodeDecodeError."""
    tokenizer = student.ByteBPE(merges, vocab)
    return {
        "ignore": tokenizer.decode(ids, "ignore"),
        "backslashreplace": tokenizer.decode(ids, "backslashreplace"),
        "strict": raises("UnicodeDecodeError", lambda: tokenizer.decode(ids, "strict")),
    }


def with_special(rng, texts, special, allowed, merges=(), ids="rising", more=()):
    return {**toy(rng, list(merges), texts, ids, more), "special": special, "allowed": set(allowed)}


END, PAD = "<|end|>", "<|pad|>"


@check(
    points=1,
    inputs=with_special,
    lecture="special-tokens",
    public=[
        case("allowed", texts=["a<|end|>b"], special={END: 5000}, allowed=[END]),
        case("not allowed", texts=["a<|end|>b"], special={END: 5000}, allowed=[]),
        case("the one that begins first", texts=["abcd"], special={"ab": 5000, "bcd": 5001}, allowed=["ab", "bcd"]),
    ],
    hidden=[
        case(
            "one allowed, one not",
            texts=["<|pad|>a<|end|><|pad|>", "<|end|>", "<|pad|>"],
            special={END: 5000, PAD: 5001},
            allowed=[PAD],
        ),
        case(
            "at the ends and side by side",
            texts=["<|end|><|end|> a <|end|>", "<|end|>"],
            special={END: 777},
            allowed=[END],
        ),
        case(
            "stretches are cut by themselves",
            texts=["a  <|end|>b", "ab<|end|>ab", "a<|end|> b"],
            special={END: 5000},
            allowed=[END],
            merges=[("a", "b"), ("|", ">"), ("ab", "<"), ("Ġ", "Ġ")],
        ),
        case(
            "the longer of two",
            texts=["<|a|>bc <|a|> < <|a|", "<|a|>b<"],
            special={"<": 5000, "<|a|>": 5001, "<|a|>b": 5002},
            allowed=["<", "<|a|>", "<|a|>b"],
        ),
        case(
            "they overlap",
            texts=["xabcabcd.", "cabcab", "bcdab"],
            special={"abc": 5000, "cabcab": 5001, "bcd": 5002, "cd.": 5003, "bca": 5004},
            allowed=["abc", "cabcab", "bcd", "cd.", "bca"],
        ),
        case(
            "thirty characters, and its first ten",
            texts=["a<|reserved_special_token_250|>b", "<|reserved x<|reserved_special_token_25"],
            special={"<|reserved_special_token_250|>": 5000, "<|reserved": 5001},
            allowed=["<|reserved_special_token_250|>", "<|reserved"],
        ),
        case(
            "the longer is not allowed", texts=["<|a|>bc"], special={"<|a|>": 5001, "<|a|>b": 5002}, allowed=["<|a|>"]
        ),
        case(
            "signs of regular expressions",
            texts=["[sep]s a*aa* b+. +.", "e.e*"],
            special={"[sep]": 5000, "a*": 5001, "+.": 5002},
            allowed=["[sep]", "a*", "+."],
        ),
        case("half of one before one", texts=["<|<|end|>", "<|end<|end|>|>"], special={END: 5000}, allowed=[END]),
        case(
            "written in other characters",
            texts=["x<文 末>y<"],
            special={"<文 末>": 5000},
            allowed=["<文 末>"],
            more="æĸĩľ«",
        ),
        case(
            "a common word",
            texts=["the end of the end. ended"],
            special={"end": 5000},
            allowed=["end"],
            merges=[("e", "n"), ("en", "d")],
        ),
        case("the id is 0", texts=["a<|end|>b", "<|end|>"], special={END: 0}, allowed=[END], ids="falling"),
        case(
            "the vocabulary has its id under another name",
            texts=["a<|pad|>b<|end|>"],
            special={PAD: 48},
            allowed=[PAD],
            more=[END],
        ),
    ],
    cites=[
        "the one that begins first is taken",
        "Each becomes its id",
        "is not allowed is ordinary text",
        "An id of `special` gives its string",
        "in plain text and not in byte characters",
    ],
)
def special_strings_are_ids_only_where_allowed(student, merges, vocab, texts, special, allowed):
    """An allowed special string becomes its one id and is decoded to itself; one not allowed is ordinary text."""
    tokenizer = student.ByteBPE(merges, vocab, special)
    ids = [tokenizer.encode(text, allowed_special=allowed) for text in texts]
    frozen = [tokenizer.encode(text, allowed_special=frozenset(allowed)) for text in texts]
    return {
        "ids": ids,
        "with a frozenset": frozen,
        "text": [tokenizer.decode(each) for each in ids],
        "then none is allowed": [tokenizer.encode(text) for text in texts],
    }


@check(
    points=1,
    lecture="training",
    public=[case("three texts", texts=["ab ab ab", "bc bc abc", "c ab"], size=259)],
    hidden=[
        case("a space before the first word", texts=[" ab ab", "ab", " ab", "xy", "xy"], size=258),
        case("texts are separate", texts=["ab"] * 5 + ["cd"] * 4 + ["ef"] * 3, size=300),
        case("words with their spaces", texts=["the cat sat on the mat", "the rat sat", "that hat"], size=259),
        case("Chinese in bytes", texts=["他们你们", "他他他们们们", "们"], size=259),
        case("accents in bytes", texts=["été été thé", "thé né né né né"], size=257),
        case("runs overlap", texts=["aaab"] * 3 + ["cd"] * 5 + ["ab"], size=260),
        case("letters and numbers", texts=["ab12ab12ab12", "12 12"], size=258),
    ],
    cites=["One step: in all texts"],
)
def training_counts_pairs_inside_pre_tokens(student, texts, size):
    """You learn the most frequent pairs of neighbouring bytes and tokens, inside pre-tokens, over all texts."""
    merges, _ = student.train(texts, size)
    return merges


def corpus(rng, size, texts=(), long=""):
    return {"texts": list(texts), "long": long, "size": size}


@check(
    points=1,
    inputs=corpus,
    lecture="training",
    public=[case("three merges", texts=["low lower lowest"], size=259)],
    hidden=[
        case("Genesis", long=lab("english", limit=2000), size=290),
        case("Chinese poems", long=lab("chinese", limit=300), size=290),
        case("many ties", texts=["zy ba zy ba yz ab", "cab\n\nzaz zaz"], size=265),
        case("every pair used up", texts=["low lower", "é"], size=1000),
        case("bytes only", texts=["low lower lowest"], size=256),
        case("fewer than 256", texts=["aa aa"], size=10),
        case("one merge", texts=["aa bb bb"], size=257),
        case("the last of 24 texts count too", texts=["xy"] * 3 + ["q"] * 14 + ["ab"] * 7, size=258),
        case("white space between other things", texts=["a\n\n\nb\n\n\nc", "x    y    z", "  \n"], size=262),
        case("no text", size=300),
        case("special strings are text", texts=["<|end|> <|end|>"], size=262),
    ],
    cites=[
        "The vocabulary starts with the 256",
        "minbpe numbers the",
        "Their ids are 0",
        "Each merge adds",
        "Of equally frequent pairs",
        "Training stops when",
        "Special strings mean nothing here",
        "Returns the merges in the order",
    ],
)
def training_gives_ids_in_order_and_stops_at_the_size(student, texts, long, size):
    """256 bytes have the first ids, each merge the next; ties go to the smallest ids; training stops at the size."""
    merges, vocab = student.train([*texts, long], size)
    return {"merges": merges, "vocab": vocab}
