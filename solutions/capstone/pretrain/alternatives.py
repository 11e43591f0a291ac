"""Right ways to write capstone/pretrain, done differently."""

import math

import torch
from torch import nn

from autograder.checks import alternative


class GPT(nn.Module):
    """Learned positions, LayerNorm, torch's attention, the embedding used once more for the output."""

    def __init__(self, V, C=32, H=4):
        super().__init__()
        self.H = H
        self.embed, self.position = nn.Embedding(V, C), nn.Embedding(16, C)
        self.norm1, self.norm2, self.norm3 = nn.LayerNorm(C), nn.LayerNorm(C), nn.LayerNorm(C)
        self.qkv, self.out = nn.Linear(C, 3 * C), nn.Linear(C, C)
        self.up, self.down = nn.Linear(C, 3 * C), nn.Linear(3 * C, C)
        for p in self.parameters():
            if p.ndim > 1:
                nn.init.normal_(p, std=0.1)

    def forward(self, ids):
        x = self.embed(ids) + self.position.weight[: ids.shape[1]]
        q, k, v = (y.unflatten(-1, (self.H, -1)).transpose(1, 2) for y in self.qkv(self.norm1(x)).chunk(3, dim=-1))
        heads = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(heads.transpose(1, 2).flatten(2))
        x = x + self.down(nn.functional.gelu(self.up(self.norm2(x))))
        return self.norm3(x) @ self.embed.weight.T


@alternative("a small GPT-2: learned positions, LayerNorm, tied embeddings")
def build_model(vocab, seed):
    before = torch.get_rng_state()
    torch.manual_seed(seed)
    model = GPT(vocab)
    torch.set_rng_state(before)
    return model


class Window(nn.Module):
    """Bengio's model of 2003: the embeddings of the last tokens, one beside the other, through a network with one hidden layer."""

    def __init__(self, V, gen, E=12, F=64, W=6):
        super().__init__()
        self.W, self.E = W, E
        self.embed = nn.Parameter(torch.randn(V, E, generator=gen))
        self.inside = nn.Parameter(torch.randn(W * E, F, generator=gen) * (W * E) ** -0.5)
        self.bias = nn.Parameter(torch.zeros(F))
        self.outside = nn.Parameter(torch.randn(F, V, generator=gen) * F**-0.5)

    def forward(self, ids):
        x = self.embed[ids]
        x = nn.functional.pad(x, (0, 0, self.W - 1, 0)).unfold(1, self.W, 1).flatten(2)
        return torch.tanh(x @ self.inside + self.bias) @ self.outside


@alternative("no attention: a network that sees the last six embeddings")
def build_model(vocab, seed):
    return Window(vocab, torch.Generator().manual_seed(seed))


class Relative(nn.Module):
    """Attention whose scores have a learned bias for each distance, and nothing else that says where tokens are."""

    def __init__(self, V, C=24, H=2):
        super().__init__()
        self.H = H
        self.embed, self.head = nn.Embedding(V, C), nn.Linear(C, V)
        self.bias = nn.Parameter(torch.zeros(H, 16))
        self.q, self.k, self.v, self.o = (nn.Linear(C, C, bias=False) for _ in range(4))
        nn.init.normal_(self.embed.weight, std=0.3)
        self.mlp = nn.Sequential(nn.LayerNorm(C), nn.Linear(C, 2 * C), nn.ReLU(), nn.Linear(2 * C, C))
        self.norm, self.last = nn.LayerNorm(C), nn.LayerNorm(C)

    def forward(self, ids):
        B, T = ids.shape
        x = self.embed(ids)
        h = self.norm(x)
        q, k, v = (each(h).view(B, T, self.H, -1).transpose(1, 2) for each in (self.q, self.k, self.v))
        distance = torch.arange(T)[:, None] - torch.arange(T)
        scores = q @ k.mT / math.sqrt(q.shape[-1]) + self.bias[:, distance.clamp_min(0)]
        weights = scores.masked_fill(distance < 0, -torch.inf).softmax(-1)
        x = x + self.o((weights @ v).transpose(1, 2).reshape(B, T, -1))
        return self.head(self.last(x + self.mlp(x)))


@alternative("a learned bias for each distance")
def build_model(vocab, seed):
    with torch.random.fork_rng():
        torch.random.manual_seed(seed)
        return Relative(vocab)


