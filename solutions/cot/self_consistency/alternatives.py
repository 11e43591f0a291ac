"""Right ways to write cot/self_consistency, done differently."""

import math
import re
from collections import Counter, defaultdict
from fractions import Fraction

import torch

from autograder.checks import alternative


def one_number(text, start):
    """Where the number that begins at `start` ends; `start` if none does. Read by hand, character by character."""
    digits = "0123456789"

    def run(i):
        while i < len(text) and text[i] in digits:
            i += 1
        return i

    def body(i):
        for name in ("\\frac{", "\\dfrac{", "\\tfrac{"):
            if text.startswith(name, i):
                a = run(i + len(name))
                if a > i + len(name) and text.startswith("}{", a):
                    b = run(a + 2)
                    if b > a + 2 and text.startswith("}", b):
                        return b + 1
        end = run(i)
        if end > i and text.startswith("/", end) and run(end + 1) > end + 1:
            return run(end + 1)
        if end > i and end - i <= 3:
            while text.startswith(",", end) and run(end + 1) == end + 4:
                end += 4
        if text.startswith(".", end) and run(end + 1) > end + 1:
            end = run(end + 1)
        return end

    for signs in (2, 1, 0):
        lead = text[start : start + signs]
        money = sum(each in "$€£¥" for each in lead)
        minus = sum(each in "-−" for each in lead)
        if len(lead) == signs == money + minus and money < 2 and minus < 2:
            end = body(start + signs)
            if end > start + signs:
                return end
    return start


def first_number(text):
    for start in range(len(text)):
        end = one_number(text, start)
        if end > start:
            return text[start:end]
    return None


@alternative("a reader by hand, without regular expressions")
def extract_answer(text, style):
    if style == "hash":
        at = text.find("####")
        while at >= 0:
            start = at + 4
            while start < len(text) and text[start].isspace():
                start += 1
            end = one_number(text, start)
            if end > start:
                return text[start:end]
            at = text.find("####", at + 1)
        return None
    if style == "phrase":
        answer = None
        for line in text.split("\n"):
            for at in range(len(line)):
                for phrase in ("answer is", "answer:", "答案是", "答案为", "答案："):
                    if line[at : at + len(phrase)].lower() == phrase:
                        answer = first_number(line[at + len(phrase) :]) or answer
        return answer
    if style == "boxed":
        end = len(text)
        while (begin := text.rfind("\\boxed{", 0, end)) >= 0:
            inside, depth = "", 1
            for each in text[begin + 7 :]:
                depth += {"{": 1, "}": -1}.get(each, 0)
                if depth == 0:
                    break
                inside += each
            if depth == 0 and inside.strip():
                return inside.strip()
            end = begin + 6
        return None
    raise ValueError("style")


@alternative("a stack of open braces finds all boxes at once")
def extract_answer(text, style):
    if style not in ("hash", "phrase", "boxed"):
        raise ValueError(style)
    number = r"(?:[-−]?[$€£¥]?|[$€£¥][-−])(?:\\[dt]?frac\{[0-9]+\}\{[0-9]+\}|[0-9]+/[0-9]+|[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?|\.[0-9]+)"
    if style == "hash":
        return next((each[1] for each in re.finditer("####" + r"\s*(" + number + ")", text)), None)
    if style == "phrase":
        phrase = "(?i:answer is|answer:|答案是|答案为|答案：)"
        found = re.findall(rf"(?={phrase}(?:(?!{number})[^\n])*?({number}))", text)
        return found[-1] if found else None
    boxes, open_ = [], []
    for i, each in enumerate(text):
        if each == "{":
            open_.append(i)
        elif each == "}" and open_:
            begin = open_.pop()
            if text[:begin].endswith("\\boxed") and text[begin + 1 : i].strip():
                boxes.append((begin, text[begin + 1 : i].strip()))
    return max(boxes)[1] if boxes else None


@alternative("integers and their greatest common divisor")
def normalize_number(s):
    s = re.sub(r"\\text\{[^{}]*\}", "", s)
    for each in ("\\$", "\\%", "\\!", "\\,", "^\\circ", "$", "€", "£", "¥", "%"):
        s = s.replace(each, "")
    s = s.strip()
    sign = ""
    if s[:1] in ("-", "−"):
        sign, s = "-", s[1:]
    fraction = re.fullmatch(r"\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\}", s) or re.fullmatch("([0-9]+)/([0-9]+)", s)
    decimal = re.fullmatch(r"([0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(?:\.([0-9]+))?", s)
    if fraction:
        p, q = int(fraction[1]), int(fraction[2])
    elif decimal and s:
        p, q = int(decimal[1].replace(",", "") + (decimal[2] or "")), 10 ** len(decimal[2] or "")
    else:
        return None
    if q == 0:
        return None
    common = math.gcd(p, q)
    p, q = p // common, q // common
    return (sign if p else "") + str(p) + (f"/{q}" if q > 1 else "")


