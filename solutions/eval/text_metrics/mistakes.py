"""Wrong ways to write eval/text_metrics, each with the sentence that a student should read."""

import math
import re
from collections import Counter

from autograder.checks import mistake

CLIPPED = "matches[n - 1] += (mine & most).total()"
MOST = "most |= _ngrams(other, n)"
CLOSEST = "r += min((abs(len(other) - len(tokens)), len(other)) for other in others)[1]"
ZERO = "if not any(matches) or not all(totals) or (not smooth and not all(matches)):"
RETURNED = "return 100 * min(1.0, math.exp(1 - r / c)) * math.exp(logs / max_n)"
COUNTED = "            counted /= 2\n"
REFUSED = "if not hyps or len(hyps) != len(refs) or not all(refs):"

# --- BLEU ----------------------------------------------------------------------------------------------------------------

mistake("You do not clip: an n-gram that the hypothesis repeats counts each time. It counts at most as often as in one reference.", edit={CLIPPED: "matches[n - 1] += sum(k for gram, k in mine.items() if gram in most)"})
mistake("Each n-gram counts once, as in a set. It counts as often as both texts have it.", edit={CLIPPED: "matches[n - 1] += len(mine & most)"})
mistake("You add the counts of all references up. An n-gram matches at most as often as the one reference has it that has it most often.", edit={MOST: "most += _ngrams(other, n)"})
mistake("Only the first reference is looked at. Each of them may have the n-gram.", edit={MOST: "most |= _ngrams(others[0], n)"})
mistake("Only n-grams that all references have count. It is enough if one has them.", edit={MOST: "most = (most & _ngrams(other, n)) if most else _ngrams(other, n)"})
mistake("You take the length of the shortest reference. What counts is the length that is closest to the hypothesis's own.", edit={CLOSEST: "r += min(len(other) for other in others)"})
mistake("You take the length of the longest reference. What counts is the length that is closest to the hypothesis's own.", edit={CLOSEST: "r += max(len(other) for other in others)"})
mistake("You take the mean length of the references. What counts is the length that is closest to the hypothesis's own.", edit={CLOSEST: "r += sum(len(other) for other in others) / len(others)"})
mistake("Of two references that are equally close you take the longer one. It is the shorter one.", edit={CLOSEST: "r += -min((abs(len(other) - len(tokens)), -len(other)) for other in others)[1]"})
mistake("Of two references that are equally close you take the first one. It is the shorter one.", edit={CLOSEST: "r += len(min(others, key=lambda other: abs(len(other) - len(tokens))))"})
mistake("There is no brevity penalty: one word that is right would be a perfect text.", edit={RETURNED: "return 100 * math.exp(logs / max_n)"})
mistake("Texts that are longer than the references are rewarded. The penalty is at most 1.", edit={RETURNED: "return 100 * math.exp(1 - r / c) * math.exp(logs / max_n)"})
mistake("The penalty is c / r. It is exp(1 - r / c).", edit={RETURNED: "return 100 * min(1.0, c / max(r, 1)) * math.exp(logs / max_n)"})
mistake("r / c is the wrong way round: long texts are punished, short ones are not.", edit={RETURNED: "return 100 * min(1.0, math.exp(1 - c / max(r, 1))) * math.exp(logs / max_n)"})
mistake("BLEU goes from 0 to 1 here. It is given from 0 to 100.", edit={RETURNED: "return min(1.0, math.exp(1 - r / c)) * math.exp(logs / max_n)"})
mistake("You divide by 4 always. The geometric mean is over max_n precisions.", edit={RETURNED: "return 100 * min(1.0, math.exp(1 - r / c)) * math.exp(logs / 4)"})
mistake("The logarithms are added up, without a mean.", edit={RETURNED: "return 100 * min(1.0, math.exp(1 - r / c)) * math.exp(logs)"})
mistake(
    "The mean of the precisions is an arithmetic one. BLEU takes the geometric mean.",
    edit={"logs += math.log((found or counted) / total)": "logs += (found or counted) / total", RETURNED: "return 100 * min(1.0, math.exp(1 - r / c)) * logs / max_n"},
)
mistake("Precisions without any match are left out of the mean. Without smoothing one of them makes BLEU 0.", edit={ZERO: "if not any(matches):", "        logs += math.log((found or counted) / total)": "        logs += math.log(found / total) if found else 0.0"})
mistake("An n without a match is always smoothed. Without smooth=True BLEU is 0.", edit={ZERO: "if not any(matches) or not all(totals):"})
mistake("With smooth=True a text without any match has a score above 0. It is 0 if no n has a match.", edit={ZERO: "if not all(totals) or (not smooth and not all(matches)):"})
mistake("Every n without a match counts 1/2. The second one counts 1/4, the third one 1/8.", edit={COUNTED: "            counted = 0.5\n"})
mistake("The first n without a match counts a whole match. It counts 1/2.", edit={"logs, counted = 0.0, 1.0": "logs, counted = 0.0, 2.0"})
mistake("You add one to matches and n-grams of every n. Only an n without any match is smoothed.", edit={"    logs, counted = 0.0, 1.0\n": "    logs, counted = 0.0, 1.0\n    if smooth:\n        matches, totals = [m + 1 for m in matches], [t + 1 for t in totals]\n"})
mistake("What counts in place of a match hangs on n: 1 / 2^n. The first n without a match has 1/2, whichever it is.", edit={COUNTED: "            counted = 0.5 ** (matches.index(0) + 1) if counted == 1.0 else counted / 2\n"})
mistake("Orders for which there is no n-gram at all are left out. The score is 0 then.", edit={ZERO: "max_n = sum(map(bool, totals))\n    matches, totals = matches[:max_n], totals[:max_n]\n    if not any(matches) or (not smooth and not all(matches)):"})
mistake("All texts are made lower-case. BLEU's tokens are compared as they are.", edit={"tokens, others = hyp.split(), [ref.split() for ref in its_refs]": "tokens, others = hyp.lower().split(), [ref.lower().split() for ref in its_refs]"})
mistake("You split at single spaces: two spaces make an empty token, and a line break none. Use split() without an argument.", edit={"tokens, others = hyp.split(), [ref.split() for ref in its_refs]": 'tokens, others = hyp.split(" "), [ref.split(" ") for ref in its_refs]'})
mistake("BLEU is computed on characters. Its tokens are words.", edit={"tokens, others = hyp.split(), [ref.split() for ref in its_refs]": "tokens, others = list(hyp), [list(ref) for ref in its_refs]"})
mistake("Lists of different lengths are cut to the shorter one. They raise ValueError.", edit={REFUSED: "if not hyps or not all(refs):", "zip(hyps, refs, strict=True)": "zip(hyps, refs, strict=False)"})
mistake("No hypothesis at all has BLEU 0. It raises ValueError.", edit={REFUSED: "if len(hyps) != len(refs) or not all(refs):"})
mistake("A hypothesis without a reference is left out. It raises ValueError.", edit={REFUSED: "if not hyps or len(hyps) != len(refs):", "        tokens, others =": "        if not its_refs:\n            continue\n        tokens, others ="})
mistake("max_n is ignored.", edit={"    matches, totals, c, r =": "    max_n = 4\n    matches, totals, c, r ="})


