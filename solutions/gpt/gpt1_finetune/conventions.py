"""What others do otherwise than gpt/gpt1_finetune asks for."""

from autograder.checks import convention

convention(
    "You use the exact GELU, x · Φ(x). GPT-1's code uses the form with tanh; both differ by up to 0.0005.",
    used_by="torch.nn.GELU() by default, BERT",
    costs="without_an_activation_it_is_gelu_with_tanh",
    edit={
        "return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))":
        "return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))"
    },
)  # fmt: skip

convention(
    "You subtract 10 000 from the scores of later tokens. Scores as large as that get past it: use minus infinity.",
    used_by="OpenAI's train.py of GPT-1, Hugging Face transformers (OpenAIGPTModel)",
    costs="float64_is_exact_to_the_end",
    edit={
        "weights = scores.masked_fill(later, -torch.inf).softmax(-1)":
        "weights = (scores * ~later - 1e4 * later).softmax(-1)"
    },
)  # fmt: skip

convention(
    "You take one mean over all targets of the batch, so long sequences weigh more. Here each sequence has the same weight.",
    used_by="Hugging Face transformers (the loss of OpenAIGPTDoubleHeadsModel)",
    costs="the_loss_is_that_of_the_task_plus_lam_times_the_other",
    edit={
        "lm = (surprise * counts).sum(1) / counts.sum(1)":
        "lm = (surprise * counts).sum() / counts.sum()"
    },
)  # fmt: skip
