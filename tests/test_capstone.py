"""`autograder build`: parts are found and exchanged, stages are kept and gone on with, a wrong part is named, the model loads elsewhere."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch

from autograder.capstone import equivalents
from autograder.capstone import stages as stages_of
from autograder.capstone.baselines import bigram, unigram
from autograder.capstone.blame import Runs, blame, difference
from autograder.capstone.build import Build, BuildError
from autograder.capstone.corpus import corpus, instructions, preferences
from autograder.capstone.export import export
from autograder.capstone.model import Learner, assemble, windows
from autograder.capstone.page import write_page
from autograder.capstone.parts import MODELS, Filled, Parts, base_parts, equivalent, own_parts, places, unwritten
from autograder.capstone.probes import PROBES, TINY, TOKENS
from autograder.capstone.recipe import Recipe
from autograder.course.load import load_course

ROOT = Path(__file__).resolve().parent.parent
SMALL = Recipe(
    "small", characters=4_000, vocab=300, dim=32, layers=2, heads=4, kv_heads=2, ffn=48, length=24, longest=200, batch=4,
    steps=12, warmup=2, eval_every=4, sft_steps=3, dpo_steps=2, pairs=2, answers=2,
)  # fmt: skip


@pytest.fixture(scope="module")
def base() -> Parts:
    return base_parts(ROOT)


@pytest.fixture(scope="module", params=list(MODELS))
def of_each(request) -> Parts:
    """The right parts of each architecture."""
    return base_parts(ROOT, request.param)


@pytest.fixture(scope="module")
def runs() -> Runs:
    """What probes gave for the references, for all tests."""
    return Runs()


class Quiet:
    """Listens, and remembers which stages were run."""

    def __init__(self, stop_at: tuple[str, int] | None = None) -> None:
        self.ran: list[str] = []
        self.steps: list[int] = []
        self.stop_at = stop_at

    def began(self, stage) -> None:
        self.ran.append(stage.name)

    def step(self, stage, number, of, loss) -> None:
        self.steps.append(number)
        if (stage.name, number) == self.stop_at:
            raise KeyboardInterrupt

    def done(self, stage, result) -> None:
        assert result.stage == stage.name


def planted(base: Parts, slot: str, old: str, new: str) -> Parts:
    """References as own parts, with a change in one of them."""
    filled = {name: dataclasses.replace(each, origin="own") for name, each in base.filled.items()}
    text = filled[slot].text
    assert text.count(old) == 1
    filled[slot] = dataclasses.replace(filled[slot], text=text.replace(old, new), file=f"mine/{slot}.py")
    return Parts(filled, base.architecture)


def equivalents_of(parts: Parts) -> Parts:
    return Parts({part.slot: equivalent(part) for part in places(parts.architecture)}, parts.architecture)


# ---------------------------------------------------------------- parts


def test_every_part_is_written_in_its_reference(of_each: Parts) -> None:
    assert {each.origin for each in of_each.filled.values()} == {"reference"}
    for each in of_each.filled.values():
        assert unwritten(each.text, each.part.names) == []


@pytest.mark.parametrize("model", list(MODELS))
def test_stubs_are_no_parts(model: str) -> None:
    parts = own_parts(ROOT, load_course(ROOT), model)
    for each in parts.filled.values():
        assert each.origin == "reference"
        assert each.why.startswith("not written: ")


def test_methods_and_functions_that_are_not_written_are_named() -> None:
    text = "class A:\n    def f(self):\n        raise NotImplementedError\n    def g(self):\n        return 1\n"
    text += "def h(x):\n    if x:\n        raise NotImplementedError('negative')\n    return x\n"
    assert unwritten(text, ("A", "h", "k")) == ["A.f", "k"]


def test_equivalents_do_what_the_references_do(of_each: Parts, runs: Runs) -> None:
    base, other = of_each, equivalents_of(of_each)
    for probe in PROBES:
        if probe.slots != ("tokenizer",):  # another method: other tokens, of which each text is made all the same
            assert difference(runs.of(probe, base), runs.of(probe, other)) == "", probe.title


def test_the_equivalent_tokenizer_gives_every_text_again() -> None:
    text = corpus().held_out[:3000] + "你好 naïve \x00"
    merges, vocab = equivalents.train([corpus().train[:20_000]], 400)
    coder = equivalents.ByteBPE(merges, vocab, {"<|end|>": len(vocab)})
    assert coder.decode(coder.encode(text)) == text
    assert len(vocab) == 400
    assert len(coder.encode(text)) < 0.75 * len(text.encode())
    assert coder.encode("a<|end|>", {"<|end|>"})[-1] == 400


# ---------------------------------------------------------------- the text


def test_no_stage_learns_from_what_is_held_out() -> None:
    text = corpus()
    held = {each.answer for each in instructions(text.held_out, 1)}
    learned = {each.answer for each in instructions(text.train, 1)}
    assert len(held) > 50 and len(learned) > 500
    assert len(held & learned) < 0.1 * len(held)  # some verses are in the book twice
    for pair in preferences(text.train, 1):
        assert not pair.chosen.startswith("And") and pair.rejected.startswith("And")


def test_baselines_of_a_text_that_bigrams_know() -> None:
    ids = torch.tensor([0, 1, 2] * 400)
    assert unigram(ids, ids, 3) == pytest.approx(torch.log(torch.tensor(3.0)).item(), abs=1e-2)
    assert bigram(ids, ids, 3) == pytest.approx(-torch.log(torch.tensor(0.9 + 0.1 / 3)).item(), abs=1e-2)


# ---------------------------------------------------------------- building


@pytest.fixture(scope="module")
def built(base: Parts, tmp_path_factory) -> tuple[Build, dict]:
    made = Build(base, SMALL, tmp_path_factory.mktemp("build"))
    return made, made.run(Quiet())


def test_a_build_leaves_what_each_stage_found_out(built) -> None:
    made, results = built
    assert list(results) == ["tokenizer", "pretrain", "sft", "dpo", "quantize", "serve"]
    pretrain = results["pretrain"].outcome
    assert [step for step, _ in pretrain.curve] == list(range(12))
    assert pretrain.curve[-1][1] < pretrain.curve[0][1]
    assert pretrain.metrics["parameters"] == sum(
        each.numel() for each in stages_of.load(made.work(stages_of.STAGES[2]), "pretrain").parameters()
    )
    assert (
        results["quantize"].outcome.metrics["megabytes after"]
        < 0.4 * results["quantize"].outcome.metrics["megabytes before"]
    )
    assert len(results["serve"].outcome.samples) == 2


def test_what_did_not_change_is_not_run_again(built, base: Parts) -> None:
    made, _ = built
    quiet = Quiet()
    made.run(quiet)
    assert quiet.ran == []
    changed = planted(base, "codes", "q = torch.round(x / _fit", "q = torch.round( x / _fit")
    other = Build(changed, SMALL, made.folder)
    assert set(other.results()) == {"tokenizer", "pretrain", "sft", "dpo"}


def test_a_stopped_build_goes_on_where_it_was(base: Parts, built, tmp_path: Path) -> None:
    _, whole = built
    made = Build(base, SMALL, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        made.run(Quiet(("pretrain", 8)))
    quiet = Quiet()
    results = made.run(quiet, until="pretrain")
    assert quiet.ran == ["pretrain"]
    assert min(quiet.steps) > 4  # two steps after the kept one are made again
    assert results["pretrain"].outcome.curve == whole["pretrain"].outcome.curve
    assert (
        results["pretrain"].outcome.metrics["loss on held-out text"]
        == whole["pretrain"].outcome.metrics["loss on held-out text"]
    )


def test_an_optimizer_that_loses_its_state_begins_anew(base: Parts, built, tmp_path: Path) -> None:
    """State by `id(parameter)` can't be kept: the stage sees that, and begins anew with the same result."""
    _, whole = built
    parts = planted(
        base, "training", "        self.t = [0 for _ in self.params]",
        "        self.t = [0 for _ in self.params]\n        self.known = {id(p) for p in self.params}",
    )  # fmt: skip
    parts = Parts({**parts.filled, "training": dataclasses.replace(
        parts.filled["training"],
        text=parts.filled["training"].text.replace(
            "            if p.grad is None:\n                continue\n            self.t[i] += 1",
            "            if p.grad is None or id(p) not in self.known:\n                continue\n            self.t[i] += 1",
        ),
    )})  # fmt: skip
    made = Build(parts, SMALL, tmp_path)
    with pytest.raises(KeyboardInterrupt):
        made.run(Quiet(("pretrain", 8)))
    quiet = Quiet()
    results = made.run(quiet, until="pretrain")
    assert min(quiet.steps) == 1
    assert results["pretrain"].outcome.curve == whole["pretrain"].outcome.curve


