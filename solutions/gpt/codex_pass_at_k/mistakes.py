"""Wrong ways to write gpt/codex_pass_at_k, each with the sentence that a student should read."""

import contextlib

from autograder.checks import mistake

ESTIMATE = "1.0 - math.prod(1.0 - k / i for i in range(n - c + 1, n + 1))"
ASKED = "not (0 <= c <= n and 1 <= k <= n)"
FOUND = "found = [text.find(stop) for stop in stops if stop in text]"
CUT = "text[: min(found, default=len(text))]"
MEAN = "sum(sample[1]) / len(sample[1])"
RANK = f"order = sorted(told, key=lambda sample: {MEAN}, reverse=True) + silent"
ALL = "sum(pass_at_k(n, c, k) for n, c in zip(ns, cs, strict=True)) / len(ns)"

# --- the estimator ---------------------------------------------------------------------------------------------------

mistake(
    "You compute 1 - (1 - c/n)^k, as if a program could be drawn twice. That is too small: take k different programs out of n.",
    edit={ESTIMATE: "1.0 - (1.0 - c / n) ** k"},
    fails=["the_estimate_is_unbiased"],
)
mistake(
    "You compute 1 - C(c, k) / C(n, k): that is the chance that not all k pass. Count the choices with no right program: C(n-c, k).",
    edit={ESTIMATE: "1.0 - math.comb(c, k) / math.comb(n, k)"},
)
mistake(
    "You return C(n-c, k) / C(n, k), the chance that all k fail. pass@k is 1 minus that.",
    edit={ESTIMATE: ESTIMATE.removeprefix("1.0 - "), "        return 1.0\n": "        return 0.0\n"},
)
mistake(
    "You return the share of right programs, c/n, whatever k is. That is pass@1.",
    edit={ESTIMATE: "c / n", "if n - c < k:": "if c == n:"},
)
mistake(
    "You take k·c/n and cap it at 1. Choices with several right programs are counted more than once.",
    edit={ESTIMATE: "min(1.0, k * c / n)", "if n - c < k:": "if c == n:"},
)
mistake(
    "Your product begins one factor early: its indices are n-c+1 … n, c of them.",
    edit={"range(n - c + 1, n + 1)": "range(n - c, n + 1)"},
)
mistake(
    "Your product ends one factor early: its indices are n-c+1 … n, c of them.",
    edit={"range(n - c + 1, n + 1)": "range(n - c + 1, n)"},
)
mistake(
    "You say 1 as soon as there are no more wrong programs than k. With exactly k wrong ones, one choice still fails.",
    edit={"if n - c < k:": "if n - c <= k:"},
)
mistake(
    "Your product becomes infinite before its factor of 0 comes, and the result is nan. Return 1 when fewer than k programs are wrong.",
    edit={"if n - c < k:": "if False:"},
)
mistake(
    "You turn C(n, k) into a float, and for thousands of programs it does not fit. Multiply c fractions instead, or divide whole numbers.",
    edit={ESTIMATE: "1.0 - float(math.comb(n - c, k)) / float(math.comb(n, k))"},
    crashes=True,
)
mistake("Your estimate is rounded to three digits. Return it as it is.", edit={ESTIMATE: f"round({ESTIMATE}, 3)"})
mistake(
    "You replace an impossible k by n. pass@20 cannot be told from ten programs: raise ValueError.",
    edit={f"if {ASKED}": f"k = min(k, n)\n    if {ASKED}"},
    fails=["impossible_numbers_are_refused"],
)
mistake("You accept k = 0. One must hand in at least one program.", edit={ASKED: "not (0 <= c <= n and 0 <= k <= n)"})
mistake("You refuse k = n. All programs may be handed in.", edit={ASKED: "not (0 <= c <= n and 1 <= k < n)"}, crashes=True)
mistake("You refuse c = 0. No program may be right.", edit={ASKED: "not (0 < c <= n and 1 <= k <= n)"}, crashes=True)
mistake("You accept c > n. Not more programs pass than there are.", edit={ASKED: "not (0 <= c and 1 <= k <= n)"})
mistake("You accept a negative c. Raise ValueError.", edit={ASKED: "not (c <= n and 1 <= k <= n)"})

