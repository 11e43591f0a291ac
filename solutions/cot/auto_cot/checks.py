"""Checks of cot/auto_cot: where clusters begin, k-means, what is usable, one example of each cluster, the prompt, and least-to-most.

Points are real numbers without near ties, or whole ones with exact ties, where the docstring settles them.
"""

import torch

from autograder.checks import case, check, flags, raises


def points(rng, n=1, d=1, k=1, clusters=0, dtype="float64", numbers=None, centers=None, spread=6.0, **options):
    """Points as given, or drawn around `clusters` places, or anywhere; and centers as given, or some of the points."""
    if numbers is not None:
        x = torch.tensor(numbers, dtype=getattr(torch, dtype))
    else:
        places = spread * rng.normal(max(clusters, 1), d, dtype="float64")
        x = torch.stack([places[i % len(places)] for i in range(n)]) + rng.normal(n, d, dtype="float64")
        x = x[rng.permutation(n)].to(getattr(torch, dtype))
    begin = torch.tensor(centers, dtype=x.dtype) if centers is not None else x[rng.permutation(len(x))[:k]] + 0.0
    return {"x": x, "centers": begin, "options": options}


# by squares and products nothing is left of these distances in float32; torch.cdist takes that way from 26 points on
FAR = [[1e5], [1e5 + 0.5], [1e5 + 1.0], [1e5 + 3.0]]


@check(
    points=1,
    inputs=points,
    lecture="where-to-begin",
    public=[
        case("on a line", numbers=[[2.0], [3.0], [9.0], [6.0], [0.0]], k=4),
        case("ties go to the first", numbers=[[0.0, 0.0], [3.0, 0.0], [0.0, 3.0], [-3.0, 0.0], [3.0, 0.0]], k=4),
        case("in a plane", n=7, d=2, k=3, clusters=3),
        case("only two points are different", numbers=[[3.0], [7.0], [3.0]], k=3),
    ],
    hidden=[
        case("one center", n=4, d=3, k=1),
        case("as many as points", n=5, d=2, k=5),
        case("ties in space", numbers=[[1.0, 1.0, 1.0], [1.0, 4.0, 1.0], [4.0, 1.0, 1.0], [1.0, 1.0, -2.0], [2.0, 2.0, 2.0]], k=4),
        case("fewer different points than centers", numbers=[[1.0], [4.0], [1.0], [4.0]], k=4),
        case("many points, float32", n=30, d=4, k=6, clusters=6, dtype="float32"),
        case("the largest sum of distances is another point", numbers=[[0.0, 0.0], [10.0, 0.0], [9.0, 1.0], [5.0, 4.5], [10.0, 2.0]], k=3),
        case("as many points as dimensions", n=4, d=4, k=3),
        case("eighteen centers", n=25, d=2, k=18),
    ],
    fresh=1,
    cites=["The first one is x 0", "points repeat if fewer than k", "to the nearest of those that were already chosen is largest", "Raises ValueError unless", "a copy"],
)
def the_farthest_points_begin(student, x, centers, options):
    """The first center is the first point, and each further one the point that is farthest from its nearest center."""
    torch.manual_seed(5)
    k = len(centers)
    chosen = student.initial_centers(x, k)
    again = student.initial_centers(x=x, k=k)
    again += 1.0
    return {
        "chosen": chosen,
        "raised by one": again,
        "x": x,
        "one": student.initial_centers(x, 1),
        "far from the origin": [student.initial_centers(torch.tensor(FAR * times), 4) - 1e5 for times in (1, 8)],
        "of a view": student.initial_centers(x.mT.contiguous().mT, min(2, len(x))),
        "of the last two": student.initial_centers(x[-2:], 2 if len(x) > 1 else 1),
        "refused": [raises("ValueError", lambda k=k: student.initial_centers(x, k)) for k in (0, len(x) + 1, -1)],
        "left": flags(x, chosen),
        "chance": torch.rand(2),  # nothing was seeded
    }


