"""Wrong ways to write gpt/instructgpt_losses, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

GAP = "r[:, :, None] - r[:, None, :]"
NLL = f"-F.logsigmoid({GAP})"
PREFERRED = "ranks[:, :, None] < ranks[:, None, :]"
PER_PROMPT = "(nll * preferred).sum((1, 2)) / pairs.clamp(min=1)"
MEAN = "losses.sum() / (pairs > 0).sum().clamp(min=1)"
SHIFT = "r - demo_r.mean()"
OBJECTIVE = "(reward - beta * (logp - logp_sft)).mean() - gamma * lm_nll.mean()"
ORDER = "torch.arange(r.shape[1], device=r.device).expand(r.shape)"

# --- pairs -----------------------------------------------------------------------------------------------------------

mistake(
    "You add up the pairs of a prompt and do not divide by their number. The loss of a prompt is the mean, so that 36 pairs weigh as one.",
    edit={PER_PROMPT: "(nll * preferred).sum((1, 2))"},
)
mistake("You add up the prompts. The result is their mean.", edit={MEAN: "losses.sum()"})
mistake(
    "You divide by K² instead of the number of pairs: (i, j) and (j, i) are one pair, and (i, i) is none.",
    edit={PER_PROMPT: "(nll * preferred).mean((1, 2))", "    pairs = ": "    pairs = 1 + 0 * "},
)
mistake(
    "You divide by K (K - 1): each pair counts once, so there are half as many.",
    edit={PER_PROMPT: "(nll * preferred).sum((1, 2)) / (2 * pairs).clamp(min=1)"},
)
mistake(
    "Your difference is worse minus better, so the loss falls when the model prefers the wrong response.",
    edit={NLL: f"-F.logsigmoid(-({GAP}))"},
)
mistake(
    "You take 1 - σ of the difference, without a logarithm. A pair that is very wrong then has no gradient any more. Use -log σ.",
    edit={NLL: f"1 - torch.sigmoid({GAP})"},
)
mistake(
    "You compute log(sigmoid(x)) in two steps: for -200 the sigmoid is 0 and its logarithm infinite. Use logsigmoid or softplus.",
    edit={NLL: f"-torch.log(torch.sigmoid({GAP}))"},
)
mistake(
    "Only neighbours in the order are compared. The best response is compared with the third and the fourth too: all C(K, 2) pairs count.",
    edit={PREFERRED: "ranks[:, :, None] + 1 == ranks[:, None, :]"},
)
mistake(
    "Only the best response is compared with the others. All pairs count, also the second against the third.",
    edit={PREFERRED: f"({PREFERRED}) & (ranks == ranks.amin(1, keepdim=True))[:, :, None]"},
)
mistake(
    "This is a hinge loss, max(0, 1 - distance): it is 0 from a distance of 1 on. Use -log σ, which never is.",
    edit={NLL: f"(1 - ({GAP})).clamp(min=0)"},
)
mistake("The margin of Llama 2 is in your difference. Here nothing is taken off.", edit={NLL: f"-F.logsigmoid({GAP} - 1)"})
mistake(
    "You take σ of the mean distance. The mean comes last: each pair has its own -log σ.",
    edit={PER_PROMPT: "-F.logsigmoid(((r[:, :, None] - r[:, None, :]) * preferred).sum((1, 2)) / pairs.clamp(min=1)) * (pairs > 0)"},
)
mistake(
    "Your gradient is cut off: the result is a number that has left the graph. Do not detach it, and do not take .item().",
    edit={MEAN: f"({MEAN}).detach()"},
)
mistake(
    "The reward of the worse response is detached, so it is never pushed down. Both responses of a pair have a gradient.",
    edit={GAP: "r[:, :, None] - r.detach()[:, None, :]"},
)
mistake(
    "You compute in float32 whatever the dtype of r is. The loss of float64 rewards is float64.",
    edit={"    preferred =": "    r = r.float()\n    preferred ="},
)
mistake(
    "You sort the rewards before the pairs are made, so the model decides what is better. The labelers do: keep the order as it is.",
    edit={"    preferred =": "    r = r.sort(1, descending=True).values\n    preferred ="},
)
mistake(
    "The responses of all prompts are thrown together. Only responses of one prompt are compared.",
    edit={"    preferred =": "    r, ranks = r.reshape(1, -1), ranks.reshape(1, -1)\n    preferred ="},
)
@mistake(
    "This is the Plackett-Luce loss: the best of all, then the best of the rest. It agrees for two responses; here all pairs are averaged."
)
def rm_ranking_loss(r, ranks=None):
    ranks = torch.arange(r.shape[1]).expand(r.shape) if ranks is None else ranks
    ordered = r.gather(1, ranks.argsort(1))
    rest = ordered.flip(1).logcumsumexp(1).flip(1)
    return (rest - ordered).sum(1).mean() / max(r.shape[1] - 1, 1)


# --- ranks and ties --------------------------------------------------------------------------------------------------

mistake("A larger rank wins in your code. Rank 1 is the best: smaller is better.", edit={"    preferred =": "    ranks = -ranks\n    preferred ="})
mistake("Your code ignores `ranks`.", edit={"if ranks is None": "if True"})
mistake("Ties count as comparisons, in both directions. They are dropped.", edit={PREFERRED: f"({PREFERRED.replace('<', '<=')}) & ~torch.eye(r.shape[1], dtype=torch.bool)"})
mistake(
    "Of two responses that tie, the one that stands first is preferred in your code. Ties are no comparison.",
    edit={"    preferred =": "    ranks = ranks.argsort(dim=1, stable=True).argsort(dim=1)\n    preferred ="},
)
mistake(
    "A tie costs ln 2 in your code (a target of one half, as in chess ratings). Ties are dropped.",
    edit={
        PREFERRED: "ranks[:, :, None] < ranks[:, None, :]\n    tie = (ranks[:, :, None] == ranks[:, None, :]).triu(1)",
        PER_PROMPT: "((nll * preferred).sum((1, 2)) + (0.5 * (nll + nll.mT) * tie).sum((1, 2))) / (pairs + tie.sum((1, 2))).clamp(min=1)",
    },
)
mistake(
    "You divide by C(K, 2) also where ties were dropped. Divide by the number of comparisons that are left.",
    edit={PER_PROMPT: "(nll * preferred).sum((1, 2)) / max(r.shape[1] * (r.shape[1] - 1) // 2, 1)"},
)
mistake(
    "You weigh each pair by the distance of the ranks. A pair is a pair, whether places 1 and 2 or 1 and 40.",
    edit={"(nll * preferred).sum((1, 2))": "(nll * preferred * (ranks[:, None, :] - ranks[:, :, None])).sum((1, 2))"},
)
mistake(
    "Your ranks go through float32, where large numbers become equal. Compare whole numbers.",
    edit={"    preferred =": "    ranks = ranks.float()\n    preferred ="},
)
mistake(
    "A prompt without a comparison counts as a prompt with loss 0. Leave it out of the mean.",
    edit={MEAN: "losses.mean()"},
    fails=["without_a_pair_nothing_is_learned"],
)
mistake(
    "Where there is no comparison you divide 0 by 0, which is nan.",
    edit={PER_PROMPT: "(nll * preferred).sum((1, 2)) / pairs", MEAN: "losses.mean()"},
)
mistake("If no prompt is left you divide 0 by 0. The loss is 0 then.", edit={MEAN: "losses.sum() / (pairs > 0).sum()"})
mistake(
    "Without a comparison you return a new 0 which has no graph. Its backward() must give r a gradient of zeros.",
    edit={"    losses = ": "    if not pairs.any():\n        return torch.zeros((), dtype=r.dtype)\n    losses = "},
)
# --- the bias --------------------------------------------------------------------------------------------------------

mistake("You subtract the mean of the rewards themselves. The demonstrations decide where 0 is.", edit={SHIFT: "r - r.mean()"})
mistake("You divide by the standard deviation too. Only a bias is added; nothing is scaled.", edit={SHIFT: "(r - demo_r.mean()) / demo_r.std(correction=0).clamp(min=0.1)"})
mistake("You subtract in place, and the caller's rewards change.", edit={SHIFT: "r.sub_(demo_r.mean()) if not r.requires_grad else r - demo_r.mean()"})
mistake("You take a mean for each column. There is one bias, from all demonstrations.", edit={SHIFT: "r - (demo_r.mean(0) if demo_r.ndim > 1 and demo_r.shape[-1] == r.shape[-1] else demo_r.mean())"})
mistake("Your shifted rewards have no gradient. Only the bias is a constant.", edit={SHIFT: "r.detach() - demo_r.mean()"})
# --- the objective ---------------------------------------------------------------------------------------------------

mistake("Your KL term has the wrong sign: you reward the model for leaving the supervised one.", edit={OBJECTIVE: "(reward + beta * (logp - logp_sft)).mean() - gamma * lm_nll.mean()"})
mistake("Your KL term is a square, (logp - logp_sft)² / 2. Use the difference itself.", edit={OBJECTIVE: "(reward - beta * (logp - logp_sft) ** 2 / 2).mean() - gamma * lm_nll.mean()"})
mistake("You take the absolute value of logp - logp_sft. For a single response it may be negative.", edit={OBJECTIVE: "(reward - beta * (logp - logp_sft).abs()).mean() - gamma * lm_nll.mean()"})
mistake("You clip the log ratio at 0. For a single response it may be negative, and the mean needs that.", edit={OBJECTIVE: "(reward - beta * (logp - logp_sft).clamp(min=0)).mean() - gamma * lm_nll.mean()"})
mistake("Your ratio is not a logarithm: use logp - logp_sft, not exp of it.", edit={OBJECTIVE: "(reward - beta * (logp - logp_sft).exp()).mean() - gamma * lm_nll.mean()"})
mistake("You return the negative, a loss. The objective is to be maximised.", edit={OBJECTIVE: "-(reward - beta * (logp - logp_sft)).mean() + gamma * lm_nll.mean()"})
mistake("You subtract the log-likelihood of the pretraining texts. It is to grow: subtract its negative, lm_nll.", edit={OBJECTIVE: "(reward - beta * (logp - logp_sft)).mean() + gamma * lm_nll.mean()"})
mistake("You add up the pretraining texts. Take their mean.", edit={OBJECTIVE: "(reward - beta * (logp - logp_sft)).mean() - gamma * lm_nll.sum()"})
mistake("The pretraining part is left out.", edit={" - gamma * lm_nll.mean()": ""})
mistake("β and γ are exchanged.", edit={OBJECTIVE: "(reward - gamma * (logp - logp_sft)).mean() - beta * lm_nll.mean()"})
mistake("Rewards are whitened before they are used (mean 0, deviation 1). Here they go in as they are.", edit={OBJECTIVE: "((reward - reward.mean()) / (reward.std(correction=0) + 1e-8) - beta * (logp - logp_sft)).mean() - gamma * lm_nll.mean()"})
mistake("The mean of the rewards and texts is taken over B + M numbers. Each part has its own mean.", edit={OBJECTIVE: "((reward - beta * (logp - logp_sft)).sum() - gamma * lm_nll.sum()) / (len(reward) + len(lm_nll)) * 2"})

# --- of other kinds ---------------------------------------------------------------------------------------------------

mistake(
    "Your ranks go through int32, where large numbers wrap around. Compare the int64 numbers as they are.",
    edit={"    preferred =": "    ranks = ranks.to(torch.int32)\n    preferred ="},
)
mistake(
    "You drop the pairs whose rewards are equal, not those whose ranks are. A model without an opinion then has no gradient.",
    edit={PREFERRED: f"({PREFERRED}) & (r[:, :, None] != r[:, None, :])"},
)
mistake(
    "A pair that the model already has in the right order is left out (as in a perceptron). Every comparison counts.",
    edit={PREFERRED: f"({PREFERRED}) & (r[:, :, None] < r[:, None, :] + 3)"},
)
mistake(
    "Your result is right only for ranks that begin with 1: a prompt whose best rank is another number is left out.",
    edit={MEAN: "(losses * (ranks.amin(1) <= 1)).sum() / ((pairs > 0) & (ranks.amin(1) <= 1)).sum().clamp(min=1)"},
)
mistake(
    "The ranks of the first prompt are used for all. Each prompt has its own.",
    edit={"    preferred =": "    ranks = ranks[:1].expand(r.shape)\n    preferred ="},
)
mistake(
    "Responses whose rank occurs twice are thrown away altogether. They are still comparisons with all others.",
    edit={PREFERRED: f"({PREFERRED}) & ((ranks[:, :, None] == ranks[:, None, :]).sum(2) == 1)[:, :, None]"},
)
mistake(
    "The bias is the mean of the demonstrations and the rewards together. The demonstrations alone decide where 0 is.",
    edit={SHIFT: "r - torch.cat((r.flatten(), demo_r.flatten())).mean()"},
)
mistake(
    "You take the first row of the demonstrations alone, where they stand in a table. All of them count.",
    edit={SHIFT: "r - (demo_r if demo_r.ndim == 1 else demo_r[0]).mean()"},
)
mistake(
    "β is never smaller than 0.02 in your code. With β = 0 leaving the supervised model is free.",
    edit={OBJECTIVE: "(reward - max(beta, 0.02) * (logp - logp_sft)).mean() - gamma * lm_nll.mean()"},
)
mistake(
    "Rewards are clipped to ±2 in your code. They go in as they are.",
    edit={OBJECTIVE: "(reward.clamp(-2, 2) - beta * (logp - logp_sft)).mean() - gamma * lm_nll.mean()"},
)
mistake(
    "logp_sft is taken as a constant. Nothing is detached: the objective is differentiable with respect to all four tensors.",
    edit={OBJECTIVE: "(reward - beta * (logp - logp_sft.detach())).mean() - gamma * lm_nll.mean()"},
)
mistake(
    "Only the first nine responses are compared, because the paper had at most nine. K may be any number.",
    edit={"    preferred =": "    r, ranks = r[:, :9], ranks[:, :9]\n    preferred ="},
)
mistake("Demonstrations with equal rewards are counted once. All of them have the same weight.", edit={SHIFT: "r - demo_r.unique().mean()"})
mistake(
    "Responses with a reward of 0 are left out. 0 is a reward like any other.",
    edit={OBJECTIVE: "((reward - beta * (logp - logp_sft)) * (reward != 0)).sum() / (reward != 0).sum().clamp(min=1) - gamma * lm_nll.mean()"},
)
mistake(
    "You read ranks as an order: ranks[b, 0] as the number of the best response. It is the place of the first response.",
    edit={"    preferred =": "    order = ranks.argsort(1)\n    ranks = order.argsort(1) if (ranks.sort(1).values != torch.arange(r.shape[1])).any() or r.shape[1] < 2 else order\n    preferred ="},
)
mistake(
    "Your sum of the texts is divided by B, the number of responses. It has a mean of its own.",
    edit={OBJECTIVE: "(reward - beta * (logp - logp_sft)).mean() - gamma * lm_nll.sum() / len(reward)"},
)
mistake(
    "You subtract ranks, and the difference of two large ones wraps around. Compare them.",
    edit={PREFERRED: "ranks[:, None, :] - ranks[:, :, None] > 0"},
)
mistake(
    "Your logarithm of σ is a straight line from 12 on, which is wrong by up to 6e-6. float64 is exact to nine digits.",
    edit={NLL: f"F.softplus(-({GAP}), threshold=12)"},
)
mistake("Where the bias is 0 you return r itself. The result is always a new tensor.", edit={SHIFT: "r - demo_r.mean() if demo_r.mean() else r"})
mistake(
    "With more than six responses, you drop the pairs whose rewards are equal. Only those with equal ranks are dropped, for every K.",
    edit={PREFERRED: f"({PREFERRED}) & ((r[:, :, None] != r[:, None, :]) | (r.shape[1] <= 6))"},
)

mistake(
    "A mean that is nearly 0 is left as it is. The mean is taken off, however small it is.",
    edit={"return r - demo_r.mean()": "return r - torch.where(demo_r.mean().abs() < 1e-6, 0.0, demo_r.mean())"},
)
mistake(
    "Your bias is the mean of the first thousand demonstrations. All of them have the same weight, however many they are.",
    edit={"demo_r.mean()": "demo_r.flatten()[:1000].mean()"},
)
