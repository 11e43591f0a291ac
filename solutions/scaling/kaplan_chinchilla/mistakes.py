"""Wrong ways to write scaling/kaplan_chinchilla, each with the sentence that a student should read."""

import math

import torch

from autograder.checks import mistake

PARAMS = "12 * n_layer * d_model**2"
BEST = 'N = (a * coef["A"] / (b * coef["B"]) * (C / 6) ** b) ** (1 / (a + b))'
LAW = 'coef["E"] + coef["A"] / N ** coef["alpha"] + coef["B"] / D ** coef["beta"]'
JOINT = "((6.4e13 / N) ** (0.076 / 0.103) + 1.8e13 / D) ** 0.103"

# --- Kaplan's laws -----------------------------------------------------------------------------------------------------------

mistake("You count 4 C² parameters in a layer, those of attention. The feed-forward network has 8 C² more.", edit={PARAMS: "4 * n_layer * d_model**2"})
mistake("You count 8 C² parameters in a layer, those of the feed-forward network. Attention has 4 C² more.", edit={PARAMS: "8 * n_layer * d_model**2"})
mistake("You count biases and norms, too. Kaplan's N has the matrices alone.", edit={PARAMS: "n_layer * (12 * d_model**2 + 13 * d_model)"})
mistake("You count the embeddings of GPT-2's vocabulary. Kaplan's N is without embeddings.", edit={PARAMS: PARAMS + " + (50257 + 1024) * d_model"})
mistake("You exchange the layers and the width: the width is squared.", edit={PARAMS: "12 * d_model * n_layer**2"})
mistake("You take PF-days for FLOPs: C_c is 3.1e8 PF-days, and C is in FLOPs. Divide C by 8.64e19.", edit={"(C / 8.64e19)": "C"})
mistake("Your PF-day is an hour long. A day has 86,400 seconds.", edit={"8.64e19": "3.6e18"})
mistake("Your PF-day has 10^12 FLOPs in each second. Peta is 10^15.", edit={"8.64e19": "8.64e16"})
mistake("You multiply C by the FLOPs of a PF-day. Divide.", edit={"C / 8.64e19": "C * 8.64e19"})
mistake("You exchange the powers of N and of D: 0.076 is that of N.", edit={"** 0.076\n    if D": "** 0.095\n    if D", "(5.4e13 / D) ** 0.095": "(5.4e13 / D) ** 0.076"})
mistake("You turn the fraction round. The loss falls when N, D or C grow.", edit={"(8.8e13 / N)": "(N / 8.8e13)", "(5.4e13 / D)": "(D / 5.4e13)", "(3.1e8 / (C / 8.64e19))": "(C / 8.64e19 / 3.1e8)"})
mistake("You use C_c = 1.6e7 PF-days and 0.057, the fit with a fixed batch size. The best use of compute has 3.1e8 and 0.050.", edit={"(3.1e8 / (C / 8.64e19)) ** 0.050": "(1.6e7 / (C / 8.64e19)) ** 0.057"})
mistake("You use the constants of the joint fit for one thing alone. Equation 1.1 has 8.8e13.", edit={"(8.8e13 / N)": "(6.4e13 / N)"})
mistake("You take whichever is given first and ignore the others. More than one is a ValueError.", edit={"!= 1": "< 1"})
mistake("Nothing given is no error for you, and the loss is made up. Raise ValueError.", edit={"!= 1:": "> 1:", "    return (3.1e8 /": "    if C is None:\n        return 1.0\n    return (3.1e8 /"})
mistake("You multiply the losses when several are given. Only one may be given.", edit={
    "if (N is not None) + (D is not None) + (C is not None) != 1:": "if N is not None and D is not None and C is None:\n        return (8.8e13 / N) ** 0.076 * (5.4e13 / D) ** 0.095\n    if (N is not None) + (D is not None) + (C is not None) != 1:"
})  # fmt: skip
mistake("You use the constants of the single laws in the joint one. It was fitted anew, see table 2.", edit={JOINT: "((8.8e13 / N) ** (0.076 / 0.095) + 5.4e13 / D) ** 0.095"})
mistake("You take the joint law's constants, and α_D = 0.095 of the single law. It is 0.103.", edit={JOINT: "((6.4e13 / N) ** (0.076 / 0.095) + 1.8e13 / D) ** 0.095"})
mistake("You add the two losses. They are added inside of the power α_D.", edit={JOINT: "(6.4e13 / N) ** 0.076 + (1.8e13 / D) ** 0.103"})
mistake("You take the larger one of the two losses. Both count.", edit={JOINT: "max((6.4e13 / N) ** 0.076, (1.8e13 / D) ** 0.103)"})
mistake("You turn the inner power round: it is α_N / α_D.", edit={JOINT: "((6.4e13 / N) ** (0.103 / 0.076) + 1.8e13 / D) ** 0.103"})
mistake("The power around the bracket is α_N for you. It is α_D.", edit={JOINT: "((6.4e13 / N) ** (0.076 / 0.103) + 1.8e13 / D) ** 0.076"})
mistake("You exchange N_c and D_c.", edit={JOINT: "((1.8e13 / N) ** (0.076 / 0.103) + 6.4e13 / D) ** 0.103"})

