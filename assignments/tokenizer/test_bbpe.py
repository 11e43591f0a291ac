"""Public checks of tokenizer/bbpe: run `pytest` on this file, or `autograder check tokenizer/bbpe`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from autograder.checks import again, case, check, lab, raises


@check(points=1, lecture='a-character-for-every-byte', public=[case('a letter, a space, a newline', some=[65, 32, 10]), case('the first, the last, the soft hyphen', some=[0, 255, 173]), case('all 256', some=list(range(256)))])
def every_byte_has_its_character(student, some):
    """Visible Latin-1 bytes stand for themselves; the other 68 get the characters from U+0100 on, in their order."""
    table = again(student.bytes_to_unicode)
    return {"size": len(table), "characters": [table.get(byte) for byte in some]}


@check(points=1, lecture='pre-tokens', public=[case('words, a contraction, a number', texts=["Hello world's 123"])])
def letters_numbers_and_signs_are_cut_apart(student, texts):
    """A pre-token is a contraction, or letters, or numbers, or other signs, each with at most one space before it."""
    return [again(student.pretokenize, text) for text in texts]


@check(points=1, lecture='pre-tokens', public=[case('two spaces before a word', texts=['Hello  world']), case('U+001C is no whitespace to `regex`', texts=['a \x1cb'])])
def runs_of_whitespace_leave_one_for_the_word(student, texts):
    """Whitespace before a word is taken without its last character, and at the end of the text it is taken whole."""
    return [student.pretokenize(text) for text in texts]


ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789.!<|>[]*+_ĠĊ"


def toy(rng, merges, texts, ids="rising", more=()):
    """A vocabulary of a few signs, the tokens of the merges, and `more`. Its ids are 0, 1, 2, … or fall in steps of three."""
    tokens = [*ALPHABET, *(left + right for left, right in merges), *more]
    numbers = range(len(tokens)) if ids == "rising" else range(3 * len(tokens), 0, -3)
    return {"merges": merges, "vocab": dict(zip(tokens, numbers, strict=True)), "texts": texts}


@check(points=1, inputs=toy, lecture='encoding', public=[case('learned order decides', merges=[('b', 'c'), ('a', 'b'), ('bc', 'd')], texts=['abcd', 'ab abc'])], given={})
def the_lowest_rank_is_merged_first(student, merges, vocab, texts):
    """In a pre-token, the pair that stands first in `merges` is merged first; ids come from `vocab`, in any order."""
    tokenizer = student.ByteBPE(merges, vocab)
    return [tokenizer.encode(text) for text in texts]


@check(points=1, inputs=toy, lecture='pre-tokens', public=[case('a merge over a space', merges=[('o', 'Ġ'), ('oĠ', 'w')], texts=['o w'])])
def merges_never_cross_pre_tokens(student, merges, vocab, texts):
    """A pair is merged only inside a pre-token, also when `merges` has a pair that would reach over its end."""
    tokenizer = student.ByteBPE(merges, vocab)
    return [tokenizer.encode(text) for text in texts]


SAMPLES = [
    "aZ éßÑ",
    "你好世界，。",
    "日本語",
    "🙂👍🏽",
    "Ωя אב",
    "019٣½",
    "  \n\r\n\t",
    "\u00a0\u3000",
    "_-'’\"#{}",
    "\0\x7f\x85",
    "e\u0301\u200d",
]


def gpt2(rng, texts=(), random=0):
    """GPT-2's merges and vocabulary, with some texts and `random` more of mixed scripts."""
    pool = "".join(SAMPLES) + "the of and ing  " * 3
    return {
        "merges": lab("gpt2_merges"),
        "vocab": lab("gpt2_vocab"),
        "texts": [*texts, *(rng.word(pool, 1, 30) for _ in range(random))],
    }


@check(points=2, inputs=gpt2, lecture='encoding', public=[case('words', texts=['Hello world', 'naïve café']), case('an emoji and Chinese', texts=['👋 你好'])])
def real_text_gets_gpt2_ids_and_comes_back(student, merges, vocab, texts):
    """With GPT-2's merges and vocabulary you give GPT-2's ids, and decoding them gives the text back exactly."""
    tokenizer = student.ByteBPE(merges, vocab)
    ids = [tokenizer.encode(text) for text in texts]
    return {"ids": ids, "text": [tokenizer.decode(each) for each in ids]}