def grouped(student, x, centers, options):
    labels, moved = student.kmeans(x, centers, **options)
    return {"labels": labels, "centers": moved}


@check(
    points=1,
    inputs=points,
    lecture="k-means",
    public=[
        case("on a line", numbers=[[0.0], [1.0], [8.0], [10.0], [4.0]], centers=[[0.0], [1.0]]),
        case("three clusters", n=12, d=2, k=3, clusters=3),
    ],
    hidden=[
        case("no clusters at all, many rounds", n=40, d=2, k=5, clusters=0),
        case("one center", n=6, d=3, k=1),
        case("each point its own center", n=5, d=3, k=5),
        case("float32", n=20, d=3, k=4, clusters=4, dtype="float32", spread=40.0),
        case("as many points as dimensions", n=6, d=6, k=2, clusters=2),
        case("centers that are no points", n=15, d=2, clusters=3, centers=[[0.5, 0.25], [-3.0, 4.0], [30.0, 31.0]]),
        case("one point", n=1, d=4, k=1),
        case("small steps, far from the origin", numbers=[[1000.0], [1000.001], [1000.008], [1000.01], [1000.004]], centers=[[1000.0], [1000.001]]),
        case("clusters of very different sizes", numbers=[[0.0]] * 9 + [[1.0], [2.5], [7.0], [100.0]], centers=[[0.25], [2.0], [50.0]]),
        case("seven clusters", n=50, d=5, k=7, clusters=7),
    ],
    fresh=2,
    cites=["Each point belongs to the nearest center", "to the mean of its points", "with x s dtype", "until no point changes its center", "Each label is the number of the nearest of the centers"],
)
def centers_move_to_the_means(student, x, centers, options):
    """Points go to the nearest center and centers to the mean of their points, until nothing changes."""
    return {
        "found": grouped(student, x, centers, options),
        "from the other end": grouped(student, x, centers.flip(0), options),
        "of a view": grouped(student, x.mT.contiguous().mT, centers.mT.contiguous().mT, options),
        "by name": student.kmeans(x=x, centers=centers, iters=100),
        "from its own result": student.kmeans(x, student.kmeans(x, centers)[1]),
        "far from the origin": [student.kmeans(torch.tensor(FAR * times), torch.tensor(FAR[::3]), iters=0)[0] for times in (1, 8)],
    }


@check(
    points=1,
    inputs=points,
    lecture="the-corners-of-k-means",
    public=[
        case("a center without points stays", numbers=[[0.0], [1.0], [5.0]], centers=[[0.0], [40.0], [6.0]]),
        case("a point in the middle goes to the first center", numbers=[[0.0], [2.0], [4.0]], centers=[[0.0], [4.0]]),
        case("no round at all", numbers=[[0.0], [1.0], [5.0], [9.0]], centers=[[1.0], [2.0]], iters=0),
        case("one round", numbers=[[0.0], [1.0], [5.0], [9.0], [20.0]], centers=[[0.0], [1.0]], iters=1),
    ],
    hidden=[
        case("two centers in one place", numbers=[[0.0, 1.0], [2.0, 1.0], [8.0, 8.0]], centers=[[1.0, 1.0], [1.0, 1.0], [9.0, 9.0]]),
        case("a center loses all its points on the way", numbers=[[5.0, -6.0], [8.0, -9.0], [-6.0, 0.0], [-4.0, -3.0], [1.0, 5.0], [9.0, 6.0], [3.0, -5.0], [0.0, 8.0]], centers=[[-11.25, 19.25], [-9.25, -7.75], [-4.25, -8.25], [13.25, -3.25]], iters=50),
        case("two rounds of many", n=40, d=2, k=5, iters=2),
        case("three rounds, float32", numbers=[[0.0], [1.0], [2.0], [3.0], [4.0], [5.0], [16.0]], centers=[[0.0], [0.75]], iters=3, dtype="float32"),
        case("ties in a plane", numbers=[[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0], [1.0, 1.0]], centers=[[2.0, 2.0], [0.0, 0.0]], iters=1),
        case("all points in one place", numbers=[[1.0, 2.0]] * 4, centers=[[5.0, 5.0], [1.0, 2.0], [1.0, 2.0]]),
        case("no center is near", n=4, d=2, centers=[[1000.0, 0.0], [0.0, 3000.0], [-2000.0, 0.0]]),
        case("eighteen centers", n=60, d=2, k=18, iters=2),
        case("many rounds", numbers=[[i**1.7] for i in range(120)], centers=[[i**1.7] for i in range(10)], iters=20),
        case("a slow wave", numbers=[[float(i * i)] for i in range(12)], centers=[[0.0], [1.0], [4.0]], iters=4),
    ],
    cites=["A center without points stays where it is", "equally near to the first one", "until the centers have moved iters times", "with iters 0 they never move"],
)
def ties_empty_clusters_and_rounds(student, x, centers, options):
    """Ties go to the first center, an empty cluster's center stays, and iters bounds the moves; labels always fit the centers."""
    first = student.kmeans(x, centers, **options)
    return {
        "found": first,
        "one more": student.kmeans(x, centers, iters=options.get("iters", 0) + 1),
        "none": student.kmeans(x, centers, 0),
        "by default": student.kmeans(x, centers),
        "once more": student.kmeans(x, centers, **options),
        "centers": centers,
        "left": flags(x, centers, *first),
    }


