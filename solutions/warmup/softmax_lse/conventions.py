"""What others do otherwise than warmup/softmax_lse asks for."""

from autograder.checks import convention

convention(
    "A slice with nothing in it is 0 / 0 = nan in your softmax. The shift is safe but the sum of its exponentials is 0: "
    "give the division something else there.",
    used_by="torch.softmax",
    costs="an_empty_slice_gives_zeros",
    edit={"e / total.masked_fill(total == 0, 1.0)": "e / total"},
)

convention(
    "You set masked scores to a large negative number instead of -inf. A slice that is masked throughout then looks like "
    "one of equal scores and gets uniform weights instead of 0.",
    used_by="Hugging Face transformers (eager attention: masks hold torch.finfo(dtype).min)",
    costs="an_empty_slice_gives_zeros",
    edit={"x.masked_fill(~mask, -torch.inf)": "x.masked_fill(~mask, torch.finfo(x.dtype).min)"},
)
