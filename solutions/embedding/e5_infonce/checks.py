"""Checks of embedding/e5_infonce: prefixes, pooling, the loss and its candidates, the filter."""

import torch

from autograder.checks import case, check, flags, raises, with_gradients

# --- prefixes --------------------------------------------------------------------------------------------------------


@check(
    points=1,
    lecture="two-prefixes",
    public=[
        case("two queries and a passage", calls=[[["how high is K2", "K2"], "query"], [["8611 m"], "passage"]], bad=["document"]),
        case("white space stays", calls=[[["  a b\n", ""], "passage"]], bad=["Query"]),
    ],
    hidden=[
        case("prefixes that are there already", calls=[[["query: x", "passage: x"], "query"], [["query: x", "passage:x"], "passage"]],
             bad=["query: "]),
        case("no texts", calls=[[[], "query"], [[], "passage"]], bad=["", "PASSAGE", "queries", "q"]),
        case("other letters", calls=[[["ÄRGER", "山", "a\tb", "A  B"], "query"], [["İ", "x" * 300], "passage"]], bad=["query:"]),
        case("twenty texts", calls=[[[f"text {n}" for n in range(20)], "passage"]], bad=["text"]),
        case("the same text twice", calls=[[["x", "x", "y", "x"], "query"], [["query", "passage"], "passage"]], bad=["pass", "doc"]),
    ],
    cites=['"query: " or "passage: " stands before', "ValueError for everything else", "even if there are no texts",
           "white space is not removed", "one that begins with a prefix already", "a new list"],
)  # fmt: skip
def each_text_gets_its_prefix(student, calls, bad):
    """Each text is the prefix of its kind and then the text itself; another kind is a ValueError."""
    return {
        "texts": [student.add_prefix(texts, kind) for texts, kind in calls],
        "refused": [raises("ValueError", lambda kind=kind: student.add_prefix(["x"], kind)) for kind in bad],
        "refused without texts": [raises("ValueError", lambda kind=kind: student.add_prefix([], kind)) for kind in bad],
        "of a list": [student.add_prefix(list(texts), kind) is texts for texts, kind in calls],
    }


# --- pooling ---------------------------------------------------------------------------------------------------------


def tokens(rng, B=2, T=4, C=3, lengths=None, side="right", mask=None, dtype="float32", h=None, padding=None, shift=0.0):
    """Vectors of tokens and a mask: rows with `lengths` tokens, or the mask that is given; `padding` is what stands at padded places."""
    if mask is None:
        places = torch.arange(T) if side == "right" else torch.arange(T).flip(0)
        mask = (places < torch.tensor(lengths or [T] * B)[:, None]).long()
    else:
        mask = torch.tensor(mask)
    h = rng.normal(*mask.shape, C, dtype=dtype) + shift if h is None else torch.tensor(h, dtype=getattr(torch, dtype))
    if padding is not None:
        h[mask == 0] = float(padding)
    return {"h": h, "mask": mask}


def pooled(student, h, mask, modes):
    """What each mode gives, with gradients; for a mask of bools, a view, and other values of the same shape."""
    view, other = h.transpose(0, 1).contiguous().transpose(0, 1), mask.mT.contiguous().mT
    seen = {}
    for mode in modes:
        seen[mode] = {
            "h": with_gradients(lambda h, mode=mode: student.pool(h, mask, mode), h=h),
            "bools": student.pool(h, mask.bool(), mode),
            "views": [student.pool(view, other, mode), student.pool(-view, other, mode)],
            "left": flags(h, view),
        }
    return seen


