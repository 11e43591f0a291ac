"""Wrong ways to write gpt/gpt3_sizing, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

NORM = "norm = 2 * C"
ATTENTION = "attention = 4 * (C * C + C)"
FORWARD = "feed_forward = (C * 4 * C + 4 * C) + (4 * C * C + C)"
TOTAL = "(V + n_ctx) * C + L * (2 * norm + attention + feed_forward) + norm"
TOKEN = "per_token = L * (4 * C * C + 8 * C * C) + V * C"
PAIRS = "pairs = L * 2 * T * T * C"
FLOPS = "2 * B * (T * per_token + pairs)"
BAND = "mask = mask & (j > i - window)"
LINES = 'lines = [f"{x} => {y}" for x, y in shots[:k]]'
JOIN = '"\\n".join([*lines, f"{query} =>"])'
ASKED = "not 0 <= k <= len(shots)"

# --- parameters ------------------------------------------------------------------------------------------------------

mistake("You leave the biases of attention out: each of the four projections has C of them.", edit={ATTENTION: "attention = 4 * C * C"})
mistake("You leave the biases of the feed-forward network out: 4C and C of them.", edit={FORWARD: "feed_forward = 8 * C * C"})
mistake(
    "The inner layer of your feed-forward network has C biases. It has one for each of its 4C outputs.",
    edit={FORWARD: "feed_forward = (C * 4 * C + C) + (4 * C * C + C)"},
)
mistake("Your layer norms have a weight only. They have a bias, too.", edit={NORM: "norm = C"})
mistake("You count one layer norm in each layer. There are two.", edit={TOTAL: TOTAL.replace("2 * norm", "norm")})
mistake("You forget the layer norm at the end.", edit={TOTAL: TOTAL.removesuffix(" + norm")})
mistake("You put a layer norm at the end of every layer. There is one at the end of the model.", edit={
    TOTAL: "(V + n_ctx) * C + L * (3 * norm + attention + feed_forward)"
})  # fmt: skip
mistake(
    "You count the head as a table of its own. It shares the token embeddings, which count once.",
    edit={TOTAL: TOTAL.replace("(V + n_ctx)", "(2 * V + n_ctx)")},
)
mistake("Your head has a bias of V numbers. It has none.", edit={TOTAL: TOTAL + " + V"})
mistake("You leave the embeddings out. In small models they are a third of all parameters.", edit={TOTAL: "L * (2 * norm + attention + feed_forward) + norm"})
mistake("You forget the position embeddings: n_ctx times C numbers.", edit={TOTAL: TOTAL.replace("(V + n_ctx)", "V")})
mistake("You forget the output projection of attention: queries, keys, values and output are four matrices.", edit={ATTENTION: "attention = 3 * (C * C + C)"})
mistake(
    "Your feed-forward network has three matrices, as Llama's. GPT-3's has two: from C to 4C and back.",
    edit={FORWARD: "feed_forward = 2 * (C * 4 * C + 4 * C) + (4 * C * C + C)"},
)
mistake("You give the rule of thumb, 12·L·C². Count the biases, norms and embeddings, too.", edit={TOTAL: "12 * L * C * C"})
mistake(
    "Your count is a float, and loses its last digits when it is large. Whole numbers of Python are exact.",
    edit={TOTAL: f"int(1.0 * {TOTAL.replace('(V', '(1.0 * V')})"},
)
mistake("Your default is the context of GPT-2. GPT-3 reads 2048 tokens.", edit={"V: int = 50257, n_ctx: int = 2048": "V: int = 50257, n_ctx: int = 1024"})
mistake(
    "You exchange V and n_ctx where only one of them is given.",
    edit={"V: int = 50257, n_ctx: int = 2048": "V: int = 2048, n_ctx: int = 50257"},
)

# --- operations ------------------------------------------------------------------------------------------------------

mistake("You count a multiplication and an addition as one operation. They are two.", edit={FLOPS: "B * (T * per_token + pairs)"})
mistake("You forget attention's products of activations. They grow with T².", edit={PAIRS: "pairs = 0"})
mistake("You count q·kᵀ and forget weights·v, which costs the same.", edit={PAIRS: "pairs = L * T * T * C"})
mistake(
    "You count only the pairs that the causal mask lets through. The products are computed for all T·T pairs.",
    edit={PAIRS: "pairs = L * T * (T + 1) * C"},
)
mistake("You forget the head: V logits at every position.", edit={TOKEN: "per_token = 12 * L * C * C"})
mistake("You count the head once for each layer.", edit={TOKEN: "per_token = L * (12 * C * C + V * C)"})
mistake("You count the head for the last position only. Logits are given at every position.", edit={
    TOKEN: "per_token = L * (12 * C * C)", FLOPS: "2 * B * (T * per_token + pairs + V * C)"
})  # fmt: skip
mistake("You count embeddings as a product, too. They are looked up.", edit={TOKEN: "per_token = L * (12 * C * C) + 2 * V * C"})
mistake("You count 2 FLOPs for every parameter, biases and norms included.", edit={TOKEN: "per_token = L * (12 * C * C + 13 * C) + V * C"})
mistake("You treat the batch as one long text of B·T tokens. Tokens of different texts do not meet.", edit={
    FLOPS: "2 * (B * T * per_token + B * B * pairs)"
})  # fmt: skip
mistake("You forget the batch in attention.", edit={FLOPS: "2 * (B * T * per_token + pairs)"})
mistake("You leave the output projection out.", edit={TOKEN: "per_token = L * (3 * C * C + 8 * C * C) + V * C"})
mistake("You return what training costs, three times as much. This is the forward pass.", edit={FLOPS: "6 * B * (T * per_token + pairs)"})
mistake(
    "You count operations with floats, which lose the last digits of a large count. Whole numbers of Python are exact.",
    edit={FLOPS: "int(2.0 * B * (T * per_token + pairs))"},
)

# --- the budget ------------------------------------------------------------------------------------------------------

mistake("You count the forward pass only: 2·N·T. The backward pass costs twice as much again, in all 6·N·T.", edit={"6.0 * n": "2.0 * n"})
mistake("You count the backward pass like the forward pass: 4·N·T. It has two products for each one, in all 6·N·T.", edit={"6.0 * n": "4.0 * n"})
mistake("You count 8·N·T, as if every activation was computed again. The rule of thumb is 6·N·T.", edit={"6.0 * n": "8.0 * n"})
mistake("Your petaflop/s-day has one hour.", edit={"1e15 * 24 * 60 * 60": "1e15 * 60 * 60"})
mistake("Your petaflop/s-day has 10^12 operations a second. Peta is 10^15.", edit={"1e15 * 24": "1e12 * 24"})
mistake("Your petaflop is 2^50. Here it is 10^15.", edit={"1e15 * 24": "2**50 * 24"})
mistake("You multiply by the seconds of a day. Divide by what is done in a day.", edit={"flops / (1e15 * 24 * 60 * 60)": "flops / 1e15 * 24 * 60 * 60"})
mistake("You round to whole days.", edit={"flops / (1e15 * 24 * 60 * 60)": "float(round(flops / (1e15 * 24 * 60 * 60)))"})

# --- masks -----------------------------------------------------------------------------------------------------------

mistake("Every layer of yours is banded. Dense and banded layers alternate.", edit={"if layer % 2 == 1:": "if True:"})
mistake("Every layer of yours is dense. Dense and banded layers alternate.", edit={"if layer % 2 == 1:": "if False:"})
mistake("Your even layers are banded, your odd ones dense. It is the other way round: layer 0 is dense.", edit={"layer % 2 == 1": "layer % 2 == 0"})
mistake("Only the first layer of yours is dense. They alternate all the way up.", edit={"if layer % 2 == 1:": "if layer > 0:"})
mistake("Your band is one key too wide: the query's own key is one of the `window`.", edit={BAND: "mask = mask & (j >= i - window)"})
mistake("Your band leaves out the query's own key.", edit={BAND: "mask = (j < i) & (j >= i - window)"})
mistake("Your banded layers look ahead as well. No query looks at a later token.", edit={BAND: "mask = (j - i).abs() < window"})
mistake("Your banded layers cut the text into blocks of `window`. The band moves with the query.", edit={BAND: "mask = mask & (j // window == i // window)"})
mistake("Your banded layers look at every `window`-th key, as strided attention does. Take the nearest ones.", edit={BAND: "mask = mask & ((i - j) % window == 0)"})
mistake("Your mask is True where a query may *not* look.", edit={"    return mask\n": "    return ~mask\n"})
mistake("Your mask is transposed: rows are queries, columns are keys.", edit={"    return mask\n": "    return mask.T\n"})
mistake("Your mask holds 0 and -inf. It is a bool tensor.", edit={"    return mask\n": "    return torch.zeros(T, T).masked_fill(~mask, -torch.inf)\n"})
mistake("Your mask has a dimension for the batch. It is (T, T).", edit={"    return mask\n": "    return mask[None]\n"})
mistake("Your dense layers see a later token: query i sees keys 0 … i.", edit={"mask = j <= i": "mask = j <= i + 1"})

_kept = {}


@mistake("You keep masks and give the same tensor to two callers. When one of them changes it, the other one's mask changes.")
def sparse_mask(T, window, layer):
    key = T, window, layer % 2
    if key not in _kept:
        i, j = torch.arange(T)[:, None], torch.arange(T)
        _kept[key] = (j <= i) & (j > i - (window if layer % 2 else T + 1))
    return _kept[key]


# --- prompts ---------------------------------------------------------------------------------------------------------

mistake("A space stands behind your last arrow. The model would have to begin its answer without one.", edit={JOIN: JOIN.replace("=>", "=> ")})
mistake("A line break stands behind your last arrow.", edit={JOIN: JOIN + ' + "\\n"'})
mistake("Your prompt leaves out the last arrow.", edit={JOIN: JOIN.replace(" =>", "")})
mistake("You take the last k shots. Take the first k.", edit={"shots[:k]": "shots[len(shots) - k :]"})
mistake("You show all shots, whatever k is.", edit={"shots[:k]": "shots"})
mistake("Your shots stand behind the query. They come before it.", edit={JOIN: '"\\n".join([*lines[:bool(instruction)], f"{query} =>", *lines[bool(instruction):]])'})
mistake("Your instruction stands behind the shots. It comes first.", edit={"lines.insert(0, instruction)": "lines.append(instruction)"})
mistake(
    "Your instruction stands before every shot. It comes once.",
    edit={"lines.insert(0, instruction)": "lines = [line for shot in lines for line in (instruction, shot)] or [instruction]"},
)
mistake("An empty instruction leaves an empty line in your prompt.", edit={"    if instruction:\n": "    if True:\n"})
mistake("You leave an empty line between examples.", edit={JOIN: JOIN.replace('"\\n"', '"\\n\\n"')})
mistake("You exchange x and y in the examples.", edit={"for x, y in shots": "for y, x in shots"})
mistake("You strip the texts. They are used as they are.", edit={'f"{x} => {y}"': 'f"{x.strip()} => {y.strip()}"'})
mistake("You show equal examples once.", edit={"in shots[:k]": "in dict.fromkeys(shots[:k])"})
mistake("You show as many shots as there are when k is larger. Raise ValueError.", edit={ASKED: "k < 0"})
mistake("You take a negative k for a number from the end. Raise ValueError.", edit={ASKED: "k > len(shots)"})
mistake("You refuse to show all shots. k may be their number.", edit={ASKED: "not 0 <= k < max(1, len(shots))"}, crashes=True)

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("Your attention always costs 2048 keys for each token. It costs as many as the text has.", edit={PAIRS: "pairs = L * 2 * T * 2048 * C"})
mistake(
    "You count the causal mask of each layer as well. Nobody trains it.",
    edit={TOTAL: TOTAL + " + L * n_ctx * n_ctx"},
)
mistake("Your band has half its width, as if the other half were ahead of the query.", edit={BAND: "mask = mask & (j >= i - window // 2)"})
mistake("Your layers change their kind every second time: dense, dense, banded, banded.", edit={"layer % 2 == 1": "layer // 2 % 2 == 1"})
mistake("An instruction of spaces has no line in your prompt. Only an empty one has none.", edit={"    if instruction:\n": "    if instruction.strip():\n"})
mistake("You drop the part of a day.", edit={"flops / (1e15 * 24 * 60 * 60)": "flops // (1e15 * 24 * 60 * 60)"})
