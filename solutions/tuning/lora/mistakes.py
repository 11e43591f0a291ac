"""Wrong ways to write tuning/lora, each with the sentence that a student should read."""

from autograder.checks import mistake

# --- start and scale -------------------------------------------------------------------------------------------------

ZERO_B = "self.B = nn.Parameter(torch.zeros(n_out, r, **like))"
RANDOM_A = "self.A = nn.Parameter(torch.empty(r, n_in, **like).uniform_(-(n_in**-0.5), n_in**-0.5))"

mistake(
    "A and B are both random, so a fresh layer is not its base any more. B starts at 0.",
    edit={ZERO_B: "self.B = nn.Parameter(torch.randn(n_out, r, **like))"},
)

mistake(
    "A starts at 0 and B is random. That would train as well, but the other way round is asked for, as in the paper.",
    edit={
        ZERO_B: "self.B = nn.Parameter(torch.randn(n_out, r, **like))",
        RANDOM_A: "self.A = nn.Parameter(torch.zeros(r, n_in, **like))",
    },
)

mistake(
    "A and B both start at 0. Then both gradients are 0 for ever: nothing is learned. A is random.",
    edit={RANDOM_A: "self.A = nn.Parameter(torch.zeros(r, n_in, **like))"},
)

mistake(
    "All entries of A are equal at the start. Its rows get equal gradients and stay equal: the rank is 1 whatever r is.",
    edit={RANDOM_A: "self.A = nn.Parameter(torch.full((r, n_in), n_in**-0.5, **like))"},
)

mistake(
    "Your scale is r/alpha. It is alpha/r.",
    edit={"alpha / (math.sqrt(r) if rslora else r)": "(math.sqrt(r) if rslora else r) / alpha"},
)

mistake(
    "You leave the scale out: ΔW is alpha/r · B A.",
    edit={"alpha / (math.sqrt(r) if rslora else r)": "1.0"},
)

mistake(
    "Your scale is alpha, without the division by r.",
    edit={"alpha / (math.sqrt(r) if rslora else r)": "float(alpha)"},
)

mistake(
    "You divide by √r always. Only rsLoRA does so; otherwise the scale is alpha/r.",
    edit={"math.sqrt(r) if rslora else r": "math.sqrt(r)"},
)

mistake(
    "You ignore `rslora`: with it, the scale is alpha/√r.",
    edit={"math.sqrt(r) if rslora else r": "r"},
)

mistake(
    "Your scale in forward is not that of delta(): one of the two lacks it.",
    edit={"delta = self.scaling * self.B @ self.A": "delta = self.B @ self.A"},
)

mistake(
    "You drop the output of base: the adapter is added to it, not put in its place.",
    edit={"(y + self.scaling * z)": "(0 * y + self.scaling * z)"},
)

# --- merging ---------------------------------------------------------------------------------------------------------

mistake(
    "Merging twice adds ΔW twice. A merged layer stays as it is.",
    edit={"if not self.merged:\n            self._add": "if True:\n            self._add"},
)

mistake(
    "Unmerging a layer that is not merged subtracts ΔW. It should change nothing.",
    edit={"if self.merged:\n            self._add": "if True:\n            self._add"},
)

mistake(
    "Merged, your layer still adds the adapter: its change counts twice.",
    edit={"        if self.merged:\n            return y\n": ""},
)

mistake(
    "Your unmerge adds ΔW once more. It subtracts it.",
    edit={"self._add(-self.delta())": "self._add(self.delta())"},
)

mistake(
    "Your unmerge forgets that it was done: `merged` stays True.",
    edit={"            self.merged = False\n        # END": "        # END"},
)

mistake(
    "You replace the weight by ΔW when merging. It is added.",
    edit={"copy_(self.base.weight + delta)": "copy_(delta)"},
)

mistake(
    "You merge in the weight's own dtype: ΔW is rounded to bfloat16 before it is added, and once more after. Add in float32 and "
    "round once.",
    edit={"copy_(self.base.weight + delta)": "add_(delta.to(self.base.weight.dtype))"},
)

# --- layout ----------------------------------------------------------------------------------------------------------

mistake(
    "You ignore `fan_in_fan_out`: ΔW is not transposed for Conv1D, whose weight is (in, out).",
    edit={
        "return delta.T if self.fan_in_fan_out else delta": "return delta if delta.shape == self.base.weight.shape else delta.T"
    },
)

