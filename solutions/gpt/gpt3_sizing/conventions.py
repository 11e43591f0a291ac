"""What others do otherwise than gpt/gpt3_sizing asks for."""

from autograder.checks import convention

convention(
    "You count attention as Kaplan and others do, 2·T·C for each token and layer, and leave the head out. Here both products and the head count.",
    used_by="J. Kaplan et al., Scaling Laws for Neural Language Models (2020), table 1",
    costs="every_matrix_product_is_counted",
    edit={"(4 * C * C + 8 * C * C) + V * C": "12 * C * C", "L * 2 * T * T * C": "L * T * T * C"},
)
