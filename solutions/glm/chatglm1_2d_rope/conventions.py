"""What others do otherwise than glm/chatglm1_2d_rope asks for."""

from autograder.checks import convention

convention(
    "The rows of padding are empty in your mask, as in ChatGLM's own code. Here each padding token sees itself, so that its softmax is a number.",
    used_by="ChatGLM-6B's tokenizer (_pad) and SwissArmyTransformer (get_masks)",
    costs="padding_changes_nothing",
    edit={" | (place == place[:, None])": ""},
)
