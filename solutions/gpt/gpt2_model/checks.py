"""Checks of gpt/gpt2_model: the activation, the model, its parts, the cache, checkpoints, first weights, and the number of parameters."""

import torch

from autograder.checks import (
    Tolerance,
    case,
    check,
    difference,
    flags,
    gradients,
    implausible,
    leaves_gradients_off,
    raises,
    reject,
    with_gradients,
    with_weights,
)
from autograder.lab.pieces import pieces_are_the_whole

# Honest gradients of eighteen layers in float32 differ by 1.4e-5.
GRADIENTS = Tolerance(atol=5e-5, rtol=2e-4)
MATRICES = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")


def config(vocab=7, n_ctx=9, n_layer=1, n_head=2, n_embd=4, **more):
    return {"vocab": vocab, "n_ctx": n_ctx, "n_layer": n_layer, "n_head": n_head, "n_embd": n_embd} | more


def sizes(cfg):
    """The shapes of a model's parameters, by their names."""
    C = cfg["n_embd"]
    shapes = {"transformer.wte.weight": (cfg["vocab"], C), "transformer.wpe.weight": (cfg["n_ctx"], C)}
    for i in range(cfg["n_layer"]):
        parts = {
            "ln_1": (C,), "attn.c_attn": (3 * C, C), "attn.c_proj": (C, C), "ln_2": (C,), "mlp.c_fc": (4 * C, C), "mlp.c_proj": (C, 4 * C),
        }  # fmt: skip
        for part, shape in parts.items():
            shapes |= {f"transformer.h.{i}.{part}.weight": shape, f"transformer.h.{i}.{part}.bias": shape[:1]}
    return shapes | {"transformer.ln_f.weight": (C,), "transformer.ln_f.bias": (C,)}


def tokens(rng, B=1, T=3, dtype="float32", gain=1.2, far=0.0, **options):
    cfg = config(**options)
    weights = rng.weights(sizes(cfg), gain=gain, dtype=dtype)
    for name in ("wte", "wpe"):
        weights[f"transformer.{name}.weight"] *= cfg["n_embd"] ** 0.5
    weights["transformer.wpe.weight"] += far
    weights["lm_head.weight"] = weights["transformer.wte.weight"]
    return {"cfg": cfg, "weights": weights, "ids": rng.integers(0, cfg["vocab"], B, T)}


def build(student, cfg, weights, **parts):
    return with_weights(student.GPT2(student.GPT2Cfg(**cfg), **parts), weights)


def activation(rng, values=None, shape=None, dtype="float64", loud=1.0, **options):
    x = torch.tensor(values, dtype=getattr(torch, dtype)) if values else loud * rng.normal(*shape, dtype=dtype)
    return tokens(rng, dtype=dtype, **options) | {"x": x}


@check(
    points=1,
    inputs=activation,
    lecture="the-feed-forward-network",
    public=[
        case("near the largest difference from the exact GELU", values=[-2.7, -1.0, 0.0, 0.5, 2.7], n_embd=2, vocab=3, n_ctx=3),
        case("float32", values=[-3.0, 1.5], dtype="float32", n_head=1, n_embd=2, vocab=3, n_ctx=3),
    ],
    hidden=[
        case("a number", shape=(), T=2),
        case("four dimensions", shape=(2, 1, 3, 2), B=2, n_layer=2, n_embd=6),
        case("large ones", shape=(5, 3), loud=50.0, T=4),
        case("float32, large ones", shape=(3, 4), loud=30.0, dtype="float32", T=1),
        case("none", shape=(0, 3), B=2),
    ],
    cites=["The activation of GPT-2", "This is an approximation of the exact", "Your own one is gelu", "One check, and no other, tells the difference"],
)  # fmt: skip
def gelu_is_the_tanh_form(student, x, cfg, weights, ids):
    """`gelu` is the form with tanh, with exact gradients, and it is what your model uses when no activation is given."""
    view = torch.stack([x, x], -1)[..., 1] if x.ndim else x
    return {
        "gelu": with_gradients(student.gelu, x=x), "of other numbers": student.gelu(-x), "of a view": student.gelu(view),
        "model": build(student, cfg, weights)(ids)[0], "left": flags(x),
    }  # fmt: skip


