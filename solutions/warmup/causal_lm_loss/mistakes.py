"""Wrong implementations of warmup/causal_lm_loss, and what a student should read about each."""

import math

from autograder.checks import mistake

SHIFT = "logits, targets = logits[:, :-1], labels[:, 1:]"

mistake(
    "You compare each position's logits with the token that stands there, which the model has already read. "
    "Position t predicts the token at t + 1.",
    edit={SHIFT: "logits, targets = logits, labels"},
)

mistake(
    "You shift the wrong way: your position t + 1 predicts the token at t. "
    "Drop the last position of the logits and the first of the labels.",
    edit={SHIFT: "logits, targets = logits[:, 1:], labels[:, :-1]"},
)

mistake(
    "You shift by two positions. The labels arrive unshifted, and one shift is enough: position t predicts t + 1.",
    edit={SHIFT: "logits, targets = logits[:, :-2], labels[:, 2:]"},
)

mistake(
    "You roll the labels, so the last position is scored on the first token of its sequence. It has no target: "
    "leave it out.",
    edit={SHIFT: "targets = labels.roll(-1, dims=1)"},
)

mistake(
    "You shift the flattened batch, so the last position of a sequence predicts the first token of the next one. "
    "Shift within each sequence.",
    edit={SHIFT: "logits, targets = logits.flatten(0, 1)[:-1], labels.flatten()[1:]"},
)

MEAN = "(max(len(nll), 1) if num_items is None else num_items)"

mistake(
    "You divide by B · T. A sequence of T tokens has T - 1 targets, and those that are ignored do not count either.",
    edit={MEAN: "(labels.numel() if num_items is None else num_items)"},
)

mistake(
    "You divide by all B · (T - 1) targets, the ignored ones included. Divide by the number that entered the sum.",
    edit={MEAN: "(max(targets.numel(), 1) if num_items is None else num_items)"},
)

mistake(
    "You count the targets in the unshifted labels, so first tokens are counted although they are no targets. "
    "Count after the shift.",
    edit={MEAN: "(max(int((labels != ignore_index).sum()), 1) if num_items is None else num_items)"},
)


@mistake(
    "You average within each sequence and then over sequences, so a token in a short sequence weighs more. "
    "Sum over the whole batch, then divide once."
)
def causal_lm_loss(logits, labels, ignore_index=-100, num_items=None):
    targets = labels[:, 1:]
    counts = (targets != ignore_index).to(logits.dtype)
    log_p = logits[:, :-1].log_softmax(-1).gather(-1, targets.where(counts > 0, 0).unsqueeze(-1)).squeeze(-1)
    nll = -log_p * counts
    if num_items is not None:
        return nll.sum() / num_items
    return (nll.sum(1) / counts.sum(1).clamp(min=1)).mean()


mistake(
    "Your ignore_index has no effect: you leave out the labels that are negative. Compare with ignore_index.",
    edit={"targets != ignore_index": "targets >= 0"},
)

mistake(
    "Your ignore_index has no effect: you compare with -100 whatever is passed. Use the argument.",
    edit={"targets != ignore_index": "(targets != -100) & (targets >= 0) & (targets < logits.shape[-1])"},
)

mistake(
    "You give ignored targets some class and count their loss. Leave them out of the sum and of the number.",
    edit={
        "counts = targets != ignore_index": "counts = torch.ones_like(targets, dtype=torch.bool)\n"
        "    targets = targets.masked_fill(targets == ignore_index, 0)"
    },
)

mistake(
    "Without targets you return a new tensor that is not connected to the logits, so backward() fails or leaves no "
    "gradient. An empty sum of their losses is 0 and has a gradient of zeros.",
    edit={
        "    return nll.sum() /": "    if not len(nll):\n        return logits.new_zeros(())\n    return nll.sum() /"
    },
)

mistake(
    "You divide by one more than the number of targets to avoid 0 / 0. That makes every other loss too small: "
    "change the divisor only when it is 0.",
    edit={"max(len(nll), 1)": "(len(nll) + 1)"},
)

mistake(
    "You take the log of the softmax. Where a probability underflows to 0, that is -inf. "
    "Take log_softmax, which never leaves the log domain.",
    edit={"torch.log_softmax(logits[counts], dim=-1)": "torch.softmax(logits[counts], dim=-1).log()"},
)

