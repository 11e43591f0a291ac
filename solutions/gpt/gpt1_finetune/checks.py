"""Checks of gpt/gpt1_finetune: the block, its activation, tasks as sequences, where the answer is read, scores, and the loss of two parts."""

import torch

from autograder.checks import Tolerance, case, check, flags, gradients, leaves, raises, with_gradients, with_weights

# --- the block -------------------------------------------------------------------------------------------------------

# Honest gradients of wide rows in float32 differ by 1e-5.
GRADIENTS = Tolerance(atol=5e-5, rtol=2e-4)


def block(rng, B=1, T=3, C=4, H=2, dtype="float32", gain=1.0, scale=1.0, **more):
    shapes = {
        "attn.c_attn": (3 * C, C), "attn.c_proj": (C, C), "ln_1": (C,), "mlp.c_fc": (4 * C, C), "mlp.c_proj": (C, 4 * C), "ln_2": (C,),
    }  # fmt: skip
    names = {f"{part}.weight": shape for part, shape in shapes.items()} | {f"{part}.bias": shape[:1] for part, shape in shapes.items()}
    return {"x": rng.normal(B, T, C, scale=scale, dtype=dtype), "weights": rng.weights(names, gain=gain, dtype=dtype), "H": H, "more": more}


def build(student, x, weights, H, **more):
    return with_weights(student.GPT1Block(x.shape[-1], H, **more), weights)


@check(
    points=2,
    inputs=block,
    tolerance=GRADIENTS,
    lecture="the-block",
    public=[
        case("three tokens, two heads"),
        case("two sequences, one head", B=2, T=2, C=2, H=1),
    ],
    hidden=[
        case("three heads of four", B=2, T=5, C=12, H=3),
        case("as many heads as features", T=4, C=5, H=5),
        case("one token", B=3, T=1, C=6, H=2),
        case("as many of everything", B=4, T=4, C=4, H=4),
        case("twenty-one tokens", T=21, C=6, H=3),
        case("heads of sixteen", B=2, T=3, C=32, H=2),
        case("eighteen heads", T=2, C=18, H=18),
        case("large numbers go in", B=2, T=3, C=10, H=2, scale=30.0, dtype="float64"),
        case("two heads of five", B=3, T=6, C=10, H=2, gain=2.0),
    ],
    fresh=1,
    cites=[
        "The norm stands behind each sum", "The block computes two lines", "attn is causal self-attention", "mlp is a linear layer to 4", "The first C features that come out", "for what the heads give",
        "ln_1 and ln_2 are layer norms", "the variance is the mean of the squares", "The names of the parameters", "Gradients flow to all floating", "called with B T 4 C",
    ],
)  # fmt: skip
def the_norms_stand_behind_the_sums(student, x, weights, H, more):
    """n = ln_1(x + attn(x)), out = ln_2(n + mlp(n)), with causal attention; x and all parameters get their gradients."""
    wide = []

    def act(inside):
        wide.append(list(inside.shape))
        return inside.sin() + 0.3 * inside

    layer = build(student, x, weights, H, act=act)
    (leaf,) = leaves(x)
    out = layer(leaf)
    found = gradients(out, {"x": leaf, **dict(layer.named_parameters())})
    return {"out": out, "gradients": found, "of others": [layer(-x), layer(x.mT.contiguous().mT)], "act": wide}


@check(
    points=1,
    inputs=block,
    lecture="the-block",
    public=[
        case("eps = 0.5", C=2, H=1, dtype="float64", eps=0.5),
        case("the usual eps, large scores", C=2, H=1, dtype="float64", scale=1e3, gain=300.0),
    ],
    hidden=[
        case("small numbers", B=2, T=3, C=8, H=2, dtype="float64", scale=1e-3, gain=1e-3),
        case("large scores", B=2, T=6, C=12, H=3, dtype="float64", gain=1000.0),
        case("large scores, one head", T=5, C=7, H=1, dtype="float64", scale=1e4, gain=30.0),
        case("a tiny eps", B=3, T=2, C=5, H=5, dtype="float64", eps=1e-12),
    ],
    cites=["Everything is computed in that dtype", "Later tokens are hidden completely", "Training and evaluation mode give", "blocks share nothing", "with eps in both norms", "A call leaves nothing behind"],
)  # fmt: skip
def float64_is_exact_to_the_end(student, x, weights, H, more):
    """In float64 the block is exact, with its own eps and however large the scores are, and leaves modes, flags and random state as they were."""
    layer = build(student, x, weights, H, act=torch.tanh, **more)
    other = build(student, x, {name: w.flip(0) for name, w in weights.items()}, H, eps=0.125, act=torch.cos)
    other.eval()
    other.ln_2.requires_grad_(False)
    torch.manual_seed(8)
    out = [layer(x), other(x), layer(x), layer.eval()(x), layer.train()(x[:, :1]), layer(torch.cat([x, -x], 1)), layer(x), layer(x[:, 1:])]
    return {"out": out, "state": torch.rand(2), "names": sorted(name for name, _ in layer.named_parameters()), "left": flags(layer, other, x, *weights.values())}


