"""Wrong ways to write mistral/mixtral_moe, each with the sentence that a student should read."""

from autograder.checks import mistake

TOPK = "logits, idx = (x @ Wg.T).topk(k, dim=-1)"
SOFT = "return logits.softmax(-1), idx"
WHERE = "token, place = torch.where(idx == e)  # who chose expert e, and as which of the k"
IF = "if len(token):"
HALVES = "gate, up = (x[token] @ W13[e].T).chunk(2, dim=-1)"
Y = "y = (torch.nn.functional.silu(gate) * up) @ W2[e].T  # (tokens of e, C)"
OUT = "out = out.index_add(0, token, weights[token, place, None] * y)"
CHOSEN = "chosen = router_logits.topk(k, dim=-1).indices.flatten()"
COUNT = "f = torch.bincount(chosen, minlength=E).to(router_logits.dtype) / N"
LOSS = "return E * (f * router_logits.softmax(-1).mean(0)).sum()"
ATTENTION = "attention = 2 * cfg.C * cfg.H * cfg.D + 2 * cfg.C * cfg.G * cfg.D"
LAYER = "layer = 2 * cfg.C + attention + cfg.E * cfg.C + cfg.E * 3 * cfg.C * cfg.F"
TOTAL = "return 2 * cfg.vocab * cfg.C + cfg.L * layer + cfg.C"
ACTIVE = "return total_params(cfg) - cfg.L * (cfg.E - cfg.k) * 3 * cfg.C * cfg.F"

mistake("Your weights are the softmax over all experts, and do not add up to 1. Take the softmax over the k chosen logits.",
        edit={SOFT: "return (x @ Wg.T).softmax(-1).gather(1, idx), idx"})  # fmt: skip
mistake("You divide the chosen logits by their sum. Weights are a softmax.", edit={SOFT: "return logits / logits.sum(-1, keepdim=True), idx"})
mistake("Your weights count all chosen experts alike.", edit={SOFT: "return torch.ones_like(logits) / k, idx"})
mistake("You sort the chosen experts by their numbers and leave the weights in the order of the logits.", edit={SOFT: "return logits.softmax(-1), idx.sort(-1)[0]"})
mistake("You list the smallest of the chosen logits first.", edit={SOFT: "return logits.softmax(-1).flip(-1), idx.flip(-1)"}, fails=["the_largest_logits_are_chosen"])
mistake("No gradient reaches your router: its weights are cut out of the graph. The choice has no gradient, the weights have one.", edit={SOFT: "return logits.detach().softmax(-1), idx"})
mistake("Your softmax runs over the tokens. It runs over the k experts of a token.", edit={SOFT: "return logits.softmax(0), idx"})

mistake("You do not multiply by the weights.", edit={OUT: "out = out.index_add(0, token, y)"})
mistake("You multiply an expert's input by the weight. SwiGLU is not linear: the weight belongs to the output.",
        edit={HALVES: "gate, up = ((weights[token, place, None] * x[token]) @ W13[e].T).chunk(2, dim=-1)", OUT: "out = out.index_add(0, token, y)"})  # fmt: skip
mistake("You take the weight of a token's first choice for all of its experts.", edit={OUT: "out = out.index_add(0, token, weights[token, :1] * y)"})
mistake("A token's second expert overwrites what the first one gave. Add them.", edit={OUT: "out = out.index_copy(0, token, weights[token, place, None] * y)"})
mistake("You exchange gate and up-projection: the first F rows of W13 are the gate.", edit={HALVES: HALVES.replace("gate, up", "up, gate")})
mistake("You take every second row of W13 for the gate. The first F rows are the gate, the others the up-projection.",
        edit={HALVES: "both = x[token] @ W13[e].T\n            gate, up = both[:, ::2], both[:, 1::2]"})  # fmt: skip
mistake("Your experts have no gate: only silu of one half. Multiply by the up-projection.", edit={Y: "y = torch.nn.functional.silu(gate) @ W2[e].T"})
mistake("Your gate goes through a GELU. SwiGLU has silu(z) = z / (1 + e^-z).", edit={"torch.nn.functional.silu(gate)": "torch.nn.functional.gelu(gate)"})
mistake("You stop at an expert that nobody chose, and so those behind it are missing.", edit={IF: "if not len(token):\n            break\n        else:"})
mistake("An expert takes no more than a fixed number of tokens in your layer, and drops the others. There is no capacity here.",
        edit={WHERE: "token, place = (each[: max(1, len(x) // 2)] for each in torch.where(idx == e))"})  # fmt: skip
