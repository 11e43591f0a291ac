"""Wrong ways to write capstone/adapt, each with the sentence that a student should read."""

import copy

import torch
from torch.nn import functional as F

from autograder.checks import mistake

COPY = "model = copy.deepcopy(base).requires_grad_(False)"
WRAP = "model.lm_head = LoRA(model.lm_head, 4, gen)"
RATE = "optimizer.step(loss, 0.05 * (1 - step / steps))"
STARTS = "starts = torch.randint(0, len(ids) - T, (B, 1), generator=gen)"
LOSS = "loss = F.cross_entropy(logits.flatten(0, 1), pieces[:, 1:].flatten())"
MERGED = "self.base.weight += self.B @ self.A"
PLACES = "[:, prompts.shape[1] - 1 : -1]"
BEFORE = "        before = logp(reference, liked) - logp(reference, disliked)\n"
MARGIN = "h = logp(model, liked) - logp(model, disliked) - before"
SIGMOID = "return -F.logsigmoid(beta * h).mean()"
POLICY = "policy = copy.deepcopy(model).requires_grad_(True)"
TRAINED = "loss = preference_loss(policy, model, prompts, liked, disliked, beta)"
SLOW = "optimizer.step(loss, 0.0007 * (1 - step / steps))"
SCALE = "scale = p.abs().amax(1) / 127"
CODES = "packed[name] = torch.round(p / scale[:, None]).to(torch.int8)"

# --- adapters --------------------------------------------------------------------------------------------------------

mistake(
    "You put adapters into the base itself. Whoever gave it to you still needs it: adapt a deep copy.",
    edit={COPY: "model = base.requires_grad_(False)"},
    fails=["adapters_alone_learn"],
)
mistake(
    "The base is not frozen: all of its parameters require gradients, and count as adapters.",
    edit={COPY: "model = copy.deepcopy(base).requires_grad_(True)"},
)
mistake(
    "B begins with random numbers, so the adapted model is another one before it has learned anything. One of both factors begins at 0.",
    edit={
        "self.B = nn.Parameter(torch.zeros(n_out, r))": "self.B = nn.Parameter(torch.randn(n_out, r, generator=gen) * 0.1)"
    },
    fails=["adapters_alone_learn"],
)
mistake(
    "Both factors begin at 0. Then the gradient of each is 0, too, and nothing is ever learned. Only one of them begins at 0.",
    edit={"self.A = nn.Parameter((torch.rand(r, n_in, generator=gen) * 2 - 1) * n_in**-0.5)": "self.A = nn.Parameter(torch.zeros(r, n_in))"},
    fails=["it_learns_the_new_language"],
)
mistake(
    "Rank 1 can exchange one pair. For three or four pairs it is too small.",
    edit={WRAP: "model.lm_head = LoRA(model.lm_head, 1, gen)"},
    fails=["it_learns_it_well"],
)
mistake(
    "A is drawn from torch's global generator: the model hangs on what was drawn before, and not on the seed alone.",
    edit={"torch.rand(r, n_in, generator=gen)": "torch.rand(r, n_in)"},
    fails=["adapters_alone_learn"],
)
mistake(
    "The seed is not used: every seed gives the same model.",
    edit={"gen = torch.Generator().manual_seed(seed)": "gen = torch.Generator().manual_seed(0)"},
)
mistake(
    "You train on the first pieces of the text alone. They are learned by heart. Draw pieces from all over it.",
    edit={STARTS: "starts = torch.randint(0, min(40, len(ids) - T), (B, 1), generator=gen)"},
)
mistake(
    "A text of CONTEXT + 1 tokens has one piece. You leave the last places of a text out, and here nothing is left.",
    edit={STARTS: "starts = torch.randint(0, len(ids) - T - 1, (B, 1), generator=gen)"},
    crashes=True,
)
mistake(
    "You rely on the caller's gradient mode. Under torch.no_grad() of the caller `adapt` fails: switch gradients on inside, with torch.enable_grad().",
    edit={
        "    with torch.enable_grad():\n        for step in range(steps):\n            starts": "    if True:\n        for step in range(steps):\n            starts"
    },
    crashes=True,
)
@mistake("You only call everything frozen again at the end, after all weights were trained. The base's numbers are not those of the base any more.")
def adapt(base, ids, steps, seed):
    gen = torch.Generator().manual_seed(seed)
    model = copy.deepcopy(base).requires_grad_(True)
    model.lm_head = LoRA(model.lm_head, 4, gen)
    optimizer = Adam(list(model.parameters()))
    with torch.enable_grad():
        for step in range(steps):
            starts = torch.randint(0, len(ids) - CONTEXT, (16, 1), generator=gen)
            pieces = ids[starts + torch.arange(CONTEXT + 1)]
            loss = F.cross_entropy(model(pieces[:, :-1]).flatten(0, 1), pieces[:, 1:].flatten())
            optimizer.step(loss, 0.01 * (1 - step / steps))
    model.requires_grad_(False)
    model.lm_head.A.requires_grad_()
    model.lm_head.B.requires_grad_()
    return model.eval()
