"""Wrong ways to write tuning/prompt_tuning, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

COPY = "start = table.detach()[rows].clone()"
ROWS = 'rows = torch.randint(len(table), (P,)) if init == "vocab" else ids[torch.arange(P) % len(ids)]'
START = "self.weight = nn.Parameter(start)"
CAT = "return torch.cat([prompt, embeds], dim=1)"
MASK = "mask = torch.cat([mask.new_ones(B, P), mask], dim=1)"
LABELS = "labels = torch.cat([labels.new_full((B, P), -100), labels], dim=1)"
LOSS = 'loss = F.cross_entropy(found["logits"][:, :-1].flatten(0, 1), labels[:, 1:].flatten(), ignore_index=-100)'
VOTES = "counts = F.one_hot(votes, logits[0].shape[-1]).sum(0)  # (B, K)"

# --- how a prompt begins ---------------------------------------------------------------------------------------------


@mistake("Your prompt is a view of the table: training it changes the embeddings of the frozen model. Copy the rows.")
class SoftPrompt(torch.nn.Module):
    def __init__(self, P, C, init="random", table=None, ids=None):
        super().__init__()
        if init not in ("random", "vocab", "text") or (init != "random" and (table is None or table.shape[1] != C)):
            raise ValueError(init)
        if init == "text" and (ids is None or len(ids) == 0):
            raise ValueError(init)
        if init == "random":
            start = torch.rand(P, C) - 0.5
        elif init == "vocab":
            start = table.detach()[torch.randint(len(table), (P,))]
        elif P == 1:
            start = table.detach()[int(ids[0])][None]
        else:
            start = table.detach()[ids[torch.arange(P) % len(ids)]]
        self.weight = torch.nn.Parameter(start)

    def forward(self, embeds):
        return torch.cat([self.weight.to(embeds.dtype).expand(len(embeds), -1, -1), embeds], dim=1)


mistake("When the ids run out, you repeat the last one. They are used again from the start.", edit={ROWS: ROWS.replace("torch.arange(P) % len(ids)", "torch.arange(P).clamp(max=len(ids) - 1)")})  # fmt: skip
mistake("Each id of a short text is repeated where it stands (a, a, b, b). The whole text is used again from the start (a, b, a, b).", edit={ROWS: ROWS.replace("torch.arange(P) % len(ids)", "torch.arange(P) * min(len(ids), P) // P")})  # fmt: skip
mistake("Your \"vocab\" takes the first rows of the table. They are drawn at random.", edit={ROWS: ROWS.replace("torch.randint(len(table), (P,))", "torch.arange(P) % len(table)")})  # fmt: skip
mistake("Your random prompt is all zeros, so all its vectors would learn the same.", edit={"torch.rand(P, C) - 0.5": "torch.zeros(P, C)"})
mistake("You seed torch's random numbers, so every prompt begins alike.", edit={"start = torch.rand(P, C) - 0.5": "start = torch.rand(P, C, generator=torch.Generator().manual_seed(0)) - 0.5"})  # fmt: skip
mistake("Your prompt is float32 whatever the table's dtype is. It has the table's.", edit={COPY: "start = table.detach()[rows].float()"})
mistake("Your table's gradient flows: the copy still hangs on the table.", edit={COPY: "start = table[rows]", START: "self.table = table\n        self.weight = nn.Parameter(start.detach())\n        if init == 'text' and table.requires_grad:\n            self.weight = nn.Parameter(start.detach())\n            self.weight.register_hook(lambda g: table.backward(torch.ones_like(table)))"})  # fmt: skip

# --- what the model is given -----------------------------------------------------------------------------------------

mistake("Your prompt stands behind the tokens. It stands before them.", edit={CAT: "return torch.cat([embeds, prompt], dim=1)"})
mistake("Your mask hides the prompt from the tokens, so it changes nothing.", edit={MASK: MASK.replace("new_ones", "new_zeros")})
mistake("You append the prompt's columns at the end of the mask. They stand at its beginning, like the prompt.", edit={MASK: "mask = torch.cat([mask, mask.new_ones(B, P)], dim=1)"})  # fmt: skip
mistake("You count the prompt's length into the refusal once too much: exactly as many positions as the model has are allowed.", edit={"if model.longest < P + T:": "if model.longest <= P + T:"}, crashes=True)  # fmt: skip
mistake("You compare only the tokens with the model's positions. The prompt needs positions too.", edit={"if model.longest < P + T:": "if model.longest < T:"})  # fmt: skip

# --- what is learned -------------------------------------------------------------------------------------------------

mistake("Your labels do not grow with the prompt: you cut its logits away, and the first token is predicted by nothing.", edit={LOSS: 'loss = F.cross_entropy(found["logits"][:, P:-1].flatten(0, 1), labels[:, P + 1 :].flatten(), ignore_index=-100)'})  # fmt: skip
mistake("Your loss compares logits with the label at their own position. They predict the next one.", edit={LOSS: 'loss = F.cross_entropy(found["logits"].flatten(0, 1), labels.flatten(), ignore_index=-100)'})  # fmt: skip
mistake("The labels of your prompt are 0, so the model is trained to say token 0 there. They are -100.", edit={LABELS: LABELS.replace("-100", "0")})  # fmt: skip
mistake("Your loss is a mean of means: each sequence counts the same. It is one mean over all labels.", edit={LOSS: 'loss = torch.stack([F.cross_entropy(l[:-1], y[1:]) for l, y in zip(found["logits"], labels) if bool((y[1:] != -100).any())]).mean()'})  # fmt: skip
mistake("You divide by the number of positions, not of labels that count.", edit={LOSS: LOSS.replace("ignore_index=-100)", 'ignore_index=-100, reduction="sum") / labels[:, 1:].numel()')})  # fmt: skip

# --- votes -----------------------------------------------------------------------------------------------------------

mistake("You average the numbers of the prompts. Each prompt has one vote, however large its numbers are.", edit={VOTES: "counts = torch.stack(logits).mean(0)"})  # fmt: skip
mistake("In a tie your vote goes to the largest class. It goes to the smallest.", edit={"return counts.argmax(-1)": "return counts.shape[-1] - 1 - counts.flip(-1).argmax(-1)"})  # fmt: skip

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("A float64 prompt makes the embeddings of a float32 model float64. The result has the dtype of the embeddings.", edit={"self.weight.to(embeds.dtype).expand": "self.weight.expand"}, crashes=True)  # fmt: skip
mistake("You count real tokens only when you look for positions. Padding has positions as well.", edit={"if model.longest < P + T:": "if model.longest < P + (T if mask is None else int(mask.sum(1).max())):"})  # fmt: skip
mistake("You leave out labels where the mask says padding. Labels decide what counts, the mask does not.", edit={LABELS: LABELS + "\n        labels = labels.masked_fill(~mask, -100)"})  # fmt: skip
mistake("Your \"vocab\" never takes a row twice, so there are too few rows for a long prompt.", edit={ROWS: ROWS.replace("torch.randint(len(table), (P,))", "torch.randperm(len(table))[:P]")})  # fmt: skip
mistake("In a tie the class wins that an earlier prompt voted for. The smallest class wins.", edit={"return counts.argmax(-1)": "return torch.stack([next(v for v in row if n[v] == n.max()) for row, n in zip(votes.T, counts, strict=True)])"})  # fmt: skip
mistake("The numbers become float32 before the largest one is sought, and some that differ become equal. Compare them as they are.", edit={"each.argmax(-1)": "each.float().argmax(-1)"})
