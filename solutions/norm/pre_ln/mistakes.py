"""Wrong ways to write norm/pre_ln, each with the sentence that a student should read."""

from torch import nn

from autograder.checks import mistake

ATTN = 'x = x + layer["attn"](layer["norm1"](x))'
FFN = 'x = x + layer["ffn"](layer["norm2"](x))'
END = "return self.norm(x)"
LOOP = "for layer in self.layers:"
NORMS = "norm1, norm2 = nn.LayerNorm(C, eps), nn.LayerNorm(C, eps)"
LAST = "self.norm = nn.LayerNorm(C, eps)"
APPEND = 'self.layers.append(nn.ModuleDict({"norm1": norm1, "attn": attn, "norm2": norm2, "ffn": ffn}))'
LOSS = "loss = (y * r).sum(-1).mean()"
GRADS = "gradients = torch.autograd.grad(loss, [ffn.down for _, ffn in sublayers])"
RETURN = "return [gradient.norm().item() for gradient in gradients]"
TOY = "sublayers, x, r = toy_model(L, C, seed)"
PRE = "y = PreLNStack(C, sublayers).to(x.dtype)(x)"
POST1 = "y = nn.functional.layer_norm(y + attn(y), (C,))"
POST2 = "y = nn.functional.layer_norm(y + ffn(y), (C,))"

# --- the stream ------------------------------------------------------------------------------------------------------

mistake(
    "You normalise the stream itself: x becomes norm(x) + attn(norm(x)). Add to x as it was; only what a part reads is normalised.",
    edit={
        ATTN: 'x = layer["norm1"](x)\n            x = x + layer["attn"](x)',
        FFN: 'x = layer["norm2"](x)\n            x = x + layer["ffn"](x)',
    },
)
mistake(
    "You normalise after each sum. That is Post-LN; in Pre-LN the norm stands before the part, and the sum stays as it is.",
    edit={ATTN: 'x = layer["norm1"](x + layer["attn"](x))', FFN: 'x = layer["norm2"](x + layer["ffn"](x))'},
)
mistake(
    "You normalise what the parts give, not what they read: x + norm(attn(x)).",
    edit={ATTN: 'x = x + layer["norm1"](layer["attn"](x))', FFN: 'x = x + layer["norm2"](layer["ffn"](x))'},
)
mistake("The norm after the last layer is missing: a Pre-LN stream has any size at its end.", edit={END: "return x"})
mistake(
    "You apply the norm of the end after every layer. It comes once, after the last one.",
    edit={FFN: FFN + "\n            x = self.norm(x)", END: "return x"},
)
mistake("You apply the norm of the end twice.", edit={END: "return self.norm(self.norm(x))"})
mistake(
    "You apply the norm of the end to the input of the first layer. It comes after the last one.",
    edit={LOOP: "x = self.norm(x)\n        " + LOOP, END: "return x"},
)
mistake(
    "Your ffn reads norm1(x). Each part has a norm of its own: norm2.",
    edit={FFN: 'x = x + layer["ffn"](layer["norm1"](x))'},
)
mistake(
    "Your ffn reads the stream without a norm. Both parts read a normalised copy.",
    edit={FFN: 'x = x + layer["ffn"](x)'},
)
mistake(
    "Your attn reads the stream without a norm. Both parts read a normalised copy.",
    edit={ATTN: 'x = x + layer["attn"](x)'},
)
mistake(
    "attn and ffn read the same x side by side, as in GPT-J. Here ffn reads the stream after attn has added to it.",
    edit={ATTN: 'y = x + layer["attn"](layer["norm1"](x))', FFN: 'x = y + layer["ffn"](layer["norm2"](x))'},
)
mistake(
    "Your ffn comes before attn. In each layer attn comes first.",
    edit={ATTN: "pass", FFN: FFN + "\n            " + ATTN},
)
mistake("Your layers run from the last to the first.", edit={LOOP: "for layer in reversed(self.layers):"})
mistake("Your stack runs its first layer only.", edit={LOOP: "for layer in self.layers[:1]:"})
mistake(
    "You forget to add: the stream becomes what ffn gives.",
    edit={FFN: 'x = layer["ffn"](layer["norm2"](x))'},
)
mistake(
    "You add in place, so the caller's x changes. Write x = x + … instead.",
    edit={ATTN: 'x += layer["attn"](layer["norm1"](x)).detach()'},
)
mistake(
    "You cut the gradient of the stream (`detach`). Through the stream it reaches every layer directly.",
    edit={FFN: 'x = x.detach() + layer["ffn"](layer["norm2"](x))'},
)
mistake(
    "You cut the gradient of what the parts read. It flows through the norms as well.",
    edit={ATTN: 'x = x + layer["attn"](layer["norm1"](x).detach())'},
)
mistake(
    "You scale the stream by 1/√2 after each sum. Nothing happens to it but the sums.",
    edit={FFN: FFN + " * 0.5**0.5"},
)
mistake(
    "You normalise without subtracting the mean, as RMS norm does. These are layer norms.",
    edit={
        END: "mean_square = x.square().mean(-1, keepdim=True)\n"
        "        return x * torch.rsqrt(mean_square + self.norm.eps) * self.norm.weight + self.norm.bias"
    },
)

