"""Wrong ways to write qwen/qwen1_ntk_logn, each with the sentence that a student should read."""

from autograder.checks import mistake

STEPS = "steps = max(0, math.ceil(math.log2(true_len / train_len)))"
BASE = "base = ntk_base(self.base, ntk_alpha(T, self.train_len), D) if long and self.use_ntk else self.base"
SCALE = "q = q * logn_scale(pos, self.train_len).to(q.dtype)[:, None]"
LOGN = "return ((pos.double() + 1).log() / math.log(train_len)).clamp(min=1)"
SPLIT = "q, k, v = (each.unflatten(-1, (self.H, D)).transpose(1, 2) for each in self.c_attn(x).chunk(3, dim=-1))"
MLP = "return (up * gate * gate.sigmoid()) @ c_proj.mT"
TURN = "return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)"

mistake("Your alpha grows with every token. It grows in steps: round the logarithm up.", edit={"math.ceil(math.log2(true_len / train_len))": "math.log2(true_len / train_len)"})
mistake("You round the logarithm down. Round it up, so that a text one token longer gets the next step.", edit={"math.ceil(": "math.floor("})
mistake("You take 2 to the steps. It is 2 to the steps plus 1, minus 1.", edit={"2.0 ** (steps + 1) - 1": "2.0 ** steps"})
mistake("Your alpha falls below 1 for short texts. It is 1 up to the training length.", edit={STEPS: "steps = math.ceil(math.log2(true_len / train_len))"})
mistake("You take the step at exactly a doubling too early: at 2 train_len alpha is still 3.", edit={STEPS: "steps = max(0, math.floor(math.log2(true_len / train_len)) + 1)"})
mistake("You multiply the base by alpha itself. The exponent D / (D - 2) makes the last pair exactly alpha times slower.", edit={"alpha ** (D / (D - 2))": "alpha"})
mistake("Your factor begins at pos, not at pos + 1. The query at position p sees p + 1 keys.", edit={"(pos.double() + 1).log()": "pos.double().log()"})
mistake("Your factor is the natural logarithm. Divide by log(train_len).", edit={LOGN: "return (pos.double() + 1).log().clamp(min=1)"})
mistake("Your factor falls below 1 within the training length. There it is 1.", edit={LOGN: LOGN.replace(".clamp(min=1)", "")})
mistake("You compute the factors in float32 and convert them.", edit={LOGN: "return ((pos.float() + 1).log() / math.log(train_len)).clamp(min=1).double()"})
mistake("You put the silu around w1, as Llama's files have it. In Qwen 1 the gate is w2.", edit={MLP: "return (gate * up * up.sigmoid()) @ c_proj.mT"})
mistake("You take the sigmoid of the gate alone. silu is the gate times its sigmoid.", edit={MLP: "return (up * gate.sigmoid()) @ c_proj.mT"})
mistake("c_proj has a bias in your layer. Only c_attn has one.", edit={"self.c_proj = nn.Linear(C, C, bias=False)": "self.c_proj = nn.Linear(C, C)"}, crashes=True)
mistake("You take q, k and v head by head. All queries come first, then all keys, then all values.", edit={
    SPLIT: "q, k, v = (each.transpose(1, 2) for each in self.c_attn(x).unflatten(-1, (self.H, 3, D)).unbind(3))"})  # fmt: skip
mistake("You rotate neighbours (0 and 1, 2 and 3). Qwen rotates halves: i and i + D/2.", edit={
    "a, b = x.chunk(2, dim=-1)": "a, b = x[..., ::2], x[..., 1::2]",
    TURN: "return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)"})  # fmt: skip
mistake("You scale keys instead of queries. A query is sharper because of how many keys it sees.", edit={SCALE: "k = k * logn_scale(pos, self.train_len).to(q.dtype)[:, None]"})
mistake("You scale all queries by the factor of the last one. Each has its own.", edit={SCALE: "q = q * logn_scale(pos, self.train_len).to(q.dtype)[-1]"})
mistake("You change base and queries in training mode too. There nothing changes.", edit={"long = not self.training": "long = True"})
mistake("Your layer is sharper and slower in training mode, and not in evaluation mode.", edit={"long = not self.training": "long = self.training"})
mistake("You remember the base of the longest text. A short text that comes later has the base of its own length.", edit={
    BASE: "self.seen = max(T, getattr(self, 'seen', 0))\n        base = ntk_base(self.base, ntk_alpha(self.seen, self.train_len), D) if long and self.use_ntk else self.base"})  # fmt: skip
mistake("Your base is always made from 10000. Take `base`.", edit={BASE: "base = ntk_base(10000.0, ntk_alpha(T, self.train_len), D) if long and self.use_ntk else self.base"})
mistake("Your factors end at 32768 tokens, as the table of the published code does. There is no last position here.", edit={"(pos.double() + 1).log()": "(pos.clamp(max=32767).double() + 1).log()"})
mistake("use_logn switches the base as well in your layer. The two are independent.", edit={"if long and self.use_ntk else": "if long and self.use_ntk and self.use_logn else"})
mistake("Your queries look back over a window. They see all earlier tokens.", edit={"pos > pos[:, None], -torch.inf": "(pos > pos[:, None]) | (pos <= pos[:, None] - 2 * self.train_len), -torch.inf"})
mistake("No gradient flows through the sigmoid of your gate.", edit={MLP: "return (up * gate * gate.sigmoid().detach()) @ c_proj.mT"})
mistake("You take the difference of two logarithms. Rounded up, 4.000000001 becomes 5: take the logarithm of the quotient, which is exact for powers of two.", edit={
    "math.log2(true_len / train_len)": "math.log2(true_len) - math.log2(train_len)"})  # fmt: skip
