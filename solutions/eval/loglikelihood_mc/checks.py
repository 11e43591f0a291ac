"""Checks of eval/loglikelihood_mc: the boundary, one answer's score, what is read, pieces of a long text, accuracies, and contamination.

Models write down what they were asked to read; no two logits of a place are nearly equal, but where a tie is meant.
"""

import torch

from autograder.checks import Tolerance, case, check, lab, raises
from autograder.lab.corpora import english


class Greedy:
    """A tokenizer: the longest piece that fits, from left to right; a character that is no piece has a token of its own."""

    def __init__(self, pieces):
        self.pieces = pieces

    def __call__(self, text):
        tokens = []
        while text:
            fits = [piece for piece in self.pieces if text.startswith(piece)]
            best = max(fits, key=len) if fits else text[0]
            tokens.append(100 + self.pieces.index(best) if fits else 1000 + ord(best))
            text = text[len(best) :]
        return tokens


PIECES = [" the", "the", " cat", "cat", " ", "  ", "\n", "a", "ab", "b", ":", " A", "A", " sat"]


@check(
    points=2,
    lecture="where-the-answer-begins",
    public=[
        case("no white space", ctx="the cat", cont=" sat", prefix=7),
        case("a space at the end of the context", ctx="the cat ", cont="sat", prefix=7),
        case("an empty context", ctx="", cont="the cat", prefix=7),
        case("a token that spans both", ctx="cat a", cont="bc", prefix=7),
        case("white space of two kinds, and some that stays", ctx=" cat: \n", cont="the ", prefix=7),
        case("white space alone", ctx=" ", cont="the cat", prefix=7),
    ],
    hidden=[
        case("a capital", ctx="The cat", cont=" sat", prefix=7),
        case("several spaces", ctx="the  cat   ", cont=" sat", prefix=3),
        case("a line break at the end", ctx="the cat:\n", cont="A", prefix=3),
        case("a space and a line break", ctx="a \n ", cont="cat", prefix=3),
        case("line breaks alone", ctx="\n\n", cont=" the", prefix=9),
        case("nothing is left of the continuation", ctx="cat a", cont="b", prefix=3),
        case("an empty continuation", ctx="the cat", cont="", prefix=3),
        case("an empty continuation, and a space", ctx="the cat ", cont="", prefix=3),
        case("both are empty", ctx="", cont="", prefix=3),
        case("a space at the end of the continuation stays", ctx="the", cont=" cat ", prefix=3),
        case("a space in front of the context stays", ctx=" cat", cont=" the", prefix=3),
        case("white space of other kinds", ctx="the cat\u00a0\u3000", cont="sat", prefix=3),
        case("an empty context, a large prefix", ctx="", cont=" the cat", prefix=50256),
        case("a long context", ctx="the cat sat: " * 9 + "\n  \n", cont=" the cat sat" * 8, prefix=3),
        case("other scripts", ctx="你好：", cont="世界", prefix=3),
    ],
    cites=["White space at the end of ctx moves", "Both are encoded together", "the context is prefix and the continuation is encode cont", "even if those differ from encode ctx", "The context s tokens are encode ctx"],
)
def white_space_moves_and_both_are_encoded_together(student, ctx, cont, prefix):
    """Trailing white space of the context belongs to the continuation, whose tokens are what encode(ctx + cont) has beyond the context's."""
    encode = Greedy(PIECES)
    return {
        "pair": student.encode_pair(encode, ctx, cont, prefix),
        "with another prefix": student.encode_pair(encode, ctx, cont, prefix=prefix + 1),
        "one tokenizer for characters": student.encode_pair(lambda text: [ord(letter) for letter in text], ctx, cont, prefix),
    }


class Reader:
    """A causal model that writes down what it reads, and whether gradients were on."""

    def __init__(self, step=None, table=None, dtype=torch.float64):
        self.step, self.table, self.dtype, self.seen = step, table, dtype, []
        self.one = torch.ones((), dtype=torch.float64, requires_grad=True)

    def __call__(self, ids):
        self.seen.append([str(ids.dtype), ids.tolist(), torch.is_grad_enabled()])
        if self.table is not None:
            logits = self.table[ids]
        else:
            logits = torch.stack([self.step(ids[:, : t + 1]) for t in range(ids.shape[1])], 1)
        return (self.one * logits).to(self.dtype)


