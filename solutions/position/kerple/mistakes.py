"""Wrong ways to write position/kerple, each with the sentence that a student should read."""

import torch
from torch import nn

from autograder.checks import mistake

DISTANCE = "return (queries[:, None] - keys).abs().to(like)"
LOG = "return -r1 * torch.log1p(r2 * distances(T, S, r1))"
POWER = "return -r1 * distances(T, S, r1) ** r2"
LOG_RANGE = "r1, r2 = into_range(self.r1, 0.01), into_range(self.r2, 0.01)\n"
POWER_RANGE = "r1, r2 = into_range(self.r1, 0.01), into_range(self.r2, 0.01, 2)"
CLAMP = "    with torch.no_grad():\n        r.clamp_(low, high)\n    return r[:, None, None]\n"
NEW_LOG = "self.r1, self.r2 = nn.Parameter(2 * torch.rand(H)), nn.Parameter(torch.rand(H))"
NEW_POWER = "self.r1, self.r2 = nn.Parameter(torch.rand(H)), nn.Parameter(2 * torch.rand(H))"
EIGEN = "return bool(symmetric) and bool(torch.linalg.eigvalsh(P @ K @ P).min() >= -tol)"
CENTER = "P = torch.eye(n, dtype=K.dtype, device=K.device) - 1 / n"

# --- the biases ------------------------------------------------------------------------------------------------------

mistake(
    "Your logarithmic bias rises with distance. It is negative: far keys are lowered.",
    edit={LOG: LOG.replace("-r1", "r1")},
)
mistake(
    "Your power bias rises with distance. It is negative: far keys are lowered.",
    edit={POWER: POWER.replace("-r1", "r1")},
)
mistake(
    "You leave out the 1 in ln(1 + r2·d), so distance 0 gives infinity.",
    edit={LOG: "return -r1 * torch.log(r2 * distances(T, S, r1))"},
)
mistake("You take the logarithm to base 2. It is the natural one.", edit={LOG: LOG + " / 0.6931471805599453"})
mistake("You take the logarithm to base 10. It is the natural one.", edit={LOG: LOG + " / 2.302585092994046"})
mistake(
    "You multiply with r2 outside of the logarithm: -r1·r2·ln(1 + d). It stands inside, before d.",
    edit={LOG: "return -r1 * r2 * torch.log1p(distances(T, S, r1))"},
)
mistake(
    "You take ln(1 + d^r2). r2 is a factor of d in the logarithmic kernel.",
    edit={LOG: "return -r1 * torch.log1p(distances(T, S, r1) ** r2)"},
)
mistake(
    "You exchange r1 and r2 in the logarithmic kernel.",
    edit={LOG: "return -r2 * torch.log1p(r1 * distances(T, S, r1))"},
)
mistake("You exchange r1 and r2 in the power kernel.", edit={POWER: "return -r2 * distances(T, S, r1) ** r1"})
mistake(
    "You raise r1·d to the power. Only d is raised; r1 is a factor.",
    edit={POWER: "return -((r1 * distances(T, S, r1)) ** r2)"},
)
mistake("Your exponent is always 1, as in ALiBi. It is r2.", edit={POWER: "return -r1 * distances(T, S, r1) + 0 * r2"})
mistake(
    "Your power bias has the gradient nan at distance 0, where you compute exp(r2 · ln d). Leave distance 0 out before the logarithm.",
    edit={POWER: "return -r1 * torch.exp(r2 * torch.log(distances(T, S, r1)))"},
)
mistake(
    "You add a small number to the distance so that its logarithm is finite. Then the bias at distance 0 is not 0.",
    edit={POWER: "return -r1 * (distances(T, S, r1) + 1e-3) ** r2"},
)
mistake(
    "All your heads use the first head's parameters. Each head has its own.",
    edit={"return r[:, None, None]": "return r[:1, None, None].expand(len(r), 1, 1)"},
)
mistake(
    "You use the mean over the heads. Each head has parameters of its own.",
    edit={"return r[:, None, None]": "return r.mean().expand(len(r), 1, 1)"},
)
mistake(
    "Your distance is the square of what it should be: take the absolute value.",
    edit={DISTANCE: DISTANCE.replace(".abs()", ".square()")},
)
mistake(
    "Keys after the query have the bias 0 in your result. Theirs depends on the distance as well.",
    edit={DISTANCE: DISTANCE.replace(".abs()", ".clamp(min=0)")},
)
mistake(
    "You hide the keys after the query. This bias hides nothing.",
    edit={LOG: "d = torch.ones(T, S, dtype=torch.bool).triu(S - T + 1)\n        "
               "return (-r1 * torch.log1p(r2 * distances(T, S, r1))).masked_fill(d, -torch.inf)"},
)  # fmt: skip
mistake(
    "You count distances from 1. The distance of a query from its own position is 0.",
    edit={DISTANCE: DISTANCE + " + 1"},
)
mistake(
    "Distances beyond 16 count as 16.",
    edit={DISTANCE: DISTANCE + ".clamp(max=16)"},
)
mistake(
    "You divide the bias by the number of keys. Only the distance counts.",
    edit={DISTANCE: DISTANCE + " / S"},
)
mistake(
    "Your first query stands beside the first key. The last query stands beside the last key.",
    edit={"torch.arange(S - T, S), torch.arange(S)": "torch.arange(0, T), torch.arange(S)"},
    fails=["queries_stand_beside_the_last_keys"],
)
mistake(
    "Your bias has queries and keys exchanged: the result is (H, T, S).",
    edit={DISTANCE: DISTANCE.replace("return (", "return ((").replace(".abs()", ".abs()).mT")},
)
mistake(
    "Your bias is computed in float32. It has the dtype of the parameters.",
    edit={LOG: "return -r1.float() * torch.log1p(r2.float() * distances(T, S, r1.float()))"},
)
mistake(
    "Your parameters get no gradient: the bias is computed without autograd.",
    edit={"return r[:, None, None]": "return r.detach()[:, None, None]"},
)
mistake(
    "Only r1 gets a gradient from your logarithmic kernel.",
    edit={LOG: "return -r1 * torch.log1p(r2.detach() * distances(T, S, r1))"},
)

