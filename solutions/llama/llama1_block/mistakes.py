"""Wrong ways to write llama/llama1_block, each with the sentence that a student should read."""


import torch

from autograder.checks import mistake

SILU = "return (gate * torch.sigmoid(gate) * (x @ Wu.T)) @ Wd.T"
RMS = "return x * (x.square().mean(-1, keepdim=True) + eps).rsqrt() * w"
ROUND = "return (F + multiple_of - 1) // multiple_of * multiple_of"
TURN = "q, k = self.rotate(q, position_ids), self.rotate(k, position_ids)"
COUNT = "return cfg.vocab * C * (1 if cfg.tied else 2) + cfg.n_layers * block + C"
OUT = "return self.o_proj(self.attend(q, k, v, causal=True).transpose(1, 2).flatten(2))"
ATTN = "x = x + self.self_attn(self.input_layernorm(x), position_ids, slots, cache)"
UPDATE = "k, v = cache.update(k, v, slots)"
PERMUTE = "weight = weight.unflatten(0, (heads[part], -1, 2)).transpose(1, 2).flatten(0, 2)"

# --- the feed-forward network ----------------------------------------------------------------------------------------

mistake("You leave silu out: the gate is multiplied in as it is.", edit={SILU: "return (gate * (x @ Wu.T)) @ Wd.T"})
mistake("Your gate is a bare sigmoid (GLU). silu is z · σ(z).", edit={SILU: "return (torch.sigmoid(gate) * (x @ Wu.T)) @ Wd.T"})
mistake("Your gate goes through GELU (GeGLU). Llama uses silu.", edit={SILU: "return (nn.functional.gelu(gate) * (x @ Wu.T)) @ Wd.T"})
mistake("Your gate goes through ReLU. Llama uses silu.", edit={SILU: "return (gate.relu() * (x @ Wu.T)) @ Wd.T"})
mistake("You send the way up through silu instead of the gate.", edit={
    SILU: "up = x @ Wu.T\n    return (gate * up * torch.sigmoid(up)) @ Wd.T"})  # fmt: skip
mistake("Both ways go through silu. Only the gate does.", edit={
    SILU: "up = x @ Wu.T\n    return (gate * torch.sigmoid(gate) * up * torch.sigmoid(up)) @ Wd.T"})  # fmt: skip
mistake("You take silu of the product. Only the gate goes through it.", edit={
    SILU: "both = gate * (x @ Wu.T)\n    return (both * torch.sigmoid(both)) @ Wd.T"})  # fmt: skip
mistake("You add gate and way up. They are multiplied.", edit={SILU: "return (gate * torch.sigmoid(gate) + x @ Wu.T) @ Wd.T"})
mistake("You write silu as z / (1 + exp(-z)). For large negative z, exp overflows and the gradient is nan. Use sigmoid.", edit={
    SILU: "return (gate / (1 + torch.exp(-gate)) * (x @ Wu.T)) @ Wd.T"})  # fmt: skip
mistake("No gradient flows through your gate.", edit={"gate = x @ Wg.T": "gate = (x @ Wg.T).detach()"})
mistake("Your gate is rounded to float32. Keep the dtype of the inputs.", edit={
    "gate = x @ Wg.T": "gate = (x @ Wg.T).float().to(x.dtype)"})  # fmt: skip

# --- sizes -----------------------------------------------------------------------------------------------------------

mistake("You round down to the multiple. Round up.", edit={ROUND: "return max(F // multiple_of, 1) * multiple_of"})
mistake("You round to the nearest multiple. Round up.", edit={ROUND: "return max(round(F / multiple_of), 1) * multiple_of"})
mistake("You go on to the next multiple from a number that is one already.", edit={ROUND: "return (F // multiple_of + 1) * multiple_of"})
mistake("You take 4 C. With a third matrix, two thirds of it give as many parameters.", edit={"F = 2 * 4 * C // 3": "F = 4 * C"})
mistake("You round two thirds of 4 C instead of cutting the fraction off.", edit={"F = 2 * 4 * C // 3": "F = round(2 * 4 * C / 3)"})
mistake("You round two thirds of 4 C up. Cut the fraction off.", edit={"F = 2 * 4 * C // 3": "F = -(-8 * C // 3)"})
mistake("You ignore `mult`.", edit={"if mult is not None:": "if False:"})
mistake("You multiply by `mult` before the first cut.", edit={"F = int(mult * F)": "F = int(mult * 8 * C / 3)"})
mistake("You round the product with `mult` instead of cutting it.", edit={"F = int(mult * F)": "F = round(mult * F)"})
mistake("You multiply after rounding to the multiple, so the result is none.", edit={
    "    if mult is not None:\n        F = int(mult * F)\n    return (F + multiple_of - 1) // multiple_of * multiple_of":
    "    F = (F + multiple_of - 1) // multiple_of * multiple_of\n    return F if mult is None else int(mult * F)"})  # fmt: skip
