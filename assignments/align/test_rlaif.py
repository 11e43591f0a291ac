"""Public checks of align/rlaif: run `pytest` on this file, or `autograder check align/rlaif`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
import torch
from autograder.checks import Tolerance, case, check, flags, raises, with_gradients
from autograder.lab.answers import AnswerWorld


EXACT = Tolerance(atol=1e-9, rtol=1e-9)


def logprobs(rng, shape=(3,), low=-6.0, high=0.0, numbers=None, dtype="float64"):
    if numbers:
        found = [torch.tensor(each, dtype=torch.float64) for each in numbers]
    else:
        found = [rng.uniform(low, high, *shape).double() for _ in range(2)]
    lp1, lp2 = (each.to(getattr(torch, dtype)) for each in found)
    return {"lp1": lp1, "lp2": lp2}


@check(points=1, inputs=logprobs, lecture='a-judge-with-two-tokens', public=[case('two pairs', numbers=[[-1.0, -0.5], [-1.0, -2.0]]), case('both tokens are improbable', numbers=[[-900.0, -5000.0], [-901.0, -4998.5]]), case('one is impossible', numbers=[[-1.0, -math.inf], [-math.inf, -700.0]])])
def two_tokens_make_a_preference(student, lp1, lp2):
    """The preference for position 1 is the softmax over the two tokens alone, also where both are improbable."""
    return {
        "preference": student.preference_from_logprobs(lp1, lp2),
        "exchanged": student.preference_from_logprobs(lp2, lp1),
        "by name": student.preference_from_logprobs(lp1=lp1 - 1, lp2=lp2),
        "of views": student.preference_from_logprobs(lp1.expand(2, *lp1.shape), lp2.expand(2, *lp2.shape)),
        "left": flags(lp1, lp2),
    }


def orders(rng, b=3, shape=None, numbers=None, dtype="float64", bias=0.0):
    if numbers:
        p_ab, p_ba = (torch.tensor(each, dtype=torch.float64) for each in numbers)
    else:
        gap = rng.normal(*((b,) if shape is None else shape), dtype="float64")
        p_ab, p_ba = torch.sigmoid(gap + bias), torch.sigmoid(bias - gap + 0.2 * rng.normal(*gap.shape, dtype="float64"))
    return {"p_ab": p_ab.to(getattr(torch, dtype)), "p_ba": p_ba.to(getattr(torch, dtype))}


@check(points=1, inputs=orders, lecture='both-orders', public=[case('both orders agree, and position wins', numbers=[[0.9, 0.8, 0.3], [0.2, 0.8, 0.6]]), case('five pairs, position 1 is liked', b=5, bias=1.5)])
def both_orders_are_averaged(student, p_ab, p_ba):
    """The preference for A is the mean of p_ab and 1 - p_ba, and stays a probability."""
    return {
        "preference": student.debias(p_ab, p_ba),
        "for B": student.debias(p_ba, p_ab),
        "a judge without bias": student.debias(p_ab, 1 - p_ab),
        "a judge of positions": student.debias(p_ab=p_ab, p_ba=p_ab),
        "of views": student.debias(p_ab.expand(2, *p_ab.shape), p_ba.expand(2, *p_ba.shape)),
        "left": flags(p_ab, p_ba),
    }


@check(points=1, inputs=orders, tolerance=EXACT, lecture='how-biased-is-the-judge', public=[case('four pairs', numbers=[[0.9, 0.8, 0.1, 0.5], [0.2, 0.8, 0.3, 0.9]]), case('exactly one half', numbers=[[0.5, 0.5, 0.75], [0.5, 0.25, 0.75]]), case('seven pairs', b=7, bias=1.0)])
def the_same_position_twice_is_bias(student, p_ab, p_ba):
    """The rate counts pairs in which both orders prefer position 1, or both position 2; exactly 1/2 prefers none."""
    torch.manual_seed(5)
    return {
        "rate": student.position_bias_rate(p_ab, p_ba),
        "exchanged": student.position_bias_rate(p_ba, p_ab),
        "of a judge without bias": student.position_bias_rate(p_ab=p_ab, p_ba=1 - p_ab),
        "of views": student.position_bias_rate(p_ab.repeat_interleave(2)[::2], p_ba.repeat_interleave(2)[::2]),
        "left": flags(p_ab, p_ba),
        "chance": torch.rand(2),  # nothing was drawn, and nothing was seeded
    }


class Judge:
    """A fake language model: what it says hangs on every character of the text that it gets. It writes the texts down."""

    def __init__(self, missing="", bias=0.0, far=0.0):
        self.missing, self.bias, self.far, self.asked, self.thought = missing, bias, far, [], []

    def number(self, text, salt):
        return sum(ord(letter) * ((7 * place + salt) % 31 + 1) for place, letter in enumerate(text)) % 97 / 24

    def __call__(self, text):
        self.asked.append(text)
        found = {token: -self.far - self.number(text, salt) for salt, token in enumerate(("1", "2", " 1", "1 ", "A", "One"), 1)}
        found["1"] += self.bias
        return {token: each for token, each in found.items() if token not in self.missing}

    def think(self, text):
        self.thought.append(text)
        return f" Thought {self.thought.count(text)}: {self.number(text, 5):.3f}, {{2}} or {{1}}."

    def log(self):
        return {"asked": sorted(self.asked), "thought": sorted(self.thought)}


class Thinker:
    """A function that is an object with a length, which is 0: `if think` takes it for none."""

    def __len__(self):
        return 0

    def __call__(self, text):
        return f" So much: {len(text)}."


PLAIN = "Which is better?\n1: {1}\n2: {2}"


def question(rng, template, a, b, thinks=False, samples=None, missing="", bias=0.0, far=0.0):
    return {"template": template, "a": a, "b": b, "thinks": thinks, "samples": samples, "missing": missing, "bias": bias, "far": far}


@check(points=2, inputs=question, tolerance=EXACT, lecture='asking-in-both-orders', public=[case('two answers', template=PLAIN, a='It is 4. ', b='Five, I think.'), case('with a rationale', template=PLAIN + '\nRationale:', a='4', b='5', thinks=True), case('three rationales for each order', template='A {1} B {2} C', a='yes', b='no', thinks=True, samples=3), case('a token is missing', template=PLAIN, a='x', b='y', missing='2'), case('answers with braces', template='{} {1}{2} {0}', a='{2} is {1}', b='{}')])
def the_judge_is_asked_in_both_orders(student, template, a, b, thinks, samples, missing, bias, far):
    """Each order is asked once, or once for each rationale; answers are put in as they are, and the means of preferences come back."""
    judge, other, idle = Judge(missing, bias, far), Judge(missing, bias, far), Judge()
    options = {"think": judge.think} if thinks else {}
    if samples:
        options["samples"] = samples
    found = student.ask_judge(judge, template, a, b, **options)
    turned = student.ask_judge(other, template, b, a, other.think if thinks else None, samples or 1)
    torch.manual_seed(5)
    thought = student.ask_judge(judge, template, a, b, judge.think, 2)
    drawn = torch.rand(2)
    always = {"1": -1.0, "2": -2.5, "3": -0.5}
    return {
        "a judge that always gives the same dict": [*student.ask_judge(lambda text: always, template, a, b), always],
        "a sure judge": list(student.ask_judge(lambda text: {"1": 0.0, "2": -5.0}, template, a, b)),
        "a judge that is sure of the other": list(student.ask_judge(lambda text: {"1": -7.0, "2": 0.0}, template, a, b)),
        "preferences": list(found),
        "exchanged": list(turned),
        "once more, with thinking": list(thought),
        "with a thinker of length 0": list(student.ask_judge(judge, template, a, b, think=Thinker())),
        "random numbers go on": drawn,
        "log": judge.log(),
        "refused": [
            raises("ValueError", lambda: student.ask_judge(idle, "{1} or nothing", a, b)),
            raises("ValueError", lambda: student.ask_judge(idle, "{1} {2} {1}", a, b)),
            raises("ValueError", lambda: student.ask_judge(idle, "{1} {2} {2}", a, b)),
            raises("ValueError", lambda: student.ask_judge(idle, "{2} {1}", a, b)),
            raises("ValueError", lambda: student.ask_judge(idle, template, a, b, samples=2)),
            raises("ValueError", lambda: student.ask_judge(idle, template, a, b, idle.think, 0)),
        ],
        "was idle": idle.log(),
        "no verdict": raises("ValueError", lambda: student.ask_judge(Judge("12"), template, a, b)),
        "impossible verdict": raises("ValueError", lambda: student.ask_judge(lambda text: {"1": -math.inf, "2": -math.inf, "3": 0.0}, template, a, b)),
    }


def labelled(rng, b=1, numbers=None, dtype="float64", spread=2.0, hard=False):
    if numbers:
        r1, r2, p = (torch.tensor(each, dtype=torch.float64) for each in numbers)
    else:
        r1, r2 = (spread * rng.normal(b, dtype="float64") for _ in range(2))
        p = rng.integers(0, 2, b).double() if hard else rng.uniform(0.02, 0.98, b).double()
    return {name: each.to(getattr(torch, dtype)) for name, each in (("r1", r1), ("r2", r2))} | {"labels": p.tolist()}


@check(points=1, inputs=labelled, lecture='labels-that-are-probabilities', public=[case('two pairs', numbers=[[1.0986122886681098, 2.0], [0.0, 1.0], [0.75, 0.4]]), case('hard labels, far apart', numbers=[[900.0, 0.0, 1.0], [0.0, 900.0, 1.0], [1.0, 1.0, 0.0]]), case('float32', b=3, dtype='float32')])
def labels_may_be_probabilities(student, r1, r2, labels):
    """The loss is -p log σ(r1 - r2) - (1 - p) log σ(r2 - r1) for each pair; nothing flows into p, and p must be a probability."""
    p = torch.tensor(labels, dtype=r1.dtype)
    learned = p.clone().requires_grad_()
    student.soft_label_rm_loss(r1.clone().requires_grad_(), r2, learned).sum().backward()
    wrong = [p.clone() for _ in range(3)]
    wrong[0][-1], wrong[1][0], wrong[2][-1] = -0.01, 1.01, math.nan
    return {
        "losses": with_gradients(lambda r1, r2: student.soft_label_rm_loss(r1, r2, p), r1=r1, r2=r2),
        "exchanged": student.soft_label_rm_loss(r2, r1, 1 - p),
        "label is reached": learned.grad is not None and bool(learned.grad.any()),
        "hard": student.soft_label_rm_loss(r1, r2, torch.ones_like(p)),
        "of views": student.soft_label_rm_loss(*(each.repeat_interleave(2)[::2] for each in (r1, r2, p))),
        "below": raises("ValueError", lambda: student.soft_label_rm_loss(r1, r2, wrong[0])),
        "above": raises("ValueError", lambda: student.soft_label_rm_loss(r1, r2, wrong[1])),
        "nan": raises("ValueError", lambda: student.soft_label_rm_loss(r1, r2, wrong[2])),
        "above by a little": raises("ValueError", lambda: student.soft_label_rm_loss(r1.double(), r2.double(), p.double() * 0 + 1 + 1e-12)),
        "left": flags(r1, r2, p),
        "p": p,
    }


def graded(rng, shape=(), low=-8.0, high=0.0, dtype="float64", never=0):
    lp = rng.uniform(low, high, *shape, 10).double()
    for row in lp.view(-1, 10):
        row[rng.shuffled(list(range(10)))[:never]] = -math.inf
    return {"lp": lp.to(getattr(torch, dtype))}


@check(points=1, inputs=graded, lecture='grades-without-a-reward-model', public=[case('one answer'), case('three answers, improbable tokens', shape=(3,), low=-2010.0, high=-2000.0), case('some grades are impossible', shape=(2,), never=6)])
def a_grade_is_an_expectation(student, lp):
    """The score is the mean grade under the softmax over the ten tokens, scaled so that 1 becomes -1 and 10 becomes 1."""
    return {
        "score": student.direct_score(lp),
        "moved": student.direct_score(lp - 5),
        "turned round": student.direct_score(lp.flip(-1)),
        "of a view": student.direct_score(lp.movedim(-1, 0).contiguous().movedim(0, -1)),
        "left": flags(lp),
    }


def world(rng, seed=0, prompts=1, vocab=2, length=2, bias=0.0, beta=0.5):
    return {"seed": seed, "prompts": prompts, "vocab": vocab, "length": length, "bias": bias, "beta": beta}


@check(points=1, inputs=world, lecture='what-the-judge-trains', public=[case('a judge without bias', seed=1), case('a judge that likes position 1', seed=1, bias=1.5)])
def soft_labels_lead_to_the_true_rewards(student, seed, prompts, vocab, length, bias, beta):
    """Labels of all pairs in both orders train rewards: without bias the loss is flat at the true ones, and the order is right with it."""
    small = AnswerWorld(seed, prompts, vocab, length)
    n = len(small.answers)
    i, j = (each.reshape(-1) for each in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
    true = small.rewards
    p_ab = student.preference_from_logprobs(true[:, i] + bias - 9, true[:, j] - 9)
    p_ba = student.preference_from_logprobs(true[:, j] + bias - 9, true[:, i] - 9)
    labels = student.debias(p_ab, p_ba)

    def slope(table):
        table = table.detach().requires_grad_()
        loss = torch.stack([student.soft_label_rm_loss(row[i], row[j], p) for row, p in zip(table, labels, strict=True)]).sum() / n
        return loss.item(), torch.autograd.grad(loss, table)[0]

    table, values = torch.zeros_like(true), []
    for _ in range(6):
        value, down = slope(table)
        table = table - 0.8 * down
        values.append(value)
    return {
        "labels": labels,
        "bias": [student.position_bias_rate(ab[i != j], ba[i != j]) for ab, ba in zip(p_ab, p_ba, strict=True)],
        "slope at the truth": slope(true)[1],
        "on the way": values,
        "rewards": table,
        "best policy": (small.logps(small.reference()) + table / beta).softmax(-1),
    }
