"""Public checks of tuning/p_tuning: run `pytest` on this file, or `autograder check tuning/p_tuning`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from torch import nn
from autograder.checks import case, check, flags, gradients, leaves_gradients_off, raises, with_weights


def shapes(P, C, h, kind):
    if kind == "mlp":
        sizes = [("0", C, h), ("2", h, h), ("4", h, C)]
        lstm = {}
    else:
        sizes = [("0", 2 * h, 2 * h), ("2", 2 * h, C)]
        lstm = {}
        for layer, n_in in ((0, C), (1, 2 * h)):
            for end in (f"l{layer}", f"l{layer}_reverse"):
                lstm |= {f"lstm_head.weight_ih_{end}": (4 * h, n_in), f"lstm_head.weight_hh_{end}": (4 * h, h)}
                lstm |= {f"lstm_head.bias_ih_{end}": (4 * h,), f"lstm_head.bias_hh_{end}": (4 * h,)}
    head = {f"mlp_head.{n}.{part}": shape for n, a, b in sizes for part, shape in (("weight", (b, a)), ("bias", (b,)))}
    return {"embedding.weight": (P, C), **lstm, **head}


def encoders(rng, P=3, C=4, h=2, kind="lstm", dtype="float32", dropout=0.0):
    weights = rng.weights(shapes(P, C, h, kind), gain=2.0, dtype=dtype)
    weights["embedding.weight"] = rng.normal(P, C, dtype=dtype)
    return {"weights": weights, "sizes": (P, C, h, kind), "dropout": dropout, "seed": rng.integer(0, 10**6)}


def encoder_of(student, weights, sizes, dropout=0.0):
    arguments = sizes[:3] if sizes[3] == "lstm" and not dropout else sizes if not dropout else (*sizes, dropout)
    return with_weights(student.PromptEncoder(*arguments), weights)


@check(points=1, inputs=encoders, lecture='a-network-that-makes-the-prompt', public=[case('three vectors'), case('one vector', P=1, C=2, h=3)])
def an_lstm_reads_in_both_directions(student, weights, sizes, dropout, seed):
    """Two layers of an LSTM read the vectors in both directions, and an MLP makes the prompt of what they give."""
    encoder = encoder_of(student, weights, sizes)
    student.PromptEncoder(2, 3, 1, "mlp")  # another one has layers of its own
    prompt = encoder()
    seen = {"prompt": prompt.detach(), "gradients": gradients(prompt, encoder), "again": encoder().detach()}
    encoder.eval()
    return seen | {"in evaluation mode": encoder().detach(), "left": flags(encoder)}


@check(points=1, inputs=encoders, lecture='a-network-that-makes-the-prompt', public=[case('three vectors', kind='mlp'), case('one vector', P=1, C=2, h=5, kind='mlp')])
def an_mlp_sees_each_vector_by_itself(student, weights, sizes, dropout, seed):
    """With kind="mlp" three linear layers with ReLU between them make each vector by itself, without dropout."""
    encoder = encoder_of(student, weights, sizes, dropout).train()
    prompt = encoder()
    seen = {"prompt": prompt.detach(), "gradients": gradients(prompt, encoder)}
    with torch.no_grad():
        encoder.embedding.weight.copy_(encoder.embedding.weight.flip(0).clone())
    seen |= {"turned": encoder().detach(), "another kind": raises("ValueError", lambda: student.PromptEncoder(2, 3, 4, "gru"))}
    encoder.requires_grad_(False)
    off = leaves_gradients_off(student.bake, encoder)
    return seen | {"baked": student.bake(encoder.eval()), "gradients stay off": off, "left": flags(encoder)}


@check(points=1, inputs=encoders, lecture='baking', public=[case('an LSTM with dropout', dropout=0.5), case('an MLP', kind='mlp')])
def baked_is_what_evaluation_mode_gives(student, weights, sizes, dropout, seed):
    """bake gives the prompt without dropout, as a copy that stays, and leaves the encoder's modes as they are."""
    encoder = encoder_of(student, weights, sizes, dropout).train()
    encoder.embedding.eval()  # so that both modes occur
    encoder.embedding.weight.requires_grad_(False)
    torch.manual_seed(seed)
    baked = student.bake(encoder)
    left = [flags(encoder), [bool(m.training) for m in (encoder, encoder.embedding, encoder.mlp_head)]]
    seen = {"baked": baked.clone(), "requires": bool(baked.requires_grad), "left": left}
    torch.manual_seed(seed)
    drawn = encoder().detach()
    seen["moved by dropout"] = bool((drawn - baked).abs().max() > 1e-6)
    alive = encoder.eval()().detach()
    with torch.no_grad():
        for parameter in encoder.parameters():
            parameter.mul_(-0.5)
    return seen | {"live": alive, "after a step": baked, "baked again": student.bake(encoder), "left then": flags(encoder)}