mistake("You compute all experts for all tokens and multiply by 0 where they were not chosen: too much work, and 0 times nan is nan.",
        edit={WHERE: "token, place = torch.arange(len(x)), (idx == e).int().argmax(1)", OUT: "out = out.index_add(0, token, (idx == e).any(1, keepdim=True) * weights[token, place, None] * y)"},
        fails=["experts_see_their_own_tokens_alone", "work_is_done_for_chosen_experts_only"])  # fmt: skip

mistake("You count only the first choice of each token. Each of the k chosen experts counts.", edit={CHOSEN: "chosen = router_logits.argmax(-1)"})
mistake("Your probabilities are the softmax over the chosen logits alone. P is a mean over the softmax of all E.",
        edit={LOSS: "best, at = router_logits.topk(k, dim=-1)\n    return E * (f * torch.zeros_like(router_logits).scatter(1, at, best.softmax(-1)).mean(0)).sum()"})  # fmt: skip
mistake("You leave out the factor E, so the loss depends on the number of experts.", edit={LOSS: LOSS.replace("E * ", "")})
mistake("You multiply each token's own choices and probabilities, and then average. Average each over the tokens first.",
        edit={LOSS: "own = torch.zeros_like(router_logits).scatter(1, chosen.view(N, k), 1.0)\n    return E * (own * router_logits.softmax(-1)).sum(-1).mean()"})  # fmt: skip

mistake("You leave out the routers.", edit={LAYER: LAYER.replace(" + cfg.E * cfg.C +", " +")})
mistake("You count the whole model E times, as the name 8x7B suggests. Only the feed-forward networks come E times.",
        edit={LAYER: "layer = 2 * cfg.C + cfg.E * attention + cfg.E * cfg.C + cfg.E * 3 * cfg.C * cfg.F"})  # fmt: skip
mistake("You take one expert for each token. It chooses k.", edit={ACTIVE: ACTIVE.replace("(cfg.E - cfg.k)", "(cfg.E - 1)")})
mistake("You compute silu as z / (1 + exp(-z)). Where z is far below 0, exp is infinite, and the gradient nan.", edit={
    Y: Y.replace("torch.nn.functional.silu(gate)", "gate / (1 + torch.exp(-gate))")})  # fmt: skip
mistake("You choose by the softmax of the logits in your loss. Where several of its numbers are 0, their order is lost: choose by the logits.", edit={
    CHOSEN: CHOSEN.replace("router_logits.topk", "router_logits.softmax(-1).topk")})  # fmt: skip
mistake("An expert takes 64 tokens at most in your layer. There is no capacity here.", edit={
    WHERE: "token, place = (each[:64] for each in torch.where(idx == e))"})  # fmt: skip

mistake(
    "Each expert takes twice its share of the tokens at most, and 64 at least. Every token goes through its k experts.",
    edit={WHERE: WHERE.partition("  #")[0] + "\n        token, place = (each[: max(64, 2 * len(x) * k // len(Wg))] for each in (token, place))"},
)
mistake(
    "Of equal logits you count all, as if each was chosen. A token chooses k experts.",
    edit={COUNT: "f = (router_logits >= router_logits.topk(k, dim=-1).values[:, -1:]).sum(0).to(router_logits.dtype) / N"},
)
mistake(
    "You take a share k / E of all experts' numbers and round it down. k experts are a whole number of numbers.",
    edit={ACTIVE: "experts = cfg.L * cfg.E * 3 * cfg.C * cfg.F\n    return total_params(cfg) - experts + int(experts * (cfg.k / cfg.E))"},
)
mistake(
    "The experts are chosen by logits in float32, in which near ones are equal. Everything is computed in the dtype of the inputs.",
    edit={TOPK: "logits = x @ Wg.T\n    idx = logits.float().topk(k, dim=-1).indices\n    logits = logits.gather(-1, idx)"},
)
mistake(
    "You replace nan in the results by numbers. A token with nan in it spoils its own row: whoever looks at the row must see it.",
    edit={"    return out\n": "    return out.nan_to_num()\n"},
)
