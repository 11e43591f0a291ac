"""Checks of embedding/gte_contrastive: four directions in one softmax, hard negatives, sources, gradients of a batch in pieces."""

import torch
from torch import nn

from autograder.checks import case, check, flags, raises, with_gradients, with_weights

# --- the loss --------------------------------------------------------------------------------------------------------


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


@check(
    points=2,
    inputs=pairs,
    lecture="four-kinds-of-wrong-pairs",
    public=[
        case("one pair: ln 2", q=[[3.0, 4.0]], d=[[1.0, 0.0]], temp=None),
        case("cosines 1 and 0", q=EYE, d=EYE, temp=1.0),
        case("three pairs", B=3, C=2),
    ],
    hidden=[
        case("a batch", B=7, C=5, temp=0.2),
        case("as many features as pairs", B=4, C=4, temp=0.5),
        case("the default temperature", B=6, C=8, temp=None, noise=0.3),
        case("one feature", B=5, C=1, temp=2.0),
        case("long queries, short documents", B=3, C=6, lengths=1e5),
        case("short queries, long documents", B=4, C=3, lengths=1e-5),
        case("one document stands there twice", B=4, C=3, same=[(0, 2)]),
        case("a high temperature", B=5, C=3, temp=7.0),
        case("documents of 1e-9", B=3, C=4, lengths=1e9),
        case("float32", B=8, C=6, temp=0.5, dtype="float32"),
        case("thirty pairs", B=30, C=7),
    ],
    fresh=1,
    cites=["query to query", "document to query", "document to document", "one logarithm of one sum for each i", "none needs to have length 1",
           "four kinds of wrong pairs share one softmax", "Inputs may be views"],
)  # fmt: skip
def four_directions_share_one_softmax(student, q, d, hard, options):
    """Without hard negatives, log Z_i has the scores of query i and of document i to all queries and documents but themselves."""
    return losses(student, q, d, None, options)


@check(
    points=1,
    inputs=pairs,
    lecture="whose-hard-negative-is-it",
    public=[
        case("one for each query", q=EYE, d=[[6.0, 0.0], [0.0, 3.0]], hard=[[[0.0, 5.0]], [[-1.0, 0.0]]], temp=1.0),
        case("two for each of three queries", B=3, C=2, K=2),
    ],
    hidden=[
        case("five", B=4, C=3, K=5),
        case("none", B=4, C=3, K=0),
        case("one query", B=1, C=4, K=3, temp=0.5),
        case("all sizes alike", B=3, C=3, K=3, temp=0.4),
        case("the default temperature", B=5, C=6, K=2, temp=None, noise=0.4),
        case("float32", B=6, C=4, K=2, temp=0.5, dtype="float32"),
        case("hard negatives of 1e-9", B=3, C=4, K=2, lengths=1e9),
        case("one that stands there twice, and one that is a document", q=[[2.0, 0.0, 1.0], [0.0, 1.0, -1.0]], d=[[3.0, 4.0, 0.0], [1.0, 5.0, -2.0]],
             hard=[[[1.0, 2.0, 0.5], [0.0, 1.0, 1.0]], [[1.0, 2.0, 0.5], [3.0, 4.0, 0.0]]], temp=0.7),
    ],
    fresh=1,
    cites=["all B · K hard negatives x", "Those of query i", "gradients flow to q d and hard"],
)  # fmt: skip
def hard_negatives_join_but_not_beside_their_own_document(student, q, d, hard, options):
    """Query i meets all hard negatives, document i those of the other queries; K may be 0."""
    return losses(student, q, d, hard, options)


