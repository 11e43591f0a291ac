"""Wrong ways to write gpt/gpt4_predictable_scaling, each with the sentence that a student should read."""

import math

from autograder.checks import mistake

RETURN = "return float(slope * torch.exp(-power * middle)), float(power), float(c)"
GRID = "b = -torch.logspace(-2, math.log10(2), 200, dtype=torch.float64, device=C.device)"
X = "x = torch.exp(b[:, None] * (log_C - middle))"
CENTRED = "dx, dL = x - x.mean(1, keepdim=True), L - L.mean()"
ERROR = "error = (slope[:, None] * dx - dL).square().sum(1)"
FOUND = "found = slope[best], b[best], L.mean() - slope[best] * x[best].mean()"

# --- the fit ---------------------------------------------------------------------------------------------------------

mistake(
    "You fit a · C^b without a constant. A part of the loss is irreducible: no compute takes it away.",
    edit={CENTRED: "dx, dL = x, L[None, :].squeeze(0)", FOUND: "found = slope[best], b[best], torch.zeros(())"},
    fails=["a_curve_gives_its_numbers_back"],
)


@mistake("You take the smallest loss for the irreducible one. The curve goes on falling behind the largest run: fit c as well.")
def fit_power_law(C, L):
    if len(C) < 3:
        raise ValueError
    x, y = C.double().log(), (L.double() - L.double().min() * 0.999).log()
    dx = x - x.mean()
    b = float((dx * (y - y.mean())).sum() / (dx * dx).sum())
    return math.exp(float(y.mean() - b * x.mean())), b, float(L.min()) * 0.999


mistake("Your grid of b is not made finer. Try again between the neighbours of the best value.", edit={"range(8)": "range(1)"})
mistake("Your grid of b is made finer once only; a relative error of 10^-3 needs more.", edit={"range(8)": "range(2)", "200, dtype": "12, dtype", "101, dtype": "5, dtype"})
mistake("Your b is positive: the loss of larger runs would grow.", edit={GRID: GRID.replace("-torch", "torch")})
mistake("You look for b between -1 and -0.1. Flatter and steeper laws exist: -2 to -0.01.", edit={"torch.logspace(-2, math.log10(2)": "torch.logspace(-1, 0"})
mistake("You look for b down to -1. It may be as steep as -2.", edit={"math.log10(2)": "0"})
mistake("You return a for compute divided by its middle. a belongs to the C that you were given.", edit={RETURN: "return float(slope), float(power), float(c)"})
mistake("You multiply a by the middle's power; divide by it.", edit={RETURN: RETURN.replace("-power", "power")})
mistake("You return (a, c, b). The order is a, b, c.", edit={RETURN: "return float(slope * torch.exp(-power * middle)), float(c), float(power)"})
mistake("You return -b. b is the exponent itself, and negative.", edit={RETURN: RETURN.replace("float(power)", "float(-power)")})
mistake("You return tensors. The three numbers are Python floats.", edit={RETURN: "return slope * torch.exp(-power * middle), power, c"})
mistake(
    "Your c is the mean loss. Take off what the line has there: mean of L minus slope times mean of x.",
    edit={FOUND: "found = slope[best], b[best], L.mean()"},
)
mistake(
    "You compute in float32. It knows seven digits, and small differences of losses need more.",
    edit={"C.double().log(), L.double()": "C.float().log(), L.float()", GRID: GRID.replace("float64", "float32"), "101, dtype=torch.float64": "101, dtype=torch.float32"},
)
mistake(
    "You take it for granted that runs are sorted by compute. They come in any order.",
    edit={"log_C, L = C.double().log(), L.double()": "log_C, L = C.double().sort().values.log(), L.double().sort(descending=True).values"},
    fails=["noise_is_met_by_least_squares"],
)
mistake(
    "You add up absolute differences. The sum of their squares is asked for.",
    edit={ERROR: ERROR.replace(".square()", ".abs()")},
)
mistake(
    "You give larger runs more weight. Each run counts the same.",
    edit={ERROR: "error = ((slope[:, None] * dx - dL).square() * (log_C - log_C.min() + 0.1)).sum(1)"},
)
mistake(
    "You draw the curve through three of the runs. All of them are fitted.",
    edit={"    middle = log_C.mean()\n": "    pick = log_C.argsort()[[0, len(C) // 2, -1]]\n    log_C, L = log_C[pick], L[pick]\n    middle = log_C.mean()\n"},
)
mistake(
    "You leave out the largest run. All of them are fitted.",
    edit={"    middle = log_C.mean()\n": "    keep = log_C < log_C.max() if len(C) > 3 else log_C > -1e9\n    log_C, L = log_C[keep], L[keep]\n    middle = log_C.mean()\n"},
)
mistake("You forbid a negative c. It may come out as any number.", edit={"float(power), float(c)": "float(power), max(float(c), 0.0)"})
mistake("You fit two runs without a word. Three numbers need three runs: raise ValueError.", edit={"if len(C) < 3:": "if len(C) < 2:"})
mistake("You refuse three runs. They are enough.", edit={"if len(C) < 3:": "if len(C) < 4:"}, crashes=True)
mistake("You raise C to the power b in units of the smallest run, and give a in those units.", edit={
    RETURN: "return float(slope * torch.exp(power * (log_C.min() - middle))), float(power), float(c)"
})  # fmt: skip

