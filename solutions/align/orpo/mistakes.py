"""Wrong ways to write align/orpo, each with the sentence that a student should read."""

from autograder.checks import mistake

ONE = "return torch.log(-torch.expm1(x))"
ODDS = "return (lp_c - lp_r) - (log1mexp(lp_c) - log1mexp(lp_r))"
LOSS = "return nll - lam * F.logsigmoid(log_odds(lp_c, lp_r))"
DELTA = "delta = torch.sigmoid(-log_odds(lp_c, lp_r))"
SLOPES = "return delta / torch.expm1(lp_c), -delta / torch.expm1(lp_r)"
LEAVES = "    lp_c, lp_r = lp_c.detach(), lp_r.detach()\n    delta"
SHIFTED = "labels = labels[:, 1:]"
LP = "lp = torch.where(answer, logps, 0.0).sum(1) / answer.sum(1)"
CHUNK = "lp_c, lp_r = lp.chunk(2)"
BATCH = "return orpo_loss(-lp_c, lp_c, lp_r, lam).mean()"
REFUSED = "if len(labels) % 2 or not answer.any(1).all():"
LOW = "low = -top[..., :1] - torch.log(torch.tensor(reward.shape[-1] - 1.0, dtype=reward.dtype, device=reward.device))"
FOUND = "return torch.sigmoid(reward + (low + high) / 2)"

# --- log(1 - exp(x)) --------------------------------------------------------------------------------------------------

mistake("1 - exp(x) is computed first. Where exp(x) rounds to 1 this is 0, and its logarithm infinite: use expm1.", edit={ONE: "return torch.log(1 - torch.exp(x))"})
mistake("log1p(-exp(x)) does not help near 0: exp(x) has already been rounded to 1 there. Use expm1.", edit={ONE: "return torch.log1p(-torch.exp(x))"})
mistake(
    "The right one of two branches is chosen by torch.where, but the other branch has an infinite slope there, and 0 times infinity is nan. Put harmless numbers into the branch that is not chosen.",
    edit={ONE: "return torch.where(x > -0.6931471805599453, torch.log(-torch.expm1(x)), torch.log1p(-torch.exp(x)))"},
)
mistake("The two branches are exchanged: expm1 belongs to numbers near 0.", edit={ONE: "near = x > -0.6931471805599453\n    a, b = torch.where(near, x, -1.0), torch.where(near, -0.1, x)\n    return torch.where(near, torch.log1p(-torch.exp(a)), torch.log(-torch.expm1(b)))"})
mistake("A small number is added inside of the logarithm. Then it is no longer log(1 - exp(x)) near 0.", edit={ONE: "return torch.log(1 - torch.exp(x) + 1e-8)"})
mistake("exp(x) is cut off at 0.999 or so. Answers that are nearly certain then have no slope.", edit={ONE: "return torch.log1p(-torch.exp(x).clamp(max=1 - 1e-6))"})
mistake("This is log(1 + exp(x)). The odds divide by 1 - P.", edit={ONE: "return torch.log1p(torch.exp(x))"})
mistake("This is log(exp(x) - 1) of a negative number, which is nan: take expm1 with the minus outside.", edit={ONE: "return torch.log(torch.expm1(-x))"})

# --- the odds ratio -------------------------------------------------------------------------------------------------------

mistake("This is the probability ratio. Odds are P / (1 - P).", edit={ODDS: "return lp_c - lp_r"})
mistake("log(1 - P) is added. It is taken off: the odds divide by it.", edit={ODDS: "return (lp_c - lp_r) + (log1mexp(lp_c) - log1mexp(lp_r))"})
mistake("The ratio is turned round: the odds of the chosen answer stand above.", edit={ODDS: "return (lp_r - lp_c) - (log1mexp(lp_r) - log1mexp(lp_c))"})
mistake("The odds ratio itself is returned. Its logarithm is asked for.", edit={ODDS: "return ((lp_c - lp_r) - (log1mexp(lp_c) - log1mexp(lp_r))).exp()"})
mistake("Only the chosen answer has its odds taken. Both have.", edit={ODDS: "return lp_c - log1mexp(lp_c) - lp_r"})
mistake("Probabilities are divided and multiplied before the logarithm is taken, so very unlikely answers become 0 / 0 or 0.", edit={ODDS: "pc, pr = lp_c.exp(), lp_r.exp()\n    return torch.log((pc / (1 - pc)) / (pr / (1 - pr)))"})
mistake("The rejected answer is detached, so it is never pushed down.", edit={ODDS: "lp_r = lp_r.detach()\n    return (lp_c - lp_r) - (log1mexp(lp_c) - log1mexp(lp_r))"})
mistake("log(1 - P) is detached. It has the larger part of the slope where P is near 1.", edit={ODDS: "return (lp_c - lp_r) - (log1mexp(lp_c) - log1mexp(lp_r)).detach()"})
mistake("The log odds are computed in float32, as trl does. float64 stays float64 here.", edit={ODDS: "a, b = lp_c.float(), lp_r.float()\n    return ((a - b) - (log1mexp(a) - log1mexp(b))).to(lp_c.dtype)"})

