"""Public checks of quant/framework_packing: run `pytest` on this file, or `autograder check quant/framework_packing`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import Tolerance, case, check, flags, raises, with_gradients


AWQ = (0, 2, 4, 6, 1, 3, 5, 7)


def view(x):
    """The same numbers, not contiguous."""
    return torch.stack([x, x], -1)[..., 0]


def some_codes(rng, shape=None, bits=4, values=None, order=None, dtype="int64"):
    codes = torch.tensor(values) if values is not None else rng.integers(0, 2**bits, *shape)
    return {"codes": codes.to(getattr(torch, dtype)), "bits": bits, "order": order}


def of(x):
    return {"values": x, "dtype": str(x.dtype), "contiguous": x.is_contiguous()}


@check(points=1, inputs=some_codes, lecture='a-word-of-eight-codes', public=[case('one to seven', values=[[1, 2, 3, 4, 5, 6, 7, 0]]), case('the highest bit is set', values=[[0, 1, 2, 3, 4, 5, 6, 9], [15, 15, 15, 15, 15, 15, 15, 15]]), case('in another order', values=[[1, 2, 3, 4, 5, 6, 7, 8]], order=AWQ), case('eight bits', values=[1, 2, 3, 200], bits=8)])
def words_hold_their_codes(student, codes, bits, order):
    """A word holds its codes from the lowest bits up, in the order asked for, and gives them back."""
    torch.manual_seed(5)
    words = student.pack_int32(view(codes), bits, order)
    other = student.pack_int32((2**bits - 1) - codes.long(), bits)
    return {
        "words": of(words),
        "codes": of(student.unpack_int32(view(words), bits, order)),
        "in the usual order": student.unpack_int32(words, bits),
        "others": [other, student.unpack_int32(other, bits=bits)],
        "of four bits, by default": student.unpack_int32(student.pack_int32(codes.long() % 4 + 12).contiguous()) if codes.shape[-1] % 8 == 0 else None,
        "packed in the usual order": student.pack_int32(codes, bits),
        "again": words,
        "chance": torch.rand(2),
    }


def layer(rng, o=8, c=8, groups=1, bits=4, zeros=None, dtype="int64", scales="float32", **options):
    made = rng.integers(0, 2**bits, groups, o)
    if zeros is not None:
        made = torch.full((groups, o), zeros)
    if groups > 1 and zeros is None:
        made[0, 0], made[-1, -1] = 0, 2**bits - 1
    return {
        "q": rng.integers(0, 2**bits, o, c).to(getattr(torch, dtype)),
        "zeros": made.to(getattr(torch, dtype)),
        "bits": bits,
        "options": options,
    }


@check(points=1, inputs=layer, lecture='gptq', public=[case('one group, zeros of 8', zeros=8), case('two groups, with zeros of 0 and 15', o=8, c=16, groups=2), case('eight bits', o=4, c=8, groups=2, bits=8), case('version 2', o=8, c=16, groups=2, v2=True)])
def gptq_packs_inputs_and_zeros_less_one(student, q, zeros, bits, options):
    """GPTQ's qweight packs along the inputs, its qzeros along the outputs, with every zero-point less one."""
    qweight, qzeros = student.pack_gptq(view(q), view(zeros), bits, **options)
    again = student.pack_gptq(2**bits - 1 - q.long(), zeros, bits=bits, v2=not options.get("v2", False))
    version = student.pack_gptq(q, zeros, bits, v2=not options.get("v2", False))
    return {"qweight": of(qweight), "qzeros": of(qzeros), "others": [*again, *version]}


