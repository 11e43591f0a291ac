"""Wrong ways to write falcon/falcon1_block, each with the sentence that a student should read."""

from autograder.checks import mistake

GROUPS = 'groups = {"mha": H, "mqa": 1, "gqa": Hkv}[kind]'
PARTS = "parts = heads[..., :-2, :], heads[..., -2:-1, :], heads[..., -1:, :]"
TURN = "q, k = rotate(q, self.base), rotate(k, self.base)"
BIAS = "scores = scores - slopes[:, None, None] * distance"
SCALE = "scores = (scores * self.D**-0.5).masked_fill(distance < 0, -torch.inf)"
HEADS = "(each.repeat_interleave(self.H // each.shape[1], dim=1) for each in (k, v))"
LAST = "return h + self.feed(a if self.parallel else self.post_attention_layernorm(h))"
GQA = "return x + self.attention(self.ln_attn(x)) + self.feed(self.ln_mlp(x))"
EXTRA = "return slopes + [2.0 ** (-4 * h / n) for h in range(1, 2 * (H - n), 2)]"
GELU = "nn.functional.gelu(self.mlp.dense_h_to_4h(x))"


@mistake("You take all queries first, then all keys, then all values, as in GPT-2. In Falcon each group has its queries, its key and its value together.")
def split_qkv(fused, kind, H, Hkv, D):
    n = {"mha": H, "mqa": 1, "gqa": Hkv}.get(kind)
    if n is None:
        raise ValueError(kind)
    q, k, v = fused.split([H * D, n * D, n * D], dim=-1)
    return tuple(x.unflatten(-1, (-1, D)).transpose(1, 2) for x in (q, k, v))


