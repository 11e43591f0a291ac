"""What others do otherwise than framework/hf_generate asks for."""

from autograder.checks import convention

convention(
    "Your processors and stops see the ids that rows were filled up with, as Hugging Face's do. Here they see -1 there.",
    used_by="Hugging Face transformers (`GenerationMixin._sample` passes `input_ids` with their padding)",
    costs="a_row_does_not_depend_on_its_padding",
    edit={"text = ids.masked_fill(~mask, -1)": "text = ids.clone()"},
)
