"""Wrong implementations, each with the sentence that a student should read."""

import math
import random

from autograder.checks import mistake

# ------------------------------------------------------------------------------------------------------------ normalize

mistake(
    "You put `▁` only between words. The first word is a word too: with `add_dummy_prefix` it gets its `▁`.",
    edit={'text = " " + text': "pass"},
)

mistake(
    "You use the canonical form NFC. SentencePiece uses the compatibility form NFKC: `ﬁ` becomes `fi`, `Ａ` "
    "becomes `A`.",
    edit={'unicodedata.normalize("NFKC", text)': 'unicodedata.normalize("NFC", text)'},
)

mistake(
    "You treat only U+0020 as a space. Tabs, line breaks and all that `str.isspace()` names count as spaces too.",
    edit={'    text = re.sub(r"\\s", " ", text)\n': ""},
)

mistake(
    "You remove extra spaces also when `remove_extra_ws` is False. Then every space has to stay.",
    edit={"if remove_extra_ws:": "if True:"},
)

mistake(
    "You collapse runs of spaces but leave a space at the ends. Spaces at both ends go altogether.",
    edit={'.strip(" ")': ""},
)

mistake(
    "You strip the ends, but runs of spaces inside stay. Each run becomes one space.",
    edit={'text = re.sub(" +", " ", text).strip(" ")': 'text = text.strip(" ")'},
)

mistake(
    "You put the prefix in front of an empty text. A text of which nothing is left stays empty.",
    edit={"if add_dummy_prefix and text:": "if add_dummy_prefix:"},
)

mistake(
    "You leave out the prefix where the text already begins with a space. The prefix is added to every text but "
    "the empty one.",
    edit={"if add_dummy_prefix and text:": 'if add_dummy_prefix and text and text[0] not in " ▁":'},
)


@mistake("You remove extra spaces before NFKC. Some characters only become spaces in NFKC, so normalise first.")
def normalize(text, add_dummy_prefix=True, remove_extra_ws=True):
    if remove_extra_ws:
        text = " ".join(text.split())
    text = "".join(" " if c.isspace() else c for c in unicodedata.normalize("NFKC", text))
    if add_dummy_prefix and text:
        text = " " + text
    return text.replace(" ", SPACE)


# -------------------------------------------------------------------------------------------------------------- viterbi


@mistake(
    "You take the longest piece that fits, from left to right. A shorter piece now can leave a better rest: "
    "compare whole segmentations."
)
def viterbi(s, logp, unk_penalty=10.0):
    pieces, begin = [], 0
    unknown = min(logp.values()) - unk_penalty
    while begin < len(s):
        end = max((e for e in range(begin + 1, len(s) + 1) if s[begin:e] in logp), default=begin + 1)
        pieces.append(s[begin:end])
        begin = end
    return pieces, sum((logp.get(piece, unknown) for piece in pieces), 0.0)


@mistake(
    "You take the piece with the best score at each position. A good piece now can force a bad rest: compare "
    "whole segmentations."
)
def viterbi(s, logp, unk_penalty=10.0):
    pieces, begin = [], 0
    unknown = min(logp.values()) - unk_penalty
    while begin < len(s):
        ends = [e for e in range(begin + 1, len(s) + 1) if s[begin:e] in logp or e == begin + 1]
        end = max(ends, key=lambda e: logp.get(s[begin:e], unknown))
        pieces.append(s[begin:end])
        begin = end
    return pieces, sum((logp.get(piece, unknown) for piece in pieces), 0.0)


@mistake(
    "You return the segmentation with the fewest pieces. The best one has the highest sum of "
    "log-probabilities, however many pieces it has."
)
def viterbi(s, logp, unk_penalty=10.0):
    unknown = min(logp.values()) - unk_penalty
    best = [(0, 0.0, [])]
    for end in range(1, len(s) + 1):
        found = []
        for begin in range(end):
            piece = s[begin:end]
            if piece in logp or len(piece) == 1:
                count, score, pieces = best[begin]
                found.append((count + 1, score + logp.get(piece, unknown), [*pieces, piece]))
        best.append(min(found, key=lambda x: (x[0], -x[1])))
    return best[-1][2], best[-1][1]


