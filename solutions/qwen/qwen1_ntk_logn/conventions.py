"""What others do otherwise than qwen/qwen1_ntk_logn asks for."""

from autograder.checks import convention

convention(
    "You compute the angles in float32, as the published code and Hugging Face do. For float64 inputs they are float64 here.",
    used_by="the published code of Qwen 1, Hugging Face transformers (Qwen 2)",
    costs="float64_and_nothing_remembered",
    edit={
        "angles = pos[:, None] * base ** (-torch.arange(0, D, 2, dtype=torch.float64, device=x.device) / D)": "angles = pos[:, None] * base ** (-torch.arange(0, D, 2, dtype=torch.float32, device=x.device) / D)",
    },
)
