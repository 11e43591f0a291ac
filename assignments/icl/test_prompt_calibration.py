"""Public checks of icl/prompt_calibration: run `pytest` on this file, or `autograder check icl/prompt_calibration`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
import torch
from autograder.checks import case, check, flags, raises


def prompt(rng, instruction="", demos=(), x="x", template="Review: {x}\nMood: {y}", **options):
    return {"instruction": instruction, "demos": [tuple(each) for each in demos], "x": x, "template": template, "options": options}


TWO = [("I liked it.", "good"), ("It was awful.", "bad")]


BAD = ["{x}", "{y}", "", "{y} then {x}", "{x} {x} {y}", "{x} {y} {y}", "Review: {0} {1}", "{x }{y}", "{X}{Y}", "{x{y}}"]


@check(points=1, inputs=prompt, lecture='the-prompt', public=[case('two examples', instruction='Which mood?', demos=TWO, x='Too long.'), case('no examples, no instruction', x='Too long.'), case('another separator', demos=TWO, x='?', template='{x} => {y};', sep='\n'), case('braces in a text', demos=[('{y} {x}', '{x}')], x='{y}', instruction='Use {x}.')])
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


@check(points=1, inputs=table, lecture='the-probability-of-a-label', public=[case('two labels of one token', scores=[[[-0.5]], [[-1.5]]]), case('a label of three tokens', scores=[[[-0.5, -0.25, -0.125]], [[-1.0]], [[-0.25, -2.0]]]), case('two words for a label', scores=[[[-1.0], [-2.0]], [[-0.75]]])])
def labels_have_probabilities(student, scores, options):
    """A label's probability is the sum over its words of the product of their tokens' probabilities, divided by the total of all labels."""
    return {
        "once": asked(student, scores, options),
        "another prompt": asked(student, scores[::-1], options, "Stimmung:\n"),
        "by name": student.label_probs(verbalizers=[["a"], ["b", "c"]], prompt="?", logprob_fn=lambda prompt, word: [-0.5 * len(prompt + word), -ord(word[-1]) / 50]),
        "a word twice, and words with white space": student.label_probs(lambda prompt, word: [-0.3 * len(word), -ord(word[-1]) / 50], "?", [["a ", "b", "a "], [" c\n"]]),
    }


@check(points=1, inputs=table, lecture='the-probability-of-a-label', public=[case('the mean', scores=[[[-0.5, -0.5, -0.5]], [[-0.75]]], normalize=True), case('a sum of -3,000', scores=[[[-1000.0] * 3], [[-1001.0, -1999.5]]]), case('an impossible word', scores=[[[-math.inf, -1.0], [-0.5]], [[-1.0]], [[-math.inf]]])])
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


@check(points=2, inputs=rows, lecture='taking-the-bias-out', public=[case('two texts', p=[[0.8, 0.2], [0.9, 0.1]], p_cf=[[0.9, 0.1]]), case('three content-free texts', p=[[0.5, 0.25, 0.25]], p_cf=[[0.5, 0.25, 0.25], [0.75, 0.125, 0.125], [0.25, 0.5, 0.25]]), case('float32', n=3, k=4, m=2, dtype='float32')])
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


@check(points=1, inputs=orders, lecture='orders-of-examples', public=[case('balanced, and always the same', p=[[[0.9, 0.1], [0.4, 0.6]], [[0.9, 0.1], [0.6, 0.4]]]), case('three labels, five texts', prompts=3, n=5, k=3), case('equal probabilities: the first', p=[[[0.5, 0.5], [0.2, 0.8], [0.5, 0.5]]])])
def global_entropy_counts_labels(student, p):
    """GlobalE is the entropy of how often each label is the most probable one, for each prompt by itself."""
    return {
        "entropy": student.global_entropy(p),
        "each alone": torch.cat([student.global_entropy(p[[i]]) for i in range(len(p))]),
        "of a view": student.global_entropy(p.movedim(0, -1).contiguous().movedim(-1, 0)),
        "once more": student.global_entropy(p=p.flip(0)),
        "p": p,
    }


@check(points=1, inputs=orders, lecture='orders-of-examples', public=[case('unsure of one of two, and of both', p=[[[0.5, 0.5], [0.0, 1.0]], [[0.5, 0.5], [0.5, 0.5]]]), case('three labels, five texts', prompts=3, n=5, k=3)])
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


@check(points=1, inputs=world, lecture='taking-the-bias-out', public=[case('the last example wins, until it is calibrated', demos='ggb'), case('not calibrated', demos='ggb', content_free=()), case('a frequent word', prior=(2.5, 0.0), demos='', recency=0.0)])
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
