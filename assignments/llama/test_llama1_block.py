"""Public checks of llama/llama1_block: run `pytest` on this file, or `autograder check llama/llama1_block`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, flags, gradients, raises, with_gradients, with_weights
from autograder.lab.pieces import pieces_are_the_whole


GRADIENTS = Tolerance(atol=5e-5, rtol=2e-4)


def network(rng, shape=(2,), C=3, F=5, dtype="float64", loud=1.0):
    shapes = {"x": (*shape, C), "Wg": (F, C), "Wu": (F, C), "Wd": (C, F)}
    made = {name: rng.normal(*each, dtype=dtype) for name, each in shapes.items()}
    return made | {"x": loud * made["x"]}


@check(points=1, inputs=network, lecture='the-feed-forward-network-swiglu', public=[case('two tokens', C=2, F=3), case('two sequences', shape=(2, 3), C=2, F=5)])
def only_the_gate_goes_through_silu(student, x, Wg, Wu, Wd):
    """The result is Wd (silu(Wg x) ⊙ Wu x), for x of any number of dimensions, and gradients flow to all four."""
    views = [each.mT.contiguous().mT if each.ndim > 1 else each for each in (x, Wg, Wu, Wd)]
    return {
        "result": with_gradients(student.swiglu, x=x, Wg=Wg, Wu=Wu, Wd=Wd),
        "of views": student.swiglu(*views),
        "of other numbers": [student.swiglu(-x, Wg, Wu, Wd), student.swiglu(x, Wu, Wg, Wd)],
        "left": flags(x, Wg, Wu, Wd),
    }


@check(points=1, lecture='how-wide-is-it', public=[case('Llama 7B, 13B, 33B, 65B', calls=[[4096], [5120], [6656], [8192]]), case('Llama 2 70B, Llama 3 8B', calls=[[8192, 4096, 1.3], [4096, 1024, 1.3]]), case('⌊8 · 96 / 3⌋ is 256 already', calls=[[96, 256]])])
def the_width_is_cut_and_rounded_up(student, calls):
    """F is ⌊8 C / 3⌋, times `mult` and cut again, rounded up to the next multiple."""
    return [student.ffn_dim(*call) for call in calls]


def config(vocab=7, dim=8, n_layers=1, n_heads=4, n_kv_heads=2, ffn_dim=5, **more):
    return {"vocab": vocab, "dim": dim, "n_layers": n_layers, "n_heads": n_heads, "n_kv_heads": n_kv_heads, "ffn_dim": ffn_dim} | more


def sizes(cfg):
    """The shapes of a model's parameters, by Hugging Face's names."""
    C, F, kv = cfg["dim"], cfg["ffn_dim"], cfg["dim"] // cfg["n_heads"] * cfg["n_kv_heads"]
    shapes = {"model.embed_tokens.weight": (cfg["vocab"], C)}
    for i in range(cfg["n_layers"]):
        parts = {
            "input_layernorm": (C,), "post_attention_layernorm": (C,),
            "self_attn.q_proj": (C, C), "self_attn.k_proj": (kv, C), "self_attn.v_proj": (kv, C), "self_attn.o_proj": (C, C),
            "mlp.gate_proj": (F, C), "mlp.up_proj": (F, C), "mlp.down_proj": (C, F),
        }  # fmt: skip
        shapes |= {f"model.layers.{i}.{part}.weight": shape for part, shape in parts.items()}
    return shapes | {"model.norm.weight": (C,), "lm_head.weight": (cfg["vocab"], C)}


def tokens(rng, B=1, T=3, dtype="float32", gain=1.2, **options):
    cfg = config(**options)
    weights = rng.weights(sizes(cfg), gain=gain, dtype=dtype)
    weights["model.embed_tokens.weight"] *= cfg["dim"] ** 0.5
    if cfg.get("tied"):
        weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    return {"cfg": cfg, "weights": weights, "ids": rng.integers(0, cfg["vocab"], B, T)}


def build(student, cfg, weights, **parts):
    return with_weights(student.Llama(student.LlamaCfg(**cfg), **parts), weights)


def all_gradients(out, model, names):
    """By the names that the exercise gives, tied ones once."""
    parameters = dict(model.named_parameters(remove_duplicate=False))
    return gradients(out, {name: parameters[name] for name in names})


@check(points=1, inputs=tokens, tolerance=GRADIENTS, lecture='one-block', public=[case('one layer, one group of heads', T=3, dim=4, n_heads=2, n_kv_heads=1, ffn_dim=3, vocab=5), case('two heads for keys too, two sequences', B=2, T=2, dim=4, n_heads=2, n_kv_heads=2, ffn_dim=2, vocab=3)])
def blocks_are_added_up(student, cfg, weights, ids):
    """The logits are those of L blocks, each with attention and a feed-forward network behind norms of their own."""
    model = build(student, cfg, weights)
    out = model(ids)
    logits = [out, model(ids.flip(0, 1)), model(ids.mT.contiguous().mT)]
    return {"logits": logits, "gradients": all_gradients(out, model, weights)}


@check(points=1, inputs=tokens, lecture='one-block', public=[case("Llama 3's base and eps", T=3, dim=4, n_heads=2, n_kv_heads=1, dtype='float64', eps=1e-05, base=500000.0)])
def float64_is_exact_to_the_end(student, cfg, weights, ids):
    """For float64 weights everything is computed in float64, with the eps and the base of the model's own configuration."""
    model = build(student, cfg, weights)
    other = build(student, cfg | {"base": 50.0, "eps": 0.1}, weights)  # of the same sizes
    other.eval()
    other.model.norm.requires_grad_(False)
    logits = [model(ids), other(ids), model(ids)]
    return {"logits": logits, "left": flags(model, other)}