mistake(
    "An unknown character scores `-unk_penalty` in your code. It scores `unk_penalty` *below the least likely "
    "piece* of the vocabulary.",
    edit={"unknown = min(logp.values()) - unk_penalty": "unknown = -unk_penalty"},
)

mistake(
    "An unknown character scores as much as the least likely piece in your code. Take `unk_penalty` off.",
    edit={"unknown = min(logp.values()) - unk_penalty": "unknown = min(logp.values())"},
)

mistake(
    "You always take 10 off for an unknown character. Use the argument `unk_penalty`.",
    edit={"unknown = min(logp.values()) - unk_penalty": "unknown = min(logp.values()) - 10.0"},
)

mistake(
    "You add the penalty to the *highest* score. An unknown character scores below the *least* likely piece.",
    edit={"unknown = min(logp.values()) - unk_penalty": "unknown = max(logp.values()) - unk_penalty"},
)

mistake(
    "You let longer stretches be one unknown piece. An unknown piece is a single character.",
    edit={"unknown if len(piece) == 1 else -math.inf": "unknown"},
)

mistake(
    "You allow an unknown character only where no piece begins. It is allowed wherever that one character is "
    "not in the vocabulary.",
    edit={
        "            score = best[begin] + logp.get(piece, unknown if len(piece) == 1 else -math.inf)\n": """
            covered = any(s[begin:e] in logp for e in range(begin + 1, n + 1))
            allowed = len(piece) == 1 and not covered
            score = best[begin] + logp.get(piece, unknown if allowed else -math.inf)
"""
    },
)

mistake(
    "You return the score of the last piece. The score of a segmentation is the sum over its pieces.",
    edit={"return pieces[::-1], best[n]": "return pieces[::-1], logp.get(pieces[0], unknown) if pieces else 0.0"},
)

mistake(
    "You return the score divided by the number of pieces. It is the sum, not the mean.",
    edit={"return pieces[::-1], best[n]": "return pieces[::-1], best[n] / max(1, len(pieces))"},
)

mistake(
    "You return the probability of the segmentation. Return its logarithm, the sum of the scores.",
    edit={"return pieces[::-1], best[n]": "return pieces[::-1], math.exp(best[n])"},
)

mistake(
    "You return the pieces from the last to the first: turn the list round after you have followed the way back.",
    edit={"return pieces[::-1], best[n]": "return pieces, best[n]"},
)

mistake(
    "Your loop over pieces is one character short: the longest pieces of the vocabulary are never tried.",
    edit={"range(max(0, end - longest), end)": "range(max(0, end - longest + 1), end)"},
)

# -------------------------------------------------------------------------------------------------------------- em_step


@mistake(
    "You count the pieces of the best segmentation only (hard EM). Every segmentation counts, with its "
    "posterior probability."
)
def em_step(sents, logp):
    counts, loglik = defaultdict(float), 0.0
    for s in sents:
        best = [(0.0, [])]
        for end in range(1, len(s) + 1):
            found = [(best[b][0] + logp[s[b:end]], [*best[b][1], s[b:end]]) for b in range(end) if s[b:end] in logp]
            best.append(max(found, key=lambda x: x[0], default=(-math.inf, [])))
        for piece in best[-1][1]:
            counts[piece] += 1.0
        loglik += best[-1][0]
    total = sum(counts.values())
    return {piece: math.log(count / total) for piece, count in counts.items()}, loglik


