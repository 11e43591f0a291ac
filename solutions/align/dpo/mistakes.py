"""Wrong ways to write align/dpo, each with the sentence that a student should read."""

from autograder.checks import mistake

SHIFTED = "labels = labels[:, 1:]"
LOGITS = "logits[:, :-1]"
GATHERED = "logits[:, :-1].log_softmax(-1).gather(-1, labels.clamp(min=0)[..., None])[..., 0]"
TOTAL = "torch.where(answer, logps, 0.0).sum(1)"
RETURNED = "return total / answer.sum(1).clamp(min=1) if average else total"
H = "\n    h = (pc - pr) - (rc - rr)"
SIGMOID = "-(1 - label_smoothing) * F.logsigmoid(beta * h) - label_smoothing * F.logsigmoid(-beta * h)"
HINGE = "(1 - beta * h).relu()"
IPO = "(h - 1 / (2 * beta)) ** 2"
REWARDS = "return losses, beta * (pc - rc).detach(), beta * (pr - rr).detach()"
BEST = "(ref.log() + reward / beta).softmax(-1)"

# --- the probability of an answer --------------------------------------------------------------------------------------

mistake(
    "You do not shift: the label of each place is compared with the logits of its own place. The token at t + 1 is predicted at place t.",
    edit={SHIFTED: "labels = labels[:, :]", LOGITS: "logits"},
)
mistake(
    "You cut the first place off logits and labels alike, so each label is still compared with the logits of its own place. The token at "
    "t + 1 is predicted at place t: cut the last place off the logits.",
    edit={LOGITS: "logits[:, 1:]"},
)
mistake(
    "You cut the last place off logits and labels alike, so each label is still compared with the logits of its own place. The token at "
    "t + 1 is predicted at place t: cut the first place off the labels.",
    edit={SHIFTED: "labels = labels[:, :-1]"},
)
mistake("You shift in the wrong direction: the token is predicted from the place before it.", edit={SHIFTED: "labels = labels[:, :-1]", LOGITS: "logits[:, 1:]"})
mistake(
    "Places with the label -100 count too. They are prompt and padding: leave them out of the sum.",
    edit={TOTAL: "logps.sum(1)"},
)
mistake("You take the mean over tokens always. DPO needs the sum, unless average=True.", edit={RETURNED: "return total / answer.sum(1).clamp(min=1)"})
mistake(
    "You divide by the length of the row, padding and prompt included. The mean is over the answer's own tokens.",
    edit={RETURNED: "return total / labels.shape[1] if average else total"},
)
mistake(
    "A row without any token of an answer divides by 0 and gives nan. Its result is 0.",
    edit={RETURNED: "return total / answer.sum(1) if average else total"},
)
mistake(
    "You divide by the number of tokens in the whole batch. Each answer has its own length.",
    edit={RETURNED: "return total / answer.sum().clamp(min=1) if average else total"},
)
mistake(
    "The logarithm is taken after the softmax: a probability that rounds to 0 gives -inf. Use log_softmax.",
    edit={"log_softmax(-1)": "softmax(-1).log()"},
)
mistake("The logits are added up without log_softmax. They are no log-probabilities.", edit={"logits[:, :-1].log_softmax(-1)": "logits[:, :-1]"})
mistake(
    "You put 0 in the place of -100 inside of the tensor that was given. Nothing that is passed in may change: work on a copy.",
    edit={"labels.clamp(min=0)": "labels.clamp_(min=0)"},
)
mistake(
    "The token with number 0 is taken for padding. Only the label -100 says that a place does not count.",
    edit={"labels != IGNORED": "labels > 0"},
)

# --- the losses ----------------------------------------------------------------------------------------------------------

