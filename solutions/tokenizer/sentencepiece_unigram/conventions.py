"""What others do otherwise than tokenizer/sentencepiece_unigram asks for."""

from autograder.checks import convention

convention(
    "You take out characters that can't be seen, such as the zero-width space. Here nothing but whitespace is changed after NFKC.",
    used_by="SentencePiece (its table nmt_nfkc deletes control characters)",
    costs="normalises_and_marks_spaces",
    edit={
        'text = re.sub(r"\\s", " ", text)': (
            'text = re.sub(r"\\s", " ", text)\n    text = "".join(c for c in text if unicodedata.category(c)[0] != "C")'
        )
    },
)

convention(
    "You join unknown characters that stand side by side into one piece. Here each stays a piece of its own.",
    used_by="SentencePiece, in what it shows (not in its lattice)",
    costs="unknown_characters_cost_the_penalty",
    edit={
        "return pieces[::-1], best[n]": """pieces.reverse()
    joined = []
    for piece in pieces:
        if joined and piece not in logp and joined[-1][-1] not in logp and all(c not in logp for c in joined[-1]):
            joined[-1] += piece
        else:
            joined.append(piece)
    return joined, best[n]"""
    },
)