def packed(rng, o=8, c=8, groups=1, bits=4, zeros=None, **options):
    """Words made here, one code at a time."""
    made = layer(rng, o, c, groups, bits, zeros)
    q, z = made["q"].tolist(), made["zeros"].tolist()
    per, v2 = 32 // bits, options.get("v2", False)
    rows = [[sum(q[k][r * per + i] << (bits * i) for i in range(per)) for k in range(o)] for r in range(c // per)]
    stored = [[z[g][k] if v2 else (z[g][k] + 2**bits - 1) % 2**bits for k in range(o)] for g in range(groups)]
    columns = [[sum(stored[g][j * per + i] << (bits * i) for i in range(per)) for j in range(o // per)] for g in range(groups)]

    def signed(table):
        return torch.tensor([[each - (1 << 32) if each >> 31 else each for each in row] for row in table], dtype=torch.int32)

    return {"qweight": signed(rows), "qzeros": signed(columns), "bits": bits, "options": options}


@check(points=1, inputs=packed, lecture='gptq', public=[case('one group, zeros of 8', zeros=8), case('two groups, with zeros of 0 and 15', o=8, c=16, groups=2), case('version 2', o=16, c=8, groups=2, v2=True)])
def gptq_words_are_read(student, qweight, qzeros, bits, options):
    """Reading GPTQ's words gives codes and zero-points as they were, each zero-point one more than what is stored."""
    q, zeros = student.unpack_gptq(view(qweight), view(qzeros), **({} if bits == 4 else {"bits": bits}), **options)
    other = student.unpack_gptq(-1 - qweight, qzeros=-1 - qzeros, bits=bits, v2=not options.get("v2", False))
    version = student.unpack_gptq(qweight, qzeros, bits, v2=not options.get("v2", False))
    return {"q": of(q), "zeros": of(zeros), "others": [of(each) for each in (*other, *version)], "packed again": list(student.pack_gptq(q, zeros, bits, **options))}


@check(points=1, inputs=layer, lecture='awq', public=[case('one group, zeros of 8', zeros=8), case('two groups', o=16, c=6, groups=2)])
def awq_packs_outputs_in_its_order(student, q, zeros, bits, options):
    """AWQ packs codes and zero-points along the outputs, in the order 0 2 4 6 1 3 5 7, and they are read as they were."""
    given = view(q), view(zeros)
    qweight, qzeros = student.pack_awq(*given)
    read = student.unpack_awq(view(qweight), view(qzeros))
    other = student.pack_awq(15 - q.long(), 15 - zeros.long())
    return {
        "qweight": of(qweight),
        "qzeros": of(qzeros),
        "given": [torch.equal(given[0], q), torch.equal(given[1], zeros)],
        "read": [of(each) for each in read],
        "others": [*other, *student.unpack_awq(*other)],
        "other zeros": student.unpack_awq(qweight, other[1])[1],
        "order": list(student.AWQ_ORDER),
    }


def with_groups(rng, order="none", index="int32", **sizes):
    made = packed(rng, **sizes)
    c, groups = len(made["qweight"]) * 32 // made["bits"], len(made["qzeros"])
    neighbours = torch.arange(c) // (c // groups)
    g_idx = {
        "none": None,
        "neighbours": neighbours,
        "mixed": neighbours[rng.permutation(c)],
        "reversed": neighbours.flip(0),
        "one exchanged": torch.cat([neighbours[-1:], neighbours[1:-1], neighbours[:1]]),
        "from one on": neighbours + 1,
        "too long": torch.arange(c) // (c // groups + 1),
    }[order]
    return {**made, "g_idx": None if g_idx is None else g_idx.to(getattr(torch, index))}


@check(points=1, inputs=with_groups, lecture='from-one-to-the-other', public=[case('no list of groups', o=16, c=16, groups=2), case('groups of neighbours', o=8, c=24, groups=3, order='neighbours'), case('act_order', o=8, c=24, groups=3, order='mixed')])
def codes_mean_the_same_in_awq(student, qweight, qzeros, bits, options, g_idx):
    """A GPTQ layer becomes an AWQ layer with the same codes and zero-points, and one with act_order is refused."""
    groups, c = len(qzeros), len(qweight) * 8
    fits = g_idx is None or g_idx.tolist() == [k // (c // groups) for k in range(c)]
    plain = student.gptq_to_awq(qweight, qzeros, v2=options.get("v2", False))

    def convert():
        return student.gptq_to_awq(view(qweight), view(qzeros), g_idx, **options)

    version = student.gptq_to_awq(qweight, qzeros, v2=not options.get("v2", False))
    return {"plain": [of(each) for each in (*plain, *version)], "read": list(student.unpack_awq(*plain)), "with the list": list(convert()) if fits else raises("ValueError", convert)}


def running(rng, o=8, c=8, groups=1, bits=4, layout="gptq", order="none", batch=(3,), dtype="float32", scales="float32", bias=True, v2=False, index="int32"):
    made = with_groups(rng, order, index, o=o, c=c, groups=groups, bits=bits, v2=v2)
    if layout == "awq":
        words = layer(rng, o=o, c=c, groups=groups)

        def pack(codes):
            parts = [[sum(row[j * 8 + AWQ[i]] << (4 * i) for i in range(8)) for j in range(o // 8)] for row in codes]
            return torch.tensor([[each - (1 << 32) if each >> 31 else each for each in row] for row in parts], dtype=torch.int32)

        made.update(qweight=pack(words["q"].T.tolist()), qzeros=pack(words["zeros"].tolist()))
    return {
        "x": rng.normal(*batch, c, dtype=dtype),
        "tensors": {
            "qweight": made["qweight"],
            "qzeros": made["qzeros"],
            "scales": rng.uniform(0.01, 0.1, groups, o).to(getattr(torch, scales)),
            "g_idx": made["g_idx"],
            "bias": rng.normal(o).to(getattr(torch, scales)) if bias else None,
        },
        "options": {key: value for key, value in {"bits": bits, "layout": layout, "v2": v2}.items() if value not in (4, "gptq", False)},
    }


def computed(student, x, tensors, options):
    module = student.W4A16Linear(**tensors, **options)
    result = with_gradients(module, x=x)
    twice = module(view(2 * x))
    other = student.W4A16Linear(**{**tensors, "scales": 3 * tensors["scales"], "qweight": -1 - tensors["qweight"]}, **options)
    names = sorted(module.state_dict())
    kinds = [str(each.dtype) for name, each in sorted(module.state_dict().items()) if name != "g_idx" or tensors["g_idx"] is None]
    parameters = [name for name, _ in module.named_parameters()]
    loaded = student.W4A16Linear(**{name: None if each is None else torch.zeros_like(each) for name, each in tensors.items()}, **options)
    loaded.load_state_dict({name: each.clone() for name, each in module.state_dict().items()})
    return {"y": result, "twice": twice, "others": other(x), "state": [names, kinds], "parameters": parameters, "loaded": loaded(x), "left": flags(x, module)}


@check(points=1, inputs=running, tolerance=Tolerance(atol=2e-05, rtol=0.0001), lecture='a-layer-that-computes', public=[case('GPTQ, one group', o=8, c=8), case('GPTQ, two groups', o=16, c=16, groups=2), case('AWQ, two groups', o=8, c=6, groups=2, layout='awq', bias=False)])
def packed_layers_compute(student, x, tensors, options):
    """The layer is x Wᵀ + bias with W = scales (q - zeros), in x's dtype, for both layouts, and its buffers have the published names."""
    # codes of 255 and zero-points of 254: their difference is 1, and must be taken before anything is rounded
    codes, zeros = torch.full((1, 4), -1, dtype=torch.int32), torch.full((1, 1), 0xFEFEFEFE - (1 << 32), dtype=torch.int32)
    near = student.W4A16Linear(codes, zeros, torch.full((1, 4), 0.1), bits=8, v2=True)
    return {**computed(student, x, tensors, options), "near": near(torch.tensor([[1.0, 0.0, 0.0, 0.0]]).bfloat16())}


@check(points=1, inputs=running, tolerance=Tolerance(atol=2e-05, rtol=0.0001), lecture='act-order', public=[case('groups in the usual order', o=8, c=16, groups=2, order='neighbours'), case('mixed groups', o=8, c=24, groups=3, order='mixed')])
def each_input_has_its_own_group(student, x, tensors, options):
    """With a g_idx in any order, each input takes the scale and the zero-point of its own group."""
    return computed(student, x, tensors, options)


@check(points=1, lecture='when-it-fails', public=[case('seven codes', what='size', bad=7, good=8), case('a code of 16', what='code', bad=16, good=15), case('a negative code', what='code', bad=-1, good=0), case('three bits', what='bits', bad=3, good=4), case('another layout', what='layout', bad='marlin', good='gptq')])
def what_fits_no_word_is_refused(student, what, bad, good):
    """Sizes that fill no words, codes out of range, other numbers of bits, and unknown layouts raise ValueError."""
    ones = torch.ones(8, 8, dtype=torch.int64)
    words = torch.ones(8, 1 if good == "awq" else 8, dtype=torch.int32)
    calls = {
        "size": [lambda n: student.pack_int32(torch.ones(2, n, dtype=torch.int64)), lambda n: student.pack_gptq(torch.ones(8, n, dtype=torch.int64), ones[:1])],
        "outputs": [lambda n: student.pack_awq(torch.ones(n, 3, dtype=torch.int64), torch.ones(1, n, dtype=torch.int64))],
        "code": [lambda v: student.pack_int32(ones * v), lambda v: student.pack_int32(torch.tensor([3, 1, v, 0, 9, 4, 2, 7])), lambda v: student.pack_gptq(v * ones, ones[:1]), lambda v: student.pack_awq(v * ones, ones[:1])],
        "zero": [lambda v: student.pack_gptq(ones, v * ones[:1]), lambda v: student.pack_gptq(ones, v * ones[:1], v2=True), lambda v: student.pack_awq(ones, v * ones[:1])],
        "bits": [lambda b: student.pack_int32(torch.ones(32, dtype=torch.int64), b), lambda b: student.unpack_int32(torch.ones(3, dtype=torch.int32), b)],
        "layout": [lambda name: student.W4A16Linear(words, torch.ones(1, 1, dtype=torch.int32), torch.ones(1, 8), layout=name)(torch.ones(1, 8 if name == "awq" else 64))],
    }[what]
    return {"bad": [raises("ValueError", lambda call=call: call(bad)) for call in calls], "good": [call(good) for call in calls]}