mistake(
    "You transpose ΔW for every layer. Only Conv1D stores (in, out).",
    edit={
        "return delta.T if self.fan_in_fan_out else delta": "return delta.T if delta.T.shape == self.base.weight.shape else delta"
    },
)

# --- training --------------------------------------------------------------------------------------------------------

mistake(
    "base is not frozen by LoRALinear or inject: its weight gets gradients, and weight decay shrinks it.",
    edit={"base.requires_grad_(False)": "base", "    model.requires_grad_(False)\n": ""},
)

mistake(
    "LoRALinear does not freeze its base; only inject does. A layer that is used alone must not train its base either.",
    edit={"base.requires_grad_(False)": "base"},
)

mistake(
    "Merging is recorded by autograd: the weight of base gets a history and requires gradients. Use torch.no_grad().",
    edit={"    @torch.no_grad()\n": ""},
)

mistake(
    "A is random, but above 0 only. Its mean is 0.",
    edit={"uniform_(-(n_in**-0.5), n_in**-0.5)": "uniform_(0, n_in**-0.5)"},
)

mistake(
    "inject freezes the adapted layers only. Everything in the model but A and B is frozen: embeddings, norms, other layers.",
    edit={"    model.requires_grad_(False)\n": ""},
)

mistake(
    "inject freezes the adapters of an earlier call. All A and B of the model learn.",
    edit={
        "        if isinstance(layer, LoRALinear):\n            layer.A.req": "        if isinstance(layer, LoRALinear) and "
        "layer.base in chosen.values():\n            layer.A.req"
    },
)

mistake(
    "Only B learns: A is frozen, or detached.",
    edit={"z = self.dropout(x.to(self.A.dtype)) @ self.A.T @ self.B.T": "z = self.dropout(x.to(self.A.dtype)) @ self.A.detach().T "
          "@ self.B.T"},
)  # fmt: skip

mistake(
    "There is no dropout in training mode.",
    edit={"self.dropout(x.to(self.A.dtype))": "x.to(self.A.dtype)"},
)

mistake(
    "Dropout acts on base's input too. base sees all of x.",
    edit={
        "        y = self.base(x)\n        if self.merged:\n            return y": "        y = self.base(x)\n        if "
        "self.merged:\n            return y\n        x = self.dropout(x)\n        y = self.base(x)",
        "self.dropout(x.to(self.A.dtype))": "x.to(self.A.dtype)",
    },
)

mistake(
    "Dropout comes after A, on the r features. It belongs to x, before A.",
    edit={"self.dropout(x.to(self.A.dtype)) @ self.A.T @": "self.dropout(x.to(self.A.dtype) @ self.A.T) @"},
)

mistake(
    "Dropout comes after B, on the output of the adapter. It belongs to x, before A.",
    edit={
        "self.dropout(x.to(self.A.dtype)) @ self.A.T @ self.B.T": "self.dropout(x.to(self.A.dtype) @ self.A.T @ self.B.T)"
    },
)

mistake(
    "Dropout is on in evaluation mode. Use `nn.Dropout`, or look at self.training.",
    edit={"self.dropout(x.to(self.A.dtype))": "nn.functional.dropout(x.to(self.A.dtype), self.dropout.p)"},
)

mistake(
    "`dropout` is taken for the probability to keep a feature. It is the probability to drop it.",
    edit={"nn.Dropout(dropout)": "nn.Dropout(1 - dropout if dropout else 0.0)"},
)

mistake(
    "New layers are always in training mode, also in a model in evaluation mode: its dropout is on. Take over base's mode.",
    edit={"        self.train(base.training)\n": ""},
)

mistake(
    "A and B have the dtype of a bfloat16 base. They are float32, so that small steps are not rounded away.",
    edit={"torch.promote_types(base.weight.dtype, torch.float32)": "base.weight.dtype"},
)

mistake(
    "The output is float32 on a bfloat16 base. Round to the dtype of base(x).",
    edit={"(y + self.scaling * z).to(y.dtype)": "y + self.scaling * z"},
)

# --- injection and saving --------------------------------------------------------------------------------------------

mistake(
    "Your pattern may match a part of the name (`re.search`, or `in`). It has to match the whole name: `re.fullmatch`.",
    edit={"re.fullmatch(pattern, name)": "re.search(pattern, name)"},
)

mistake(
    "Your pattern has to match the beginning of the name only (`re.match`). It has to match the whole: `re.fullmatch`.",
    edit={"re.fullmatch(pattern, name)": "re.match(pattern, name)"},
)