def counts(tokens, n):
    return Counter(tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1))


def of_one(hyp, its_refs, max_n, smooth):
    tokens, others = hyp.split(), [ref.split() for ref in its_refs]
    if not tokens:
        return 0.0
    r = min((abs(len(other) - len(tokens)), len(other)) for other in others)[1]
    logs, counted, any_found = 0.0, 1.0, False
    for n in range(1, max_n + 1):
        most = Counter()
        for other in others:
            most |= counts(other, n)
        mine = counts(tokens, n)
        found = (mine & most).total()
        any_found = any_found or found > 0
        if not found:
            counted /= 2
        if not mine or (not found and not smooth):
            return 0.0
        logs += math.log((found or counted) / mine.total())
    return 100 * min(1.0, math.exp(1 - r / len(tokens))) * math.exp(logs / max_n) if any_found else 0.0


@mistake("You compute BLEU for each text and take the mean. Matches, n-grams and lengths are added up over the corpus, and then there is one BLEU.")
def corpus_bleu(hyps, refs, max_n=4, smooth=False):
    if not hyps or len(hyps) != len(refs) or not all(refs):
        raise ValueError
    return sum(of_one(hyp, its, max_n, smooth) for hyp, its in zip(hyps, refs, strict=True)) / len(hyps)


@mistake("Each text has its own precisions, and you take their mean over the corpus. Add matches and n-grams up first, and divide once.")
def corpus_bleu(hyps, refs, max_n=4, smooth=False):
    if not hyps or len(hyps) != len(refs) or not all(refs):
        raise ValueError
    c = r = 0
    logs, counted, matched = 0.0, 1.0, False
    for n in range(1, max_n + 1):
        precisions = []
        for hyp, its_refs in zip(hyps, refs, strict=True):
            mine, most = counts(hyp.split(), n), Counter()
            for other in its_refs:
                most |= counts(other.split(), n)
            if mine:
                precisions.append((mine & most).total() / mine.total())
            if n == 1:
                c += len(hyp.split())
                r += min((abs(len(ref.split()) - len(hyp.split())), len(ref.split())) for ref in its_refs)[1]
        if not precisions or (not any(precisions) and not smooth):
            return 0.0
        matched = matched or any(precisions)
        if not any(precisions):
            counted /= 2
        logs += math.log(sum(precisions) / len(precisions) or counted / sum(counts(hyp.split(), n).total() for hyp in hyps))
    return 100 * min(1.0, math.exp(1 - r / c)) * math.exp(logs / max_n) if matched else 0.0


