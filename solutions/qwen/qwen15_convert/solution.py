"""Qwen 1.5: weights of Qwen 1 by the names that Hugging Face's Qwen2 classes have, the format of its chats, and which layers see a window only."""

import re

import torch
from torch import Tensor


def convert_qwen1_to_qwen2(sd: dict[str, Tensor], n_layers: int) -> dict[str, Tensor]:
    """The weights of a model of Qwen 1, by the names of `Qwen2ForCausalLM`.

    sd: tensors by name, as the files of Qwen 1 have them. It is not changed.
    n_layers: how many layers the model has, i = 0 … n_layers - 1.

    | Qwen 1                              | here                                                        |
    | ----------------------------------- | ----------------------------------------------------------- |
    | transformer.wte.weight              | model.embed_tokens.weight                                   |
    | transformer.h.i.ln_1.weight         | model.layers.i.input_layernorm.weight                       |
    | transformer.h.i.attn.c_attn.weight  | model.layers.i.self_attn.q_proj.weight, k_proj, v_proj      |
    | transformer.h.i.attn.c_attn.bias    | model.layers.i.self_attn.q_proj.bias, k_proj, v_proj        |
    | transformer.h.i.attn.c_proj.weight  | model.layers.i.self_attn.o_proj.weight                      |
    | transformer.h.i.ln_2.weight         | model.layers.i.post_attention_layernorm.weight              |
    | transformer.h.i.mlp.w1.weight       | model.layers.i.mlp.up_proj.weight                           |
    | transformer.h.i.mlp.w2.weight       | model.layers.i.mlp.gate_proj.weight                         |
    | transformer.h.i.mlp.c_proj.weight   | model.layers.i.mlp.down_proj.weight                         |
    | transformer.ln_f.weight             | model.norm.weight                                           |
    | lm_head.weight                      | lm_head.weight                                              |

    c_attn has 3C rows: a third for queries, then a third for keys, then a third for values. Both families rotate halves of a head, so the rows
    within a third keep their order. Everything else is taken over as it is. dtypes and devices stay. Tensors of files require no
    gradients, and no tensor here does. The order of the names is open.

    Names that end with `.rotary_emb.inv_freq` or `.attn.masked_bias`, and `transformer.rotary_emb.inv_freq` itself, are no weights: they
    are passed over. Where a name of the left column is missing, KeyError is raised; also where there is a name that is none of these, such
    as one of a layer beyond n_layers.

    Every tensor of the result is contiguous and has memory of its own, of its own size: nothing is shared with sd, and nothing among q, k and v.
    (Files of safetensors refuse tensors that share memory.)

    >>> convert_qwen1_to_qwen2({}, 1)
    Traceback (most recent call last):
    KeyError: transformer.wte.weight
    """
    # BEGIN SOLUTION
    names = {"transformer.wte.weight": "model.embed_tokens.weight"}
    names |= {"transformer.ln_f.weight": "model.norm.weight", "lm_head.weight": "lm_head.weight"}
    for i in range(n_layers):
        names |= {f"transformer.h.{i}.{old}": f"model.layers.{i}.{new}" for old, new in IN_A_LAYER.items()}
    unknown = [name for name in sd if name not in names and not NO_WEIGHT.search(name)]
    if unknown:
        raise KeyError(unknown[0])
    found = {}
    for old, new in names.items():
        if "c_attn" in old:
            for letter, third in zip("qkv", sd[old].chunk(3), strict=True):
                found[new.replace("?", letter)] = third.clone(memory_format=torch.contiguous_format)
        else:
            found[new] = sd[old].clone(memory_format=torch.contiguous_format)
    return found
    # END SOLUTION


# BEGIN SOLUTION
IN_A_LAYER = {
    "ln_1.weight": "input_layernorm.weight",
    "attn.c_attn.weight": "self_attn.?_proj.weight",
    "attn.c_attn.bias": "self_attn.?_proj.bias",
    "attn.c_proj.weight": "self_attn.o_proj.weight",
    "ln_2.weight": "post_attention_layernorm.weight",
    "mlp.w1.weight": "mlp.up_proj.weight",
    "mlp.w2.weight": "mlp.gate_proj.weight",
    "mlp.c_proj.weight": "mlp.down_proj.weight",
}
NO_WEIGHT = re.compile(r"\.rotary_emb\.inv_freq$|\.attn\.masked_bias$")
# END SOLUTION


def render_chatml(
    messages: list[dict[str, str]],
    add_generation_prompt: bool = True,
    default_system: str | None = "You are a helpful assistant.",
) -> str:
    """A chat as the text that Qwen's chat models read, in the format ChatML.

    messages: {"role": "system" or "user" or "assistant" or another, "content": …}, in order. They are not changed.

    Each message becomes

        <|im_start|>ROLE
        CONTENT<|im_end|>

    with one line feed behind the role, and one behind <|im_end|>, also behind the last one. Role and content are written as they are, white space
    included. Where there are messages and the first one is not of "system", a system message with `default_system` comes before it, unless
    default_system is None. A system message that stands later changes nothing about that. With add_generation_prompt, the text ends with
    `<|im_start|>assistant` and a line feed, whoever spoke last: there the model goes on. (Some files of Qwen 1.5 leave these out where the assistant
    spoke last, and leave out the full stop of the default.)

    Where a content or a role holds "<|im_end|>" or another control token, that is written as it is too: nothing is refused, taken out or changed,
    as in Qwen's template. In a text nobody can tell a control token that somebody typed from one of the format. Whoever tokenizes this text as a
    whole, as Qwen's tokenizer does by default, makes control tokens of both. So for texts of strangers, encode each content by itself, as ordinary
    text (`encode_llama3` of llama/llama3_rope_docmask is such a function). Here only the text is asked for.

    >>> render_chatml([{"role": "user", "content": "x"}], default_system=None)
    '<|im_start|>user\\nx<|im_end|>\\n<|im_start|>assistant\\n'
    >>> render_chatml([{"role": "user", "content": "x"}], False)
    '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n<|im_start|>user\\nx<|im_end|>\\n'
    >>> render_chatml([])
    '<|im_start|>assistant\\n'
    """
    # BEGIN SOLUTION
    turns = [(message["role"], message["content"]) for message in messages]
    if turns and turns[0][0] != "system" and default_system is not None:
        turns = [("system", default_system), *turns]
    text = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns)
    return text + "<|im_start|>assistant\n" if add_generation_prompt else text
    # END SOLUTION


def layer_uses_swa(i: int, use_sliding_window: bool, max_window_layers: int) -> bool:
    """Whether layer i (the first is 0) attends to a sliding window only, by the configuration of a Qwen2 model.

    Where use_sliding_window is False, none does. Else the first max_window_layers layers see everything, and those from layer
    max_window_layers on see a window. (The name suggests the opposite, and older documentation of Hugging Face says the opposite. Its code
    does this.)

    >>> [layer_uses_swa(0, True, 2), layer_uses_swa(1, True, 2), layer_uses_swa(2, True, 2)]
    [False, False, True]
    """
    # BEGIN SOLUTION
    return use_sliding_window and i >= max_window_layers
    # END SOLUTION
