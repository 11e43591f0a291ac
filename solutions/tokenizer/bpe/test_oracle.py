"""The reference against Hugging Face's `tokenizers` (an implementation in Rust)."""

import json
import random
from collections import Counter

import pytest

from autograder.lab.corpora import chinese, english

END = "</w>"


def oracle(words, vocab_size=100_000):
    """Their tokenizer trained on `words`, and its merges.

    Their ids of initial symbols depend on the order in which a hash map yields the words. Passed as special tokens, the
    symbols get our ids, and so ties go the same way.
    """
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.Tokenizer(tokenizers.models.BPE(end_of_word_suffix=END))
    model.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    symbols = sorted({symbol for word in words for symbol in (*word[:-1], word[-1] + END)})
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size, end_of_word_suffix=END, show_progress=False, min_frequency=0, special_tokens=symbols
    )
    model.train_from_iterator((" ".join([word] * count) for word, count in words.items()), trainer)
    return model, [tuple(pair) for pair in json.loads(model.to_str())["model"]["merges"]]


def plain(merges, words):
    """Their encoder with these merges, without the special tokens of the trainer (those are cut out of texts)."""
    tokenizers = pytest.importorskip("tokenizers")
    symbols = {character + end for word in words for character in word for end in ("", END)}
    vocab = {symbol: i for i, symbol in enumerate(sorted(symbols))}
    vocab |= {left + right: len(vocab) + i for i, (left, right) in enumerate(merges)}
    return tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocab, merges=merges, end_of_word_suffix=END))


def test_the_words_of_sennrich(reference):
    words = {"low": 5, "lower": 2, "newest": 6, "widest": 3}
    merges = reference.train_bpe(words, 10)
    assert merges == oracle(words)[1][:10]
    assert merges[:4] == [("e", "s"), ("es", "t</w>"), ("l", "o"), ("e", "w")]


@pytest.mark.parametrize("alphabet", ["ab", "aaab", "abcd", "stuvwxyz"])
def test_random_words_with_many_ties(reference, alphabet):
    rng = random.Random(alphabet)
    for _ in range(40):
        words = {
            "".join(rng.choices(alphabet, k=rng.randint(1, 10))): rng.randint(1, 5) for _ in range(rng.randint(1, 15))
        }
        merges = reference.train_bpe(words, 1000)
        assert merges == oracle(words)[1]
        # In a list from training every pair and every new symbol is new: what encode_word counts on.
        assert len({left + right for left, right in merges}) == len(merges)


@pytest.mark.parametrize("text", [english(20_000), chinese(3_000)], ids=["english", "chinese"])
def test_running_text(reference, text):
    words = dict(Counter(text.split()))
    merges = reference.train_bpe(words, 150)
    assert merges == oracle(words)[1][:150]
    theirs = plain(merges, words)
    for word in words:
        assert reference.encode_word(word, merges) == theirs.encode(word).tokens


def test_encoding_unseen_words(reference):
    rng = random.Random(0)
    for alphabet in ("ab", "abc", "abcdef"):
        words = {"".join(rng.choices(alphabet, k=rng.randint(1, 10))): rng.randint(1, 9) for _ in range(30)}
        merges = reference.train_bpe(words, 40)
        theirs = plain(merges, [alphabet])
        for _ in range(200):
            word = "".join(rng.choices(alphabet, k=rng.randint(1, 25)))
            assert reference.encode_word(word, merges) == theirs.encode(word).tokens


def test_decoding(reference):
    tokenizers = pytest.importorskip("tokenizers")
    decoder = tokenizers.decoders.BPEDecoder(suffix=END)
    words = dict(Counter(english(5_000).split()))
    merges = reference.train_bpe(words, 60)
    pieces = [piece for word in words for piece in reference.encode_word(word, merges)]
    assert reference.decode(pieces) == decoder.decode(pieces) == " ".join(words)