@check(
    points=1,
    inputs=tokens,
    lecture="from-tokens-to-one-vector",
    public=[
        case("two tokens, one place of padding", h=[[[1.0, -2.0], [3.0, -4.0], [9.0, 9.0]]], mask=[[1, 1, 0]]),
        case("texts of 4 and of 2 tokens", B=2, T=4, C=3, lengths=[4, 2]),
    ],
    hidden=[
        case("one token each", B=3, T=5, C=2, lengths=[1, 1, 1]),
        case("no padding", B=3, T=7, C=4, dtype="float64"),
        case("every length", B=6, T=6, C=5, lengths=[6, 5, 4, 3, 2, 1], dtype="float64"),
        case("all sizes alike", B=3, T=3, C=3, lengths=[2, 3, 1], dtype="float64"),
        case("one token in all", B=1, T=1, C=4),
        case("a long text beside short ones", B=3, T=70, C=2, lengths=[70, 3, 21], dtype="float64"),
        case("far from 0", B=2, T=9, C=3, lengths=[4, 7], shift=100.0, dtype="float64"),
    ],
    fresh=1,
    cites=["the mean of their vectors", "which the mean does not hide", "int64 or bool", "computed in the dtype of the inputs"],
)
def the_mean_is_over_the_text(student, h, mask):
    """With mode="mean" each text gives the mean of its own tokens' vectors; padding counts neither in the sum nor in the number."""
    faults = h.clone()
    token = mask.int().argmax(1)  # the first one of each text
    faults[0, token[0], 0], faults[-1, token[-1], -1] = torch.nan, torch.inf
    return pooled(student, h, mask, ["mean"]) | {"a fault in the text": student.pool(faults, mask, "mean")}


@check(
    points=1,
    inputs=tokens,
    lecture="three-other-ways",
    public=[
        case("two tokens, one place of padding", h=[[[1.0, -2.0], [3.0, -4.0], [9.0, 9.0]]], mask=[[1, 1, 0]]),
        case("texts of 4 and of 2 tokens", B=2, T=4, C=3, lengths=[4, 2]),
    ],
    hidden=[
        case("one token each", B=3, T=5, C=2, lengths=[1, 1, 1]),
        case("no padding", B=3, T=7, C=4, dtype="float64"),
        case("every length", B=6, T=6, C=5, lengths=[6, 5, 4, 3, 2, 1], dtype="float64"),
        case("all sizes alike", B=3, T=3, C=3, lengths=[2, 3, 1]),
        case("everything is negative", B=2, T=6, C=4, lengths=[3, 5], shift=-40.0),
        case("far below zero", B=2, T=5, C=3, lengths=[3, 4], shift=-1e6, padding="0", dtype="float64"),
        case("padding is the largest", B=3, T=5, C=2, lengths=[2, 4, 3], padding="1e4", dtype="float64"),
        case("one token in all", B=1, T=1, C=4),
        case("more tokens than fit into eight bits", B=2, T=261, C=1, lengths=[261, 130]),
        case("values below -1e20", h=[[[-1e30, -3e20], [-2e30, -1e25], [0.0, 5.0]]], mask=[[1, 1, 0]]),
    ],
    fresh=1,
    cites=["the vector of the first one", "the vector of the last one", "for each feature the largest value", "ValueError for every other mode"],
)
def first_last_and_largest(student, h, mask):
    """With "cls", "last" and "max" each text gives its first token's vector, its last token's, and the largest values of its tokens."""
    refused = [raises("ValueError", lambda mode=mode: student.pool(h, mask, mode)) for mode in ("sum", "", "Mean", "first")]
    return {"modes": pooled(student, h, mask, ["cls", "last", "max"]), "refused": refused}


@check(
    points=1,
    inputs=tokens,
    lecture="where-padding-stands",
    public=[
        case("padding on the left", B=2, T=4, C=3, lengths=[4, 2], side="left"),
        case("nan at padding", B=2, T=3, C=2, lengths=[1, 3], padding="nan"),
    ],
    hidden=[
        case("both sides", C=2, mask=[[0, 1, 1, 0, 0], [0, 0, 0, 1, 0], [1, 1, 1, 1, 1]], dtype="float64"),
        case("tokens left out in between", C=3, mask=[[1, 0, 1, 1, 0, 0], [0, 1, 0, 0, 0, 1], [1, 0, 0, 0, 0, 1]]),
        case("inf at padding", B=3, T=4, C=2, lengths=[2, 4, 1], padding="inf"),
        case("-inf at padding, on the left", B=3, T=4, C=2, lengths=[2, 4, 1], side="left", padding="-inf"),
        case("nan on both sides and between", C=3, mask=[[0, 1, 0, 1, 0], [0, 0, 1, 1, 0]], padding="nan", dtype="float64"),
        case("large numbers at padding", B=2, T=6, C=3, lengths=[5, 2], side="left", padding="3e38"),
    ],
    cites=["The ones of a row may stand anywhere", "What h holds at padding never matters", "its gradient there is 0", "leave out tokens in between"],
)
def padding_may_stand_anywhere_and_hold_anything(student, h, mask):
    """In every mode, padding on the left or between tokens is left out like that on the right, whatever numbers stand there."""
    return pooled(student, h, mask, ["mean", "cls", "last", "max"])


