"""Public checks of embedding/gte_contrastive: run `pytest` on this file, or `autograder check embedding/gte_contrastive`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, flags, raises, with_gradients


def pairs(rng, B=3, C=4, K=None, temp=0.3, dtype="float64", noise=None, lengths=1.0, same=(), q=None, d=None, hard=None):
    """Vectors of queries and documents. `noise`: documents lie near their queries (opposite, if negative); `same`: document j is a copy
    of document i."""
    kind = getattr(torch, dtype)
    options = {} if temp is None else {"temp": temp}
    if q is not None:
        made = {"q": torch.tensor(q, dtype=kind), "d": torch.tensor(d, dtype=kind)}
        return made | {"hard": None if hard is None else torch.tensor(hard, dtype=kind), "options": options}
    q, d = rng.normal(B, C, dtype=dtype), rng.normal(B, C, dtype=dtype)
    if noise is not None:
        d = (q if noise > 0 else -q) + abs(noise) * d
    for i, j in same:
        d[j] = d[i]
    hard = None if K is None else rng.normal(B, K, C, dtype=dtype) / lengths
    return {"q": q * lengths, "d": d / lengths, "hard": hard, "options": options}


def losses(student, q, d, hard, options):
    """The loss with gradients; of other pairs of the same shape, of views, at another temperature, with queries and documents exchanged."""
    wrong = {} if hard is None or not hard.shape[1] else {"hard": hard}
    none = [] if hard is None or wrong else [hard]  # K = 0: nothing has a gradient there
    given = {"q": q, "d": d} | wrong
    view = [x.mT.contiguous().mT for x in given.values()]
    others = [x.flip(0) * 3 + x for x in view]
    return {
        "loss": with_gradients(lambda **given: student.gte_loss(*given.values(), *none, **options), **given),
        "of views": student.gte_loss(*view, *none, **options),
        "of others": student.gte_loss(*others, *none, **options),
        "exchanged": student.gte_loss(d, q, *view[2:], *none, **options),
        "at 0.75": student.gte_loss(q, d, *view[2:], *none, temp=0.75),
        "left": flags(*given.values(), *view),
    }


EYE = [[2.0, 0.0], [0.0, 1.0]]


@check(points=2, inputs=pairs, lecture='four-kinds-of-wrong-pairs', public=[case('one pair: ln 2', q=[[3.0, 4.0]], d=[[1.0, 0.0]], temp=None), case('cosines 1 and 0', q=EYE, d=EYE, temp=1.0), case('three pairs', B=3, C=2)])
def four_directions_share_one_softmax(student, q, d, hard, options):
    """Without hard negatives, log Z_i has the scores of query i and of document i to all queries and documents but themselves."""
    return losses(student, q, d, None, options)


@check(points=1, inputs=pairs, lecture='whose-hard-negative-is-it', public=[case('one for each query', q=EYE, d=[[6.0, 0.0], [0.0, 3.0]], hard=[[[0.0, 5.0]], [[-1.0, 0.0]]], temp=1.0), case('two for each of three queries', B=3, C=2, K=2)])
def hard_negatives_join_but_not_beside_their_own_document(student, q, d, hard, options):
    """Query i meets all hard negatives, document i those of the other queries; K may be 0."""
    return losses(student, q, d, hard, options)


@check(points=1, inputs=pairs, lecture='four-kinds-of-wrong-pairs', public=[case('good pairs at 0.01, in float32', B=3, C=4, temp=None, noise=0.02, dtype='float32'), case('pairs that point in opposite directions', B=2, C=3, temp=0.001, noise=-0.1)])
def small_temperatures_stay_finite(student, q, d, hard, options):
    """Scores of hundreds and thousands, of either sign, give a finite loss and finite gradients."""
    return losses(student, q, d, hard, options)


def sources(rng, sizes=None, count=0, alpha=None, none=()):
    sizes = list(sizes or [rng.integer(1, 10 ** rng.integer(1, 9)) for _ in range(count)])
    return {"sizes": sizes, "options": {} if alpha is None else {"alpha": alpha}, "none": [list(each) for each in none]}


@check(points=1, inputs=sources, lecture='large-sources-and-small-ones', public=[case('900 and 100', sizes=[900, 100], none=[[0, 0]]), case('a source without texts', sizes=[900, 0, 100], alpha=0.0, none=[[0]])])
def sources_are_drawn_by_a_power_of_their_size(student, sizes, options, none):
    """p_i is n_i^alpha over the sum of all; a source without texts has 0, also for alpha = 0."""
    return {
        "probabilities": student.source_probs(sizes, **options),
        "the other way round": student.source_probs(sizes[::-1], **options),
        "alpha = 0.25 and 0": [student.source_probs(sizes, alpha=alpha) for alpha in (0.25, 0.0)],
        "refused": [raises("ValueError", lambda each=each: student.source_probs(each)) for each in none],
    }
