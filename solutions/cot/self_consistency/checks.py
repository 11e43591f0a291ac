"""Checks of cot/self_consistency: answers are read out of recorded texts, brought to one spelling, and vote; two calls of zero-shot chain of thought."""

from autograder.checks import case, check, lab, raises


def texts(rng, style="phrase", start=0, stop=None, step=1, given=None):
    return {"texts": given if given is not None else lab("recorded", style=style, start=start, stop=stop, step=step), "style": style}


def extracted(student, texts, style):
    return [student.extract_answer(text, style) for text in texts]


@check(
    points=1,
    inputs=texts,
    lecture="reading-an-answer",
    public=[
        case("#### and a number", style="hash", given=["2 * 9 = 18.\n#### 18", "#### 1,000 dollars", "####-3", "No mark, but 5.", "#### $-12.50 left"]),
        case("the answer is", given=["The answer is 18.", "So the final answer is: $1,200.", "I have 3. Answer: −4", "The answer is unclear.\n18", "5 of them."]),
        case("several", given=["The answer is 20. No, the answer is 18, not 17.", "The answer is 7. I am sure that the answer is right.", "答案是 3/4。检查：1。"]),
        case("headings, and another question behind", style="hash", given=["#### Step 1\n3 + 4\n#### 7", "####\n12", "#### 3\n\nQ: …\n#### 4"]),
        case("thousands", given=["The answer is 1,234,567.", "The answer is 1,23.", "The answer is 1,2345.", "The answer is .5.", "The answer is 1234,567.", "The answer is ４２."]),
    ],
    hidden=[
        case("letters that lower() makes two of", given=["İİ: Answer:42 of 50"]),
        case("recorded: ####, the first part", style="hash", stop=60),
        case("recorded: ####, the rest", style="hash", start=60),
        case("recorded: the answer is, in English and Chinese", start=0, stop=80),
        case("recorded: the answer is, the traps", start=80),
        case("recorded texts in another style", style="phrase", given=["\\boxed{3}", "#### 4", "12"]),
        case("phrases near each other, and behind digits", given=["The answer is the second answer, 5", "5answer is 3", "answer is \\FRAC{1}{2}", "the answer is 1/2/3"]),
        case("line breaks of Windows, and a point behind a fraction", style="hash", given=["####\r\n5", "#### 3/4.5", "####\u00a07", "#### #### 8"]),
    ],
    cites=[
        "the first one with a number behind it is taken",
        "Only white space may stand between the two",
        "on the same line a number the first one there",
        "the last phrase that has a number behind it on its line is taken",
        "Upper and lower case of a phrase are the same",
        "Digits are 0 to 9",
        "a comma and exactly three digits",
        "then the first of these that fits",
        "in either order",
        "A part takes as many characters as it can",
        "is no part of a number neither is a plus sign",
        "The two parts of a fraction are one or more digits each",
        "A decimal is a whole part or a point and digits",
        "the number behind the first",
        "Raises ValueError for another style",
    ],
)
def answers_are_read_out_of_texts(student, texts, style):
    """The number behind the first #### or behind the last "the answer is" is found as it stands, and nothing where there is none."""
    return {
        "answers": extracted(student, texts, style),
        "by name": student.extract_answer(text=texts[0], style=style),
        "refused": [raises("ValueError", lambda other=other: student.extract_answer(texts[0], other)) for other in ("last", "Hash", "")],
        "refused, without a text": raises("ValueError", lambda: student.extract_answer("", "last")),
    }


