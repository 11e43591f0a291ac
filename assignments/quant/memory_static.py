"""Memory that can be counted before anything runs: weights, gradients, optimizer states, and the KV cache.

All results are bytes, as Python ints: a GB is 10^9 of them, a GiB 2^30. Whole numbers are exact, however large (no floats on the way), and nothing is
allocated to count it. Shapes are tuples of sizes, () is a single number; a list of shapes may be empty. Arguments are not changed. Work without
torch's optimizers and without `transformers`: what is asked for are formulas.
"""

def bits_per_weight(bits: float, group: int | None = None, scale_bits: float = 16, zero_bits: float = 0) -> float:
    """What a weight costs, if `group` weights share a scale and a zero-point (`zero_bits=0`: there is none).

    bits: of a code. group: None means that nothing is shared; then scale_bits and zero_bits do not matter. scale_bits may be a mean itself:
    with double quantization, scales are codes that share a scale.

    Raises ValueError where group is below 1.

    >>> bits_per_weight(4, 32)  # GGUF's Q4_0
    4.5
    >>> bits_per_weight(4, 128, zero_bits=4)  # a GPTQ file
    4.15625
    >>> bits_per_weight(4, 64, scale_bits=bits_per_weight(8, 256, scale_bits=32))  # QLoRA
    4.126953125
    >>> bits_per_weight(16)
    16.0
    """
    # YOUR CODE HERE
    raise NotImplementedError("bits_per_weight is not written yet")


def weights_bytes(
    shapes: list[tuple[int, ...]], bits: int = 16, group: int | None = None, scale_bits: int = 16, zero_bits: int = 0
) -> int:
    """Bytes of all weights, as they lie in memory.

    - Without a group, each number has `bits` bits.
    - With one, tensors of two dimensions or more are quantized. Each row (along the last dimension) is cut into groups of `group` neighbours;
      if `group` does not divide the row, its last group is shorter, and has a scale and a zero-point like the others. Tensors of fewer than two
      dimensions (norms, biases) keep 16 bits a number.

    Codes, scales and zero-points are stored apart from each other: for each tensor, each of these three is filled up to whole bytes.

    Raises ValueError where group is below 1.

    Two rows of 5 codes of 4 bits are 5 bytes. Each row has groups of 4 and 1, so there are four scales of 2 bytes; the 3 other numbers take 6 bytes:

    >>> weights_bytes([(2, 5), (3,)], bits=4, group=4)
    19
    >>> weights_bytes([(3, 3)], bits=4)  # 36 bits
    5
    """
    # YOUR CODE HERE
    raise NotImplementedError("weights_bytes is not written yet")


def training_state_bytes(
    shapes: list[tuple[int, ...]], optimizer: str = "adamw", precision: str = "mixed", grad_bytes: int | None = None
) -> dict[str, int]:
    """What a training keeps for its parameters: bytes of "weights", "gradients", "master" and "optimizer". All four keys are always there.

    precision, in bytes a number:

    | precision | weights | gradients | master copy | optimizer's states |
    | --- | --- | --- | --- | --- |
    | "float32" | 4 | 4 | 0 | 4 |
    | "mixed" | 2 | 2 | 4 | 4 |
    | "bfloat16" | 2 | 2 | 0 | 2 |

    grad_bytes: of a gradient's number, where it is not the weights' (some frameworks sum up gradients in float32).

    The states of a parameter with n numbers:

    - "sgd": none. "sgd_momentum": n numbers.
    - "adamw": 2 n numbers, and a step count of 4 bytes for each tensor, in every precision.
    - "adafactor": a step count as above. For a tensor with two dimensions or more, R rows and C columns in the last two: a number for each row and
      one for each column, of each matrix in it. So (5, R, C) has 5 (R + C) numbers. For all others n numbers.
    - "adamw8bit", as bitsandbytes keeps it whatever the precision is: two states of one byte a number, with a float32 scale for each 256
      numbers of a state (the last block may be shorter). Tensors below 4096 numbers are not worth it: two states of 4 bytes a number, and no
      scales. There is no step count. (Two tables of 1 KiB for all tensors together are not counted.)

    Raises ValueError for another optimizer or precision.

    16 bytes a parameter, and 4 for the step:

    >>> training_state_bytes([(100, 50)])
    {'weights': 10000, 'gradients': 10000, 'master': 20000, 'optimizer': 40004}
    >>> training_state_bytes([(100, 50)], "adafactor", "float32")
    {'weights': 20000, 'gradients': 20000, 'master': 0, 'optimizer': 604}
    >>> training_state_bytes([(100, 50)], "adamw8bit", grad_bytes=4)  # 2 * (5000 + 20 scales of 4 bytes)
    {'weights': 10000, 'gradients': 20000, 'master': 20000, 'optimizer': 10160}
    """
    # YOUR CODE HERE
    raise NotImplementedError("training_state_bytes is not written yet")