def all_gradients(out, model, names):
    """By the names that the exercise gives, the tied one once."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    return gradients(out, {name: parameters[name] for name in names})


def trained(rng, of=None, training=True, **options):
    """A model, and the endings of the names whose gradients are looked at: all, or a few where the plan has to be small."""
    return tokens(rng, **options) | {"of": of or [""], "training": training}


FEW = ["wte.weight", "wpe.weight", "ln_1.weight", "c_proj.bias", "ln_f.bias"]


@check(
    points=2,
    inputs=trained,
    tolerance=GRADIENTS,
    lecture="one-block",
    public=[
        case("one layer, two heads", T=3, vocab=3, n_ctx=4, of=FEW),
        case("two layers of one head", T=2, n_embd=2, n_head=1, n_layer=2, vocab=3, n_ctx=3, of=FEW),
    ],
    hidden=[
        case("three heads, two layers", B=2, T=5, n_layer=2, n_embd=12, n_head=3, vocab=11),
        case("in evaluation mode", B=2, T=3, n_layer=2, training=False),
        case("two heads of five", B=3, T=4, n_embd=10, vocab=5),
        case("as many heads as features", T=4, n_embd=5, n_head=5, vocab=6),
        case("one token", B=3, T=1, n_layer=2),
        case("as long as n_ctx", B=2, T=6, n_ctx=6, vocab=8, n_embd=6, n_head=3),
        case("heads of sixteen", T=6, n_embd=32, vocab=3),
        case("as wide as the vocabulary, as many sequences as tokens", B=8, T=8, vocab=8, n_embd=8, n_ctx=8),
        case("eighteen layers", T=2, n_layer=18, vocab=3, gain=0.7),
        case("no layers", B=2, T=3, n_layer=0, n_embd=6, vocab=5),
        case("twenty tokens", T=20, n_ctx=23, n_embd=6),
        case("one sequence of seven, head of three", B=1, T=7, n_embd=9, n_head=3, n_layer=3),
    ],
    fresh=1,
    cites=[
        "A decoder of L equal blocks", "Then each block computes", "The logits are the products", "The first C features that come out", "gradients flow to all parameters",
        "under a second name", "for the new tokens only", "The names of the parameters", "for what the heads give", "then comes the activation", "There is no dropout",
        "Your own one scales the scores", "your own one is layer norm", "The variance is the mean", "and ln_f comes after the last block", "Matrices are kept as nn Linear",
    ],
)  # fmt: skip
def blocks_are_added_up(student, cfg, weights, ids, of, training):
    """The logits are those of L blocks, each with attention and a feed-forward network behind norms of their own; all weights get gradients."""
    model = build(student, cfg, weights, act=torch.tanh).train(training)
    out, present = model(ids)
    logits = [out, model(ids.flip(0, 1))[0], model(ids.mT.contiguous().mT)[0]]
    names = [name for name in weights if name.endswith(tuple(of))]
    seen = {"logits": logits, "present": present, "gradients": all_gradients(out, model, names)}
    if present and ids.shape[1] > 1:
        last = model(ids[:, -1:], model(ids[:, :-1])[1])[0]
        seen["gradients through the cache"] = all_gradients(last, model, [name for name in names if name.endswith("ln_1.weight")])
    if present and ids.shape[1] > 2:
        early = model(ids[:, 1:-1], model(ids[:, :1])[1])[1]
        far = model(ids[:, -1:], early)[0]
        seen["gradients through two caches"] = all_gradients(far, model, [name for name in names if name.endswith("ln_1.weight")])
    return seen


@check(
    points=1,
    inputs=tokens,
    lecture="one-block",
    public=[case("the usual eps", T=3, vocab=3, n_ctx=4, n_embd=2, dtype="float64", n_head=1)],
    hidden=[
        case("a large eps", B=2, T=4, n_embd=6, n_head=3, dtype="float64", eps=0.5),
        case("two layers, a small eps", T=5, n_embd=8, n_layer=2, dtype="float64", eps=1e-12),
        case("scores beyond ten thousand", T=5, n_embd=12, n_head=3, dtype="float64", gain=1000.0),
        case("large scores", T=5, n_embd=12, n_head=3, dtype="float64", gain=100.0),
        case("features far from 0", B=2, T=4, n_embd=6, n_layer=2, dtype="float64", far=1e3),
        case("float32 stays float32", B=2, T=2, n_layer=2, eps=0.01),
    ],
    cites=[
        "Everything is computed in that dtype", "all of a model is of one dtype", "models share nothing", "it changes no flag, no mode and no random state", "with cfg eps",
        "at first 1 and 0",
    ],
)  # fmt: skip
def float64_is_exact_to_the_end(student, cfg, weights, ids):
    """For float64 weights everything is computed in float64, with the model's own eps, and calls leave modes and flags as they are."""
    fresh = student.GPT2(student.GPT2Cfg(**cfg), act=torch.tanh)
    norms = {name: p.detach().clone() for name, p in fresh.named_parameters() if ".ln_" in name}
    model = with_weights(fresh, weights)
    other = build(student, cfg | {"eps": 0.1}, weights, act=torch.sin)  # of the same sizes
    other.eval()
    other.transformer.ln_f.requires_grad_(False)
    torch.manual_seed(8)
    logits = [model(ids)[0], other(ids)[0], model(ids)[0]]
    state = torch.rand(2)
    parameters = dict(model.named_parameters(remove_duplicate=False))
    same = parameters["lm_head.weight"] is parameters["transformer.wte.weight"]
    names = sorted(parameters)
    return {"logits": logits, "one matrix": same, "names": names, "left": flags(model, other, *weights.values()), "norms at first": norms, "state": state}