@mistake("The brevity penalty is taken text by text, and its mean multiplies the precisions. There is one penalty, from all tokens and all reference lengths.", fails=["the_closest_reference_length_counts"])
def corpus_bleu(hyps, refs, max_n=4, smooth=False):
    if not hyps or len(hyps) != len(refs) or not all(refs):
        raise ValueError
    penalties, matches, totals = [], [0] * max_n, [0] * max_n
    for hyp, its_refs in zip(hyps, refs, strict=True):
        tokens, others = hyp.split(), [ref.split() for ref in its_refs]
        r = min((abs(len(other) - len(tokens)), len(other)) for other in others)[1]
        penalties.append(min(1.0, math.exp(1 - r / len(tokens))) if tokens else 0.0)
        for n in range(1, max_n + 1):
            most = Counter()
            for other in others:
                most |= counts(other, n)
            matches[n - 1] += (counts(tokens, n) & most).total()
            totals[n - 1] += counts(tokens, n).total()
    if not any(matches) or not all(totals) or (not smooth and not all(matches)):
        return 0.0
    logs, counted = 0.0, 1.0
    for found, total in zip(matches, totals, strict=True):
        if not found:
            counted /= 2
        logs += math.log((found or counted) / total)
    return 100 * sum(penalties) / len(penalties) * math.exp(logs / max_n)


mistake("What counts in place of a match is 0.1 always. It is 1/2 the first time, then 1/4, and so on.", edit={COUNTED: "            counted = 0.1\n"})
mistake("The references of other texts count, too. Each hypothesis has its own.", edit={"        for n in range(1, max_n + 1):\n            most": "        others = [ref.split() for some in refs for ref in some]\n        for n in range(1, max_n + 1):\n            most"})

# --- ROUGE-L and SQuAD ------------------------------------------------------------------------------------------------------

