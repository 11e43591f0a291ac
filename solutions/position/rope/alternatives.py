"""Right implementations of position/rope, done differently."""

import math

import torch

from autograder.checks import alternative


def _split(x, style, rotary_dim):
    R = x.shape[-1] if rotary_dim is None else rotary_dim
    return R, x[..., :R], x[..., R:]


def _angles(pos, R, base):
    freqs = torch.tensor([base ** (-2 * i / R) for i in range(R // 2)], dtype=torch.float64, device=pos.device)
    angles = pos.double()[..., None] * freqs
    return angles.unsqueeze(1) if pos.dim() == 2 else angles


@alternative("exp of a logarithm")
def rope_freqs(D, base=10000.0):
    return torch.exp(-math.log(base) * torch.arange(0, D, 2).double() / D)


@alternative("complex multiplication, as in Meta's Llama")
def apply_rope(x, pos, style="half", rotary_dim=None, base=10000.0):
    R, turning, rest = _split(x, style, rotary_dim)
    wide = torch.float64 if x.dtype == torch.float64 else torch.float32
    pairs = turning.to(wide)
    pairs = torch.stack(pairs.chunk(2, -1), -1) if style == "half" else pairs.unflatten(-1, (-1, 2))
    angles = _angles(pos, R, base)
    turn = torch.polar(torch.ones_like(angles), angles)
    turned = torch.view_as_real(torch.view_as_complex(pairs.contiguous()) * turn.to(wide.to_complex()))
    out = turned.movedim(-1, -2).flatten(-2) if style == "half" else turned.flatten(-2)
    return torch.cat([out.to(x.dtype), rest], -1)


@alternative("x · cos + rotate_half(x) · sin, as in Hugging Face's Llama and GLM")
def apply_rope(x, pos, style="half", rotary_dim=None, base=10000.0):
    R, turning, rest = _split(x, style, rotary_dim)
    wide = x.dtype if x.dtype == torch.float64 else torch.float32
    angles = _angles(pos, R, base)
    angles = torch.cat([angles, angles], -1) if style == "half" else angles.repeat_interleave(2, dim=-1)
    t = turning.to(wide)
    if style == "half":
        other = torch.cat([-t[..., R // 2 :], t[..., : R // 2]], -1)
    else:
        other = torch.stack([-t[..., 1::2], t[..., 0::2]], -1).flatten(-2)
    return torch.cat([(t * angles.cos().to(wide) + other * angles.sin().to(wide)).to(x.dtype), rest], -1)


@alternative("a 2 × 2 matrix for each pair, written into a new tensor")
def apply_rope(x, pos, style="half", rotary_dim=None, base=10000.0):
    R = x.shape[-1] if rotary_dim is None else rotary_dim
    wide = torch.promote_types(x.dtype, torch.float32)
    angles = _angles(pos, R, base)
    cos, sin = angles.cos(), angles.sin()
    matrix = torch.stack([torch.stack([cos, -sin], -1), torch.stack([sin, cos], -1)], -2).to(wide)
    first = torch.arange(R // 2) if style == "half" else torch.arange(0, R, 2)
    second = first + (R // 2 if style == "half" else 1)
    pairs = torch.stack([x[..., first], x[..., second]], -1).to(wide)
    turned = (matrix @ pairs[..., None])[..., 0].to(x.dtype)
    out = x.clone()
    out[..., first], out[..., second] = turned[..., 0], turned[..., 1]
    return out


@alternative("float32 angles for all but float64, as most libraries have them")
def apply_rope(x, pos, style="half", rotary_dim=None, base=10000.0):
    R, turning, rest = _split(x, style, rotary_dim)
    wide = x.dtype if x.dtype == torch.float64 else torch.float32
    freqs = 1.0 / (base ** (torch.arange(0, R, 2, device=x.device, dtype=wide) / R))
    angles = pos[..., None].to(wide) * freqs
    angles = angles.unsqueeze(1) if pos.dim() == 2 else angles
    a, b = turning.to(wide).chunk(2, -1) if style == "half" else turning.to(wide).unflatten(-1, (-1, 2)).unbind(-1)
    out = [angles.cos() * a - angles.sin() * b, angles.cos() * b + angles.sin() * a]
    out = torch.cat(out, -1) if style == "half" else torch.stack(out, -1).reshape(turning.shape)
    return torch.cat([out.to(x.dtype), rest], -1)


@alternative("one style through the other, with features reordered before and after")
def apply_rope(x, pos, style="half", rotary_dim=None, base=10000.0):
    R, turning, rest = _split(x, style, rotary_dim)
    order = torch.arange(R).view(2, -1).T.flatten() if style == "half" else torch.arange(R)
    t = turning[..., order]
    t = t.double()
    angles = _angles(pos, R, base)
    a, b = t[..., ::2], t[..., 1::2]
    out = torch.stack([a * angles.cos() - b * angles.sin(), a * angles.sin() + b * angles.cos()], -1).flatten(-2)
    return torch.cat([out[..., order.argsort()].to(x.dtype), rest], -1)


@alternative("row numbers, head by head")
def permute_weights(w, H, to):
    D = w.shape[0] // H
    inside = [*range(0, D, 2), *range(1, D, 2)]
    if to != "half":
        inside = [i for pair in zip(range(D // 2), range(D // 2, D), strict=True) for i in pair]
    return torch.cat([w[h * D : (h + 1) * D][inside] for h in range(H)])


@alternative("view and transpose, as in the conversion script")
def permute_weights(w, H, to):
    rows, C = w.shape
    half = rows // H // 2
    if to == "half":
        return w.view(H, half, 2, C).transpose(1, 2).reshape(rows, C)
    return w.view(H, 2, half, C).transpose(1, 2).reshape(rows, C)


@alternative("sums of cosines and of sines")
def decay_bound(D, max_dist, base=10000.0):
    theta = [base ** (-2 * i / D) for i in range(D // 2)]
    bounds = []
    for m in range(max_dist):
        re = im = total = 0.0
        for t in theta:
            re, im = re + math.cos(m * t), im + math.sin(m * t)
            total += math.hypot(re, im)
        bounds.append(total / (D // 2))
    return torch.tensor(bounds, dtype=torch.float64)
