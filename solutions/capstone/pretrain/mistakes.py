"""Wrong ways to write capstone/pretrain, each with the sentence that a student should read."""

import copy
import random

import torch
from torch import nn

from autograder.checks import mistake

MASK = "torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)"
SCORES = "rope(q) @ rope(k).mT"
MADE = "    with torch.random.fork_rng(devices=[]):\n        torch.manual_seed(seed)\n        return Decoder(vocab)"
BUILT = "    model = build_model(vocab, seed)\n"
STARTS = "starts = torch.randint(0, len(ids) - T, (B, 1), generator=gen)"
LOSS = "cross_entropy(logits.flatten(0, 1), pieces[:, 1:].flatten())"
LR = "optimizer.step(0.015 * decayed * min(1.0, (step + 1) / warmup))"
LAST = "logits = model(torch.tensor([list(prefix[-CONTEXT:])]))[0, -1]"
DRAW = "text.append(int(torch.multinomial(probs, 1, generator=gen)))"
PROBS = "probs = (logits / temperature).softmax(-1)"

# --- the model -------------------------------------------------------------------------------------------------------

mistake(
    "Your model sees the whole sequence: the token that it is to predict, too. Hide later tokens from attention.",
    edit={"scores.masked_fill(hidden, -torch.inf).softmax(-1)": "scores.softmax(-1)"},
    fails=["logits_look_back_only", "it_learns"],
)
mistake(
    "Your mask lets each token see the next one, which is the answer. It sees itself and earlier ones.",
    edit={MASK: MASK.replace("triu(1)", "triu(2)")},
)
mistake(
    "Your model knows no positions, so it can't tell the token four places before from the others. Give attention positions.",
    edit={SCORES: "q @ k.mT"},
    fails=["it_learns", "it_learns_well"],
)
mistake(
    "Your model returns probabilities. What it returns are logits: cross_entropy takes the softmax itself.",
    edit={"return self.head(rms_norm(x, self.norm))": "return self.head(rms_norm(x, self.norm)).softmax(-1)"},
)
mistake(
    "Your model has too many parameters. At most MAX_PARAMETERS are allowed: make it narrower.",
    edit={"C: int = 32": "C: int = 64"},
    fails=["the_seed_makes_the_model"],
)
mistake(
    "You seed torch's global generator and leave it so. Put it back, or fork it.",
    edit={MADE: "    torch.manual_seed(seed)\n    return Decoder(vocab)"},
)
mistake(
    "Every seed gives the same weights. Use the one that is given.",
    edit={MADE: MADE.replace("manual_seed(seed)", "manual_seed(0)")},
)

mistake(
    "You drop the upper bits of the seed, so that two seeds can give the same weights. Use all of it.",
    edit={MADE: MADE.replace("manual_seed(seed)", "manual_seed(seed % 2**31)")},
)
mistake(
    "You take ids modulo 16, so that two tokens can be one to the model. Each of the `vocab` tokens has an embedding of its own.",
    edit={"x = self.embed(ids)": "x = self.embed(ids % 16)"},
)
mistake(
    "Your blocks are in a plain list: trained, but neither counted nor found by parameters(). Use nn.ModuleList.",
    edit={
        "self.blocks = nn.ModuleList(Block(C, H, 2 * C) for _ in range(L))": "self.blocks = [Block(C, H, 2 * C) for _ in range(L)]",
        "AdamW(list(model.parameters()))": "AdamW([*model.parameters(), *(p for b in model.blocks for p in b.parameters())])",
        "model.zero_grad()\n            loss": "for p in optimizer.params:\n                p.grad = None\n            loss",
    },
    fails=["it_learns_step_by_step"],
)
mistake(
    "All your models share one parameter, which is made when the file is read. Each model makes its own.",
    edit={
        "self.norm = nn.Parameter(torch.ones(C))": "self.norm = NORM",
        "class Decoder(": "NORM = nn.Parameter(torch.ones(32))\n\n\nclass Decoder(",
    },
    fails=["only_the_seed_decides"],
)


class Batched(nn.Module):
    """The last four embeddings at once, normed over all tokens of the batch."""

    def __init__(self, V):
        super().__init__()
        self.embed, self.norm = nn.Embedding(V, 32), nn.BatchNorm1d(128)
        self.inside, self.head = nn.Linear(128, 64), nn.Linear(64, V)

    def forward(self, ids):
        x = nn.functional.pad(self.embed(ids), (0, 0, 3, 0)).unfold(1, 4, 1).flatten(2)
        return self.head(self.inside(self.norm(x.mT).mT).tanh())