@check(points=1, inputs=tokens, lecture='two-formats-of-the-same-weights', public=[case('tied, without layers', T=2, n_layers=0, vocab=3, dim=2, n_heads=1, n_kv_heads=1, tied=True), case('not tied, without layers', T=2, n_layers=0, vocab=3, dim=2, n_heads=1, n_kv_heads=1, tied=False)])
def a_tied_model_is_built_with_one_matrix(student, cfg, weights, ids):
    """In a new tied model `lm_head.weight` and `model.embed_tokens.weight` are one parameter; without `tied` they are two."""
    logits = build(student, cfg, weights)(ids)
    model = student.Llama(student.LlamaCfg(**cfg))  # nothing is loaded into this one
    parameters = dict(model.named_parameters(remove_duplicate=False))
    embedding, output = parameters["model.embed_tokens.weight"], parameters["lm_head.weight"]
    apart = bool((embedding != output).any()) if cfg.get("tied") else None
    with torch.no_grad():
        embedding.fill_(1.0)
        output.fill_(2.0)
    names = sorted(name for name, parameter in parameters.items() if parameter is embedding)
    return {
        "names of the embedding": names, "other numbers at first": apart, "the embedding when 2 is written to the output": embedding.detach(),
        "logits": logits,
    }


def placed(rng, positions=None, **options):
    return tokens(rng, **options) | {"positions": None if positions is None else torch.tensor(positions)}


class Sized:
    """A part with a length, which is 0, as an empty module has it: `part or another` takes it for none."""

    def __init__(self, part):
        self.part = part

    def __call__(self, *given, **named):
        return self.part(*given, **named)

    def __len__(self):
        return 0