# --- the loss ---------------------------------------------------------------------------------------------------------------

mistake("The second term has the wrong sign: log σ is negative, so it is taken off.", edit={LOSS: "return nll + lam * F.logsigmoid(log_odds(lp_c, lp_r))"})
mistake("λ multiplies the loss of fine-tuning. It is the weight of the second term.", edit={LOSS: "return lam * nll - F.logsigmoid(log_odds(lp_c, lp_r))"})
mistake("λ stands inside of σ, as DPO's β does. It is outside here.", edit={LOSS: "return nll - F.logsigmoid(lam * log_odds(lp_c, lp_r))"})
mistake("λ is left out.", edit={LOSS: "return nll - F.logsigmoid(log_odds(lp_c, lp_r))"})
mistake("The loss of fine-tuning is left out. Both are one loss.", edit={LOSS: "return 0 * nll - lam * F.logsigmoid(log_odds(lp_c, lp_r))"})
mistake("log σ is taken in two steps: σ of a very negative number is 0, and its logarithm infinite.", edit={LOSS: "return nll - lam * torch.sigmoid(log_odds(lp_c, lp_r)).log()"})
mistake("This is 1 - σ, without the logarithm.", edit={LOSS: "return nll + lam * torch.sigmoid(-log_odds(lp_c, lp_r))"})
mistake("The log odds ratio itself is the loss, without log σ. Then a pair never has enough.", edit={LOSS: "return nll - lam * log_odds(lp_c, lp_r)"})
mistake("The mean over the pairs is returned. There is one loss for each.", edit={LOSS: "return (nll - lam * F.logsigmoid(log_odds(lp_c, lp_r))).mean()"})
mistake("nll is replaced by -lp_c. It is an argument of its own.", edit={LOSS: "return -lp_c - lam * F.logsigmoid(log_odds(lp_c, lp_r)) + 0 * nll"})
mistake("nll is detached, so nothing is learned from fine-tuning.", edit={LOSS: "return nll.detach() - lam * F.logsigmoid(log_odds(lp_c, lp_r))"})
mistake("The default of λ is not 0.1.", edit={"def orpo_loss(nll: Tensor, lp_c: Tensor, lp_r: Tensor, lam: float = 0.1)": "def orpo_loss(nll: Tensor, lp_c: Tensor, lp_r: Tensor, lam: float = 1.0)"})
mistake("The probability ratio is used in the loss, as in DPO without a reference. It is the odds ratio.", edit={LOSS: "return nll - lam * F.logsigmoid(lp_c - lp_r)"})

# --- the slopes ---------------------------------------------------------------------------------------------------------------

mistake("δ is the share of the right order. It is that of the wrong one: 1 / (1 + odds ratio).", edit={DELTA: "delta = torch.sigmoid(log_odds(lp_c, lp_r))"})
mistake("The factors 1 / (1 - P) are left out.", edit={SLOPES: "return -delta, delta"})
mistake("The slopes have the wrong signs: L_OR falls when the chosen answer becomes more probable.", edit={SLOPES: "return -delta / torch.expm1(lp_c), delta / torch.expm1(lp_r)"})
mistake("Both slopes have the factor of the chosen answer. Each has its own.", edit={SLOPES: "return delta / torch.expm1(lp_c), -delta / torch.expm1(lp_c)"})
mistake("The factors are exchanged between the chosen and the rejected answer.", edit={SLOPES: "return delta / torch.expm1(lp_r), -delta / torch.expm1(lp_c)"})
mistake("The factor is 1 / P. It is 1 / (1 - P).", edit={SLOPES: "return -delta / lp_c.exp(), delta / lp_r.exp()"})
mistake("1 - P is computed by a difference, which is 0 where P rounds to 1.", edit={SLOPES: "return -delta / (1 - lp_c.exp()), delta / (1 - lp_r.exp())"})
mistake("δ is 1 / (1 + exp(·)) in two steps, or the odds ratio without its logarithm: it overflows or is another number.", edit={DELTA: "ratio = (lp_c.exp() / (1 - lp_c.exp())) / (lp_r.exp() / (1 - lp_r.exp()))\n    delta = 1 / (1 + ratio)"})
mistake("The slopes carry a gradient. They are numbers.", edit={LEAVES: "    delta"})
mistake("δ is σ of minus the probability ratio. It is that of the odds ratio.", edit={DELTA: "delta = torch.sigmoid(lp_r - lp_c)"})