# --- prediction ------------------------------------------------------------------------------------------------------

mistake("Your extrapolation forgets the irreducible loss c.", edit={"return a * C.double() ** b + c": "return a * C.double() ** b"})
mistake("Your extrapolation takes (a·C)^b. Only C is raised to the power b.", edit={"a * C.double() ** b + c": "(a * C.double()) ** b + c"})
mistake("Your extrapolation computes in C's dtype. The result is float64.", edit={"a * C.double() ** b + c": "a * C ** b + c"})
mistake("Your extrapolation gives a flat list. The result has C's shape.", edit={"a * C.double() ** b + c": "a * C.double().flatten() ** b + c"})
mistake(
    "You fit the runs that you predict, too. Only runs with C ≤ limit may be fitted.",
    edit={"fit_power_law(C[small], L[small])": "fit_power_law(C, L)"},
    fails=["small_runs_alone_predict"],
)
mistake("A run at the limit is a large one for you. C ≤ limit is small.", edit={"small = limit >= C": "small = limit > C"}, crashes=True)
mistake("You fit the large runs and predict the small ones.", edit={"small = limit >= C": "small = limit < C"}, crashes=True)
mistake("Your error is not relative. Divide by the true loss.", edit={"truth).abs() / truth)": "truth).abs())"})
mistake("You divide by the prediction. Divide by the true loss.", edit={
    "(extrapolate(fit, C[~small]) - truth).abs() / truth)": "(extrapolate(fit, C[~small]) - truth).abs() / extrapolate(fit, C[~small]))"
})  # fmt: skip
mistake("You return the mean error of the large runs. The largest one is asked for.", edit={"truth).abs() / truth).max()": "truth).abs() / truth).mean()"})
mistake("You return the error of the last run. The largest one is asked for.", edit={"truth).abs() / truth).max()": "truth).abs() / truth)[-1]"})
mistake("You forget the absolute value: a run that is worse than predicted has an error, too.", edit={"truth).abs() / truth)": "truth) / truth)"})
mistake("You return 0 where no run is left to predict. Raise ValueError.", edit={'raise ValueError("no run is left to predict")': "return 0.0"})

# --- pass rates ------------------------------------------------------------------------------------------------------

mistake(
    "You take the mean of the pass rates first, then its logarithm. The logarithm of each rate comes first.",
    edit={"-rates.log().mean(1)": "-rates.mean(1).log()"},
    fails=["the_mean_of_logarithms_follows_a_law"],
)
mistake("You add up over the problems. Take the mean.", edit={"-rates.log().mean(1)": "-rates.log().sum(1)"})
mistake("You take the mean over the models. It runs over the problems of each model.", edit={
    "difficulty = -rates.log().mean(1)": "difficulty = -rates.log().mean(0, keepdim=True).mean() * torch.ones(len(C)) - 1e-3 * C.double().log()"
})  # fmt: skip
mistake("Your logarithms have base 10. They are natural ones.", edit={"-rates.log().mean(1)": "-rates.log10().mean(1)"})
mistake("Your k is the slope itself. The law has C^(-k): k is minus the slope.", edit={"float(-slope)": "float(slope)"})
mistake("You return (k, α). The order is α, k.", edit={
    "return float(torch.exp(y.mean() - slope * x.mean())), float(-slope)": "return float(-slope), float(torch.exp(y.mean() - slope * x.mean()))"
})  # fmt: skip
mistake("You return ln α.", edit={"float(torch.exp(y.mean() - slope * x.mean()))": "float(y.mean() - slope * x.mean())"})
mistake("You draw the line through the first and the last model. All of them count.", edit={
    "slope = (dx * (y - y.mean())).sum() / (dx * dx).sum()": "slope = (y[-1] - y[0]) / (x[-1] - x[0])"
})  # fmt: skip
mistake("You exchange x and y in the slope.", edit={"/ (dx * dx).sum()": "/ ((y - y.mean()) ** 2).sum()"})
mistake("You clip pass rates of 0. Nothing can be said about such a problem: raise ValueError.", edit={
    "rates = pass_rates.double()": "rates = pass_rates.double().clamp(min=1e-9)"
})  # fmt: skip
mistake("You accept a pass rate above 1.", edit={"((rates > 0) & (rates <= 1))": "(rates > 0)"})
mistake("You refuse a pass rate of 1. One problem may always be solved.", edit={"(rates <= 1)": "(rates < 1)"}, crashes=True)
mistake("A model that solves everything gives you -inf. Raise ValueError.", edit={"if not bool((difficulty > 0).all()):": "if False:"})

