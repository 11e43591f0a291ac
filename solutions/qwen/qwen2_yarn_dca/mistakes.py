"""Wrong ways to write qwen/qwen2_yarn_dca, each with the sentence that a student should read."""

from autograder.checks import mistake

LOW = "low, high = max(math.floor(pair(beta_fast)), 0), min(math.ceil(pair(beta_slow)), D - 1)"
RAMP = "ramp = ((i - low) / (high - low if high != low else 0.001)).clamp(0, 1)"
GIVE = "return freqs * (1 - ramp) + freqs / factor * ramp, 0.1 * math.log(max(factor, 1.0)) + 1"
KEYS = "k = rotate(k, key, inv_freq, mscale)"
NEAR = "near, next_, far = (rotate(q, p[mine], inv_freq, mscale) @ k.mT for p in (intra, succ, inter))"
PLACES = "return place, (chunk + place).clamp(max=last), torch.full_like(place, last), place.clone()"
SOFTMAX = "return scores.masked_fill(i > i[mine, None], -torch.inf).softmax(-1) @ v"
TURN = "return torch.cat([a * cos - b * sin, b * cos + a * sin], dim=-1)"

mistake("Your ramp is reversed: fast pairs are stretched and slow ones stay. Pairs that turn often stay.", edit={"freqs * (1 - ramp) + freqs / factor * ramp": "freqs * ramp + freqs / factor * (1 - ramp)"})
mistake("You stretch all pairs alike. The ramp says how much of each is stretched.", edit={RAMP: "ramp = torch.ones_like(i)"})
mistake("You do not round the ends of the ramp. low is rounded down, high is rounded up.", edit={LOW: "low, high = max(pair(beta_fast), 0), min(pair(beta_slow), D - 1)"})
mistake("You cut the ramp at the last pair, D/2 - 1. It is cut at D - 1.", edit={"D - 1)\n": "D // 2 - 1)\n"})
mistake("The beginning of your ramp may be negative. It is at least 0.", edit={"max(math.floor(pair(beta_fast)), 0)": "math.floor(pair(beta_fast))"})
mistake("You divide by zero where the two ends are the same number: make high 0.001 larger there.", edit={"(high - low if high != low else 0.001)": "(high - low)"})
mistake("beta_fast and beta_slow are ignored: 32 and 1 are defaults.", edit={"pair(beta_fast)": "pair(32.0)", "pair(beta_slow)": "pair(1.0)"})
mistake("Your mscale has the logarithm to the base 10. It is the natural one.", edit={"0.1 * math.log(max(factor, 1.0))": "0.1 * math.log10(max(factor, 1.0))"})
mistake("Your mscale falls below 1 where the text becomes shorter. It is 1 there.", edit={"max(factor, 1.0)": "factor"})
mistake("Only queries are multiplied by mscale. Keys are too, so that scores are multiplied by its square.", edit={KEYS: "k = rotate(k, key, inv_freq, 1.0)"})
mistake("You multiply the softmax by mscale, or the output: here the values grow. It belongs to queries and keys.", edit={
    KEYS: "k = rotate(k, key, inv_freq, 1.0)", NEAR: NEAR.replace("mscale", "1.0"), SOFTMAX: SOFTMAX + " * mscale"})  # fmt: skip
