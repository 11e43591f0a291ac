"""The reference against sentencepiece, Hugging Face tokenizers, and brute force over all segmentations."""

import io
import itertools
import math
import random
from collections import Counter, defaultdict

import pytest

from autograder.lab import corpora

TEXTS = [
    "",
    " ",
    "a",
    "  ＡＢＣ  ﬁne ",
    "Hello  world",
    "a\tb\r\nc",
    "床前\u3000明月光，疑是地上霜。",
    "ｶﾞｷﾞ ①㎏ x² ½ … Ⅳ",
    "\u00a0x\u2003y\u00a0",
    "e\u0301te\u0301 a ´b ¨",
    "\u2028p\fq\u1680r",
    "Straße İ",
    "a ﷺ b",
    "_a_ b",
    "\n\n\t",
]


@pytest.fixture(scope="module")
def spm():
    return pytest.importorskip("sentencepiece")


def train(spm, text, **options):
    model = io.BytesIO()
    defaults = {"model_type": "unigram", "character_coverage": 1.0, "hard_vocab_limit": False, "minloglevel": 2}
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(text.splitlines()), model_writer=model, num_threads=1, **(defaults | options)
    )
    return spm.SentencePieceProcessor(model_proto=model.getvalue())


def scores(processor):
    """Piece → log-probability, without <unk>, <s>, </s> and the byte pieces."""
    ids = range(processor.get_piece_size())
    special = [processor.is_control, processor.is_unknown, processor.is_byte]
    return {processor.id_to_piece(i): processor.get_score(i) for i in ids if not any(f(i) for f in special)}


@pytest.fixture(scope="module")
def english(spm):
    return train(spm, corpora.english(30_000), vocab_size=400)


@pytest.fixture(scope="module")
def chinese(spm):
    return train(spm, corpora.chinese(5_000), vocab_size=1300)


@pytest.mark.parametrize("prefix", [True, False])
@pytest.mark.parametrize("remove", [True, False])
def test_normalize_is_nmt_nfkc(reference, spm, prefix, remove):
    theirs = spm.SentencePieceNormalizer(
        rule_name="nmt_nfkc", add_dummy_prefix=prefix, escape_whitespaces=True, remove_extra_whitespaces=remove
    )
    lines = corpora.english(3000).splitlines() + corpora.chinese(1000).splitlines()
    for text in TEXTS + lines:
        assert reference.normalize(text, prefix, remove) == theirs.normalize(text), text


@pytest.mark.parametrize("language", ["english", "chinese"])
def test_viterbi_is_encode(reference, request, language):
    processor = request.getfixturevalue(language)
    logp = scores(processor)
    for text in getattr(corpora, language)(12_000).splitlines()[:200]:
        s = reference.normalize(text)
        pieces, score = reference.viterbi(s, logp)
        theirs = processor.encode(text, out_type=str)  # with unknown characters that are neighbours joined
        unknown = min(logp.values()) - 10.0
        assert "".join(pieces) == "".join(theirs) == s
        # Up to float32, in which they add.
        their_score = math.fsum(logp.get(piece, unknown * len(piece)) for piece in theirs)
        assert their_score == pytest.approx(score, rel=1e-6), text


def test_viterbi_is_tokenizers_unigram(reference, english):
    models = pytest.importorskip("tokenizers.models")
    tokenizer = pytest.importorskip("tokenizers").Tokenizer
    logp = scores(english)
    theirs = tokenizer(models.Unigram([("<unk>", 0.0), *logp.items()], unk_id=0))
    rng = random.Random(1)
    for _ in range(100):
        text = "▁" + "".join(rng.choices("etaoinshr▁", k=rng.randrange(1, 40)))
        pieces, score = reference.viterbi(text, logp)
        tokens = theirs.encode(text).tokens
        assert pieces == tokens or math.isclose(sum(logp[token] for token in tokens), score, rel_tol=1e-12)


def segmentations(s, logp):
    """All segmentations of a short text, from all sets of boundaries."""
    for cuts in itertools.product([False, True], repeat=max(0, len(s) - 1)):
        bounds = [0, *(i for i, cut in enumerate(cuts, 1) if cut), len(s)]
        x = [s[a:b] for a, b in itertools.pairwise(bounds)] if s else []
        if all(piece in logp for piece in x):
            yield x


def languages(count):
    """Random short texts with random vocabularies; a third of them without some of the single characters."""
    rng = random.Random(7)
    while count:
        s = "".join(rng.choices("abc", k=rng.randrange(1, 11)))
        pieces = {s[a:b] for a in range(len(s)) for b in range(a + 1, min(len(s), a + 4) + 1)}
        logp = {piece: -rng.uniform(0.5, 6.0) for piece in sorted(pieces) if rng.random() < 0.7}
        if count % 3:
            logp |= {c: -rng.uniform(0.5, 6.0) for c in sorted(set(s))}
        if logp and any(segmentations(s, logp)):
            count -= 1
            yield s, logp


