"""Wrong ways to write norm/post_ln, each with the sentence that a student should read."""

import torch
from torch import nn

from autograder.checks import mistake

CENTRE = "h = h - h.mean(-1, keepdim=True)"
VARIANCE = "variance = h.square().mean(-1, keepdim=True)"
SCALED = "y = h * torch.rsqrt(variance + eps) * w"
RETURN = "return y.to(x.dtype) if b is None else (y + b).to(x.dtype)"
SQUARES = "mean_square = wide.square().mean(-1, keepdim=True)"
ROOT = "return (wide / torch.sqrt(mean_square + eps)).to(x.dtype) * w"
FIRST = "x = self.norm1(x + self.attn(x))"
SECOND = "return self.norm2(x + self.ffn(x))"
NORMS = "self.norm1, self.norm2 = LayerNorm(C, eps), LayerNorm(C, eps)"
LN_WIDE = "    h = x.to(torch.promote_types(x.dtype, torch.float32))\n"
RMS_WIDE = "    wide = x.to(torch.promote_types(x.dtype, torch.float32))\n"

# --- layer norm ------------------------------------------------------------------------------------------------------

mistake(
    "Your layer_norm takes mean and variance over tokens and features together. Each token is normalised by itself.",
    edit={
        CENTRE: "dims = tuple(range(max(h.ndim - 2, 0), h.ndim))\n    h = h - h.mean(dims, keepdim=True)",
        VARIANCE: "variance = h.square().mean(dims, keepdim=True)",
    },
)
mistake(
    "Your layer_norm normalises each feature over the tokens, as batch norm does. It goes over the features of one token.",
    edit={CENTRE: "h = h - h.mean(0, keepdim=True)", VARIANCE: "variance = h.square().mean(0, keepdim=True)"},
)
mistake(
    "You normalise over dimension 1. The features are the last dimension, however many there are before it.",
    edit={
        CENTRE: "d = min(1, h.ndim - 1)\n    h = h - h.mean(d, keepdim=True)",
        VARIANCE: "variance = h.square().mean(d, keepdim=True)",
    },
)
mistake(
    "Your variance divides by C - 1, as `Tensor.var` and `Tensor.std` do when nothing else is said. Here it is the mean over C.",
    edit={VARIANCE: "variance = h.var(-1, keepdim=True)"},
)
mistake(
    "Your eps is added to the root, as in the annotated Transformer's code. It is added to the variance, inside the root.",
    edit={SCALED: "y = h / (variance.sqrt() + eps) * w"},
)
mistake("Your layer_norm leaves eps out: a row whose numbers are all alike becomes nan.", edit={"torch.rsqrt(variance + eps)": "torch.rsqrt(variance)"})  # fmt: skip
mistake("You divide by variance + eps and forget the root.", edit={"torch.rsqrt(variance + eps)": "1 / (variance + eps)"})  # fmt: skip
mistake(
    "Your layer_norm has an eps of its own: the argument has no effect.",
    edit={"torch.rsqrt(variance + eps)": "torch.rsqrt(variance + 1e-5)"},
)
mistake(
    "The default eps of your layer_norm is 1e-6, or that of rms_norm 1e-5. Here they are 1e-5 and 1e-6.",
    edit={
        "b: Tensor | None, eps: float = 1e-5": "b: Tensor | None, eps: float = 1e-6",
        "w: Tensor, eps: float = 1e-6": "w: Tensor, eps: float = 1e-5",
    },
)
mistake(
    "Your variance is mean of x² minus mean², which loses all digits where the mean is large. Square the differences from the mean.",
    edit={
        CENTRE: "mean = h.mean(-1, keepdim=True)",
        VARIANCE: "variance = (h.square().mean(-1, keepdim=True) - mean.square()).clamp_min(0)\n    h = h - mean",
    },
)
mistake("Your layer_norm doesn't subtract the mean. That is RMS norm.", edit={CENTRE: "h = h - 0.0"})
mistake(
    "You divide by the root of the mean of x², although the mean was subtracted above. The variance is that of the differences.",
    edit={VARIANCE: "variance = x.to(h.dtype).square().mean(-1, keepdim=True)"},
)
mistake(
    "You add b before you multiply by w. It is · w + b.",
    edit={
        SCALED: "y = h * torch.rsqrt(variance + eps)",
        RETURN: "return (y * w).to(x.dtype) if b is None else ((y + b) * w).to(x.dtype)",
    },
)
mistake("Your layer_norm doesn't multiply by w.", edit={SCALED: "y = h * torch.rsqrt(variance + eps)"})
mistake("Your layer_norm doesn't add b.", edit={RETURN: "return y.to(x.dtype)"})
mistake(
    "You treat mean and variance as constants (`detach`): gradients flow through both of them.",
    edit={CENTRE: "h = h - h.mean(-1, keepdim=True).detach()", VARIANCE: VARIANCE + ".detach()"},
)
mistake(
    "You subtract the mean from x in place. The tensor that you are given belongs to the caller.",
    edit={LN_WIDE: LN_WIDE + "    h.data.sub_(h.data.mean(-1, keepdim=True))\n"},
)