# --- Chinchilla's law --------------------------------------------------------------------------------------------------------

mistake("You leave E out. No model has a loss below E.", edit={LAW: LAW.replace('coef["E"] + ', "")})
mistake("You exchange the powers: α belongs to N, β to D.", edit={LAW: 'coef["E"] + coef["A"] / N ** coef["beta"] + coef["B"] / D ** coef["alpha"]'})
mistake("You exchange A and B.", edit={LAW: 'coef["E"] + coef["B"] / N ** coef["alpha"] + coef["A"] / D ** coef["beta"]'})
mistake("You divide first and raise to the power then: (A / N)^α. A stands outside of the power.", edit={LAW: 'coef["E"] + (coef["A"] / N) ** coef["alpha"] + (coef["B"] / D) ** coef["beta"]'})
mistake("You always use the printed coefficients. Use those that are passed.", edit={LAW: "1.69 + 406.4 / N**0.34 + 410.7 / D**0.28"})
mistake("Your coefficients by default are those of Besiroglu. The default is the printed ones.", edit={"def chinchilla_L(N: float, D: float, coef: dict[str, float] = HOFFMANN)": "def chinchilla_L(N: float, D: float, coef: dict[str, float] = BESIROGLU)"})
mistake("You take the coefficients out of the dict with pop. It belongs to the caller.", edit={LAW: 'coef.pop("E", 0.0) + coef["A"] / N ** coef["alpha"] + coef["B"] / D ** coef["beta"]'})

# --- the best share ----------------------------------------------------------------------------------------------------------

mistake("You exchange the powers of C: N grows like C^(β / (α + β)).", edit={BEST: 'N = (a * coef["A"] / (b * coef["B"])) ** (1 / (a + b)) * (C / 6) ** (a / (a + b))'})
mistake("You turn G round: it is (α A / β B), the parameters' side on top.", edit={BEST: 'N = (b * coef["B"] / (a * coef["A"]) * (C / 6) ** b) ** (1 / (a + b))'})
mistake("You make both terms of the loss equal. Their slopes must be: α A / N^α = β B / D^β, so α and β stand in G.", edit={BEST: 'N = (coef["A"] / coef["B"] * (C / 6) ** b) ** (1 / (a + b))'})
mistake("A training costs 6 N D. You share C as if it cost 2 N D.", edit={"(C / 6) ** b": "(C / 2) ** b", "return N, C / 6 / N": "return N, C / 2 / N"})
mistake("You share C as if a training cost N D.", edit={"(C / 6) ** b": "C ** b", "return N, C / 6 / N": "return N, C / N"})
mistake("You put twenty tokens for each parameter in. The ratio comes out of the coefficients.", edit={BEST: "N = math.sqrt(C / 120)"})
mistake("You return (D, N). Parameters come first.", edit={"return N, C / 6 / N": "return C / 6 / N, N"})
mistake("Your D spends the whole compute on itself: D = C / N. 6 N D is C.", edit={"return N, C / 6 / N": "return N, C / N"})
mistake("You compute D by a formula with the same G, not 1 / G. Then 6 N D is not C.", edit={
    "return N, C / 6 / N": 'return N, (a * coef["A"] / (b * coef["B"])) ** (1 / (a + b)) * (C / 6) ** (a / (a + b))'
})  # fmt: skip
mistake("You round N and D to whole numbers. They may be fractions.", edit={"return N, C / 6 / N": "return float(round(N)), float(round(C / 6 / N))"})


