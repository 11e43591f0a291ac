"""Checks of capstone/pretrain: what a model may see, what it learns, that seeds decide alone, and how it writes.

What it learns is asked in an exam that is hosted (`autograder.lab.exam`): the held-out text is in a trusted process, which tells a token
after it has the logits of its prediction. The loss is computed there.

Bounds on the excess loss (nats above the language's own loss on the same text), measured after 150 steps over 30 languages, half of them with
16 tokens, the others with 11, 13 and 16 (the last two over 15 languages): smallest, median, largest.

    the reference                     -0.02   0.06   0.20
    a GPT-2 with learned positions     0.00   0.06   0.09
    a learned bias for each distance   0.00   0.11   0.26
    six embeddings, no attention      -0.04   0.11   0.46
    torch's AdamW, another schedule    0.02   0.08   0.12
    Lion                               0.00   0.07   0.11

With 30 tokens (6 languages) the largest is 0.44 after 300 steps, of the six embeddings; after 150 it is 0.71, of Lion. On prefixes of 5 to 15
tokens they are the same. After 3 steps no model is below 1.99 with 16 tokens.

A guess has 2.2 with 16 tokens (2.0 with 13), the reference without positions 1.5 to 1.7 (one language). Before its embedding was made smaller
(std 0.3 for 1), the reference came once to 0.46 after 120 steps.
"""

import math
import random

import numpy as np
import torch
from torch import nn

from autograder.checks import case, check, difference, flags, implausible, lab, leaves_gradients_off, raises, reject
from autograder.lab.exam import Language, mean_loss, unfinished

MOST = 30_000  # parameters
PROMPT = 8  # tokens of the held-out text that are told at once
STEPS = 150
LEARNS, LEARNS_WELL = 1.0, 0.5


# --- the model -------------------------------------------------------------------------------------------------------


def sequences(rng, vocab=5, B=2, T=6, at=3, N=300, by=None):
    """A text to learn from, and a batch in which one token will be another one (with `by`, the one so many further)."""
    language = Language.drawn(rng, vocab)
    ids = rng.integers(0, vocab, B, T)
    if by is not None:
        ids[:, at] %= vocab - by
    other = ids.clone()
    other[:, at] = (ids[:, at] + (rng.integer(1, vocab) if by is None else by)) % vocab
    return {
        "text": torch.tensor(language.text(rng, N)),
        "vocab": vocab,
        "ids": ids,
        "other": other,
        "at": at,
        "seed": rng.integer(0, 2**31),
    }


def looks_back_only(seen, want, inputs):
    """Before the token that is another one nothing changes, from it on something does; shorter and alone is the same, in either mode."""
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
        return reject(
            "No logits change when the token at place {at} does: to the model, the old and the new one are the same.",
            at=at,
        )
    if difference(seen["cut"], logits[:, : at + 1]) is not None:
        return reject("The first {n} tokens alone give other logits than in front of the others.", n=at + 1)
    if difference(seen["one row"], logits[-1:]) is not None:
        return reject("A sequence alone gives other logits than in a batch.")
    if difference(seen["asked"], logits[-1, -1]) is not None:
        return reject("`next_logits` gives other logits than the model has at the last place of the same tokens.")
    if difference(seen["asked for more"], seen["the last ones"]) is not None:
        return reject(
            "For a prefix of 40 tokens `next_logits` gives other logits than your model has after the last 16 of them."
        )
    first, another, other_rows = seen["in training mode"]
    if bool(((another - first).abs().amax((0, 2))[:at] > 1e-5).any()):
        return reject(
            "In training mode, the logits of the first places change when the token at place {at} does: they look ahead.",
            at=at,
        )
    if bool(((other_rows - first)[-1].abs() > 1e-5).any()):
        return reject(
            "In training mode, the logits of a sequence change when the others of its batch do: rows look at each other."
        )
    return None


