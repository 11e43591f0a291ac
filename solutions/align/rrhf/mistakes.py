"""Wrong ways to write align/rrhf, each with the sentence that a student should read."""

from autograder.checks import mistake

SHIFTED = "labels = labels[..., 1:]"
LOGITS = "logits[..., :-1, :]"
SCORE = "return torch.where(answer, logps, 0.0).sum(-1) / length**alpha"
WORSE = "worse = r[..., :, None] < r[..., None, :]  # (..., K, K): i is worse than j"
RANK = "return ((p[..., :, None] - p[..., None, :]).relu() * worse).sum((-2, -1))"
SUMS = "sums = length_norm_scores(logits, labels, alpha=0.0)  # (..., K)"
BEST = "return -sums.gather(-1, r.argmax(-1, keepdim=True))[..., 0]"
WHOLE = "return w * rank_loss(length_norm_scores(logits, labels, alpha), r) + sft_on_best(logits, labels, r)"

# --- the score of an answer -------------------------------------------------------------------------------------------

mistake("The label of a place is compared with the logits of the same place. The token at t + 1 is predicted at place t: shift by one.", edit={SHIFTED: "labels = labels[..., :-1]"})
mistake("You shift in the wrong direction: a token is predicted from the place before it.", edit={SHIFTED: "labels = labels[..., :-1]", LOGITS: "logits[..., 1:, :]"})
mistake("Places with the label -100 count too. They are prompt and padding: leave them out of the sum.", edit={SCORE: "return logps.sum(-1) / answer.sum(-1).clamp(min=1) ** alpha"})
mistake(
    "-100 is replaced by 0 before the tokens are counted, so padding counts in the length. Count first. (The authors' code does this.)",
    edit={SCORE: "return torch.where(answer, logps, 0.0).sum(-1) / torch.full_like(answer.sum(-1), labels.shape[-1]).clamp(min=1) ** alpha"},
)
mistake("The length is never divided by. The paper's score is a mean: alpha is 1 by default.", edit={SCORE: "return torch.where(answer, logps, 0.0).sum(-1)"})
mistake("alpha is ignored: the length is always divided by.", edit={SCORE: "return torch.where(answer, logps, 0.0).sum(-1) / answer.sum(-1).clamp(min=1)"})
mistake("The length is multiplied by alpha. It is taken to the power alpha.", edit={SCORE: "return torch.where(answer, logps, 0.0).sum(-1) / (answer.sum(-1) * alpha).clamp(min=1)"})
mistake("The whole mean is taken to a power. Only the length is.", edit={SCORE: "mean = torch.where(answer, logps, 0.0).sum(-1) / answer.sum(-1).clamp(min=1)\n    return -((-mean) ** alpha)"})
mistake("You multiply by the length. A longer sum is divided by it.", edit={SCORE: "return torch.where(answer, logps, 0.0).sum(-1) * answer.sum(-1).clamp(min=1) ** alpha"})
mistake("The label at place 0 is counted in the length, although nothing predicts it.", edit={SHIFTED: "counted = (labels != IGNORED).sum(-1)\n    labels = labels[..., 1:]", SCORE: "return torch.where(answer, logps, 0.0).sum(-1) / counted.clamp(min=1) ** alpha"})
mistake("An answer without tokens divides by 0 and gives nan. Its score is 0.", edit={SCORE: "return torch.where(answer, logps, 0.0).sum(-1) / answer.sum(-1) ** alpha"})
mistake("The tokens of all answers are counted together. Each answer has its own length.", edit={SCORE: "return torch.where(answer, logps, 0.0).sum(-1) / answer.sum().clamp(min=1) ** alpha"})
mistake("The logarithm is taken after the softmax: a probability that rounds to 0 gives -inf. Use log_softmax.", edit={"log_softmax(-1)": "softmax(-1).log()"})
mistake("Logits are added up without log_softmax. They are no log-probabilities.", edit={"logits[..., :-1, :].log_softmax(-1)": "logits[..., :-1, :]"})
mistake("This is the loss, not the score: the sign is turned round. A probable answer has a larger score.", edit={SCORE: "return -torch.where(answer, logps, 0.0).sum(-1) / answer.sum(-1).clamp(min=1) ** alpha"})
mistake("-100 is replaced inside of the tensor that was given. Work on a copy.", edit={"labels.clamp(min=0)": "labels.clamp_(min=0)"})
mistake("The token with number 0 is taken for padding. Only the label -100 says that a place does not count.", edit={"labels != IGNORED": "labels > 0"})
mistake("Probabilities are averaged, and the logarithm comes last. The score is the mean of logarithms.", edit={SCORE: "return (torch.where(answer, logps.exp(), 0.0).sum(-1) / answer.sum(-1).clamp(min=1) ** alpha).clamp(min=1e-30).log() * answer.any(-1)"})