@check(
    points=1,
    inputs=block,
    lecture="the-block",
    public=[case("two tokens", T=2, H=1, dtype="float64", gain=2.0)],
    hidden=[
        case("float64", B=2, C=6, H=3, dtype="float64"),
        case("loud", T=4, C=5, H=1, dtype="float64", gain=3.0),
        case("very loud", B=2, T=2, C=8, H=2, gain=40.0, dtype="float64"),
        case("one token", B=3, T=1, C=7, H=7),
    ],
    cites=["None means GELU in the form", "differs by up to 0.0005"],
)
def without_an_activation_it_is_gelu_with_tanh(student, x, weights, H, more):
    """Without `act` the activation is GELU in the form with tanh."""
    layer = build(student, x, weights, H)
    (leaf,) = leaves(x)
    out = layer(leaf)
    return {"out": out, "gradients": gradients(out, {"x": leaf}), "None": build(student, x, weights, H, act=None)(-x), "an empty module": build(student, x, weights, H, act=torch.nn.Sequential())(-x)}


# --- tasks -----------------------------------------------------------------------------------------------------------

SPECIAL = {"S": 101, "DLM": 102, "E": 103}


def examples(rng, kind, lengths, answers=None, tokens=SPECIAL, fill=None):
    """An example and another one of the same form, of random ids (or all `fill`)."""
    names = {"cls": ["text"], "entail": ["premise", "hypothesis"], "sim": ["a", "b"], "mcq": ["context", "question"]}.get(kind, ["text"])

    def text(n):
        return [fill] * n if fill is not None else rng.integers(0, 90, n).tolist()

    made = []
    for _ in range(2):
        fields = {name: text(n) for name, n in zip(names, lengths, strict=True)}
        made.append(fields | ({"answers": [text(n) for n in answers]} if answers is not None else {}))
    return {"kind": kind, "examples": made, "tokens": dict(tokens)}


@check(
    points=1,
    inputs=examples,
    lecture="a-task-as-a-sequence",
    public=[
        case("a text", kind="cls", lengths=[3]),
        case("premise and hypothesis", kind="entail", lengths=[3, 2]),
        case("two texts, in both orders", kind="sim", lengths=[2, 3]),
        case("two texts that are alike", kind="sim", lengths=[2, 2], fill=7),
        case("two answers", kind="mcq", lengths=[3, 2], answers=[1, 2]),
        case("an empty hypothesis", kind="entail", lengths=[2, 0]),
    ],
    hidden=[
        case("three answers", kind="mcq", lengths=[4, 3], answers=[2, 1, 3]),
        case("an empty text", kind="cls", lengths=[0]),
        case("other new tokens", kind="entail", lengths=[4, 3], tokens={"S": 0, "DLM": 1, "E": 2}),
        case("an empty premise", kind="entail", lengths=[0, 3]),
        case("two long texts that are alike", kind="sim", lengths=[30, 30], fill=8),
        case("two empty texts", kind="sim", lengths=[0, 0]),
        case("five answers, one of them empty", kind="mcq", lengths=[4, 1], answers=[2, 0, 1, 3, 2]),
        case("no context", kind="mcq", lengths=[0, 3], answers=[1, 1, 1]),
        case("no question", kind="mcq", lengths=[2, 0], answers=[2]),
        case("equal answers", kind="mcq", lengths=[1, 1], answers=[2, 2, 2], fill=5),
        case("a long text", kind="entail", lengths=[700, 600]),
        case("the ids of the new tokens in a text", kind="sim", lengths=[2, 1], fill=103),
        case("forty answers", kind="mcq", lengths=[2, 2], answers=[1] * 40),
    ],
    fresh=1,
    cites=["S text E", "S premise DLM hypothesis E", "S a DLM b E", "S context question DLM answer E", "each a new list", "none is padded or cut", "fields is not changed", "Another kind raises", "the texts are lists of ids"],
)  # fmt: skip
def a_task_becomes_sequences(student, kind, examples, tokens):
    """Each kind of task becomes its sequences, in order, with start, delimiter and end; another kind raises ValueError."""
    found = [student.format_task(kind, fields, *tokens.values()) for fields in examples]
    kept = [[list(sequence) for sequence in each] for each in found]
    for each in found:
        for sequence in each:
            sequence.append(-1)  # the caller's own: no other sequence and no text grows
    unknown = [raises("ValueError", lambda name=name: student.format_task(name, examples[0], **tokens)) for name in ("qa", "", "CLS", "similarity")]
    return {"sequences": kept, "after the caller's changes": found, "texts": examples, "unknown kinds": unknown}