mistake(
    "You add a small number inside the log of the softmax. It hides the -inf but caps the loss, and stops the gradient "
    "just where the model is most wrong. Take log_softmax.",
    edit={"torch.log_softmax(logits[counts], dim=-1)": "(torch.softmax(logits[counts], dim=-1) + 1e-9).log()"},
)

mistake(
    "You drop the sign: log-probabilities are negative, and their sum is to be maximised. The loss is minus that sum.",
    edit={"nll = -log_p": "nll = log_p"},
)

mistake(
    "You return the sum of the losses. Divide it by the number of targets, or by num_items.",
    edit={"return nll.sum() / (max(len(nll), 1) if num_items is None else num_items)": "return nll.sum()"},
)

mistake(
    "You ignore num_items and average over this batch. Micro-batches then weigh the same, however few targets they have, "
    "and their sum grows with their number. With num_items, divide the sum by it.",
    edit={MEAN: "max(len(nll), 1)"},
)

mistake(
    "You divide the mean by num_items. The sum is what num_items divides: one division, not two.",
    edit={MEAN: "max(len(nll), 1) / (num_items or 1)"},
)

mistake(
    "You write a token into the ignored labels in place, which changes the caller's batch: whoever uses these labels "
    "next counts padding. Work on a copy.",
    edit={
        "targets[counts]": "targets.masked_fill_(~counts, 0)[counts]",
    },
)

mistake(
    "Your perplexity is e to the sum. It is a mean over tokens: divide by n_tokens before exp.",
    edit={"math.exp(nll_sum / n_tokens)": "math.exp(nll_sum)"},
)

mistake(
    "Your perplexity is 2 to the nats. The loss is in nats, so the base is e.",
    edit={"math.exp(nll_sum / n_tokens)": "2 ** (nll_sum / n_tokens)"},
)

mistake(
    "Your perplexity overflows with an exception. Return math.inf when the result is too large for a float.",
    edit={"except OverflowError:\n        return math.inf": "finally:\n        pass"},
    crashes=True,
)

mistake(
    "Your bits per byte are nats per byte. One nat is 1 / ln 2 bits.",
    edit={"return nll_sum / math.log(2) / n_bytes": "return nll_sum / n_bytes"},
)

mistake(
    "You multiply by ln 2 to go from nats to bits. A bit is the smaller unit (ln 2 nats), so there are more of them: divide.",
    edit={"return nll_sum / math.log(2) / n_bytes": "return nll_sum * math.log(2) / n_bytes"},
)


@mistake(
    "You convert to bits with log2 of the loss. The unit of a logarithm changes by a factor: divide the nats by ln 2."
)
def bits_per_byte(nll_sum, n_bytes):
    return math.log2(nll_sum / n_bytes) if nll_sum else 0.0


mistake(
    "You remember the loss of an earlier batch of the same shape. It depends on the numbers.",
    edit={
        "    return nll.sum() / (max(len(nll), 1) if num_items is None else num_items)": (
            "    loss = nll.sum() / (max(len(nll), 1) if num_items is None else num_items)\n"
            "    return causal_lm_loss.__dict__.setdefault(str(logits.shape), loss)"
        )
    },
)

mistake(
    "You use `view` on logits that need not be contiguous. Use `reshape`, `flatten` or an index.",
    edit={
        "    logits, targets = logits[:, :-1], labels[:, 1:]": (
            "    logits = logits.view(logits.numel()).view(logits.shape)\n    logits, targets = logits[:, :-1], labels[:, 1:]"
        )
    },
    crashes=True,
)

mistake(
    "1 / num_items is rounded to float32. The loss of float64 logits is as exact as they are.",
    edit={f"nll.sum() / {MEAN}": f"nll.sum() * torch.tensor(1 / {MEAN}, dtype=torch.float32 if num_items else logits.dtype).to(logits)"},
)

mistake(
    "With num_items you forget ignore_index, and only -100 is ignored.",
    edit={"counts = targets != ignore_index": "counts = targets != (ignore_index if num_items is None else -100)"},
)

mistake(
    "You divide by your own number of targets where num_items is smaller. A num_items that is given is what the sum is divided by.",
    edit={MEAN: "max(len(nll), num_items or 1)"},
)
