"""Wrong ways to write falcon/falcon2_block, each with the sentence that a student should read."""


from autograder.checks import mistake

SLICES = "q, k, v = groups[:, :-2], groups[:, -2:-1], groups[:, -1:]\n    return"
PACK = "return torch.cat(groups, dim=1).flatten(0, 1)"
REFUSE = "if Hkv % world or not 0 <= rank < world:"
SHARD = "return w[rank * rows : (rank + 1) * rows]"
ANGLES = "angles = pos[:, None] * freqs"
SCORES = "scores = rotate(q) @ rotate(k).mT * self.D**-0.5"
OUT = "return x + attention + self.mlp.dense_4h_to_h(nn.functional.gelu(self.mlp.dense_h_to_4h(a)))"
JOIN = "heads.permute(0, 3, 1, 2, 4).flatten(2)"
LATER = "later = torch.ones(T, T, dtype=torch.bool, device=x.device).triu(1)"
GROUPS = "unflatten(-1, (self.Hkv, -1, self.D)).permute(0, 2, 3, 1, 4)"


@mistake("You take all queries first, then all keys, then all values. They stand in groups.")
def unpack_grouped_qkv(w, H, Hkv, D):
    return w.split([H * D, Hkv * D, Hkv * D])


@mistake("You read the model card's word: a single key and value at the end. There are Hkv of them, one behind each group.")
def unpack_grouped_qkv(w, H, Hkv, D):
    heads = w.unflatten(0, (-1, D))
    return heads[: -2 * Hkv].flatten(0, 1), heads[-2 * Hkv :: 2].flatten(0, 1), heads[-2 * Hkv + 1 :: 2].flatten(0, 1)


mistake("You exchange keys and values. The key of a group stands before its value.", edit={
    SLICES: SLICES.replace("groups[:, -2:-1], groups[:, -1:]", "groups[:, -1:], groups[:, -2:-1]")})  # fmt: skip
mistake("Your queries are ordered by their place in the group first. Those of group 0 come first.", edit={
    "return q.flatten(0, 2), k.flatten(0, 2), v.flatten(0, 2)": "return q.transpose(0, 1).flatten(0, 2), k.flatten(0, 2), v.flatten(0, 2)"})  # fmt: skip
mistake("You split a group feature by feature: the feature is the last of the three dimensions.", edit={
    "groups = w.unflatten(0, (Hkv, H // Hkv + 2, D))": "groups = w.unflatten(0, (Hkv, D, H // Hkv + 2)).transpose(1, 2)"})  # fmt: skip

mistake("You put the three weights behind each other. Put them together within each group.", edit={PACK: "return torch.cat([q, k, v])"})
mistake("You deal the rows out one by one, so a head is torn apart.", edit={
    "groups = [part.unflatten(0, (Hkv, -1)) for part in (q, k, v)]": "groups = [part.unflatten(0, (-1, Hkv)).transpose(0, 1) for part in (q, k, v)]"})  # fmt: skip

mistake("You cut rows evenly without asking whether that cuts a group.", edit={REFUSE: "if len(w) % world or not 0 <= rank < world:"})
mistake("You give the groups out in turn, as cards: rank 0 gets groups 0, world, 2·world. It gets the first ones.", edit={
    SHARD: "return w.unflatten(0, (Hkv, -1))[rank::world].flatten(0, 1)"})  # fmt: skip
mistake("Your shard has queries of one part, keys of another: the weight is cut as [q | k | v].", edit={
    SHARD: "return torch.cat([part[rank * len(part) // world : (rank + 1) * len(part) // world] for part in w.tensor_split(3)])"})  # fmt: skip
mistake("You take a rank that does not exist for the last one: -1.", edit={REFUSE: "if Hkv % world or not -world <= rank < world:\n        raise ValueError(rank)\n    rank %= world\n    if False:"})  # fmt: skip

mistake("Your feed-forward network reads x without the norm.", edit={OUT: OUT.replace("h_to_4h(a)", "h_to_4h(x)")})
mistake("Your feed-forward network reads what attention gave. It reads the same norm as attention.", edit={
    OUT: "x = x + attention\n        return x + self.mlp.dense_4h_to_h(nn.functional.gelu(self.mlp.dense_h_to_4h(self.input_layernorm(x))))"})  # fmt: skip
