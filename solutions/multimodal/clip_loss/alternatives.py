"""Right ways to write multimodal/clip_loss, done differently."""

import math

import torch
import torch.nn.functional as F
from torch import nn

from autograder.checks import alternative


@alternative("unfold, which cuts windows out of an image")
def patchify(img, P):
    if img.shape[-1] % P or img.shape[-2] % P:
        raise ValueError("P must divide the image")
    return F.unfold(img, kernel_size=P, stride=P).transpose(1, 2)


@alternative("a loop over patches")
def patchify(img, P):
    H, W = img.shape[2:]
    if H % P != 0 or W % P != 0:
        raise ValueError(f"{H} x {W} image, {P} x {P} patches")
    rows = [img[:, :, y : y + P, x : x + P].reshape(len(img), -1) for y in range(0, H, P) for x in range(0, W, P)]
    return torch.stack(rows, dim=1)


@alternative("a convolution whose weights pick single pixels")
def patchify(img, P):
    K = img.shape[1]
    if any(size % P for size in img.shape[2:]):
        raise ValueError("P does not divide the image")
    picks = torch.eye(K * P * P, dtype=img.dtype).view(-1, K, P, P)
    return F.conv2d(img, picks, stride=P).flatten(2).mT


@alternative("Tensor.unfold, height and then width")
def patchify(img, P):
    B, K, H, W = img.size()
    if divmod(H, P)[1] or divmod(W, P)[1]:
        raise ValueError
    windows = img.unfold(2, P, P).unfold(3, P, P)  # (B, K, H/P, W/P, P, P)
    return windows.permute(0, 2, 3, 1, 4, 5).contiguous().view(B, (H // P) * (W // P), K * P * P)


@alternative("as Hugging Face writes it: the convolution itself, numbers of positions in a buffer")
class ViTEmbed(nn.Module):
    def __init__(self, image_size, patch_size, dim, channels=3):
        super().__init__()
        self.image_size = image_size
        self.class_embedding = nn.Parameter(torch.zeros(dim))
        self.patch_embedding = nn.Conv2d(in_channels=channels, out_channels=dim, kernel_size=patch_size, stride=patch_size, bias=False)
        n = (image_size // patch_size) ** 2 + 1
        self.position_embedding = nn.Embedding(n, dim)
        self.register_buffer("position_ids", torch.arange(n).expand((1, -1)), persistent=False)

    def forward(self, img):
        B, _, H, W = img.shape
        if self.image_size != H or self.image_size != W:
            raise ValueError(f"Input image size ({H}*{W}) doesn't match model")
        patches = self.patch_embedding(img).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_embedding.expand(B, 1, -1), patches], dim=1)
        return tokens + self.position_embedding(self.position_ids)


@alternative("one patch after the other, into a tensor of positions")
class ViTEmbed(nn.Module):
    def __init__(self, image_size, patch_size, dim, channels=3):
        super().__init__()
        self.size, self.P = image_size, patch_size
        side = image_size // patch_size
        self.class_embedding = nn.Parameter(torch.empty(dim).uniform_(-0.02, 0.02))
        self.patch_embedding, self.position_embedding = nn.Module(), nn.Module()
        self.patch_embedding.weight = nn.Parameter(torch.randn(dim, channels, patch_size, patch_size) * 0.02)
        self.position_embedding.weight = nn.Parameter(torch.randn(side * side + 1, dim) * 0.02)

    def forward(self, img):
        if tuple(img.shape[-2:]) != (self.size,) * 2:
            raise ValueError("another size")
        P, tokens = self.P, [self.class_embedding + self.position_embedding.weight[0]]
        tokens[0] = tokens[0].repeat(img.shape[0], 1)
        for y in range(0, self.size, P):
            for x in range(0, self.size, P):
                patch = torch.einsum("bkyx,ckyx->bc", img[:, :, y : y + P, x : x + P], self.patch_embedding.weight)
                tokens.append(patch + self.position_embedding.weight[len(tokens)])
        return torch.stack(tokens, 1)


@alternative("cross-entropy with labels 0 … B-1, as OpenCLIP has it")
def clip_loss(img, txt, logit_scale):
    img, txt = F.normalize(img, dim=-1), F.normalize(txt, dim=-1)
    logits = logit_scale.clamp(max=math.log(100)).exp() * img @ txt.T
    labels = torch.arange(logits.shape[0])
    return (F.cross_entropy(logits, labels) + F.cross_entropy(logits.T, labels)) / 2


@alternative("exp first, then the limit; both directions from one stack of two tables")
def clip_loss(img, txt, logit_scale):
    img, txt = (x / x.square().sum(-1, keepdim=True).sqrt() for x in (img, txt))
    s = img @ txt.t() * logit_scale.exp().clamp(max=100)
    both = torch.stack([s, s.t()]).log_softmax(-1)
    return -both.diagonal(dim1=1, dim2=2).mean()


@alternative("logsumexp of rows and columns, minus the trace")
def clip_loss(img, txt, logit_scale):
    top = torch.full_like(logit_scale, 100.0)
    s = torch.minimum(torch.exp(logit_scale), top) * F.cosine_similarity(img[:, None], txt[None], dim=2)
    return (s.logsumexp(0).sum() + s.logsumexp(1).sum() - 2 * s.trace()) / (2 * len(s))


@alternative("one pair after the other")
def clip_loss(img, txt, logit_scale):
    scale = logit_scale.exp() if logit_scale <= math.log(100) else 0 * logit_scale + 100.0
    B, total = len(img), 0.0
    s = [[scale * (a * b).sum() / (a.norm() * b.norm()) for b in txt] for a in img]
    for i in range(B):
        row, column = torch.stack(s[i]), torch.stack([s[j][i] for j in range(B)])
        for choices in (row, column):
            m = choices.max().detach()
            total = total + (choices - m).exp().sum().log() + m - choices[i]
    return total / (2 * B)


@alternative("binary cross-entropy with logits")
def siglip_loss(img, txt, t, b):
    logits = torch.exp(t) * (F.normalize(img, dim=1) @ F.normalize(txt, dim=1).mT) + b
    return F.binary_cross_entropy_with_logits(logits, torch.eye(len(logits), dtype=logits.dtype), reduction="sum") / len(logits)


@alternative("as big_vision writes it: -1 everywhere plus 2 on the diagonal, sums of rows, their mean")
def siglip_loss(img, txt, t, b):
    zimg, ztxt = img / torch.linalg.vector_norm(img, dim=-1, keepdim=True), txt / torch.linalg.vector_norm(txt, dim=-1, keepdim=True)
    logits = torch.einsum("ic,jc->ij", zimg, ztxt) * t.exp() + b
    m1_diag1 = -torch.ones_like(logits) + 2 * torch.eye(logits.size(0), dtype=logits.dtype)
    return -F.logsigmoid(m1_diag1 * logits).sum(-1).mean()


@alternative("softplus of all pairs, with the diagonal corrected")
def siglip_loss(img, txt, t, b):
    x = t.exp() * F.cosine_similarity(img.unsqueeze(1), txt.unsqueeze(0), dim=-1) + b
    return (torch.logaddexp(x, torch.zeros_like(x)).sum() - x.diagonal().sum()) / x.shape[0]


@alternative("a text further for each image in turn, as SigLIP sends texts around")
def siglip_loss(img, txt, t, b):
    img, txt = F.normalize(img, dim=-1), F.normalize(txt, dim=-1)
    loss = 0.0
    for step in range(len(img)):
        logits = (img * txt.roll(-step, 0)).sum(-1) * t.exp() + b
        loss = loss - F.logsigmoid(logits if step == 0 else -logits).sum()
    return loss / len(img)
