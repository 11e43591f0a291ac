"""What others do otherwise than tokenizer/bbpe asks for."""

from autograder.checks import convention

convention(
    "The ids of the 256 bytes follow the bytes' values. As in GPT-2 they follow their characters here: `!` is 0, and `Ġ` is 220.",
    used_by="minbpe",
    costs="training_gives_ids_in_order_and_stops_at_the_size",
    edit={"sorted(char_of.values())": "[char_of[byte] for byte in range(256)]"},
)

convention(
    "Of equally frequent pairs you take the one that was seen first. Here the one with the smallest ids is merged.",
    used_by="minbpe (`max` over the counts)",
    costs="training_gives_ids_in_order_and_stops_at_the_size",
    edit={
        "min(counts, key=lambda pair: (-counts[pair], vocab[pair[0]], vocab[pair[1]]))": "max(counts, key=counts.get)"
    },
)