mistake("You count the embedding and the output layer twice although they are one matrix.", edit={"(1 if cfg.tied else 2)": "2"})
mistake("You forget that the output layer has a matrix of its own.", edit={"(1 if cfg.tied else 2)": "1"})
mistake("You forget the norms of the blocks: two vectors of C.", edit={" + 2 * C\n    return": "\n    return"})
mistake("You forget the norm behind the last block.", edit={COUNT: COUNT.removesuffix(" + C")})
mistake("Your keys and values have as many heads as your queries.", edit={"2 * C * cfg.n_kv_heads * D": "2 * C * C"})
mistake("Your feed-forward network has two matrices. SwiGLU has three.", edit={"3 * C * cfg.ffn_dim": "2 * C * cfg.ffn_dim"})
mistake("You count each norm with a bias.", edit={" + 2 * C\n    return": " + 4 * C\n    return"})

# --- the block -------------------------------------------------------------------------------------------------------

mistake("Your norm subtracts the mean, as LayerNorm does. RMSNorm does not.", edit={
    RMS: "x = x - x.mean(-1, keepdim=True)\n    " + RMS})  # fmt: skip
mistake("You add eps to the root. It is added to the mean of squares.", edit={RMS: "return x / (x.square().mean(-1, keepdim=True).sqrt() + eps) * w"})
mistake("You divide by the length of x, not by its root mean square.", edit={".square().mean(-1, keepdim=True) + eps).rsqrt() * w": ".square().sum(-1, keepdim=True) + eps).rsqrt() * w"})
mistake("Your norm multiplies by 1 + w, as Gemma's does. Llama's multiplies by w.", edit={RMS: RMS.replace("* w", "* (1 + w)")})
mistake("Your norm ignores its weight.", edit={RMS: RMS.removesuffix(" * w")})
mistake("Your eps is always 1e-6. Take that of the configuration.", edit={"self.eps, self.norm = eps, norm": "self.eps, self.norm = 1e-6, norm"})
mistake("Your base is always 10000. Take that of the configuration.", edit={"apply_rope(x, pos, cfg.base)": "apply_rope(x, pos, 10000.0)"})
mistake("You rotate pairs of neighbours (2i, 2i+1), as Meta's code does. The model here rotates halves.", edit={
    "a, b = x.chunk(2, dim=-1)": "a, b = x[..., ::2], x[..., 1::2]",
    "return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)": "return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)"})  # fmt: skip
mistake("You rotate the other way round: (a cos - b sin, a sin + b cos).", edit={"a * cos - b * sin, a * sin + b * cos": "a * cos + b * sin, b * cos - a * sin"})
mistake("You rotate the values too. Only queries and keys are rotated.", edit={TURN: "q, k, v = (self.rotate(x, position_ids) for x in (q, k, v))"})
mistake("You rotate the queries only.", edit={TURN: "q = self.rotate(q, position_ids)"})
mistake("You do not rotate at all.", edit={TURN: ""})
mistake("You rotate before the heads are split, so that pairs reach over several heads.", edit={
    TURN: "q, k = (self.rotate(x.transpose(1, 2).flatten(2)[:, None], position_ids)[:, 0].unflatten(-1, (-1, self.D)).transpose(1, 2) for x in (q, k))"})  # fmt: skip
mistake("Your norm stands behind the sum (Post-LN). Llama normalizes what goes into attention.", edit={
    ATTN: "x = self.input_layernorm(x + self.self_attn(x, position_ids, slots, cache))"})  # fmt: skip
mistake("Attention and feed-forward network get the same input in your block (as in Falcon). One comes after the other.", edit={
    ATTN: "y = self.self_attn(self.input_layernorm(x), position_ids, slots, cache)",
    "return x + self.mlp(self.post_attention_layernorm(x))": "return x + y + self.mlp(self.post_attention_layernorm(x))"})  # fmt: skip
