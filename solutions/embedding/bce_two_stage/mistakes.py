"""Wrong ways to write embedding/bce_two_stage, each with the sentence that a student should read."""

from autograder.checks import mistake

COSINES = "cosines = (q / q.norm(dim=-1, keepdim=True)) @ (D / D.norm(dim=-1, keepdim=True)).T"
STEP = "step = max_len - min(overlap, max_len // 4)"
LAST = "last = max(0, -(-(len(tokens) - max_len) // step))  # the number of the last window, if there is a token"
WINDOWS = "return [tokens[i * step : i * step + max_len] for i in range(last + 1)] if tokens else []"
SCORES = "scores = iter(score_fn(batch).sigmoid().tolist())"
PASSAGES = "passages = [(i, max(next(scores) for _ in windows)) for i, (_, windows) in enumerate(pairs) if windows]"
KEEP = "return sorted([(i, score) for i, score in passages if score >= threshold], key=lambda passage: -passage[1])"
LOSS = "return (logits.logsumexp(-1) - right).mean()"
GAINS = 'gains = rel.double() if gain == "linear" else 2 ** rel.double() - 1'
DISCOUNT = "discount = 1 / torch.arange(2, rel.shape[1] + 2, dtype=torch.float64, device=rel.device).log2()"
IDEAL = "ideal = (gains.sort(dim=-1, descending=True).values * discount)[:, :k].sum(-1)"
NDCG = "return torch.where(ideal > 0, dcg / ideal.clamp(min=1e-300), 0.0).mean().item()"
MRR = "hits = (ranked(rel, scores) > 0)[:, :k].double()"
RECALL = "return (hits[:, :k].sum(-1) / hits.sum(-1).clamp(min=1)).mean().item()"
AP = "return ((precision * hits).sum(-1) / hits.sum(-1).clamp(min=1)).mean().item()"

mistake("Your scores are dot products. Divide both vectors by their length, so that long documents do not win.", edit={COSINES: "cosines = q @ D.T"})
mistake("You lose the tail of the passage: a window that is not full is dropped.", edit={LAST: "last = max(0, (len(tokens) - max_len) // step)"})
mistake("You make another window after the end was reached. It holds nothing that is new.", edit={LAST: "last = (len(tokens) - 1) // step"})
mistake("Your overlap is not limited to a quarter of a window.", edit={STEP: "step = max(1, max_len - overlap)"})
mistake("A passage of one window is the list that was given. Windows are new lists.", edit={WINDOWS: "if 0 < len(tokens) <= max_len:\n        return [tokens]\n    " + WINDOWS})
mistake("You take the mean of a passage's windows. One good window is enough: take the largest.",
        edit={PASSAGES: PASSAGES.replace("max(next(scores) for _ in windows)", "sum(next(scores) for _ in windows) / len(windows)")})  # fmt: skip
mistake("You compare logits with the threshold. Take the sigmoid first.", edit={SCORES: "scores = iter(score_fn(batch).tolist())"})
mistake("A score that equals the threshold is kept.", edit={KEEP: KEEP.replace(">= threshold", "> threshold")})
mistake("The discount of rank i is log2(i + 1), so the first rank has 1. Yours is log2(i + 2).", edit={DISCOUNT: DISCOUNT.replace("arange(2, rel.shape[1] + 2", "arange(3, rel.shape[1] + 3")})
mistake("Your best possible order has only the k documents that were found. It takes the best of all N.",
        edit={IDEAL: "ideal = (ranked(gains, scores)[:, :k].sort(dim=-1, descending=True).values * discount[:k]).sum(-1)"})  # fmt: skip
mistake("The exponential gain is 2^rel - 1. With 2^rel, a document that does not help has a gain, too.", edit={GAINS: GAINS.replace(" - 1", "")})
mistake("You leave out queries without relevant documents. They count 0 in the mean.", edit={NDCG: "return (dcg[ideal > 0] / ideal[ideal > 0]).sum().item() / max(1, int((ideal > 0).sum()))"})
mistake("You divide by k. Recall divides by the number of all relevant documents.", edit={RECALL: "return (hits[:, :k].sum(-1) / k).mean().item()"})
mistake("You weigh precisions by how relevant a document is. A document is relevant or not.", edit={AP: "return ((precision * ranked(rel, scores)).sum(-1) / rel.sum(-1).clamp(min=1)).mean().item()"})

RIGHT = "right = logits.gather(-1, positive.unsqueeze(-1)).squeeze(-1)"
mistake("You take the first document as the right one, as trainers do whose data put it there. `positive` says which one it is.", edit={RIGHT: "right = logits[:, 0]"})
mistake("A document whose relevance is more than 0 and less than 1 is relevant, too.", edit={MRR: MRR.replace("> 0", ">= 1")})
mistake("You compute in float32. Measures are computed in float64.",
        edit={GAINS: GAINS.replace("double", "float"), DISCOUNT: DISCOUNT.replace("float64", "float32"), NDCG: NDCG.replace("1e-300", "1e-30")})  # fmt: skip
mistake("Your model records a graph while it reads. Switch gradients off around the call.", edit={"with torch.no_grad():": "if True:"})
mistake("You sort passages by their logits. Large logits have the same score, and then the smaller index comes first.",
        edit={SCORES: "logits = score_fn(batch).tolist()\n        scores = iter([(torch.tensor(z, dtype=torch.float64).sigmoid().item(), z) for z in logits])",
              KEEP: "return [(i, score[0]) for i, score in sorted(passages, key=lambda passage: -passage[1][1]) if score[0] >= threshold]"})  # fmt: skip
mistake("A threshold of 0 becomes the default one. `threshold or 0.35` takes 0 for nothing.", edit={"    passages = [(i, max": "    threshold = threshold or 0.35\n    passages = [(i, max"})
mistake("You look the place of a passage up with `index`: of two equal passages the first one is found twice.", edit={"passages = [(i, max(next(scores) for _ in windows)) for i, (_, windows) in enumerate(pairs) if windows]": "passages = [(pairs.index(pair), max(next(scores) for _ in pair[1])) for pair in pairs if pair[1]]"})
mistake("Your sigmoid is 1 / (1 + exp(-z)) in Python, which raises OverflowError for a logit of -1000. torch.sigmoid gives 0 there.", edit={
    "iter(score_fn(batch).sigmoid().tolist())": "iter([1 / (1 + __import__('math').exp(-z)) for z in score_fn(batch).tolist()])"}, crashes=True)  # fmt: skip
mistake("You divide by no less than 1e-6. A vector may be shorter: its cosine does not depend on its length.", edit={
    "(q / q.norm(dim=-1, keepdim=True)) @ (D / D.norm(dim=-1, keepdim=True)).T": "(q / q.norm(dim=-1, keepdim=True).clamp(min=1e-6)) @ (D / D.norm(dim=-1, keepdim=True).clamp(min=1e-6)).T"})  # fmt: skip
