"""Wrong ways to write glm/chatglm1_2d_rope, each with the sentence that a student should read."""

from autograder.checks import mistake

SEEN = "seen = ~answer[:, None, :] | (place <= place[:, None])"
MASK = "mask = seen & real[:, None, :] & real[:, :, None] | (place == place[:, None])"
POS1 = "pos1 = torch.where(answer, frozen, place) - pad"
POS2 = "pos2 = place - start + 1"
BOTH = "return mask[:, None], torch.stack([pos1.clamp(min=0), pos2.clamp(min=0)], dim=1)"
THETA = "theta = 10000.0 ** (-torch.arange(0, D // 2, 2, dtype=torch.float64, device=x.device) / (D // 2))"
ANGLES = "angles = pos[:, None, :, :, None] * theta  # (B, 1, 2, T, D/4)"

mistake("You count bos as context: all tokens of the question see it. bos belongs to what is generated.", edit={
    "real, answer = place >= pad, place >= start": "real, answer = place >= pad, place > start"})  # fmt: skip
mistake("Your context is causal. Its tokens see the whole context, in both directions.", edit={SEEN: "seen = (place <= place[:, None])[None]"})
mistake("Your answer is not causal: its tokens see later ones.", edit={SEEN: "seen = ~answer[:, None, :] | answer[:, :, None]"})
mistake("Your context sees the answer.", edit={SEEN: "seen = ~answer[:, None, :] | (place <= place[:, None]) | ~answer[:, :, None]"})
mistake("Your rows and columns are exchanged: [t, s] says whether t may look at s.", edit={BOTH: BOTH.replace("mask[:, None]", "mask.mT[:, None]")})
mistake("You return what is hidden, as ChatGLM's own code does. True means that token t may look.", edit={BOTH: BOTH.replace("mask[:, None]", "~mask[:, None]")})
mistake("All rows have the bos of the first row in your function.", edit={
    "argmax(1, keepdim=True)  # of bos": "argmax(1, keepdim=True)[:1].expand(len(ids), -1)  # of bos"})  # fmt: skip
mistake("You take the last bos of a row. The first one counts.", edit={
    "start = (ids == bos).int().argmax(1, keepdim=True)  # of bos": "start = ids.shape[1] - 1 - (ids == bos).int().flip(1).argmax(1, keepdim=True)"})  # fmt: skip

mistake("Your first position counts on in the answer. From bos on it stays at that of the mask token.", edit={POS1: "pos1 = place - pad"})
mistake("Your second position begins with 0 at bos. It begins with 1, so that 0 stands for the context alone.", edit={POS2: "pos2 = place - start"})
mistake("Your two positions are exchanged.", edit={BOTH: BOTH.replace("[pos1.clamp(min=0), pos2.clamp(min=0)]", "[pos2.clamp(min=0), pos1.clamp(min=0)]")})

mistake("mask_pos counts padding too, and you do not take it off again.", edit={POS1: "pos1 = torch.where(answer, frozen, place - pad)"})
mistake("You count padding in the first position.", edit={POS1: "pos1 = torch.where(answer, frozen, place)"})
mistake("Padding has negative positions in your result. It has 0.", edit={BOTH: BOTH.replace("pos1.clamp(min=0)", "pos1")})
mistake("Others look at padding in your mask.", edit={MASK: "mask = seen & real[:, :, None] | (place == place[:, None])"})
mistake("Padding looks at the context in your mask. It looks at itself alone.", edit={MASK: "mask = seen & real[:, None, :] | (place == place[:, None])"})

mistake("Your frequencies are those of all D features. Each half has D/2, and its own frequencies begin with 1 and go down as far.", edit={
    THETA: "theta = 10000.0 ** (-torch.arange(0, D // 2, 2, dtype=torch.float64, device=x.device) / D)"})  # fmt: skip
mistake("Your angles are rounded to float32: far positions lose their digits.", edit={ANGLES: "angles = (pos[:, None, :, :, None].float() * theta.float()).to(x.dtype)"})
mistake("You turn the halves the other way round: (a, b) becomes (a cos φ - b sin φ, a sin φ + b cos φ).", edit={
    "torch.stack([a * cos - b * sin, a * sin + b * cos])": "torch.stack([a * cos + b * sin, b * cos - a * sin])"})  # fmt: skip
mistake("You turn neighbouring features 2i and 2i+1, as ChatGLM 2 does. Pairs are i and D/4+i of a half here.", edit={
    "x.unflatten(-1, (2, 2, -1)).permute(4, 0, 1, 3, 2, 5)": "x.unflatten(-1, (2, -1, 2)).permute(5, 0, 1, 3, 2, 4)",
    "turned.permute(1, 2, 4, 3, 0, 5).flatten(3)": "turned.permute(1, 2, 4, 3, 5, 0).flatten(3)"})  # fmt: skip

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("Your first position stops at the mask token in the context too. Tokens of the context behind it are counted on.", edit={
    POS1: "pos1 = torch.minimum(place, frozen) - pad"})  # fmt: skip
mistake("Your positions are int32. They are int64.", edit={BOTH: BOTH.replace("dim=1)", "dim=1).int()")})
mistake("Every row of your mask has the padding of the row with the most of it.", edit={
    MASK: "real = (place >= pad.max()).expand_as(real)\n    " + MASK})  # fmt: skip
mistake("Your halves are the even and the odd features. They are the first and the second half of a head.", edit={
    "a, b = x.unflatten(-1, (2, 2, -1)).permute(4, 0, 1, 3, 2, 5)": "x = torch.cat([x[..., ::2], x[..., 1::2]], -1)\n    a, b = x.unflatten(-1, (2, 2, -1)).permute(4, 0, 1, 3, 2, 5)"})  # fmt: skip
mistake("Your angles are computed in float32 and widened only where the rotation begins.", edit={
    "torch.arange(0, D // 2, 2, dtype=torch.float64, device=x.device) / (D // 2))": "torch.arange(0, D // 2, 2, dtype=torch.float32, device=x.device) / (D // 2))"})  # fmt: skip
