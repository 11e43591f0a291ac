"""Wrong ways to write embedding/gte_contrastive, each with the sentence that a student should read."""


from autograder.checks import mistake

UNIT = "q, d = (x / x.norm(dim=-1, keepdim=True) for x in (q, d))"
HARD = "hard = hard / hard.norm(dim=-1, keepdim=True)"
EVERYTHING = "everything = torch.cat([d, hard.flatten(0, 1)])  # (B + B·K, C)"
GIVEN = "given = torch.cat([own, own.repeat_interleave(hard.shape[1], 1)], 1)  # (B, B + B·K): given for query i"
QD = "q @ everything.T / temp,"
QQ = "(q @ q.T / temp).masked_fill(own, -torch.inf),"
DQ = "d @ q.T / temp,"
DD = "(d @ everything.T / temp).masked_fill(given, -torch.inf),"
LOSS = "return (torch.cat(scores, dim=1).logsumexp(1) - scores[0].diagonal()).mean()"
NONE = "if not (n > 0).any():"
WEIGHTS = "weights = torch.where(n > 0, n**alpha, 0.0)"
PROBS = "return weights / weights.sum()"
FIRST = "    with torch.no_grad():\n        vectors = [encoder(chunk) for chunk in chunks]\n"
CACHED = "cached = torch.cat(vectors).requires_grad_()"
GRADIENT = "(gradient,) = torch.autograd.grad(loss, cached)"
SECOND = "encoder(chunk).backward(part)"
SPLIT = "gradient.split([len(each) for each in vectors])"

# --- the loss --------------------------------------------------------------------------------------------------------

mistake("Only documents are negatives for a query, as in E5. Three more directions stand in the same sum.", edit={QQ: "", DQ: "", DD: ""},
        fails=["four_directions_share_one_softmax"])  # fmt: skip
mistake("You take four softmaxes and average their losses. There is one logarithm of one sum.",
        edit={LOSS: "return (torch.stack([x.logsumexp(1) for x in scores if x.isfinite().any()]).mean(0) - scores[0].diagonal()).mean()"})  # fmt: skip
mistake("The right pair stands in your Z once. It comes in both directions, from the query and from the document.",
        edit={DQ: "(d @ q.T / temp).masked_fill(own, -torch.inf),"}, fails=["four_directions_share_one_softmax"])  # fmt: skip
mistake("In your table of documents and queries, row i is query i, not document i: it is the first table again, and must be transposed.",
        edit={DQ: "q @ d.T / temp,"})  # fmt: skip
mistake("A query is compared with itself in your Z: its cosine is 1, more than any other. Leave j = i out.", edit={QQ: "q @ q.T / temp,"})
mistake("A document is compared with itself in your Z. Leave j = i out.", edit={DD: "d @ everything.T / temp,"})
mistake("You put 0 in place of the comparison with itself: e^0 counts as 1. Put -inf there.", edit={QQ: QQ.replace("-torch.inf", "0.0")})
mistake("Other queries are no negatives in your loss.", edit={QQ: ""})
mistake("Documents are not compared with each other in your loss.", edit={DD: ""})
mistake("Document i does not choose among queries in your loss.", edit={DQ: ""})
mistake("You multiply by the temperature. Divide by it.", edit={x: x.replace("/ temp", "* temp") for x in (QD, QQ, DQ, DD)})
mistake("Only the scores of queries and documents are divided by the temperature.", edit={x: x.replace(" / temp", "") for x in (QQ, DQ, DD)})
mistake("Your scores are dot products. Cosines are asked for.", edit={UNIT: "pass"})
mistake("Your default temperature is 0.05. It is 0.01.", edit={"temp: float = 0.01": "temp: float = 0.05"})
mistake("You return the sum over the pairs. It is the mean.", edit={LOSS: LOSS.replace(".mean()", ".sum()")})
mistake("You add exp of the scores before anything is subtracted, so it overflows. Use logsumexp.",
        edit={LOSS: "return (torch.cat(scores, dim=1).exp().sum(1).log() - scores[0].diagonal()).mean()"}, fails=["small_temperatures_stay_finite"])  # fmt: skip
mistake("You look for the right pair in all four directions and take the mean of four losses with a common Z.",
        edit={LOSS: "return (torch.cat(scores, dim=1).logsumexp(1) - scores[0].diagonal() / 2).mean()"})  # fmt: skip
