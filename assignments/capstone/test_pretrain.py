"""Public checks of capstone/pretrain: run `pytest` on this file, or `autograder check capstone/pretrain`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import math
import torch
from torch import nn
from autograder.checks import case, check, difference, flags, implausible, lab, raises, reject
from autograder.lab.exam import Language, mean_loss, unfinished


MOST = 30_000


PROMPT = 8


STEPS = 150


LEARNS, LEARNS_WELL = 1.0, 0.5


def sequences(rng, vocab=5, B=2, T=6, at=3, N=300):
    """A text to learn from, and a batch in which one token will be another one."""
    language = Language.drawn(rng, vocab)
    ids = rng.integers(0, vocab, B, T)
    other = ids.clone()
    other[:, at] = (ids[:, at] + rng.integer(1, vocab)) % vocab
    return {
        "text": torch.tensor(language.text(rng, N)),
        "vocab": vocab,
        "ids": ids,
        "other": other,
        "at": at,
        "seed": rng.integer(0, 2**31),
    }


def looks_back_only(seen, want, inputs):
    """Before the token that is another one nothing changes, from it on something does; shorter and alone is the same."""
    if seen["parameters' dtypes"] != want["parameters' dtypes"]:
        return difference(seen["parameters' dtypes"], want["parameters' dtypes"])
    logits, at = seen["logits"], inputs["at"]
    if not bool(logits.isfinite().all()):
        return reject("The logits of a model after a few steps are not finite.")
    changed = (seen["another token"] - logits).abs().amax((0, 2))
    if bool((changed[:at] > 1e-5).any()):
        return reject(
            "The logits at place {place} change when the token at place {at} does: they look ahead.",
            place=int((changed[:at] > 1e-5).nonzero()[0]), at=at,
        )  # fmt: skip
    if not bool((changed[at:] > 1e-7).any()):
        return reject("No logits change when the token at place {at} does: the model does not look at it.", at=at)
    if difference(seen["cut"], logits[:, : at + 1]) is not None:
        return reject("The first {n} tokens alone give other logits than in front of the others.", n=at + 1)
    if difference(seen["one row"], logits[-1:]) is not None:
        return reject("A sequence alone gives other logits than in a batch.")
    if difference(seen["asked"], logits[-1, -1]) is not None:
        return reject("`next_logits` gives other logits than the model has at the last place of the same tokens.")
    return None


@check(points=1, inputs=sequences, judge=looks_back_only, lecture='a-model-that-looks-back', public=[case('two sequences of six tokens')])
def logits_look_back_only(student, text, vocab, ids, other, at, seed):
    """The logits at a place depend on the tokens up to it, not on later ones, and not on other rows."""
    model = student.pretrain(text, vocab, 4, seed)
    with torch.no_grad():
        return {
            "logits": model(ids),
            "another token": model(other),
            "cut": model(ids[:, : at + 1]),
            "one row": model(ids[-1:]),
            "asked": student.next_logits(model, ids[-1].tolist()),
            "parameters' dtypes": sorted({f"{p.dtype} {p.requires_grad}" for p in model.parameters()}),
        }


def small_and_of_its_seed(seen, want):
    """Few parameters, and the same ones for the same seed."""
    if difference(seen["global"], want["global"]) is not None:
        return reject("torch's global generator is not as it was before `build_model`.")
    first, again, other = seen["shapes"]
    count = sum(math.prod(shape) for shape in first)
    if not 0 < count <= MOST:
        return reject("The model has {count} parameters. It may have {most}.", count=count, most=MOST)
    if again != first or other != first:
        return reject("Models of the same vocabulary have parameters of different shapes.")
    first, again, other = seen["parameters"]
    if not torch.equal(again, first):
        return reject("The same seed gives different parameters. They hang on what was drawn before.")
    if torch.equal(other, first):
        return reject("Another seed gives the same parameters.")
    first, again, other = seen["asked"]
    if not torch.equal(again, first):
        return reject("Models of the same seed give different logits.")
    if torch.equal(other, first):
        return reject("Models of different seeds give the same logits.")
    return difference(seen["logits' shapes"], want["logits' shapes"])


@check(points=1, judge=small_and_of_its_seed, lecture='a-model-that-looks-back', public=[case('16 tokens', vocab=16, seeds=[3, 4])])
def the_seed_makes_the_model(student, vocab, seeds):
    """`build_model` makes the same small model for the same seed, another one for another seed, and draws from no global generator."""
    made, drawn = [], []
    for number, seed in enumerate((seeds[0], seeds[0], seeds[1])):
        torch.manual_seed(number)
        made.append(student.build_model(vocab, seed))
        drawn.append(torch.rand(2))
    with torch.no_grad():
        shapes = [list(model(torch.zeros(2, 3, dtype=torch.int64)).shape) for model in made]
    return {
        "shapes": [[list(p.shape) for p in model.parameters()] for model in made],
        "parameters": [numbers(model) for model in made],
        "global": drawn,
        "logits' shapes": shapes,
        "asked": [student.next_logits(model, [0, 1, 1, 0]) for model in made],
    }


def exams(rng, vocab=16, lag=None, N=2500, length=120):
    """A text to learn from, and an exam in the same language."""
    language = Language.drawn(rng, vocab, lag)
    held_out = language.text(rng, PROMPT + length)
    return {
        "ids": torch.tensor(language.text(rng, N)),
        "vocab": vocab,
        "seed": rng.integer(0, 2**31),
        "exam": lab("exam", tokens=held_out, given=PROMPT, vocab=vocab, best=language.loss(held_out, PROMPT)),
    }


def marked(text, record, exam, bound):
    wrong = unfinished(record, exam)
    if wrong is not None:
        return wrong
    if (other := difference(text, exam["tokens"])) is not None:
        return other
    loss, best = mean_loss(record), exam["best"]
    if not loss <= best + bound:
        return reject(
            "In the exam the mean loss is {loss} nats. The language itself has {best}, and at most {most} are asked for.",
            loss=round(loss, 3), best=round(best, 3), most=round(best + bound, 3),
        )  # fmt: skip
    return None


def learns(seen, record, inputs):
    """Less than half of what there is to learn is missing."""
    return marked(seen, record, inputs["exam"], LEARNS)


def learns_well(seen, record, inputs):
    """Nearly all that there is to learn is learned."""
    return marked(seen, record, inputs["exam"], LEARNS_WELL)


@check(points=2, inputs=exams, judge=learns, lecture='the-exam', public=[case('16 tokens, the token two places before', lag=2)])
def it_learns(student, ids, vocab, seed, exam):
    """After 150 steps the mean loss on held-out text is at most 1 nat above that of the language itself."""
    return sit(student, student.pretrain(ids, vocab, STEPS, seed), exam)


@check(points=2, inputs=exams, judge=learns_well, lecture='the-exam', public=[case('16 tokens, the token four places before', lag=4)])
def it_learns_well(student, ids, vocab, seed, exam):
    """After 150 steps the mean loss on held-out text is at most 0.5 nats above that of the language itself."""
    return sit(student, student.pretrain(ids, vocab, STEPS, seed), exam)


def sit(student, model, exam):
    """Predict one token after the other, until the exam is over: the whole text."""
    text = list(exam.prompt)
    for _ in range(exam.length):
        text.append(exam.next(student.next_logits(model, text)))
    return text


def short(rng, vocab=8, N=200, steps=3):
    language = Language.drawn(rng, vocab)
    return {
        "ids": torch.tensor(language.text(rng, N)),
        "other_ids": torch.tensor(language.text(rng, N)),
        "vocab": vocab,
        "steps": steps,
        "seeds": [rng.integer(0, 2**31) for _ in range(2)],
    }


def the_seed_decides(seen, want, case):
    """Same seed, same model; another seed, another one; no step, no change."""
    if difference(seen["global"], want["global"]) is not None:
        return reject("torch's global generator is not as it was before `pretrain`.")
    if (left := difference(seen["left"], want["left"])) is not None:
        return left
    first = seen["first"]
    if not torch.equal(seen["again"], first):
        return reject("The same arguments give different models. Something hangs on what was drawn before.")
    if not torch.equal(seen["without gradients outside"], first):
        return reject("Under torch.no_grad() of the caller, `pretrain` gives another model.")
    if not torch.equal(seen["a view"], first):
        return reject("The same text as a view of other data, which is not contiguous, gives another model.")
    if torch.equal(seen["another text"], first):
        return reject("Another text of the same length gives the same model.")
    if torch.equal(seen["another seed"], first):
        return reject("Another seed gives the same model.")
    if not torch.equal(seen["no step"], seen["untrained"]):
        return reject("After no steps the model is not the one of build_model(vocab, seed).")
    if torch.equal(first, seen["untrained"]):
        return reject("{steps} steps leave the model as it is.", steps=case.get("steps", 3))
    if torch.equal(first, seen["more steps"]):
        return reject("More steps give the same model.")
    if not torch.equal(seen["after it was asked"], first):
        return reject("A model that was asked with `next_logits` is not the same afterwards.")
    if not torch.equal(seen["after its twin was changed"], first):
        return reject("Two calls with the same arguments give one and the same model: who changes one changes the other.")
    if difference(seen["asked"][0], seen["the model itself"]) is not None:
        return reject("`next_logits` gives other logits than the trained model has at the last place.")
    if difference(seen["asked"][0], seen["asked"][-1]) is not None:
        return reject("The same question to `next_logits` has another answer the second time.")
    return None


@check(points=1, inputs=short, judge=the_seed_decides, lecture='only-the-seed-decides', public=[case('three steps', steps=3)])
def only_the_seed_decides(student, ids, other_ids, vocab, steps, seeds):
    """`pretrain` gives the same model for the same arguments, bit for bit, and touches nothing else."""
    drawn, models = [], []

    def trained(number, steps, seed, text=ids):
        torch.manual_seed(number)
        models.append(student.pretrain(text, vocab, steps, seed))
        drawn.append(torch.rand(2))
        return numbers(models[-1])

    seen = {
        "first": trained(1, steps, seeds[0]),
        "again": trained(2, steps, seeds[0]),
        "a view": trained(1, steps, seeds[0], torch.stack([ids, other_ids], 1)[:, 0]),
        "another text": trained(1, steps, seeds[0], other_ids),
        "another seed": trained(1, steps, seeds[1]),
        "no step": trained(3, 0, seeds[0]),
        "more steps": trained(3, steps + 4, seeds[0]),
        "untrained": numbers(student.build_model(vocab, seeds[0])),
    }
    with torch.no_grad():
        seen["the model itself"] = models[0](ids[None, :9])[0, -1]
        seen["without gradients outside"] = trained(4, steps, seeds[0])
        left = torch.is_grad_enabled()
    seen["asked"] = [student.next_logits(models[0], ids[:n].tolist()) for n in (9, 1, 16, 17, 9)]
    seen["after it was asked"] = numbers(models[0])
    with torch.no_grad():
        for each in models[1].parameters():
            each.add_(1.0)
    seen["after its twin was changed"] = numbers(models[0])
    modes = [[model.training, *sorted({m.training for m in model.modules()})] for model in models]
    return seen | {"global": drawn, "left": [flags(ids), modes, left]}


def numbers(model):
    """Eight of the parameters, and two sums over all of them."""
    row = torch.cat([p.detach().flatten().double() for p in model.parameters()])
    some = row[torch.arange(8) * len(row) // 8]
    return torch.cat([some, row.sum()[None], (row * torch.arange(len(row)).cos()).sum()[None]])


class Watched(nn.Module):
    """A model whose logits hang on the last two tokens and on how many it sees. It writes down how it is called. A part of it is frozen."""

    def __init__(self, table):
        super().__init__()
        self.table = nn.Parameter(table.clone())
        self.places = nn.Parameter(table[0].clone(), requires_grad=False)
        self.dropout = nn.Dropout(0.5)
        self.calls = []

    def forward(self, ids):
        self.calls.append([ids.shape[1], str(ids.dtype), self.training])
        before = torch.cat([ids[:, :1], ids[:, :-1]], 1)
        lengths = torch.arange(1, ids.shape[1] + 1)[:, None] * 0.01
        return self.dropout(self.table[ids] + 0.5 * self.table[before].flip(-1)) + lengths * self.places


def prefixes(rng, vocab=7, lengths=(1, 2)):
    return {
        "table": rng.normal(vocab, vocab, scale=2.0),
        "prefixes": [rng.integers(0, vocab, n).tolist() for n in lengths],
    }


@check(points=1, inputs=prefixes, lecture='writing', public=[case('one token, and five', lengths=(1, 5)), case('more than the context', lengths=(15, 16, 17, 30))])
def next_logits_sees_the_last_tokens(student, table, prefixes):
    """`next_logits` gives the model's logits after the last CONTEXT tokens, in evaluation mode, without a gradient."""
    model = Watched(table)
    held, seen = list(model.parameters()), []
    for training in (True, False):
        model.train(training)
        for prefix in prefixes:
            logits = student.next_logits(model, prefix)
            seen.append([logits, logits.requires_grad, flags(model)])
    return {
        "logits": seen,
        "called with": [
            max(each) if i == 0 else sorted(set(each)) for i, each in enumerate(zip(*model.calls, strict=True))
        ],
        "still held": still_held(model, held, prefixes[0]),
        "no prefix": raises("ValueError", lambda: student.next_logits(model, [])),
    }


