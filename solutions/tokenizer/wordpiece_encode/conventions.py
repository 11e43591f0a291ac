"""What others do otherwise than tokenizer/wordpiece_encode asks for."""

from autograder.checks import convention

convention(
    "You take out every character whose category begins with C. Here only Cc and Cf vanish: characters for private use (Co) "
    "and unassigned ones (Cn) stay.",
    used_by="Hugging Face tokenizers (BertNormalizer)",
    costs="cleans_the_text",
    edit={'category not in ("Cc", "Cf")': 'category[0] != "C"'},
)
