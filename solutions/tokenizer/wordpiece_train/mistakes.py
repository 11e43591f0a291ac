import math
from collections import Counter
from fractions import Fraction
from itertools import pairwise

from autograder.checks import mistake

mistake(
    "You merge the pair that occurs most often: that is BPE. Divide count(ab) by count(a) · count(b), so that a "
    "pair of frequent tokens has to be more frequent than chance.",
    edit={"Fraction(pairs[pair], tokens[a] * tokens[b])": "pairs[pair]"},
)

mistake(
    "You count each distinct word once. A word that occurs c times adds c to every count: a corpus is made of words as "
    "often as they occur.",
    edit={
        "tokens[token] += word_counts[word]": "tokens[token] += 1",
        "pairs[pair] += word_counts[word]": "pairs[pair] += 1",
    },
)

mistake(
    "You divide by count(a) + count(b). Divide by their product: it is proportional to how often a, b would meet by"
    " chance, if tokens were independent of each other.",
    edit={"tokens[a] * tokens[b])": "tokens[a] + tokens[b])"},
)

mistake(
    "You divide by one of the two counts only. Both are needed: count(ab)/count(a) says how often b follows a, but "
    "not how common b is anyway.",
    edit={"tokens[a] * tokens[b])": "tokens[a])"},
)

mistake(
    "You count the tokens once, before the first merge. A merge takes tokens away, so count(a) and count(b) have to be "
    "counted again in the corpus as it is split now.",
    edit={
        "    merges = []\n    for _": "    merges = []\n    start, _ = count(splits, word_counts)\n    for _",
        "a, b = best_pair(tokens, pairs)": "a, b = best_pair(tokens | start, pairs)",
    },
)


@mistake(
    "You take count(a) from the pairs that a begins, and count(b) from the pairs that b ends. Count tokens, "
    "wherever they stand: also at the end of a word, and words of a single token."
)
def best_pair(tokens, pairs):
    left, right = Counter(), Counter()
    for (a, b), n in pairs.items():
        left[a] += n
        right[b] += n
    return min(pairs, key=lambda p: (-Fraction(pairs[p], left[p[0]] * right[p[1]]), -pairs[p], p))


@mistake(
    "You leave out words of a single token when you count. They have no pair, but they are occurrences of their "
    "token, and belong to count(a)."
)
def count(splits, word_counts):
    tokens, pairs = Counter(), Counter()
    for word, split in splits.items():
        if len(split) < 2:
            continue
        for token in split:
            tokens[token] += word_counts[word]
        for pair in pairwise(split):
            pairs[pair] += word_counts[word]
    return tokens, pairs


@mistake(
    "You count each token and pair once a word. A token that stands in a word three times adds three times the "
    "count of the word."
)
def count(splits, word_counts):
    tokens, pairs = Counter(), Counter()
    for word, split in splits.items():
        for token in set(split):
            tokens[token] += word_counts[word]
        for pair in set(pairwise(split)):
            pairs[pair] += word_counts[word]
    return tokens, pairs


@mistake(
    "In a run such as a ##a ##a ##a you count (##a, ##a) only where it can be merged. Count every two neighbours, "
    "also where they overlap: here 2."
)
def count(splits, word_counts):
    tokens, pairs = Counter(), Counter()
    for word, split in splits.items():
        for token in split:
            tokens[token] += word_counts[word]
        taken = -1  # the position that the last pair of a run has used
        for i in range(len(split) - 1):
            if split[i] == split[i + 1]:
                if taken == i:
                    continue
                taken = i + 1
            pairs[split[i], split[i + 1]] += word_counts[word]
    return tokens, pairs


mistake(
    "You keep the ## of the right part in the middle of the merged token, as in h####u. The marker only says that a"
    " token does not start a word: the merged token has the marker of its left part, or none.",
    edit={"merged = a + b[2:]": "merged = a + b"},
)

mistake(
    "You take every # away from the right part. Its marker is exactly two characters long; further ones are text.",
    edit={"merged = a + b[2:]": 'merged = a + b.lstrip("#")'},
)

mistake(
    "You take every ## out of the merged token or the right part, also where it is text of the word. Only the first"
    " two characters of the right part are the marker.",
    edit={"merged = a + b[2:]": 'merged = a + b.replace("##", "")'},
)