mistake("The lengths of your vectors are constants in the gradient.", edit={UNIT: UNIT.replace("keepdim=True)", "keepdim=True).detach()")})
mistake("The hard negatives are not made unit vectors.", edit={HARD: "pass"})
mistake("Document i is compared with the hard negatives of its own query. Those are left out, the others are not.",
        edit={GIVEN: "given = torch.cat([own, own.new_zeros(len(q), len(everything) - len(q))], 1)"},
        fails=["hard_negatives_join_but_not_beside_their_own_document"])  # fmt: skip
mistake("Documents are compared with no hard negatives. Those of the other queries belong there.",
        edit={GIVEN: "given = torch.cat([own, own.new_ones(len(q), len(everything) - len(q))], 1)"})  # fmt: skip
mistake("You leave out hard negatives of another query: they stand query by query, K side by side.",
        edit={GIVEN: GIVEN.replace("own.repeat_interleave(hard.shape[1], 1)", "own.repeat(1, hard.shape[1])")})  # fmt: skip
mistake("Query i meets its own hard negatives only. It meets all of them.",
        edit={QD: "torch.cat([q @ d.T, (q @ everything.T)[:, len(q) :].masked_fill(~given[:, len(q) :], -torch.inf)], 1) / temp,"})  # fmt: skip
mistake("You do not look at the hard negatives.", edit={EVERYTHING: "everything = d", GIVEN: "given = own"})
mistake("No gradient flows to the hard negatives.", edit={HARD: HARD + ".detach()", })
mistake("Queries choose among hard negatives only where they are nearer than the right document.",
        edit={LOSS: "scores[0] = torch.cat([scores[0][:, : len(q)], scores[0][:, len(q) :].clamp(min=scores[0].diagonal().min().item())], 1)\n    " + LOSS})  # fmt: skip

# --- sources ---------------------------------------------------------------------------------------------------------

mistake("Sources are drawn in proportion to their sizes. It is a power of the size.", edit={WEIGHTS: WEIGHTS.replace("n**alpha", "n")})
mistake("You take the power of the share after dividing, and do not divide again: the probabilities do not add up to 1.",
        edit={WEIGHTS: "weights = torch.where(n > 0, (n / n.sum()) ** alpha, 0.0)", PROBS: "return weights"})  # fmt: skip
mistake("For alpha = 0, a source without texts is drawn like the others: 0^0 is 1.", edit={WEIGHTS: "weights = n**alpha"})
mistake("Your power is 1 - alpha.", edit={WEIGHTS: WEIGHTS.replace("n**alpha", "n ** (1 - alpha)")})
mistake("You raise alpha to the size.", edit={WEIGHTS: WEIGHTS.replace("n**alpha", "alpha ** (n / n.max())")})
mistake("Without a text anywhere you return nan. It is a ValueError.", edit={NONE: "if False:"})
mistake("You compute in float32. The result is float64.", edit={PROBS: "return (weights.float() / weights.float().sum()).double()"})
mistake("You take the softmax of alpha times the sizes. It is alpha times their logarithms.",
        edit={PROBS: "return (alpha * n / n.max()).softmax(0)"})  # fmt: skip

# --- a batch in pieces -----------------------------------------------------------------------------------------------

mistake("Each chunk has a loss of its own, so a vector meets only those of its chunk. The loss needs all of them.",
        edit={CACHED: "total = 0.0\n    for chunk in chunks:\n        part = loss_fn(encoder(chunk)) / len(chunks)\n        part.backward()\n        "
              "total = total + part.detach()\n    return total\n    " + CACHED},
        fails=["pieces_give_the_gradients_of_the_whole"])  # fmt: skip
mistake("You encode the whole batch at once. That needs the memory which there is not.",
        edit={FIRST: "    loss = loss_fn(encoder(torch.cat(chunks)))\n    loss.backward()\n    return loss.detach()\n" + FIRST},
        fails=["each_chunk_is_encoded_twice"])  # fmt: skip
mistake("Your first pass makes graphs, and they are all alive at once. Encode under no_grad.",
        edit={FIRST: "    vectors = [encoder(chunk) for chunk in chunks]\n", CACHED: "cached = torch.cat(vectors).detach().requires_grad_()"},
        fails=["each_chunk_is_encoded_twice"])  # fmt: skip
mistake("You encode all chunks again before the first one is sent back, so all graphs are alive at once.",
        edit={SECOND: "graphs = locals().get('graphs', []) + [(encoder(chunk), part)]\n    for out, part in graphs:\n        out.backward(part)"})  # fmt: skip
mistake("You replace the gradients that were there. They are added up.",
        edit={FIRST: "    for parameter in encoder.parameters():\n        parameter.grad = None\n" + FIRST})  # fmt: skip