# --- RMS norm --------------------------------------------------------------------------------------------------------

mistake(
    "You divide by the length of the row, √(Σ x²). The root holds the *mean* of the squares: it is √C times smaller.",
    edit={SQUARES: "mean_square = wide.square().sum(-1, keepdim=True)"},
)
mistake("Your rms_norm subtracts the mean. Only layer norm does.", edit={RMS_WIDE: RMS_WIDE + "    wide = wide - wide.mean(-1, keepdim=True)\n"})  # fmt: skip
mistake("You divide by the mean of the squares and forget the root.", edit={"torch.sqrt(mean_square + eps)": "(mean_square + eps)"})  # fmt: skip
mistake(
    "Your rms_norm adds eps to the root. It is added to the mean of the squares, inside the root.",
    edit={"torch.sqrt(mean_square + eps)": "(mean_square.sqrt() + eps)"},
)
mistake(
    "Your rms_norm takes the larger of mean square and eps. eps is added.",
    edit={"torch.sqrt(mean_square + eps)": "torch.sqrt(mean_square.clamp_min(eps))"},
)
mistake(
    "Your rms_norm divides by the mean of |x|. It is the root of the mean of the squares.",
    edit={SQUARES: "mean_square = wide.abs().mean(-1, keepdim=True).square()"},
)
mistake(
    "You multiply by 1 + w, as Gemma's models do. Here it is w.",
    edit={ROOT: "return (wide / torch.sqrt(mean_square + eps)).to(x.dtype) * (1 + w)"},
)
mistake(
    "Your rms_norm takes the mean over all tokens. Each token is normalised by itself.",
    edit={SQUARES: "mean_square = wide.square().mean()"},
)

# --- dtypes ----------------------------------------------------------------------------------------------------------

mistake(
    "You compute RMS norm in the dtype of x. The square of 300 is too large for float16: compute in float32.",
    edit={RMS_WIDE: "    wide = x\n"},
)
mistake(
    "You compute layer norm in the dtype of x. 16 bits hold three digits: compute in float32.",
    edit={LN_WIDE: "    h = x\n"},
)
mistake(
    "Your layer_norm computes in float32 whatever the dtype. For float64 inputs compute in float64.",
    edit={LN_WIDE: "    h = x.float()\n"},
    fails=["float64_is_exact_to_the_end"],
)
mistake(
    "Your result stays in float32 when x has 16 bits. It has the dtype of x.",
    edit={ROOT: "return wide / torch.sqrt(mean_square + eps) * w", RETURN: "return y if b is None else y + b"},
)
mistake(
    "You round to 16 bits before b is added. Where they nearly cancel, the rounding is all that is left: add b in float32.",
    edit={RETURN: "return y.to(x.dtype) if b is None else y.to(x.dtype) + b"},
)
mistake(
    "You convert to float32 too late: the square was taken in 16 bits, and is infinite already.",
    edit={SQUARES: "mean_square = x.square().to(wide.dtype).mean(-1, keepdim=True)"},
)

# --- the block -------------------------------------------------------------------------------------------------------