@check(
    points=1,
    inputs=texts,
    lecture="boxes",
    public=[
        case("a box", style="boxed", given=[r"So it is \boxed{42}.", r"\boxed{ B }", "42", r"\boxed{\frac{1}{2}} of it"]),
        case("several boxes", style="boxed", given=[r"\boxed{3}, no, \boxed{4}", r"\boxed{3} and \boxed{", r"\boxed{5} and \boxed{ }", r"\boxed{\boxed{6}}"]),
    ],
    hidden=[
        case("recorded: the first part", style="boxed", stop=50),
        case("recorded: the rest", style="boxed", start=50),
        case("braces in braces", style="boxed", given=[r"\boxed{{{a}}{b}} {c}", r"\boxed{\frac{\frac{a}{b}}{c}}", r"}\boxed{x}{", r"\boxed{\sqrt{\boxed{7}+1}}"]),
        case("another command, and other white space", style="boxed", given=[r"\boxed{3} \fboxed{4}", "\\boxed{\r3\u00a0}", r"\boxed{B.}"]),
        case("one is open, one is empty", style="boxed", given=[r"\boxed{1} \boxed{2 \boxed{}", r"\boxed{\boxed{ } + 1}", r"\boxed{}\boxed{}"]),
    ],
    cites=["Each is closed by its own", "it need not be a number", "does not count", "The last is the one that begins last"],
)
def boxes_are_closed_by_their_own_brace(student, texts, style):
    """The last box that is closed and not empty is the answer, with all braces that it holds."""
    return extracted(student, texts, style)


# What stands as an answer in recorded texts, each spelling once.
AS_THEY_STAND = {
    "hash": [
        "18", "1,000", "$1,250.50", "-7", "−7", "0.5", ".25", "1/2", "6/4", "-$40", "$-40", "€3,600", "¥12,345,678", "£0.99", "007", "3.1400",
        "12/3", "-0", "0", "1234567", "100,000", "2.0", "-1/3", "999", "72", "$5", "60.00", "1,000,000.5", "-12.75", "365", "1/1000", "0.125",
        "48", "10", "¥88", "−3/6", "7/1", "20", "$1,000", "1500.0", "42", "14", "7", "11", "3", "2", "24/7", "3/4", "1", "1234", "12", "12,345",
        "1,234,567.89", "5", "5.5", "50", "1/0", "0/5", "-3", "-$1,000.00", "\\frac{3}{4}", "-\\dfrac{10}{4}", "30", "12345678901234567890",
        "0.1", "0.30000000000000004", "00", ".5",
    ],
    "phrase": [
        "18", "1,000", "$1,250.50", "-7", "−7", "0.5", ".25", "1/2", "6/4", "-$40", "$-40", "€3,600", "¥12,345,678", "£0.99", "007", "3.1400",
        "12/3", "-0", "0", "1234567", "100,000", "2.0", "-1/3", "999", "72", "$5", "60.00", "1,000,000.5", "-12.75", "365", "1/1000", "0.125",
        "48", "10", "¥88", "−3/6", "7/1", "20", "$1,000", "1500.0", "3", "3.5", "4", "9", "7", "5", "1", "1.000", "2", "50", "1/0", "-5", "−5",
        "$-1,500.25", "-$1,500.25", "42", "$\\frac{1}{2}", "\\dfrac{6}{8}", "\\tfrac{9}{3}", "$-\\frac{5}{10}", "12", "6/8", "6", "1.5", "3.14",
        ".75", "-.75", ".5", "¥1,024", "-3", "3/4", "98765432109876543210", "0.333333333333333333333", "1000000.000001",
    ],
    "boxed": [
        "18", "1,000", "10{,}000", "10,\\!000", "10\\,000", "\\$42", "$42", "50\\%", "50%", "\\frac{1}{2}", "\\dfrac{8}{6}", "-\\tfrac{3}{9}",
        "18\\text{ dollars}", "18 \\text{ km/h}", "18 dollars", "90^\\circ", "\\frac{\\pi}{2}", "\\sqrt{2}", "3\\sqrt{2}", "x^2 + 2x + 1",
        "x = 5", "(1, 2)", "(1,2)", "[0, 1)", "\\text{B}", "B", "C", "\\text{Evelyn}", "\\{1, 2, 3\\}",
        "\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "\\frac{\\sqrt{3}}{\\frac{1}{2}}", "-5", "−5", "- 5", "+5", "0.50", ".5", "5.",
        "1/2", "1 / 2", "2 1/2", "2\\frac{1}{2}", "1/0", "\\frac{3}{0}", "\\frac12", "\\frac{-1}{2}", "\\frac{1.5}{2}", "\\frac{1}{x}",
        "1000000", "1,00", "12,34,567", "1e3", "0", "-0", "007", "-$3.50", "$-3.50", "\\text{about }7", "三", "12 元", "12\\text{ 元}", "４２",
        "¥1,280", "\\infty", "2^{10}", "x \\in \\{1, 2\\}", "3 + 4i", "7!", "A_1", "--5", "$", "%", "1,000,000.25", "12345678901234567890.5",
        "25/100", "1 000", "5-3", "5", "{5}", "4", "3", "x = \\boxed{}", "\\frac{a}{b + \\frac{c}{d}}", "12", "1\n2", "\\text{The answer is 5}",
        "\\text{no } 5", "300", "甲", "\\text{三十六}", "\\{x : x > 0\\}", "90^{\\circ}", "1,234,567", "\\$1,\\!234.50", "\\frac{10}{4}\\text{ m}",
    ],
}