@mistake(
    "You multiply probabilities, and the product of a long sentence is not a float any more. Add "
    "log-probabilities instead."
)
def em_step(sents, logp):
    counts, loglik = defaultdict(float), 0.0
    p = {piece: math.exp(score) for piece, score in logp.items()}
    for s in sents:
        edges = _edges(s, logp)
        forward, backward = [1.0] + [0.0] * len(s), [0.0] * len(s) + [1.0]
        for begin, end in edges:
            forward[end] += forward[begin] * p[s[begin:end]]
        for begin, end in reversed(edges):
            backward[begin] += p[s[begin:end]] * backward[end]
        for begin, end in edges:
            counts[s[begin:end]] += forward[begin] * p[s[begin:end]] * backward[end] / (forward[-1] or 1e-300)
        loglik += math.log(forward[-1] or 1e-300)
    total = sum(counts.values())
    return {piece: math.log(count / (total or 1.0)) for piece, count in counts.items() if count > 0}, loglik


mistake(
    "You do not divide by the probability of the sentence, so that likely sentences count for more. The counts "
    "of each sentence need its posterior.",
    edit={"backward[end] - log_z)": "backward[end])"},
)

mistake(
    "You divide the expected counts by the number of sentences. Divide by their sum: the new probabilities sum to one.",
    edit={"total = sum(counts.values())": "total = float(len(sents))"},
)

mistake(
    "You return the expected counts' logarithms without dividing by their sum: the new probabilities have to "
    "sum to one.",
    edit={"total = sum(counts.values())": "total = 1.0"},
)

mistake(
    "You leave the backward sums out, so a piece counts even where the rest of the sentence cannot follow. "
    "Weigh it by what comes after it too.",
    edit={"logp[piece] + backward[end] - log_z": "logp[piece] - forward[end]"},
)

mistake(
    "You count each different sentence once. A sentence that stands twice in the list counts twice.",
    edit={"for s in sents:": "for s in dict.fromkeys(sents):"},
)

mistake(
    "You keep pieces that occur in no segmentation, with a made-up tiny probability. They leave the vocabulary.",
    edit={
        "return {piece: math.log(count / total) for piece, count in counts.items() if count > 0}, loglik": "return {piece: math.log(max(counts[piece], 1e-12) / total) for piece in logp}, loglik"
    },
)

mistake(
    "You keep the old score of pieces that occur in no segmentation. They leave the vocabulary.",
    edit={
        "return {piece: math.log(count / total) for piece, count in counts.items() if count > 0}, loglik": "return logp | {v: math.log(count / total) for v, count in counts.items() if count > 0}, loglik"
    },
)

mistake(
    "You keep pieces that occur in no segmentation with log-probability -inf. Leave them out of the new vocabulary.",
    edit={
        "return {piece: math.log(count / total) for piece, count in counts.items() if count > 0}, loglik": "return {v: math.log(counts[v] / total) if counts[v] > 0 else -math.inf for v in logp}, loglik"
    },
)

mistake(
    "You return the log-likelihood under the *new* probabilities. It belongs to the ones that came in.",
    edit={
        "return {piece: math.log(count / total) for piece, count in counts.items() if count > 0}, loglik": """new = {piece: math.log(count / total) for piece, count in counts.items() if count > 0}
    return new, sum(_forward(s, new)[-1] for s in sents)"""
    },
)

mistake(
    "You return the mean log-likelihood of a sentence. It is the sum over the sentences.",
    edit={"if count > 0}, loglik": "if count > 0}, loglik / len(sents)"},
)

mistake("You return the new probabilities, not their logarithms.", edit={"math.log(count / total)": "count / total"})

mistake(
    "You count each segmentation equally. A segmentation counts with its posterior probability P(x) / Z.",
    edit={
        "forward, backward = _forward(s, logp), _backward(s, logp)": """flat = dict.fromkeys(logp, 0.0)
        forward, backward = _forward(s, flat), _backward(s, flat)""",
        "forward[begin] + logp[piece] + backward[end]": "forward[begin] + backward[end]",
        "loglik += log_z": "loglik += _forward(s, logp)[-1]",
    },
)