mistake(
    "You put ^ and $ around the pattern. With alternatives (a|b) each binds to one of them only: use `re.fullmatch`.",
    edit={"re.fullmatch(pattern, name)": 're.search("^" + pattern + "$", name)'},
)
mistake(
    "inject leaves Conv1D alone. GPT-2's layers are linear layers too.",
    edit={"isinstance(layer, nn.Linear | Conv1D)": "isinstance(layer, nn.Linear)"},
)

mistake(
    "inject wraps Conv1D as if its weight were (out, in). Give it fan_in_fan_out=True.",
    edit={
        "fan_in_fan_out=isinstance(layer, Conv1D)": "fan_in_fan_out=isinstance(layer, Conv1D) and layer.bias is None"
    },
    crashes=True,
)

mistake(
    "A second call wraps the layers inside LoRALinears again. They are adapted already: leave them alone.",
    edit={" and layer not in adapted": ""},
)

mistake(
    "inject does not hand on `rslora`.",
    edit={"alpha, dropout, rslora, fan_in": "alpha, dropout, False, fan_in"},
)

mistake(
    "inject does not hand on `dropout` or `alpha`.",
    edit={"LoRALinear(layer, r, alpha, dropout, rslora": "LoRALinear(layer, r, r, 0.0, rslora"},
)

mistake(
    "adapter_state takes every parameter whose name ends in A or B, also those of other modules. Only LoRALinears have adapters.",
    edit={"if isinstance(layer, LoRALinear)\n        for part": 'if hasattr(layer, "A")\n        for part',
          'for part in ("A", "B")': 'for part in ("A", "B") if hasattr(layer, part)'},
)  # fmt: skip

mistake(
    "adapter_state gives the tensors themselves: they change when the model trains on. Copy them.",
    edit={"getattr(layer, part).detach().clone()": "getattr(layer, part).detach()"},
)

mistake(
    "adapter_state gives the base's weights as well. A and B are all that has to be saved.",
    edit={'for part in ("A", "B")': 'for part in ("A", "B", "base.weight")',
          "getattr(layer, part).detach().clone()": "layer.get_parameter(part).detach().clone()"},
)  # fmt: skip

mistake(
    "adapter_state forgets where the layers are: its names are no names of model.state_dict().",
    edit={'f"{name}.{part}".lstrip(".")': 'f"{name.replace(chr(46), chr(95))}.{part}".lstrip(".")'},
)

mistake(
    "merge puts a new Parameter in the place of base.weight: an optimizer or a tied layer goes on with the old one. Change it in place.",
    edit={"self.base.weight.copy_(self.base.weight + delta)": "self.base.weight = nn.Parameter((self.base.weight + delta).to("
          "self.base.weight.dtype), requires_grad=False)"},
)  # fmt: skip

mistake(
    "adapter_state gives A itself, and only B as a copy: A changes when the model trains on. Copy both.",
    edit={
        "getattr(layer, part).detach().clone()": 'getattr(layer, part).detach() if part == "A" else getattr(layer, part).detach().clone()'
    },
)

mistake(
    "The weight of base is not frozen, only its bias. Nothing of base learns.",
    edit={
        "self.base = base.requires_grad_(False)": "self.base = base\n        if base.bias is not None:\n            base.bias.requires_grad_(False)"
    },
)

mistake(
    "base is copied. It is kept and used as it is: others may hold it too.",
    edit={
        "self.base = base.requires_grad_(False)": "import copy\n        self.base = copy.deepcopy(base).requires_grad_(False)"
    },
)

mistake(
    "base's weight becomes a new Parameter. It stays the object that it was.",
    edit={"self.base = base.requires_grad_(False)": "self.base = base.requires_grad_(False)\n"
          "        base.weight = nn.Parameter(base.weight.detach(), requires_grad=False)"},
)  # fmt: skip

mistake(
    "Only layers of type nn.Linear itself are adapted (`type(layer) is …`). An instance of a subclass is an nn.Linear as well.",
    edit={"isinstance(layer, nn.Linear | Conv1D)": "type(layer) in (nn.Linear, Conv1D)"},
)

mistake(
    "merge switches the layer to evaluation mode, or to training mode. It leaves the mode as it is.",
    edit={
        "            self.merged = True\n": "            self.merged = True\n            self.train(not self.training)\n"
    },
)