# --- ranges and new parameters ---------------------------------------------------------------------------------------

mistake(
    "You clamp inside the formula. A parameter out of range then has the gradient 0 and never comes back: put it on the bound, in place.",
    edit={CLAMP: "    return r.clamp(low, high)[:, None, None]\n"},
    fails=["parameters_come_back_into_range"],
)
mistake(
    "You compute with the clamped value, but leave the parameter as it was.",
    edit={CLAMP: "    return (r + (r.clamp(low, high) - r).detach())[:, None, None]\n"},
    fails=["parameters_come_back_into_range"],
)
mistake(
    "Parameters that are out of range stay there: put them on the bound.",
    edit={CLAMP: "    return r[:, None, None]\n"},
    fails=["parameters_come_back_into_range"],
)
mistake(
    "You take the absolute value of negative parameters. They are put on the bound.",
    edit={CLAMP: CLAMP.replace("r.clamp_(low, high)", "r.abs_().clamp_(low, high)")},
    fails=["parameters_come_back_into_range"],
)
mistake(
    "Your lower bound is 0. It is 0.01.",
    edit={CLAMP: CLAMP.replace("low, high", "0, high", 1)},
    fails=["parameters_come_back_into_range"],
)
mistake(
    "Your exponent may be larger than 2. Beyond 2 the power is no kernel.",
    edit={POWER_RANGE: POWER_RANGE.replace(", 2)", ")")},
    fails=["parameters_come_back_into_range"],
)
mistake(
    "Your exponent ends at 1. Kernels go up to 2.",
    edit={POWER_RANGE: POWER_RANGE.replace(", 2)", ", 1)")},
)
mistake(
    "You bound r1 of the power kernel by 2 as well. Only the exponent has an upper bound.",
    edit={POWER_RANGE: POWER_RANGE.replace("self.r1, 0.01", "self.r1, 0.01, 2")},
)
mistake(
    "You bound r2 of the logarithmic kernel by 2 as well. It has no upper bound.",
    edit={LOG_RANGE: LOG_RANGE.replace("self.r2, 0.01)", "self.r2, 0.01, 2)")},
)
mistake(
    "You put new Parameter objects in place of those that are out of range. An optimizer still holds the old ones.",
    edit={LOG_RANGE: "self.r1 = nn.Parameter(self.r1.detach().clamp(min=0.01))\n        " + LOG_RANGE},
)
mistake(
    "Your parameters pass through softplus. They are the numbers themselves.",
    edit={CLAMP: "    return nn.functional.softplus(r)[:, None, None]\n"},
)
mistake(
    "Your new parameters are all 1. They are random.",
    edit={NEW_LOG: "self.r1, self.r2 = nn.Parameter(torch.ones(H)), nn.Parameter(torch.ones(H))"},
    fails=["new_parameters_are_uniform"],
)
mistake(
    "The ranges of your new parameters are exchanged in the power kernel: r1 goes to 1, r2 to 2.",
    edit={NEW_POWER: "self.r1, self.r2 = nn.Parameter(2 * torch.rand(H)), nn.Parameter(torch.rand(H))"},
    fails=["new_parameters_are_uniform"],
)
mistake(
    "The ranges of your new parameters are exchanged in the logarithmic kernel: r1 goes to 2, r2 to 1.",
    edit={NEW_LOG: "self.r1, self.r2 = nn.Parameter(torch.rand(H)), nn.Parameter(2 * torch.rand(H))"},
    fails=["new_parameters_are_uniform"],
)
mistake(
    "All heads of your new module get the same number.",
    edit={
        NEW_LOG: "self.r1, self.r2 = nn.Parameter(2 * torch.rand(1).repeat(H)), nn.Parameter(torch.rand(1).repeat(H))"
    },
    fails=["new_parameters_are_uniform"],
)
mistake(
    "Your new parameters are normal. They are uniform.",
    edit={NEW_LOG: "self.r1, self.r2 = nn.Parameter(torch.randn(H).abs().clamp(max=2)), nn.Parameter(torch.rand(H))"},
    fails=["new_parameters_are_uniform"],
)
mistake(
    "Your parameters have the shape (H, 1, 1), as in the paper's code. Here it is (H,).",
    edit={NEW_LOG: "self.r1, self.r2 = nn.Parameter(2 * torch.rand(H, 1, 1)), nn.Parameter(torch.rand(H, 1, 1))",
          "return r[:, None, None]": "return r if r.ndim == 3 else r[:, None, None]"},
)  # fmt: skip