mistake(
    "You count a piece once a segmentation, however often it occurs in it. Count every occurrence.",
    edit={
        "for begin, end in _edges(s, logp):\n            piece = s[begin:end]\n            counts": """\
for piece in {s[begin:end] for begin, end in _edges(s, logp)}:
            without = {v: score for v, score in logp.items() if v != piece}
            counts""",
        "math.exp(forward[begin] + logp[piece] + backward[end] - log_z)": "-math.expm1((_forward(s, without)[-1] if without else -math.inf) - log_z)",
    },
)

mistake(
    "You take the forward sum at the *end* of a piece, which has its probability in it already. Take the one at "
    "its beginning.",
    edit={"math.exp(forward[begin] + logp[piece]": "math.exp(forward[end] + logp[piece]"},
)

# --------------------------------------------------------------------------------------------------------------- sample

mistake(
    "You ignore alpha. It is the power of P(x): multiply the log-probabilities by it, in the sums and in the draws.",
    edit={"alpha * score for piece": "score for piece"},
)

mistake(
    "You use alpha as a temperature and divide by it. It is the power of P(x): alpha = 0 makes all "
    "segmentations equally likely.",
    edit={"alpha * score for piece": "score / max(alpha, 1e-9) for piece"},
)

mistake(
    "You use alpha for the draws but not in the sums over what comes before. Both need the same scores.",
    edit={"forward = _forward(s, scores)": "forward = _forward(s, logp)"},
)


@mistake("You always return the best segmentation. Draw one, each with its probability.")
def sample(s, logp, alpha, rng):
    ways = [(0.0, [])]
    for end in range(1, len(s) + 1):
        found = [(ways[b][0] + logp[s[b:end]], [*ways[b][1], s[b:end]]) for b in range(end) if s[b:end] in logp]
        ways.append(max(found, key=lambda x: x[0], default=(-math.inf, [])))
    return ways[-1][1]


@mistake(
    "From right to left, you draw each piece by its own probability and forget how likely the text before it "
    "can be cut. Weigh it by the sum over all ways to get there."
)
def sample(s, logp, alpha, rng):
    pieces, end = [], len(s)
    forward = _forward(s, logp)
    while end > 0:
        begins = [b for b in range(end) if s[b:end] in logp and forward[b] > -math.inf]
        best = max(alpha * logp[s[b:end]] for b in begins)
        (begin,) = rng.choices(begins, [math.exp(alpha * logp[s[b:end]] - best) for b in begins])
        pieces.append(s[begin:end])
        end = begin
    return pieces[::-1]


@mistake(
    "From left to right, you draw each piece by its own probability and forget how likely the rest of the text "
    "can be cut. Weigh it by the sum over all ways to go on."
)
def sample(s, logp, alpha, rng):
    pieces, begin = [], 0
    backward = _backward(s, logp)
    while begin < len(s):
        ends = [e for e in range(begin + 1, len(s) + 1) if s[begin:e] in logp and backward[e] > -math.inf]
        best = max(alpha * logp[s[begin:e]] for e in ends)
        (end,) = rng.choices(ends, [math.exp(alpha * logp[s[begin:e]] - best) for e in ends])
        pieces.append(s[begin:end])
        begin = end
    return pieces


@mistake(
    "You draw with the global `random` module. Use the generator `rng` that you are given, or nobody can "
    "repeat the run."
)
def sample(s, logp, alpha, rng):
    scores = {piece: alpha * score for piece, score in logp.items()}
    forward = _forward(s, scores)
    pieces, end = [], len(s)
    while end > 0:
        begins = [b for b in range(end) if s[b:end] in scores]
        weights = [math.exp(forward[b] + scores[s[b:end]] - forward[end]) for b in begins]
        (begin,) = random.choices(begins, weights)
        pieces.append(s[begin:end])
        end = begin
    return pieces[::-1]


@mistake(
    "You draw every possible next piece with the same chance. Weigh it by alpha times its score and by the sum "
    "over the rest."
)
def sample(s, logp, alpha, rng):
    pieces, end = [], len(s)
    forward = _forward(s, logp)
    while end > 0:
        begin = rng.choice([b for b in range(end) if s[b:end] in logp and forward[b] > -math.inf])
        pieces.append(s[begin:end])
        end = begin
    return pieces[::-1]


