"""What others do otherwise than position/learned asks for."""

from autograder.checks import convention

convention(
    "Padding gets -1 in your positions, as in OPT. Here it gets 0.",
    used_by="Hugging Face transformers (OPT)",
    costs="padding_has_one_position",
    edit={
        "return (real.cumsum(1) - 1) * real\n": "return real.cumsum(1) * real - 1\n",
    },
)

convention(
    "Padding gets 1 in your positions, as in older releases of transformers. Here it gets 0.",
    used_by="older releases of Hugging Face transformers (position_ids of generate)",
    costs="padding_has_one_position",
    edit={
        "return (real.cumsum(1) - 1) * real\n": "return (real.cumsum(1) - 1).masked_fill(real == 0, 1)\n",
    },
)

convention(
    "You put the first and the last row on each other (`align_corners=True`). Here rows have a width: read row i at (i + 1/2)·M/new_len - 1/2.",
    used_by="interpolation with align_corners=True",
    costs="linear_reads_between_the_rows",
    edit={
        "x = ((i.double() + 0.5) * M / new_len - 0.5).clamp(min=0)": "x = i.double() * (M - 1) / max(new_len - 1, 1)",
    },
)
