from autograder.checks import case, check

# No student loses a point over the last bit of a float: every corpus below gives the same merges with scores c/(a·b),
# c/a/b, log c - log a - log b, log c - (log a + log b) and with probabilities instead of counts. test_oracle.py checks
# that. And but for `settles_ties`, there is one best pair at every step.
# fmt: off
HUG = {"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}
FEW = {
    "we": 55, "wide": 86, "os": 23, "pits": 41, "bit": 48, "so": 76, "sitting": 69, "nose": 57, "newly": 15,
    "new": 32,
}
OTHERS = {
    "wide": 88, "nose": 36, "pits": 64, "new": 46, "bowl": 81, "os": 7, "hit": 62, "wider": 86, "beds": 57,
    "wow": 44,
}
MANY = {
    "no": 65, "net": 204, "tens": 158, "sits": 583, "pit": 718, "nose": 762, "widest": 608, "bits": 743, "so": 140,
    "newest": 544, "o": 697, "lowest": 752, "sole": 342, "bowl": 117, "on": 356, "os": 727, "bed": 342,
    "sitting": 857, "ten": 473, "rose": 624, "hats": 318, "wide": 689, "redder": 532, "wow": 511, "widely": 303,
    "sat": 747, "reds": 753, "bat": 878, "bow": 227, "to": 591, "wider": 660, "cats": 41, "i": 729, "hitting": 571,
    "rat": 572, "newer": 654, "hat": 58, "newly": 375, "lower": 507,
}
# fmt: on


def corpus(rng, words, num_merges, scale=1, shuffle=False):
    order = rng.shuffled(list(words)) if shuffle else list(words)
    if shuffle and order == list(words):
        order = order[::-1]
    return {"word_counts": {word: words[word] * scale for word in order}, "num_merges": num_merges}


@check(
    points=1,
    lecture="tokens-and-the-continuation-marker",
    public=[case("two words", word_counts={"hug": 10, "hugs": 5})],
    hidden=[
        case("a letter at the start and inside", word_counts={"noon": 3, "on": 1, "oo": 2}),
        case("words of one letter", word_counts={"a": 7, "b": 1, "é": 2}),
        case("an empty word", word_counts={"": 4, "ab": 1}),
        case("other scripts", word_counts={"東京": 2, "京都": 1, "naïve": 3, "👍🏽": 1}),
        case("capitals, and accents of their own", word_counts={"Ee": 2, "E\u0301e\u0301": 1, "éÉ": 3}),
        case("no words", word_counts={}),
    ],
    cites=[
        "The tokens of a word are its characters",
        "every other one carries the prefix",
        "An empty word adds nothing",
        "num_merges: at least 0",
    ],
)
def starts_from_characters(student, word_counts):
    """Before the first merge, the vocabulary holds the first character of each word, and the others with `##`."""
    return student.train_wordpiece(word_counts, 0)


@check(
    points=1,
    inputs=corpus,
    lecture="from-likelihood-to-a-score",
    public=[case("a frequent pair of frequent tokens loses", words=HUG, num_merges=1)],
    hidden=[
        case("words in any order", words=HUG, num_merges=1, shuffle=True),
        case("all counts times 1000", words={"tens": 30, "pit": 20, "wide": 16, "bat": 21}, num_merges=1, scale=1000),
        case("one-letter words count too", words={"a": 50, "at": 6, "in": 7, "it": 4}, num_merges=1),
        case("the ends of words", words={"sit": 12, "hits": 18, "owl": 19, "mat": 14, "ten": 19}, num_merges=1),
        case("one frequent word", words={"bow": 29, "ten": 12, "sitting": 4, "nose": 2, "a": 5}, num_merges=1),
    ],
    cites=["Pairs never reach across", "Give every pair its score", "A word of one token adds"],
)
def chooses_by_likelihood(student, word_counts, num_merges):
    """The first merge is the pair of highest count(ab) / (count(a) · count(b)), each word counted as often as it occurs."""
    return student.train_wordpiece(word_counts, num_merges)[0]


@check(
    points=1,
    inputs=corpus,
    lecture="counting",
    public=[case("three merges", words={"tip": 2, "top": 2, "spot": 5, "sits": 6}, num_merges=3)],
    hidden=[
        case("eight merges", words=FEW, num_merges=8),
        case("all counts times 977", words=OTHERS, num_merges=8, scale=977),
        case("25 merges", words=MANY, num_merges=25, shuffle=True),
    ],
    cites=["as it is split now"],
)
def recounts_after_each_merge(student, word_counts, num_merges):
    """Each merge is chosen by the counts of tokens and pairs as the merges before it left them."""
    return student.train_wordpiece(word_counts, num_merges)[0]


@check(
    points=1,
    lecture="tokens-and-the-continuation-marker",
    public=[case("##g with ##s", word_counts={"hug": 10, "hugs": 5, "go": 9, "us": 8}, num_merges=1)],
    hidden=[
        case("a merge of a merge", word_counts={"shun": 9, "his": 5, "hugs": 2, "sun": 7, "hug": 4}, num_merges=3),
        case(
            "words with # in them", word_counts={"fa": 7, "f#": 1, "c##": 5, "ac": 12, "ea": 16, "ca": 16}, num_merges=4
        ),
        case("more words with # in them", word_counts={"#a": 16, "e##f": 9, "#c": 15, "ea": 5}, num_merges=3),
    ],
    cites=["The new token is a followed by b", "the token that each merge made", "No special tokens"],
)
def names_the_merged_token(student, word_counts, num_merges):
    """The vocabulary gains a followed by b without its `##`, and keeps every token that it had."""
    return student.train_wordpiece(word_counts, num_merges)[1]


@check(
    points=1,
    inputs=corpus,
    lecture="ties",
    public=[case("two ties", words={"tot": 5, "os": 6, "so": 6}, num_merges=4)],
    hidden=[
        case("the same in any order", words={"tot": 5, "os": 6, "so": 6}, num_merges=4, shuffle=True),
        case("two ties of other words", words={"wide": 1, "wider": 4, "so": 3}, num_merges=3, shuffle=True),
        case(
            "five merges", words={"widest": 16, "sat": 1, "lowest": 1, "newest": 4, "so": 3}, num_merges=5, shuffle=True
        ),
        case("four merges", words={"tot": 8, "widest": 16, "so": 8, "sat": 8}, num_merges=4, shuffle=True),
    ],
    cites=["The Hugging Face course takes", "Where scores are equal", "Equal* means equal as fractions"],
)
def settles_ties(student, word_counts, num_merges):
    """Among equal scores the pair that occurs most often is merged, and among these the smallest pair."""
    return student.train_wordpiece(word_counts, num_merges)[0]


@check(
    points=1,
    lecture="counting",
    public=[
        case("five in a row", word_counts={"aaaaa": 4, "aa": 7}, num_merges=3),
        case("three in a row", word_counts={"aaa": 1}, num_merges=1),
    ],
    hidden=[
        case("odd and even rows", word_counts={"abbbbb": 3, "aaaa": 4, "aa": 8}, num_merges=3),
        case("a row at the end", word_counts={"bbaaab": 4, "aab": 4, "bbb": 8}, num_merges=3),
        case("the same pair twice in a word", word_counts={"baabba": 6, "bababa": 8}, num_merges=4),
        case("a rare letter beside itself", word_counts={"hooo": 1, "ho": 3, "hat": 2}, num_merges=2),
    ],
    cites=["also where they overlap", "from left to right and without overlap"],
)
def handles_repeated_letters(student, word_counts, num_merges):
    """In a run of one letter all neighbours are counted, and merged from left to right without overlap."""
    return student.train_wordpiece(word_counts, num_merges)[0]


@check(
    points=1,
    lecture="running-out-of-pairs",
    public=[case("one word", word_counts={"ab": 2}, num_merges=5)],
    hidden=[
        case("four words", word_counts={"ab": 9, "cd": 2, "c": 3, "ef": 4}, num_merges=50),
        case("only words of one letter", word_counts={"a": 7, "b": 1}, num_merges=3),
        case("a long word", word_counts={"aaaaaaaaaaaaaaaaaaaaaaaa": 1}, num_merges=30),
        case("no words", word_counts={}, num_merges=1),
        case(
            "words that share letters", word_counts={"is": 4, "a": 7, "i": 1, "as": 2, "in": 9, "so": 3}, num_merges=7
        ),
    ],
    cites=["Stop early when", "the chosen pairs (a, b), in order"],
)
def stops_when_no_pair_is_left(student, word_counts, num_merges):
    """Training ends early when every word is one token, and returns the merges made so far with their vocabulary."""
    merges, vocabulary = student.train_wordpiece(word_counts, num_merges)
    return {"merges": merges, "vocabulary": vocabulary, "one merge": student.train_wordpiece(word_counts, 1)}


def counts(rng, tokens, pairs, ask, largest=0):
    if largest:
        tokens = {token: rng.integer(largest // 2, largest) for token in tokens}
        pairs = {pair: rng.integer(1, largest // 8) for pair in pairs}
    return {"token_counts": tokens, "pair_counts": pairs, "ask": ask}


@check(
    points=1,
    inputs=counts,
    lecture="from-likelihood-to-a-score",
    public=[
        case(
            "gain log 4, and log 5/8",
            tokens={"x": 2, "##y": 4, "##z": 10},
            ask=[("x", "##y"), ("##y", "##z")],
            pairs={("x", "##y"): 2, ("##y", "##z"): 1},
        ),
    ],
    hidden=[
        case(
            "a pair that never occurs",
            tokens={"x": 3, "##y": 4, "##z": 1},
            ask=[("##z", "##y"), ("##y", "x"), ("x", "##y")],
            pairs={("x", "##y"): 1, ("##z", "##y"): 0},
        ),
        case(
            "tokens that are not in the corpus",
            tokens={"a": 2, "##b": 1},
            pairs={("a", "##b"): 1},
            ask=[("q", "##b"), ("a", "##q")],
        ),
        case(
            "a token beside itself",
            tokens={"a": 1, "##a": 5, "b": 6},
            ask=[("##a", "##a"), ("a", "##a")],
            pairs={("a", "##a"): 1, ("##a", "##a"): 4},
        ),
        case(
            "random counts",
            largest=1000,
            tokens=["a", "##b", "##c", "d"],
            ask=[("a", "##b"), ("d", "##c"), ("##b", "##c")],
            pairs=[("a", "##b"), ("##b", "##c"), ("d", "##c"), ("d", "##b")],
        ),
        case(
            "counts of a large corpus",
            largest=10**14,
            tokens=["a", "##b", "##c", "d"],
            ask=[("##c", "##b"), ("d", "##c")],
            pairs=[("d", "##c"), ("##c", "##b")],
        ),
    ],
    cites=[
        "N is their sum",
        "The change in log-likelihood",
        "with the natural logarithm",
        "Minus infinity if",
        "the two tokens need not be",
    ],
)
def gains_log_likelihood(student, token_counts, pair_counts, ask):
    """The gain of a merge is log P(ab) - log P(a) - log P(b), and minus infinity for a pair that never occurs."""
    return [student.unigram_loglik_gain(a, b, token_counts, pair_counts) for a, b in ask]
