"""Draws fit_parametric.svg: an optimizer that stops early, what its law says, and how sure the finished fit is."""

import runpy
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
r = runpy.run_path(str(HERE.parents[2] / "solutions" / "scaling" / "fit_parametric" / "solution.py"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "fit_parametric", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY = "#1f5fa8", "#c0392b", "#999999"
figure, (path, rest, sure) = plt.subplots(1, 3, figsize=(11.4, 3.7), layout="constrained")
generator = torch.Generator().manual_seed(0)


def runs(n):
    N = 10 ** (7.6 + 2.6 * torch.rand(n, generator=generator, dtype=torch.float64))
    D = 10 ** (9.4 + 2.2 * torch.rand(n, generator=generator, dtype=torch.float64))
    L = 1.8172 + 482.01 / N**0.3478 + 2085.43 / D**0.3658
    return N, D, L * torch.exp(0.002 * torch.randn(n, generator=generator, dtype=torch.float64))


N, D, L = runs(60)
def search(scale):
    """The end of L-BFGS with its usual tolerances, and the objective after each evaluation."""
    theta, seen = torch.tensor([5.0, 5.0, 0.5, 0.5, 0.5], dtype=torch.float64, requires_grad=True), []
    optimizer = torch.optim.LBFGS([theta], max_iter=400, tolerance_grad=1e-5, tolerance_change=1e-9, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        cost = r["objective"](theta, N, D, L)
        seen.append(cost.item())
        (scale * cost).backward()
        return scale * cost.detach()

    optimizer.step(closure)
    return theta.detach(), [min(seen[: k + 1]) for k in range(len(seen))]


ends = []
for label, scale, colour in [("mean of the runs", 1 / 60, RED), ("sum, times a million", 1e6, BLUE)]:
    theta, best = search(scale)
    path.plot(best, color=colour, label=label)
    path.plot(len(best) - 1, best[-1], "o", color=colour)
    ends.append(theta)
path.set(title="The same optimizer, two scales", yscale="log", xlabel="evaluations", ylabel="objective (sum)")
path.legend(frameon=False)

for theta, colour in zip(ends, (RED, BLUE), strict=True):
    rest.plot(N, 100 * (r["log_loss"](theta, N, D) - L.log()), "o", ms=4, color=colour, label="stopped early" if colour == RED else "at the end")
rest.axhline(0, color="black", lw=0.8)
rest.set(title="What is left of the runs", xscale="log", xlabel="parameters N", ylabel="predicted minus measured ln L, %")
rest.legend(frameon=False)

for n, colour in [(60, GREY), (240, BLUE)]:
    given = (N, D, L) if n == 60 else runs(240)
    resamples = torch.randint(0, n, (120, n), generator=generator)
    values = torch.tensor([r["bootstrap_ci"](*given, row[None])["a"][0] for row in resamples])
    low, high = r["bootstrap_ci"](*given, resamples)["a"]
    sure.hist(values, bins=16, density=True, color=colour, alpha=0.6, label=f"{n} runs: {low:.3f} to {high:.3f}")
sure.axvline(0.3658 / (0.3478 + 0.3658), color=RED, lw=1.2, label="the truth")
sure.set(title="The power a of 120 resamples", xlabel="a", yticks=[])
sure.set_ylim(0, 1.5 * sure.get_ylim()[1])
sure.legend(frameon=False, loc="upper right", fontsize=9)
for axis in (path, rest, sure):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "fit_parametric.svg", metadata={"Date": None})
