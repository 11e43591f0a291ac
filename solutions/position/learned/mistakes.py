"""Wrong ways to write position/learned, each with the sentence that a student should read."""

from autograder.checks import mistake

LOOKUP = "return F.embedding(position_ids + self.offset, self.weight, self.padding_idx)"
TABLE = "torch.empty(offset + max_len, C).normal_(std=0.02)"
ZERO = "            with torch.no_grad():\n                self.weight[padding_idx] = 0\n"
FROM_MASK = "return (real.cumsum(1) - 1) * real\n"
ROBERTA = "return real.cumsum(1) * real + pad\n"
PLACE = "x = ((i.double() + 0.5) * M / new_len - 0.5).clamp(min=0)"
BASE = "u = (w - alpha * w[0]) / (1 - alpha)"
PAIR = "return alpha * u[i // M] + (1 - alpha) * u[i % M]"
BETWEEN = "return (1 - f) * w[j] + f * w[(j + 1).clamp(max=M - 1)]"
LONG = 'if mode == "hier" and new_len <= M * M:'

# --- the table -------------------------------------------------------------------------------------------------------

mistake(
    "You look position p up in row p and ignore `offset`. Position p has row p + offset.",
    edit={"position_ids + self.offset": "position_ids"},
    crashes=True,
)
mistake(
    "You subtract the offset. Position p has row p + offset.",
    edit={"position_ids + self.offset": "position_ids - self.offset"},
    crashes=True,
)
mistake(
    "Your table has max_len rows. It needs offset + max_len, since the first `offset` rows are reserved.",
    edit={TABLE: "torch.empty(max_len, C).normal_(std=0.02)"},
)
mistake(
    "Positions past the end get the last row of your table. They have no row: raise an IndexError.",
    edit={"position_ids + self.offset": "(position_ids + self.offset).clamp(max=len(self.weight) - 1)"},
)
mistake(
    "Positions below -offset get row 0 of your table. They have no row: raise an IndexError.",
    edit={"position_ids + self.offset": "(position_ids + self.offset).clamp(min=0)"},
)
mistake(
    "Positions past the end begin at the first row again. They have no row: raise an IndexError.",
    edit={"position_ids + self.offset": "(position_ids + self.offset) % len(self.weight)"},
)
mistake(
    "You index the table with `[]`, so a row below 0 is counted from the end of the table. It does not exist: raise an IndexError.",
    edit={
        LOOKUP: "rows = self.weight\n        if self.padding_idx is not None:\n"
        "            keep = torch.arange(len(rows)) != self.padding_idx\n"
        "            rows = torch.where(keep[:, None], rows, rows.detach())\n"
        "        return rows[position_ids + self.offset]"
    },
)
mistake(
    "You look at the first position only before you clamp the others. Each position without a row is an IndexError.",
    edit={
        LOOKUP: "F.embedding(position_ids.reshape(-1)[:1] + self.offset, self.weight)\n"
        "        rows = (position_ids + self.offset).clamp(0, len(self.weight) - 1)\n"
        "        return F.embedding(rows, self.weight, self.padding_idx)"
    },
)
mistake(
    "You refuse negative positions. Those from -1 down to -offset have the reserved rows: OPT uses -1 for padding.",
    edit={LOOKUP: "if (position_ids < 0).any():\n            raise IndexError\n        " + LOOKUP},
    crashes=True,
)
mistake(
    "Your lookup takes the number of the token's place in the row, whatever `position_ids` says.",
    edit={
        "position_ids + self.offset": "torch.arange(position_ids.shape[-1]).expand(position_ids.shape) + self.offset"
    },
)
mistake(
    "Your table is kept as a buffer or detached: it gets no gradient. It is learned, so it is a parameter.",
    edit={LOOKUP: LOOKUP.replace("self.weight", "self.weight.detach()")},
)
mistake(
    "Your table is returned for the first position of each row only.",
    edit={LOOKUP: LOOKUP + "[..., :1, :].expand(*position_ids.shape, -1)"},
)

# --- the padding row -------------------------------------------------------------------------------------------------

