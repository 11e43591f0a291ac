"""What others do otherwise than gpt/codex_nucleus asks for."""

from autograder.checks import convention

convention(
    "You divide by the temperature after the filters. It comes first: it changes which tokens the nucleus has.",
    used_by="llama.cpp (its default order of samplers)",
    costs="tokens_come_as_often_as_they_should",
    edit={
        "    logits = logits / temperature\n": "",
        "probs = top_p_filter(logits, top_p).softmax(-1)": "probs = (top_p_filter(logits, top_p) / temperature).softmax(-1)",
    },
)
