"""Checks of gpt/codex_pass_at_k: the estimator, the mean over problems, stops, processes, ranking."""

import math

from autograder.checks import case, check, raises

# --- the estimator ---------------------------------------------------------------------------------------------------


@check(
    points=2,
    lecture="without-bias",
    public=[
        case("ten programs, three pass", calls=[[10, 3, 1], [10, 3, 2], [10, 3, 5], [10, 3, 7], [10, 3, 8]]),
        case("none and all", calls=[[5, 0, 3], [5, 5, 3], [1, 0, 1], [1, 1, 1]]),
    ],
    hidden=[
        case("every c and k of six", calls=[[6, c, k] for c in range(7) for k in range(1, 7)]),
        case("200 programs", calls=[[200, c, k] for c in (0, 1, 17, 58, 100, 101, 199) for k in (1, 10, 100, 200)]),
        case("thousands", calls=[[2000, 2, 1000], [3000, 3000, 3000], [5000, 1, 2499], [3000, 2400, 2990], [4000, 1500, 3]]),
        case("one right one", calls=[[n, 1, k] for n in (2, 30, 999) for k in (1, 2)]),
        case("just enough wrong ones", calls=[[9, 4, 5], [9, 4, 6], [40, 20, 20], [40, 20, 21], [40, 19, 20]]),
    ],
    cites=["the unbiased estimate", "C(n-c, k) / C(n, k) is the share", "fewer than k programs are wrong", "for thousands of programs"],
)  # fmt: skip
def the_estimate_is_unbiased(student, calls):
    """pass_at_k is 1 - C(n-c, k) / C(n, k), for few programs and for thousands."""
    return [student.pass_at_k(*call) for call in calls]


@check(
    points=1,
    lecture="without-bias",
    public=[case("k = 20 of 10, k = 0", bad=[[10, 3, 20], [10, 3, 0]], good=[[20, 3, 10]])],
    hidden=[
        case("c is not between 0 and n", bad=[[5, 6, 2], [5, -1, 2], [5, 6, 5]], good=[[5, 5, 2], [5, 0, 2]]),
        case("k is 0 or less", bad=[[5, 2, 0], [5, 2, -1], [5, 5, 0]], good=[[5, 2, 1]]),
        case("no programs", bad=[[0, 0, 1], [0, 0, 0]], good=[[1, 0, 1]]),
        case("k = n + 1", bad=[[5, 2, 6], [5, 0, 6], [5, 5, 6]], good=[[5, 2, 5], [5, 4, 5]]),
    ],
    cites=["unless 0 ≤ c ≤ n and 1 ≤ k ≤ n", "if pass_at_k does for some problem"],
)
def impossible_numbers_are_refused(student, bad, good):
    """ValueError unless 0 ≤ c ≤ n and 1 ≤ k ≤ n, for one problem of a set too; the numbers at the edge are answered."""
    refused = [raises("ValueError", lambda call=call: student.pass_at_k(*call)) for call in bad]
    sets = [raises("ValueError", lambda n=n, c=c, k=k: student.corpus_pass_at_k([40, n], [1, c], k)) for n, c, k in bad]
    return {"refused": refused, "in a set": sets, "answered": [student.pass_at_k(*call) for call in good]}


def problems(rng, ns=None, cs=None, k=2, count=0):
    if count:
        ns = [rng.integer(k, 60) for _ in range(count)]
        cs = [rng.integer(0, n + 1) for n in ns]
    return {"ns": ns, "cs": cs, "k": k}


