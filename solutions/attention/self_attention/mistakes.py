"""Wrong ways to write attention/self_attention, each with the sentence that a student should read."""

from autograder.checks import mistake

SCALE = "(D**-0.5 if scale is None else scale)"
FILL = "scores.masked_fill(~allowed & sees, -torch.inf).softmax(-1)"
CLEAR = "    probs = probs.masked_fill(~allowed, 0.0)\n"
TRIANGLE = "allowed.tril(S - T)"
SPLIT = "projected.view(B, T, self.H, C // self.H).transpose(1, 2)  # (B, H, T, D)"

# --- scores ----------------------------------------------------------------------------------------------------------

mistake(
    "Your scores are not scaled. Multiply q·k by 1/√D, or the softmax saturates as D grows.",
    edit={SCALE: "(1.0 if scale is None else scale)"},
)
mistake(
    "You divide by √(H·D), the width of the model. Each head's products sum D terms, so the scale is 1/√D.",
    edit={SCALE: "((D * q.shape[1]) ** -0.5 if scale is None else scale)"},
)
mistake(
    "Your scale is always 1/√D. When `scale` is given, use that number instead.",
    edit={SCALE: "D**-0.5"},
)
mistake(
    "You take a scale of 0.0 for none. Only None means 1/√D: ask `scale is None`.",
    edit={SCALE: "(scale or D**-0.5)"},
)
mistake(
    "With a mask or the causal triangle you forget the scale that was given.",
    edit={SCALE: "(D**-0.5 if scale is None or causal or mask is not None else scale)"},
)
mistake(
    "Your softmax runs over the queries, so the weights of a *key* sum to 1. Normalise over the keys, the last dimension.",
    edit={".softmax(-1)": ".softmax(-2)"},
)
mistake(
    "Your output is the values weighted by raw scores: the softmax is missing.",
    edit={FILL: "scores"},
)
mistake(
    "No gradient flows through your weights: they are detached. Queries and keys learn through them.",
    edit={"return probs @ v, probs": "return probs.detach() @ v, probs"},
)

# --- masks -----------------------------------------------------------------------------------------------------------

mistake(
    "You clear hidden keys after the softmax, so the weights that are left do not sum to 1. Hide them before: a score of -inf "
    "takes no part in the sum.",
    edit={FILL: "scores.softmax(-1)"},
)
mistake(
    "You set hidden scores to 0 before the softmax. exp(0) is 1, so they take weight from the others: use -inf.",
    edit={FILL: "scores.masked_fill(~allowed, 0.0).softmax(-1)"},
)
mistake(
    "Your mask is upside down: True means that a query may attend to a key.",
    edit={"allowed = allowed & mask": "allowed = allowed & ~mask"},
)
mistake(
    "A query that sees nothing gives nan: a softmax of only -inf is 0/0. Its weights are 0.",
    edit={FILL: "scores.masked_fill(~allowed, -torch.inf).softmax(-1)", CLEAR: ""},
)
mistake(
    "You add -10 000 to hidden scores. A hidden score that is larger than the others by more than that is still seen: "
    "use -inf, and clear what is nan.",
    edit={FILL: "(scores - 1e4 * ~allowed).softmax(-1)", CLEAR: ""},
)
mistake(
    "When a mask is given, your `causal` does nothing. Both must allow a key.",
    edit={"allowed = allowed & mask": "allowed = mask"},
)
mistake(
    "Your mask and the causal triangle are joined by *or*. Both must allow a key.",
    edit={"allowed = allowed & mask": "allowed = (allowed | mask) if causal else allowed & mask"},
)

# --- the triangle ----------------------------------------------------------------------------------------------------

mistake(
    "Your causal triangle begins in the upper left corner. When there are more keys than queries, the last query stands beside "
    "the last key: the triangle ends in the lower right corner.",
    edit={TRIANGLE: "allowed.tril()"},
)
mistake(
    "Your causal mask hides a token from itself. Query t sees the keys up to t + S - T, that one included.",
    edit={TRIANGLE: "allowed.tril(S - T - 1)"},
)
mistake(
    "Your causal mask shows each token the next one. Query t sees the keys up to t + S - T.",
    edit={TRIANGLE: "allowed.tril(S - T + 1)"},
)
# --- the layer -------------------------------------------------------------------------------------------------------

