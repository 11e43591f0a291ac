"""Public checks of tokenizer/bpe: run `pytest` on this file, or `autograder check tokenizer/bpe`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from collections import Counter
from autograder.checks import case, check


@check(points=1, lecture='counting-pairs', public=[case('three merges', words={'hug': 10, 'pug': 5, 'pun': 12, 'bun': 4, 'hugs': 5}, n=3)])
def the_most_frequent_pair_is_merged_first(student, words, n):
    """Each merge takes the pair that is most frequent by then, and a pair counts as often as its word occurs."""
    return student.train_bpe(words, n)


def word_list(rng, n, words=None, letters="", count=0):
    """The words given, or random ones with many equal counts, in which no letter (so no pair) stands twice."""
    if words is None:
        words = {"".join(rng.sample(letters, rng.integer(2, 6))): rng.integer(1, 4) for _ in range(count)}
    return {"words": words, "n": n}


@check(points=1, inputs=word_list, lecture='ties', public=[case('the words of Sennrich et al.', words={'low': 5, 'lower': 2, 'newest': 6, 'widest': 3}, n=10)])
def ties_go_to_the_smallest_ids(student, words, n):
    """Of equally frequent pairs you merge the one with the smallest ids, left before right; new symbols come last."""
    return student.train_bpe(words, n)


@check(points=1, lecture='overlapping-pairs', public=[case('three in a row', words={'aaab': 3, 'cd': 5, 'ab': 1}, n=4)])
def overlapping_pairs_all_count_and_merge_from_the_left(student, words, n):
    """In a run such as `aaa` the pair (a, a) counts at every position; merging goes from the left, without overlap."""
    return student.train_bpe(words, n)


@check(points=1, lecture='the-end-of-a-word', public=[case('est at the end and inside', words={'rest': 10, 'restore': 5, 'est': 12, 'astro': 6}, n=3)])
def the_last_letter_carries_the_end_of_the_word(student, words, n):
    """The last character of a word and `</w>` are one symbol from the start, another one than the bare character."""
    return student.train_bpe(words, n)


@check(points=1, lecture='counting-pairs', public=[case('two short words', words={'a': 9, 'b': 7, 'xy': 2}, n=3)])
def pairs_stay_inside_a_word(student, words, n):
    """A pair never joins the end of one word to the start of another."""
    return student.train_bpe(words, n)


@check(points=1, lecture='training', public=[case('one pair in all', words={'ab': 3}, n=10)])
def training_stops_when_no_pair_is_left(student, words, n):
    """You make as many merges as asked for, or fewer when every word has become one symbol."""
    return student.train_bpe(words, n)


@check(points=1, lecture='encoding-by-rank', public=[case('an unseen word', merges=[('e', 's'), ('es', 't</w>'), ('l', 'o')], words=['lowest']), case('the order of learning decides', merges=[('b', 'c'), ('a', 'b'), ('bc', 'd')], words=['abcdx', 'abx'])])
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


@check(points=1, inputs=words_and_merges, lecture='overlapping-pairs', public=[case('a run', merges=[('a', 'a')], words=['aaaab', 'aaab', 'b'])])
def encoding_handles_runs_and_unknown_letters(student, words, merges):
    """A pair in a run (`aaaa`) is merged from the left without overlap; characters without a merge stay as they are."""
    return [student.encode_word(word, merges) for word in words]


@check(points=1, lecture='decoding', public=[case('two words', pieces=['lo', 'w</w>', 'est</w>'])])
def decoding_puts_a_space_between_words(student, pieces):
    """Pieces are joined without spaces, `</w>` becomes one space between two words, and none is left at the end."""
    return student.decode(pieces)


@check(points=1, lecture='training', public=[case('two words', text='banana nana', steps=[0, 1])])
def more_merges_give_fewer_pieces_and_the_same_text(student, text, steps):
    """Words encoded with the first k merges that you learned give the text back, in fewer pieces as k grows."""
    words = text.split()
    merges = student.train_bpe(dict(Counter(words)), max(steps))
    first = student.train_bpe(dict(Counter(words)), 1)  # the same words, another number
    pieces = [[piece for word in words for piece in student.encode_word(word, merges[:k])] for k in steps]
    return {"merges": merges, "first": first, "pieces": pieces, "text": [student.decode(p) for p in pieces]}
