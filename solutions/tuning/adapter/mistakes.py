"""Wrong ways to write tuning/adapter, each with the sentence that a student should read."""


from autograder.checks import mistake

CHANGE = "return self.up(self.act(self.down(x)))"
INIT = "nn.init.normal_(layer.weight, std=init_std)"
BIAS = "nn.init.zeros_(layer.bias)"
BEHIND = "return part.adapter(out)"
BESIDE = "return out + part.adapter.change(args[0])"
STYLES = '{"houlsby": {"attn": _behind, "mlp": _behind}, "pfeiffer": {"mlp": _behind}, "parallel": {"mlp": _beside}}'
FREEZE = "model.requires_grad_(False)\n    if norms:"
MADE = "made = [{name: Bottleneck(C, m, act).to(like) for name in HOOKS[style]} for _ in model.layers]"
MODE = "part.adapter = adapter.train(part.training)"
HOOK = "part.adapter_hook = part.register_forward_hook(HOOKS[style][name])"
COUNT = "return L * len(HOOKS[style]) * (2 * C * m + m + C)"

# --- the bottleneck --------------------------------------------------------------------------------------------------

mistake("Your adapter leaves x out: it gives the change alone.", edit={"return x + self.change(x)": "return self.change(x)"})
mistake("Your bottleneck has no activation between its two layers, so it is one matrix of low rank.", edit={CHANGE: "return self.up(self.down(x))"})  # fmt: skip
mistake("Your gelu is the approximation by tanh. It is the exact one here.", edit={"self.act = getattr(F, act)": 'self.act = (lambda x: F.gelu(x, approximate="tanh")) if act == "gelu" else getattr(F, act)'})  # fmt: skip
mistake("You ignore `act`: it is gelu always.", edit={"self.act = getattr(F, act)": "self.act = F.gelu"})
mistake("Your weights begin as torch's layers do, so fresh adapters change the model a lot.", edit={INIT: "pass"})
mistake("You ignore `init_std`.", edit={INIT: "nn.init.normal_(layer.weight, std=1e-3)"})
mistake("Your weights begin at 0, both of them, so no gradient ever reaches either.", edit={INIT: "nn.init.zeros_(layer.weight)"})

# --- where adapters stand --------------------------------------------------------------------------------------------

mistake("You have one adapter in each layer, behind the MLP. Houlsby's style has another one behind attention.", edit={STYLES: STYLES.replace('"attn": _behind, ', "", 1)}, crashes=True)  # fmt: skip
mistake("All layers share one adapter. Each has its own.", edit={MADE: "one = {name: Bottleneck(C, m, act).to(like) for name in HOOKS[style]}\n    made = [one for _ in model.layers]"})  # fmt: skip
mistake("Your parallel adapter stands behind the MLP. It reads what the MLP reads.", edit={BESIDE: "return out + part.adapter.change(out)"})
mistake("Your parallel adapter adds its input once more. Beside the MLP only the change is added.", edit={BESIDE: "return out + part.adapter(args[0])"})  # fmt: skip
mistake("Your adapters read what the part read. In Houlsby's and Pfeiffer's style they read what it gave.", edit={BEHIND: "return out + part.adapter.change(args[0])"})  # fmt: skip

# --- what learns, and out again --------------------------------------------------------------------------------------

mistake("You freeze nothing, so the whole model learns.", edit={FREEZE: "if norms:"})
mistake("You freeze the adapters too.", edit={MODE: MODE + ".requires_grad_(False)"})
mistake("Norms always learn in your model. They do so when norms=True.", edit={FREEZE: FREEZE.replace("if norms:", "if True:")})
mistake("Your fresh adapters are in training mode, whatever mode the model is in.", edit={MODE: "part.adapter = adapter"})
mistake("Your adapters are float32 in a float64 model.", edit={MADE: MADE.replace(".to(like)", "")}, crashes=True)
mistake("The hook in your model holds the adapter itself, so a copy of the model uses the adapters of the first one.", edit={HOOK: "part.adapter_hook = part.register_forward_hook((lambda a: lambda part, args, out: a(out))(adapter) if style != 'parallel' else (lambda a: lambda part, args, out: out + a.change(args[0]))(adapter))", "if hook in (_behind, _beside):": "if True:"})  # fmt: skip


@mistake("You take the adapters' weights to 0 instead of taking the adapters out: the parameters are still there.", crashes=True)
def remove_adapters(model):
    for module in model.modules():
        if isinstance(module, Bottleneck):
            for parameter in module.parameters():
                parameter.data.zero_()


mistake("You count no biases.", edit={COUNT: "return L * len(HOOKS[style]) * 2 * C * m"})

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("Only the norms inside the layers learn with norms=True. The last norm of the model does so as well.", edit={"for module in model.modules():\n            if isinstance(module, nn.LayerNorm):": "for module in model.layers.modules():\n            if isinstance(module, nn.LayerNorm):"})  # fmt: skip
mistake("Removing the adapters makes the whole model learn. What requires gradients stays as it is.", edit={"del part.adapter, part.adapter_hook": "del part.adapter, part.adapter_hook\n                model.requires_grad_()"})  # fmt: skip
mistake("You freeze the model before you find out that the style is another one. What is refused changes nothing.", edit={"if style not in HOOKS:\n        raise ValueError(f\"style is {style!r}\")\n    if any": "model.requires_grad_(False)\n    if style not in HOOKS:\n        raise ValueError(f\"style is {style!r}\")\n    if any"})  # fmt: skip
mistake("A second call puts adapters on adapters. It is refused.", edit={"if any(isinstance(module, Bottleneck) for module in model.modules()):": "if False:"})  # fmt: skip
mistake("Pfeiffer's adapter stands behind attention in your model. It stands behind the MLP.", edit={STYLES: STYLES.replace('"pfeiffer": {"mlp": _behind}', '"pfeiffer": {"attn": _behind}')}, crashes=True)  # fmt: skip
mistake("In a model of bfloat16 your adapters are float32. They have the dtype of the model's parameters.", edit={
    "    like = next(model.parameters())\n": "    like = next(model.parameters())\n    like = like if like.dtype.itemsize > 2 else like.float()\n"})  # fmt: skip
mistake("Your fresh weights are cut off at two deviations. They are normal numbers, of which some are farther from 0.", edit={
    "nn.init.normal_(layer.weight, std=init_std)": "nn.init.trunc_normal_(layer.weight, std=init_std, a=-2 * init_std, b=2 * init_std)"})  # fmt: skip
