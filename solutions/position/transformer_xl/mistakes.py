"""Wrong ways to write position/transformer_xl, each with the sentence that a student should read."""

from autograder.checks import mistake

SHIFT = "return padded.view(B, H, S + 1, T)[:, :, 1:].reshape(B, H, T, S)"
PAD = "padded = F.pad(x, (1, 0))"
CONTEXT = "context = torch.cat([mem.detach(), h], dim=1)"
ROWS = '(("q", h), ("ke", context), ("v", context))'
DISTANCES = "torch.arange(S - 1, -1, -1, device=h.device)"
VECTORS = 'r = (R @ W["kr"].T).unflatten(-1, (H, D)).transpose(0, 1)'
SCORES = "scores = (q + u[:, None]) @ k.mT + rel_shift((q + v[:, None]) @ r.mT)"
SOFTMAX = "p = (scores * D**-0.5).masked_fill(~visible, -torch.inf).softmax(-1)"
OUT = 'return (p @ value).transpose(1, 2).flatten(2) @ W["o"].T'
BOTH = "both = torch.cat([mem, h], dim=1).detach()"
LAST = "return both[:, max(both.shape[1] - mem_len, 0) :]"

# --- the shift -------------------------------------------------------------------------------------------------------

mistake("You do not shift: column s still belongs to the distance S - 1 - s.", edit={SHIFT: "return x.clone()"})
mistake(
    "Your column of zeros is on the right. It belongs on the left, so that each row is read one place later.",
    edit={PAD: "padded = F.pad(x, (0, 1))"},
)
mistake(
    "You drop the last row instead of the first after the columns were read anew.",
    edit={SHIFT: "return padded.view(B, H, S + 1, T)[:, :, :-1].reshape(B, H, T, S)"},
)
mistake(
    "You shift to the right: the row of the first query moves to the left, by T - 1 places.",
    edit={SHIFT: "return torch.stack([x[:, :, t].roll(T - 1 - t, -1) for t in range(T)], 2)"},
)
mistake(
    "You shift row t by t places. It is T - 1 - t: the last row stays where it is.",
    edit={SHIFT: "return torch.stack([x[:, :, t].roll(-t, -1) for t in range(T)], 2)"},
)
mistake(
    "You turn the columns over instead of shifting them.",
    edit={SHIFT: "return x.flip(-1)"},
)
mistake(
    "You shift each row by one place too many.",
    edit={SHIFT: "return torch.stack([x[:, :, t].roll(t - T, -1) for t in range(T)], 2)"},
)
mistake(
    "You shift by the number of keys, as if S were T: with a memory there are more keys than queries.",
    edit={SHIFT: "return torch.stack([x[:, :, t].roll(t + 1 - S, -1) for t in range(T)], 2)"},
)
mistake(
    "No gradient flows through your shift.",
    edit={PAD: "padded = F.pad(x.detach(), (1, 0))"},
)
mistake(
    "You use `view` on products that need not be contiguous. Use `reshape`.",
    edit={PAD: "padded = F.pad(x.view(B, H, T * S).view(B, H, T, S), (1, 0))"},
    crashes=True,
)

# --- the score -------------------------------------------------------------------------------------------------------

