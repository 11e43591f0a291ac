"""The stages of a build. Each one takes what earlier ones left in their folders, and leaves its own there.

A stage uses the parts that it names and no others. What it measures is computed with torch's own functions, so that a wrong part can't
make its own numbers look better.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from autograder.capstone import baselines, checkpoint
from autograder.capstone.architectures import architecture
from autograder.capstone.corpus import LIKED_NOT, Corpus, Instruction, Preference, instructions, preferences
from autograder.capstone.model import (
    END,
    Learner,
    answer_loss,
    assemble,
    bits,
    count,
    drawn,
    held_out_loss,
    targets,
    windows,
    write,
)  # fmt: skip
from autograder.capstone.parts import Parts
from autograder.capstone.recipe import Recipe

WANTED_BITS = 8
BEGINNINGS = ("And God said", "In the", "And Abraham")


@dataclass
class Outcome:
    """What a stage found out: numbers for people, its curve of losses, and texts of the model."""

    metrics: dict[str, float] = field(default_factory=dict)
    curve: list[tuple[int, float]] = field(default_factory=list)  # step, loss of training
    held_out: list[tuple[int, float]] = field(default_factory=list)  # step, loss on text that is not learned from
    lines: dict[str, float] = field(default_factory=dict)  # losses to compare with, by name
    samples: list[tuple[str, str]] = field(default_factory=list)  # what was asked, what the model wrote


@dataclass
class Work:
    """What a stage works with."""

    parts: Parts
    recipe: Recipe
    corpus: Corpus
    folder: Path  # of this stage,
    folders: dict[str, Path]  # and of those before it
    tell: Callable[[int, int, float | None], None]  # step, of how many, loss
    known_size: int = 0  # of the vocabulary, where no tokenizer was trained

    @property
    def size(self) -> int:
        """Tokens of the vocabulary, with the one that ends an answer, which is the last one."""
        if self.known_size:
            return self.known_size
        return len(saved_tokenizer(self)["vocab"]) + 1

    @property
    def end(self) -> int:
        return self.size - 1


@dataclass(frozen=True)
class Stage:
    """A step of the build: `after` names the stages whose results it reads."""

    name: str
    title: str
    slots: tuple[str, ...]
    after: tuple[str, ...]
    run: Callable[[Work], Outcome]


# ---------------------------------------------------------------- tokenizer


def tokenizer(work: Work) -> Outcome:
    """Learn a vocabulary; the texts become ids."""
    recipe, text = work.recipe, work.corpus
    merges, vocab = work.parts.tokenizer.train([text.train[: recipe.characters]], recipe.vocab)
    work.tell(1, 3, None)
    coder = work.parts.tokenizer.ByteBPE(merges, vocab, {END: len(vocab)})
    ids = {}
    for number, (name, part) in enumerate((("train", text.train), ("held_out", text.held_out))):
        ids[name] = torch.tensor(coder.encode(part))
        work.tell(2 + number, 3, None)
        if coder.decode(ids[name].tolist()) != part:
            raise PartFault("tokenizer", "decode(encode(text)) is not the text")
    torch.save(ids, work.folder / "ids.pt")
    saved = {"merges": merges, "vocab": vocab}
    (work.folder / "tokenizer.json").write_text(json.dumps(saved, ensure_ascii=False), encoding="utf-8")
    tokens = len(ids["train"]) + len(ids["held_out"])
    size = len(text.train.encode()) + len(text.held_out.encode())
    pieces = [coder.decode([each]) for each in coder.encode("In the beginning God created the heaven and the earth.")]
    return Outcome(
        {"vocabulary": len(vocab), "tokens": tokens, "bytes a token": size / tokens},
        samples=[("In the beginning God created the heaven and the earth.", "|".join(pieces))],
    )


class PartFault(Exception):
    """A part gave something that no model can be built of."""

    def __init__(self, slot: str, what: str) -> None:
        super().__init__(what)
        self.slot = slot


def saved_tokenizer(work: Work) -> dict[str, Any]:
    """The merges and the vocabulary that the first stage has learned."""
    return json.loads((work.folders["tokenizer"] / "tokenizer.json").read_text(encoding="utf-8"))


def coder(work: Work) -> Any:
    """The tokenizer of the build."""
    saved = saved_tokenizer(work)
    merges = [(a, b) for a, b in saved["merges"]]
    return work.parts.tokenizer.ByteBPE(merges, saved["vocab"], {END: len(saved["vocab"])})


def texts(work: Work) -> dict[str, Tensor]:
    return torch.load(work.folders["tokenizer"] / "ids.pt")


# ---------------------------------------------------------------- pretraining


def pretrain(work: Work) -> Outcome:
    """Learn the text. What is done is kept now and then, so that a build that was stopped goes on from there."""
    recipe, ids = work.recipe, texts(work)
    vocab = work.size
    outcome = Outcome()
    model = assemble(work.parts, recipe, vocab)
    learner = Learner(work.parts, model, recipe, recipe.steps, recipe.lr)

    def one(number: int) -> float:
        batches = windows(ids["train"], recipe, number)
        return learner.step(number, learner.token_loss, batches, recipe.batch * recipe.length)[0]

    kept = checkpoint.Keeper(work.folder / "checkpoint.pt", learner)
    began = time.perf_counter()
    try:
        begun = kept.resume(one)
    except checkpoint.Stale:
        kept.done()
        return pretrain(work)
    outcome.curve, outcome.held_out = list(kept.curve), list(kept.held_out)
    for number in range(begun, recipe.steps):
        if number % recipe.eval_every == 0:
            outcome.held_out.append((number, _mean(*held_out_loss(model, ids["held_out"], recipe.length, 16))))
            kept.keep(number, outcome.curve, outcome.held_out)
        loss = one(number)
        outcome.curve.append((number, loss))
        kept.saw(number, loss)
        work.tell(number + 1, recipe.steps, loss)
    seconds = time.perf_counter() - began
    # The curve is of the same pieces of the text at all of its points; the number is of all of the text.
    outcome.held_out.append((recipe.steps, _mean(*held_out_loss(model, ids["held_out"], recipe.length, 16))))
    nats, tokens = held_out_loss(model, ids["held_out"], recipe.length)
    save(model, work.folder)
    kept.done()
    size = len(work.corpus.held_out.encode()) * tokens / len(ids["held_out"])
    outcome.metrics = {
        "parameters": count(model),
        "loss on held-out text": nats / tokens,
        "bits a byte": bits(nats) / size,
        "tokens a second": (recipe.steps - begun) * recipe.batch * recipe.length / max(seconds, 1e-9),
    }
    outcome.lines = {
        "unigram": baselines.unigram(ids["train"], ids["held_out"], vocab),
        "bigram": baselines.bigram(ids["train"], ids["held_out"], vocab),
    }
    code = coder(work)
    for number, beginning in enumerate(BEGINNINGS):
        new = list(write(work.parts, model, recipe, code.encode(beginning), 48, number))
        outcome.samples.append((beginning, code.decode(new)))
    return outcome


def _mean(total: float, tokens: int) -> float:
    return total / max(tokens, 1)


def save(model: nn.Module, folder: Path) -> None:
    torch.save({name: weight.detach().clone() for name, weight in model.state_dict().items()}, folder / "model.pt")


def load(work: Work, stage: str) -> nn.Module:
    model = assemble(work.parts, work.recipe, work.size)
    model.load_state_dict(torch.load(work.folders[stage] / "model.pt"))
    return model


# ---------------------------------------------------------------- instructions


def encoded(work: Work, code: Any, instruction: str, answer: str) -> tuple[list[int], list[int]]:
    """One example: the prompt is not learned, the answer and its end are."""
    prompt = work.parts.examples.alpaca_prompt(instruction)
    template = {"user": ("", ""), "assistant": (" ", END)}
    messages = [{"role": "user", "content": prompt}, {"role": "assistant", "content": answer}]
    return work.parts.examples.build_example(messages, lambda text: code.encode(text, {END}), template)


def batch_of(work: Work, examples: Sequence[tuple[list[int], list[int]]]) -> dict[str, Tensor]:
    return work.parts.examples.collate(list(examples), pad=work.end, max_len=work.recipe.longest)


def adapt(work: Work, model: nn.Module) -> nn.Module:
    """LoRA layers in the model, whose A the recipe's seed gives."""
    work.parts.adapter.inject(model, architecture(work.parts).adapted, work.recipe.rank, 2.0 * work.recipe.rank)
    layer: Any  # of the student's own class
    with torch.no_grad():
        for name, layer in model.named_modules():
            if isinstance(layer, work.parts.adapter.LoRALinear):
                layer.A.copy_(drawn(layer.A, f"{work.recipe.seed} {name}.A") * layer.A.shape[1] ** -0.5)
    return model


