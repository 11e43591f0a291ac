"""Wrong implementations of quant/memory_static, and what a student should read about each."""

from math import ceil, prod

from autograder.checks import mistake

mistake(
    "You leave out the scales and zero-points: a group of 32 four-bit weights costs 4.5 bits each, not 4.",
    edit={"return bits + (scale_bits + zero_bits) / group": "return float(bits)"},
)
mistake(
    "You leave out the zero-point: it is shared by the group, as the scale is.",
    edit={"bits + (scale_bits + zero_bits) / group": "bits + scale_bits / group"},
)
mistake(
    "Your scale has always 16 bits. It has `scale_bits`.",
    edit={"bits + (scale_bits + zero_bits) / group": "bits + (16 + zero_bits) / group"},
)
mistake(
    "Without a group you still add a scale. None means that nothing is shared.",
    edit={"        return float(bits)\n": "        return float(bits + scale_bits + zero_bits)\n"},
)
mistake(
    "You round the bits of a weight to a whole number or to a few decimals. It is a mean.",
    edit={"return bits + (scale_bits + zero_bits) / group": "return round(bits + (scale_bits + zero_bits) / group, 2)"},
)
mistake(
    "You count n / group scales over the whole tensor. Each row begins a group of its own, and its last group may be shorter.",
    edit={"groups = prod(shape[:-1]) * -(-shape[-1] // group)": "groups = -(-prod(shape) // group)"},
)
mistake(
    "You forget the last, shorter group of a row. It has a scale, too.",
    edit={"-(-shape[-1] // group)": "(shape[-1] // group)"},
)
mistake(
    "Your groups run down the first dimension. They are neighbours in the last one.",
    edit={"prod(shape[:-1]) * -(-shape[-1] // group)": "prod(shape[1:]) * -(-shape[0] // group)"},
)
mistake(
    "You quantize norms and biases, too. Tensors of fewer than two dimensions keep 16 bits.",
    edit={"        elif len(shape) < 2:\n            total += 2 * prod(shape)\n": "        elif not shape:\n            total += 2\n"},
)
mistake(
    "You quantize tensors of exactly two dimensions only. Those with three have rows, too.",
    edit={"elif len(shape) < 2:": "elif len(shape) != 2:"},
)
mistake(
    "You cut off the last half byte. Codes are filled up to whole bytes.",
    edit={"return -(-numbers * bits // 8)": "return numbers * bits // 8"},
)
mistake(
    "Each number is filled up to whole bytes. Codes lie close together, only the tensor is filled up.",
    edit={"return -(-numbers * bits // 8)": "return numbers * -(-bits // 8)"},
)