def still_held(model, held, prefix):
    """The parameters that were held before, and what the model says when these very objects are changed."""
    values = [each.detach().clone() for each in held]
    with torch.no_grad():
        for each in held:
            each.add_(1.0)
        return [*values, model.eval()(torch.tensor([prefix]))]


def chains(rng, vocab=4, temperature=1.0, n=800):
    return {
        "table": rng.normal(vocab, vocab, scale=1.5),
        "temperature": temperature,
        "n": n,
        "start": rng.integer(0, vocab),
        "seed": rng.integer(0, 2**31),
    }


def as_often_as_they_should(seen, inputs):
    """Each token follows each token as often as the softmax says."""
    table, n = inputs["table"], inputs["n"]
    vocab = len(table)
    if len(seen) != n or not all(type(token) is int and 0 <= token < vocab for token in seen):
        return reject("`generate` does not return {n} ids of tokens.", n=n)
    text = torch.tensor([inputs["start"], *seen])
    counts = torch.zeros(vocab, vocab, dtype=torch.int64)
    counts.index_put_((text[:-1], text[1:]), torch.ones(n, dtype=torch.int64), accumulate=True)
    probabilities = (table.double() / inputs["temperature"]).softmax(-1)
    seen_first = counts.sum(1, keepdim=True)
    if implausible(counts.flatten(), (probabilities * seen_first / n).flatten()):
        token = int((counts - probabilities * seen_first).abs().sum(1).argmax())
        return reject(
            "After token {token} the next tokens come {counts} times. Their probabilities are {probabilities}.",
            token=token, counts=counts[token].tolist(), probabilities=[round(p, 3) for p in probabilities[token].tolist()],
        )  # fmt: skip
    return None