mistake(
    "Your characters carry no ##, so that a letter at the start of a word and the same letter inside are one token."
    " Mark every character but the first.",
    edit={'[character if i == 0 else "##" + character for': "[character for", "merged = a + b[2:]": "merged = a + b"},
)

mistake(
    "You put ## before the first character of a word, too. The first character of a word stands as it is.",
    edit={'character if i == 0 else "##" + character': '"##" + character'},
)

mistake(
    "Your marker is on the wrong side: it stands before the first character. In WordPiece the pieces that continue "
    "a word are the marked ones.",
    edit={'character if i == 0 else "##" + character': '"##" + character if i == 0 else character'},
)

mistake(
    "Where scores are equal you go straight to the smallest pair. The higher count(ab) comes before that.",
    edit={"return -score, -pairs[pair], pair": "return -score, pair"},
)

mistake(
    "Where scores and counts are equal you take the pair that you met first. Take the smallest pair, as Python "
    "compares tuples of strings.",
    edit={"return -score, -pairs[pair], pair": "return -score, -pairs[pair]"},
)

mistake(
    "Where scores are equal you take the lower count(ab). Take the higher one.",
    edit={"return -score, -pairs[pair], pair": "return -score, pairs[pair], pair"},
)


@mistake(
    "Where scores and counts are equal you take the largest pair. Take the smallest: max() over (score, count, "
    "pair) turns the order of the pairs around."
)
def best_pair(tokens, pairs):
    return max(pairs, key=lambda p: (Fraction(pairs[p], tokens[p[0]] * tokens[p[1]]), pairs[p], p))


mistake(
    "After a merge you look at the right part again, and so use one token twice in a run. Merged tokens do not "
    "overlap: go on behind both.",
    edit={"            out.append(merged)\n            i += 2": "            out.append(merged)\n            i += 1"},
)


@mistake(
    "You merge a run from right to left. Replace from left to right: with three ##a in a row the first two become one."
)
def apply(split, a, b, merged):
    out = []
    i = len(split) - 1
    while i >= 0:
        if i and split[i - 1] == a and split[i] == b:
            out.append(merged)
            i -= 2
        else:
            out.append(split[i])
            i -= 1
    return out[::-1]


@mistake("You merge only the first place in each word. Replace the pair everywhere in the word.")
def apply(split, a, b, merged):
    for i in range(len(split) - 1):
        if split[i] == a and split[i + 1] == b:
            return [*split[:i], merged, *split[i + 2 :]]
    return split


@mistake(
    "You replace text instead of tokens, so that merging o ##s also changes the end of ##o ##s. Compare whole "
    "tokens with a and b."
)
def apply(split, a, b, merged):
    return " ".join(split).replace(a + " " + b, merged).split()


mistake(
    "Your vocabulary holds only the tokens that are in use at the end. Keep the single characters and all merged "
    "tokens: words that were not in the corpus need them.",
    edit={"return merges, vocabulary": "return merges, {token for split in splits.values() for token in split}"},
)

mistake(
    "Your vocabulary lacks the single characters. They are in it from the start: without them, hardly any new word "
    "could be written.",
    edit={"{token for split in splits.values() for token in split}": "set()"},
)

mistake(
    "Your vocabulary lacks the merged tokens. Each merge adds one.",
    edit={"vocabulary.add(merged)": "pass"},
)

mistake(
    "You add a token [UNK] to the vocabulary. Special tokens are the business of whoever uses it: return the tokens"
    " of the corpus and the merges only.",
    edit={"return merges, vocabulary": 'return merges, vocabulary | {"[UNK]"}'},
)

mistake(
    "You stop as soon as the vocabulary has `num_merges` tokens. It is the number of merges, whatever the size of "
    "the alphabet.",
    edit={"if not pairs:": "if not pairs or len(vocabulary) >= num_merges:"},
)

mistake(
    "You make one merge too many. With `num_merges` = 1 there is one merge, with 0 there is none.",
    edit={"in range(num_merges)": "in range(num_merges + 1)"},
)

mistake(
    "You list the tokens that were made. A merge is the pair (a, b): the token alone does not say how it was split.",
    edit={"merges.append((a, b))": 'merges.append((merged, ""))'},
)

