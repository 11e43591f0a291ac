"""Wrong ways to write align/rejection_sampling_sft, each with the sentence that a student should read."""

import itertools
import math

import torch

from autograder.checks import mistake

MAX = "max(scored, key=lambda example: example[2])"
SCORED = "[(prompt, answer, rm(prompt, answer)) for answer in sample(prompt, n)]"
POLICY = "share * ((below + group) ** n - below**n)"
BOUND = "math.log(n) - (n - 1) / n"
KEEP = "if example[0] not in best or example[2] > best[example[0]][2]:"
FIT = "fit([(prompt, answer) for prompt, answer, _ in training_set(history, keep)])"
MEANS = "means.append(sum(reward for _, _, reward in history[-1]) / len(prompts))"
TUPLE = 'tuple(part.split(">>")[0].replace(" ", "") for part in path.split("<<")[1:])'

# --- the best of n -----------------------------------------------------------------------------------------------------------

mistake("Of equal rewards you take the last answer. Take the first one.", edit={MAX: "max(reversed(scored), key=lambda example: example[2])"})
mistake("You take the worst answer.", edit={MAX: "min(scored, key=lambda example: example[2])"})
mistake("You take the first answer, whatever its reward.", edit={MAX: "scored[0]"})
mistake("Answers are compared as texts. Compare the rewards.", edit={MAX: "max(scored)"})
mistake("You take the best answer of all prompts. Each prompt has its own.", edit={"return best\n    # END SOLUTION\n\n\ndef best_of_n_policy": "return [max(best, key=lambda example: example[2]) for _ in best]\n    # END SOLUTION\n\n\ndef best_of_n_policy"})
mistake("The model is asked n times for one answer. Ask once for all n.", edit={SCORED: "[(prompt, answer, rm(prompt, answer)) for answer in [sample(prompt, 1)[0] for _ in range(n)]]"})
mistake("The reward of the answer that is kept is asked for twice. Each answer is judged once.", edit={"best.append(" + MAX: "best.append(max(scored, key=lambda example: example[2] + 0 * rm(prompt, example[1]))"})
mistake("Equal texts are judged once. The reward model is asked for each of the n answers.", edit={SCORED: "[(prompt, answer, rm(prompt, answer)) for answer in dict.fromkeys(sample(prompt, n))]"})
mistake("All prompts are sampled before anything is judged. Each prompt is judged before the next one is sampled.", edit={"    for prompt in prompts:\n        scored": "    everything = {prompt: sample(prompt, n) for prompt in prompts}\n    for prompt in prompts:\n        scored", SCORED: "[(prompt, answer, rm(prompt, answer)) for answer in everything[prompt]]"})
mistake("n = 0 passes. It raises ValueError.", edit={"if n < 1:": "if False:"}, crashes=True)
mistake("The examples are lists. They are tuples.", edit={SCORED: "[[prompt, answer, rm(prompt, answer)] for answer in sample(prompt, n)]"})
mistake("An answer with a reward of -inf is left out, so that a prompt may have none.", edit={"best.append(" + MAX + ")": "best.extend([e for e in [" + MAX + "] if e[2] > -math.inf])"})

# --- the estimate ------------------------------------------------------------------------------------------------------------


@mistake("You draw with replacement: k answers may be the same one. Each answer is chosen at most once.")
def bon_expected_max(scores, k):
    n = len(scores)
    if not 1 <= k <= n:
        raise ValueError(k)
    ordered = sorted(scores.tolist())
    return sum(((i + 1) ** k - i**k) / n**k * score for i, score in enumerate(ordered))


@mistake("You take the first k answers only. Take the mean over all choices of k.")
def bon_expected_max(scores, k):
    if not 1 <= k <= len(scores):
        raise ValueError(k)
    return scores[:k].max().item()


@mistake("You cut the answers into groups of k. There are many more choices: take the mean over all of them.")
def bon_expected_max(scores, k):
    if not 1 <= k <= len(scores):
        raise ValueError(k)
    groups = [scores[i : i + k].max().item() for i in range(0, len(scores) - k + 1, k)]
    return sum(groups) / len(groups)


