"""The reference against HF tokenizers: BertNormalizer, BertPreTokenizer and the WordPiece model.

Where the two may differ, and so what is left out here: characters that came into Unicode (or changed their category)
after 3.2, for the tables of that library are older than Python's; private-use characters, which it takes out and Google's
code, like ours, does not; a capital sigma, which `str.lower` treats by its place in the word; and U+2B820 to U+2B91F,
which a slip in that library keeps from being Chinese characters (it has 2B920 for 2B820)."""

import random
import sys
import unicodedata

import pytest

SIGMA = "\u03a3"
WORD_CHARACTERS = "abcdeE'é東ガ한.- 7\u0301"


@pytest.fixture(scope="module")
def hf():
    """text, lower -> tokens"""
    pytest.importorskip("tokenizers")
    from tokenizers import normalizers, pre_tokenizers

    split = pre_tokenizers.BertPreTokenizer()
    normal = {
        lower: normalizers.BertNormalizer(
            clean_text=True, handle_chinese_chars=True, strip_accents=None, lowercase=lower
        )
        for lower in (True, False)
    }
    return lambda text, lower: [token for token, _ in split.pre_tokenize_str(normal[lower].normalize_str(text))]


@pytest.fixture(scope="module")
def stable():
    """All characters whose category has been the same since Unicode 3.2."""
    old = unicodedata.ucd_3_2_0
    return [
        c
        for c in map(chr, range(sys.maxunicode + 1))
        if (category := unicodedata.category(c)) == old.category(c) and category not in ("Cn", "Co", "Cs")
    ]


def hf_wordpiece(vocab, max_chars=100):
    tokenizers = pytest.importorskip("tokenizers")
    ids = {piece: i for i, piece in enumerate(sorted(vocab | {"[UNK]"}))}
    model = tokenizers.models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=max_chars)
    return lambda word: [token.value for token in model.tokenize(word)]


@pytest.mark.parametrize("lower", [True, False])
def test_every_stable_character(reference, hf, stable, lower):
    """Each of some 90 000 characters between two letters."""
    assert len(stable) > 80_000
    for start in range(0, len(stable), 500):
        text = " ".join(f"a{c}B" for c in stable[start : start + 500] if c != SIGMA)
        assert reference.basic_tokenize(text, lower) == hf(text, lower)


@pytest.mark.parametrize("lower", [True, False])
def test_blocks_of_chinese_characters(reference, hf, lower):
    for first, last in reference.CJK_RANGES:
        for code in {first - 1, first, first + 300, (first + last) // 2, last, last + 1}:
            if 0x2B820 <= code < 0x2B920 or unicodedata.category(chr(code)) == "Co":
                continue
            text = f"x{chr(code)}y{chr(code)}{chr(code)}"
            assert reference.basic_tokenize(text, lower) == hf(text, lower), hex(code)


@pytest.mark.parametrize("lower", [True, False])
def test_random_strings(reference, hf, stable, lower):
    rng = random.Random(1)
    common = [chr(i) for i in range(256)] + list("\u0301\u0308\u200b\u200d\u3000東京ガ한Åﬁ≠。«»…’—")
    for _ in range(1500):
        pool = rng.choice([common, stable, stable[: rng.randint(100, 4000)]])
        text = "".join(rng.choices(pool, k=rng.randint(0, 25))).replace(SIGMA, "")
        assert reference.basic_tokenize(text, lower) == hf(text, lower), ascii(text)


def test_wordpiece_on_random_vocabularies(reference):
    rng = random.Random(2)
    for _ in range(150):
        alphabet = rng.choice(["ab", "abc", "aé東👍"])
        vocab = {
            mark + "".join(rng.choices(alphabet, k=rng.randint(1, 5)))
            for mark in ("", "##")
            for _ in range(rng.randint(1, 25))
        }
        oracle = hf_wordpiece(vocab, max_chars=12)
        for _ in range(40):
            word = "".join(rng.choices(alphabet, k=rng.randint(1, 14)))
            assert reference.wordpiece(word, vocab, max_chars=12) == oracle(word), (word, vocab)


def test_limit_on_characters(reference):
    vocab = {"a", "##a", "東", "##東"}
    oracle = hf_wordpiece(vocab)
    for word in ["a" * 100, "a" * 101, "東" * 100, "東" * 101, "東" * 40]:
        assert reference.wordpiece(word, vocab) == oracle(word)
    assert len(reference.wordpiece("a" * 100, vocab)) == 100
    assert reference.wordpiece("a" * 101, vocab) == ["[UNK]"]


def test_pieces_join_to_the_word_or_are_one_unknown(reference):
    rng = random.Random(3)
    for _ in range(500):
        vocab = {mark + "".join(rng.choices("abc", k=rng.randint(1, 3))) for mark in ("", "##") for _ in range(8)}
        word = "".join(rng.choices("abc", k=rng.randint(1, 9)))
        pieces = reference.wordpiece(word, vocab)
        assert pieces == ["[UNK]"] or (
            "".join(piece.removeprefix("##") for piece in pieces) == word
            and all(piece in vocab and piece.startswith("##") == (i > 0) for i, piece in enumerate(pieces))
        )


def test_worked_example_of_google_bert(reference):
    """The docstring of WordpieceTokenizer in google-research/bert, tokenization.py."""
    assert reference.wordpiece("unaffable", {"un", "##aff", "##able"}) == ["un", "##aff", "##able"]


@pytest.mark.parametrize("lower", [True, False])
def test_whole_pipeline(reference, lower):
    tokenizers = pytest.importorskip("tokenizers")
    rng = random.Random(4)
    vocab = {
        mark + "".join(rng.choices("abcdeé東한7カ.'-", k=rng.randint(1, 2))) for mark in ("", "##") for _ in range(60)
    }
    ids = {piece: i for i, piece in enumerate(sorted(vocab | {"[UNK]"}))}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordPiece(ids, unk_token="[UNK]", max_input_chars_per_word=100))
    tokenizer.normalizer = tokenizers.normalizers.BertNormalizer(lowercase=lower)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    found = 0
    for _ in range(500):
        text = "".join(rng.choices(WORD_CHARACTERS, k=rng.randint(0, 30)))
        pieces = reference.encode(text, vocab, lower=lower)
        assert pieces == tokenizer.encode(text).tokens, text
        found += len(set(pieces) - {"[UNK]"})
    assert found > 500
