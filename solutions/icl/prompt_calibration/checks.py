"""Checks of icl/prompt_calibration: prompts, probabilities of labels, calibration, the two entropies, and a model with known biases."""

import math

import torch

from autograder.checks import case, check, flags, raises


def prompt(rng, instruction="", demos=(), x="x", template="Review: {x}\nMood: {y}", **options):
    return {"instruction": instruction, "demos": [tuple(each) for each in demos], "x": x, "template": template, "options": options}


TWO = [("I liked it.", "good"), ("It was awful.", "bad")]
BAD = ["{x}", "{y}", "", "{y} then {x}", "{x} {x} {y}", "{x} {y} {y}", "Review: {0} {1}", "{x }{y}", "{X}{Y}", "{x{y}}"]


@check(
    points=1,
    inputs=prompt,
    lecture="the-prompt",
    public=[
        case("two examples", instruction="Which mood?", demos=TWO, x="Too long."),
        case("no examples, no instruction", x="Too long."),
        case("another separator", demos=TWO, x="?", template="{x} => {y};", sep="\n"),
        case("braces in a text", demos=[("{y} {x}", "{x}")], x="{y}", instruction="Use {x}."),
    ],
    hidden=[
        case("an example twice", demos=[("Too long.", "bad")] * 2, x="?"),
        case("content-free", instruction="Mood:", demos=TWO, x=""),
        case("white space at the ends of texts", demos=[(" a ", " b\n")], x="  c  ", instruction=" Hm. ", template="{x} \n{y} "),
        case("nothing between", demos=[("a", "b")], x="c ", template="Q{x}{y}E"),
        case("something behind", demos=TWO, x="Fine.", template="<in>{x}</in>\n<out>{y}</out>\n###"),
        case("other braces", demos=TWO, x="ok", template='{"text": "{x}", "label": "{y}"} {} {0}'),
        case("an empty separator", demos=TWO, x="ok", sep="", instruction="Go"),
        case("white space before the text", demos=TWO, x="", template="Text: {x}{y}"),
        case("an instruction of white space is none that is empty", instruction=" ", x="a"),
        case("Chinese", instruction="判断情感。", demos=[("很好看", "正面"), ("太长了", "负面")], x="还行", template="评论：{x}\n情感：{y}"),
        case("empty parts are parts", instruction="I", demos=[("", ""), ("a", "")], x="", template="{x}{y}"),
        case("a line break behind the label", demos=[*TWO, ("", "none\n")], x="ok", template="{x}: {y}\n"),
        case("white space in front of the template, and nothing before it", x="ok", template=" \n{x} =>{y}"),
        case("white space of other kinds", demos=TWO, x="ok\u00a0", template="{x}:\u00a0\u3000\r{y}"),
        case("format specifiers", demos=[("%s", "{}")], x="{x!r} {{x}}", template="%s {x} \\1 {y}"),
        case("many", demos=[(f"text {i}", f"{i % 3}") for i in range(9)], x="text 9", sep="\n---\n"),
        case("long", instruction="Which of the three moods does each text have?", demos=[(f"a text with the number {i}", f"{i % 3}") for i in range(19)], x="a text with the number 19"),
    ],
    cites=[
        "how an example looks",
        "Only x and y of the template are filled in",
        "The prompt ends there",
        "Raises ValueError for any other template",
        "unless it is empty",
        "without white space at its end with x filled in",
        "Other braces stay",
        "They are joined by sep",
    ],
)
def prompts_show_examples(student, instruction, demos, x, template, options):
    """The prompt is the instruction, the examples in the template, and the open example, which ends before the label without white space."""
    return {
        "prompt": student.build_prompt(instruction, demos, x, template, **options),
        "the other way round": student.build_prompt(instruction, demos[::-1], x, template),
        "by name": student.build_prompt(sep="\n", template=template, x=x, demos=demos, instruction=instruction),
        "refused": [raises("ValueError", lambda bad=bad: student.build_prompt(instruction, demos, x, bad)) for bad in BAD],
        "left": demos,
    }


def table(rng, scores=None, sizes=(), low=-4.0, lengths=(1, 5), zero=0, **options):
    """A model that knows a few words: the log-probabilities of their tokens. `sizes` words for each label."""
    if scores is None:
        scores = [[[rng.real(low, 0.0) for _ in range(rng.integer(*lengths))] for _ in range(size)] for size in sizes]
        for _ in range(zero):
            row = rng.choice(rng.choice(scores))
            row[rng.integer(0, len(row))] = -math.inf
    return {"scores": scores, "options": options}


