"""Right implementations of position/sinusoidal, done differently."""

import math

import numpy as np
import torch

from autograder.checks import alternative


@alternative("exp of a logarithm, written into slices")
def sinusoidal(n, C, layout="interleaved", base=10000.0):
    pe = torch.zeros(n, C)
    position = torch.arange(n, dtype=torch.float64).unsqueeze(1)
    divide = torch.exp(torch.arange(0, C, 2, dtype=torch.float64) * (-math.log(base) / C))
    if layout == "interleaved":
        pe[:, 0::2] = torch.sin(position * divide)
        pe[:, 1::2] = torch.cos(position * divide)
    else:
        pe[:, : C // 2] = torch.sin(position * divide)
        pe[:, C // 2 :] = torch.cos(position * divide)
    return pe


@alternative("NumPy, and a permutation of the interleaved table")
def sinusoidal(n, C, layout="interleaved", base=10000.0):
    angle = np.arange(n)[:, None] / np.power(float(base), 2 * (np.arange(C)[None, :] // 2) / C)
    table = np.where(np.arange(C) % 2 == 0, np.sin(angle), np.cos(angle))
    if layout == "concat":
        table = np.concatenate([table[:, 0::2], table[:, 1::2]], axis=1)
    return torch.from_numpy(table.astype(np.float32))


@alternative("a cosine is a sine a quarter turn ahead")
def sinusoidal(n, C, layout="interleaved", base=10000.0):
    i = torch.arange(C)
    if layout == "interleaved":
        pair, cosine = i.div(2, rounding_mode="floor"), i % 2
    else:
        pair, cosine = i % (C // 2), i.div(C // 2, rounding_mode="floor")
    phase = torch.arange(n).double().outer(torch.pow(base, -2 * pair.double() / C))
    return torch.sin(phase + cosine * math.pi / 2).to(torch.float32)


@alternative("complex numbers")
def sinusoidal(n, C, layout="interleaved", base=10000.0):
    theta = torch.tensor([base ** (-2 * i / C) for i in range(C // 2)], dtype=torch.float64)
    z = torch.polar(torch.ones(n, C // 2, dtype=torch.float64), torch.arange(n, dtype=torch.float64)[:, None] * theta)
    if layout == "interleaved":
        return torch.view_as_real(z).flip(-1).reshape(n, C).float()
    return torch.cat([z.imag, z.real], dim=-1).float()


@alternative("block by block, in Python floats")
def shift_matrix(k, C, base=10000.0):
    M = torch.zeros(C, C)
    for i in range(C // 2):
        angle = k / base ** (2 * i / C)
        M[2 * i, 2 * i] = M[2 * i + 1, 2 * i + 1] = math.cos(angle)
        M[2 * i + 1, 2 * i] = math.sin(angle)
        M[2 * i, 2 * i + 1] = -math.sin(angle)
    return M


@alternative("matrix exponential of the generator, times k")
def shift_matrix(k, C, base=10000.0):
    G = torch.zeros(C, C, dtype=torch.float64)
    for i in range(C // 2):
        theta = base ** (-2 * i / C)
        # a turn by a whole number of circles is none; keeps the exponential exact for large shifts
        angle = math.remainder(k * theta, 2 * math.pi)
        G[2 * i + 1, 2 * i], G[2 * i, 2 * i + 1] = angle, -angle
    return torch.linalg.matrix_exp(G).float()


@alternative("powers of the one-step matrix, in float64")
def shift_matrix(k, C, base=10000.0):
    f = torch.tensor([base ** (-2 * i / C) for i in range(C // 2)], dtype=torch.float64)
    step = torch.zeros(C, C, dtype=torch.float64)
    even = torch.arange(0, C, 2)
    step[even, even] = step[even + 1, even + 1] = f.cos()
    step[even + 1, even], step[even, even + 1] = f.sin(), -f.sin()
    return torch.linalg.matrix_power(step if k >= 0 else step.T, abs(k)).float()


@alternative("diagonals of a matrix")
def shift_matrix(k, C, base=10000.0):
    angle = (k * torch.pow(base, -torch.arange(0, C, 2, dtype=torch.float64) / C)).repeat_interleave(2)
    beside = angle.sin() * torch.tensor([1.0, 0.0], dtype=torch.float64).repeat(C // 2)
    return (angle.cos().diag() + beside[:-1].diag(-1) - beside[:-1].diag(1)).to(torch.float32)
