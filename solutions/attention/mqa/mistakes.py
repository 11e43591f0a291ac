"""Wrong ways to write attention/mqa, each with the sentence that a student should read."""

from autograder.checks import mistake

SPLIT = "q, k, v = self.qkv(x).split([C, self.D, self.D], dim=-1)"
CAT = "k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)  # (B, 1, S + T, D)"
SCORES = "scores = q @ k.mT * self.D**-0.5  # (B, H, T, S + T): the one key head is broadcast over H"
VISIBLE = "visible = torch.ones_like(scores, dtype=torch.bool).tril(k.shape[2] - T)"
RETURN = "return self.o_proj(out.transpose(1, 2).reshape(B, T, C)), (k, v)"
MEAN = "wk, wv = (w.unflatten(0, (H, -1)).mean(0) for w in (wk, wv))  # (H, D, C) -> (D, C)"

# --- the layer -------------------------------------------------------------------------------------------------------

mistake(
    "You take keys and values from the front of the fused output. The C query features come first, then the key, then the value.",
    edit={SPLIT: "k, v, q = self.qkv(x).split([self.D, self.D, C], dim=-1)"},
)
mistake(
    "You take the value before the key. The last D features of the fused output are the value.",
    edit={SPLIT: "q, v, k = self.qkv(x).split([C, self.D, self.D], dim=-1)"},
)
mistake(
    "Your values are the keys: the last D features of the fused output are never used.",
    edit={SPLIT: SPLIT + "\n        v = k"},
)
mistake(
    "You split the queries by `view(B, H, T, D)`, which mixes tokens. View as (B, T, H, D) and swap T and H.",
    edit={"q.view(B, T, self.H, self.D).transpose(1, 2)": "q.reshape(B, self.H, T, self.D)"},
)
mistake(
    "Your query heads take every H-th feature. Head h has D features that stand side by side.",
    edit={"q.view(B, T, self.H, self.D).transpose(1, 2)": "q.view(B, T, self.D, self.H).permute(0, 3, 1, 2)"},
)
mistake(
    "You add up the scores of all heads before the softmax, so all heads have the same weights. Only keys and values are shared: "
    "each query head has weights of its own.",
    edit={SCORES: "scores = (q @ k.mT * self.D**-0.5).sum(1, keepdim=True).expand(-1, self.H, -1, -1)"},
)
mistake(
    "You average the queries over the heads. Only keys and values are shared.",
    edit={SCORES: "scores = q.mean(1, keepdim=True).expand_as(q) @ k.mT * self.D**-0.5"},
)
mistake("Your scores are not scaled by 1/√D.", edit={"q @ k.mT * self.D**-0.5": "q @ k.mT"})
mistake(
    "You scale by 1/√C, the width of the model. A product sums D terms: the scale is 1/√D.",
    edit={"self.D**-0.5": "C**-0.5"},
)
mistake(
    "Your layer is not causal: tokens see later ones.",
    edit={".tril(k.shape[2] - T)": ""},
)
mistake(
    "Your causal mask hides a token from itself.",
    edit={".tril(k.shape[2] - T)": ".tril(k.shape[2] - T - 1)"},
)
mistake(
    "You join the heads without swapping T and H back, so the features of different tokens are mixed.",
    edit={"out.transpose(1, 2).reshape(B, T, C)": "out.reshape(B, T, C)"},
)
mistake(
    "The heads' outputs never go through `o_proj`.",
    edit={RETURN: "return out.transpose(1, 2).reshape(B, T, C), (k, v)"},
)
mistake(
    "No gradient reaches your keys and values: what goes into a cache may be detached by the one who keeps it, not here.",
    edit={"k, v = k.unsqueeze(1), v.unsqueeze(1)": "k, v = k.detach().unsqueeze(1), v.detach().unsqueeze(1)"},
)

# --- the cache -------------------------------------------------------------------------------------------------------