mistake(
    "You return the pieces from the last to the first: turn the list round after the draws.",
    edit={"return pieces[::-1]\n    # END": "return pieces\n    # END"},
)

# --------------------------------------------------------------------------------------------- byte_fallback and decode

mistake(
    "You write the code point of the character. Byte pieces hold the bytes of its UTF-8 form.",
    edit={'for byte in ch.encode("utf-8")': "for byte in map(ord, ch)"},
)

mistake(
    "You write UTF-16 bytes. Byte pieces hold the bytes of the UTF-8 form.",
    edit={'ch.encode("utf-8")': 'ch.encode("utf-16-be")'},
)

mistake(
    "You write the digits in lower case. Byte pieces have upper case ones: `<0xE4>`.", edit={"{byte:02X}": "{byte:02x}"}
)

mistake("You write one digit for small bytes. A byte piece always has two: `<0x0A>`.", edit={"{byte:02X}": "{byte:X}"})


@mistake(
    "You decode each byte piece by itself, so a character of several bytes falls apart. Put neighbouring bytes "
    "together first."
)
def decode(pieces):
    text = ""
    for piece in pieces:
        if re.fullmatch("<0x[0-9A-F]{2}>", piece):
            piece = bytes.fromhex(piece[3:5]).decode("utf-8", errors="replace")
        text += piece
    return text.replace(SPACE, " ").removeprefix(" ")


mistake(
    "You drop bytes that are not UTF-8. They become U+FFFD, so that one sees that something is missing.",
    edit={'errors="replace") + piece': 'errors="ignore") + piece'},
)

mistake(
    "You collect bytes across the ordinary pieces between them. Only neighbouring byte pieces belong together.",
    edit={'text += run.decode("utf-8", errors="replace") + piece\n            run = b""\n': "text += piece\n"},
)

mistake(
    "You forget the bytes at the end of the list. Decode them after the last piece.",
    edit={'    text += run.decode("utf-8", errors="replace")\n    return': "    return"},
)

mistake(
    "You leave byte pieces in the text. Turn them back into characters.",
    edit={"if re.fullmatch(": "if piece is None and re.fullmatch("},
)

mistake(
    "You take every piece that begins with `<0x` for a byte. Only `<0x`, two upper-case digits and `>` is one.",
    edit={'re.fullmatch("<0x[0-9A-F]{2}>", piece)': 're.match("<0x[0-9A-Fa-f]{2}", piece)'},
)

mistake(
    "You strip the spaces at both ends. Only one space at the start, the dummy prefix, is not part of the text.",
    edit={'.removeprefix(" ")': ".strip()"},
)

mistake(
    "You drop all spaces at the start. Only one of them is the dummy prefix; the others are part of the text.",
    edit={'.removeprefix(" ")': '.lstrip(" ")'},
)

mistake(
    "You leave the dummy prefix in the text: decoded text does not begin with the space that `normalize` put there.",
    edit={'.removeprefix(" ")': ""},
)

mistake(
    "You drop the first character whatever it is. Drop it only if it is a space.",
    edit={'text.replace(SPACE, " ").removeprefix(" ")': 'text.replace(SPACE, " ")[1:]'},
)

mistake(
    "You join the pieces with spaces. The spaces are in the pieces already: that is what `▁` is for.",
    edit={'errors="replace") + piece\n': 'errors="replace") + " " + piece.replace(SPACE, "")\n'},
)

mistake(
    "You replace the underscore `_`. The mark is `▁`, U+2581.",
    edit={'text.replace(SPACE, " ").removeprefix': 'text.replace(SPACE, " ").replace("_", " ").removeprefix'},
)


# --- of other kinds --------------------------------------------------------------------------------------------------


