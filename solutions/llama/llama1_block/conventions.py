"""What others do otherwise than llama/llama1_block asks for."""

from autograder.checks import convention

convention(
    "You compute the softmax in float32, as Hugging Face's models do. For float64 weights it is float64 here.",
    used_by="Hugging Face transformers (LlamaAttention, eager)",
    costs="float64_is_exact_to_the_end",
    edit={
        "return scores.softmax(-1) @ v": "return scores.softmax(-1, dtype=torch.float32).to(q.dtype) @ v",
    },
)

convention(
    "You compute the norm in float32, as Hugging Face's models do. For float64 weights it is float64 here.",
    used_by="Hugging Face transformers (LlamaRMSNorm)",
    costs="float64_is_exact_to_the_end",
    edit={
        "return x * (x.square().mean(-1, keepdim=True) + eps).rsqrt() * w": "x32 = x.float()\n    return (x32 * (x32.square().mean(-1, keepdim=True) + eps).rsqrt()).to(x.dtype) * w",
    },
)