def words(n):
    return " ".join(f"w{i}" for i in range(n))


def judged(rng, items, max_words=60, max_steps=5):
    return {"items": items, "max_words": max_words, "max_steps": max_steps}


@check(
    points=1,
    inputs=judged,
    lecture="which-examples-are-usable",
    public=[
        case("sixty words, and one more", items=[[words(60), "It is 4.", "4"], [words(61), "It is 4.", "4"]]),
        case("five steps, and six", items=[["q", "a.\nb.\nc.\nd.\ne 4.", "4"], ["q", "a.\nb.\nc.\nd.\ne.\nf 4.", "4"]]),
        case("many sentences on a line are one step", items=[["q", "a. b. c. d. e. f. g. It is 4.", "4"]]),
        case("cut off", items=[["q", "It is 4. So", "4"], ["q", "It is 4!", "4"], ["q", "It is 4.\n", "4"]]),
        case("blank lines", items=[["a\nb  c", "a.\n\nb.\n \nc.\n\nd.\n\ne 4.", "4"], ["q", "a.\n\nb.\n\nc.\n\nd.\n\ne.\n\nf 4.", "4"]]),
        case("three words and two steps are allowed", items=[["a b c", "x.\ny 14.", "4"], ["a b c d", "x.\ny 4.", "4"], ["a b c", "x.\ny.\nz 4.", "4"]], max_words=3, max_steps=2),
        case("no answer, or another one", items=[["q", "It is 4.", ""], ["q", "It is 4.", "5"]]),
    ],
    hidden=[
        case("blank lines are no steps", items=[["q", "\n\na.\n\n\nb.\n \nc.\n\nd.\n\t\ne 4.\n\n", "4"], ["q", "a.\n\nb.\n\nc.\n\nd.\n\ne.\n\nf 4.", "4"]]),
        case("white space of all kinds between words", items=[["a  b\n\nc\td" + " x" * 56, "It is 4.", "4"], ["a  b\n\nc\td" + " x" * 57, "It is 4.", "4"]]),
        case("white space behind the full stop", items=[["q", "It is 4. \n ", "4"], ["q", "It is 4 .\n", "4"]]),
        case("an answer of white space", items=[["q", "It is 4 .", "  "], ["q", "It is 4.", " 4\n"]]),
        case("an empty rationale", items=[["q", "", ""], ["q", "", "4"], ["q", ".", "."]]),
        case("the answer stands in the first line", items=[["q", "There are 4.\nNow we can stop.", "4"], ["q", "There are " + "a " * 30 + ".", "There"]]),
        case("another mark at the end, or something behind the full stop", items=[["q", "答案是 4。", "4"], ["q", "It is 4.\"", "4"], ["q", "\"It is 4.\"", "4"], ["q", "(It is 4.)", "4"], ["q", "It is 4...", "4"]]),
        case("an empty question", items=[["", "It is 4.", "4"]]),
        case("fewer words and steps", items=[["a b c", "x.\ny 4.", "4"], ["a b c d", "x.\ny 4.", "4"], ["a b c", "x.\ny.\nz 4.", "4"]], max_words=3, max_steps=2),
        case("eighteen steps", items=[["q", "a.\n" * 17 + "b 4.", "4"], ["q", "a.\n" * 18 + "b 4.", "4"]], max_words=20, max_steps=18),
        case("more words and steps", items=[[words(70), "a.\nb.\nc.\nd.\ne.\nf.\ng 4.", "4"], [words(71), "a 4.", "4"], ["q", "a.\nb.\nc.\nd.\ne.\nf.\ng.\nh 4.", "4"]], max_words=70, max_steps=7),
        case("an answer of words; capitals count", items=[["q", "So it is blue whale.", "blue whale"], ["q", "So it is Blue.", "blue"], ["q", "The answer is 14.", "4"]]),
    ],
    cites=["at most max_words words", "however many sentences are on it", "the rationale has at most max_steps steps", "ends with a full stop", "stands somewhere in the rationale"],
)
def examples_are_short_and_whole(student, items, max_words, max_steps):
    """A question of at most 60 words, a rationale of at most 5 lines that ends with a full stop, and an answer that stands in it."""
    return {
        "usable": [student.usable(tuple(item), max_words, max_steps) for item in items],
        "by default": [student.usable(tuple(item)) for item in items],
        "by name": [student.usable(item=tuple(item), max_steps=max_steps, max_words=max_words) for item in items],
    }