def question(rng, seed=1, vocab=5, ctx=1, cont=1, greedy=False, scale=1.0, **options):
    step = lab("toy_lm", seed=seed, vocab=vocab, scale=scale)
    return {"step": step, "ctx": rng.integers(0, vocab, ctx).tolist(), "cont": rng.integers(0, vocab, cont).tolist(), "greedy": greedy, "options": options}


@check(
    points=2,
    inputs=question,
    tolerance=Tolerance(atol=1e-10, rtol=1e-11),
    lecture="the-probability-of-an-answer",
    public=[
        case("one token after one", seed=1),
        case("three tokens after four", seed=2, ctx=4, cont=3),
        case("what greedy decoding writes", seed=3, ctx=3, cont=4, greedy=True),
        case("an empty continuation", seed=4, ctx=3, cont=0),
        case("logits in the hundreds", seed=12, ctx=2, cont=3, scale=900.0),
    ],
    hidden=[
        case("a long answer", seed=5, ctx=2, cont=11, vocab=7),
        case("a long context", seed=6, ctx=17, cont=2, vocab=3),
        case("as long as each other", seed=7, ctx=6, cont=6, vocab=6),
        case("greedy, but for the last token", seed=8, ctx=2, cont=5, greedy="but last"),
        case("greedy, but for the first token", seed=9, ctx=2, cont=5, greedy="but first"),
        case("one token, greedy", seed=10, ctx=5, cont=1, greedy=True),
        case("logits in the thousands", seed=11, ctx=4, cont=3, scale=3000.0),
    ],
    fresh=2,
    cites=["sum of the log probabilities of cont s tokens", "The model is called once without gradients", "greedy is True if each token", "With an empty cont the answer is", "Raises ValueError if ctx is empty"],
)
def answers_are_scored_by_the_token_before(student, step, ctx, cont, greedy, options):
    """Each token of the continuation is scored by the logits of the place before it, in one call, and greedy says whether all are the largest."""
    if greedy:
        cont = list(cont)
        for i in range(len(cont)):
            order = step(torch.tensor([ctx + cont[:i]]))[0].argsort(descending=True).tolist()
            cont[i] = order[1] if (greedy == "but last" and i == len(cont) - 1) or (greedy == "but first" and i == 0) else order[0]
    reader, same = Reader(step), Reader(step)
    found = student.loglikelihood(reader, ctx, cont, **options)
    with torch.no_grad():
        student.loglikelihood(Reader(step), ctx, cont, **options)
        on = torch.is_grad_enabled()
    return {
        "found": found,
        "read": reader.seen,
        "gradients are on, where they were off": on,
        "another one": student.loglikelihood(Reader(step), ctx[::-1], cont[::-1]),
        "once more": student.loglikelihood(Reader(step), ctx=ctx, cont=cont, **options),
        "the same model again": [student.loglikelihood(same, *each) for each in ((ctx, cont), (ctx[::-1], cont[::-1]), (ctx, cont, max(len(cont), 1)))],
        "no context": raises("ValueError", lambda: student.loglikelihood(Reader(step), [], cont or [0])),
        "nothing at all": raises("ValueError", lambda: student.loglikelihood(Reader(step), [], [])),
        "gradients are on again": torch.is_grad_enabled(),
    }


def long(rng, ctx=1, cont=1, vocab=5, dtype="float64", table=None, **options):
    table = rng.normal(vocab, vocab, scale=3.0, dtype="float64") if table is None else torch.tensor(table, dtype=torch.float64)
    vocab = len(table)
    ctx, cont = (each if isinstance(each, list) else rng.integers(0, vocab, each).tolist() for each in (ctx, cont))
    return {"table": table, "ctx": ctx, "cont": cont, "dtype": dtype, "options": options}


TIED = [[2.0, 2.0, 1.0], [2.0, 2.0, 1.0], [2.0, 2.0, 1.0]]