mistake("You forget to add the input of attention back.", edit={ATTN: ATTN.replace("x = x + ", "x = ")})
mistake("You forget to add the input of the feed-forward network back.", edit={"return x + self.mlp(": "return self.mlp("})
mistake("Your feed-forward network gets its input without a norm.", edit={"self.mlp(self.post_attention_layernorm(x))": "self.mlp(x)"})
mistake("Both norms of your block use the first one's weight.", edit={"self.mlp(self.post_attention_layernorm(x))": "self.mlp(self.input_layernorm(x))"})
mistake("The norm behind the last block is missing.", edit={"self.lm_head(self.model.norm(h))": "self.lm_head(h)"})
mistake("Your embedding is multiplied by √C, as in Gemma. Llama's is not.", edit={
    "h = self.model.embed_tokens(ids)": "h = self.model.embed_tokens(ids) * self.model.embed_tokens.weight.shape[1] ** 0.5"})  # fmt: skip
mistake("Your scores are not scaled by 1/√D.", edit={" * q.shape[-1] ** -0.5": ""})
mistake("Query head h uses key head h % G in your model. Groups are neighbours.", edit={
    "(x.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for": "(x.repeat(1, q.shape[1] // k.shape[1], 1, 1) for"})  # fmt: skip
mistake("Your heads are split the wrong way: the D features of a head stand together.", edit={
    "project(x).unflatten(-1, (-1, self.D)).transpose(1, 2) for": "project(x).unflatten(-1, (self.D, -1)).permute(0, 3, 1, 2) for"})  # fmt: skip
mistake("You put the heads' outputs together in the order (D, H). All features of a head stand together.", edit={
    OUT: "return self.o_proj(self.attend(q, k, v, causal=True).permute(0, 2, 3, 1).flatten(2))"})  # fmt: skip
mistake("Your attention is not causal.", edit={OUT: OUT.replace("causal=True", "causal=False")})
mistake("Your causal mask shows each query one key too many.", edit={".triu(S - T + 1)": ".triu(S - T + 2)"})
mistake("Your causal triangle begins in the upper left corner: new tokens do not see what is in the cache.", edit={".triu(S - T + 1)": ".triu(1)"})
mistake("You use one block L times. Each layer has weights of its own.", edit={"for i, layer in enumerate(self.model.layers):": "for i, layer in enumerate([self.model.layers[0]] * len(self.model.layers)):"})
mistake("Your linear layers have biases. Llama's have none.", edit={
    "self.down_proj = nn.Linear(cfg.ffn_dim, cfg.dim, bias=False)": "self.down_proj = nn.Linear(cfg.ffn_dim, cfg.dim)"})  # fmt: skip
mistake("You copy the embedding into the output layer. It must be the same parameter, or they part in training.", edit={
    "            self.lm_head.weight = self.model.embed_tokens.weight": "            self.lm_head.weight = nn.Parameter(self.model.embed_tokens.weight.detach().clone())"})  # fmt: skip
mistake("You ignore `cfg.tied`.", edit={"        if cfg.tied:\n": "        if False:\n"})
TIED = "if self.lm_head.weight is self.model.embed_tokens.weight and"
mistake(
    "In your tied model `lm_head.weight` is a parameter of its own that shares the embedding's memory: each has its own gradient, and `.to()` parts the two. "
    "Assign the parameter itself, not its `data`.",
    edit={
        "            self.lm_head.weight = self.model": "            self.lm_head.weight.data = self.model",
        "embed_tokens.weight\n        # END": "embed_tokens.weight.data\n        self.tied = cfg.tied\n        # END",
        TIED: "if self.tied and",
    },
)
mistake(
    "You tie the two matrices in `load_hf` only. A model of a tied configuration has one matrix from `__init__` on.",
    edit={
        "        if cfg.tied:\n            self.lm_head.weight = self.model.embed_tokens.weight\n": "        self.tied = cfg.tied\n",
        TIED: "if self.tied and",
        "self.load_state_dict(weights)": "if self.tied:\n            self.lm_head.weight = self.model.embed_tokens.weight\n        self.load_state_dict(weights)",
    },
)
mistake("You keep the angles in float32. For float64 weights they are float64.", edit={"angles = pos[..., None] * freqs": "angles = pos[..., None] * freqs.float()"})
mistake("Your frequencies have the exponent i / D. It is 2i / D.", edit={"device=x.device) / D)\n": "device=x.device) / D / 2)\n"})


