"""Checks of eval/text_metrics: BLEU in three, ROUGE-L, SQuAD's two numbers, Elo, and Bradley-Terry."""

from autograder.checks import Tolerance, case, check, raises
from autograder.lab.corpora import english


def mangled(rng, text, wrong):
    """`text` as somebody else would have written it: of its words `wrong` are left out, said twice, exchanged with the next one, or another word."""
    words = text.split()
    for _ in range(wrong):
        at = rng.integer(0, len(words) - 1)
        kind = rng.integer(0, 4)
        if kind == 0 and len(words) > 5:
            del words[at]
        elif kind == 1:
            words.insert(at, words[at])
        elif kind == 2:
            words[at], words[at + 1] = words[at + 1], words[at]
        else:
            words[at] = rng.choice(["and", "the", "of", "waters", "light", "Light", "day,", "day"])
    return " ".join(words)


def verses(rng, count, limit=3000):
    lines = [line for line in english(limit).split("\n")[1:-1] if len(line.split()) > 9]
    return rng.sample(lines, count)


def corpus(rng, hyps=None, refs=None, texts=0, each=1, wrong=3, **options):
    """The texts given, or verses, with `each` mangled references for every mangled hypothesis. Options are left to their defaults where a case has none."""
    if hyps is None:
        lines = verses(rng, texts)
        hyps = [mangled(rng, line, wrong) for line in lines]
        refs = [[mangled(rng, line, rng.integer(0, wrong + 1)) for _ in range(each)] for line in lines]
    return {"hyps": hyps, "refs": refs, "options": options}


@check(
    points=2,
    inputs=corpus,
    lecture="bleu-over-a-corpus",
    public=[
        case("one text", hyps=["a b c d e f g h"], refs=[["a b c d e g f h"]]),
        case("a long and a short text: counts are added up before the division", hyps=["a b c d e f g", "p q r s x"], refs=[["a b c d f e g"], ["p q r s t"]]),
        case("the same word again and again", hyps=["the the the cat"], refs=[["the cat on the mat", "the mat is over there"]], max_n=2),
        case("three verses, two references each", texts=3, each=2),
    ],
    hidden=[
        case("seven verses", texts=7, each=1, wrong=4),
        case("five verses, three references each", texts=5, each=3, wrong=6),
        case("eighteen verses", texts=18, each=2, wrong=4),
        case("unigrams alone", texts=4, each=2, max_n=1),
        case("up to six", texts=4, each=1, wrong=1, max_n=6),
        case("not all have as many references", hyps=["a b c d e", "c d e f g a"], refs=[["a b c d x", "a b d c e", "b c d e e"], ["c d e f a"]]),
        case("a match in another text's reference is none", hyps=["a b c d e f", "g h i j k"], refs=[["g h i j a b c d"], ["a b c d g h i j"]]),
        case("an n-gram is split over two references", hyps=["a a b a a b c"], refs=[["a a b c", "b a a a a"]], max_n=3),
        case("capitals, marks and white space", hyps=["So  it\twas\nso, and so it was"], refs=[[" so it was so, And so it was  "]], max_n=2),
        case("white space of other kinds", hyps=["a\u00a0b c\u3000d e\u2003f"], refs=[["a b c\u2028d e f"]]),
        case("the same text twice", hyps=["a b c d", "a b c d", "e f g h i"], refs=[["a b c d x"], ["x a b c"], ["e f g h i j"]]),
        case("one of the hypotheses is empty", hyps=["", "a b c d e", "d e f g"], refs=[["x y"], ["a b c d e"], ["d e f g h"]]),
    ],
    fresh=2,
    cites=["Both are added up over the corpus", "split into tokens at whitespace", "as str split does", "has it most often", "all of the same weight", "The precision of n is matches"],
)
def bleu_counts_over_the_corpus(student, hyps, refs, options):
    """Matches and n-grams are added up over all texts, and each n-gram matches at most as often as one of the references has it."""
    return {
        "bleu": student.corpus_bleu(hyps, refs, **options),
        "the other way round": student.corpus_bleu(hyps[::-1], refs[::-1], **options),
        "of itself": student.corpus_bleu([some[0] for some in refs], refs, **options),
        "with the first reference only": student.corpus_bleu(hyps, [some[:1] for some in refs], **options),
        "unigrams": student.corpus_bleu(hyps, refs, max_n=1),
        "once more": student.corpus_bleu(hyps=hyps, refs=refs, **options),
    }