ROUGE = "return precision, recall, 2 * precision * recall / (precision + recall)"
TOKENS = 're.findall(r"[a-z0-9]+", text.lower())'
LCS = "best.append(before[j] + 1 if word == token else max(before[j + 1], best[j]))"
mistake("Precision and recall are exchanged: precision divides by the tokens of the hypothesis.", edit={ROUGE: "return recall, precision, 2 * precision * recall / (precision + recall)"})
mistake("F1 is the arithmetic mean. It is the harmonic one.", edit={ROUGE: "return precision, recall, (precision + recall) / 2"})
mistake("All three numbers are the precision.", edit={ROUGE: "return precision, precision, precision"})
mistake(
    "This is the longest common run of tokens. In a subsequence other tokens may stand between them.",
    edit={LCS: "best.append(before[j] + 1 if word == token else 0)\n            longest = max(longest, best[-1])", "    for token in mine:\n": "    longest = 0\n    for token in mine:\n", "    if not best[-1]:": "    best.append(longest)\n    if not best[-1]:"},
)
mistake("Tokens are split at spaces, with their marks. ROUGE-L drops everything but letters and digits.", edit={TOKENS: "text.lower().split()"})
mistake("Capitals make tokens differ. Both texts go through lower() first.", edit={TOKENS: 're.findall(r"[a-zA-Z0-9]+", text)'})
mistake("Letters with accents and the underscore are part of your tokens. Only a to z and the digits are.", edit={TOKENS: 're.findall(r"\\w+", text.lower())'})
mistake("Digits are dropped. They are part of tokens.", edit={TOKENS: 're.findall(r"[a-z]+", text.lower())'})
mistake("Marks are deleted, and what stood on both sides grows together. A mark separates tokens here.", edit={TOKENS: 're.sub(r"[^a-z0-9\\s]+", "", text.lower()).split()'})
mistake("Two texts without a token have the score 1. All three numbers are 0 if L is 0.", edit={"    if not best[-1]:\n": "    if mine == other == []:\n        return 1.0, 1.0, 1.0\n    if not best[-1]:\n"})


@mistake("You count the tokens that both texts have, in whatever order: that is ROUGE-1. ROUGE-L wants the longest common subsequence.")
def rouge_l(hyp, ref):
    mine, other = (re.findall(r"[a-z0-9]+", text.lower()) for text in (hyp, ref))
    common = (Counter(mine) & Counter(other)).total()
    if not common:
        return 0.0, 0.0, 0.0
    return common / len(mine), common / len(other), 2 * common / (len(mine) + len(other))


@mistake("You go through the hypothesis and take each token at the next place where the reference has it. That misses longer subsequences: use a table.")
def rouge_l(hyp, ref):
    mine, other = (re.findall(r"[a-z0-9]+", text.lower()) for text in (hyp, ref))
    at = common = 0
    for token in mine:
        if token in other[at:]:
            at = other.index(token, at) + 1
            common += 1
    if not common:
        return 0.0, 0.0, 0.0
    return common / len(mine), common / len(other), 2 * common / (len(mine) + len(other))


