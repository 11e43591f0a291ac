"""Public checks of cot/auto_cot: run `pytest` on this file, or `autograder check cot/auto_cot`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
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


FAR = [[1e5], [1e5 + 0.5], [1e5 + 1.0], [1e5 + 3.0]]


@check(points=1, inputs=points, lecture='where-to-begin', public=[case('on a line', numbers=[[2.0], [3.0], [9.0], [6.0], [0.0]], k=4), case('ties go to the first', numbers=[[0.0, 0.0], [3.0, 0.0], [0.0, 3.0], [-3.0, 0.0], [3.0, 0.0]], k=4), case('in a plane', n=7, d=2, k=3, clusters=3), case('only two points are different', numbers=[[3.0], [7.0], [3.0]], k=3)])
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


@check(points=1, inputs=points, lecture='k-means', public=[case('on a line', numbers=[[0.0], [1.0], [8.0], [10.0], [4.0]], centers=[[0.0], [1.0]]), case('three clusters', n=12, d=2, k=3, clusters=3)])
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


@check(points=1, inputs=points, lecture='the-corners-of-k-means', public=[case('a center without points stays', numbers=[[0.0], [1.0], [5.0]], centers=[[0.0], [40.0], [6.0]]), case('a point in the middle goes to the first center', numbers=[[0.0], [2.0], [4.0]], centers=[[0.0], [4.0]]), case('no round at all', numbers=[[0.0], [1.0], [5.0], [9.0]], centers=[[1.0], [2.0]], iters=0), case('one round', numbers=[[0.0], [1.0], [5.0], [9.0], [20.0]], centers=[[0.0], [1.0]], iters=1)])
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


@check(points=1, inputs=judged, lecture='which-examples-are-usable', public=[case('sixty words, and one more', items=[[words(60), 'It is 4.', '4'], [words(61), 'It is 4.', '4']]), case('five steps, and six', items=[['q', 'a.\nb.\nc.\nd.\ne 4.', '4'], ['q', 'a.\nb.\nc.\nd.\ne.\nf 4.', '4']]), case('many sentences on a line are one step', items=[['q', 'a. b. c. d. e. f. g. It is 4.', '4']]), case('cut off', items=[['q', 'It is 4. So', '4'], ['q', 'It is 4!', '4'], ['q', 'It is 4.\n', '4']]), case('blank lines', items=[['a\nb  c', 'a.\n\nb.\n \nc.\n\nd.\n\ne 4.', '4'], ['q', 'a.\n\nb.\n\nc.\n\nd.\n\ne.\n\nf 4.', '4']]), case('three words and two steps are allowed', items=[['a b c', 'x.\ny 14.', '4'], ['a b c d', 'x.\ny 4.', '4'], ['a b c', 'x.\ny.\nz 4.', '4']], max_words=3, max_steps=2), case('no answer, or another one', items=[['q', 'It is 4.', ''], ['q', 'It is 4.', '5']])])
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


@check(points=1, inputs=collected, lecture='one-of-each', public=[case('the nearest one is cut off', numbers=[[0.0], [1.0], [3.0], [9.0]], labels=[0, 0, 0, 1], centers=[[0.5], [8.0]], kinds='cggg'), case('a cluster without a usable item', numbers=[[0.0], [1.0], [5.0]], labels=[0, 1, 2], centers=[[0.0], [1.0], [5.0]], kinds='glg'), case('nine items in three clusters', n=9, d=2, k=3), case('equally near', numbers=[[7.0], [3.0], [0.0], [5.0]], labels=[1, 1, 0, 0], centers=[[4.0], [5.0]], kinds='gggg'), case('one step is allowed', numbers=[[0.0], [1.0]], labels=[1, 0], centers=[[1.0], [0.0]], kinds='gg', max_steps=1)])
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


@check(points=1, lecture='the-prompt', public=[case('no example', items=[], question='How much is 3 + 4?'), case('two examples', items=[['How much is 2 + 3?', 'We add.\nIt is 5.', '5'], ['And 1 + 1?', 'It is 2.', '2']], question='How much is 3 + 4?'), case('more white space than needed', items=[[' How\n much? ', ' First  this.\n\nThen 5. ', ' 5\n']], question='\nAnd this? ')])
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


@check(points=1, inputs=asked, lecture='least-to-most', public=[case('one smaller question', problem=SLIDE, question=TIMES, script=['How long does a trip take?', ' 4 + 1 is 5 minutes.', ' 15 / 5 is 3 times.']), case('numbered lines', problem=SLIDE, question=TIMES, script=['1. How long is a trip?\n 12) How long is the slide open?\n2.5 what?', '5.', '15.', '2.', '3.']), case('the model goes on by itself', problem='Ann has 5.', question='And Bo?', script=['How many has Ann?', '5.\n\nQ: How many has Cy?\nA: 9.', '\n\n 7. \nQ: More?']), case('the question itself is not asked twice', problem='Ann has 5.', question='And Bo?', script=['- How many has Ann?\n- And Bo?', '5', '7'])])
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