@check(
    points=1,
    inputs=tokens,
    lecture="parts-that-can-be-exchanged",
    public=[
        case("two layers, another eps", T=2, n_embd=2, n_head=1, n_layer=2, vocab=4, n_ctx=3, eps=0.01),
    ],
    hidden=[
        case("two layers", B=2, T=3, n_layer=2, n_embd=6, n_head=3, vocab=5),
        case("one head, three layers", T=4, n_layer=3, n_embd=5, n_head=1, eps=0.1, gain=0.8),
        case("one token", B=3, T=1, n_embd=8, n_layer=2),
        case("as many sequences as tokens and heads", B=3, T=3, n_embd=12, n_head=3),
    ],
    cites=[
        "Three parts may be given", "attention of q", "It is always called with", "It is called for every norm", "called once in each layer",
        "None means your own code",
    ],
)  # fmt: skip
def given_parts_are_used(student, cfg, weights, ids):
    """The model calls the parts that it is given, for every layer, and its own for the others."""
    calls, eps_given, wide = [], [], []

    def attend(q, k, v, causal=False):
        calls.append([list(q.shape), list(k.shape), list(v.shape), causal])
        return v.mean(2, keepdim=True) + 0.3 * v[:, :, -q.shape[2] :] + 0.1 * q - 0.2 * k[:, :, -q.shape[2] :]

    def norm(x, w, b, eps):
        eps_given.append(eps)
        return x / (x.abs().amax(-1, keepdim=True) + 10 * eps) * w - b

    def act(x):
        wide.append(list(x.shape))
        return x.relu() + 0.1 * x

    parts = {"attend": attend, "norm": norm, "act": act}
    first, present = build(student, cfg, weights, **parts)(ids)
    seen = {"attend": calls[:], "eps": eps_given[:], "act": wide[:]}
    logits = {"all parts": first, "continued": build(student, cfg, weights, **parts)(ids[:, :1], present)[0]}
    seen["behind a cache"] = calls[-1:]
    for name, part in parts.items():
        logits[name] = build(student, cfg, weights, **{"act": torch.tanh, name: part})(ids)[0]
    logits["act, an empty module"] = build(student, cfg, weights, act=torch.nn.Sequential())(ids)[0]  # its length is 0
    return {"logits": logits, "calls": seen}


