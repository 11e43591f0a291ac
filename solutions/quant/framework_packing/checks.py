"""Checks of quant/framework_packing: words, both layouts, the way from one to the other, and a layer that computes with them."""

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


@check(
    points=1,
    inputs=some_codes,
    lecture="a-word-of-eight-codes",
    public=[
        case("one to seven", values=[[1, 2, 3, 4, 5, 6, 7, 0]]),
        case("the highest bit is set", values=[[0, 1, 2, 3, 4, 5, 6, 9], [15, 15, 15, 15, 15, 15, 15, 15]]),
        case("in another order", values=[[1, 2, 3, 4, 5, 6, 7, 8]], order=AWQ),
        case("eight bits", values=[1, 2, 3, 200], bits=8),
    ],
    hidden=[
        case("by chance", shape=(3, 24)),
        case("two bits", shape=(2, 3, 32), bits=2),
        case("two bits, one row", shape=(16,), bits=2, dtype="uint8"),
        case("eight bits, three dimensions", shape=(5, 2, 12), bits=8, dtype="int32"),
        case("AWQ's order, several words", shape=(4, 40), order=AWQ, dtype="uint8"),
        case("an order of four, eight bits", shape=(3, 8), bits=8, order=(2, 0, 3, 1)),
        case("an order of 16, two bits", shape=(3, 32), bits=2, order=(15, 0, 7, 8, 3, 12, 1, 14, 2, 13, 6, 9, 4, 11, 5, 10)),
        case("many words", shape=(2, 160), dtype="uint8", order=AWQ),
        case("many rows", shape=(19, 8), dtype="int32"),
        case("no words", shape=(2, 0)),
        case("another order of eight", shape=(2, 16), order=(3, 1, 0, 7, 2, 6, 5, 4), dtype="int16"),
        case("all ones", values=[[255] * 8], bits=8, dtype="uint8"),
        case("zeros", values=[[0] * 16] * 2, dtype="int8"),
        case("four dimensions", shape=(2, 1, 3, 16), order=AWQ),
    ],
    fresh=2,
    cites=["i 0 is the lowest part", "What is returned is contiguous", "in any integer dtype and come out as int32"],
)
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


@check(
    points=1,
    inputs=layer,
    lecture="gptq",
    public=[
        case("one group, zeros of 8", zeros=8),
        case("two groups, with zeros of 0 and 15", o=8, c=16, groups=2),
        case("eight bits", o=4, c=8, groups=2, bits=8),
        case("version 2", o=8, c=16, groups=2, v2=True),
    ],
    hidden=[
        case("more inputs than outputs", o=16, c=40, groups=5),
        case("more outputs than inputs", o=56, c=24, groups=3),
        case("two bits", o=32, c=48, groups=3, bits=2),
        case("eight bits, zeros of 0", o=12, c=20, groups=5, bits=8, zeros=0, dtype="uint8"),
        case("bytes", o=24, c=8, groups=4, dtype="uint8"),
        case("zeros of 0, bytes", o=8, c=24, groups=2, zeros=0, dtype="uint8"),
        case("two bits, version 2", o=16, c=16, groups=2, bits=2, v2=True, dtype="int32"),
        case("many groups and outputs", o=136, c=144, groups=18, dtype="uint8"),
        case("zeros of 15", o=16, c=8, groups=1, zeros=15, dtype="int8"),
    ],
    fresh=2,
    cites=["qweight packs along the inputs", "for a zero of 0 the largest code", "stores the zero itself"],
)
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


