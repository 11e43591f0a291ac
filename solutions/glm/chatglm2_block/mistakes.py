"""Wrong ways to write glm/chatglm2_block, each with the sentence that a student should read."""

from autograder.checks import mistake

FREQS = "freqs = base ** (-torch.arange(0, D, 4, dtype=torch.float64, device=x.device) / D)"
HALVES = "turned, kept = x.chunk(2, dim=-1)"
PAIRS = "a, b = turned[..., ::2], turned[..., 1::2]"
STACK = "turned = torch.stack([a * cos - b * sin, a * sin + b * cos], dim=-1).flatten(-2)"
BACK = "return torch.cat([turned, kept], dim=-1)"
SPLIT = "fused.split(self.sizes, dim=-1)"
SHARE = "part.repeat_interleave(q.shape[1] // part.shape[1], dim=1)"
TURN = "q, k = rotate_half_of(q, pos, self.base), rotate_half_of(k, pos, self.base)"
SCORES = "scores = (q @ k.mT * self.D**-0.5).masked_fill(later, -torch.inf)"
LATER = "later = torch.ones(q.shape[2], q.shape[2], dtype=torch.bool, device=x.device).triu(1)"
RMS = "return x * (x.square().mean(-1, keepdim=True) + self.eps).rsqrt() * self.weight"
ADD = "h = x + self.attention(self.input_layernorm(x), pos)"
MLP = "return h + self.mlp.dense_4h_to_h(gate * gate.sigmoid() * up)"
UP = "gate, up = self.mlp.dense_h_to_4h(self.post_attention_layernorm(h)).chunk(2, dim=-1)"

mistake("You turn all features of a head. Only the first half turns.", edit={
    FREQS: FREQS.replace("0, D, 4", "0, D, 2"), HALVES: "turned, kept = x, x[..., :0]"})  # fmt: skip
mistake("You turn the second half. The first one turns, and the second one stays.", edit={
    HALVES: "kept, turned = x.chunk(2, dim=-1)", BACK: "return torch.cat([kept, turned], dim=-1)"})  # fmt: skip
mistake("You turn features that are apart by half of what turns. Here neighbours are a pair.", edit={
    PAIRS: "a, b = turned.chunk(2, dim=-1)", STACK: "turned = torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)"})  # fmt: skip
mistake("You turn neighbours, but put them back as two halves, as for another order of features.", edit={
    STACK: "turned = torch.cat([a * cos - b * sin, a * sin + b * cos], dim=-1)"})  # fmt: skip
mistake("Your frequencies are those of a whole head: base^(-2i/D). Half of it turns, so it is base^(-4i/D).", edit={
    FREQS: "freqs = base ** (-torch.arange(0, D // 2, 2, dtype=torch.float64, device=x.device) / D)"})  # fmt: skip
mistake("You turn the other way round.", edit={STACK: STACK.replace("a * cos - b * sin, a * sin + b * cos", "a * cos + b * sin, b * cos - a * sin")})
mistake("You cut the fused output into three equal parts. Keys and values have fewer heads.", crashes=True, edit={SPLIT: "fused.chunk(3, dim=-1)"})
mistake("You read the fused output in groups, as Falcon has it: queries, a key, a value.", edit={
    SPLIT: "[part.flatten(-3) for part in fused.unflatten(-1, (self.sizes[1] // self.D, -1, self.D)).split([self.sizes[0] // self.sizes[1], 1, 1], dim=-2)]"})  # fmt: skip
mistake("Queries that are G apart share a key in your code. Neighbours share.", edit={SHARE: "part.repeat(1, q.shape[1] // part.shape[1], 1, 1)"})
mistake("You rotate values too.", edit={TURN: TURN + "\n        v = rotate_half_of(v, pos, self.base)"})
mistake("You scale by the features that turn, √(D/2). It is √D.", edit={SCORES: SCORES.replace("self.D**-0.5", "(self.D / 2) ** -0.5")})
mistake("Your mask compares positions. It goes by the places in x.", edit={LATER: "later = pos.view(-1, q.shape[2])[0] > pos.view(-1, q.shape[2])[0][:, None]"})
mistake("A prefix is seen in both directions, as in the first ChatGLM. The second one is causal.", edit={LATER: LATER + "\n        later[:2, :2] = False"})
mistake("You add what was normalized, not x, as GLM-130B does.", edit={ADD: "x = self.input_layernorm(x)\n        h = x + self.attention(x, pos)"})
mistake("Both parts of your block read x (as in Falcon). The feed-forward network reads the sum.", edit={UP: UP.replace("norm(h)", "norm(x)")})
mistake("silu is on the second half of your fused way up. It is on the first.", edit={MLP: MLP.replace("gate * gate.sigmoid() * up", "gate * up.sigmoid() * up")})
mistake("Gate and way up are taken in turn, feature by feature. They are halves.", edit={
    UP: "both = self.mlp.dense_h_to_4h(self.post_attention_layernorm(h))\n        gate, up = both[..., ::2], both[..., 1::2]"})  # fmt: skip
mistake("Your gate is GELU, as in GLM-130B.", edit={MLP: MLP.replace("gate * gate.sigmoid() * up", "nn.functional.gelu(gate) * up")})
mistake("You write silu as z / (1 + exp(-z)): its gradient is nan where exp overflows.", edit={MLP: MLP.replace("gate * gate.sigmoid() * up", "gate / (1 + torch.exp(-gate)) * up")})  # fmt: skip
mistake("The way out of attention has a bias in your block.", crashes=True, edit={
    "self.self_attention.dense = nn.Linear(H * D, C, bias=False)": "self.self_attention.dense = nn.Linear(H * D, C)"})  # fmt: skip

# --- of other kinds -------------------------------------------------------------------------------------------------

mistake("In evaluation mode your block has no mask.", edit={LATER: LATER + "\n        later = later & self.training"})
mistake("Both of your norms use the weight of the first one.", edit={UP: UP.replace("self.post_attention_layernorm(h)", "self.input_layernorm(h)")})
mistake("You count positions from the first one of a call. They are turned by what is given.", edit={
    "angles = pos[..., None] * freqs": "angles = (pos - pos.min())[..., None] * freqs"})  # fmt: skip
mistake("Your table of angles is as long as the sequence: a position beyond it is taken for the last one.", edit={
    "angles = pos[..., None] * freqs": "angles = pos.clamp(max=31)[..., None] * freqs"})  # fmt: skip
mistake("Your keys have no bias: only queries and values get theirs.", edit={
    TURN: TURN.replace("rotate_half_of(k, pos", "rotate_half_of(k - self.self_attention.query_key_value.bias[self.sizes[0] : sum(self.sizes[:2])].view(-1, 1, self.D), pos")})  # fmt: skip
mistake("Later tokens get the score -10,000. A right score may be lower than that: take -inf.", edit={"masked_fill(later, -torch.inf)": "masked_fill(later, -1e4)"})