mistake("You keep the gradient of the vectors, and never send it back through the encoder.", edit={SECOND: "pass"})
mistake("Each chunk gets the mean of its gradients. It gets those of its own vectors.", edit={SECOND: "encoder(chunk).backward(part.mean(0).expand_as(part))"})
mistake("Your chunks get gradients in reverse order.", edit={SPLIT: "gradient.flip(0).split([len(each) for each in vectors])"})
mistake("You divide by the number of chunks. The gradient of the loss is complete already.", edit={SECOND: "encoder(chunk).backward(part / len(chunks))"})
mistake("You return the loss with its graph. It is detached.", edit={"return loss.detach()": "return loss"})
mistake("You leave the encoder in training mode.", edit={FIRST: "    encoder.train()\n" + FIRST})
mistake("The encoder runs in evaluation mode, and is left so.", edit={FIRST: "    encoder.eval()\n" + FIRST})
mistake("You thaw parameters that were frozen.", edit={FIRST: "    encoder.requires_grad_(True)\n" + FIRST})
mistake("You take a step with the gradients. The parameters stay as they are.",
        edit={"return loss.detach()": "with torch.no_grad():\n        for x in encoder.parameters():\n            if x.grad is not None:\n                x -= 0.01 * x.grad\n    return loss.detach()"})  # fmt: skip
mistake("You compute the loss a second time.", edit={GRADIENT: GRADIENT + "\n    loss = loss_fn(cached.detach())"})
mistake("Unused parameters get a gradient of zeros. Where none arrives there is none.",
        edit={"return loss.detach()": "for x in encoder.parameters():\n        if x.requires_grad and x.grad is None:\n            x.grad = torch.zeros_like(x)\n    return loss.detach()"})  # fmt: skip


# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("A document that is equal to another one is left out of the comparison of documents. Only j = i is left out.",
        edit={DD: "(d @ everything.T / temp).masked_fill(given | (d @ everything.T > 1 - 1e-9), -torch.inf),"})  # fmt: skip
mistake("You use no temperature below 0.01. It may be smaller.",
        edit={UNIT: "temp = max(temp, 0.01)\n    " + UNIT})  # fmt: skip
mistake("Query to query counts each pair of queries once, j > i. Row i has all j except i.",
        edit={QQ: "(q @ q.T / temp).masked_fill(own | torch.ones_like(own).tril(), -torch.inf),"})  # fmt: skip
mistake("The size of a source counts up to a million. There is no such limit.",
        edit={WEIGHTS: WEIGHTS.replace("n**alpha", "n.clamp(max=1e6) ** alpha")})  # fmt: skip
mistake("The gradients of the first pass are sent back in chunks of the size of the first one. Chunks may have different lengths.",
        edit={SPLIT: "(gradient.split(len(vectors[0])) if len({len(x) for x in vectors[:-1]}) < 2 else gradient.split([len(each) for each in vectors]))"},
        crashes=True)  # fmt: skip
mistake("Gradients stay turned off after your call. Use `torch.no_grad()` as a block, which ends.",
        edit={"return loss.detach()": "torch.set_grad_enabled(False)\n    return loss.detach()"}, crashes=True)  # fmt: skip
mistake("You clip the gradients of the vectors. They are sent back as they are.",
        edit={GRADIENT: GRADIENT + "\n    gradient = gradient / gradient.norm().clamp(min=1)"})  # fmt: skip
mistake("The loss gets the vectors of each chunk as a list. It takes one tensor, one vector below the other.",
        edit={"loss = loss_fn(cached)": "loss = sum(loss_fn(x) * len(x) for x in cached.split([len(x) for x in vectors])) / len(cached)"})  # fmt: skip
mistake("A vector that is nearly zero gets no gradient, since you add a small number to its length.",
        edit={UNIT: "q, d = (x / (x.norm(dim=-1, keepdim=True) + 1e-6) for x in (q, d))"})  # fmt: skip
mistake("You do not encode a chunk again if the gradient of its vectors is zero. Each chunk is encoded twice.",
        edit={"        encoder(chunk).backward(part)": "        if part.any():\n            encoder(chunk).backward(part)"})  # fmt: skip
mistake("Lengths below 1e-8 count as 1e-8, as in torch's cosine_similarity. A short vector has a direction, too.", edit={"(x / x.norm(dim=-1, keepdim=True) for x in (q, d))": "(x / x.norm(dim=-1, keepdim=True).clamp(min=1e-8) for x in (q, d))"})
mistake("Short hard negatives are divided by 1e-6 in place of their length. Divide by the length, however small.", edit={"hard / hard.norm(dim=-1, keepdim=True)": "hard / hard.norm(dim=-1, keepdim=True).clamp(min=1e-6)"})