@check(
    points=1,
    inputs=problems,
    lecture="from-one-problem-to-164",
    public=[
        case("one is always solved, one never", ns=[4, 4], cs=[4, 0], k=2),
        case("different numbers of programs", ns=[4, 2, 10], cs=[1, 2, 3], k=1),
    ],
    hidden=[
        case("random problems", count=7, k=3),
        case("164 problems", count=164, k=10),
        case("one problem", ns=[9], cs=[4], k=3),
        case("as many programs as may be handed in", ns=[3, 3, 5], cs=[0, 1, 2], k=3),
    ],
    fresh=1,
    cites=["the mean of the problems own", "each problem counts the same", "if there is no problem", "may have different numbers"],
)
def each_problem_counts_the_same(student, ns, cs, k):
    """The result is the mean of the problems' pass@k; no problem is weighted by its programs or left out."""
    return {
        "all": student.corpus_pass_at_k(ns, cs, k),
        "the other way round": student.corpus_pass_at_k(ns[::-1], cs[::-1], k),
        "k = 1": student.corpus_pass_at_k(ns, cs, 1),
        "no problem": raises("ValueError", lambda: student.corpus_pass_at_k([], [], k)),
        "a count is missing": raises("ValueError", lambda: student.corpus_pass_at_k(ns, cs[1:], k)),
        "a problem is missing": raises("ValueError", lambda: student.corpus_pass_at_k(ns, [*cs, 0], k)),
        "too many pass": raises("ValueError", lambda: student.corpus_pass_at_k([*ns, k], [*cs, k + 1], k)),
    }


# --- stops -----------------------------------------------------------------------------------------------------------

BODY = "    total = 0\n    for x in xs:\n        total += x\n    return total\n"


def cuts(rng, texts, stops=None):
    return {"texts": texts, "options": {} if stops is None else {"stops": stops}}


@check(
    points=1,
    inputs=cuts,
    lecture="where-does-the-answer-end",
    public=[
        case("a second function", texts=[BODY + "\ndef main():\n    print(f([1]))\n", BODY, "    return 1\n# done\nprint(f(2))\n"]),
        case("the first one in the text", texts=["one<b>two<a>three"], stops=["<a>", "<b>"]),
    ],
    hidden=[
        case("each of the five", texts=[f"    return 1\n\n{word} x\n    y\ndef g" for word in ("class", "def", "#", "if", "print")]),
        case("indented lines are no stops", texts=["    if x:\n        print(x)\n    # so\n    def g(): ...\n    return g"]),
        case("words that begin alike, and other cases", texts=["    a\ndefault = 1", "    b\nimport x\nifs = 2", "    c\nclasses\n", "d\nprinter", "e\nClass\nDEF\r\ndef"]),
        case("at the very beginning", texts=["\ndef f(): ...", "def f(): ...\n", "#\n#\n", "\n", ""]),
        case("overlapping stops", texts=["x = 1\n\n\ndef", "x\n\ndef\n"], stops=["\ndef", "\n\ndef"]),
        case("no patterns", texts=["a+b.c", "aab", "a(b", "$a*"], stops=["+", ".", "(", "*"]),
        case("white space stays", texts=["  \n  x  \n\nEND", "\t x \n "], stops=["END"]),
        case("no stops", texts=[BODY + "\ndef g():\n", ""], stops=[]),
        case("a stop that comes often", texts=["a;b;c", ";;", "abc;"], stops=[";"]),
        case("a long text", texts=["    y = 1\n" * 60 + "print(y)\n" + "class A:\n" * 3]),
        case("twenty stops", texts=["...q...z", "...t..s"], stops=list("zyxwvutsrqponmlkjihg")),
    ],
    cites=["The part of a completion before the first stop", "what begins furthest to the left wins", "plain text not patterns",
           "white space at either end stays", "Without a stop in it", "need not be whole words"],
)  # fmt: skip
def the_earliest_stop_ends_the_text(student, texts, options):
    """The text is cut before the stop that begins first, and is the same otherwise."""
    return [student.truncate_at_stop(text, **options) for text in texts]


# --- processes -------------------------------------------------------------------------------------------------------


class Exit(BaseException):
    """os._exit in a simulated process."""


class Names:
    def __init__(self, **names):
        self.__dict__.update(names)