# --- calibration -----------------------------------------------------------------------------------------------------

SUM = "return float(gaps.abs().sum() / len(y))"

mistake(
    "You take the plain mean over the bins. Each bin is weighted by its share of the questions.",
    edit={
        SUM: (
            "counts = torch.zeros(bins, dtype=torch.float64).index_add_(0, index, torch.ones_like(right))\n"
            "    return float((gaps / counts.clamp(min=1)).abs().mean())"
        )
    },
    fails=["bins_are_weighted_by_their_questions"],
)
mistake(
    "An empty bin gives 0/0 in your mean, and the result is nan. It has no weight.",
    edit={
        SUM: (
            "counts = torch.zeros(bins, dtype=torch.float64).index_add_(0, index, torch.ones_like(right))\n"
            "    return float((gaps / counts).abs().mean())"
        )
    },
)
mistake(
    "You return the largest gap of a bin (the maximum calibration error). The expected one is their weighted mean.",
    edit={
        SUM: (
            "counts = torch.zeros(bins, dtype=torch.float64).index_add_(0, index, torch.ones_like(right))\n"
            "    return float((gaps / counts.clamp(min=1)).abs().max())"
        )
    },
)
mistake("You take the absolute value of the sum over all bins: too sure in one bin and too modest in another cancel.", edit={SUM: "return float(gaps.sum().abs() / len(y))"})
mistake("You take the gap of each question by itself. Only a bin has an accuracy.", edit={SUM: "return float((confidence - right).abs().mean())"})
mistake("You square the gaps, as the Brier score does.", edit={SUM: "return float((gaps / len(y)).square().sum().sqrt())"})
mistake("You do not divide by the number of questions.", edit={SUM: "return float(gaps.abs().sum())"})
mistake("Your gaps have a sign. Too modest is as far off as too sure.", edit={SUM: "return float(gaps.clamp(min=0).sum() / len(y))"})
mistake(
    "Your confidence is the probability of the right answer. It is that of the most probable one.",
    edit={"confidence, answer = probs.double().max(-1)": "confidence, answer = probs.double().gather(-1, y[:, None]).squeeze(-1), probs.argmax(-1)", ".ceil().long() - 1": ".ceil().long().clamp(min=1) - 1"},
)
mistake("You always use ten bins.", edit={"torch.zeros(bins, dtype": "torch.zeros(max(bins, 10), dtype", "(confidence * bins)": "(confidence * 10)"})
mistake(
    "You spread the bins between the smallest and the largest confidence. They are equally wide between 0 and 1.",
    edit={"index = (confidence * bins)": "low, high = confidence.min() - 1e-6, confidence.max()\n    index = ((confidence - low) / (high - low) * bins)"},
)
mistake(
    "Your bins hold equally many questions. They are equally wide.",
    edit={"index = (confidence * bins).ceil().long() - 1": "index = confidence.argsort().argsort() * bins // len(y)"},
)
mistake("Your bins are numbered by rounding: the first and the last are half as wide.", edit={"(confidence * bins).ceil().long() - 1": "(confidence * (bins - 1)).round().long()"})

# --- rewards ---------------------------------------------------------------------------------------------------------

SCORE = "(class_probs / class_probs.sum(-1, keepdim=True)) @ class_rewards"