def templates(rng, template=("P", "x", 3, "P"), B=2, T=3, C=4, V=7, P=None, dtype="float32", prompt="float32", kind=None):
    template = tuple(template)
    n = template.count("P") if P is None else P
    made = {"template": template, "words": rng.normal(V, C, dtype=dtype), "x_ids": rng.integers(0, V, B, T)}
    made |= {"prompt": rng.normal(n, C, dtype=prompt), "encoder": None}
    if kind:
        made["encoder"] = rng.weights(shapes(n, C, 3, kind), gain=2.0, dtype=prompt)
    return made | {"kind": kind}


def words_of(words, frozen=True):
    layer = nn.Embedding(*words.shape, dtype=words.dtype)
    return with_weights(layer, {"weight": words}).requires_grad_(not frozen)


@check(points=2, inputs=templates, lecture='a-template', public=[case('two around the input'), case('anchors between', template=('P', 'P', 5, 'x', 2, 'P', 0), T=2)])
def learned_vectors_stand_among_words(student, template, words, x_ids, prompt, encoder, kind):
    """Ids stand as words, "x" as the input, and the prompt's vectors, in their order, at the places of "P"."""
    layer = words_of(words)
    vectors = prompt.clone().requires_grad_()
    out, places = student.fill_template(template, layer, vectors, x_ids)
    seen = {"out": out.detach(), "places": places, "gradient": gradients(out.float(), {"prompt": vectors})["prompt"] if len(prompt) else None}
    view = x_ids.T.contiguous().T
    again, _ = student.fill_template(template, layer, -prompt.T.contiguous().T, view.flip(0))
    more, at = student.fill_template((*template, "x", 1), layer, prompt, x_ids[:1, :1])
    return seen | {"again": again, "longer": more, "at": at, "template": list(template), "left": flags(view, layer, prompt)}


@check(points=1, inputs=templates, lecture='a-template', public=[case('an MLP', kind='mlp', template=('P', 'x', 3, 'P'), T=2)])
def the_encoder_learns_through_the_template(student, template, words, x_ids, prompt, encoder, kind):
    """An encoder is called once for a template, in its mode, its parameters get gradients, and baked it gives the same."""
    layer = words_of(words, frozen=False)
    P, C = prompt.shape
    live = encoder_of(student, encoder, (P, C, 3, kind))
    calls = []
    live.register_forward_hook(lambda module, args, out: calls.append(bool(module.training)))
    out, places = student.fill_template(template, layer, live, x_ids)
    seen = {"calls": list(calls), "out": out.detach(), "places": places}
    seen |= {"gradients": gradients(out, live), "of words": gradients(out, layer)}
    frozen, _ = student.fill_template(template, layer, student.bake(live), x_ids)
    live.eval()
    again, _ = student.fill_template(template, layer, live, x_ids.flip(0))
    return seen | {"baked": frozen.detach(), "again": again.detach(), "left": flags(live, layer)}


@check(points=1, lecture='what-it-costs', public=[case("PEFT's two", sizes=[(5, 32, 16, 'mlp'), (5, 32, 16, 'lstm')])])
def what_does_not_fit_is_refused_and_the_rest_is_counted(student, sizes):
    """encoder_params counts every weight and bias; another kind, string, or number of "P" is a ValueError."""
    layer, prompt, ids = nn.Embedding(5, 3).requires_grad_(False), torch.ones(2, 3), torch.tensor([[1, 2]])
    wrong = {
        "one P too few": ("P", "x"),
        "one P too many": ("P", "x", "P", "P"),
        "none": ("x",),
        "another string": ("P", "y", "P"),
        "a small p": ("p", "x", "p"),
        "a capital X": ("P", "P", "X"),
        "an empty string": ("P", "x", "P", ""),
        "both letters": ("P", "P", "Px"),
        "a space": ("P", " x", "P"),
    }
    seen = {name: raises("ValueError", lambda t=t: student.fill_template(t, layer, prompt, ids)) for name, t in wrong.items()}
    good = student.fill_template(("P", "P"), layer, prompt, ids)[0]
    return seen | {
        "a kind": raises("ValueError", lambda: student.encoder_params(1, 2, 3, "gru")),
        "counts": [student.encoder_params(*each) for each in sizes],
        "good": good.detach(),
    }