BARE = 'bare = "".join(mark for mark in text.lower() if mark not in string.punctuation)'
WORDS = 'return [word for word in bare.split() if word not in ("a", "an", "the")]'
F1 = "2 * common / (len(mine) + len(gold)) if mine or gold else 1.0"
mistake("Capitals stay. Both texts go through lower() first.", edit={BARE: BARE.replace("text.lower()", "text")})
mistake("A mark becomes a space. It is deleted: well-known is one word, wellknown.", edit={BARE: 'bare = "".join(" " if mark in string.punctuation else mark for mark in text.lower())'})
mistake("Marks stay in the words.", edit={BARE: "bare = text.lower()"})
mistake("Articles stay. The words a, an and the are dropped.", edit={WORDS: "return bare.split()"})
mistake("Articles are cut out of other words, too. Only whole words are dropped.", edit={WORDS: 'return re.sub("the|an|a", "", bare).split()'})
mistake("Only 'the' is dropped. The words a and an are, too.", edit={WORDS: 'return [word for word in bare.split() if word != "the"]'})
mistake("Everything but letters and digits of English is deleted. Only the 32 marks of string.punctuation are.", edit={BARE: 'bare = re.sub("[^a-z0-9 ]", "", text.lower())'})
mistake("Articles are dropped before the marks, so that the a of a-b goes as well. Marks are deleted first.", edit={BARE: 'bare = "".join(mark for mark in re.sub(r"\\b(a|an|the)\\b", " ", text.lower()) if mark not in string.punctuation)'})
mistake("Words are compared as sets. A word counts as often as both have it.", edit={"(Counter(mine) & Counter(gold)).total()": "len(set(mine) & set(gold))"})
mistake("Every word of the prediction that is in the gold answer counts, however often. It counts min(c, m) times.", edit={"(Counter(mine) & Counter(gold)).total()": "sum(word in gold for word in mine)"})
mistake("This is the precision alone. F1 divides by the words of both.", edit={F1: "common / len(mine) if mine else float(not gold)"})
mistake("This is the recall alone. F1 divides by the words of both.", edit={F1: "common / len(gold) if gold else float(not mine)"})
mistake("If no words are left in both, F1 is 0. By the rules of version 2.0 it is 1.", edit={F1: "2 * common / (len(mine) + len(gold)) if mine and gold else 0.0"})
mistake("If one of the two has no words left, F1 is 1. Both must be without.", edit={F1: "2 * common / (len(mine) + len(gold)) if mine and gold else 1.0"})
mistake("Exact match compares sorted words. The order matters there.", edit={"float(mine == gold)": "float(sorted(mine) == sorted(gold))"})
mistake("Exact match compares the texts as they were given. Normalise both first.", edit={"float(mine == gold)": "float(prediction in golds)"})
mistake("Exact match asks if the gold answer is somewhere in the prediction. Both must be the same.", edit={"float(mine == gold)": 'float(" ".join(gold) in " ".join(mine))'})
mistake("Only the first gold answer counts. The best one does.", edit={"in map(_normalised, golds)": "in map(_normalised, golds[:1])"})
mistake("You take the mean over the gold answers. The best one counts.", edit={"exact = max(exact, float(mine == gold))": "exact += float(mine == gold) / len(golds)", f"f1 = max(f1, {F1})": f"f1 += ({F1}) / len(golds)"})
mistake("The last gold answer counts. The best one does.", edit={"exact = max(exact, float(mine == gold))": "exact = float(mine == gold)", f"f1 = max(f1, {F1})": f"f1 = {F1}"})
mistake("Without a gold answer you return 0. It raises ValueError.", edit={"if not golds:\n        raise ValueError(\"there is no right answer\")": "if not golds:\n        return 0.0, 0.0"})

mistake("The gold answer with the best F1 decides about the exact match, too. Each of the two numbers has its own best.", edit={"    return exact, f1\n": "    best = max(map(_normalised, golds), key=lambda gold: 2 * (Counter(mine) & Counter(gold)).total() / max(len(mine) + len(gold), 1))\n    return float(best == mine), f1\n"})
mistake("Articles are cut out between two spaces only, so the first and the last word stay. Drop them as words, after splitting.", edit={WORDS: 'return bare.replace(" the ", " ").replace(" a ", " ").replace(" an ", " ").split()'})

# --- ratings --------------------------------------------------------------------------------------------------------------------