@check(
    points=1,
    inputs=sequences,
    judge=looks_back_only,
    lecture="a-model-that-looks-back",
    public=[case("two sequences of six tokens")],
    hidden=[
        case("as long as it may be", vocab=11, B=3, T=16, at=15),
        case("the first token", vocab=13, B=1, T=16, at=0),
        case("one token", vocab=5, B=4, T=1, at=0),
        case("the token 16 further", vocab=30, B=3, T=5, at=2, by=16),
    ],
    cites=[
        "They may look at the tokens 0 t and at no later one",
        "rows do not look at each other",
        "This holds in either mode training and evaluation",
        "returns logits B T vocab in float32",
        "all of them are float32 and trainable",
    ],
)
def logits_look_back_only(student, text, vocab, ids, other, at, seed):
    """The logits at a place depend on the tokens up to it, not on later ones, and not on other rows, in either mode."""
    model = student.pretrain(text, vocab, 4, seed)

    def in_training_mode(ids):
        torch.manual_seed(11)  # for dropout: the same elements each time
        return model.train()(ids)[..., :2]

    with torch.no_grad():
        return {
            "logits": model(ids),
            "another token": model(other),
            "cut": model(ids[:, : at + 1]),
            "one row": model(ids[-1:]),
            "asked": student.next_logits(model, ids[-1].tolist()),
            "asked for more": student.next_logits(model, text[:40].tolist()),
            "the last ones": model(text[None, 24:40])[0, -1],
            "in training mode": [in_training_mode(each) for each in (ids, other, torch.cat([other[:-1], ids[-1:]]))],
            "parameters' dtypes": sorted({f"{p.dtype} {p.requires_grad}" for p in model.parameters()}),
        }


def small_and_of_its_seed(seen, want):
    """Few parameters, and the same ones for the same seed."""
    if (moved := moved_generator(seen["global"], want["global"])) is not None:
        return reject("The global generator of {whose} is not as it was before `build_model`.", whose=moved)
    if len(seen["shapes"]) != 3:
        return reject("Not all of the models were made.")
    first, again, other = seen["shapes"]
    count = sum(math.prod(shape) for shape in first)
    if not 0 < count <= MOST:
        return reject("The model has {count} parameters. It may have {most}.", count=count, most=MOST)
    if again != first or other != first:
        return reject("Models of the same vocabulary have parameters of different shapes.")
    first, again, other = seen["parameters"]
    if not bool(first.isfinite().all()):
        return reject("The parameters of a new model are not finite.")
    if not torch.equal(again, first):
        return reject("The same seed gives different parameters. They hang on what was drawn or made before.")
    if torch.equal(other, first):
        return reject("Another seed gives the same parameters.")
    first, again, other = seen["asked"]
    if not torch.equal(again, first):
        return reject("Models of the same seed give different logits.")
    if torch.equal(other, first):
        return reject("Models of different seeds give the same logits.")
    return difference(seen["logits' shapes"], want["logits' shapes"])


@check(
    points=1,
    judge=small_and_of_its_seed,
    lecture="a-model-that-looks-back",
    public=[case("16 tokens", vocab=16, seeds=[3, 4])],
    hidden=[
        case("30 tokens", vocab=30, seeds=[0, 2**31]),
        case("2 tokens", vocab=2, seeds=[1, 1001]),
        case("seeds that are alike", vocab=9, seeds=[255, 511]),
    ],
    cites=[
        "at most MAX_PARAMETERS parameters",
        "The same seed gives the same model bit for bit whatever was drawn before",
        "Another seed gives another one",
        "The global generators torch s and those of Python s random and of NumPy are afterwards as they were before",
    ],
)
def the_seed_makes_the_model(student, vocab, seeds):
    """`build_model` makes the same small model for the same seed, another one for another seed, and draws from no global generator."""
    made, drawn = [], []
    for number, seed in enumerate((seeds[0], seeds[0], seeds[1])):
        seed_all(number)
        made.append(student.build_model(vocab, seed))
        drawn.append(draw_all())
    with torch.no_grad():
        shapes = [list(model(torch.zeros(2, 3, dtype=torch.int64)).shape) for model in made]
    return {
        "shapes": [[list(p.shape) for p in model.parameters()] for model in made],
        "parameters": [numbers(model.parameters()) for model in made],
        "global": drawn,
        "logits' shapes": shapes,
        "asked": [student.next_logits(model, [0, 1, 1, 0]) for model in made],
    }