@check(
    points=1,
    inputs=long,
    tolerance=Tolerance(atol=2e-5, rtol=1e-5),
    lecture="what-the-model-reads",
    public=[
        case("eight tokens, of which six are read", ctx=6, cont=3, max_len=6),
        case("as many as fit", ctx=4, cont=3, max_len=6),
        case("bfloat16 logits", ctx=3, cont=8, dtype="bfloat16"),
        case("the first of equal logits is greedy", ctx=[2], cont=[0], table=TIED),
        case("the second of equal logits is not", ctx=[2], cont=[0, 1], table=TIED),
        case("a continuation longer than the window is refused", ctx=5, cont=5, max_len=4),
    ],
    hidden=[
        case("one too many", ctx=5, cont=3, max_len=6),
        case("the continuation fills the window", ctx=5, cont=4, max_len=4),
        case("a window of one token", ctx=3, cont=1, max_len=1),
        case("a continuation that is longer by far is refused", ctx=2, cont=20, max_len=3),
        case("the last of three equal logits is not greedy", ctx=[1], cont=[2], table=[[1.0, 1.0, 1.0]] * 3),
        case("more than 2048 tokens, by default", ctx=2300, cont=2, vocab=4),
        case("exactly 2048, by default", ctx=2047, cont=2, vocab=4),
        case("float32 logits", ctx=4, cont=30, dtype="float32", vocab=9),
        case("bfloat16 logits, a long answer", ctx=4, cont=60, dtype="bfloat16", vocab=11),
        case("a token that is impossible", ctx=2, cont=5, table=[[0.0, float("-inf"), 1.0], [0.0, float("-inf"), 1.0], [0.0, float("-inf"), 2.0]]),
        case("logits of 10,000", ctx=2, cont=9, table=[[1e4, -1e4, 0.0], [0.0, 1e4, -1e4], [-1e4, 0.0, 1e4]]),
        case("float32 logits that are nearly equal", ctx=[2], cont=[1], dtype="float32", table=[[0.0, 1e-8, -1.0]] * 3),
        case("ties in many places", ctx=2, cont=12, table=[[2.0, 2.0, 2.0], [1.0, 2.0, 2.0], [3.0, 1.0, 3.0]]),
    ],
    cites=["it reads the last max_len of them", "are computed in float64 if the logits are float64", "the one with the smallest id counts", "Logits up to 1e4 in size", "or if cont has more than max_len tokens"],
)
def a_window_is_cut_on_the_left(student, table, ctx, cont, dtype, options):
    """The model reads at most max_len tokens, the last ones, and 16-bit logits are scored in float32."""
    reader = Reader(table=table, dtype=getattr(torch, dtype))
    try:
        found = student.loglikelihood(reader, ctx, cont, **options)
    except ValueError:
        found = "ValueError"
    firsts = [table[token].argmax().item() for token in ctx]
    return {
        "found": found,
        "read": reader.seen,
        "a greedy one": student.loglikelihood(Reader(table=table, dtype=getattr(torch, dtype)), ctx, firsts[-1:]),
        "a short one": student.loglikelihood(Reader(table=table), ctx, cont[:1], max_len=1),
    }


def cut(rng, length, max_len, ctx_len=1):
    return {"length": length, "max_len": max_len, "ctx_len": ctx_len}


@check(
    points=1,
    inputs=cut,
    lecture="a-long-text-in-pieces",
    public=[
        case("eight tokens, three at a time", length=8, max_len=3),
        case("two tokens of context", length=8, max_len=4, ctx_len=2),
        case("shorter than the window", length=3, max_len=5),
    ],
    hidden=[
        case("exactly one window", length=5, max_len=5),
        case("one more than a window", length=6, max_len=5),
        case("whole windows", length=12, max_len=4),
        case("each token with the whole context", length=9, max_len=4, ctx_len=4),
        case("a last piece that is nearly whole", length=19, max_len=7, ctx_len=3),
        case("a last piece of one token", length=16, max_len=6, ctx_len=2),
        case("a window of one", length=4, max_len=1),
        case("one token", length=1, max_len=3, ctx_len=2),
        case("no token", length=0, max_len=3),
        case("thirty pieces", length=60, max_len=3, ctx_len=2),
        case("long", length=101, max_len=16, ctx_len=9),
    ],
    cites=["every token of the text is in exactly one continuation", "The first piece is", "max_len ctx_len 1 tokens", "An empty text has no pieces", "Its context is as long as fits", "Raises ValueError unless"],
)
def each_token_is_in_one_piece(student, length, max_len, ctx_len):
    """Every token is in exactly one continuation, behind at least ctx_len tokens, and each piece but the first fills the window."""
    tokens = [(7 * i + 3) % 50 for i in range(length)]
    options = {} if ctx_len == 1 else {"ctx_len": ctx_len}
    return {
        "pieces": student.rolling_windows(tokens, 99, max_len, **options),
        "by name": student.rolling_windows(tokens=tokens, prefix=98, max_len=max_len, ctx_len=ctx_len),
        "refused": [raises("ValueError", lambda c=c: student.rolling_windows(tokens, 99, max_len, c)) for c in (0, max_len + 1, -1)],
    }