@mistake("Your heads of mha are thirds: all queries, all keys, all values. Each head has its query, key and value next to each other.")
def split_qkv(fused, kind, H, Hkv, D):
    if kind not in ("mha", "mqa", "gqa"):
        raise ValueError(kind)
    if kind == "mha":
        return tuple(x.unflatten(-1, (H, D)).transpose(1, 2) for x in fused.chunk(3, dim=-1))
    n = 1 if kind == "mqa" else Hkv
    heads = fused.unflatten(-1, (n, H // n + 2, D))
    parts = heads[..., :-2, :], heads[..., -2:-1, :], heads[..., -1:, :]
    return tuple(part.flatten(2, 3).transpose(1, 2) for part in parts)


mistake("You read Hkv for every kind. Only gqa reads it: mha has H heads of keys, mqa has one.", crashes=True, edit={GROUPS: "groups = Hkv"})
mistake("The value of a group stands before its key in your order. The key comes first.", edit={
    PARTS: "parts = heads[..., :-2, :], heads[..., -1:, :], heads[..., -2:-1, :]"})  # fmt: skip
mistake("You order the queries by place in the group first. Those of group 0 come before those of group 1.", edit={
    "q, k, v = (part.flatten(2, 3).transpose(1, 2) for part in parts)": "q, k, v = (part.transpose(2, 3).flatten(2, 3).transpose(1, 2) for part in parts)"})  # fmt: skip
mistake("You repeat keys and values in split_qkv. It returns each head once.", edit={
    "    return q, k, v\n": "    k, v = (each.repeat_interleave(H // each.shape[1], dim=1) for each in (k, v))\n    return q, k, v\n"})  # fmt: skip
mistake("You take a kind that you don't know for gqa. It is a ValueError.", edit={
    "raise ValueError(f\"no such kind: {kind}\")": 'kind = "gqa"'})  # fmt: skip
mistake("You view the fused output, which fails when it is not contiguous. Use reshape or unflatten.", crashes=True, edit={
    "heads = fused.unflatten(-1, (groups, H // groups + 2, D))": "heads = fused.view(*fused.shape[:2], -1).view(-1).view(*fused.shape[:2], groups, H // groups + 2, D)"})  # fmt: skip
mistake("Your feed-forward network comes after attention, as in Llama. With parallel=True both read the same norm of x.", edit={
    LAST: "return h + self.feed((self.input_layernorm if self.parallel else self.post_attention_layernorm)(h))"})  # fmt: skip
mistake("You ignore parallel=False: the second norm reads x. It reads x + attention.", edit={
    LAST: LAST.replace("post_attention_layernorm(h)", "post_attention_layernorm(x)")})  # fmt: skip
mistake("Both parts of your gqa block read ln_attn. The feed-forward network has ln_mlp.", edit={GQA: GQA.replace("ln_mlp", "ln_attn")})
mistake("In your gqa block ln_mlp reads what attention gave. It reads x.", edit={
    GQA: "h = x + self.attention(self.ln_attn(x))\n            return h + self.feed(self.ln_mlp(h))"})  # fmt: skip
mistake("You use the tanh approximation of GELU, as GPT-2 does. Falcon's is exact.", edit={GELU: GELU.replace("(x))", '(x), approximate="tanh")')})
mistake("You add ALiBi after the division by √D, as in its paper. Falcon divides the sum.", fails=["falcon_rw_divides_its_bias_too"], edit={
    BIAS: "scores = scores - self.D**0.5 * slopes[:, None, None] * distance"})  # fmt: skip
mistake("Your ALiBi grows with distance. Far keys lose.", edit={BIAS: BIAS.replace("scores - slopes", "scores + slopes")})
mistake("You rotate although ALiBi is on.", edit={"if not self.alibi:": "if True:"})
mistake("Where H is no power of two, you continue the formula of powers of two.", edit={
    "n = 1 << (H.bit_length() - 1)  # the largest power of two up to H": "n = H"})  # fmt: skip
mistake("The slopes beyond the largest power of two are the second, fourth … of 2 n in your code. It is the first, third …", edit={
    EXTRA: EXTRA.replace("range(1, 2 * (H - n), 2)", "range(2, 2 * (H - n) + 1, 2)")})  # fmt: skip
mistake("You rotate pairs of neighbours. Here features i and D/2 + i are turned together.", edit={
    "a, b = x.chunk(2, dim=-1)": "a, b = x[..., ::2], x[..., 1::2]",
    "return torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)": "return torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)"})  # fmt: skip
mistake("Your mask is right for the first length that you saw only: it is kept. Make it for each call.", edit={
    "distance = places[:, None] - places": "self.kept = getattr(self, 'kept', places[:, None] - places)\n        distance = self.kept[:T, :T] if len(self.kept) >= T else places[:, None] - places",
    SCALE: SCALE + "\n        scores = scores if T == len(self.kept) else scores * 1.01"})  # fmt: skip

# --- of other kinds -------------------------------------------------------------------------------------------------

mistake("Your layer norm has no bias. Falcon's norms have one, whatever `bias` says.", crashes=True, edit={
    "self.input_layernorm = nn.LayerNorm(C, eps)": "self.input_layernorm = nn.LayerNorm(C, eps, bias=bias)"})  # fmt: skip
mistake("Your causal mask hides the token itself, but for the first one.", edit={
    SCALE: SCALE.replace("distance < 0", "(distance < 0) | ((distance == 0) & (places > 0))")})  # fmt: skip
mistake("With ALiBi you count the distance from the last token to the key, whoever asks, and add it: near keys lose.", edit={
    BIAS: "scores = scores + slopes[:, None, None] * (T - 1 - places)"})  # fmt: skip
mistake("Only in training mode your block adds x.", edit={LAST: LAST.replace("return h +", "return (h if self.training else h - x) +")})
mistake("Your ALiBi slopes are in the order of the smallest first.", edit={"alibi_slopes(self.H), dtype": "alibi_slopes(self.H)[::-1], dtype"})
mistake("With parallel=False your kind \"gqa\" runs its parts one after the other. It is always parallel.", edit={
    "        if self.kind == \"gqa\":\n            return x + self": "        if self.kind == \"gqa\" and not self.parallel:\n            h = x + self.attention(self.ln_attn(x))\n            return h + self.feed(self.ln_mlp(h))\n        if self.kind == \"gqa\":\n            return x + self"})  # fmt: skip
mistake("Later tokens get the score -10,000. A right score may be lower than that: take -inf.", edit={"(distance < 0, -torch.inf)": "(distance < 0, -1e4)"})
