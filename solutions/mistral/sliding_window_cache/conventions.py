"""What others do otherwise than mistral/sliding_window_cache asks for."""

from autograder.checks import convention

convention(
    "You compute the softmax in float32, as Hugging Face's models do. For float64 tensors it is float64 here.",
    used_by="Hugging Face transformers (eager attention of Mistral)",
    costs="float64_is_exact_and_gradients_flow",
    edit={
        "weights = scores.masked_fill(~visible, -torch.inf).softmax(-1)": "weights = scores.masked_fill(~visible, -torch.inf).float().softmax(-1).to(q.dtype)"
    },
)
convention(
    "Your mask lets a token see W tokens before itself. Here W counts the token itself, as in Mistral's configuration.",
    used_by="FlashAttention (window_size=(W, 0)), Apple's axlearn",
    costs="a_window_ends_with_the_token_itself",
    edit={"return (j > i - W) & (j <= i)": "return (j + W >= i) & (i >= j)"},
)