def rows(rng, ids, C=3, E=9, dtype="float32"):
    ids = torch.tensor(ids)
    return {"h": rng.normal(*ids.shape, C, dtype=dtype), "ids": ids, "E": E}


@check(
    points=1,
    inputs=rows,
    lecture="where-the-answer-is-read",
    public=[
        case("with padding", ids=[[1, 9, 0], [1, 2, 9]]),
        case("one without an end", ids=[[1, 9, 0], [1, 2, 3]]),
    ],
    hidden=[
        case("padded with the end token", ids=[[1, 2, 9, 9, 9], [1, 9, 9, 9, 9], [1, 2, 3, 4, 9]], C=2, dtype="float64"),
        case("padded with a larger id", ids=[[1, 9, 3, 15, 12, 11], [9, 3, 17, 17, 9, 17]], E=3, C=7),
        case("padded with tokens, the end token once more", ids=[[1, 9, 2, 9, 3], [9, 1, 2, 9, 4], [5, 6, 7, 8, 9]], C=4),
        case("the end is 0", ids=[[5, 0, 7], [5, 6, 0], [0, 1, 2], [5, 0, 0]], E=0),
        case("one token", ids=[[9], [9]], C=5),
        case("one row", ids=[[3, 1, 2, 9, 0, 0]], C=1),
        case("as many of everything", ids=[[1, 9, 0], [9, 0, 0], [1, 2, 9]], C=3, dtype="float64"),
        case("none has an end", ids=[[1, 2], [3, 4], [5, 6]]),
        case("a long row", ids=[[1] * 40 + [9] + [0] * 5, [1] * 45 + [9]], C=2),
    ],
    cites=["those of the end token", "the first place of a row that holds", "What stands behind that place", "Raises ValueError if some row"],
)  # fmt: skip
def the_answer_is_read_at_the_end_token(student, h, ids, E):
    """The features of each row's first end token are returned, with gradients; a row without one raises ValueError."""
    sound = torch.cat([ids, torch.full_like(ids[:, :1], E)], 1)
    longer = torch.cat([h, 2 - h[:, :1]], 1)
    behind = torch.cat([torch.zeros_like(sound[:, :1]), (sound == E).cumsum(1)[:, :-1]], 1)[..., None] > 0
    with torch.no_grad():
        student.clf_readout(longer[:1], sound[:1], E).zero_()  # the caller's own
    seen = {
        "every row has one": with_gradients(lambda h: student.clf_readout(h, sound, E), h=longer),
        "of views": student.clf_readout(longer.mT.contiguous().mT, sound.mT.contiguous().mT, E),
        "of others": student.clf_readout(longer.flip(0), sound.flip(0), extract_id=E),
        "of numbers": student.clf_readout(longer, sound, E),
        "nan behind the end": student.clf_readout(longer.masked_fill(behind, torch.nan), sound, E),
        "infinity behind the end": student.clf_readout(longer.masked_fill(behind, -torch.inf), sound, E),
        "left": flags(longer, sound),
    }
    if bool((ids == E).any(1).all()):
        return seen | {"read": student.clf_readout(h, ids, E), "other padding": student.clf_readout(longer.exp(), sound, E)}
    return seen | {"no end": raises("ValueError", lambda: student.clf_readout(h, ids, E))}


def heads(rng, kind, N=2, R=1, C=3, K=2, dtype="float32"):
    K = 1 if kind == "mcq" else K
    return {"kind": kind, "reads": rng.normal(N, R, C, dtype=dtype), "w": rng.normal(K, C, dtype=dtype), "b": rng.normal(K, dtype=dtype)}