def test_viterbi_is_brute_force(reference):
    for s, logp in languages(150):
        known = logp | {c: min(logp.values()) - 2.5 for c in sorted(set(s)) if c not in logp}
        best = max(sum(known[piece] for piece in x) for x in segmentations(s, known))
        pieces, score = reference.viterbi(s, logp, unk_penalty=2.5)
        assert "".join(pieces) == s
        assert score == pytest.approx(best, abs=1e-12)
        assert sum(known[piece] for piece in pieces) == pytest.approx(best, abs=1e-12)


def test_em_step_is_brute_force(reference):
    for s, logp in languages(100):
        counts = defaultdict(float)
        weights = [(x, math.exp(sum(logp[piece] for piece in x))) for x in segmentations(s, logp)]
        z = sum(weight for _, weight in weights)
        for x, weight in weights:
            for piece in x:
                counts[piece] += weight / z
        assert sum(count * len(piece) for piece, count in counts.items()) == pytest.approx(len(s))
        total = sum(counts.values())
        new, loglik = reference.em_step([s], logp)
        assert new == pytest.approx({piece: math.log(count / total) for piece, count in counts.items()}, abs=1e-9)
        assert loglik == pytest.approx(math.log(z), abs=1e-9)


def test_em_never_lowers_the_likelihood(reference, english):
    sents = [reference.normalize(line) for line in corpora.english(4000).splitlines()]
    logp, logliks = scores(english), []
    for _ in range(8):
        logp, loglik = reference.em_step(sents, logp)
        logliks.append(loglik)
        assert math.fsum(map(math.exp, logp.values())) == pytest.approx(1.0)
    assert logliks == sorted(logliks)


WORDS = ["created", "waters", "was good", "In the", "God"]


def n_best(processor, text):
    """All segmentations, from sentencepiece's own search."""
    every = processor.nbest_encode(text, nbest_size=512, out_type=str)
    assert len(every) < 512
    return every


@pytest.mark.parametrize("text", WORDS)
def test_em_step_counts_the_n_best_list(reference, english, text):
    logp, counts = scores(english), Counter()
    every = n_best(english, text)
    weights = [math.exp(math.fsum(logp[piece] for piece in x)) for x in every]
    for x, weight in zip(every, weights, strict=True):
        for piece in x:
            counts[piece] += weight / math.fsum(weights)
    new, loglik = reference.em_step([reference.normalize(text)], logp)
    assert loglik == pytest.approx(math.log(math.fsum(weights)))
    assert new == pytest.approx({piece: math.log(count / counts.total()) for piece, count in counts.items()})


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("text", WORDS)
def test_sample_follows_the_n_best_list(reference, english, text, alpha):
    logp, s, rng = scores(english), reference.normalize(text), random.Random(3)
    every = [tuple(x) for x in n_best(english, text)]
    weights = [math.exp(alpha * math.fsum(logp[piece] for piece in x)) for x in every]
    counts = Counter(tuple(reference.sample(s, logp, alpha, rng)) for _ in range(2000))
    assert set(counts) <= set(every)
    for x, weight in zip(every, weights, strict=True):
        p = weight / math.fsum(weights)
        assert counts[x] / 2000 == pytest.approx(p, abs=5 * math.sqrt(p * (1 - p) / 2000) + 2e-3)


def test_bytes_and_decoding_are_those_of_sentencepiece(reference, spm):
    options = {"byte_fallback": True, "remove_extra_whitespaces": False}
    processor = train(spm, corpora.english(20_000), vocab_size=450, **options)
    logp = scores(processor)
    for text in ["你好", "In the 床前明月光 beginning", "😀 é€", "  two  spaces  ", "\x00", ""]:
        s = reference.normalize(text, remove_extra_ws=False)
        pieces = []
        for piece in reference.viterbi(s, logp)[0]:
            pieces += [piece] if piece in logp else reference.byte_fallback(piece)
        if "\x00" not in text:  # which nmt_nfkc deletes
            assert pieces == processor.encode(text, out_type=str), text
        assert reference.decode(pieces) == text
        assert reference.decode(pieces) == processor.decode(pieces)
    for pieces in [["▁a", "<0xFF>", "b"], ["▁", "▁a"], ["a", "▁b", "▁"], ["<0x41>", "<0xC3>", "<0xA9>", "▁", "a"], []]:
        assert reference.decode(pieces) == processor.decode(pieces)