def numbers(rng, given=None, style="phrase", start=0, stop=None, digits=0):
    if digits:
        given = [str(rng.integer(1, 10)) + "".join(str(rng.integer(0, 10)) for _ in range(digits - 2)) + tail for tail in ("1", "1.5", "1/3")]
    if given is None:
        given = AS_THEY_STAND[style][start:stop]
    return {"given": given}


@check(
    points=1,
    inputs=numbers,
    lecture="one-spelling-for-each-number",
    public=[
        case("thousands, currencies, zeros", given=["1,000", "$1000.00", "1000", "007", "-$3.50", "€ 5", "-0", "0.0"]),
        case("fractions and decimals", given=["0.5", ".5", "1/2", "2/4", r"\frac{5}{10}", r"-\dfrac{2}{6}", "−1/3", "6/3", "0.1", "12345678901234567.5"]),
        case("no numbers", given=["", "B", "1,00", "12 apples", "1/0", "1e3", "2 1/2", "x = 5", "- 5", "+5", "5.", "--5"]),
        case("LaTeX around a number", given=[r"\$42", r"50\%", "50%", r"10,\!000", r"18\text{ dollars}", r"90^\circ", r"10\,000"]),
    ],
    hidden=[
        case("from recorded answers", style="hash"),
        case("from recorded answers, in English and Chinese", style="phrase"),
        case("from recorded boxes", style="boxed"),
        case("twenty digits", digits=20),
        case("nine hundred digits", digits=900),
        case("other digits", given=["４２", "٣", "²", "½", "4²", "5"]),
        case("white space", given=[" 5 ", "\n5\t", "5 %", "1 000", "1\n2", r"5\text{ m} \text{ or so}", " ", "- 5", "$ 5", "5\n"]),
        case("shapes of numbers", given=["1.", ".", "-", "$", "-.5", "1,000.5", "1,000/2", "1.5/2", "0001,000", "1234,567", "1,234,56", "0,123", "/2", "3/", "1/2/3", "-1/-2"]),
        case("LaTeX that is left", given=[r"\frac12", r"\frac{1}{x}", r"\frac{-1}{2}", r"-\dfrac{4}{6}", r"\frac{0}{5}", r"\frac{5}{0}", "0/0", r"5\mathrm{cm}", r"1\;000", r"\text{5}", r"\text{a}5\text{b}"]),
        case("hundreds of digits below the line", given=["1/" + "7" * 900, "0." + "3" * 900, "." + "0" * 900 + "1", "12" + "0" * 900 + "/" + "9" * 90]),
        case("not numbers to Python either", given=["inf", "nan", "1_000", "0x10", "1e5", "True", "None", "1/2e1", "infinity"]),
    ],
    cites=[
        "Take out wherever they stand",
        "What is left must be one number",
        "the exact value as a fraction in lowest terms",
        "A fraction p 0 gives None",
        "50 is 50",
        "Then white space at both ends",
        "Else the result is None",
        "is its minus sign",
        "none is rounded",
    ],
)
def each_number_has_one_spelling(student, given):
    """Numbers that are equal get the same text, exactly and in lowest terms; what is no number gets None."""
    return [student.normalize_number(each) for each in given]


def ballots(rng, given=None, n=0, kinds=3, none=0.2):
    if given is None:
        names = rng.shuffled([str(7 * each) for each in range(kinds)])
        given = [None if rng.real(0, 1) < none else rng.choice(names) for _ in range(n)]
    return {"given": given}