def seed_all(number):
    """Every global generator that there is."""
    torch.manual_seed(number)
    random.seed(number)
    np.random.seed(number)


def draw_all():
    return torch.tensor([torch.rand(()).item(), random.random(), np.random.random()], dtype=torch.float64)


def moved_generator(seen, want):
    """Whose generator draws something else than it would."""
    for got, right in zip(seen, want, strict=False):
        for number, whose in enumerate(("torch", "Python's random", "NumPy")):
            if not torch.equal(got[number], right[number]):
                return whose
    return None


# --- learning --------------------------------------------------------------------------------------------------------


def exams(rng, vocab=16, lag=None, N=2500, length=120, steps=STEPS, short=False):
    """A text to learn from, and an exam in the same language; `short`, where it is asked with prefixes of 5 to 15 tokens."""
    language = Language.drawn(rng, vocab, lag)
    held_out = language.text(rng, PROMPT + length)
    return {
        "ids": torch.tensor(language.text(rng, N)),
        "vocab": vocab,
        "seed": rng.integer(0, 2**31),
        "steps": steps,
        "short": short,
        "exam": lab("exam", tokens=held_out, given=PROMPT, vocab=vocab, best=language.loss(held_out, PROMPT)),
    }


def marked(text, record, exam, bound):
    wrong = unfinished(record, exam)
    if wrong is not None:
        return wrong
    if (other := difference(text, exam["tokens"])) is not None:
        return other
    loss, best, guess = mean_loss(record), exam["best"], math.log(exam["vocab"])
    if loss > guess:
        return reject(
            "In the exam the mean loss is {loss} nats, worse than a guess, which has {guess}. At most {most} are asked for.",
            loss=round(loss, 3), guess=round(guess, 3), most=round(best + bound, 3),
        )  # fmt: skip
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


@check(
    points=2,
    inputs=exams,
    judge=learns,
    lecture="the-exam",
    public=[case("16 tokens, the token two places before", lag=2)],
    hidden=[case("thirty tokens, 300 steps on 5000 tokens", vocab=30, lag=3, N=5000, steps=300)],
    cites=[
        "Yours is at most 1 nat above it",
        "150 steps on 2500 tokens are enough to come near what is possible and so are 300 on 5000",
    ],
)
def it_learns(student, ids, vocab, seed, steps, short, exam):
    """After 150 steps or more the mean loss on held-out text is at most 1 nat above that of the language itself."""
    return sit(student, student.pretrain(ids, vocab, steps, seed), exam, short)


@check(
    points=1,
    inputs=exams,
    judge=learns_well,
    lecture="the-exam",
    public=[case("16 tokens, the token four places before", lag=4)],
    hidden=[case("three places before, short prefixes", vocab=13, lag=3, short=True)],
    cites=[
        "for full points with up to 16 tokens at most 0 5 nats",
        "This holds for every such language and every seed",
        "each prefix has 5 tokens or more",
    ],
)
def it_learns_well(student, ids, vocab, seed, steps, short, exam):
    """After 150 steps the mean loss on held-out text is at most 0.5 nats above that of the language itself."""
    return sit(student, student.pretrain(ids, vocab, steps, seed), exam, short)


def sit(student, model, exam, short):
    """Predict one token after the other, until the exam is over: the whole text."""
    text = list(exam.prompt)
    for number in range(exam.length):
        prefix = text[-(5 + number % 11) :] if short else list(text)
        text.append(exam.next(student.next_logits(model, prefix)))
    return text


def little(rng, vocab=16, N=500, steps=10):
    """A short text, and what follows it in 16 pieces of 17 tokens, with the loss of the language itself on the last 12 of each."""
    language = Language.drawn(rng, vocab)
    text = language.text(rng, N + 16 * 17)
    pieces = [text[start : start + 17] for start in range(N, len(text), 17)]
    return {
        "ids": torch.tensor(text[:N]),
        "pieces": torch.tensor(pieces),
        "best": sum(language.loss(piece, 5) for piece in pieces) / len(pieces),
        "vocab": vocab,
        "steps": steps,
        "seeds": [rng.integer(0, 2**31) for _ in range(2)],
    }