@check(
    points=1,
    inputs=pairs,
    lecture="four-kinds-of-wrong-pairs",
    public=[
        case("good pairs at 0.01, in float32", B=3, C=4, temp=None, noise=0.02, dtype="float32"),
        case("pairs that point in opposite directions", B=2, C=3, temp=0.001, noise=-0.1),
    ],
    hidden=[
        case("good pairs at 0.001", B=4, C=5, temp=0.001, noise=0.05),
        case("at 0.001", B=5, C=4, temp=0.001),
        case("with hard negatives", B=3, C=6, K=2, temp=0.0005, noise=0.3),
        case("one pair", B=1, C=3, temp=0.02, noise=-0.1),
        case("opposite, and nothing else to compare with", q=[[2.0]], d=[[-3.0]], temp=0.00005),
        case("all are opposite", q=[[2.0], [0.5]], d=[[-3.0], [-1.0]], hard=[[[-1.0]], [[-4.0]]], temp=0.00005),
    ],
    cites=["It is right for small temperatures too", "ln 2 at any temperature"],
)
def small_temperatures_stay_finite(student, q, d, hard, options):
    """Scores of hundreds and thousands, of either sign, give a finite loss and finite gradients."""
    return losses(student, q, d, hard, options)


# --- sources ---------------------------------------------------------------------------------------------------------


def sources(rng, sizes=None, count=0, alpha=None, none=()):
    sizes = list(sizes or [rng.integer(1, 10 ** rng.integer(1, 9)) for _ in range(count)])
    return {"sizes": sizes, "options": {} if alpha is None else {"alpha": alpha}, "none": [list(each) for each in none]}


@check(
    points=1,
    inputs=sources,
    lecture="large-sources-and-small-ones",
    public=[case("900 and 100", sizes=[900, 100], none=[[0, 0]]), case("a source without texts", sizes=[900, 0, 100], alpha=0.0, none=[[0]])],
    hidden=[
        case("eight sources", count=8, none=[[0, 0, 0]]),
        case("as many as there are texts", sizes=[7, 30, 1, 0], alpha=1.0, none=[[]]),
        case("nearly alike", count=5, alpha=0.1, none=[[]]),
        case("one source", sizes=[12345], alpha=0.3, none=[[0]]),
        case("a billion and one", sizes=[10**9, 1, 0], none=[[0]]),
        case("one text in all", sizes=[0, 1], none=[[0]]),
        case("equal sizes", sizes=[4, 4, 4, 4, 4, 4], alpha=0.7, none=[[0]]),
        case("twenty sources", count=20, alpha=0.5, none=[[0, 0]]),
    ],
    fresh=1,
    cites=["n_i^alpha / Σ_j n_j^alpha", "A source without texts has the probability 0", "ValueError if no source has a text"],
)
def sources_are_drawn_by_a_power_of_their_size(student, sizes, options, none):
    """p_i is n_i^alpha over the sum of all; a source without texts has 0, also for alpha = 0."""
    return {
        "probabilities": student.source_probs(sizes, **options),
        "the other way round": student.source_probs(sizes[::-1], **options),
        "alpha = 0.25 and 0": [student.source_probs(sizes, alpha=alpha) for alpha in (0.25, 0.0)],
        "refused": [raises("ValueError", lambda each=each: student.source_probs(each)) for each in none],
    }


# --- a batch in pieces -----------------------------------------------------------------------------------------------


class Encoder(nn.Module):
    """Two layers and a norm of the rows; it writes down each call: how many rows, whether a graph is made, and how far `down` has a gradient."""

    def __init__(self, F, H, C):
        super().__init__()
        self.up, self.down, self.unused = nn.Linear(F, H), nn.Linear(H, C), nn.Linear(1, 1)
        self.calls = []

    def forward(self, x):
        gradient = self.down.bias.grad
        self.calls.append([len(x), torch.is_grad_enabled(), None if gradient is None else gradient.detach().clone()])
        return self.down(torch.tanh(self.up(x)))


def batches(rng, sizes=(2, 2), F=3, H=5, C=4, dtype="float64", before=False, frozen=(), training=True):
    shapes = {"up.weight": (H, F), "up.bias": (H,), "down.weight": (C, H), "down.bias": (C,), "unused.weight": (1, 1), "unused.bias": (1,)}
    weights = rng.weights(shapes, dtype=dtype)
    earlier = {name: rng.normal(*shape, dtype=dtype) for name, shape in shapes.items() if name not in frozen} if before else {}
    chunks = [rng.normal(n, F, dtype=dtype) for n in sizes]
    return {"sizes": [F, H, C], "weights": weights, "chunks": chunks, "earlier": earlier, "frozen": list(frozen), "training": training}


