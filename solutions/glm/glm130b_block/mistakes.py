"""Wrong ways to write glm/glm130b_block, each with the sentence that a student should read."""

from autograder.checks import mistake

GATE = "return x1 * F.gelu(x2)"
SHRINK = "return a * e + (1 - a) * e.detach()"
CONSTANTS = "return (2 * n_layers) ** 0.5, (2 * n_layers) ** -0.5"
SPLIT = "self.query_key_value(x).unflatten(-1, (self.H, -1)).transpose(1, 2).chunk(3, dim=-1)  # (B, H, T, D)"
TURN = "q, k = rotate(q, pos), rotate(k, pos)"
OUT = "out = F.scaled_dot_product_attention(q, k, v, attn_mask=mask)"
U = "u = self.alpha * h + self.attn(h, pos, mask)"
Y = "return self.alpha * g + self.mlp(g)"

mistake("Your gelu is the approximation by tanh. The exact one is asked for.", edit={GATE: 'return x1 * F.gelu(x2, approximate="tanh")'})
mistake("Your halves are even and odd features. They are the first and the second half.", edit={"x1, x2 = x.chunk(2, dim=-1)": "x1, x2 = x[..., ::2], x[..., 1::2]"})
mistake("Your function multiplies the values by a as well. Only the gradient shrinks.", edit={SHRINK: "return a * e"})
mistake("Your gradient is multiplied by 1 - a.", edit={SHRINK: "return (1 - a) * e + a * e.detach()"})
mistake("No gradient at all comes through your function.", edit={SHRINK: "return e.detach().clone()"})
mistake("You change e itself: what others compute from e gets the smaller gradient too.", edit={
    SHRINK: "e.register_hook(lambda g: a * g) if e.requires_grad else None\n    return e.clone()"})  # fmt: skip

mistake("Your α is DeepNet's, (2N)^(1/4). GLM-130B has (2N)^(1/2).", edit={CONSTANTS: "return (2 * n_layers) ** 0.25, (2 * n_layers) ** -0.5"})
mistake("Your gain is DeepNet's, (8N)^(-1/4). GLM-130B has (2N)^(-1/2).", edit={CONSTANTS: "return (2 * n_layers) ** 0.5, (8 * n_layers) ** -0.25"})

mistake("You add the stream itself, as Pre-LN does. α times the *normed* stream is added.", edit={
    U: "u = self.alpha * x + self.attn(h, pos, mask)", Y: "return self.alpha * u + self.mlp(g)"})  # fmt: skip
mistake("The second residual of your layer is not normed: it is α g, not α u.", edit={Y: "return self.alpha * u + self.mlp(g)"})
mistake("Your layer multiplies the parts by α. The stream is what counts more.", edit={
    U: "u = h + self.alpha * self.attn(h, pos, mask)", Y: "return g + self.alpha * self.mlp(g)"})  # fmt: skip
mistake("Your layer norms its output, as Post-LN is usually drawn. Here the next layer begins with the norm.", edit={
    Y: "return self.post_attention_layernorm(self.alpha * g + self.mlp(g))"})  # fmt: skip
mistake("Both parts of your layer read the same norm, as in a parallel block. The second one reads what the first one made.", edit={
    "g = self.post_attention_layernorm(u)": "g = self.post_attention_layernorm(h)"})  # fmt: skip
mistake("You turn neighbouring features 2i and 2i+1. Pairs are i and D/2+i here.", edit={
    "a, b = x.chunk(2, dim=-1)": "a, b = x[..., ::2], x[..., 1::2]",
    "torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)": "torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)"})  # fmt: skip
mistake("Values are turned too in your attention.", edit={TURN: "q, k, v = rotate(q, pos), rotate(k, pos), rotate(v, pos)"})
mistake("You count positions from 0 yourself. Take `pos`.", edit={TURN: "pos = torch.arange(x.shape[1]).expand(x.shape[:2])\n        " + TURN})
mistake("All your sequences have the positions of the first one.", edit={TURN: "pos = pos[:1]\n        " + TURN})
mistake("Your mask is turned round: True means that token t looks at token s.", edit={OUT: "out = F.scaled_dot_product_attention(q, k, v, attn_mask=None if mask is None else mask.mT)"})
mistake("Only half of the features are turned in your attention, as in ChatGLM 2. GLM-130B turns all of them.", edit={
    TURN: "half = q.shape[-1] // 4 * 2 or 2\n        q, k = (torch.cat([rotate(each[..., :half], pos), each[..., half:]], -1) for each in (q, k))"})  # fmt: skip
mistake("The heads are interleaved before `dense` in your attention. They stand side by side.", edit={
    "out.transpose(1, 2).flatten(2)": "out.permute(0, 2, 3, 1).flatten(2)"})  # fmt: skip

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("In evaluation mode your layer has no α. A layer computes the same in both modes.", edit={
    U: "alpha = self.alpha if self.training else 1.0\n        u = alpha * h + self.attn(h, pos, mask)", Y: "return alpha * g + self.mlp(g)"})  # fmt: skip
mistake("Your norms have ε = 1e-6. It is 1e-5.", edit={
    "nn.LayerNorm(C), nn.LayerNorm(C)": "nn.LayerNorm(C, eps=1e-6), nn.LayerNorm(C, eps=1e-6)"})  # fmt: skip
mistake("Your frequencies are those of all C features. Each head has its D features for itself.", edit={
    TURN: "q, k = (rotate(each.transpose(1, 2).flatten(2)[:, None], pos)[:, 0].unflatten(-1, (self.H, -1)).transpose(1, 2) for each in (q, k))"})  # fmt: skip
mistake("Where no gradient is needed, your values are multiplied by a. They are the same in any case.", edit={
    SHRINK: "return a * e + (1 - a) * e.detach() if e.requires_grad else a * e"})  # fmt: skip
mistake("Your layer hands the positions on and keeps the mask. Attention needs both.", edit={U: "u = self.alpha * h + self.attn(h, pos, None)"})
mistake("Embeddings that require no gradient come back as they are, and share their memory with the result. The result is a tensor of its own.", edit={"return a * e + (1 - a) * e.detach()": "return a * e + (1 - a) * e.detach() if e.requires_grad else e"})