def step_by_step(seen, want, inputs):
    """What is learned is in the parameters; three steps are too few; in the end all of them have moved."""
    few, steps = seen["lost after 3 steps"], inputs["steps"]
    if not all(bool(each.isfinite().all()) for each in (few, *seen["logits"])):
        return reject("The logits of a model after a few steps are not finite.")
    if not bool(seen["after one step"].isfinite().all()):
        return reject("The parameters of a model after one step are not finite.")
    if torch.equal(seen["after one step"], seen["untrained"]):
        return reject("One step leaves all parameters as they are. Each step moves them, the first one, too.")
    if difference(*seen["logits"]) is not None:
        return reject(
            "The parameters of a trained model were copied into a model of another seed, and its logits are others. "
            "So a part of the model is not in `parameters()`: it is in a buffer, or in modules that are not registered."
        )
    loss, best = float(few.double().mean()), inputs["best"]
    if not loss > best + LEARNS:
        return reject(
            "After 3 steps the mean loss is {loss} nats, and the language itself has {best}. So it was not found little by little.",
            loss=round(loss, 3), best=round(best, 3),
        )  # fmt: skip
    for number, (moved, gradient) in enumerate(zip(seen["moved by"], seen["largest gradients"], strict=False)):
        if moved == 0 and gradient > 1e-3:
            return reject(
                "After {steps} steps tensor {number} of `parameters()` is as it was, though the loss hangs on it. Give the optimizer all of them.",
                steps=steps, number=number,
            )  # fmt: skip
    return difference(seen["of a table"], want["of a table"])


@check(
    points=1,
    inputs=little,
    judge=step_by_step,
    lecture="training",
    public=[case("16 tokens")],
    hidden=[case("16 tokens once more, more steps", steps=16), case("a longer text", N=2500)],
    cites=[
        "All that it learns is in parameters",
        "Buffers and plain lists hold nothing learned",
        "The first step moves them already",
        "after ten steps every tensor on which the loss hangs has moved",
        "after 3 steps with 16 tokens your model is still more than 1 nat above it",
        "moves the parameters against the gradient",
    ],
)
def it_learns_step_by_step(student, ids, pieces, best, vocab, steps, seeds):
    """What `pretrain` learns is in `parameters()` alone, comes little by little, and moves all of them."""
    untrained = [p.detach().clone() for p in student.build_model(vocab, seeds[0]).parameters()]
    few, model = (student.pretrain(ids, vocab, k, seeds[0]) for k in (3, steps))
    copied = student.build_model(vocab, seeds[1])
    one = numbers(student.pretrain(ids, vocab, 1, seeds[0]).parameters())
    inputs, targets = pieces[:, :-1], pieces[:, 1:]
    learned = [p for p in model.parameters() if p.requires_grad]
    with torch.enable_grad():
        loss = nn.functional.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())
        gradients = torch.autograd.grad(loss, learned, allow_unused=True)
    with torch.no_grad():
        moved = [(p - q).abs().max().item() for p, q in zip(model.parameters(), untrained, strict=True)]
        for p, q in zip(copied.parameters(), model.parameters(), strict=True):
            p.copy_(q)
        lost = -few(inputs).log_softmax(-1).gather(-1, targets[..., None])[:, 4:, 0].mean(1)
        logits = [each.eval()(inputs[:2])[:, -1] for each in (copied, model)]
    table = nn.Embedding.from_pretrained(torch.eye(vocab))
    return {
        "gradients stay off": leaves_gradients_off(student.next_logits, table, pieces[0].tolist()),
        "of a table": [student.next_logits(table, piece.tolist()) for piece in pieces[:3]],
        "after one step": one,
        "untrained": numbers(untrained),
        "lost after 3 steps": lost,
        "logits": logits,
        "moved by": moved,
        "largest gradients": [0.0 if g is None else g.abs().max().item() for g in gradients],
    }


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
    first = seen["first"]
    if not bool(first.isfinite().all()):
        return reject("The parameters of a trained model are not finite.")
    if (moved := moved_generator(seen["global"], want["global"])) is not None:
        return reject("The global generator of {whose} is not as it was before `pretrain`.", whose=moved)
    if (left := difference(seen["left"], want["left"])) is not None:
        return left
    if not torch.equal(seen["again"], first):
        return reject(
            "The same arguments give different models. Something hangs on earlier calls: a random generator, or an object that the models share."
        )
    if not torch.equal(seen["without gradients outside"], first):
        return reject("Under torch.no_grad() of the caller, `pretrain` gives another model.")
    if not torch.equal(seen["a view"], first):
        return reject("The same text as a view of other data, which is not contiguous, gives another model.")
    if torch.equal(seen["another text"], first):
        return reject("Another text of the same length gives the same model.")
    if not torch.equal(seen["other tokens in the same tensor"], seen["another text"]):
        return reject(
            "The tensor of the text got other tokens, and `pretrain` gives another model for it than for a new tensor with these tokens."
        )
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
        return reject(
            "Two calls with the same arguments give one and the same model: who changes one changes the other."
        )
    if difference(seen["asked"][0], seen["the model itself"]) is not None:
        return reject("`next_logits` gives other logits than the trained model has at the last place.")
    if difference(seen["asked"][0], seen["asked"][-1]) is not None:
        return reject("The same question to `next_logits` has another answer the second time.")
    return None


