"""Public checks of tokenizer/wordpiece_train: run `pytest` on this file, or `autograder check tokenizer/wordpiece_train`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from autograder.checks import case, check


HUG = {"hug": 10, "pug": 5, "pun": 12, "bun": 4, "hugs": 5}


def corpus(rng, words, num_merges, scale=1, shuffle=False):
    order = rng.shuffled(list(words)) if shuffle else list(words)
    if shuffle and order == list(words):
        order = order[::-1]
    return {"word_counts": {word: words[word] * scale for word in order}, "num_merges": num_merges}


@check(points=1, lecture='tokens-and-the-continuation-marker', public=[case('two words', word_counts={'hug': 10, 'hugs': 5})])
def starts_from_characters(student, word_counts):
    """Before the first merge, the vocabulary holds the first character of each word, and the others with `##`."""
    return student.train_wordpiece(word_counts, 0)


@check(points=1, inputs=corpus, lecture='from-likelihood-to-a-score', public=[case('a frequent pair of frequent tokens loses', words=HUG, num_merges=1)])
def chooses_by_likelihood(student, word_counts, num_merges):
    """The first merge is the pair of highest count(ab) / (count(a) · count(b)), each word counted as often as it occurs."""
    return student.train_wordpiece(word_counts, num_merges)[0]


@check(points=1, inputs=corpus, lecture='counting', public=[case('three merges', words={'tip': 2, 'top': 2, 'spot': 5, 'sits': 6}, num_merges=3)])
def recounts_after_each_merge(student, word_counts, num_merges):
    """Each merge is chosen by the counts of tokens and pairs as the merges before it left them."""
    return student.train_wordpiece(word_counts, num_merges)[0]


@check(points=1, lecture='tokens-and-the-continuation-marker', public=[case('##g with ##s', word_counts={'hug': 10, 'hugs': 5, 'go': 9, 'us': 8}, num_merges=1)])
def names_the_merged_token(student, word_counts, num_merges):
    """The vocabulary gains a followed by b without its `##`, and keeps every token that it had."""
    return student.train_wordpiece(word_counts, num_merges)[1]


@check(points=1, inputs=corpus, lecture='ties', public=[case('two ties', words={'tot': 5, 'os': 6, 'so': 6}, num_merges=4)])
def settles_ties(student, word_counts, num_merges):
    """Among equal scores the pair that occurs most often is merged, and among these the smallest pair."""
    return student.train_wordpiece(word_counts, num_merges)[0]


@check(points=1, lecture='counting', public=[case('five in a row', word_counts={'aaaaa': 4, 'aa': 7}, num_merges=3), case('three in a row', word_counts={'aaa': 1}, num_merges=1)])
def handles_repeated_letters(student, word_counts, num_merges):
    """In a run of one letter all neighbours are counted, and merged from left to right without overlap."""
    return student.train_wordpiece(word_counts, num_merges)[0]


@check(points=1, lecture='running-out-of-pairs', public=[case('one word', word_counts={'ab': 2}, num_merges=5)])
def stops_when_no_pair_is_left(student, word_counts, num_merges):
    """Training ends early when every word is one token, and returns the merges made so far with their vocabulary."""
    merges, vocabulary = student.train_wordpiece(word_counts, num_merges)
    return {"merges": merges, "vocabulary": vocabulary, "one merge": student.train_wordpiece(word_counts, 1)}


def counts(rng, tokens, pairs, ask, largest=0):
    if largest:
        tokens = {token: rng.integer(largest // 2, largest) for token in tokens}
        pairs = {pair: rng.integer(1, largest // 8) for pair in pairs}
    return {"token_counts": tokens, "pair_counts": pairs, "ask": ask}


@check(points=1, inputs=counts, lecture='from-likelihood-to-a-score', public=[case('gain log 4, and log 5/8', tokens={'x': 2, '##y': 4, '##z': 10}, ask=[('x', '##y'), ('##y', '##z')], pairs={('x', '##y'): 2, ('##y', '##z'): 1})])
def gains_log_likelihood(student, token_counts, pair_counts, ask):
    """The gain of a merge is log P(ab) - log P(a) - log P(b), and minus infinity for a pair that never occurs."""
    return [student.unigram_loglik_gain(a, b, token_counts, pair_counts) for a, b in ask]