class Simulated:
    """A process that exists only here. The source is run at once, with modules os, sys, time and subprocess of its own; its clock is
    moved by time.sleep, and what it prints has the time at which it is printed."""

    def __init__(self, source, interrupted=False, earlier=""):
        self.now, self.waited, self.printed, self.running, self.ended, self.status = 0.0, 0.0, [], ["the program"], 0, 0
        self.interrupted, self.last = interrupted, []
        say = Names(write=self._write, flush=lambda: None)
        modules = {
            "os": Names(_exit=self._exit),
            "sys": Names(exit=self._leave, stdout=say, stderr=say, __stdout__=say, __stderr__=say),
            "time": Names(sleep=self._sleep),
            "earlier": Names(output=earlier),
            "atexit": Names(register=self.last.append),
            "subprocess": Names(Popen=lambda *a, **k: self.running.append("a process that it started")),
        }
        everything = vars(print.__self__)
        load = everything["__import__"]
        own = {
            "print": lambda *a, sep=" ", end="\n", **k: self._write(sep.join(map(str, a)) + end),
            "__import__": lambda name, *a, **k: modules[name] if name in modules else load(name, *a, **k),
            "exit": self._leave,
            "quit": self._leave,
        }
        try:
            exec(compile(source, "candidate.py", "exec"), {"__builtins__": everything | own, "__name__": "candidate"})
        except (Exit, SystemExit) as error:
            code = error.args[0] if error.args else 0
            self.status = (code or 0) if code is None or isinstance(code, int) else 1
        except BaseException as error:
            self._write(f"Traceback (most recent call last):\n{type(error).__name__}: {error}\n")
            self.status = 1
        try:
            for call in self.last:
                call()
        except Exit as error:
            self.status = error.args[0]

    def _write(self, text):
        self.printed.append((self.now, text))

    def _exit(self, status):
        raise Exit(status)

    def _leave(self, status=None):
        raise SystemExit(status)

    def _sleep(self, seconds):
        self.now += seconds
        if self.now > 1e4:
            self.now = math.inf
            raise Exit(-9)

    def wait(self, timeout):
        if self.interrupted:
            raise RuntimeError("Ctrl-C")
        self.waited = max(self.waited, min(self.now, self.waited + timeout)) if not self.ended else self.waited
        if self.now > self.waited:
            return -9 if self.ended else None
        self.running = self.running[1:] if self.running[:1] == ["the program"] else self.running
        return self.status

    def output(self):
        return "".join(text for at, text in self.printed if at <= self.waited)

    def end(self):
        self.running, self.ended = [], self.ended + 1


class Machine:
    """Starts simulated processes, and keeps them."""

    def __init__(self, interrupted=False):
        self.processes, self.interrupted = [], interrupted

    def __call__(self, source):
        self.processes.append(Simulated(source, self.interrupted, "".join(p.output() for p in self.processes)))
        return self.processes[-1]

    def left(self):
        return {"processes": len(self.processes), "running": [p.running for p in self.processes]}


ADD = "def add(a, b):\n    return a + b"
TEST = "def check(candidate):\n    assert candidate(1, 2) == 3\n    assert candidate(-1, 1) == 0\n"
WORDS = "print('ok', 'passed', 'PASSED', 'True', '1', 'success', 'done', 'all tests passed')\n"
COPY = "import earlier\nprint('copy', earlier.output)\nif 'copy' in earlier.output:\n    raise SystemExit(0)\n"


def answers(rng, programs, test=TEST, entry_point="add", **options):
    return {"programs": programs, "test": test, "entry_point": entry_point, "options": options}


