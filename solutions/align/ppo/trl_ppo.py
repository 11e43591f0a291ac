"""Made trl_ppo.json, once: rewards, advantages and losses of the PPOTrainer in trl 0.11.4 (0.12 has another class of that name). test_oracle.py reads it.

Takes the path of trl-0.11.4-py3-none-any.whl (`pip download --no-deps trl==0.11.4`). Functions of trl/core.py and methods of trl/trainer/ppo_trainer.py
are read from it and run without the rest of the package, which needs an older transformers; versions: torch 2.13.0.
"""

import ast
import json
import sys
import typing
import warnings
import zipfile
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import torch

HELPERS = ("flatten_dict", "masked_mean", "masked_var", "masked_whiten", "clip_by_value", "entropy_from_logits")
METHODS = ("compute_rewards", "_kl_penalty", "compute_advantages", "loss")

wheel = zipfile.ZipFile(sys.argv[1])
names = {"torch": torch, "F": torch.nn.functional, "warnings": warnings, "Mapping": Mapping, "Dict": dict, "Optional": typing.Optional}
for file, wanted in (("trl/core.py", HELPERS), ("trl/trainer/ppo_trainer.py", METHODS)):
    found = [node for node in ast.walk(ast.parse(wheel.read(file))) if isinstance(node, ast.FunctionDef) and node.name in wanted]
    assert sorted(node.name for node in found) == sorted(wanted)
    for node in found:
        node.decorator_list = []
    exec(compile(ast.Module(found, []), file, "exec"), names)


def trainer(beta, **config):
    config = SimpleNamespace(kl_penalty="kl", cliprange_value=config.pop("value_clip"), cliprange=config.pop("clip"), vf_coef=1.0, ratio_threshold=1e9, **config)
    self = SimpleNamespace(config=config, kl_ctl=SimpleNamespace(value=beta))
    for method in METHODS:
        setattr(self, method, names[method].__get__(self))
    return self


RIGHT, LEFT = [(0, 5), (0, 3), (0, 1)], [(2, 7), (5, 7), (0, 7)]
FULL = [(0, 4), (0, 4)]
# trl whitens the rewards before it cuts padding off, so that its rewards there are not 0 afterwards: it is recorded without padding only.
SETTINGS = [
    (RIGHT, {"beta": 0.2, "gamma": 1.0, "lam": 0.95, "clip": 0.2, "value_clip": 0.2, "whiten_rewards": False}),
    (RIGHT, {"beta": 0.05, "gamma": 0.9, "lam": 0.5, "clip": 0.1, "value_clip": 0.5, "whiten_rewards": False}),
    (LEFT, {"beta": 0.0, "gamma": 0.99, "lam": 1.0, "clip": 0.3, "value_clip": 0.1, "whiten_rewards": False}),
    (LEFT, {"beta": 1.0, "gamma": 0.7, "lam": 0.0, "clip": 0.2, "value_clip": 1.0, "whiten_rewards": False}),
    (FULL, {"beta": 0.2, "gamma": 0.95, "lam": 0.9, "clip": 0.2, "value_clip": 0.2, "whiten_rewards": True}),
]

cases = []
for seed, (spans, settings) in enumerate(SETTINGS):
    generator = torch.Generator().manual_seed(seed)
    size = (len(spans), max(end for _, end in spans))

    def normal(*shape, generator=generator):
        return torch.randn(shape, generator=generator, dtype=torch.float64)

    mask = torch.zeros(size, dtype=torch.int64)
    for row, (start, end) in enumerate(spans):
        mask[row, start:end] = 1
    given = {"score": normal(len(spans)), "old": normal(*size) - 2, "ref_logp": normal(*size) - 2, "v_old": normal(*size)}
    given |= {"logp": given["old"] + 0.3 * normal(*size), "v": given["v_old"] + 0.5 * normal(*size)}
    self = trainer(**settings)
    rewards = self.compute_rewards(given["score"], given["old"], given["ref_logp"], mask)[0]
    values, whitened, returns = self.compute_advantages(given["v_old"], rewards, mask)
    logp, v = given["logp"].clone().requires_grad_(), given["v"].clone().requires_grad_()
    policy, value, statistics = self.loss(given["old"], values, torch.zeros(*size, 2, dtype=torch.float64), v, logp, mask, whitened, returns)
    (policy + value).backward()
    there = {
        "rewards": rewards * mask,
        "advantages": (returns - values) * mask,
        "returns": returns * mask,
        "whitened": whitened * mask,
        "policy_loss": policy.detach(),
        "value_loss": value.detach(),
        "clip_fraction": statistics["policy/clipfrac"],
        "half_square": statistics["policy/approxkl"],
        "logp_grad": logp.grad,
        "v_grad": v.grad,
    }
    cases.append({"settings": settings, "mask": mask.tolist()} | {key: tensor.tolist() for key, tensor in (given | there).items()})
record = {"trl": "0.11.4", "torch": torch.__version__, "cases": cases}
Path(__file__).with_suffix(".json").write_text(json.dumps(record) + "\n")
