"""Wrong ways to write embedding/e5_infonce, each with the sentence that a student should read."""


from autograder.checks import mistake

PREFIX = 'return [f"{kind}: {text}" for text in texts]'
KIND = 'if kind not in ("query", "passage"):'
MEAN = "return h.masked_fill(padding, 0.0).sum(1) / real.sum(1, keepdim=True)"
MAX = "return h.masked_fill(padding, -torch.inf).amax(1)"
CLS = "place = real.int().argmax(1)  # argmax gives the first of equal values"
LAST = "place = h.shape[1] - 1 - real.flip(1).int().argmax(1)"
CANDIDATES = "candidates = p if hard is None else torch.cat([p, hard.flatten(0, 1)])  # (B + B·K, C)"
SCORES = "scores = unit(q) @ unit(candidates).mT / temp  # (B, B + B·K)"
LOSS = "return -scores.log_softmax(-1).diagonal().mean()  # candidate i is the right one for query i"
UNITS = "p, pool = unit(p), unit(pool)  # the length of a query changes no place"
OWN = "own = (q * p).sum(-1, keepdim=True)  # (B, 1)"
CLOSER = "closer = (q @ pool.mT > own).sum(-1)  # (B,)"
KEPT = "return closer < top_k"

# --- prefixes --------------------------------------------------------------------------------------------------------

mistake("Between the prefix and the text a space is missing: it is \"query: \", not \"query:\".", edit={PREFIX: PREFIX.replace(": {text", ":{text")})
mistake("You remove white space at the ends of a text. The text stays as it is.", edit={PREFIX: PREFIX.replace("{text}", "{text.strip()}")})
mistake("A text that begins with a prefix gets no other one. Each text gets one, whatever it looks like.",
        edit={PREFIX: 'return [text if text.startswith((f"{kind}:", "query: ")) else f"{kind}: {text}" for text in texts]'})  # fmt: skip
mistake("Everything that is not a query gets the prefix of a passage. Another kind than these two is a ValueError.",
        edit={KIND: "if False:", PREFIX: 'return [("query: " if kind == "query" else "passage: ") + text for text in texts]'})  # fmt: skip
mistake("You notice a wrong kind only when there is a text. It is a ValueError for an empty list too.", edit={KIND: f"{KIND[:-1]} and texts:"})
mistake("You accept a kind in capital letters.", edit={KIND: "kind = kind.lower()\n    " + KIND})


@mistake("You change the list that you are given. The result is a new list.")
def add_prefix(texts, kind):
    if kind not in ("query", "passage"):
        raise ValueError(kind)
    texts[:] = [f"{kind}: {text}" for text in texts]
    return texts


# --- pooling ---------------------------------------------------------------------------------------------------------

mistake("Your mean is over all T places, padding included. Leave padding out of the sum and of the number.", edit={MEAN: "return h.mean(1)"},
        fails=["the_mean_is_over_the_text"])  # fmt: skip
mistake("You leave padding out of the sum, and then divide by T. Divide by the number of tokens of the text.",
        edit={MEAN: "return h.masked_fill(padding, 0.0).mean(1)"})  # fmt: skip
mistake("You divide by the number of tokens in the whole batch. Each text has a number of its own.",
        edit={MEAN: "return h.masked_fill(padding, 0.0).sum(1) / real.sum() * len(h)"})  # fmt: skip
mistake("You return the sum of the tokens' vectors. Divide it by their number.", edit={MEAN: "return h.masked_fill(padding, 0.0).sum(1)"})
mistake("You divide by the square root of the number of tokens (sentence-transformers calls that mean_sqrt_len_tokens).",
        edit={MEAN: "return h.masked_fill(padding, 0.0).sum(1) / real.sum(1, keepdim=True).sqrt()"})  # fmt: skip
mistake("You leave the first place out of the mean. All tokens of the text count.",
        edit={MEAN: "return (h.masked_fill(padding, 0.0).sum(1) - h[:, 0]) / (real.sum(1, keepdim=True) - 1).clamp(min=1)"})  # fmt: skip
