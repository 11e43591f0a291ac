"""What others do otherwise than embedding/bce_two_stage asks for."""

from autograder.checks import convention

convention(
    "Of equal scores, the larger index comes first in your second stage, as it often does in BCEmbedding, which reverses numpy.argsort. The smaller index comes first.",
    used_by="BCEmbedding (RerankerModel.rerank)",
    costs="equal_scores_keep_their_order",
    edit={
        "return sorted([(i, score) for i, score in passages if score >= threshold], key=lambda passage: -passage[1])": "return sorted([(i, score) for i, score in passages if score >= threshold], key=lambda passage: passage[1])[::-1]"
    },
)
