"""What others do otherwise than embedding/e5_infonce asks for."""

from autograder.checks import convention

convention(
    "For \"cls\" you take position 0, as E5's own code does. With padding on the left that is no token of the text.",
    used_by="microsoft/unilm, e5/utils.py",
    costs="padding_may_stand_anywhere_and_hold_anything",
    edit={"place = real.int().argmax(1)  # argmax gives the first of equal values": "place = torch.zeros(len(h), dtype=torch.int64)"},
)
convention(
    "You multiply by the mask, as sentence-transformers does. Where padding holds nan or inf, 0 times that is nan: put zeros there.",
    used_by="sentence-transformers 6.2 (Pooling, mean)",
    costs="padding_may_stand_anywhere_and_hold_anything",
    edit={"h.masked_fill(padding, 0.0).sum(1)": "(h * real.unsqueeze(-1).to(h.dtype)).sum(1)"},
)
