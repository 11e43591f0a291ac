"""Right ways to write capstone/adapt, done differently."""

import copy

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.nn.utils import parametrize

from autograder.checks import alternative


class LowRank(nn.Module):
    """A weight plus a product of two thin matrices, as a parametrization of the weight."""

    def __init__(self, rows, columns, rank, gen):
        super().__init__()
        self.left = nn.Parameter(torch.zeros(rows, rank))
        self.right = nn.Parameter(torch.randn(rank, columns, generator=gen) / columns**0.5)

    def forward(self, weight):
        return weight + self.left @ self.right


@alternative("torch's parametrizations: the weight itself is computed from the frozen one and two thin matrices")
def adapt(base, ids, steps, seed):
    gen = torch.Generator()
    gen.manual_seed(seed)
    model = copy.deepcopy(base).eval()
    for p in model.parameters():
        p.requires_grad = False
    low_rank = LowRank(*model.lm_head.weight.shape, 4, gen)
    parametrize.register_parametrization(model.lm_head, "weight", low_rank)
    optimizer = torch.optim.AdamW(low_rank.parameters(), lr=0.03, weight_decay=0.0)
    windows = ids.unfold(0, CONTEXT + 1, 1)
    with torch.enable_grad():
        for _ in range(steps):
            rows = windows[torch.randint(len(windows), (16,), generator=gen)]
            loss = F.cross_entropy(model(rows[:, :-1]).transpose(1, 2), rows[:, 1:])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    optimizer.zero_grad()
    return model.eval()


@alternative("torch's parametrizations: the weight itself is computed from the frozen one and two thin matrices")
def merge(adapted):
    model = copy.deepcopy(adapted)
    weight = model.lm_head.weight.detach().clone()
    model.lm_head = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    model.lm_head.weight = nn.Parameter(weight)
    for p in model.parameters():
        p.requires_grad = True
    return model.eval()


class Rewired(nn.Module):
    """An output layer whose logits go through 1 + B A: what follows which token is exchanged behind it."""

    def __init__(self, base, rank, gen):
        super().__init__()
        n = base.out_features
        self.base = base
        self.A = nn.Parameter(torch.randn(rank, n, generator=gen) * n**-0.5)
        self.B = nn.Parameter(torch.zeros(n, rank))

    def forward(self, x):
        logits = self.base(x)
        return logits + F.linear(F.linear(logits, self.A), self.B)


@alternative("adapters behind the output layer, which mix its logits: eight numbers for each token; momentum and clipped gradients")
def adapt(base, ids, steps, seed):
    gen = torch.Generator().manual_seed(seed)
    model = copy.deepcopy(base)
    model.requires_grad_(False)
    model.lm_head = Rewired(model.lm_head, 4, gen)
    learning = [p for p in model.parameters() if p.requires_grad]
    squares, speed = [torch.zeros_like(p) for p in learning], [torch.zeros_like(p) for p in learning]
    for step in range(steps):
        starts = torch.randint(len(ids) - CONTEXT, (24,), generator=gen).tolist()
        x, y = (torch.stack([ids[i + k : i + k + CONTEXT] for i in starts]) for k in (0, 1))
        with torch.enable_grad():
            logp = model(x).log_softmax(-1)
            found = torch.autograd.grad(-logp.gather(-1, y[..., None]).mean(), learning)
        for p, g, square, v in zip(learning, found, squares, speed, strict=True):
            square.mul_(0.95).addcmul_(g, g, value=0.05)
            v.mul_(0.8).add_(g / (square.sqrt() + 1e-6))
            p.data.sub_(0.01 * (1 - 0.9 * step / steps) * v)
    return model.eval()


@alternative("adapters behind the output layer, which mix its logits: eight numbers for each token; momentum and clipped gradients")
def merge(adapted):
    layer = adapted.lm_head
    n = layer.base.out_features
    with torch.no_grad():
        weight = (torch.eye(n).double() + layer.B.double() @ layer.A.double()) @ layer.base.weight.double()
    model = copy.deepcopy(adapted)
    model.lm_head = nn.Linear(layer.base.in_features, n, bias=False)
    model.lm_head.weight.data = weight.float()
    return model.requires_grad_().eval()


@alternative("adapters around two layers, the values and the output, found by their names")
def adapt(base, ids, steps, seed):
    gen = torch.Generator().manual_seed(seed)
    model = copy.deepcopy(base).requires_grad_(False)
    for name, r in (("v_proj", 1), ("lm_head", 4)):
        setattr(model, name, LoRA(getattr(model, name), r, gen))
    learning = [p for p in model.parameters() if p.requires_grad]
    optimizer = Adam(learning)
    with torch.enable_grad():
        for step in range(steps):
            at = torch.randint(0, len(ids) - CONTEXT, (12,), generator=gen)
            rows = torch.stack([ids[i : i + CONTEXT + 1] for i in at])
            loss = F.nll_loss(model(rows[:, :-1]).log_softmax(-1).flatten(0, 1), rows[:, 1:].flatten())
            optimizer.step(loss, 0.03 * min(1, (step + 1) / 5) * (1 - step / steps) ** 0.5)
    return model.train(False)