mistake(
    "The row of padding starts with random numbers in your table. It is zero at first.",
    edit={ZERO: "            pass\n"},
)
mistake(
    "The row of padding gets a gradient from your lookup, so that training moves it away from zero.",
    edit={", self.padding_idx)": ")"},
)
mistake(
    "You add the offset to `padding_idx`. It is the number of a row already, not of a position.",
    edit={"self.offset, self.padding_idx = offset, padding_idx": "padding_idx = padding_idx if padding_idx is None "
          "else min(padding_idx + offset, offset + max_len - 1)\n        self.offset, self.padding_idx = offset, padding_idx"},
)  # fmt: skip
mistake(
    "Your lookup writes zeros over the row of padding at each call. It is zero in a new table; if other weights are loaded, they count.",
    edit={
        LOOKUP: "if self.padding_idx is not None:\n            self.weight.data[self.padding_idx] = 0\n        "
        + LOOKUP
    },
)
mistake(
    "Your lookup gives zeros for padding, whatever its row holds. If other weights are loaded, it returns those.",
    edit={
        LOOKUP: "out = F.embedding(position_ids + self.offset, self.weight, self.padding_idx)\n"
        "        pad = -1 if self.padding_idx is None else self.padding_idx\n"
        "        return out * (position_ids + self.offset != pad)[..., None]"
    },
)
mistake(
    "The row of padding counts as missing because you test `if padding_idx`: row 0 is a row too. Test `is not None`.",
    edit={
        "self.offset, self.padding_idx = offset, padding_idx": "padding_idx = padding_idx or None\n"
        "        self.offset, self.padding_idx = offset, padding_idx"
    },
)
mistake(
    "You set all reserved rows to zero in a new table. Only the row `padding_idx` is zero.",
    edit={ZERO: ZERO + "        with torch.no_grad():\n            self.weight[:offset] = 0\n"},
)
mistake(
    "Your new table has the standard deviation 1, the default of `nn.Embedding`. Here it is 0.02, as in BERT and GPT-2.",
    edit={".normal_(std=0.02)": ".normal_()"},
)
mistake(
    "Your new table is uniform. It is normal, with standard deviation 0.02.",
    edit={".normal_(std=0.02)": ".uniform_(-0.02 * 3**0.5, 0.02 * 3**0.5)"},
)
mistake(
    "Your new table is all zeros. It is normal, with standard deviation 0.02.",
    edit={".normal_(std=0.02)": ".zero_()"},
)
mistake(
    "You seed torch's generator in `__init__`, so all new tables are equal.",
    edit={"self.offset, self.padding_idx = offset, padding_idx": "torch.manual_seed(0)\n"
          "        self.offset, self.padding_idx = offset, padding_idx"},
)  # fmt: skip

# --- numbers for a padded batch --------------------------------------------------------------------------------------

