"""Wrong ways to write norm/deepnorm, each with the sentence that a student should read."""

import torch
from torch import nn

from autograder.checks import mistake

MIXED = "mixed = (N**4 * M) ** (1 / 16)"
ENCODER = '"encoder": (0.81 * mixed, 0.87 / mixed)'
DECODER = '"decoder": ((3 * M) ** 0.25, (12 * M) ** -0.25)'
BOTH = "if N and M:"
ONE = "return {name: ((2 * n) ** 0.25, (8 * n) ** -0.25)}"
WHICH = 'name, n = ("encoder", N) if N else ("decoder", M)'
PARTS = 'parts = set(name.split("."))'
SCALED = 'if parameter.ndim == 2 and parts & {"ffn", "v_proj", "out_proj"}:'
PLAIN = 'elif parameter.ndim == 2 and parts & {"q_proj", "k_proj"}:'
WITH_BETA = "nn.init.xavier_normal_(parameter, gain=beta)"
WITH_ONE = "            nn.init.xavier_normal_(parameter)\n"
LOOP = "for name, parameter in m.named_parameters():"
RESIDUAL = "return ln(alpha * x + fx)"

# --- constants -------------------------------------------------------------------------------------------------------

mistake("Your β of a single stack is (2 N)^(-1/4), the inverse of α. It is (8 N)^(-1/4).", edit={ONE: "return {name: ((2 * n) ** 0.25, (2 * n) ** -0.25)}"})  # fmt: skip
mistake("Your β has no minus in its power: it is (8 N)^(-1/4), below 1.", edit={ONE: "return {name: ((2 * n) ** 0.25, (8 * n) ** 0.25)}"})  # fmt: skip
mistake("Your α of a single stack is (8 N)^(1/4), or its β (2 N)^(-1/4): the two numbers are exchanged.", edit={ONE: "return {name: ((8 * n) ** 0.25, (2 * n) ** -0.25)}"})  # fmt: skip
mistake("Your constants of a single stack do not depend on its depth.", edit={ONE: "return {name: (12**0.25, 48**-0.25)}"})
mistake("A decoder alone has the constants of a decoder beside an encoder. Alone it is (2 M)^(1/4) and (8 M)^(-1/4).", edit={WHICH: 'if M:\n        return {"decoder": ((3 * M) ** 0.25, (12 * M) ** -0.25)}\n    ' + WHICH})  # fmt: skip
mistake(
    "An encoder beside a decoder has the constants of one alone. Beside a decoder it is 0.81 · (N⁴ M)^(1/16).",
    edit={ENCODER: '"encoder": ((2 * N) ** 0.25, (8 * N) ** -0.25)'},
)
mistake(
    "A decoder beside an encoder has the constants of one alone. Beside an encoder it is (3 M)^(1/4) and (12 M)^(-1/4).",
    edit={DECODER: '"decoder": ((2 * M) ** 0.25, (8 * M) ** -0.25)'},
)
mistake("You exchange the two depths in (N⁴ M)^(1/16): the encoder's has the fourth power.", edit={MIXED: "mixed = (M**4 * N) ** (1 / 16)"})  # fmt: skip
mistake("You take (N⁴ + M) for (N⁴ M).", edit={MIXED: "mixed = (N**4 + M) ** (1 / 16)"})
mistake("You take (N M)⁴ for N⁴ M: only N has the fourth power.", edit={MIXED: "mixed = (N * M) ** (4 / 16)"})
mistake("Your decoder's constants use the depth of the encoder. They depend on M alone.", edit={DECODER: '"decoder": ((3 * N) ** 0.25, (12 * N) ** -0.25)'})  # fmt: skip
mistake("The factors 0.81 and 0.87 are exchanged.", edit={ENCODER: '"encoder": (0.87 * mixed, 0.81 / mixed)'})
mistake("The factors 0.81 and 0.87 are missing.", edit={ENCODER: '"encoder": (mixed, 1 / mixed)'})
mistake("Your encoder's β multiplies by (N⁴ M)^(1/16). It divides.", edit={ENCODER: '"encoder": (0.81 * mixed, 0.87 * mixed)'})  # fmt: skip
mistake("You return (β, α). It is (α, β).", edit={ONE: "return {name: ((8 * n) ** -0.25, (2 * n) ** 0.25)}", ENCODER: '"encoder": (0.87 / mixed, 0.81 * mixed)', DECODER: '"decoder": ((12 * M) ** -0.25, (3 * M) ** 0.25)'})  # fmt: skip
mistake("A stack that is not there is in your dict.", edit={ONE: 'other = "decoder" if N else "encoder"\n    return {name: ((2 * n) ** 0.25, (8 * n) ** -0.25), other: (1.0, 1.0)}'})  # fmt: skip
mistake("You call a decoder alone \"encoder\".", edit={WHICH: 'name, n = "encoder", N or M'})
mistake("You round the constants to four digits.", edit={ONE: "return {name: (round((2 * n) ** 0.25, 4), round((8 * n) ** -0.25, 4))}"})  # fmt: skip