# --- a batch ------------------------------------------------------------------------------------------------------------------

mistake("The label of a place is compared with the logits of the same place: shift by one.", edit={SHIFTED: "labels = labels[:, :-1]"})
mistake("lp is the sum over tokens. It is their mean: the probability of a whole answer is so small that 1 - P is 1 and odds are nothing new.", edit={LP: "lp = torch.where(answer, logps, 0.0).sum(1)"})
mistake("lp is divided by the length of the row, padding and prompt included.", edit={LP: "lp = torch.where(answer, logps, 0.0).sum(1) / labels.shape[1]"})
mistake("The prompt and the padding count in lp.", edit={LP: "lp = logps.mean(1)"})
mistake("Rows are taken in turns, chosen and rejected. The chosen ones are the first half.", edit={CHUNK: "lp_c, lp_r = lp[::2], lp[1::2]"})
mistake("The first half is taken for the rejected answers.", edit={CHUNK: "lp_r, lp_c = lp.chunk(2)"})
mistake("The pairs are paired in the reverse order: row B + i belongs to row i.", edit={CHUNK: "lp_c, lp_r = lp.chunk(2)\n    lp_r = lp_r.flip(0)"})
mistake("Fine-tuning is on both answers, the rejected one too.", edit={BATCH: "return orpo_loss(-(lp_c + lp_r) / 2, lp_c, lp_r, lam).mean()"})
mistake("nll is the sum over the chosen answer's tokens. It is -lp_c, a mean.", edit={BATCH: "n = answer.sum(1)[: len(lp_c)]\n    return orpo_loss(-lp_c * n, lp_c, lp_r, lam).mean()"})
mistake("nll is divided by the number of tokens of all chosen answers together. Each pair has its own mean.", edit={BATCH: "n = answer.sum(1)[: len(lp_c)]\n    return orpo_loss(-lp_c * n * len(n) / n.sum(), lp_c, lp_r, lam).mean()"})
mistake("The sum over the pairs is returned. It is their mean.", edit={BATCH: "return orpo_loss(-lp_c, lp_c, lp_r, lam).sum()"})
mistake("lam does not reach the loss.", edit={BATCH: "return orpo_loss(-lp_c, lp_c, lp_r).mean()"})
mistake("An odd number of rows is cut into halves of two sizes. It raises ValueError.", edit={REFUSED: "labels, logps_ = labels, None\n    if not answer.any(1).all():", CHUNK: "lp_c, lp_r = lp[: len(lp) // 2], lp[len(lp) // 2 : len(lp) // 2 * 2]"})
mistake("A row without an answer is divided by 0, or counts as 0. It raises ValueError.", edit={REFUSED: "if len(labels) % 2:", LP: "lp = torch.where(answer, logps, 0.0).sum(1) / answer.sum(1).clamp(min=1) - 1e-9"})
mistake("A label at place 0 counts as an answer when rows are checked. Nothing predicts it.", edit={SHIFTED: "whole = (labels != IGNORED).any(1)\n    labels = labels[:, 1:]", REFUSED: "if len(labels) % 2 or not whole.all():"})
mistake("-100 is replaced inside of the tensor that was given.", edit={"labels.clamp(min=0)": "labels.clamp_(min=0)"})
mistake("The default of λ in the batch is not 0.1.", edit={"labels: Tensor, lam: float = 0.1)": "labels: Tensor, lam: float = 0.5)"})

# --- the policy ---------------------------------------------------------------------------------------------------------------

