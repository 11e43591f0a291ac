"""Wrong ways to write position/sinusoidal, each with the sentence that a student should read."""

import math

import torch

from autograder.checks import mistake

# --- frequencies -----------------------------------------------------------------------------------------------------

mistake(
    "Your exponent is i/C for pair i, half of what it should be, so the slow pairs turn far too fast. "
    "Pair i stands at feature 2i, and its exponent is 2i/C.",
    edit={"torch.arange(0, C, 2, dtype=torch.float64) / C": "torch.arange(C // 2, dtype=torch.float64) / C"},
)

mistake(
    "Your exponent is 4i/C: 2i is doubled twice (arange(0, C, 2) is 2i already). It should be 2i/C.",
    edit={"torch.arange(0, C, 2, dtype=torch.float64) / C": "2 * torch.arange(0, C, 2, dtype=torch.float64) / C"},
)

mistake(
    "Your frequencies go all the way down to 1/base: the exponent is i/(C/2 - 1), as in the Tensor2Tensor library. The paper's "
    "exponent is 2i/C, which ends before 1.",
    edit={
        "torch.arange(0, C, 2, dtype=torch.float64) / C": "torch.arange(0, C, 2, dtype=torch.float64) / max(C - 2, 1)",
    },
)

mistake(
    "All your pairs turn with the same frequency. Pair i has its own: base^(-2i/C).",
    edit={"base ** (-torch.arange(0, C, 2, dtype=torch.float64) / C)": "torch.ones(C // 2, dtype=torch.float64)"},
)

mistake(
    "You multiply the position by base^(2i/C); divide by it. Frequencies fall from 1.",
    edit={"base ** (-torch": "base ** (torch"},
)

mistake(
    "Your frequencies come in the reverse order. Pair 0 is the fastest, with frequency 1.",
    edit={"torch.float64) / C)": "torch.float64) / C).flip(0)"},
)

mistake(
    "You ignore `base` and always use 10000.",
    edit={"return base ** (": "return 10000.0 ** ("},
)


