"""Public checks of falcon/falcon2_block: run `pytest` on this file, or `autograder check falcon/falcon2_block`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, flags, gradients, leaves, raises, with_gradients, with_weights


GRADIENTS = Tolerance(atol=5e-5, rtol=2e-4)


def fused(rng, H=4, Hkv=2, D=3, C=5, dtype="float32"):
    shape = ((H + 2 * Hkv) * D,) if C is None else ((H + 2 * Hkv) * D, C)
    return {"w": rng.normal(*shape, dtype=dtype), "H": H, "Hkv": Hkv, "D": D}


def views(w):
    """The same numbers in memory that is not contiguous."""
    return torch.stack([w, w], -1)[..., 0]


@check(points=1, inputs=fused, lecture='groups', public=[case('two groups of two', D=1, C=2), case('a bias', H=3, Hkv=1, D=2, C=None)])
def groups_are_taken_apart(student, w, H, Hkv, D):
    """The rows of queries, keys and values are found in their groups, and keep their order."""
    whole = with_gradients(lambda w: student.unpack_grouped_qkv(w, H, Hkv, D), w=w)
    others = [student.unpack_grouped_qkv(views(w), H, Hkv, D), student.unpack_grouped_qkv(-w, H, Hkv, D)]
    again = student.unpack_grouped_qkv(w, H + 2 * Hkv - 2, 1, D)  # the same rows, read as a single group
    return {"whole": whole, "of others": others, "as one group": again, "left": flags(w)}


def parts(rng, H=4, Hkv=2, D=3, C=5, dtype="float32"):
    tail = () if C is None else (C,)
    return {"q": rng.normal(H * D, *tail, dtype=dtype), "k": rng.normal(Hkv * D, *tail, dtype=dtype), "v": rng.normal(Hkv * D, *tail, dtype=dtype),
            "H": H, "Hkv": Hkv, "D": D}


@check(points=1, inputs=parts, lecture='groups', public=[case('two groups of two', D=1, C=2), case('biases', H=3, Hkv=1, D=2, C=None)])
def packing_is_the_way_back(student, q, k, v, H, Hkv, D):
    """Three weights become one with whole groups, and taking it apart gives the three back."""
    packed = with_gradients(lambda q, k, v: student.pack_grouped_qkv(q, k, v, Hkv), q=q, k=k, v=v)
    w = student.pack_grouped_qkv(views(q), views(v), views(k), Hkv)
    back = student.unpack_grouped_qkv(w, H, Hkv, D)
    joined = student.pack_grouped_qkv(q, k, v, 1)  # the same numbers as a single group
    return {"packed": packed, "with k and v exchanged": w, "and back": back, "one group": joined, "left": flags(q, k, v)}


@check(points=2, inputs=fused, lecture='one-model-on-several-gpus', public=[case('two groups of two', D=1, C=2), case('a bias of four groups', H=8, Hkv=4, D=1, C=None)])
def a_group_is_never_cut(student, w, H, Hkv, D):
    """Each GPU has whole groups, as many as the others, and a division that would cut one is refused."""
    worlds = [n for n in range(1, Hkv + 1) if Hkv % n == 0]
    shards = {n: [student.shard_for_tp(w, Hkv, rank, n) for rank in range(n)] for n in worlds}
    # Rows could be cut evenly in these cases too: what may not be cut is a group.
    wrong = [(rank, n) for n in range(1, 2 * Hkv + 3) for rank in (0, n - 1) if Hkv % n] + [(-1, 1), (1, 1), (Hkv, Hkv), (-1, Hkv), (-2, Hkv)]
    refused = [raises("ValueError", lambda rank=rank, n=n: student.shard_for_tp(w, Hkv, rank, n)) for rank, n in wrong]
    return {"shards": shards, "refused": refused, "of a view": student.shard_for_tp(views(w), Hkv, 0, worlds[-1]), "left": flags(w)}


def sizes(C, H, Hkv, D, F):
    return {
        "input_layernorm.weight": (C,), "input_layernorm.bias": (C,),
        "self_attention.query_key_value.weight": ((H + 2 * Hkv) * D, C), "self_attention.dense.weight": (C, H * D),
        "mlp.dense_h_to_4h.weight": (F, C), "mlp.dense_4h_to_h.weight": (C, F),
    }


def block(rng, B=2, T=4, C=8, H=4, Hkv=2, dtype="float32", scale=1.0, gain=1.5, watch="", pos=None, offset=0.0, opposite=0.0, **options):
    """`opposite`: keys are the queries of their group, times so much and turned round, so that a token sees itself least of all."""
    D, F = options.get("D", C // H), options.get("F", 4 * C)
    weights = rng.weights(sizes(C, H, Hkv, D, F), gain=gain, dtype=dtype)
    weights["input_layernorm.bias"] = rng.normal(C, scale=0.5, dtype=dtype)
    if opposite:
        groups = weights["self_attention.query_key_value.weight"].unflatten(0, (Hkv, H // Hkv + 2, D))
        groups[:, 0] *= opposite
        groups[:, -2] = -groups[:, 0]
    return {"x": rng.normal(B, T, C, scale=scale, dtype=dtype) + offset, "weights": weights, "C": C, "H": H, "Hkv": Hkv, "options": options,
            "watch": [name for name in weights if name.startswith(watch)], "pos": pos}


@check(points=1, inputs=block, tolerance=GRADIENTS, lecture='the-block', public=[case('two groups of two', B=1, T=3, watch='input', F=5), case('one head of four', B=1, T=3, C=4, H=1, Hkv=1, watch='input')])
def one_norm_is_read_twice(student, x, weights, C, H, Hkv, options, watch, pos):
    """The block is x + attention(a) + mlp(a), where both read the same norm, and groups of queries share a key and a value."""
    layer = with_weights(student.Falcon2Block(C, H, Hkv, **options), weights)
    (x,) = leaves(x)
    out = layer(x)
    named = dict(layer.named_parameters())
    found = gradients(out, {"x": x, **{name: named[name] for name in watch}})
    far = x.detach().mT.contiguous().mT
    return {"out": out, "gradients": found, "of others": [layer(far.flip(1)), layer(-far), layer(far)]}


def exact_block(rng, **options):
    return block(rng, dtype="float64", **options)


@check(points=1, inputs=exact_block, lecture='the-block', public=[case('positions of 8000 and more', B=1, T=3, C=4, H=1, Hkv=1, F=2, pos=[8000, 8100, 8191])])
def far_positions_keep_their_digits(student, x, weights, C, H, Hkv, options, watch, pos):
    """Angles of positions up to 8191 are computed in float64."""
    layer = with_weights(student.Falcon2Block(C, H, Hkv, **options), weights)
    return layer(x, torch.tensor(pos))


@check(points=1, inputs=block, lecture='the-block', public=[case('a large eps', B=1, T=3, C=4, H=2, Hkv=1, F=3, eps=0.5), case('positions that are not in order', B=1, T=3, C=4, H=1, Hkv=1, F=3, pos=[2, 0, 1])])
def every_option_counts_and_nothing_is_left(student, x, weights, C, H, Hkv, options, watch, pos):
    """Options and positions do what the docstring says, in both modes, and a call leaves the block and its input as they were."""
    layer = with_weights(student.Falcon2Block(C, H, Hkv, **options), weights)
    other = with_weights(student.Falcon2Block(C, H, Hkv, **options), {name: w.flip(0) for name, w in weights.items()}).eval()
    layer.mlp.dense_h_to_4h.weight.requires_grad_(False)
    pos = torch.arange(x.shape[1]) if pos is None else torch.tensor(pos)
    with torch.no_grad():
        outs = [layer(x, pos), other(x, pos + 1), layer.eval()(x, pos.flip(0)), layer(x[:1, :2], pos[:2]), layer(x), other.train()(x, pos)]
    return {"outs": outs, "names": sorted(layer.state_dict()), "left": flags(layer, other, x)}


@check(points=1, inputs=block, lecture='one-model-on-several-gpus', public=[case('two GPUs', B=1, T=3, F=4)])
def the_parts_of_all_ranks_add_up_to_the_block(student, x, weights, C, H, Hkv, options, watch, pos):
    """Blocks with the shards of all ranks, added, give what the whole block gives."""
    D, F, world = C // H, options["F"], Hkv
    whole = with_weights(student.Falcon2Block(C, H, Hkv, **options), weights)(x)
    cut = {name: w.chunk(world, dim=1) for name, w in weights.items() if name.endswith(("self_attention.dense.weight", "dense_4h_to_h.weight"))}
    cut["mlp.dense_h_to_4h.weight"] = weights["mlp.dense_h_to_4h.weight"].chunk(world)
    added = []
    for rank in range(world):
        mine = {name: cut[name][rank] if name in cut else w for name, w in weights.items()}
        fused = "self_attention.query_key_value.weight"
        mine[fused] = student.shard_for_tp(weights[fused], Hkv, rank, world)
        part = with_weights(student.Falcon2Block(C, H // world, Hkv // world, D=D, F=F // world), mine)
        added.append(part(x) - x)
    return {"whole": whole, "parts": added, "sum": x + torch.stack(added).sum(0)}