@check(
    points=1,
    inputs=short,
    judge=the_seed_decides,
    lecture="only-the-seed-decides",
    public=[case("three steps", steps=3)],
    hidden=[
        case("the shortest text", vocab=5, N=17, steps=2),
        case("thirty tokens", vocab=30, N=120, steps=5),
    ],
    cites=[
        "The same arguments give the same model bit for bit",
        "With another seed or another text comes another one also where the text is the same tensor with other tokens in it",
        "Each call gives a model of its own",
        "contiguous or a view of other data",
        "with steps 0 the parameters are those of",
        "N CONTEXT it stays as it is",
        "return it in evaluation mode",
        "It also works where the caller has switched gradients off",
    ],
)
def only_the_seed_decides(student, ids, other_ids, vocab, steps, seeds):
    """`pretrain` gives the same model for the same arguments, bit for bit, and touches nothing else."""
    drawn, models = [], []

    def trained(number, steps, seed, text=ids):
        seed_all(number)
        models.append(student.pretrain(text, vocab, steps, seed))
        drawn.append(draw_all())
        return numbers(models[-1].parameters())

    mine = ids.clone()

    seen = {
        "first": trained(1, steps, seeds[0], mine),
        "again": trained(2, steps, seeds[0]),
        "other tokens in the same tensor": trained(3, steps, seeds[0], mine.copy_(other_ids)),
        "a view": trained(1, steps, seeds[0], torch.stack([ids, other_ids], 1)[:, 0]),
        "another text": trained(1, steps, seeds[0], other_ids),
        "another seed": trained(1, steps, seeds[1]),
        "no step": trained(3, 0, seeds[0]),
        "more steps": trained(3, steps + 4, seeds[0]),
        "untrained": numbers(student.build_model(vocab, seeds[0]).parameters()),
    }
    with torch.no_grad():
        seen["the model itself"] = models[0](ids[None, :9])[0, -1]
        seen["without gradients outside"] = trained(4, steps, seeds[0])
        left = torch.is_grad_enabled()
    seen["asked"] = [student.next_logits(models[0], ids[:n].tolist()) for n in (9, 1, 16, 17, 9)]
    seen["after it was asked"] = numbers(models[0].parameters())
    with torch.no_grad():
        for each in models[1].parameters():
            each.add_(1.0)
    seen["after its twin was changed"] = numbers(models[0].parameters())
    modes = [[model.training, *sorted({m.training for m in model.modules()})] for model in models]
    return seen | {"global": drawn, "left": [flags(ids), modes, left]}