# --- the rank loss ------------------------------------------------------------------------------------------------------

mistake("The order of the rewards is turned round: the better answer is made less probable.", edit={WORSE: "worse = r[..., :, None] > r[..., None, :]"})
mistake("Answers with equal rewards are compared. They are no pair.", edit={WORSE: "worse = r[..., :, None] <= r[..., None, :]"})
mistake("Every pair counts twice, once in each order. So a right order costs something too.", edit={RANK: "return ((p[..., :, None] - p[..., None, :]).abs() * worse).sum((-2, -1))"})
mistake("The right order is rewarded with a negative loss: max(0, ·) is missing.", edit={RANK: "return ((p[..., :, None] - p[..., None, :]) * worse).sum((-2, -1))"})
mistake("You take the mean over pairs. It is their sum.", edit={RANK: "return ((p[..., :, None] - p[..., None, :]).relu() * worse).sum((-2, -1)) / worse.sum((-2, -1)).clamp(min=1)"})
mistake("You take the mean over all K² entries. It is the sum over the pairs.", edit={RANK: "return ((p[..., :, None] - p[..., None, :]).relu() * worse).mean((-2, -1))"})
mistake("All prompts are added up into one number. There is one loss for each prompt.", edit={RANK: "return ((p[..., :, None] - p[..., None, :]).relu() * worse).sum()"})
mistake("Only neighbours in the order of the rewards are compared. All pairs are.", edit={RANK: "order = r.argsort(-1)\n    q, s = p.gather(-1, order), r.gather(-1, order)\n    return ((q[..., :-1] - q[..., 1:]).relu() * (s[..., :-1] < s[..., 1:])).sum(-1)"})
mistake("All answers are compared with the best one alone. All pairs are compared.", edit={RANK: "best = r.argmax(-1, keepdim=True)\n    return ((p - p.gather(-1, best)).relu() * (r < r.gather(-1, best))).sum(-1)"})
mistake("A margin of 1 is asked for. A pair in the right order costs nothing, however near.", edit={RANK: "return ((1 + p[..., :, None] - p[..., None, :]).relu() * worse).sum((-2, -1))"})
mistake("A margin that grows with the distance of the rewards is asked for. Only their order counts.", edit={RANK: "return ((p[..., :, None] - p[..., None, :] + 0.01 * (r[..., None, :] - r[..., :, None])).relu() * worse).sum((-2, -1))"})
mistake("Pairs are weighed by the distance of the rewards. Only their order counts.", edit={RANK: "return ((p[..., :, None] - p[..., None, :]).relu() * worse * (r[..., None, :] - r[..., :, None])).sum((-2, -1))"})
mistake("This is the smooth loss of Bradley and Terry. Here it is max(0, p_i - p_j).", edit={RANK: "return (torch.nn.functional.softplus(p[..., :, None] - p[..., None, :]) * worse).sum((-2, -1))"})
mistake("The distances are squared.", edit={RANK: "return ((p[..., :, None] - p[..., None, :]).relu() ** 2 * worse).sum((-2, -1))"})
mistake("A wrong pair costs 1, whatever its distance. Then nothing has a slope.", edit={RANK: "return (((p[..., :, None] > p[..., None, :]) * worse).to(p.dtype) + 0 * p[..., :1]).sum((-2, -1))"})
mistake("Pairs are taken in the order of the list, i before j, and those the other way round are lost.", edit={RANK: "return ((p[..., :, None] - p[..., None, :]).relu() * worse).triu().sum((-2, -1))"})
mistake("The better answer of a pair is detached, so only the worse one is pushed down.", edit={RANK: "return ((p[..., :, None] - p.detach()[..., None, :]).relu() * worse).sum((-2, -1))"})
mistake("The worse answer of a pair is detached, so only the better one is pulled up.", edit={RANK: "return ((p.detach()[..., :, None] - p[..., None, :]).relu() * worse).sum((-2, -1))"})
mistake("Rewards become float32 before they are compared, and large ones that differ become equal.", edit={WORSE: "r = r.float()\n    worse = r[..., :, None] < r[..., None, :]"})
mistake("Whole rewards become float64 before they are compared, and those beyond 2⁵³ that differ become equal. Compare them as they are.", edit={WORSE: "r = r.double()\n    worse = r[..., :, None] < r[..., None, :]"})
mistake("Whole rewards become float64 before the best is sought, and those beyond 2⁵³ that differ become equal. Take the largest one as it is.", edit={"r.argmax(-1, keepdim=True)": "r.double().argmax(-1, keepdim=True)"})
mistake("Rewards become whole numbers before they are compared.", edit={WORSE: "r = r.long()\n    worse = r[..., :, None] < r[..., None, :]"})