TABLES = {}


@mistake("You keep tables of angles by size in one place for all models. Another model may have another base.")
def apply_rope(x, pos, base):
    half = x.shape[-1] // 2
    if half not in TABLES:
        TABLES[half] = base ** (-torch.arange(half, dtype=torch.float64) / half)
    angles = pos[..., None] * TABLES[half]
    if pos.ndim == 2:
        angles = angles[:, None]
    cos, sin = angles.cos().to(x.dtype), angles.sin().to(x.dtype)
    a, b = x.chunk(2, dim=-1)
    return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)


# --- parts -----------------------------------------------------------------------------------------------------------

mistake("You ignore the `attend` that is given.", edit={"attend = gqa if attend is None else attend": "attend = gqa"})
mistake("You ignore the `rotate` that is given.", edit={"(lambda x, pos: apply_rope(x, pos, cfg.base)) if rotate is None else rotate": "lambda x, pos: apply_rope(x, pos, cfg.base)"}, crashes=True)
mistake("You ignore the `norm` that is given.", edit={"norm = rms_norm if norm is None else norm": "norm = rms_norm"})
mistake("You take a part that has a length of 0 for none: `attend or gqa`. Ask whether it `is None`.", edit={"gqa if attend is None else attend": "attend or gqa"})
mistake("You take a norm that has a length of 0 for none: `norm or rms_norm`. Ask whether it `is None`.", edit={"rms_norm if norm is None else norm": "norm or rms_norm"})
mistake("You call `attend` without causal=True. It is off by default in attention/gqa.", edit={
    OUT: OUT.replace(", causal=True", ""), "causal: bool = False) -> Tensor:\n    k, v": "causal: bool = True) -> Tensor:\n    k, v"})  # fmt: skip
mistake("You repeat keys and values before you call `attend`. It gets the G heads once.", edit={
    OUT: "k, v = (x.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for x in (k, v))\n        " + OUT})  # fmt: skip
mistake("You use the given norm in the blocks, and your own behind the last one.", edit={
    "self.model.norm = Norm(cfg.dim, cfg.eps, norm)": "self.model.norm = Norm(cfg.dim, cfg.eps, rms_norm)"})  # fmt: skip
mistake("You do not hand eps on to the given norm.", edit={
    "return self.norm(x, self.weight, self.eps)": "return self.norm(x, self.weight, 1e-6 if self.norm is not rms_norm else self.eps)"})  # fmt: skip
mistake("You ignore `position_ids`.", edit={"        if position_ids is None:\n            position_ids = slots\n": "        position_ids = slots\n"})
mistake("You take the positions of the first sequence for all sequences.", edit={
    "            position_ids = slots\n": "            position_ids = slots\n        if position_ids.ndim == 2:\n            position_ids = position_ids[0]\n"})  # fmt: skip
mistake("Only your first layer rotates. Every layer does.", edit={
    "h = layer(h, position_ids, slots,": "h = layer(h, position_ids if i == 0 else 0 * position_ids, slots,"})  # fmt: skip

# --- the cache -------------------------------------------------------------------------------------------------------

mistake("Positions begin at 0 again in each piece. With S old tokens they go on with S.", edit={
    "slots = torch.arange(S, S + ids.shape[1], device=ids.device)": "slots = torch.arange(S, S + ids.shape[1], device=ids.device) if position_ids is not None else torch.arange(ids.shape[1])"})  # fmt: skip
mistake("Your keys go into the cache before they are rotated. Their position stays, so rotate first.", edit={
    TURN: "", "        if cache is not None:\n            k, v = cache.update(k, v, slots)\n":
    "        if cache is not None:\n            k, v = cache.update(k, v, slots)\n        q, k = self.rotate(q, position_ids), self.rotate(k, torch.arange(k.shape[2]) if k.shape[2] != q.shape[2] else position_ids)\n"})  # fmt: skip
