"""Public checks of eval/text_metrics: run `pytest` on this file, or `autograder check eval/text_metrics`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

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


@check(points=2, inputs=corpus, lecture='bleu-over-a-corpus', public=[case('one text', hyps=['a b c d e f g h'], refs=[['a b c d e g f h']]), case('a long and a short text: counts are added up before the division', hyps=['a b c d e f g', 'p q r s x'], refs=[['a b c d f e g'], ['p q r s t']]), case('the same word again and again', hyps=['the the the cat'], refs=[['the cat on the mat', 'the mat is over there']], max_n=2), case('three verses, two references each', texts=3, each=2)])
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


@check(points=1, inputs=corpus, lecture='the-brevity-penalty', public=[case('too short', hyps=['a b c d e'], refs=[['a b c d e f g h']], max_n=2), case('two references', hyps=['a b c d e'], refs=[['a b c d e f g', 'a b c d e f g h i j']], max_n=2), case('the shortest reference is not the closest one', hyps=['a b c d e'], refs=[['a b', 'a b c d e f']], max_n=2), case('4 and 8 tokens are as close to 6', hyps=['a b c d e f'], refs=[['a b c d e f g h', 'a b c d']], max_n=2), case('long enough: no penalty, and no reward', hyps=['a b c d e f'], refs=[['a b c']], max_n=2)])
def the_closest_reference_length_counts(student, hyps, refs, options):
    """The penalty compares all hypotheses with the reference lengths that are closest to theirs; of a tie the shorter one counts."""
    return [student.corpus_bleu(hyps, refs, **options), student.corpus_bleu(hyps, [some[::-1] for some in refs], **options)]


@check(points=1, inputs=corpus, lecture='when-nothing-matches', public=[case('no 4-gram', hyps=['a b c x e f'], refs=[['a b c d e f']]), case('no 3-gram and no 4-gram', hyps=['a b x c d y'], refs=[['a b c d e f']]), case('three tokens have no 4-gram', hyps=['a b c'], refs=[['a b c']]), case('nothing at all', hyps=['x y z u v'], refs=[['a b c d e']])])
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


@check(points=1, inputs=two_texts, lecture='rouge-l', public=[case('two words are exchanged', hyp='the cat sat on a mat', ref='on the mat the cat sat down'), case('capitals and marks', hyp="Don't stop -- it's 3.5 km!", ref="don t stop; it's 35 KM"), case('nothing in common', hyp='a b', ref='c d e'), case('no token on either side, but letters with accents', hyp='é ü', ref='?!'), case('a verse', wrong=5)])
def rouge_l_is_precision_recall_and_f1(student, hyp, ref):
    """ROUGE-L divides the longest common subsequence by the tokens of the hypothesis and of the reference, and takes the harmonic mean."""
    return {
        "score": student.rouge_l(hyp, ref),
        "exchanged": student.rouge_l(ref, hyp),
        "with itself": student.rouge_l(hyp, hyp),
        "backwards": student.rouge_l(" ".join(hyp.split()[::-1]), " ".join(ref.split()[::-1])),
        "by name": student.rouge_l(hyp=hyp, ref=ref),
    }


@check(points=1, lecture='short-answers', public=[case('articles, capitals, marks', prediction='The  tower, of London!', golds=['tower of the London']), case('a word too many', prediction='in the year 1889', golds=['1889', 'year 1889 or 1890']), case('the same word twice', prediction='very very good', golds=['very good', 'very very very bad']), case('nothing is left', prediction='the', golds=['', 'a']), case('marks are deleted before articles; the order matters', prediction='well-known a-then', golds=['athen, wellknown', 'well known then'])])
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


@check(points=1, inputs=played, lecture='elo', public=[case('three matches', n=3, matches=[(0, 1, 1.0), (2, 0, 0.0), (1, 2, 0.5)], k=32.0), case('k = 4, which is the default', n=4, each=4)])
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


@check(points=1, inputs=played, tolerance=Tolerance(atol=0.002, rtol=0, why='the docstring asks for ratings that are exact to 1e-3'), lecture='bradley-terry', public=[case('3 to 1, and 2 to 1', n=3, matches=[(0, 1, 1.0)] * 3 + [(0, 1, 0.0)] + [(1, 2, 1.0)] * 2 + [(2, 1, 1.0)]), case('one won all its matches', n=3, matches=[(0, 1, 1.0), (0, 2, 1.0), (1, 2, 0.5)]), case('four models', n=4, each=6), case('everybody has won and lost, but two have never beaten the others', n=4, matches=[(0, 1, 1.0), (1, 0, 1.0), (2, 3, 1.0), (3, 2, 1.0), (1, 2, 1.0)])])
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