@check(
    points=1,
    inputs=corpus,
    lecture="the-brevity-penalty",
    public=[
        case("too short", hyps=["a b c d e"], refs=[["a b c d e f g h"]], max_n=2),
        case("two references", hyps=["a b c d e"], refs=[["a b c d e f g", "a b c d e f g h i j"]], max_n=2),
        case("the shortest reference is not the closest one", hyps=["a b c d e"], refs=[["a b", "a b c d e f"]], max_n=2),
        case("4 and 8 tokens are as close to 6", hyps=["a b c d e f"], refs=[["a b c d e f g h", "a b c d"]], max_n=2),
        case("long enough: no penalty, and no reward", hyps=["a b c d e f"], refs=[["a b c"]], max_n=2),
    ],
    hidden=[
        case("one long text makes up for a short one", hyps=["a b c", "d e f g h i j k"], refs=[["a b c x y"], ["d e f g h i"]], max_n=2),
        case("all are too short", hyps=["a b c", "d e f g h"], refs=[["a b c x y z"], ["d e f g h i j"]], max_n=3),
        case("shorter than both, nearer to the longer one than the mean", hyps=["a b c d"], refs=[["a b", "a b c d e"], ], max_n=2),
        case("a tie, the shorter one first", hyps=["a b c d e f", "g h i"], refs=[["a b c d", "a b c d e f g h"], ["g h i j k l"]], max_n=2),
        case("an empty reference", hyps=["a b c d e"], refs=[["", "a b c d e f g h i"]], max_n=2),
        case("one token", hyps=["a"], refs=[["a b c d", "a c e"]], max_n=1),
        case("an empty hypothesis has its reference's length, too", hyps=["a b c d", ""], refs=[["a b c d"], ["e f g"]], max_n=2),
    ],
    cites=["the one closest to the hypothesis s own length", "Of two that are equally close it is the shorter one", "The brevity penalty is min"],
)
def the_closest_reference_length_counts(student, hyps, refs, options):
    """The penalty compares all hypotheses with the reference lengths that are closest to theirs; of a tie the shorter one counts."""
    return [student.corpus_bleu(hyps, refs, **options), student.corpus_bleu(hyps, [some[::-1] for some in refs], **options)]


@check(
    points=1,
    inputs=corpus,
    lecture="when-nothing-matches",
    public=[
        case("no 4-gram", hyps=["a b c x e f"], refs=[["a b c d e f"]]),
        case("no 3-gram and no 4-gram", hyps=["a b x c d y"], refs=[["a b c d e f"]]),
        case("three tokens have no 4-gram", hyps=["a b c"], refs=[["a b c"]]),
        case("nothing at all", hyps=["x y z u v"], refs=[["a b c d e"]]),
    ],
    hidden=[
        case("unigrams alone", hyps=["a c e g i", "b"], refs=[["i g e c a"], ["b"]]),
        case("a bad text among good ones costs nothing but its counts", hyps=["a b c d e", "x y z u v"], refs=[["a b c d e f"], ["k l m n o"]]),
        case("smoothed, and too short", hyps=["a b c x e f"], refs=[["a b c d e f g h i"]]),
        case("no hypothesis has a token", hyps=["", "  "], refs=[["a b"], ["c"]]),
        case("all texts are short, together long enough", hyps=["a b c", "d e"], refs=[["a b c"], ["d e"]], max_n=3),
        case("up to five", hyps=["a b c x e f g"], refs=[["a b c d e f y"]], max_n=5),
        case("an empty text equals itself", hyps=[""], refs=[[""]]),
    ],
    cites=["If some n has no match BLEU is 0", "counts as if it had 1 2 of a match", "It is 0 all the same", "Raises ValueError if there are no hypotheses"],
)
def without_a_match_bleu_is_zero_unless_smoothed(student, hyps, refs, options):
    """Without any match of some n BLEU is 0; smoothed, the first such n counts 1/2 of a match, the next one 1/4; senseless lists are refused."""

    def refused(*given):
        return raises("ValueError", lambda: student.corpus_bleu(*given))

    return {
        "plain": student.corpus_bleu(hyps, refs, **options),
        "smoothed": student.corpus_bleu(hyps, refs, smooth=True, **options),
        "not smoothed": student.corpus_bleu(hyps, refs, smooth=False, **options),
        "refused": [refused([], []), refused(hyps, refs[:-1]), refused(hyps, [*refs, ["a"]]), refused(hyps, [*refs[:-1], []]), refused([*hyps, "a b"], [*refs, []])],
    }