def text(rng, seed=1, vocab=5, length=1, max_len=4, table=False, **options):
    """A text for a model that knows the whole past, or, if it is long, for one that knows the last token: a table."""
    table = rng.normal(vocab, vocab, dtype="float64") if table else None
    step = lab("toy_lm", seed=seed, vocab=vocab)
    return {"step": step, "table": table, "tokens": rng.integers(0, vocab, length).tolist(), "max_len": max_len, "options": options}


@check(
    points=1,
    inputs=text,
    tolerance=Tolerance(atol=1e-10, rtol=1e-11),
    lecture="a-long-text-in-pieces",
    public=[
        case("nine tokens, four at a time", seed=1, length=9, max_len=4),
        case("all at once", seed=2, length=6, max_len=10),
        case("three tokens of context", seed=3, length=11, max_len=5, ctx_len=3),
    ],
    hidden=[
        case("whole windows", seed=4, length=12, max_len=6, vocab=3),
        case("each token by itself", seed=5, length=7, max_len=3, ctx_len=3),
        case("a window of one token", seed=6, length=5, max_len=1),
        case("as long as the window", seed=7, length=7, max_len=7),
        case("one token", seed=8, length=1, max_len=7, vocab=6),
        case("nothing", seed=9, length=0),
        case("a long text", seed=10, length=40, max_len=13, ctx_len=4),
        case("thirty pieces of a table", length=60, max_len=3, ctx_len=2, table=True, vocab=20),
        case("a context of twenty tokens", length=90, max_len=40, ctx_len=20, table=True, vocab=20),
        case("a window of 2,500 tokens", length=2700, max_len=2500, ctx_len=100, table=True, vocab=3),
    ],
    fresh=1,
    cites=["called once for each piece", "never reads more than max_len tokens", "An empty text has 0 0", "the sum over all pieces"],
)
def a_long_text_is_the_sum_of_its_pieces(student, step, table, tokens, max_len, options):
    """The log-likelihood of a text is the sum over its pieces, one call each, and no call reads more than max_len tokens."""
    reader, same = Reader(step, table), Reader(step, table)
    other = 1 if options.get("ctx_len", 1) > 1 else min(2, max_len)
    return {
        "sum": student.rolling_loglikelihood(reader, tokens, 0, max_len, **options),
        "read": reader.seen,
        "another prefix": student.rolling_loglikelihood(Reader(step, table), tokens, prefix=2, max_len=max_len, **options),
        "the same model again": [student.rolling_loglikelihood(same, some, max(tokens, default=0), size) for some, size in ((tokens, max_len), (tokens[::-1], max_len), (tokens, 1))],
        "with another ctx_len": [student.rolling_loglikelihood(same, tokens, 0, max_len, **more) for more in (options, {"ctx_len": other})],
        "all at once": student.rolling_loglikelihood(Reader(step, table), tokens, 0, len(tokens) + 5),
        "all at once, by hand": student.loglikelihood(Reader(step, table), [0], tokens, len(tokens) + 5)[0],
    }


WORDS = ["no", "yes", "maybe", "Paris", "London", "上海", "são", "ten thousand", "π", "42", "naïve café", "ab"]


def exam(rng, lls=None, choices=None, gold=None, questions=0, answers=4):
    """The questions given, or random ones whose numbers are multiples of 1/8; ties are avoided."""
    if lls is None:
        lls, choices, gold = [], [], []
        while len(lls) < questions:
            n = answers if isinstance(answers, int) else rng.choice(answers)
            texts = rng.sample(WORDS, n)
            scores = [-rng.integer(4, 200) / 8 for _ in texts]
            values = [[score / size for score, size in zip(scores, sizes, strict=True)] for sizes in ([1] * n, [len(t) for t in texts], [len(t.encode()) for t in texts])]
            if all(len({round(value, 6) for value in each}) == n for each in values):
                lls.append(scores), choices.append(texts), gold.append(rng.integer(0, n))
    return {"lls": lls, "choices": choices, "gold": gold}


