"""What others do otherwise than multimodal/vlm_merge asks for."""

from autograder.checks import convention

convention(
    "What comes behind a video starts behind its rows and columns in your code, as in Hugging Face's. Here frames count as well.",
    used_by="Hugging Face transformers 5 (Qwen2VLModel.get_rope_index)",
    costs="videos_have_frames",
    edit={"start, at = start + max(t, h, w), at + t * h * w": "start, at = start + max(h, w), at + t * h * w"},
)