def pieces(rng, cuts, room=0, **options):
    """A sequence and where it is cut. The model has `room` more positions than the sequence needs."""
    return tokens(rng, T=cuts[-1], n_ctx=cuts[-1] + room, **options) | {"cuts": cuts, "room": room}


@check(
    points=2,
    inputs=pieces,
    judge=pieces_are_the_whole,
    lecture="the-cache",
    public=[case("two tokens, then one, two layers", cuts=[2, 3], n_embd=2, n_layer=2, vocab=3)],
    hidden=[
        case("one at a time, two layers", cuts=[1, 2, 3, 4], B=2, n_layer=2),
        case("chunks", cuts=[3, 5, 8], B=3, n_embd=12, n_head=6, room=2),
        case("more new ones than old ones", cuts=[1, 6], n_embd=6, n_head=3, n_layer=2),
        case("three layers", cuts=[4, 5, 7], n_layer=3, n_embd=6, n_head=1, room=1),
        case("twenty tokens", cuts=[17, 18, 20], n_embd=6, vocab=5),
        case("a large eps", cuts=[2, 4], B=2, n_embd=10, eps=0.3),
    ],
    cites=[
        "New token t stands at position", "It sees the S old tokens", "neither the list nor its tensors are changed", "a list with one tuple keys values",
        "Where S T is larger than n_ctx", "S T n_ctx is fine", "so one past can be continued", "A call leaves nothing behind", "new token t sees the keys",
    ],
)  # fmt: skip
def decoding_in_pieces_is_prefill(student, cfg, weights, ids, cuts, room):
    """A sequence fed in pieces gives the logits of one pass; `past` can be continued twice, and ends with n_ctx."""
    model = build(student, cfg, weights, act=torch.tanh)
    whole = model(ids)[0]
    found, presents, start, past = [], [], 0, None
    for end in cuts:
        logits, past = model(ids[:, start:end], past=past)
        found.append(logits)
        presents.append(past)
        start = end
    others = []  # other tokens behind the same first piece; then the first ones again
    for piece in ((ids + 1) % cfg["vocab"], ids):
        others.append(model(piece[:, cuts[0] : cuts[1]], presents[0]))
    views = [(k.mT.contiguous().mT, v.mT.contiguous().mT) for k, v in presents[0]]
    others.append(model(ids[:, cuts[0] : cuts[1]], views))
    more = ids[:, :1].expand(-1, room + 1)
    full = torch.cat([ids, more[:, :room]], 1)
    ends = {
        "fits": model(full)[0][:, -1:],
        "in one": raises("IndexError", lambda: model(torch.cat([ids, more], 1))),
        "one more": raises("IndexError", lambda: model(ids[:, :1], model(full)[1])),
        "behind the cache": raises("IndexError", lambda: model(more, past)),
        "with two more": raises("IndexError", lambda: model(full[:, :2], model(full)[1])),
    }
    again = model(ids[:, : cuts[0]])[0]
    left = flags(model, *[each for pair in presents[0] for each in pair])
    return {"whole": whole, "pieces": found, "presents": presents[:1] + presents[-1:], "others": others, "ends": ends, "again": again, "left": left}