mistake("You make the pooled vector one of length 1. That comes later, in the cosine; here the mean itself is asked for.",
        edit={MEAN: MEAN.replace("return ", "return unit(") + ")"})  # fmt: skip
mistake("For \"max\", you put 0 at padding. Where all values of a text are negative, the 0 wins: put -inf there.",
        edit={MAX: MAX.replace("-torch.inf", "0.0")}, fails=["first_last_and_largest"])  # fmt: skip
mistake("For \"max\", you put -1e4 at padding. A text may hold smaller values: put -inf there.", edit={MAX: MAX.replace("-torch.inf", "-1e4")})
mistake("For \"max\", you put -1e9 at padding. Smaller values are rare, but a float32 can hold them: put -inf there.", edit={MAX: MAX.replace("-torch.inf", "-1e9")})
mistake("For \"max\", padding takes part.", edit={MAX: "return h.amax(1)"})
mistake("For \"max\", you take the value that is furthest from 0. Take the largest one.",
        edit={MAX: "x = h.masked_fill(padding, 0.0)\n        return x.gather(1, x.abs().argmax(1, keepdim=True)).squeeze(1)"})  # fmt: skip
mistake("For \"max\", you return the whole vector of one token. Each feature takes its own largest value.",
        edit={MAX: "x = h.masked_fill(padding, -torch.inf)\n        return x[torch.arange(len(h)), x.sum(-1).argmax(1)]"})  # fmt: skip
mistake("For \"last\", you take position -1, which is padding in every text but the longest.", edit={LAST: "place = torch.full((len(h),), h.shape[1] - 1)"},
        fails=["first_last_and_largest"])  # fmt: skip
mistake("For \"last\", you count the tokens of a text: that is their last place only if they begin at position 0 and none is left out.",
        edit={LAST: "place = real.sum(1) - 1"}, fails=["padding_may_stand_anywhere_and_hold_anything"])  # fmt: skip
mistake("For \"last\", you take position -1 if the last text has a token there, and else count tokens. Each row has a padding of its own.",
        edit={LAST: "place = torch.full((len(h),), h.shape[1] - 1) if real[:, -1].all() else real.sum(1) - 1"})  # fmt: skip
mistake("For \"last\", you take the place behind the last token.", edit={LAST: f"{LAST} + 1\n        place = place.clamp(max=h.shape[1] - 1)"})
mistake("Another mode than the four gives the mean. It is a ValueError.", edit={'if mode == "mean":': 'if mode not in ("max", "cls", "last"):'})
mistake("You add -1e9 to padding before you take the maximum: where nan or inf stands there, it stays.",
        edit={MAX: "return (h + (~real).unsqueeze(-1) * -1e9).amax(1)"})  # fmt: skip
mistake("You compute the mean in float32, also for float64. It is computed in the dtype of the inputs.",
        edit={MEAN: "return (h.float().masked_fill(padding, 0.0).sum(1) / real.sum(1, keepdim=True)).to(h.dtype)"})  # fmt: skip
mistake("No gradient flows back through your pooled vectors.", edit={MEAN: MEAN.replace("h.masked", "h.detach().masked")})
mistake("You put zeros at padding in the tensor that you are given. Inputs are not changed.", edit={MEAN: MEAN.replace("h.masked_fill(", "h.data.masked_fill_(")})

# --- the loss --------------------------------------------------------------------------------------------------------

mistake("You multiply by the temperature. Divide by it: a small one makes the scores large.", edit={SCORES: SCORES.replace("/ temp", "* temp")},
        fails=["queries_choose_their_passage"])  # fmt: skip
mistake("Your scores are dot products of the vectors as they come. Divide by both lengths: cosines are asked for.",
        edit={SCORES: SCORES.replace("unit(q)", "q").replace("unit(candidates)", "candidates")})  # fmt: skip