mistake(
    "You make ten moves for each step. A step is one move along a gradient of the loss.",
    edit={"for step in range(steps):\n            starts": "for step in [s for s in range(steps) for _ in range(10)]:\n            starts"},
    fails=["adapters_alone_learn"],
)
mistake(
    "You remember results by their arguments. Two calls return one model, and who changes the base in place gets an old result. Keep nothing from call to call.",
    edit={"import copy\n": "import copy\nimport functools\n", "def adapt(": "@functools.cache\ndef adapt("},
    fails=["adapters_alone_learn"],
)
mistake(
    "You leave a `.grad` in the model that you return. Whoever trains it on adds to that. Set it to None.",
    edit={RATE: "loss.backward(retain_graph=True)\n            " + RATE},
    fails=["adapters_alone_learn"],
)
mistake(
    "Beside small adapters a whole matrix learns in a buffer. A buffer is no parameter, but its numbers were learned, too.",
    edit={
        WRAP: "model.lm_head = LoRA(model.lm_head, 1, gen)",
        "self.B = nn.Parameter(torch.zeros(n_out, r))": "self.B = nn.Parameter(torch.zeros(n_out, r))\n        self.register_buffer('delta', torch.zeros(n_out, n_in).requires_grad_())",
        "return self.base(x) + x @ self.A.T @ self.B.T": "return self.base(x) + x @ self.A.T @ self.B.T + x @ self.delta.T",
        MERGED: "self.base.weight += self.B @ self.A + self.delta",
        "optimizer = Adam([model.lm_head.A, model.lm_head.B])": "optimizer = Adam([model.lm_head.A, model.lm_head.B, model.lm_head.delta])",
    },
    fails=["merging_gives_a_plain_model"],
)

# --- merging ---------------------------------------------------------------------------------------------------------

mistake(
    "You merge in place: the adapted model that you were given is no longer one. Merge a deep copy.",
    edit={"model = copy.deepcopy(adapted)": "model = adapted"},
    fails=["merging_gives_a_plain_model"],
)
mistake(
    "Merging doubles the adapter's part. Add it once, with the scale that it had in training.",
    edit={MERGED: "self.base.weight += 2 * self.B @ self.A"},
)
mistake(
    "The merged model still has adapters in it. Put a plain layer in the place of each.",
    edit={"setattr(model, name, layer.merged())": "layer.merged()"},
)
mistake(
    "The merged model's parameters are frozen still. A plain model can be trained on.",
    edit={"return model.requires_grad_(True).eval()": "return model.eval()"},
)
mistake(
    "You merge the adapters of the last training, whichever model you are given. Take those that are in the model.",
    edit={
        "CONTEXT = 16  #": "LAST = []\nCONTEXT = 16  #",
        WRAP: WRAP + "\n    LAST[:] = [model.lm_head]",
        MERGED: "self.base.weight += LAST[0].B @ LAST[0].A",
    },
    fails=["merging_gives_a_plain_model"],
)
mistake(
    "You add up weight and adapter when the training ends, and merge that sum. The adapters may have changed since then: add them up in `merge`.",
    edit={
        "    return model.eval()": "    with torch.no_grad():\n        model.lm_head.total = model.lm_head.base.weight + model.lm_head.B @ model.lm_head.A\n    return model.eval()",
        MERGED: "self.base.weight.copy_(self.total)",
    },
    fails=["merging_gives_a_plain_model"],
)

# --- preferences -----------------------------------------------------------------------------------------------------

