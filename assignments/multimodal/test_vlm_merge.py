"""Public checks of multimodal/vlm_merge: run `pytest` on this file, or `autograder check multimodal/vlm_merge`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, flags, gradients, in_evaluation, leaves, raises, with_weights


IMAGE = 9


@check(points=1, lecture='room-for-an-image', public=[case('two images', ids=[1, 9, 2, 9], image_id=9, n_patches=[3, 2]), case('no image', ids=[1, 2], image_id=9, n_patches=[])])
def every_image_gets_its_room(student, ids, image_id, n_patches):
    """The k-th image token becomes as many as the k-th image has features."""
    found = student.expand_image_tokens(ids, image_id, n_patches)
    before = list(found)
    found.append(-1)
    return {"expanded": before, "ids": list(ids), "backwards": student.expand_image_tokens(ids[::-1], image_id, n_patches[::-1])}


def batch(rng, B=2, T=6, C=3, rows=None, dtype="float32", feats_dtype=None, image_id=IMAGE):
    ids = torch.tensor(rows) if rows is not None else rng.integers(image_id - 1, image_id + 2, B, T)
    N = int((ids == image_id).sum())
    return {
        "embeds": rng.normal(*ids.shape, C, dtype=dtype),
        "ids": ids,
        "image_id": image_id,
        "feats": rng.normal(N, C, dtype=feats_dtype or dtype),
    }


@check(points=2, inputs=batch, lecture='features-in-their-places', public=[case('one image', rows=[[5, 9, 9, 6]]), case('two sequences with different numbers of features', rows=[[1, 9, 9, 2, 9], [9, 1, 1, 9, 2]])])
def features_stand_in_their_places(student, embeds, ids, image_id, feats):
    """Image tokens have the features, row by row, other places keep their embeddings, and gradients reach each through its own places."""
    e, f = leaves(embeds, feats)
    out = student.merge(e, ids, image_id, f)
    return {
        "merged": out,
        "gradients": gradients([out, e * 0, f * 0], {"embeds": e, "feats": f}),
        "other features": student.merge(embeds, ids, image_id, feats + 1),
        "views": student.merge(embeds.mT.contiguous().mT, ids.mT.contiguous().mT, image_id, feats.mT.contiguous().mT),
        "left": flags(embeds, feats),
    } | alone(student, embeds, ids, image_id, feats)


def alone(student, embeds, ids, image_id, feats):
    """Gradients where one of the two is frozen, nan at image tokens, and a result that somebody writes into."""
    e, f = leaves(embeds, feats)
    blank = embeds.masked_fill((ids == image_id)[..., None], torch.nan)
    given = embeds.clone()
    own = student.merge(given, ids, image_id, feats)
    own += 1
    return {
        "frozen features": gradients([student.merge(e, ids, image_id, feats), e * 0], {"embeds": e}),
        "frozen embeddings": gradients([student.merge(embeds, ids, image_id, f), f * 0], {"feats": f}),
        "nan at image tokens": student.merge(blank, ids, image_id, feats),
        "embeds after writing into the result": given,
    }


@check(points=1, lecture='counting', public=[case('one feature too few', ids=[5, 9, 9, 9, 9], n=3, patches=[3, 2], grids=[[1, 2, 2]]), case('one feature too many', ids=[5, 9, 9], n=3, patches=[], grids=[[1, 4, 4]])])
def what_does_not_fit_is_refused(student, ids, n, patches, grids):
    """A number of features, images or grids that does not fit the image tokens raises ValueError."""
    tensor = torch.tensor([ids])
    embeds = torch.arange(len(ids) * 2.0).view(1, -1, 2)
    return {
        "merge": raises("ValueError", lambda: student.merge(embeds, tensor, IMAGE, torch.ones(n, 2))),
        "expand": raises("ValueError", lambda: student.expand_image_tokens(ids, IMAGE, patches)),
        "positions": raises("ValueError", lambda: student.mrope_positions(ids, IMAGE, [tuple(grid) for grid in grids])),
        "what fits": student.merge(embeds, tensor, ids[0], torch.ones(ids.count(ids[0]), 2)),
        "room that fits": student.expand_image_tokens(ids, IMAGE, [2] * ids.count(IMAGE)),
        "positions that fit": student.mrope_positions([1, 9, 2], IMAGE, [(1, 2, 2)]),
    }


def projection(rng, x, C, dtype="float32"):
    shapes = {"linear_1.weight": (C, x[-1]), "linear_1.bias": (C,), "linear_2.weight": (C, C), "linear_2.bias": (C,)}
    weights = {name: weight.to(getattr(torch, dtype)) for name, weight in rng.weights(shapes, gain=2.0).items()}
    return {"x": rng.normal(*x, dtype=dtype), "weights": weights}


@check(points=1, inputs=projection, lecture='the-projector', public=[case('four patches', x=[4, 5], C=3)])
def the_projector_has_two_layers(student, x, weights):
    """The projector is linear, exact GELU, linear, in both modes, with gradients to all its parameters."""
    C, Cv = weights["linear_1.weight"].shape
    layer = with_weights(student.Projector(Cv, C).to(x.dtype), weights)
    (leaf,) = leaves(x)
    out = layer(leaf)
    seen = {"out": out, "gradients": gradients([out], {"x": leaf} | dict(layer.named_parameters()))}
    frozen = with_weights(student.Projector(Cv, C).to(x.dtype), {name: weight + 1 for name, weight in weights.items()})
    frozen = frozen.requires_grad_(False).eval()
    kept = frozen(x), frozen(x * 2)
    view = x.movedim(0, -1).contiguous().movedim(-1, 0)
    return seen | {
        "frozen, in evaluation mode": kept,
        "other values": layer(x + 1),
        "a view": layer(view),
        "six dimensions": layer(x[None, None, None]),
        "left": flags(x, layer, frozen),
        "evaluation": in_evaluation(layer, lambda: layer(x)),
    }


def sequence(rng, parts, merge=2):
    """Parts: a number of text tokens, or a grid."""
    ids, grids = [], []
    for part in parts:
        if isinstance(part, int):
            ids += [rng.integer(0, 8) for _ in range(part)]
        else:
            t, h, w = part
            ids += [IMAGE] * (t * (h // merge) * (w // merge))
            grids.append((t, h, w))
    return {"ids": ids, "grids": grids, "merge": merge}


def both_ways(student, ids, grids, merge):
    """Positions of a sequence, of the same from its end to its start, and once more of the first."""
    forwards = student.mrope_positions(ids, IMAGE, grids, merge)
    whole = raises("ValueError", lambda: student.mrope_positions(ids, IMAGE, grids, 1).tolist())
    return [forwards, student.mrope_positions(ids[::-1], IMAGE, grids[::-1], merge), whole, student.mrope_positions(ids, IMAGE, grids, merge)]


@check(points=1, inputs=sequence, lecture='positions-in-three-directions', public=[case('text, image, text', parts=[1, [1, 4, 4], 2]), case('a wide image', parts=[2, [1, 2, 6], 1]), case('text alone', parts=[4])])
def images_have_rows_and_columns(student, ids, grids, merge):
    """Features of an image have a row and a column from a common start, and text goes on behind the largest position."""
    return both_ways(student, ids, grids, merge)


@check(points=1, inputs=sequence, lecture='positions-in-three-directions', public=[case('three frames of 2 x 2', parts=[1, [3, 4, 4], 2])])
def videos_have_frames(student, ids, grids, merge):
    """Features of a video have a frame as well, and what follows starts behind the largest of the three."""
    return both_ways(student, ids, grids, merge)


@check(points=1, lecture='labels', public=[case('one sequence', ids=[[5, 9, 9, 6]], image_id=9), case('no image', ids=[[5, 6]], image_id=9)])
def image_tokens_are_not_predicted(student, ids, image_id):
    """Labels are a copy of the ids, with -100 at image tokens."""
    ids = torch.tensor(ids, dtype=torch.int64)
    labels = student.mask_labels(ids, image_id)
    flat = [student.mask_labels(ids.flatten() + shift, image_id) for shift in (0, 1)]
    before = labels.clone()
    labels += 1
    flat += [student.mask_labels(ids, image_id + 1), student.mask_labels(ids.mT.contiguous().mT, image_id), student.mask_labels(ids[None, None], image_id)]
    return {"labels": before, "ids afterwards": ids, "one dimension": flat}
