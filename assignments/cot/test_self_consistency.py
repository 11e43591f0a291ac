"""Public checks of cot/self_consistency: run `pytest` on this file, or `autograder check cot/self_consistency`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from autograder.checks import case, check, lab, raises


def texts(rng, style="phrase", start=0, stop=None, step=1, given=None):
    return {"texts": given if given is not None else lab("recorded", style=style, start=start, stop=stop, step=step), "style": style}


def extracted(student, texts, style):
    return [student.extract_answer(text, style) for text in texts]


@check(points=1, inputs=texts, lecture='reading-an-answer', public=[case('#### and a number', style='hash', given=['2 * 9 = 18.\n#### 18', '#### 1,000 dollars', '####-3', 'No mark, but 5.', '#### $-12.50 left']), case('the answer is', given=['The answer is 18.', 'So the final answer is: $1,200.', 'I have 3. Answer: −4', 'The answer is unclear.\n18', '5 of them.']), case('several', given=['The answer is 20. No, the answer is 18, not 17.', 'The answer is 7. I am sure that the answer is right.', '答案是 3/4。检查：1。']), case('headings, and another question behind', style='hash', given=['#### Step 1\n3 + 4\n#### 7', '####\n12', '#### 3\n\nQ: …\n#### 4']), case('thousands', given=['The answer is 1,234,567.', 'The answer is 1,23.', 'The answer is 1,2345.', 'The answer is .5.', 'The answer is 1234,567.', 'The answer is ４２.'])])
def answers_are_read_out_of_texts(student, texts, style):
    """The number behind the first #### or behind the last "the answer is" is found as it stands, and nothing where there is none."""
    return {
        "answers": extracted(student, texts, style),
        "by name": student.extract_answer(text=texts[0], style=style),
        "refused": [raises("ValueError", lambda other=other: student.extract_answer(texts[0], other)) for other in ("last", "Hash", "")],
        "refused, without a text": raises("ValueError", lambda: student.extract_answer("", "last")),
    }


@check(points=1, inputs=texts, lecture='boxes', public=[case('a box', style='boxed', given=['So it is \\boxed{42}.', '\\boxed{ B }', '42', '\\boxed{\\frac{1}{2}} of it']), case('several boxes', style='boxed', given=['\\boxed{3}, no, \\boxed{4}', '\\boxed{3} and \\boxed{', '\\boxed{5} and \\boxed{ }', '\\boxed{\\boxed{6}}'])])
def boxes_are_closed_by_their_own_brace(student, texts, style):
    """The last box that is closed and not empty is the answer, with all braces that it holds."""
    return extracted(student, texts, style)


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


@check(points=1, inputs=numbers, lecture='one-spelling-for-each-number', public=[case('thousands, currencies, zeros', given=['1,000', '$1000.00', '1000', '007', '-$3.50', '€ 5', '-0', '0.0']), case('fractions and decimals', given=['0.5', '.5', '1/2', '2/4', '\\frac{5}{10}', '-\\dfrac{2}{6}', '−1/3', '6/3', '0.1', '12345678901234567.5']), case('no numbers', given=['', 'B', '1,00', '12 apples', '1/0', '1e3', '2 1/2', 'x = 5', '- 5', '+5', '5.', '--5']), case('LaTeX around a number', given=['\\$42', '50\\%', '50%', '10,\\!000', '18\\text{ dollars}', '90^\\circ', '10\\,000'])])
def each_number_has_one_spelling(student, given):
    """Numbers that are equal get the same text, exactly and in lowest terms; what is no number gets None."""
    return [student.normalize_number(each) for each in given]


def ballots(rng, given=None, n=0, kinds=3, none=0.2):
    if given is None:
        names = rng.shuffled([str(7 * each) for each in range(kinds)])
        given = [None if rng.real(0, 1) < none else rng.choice(names) for _ in range(n)]
    return {"given": given}


@check(points=1, inputs=ballots, lecture='the-vote', public=[case('a majority', given=['18', '20', '20', '18', '20']), case('None has no vote', given=[None, '18', None, None]), case('a tie: the first', given=['9', '3', '3', '9', '5']), case('letters and spellings', given=['B', 'A', 'B', '1,000', '1000', None, '1000', '1,000']), case('no votes at all', given=[None, None]), case('nobody', given=[])])
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


@check(points=1, inputs=weighted, lecture='votes-with-weights', public=[case('one is sure, two are not', answers=['1', '2', '2'], logps=[[-0.5, -0.5], [-2.0, -2.0], [-2.0]]), case('a long text is not less sure', answers=['5', '6'], logps=[[-0.25] * 8, [-0.5, -0.75]]), case('whole probabilities', answers=['5', '6'], logps=[[-0.25] * 8, [-0.5, -0.75]], normalize=False), case('the surest has no answer', answers=[None, '3', '4'], logps=[[-0.01], [-1.0], [-1.5]]), case('nobody', answers=[], logps=[])])
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


@check(points=1, inputs=reasoned, lecture='complex-texts', public=[case('the longest chain', paths=[('It is 7, and I am as sure of that as anybody can be.', '7'), ('a\nb\nc', '10'), ('Surely.', '7')], k=1), case('empty lines are no steps', paths=[('a\n\n\n\nb', '1'), ('a\nb\nc', '2'), ('a\n \n\t\n  \n', '1')], k=1), case('the longest has no answer', paths=[('a\nb\nc\nd', None), ('a\nb\nc', '2'), ('a', '3'), ('a\nb', '3')], k=1), case('a tie in votes: the first in the list', paths=[('a\nb', '1'), ('a\nb\nc', '2'), ('a', '2')], k=2), case('equally many steps: the earlier text', paths=[('a\nb', '4'), ('c\nd', '5'), ('e\nf', '5')], k=1)])
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


@check(points=1, inputs=conversation, lecture='two-calls', public=[case('a question', question='A box holds 12 eggs. How many do 3 boxes hold?', replies=[' 3 * 12 = 36.\n', ' 36.']), case('a sentence comes back', question='What is left of $1,500?', replies=['It is 1,500 - 300.', ' $1,200, which is 4/5 of 1,500.']), case('no number comes back', question='Why?', replies=['There are 2 reasons.', ' not known.'])])
def the_model_is_called_twice(student, question, replies):
    """The first prompt asks the model to think; the second one holds all of it and the thought, and asks for the number."""
    prompts = []

    def llm(prompt):
        prompts.append(prompt)
        return replies[(len(prompts) - 1) % 2]

    answers = [student.zero_shot_cot(llm, question), student.zero_shot_cot(llm, question)]
    return {"answers": answers, "prompts": prompts}
