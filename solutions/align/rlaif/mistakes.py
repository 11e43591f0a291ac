"""Wrong ways to write align/rlaif, each with the sentence that a student should read."""

from autograder.checks import mistake

PREFER = "return torch.sigmoid(lp1 - lp2)"
MEAN = "return (p_ab + 1 - p_ba) / 2"
FIRST = "first = (p_ab > 0.5) & (p_ba > 0.5)"
SECOND = "second = (p_ab < 0.5) & (p_ba < 0.5)"
RATE = "return (first | second).double().mean().item()"
WANTED = "if re.findall(r\"\\{[12]\\}\", template) != [\"{1}\", \"{2}\"]:"
COUNT = "if samples < 1 or (think is None and samples != 1):"
ORDERS = "for first, second in ((a, b), (b, a)):"
FILLED = "text = before + first + between + second + after"
THOUGHT = "rationale = \"\" if think is None else think(text)"
ASKED = "tokens = judge(text + rationale + ENDING)"
PAIR = "lp1, lp2 = (torch.tensor(tokens.get(token, -math.inf), dtype=torch.float64) for token in \"12\")"
NEITHER = "            if max(lp1, lp2) == -math.inf:\n                raise ValueError(\"the judge gives neither 1 nor 2 a probability\")\n"
KEPT = "preferences.append(preference_from_logprobs(lp1, lp2).item())"
AVERAGE = "found.append(sum(preferences) / samples)"
DETACHED = "    p = p.detach()\n"
RANGE = "if not ((p >= 0) & (p <= 1)).all():"
SOFT = "return -p * F.logsigmoid(gap) - (1 - p) * F.logsigmoid(-gap)"
SCORE = "return ((lp.softmax(-1) * grades).sum(-1) - 5.5) / 4.5"

# --- a preference of two tokens ---------------------------------------------------------------------------------------

mistake("The probability of token 1 is returned as it is. The softmax is over the two tokens, so the others are left out.", edit={PREFER: "return lp1.exp()"})
mistake("exp is taken first, so two improbable tokens give 0 / 0. Take the difference of the logarithms.", edit={PREFER: "return lp1.exp() / (lp1.exp() + lp2.exp())"})
mistake("Log-probabilities are divided by their sum. They are logarithms: softmax takes exp first.", edit={PREFER: "return lp1 / (lp1 + lp2)"})
mistake("The preference for position 2 is returned.", edit={PREFER: "return torch.sigmoid(lp2 - lp1)"})
mistake("The preference is rounded to 0 or 1. It stays soft.", edit={PREFER: "return (lp1 > lp2).to(lp1.dtype)"})
mistake("The log-probabilities are cut off at -100, so two improbable tokens look alike.", edit={PREFER: "return torch.sigmoid(lp1.clamp(min=-100) - lp2.clamp(min=-100))"})
mistake("The logarithm of the preference is returned.", edit={PREFER: "return F.logsigmoid(lp1 - lp2)"})
mistake("The softmax has a temperature. It has none.", edit={PREFER: "return torch.sigmoid((lp1 - lp2) / 2)"})

# --- both orders ----------------------------------------------------------------------------------------------------------

mistake("The two preferences are averaged as they are. p_ba speaks for B: its opinion about A is 1 - p_ba.", edit={MEAN: "return (p_ab + p_ba) / 2"})
mistake("The second order is not used.", edit={MEAN: "return p_ab + 0 * p_ba"})
mistake("The preference for B is returned.", edit={MEAN: "return (p_ba + 1 - p_ab) / 2"})
mistake("A vote is taken where the mean is asked for: soft preferences stay soft.", edit={MEAN: "return ((p_ab > 0.5).to(p_ab.dtype) + (p_ba < 0.5).to(p_ab.dtype)) / 2"})
mistake("The mean is rounded to a winner.", edit={MEAN: "return ((p_ab + 1 - p_ba) / 2).round()"})
mistake("The two opinions are multiplied and normalised. It is their mean.", edit={MEAN: "x, y = p_ab * (1 - p_ba), (1 - p_ab) * p_ba\n    return torch.where(x + y > 0, x / (x + y).clamp(min=1e-30), 0.5)"})
mistake("The two opinions are averaged as log odds. It is the mean of the probabilities.", edit={MEAN: "eps = 1e-12\n    return torch.sigmoid((p_ab.clamp(eps, 1 - eps).logit() - p_ba.clamp(eps, 1 - eps).logit()) / 2)"})
mistake("The half is forgotten: the result is not a probability.", edit={MEAN: "return p_ab + 1 - p_ba"})
mistake("The difference p_ab - p_ba is returned. It is 0 where there is no preference, and should be 1/2.", edit={MEAN: "return (p_ab - p_ba) / 2"})