def merged(work: Work, model: nn.Module) -> nn.Module:
    """The model with plain layers again, whose weights hold what the adapters have learned."""
    kind = work.parts.adapter.LoRALinear
    layer: Any
    for name, layer in list(model.named_modules()):
        if isinstance(layer, kind):
            layer.merge()
            parent, _, own = name.rpartition(".")
            setattr(model.get_submodule(parent), own, layer.base)
    return model.requires_grad_(True)


def sft(work: Work) -> Outcome:
    """Learn to answer instructions, with adapters alone."""
    recipe, code = work.recipe, coder(work)
    model = load(work, "pretrain")
    learned = instructions(work.corpus.train, recipe.seed)
    asked = instructions(work.corpus.held_out, recipe.seed)[: recipe.answers]
    seen = [batch_of(work, [encoded(work, code, each.instruction, each.answer)]) for each in asked]
    outcome = Outcome({"answer's loss before": answer_loss(model, seen)})
    outcome.metrics["answers that end, before"] = _answers(work, model, code, asked)[0]
    adapt(work, model)
    outcome.metrics["parameters that learn"] = sum(p.numel() for p in model.parameters() if p.requires_grad)
    learner = Learner(work.parts, model, recipe, recipe.sft_steps, recipe.sft_lr, weight_decay=0.0)
    for number in range(recipe.sft_steps):
        chosen = [learned[(number * recipe.pairs + i) % len(learned)] for i in range(recipe.pairs)]
        batch = batch_of(work, [encoded(work, code, each.instruction, each.answer) for each in chosen])
        loss, _ = learner.step(number, learner.token_loss, [batch], targets(batch["labels"]))
        outcome.curve.append((number, loss))
        work.tell(number + 1, recipe.sft_steps, loss)
    model = merged(work, model)
    save(model, work.folder)
    ends, texts_written = _answers(work, model, code, asked)
    outcome.metrics["answer's loss after"] = answer_loss(model, seen)
    outcome.metrics["answers that end, after"] = ends
    outcome.samples = texts_written[:4]
    return outcome