def test_a_part_that_raises_is_named_with_its_line(base: Parts, tmp_path: Path) -> None:
    parts = planted(
        base,
        "loss",
        "    logits, targets = logits[:, :-1], labels[:, 1:]",
        "    logits, targets = logits[:, :-1], nothing",
    )
    with pytest.raises(BuildError, match="name 'nothing' is not defined") as caught:
        Build(parts, SMALL, tmp_path).run(Quiet())
    assert caught.value.part is not None and caught.value.part.exercise == "warmup/causal_lm_loss"
    assert caught.value.frames.startswith("mine/loss.py:")


def test_a_tokenizer_that_loses_text_is_named(base: Parts, tmp_path: Path) -> None:
    text = (
        base.filled["tokenizer"].text
        + "\n_decode = ByteBPE.decode\nByteBPE.decode = lambda self, ids, errors='replace': _decode(self, ids[1:])\n"
    )
    parts = Parts({**base.filled, "tokenizer": Filled(base.filled["tokenizer"].part, "own", "mine/bbpe.py", text)})
    with pytest.raises(BuildError, match="is not the text") as caught:
        Build(parts, SMALL, tmp_path).run(Quiet())
    assert caught.value.part is not None and caught.value.part.slot == "tokenizer"


def test_the_page_asks_nothing_of_any_other_place(built) -> None:
    made, results = built
    page = write_page(made, results).read_text(encoding="utf-8")
    assert "http" not in page and "<script" not in page
    for title in ("Tokens", "Pretraining", "Instructions", "Preferences", "Smaller numbers", "Server"):
        assert f"<h2>{title}</h2>" in page
    assert page.count("<polyline") == 4  # training and held-out loss, instructions, preferences