@mistake("Your grid of sizes is too coarse. The result must be right to a millionth: use the formula, or search on.")
def optimal(C, coef={"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}):  # noqa: B006
    sizes = [10 ** (k / 200) for k in range(-1000, 5000)]
    best = min(sizes, key=lambda n: coef["A"] / n ** coef["alpha"] + coef["B"] / (C / 6 / n) ** coef["beta"])
    return best, C / 6 / best


# --- valleys -----------------------------------------------------------------------------------------------------------------

LOGS = "x = torch.tensor(N, dtype=torch.float64).log()"
FOUND = "return float(torch.exp(middle - q / (2 * p)))"

mistake("You return ln N. Return N itself.", edit={FOUND: "return float(middle - q / (2 * p))"})
mistake("The lowest point has x = -q / (2 p). You forget the sign.", edit={FOUND: "return float(torch.exp(middle + q / (2 * p)))"})
mistake("The lowest point has x = -q / (2 p). You forget the 2.", edit={FOUND: "return float(torch.exp(middle - q / p))"})
mistake("You return the run with the smallest loss. The lowest point of the parabola lies between runs.", edit={FOUND: "return float(N[L.index(min(L))])"})
mistake("You hold the lowest point between the smallest and the largest run. It may lie outside.", edit={FOUND: "return min(max(math.exp(float(middle - q / (2 * p))), min(N)), max(N))"})
mistake("Your parabola is in N itself. It is in ln N: sizes differ by factors.", edit={LOGS: "x = torch.tensor(N, dtype=torch.float64) / 1e9", FOUND: "return float(1e9 * (middle - q / (2 * p)))"})
mistake("You take logarithms with base 10 and return e to that power.", edit={LOGS: LOGS.replace(".log()", ".log10()")})
mistake("You return the highest point of a parabola that opens downwards. It has no lowest one: raise ValueError.", edit={"if p <= 0:": "if False:"})
mistake("Two runs are enough for you. They fix no parabola: raise ValueError.", edit={
    "    if len(N) < 3:\n": "    if len(N) == 2:\n        return float(N[0] if L[0] < L[1] else N[1])\n    if len(N) < 3:\n"
})  # fmt: skip
mistake("You want more than three runs. Three are enough.", edit={"len(N) < 3": "len(N) < 4"}, crashes=True)
mistake("You sort the caller's lists. They are left as they are.", edit={"    " + LOGS: "    order = sorted(zip(N, L, strict=True))\n    N[:], L[:] = [n for n, _ in order], [each for _, each in order]\n    " + LOGS})


@mistake("You pass a parabola through the lowest run and its two neighbours. All runs count.")
def isoflop_min(N, L):
    if len(N) < 3:
        raise ValueError("runs")
    order = sorted(zip((math.log(n) for n in N), L, strict=True))
    at = min(max(min(range(len(order)), key=lambda i: order[i][1]), 1), len(order) - 2)
    (x0, y0), (x1, y1), (x2, y2) = order[at - 1 : at + 2]
    left, right = (y1 - y0) / max(x1 - x0, 1e-9), (y2 - y1) / max(x2 - x1, 1e-9)
    p = (right - left) / (x2 - x0)
    if p <= 0:
        raise ValueError("opens downwards")
    return math.exp((x0 + x1) / 2 - left / (2 * p))


# --- a model's whole life ----------------------------------------------------------------------------------------------------

mistake("You forget the model's own term A / N^α when you ask for tokens.", edit={'left = L - coef["E"] - coef["A"] / N ** coef["alpha"]': 'left = L - coef["E"]'})
mistake("You forget E when you ask for tokens.", edit={'left = L - coef["E"] - coef["A"]': 'left = L - coef["A"]'})
mistake("Your D has the power β. It is 1 / β.", edit={'(coef["B"] / left) ** (1 / coef["beta"])': '(coef["B"] / left) ** coef["beta"]'})
mistake("Your D has the power 1 / α. Tokens have β.", edit={'(coef["B"] / left) ** (1 / coef["beta"])': '(coef["B"] / left) ** (1 / coef["alpha"])'})
mistake("B stands outside of the power for you: (B / left)^(1 / β).", edit={'(coef["B"] / left) ** (1 / coef["beta"])': 'coef["B"] / left ** (1 / coef["beta"])'})
mistake("You return infinitely many tokens where a model never reaches the loss. Raise ValueError.", edit={'raise ValueError(f"this model stays above {L}")': "return math.inf"})
mistake("You only look whether L is below E. The model's own term holds it up, too.", edit={"if left <= 0:": 'if coef["E"] >= L:', "return (coef[\"B\"] / left)": "return (coef[\"B\"] / abs(left))"})
mistake("A token in use costs 6 N for you. It is a forward pass alone: 2 N.", edit={"2.0 * N * inference_tokens": "6.0 * N * inference_tokens"})
mistake("Training costs 2 N D for you. With the backward pass it is 6 N D.", edit={"6.0 * N * D": "2.0 * N * D"})
mistake("You count 4 N for a token in use, a backward pass. Nothing is learned there.", edit={"2.0 * N * inference_tokens": "4.0 * N * inference_tokens"})
mistake("The tokens in use are read by all D for you. They are added up.", edit={"2.0 * N * inference_tokens": "2.0 * D * inference_tokens"})

# --- of other kinds ----------------------------------------------------------------------------------------------------------

mistake("Your parabola goes through ln L. It is fitted to L itself.", edit={"    middle = x.mean()": "    L = [math.log(1e-9 + abs(each)) * (1 if each > 0 else -1) for each in L]\n    middle = x.mean()"})
mistake("You ask for tokens with the printed B and β. Use those that are passed.", edit={
    '(coef["B"] / left) ** (1 / coef["beta"])': "(410.7 / left) ** (1 / 0.28)"
})  # fmt: skip
mistake("You round tokens up to a whole number. D may be a fraction.", edit={'(coef["B"] / left) ** (1 / coef["beta"])': 'float(math.ceil((coef["B"] / left) ** (1 / coef["beta"])))'})
mistake("You leave the training out as soon as the model is used. Both are paid.", edit={"return 6.0 * N * D + 2.0 * N * inference_tokens": "return 2.0 * N * inference_tokens if inference_tokens else 6.0 * N * D"})


@mistake("Of several runs of one size you keep the last one. All runs count.")
def isoflop_min(N, L):
    kept = dict(zip(N, L, strict=True))
    if len(kept) < 3:
        raise ValueError("runs")
    x = torch.tensor(list(kept), dtype=torch.float64).log()
    design = torch.stack([torch.ones_like(x), x, x * x], dim=1)
    _r, q, p = torch.linalg.lstsq(design, torch.tensor(list(kept.values()), dtype=torch.float64)[:, None]).solution[:, 0].tolist()
    if not p > 0:
        raise ValueError("no valley")
    return math.exp(-q / (2 * p))


KNOWN: dict[float, tuple[float, float]] = {}


@mistake("You remember results by C alone. Other coefficients give another share.")
def optimal(C, coef={"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}):  # noqa: B006
    if C not in KNOWN:
        a, b = coef["alpha"], coef["beta"]
        N = (a * coef["A"] / (b * coef["B"]) * (C / 6) ** b) ** (1 / (a + b))
        KNOWN[C] = N, C / 6 / N
    return KNOWN[C]


@mistake("You search N between 10^6 and 10^13. Small budgets have smaller models.")
def optimal(C, coef={"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}):  # noqa: B006
    low, high = math.log(1e6), math.log(1e13)
    for _ in range(200):
        x = (low + high) / 2
        down = math.log(coef["alpha"] * coef["A"]) - coef["alpha"] * x
        up = math.log(coef["beta"] * coef["B"]) - coef["beta"] * (math.log(C / 6) - x)
        low, high = (x, high) if down > up else (low, x)
    return math.exp(x), C / 6 / math.exp(x)


@mistake("You take the numbers from coef in the order in which they stand there. Take them by their keys.")
def chinchilla_L(N, D, coef={"E": 1.69, "A": 406.4, "B": 410.7, "alpha": 0.34, "beta": 0.28}):  # noqa: B006
    E, A, B, alpha, beta = coef.values()
    return E + A / N**alpha + B / D**beta


mistake("A flat valley is none for you. Any p above 0 has a lowest point.", edit={"    if p <= 0:": "    if p <= 1e-4:"})
mistake(
    "You solve the normal equations without subtracting the mean of ln N: where sizes are close to each other, nothing is left of the digits.",
    edit={
        "    middle = x.mean()\n": "    middle = torch.zeros((), dtype=torch.float64)\n",
        "torch.linalg.lstsq(design, torch.tensor(L, dtype=torch.float64)[:, None]).solution.flatten()": ""
        "torch.linalg.solve(design.T @ design, design.T @ torch.tensor(L, dtype=torch.float64))",
    },
    crashes=True,
)
mistake(
    "You refuse a loss that is only a little above what the model can reach. Raise ValueError where it is not above.",
    edit={"    if left <= 0:": "    if left <= 1e-3:"},
    crashes=True,
)
mistake(
    "Exactly at the loss that no data can reach, you divide by 0. Raise ValueError there as well.",
    edit={"    if left <= 0:": "    if left < 0:"},
)
