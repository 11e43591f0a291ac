"""Checks of quant/memory_static: bits a weight, stored weights, training states, adapters, caches, and batches."""

from autograder.checks import case, check, raises

GPT2 = [(50257, 768), (1024, 768)] + [(768,), (768,), (768, 2304), (2304,), (768, 768), (768,), (768, 3072), (3072,), (3072, 768), (768,)] * 3


def random_shapes(rng, n=0, shapes=None, largest=9, **options):
    """Shapes of 0 to 4 dimensions, or the given ones. `options` are left to their defaults where a case has none."""
    if shapes is None:
        shapes = [tuple(rng.integer(1, largest + 1) for _ in range(dims)) for dims in rng.shuffled([2, 1, 3, 0, 4, 2, 2][:n])]
    return {"shapes": [tuple(shape) for shape in shapes], "options": options}


@check(
    points=1,
    lecture="codes-and-what-they-share",
    public=[
        case("4 bits, groups of 32", bits=4, options={"group": 32}),
        case("a zero-point too", bits=4, options={"group": 32, "zero_bits": 16}),
        case("scales of 8 bits", bits=4, options={"group": 32, "scale_bits": 8}),
        case("bfloat16", bits=16, options={}),
    ],
    hidden=[
        case("a group of one", bits=2, options={"group": 1, "zero_bits": 2}),
        case("everything", bits=3, options={"group": 48, "scale_bits": 32, "zero_bits": 3}),
        case("nothing is shared", bits=8, options={"scale_bits": 32, "zero_bits": 8}),
        case("scales of scales", bits=5, options={"group": 24, "scale_bits": 6.25, "zero_bits": 6.25}),
        case("half a bit", bits=1.5, options={"group": 64}),
    ],
    cites=["may be a mean itself", "None means that nothing is shared"],
)
def a_weight_pays_for_its_group(student, bits, options):
    """A weight costs its own bits and its share of the scale and of the zero-point."""
    return [
        student.bits_per_weight(bits, **options),
        student.bits_per_weight(bits=bits, group=options.get("group")),
        student.bits_per_weight(2 * bits, options.get("group"), *(options.get(name, 0) for name in ("scale_bits", "zero_bits"))),
    ]


@check(
    points=1,
    inputs=random_shapes,
    lecture="codes-and-what-they-share",
    public=[
        case("16 bits", shapes=[(3, 4), (5,), ()]),
        case("four bits, groups of four", shapes=[(2, 5), (3,)], bits=4, group=4),
        case("four bits, and a zero-point", shapes=[(8, 64), (8,)], bits=4, group=32, zero_bits=4),
        case("odd numbers of half bytes", shapes=[(3, 3), (1, 1)], bits=4),
    ],
    hidden=[
        case("of all kinds", n=7, bits=5, group=3, scale_bits=32, zero_bits=5),
        case("three dimensions", shapes=[(3, 2, 40), (7, 1, 5)], bits=4, group=16, zero_bits=4),
        case("rows shorter than a group", shapes=[(6, 10), (5, 3), (9,), ()], bits=3, group=64, zero_bits=3),
        case("an odd number of zero-points", shapes=[(1, 12), (3, 7)], bits=4, group=4, zero_bits=4, scale_bits=6),
        case("no tensor", shapes=[], bits=4, group=8),
        case("of all kinds, without a group", n=7, bits=3, scale_bits=32, zero_bits=5),
        case("groups of one", shapes=[(3, 5), (2, 2, 3)], bits=2, group=1, zero_bits=2),
        case("many tensors", shapes=GPT2, bits=4, group=128, zero_bits=4),
        case("one column", shapes=[(11, 1), (1, 11)], bits=2, group=4),
        case("very large", shapes=[(10**9, 10**10 + 1), (3, 10**17)], bits=3, group=128, zero_bits=3),
    ],
    fresh=2,
    cites=["its last group is shorter", "keep 16 bits a number", "each of these three is filled up to whole bytes", "whole numbers are exact"],
)
def stored_weights_are_counted_row_by_row(student, shapes, options):
    """Codes, scales and zero-points of matrices are counted row by row and filled up to bytes; the rest keeps 16 bits."""
    return [student.weights_bytes(shapes, **options), student.weights_bytes(shapes=shapes[1:], **options), student.weights_bytes(shapes)]