mistake("Your keys count through the whole text. A key's position is its place in its chunk.", edit={", place.clone()": ", torch.arange(T)"})
mistake("The last position of your queries is chunk + local, one too many: no position reaches the length in training.", edit={"torch.arange(T) % chunk, chunk + local - 1": "torch.arange(T) % chunk, chunk + local"})
mistake("The position for the chunk before grows past chunk + local - 1. It stops there.", edit={"(chunk + place).clamp(max=last)": "chunk + place"})
mistake("For the chunk before you take the farthest position at once. Near keys have their exact distance.", edit={"(chunk + place).clamp(max=last)": "torch.full_like(place, last)"})
mistake("A window that does not fit raises nothing.", edit={"if not 1 <= local <= chunk:": "if False:"})
mistake("You refuse a window that is as long as a chunk. It is allowed.", edit={"if not 1 <= local <= chunk:": "if not 1 <= local < chunk:"}, crashes=True)
mistake("You treat all earlier chunks as the one before.", edit={"torch.where(apart == 1, next_, far)": "next_"})
mistake("You take a softmax for each kind of chunk and average the three. One softmax goes over all keys.", edit={
    SOFTMAX: "seen = i[mine, None] >= i\n    parts = [scores.masked_fill(~(seen & kind), -1e30).softmax(-1) * (seen & kind).any(-1, keepdim=True) for kind in (apart == 0, apart == 1, apart > 1)]\n    parts = torch.stack(parts)\n    return (parts.sum(0) / parts.sum(-1, keepdim=True).sum(0)) @ v"})  # fmt: skip
mistake("Your queries begin at token 0 where there are fewer than keys. They are the last ones.", edit={"mine = slice(S - T, S)": "mine = slice(0, T)"})
mistake("A score of the chunk before gets no gradient in your code.", edit={"torch.where(apart == 1, next_, far)": "torch.where(apart == 1, next_.detach(), far)"})
mistake("You rotate neighbours (0 and 1, 2 and 3). Qwen rotates halves: n and n + D/2.", edit={
    "a, b = x.chunk(2, dim=-1)": "a, b = x[..., ::2], x[..., 1::2]", TURN: "return torch.stack([a * cos - b * sin, b * cos + a * sin], dim=-1).flatten(-2)"})  # fmt: skip
mistake("You number the chunks of queries from the first query. A query stands at token S - T + t of the text.", edit={"apart = (i[mine] // chunk)[:, None]": "apart = (i[:T] // chunk)[:, None]"})
mistake("You use mscale only where it is above 1. It multiplies queries and keys whatever it is.", edit={"cos, sin = (mscale * angles.cos()).to(x.dtype), (mscale * angles.sin()).to(x.dtype)": "mscale = max(mscale, 1.0)\n    cos, sin = (mscale * angles.cos()).to(x.dtype), (mscale * angles.sin()).to(x.dtype)"})
mistake("No gradient reaches the keys.", edit={KEYS: "k = rotate(k.detach(), key, inv_freq, mscale)"})
mistake("You stretch nothing where factor is below 1. There the frequencies grow by the same formula.", edit={"freqs / factor * ramp": "freqs / max(factor, 1.0) * ramp"})
mistake("You remember positions by length and chunk. Another window has others.", edit={PLACES: "if (T, chunk) not in SEEN:\n        SEEN[T, chunk] = " + PLACES[7:] + "\n    return tuple(each.clone() for each in SEEN[T, chunk])", "def rotate(x": "SEEN = {}\n\n\ndef rotate(x"})

mistake(
    "The result of bfloat16 is float32. It has the dtype of q.",
    edit={"    k = rotate(k, key, inv_freq, mscale)\n": "    if q.dtype in (torch.float16, torch.bfloat16):\n        q, k, v = q.float(), k.float(), v.float()\n    k = rotate(k, key, inv_freq, mscale)\n"},
)
mistake(
    "You divide exponentials by their sum without taking the largest score off: scores of hundreds are infinite then.",
    edit={".softmax(-1) @ v": ".exp().div(scores.masked_fill(i > i[mine, None], -torch.inf).exp().sum(-1, keepdim=True)) @ v"},
)
mistake(
    "Angles are remembered by the tensor of frequencies, and not by the numbers in it.",
    edit={"    angles = positions[:, None] * inv_freq.to(x.device).double()\n": "    angles = positions[:, None] * dca_attention.__dict__.setdefault(str(id(inv_freq)), (inv_freq, inv_freq.to(x.device).double().clone()))[1]\n"},
)
