"""Wrong ways to write gpt/codex_nucleus, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

DROP = "drop = probs.cumsum(-1) - probs >= p  # the more probable ones have p already"
FIRST = "    drop[:, 0] = False\n"
PLACE = "logits.masked_fill(drop.scatter(-1, index, drop), -torch.inf)"
DRAW = "return torch.multinomial(probs, 1, generator=gen).squeeze(-1)"
EXTEND = "extended = scores[:, None] + step(live).double().log_softmax(-1)  # (n, V)"
LIVE = "live, scores = hypotheses[~ended][:beams], ranked[~ended][:beams]"
SCORE = "log_prob / len(tokens) ** length_penalty"
ENOUGH = "if len(finished) >= beams:"

# --- filters ---------------------------------------------------------------------------------------------------------

mistake(
    "You drop the token that crosses p. It is kept: the nucleus has a mass of p or *more*.",
    edit={DROP: "drop = probs.cumsum(-1) >= p"},
)
mistake(
    "When the most probable token has more than p by itself, you drop the whole row. At least one token is kept.",
    edit={DROP: "drop = probs.cumsum(-1) > p", FIRST: ""},
)
mistake(
    "With p = 0 nothing is left of a row. At least one token is kept.",
    edit={FIRST: ""},
)
mistake(
    "You keep one token more than the nucleus: the one that crosses p is the last.",
    edit={DROP: "drop = (probs.cumsum(-1) - probs).roll(1, -1) >= p"},
)
mistake(
    "You decide in the sorted order and mask in the order of the vocabulary. Scatter the decision back to where each token stands.",
    edit={PLACE: "logits.masked_fill(drop, -torch.inf)"},
)
mistake(
    "Your filtered logits come out sorted. Each token stays where it is.",
    edit={PLACE: "ordered.masked_fill(drop, -torch.inf)"},
)
mistake(
    "You sum logits instead of probabilities. p is a mass: take the softmax first.",
    edit={"probs = ordered.softmax(-1)\n": "probs = ordered\n"},
)
mistake(
    "You begin with the least probable tokens. The nucleus is made of the most probable ones.",
    edit={"logits.sort(descending=True)": "logits.sort()"},
)
mistake(
    "You keep the tokens whose own probability is at least 1 - p. The nucleus is about the sum of the most probable ones.",
    edit={DROP: "drop = probs < 1 - p"},
)
mistake(
    "Every row gets the nucleus size of the first row. Each row has its own.",
    edit={FIRST: FIRST + "    drop = drop[:1].expand_as(drop)\n"},
)
mistake(
    "You set dropped logits to 0. exp(0) is 1: they would still be drawn. Use -inf.",
    edit={PLACE: "logits.masked_fill(drop.scatter(-1, index, drop), 0.0)"},
)
mistake(
    "Your top-k drops the k-th largest, too.",
    edit={"logits < kth": "logits <= kth"},
)
# --- sampling --------------------------------------------------------------------------------------------------------

mistake(
    "You multiply by the temperature. A low one sharpens: divide.",
    edit={"logits = logits / temperature": "logits = logits * temperature"},
)
mistake(
    "You take a small temperature for 0. Logits that are nearly equal are then still drawn, and large ones overflow: take the largest.",
    edit={"    if temperature == 0:\n        return logits.argmax(-1)\n": "    temperature = max(temperature, 1e-5)\n"},
)
mistake("You do not use the temperature.", edit={"    logits = logits / temperature\n": ""})
mistake(
    "You take the nucleus before the k largest. It is the nucleus of what top-k leaves.",
    edit={
        "    if top_k:\n": "    logits = top_p_filter(logits, top_p)\n    if top_k:\n",
        "top_p_filter(logits, top_p).softmax(-1)": "logits.softmax(-1)",
    },
)
mistake(
    "You always take the most probable token: nothing is drawn.",
    edit={DRAW: "return probs.argmax(-1)"},
)
mistake(
    "Your draws do not come from `gen` but from torch's global generator, so a seed does not repeat them.",
    edit={DRAW: "return torch.multinomial(probs, 1).squeeze(-1)"},
)
mistake(
    "You set the generator back in every call, so every call draws the same. Use it as it comes.",
    edit={DRAW: "gen.manual_seed(gen.initial_seed())\n    " + DRAW},
)
mistake(
    "One random number serves all rows, so they go up and down together. Each row needs its own.",
    edit={
        DRAW: "u = torch.rand(1, generator=gen)\n    return (probs.cumsum(-1) < u).sum(-1).clamp_max(probs.shape[-1] - 1)"
    },
)
mistake(
    "The probabilities that are left do not sum to 1 again: what was dropped goes to some other token. Take the softmax *after* "
    "filtering.",
    edit={
        "probs = top_p_filter(logits, top_p).softmax(-1)": (
            "probs = logits.softmax(-1) * (top_p_filter(logits, top_p) > -torch.inf)\n"
            "    u = torch.rand(len(probs), 1, generator=gen)\n"
            "    return (probs.cumsum(-1) < u).sum(-1).clamp_max(probs.shape[-1] - 1)"
        )
    },
)
mistake(
    "You squeeze all dimensions of size 1, so a batch of one row gives a number. The result is (B,).",
    edit={".squeeze(-1)\n": ".squeeze()\n"},
)

# --- beam search -----------------------------------------------------------------------------------------------------

mistake(
    "You add up logits. Log-probabilities are the log-softmax of the logits.",
    edit={".double().log_softmax(-1)": ".double()"},
)
mistake(
    "`step` gets the last token only. It takes the whole prefix, bos included.",
    edit={"step(live)": "step(live[:, -1:])"},
)


@mistake(
    "Each hypothesis is extended by its own best token, so all of them stay and none is dropped. Rank the extensions of *all* "
    "hypotheses together.",
)
def beam_search(step, bos, eos, beams, max_len, length_penalty=1.0):
    first = step(torch.tensor([[bos]])).double().log_softmax(-1)[0].sort(descending=True)
    live = [
        ([token], score)
        for token, score in zip(first.indices[:beams].tolist(), first.values[:beams].tolist(), strict=True)
    ]
    for _ in range(max_len - 1):
        for i, (tokens, score) in enumerate(live):
            if tokens[-1] != eos:
                best = step(torch.tensor([[bos, *tokens]])).double().log_softmax(-1)[0].max(-1)
                live[i] = ([*tokens, int(best.indices)], score + float(best.values))
    scored = [(tokens, score / len(tokens) ** length_penalty) for tokens, score in live]
    return sorted(scored, key=lambda each: each[1], reverse=True)


mistake(
    "Your hypotheses go on behind eos. One that ends in eos is finished.",
    edit={LIVE: "live, scores = hypotheses[:beams], ranked[:beams]"},
)
mistake(
    "You finish every hypothesis that ends in eos, also beyond the best `beams` extensions. Those are lost.",
    edit={
        "best = ended[:beams]": "best = ended",
        "hypotheses[:beams][best, 1:].tolist(), ranked[:beams][best]": "hypotheses[best, 1:].tolist(), ranked[best]",
    },
)
mistake(
    "A finished hypothesis takes a place among the live ones, so fewer and fewer go on. The best `beams` that do not end in eos "
    "are live.",
    edit={LIVE: "live, scores = hypotheses[:beams][~best], ranked[:beams][~best]"},
)
mistake(
    "You stop at the first finished hypothesis. The search ends when `beams` are finished.",
    edit={ENOUGH: "if finished:"},
)
mistake(
    "You search on until max_len. It ends when `beams` hypotheses are finished.",
    edit={ENOUGH: "if False:"},
)
mistake(
    "Hypotheses that are live after max_len rounds are missing from your result. They count as finished then.",
    edit={"        finished += zip(live[:, 1:].tolist(), scores.tolist(), strict=True)\n": "        pass\n"},
)
mistake(
    "You add live hypotheses to the finished ones even when `beams` are finished. They are dropped then.",
    edit={"    else:\n        finished += zip(live": "    if True:\n        finished += zip(live"},
)
mistake(
    "Your sequences are one token too long: max_len counts all tokens but bos.",
    edit={"for _ in range(max_len):": "for _ in range(max_len + 1):"},
)
mistake(
    "Your scores are not divided by the length.",
    edit={SCORE: "log_prob"},
)
mistake(
    "You divide by ((5 + length) / 6) ** length_penalty, as Google's translation system did. It is length ** length_penalty here.",
    edit={SCORE: "log_prob / ((5 + len(tokens)) / 6) ** length_penalty"},
)
mistake(
    "You count bos in the length. The length is that of the tokens that you return.",
    edit={SCORE: "log_prob / (len(tokens) + 1) ** length_penalty"},
)
mistake(
    "Your sequences begin with bos. Return the tokens behind it.",
    edit={"hypotheses[:beams][best, 1:]": "hypotheses[:beams][best]", "zip(live[:, 1:]": "zip(live"},
)
mistake(
    "You record one finished hypothesis in each round. All of the best `beams` extensions that end in eos are finished.",
    edit={"best = ended[:beams]": "best = ended[:beams] & (ended[:beams].cumsum(0) == 1)"},
)
mistake(
    "You record one finished hypothesis in each round and search on until max_len. All of the best `beams` extensions that end in eos "
    "are finished, and the search ends when `beams` are.",
    edit={"best = ended[:beams]": "best = ended[:beams] & (ended[:beams].cumsum(0) == 1)", ENOUGH: "if False:"},
)
mistake(
    "Finished hypotheses are recorded from the best extension only. All of the best `beams` that end in eos are finished.",
    edit={"best = ended[:beams]": "best = ended[:beams] & (torch.arange(len(ended[:beams])) == 0)"},
)
mistake(
    "You stop when more than `beams` hypotheses are finished. It ends with `beams`.",
    edit={ENOUGH: "if len(finished) > beams:"},
)
mistake(
    "You search with 16 beams at most. It is `beams`, however many.",
    edit={
        "    live = torch.tensor([[bos]])  # (n, t)\n": "    beams = min(beams, 16)\n    live = torch.tensor([[bos]])  # (n, t)\n"
    },
)
mistake(
    "Your search ends after 16 rounds. It is `max_len`, however many.",
    edit={"for _ in range(max_len):": "for _ in range(min(max_len, 16)):"},
)

# --- state -----------------------------------------------------------------------------------------------------------

mistake(
    "You draw at temperature 0 as well, and throw the draw away. Nothing is drawn then: `gen` stays as it is.",
    edit={
        "        return logits.argmax(-1)\n": "        torch.rand(1, generator=gen)\n        return logits.argmax(-1)\n"
    },
)
mistake(
    "You seed torch's global generator from `gen`. Draw from `gen` itself: the global one belongs to the caller.",
    edit={
        DRAW: (
            "torch.manual_seed(int(torch.randint(2**31, (1,), generator=gen)))\n    return torch.multinomial(probs, 1).squeeze(-1)"
        )
    },
)
mistake(
    'You take top_p = 0 for "off". It keeps the most probable token; 1 keeps all.',
    edit={"top_p_filter(logits, top_p).softmax(-1)": "top_p_filter(logits, top_p or 1.0).softmax(-1)"},
)
mistake(
    "You raise small temperatures to 0.01. Only 0 is special: .004 makes logits sharper than .01 does.",
    edit={"logits = logits / temperature": "logits = logits / max(temperature, 1e-2)"},
)
mistake(
    "You divide the caller's logits in place.",
    edit={"logits = logits / temperature": "logits /= temperature"},
)
mistake(
    "You cut sequences at the first eos, bos included: where bos is eos, nothing is left.",
    edit={"hypotheses[:beams][best, 1:].tolist()": "[(t[: t.index(eos) + 1] if eos in t else t)[1:] for t in hypotheses[:beams][best].tolist()]"},
    crashes=True,
)
mistake(
    "With p of 1 you return the logits themselves. What was returned changes when the caller writes into them.",
    edit={"    ordered, index = logits.sort(descending=True)\n": "    if p >= 1:\n        return logits\n    ordered, index = logits.sort(descending=True)\n"},
)
mistake(
    "With k from V on you return the logits themselves. What was returned changes when the caller writes into them.",
    edit={
        "    kth = logits.topk(min(k, logits.shape[-1])).values[:, -1:]  # (B, 1)\n": (
            "    if k >= logits.shape[-1]:\n        return logits\n    kth = logits.topk(k).values[:, -1:]\n"
        )
    },
)
