"""Codex: is the program right? pass@k, and what has to be done before it can be counted.

A model writes n programs for one problem. Each one is cut where the function ends, is run against the problem's test, and c of the n
pass. From n and c follows pass@k: how likely it is that k programs hold at least one that passes.

The programs come from a model. They may be wrong in every way: they raise, they end the interpreter, they never end. They are not
enemies: nobody asks here what a program could do that looks for your code and changes it on purpose. Only programs that you would
run on your own machine belong here; a real evaluation runs in a sandbox without a network.

`Process` is given. The checks give your `run_check` processes of another kind, which only exist in the check: they have the same three
methods, and a clock that is moved by `time.sleep` in the program.
"""

import contextlib
import math
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

STOPS = ("\nclass", "\ndef", "\n#", "\nif", "\nprint")
"""Where a completion of HumanEval is cut (Codex, section 2.1): at column 0 of a line, something other than the function begins."""


class Process:
    """A Python program that runs in a process and an empty folder of its own. This is given; it works on Linux and macOS."""

    def __init__(self, source: str) -> None:
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._output, self._text = tempfile.TemporaryFile(), ""  # noqa: SIM115
        Path(self._folder.name, "candidate.py").write_text(source, encoding="utf-8")
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-X", "utf8", "candidate.py"], cwd=self._folder.name, start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=self._output, stderr=self._output,
        )  # fmt: skip

    def wait(self, timeout: float) -> int | None:
        """Wait until the process ends: its exit status then, or None if it is still running after `timeout` seconds."""
        try:
            return self._process.wait(timeout)
        except subprocess.TimeoutExpired:
            return None

    def output(self) -> str:
        """What has been printed so far, on both streams. It can still be read after `end`."""
        if not self._output.closed:
            self._output.seek(0)
            self._text = self._output.read().decode(errors="replace")
        return self._text

    def end(self) -> None:
        """Kill what is still running, the processes that it started too, and remove the folder. May be called in any state."""
        if self._output.closed:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody of the group is left
            os.killpg(self._process.pid, signal.SIGKILL)  # the group of its session; no program can catch this signal
        self._process.wait()
        self.output()
        self._output.close()
        self._folder.cleanup()


def pass_at_k(n: int, c: int, k: int) -> float:
    """The unbiased estimate of pass@k for one problem: 1 - C(n-c, k) / C(n, k).

    n: how many programs were written. c: how many of them pass. k: how many one may hand in.

    C(n-c, k) / C(n, k) is the share of all choices of k programs out of n (each program at most once) that hold no right one. When
    fewer than k programs are wrong, there is no such choice, and the result is 1.

    The result is right for thousands of programs too, where C(n, k) does not fit into a float.

    Raises ValueError unless 0 ≤ c ≤ n and 1 ≤ k ≤ n: from ten programs nobody can tell pass@20. (The function in OpenAI's human-eval
    does not ask, and gives 1.0 for k > n.)

    >>> pass_at_k(10, 3, 5)  # 1 - 21/252, where 1 - (1 - 3/10)^5 would be 0.832
    0.916667
    >>> pass_at_k(10, 3, 1)
    0.3
    >>> pass_at_k(4, 2, 3)
    1.0
    >>> pass_at_k(10, 3, 20)
    Traceback (most recent call last):
    ValueError: k is larger than n
    """
    # BEGIN SOLUTION
    if not (0 <= c <= n and 1 <= k <= n):
        raise ValueError("0 <= c <= n and 1 <= k <= n must hold")
    if n - c < k:  # the product below would have a factor of 0, but might be infinite before it comes to that
        return 1.0
    return 1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))
    # END SOLUTION


def corpus_pass_at_k(ns: list[int], cs: list[int], k: int) -> float:
    """pass@k of a whole set of problems: the mean of the problems' own pass@k, in which each problem counts the same.

    ns, cs: for each problem the number of programs and of those that pass. The problems may have different numbers of programs.

    Raises ValueError if there is no problem, if the lists differ in length, or if `pass_at_k` does for some problem: a problem with
    fewer than k programs is not left out silently.

    >>> corpus_pass_at_k([2, 2], [2, 0], 2)  # one problem is always solved, the other one never
    0.5
    >>> corpus_pass_at_k([4, 1], [1, 1], 1)  # (1/4 + 1) / 2, where 2 of 5 programs would be 0.4
    0.625
    """
    # BEGIN SOLUTION
    if not ns:
        raise ValueError("there are no problems")
    return sum(pass_at_k(n, c, k) for n, c in zip(ns, cs, strict=True)) / len(ns)
    # END SOLUTION