@pytest.fixture(scope="module")
def built_gpt2(tmp_path_factory) -> tuple[Build, dict]:
    made = Build(base_parts(ROOT, "gpt2"), SMALL, tmp_path_factory.mktemp("gpt2"))
    return made, made.run(Quiet())


def test_a_gpt2_goes_through_all_stages(built, built_gpt2) -> None:
    """The same tokens and baselines as a Llama has, another network; a prompt longer than its positions is cut, not refused."""
    (_, llama), (made, results) = built, built_gpt2
    assert list(results) == list(llama)
    assert results["tokenizer"].outcome == llama["tokenizer"].outcome
    assert results["pretrain"].outcome.lines == llama["pretrain"].outcome.lines
    assert results["pretrain"].outcome.curve[-1][1] < results["pretrain"].outcome.curve[0][1]
    model = stages_of.load(made.work(stages_of.STAGES[-1]), "pretrain")
    assert {"transformer.wpe.weight", "transformer.h.1.attn.c_attn.bias"} <= set(model.state_dict())
    app = stages_of.application(made.work(stages_of.STAGES[-1]))
    body = {"model": "genesis", "prompt": "And he said. " * 200, "stream": False, "options": {"num_predict": 3}}
    status, lines = stages_of.ask(app, "/api/generate", body)
    assert status.startswith("200") and lines[-1]["done"]