mistake(
    "Your vectors of distances are in ascending order. The first column belongs to the farthest key, at distance S - 1.",
    edit={DISTANCES: "torch.arange(S, device=h.device)"},
)
mistake(
    "Your distances begin at S. The farthest key is S - 1 away, and the query's own position has distance 0.",
    edit={DISTANCES: "torch.arange(S, 0, -1, device=h.device)"},
)
mistake(
    "Your distances end at T, as if there were no memory.",
    edit={DISTANCES: DISTANCES + ".clamp(max=T - 1)"},
)
mistake("Your distances are negative. They count back from the query: i - j.", edit={DISTANCES: "-" + DISTANCES})
mistake("Your distances end at 16.", edit={DISTANCES: DISTANCES + ".clamp(max=16)"})
mistake(
    "You use the keys' absolute positions: the products with distances are not shifted.",
    edit={SCORES: SCORES.replace("rel_shift(", "(")},
)
mistake(
    "You exchange u and v: u belongs to the content, v to the position. (The paper's code calls them r_w_bias and r_r_bias.)",
    edit={SCORES: "scores = (q + v[:, None]) @ k.mT + rel_shift((q + u[:, None]) @ r.mT)"},
)
mistake("You use u in both terms.", edit={SCORES: SCORES.replace("v[:, None]", "u[:, None]")})
mistake("Your position term has no v.", edit={SCORES: SCORES.replace("(q + v[:, None]) @ r.mT", "q @ r.mT")})
mistake("Your content term has no u.", edit={SCORES: SCORES.replace("(q + u[:, None]) @ k.mT", "q @ k.mT")})
mistake("Your score has no position in it.", edit={SCORES: "scores = (q + u[:, None]) @ k.mT"})
mistake(
    "Your position term has v alone. The query is multiplied with the distances as well.",
    edit={SCORES: SCORES.replace("(q + v[:, None]) @ r.mT", "v[:, None].expand_as(q) @ r.mT")},
)
mistake(
    "You shift the content term, too. Its columns are keys already.",
    edit={SCORES: "scores = rel_shift((q + u[:, None]) @ k.mT + (q + v[:, None]) @ r.mT)"},
)
mistake(
    'You multiply the vectors of distances with the weights of the keys. They have weights of their own, W["kr"].',
    edit={VECTORS: VECTORS.replace('"kr"', '"ke"')},
)
mistake(
    "All heads use the first head's vectors of distances.",
    edit={VECTORS: VECTORS + "[:1].expand(H, S, D)"},
)
mistake(
    "Your vectors of distances are cut into heads in the wrong order: row a·D + d belongs to feature d of head a.",
    edit={VECTORS: 'r = (R @ W["kr"].T).unflatten(-1, (D, H)).permute(2, 0, 1)'},
)
mistake(
    "You divide the content term by √D, but not the position term.",
    edit={
        SCORES: SCORES.replace("scores = (q + u[:, None]) @ k.mT", "scores = (q + u[:, None]) @ k.mT * D**-0.5"),
        "scores * D**-0.5": "scores",
    },
)
mistake("Your scores are not divided by √D.", edit={"(scores * D**-0.5)": "scores"})
mistake("You divide by √C. A product sums the D terms of one head.", edit={"(scores * D**-0.5)": "(scores * C**-0.5)"})
mistake(
    "You divide by √D before you add the biases u and v: they are divided as well.",
    edit={SCORES: "q = q * D**-0.5\n    " + SCORES, "(scores * D**-0.5)": "scores"},
)
mistake(
    "Your new tokens see later ones: the mask is missing.",
    edit={".masked_fill(~visible, -torch.inf)": ""},
)
mistake(
    "Your mask begins in the upper left corner, so the memory is hidden from most tokens.",
    edit={".tril(S - T)": ".tril()"},
)
mistake("Your mask shows each token the next one.", edit={".tril(S - T)": ".tril(S - T + 1)"})
mistake("Your mask hides a token from itself.", edit={".tril(S - T)": ".tril(max(S - T - 1, 0))"})
mistake(
    "You multiply with the mask after the softmax: what is left does not sum to 1.",
    edit={SOFTMAX: "p = (scores * D**-0.5).softmax(-1) * visible"},
)
mistake(
    "You lower later keys by 10,000 instead of hiding them. Louder ones are seen.",
    edit={SOFTMAX: "p = (scores * D**-0.5 - 1e4 * ~visible).softmax(-1)"},
)
mistake("Your softmax runs over the queries.", edit={SOFTMAX: SOFTMAX.replace("softmax(-1)", "softmax(-2)")})
mistake(
    "You compute the softmax in float32. For float64 inputs it is float64 here.",
    edit={SOFTMAX: SOFTMAX.replace("softmax(-1)", "float().softmax(-1).to(h.dtype)")},
    fails=["float64_is_exact_to_the_end"],
)
mistake(
    "Your vectors of distances pass through float32.",
    edit={".to(h.dtype)  # the farthest first": ".float().to(h.dtype)  # the farthest first"},
)

# --- the memory ------------------------------------------------------------------------------------------------------

