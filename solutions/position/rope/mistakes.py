"""Wrong ways to write position/rope, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

# --- frequencies and angles ------------------------------------------------------------------------------------------

mistake(
    "Your exponent is i/D for pair i, half of what it should be. Pair i has the frequency base^(-2i/D).",
    edit={"torch.arange(0, D, 2, dtype=torch.float64) / D": "torch.arange(D // 2, dtype=torch.float64) / D"},
)

mistake(
    "Your frequencies grow: base^(2i/D). They fall from 1: the exponent is negative.",
    edit={"base ** (-torch": "base ** (torch"},
)

mistake(
    "Your frequencies are float32. Multiplied by a position of 100 000, their rounding becomes an angle. Keep them in float64.",
    edit={
        "return base ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)": "return base ** (-torch.arange(0, D, 2) / D)"
    },
)

mistake(
    "You ignore `base` when you rotate: your frequencies are always those of 10000.",
    edit={"rope_freqs(R, base).to": "rope_freqs(R).to"},
)

mistake(
    "You turn the other way, clockwise. (a, b) becomes (a cos - b sin, a sin + b cos).",
    edit={"a * cos - b * sin, a * sin + b * cos": "a * cos + b * sin, -a * sin + b * cos"},
)

mistake(
    "You swap sine and cosine.",
    edit={
        "cos, sin = angles.cos().to(wide), angles.sin().to(wide)": "cos, sin = angles.sin().to(wide), angles.cos().to(wide)"
    },
)

mistake(
    "Both parts of your rotation have a minus. That is no rotation: only one sine has it.",
    edit={"a * sin + b * cos": "b * cos - a * sin"},
)

# --- pairs -----------------------------------------------------------------------------------------------------------

mistake(
    'You ignore `style`: "interleaved" pairs neighbours, 2i and 2i+1, and yours pairs i with D/2+i.',
    edit={'if style == "half":': "if True:", 'dim=-1) if style == "half" else': "dim=-1) if True else"},
)

mistake(
    'You ignore `style`: "half", the default, pairs i with D/2+i, and yours pairs neighbours.',
    edit={'if style == "half":': "if False:", 'dim=-1) if style == "half" else': "dim=-1) if False else"},
)

mistake(
    "You take neighbours apart and put the results side by side: features come back at other places. Put each number back where "
    "its pair was.",
    edit={
        'torch.cat(turned, dim=-1) if style == "half" else torch.stack(turned, dim=-1).flatten(-2)': "torch.cat(turned, -1)"
    },
)


@mistake(
    "You mix the two styles: cosines and sines in the order of one, the rotated partner of the other. Within a pair both features "
    "have one angle."
)
def apply_rope(x, pos, style="half", rotary_dim=None, base=10000.0):
    R = x.shape[-1] if rotary_dim is None else rotary_dim
    angles = pos[..., None] * (base ** (-torch.arange(0, R, 2, dtype=torch.float64) / R)).to(x.device)
    angles = angles[:, None] if pos.ndim == 2 else angles
    angles = torch.cat([angles, angles], -1) if style == "interleaved" else angles.repeat_interleave(2, -1)
    wide = torch.promote_types(x.dtype, torch.float32)
    t = x[..., :R].to(wide)
    a, b = t.chunk(2, -1) if style == "half" else (t[..., 0::2], t[..., 1::2])
    other = torch.cat([-b, a], -1) if style == "half" else torch.stack([-b, a], -1).flatten(-2)
    return torch.cat([(t * angles.cos().to(wide) + other * angles.sin().to(wide)).to(x.dtype), x[..., R:]], -1)


@mistake(
    "You rotate the heads as one long vector: each head gets other frequencies. Split into heads first; all are turned alike."
)
def apply_rope(x, pos, style="half", rotary_dim=None, base=10000.0):
    B, H, T, D = x.shape
    R = D if rotary_dim is None else rotary_dim
    long = x[..., :R].transpose(1, 2).reshape(B, T, H * R)
    angles = pos[..., None] * (base ** (-torch.arange(0, H * R, 2, dtype=torch.float64) / (H * R))).to(x.device)
    wide = torch.promote_types(x.dtype, torch.float32)
    cos, sin = angles.cos().to(wide), angles.sin().to(wide)
    t = long.to(wide)
    a, b = t.chunk(2, -1) if style == "half" else (t[..., 0::2], t[..., 1::2])
    turned = a * cos - b * sin, a * sin + b * cos
    out = torch.cat(turned, -1) if style == "half" else torch.stack(turned, -1).flatten(-2)
    return torch.cat([out.view(B, T, H, R).transpose(1, 2).to(x.dtype), x[..., R:]], -1)


# --- positions -------------------------------------------------------------------------------------------------------

ANGLES = "angles = pos[..., None] * rope_freqs"

mistake(
    "You ignore `pos` and count the tokens 0, 1, 2, …. In a cached decode, the one new token is at position 500, say.",
    edit={ANGLES: "angles = torch.arange(pos.shape[-1], device=x.device).expand_as(pos)[..., None] * rope_freqs"},
)

mistake(
    "Your positions begin at 1. Position 0 is not turned at all.",
    edit={ANGLES: "angles = (pos + 1)[..., None] * rope_freqs"},
)

mistake(
    "You use the positions of the first sequence for all of them. With `pos` of shape (B, T) each has its own.",
    edit={
        "    if pos.ndim == 2:\n        angles = angles[:, None]": "    if pos.ndim == 2:\n        angles = angles[:1, None]"
    },
)

mistake(
    "You forget the dimension of the heads: positions of shape (B, T) are taken for those of heads. Put it in: (B, 1, T, …).",
    edit={"    if pos.ndim == 2:\n        angles = angles[:, None]  # (B, 1, T, R/2): all heads alike\n": "    if pos.ndim == 2 and "
          "pos.shape[0] != x.shape[1]:\n        angles = angles[:, None]\n"},
)  # fmt: skip

# --- a part ----------------------------------------------------------------------------------------------------------

mistake(
    "You ignore `rotary_dim` and rotate everything.",
    edit={"R = x.shape[-1] if rotary_dim is None else rotary_dim": "R = x.shape[-1]"},
)

mistake(
    "Your frequencies are those for D when only rotary_dim features are rotated. They are rope_freqs(rotary_dim).",
    edit={"rope_freqs(R, base).to(x.device)": "rope_freqs(x.shape[-1], base)[: R // 2].to(x.device)"},
)

mistake(
    "The features that are not rotated are lost: they come back as 0. They should come back unchanged.",
    edit={"torch.cat([joined.to(x.dtype), rest], dim=-1)": "torch.cat([joined.to(x.dtype), 0 * rest], dim=-1)"},
)

mistake(
    "You rotate the last rotary_dim features. It is the first ones.",
    edit={
        "turning, rest = x[..., :R], x[..., R:]": "turning, rest = x[..., x.shape[-1] - R :], "
        "x[..., : x.shape[-1] - R]",
        "torch.cat([joined.to(x.dtype), rest], dim=-1)": "torch.cat([rest, joined.to(x.dtype)], dim=-1)",
    },
)

# --- precision -------------------------------------------------------------------------------------------------------

mistake(
    "Your positions or angles are in the dtype of x. bfloat16 has 8 bits: 257 becomes 256, and far angles are noise. Compute "
    "them in float32 at least.",
    edit={ANGLES: "angles = pos[..., None].to(x.dtype) * rope_freqs"},
)

mistake(
    "You rotate in x's dtype, with a rounding after every product. Convert to float32 first, and round once at the end.",
    edit={"wide = torch.promote_types(x.dtype, torch.float32)": "wide = x.dtype"},
)

mistake(
    "Your result is float32 for bfloat16 input. Return x's dtype.",
    edit={"torch.cat([joined.to(x.dtype), rest], dim=-1)": "torch.cat([joined, rest.to(wide)], dim=-1)"},
)

mistake(
    "You compute everything in float32, so float64 input loses its digits. Use float64 when x is float64.",
    edit={"wide = torch.promote_types(x.dtype, torch.float32)": "wide = torch.float32"},
)

mistake(
    "No gradient reaches x: it is detached on the way.",
    edit={"turning, rest = x[..., :R], x[..., R:]": "turning, rest = x[..., :R].detach(), x[..., R:]"},
)

# --- conversion and decay --------------------------------------------------------------------------------------------

mistake(
    'Your permutation goes the other way: "half" and "interleaved" are exchanged.',
    edit={'if to == "half" else (H, 2, -1)': 'if to != "half" else (H, 2, -1)'},
)

mistake(
    'You ignore `to`: the rows always move from "interleaved" to "half".',
    edit={'(H, -1, 2) if to == "half" else (H, 2, -1)': "(H, -1, 2)"},
)

mistake(
    "You permute all H·D rows as one head: rows move from one head to another. Permute inside each head.",
    edit={'(H, -1, 2) if to == "half" else (H, 2, -1)': '(1, -1, 2) if to == "half" else (1, 2, -1)'},
)

mistake(
    "Your bound is the sum of the |S_j|. It is their mean: divide by D/2.",
    edit={"partial.abs().mean(-1)": "partial.abs().sum(-1)"},
)

mistake(
    "You take the absolute value of the last sum only. The bound is the mean over all partial sums S_1, S_2, …, S_{D/2}.",
    edit={"partial.abs().mean(-1)": "partial[:, -1].abs()"},
)

mistake(
    "You average the sums before you take absolute values. Take |S_j| first, then the mean.",
    edit={"partial.abs().mean(-1)": "partial.mean(-1).abs()"},
)

mistake(
    "You add cosines only. S_j is a sum of complex numbers: cosines and sines.",
    edit={"partial.abs().mean(-1)": "partial.real.abs().mean(-1)"},
)

mistake(
    "Your distances begin at 1. The first value belongs to distance 0.",
    edit={"torch.arange(max_dist)[:, None]": "torch.arange(1, max_dist + 1)[:, None]"},
)


# --- state, views, rounding ------------------------------------------------------------------------------------------

mistake(
    "You remember the angles by their number, so the positions of the first call stay. Positions come with the tokens.",
    edit={
        "    angles = pos[..., None] * rope_freqs(R, base).to(x.device)": (
            "    pos = apply_rope.__dict__.setdefault(str((*pos.shape, R)), pos)\n"
            "    angles = pos[..., None] * rope_freqs(R, base).to(x.device)"
        )
    },
)
mistake(
    "You remember the frequencies by their number, so the base of the first call stays.",
    edit={
        "    angles = pos[..., None] * rope_freqs(R, base).to(x.device)": (
            "    base = apply_rope.__dict__.setdefault(str(R), base)\n"
            "    angles = pos[..., None] * rope_freqs(R, base).to(x.device)"
        )
    },
)
mistake(
    "You use `view` on x, which need not be contiguous. Use `reshape`, `unflatten` or slices.",
    edit={
        "turning, rest = x[..., :R], x[..., R:]": "turning, rest = x.view(x.numel()).view(x.shape)[..., :R], x[..., R:]"
    },
    crashes=True,
)
mistake(
    "You use `view` on a weight that need not be contiguous. Use `reshape` or `unflatten`.",
    edit={
        "    return w.unflatten(0, pairs)": "    w = w.view(w.numel()).view(w.shape)\n    return w.unflatten(0, pairs)"
    },
    crashes=True,
)
mistake(
    "You round the products to bfloat16 before you add them. Rotate in float32 and round once, at the end.",
    edit={
        "turned = a * cos - b * sin, a * sin + b * cos": (
            "turned = ((a * cos).to(x.dtype) - (b * sin).to(x.dtype), (a * sin).to(x.dtype) + (b * cos).to(x.dtype))"
        )
    },
)
mistake(
    "For float64 x your cosines and sines are float32. They are float64 then.",
    edit={
        "cos, sin = angles.cos().to(wide), angles.sin().to(wide)": "cos, sin = angles.cos().float().to(wide), angles.sin().float().to(wide)"
    },
)

mistake(
    "float16 is turned in float16. It is rotated in float32 and rounded once at the end, as bfloat16 is.",
    edit={"wide = torch.promote_types(x.dtype, torch.float32)": "wide = torch.float32 if x.dtype == torch.bfloat16 else x.dtype"},
)

mistake(
    "permute_weights goes through float32: the rows of a float64 weight come back rounded.",
    edit={"return w.unflatten(0, pairs).transpose(1, 2).flatten(0, 2)": "return w.float().unflatten(0, pairs).transpose(1, 2).flatten(0, 2).to(w.dtype)"},
)

mistake(
    "Angles come from a table of 131,072 positions, and a later one is not in it. Any position from 0 on may come.",
    edit={
        ANGLES + "(R, base).to(x.device)": (
            "angles = (torch.arange(131072, device=x.device)[:, None] * rope_freqs(R, base).to(x.device))[pos]"
        )
    },
    crashes=True,
)

mistake(
    "`rotary_dim or D` takes 0 for None. With 0 nothing is rotated.",
    edit={"x.shape[-1] if rotary_dim is None else rotary_dim": "rotary_dim or x.shape[-1]"},
)
