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
    # BEGIN SOLUTION
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"\s", " ", text)
    if remove_extra_ws:
        text = re.sub(" +", " ", text).strip(" ")
    if add_dummy_prefix and text:
        text = " " + text
    return text.replace(" ", SPACE)
    # END SOLUTION


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
    # BEGIN SOLUTION
    n = len(s)
    unknown = min(logp.values()) - unk_penalty
    longest = max(len(piece) for piece in logp)
    best = [0.0] + [-math.inf] * n  # best[i]: score of the best segmentation of s[:i]
    last = [0] * (n + 1)  # last[i]: where its last piece begins
    for end in range(1, n + 1):
        for begin in range(max(0, end - longest), end):
            piece = s[begin:end]
            score = best[begin] + logp.get(piece, unknown if len(piece) == 1 else -math.inf)
            if score > best[end]:
                best[end], last[end] = score, begin
    pieces = []
    end = n
    while end > 0:
        pieces.append(s[last[end] : end])
        end = last[end]
    return pieces[::-1], best[n]
    # END SOLUTION


# BEGIN SOLUTION
def _edges(s: str, logp: dict[str, float]) -> list[tuple[int, int]]:
    """The lattice: every (begin, end) for which s[begin:end] is a piece, by begin, then by end."""
    longest = max(len(piece) for piece in logp)
    spans = [(begin, end) for begin in range(len(s)) for end in range(begin + 1, min(begin + longest, len(s)) + 1)]
    return [(begin, end) for begin, end in spans if s[begin:end] in logp]


def _logaddexp(a: float, b: float) -> float:
    """log(exp(a) + exp(b))"""
    if -math.inf in (a, b):
        return max(a, b)
    return max(a, b) + math.log1p(math.exp(-abs(a - b)))


def _forward(s: str, logp: dict[str, float]) -> list[float]:
    """forward[i] = log Σ P(x) over the segmentations x of s[:i]; -inf where there is none."""
    forward = [0.0] + [-math.inf] * len(s)
    for begin, end in _edges(s, logp):
        forward[end] = _logaddexp(forward[end], forward[begin] + logp[s[begin:end]])
    return forward


def _backward(s: str, logp: dict[str, float]) -> list[float]:
    """backward[i] = log Σ P(x) over the segmentations x of s[i:]; -inf where there is none."""
    backward = [-math.inf] * len(s) + [0.0]
    for begin, end in reversed(_edges(s, logp)):
        backward[begin] = _logaddexp(backward[begin], logp[s[begin:end]] + backward[end])
    return backward


# END SOLUTION


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
    # BEGIN SOLUTION
    counts = defaultdict(float)
    loglik = 0.0
    for s in sents:
        forward, backward = _forward(s, logp), _backward(s, logp)
        log_z = forward[-1]
        for begin, end in _edges(s, logp):
            piece = s[begin:end]
            counts[piece] += math.exp(forward[begin] + logp[piece] + backward[end] - log_z)
        loglik += log_z
    total = sum(counts.values())
    return {piece: math.log(count / total) for piece, count in counts.items() if count > 0}, loglik
    # END SOLUTION


def sample(s: str, logp: dict[str, float], alpha: float, rng: random.Random) -> list[str]:
    """Draw one segmentation x of s into pieces of the vocabulary, with probability P(x)^alpha / Σ_x' P(x')^alpha.

    The sum is over all segmentations of s: alpha = 1 draws from the model, alpha = 0 makes every segmentation equally
    likely, a large alpha draws almost always the best. As in `em_step`, s has at least one segmentation without unknown
    characters, and P(x) can be far below the smallest float. All randomness comes from `rng` (any number of calls of
    any of its methods): the same state of rng gives the same segmentation.

    For "ab" with p(a) = p(b) = 1/4 and p(ab) = 1/2, and alpha = 1, ["ab"] comes in 8 of 9 draws, else ["a", "b"].
    """
    # BEGIN SOLUTION
    scores = {piece: alpha * score for piece, score in logp.items()}
    forward = _forward(s, scores)
    pieces = []
    end = len(s)
    while end > 0:  # the last piece first: P(it begins at b | s[:end]) = Z(s[:b]) · p(piece) / Z(s[:end])
        begins = [b for b in range(end) if s[b:end] in scores]
        weights = [math.exp(forward[b] + scores[s[b:end]] - forward[end]) for b in begins]
        (begin,) = rng.choices(begins, weights)
        pieces.append(s[begin:end])
        end = begin
    return pieces[::-1]
    # END SOLUTION


def byte_fallback(ch: str) -> list[str]:
    """The byte pieces that stand for a character without a piece of its own: `<0xNN>` for each byte of its UTF-8 form.

    NN is two hexadecimal digits, upper case. A longer string gives the pieces of all its characters; "" gives [].

    >>> byte_fallback("你")
    ['<0xE4>', '<0xBD>', '<0xA0>']
    """
    # BEGIN SOLUTION
    return [f"<0x{byte:02X}>" for byte in ch.encode("utf-8")]
    # END SOLUTION


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
    # BEGIN SOLUTION
    text = ""
    run = b""  # the bytes seen since the last ordinary piece
    for piece in pieces:
        if re.fullmatch("<0x[0-9A-F]{2}>", piece):
            run += bytes.fromhex(piece[3:5])
        else:
            text += run.decode("utf-8", errors="replace") + piece
            run = b""
    text += run.decode("utf-8", errors="replace")
    return text.replace(SPACE, " ").removeprefix(" ")
    # END SOLUTION