# --- the best answer ------------------------------------------------------------------------------------------------------

mistake("The answer that the model finds most probable is imitated. It is the one with the largest reward.", edit={BEST: "return -sums.gather(-1, sums.argmax(-1, keepdim=True))[..., 0]"})
mistake("Of equal rewards the last answer is taken. It is the first one.", edit={BEST: "return -sums.flip(-1).gather(-1, r.flip(-1).argmax(-1, keepdim=True))[..., 0]"})
mistake("All answers with the largest reward are imitated. It is the first of them.", edit={BEST: "return -(sums * (r == r.amax(-1, keepdim=True))).sum(-1)"})
mistake("The worst answer is imitated.", edit={BEST: "return -sums.gather(-1, r.argmin(-1, keepdim=True))[..., 0]"})
mistake("The mean over the answer's tokens is taken. It is their sum.", edit={SUMS: "sums = length_norm_scores(logits, labels)"})
mistake("The mean over the padded row is taken, as in the authors' code. It is the sum.", edit={SUMS: "sums = length_norm_scores(logits, labels, alpha=0.0) / (labels.shape[-1] - 1)"})
mistake("The sign is wrong: a loss is minus a log-probability.", edit={BEST: "return sums.gather(-1, r.argmax(-1, keepdim=True))[..., 0]"})
mistake("All answers are imitated, the bad ones too.", edit={BEST: "return -sums.sum(-1) + 0 * r.amax(-1).to(sums.dtype)"})
mistake("One best answer is sought in the whole batch. Each prompt has its own.", edit={BEST: "best = (r == r.amax()).to(r.dtype).sum(tuple(range(r.ndim - 1))).argmax()\n    return -sums[..., best]"})

mistake("squeeze() takes away every dimension of size 1, also that of the prompts where there is one prompt. Take away the last dimension alone.", edit={BEST: "return -sums.gather(-1, r.argmax(-1, keepdim=True)).squeeze()"})

# --- the whole --------------------------------------------------------------------------------------------------------------

mistake("The imitation of the best answer is left out. Without it the model may forget how to write.", edit={WHOLE: "return w * rank_loss(length_norm_scores(logits, labels, alpha), r)"})
mistake("w multiplies the imitation. It multiplies the rank loss.", edit={WHOLE: "return rank_loss(length_norm_scores(logits, labels, alpha), r) + w * sft_on_best(logits, labels, r)"})
mistake("w multiplies both parts.", edit={WHOLE: "return w * (rank_loss(length_norm_scores(logits, labels, alpha), r) + sft_on_best(logits, labels, r))"})
mistake("alpha does not reach the scores.", edit={WHOLE: "return w * rank_loss(length_norm_scores(logits, labels), r) + sft_on_best(logits, labels, r)"})
mistake("No gradient flows through the scores: only the best answer is learned from.", edit={WHOLE: "return w * rank_loss(length_norm_scores(logits, labels, alpha).detach(), r) + sft_on_best(logits, labels, r)"})
mistake("The mean over the prompts is taken. There is one loss for each.", edit={WHOLE: "return (w * rank_loss(length_norm_scores(logits, labels, alpha), r) + sft_on_best(logits, labels, r)).mean()"})
mistake("The rewards are used as scores, and the scores as rewards.", edit={WHOLE: "return w * rank_loss(r.to(logits.dtype), length_norm_scores(logits, labels, alpha)) + sft_on_best(logits, labels, r)"})
mistake("The default of w is not 1.", edit={"w: float = 1.0": "w: float = 100.0"})
mistake("Rewards are normalised and added to the scores. Only their order counts.", edit={WHOLE: "return w * rank_loss(length_norm_scores(logits, labels, alpha) - torch.softmax(r.to(logits.dtype), -1), r) + sft_on_best(logits, labels, r)"})

