"""What others do otherwise than glm/blank_infilling asks for."""

from autograder.checks import convention

convention(
    "You number the tokens of a piece from 0. Here SOP has 1, as in GLM's code, so that 0 stands for part A alone.",
    used_by="implementations that number each piece like a text of its own",
    costs="pos2_counts_inside_of_a_piece",
    edit={"pos2 += range(1, len(piece) + 2)": "pos2 += range(len(piece) + 1)"},
)
convention(
    "You round ratio · n down, as GLM's code does. Here lengths are drawn until they sum to ratio · n itself.",
    used_by="GLM's pre-training code (ConstructBlockStrategy.construct_blocks)",
    costs="spans_stand_apart_and_are_enough",
    edit={"while sum(lengths) < ratio * n:": "while sum(lengths) < int(ratio * n):"},
)
convention(
    "You place spans as GLM's code does: places are drawn with repetition and sorted, so crowded placements come out less often. Here all are equally likely.",
    used_by="GLM's pre-training code (ConstructBlockStrategy.sample_spans)",
    costs="every_set_of_spans_has_its_chance",
    edit={
        "zip(sorted(rng.sample(range(gaps), len(lengths))), lengths, strict=True)": "zip([gap + i for i, gap in enumerate(sorted(rng.randrange(gaps - len(lengths) + 1) for _ in lengths))], lengths, strict=True)"
    },
)