@check(
    points=1,
    inputs=packed,
    lecture="gptq",
    public=[
        case("one group, zeros of 8", zeros=8),
        case("two groups, with zeros of 0 and 15", o=8, c=16, groups=2),
        case("version 2", o=16, c=8, groups=2, v2=True),
    ],
    hidden=[
        case("more inputs than outputs", o=16, c=48, groups=3),
        case("more outputs than inputs", o=40, c=16, groups=2),
        case("two bits", o=32, c=16, groups=4, bits=2),
        case("eight bits", o=8, c=12, groups=3, bits=8),
        case("eight bits, zeros of 0", o=8, c=4, groups=1, bits=8, zeros=0),
        case("many groups and outputs", o=136, c=144, groups=18),
        case("two bits, version 2", o=16, c=32, groups=2, bits=2, v2=True),
    ],
    fresh=1,
    cites=["1 is added to what is stored and 2 bits becomes 0"],
)
def gptq_words_are_read(student, qweight, qzeros, bits, options):
    """Reading GPTQ's words gives codes and zero-points as they were, each zero-point one more than what is stored."""
    q, zeros = student.unpack_gptq(view(qweight), view(qzeros), **({} if bits == 4 else {"bits": bits}), **options)
    other = student.unpack_gptq(-1 - qweight, qzeros=-1 - qzeros, bits=bits, v2=not options.get("v2", False))
    version = student.unpack_gptq(qweight, qzeros, bits, v2=not options.get("v2", False))
    return {"q": of(q), "zeros": of(zeros), "others": [of(each) for each in (*other, *version)], "packed again": list(student.pack_gptq(q, zeros, bits, **options))}


@check(
    points=1,
    inputs=layer,
    lecture="awq",
    public=[case("one group, zeros of 8", zeros=8), case("two groups", o=16, c=6, groups=2)],
    hidden=[
        case("an odd number of inputs", o=24, c=35, groups=5),
        case("more outputs than inputs", o=64, c=3, groups=3),
        case("one input", o=8, c=1, groups=1, dtype="uint8"),
        case("zeros of 0", o=16, c=10, groups=2, zeros=0, dtype="int32"),
        case("bytes", o=40, c=12, groups=4, dtype="uint8"),
        case("many groups and outputs", o=136, c=36, groups=18, dtype="uint8"),
    ],
    fresh=2,
    cites=["Both pack along the outputs in AWQ_ORDER", "Zeros are stored as they are"],
)
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


@check(
    points=1,
    inputs=with_groups,
    lecture="from-one-to-the-other",
    public=[
        case("no list of groups", o=16, c=16, groups=2),
        case("groups of neighbours", o=8, c=24, groups=3, order="neighbours"),
        case("act_order", o=8, c=24, groups=3, order="mixed"),
    ],
    hidden=[
        case("many outputs", o=56, c=8, groups=2, order="neighbours", index="int64"),
        case("version 2", o=24, c=32, groups=4, order="neighbours", v2=True),
        case("one group", o=8, c=40, groups=1, order="neighbours"),
        case("reversed groups", o=16, c=16, groups=2, order="reversed"),
        case("two inputs exchanged", o=8, c=16, groups=4, order="one exchanged", index="int64"),
        case("groups that are one too long", o=8, c=24, groups=4, order="too long"),
        case("one group, but a list that begins at 1", o=8, c=16, groups=1, order="from one on"),
        case("many groups and outputs", o=136, c=144, groups=18, order="neighbours", index="uint8"),
        case("reversed, but one group", o=16, c=24, groups=1, order="reversed"),
    ],
    fresh=1,
    cites=["another order act_order raises ValueError", "mean the same afterwards"],
)
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


@check(
    points=1,
    inputs=running,
    tolerance=Tolerance(atol=2e-5, rtol=1e-4),
    lecture="a-layer-that-computes",
    public=[
        case("GPTQ, one group", o=8, c=8),
        case("GPTQ, two groups", o=16, c=16, groups=2),
        case("AWQ, two groups", o=8, c=6, groups=2, layout="awq", bias=False),
    ],
    hidden=[
        case("GPTQ, scales in float16", o=16, c=40, groups=5, scales="float16", batch=(2, 3)),
        case("AWQ, float64", o=24, c=15, groups=3, layout="awq", dtype="float64", batch=(1, 2, 2)),
        case("AWQ, and a list that does not count", o=16, c=24, groups=3, layout="awq", order="mixed"),
        case("AWQ, scales in float16", o=8, c=20, groups=2, layout="awq", scales="float16", batch=()),
        case("eight bits", o=8, c=12, groups=3, bits=8, batch=()),
        case("two bits, version 2, no bias", o=16, c=32, groups=2, bits=2, v2=True, bias=False),
        case("float64 x, float32 scales", o=8, c=24, groups=1, dtype="float64", batch=(5,)),
        case("version 2", o=16, c=8, groups=1, v2=True),
        case("float32 x, float64 scales", o=8, c=16, groups=2, scales="float64"),
        case("many outputs and groups", o=136, c=144, groups=18, batch=(18,)),
        case("many outputs, AWQ", o=136, c=36, groups=18, layout="awq", bias=False),
    ],
    fresh=1,
    cites=["in x s dtype", "They are buffers no parameters", "What is in the buffers now counts", "x gets its gradient"],
)
def packed_layers_compute(student, x, tensors, options):
    """The layer is x Wᵀ + bias with W = scales (q - zeros), in x's dtype, for both layouts, and its buffers have the published names."""
    # codes of 255 and zero-points of 254: their difference is 1, and must be taken before anything is rounded
    codes, zeros = torch.full((1, 4), -1, dtype=torch.int32), torch.full((1, 1), 0xFEFEFEFE - (1 << 32), dtype=torch.int32)
    near = student.W4A16Linear(codes, zeros, torch.full((1, 4), 0.1), bits=8, v2=True)
    return {**computed(student, x, tensors, options), "near": near(torch.tensor([[1.0, 0.0, 0.0, 0.0]]).bfloat16())}


