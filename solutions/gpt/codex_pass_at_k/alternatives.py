"""Right ways to write gpt/codex_pass_at_k, done differently."""

import math
import random
from fractions import Fraction

import numpy as np

from autograder.checks import alternative


@alternative("whole numbers, divided at the end")
def pass_at_k(n, c, k):
    if c < 0 or c > n or k < 1 or k > n:
        raise ValueError("no such numbers")
    return 1 - math.comb(n - c, k) / math.comb(n, k)


@alternative("logarithms of the gamma function")
def pass_at_k(n, c, k):
    if k not in range(1, n + 1) or c not in range(n + 1):
        raise ValueError(f"n = {n}, c = {c}, k = {k}")
    if k > n - c:
        return 1.0
    fails = math.lgamma(n - c + 1) - math.lgamma(n - c - k + 1) - math.lgamma(n + 1) + math.lgamma(n - k + 1)
    return -math.expm1(fails)


@alternative("one program after the other, in fractions")
def pass_at_k(n, c, k):
    if not 0 <= c <= n or not 0 < k <= n:
        raise ValueError
    fails = Fraction(1)
    for drawn in range(k):  # that many wrong ones are gone
        if drawn == n - c:
            return 1.0
        fails *= Fraction(n - c - drawn, n - drawn)
    return float(1 - fails)


@alternative("as OpenAI's human-eval, with NumPy, after the numbers are asked")
def pass_at_k(n, c, k):
    if min(c, k - 1, n - c, n - k) < 0:
        raise ValueError("impossible")
    if n - c < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


@alternative("a list of estimates and NumPy's mean")
def corpus_pass_at_k(ns, cs, k):
    if len(ns) != len(cs) or len(ns) == 0:
        raise ValueError("a list is empty, or too short")
    return float(np.mean([pass_at_k(ns[i], cs[i], k) for i in range(len(ns))]))


@alternative("a running mean")
def corpus_pass_at_k(ns, cs, k):
    if not len(ns) == len(cs) > 0:
        raise ValueError("lengths")
    mean = 0.0
    for seen, (n, c) in enumerate(zip(ns, cs, strict=False), 1):
        mean += (pass_at_k(n, c, k) - mean) / seen
    return mean


@alternative("one pattern of all stops")
def truncate_at_stop(text, stops=("\nclass", "\ndef", "\n#", "\nif", "\nprint")):
    import re

    if not stops:
        return text
    found = re.search("|".join(map(re.escape, stops)), text)
    return text[: found.start()] if found else text


@alternative("letter by letter")
def truncate_at_stop(text, stops=("\nclass", "\ndef", "\n#", "\nif", "\nprint")):
    for at in range(len(text)):
        if text.startswith(tuple(stops), at):
            return text[:at]
    return text


@alternative("the shortest of the first parts")
def truncate_at_stop(text, stops=("\nclass", "\ndef", "\n#", "\nif", "\nprint")):
    return min([text, *(text.split(stop, 1)[0] for stop in stops)], key=len)


@alternative("a word from random bits, written to standard output itself")
def run_check(program, test, entry_point, timeout=3.0, start=None):
    word = random.SystemRandom().randbytes(16).hex()
    process = start(f"{program}\n{test}\ncheck({entry_point})\n__import__('sys').stdout.write('\\n{word}\\n')\n")
    try:
        done = process.wait(timeout=timeout) is not None
        lines = process.output().splitlines()
    finally:
        process.end()
    return done and word in lines


@alternative("the parts as strings, each run by exec in one namespace")
def run_check(program, test, entry_point, timeout=3.0, start=None):
    number = random.SystemRandom().getrandbits(96)
    parts = [program, test, f"check({entry_point})", f"print('{number}' * 2)"]
    source = f"names = {{}}\nfor part in {parts!r}:\n    exec(part, names)\n"
    process = start(source)
    try:
        if process.wait(timeout) != 0:
            return False
        return f"{number}{number}" in process.output()
    finally:
        process.end()


class _Ending:
    def __init__(self, process):
        self.process = process

    def __enter__(self):
        return self.process

    def __exit__(self, *error):
        self.process.end()


@alternative("a context manager; the word is said in two halves, and the process leaves by itself")
def run_check(program, test, entry_point, timeout=3.0, start=None):
    left, right = (str(random.SystemRandom().random()) for _ in range(2))
    tail = f"import sys\nsys.stdout.write({left!r} + {right!r})\nsys.stdout.flush()\nsys.exit(0)"
    with _Ending(start("\n\n".join([program, test, "check(" + entry_point + ")", tail]))) as process:
        status = process.wait(timeout)
        return status is not None and left + right in process.output()


@alternative("NumPy's stable sort of the negative means")
def rank_by_mean_logprob(samples):
    means = [float(np.mean(logprobs)) if len(logprobs) else -np.inf for _, logprobs in samples]
    first = sorted((i for i, s in enumerate(samples) if s[1]), key=lambda i: -means[i])
    return [samples[i][0] for i in first] + [text for text, logprobs in samples if not logprobs]


@alternative("insertion, one sample after the other")
def rank_by_mean_logprob(samples):
    ranked = []
    for text, logprobs in samples:
        score = math.fsum(logprobs) / len(logprobs) if logprobs else None
        place = len(ranked)
        while place and score is not None and (ranked[place - 1][0] is None or ranked[place - 1][0] < score):
            place -= 1
        ranked.insert(place, (score, text))
    return [text for _, text in ranked]
