"""Right ways to write tuning/adapter, done differently."""

import math

import torch
from torch import nn

from autograder.checks import alternative


@alternative("products written out, the activation from a table, numbers drawn by hand")
class Bottleneck(nn.Module):
    def __init__(self, C, m, act="gelu", init_std=1e-3):
        super().__init__()
        known = {"gelu": lambda x: x * (1 + torch.erf(x / math.sqrt(2))) / 2, "relu": lambda x: x.clamp(min=0), "tanh": torch.tanh}
        if act not in known:
            raise ValueError(act)
        self.act = known[act]
        self.down, self.up = nn.Linear(C, m), nn.Linear(m, C)
        with torch.no_grad():
            for layer in (self.down, self.up):
                layer.weight.copy_(torch.randn_like(layer.weight) * init_std)
                layer.bias.fill_(0)

    def change(self, x):
        h = self.act(x @ self.down.weight.T + self.down.bias)
        return h @ self.up.weight.T + self.up.bias

    def forward(self, x):
        return self.change(x).add(x)


@alternative("modules for the activation, as a sequence")
class Bottleneck(nn.Module):
    def __init__(self, C, m, act="gelu", init_std=1e-3):
        super().__init__()
        kinds = dict(gelu=nn.GELU, relu=nn.ReLU, tanh=nn.Tanh)
        if act not in kinds:
            raise ValueError("unknown activation")
        self.down, self.middle, self.up = nn.Linear(C, m), kinds[act](), nn.Linear(m, C)
        for name, parameter in self.named_parameters():
            parameter.data = torch.zeros_like(parameter) if name.endswith("bias") else torch.empty_like(parameter).normal_(0, init_std)

    def change(self, x):
        return nn.Sequential(self.down, self.middle, self.up)(x)

    def forward(self, x):
        return torch.add(x, self.change(x))


class Around(nn.Module):
    """A part with an adapter behind it, or beside it."""

    def __init__(self, part, adapter, beside):
        super().__init__()
        self.part, self.adapter, self.beside = part, adapter, beside
        self.training = part.training

    def forward(self, x, *args, **more):
        y = self.part(x, *args, **more)
        return y + self.adapter.change(x) if self.beside else self.adapter(y)


@alternative("another module around each part")
def insert_adapters(model, m, style="houlsby", act="gelu", norms=False):
    places = {"houlsby": ["attn", "mlp"], "pfeiffer": ["mlp"], "parallel": ["mlp"]}.get(style)
    if places is None or act not in ("gelu", "relu", "tanh"):
        raise ValueError("style or act")
    if any(isinstance(each, Around) for each in model.modules()):
        raise ValueError("twice")
    for parameter in model.parameters():
        parameter.requires_grad = False
    for module in model.modules():
        if norms and isinstance(module, nn.LayerNorm):
            module.requires_grad_(True)
    weight = model.embed.weight
    for layer in model.layers:
        for place in places:
            part = getattr(layer, place)
            adapter = Bottleneck(weight.shape[1], m, act).to(weight.device, weight.dtype)
            adapter.train(part.training)
            setattr(layer, place, Around(part, adapter, style == "parallel"))
    return model


@alternative("another module around each part")
def remove_adapters(model):
    for layer in model.layers:
        for place in ("attn", "mlp"):
            if isinstance(getattr(layer, place), Around):
                setattr(layer, place, getattr(layer, place).part)


@alternative("the class of each part changed to one that adds an adapter")
def insert_adapters(model, m, style="houlsby", act="gelu", norms=False):
    if style not in ("houlsby", "pfeiffer", "parallel"):
        raise ValueError(style)
    if any(hasattr(module, "adapter") for module in model.modules()):
        raise ValueError("there are adapters")
    width = model.width
    adapters = [[Bottleneck(width, m, act) for _ in range(2 if style == "houlsby" else 1)] for _ in model.layers]
    model.requires_grad_(False)
    for module in model.modules():
        if isinstance(module, nn.LayerNorm) and norms:
            module.requires_grad_()
    for layer, pair in zip(model.layers, adapters, strict=True):
        for part, adapter in zip((layer.attn, layer.mlp)[-len(pair) :], pair, strict=True):
            old = type(part)

            def forward(self, x, *args, **more):
                kind = type(self).__mro__[1]
                y = kind.forward(self, x, *args, **more)
                return y + self.adapter.change(x) if type(self).beside else self.adapter(y)

            part.adapter = adapter.to(model.norm.weight.dtype).train(part.training)
            part.__class__ = type(old.__name__, (old,), {"forward": forward, "beside": style == "parallel"})
    return model


@alternative("the class of each part changed to one that adds an adapter")
def remove_adapters(model):
    for part in list(model.modules()):
        if "adapter" in part._modules:
            part.__class__ = type(part).__mro__[1]
            del part.adapter


@alternative("counted from the shapes")
def adapter_params(L, C, m, style="houlsby"):
    each = {"houlsby": 2, "pfeiffer": 1, "parallel": 1}
    if style not in each:
        raise ValueError(style)
    return sum(math.prod(shape) for shape in [(m, C), (m,), (C, m), (C,)] for _ in range(each[style] * L))