def asked(student, scores, options, text="Mood:"):
    """label_probs, and what the model was asked."""
    words = [[f"W{i}{j}" * (1 + j) for j in range(len(row))] for i, row in enumerate(scores)]
    known = {" " + word: given for row, answers in zip(words, scores, strict=True) for word, given in zip(row, answers, strict=True)}
    calls = []

    def model(prompt, continuation):
        calls.append([prompt, continuation])
        return list(known.get(continuation, [-99.0, -1.0]))

    return {"probabilities": student.label_probs(model, text, words, **options), "calls": sorted(calls)}


@check(
    points=1,
    inputs=table,
    lecture="the-probability-of-a-label",
    public=[
        case("two labels of one token", scores=[[[-0.5]], [[-1.5]]]),
        case("a label of three tokens", scores=[[[-0.5, -0.25, -0.125]], [[-1.0]], [[-0.25, -2.0]]]),
        case("two words for a label", scores=[[[-1.0], [-2.0]], [[-0.75]]]),
    ],
    hidden=[
        case("five labels", sizes=[1, 1, 1, 1, 1]),
        case("eighteen labels", sizes=[1] * 16 + [2, 1]),
        case("one label", sizes=[1]),
        case("nineteen words for a label", sizes=[19, 2]),
        case("many words", sizes=[3, 1, 4]),
        case("as many words as labels", sizes=[3, 3, 3]),
        case("long words", sizes=[2, 2], lengths=(6, 12)),
        case("certain", scores=[[[0.0]], [[-20.0]], [[-0.0, -0.0]]]),
    ],
    fresh=2,
    cites=["The continuation is a space and the word", "a label the sum over its words", "the score of a word is the sum", "The model is asked once for each word", "these sums divided by their total"],
)
def labels_have_probabilities(student, scores, options):
    """A label's probability is the sum over its words of the product of their tokens' probabilities, divided by the total of all labels."""
    return {
        "once": asked(student, scores, options),
        "another prompt": asked(student, scores[::-1], options, "Stimmung:\n"),
        "by name": student.label_probs(verbalizers=[["a"], ["b", "c"]], prompt="?", logprob_fn=lambda prompt, word: [-0.5 * len(prompt + word), -ord(word[-1]) / 50]),
        "a word twice, and words with white space": student.label_probs(lambda prompt, word: [-0.3 * len(word), -ord(word[-1]) / 50], "?", [["a ", "b", "a "], [" c\n"]]),
    }


@check(
    points=1,
    inputs=table,
    lecture="the-probability-of-a-label",
    public=[
        case("the mean", scores=[[[-0.5, -0.5, -0.5]], [[-0.75]]], normalize=True),
        case("a sum of -3,000", scores=[[[-1000.0] * 3], [[-1001.0, -1999.5]]]),
        case("an impossible word", scores=[[[-math.inf, -1.0], [-0.5]], [[-1.0]], [[-math.inf]]]),
    ],
    hidden=[
        case("the mean, many words", sizes=[2, 3, 1, 1], normalize=True),
        case("the mean of long words", sizes=[1, 2], lengths=(5, 14), normalize=True),
        case("a mean of -5,000", scores=[[[-4000.0, -6000.0]], [[-5001.0]], [[-4999.0], [-5000.5, -5000.5]]], normalize=True),
        case("sums to -10,000", sizes=[2, 2, 2], low=-3000.0),
        case("hardly possible beside impossible", scores=[[[-9999.5]], [[-math.inf]]]),
        case("only one is possible", scores=[[[-math.inf]], [[-2000.0]], [[-1.0, -math.inf]]]),
        case("some impossible, the mean", sizes=[3, 2, 3], zero=3, normalize=True),
        case("one label", scores=[[[-2.0, -1.0]]]),
        case("far apart", scores=[[[-1.0]], [[-800.0]], [[-3.0], [-900.0]]]),
        case("not normalized, by name", sizes=[2, 1], normalize=False),
    ],
    fresh=1,
    cites=["with True it is their mean", "the result is right all the same", "Raises ValueError if no label is possible", "It may be inf"],
)
def scores_may_be_very_low(student, scores, options):
    """normalize takes the mean over tokens; probabilities are right where exp gives 0, and an impossible word counts nothing."""
    never = [[[-math.inf, -1.0] for _ in row] for row in scores]
    return {
        "once": asked(student, scores, options),
        "the other way": asked(student, scores, {"normalize": not options.get("normalize", False)}),
        "impossible": raises("ValueError", lambda: asked(student, never, options)),
    }


