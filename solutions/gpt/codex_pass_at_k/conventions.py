"""What others do otherwise than gpt/codex_pass_at_k asks for."""

from autograder.checks import convention

convention(
    "Your `pass_at_k` asks nothing of its numbers, as OpenAI's function. It would say 1.0 for k > n; here that is a ValueError.",
    used_by="OpenAI human-eval (estimate_pass_at_k), Hugging Face evaluate (code_eval): their callers leave such k out before",
    costs="impossible_numbers_are_refused",
    edit={"not (0 <= c <= n and 1 <= k <= n)": "c > n"},
)
