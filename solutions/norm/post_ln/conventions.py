"""What others do otherwise than norm/post_ln asks for."""

from autograder.checks import convention

convention(
    "You compute in float32 whatever the dtype, as Hugging Face's `LlamaRMSNorm` does. For float64 inputs compute in float64.",
    used_by="Hugging Face transformers (LlamaRMSNorm)",
    costs="float64_is_exact_to_the_end",
    edit={
        "    wide = x.to(torch.promote_types(x.dtype, torch.float32))\n": "    wide = x.float()\n",
    },
)
