"""Right ways to write quant/gptq, done differently."""

import torch

from autograder.checks import alternative


@alternative("a running mean over batches; eigenvalues")
def hessian(batches, damp=0.01):
    C = batches[0].shape[-1]
    H, seen = torch.zeros(C, C, dtype=batches[0].dtype), 0
    with torch.no_grad():
        for batch in batches:
            x = batch.flatten(0, -2) if batch.ndim > 1 else batch[None]
            H = H * (seen / (seen + len(x))) + torch.einsum("ni,nj->ij", x, x) * (2 / (seen + len(x)))
            seen += len(x)
        H.diagonal().add_(damp * H.trace() / C)
    return H


@alternative("a running mean over batches; eigenvalues")
def proxy_loss(W, Wq, H):
    with torch.no_grad():
        values, vectors = torch.linalg.eigh(H)
        return 0.5 * float((((W - Wq) @ vectors) ** 2 @ values).sum())


@alternative("elimination: row j of the inverse, divided by its root, then the rest made smaller")
def inverse_factor(H):
    G = torch.linalg.inv(H.detach()).clone()
    U = torch.zeros_like(G)
    for j in range(len(G)):
        U[j, j:] = G[j, j:] / G[j, j].sqrt()
        G -= torch.outer(G[:, j], G[j]) / G[j, j]
    return U


@alternative("Cholesky of H turned round, and a triangular inverse")
def inverse_factor(H):
    H = H.detach()
    L = torch.linalg.cholesky(H.flip(0, 1))  # H = P L Lᵀ P, so H⁻¹ = (P L⁻ᵀ P)(P L⁻¹ P)
    eye = torch.eye(len(H), dtype=H.dtype)
    return torch.linalg.solve_triangular(L, eye, upper=False).flip(0, 1)


@alternative("no blocks: each error goes out to all columns at once")
def gptq(W, H, bits, group=-1, blocksize=128, act_order=False):
    if bits < 2 or bits > 8 or group == 0 or group < -1 or blocksize < 1:
        raise ValueError("bits, group, blocksize")
    with torch.no_grad():
        C, top = W.shape[1], 2**bits - 1
        size = group if group > 0 else C
        diagonal = H.diagonal().tolist()
        order = sorted(range(C), key=lambda j: (-diagonal[j], j)) if act_order else list(range(C))
        perm = torch.tensor(order)
        V, U = torch.index_select(W, 1, perm), inverse_factor(H.index_select(0, perm).index_select(1, perm))
        columns, ss, zs = {}, [], []
        for k, j in enumerate(order):
            if k % size == 0:
                part = torch.nn.functional.pad(V[:, k : k + size], (0, 1))  # with a 0
                low, high = part.min(1).values, part.max(1).values
                s = (high - low) / top
                s = s.masked_fill(s == 0, 1)
                z = torch.round(-low / s).int()
                ss.append(s)
                zs.append(z)
            q = (torch.round(V[:, k] / s) + z).clamp(0, top)
            columns[j] = q.to(torch.uint8)
            V -= torch.outer((V[:, k] - s * (q - z)) / U[k, k], U[k])
        codes = torch.stack([columns[j] for j in range(C)], 1)
        return codes, torch.stack(ss, 1), torch.stack(zs, 1), perm


@alternative("the inverse of what is left, for each column anew")
def gptq(W, H, bits, group=-1, blocksize=128, act_order=False):
    if bits not in range(2, 9) or (group != -1 and group <= 0) or blocksize <= 0:
        raise ValueError("bits, group, blocksize")
    W, H = W.detach().clone(), H.detach()
    C = W.shape[1]
    perm = H.diagonal().sort(descending=True, stable=True).indices if act_order else torch.arange(C)
    group = group if group != -1 else C
    codes = torch.zeros(W.shape, dtype=torch.uint8)
    s, z = W.new_zeros(len(W), -(-C // group)), W.new_zeros(len(W), -(-C // group))
    for k in range(C):
        left, g = perm[k:], k // group
        if k % group == 0:
            now = W[:, perm[k : k + group]]
            low, high = now.amin(1).clamp(max=0), now.amax(1).clamp(min=0)
            s[:, g] = torch.where(high > low, (high - low) / (2**bits - 1), 1.0)
            z[:, g] = torch.round(-low / s[:, g])
        G = torch.linalg.solve(H[left][:, left], torch.eye(len(left), dtype=H.dtype)[:, 0])
        w = W[:, perm[k]].clone()
        q = torch.clamp(torch.round(w / s[:, g]) + z[:, g], min=0, max=2**bits - 1)
        codes[:, perm[k]] = q.byte()
        W[:, left] -= torch.outer(w - s[:, g] * (q - z[:, g]), G / G[0])
    return codes, s, z, perm


@alternative("conditional expectation: each column is predicted from the errors of those before, by a factor of H itself")
def gptq(W, H, bits, group=-1, blocksize=128, act_order=False):
    if not (2 <= bits <= 8 and (group == -1 or group >= 1) and blocksize >= 1):
        raise ValueError("bits, group, blocksize")
    W, H = W.detach(), H.detach()
    C = W.shape[1]
    group = C if group == -1 else group
    perm = torch.argsort(-H.diagonal(), stable=True) if act_order else torch.arange(C)
    U = inverse_factor(H[perm][:, perm])
    R = U / U.diagonal()[:, None]  # ones on the diagonal: H = Rᵀ-factor, column k moves by Σ_j error_j R[j, k]
    given, errors = W[:, perm], torch.zeros_like(W)
    codes, scales, zeros = torch.zeros(W.shape, dtype=torch.uint8), [], []
    for k in range(C):
        now = given[:, k:] - errors[:, :k] @ R[:k, k:]
        if k % group == 0:
            edge = torch.cat([now[:, :group], torch.zeros_like(now[:, :1])], 1)
            s = (edge.amax(1) - edge.amin(1)) / (2**bits - 1)
            s[s == 0] = 1
            z = torch.round(-edge.amin(1) / s)
            scales.append(s)
            zeros.append(z)
        q = (torch.round(now[:, 0] / s) + z).clamp(0, 2**bits - 1)
        errors[:, k] = now[:, 0] - s * (q - z)
        codes[:, perm[k]] = q.to(torch.uint8)
    return codes, torch.stack(scales, 1), torch.stack(zeros, 1), perm


@alternative("group numbers are put into place by perm")
def dequantize(codes, s, z, perm, group=-1):
    C = codes.shape[1]
    s, number = s.detach(), torch.arange(C) // (group if group > 0 else C)
    of = torch.empty(C, dtype=torch.int64)
    of[perm] = number
    return (codes.double() - z.double().gather(1, of.expand(len(codes), C))).to(s.dtype) * torch.index_select(s, 1, of)


@alternative("rounded order and back, column by column")
def dequantize(codes, s, z, perm, group=-1):
    s, out = s.detach(), s.new_empty(codes.shape)
    for k, j in enumerate(perm.tolist()):
        g = 0 if group == -1 else k // group
        out[:, j] = s[:, g] * (codes[:, j].to(torch.int16) - z[:, g])
    return out