def two_texts(rng, hyp=None, ref=None, wrong=0):
    if hyp is None:
        ref = verses(rng, 1)[0]
        hyp = mangled(rng, ref, wrong)
    return {"hyp": hyp, "ref": ref}


@check(
    points=1,
    inputs=two_texts,
    lecture="rouge-l",
    public=[
        case("two words are exchanged", hyp="the cat sat on a mat", ref="on the mat the cat sat down"),
        case("capitals and marks", hyp="Don't stop -- it's 3.5 km!", ref="don t stop; it's 35 KM"),
        case("nothing in common", hyp="a b", ref="c d e"),
        case("no token on either side, but letters with accents", hyp="é ü", ref="?!"),
        case("a verse", wrong=5),
    ],
    hidden=[
        case("a verse, many changes", wrong=15),
        case("greedy matching fails", hyp="b c d a b", ref="a b c d"),
        case("the longest one is not the first one", hyp="x a b y c d e", ref="c d e x a b"),
        case("the same word again", hyp="the the the the", ref="the dog the"),
        case("parts, no runs", hyp="a x b y c z d", ref="a b c d"),
        case("the one is empty", hyp="", ref="a b"),
        case("the other one has marks only", hyp="a b", ref="... ---"),
        case("both have no token", hyp=" ", ref="?"),
        case("other letters separate tokens", hyp="über Café_4 naïve", ref="ber caf 4 na ve"),
        case("forty tokens", hyp=" ".join(f"w{i * i % 23}" for i in range(40)), ref=" ".join(f"w{i * 3 % 23}" for i in range(37))),
        case("digits of other scripts separate tokens, too", hyp="a ٣ b５c", ref="A b C"),
        case("lower() keeps the ß", hyp="Straße", ref="strasse stra e"),
        case("a long s is no s, and the sign of kelvins becomes a k", hyp="paſt 5\u212a", ref="past pa t 5k"),
        case("equal", hyp="In the beginning", ref="in the BEGINNING."),
    ],
    fresh=2,
    cites=["the most tokens that stand in both texts in the same order", "There is no stemming", "everything else separates tokens", "All three are 0 if L is 0", "Other tokens may stand between them", "The precision is L", "as in the package rouge_score"],
)
def rouge_l_is_precision_recall_and_f1(student, hyp, ref):
    """ROUGE-L divides the longest common subsequence by the tokens of the hypothesis and of the reference, and takes the harmonic mean."""
    return {
        "score": student.rouge_l(hyp, ref),
        "exchanged": student.rouge_l(ref, hyp),
        "with itself": student.rouge_l(hyp, hyp),
        "backwards": student.rouge_l(" ".join(hyp.split()[::-1]), " ".join(ref.split()[::-1])),
        "by name": student.rouge_l(hyp=hyp, ref=ref),
    }


