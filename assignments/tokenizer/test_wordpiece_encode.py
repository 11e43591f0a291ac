"""Public checks of tokenizer/wordpiece_encode: run `pytest` on this file, or `autograder check tokenizer/wordpiece_encode`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from autograder.checks import case, check


@check(points=1, lecture='cleaning', public=[case('a zero-width space vanishes, a tab separates', texts=['un\u200baffable', 'two\twords\nthree']), case('a character for private use stays', texts=['a\ue000b'])])
def cleans_the_text(student, texts):
    """White space of every kind separates words; control and format characters vanish without a trace."""
    for text in texts:  # what a caller does with one result does not show in the next one
        student.basic_tokenize(text, lower=False).append("?")
    return [student.basic_tokenize(text, lower=False) for text in texts]


@check(points=1, lecture='chinese-characters', public=[case('two of them', texts=['I like 東京 a lot'])])
def separates_chinese_characters(student, texts):
    """Each Chinese character is a word of its own; Kana and Hangul are written together like other letters."""
    return [student.basic_tokenize(text, lower=False) for text in texts]


@check(points=1, lecture='case-and-accents', public=[case('accents', texts=['Zürich', 'Crème Brûlée', 'ÅNGSTRÖM']), case('capitals beyond ASCII', texts=['ŁÓDŹ Ørsted', 'МОСКВА Ёлка', 'ÆTHER Þór'])])
def strips_accents_only_when_it_lowers(student, texts):
    """With `lower`, the default, letters lose case and accents and stay decomposed; without it, nothing changes."""
    return {
        "by default": [student.basic_tokenize(text) for text in texts],
        "lower=False": [student.basic_tokenize(text, lower=False) for text in texts],
    }


@check(points=1, lecture='punctuation', public=[case('marks at the end and inside', texts=["it's well-known, no?", '3.14'])])
def splits_off_punctuation(student, texts):
    """Each punctuation mark is a token, and so is every ASCII symbol; other symbols stay with their word."""
    return [student.basic_tokenize(text, lower=False) for text in texts]


def drawn(rng, alphabet, number, longest, complete):
    """Random pieces and words. A complete vocabulary has all single characters, so that no word is unknown."""
    vocab = {mark + rng.word(alphabet, 1, longest + 1) for mark in ("", "##") for _ in range(number)}
    vocab |= {mark + c for mark in ("", "##") for c in alphabet if complete}
    return {"words": [rng.word(alphabet, 1, 3 * longest) for _ in range(40)], "vocab": vocab}


def words_and_pieces(rng, words=(), vocab=(), **random):
    return drawn(rng, **random) if random else {"words": words, "vocab": set(vocab)}


@check(points=1, inputs=words_and_pieces, lecture='the-longest-piece-first', public=[case('the longest piece wins', words=['unaffable', 'un'], vocab=['un', 'u', '##n', '##aff', '##a', '##ff', '##able'])], given={})
def takes_the_longest_piece(student, words, vocab):
    """At each place of a word the longest piece that the vocabulary has is taken, with `##` but at the start."""
    return [student.wordpiece(word, vocab) for word in words]


@check(points=1, inputs=words_and_pieces, lecture='all-or-nothing', public=[case('the end is missing', words=['unaffable', 'xun'], vocab=['un', '##aff', '##able', 'able', '##a', '##b']), case('the middle is missing', words=['unaffable'], vocab=['un', '##able', '##f', 'able', '[UNK]'])], given={})
def gives_up_on_the_whole_word(student, words, vocab):
    """Where no piece fits, the whole word is one [UNK], without the pieces found before and without going back."""
    return [student.wordpiece(word, vocab) for word in words]


@check(points=1, lecture='words-that-are-too-long', public=[case('limits of 5 and 6', words=['aaaaa', 'aaaaaa'], vocab={'a', '##a'}, limits=[5, 6])])
def gives_up_on_long_words(student, words, vocab, limits):
    """A word of more than `max_chars` characters (by default 100) is unknown; one of just as many is not."""
    long = []
    for limit in limits:
        more = {} if limit is None else {"max_chars": limit}
        long.append([student.wordpiece(word, vocab, unk="<unk>", **more) for word in words])
    return long


@check(points=1, lecture='both-together', public=[case('a sentence', text="It's unaffable!", options={}, vocab={'it', "'", 's', 'un', '##aff', '##able', '!', 'unaffable!'}), case('unknown words side by side', text='x y z', options={}, vocab={'z'})])
def encodes_text(student, text, vocab, options):
    """The pieces of all words come in one list, and `lower`, `unk` and `max_chars` do what they do in the two steps."""
    return {"with the options": student.encode(text, vocab, **options), "without": student.encode(text, vocab)}
