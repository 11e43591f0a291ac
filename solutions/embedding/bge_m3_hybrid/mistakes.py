"""Wrong ways to write embedding/bge_m3_hybrid, each with the sentence that a student should read."""

from autograder.checks import mistake

DENSE = "return h[:, 0] / h[:, 0].norm(dim=-1, keepdim=True)"
WEIGHTS = "weights = (h.masked_fill(mask.unsqueeze(-1) == 0, 0.0) @ w + b).relu()"
KEEP = "if real and token not in special and weight > best.get(token, 0.0):"
BEST = "best[token] = weight"
SCORE = "return float(sum(weight * b[token] for token, weight in a.items() if token in b))"
REAL = "real = mask[:, 1:] != 0"
ROWS = "rows = h[:, 1:][real] @ W.T + b  # (number of real tokens, Cc)"
UNIT = "vectors[real] = rows / rows.norm(dim=-1, keepdim=True)"
CLEAN = "q, d = q.masked_fill(~q_real.unsqueeze(-1), 0.0), d.masked_fill(~d_real.unsqueeze(-1), 0.0)"
PRODUCTS = 'products = torch.einsum("qic,djc->qdij", q, d).masked_fill(~d_real[:, None], -torch.inf)'
TOP = "best = products.amax(-1).masked_fill(~q_real[:, None], 0.0)  # (Bq, Bd, Tq)"
MEAN = "return best.sum(-1) / q_real.sum(-1, keepdim=True)"
HYBRID = "return (w[0] * sd + w[1] * ss + w[2] * sc) / sum(w)"
TEACHER = "teacher = (sd + 0.3 * ss + sc).detach().softmax(-1)"
LOSSES = "dense_loss, sparse_loss, token_loss = (-(teacher * s.log_softmax(-1)).sum(-1).mean() for s in (sd, ss, sc))"
TOTAL = "return (dense_loss + 0.1 * sparse_loss + token_loss) / 3"

mistake("You take the mean over the tokens. BGE-M3's vector is the hidden state of the first token.", edit={DENSE: "x = h.mean(1)\n    return x / x.norm(dim=-1, keepdim=True)"})
mistake("Your vector does not have length 1.", edit={DENSE: "return h[:, 0]"})
mistake("The length of your vector is a constant in the gradient.", edit={DENSE: "return h[:, 0] / h[:, 0].detach().norm(dim=-1, keepdim=True)"})

mistake("You add up the weights of a word that occurs several times. It has the largest of them.", edit={KEEP: "if real and token not in special and weight > 0:", BEST: "best[token] = best.get(token, 0.0) + weight"})
mistake("You keep the last weight of a word that occurs several times. It has the largest of them.", edit={KEEP: "if real and token not in special and weight > 0:"})
mistake("Special tokens have weights in your dict. Leave out all ids of `special`.", edit={KEEP: "if real and weight > best.get(token, 0.0):"})
mistake("You leave out the first and the last token, and not the ids in `special`, which may stand in the middle.",
        edit={KEEP: "if real and weight > best.get(token, 0.0):", "for token, weight, real in zip(*row, strict=True):": "for token, weight, real in list(zip(*row, strict=True))[1 : sum(row[2]) - 1]:"})  # fmt: skip
mistake("Padding has weights in your dict, under the id that stands there.", edit={WEIGHTS: "weights = (h @ w + b).relu()", KEEP: "if token not in special and weight > best.get(token, 0.0):"})
mistake("Negative weights stand in your dict. The weight is max(0, h · w + b).", edit={WEIGHTS: WEIGHTS.replace(".relu()", ""), KEEP: "if real and token not in special and weight > best.get(token, -1e9):"})
mistake("Words whose weight is 0 stand in your dict. Leave them out.", edit={KEEP: "if real and token not in special and weight >= best.get(token, 0.0):"})
mistake("You leave out the bias b of the weights.", edit={WEIGHTS: WEIGHTS.replace(" + b", "")})
mistake("You count shared words. Multiply their weights.", edit={SCORE: "return float(sum(token in b for token in a))"})
mistake("Your score of words is a cosine. It is the plain sum of products.",
        edit={SCORE: SCORE + " / max(1e-9, sum(x * x for x in a.values()) * sum(x * x for x in b.values())) ** 0.5"})  # fmt: skip

mistake("CLS has a vector in your result. Drop the first token, of the mask too.",
        edit={REAL: "real = mask != 0", ROWS: ROWS.replace("h[:, 1:][real]", "h[real]")})  # fmt: skip
mistake("You drop CLS from the vectors, and the last place from the mask. Drop the first place of both.", edit={REAL: "real = mask[:, :-1] != 0"})
mistake("The vectors of your tokens do not have length 1.", edit={UNIT: "vectors[real] = rows"})
mistake("You leave out the bias of the linear layer.", edit={ROWS: ROWS.replace(" + b", "")})

mistake("You add up over the tokens of the query, as ColBERT does. Divide by the number of its real tokens.", edit={MEAN: "return best.sum(-1)"}, fails=["each_query_token_takes_its_best"])
mistake("You divide by all places of the query, padding too.", edit={MEAN: "return best.mean(-1)"})
mistake("You average over the tokens of the document, too. Each token of the query takes its best one.", edit={TOP: "best = (products.masked_fill(~d_real[:, None], 0.0).sum(-1) / d_real.sum(-1)[:, None]).masked_fill(~q_real[:, None], 0.0)"})
mistake("Each token of the document takes its best token of the query. It is the other way round.",
        edit={PRODUCTS: PRODUCTS.replace("~d_real[:, None], -torch.inf", "~q_real[:, None, :, None], -torch.inf"), TOP: "best = products.amax(-2).masked_fill(~d_real, 0.0)", MEAN: "return best.sum(-1) / d_real.sum(-1)"})  # fmt: skip
mistake("Padding in your queries takes its best token, too, and the sum is divided by the number of real tokens.",
        edit={CLEAN: "d = d.masked_fill(~d_real.unsqueeze(-1), 0.0)", TOP: "best = products.amax(-1).nan_to_num()"})  # fmt: skip

mistake("You do not divide by the sum of the weights.", edit={HYBRID: HYBRID.replace(" / sum(w)", "")}, fails=["three_scores_become_one"])
mistake("A gradient flows through your teacher. It is a constant.", edit={TEACHER: TEACHER.replace(".detach()", "")}, fails=["each_way_learns_from_all"])
mistake("The teacher counts all three scores alike. The sparse one counts 0.3.", edit={TEACHER: TEACHER.replace("0.3 * ", "")})
mistake("Words with a weight below 1e-9 are left out. Those with the weight 0 are, and no others.", edit={"best.get(token, 0.0)": "best.get(token, 1e-9)"})