@check(
    points=1,
    inputs=random_shapes,
    lecture="sixteen-bytes",
    public=[
        case("AdamW, mixed precision, by default", shapes=[(4, 3), (5,)]),
        case("AdamW, float32", shapes=[(4, 3), (5,)], optimizer="adamw", precision="float32"),
        case("AdamW, bfloat16 alone", shapes=[(4, 3), (5,)], optimizer="adamw", precision="bfloat16"),
        case("momentum, and gradients of 4 bytes", shapes=[(2, 6)], optimizer="sgd_momentum", grad_bytes=4),
    ],
    hidden=[
        case("SGD", n=5, optimizer="sgd", precision="mixed"),
        case("SGD, float32", n=5, optimizer="sgd", precision="float32", grad_bytes=2),
        case("momentum, float32", n=6, optimizer="sgd_momentum", precision="float32"),
        case("momentum, bfloat16", n=4, optimizer="sgd_momentum", precision="bfloat16", grad_bytes=4),
        case("AdamW, many tensors", shapes=GPT2),
        case("AdamW, single numbers", shapes=[(), (1,), (1, 1)], precision="bfloat16"),
        case("no tensor", shapes=[], precision="float32"),
        case("a tensor of no numbers", shapes=[(0,), (2, 3)]),
        case("momentum, many tensors", shapes=GPT2, optimizer="sgd_momentum"),
        case("no gradients are kept", n=4, grad_bytes=0),
        case("very large", shapes=[(10**9, 10**9 + 1), (7,)]),
    ],
    fresh=2,
    cites=["A step count of 4 bytes for each tensor in every precision", "All four keys are always there", "where it is not the weights"],
)
def sixteen_bytes_a_parameter(student, shapes, options):
    """Weights, gradients, a master copy and the states of SGD, momentum and AdamW take what the precision gives them."""
    first = student.training_state_bytes(shapes, **options)
    return [first, student.training_state_bytes(shapes=shapes[:1], **options), student.training_state_bytes(shapes)]


@check(
    points=1,
    inputs=random_shapes,
    lecture="smaller-optimizers",
    public=[
        case("Adafactor", shapes=[(4, 3), (5,)], optimizer="adafactor"),
        case("Adafactor, a cube", shapes=[(2, 4, 3)], optimizer="adafactor", precision="bfloat16"),
        case("8 bits", shapes=[(64, 65), (64, 63), (7,)], optimizer="adamw8bit"),
    ],
    hidden=[
        case("Adafactor, of all kinds", n=7, optimizer="adafactor", precision="float32"),
        case("Adafactor, mixed", n=7, optimizer="adafactor", largest=30),
        case("Adafactor, one row, one number", shapes=[(1, 9), (9, 1), (1,), ()], optimizer="adafactor", precision="bfloat16"),
        case("Adafactor, a tensor of no matrices", shapes=[(0, 3, 4), (2, 3)], optimizer="adafactor"),
        case("Adafactor, many tensors", shapes=GPT2, optimizer="adafactor"),
        case("8 bits, many tensors", shapes=GPT2, optimizer="adamw8bit", grad_bytes=4),
        case("8 bits, just large enough", shapes=[(4096,), (64, 64), (4095,), (2, 2048)], optimizer="adamw8bit"),
        case("8 bits, a last block of one", shapes=[(4097,), (17, 241), (5000,)], optimizer="adamw8bit", precision="float32"),
        case("8 bits, bfloat16", shapes=[(70, 70), (5,), (16, 16, 16)], optimizer="adamw8bit", precision="bfloat16", grad_bytes=4),
        case("8 bits, very large", shapes=[(10**9, 10**9 + 1)], optimizer="adamw8bit"),
    ],
    fresh=1,
    cites=["of each matrix in it", "Tensors below 4096 numbers", "There is no step count", "whatever the precision is"],
)
def smaller_states_have_their_own_overhead(student, shapes, options):
    """Adafactor keeps rows and columns of each matrix; 8-bit states have scales for blocks, and small tensors stay in float32."""
    first, last = student.training_state_bytes(shapes, **options), student.training_state_bytes(shapes[-1:], **options)
    return [first, last, student.training_state_bytes(shapes, options["optimizer"]), student.training_state_bytes(shapes, options["optimizer"], "bfloat16", 3)]


def model(rng, targets, r, layers=2, sizes=(6, 4, 10), more=None, **options):
    """A small model with attention of 4 projections and an MLP of 3, with norms."""
    width, narrow, wide = sizes
    shapes = {"embed.weight": (11, width)}
    for layer in range(layers):
        for name, shape in {
            "attn.q": (width, width),
            "attn.k": (narrow, width),
            "attn.v": (narrow, width),
            "attn.o": (width, width),
            "mlp.gate_up": (2 * wide, width),
            "mlp.up": (wide, width),
            "mlp.down": (width, wide),
            "norm": (width,),
        }.items():
            shapes[f"layers.{layer}.{name}.weight"] = shape
        shapes[f"layers.{layer}.attn.q.bias"] = (width,)
        shapes[f"layers.{layer}.attn.q.weight.scales"] = (width, 1)  # as some quantized files name them
    return {"shapes": shapes | {"head.weight": (11, width)}, "targets": targets, "r": r, "options": options}


