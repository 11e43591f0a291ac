"""What others do otherwise than falcon/falcon2_block asks for."""

from autograder.checks import convention

convention(
    "You compute the angles in float32, as Hugging Face's Falcon does. Here they are float64.",
    used_by="Hugging Face transformers (FalconRotaryEmbedding)",
    costs="far_positions_keep_their_digits",
    edit={
        "angles = pos[:, None] * freqs": "angles = pos[:, None].float() * freqs.float()",
    },
)