# --- building --------------------------------------------------------------------------------------------------------

mistake("Both norms of a layer are one module. Each has weights of its own.", edit={NORMS: "norm1 = norm2 = nn.LayerNorm(C, eps)"})  # fmt: skip
mistake(
    "All layers share their norms. Each layer has two of its own.",
    edit={
        "self.layers = nn.ModuleList()": "self.layers = nn.ModuleList()\n        " + NORMS,
        "            " + NORMS + "\n": "",
    },
)
mistake("Your layers do not get the eps that was given.", edit={NORMS: "norm1, norm2 = nn.LayerNorm(C), nn.LayerNorm(C)"})  # fmt: skip
mistake("The norm of the end does not get the eps that was given.", edit={LAST: "self.norm = nn.LayerNorm(C)"})
mistake(
    "You copy the parts. Keep the modules that you were given: somebody else may hold them too.",
    edit={APPEND: "import copy\n\n            attn, ffn = copy.deepcopy(attn), copy.deepcopy(ffn)\n            " + APPEND},
)
mistake(
    "You set the parts to training mode. They stay in the mode that they are in.",
    edit={LAST: LAST + "\n        self.train()"},
)
mistake(
    "You take the pairs out of the caller's list. Read it only.",
    edit={"for attn, ffn in sublayers:\n            norm1": "while sublayers:\n            attn, ffn = sublayers.pop(0)\n            norm1"},
)  # fmt: skip
mistake(
    "You thaw the parts: what was frozen requires gradients afterwards.",
    edit={LAST: LAST + "\n        self.requires_grad_()"},
)
mistake(
    "Your norms begin with random weights. At first they are 1 and 0.",
    edit={LAST: LAST + "\n        nn.init.normal_(self.norm.weight)"},
)


@mistake("Your layers stand in an ordinary list, so torch does not know them and their weights have no names. Use nn.ModuleList.")
class PreLNStack(nn.Module):
    def __init__(self, C, sublayers, eps=1e-5):
        super().__init__()
        self.layers = [(nn.LayerNorm(C, eps), attn, nn.LayerNorm(C, eps), ffn) for attn, ffn in sublayers]
        self.norm = nn.LayerNorm(C, eps)

    def forward(self, x):
        for norm1, attn, norm2, ffn in self.layers:
            x = x + attn(norm1(x))
            x = x + ffn(norm2(x))
        return self.norm(x)


# --- the profile -----------------------------------------------------------------------------------------------------