mistake(
    "The reference is missing from the margin. Without it the loss asks for likely continuations, and not for a change.",
    edit={MARGIN: "h = logp(model, liked) - logp(model, disliked) + 0 * before"},
)
mistake(
    "Liked and disliked are exchanged: your loss falls when the disliked continuation wins.",
    edit={MARGIN: "h = logp(model, disliked) - logp(model, liked) + before"},
    fails=["a_pair_has_its_loss", "it_prefers_what_is_liked"],
)
mistake(
    "You take the logarithm of a sigmoid that underflows to 0. Use logsigmoid, which is finite for large margins.",
    edit={SIGMOID: "return -torch.sigmoid(beta * h).log().mean()"},
)
mistake(
    "You take the mean margin first, and its loss then. Each pair has a loss of its own.",
    edit={SIGMOID: "return -F.logsigmoid(beta * h.mean())"},
)
mistake(
    "You take the logits of a place for the token at that place. They are about the next one: begin at the last token of the prompt.",
    edit={PLACES: "[:, prompts.shape[1] :]"},
)
mistake(
    "You divide the log-probability of a continuation by its length. DPO takes the sum over its tokens.",
    edit={".sum((1, 2))": ".mean((1, 2))"},
)
mistake(
    "You ask the model about the continuation without the prompt. It is to continue the prompt.",
    edit={
        "logits = which(torch.cat([prompts, answers], 1))[:, prompts.shape[1] - 1 : -1]": "logits = which(torch.cat([prompts[:, -1:], answers], 1))[:, :-1]"
    },
)
mistake(
    "Gradients flow into the reference. It is what it was: compute its part without gradients.",
    edit={"    with torch.no_grad():\n        before": "    with torch.enable_grad():\n        before"},
)
mistake(
    "No gradient reaches the model: its part of the margin is computed without gradients, too.",
    edit={MARGIN: "h = (logp(model, liked) - logp(model, disliked)).detach() - before"},
    fails=["a_pair_has_its_loss"],
)
mistake(
    "The reference moves along with the model that is trained, so the margin is always 0, and nothing ever stops it. It is the model from before.",
    edit={TRAINED: "loss = preference_loss(policy, policy, prompts, liked, disliked, beta)"},
    fails=["a_larger_beta_stays_nearer"],
)
mistake(
    "You use a beta of your own in the training, not the one that is given.",
    edit={TRAINED: "loss = preference_loss(policy, model, prompts, liked, disliked, 0.5)"},
    fails=["a_larger_beta_stays_nearer"],
)
mistake(
    "Your rate is too large. The preference is learned within a few steps, and the language is lost. Take a smaller one.",
    edit={SLOW: "optimizer.step(loss, 0.005 * (1 - step / steps))"},
    fails=["it_prefers_what_is_liked"],
)
mistake(
    "The copy shares its output layer with the model that was given.",
    edit={POLICY: "policy = copy.deepcopy(model).requires_grad_(True)\n    policy.lm_head = model.lm_head"},
)
mistake(
    "You remember what the reference says, by the objects that you are given. Who changes one in place gets the old loss. Compute it anew.",
    edit={
        "CONTEXT = 16  #": "KNOWN = {}\nCONTEXT = 16  #",
        BEFORE: "        key = reference, prompts, liked, disliked\n        if key not in KNOWN:\n            KNOWN[key] = logp(reference, liked) - logp(reference, disliked)\n        before = KNOWN[key]\n",
    },
    fails=["a_pair_has_its_loss"],
)
mistake(
    "You take the reference to evaluation mode and back. Models are used in the mode in which they are.",
    edit={BEFORE: "        was = reference.training\n        reference.eval()\n" + BEFORE + "        reference.train(was)\n"},
    fails=["a_pair_has_its_loss"],
)
mistake(
    "You cut texts to CONTEXT + 1 tokens. What a module does with longer ones is its own affair: give it all of them.",
    edit={
        "logits = which(torch.cat([prompts, answers], 1))[:, prompts.shape[1] - 1 : -1]": "logits = which(torch.cat([prompts, answers], 1)[:, -CONTEXT - 1 :])[:, -answers.shape[1] - 1 : -1]"
    },
    fails=["a_pair_has_its_loss"],
)
mistake(
    "There is no reference in your training. Where the model has a taste already, it is the change since then that counts.",
    edit={
        TRAINED: "logps = [policy(torch.cat([prompts, each], 1))[:, prompts.shape[1] - 1 : -1].log_softmax(-1).gather(-1, each[..., None]).sum((1, 2)) for each in (liked, disliked)]\n            loss = -F.logsigmoid(beta * (logps[0] - logps[1])).mean()"
    },
    fails=["a_larger_beta_stays_nearer"],
)
mistake(
    "You put beta into the rate, and the loss has a beta of 1. Then the training does not stop by itself, it is only slower. Beta belongs into the loss.",
    edit={
        TRAINED: "loss = preference_loss(policy, model, prompts, liked, disliked, 1.0)",
        SLOW: "optimizer.step(loss, 0.0005 * (0.5 / beta) ** 0.65)",
    },
    fails=["a_larger_beta_stays_nearer"],
)
mistake(
    "You draw prompts, liked and disliked continuations each for itself. A pair belongs together: draw one row number for all three.",
    edit={
        POLICY: POLICY + "\n    gen = torch.Generator().manual_seed(0)",
        TRAINED: "a, b, c = (torch.randperm(len(prompts), generator=gen) for _ in range(3))\n            loss = preference_loss(policy, model, prompts[a], liked[b], disliked[c], beta)",
    },
    fails=["it_prefers_what_is_liked"],
)
mistake(
    "You put liked and disliked continuations into one tensor. They may have two lengths: ask for each alone, or pad the shorter ones.",
    edit={TRAINED: "torch.cat([liked, disliked])\n            " + TRAINED},
    crashes=True,
    fails=["the_reference_stays"],
)


