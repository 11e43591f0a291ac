"""Wrong ways to write tuning/prefix_tuning, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

PARTS = "parts = flat.unflatten(1, (L, 2, G, -1)).permute(1, 2, 3, 0, 4)  # (L, 2, G, P, D)"
PAIRS = "return [(keys, values) for keys, values in parts]"
NETWORK = "nn.Sequential(nn.Linear(C, proj_hidden), nn.Tanh(), nn.Linear(proj_hidden, width))"
FOLD = "return self.transform(self.embedding.weight).detach().clone()"
BOTH = "k, v = (torch.cat(pair, dim=2).repeat_interleave(group, dim=1) for pair in ((pk, k), (pv, v)))"
SCORES = "scores = q @ k.mT * q.shape[-1] ** -0.5  # (B, H, T, P + S)"
SEEN = "seen = torch.ones(1, 1, T, P + S, dtype=torch.bool, device=q.device)"
PREFIX = "prefix = key_mask.new_ones(len(key_mask), P)"
OUT = "return scores.masked_fill(~seen, -torch.inf).softmax(-1) @ v"
MASK = "mask = torch.cat([mask.new_ones(B, P), mask], dim=1)"
MODEL = "return model(ids, mask=mask, positions=torch.arange(P, P + T, device=ids.device), past=prefix)"

# --- the table -------------------------------------------------------------------------------------------------------

mistake("Your values come first in a row. Of each layer the keys come first.", edit={PAIRS: "return [(keys, values) for values, keys in parts]"})
mistake("Your rows hold the keys of all layers, then the values of all. Keys and values of one layer stand together.", edit={PARTS: "parts = flat.unflatten(1, (2, L, G, -1)).permute(2, 1, 3, 0, 4)"})  # fmt: skip
mistake("Your rows hold head after head, and in them the layers. The layer is outermost.", edit={PARTS: "parts = flat.unflatten(1, (G, L, 2, -1)).permute(2, 3, 1, 0, 4)"})  # fmt: skip
mistake("The numbers of your heads are interleaved: a head's D numbers stand side by side.", edit={PARTS: "parts = flat.unflatten(1, (L, 2, -1, G)).permute(1, 2, 4, 0, 3)"})  # fmt: skip
mistake("No gradient reaches your table: it is detached on the way.", edit={PARTS: PARTS.replace("flat.unflatten", "flat.detach().unflatten")})

# --- what learns -----------------------------------------------------------------------------------------------------

mistake("Your network has no tanh, so its two layers are one.", edit={NETWORK: NETWORK.replace("nn.Tanh()", "nn.Identity()")})
mistake("Your network ends in another tanh, so no key or value is larger than 1.", edit={NETWORK: NETWORK.replace("width))", "width), nn.Tanh())")})
mistake("Your folded table hangs on the parameters: it changes when training goes on, or requires a gradient.", edit={FOLD: "return self.transform(self.embedding.weight).detach()"})  # fmt: skip
mistake("You fold the small table without its network.", edit={FOLD: "return self.embedding.weight.detach().clone()"}, crashes=True)

# --- attention -------------------------------------------------------------------------------------------------------

mistake("Your causal triangle hides the prefix from the first queries. Every query sees all of it.", edit={"seen = seen.tril(P + S - T)": "seen = seen.tril(S - T)"})  # fmt: skip
mistake("Your mask hides the prefix as if it were padding.", edit={PREFIX: "prefix = key_mask.new_zeros(len(key_mask), P)"})
mistake("You append the prefix's columns at the end of the mask.", edit={"torch.cat([prefix, key_mask], dim=1)": "torch.cat([key_mask, prefix], dim=1)"})  # fmt: skip
mistake("Your scores are not scaled by 1/√D.", edit={SCORES: "scores = q @ k.mT"})


@mistake("You add two attentions, one over the prefix and one over the tokens. It is one softmax over both.")
def attention_with_prefix(q, k, v, pk, pv, key_mask=None, causal=True):
    T, S, P = q.shape[2], k.shape[2], pk.shape[2]
    k, v, pk, pv = (each.repeat_interleave(q.shape[1] // each.shape[1], dim=1) for each in (k, v, pk, pv))
    seen = torch.ones(1, 1, T, S, dtype=torch.bool)
    seen = seen.tril(S - T) if causal else seen
    seen = seen if key_mask is None else seen & key_mask[:, None, None]
    scores = (q @ k.mT * q.shape[-1] ** -0.5).masked_fill(~seen, -1e9)
    out = scores.softmax(-1) @ v
    return out + (q @ pk.mT * q.shape[-1] ** -0.5).softmax(-1) @ pv if P else out


mistake("A prefix of zeros is left out. Its scores of 0 still take their share of the softmax.", edit={SEEN: SEEN + "\n    seen = seen & torch.cat([pk.any() | pv.any() | torch.zeros(P, dtype=torch.bool), torch.ones(S, dtype=torch.bool)])"})  # fmt: skip

# --- positions and masks ---------------------------------------------------------------------------------------------

mistake("Your tokens begin at position 0. P positions stand before them.", edit={MODEL: "return model(ids, mask=mask, past=prefix)"})
mistake("Your positions leave out padding. They are P … P + T - 1 for every row.", edit={MODEL: "positions = torch.arange(P, P + T) if mask is None else (mask.long().cumsum(1) - 1).clamp(min=0)[:, P:]\n    return model(ids, mask=mask, positions=positions, past=prefix)"})  # fmt: skip
mistake("Your mask hides the prefix, so it changes nothing.", edit={MASK: MASK.replace("new_ones", "new_zeros")})
mistake("You forget the biases of the network when you count.", edit={"(C + 1) * proj_hidden + (proj_hidden + 1) * width": "C * proj_hidden + proj_hidden * width"})  # fmt: skip

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("Your mask is the wrong way round: it shows padding and hides tokens.", edit={"torch.cat([prefix, key_mask], dim=1)": "torch.cat([prefix, ~key_mask], dim=1)"})  # fmt: skip
mistake("Your triangle begins in the upper left corner: of new tokens, the first one sees only the first key.", edit={"seen = seen.tril(P + S - T)": "seen = seen.tril(P)"})  # fmt: skip
mistake("You count the tokens alone when you look for positions. The prefix takes P of them.", edit={"if model.longest < P + T:": "if model.longest < T:"}, crashes=True)  # fmt: skip
mistake("You ignore C: the small table is always G · D wide.", edit={"C = G * D if C is None else C\n            self.embedding": "C = G * D\n            self.embedding"}, crashes=True)  # fmt: skip
mistake("Your positions begin one too late.", edit={MODEL: MODEL.replace("torch.arange(P, P + T, device=ids.device)", "(torch.arange(P, P + T) + 1).clamp(max=model.longest - 1)")})  # fmt: skip
