"""SentencePiece with a unigram language model (Kudo 2018; Kudo and Richardson 2018).

A text s is cut into pieces x = (x_1, ..., x_M) of a vocabulary, and P(x) = p(x_1) · ... · p(x_M): a piece does not know
its neighbours. `logp` maps each piece to log p(piece), the natural logarithm, always finite. It is never empty, has no
empty piece, and its probabilities need not sum to one. A *segmentation* of s is a list of pieces that join to s; the
empty text has one, `[]`, with P = 1.
"""

import math
import random
import re
import unicodedata
from collections import defaultdict

SPACE = "▁"  # U+2581 LOWER ONE EIGHTH BLOCK, not the underscore


def normalize(text: str, add_dummy_prefix: bool = True, remove_extra_ws: bool = True) -> str:
    """Bring raw text into the form that is cut into pieces. In this order:

    1. Unicode normal form NFKC (full-width letters, ligatures and the like become ordinary ones).
    2. Every whitespace character (`str.isspace()`: tabs, line breaks, ...) counts as a space from here on.
    3. With `remove_extra_ws`: spaces at both ends are dropped, and each run of spaces inside becomes one space.
    4. With `add_dummy_prefix`: one space is put in front, also where there is one already. A text that is empty by now
       stays empty.
    5. Every space becomes `SPACE`.

    Nothing else is changed or removed. (SentencePiece's own table, nmt_nfkc, also turns zero-width spaces into spaces and
    deletes control characters.)

    >>> normalize("  ＡＢＣ  ﬁne ")
    '▁ABC▁fine'
    >>> normalize(" a  b", add_dummy_prefix=False, remove_extra_ws=False)
    '▁a▁▁b'
    """
    # YOUR CODE HERE
    raise NotImplementedError("normalize is not written yet")


def viterbi(s: str, logp: dict[str, float], unk_penalty: float = 10.0) -> tuple[list[str], float]:
    """The most likely segmentation of s, and its score: the sum of the scores of its pieces.

    A piece of the vocabulary scores logp[piece]. A single character that is not itself in the vocabulary may also be a
    piece, an unknown one, wherever it stands (also where a longer piece covers it): it scores
    min(logp.values()) - unk_penalty. Unknown characters side by side stay separate pieces. (SentencePiece shows them as
    one, after the search.) Where several segmentations share the best score, any of them is right. The empty text gives
    ([], 0.0).

    >>> viterbi("abc", {"a": -1.0, "b": -2.0, "c": -2.0, "ab": -2.5, "bc": -3.0})
    (['a', 'bc'], -4.0)
    >>> viterbi("a你", {"a": -1.0, "b": -2.0})
    (['a', '你'], -13.0)
    """
    # YOUR CODE HERE
    raise NotImplementedError("viterbi is not written yet")


def em_step(sents: list[str], logp: dict[str, float]) -> tuple[dict[str, float], float]:
    """One step of expectation-maximisation: (new logp, log-likelihood of sents under the old logp).

    Write Z(s) = Σ_x P(x) over all segmentations x of s into pieces of the vocabulary (no unknown characters here).

    - E-step: the expected count of piece v is c(v) = Σ_s Σ_x P(x) / Z(s) · (how often v occurs in x). A sentence that
      stands twice in the list counts twice.
    - M-step: new p(v) = c(v) / Σ_u c(u). A piece with c(v) = 0, one that is in no segmentation of any sentence, is left
      out of the new vocabulary.
    - The log-likelihood is Σ_s log Z(s).

    Every sentence has at least one segmentation, though perhaps none with a boundary at some of its positions (single
    characters may be missing from the vocabulary). At least one sentence is not empty. Sentences can be so long that
    Z(s) is far below the smallest float: work with logarithms. `logp` itself is not changed.

    P(a, b) = 1/16 and P(ab) = 8/16, so the new probabilities are 0.1, 0.1 and 0.8, and the log-likelihood is log(9/16):

    >>> logp = {"a": math.log(1 / 4), "b": math.log(1 / 4), "ab": math.log(1 / 2), "ba": math.log(1 / 8)}
    >>> em_step(["ab"], logp)
    ({'a': -2.3026, 'b': -2.3026, 'ab': -0.2231}, -0.5754)
    """
    # YOUR CODE HERE
    raise NotImplementedError("em_step is not written yet")


def sample(s: str, logp: dict[str, float], alpha: float, rng: random.Random) -> list[str]:
    """Draw one segmentation x of s into pieces of the vocabulary, with probability P(x)^alpha / Σ_x' P(x')^alpha.

    The sum is over all segmentations of s: alpha = 1 draws from the model, alpha = 0 makes every segmentation equally
    likely, a large alpha draws almost always the best. As in `em_step`, s has at least one segmentation without unknown
    characters, and P(x) can be far below the smallest float. All randomness comes from `rng` (any number of calls of
    any of its methods): the same state of rng gives the same segmentation.

    For "ab" with p(a) = p(b) = 1/4 and p(ab) = 1/2, and alpha = 1, ["ab"] comes in 8 of 9 draws, else ["a", "b"].
    """
    # YOUR CODE HERE
    raise NotImplementedError("sample is not written yet")


def byte_fallback(ch: str) -> list[str]:
    """The byte pieces that stand for a character without a piece of its own: `<0xNN>` for each byte of its UTF-8 form.

    NN is two hexadecimal digits, upper case. A longer string gives the pieces of all its characters; "" gives [].

    >>> byte_fallback("你")
    ['<0xE4>', '<0xBD>', '<0xA0>']
    """
    # YOUR CODE HERE
    raise NotImplementedError("byte_fallback is not written yet")


def decode(pieces: list[str]) -> str:
    """Pieces back to text. In this order:

    1. Neighbouring byte pieces are put together and decoded as UTF-8; bytes that are not UTF-8 become U+FFFD, as
       `bytes.decode("utf-8", errors="replace")` does it. A byte piece is exactly "<0x", two of the digits 0-9 and A-F,
       ">": any other piece, such as "<0xZZ>" or "<0xe4>", is ordinary text.
    2. Everything is joined, and every `SPACE` becomes " ".
    3. If the text begins with a space, that one space (the dummy prefix) is dropped. No other space is.

    >>> decode(["▁he", "llo", "▁", "<0xE4>", "<0xBD>", "<0xA0>", "!"])
    'hello 你!'
    >>> decode(["▁", "▁a"])
    ' a'
    """
    # YOUR CODE HERE
    raise NotImplementedError("decode is not written yet")
