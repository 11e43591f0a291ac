"""Byte-level BPE as GPT-2 does it: text -> pre-tokens -> bytes -> merges -> ids, and back.

Merges and vocabulary are written in *byte characters*: `bytes_to_unicode` gives each of the 256 bytes a visible
character, and a token is the string of its bytes' characters. A space (byte 32) is `"Ġ"`, so the token of " world" is
`"Ġworld"`; "é" has the UTF-8 bytes 195 169 and is written `"Ã©"`. GPT-2's own files (`autograder.lab.gpt2`) are
written like that.

Text is any string that UTF-8 can hold (no lone surrogates). Nothing here changes its arguments.
"""

import regex  # like `re`, and knows the Unicode classes \p{L} (letters) and \p{N} (numbers)


def bytes_to_unicode() -> dict[int, str]:
    """The character of each byte 0 … 255, all of them different and visible.

    - The 188 bytes 33–126, 161–172 and 174–255 are visible in Latin-1 and stand for themselves: byte b is `chr(b)`.
    - The other 68 bytes (0–32, 127–160, 173), in ascending order, get `chr(256)`, `chr(257)`, …, `chr(323)`.

    >>> table = bytes_to_unicode()
    >>> table[65], table[0], table[32], table[173]
    ('A', 'Ā', 'Ġ', 'Ń')
    """
    # YOUR CODE HERE
    raise NotImplementedError("bytes_to_unicode is not written yet")


def pretokenize(text: str) -> list[str]:
    """Cut a text into pre-tokens, which later merges never cross. Joined, they are the text again.

    From left to right, at each place the first of these six that fits, as long as it can be:

    1. `'s`, `'d`, `'m`, `'t`, `'ll`, `'ve` or `'re`: the apostrophe is `'` (U+0027), and the letters are small;
    2. an optional space and letters, one or more;
    3. an optional space and numbers, one or more;
    4. an optional space and other characters, one or more: no letters, no numbers, no whitespace (a mark such as
       U+0301 is one);
    5. whitespace, one or more, that is not followed by a character other than whitespace: so a run of it at the end of
       the text is taken whole, and a run before anything else is taken without its last character;
    6. whitespace, one or more.

    "Space" is U+0020 only; letters, numbers and whitespace are `\\p{L}`, `\\p{N}` and `\\s` of the module `regex`. (U+001C … U+001F
    are whitespace to `str.isspace` and to the module `re`, and not here: GPT-2 and tiktoken go by Unicode's White_Space.)

    >>> pretokenize("Hello  world's 123")
    ['Hello', ' ', ' world', "'s", ' 123']
    """
    # YOUR CODE HERE
    raise NotImplementedError("pretokenize is not written yet")


class ByteBPE:
    """A byte-level BPE tokenizer.

    >>> vocab = {"l": 0, "o": 1, "w": 2, "lo": 3, "low": 4, "Ġ": 5, "Ġlow": 6}
    >>> bpe = ByteBPE([("l", "o"), ("lo", "w"), ("Ġ", "low")], vocab, special={"<|endoftext|>": 7})
    >>> bpe.encode("low low")
    [4, 6]
    >>> bpe.encode("lo<|endoftext|>", allowed_special={"<|endoftext|>"})
    [3, 7]
    >>> bpe.decode([4, 6, 7])
    'low low<|endoftext|>'

    With GPT-2's own merges and vocabulary (`autograder.lab.gpt2`), "Hello world" becomes [15496, 995].
    """

    def __init__(
        self, merges: list[tuple[str, str]], vocab: dict[str, int], special: dict[str, int] | None = None
    ) -> None:
        """Keep what encoding and decoding need.

        - `merges`: pairs of tokens in byte characters; the rank of a pair is its place in this list. As training gives
          it: no pair twice, no token made twice, and each pair stands after the merges that make its two tokens.
        - `vocab`: the id of each token. Ids follow no rule (RoBERTa uses GPT-2's merges with ids in another order), so
          they say nothing about ranks. Every single byte that a text needs and every merged token is there. It may
          hold more, as GPT-2's holds "<|endoftext|>": what no merge makes, no ordinary text becomes.
        - `special`: the id of each special string, in plain text and not in byte characters. None means that there are
          none.
        """
        # YOUR CODE HERE
        raise NotImplementedError("ByteBPE.__init__ is not written yet")

    def encode(self, text: str, allowed_special: set[str] | frozenset[str] = frozenset()) -> list[int]:
        """The ids of a text.

        First the strings of `allowed_special`, some of the keys of `special`, are found in the text from left to
        right: the one that begins first is taken, and the search goes on behind it; where two begin at the same place, the
        longer one is taken. Each becomes its id. A special string that
        is not allowed is ordinary text: no error, and none of the special ids.

        Each stretch of ordinary text between them, by itself, is cut by `pretokenize`. Each pre-token becomes its
        UTF-8 bytes, one symbol each. As long as some neighbouring pair in the pre-token is in `merges`, the pair with
        the lowest rank is merged, from left to right and without overlap. What is left are tokens, and `vocab` has
        their ids.

        The empty text gives `[]`.
        """
        # YOUR CODE HERE
        raise NotImplementedError("ByteBPE.encode is not written yet")

    def decode(self, ids: list[int], errors: str = "replace") -> str:
        """The text of some ids: the bytes of all tokens are joined first and decoded as UTF-8 then.

        A token may hold a part of a character only, so the ids of "你", decoded one by one, are not text. Bytes that
        are no valid UTF-8 are handled as `bytes.decode` does with `errors`: "replace" gives U+FFFD, "ignore" drops
        them, "strict" raises `UnicodeDecodeError`. An id of `special` gives its string. Every id is in `vocab` or
        `special`.
        """
        # YOUR CODE HERE
        raise NotImplementedError("ByteBPE.decode is not written yet")


def train(corpus: list[str], vocab_size: int) -> tuple[list[tuple[str, str]], dict[str, int]]:
    """Learn merges and vocabulary from some texts.

    The vocabulary starts with the 256 byte characters, whether they occur or not. Their ids are 0 … 255 in the order
    of the characters, as in GPT-2: `"!"` is 0 (byte 33), the characters from `chr(256)` on come last. (minbpe numbers the
    bytes by their values, and merges the first pair that it saw where counts are equal.) Each merge adds one token, with
    the next id.

    One step: in all texts, each cut by `pretokenize`, count every pair of neighbouring symbols (at every position,
    also where pairs overlap; never across two pre-tokens or two texts), and merge the most frequent pair everywhere,
    from left to right and without overlap. Of equally frequent pairs, the one with the smallest `(id of left, id of
    right)` is merged.

    Training stops when the vocabulary has `vocab_size` tokens or no pair is left; a `vocab_size` up to 256 gives no
    merges and the 256 byte characters. Special strings mean nothing here: they are text.

    Returns the merges in the order in which they were made, and the vocabulary.

    >>> merges, vocab = train(["low lower lowest"], 259)
    >>> merges, vocab["Ġlow"]
    ([('l', 'o'), ('lo', 'w'), ('Ġ', 'low')], 258)
    """
    # YOUR CODE HERE
    raise NotImplementedError("train is not written yet")
