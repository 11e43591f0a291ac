"""Wrong ways to write tuning/p_tuning_v2, each with the sentence that a student should read."""

from autograder.checks import mistake

PREFIX = "self.prefix = shared.prefix if shared is not None else _Prefix(P, len(backbone.layers), C, reparam).to(dtype)"
HEAD = "self.head = nn.Linear(C, n_labels).to(dtype)"
BACKBONE = "self.backbone = backbone.requires_grad_(False)"
PAIRS = "pairs = table.unflatten(1, (-1, 2, H, D)).permute(1, 2, 3, 0, 4)  # (L, 2, H, P, D)"
PAST = "past = [(keys.expand(B, -1, -1, -1), values.expand(B, -1, -1, -1)) for keys, values in pairs]"
MASK = "mask = torch.cat([mask.new_ones(B, P), mask], dim=1)"
POSITIONS = "positions = torch.arange(P, P + T, device=ids.device)"
STATES = "states = self.backbone.hidden(ids, mask=mask, positions=positions, past=past)"
READ = 'return self.head(states[:, 0] if self.task == "cls" else states)'
NETWORK = "nn.Sequential(nn.Linear(C, C), nn.Tanh(), nn.Linear(C, wide))"
PROMPT = "prompt = P * C + (C + 1) * C + (C + 1) * wide if reparam else P * wide"

# --- the prompt ------------------------------------------------------------------------------------------------------

mistake("Only the first layer has a prompt of its own; the others get it too. Each layer has its own.", edit={PAST: PAST + "\n        past = [past[0]] * len(past)"})  # fmt: skip
mistake("Your values come first in a row. Of each layer the keys come first.", edit={PAST: PAST.replace("for keys, values in pairs", "for values, keys in pairs")})  # fmt: skip
mistake("Your rows hold the keys of all layers, then the values of all.", edit={PAIRS: "pairs = table.unflatten(1, (2, -1, H, D)).permute(2, 1, 3, 0, 4)"})  # fmt: skip
mistake("The numbers of your heads are interleaved. Those of one head stand side by side.", edit={PAIRS: "pairs = table.unflatten(1, (-1, 2, D, H)).permute(1, 2, 4, 0, 3)"})  # fmt: skip
mistake("Your layers are in the reverse order: the prompt of the first one goes into the last.", edit={PAST: PAST + "[::-1]"})
mistake("The prompt of your lowest layer is detached. A gradient reaches the prompt of every layer.", edit={PAST: PAST + "\n        past[0] = tuple(part.detach() for part in past[0])"})  # fmt: skip
mistake("Your network has no tanh.", edit={NETWORK: NETWORK.replace("nn.Tanh()", "nn.Identity()")})
mistake("Your network has ReLU in the place of tanh.", edit={NETWORK: NETWORK.replace("nn.Tanh()", "nn.ReLU()")})
mistake("Your prompt stands among the words at the input, in no layer.", edit={STATES: "front = table.view(P, -1, self.backbone.width)[:, 0].expand(B, -1, -1) if P else table.new_zeros(B, 0, self.backbone.width)\n        embeds = torch.cat([front, self.backbone.embed(ids)], 1)\n        states = self.backbone.hidden(embeds=embeds, mask=mask)[:, P:]"})  # fmt: skip
mistake("Your prompt is in no layer: with a mask, or without, it is dropped.", edit={STATES: "states = self.backbone.hidden(ids, mask=None if mask is None else mask[:, P:], positions=positions)"})  # fmt: skip

# --- masks, positions, answers ---------------------------------------------------------------------------------------

mistake("Your mask hides the prompt.", edit={MASK: MASK.replace("new_ones", "new_zeros")})
mistake("The prompt's columns stand at the end of your mask.", edit={MASK: "mask = torch.cat([mask, mask.new_ones(B, P)], dim=1)"})
mistake("Your mask is dropped, so padding is seen.", edit={MASK: "mask = None"})
mistake("Your tokens begin at position 0. P positions stand before them.", edit={POSITIONS: "positions = torch.arange(T)"})
mistake("You read the answer from the last token. It is read from the first.", edit={READ: READ.replace("states[:, 0]", "states[:, -1]")})
mistake("You read the answer from the mean of all states. It is read from the first token.", edit={READ: READ.replace("states[:, 0]", "states.mean(1)")})  # fmt: skip
mistake("Your tags have rows for the prompt as well.", edit={READ: 'return self.head(states[:, 0] if self.task == "cls" else torch.cat([states[:, :1].expand(-1, P, -1), states], 1))'})  # fmt: skip
mistake("You refuse a text that fits exactly.", edit={"if self.backbone.longest < P + T:": "if self.backbone.longest <= P + T:"}, crashes=True)

# --- what learns -----------------------------------------------------------------------------------------------------

mistake("The backbone is not frozen.", edit={BACKBONE: "self.backbone = backbone"})
mistake("You copy the backbone: each task then needs a model of its own.", edit={BACKBONE: "self.backbone = __import__('copy').deepcopy(backbone.requires_grad_(False))"})  # fmt: skip
mistake("You put the backbone into evaluation mode. Modes stay as they are.", edit={BACKBONE: BACKBONE + ".eval()"})
mistake("Your shared prompt is a copy, so each task trains its own.", edit={PREFIX: PREFIX.replace("shared.prefix if", "__import__('copy').deepcopy(shared.prefix) if")})  # fmt: skip
mistake("Your tasks share the head as well.", edit={HEAD: HEAD + "\n        if shared is not None and shared.head.weight.dtype == dtype:\n            self.head = shared.head"})  # fmt: skip
mistake("You count no head.", edit={"return prompt + (C + 1) * n_labels": "return prompt"})
mistake("You count tensors, not the numbers in them.", edit={"every = [(p.numel(), p.requires_grad) for p in model.parameters()]": "every = [(1, p.requires_grad) for p in model.parameters()]"})  # fmt: skip
mistake("With P = 0 any shared prompt is accepted. P has to be that of the shared one.", edit={"(shared.P, shared.reparam) != (P, reparam)": "((P and shared.P != P) or shared.reparam != reparam)"})
mistake("In evaluation mode no gradients reach the prompt. A mode decides about dropout, not about gradients.", edit={"        states = self.backbone.hidden(ids, mask=mask, positions=positions, past=past)\n": "        with torch.set_grad_enabled(self.training and torch.is_grad_enabled()):\n            states = self.backbone.hidden(ids, mask=mask, positions=positions, past=past)\n"})
mistake("In evaluation mode you make the table once and keep it. The network may learn more before the next call.", edit={"        self.P, self.task, self.reparam = P, task, reparam\n": "        self.P, self.task, self.reparam, self.table = P, task, reparam, None\n", "        table = self.prefix()": "        self.table = self.prefix() if self.training or self.table is None else self.table\n        table = self.table"})
mistake("Without positions you count the head alone. With reparam=True there is a network, too.", edit={"    return prompt + (C + 1) * n_labels": "    return prompt * (P > 0) + (C + 1) * n_labels"})
mistake(
    "You look a task up in a text, so that pieces of it pass, even the empty one. There are two tasks, cls and tag.",
    edit={'        if task not in ("cls", "tag"):': '        if task not in "cls, tag":'},
)
