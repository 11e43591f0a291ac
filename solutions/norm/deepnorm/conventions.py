"""What others do otherwise than norm/deepnorm asks for."""

from autograder.checks import convention

convention(
    "Your α is (2 N)^(1/2), as GLM-130B has it. Here the power is 1/4.",
    used_by="GLM-130B",
    costs="one_stack_has_the_fourth_roots_of_2n_and_8n",
    edit={
        "return {name: ((2 * n) ** 0.25, (8 * n) ** -0.25)}": "return {name: ((2 * n) ** 0.5, (8 * n) ** -0.25)}",
    },
)

convention(
    "Your encoder's β is 1.15 · (N⁴ M)^(-1/16), as in torchscale. The paper has 0.87.",
    used_by="torchscale",
    costs="an_encoder_beside_a_decoder_has_the_gain_of_the_paper",
    edit={
        '"encoder": (0.81 * mixed, 0.87 / mixed)': '"encoder": (0.81 * mixed, 1.15 / mixed)',
    },
)