LONGER = [(words(60), "It is 4.", "4"), (words(61), "It is 4.", "4"), ("q", "a.\n" * 17 + "b 4.", "4"), ("q", "a.\n" * 18 + "b 4.", "4")]
GOOD, LONG, CUT = ("q", "It is 4.", "4"), ("q", "a.\nb.\nc.\nd.\ne.\nf 4.", "4"), ("q", "It is 4, so", "4")


def collected(rng, n=1, d=1, k=1, good=0.7, numbers=None, labels=None, centers=None, kinds=None, **options):
    """Points of k clusters, and for each an item that is usable or not ("g", "l" for too long, "c" for cut off)."""
    if numbers is None:
        x = rng.normal(n, d, scale=3.0, dtype="float64")
        labels, centers = rng.integers(0, k, n), rng.normal(k, d, dtype="float64")
        kinds = ["g" if rng.real(0.0, 1.0) < good else rng.choice("lc") for _ in range(n)]
    else:
        x, labels, centers = (torch.tensor(each) for each in (numbers, labels, centers))
    items = [{"g": GOOD, "l": LONG, "c": CUT}[kind] for kind in kinds]
    items = [(f"{q} {i}", r, a) for i, (q, r, a) in enumerate(items)]
    return {"x": x, "labels": labels, "centers": centers, "items": items, "options": options}


