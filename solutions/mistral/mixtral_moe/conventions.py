"""What others do otherwise than mistral/mixtral_moe asks for."""

from autograder.checks import convention

convention(
    "You compute the router's softmax in float32, as Hugging Face does. For float64 tensors it is float64 here.",
    used_by="Hugging Face transformers (MixtralTopKRouter)",
    costs="float64_is_exact_to_the_end",
    edit={"return logits.softmax(-1), idx": "return logits.float().softmax(-1).to(x.dtype), idx"},
)
convention(
    "You divide the counts by k too, so that an even load gives 1. Here it gives k, as in Hugging Face's loss.",
    used_by="Megablocks",
    costs="an_uneven_load_costs_more",
    edit={"minlength=E).to(router_logits.dtype) / N": "minlength=E).to(router_logits.dtype) / (N * k)"},
)
