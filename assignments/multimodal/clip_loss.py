"""CLIP and SigLIP: an image becomes a sequence of tokens, and images and texts are trained towards each other.

Sizes: B images or pairs, K channels, H × W pixels, P × P pixels in a patch, N patches of an image, C features of a vector. Tensors are float32 or
float64, and so are the results: everything is computed in the dtype of the inputs. Inputs may be views (transposed, sliced); they are not
changed. What a call returns does not depend on earlier calls (nor, in a layer, on what its parameters were
then), and nothing else is left behind: training modes and `requires_grad` stay as they were.
Gradients flow to all tensors that are given and to all parameters.

The losses take vectors of any length: cosines are computed inside, cos(x, y) = x · y / (|x| |y|). No vector is zero.
"""

import math

import torch
from torch import Tensor, nn


def patchify(img: Tensor, P: int) -> Tensor:
    """Cut images into square patches, and write each patch as one row of numbers.

    img: (B, K, H, W). Returns (B, N, K·P·P) with N = (H / P) · (W / P).

    Patches stand in reading order: those of the top row from left to right, then those of the next row. In a patch the numbers of
    channel 0 come first, then those of channel 1, and so on; in a channel row by row. That is the order of a convolution's weight, so
    the convolution with weight w (C, K, P, P), stride P and no bias is `patchify(img, P) @ w.flatten(1).T`. (The package vit-pytorch has
    the channels of a pixel beside each other, (P, P, K); that costs one check.)

    The result may share memory with img, or not. ValueError unless P divides H and W: no pixel is left out.

    >>> patchify(torch.arange(8.0).view(1, 1, 2, 4), 2)  # rows 0 1 2 3 and 4 5 6 7
    tensor([[[0., 1., 4., 5.], [2., 3., 6., 7.]]])
    >>> patchify(torch.arange(4.0).view(1, 2, 1, 2), 1)  # channels 0 1 and 2 3
    tensor([[[0., 2.], [1., 3.]]])
    >>> patchify(torch.zeros(1, 3, 4, 6), 4)
    Traceback (most recent call last):
    ValueError: 4 does not divide 6
    """
    # YOUR CODE HERE
    raise NotImplementedError("patchify is not written yet")


class ViTEmbed(nn.Module):
    """The first layer of a vision transformer: patches become tokens, a class token stands before them, and positions are added.

    ViTEmbed(image_size=S, patch_size=P, dim=C, channels=K) is for images of S × S pixels, where P divides S. Its parameters are those of
    CLIP in Hugging Face, and have these names and shapes; there are no others:

    - `class_embedding` (C,), the class token, the same for every image;
    - `patch_embedding.weight` (C, K, P, P), the weight of a convolution with stride P, without a bias;
    - `position_embedding.weight` (N + 1, C), with N = (S / P)²; row 0 is for the class token, row 1 for the first patch, and so on.

    Their first values are left open.
    """

    def __init__(self, image_size: int, patch_size: int, dim: int, channels: int = 3) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("ViTEmbed.__init__ is not written yet")

    def forward(self, img: Tensor) -> Tensor:
        """img: (B, K, S, S). Returns (B, N + 1, C): the class token, then the patches in reading order, each with its position.

        ValueError for an image of another height or width, also if it has as many patches.
        """
        # YOUR CODE HERE
        raise NotImplementedError("ViTEmbed.forward is not written yet")


def clip_loss(img: Tensor, txt: Tensor, logit_scale: Tensor) -> Tensor:
    """The loss of CLIP: each image chooses its text, each text its image.

    img, txt: (B, C), the vectors of B pairs, B >= 1: img[i] and txt[i] belong together.
    logit_scale: (), the logarithm of the scale; it is learned, and begins at ln(1 / 0.07).

    The scores are s_ij = min(exp(logit_scale), 100) · cos(img_i, txt_j). Of the table s, each row is a classification of an image among the B
    texts, each column one of a text among the B images, and the right class of row i and of column i is i. The loss is half the sum of
    the two mean cross-entropies:

        loss = -1/2 · (1/B Σ_i log softmax(row i)_i + 1/B Σ_i log softmax(column i)_i)

    Returns a tensor of shape (). Above ln 100 the scale is 100 and the gradient of logit_scale is 0. At exactly ln 100 that gradient is
    not asked for, nor where exp(logit_scale) is infinite in floating point. (That limit is from the paper.
    Hugging Face's model has none in its loss, others change the parameter after each step of training: one check, and no other, tells the
    difference.) There is no limit below: 0.001 is a scale like others.

    >>> x = tensor([[3.0, 0.0], [0.0, 0.5]])
    >>> clip_loss(x, x, tensor(0.0))  # cosines 1 and 0, scale 1: ln(1 + e) - 1
    tensor(0.3133)
    >>> clip_loss(x, x, tensor(math.log(2)))  # scale 2
    tensor(0.1269)
    >>> clip_loss(x, tensor([[1.0, 0.0], [3.0, 4.0]]), tensor(0.0))  # cosines 1 and 0.6, 0 and 0.8
    tensor(0.4489)
    """
    # YOUR CODE HERE
    raise NotImplementedError("clip_loss is not written yet")


def siglip_loss(img: Tensor, txt: Tensor, t: Tensor, b: Tensor) -> Tensor:
    """The loss of SigLIP: each of the B · B pairs of an image and a text is a question of its own, do they belong together?

    img, txt: (B, C) as in `clip_loss`. t: (), the logarithm of the scale, which begins at ln 10. b: (), a bias, which begins at -10. Both are
    learned. There is no limit for the scale here.

    With z_ij = 1 if i = j and -1 otherwise, and the logistic function σ(x) = 1 / (1 + e^-x):

        loss = -1/B Σ_i Σ_j log σ(z_ij · (exp(t) · cos(img_i, txt_j) + b))

    The sum over all B² pairs is divided by B, the number of images. Returns a tensor of shape (). It is right for large scores of
    either sign, where σ is 0 in floating point.

    >>> x = tensor([[3.0, 0.0], [0.0, 0.5]])
    >>> siglip_loss(x, x, tensor(0.0), tensor(0.0))  # (2 ln(1 + e^-1) + 2 ln 2) / 2
    tensor(1.0064)
    >>> siglip_loss(x, x, tensor(math.log(2)), tensor(-1.0))  # (2 ln(1 + e^-1) + 2 ln(1 + e^-1)) / 2
    tensor(0.6265)
    >>> siglip_loss(x[:1], x[:1], tensor(0.0), tensor(-1.0))  # ln 2
    tensor(0.6931)
    """
    # YOUR CODE HERE
    raise NotImplementedError("siglip_loss is not written yet")
