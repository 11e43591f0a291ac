"""Wrong ways to write quant/gptq, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

MEAN = "H = 2 / len(x) * (x.T @ x)"
DAMPED = "return H + damp * H.diagonal().mean() * torch.eye(len(H), dtype=H.dtype, device=H.device)"
ROWS = "x = torch.cat([batch.detach().reshape(-1, batch.shape[-1]) for batch in batches])"
INVERSE = "inverse = torch.cholesky_inverse(torch.linalg.cholesky(H.detach()))"
UPPER = "return torch.linalg.cholesky(inverse, upper=True)"
LOSS = "return ((E @ H.detach()) * E).sum().item() / 2"
REFUSED = "if not 2 <= bits <= 8 or (group < 1 and group != -1) or blocksize < 1:"
ORDER = "perm = torch.argsort(H.diagonal(), descending=True, stable=True) if act_order"
PERMUTED = "W, U = W[:, perm], inverse_factor(H[perm][:, perm])"
STARTS = "if j % group == 0:"
MEMBERS = "weights = W[:, j:stop].clone()"
BEHIND = "weights[:, end - j :] -= errors[:, : j - start] @ U[start:j, end:stop]"
CODE = "q = (torch.round(w / s) + z).clamp(0, 2**bits - 1)"
STORED = "codes[:, perm[j]] = q[:, 0].to(torch.uint8)"
ERROR = "e = (w - s * (q - z)) / U[j, j]"
SPREAD = "W[:, j + 1 : end] -= e * U[j, j + 1 : end]"
LATER = "W[:, end:] -= errors @ U[start:end, end:]"
RETURNED = "return codes, torch.cat(scales, 1), torch.cat(zeros, 1), perm"
PLACE = "place = torch.argsort(perm)"
OF = "of = place // (len(perm) if group == -1 else group)"
VALUE = "return (s[:, of] * (codes.to(s.dtype) - z[:, of])).detach()"
SCALE = "s = (hi - lo) / (2**bits - 1)"
ZERO = "return s, torch.round(-lo / s)"
RANGE = "lo, hi = lo.clamp(max=0), hi.clamp(min=0)"
PART = "torch.where(s == 0, 1.0, s)"

# --- H -----------------------------------------------------------------------------------------------------------------

mistake("You take the sum of xᵀ x, not the mean over the inputs.", edit={MEAN: "H = 2 * (x.T @ x)"})
mistake("The factor 2 is missing in H.", edit={MEAN: "H = x.T @ x / len(x)"})
mistake("You divide by the number of batches. The mean is over all inputs.", edit={MEAN: "H = 2 / len(batches) * (x.T @ x)"})
mistake("You divide by the number of columns. The mean is over inputs.", edit={MEAN: "H = 2 / x.shape[1] * (x.T @ x)"})
mistake("The mean is taken off the inputs first. H is the mean of xᵀ x as it is, no covariance.", edit={ROWS: ROWS + "\n    x = x - x.mean(0)"})
mistake("`damp` is added as it is. It is relative: multiply it by the mean of the diagonal.", edit={DAMPED: "return H + damp * torch.eye(len(H), dtype=H.dtype)"})
mistake("Damping is relative to the largest number on the diagonal. Take the mean.", edit={DAMPED: "return H + damp * H.diagonal().max() * torch.eye(len(H), dtype=H.dtype)"})
mistake("Damping is added to every number of H. It belongs on the diagonal.", edit={DAMPED: "return H + damp * H.diagonal().mean()"})
mistake("Each number on the diagonal is damped in proportion to itself. All get the same.", edit={DAMPED: "return H + damp * torch.diag(H.diagonal())"})
mistake("Damping is relative to the mean of all of H, not to the mean of its diagonal.", edit={DAMPED: "return H + damp * H.mean() * torch.eye(len(H), dtype=H.dtype)"})
mistake("The default of damp is not 0.01.", edit={"damp: float = 0.01": "damp: float = 0.1"})
mistake("Only the first batch is used.", edit={ROWS: "x = batches[0].detach().reshape(-1, batches[0].shape[-1])"})
mistake("A gradient reaches the inputs. Nothing that is returned carries one: detach.", edit={ROWS: "x = torch.cat([batch.reshape(-1, batch.shape[-1]) for batch in batches])"})


@mistake("The Hessians of the batches are averaged, so an input in a small batch counts more. Every input counts the same.")
def hessian(batches, damp=0.01):
    rows = [batch.detach().reshape(-1, batch.shape[-1]) for batch in batches]
    H = torch.stack([2 / len(x) * x.T @ x for x in rows]).mean(0)
    return H + damp * H.diagonal().mean() * torch.eye(len(H), dtype=H.dtype)


# --- the factor ------------------------------------------------------------------------------------------------------------

mistake("This is the lower triangular factor. Row j must hold what goes to the columns after j: the upper one.", edit={UPPER: "return torch.linalg.cholesky(inverse)"})
mistake("You factor H instead of its inverse.", edit={INVERSE: "inverse = H.detach()"})
mistake("You give the inverse itself. The columns before j are fixed, and its rows do not know that.", edit={UPPER: "return inverse"})
mistake(
    "Your U is the transpose of L⁻¹, with H = L Lᵀ. It is upper triangular, but U Uᵀ = H⁻¹. Uᵀ U = H⁻¹ is asked for: take the upper "
    "Cholesky factor of H⁻¹.",
    edit={UPPER: "return torch.linalg.inv(torch.linalg.cholesky(H.detach())).T"},
)
mistake(
    "You give L⁻¹, with H = L Lᵀ. Its product L⁻ᵀ L⁻¹ is H⁻¹, but it is lower triangular: row j has nothing for the columns after j. "
    "Take the upper Cholesky factor of H⁻¹.",
    edit={UPPER: "return torch.linalg.inv(torch.linalg.cholesky(H.detach()))"},
)
mistake("U carries a gradient. Nothing that is returned does.", edit={INVERSE: "inverse = torch.cholesky_inverse(torch.linalg.cholesky(H))"})

mistake("The precision of matrix products is set for the whole program. Leave torch's settings as they are.", edit={MEAN: "torch.set_float32_matmul_precision('high')\n    " + MEAN})


@mistake("U is remembered by the place of H in memory. The numbers there may have changed: compute it each time.")
def inverse_factor(H):
    kept, key = vars(inverse_factor), f"{H.data_ptr()} {H.shape}"
    if key not in kept:
        kept.clear()
        kept[key] = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(H.detach())), upper=True), H
    return kept[key][0].clone()


# --- the loss -----------------------------------------------------------------------------------------------------------------

mistake("H is left out: the loss is on outputs, not on weights.", edit={LOSS: "return (E * E).sum().item() / 2"})
mistake("The half is missing: H has a factor 2.", edit={LOSS: "return ((E @ H.detach()) * E).sum().item()"})
mistake("You take the mean over outputs. The loss is their sum.", edit={LOSS: "return ((E @ H.detach()) * E).sum(1).mean().item() / 2"})
mistake("Only the diagonal of H is used: how errors add up is lost.", edit={LOSS: "return (E * E * H.detach().diagonal()).sum().item() / 2"})
mistake("The sum is over all of E H Eᵀ. Its trace has each output with itself only.", edit={LOSS: "return (E @ H.detach() @ E.T).sum().item() / 2"})

mistake("The loss has been rounded to float32. Everything is computed in the dtype of the weights.", edit={LOSS: "return ((E @ H.detach()) * E).sum().float().item() / 2"})
mistake("The loss turns gradients off for the rest of the program. Use torch.no_grad() as a context, or detach.", edit={LOSS: "torch.set_grad_enabled(False)\n    " + LOSS})

# --- the grid -----------------------------------------------------------------------------------------------------------------

mistake("The range is divided by 2^b. It has 2^b - 1 steps.", edit={SCALE: "s = (hi - lo) / 2**bits"})
mistake("The zero-point is no whole number, so 0 has no code.", edit={ZERO: "return s, -lo / s"})
mistake("The range is not widened to hold 0.", edit={RANGE: "lo, hi = lo * 1, hi * 1"})
mistake("All rows share one scale. Each row has its own.", edit={"lo, hi = w.aminmax(dim=1, keepdim=True)": "lo, hi = (each.expand(len(w), 1) for each in w.aminmax())"})
mistake("A group of zeros has a scale of 0, and 0 / 0 is nan. Its s is 1.", edit={PART: "s"})
mistake("The grid is symmetric about 0. It goes from the smallest to the largest weight, with a zero-point.", edit={RANGE: "hi = torch.maximum(-lo, hi)\n    lo = -hi"})

mistake("The zero-point is added before rounding: where it is odd, halves go to the other side. Round w / s, and add z then.", edit={CODE: "q = torch.round(w / s + z).clamp(0, 2**bits - 1)"})
mistake("A half of the zero-point is rounded up. It goes to the even number, like all others: use torch.round.", edit={ZERO: "return s, torch.floor(-lo / s + 0.5)"})
mistake("A small scale is taken for 0, so tiny weights are lost. Only where all weights are 0 is s = 1.", edit={PART: "torch.where(s < 1e-9, 1.0, s)"})
mistake("z is int64. It is of W's dtype or int32.", edit={RETURNED: "return codes, torch.cat(scales, 1), torch.cat(zeros, 1).long(), perm"})

# --- column by column -----------------------------------------------------------------------------------------------------------

mistake("Every weight is rounded by itself: no error goes to the later columns.", edit={SPREAD: "pass", LATER: "pass", BEHIND: "pass"})
mistake("The error is added to the later columns. U[j, k] says how they must move: subtract e · U[j, k].", edit={SPREAD: "W[:, j + 1 : end] += e * U[j, j + 1 : end]", LATER: "W[:, end:] += errors @ U[start:end, end:]", BEHIND: "weights[:, end - j :] += errors[:, : j - start] @ U[start:j, end:stop]"})
mistake("The error is not divided by U[j, j].", edit={ERROR: "e = w - s * (q - z)"})
mistake("The error is divided by the square of U[j, j]. That is right for the loss, and not for the change.", edit={ERROR: "e = (w - s * (q - z)) / U[j, j] ** 2"})
mistake("The error is divided by H[j, j].", edit={ERROR: "e = (w - s * (q - z)) / H[perm[j], perm[j]]"})
mistake("Column j of U is used in place of its row: it is 0 for later columns.", edit={SPREAD: "W[:, j + 1 : end] -= e * U[j + 1 : end, j]", LATER: "W[:, end:] -= errors @ U[end:, start:end].T"})
mistake("The error is measured on codes, not on weights.", edit={ERROR: "e = (w / s + z - q) / U[j, j]"})
mistake("The error is measured before the code is clamped. What is cut off is an error, too.", edit={ERROR: "e = (w - s * torch.round(w / s)) / U[j, j]"})
mistake("The code is not clamped: in uint8 it wraps around.", edit={CODE: "q = torch.round(w / s) + z"})
mistake("Codes are cut, not rounded.", edit={CODE: "q = (torch.floor(w / s) + z).clamp(0, 2**bits - 1)"})
mistake("The zero-point is forgotten in the code.", edit={CODE: "q = torch.round(w / s).clamp(0, 2**bits - 1)"})
mistake("H is damped a second time. It comes with its damping already.", edit={PERMUTED: "H = H + 0.01 * H.diagonal().mean() * torch.eye(C, dtype=H.dtype)\n    W, U = W[:, perm], inverse_factor(H[perm][:, perm])"})
mistake("Each block has the factor of its own part of H. U is the factor of the whole: columns behind the block make up for errors, too.", edit={ERROR: "own = inverse_factor(H[perm[start:end]][:, perm[start:end]])\n            e = (w - s * (q - z)) / own[j - start, j - start]"})
mistake("Half of the error goes on. All of it does.", edit={ERROR: "e = (w - s * (q - z)) / U[j, j] / 2"})
mistake("Only the next column makes up for an error. All later columns do.", edit={SPREAD: "W[:, j + 1 : min(j + 2, end)] -= e * U[j, j + 1 : min(j + 2, end)]"})
mistake("The codes are int32. They are uint8.", edit={"torch.empty(W.shape, dtype=torch.uint8, device=W.device)": "torch.empty(W.shape, dtype=torch.int32)"})
mistake("Everything is computed in float32, also for float64 weights.", edit={"W, H = W.detach(), H.detach()": "W, H = W.detach().float(), H.detach().float()"})
mistake("s carries a gradient if W is a parameter. Nothing that is returned does: detach.", edit={"W, H = W.detach(), H.detach()": "W = W + 0", STORED: "codes[:, perm[j]] = q[:, 0].detach().to(torch.uint8)", SPREAD: "W = torch.cat([W[:, : j + 1], W[:, j + 1 : end] - e * U[j, j + 1 : end], W[:, end:]], 1)", LATER: "W = torch.cat([W[:, :end], W[:, end:] - errors @ U[start:end, end:]], 1)", "errors[:, j - start] = e[:, 0]": "errors = torch.cat([errors[:, : j - start], e, errors[:, j - start + 1 :]], 1)"})


@mistake("Errors go out along the rows of H⁻¹ as it was in the beginning. After each column it must be the inverse of what is left: that is what U has.")
def gptq(W, H, bits, group=-1, blocksize=128, act_order=False):
    if not 2 <= bits <= 8 or (group < 1 and group != -1) or blocksize < 1:
        raise ValueError
    W, C = W.detach().clone(), W.shape[1]
    group = C if group == -1 else group
    perm = torch.argsort(H.diagonal(), descending=True, stable=True) if act_order else torch.arange(C)
    W, G = W[:, perm], torch.linalg.inv(H[perm][:, perm])
    codes, scales, zeros = torch.empty(W.shape, dtype=torch.uint8), [], []
    for j in range(C):
        if j % group == 0:
            s, z = _grid(W[:, j : j + group], bits)
            scales.append(s)
            zeros.append(z)
        w = W[:, j : j + 1]
        q = (torch.round(w / s) + z).clamp(0, 2**bits - 1)
        codes[:, perm[j]] = q[:, 0].to(torch.uint8)
        W[:, j + 1 :] -= (w - s * (q - z)) / G[j, j] * G[j, j + 1 :]
    return codes, torch.cat(scales, 1), torch.cat(zeros, 1), perm


@mistake("W is changed in place. Nothing that is passed in may change: work on a copy.")
def gptq(W, H, bits, group=-1, blocksize=128, act_order=False):
    if not 2 <= bits <= 8 or (group < 1 and group != -1) or blocksize < 1:
        raise ValueError
    C = W.shape[1]
    group = C if group == -1 else group
    perm = torch.argsort(H.diagonal(), descending=True, stable=True) if act_order else torch.arange(C)
    given = W.data
    V, U = W.data[:, perm], inverse_factor(H[perm][:, perm])
    codes, scales, zeros = torch.empty(W.shape, dtype=torch.uint8), [], []
    for j in range(C):
        if j % group == 0:
            s, z = _grid(V[:, j : j + group], bits)
            scales.append(s)
            zeros.append(z)
        w = V[:, j : j + 1]
        q = (torch.round(w / s) + z).clamp(0, 2**bits - 1)
        codes[:, perm[j]] = q[:, 0].to(torch.uint8)
        V[:, j + 1 :] -= (w - s * (q - z)) / U[j, j] * U[j, j + 1 :]
        given[:, perm[j]] = (s * (q - z))[:, 0]
    return codes, torch.cat(scales, 1), torch.cat(zeros, 1), perm


# --- groups and blocks --------------------------------------------------------------------------------------------------------------

mistake("A group's scale comes from the weights that were given. Take them as they are now, with the errors of all columns before.", edit={PERMUTED: PERMUTED + "\n    given = W.clone()", MEMBERS: "weights = given[:, j:stop].clone()", BEHIND: "pass"})
mistake(
    "A group that begins inside of a block takes its scale from weights without the errors of this block. The authors' code does so; here they count.",
    edit={PERMUTED: PERMUTED + "\n    old = W.clone()", LATER: LATER + "\n        old = W.clone()", MEMBERS: "weights = old[:, j:stop].clone()", BEHIND: "pass"},
)
mistake("A group that reaches over the end of a block takes those weights without the errors of the block. Bring them up to date before.", edit={BEHIND: "pass"})
mistake("The scale is computed anew for each column. It stays for the whole group.", edit={"if j % group == 0:\n                stop = min(j + group, C)": "if True:\n                stop = min(j - j % group + group, C)", "scales.append(s)\n                zeros.append(z)": "scales[j // group :] = [s]\n                zeros[j // group :] = [z]"})
mistake("Groups begin anew in each block. They are counted over all columns.", edit={STARTS: "if (j - start) % group == 0:"})
mistake("Columns behind the block never get the errors of the block.", edit={LATER: "pass", BEHIND: "pass"})
mistake("Columns behind the block get the error of the block's last column only.", edit={LATER: "W[:, end:] -= errors[:, -1:] @ U[end - 1 : end, end:]"})
mistake("The errors of a block arrive at columns behind it twice: once by column, once by block.", edit={SPREAD: "W[:, j + 1 :] -= e * U[j, j + 1 :]", BEHIND: "pass"})
mistake("All columns are one group, whatever `group` says.", edit={"group = C if group == -1 else group": "group = C"})
mistake("-1 means groups of one column in your code. It means one group.", edit={"group = C if group == -1 else group": "group = abs(group)"})
mistake("The default of group is not -1.", edit={"bits: int, group: int = -1, blocksize": "bits: int, group: int = 4, blocksize"})
mistake("A last group that is not full has no scale of its own.", edit={STARTS: "if j % group == 0 and (j + group <= C or j == 0):"})
mistake("s and z have the shape (G, O). It is (O, G).", edit={RETURNED: "return codes, torch.cat(scales, 1).T.contiguous(), torch.cat(zeros, 1).T.contiguous(), perm"})
mistake("bits outside of 2 … 8 are accepted. They raise ValueError.", edit={REFUSED: "if (group < 1 and group != -1) or blocksize < 1:"})
mistake("A group of 0, or below -1, is accepted. It raises ValueError.", edit={REFUSED: "group = group if group > 0 else -1\n    if not 2 <= bits <= 8 or blocksize < 1:"})
mistake("A blocksize of 0 is accepted. It raises ValueError.", edit={REFUSED: "blocksize = max(blocksize, 1)\n    if not 2 <= bits <= 8 or (group < 1 and group != -1):"})

# --- the order of columns ----------------------------------------------------------------------------------------------------------

mistake("act_order is ignored.", edit={ORDER: "perm = torch.arange(C) if act_order"})
mistake("Columns are rounded in rising order of H[j, j]. The largest come first, while there are many columns left.", edit={ORDER: "perm = torch.argsort(H.diagonal(), stable=True) if act_order"})
mistake("Codes come back in the order in which they were rounded. Put them back into the order of W.", edit={STORED: "codes[:, j] = q[:, 0].to(torch.uint8)"})
mistake("perm is the inverse: it says when each column was rounded. perm[k] is the column that was rounded as number k.", edit={RETURNED: "return codes, torch.cat(scales, 1), torch.cat(zeros, 1), torch.argsort(perm)"})
mistake("Only W is permuted. H belongs to the same columns.", edit={PERMUTED: "W, U = W[:, perm], inverse_factor(H)"})
mistake("Only the rows of H are permuted. Its columns are the same inputs.", edit={PERMUTED: "W, U = W[:, perm], inverse_factor((H[perm] + H[perm].T) / 2 + H.diagonal().max() * torch.eye(len(H), dtype=H.dtype))"})
mistake("U is permuted in place of H. A factor of the permuted matrix is another one.", edit={PERMUTED: "W, U = W[:, perm], inverse_factor(H)[perm][:, perm]"})
mistake("Columns go by the sizes of their weights. H[j, j] says how much an error costs.", edit={ORDER: "perm = torch.argsort(W.square().sum(0), descending=True, stable=True) if act_order"})
mistake("Equal numbers on the diagonal are taken from the back. The smaller number of the column comes first.", edit={ORDER: "perm = (C - 1 - torch.argsort(H.diagonal().flip(0), descending=True, stable=True)) if act_order"})
mistake("Columns go by the diagonal of H⁻¹. The order is by H.", edit={ORDER: "perm = torch.argsort(torch.linalg.inv(H).diagonal(), stable=True) if act_order"})



@mistake("With act_order, groups are neighbours in W as it was given. They are neighbours in the order of rounding.")
def gptq(W, H, bits, group=-1, blocksize=128, act_order=False):
    if not 2 <= bits <= 8 or (group < 1 and group != -1) or blocksize < 1:
        raise ValueError
    W, C = W.detach().clone(), W.shape[1]
    group = C if group == -1 else group
    perm = torch.argsort(H.diagonal(), descending=True, stable=True) if act_order else torch.arange(C)
    U = inverse_factor(H[perm][:, perm])
    codes, scales, zeros = torch.empty(W.shape, dtype=torch.uint8), {}, {}
    for k in range(C):
        j = int(perm[k])
        g = j // group
        if g not in scales:
            scales[g], zeros[g] = _grid(W[:, g * group : (g + 1) * group], bits)
        s, z = scales[g], zeros[g]
        w = W[:, j : j + 1]
        q = (torch.round(w / s) + z).clamp(0, 2**bits - 1)
        codes[:, j] = q[:, 0].to(torch.uint8)
        W[:, perm[k + 1 :]] -= (w - s * (q - z)) / U[k, k] * U[k, k + 1 :]
    order = range(len(scales))
    return codes, torch.cat([scales[g] for g in order], 1), torch.cat([zeros[g] for g in order], 1), perm


# --- back to weights ----------------------------------------------------------------------------------------------------------------

mistake("Column j is taken for a member of group j // group. Its place in perm says which group it is in.", edit={PLACE: "place = torch.arange(len(perm))"})
mistake("perm is used for its inverse: column perm[k] has place k.", edit={PLACE: "place = perm"})
mistake("uint8 minus a zero-point of int32 is fine, but codes - z in uint8 wraps around to 255.", edit={VALUE: "return s[:, of] * (codes - z[:, of].to(torch.uint8))"})
mistake("The zero-point is added.", edit={VALUE: "return s[:, of] * (codes.to(s.dtype) + z[:, of])"})
mistake("The zero-point is taken off behind the scale: s · q - z.", edit={VALUE: "return s[:, of] * codes.to(s.dtype) - z[:, of]"})
mistake("The result is float32, whatever s is.", edit={VALUE: "return (s[:, of] * (codes.to(s.dtype) - z[:, of])).float()"})
mistake("The weights come back in the order of rounding, not in that of the codes.", edit={VALUE: "return (s[:, of] * (codes.to(s.dtype) - z[:, of]))[:, perm]"})
mistake("The weights carry a gradient if s does. Nothing that is returned does: detach.", edit={VALUE: "return s[:, of] * (codes.to(s.dtype) - z[:, of])"})

mistake(
    "proxy_loss wants a factor of H, and an H with an input that is always 0 has none. It is defined for every H.",
    edit={LOSS: "return (E @ torch.linalg.cholesky(H.detach())).square().sum().item() / 2"},
    crashes=True,
)
mistake(
    "You switch TF32 off for the whole program. No call changes torch's settings.",
    edit={PERMUTED: "torch.backends.cudnn.allow_tf32 = False\n    " + PERMUTED},
)
