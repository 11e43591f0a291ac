"""Wrong ways to write norm/sandwich_ln, each with the sentence that a student should read."""

from torch import nn

from autograder.checks import mistake

ATTN = "x = x + self.norm2(self.attn(self.norm1(x)))"
FFN = "return x + self.norm4(self.ffn(self.norm3(x)))"
NORMS = "self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(C, eps) for _ in range(4))"
KEEP = "self.attn, self.ffn = attn, ffn"
Z = "z = q / (alpha * q.shape[-1] ** 0.5) @ k.mT"
WEIGHTS = "return ((z - z.amax(-1, keepdim=True)) * alpha).softmax(-1)"

# --- the block -------------------------------------------------------------------------------------------------------

mistake(
    "Your second norm stands after the sum, on the stream itself. It belongs between the part and the sum.",
    edit={ATTN: "x = self.norm2(x + self.attn(self.norm1(x)))", FFN: "return self.norm4(x + self.ffn(self.norm3(x)))"},
)
mistake(
    "That is Pre-LN: nothing bounds what a part gives. Normalise it again before it is added.",
    edit={ATTN: "x = x + self.attn(self.norm1(x))", FFN: "return x + self.ffn(self.norm3(x))"},
)
mistake(
    "You normalise what the parts give, but not what they read. Sandwich-LN does both.",
    edit={ATTN: "x = x + self.norm2(self.attn(x))", FFN: "return x + self.norm4(self.ffn(x))"},
)
mistake("Only your ffn stands between two norms. attn does as well.", edit={ATTN: "x = x + self.attn(self.norm1(x))"})
mistake("Only your attn stands between two norms. ffn does as well.", edit={FFN: "return x + self.ffn(self.norm3(x))"})
mistake(
    "One norm serves both sides of a part. Each of the four has weights of its own.",
    edit={ATTN: "x = x + self.norm1(self.attn(self.norm1(x)))", FFN: "return x + self.norm3(self.ffn(self.norm3(x)))"},
)
mistake(
    "attn and ffn share their norms. Each of the four has weights of its own.",
    edit={FFN: "return x + self.norm2(self.ffn(self.norm1(x)))"},
)
mistake(
    "norm1 and norm2 are exchanged, and so are norm3 and norm4. They are numbered in the order in which they are used.",
    edit={ATTN: "x = x + self.norm1(self.attn(self.norm2(x)))", FFN: "return x + self.norm3(self.ffn(self.norm4(x)))"},
)
mistake(
    "You number the norms before the parts first: norm1, norm2, then those after them. The order is norm1, attn, norm2, norm3, ffn, norm4.",
    edit={ATTN: "x = x + self.norm3(self.attn(self.norm1(x)))", FFN: "return x + self.norm4(self.ffn(self.norm2(x)))"},
)
mistake(
    "Your stream is normalised: x becomes norm1(x) before anything is added to it.",
    edit={ATTN: "x = self.norm1(x)\n        x = x + self.norm2(self.attn(x))"},
)
mistake("You forget to add the stream: x becomes what attn gives.", edit={ATTN: "x = self.norm2(self.attn(self.norm1(x)))"})  # fmt: skip
mistake("You forget to add the stream in the second half.", edit={FFN: "return self.norm4(self.ffn(self.norm3(x)))"})
mistake(
    "ffn reads the x that came in. It reads the stream after attn has added to it.",
    edit={ATTN: "y = x + self.norm2(self.attn(self.norm1(x)))", FFN: "return y + self.norm4(self.ffn(self.norm3(x)))"},
)
mistake(
    "Your second half adds to the x that came in, so what attn gave is lost.",
    edit={ATTN: "y = x + self.norm2(self.attn(self.norm1(x)))", FFN: "return x + self.norm4(self.ffn(self.norm3(y)))"},
)
mistake("Your ffn comes before attn.", edit={ATTN: "x = x + self.norm4(self.ffn(self.norm3(x)))", FFN: "return x + self.norm2(self.attn(self.norm1(x)))"})  # fmt: skip
mistake("You call attn twice. Keep its result.", edit={ATTN: "self.attn(self.norm1(x))\n        " + ATTN})
mistake("Your norms do not get the eps that was given.", edit={NORMS: NORMS.replace("(C, eps)", "(C)")})
mistake(
    "The norms after the parts do not get the eps that was given.",
    edit={
        NORMS: "self.norm1, self.norm3 = nn.LayerNorm(C, eps), nn.LayerNorm(C, eps)\n"
        "        self.norm2, self.norm4 = nn.LayerNorm(C), nn.LayerNorm(C)"
    },
)
mistake("Your default eps is 1e-6. It is 1e-5.", edit={"eps: float = 1e-5": "eps: float = 1e-6"})
mistake(
    "The norms after the parts begin with the weight 0, so that a fresh block changes nothing. Here they begin with 1.",
    edit={NORMS: NORMS + "\n        nn.init.zeros_(self.norm2.weight)\n        nn.init.zeros_(self.norm4.weight)"},
)
mistake(
    "You copy the parts. Keep the modules that you were given: somebody else may hold them too.",
    edit={KEEP: "import copy\n\n        self.attn, self.ffn = copy.deepcopy(attn), copy.deepcopy(ffn)"},
)
mistake("You set the parts to training mode. They stay in the mode that they are in.", edit={NORMS: NORMS + "\n        self.train()"})  # fmt: skip
mistake("You thaw the parts: what was frozen requires gradients afterwards.", edit={NORMS: NORMS + "\n        self.requires_grad_()"})  # fmt: skip
mistake(
    "You cut the gradient of what a part gives, where it is normalised. It flows through all four norms.",
    edit={ATTN: "x = x + self.norm2(self.attn(self.norm1(x)).detach())"},
)