def _answers(
    work: Work, model: nn.Module, code: Any, asked: Sequence[Instruction]
) -> tuple[float, list[tuple[str, str]]]:
    """The share of drawn answers that end by themselves within 64 tokens, and the answers."""
    written, ended = [], 0
    for number, each in enumerate(asked):
        prompt = code.encode(work.parts.examples.alpaca_prompt(each.instruction) + " ")
        new = list(write(work.parts, model, work.recipe, prompt, 64, number, end=work.end))
        ended += len(new) < 64
        written.append((each.instruction, code.decode(new)))
    return ended / max(len(asked), 1), written


# ---------------------------------------------------------------- preferences


def dpo(work: Work) -> Outcome:
    """Learn from pairs which answers are liked; the model before is the reference."""
    recipe, code, parts = work.recipe, coder(work), work.parts
    model, reference = load(work, "sft"), load(work, "sft").requires_grad_(False)
    asked = instructions(work.corpus.held_out, recipe.seed)[: recipe.answers]
    outcome = Outcome({"answers with And, before": _begun(_answers(work, model, code, asked)[1])})
    adapt(work, model)
    pairs = preferences(work.corpus.train, recipe.seed)
    learner = Learner(parts, model, recipe, recipe.dpo_steps, recipe.dpo_lr, weight_decay=0.0)
    right = 0.0
    for number in range(recipe.dpo_steps):
        chosen = [pairs[(number * recipe.pairs + i) % len(pairs)] for i in range(recipe.pairs)]
        batch = paired(work, code, chosen)
        seen: list[float] = []
        loss, _ = learner.step(
            number, lambda b, seen=seen: pair_loss(work, model, reference, b, seen), [batch], len(chosen)
        )
        right = sum(seen) / max(len(seen), 1)
        outcome.curve.append((number, loss))
        work.tell(number + 1, recipe.dpo_steps, loss)
    model = merged(work, model)
    save(model, work.folder)
    written = _answers(work, model, code, asked)[1]
    outcome.metrics |= {"answers with And, after": _begun(written), "pairs told rightly at the end": right}
    outcome.samples = written[:4]
    return outcome