# --- the mean over problems ------------------------------------------------------------------------------------------

mistake(
    "You add up the programs of all problems first. Estimate pass@k for each problem, then take the mean.",
    edit={ALL: "pass_at_k(sum(ns), sum(cs), k) if len(ns) == len(cs) and min(ns) >= k else pass_at_k(0, 0, k)"},
)
mistake(
    "Problems with more programs count more in your mean. Each problem counts the same.",
    edit={ALL: "sum(n * pass_at_k(n, c, k) for n, c in zip(ns, cs, strict=True)) / sum(ns)"},
)
mistake(
    "You leave out problems that have fewer than k programs. Raise ValueError: else another set of problems is measured.",
    edit={ALL: "(lambda given: sum(pass_at_k(n, c, k) for n, c in given if n >= k) / sum(n >= k for n in ns))([*zip(ns, cs, strict=True)])"},
)
mistake(
    "You stop at the shorter list without a word. Lists of different lengths are a ValueError.",
    edit={"strict=True": "strict=False"},
)
mistake(
    "All problems get the number of programs of the first one. Each has its own.",
    edit={"pass_at_k(n, c, k) for n, c in": "pass_at_k(ns[0], c, k) for n, c in"},
)
mistake("You return the sum over the problems. Divide by their number.", edit={") / len(ns)": ")"})
mistake("You return 0 where there is no problem. Raise ValueError.", edit={'raise ValueError("there are no problems")': "return 0.0"})

mistake(
    "You leave out the problems that no program solves. They count with 0.",
    edit={ALL: "(lambda each: sum(each) / max(1, sum(p > 0 for p in each)))([pass_at_k(n, c, k) for n, c in zip(ns, cs, strict=True)])"},
)

# --- stops -----------------------------------------------------------------------------------------------------------

mistake(
    "You take the first stop of the *list* that occurs. The one that begins furthest to the left in the *text* counts.",
    edit={CUT: "text[: found[0] if found else len(text)]"},
    fails=["the_earliest_stop_ends_the_text"],
)


@mistake("You cut at one stop after the other, so a stop that overlaps an earlier cut is not found any more. Look for all in the whole text.")
def truncate_at_stop(text, stops=("\nclass", "\ndef", "\n#", "\nif", "\nprint")):
    for stop in stops:
        text = text.split(stop)[0]
    return text


mistake("You cut at the last stop. The text ends at the first one.", edit={CUT: "text[: max(found, default=len(text))]"})
mistake("You look for the last place of each stop. Take the first one.", edit={"text.find(stop)": "text.rfind(stop)"})
mistake(
    "You keep the stop. It belongs to what comes after the answer.",
    edit={FOUND: "found = [text.find(stop) + len(stop) for stop in stops if stop in text]"},
)
mistake("You strip white space at the ends. Indentation is part of the program.", edit={CUT: CUT + ".strip()"})
mistake("You strip white space at the end. Nothing but the stop and what follows goes.", edit={CUT: CUT + ".rstrip()"})
mistake("You overlook a stop at the very beginning of the text.", edit={CUT: "text[: min(filter(None, found), default=len(text))]"})
mistake("You ignore `stops` and cut at the five of Codex always.", edit={FOUND: FOUND.replace("in stops if", "in STOPS if")})
mistake("You cut at the stop words without their line break, so indented lines are stops, too.", edit={
    FOUND: "found = [text.find(stop.strip()) for stop in stops if stop.strip() in text]"
})  # fmt: skip


@mistake("You read stops as patterns. They are plain text: escape them.")
def truncate_at_stop(text, stops=("\nclass", "\ndef", "\n#", "\nif", "\nprint")):
    import re

    places = []
    for stop in stops:
        with contextlib.suppress(re.error):
            places += [m.start() for m in [re.search(stop, text)] if m]
    return text[: min(places, default=len(text))]