alternative(
    "dropout, and projections that begin at zero, so that each block adds nothing at first",
    edit={
        "self.gate, self.up, self.down = ": "nn.init.zeros_(self.out.weight)\n        self.gate, self.up, self.down = ",
        "x = x + self.out((weights @ v).transpose(1, 2).flatten(2))": "x = x + nn.functional.dropout(self.out((weights @ v).transpose(1, 2).flatten(2)), 0.05, self.training)",
        "    with torch.enable_grad():\n        for step": "    with torch.random.fork_rng(devices=[]), torch.enable_grad():\n        torch.manual_seed(seed)\n        for step",
    },
)


@alternative("torch's AdamW with a schedule of its own, larger batches, clipped gradients")
def pretrain(ids, vocab, steps, seed):
    model = build_model(vocab, seed)
    model.train()
    gen = torch.Generator()
    gen.manual_seed(seed + 1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2, betas=(0.9, 0.95))
    T = CONTEXT
    with torch.enable_grad():
        for step in range(steps):
            for group in optimizer.param_groups:
                group["lr"] = 1e-2 * min(1.0, (step + 1) / 10, 2.0 * (1 - step / steps) + 0.05)
            starts = torch.randint(len(ids) - T, (24,), generator=gen).tolist()
            x = torch.stack([ids[i : i + T] for i in starts])
            y = torch.stack([ids[i + 1 : i + T + 1] for i in starts])
            logits = model(x)
            loss = nn.functional.cross_entropy(logits.transpose(1, 2), y)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
    return model.eval()


@alternative("Lion: only the sign of the momentum")
def pretrain(ids, vocab, steps, seed):
    model = build_model(vocab, seed)
    gen = torch.Generator().manual_seed(seed)
    parameters = list(model.parameters())
    momenta = [torch.zeros_like(p) for p in parameters]
    windows = ids.unfold(0, CONTEXT + 1, 1)
    for step in range(steps):
        rows = windows[torch.randint(0, len(windows), (16,), generator=gen)]
        with torch.enable_grad():
            logp = model(rows[:, :-1]).log_softmax(-1)
            loss = -logp.gather(-1, rows[:, 1:, None]).mean()
            found = torch.autograd.grad(loss, parameters)
        with torch.no_grad():
            lr = 0.004 * (1 - step / steps)
            for p, m, g in zip(parameters, momenta, found, strict=True):
                p.sub_(lr * torch.sign(0.9 * m + 0.1 * g))
                m.mul_(0.98).add_(0.02 * g)
    model.eval()
    return model


@alternative("inference mode, and the modes of all modules put back one by one")
def next_logits(model, prefix):
    if len(prefix) == 0:
        raise ValueError("nothing to go on from")
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.inference_mode():
            ids = torch.as_tensor(prefix, dtype=torch.long)[None]
            logits = model(ids[:, -16:])
    finally:
        for module, mode in modes.items():
            module.training = mode
    return logits[0, -1].clone()


@alternative("drawn by one uniform number and the running sum of probabilities")
def generate(model, prompt, n, temperature, gen):
    if temperature < 0.0 or len(prompt) == 0:
        raise ValueError("a temperature of 0 or more, and a prompt")
    new = []
    while len(new) < n:
        logits = next_logits(model, [*prompt, *new]).double()
        if temperature == 0:
            new.append(logits.max(0).indices.item())
            continue
        mass = torch.softmax(logits / temperature, 0).cumsum(0)
        u = torch.rand((), generator=gen, dtype=torch.float64)
        new.append(min(int((mass <= u).sum()), len(mass) - 1))
    return new


@alternative("the largest of logits with Gumbel noise")
def generate(model, prompt, n, temperature, gen):
    if len(prompt) < 1:
        raise ValueError("empty prompt")
    if temperature < 0:
        raise ValueError("negative temperature")
    recent, new = list(prompt), []
    for _ in range(n):
        scores = next_logits(model, recent)
        if temperature:
            noise = -torch.log(-torch.log(torch.rand(scores.shape, generator=gen).clamp(1e-12, 1 - 1e-7)))
            scores = scores / temperature + noise
        token = scores.argmax().item()
        recent = [*recent, token][-CONTEXT:]
        new += [token]
    return new
