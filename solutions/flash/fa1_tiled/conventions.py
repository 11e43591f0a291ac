"""What others do otherwise than flash/fa1_tiled asks for."""

from autograder.checks import convention

convention(
    "You align the sequences at their starts, as PyTorch's is_causal does. Here the queries are the last ones: query i sees keys up to "
    "i + (S - T).",
    used_by="PyTorch (scaled_dot_product_attention with is_causal=True)",
    costs="queries_see_no_later_key",
    edit={" + (S - T)  # the last": "  # the last"},
)
