"""What others do otherwise than sft/collator asks for."""

from autograder.checks import convention

convention(
    "You keep a candidate that is as alike as the threshold. It must be less alike, as Self-Instruct's paper says.",
    used_by="the programs of Self-Instruct and of Stanford's Alpaca",
    costs="near_copies_are_dropped",
    edit={"rouge_l(text, other) < thr": "rouge_l(text, other) <= thr"},
)
