"""Computes tuning.toml: what each method of the module trains, keeps and costs, on one frozen toy model and one small task.

All of it comes from the reference solutions. `python lectures/tables/tuning.py` writes the file anew; the tests of tuning/p_tuning_v2
hold its numbers to what is computed.

The task: for each token but the first, is it larger than the token on its left? The answer is the larger one of two logits, those of the tokens
5 (no) and 3 (yes), as with a verbalizer; P-tuning v2 has a head for two labels instead. So a guess costs log 2 = 0.69 everywhere. The model is `frozen_model(seed=2)` of `autograder.lab.frozen`, 2 layers of width 12, 29 tokens.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
import torch.nn.functional as F  # noqa: E402
from torch import Tensor, nn  # noqa: E402

from autograder.lab.frozen import frozen_model  # noqa: E402

STEPS, RATE, P, RANK, NARROW, HIDDEN = 60, 0.03, 5, 4, 4, 8
YES, NO = 3, 5


def reference(name: str) -> ModuleType:
    """The reference solution of tuning/<name>."""
    path = ROOT / "solutions" / "tuning" / name / "solution.py"
    module = ModuleType(f"reference_{name}")
    module.__dict__["__file__"] = str(path)
    sys.modules[module.__name__] = module
    exec(compile(path.read_text(encoding="utf-8"), str(path), "exec"), module.__dict__)
    return module


def task() -> tuple[Tensor, Tensor]:
    """Token ids (16, 8), and for each whether it is larger than its left neighbour; the first has no answer."""
    ids = torch.randint(0, 29, (16, 8), generator=torch.Generator().manual_seed(0))
    larger = (ids > ids.roll(1, dims=1)).long()
    larger[:, 0] = -100
    return ids, larger


@dataclass
class Method:
    """How a method gives logits for the tokens, and what it keeps for a task when training is over."""

    name: str
    logits: Callable[[Tensor], Tensor]
    learns: list[nn.Parameter]
    kept: int
    added: str
    sources: list[str]
    of_words: bool = True  # else the logits are those of two labels


def methods() -> list[Method]:
    """The methods, on models of their own that are all alike."""
    found = []

    def model() -> Any:
        torch.manual_seed(0)
        return frozen_model(seed=2)

    def learning(module: nn.Module) -> list[nn.Parameter]:
        return [p for p in module.parameters() if p.requires_grad]

    def add(thing: str, *arguments: Any, **more: Any) -> None:
        found.append((thing, Method(*arguments, **more)))

    full = model().requires_grad_()
    everything = learning(full)
    count = sum(p.numel() for p in everything)
    add("full", "Full fine-tuning", full, everything, count, "nothing", ["every parameter of the model"])

    lora, base = reference("lora"), model()
    lora.inject(base, r".*\.[qv]_proj", RANK, 2.0 * RANK)
    kept = sum(x.numel() for x in lora.adapter_state(base).values())
    of = f"[LoRA](../tuning/lora.md), rank {RANK}, queries and values"
    add("lora", "LoRA", base, learning(base), kept, "nothing, once it is merged", [of])

    adapter, base = reference("adapter"), model()
    adapter.insert_adapters(base, NARROW)
    of = f"[adapters](../tuning/adapter.md), Houlsby's style, {NARROW} numbers in the middle"
    kept = adapter.adapter_params(len(base.layers), base.width, NARROW)
    add("adapter", "Adapters", base, learning(base), kept, "two small networks in each layer", [of])

    prefix, base = reference("prefix_tuning"), model()
    encoder = prefix.PrefixEncoder(P, len(base.layers), base.kv_heads, base.head_dim)
    add(
        "prefix", "Prefix tuning",
        lambda ids, m=base, e=encoder: prefix.forward_with_prefix(m, e(len(ids)), ids),
        learning(encoder), encoder.fold().numel(), f"{P} keys and values in each layer",
        [f"[prefix tuning](../tuning/prefix_tuning.md), {P} positions, no network"],
    )  # fmt: skip

    soft, base = reference("prompt_tuning"), model()
    prompt = soft.SoftPrompt(P, base.width)
    add(
        "prompt", "Prompt tuning",
        lambda ids, m=base, s=prompt: soft.forward_with_prompt(m, s, ids)["logits"][:, P:],
        learning(prompt), prompt.weight.numel(), f"{P} positions",
        [f"[prompt tuning](../tuning/prompt_tuning.md), {P} vectors, a random start"],
    )  # fmt: skip

    writer, base = reference("p_tuning"), model()
    network = writer.PromptEncoder(P, base.width, HIDDEN)
    template = ["P"] * P + ["x"]
    add(
        "p_tuning", "P-tuning",
        lambda ids, m=base, n=network: m(embeds=writer.fill_template(template, m.embed, n, ids)[0])[:, P:],
        learning(network), writer.bake(network).numel(), f"{P} positions",
        [f"[P-tuning](../tuning/p_tuning.md), {P} vectors before the input, an LSTM of {HIDDEN}"],
    )  # fmt: skip

    deep, base = reference("p_tuning_v2"), model()
    tagger = deep.PTuningV2(base, P, 2, task="tag")
    kept = deep.trainable_count(P, len(base.layers), base.width, 2, "tag")
    add(
        "p_tuning_v2", "P-tuning v2", tagger, learning(tagger), kept, f"{P} keys and values in each layer; a head",
        [f"[P-tuning v2](../tuning/p_tuning_v2.md), {P} positions, no network, two labels for tokens"], of_words=False,
    )  # fmt: skip
    return found


def trained(method: Method) -> tuple[float, int]:
    """The loss after the last step, and the bytes of Adam's two moments."""
    ids, larger = task()
    optimizer = torch.optim.Adam(method.learns, lr=RATE)

    def loss() -> Tensor:
        logits = method.logits(ids)
        logits = logits[..., [NO, YES]] if method.of_words else logits
        return F.cross_entropy(logits.flatten(0, 1), larger.flatten(), ignore_index=-100)

    for _ in range(STEPS):
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()
    moments = [state[name] for state in optimizer.state.values() for name in ("exp_avg", "exp_avg_sq")]
    return float(loss().detach()), sum(x.numel() * x.element_size() for x in moments)