@check(
    points=1,
    inputs=exam,
    lecture="from-scores-to-an-accuracy",
    public=[
        case("short and long answers", lls=[[-4.0, -5.0], [-6.0, -9.0], [-2.0, -8.0]], choices=[["no", "maybe"], ["yes", "London"], ["a", "ten thousand"]], gold=[1, 1, 1]),
        case("bytes and characters differ", lls=[[-6.0, -5.0], [-3.0, -4.0]], choices=[["上海", "abc"], ["é", "ab"]], gold=[0, 0]),
        case("ties go to the first answer", lls=[[-2.0, -2.0], [-2.0, -2.0], [-4.0, -8.0]], choices=[["ab", "cd"], ["ab", "cd"], ["ab", "abcd"]], gold=[0, 1, 1]),
        case("one question", lls=[[-1.0, -2.0]], choices=[["a", "b"]], gold=[0]),
    ],
    hidden=[
        case("thirty questions of four answers", questions=30),
        case("numbers of answers differ", questions=25, answers=[2, 3, 4, 5, 6]),
        case("answers that are impossible", lls=[[float("-inf"), -900.0], [float("-inf"), float("-inf")], [-3.0, float("-inf")]], choices=[["a", "bcd"], ["a", "bcd"], ["a", "bcd"]], gold=[1, 0, 1]),
        case("all answers are impossible: the first one", lls=[[float("-inf"), float("-inf")], [-1.0, -2.0]], choices=[["a", "bcd"], ["a", "bcd"]], gold=[1, 0]),
        case("an answer of white space", lls=[[-1.0, -2.0], [-4.0, -3.0]], choices=[[" ", "a"], ["\n ", "b"]], gold=[0, 1]),
        case("eighteen answers", lls=[[-20.0 + (7 * i) % 19 for i in range(18)], [-3.0 - i for i in range(18)]], choices=[["x" * (1 + i) for i in range(18)]] * 2, gold=[8, 17]),
        case("all wrong", lls=[[-1.0, -9.0], [-9.0, -1.0]], choices=[["a", "b"], ["a", "b"]], gold=[1, 0]),
        case("all right", lls=[[-1.0, -9.0], [-9.0, -1.0], [-2.0, -3.0]], choices=[["a", "b"], ["a", "b"], ["a", "b"]], gold=[0, 1, 0]),
        case("one answer to choose from", lls=[[-1.0], [-2.0, -1.0]], choices=[["a"], ["a", "b"]], gold=[0, 0]),
        case("two questions", questions=2, answers=3),
        case("nearly equal", lls=[[-4.00000001, -4.0], [-4.0, -4.00000001]], choices=[["a", "b"], ["a", "b"]], gold=[1, 1]),
        case("the last of many", questions=40, answers=[6]),
    ],
    fresh=1,
    cites=["with log likelihood number of characters", "number of bytes of the answer in UTF 8", "the share of questions whose right answer", "Questions may have different numbers", "n 1 in its denominator", "With one question it is nan", "the first one is the model s answer", "Raises ValueError if there is no question"],
)
def accuracies_have_their_errors(student, lls, choices, gold):
    """Scores are compared as they are, per character and per byte; the error has n - 1 in it; what does not fit is refused."""

    def refused(*given):
        return raises("ValueError", lambda: student.mc_metrics(*given))

    return {
        "metrics": student.mc_metrics(lls, choices, gold),
        "once more": student.mc_metrics(lls, choices, gold),
        "by name": student.mc_metrics(lls=lls[:2], choices=choices[:2], gold=gold[:2]),
        "refused": {
            "no question": refused([], [], []),
            "a gold too few": refused(lls, choices, gold[:-1]),
            "choices too few": refused(lls, choices[:-1], gold),
            "a score too many": refused([*lls[:-1], [*lls[-1], -1.0]], choices, gold),
            "a score too few": refused([*lls[:-1], lls[-1][:-1]], choices, gold),
            "gold too large": refused(lls, choices, [*gold[:-1], len(choices[-1])]),
            "gold below 0": refused(lls, choices, [*gold[:-1], -1]),
            "an empty answer": refused(lls, [*choices[:-1], ["", *choices[-1][1:]]], gold),
        },
    }