@check(
    points=1,
    inputs=model,
    lecture="adapters",
    public=[
        case("queries and values", targets=["q", "v"], r=2),
        case("a base of 4 bits, mixed precision", targets=["q"], r=3, precision="mixed", bits=4, group=4),
        case("up is not gate_up", targets=["up"], r=1),
    ],
    hidden=[
        case("with the module above it", targets=["attn.k", "mlp.down"], r=5),
        case("the same tensor twice", targets=["o", "attn.o", "o"], r=2),
        case("the whole name", targets=["head", "layers.1.mlp.gate_up"], r=3, layers=3),
        case("all of them", targets=["q", "k", "v", "o", "gate_up", "up", "down"], r=4, optimizer="sgd_momentum", sizes=(8, 2, 14)),
        case("a base of 8 bits, with large scales", targets=["down"], r=2, bits=8, group=3, scale_bits=32, optimizer="adafactor"),
        case("bfloat16, 8 bits of states", targets=["down", "up"], r=70, precision="bfloat16", optimizer="adamw8bit", sizes=(60, 3, 5)),
        case("no target", targets=[], r=4),
        case("many layers", targets=["k", "mlp.up"], r=3, layers=19),
        case("many targets", targets=[f"layers.{i}.attn.{name}" for i in range(9) for name in "qv"] + ["down"], r=20, layers=9),
        case("float32 as the base", targets=["v"], r=1, bits=32, layers=1),
        case("a large model", targets=["q", "down"], r=7, sizes=(4099, 515, 9001), layers=9),
    ],
    cites=["n q does not", "A tensor that two targets mean is adapted once", "for the adapters alone"],
)
def adapters_alone_are_trained(student, shapes, targets, r, options):
    """With LoRA, gradients and states belong to the adapters alone; the base is stored once, frozen."""
    first = student.lora_training_bytes(shapes, targets, r, **options)
    return [first, student.lora_training_bytes(shapes, targets=targets, r=2 * r), student.lora_training_bytes(shapes, targets, r, **options)]


LLAMA3 = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096}
QWEN = {"num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "hidden_size": 1024, "head_dim": 128}


def cached(rng, config, batch, tokens, itemsize=2):
    return {"config": config, "batch": batch, "tokens": tokens, "itemsize": itemsize}


@check(
    points=1,
    inputs=cached,
    lecture="keys-and-values",
    public=[
        case("as many heads of keys", config={"num_hidden_layers": 3, "num_attention_heads": 4, "hidden_size": 12}, batch=2, tokens=5),
        case("fewer heads of keys", config=LLAMA3, batch=1, tokens=1),
        case("heads of another size", config=QWEN, batch=3, tokens=100),
    ],
    hidden=[
        case("one byte a number", config=LLAMA3, batch=7, tokens=8192, itemsize=1),
        case("four bytes", config={**QWEN, "num_key_value_heads": 1}, batch=2, tokens=31, itemsize=4),
        case("None", config={**LLAMA3, "num_key_value_heads": None, "head_dim": None}, batch=5, tokens=3),
        case("a head's size, and no heads of keys", config={"num_hidden_layers": 2, "num_attention_heads": 6, "hidden_size": 12, "head_dim": 5}, batch=4, tokens=7),
        case("heads that do not divide the width", config={"num_hidden_layers": 1, "num_attention_heads": 3, "hidden_size": 16, "head_dim": 8}, batch=2, tokens=3),
        case("beyond what floats can count", config={"num_hidden_layers": 3, "num_attention_heads": 3, "hidden_size": 15}, batch=1, tokens=10**17 + 1, itemsize=1),
        case("heads of less than the width", config={"num_hidden_layers": 5, "num_attention_heads": 4, "num_key_value_heads": 2, "hidden_size": 64, "head_dim": 3}, batch=2, tokens=9),
        case("nothing yet", config=QWEN, batch=3, tokens=0),
        case("a long line", config=LLAMA3, batch=10**6, tokens=10**9),
    ],
    cites=["Missing or None as many as attention heads", "it need not be this"],
)
def a_cache_has_keys_and_values(student, config, batch, tokens, itemsize):
    """The cache holds keys and values of the heads that keys have, for each layer, sequence and token."""
    first = student.kv_cache_bytes(config, batch, tokens, itemsize)
    return [first, student.kv_cache_bytes(config, batch, tokens, itemsize + 1), student.kv_cache_bytes(config, batch=1, tokens=1), student.kv_cache_bytes(config, batch, 3 * tokens, itemsize=itemsize)]


def beside(rng, config, memory, weights, tokens, **options):
    return {"config": config, "memory": memory, "weights": weights, "tokens": tokens, "options": options}


TINY = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 4}


