"""What others do otherwise than sft/packing asks for."""

from autograder.checks import convention

convention(
    "You take the length of the filled row, and add noise to filled places too. Here each row counts its own tokens, and filled places stay.",
    used_by="the program of NEFTune's authors; Hugging Face transformers (integrations/neftune.py)",
    costs="filled_places_do_not_count",
    edit={
        "mask.sum(dim=1).clamp(min=1).to(e.dtype)": "torch.full_like(e[:, 0, 0], e.shape[1])",
        "torch.where(mask, size[:, None], 0.0)[..., None] * noise": "size[:, None, None] * noise",
    },
)