@check(points=1, inputs=chains, judge=as_often_as_they_should, lecture='writing', public=[case('temperature 1'), case('temperature 0.5', temperature=0.5)])
def tokens_come_as_often_as_they_should(student, table, temperature, n, start, seed):
    """A long text of `generate` has each pair of tokens as often as softmax(logits / temperature) says."""
    model = nn.Embedding.from_pretrained(table)
    return student.generate(model, [start], n, temperature, torch.Generator().manual_seed(seed))


def prompts(rng, vocab=9, length=3, n=6):
    return {
        "table": rng.normal(vocab, vocab, scale=2.0),
        "prompt": rng.integers(0, vocab, length).tolist(),
        "n": n,
        "seeds": [rng.integer(0, 2**31) for _ in range(2)],
    }


def the_generator_decides(seen, want):
    """What is fixed is the same; what is drawn is drawn from `gen`."""
    drawn = {"first", "again", "other", "global", "went on"}
    fixed = difference(
        {k: v for k, v in seen.items() if k not in drawn}, {k: v for k, v in want.items() if k not in drawn}
    )
    if fixed is not None:
        return fixed
    if difference(seen["global"], want["global"]) is not None:
        return reject("torch's global generator is used or seeded. All randomness comes from `gen`.")
    if seen["first"] != seen["again"]:
        return reject("Two generators in the same state give different texts.")
    if seen["first"] == seen["other"]:
        return reject("Generators with different seeds give the same text.")
    if seen["first"] == seen["went on"]:
        return reject("A second call with the same generator writes the same text: the generator is set back.")
    return None


