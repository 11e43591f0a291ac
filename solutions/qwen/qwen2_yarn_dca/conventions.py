"""What others do otherwise than qwen/qwen2_yarn_dca asks for."""

from autograder.checks import convention

convention(
    "Your frequencies are float32, as those of Hugging Face and vLLM. Here they are computed and returned in float64.",
    used_by="Hugging Face transformers, vLLM",
    costs="float64_is_exact",
    edit={"i = torch.arange(D // 2, dtype=torch.float64)": "i = torch.arange(D // 2, dtype=torch.float32)"},
)
