"""What others do otherwise than llama/llama3_rope_docmask asks for."""

from autograder.checks import convention

convention(
    "You compute in float32, as Hugging Face does, and convert in the end. Compute in float64.",
    used_by="Hugging Face transformers (modeling_rope_utils)",
    costs="frequencies_are_float64",
    edit={
        "f = base ** (-torch.arange(0, D, 2, dtype=torch.float64) / D)": "f = (base ** (-torch.arange(0, D, 2, dtype=torch.float32) / D)).double()",
    },
)