def byte_tokens(rng, ids):
    """Some bytes and two merged tokens with the ids 0 … 15: "你" has the bytes ä ½ ł, "🙂" has ð Ł Ļ Ĥ."""
    tokens = ["a", "b", "Ġ", "ä", "½", "ł", "å", "¥", "ð", "Ł", "Ļ", "Ĥ", "ÿ", "ab", "ä½", "Ģ"]
    vocab = {token: i for i, token in enumerate(tokens)}
    return {"merges": [("a", "b"), ("ä", "½")], "vocab": vocab, "ids": ids}


@check(points=1, inputs=byte_tokens, lecture='decoding', public=[case('one character in three tokens', ids=[3, 4, 5, 2, 13])])
def decoding_joins_the_bytes_first(student, merges, vocab, ids):
    """The bytes of all tokens are joined and then decoded together; bytes that are no valid UTF-8 become U+FFFD."""
    return student.ByteBPE(merges, vocab).decode(ids)


@check(points=1, inputs=byte_tokens, lecture='decoding', public=[case('half a character', ids=[3, 4, 2, 0])])
def decoding_handles_errors_as_asked(student, merges, vocab, ids):
    """Bytes that are no valid UTF-8 are handled as `errors` says: "ignore" drops them, "strict" raises UnicodeDecodeError."""
    tokenizer = student.ByteBPE(merges, vocab)
    return {
        "ignore": tokenizer.decode(ids, "ignore"),
        "backslashreplace": tokenizer.decode(ids, "backslashreplace"),
        "strict": raises("UnicodeDecodeError", lambda: tokenizer.decode(ids, "strict")),
    }


def with_special(rng, texts, special, allowed, merges=(), ids="rising", more=()):
    return {**toy(rng, list(merges), texts, ids, more), "special": special, "allowed": set(allowed)}


END, PAD = "<|end|>", "<|pad|>"


@check(points=1, inputs=with_special, lecture='special-tokens', public=[case('allowed', texts=['a<|end|>b'], special={END: 5000}, allowed=[END]), case('not allowed', texts=['a<|end|>b'], special={END: 5000}, allowed=[]), case('the one that begins first', texts=['abcd'], special={'ab': 5000, 'bcd': 5001}, allowed=['ab', 'bcd'])])
def special_strings_are_ids_only_where_allowed(student, merges, vocab, texts, special, allowed):
    """An allowed special string becomes its one id and is decoded to itself; one not allowed is ordinary text."""
    tokenizer = student.ByteBPE(merges, vocab, special)
    ids = [tokenizer.encode(text, allowed_special=allowed) for text in texts]
    frozen = [tokenizer.encode(text, allowed_special=frozenset(allowed)) for text in texts]
    return {
        "ids": ids,
        "with a frozenset": frozen,
        "text": [tokenizer.decode(each) for each in ids],
        "then none is allowed": [tokenizer.encode(text) for text in texts],
    }


@check(points=1, lecture='training', public=[case('three texts', texts=['ab ab ab', 'bc bc abc', 'c ab'], size=259)])
def training_counts_pairs_inside_pre_tokens(student, texts, size):
    """You learn the most frequent pairs of neighbouring bytes and tokens, inside pre-tokens, over all texts."""
    merges, _ = student.train(texts, size)
    return merges


def corpus(rng, size, texts=(), long=""):
    return {"texts": list(texts), "long": long, "size": size}


@check(points=1, inputs=corpus, lecture='training', public=[case('three merges', texts=['low lower lowest'], size=259)])
def training_gives_ids_in_order_and_stops_at_the_size(student, texts, long, size):
    """256 bytes have the first ids, each merge the next; ties go to the smallest ids; training stops at the size."""
    merges, vocab = student.train([*texts, long], size)
    return {"merges": merges, "vocab": vocab}