mistake(
    "You number the places of a row and ignore the mask. A sequence that is padded on the left then has other positions than alone.",
    edit={FROM_MASK: "return torch.arange(mask.shape[1]).expand(mask.shape) * real\n"},
)
mistake(
    "Your positions begin at 1. The first real token has no real token before it: its position is 0.",
    edit={FROM_MASK: "return real.cumsum(1) * real\n"},
)
mistake(
    "Padding behind a token goes on with that token's position: you do not multiply by the mask. Padding gets 0.",
    edit={FROM_MASK: "return (real.cumsum(1) - 1).clamp(min=0)\n"},
    fails=["padding_has_one_position"],
)
mistake(
    "You take the distance from the first real token, so padding between tokens is counted too. Count real tokens only.",
    edit={FROM_MASK: "return (torch.arange(mask.shape[1]) - real.argmax(1, keepdim=True)) * real\n"},
)
mistake(
    "You count down the batch instead of along the row: the tokens are the last dimension.",
    edit={FROM_MASK: "return (real.cumsum(0) - 1) * real\n"},
)
mistake(
    "You count from the end of the row: the last real token gets 0. Count the real tokens *before* each one.",
    edit={FROM_MASK: "return (real.flip(1).cumsum(1).flip(1) - 1) * real\n"},
)
mistake(
    "Your positions are int32. Position numbers are int64 here, whatever the mask is.",
    edit={"real = mask.long()": "real = mask.int()", FROM_MASK: "return ((real.cumsum(1) - 1) * real).int()\n"},
)
mistake(
    "You count in the mask's own dtype: 8 bits overflow after 255 tokens. Count in int64.",
    edit={FROM_MASK: "return ((real.cumsum(1) - 1) * real).to(torch.uint8).long()\n"},
)
mistake(
    "Your positions of RoBERTa begin at `pad`. The first real token has pad + 1.",
    edit={ROBERTA: "return torch.where(real == 1, real.cumsum(1) - 1, 0) + pad\n"},
)
mistake(
    "Your positions of RoBERTa begin at 0 or 1. They begin at pad + 1.",
    edit={ROBERTA: "return real.cumsum(1) * real\n"},
)
mistake(
    "Padding gets 0 in your positions of RoBERTa. It gets `pad`.",
    edit={ROBERTA: "return (real.cumsum(1) + pad) * real\n"},
)
mistake(
    "Padding behind a token goes on with that token's number in RoBERTa's positions. It gets `pad`.",
    edit={ROBERTA: "return real.cumsum(1) + pad\n"},
)
mistake(
    "You number the places of a row and ignore which tokens are padding. Count the real tokens.",
    edit={ROBERTA: "return torch.arange(1, ids.shape[1] + 1) * real + pad\n"},
)
mistake(
    "You take 1 for the number of padding, which is RoBERTa's own. It is the argument `pad`.",
    edit={"real = (ids != pad).long()": "real = (ids != 1).long()"},
)
mistake(
    "You take all tokens above `pad` for real and all others for padding. Only `pad` is padding; tokens with smaller numbers are real.",
    edit={"(ids != pad).long()": "(ids > pad).long()"},
)

# --- a longer table --------------------------------------------------------------------------------------------------

mistake(
    "You interpolate over the features. The positions are the first dimension of the table: transpose it for `F.interpolate`.",
    edit={BETWEEN: "return F.interpolate(w[None, None], (new_len, w.shape[1]), mode='bilinear')[0, 0].roll(1, 1)"},
)
mistake(
    "You read at i·M/new_len, without the half: the whole table is moved by part of a row.",
    edit={PLACE: "x = (i.double() * M / new_len).clamp(0, M - 1)"},
)
mistake(
    "You take the nearest row. Read between the two neighbours, each with its share.",
    edit={BETWEEN: "return w[x.round().long()]"},
)
mistake(
    "You exchange the shares of the two neighbours. At x = j + f, row j + 1 has the share f.",
    edit={BETWEEN: "return f * w[j] + (1 - f) * w[(j + 1).clamp(max=M - 1)]"},
)
mistake(
    "You continue the line beyond the first and the last row. A place outside counts as the nearest end.",
    edit={
        ").clamp(min=0)\n        j = x.long()": ")\n        j = x.long().clamp(0, max(M - 2, 0))",
    },
)
mistake(
    "You repeat the table from its beginning instead of stretching it.",
    edit={BETWEEN: "return w[i % M]"},
)
mistake(
    "You append copies of the last row and leave the others where they are. The whole table is stretched.",
    edit={BETWEEN: "return w[i.clamp(max=M - 1)]"},
)
mistake(
    "Your table of float64 is interpolated in float32.",
    edit={
        BETWEEN: "w, f = w.float(), f.float()\n        return ((1 - f) * w[j] + f * w[(j + 1).clamp(max=M - 1)]).to(f.dtype)"
    },
)
mistake(
    "You give the table itself back when the length does not change. The result shares no memory with w.",
    edit={
        "    M = len(w)\n": "    M = len(w)\n    if new_len == M and mode in ('linear', 'hier'):\n        return w\n"
    },
)
mistake(
    "Your result is a part of `w` when it is shorter. The result shares no memory with w.",
    edit={BASE: "if new_len <= M:\n            return w[:new_len]\n        " + BASE},
)
mistake(
    "Your longer table is detached from `w`: no gradient flows.",
    edit={"    M = len(w)\n": "    M, w = len(w), w.detach()\n"},
)
mistake(
    "You mix the rows w[i] and w[j] themselves, so old rows are not kept. Mix the rows u[i] = (w[i] - alpha·w[0]) / (1 - alpha).",
    edit={BASE: "u = w"},
)
mistake(
    "You do not divide by 1 - alpha: the old rows become smaller.",
    edit={BASE: "u = w - alpha * w[0]"},
)
mistake(
    "You exchange i and j: row i·M + j is alpha·u[i] + (1 - alpha)·u[j], so that the first M rows are the old ones.",
    edit={PAIR: "return alpha * u[i % M] + (1 - alpha) * u[i // M]"},
)
mistake(
    "You keep the old rows and begin again with the first for the new ones. Rows of the two digits i and j are composed.",
    edit={PAIR: "return w[i % M]"},
)
mistake(
    "You split the number of a row by the new length instead of M.",
    edit={PAIR: "return alpha * u[i // new_len] + (1 - alpha) * u[i % new_len % M]"},
)
mistake(
    "Your alpha is always 0.4. It is an argument.",
    edit={BASE: "alpha = 0.4\n        " + BASE},
)
mistake(
    "You allow more than M² rows, for which there are no two digits. Raise a ValueError.",
    edit={LONG: 'if mode == "hier":', PAIR: "return alpha * u[(i // M) % M] + (1 - alpha) * u[i % M]"},
)
mistake(
    "You refuse M² rows too. The last one has the digits M - 1 and M - 1.",
    edit={LONG: LONG.replace("<=", "<")},
    crashes=True,
)
mistake(
    'An unknown mode counts as "hier" for you. It is a ValueError.',
    edit={LONG: "if new_len <= M * M:"},
)
mistake(
    "You compare the mode without regard to case, or by its first letter. Any other mode than the two is a ValueError.",
    edit={'if mode == "linear":': 'if mode.lower() == "linear":'},
)
mistake(
    "You use `view` on a table that need not be contiguous.",
    edit={"    M = len(w)\n": "    M = len(w)\n    w = w.view(-1).view(w.shape)\n"},
    crashes=True,
)