# --- the loss --------------------------------------------------------------------------------------------------------


def pairs(rng, B=3, C=4, K=None, temp=0.1, dtype="float64", noise=None, lengths=1.0, same=(), q=None, p=None, hard=None):
    """Vectors of queries and passages. `noise`: passages lie near their queries (or opposite, if negative); `same`: passage j is a copy
    of passage i; `lengths`: how long the vectors are."""
    kind = getattr(torch, dtype)
    if q is not None:
        made = {"q": torch.tensor(q, dtype=kind), "p": torch.tensor(p, dtype=kind)}
        return made | {"hard": None if hard is None else torch.tensor(hard, dtype=kind), "options": {} if temp is None else {"temp": temp}}
    q, p = rng.normal(B, C, dtype=dtype), rng.normal(B, C, dtype=dtype)
    if noise is not None:
        p = (q if noise > 0 else -q) + abs(noise) * p
    for i, j in same:
        p[j] = p[i]
    hard = None if K is None else rng.normal(B, K, C, dtype=dtype)
    if K and noise is not None:
        hard = q[:, None] + 3 * abs(noise) * hard
    return {"q": q * lengths, "p": p / lengths, "hard": hard, "options": {} if temp is None else {"temp": temp}}


def losses(student, q, p, hard, options):
    """The loss with gradients; of other pairs of the same shape, of views, at another temperature, with queries and passages exchanged."""
    wrong = {} if hard is None or not hard.shape[1] else {"hard": hard}
    none = [] if hard is None or wrong else [hard]  # K = 0: nothing has a gradient there
    given = {"q": q, "p": p} | wrong
    view = [x.mT.contiguous().mT for x in given.values()]
    others = [x.flip(0) * 3 + x for x in view]
    return {
        "loss": with_gradients(lambda **given: student.info_nce(*given.values(), *none, **options), **given),
        "of views": student.info_nce(*view, *none, **options),
        "of others": student.info_nce(*others, *none, **options),
        "exchanged": student.info_nce(p, q, *view[2:], *none, **options),
        "at 0.75": student.info_nce(q, p, *view[2:], *none, temp=0.75),
        "left": flags(*given.values(), *view),
    }


@check(
    points=1,
    inputs=pairs,
    lecture="find-your-own-passage",
    public=[
        case("scores 3 and 4", q=[[2.0, 0.0], [0.0, 1.0]], p=[[3.0, 4.0], [0.8, 0.6]], temp=0.2),
        case("two pairs, temperature 1", q=[[2.0, 0.0], [0.0, 1.0]], p=[[3.0, 4.0], [0.0, 5.0]], temp=1.0),
        case("three pairs, no temperature given", B=3, C=2, temp=None),
    ],
    hidden=[
        case("a batch", B=7, C=5, temp=0.05),
        case("one pair has nothing to choose from", B=1, C=3),
        case("as many features as pairs", B=4, C=4, temp=0.5),
        case("the temperature of E5 by default", B=6, C=8, temp=None, noise=0.3),
        case("one feature: cosines are 1 and -1", B=5, C=1, temp=2.0),
        case("long queries, short passages", B=3, C=6, temp=0.2, lengths=1e6),
        case("short queries, long passages", B=4, C=3, temp=0.2, lengths=1e-6),
        case("one passage stands there twice", B=4, C=3, temp=0.3, same=[(0, 2)]),
        case("all passages are the same", B=3, C=5, temp=0.3, same=[(0, 1), (0, 2)]),
        case("a high temperature", B=5, C=3, temp=7.0),
        case("float32", B=8, C=6, temp=0.25, dtype="float32"),
        case("forty pairs", B=40, C=7, temp=0.125),
        case("vectors hardly longer than 1e-7", q=[[1e-7, 2e-7], [3e-7, 1e-7], [1e-7, 1e-7]], p=[[4e-7, 5e-7], [5e-7, 1e-7], [2e-7, 1e-7]], temp=0.2),
    ],
    fresh=1,
    cites=["each query has to find its own passage", "Vectors need not have length 1", "Queries choose among passages",
           "once for every time that it occurs", "With one candidate the loss is 0", "Inputs may be views", "Returns a tensor of shape ()"],
)  # fmt: skip
def queries_choose_their_passage(student, q, p, hard, options):
    """Without hard negatives, the loss is the mean of -log softmax(cosines / temp) at each query's own passage."""
    return losses(student, q, p, None, options)