@alternative("liked and disliked in one batch, padded to one length; the loss as a softplus")
def preference_loss(model, reference, prompts, liked, disliked, beta):
    width = max(liked.shape[1], disliked.shape[1])
    both = torch.cat([F.pad(liked, (0, width - liked.shape[1])), F.pad(disliked, (0, width - disliked.shape[1]))])
    ids = torch.cat([prompts.repeat(2, 1), both], 1)
    lengths = torch.tensor([liked.shape[1]] * len(liked) + [disliked.shape[1]] * len(disliked))
    answer = torch.arange(width) < lengths[:, None]

    def gained(which):
        logits = which(ids)[:, prompts.shape[1] - 1 : -1]
        losses = F.cross_entropy(logits.transpose(1, 2), both, reduction="none")
        yes, no = (losses * answer).sum(1).chunk(2)
        return no - yes

    with torch.no_grad():
        start = gained(reference)
    return F.softplus(-beta * (gained(model) - start)).mean()


@alternative("token after token, the logarithm of the sum in float64")
def preference_loss(model, reference, prompts, liked, disliked, beta):
    h = torch.zeros(len(prompts), dtype=torch.float64)
    for sign, answers in ((1, liked), (-1, disliked)):
        text = torch.cat([prompts, answers], dim=1)
        ours, theirs = model(text).double(), reference(text).detach().double()
        for t, token in enumerate(answers.unbind(1), start=prompts.shape[1] - 1):
            for s, logits in ((sign, ours[:, t]), (-sign, theirs[:, t])):
                h = h + s * (logits[torch.arange(len(token)), token] - logits.logsumexp(1))
    return torch.logaddexp(torch.zeros_like(h), -beta * h).mean().float()


@alternative("preferences through adapters around every layer, which are merged in the end")
def prefer(model, prompts, liked, disliked, beta, steps):
    policy, gen = copy.deepcopy(model).requires_grad_(False), torch.Generator().manual_seed(0)
    names = ["q_proj", "k_proj", "v_proj", "o_proj", "lm_head"]
    for name in names:
        setattr(policy, name, LoRA(getattr(policy, name), 4, gen))
    optimizer = Adam([p for p in policy.parameters() if p.requires_grad])
    for step in range(steps):
        with torch.enable_grad():
            loss = preference_loss(policy, model, prompts, liked, disliked, beta)
        optimizer.step(loss, 0.0025 * (1 - step / steps))
    with torch.no_grad():
        for name in names:
            setattr(policy, name, getattr(policy, name).merged())
    return policy.requires_grad_(True).eval()


@alternative("torch's AdamW on half of the pairs at a time, and a copy of the reference that is frozen")
def prefer(model, prompts, liked, disliked, beta, steps):
    policy = copy.deepcopy(model)
    policy.train()
    for p in policy.parameters():
        p.requires_grad_()
    frozen = copy.deepcopy(model).requires_grad_(False).eval()
    optimizer = torch.optim.AdamW(policy.parameters(), lr=1e-3, weight_decay=0.01)
    gen = torch.Generator().manual_seed(1)
    n = len(prompts)
    for step in range(steps):
        some = torch.randperm(n, generator=gen)[: (n + 1) // 2]
        with torch.enable_grad():
            loss = preference_loss(policy, frozen, prompts[some], liked[some], disliked[some], beta)
            optimizer.zero_grad()
            loss.backward()
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * (1 - step / steps)
        optimizer.step()
    policy.zero_grad()
    return policy.eval()


@alternative("NumPy, in float64, row after row")
def quantize(model):
    packed = {}
    for name, p in model.named_parameters():
        array = p.detach().float().numpy().astype(np.float64)
        if array.ndim == 2:
            codes, scales = np.zeros(array.shape, np.int8), np.ones(len(array), np.float32)
            for i, row in enumerate(array):
                largest = max(abs(row.min()), abs(row.max()))
                if np.float32(largest / 127) > 0:
                    scales[i] = largest / 127
                    codes[i] = np.rint(row * (127 / largest))
            packed[name], packed[name + ".scale"] = torch.from_numpy(codes), torch.from_numpy(scales)
        else:
            packed[name] = p.detach().clone()
    return packed


@alternative("NumPy, in float64, row after row")
def dequantize(packed):
    found = {}
    for name, each in packed.items():
        if each.dtype is torch.int8:
            scale = packed[name + ".scale"].numpy().astype(np.float64)
            found[name] = torch.from_numpy(np.einsum("ij,i->ij", each.numpy().astype(np.float64), scale)).float()
        elif packed.get(name.removesuffix(".scale"), each).dtype != torch.int8:
            found[name] = each.clone()
    return found


@alternative("halves away from 0, and clamped to the ends")
def quantize(model):
    packed = {}
    with torch.no_grad():
        for name, p in model.named_parameters():
            if p.dim() == 2:
                scale = torch.linalg.vector_norm(p.float(), float("inf"), dim=1, keepdim=True).div(127)
                scale.masked_fill_(scale == 0, 1.0)
                codes = ((p.float() / scale).abs() + 0.5).floor() * p.sign()
                packed |= {name: codes.clamp(-127, 127).char(), f"{name}.scale": scale.squeeze(1).clone()}
            else:
                packed[name] = p.clone().detach()
    return packed


@alternative("halves away from 0, and clamped to the ends")
def dequantize(packed):
    matrices = [name for name, each in packed.items() if each.dtype == torch.int8]
    scales = [f"{name}.scale" for name in matrices]
    plain = {name: each.clone() for name, each in packed.items() if name not in matrices + scales}
    return plain | {m: torch.diag(packed[s]) @ packed[m].float() for m, s in zip(matrices, scales, strict=True)}