mistake(
    "You want white space behind a stop. Stops are plain text, and need not be whole words.",
    edit={FOUND: "found = [at for stop in stops if (at := text.find(stop)) >= 0 and not text[at + len(stop) : at + len(stop) + 1].isalnum()]"},
)
mistake(
    "You do not tell capital letters from small ones. Stops are plain text.",
    edit={FOUND: "found = [text.lower().find(stop.lower()) for stop in stops if stop.lower() in text.lower()]"},
)

# --- processes -------------------------------------------------------------------------------------------------------

VERDICT = "status is not None and word in process.output()"
CALL = 'f"check({entry_point})", f"print({word!r})"'
END = "        process.end()\n"
TRIED = "    try:\n        status = process.wait(timeout)\n    finally:\n        process.end()\n"

mistake(
    "You take an exit status of 0 for a passed test. sys.exit(0) has it too, before any check has run.",
    edit={VERDICT: "status == 0"},
    fails=["only_a_finished_check_passes"],
)
mistake(
    'Your line behind the call prints "ok". A program may print that as well: take a word that is new in each call.',
    edit={"word = secrets.token_hex()": 'word = "ok"'},
)
mistake(
    "Your line behind the call prints the same word in each call, so a program that prints what an earlier one printed passes.",
    edit={"word = secrets.token_hex()": 'word = "7f3a91c4d2"'},
)
mistake(
    "You look for an error text in the output. A program that ends early prints none.",
    edit={VERDICT: 'status is not None and "Error" not in process.output()'},
)
mistake(
    "A program whose check has come back but whose process does not end passes. It must have ended within the timeout, too.",
    edit={VERDICT: "word in process.output()"},
)
mistake("You take every process that ends in time for a passed test.", edit={VERDICT: "status is not None"})
mistake(
    "You want the output to be your word and nothing else. A program may print what it likes.",
    edit={"word in process.output()": "word == process.output().strip()"},
)
mistake(
    "You print your word before the check is called. It must come after the call, as the sign that it has come back.",
    edit={CALL: 'f"print({word!r})", f"check({entry_point})"', VERDICT: "word in process.output()"},
)
mistake(
    "You print your word in a `finally`, so it comes after a failed check too.",
    edit={
        CALL: 'f"try:\\n    check({entry_point})\\nfinally:\\n    print({word!r})"',
        VERDICT: "status is not None and word in process.output()",
    },
)
mistake(
    "You catch assertion errors only and let every other exception of the check pass.",
    edit={
        CALL: (
            'f"try:\\n    check({entry_point})\\nexcept AssertionError:\\n    raise\\nexcept Exception:\\n    pass", f"print({word!r})"'
        )
    },
)
mistake("You never call `check`: defining it runs no assertion.", edit={CALL: 'f"print({word!r})"'})
mistake(
    "You put the test before the program, so a program's own `check` takes the place of the test's. The order is program, test, call.",
    edit={"(program, test, ": "(test, program, "},
)
mistake(
    "You join program and test without a line break. A program may lack the one at its end.",
    edit={"(program, test, ": "(program + test, "},
)
mistake(
    "You check the last function that the program defines. It is the one named `entry_point`.",
    edit={
        "(program, test, " + CALL: (
            '(program, "last = [f for f in globals().values() if type(f) is type(lambda: 0)][-1]", test, "check(last)", f"print({word!r})"'
        )
    },
)
mistake("You check a function called `add`, whatever `entry_point` says.", edit={'f"check({entry_point})"': '"check(add)"'})
mistake(
    "You compile the program in your own process, and its SyntaxError comes to the caller. It is a program that has not passed.",
    edit={"    word = secrets": '    compile(program, "candidate.py", "exec")\n    word = secrets'},
    crashes=True,
)


@mistake("You run the program in your own process. What it ends is you: give it to `start`.")
def run_check(program, test, entry_point, timeout=3.0, start=None):
    namespace = {}
    try:
        exec(f"{program}\n{test}\ncheck({entry_point})\n", namespace)
    except BaseException:
        return False
    return True