mistake(
    "You split into heads by `view(B, H, T, D)`. That cuts the sequence into pieces and mixes tokens: view as (B, T, H, D) and "
    "swap T and H.",
    edit={SPLIT: "projected.reshape(B, self.H, T, C // self.H)"},
)
mistake(
    "Your heads take every H-th feature: you view as (B, T, D, H). Head h has D features that stand side by side.",
    edit={SPLIT: "projected.view(B, T, C // self.H, self.H).permute(0, 3, 1, 2)"},
)
mistake(
    "You join the heads without swapping T and H back, so the features of different tokens are mixed.",
    edit={"out.transpose(1, 2).reshape(B, T, C)": "out.reshape(B, T, C)"},
)
mistake(
    "The heads' outputs never go through `o_proj`.",
    edit={"return self.o_proj(out.transpose(1, 2).reshape(B, T, C))": "return out.transpose(1, 2).reshape(B, T, C)"},
)
mistake(
    "Your layer scales by 1/√C, the width of the model. Each head has D = C/H features: the scale is 1/√D.",
    edit={"attention(q, k, v, mask, causal)": "attention(q, k, v, mask, causal, C**-0.5)"},
)
mistake(
    "Keys and values are swapped: `k_proj` gives what is compared with the query, `v_proj` what is averaged.",
    edit={"attention(q, k, v, mask, causal)": "attention(q, v, k, mask, causal)"},
)
mistake(
    "Your padding mask hides queries instead of keys. It belongs to the last dimension of the scores: (B, 1, 1, T).",
    edit={"key_padding_mask[:, None, None, :]": "key_padding_mask[:, None, :, None]"},
)
mistake(
    "Your padding mask is upside down: True is a token, as everywhere here. (nn.MultiheadAttention has it the other way.)",
    edit={"key_padding_mask[:, None, None, :]": "~key_padding_mask[:, None, None, :]"},
)
mistake(
    "You set the outputs at padded places to zero. They are computed like all others; padding is hidden as a key only.",
    edit={
        "return self.o_proj(out.transpose(1, 2).reshape(B, T, C))": (
            "y = self.o_proj(out.transpose(1, 2).reshape(B, T, C))\n"
            "        return y if key_padding_mask is None else y * key_padding_mask[..., None]"
        )
    },
)
mistake(
    "Your layer does not use `causal`: every token sees the whole sequence.",
    edit={"attention(q, k, v, mask, causal)": "attention(q, k, v, mask)"},
)
mistake(
    "Your layer is always causal. It is when `causal` says so.",
    edit={"attention(q, k, v, mask, causal)": "attention(q, k, v, mask, True)"},
)


# --- of other kinds --------------------------------------------------------------------------------------------------

mistake(
    "You read a mask of three dimensions as (B, T, S). It is broadcast like everything in torch, from the last dimension on: (H, T, S).",
    edit={
        "    if mask is not None:\n        allowed = allowed & mask": (
            "    if mask is not None:\n        allowed = allowed & (mask[:, None] if mask.ndim == 3 else mask)"
        )
    },
)
mistake(
    "You read a mask of two dimensions as (B, S). It is broadcast like everything in torch, from the last dimension on: (T, S).",
    edit={
        "    if mask is not None:\n        allowed = allowed & mask": (
            "    if mask is not None:\n        allowed = allowed & (mask[:, None, None] if mask.shape == (q.shape[0], S) else mask)"
        )
    },
)
mistake(
    "With a mask you compute in float32. For float64 inputs it is float64 throughout.",
    edit={
        "    if mask is not None:\n        allowed = allowed & mask": (
            "    if mask is not None:\n        scores = scores.float().to(scores.dtype)\n        allowed = allowed & mask"
        )
    },
)
mistake(
    "You use `view` on tensors that need not be contiguous, as when heads were split with `transpose`. Use `reshape`, or no change of "
    "shape at all.",
    edit={"    scores = q @ k.mT *": "    k = k.view(k.numel()).view(k.shape)\n    scores = q @ k.mT *"},
    crashes=True,
)
mistake(
    "A layer's padding hides padded queries too: their outputs are computed like all others.",
    edit={
        "mask = None if key_padding_mask is None else key_padding_mask[:, None, None, :]  # (B, 1, 1, T)": (
            "mask = None if key_padding_mask is None else key_padding_mask[:, None, None, :] & key_padding_mask[:, None, :, None]"
        )
    },
)

mistake(
    "You take padding to stand on the right: the first keys are taken, as many as there are tokens. The mask says which ones.",
    edit={
        "key_padding_mask[:, None, None, :]": (
            "(torch.arange(T, device=x.device) < key_padding_mask.sum(1)[:, None])[:, None, None, :]"
        )
    },
)

mistake(
    "A scale that is given goes through float32. The result is as exact as the dtype of q allows.",
    edit={SCALE: "(D**-0.5 if scale is None else torch.tensor(scale, dtype=torch.float32, device=q.device))"},
)
