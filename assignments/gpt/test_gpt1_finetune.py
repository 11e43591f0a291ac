"""Public checks of gpt/gpt1_finetune: run `pytest` on this file, or `autograder check gpt/gpt1_finetune`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, flags, gradients, leaves, raises, with_gradients, with_weights


GRADIENTS = Tolerance(atol=5e-5, rtol=2e-4)


def block(rng, B=1, T=3, C=4, H=2, dtype="float32", gain=1.0, scale=1.0, **more):
    shapes = {
        "attn.c_attn": (3 * C, C), "attn.c_proj": (C, C), "ln_1": (C,), "mlp.c_fc": (4 * C, C), "mlp.c_proj": (C, 4 * C), "ln_2": (C,),
    }  # fmt: skip
    names = {f"{part}.weight": shape for part, shape in shapes.items()} | {f"{part}.bias": shape[:1] for part, shape in shapes.items()}
    return {"x": rng.normal(B, T, C, scale=scale, dtype=dtype), "weights": rng.weights(names, gain=gain, dtype=dtype), "H": H, "more": more}


def build(student, x, weights, H, **more):
    return with_weights(student.GPT1Block(x.shape[-1], H, **more), weights)


@check(points=2, inputs=block, tolerance=GRADIENTS, lecture='the-block', public=[case('three tokens, two heads'), case('two sequences, one head', B=2, T=2, C=2, H=1)])
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


@check(points=1, inputs=block, lecture='the-block', public=[case('eps = 0.5', C=2, H=1, dtype='float64', eps=0.5), case('the usual eps, large scores', C=2, H=1, dtype='float64', scale=1000.0, gain=300.0)])
def float64_is_exact_to_the_end(student, x, weights, H, more):
    """In float64 the block is exact, with its own eps and however large the scores are, and leaves modes, flags and random state as they were."""
    layer = build(student, x, weights, H, act=torch.tanh, **more)
    other = build(student, x, {name: w.flip(0) for name, w in weights.items()}, H, eps=0.125, act=torch.cos)
    other.eval()
    other.ln_2.requires_grad_(False)
    torch.manual_seed(8)
    out = [layer(x), other(x), layer(x), layer.eval()(x), layer.train()(x[:, :1]), layer(torch.cat([x, -x], 1)), layer(x), layer(x[:, 1:])]
    return {"out": out, "state": torch.rand(2), "names": sorted(name for name, _ in layer.named_parameters()), "left": flags(layer, other, x, *weights.values())}


@check(points=1, inputs=block, lecture='the-block', public=[case('two tokens', T=2, H=1, dtype='float64', gain=2.0)])
def without_an_activation_it_is_gelu_with_tanh(student, x, weights, H, more):
    """Without `act` the activation is GELU in the form with tanh."""
    layer = build(student, x, weights, H)
    (leaf,) = leaves(x)
    out = layer(leaf)
    return {"out": out, "gradients": gradients(out, {"x": leaf}), "None": build(student, x, weights, H, act=None)(-x), "an empty module": build(student, x, weights, H, act=torch.nn.Sequential())(-x)}


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


@check(points=1, inputs=examples, lecture='a-task-as-a-sequence', public=[case('a text', kind='cls', lengths=[3]), case('premise and hypothesis', kind='entail', lengths=[3, 2]), case('two texts, in both orders', kind='sim', lengths=[2, 3]), case('two texts that are alike', kind='sim', lengths=[2, 2], fill=7), case('two answers', kind='mcq', lengths=[3, 2], answers=[1, 2]), case('an empty hypothesis', kind='entail', lengths=[2, 0])])
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


@check(points=1, inputs=rows, lecture='where-the-answer-is-read', public=[case('with padding', ids=[[1, 9, 0], [1, 2, 9]]), case('one without an end', ids=[[1, 9, 0], [1, 2, 3]])])
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


@check(points=1, inputs=heads, lecture='from-features-to-scores', public=[case('a text, two classes', kind='cls'), case('two texts', kind='sim', R=2, K=2), case('three answers', kind='mcq', R=3)])
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


@check(points=1, inputs=batch, lecture='two-losses-at-once', public=[case('one sequence of three tokens', lengths=[3], N=1, V=4, K=2), case('lam = 2, two sequences', lengths=[4, 4], lam=2.0), case('with padding: each sequence has the same weight', lengths=[5, 2], V=3, N=3)])
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
