"""What others do otherwise than warmup/causal_lm_loss asks for."""

from autograder.checks import convention

convention(
    "Without targets your loss is 0 / 0 = nan, and one such batch ruins the weights. Divide by at least 1.",
    used_by="torch.nn.functional.cross_entropy, and Hugging Face's ForCausalLMLoss without num_items_in_batch",
    costs="no_target_gives_zero",
    edit={"max(len(nll), 1)": "len(nll)"},
)

convention(
    "You compute in float32 whatever the dtype of the logits is, as Hugging Face's models do. Keep to it: the loss has the dtype of "
    "the logits.",
    used_by="Hugging Face transformers (ForCausalLMLoss)",
    costs="position_predicts_next_token",
    edit={
        "torch.log_softmax(logits[counts], dim=-1)": "torch.log_softmax(logits[counts].float(), dim=-1).to(logits.dtype)"
    },
)