# --- the first weights -----------------------------------------------------------------------------------------------

mistake("You draw queries and keys with the gain β too. They get 1: softmax only sees their product.", edit={WITH_ONE: "            " + WITH_BETA + "\n"})  # fmt: skip
mistake("Your values and outputs get the gain 1. They go straight into the stream: β.", edit={'parts & {"ffn", "v_proj", "out_proj"}': 'parts & {"ffn"}', 'parts & {"q_proj", "k_proj"}': 'parts & {"q_proj", "k_proj", "v_proj", "out_proj"}'})  # fmt: skip
mistake("Your `out_proj` gets the gain 1. It gets β.", edit={'{"ffn", "v_proj", "out_proj"}': '{"ffn", "v_proj"}', '{"q_proj", "k_proj"}': '{"q_proj", "k_proj", "out_proj"}'})  # fmt: skip
mistake("Your `ffn` keeps the weights that it had. It is drawn with the gain β.", edit={'{"ffn", "v_proj", "out_proj"}': '{"v_proj", "out_proj"}'})  # fmt: skip
mistake("Your queries and keys keep the weights that they had. They are drawn with the gain 1.", edit={PLAIN: "elif False:"})
mistake("You draw uniform numbers. Xavier's *normal* rule is asked for.", edit={WITH_BETA: "nn.init.xavier_uniform_(parameter, gain=beta)"})  # fmt: skip
mistake("You draw by Kaiming's rule, √(1 / columns). Xavier's has √(2 / (rows + columns)).", edit={WITH_BETA: "nn.init.normal_(parameter, std=beta * parameter.shape[1] ** -0.5)"})  # fmt: skip
mistake("β is your standard deviation. It is the gain: β · √(2 / (rows + columns)).", edit={WITH_BETA: "nn.init.normal_(parameter, std=beta)"})  # fmt: skip
mistake("You multiply by β² instead of β.", edit={WITH_BETA: "nn.init.xavier_normal_(parameter, gain=beta**2)"})
mistake("You divide by β: the weights become larger, not smaller.", edit={WITH_BETA: "nn.init.xavier_normal_(parameter, gain=1 / beta)"})  # fmt: skip
mistake(
    "You multiply the weights that are there by β, as torchscale does after its own first weights. Here they are drawn anew.",
    edit={WITH_BETA: "parameter.data.mul_(beta)"},
)
mistake("You cut off numbers far from 0. They are plain normal numbers.", edit={WITH_BETA: "std = beta * (2 / sum(parameter.shape)) ** 0.5\n            nn.init.trunc_normal_(parameter, std=std, a=-std, b=std)"})  # fmt: skip
mistake("Each part is found anywhere in a name, so `ffn_gate` is drawn too. Compare whole parts between the dots.", edit={SCALED: 'if parameter.ndim == 2 and any(word in name for word in ("ffn", "v_proj", "out_proj")):'})  # fmt: skip
mistake("You look at the last part but one only, so the members of `ffn` are not found.", edit={PARTS: "parts = set(name.split(\".\")[-2:-1])"})  # fmt: skip
mistake("You draw every matrix: embeddings and the output matrix too. They stay as they are.", edit={PLAIN: "elif parameter.ndim == 2:"})  # fmt: skip
mistake("You set the biases to 0. They stay as they are.", edit={SCALED: 'if name.endswith("bias") and parts & {"ffn", "v_proj", "out_proj"}:\n            nn.init.zeros_(parameter)\n        ' + SCALED.replace("if", "elif", 1).replace("elif parameter", "elif parameter")})  # fmt: skip
mistake("You set the norms to 1 and 0. They stay as they are.", edit={LOOP: "for module in m.modules():\n        if isinstance(module, nn.LayerNorm):\n            module.reset_parameters()\n    " + LOOP})  # fmt: skip
mistake("Your seed is always the same, so each call draws the same numbers.", edit={LOOP: "torch = __import__('torch')\n    torch.manual_seed(0)\n    " + LOOP})  # fmt: skip
mistake("You leave out frozen parameters. They are drawn as well.", edit={SCALED: "if not parameter.requires_grad:\n            continue\n        " + SCALED})  # fmt: skip
mistake("Everything requires gradients afterwards. What was frozen stays frozen.", edit={LOOP: "m.requires_grad_()\n    " + LOOP})


@mistake("You put new parameters in the places of the old ones, so an optimizer that holds those trains nothing. Change them in place.")
def deepnorm_init_(m, beta):
    for name, module in list(m.named_modules()):
        parts = set(name.split("."))
        if isinstance(module, nn.Linear) and parts & {"ffn", "v_proj", "out_proj", "q_proj", "k_proj"}:
            gain = beta if parts & {"ffn", "v_proj", "out_proj"} else 1.0
            fresh = nn.init.xavier_normal_(torch.empty_like(module.weight), gain=gain)
            module.weight = nn.Parameter(fresh, requires_grad=module.weight.requires_grad)