mistake("This is the softmax of the rewards, where log probabilities differ as rewards do. Here log odds do.", edit={FOUND: "return reward.softmax(-1)"})
mistake("σ of the rewards is divided by its sum. Then log odds do not differ as the rewards do: look for c.", edit={FOUND: "return torch.sigmoid(reward) / torch.sigmoid(reward).sum(-1, keepdim=True)"})
mistake("c is left out, so the probabilities do not sum to 1.", edit={FOUND: "return torch.sigmoid(reward)"})
mistake("The interval is halved ten times only. Go on until c no longer changes.", edit={"for _ in range(80):": "for _ in range(10):"})
mistake("One c is sought for all prompts. Each has its own.", edit={FOUND: "return torch.sigmoid(reward + (((low + high) / 2).mean() if reward.ndim > 1 else (low + high) / 2))"})
mistake("The wrong half of the interval is kept: if the sum is too large, c must fall.", edit={"too_much = torch.sigmoid(reward + middle).sum(-1, keepdim=True) > 1": "too_much = torch.sigmoid(reward + middle).sum(-1, keepdim=True) < 1"})
mistake("The search begins between -10 and 10, whatever the rewards are.", edit={LOW: "low = -10.0 - 0 * top[..., :1]", "high = -top[..., 1:]": "high = 10.0 + 0 * top[..., 1:]"})

# --- half-done ideas ----------------------------------------------------------------------------------------------------------

mistake("Fine-tuning has the weight 1 - λ. Its weight is 1.", edit={LOSS: "return (1 - lam) * nll - lam * F.logsigmoid(log_odds(lp_c, lp_r))"})
mistake("The log odds ratio is cut off between -20 and 20. Then pairs that are very wrong have no slope.", edit={ODDS: "return ((lp_c - lp_r) - (log1mexp(lp_c) - log1mexp(lp_r))).clamp(-20, 20)"})
mistake("Both means are divided by the chosen answer's number of tokens. Each answer has its own.", edit={LP: "n = answer.sum(1).chunk(2)[0]\n    lp = torch.where(answer, logps, 0.0).sum(1) / torch.cat([n, n])"})
mistake("One mean is taken over all tokens of the chosen answers, and one over those of the rejected ones. Each answer has its own.", edit={LP: "sums, n = torch.where(answer, logps, 0.0).sum(1), answer.sum(1)\n    half = len(n) // 2\n    lp = torch.cat([sums[:half] / n[:half].double().mean().to(sums.dtype), sums[half:] / n[half:].double().mean().to(sums.dtype)])"})
mistake("ValueError is raised only if no row has an answer. Each row needs one.", edit={REFUSED: "if len(labels) % 2 or not answer.any():"})
mistake("The computation is in float32, also for float64 logits.", edit={"logits[:, :-1].log_softmax(-1)": "logits[:, :-1].float().log_softmax(-1).to(logits.dtype)"})
mistake("Logits are taken for log-probabilities: log_softmax is missing.", edit={"logits[:, :-1].log_softmax(-1)": "(-logits[:, :-1].abs() - 0.01)"})
mistake("The mean of probabilities is taken, and its logarithm. It is the mean of the logarithms.", edit={LP: "lp = (torch.where(answer, logps.exp(), 0.0).sum(1) / answer.sum(1)).clamp(min=1e-30, max=1 - 1e-12).log()"})
mistake("The probabilities are divided by their sum at the end, as if c were found, with the c of the middle of the interval.", edit={"for _ in range(80):": "for _ in range(0):", FOUND: "p = torch.sigmoid(reward + (low + high) / 2)\n    return p / p.sum(-1, keepdim=True)"})
mistake("δ is detached in the loss, or the loss is replaced by its slope: the value is then that of δ.", edit={LOSS: "return nll + lam * torch.sigmoid(-log_odds(lp_c, lp_r)).detach() * (lp_r - lp_c)"})
mistake("`lam or 0.1` makes 0.1 of a weight of 0. With a weight of 0 only fine-tuning is left.", edit={BATCH: "return orpo_loss(-lp_c, lp_c, lp_r, lam or 0.1).mean()"})
mistake("Log-probabilities of tokens are cut off at -1000. They may be smaller.", edit={"logits[:, :-1].log_softmax(-1)": "logits[:, :-1].log_softmax(-1).clamp(min=-1e3)"})
mistake("A random number is drawn on the way. Nothing here is random.", edit={CHUNK: "torch.rand(1)\n    lp_c, lp_r = lp.chunk(2)"})

mistake(
    "You look for c between -100 and 100. For several rewards of 100 it lies below.",
    edit={
        "low = -top[..., :1] - torch.log(torch.tensor(reward.shape[-1] - 1.0, dtype=reward.dtype, device=reward.device))": (
            "low = torch.full_like(top[..., :1], -100.0)"
        ),
        "high = -top[..., 1:]": "high = torch.full_like(top[..., :1], 100.0)",
    },
)
