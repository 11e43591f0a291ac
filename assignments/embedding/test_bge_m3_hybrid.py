"""Public checks of embedding/bge_m3_hybrid: run `pytest` on this file, or `autograder check embedding/bge_m3_hybrid`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, flags, gradients, with_gradients


CLS, SEP, PAD = 0, 2, 1


def texts(rng, lengths, C=3, V=9, Cc=2, dtype="float64", dirt=None, ids=None, whole=False, bools=False):
    """Hidden states of texts with CLS, words, SEP, and padding that holds `dirt`. `whole`: small whole numbers, so that weights are exact."""
    T = max(lengths)
    h = rng.integers(-3, 4, len(lengths), T, C).to(getattr(torch, dtype)) if whole else rng.normal(len(lengths), T, C, dtype=dtype)
    tokens = torch.full((len(lengths), T), PAD)
    mask = torch.zeros(len(lengths), T, dtype=torch.int64)
    for i, n in enumerate(lengths):
        tokens[i, :n] = torch.tensor([CLS, *(rng.integer(3, V) for _ in range(n - 2)), SEP][:n])
        mask[i, :n] = 1
        if dirt is not None:
            h[i, n:] = dirt
    if ids is not None:
        tokens = torch.tensor(ids)
    w = rng.integers(-2, 3, C).to(h.dtype) if whole else rng.normal(C, dtype=dtype)
    W, b = rng.normal(Cc, C, dtype=dtype), rng.normal(Cc, dtype=dtype)
    return {"h": h, "ids": tokens, "mask": mask.bool() if bools else mask, "w": w, "W": W, "b": b}


@check(points=1, inputs=texts, lecture='one-vector', public=[case('two texts', lengths=[3, 4])])
def a_text_is_its_first_token(student, h, ids, mask, w, W, b):
    """The vector of a text is the hidden state of its first token, with length 1."""
    view = (h * 3).mT.contiguous().mT
    return {"dense": with_gradients(student.dense, h=h), "of a view": student.dense(view), "of others": student.dense(-h.flip(0)), "left": flags(h, view)}


@check(points=2, inputs=texts, lecture='weights-of-words', public=[case('a word twice', lengths=[5], ids=[[CLS, 7, 5, 7, SEP]], whole=True), case('two texts and padding', lengths=[6, 4], whole=True, dirt=50.0)])
def a_word_has_its_largest_weight(student, h, ids, mask, w, W, b):
    """Each word has the largest of its weights; padding, special tokens and words without weight are left out."""
    one, special = b.new_ones(()), {CLS, SEP}
    half = one / 2
    found = student.sparse_weights(h, w, half, ids, mask, special)
    other = student.sparse_weights(h.mT.contiguous().mT, -w, one / 4, ids.T.contiguous().T, mask, {CLS, SEP, PAD, 4})
    small = student.sparse_weights(h, w, -2 * one, ids, mask, {SEP})
    tiny = [sorted(each) for each in student.sparse_weights(1e-12 * torch.ones_like(h), w.abs() + 0.1, 0 * one, ids, mask, special)]
    return {"weights": found, "others": other, "with a bias of -2": small, "which have a tiny weight": tiny, "given": [half, sorted(special)], "left": flags(h, w, ids, mask)}


def dicts(rng, pairs=(), count=0, V=12):
    pairs = [list(pair) for pair in pairs]
    for _ in range(count):
        pairs.append([{i: rng.real(0.1, 2.0) for i in rng.sample(range(V), rng.integer(0, V))} for _ in "ab"])
    return {"pairs": pairs}


@check(points=1, inputs=dicts, lecture='weights-of-words', public=[case('one shared word', pairs=[({7: 0.5, 5: 2.0}, {5: 3.0, 1: 9.0})]), case('nothing shared', pairs=[({1: 1.0}, {2: 1.0}), ({}, {3: 1.0})])])
def shared_words_count(student, pairs):
    """The score is the sum over shared ids of the products of their weights."""
    found = []
    for a, b in pairs:
        other = {key: 2 * weight for key, weight in a.items()}
        found.append([student.sparse_score(a, b), student.sparse_score(a, other), student.sparse_score(b, a), a, b])
    return found


@check(points=1, inputs=texts, lecture='a-vector-for-each-token', public=[case('two texts and padding', lengths=[4, 3])])
def tokens_have_vectors(student, h, ids, mask, w, W, b):
    """Each token but CLS has a vector of length 1 from the linear layer, and padding has zeros."""

    def vectors(h, W, b):
        return student.colbert(h, W, b, mask)[0]

    found, real = student.colbert(h, W, b, mask)
    other, _ = student.colbert((2 * h).mT.contiguous().mT, W.T.contiguous().T, -b, mask)
    return {"vectors": found, "mask": real, "with gradients": with_gradients(vectors, h=h, W=W, b=b), "of others": other, "left": flags(h, W, b, mask)}


def vectors(rng, q_lengths, d_lengths, Cc=3, dtype="float64", dirt=0.0, holes=False, negative=False, bools=False, positive=False):
    """Unit vectors of tokens with masks; `holes`: padding stands between; `negative`: all products of real tokens are negative."""
    made = {}
    for name, lengths in (("q", q_lengths), ("d", d_lengths)):
        x = rng.normal(len(lengths), max(lengths) + 1, Cc, dtype=dtype)
        if positive:
            x = x.abs()
        if negative:
            x = x.abs() if name == "q" else -x.abs()
        mask = torch.zeros(x.shape[:2], dtype=torch.int64)
        for row, n in zip(mask, lengths, strict=True):
            row[[0, *range(2, n + 1)][:n] if holes else slice(0, n)] = 1
        x = x / x.norm(dim=-1, keepdim=True)
        made |= {name: x.masked_fill(mask.unsqueeze(-1) == 0, dirt), name + "_mask": mask.bool() if bools else mask}
    return made


def alike(rng, **options):
    """All products are positive, so that padding of zeros is never the best."""
    return vectors(rng, positive=True, **options)


def sims(student, q, q_mask, d, d_mask):
    both = {"scores": with_gradients(lambda q, d: student.maxsim(q, q_mask, d, d_mask), q=q, d=d)}
    view = q.mT.contiguous().mT, d.flip(1).mT.contiguous().mT
    return both | {"of views": student.maxsim(view[0], q_mask, view[1], d_mask.flip(1)), "other documents": student.maxsim(q, q_mask, d.flip(-1), d_mask), "exchanged": student.maxsim(d, d_mask, q, q_mask), "left": flags(q, d, *view)}


@check(points=2, inputs=alike, lecture='late-interaction', public=[case('one query, two documents', q_lengths=[2], d_lengths=[3, 3]), case('queries of different lengths', q_lengths=[3, 1], d_lengths=[4])])
def each_query_token_takes_its_best(student, q, q_mask, d, d_mask):
    """A score is the mean over real query tokens of the largest product with a token of the document."""
    return sims(student, q, q_mask, d, d_mask)


@check(points=1, inputs=vectors, lecture='late-interaction', public=[case('all products are negative', q_lengths=[2], d_lengths=[3, 1], negative=True)])
def padding_never_wins(student, q, q_mask, d, d_mask):
    """Padding takes no part, whatever it holds, also where all products of real tokens are negative."""
    return sims(student, q, q_mask, d, d_mask)


def scores(rng, B=2, N=3, scale=2.0, w=None, dtype="float64"):
    made = {name: rng.normal(B, N, scale=scale, dtype=dtype) for name in ("sd", "ss", "sc")}
    return made | {"options": {} if w is None else {"w": tuple(w)}}


@check(points=1, inputs=scores, lecture='one-score-out-of-three', public=[case('the default weights'), case('weights of 1, 0 and 1', w=(1.0, 0.0, 1.0))])
def three_scores_become_one(student, sd, ss, sc, options):
    """The score of all three is their mean with weights, which need not add up to 1."""
    found = with_gradients(lambda sd, ss, sc: student.hybrid(sd, ss, sc, **options), sd=sd, ss=ss, sc=sc)
    return {
        "score": found, "with other weights": [student.hybrid(sd, ss, sc, w=w) for w in ((0.4, 0.2, 0.4), (2.0, 1.0, 0.0))],
        "others": student.hybrid(sd.mT, -ss.mT, sc.mT, **options), "default": student.hybrid(ss, sc, sd), "left": flags(sd, ss, sc),
    }


@check(points=1, inputs=scores, lecture='each-learns-from-all', public=[case('two queries, three documents'), case('one document', N=1)])
def each_way_learns_from_all(student, sd, ss, sc, options):
    """The loss of each way is its cross entropy to the softmax of all three, which is a constant."""
    one = [x.clone().requires_grad_() for x in (sd, ss, sc)]
    loss = student.self_distill_loss(*one)
    slopes = gradients(loss, dict(zip(("sd", "ss", "sc"), one, strict=True)))
    plain = student.self_distill_loss(sd, ss, sc), student.self_distill_loss(sd, sc, ss), student.self_distill_loss(sd, ss, 2 * sc)
    return {"loss": loss, "gradients": slopes, "plain": plain, "left": flags(sd, ss, sc), "others": student.self_distill_loss(sc.flip(0), sd, ss), "of views": student.self_distill_loss(sd.mT, ss.mT, sc.mT)}