def checkpoint(rng, prefix=True, old=False, head=False, dtype="float32", model_dtype="float32", skip=(), **options):
    """A file of Hugging Face's for a model of model_dtype, and the names in it."""
    made = tokens(rng, dtype=dtype, **options)
    sd = {name: w.mT.contiguous() if name.endswith(MATRICES) else w for name, w in made.pop("weights").items()}
    del sd["lm_head.weight"]
    if not prefix:
        sd = {name.removeprefix("transformer."): w for name, w in sd.items()}
    names = sorted(sd)
    if old:
        n, start = made["cfg"]["n_ctx"], "transformer." if prefix else ""
        for i in range(made["cfg"]["n_layer"]):
            sd[f"{start}h.{i}.attn.bias"] = torch.ones(n, n).tril()[None, None]
            sd[f"{start}h.{i}.attn.masked_bias"] = torch.tensor(-1e4)
    if head:
        wte = next(name for name in names if name.endswith("wte.weight"))
        sd["lm_head.weight"] = sd[wte].clone()
    if made["cfg"]["n_layer"] > 2:  # each name that is left out costs a loading
        names = [name for name in names if "h." not in name or "h.10." in name]
    return made | {"sd": sd, "model_dtype": model_dtype, "names": names}


@check(
    points=2,
    inputs=checkpoint,
    lecture="weights-from-a-file",
    public=[
        case("one layer", vocab=3, n_ctx=4, n_embd=2),
        case("no prefix, masks, as the file of gpt2", vocab=3, n_ctx=3, n_embd=2, prefix=False, old=True, n_head=1),
    ],
    hidden=[
        case("with the head", n_layer=2, n_embd=6, n_head=3, head=True),
        case("no prefix, with the head, twelve layers", n_layer=12, n_embd=2, prefix=False, head=True, vocab=3),
        case("an old one", n_embd=8, old=True, n_layer=2, B=2),
        case("an old one with the head", n_embd=3, n_head=1, old=True, head=True, n_layer=2, B=2),
        case("float64 weights for a float32 model", dtype="float64", B=2, T=2),
        case("bfloat16 weights for a float32 model", dtype="bfloat16", prefix=False, n_embd=6),
        case("float64 model", dtype="float32", model_dtype="float64", n_layer=2),
        case("vocabulary as wide as the model", vocab=6, n_ctx=6, n_embd=6, n_head=3),
    ],
    cites=[
        "Copy the weights of a checkpoint", "shares nothing with the model afterwards", "It is not changed", "Four matrices in each layer", "wte and wpe are written as here",
        "In some files no name begins", "Old files also hold", "lm_head weight may be there", "Where else a name is missing", "These are masks", "Both are accepted",
    ],
)  # fmt: skip
def checkpoints_are_loaded(student, cfg, ids, sd, model_dtype, names):
    """`load_hf` copies every weight, turns those of Conv1D, knows the kinds of files, and raises RuntimeError for what does not fit."""
    parts = {"act": torch.tanh}
    model, other = (student.GPT2(student.GPT2Cfg(**cfg), **parts).to(getattr(torch, model_dtype)) for _ in "12")
    other.eval()
    other.transformer.ln_f.requires_grad_(False)
    other.load_hf(sd)
    copies = {name: weight.mT.contiguous().mT.clone() if weight.ndim == 2 else weight.clone() for name, weight in sd.items()}
    model.load_hf(copies)
    for weight in copies.values():
        weight.zero_()  # shares nothing
    parameters = dict(model.named_parameters(remove_duplicate=False))
    same = parameters["lm_head.weight"] is parameters["transformer.wte.weight"]
    start = "transformer." if names[0].startswith("transformer.") else ""
    unknown = [f"{start}h.0.attn.c_attn.scale", f"{start}wte.bias", f"{start}h.{cfg['n_layer']}.ln_1.weight", f"{start}h.0.attn.q_attn.weight"]
    unknown += ["head.masked_bias", f"{start}h.0.mlp.masked_bias"]
    square = [name for name in names if name.endswith(MATRICES) and sd[name].shape[0] != sd[name].shape[1]]
    wrong = {
        "missing": [{key: w for key, w in sd.items() if key != name} for name in names],
        "another shape": [sd | {name: sd[name][:-1]} for name in names],
        "one more dimension": [sd | {name: sd[name][None]} for name in names],
        "turned already": [sd | {name: sd[name].mT} for name in square],
        "unknown": [sd | {name: torch.zeros(2)} for name in unknown],
    }
    refused = {kind: [raises("RuntimeError", lambda f=file: other.load_hf(f)) for file in files] for kind, files in wrong.items()}
    weights = {name: parameters[name] for name in ("transformer.wpe.weight", "transformer.h.0.attn.c_proj.weight")}  # logits show the others
    return {
        "logits": model(ids)[0], "weights": weights, "one matrix": same, "refused": refused, "left": flags(model, other, *sd.values()),
        "keys": list(sd),
    }  # fmt: skip


