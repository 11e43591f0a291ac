"""The reference against Hugging Face's `tokenizers` and OpenAI's `tiktoken` (two implementations in Rust)."""

import hashlib
import json
import random
from pathlib import Path

import pytest

from autograder.lab import gpt2
from autograder.lab.corpora import chinese, english

EOT = "<|endoftext|>"
SCRIPTS = [
    "abcdefghijklmnopqrstuvwxyz",
    "ABC ",
    "0123456789",
    "   ",
    "\n\r\t\0",
    "'s't're've'll'd'm",
    ".,;:!?()[]{}#$_-+=*/\\\"'’",
    "éèüßñçÑ",
    "你好世界中文，。",
    "日本語カナ",
    "🙂👍🏽👩\u200d",
    "ΩЖאבعहि",
    "½²Ⅷ٣",
    "\u00a0\u3000\u2003\u202f",
    "e\u0301\x7f\x85\xad",
]


@pytest.fixture(scope="module")
def texts():
    rng = random.Random(0)
    mixed = ["".join(rng.choice(rng.choice(SCRIPTS)) for _ in range(rng.randint(1, 40))) for _ in range(1500)]
    return [
        *mixed,
        english(20_000),
        chinese(2_000),
        "",
        " ",
        "def f(x):\n    return x\n\n\n",
        "I'll DON'T it’s",
        "a" * 50,
    ]


@pytest.fixture(scope="module")
def merges():
    return gpt2.gpt2_merges()


@pytest.fixture(scope="module")
def vocab():
    return gpt2.gpt2_vocab()


def theirs(merges, vocab):
    tokenizers = pytest.importorskip("tokenizers")
    model = tokenizers.Tokenizer(tokenizers.models.BPE(vocab=vocab, merges=merges))
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model.decoder = tokenizers.decoders.ByteLevel()
    return model


def encoding(reference, merges, vocab):
    tiktoken = pytest.importorskip("tiktoken")
    byte_of = {character: byte for byte, character in reference.bytes_to_unicode().items()}
    ranks = {bytes(byte_of[c] for c in token): i for token, i in vocab.items() if token != EOT}
    pattern = r"'(?:[sdmt]|ll|ve|re)| ?\p{L}++| ?\p{N}++| ?[^\s\p{L}\p{N}]++|\s++$|\s+(?!\S)|\s"
    return tiktoken.Encoding("gpt2", pat_str=pattern, mergeable_ranks=ranks, special_tokens={EOT: 50256})


def test_the_files_are_those_of_openai():
    openai_public = pytest.importorskip("tiktoken_ext.openai_public")
    source = Path(openai_public.__file__).read_text(encoding="utf-8")
    for name in ("vocab.bpe", "encoder.json"):
        assert hashlib.sha256(gpt2._read(name).encode("utf-8")).hexdigest() in source


def test_loaders_return_fresh_copies(merges, vocab):
    assert len(merges) == 50_000 and merges[:2] == [("Ġ", "t"), ("Ġ", "a")] and len(vocab) == 50_257
    gpt2.gpt2_merges().clear()
    gpt2.gpt2_vocab().clear()
    assert gpt2.gpt2_merges() == merges and gpt2.gpt2_vocab() == vocab
    assert all(vocab[left + right] == 256 + i for i, (left, right) in enumerate(merges))


def test_bytes_to_unicode(reference, vocab):
    table = reference.bytes_to_unicode()
    convert_slow = pytest.importorskip("transformers.convert_slow_tokenizer")
    assert table == convert_slow.bytes_to_unicode()
    assert sorted(table.values()) == sorted(vocab, key=vocab.get)[:256]


def test_pretokenize(reference, texts):
    tokenizers = pytest.importorskip("tokenizers")
    cutter = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    table = reference.bytes_to_unicode()
    for text in texts:
        ours = reference.pretokenize(text)
        assert "".join(ours) == text
        written = ["".join(table[byte] for byte in token.encode("utf-8")) for token in ours]
        assert written == [token for token, _ in cutter.pre_tokenize_str(text)], repr(text)


def test_encode_and_decode(reference, texts, merges, vocab):
    ours = reference.ByteBPE(merges, vocab)
    hugging_face, openai = theirs(merges, vocab), encoding(reference, merges, vocab)
    for text in texts:
        ids = ours.encode(text)
        assert ids == hugging_face.encode(text).ids == openai.encode_ordinary(text), repr(text)
        assert ours.decode(ids) == hugging_face.decode(ids) == text


def test_decode_invalid_utf8(reference, merges, vocab):
    ours, openai = reference.ByteBPE(merges, vocab), encoding(reference, merges, vocab)
    rng = random.Random(1)
    for _ in range(500):
        ids = [rng.randrange(256 if rng.random() < 0.7 else 50256) for _ in range(rng.randint(1, 12))]
        for errors in ("replace", "ignore"):
            assert ours.decode(ids, errors) == openai.decode(ids, errors)


def test_special_tokens(reference, merges, vocab):
    ours = reference.ByteBPE(merges, vocab, special={EOT: 50256})
    openai = encoding(reference, merges, vocab)
    for text in (EOT, f"a {EOT} b{EOT}{EOT}", f"<|{EOT}|>", "<|endoftext", f"x\n\n{EOT}\n"):
        assert ours.encode(text, {EOT}) == openai.encode(text, allowed_special={EOT})
        assert ours.encode(text) == openai.encode(text, disallowed_special=())
        assert 50256 not in ours.encode(text)
        assert ours.decode(ours.encode(text, {EOT})) == text


def test_ids_in_another_order(reference, texts, merges, vocab):
    rng = random.Random(2)
    shuffled = dict(zip(vocab, rng.sample(range(100_000), len(vocab)), strict=True))
    ours, hugging_face = reference.ByteBPE(merges, shuffled), theirs(merges, shuffled)
    for text in texts[:200]:
        assert ours.encode(text) == hugging_face.encode(text).ids


def trained_by_them(corpus, vocab_size):
    tokenizers = pytest.importorskip("tokenizers")
    cutter = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    model = tokenizers.Tokenizer(tokenizers.models.BPE())
    model.pre_tokenizer = cutter
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=vocab_size, min_frequency=0, initial_alphabet=cutter.alphabet(), show_progress=False
    )
    model.train_from_iterator(corpus, trainer)
    written = json.loads(model.to_str())["model"]
    return [tuple(pair) for pair in written["merges"]], written["vocab"]


@pytest.mark.parametrize("size", [256, 257, 400])
def test_train(reference, size):
    rng = random.Random(3)
    few = ["".join(rng.choice("ab 1éβ好\n") for _ in range(30)) for _ in range(20)]
    for corpus in ([english(6_000)], [chinese(800), english(500)], few, ["low lower lowest"], [""]):
        assert reference.train(corpus, size) == trained_by_them(corpus, size)