mistake(
    "You normalise what goes into attn and ffn, and never the sums. That is Pre-LN; the first Transformer normalises x + attn(x).",
    edit={FIRST: "x = x + self.attn(self.norm1(x))", SECOND: "return x + self.ffn(self.norm2(x))"},
)
mistake(
    "You normalise the output of attn and of ffn before it is added. In Post-LN the *sum* is normalised.",
    edit={FIRST: "x = x + self.norm1(self.attn(x))", SECOND: "return x + self.norm2(self.ffn(x))"},
)
mistake(
    "Your block forgets x: it normalises attn(x) alone. The sum x + attn(x) is normalised.",
    edit={FIRST: "x = self.norm1(self.attn(x))", SECOND: "return self.norm2(self.ffn(x))"},
)
mistake(
    "In the second half you add the x that came in. Add what the first half gives.",
    edit={FIRST: "y = self.norm1(x + self.attn(x))", SECOND: "return self.norm2(x + self.ffn(y))"},
)
mistake(
    "In the second half you add the sum as it was before norm1. Add what norm1 gives.",
    edit={FIRST: "y = x + self.attn(x)", SECOND: "return self.norm2(y + self.ffn(self.norm1(y)))"},
)
mistake("Your block has one norm for both halves. Each half has its own.", edit={SECOND: "return self.norm1(x + self.ffn(x))"})  # fmt: skip
mistake(
    "attn and ffn work side by side on the same x, as in GPT-J. Here ffn gets what norm1 gives.",
    edit={FIRST: "y = self.attn(x)", SECOND: "return self.norm2(self.norm1(x + y) + self.ffn(x))"},
)
mistake("Your ffn comes first. The first Transformer's block begins with attention.", edit={FIRST: "x = self.norm1(x + self.ffn(x))", SECOND: "return self.norm2(x + self.attn(x))"})  # fmt: skip
mistake("Your block doesn't hand eps on to its norms.", edit={NORMS: "self.norm1, self.norm2 = LayerNorm(C), LayerNorm(C)"})  # fmt: skip
mistake(
    "Your block copies the modules that it is given. Keep them: somebody else may hold them too.",
    edit={
        "self.attn, self.ffn = attn, ffn": "import copy\n\n        self.attn, self.ffn = copy.deepcopy(attn), copy.deepcopy(ffn)"
    },
)
mistake(
    "Your block sets the modules that it is given to training mode. They stay in the mode that they are in.",
    edit={NORMS: NORMS + "\n        self.train()"},
)
mistake(
    "You call attn twice in one forward pass. Keep its result.",
    edit={FIRST: "self.attn(x)\n        " + FIRST},
)


@mistake("Your block normalises once, at its end. Each of the two sums has its own norm.")
class PostLNBlock(nn.Module):
    def __init__(self, C, attn, ffn, eps=1e-5):
        super().__init__()
        self.attn, self.ffn = attn, ffn
        self.norm1, self.norm2 = LayerNorm(C, eps), LayerNorm(C, eps)

    def forward(self, x):
        x = x + self.attn(x)
        return self.norm2(x + self.ffn(x))


remembered: dict[tuple[int, ...], torch.Tensor] = {}


@mistake("You remember the mean of an earlier call with the same shapes. It depends on the numbers.")
def layer_norm(x, w, b, eps=1e-5):
    h = x.to(torch.promote_types(x.dtype, torch.float32))
    if tuple(x.shape) not in remembered:
        remembered[tuple(x.shape)] = h.mean(-1, keepdim=True)
    h = h - remembered[tuple(x.shape)]
    y = h * torch.rsqrt(h.square().mean(-1, keepdim=True) + eps) * w
    return y.to(x.dtype) if b is None else (y + b).to(x.dtype)


# --- of other kinds --------------------------------------------------------------------------------------------------

mistake(
    "Your block normalises the second sum in training mode only. The two modes give the same.",
    edit={SECOND: "x = x + self.ffn(x)\n        return self.norm2(x) if self.training else x"},
)
mistake(
    "In evaluation mode no gradient flows through your block. It does in both modes.",
    edit={FIRST: "if not self.training:\n            x = x.detach()\n        " + FIRST},
)
mistake(
    "No gradient flows through your norms when x has 16 bits. It does in every dtype.",
    edit={LN_WIDE: LN_WIDE + "    h = h.detach() if h.dtype != x.dtype else h\n", RMS_WIDE: RMS_WIDE + "    wide = wide.detach() if wide.dtype != x.dtype else wide\n"},
)
mistake(
    "You leave b out where it is all zeros. Then it gets no gradient, and stays zero for ever.",
    edit={RETURN: "return y.to(x.dtype) if b is None or not b.any() else (y + b).to(x.dtype)"},
)
mistake(
    "You round eps to 16 bits. 1e-12 becomes 0 in float16, and a row of zeros nan.",
    edit={VARIANCE: VARIANCE + "\n    eps = torch.tensor(eps, dtype=x.dtype)", SQUARES: SQUARES + "\n    eps = torch.tensor(eps, dtype=x.dtype)"},
)
mistake(
    "You turn bfloat16 into float16 first. It has larger numbers than float16 can hold: turn it into float32.",
    edit={RMS_WIDE: RMS_WIDE.replace("x.to(", "(x.half() if x.dtype == torch.bfloat16 else x).to(", 1)},
)