@check(
    points=1,
    inputs=running,
    tolerance=Tolerance(atol=2e-5, rtol=1e-4),
    lecture="act-order",
    public=[
        case("groups in the usual order", o=8, c=16, groups=2, order="neighbours"),
        case("mixed groups", o=8, c=24, groups=3, order="mixed"),
    ],
    hidden=[
        case("mixed, many groups", o=16, c=64, groups=8, order="mixed", batch=(2, 2)),
        case("reversed", o=24, c=16, groups=4, order="reversed", dtype="float64"),
        case("two exchanged", o=8, c=16, groups=2, order="one exchanged", bias=False),
        case("groups in bytes", o=8, c=24, groups=3, order="mixed", index="uint8"),
        case("groups in int16, many", o=8, c=144, groups=18, order="mixed", index="int16"),
        case("groups of unequal size", o=8, c=24, groups=4, order="too long"),
        case("mixed, eight bits", o=4, c=20, groups=5, order="mixed", bits=8, scales="float16"),
        case("mixed, two bits, version 2", o=32, c=32, groups=2, order="mixed", bits=2, v2=True),
    ],
    fresh=1,
    cites=["in any order, for example of act_order"],
)
def each_input_has_its_own_group(student, x, tensors, options):
    """With a g_idx in any order, each input takes the scale and the zero-point of its own group."""
    return computed(student, x, tensors, options)


@check(
    points=1,
    lecture="when-it-fails",
    public=[
        case("seven codes", what="size", bad=7, good=8),
        case("a code of 16", what="code", bad=16, good=15),
        case("a negative code", what="code", bad=-1, good=0),
        case("three bits", what="bits", bad=3, good=4),
        case("another layout", what="layout", bad="marlin", good="gptq"),
    ],
    hidden=[
        case("twelve codes", what="size", bad=12, good=16),
        case("a zero of 16", what="zero", bad=16, good=15),
        case("a zero of -1", what="zero", bad=-1, good=0),
        case("16 bits", what="bits", bad=16, good=8),
        case("a code of 300", what="code", bad=300, good=1),
        case("a code beyond int32", what="code", bad=2**32 + 3, good=3),
        case("one bit", what="bits", bad=1, good=2),
        case("outputs that fill no word", what="outputs", bad=12, good=24),
        case("no layout", what="layout", bad="", good="awq"),
        case("a layout in capitals", what="layout", bad="AWQ", good="awq"),
    ],
    cites=["a code is negative or 2 bits or more", "also for zeros", "another one raises ValueError"],
)
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


@check(
    points=1,
    bonus=True,
    device="cuda",
    inputs=running,
    tolerance=Tolerance(atol=2e-5, rtol=1e-4),
    lecture="a-layer-that-computes",
    hidden=[case("GPTQ, mixed groups", o=32, c=64, groups=4, order="mixed"), case("AWQ", o=32, c=48, groups=3, layout="awq")],
)
def packed_layers_compute_on_the_gpu(student, x, tensors, options):
    """On a GPU the layer gives the same as on the CPU."""
    module = student.W4A16Linear(**tensors, **options)
    return with_gradients(module, x=x)
