"""What others do otherwise than falcon/falcon1_block asks for."""

from autograder.checks import convention

convention(
    "You round slope · position to bfloat16, as Hugging Face's Falcon does. Here it is kept in the dtype of x.",
    used_by="Hugging Face transformers (build_alibi_tensor of Falcon)",
    costs="slopes_are_not_rounded",
    edit={
        "scores = scores - slopes[:, None, None] * distance": "scores = scores + (slopes[:, None, None].bfloat16() * places).to(x.dtype)",
    },
)

convention(
    "You compute the angles of the rotation in float32, as Hugging Face's models do. In a float64 block they are float64.",
    used_by="Hugging Face transformers (FalconRotaryEmbedding)",
    costs="every_option_counts_and_nothing_is_left",
    edit={
        "angles = torch.arange(T, device=x.device)[:, None] * freqs": "angles = torch.arange(T, device=x.device)[:, None].float() * freqs.float()",
    },
)