def paired(work: Work, code: Any, pairs: Sequence[Preference]) -> dict[str, Tensor]:
    """The chosen answers, then the rejected ones."""
    rows = [encoded(work, code, each.instruction, each.chosen) for each in pairs]
    return batch_of(work, [*rows, *(encoded(work, code, each.instruction, each.rejected) for each in pairs)])


def pair_loss(
    work: Work, model: nn.Module, reference: nn.Module, batch: dict[str, Tensor], seen: list[float]
) -> Tensor:
    """The summed DPO loss of a batch of pairs; which pairs the model tells rightly is added to `seen`."""
    parts = work.parts
    pc, pr = parts.preferences.sequence_logps(model(batch["input_ids"]), batch["labels"]).chunk(2)
    with torch.no_grad():
        rc, rr = parts.preferences.sequence_logps(reference(batch["input_ids"]), batch["labels"]).chunk(2)
    losses, chosen, rejected = parts.preferences.dpo_loss(pc, pr, rc, rr, beta=work.recipe.beta)
    seen += (chosen > rejected).double().tolist()
    return losses.sum()


def _begun(written: Sequence[tuple[str, str]]) -> float:
    return sum(text.lstrip().startswith(LIKED_NOT) for _, text in written) / max(len(written), 1)


# ---------------------------------------------------------------- smaller numbers


@torch.no_grad()
def quantized(parts: Parts, model: nn.Module) -> tuple[nn.Module, int]:
    """Each matrix as eight-bit codes with a scale for each row, and back; and how many bytes codes and scales take."""
    size = 0
    for parameter in model.parameters():
        if parameter.ndim < 2:
            size += parameter.numel() * parameter.element_size()
            continue
        s, z = parts.codes.qparams(parameter, WANTED_BITS, True, axis=0)
        codes = parts.codes.quantize(parameter, s, z, WANTED_BITS, True)
        parameter.copy_(parts.codes.dequantize(codes, s, z))
        size += codes.numel() * codes.element_size() + s.numel() * s.element_size()
    return model, size


def quantize(work: Work) -> Outcome:
    """The model in a quarter of its bytes."""
    recipe, ids = work.recipe, texts(work)
    model = load(work, "dpo")
    before = _mean(*held_out_loss(model, ids["held_out"], recipe.length, 32))
    bytes_before = sum(parameter.numel() * parameter.element_size() for parameter in model.parameters())
    work.tell(1, 2, None)
    model, size = quantized(work.parts, model)
    after = _mean(*held_out_loss(model, ids["held_out"], recipe.length, 32))
    save(model, work.folder)
    work.tell(2, 2, None)
    return Outcome(
        {
            "megabytes before": bytes_before / 1e6,
            "megabytes after": size / 1e6,
            "loss before": before,
            "loss after": after,
        }
    )


# ---------------------------------------------------------------- a server


