"""Wrong ways to write mistral/sliding_window_cache, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

MASK = "return (j > i - W) & (j <= i)"
IJ = "i, j = torch.arange(S - T, S)[:, None], torch.arange(S)"
FIELD = "return L * (W - 1) + 1"
POS = "pos = pos[-W:]"
SLOTS = "slots = pos % W"
KEYS = "self.k[:, :, slots] = k[:, :, -W:].detach().to(self.k.dtype)"
VALUES = "self.v[:, :, slots] = v[:, :, -W:].detach().to(self.v.dtype)"
GET = "return self.k[:, :, used], self.v[:, :, used], self.positions[used]"
USED = "used = self.positions >= 0"
ASK = "old_k, old_v, old = cache.get()\n    cache.append(k, v, pos)\n"
VISIBLE = "visible = (j > pos[:, None] - W) & (j <= pos[:, None])  # (t, n + t)"
JOIN = "k, v, j = torch.cat([old_k, k], dim=2), torch.cat([old_v, v], dim=2), torch.cat([old, pos])"
GROUPS = "groups = q.unflatten(1, (k.shape[1], -1))  # (B, G, H/G, t, D): the heads of a group share keys that are not copied"
PIECES = "pieces = [step(*piece) for piece in zip(ids.split(chunk, dim=1), positions.split(chunk), strict=True)]"

# --- masks and sizes -------------------------------------------------------------------------------------------------

mistake("Your window is not causal: it reaches as far to the right as to the left.", edit={MASK: "return (j > i - W) & (j < i + W)"})
mistake("Your mask begins in the upper left corner. The T queries are the last of the S tokens.", edit={IJ: IJ.replace("torch.arange(S - T, S)", "torch.arange(T)")})
mistake("Your mask is True where a query may not attend. True means that it may.", edit={MASK: "return (j <= i - W) | (j > i)"})
mistake("You count W new tokens in each layer. A token sees W - 1 others: the window includes itself.", edit={FIELD: "return L * W"})

# --- the ring --------------------------------------------------------------------------------------------------------

mistake("When a chunk is longer than the window you keep its first W tokens. The newest are its last.",
        edit={POS: "pos = pos[:W]", KEYS: KEYS.replace("-W:", ":W"), VALUES: VALUES.replace("-W:", ":W")})  # fmt: skip
mistake("Your slots begin at 0 in each call. Position p goes into the slot p mod W.", edit={SLOTS: "slots = torch.arange(len(pos))"})
mistake("You say that your cache is full before it is: slots that nobody has written are returned too.", edit={USED: "used = self.positions >= -1"})
mistake("Your positions are the numbers of the slots. Say which position each slot holds.",
        edit={GET: "return self.k[:, :, used], self.v[:, :, used], torch.arange(len(used))[used]"})  # fmt: skip
mistake("You give positions in order, and keys in the order of the slots. All three have the same order.",
        edit={GET: GET.replace("self.positions[used]", "self.positions[used].sort()[0]")})  # fmt: skip
mistake("You hand out the memory itself when the cache is full, and the next token is written into it. What was returned stays as it is.",
        edit={GET: "if used.all():\n            return self.k, self.v, self.positions\n        " + GET})  # fmt: skip
mistake("You count the filled slots from the newest position, as if every sequence began at position 0.",
        edit={USED: "used = torch.arange(len(self.positions)) <= self.positions.max()"})  # fmt: skip


@mistake("Your cache keeps all tokens and gives back the newest. Its memory grows without end; the room is for W tokens.", fails=["memory_does_not_grow"])
class RollingCache:
    def __init__(self, B, G, W, D, dtype=torch.float32):
        self.W, self.k, self.v, self.p = W, [torch.zeros(B, G, 0, D, dtype=dtype)], [torch.zeros(B, G, 0, D, dtype=dtype)], [torch.arange(0)]

    def append(self, k, v, pos):
        self.k.append(k.detach().to(self.k[0].dtype).clone())
        self.v.append(v.detach().to(self.v[0].dtype).clone())
        self.p.append(pos.clone())

    def get(self):
        return tuple(torch.cat(x, dim)[(slice(None),) * dim + (slice(-self.W, None),)] for x, dim in ((self.k, 2), (self.v, 2), (self.p, 0)))


# --- attention -------------------------------------------------------------------------------------------------------

mistake("You put new tokens into the cache before you ask it. The first token of a chunk then misses old tokens that it should still see. Ask first.",
        edit={ASK: "cache.append(k, v, pos)\n    old_k, old_v, old = cache.get()\n    keep = old < pos[0]\n"
                   "    old_k, old_v, old = old_k[:, :, keep][:, :, : max(0, W - len(pos))], old_v[:, :, keep][:, :, : max(0, W - len(pos))], old[keep][: max(0, W - len(pos))]\n"})  # fmt: skip
mistake("Your chunk does not see the cache, only itself.",
        edit={JOIN: "j = pos"})  # fmt: skip
mistake("You take the places in the joined tensor for positions. A cache gives its tokens in any order: compare the positions.",
        edit={JOIN: JOIN.replace("torch.cat([old, pos])", "torch.arange(len(old) + len(pos)) + pos[0] - len(old)")})  # fmt: skip
mistake("You rely on the cache to forget what is too old. Within a chunk some of the old tokens are in reach of the first new token and not of the last.",
        edit={VISIBLE: "visible = j <= pos[:, None]"})  # fmt: skip
mistake("New tokens of a chunk see later ones.", edit={VISIBLE: "visible = j > pos[:, None] - W"})
mistake("Query heads that share a key head are neighbours. Yours are H / G apart.",
        edit={GROUPS: "groups = q.unflatten(1, (-1, k.shape[1])).transpose(1, 2)", "return (weights @ v[:, :, None]).flatten(1, 2)": "return (weights @ v[:, :, None]).transpose(1, 2).flatten(1, 2)"})  # fmt: skip
mistake("No gradient reaches your new keys and values: you take them back out of the cache, or detach them.", edit={ASK: ASK + "    k, v = k.detach(), v.detach()\n"})

# --- prompts in chunks -----------------------------------------------------------------------------------------------

mistake("Positions begin at 0 in each of your chunks. They go on.",
        edit={PIECES: "pieces = [step(piece, positions[: piece.shape[1]]) for piece in ids.split(chunk, dim=1)]"})  # fmt: skip

# --- of other kinds ---------------------------------------------------------------------------------------------------

mistake("Your chunks have nearly equal lengths. All have `chunk` tokens, and only the last one may have fewer.",
        edit={PIECES: "n = -(-ids.shape[1] // chunk)\n    pieces = [step(*piece) for piece in zip(ids.tensor_split(n, dim=1), positions.tensor_split(n), strict=True)]"})  # fmt: skip
mistake("You begin with an empty ring whenever more than one token comes. Older tokens in the window stay.",
        edit={SLOTS: SLOTS + "\n        if len(pos) > 1:\n            self.positions.fill_(-1)"})  # fmt: skip
mistake("You give the cache the last W tokens of a chunk only. Give it k, v and pos as they are: it knows what to forget.",
        edit={"cache.append(k, v, pos)\n": "cache.append(k[:, :, -W:], v[:, :, -W:], pos[-W:])\n"})  # fmt: skip
mistake("Your cache keeps W - 1 tokens, as one that adds the new token later. It keeps the newest W.",
        edit={GET: "used = used & (self.positions > self.positions.max() - len(used) + 1)\n        " + GET})  # fmt: skip
mistake("You scale by 1/√(H · D), the width of the model. A product sums D terms: the scale is 1/√D.", edit={"q.shape[-1] ** -0.5": "(q.shape[1] * q.shape[-1]) ** -0.5"})

mistake(
    "Positions are kept in the dtype of the cache, which rounds large ones: bfloat16 knows no 257. They are int64.",
    edit={
        "self.positions = torch.full((W,), -1)": "self.positions = torch.full((W,), -1, dtype=dtype)",
        "self.positions[slots] = pos\n": "self.positions[slots] = pos.to(self.positions.dtype)\n",
        "self.v[:, :, used], self.positions[used]": "self.v[:, :, used], self.positions[used].long()",
    },
)

mistake(
    "Outputs of more than two dimensions are joined along the last but one. Tokens are the second dimension, whatever comes behind it.",
    edit={"return torch.cat(pieces, dim=1)": "return torch.cat(pieces, dim=-2 if pieces[0].dim() > 3 else 1)"},
)


@mistake(
    "Your cache keeps a slice of all that it was given: what is cut away stays in memory behind it. Copy what is kept.",
    fails=["memory_does_not_grow"],
)
class RollingCache:
    def __init__(self, B, G, W, D, dtype=torch.float32):
        self.W = W
        self.k, self.v = (torch.zeros(B, G, 0, D, dtype=dtype) for _ in "kv")
        self.positions = torch.arange(0)

    def append(self, k, v, pos):
        self.k = torch.cat([self.k, k.detach().to(self.k.dtype)], dim=2)[:, :, -self.W :]
        self.v = torch.cat([self.v, v.detach().to(self.v.dtype)], dim=2)[:, :, -self.W :]
        self.positions = torch.cat([self.positions, pos])[-self.W :]

    def get(self):
        return self.k.clone(), self.v.clone(), self.positions.clone()
mistake(
    "You detach k and v before you hand them to the cache. It gets them as they are: whether it keeps their graph is its own affair.",
    edit={"cache.append(k, v, pos)": "cache.append(k.detach(), v.detach(), pos)"},
)