mistake("You always wait three seconds, whatever `timeout` says.", edit={"status = process.wait(timeout)": "status = process.wait(3.0)"})
mistake("You give the program ten times as long as it may take.", edit={"status = process.wait(timeout)": "status = process.wait(10 * timeout)"})
mistake("You round the timeout to whole seconds.", edit={"status = process.wait(timeout)": "status = process.wait(max(1, round(timeout)))"})
mistake(
    "You wait once more after the timeout. Who is not done then has not passed.",
    edit={"    finally:\n": "        if status is None:\n            status = process.wait(1.0)\n    finally:\n"},
)
mistake(
    "You end the process only after the timeout. A program that has passed or failed may have left processes behind, too.",
    edit={TRIED: "    status = process.wait(timeout)\n    if status is None:\n        process.end()\n"},
)
mistake(
    "You end the process only when it has passed. What has failed may have left processes behind, too.",
    edit={TRIED: "    status = process.wait(timeout)\n    if status == 0:\n        process.end()\n"},
)
mistake("You never end the process. After the timeout it runs on.", edit={END: "        pass\n"})
mistake(
    "When `wait` raises, your process runs on. Call `end` in a `finally`.",
    edit={TRIED: "    status = process.wait(timeout)\n    process.end()\n"},
)
mistake(
    "You swallow the exception of `wait`. Who presses Ctrl-C wants to stop.",
    edit={"    finally:\n": "    except Exception:\n        status = None\n    finally:\n"},
)
mistake(
    "You try a program that fails once more. One process is started.",
    edit={
        "    return " + VERDICT: (
            "    if status == 1:\n        process = start(program)\n        process.wait(timeout)\n        process.end()\n    return " + VERDICT
        )
    },
)

mistake(
    "Your word is made from the program, so it is the same when the program is run again. It must be new in each call.",
    edit={"word = secrets.token_hex()": 'word = hex(abs(hash(program)))'},
)
mistake(
    "You strip white space from the program first. An indented program is a syntax error, and has not passed.",
    edit={"(program, test, ": "(program.strip(), test, "},
)

# --- ranking ---------------------------------------------------------------------------------------------------------

mistake(
    "You rank by the sum of the log-probabilities, so short texts win. Take their mean.",
    edit={MEAN: "sum(sample[1])"},
    fails=["the_largest_mean_comes_first"],
)
mistake("Your order begins with the worst one. The largest mean comes first.", edit={", reverse=True)": ")"})
mistake(
    "You sort upwards and turn the list round: samples with equal means come out in the opposite order.",
    edit={RANK: RANK.replace(", reverse=True)", ")[::-1]")},
)
mistake("Equal texts come out once. Every sample counts.", edit={"[text for text, _ in order]": "list(dict.fromkeys(text for text, _ in order))"})
mistake(
    "You divide by the letters of the text. The mean is over its tokens.",
    edit={MEAN: "sum(sample[1]) / max(len(sample[0]), 1)"},
)
mistake("You rank by the least probable token. Take the mean of all.", edit={MEAN: "min(sample[1])"})
mistake("You rank by the most probable token. Take the mean of all.", edit={MEAN: "max(sample[1])"})
mistake("You rank by the first token alone. Take the mean of all.", edit={MEAN: "sample[1][0]"})
mistake(
    "A sample without tokens has mean 0 in your ranking and comes first. It comes after all others.",
    edit={RANK: "order = silent + " + RANK.removeprefix("order = ").removesuffix(" + silent")},
)
mistake(
    "Samples with equal means are ordered by their texts. They keep the order in which they came.",
    edit={RANK: "order = sorted(told, key=lambda s: (-sum(s[1]) / len(s[1]), s[0])) + silent"},
)
mistake(
    "You take the mean probability instead of the mean log-probability: one sure token outweighs an impossible one.",
    edit={MEAN: "sum(map(math.exp, sample[1])) / len(sample[1])"},
)
mistake(
    "You divide by the square root of the number of tokens. The mean divides by the number.",
    edit={MEAN: "sum(sample[1]) / math.sqrt(len(sample[1]))"},
)
mistake("You leave out samples without tokens. They come after all others.", edit={RANK: RANK.removesuffix(" + silent")})
mistake("Your own line must be the last one that is printed. The program may print more when its process ends, which decides nothing.", edit={"word in process.output()": "process.output().rstrip().endswith(word)"})