GAIN = "gain = k * (score - 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / 400)))"
STEP = "        ratings[a] += gain\n        ratings[b] -= gain\n"
SCALE = "return (1000 + 400 / math.log(10) * (s - s.mean())).tolist()"
mistake("The difference of the ratings is the wrong way round: the stronger model is expected to lose.", edit={GAIN: "gain = k * (score - 1 / (1 + 10 ** ((ratings[a] - ratings[b]) / 400)))"})
mistake("You use e instead of 10 in Elo's formula.", edit={GAIN: "gain = k * (score - 1 / (1 + math.exp((ratings[b] - ratings[a]) / 400)))"})
mistake("The first model's rating is changed before the second one's expectation is computed. Both go by the ratings before the match.", edit={STEP: "        ratings[a] += gain\n        ratings[b] += k * (1 - score - 1 / (1 + 10 ** ((ratings[a] - ratings[b]) / 400)))\n"})
mistake("Only the first model's rating changes. The other one loses what the first one gains.", edit={STEP: "        ratings[a] += gain\n"})
mistake("A draw changes nothing in your Elo. The weaker model gains from it.", edit={STEP: "        if score != 0.5:\n            ratings[a] += gain\n            ratings[b] -= gain\n"})
mistake("The expectation is 1/2 always, so the ratings count wins. It depends on both ratings.", edit={GAIN: "gain = k * (score - 0.5)"})
mistake("The default of k is not 4.", edit={"k: float = 4.0": "k: float = 32.0"})
mistake("The ratings begin at 1500, as in chess. Here they begin at 1000.", edit={"ratings = [1000.0] * n": "ratings = [1500.0] * n"})
mistake("The mean of the ratings is not 1000: they are natural logarithms, without Elo's scale.", edit={SCALE: "return (s - s.mean()).tolist()"})
mistake("The first model has 1000. The mean of all ratings is 1000.", edit={SCALE: "return (1000 + 400 / math.log(10) * (s - s[0])).tolist()"})
mistake("The natural logarithm is multiplied by 400. By the formula with 10 the factor is 400 / ln 10.", edit={SCALE: "return (1000 + 400 * (s - s.mean())).tolist()"})
mistake("Draws are left out of Bradley-Terry. Each counts half a win for both.", edit={"    for a, b, score in matches:\n        wins[a, b] += score": "    for a, b, score in matches:\n        if score == 0.5:\n            continue\n        wins[a, b] += score"})
mistake("Wins of the second model of a match are not counted.", edit={"        wins[b, a] += 1 - score\n": ""})
mistake("The winners' side only: a match of score 0 is taken for a win of the first model as well.", edit={"wins[a, b] += score\n        wins[b, a] += 1 - score": "wins[a, b] += 1 - score if score == 0 else score\n        wins[b, a] += 1 - max(score, 1 - score)"})
mistake("Nothing is refused: where somebody has won everything, the ratings are wherever the search ended. They are infinite; raise ValueError.", edit={"if not reached.all():": "if False:"}, crashes=True)
mistake("You refuse only models that have won nothing or lost nothing. Groups can be apart although everybody has won and lost: follow several steps.", edit={"if not reached.all():": "if not ((wins.sum(0) > 0) & (wins.sum(1) > 0)).all() and n > 1:", "1 / n, slope": "1 / n + 1e-9 * torch.eye(n, dtype=torch.float64), slope"})
mistake("You ask that all are connected by matches, whoever won. The steps go from a winner to a loser only.", edit={"reached = (wins > 0) | torch": "reached = (wins + wins.T > 0) | torch"})
mistake("You ask that each has beaten each of the others. Steps over others are enough.", edit={"    for _ in range(n):\n        reached = reached.double() @ reached.double() > 0\n": ""})
mistake("A small number is added to all wins, so that nothing is infinite. That moves the ratings; refuse what has no answer.", edit={"games, s = wins + wins.T": "wins = wins + 0.05 * (1 - torch.eye(n, dtype=torch.float64))\n    games, s = wins + wins.T"})
mistake("The search stops after a few steps. Go on until the ratings stand still.", edit={"range(200):": "range(3):"})