@mistake("You take the mean of the k largest rewards. Take the mean of the largest one over all choices.")
def bon_expected_max(scores, k):
    if not 1 <= k <= len(scores):
        raise ValueError(k)
    return scores.double().topk(k).values.mean().item()


@mistake("Binomials as floats overflow for thousands of answers. Go from weight to weight, or divide whole numbers.")
def bon_expected_max(scores, k):
    n = len(scores)
    if not 1 <= k <= n:
        raise ValueError(k)
    ordered = sorted(scores.tolist())

    def comb(a, b):
        found = 1.0
        for i in range(b):
            found *= (a - i) / (i + 1)
        return found

    return sum(comb(i - 1, k - 1) * ordered[i - 1] for i in range(k, min(n, 300) + 1)) / comb(n, k)


@mistake("Equal rewards count once. Each answer counts.")
def bon_expected_max(scores, k):
    n = len(scores)
    if not 1 <= k <= n:
        raise ValueError(k)
    if n > 12:
        return scores.double().max().item()
    choices = [max(c) for c in itertools.combinations(sorted(set(scores.tolist())), min(k, len(set(scores.tolist()))))]
    return sum(choices) / len(choices)


@mistake("The rewards are not sorted first. The weights belong to the order of size.")
def bon_expected_max(scores, k):
    n = len(scores)
    if not 1 <= k <= n:
        raise ValueError(k)
    return sum(math.comb(i, k - 1) / math.comb(n, k) * score for i, score in enumerate(scores.tolist()))


mistake("You return the smallest reward's estimate: sort from the largest one down.", edit={"sorted(scores.tolist())": "sorted(scores.tolist(), reverse=True)"})
mistake("The weight is off by one: the i-th smallest reward wins in C(i - 1, k - 1) choices.", edit={"weight *= (i - k) / max(i - 1, 1)": "weight *= (i - k) / i"})
mistake("More answers than there are pass. k > n raises ValueError.", edit={"if not 1 <= k <= n:": "k = min(k, n)\n    if not 1 <= k:"})
mistake("k = 0 gives 0. It raises ValueError.", edit={"if not 1 <= k <= n:": "if not 0 <= k <= n:"})

# --- the policy, and its bound ---------------------------------------------------------------------------------------------------

mistake("The exponent is missing in the second term: it is F(r)^n - F(just below r)^n.", edit={POLICY: "share * ((below + group) ** n - below)"})
mistake("The probability is raised to the n: that is an answer that comes n times.", edit={"return " + POLICY: "return probs**n / (probs**n).sum(-1, keepdim=True)"})
mistake("This is the probability that the answer comes up at all, not that it is the best one.", edit={POLICY: "1 - (1 - probs) ** n"})
mistake("This is the worst of n: all must be at least as good.", edit={POLICY: "share * ((1 - below) ** n - (1 - below - group) ** n)"})
mistake("Each answer of a group gets the group's probability. They share it.", edit={POLICY: "((below + group) ** n - below**n)"})
mistake("Each answer counts only itself, not all of the same reward.", edit={"share = probs / torch.where(group > 0, group, 1.0)": "share, group = torch.ones_like(probs), probs"})
mistake("Answers with the same reward share equally. They share as their probabilities.", edit={"share = probs / torch.where(group > 0, group, 1.0)": "share = 1.0 / (theirs == mine).sum(-1).to(probs.dtype)"})
mistake("A group that is never written divides 0 by 0. Its answers keep the probability 0.", edit={"probs / torch.where(group > 0, group, 1.0)": "probs / group"})
mistake("exp(n r) is another policy. The best of n is not the best policy of DPO.", edit={"return " + POLICY: "return (probs.log() + n * rewards).softmax(-1)"})
mistake("Rows are normalised over all prompts together.", edit={"return " + POLICY: "found = " + POLICY + "\n    return found / found.sum()"})
mistake("The bound is log n. (n - 1) / n is taken off.", edit={BOUND: "math.log(n)"})
mistake("The bound has the logarithm to base 2. It is in nats.", edit={BOUND: "math.log2(n) - (n - 1) / n"})
mistake("The second term is 1/n. It is (n - 1)/n.", edit={BOUND: "math.log(n) - 1 / n"})
mistake("The sign of the second term is wrong: it is taken off.", edit={BOUND: "math.log(n) + (n - 1) / n"})
mistake("n = 0 has a bound of 0 here. It raises ValueError.", edit={"return " + BOUND: "return 0.0 if n < 1 else " + BOUND})

