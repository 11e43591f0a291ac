"""WordPiece, the other half: from text to pieces, as BERT does it (Devlin et al., 2019)

First the text is cleaned and split into words and punctuation marks; then each word is cut into the longest pieces that
the vocabulary has. You write both steps, and `encode`, which puts them together.
"""

import unicodedata

# What BERT calls a Chinese character: first and last code point of eight blocks of Han characters. Not in them, among
# others: Hiragana and Katakana, Hangul, and CJK punctuation.
CJK_RANGES = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def basic_tokenize(text: str, lower: bool = True) -> list[str]:
    """Clean a text and split it into words and punctuation marks.

    Four steps, in this order. Categories are those of `unicodedata.category`.

    1. Clean. White space becomes a space " ": tab, newline and carriage return, and the categories Zs, Zl, Zp. All
       other characters of the categories Cc (control) and Cf (format), and the replacement character U+FFFD, are taken
       out, with nothing in their place: also those that Python's `str.split` takes for white space, such as the
       vertical tab ("a\\x0bb" becomes "ab"). Other characters stay, whatever their category: also private use (Co) and unassigned
       ones (Cn), as in Google's BERT. (Hugging Face's tokenizers take out every category that begins with C.)
    2. Put a space before and behind every character in CJK_RANGES.
    3. If `lower`: lower-case as `str.lower` does, decompose (normal form NFD) and take out all characters of category
       Mn (nonspacing marks), in whichever order you like. The text *stays* decomposed: Hangul syllables leave as
       letters. Without `lower` nothing happens in this step: accents stay too, and nothing is decomposed.
    4. Split at spaces. Besides, every punctuation mark becomes a token of its own, also several in a row. Punctuation
       is each category that begins with P, and each printable ASCII character that is no letter, digit or space: the
       code points 33-47, 58-64, 91-96 and 123-126, though Unicode takes `$+<=>^`|~` for symbols.

    Args:
        text: any string. (How a capital sigma at the end of a word is lower-cased is left open.)
        lower: the difference between BERT's "uncased" and "cased" models.
    Returns:
        The tokens in order, none of them empty.

    >>> basic_tokenize("Is 東京\\u200b like Zürich?")
    ['is', '東', '京', 'like', 'zurich', '?']
    >>> basic_tokenize("$5, Zürich", lower=False)
    ['$', '5', ',', 'Zürich']
    """
    # YOUR CODE HERE
    raise NotImplementedError("basic_tokenize is not written yet")


def wordpiece(word: str, vocab: set[str], unk: str = "[UNK]", max_chars: int = 100) -> list[str]:
    """Cut one word into pieces: at each place the longest piece that the vocabulary has, from left to right.

    A piece at the start of the word is looked up as it is, any other one with `##` before it. There is no going back:
    if no piece fits at some place, however short, the result is `[unk]` for the whole word, without the pieces found so
    far.

    Args:
        word: any string, no longer split or lower-cased here. It does not begin with `##`.
        vocab: the pieces, each of at least one character besides the `##`.
        unk: stands for a word that can't be cut. It need not be in `vocab`.
        max_chars: a word of *more* than so many characters (not bytes) is `[unk]`, whatever the vocabulary has.
    Returns:
        The pieces, the later ones with their `##`. An empty word has none: [].

    >>> wordpiece("unaffable", {"un", "##aff", "##able", "##a"})
    ['un', '##aff', '##able']
    >>> wordpiece("unable", {"un", "##aff", "able"})
    ['[UNK]']
    """
    # YOUR CODE HERE
    raise NotImplementedError("wordpiece is not written yet")


def encode(text: str, vocab: set[str], lower: bool = True, unk: str = "[UNK]", max_chars: int = 100) -> list[str]:
    """Text to pieces: `wordpiece` of each token of `basic_tokenize`, in one list. Each unknown word gives one `unk`, also where
    several stand side by side.

    No special token is added, and none is recognised in the text: "[CLS]" is three tokens there.

    >>> encode("It's unaffable!", {"it", "'", "s", "un", "##aff", "##able"})
    ['it', "'", 's', 'un', '##aff', '##able', '[UNK]']
    """
    # YOUR CODE HERE
    raise NotImplementedError("encode is not written yet")