def facts() -> dict[str, dict[str, Any]]:
    """For each method its name, the numbers, and what they are of."""
    found = {}
    for thing, method in methods():
        learns = sum(p.numel() for p in method.learns)
        loss, state = trained(method)
        found[thing] = {
            "name": method.name, "learns": learns, "kept": method.kept, "state": state,
            "added": method.added, "loss": loss, "sources": method.sources,
        }  # fmt: skip
    return found


def as_toml(found: dict[str, dict[str, Any]]) -> str:
    """The text of tuning.toml."""
    lines = [
        "# Written by tuning.py beside it: the methods of module tuning on one frozen toy model. Pages show parts of it:",
        "# <!-- table tuning: full lora -->. Do not edit; run `python lectures/tables/tuning.py`.",
        "",
        "[properties]",
        'learns = "Numbers that learn"',
        'state = "Adam\'s moments, bytes"',
        'kept = "Numbers kept for a task"',
        'added = "Added when it is used"',
        f'loss = "Loss after {STEPS} steps"',
    ]
    for thing, each in found.items():
        lines += ["", f"[things.{thing}]", f'name = "{each["name"]}"']
        lines += [f'{key} = "{each[key]:,}"' for key in ("learns", "state", "kept")]
        lines += [f'added = "{each["added"]}"', f'loss = "{each["loss"]:.2f}"']
        lines += [f"sources = [{', '.join(chr(34) + source + chr(34) for source in each['sources'])}]"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    torch.set_num_threads(1)  # so small a model is slower with more
    text = as_toml(facts())
    (ROOT / "lectures" / "tables" / "tuning.toml").write_text(text, encoding="utf-8")
    print(text)