@alternative("a sum of digits times powers of ten, as fractions")
def normalize_number(s):
    s = re.sub(r"\\text\{[^{}]*\}|\\[$%!,]|\^\\circ|[$€£¥%]", "", s).strip().replace("−", "-")
    s = re.sub(r"^(-?)\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\}$", r"\1\2/\3", s)
    if not re.fullmatch(r"-?([0-9]+/[0-9]+|([0-9]{1,3}(,[0-9]{3})+|[0-9]+)(\.[0-9]+)?|\.[0-9]+)", s, re.ASCII):
        return None
    value = exact(s)
    return None if value is None else f"{value.numerator}" if value.denominator == 1 else f"{value.numerator}/{value.denominator}"


def exact(s):
    sign = -1 if s.startswith("-") else 1
    above, _, below = s.replace("-", "").replace(",", "").partition("/")
    whole, _, part = above.partition(".")
    value = sum((Fraction(int(digit) * 10**i) for i, digit in enumerate(reversed(whole))), Fraction(0))
    value += sum((Fraction(int(digit), 10 ** (i + 1)) for i, digit in enumerate(part)), Fraction(0))
    if below:
        return sign * value / int(below) if int(below) else None
    return sign * value


@alternative("collections.Counter keeps the order of first votes")
def majority(answers):
    found = Counter(each for each in answers if each is not None).most_common(1)
    return found[0][0] if found else None


@alternative("max over the list itself")
def majority(answers):
    voted = [each for each in answers if each is not None]
    return max(voted, key=voted.count) if voted else None


@alternative("a tensor of scores and its softmax")
def weighted_vote(answers, logps, normalize=True):
    if len(answers) != len(logps):
        raise ValueError("lengths")
    able = [i for i, each in enumerate(answers) if each is not None]
    if not able:
        return None, 0.0
    rows = [torch.tensor(logps[i], dtype=torch.float64) for i in able]
    weights = torch.stack([row.mean() if normalize else row.sum() for row in rows]).softmax(0).tolist()
    shares = defaultdict(float)
    for i, weight in zip(able, weights, strict=True):
        shares[answers[i]] += weight
    best = max(shares, key=shares.get)
    return best, shares[best]


@alternative("one log-sum-exp for each answer")
def weighted_vote(answers, logps, normalize=True):
    if len(answers) != len(logps):
        raise ValueError("lengths")

    def lse(values):
        top = max(values)
        return top + math.log(math.fsum(math.exp(each - top) for each in values))

    scores = {}
    for answer, tokens in zip(answers, logps, strict=True):
        if answer is not None:
            scores.setdefault(answer, []).append(math.fsum(tokens) / (len(tokens) if normalize else 1))
    if not scores:
        return None, 0.0
    best, value = None, -math.inf
    for answer, each in scores.items():
        if lse(each) > value:
            best, value = answer, lse(each)
    return best, math.exp(value - lse([each for values in scores.values() for each in values]))


@alternative("one sort by steps and place, and a second one back")
def complexity_vote(paths, k):
    if k <= 0:
        raise ValueError("k")
    rows = []
    for place, (text, answer) in enumerate(paths):
        if answer is not None:
            rows.append((-len([line for line in text.split("\n") if line.strip()]), place, answer))
    rows = sorted(rows)[:k]
    rows.sort(key=lambda row: row[1])
    count = Counter(answer for _, _, answer in rows)
    return count.most_common(1)[0][0] if count else None


@alternative("the most complex text is taken out k times")
def complexity_vote(paths, k):
    if k < 1:
        raise ValueError("k")
    left = {i: len(re.findall(r"[^\n]*\S[^\n]*", text)) for i, (text, answer) in enumerate(paths) if answer is not None}
    votes = []
    while left and len(votes) < k:
        best = max(left, key=left.get)
        votes.append(best)
        del left[best]
    voted = [paths[i][1] for i in sorted(votes)]
    return max(voted, key=voted.count, default=None)


@alternative("the conversation grows in one text; extract_answer finds the number")
def zero_shot_cot(llm, question):
    talk = "Q: " + question + "\nA: Let's think step by step."
    talk += " " + llm(talk)
    reply = llm(talk + "\nTherefore, the answer (arabic numerals) is")
    found = first_number(reply)
    if found is None:
        return None
    found = found.replace("$", "").replace("€", "").replace("£", "").replace("¥", "").replace("−", "-").replace(",", "")
    found = re.sub(r"\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\}", r"\1/\2", found)
    value = exact(found)
    return str(value) if value is not None else None