class Served:
    """The model as `framework/ollama_server` asks for it."""

    def __init__(self, work: Work, model: nn.Module, code: Any) -> None:
        self.work, self.model, self.code = work, model, code
        self.eos = work.end

    def encode(self, text: str) -> list[int]:
        return self.code.encode(text) or [self.eos]

    def prompt(self, messages: list[dict[str, str]]) -> str:
        said = "\n".join(each["content"] for each in messages if each["role"] == "user")
        return self.work.parts.examples.alpaca_prompt(said) + " "

    def piece(self, token: int) -> bytes:
        return (
            b""
            if token == self.eos
            else self.code.decode([token], "surrogateescape").encode("utf-8", "surrogateescape")
        )

    @torch.no_grad()
    def logits(self, tokens: list[int]) -> Tensor:
        return self.model(torch.tensor([tokens[-self.work.recipe.longest :]]))[0, -1].double()


def application(work: Work, stage: str = "quantize") -> Any:
    """The WSGI application that serves the model, by the name "genesis"."""
    return work.parts.server.App({"genesis": lambda: Served(work, load(work, stage), coder(work))})


def ask(app: Any, path: str, body: dict[str, Any] | None = None) -> tuple[str, list[dict[str, Any]]]:
    """What the application answers to one request: the status, and the objects of the body."""
    import io

    data = b"" if body is None else json.dumps(body).encode()
    environ = {"REQUEST_METHOD": "GET" if body is None else "POST", "PATH_INFO": path, "CONTENT_LENGTH": str(len(data)),
               "CONTENT_TYPE": "application/json", "wsgi.input": io.BytesIO(data)}  # fmt: skip
    said: list[str] = []
    answer = b"".join(app(environ, lambda status, headers, *_: said.append(status)))
    return said[0], [json.loads(line) for line in answer.split(b"\n") if line.strip()]


def serve(work: Work) -> Outcome:
    """Ask the server what it has, and for an answer."""
    app = application(work)
    status, names = ask(app, "/api/tags")
    if not status.startswith("200") or "genesis" not in json.dumps(names):
        raise PartFault("server", f"GET /api/tags answers {status}: {json.dumps(names)[:200]}")
    work.tell(1, 2, None)
    outcome = Outcome()
    began, tokens = time.perf_counter(), 0
    for instruction in ("Write a verse about Abraham.", "Write a verse about water."):
        prompt = work.parts.examples.alpaca_prompt(instruction) + " "
        body = {"model": "genesis", "prompt": prompt, "stream": False, "options": {"num_predict": 64, "temperature": 0}}
        status, lines = ask(app, "/api/generate", body)
        if not status.startswith("200") or not lines or "response" not in lines[-1]:
            raise PartFault("server", f"POST /api/generate answers {status}: {json.dumps(lines)[:200]}")
        tokens += int(lines[-1].get("eval_count", 0))
        outcome.samples.append((instruction, "".join(str(line.get("response", "")) for line in lines)))
    outcome.metrics = {"tokens a second, served": tokens / (time.perf_counter() - began), "megabytes in memory": peak()}
    work.tell(2, 2, None)
    return outcome


def peak() -> float:
    """The most memory that this process has had, in megabytes."""
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / (1e6 if sys.platform == "darwin" else 1e3)


MODEL = ("model", "attention", "positions", "norm")
"""The network itself; an architecture may lack one of them."""
LEARNS = (*MODEL, "loss", "training")
STAGES = (
    Stage("tokenizer", "Tokens", ("tokenizer",), (), tokenizer),
    Stage("pretrain", "Pretraining", ("tokenizer", *LEARNS, "sampling"), ("tokenizer",), pretrain),
    Stage(
        "sft", "Instructions", ("tokenizer", *LEARNS, "sampling", "examples", "adapter"), ("tokenizer", "pretrain"), sft
    ),
    Stage(
        "dpo",
        "Preferences",
        ("tokenizer", *LEARNS, "sampling", "examples", "adapter", "preferences"),
        ("tokenizer", "sft"),
        dpo,
    ),
    Stage("quantize", "Smaller numbers", ("tokenizer", *MODEL, "codes"), ("tokenizer", "dpo"), quantize),
    Stage("serve", "Server", ("tokenizer", *MODEL, "examples", "server"), ("tokenizer", "quantize"), serve),
)