@check(
    points=1,
    lecture="short-answers",
    public=[
        case("articles, capitals, marks", prediction="The  tower, of London!", golds=["tower of the London"]),
        case("a word too many", prediction="in the year 1889", golds=["1889", "year 1889 or 1890"]),
        case("the same word twice", prediction="very very good", golds=["very good", "very very very bad"]),
        case("nothing is left", prediction="the", golds=["", "a"]),
        case("marks are deleted before articles; the order matters", prediction="well-known a-then", golds=["athen, wellknown", "well known then"]),
    ],
    hidden=[
        case("marks are deleted, not replaced by spaces", prediction="well-known U.S. don't", golds=["well known us dont", "wellknown u s dont"]),
        case("marks first, then articles", prediction="a-b an' \"The\" end", golds=["ab end"]),
        case("articles inside of words stay", prediction="Athena and Theo", golds=["then theo", "athena and a theo"]),
        case("another order", prediction="London of tower", golds=["tower of London"]),
        case("no answer is right, but one is given", prediction="42", golds=["", "..."]),
        case("an answer is right, but none is given", prediction="", golds=["42", "43 44"]),
        case("the best of several, each number by itself", prediction="one two", golds=["two one", "three", "one"]),
        case("another order first, then the answer itself", prediction="one two", golds=["two one", "one two", "two one"]),
        case("the best one is in the middle", prediction="w x y z", golds=["w", "w x y", "z x"]),
        case("all 32 marks", prediction="x!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~y", golds=["xy"]),
        case("quotation marks and dashes that are none of the 32 stay", prediction="“Yes” – it’s 1900–1905", golds=["yes its 19001905", "“yes” – it’s 1900–1905"]),
        case("lower() keeps the ß", prediction="Straße 5", golds=["strasse 5", "STRASSE"]),
        case("twenty words, eighteen golds", prediction=" ".join(f"w{i}" for i in range(20)), golds=[" ".join(f"w{i}" for i in range(k, 25)) for k in range(18, 0, -1)]),
        case("pieces of articles are words", prediction="he said h n e", golds=["said", "he said", "th he an t"]),
        case("letters and marks of other scripts stay", prediction="Ça coûte 5€…", golds=["ça coûte 5", "ça coute 5€…"]),
    ],
    cites=["Prediction and golds are normalised first", "with no space in its place", "min c m times in common", "the best exact match and the best F1 count", "Raises ValueError if there are none", "Exact match is 1 0 if both", "F1 is 2 common", "If both have no words left"],
)
def answers_are_normalised_then_compared(student, prediction, golds):
    """Both texts lose capitals, marks, articles and white space before exact match and F1, and the best gold answer counts."""
    return {
        "both": student.squad_em_f1(prediction, golds),
        "gold answers backwards": student.squad_em_f1(prediction, golds[::-1]),
        "each alone": [student.squad_em_f1(prediction, [gold]) for gold in golds],
        "exchanged": student.squad_em_f1(golds[0], [prediction]),
        "of itself": student.squad_em_f1(prediction=prediction, golds=[prediction]),
        "no gold answer": raises("ValueError", lambda: student.squad_em_f1(prediction, [])),
    }


def played(rng, n, matches=None, each=0, draws=0.0, **options):
    """The matches given, or `each` of every pair, in a random order, by strengths that are drawn; so many are draws. A round more connects everybody."""
    if matches is None:
        strength = [rng.real(0.0, 2.5) for _ in range(n)]
        matches = [(a, (a + 1) % n, 1.0) for a in range(n)]
        for a in range(n):
            for b in range(a):
                for _ in range(each):
                    one, two = (a, b) if rng.real(0.0, 1.0) < 0.5 else (b, a)
                    lucky = rng.real(0.0, 1.0) * (strength[one] + strength[two] + 0.2) < strength[one] + 0.1
                    matches.append((one, two, 0.5 if rng.real(0.0, 1.0) < draws else float(lucky)))
        matches = rng.shuffled(matches)
    return {"matches": matches, "n": n, "options": options}