@check(
    points=1,
    inputs=answers,
    lecture="what-passing-means",
    public=[
        case("a right one and a wrong one", programs=[ADD, "def add(a, b):\n    return a - b\n"]),
        case("it exits with 0", programs=["import sys\nprint('ok')\nsys.exit(0)\n" + ADD, ADD]),
        case("it prints something", programs=["print('add', 3)\n" + ADD, "print('AssertionError')\n" + ADD]),
        case("it raises, and is no Python", programs=["def add(a, b):\n    return a + c\n", "def add(a, b)\n    return a + b", ADD]),
    ],
    hidden=[
        case("it ends without a word", programs=[WORDS + "import os\nos._exit(0)\n", ADD, "def add(a, b):\n    import os\n    os._exit(0)"]),
        case("it exits in the call", programs=["def add(a, b):\n    print('ok')\n    raise SystemExit", "def add(a, b):\n    exit()", ADD]),
        case("empty, and half a text", programs=["", "x = '", "def add(a, b):\n    return a + b\n)", ADD + "\n"]),
        case("another name", programs=["def plus(a, b):\n    return a + b", ADD + "\n\ndef helper(a):\n    return 0\n"]),
        case("it says that it is right", programs=[WORDS + "def add(a, b):\n    return 0\n", WORDS + ADD]),
        case("it says that it is wrong",
             programs=["import sys\nsys.stderr.write('AssertionError: no\\nTraceback')\n" + ADD, "print('FAILED')\n" + ADD]),
        case("it catches an assertion", programs=["try:\n    assert False\nexcept AssertionError:\n    print('AssertionError')\n" + ADD]),
        case("what it has registered prints at the end", programs=["import atexit\natexit.register(lambda: print('goodbye'))\n" + ADD, "import atexit\natexit.register(lambda: print('goodbye'))\n" + ADD + " + 1"]),
        case("it prints much", programs=["print('x' * 100000)\n" + ADD, "print('x\\n' * 5000)\n" + ADD + " + 1"]),
        case("the first function is not the answer", programs=["def one():\n    return 1\n\n" + ADD, "class A:\n    pass\n" + ADD + " * 1"]),
        case("the answer is no function of def", programs=["add = lambda a, b: a + b", "class add(int):\n    def __new__(cls, a, b): return a + b"]),
        case("other letters", programs=["é = 'ß→漢'\n" + ADD, "# ü\ndef add(a, b):\n    return 'ü'"]),
        case("a constant answer", programs=[ADD, "def add(a, b):\n    return 3"]),
        case("tests that raise something else", programs=[ADD, "def add(a, b):\n    return 0"],
             test="def check(f):\n    if f(2, 2) != 4:\n        raise ValueError('no')"),
        case("the test is broken", programs=[ADD, "def add(a, b):\n    return 3"],
             test="def check(f):\n    assert f(1, 2) == 3\n    undefined_name"),
        case("the test has no check", programs=[ADD, "def check(f):\n    pass\n" + ADD], test="x = 1\n"),
        case("the test has the last word", programs=["def check(f): pass\n\ndef add(a, b): return 0", "def check(f): pass\n" + ADD]),
        case("the test uses what the program defines", programs=["ONE = 1\n" + ADD, ADD], test="def check(f):\n    assert f(ONE, 1) == 2"),
        case("indented, and with spaces at its end", programs=["    " + ADD, "\n\n  \n" + ADD + "\n   \n"]),
        case("another entry point", programs=["def f(x): return 1\ndef g(x): return 2", "def g(x): return 1"],
             test="def check(h):\n    assert h(0) == 2\n", entry_point="g"),
        case("it fails after the last check", programs=[ADD], test=TEST + "    raise KeyError\n"),
        case("it fails without an Exception", programs=["def add(a, b):\n    raise SystemExit(0)", "def add(a, b):\n    raise KeyboardInterrupt", ADD]),
    ],
    cites=["only if that call of check has come back", "an exception of any kind", "a SyntaxError included", "its check replaces one",
           "An exit status of 0 is not a passed test", "What the program prints decides nothing", "may lack the newline",
           "each on lines of its own", "must be new in each call", "as sys.exit(0) and", "run or compiled in the caller's own process"],
)  # fmt: skip
def only_a_finished_check_passes(student, programs, test, entry_point, options):
    """A program passes only if the call of `check` comes back: no exit status, printed word or caught error decides."""
    machine = Machine()
    verdicts = [student.run_check(program, test, entry_point, start=machine, **options) for program in programs]
    # At its second run it prints what all earlier processes printed, and ends: only a word that is new in each call is not among it.
    copies = [student.run_check(COPY + program, test, entry_point, start=machine, **options) for program in programs[-1:] * 2]
    return {"verdicts": verdicts, "one that copies": copies, "processes": len(machine.processes)}


def lasting(rng, program, timeout=None, interrupted=False):
    return {"program": program, "interrupted": interrupted, "options": {} if timeout is None else {"timeout": timeout}}


HELPER = "import subprocess\nsubprocess.Popen(['server'])\n"