@check(
    points=1,
    inputs=pairs,
    lecture="hard-negatives",
    public=[
        case("one for each query", q=[[2.0, 0.0], [0.0, 1.0]], p=[[3.0, 4.0], [0.0, 5.0]],
             hard=[[[-1.0, 0.0]], [[0.0, -7.0]]], temp=1.0),
        case("two for each of three queries", B=3, C=2, K=2, temp=0.3),
    ],
    hidden=[
        case("five", B=4, C=3, K=5, temp=0.2),
        case("none", B=4, C=3, K=0, temp=0.2),
        case("one that stands there twice, and one that is a passage", q=[[2.0, 0.0, 1.0], [0.0, 1.0, -1.0]], p=[[3.0, 4.0, 0.0], [1.0, 5.0, -2.0]],
             hard=[[[1.0, 2.0, 0.5], [0.0, 1.0, 1.0]], [[1.0, 2.0, 0.5], [3.0, 4.0, 0.0]]], temp=0.7),
        case("one query", B=1, C=4, K=3, temp=0.5),
        case("one query, one of them", B=1, C=2, K=1, temp=0.5),
        case("all sizes alike", B=3, C=3, K=3, temp=0.4),
        case("seven, as E5 has them in fine-tuning", B=5, C=6, K=7, temp=None, noise=0.4),
        case("float32", B=6, C=4, K=2, temp=0.5, dtype="float32"),
    ],
    fresh=1,
    cites=["The candidates of every query are", "those of the other queries as well", "gradients flow to q p and hard"],
)  # fmt: skip
def hard_negatives_join_the_candidates(student, q, p, hard, options):
    """Every query chooses among all passages and the hard negatives of all queries; K may be 0."""
    return losses(student, q, p, hard, options)


@check(
    points=1,
    inputs=pairs,
    lecture="a-small-temperature",
    public=[
        case("good pairs at 0.01, in float32", B=3, C=4, temp=None, noise=0.02, dtype="float32"),
        case("pairs that point in opposite directions", B=2, C=3, temp=0.001, noise=-0.1),
    ],
    hidden=[
        case("good pairs at 0.001", B=4, C=5, temp=0.001, noise=0.05),
        case("opposite pairs, in float32", B=3, C=8, temp=None, noise=-0.05, dtype="float32"),
        case("at 0.001", B=5, C=4, temp=0.001),
        case("hard negatives that are nearer than the passage", B=3, C=6, K=2, temp=0.0005, noise=0.3),
        case("very good pairs", B=5, C=8, K=3, temp=None, noise=0.001, dtype="float32"),
    ],
    cites=["It is right for small temperatures too"],
)
def small_temperatures_stay_finite(student, q, p, hard, options):
    """Scores of hundreds and thousands, of either sign, give a finite loss and finite gradients."""
    return losses(student, q, p, hard, options)


# --- the filter ------------------------------------------------------------------------------------------------------


def noisy(rng, B=4, C=5, M=9, wrong=(), top_k=None, lengths=1.0, dtype="float32", **given):
    """Pairs whose passages lie near their queries, but those in `wrong`, which have nothing to do with them; and a random pool."""
    if given:
        made = {name: torch.tensor(value, dtype=getattr(torch, dtype)) for name, value in given.items()}
    else:
        q = rng.normal(B, C, dtype=dtype)
        p = q + 0.1 * rng.normal(B, C, dtype=dtype)
        for i in wrong:
            p[i] = rng.normal(C, dtype=dtype) - q[i]
        made = {"q": q * lengths, "p": p, "passages": rng.normal(M, C, dtype=dtype) / lengths}
    return made | {"options": {} if top_k is None else {"top_k": top_k}}


AXES = [[1.0, 0.0, 0.0, 0.0], [0.0, 2.0, 0.0, 0.0]]
HALVES = [[1.0, 1.0, 1.0, 1.0], [-2.0, -2.0, 2.0, 2.0]]  # the cosine to both axes is 1/2, or -1/2