def planted(rng, n=None, texts=None, queries=None, verses=0, **options):
    """The texts given, or verses. Of the queries some are copies in other dress, some are copies with a word changed in the middle."""
    if texts is None:
        lines = [line for line in english(6000).split("\n") if len(line.split()) > 16]
        lines = rng.sample(lines, 2 * verses)
        texts, others = lines[:verses], lines[verses:]
        queries = []
        for text, other in zip(texts, others, strict=True):
            words, start, length = text.split(), rng.integer(0, 3), rng.choice([11, 12, 13, 14])
            copy = words[start : start + length]
            queries += [" ".join(["Behold,", *copy, "-- selah"]).upper(), " ".join(other.split()[:8] + copy[:7] + ["xyzzy"] + copy[7:])]
    if n is not None:
        options["n"] = n
    return {"texts": texts, "queries": queries, "options": options}


@check(
    points=1,
    inputs=planted,
    lecture="was-the-exam-in-the-training-data",
    public=[
        case("other capitals and marks", n=4, texts=["To be, or not to be: that is the question."], queries=["He said \"or NOT to -- be\"", "or-not to be", "or not be to", "is the question", "The-question that is", "tobe or not to be"]),
        case("n = 13, which is the default", verses=3),
    ],
    hidden=[
        case("verses", verses=6),
        case("across two texts is no n-gram", n=3, texts=["a b c", "d e f"], queries=["b c d", "a b c", "c d e", "x d e f"]),
        case("marks are deleted without a space", n=2, texts=["well-known don't stop"], queries=["wellknown dont", "well known", "don t stop", "dont STOP!"]),
        case("exactly n words", n=5, texts=["one two three four five"], queries=["one two three four five", "one two three four", "zero one two three four five six"]),
        case("short texts have none", n=4, texts=["a b c", "", "d"], queries=["a b c", "", "d"]),
        case("single words", n=1, texts=["light darkness"], queries=["Let there be LIGHT!", "let there be"]),
        case("white space of all kinds", n=3, texts=["a\tb\n\nc  d"], queries=["b c\nd", "b  c", "a b  c"]),
        case("letters of other scripts stay", n=2, texts=["Ça coûte 5€ déjà"], queries=["ça COÛTE", "coûte 5€", "coute 5€", "coûte 5"]),
        case("quotation marks that are none of the 32 stay", n=1, texts=["it’s “so”"], queries=["its", "it’s", "so", "“SO”"]),
        case("lower() keeps the ß", n=2, texts=["Straße 5"], queries=["strasse 5", "STRASSE 5", "straße 5"]),
        case("a short text, n = 14", n=14, texts=["a b", "c"], queries=["a b", "c"]),
        case("words in the middle of others are none", n=2, texts=["the rain falls"], queries=["he rain", "the raining", "the rain"]),
        case("n = 8", n=8, verses=4),
        case("n = 18", n=18, texts=[" ".join(f"w{i}" for i in range(40))], queries=[" ".join(f"w{i}" for i in range(19, 37)), " ".join(f"w{i}" for i in range(17)), "x " * 30 + " ".join(f"w{i}" for i in range(18))]),
        case("eighteen texts", n=2, texts=[f"a{i} b{i}" for i in range(18)], queries=["a17 b17", "b0 a1"]),
    ],
    fresh=1,
    cites=["A text of fewer than n words never is", "deleted with no space in their place", "n words that follow each other in one text", "Whether some n gram of the text is in index", "A text of fewer than n words has none"],
)
def copies_are_found_by_their_words(student, texts, queries, options):
    """A text is contaminated if it shares n words in a row with the training data, whatever the capitals and marks."""
    index = student.ngram_index(texts, **options)
    return {
        "index": index,
        "found": [student.contaminated(query, index, **options) for query in queries],
        "themselves": [student.contaminated(text, index, **options) for text in texts],
        "with another n": [student.contaminated(query, index, n=options.get("n", 13) + 1) for query in queries],
        "in an empty index": [student.contaminated(query, set(), **options) for query in queries],
        "index of the first": student.ngram_index(texts[:1], **options),
        "by pairs": [student.ngram_index(texts, n=2), [student.contaminated(query, student.ngram_index(texts, 2), 2) for query in queries]],
        "with an index of its own": student.contaminated(text=queries[0], index=student.ngram_index(texts=queries[:1], n=2), n=2),
    }