mistake("Your GELU is the tanh approximation. Falcon's is exact.", edit={OUT: OUT.replace("h_to_4h(a))", 'h_to_4h(a), approximate="tanh")')})
mistake("You rotate pairs of neighbours. Here features i and D/2 + i belong together.", edit={
    "left, right = z.chunk(2, dim=-1)": "left, right = z[..., ::2], z[..., 1::2]",
    "return torch.cat([left * cos - right * sin, left * sin + right * cos], dim=-1)": "return torch.stack([left * cos - right * sin, left * sin + right * cos], dim=-1).flatten(-2)"})  # fmt: skip
mistake("Your base is 10000, as in Falcon 1.", edit={"freqs = self.base **": "freqs = (10000.0 if self.base == 500042.0 else self.base) **"})
mistake("You ignore the positions that are given.", edit={"if pos is None:": "if True:"})
mistake("Your mask compares positions. It goes by the places in x.", edit={LATER: "later = pos[None] > pos[:, None]"})
mistake("You scale by √C of the model in place of √D of a head.", edit={SCORES: SCORES.replace("self.D**-0.5", "(x.shape[-1] / self.H) ** -0.5")})
mistake("Your heads are joined with the queries before the groups.", edit={JOIN: "heads.permute(0, 3, 2, 1, 4).flatten(2)"})
mistake("Your angles are kept from the first call. Positions may be others in the next one.", edit={
    ANGLES: "self.kept = angles = getattr(self, 'kept', pos[:, None] * freqs)\n        angles = angles if len(angles) == T else pos[:, None] * freqs"})  # fmt: skip

# --- of other kinds -------------------------------------------------------------------------------------------------

mistake("In evaluation mode your block has no mask.", edit={LATER: LATER + "\n        later = later & self.training"})
mistake("Your last rank gets what is left: the division rounds the first ones up.", edit={
    REFUSE: "if world > Hkv or not 0 <= rank < world:", "rows = len(w) // world": "rows = -(-Hkv // world) * (len(w) // Hkv)"})  # fmt: skip
mistake("You pack by the number of query heads of Falcon 2, four in a group, whatever q has.", crashes=True, edit={
    "groups = [part.unflatten(0, (Hkv, -1)) for part in (q, k, v)]": "D = len(k) // Hkv\n    groups = [q.view(Hkv, 4 * D, *q.shape[1:]), k.view(Hkv, D, *k.shape[1:]), v.view(Hkv, D, *v.shape[1:])]"})  # fmt: skip
mistake("You count positions from the first one of a call, and turn keys by what is given.", edit={
    SCORES: SCORES.replace("rotate(q)", "(lambda c, s, z: torch.cat([z.chunk(2, -1)[0] * c - z.chunk(2, -1)[1] * s, z.chunk(2, -1)[0] * s + z.chunk(2, -1)[1] * c], -1))(*[f((pos - pos.min())[:, None] * freqs).to(x.dtype) for f in (torch.cos, torch.sin)], q)")})  # fmt: skip
mistake("You raise ValueError only where the slice is empty. A negative rank counts from the end.", edit={"if Hkv % world or not 0 <= rank < world:": "if Hkv % world or not len(w[rank * (len(w) // world) : (rank + 1) * (len(w) // world)]):"})
mistake("Later tokens have the score -10000 instead of minus infinity. Where all others are lower still, they are seen.", edit={"masked_fill(later, -torch.inf)": "masked_fill(later, -10000.0)"})
mistake("You take the variance as mean(x²) - mean(x)²: of inputs with a large mean nothing is left of it.", edit={"        a = self.input_layernorm(x)\n": "        norm, mean = self.input_layernorm, x.mean(-1, keepdim=True)\n        var = (x * x).mean(-1, keepdim=True) - mean * mean\n        a = (x - mean) * torch.rsqrt(var + norm.eps) * norm.weight + norm.bias\n"})
mistake("Your F is 4·H·D where it is not given. It is 4·C, also where heads are wider or narrower than C / H.", edit={"F = 4 * C if F is None else F": "F = 4 * H * D if F is None else F"})