mistake(
    "merge freezes A and B. They learn on after `unmerge`: leave `requires_grad` as it is.",
    edit={
        "            self.merged = True\n": "            self.merged = True\n            self.A.requires_grad_(False)\n"
    },
)

mistake(
    "merge switches gradients off and leaves them so. Use `with torch.no_grad():`.",
    edit={
        "            self._add(self.delta())\n": "            torch.set_grad_enabled(False)\n            self._add(self.delta())\n"
    },
)

mistake(
    "ΔW is computed once and remembered. A and B learn: compute it anew.",
    edit={
        "        delta = self.scaling * self.B @ self.A\n": '        delta = self.__dict__.setdefault("kept", (self.scaling * self.B @ self.A).detach())\n'
    },
)

mistake(
    "ΔW is remembered by its shape, for all layers. Each layer has its own.",
    edit={"        delta = self.scaling * self.B @ self.A\n": "        key = self.B.shape, self.A.shape\n"
          '        delta = LoRALinear.__dict__["_add"].__dict__.setdefault(key, (self.scaling * self.B @ self.A).detach())\n'},
)  # fmt: skip

mistake(
    "No gradient reaches x. Layers below learn too: compute the adapter's part from x, not from x.detach().",
    edit={"self.dropout(x.to(self.A.dtype))": "self.dropout(x.detach().to(self.A.dtype))"},
)

mistake(
    "forward flattens x with `view`, which fails on x that is not contiguous. `@` takes any number of dimensions.",
    edit={"        y = self.base(x)\n": "        x.view(-1)\n        y = self.base(x)\n"},
    crashes=True,
)

mistake(
    "Float64 layers are computed in float32. A and B have float64 there, and so has their product.",
    edit={
        "z = self.dropout(x.to(self.A.dtype)) @ self.A.T @ self.B.T": "z = self.dropout(x.float()) @ self.A.T.float() @ self.B.T.float()"
    },
)

mistake(
    "inject puts every layer into training mode. A model in evaluation mode stays in it.",
    edit={"    model.requires_grad_(False)\n": "    model.requires_grad_(False)\n    model.train()\n"},
)

mistake(
    "inject gives a replaced layer a new weight. Layers are wrapped with the parameters that they have.",
    edit={"        setattr(model.get_submodule(parent), child, adapter)\n": "        layer.weight = nn.Parameter(layer.weight.detach().clone(), requires_grad=False)\n"
          "        setattr(model.get_submodule(parent), child, adapter)\n"},
)  # fmt: skip

mistake(
    "adapter_state switches the gradients of A and B off, and they learn no more.",
    edit={"getattr(layer, part).detach().clone()": "getattr(layer, part).requires_grad_(False).clone()"},
)

mistake(
    "You count r times the product of the shape. A has r · in weights and B has out · r: r times the *sum*.",
    edit={"rows + columns for": "rows * columns for"},
)

mistake(
    "You count each adapter's rank twice, or the weights of A and B with r². It is r · (rows + columns).",
    edit={"return r * sum(": "return r * r * sum("},
)

mistake(
    "inject does not pass `dropout` on: the layers that it makes drop nothing.",
    edit={"LoRALinear(layer, r, alpha, dropout, rslora,": "LoRALinear(layer, r, alpha, 0.0, rslora,"},
)
mistake(
    "Dropout works in the dtype of x, and 1 / (1 - p) is rounded to bfloat16. The adapter's part is computed in the dtype of A and B.",
    edit={"self.dropout(x.to(self.A.dtype))": "self.dropout(x).to(self.A.dtype)"},
)

mistake(
    "x is cast without a gradient: a low-precision x gets none from the adapter.",
    edit={"self.dropout(x.to(self.A.dtype))": "self.dropout(x if x.dtype == self.A.dtype else x.detach().to(self.A.dtype))"},
)

mistake(
    "inject leaves out every layer that is called `base`. Only the base of a LoRALinear is left alone, whatever others are called.",
    edit={"layer not in adapted and": "name.rpartition('.')[2] != 'base' and"},
)

mistake(
    "You compute with base.weight yourself. A base of a subclass may compute something else: call base(x).",
    edit={"y = self.base(x)": "y = nn.functional.linear(x, self.base.weight.T if self.fan_in_fan_out else self.base.weight, self.base.bias)"},
)
mistake(
    "You pass over every layer called base. A model may have a layer of this name: only the base of a LoRALinear is left alone.",
    edit={"and layer not in adapted and": 'and not name.endswith(".base") and'},
)