@check(
    points=1,
    inputs=noisy,
    lecture="a-filter-for-noise",
    public=[
        case("0.6 and 0 among three", q=[[1.0, 0.0], [1.0, 0.0]], p=[[3.0, 4.0], [0.0, 2.0]], passages=[[9.0, 1.0], [1.0, 9.0], [1.0, 2.0]]),
        case("the pool holds the passage itself, twice", q=AXES[:1], p=HALVES[:1], passages=[HALVES[0], HALVES[0], AXES[1]]),
        case("one wrong pair of four", B=4, C=5, M=9, wrong=[2]),
    ],
    hidden=[
        case("wrong pairs in a larger pool", B=9, C=4, M=60, wrong=[0, 3, 4, 8], top_k=3),
        case("only the first place counts", B=6, C=3, M=7, wrong=[1, 5], top_k=1),
        case("no pair is right", B=5, C=6, M=200, wrong=[0, 1, 2, 3, 4]),
        case("an empty pool", B=3, C=4, M=0, wrong=[1]),
        case("fewer passages than places", B=3, C=3, M=2, wrong=[0, 1, 2], top_k=5),
        case("as many passages as places", B=5, C=2, M=3, wrong=[0, 1, 2, 3, 4], top_k=3),
        case("long queries, a pool of short passages", B=6, C=4, M=12, wrong=[2, 3], lengths=1e4, top_k=2),
        case("a passage as short as allowed", q=[[1.0, 0.0], [0.0, 1.0]], p=[[3.0, 4.0], [3.0, 4.0]], passages=[[1e-7, 2e-8]], top_k=1),
        case("one pair", B=1, C=7, M=5, wrong=[0], top_k=4),
        case("ties, and one that is nearer", q=AXES, p=HALVES, passages=[*HALVES, HALVES[0], [4.0, 0.0, 0.0, 0.0], [0.0, 3.0, 0.0, 0.0]], top_k=1),
        case("a nearer one that the pool holds twice", q=AXES, p=HALVES, passages=[AXES[0], HALVES[0], AXES[1], AXES[0]]),
        case("ties at the third place", q=AXES, p=HALVES, passages=[AXES[0], AXES[1], AXES[0], *HALVES, *HALVES], top_k=3),
        case("float64, pairs as many as passages", B=6, C=6, M=6, wrong=[1, 4], dtype="float64"),
        case("a larger pool that holds a nearer one twice", q=AXES, p=HALVES, passages=[AXES[0], *HALVES * 5, AXES[1], AXES[0]]),
        case("nearer by a hair, float64", q=[[1.0, 0.0]] * 2, p=[[3.0, 4.0]] * 2, passages=[[3.000001, 4.0], [2.999999, 4.0]], top_k=1, dtype="float64"),
        case("the same pair many times", q=[AXES[0]] * 5, p=[HALVES[0]] * 5, passages=[AXES[0], HALVES[1]], dtype="float64"),
        case("vectors hardly longer than 1e-7", q=[[1e-7, 2e-7], [3e-7, 1e-7]], p=[[4e-7, 5e-7], [5e-7, -4e-7]], passages=[[1.1e-7, 2.5e-7], [2e-7, 1e-7], [8e-7, 1e-7]], top_k=1),
    ],
    fresh=2,
    cites=["ranked by their cosine to the query", "have a larger cosine", "takes two places", "One that is exactly as close does not", "passages of the other pairs play no part",
           "a bool tensor of shape", "M >= 0", "those whose passage a first model finds"],
)  # fmt: skip
def only_consistent_pairs_are_kept(student, q, p, passages, options):
    """A pair is kept if fewer than top_k passages of the pool have a larger cosine to the query than its own passage."""

    def kept(q, p, passages):
        return student.consistency_filter(q, p, passages, **options)

    view = [x.T.contiguous().T for x in (q, p, passages)]
    return {
        "kept": kept(q, p, passages),
        "of views": kept(*view),
        "with other places": [student.consistency_filter(q, p, passages, top_k=places) for places in (1, 3)],
        "the other way round": kept(q.flip(0), p.flip(0), passages.flip(0)),
        "of the first": kept(q[:1], p[:1], passages),
        "of the others' passages": kept(q, p.roll(1, 0), passages),
        "left": flags(q, p, passages, *view),
    }