def are_drawn(seen, want, inputs):
    """Each kind of weight has its own spread, and looks like a normal distribution."""
    std = 0.02 if inputs["std"] is None else inputs["std"]
    drawn = []
    for kind in ("wte.weight", "wpe.weight", *MATRICES):
        tensors = [w for name, w in seen["weights"].items() if name.endswith(kind)]
        scale = std / (2 * len(tensors)) ** 0.5 if kind.endswith("c_proj.weight") else std
        z = torch.cat([w.flatten() for w in tensors]).double() / scale
        n = z.numel()
        if not torch.isfinite(z).all():
            return reject("There is a nan or an infinite number in {kind}.", kind=kind)
        found = z.square().mean().sqrt().item()
        if abs(found - 1) > 7 / (2 * n) ** 0.5 or z.mean().abs().item() > 7 / n**0.5:
            return reject("The spread of {kind} is not what it should be.", kind=kind)
        for w in tensors:
            one = w.double() / scale
            if one.numel() > 30 and not 0.5 < one.square().mean().sqrt().item() < 1.5:
                return reject("One of the layers has another spread in {kind}.", kind=kind)
        drawn.append(z)
    z = torch.cat(drawn)
    # eight intervals of the normal distribution, each as probable as the others
    edges = torch.tensor([-1.1503493803760079, -0.6744897501960817, -0.3186393639643752, 0.0]).double()
    edges = torch.cat([edges, -edges[:3].flip(0)])
    counts = torch.bucketize(z, edges).bincount(minlength=8)
    beyond = (z.abs() > 2.0).sum()
    if implausible(counts, torch.full((8,), 0.125)) or implausible(torch.stack([z.numel() - beyond, beyond]), torch.tensor([0.9545, 0.0455])):
        return reject("These numbers are not drawn from a normal distribution.")
    if (z * 1e6).round().unique().numel() < 0.97 * z.numel():
        return reject("The same numbers occur several times among the weights: each number is to be drawn by itself.")
    if difference(seen["again"], seen["one"]) is not None:
        return reject("The same seed gave other weights.")
    if not seen["gradients stay off"]:
        return reject("Gradients are on after the call, for a caller who had them off.")
    if difference(seen["other seed"], seen["one"]) is None or difference(seen["no seed"], seen["one"]) is None:
        return reject("Another seed gave the same weights.")
    if not seen["logits"].abs().max() > 0:
        return reject("With the first weights all logits are 0.")
    exact = ("vectors", "the global state", "tied", "left")
    return difference({key: seen[key] for key in exact}, {key: want[key] for key in exact})