mistake(
    "You give the gradient of `ffn.up`. Asked for is that of `ffn.down`, the last matrix of a layer.",
    edit={GRADS: GRADS.replace("ffn.down", "ffn.up")},
)
mistake(
    "You give the gradient of the matrix in attn. Asked for is that of `ffn.down`.",
    edit={GRADS: "gradients = torch.autograd.grad(loss, [attn.out for attn, _ in sublayers])"},
)
mistake("You give the square of the norm.", edit={RETURN: "return [gradient.square().sum().item() for gradient in gradients]"})  # fmt: skip
mistake(
    "You give the largest singular value. The Frobenius norm is the root of the sum of all squares.",
    edit={RETURN: "return [torch.linalg.matrix_norm(gradient, 2).item() for gradient in gradients]"},
)
mistake(
    "You give the root of the *mean* of the squares. The Frobenius norm takes their sum.",
    edit={RETURN: "return [gradient.square().mean().sqrt().item() for gradient in gradients]"},
)
mistake("You give the norm of the weights, not of their gradients.", edit={RETURN: "return [ffn.down.norm().item() for _, ffn in sublayers]"})  # fmt: skip
mistake("Your profile runs from the last layer to the first.", edit={RETURN: RETURN.replace("in gradients", "in gradients[::-1]")})  # fmt: skip
mistake("Your loss is the sum over the tokens. It is their mean.", edit={LOSS: "loss = (y * r).sum()"})
mistake("Your loss is the mean over the features too. It is their sum.", edit={LOSS: "loss = (y * r).mean()"})
mistake("Your loss is the mean over the sequences, and a sum over their tokens.", edit={LOSS: "loss = (y * r).sum((1, 2)).mean()"})  # fmt: skip
mistake("Your loss is a square, not Σ y · r.", edit={LOSS: "loss = y.square().sum(-1).mean()"})
mistake(
    "With kind \"pre\" the norm at the end is missing.",
    edit={PRE: "stack = PreLNStack(C, sublayers).to(x.dtype)\n        stack.norm = nn.Identity()\n        y = stack(x)"},
)
mistake(
    "With kind \"post\" you add a norm at the end. The last sum has its norm already.",
    edit={POST2: POST2 + "\n        y = nn.functional.layer_norm(y, (C,), eps=0.1)"},
)
mistake("With kind \"post\" the norm after attn is missing.", edit={POST1: "y = y + attn(y)"})
mistake("Your kind \"post\" is Pre-LN as well.", edit={POST1: "y = y + attn(nn.functional.layer_norm(y, (C,)))", POST2: "y = y + ffn(nn.functional.layer_norm(y, (C,)))"})  # fmt: skip
mistake("You ignore the seed.", edit={TOY: "sublayers, x, r = toy_model(L, C, 0)"})
mistake("You ignore C.", edit={TOY: TOY, "def grad_profile(kind: str, L: int, C: int = 64, seed: int = 0) -> list[float]:": "def grad_profile(kind: str, L: int, C: int = 64, seed: int = 0) -> list[float]:\n    C = 64"})  # fmt: skip
mistake("You take a kind that does not exist for \"post\". Raise a ValueError.", edit={'if kind not in ("pre", "post"):': "if False:"})  # fmt: skip
mistake(
    "You compute in float32. Everything is float64 here, as `toy_model` gives it.",
    edit={
        PRE: "sublayers = [(attn.float(), ffn.float()) for attn, ffn in sublayers]\n        y = PreLNStack(C, sublayers).float()(x.float())",
    },
)
mistake(
    "You seed torch's own random numbers. Somebody else's numbers then repeat; `toy_model` has a generator of its own.",
    edit={TOY: "torch.manual_seed(seed)\n    " + TOY},
)

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake(
    "In evaluation mode no gradient comes back through your stack to x. It flows in both modes.",
    edit={LOOP: "if not self.training:\n            x = x.detach()\n        " + LOOP},
)
mistake(
    "Your norm at the end works in training mode only. The two modes give the same.",
    edit={END: "return self.norm(x) if self.training else x"},
)
mistake(
    "You keep the stream within what float16 can hold. Nothing happens to it but the sums.",
    edit={FFN: "x = (x + layer[\"ffn\"](layer[\"norm2\"](x))).clamp(-65504, 65504)"},
)
mistake(
    "You take \"Pre\" for \"pre\". Any other kind is a ValueError.",
    edit={'if kind not in ("pre", "post"):': 'kind = kind.lower()\n    if kind not in ("pre", "post"):'},
)
mistake(
    "You look at the beginning of `kind` only. Any other kind is a ValueError.",
    edit={'if kind not in ("pre", "post"):': 'if not kind.startswith(("pre", "post")):', 'if kind == "pre":': 'if kind.startswith("pre"):'},
)
mistake(
    "You change torch's default dtype to float64. It stays as it was: everything that you compute with is float64 already.",
    edit={TOY: "torch.set_default_dtype(torch.float64)\n    " + TOY},
)
mistake("Without layers the norm at the end has the usual eps. The eps that is given belongs to it, too.", edit={"self.norm = nn.LayerNorm(C, eps)": "self.norm = nn.LayerNorm(C, eps) if sublayers else nn.LayerNorm(C)"})
mistake(
    "You set torch's default dtype to float32 in the end. It stays as it was, and it may be another one before your call.",
    edit={RETURN: "torch.set_default_dtype(torch.float32)\n    " + RETURN},
)
mistake(
    "You take every kind that begins with \"pre\". Any other kind than \"pre\" and \"post\" is a ValueError.",
    edit={
        'if kind not in ("pre", "post"):': 'if kind != "post" and not kind.startswith("pre"):',
        'if kind == "pre":': 'if kind.startswith("pre"):',
    },
)
mistake(
    "You take an eps of 0 for one that was not given. It is a number like others: each norm gets it.",
    edit={"self.layers = nn.ModuleList()": "eps = eps or 1e-5\n        self.layers = nn.ModuleList()"},
)
mistake(
    "You call `forward` of the parts, which leaves out hooks that somebody has put on them. Call the parts themselves.",
    edit={ATTN: ATTN.replace('["attn"](', '["attn"].forward('), FFN: FFN.replace('["ffn"](', '["ffn"].forward(')},
)
mistake(
    "Your stack goes through the caller's list at each call. The list may have changed by then: keep the modules in your own.",
    edit={
        LAST: LAST + "\n        self.sublayers = sublayers",
        LOOP: "for layer, (attn, ffn) in zip(self.layers, self.sublayers):",
        ATTN: 'x = x + attn(layer["norm1"](x))',
        FFN: 'x = x + ffn(layer["norm2"](x))',
    },
)


class _Squares(nn.LayerNorm):
    def forward(self, x):
        mean = x.mean(-1, keepdim=True)
        variance = (x.square().mean(-1, keepdim=True) - mean.square()).clamp(min=0)
        return (x - mean) / (variance + self.eps).sqrt() * self.weight + self.bias


@mistake(
    "Your norm takes the variance as the mean of x² minus the squared mean. Where the mean is large, both are nearly the same "
    "number, and little is left of the difference. Subtract the mean first."
)
class PreLNStack(nn.Module):
    def __init__(self, C, sublayers, eps=1e-5):
        super().__init__()
        self.layers = nn.ModuleList()
        for attn, ffn in sublayers:
            parts = {"norm1": _Squares(C, eps), "attn": attn, "norm2": _Squares(C, eps), "ffn": ffn}
            self.layers.append(nn.ModuleDict(parts))
        self.norm = _Squares(C, eps)

    def forward(self, x):
        for layer in self.layers:
            x = x + layer["attn"](layer["norm1"](x))
            x = x + layer["ffn"](layer["norm2"](x))
        return self.norm(x)