@check(
    points=1,
    inputs=collected,
    lecture="one-of-each",
    public=[
        case("the nearest one is cut off", numbers=[[0.0], [1.0], [3.0], [9.0]], labels=[0, 0, 0, 1], centers=[[0.5], [8.0]], kinds="cggg"),
        case("a cluster without a usable item", numbers=[[0.0], [1.0], [5.0]], labels=[0, 1, 2], centers=[[0.0], [1.0], [5.0]], kinds="glg"),
        case("nine items in three clusters", n=9, d=2, k=3),
        case("equally near", numbers=[[7.0], [3.0], [0.0], [5.0]], labels=[1, 1, 0, 0], centers=[[4.0], [5.0]], kinds="gggg"),
        case("one step is allowed", numbers=[[0.0], [1.0]], labels=[1, 0], centers=[[1.0], [0.0]], kinds="gg", max_steps=1),
    ],
    hidden=[
        case("equally near: the first one", numbers=[[2.0], [0.0], [1.0], [9.0]], labels=[0, 0, 0, 0], centers=[[1.0]], kinds="ggcg"),
        case("a cluster without points", numbers=[[0.0], [5.0]], labels=[2, 0], centers=[[5.0], [7.0], [0.0]], kinds="gg"),
        case("near to the center, not to the origin", numbers=[[0.25], [6.5], [4.0], [7.5]], labels=[0, 0, 0, 0], centers=[[7.0]], kinds="gcgg"),
        case("another cluster's center is nearer", numbers=[[0.0], [4.0], [10.0], [6.0]], labels=[0, 0, 1, 1], centers=[[5.0], [1.0]], kinds="gggg"),
        case("far away", numbers=[[0.0], [4e15], [9e15]], labels=[0, 0, 0], centers=[[7e15]], kinds="cgg"),
        case("no item is usable", numbers=[[0.0], [1.0]], labels=[0, 1], centers=[[0.0], [1.0]], kinds="cl"),
        case("six steps are allowed", numbers=[[0.0], [1.0]], labels=[0, 0], centers=[[0.0]], kinds="lg", max_steps=6),
        case("two words are too many", numbers=[[0.0], [1.0]], labels=[0, 1], centers=[[0.0], [1.0]], kinds="gg", max_words=1),
        case("eighty items in eighteen clusters", n=80, d=2, k=18, good=1.0),
        case("forty items in eight clusters", n=40, d=5, k=8, good=0.4),
        case("as many clusters as dimensions", n=20, d=4, k=4),
        case("directions mislead", numbers=[[1.0, 1.0], [9.0, 9.0], [4.0, 2.0]], labels=[0, 0, 0], centers=[[4.0, 4.0]], kinds="ggg"),
    ],
    cites=["the usable item whose point is nearest to the cluster s own center", "A cluster without a usable item gives none", "in the order of the clusters", "Raises ValueError if there are not as many items"],
)
def each_cluster_gives_its_nearest_usable_item(student, x, labels, centers, items, options):
    """From each cluster, in order, the usable item that is nearest to its center; a cluster that has none gives none."""
    return {
        "picked": student.pick_demos(x, labels, centers, items, **options),
        "by default": student.pick_demos(x, labels, centers, items),
        "far from the origin": student.pick_demos(torch.tensor(FAR), torch.tensor([1, 0, 0, 0]), torch.tensor([[1e5 + 1.25], [1e5]]), [GOOD] * 4),
        "far from the origin, many": student.pick_demos(torch.tensor(FAR[1::2] * 14), torch.tensor([0] * 28), torch.tensor([[1e5 + 2.5]]), [GOOD] * 28),
        "of views": student.pick_demos(x.mT.contiguous().mT, labels.repeat_interleave(2)[::2], centers.mT.contiguous().mT, items),
        "nearly equal": student.pick_demos(torch.tensor([[1.0 + 1e-9], [1.0]], dtype=torch.float64), torch.tensor([0, 0]), torch.zeros(1, 1, dtype=torch.float64), [GOOD, GOOD]),
        "long ones": [student.pick_demos(torch.zeros(4, 1), torch.arange(4), torch.zeros(4, 1), LONGER, **more) for more in ({}, {"max_words": 61, "max_steps": 18})],
        "other labels": student.pick_demos(x, len(centers) - 1 - labels, centers, items),
        "of the first": student.pick_demos(x=x[:1], labels=labels[:1], centers=centers, items=items[:1], max_words=60, max_steps=5),
        "refused": [raises("ValueError", lambda: student.pick_demos(x, labels, centers, items[:-1])), raises("ValueError", lambda: student.pick_demos(x, labels, centers, [*items, GOOD]))],
    }