# --- how biased the judge is --------------------------------------------------------------------------------------------

mistake("Pairs in which the two orders agree about the answer are counted. Bias is the same position twice.", edit={FIRST: "first = (p_ab > 0.5) & (p_ba < 0.5)", SECOND: "second = (p_ab < 0.5) & (p_ba > 0.5)"})
mistake("Only position 1 counts as a bias. A judge may like position 2 as well.", edit={RATE: "return first.double().mean().item()"})
mistake("Only position 2 counts as a bias.", edit={RATE: "return second.double().mean().item()"})
mistake("1/2 counts as a preference for position 1. It prefers none.", edit={FIRST: "first = (p_ab >= 0.5) & (p_ba >= 0.5)"})
mistake("1/2 counts as a preference for position 2.", edit={SECOND: "second = (p_ab <= 0.5) & (p_ba <= 0.5)"})
mistake("1/2 is taken for not above 1/2, and so for position 2: the two sides are compared with each other.", edit={RATE: "return ((p_ab > 0.5) == (p_ba > 0.5)).double().mean().item()"})
mistake("Pairs with 1/2 are left out of the number of pairs. They count as pairs.", edit={RATE: "sure = (p_ab != 0.5) & (p_ba != 0.5)\n    return ((first | second).double().sum() / sure.double().sum().clamp(min=1)).item()"})
mistake("How far the two orders are apart is returned. The rate counts pairs.", edit={RATE: "return (p_ab + p_ba - 1).abs().double().mean().item()"})
mistake("The number of biased pairs is returned. It is their share.", edit={RATE: "return float((first | second).sum())"})
mistake("The mean of p_ab is compared with 1/2. That is the bias of the data, not of each pair.", edit={RATE: "return abs(p_ab.double().mean().item() - 0.5)"})

# --- asking the judge -----------------------------------------------------------------------------------------------------