@check(
    points=1,
    inputs=lasting,
    lecture="when-it-does-not-end",
    public=[
        case("it never ends", program="import time\ndef add(a, b):\n    while True:\n        time.sleep(1)\n", timeout=5.0),
        case("it passes, and a process of it runs on", program=HELPER + ADD),
        case("it takes a second more than it may", program="import time\ntime.sleep(2.5)\n" + ADD, timeout=1.5),
    ],
    hidden=[
        case("it takes longer than it may", program="import time\ntime.sleep(7)\n" + ADD, timeout=6.5),
        case("it takes nearly as long as it may", program="import time\ntime.sleep(6)\n" + ADD, timeout=6.5),
        case("it passes, and its process does not end", program="import atexit, time\natexit.register(lambda: time.sleep(1e9))\n" + ADD, timeout=2.0),
        case("it passes, and its process ends late", program="import atexit, time\natexit.register(lambda: time.sleep(3))\n" + ADD, timeout=2.5),
        case("it takes 20 s of 30", program="import time\ntime.sleep(20)\n" + ADD, timeout=30),
        case("3.5 s by default", program="import time\ntime.sleep(3.5)\n" + ADD),
        case("2.5 s by default", program="import time\ntime.sleep(2.5)\n" + ADD),
        case("half a second of a quarter", program="import time\ntime.sleep(0.5)\n" + ADD, timeout=0.25),
        case("a process of it runs on, and it fails", program=HELPER + "raise KeyError\n"),
        case("a process of it runs on, and it does not end", program=HELPER + "import time\ntime.sleep(1e9)\n", timeout=1.0),
        case("it fails at once", program="raise KeyError", timeout=2.0),
        case("somebody presses Ctrl-C", program=HELPER + ADD, interrupted=True),
        case("it says ok and never ends", program=WORDS + "import time\ntime.sleep(1e9)\n", timeout=1.0),
    ],
    cites=["end of the process has been called", "end is called as well", "a process that is not done after", "process has ended within timeout seconds",
           "One process is started"],
)  # fmt: skip
def nothing_goes_on_afterwards(student, program, interrupted, options):
    """A program that is not done after `timeout` seconds has not passed, and of no program anything runs on."""
    machine = Machine(interrupted)
    if interrupted:
        passed = raises("RuntimeError", lambda: student.run_check(program, TEST, "add", start=machine, **options))
    else:
        passed = student.run_check(program, TEST, "add", start=machine, **options)
    return {"passed": passed, "left": machine.left()}


# --- ranking ---------------------------------------------------------------------------------------------------------


@check(
    points=1,
    lecture="when-there-are-no-tests",
    public=[
        case("long against short", samples=[("short", [-1.0]), ("long", [-0.5, -0.75, -0.5]), ("worst", [-2.0, -3.0])]),
        case("equal means keep their order", samples=[("b", [-1.0, -3.0]), ("a", [-2.0]), ("c", [-1.5, -2.5])]),
    ],
    hidden=[
        case("texts that differ in white space and capitals", samples=[("a", [-1.0]), (" a", [-0.5]), ("A", [-2.0])]),
        case("one token decides nothing", samples=[("p", [-0.125, -8.0]), ("q", [-1.0, -1.0, -1.0]), ("r", [-0.25] * 7)]),
        case("the same text twice", samples=[("x", [-3.0]), ("y", [-1.0]), ("x", [-0.5]), ("y", [-4.0])]),
        case("texts without tokens are last", samples=[("none", []), ("bad", [-50.0]), ("", []), ("impossible", [-math.inf, -1.0])]),
        case("certain", samples=[("a", [-0.5]), ("b", [0.0, 0.0]), ("c", [-0.25, 0.0])]),
        case("twenty samples of many tokens", samples=[(f"s{i}", [-((i * 7) % 20) / 4 - j / 8 for j in range(18 + i % 3)]) for i in range(20)]),
        case("lengths of the text do not count", samples=[("a long text of many letters", [-1.0, -1.5]), ("b", [-1.0, -1.25])]),
        case("one", samples=[("only", [-1.0])]),
        case("none", samples=[]),
    ],
    cites=["largest mean log-probability", "keep the order in which they came", "comes after all others", "as often as it came in"],
)  # fmt: skip
def the_largest_mean_comes_first(student, samples):
    """Texts are ordered by the mean log-probability of their tokens; ties keep their order."""
    return {"given": student.rank_by_mean_logprob(samples), "the other way round": student.rank_by_mean_logprob(samples[::-1])}
