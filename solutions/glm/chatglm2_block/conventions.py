"""What others do otherwise than glm/chatglm2_block asks for."""

from autograder.checks import convention

convention(
    "You compute the softmax in float32, as Hugging Face's GLM does. In a float64 block it is float64 here.",
    used_by="Hugging Face transformers (GlmAttention, eager)",
    costs="float64_is_exact_to_the_end",
    edit={"scores.softmax(-1) @ v": "scores.softmax(-1, dtype=torch.float32).to(v.dtype) @ v"},
)

convention(
    "You compute the norm in float32, as Hugging Face's GLM does. In a float64 block it is float64 here.",
    used_by="Hugging Face transformers (GlmRMSNorm)",
    costs="float64_is_exact_to_the_end",
    edit={
        "return x * (x.square().mean(-1, keepdim=True) + self.eps).rsqrt() * self.weight": "y = x.float()\n        return self.weight * (y * (y.square().mean(-1, keepdim=True) + self.eps).rsqrt()).to(x.dtype)",
    },
)

convention(
    "You compute the angles in float32, as Hugging Face's GLM does. In a float64 block they are float64 here.",
    used_by="Hugging Face transformers (GlmRotaryEmbedding)",
    costs="float64_is_exact_to_the_end",
    edit={"angles = pos[..., None] * freqs": "angles = pos[..., None].float() * freqs.float()"},
)
