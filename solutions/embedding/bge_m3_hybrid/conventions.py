"""What others do otherwise than embedding/bge_m3_hybrid asks for."""

from autograder.checks import convention

convention(
    "Padding of a document takes part with the product 0, as in FlagEmbedding, and wins where all other products are negative. Put -inf there.",
    used_by="FlagEmbedding (EncoderOnlyEmbedderM3Model.compute_colbert_score)",
    costs="padding_never_wins",
    edit={'products = torch.einsum("qic,djc->qdij", q, d).masked_fill(~d_real[:, None], -torch.inf)': 'products = torch.einsum("qic,djc->qdij", q, d)'},
)