def rows(rng, n=1, k=2, m=1, dtype="float64", scale=1.0, p=None, p_cf=None, zero=False):
    if p is None:
        p, p_cf = (scale * rng.normal(each, k, dtype="float64") for each in (n, m))
        p, p_cf = p.softmax(-1), p_cf.softmax(-1)
        if zero:
            p[:, rng.integer(0, k)] = 0
            p = p / p.sum(-1, keepdim=True)
    else:
        p, p_cf = torch.tensor(p, dtype=torch.float64), torch.tensor(p_cf, dtype=torch.float64)
    return {"p": p.to(getattr(torch, dtype)), "p_cf": p_cf.to(getattr(torch, dtype))}


@check(
    points=2,
    inputs=rows,
    lecture="taking-the-bias-out",
    public=[
        case("two texts", p=[[0.8, 0.2], [0.9, 0.1]], p_cf=[[0.9, 0.1]]),
        case("three content-free texts", p=[[0.5, 0.25, 0.25]], p_cf=[[0.5, 0.25, 0.25], [0.75, 0.125, 0.125], [0.25, 0.5, 0.25]]),
        case("float32", n=3, k=4, m=2, dtype="float32"),
    ],
    hidden=[
        case("seven texts", n=7, k=3, m=2),
        case("as many texts as labels and content-free texts", n=4, k=4, m=4),
        case("as many texts as labels", n=3, k=3, m=1),
        case("one label", n=2, k=1, m=3),
        case("one text, many content-free", n=1, k=5, m=9),
        case("strong biases", n=4, k=3, m=2, scale=12.0),
        case("a label has no probability", n=3, k=4, m=2, zero=True),
        case("strong biases, float32", n=4, k=3, m=3, scale=4.0, dtype="float32"),
        case("hardly possible", p=[[0.5, 0.5], [0.25, 0.75]], p_cf=[[1.0, 1e-13]]),
        case("eighteen of everything", n=18, k=19, m=17),
        case("impossible in one of four content-free texts", p=[[0.5, 0.5], [0.1, 0.9]], p_cf=[[1.0, 0.0], [0.5, 0.5], [0.75, 0.25], [0.125, 0.875]]),
        case("impossible in one of two content-free texts", p=[[0.5, 0.5], [0.1, 0.9]], p_cf=[[1.0, 0.0], [0.5, 0.5]]),
    ],
    fresh=2,
    cites=["and then each row divided by its sum", "both the same so is the result", "Their mean over the rows is what the prompt says about nothing", "a text whose probabilities are that mean gets 1 K everywhere", "Raises ValueError if the mean is 0", "Nothing that is passed in is changed", "Tensors may be views"],
)
def a_text_without_content_gets_the_same_everywhere(student, p, p_cf):
    """Probabilities are divided by the mean of the content-free ones, and rows sum to 1; so the prompt's own opinion becomes uniform."""
    never = p_cf.clone()
    never[:, -1] = 0
    return {
        "calibrated": student.contextual_calibration(p, p_cf),
        "nothing": student.contextual_calibration(p_cf.mean(0, keepdim=True), p_cf),
        "each alone": torch.cat([student.contextual_calibration(p[[i]], p_cf) for i in range(len(p))]),
        "by name, of views": student.contextual_calibration(p_cf=p_cf.T.contiguous().T, p=p.repeat_interleave(2, 1)[:, ::2]),
        "once more": student.contextual_calibration(p, p_cf.flip(0)),
        "never": raises("ValueError", lambda: student.contextual_calibration(p, never)),
        "left": flags(p, p_cf),
    }


def orders(rng, prompts=2, n=3, k=2, dtype="float64", scale=2.0, p=None, zero=0, sure=False):
    if p is None:
        p = (scale * rng.normal(prompts, n, k, dtype="float64")).softmax(-1)
        for _ in range(zero):
            i, j, last = rng.integer(0, prompts), rng.integer(0, n), rng.integer(0, k)
            p[i, j] = 0 if k > 1 else 1
            p[i, j, last] = 1
        if sure:
            p = torch.nn.functional.one_hot(p.argmax(-1), k)
    else:
        p = torch.tensor(p)
    return {"p": p.to(getattr(torch, dtype))}