mistake("You make the queries vectors of length 1, but not the passages.", edit={SCORES: SCORES.replace("unit(candidates)", "candidates")})
mistake("You do not use the temperature.", edit={SCORES: SCORES.replace(" / temp", "")})
mistake("You divide by the square root of the temperature.", edit={SCORES: SCORES.replace("/ temp", "/ temp**0.5")})
mistake("Your default temperature is 0.05. E5's is 0.01.", edit={"temp: float = 0.01": "temp: float = 0.05"})
mistake("Each vector has length 1 in the sum of absolute values. The cosine needs the square root of the sum of squares.",
        edit={SCORES: SCORES.replace("unit(q)", "(q / q.abs().sum(-1, keepdim=True))").replace("unit(candidates)", "(candidates / candidates.abs().sum(-1, keepdim=True))")})  # fmt: skip
mistake("Your scores are negative distances. Cosines are asked for; half the squared distance would do, the distance does not.",
        edit={SCORES: "scores = -torch.cdist(unit(q), unit(candidates)) / temp"})  # fmt: skip
mistake("Passages choose among queries. Here queries choose among passages: the softmax runs over the candidates of one query.",
        edit={LOSS: LOSS.replace("softmax(-1)", "softmax(0)")}, fails=["queries_choose_their_passage"])  # fmt: skip
mistake("You take the mean of both directions, as CLIP does. E5's queries choose among passages, and that is all.",
        edit={LOSS: "B = len(q)\n    back = scores[:, :B].log_softmax(0).diagonal()\n    return -(scores.log_softmax(-1).diagonal() + back).mean() / 2"},
        fails=["queries_choose_their_passage"])  # fmt: skip
mistake("You return the sum over the queries. Divide it by B.", edit={LOSS: LOSS.replace(".mean()", ".sum()")})
mistake("You divide by the number of candidates instead of the number of queries.",
        edit={LOSS: LOSS.replace(".mean()", ".sum() / len(candidates)")})  # fmt: skip
mistake("Your loss has the wrong sign: it falls when the right passage becomes less likely.", edit={LOSS: LOSS.replace("return -", "return ")})
mistake("The right passage is missing in your sum of the denominator. It is one of the candidates.",
        edit={LOSS: "own = torch.eye(*scores.shape, dtype=torch.bool)\n    "
              "return (scores.masked_fill(own, -1e9).logsumexp(-1) - scores.diagonal()).mean()"})  # fmt: skip
mistake("You take the logarithm of a softmax. Where a probability is 0 in floating point, that is infinite: use log_softmax.",
        edit={LOSS: LOSS.replace("log_softmax(-1)", "softmax(-1).log()")}, fails=["small_temperatures_stay_finite"])  # fmt: skip
mistake("You take exp of the scores before anything is subtracted, so it overflows. Use log_softmax or logsumexp.",
        edit={LOSS: "return (scores.exp().sum(-1).log() - scores.diagonal()).mean()"}, fails=["small_temperatures_stay_finite"])  # fmt: skip
mistake("You keep log(0) away with a small number. The loss is then cut off where it should be largest.",
        edit={LOSS: LOSS.replace("log_softmax(-1)", "softmax(-1).clamp(min=1e-12).log()")})  # fmt: skip
mistake("You clamp the scores. They may be as large as the temperature makes them.", edit={LOSS: "scores = scores.clamp(-100, 100)\n    " + LOSS})
mistake("You leave equal passages out of each other's candidates. Each candidate counts as often as it occurs.",
        edit={LOSS: "same = (unit(p) @ unit(candidates).mT > 1 - 1e-9) & ~torch.eye(*scores.shape, dtype=torch.bool)\n    "
              "scores = scores.masked_fill(same, -torch.inf)\n    " + LOSS})  # fmt: skip
mistake("Your cosines have 1e-8 in the denominator: short vectors come out too short.",
        edit={SCORES: "longer = [x / (x.norm(dim=-1, keepdim=True) + 1e-8) for x in (q, candidates)]\n    scores = longer[0] @ longer[1].mT / temp"})  # fmt: skip
mistake("You put a bound of 1e-6 under each length, so the cosines of shorter vectors come out too small. A length may be 1e-7.",
        edit={"return x / x.norm(dim=-1, keepdim=True)": "return x / x.norm(dim=-1, keepdim=True).clamp(min=1e-6)"})  # fmt: skip