mistake("The answers are put in one after the other by replace, so a \"{2}\" inside of the first answer is filled too. Split the template first.", edit={FILLED: "text = template.replace(\"{1}\", first).replace(\"{2}\", second)"})
mistake("The answers are put in by re.sub, which reads backslashes of an answer as its own signs. Split the template first.", edit={FILLED: "text = re.sub(r\"\\{2\\}\", second.replace(\"\\\\\", \"\"), re.sub(r\"\\{1\\}\", first.replace(\"\\\\\", \"\"), template))"})
mistake("Spaces around the answers are cut off. Answers are put in as they are.", edit={FILLED: "text = before + first.strip() + between + second.strip() + after"})
mistake("Both questions show the answers in the same order.", edit={ORDERS: "for first, second in ((a, b), (a, b)):"})
mistake("The orders are exchanged: the first result is for A in position 1.", edit={ORDERS: "for first, second in ((b, a), (a, b)):"})
mistake("The second preference is turned round already. It is that of position 1, and debias turns it.", edit={"return found[0], found[1]": "return found[0], 1 - found[1]"})
mistake("The ending is left out, so the judge does not know that its verdict is asked for.", edit={ASKED: "tokens = judge(text + rationale)"})
mistake("The rationale does not reach the judge.", edit={ASKED: "tokens = judge(text + ENDING)"})
mistake("The rationale stands behind the ending. The verdict comes last.", edit={ASKED: "tokens = judge(text + ENDING + rationale)"})
mistake("The judge sees the rationale without the question.", edit={ASKED: "tokens = judge((rationale or text) + ENDING)"})
mistake("A line break is put before the rationale. The parts are joined without anything between them.", edit={ASKED: "tokens = judge(text + (\"\\n\" + rationale if think else \"\") + ENDING)"})
mistake("You ask `if think`, and take a function that is an object of length 0 for none. Ask whether it `is None`.", edit={THOUGHT: "rationale = think(text) if think else \"\""})
mistake("think gets the text with the ending. It gets the filled template alone.", edit={THOUGHT: "rationale = think(text + ENDING) if think else \"\""})
mistake("The rationale of the first order is used for the second one too. Each order is thought about by itself.", edit={THOUGHT: "rationale = think(before + a + between + b + after) if think else \"\""})
mistake("think is called once for all samples. Each sample has its own rationale.", edit={"        preferences = []\n": "        preferences = []\n        once = think(text) if think else \"\"\n", THOUGHT: "rationale = once"})
mistake("Samples after the first one are not drawn.", edit={"for _ in range(samples):": "for _ in range(1):", AVERAGE: "found.append(preferences[0])"})
mistake("The log-probabilities of the samples are averaged. The mean is over their preferences.", edit={KEPT: "preferences.append(lp1 - lp2)", AVERAGE: "found.append(torch.sigmoid(sum(preferences) / samples).item())"})
mistake("The samples vote. Their preferences are averaged.", edit={KEPT: "preferences.append(float(lp1 > lp2))"})
mistake("Of the samples the surest one is taken. Their mean is asked for.", edit={AVERAGE: "found.append(max(preferences, key=lambda p: abs(p - 0.5)))"})
mistake("Samples without their sum divided: the result is not a probability.", edit={AVERAGE: "found.append(sum(preferences))"})
mistake("Tokens with a space count as well. \" 1\" is another token than \"1\".", edit={PAIR: "lp1, lp2 = (torch.tensor([max([each for name, each in tokens.items() if name.strip() == token], default=-math.inf)], dtype=torch.float64) for token in \"12\")"})
mistake("A missing token is taken for one with the log-probability 0. It has -inf: the judge does not list it because it is improbable.", edit={PAIR: "lp1, lp2 = (torch.tensor(tokens.get(token, 0.0), dtype=torch.float64) for token in \"12\")"})
mistake("A missing token is taken for a small probability such as exp(-10). It is 0.", edit={PAIR: "lp1, lp2 = (torch.tensor(tokens.get(token, -10.0 if \"1\" in tokens or \"2\" in tokens else -math.inf), dtype=torch.float64) for token in \"12\")"})
mistake("A judge that lists neither token gives 1/2. It raises ValueError.", edit={NEITHER: "            if max(lp1, lp2) == -math.inf:\n                lp1 = lp2 = torch.zeros(())\n"})
mistake("Only missing tokens are refused. Two that have -inf say as little.", edit={NEITHER: "            if \"1\" not in tokens and \"2\" not in tokens:\n                raise ValueError(\"neither\")\n"})
mistake("A template with \"{2}\" before \"{1}\" is accepted. It raises ValueError.", edit={WANTED: "if sorted(re.findall(r\"\\{[12]\\}\", template)) != [\"{1}\", \"{2}\"]:"})
mistake("A template with one place twice is accepted, or with one missing. Each stands once.", edit={WANTED: "if \"{1}\" not in template or \"{2}\" not in template:", "before, between, after = re.split(r\"\\{[12]\\}\", template)": "before, between, after, *_ = re.split(r\"\\{[12]\\}\", template)"})
mistake("samples without think is accepted. It raises ValueError.", edit={COUNT: "if samples < 1:"})
mistake("samples of 0 is accepted, or fails only when the mean is taken.", edit={COUNT: "if think is None and samples != 1:", AVERAGE: "found.append(sum(preferences) / max(samples, 1))"})
mistake("The judge is asked before the arguments are checked.", edit={COUNT: "judge(ENDING)\n    if samples < 1 or (think is None and samples != 1):"})
mistake("The judge is asked twice for each verdict, once for each token. One call gives both.", edit={ASKED: "judge(text + rationale + ENDING)\n            tokens = judge(text + rationale + ENDING)"})

# --- soft labels ------------------------------------------------------------------------------------------------------------

