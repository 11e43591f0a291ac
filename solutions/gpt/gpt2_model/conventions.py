"""What others do otherwise than gpt/gpt2_model asks for."""

from autograder.checks import convention

convention(
    "You use the exact GELU, x · Φ(x). GPT-2 uses the form with tanh; both differ by up to 0.0005.",
    used_by="Cerebras-GPT (activation_function: gelu), torch.nn.GELU() by default, BERT",
    costs="gelu_is_the_tanh_form",
    edit={
        "return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))":
        "return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))"
    },
)  # fmt: skip

convention(
    "You draw wpe with half the spread, as OpenAI's own code does (0.01). Here it is drawn with std, as wte is.",
    used_by="OpenAI's src/model.py of GPT-2",
    costs="first_weights_are_drawn",
    edit={
        "parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype) * std * scale)":
        'scale = 0.5 if "wpe" in name else scale\n            parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype) * std * scale)'
    },
)  # fmt: skip