mistake("No gradient flows to your passages.", edit={CANDIDATES: CANDIDATES + "\n    candidates = candidates.detach()"})
mistake("No gradient flows to your hard negatives.", edit={CANDIDATES: CANDIDATES.replace("hard.flatten(0, 1)", "hard.flatten(0, 1).detach()")})
mistake("Cosines are computed in float32, also for float64.", edit={SCORES: SCORES.replace("unit(q)", "unit(q.float())").replace("unit(candidates)", "unit(candidates.float())")})
mistake("A query sees its own hard negatives only. Those of the other queries are candidates too.",
        edit={CANDIDATES: "candidates = p", SCORES: "scores = unit(q) @ unit(p).mT / temp\n    if hard is not None:\n        "
              'scores = torch.cat([scores, torch.einsum("bc,bkc->bk", unit(q), unit(hard)) / temp], 1)'},
        fails=["hard_negatives_join_the_candidates"])  # fmt: skip
mistake("A query with hard negatives no longer sees the other passages of the batch. All of them are candidates.",
        edit={LOSS: "if hard is not None:\n        own = torch.eye(len(q), dtype=torch.bool)\n        "
              "scores = torch.cat([scores[:, : len(q)].masked_fill(~own, -torch.inf), scores[:, len(q) :]], 1)\n    " + LOSS})  # fmt: skip
mistake("You take the first hard negative of each query only.", edit={CANDIDATES: CANDIDATES.replace("hard.flatten(0, 1)", "hard[:, :1].flatten(0, 1)")})
mistake("The hard negatives stand before the passages in your candidates, so that query i is told to find a hard negative.",
        edit={CANDIDATES: CANDIDATES.replace("[p, hard.flatten(0, 1)]", "[hard.flatten(0, 1), p]")})  # fmt: skip
mistake("You do not look at the hard negatives.", edit={CANDIDATES: "candidates = p"})
mistake("You forget that there may be no hard negatives: K = 0 raises.",
        edit={CANDIDATES: "candidates = p if hard is None else torch.cat([p, *torch.unbind(torch.stack(hard.unbind(1)))])"}, crashes=True)  # fmt: skip
mistake("You average over the hard negatives of a query before you compare. Each of them is a candidate.",
        edit={CANDIDATES: CANDIDATES.replace("hard.flatten(0, 1)", "hard.nan_to_num().sum(1) / max(hard.shape[1], 1)").replace("if hard is None", "if hard is None or not hard.shape[1]")})  # fmt: skip

# --- the filter ------------------------------------------------------------------------------------------------------

mistake("A passage of the pool that is exactly as close pushes the pair's own passage back. Only a larger cosine does.",
        edit={CLOSER: CLOSER.replace("> own", ">= own")})  # fmt: skip
mistake("You keep one place too many: exactly top_k closer passages are too many.", edit={KEPT: "return closer <= top_k"})
mistake("You keep one place too few.", edit={KEPT: "return closer < max(top_k - 1, 1)"})
mistake("You return the pairs to throw away. True is for those that are kept.", edit={KEPT: "return closer >= top_k"})
mistake("You rank by dot products. Passages of the pool win because they are long: use cosines.", edit={UNITS: "pass"})
mistake("You put a bound of 1e-6 under each length in the filter, so the cosines of shorter passages come out too small. A length may be 1e-7.",
        edit={UNITS: "p, pool = (each / each.norm(dim=-1, keepdim=True).clamp(min=1e-6) for each in (p, pool))"})  # fmt: skip
mistake("You make the passages vectors of length 1, but not those of the pool.", edit={UNITS: "p = unit(p)"})
mistake("The passages of the other pairs are ranked too. Only the pool is.",
        edit={CLOSER: "closer = (torch.cat([q @ pool.mT, q @ p.mT], 1) > own).sum(-1)"})  # fmt: skip
mistake("You rank queries for a passage. Passages are ranked for a query.", edit={CLOSER: "closer = (p @ pool.mT > own).sum(-1)"})
mistake("You rank by the distance from the largest cosine, and count the passages that are further away.",
        edit={CLOSER: CLOSER.replace("> own", "< own")})  # fmt: skip
