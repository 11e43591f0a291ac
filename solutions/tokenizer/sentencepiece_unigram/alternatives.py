"""Right implementations, done differently."""

import functools
import itertools
import math
import re
import unicodedata
from collections import Counter

from autograder.checks import alternative

SPACE = "▁"


class Lattice:
    """Nodes are pieces; `ends_at[i]` and `begins_at[i]` list those that end or begin at position i."""

    def __init__(self, s, logp, unknown=None):
        self.s = s
        self.begins_at = [[] for _ in range(len(s) + 1)]
        self.ends_at = [[] for _ in range(len(s) + 1)]
        for begin in range(len(s)):
            for end in range(begin + 1, len(s) + 1):
                score = logp.get(s[begin:end])
                if score is None and end == begin + 1:
                    score = unknown
                if score is not None:
                    node = (begin, end, score)
                    self.begins_at[begin].append(node)
                    self.ends_at[end].append(node)

    def from_left(self):
        sums = [0.0]
        for nodes in self.ends_at[1:]:
            sums.append(total([sums[begin] + score for begin, _, score in nodes]))
        return sums

    def from_right(self):
        sums = [0.0] * (len(self.s) + 1)
        for i in reversed(range(len(self.s))):
            sums[i] = total([score + sums[end] for _, end, score in self.begins_at[i]])
        return sums


def total(values):
    """log Σ exp(values)"""
    top = max(values, default=-math.inf)
    return top if top == -math.inf else top + math.log(math.fsum(math.exp(v - top) for v in values))


# ----------------------------------------------------------------------------------------------------- a lattice object


@alternative("a lattice object, Viterbi from the right")
def viterbi(s, logp, unk_penalty=10.0):
    lattice = Lattice(s, logp, min(logp.values()) - unk_penalty)
    best = [(0.0, len(s))] * (len(s) + 1)
    for begin in reversed(range(len(s))):
        best[begin] = max((score + best[end][0], end) for _, end, score in lattice.begins_at[begin])
    pieces, begin = [], 0
    while begin < len(s):
        pieces.append(s[begin : best[begin][1]])
        begin = best[begin][1]
    return pieces, best[0][0]


@alternative("a lattice object, log-sum-exp over lists")
def em_step(sents, logp):
    counts, loglik = Counter(), 0.0
    for s, times in Counter(sents).items():
        lattice = Lattice(s, logp)
        left, right = lattice.from_left(), lattice.from_right()
        for begin, end, score in itertools.chain(*lattice.begins_at):
            counts[s[begin:end]] += times * math.exp(left[begin] + score + right[end] - right[0])
        loglik += times * right[0]
    norm = math.log(math.fsum(counts.values()))
    return {piece: math.log(count) - norm for piece, count in sorted(counts.items()) if count}, loglik


@alternative("a lattice object, drawn from the left with sums from the right")
def sample(s, logp, alpha, rng):
    lattice = Lattice(s, {piece: alpha * score for piece, score in logp.items()})
    right = lattice.from_right()
    pieces, begin = [], 0
    while begin < len(s):
        u = rng.random()
        for _, end, score in lattice.begins_at[begin]:
            if right[end] == -math.inf:
                continue
            chosen = end
            u -= math.exp(score + right[end] - right[begin])
            if u < 0:
                break
        pieces.append(s[begin:chosen])
        begin = chosen
    return pieces


# --------------------------------------------------------------------------------------------------- recursion, numbers


@alternative("memoised recursion over suffixes")
def viterbi(s, logp, unk_penalty=10.0):
    unknown = min(logp.values()) - unk_penalty

    @functools.cache
    def best(rest):
        if not rest:
            return 0.0, ()
        options = []
        for length in range(1, len(rest) + 1):
            if rest[:length] in logp or length == 1:
                score, pieces = best(rest[length:])
                options.append((logp.get(rest[:length], unknown) + score, (rest[:length], *pieces)))
        return max(options, key=lambda option: option[0])

    score, pieces = best(s)
    return list(pieces), score


