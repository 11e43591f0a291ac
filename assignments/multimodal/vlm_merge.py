"""Images in the middle of a text, as LLaVA and Qwen2-VL read them: places for patches, features put in, positions in three directions.

Sizes: B sequences of T tokens with C features; N image tokens in a batch. An *image token* is an entry of ids that equals image_id.
Arguments are left as they were, may be views (sliced, transposed), and share nothing with results. A result depends on the arguments of
its own call alone.
"""

import torch
from torch import Tensor, nn


def expand_image_tokens(ids: list[int], image_id: int, n_patches: list[int]) -> list[int]:
    """Make room: the one image token that stands for an image becomes as many image tokens as the image has features.

    ids: token ids with one image token for each image. n_patches: how many features each image has, in the order of the images, 0 or more.

    Returns a new list. The k-th image token becomes n_patches[k] of them, and all other ids stay. Where the number of image tokens is not
    len(n_patches), ValueError is raised.

    >>> expand_image_tokens([1, 9, 2, 9], 9, [3, 2])
    [1, 9, 9, 9, 2, 9, 9]
    >>> expand_image_tokens([1, 9], 9, [])
    Traceback (most recent call last):
    ValueError: one image token, no image
    """
    # YOUR CODE HERE
    raise NotImplementedError("expand_image_tokens is not written yet")


def merge(embeds: Tensor, ids: Tensor, image_id: int, feats: Tensor) -> Tensor:
    """Put features of images in the places of image tokens.

    embeds (B, T, C), floating: the embeddings of the tokens, with anything at image tokens. ids (B, T), int64.
    feats (N, C), floating: the features of all images of the batch, those of the first sequence first, within a sequence in order of the text.

    Returns (B, T, C) of the dtype of embeds, whatever that of feats is: the n-th image token, counted row by row, has feats[n], all other
    places have embeds. embeds itself does not change. Gradients reach feats through image tokens, and embeds through all other places.
    Where the number of image tokens is not N, ValueError is raised: too many features are as wrong as too few.

    >>> embeds = tensor([[[1.0], [2.0], [3.0]]])
    >>> merge(embeds, tensor([[5, 9, 9]]), 9, tensor([[70.0], [80.0]]))
    tensor([[[ 1.],
             [70.],
             [80.]]])
    >>> merge(embeds, tensor([[5, 9, 9]]), 9, tensor([[70.0]]))
    Traceback (most recent call last):
    ValueError: two image tokens, one feature
    """
    # YOUR CODE HERE
    raise NotImplementedError("merge is not written yet")


class Projector(nn.Module):
    """From features of the image encoder to embeddings of the language model, as in LLaVA 1.5.

    Parameters: `linear_1.weight` (C, Cv) and `linear_1.bias` (C,), `linear_2.weight` (C, C) and `linear_2.bias` (C,), as of `nn.Linear`.
    How they begin is open.

    >>> Projector(5, 3).linear_1.weight.shape
    torch.Size([3, 5])
    """

    def __init__(self, Cv: int, C: int) -> None:
        super().__init__()
        # YOUR CODE HERE
        raise NotImplementedError("Projector.__init__ is not written yet")

    def forward(self, x: Tensor) -> Tensor:
        """x (…, Cv) of the dtype of the parameters. Returns (…, C): linear_1, then GELU, then linear_2.

        GELU is the exact one, z · Φ(z) with the distribution function Φ of the normal distribution, not its approximation by tanh.
        """
        # YOUR CODE HERE
        raise NotImplementedError("Projector.forward is not written yet")


def mrope_positions(ids: list[int], image_id: int, grids: list[tuple[int, int, int]], merge: int = 2) -> Tensor:
    """The positions of a text with images and videos, in three directions (time, height, width), as in Qwen2-VL.

    ids: the token ids of one sequence, with as many image tokens as there are features.
    grids: for each image or video, in order, (t, h, w): frames, rows and columns of patches. An image has t = 1. h and w are multiples of merge.
    merge: so many rows and so many columns of patches become one feature. So there are t · h/merge · w/merge image tokens for it, frame by
    frame, in a
        frame row by row. They stand side by side. Images may follow each other with nothing between.

    Returns int64 (3, T), as time, height, width. A token of text has the same position three times. The first token of a sequence has 0. A
    token of text behind text has one more than that. The features of an image all begin at a start s: the one in frame a, row b, column c
    (after merging) has s + a, s + b, s + c. What comes behind an image, text or image, starts at one more than the largest number that the
    image has in any direction. (Hugging Face's newer code looks at rows and columns only: it differs for videos with more frames than rows
    and columns. One check tells the difference.)

    Where image tokens and grids do not fit each other, in number or because text stands within an image, ValueError is raised.

    >>> mrope_positions([5, 9, 9, 9, 9, 6], 9, [(1, 4, 4)])  # 2 · 2 features that start at 1
    tensor([[0, 1, 1, 1, 1, 3],
            [0, 1, 1, 2, 2, 3],
            [0, 1, 2, 1, 2, 3]])
    """
    # YOUR CODE HERE
    raise NotImplementedError("mrope_positions is not written yet")


def mask_labels(ids: Tensor, image_id: int) -> Tensor:
    """The labels for training: a copy of ids (int64, any shape), with -100 at image tokens. There is no token to predict where an image is.

    -100 is what `torch.nn.functional.cross_entropy` ignores. Nothing is shifted here: that is the loss function's task.

    >>> mask_labels(tensor([5, 9, 9, 6]), 9)
    tensor([   5, -100, -100,    6])
    """
    # YOUR CODE HERE
    raise NotImplementedError("mask_labels is not written yet")
