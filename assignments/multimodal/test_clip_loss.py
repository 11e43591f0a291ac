"""Public checks of multimodal/clip_loss: run `pytest` on this file, or `autograder check multimodal/clip_loss`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from math import log
import torch
from autograder.checks import case, check, flags, gradients, leaves, raises, with_gradients, with_weights


def images(rng, B=2, K=3, H=4, W=6, P=2, dtype="float32", counted=False, bad=()):
    """Images, random or with their pixels counted; `bad` are sizes (height, width, patch) that do not fit."""
    shape = (B, K, H, W)
    img = torch.arange(float(B * K * H * W)).view(shape) if counted else rng.normal(*shape, dtype=dtype)
    return {"img": img, "P": P, "bad": [list(each) for each in bad]}


@check(points=2, inputs=images, lecture='an-image-becomes-a-sequence', public=[case('two patches of one channel', B=1, K=1, H=2, W=4, P=2, counted=True, bad=[(4, 6, 4)]), case('two rows of three patches, two channels', B=1, K=2, H=4, W=6, P=2, counted=True, bad=[(5, 4, 2)])])
def patches_stand_in_reading_order(student, img, P, bad):
    """Patches go from left to right and from top to bottom, each as its channels, its rows, its columns; no pixel is left out."""
    view = img.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)  # as images come from files: channels last
    seen = {
        "patches": with_gradients(lambda img: student.patchify(img, P), img=img),
        "of views": [student.patchify(view, P), student.patchify(-view, P), student.patchify(img.mT, P), student.patchify(img[:, :1], P)],
        "pixels": student.patchify(img, 1),
        "refused": [raises("ValueError", lambda h=h, w=w, p=p: student.patchify(torch.zeros(1, 2, h, w), p)) for h, w, p in bad],
        "left": flags(img, view),
    }
    return seen


def layers(rng, B=2, K=3, S=4, P=2, C=5, dtype="float32", default=False, frozen=None):
    """Images, the weights of a layer, and how it is made."""
    N = (S // P) ** 2
    shapes = {"class_embedding": (C,), "patch_embedding.weight": (C, K, P, P), "position_embedding.weight": (N + 1, C)}
    made = {"image_size": S, "patch_size": P, "dim": C} | ({} if default else {"channels": K})
    return {"img": rng.normal(B, K, S, S, dtype=dtype), "weights": rng.weights(shapes, dtype=dtype), "made": made, "frozen": frozen}


@check(points=1, inputs=layers, lecture='the-first-layer', public=[case('four patches', B=1, K=1, S=4, P=2, C=3), case('three channels', B=2, K=3, S=2, P=1, C=4, default=True)])
def class_token_first_then_patches_with_positions(student, img, weights, made, frozen):
    """The layer gives the class token and then the projected patches in reading order, and adds row n of the positions to token n."""
    layer = with_weights(student.ViTEmbed(**made), weights)
    for name, parameter in layer.named_parameters():
        parameter.requires_grad_(name != frozen)
    (x,) = leaves(img)
    out = layer(x)
    seen = {"out": out, "gradients": gradients(out, {"img": x}), "of parameters": gradients(out, layer), "left": flags(layer, img)}
    size = made["image_size"]
    shapes = [(size + 1, size), (size, size + 1), (2 * size, 2 * size), (size * 4, size // 4 or 3)]
    shapes.append((size - made["patch_size"],) * 2)
    layer.eval()
    with torch.no_grad():
        other = with_weights(student.ViTEmbed(**made), {name: -weight for name, weight in weights.items()})
        seen["again"] = [layer(-img.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2)), layer(img[:1]), other(img), layer(img)]
        seen["other parameters"] = with_weights(layer, {name: 2 - weight for name, weight in weights.items()})(img)
        wrong = [img.new_zeros(2, img.shape[1], h, w) for h, w in shapes]
        seen["refused"] = [raises("ValueError", lambda x=x: layer(x)) for x in wrong]
    return seen | {"left after": flags(layer)}


def pairs(rng, B=3, C=4, logit_scale=1.0, bias=0.0, dtype="float64", noise=None, lengths=1.0, img=None, txt=None, same=()):
    """Vectors of images and texts. `noise`: texts lie near their images (opposite them, if negative); `same`: text j is a copy of text i."""
    kind = getattr(torch, dtype)
    if img is not None:
        img, txt = torch.tensor(img, dtype=kind), torch.tensor(txt, dtype=kind)
    else:
        img, txt = rng.normal(B, C, dtype=dtype), rng.normal(B, C, dtype=dtype)
        if noise is not None:
            txt = (img if noise > 0 else -img) + abs(noise) * txt
        for i, j in same:
            txt[j] = txt[i]
        img, txt = img * lengths, txt / lengths
    return {"img": img, "txt": txt, "scale": torch.tensor(logit_scale, dtype=kind), "bias": torch.tensor(bias, dtype=kind)}


def of_clip(student, img, txt, scale):
    view = [x.T.contiguous().T for x in (img, txt)]
    return {
        "loss": with_gradients(lambda img, txt, scale: student.clip_loss(img, txt, scale), img=img, txt=txt, scale=scale),
        "of views": student.clip_loss(*view, scale),
        "of others": student.clip_loss(view[0], view[1].flip(0) * 3 + view[1], scale),
        "exchanged": student.clip_loss(txt, img, scale),
        "at another scale": student.clip_loss(img, txt, scale / 2 - 1),
        "left": flags(img, txt, scale, *view),
    }


def of_siglip(student, img, txt, scale, bias):
    view = [x.T.contiguous().T for x in (img, txt)]
    given = {"img": img, "txt": txt, "scale": scale, "bias": bias}
    with torch.inference_mode():
        student.siglip_loss(img, txt, scale, bias)
    return {
        "loss": with_gradients(lambda img, txt, scale, bias: student.siglip_loss(img, txt, scale, bias), **given),
        "of views": student.siglip_loss(*view, scale, bias),
        "of others": student.siglip_loss(view[0], view[1].flip(0) * 3 + view[1], scale, bias),
        "exchanged": student.siglip_loss(txt, img, scale, bias),
        "at another scale": student.siglip_loss(img, txt, scale / 2 - 1, bias),
        "with another bias": student.siglip_loss(img, txt, scale, 1 - bias),
        "left": flags(img, txt, scale, bias, *view),
    }


EYE = [[3.0, 0.0], [0.0, 0.5]]


@check(points=2, inputs=pairs, lecture='each-chooses-the-other', public=[case('cosines 1 and 0', img=EYE, txt=EYE, logit_scale=0.0), case('cosines 1 and 0.6, 0 and 0.8, scale 2', img=EYE, txt=[[1.0, 0.0], [3.0, 4.0]], logit_scale=log(2)), case('three pairs', B=3, C=2, logit_scale=1.5)])
def images_choose_texts_and_texts_images(student, img, txt, scale, bias):
    """The loss is the mean of two cross-entropies, over rows and over columns of exp(logit_scale) times the table of cosines."""
    return of_clip(student, img, txt, scale)


@check(points=1, inputs=pairs, lecture='a-scale-that-is-learned', public=[case('a scale of 150 would be too much', B=3, C=2, logit_scale=log(150)), case('99 is allowed', B=3, C=2, logit_scale=log(99))])
def the_scale_is_at_most_100(student, img, txt, scale, bias):
    """Above ln 100 the loss is that of the scale 100, and logit_scale gets the gradient 0; below, nothing is changed."""
    return of_clip(student, img, txt, scale)


@check(points=1, inputs=pairs, lecture='a-question-for-each-pair', public=[case('scale 1, no bias', img=EYE, txt=EYE, logit_scale=0.0, bias=0.0), case('scale 2, bias -1', img=EYE, txt=[[1.0, 0.0], [3.0, 4.0]], logit_scale=log(2), bias=-1.0), case('three pairs', B=3, C=2, logit_scale=1.5, bias=-0.5)])
def each_pair_is_a_question_of_its_own(student, img, txt, scale, bias):
    """The loss is the sum of -log σ(±(exp(t) · cosine + b)) over all B² pairs, + on the diagonal, divided by B."""
    return of_siglip(student, img, txt, scale, bias)


@check(points=1, inputs=pairs, lecture='large-scores', public=[case('good pairs at the limit, in float32', B=3, C=4, logit_scale=4.6, bias=-2.0, noise=0.02, dtype='float32'), case('opposite pairs, scale 1000 for SigLIP', B=2, C=3, logit_scale=log(1000), bias=5.0, noise=-0.1)])
def large_scores_stay_finite(student, img, txt, scale, bias):
    """Scores of hundreds and thousands, of either sign, give finite losses and finite gradients."""
    return {"clip": of_clip(student, img, txt, scale), "siglip": of_siglip(student, img, txt, scale, bias)}