@alternative("forward sums scaled to one at each position, as in speech recognition")
def em_step(sents, logp):
    longest = max(map(len, logp))
    counts, loglik = dict.fromkeys(logp, 0.0), 0.0
    for s in sents:
        n = len(s)
        left, shift = [1.0] + [0.0] * n, [0.0] * (n + 1)
        for end in range(1, n + 1):
            begins = [b for b in range(max(0, end - longest), end) if s[b:end] in logp and left[b] > 0]
            if not begins:
                continue
            shift[end] = max(shift[b] + logp[s[b:end]] for b in begins)
            left[end] = sum(left[b] * math.exp(shift[b] + logp[s[b:end]] - shift[end]) for b in begins)
        z = shift[n] + math.log(left[n])
        weight = [0.0] * n + [1.0]  # posterior probability of a boundary
        for end in range(n, 0, -1):
            if weight[end] == 0:
                continue
            here = shift[end] + math.log(left[end])
            for b in range(max(0, end - longest), end):
                if s[b:end] in logp and left[b] > 0:
                    posterior = weight[end] * math.exp(shift[b] + math.log(left[b]) + logp[s[b:end]] - here)
                    weight[b] += posterior
                    counts[s[b:end]] += posterior
        loglik += z
    norm = sum(counts.values())
    return {piece: math.log(count / norm) for piece, count in counts.items() if count > 0.0}, loglik


@alternative("all segmentations listed, then one choice")
def sample(s, logp, alpha, rng):
    ways = [[[]]]
    for end in range(1, len(s) + 1):
        ways.append([[*x, s[b:end]] for b in range(end) if s[b:end] in logp for x in ways[b]])
    scores = [alpha * sum(logp[piece] for piece in x) for x in ways[-1]]
    weights = [math.exp(score - max(scores)) for score in scores]
    return rng.choices(ways[-1], weights)[0]


@alternative("the best of all, each with Gumbel noise")
def sample(s, logp, alpha, rng):
    def ways(begin):
        if begin == len(s):
            yield []
        for end in range(begin + 1, len(s) + 1):
            if s[begin:end] in logp:
                for rest in ways(end):
                    yield [s[begin:end], *rest]

    def noisy(x):
        return alpha * sum(logp[piece] for piece in x) - math.log(-math.log(rng.random() or 1e-300))

    return max(ways(0), key=noisy)


# ----------------------------------------------------------------------------------------------------------------- text


@alternative("character by character")
def normalize(text, add_dummy_prefix=True, remove_extra_ws=True):
    out = []
    for c in unicodedata.normalize("NFKC", text):
        if not c.isspace():
            out.append(c)
        elif not remove_extra_ws or (out and out[-1] != " "):
            out.append(" ")
    if remove_extra_ws and out and out[-1] == " ":
        out.pop()
    if add_dummy_prefix and out:
        out.insert(0, " ")
    return "".join(SPACE if c == " " else c for c in out)


@alternative("split and join")
def normalize(text, add_dummy_prefix=True, remove_extra_ws=True):
    text = unicodedata.normalize("NFKC", text)
    words = text.split() if remove_extra_ws else re.split(r"\s", text)
    text = SPACE.join(words)
    return SPACE + text if add_dummy_prefix and text else text


@alternative("hexadecimal digits by format and zfill")
def byte_fallback(ch):
    return ["<0x" + format(b, "X").zfill(2) + ">" for b in bytearray(ch, "utf8")]


@alternative("neighbouring bytes by itertools.groupby")
def decode(pieces):
    table = {f"<0x{b:02X}>": b for b in range(256)}
    text = ""
    for is_byte, group in itertools.groupby(pieces, key=table.__contains__):
        run = list(group)
        text += bytes(table[piece] for piece in run).decode("utf-8", "replace") if is_byte else "".join(run)
    text = text.replace(SPACE, " ")
    return text[1:] if text.startswith(" ") else text


@alternative("everything as bytes, decoded once")
def decode(pieces):
    raw = b""
    for piece in pieces:
        match = re.match(r"<0x([0-9A-F]{2})>\Z", piece)
        raw += bytes([int(match[1], 16)]) if match else piece.encode()
    text = raw.decode("utf-8", "replace").replace(SPACE, " ")
    return text.removeprefix(" ")
