"""Public checks of quant/memory_static: run `pytest` on this file, or `autograder check quant/memory_static`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from autograder.checks import case, check, raises


def random_shapes(rng, n=0, shapes=None, largest=9, **options):
    """Shapes of 0 to 4 dimensions, or the given ones. `options` are left to their defaults where a case has none."""
    if shapes is None:
        shapes = [tuple(rng.integer(1, largest + 1) for _ in range(dims)) for dims in rng.shuffled([2, 1, 3, 0, 4, 2, 2][:n])]
    return {"shapes": [tuple(shape) for shape in shapes], "options": options}


@check(points=1, lecture='codes-and-what-they-share', public=[case('4 bits, groups of 32', bits=4, options={'group': 32}), case('a zero-point too', bits=4, options={'group': 32, 'zero_bits': 16}), case('scales of 8 bits', bits=4, options={'group': 32, 'scale_bits': 8}), case('bfloat16', bits=16, options={})])
def a_weight_pays_for_its_group(student, bits, options):
    """A weight costs its own bits and its share of the scale and of the zero-point."""
    return [
        student.bits_per_weight(bits, **options),
        student.bits_per_weight(bits=bits, group=options.get("group")),
        student.bits_per_weight(2 * bits, options.get("group"), *(options.get(name, 0) for name in ("scale_bits", "zero_bits"))),
    ]


@check(points=1, inputs=random_shapes, lecture='codes-and-what-they-share', public=[case('16 bits', shapes=[(3, 4), (5,), ()]), case('four bits, groups of four', shapes=[(2, 5), (3,)], bits=4, group=4), case('four bits, and a zero-point', shapes=[(8, 64), (8,)], bits=4, group=32, zero_bits=4), case('odd numbers of half bytes', shapes=[(3, 3), (1, 1)], bits=4)])
def stored_weights_are_counted_row_by_row(student, shapes, options):
    """Codes, scales and zero-points of matrices are counted row by row and filled up to bytes; the rest keeps 16 bits."""
    return [student.weights_bytes(shapes, **options), student.weights_bytes(shapes=shapes[1:], **options), student.weights_bytes(shapes)]


@check(points=1, inputs=random_shapes, lecture='sixteen-bytes', public=[case('AdamW, mixed precision, by default', shapes=[(4, 3), (5,)]), case('AdamW, float32', shapes=[(4, 3), (5,)], optimizer='adamw', precision='float32'), case('AdamW, bfloat16 alone', shapes=[(4, 3), (5,)], optimizer='adamw', precision='bfloat16'), case('momentum, and gradients of 4 bytes', shapes=[(2, 6)], optimizer='sgd_momentum', grad_bytes=4)])
def sixteen_bytes_a_parameter(student, shapes, options):
    """Weights, gradients, a master copy and the states of SGD, momentum and AdamW take what the precision gives them."""
    first = student.training_state_bytes(shapes, **options)
    return [first, student.training_state_bytes(shapes=shapes[:1], **options), student.training_state_bytes(shapes)]


@check(points=1, inputs=random_shapes, lecture='smaller-optimizers', public=[case('Adafactor', shapes=[(4, 3), (5,)], optimizer='adafactor'), case('Adafactor, a cube', shapes=[(2, 4, 3)], optimizer='adafactor', precision='bfloat16'), case('8 bits', shapes=[(64, 65), (64, 63), (7,)], optimizer='adamw8bit')])
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


@check(points=1, inputs=model, lecture='adapters', public=[case('queries and values', targets=['q', 'v'], r=2), case('a base of 4 bits, mixed precision', targets=['q'], r=3, precision='mixed', bits=4, group=4), case('up is not gate_up', targets=['up'], r=1)])
def adapters_alone_are_trained(student, shapes, targets, r, options):
    """With LoRA, gradients and states belong to the adapters alone; the base is stored once, frozen."""
    first = student.lora_training_bytes(shapes, targets, r, **options)
    return [first, student.lora_training_bytes(shapes, targets=targets, r=2 * r), student.lora_training_bytes(shapes, targets, r, **options)]


LLAMA3 = {"num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 8, "hidden_size": 4096}


QWEN = {"num_hidden_layers": 28, "num_attention_heads": 16, "num_key_value_heads": 8, "hidden_size": 1024, "head_dim": 128}


def cached(rng, config, batch, tokens, itemsize=2):
    return {"config": config, "batch": batch, "tokens": tokens, "itemsize": itemsize}


@check(points=1, inputs=cached, lecture='keys-and-values', public=[case('as many heads of keys', config={'num_hidden_layers': 3, 'num_attention_heads': 4, 'hidden_size': 12}, batch=2, tokens=5), case('fewer heads of keys', config=LLAMA3, batch=1, tokens=1), case('heads of another size', config=QWEN, batch=3, tokens=100)])
def a_cache_has_keys_and_values(student, config, batch, tokens, itemsize):
    """The cache holds keys and values of the heads that keys have, for each layer, sequence and token."""
    first = student.kv_cache_bytes(config, batch, tokens, itemsize)
    return [first, student.kv_cache_bytes(config, batch, tokens, itemsize + 1), student.kv_cache_bytes(config, batch=1, tokens=1), student.kv_cache_bytes(config, batch, 3 * tokens, itemsize=itemsize)]


def beside(rng, config, memory, weights, tokens, **options):
    return {"config": config, "memory": memory, "weights": weights, "tokens": tokens, "options": options}


TINY = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 4}


@check(points=1, inputs=beside, lecture='how-many-fit', public=[case('a small cache', config=TINY, memory=1000, weights=600, tokens=5), case('in blocks of 4', config=TINY, memory=1000, weights=600, tokens=5, block=4), case('no room for the weights', config=LLAMA3, memory=10 ** 9, weights=15 * 10 ** 9, tokens=10), case('Llama 3 8B in 80 GB', config=LLAMA3, memory=80 * 10 ** 9, weights=16060522496, tokens=8192)])
def whole_sequences_fit(student, config, memory, weights, tokens, options):
    """As many sequences fit as the memory beside the weights has room for, each in whole blocks."""
    return [
        student.max_batch(memory, weights, config, tokens, **options),
        student.max_batch(memory + 10**9, weights, config, tokens=tokens + 1, **options),
        student.max_batch(memory, 0, config, tokens),
        student.max_batch(memory, 0, config, tokens, 3),
        student.max_batch(memory, 0, config, tokens, block=7),
    ]


@check(points=1, lecture='when-it-fails', public=[case('a group of none', which='group', bad=0, good=1), case('another optimizer', which='optimizer', bad='adam', good='adamw'), case('5 heads of keys for 12', which='heads', bad=5, good=4), case('a target that is not there', which='targets', bad=['q', 'w'], good=['q'])])
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