mistake("You ignore top_k and use 2.", edit={KEPT: "return closer < 2"})
mistake("You keep pairs whose cosine is above a threshold. What counts is the place among the passages of the pool.",
        edit={KEPT: "return own.squeeze(-1) > 0.5"})  # fmt: skip
mistake("You return the places of the kept pairs. A bool for each pair is asked for.", edit={KEPT: "return (closer < top_k).nonzero().squeeze(-1)"})
mistake("Your result counts the closer passages of all pairs together.", edit={CLOSER: "closer = (q @ pool.mT > own).sum().expand(len(q))"})


@mistake("You compare with the top_k-th cosine of the pool, so the pool must have that many passages. With fewer, every pair is kept.", crashes=True)
def consistency_filter(q, p, pool, top_k=2):
    q, p, pool = (x / x.norm(dim=-1, keepdim=True) for x in (q, p, pool))
    return (q * p).sum(-1) >= (q @ pool.T).topk(top_k).values[:, -1]


# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("For \"last\", you look for the first place of padding and take the one before it. Padding may stand on the left, or between tokens.",
        edit={LAST: "place = real.int().argmin(1) - 1\n        place = place % h.shape[1]"})  # fmt: skip
mistake("The lengths of your vectors are constants in the gradient. The cosine depends on them: without it, a step makes vectors longer.",
        edit={"return x / x.norm(dim=-1, keepdim=True)": "return x / x.norm(dim=-1, keepdim=True).detach()"})  # fmt: skip
mistake("You use no temperature below 0.01. It may be smaller.", edit={SCORES: SCORES.replace("/ temp", "/ max(temp, 0.01)")})
mistake("You leave out negatives that are nearer to a query than its own passage, as some trainers do with false negatives. All candidates count.",
        edit={SCORES: SCORES + "\n    scores = scores.masked_fill(scores > scores.diagonal()[:, None] + 1e-9, -torch.inf)"})  # fmt: skip
mistake("A hard negative that occurs twice counts once in your loss. Each candidate counts for every time that it occurs.",
        edit={CANDIDATES: "candidates = p if hard is None else torch.cat([p, hard.flatten(0, 1)[[i for i, x in enumerate(hard.flatten(0, 1).tolist()) "
              "if x not in hard.flatten(0, 1).tolist()[:i]]]])"})  # fmt: skip
mistake("You leave out a hard negative that is equal to the passage of some query. Each candidate counts.",
        edit={CANDIDATES: "candidates = p if hard is None else torch.cat([p, hard.flatten(0, 1)[[i for i, x in enumerate(hard.flatten(0, 1).tolist()) "
              "if x not in p.tolist()]]])"})  # fmt: skip
mistake("A passage that stands in the pool twice counts once in your ranking. It takes two places.",
        edit={UNITS: "p, pool = unit(p), unit(pool.unique(dim=0))"})  # fmt: skip
mistake("You rank by the size of the cosine, without its sign. A passage that points the other way is not near.",
        edit={CLOSER: "own = own.abs()\n    closer = ((q @ pool.mT).abs() > own).sum(-1)"})  # fmt: skip
mistake("For \"last\", you count tokens in a number of eight bits, which wraps around behind 127. Texts may be longer.",
        edit={LAST: "place = real.to(torch.int8).cumsum(1, dtype=torch.int8).argmax(1)"})  # fmt: skip
mistake("A passage has to be nearer by more than 1e-6 to stand before the pair's own. Every larger cosine does.",
        edit={CLOSER: CLOSER.replace("> own", "> own + 1e-6")})  # fmt: skip
mistake("In a pool of more than eight passages, one that stands there twice counts once. It takes two places.",
        edit={UNITS: "p, pool = unit(p), unit(pool.unique(dim=0) if len(pool) > 8 else pool)"})  # fmt: skip
mistake("You turn every nan and inf into a number, also in a token of the text. Leave out padding alone, or a fault of the encoder is not seen.",
        edit={MEAN: "return h.nan_to_num().masked_fill(padding, 0.0).sum(1) / real.sum(1, keepdim=True)"})  # fmt: skip