def lora_training_bytes(
    shapes: dict[str, tuple[int, ...]],
    targets: list[str],
    r: int,
    optimizer: str = "adamw",
    precision: str = "float32",
    bits: int = 16,
    group: int | None = None,
    scale_bits: int = 16,
) -> dict[str, int]:
    """What a LoRA training keeps: bytes of "base", the frozen weights, and of the four things of `training_state_bytes` for the adapters alone.

    shapes: of the model's tensors, by their names, like "layers.0.attn.q.weight". targets: names of modules. A target is adapted wherever
    a tensor's name is the target and ".weight", or ends with a dot, the target and ".weight": "q" and "attn.q" mean the tensor above, "n.q" does not.
    A tensor that two targets mean is adapted once. A weight (out, in) gets two adapters, (r, in) and (out, r); targets mean such weights only.

    bits, group, scale_bits: how the base is stored, as in `weights_bytes`. optimizer, precision: of the adapters, as in `training_state_bytes`.

    Raises ValueError where a target means no tensor.

    Adapters of 2 · 6 and 4 · 2 numbers, 20 together:

    >>> lora_training_bytes({"a.q.weight": (4, 6), "a.norm.weight": (4,)}, ["q"], r=2)
    {'base': 56, 'weights': 80, 'gradients': 80, 'master': 0, 'optimizer': 168}
    """
    # YOUR CODE HERE
    raise NotImplementedError("lora_training_bytes is not written yet")


def kv_cache_bytes(config: dict, batch: int, tokens: int, itemsize: int = 2) -> int:
    """Keys and values of `tokens` tokens in each of `batch` sequences, for all layers; `itemsize` bytes a number.

    config, as in a model's config.json: "num_hidden_layers", "num_attention_heads", "hidden_size", and sometimes

    - "num_key_value_heads": heads of keys and of values. Missing or None: as many as attention heads.
    - "head_dim": numbers of a head. Missing or None: hidden_size / num_attention_heads, which is a whole number then. (Where head_dim is given,
      it need not be this, and hidden_size need not be divisible.)

    All numbers of a config are at least 1.

    Raises ValueError where the heads of keys and values do not divide the attention heads.

    Llama 2 7B, half a MiB a token:

    >>> kv_cache_bytes({"num_hidden_layers": 32, "num_attention_heads": 32, "hidden_size": 4096}, batch=1, tokens=1)
    524288
    """
    # YOUR CODE HERE
    raise NotImplementedError("kv_cache_bytes is not written yet")


def max_batch(memory: int, weights: int, config: dict, tokens: int, itemsize: int = 2, block: int = 1) -> int:
    """How many sequences of `tokens` tokens fit into `memory` bytes beside `weights` bytes of weights.

    The cache is handed out in blocks of `block` tokens, so each sequence takes whole blocks, the last one perhaps half empty.
    What fits to the last byte, fits. 0 where nothing fits. config, itemsize: as in `kv_cache_bytes`. tokens and block are at least 1.

    Raises ValueError as `kv_cache_bytes` does. (Where not even the weights fit, 0 is right, too.)

    A token takes 2 · 1 · 4 · 2 = 16 bytes. Five tokens are 80 bytes; in blocks of 4, 128:

    >>> config = {"num_hidden_layers": 1, "num_attention_heads": 2, "hidden_size": 4}
    >>> max_batch(1000, 600, config, tokens=5)
    5
    >>> max_batch(1000, 600, config, tokens=5, block=4)
    3
    """
    # YOUR CODE HERE
    raise NotImplementedError("max_batch is not written yet")