@mistake(
    "Each of your features has a frequency of its own, base^(-j/C) for feature j. The sine and the cosine of a pair share one: "
    "base^(-2i/C) for features 2i and 2i+1."
)
def sinusoidal(n, C, layout="interleaved", base=10000.0):
    angles = torch.arange(n, dtype=torch.float64)[:, None] * base ** (-torch.arange(C, dtype=torch.float64) / C)
    if layout == "interleaved":
        angles[:, 0::2], angles[:, 1::2] = angles[:, 0::2].sin(), angles[:, 1::2].cos()
        return angles.float()
    return torch.cat([angles[:, : C // 2].sin(), angles[:, C // 2 :].cos()], 1).float()


# --- angles ----------------------------------------------------------------------------------------------------------

ANGLES = "angles = torch.arange(n)[:, None] * _frequencies(C, base)"

mistake(
    "Your angles are in degrees, or you convert them as if they were. t · base^(-2i/C) is in radians already.",
    edit={ANGLES: f"{ANGLES} * {math.pi / 180!r}"},
)

mistake(
    "You multiply the angles by 2π, as if the frequencies counted turns. They are radians for each step: leave 2π out.",
    edit={ANGLES: f"{ANGLES} * {2 * math.pi!r}"},
)

mistake(
    "You divide the position by base^(2i/C) in whole numbers (`//`), so slow pairs stand still for a while. Divide exactly.",
    edit={
        ANGLES: "angles = torch.arange(n, dtype=torch.float64)[:, None] // (1 / _frequencies(C, base))",
    },
)

mistake(
    "Your positions begin at 1. The first row is position 0, whose sines are 0 and cosines 1.",
    edit={ANGLES: ANGLES.replace("torch.arange(n)", "torch.arange(1, n + 1)")},
)

mistake(
    "Your frequencies are rounded to float32 before they are multiplied by the position, so the rounding grows with it. "
    "Stay in float64 until the sine and cosine are taken.",
    edit={"return base ** (-torch.arange(0, C, 2, dtype=torch.float64) / C)": "return (base ** "
          "(-torch.arange(0, C, 2, dtype=torch.float64) / C)).float().double()"},
)  # fmt: skip

# --- layout ----------------------------------------------------------------------------------------------------------

SIN_COS = "torch.stack([angles.sin(), angles.cos()], dim=-1"

mistake(
    "You put the cosine before the sine. Position 0 is (0, 1, 0, 1, …).",
    edit={SIN_COS: "torch.stack([angles.cos(), angles.sin()], dim=-1"},
)

mistake(
    "You use sines only. The second feature of a pair is the cosine of the same angle.",
    edit={SIN_COS: "torch.stack([angles.sin(), angles.sin()], dim=-1"},
)

mistake(
    'You ignore `layout`: "concat" gives the interleaved table. It has all sines first, then all cosines.',
    edit={'dim=-1 if layout == "interleaved" else 1)': "dim=-1)"},
)

mistake(
    'You ignore `layout`: every table has all sines first. In "interleaved", the default, sines and cosines alternate.',
    edit={'dim=-1 if layout == "interleaved" else 1)': "dim=1)"},
)

mistake(
    "Your two layouts are exchanged: the interleaved table comes out as concat, and the other way round.",
    edit={'dim=-1 if layout == "interleaved" else 1)': 'dim=1 if layout == "interleaved" else -1)'},
)

mistake(
    "Your table is float64. Compute in float64, but return float32.",
    edit={"return pairs.flatten(1).float()": "return pairs.flatten(1)"},
)

# --- shifts ----------------------------------------------------------------------------------------------------------

mistake(
    "Your matrix is the transpose: it is made for columns, M @ PE, and moves rows backwards. Rows stand on its left: PE @ M.",
    edit={"torch.block_diag(*blocks).float()": "torch.block_diag(*blocks).float().T"},
)

mistake(
    "You shift by |k|: a negative k must move backwards.",
    edit={"angles = k * _freq": "angles = abs(k) * _freq"},
)

mistake(
    "Your matrix is made for the concat layout: it mixes features i and C/2+i. In the interleaved table, a pair is two neighbours.",
    edit={"return torch.block_diag(*blocks).float()": "return torch.cat([torch.cat([cos.diag(), -sin.diag()], 1), "
          "torch.cat([sin.diag(), cos.diag()], 1)]).float()"},
)  # fmt: skip

mistake(
    "Your blocks have two equal signs at the sines: that is no rotation. One of them has a minus.",
    edit={"torch.stack([cos, -sin], dim=-1)": "torch.stack([cos, sin], dim=-1)"},
)


@mistake(
    "You multiply the one-step matrix in float32, and its rounding error grows with k. Take the sine and cosine of k times the "
    "frequency instead."
)
def shift_matrix(k, C, base=10000.0):
    angles = base ** (-torch.arange(0, C, 2, dtype=torch.float64) / C)
    step = torch.block_diag(*[torch.tensor([[a.cos(), -a.sin()], [a.sin(), a.cos()]]) for a in angles])
    return torch.linalg.matrix_power(step if k >= 0 else step.T, abs(k))


# --- state -----------------------------------------------------------------------------------------------------------

tables: dict[tuple, torch.Tensor] = {}


def table_of(n, C, layout="interleaved", base=10000.0):
    angles = torch.arange(n)[:, None] * base ** (-torch.arange(0, C, 2, dtype=torch.float64) / C)
    pairs = torch.stack([angles.sin(), angles.cos()], dim=-1 if layout == "interleaved" else 1)
    return pairs.flatten(1).float()


@mistake(
    "You remember a table by its size, so the layout and the base of the first call stay. They belong to what it is remembered by."
)
def sinusoidal(n, C, layout="interleaved", base=10000.0):
    if (n, C) not in tables:
        tables[n, C] = table_of(n, C, layout, base)
    return tables[n, C].clone()


@mistake(
    "You remember a table by its size and layout, so the base of the first call stays. It belongs to what it is remembered by."
)
def sinusoidal(n, C, layout="interleaved", base=10000.0):
    if (n, C, layout) not in tables:
        tables[n, C, layout] = table_of(n, C, layout, base)
    return tables[n, C, layout].clone()


@mistake(
    "You give the same tensor to everybody who asks for the same table. When one changes it, it changes for all: return a new one."
)
def sinusoidal(n, C, layout="interleaved", base=10000.0):
    key = (n, C, layout, float(base))
    if key not in tables:
        tables[key] = table_of(n, C, layout, base)
    return tables[key]


mistake(
    "You remember a shift by its size alone. It depends on `base` as well.",
    edit={
        "    angles = k * _frequencies(C, base)": (
            "    base = shift_matrix.__dict__.setdefault((k, C), base)\n    angles = k * _frequencies(C, base)"
        )
    },
)