@pytest.mark.parametrize(("model", "kind"), [("built", "LlamaForCausalLM"), ("built_gpt2", "GPT2LMHeadModel")])
def test_the_model_gives_the_same_logits_in_transformers(model: str, kind: str, request, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    made, _ = request.getfixturevalue(model)
    export(made, tmp_path)
    theirs = transformers.AutoModelForCausalLM.from_pretrained(tmp_path)
    assert type(theirs).__name__ == kind
    ours = stages_of.load(made.work(stages_of.STAGES[-1]), "dpo")
    ids = torch.arange(20)[None] * 7
    with torch.no_grad():
        torch.testing.assert_close(theirs(ids).logits, ours(ids), atol=1e-5, rtol=1e-5)
    vocab = json.loads((tmp_path / "vocab.json").read_text(encoding="utf-8"))
    assert sorted(vocab.values()) == list(range(301))


# ---------------------------------------------------------------- blame


def test_the_recorded_tokens_are_the_reference_s(base: Parts, runs: Runs) -> None:
    assert runs.of(PROBES[0], base).numbers == TOKENS


@pytest.mark.parametrize(
    ("slot", "old", "new"),
    [
        ("attention", "q.shape[-1] ** -0.5", "q.shape[-1] ** -1.0"),
        (
            "positions",
            "torch.arange(0, D, 2, dtype=torch.float64) / D)",
            "torch.arange(0, D, 2, dtype=torch.float64) / (2 * D))",
        ),
        ("norm", "mean_square + eps", "mean_square + 2 * eps"),
        ("loss", "labels[:, 1:]  #", "labels[:, :-1]  #"),
        ("training", "m_hat = m / (1 - beta1**t)", "m_hat = m"),
        ("sampling", "probs.cumsum(-1) - probs >= p", "probs.cumsum(-1) >= p"),
        ("codes", "hi) / high if symmetric", "hi) / (high + 1) if symmetric"),
        ("adapter", "alpha / (math.sqrt(r) if rslora else r)", "alpha"),
    ],
)
def test_the_part_at_fault_is_named(base: Parts, runs: Runs, slot: str, old: str, new: str) -> None:
    found = blame(planted(base, slot, old, new), base, runs=runs)
    assert [each.part.slot for each in found] == [slot]
    assert found[0].what


@pytest.mark.parametrize(
    ("slot", "old", "new"),
    [
        ("attention", "D**-0.5 if scale", "D**-0.501 if scale"),
        ("norm", "torch.rsqrt(variance + eps)", "torch.rsqrt(variance + 10 * eps)"),
        ("model", "x + self.mlp(self.ln_2(x))", "x + self.mlp(self.ln_2(x - out))"),
    ],
)
def test_the_part_at_fault_of_a_gpt2_is_named(runs: Runs, slot: str, old: str, new: str) -> None:
    base = base_parts(ROOT, "gpt2")
    text = base.filled[slot].text
    changed = dataclasses.replace(base.filled[slot], origin="own", text=text.replace(old, new))
    found = blame(Parts({**base.filled, slot: changed}, "gpt2"), base, runs=runs)
    assert [each.part.slot for each in found] == [slot]


def test_right_parts_are_not_blamed(of_each: Parts, runs: Runs) -> None:
    own = {name: dataclasses.replace(each, origin="own") for name, each in of_each.filled.items()}
    assert blame(Parts(own, of_each.architecture), equivalents_of(of_each), runs=runs) == []


def test_two_wrong_parts_are_both_named(base: Parts, runs: Runs) -> None:
    one = planted(base, "attention", "q.shape[-1] ** -0.5", "q.shape[-1] ** -1.0")
    two = planted(base, "loss", "labels[:, 1:]  #", "labels[:, :-1]  #")
    both = one.exchanged(two, ["loss"])
    assert {each.part.slot for each in blame(both, base, runs=runs)} == {"attention", "loss"}


def test_what_a_part_leaves_switched_off_is_blamed_on_nobody_else(base: Parts) -> None:
    """One that switches gradients off and floats to another width, for good: the probes that come after it run as ever."""
    switched = "torch.set_grad_enabled(False)\ntorch.set_default_dtype(torch.float64)\n"
    first = "import torch\n"
    wrong = planted(base, "sampling", first, first + switched)
    before = torch.is_grad_enabled(), torch.get_default_dtype()
    assert {each.part.slot for each in blame(wrong, base)} <= {"sampling"}
    assert (torch.is_grad_enabled(), torch.get_default_dtype()) == before


def test_steps_do_not_hang_on_what_was_drawn_before(base: Parts) -> None:
    ids = torch.arange(500) % 97
    losses = []
    for noise in (0, 5):
        torch.manual_seed(noise)
        torch.rand(noise)
        learner = Learner(base, assemble(base, TINY, 100), TINY, 4, 1e-3)
        losses.append([learner.step(n, learner.token_loss, windows(ids, TINY, n), 96) for n in range(2)])
    assert losses[0] == losses[1]
