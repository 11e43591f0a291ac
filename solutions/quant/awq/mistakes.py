"""Wrong ways to write quant/awq, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

ROWS = "x = torch.cat([batch.detach().reshape(-1, batch.shape[-1]) for batch in batches])"
MEAN = "return x.abs().mean(0)"
ALPHA = "alpha = torch.arange(n_grid, dtype=a.dtype, device=a.device)[:, None] / n_grid"
POWER = "s = (a.detach() ** alpha).clamp(min=1e-4)"
NORMAL = "return s / (s.amax(1, keepdim=True) * s.amin(1, keepdim=True)).sqrt()"
SCALES = "scales = candidates(importance([x]), n_grid)"
GOT = "got = (x / s) @ fake_quantize(W * s, bits, group).T"
LOSS = "losses.append((got - want).square().mean().item())"
BEST = "best = losses.index(min(losses))"
FOUND = "return scales[best].clone(), best / n_grid"
REFUSED = '    if weight is None:\n        raise ValueError(f"{type(prev).__name__} has no weight that could be divided by s")\n'
DIVIDED = "weight.div_(s[:, None] if weight.ndim == 2 else s)"
BIAS = "        if bias is not None:\n            bias.div_(s)\n"
TIMES = "linear.weight.mul_(s)"
OWN = "want = torch.einsum("
TRIED = "for k in range(int(max_shrink * n_grid)):"
THRESHOLD = "threshold = largest * (1 - k / n_grid)"
CLAMPED = "clamped = torch.minimum(torch.maximum(w, -threshold[..., None]), threshold[..., None])"
ROUNDED = "rounded = fake_quantize(clamped.flatten(-2), bits, group).unflatten(-1, (-1, group))"
CLIPLOSS = 'loss = (torch.einsum("ngi,ogi->nog", rows, rounded) - want).square().mean(0)'
BETTER = "better = loss < least"

# --- which columns matter ---------------------------------------------------------------------------------------------------

mistake("Positive and negative inputs cancel: the mean is of |x|.", edit={MEAN: "return x.mean(0).abs()"})
mistake("You take the largest |x| of each column. Here it is the mean.", edit={MEAN: "return x.abs().amax(0)"})
mistake("You take the root of the mean square. Here it is the mean of |x|.", edit={MEAN: "return x.square().mean(0).sqrt()"})
mistake("The mean is over columns, and gives one number for each input.", edit={MEAN: "return x.abs().mean(1)"})
mistake("You add up |x|. It is the mean.", edit={MEAN: "return x.abs().sum(0)"})
mistake("Only the first batch counts.", edit={ROWS: "x = batches[0].detach().reshape(-1, batches[0].shape[-1])"})
mistake("A gradient goes through the importance. What is returned carries none.", edit={ROWS: "x = torch.cat([batch.reshape(-1, batch.shape[-1]) for batch in batches])"})


@mistake("The means of the batches are averaged. Every input counts the same, so a larger batch counts more.")
def importance(batches):
    return torch.stack([batch.detach().reshape(-1, batch.shape[-1]).abs().mean(0) for batch in batches]).mean(0)


@mistake("The mean of each batch is taken and then weighted. A batch of no inputs has no mean, it gives nan: add |x| up over all batches, and divide at the end.")
def importance(batches):
    total, n = 0, 0
    for batch in batches:
        x = batch.detach().reshape(-1, batch.shape[-1])
        total = total + x.abs().mean(0) * len(x)
        n += len(x)
    return total / n


# --- the scales to try --------------------------------------------------------------------------------------------------------

mistake("α goes from 0 to 1 with both ends. Here it is k / n_grid, and 1 is not among them.", edit={ALPHA: "alpha = torch.linspace(0, 1, n_grid, dtype=a.dtype)[:, None]"})
mistake("α begins at 1 / n_grid. Without 0, the layer without scales is not tried, and the result can be worse than it.", edit={ALPHA: "alpha = torch.arange(1, n_grid + 1, dtype=a.dtype)[:, None] / n_grid"})
mistake("The rows go from the largest α to the smallest.", edit={ALPHA: "alpha = torch.arange(n_grid - 1, -1, -1, dtype=a.dtype)[:, None] / n_grid"})
mistake("The exponent is negative: important columns become smaller.", edit={POWER: "s = (a.detach().clamp(min=1e-30) ** -alpha).clamp(min=1e-4)"})
mistake("α is a factor, not an exponent.", edit={POWER: "s = (a.detach() * alpha).clamp(min=1e-4)"})
mistake("A column without inputs has a scale of 0, and 0 / 0 is nan. Scales are 1e-4 at least.", edit={POWER: "s = a.detach() ** alpha"})
mistake("The importance is made 1e-4 at least, before the power. It is the scale that is.", edit={POWER: "s = a.detach().clamp(min=1e-4) ** alpha"})
mistake("You make scales 1e-4 at least after dividing. It comes before.", edit={POWER: "s = (a.detach() ** alpha).clamp(min=1e-30)", NORMAL: "return (s / (s.amax(1, keepdim=True) * s.amin(1, keepdim=True)).sqrt()).clamp(min=1e-4)"})
mistake("Rows are not divided by the middle of their scales.", edit={NORMAL: "return s"})
mistake("Rows are divided by their mean. It is the root of the largest times the smallest.", edit={NORMAL: "return s / s.mean(1, keepdim=True)"})
mistake("The root is missing: rows are divided by the largest times the smallest.", edit={NORMAL: "return s / (s.amax(1, keepdim=True) * s.amin(1, keepdim=True))"})
mistake("Rows are divided by their largest scale, so all weights shrink.", edit={NORMAL: "return s / s.amax(1, keepdim=True)"})
mistake("Rows are divided by their geometric mean. It is that of the largest and the smallest alone.", edit={NORMAL: "return s / s.log().mean(1, keepdim=True).exp()"})
mistake("One divisor is taken over all candidates. Each row has its own.", edit={NORMAL: "return s / (s.max() * s.min()).sqrt()"})
mistake("The default of n_grid is not 20.", edit={"def candidates(a: Tensor, n_grid: int = 20)": "def candidates(a: Tensor, n_grid: int = 10)"})

# --- the search -----------------------------------------------------------------------------------------------------------------

mistake("Importance is read off the weights. Columns with large inputs matter, whatever their weights are.", edit={SCALES: "scales = candidates(W.abs().mean(0), n_grid)"})
mistake("The loss is on weights. It must be on outputs: a column with small inputs may be far off.", edit={LOSS: "losses.append((fake_quantize(W * s, bits, group) / s - W).square().mean().item())"})
mistake("The inputs are not divided by s: outputs are those of another layer.", edit={GOT: "got = x @ fake_quantize(W * s, bits, group).T"})
mistake("W is divided by s and x multiplied. It is the other way round: columns with large inputs get the larger weights.", edit={GOT: "got = (x * s) @ fake_quantize(W / s, bits, group).T"})
mistake("W is rounded first and scaled then, so s changes nothing.", edit={GOT: "got = (x / s) @ (fake_quantize(W, bits, group) * s).T"})
mistake("The whole row is one group in your search. The scales that are best for the given groups are others.", edit={GOT: "got = (x / s) @ fake_quantize(W * s, bits, W.shape[1]).T"})
mistake("You compare with the outputs of the layer that is rounded without scales. The goal is the exact layer.", edit={LOSS: "losses.append((got - x @ fake_quantize(W, bits, group).T).square().mean().item())"})
mistake("The absolute error is added up. It is the square.", edit={LOSS: "losses.append((got - want).abs().mean().item())"})
mistake("The largest error decides. It is the mean of squares.", edit={LOSS: "losses.append((got - want).abs().max().item())"})
mistake("Outputs are added up before the error is squared.", edit={LOSS: "losses.append((got - want).sum(-1).square().mean().item())"})
mistake("The candidate with the largest error is taken.", edit={BEST: "best = losses.index(max(losses))"})
mistake("α = 0 is left out of the search: the result can be worse than no scales at all.", edit={BEST: "best = losses.index(min(losses[1:] or losses))"})
mistake("Of equal losses the last one is taken. The first one is asked for.", edit={BEST: "best = n_grid - 1 - losses[::-1].index(min(losses))"})
mistake("The last candidate that is better than the one before it is taken, not the best one.", edit={BEST: "best = max((k for k in range(1, n_grid) if losses[k] < losses[k - 1]), default=0)"})
mistake("The search ends when the error rises for the first time. A later candidate can be better.", edit={BEST: "best = next((k - 1 for k in range(1, n_grid) if losses[k] > losses[k - 1]), n_grid - 1)"})
mistake("α is the number of the candidate, not divided by n_grid.", edit={FOUND: "return scales[best].clone(), float(best)"})
mistake("α is k / (n_grid - 1).", edit={FOUND: "return scales[best].clone(), best / max(n_grid - 1, 1)"})
mistake("s comes as the number of the row, with one dimension too many.", edit={FOUND: "return scales[best : best + 1].clone(), best / n_grid"})
mistake("s is returned as 1 / s.", edit={FOUND: "return 1 / scales[best], best / n_grid"})
mistake("n_grid is ignored: twenty candidates are tried always.", edit={SCALES: "n_grid = 20\n    scales = candidates(importance([x]), n_grid)"})


@mistake("W is scaled in place during the search, and not set back. Nothing that is passed in may change.")
def awq_search(W, x, bits, group, n_grid=20):
    x, weights = x.detach(), W.data
    want = x @ weights.T
    scales = candidates(importance([x]), n_grid)
    losses = []
    for k, s in enumerate(scales):
        weights.mul_(s if k == 0 else s / scales[k - 1])
        losses.append((((x / s) @ fake_quantize(weights, bits, group).T) - want).square().mean().item())
    best = losses.index(min(losses))
    return scales[best].clone(), best / n_grid


mistake("The losses are compared in float32, where large ones are infinite and small differences are lost. Everything is computed in the dtype of the inputs.", edit={LOSS: "losses.append((got - want).float().square().mean().item())"})
mistake("α is the integer 0 where the first candidate wins. It is a float.", edit={FOUND: "return scales[best].clone(), best / n_grid or 0"})

# --- into the model ---------------------------------------------------------------------------------------------------------------

mistake("The layer before is multiplied, too. It must be divided, so that the product stays.", edit={DIVIDED: "weight.mul_(s[:, None] if weight.ndim == 2 else s)", BIAS: "        if bias is not None:\n            bias.mul_(s)\n"})
mistake("The bias of the layer before is forgotten.", edit={BIAS: ""})
mistake("A linear layer has its columns divided. Its outputs are its rows.", edit={DIVIDED: "weight.div_(s)"}, crashes=True)
mistake("Only the first of the layers behind gets the scales. All that read these outputs do.", edit={"for linear in linears:": "for linear in linears[:1]:"})
mistake("The rows of the layers behind are multiplied. s belongs to their inputs, the columns.", edit={TIMES: "linear.weight.mul_(s[:, None] if linear.weight.shape[0] == len(s) else s)"})
mistake("The biases of the layers behind are scaled, too. They are no function of the inputs.", edit={TIMES: TIMES + "\n            linear.bias.mul_(s.mean())"})
mistake("The weights are divided and multiplied the other way round.", edit={DIVIDED: "weight.mul_(s[:, None] if weight.ndim == 2 else s)", BIAS: "        if bias is not None:\n            bias.mul_(s)\n", TIMES: "linear.weight.div_(s)"})
mistake("The parameters are replaced by new ones: optimizers and hooks hold the old ones.", edit={TIMES: "linear.weight = nn.Parameter(linear.weight * s)"})
mistake("A frozen parameter is thawed.", edit={DIVIDED: DIVIDED + "\n        weight.requires_grad_(True)"})
mistake("All parameters are frozen afterwards.", edit={TIMES: TIMES + "\n            linear.weight.requires_grad_(False)"})
mistake("A layer before without a weight is passed over in silence, and the function is another one. It raises ValueError.", edit={REFUSED: "    if weight is None:\n        weight, bias = torch.ones_like(s), None\n"})
mistake(
    "It raises ValueError, but the layers behind have been changed by then. Look before you change anything.",
    edit={REFUSED: "    if weight is None:\n        with torch.no_grad():\n            for linear in linears:\n                linear.weight.mul_(s)\n        raise ValueError\n"},
)

mistake("The layer before is in evaluation mode afterwards. Modes stay as they were.", edit={DIVIDED: DIVIDED + "\n        prev.eval()"})
mistake("Only nn.Linear itself counts as a linear layer, and one of a class made from it has its columns divided. Ask isinstance, or how many dimensions the weight has.", edit={DIVIDED: "weight.div_(s[:, None] if type(prev) is nn.Linear else s)"})
mistake("The bias is divided for the classes that you thought of. Other norms have a bias, too: ask for it.", edit={BIAS: "        if isinstance(prev, nn.Linear | nn.LayerNorm) and bias is not None:\n            bias.div_(s)\n"})
mistake(
    "You decide by the names of classes, and refuse a normalisation with another name. Each one that has a weight is divided; ValueError is for what has none.",
    edit={REFUSED: REFUSED.replace("if weight is None:", 'if not isinstance(prev, nn.Linear) and ("Norm" not in type(prev).__name__ or weight is None):')},
    crashes=True,
)

# --- thresholds ------------------------------------------------------------------------------------------------------------------

mistake("The threshold is one number for the whole row. Each group has its own.", edit={"largest = w.abs().amax(-1)": "largest = w.abs().amax((-1, -2))[:, None].expand(w.shape[:2])"})
mistake("All rows share the threshold of a group. Each row has its own.", edit={CLIPLOSS: CLIPLOSS + "\n        loss = loss.mean(0, keepdim=True).expand_as(loss)"})
mistake("The error is that of the weights, not of the outputs.", edit={CLIPLOSS: "loss = (rounded - w).square().mean(-1)"})
mistake("Rounded weights are compared with the clamped ones. What is cut off is an error, too.", edit={CLIPLOSS: 'loss = (torch.einsum("ngi,ogi->nog", rows, rounded - clamped)).square().mean(0)'})
mistake("The factor itself is returned, not the threshold.", edit={BETTER: BETTER + "\n        threshold = torch.full_like(largest, 1 - k / n_grid)", "best, least = largest.clone()": "best, least = torch.ones_like(largest)"})
mistake("All thresholds down to 0 are tried. max_shrink says how far to go.", edit={TRIED: "for k in range(n_grid):"})
mistake("One threshold too many is tried.", edit={TRIED: "for k in range(int(max_shrink * n_grid) + 1):"})
mistake("The range without clamping is left out: k begins with 0.", edit={TRIED: "for k in range(1, int(max_shrink * n_grid)):"})
mistake("Thresholds are spread evenly over max_shrink. Their steps are 1 / n_grid.", edit={TRIED: "for k in range(n_grid):", THRESHOLD: "threshold = largest * (1 - max_shrink * k / n_grid)"})
mistake("Weights above the threshold become 0. They are clamped to it.", edit={CLAMPED: "clamped = torch.where(w.abs() > threshold[..., None], 0.0, w)"})
mistake("Only positive weights are clamped.", edit={CLAMPED: "clamped = torch.minimum(w, threshold[..., None])"})
mistake("The threshold is relative to the largest weight, not to the largest |w|.", edit={"largest = w.abs().amax(-1)": "largest = w.amax(-1).clamp(min=0)"})
mistake("The error is that of each weight times its input. Errors in one group may cancel: add them up first.", edit={CLIPLOSS: 'loss = ((rounded - w) ** 2 * (rows**2).mean(0)).sum(-1)'})
mistake("The whole row's output is compared: then groups are not chosen alone.", edit={CLIPLOSS: CLIPLOSS + "\n        loss = loss.sum(1, keepdim=True).expand_as(loss)"})
mistake("Of equal errors the smallest threshold is taken. A group without inputs should keep its range.", edit={BETTER: "better = loss <= least"})
mistake("Clamped weights are rounded with the grid of the weights that were not clamped: the steps do not become finer.", edit={ROUNDED: "step = (w.amax(-1, keepdim=True).clamp(min=0) - w.amin(-1, keepdim=True).clamp(max=0)) / (2**bits - 1)\n        rounded = torch.round(clamped / step.clamp(min=1e-30)) * step"})
mistake("The number of thresholds is rounded to the nearest. It is int(max_shrink · n_grid), which cuts.", edit={TRIED: "for k in range(round(max_shrink * n_grid)):"})
mistake("Gradients stay turned off after the search. Use torch.no_grad() as a context, or detach.", edit={TRIED: "torch.set_grad_enabled(False)\n    " + TRIED})
mistake(
    "You look at some of the inputs only. The mean is over all of them, however many there are.",
    edit={OWN: "rows = rows[:: max(1, len(rows) // 512)]\n    " + OWN},
)
