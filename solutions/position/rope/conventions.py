"""What others do otherwise than position/rope asks for."""

from autograder.checks import convention

TABLES = "cos, sin = angles.cos().to(wide), angles.sin().to(wide)"

convention(
    "Your cosines and sines are rounded to x's dtype before the rotation, as in Hugging Face's models. Keep tables and rotation in "
    "float32, and round once.",
    used_by="Hugging Face transformers (LlamaRotaryEmbedding and its copies)",
    costs="low_precision_is_rotated_in_float32",
    edit={
        TABLES: "cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)",
    },
)