@mistake("This is Elo's formula, match by match: another order of the matches gives other ratings. Bradley-Terry looks at all matches together.")
def bradley_terry(matches, n):
    ratings = [1000.0] * n
    for a, b, score in matches:
        gain = 4 * (score - 1 / (1 + 10 ** ((ratings[b] - ratings[a]) / 400)))
        ratings[a] += gain
        ratings[b] -= gain
    return ratings


@mistake("You turn each model's share of wins into a rating. It also matters against whom they were won.")
def bradley_terry(matches, n):
    won, lost = [0.0] * n, [0.0] * n
    for a, b, score in matches:
        won[a] += score
        won[b] += 1 - score
        lost[a] += 1 - score
        lost[b] += score
    if n == 1:
        return [1000.0]
    if not all(won) or not all(lost):
        raise ValueError
    s = [math.log10(w / x) for w, x in zip(won, lost, strict=True)]
    return [1000 + 400 * (each - sum(s) / n) for each in s]

mistake("A draw counts as a whole win for both. It counts half a win for each.", edit={"wins[a, b] += score\n        wins[b, a] += 1 - score": "wins[a, b] += math.ceil(score)\n        wins[b, a] += math.ceil(1 - score)"})
mistake("The ratings are sorted, so nobody knows whose they are. They stand in the order of the models.", edit={SCALE: "return (1000 + 400 / math.log(10) * (s - s.mean())).sort(descending=True).values.tolist()"})

# --- of other kinds -----------------------------------------------------------------------------------------------------------

SPLIT = "tokens, others = hyp.split(), [ref.split() for ref in its_refs]"
mistake("You split at the white space of ASCII only. split() without an argument knows other kinds, such as the no-break space.", edit={SPLIT: 'tokens, others = hyp.encode().split(), [ref.encode().split() for ref in its_refs]'})
mistake("You only ask whether the first hypothesis has a reference. Each of them needs one.", edit={REFUSED: "if not hyps or len(hyps) != len(refs) or not refs[0]:", CLOSEST: "r += min((abs(len(other) - len(tokens)), len(other)) for other in others or [[]])[1]"})
mistake("Digits of other scripts are part of your tokens. Only 0 to 9 are.", edit={TOKENS: 're.findall(r"[a-z\\d]+", text.lower())'})
mistake("You use casefold() in ROUGE-L, which makes ß two letters. The text goes through lower().", edit={TOKENS: 're.findall(r"[a-z0-9]+", text.casefold())'})
mistake("You use casefold() for short answers, which makes ß two letters. The text goes through lower().", edit={BARE: BARE.replace("lower()", "casefold()")})
mistake("Curly quotation marks and long dashes are deleted, too. Only the 32 marks of string.punctuation are.", edit={BARE: BARE.replace("string.punctuation", 'string.punctuation + "“”‘’–—…"')})
mistake("The search stops after seven rounds. That is too few if one model wins nearly always: go on until the ratings stand still.", edit={"range(200):": "range(7):"})
mistake("More than 1000 wins of one model against another count as 1000. All of them count.", edit={"games, s = wins + wins.T": "wins = wins.clamp(max=1000)\n    games, s = wins + wins.T"})
mistake("Your search for ratings ends after twenty steps. Models that are thousands of points apart need more: go on until nothing moves.", edit={
    "for _ in range(200):": "for _ in range(20):"})  # fmt: skip
mistake("You drop every word that is a piece of “a an the”, such as he, h or n. Only the words a, an and the are dropped.", edit={
    'word not in ("a", "an", "the")': 'word not in "a an the"'})  # fmt: skip
mistake("You look for letters in any case before lower(), which takes ſ for an s. Lower the text first: what is then none of a to z separates tokens.", edit={
    're.findall(r"[a-z0-9]+", text.lower())': 're.findall(r"[a-z0-9]+", text, re.IGNORECASE)'})  # fmt: skip