@mistake(
    "You try an unknown character only where no piece of the vocabulary ends. It may be a piece wherever it stands, also where a "
    "longer piece covers it: what the longer piece makes necessary before it may be dearer."
)
def viterbi(s: str, logp: dict[str, float], unk_penalty: float = 10.0) -> tuple[list[str], float]:
    n, unknown = len(s), min(logp.values()) - unk_penalty
    best, last = [0.0] + [-math.inf] * n, [0] * (n + 1)
    for end in range(1, n + 1):
        options = [(best[begin] + logp[s[begin:end]], begin) for begin in range(end) if s[begin:end] in logp]
        options = [each for each in options if each[0] > -math.inf] or [(best[end - 1] + unknown, end - 1)]
        best[end], last[end] = max(options)
    pieces, end = [], n
    while end > 0:
        pieces.append(s[last[end] : end])
        end = last[end]
    return pieces[::-1], best[n]


@mistake(
    "You try an unknown character only where no piece of the vocabulary begins. It may be a piece wherever it stands, also where a "
    "longer piece covers it."
)
def viterbi(s: str, logp: dict[str, float], unk_penalty: float = 10.0) -> tuple[list[str], float]:
    n, unknown = len(s), min(logp.values()) - unk_penalty
    best, length = [-math.inf] * n + [0.0], [1] * (n + 1)
    for begin in reversed(range(n)):
        known = [
            (logp[s[begin:end]] + best[end], end - begin) for end in range(begin + 1, n + 1) if s[begin:end] in logp
        ]
        best[begin], length[begin] = max(known) if known else (unknown + best[begin + 1], 1)
    pieces, begin = [], 0
    while begin < n:
        pieces.append(s[begin : begin + length[begin]])
        begin += length[begin]
    return pieces, best[0]


mistake(
    "Viterbi looks at pieces of 10 characters at most. A piece is as long as the vocabulary has it.",
    edit={"for begin in range(max(0, end - longest), end):": "for begin in range(max(0, end - 10), end):"},
)

mistake(
    "Viterbi looks at pieces of 16 characters at most. A piece is as long as the vocabulary has it.",
    edit={"for begin in range(max(0, end - longest), end):": "for begin in range(max(0, end - 16), end):"},
)

mistake(
    "Your lattice has pieces of 16 characters at most. A piece is as long as the vocabulary has it.",
    edit={
        "range(begin + 1, min(begin + longest, len(s)) + 1)": "range(begin + 1, min(begin + longest, begin + 16, len(s)) + 1)"
    },
)

mistake(
    "Samples have pieces of 16 characters at most. A piece is as long as the vocabulary has it.",
    edit={
        "begins = [b for b in range(end) if s[b:end] in scores]": (
            "begins = [b for b in range(max(0, end - 16), end) if s[b:end] in scores and forward[b] > -math.inf]"
        )
    },
)

mistake(
    "You know fewer whitespace characters than `str.isspace`, which also has U+001C to U+001F and U+0085.",
    edit={
        're.sub(r"\\s", " ", text)': 're.sub(r"[\\t\\n\\v\\f\\r\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000\\xa0]", " ", text)'
    },
)

mistake(
    "You take a piece with a line break behind it for a byte piece: `$` matches before a final line break. Use `re.fullmatch`.",
    edit={'re.fullmatch("<0x[0-9A-F]{2}>", piece)': 're.match("<0x[0-9A-F]{2}>$", piece)'},
)


@mistake(
    'You take every piece from "<0x" to ">" for a byte that `int(…, 16)` can read, so "<0x+1>" and "<0x_1>" too. The two characters are '
    "digits 0-9 or letters A-F."
)
def decode(pieces: list[str]) -> str:
    data = b""
    for piece in pieces:
        try:
            if (
                len(piece) != 6
                or piece[:3] != "<0x"
                or piece[5] != ">"
                or piece != piece.replace("x", "X").upper().replace("X", "x", 1)
            ):
                raise ValueError
            data += bytes([int(piece[3:5], 16)])
        except ValueError:
            data += piece.encode()
    return data.decode(errors="replace").replace(SPACE, " ").removeprefix(" ")