mistake(
    "A gradient flows into the memory. It belongs to a segment that is finished: detach it.",
    edit={CONTEXT: "context = torch.cat([mem, h], dim=1)"},
)
mistake(
    "You detach the new tokens with the memory: keys and values get no gradient from h.",
    edit={CONTEXT: "context = torch.cat([mem, h], dim=1).detach()"},
)
mistake(
    "Your memory stands behind the new tokens. It comes before them.",
    edit={CONTEXT: "context = torch.cat([h, mem.detach()], dim=1)"},
)
mistake("You do not use the memory.", edit={CONTEXT: "context = h"})
mistake(
    "You look at the last token of the memory only.",
    edit={CONTEXT: "context = torch.cat([mem.detach()[:, -1:], h], dim=1)"},
)
mistake(
    "Your queries come from memory and new tokens, and the last T are taken after the softmax over them. Queries come from h alone.",
    edit={ROWS: '(("q", context[:, :T]), ("ke", context), ("v", context))'},
)
mistake(
    "Your values come from the new tokens only, repeated. They come from memory and h together.",
    edit={ROWS: '(("q", h), ("ke", context), ("v", torch.cat([mem.detach() * 0, h], 1)))'},
)
mistake(
    "Your keys and values are exchanged.",
    edit={ROWS: '(("q", h), ("v", context), ("ke", context))'},
)
mistake(
    "The outputs of your heads are interleaved. They stand side by side, in the order of the heads.",
    edit={OUT: 'return (p @ value).permute(0, 2, 3, 1).flatten(2) @ W["o"].T'},
)
mistake(
    'You do not use W["o"] as a Linear\'s weight has it: multiply with its transpose.',
    edit={OUT: OUT.replace('W["o"].T', 'W["o"].reshape(-1, C)')},
)
mistake("You add the input to the output. There is no residual connection here.", edit={OUT: OUT + " + h"})
mistake(
    "Your memory has the first tokens. It keeps the last mem_len.",
    edit={LAST: "return both[:, :mem_len]"},
)
mistake(
    "Your `[-mem_len:]` keeps everything when mem_len is 0.",
    edit={LAST: "return both[:, -mem_len:]"},
)
mistake(
    "Your memory is made of the new tokens alone. Where they are fewer than mem_len, old ones are kept as well.",
    edit={BOTH: "both = h.detach()"},
)
mistake(
    "You keep all tokens. The memory has mem_len of them at most.",
    edit={LAST: "return both"},
)
mistake(
    "Your memory keeps its history: it requires gradients. Detach it, or each segment drags all earlier ones along.",
    edit={BOTH: "both = torch.cat([mem, h], dim=1)"},
)
mistake(
    "Your memory has the new tokens first.",
    edit={BOTH: "both = torch.cat([h, mem], dim=1).detach()"},
)
mistake(
    "With an empty memory you give `h` itself back, so that who changes it changes your memory. Make a copy.",
    edit={BOTH: "if mem.shape[1] == 0 and mem_len >= h.shape[1]:\n        return h.detach()\n    " + BOTH},
)
mistake(
    "You append to the memory whatever fits, but never let old tokens go.",
    edit={LAST: "return both[:, : max(mem_len, mem.shape[1])]"},
)
mistake(
    "You fill a memory that is too short with zeros. It is shorter then.",
    edit={LAST: "return F.pad(both, (0, 0, max(mem_len - both.shape[1], 0), 0))[:, max(both.shape[1] - mem_len, 0) :]"},
)

# --- right on short or plain inputs only -----------------------------------------------------------------------------

mistake(
    "Only the memory's last T tokens are looked at. All M of them are seen.",
    edit={CONTEXT: "context = torch.cat([mem.detach()[:, -h.shape[1] :], h], dim=1)"},
)
mistake(
    "Your biases u and v are averaged over the heads. Each head has its own.",
    edit={SCORES: "u, v = u.mean(0).expand(H, D), v.mean(0).expand(H, D)\n    " + SCORES},
)
mistake(
    'The vectors of distances in your scores are detached: W["kr"] gets no gradient.',
    edit={VECTORS: VECTORS.replace('W["kr"].T', 'W["kr"].detach().T')},
)
mistake(
    "A memory that is empty makes you skip the positions.",
    edit={SCORES: SCORES + "\n    if mem.shape[1] == 0:\n        scores = (q + u[:, None]) @ k.mT"},
)
mistake(
    "You scale the vectors u by √D so that they are not divided. All of the score is divided.",
    edit={SCORES: SCORES.replace("q + u[:, None]", "q + D**0.5 * u[:, None]")},
)


# --- of other kinds --------------------------------------------------------------------------------------------------

mistake(
    "Your distances end at 400, which the paper's code calls `clamp_len`. Here each distance has its own vector.",
    edit={DISTANCES: DISTANCES + ".clamp(max=400)"},
)
mistake(
    "You switch `requires_grad` of the caller's memory off. It stays as it was: use `mem.detach()`.",
    edit={CONTEXT: "mem.requires_grad_(False)\n    " + CONTEXT},
)
mistake(
    "All sequences see the memory of the first one. Each has its own.",
    edit={CONTEXT: "context = torch.cat([mem.detach()[:1].expand(len(h), -1, -1), h], dim=1)"},
)
mistake(
    "Each query sees the same number of keys, as with `same_length` in the paper's code. Here it sees all keys up to itself.",
    edit={SOFTMAX: "visible = visible.triu() if S > T else visible\n    " + SOFTMAX},
)
mistake(
    "You keep a number of your own in the caller's dict W. Leave it as it was.",
    edit={OUT: 'W["seen"] = W["q"]\n    ' + OUT},
)
