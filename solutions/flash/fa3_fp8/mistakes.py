"""Wrong ways to write flash/fa3_fp8, each with the sentence that a student should read."""

from autograder.checks import mistake

BLOCKS = "largest = torch.stack([part.abs().amax((2, 3)) for part in x.split(block, 2)], -1)"
ROTATE = "q, k = hadamard_rotate(q, signs), hadamard_rotate(k, signs)"
QUANTIZE = "q, k, v = (dequantized(x, block) for x in (q, k, v))"
OVERLAP = "unit = max(unit, ready[group]) + products * t_gemm"

mistake("You take one scale for each head. Each block has its own.", edit={BLOCKS: "largest = x.abs().amax((2, 3))[..., None].expand(-1, -1, -(-T // block))"})
mistake("You take one scale for all heads of a block. Each head has its own.", edit={BLOCKS: "largest = torch.stack([part.abs().amax((0, 1, 2, 3)).expand(x.shape[:2]) for part in x.split(block, 2)], -1)"})
mistake("You forget the sign: a block's largest absolute value may belong to a negative number.", edit={"part.abs().amax": "part.amax"})
mistake("Your scale is 448 over the largest value. It is the other way round: eight bits times scale give x.", edit={
    "return quotient.clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn), scale": "return quotient.clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn), 1 / scale",
    "return x8.to(x.dtype) * scale": "return x8.to(x.dtype) / scale"})  # fmt: skip
mistake("You take 240 for the largest number, as another format of eight bits has it. float8_e4m3fn goes up to 448.", edit={"LARGEST = 448.0": "LARGEST = 240.0"})
mistake("You take 57344, the largest of e5m2.", edit={"LARGEST = 448.0": "LARGEST = 57344.0"})
mistake("You round to float8_e5m2, which has two bits behind the point. Attention needs the three of e4m3fn.", edit={"clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn)": "clamp(-LARGEST, LARGEST).to(torch.float8_e5m2)"})
mistake("You round to whole numbers, as int8 has them.", edit={"quotient.clamp(-LARGEST, LARGEST)": "quotient.clamp(-LARGEST, LARGEST).round()"})
mistake("You divide by zero in a block of zeros. Its scale is 1.", edit={".masked_fill(largest == 0, 1.0)": ""})
mistake("You give a block of zeros a tiny scale, as libraries do that clamp it. It is 1 here.", edit={".masked_fill(largest == 0, 1.0)": ".clamp(min=1e-12)"})
mistake("Your scales are float32 for float64 too.", edit={"return quotient.clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn), scale": "return quotient.clamp(-LARGEST, LARGEST).to(torch.float8_e4m3fn), scale.float()"})
mistake("You leave out the last block where the length is no multiple of it.", edit={BLOCKS: "largest = torch.stack([part.abs().amax((2, 3)) for part in x[:, :, : max(block, T - T % block)].split(block, 2)], -1)\n    largest = torch.cat([largest, largest[..., -1:]], -1)[..., : -(-T // block)]"})
mistake("You do not divide by √D: rotated vectors become longer.", edit={"return y / math.sqrt(D)": "return y"})
mistake("You multiply by the signs after the Hadamard matrix. They come first.", edit={"y, half = x * signs.to(x.dtype), 1": "y, half = x, 1", "return y / math.sqrt(D)": "return y * signs.to(x.dtype) / math.sqrt(D)"})
mistake("You ignore the signs.", edit={"y, half = x * signs.to(x.dtype), 1": "y, half = x, 1"})
mistake("Your butterflies have another order: the sums first, then all differences.", edit={"y = torch.stack([a + b, a - b], dim=-2).flatten(-3)": "y = torch.cat([(a + b).flatten(-2), (a - b).flatten(-2)], -1)"})
mistake("Another number of features than a power of two raises nothing. It is ValueError.", edit={"if D < 1 or D & (D - 1):": "if D & (D - 1) and D < 0:"})
mistake("No features at all are no power of two.", edit={"if D < 1 or D & (D - 1):": "if D & (D - 1):"})
mistake("You rotate queries alone. Keys must be rotated too, or the products change.", edit={ROTATE: "q = hadamard_rotate(q, signs)"})
mistake("You rotate values too. Their output would have to be rotated back.", edit={ROTATE: "q, k, v = hadamard_rotate(q, signs), hadamard_rotate(k, signs), hadamard_rotate(v, signs)"})
mistake("You rotate after the numbers have lost their bits. Rotate first.", edit={
    "    if incoherent:\n": "    q, k, v = (dequantized(x, block) for x in (q, k, v))\n    if incoherent:\n", "    " + QUANTIZE + "\n    return": "    return"})  # fmt: skip
mistake("Values keep all of their bits in your code. They have eight, as queries and keys.", edit={QUANTIZE: "q, k = (dequantized(x, block) for x in (q, k))"})
mistake("You rotate whenever signs are given. `incoherent` decides.", edit={"    if incoherent:\n": "    if incoherent or signs is not None:\n"})
mistake("A softmax in the turn of nobody: your groups wait for their own softmax, and the other group waits too.", edit={OVERLAP: "unit = max(unit, ready[0], ready[1] if group else 0.0) + products * t_gemm + (t_softmax if products == 1 else 0.0)"})
mistake("You let a group multiply weights before its softmax is done. The product with the values needs them.", edit={OVERLAP: "unit = unit + products * t_gemm"})
