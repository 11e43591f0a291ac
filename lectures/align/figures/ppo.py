"""Draws ppo.svg: rewards and advantages of one answer, the clipped loss, and the way to the best policy."""

import runpy
import sys
from functools import partial
from pathlib import Path

import matplotlib

matplotlib.use("svg")
import matplotlib.pyplot as plt
import torch

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[2]))
from autograder.lab.answers import PAD, AnswerWorld, TablePolicy  # noqa: E402

reference = runpy.run_path(str(HERE.parents[2] / "solutions" / "align" / "ppo" / "solution.py"))
torch.set_num_threads(1)
plt.rcParams.update({"svg.hashsalt": "ppo", "svg.fonttype": "none", "font.size": 10})
BLUE, RED, GREY, GREEN = "#1f5fa8", "#c0392b", "#999999", "#2e7d4f"
figure, (answer, clip, way) = plt.subplots(1, 3, figsize=(11.4, 3.7), width_ratios=[1.1, 1, 1], layout="constrained")

tokens = ["the", "cat", "sat", "down", "end", "pad"]
mask = torch.tensor([[True] * 5 + [False]])
logp = torch.tensor([[-1.0, -2.0, -0.5, -1.5, -0.2, 0.0]], dtype=torch.float64)
ref_logp = torch.tensor([[-1.2, -1.0, -2.5, -1.4, -0.3, 0.0]], dtype=torch.float64)
values = torch.tensor([[0.3, 0.2, 0.4, 0.7, 0.9, 5.0]], dtype=torch.float64)
rewards = reference["kl_rewards"](torch.tensor([1.5], dtype=torch.float64), logp, ref_logp, mask, 0.2)
place = torch.arange(6)
answer.bar(place - 0.28, rewards[0], width=0.26, color=GREY, label="reward")
for shift, lam, color in ((0.0, 0.0, GREEN), (0.28, 0.95, BLUE)):
    answer.bar(place + shift, reference["gae"](rewards, values, mask, 1.0, lam)[0][0], width=0.26, color=color, label=f"advantage, λ = {lam:g}")
answer.axhline(0, color="black", lw=0.8)
answer.set_xticks(place, tokens)
answer.set(title="One answer with the score 1.5", ylim=(-0.65, 2.2))
answer.legend(frameon=False, loc="upper left", fontsize=9)

ratio = torch.linspace(0.4, 1.8, 141, dtype=torch.float64)
for advantage, color in ((1.0, BLUE), (-1.0, RED)):
    one = torch.ones(1, 1, dtype=torch.bool)
    losses = [float(reference["ppo_loss"](r.log().view(1, 1), torch.zeros(1, 1, dtype=torch.float64), torch.full((1, 1), advantage, dtype=torch.float64), one)[0]) for r in ratio]
    clip.plot(ratio, losses, color=color, label=f"advantage {advantage:+g}")
for edge in (0.8, 1.2):
    clip.axvline(edge, color=GREY, lw=0.8, ls=":")
clip.set(title="The loss of one token, clip = 0.2", xlabel="ratio of new and old probability", ylabel="loss")
clip.legend(frameon=False, loc="center right")

def values_of(critic, ids):
    return critic(ids)[:, :-1, 0]


beta = 0.5
for seed, color in ((1, BLUE), (4, GREEN)):
    world = AnswerWorld(seed, 2, 2, 2)
    policy = world.policy()
    critic = TablePolicy(torch.zeros(*policy.logits.shape[:2], 1, dtype=torch.float64), 2, 2)
    optimizer = torch.optim.SGD([*policy.parameters(), *critic.parameters()], lr=0.15)
    generator = torch.Generator().manual_seed(seed)
    best, seen = world.best_policy(beta), []
    for _ in range(41):
        seen.append(float((world.reward(policy) - beta * world.divergence(policy)).mean().detach()))
        chosen = world.sample(policy, 200, generator)
        ids, labels = (torch.cat(each) for each in zip(*(world.pair(p, *row.tolist()) for p, row in enumerate(chosen)), strict=True))

        def logps(model, ids=ids):
            return model(ids)[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None])[..., 0]

        with torch.no_grad():
            ref = logps(world.reference())
        now, value = partial(logps, policy), partial(values_of, critic, ids)
        score, mask = world.rewards.gather(1, chosen).flatten(), labels[:, 1:] != PAD
        reference["ppo_update"](now, value, optimizer, score, ref, mask, beta=beta)
    top = float((world.reward(best) - beta * world.divergence(best)).mean().detach())
    way.plot(range(41), seen, color=color, label=f"small world {seed}")
    way.axhline(top, color=color, ls="--", lw=1)
way.set(title="Way to the best policy (dashed)", xlabel="update of 400 answers", ylabel="mean reward - β KL")
way.legend(frameon=False, loc="lower right")
for axis in (answer, clip, way):
    axis.spines[["top", "right"]].set_visible(False)
figure.savefig(HERE / "ppo.svg", metadata={"Date": None})