# --- the test of a kernel --------------------------------------------------------------------------------------------

mistake(
    "You ask whether the matrix is positive definite in all directions. Only vectors with sum 0 count.",
    edit={CENTER: "P = torch.eye(n, dtype=K.dtype, device=K.device)"},
)
mistake(
    "You have the sign of the other convention: this asks whether -K is a kernel.",
    edit={EIGEN: EIGEN.replace("P @ K @ P).min() >= -tol", "P @ K @ P).max() <= tol")},
)
mistake("You do not ask whether the matrix is symmetric.", edit={"bool(symmetric) and ": ""})
mistake(
    "Your `is_cpd_matrix` does not use `tol`.",
    edit={"    K, n = K.double(), len(K)\n": "    K, n, tol = K.double(), len(K), 1e-8\n"},
)
mistake(
    "You look at the diagonal only. Each vector with sum 0 counts.",
    edit={EIGEN: "return bool(symmetric) and bool((P @ K @ P).diagonal().min() >= -tol)"},
)
mistake(
    "You try differences of two unit vectors only. Other vectors with sum 0 can be worse.",
    edit={
        EIGEN: "d = K.diagonal()\n    pairs = (d[:, None] + d - K - K.mT) / 2\n"
        "    return bool(symmetric) and bool(pairs.min() >= -tol)"
    },
)
mistake(
    "You try some random vectors only. A bad direction can lie between them.",
    edit={
        EIGEN: "c = P @ torch.randn(n, 100, dtype=K.dtype)\n    c = c / c.norm(dim=0).clamp(min=1e-9)\n"
        "    return bool(symmetric) and bool(((c * (K @ c)).sum(0) >= -tol).all())"
    },
)
mistake(
    "You take the mean away on one side only: PK is not PKP.",
    edit={EIGEN: EIGEN.replace("P @ K @ P", "(P @ K + (P @ K).mT) / 2")},
)
mistake(
    "You ask for more than 0. A kernel may give 0, and rounding makes it a little less.",
    edit={EIGEN: EIGEN.replace(">= -tol", "> 0")},
)
mistake(
    "You ask whether the trace is positive. Each direction counts by itself.",
    edit={EIGEN: EIGEN.replace("torch.linalg.eigvalsh(P @ K @ P).min()", "torch.trace(P @ K @ P)")},
)
mistake(
    "Your answer is a tensor. Return a bool of Python.",
    edit={EIGEN: "return symmetric & (torch.linalg.eigvalsh(P @ K @ P).min() >= -tol)"},
)