@mistake("All matrices of one shape get the same numbers. Each is drawn by itself.")
def deepnorm_init_(m, beta):
    made = {}
    for name, parameter in m.named_parameters():
        parts = set(name.split("."))
        if parameter.ndim == 2 and parts & {"ffn", "v_proj", "out_proj", "q_proj", "k_proj"}:
            gain = beta if parts & {"ffn", "v_proj", "out_proj"} else 1.0
            if parameter.shape not in made:
                made[parameter.shape] = nn.init.xavier_normal_(torch.empty_like(parameter))
            parameter.data.copy_(made[parameter.shape] * gain)


mistake("You draw everything that has two dimensions or more. Matrices have two.", edit={SCALED: SCALED.replace("== 2", ">= 2")})
mistake("You ask for a dot on both sides of a part, so a name that begins with `ffn` is not found.", edit={PARTS: 'parts = set(name.split(".")[1:-1])'})  # fmt: skip
mistake("You return the module. Nothing is returned.", edit={WITH_ONE: WITH_ONE + "    return m\n"})


@mistake("You put the random numbers back to where they were, so a second call draws the same. They are not seeded here, nor put back.")
def deepnorm_init_(m, beta):
    with torch.random.fork_rng():
        for name, parameter in m.named_parameters():
            parts = set(name.split("."))
            if parameter.ndim == 2 and parts & {"ffn", "v_proj", "out_proj", "q_proj", "k_proj"}:
                nn.init.xavier_normal_(parameter, gain=beta if parts & {"ffn", "v_proj", "out_proj"} else 1.0)


# --- the residual ----------------------------------------------------------------------------------------------------

mistake("Your α multiplies what the part gave. It multiplies the stream.", edit={RESIDUAL: "return ln(x + alpha * fx)"})
mistake("Your α multiplies both, so the norm removes it.", edit={RESIDUAL: "return ln(alpha * (x + fx))"})
mistake("You ignore α. That is Post-LN.", edit={RESIDUAL: "return ln(x + fx)"})
mistake("You normalise the stream alone and add afterwards. The norm is the last step.", edit={RESIDUAL: "return ln(alpha * x) + fx"})  # fmt: skip
mistake("You normalise what the part gave. The norm is around the sum.", edit={RESIDUAL: "return alpha * x + ln(fx)"})
mistake("The norm is missing.", edit={RESIDUAL: "return alpha * x + fx"})
mistake("You multiply by α after the norm.", edit={RESIDUAL: "return alpha * ln(x + fx)"})
mistake("You divide the stream by α.", edit={RESIDUAL: "return ln(x / alpha + fx)"})
mistake("You divide the sum by α. Without ε that changes nothing, but ε is there: α multiplies the stream.", edit={RESIDUAL: "return ln(x + fx / alpha)"})  # fmt: skip
mistake("You normalise the stream before it is multiplied, as GLM-130B does with its input. Here x is taken as it is.", edit={RESIDUAL: "return ln(alpha * ln(x) + fx)"})  # fmt: skip
mistake("You cut the gradient of the stream.", edit={RESIDUAL: "return ln(alpha * x.detach() + fx)"})
mistake("You have a layer norm of your own in place of `ln`.", edit={RESIDUAL: "return nn.functional.layer_norm(alpha * x + fx, x.shape[-1:])"})  # fmt: skip
mistake("You multiply x in place. The stream belongs to the caller.", edit={RESIDUAL: "x.data.mul_(alpha)\n    return ln(x + fx)"})
mistake("You change what the part gave in place. It belongs to the caller.", edit={RESIDUAL: "fx.data.add_(alpha * x.data)\n    return ln(fx)"})
mistake("You call `ln` twice, the second time on what it gave. It is called once.", edit={RESIDUAL: "return ln(ln(alpha * x + fx))"})

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("You compare names in small letters, so `FFN` is drawn too. A part must be equal.", edit={PARTS: 'parts = set(name.lower().split("."))'})
mistake("You draw only parameters whose name ends in weight. Every matrix with such a part is drawn.", edit={PARTS: 'parts = set(name.split(".")) if name.endswith("weight") else set()'})  # fmt: skip
mistake("You do not look at the last part of a name. A parameter may itself be called v_proj.", edit={PARTS: 'parts = set(name.split(".")[:-1])'})
mistake("You keep the dict and give it to all callers. One of them may change it: make a new one at each call.", edit={
    "def deepnorm_constants(n_enc": "import functools\n\n\n@functools.cache\ndef deepnorm_constants(n_enc"
})  # fmt: skip
mistake("You cut off numbers farther than three standard deviations from 0. Nothing is cut off.", edit={
    WITH_BETA: "std = beta * (2 / sum(parameter.shape)) ** 0.5\n            nn.init.trunc_normal_(parameter, std=std, a=-3 * std, b=3 * std)"
})  # fmt: skip