@check(points=1, inputs=placed, lecture='parts-that-can-be-exchanged', public=[case('positions 0, 1, 2', T=3, dim=4, n_heads=2, n_kv_heads=1, ffn_dim=3, vocab=3), case('packed: positions begin again', T=4, positions=[0, 1, 0, 1], dim=4, n_heads=2, n_kv_heads=1, ffn_dim=3, vocab=3)])
def given_parts_are_used(student, cfg, weights, ids, positions):
    """The model calls the parts that it is given, for every layer, and its own for the others; positions go to `rotate`."""
    calls, places, eps_given = [], [], []

    def attend(q, k, v, causal=False):
        calls.append([list(q.shape), list(k.shape), list(v.shape), causal])
        return (v.mean(2, keepdim=True) + v).repeat(1, q.shape[1] // v.shape[1], 1, 1) + 0.1 * q

    def rotate(x, pos):
        where = pos.broadcast_to(x.shape[0], x.shape[2])
        places.append(where.clone())
        return x + 0.1 * where.to(x.dtype)[:, None, :, None]

    def norm(x, w, eps):
        eps_given.append(eps)
        return x / (x.abs().amax(-1, keepdim=True) + 10 * eps) * w

    parts = {"attend": attend, "rotate": rotate, "norm": norm}
    logits = {"all parts": build(student, cfg, weights, **parts)(ids, positions)}
    seen = {"attend": calls[:], "positions": torch.stack(places).unique(dim=0), "eps": eps_given[:]}
    logits["no part"] = build(student, cfg, weights)(ids, position_ids=positions)
    for name, part in parts.items():
        logits[name] = build(student, cfg, weights, **{name: part})(ids, positions)
        logits[f"{name}, an object of length 0"] = build(student, cfg, weights, **{name: Sized(part)})(ids, positions)
    return {"logits": logits, "calls": seen}


def pieces(rng, cuts, shift=None, **options):
    return tokens(rng, T=cuts[-1], **options) | {"cuts": cuts, "shift": shift}


class Ledger:
    """A cache with room for `room` tokens, which writes down what it is given."""

    def __init__(self, room):
        self.room, self.n, self.given = room, 0, []

    def __len__(self):
        return self.n

    def update(self, k, v, pos):
        self.given.append([k.clone(), v.clone(), pos.clone()])
        if not self.n:
            B, G, _, D = k.shape
            self.k, self.v = (torch.full((B, G, self.room, D), torch.nan, dtype=k.dtype) for _ in "kv")
        self.n += k.shape[2]
        self.k[:, :, pos], self.v[:, :, pos] = k, v
        return self.k[:, :, : self.n], self.v[:, :, : self.n]


@check(points=1, inputs=pieces, judge=pieces_are_the_whole, lecture='the-cache', public=[case('two tokens, then one', cuts=[2, 3], dim=4, n_heads=2, n_kv_heads=1)])
def decoding_in_pieces_is_prefill(student, cfg, weights, ids, cuts, shift):
    """A sequence fed in pieces gives the logits of one pass, and the cache is given rotated keys, values and places."""
    model = build(student, cfg, weights)

    def positions(start, end):
        return None if shift is None else (torch.tensor(shift)[:, None] + torch.arange(start, end)).squeeze(0)

    whole = model(ids, positions(0, cuts[-1]))
    ledgers, growing = ([make() for _ in range(cfg["n_layers"])] for make in (lambda: Ledger(cuts[-1] + 2), student.GrowingCache))
    found, others, start = [], [], 0
    for end in cuts:
        found.append(model(ids[:, start:end], positions(start, end), cache=ledgers))
        others.append(model(ids[:, start:end].flip(0), positions(start, end), growing))  # another batch in turn
        start = end
    given = [ledger.given for ledger in ledgers]
    return {"whole": whole, "pieces": found, "others": others, "given to the cache": given, "without": model(ids)}


META = {
    "tok_embeddings": "model.embed_tokens", "norm": "model.norm", "output": "lm_head",
    "attention.wq": "self_attn.q_proj", "attention.wk": "self_attn.k_proj", "attention.wv": "self_attn.v_proj",
    "attention.wo": "self_attn.o_proj", "feed_forward.w1": "mlp.gate_proj", "feed_forward.w2": "mlp.down_proj",
    "feed_forward.w3": "mlp.up_proj", "attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm",
}


def of_meta(rng, freqs=False, only=None, dtype="float32", **options):
    """A file of Meta's: weights of the right shapes, some of them as views."""
    cfg, ours = config(**options), {there: here for here, there in META.items()}
    sd = {}
    for name, shape in sizes(cfg).items():
        prefix = ""
        if name.startswith("model.layers."):
            _, _, i, part = name.removesuffix(".weight").split(".", 3)
            prefix = f"layers.{i}."
        else:
            part = name.removesuffix(".weight")
        if only is None or any(each in ours[part] for each in only):
            sd[f"{prefix}{ours[part]}.weight"] = rng.normal(*shape, dtype=dtype)
    if freqs:
        sd = {"rope.freqs": rng.normal(cfg["dim"] // cfg["n_heads"] // 2)} | sd
    return {"sd": sd, "H": cfg["n_heads"], "G": cfg["n_kv_heads"]}


@check(points=1, inputs=of_meta, lecture='two-formats-of-the-same-weights', public=[case('queries and keys of one layer', only=['wq', 'wk'], dim=8, n_heads=2, n_kv_heads=1, ffn_dim=2, vocab=2), case('everything', dim=4, n_heads=2, n_kv_heads=2, ffn_dim=3, vocab=3)])
def metas_rows_are_put_into_halves(student, sd, H, G):
    """Meta's names become Hugging Face's, and the rows of each query and key head are put from pairs into halves."""
    views = {name: weight.mT.contiguous().mT if weight.ndim == 2 else weight for name, weight in sd.items()}
    return {
        "weights": student.meta_to_hf(sd, H, G),
        "of other numbers": student.meta_to_hf({name: -weight for name, weight in views.items()}, H, G),
        "one head": student.meta_to_hf(sd, 1, 1),
        "left": flags(*sd.values()),
    }


def checkpoint(rng, old=False, dtype="float32", model_dtype="float32", **options):
    """A file of Hugging Face's for a model of model_dtype, and one name of it."""
    made = tokens(rng, dtype=dtype, **options)
    sd = dict(made.pop("weights"))
    if options.get("tied"):
        del sd["lm_head.weight"]
    names = sorted(sd)
    if old:
        for i in (0, 1, 30):
            sd[f"model.layers.{i}.self_attn.rotary_emb.inv_freq"] = rng.normal(made["cfg"]["dim"] // made["cfg"]["n_heads"] // 2)
    return made | {"sd": sd, "model_dtype": model_dtype, "names": names}


@check(points=1, inputs=checkpoint, lecture='two-formats-of-the-same-weights', public=[case('one layer', dim=4, n_heads=2, n_kv_heads=1, ffn_dim=2, vocab=3), case('tied: no lm_head.weight', dim=4, n_heads=2, n_kv_heads=1, ffn_dim=2, vocab=3, tied=True)])
def checkpoints_are_loaded(student, cfg, ids, sd, model_dtype, names):
    """`load_hf` copies every weight, knows inv_freq and tied models, and raises RuntimeError for what does not fit."""
    model, other = (student.Llama(student.LlamaCfg(**cfg)).to(getattr(torch, model_dtype)) for _ in "12")
    other.eval()
    other.model.norm.requires_grad_(False)
    other.load_hf(sd)
    copies = {name: weight.mT.contiguous().mT.clone() if weight.ndim == 2 else weight.clone() for name, weight in sd.items()}
    model.load_hf(copies)
    for weight in copies.values():
        weight.zero_()  # shares nothing
    parameters = dict(model.named_parameters(remove_duplicate=False))
    same = parameters["lm_head.weight"] is parameters["model.embed_tokens.weight"]
    grads = [parameters[name].requires_grad for name in names]
    wrong = {
        "missing": [{key: w for key, w in sd.items() if key != name} for name in names],
        "another shape": [sd | {name: sd[name][:-1]} for name in names],
        "unknown": [sd | {name: torch.zeros(2)} for name in ("model.layers.0.mlp.bias", "model.layers.0.self_attn.rotary_emb.weight", "model.layers.0.self_attn.inv_freqs", "norm.weight", "model.layers.9.mlp.up_proj.weight")],
    }
    refused = {kind: [raises("RuntimeError", lambda f=file: other.load_hf(f)) for file in files] for kind, files in wrong.items()}
    weights = {name: parameters[name] for name in names[:2]}  # the logits show the others
    wide = student.Llama(student.LlamaCfg(**cfg)).double()
    wide.load_hf({name: weight.double() / 3 for name, weight in sd.items()})
    weights["in float64"] = wide.state_dict()[names[0]]
    return {
        "logits": model(ids), "weights": weights, "one matrix": same, "requires_grad": grads, "refused": refused, "left": flags(model, other, *sd.values()),
    }


@check(points=1, lecture='how-many-parameters', public=[case('Llama 7B and 13B', models=[config(32000, 4096, 32, 32, 32, 11008), config(32000, 5120, 40, 40, 40, 13824)]), case('SmolLM 135M, which is tied', models=[config(49152, 576, 30, 9, 3, 1536, tied=True)])])
def parameters_are_counted(student, models):
    """The count has every matrix and norm of the model, a matrix that is used twice once."""
    return [student.n_params(student.LlamaCfg(**cfg)) for cfg in models]