mistake(
    "Your causal triangle begins in the upper left corner. With S old tokens, new token t sees S + t + 1 keys.",
    edit={".tril(k.shape[2] - T)": ".tril()"},
)
mistake(
    "With a cache your layer is not causal any more. One new token may see everything, but of several each sees only the ones up "
    "to itself.",
    edit={".tril(k.shape[2] - T)": ".tril(k.shape[2] - T if cache is None else k.shape[2])"},
)
mistake(
    "Your cache holds a copy for each query head. The point of one shared head is that it is kept once: (B, 1, S + T, D).",
    edit={RETURN: RETURN.replace("(k, v)", "(k.expand(-1, self.H, -1, -1), v.expand(-1, self.H, -1, -1))")},
)
mistake(
    "You return the keys and values of the new tokens only. The next call needs those of all tokens so far.",
    edit={RETURN: RETURN.replace("(k, v)", "(k[:, :, -T:], v[:, :, -T:])")},
)
mistake(
    "You put old keys and values behind the new ones. Old tokens come first.",
    edit={CAT: "k, v = torch.cat([k, cache[0]], dim=2), torch.cat([v, cache[1]], dim=2)"},
)
mistake(
    "New tokens do not see the cache: you put it together for the next call only, and attend to the new ones alone.",
    edit={
        CAT: "pass",
        RETURN: "if cache is not None:\n            k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)\n"
        "        " + RETURN,
    },
)
mistake(
    "You take the values out of the key cache. A cache is (k, v).",
    edit={"torch.cat([cache[1], v], dim=2)": "torch.cat([cache[0], v], dim=2)"},
)
mistake(
    "You return (v, k). The cache is (k, v).",
    edit={RETURN: RETURN.replace("(k, v)", "(v, k)")},
)

# --- bytes and pooling -----------------------------------------------------------------------------------------------

mistake(
    "You count keys or values, not both: the cache has twice as many bytes.",
    edit={"return 2 * B": "return B"},
)
mistake(
    "Your count leaves out the layers: each of the L layers has a cache of its own.",
    edit={"S * L * Hkv": "S * Hkv"},
)
mistake(
    "Your count leaves out the sequences of the batch.",
    edit={"2 * B * S": "2 * S"},
)
mistake(
    "You take the first head for the shared one. It is the mean of all heads.",
    edit={MEAN: "wk, wv = (w.unflatten(0, (H, -1))[0] for w in (wk, wv))"},
)
mistake(
    "You add the heads up instead of averaging them.",
    edit={".mean(0) for": ".sum(0) for"},
)
mistake(
    "You average neighbouring rows, which belong to one head. Row d of the result is the mean of row d of *each* head: the rows "
    "h·D + d.",
    edit={MEAN: "wk, wv = (w.unflatten(0, (-1, H)).mean(1) for w in (wk, wv))"},
)


# --- state, precision, views -----------------------------------------------------------------------------------------

mistake(
    "Your layer keeps a cache of its own and does not look at the one that is passed. It keeps nothing between calls: another sequence "
    "may come in between.",
    edit={
        CAT: "k, v = torch.cat([self.kept[0], k], dim=2), torch.cat([self.kept[1], v], dim=2)",
        RETURN: "self.kept = k.detach(), v.detach()\n        " + RETURN,
        "        self.H, self.D = H, C // H\n": "        self.H, self.D, self.kept = H, C // H, None\n",
        "if cache is not None:": "if cache is not None and self.kept is not None:",
    },
)
mistake(
    "Your layer goes on with what it saw in the call before, also where no cache is passed. None means that there are no older tokens.",
    edit={
        "        if cache is not None:": "        cache = cache if cache is not None else getattr(self, 'kept', None)\n"
        "        if cache is not None and cache[0].shape[0] == B and cache[0].dtype == k.dtype:",
        RETURN: "self.kept = k.detach(), v.detach()\n        " + RETURN,
    },
)
mistake(
    "Your cache is float32, whatever the dtype of the inputs. For float64 inputs it is float64.",
    edit={RETURN: RETURN.replace("(k, v)", "(k.float().to(x.dtype), v.float().to(x.dtype))")},
)
mistake(
    "You use `view` on weights that need not be contiguous. Use `reshape` or `unflatten`.",
    edit={MEAN: "wk, wv = (w.view(w.numel()).view(H, -1, w.shape[1]).mean(0) for w in (wk, wv))"},
    crashes=True,
)
mistake(
    "Keys and values that you returned change in the next call: you write new tokens into the same memory. What was returned stays as it "
    "is, for a cache may be continued twice.",
    edit={
        CAT: "k, v = torch.cat([cache[0], k], dim=2), torch.cat([cache[1], v], dim=2)\n"
        "            if self.last is not None and self.last[0].shape == cache[0].shape and T > 0:\n"
        "                with torch.no_grad():\n"
        "                    self.last[0].zero_()",
        RETURN: "self.last = (k.data, v.data)\n        " + RETURN,
        "        self.H, self.D = H, C // H\n": "        self.H, self.D, self.last = H, C // H, None\n",
    },
)