mistake("The label is rounded to a winner. It is a probability.", edit={SOFT: "p = (p > 0.5).to(p.dtype)\n    return -p * F.logsigmoid(gap) - (1 - p) * F.logsigmoid(-gap)"})
mistake("Only the first part of the cross-entropy is taken: the second answer never wins.", edit={SOFT: "return -p * F.logsigmoid(gap)"})
mistake("The two parts are exchanged.", edit={SOFT: "return -p * F.logsigmoid(-gap) - (1 - p) * F.logsigmoid(gap)"})
mistake("p goes through a sigmoid as if it were a logit. It is a probability already.", edit={SOFT: "p = torch.sigmoid(p)\n    return -p * F.logsigmoid(gap) - (1 - p) * F.logsigmoid(-gap)"})
mistake("The distance of σ from p is squared. It is the cross-entropy.", edit={SOFT: "return (torch.sigmoid(gap) - p) ** 2"})
mistake("log(sigmoid(x)) in two steps is infinite for pairs that are far apart.", edit={SOFT: "return -p * torch.sigmoid(gap).log() - (1 - p) * torch.sigmoid(-gap).log()"})
mistake("binary_cross_entropy cuts its logarithms off at -100, so pairs that are far apart lose their distance. Take the form with logits.", edit={SOFT: "return F.binary_cross_entropy(torch.sigmoid(gap), p, reduction=\"none\")"})
mistake("The entropy of the label is taken off (this is a divergence). The loss is the cross-entropy.", edit={SOFT: "return -p * F.logsigmoid(gap) - (1 - p) * F.logsigmoid(-gap) + torch.xlogy(p, p) + torch.xlogy(1 - p, 1 - p)"})
mistake("The mean over the pairs is returned. There is one loss for each.", edit={SOFT: "return (-p * F.logsigmoid(gap) - (1 - p) * F.logsigmoid(-gap)).mean()"})
mistake("Pairs are weighed by how sure the label is. The label alone says it.", edit={SOFT: "return (2 * p - 1).abs() * (-p * F.logsigmoid(gap) - (1 - p) * F.logsigmoid(-gap))"})
mistake("The label multiplies the difference. It weighs the two logarithms.", edit={SOFT: "return -F.logsigmoid((2 * p - 1) * gap)"})
mistake("A gradient reaches the label. It is data: detach it.", edit={DETACHED: ""})
mistake("Labels outside of [0, 1] are accepted. They raise ValueError.", edit={RANGE: "if p.isnan().any():"})
mistake("nan passes, since no comparison with nan is true. Ask whether all labels are inside, not whether one is outside.", edit={RANGE: "if (p < 0).any() or (p > 1).any():"})
mistake("Labels of exactly 0 and 1 are refused. They are hard labels, and right.", crashes=True, edit={RANGE: "if not ((p > 0) & (p < 1)).all():"})

# --- grades -------------------------------------------------------------------------------------------------------------------

mistake("The most probable grade is taken. It is the mean under the probabilities.", edit={SCORE: "return (lp.argmax(-1).to(lp.dtype) + 1 - 5.5) / 4.5"})
mistake("The probabilities are not normalised over the ten grades.", edit={SCORE: "return ((lp.exp() * grades).sum(-1) - 5.5) / 4.5"})
mistake("exp is taken and divided by its sum, which is 0 / 0 for improbable tokens. Use softmax.", edit={SCORE: "w = lp.exp()\n    return ((w * grades).sum(-1) / w.sum(-1) - 5.5) / 4.5"})
mistake("Grades are counted from 0 to 9.", edit={"torch.arange(1, 11, dtype": "torch.arange(0, 10, dtype"})
mistake("The mean grade is divided by 5 and moved by 1: grade 1 becomes -0.8. It becomes -1.", edit={SCORE: "return (lp.softmax(-1) * grades).sum(-1) / 5 - 1"})
mistake("The mean grade is returned, from 1 to 10. It is scaled to [-1, 1].", edit={SCORE: "return (lp.softmax(-1) * grades).sum(-1)"})
mistake("The score is scaled to [0, 1].", edit={SCORE: "return ((lp.softmax(-1) * grades).sum(-1) - 1) / 9"})
mistake("The softmax is over the answers, not over the grades.", edit={SCORE: "return ((lp.softmax(0) * grades).sum(-1) - 5.5) / 4.5"})
mistake("Log-probabilities are multiplied with the grades. Take the softmax first.", edit={SCORE: "return ((lp * grades).sum(-1) - 5.5) / 4.5"})
mistake("A tanh squeezes the score. It is scaled in a straight line.", edit={SCORE: "return torch.tanh((lp.softmax(-1) * grades).sum(-1) - 5.5)"})