remembered: dict[tuple[int, int, int], torch.Tensor] = {}


@mistake("You keep the bias for later calls of the same size. The parameters change in training.")
class KerpleLog(nn.Module):
    def __init__(self, H: int) -> None:
        super().__init__()
        self.r1, self.r2 = nn.Parameter(2 * torch.rand(H)), nn.Parameter(torch.rand(H))
        self.kept: dict[tuple[int, int], torch.Tensor] = {}

    def forward(self, T: int, S: int) -> torch.Tensor:
        if (T, S) not in self.kept:
            with torch.no_grad():
                self.r1.clamp_(min=0.01)
                self.r2.clamp_(min=0.01)
            d = (torch.arange(S - T, S)[:, None] - torch.arange(S)).abs().to(self.r1)
            self.kept[T, S] = -self.r1[:, None, None] * torch.log1p(self.r2[:, None, None] * d)
        return self.kept[T, S].clone()


# --- of other kinds --------------------------------------------------------------------------------------------------

mistake(
    "You put parameters back into range in training mode only. A call does it in both modes.",
    edit={LOG_RANGE: "r1, r2 = (into_range(r, 0.01) if self.training else r[:, None, None] for r in (self.r1, self.r2))\n"},
)
mistake(
    "Under `torch.no_grad()` your parameters stay out of range. Every call puts them back.",
    edit={CLAMP: "    if torch.is_grad_enabled():\n        with torch.no_grad():\n            r.clamp_(low, high)\n    return r[:, None, None]\n"},
)
mistake(
    "You compare K with its transpose by `allclose`, whose relative tolerance forgives much where the entries are large. No two may differ by more than tol.",
    edit={"symmetric = (K - K.mT).abs().max() <= tol": "symmetric = torch.allclose(K, K.mT, atol=tol)"},
)
mistake(
    "You hold the norm of K - Kᵀ against tol, so that many small differences count as a large one. It is the largest that counts.",
    edit={"symmetric = (K - K.mT).abs().max() <= tol": "symmetric = (K - K.mT).norm() <= tol"},
)
mistake(
    "Your new r2 is r1 on another scale: both come from one draw. Each number is drawn on its own.",
    edit={NEW_LOG: "self.r2 = nn.Parameter(torch.rand(H))\n        self.r1 = nn.Parameter(2 * self.r2.detach())"},
)
mistake(
    "Your tolerance grows with the entries of K. It is tol, whatever their size.",
    edit={EIGEN: EIGEN.replace(">= -tol", ">= -tol * K.abs().max()")},
)
mistake(
    "You look at one triangle of K only, as `eigvalsh` does. Where K is not quite symmetric, both halves count in cᵀ K c.",
    edit={"    K = (K + K.mT) / 2": "    K = K"},
)