@check(
    points=1,
    lecture="the-prompt",
    public=[
        case("no example", items=[], question="How much is 3 + 4?"),
        case("two examples", items=[["How much is 2 + 3?", "We add.\nIt is 5.", "5"], ["And 1 + 1?", "It is 2.", "2"]], question="How much is 3 + 4?"),
        case("more white space than needed", items=[[" How\n much? ", " First  this.\n\nThen 5. ", " 5\n"]], question="\nAnd this? "),
    ],
    hidden=[
        case("white space everywhere", items=[["  How much\n is it? ", "\n\nFirst  this.\n\n\tThen that: 5. \n", " 5 "]], question=" And\n this?  "),
        case("three, in their order", items=[["c", "It is 3.", "3"], ["a", "It is 1.", "1"], ["b", "It is 2.", "2"]], question="d"),
        case("not usable, and shown all the same", items=[["q", "", ""], ["q", "It is", "7"]], question="r"),
        case("other scripts and braces", items=[["鸡兔同笼？", "设 {x} 只。\n共 8 只。", "{8}"]], question="{question} %s?"),
        case("items that look like places to fill in", items=[['What does "{answer}" print?', "It prints {question}.", "5"], ["{rationale} {}?", "%s and {answer}.", "{question}"]], question="{answer}?"),
        case("eighteen examples", items=[[f"question {i}", " ".join(f"w{j}" for j in range(i, 20)) + ".", f"{i}"] for i in range(18)], question="the last"),
        case("one example three times", items=[["q", "It is 4.", "4"]] * 3 + [["Q", "it is 4.", "4"]], question="q"),
        case("it begins with the words already", items=[["q", "Let's think step by step. It is 4.", "4"]], question="Q: x"),
    ],
    cites=["rationale The answer is answer", "The rationale stands on one line", "Question and answer lose the white space at their ends", "The items are shown as they are given", "Nothing follows"],
)
def the_prompt_is_written_to_the_letter(student, items, question):
    """Each example is a question, its reasoning on one line and its answer; then comes the new question, and the words to begin with."""
    items = [tuple(item) for item in items]
    return {
        "prompt": student.build_auto_cot(items, question),
        "backwards": student.build_auto_cot(items=items[::-1], question=question),
        "another question": student.build_auto_cot(items, question + " Why?"),
        "no example, white space": student.build_auto_cot([], f" {question}\n"),
        "once more": student.build_auto_cot(items, question),
    }


class Scripted:
    """A language model that says what stands in its script, and writes down what it was asked."""

    def __init__(self, script):
        self.script, self.asked = script, []

    def __call__(self, prompt):
        self.asked.append(prompt)
        return self.script[len(self.asked) - 1] if len(self.asked) <= len(self.script) else "nothing more"


SLIDE = "It takes Amy 4 minutes to climb a slide, and 1 minute to slide down. The slide closes in 15 minutes."
TIMES = "How many times can she slide?"


def asked(rng, problem, question, script, limit=8):
    return {"problem": problem, "question": question, "script": script, "limit": limit}


