"""What others do otherwise than attention/self_attention asks for."""

from autograder.checks import convention

FILL = "scores.masked_fill(~allowed & sees, -torch.inf).softmax(-1)"
CLEAR = "    probs = probs.masked_fill(~allowed, 0.0)\n"

convention(
    "You compute the softmax in float32, as Hugging Face's models do. For float64 inputs it is float64 here.",
    used_by="Hugging Face transformers (eager attention of Llama, Mistral, Qwen 2)",
    costs="float64_is_exact_to_the_end",
    edit={FILL: "scores.masked_fill(~allowed & sees, -torch.inf).softmax(-1, dtype=torch.float32).to(q.dtype)"},
)

convention(
    "A query that sees nothing attends to everything alike: you hide keys with the most negative number of the dtype, which is the "
    "same for all of them. Clear its weights.",
    used_by="Hugging Face transformers (eager attention: masks hold torch.finfo(dtype).min)",
    costs="a_query_that_sees_nothing_gets_zeros",
    edit={FILL: "scores.masked_fill(~allowed, torch.finfo(scores.dtype).min).softmax(-1)", CLEAR: ""},
)
