"""Wrong implementations of quant/nf4, and what a student should read about each."""

import torch

from autograder.checks import mistake


@mistake(
    "Your levels are symmetric, eight on each side, so there is no exact 0. NF4 has eight positive levels, seven negative ones, and 0."
)
def nf4_codebook():
    half = torch.special.ndtri(torch.linspace(0.9677083, 0.5, 9, dtype=torch.float64)[:-1])
    return (torch.cat([-half, half.flip(0)]) / half[0]).float()


@mistake("Your levels are evenly spaced: that is int4. NF4's are quantiles of the normal distribution, dense around 0.")
def nf4_codebook():
    return torch.cat([torch.linspace(-1, 0, 8), torch.linspace(0, 1, 9)[1:]])


mistake(
    "Your halves are swapped: eight levels are above 0 and seven below.",
    edit={"return (levels / positive[0]).float()": "return (-levels.flip(0) / positive[0]).float()"},
)
mistake(
    "You do not divide the quantiles by the largest one, so the levels do not end at ±1.",
    edit={"(levels / positive[0]).float()": "levels.float()"},
)
mistake(
    "Your outermost probability is another one. The levels of NF4 come from 0.9677083.",
    edit={"    p = 0.9677083\n": "    p = 1 - 1 / 32\n"},
)
mistake(
    "You put the first of two values into the low four bits. It goes into the high ones.",
    edit={
        "return high << 4 | low, absmax": "return low << 4 | high, absmax",
        "[packed >> 4, packed & 15]": "[packed & 15, packed >> 4]",
    },
)
mistake(
    "You pack the first half of the values with the second half. Two neighbours share a byte.",
    edit={
        "codes.view(-1, 2).unbind(1)": "codes.view(2, -1).unbind(0)",
        "torch.stack([packed >> 4, packed & 15], 1).view(-1, block)": "torch.cat([packed >> 4, packed & 15]).view(-1, block)",
    },
)
mistake(
    "You scale each row by its absmax. A block is `block` neighbours of the flattened tensor, whatever the rows are.",
    edit={
        "    flat = w.flatten().float()\n": "    block = w.shape[-1] + w.shape[-1] % 2 if w.ndim > 1 else block\n    flat = w.flatten().float()\n",
    },
)
mistake(
    "Your blocks run down the columns. They are neighbours in memory, along the rows.",
    edit={"w.flatten().float()": "w.T.flatten().float() if w.ndim == 2 else w.flatten().float()"},
)
mistake(
    "You divide by the standard deviation. Divide by the largest |w|, so that every value lies in [-1, 1].",
    edit={"absmax = blocks.abs().amax(1)": "absmax = blocks.std(1, correction=0)"},
)
mistake(
    "You divide by the largest w. A larger negative one then falls off the levels: take |w|.",
    edit={"absmax = blocks.abs().amax(1)": "absmax = blocks.amax(1)"},
)
mistake(
    "A block of zeros is divided by 0, and nan has no nearest level. Divide by 1 there.",
    edit={"blocks / torch.where(absmax == 0, 1.0, absmax)[:, None]": "blocks / absmax[:, None]"},
)
mistake(
    "You add an epsilon to absmax, or bound it from below, which flattens tiny weights. Only 0 needs care.",
    edit={"torch.where(absmax == 0, 1.0, absmax)[:, None]": "absmax.clamp(min=1e-8)[:, None]"},
)
mistake(
    "You take the next level below, not the nearest one.",
    edit={"torch.bucketize(scaled, middles)": "(torch.bucketize(scaled, levels, right=True) - 1)"},
)
mistake(
    "Your absmax has the dtype of the weights. It is float32.",
    edit={"    return high << 4 | low, absmax": "    return high << 4 | low, absmax.to(w.dtype)"},
)
mistake(
    "You divide in the dtype of the weights. A quotient of 8 bits lands on the wrong side of a middle: convert to float32 first.",
    edit={
        "w.flatten().float()": "w.flatten()",
        "return high << 4 | low, absmax": "return high << 4 | low, absmax.float()",
        "torch.bucketize(scaled, middles)": "torch.bucketize(scaled.float(), middles)",
    },
)
mistake(
    "You flatten with `view`, which can't see a transposed tensor as one row. `flatten` and `reshape` copy when they must.",
    edit={"w.flatten().float()": "w.view(-1).float()"},
    crashes=True,
)
mistake(
    "Your blocks have 64 values whatever `block` says.",
    edit={"pad(flat, (0, -len(flat) % block)).view(-1, block)": "pad(flat, (0, -len(flat) % 64)).view(-1, 64)"},
)
mistake(
    "You do not drop the padding before you give the weights their shape, or drop it at the wrong end.",
    edit={"values.flatten()[: torch.Size(shape).numel()]": "values.flatten()[-torch.Size(shape).numel() :]"},
)
mistake(
    "You pad with copies of the last value. Pad with zeros.",
    edit={
        "torch.nn.functional.pad(flat, (0, -len(flat) % block))": "torch.cat([flat, flat[-1:].expand(-len(flat) % block)])"
    },
)
mistake(
    "You quantize the absmaxes without taking their mean off: they are all positive, and half of the codes are never used.",
    edit={"    offset = absmax.mean()\n": "    offset = torch.zeros(())\n"},
)
mistake(
    "You take off the middle between the smallest and the largest absmax. Their mean is asked for.",
    edit={"    offset = absmax.mean()\n": "    offset = (absmax.amin() + absmax.amax()) / 2\n"},
)
mistake(
    "You take the mean of each block off. There is one offset for all.",
    edit={
        "    centred = absmax - offset\n": "    centred = torch.cat([part - part.mean() for part in absmax.split(block)])\n"
    },
)
mistake(
    "You have one scale for all absmaxes. Each block of them has its own.",
    edit={
        "for part in centred.split(block)])": "for part in centred.split(block)])\n    scales = scales.max().expand_as(scales)"
    },
)
mistake(
    "Your scale divides by 128, so the largest one gets the code 256, which 8 bits do not have. Divide by 127.",
    edit={"part.abs().max() / 127": "part.abs().max() / 128"},
)
mistake(
    "Your codes are cut off instead of rounded.",
    edit={"torch.round(centred / steps)": "torch.floor(centred / steps)"},
)
mistake(
    "You do not add 128, so negative codes wrap around in uint8.",
    edit={
        "(torch.round(centred / steps) + 128).to(torch.uint8)": "torch.round(centred / steps).to(torch.int64).to(torch.uint8)",
        "(codes.float() - 128)": "codes.to(torch.int8).float()",
    },
)
mistake(
    "You add no offset when the absmaxes come back.",
    edit={"[: len(codes)] + offset": "[: len(codes)]"},
)
mistake(
    "You count only the 8-bit codes of the scales. The scales of scales take 32 bits for each block of them.",
    edit={"8 + 32 / second": "8.0"},
)
mistake(
    "You count 16 bits for an absmax. It is a float32 here.",
    edit={"32 if second is None else 8 + 32 / second": "16 if second is None else 8 + 16 / second"},
)
mistake(
    "You give the same codebook each time, and a caller that changes it changes it for all. Return a new tensor.",
    edit={
        "    return (levels / positive[0]).float()": '    return nf4_codebook.__dict__.setdefault("kept", (levels / positive[0]).float())'
    },
)
mistake(
    "You remember absmaxes by the shape of w. Other weights have others.",
    edit={
        "    absmax = blocks.abs().amax(1)\n": "    absmax = quantize_nf4.__dict__.setdefault((w.shape, block), blocks.abs().amax(1))\n"
    },
)
mistake(
    "You remember weights by their shape. Other codes and scales give others.",
    edit={
        "    return values.flatten()[: torch.Size(shape).numel()].view(shape)": "    values = values.flatten()[: torch.Size(shape).numel()].view(shape)\n    return dequantize_nf4.__dict__.setdefault((tuple(shape), block), values)"
    },
)
mistake(
    "You remember the offset of the first call.",
    edit={"    offset = absmax.mean()\n": '    offset = double_quant.__dict__.setdefault("kept", absmax.mean())\n'},
)
mistake(
    "You change torch's default dtype and leave it so.",
    edit={
        "    flat = w.flatten().float()\n": "    flat = w.flatten().float()\n    torch.set_default_dtype(torch.float64)\n"
    },
)
mistake(
    "You switch gradients off and leave them so.",
    edit={"    flat = w.flatten().float()\n": "    flat = w.flatten().float()\n    torch.set_grad_enabled(False)\n"},
)
mistake("You multiply by 1 / absmax, which is infinite for the smallest numbers of float32. Divide.", edit={"blocks / torch.where(absmax == 0, 1.0, absmax)[:, None]": "blocks * (1 / torch.where(absmax == 0, 1.0, absmax))[:, None]"})
mistake("You quantize 4096 blocks at a time, and leave out the last part, which has fewer.", edit={"codes = torch.bucketize(scaled, middles).to(torch.uint8)": "codes = torch.bucketize(scaled, middles).to(torch.uint8)\n    codes[len(scaled) // min(4096, len(scaled)) * min(4096, len(scaled)) :] = 0"})
mistake("A scale below 1e-8 is taken for 0. Any scale above 0 is one.", edit={"torch.where(scales == 0, 1.0, scales).repeat_interleave": "torch.where(scales < 1e-8, 1.0, scales).repeat_interleave"})
