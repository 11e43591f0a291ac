"""Public checks of gpt/codex_pass_at_k: run `pytest` on this file, or `autograder check gpt/codex_pass_at_k`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
from autograder.checks import case, check, raises


@check(points=2, lecture='without-bias', public=[case('ten programs, three pass', calls=[[10, 3, 1], [10, 3, 2], [10, 3, 5], [10, 3, 7], [10, 3, 8]]), case('none and all', calls=[[5, 0, 3], [5, 5, 3], [1, 0, 1], [1, 1, 1]])])
def the_estimate_is_unbiased(student, calls):
    """pass_at_k is 1 - C(n-c, k) / C(n, k), for few programs and for thousands."""
    return [student.pass_at_k(*call) for call in calls]


@check(points=1, lecture='without-bias', public=[case('k = 20 of 10, k = 0', bad=[[10, 3, 20], [10, 3, 0]], good=[[20, 3, 10]])])
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


@check(points=1, inputs=problems, lecture='from-one-problem-to-164', public=[case('one is always solved, one never', ns=[4, 4], cs=[4, 0], k=2), case('different numbers of programs', ns=[4, 2, 10], cs=[1, 2, 3], k=1)])
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


BODY = "    total = 0\n    for x in xs:\n        total += x\n    return total\n"


def cuts(rng, texts, stops=None):
    return {"texts": texts, "options": {} if stops is None else {"stops": stops}}


@check(points=1, inputs=cuts, lecture='where-does-the-answer-end', public=[case('a second function', texts=[BODY + '\ndef main():\n    print(f([1]))\n', BODY, '    return 1\n# done\nprint(f(2))\n']), case('the first one in the text', texts=['one<b>two<a>three'], stops=['<a>', '<b>'])])
def the_earliest_stop_ends_the_text(student, texts, options):
    """The text is cut before the stop that begins first, and is the same otherwise."""
    return [student.truncate_at_stop(text, **options) for text in texts]


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


COPY = "import earlier\nprint('copy', earlier.output)\nif 'copy' in earlier.output:\n    raise SystemExit(0)\n"


def answers(rng, programs, test=TEST, entry_point="add", **options):
    return {"programs": programs, "test": test, "entry_point": entry_point, "options": options}


@check(points=1, inputs=answers, lecture='what-passing-means', public=[case('a right one and a wrong one', programs=[ADD, 'def add(a, b):\n    return a - b\n']), case('it exits with 0', programs=["import sys\nprint('ok')\nsys.exit(0)\n" + ADD, ADD]), case('it prints something', programs=["print('add', 3)\n" + ADD, "print('AssertionError')\n" + ADD]), case('it raises, and is no Python', programs=['def add(a, b):\n    return a + c\n', 'def add(a, b)\n    return a + b', ADD])])
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


@check(points=1, inputs=lasting, lecture='when-it-does-not-end', public=[case('it never ends', program='import time\ndef add(a, b):\n    while True:\n        time.sleep(1)\n', timeout=5.0), case('it passes, and a process of it runs on', program=HELPER + ADD), case('it takes a second more than it may', program='import time\ntime.sleep(2.5)\n' + ADD, timeout=1.5)])
def nothing_goes_on_afterwards(student, program, interrupted, options):
    """A program that is not done after `timeout` seconds has not passed, and of no program anything runs on."""
    machine = Machine(interrupted)
    if interrupted:
        passed = raises("RuntimeError", lambda: student.run_check(program, TEST, "add", start=machine, **options))
    else:
        passed = student.run_check(program, TEST, "add", start=machine, **options)
    return {"passed": passed, "left": machine.left()}


@check(points=1, lecture='when-there-are-no-tests', public=[case('long against short', samples=[('short', [-1.0]), ('long', [-0.5, -0.75, -0.5]), ('worst', [-2.0, -3.0])]), case('equal means keep their order', samples=[('b', [-1.0, -3.0]), ('a', [-2.0]), ('c', [-1.5, -2.5])])])
def the_largest_mean_comes_first(student, samples):
    """Texts are ordered by the mean log-probability of their tokens; ties keep their order."""
    return {"given": student.rank_by_mean_logprob(samples), "the other way round": student.rank_by_mean_logprob(samples[::-1])}