mistake("The reference is left out. The margin is how much more the policy prefers the chosen answer than the reference does.", edit={H: "\n    h = pc - pr"})
mistake("The sign of the reference is wrong: its own preference is taken off, not added.", edit={H: "\n    h = (pc - pr) + (rc - rr)"})
mistake("The loss falls when the rejected answer becomes more probable: chosen and rejected are exchanged.", edit={H: "\n    h = -((pc - pr) - (rc - rr))"})
mistake("β stands outside of log σ. It multiplies the margin: log σ(β h).", edit={SIGMOID: "-beta * F.logsigmoid(h)"})
mistake(
    "You take log(sigmoid(x)) in two steps. For -200 the sigmoid is 0 and its logarithm infinite: use logsigmoid.",
    edit={SIGMOID: "-(1 - label_smoothing) * torch.sigmoid(beta * h).log() - label_smoothing * torch.sigmoid(-beta * h).log()"},
)
mistake("This is 1 - σ, without the logarithm: a pair that is very wrong then has no gradient.", edit={SIGMOID: "1 - torch.sigmoid(beta * h)"})
mistake("You return the mean over the pairs. There is one loss for each pair.", edit={REWARDS: "return losses.mean(), beta * (pc - rc).detach(), beta * (pr - rr).detach()"})
mistake("The rewards carry a gradient. They are to look at: detach them.", edit={REWARDS: "return losses, beta * (pc - rc), beta * (pr - rr)"})
mistake("A gradient reaches the reference. It is not trained: detach rc and rr.", edit={"    rc, rr = rc.detach(), rr.detach()\n": ""})
mistake("The policy is detached as well, so nothing is learned.", edit={"rc, rr = rc.detach(), rr.detach()": "pc, pr, rc, rr = pc.detach(), pr.detach(), rc.detach(), rr.detach()"})
mistake("β is missing in the rewards.", edit={REWARDS: "return losses, (pc - rc).detach(), (pr - rr).detach()"})
mistake("The default of β is not 0.1.", edit={"beta: float = 0.1": "beta: float = 1.0"})
mistake(
    "Label smoothing is that of the robust loss: a difference, divided by 1 - 2 ε. Here the two logarithms are mixed.",
    edit={SIGMOID: "(-(1 - label_smoothing) * F.logsigmoid(beta * h) + label_smoothing * F.logsigmoid(-beta * h)) / (1 - 2 * label_smoothing)"},
)
mistake("label_smoothing is ignored.", edit={SIGMOID: "-F.logsigmoid(beta * h)"})
mistake("The hinge is on h, without β.", edit={HINGE: "(1 - h).relu()"})
mistake("The hinge opens at -1: the loss is max(0, 1 - β h).", edit={HINGE: "(1 + beta * h).relu()"})
mistake("ipo: the target of the margin is 1 / (2 β), not 1 / β.", edit={IPO: "(h - 1 / beta) ** 2"})
mistake("ipo: the margin is used as it is, without β.", edit={IPO: "(beta * h - 0.5) ** 2"})
mistake("An unknown loss_type is taken for the usual one. It raises ValueError.", edit={'if loss_type not in ("sigmoid", "hinge", "ipo"):': "if False:"})
mistake(
    "label_smoothing with hinge or ipo is ignored in silence. It raises ValueError.",
    edit={" or (label_smoothing and loss_type != \"sigmoid\")": ""},
)

# --- rewards, and the best policy --------------------------------------------------------------------------------------------

mistake("Equal rewards count as a success. The chosen answer must have the larger one.", edit={"chosen_rewards > rejected_rewards": "chosen_rewards >= rejected_rewards"})
mistake("The best policy does not know the reference: it is π_ref times exp(r / β).", edit={BEST: "(reward / beta).softmax(-1)"})
mistake("You multiply by β. A large β holds the policy near the reference: divide.", edit={BEST: "(ref.log() + reward * beta).softmax(-1)"})
mistake("The reference stands without its logarithm in the exponent.", edit={BEST: "(ref + reward / beta).softmax(-1)"})
mistake("Rows do not sum to 1: Z(x) is missing.", edit={BEST: "ref * (reward / beta).exp()"})
mistake(
    "exp(r / β) overflows for large rewards. Work with logarithms, or take the largest one off before.",
    edit={BEST: "(ref * (reward / beta).exp()) / (ref * (reward / beta).exp()).sum(-1, keepdim=True)"},
)
mistake(
    "You take the largest reward off, also where it belongs to an answer that the reference never gives. The others are then 0 together: 0 / 0.",
    edit={BEST: "(lambda w: w / w.sum(-1, keepdim=True))(ref * ((reward - reward.amax(-1, keepdim=True)) / beta).exp())"},
)
mistake("A negative label_smoothing passes with hinge and ipo. It raises ValueError.", edit={"if not 0 <= label_smoothing < 0.5 or": "if (loss_type == \"sigmoid\" and not 0 <= label_smoothing < 0.5) or", "or (label_smoothing and": "or (label_smoothing > 0 and"})
mistake("One sum over all prompts normalises everything. Each prompt has its own Z(x).", edit={BEST: "(ref.log() + reward / beta).flatten().softmax(-1).view(ref.shape)"})
mistake(
    "The target 1/(2β) of ipo goes through float32. float64 is exact to nine digits.",
    edit={"(h - 1 / (2 * beta))": "(h - torch.full_like(h, 1 / (2 * beta), dtype=torch.float32).to(h))"},
)
mistake(
    "You count a success only where the chosen reward is larger by 1e-6. Any larger reward is a success, however small the distance.",
    edit={"(chosen_rewards > rejected_rewards)": "(chosen_rewards - rejected_rewards > 1e-6)"},
)