@check(
    points=1,
    inputs=ballots,
    lecture="the-vote",
    public=[
        case("a majority", given=["18", "20", "20", "18", "20"]),
        case("None has no vote", given=[None, "18", None, None]),
        case("a tie: the first", given=["9", "3", "3", "9", "5"]),
        case("letters and spellings", given=["B", "A", "B", "1,000", "1000", None, "1000", "1,000"]),
        case("no votes at all", given=[None, None]),
        case("nobody", given=[]),
    ],
    hidden=[
        case("forty votes", n=40, kinds=5),
        case("many ties", given=["c", "b", "a", "a", "b", "c"]),
        case("the tie's first is last alone", given=["x", "b", "a", "a", "b"]),
        case("two spellings are two answers", given=["1000", "1,000", "1,000", "1000", "1000.0", "1000.0", "1000.0"]),
        case("nearly nobody votes", n=30, kinds=2, none=0.9),
        case("a text may be empty", given=["", "", "1", None, None, None]),
        case("the text None", given=["None", None, None, "5", "None"]),
        case("the last wins by one", given=["4", "7", "4", "7", "1", "7"]),
        case("letters that differ in white space and capitals", given=["a", "A", " a", "a ", " a"]),
    ],
    fresh=2,
    cites=["Of several that occur equally often", "has no vote", "Without any vote the result is None", "Answers are compared as they are", "the share of all texts", "votes as it stands", "Each text's answer is extracted and its normalized form votes", "Without any answer the result is None 0 0", "Nothing that is passed in is changed"],
)
def the_most_frequent_answer_wins(student, given):
    """The answer with the most votes wins, of equal ones the first; agreement is its share of all texts, with and without answers."""
    spellings = ["The answer is {}.", "Well, 3 + 4. The answer is ${}.00", "答案是 {}", "answer: {}.0 (not 99)"]
    written = [spellings[i % 4].format(each) if each else "The answer is hard to say." for i, each in enumerate(given)]
    boxed = ["\\boxed{" + each + "}" if each is not None else "?" for each in given]
    return {
        "majority": student.majority(given),
        "turned round": student.majority(given[::-1]),
        "of texts": student.self_consistency(written, "phrase"),
        "of boxes": student.self_consistency(boxed, style="boxed"),
        "of the same texts in other styles": [student.self_consistency(written, style) for style in ("boxed", "hash")],
        "of boxes with a full stop": student.self_consistency([each.replace("}", ".}") for each in boxed], "boxed"),
        "of names in boxes": student.self_consistency([each.replace("}", r" \text{ or so}}") for each in boxed], "boxed"),
        "once more": student.majority(given),
        "left": given,
    }


def weighted(rng, answers=None, logps=None, n=0, kinds=3, none=0.2, low=-1.0, lengths=(1, 9), **options):
    if answers is None:
        names = rng.shuffled([str(each) for each in range(kinds)])
        answers = [None if rng.real(0, 1) < none else rng.choice(names) for _ in range(n)]
        logps = [[rng.real(low, 0.0) for _ in range(rng.integer(*lengths))] for _ in range(n)]
    return {"answers": answers, "logps": logps, "options": options}