mistake("You hand `position_ids` to the cache. It wants the places S … S+T-1.", edit={UPDATE: "k, v = cache.update(k, v, position_ids)"}, crashes=True)
mistake("All layers use the first layer's cache.", edit={"None if cache is None else cache[i])": "None if cache is None else cache[0])"}, crashes=True)
mistake("You store H copies of the heads in the cache. It keeps G heads.", edit={
    UPDATE: "k, v = cache.update(*(x.repeat_interleave(q.shape[1] // k.shape[1], dim=1) for x in (k, v)), slots)"})  # fmt: skip
mistake("You ignore what the cache returns, and attend to the new tokens only.", edit={UPDATE: "cache.update(k, v, slots)"})
mistake("You ask for the number of old tokens in every layer: after the first layer the first cache is longer.", edit={
    "            h = layer(h, position_ids, slots,": "            if cache is not None:\n                slots = torch.arange(len(cache[0]), len(cache[0]) + ids.shape[1])\n            h = layer(h, position_ids, slots,"})  # fmt: skip
mistake("Your places in the cache begin at 0 again in each piece.", edit={UPDATE: "k, v = cache.update(k, v, slots - slots[0])"})
mistake("You exchange keys and values when you hand them to the cache.", edit={
    UPDATE: "v, k = cache.update(v, k, slots)"})  # fmt: skip

# --- weights ---------------------------------------------------------------------------------------------------------

mistake("You do not reorder the rows of wq and wk: pairs become halves.", edit={"if part in heads:": "if False:"})
mistake("You reorder wv as well. Values are not rotated.", edit={'"attention.wk": G}': '"attention.wk": G, "attention.wv": G}'})
mistake("You reorder wk with the number of query heads. It has G heads.", edit={'"attention.wk": G}': '"attention.wk": H}'})
mistake("You reorder in the other direction: from halves to pairs.", edit={PERMUTE: PERMUTE.replace("-1, 2)", "2, -1)")})
mistake("You reorder all rows at once. Heads stay apart.", edit={PERMUTE: PERMUTE.replace("heads[part]", "1")})
mistake("You exchange w1 and w3: w1 is the gate.", edit={'"feed_forward.w1": "mlp.gate_proj"': '"feed_forward.w1": "mlp.up_proj"', '"feed_forward.w3": "mlp.up_proj"': '"feed_forward.w3": "mlp.gate_proj"'})
mistake("You take w2 for the way up. It is the way down.", edit={'"feed_forward.w2": "mlp.down_proj", "feed_forward.w3": "mlp.up_proj"': '"feed_forward.w2": "mlp.up_proj", "feed_forward.w3": "mlp.down_proj"'})
mistake("You exchange the two norms of a block.", edit={'"attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"': '"attention_norm": "post_attention_layernorm", "ffn_norm": "input_layernorm"'})
mistake("You keep rope.freqs, which is no weight.", edit={'        if name == "rope.freqs":\n            continue\n': '        if name == "rope.freqs":\n            found[name] = weight\n            continue\n'})
mistake("You do not know rope.freqs, which older files hold.", edit={'        if name == "rope.freqs":\n            continue\n': ""}, crashes=True)
mistake("You read one digit of the layer's number.", edit={r"(layers\.\d+\.)?(.*)\.weight": r"(layers\.\d)?\d*(?:(?<=\d)\.)?(.*)\.weight", '("model." + layer if layer else "")': '("model." + layer + "." if layer else "")'})
mistake("You convert the weights to float32. dtypes stay.", edit={"        if part in heads:\n": "        weight = weight.float()\n        if part in heads:\n"})


@mistake("You take names out of the caller's dict. Leave it as it was.")
def meta_to_hf(sd, H, G):
    sd.pop("rope.freqs", None)
    names = {"wq": "self_attn.q_proj", "wk": "self_attn.k_proj", "wv": "self_attn.v_proj", "wo": "self_attn.o_proj", "w1": "mlp.gate_proj",
             "w2": "mlp.down_proj", "w3": "mlp.up_proj", "attention_norm": "input_layernorm", "ffn_norm": "post_attention_layernorm"}  # fmt: skip
    found = {}
    for name, weight in sd.items():
        parts = name.split(".")
        if parts[0] != "layers":
            found[{"tok_embeddings": "model.embed_tokens", "norm": "model.norm", "output": "lm_head"}[parts[0]] + ".weight"] = weight
            continue
        if parts[-2] in ("wq", "wk"):
            weight = weight.unflatten(0, (H if parts[-2] == "wq" else G, -1, 2)).transpose(1, 2).flatten(0, 2)
        found[f"model.layers.{parts[1]}.{names[parts[-2]]}.weight"] = weight
    return found