# --- paths, rounds -------------------------------------------------------------------------------------------------------------------

mistake("Whole texts are compared. Compare the calculations between << and >>.", edit={TUPLE: "(path,)"})
mistake("The order of the calculations is lost. Other orders are other paths.", edit={TUPLE: TUPLE.replace("tuple(", "tuple(sorted(", 1) + ")"})
mistake("A set of calculations forgets how often each one comes.", edit={TUPLE: TUPLE.replace("tuple(", "tuple(dict.fromkeys(", 1) + ")"})
mistake("Spaces count in your calculations. Take them out.", edit={'.replace(" ", "")': ""})
mistake("Only the last calculation is compared. Compare all of them.", edit={TUPLE: TUPLE + "[-1:]"})
mistake("Only the results are compared. Compare the whole calculations.", edit={'.replace(" ", "")': '.replace(" ", "").split("=")[-1]'})
mistake("The calculations are glued together, so that two of them may look like one.", edit={TUPLE: '"".join' + TUPLE[5:]})
mistake("The last path of each kind is kept. Keep the first one.", edit={"kept.setdefault(calculations, path)": "kept[calculations] = path"})
mistake("Paths without a calculation are all kept. They compute the same: keep one.", edit={"kept.setdefault(calculations, path)": "kept.setdefault(calculations or (path, path), path)"})
mistake("Paths without a calculation are dropped. Keep the first one.", edit={"return list(kept.values())": "return [path for key, path in kept.items() if key]"})
mistake("The paths come back sorted. They stay in order.", edit={"return list(kept.values())": "return sorted(kept.values())"})
mistake("The spaces are taken out of the paths themselves. They stay unchanged.", edit={"for path in paths:\n": 'for path in [each.replace("  ", " ").strip() for each in paths]:\n'})
mistake("Of equal rewards the newest round wins. The oldest one does.", edit={KEEP: KEEP.replace("example[2] >", "example[2] >=")})
mistake("The newest answer always wins. Keep the best one.", edit={KEEP: "if True:"})
mistake("The oldest answer always wins. Keep the best one.", edit={KEEP: "if example[0] not in best:"})
mistake("A prompt that was not in the first round is left out.", edit={KEEP: "if (example[0] not in best and found is rounds[0]) or (example[0] in best and example[2] > best[example[0]][2]):"})
mistake("All answers of all rounds are kept. Each prompt has one.", edit={"return list(best.values())": "return [example for found in rounds for example in found]"})
mistake("`keep` is ignored.", edit={'if keep == "last":': "if not rounds:"})
mistake("Another `keep` is taken for all. It raises ValueError.", edit={'if keep not in ("all", "last"):': "if not isinstance(keep, str):"})
mistake("The list of the last round itself is returned. Return a new one.", edit={"list(rounds[-1])": "rounds[-1]"})
mistake("The default is the last round. It is all rounds.", edit={'def training_set(rounds: list[list[Example]], keep: str = "all")': 'def training_set(rounds: list[list[Example]], keep: str = "last")'})
mistake("A prompt moves to the end when a better answer is found. Prompts stay in the order of their first round.", edit={"best[example[0]] = example": "best.pop(example[0], None)\n                best[example[0]] = example"})
mistake("You train after all rounds only. Each round ends with training.", edit={"        " + FIT: "        if len(history) == rounds:\n            " + FIT})
mistake("You train on the last round always. The training set follows `keep`.", edit={FIT: FIT.replace("training_set(history, keep)", "history[-1]")})
mistake("You train before you sample in the first round, on nothing.", edit={"        history.append(best_of_n(prompts, sample, rm, n))\n        " + FIT + "\n": "        " + FIT + "\n        history.append(best_of_n(prompts, sample, rm, n))\n"})
mistake("You train on each prompt by itself. fit is called once in a round.", edit={FIT: "for prompt, answer, _ in training_set(history, keep):\n            fit([(prompt, answer)])"})
mistake("The rewards are passed to fit. It gets pairs of a prompt and an answer.", edit={FIT: "fit(training_set(history, keep))"})
mistake("The mean is that of the training set. It is that of this round's answers.", edit={MEANS: "means.append(sum(reward for _, _, reward in training_set(history, keep)) / len(prompts))"})
mistake("The sum of the rewards is returned. It is the mean.", edit={MEANS: "means.append(sum(reward for _, _, reward in history[-1]))"})
mistake("`keep` does not reach the training set.", edit={"training_set(history, keep)]": "training_set(history)]"})
mistake("All answers of all rounds are trained on. The training set has one for each prompt.", edit={FIT: "fit([(prompt, answer) for found in history for prompt, answer, _ in found])"})
mistake("Each round begins a new training set. With keep=\"all\" it is that of all rounds so far.", edit={FIT: FIT.replace("training_set(history, keep)", "training_set(history[-1:], keep)")})
mistake("The mean weighs the answers that were trained on. It is over this round's best answers, one for each prompt.", edit={MEANS: "means.append(max(reward for _, _, reward in history[-1]))"})


