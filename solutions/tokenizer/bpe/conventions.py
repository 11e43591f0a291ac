"""What others do otherwise than tokenizer/bpe asks for."""

from autograder.checks import convention

convention(
    "Of equally frequent pairs you take the last one in alphabetical order. Here the one with the smallest ids is merged.",
    used_by="subword-nmt, the tool of the paper's authors (`max` over (count, pair))",
    costs="ties_go_to_the_smallest_ids",
    edit={
        "best = min(counts, key=lambda pair: (-counts[pair], ids[pair[0]], ids[pair[1]]))":
            "best = max(counts, key=lambda pair: (counts[pair], pair))"
    },
)  # fmt: skip
