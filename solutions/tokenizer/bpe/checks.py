"""Checks of tokenizer/bpe.

In all word lists but those of `ties_go_to_the_smallest_ids` there is a single most frequent pair at every step: only the check of
ties depends on the tie rule.
"""

from collections import Counter

from autograder.checks import case, check, lab


@check(
    points=1,
    lecture="counting-pairs",
    public=[case("three merges", words={"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}, n=3)],
    hidden=[
        case("a rare word holds many pairs", words={"abcab": 1, "cd": 9, "cdab": 2, "e": 50, "ab": 3}, n=2),
        case("a pair twice in a word", words={"abxabc": 4, "abc": 3, "xa": 2}, n=2),
        case("millions", words={"hat": 5_000_001, "chat": 3_000_000, "at": 1_000_000, "hate": 4_000_000}, n=2),
        case("capitals, and accents of their own", words={"Ee": 5, "eE": 2, "e\u0301": 8, "éa": 1}, n=2),
        case("a word of 39 letters", words={"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLM": 3, "JKz": 4, "tZz": 6}, n=1),
        case("one frequent word against many rare ones", words={"xab": 2, "yab": 2, "zab": 2, "qr": 9, "qrs": 2}, n=2),
        case("letters that mean something in a pattern", words={"(c": 9, ".b": 6, "ab": 3, "\\d": 1}, n=3),
        case("merging changes what is frequent", words={"abcd": 10, "bc": 4, "bcx": 5, "bcd": 6, "cde": 3}, n=4),
    ],
    cites=[
        "One step: count every pair",
        "times the count of its word",
        "nothing is lower-cased",
        "Learn at most",
        "Returns the merges",
    ],
)
def the_most_frequent_pair_is_merged_first(student, words, n):
    """Each merge takes the pair that is most frequent by then, and a pair counts as often as its word occurs."""
    return student.train_bpe(words, n)


def word_list(rng, n, words=None, letters="", count=0):
    """The words given, or random ones with many equal counts, in which no letter (so no pair) stands twice."""
    if words is None:
        words = {"".join(rng.sample(letters, rng.integer(2, 6))): rng.integer(1, 4) for _ in range(count)}
    return {"words": words, "n": n}


@check(
    points=1,
    inputs=word_list,
    lecture="ties",
    public=[case("the words of Sennrich et al.", words={"low": 5, "lower": 2, "newest": 6, "widest": 3}, n=10)],
    hidden=[
        case("random words of six letters", letters="abcdef", count=10, n=12),
        case("random words of eight letters", letters="stuvwxyz", count=25, n=30),
        case("capitals and letters beyond ASCII", letters="aAbBzéß中文", count=15, n=12),
        case("the words come in another order", words={"zy": 2, "yz": 2, "ba": 2, "ab": 2}, n=4),
        case("counts that are not the same as shares", words={"ba": 2, "aa": 5, "ab": 5, "aba": 3}, n=2),
        case("the same left symbol", words={"ad": 1, "ac": 1, "ab": 1, "a": 9}, n=3),
        case("the end of a word, or a later letter", words={"ab": 3, "acd": 3}, n=1),
        case("letters before merged symbols", words={"abz": 3, "cab": 3, "za": 3, "zbc": 3}, n=8),
        case("three thousand signs", words={"\u4e00" + chr(0x4E00 + 2900): 1, "\u4e01\u4e02": 1} | {chr(0x4E00 + i): 1 for i in range(3000)}, n=1),
        case("counts that only whole numbers tell apart", words={"ab": 2**53, "cd": 2**53 + 1}, n=2),
    ],
    fresh=2,
    cites=[
        "every symbol has an id",
        "The symbols that the words start with",
        "Of the pairs with the highest count",
        "Hugging Face's tokenizers do the same",
    ],
)
def ties_go_to_the_smallest_ids(student, words, n):
    """Of equally frequent pairs you merge the one with the smallest ids, left before right; new symbols come last."""
    return student.train_bpe(words, n)


@check(
    points=1,
    lecture="overlapping-pairs",
    public=[case("three in a row", words={"aaab": 3, "cd": 5, "ab": 1}, n=4)],
    hidden=[
        case("odd and even runs", words={"aaaa": 30, "aa": 26, "aaa": 21, "bb": 27}, n=5),
        case("runs at the end", words={"baaa": 13, "aa": 24, "bbbaaa": 23, "aaaa": 22}, n=6),
        case("long runs", words={"aa": 23, "aaaaaaaa": 16, "aaaaaaab": 27, "aaaa": 9, "ab": 21, "baaab": 18}, n=8),
        case("runs after a pair", words={"aaa": 10, "abaaaa": 18, "abaaa": 16, "aa": 3, "aba": 4, "aaaa": 2}, n=9),
    ],
    cites=["Overlapping positions all count", "A merge goes through each word"],
)
def overlapping_pairs_all_count_and_merge_from_the_left(student, words, n):
    """In a run such as `aaa` the pair (a, a) counts at every position; merging goes from the left, without overlap."""
    return student.train_bpe(words, n)


@check(
    points=1,
    lecture="the-end-of-a-word",
    public=[case("est at the end and inside", words={"rest": 10, "restore": 5, "est": 12, "astro": 6}, n=3)],
    hidden=[
        case("accents", words={"é": 2, "été": 2, "thé": 11, "théo": 5, "et": 9}, n=3),
        case("one ending, many followers", words={"est": 11, "testy": 1, "nest": 6, "rests": 4}, n=4),
    ],
    cites=["the last one carries the end-of-word mark", "is one symbol from the start"],
)
def the_last_letter_carries_the_end_of_the_word(student, words, n):
    """The last character of a word and `</w>` are one symbol from the start, another one than the bare character."""
    return student.train_bpe(words, n)


@check(
    points=1,
    lecture="counting-pairs",
    public=[case("two short words", words={"a": 9, "b": 7, "xy": 2}, n=3)],
    hidden=[
        case("one word many times", words={"a": 100, "pq": 2}, n=5),
        case("words of two letters", words={"ab": 6, "ba": 5, "bb": 3}, n=9),
        case("short words in between", words={"i": 30, "am": 4, "u": 20, "me": 3, "a": 25, "us": 2}, n=8),
    ],
    cites=["A pair never spans two words"],
)
def pairs_stay_inside_a_word(student, words, n):
    """A pair never joins the end of one word to the start of another."""
    return student.train_bpe(words, n)


@check(
    points=1,
    lecture="training",
    public=[case("one pair in all", words={"ab": 3}, n=10)],
    hidden=[
        case("a pair that occurs once", words={"ab": 1}, n=2),
        case("as many merges as there are pairs", words={"ab": 3, "cd": 2}, n=2),
        case("fewer merges than there are pairs", words={"ab": 7, "cd": 5, "ef": 3}, n=2),
        case("a thousand merges asked for", words={"ab": 5, "aab": 2, "cab": 4}, n=1000),
        case("no merges asked for", words={"ab": 5, "bc": 2}, n=0),
        case("no words", words={}, n=5),
        case("words of one letter", words={"a": 5, "b": 2}, n=5),
    ],
    cites=["Training stops early", "an empty `word_counts`"],
)
def training_stops_when_no_pair_is_left(student, words, n):
    """You make as many merges as asked for, or fewer when every word has become one symbol."""
    return student.train_bpe(words, n)


@check(
    points=1,
    lecture="encoding-by-rank",
    public=[
        case("an unseen word", merges=[("e", "s"), ("es", "t</w>"), ("l", "o")], words=["lowest"]),
        case("the order of learning decides", merges=[("b", "c"), ("a", "b"), ("bc", "d")], words=["abcdx", "abx"]),
    ],
    hidden=[
        case(
            "a longer piece is known",
            merges=[("b", "c"), ("a", "b"), ("ab", "x"), ("bc", "y")],
            words=["abcx", "abxz", "zabcy"],
        ),
        case("some merges spell a word that ranks do not reach", merges=[("b", "c</w>"), ("a", "b"), ("ab", "c</w>")], words=["abc"]),
        case(
            "the first merge is the last pair",
            merges=[("e", "f"), ("d", "e"), ("c", "d"), ("b", "c"), ("a", "b")],
            words=["abcdefg", "abcdeg"],
        ),
        case(
            "endings",
            merges=[("t", "h"), ("s", "t</w>"), ("th", "e</w>"), ("n", "th"), ("a", "th")],
            words=["the", "then", "sth", "anthe"],
        ),
        case(
            "pairs of pieces",
            merges=[("n", "a"), ("b", "a"), ("na", "na"), ("ba", "nana"), ("nana", "s</w>")],
            words=["bananas", "nanabanana"],
        ),
    ],
    cites=["The rank of a pair is its place", "What matters is the rank", "take the pair with the lowest rank"],
)
def encoding_merges_the_lowest_rank_first(student, words, merges):
    """Of all learned pairs in a word, the one that was learned first is merged first, wherever it stands."""
    fewer = [pair for pair in merges if len(pair[0] + pair[1].removesuffix("</w>")) == 2][::-1]
    return {
        "pieces": [student.encode_word(word, merges) for word in words],
        "with other merges": [student.encode_word(word, fewer) for word in words],
    }


def words_and_merges(rng, merges=None, words=None, letters="", n=0):
    """The words and merges given, or random ones: each merge makes a new symbol of two that exist by then."""
    if merges is None:
        merges, symbols = [], [*letters, *(letter + "</w>" for letter in letters)]
        while len(merges) < n:
            left = rng.choice([symbol for symbol in symbols if not symbol.endswith("</w>")])
            right = rng.choice(symbols)
            if left + right not in symbols:
                merges.append((left, right))
                symbols.append(left + right)
        words = [rng.word(letters, 1, 16) for _ in range(20)]
    return {"words": words, "merges": merges}


@check(
    points=1,
    inputs=words_and_merges,
    lecture="overlapping-pairs",
    public=[case("a run", merges=[("a", "a")], words=["aaaab", "aaab", "b"])],
    hidden=[
        case("random merges of two letters", letters="ab", n=12),
        case("random merges of four letters", letters="abcd", n=60),
        case("letters beyond ASCII", letters="é中🙂", n=20),
        case(
            "a run up to the end",
            merges=[("a", "a"), ("aa", "a"), ("a", "a</w>")],
            words=["a", "aa", "aaa", "aaaa", "aaaaaaaa"],
        ),
        case(
            "a word of 45 letters",
            merges=[
                ("a", "b"),
                ("ab", "ab"),
                ("abab", "abab"),
                ("abababab", "abababab"),
                ("abababababababab", "abababababababab"),
            ],
            words=["ab" * 21 + "abc"],
        ),
        case(
            "capitals, and accents of their own",
            merges=[("e", "\u0301"), ("A", "b</w>")],
            words=["e\u0301a", "éa", "Ab", "ab", "AB"],
        ),
        case("unknown letters, a letter, no letter", merges=[("a", "b</w>")], words=["xyz", "q", "ab", "", "abab"]),
        case("no merges", merges=[], words=["abc", "中文", "z"]),
        case("the only pair stands far behind", merges=[("x", "y")], words=["abcdefghijklmnopqrstuvwxyz"]),
    ],
    fresh=2,
    cites=["a result depends on the arguments", "Characters that training never saw", "The empty word gives"],
)
def encoding_handles_runs_and_unknown_letters(student, words, merges):
    """A pair in a run (`aaaa`) is merged from the left without overlap; characters without a merge stay as they are."""
    return [student.encode_word(word, merges) for word in words]


@check(
    points=1,
    lecture="decoding",
    public=[case("two words", pieces=["lo", "w</w>", "est</w>"])],
    hidden=[
        case("one word in one piece", pieces=["low</w>"]),
        case("no pieces", pieces=[]),
        case("letters only", pieces=["a</w>", "b", "c</w>", "d</w>"]),
        case("stops inside a word", pieces=["new", "est</w>", "wi", "d"]),
        case("beyond ASCII", pieces=["na", "ï", "ve</w>", "中文</w>", "🙂</w>"]),
        case("punctuation", pieces=["</", "b", "></w>", "_</w>", "w</w>"]),
    ],
    cites=["No pieces give", "`</w>` becomes a space between words", "Pieces that stop inside a word"],
)
def decoding_puts_a_space_between_words(student, pieces):
    """Pieces are joined without spaces, `</w>` becomes one space between two words, and none is left at the end."""
    return student.decode(pieces)


@check(
    points=1,
    lecture="training",
    public=[case("two words", text="banana nana", steps=[0, 1])],
    hidden=[
        case("Genesis", text=lab("english", limit=8000), steps=[0, 1, 10, 17]),
        case(
            "accents and repeats",
            text="tête été étés tête été bêta été étés têtes entêté tête bêta été",
            steps=[0, 2, 5],
        ),
        case(
            "Chinese words",
            text="大 大学 大 大学 大学生 学生 大 大学 学 生 大 中学 中学生 大学 中学生 大学 中学 中学生 学生 学 大",
            steps=[0, 1, 3, 20],
        ),
    ],
)
def more_merges_give_fewer_pieces_and_the_same_text(student, text, steps):
    """Words encoded with the first k merges that you learned give the text back, in fewer pieces as k grows."""
    words = text.split()
    merges = student.train_bpe(dict(Counter(words)), max(steps))
    first = student.train_bpe(dict(Counter(words)), 1)  # the same words, another number
    pieces = [[piece for word in words for piece in student.encode_word(word, merges[:k])] for k in steps]
    return {"merges": merges, "first": first, "pieces": pieces, "text": [student.decode(p) for p in pieces]}