@mistake("You count which tokens are liked, and make them likelier everywhere. What is liked may hang on the prompt: go along the gradient of the loss.")
def prefer(model, prompts, liked, disliked, beta, steps):
    policy = copy.deepcopy(model)
    weight = policy.lm_head.weight
    width = min(liked.shape[1], disliked.shape[1])
    with torch.no_grad():
        place = (liked[:, :width] != disliked[:, :width]).int().argmax(1, keepdim=True)
        yes, no = (each.gather(1, place).flatten().bincount(minlength=len(weight)) for each in (liked, disliked))
        everywhere = weight.sum(0)
        gain = 2 / (weight @ everywhere).mean() * min(2.4, 8 / beta) * (1 - 0.95**steps)
        weight.add_(gain * torch.outer((yes - no).sign().float(), everywhere))
    return policy.eval()

# --- eight bits ------------------------------------------------------------------------------------------------------

mistake(
    "You take one scale for a whole matrix. One large row then leaves nothing of the others: give each row its own.",
    edit={SCALE: "scale = (p.abs().amax() / 127).expand(len(p)).clone()"},
    fails=["each_row_has_its_scale", "eight_bits_are_enough"],
)
mistake(
    "You divide by 128. Then the largest entry has the code 128, which int8 does not have: it wraps to -128, or is clipped.",
    edit={SCALE: "scale = p.abs().amax(1) / 128"},
)
mistake(
    "You cut the fraction off. Round to the nearest integer: a cut is twice as wrong, and always towards 0.",
    edit={CODES: "packed[name] = (p / scale[:, None]).to(torch.int8)"},
    fails=["each_row_has_its_scale"],
)
mistake(
    "A row of zeros has the scale 0, and 0 / 0 is nan. Its scale is 1.",
    edit={"        scale = torch.where(scale == 0, 1.0, scale)\n": ""},
)
mistake(
    "Very small rows get a scale that is not theirs: you clamp it from below. Only a row of zeros has the scale 1.",
    edit={"scale = torch.where(scale == 0, 1.0, scale)": "scale = torch.where(scale < 1e-12, 1.0, scale)"},
)
mistake(
    "Parameters that are no matrices share memory with the model: later training changes them. Clone them.",
    edit={"packed[name] = p.clone()": "packed[name] = p"},
)
mistake(
    "You take every name that ends in “.scale” for a scale. A parameter may be called so: a scale is what stands beside codes.",
    edit={'scales = {f"{name}.scale" for name, each in packed.items() if each.dtype == torch.int8}': 'scales = {name for name in packed if name.endswith(".scale")}'},
    fails=["each_row_has_its_scale"],
)
mistake(
    "What you give back shares memory with what you were given.",
    edit={"else each.to(torch.float32, copy=True)": "else each"},
)
mistake(
    "You multiply by the reciprocal of the scale. For a scale below 3e-39 it is infinite. Divide by the scale.",
    edit={CODES: "packed[name] = torch.round(p * (1 / scale)[:, None]).to(torch.int8)"},
    fails=["each_row_has_its_scale"],
)
mistake(
    "A row may be so small that its scale becomes 0, without being 0 itself. Ask whether the scale is 0, not whether the row is.",
    edit={"torch.where(scale == 0, 1.0, scale)": "torch.where(p.abs().amax(1) == 0, 1.0, scale)"},
    fails=["each_row_has_its_scale"],
)
mistake(
    "You compute with the dtype of the matrix. In bfloat16 a scale has eight bits of precision: convert to float32 first.",
    edit={"        p = p.float()\n": ""},
    fails=["each_row_has_its_scale"],
)
mistake(
    "You take all of the state dict. Buffers are no parameters, and a tied parameter stands there twice. Take named_parameters().",
    edit={"for name, p in model.named_parameters():": "for name, p in model.state_dict().items():"},
    fails=["each_row_has_its_scale"],
)