@check(points=1, inputs=prompts, judge=the_generator_decides, lecture='writing', public=[case('a short prompt'), case('a prompt longer than the context', length=20, n=4)])
def it_writes_on(student, table, prompt, n, seeds):
    """`generate` returns n new tokens without the prompt; at temperature 0 the likeliest ones; else those that `gen` draws."""
    model = Watched(table)
    held = list(model.parameters())
    gen = torch.Generator().manual_seed(seeds[0])

    def write(length, temperature, gen, prompt=prompt):
        return student.generate(model, prompt, length, temperature, gen)

    state = gen.get_state()
    seen = {
        "likeliest": [write(n, 0, gen), write(n + 3, 0.0, gen), write(n, 0.0, gen)],
        "none": [write(0, 1.0, gen), write(0, 0.0, gen)],
        "generator untouched": [int(each) for each in (state != gen.get_state()).nonzero().flatten()[:3]],
        "bad temperature": [raises("ValueError", lambda k=k: write(k, -0.5, gen)) for k in (0, n)],
        "bad prompt": [raises("ValueError", lambda k=k: write(k, 1.0, gen, [])) for k in (0, n)],
    }
    torch.manual_seed(7)
    seen["first"] = write(40, 3.0, torch.Generator().manual_seed(seeds[0]))
    torch.manual_seed(8)
    gen.manual_seed(seeds[0])
    seen["again"] = write(40, 3.0, gen)
    seen["went on"] = write(40, 3.0, gen)
    seen["other"] = write(40, 3.0, torch.Generator().manual_seed(seeds[1]))
    seen["global"] = torch.rand(2)
    left = [flags(model)]
    model.eval()
    seen["in evaluation mode"] = write(n, 0, gen)
    left.append(flags(model))
    return seen | {"left": left, "still held": still_held(model, held, prompt)}