@mistake("You compute in float32, which has seven digits only. The result is a float, exact to nine digits.")
def bon_expected_max(scores, k):
    n = len(scores)
    if not 1 <= k <= n:
        raise ValueError(k)
    weights = [math.comb(i, k - 1) / math.comb(n, k) for i in range(n)]
    return (scores.float().sort().values * torch.tensor(weights)).sum().item()

# --- half-done ideas ----------------------------------------------------------------------------------------------------------

mistake("Rewards are compared in float32, where close ones are equal.", edit={"mine, theirs = rewards[..., :, None], rewards[..., None, :]": "mine, theirs = rewards.float()[..., :, None], rewards.float()[..., None, :]"})
mistake("Rewards that are close count as equal. Equal rewards are equal.", edit={"torch.where(theirs < mine, probs": "torch.where(theirs < mine - 1e-9, probs", "torch.where(theirs == mine, probs": "torch.where((theirs - mine).abs() <= 1e-9, probs"})
mistake("A prompt whose answers all have the reward -inf is lost. It keeps its first one.", edit={KEEP: "if example[2] > best.get(example[0], (0, 0, -math.inf))[2]:"})
mistake("A calculation with < or > in it isn't found. It reaches from << to the next >>.", edit={TUPLE: "tuple(part.replace(\" \", \"\") for part in __import__(\"re\").findall(r\"<<([^<>]*)>>\", path))"})
mistake("A calculation with a line break in it isn't found: `.` stands for no line break without re.DOTALL.", edit={TUPLE: "tuple(part.replace(\" \", \"\") for part in __import__(\"re\").findall(r\"<<(.*?)>>\", path))"})
mistake("One list is cleared and filled anew in each round. fit may keep what it gets: give it a new list.", edit={FIT: "pairs.clear()\n        pairs.extend((prompt, answer) for prompt, answer, _ in training_set(history, keep))\n        fit(pairs)", "    means = []\n    for _ in range(rounds)": "    means, pairs = [], []\n    for _ in range(rounds)"})
mistake(
    "You divide by no less than 1e-6. A group of answers may be less probable than that, and shares what it has all the same.",
    edit={"probs / torch.where(group > 0, group, 1.0)": "probs / group.clamp(min=1e-6)"},
)