@mistake("You add all bits up and round once in the end. Each tensor's codes, scales and zero-points are filled up for themselves.")
def weights_bytes(shapes, bits=16, group=None, scale_bits=16, zero_bits=0):
    if group is not None and group < 1:
        raise ValueError(group)
    total = 0
    for shape in shapes:
        if group is None:
            total += prod(shape) * bits
        elif len(shape) < 2:
            total += 16 * prod(shape)
        else:
            total += prod(shape) * bits + prod(shape[:-1]) * -(-shape[-1] // group) * (scale_bits + zero_bits)
    return -(-total // 8)


mistake(
    "Scales and zero-points of a tensor are filled up together. Zero-points are a tensor of their own.",
    edit={"_bytes(groups, scale_bits) + _bytes(groups, zero_bits)": "_bytes(groups, scale_bits + zero_bits)"},
)


@mistake("You divide by 8 as floats: from 2^53 on, bytes are lost. Use whole numbers all the way.")
def weights_bytes(shapes, bits=16, group=None, scale_bits=16, zero_bits=0):
    if group is not None and group < 1:
        raise ValueError(group)
    total = 0
    for shape in shapes:
        if group is not None and len(shape) < 2:
            total += 2 * prod(shape)
            continue
        total += ceil(prod(shape) * bits / 8)
        if group is not None:
            groups = prod(shape[:-1]) * ceil(shape[-1] / group)
            total += ceil(groups * scale_bits / 8) + ceil(groups * zero_bits / 8)
    return total


mistake(
    "Mixed precision keeps float32 weights beside the 16-bit ones: the master copy is missing.",
    edit={'"mixed": (2, 4, 4)': '"mixed": (2, 0, 4)'},
)
mistake(
    "In mixed precision your optimizer's states have two bytes. The optimizer works on the float32 master copy.",
    edit={'"mixed": (2, 4, 4)': '"mixed": (2, 4, 2)'},
)
mistake(
    "In bfloat16 alone the states are bfloat16, too: the optimizer makes them like the weights.",
    edit={'"bfloat16": (2, 0, 2)': '"bfloat16": (2, 0, 4)'},
)
mistake(
    "In float32 the weights are what the optimizer updates. There is no second copy.",
    edit={'"float32": (4, 0, 4)': '"float32": (4, 4, 4)'},
)
mistake(
    "Your gradients always have four bytes. Without `grad_bytes` they are as wide as the weights.",
    edit={"(weight if grad_bytes is None else grad_bytes)": "(4 if grad_bytes is None else grad_bytes)"},
)
mistake(
    "`grad_bytes` is ignored.",
    edit={"(weight if grad_bytes is None else grad_bytes)": "weight"},
)
mistake(
    "grad_bytes=0 is taken for None. Compare with None.",
    edit={"(weight if grad_bytes is None else grad_bytes)": "(grad_bytes or weight)"},
)
mistake(
    "AdamW has two states, the mean of gradients and the mean of their squares. You count one.",
    edit={"states += 2 * size * state + 4": "states += size * state + 4"},
)
mistake(
    "The step counts are missing: torch keeps a float32 for each tensor.",
    edit={"states += 2 * size * state + 4": "states += 2 * size * state", "states += factored * state + 4": "states += factored * state"},
)
mistake(
    "You count one step for the whole model. torch keeps one for each tensor.",
    edit={
        "    states = 0\n": "    states = 4 if shapes and optimizer in ('adamw', 'adafactor') else 0\n",
        "states += 2 * size * state + 4": "states += 2 * size * state",
        "states += factored * state + 4": "states += factored * state",
    },
)
mistake(
    "The step count follows the precision. It has 4 bytes in each.",
    edit={"states += 2 * size * state + 4": "states += 2 * size * state + state", "states += factored * state + 4": "states += factored * state + state"},
)
mistake(
    "Your Adafactor multiplies rows and columns: that is the whole matrix. It keeps their sum.",
    edit={"(shape[-2] + shape[-1])": "(shape[-2] * shape[-1])"},
)
mistake(
    "Your Adafactor adds all dimensions up. Only the last two are factored, for each matrix in the others.",
    edit={"prod(shape[:-2]) * (shape[-2] + shape[-1])": "sum(shape)"},
)
mistake(
    "Your Adafactor factors the first two dimensions. It takes the last two.",
    edit={"prod(shape[:-2]) * (shape[-2] + shape[-1])": "prod(shape[2:]) * (shape[0] + shape[1])"},
)
mistake(
    "Your Adafactor flattens all but the last dimension into rows. Each matrix of the last two has its own rows and columns.",
    edit={"prod(shape[:-2]) * (shape[-2] + shape[-1])": "(prod(shape[:-1]) + shape[-1])"},
)
mistake(
    "Your 8-bit states have no scales. Each block of 256 numbers has a float32.",
    edit={"2 * (size + 4 * -(-size // 256))": "2 * size"},
)
mistake(
    "Your 8-bit states share one scale for both. Each of the two has its own blocks.",
    edit={"2 * (size + 4 * -(-size // 256))": "(2 * size + 4 * -(-size // 256))"},
)
mistake(
    "The last, shorter block has no scale in your count.",
    edit={"-(-size // 256)": "(size // 256)"},
)
mistake(
    "Small tensors are kept in 8 bits, too. Below 4096 numbers they stay in float32.",
    edit={" if size >= 4096 else 8 * size": ""},
)
mistake(
    "A tensor of exactly 4096 numbers is not small: it has 8-bit states.",
    edit={"if size >= 4096": "if size > 4096"},
)
mistake(
    "The small tensors' states follow the precision. They are float32 always.",
    edit={"else 8 * size": "else 2 * state * size"},
)
mistake(
    "Your 8-bit optimizer counts a step for each tensor. It has none.",
    edit={"if size >= 4096 else 8 * size": "if size >= 4096 else 8 * size\n            states += 4"},
)
mistake(
    "The whole base gets gradients and states, as if it were trained. With LoRA the adapters alone are.",
    edit={"training_state_bytes(adapters, optimizer, precision)": "training_state_bytes(adapters + list(shapes.values()), optimizer, precision)"},
)
mistake(
    "Each adapted weight has two adapters. You count one of them.",
    edit={"for pair in ((r, shapes[name][1]), (shapes[name][0], r))": "for pair in ((r, shapes[name][1]),)"},
)
mistake(
    "Both of your adapters have the input's width. The second one is (out, r).",
    edit={"(shapes[name][0], r))": "(shapes[name][1], r))"},
)
mistake(
    "Your targets match any part of a name: up also means gate_up. Compare whole parts between dots.",
    edit={'f".{name}".endswith(f".{target}.weight")': 'target in name and name.endswith(".weight") and len(shapes[name]) == 2'},
)
mistake(
    "Your targets match the end of a part: up also means gate_up. Before the target there must be a dot, or nothing.",
    edit={'f".{name}".endswith(f".{target}.weight")': 'name.endswith(f"{target}.weight")'},
)
mistake(
    "A target is one part of the name for you. attn.k has two.",
    edit={'f".{name}".endswith(f".{target}.weight")': 'target == name.removesuffix(".weight").split(".")[-1]'},
    crashes=True,
)
mistake(
    "A tensor that two targets mean gets adapters twice.",
    edit={"adapted = set()": "adapted = []", "adapted.update(found)": "adapted.extend(found)"},
)
mistake(
    "A target that means nothing is passed over. It is a misspelled name: raise ValueError.",
    edit={'        if not found:\n            raise ValueError(f"no tensor belongs to {target}")\n': ""},
)
mistake(
    "You raise only if no target at all means a tensor. Each of them must.",
    edit={
        '        if not found:\n            raise ValueError(f"no tensor belongs to {target}")\n': "",
        "    adapters = [": '    if targets and not adapted:\n        raise ValueError("none")\n    adapters = [',
    },
)
mistake(
    "The base of your LoRA training has always 16 bits.",
    edit={"weights_bytes(list(shapes.values()), bits, group, scale_bits)": "weights_bytes(list(shapes.values()))"},
)
mistake(
    "The scales of your base have always 16 bits.",
    edit={"weights_bytes(list(shapes.values()), bits, group, scale_bits)": "weights_bytes(list(shapes.values()), bits, group)"},
)
mistake(
    "All adapters together are one tensor for you. Each of them has its own step, and its own size.",
    edit={"training_state_bytes(adapters, optimizer, precision)": "training_state_bytes([(sum(map(prod, adapters)),)], optimizer, precision)"},
)
mistake(
    "Your cache has keys only. Values take as much again.",
    edit={'return 2 * config["num_hidden_layers"]': 'return config["num_hidden_layers"]'},
)
mistake(
    "You count all attention heads. The cache has the heads of keys and values, and they may be fewer.",
    edit={'kv_heads = config.get("num_key_value_heads") or heads\n': 'kv_heads = config.get("num_key_value_heads") or heads\n    kv, kv_heads = kv_heads, heads\n',
          "if heads % kv_heads:": "if heads % kv:"},
)
mistake(
    "You divide the width by the heads though the config has a head_dim. It need not be the same.",
    edit={'config.get("head_dim") or config["hidden_size"] // heads': 'config["hidden_size"] // heads'},
)
mistake(
    "The size of a head is the width divided by the heads of keys. Divide by the attention heads.",
    edit={'config["hidden_size"] // heads': 'config["hidden_size"] // kv_heads'},
)
mistake(
    "A missing num_key_value_heads means one head for you. It means as many as attention heads.",
    edit={'config.get("num_key_value_heads") or heads': 'config.get("num_key_value_heads") or 1'},
)
mistake(
    "num_key_value_heads or head_dim may be None in a config. It counts as missing.",
    edit={'config.get("num_key_value_heads") or heads': 'config.get("num_key_value_heads", heads)', 'config.get("head_dim") or config["hidden_size"] // heads': 'config.get("head_dim", config["hidden_size"] // heads)'},
    crashes=True,
)
mistake(
    "Heads of keys and values that do not divide the attention heads are accepted.",
    edit={"    if heads % kv_heads:\n        raise ValueError(f\"{kv_heads} heads of keys and values for {heads} heads\")\n": ""},
)
mistake(
    "Your cache ignores `itemsize`.",
    edit={"* batch * tokens * itemsize": "* batch * tokens * 2"},
)
mistake(
    "You leave the batch out of the cache.",
    edit={"* batch * tokens * itemsize": "* tokens * itemsize"},
)
mistake(
    "The weights take no room in your count. Only what is left beside them is for the cache.",
    edit={"max(0, memory - weights) // each": "memory // each"},
)
mistake(
    "Where not even the weights fit, you return a negative number. It is 0.",
    edit={"max(0, memory - weights) // each": "(memory - weights) // each"},
)
mistake(
    "Where nothing fits, at least one does in your count.",
    edit={"max(0, memory - weights) // each": "max(1, (memory - weights) // each)"},
)
mistake(
    "A sequence takes tokens, not blocks, in your count. Its last block is its own, even half empty.",
    edit={"block * -(-tokens // block)": "tokens"},
)
mistake(
    "Your number of blocks is rounded down. The rest of the tokens needs a block, too.",
    edit={"block * -(-tokens // block)": "block * max(1, tokens // block)"},
)
mistake(
    "A sequence that ends with its block gets one block more in your count.",
    edit={"block * -(-tokens // block)": "block * (tokens // block + 1)"},
)
mistake(
    "What fits to the last byte does not fit in your count.",
    edit={"max(0, memory - weights) // each": "max(0, memory - weights - 1) // each"},
)
mistake(
    "You divide as floats. Beyond 2^53 the result is off.",
    edit={"max(0, memory - weights) // each": "int(max(0, memory - weights) / each)"},
)
mistake(
    "In max_batch the size of the cache's numbers is ignored.",
    edit={"block * -(-tokens // block), itemsize)": "block * -(-tokens // block))"},
)
mistake(
    "You share blocks between sequences: all tokens of all sequences are rounded up together. Each sequence has blocks of its own.",
    edit={
        "each = kv_cache_bytes(config, 1, block * -(-tokens // block), itemsize)": "each = kv_cache_bytes(config, 1, block, itemsize)",
        "max(0, memory - weights) // each": "max(0, memory - weights) // each * block // tokens",
    },
)
mistake(
    "A group below 1 is taken for none. Raise ValueError.",
    edit={'    if group < 1:\n        raise ValueError(f"a group of {group} weights")\n    return bits': "    if group < 1:\n        return float(bits)\n    return bits"},
)
mistake(
    "weights_bytes accepts a group below 1.",
    edit={'    if group is not None and group < 1:\n        raise ValueError(f"a group of {group} weights")\n    total': "    group = group if group is None or group > 0 else None\n    total"},
)
mistake(
    "An unknown optimizer is taken for one without states. Raise ValueError.",
    edit={"if optimizer not in _STATES or precision not in _PRECISIONS:": "if precision not in _PRECISIONS:"},
)
mistake(
    "An unknown precision is taken for the mixed one. Raise ValueError.",
    edit={
        "if optimizer not in _STATES or precision not in _PRECISIONS:": "if optimizer not in _STATES:",
        "_PRECISIONS[precision]": '_PRECISIONS.get(precision, _PRECISIONS["mixed"])',
    },
)
mistake(
    "Keys that are 0 are left out of the result. All four are always there.",
    edit={'    return {\n        "weights": weight * n,': '    return {} if not n else {\n        "weights": weight * n,'},
)
mistake(
    "You count a GiB for a GB, or bits for bytes: the sizes of float32 and of 16-bit numbers are 4 and 2 bytes.",
    edit={'"float32": (4, 0, 4)': '"float32": (32, 0, 32)'},
)
mistake(
    "Adafactor keeps a mean of gradients for you, as AdamW does. It keeps rows and columns alone.",
    edit={"states += factored * state + 4": "states += (factored + size) * state + 4"},
)
mistake(
    "Vectors have no state in your Adafactor. They are not factored, so they keep a number for each of theirs.",
    edit={"if len(shape) >= 2 else size": "if len(shape) >= 2 else 0"},
)
mistake(
    "The bits of the base are used, but its groups are not: no scales are counted.",
    edit={"weights_bytes(list(shapes.values()), bits, group, scale_bits)": "weights_bytes(list(shapes.values()), bits)"},
)
mistake(
    "Your LoRA training ignores the optimizer that was asked for.",
    edit={"training_state_bytes(adapters, optimizer, precision)": "training_state_bytes(adapters, 'adamw', precision)"},
)
mistake(
    "The rank stands only in one of your two adapters.",
    edit={"(shapes[name][0], r))": "(shapes[name][0], shapes[name][1]))"},
)
mistake(
    "You look for the target at the end of the whole name, but names end with .weight.",
    edit={'f".{name}".endswith(f".{target}.weight")': 'f".{name}".endswith(f".{target}")'},
    crashes=True,
)
mistake(
    "A bias of the adapted module gets adapters, too.",
    edit={'f".{name}".endswith(f".{target}.weight")': 'f".{name}".rpartition(".")[0].endswith(f".{target}")', "(r, shapes[name][1])": "(r, shapes[name][-1])"},
)
mistake(
    "The result of the first call is kept and changed by the next one. Make a new dictionary each time.",
    edit={"    states = 0\n": "    states = 0\n    kept = globals().setdefault('_kept', {})\n", '    return {\n        "weights": weight * n,': '    kept.update({\n        "weights": weight * n,',
          '        "optimizer": states,\n    }': '        "optimizer": states,\n    })\n    return kept'},
)
mistake(
    "You take the config's head_dim only if it makes heads wider. It may make them narrower, too.",
    edit={
        'config.get("head_dim") or config["hidden_size"] // heads': 'max(config.get("head_dim") or 0, config["hidden_size"] // heads)',
    },
)
mistake(
    "Your targets may stand in the middle of a name. They are its end, before .weight.",
    edit={'f".{name}".endswith(f".{target}.weight")': 'f".{target}." in f".{name}" and name.endswith(".weight")'},
)
mistake(
    "With LoRA in mixed precision the adapters' master copy is missing in your count.",
    edit={'return {"base": base} | training_state_bytes(adapters, optimizer, precision)': 'return {"base": base} | training_state_bytes(adapters, optimizer, precision) | {"master": 0}'},
)
mistake(
    "The adapted weights are left out of your base. They are there, frozen, beside their adapters.",
    edit={"weights_bytes(list(shapes.values()), bits": "weights_bytes([s for n, s in shapes.items() if n not in adapted], bits"},
)
mistake(
    "With sgd an unknown precision is accepted. Raise ValueError for every optimizer.",
    edit={
        "if optimizer not in _STATES or precision not in _PRECISIONS:": 'if optimizer not in _STATES or (precision not in _PRECISIONS and optimizer != "sgd"):',
        "_PRECISIONS[precision]": '_PRECISIONS.get(precision, _PRECISIONS["mixed"])',
    },
)
mistake(
    "For an empty list an unknown optimizer is accepted. Look at it before the tensors.",
    edit={"if optimizer not in _STATES or precision": "if (shapes and optimizer not in _STATES) or precision"},
)
mistake(
    "You look at the group only where a matrix needs it. Raise ValueError for a group below 1 always.",
    edit={
        '    if group is not None and group < 1:\n        raise ValueError(f"a group of {group} weights")\n    total': "    total",
        "            groups = prod": "            if group < 1:\n                raise ValueError(group)\n            groups = prod",
    },
)
mistake(
    "Where the config has a head_dim, you do not look whether the heads of keys divide the attention heads.",
    edit={"    if heads % kv_heads:": '    if heads % kv_heads and not config.get("head_dim"):'},
)
mistake(
    "You refuse a width that the heads do not divide, though the config has a head_dim. Then the width does not matter.",
    edit={"    if heads % kv_heads:": '    if heads % kv_heads or config["hidden_size"] % heads:'},
    crashes=True,
)
mistake(
    "You divide the width by the heads as floats, so a large cache is not exact. Use //.",
    edit={'config["hidden_size"] // heads': 'config["hidden_size"] / heads', "return 2 * config": "return int(2 * config", "* batch * tokens * itemsize": "* batch * tokens * itemsize)"},
)
mistake(
    "A tensor of no numbers has no step count in your AdamW. Each tensor has one.",
    edit={"states += 2 * size * state + 4": "states += 2 * size * state + 4 * (size > 0)"},
)
mistake(
    "A tensor of no matrices counts as one matrix in your Adafactor.",
    edit={"prod(shape[:-2]) * (shape[-2]": "max(1, prod(shape[:-2])) * (shape[-2]"},
)
mistake(
    "You look for a target anywhere in a name. The name has to end with the target and .weight: q.weight.scales is no weight of q.",
    edit={'f".{name}".endswith(f".{target}.weight")': 'f".{target}.weight" in f".{name}"'},
)