mistake("You do not make the probabilities sum to 1. The model gives a part of them to other tokens.", edit={SCORE: "class_probs @ class_rewards"})
mistake("You make each class sum to 1 over the answers. Each answer's row sums to 1.", edit={SCORE: SCORE.replace("sum(-1, keepdim=True)", "sum(0, keepdim=True)")})
mistake("You divide by the sum of all rows.", edit={SCORE: SCORE.replace("sum(-1, keepdim=True)", "sum()")})
mistake("You take the softmax of probabilities. They are no logits: divide by their sum.", edit={SCORE: "class_probs.softmax(-1) @ class_rewards"})
mistake("You take the reward of the most probable class. The expected reward uses all of them.", edit={SCORE: "class_rewards[class_probs.argmax(-1)] + 0 * class_probs.sum(-1)"})
mistake("You take the mean over the classes as well.", edit={SCORE: SCORE + " / class_rewards.numel()"})
mistake("Your result has a dimension too much: it is (N,).", edit={SCORE: "(class_probs / class_probs.sum(-1, keepdim=True)) @ class_rewards[:, None]"})
mistake("You add up the rewards of all answers.", edit={SCORE: f"({SCORE}).sum()"})
mistake("You change the probabilities in place. They belong to the caller.", edit={
    "    return " + SCORE: "    probs = class_probs.detach()\n    probs /= probs.sum(-1, keepdim=True)\n    return class_probs @ class_rewards"
})  # fmt: skip
mistake("No gradient flows back to the probabilities.", edit={SCORE: SCORE.replace("(class_probs /", "(class_probs.detach() /").replace("/ class_probs", "/ class_probs.detach()")})
mistake("No gradient flows back through the sum that you divide by.", edit={SCORE: SCORE.replace("/ class_probs.sum(-1, keepdim=True)", "/ class_probs.detach().sum(-1, keepdim=True)")})
mistake("You add 1e-3 to the sum that you divide by, which matters where the probabilities are small.", edit={SCORE: SCORE.replace("keepdim=True))", "keepdim=True) + 1e-3)").replace("(class_probs / class_probs", "(class_probs / (class_probs").replace("1e-3)", "1e-3))")})

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("You compare relative differences. The losses themselves are compared.", edit={ERROR: "error = ((slope[:, None] * dx - dL) / L).square().sum(1)"})
mistake("You take the median of the problems. Take the mean.", edit={"-rates.log().mean(1)": "-rates.log().median(1).values"})
mistake("You look at the nearest large run only. The largest error of all large runs is asked for.", edit={
    "truth).abs() / truth).max())": "truth).abs() / truth)[C[~small].argmin()])"
})  # fmt: skip
mistake("You leave out bins with one question. Every question counts.", edit={
    SUM: "keep = torch.bincount(index, minlength=bins) != 1\n    return float((gaps.abs() * keep).sum() / len(y))"
})  # fmt: skip
mistake("You scale the rewards to 0 … 1. They are used as they are.", edit={
    SCORE: SCORE + " / (class_rewards.max() - class_rewards.min()).clamp(min=1e-6)"
})  # fmt: skip
mistake("Your extrapolation never goes below 0, or c below 0. They may be any numbers.", edit={"** b + c": "** b + max(c, 0.0)"})

mistake("Your a is never negative. Where the loss grows with compute, a is: all a are allowed.", edit={
    "slope = (dx @ dL) / (dx * dx).sum(1)": "slope = ((dx @ dL) / (dx * dx).sum(1)).clamp(min=0)"
})  # fmt: skip
mistake("Your extrapolation takes the logarithm of a, so an a that is 0 or negative gives nan or no curve. Multiply by a itself.", edit={
    "return a * C.double() ** b + c": "return torch.exp(torch.tensor(a, dtype=torch.float64).log() + b * C.double().log()) + c"
})  # fmt: skip
mistake("You let a pass rate of nan through. It is not in (0, 1]: raise ValueError.", edit={
    "if not bool(((rates > 0) & (rates <= 1)).all()):": "if bool(((rates <= 0) | (rates > 1)).any()):",
    "if not bool((difficulty > 0).all()):": "if bool((difficulty <= 0).any()):",
})  # fmt: skip
mistake("You compare C with the limit in float32, where a run a little above it is at it. Compare in float64.", edit={
    "small = limit >= C": "small = torch.tensor(limit).float() >= C.float()"
})  # fmt: skip