@mistake(
    "Batch norm lets rows and later tokens look at each other, and its means are no parameters. Norm each token alone.",
    fails=["logits_look_back_only", "it_learns_step_by_step"],
)
def build_model(vocab, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Batched(vocab)


@mistake("Your model is a table of pairs: of what stands further back than one place it sees nothing.")
def build_model(vocab, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Embedding(vocab, vocab)


# --- training --------------------------------------------------------------------------------------------------------

mistake(
    "The targets are the tokens themselves, not the next ones. Shift them by one.",
    edit={LOSS: LOSS.replace("1:]", ":-1]")},
    fails=["it_learns"],
)
mistake(
    "Your learning rate is so small that nothing is learned in 150 steps. Watch the loss, and raise it.",
    edit={LR: LR.replace("0.015", "0.00003")},
)
mistake(
    "Each step sees the first tokens of the text again, and the model learns these by heart. Draw where a piece begins.",
    edit={STARTS: "starts = torch.zeros(B, 1, dtype=torch.int64)"},
)
mistake(
    "Your pieces are two tokens long. A model that was trained on pairs has never seen what comes from further back.",
    edit={"T, B, warmup = CONTEXT, 16, 10": "T, B, warmup = 1, 256, 10"},
)
mistake(
    "Where a piece begins is drawn from torch's global generator. Then each call gives another model: use a generator of your own.",
    edit={STARTS: STARTS.replace(", generator=gen", "")},
)
mistake(
    "You take one step more than is asked for. With steps=0 the model stays as it is.",
    edit={
        "for step in range(steps):": "for step in range(steps + 1):",
        "math.pi * step / steps": "math.pi * step / (steps + 1)",
    },
)
mistake(
    "You begin with another model than build_model(vocab, seed).",
    edit={BUILT: "    model = build_model(vocab, seed + 1)\n"},
)
mistake(
    "You keep trained models, and who asks for the same again gets the same object. Each call gives a model of its own.",
    edit={"import math\n": "import functools\nimport math\n", "def pretrain(": "@functools.cache\ndef pretrain("},
)
mistake(
    "You return the model in training mode. Call eval() at the end.",
    edit={"return model.eval()": "return model.train()"},
)
mistake(
    "Where the caller has switched gradients off, nothing can be trained. Switch them on for your loop.",
    edit={"with torch.enable_grad():": "if True:"},
    crashes=True,
)
mistake(
    "You switch gradients on and leave them on, also for a caller who had switched them off.",
    edit={"    with torch.enable_grad():": "    torch.set_grad_enabled(True)\n    if True:"},
)
mistake(
    "You rotate the text of the caller in place. Leave it as it is.",
    edit={
        "optimizer = AdamW(list(model.parameters()))": "optimizer = AdamW(list(model.parameters()))\n    ids.copy_(ids.roll(1))"
    },
)
mistake(
    "You can't train on a text that is just long enough: the last place where a piece can begin is len(ids) - CONTEXT - 1.",
    edit={STARTS: STARTS.replace("len(ids) - T", "len(ids) - T - 1")},
    crashes=True,
)

mistake(
    "You never set gradients to zero, so each step goes along the sum of all earlier ones.",
    edit={"            model.zero_grad()\n            loss": "            loss"},
    fails=["it_learns"],
)
mistake(
    "You leave the embedding out of the training. Give the optimizer all parameters.",
    edit={"AdamW(list(model.parameters()))": "AdamW([p for p in model.parameters() if p is not model.embed.weight])"},
    fails=["it_learns_step_by_step"],
)
mistake(
    "You take the loss at the last place alone, so that the model learns nothing about short prefixes.",
    edit={
        SCORES: "q @ k.mT",
        "self.norm = nn.Parameter(torch.ones(C))": "self.norm = nn.Parameter(torch.ones(C))\n        self.places = nn.Parameter(torch.randn(CONTEXT, C) * 0.3)",
        "x = self.embed(ids)": "x = self.embed(ids) + self.places[: ids.shape[1]]",
        "B, warmup = CONTEXT, 16, 10": "B, warmup = CONTEXT, 128, 10",
        LOSS: "cross_entropy(logits[:, -1], pieces[:, -1])",
    },
    fails=["it_learns_well"],
)
mistake(
    "Your rate ends after 150 steps and is negative then, so that a longer training unlearns. Let it hang on `steps`.",
    edit={LR: "optimizer.step(0.015 * (1 - step / 150))"},
    fails=["it_learns"],
)
mistake(
    "Your warm-up begins with a rate of 0, so the first step does nothing.",
    edit={LR: LR.replace("(step + 1) / warmup", "step / warmup")},
    fails=["it_learns_step_by_step"],
)
mistake(
    "You take one step less than is asked for.",
    edit={"for step in range(steps):": "for step in range(steps - 1):"},
    fails=["it_learns_step_by_step"],
)
mistake(
    "You seed Python's `random`, which is global as well. Use a generator of your own.",
    edit={
        "import math\n": "import math\nimport random\n",
        "gen = torch.Generator().manual_seed(seed)": "random.seed(seed)",
        STARTS: "starts = torch.tensor([[random.randrange(len(ids) - T)] for _ in range(B)])",
    },
    fails=["only_the_seed_decides"],
)
mistake(
    "You count calls and add the number to the seed. Then no call can be repeated.",
    edit={
        "gen = torch.Generator().manual_seed(seed)": "CALLS.append(seed)\n    gen = torch.Generator().manual_seed(seed + len(CALLS))",
        "class AdamW:": "CALLS = []\n\n\nclass AdamW:",
    },
    fails=["only_the_seed_decides"],
)
mistake(
    "You keep what was trained under the tensor of the text, and don't notice that other tokens are in it now.",
    edit={
        "import math\n": "import copy\nimport functools\nimport math\n",
        "    model = build_model(vocab, seed)\n    gen": "    return copy.deepcopy(kept(ids, vocab, steps, seed))\n\n\n@functools.cache\ndef kept(ids, vocab, steps, seed):\n    model = build_model(vocab, seed)\n    gen",
    },
    fails=["only_the_seed_decides"],
)


class Tables(nn.Module):
    """For each of the last four tokens a table of what follows; `remembered` is a text to count in."""

    def __init__(self, V):
        super().__init__()
        self.tables = nn.Parameter(torch.randn(4, V, V) * 0.02)
        self.register_buffer("remembered", torch.zeros(0, dtype=torch.int64))

    def forward(self, ids):
        tables = self.tables + counted(self.remembered, self.tables.shape[1]) if len(self.remembered) else self.tables
        logits = tables[0][ids]
        for back in range(1, min(4, ids.shape[1])):
            logits = logits + nn.functional.pad(tables[back][ids[:, :-back]], (0, 0, back, 0))
        return logits


def counted(ids, V):
    """What follows each token, in logits, at the distance that tells most: (4, V, V), zeros at the other ones."""
    counts = torch.full((4, V, V), 0.5)
    for back in range(4):
        before, after = ids[: len(ids) - 1 - back], ids[1 + back :]
        counts[back].index_put_((before, after), torch.ones(len(before)), accumulate=True)
    tables = (counts / counts.sum(2, keepdim=True) * V).log()
    best = (counts * tables).sum((1, 2)).argmax()
    return tables * (torch.arange(4) == best)[:, None, None]


COUNTS = "You count what follows at each distance, in one go. Here the model has to find it little by little, by steps along the gradient."
REMEMBERS = "The text itself is in a buffer of your model, and it looks there. All that is learned is in parameters()."


@mistake(COUNTS, fails=["it_learns_step_by_step"])
def build_model(vocab, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Tables(vocab)


@mistake(COUNTS)
def pretrain(ids, vocab, steps, seed):
    model = build_model(vocab, seed)
    if steps:
        with torch.no_grad():
            model.tables += counted(ids, vocab) * (1 - 0.01 / steps)
    return model.eval()


@mistake(REMEMBERS, fails=["it_learns_step_by_step"])
def build_model(vocab, seed):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Tables(vocab)


@mistake(REMEMBERS)
def pretrain(ids, vocab, steps, seed):
    model = build_model(vocab, seed)
    with torch.no_grad():
        model.tables += 0.01 * steps
    if steps:
        model.remembered = ids.clone()
    return model.eval()


# --- the next token --------------------------------------------------------------------------------------------------

mistake(
    "You ask the model in training mode, so dropout makes the logits random. Call eval() first.",
    edit={"    model.eval()\n    with": "    with"},
)


@mistake(
    "You go on training when you are asked: the prefix is not there to learn from. Leave the parameters as they are."
)
def next_logits(model, prefix):
    if not len(prefix):
        raise ValueError("the prefix is empty")
    ids, mode = torch.tensor([list(prefix[-16:])]), model.training
    model.eval()
    wanted = [p for p in model.parameters() if p.requires_grad]
    with torch.enable_grad():
        if len(prefix) > 1 and wanted:
            loss = nn.functional.cross_entropy(model(ids[:, :-1])[0], ids[0, 1:])
            for p, g in zip(wanted, torch.autograd.grad(loss, wanted, allow_unused=True), strict=True):
                if g is not None:
                    p.data.sub_(0.01 * g)
    with torch.no_grad():
        logits = model(ids)[0, -1]
    model.train(mode)
    return logits


mistake(
    "You leave the model in evaluation mode. Put it back into the mode in which it was.",
    edit={"    model.train(mode)\n": ""},
)
mistake(
    "Of a long prefix you use the first tokens. The last CONTEXT ones count.",
    edit={LAST: LAST.replace("prefix[-CONTEXT:]", "prefix[:CONTEXT]")},
)
mistake(
    "You give the model a prefix longer than CONTEXT. It was not trained on that many: cut it.",
    edit={LAST: LAST.replace("prefix[-CONTEXT:]", "prefix")},
)
mistake(
    "You return the logits after the first token. Those after the last one are about what comes next.",
    edit={LAST: LAST.replace("[0, -1]", "[0, 0]")},
)
mistake(
    "You return the logits as (1, V). The result has one dimension.",
    edit={LAST: LAST.replace("[0, -1]", "[:, -1]")},
)
mistake(
    "A gradient hangs on your logits. Nobody will go back through them: compute under no_grad.",
    edit={"with torch.no_grad():\n        logits": "with torch.enable_grad():\n        logits"},
)
mistake(
    "You ask with ids in int32. They are int64.",
    edit={LAST: LAST.replace("(prefix[-CONTEXT:])]", "(prefix[-CONTEXT:])], dtype=torch.int32")},
)
mistake(
    "You take an empty prefix for a token 0. It is a ValueError.",
    edit={'        raise ValueError("the prefix is empty")': "        prefix = [0]"},
)

mistake(
    "You cut the caller's prefix. Leave it as it is, and take a slice.",
    edit={LAST: "del prefix[:-CONTEXT]\n        " + LAST},
    fails=["next_logits_sees_the_last_tokens"],
)


@mistake(
    "A copy of your model learns from the prefix while it is asked. What it says hangs on the last CONTEXT tokens alone.",
    fails=["logits_look_back_only"],
)
def next_logits(model, prefix):
    if not len(prefix):
        raise ValueError("the prefix is empty")
    ids, mode = torch.tensor([list(prefix)]), model.training
    if hasattr(model, "blocks") and len(prefix) > CONTEXT:
        model = copy.deepcopy(model)
        with torch.enable_grad():
            pieces = ids[0].unfold(0, CONTEXT + 1, 1)
            loss = nn.functional.cross_entropy(model(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten())
            for p, g in zip(model.parameters(), torch.autograd.grad(loss, [*model.parameters()]), strict=True):
                p.data.sub_(0.05 * g)
    model.eval()
    with torch.no_grad():
        logits = model(ids[:, -CONTEXT:])[0, -1]
    model.train(mode)
    return logits


mistake(
    "Your own model sees more than CONTEXT tokens. It gets the last CONTEXT ones, as every model does.",
    edit={LAST: LAST.replace("-CONTEXT:", "-(4 * CONTEXT if hasattr(model, 'blocks') else CONTEXT) :")},
    fails=["logits_look_back_only"],
)

# --- writing ---------------------------------------------------------------------------------------------------------

mistake(
    "You return the prompt as well. The result is the new tokens.",
    edit={"return text[len(prompt) :]": "return text"},
)
mistake(
    "You append to the caller's prompt. Copy it first.",
    edit={"text = list(prompt)": "text, prompt = prompt, list(prompt)"},
)
mistake(
    "You multiply by the temperature. Logits are divided by it.",
    edit={PROBS: PROBS.replace("/", "*")},
)
mistake(
    "You divide probabilities by the temperature, which changes nothing when they are made to sum to 1. Divide the logits.",
    edit={PROBS: "probs = logits.softmax(-1) / temperature"},
)
mistake(
    "You leave the temperature out, but for 0.",
    edit={PROBS: "probs = logits.softmax(-1)"},
)
mistake(
    "You take the likeliest token each time. Draw.",
    edit={DRAW: "text.append(int(probs.argmax()))"},
)
mistake(
    "You draw from the three likeliest tokens alone. Each token is drawn as often as the softmax says.",
    edit={PROBS: PROBS + "\n            probs = probs * (probs >= probs.topk(min(3, len(probs))).values[-1])"},
)
mistake(
    "You draw from the likeliest tokens that have 95 % together. Each token can come, the others too.",
    edit={
        PROBS: PROBS
        + "\n            sums, order = probs.sort(descending=True)\n            probs[order[sums.cumsum(0) - sums >= 0.95]] = 0"
    },
)
mistake(
    "You take exp of the logits without their maximum, so large ones are infinite. Use softmax.",
    edit={PROBS: "probs = (logits / temperature).exp()"},
    crashes=True,
)
mistake(
    "You raise a small temperature to 0.1.",
    edit={PROBS: PROBS.replace("/ temperature", "/ max(temperature, 0.1)")},
)
mistake(
    "Once the text is longer than CONTEXT you begin a new one. The last CONTEXT tokens count.",
    edit={
        "logits = next_logits(model, text)": "new = len(text) > CONTEXT and hasattr(model, 'blocks')\n        logits = next_logits(model, text[(len(text) - 1) // CONTEXT * CONTEXT :] if new else text)"
    },
    fails=["it_writes_on"],
)
mistake(
    "You draw from torch's global generator. All randomness comes from `gen`.",
    edit={DRAW: DRAW.replace(", generator=gen", "")},
)


@mistake("You draw with Python's random. All randomness comes from `gen`.")
def generate(model, prompt, n, temperature, gen):
    if temperature < 0 or not len(prompt):
        raise ValueError("a temperature of 0 or more, and a prompt")
    text = list(prompt)
    for _ in range(n):
        logits = next_logits(model, text)
        if temperature == 0:
            text.append(int(logits.argmax()))
        else:
            text += random.choices(range(len(logits)), (logits / temperature).softmax(-1).tolist())
    return text[len(prompt) :]


mistake(
    "Each call sets the generator back, so each call writes the same text.",
    edit={"    text = list(prompt)\n": "    text = list(prompt)\n    gen.manual_seed(gen.initial_seed())\n"},
)
mistake(
    "You draw at temperature 0 as well, and throw it away. `gen` stays as it is there.",
    edit={"        if temperature == 0:\n": "        torch.rand(1, generator=gen)\n        if temperature == 0:\n"},
)
mistake(
    "At temperature 0 you take the least likely token.",
    edit={"logits.argmax()": "logits.argmin()"},
)
mistake(
    "Each token is drawn after the prompt alone. It comes after what was written so far, too.",
    edit={"logits = next_logits(model, text)": "logits = next_logits(model, prompt)"},
)
mistake(
    "You go on from the new tokens alone, once there are some. The prompt still counts.",
    edit={"logits = next_logits(model, text)": "logits = next_logits(model, text[len(prompt) :] or text)"},
)
mistake(
    "n is the number of new tokens. You count the prompt in.",
    edit={"for _ in range(n):": "for _ in range(n - len(prompt)):"},
)
mistake(
    "You write at least one token, also where none is asked for.",
    edit={"for _ in range(n):": "for _ in range(max(n, 1)):"},
)
mistake(
    "A negative temperature is not refused: the least likely tokens become the likeliest.",
    edit={'        raise ValueError("the temperature is negative")': "        pass"},
)
mistake(
    "With n = 0 you don't refuse what is wrong. Look at the arguments before anything else.",
    edit={"    if temperature < 0:\n": "    if n == 0:\n        return []\n    if temperature < 0:\n"},
)
mistake(
    "An empty prompt is not refused where nothing is to be written.",
    edit={'    if not len(prompt):\n        raise ValueError("the prompt is empty")\n': ""},
)