LOAD = "self.load_state_dict(weights)"
mistake("You load with strict=False, so that a missing weight stays random and nobody hears of it.", edit={LOAD: "self.load_state_dict(weights, strict=False)"})
mistake("You do not pass over inv_freq, which old checkpoints hold.", edit={' if not name.endswith(".rotary_emb.inv_freq")': ""}, crashes=True)
mistake("You ask for lm_head.weight in the files of tied models. They have none.", edit={
    'if self.lm_head.weight is self.model.embed_tokens.weight and "model.embed_tokens.weight" in weights:': "if False:"}, crashes=True)  # fmt: skip
mistake("You put the embedding into the output layer whenever lm_head.weight is missing. Only a tied model may do without.", edit={
    'if self.lm_head.weight is self.model.embed_tokens.weight and "model.embed_tokens.weight" in weights:':
    'if "lm_head.weight" not in weights and "model.embed_tokens.weight" in weights:'})  # fmt: skip
mistake("Your model takes over the checkpoint's own tensors: they change together, and the dtype is the file's.", edit={LOAD: "self.load_state_dict(weights, assign=True)"})
mistake("You take inv_freq out of the caller's dict. Leave it as it was.", edit={
    '        weights = {name: weight for name, weight in sd.items() if not name.endswith(".rotary_emb.inv_freq")}\n':
    '        for name in [name for name in sd if name.endswith(".rotary_emb.inv_freq")]:\n            del sd[name]\n        weights = dict(sd)\n'})  # fmt: skip
mistake("You copy what you find, and overlook names that are missing or not known.", edit={
    LOAD: "parameters = dict(self.named_parameters(remove_duplicate=False))\n        with torch.no_grad():\n            for name in parameters.keys() & weights.keys():\n                parameters[name].copy_(weights[name])"})  # fmt: skip
mistake("You transpose matrices, as GPT-2's Conv1D asks for. Llama's are kept as nn.Linear keeps them.", edit={
    LOAD: "self.load_state_dict({name: w.T if w.ndim == 2 and w.shape[0] == w.shape[1] else w for name, w in weights.items()})"})  # fmt: skip
mistake("You drop every name that you do not know. A file of another model would seem to fit.", edit={
    LOAD: "known = self.state_dict()\n        self.load_state_dict({name: w for name, w in weights.items() if name in known})"})  # fmt: skip

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("You ask for a causal mask only when there is more than one new token. `attend` is always called with causal=True.", edit={
    OUT: OUT.replace("causal=True", "causal=q.shape[2] > 1")})  # fmt: skip
mistake("Your positions begin again at max_len. Nothing depends on it.", edit={
    "apply_rope(x, pos, cfg.base)": "apply_rope(x, pos % cfg.max_len, cfg.base)"})  # fmt: skip
mistake("Your network returns one row for each token, and loses the other dimensions.", edit={
    "gate = x @ Wg.T": "x = x.reshape(-1, x.shape[-1])\n    gate = x @ Wg.T"})  # fmt: skip
mistake("You pass over every name with rotary_emb in it. Only inv_freq is no weight.", edit={
    'if not name.endswith(".rotary_emb.inv_freq")': 'if ".rotary_emb." not in name'})  # fmt: skip
mistake("You cut a sequence where its positions begin again. All earlier tokens are seen.", edit={
    "        h = self.model.embed_tokens(ids)\n": "        if position_ids.ndim == 1 and (position_ids.diff() < 0).any():\n            n = int((position_ids.diff() < 0).nonzero()[0]) + 1\n            return torch.cat([self(ids[:, :n], position_ids[:n], cache), self(ids[:, n:], position_ids[n:], cache)], 1)\n        h = self.model.embed_tokens(ids)\n"})  # fmt: skip
mistake("Your weights go through float32. A float64 model gets all digits of a float64 checkpoint.", edit={
    "self.load_state_dict(weights)": "self.load_state_dict({name: weight.float() for name, weight in weights.items()})"})  # fmt: skip
mistake("You pass over every name with inv_freq in it. Only names that end with .rotary_emb.inv_freq are no weights; others are not known.", edit={
    'not name.endswith(".rotary_emb.inv_freq")': '"inv_freq" not in name'})  # fmt: skip