# --- half-done ideas ----------------------------------------------------------------------------------------------------------

mistake("The answers are put in by str.format, which stumbles over other braces of the template.", crashes=True, edit={FILLED: "text = template.format(None, first, second)"})
mistake("Two equal answers are asked about once only. Each order is asked, whatever the answers are.", edit={ORDERS: "for first, second in ((a, b),) if a == b else ((a, b), (b, a)):", "return found[0], found[1]": "return found[0], found[-1]"})
mistake("The more probable of the two tokens decides, and its own probability is the preference.", edit={PREFER: "return torch.maximum(lp1, lp2).exp() * (lp1 >= lp2) + (1 - torch.maximum(lp1, lp2).exp()) * (lp1 < lp2)"})
mistake("A pair counts as biased if the two preferences are on the same side of their common mean. The border is 1/2.", edit={FIRST: "border = (p_ab.double().mean() + p_ba.double().mean()) / 2\n    first = (p_ab > border) & (p_ba > border)", SECOND: "second = (p_ab < border) & (p_ba < border)"})
mistake("The label is used for both orders: half of p and half of 1 - p. The loss then pulls all rewards together.", edit={SOFT: "return -0.5 * F.logsigmoid(gap) - 0.5 * F.logsigmoid(-gap) + 0 * p"})
mistake("Only the first label is looked at when labels are checked.", edit={RANGE: "if not 0 <= p[0] <= 1:"})
mistake("The other tokens of the judge take part in the softmax.", edit={KEPT: "preferences.append(math.exp(lp1 - torch.tensor(list(tokens.values()), dtype=torch.float64).logsumexp(0)))"})
mistake("The rationale is thought of with the answers in the order of the call, but the verdict is asked in the other one.", edit={ASKED: "tokens = judge(before + second + between + first + after + rationale + ENDING)"})
mistake("The verdict of the second order is asked behind the first one, in one conversation. Each order is a text by itself.", edit={"    found = []\n": "    found, so_far = [], \"\"\n", ASKED: "tokens = judge(so_far + text + rationale + ENDING)\n            so_far = text"})
mistake("The score is computed in float32, also for float64 log-probabilities.", edit={"lp.softmax(-1) * grades": "lp.float().softmax(-1).to(lp.dtype) * grades"})
mistake("Impossible grades get a little probability: -inf is replaced by a finite number.", edit={SCORE: "lp = lp.clamp(min=-20)\n    return ((lp.softmax(-1) * grades).sum(-1) - 5.5) / 4.5"})

mistake("`get(token) or -inf` takes a log-probability of 0 for none. 0 is that of a token that is certain.", edit={"tokens.get(token, -math.inf)": "tokens.get(token) or -math.inf"})
mistake("A template with a second \"{2}\" is accepted. Each place stands once.", edit={WANTED: "if re.findall(r\"\\{[12]\\}\", template)[:2] != [\"{1}\", \"{2}\"] or template.count(\"{1}\") > 1:", "before, between, after = re.split(r\"\\{[12]\\}\", template)": "before, rest = template.split(\"{1}\")\n    between, after = rest.split(\"{2}\", 1)"})
mistake("The judge's dict is taken apart. A judge may give the same one again: leave it as it is.", crashes=True, edit={"tokens.get(token, -math.inf)": "tokens.pop(token, -math.inf)"})
mistake("The preference of a single pair gets a dimension. Its shape is ().", edit={MEAN: "return torch.atleast_1d((p_ab + 1 - p_ba) / 2)"})
mistake("The rate is a mean in float32, which is exact to seven digits only.", edit={RATE: "return (first | second).float().mean().item()"})
mistake("The judge's verdicts become float32 numbers, which are exact to seven digits only.", edit={"for token in \"12\")": "for token in \"12\")\n            lp1, lp2 = lp1.float(), lp2.float()"})
mistake("A random number is drawn. Nothing here is random.", edit={RATE: "torch.rand(1)\n    " + RATE})
