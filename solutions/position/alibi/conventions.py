"""What others do otherwise than position/alibi asks for."""

from autograder.checks import convention

convention(
    "For float64 inputs your softmax is float32, as in BLOOM's code. Everything but the slopes is computed in the inputs' dtype.",
    used_by="Hugging Face transformers (BloomAttention)",
    costs="gradients_reach_queries_keys_and_values",
    edit={"return scores.softmax(-1) @ v": "return scores.softmax(-1, dtype=torch.float32).to(v.dtype) @ v"},
)