@check(
    points=1,
    inputs=orders,
    lecture="orders-of-examples",
    public=[
        case("balanced, and always the same", p=[[[0.9, 0.1], [0.4, 0.6]], [[0.9, 0.1], [0.6, 0.4]]]),
        case("three labels, five texts", prompts=3, n=5, k=3),
        case("equal probabilities: the first", p=[[[0.5, 0.5], [0.2, 0.8], [0.5, 0.5]]]),
    ],
    hidden=[
        case("many", prompts=6, n=24, k=4),
        case("as many of each", prompts=4, n=4, k=4),
        case("one prompt", prompts=1, n=7, k=3),
        case("one text", prompts=3, n=1, k=3),
        case("one label", prompts=2, n=4, k=1),
        case("float32", prompts=3, n=9, k=5, dtype="float32"),
        case("more labels than texts", prompts=2, n=2, k=9),
        case("sure of everything", prompts=3, n=6, k=3, sure=True),
        case("nearly equal", p=[[[0.4999998, 0.5000002], [0.3, 0.7]], [[0.5000002, 0.4999998], [0.3, 0.7]]]),
        case("six labels, one text each", p=[[[0.5 if i == j else 0.1 for j in range(6)] for i in range(6)]] * 2),
        case("eighteen prompts", prompts=18, n=17, k=3),
        case("ties of three", p=[[[0.25, 0.375, 0.375], [0.2, 0.2, 0.6], [0.4, 0.4, 0.2], [0.1, 0.45, 0.45]]]),
    ],
    fresh=1,
    cites=["of equal ones the first", "the share of the N texts with label k", "where 0 log 0 is 0", "for each of P prompts"],
)
def global_entropy_counts_labels(student, p):
    """GlobalE is the entropy of how often each label is the most probable one, for each prompt by itself."""
    return {
        "entropy": student.global_entropy(p),
        "each alone": torch.cat([student.global_entropy(p[[i]]) for i in range(len(p))]),
        "of a view": student.global_entropy(p.movedim(0, -1).contiguous().movedim(-1, 0)),
        "once more": student.global_entropy(p=p.flip(0)),
        "p": p,
    }


@check(
    points=1,
    inputs=orders,
    lecture="orders-of-examples",
    public=[
        case("unsure of one of two, and of both", p=[[[0.5, 0.5], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]]),
        case("three labels, five texts", prompts=3, n=5, k=3),
    ],
    hidden=[
        case("many", prompts=6, n=24, k=4),
        case("as many of each", prompts=4, n=4, k=4),
        case("one prompt", prompts=1, n=7, k=3),
        case("one text", prompts=3, n=1, k=3),
        case("one label", prompts=2, n=4, k=1),
        case("float32", prompts=3, n=9, k=5, dtype="float32"),
        case("eighteen prompts", prompts=18, n=17, k=19),
        case("some are certain", prompts=3, n=5, k=3, zero=4),
        case("some are certain, float32", prompts=2, n=4, k=3, zero=3, dtype="float32"),
        case("sure of everything", prompts=3, n=6, k=3, sure=True),
        case("tiny probabilities", prompts=2, n=3, k=4, scale=60.0),
    ],
    fresh=1,
    cites=["the mean over the N texts of the entropy", "Logarithms are natural ones"],
)
def local_entropy_is_the_mean_of_entropies(student, p):
    """LocalE is the mean over texts of the entropy of their probabilities, and a certain text has 0."""
    return {
        "entropy": student.local_entropy(p),
        "each alone": torch.cat([student.local_entropy(p[[i]]) for i in range(len(p))]),
        "of a view": student.local_entropy(p.movedim(0, -1).contiguous().movedim(-1, 0)),
        "once more": student.local_entropy(p=p.flip(0)),
        "p": p,
    }


class Biased:
    """A language model with the biases of Zhao et al.: it likes the last label of the prompt, and some words more than others."""

    def __init__(self, prior, recency, evidence):
        self.prior, self.recency, self.evidence, self.calls = prior, recency, evidence, []

    def __call__(self, prompt, continuation):
        self.calls.append([prompt, continuation])
        word, blocks = continuation[1:], prompt.split("\n\n")
        score = self.prior.get(word, -9.0) - (0.0 if continuation.startswith(" ") and not prompt.endswith(" ") else 3.0)
        score += self.recency * sum(0.5**back for back, block in enumerate(reversed(blocks[:-1])) if block.endswith(" " + word))
        score += sum(strength for text, label, strength in self.evidence if label == word and text in blocks[-1])
        pieces = 1 + len(word) // 4
        return [(score - 12.0) / pieces] * pieces