# --- of other kinds --------------------------------------------------------------------------------------------------

mistake(
    "You cut position numbers to 32 bits, where huge ones become small. They have no row: raise an IndexError.",
    edit={LOOKUP: LOOKUP.replace("position_ids", "position_ids.int()")},
)
mistake(
    "In evaluation mode positions past the end get the last row of your table. They have no row in either mode.",
    edit={LOOKUP: "if not self.training:\n            position_ids = position_ids.clamp(max=len(self.weight) - 1 - self.offset)\n        " + LOOKUP},
)
mistake(
    "You hand out a part of the table where the positions are 0, 1, 2, …: who changes the result changes the table.",
    edit={LOOKUP: "T = position_ids.shape[-1] if position_ids.ndim == 1 else 0\n        if T and position_ids.tolist() == list(range(T)) and self.offset + T <= len(self.weight):\n            return self.weight[self.offset :][:T]\n        " + LOOKUP},
)
mistake(
    "You ask for the smallest position where there is none. A tensor of positions may be empty.",
    edit={LOOKUP: "if position_ids.min() < -self.offset:\n            raise IndexError(position_ids.min())\n        " + LOOKUP},
    crashes=True,
)
mistake(
    "You use alpha in mode \"linear\" too. It is for \"hier\" only.",
    edit={BETWEEN: "f = f if alpha == 0.4 else alpha * f\n        " + BETWEEN},
)
mistake(
    "You average rows where the table shrinks by a whole factor. Row i is read between its two neighbours, whatever the length.",
    edit={BETWEEN: "if new_len < M and M % new_len == 0:\n            return w.unflatten(0, (new_len, -1)).mean(1)\n        " + BETWEEN},
)
mistake(
    "You divide a row's gradient by the number of times that it was read. Gradients add up.",
    edit={LOOKUP: LOOKUP.replace("self.padding_idx)", "self.padding_idx, scale_grad_by_freq=True)")},
)