@check(
    points=1,
    inputs=heads,
    lecture="from-features-to-scores",
    public=[
        case("a text, two classes", kind="cls"),
        case("two texts", kind="sim", R=2, K=2),
        case("three answers", kind="mcq", R=3),
    ],
    hidden=[
        case("entailment, three classes", kind="entail", N=5, C=4, K=3, dtype="float64"),
        case("one example, one class", kind="cls", N=1, K=1, C=6),
        case("two texts, one class", kind="sim", N=4, R=2, K=1, C=5, dtype="float64"),
        case("as many of everything", kind="sim", N=2, R=2, K=2, C=2),
        case("one question", kind="mcq", N=1, R=4, C=2),
        case("one answer", kind="mcq", N=3, R=1, C=5, dtype="float64"),
        case("as many questions as answers and features", kind="mcq", N=4, R=4, C=4),
    ],
    fresh=1,
    cites=["the layer's result", "the two reads are added", "the layer's one number for each sequence", "A softmax over the answers is part", "So the order of the two texts", "Another kind raises"],
)  # fmt: skip
def reads_become_scores(student, kind, reads, w, b):
    """One read goes through the layer; two of a pair are added first; each answer of a question gets one number."""
    unknown = raises("ValueError", lambda: student.task_logits("qa", reads, w, b))
    return {
        "scores": with_gradients(lambda reads, w, b: student.task_logits(kind, reads, w, b), reads=reads, w=w, b=b),
        "the other order": student.task_logits(kind, reads.flip(1), w, b),
        "of views": student.task_logits(kind, reads.mT.contiguous().mT, w.mT.contiguous().mT, -b),
        "unknown kind": unknown,
        "left": flags(reads, w, b),
    }


# --- the loss --------------------------------------------------------------------------------------------------------


def batch(rng, lengths, N=2, V=5, K=3, lam=None, dtype="float32", scale=1.0, pad=0, left=0):
    """Sequences of these lengths, padded with `pad` (and with `left` tokens of padding in front)."""
    B, T = len(lengths), max(lengths) + left
    ids, mask = torch.full((B, T), pad), torch.zeros(B, T, dtype=torch.bool)
    for i, n in enumerate(lengths):
        ids[i, left : left + n] = rng.integers(0, V, n)
        mask[i, left : left + n] = True
    made = {"lm_logits": rng.normal(B, T, V, scale=scale, dtype=dtype), "ids": ids, "lm_mask": mask}
    made |= {"clf_logits": rng.normal(N, K, scale=scale, dtype=dtype), "y": rng.integers(0, K, N)}
    return {"batch": made, "options": {} if lam is None else {"lam": lam}}


@check(
    points=1,
    inputs=batch,
    lecture="two-losses-at-once",
    public=[
        case("one sequence of three tokens", lengths=[3], N=1, V=4, K=2),
        case("lam = 2, two sequences", lengths=[4, 4], lam=2.0),
        case("with padding: each sequence has the same weight", lengths=[5, 2], V=3, N=3),
    ],
    hidden=[
        case("four sequences of two examples", lengths=[3, 6, 2, 5], N=2, V=7, K=2, dtype="float64"),
        case("lam = 0", lengths=[4, 3], N=3, lam=0.0, dtype="float64"),
        case("one target in each", lengths=[2, 2, 2], N=3, K=4, V=6),
        case("large logits", lengths=[4, 2, 3], scale=3000.0, dtype="float64", N=3),
        case("two tokens in the vocabulary, seven classes", lengths=[6, 3], V=2, K=7, N=5, lam=0.1, dtype="float64"),
        case("as many of everything", lengths=[4, 4, 4, 4], N=4, V=4, K=4, lam=1.0),
        case("padded with another token", lengths=[3, 7], pad=4, V=5),
        case("padding in front", lengths=[2, 4], left=2, V=6, N=1, lam=0.7),
        case("a negative lam", lengths=[3, 2], lam=-0.5, N=4, dtype="float64"),
    ],
    fresh=1,
    cites=[
        "The loss of fine-tuning", "the mean over the examples of", "The logits at place t predict", "So the first token is never", "The loss is the mean over each", "Large logits give finite",
        "With lam 0 it is",
    ],
)  # fmt: skip
def the_loss_is_that_of_the_task_plus_lam_times_the_other(student, batch, options):
    """The loss is the task's plus lam times the language model's, which is a mean over each sequence's targets and then over sequences."""
    fixed = {name: batch[name] for name in ("ids", "lm_mask", "y")}
    floating = {name: batch[name] for name in ("lm_logits", "clf_logits")}

    def loss(lm_logits, clf_logits):
        return student.gpt1_loss(lm_logits, fixed["ids"], fixed["lm_mask"], clf_logits, fixed["y"], **options)

    views = {name: x.mT.contiguous().mT for name, x in batch.items() if x.ndim > 1} | {"y": batch["y"]}
    turned = {name: x.flip(0) for name, x in batch.items() if name != "clf_logits"} | {"clf_logits": -batch["clf_logits"]}
    return {
        "loss": with_gradients(loss, **floating) if options.get("lam") != 0 else loss(**floating),
        "of views": student.gpt1_loss(*(views[name] for name in batch), **options),
        "of others": student.gpt1_loss(*(turned[name] for name in batch), lam=0.25),
        "another weight": student.gpt1_loss(*batch.values(), lam=0.75),
        "left": flags(*batch.values()),
    }