def world(rng, demos="gb", texts=("a great one", "a dull one"), words=(("good",), ("bad",)), prior=(0.0, 0.0), recency=2.0, strength=1.0, instruction="", **options):
    flat = [word for label in words for word in label]
    names = {"g": flat[0], "b": words[1][0], "n": flat[-1]}
    evidence = [("great", flat[0], strength), ("dull", words[1][0], strength), ("plain", flat[-1], strength)]
    if "content_free" in options:
        options["content_free"] = tuple(options["content_free"])
    return {
        "demos": [(f"text {i}", names[each]) for i, each in enumerate(demos)],
        "texts": list(texts),
        "words": [list(label) for label in words],
        "model": [dict(zip(flat, [*prior, *([-1.0] * len(flat))], strict=False)), recency, evidence],
        "instruction": instruction,
        "options": options,
    }


@check(
    points=1,
    inputs=world,
    lecture="taking-the-bias-out",
    public=[
        case("the last example wins, until it is calibrated", demos="ggb"),
        case("not calibrated", demos="ggb", content_free=()),
        case("a frequent word", prior=(2.5, 0.0), demos="", recency=0.0),
    ],
    hidden=[
        case("three labels, an instruction", words=(("good", "positive"), ("bad",), ("neutral",)), demos="gbnb", instruction="Mood?", texts=["a plain one", "great", "dull", "great and dull"], prior=(1.0, -2.0, 0.5, 3.0)),
        case("one content-free text", demos="bbbg", content_free=("N/A",), texts=["great", "dull", "a dull dull one", "dull"]),
        case("the empty text alone", demos="ggb", content_free=("",)),
        case("two content-free texts that look like evidence", demos="gb", content_free=("dull", "N/A"), texts=["great", "dull", "such a great one"]),
        case("nothing to say: the first label", demos="", recency=0.0, texts=["x", "y", "z"]),
        case("a long instruction", demos="gb", instruction="Which of both moods does the text have?"),
        case("one text", demos="bg", texts=["dull"], prior=(-3.0, 4.0)),
        case("a content-free text is asked as a text, too", demos="gbg", texts=["N/A", "great", "dull"], content_free=("great", "N/A"), strength=1.5),
        case("eighteen of everything", words=[(f"w{i}",) for i in range(18)], demos="gbn" * 6, texts=[*["a plain one", "great", "dull"] * 5, "great", "a dull one", "a plain one"]),
        case("one label", words=(("good",), ("bad",), ("plain",)), demos="nnn", texts=["great", "plain"], recency=5.0),
    ],
    cites=["Content free texts are asked once", "it is empty nothing is calibrated", "the most probable label of each text of equal ones the first", "with its default sep", "with its default normalize"],
)
def a_biased_model_is_put_right(student, demos, texts, words, model, instruction, options):
    """Each text and each content-free text is asked about once, and calibrated labels follow the text in place of the prompt."""
    llm = Biased(*model)
    labels, probabilities = student.classify(llm, instruction, demos, texts, "Text: {x}\nMood: {y}", words, **options)
    calls = sorted(llm.calls)
    spaced, spaces = Biased(*model), [(f" A {x} ", f"{y} ") for x, y in demos[:2]]
    as_they_are = student.classify(
        spaced, f" {instruction}\n", spaces * 2, [f"\n{text} " for text in texts[:2]], "\tText: {x}\nMood: {y} \n", [[f" {word.upper()}" for word in label] for label in words], (" N/A ", "")
    )
    other = Biased(*model)
    again = student.classify(other, instruction, demos[::-1], [each if any(word in each for word in ("great", "dull", "plain")) else each + ", dull" for each in texts], "{x} -> {y}", words)
    return {
        "labels": labels,
        "probabilities": probabilities,
        "calls": calls,
        "another template": again,
        "white space and capitals": [as_they_are, sorted(spaced.calls)],
        "not calibrated, the same model": student.classify(llm, instruction, demos, texts, "Text: {x}\nMood: {y}", words, content_free=())[1],
        "a content-free text twice": student.classify(Biased(*model), instruction, demos, texts, "Text: {x}\nMood: {y}", words, content_free=("great", "great", "N/A"))[1],
        "its calls": sorted(other.calls),
        "left": [demos, texts, words],
    }