def thinned(w):
    """At most 150 of its numbers, from all over."""
    return w.flatten()[:: -(-w.numel() // 150)]


def model_sizes(rng, seed=None, std=None, **more):
    return {"seed": seed, "std": std} | more


@check(
    points=2,
    inputs=model_sizes,
    judge=are_drawn,
    lecture="the-first-weights",
    public=[case("five layers", n_layer=5, vocab=8, n_ctx=9, n_embd=2, std=0.1, seed=3)],
    hidden=[
        case("two layers", n_layer=2, vocab=41, n_ctx=50, n_embd=16, seed=1),
        case("three layers, a large std", n_layer=3, vocab=50, n_ctx=33, n_embd=12, std=0.5, seed=2),
        case("one layer", n_layer=1, vocab=40, n_ctx=30, n_embd=20, std=1.0, seed=7),
        case("one layer, a std of 4", n_layer=1, vocab=40, n_ctx=30, n_embd=20, std=4.0, seed=7),
        case("twenty layers, another seed", n_layer=12, vocab=60, n_ctx=30, n_embd=6, seed=12345),
        case("no seed given", n_layer=2, vocab=41, n_ctx=33, n_embd=16, seed=None),
    ],
    cites=[
        "Draw the first weights", "All matrices, and both embeddings", "but attn c_proj weight", "all biases become 0", "Each number is drawn by itself",
        "The same seed gives", "torch's global random state", "The tied matrix is drawn with", "One check, and no other, tells the difference",
    ],
)  # fmt: skip
def first_weights_are_drawn(student, n_layer, vocab, n_ctx, n_embd, seed, std):
    """The first weights are normal with std, what is added to the stream with std/√(2L), biases 0 and norms 1; the seed decides."""
    cfg = student.GPT2Cfg(vocab, n_ctx, n_layer, 2, n_embd)
    spread = {} if std is None else {"std": std}
    given = spread if seed is None else spread | {"seed": seed}
    one, two = (student.GPT2(cfg, act=torch.tanh) for _ in "12")
    two.eval()
    two.transformer.wpe.requires_grad_(False)
    held = dict(one.named_parameters())
    with torch.no_grad():
        for parameter in held.values():
            parameter.fill_(3.0)
    torch.manual_seed(5)
    student.init_weights(one, **given)
    state = torch.rand(3)
    torch.manual_seed(6)
    name = "transformer.h.0.attn.c_attn.weight"
    matrix = two.get_parameter(name)
    found = {}
    for kind, more in {"again": given, "other seed": spread | {"seed": 99}, "no seed": spread}.items():
        student.init_weights(two, **more)
        found[kind] = matrix.detach()[:2].clone()
    if seed is None:
        found["no seed"] = -found["no seed"]  # it is the same there
    found["gradients stay off"] = leaves_gradients_off(student.init_weights, two)
    tied = dict(two.named_parameters(remove_duplicate=False))["lm_head.weight"] is two.get_parameter("transformer.wte.weight")
    logits = one(torch.arange(3)[None])[0]
    return found | {
        "logits": logits.detach(), "weights": {key: thinned(w.detach()) for key, w in held.items() if w.ndim == 2}, "vectors": {key: w.detach() for key, w in held.items() if w.ndim < 2},
        "one": held[name].detach()[:2], "the global state": state, "tied": tied, "left": flags(one, two),
    }  # fmt: skip


@check(
    points=1,
    lecture="how-many-parameters",
    public=[
        case("the four sizes of GPT-2", models=[config(50257, 1024, L, H, C) for L, H, C in ((12, 12, 768), (24, 16, 1024), (36, 20, 1280), (48, 25, 1600))]),
    ],
    hidden=[
        case("distilgpt2", models=[config(50257, 1024, 6, 12, 768)]),
        case("Cerebras-GPT 111M and 13B", models=[config(50257, 2048, 10, 12, 768), config(50257, 2048, 40, 40, 5120)]),
        case("GPT-3", models=[config(50257, 2048, 96, 96, 12288)]),
        case("one of each is not 1", models=[config(3, 1, 1, 1, 1), config(1, 3, 1, 1, 1), config(1, 1, 3, 1, 1), config(1, 1, 1, 1, 3)]),
        case("no layer", models=[config(5, 4, 0, 2, 6)]),
    ],
    cites=["The number of parameters of", "A matrix that is used twice"],
)  # fmt: skip
def parameters_are_counted(student, models):
    """The count has every matrix, bias, norm and embedding of the model, the tied matrix once."""
    return [student.param_count(student.GPT2Cfg(**cfg)) for cfg in models]
