"""Wrong ways to write quant/int8_outliers, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

SCALE = "s = x.abs().amax(-1, keepdim=True) / 127"
NONE = "s = torch.where(s == 0, 1.0, s)"
CODES = "return torch.round(x / s).to(torch.int8), s"
FOUND = "return (x.detach().abs() >= threshold).reshape(-1, x.shape[-1]).any(0).nonzero()[:, 0]"
REFUSED = "if threshold <= 0:"
COLUMNS = "columns = outlier_columns(x, threshold)"
WEIGHTS = "wq, sw = quantize_rows(W)"
INPUTS = "xq, sx = quantize_rows(torch.where(regular, x, 0.0))  # a code of 0 adds nothing"
PRODUCT = "product = (xq.double() @ wq.double().T).to(x.dtype)"
SUM = "return product * sx * sw[:, 0] + x[..., columns] @ W[:, columns].T"
ALPHA = "if not 0 <= alpha <= 1:"
SMALL = "aw.detach().clamp(min=1e-5)"
POWER = "return (ax**alpha / aw ** (1 - alpha)).clamp(min=1e-5)"
LARGEST = "ax = torch.cat([batch.reshape(-1, batch.shape[-1]) for batch in batches]).abs().amax(0)"
WEIGHT = "aw = torch.cat([linear.weight for linear in linears]).abs().amax(0)"
S = "s = smoothquant_scales(ax, aw, alpha)"
NORM = "norm.weight.div_(s)"
BIAS = '        if getattr(norm, "bias", None) is not None:\n            norm.bias.div_(s)\n'
TIMES = "linear.weight.mul_(s)"

# --- vectors ---------------------------------------------------------------------------------------------------------------

mistake("You divide by 128. The largest number would get the code 128, which int8 does not have.", edit={SCALE: "s = x.abs().amax(-1, keepdim=True) / 128"})
mistake("You take the largest x, not the largest |x|.", edit={SCALE: "s = x.amax(-1, keepdim=True).clamp(min=1e-30) / 127"})
mistake("One scale serves all vectors. Each vector has its own.", edit={SCALE: "s = (x.abs().amax() / 127).expand(x.shape[:-1]).unsqueeze(-1)"})
mistake("Scales are by column. They are by vector, along the last dimension.", edit={SCALE: "s = (x.abs().reshape(-1, x.shape[-1]).amax(0) / 127).expand_as(x)"})
mistake("A vector of zeros has the scale 0, and 0 / 0 is nan.", edit={NONE: "pass"})
mistake("An epsilon is added to the scale: tiny numbers get codes that are too small.", edit={NONE: "s = torch.where(s == 0, 1.0, s + 1e-8)"})
mistake("Codes are cut, not rounded.", edit={CODES: "return (x / s).to(torch.int8), s"})
mistake("Halves are always rounded up. They go to the even code.", edit={CODES: "return torch.floor(x / s + 0.5).to(torch.int8), s"})
mistake("s is 127 divided by the largest |x|: what one multiplies by, not what a code stands for.", edit={CODES: "return torch.round(x / s).to(torch.int8), 1 / s"})
mistake("s is the largest |x|, without the division by 127.", edit={CODES: "return torch.round(x / s).to(torch.int8), 127 * s"})
mistake("s has lost its last dimension. It is (…, 1).", edit={CODES: "return torch.round(x / s).to(torch.int8), s[..., 0]", PRODUCT + "  # exact: sums of integers": PRODUCT + "\n    sx, sw = sx[..., None], sw[..., None]"})
mistake("Codes are int32. They are int8.", edit={CODES: "return torch.round(x / s).to(torch.int32), s"})
mistake("Scales carry a gradient. Nothing that is returned does.", edit={"    x = x.detach()\n    s = x.abs()": "    s = x.abs()"})

mistake("x · 127 is computed before the division, and large numbers become infinite. Codes are x / s.", edit={CODES: "return torch.round(x * 127 / (127 * s)).to(torch.int8), s"})

# --- columns ----------------------------------------------------------------------------------------------------------------

mistake("A value exactly at the threshold is no outlier in yours. At least the threshold is enough.", edit={FOUND: FOUND.replace(">= threshold", "> threshold")})
mistake("Only positive outliers are seen.", edit={FOUND: FOUND.replace(".abs()", "")})
mistake("You name rows. An outlier makes its column one.", edit={FOUND: "return (x.detach().abs() >= threshold).reshape(-1, x.shape[-1]).any(1).nonzero()[:, 0].clamp(max=x.shape[-1] - 1)"})
mistake("All values of a column must be outliers in yours. One is enough.", edit={FOUND: FOUND.replace(".any(0)", ".all(0)")})
mistake("The mean of |x| of a column is compared. One large value is enough.", edit={FOUND: "return (x.detach().abs().reshape(-1, x.shape[-1]).mean(0) >= threshold).nonzero()[:, 0]"})
mistake("A column with two outliers is named twice.", edit={FOUND: "return (x.detach().abs() >= threshold).reshape(-1, x.shape[-1]).nonzero()[:, 1].sort().values"})
mistake("Columns come in the order in which their first outlier is met. They are rising.", edit={FOUND: "hit = (x.detach().abs() >= threshold).reshape(-1, x.shape[-1]).nonzero()[:, 1].tolist()\n    return torch.tensor(list(dict.fromkeys(hit)), dtype=torch.int64)"})
mistake("You return a mask. Numbers of columns are asked for.", edit={FOUND: "return (x.detach().abs() >= threshold).reshape(-1, x.shape[-1]).any(0)"})
mistake("A threshold of 0 is accepted. It raises ValueError.", edit={REFUSED: "if threshold < 0:"})
mistake("A negative threshold is accepted. It raises ValueError.", edit={REFUSED: "if threshold == 0:"})
mistake("The threshold is 6.0 whatever is asked for.", edit={FOUND: FOUND.replace(">= threshold", ">= 6.0")})
mistake("The default of the threshold is not 6.0.", edit={"def outlier_columns(x: Tensor, threshold: float = 6.0)": "def outlier_columns(x: Tensor, threshold: float = 5.0)"})
mistake("The threshold is relative to the mean of |x|. It is a number as it is.", edit={FOUND: "x = x / x.abs().mean()\n    " + FOUND})

mistake("A small threshold is refused, too. Every positive one is allowed.", crashes=True, edit={REFUSED: "if threshold < 1e-6:"})
mistake("The default of the threshold is a little less than 6.0.", edit={"def outlier_columns(x: Tensor, threshold: float = 6.0)": "def outlier_columns(x: Tensor, threshold: float = 5.95)"})

# --- the product --------------------------------------------------------------------------------------------------------------

mistake("Nothing is set apart: outliers stretch the grid of their rows.", edit={COLUMNS: "columns = outlier_columns(x, float('inf'))"})
mistake("A threshold of 0 means no outliers in yours. It raises ValueError; inf means that.", edit={COLUMNS: "columns = outlier_columns(x, threshold or float('inf'))"})
mistake("Outlier columns are left out and never come back.", edit={SUM: "return product * sx * sw[:, 0]"})
mistake("Outlier columns count twice: in the codes and apart.", edit={INPUTS: "xq, sx = quantize_rows(x)"})
mistake("Only the outliers themselves are multiplied apart, and the rest of their columns is lost.", edit={SUM: "return product * sx * sw[:, 0] + torch.where(x.abs() >= threshold, x, 0.0)[..., columns] @ W[:, columns].T"})
mistake("Only the outliers go apart, and the rest of their columns stays in 8 bits. The whole column goes.", edit={INPUTS: "xq, sx = quantize_rows(torch.where(x.abs() < threshold, x, 0.0))", SUM: "return product * sx * sw[:, 0] + torch.where(x.abs() >= threshold, x, 0.0) @ W.T"})
mistake("Rows with outliers are multiplied apart. It is columns.", edit={SUM: "hit = (x.abs() >= threshold).any(-1, keepdim=True)\n    xq, sx = quantize_rows(x)\n    return torch.where(hit, x @ W.T, (xq.double() @ wq.double().T).to(x.dtype) * sx * sw[:, 0])"})
mistake("The scales of the weights are found without the outlier columns. W is stored before inputs are known.", edit={WEIGHTS: "wq, sw = quantize_rows(torch.where(regular, W, 0.0))\n    wq = torch.where(regular, wq, 0)"})
mistake("W has one scale for all of its rows.", edit={WEIGHTS: "sw = (W.abs().max() / 127).expand(len(W), 1)\n    wq = torch.round(W / sw).to(torch.int8)"})
mistake("x has one scale for all vectors.", edit={INPUTS: "sx = torch.where(regular, x, 0.0).abs().max() / 127 + torch.zeros_like(x[..., :1])\n    sx = torch.where(sx == 0, 1.0, sx)\n    xq = torch.round(torch.where(regular, x, 0.0) / sx).to(torch.int8)"})
mistake("The scale of the inputs is forgotten.", edit={SUM: "return product * sw[:, 0] + x[..., columns] @ W[:, columns].T"})
mistake("The scale of the weights is forgotten.", edit={SUM: "return product * sx + x[..., columns] @ W[:, columns].T"})
mistake("The product of codes is divided by 127² once more: your scales have it already.", edit={SUM: "return product * sx * sw[:, 0] / 127**2 + x[..., columns] @ W[:, columns].T"})
mistake("Codes are multiplied in int8, where sums wrap around.", edit={PRODUCT: "product = (xq.reshape(-1, 1, xq.shape[-1]) * wq).sum(-1, dtype=torch.int8).reshape(*x.shape[:-1], -1).to(x.dtype)"})
mistake("Outliers are looked for in W.", edit={COLUMNS: "columns = outlier_columns(W, threshold)"})
mistake("W itself is changed: its outlier columns are set to 0.", edit={WEIGHTS: "wq, sw = quantize_rows(W)\n    exact = W[:, columns].clone()\n    W[:, columns] = 0", SUM: "return product * sx * sw[:, 0] + x[..., columns] @ exact.T"})
mistake("The result is exact: nothing was rounded at all.", edit={SUM: "return x @ W.T"})
mistake("Only the weights are in 8 bits. The inputs are, too.", edit={SUM: "return torch.where(regular, x, 0.0) @ (wq * sw).T + x[..., columns] @ W[:, columns].T"})
mistake("A gradient goes through the outlier part.", edit={"    x, W = x.detach(), W.detach()\n": ""})


@mistake("Each vector has outlier columns of its own. They are found in all of x together, so that one product of matrices is enough.")
def llm_int8_matmul(x, W, threshold=6.0):
    x, W = x.detach(), W.detach()
    hit = x.abs() >= threshold
    if threshold <= 0:
        raise ValueError
    wq, sw = quantize_rows(W)
    xq, sx = quantize_rows(torch.where(hit, 0.0, x))
    return (xq.double() @ wq.double().T).to(x.dtype) * sx * sw[:, 0] + torch.where(hit, x, 0.0) @ W.T


mistake("The default of the threshold is not 6.0.", edit={"def llm_int8_matmul(x: Tensor, W: Tensor, threshold: float = 6.0)": "def llm_int8_matmul(x: Tensor, W: Tensor, threshold: float = 6.5)"})
mistake("A negative threshold loses its sign. It raises ValueError.", edit={COLUMNS: "columns = outlier_columns(x, abs(threshold))"})

# --- smoothing -----------------------------------------------------------------------------------------------------------------

mistake("α and 1 - α are exchanged.", edit={POWER: "return (ax ** (1 - alpha) / aw**alpha).clamp(min=1e-5)"})
mistake("You multiply by the weights' part. Where weights are large already, less goes over: divide.", edit={POWER: "return (ax**alpha * aw ** (1 - alpha)).clamp(min=1e-5)"})
mistake("This is 1 / s.", edit={POWER: "return (aw ** (1 - alpha) / ax.clamp(min=1e-5) ** alpha).clamp(min=1e-5)"})
mistake("The weights are left out: this is AWQ's scale.", edit={POWER: "return (ax**alpha).clamp(min=1e-5)"})
mistake("A column without inputs has the scale 0, and inputs are divided by it. It is 1e-5 at least.", edit={POWER: "return ax**alpha / aw ** (1 - alpha)"})
mistake("Weights of 0 are divided by. They count as 1e-5.", edit={SMALL: "aw.detach()"})
mistake("Inputs count as 1e-5 at least before the power. It is s that is 1e-5 at least.", edit={POWER: "return (ax.clamp(min=1e-5) ** alpha / aw ** (1 - alpha)).clamp(min=1e-5)"})
mistake("An alpha outside of 0 … 1 is accepted. It raises ValueError.", edit={ALPHA: "if False:"})
mistake("alpha must be less than 1 in yours. 1 is allowed: then the inputs are all of one size.", edit={ALPHA: "alpha = min(alpha, 0.999) if alpha == 1 else alpha\n    if not 0 <= alpha < 1:"})
mistake("The default of alpha is not 0.5.", edit={"aw: Tensor, alpha: float = 0.5": "aw: Tensor, alpha: float = 0.8"})
mistake("The result is normalised by its mean.", edit={POWER: "s = (ax**alpha / aw ** (1 - alpha)).clamp(min=1e-5)\n    return s / s.mean()"})

mistake("Only a column without inputs gets 1e-5. Every s that is less becomes 1e-5.", edit={POWER: "s = ax**alpha / aw ** (1 - alpha)\n    return torch.where(ax == 0, s.clamp(min=1e-5), s)"})
mistake("s carries a gradient if ax does. Nothing that is returned does.", edit={"ax, aw = ax.detach(), aw": "aw = aw"})
mistake("Random numbers are drawn from torch's generator. There is nothing to draw: leave the random state as it was.", edit={POWER: "torch.rand(1)\n    " + POWER})

mistake("The mean of |x| is taken. Here it is the largest.", edit={LARGEST: LARGEST.replace("amax(0)", "mean(0)")})
mistake("Only the last batch counts.", edit={LARGEST: "ax = batches[-1].reshape(-1, batches[-1].shape[-1]).abs().amax(0)"})
mistake("The largest x is taken, without its sign being dropped.", edit={LARGEST: LARGEST.replace(".abs().amax(0)", ".amax(0).abs()")})
mistake("aw is that of the first linear. The scales must suit all of them.", edit={WEIGHT: "aw = linears[0].weight.abs().amax(0)"})
mistake("aw is the mean over the linears. Take the largest of all.", edit={WEIGHT: "aw = torch.stack([linear.weight.abs().amax(0) for linear in linears]).mean(0)"})
mistake("aw is by row of W. s belongs to inputs, the columns.", edit={WEIGHT: "aw = torch.cat([linear.weight for linear in linears]).abs().amax(1).repeat(len(ax))[: len(ax)]"})
mistake("Norm and weights are exchanged: the norm is multiplied.", edit={NORM: "norm.weight.mul_(s)", BIAS: BIAS.replace("div_", "mul_"), TIMES: "linear.weight.div_(s)"})
mistake("The bias of the norm is forgotten.", edit={BIAS: ""})
mistake("Only the first linear is multiplied.", edit={"for linear in linears:\n            linear.weight.mul_": "for linear in linears[:1]:\n            linear.weight.mul_"})
mistake("The norm is divided once for each linear.", edit={TIMES: TIMES + "\n            norm.weight.div_(s if linear is not linears[0] else 1)"})
mistake("The biases of the linears are scaled, too.", edit={TIMES: TIMES + "\n            linear.bias.mul_(s.mean())"})
mistake("Each linear has its own s. They all read the same output of the norm.", edit={TIMES: "linear.weight.mul_(smoothquant_scales(ax, linear.weight.abs().amax(0), alpha))"})
mistake("Parameters are replaced by new ones.", edit={TIMES: "linear.weight = nn.Parameter(linear.weight * s)"})
mistake("Parameters are frozen afterwards.", edit={TIMES: TIMES + "\n            linear.weight.requires_grad_(False)"})
mistake("A frozen norm is thawed.", edit={NORM: NORM + "\n        norm.weight.requires_grad_(True)"})
mistake("The norm has been changed when alpha is refused. Check before you change anything.", edit={S: "norm.weight.mul_(2)\n        s = smoothquant_scales(ax, aw, alpha)\n        norm.weight.div_(2)"})
mistake("alpha is not passed on.", edit={S: "smoothquant_scales(ax, aw, alpha)\n        s = smoothquant_scales(ax, aw)"})
mistake("The norm is in evaluation mode afterwards. Modes stay as they were.", edit={NORM: NORM + "\n        norm.eval()"})
mistake("A frozen linear is thawed. Parameters keep the requires_grad that they had.", edit={TIMES: TIMES + "\n            linear.weight.requires_grad_(True)"})
