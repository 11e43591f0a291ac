"""Wrong ways to write gpt/gpt2_model, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

GELU = "return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))"
LAYER_NORM = "return centered * (centered.square().mean(-1, keepdim=True) + eps).rsqrt() * w + b"
HEADS = "q, k, v = (each.unflatten(-1, (self.H, -1)).transpose(1, 2) for each in self.c_attn(x).chunk(3, dim=-1))"
PAST = "k, v = torch.cat([past[0], k], dim=2), torch.cat([past[1], v], dim=2)"
ATTEND = "out = self.attend(q, k, v, causal=True)  # (B, H, T, D)"
JOIN = "return self.c_proj(out.transpose(1, 2).flatten(2)), (k, v)"
ATTN = "out, present = self.attn(self.ln_1(x), past)\n        x = x + out"
MLP = "return x + self.mlp(self.ln_2(x)), present"
EMBED = "h = self.transformer.wte(ids) + self.transformer.wpe(torch.arange(S, S + T, device=ids.device))"
OUT = "return self.lm_head(self.transformer.ln_f(h)), present"
LIMIT = "if n_ctx < S + T:"
TIE = "        self.lm_head.weight = self.transformer.wte.weight\n"
DRAW = "parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype) * std * scale)"
SCALE = "(2 * len(m.transformer.h)) ** -0.5"
SEED = "generator = torch.Generator().manual_seed(seed)"
LOAD = "self.load_state_dict(weights)"
BLOCK = "block = 12 * C * C + 13 * C"
COUNT = "return (cfg.vocab + cfg.n_ctx) * C + cfg.n_layer * block + 2 * C"
TURNED = '(".c_attn.weight", ".c_proj.weight", ".c_fc.weight")'
MASKS = '(".attn.bias", ".attn.masked_bias")'
NAME = 'weights[bare if bare == "lm_head.weight" else "transformer." + bare] = weight'
HEAD = 'weights.setdefault("lm_head.weight", weights["transformer.wte.weight"])'

# --- the activation --------------------------------------------------------------------------------------------------

mistake("Your activation is x · σ(1.702 x), a coarser approximation of GELU (as in CLIP).", edit={GELU: "return x * torch.sigmoid(1.702 * x)"})
mistake("You leave out the cubic term.", edit={" + 0.044715 * x**3": ""})
mistake("You take √(2 π) instead of √(2/π).", edit={"torch.tanh(math.sqrt(2 / math.pi)": "torch.tanh(math.sqrt(2 * math.pi)"})
mistake("You forget the factor ½.", edit={"return 0.5 * x * (1 +": "return x * (1 +"})
mistake("You use ReLU, as the first Transformer did.", edit={GELU: "return x.relu()"})
mistake("You change the input in place: work on a new tensor.", edit={
    GELU: "y = x.clone()\n    x.data.mul_(0.5)\n    return x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (y + 0.044715 * y**3)))"})  # fmt: skip
mistake("Your gelu is rounded to float32. Keep the dtype of x.", edit={
    GELU: "x32 = x.float()\n    return (0.5 * x32 * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x32 + 0.044715 * x32**3)))).to(x.dtype)"})  # fmt: skip
mistake("No gradient flows through your tanh.", edit={"0.044715 * x**3)))": "0.044715 * x**3)).detach())"})
mistake("When no activation is given, your model uses ReLU and not your gelu.", edit={"gelu if act is None else act": "torch.relu if act is None else act"})

# --- the block -------------------------------------------------------------------------------------------------------

mistake("Your norm divides by n - 1 in the variance. Layer norm takes the mean of the squares.", edit={
    "(centered.square().mean(-1, keepdim=True) + eps).rsqrt()": "(x.var(-1, keepdim=True) + eps).rsqrt()"})  # fmt: skip
mistake("You add eps to the root. It is added to the variance.", edit={
    LAYER_NORM: "return centered / (centered.square().mean(-1, keepdim=True).sqrt() + eps) * w + b"})  # fmt: skip
mistake("Your norm does not subtract the mean, as RMSNorm. Layer norm does.", edit={"centered = x - x.mean(-1, keepdim=True)": "centered = x"})
mistake("Your norm ignores its bias.", edit={LAYER_NORM: LAYER_NORM.removesuffix(" + b")})
mistake("Your norm ignores its weight.", edit={LAYER_NORM: LAYER_NORM.replace(" * w + b", " + b")})
mistake("You normalize over the tokens. Layer norm works on the features of each token.", edit={
    "centered = x - x.mean(-1, keepdim=True)": "centered = x - x.mean(1, keepdim=True)", LAYER_NORM: LAYER_NORM.replace("mean(-1", "mean(1")})  # fmt: skip
mistake("Your eps is always 1e-5. Take that of the configuration.", edit={"self.eps, self.norm = eps, norm": "self.eps, self.norm = 1e-5, norm"})
mistake("Your first scores are not scaled by 1/√D.", edit={" * q.shape[-1] ** -0.5": ""})
mistake("You divide the scores by √C. Each head has D features.", edit={"q @ k.mT * q.shape[-1] ** -0.5": "q @ k.mT * (q.shape[-1] * q.shape[1]) ** -0.5"})
mistake("You divide the scores by D. It is √D.", edit={"q.shape[-1] ** -0.5": "q.shape[-1] ** -1.0"})
mistake("Your causal mask hides the token itself.", edit={".triu(S - T + 1)": ".triu(S - T)"})
mistake("Your causal mask shows each query one key too many.", edit={".triu(S - T + 1)": ".triu(S - T + 2)"})
mistake("Your attention is not causal.", edit={ATTEND: ATTEND.replace("causal=True", "causal=False")})
mistake("You take the softmax over the queries. It goes over the keys.", edit={"scores.softmax(-1)": "scores.softmax(-2)"})
mistake("Your hidden scores become -1, so hidden tokens still count. They are -inf before the softmax.", edit={
    "scores.masked_fill(hidden, -torch.inf)": "scores.masked_fill(hidden, -1.0)"})  # fmt: skip
mistake("You compute the softmax in float32. For float64 weights it is float64 here.", edit={
    "return scores.softmax(-1) @ v": "return scores.softmax(-1, dtype=torch.float32).to(v.dtype) @ v"})  # fmt: skip
mistake("You read c_attn as keys, queries, values. The queries come first.", edit={"q, k, v = (each.unflatten": "k, q, v = (each.unflatten"})
mistake("You read c_attn as queries, values, keys. The values come last.", edit={"q, k, v = (each.unflatten": "q, v, k = (each.unflatten"})
mistake("You cut c_attn into heads first, and each head into q, k, v (as GPT-NeoX does). Here all queries come first.", edit={
    HEADS: "q, k, v = (each.transpose(1, 2) for each in self.c_attn(x).unflatten(-1, (self.H, -1)).chunk(3, dim=-1))"})  # fmt: skip
mistake("You cut c_attn as (D, H): feature d of all heads together. The D features of a head stand together.", edit={
    HEADS: "q, k, v = (each.unflatten(-1, (-1, self.H)).permute(0, 3, 1, 2) for each in self.c_attn(x).chunk(3, dim=-1))"})  # fmt: skip
mistake("You put the heads' outputs together in the order (D, H). All features of a head stand together.", edit={
    JOIN: JOIN.replace("transpose(1, 2)", "permute(0, 2, 3, 1)")})  # fmt: skip
mistake("You flatten without putting the heads behind the tokens first, so tokens and heads are mixed up.", edit={
    HEADS: "B, T, C = x.shape\n        q, k, v = (each.reshape(B, self.H, T, -1) for each in self.c_attn(x).chunk(3, dim=-1))"})  # fmt: skip
mistake("You forget c_proj of the attention.", edit={JOIN: "return out.transpose(1, 2).flatten(2), (k, v)"})
mistake("Your norms stand behind the sums (Post-LN), as in GPT-1. GPT-2 normalizes what goes into each part.", edit={
    ATTN: "out, present = self.attn(x, past)\n        x = self.ln_1(x + out)", MLP: "return self.ln_2(x + self.mlp(x)), present"})  # fmt: skip
mistake("Attention and feed-forward network get the same input in your block (as in GPT-J). One comes after the other.", edit={
    ATTN: "out, present = self.attn(self.ln_1(x), past)", MLP: "return x + out + self.mlp(self.ln_2(x)), present"})  # fmt: skip
mistake("You add the normalized input back. The stream itself is added.", edit={ATTN: "x = self.ln_1(x)\n        out, present = self.attn(x, past)\n        x = x + out"})
mistake("You forget to add the input of attention back.", edit={"x = x + out": "x = out"})
mistake("You forget to add the input of the feed-forward network back.", edit={MLP: MLP.replace("x + ", "")})
mistake("Both norms of your block are the first one.", edit={MLP: MLP.replace("ln_2", "ln_1")})
mistake("You forget the activation between the two matrices.", edit={"self.c_proj(self.act(self.c_fc(x)))": "self.c_proj(self.c_fc(x))"})
mistake("You send the result of the feed-forward network through the activation too.", edit={"return self.c_proj(self.act(self.c_fc(x)))": "return self.act(self.c_proj(self.act(self.c_fc(x))))"})
mistake("Your feed-forward network is 3 C wide. It is 4 C.", edit={
    "self.c_fc = nn.Linear(cfg.n_embd, 4 * cfg.n_embd)": "self.c_fc = nn.Linear(cfg.n_embd, 3 * cfg.n_embd)",
    "self.c_proj = nn.Linear(4 * cfg.n_embd, cfg.n_embd)": "self.c_proj = nn.Linear(3 * cfg.n_embd, cfg.n_embd)"})  # fmt: skip
mistake("ln_f is missing: the last block's sums go straight into the head.", edit={OUT: "return self.lm_head(h), present"})
mistake("You normalize the embeddings with ln_f, before the first block. It comes after the last.", edit={
    EMBED: EMBED + "\n        h = self.transformer.ln_f(h)", OUT: "return self.lm_head(h), present"})  # fmt: skip
mistake("You apply ln_f after every block (as some notes say). It comes once, after the last block.", edit={
    "present.append(kept)": "present.append(kept)\n            h = self.transformer.ln_f(h)", OUT: "return self.lm_head(h), present"})  # fmt: skip
mistake("You forget the positions.", edit={EMBED: "h = self.transformer.wte(ids)"})
mistake("You multiply the embedding by √C, as the first Transformer did. GPT-2 does not.", edit={
    EMBED: EMBED.replace("wte(ids) +", "wte(ids) * self.transformer.wte.weight.shape[1] ** 0.5 +")})  # fmt: skip
mistake("Your positions begin at 1 in the table. They begin at 0.", edit={EMBED: EMBED.replace("torch.arange(S, S + T, device=ids.device)", "(torch.arange(S, S + T, device=ids.device) + 1) % n_ctx")})
mistake("You use one block L times. Each layer has weights of its own.", edit={"in enumerate(self.transformer.h):": "in enumerate([self.transformer.h[0]] * len(self.transformer.h)):"})
mistake("Your blocks run from last to first.", edit={
    "h, kept = block(h, None if past is None else past[i])": "h, kept = self.transformer.h[-1 - i](h, None if past is None else past[i])"})  # fmt: skip
mistake("You copy the embedding into the head. It must be the same parameter: the gradients of both uses add up in it.", edit={
    TIE: TIE.replace("self.transformer.wte.weight", "nn.Parameter(self.transformer.wte.weight.detach().clone())")})  # fmt: skip
mistake("Your head is not tied: it has a matrix of its own.", edit={TIE: ""})
mistake("The head's gradient does not reach the embedding: you use a detached copy of it.", edit={OUT: "return self.transformer.ln_f(h) @ self.transformer.wte.weight.detach().T, present"})
mistake("Your head has a bias. GPT-2's has none.", edit={"self.lm_head = nn.Linear(cfg.n_embd, cfg.vocab, bias=False)": "self.lm_head = nn.Linear(cfg.n_embd, cfg.vocab)"})
mistake("Your c_attn has no bias. GPT-2's linear layers have one.", edit={"nn.Linear(cfg.n_embd, 3 * cfg.n_embd)": "nn.Linear(cfg.n_embd, 3 * cfg.n_embd, bias=False)"})
mistake("You compute the logits of the last token only.", edit={OUT: "return self.lm_head(self.transformer.ln_f(h[:, -1:])), present"})
mistake("You return probabilities. Logits are asked for.", edit={OUT: "return self.lm_head(self.transformer.ln_f(h)).softmax(-1), present"})
mistake("You put dropout into the feed-forward network. There is none here.", edit={
    "return self.c_proj(self.act(self.c_fc(x)))": "return nn.functional.dropout(self.c_proj(self.act(self.c_fc(x))), 0.1, self.training)"})  # fmt: skip
mistake("Your model puts itself in evaluation mode when it is called. Leave modes as they are.", edit={"present = []\n": "present = []\n        self.eval()\n"})

mistake("In evaluation mode your logits are cut off from the graph. Gradients flow in every mode.", edit={
    OUT: "logits = self.lm_head(self.transformer.ln_f(h))\n        return logits if self.training else logits.detach(), present"})  # fmt: skip
mistake("Your forward pass sets torch's random seed. A call changes no random state.", edit={"present = []\n": "present = []\n        torch.manual_seed(0)\n"})
mistake("ln_f has an eps of its own in your model. All norms have that of the configuration.", edit={
    "self.transformer.ln_f = Norm(cfg.n_embd, cfg.eps, norm)": "self.transformer.ln_f = Norm(cfg.n_embd, 1e-5, norm)"})  # fmt: skip

# --- parts -----------------------------------------------------------------------------------------------------------

mistake("You ignore the `attend` that is given.", edit={"attention if attend is None else attend": "attention"})
mistake("You ignore the `norm` that is given.", edit={"layer_norm if norm is None else norm": "layer_norm"})
mistake("You ignore the `act` that is given.", edit={"gelu if act is None else act": "gelu"})
mistake("`act or gelu` takes an activation for none that is empty: a module without parts has the length 0.", edit={"gelu if act is None else act": "act or gelu"})
mistake("You use the given norm in the blocks, and your own behind the last one.", edit={
    "self.transformer.ln_f = Norm(cfg.n_embd, cfg.eps, norm)": "self.transformer.ln_f = Norm(cfg.n_embd, cfg.eps, layer_norm)"})  # fmt: skip
mistake("You call `attend` without causal=True. It is off by default.", edit={
    ATTEND: "out = self.attend(q, k, v)", "causal: bool = False) -> Tensor:\n    scores": "causal: bool = True) -> Tensor:\n    scores"})  # fmt: skip
mistake("You scale the queries before you call `attend`. Scaling is its business.", edit={
    ATTEND: "out = self.attend(q * q.shape[-1] ** -0.5, k, v, causal=True)", "scores = q @ k.mT * q.shape[-1] ** -0.5": "scores = q @ k.mT"})  # fmt: skip
mistake("You hand eps on to your own norm only.", edit={
    "return self.norm(x, self.weight, self.bias, self.eps)": "return self.norm(x, self.weight, self.bias, self.eps if self.norm is layer_norm else 1e-5)"})  # fmt: skip
mistake("You hand weight and bias to the norm in the wrong order.", edit={
    "return self.norm(x, self.weight, self.bias, self.eps)": "return self.norm(x, self.bias, self.weight, self.eps)",
    "def layer_norm(x: Tensor, w: Tensor, b: Tensor, eps: float)": "def layer_norm(x: Tensor, b: Tensor, w: Tensor, eps: float)"})  # fmt: skip

# --- the cache -------------------------------------------------------------------------------------------------------

mistake("Positions begin at 0 again in each piece. With S old tokens they go on with S.", edit={EMBED: EMBED.replace("torch.arange(S, S + T, device=ids.device)", "torch.arange(T)")})
mistake("Your causal triangle begins in the upper left corner: new tokens do not see what is in the cache.", edit={".triu(S - T + 1)": ".triu(1)"})
mistake("With a cache you leave the mask out: new tokens see those after them.", edit={ATTEND: "out = self.attend(q, k, v, causal=past is None)"})
mistake("New keys stand before the old ones in your cache.", edit={PAST: "k, v = torch.cat([k, past[0]], dim=2), torch.cat([v, past[1]], dim=2)"})
mistake("You join along the wrong dimension: tokens are dimension 2 of keys and values.", edit={PAST: PAST.replace("dim=2", "dim=1")}, crashes=True)
mistake("You exchange keys and values in `present`.", edit={JOIN: JOIN.replace("(k, v)", "(v, k)")})
mistake("You exchange keys and values both ways: the logits are right, but `present` is (keys, values).", edit={
    JOIN: JOIN.replace("(k, v)", "(v, k)"), PAST: "k, v = torch.cat([past[1], k], dim=2), torch.cat([past[0], v], dim=2)"})  # fmt: skip
mistake("`present` holds the new tokens only. It holds the old ones too, or a third call forgets the first.", edit={
    JOIN: "return self.c_proj(out.transpose(1, 2).flatten(2)), (k[:, :, -x.shape[1] :], v[:, :, -x.shape[1] :])"})  # fmt: skip
mistake("All layers get the first layer's cache.", edit={"past[i])": "past[0])"})
mistake("You ignore `past`.", edit={"        if past is not None:\n            k, v = torch": "        if False:\n            k, v = torch"})
mistake("You write the new keys into the caller's list. Leave `past` as it is: it may be continued twice.", edit={
    "        present = []\n": "        present = [] if past is None else past\n",
    "present.append(kept)": "present[i : i + 1] = [kept]"}, crashes=True)  # fmt: skip
mistake("`present` is cut off from the graph: gradients that should flow through the cache do not.", edit={JOIN: JOIN.replace("(k, v)", "(k.detach(), v.detach())")})
mistake("You let the sequence run past n_ctx, and use the last position again.", edit={LIMIT: "if False:", EMBED: EMBED.replace("ids.device))", "ids.device).clamp(max=n_ctx - 1))")})
mistake("Positions begin at 0 again behind n_ctx in your model. There are no such positions: raise IndexError.", edit={LIMIT: "if False:", EMBED: EMBED.replace("ids.device))", "ids.device) % n_ctx)")})
mistake("You forget the last token that fits: S + T = n_ctx is allowed.", edit={LIMIT: "if n_ctx <= S + T:"}, crashes=True)
mistake("You compare only the new tokens with n_ctx. The old ones count as well.", edit={LIMIT: "if n_ctx < T:", EMBED: EMBED.replace("ids.device))", "ids.device) % n_ctx)")})
mistake("You raise ValueError where the sequence is too long. IndexError is asked for.", edit={"raise IndexError(f": "raise ValueError(f"})
mistake("You drop the oldest tokens where the sequence is too long. IndexError is asked for.", edit={
    LIMIT + "\n            raise IndexError(f\"{S} old and {T} new tokens are more than {n_ctx} positions\")":
    LIMIT + "\n            ids = ids[:, -(n_ctx - S) :] if S < n_ctx else ids[:, :0]\n            T = ids.shape[1]"})  # fmt: skip

KEPT = {}


@mistake("You keep a mask by its size for all later calls, though old tokens change it: with a cache the triangle begins elsewhere.")
def attention(q, k, v, causal=False):
    scores = q @ k.mT * q.shape[-1] ** -0.5
    if causal:
        T, S = scores.shape[-2:]
        if T not in KEPT:
            KEPT[T] = torch.ones(T, S, dtype=torch.bool).triu(S - T + 1)
        hidden = torch.zeros(T, S, dtype=torch.bool)
        n = min(S, KEPT[T].shape[1])
        hidden[:, S - n :] = KEPT[T][:, KEPT[T].shape[1] - n :]
        hidden[:, : S - T] = KEPT[T].shape[1] == T and S > T  # what was never there when the mask was made
        hidden[:, 0] = False
        scores = scores.masked_fill(hidden, -torch.inf)
    return scores.softmax(-1) @ v


mistake("You count the tokens in the model itself. Any earlier `past` may be continued: count what is in it.", edit={
    "S, T = 0 if past is None else past[0][0].shape[2], ids.shape[1]":
    "T = ids.shape[1]\n        S = 0 if past is None else getattr(self, \"seen\", past[0][0].shape[2])\n        self.seen = S + T"}, crashes=True)  # fmt: skip
mistake("All calls write into one buffer, so that an earlier `present` changes with the next call.", edit={
    PAST: "S, T = past[0].shape[2], k.shape[2]\n            if not hasattr(self, \"room\") or self.room.shape[1] != k.shape[0]:\n                self.room = k.new_empty(2, k.shape[0], self.H, 99, k.shape[3])\n            room = self.room.detach()\n            room[0, :, :, :S], room[1, :, :, :S] = past[0].detach(), past[1].detach()\n            room[0, :, :, S : S + T], room[1, :, :, S : S + T] = k.detach(), v.detach()\n            k, v = room[0, :, :, : S + T], room[1, :, :, : S + T]"})  # fmt: skip

# --- checkpoints -----------------------------------------------------------------------------------------------------

mistake("You do not turn Conv1D's matrices.", edit={"weight = weight.mT": "pass"}, crashes=True)
mistake("You turn a matrix only where its shape asks for it. c_proj of the attention is square, and has to be turned too.", edit={
    "weight = weight.mT": "weight = weight.mT if weight.ndim == 2 and weight.shape[0] != weight.shape[1] else weight"})  # fmt: skip
mistake("You turn c_attn and both matrices of the network, and forget c_proj of the attention.", edit={TURNED: '(".c_attn.weight", ".mlp.c_proj.weight", ".c_fc.weight")'})
mistake("You turn the embeddings as well. They are written as here.", edit={TURNED: '(".c_attn.weight", ".c_proj.weight", ".c_fc.weight", "wte.weight", "wpe.weight")'}, crashes=True)
mistake("You turn wpe as well. It is written as here.", edit={TURNED: '(".c_attn.weight", ".c_proj.weight", ".c_fc.weight", "wpe.weight")'}, crashes=True)
mistake("You take what has the shape (C, 3 C) by reading its numbers row by row. It has to be turned, not reshaped.", edit={
    "weight = weight.mT": "weight = weight.reshape(weight.mT.shape)"})  # fmt: skip
mistake("You pass over every name that ends in attn.bias: c_attn has a bias.", edit={MASKS: '("attn.bias", ".attn.masked_bias")'}, crashes=True)
mistake("You do not pass over the masks of old files.", edit={MASKS: '(".nothing",)'}, crashes=True)
mistake("You pass over attn.bias, and not over attn.masked_bias.", edit={MASKS: '(".attn.bias",)'}, crashes=True)
mistake("You do not know names without `transformer.`.", edit={NAME: "weights[name] = weight"}, crashes=True)
mistake("You do not know names with `transformer.`.", edit={NAME: 'weights["transformer." + name] = weight'}, crashes=True)
mistake("You give lm_head.weight a prefix too.", edit={NAME: 'weights["transformer." + bare] = weight'}, crashes=True)
mistake("You ask for lm_head.weight. Most files do not have it.", edit={HEAD: "pass"}, crashes=True)
mistake("You load with strict=False, so that a missing weight stays random and nobody hears of it.", edit={LOAD: "self.load_state_dict(weights, strict=False)"})
mistake("Your model takes over the checkpoint's own tensors: they change together, and the dtype is the file's.", edit={LOAD: "self.load_state_dict(weights, assign=True)"})
mistake("You drop every name that you do not know. A file of another model would seem to fit.", edit={
    LOAD: "known = self.state_dict()\n        self.load_state_dict({name: w for name, w in weights.items() if name in known})"})  # fmt: skip
mistake("You take the masks out of the caller's dict. Leave it as it was.", edit={
    "        weights = {}\n": "        weights = {}\n        for name in [name for name in sd if name.endswith((\".attn.bias\", \".attn.masked_bias\"))]:\n            del sd[name]\n"})  # fmt: skip
mistake("You turn the caller's tensors in place. Leave them as they were.", edit={"weight = weight.mT": "weight = weight.t_()"}, crashes=True)
mistake("You copy what you find, and overlook names that are missing or not known.", edit={
    LOAD: "parameters = dict(self.named_parameters(remove_duplicate=False))\n        with torch.no_grad():\n            for name in parameters.keys() & weights.keys():\n                parameters[name].copy_(weights[name])"})  # fmt: skip
mistake("You raise KeyError for what does not fit. RuntimeError is asked for, as load_state_dict raises it.", edit={
    LOAD: "try:\n            self.load_state_dict(weights)\n        except RuntimeError as error:\n            raise KeyError(str(error)) from None"})  # fmt: skip
mistake("You freeze what you have loaded. Leave requires_grad as it is.", edit={LOAD: LOAD + "\n        self.requires_grad_(False)"})
mistake("After loading, your model is of the file's dtype. It keeps its own.", edit={LOAD: "self.to(next(iter(weights.values())).dtype)\n        " + LOAD})
mistake("After loading, your head is a matrix of its own: you put a new parameter there.", edit={
    LOAD: LOAD + "\n        self.lm_head.weight = nn.Parameter(self.transformer.wte.weight.detach().clone())"})  # fmt: skip

# --- the first weights -----------------------------------------------------------------------------------------------

mistake("You draw all matrices with the same spread. What is added to the stream has std/√(2L).", edit={SCALE: "1.0"})
mistake("You divide by √L. There are two sums in each layer, so 2L in all.", edit={SCALE: "len(m.transformer.h) ** -0.5"})
mistake("You divide by 2L. It is the root of 2L.", edit={SCALE: "(2 * len(m.transformer.h)) ** -1.0"})
mistake("You divide by the number of the layer, as some deeper models do. Every layer has 1/√(2L).", edit={SCALE: "(2 * (int(name.split(\".\")[2]) + 1)) ** -0.5"})
mistake("You scale c_proj of the attention only. That of the feed-forward network is added to the stream too.", edit={'if name.endswith(".c_proj.weight") else 1.0': 'if name.endswith("attn.c_proj.weight") else 1.0'})
mistake("You scale c_fc instead of c_proj: what is added to the stream comes from c_proj.", edit={'if name.endswith(".c_proj.weight") else 1.0': 'if name.endswith((".c_fc.weight", "attn.c_proj.weight")) else 1.0'})
mistake("You take `std` for the variance.", edit={DRAW: DRAW.replace("* std * scale", "* std**0.5 * scale")})
mistake("Your std is always 0.02.", edit={DRAW: DRAW.replace("* std * scale", "* 0.02 * scale")})
mistake("You draw from a uniform distribution. It is a normal one.", edit={DRAW: DRAW.replace("torch.randn(", "3**0.5 * (2 * torch.rand(").replace("dtype=parameter.dtype)", "dtype=parameter.dtype) - 1)")})
mistake("You cut the distribution off at two standard deviations, as BERT's code does.", edit={DRAW: "nn.init.trunc_normal_(parameter, std=std * scale, a=-2 * std * scale, b=2 * std * scale, generator=generator)"})
mistake("You leave torch's default for the biases. They become 0.", edit={"            parameter.zero_()\n": "            pass\n"})
mistake("You draw the biases too. They become 0.", edit={"            parameter.zero_()\n": "            parameter.normal_(0, std, generator=generator)\n"})
mistake("The weights of your norms become 0. They become 1.", edit={"parameter.fill_(1.0)": "parameter.fill_(0.0)"})
mistake("You draw the weights of the norms. They become 1.", edit={"parameter.fill_(1.0)": "parameter.normal_(1.0, std, generator=generator)"})
mistake("You ignore `seed`.", edit={SEED: "generator = torch.Generator().manual_seed(0)"})
mistake("You set torch's global seed. Use a generator of your own.", edit={SEED: "generator = torch.random.default_generator.manual_seed(seed)"})
mistake("You draw from torch's global state, so that `seed` decides nothing.", edit={SEED: "generator = None"})
mistake("You begin anew with the seed for each parameter, so that they all begin with the same numbers.", edit={
    DRAW: DRAW.replace("generator=generator", "generator=torch.Generator().manual_seed(seed)")})  # fmt: skip
mistake("You draw one layer and copy it into all layers.", edit={
    DRAW: DRAW + "\n    for block in m.transformer.h:\n        block.load_state_dict(m.transformer.h[0].state_dict())"})  # fmt: skip
mistake("You draw one row and repeat it.", edit={DRAW: DRAW.replace("torch.randn(parameter.shape,", "torch.randn(parameter[:1].shape,")})
mistake("You leave the embeddings as torch draws them, with a spread of 1.", edit={"for name, parameter in m.named_parameters():": 'for name, parameter in m.named_parameters():\n        if "wte" in name or "wpe" in name:\n            continue'})
mistake("You put new parameters into the model. Change the values of those that are there.", edit={
    "generator = torch.Generator().manual_seed(seed)": "generator = torch.Generator().manual_seed(seed)\n    for part in m.modules():\n        for name, p in list(part.named_parameters(recurse=False)):\n            setattr(part, name, nn.Parameter(p.clone(), p.requires_grad))\n    m.lm_head.weight = m.transformer.wte.weight"})  # fmt: skip
mistake("You skip frozen parameters. All are drawn, and requires_grad stays.", edit={DRAW: DRAW + "\n        parameter.requires_grad_(True)"})
mistake("You put the model into training mode.", edit={SEED: SEED + "\n    m.train()"})
mistake("You draw the tied matrix for the head, with 1/√C. It is drawn with std, as wte is.", edit={
    DRAW: DRAW + "\n    m.lm_head.weight.normal_(0, m.lm_head.weight.shape[1] ** -0.5, generator=generator)"})  # fmt: skip

# --- counting --------------------------------------------------------------------------------------------------------

mistake("You count the head although it is the embedding's matrix.", edit={"(cfg.vocab + cfg.n_ctx) * C": "(2 * cfg.vocab + cfg.n_ctx) * C"})
mistake("You forget the positions.", edit={"(cfg.vocab + cfg.n_ctx) * C": "cfg.vocab * C"})
mistake("You forget ln_f.", edit={COUNT: COUNT.removesuffix(" + 2 * C")})
mistake("You count ln_f without its bias.", edit={COUNT: COUNT.removesuffix("2 * C") + "C"})
mistake("You forget all biases.", edit={BLOCK: "block = 12 * C * C + 2 * C", COUNT: COUNT.removesuffix("2 * C") + "C"})
mistake("You forget the norms of the blocks.", edit={BLOCK: "block = 12 * C * C + 9 * C"})
mistake("You forget the bias of the wide layer: it has 4 C.", edit={BLOCK: "block = 12 * C * C + 9 * C + C"})
mistake("You count one norm in each block. There are two.", edit={BLOCK: "block = 12 * C * C + 11 * C"})
mistake("You count 12 C² for the attention alone: it has 4 C².", edit={BLOCK: "block = 20 * C * C + 13 * C"})
mistake("You count a bias of the head.", edit={COUNT: COUNT + " + cfg.vocab"})
mistake("No gradient flows through `past`: you detach the old keys and values.", edit={
    PAST: "k, v = torch.cat([past[0].detach(), k], dim=2), torch.cat([past[1].detach(), v], dim=2)"})  # fmt: skip
mistake("Your variance is the mean of the squares minus the square of the mean, which loses its digits where the mean is large.", edit={
    LAYER_NORM: "return centered * (x.square().mean(-1, keepdim=True) - x.mean(-1, keepdim=True) ** 2 + eps).rsqrt() * w + b"})  # fmt: skip
mistake("You pass over every name that ends in masked_bias. Only those of attention are known.", edit={MASKS: '(".attn.bias", "masked_bias")'})
mistake("Where wte is missing you take it from the head. Raise RuntimeError.", edit={
    'if "transformer.wte.weight" in weights:': "if 'lm_head.weight' in weights:\n            weights.setdefault('transformer.wte.weight', weights['lm_head.weight'])\n"
    '        if "transformer.wte.weight" in weights:'})  # fmt: skip

mistake(
    "Numbers beyond 2 are drawn again: a normal distribution has no end, and this one has another std.",
    edit={
        "parameter.copy_(torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype) * std * scale)": (
            "nn.init.trunc_normal_(parameter, std=std * scale, generator=generator)"
        )
    },
)
mistake(
    "A weight of another shape is loaded if it has as many numbers. RuntimeError is raised for it.",
    edit={"        self.load_state_dict(weights)\n": "        own = self.state_dict()\n        self.load_state_dict({name: w.reshape(own[name].shape) if name in own and w.numel() == own[name].numel() and w.ndim != own[name].ndim else w for name, w in weights.items()})\n"},
)
mistake(
    "What was computed with an older cache keeps no graph: gradients end at the second cache.",
    edit={"        return self.c_proj(out.transpose(1, 2).flatten(2)), (k, v)\n": "        if past is not None:\n            k, v = (torch.cat([old.detach(), new[:, :, old.shape[2] :]], dim=2) for old, new in zip(past, (k, v), strict=True))\n        return self.c_proj(out.transpose(1, 2).flatten(2)), (k, v)\n"},
)
mistake(
    "Later tokens get a score of -10,000, and some scores are lower. -inf hides them.",
    edit={"scores.masked_fill(hidden, -torch.inf)": "scores.masked_fill(hidden, -1e4)"},
)