def numbers(parameters):
    """Eight of the parameters, and two sums over all of them."""
    row = torch.cat([p.detach().flatten().double() for p in parameters])
    some = row[torch.arange(8) * len(row) // 8]
    return torch.cat([some, row.sum()[None], (row * torch.arange(len(row)).cos()).sum()[None]])


# --- writing ---------------------------------------------------------------------------------------------------------


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


def the_last_tokens(seen, want):
    if seen["prefixes"] != want["prefixes"]:
        return reject("`next_logits` changes the prefix that it is given. It stays as it is.")
    return difference(seen, want)


@check(
    points=1,
    inputs=prefixes,
    judge=the_last_tokens,
    lecture="writing",
    public=[case("one token, and five", lengths=(1, 5)), case("more than the context", lengths=(15, 16, 17, 30))],
    hidden=[case("as long as the context, and longer", vocab=12, lengths=(16, 17, 2, 100)), case("two tokens", vocab=2, lengths=(3, 40))],
    cites=[
        "The logits V of the token that comes after prefix",
        "Of a longer prefix only the last CONTEXT tokens are used",
        "prefix stays as it is",
        "evaluation mode no dropout",
        "is afterwards in the mode in which it was before",
        "Its parameters stay the same objects with the same values",
        "No gradient hangs on the result",
        "An empty prefix is a ValueError",
    ],
)  # fmt: skip
def next_logits_sees_the_last_tokens(student, table, prefixes):
    """`next_logits` gives the model's logits after the last CONTEXT tokens, in evaluation mode, without a gradient."""
    model = Watched(table)
    held, seen, given = list(model.parameters()), [], []
    for training in (True, False):
        model.train(training)
        for prefix in ([*each] for each in prefixes):
            given.append(prefix)
            logits = student.next_logits(model, prefix)
            seen.append([logits, logits.requires_grad, flags(model)])
    return {
        "prefixes": given,
        "logits": seen,
        "called with": [
            max(each) if i == 0 else sorted(set(each)) for i, each in enumerate(zip(*model.calls, strict=True))
        ],
        "still held": still_held(model, held, [*prefixes[0]]),
        "no prefix": raises("ValueError", lambda: student.next_logits(model, [])),
    }


def still_held(model, held, prefix):
    """The parameters that were held before, and what the model says when these very objects are changed."""
    values = [each.detach().clone() for each in held]
    with torch.no_grad():
        for each in held:
            each.add_(1.0)
        return [*values, model.eval()(torch.tensor([prefix]))]


def chains(rng, vocab=4, temperature=1.0, n=800, kinds=None, scale=1.5, around=0.0, likely=None):
    """A table of what follows each token, in `kinds` different rows (by default all are), each shifted by some number of size `around`."""
    kinds = vocab if kinds is None else kinds
    rows = rng.normal(kinds, vocab, scale=scale) + rng.normal(kinds, 1, scale=around)
    if likely is not None:
        rows = (
            torch.full((kinds, vocab), (1 - likely) / (vocab - 1))
            .scatter(1, rows.argmax(1, keepdim=True), likely)
            .log()
        )
    return {
        "table": rows[torch.arange(vocab) % kinds],
        "temperature": temperature,
        "n": n,
        "start": rng.integer(0, vocab),
        "seed": rng.integer(0, 2**31),
    }


def as_often_as_they_should(seen, inputs):
    """After each token (or each of those with the same logits) the next tokens come as often as the softmax says."""
    table, n = inputs["table"], inputs["n"]
    vocab = len(table)
    if len(seen) != n or not all(type(token) is int and 0 <= token < vocab for token in seen):
        return reject("`generate` does not return {n} ids of tokens.", n=n)
    rows, kind = table.unique(dim=0, return_inverse=True)
    text = torch.tensor([inputs["start"], *seen])
    counts = torch.zeros(len(rows), vocab, dtype=torch.int64)
    counts.index_put_((kind[text[:-1]], text[1:]), torch.ones(n, dtype=torch.int64), accumulate=True)
    probabilities = (rows.double() / inputs["temperature"]).softmax(-1)
    seen_first = counts.sum(1, keepdim=True)
    if implausible(counts.flatten(), (probabilities * seen_first / n).flatten()):
        row = int((counts - probabilities * seen_first).abs().sum(1).argmax())
        return reject(
            "After token {token} the next tokens come {counts} times. Their probabilities are {probabilities}.",
            token=int((kind == row).nonzero()[0]), counts=counts[row].tolist(), probabilities=[round(p, 3) for p in probabilities[row].tolist()],
        )  # fmt: skip
    return None


@check(
    points=1,
    inputs=chains,
    judge=as_often_as_they_should,
    lecture="writing",
    public=[case("temperature 1"), case("temperature 0.5", temperature=0.5)],
    hidden=[
        case("temperature 2.5, two tokens", vocab=2, temperature=2.5),
        case("temperature 0.7, six tokens", vocab=6, temperature=0.7),
        case("thirty tokens, all of them likely", vocab=30, kinds=1, scale=0.3, n=1000),
        case("a token that comes once in a hundred times", vocab=2, kinds=1, likely=0.9902, n=3000),
        case("temperature 0.01, large logits", temperature=0.01, scale=0.02, around=50.0, n=600),
    ],
    cites=[
        "each drawn from softmax next_logits temperature",
        "given all tokens before it",
        "Any token can be drawn the unlikely ones too",
        "Logits may be large and the temperature may be small",
    ],
)
def tokens_come_as_often_as_they_should(student, table, temperature, n, start, seed):
    """A long text of `generate` has each pair of tokens as often as softmax(logits / temperature) says."""
    model = nn.Embedding.from_pretrained(table)
    return student.generate(model, [start], n, temperature, torch.Generator().manual_seed(seed))


def prompts(rng, vocab=9, length=3, n=6, own=12):
    return {
        "table": rng.normal(vocab, vocab, scale=2.0),
        "prompt": rng.integers(0, vocab, length).tolist(),
        "n": n,
        "own": own,
        "seeds": [rng.integer(0, 2**31) for _ in range(2)],
    }


def the_generator_decides(seen, want, inputs):
    """What is fixed is the same; what is drawn is drawn from `gen`; with a model of one's own it is not otherwise."""
    drawn = {"first", "again", "other", "global", "went on", "own text", "own logits"}
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
    text, logits = seen["own text"], seen["own logits"]
    if len(text) != inputs["own"] or not all(
        type(token) is int and 0 <= token < len(inputs["table"]) for token in text
    ):
        return reject("With a model of your own `generate` does not return {n} ids of tokens.", n=inputs["own"])
    for number, (token, row) in enumerate(zip(text, logits, strict=False)):
        if not float(row[token]) >= float(row.max()) - 1e-4:
            return reject(
                "With a model of your own, at temperature 0, new token {number} is not the one with the largest logit after the 16 tokens before it.",
                number=number,
            )  # fmt: skip
    return None


@check(
    points=1,
    inputs=prompts,
    judge=the_generator_decides,
    lecture="writing",
    public=[case("a short prompt", own=0), case("a prompt longer than the context", length=20, n=4, own=0)],
    hidden=[
        case("one token, many more", vocab=6, length=1, n=40),
        case("exactly the context", vocab=13, length=16, n=5),
        case("one new token", vocab=30, length=2, n=1),
    ],
    cites=[
        "Returns the n new tokens as a list of ints without the prompt",
        "The prompt a list of ids stays as it is",
        "The model is left as next_logits leaves it",
        "All randomness comes from",
        "takes the token with the largest logit",
        "leaves gen as it is",
        "With n 0 the result is",
        "A negative temperature or an empty prompt is a ValueError",
    ],
)
def it_writes_on(student, table, prompt, n, own, seeds):
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
    mine, before = student.build_model(len(table), seeds[0]), (prompt * 20)[:20]
    new = student.generate(mine, [*before], own, 0, gen)
    text = [*before, *new]
    with torch.no_grad():
        mine.eval()
        rows = [mine(torch.tensor([text[k - 16 : k]]))[0, -1] for k in range(20, len(text))]
    seen |= {"own text": new, "own logits": rows}
    return seen | {"left": left, "still held": still_held(model, held, prompt)}