def truncate_at_stop(text: str, stops: Sequence[str] = STOPS) -> str:
    """The part of a completion before the first stop string, without that string.

    "First" is meant in the text: every stop is looked for in the whole text, and what begins furthest to the left wins, wherever it
    stands in `stops`, even where two of them overlap. Stops are plain text, not patterns, and need not be whole words: "\\ndef" also
    stops at a line that begins with "default". None of them is empty.

    Nothing else changes: white space at either end stays. Without a stop in it (or without stops) the text comes back as it is.

    >>> truncate_at_stop("    return x + 1\\n\\ndef g():\\n    pass\\n# end")
    '    return x + 1\\n'
    >>> truncate_at_stop("a<b>c<d>", ["<d>", "<b>"])
    'a'
    """
    # BEGIN SOLUTION
    found = [text.find(stop) for stop in stops if stop in text]
    return text[: min(found, default=len(text))]
    # END SOLUTION


def run_check(
    program: str, test: str, entry_point: str, timeout: float = 3.0, start: Callable[[str], Process] = Process
) -> bool:
    """Whether a program passes a test, tried in a process of its own.

    program: Python source that defines the function called `entry_point`. It may lack the newline at its end.
    test: Python source that defines `check(candidate)`, which calls the candidate and raises (mostly AssertionError) if it is wrong.
    timeout: how many seconds the process may take.
    start: starts a process from Python source, as `Process` does.

    One process is started. It runs `program`, then `test`, then `check(<entry_point>)`, each on lines of its own and in one namespace:
    the test sees what the program defines, and its `check` replaces one of the program. Behind the call your source may do more. Nothing
    of the program is run, or compiled, in the caller's own process.

    The result is True only if that call of `check` has come back and the process has ended within `timeout` seconds. It is False in
    every other case, and `run_check` itself raises for none of them:

    - an exception of any kind in any of the three parts, a SyntaxError included;
    - a program that ends its process before the call has come back, as `sys.exit(0)` and `os._exit(0)` do. An exit status of 0 is not
      a passed test;
    - a process that is not done after `timeout` seconds.

    What the program prints decides nothing, however much it is: neither "ok" nor "AssertionError", and not what a process of an earlier
    call of `run_check` has printed either. So what your own line behind the call prints must be new in each call, and such that no
    program prints it by accident.

    When `run_check` returns, `end` of the process has been called, whatever came out: a program that has passed may have left processes
    behind, too. When `wait` raises (somebody presses Ctrl-C), `end` is called as well, and the exception goes on to the caller.

    Whether `__name__` is "__main__" in the program is left open.
    """
    # BEGIN SOLUTION
    word = secrets.token_hex()
    process = start("\n".join((program, test, f"check({entry_point})", f"print({word!r})")))
    try:
        status = process.wait(timeout)
    finally:
        process.end()
    return status is not None and word in process.output()
    # END SOLUTION


def rank_by_mean_logprob(samples: list[tuple[str, list[float]]]) -> list[str]:
    """The texts of the samples, the best first, when there are no tests to tell which one is right.

    samples: pairs of a text and the log-probabilities of its tokens, as the model gave them.

    The best one has the largest *mean* log-probability of its tokens. (The sum would prefer short texts.) Samples with equal means
    keep the order in which they came. A sample without tokens comes after all others. Every text comes out as often as it came in.

    >>> rank_by_mean_logprob([("short", [-1.0]), ("long", [-0.5, -0.75, -0.5])])  # means -1 and -0.58, sums -1 and -1.75
    ['long', 'short']
    """
    # BEGIN SOLUTION
    told = [sample for sample in samples if sample[1]]
    silent = [sample for sample in samples if not sample[1]]
    order = sorted(told, key=lambda sample: sum(sample[1]) / len(sample[1]), reverse=True) + silent
    return [text for text, _ in order]
    # END SOLUTION