@check(
    points=1,
    inputs=played,
    lecture="elo",
    public=[
        case("three matches", n=3, matches=[(0, 1, 1.0), (2, 0, 0.0), (1, 2, 0.5)], k=32.0),
        case("k = 4, which is the default", n=4, each=4),
    ],
    hidden=[
        case("draws between unequal models", n=4, each=3, draws=0.6, k=24.0),
        case("a large k", n=3, each=12, k=150.0),
        case("one who has not played", n=4, matches=[(0, 1, 1.0), (1, 3, 1.0), (3, 0, 1.0)], k=16.0),
        case("no match", n=2, matches=[]),
        case("always the same winner", n=2, matches=[(1, 0, 0.0)] * 40, k=64.0),
        case("eighteen models", n=18, each=1, k=20.0),
        case("by default, many matches", n=6, each=8, draws=0.2),
    ],
    fresh=1,
    cites=["All begin at 1000", "by the ratings before the match", "depend on the order of the matches", "a has gained k"],
)
def elo_goes_from_match_to_match(student, matches, n, options):
    """After each match the winner gets k (score - E) and the loser loses as much, by the ratings before the match."""
    return {
        "ratings": student.elo(matches, n, **options),
        "backwards": student.elo(matches[::-1], n, **options),
        "half": student.elo(matches[: len(matches) // 2], n, **options),
        "seats exchanged": student.elo([(b, a, 1 - score) for a, b, score in matches], n=n, **options),
        "with another k": student.elo(matches, n, k=50.0),
        "with one more": student.elo(matches, n + 1, **options),
        "once more": student.elo(matches, n, **options),
    }


@check(
    points=1,
    inputs=played,
    tolerance=Tolerance(atol=2e-3, rtol=0, why="the docstring asks for ratings that are exact to 1e-3"),
    lecture="bradley-terry",
    public=[
        case("3 to 1, and 2 to 1", n=3, matches=[(0, 1, 1.0)] * 3 + [(0, 1, 0.0)] + [(1, 2, 1.0)] * 2 + [(2, 1, 1.0)]),
        case("one won all its matches", n=3, matches=[(0, 1, 1.0), (0, 2, 1.0), (1, 2, 0.5)]),
        case("four models", n=4, each=6),
        case("everybody has won and lost, but two have never beaten the others", n=4, matches=[(0, 1, 1.0), (1, 0, 1.0), (2, 3, 1.0), (3, 2, 1.0), (1, 2, 1.0)]),
    ],
    hidden=[
        case("draws", n=5, each=7, draws=0.5),
        case("draws alone connect two groups", n=4, matches=[(0, 1, 1.0), (1, 0, 1.0), (2, 3, 1.0), (3, 2, 1.0), (1, 2, 0.5), (0, 3, 1.0)]),
        case("two groups that never met", n=4, matches=[(0, 1, 1.0), (1, 0, 1.0), (2, 3, 1.0), (3, 2, 1.0)]),
        case("one group always beats the other", n=4, matches=[(0, 1, 1.0), (1, 0, 1.0), (2, 3, 1.0), (3, 2, 1.0), (1, 2, 1.0), (0, 3, 1.0)]),
        case("one who has not played", n=3, matches=[(0, 1, 1.0), (1, 0, 1.0)]),
        case("won through a ring only", n=5, matches=[(a, (a + 1) % 5, 1.0) for a in range(5)] + [(0, 2, 1.0), (0, 3, 1.0)]),
        case("numbers of matches that differ much", n=3, matches=[(0, 1, 1.0)] * 60 + [(1, 0, 1.0)] + [(2, 1, 1.0)] * 2 + [(1, 2, 1.0)] * 3),
        case("far apart: 120 to 1, twice", n=3, matches=[(0, 1, 1.0)] * 120 + [(1, 0, 1.0), (2, 1, 1.0)] + [(1, 2, 1.0)] * 120),
        case("700 to 1", n=2, matches=[(0, 1, 1.0)] * 700 + [(1, 0, 1.0)]),
        case("a chain of eighteen", n=18, matches=[each for a in range(17) for each in [(a, a + 1, 1.0)] * 3 + [(a + 1, a, 1.0)]]),
        case("six models", n=6, each=5, draws=0.1),
        case("one model alone", n=1, matches=[]),
        case("150 to 1, nine times", n=10, matches=[each for a in range(9) for each in [(a, a + 1, 1.0)] * 150 + [(a + 1, a, 1.0)]]),
    ],
    fresh=1,
    cites=["Their order does not matter", "A draw counts as half a win", "the mean of all ratings is set to 1000", "Otherwise it raises ValueError", "exact to 1e 3", "only if everybody can be reached from everybody", "under which all matches together are most probable"],
)
def bradley_terry_is_the_most_probable_rating(student, matches, n, options):
    """The ratings make all matches together most probable, in whatever order they come; where no finite ratings do, they are refused."""

    def rated(matches, more=0):
        try:
            return student.bradley_terry(matches, n=n + more)
        except ValueError:
            return "ValueError"

    pair = [(0, 1, 1.0)] * 3 + [(1, 0, 1.0)]
    return {
        "ratings": rated(matches),
        "backwards": rated(matches[::-1]),
        "all twice": rated(matches * 2),
        "one more, who has not played": rated(matches, more=1),
        "seats exchanged": rated([(b, a, 1 - score) for a, b, score in matches]),
        "with an upset": rated([*matches, *((b, a, 1.0) for a, b, _ in matches[:1])]),
        "a pair": student.bradley_terry(pair, 2),
    }