mistake(
    "You go on without pairs to choose from. When every word is one token, return what there is.",
    edit={"break": "pass"},
    crashes=True,
)

mistake(
    "You weight the gain with count(ab). What is asked for is the change for one replacement; the sum over all of "
    "them ranks pairs differently.",
    edit={"return math.log(p_z) - (": "return pair_count * math.log(p_z) - pair_count * ("},
)

mistake(
    "Your gain is in bits. Use the natural logarithm.",
    edit={
        "return math.log(p_z) - (math.log(p_a) + math.log(p_b))": "return math.log2(p_z) - (math.log2(p_a) + math.log2(p_b))"
    },
)

mistake(
    "Your gain has counts where probabilities belong: it lacks log N. In log P(z) - log P(a) - log P(b) only one N "
    "of the denominators is cancelled, another is left.",
    edit={"n = sum(token_counts.values())": "n = 1"},
)

mistake(
    "You divide by the number of different tokens. N is how many tokens the corpus has: the sum of their counts.",
    edit={"n = sum(token_counts.values())": "n = len(token_counts)"},
)

mistake(
    "You divide the count of the pair by the number of pairs. After the merge z is a token like the others: divide "
    "by N, the number of tokens.",
    edit={"pair_count / n,": "pair_count / sum(pair_counts.values()),"},
)

mistake(
    "You use the number of tokens after the merge for P(z). All three probabilities have the same N, the number "
    "before it.",
    edit={"pair_count / n,": "pair_count / (n - pair_count),"},
)

mistake(
    "You have the sign turned around. The gain is the new log-likelihood minus the old one: a pair that occurs more"
    " often than chance has a positive gain.",
    edit={
        "return math.log(p_z) - (math.log(p_a) + math.log(p_b))": "return math.log(p_a) + math.log(p_b) - math.log(p_z)"
    },
)

mistake(
    "You return 0 for a pair that never occurs. Its P(z) is 0, and log 0 is minus infinity.",
    edit={"return -math.inf": "return 0.0"},
)


@mistake("You return the ratio of the probabilities. The gain in log-likelihood is its logarithm.")
def unigram_loglik_gain(a, b, token_counts, pair_counts):
    n = sum(token_counts.values())
    together = pair_counts.get((a, b), 0)
    return together * n / (token_counts[a] * token_counts[b]) if together else -math.inf


mistake(
    "You divide a pair of a token with itself by count(a) · (count(a) - 1). Its score has count(a) · count(a), as that of any other "
    "pair has the product of its two counts.",
    edit={
        "Fraction(pairs[pair], tokens[a] * tokens[b])": "Fraction(pairs[pair], max(tokens[a] * (tokens[b] - (a == b)), 1))"
    },
)


@mistake("You skip pairs of a token with itself. (##a, ##a) is a pair like any other.")
def best_pair(tokens, pairs):
    return min(pairs, key=lambda p: (p[0] == p[1], -Fraction(pairs[p], tokens[p[0]] * tokens[p[1]]), -pairs[p], p))


mistake(
    "You lower-case the words. Capitals and small letters are different characters.",
    edit={"for i, character in enumerate(word)]": "for i, character in enumerate(word.lower())]"},
)

mistake(
    "You put letters and accents together (NFC) before you split. A character is one code point, as the text has it.",
    edit={
        "for i, character in enumerate(word)]": 'for i, character in enumerate(__import__("unicodedata").normalize("NFC", word))]'
    },
)

mistake(
    "You give up on tokens of more than 16 characters. Merging goes on until `num_merges`, or until no pair is left.",
    edit={
        "for pair in pairwise(split):\n            pairs[pair] += word_counts[word]": (
            "for pair in pairwise(split):\n            if len(pair[0]) + len(pair[1]) <= 18:\n"
            "                pairs[pair] += word_counts[word]"
        )
    },
)

mistake(
    "You look the two tokens up before you know that the pair occurs. For a pair that never occurs the gain is minus infinity, "
    "also where its tokens have no count.",
    edit={
        "    pair_count = pair_counts.get((a, b), 0)\n": "    token_counts[a], token_counts[b]\n    pair_count = pair_counts.get((a, b), 0)\n"
    },
    crashes=True,
)
