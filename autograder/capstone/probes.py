"""Short experiments on parts, each with numbers that all right parts agree on: what `blame` compares.

A probe does what a stage of a build does, with a model so small that it takes a moment, in float64, and with bytes for tokens (so that no
tokenizer changes what another part sees). Numbers have names that say what they are: the first one that differs is shown to the student.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from autograder.capstone.architectures import architecture
from autograder.capstone.corpus import Corpus, instructions, preferences
from autograder.capstone.model import END, Learner, assemble, drawn, targets, windows, write
from autograder.capstone.parts import Parts
from autograder.capstone.recipe import FULL, Recipe
from autograder.capstone.stages import (
    MODEL,
    Served,
    Work,
    adapt,
    ask,
    batch_of,
    encoded,
    merged,
    pair_loss,
    paired,
    quantized,
)
from autograder.lab.corpora import chinese, english

TINY = Recipe(
    "tiny", dtype="float64", dim=32, layers=2, heads=4, kv_heads=2, ffn=48, length=24, batch=4, steps=8, warmup=2,
    longest=400, rank=2, sft_steps=4, dpo_steps=3, pairs=2, clip=0.5,
)  # fmt: skip
BYTES = 256
DRAWS = 2000
SIGMAS = 6.0
"""How far the share of a token may be from its probability, in standard deviations: a right sampler is further off once in 10⁸ times."""

TOKENS = {"tokens of the vocabulary": 832.0, "tokens of the text": 78399.0,
          "sum of the ids, each times its place": 938795044904.0, "whether decoding gives the text again (1 is yes)": 1.0}  # fmt: skip
"""What `tokenizer/bbpe` gives for the texts below. Right tokenizers agree in every id, so this stands for a reference that may not be there."""

Numbers = dict[str, float]


@dataclass(frozen=True)
class Probe:
    """An experiment on some parts. `run` gives the same numbers for all right parts."""

    title: str
    slots: tuple[str, ...]
    run: Callable[[Parts], Iterator[tuple[str, float]]]


class ByteCoder:
    """One token a byte, and one for the end of an answer."""

    def encode(self, text: str, allowed: object = ()) -> list[int]:
        first, mark, rest = text.partition(END) if allowed else (text, "", "")
        return [*first.encode(), *([BYTES] if mark else []), *rest.encode()]

    def decode(self, ids: list[int], errors: str = "replace") -> str:
        return bytes(each for each in ids if each < BYTES).decode("utf-8", errors)


def _work(parts: Parts) -> Work:
    text = Corpus(english(20_000), english()[20_000:24_000])
    return Work(parts, TINY, text, Path(), {}, lambda *_: None, BYTES + 1)


def _sum(x: Tensor) -> float:
    """A number that changes with every value and its place."""
    flat = x.detach().double().flatten()
    return float((flat * torch.linspace(1, 2, len(flat), dtype=torch.float64)).sum())


# ---------------------------------------------------------------- the probes


def tokens(parts: Parts) -> Iterator[tuple[str, float]]:
    merges, vocab = parts.tokenizer.train([english(FULL.characters), chinese(2000)], FULL.vocab + 64)
    coder = parts.tokenizer.ByteBPE(merges, vocab, {END: len(vocab)})
    text = english() + chinese()[:4000] + " I'll  see\n\n it 1234, naïve."
    ids = coder.encode(text) + coder.encode(f"the end{END}", {END})
    yield "tokens of the vocabulary", len(vocab)
    yield "tokens of the text", len(ids)
    yield "sum of the ids, each times its place", float(sum(number * (place + 1) for place, number in enumerate(ids)))
    yield "whether decoding gives the text again (1 is yes)", float(coder.decode(ids) == text + f"the end{END}")


def learning(parts: Parts) -> Iterator[tuple[str, float]]:
    work = _work(parts)
    ids = torch.tensor(ByteCoder().encode(work.corpus.train))
    model = assemble(parts, TINY, work.size)
    learner = Learner(parts, model, TINY, TINY.steps, 3e-3)
    yield "parameters", sum(each.numel() for each in model.parameters())
    for number in range(TINY.steps):
        batches = windows(ids, TINY, number)
        loss, norm = learner.step(number, learner.token_loss, batches, TINY.batch * TINY.length)
        yield f"the loss before step {number + 1}", loss
        yield f"the length of the gradient in step {number + 1}", norm
        yield f"the weights after step {number + 1}, as one sum", _weights(model)


def writing(parts: Parts) -> Iterator[tuple[str, float]]:
    work = _work(parts)
    model = assemble(parts, TINY, work.size)
    _roughen(model)
    prompt = ByteCoder().encode("And God said")
    cache = architecture(parts).cache(parts, TINY)
    with torch.no_grad():
        yield "the scores of a text that is read at once, as one sum", _sum(model(torch.tensor([prompt])))
        pieces = [model(torch.tensor([prompt[:5]]), cache=cache), model(torch.tensor([prompt[5:]]), cache=cache)]
        yield "the same, read in two pieces with a cache", _sum(torch.cat(pieces, 1))
    greedy = list(write(parts, model, TINY, prompt, 12, 0, temperature=0))
    yield (
        "the tokens at temperature 0, as one sum",
        float(sum(token * (place + 1) for place, token in enumerate(greedy))),
    )
    yield from drawing(parts)


def drawing(parts: Parts) -> Iterator[tuple[str, float]]:
    """How often tokens are drawn, against their probabilities after temperature, top-k and top-p."""
    scores = drawn(torch.empty(3, 12, dtype=torch.float64), "scores") * 1.5
    for temperature, top_p, top_k in ((1.0, 1.0, 0), (0.8, 0.9, 6), (1.3, 0.6, 0), (0.7, 1.0, 3)):
        want = _kept(scores / temperature, top_p, top_k)
        rows = scores.repeat_interleave(DRAWS, 0)
        got = parts.sampling.sample(
            rows, torch.Generator().manual_seed(5), temperature=temperature, top_p=top_p, top_k=top_k
        )
        shares = torch.nn.functional.one_hot(got.view(3, DRAWS), 12).double().mean(1)
        off = (shares - want).abs() > SIGMAS * (want * (1 - want) / DRAWS).sqrt() + 1e-9
        yield (
            f"tokens drawn too often or too seldom (temperature {temperature}, top_p {top_p}, top_k {top_k})",
            float(off.sum()),
        )


def _kept(logits: Tensor, top_p: float, top_k: int) -> Tensor:
    """The probabilities that are left."""
    if top_k:
        logits = torch.where(logits >= logits.topk(top_k).values[:, -1:], logits, -math.inf)
    probs = logits.softmax(-1)
    before = ((probs[:, None, :] > probs[:, :, None]) * probs[:, None, :]).sum(-1)
    probs = torch.where(before < top_p, probs, 0.0)
    return probs / probs.sum(-1, keepdim=True)


def answering(parts: Parts) -> Iterator[tuple[str, float]]:
    work, coder = _work(parts), ByteCoder()
    model = adapt(work, assemble(parts, TINY, work.size))
    asked = instructions(work.corpus.train, TINY.seed)
    yield "parameters that learn", sum(each.numel() for each in model.parameters() if each.requires_grad)
    learner = Learner(parts, model, TINY, TINY.sft_steps, 1e-2, weight_decay=0.0)
    for number in range(TINY.sft_steps):
        chosen = asked[number * 2 : number * 2 + 2]
        batch = batch_of(work, [encoded(work, coder, each.instruction, each.answer) for each in chosen])
        yield f"the tokens of batch {number + 1}, as one sum", _sum(batch["input_ids"])
        yield f"the labels of batch {number + 1}, as one sum", _sum(batch["labels"])
        yield (
            f"the loss before step {number + 1}",
            learner.step(number, learner.token_loss, [batch], targets(batch["labels"]))[0],
        )
    model = merged(work, model)
    with torch.no_grad():
        yield "the scores after adapters were merged, as one sum", _sum(model(batch["input_ids"]))


def preferring(parts: Parts) -> Iterator[tuple[str, float]]:
    work, coder = _work(parts), ByteCoder()
    model, reference = (assemble(parts, TINY, work.size) for _ in range(2))
    adapt(work, model)
    pairs = preferences(work.corpus.train, TINY.seed)
    learner = Learner(parts, model, TINY, TINY.dpo_steps, 1e-2, weight_decay=0.0)
    for number in range(TINY.dpo_steps):
        batch = paired(work, coder, pairs[number * 2 : number * 2 + 2])
        with torch.no_grad():
            logps = parts.preferences.sequence_logps(model(batch["input_ids"]), batch["labels"])
        yield f"log-probabilities of the answers before step {number + 1}, as one sum", _sum(logps)
        seen: list[float] = []
        loss, _ = learner.step(number, lambda b, seen=seen: pair_loss(work, model, reference, b, seen), [batch], 2)
        yield f"the loss before step {number + 1}", loss
        yield f"pairs told rightly before step {number + 1}", sum(seen)


def coding(parts: Parts) -> Iterator[tuple[str, float]]:
    model = nn.Linear(24, 40, bias=False, dtype=torch.float64)
    with torch.no_grad():
        model.weight.copy_(drawn(model.weight, "codes"))
        model.weight[3] = 0
        model.weight[5] *= 1e4
    s, z = parts.codes.qparams(model.weight.detach(), 8, True, axis=0)
    codes = parts.codes.quantize(model.weight.detach(), s, z, 8, True)
    yield "the scales, as one sum", _sum(s)
    yield "the codes, as one sum", _sum(codes)
    made, size = quantized(parts, model)
    yield "the bytes of codes and scales", float(size)
    yield "the weights from their codes, as one sum", _sum(made.weight)  # pyright: ignore[reportArgumentType]


def serving(parts: Parts) -> Iterator[tuple[str, float]]:
    work = _work(parts)
    model = assemble(parts, TINY, work.size)
    _roughen(model)
    served = Served(work, model, ByteCoder())
    app = parts.server.App({"genesis": lambda: served})
    status, names = ask(app, "/api/tags")
    yield "the status of GET /api/tags", float(status.split()[0])
    yield "models that are named", float(sum(each.get("name") == "genesis" for each in names[0].get("models", [])))
    for number in (1, 12):
        body = {
            "model": "genesis",
            "prompt": "And God",
            "stream": False,
            "options": {"num_predict": number, "temperature": 0},
        }
        status, lines = ask(app, "/api/generate", body)
        text = str(lines[-1].get("response", ""))
        yield f"the status of an answer of {number} tokens", float(status.split()[0])
        yield f"objects in an answer of {number} tokens", float(len(lines))
        yield (
            f"its text, as one sum of characters (num_predict {number})",
            float(sum(ord(c) * (i + 1) for i, c in enumerate(text))),
        )
        yield f"tokens of the prompt (num_predict {number})", float(lines[-1].get("prompt_eval_count", -1))
        yield f"tokens of the answer (num_predict {number})", float(lines[-1].get("eval_count", -1))
    yield (
        "the status for a model that is not there",
        float(ask(app, "/api/generate", {"model": "none", "prompt": "a"})[0].split()[0]),
    )


def _weights(model: nn.Module) -> float:
    return sum(_sum(parameter) for _, parameter in sorted(model.named_parameters()))


@torch.no_grad()
def _roughen(model: nn.Module) -> None:
    """Weights of a size at which attention and gates matter, as after some training."""
    for name, parameter in sorted(model.named_parameters()):
        parameter.add_(drawn(parameter, name) * 0.3)


PROBES = (
    Probe("Tokens", ("tokenizer",), tokens),
    Probe("Learning", (*MODEL, "loss", "training"), learning),
    Probe("Writing", (*MODEL, "sampling"), writing),
    Probe("Instructions", ("examples", "adapter", "loss", "training", *MODEL), answering),
    Probe("Preferences", ("preferences", "examples", "adapter", "training", *MODEL), preferring),
    Probe("Smaller numbers", ("codes",), coding),
    Probe("Server", ("server", *MODEL), serving),
)