@check(
    points=1,
    inputs=asked,
    lecture="least-to-most",
    public=[
        case("one smaller question", problem=SLIDE, question=TIMES, script=["How long does a trip take?", " 4 + 1 is 5 minutes.", " 15 / 5 is 3 times."]),
        case("numbered lines", problem=SLIDE, question=TIMES, script=["1. How long is a trip?\n 12) How long is the slide open?\n2.5 what?", "5.", "15.", "2.", "3."]),
        case("the model goes on by itself", problem="Ann has 5.", question="And Bo?", script=["How many has Ann?", "5.\n\nQ: How many has Cy?\nA: 9.", "\n\n 7. \nQ: More?"]),
        case("the question itself is not asked twice", problem="Ann has 5.", question="And Bo?", script=["- How many has Ann?\n- And Bo?", "5", "7"]),
    ],
    hidden=[
        case("numbers in the middle stay; an answer is one line", problem="p", question="q?", script=["1. Is it 2. or 3) - or * more?\n- 1. b?", "A\nand so on.", "B\nQ: c", "C\n\nD"]),
        case("nearly the question itself", problem="Ann has 5.", question="And Bo?", script=["and bo?\nAnn? And Bo?\nTell me Ann's\n1) And Bo?", "A", "B", "C", "D"]),
        case("no smaller question", problem="p", question="q?", script=["\n  \n", "4"]),
        case("ways to number", problem="p", question="q?", script=["1) a?\n 2. b?\n- c?\n* d?\n10.\te?", "A", "B", "C", "D", "E", "F"]),
        case("what numbers nothing stays", problem="p", question="q?", script=["2.5 what?\n-x?\n3 apples?\n1.a?\n(1) b?\n12", "A", "B", "C", "D", "E", "F", "G"]),
        case("white space of other kinds follows", problem="p", question="q?", script=["1.\u3000a?\n2)\u00a0\u2003b?\n-\tc?\n*\x0bd?", "A", "B", "C", "D", "E"]),
        case("other marks number nothing", problem="p", question="q?", script=["-- a?\n1.2. b?\n*- c?\n• d?\n1: e?\n1 - f?\n- - g?", *"ABCDEFGH"]),
        case("a number of three digits", problem="p", question="q?", script=["100. a?\n2024) b?", *"ABC"]),
        case("equal to the question before its number goes", problem="p", question="2. So?", script=["2. So?\n1. 2. So?\nSo?\n2. So", *"ABCDE"]),
        case("equal but for the question mark", problem="p", question="So?", script=["So\nSo??\n- So?", *"ABCD"]),
        case("an answer that begins with A:", problem="p", question="q?", script=["a?", "A: 5", "The answer is 7."]),
        case("twenty lines, eighteen are asked", problem="p", question="q?", script=["\n".join(f"{i}) s{i}?" for i in range(1, 21)), *(f"t{i}" for i in range(25))], limit=18),
        case("nine lines, eight are asked", problem="p", question="q?", script=["\n".join(f"{i}. s{i}?" for i in range(1, 10)), *"ABCDEFGHIJK"]),
        case("a limit of two, behind the question itself", problem="p", question="q?", script=["q?\na?\n\nb?\nc?", "A", "B", "C", "D"], limit=2),
        case("a limit of zero", problem="p", question="q?", script=["a?\nb?", "A", "B"], limit=0),
        case("an answer behind many blank lines", problem="p", question="q?", script=["a?", "\n" * 20 + "B", " \n" * 18 + " C"]),
        case("empty answers", problem="p", question="q?", script=["a?\nb?", "", "\n \n", "  "]),
        case("the same question twice", problem="p", question="q?", script=["a?\na?", "A", "B", "C"]),
        case("line breaks inside of the problem", problem="p\n\nQ: x\nA: y", question="q?", script=["a?", " A ", " B "]),
    ],
    cites=["llm is asked once", "Each line of its text that is not blank", "This is done once", "a line break and A its answer", "is asked with one call", "A line that is then equal to question is left out", "the first line that is not blank", "and then what numbers it", "only the first limit are asked", "It is if all lines are blank"],
)
def smaller_questions_come_first(student, problem, question, script, limit):
    """One call takes the problem apart, then each smaller question and the question itself are asked with all answers so far."""
    llm = Scripted(script)
    found = student.least_to_most(llm, problem, question, **({} if limit == 8 else {"limit": limit}))
    other = Scripted(script[:1])
    return {
        "found": found,
        "asked": llm.asked,
        "without more": student.least_to_most(llm=other, problem=problem, question=question, limit=1),
        "asked there": other.asked,
    }