@check(
    points=1,
    inputs=weighted,
    lecture="votes-with-weights",
    public=[
        case("one is sure, two are not", answers=["1", "2", "2"], logps=[[-0.5, -0.5], [-2.0, -2.0], [-2.0]]),
        case("a long text is not less sure", answers=["5", "6"], logps=[[-0.25] * 8, [-0.5, -0.75]]),
        case("whole probabilities", answers=["5", "6"], logps=[[-0.25] * 8, [-0.5, -0.75]], normalize=False),
        case("the surest has no answer", answers=[None, "3", "4"], logps=[[-0.01], [-1.0], [-1.5]]),
        case("nobody", answers=[], logps=[]),
    ],
    hidden=[
        case("twenty texts", n=20, kinds=4),
        case("twenty texts, whole probabilities", n=20, kinds=4, normalize=False),
        case("by name, normalized", n=9, normalize=True),
        case("no answers at all", answers=[None, None], logps=[[-1.0], [-2.0, -1.0]]),
        case("equal weights", answers=["9", "3"], logps=[[-0.5, -1.5], [-1.5, -0.5]]),
        case("many weak ones beat a strong one", answers=["a", "b", "b", "b"], logps=[[-1.0], [-1.5], [-1.75], [-2.0]]),
        case("probabilities are 0 in floats", answers=["2", "7", "7"], logps=[[-5.0] * 2000, [-4.9] * 2000 + [-100.0], [-6.0] * 2000], normalize=False),
        case("so they are, and the surest has no answer", answers=[None, "2", "7"], logps=[[-1.0], [-3.0] * 900, [-3.0] * 899], normalize=False),
        case("tiny, and nearly equal", answers=["1", "2"], logps=[[-2.0] * 4999 + [-2.0002], [-2.0] * 5000], normalize=False),
        case("tiny, normalized", answers=["2", "7", "2"], logps=[[-2000.0, -1000.0], [-1499.0], [-1500.5]]),
        case("one text", answers=["0"], logps=[[-3.0]], normalize=False),
        case("an answer without a letter", answers=["", "1", ""], logps=[[-1.0], [-1.5], [-3.0]]),
        case("answers that differ in white space", answers=["1", " 1", " 1"], logps=[[-0.5], [-0.75], [-0.75]]),
    ],
    fresh=2,
    cites=["exp mean of its log probabilities", "exp sum of its log probabilities", "its share in the weights of all texts that have an answer", "Raises ValueError if answers and logps", "shares are right although", "The answer with the largest sum of weights wins"],
)
def sure_texts_count_more(student, answers, logps, options):
    """Each text weighs exp of the mean, or of the sum, of its log-probabilities; the largest sum of weights wins."""
    return {
        "vote": student.weighted_vote(answers, logps, **options),
        "turned round": student.weighted_vote(answers[::-1], logps[::-1], **options),
        "the other way": student.weighted_vote(answers, logps, normalize=not options.get("normalize", True)),
        "by name": student.weighted_vote(logps=logps, answers=answers),
        "refused": [raises("ValueError", lambda: student.weighted_vote([*answers, "1"], logps)), raises("ValueError", lambda: student.weighted_vote(answers, [*logps, [-1.0]]))],
        "left": [answers, logps],
    }


def reasoned(rng, paths=None, n=0, kinds=3, k=1):
    if paths is None:
        names = rng.shuffled([str(each) for each in range(kinds)])
        paths = []
        for _ in range(n):
            lines = ["".join(rng.choice("ab+= ") for _ in range(rng.integer(1, 12))) + "." for _ in range(rng.integer(1, 6))]
            paths.append([rng.choice(["\n", "\n\n", "\n \n"]).join(lines) + rng.choice(["", "\n", "\n\n\n"]), rng.choice([*names, None])])
    return {"paths": [tuple(each) for each in paths], "k": k}