@mistake("Your norms are RMS norms, as Gemma 2 has them: the mean stays. Here they are layer norms.")
class SandwichBlock(nn.Module):
    def __init__(self, C, attn, ffn, eps=1e-5):
        super().__init__()
        self.attn, self.ffn = attn, ffn
        self.norm1, self.norm2, self.norm3, self.norm4 = (nn.LayerNorm(C, eps) for _ in range(4))

    def rms(self, norm, x):
        return nn.functional.rms_norm(x, x.shape[-1:], norm.weight, norm.eps) + norm.bias

    def forward(self, x):
        x = x + self.rms(self.norm2, self.attn(self.rms(self.norm1, x)))
        return x + self.rms(self.norm4, self.ffn(self.rms(self.norm3, x)))


# --- the weights -----------------------------------------------------------------------------------------------------

mistake(
    "alpha is divided out and never multiplied back in, so your weights are those of a temperature of alpha.",
    edit={WEIGHTS: "return (z - z.amax(-1, keepdim=True)).softmax(-1)"},
)
mistake(
    "alpha is multiplied in, but never divided out, so your weights are far too sharp.",
    edit={Z: "z = q / q.shape[-1] ** 0.5 @ k.mT"},
)
mistake(
    "You divide after the product, when it is infinite in float16 already. Divide q first.",
    edit={Z: "z = q @ k.mT / (alpha * q.shape[-1] ** 0.5)"},
)
mistake(
    "You divide by √D before the product and by alpha after it. In float16 q kᵀ / √D can be infinite: divide q by both.",
    edit={Z: "z = q / q.shape[-1] ** 0.5 @ k.mT / alpha"},
)
mistake(
    "You ignore alpha and use the ordinary softmax. In float16 the scores overflow before the softmax can subtract anything.",
    edit={Z: "z = q / q.shape[-1] ** 0.5 @ k.mT", WEIGHTS: "return z.softmax(-1)"},
)
mistake(
    "You multiply by alpha before you subtract the maximum. In float16 that overflows.",
    edit={WEIGHTS: "z = z * alpha\n    return (z - z.amax(-1, keepdim=True)).softmax(-1)"},
)
mistake(
    "You subtract one maximum for each head, as some code does. A query whose scores are all far below gets no weights: each has its own.",
    edit={"z.amax(-1, keepdim=True)": "z.amax((-2, -1), keepdim=True)"},
    fails=["float16_does_not_overflow"],
)
mistake(
    "You subtract one maximum for everything. Each query has its own.",
    edit={"z.amax(-1, keepdim=True)": "z.amax()"},
)
mistake(
    "You subtract the maximum over the queries. It is the maximum over the keys, the last dimension.",
    edit={"z.amax(-1, keepdim=True)": "z.amax(-2, keepdim=True)"},
)
mistake("You subtract the mean of the scores. In float16 the largest can still overflow: subtract the maximum.", edit={"z.amax(-1, keepdim=True)": "z.mean(-1, keepdim=True)"})  # fmt: skip
mistake("You subtract nothing. Multiplied by alpha, the scores overflow again.", edit={WEIGHTS: "return (z * alpha).softmax(-1)"})  # fmt: skip
mistake(
    "You subtract the minimum. The numbers that are left must be 0 or negative: subtract the maximum.",
    edit={"z.amax(-1": "z.amin(-1"},
)
mistake("Your softmax runs over the queries. A query's weights sum to 1 over the keys.", edit={"* alpha).softmax(-1)": "* alpha).softmax(-2)"})  # fmt: skip
mistake("You scale by 1/D. It is 1/√D.", edit={"q.shape[-1] ** 0.5": "q.shape[-1]"})
mistake("You forget √D.", edit={"(alpha * q.shape[-1] ** 0.5)": "alpha"})
mistake("Your root is that of the number of keys. It is √D, with the features of a head.", edit={"q.shape[-1] ** 0.5": "k.shape[-2] ** 0.5"})  # fmt: skip
mistake("Your default of alpha is 1. It is 32.", edit={"alpha: float = 32.0": "alpha: float = 1.0"})
mistake(
    "You use 32 whatever alpha is. In float16 the right size depends on the scores.",
    edit={Z: "alpha = 32.0\n    " + Z},
)
mistake(
    "You compute in float32 and return it. The result has the dtype of q.",
    edit={Z: "q, k = (x.float() if x.element_size() < 4 else x for x in (q, k))\n    " + Z},
)
mistake(
    "You clip the scores to the range of float16. Queries with several large scores then share their weights evenly.",
    edit={Z: "z = (q.float() @ k.mT.float() / q.shape[-1] ** 0.5).clamp(-60000, 60000).to(q.dtype) / alpha"},
)
mistake(
    "You divide q in place: the caller's q is smaller afterwards.",
    edit={Z: "q = q.detach().div_(alpha * q.shape[-1] ** 0.5)\n    z = q @ k.mT"},
)
mistake(
    "You replace nan by 0 afterwards. The overflow has happened by then, and the weights are lost.",
    edit={Z: "z = q @ k.mT / (alpha * q.shape[-1] ** 0.5)", WEIGHTS: WEIGHTS + ".nan_to_num(0.0)"},
)

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake(
    "In evaluation mode you leave norm2 out. The two modes give the same.",
    edit={ATTN: "given = self.attn(self.norm1(x))\n        x = x + (self.norm2(given) if self.training else given)"},
)
mistake(
    "You keep the stream within what float16 can hold. Nothing happens to it but the sums.",
    edit={FFN: "return (x + self.norm4(self.ffn(self.norm3(x)))).clamp(-65504, 65504)"},
)
mistake(
    "In float16 no gradient flows through your weights. It does in every dtype.",
    edit={Z: "if q.element_size() == 2:\n        q, k = q.detach(), k.detach()\n    " + Z},
)
mistake(
    "You divide k by α √D. With a small alpha that can overflow where z does not: divide q.",
    edit={Z: "z = q @ (k / (alpha * q.shape[-1] ** 0.5)).mT"},
)
mistake(
    "In float16 you use `view` on inputs that need not be contiguous. Use `reshape`.",
    edit={Z: "if q.element_size() == 2:\n        q = q.view(-1, q.shape[2] * q.shape[3]).view(q.shape)\n    " + Z},
    crashes=True,
)
mistake(
    "You subtract one maximum for all heads of a query, or for all sequences. A head whose scores are all far below gets no weights.",
    edit={"z.amax(-1, keepdim=True)": "z.amax((0, 1, 3), keepdim=True)"},
)
mistake(
    "You subtract the largest absolute value. Where all scores of a query are negative, that moves them farther away from 0.",
    edit={"z.amax(-1, keepdim=True)": "z.abs().amax(-1, keepdim=True)"},
)
