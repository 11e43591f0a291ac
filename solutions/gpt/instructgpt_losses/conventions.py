"""What others do otherwise than gpt/instructgpt_losses asks for."""

from autograder.checks import convention

convention(
    "You take the mean over all comparisons of the batch, as trl does with its pairs. Here each prompt weighs the same, however many ties it has.",
    used_by="Hugging Face trl (RewardTrainer: pairs come one by one, and their losses are averaged)",
    costs="each_prompt_weighs_the_same",
    edit={"losses.sum() / (pairs > 0).sum().clamp(min=1)": "(nll * preferred).sum() / pairs.sum().clamp(min=1)"},
)
convention(
    "Your penalty is (ratio - 1) - log ratio, Schulman's third estimator of the KL. Here it is the plain logp - logp_sft of equation 2.",
    used_by="GRPO (DeepSeekMath, equation 4) and trl's GRPOTrainer",
    costs="leaving_the_supervised_model_has_a_price",
    edit={"beta * (logp - logp_sft))": "beta * ((logp_sft - logp).exp() - 1 - (logp_sft - logp)))"},
)