@check(
    points=1,
    inputs=beside,
    lecture="how-many-fit",
    public=[
        case("a small cache", config=TINY, memory=1000, weights=600, tokens=5),
        case("in blocks of 4", config=TINY, memory=1000, weights=600, tokens=5, block=4),
        case("no room for the weights", config=LLAMA3, memory=10**9, weights=15 * 10**9, tokens=10),
        case("Llama 3 8B in 80 GB", config=LLAMA3, memory=80 * 10**9, weights=16_060_522_496, tokens=8192),
    ],
    hidden=[
        case("to the last byte", config=LLAMA3, memory=131_072 * 7 * 20 + 11, weights=11, tokens=7),
        case("one byte too little", config=LLAMA3, memory=131_072 * 7 * 20 + 10, weights=11, tokens=7),
        case("whole blocks", config=QWEN, memory=10**10, weights=10**9, tokens=160, block=16),
        case("blocks of 16, one byte a number", config=QWEN, memory=10**10, weights=1, tokens=161, block=16, itemsize=1),
        case("a block larger than the sequence", config=QWEN, memory=10**9, weights=10**6, tokens=3, block=256, itemsize=4),
        case("just the weights", config=QWEN, memory=10**6, weights=10**6, tokens=1),
        case("beyond what floats can count", config=LLAMA3, memory=131_072 * (10**18 + 7) - 1, weights=0, tokens=1),
    ],
    cites=["What fits to the last byte fits", "0 where nothing fits", "the last one perhaps half empty"],
)
def whole_sequences_fit(student, config, memory, weights, tokens, options):
    """As many sequences fit as the memory beside the weights has room for, each in whole blocks."""
    return [
        student.max_batch(memory, weights, config, tokens, **options),
        student.max_batch(memory + 10**9, weights, config, tokens=tokens + 1, **options),
        student.max_batch(memory, 0, config, tokens),
        student.max_batch(memory, 0, config, tokens, 3),
        student.max_batch(memory, 0, config, tokens, block=7),
    ]


@check(
    points=1,
    lecture="when-it-fails",
    public=[
        case("a group of none", which="group", bad=0, good=1),
        case("another optimizer", which="optimizer", bad="adam", good="adamw"),
        case("5 heads of keys for 12", which="heads", bad=5, good=4),
        case("a target that is not there", which="targets", bad=["q", "w"], good=["q"]),
    ],
    hidden=[
        case("a negative group", which="group", bad=-32, good=7),
        case("another precision", which="precision", bad="float16", good="bfloat16"),
        case("an optimizer's old name", which="optimizer", bad="", good="sgd"),
        case("more heads of keys than heads", which="heads", bad=24, good=12),
        case("a part in the middle", which="targets", bad=["a"], good=["a.q"]),
        case("the end of a name", which="targets", bad=["ate"], good=["gate"]),
        case("a norm has no such name", which="targets", bad=["q.weight"], good=["gate", "q"]),
    ],
    cites=["raises ValueError where a target means no tensor", "raises ValueError for another optimizer or precision"],
)
def what_makes_no_sense_is_refused(student, which, bad, good):
    """Groups below 1, unknown optimizers and precisions, heads that do not divide, and targets that mean nothing raise ValueError."""
    tensors = {"a.q.weight": (4, 6), "a.gate.weight": (2, 3)}
    config = {"num_hidden_layers": 2, "num_attention_heads": 12, "hidden_size": 24}
    calls = {
        "group": lambda value: student.bits_per_weight(4, value),
        "stored": lambda value: student.weights_bytes([(2, 8)], 4, value),
        "optimizer": lambda value: student.training_state_bytes([(2, 8)], value),
        "precision": lambda value: student.training_state_bytes([(2, 8)], "adamw", value),
        "heads": lambda value: student.max_batch(10**6, 10, {**config, "num_key_value_heads": value}, 3),
        "targets": lambda value: student.lora_training_bytes(tensors, value, 2),
    }
    also = {
        "group": [calls["stored"], lambda value: student.weights_bytes([(3,)], 4, value), lambda value: student.weights_bytes([], 4, group=value)],
        "optimizer": [lambda value: student.training_state_bytes([], value), lambda value: student.lora_training_bytes(tensors, ["q"], 2, optimizer=value)],
        "precision": [lambda value: student.training_state_bytes([(3,)], "sgd", value), lambda value: student.training_state_bytes([], precision=value)],
        "heads": [lambda value: student.kv_cache_bytes({**config, "num_key_value_heads": value, "head_dim": 8}, 1, 1)],
        "targets": [lambda value: student.lora_training_bytes(tensors, ["gate", *value], 2)],
    }[which]
    return {
        "bad": raises("ValueError", lambda: calls[which](bad)),
        "good": [calls[which](good), *(call(good) for call in also)],
        "and": [raises("ValueError", lambda call=call: call(bad)) for call in also],
    }
