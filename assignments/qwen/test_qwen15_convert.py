"""Public checks of qwen/qwen15_convert: run `pytest` on this file, or `autograder check qwen/qwen15_convert`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, flags, raises


def checkpoint(rng, L=2, C=4, F=3, V=5, dtype="float32", extra=()):
    """A file of Qwen 1, with values that are all different."""
    shapes = {"transformer.wte.weight": (V, C), "transformer.ln_f.weight": (C,), "lm_head.weight": (V, C)}
    for i in range(L):
        layer = {"ln_1.weight": (C,), "attn.c_attn.weight": (3 * C, C), "attn.c_attn.bias": (3 * C,), "attn.c_proj.weight": (C, C),
                 "ln_2.weight": (C,), "mlp.w1.weight": (F, C), "mlp.w2.weight": (F, C), "mlp.c_proj.weight": (C, F)}  # fmt: skip
        shapes |= {f"transformer.h.{i}.{name}": shape for name, shape in layer.items()}
    sd = {}
    for name in rng.shuffled(list(shapes)):
        weight = rng.normal(*shapes[name], dtype=torch.float32 if name.endswith(("ln_1.weight", "ln_f.weight")) else dtype)
        sd[name] = weight
    for name in extra:
        sd[name] = rng.normal(2)
    return {"sd": sd, "n_layers": L}


def views(sd):
    return {name: weight.mT.contiguous().mT if weight.ndim == 2 else weight for name, weight in sd.items()}


def part(found, text):
    return {name: weight for name, weight in found.items() if text in name}


@check(points=2, inputs=checkpoint, lecture='three-thirds', public=[case('two layers'), case('one layer, bfloat16', L=1, C=2, F=3, V=7, dtype='bfloat16')])
def attention_is_cut_in_thirds(student, sd, n_layers):
    """Weights and biases of queries, keys and values are the three thirds of c_attn, and c_proj becomes o_proj."""
    others = {name: weight + 1 for name, weight in sd.items()}
    results = [student.convert_qwen1_to_qwen2(file, n_layers) for file in (sd, others, views(sd))]
    return [part(found, ".self_attn.") for found in results]


@check(points=1, inputs=checkpoint, lecture='the-gate', public=[case('one layer', L=1, C=3, F=4), case('a square', L=1, C=3, F=3)])
def the_gate_is_w2(student, sd, n_layers):
    """w2 becomes gate_proj, w1 becomes up_proj, and c_proj of the feed-forward network becomes down_proj."""
    return part(student.convert_qwen1_to_qwen2(sd, n_layers), ".mlp.")


@check(points=1, inputs=checkpoint, lecture='names', public=[case('two layers', C=3)])
def embeddings_norms_and_nothing_else(student, sd, n_layers):
    """Embeddings, norms and the head have their new names, and there are no other names than those of the table."""
    found = student.convert_qwen1_to_qwen2(sd, n_layers)
    outside = {name: weight for name, weight in found.items() if ".self_attn." not in name and ".mlp." not in name}
    again = raises("KeyError", lambda: sorted(student.convert_qwen1_to_qwen2(sd, n_layers + 1)))
    return {"a layer more": again, "outside": outside, "names": sorted(found), "left": flags(*sd.values()), "made": flags(*(found[name] for name in sorted(found)))}


@check(points=1, inputs=checkpoint, mutates=True, lecture='memory', public=[case('two layers', C=3)])
def every_tensor_owns_its_memory(student, sd, n_layers):
    """Every tensor of your result is contiguous and has memory of its own, of its own size."""
    transposed = student.convert_qwen1_to_qwen2(views(sd), n_layers)
    found = student.convert_qwen1_to_qwen2(sd, n_layers)
    tied = student.convert_qwen1_to_qwen2(sd | {"lm_head.weight": sd["transformer.wte.weight"]}, n_layers)
    for weight in sd.values():
        weight.zero_()
    return {
        "storages, where sd has one tensor twice": len({weight.untyped_storage().data_ptr() for weight in tied.values()}),
        "steps of views": {name: list(weight.stride()) for name, weight in transposed.items()},
        "after sd was set to zero": found,
        "bytes": {name: weight.untyped_storage().nbytes() for name, weight in found.items()},
        "steps": {name: list(weight.stride()) for name, weight in found.items()},
    }


def files(rng, lost=(), extra=(), layers=None, **sizes):
    made = checkpoint(rng, **sizes)
    sound = dict(made["sd"])
    for name in lost:
        del made["sd"][name]
    for name in extra:
        made["sd"][name] = rng.normal(2)
    return {"sd": made["sd"], "sound": sound, "n_layers": made["n_layers"], "claimed": made["n_layers"] if layers is None else layers}


@check(points=1, inputs=files, lecture='names', public=[case('the head is missing', lost=['lm_head.weight']), case('an adapter beside it', extra=['transformer.h.0.attn.lora_A.weight']), case('tables of the rotation', extra=['transformer.rotary_emb.inv_freq', 'transformer.h.1.attn.rotary_emb.inv_freq', 'transformer.h.0.attn.masked_bias'])])
def missing_and_unknown_names_are_refused(student, sd, sound, n_layers, claimed):
    """A missing or an unknown name raises KeyError, and tables that are no weights are passed over."""
    return {
        "this file": raises("KeyError", lambda: sorted(student.convert_qwen1_to_qwen2(sd, claimed))),
        "a sound file": sorted(student.convert_qwen1_to_qwen2(sound, n_layers)),
    }


USER = {"role": "user", "content": "What is 2 + 2?"}


HELPER = {"role": "system", "content": "You calculate."}


ANSWER = {"role": "assistant", "content": "4"}


def chat(rng, messages):
    return {"messages": [dict(message) for message in messages]}


@check(points=1, inputs=chat, lecture='chatml', public=[case('system, user', messages=[HELPER, USER]), case('the assistant spoke last', messages=[HELPER, USER, ANSWER])])
def messages_become_text(student, messages):
    """Each message has its start, role, content and end, and the assistant's start follows where it is wanted."""
    return [student.render_chatml(messages), student.render_chatml(messages, False), student.render_chatml(messages, True, None)]


@check(points=1, inputs=chat, lecture='chatml', public=[case('user', messages=[USER]), case('system first', messages=[HELPER, USER])])
def a_system_message_comes_first(student, messages):
    """A default system message is added if, and only if, the first message is another one and a default is given."""
    seen = [student.render_chatml(messages, True, system) for system in ("You are a helpful assistant.", "Be\nbrief. ", "", None)]
    return [student.render_chatml(messages), *seen, student.render_chatml(messages, default_system=None)]


@check(points=1, lecture='layers-with-a-window', public=[case('four of six layers', n=6, limit=4), case('all layers', n=3, limit=0)])
def upper_layers_see_a_window(student, n, limit):
    """Layers from max_window_layers on see a window, if windows are switched on."""
    return [[student.layer_uses_swa(i, on, limit) for i in range(n)] for on in (True, False)]
