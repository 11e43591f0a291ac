"""Right ways to write qwen/qwen15_convert, done differently."""

import re

import torch

from autograder.checks import alternative


@alternative("name by name with patterns; messages with +=")
def convert_qwen1_to_qwen2(sd, n_layers):
    patterns = [
        (r"transformer\.wte\.weight", "model.embed_tokens.weight"),
        (r"transformer\.ln_f\.weight", "model.norm.weight"),
        (r"lm_head\.weight", "lm_head.weight"),
        (r"transformer\.h\.(\d+)\.ln_1\.weight", r"model.layers.\1.input_layernorm.weight"),
        (r"transformer\.h\.(\d+)\.ln_2\.weight", r"model.layers.\1.post_attention_layernorm.weight"),
        (r"transformer\.h\.(\d+)\.attn\.c_proj\.weight", r"model.layers.\1.self_attn.o_proj.weight"),
        (r"transformer\.h\.(\d+)\.attn\.c_attn\.(weight|bias)", r"model.layers.\1.self_attn.qkv_proj.\2"),
        (r"transformer\.h\.(\d+)\.mlp\.w1\.weight", r"model.layers.\1.mlp.up_proj.weight"),
        (r"transformer\.h\.(\d+)\.mlp\.w2\.weight", r"model.layers.\1.mlp.gate_proj.weight"),
        (r"transformer\.h\.(\d+)\.mlp\.c_proj\.weight", r"model.layers.\1.mlp.down_proj.weight"),
    ]
    found = {}
    for name, weight in sd.items():
        if name.endswith((".rotary_emb.inv_freq", ".attn.masked_bias")):
            continue
        matches = [(re.fullmatch(old, name), new) for old, new in patterns]
        target = next((match.expand(new) for match, new in matches if match), "")
        layer = re.search(r"layers\.(\d+)", target)
        if not target or (layer and int(layer[1]) >= n_layers):
            raise KeyError(f"unknown: {name}")
        if "qkv_proj" in target:
            C = weight.shape[0] // 3
            for start, letter in enumerate("qkv"):
                found[target.replace("qkv_", letter + "_")] = torch.empty_like(weight[:C], memory_format=torch.contiguous_format).copy_(weight[start * C : start * C + C])
        else:
            found[target] = torch.empty_like(weight, memory_format=torch.contiguous_format).copy_(weight)
    if len(found) != 3 + 12 * n_layers:
        raise KeyError("something is missing")
    return found


@alternative("name by name with patterns; messages with +=")
def render_chatml(messages, add_generation_prompt=True, default_system="You are a helpful assistant."):
    text = ""
    for n, message in enumerate(messages):
        if n == 0 and message["role"] != "system" and default_system is not None:
            text += "<|im_start|>system\n" + default_system + "<|im_end|>\n"
        text += "<|im_start|>" + message["role"] + "\n" + message["content"] + "<|im_end|>\n"
    if add_generation_prompt:
        text += "<|im_start|>assistant\n"
    return text


@alternative("line by line, thirds by slices")
def convert_qwen1_to_qwen2(sd, n_layers):
    rest = {k: v.clone().contiguous() for k, v in sd.items() if not k.endswith((".rotary_emb.inv_freq", ".attn.masked_bias"))}
    out = {"model.embed_tokens.weight": rest.pop("transformer.wte.weight"), "lm_head.weight": rest.pop("lm_head.weight")}
    out["model.norm.weight"] = rest.pop("transformer.ln_f.weight")
    for i in range(n_layers):
        old, new = f"transformer.h.{i}.", f"model.layers.{i}."
        out[new + "input_layernorm.weight"] = rest.pop(old + "ln_1.weight")
        out[new + "post_attention_layernorm.weight"] = rest.pop(old + "ln_2.weight")
        for kind in ("weight", "bias"):
            fused = rest.pop(old + "attn.c_attn." + kind)
            n = len(fused) // 3
            out[new + "self_attn.q_proj." + kind] = fused[:n].clone()
            out[new + "self_attn.k_proj." + kind] = fused[n : 2 * n].clone()
            out[new + "self_attn.v_proj." + kind] = fused[2 * n :].clone()
        out[new + "self_attn.o_proj.weight"] = rest.pop(old + "attn.c_proj.weight")
        out[new + "mlp.up_proj.weight"] = rest.pop(old + "mlp.w1.weight")
        out[new + "mlp.gate_proj.weight"] = rest.pop(old + "mlp.w2.weight")
        out[new + "mlp.down_proj.weight"] = rest.pop(old + "mlp.c_proj.weight")
    if rest:
        raise KeyError(*rest)
    return out


@alternative("line by line, thirds by slices")
def layer_uses_swa(i, use_sliding_window, max_window_layers):
    if not use_sliding_window:
        return False
    return not i < max_window_layers


@alternative("a recursion, and the template's words put together from pieces")
def render_chatml(messages, add_generation_prompt=True, default_system="You are a helpful assistant."):
    if messages and messages[0]["role"] != "system" and default_system is not None:
        first = {"role": "system", "content": default_system}
        return render_chatml([first, *messages], add_generation_prompt, None)
    pieces = []
    for message in messages:
        pieces += ["<|im_start|>", message["role"], "\n", message["content"], "<|im_end|>", "\n"]
    return "".join(pieces + ["<|im_start|>", "assistant", "\n"] * bool(add_generation_prompt))


@alternative("a list of all layers, as a configuration has it")
def layer_uses_swa(i, use_sliding_window, max_window_layers):
    kinds = ["full_attention"] * max_window_layers + ["sliding_attention" if use_sliding_window else "full_attention"] * (i + 1)
    return kinds[i] == "sliding_attention"


@alternative("through NumPy-like tables: new names first, old ones looked up")
def convert_qwen1_to_qwen2(sd, n_layers):
    wanted = {"model.embed_tokens.weight": ("transformer.wte.weight", 0), "lm_head.weight": ("lm_head.weight", 0)}
    wanted["model.norm.weight"] = ("transformer.ln_f.weight", 0)
    for i in range(n_layers):
        h, m = f"transformer.h.{i}", f"model.layers.{i}"
        for new, old in (("input_layernorm", "ln_1"), ("post_attention_layernorm", "ln_2"), ("self_attn.o_proj", "attn.c_proj"),
                         ("mlp.up_proj", "mlp.w1"), ("mlp.gate_proj", "mlp.w2"), ("mlp.down_proj", "mlp.c_proj")):  # fmt: skip
            wanted[f"{m}.{new}.weight"] = (f"{h}.{old}.weight", 0)
        for part, letter in enumerate("qkv", 1):
            for kind in ("weight", "bias"):
                wanted[f"{m}.self_attn.{letter}_proj.{kind}"] = (f"{h}.attn.c_attn.{kind}", part)
    known = {old for old, _ in wanted.values()}
    for name in sd:
        if name not in known and name.rsplit(".", 2)[-2:] not in (["rotary_emb", "inv_freq"], ["attn", "masked_bias"]):
            raise KeyError(name)
    out = {}
    for new, (old, part) in wanted.items():
        weight = sd[old]
        if part:
            weight = weight.reshape(3, -1, *weight.shape[1:])[part - 1]
        out[new] = torch.zeros(weight.shape, dtype=weight.dtype, device=weight.device) + weight
    return out