# --- half-done ideas ----------------------------------------------------------------------------------------------------------

mistake("A tensor of integers is taken to a power that is no integer, which gives float32. Give the length the dtype of the logits first.", edit={"answer.sum(-1).clamp(min=1).to(logits.dtype)": "answer.sum(-1).clamp(min=1)"})
mistake("An answer without tokens has the score -inf, so that it comes last. Its score is 0.", edit={SCORE: "return torch.where(answer.any(-1), torch.where(answer, logps, 0.0).sum(-1) / length**alpha, -torch.inf)"})
mistake("The sum is divided by the number of pairs in the wrong order. Nothing is divided.", edit={RANK: "cost = (p[..., :, None] - p[..., None, :]).relu() * worse\n    return cost.sum((-2, -1)) / (cost > 0).sum((-2, -1)).clamp(min=1)"})
mistake("Only the worst pair counts. All pairs in the wrong order are added up.", edit={RANK: "return ((p[..., :, None] - p[..., None, :]).relu() * worse).amax((-2, -1))"})
mistake("Answers with negative rewards are left out. Only the order counts.", edit={WORSE: "worse = (r[..., :, None] < r[..., None, :]) & (r[..., :, None] >= 0)"})
mistake("The loss of the best answer is divided by its length to the power alpha too. It is a sum.", edit={WHOLE: "scores = length_norm_scores(logits, labels, alpha)\n    return w * rank_loss(scores, r) - scores.gather(-1, r.argmax(-1, keepdim=True))[..., 0]"})
mistake("Scores are probabilities: exp was taken. They are logarithms.", edit={WHOLE: "return w * rank_loss(length_norm_scores(logits, labels, alpha).exp(), r) + sft_on_best(logits, labels, r)"})
mistake("The best answer is imitated only where the order is wrong. It is always imitated.", edit={WHOLE: "rank = rank_loss(length_norm_scores(logits, labels, alpha), r)\n    return w * rank + sft_on_best(logits, labels, r) * (rank > 0)"})
mistake("The prompt's first tokens are imitated with the best answer: the places with -100 stand for token 0.", edit={SUMS: "sums = length_norm_scores(logits, labels.clamp(min=0), alpha=0.0)"})
mistake("The computation is in float32, also for float64 logits.", edit={"logits[..., :-1, :].log_softmax(-1)": "logits[..., :-1, :].float().log_softmax(-1).to(logits.dtype)"})
mistake("The rewards take the dtype of the logits. In float32 two of them may become equal, and another answer is the best: compare them as they are.", edit={BEST: "return -sums.gather(-1, r.to(logits.dtype).argmax(-1, keepdim=True))[..., 0]"})
mistake("argsort(descending=True) may take any of equal rewards, in long rows at least. Take the first one.", edit={BEST: "return -sums.gather(-1, r.argsort(-1, descending=True)[..., :1])[..., 0]"})
mistake("Answers without a token are left out when the best is sought. Only the rewards say which is best.", edit={BEST: "r = torch.where((labels[..., 1:] != IGNORED).any(-1), r.double(), -torch.inf)\n    return -sums.gather(-1, r.argmax(-1, keepdim=True))[..., 0]"})
mistake("Log-probabilities are cut off at -1e4. Logits of 1e4 and -1e4 give -2e4.", edit={"logits[..., :-1, :].log_softmax(-1)": "logits[..., :-1, :].log_softmax(-1).clamp(min=-1e4)"})
mistake("Pairs that are less than 1e-7 apart cost nothing. There is no margin, in neither direction.", edit={RANK: "gap = p[..., :, None] - p[..., None, :]\n    return (gap.relu() * (worse & (gap > 1e-7))).sum((-2, -1))"})
mistake("A random number is drawn on the way. Nothing here is random.", edit={RANK: "torch.rand(1)\n    return ((p[..., :, None] - p[..., None, :]).relu() * worse).sum((-2, -1))"})
