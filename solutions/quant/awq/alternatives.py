"""Right ways to write quant/awq, done differently."""

import torch

from autograder.checks import alternative


@alternative("a running sum over batches")
def importance(batches):
    total, count = torch.zeros(batches[0].shape[-1], dtype=batches[0].dtype), 0
    with torch.no_grad():
        for batch in batches:
            rows = batch.abs().view(-1, batch.shape[-1]) if batch.is_contiguous() else batch.abs().flatten(0, -2) if batch.ndim > 1 else batch.abs()[None]
            total += rows.sum(0)
            count += len(rows)
    return total / count


@alternative("rows in a loop, with torch.pow and torch.maximum; losses by argmin")
def candidates(a, n_grid=20):
    rows = []
    with torch.no_grad():
        for k in range(n_grid):
            s = torch.pow(a, k / n_grid)
            s = torch.maximum(s, torch.tensor(1e-4, dtype=a.dtype))
            rows.append(s / torch.sqrt(s.max()) / torch.sqrt(s.min()))
    return torch.stack(rows)


@alternative("rows in a loop, with torch.pow and torch.maximum; losses by argmin")
def awq_search(W, x, bits, group, n_grid=20):
    with torch.no_grad():
        flat = x.reshape(-1, x.shape[-1])
        every = candidates(flat.abs().mean(0), n_grid)
        errors = torch.stack([fake_quantize(W * s, bits, group) / s - W for s in every])  # (n_grid, O, C)
        losses = torch.nn.functional.linear(flat, errors.flatten(0, 1)).square().mean(0).view(n_grid, -1).mean(1)
        k = int(losses.argmin())
    return every[k], k / n_grid


@alternative("logarithms: the middle of the largest and the smallest is a mean")
def candidates(a, n_grid=20):
    logs = a.detach().double().log()
    alpha = torch.arange(n_grid, dtype=torch.float64) / n_grid
    logs = torch.where(alpha[:, None] == 0, 0.0, alpha[:, None] * logs)
    logs = logs.clamp(min=torch.tensor(1e-4, dtype=torch.float64).log())
    return (logs - (logs.amax(1, keepdim=True) + logs.amin(1, keepdim=True)) / 2).exp().to(a.dtype)


@alternative("the best so far; the loss from the Hessian of the inputs")
def awq_search(W, x, bits, group, n_grid=20):
    W, x = W.detach().double(), x.detach()
    rows = x.reshape(-1, x.shape[-1]).double()
    H = rows.T @ rows
    best = None
    for k, s in enumerate(candidates(importance([x]), n_grid)):
        E = fake_quantize(W * s.double(), bits, group) / s.double() - W
        loss = float(((E @ H) * E).sum())
        if best is None or loss < best[0]:
            best = loss, s, k / n_grid
    return best[1], best[2]


@alternative("new values copied into the parameters' data")
def apply_awq(prev, linears, s):
    if getattr(prev, "weight", None) is None:
        raise ValueError("prev")
    weight = prev.weight.data
    prev.weight.data = (weight.T / s).T.contiguous() if weight.dim() > 1 else weight / s
    if getattr(prev, "bias", None) is not None:
        prev.bias.data = prev.bias.data / s
    for linear in linears:
        linear.weight.data = linear.weight.data * s.reshape(1, -1)


@alternative("named parameters, copy_")
def apply_awq(prev, linears, s):
    parameters = dict(prev.named_parameters(recurse=False))
    if "weight" not in parameters:
        raise ValueError("no weight")
    with torch.no_grad():
        for parameter in parameters.values():
            shape = (-1,) + (1,) * (parameter.dim() - 1)
            parameter.copy_(parameter / s.view(shape))
        for linear in linears:
            linear.weight.copy_(linear.weight @ torch.diag(s))


@alternative("row by row and group by group")
def clip_search(W, x, bits, group, n_grid=20, max_shrink=0.5):
    W, flat = W.detach(), x.detach().reshape(-1, x.shape[-1])
    out = W.new_zeros(W.shape[0], W.shape[1] // group)
    for o in range(out.shape[0]):
        for g in range(out.shape[1]):
            part = slice(g * group, (g + 1) * group)
            w, inputs = W[o, part], flat[:, part]
            top, least = w.abs().max().item(), float("inf")
            for k in range(int(max_shrink * n_grid)):
                limit = top * (1 - k / n_grid)
                error = fake_quantize(w.clamp(-limit, limit)[None], bits, group)[0] - w
                loss = (inputs @ error).square().sum().item()
                if loss < least:
                    least, out[o, g] = loss, limit
    return out


@alternative("all thresholds at once, and argmin")
def clip_search(W, x, bits, group, n_grid=20, max_shrink=0.5):
    with torch.no_grad():
        w = W.reshape(W.shape[0], -1, group)
        rows = x.reshape(-1, w.shape[1], group)
        factors = 1 - torch.arange(int(max_shrink * n_grid), dtype=W.dtype) / n_grid
        limits = w.abs().amax(-1) * factors[:, None, None]
        clamped = torch.where(w.abs() > limits[..., None], w.sign() * limits[..., None], w)
        back = fake_quantize(clamped.reshape(len(factors) * len(W), -1), bits, group).reshape(clamped.shape)
        moments = torch.einsum("ngi,ngj->gij", rows, rows)
        losses = torch.einsum("kogi,gij,kogj->kog", back - w, moments, back - w)
        return limits.gather(0, losses.argmin(0, keepdim=True))[0]
