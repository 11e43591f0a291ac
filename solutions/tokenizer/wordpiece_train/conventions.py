"""What others do otherwise than tokenizer/wordpiece_train asks for."""

from autograder.checks import convention

convention(
    "Where scores are equal you take the pair that you met first. Here the higher count(ab) decides, then the smallest pair.",
    used_by="the Hugging Face course (a loop with `<` over the pairs)",
    costs="settles_ties",
    edit={"return -score, -pairs[pair], pair": "return -score"},
)
