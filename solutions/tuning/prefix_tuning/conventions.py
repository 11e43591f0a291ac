"""What others do otherwise than tuning/prefix_tuning asks for."""

from autograder.checks import convention

convention(
    "You compute the softmax in float32, as Hugging Face's models do. For float64 inputs it is float64 here.",
    used_by="Hugging Face transformers (eager attention of Llama, Mistral, Qwen 2)",
    costs="float64_is_exact",
    edit={".softmax(-1) @ v": ".softmax(-1, dtype=torch.float32).to(q.dtype) @ v"},
)