@check(
    points=1,
    inputs=reasoned,
    lecture="complex-texts",
    public=[
        case("the longest chain", paths=[("It is 7, and I am as sure of that as anybody can be.", "7"), ("a\nb\nc", "10"), ("Surely.", "7")], k=1),
        case("empty lines are no steps", paths=[("a\n\n\n\nb", "1"), ("a\nb\nc", "2"), ("a\n \n\t\n  \n", "1")], k=1),
        case("the longest has no answer", paths=[("a\nb\nc\nd", None), ("a\nb\nc", "2"), ("a", "3"), ("a\nb", "3")], k=1),
        case("a tie in votes: the first in the list", paths=[("a\nb", "1"), ("a\nb\nc", "2"), ("a", "2")], k=2),
        case("equally many steps: the earlier text", paths=[("a\nb", "4"), ("c\nd", "5"), ("e\nf", "5")], k=1),
    ],
    hidden=[
        case("twelve texts, five vote", n=12, k=5),
        case("nine texts, two vote", n=9, k=2),
        case("all vote", n=7, k=7),
        case("an answer without a letter, and texts without a step", paths=[("a\nb", ""), ("a", "1"), ("", "7")], k=1),
        case("texts without a step vote, too", paths=[("", "7"), (" \n", "7"), ("a", "1")], k=3),
        case("k is larger than the list", n=6, k=40),
        case("nobody", paths=[], k=3),
        case("nobody has an answer", paths=[("a\nb", None), ("a", None)], k=2),
        case("a tie in votes: the first in the list, not the most complex", paths=[("a\nb", "1"), ("a\nb\nc", "2"), ("a", "3"), ("a\nb\nc\nd", "2"), ("a\nb", "1"), ("x", "2")], k=4),
        case("a tie between two and two", paths=[("a\nb", "1"), ("a\nb\nc", "2"), ("a", "2"), ("d\ne\nf\ng", "2"), ("a\nb", "1")], k=4),
        case("three None among the longest", paths=[("a\nb\nc", None), ("a\nb\nc\nd", None), ("a\n b\nc", None), ("a", "6"), ("b", "7"), ("c", "7"), ("d\ne", "6")], k=3),
        case("sentences are no steps", paths=[("One. Two. Three. Four. Five.", "1"), ("One\nTwo", "2")], k=1),
        case("answers that differ in white space", paths=[("a\nb", " 1"), ("c\nd", "1"), ("e\nf", " 1")], k=3),
    ],
    fresh=2,
    cites=["its lines that hold more than white space", "Texts without an answer are left out first", "the earlier ones in the list come first", "the one wins that comes first among those that vote", "If there are fewer than k all vote", "A vote of the k most complex texts only", "Raises ValueError if k"],
)
def complex_texts_vote(student, paths, k):
    """The k texts with the most steps vote; a step is a line with more than white space."""
    return {
        "vote": student.complexity_vote(paths, k),
        "one": student.complexity_vote(paths=paths, k=1),
        "three": student.complexity_vote(paths[::-1], 3),
        "refused": [raises("ValueError", lambda k=k: student.complexity_vote(paths, k)) for k in (0, -1)],
        "left": paths,
    }


def conversation(rng, question="How many?", replies=("", "")):
    return {"question": question, "replies": list(replies)}


@check(
    points=1,
    inputs=conversation,
    lecture="two-calls",
    public=[
        case("a question", question="A box holds 12 eggs. How many do 3 boxes hold?", replies=[" 3 * 12 = 36.\n", " 36."]),
        case("a sentence comes back", question="What is left of $1,500?", replies=["It is 1,500 - 300.", " $1,200, which is 4/5 of 1,500."]),
        case("no number comes back", question="Why?", replies=["There are 2 reasons.", " not known."]),
    ],
    hidden=[
        case("white space is kept", question="  How many? \n", replies=["\nFirst, 2.\nThen 4. \n\n", "\n\n 6 "]),
        case("an empty thought", question="5 + 5?", replies=["", "10"]),
        case("numbers in the thought alone", question="5 + 5?", replies=["The answer is 10.", "ten"]),
        case("a fraction", question="四分之二是多少？", replies=["让我想想。", " 2/4。"]),
        case("LaTeX", question="Half of one?", replies=["…", r" $\frac{2}{4}$ or 0.5"]),
        case("no value", question="5 / 0?", replies=["Hm.", " 5/0, not 7"]),
        case("braces and per cent", question="{x} %s \\n {0}", replies=["{reply} %d", "−8%"]),
        case("the thought asks itself", question="Q: 1?\nA: Let's think step by step.", replies=["Q: 2?\nA: 3\nTherefore, 4", "5\n6"]),
    ],
    cites=["It is called two times", "with Q the question a line break A and STEP_BY_STEP", "all of the first prompt a space the first reply", "Of the second reply the first number is the answer", "are used as they are"],
)
def the_model_is_called_twice(student, question, replies):
    """The first prompt asks the model to think; the second one holds all of it and the thought, and asks for the number."""
    prompts = []

    def llm(prompt):
        prompts.append(prompt)
        return replies[(len(prompts) - 1) % 2]

    answers = [student.zero_shot_cot(llm, question), student.zero_shot_cot(llm, question)]
    return {"answers": answers, "prompts": prompts}