def encoder_of(sizes, weights, earlier, frozen, training):
    encoder = with_weights(Encoder(*sizes), weights).train(training)
    for name, parameter in encoder.named_parameters():
        parameter.requires_grad_(name not in frozen)
        parameter.grad = earlier[name].clone() if name in earlier else None
    return encoder


def spread(vectors):
    """A loss in which each vector meets all others."""
    near = vectors / vectors.norm(dim=-1, keepdim=True)
    return ((near @ near.T) * 3).logsumexp(1).square().mean() + vectors.sum(1).cos().mean()


PIECES = dict(
    public=[
        case("two chunks of two", sizes=(2, 2)),
        case("gradients are there already", sizes=(1, 2), before=True),
    ],
    hidden=[
        case("unequal chunks", sizes=(3, 1, 2), F=4, H=3, C=2, before=True),
        case("one chunk", sizes=(5,), C=3),
        case("one text at a time", sizes=(1, 1, 1, 1), before=True),
        case("frozen parameters, evaluation mode", sizes=(2, 3), frozen=("up.weight", "down.bias"), training=False),
        case("float32", sizes=(4, 2, 3), F=2, H=6, C=5, dtype="float32"),
        case("twenty chunks", sizes=(1, 2) * 10, F=2, H=3, C=2),
    ],
)


@check(
    points=2,
    inputs=batches,
    lecture="a-batch-larger-than-the-memory",
    fresh=1,
    cites=["the parameters of the encoder have the gradients in .grad", "added to what stood there before", "Frozen parameters get none", "Returns the loss detached",
           "Modes and requires_grad stay", "the pieces may have different lengths"],
    **PIECES,
)  # fmt: skip
def pieces_give_the_gradients_of_the_whole(student, sizes, weights, chunks, earlier, frozen, training):
    """Loss and gradients are those of the whole batch at once, added to the gradients that were there."""
    encoder = encoder_of(sizes, weights, earlier, frozen, training)
    held = dict(encoder.named_parameters())  # an optimizer holds them like this

    def gradients():
        return {name: None if p.grad is None else p.grad.clone() for name, p in held.items()}

    loss = student.grad_cache_step(encoder, chunks, spread)
    seen = {"loss": loss, "graph": loss.requires_grad, "left": flags(encoder, *chunks), "gradients": gradients()}
    seen["doubled"] = [student.grad_cache_step(encoder, [-chunk for chunk in chunks], lambda vectors: spread(vectors) * 2), gradients()]
    views = [(chunk / 2).T.contiguous().T for chunk in chunks]
    seen["of views"] = [student.grad_cache_step(encoder, views, spread), gradients()]
    seen["values"] = {name: value.clone() for name, value in encoder.state_dict().items()}
    with torch.no_grad():  # a step of the optimizer
        for parameter in held.values():
            parameter *= 0.5
    return seen | {"enabled": torch.is_grad_enabled(), "values after a step": dict(encoder.state_dict())}


@check(
    points=1,
    inputs=batches,
    lecture="a-batch-larger-than-the-memory",
    cites=["the encoder is called twice for each chunk also", "Encode each chunk in order under", "Compute the loss from all vectors once", "before the next chunk is encoded"],
    **PIECES,
)
def each_chunk_is_encoded_twice(student, sizes, weights, chunks, earlier, frozen, training):
    """First all chunks in order without a graph, then the loss once, then each chunk with a graph that is used before the next one."""
    encoder = encoder_of(sizes, weights, earlier, [name for name in frozen if name != "down.bias"], training)
    at = []

    def loss_fn(vectors):
        at.append([len(encoder.calls), list(vectors.shape)])
        return spread(vectors)

    student.grad_cache_step(encoder, chunks, loss_fn)
    student.grad_cache_step(encoder, chunks, lambda vectors: spread(vectors[-len(chunks[-1]) :]))  # the others get the gradient 0
    return {"number of calls": len(encoder.calls), "calls": encoder.calls, "loss": at}
