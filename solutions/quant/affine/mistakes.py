"""Wrong implementations of quant/affine, and what a student should read about each."""

from autograder.checks import mistake

mistake(
    "Your range does not have to hold 0, so 0.0 is between two codes or off the grid, and padding, ReLU and biases are distorted. Widen it: "
    "lo = min(x, 0), hi = max(x, 0).",
    edit={"    lo, hi = lo.clamp(max=0), hi.clamp(min=0)  # 0 is in the range\n": ""},
)
mistake(
    "Your scale divides the range by 2^b. There are 2^b codes, and so 2^b - 1 steps between them.",
    edit={"(hi - lo) / high": "(hi - lo) / (high + 1)"},
)
mistake(
    "Your symmetric scale divides by 2^(b-1), so the largest x becomes a code that does not exist and is clamped. "
    "Divide by 2^(b-1) - 1.",
    edit={"torch.maximum(-lo, hi) / high if": "torch.maximum(-lo, hi) / (high + 1) if"},
)
mistake(
    "Your symmetric scale takes the largest x, not the largest |x|: negative entries are clamped.",
    edit={"torch.maximum(-lo, hi) / high": "hi / high"},
)
mistake(
    "Your symmetric grid uses the code -2^(b-1): it has no partner on the other side. Clamp to ±(2^(b-1) - 1).",
    edit={"return (1 - 2 ** (bits - 1),": "return (-(2 ** (bits - 1)),"},
)
mistake(
    "A tensor of zeros gets a scale of 0, and dividing by it gives nan. Set s = 1 there.",
    edit={"    s = torch.where(s == 0, 1.0, s)\n": ""},
)
mistake(
    "Your scale has a smallest value or an added epsilon, which swallows small tensors. Only a range of exactly 0 needs care.",
    edit={"s = torch.where(s == 0, 1.0, s)": "s = torch.where(s == 0, 1.0, s.clamp(min=1e-8))"},
)
mistake(
    "Your zero-point has the wrong sign: z = round(-lo / s) is the code of 0.0.",
    edit={"torch.round(-lo / s)": "torch.round(lo / s)"},
)
mistake(
    "Your zero-point is cut off, not rounded, so it is up to a whole step away.",
    edit={"torch.round(-lo / s)": "torch.floor(-lo / s)"},
)
mistake(
    "With `axis` you reduce over that dimension. It is the one to keep: reduce over all the others.",
    edit={"if d != axis % x.ndim]": "if d == axis % x.ndim]"},
)
mistake(
    "With `axis` your scales lose the reduced dimensions, so they do not broadcast. Keep them with size 1.",
    edit={"(x.amin(dims, keepdim=True), x.amax(dims, keepdim=True))": "(x.amin(dims), x.amax(dims))"},
)
mistake(
    "Your groups are taken with a stride: entries 0, G, 2G, … share a scale. A group is `group` neighbours.",
    edit={"x.unflatten(-1, (-1, group)).aminmax(dim=-1)": "x.unflatten(-1, (group, -1)).aminmax(dim=-2)"},
)
mistake(
    "Your groups run along the first dimension. They are neighbours in the last one.",
    edit={
        "        lo, hi = x.unflatten(-1, (-1, group)).aminmax(dim=-1)": "        flat = x.transpose(0, -1)\n"
        "        flat = flat.reshape(x.shape).unflatten(-1, (-1, group))\n        lo, hi = flat.aminmax(dim=-1)"
    },
)
mistake(
    "A scale of a group is tiled over the last dimension: entry i takes scale i mod (C/G). It serves neighbours: entry i takes scale i // G.",
    edit={
        "s.repeat_interleave(x.shape[-1] // s.shape[-1], -1) if": "s.repeat(*[1] * (s.ndim - 1), x.shape[-1] // s.shape[-1]) if"
    },
)
mistake(
    "You round halves up. torch.round, and the hardware, round halves to the even number.",
    edit={"    q = torch.round(x / _fit(s, x)) + _fit(z, x)": "    q = torch.floor(x / _fit(s, x) + 0.5) + _fit(z, x)"},
)
mistake(
    "You add the zero-point before rounding. Halves then go to another side when z is odd: round x / s, and add z.",
    edit={"    q = torch.round(x / _fit(s, x)) + _fit(z, x)": "    q = torch.round(x / _fit(s, x) + _fit(z, x))"},
)
mistake(
    "You cut off x / s instead of rounding it: the error is up to a whole step.",
    edit={"    q = torch.round(x / _fit(s, x)) + _fit(z, x)": "    q = torch.trunc(x / _fit(s, x)) + _fit(z, x)"},
)
mistake(
    "You do not clamp before turning codes into 8 bits, so they wrap around.",
    edit={"    return q.clamp(low, high).to(": "    return q.to(torch.int64).to("},
)
mistake(
    "You clamp x / s before adding the zero-point, so codes leave the grid on one side and miss it on the other.",
    edit={
        "    q = torch.round(x / _fit(s, x)) + _fit(z, x)\n    return q.clamp(low, high).to(": ""
        "    q = torch.round(x / _fit(s, x)).clamp(low, high) + _fit(z, x)\n    return q.to(torch.int64).to("
    },
)
mistake(
    "You subtract z in uint8, where 2 - 3 is 255. Convert the codes first.",
    edit={"(q.to(s.dtype) - _fit(z, q))": "(q - _fit(z, q).to(q.dtype)).to(s.dtype)"},
)
mistake(
    "You add the zero-point when dequantizing: x = s (q - z).",
    edit={"(q.to(s.dtype) - _fit(z, q))": "(q.to(s.dtype) + _fit(z, q))"},
)
mistake(
    "Your fake quantization has no gradient: rounding stops it. Pass it through where nothing was clamped.",
    edit={"torch.where(inside, x - x.detach(), 0.0)": "torch.where(inside, x.detach() - x, 0.0).detach()"},
)
mistake(
    "Your gradient passes also where x was clamped: there a small change of x changes nothing, so it is 0.",
    edit={"torch.where(inside, x - x.detach(), 0.0)": "(x - x.detach())"},
)
mistake(
    "Your gradient stops within the last half step. Up to it, x is rounded onto the grid and not clamped.",
    edit={
        "    code = torch.round(x / _fit(s, x)) + _fit(z, x)\n    inside = (code >=": "    code = x / _fit(s, x) + _fit(z, x)\n"
        "    inside = (code >="
    },
)
mistake(
    "You leave out the zero-point of x: each output is too large by zx times the sum of its weights.",
    edit={" - (zx - 128) * wq.sum(1, dtype=torch.int32)": " + 128 * wq.sum(1, dtype=torch.int32)"},
)
mistake(
    "Your sums are in float32, which has no odd numbers beyond 2^24. Sum integers in 32 bits.",
    edit={
        "torch._int_mm(shifted, wq.T) - (zx - 128) * wq.sum(1, dtype=torch.int32)": "(xq.float() - zx) @ wq.float().T"
    },
)
mistake(
    "You read uint8 codes as int8: those from 128 on become negative.",
    edit={"(xq.to(torch.int16) - 128).to(torch.int8)": "xq.to(torch.int8)", "(zx - 128)": "zx"},
)
mistake(
    "The weights' scales go along the inputs or the rows of x. There is one for each output.",
    edit={"(sx * sw.squeeze(1))": "(sx * sw.mean())"},
)
mistake(
    "A gradient reaches s. It is a constant: detach it, or compute the codes and the way back without gradients.",
    edit={
        "return y.detach() + torch.where(inside, x - x.detach(), 0.0)": "return y + torch.where(inside, x - x.detach(), 0.0)"
    },
)
mistake(
    "Your quantize has the grid of 8 bits whatever `bits` is: codes beyond the ends of a smaller grid are not clamped to it.",
    edit={"    low, high = _limits(bits, symmetric)\n    q =": "    low, high = _limits(8, symmetric)\n    q ="},
)
mistake(
    'With "mse" you look at the grid of 8 bits, whatever `bits` is.',
    edit={"key=lambda a: _squared_error(x, a, bits)": "key=lambda a: _squared_error(x, a, 8)"},
)
mistake(
    "You remember scales by the shape of x. Other entries have other scales.",
    edit={
        "    s = torch.where(s == 0, 1.0, s)\n": "    s = qparams.__dict__.setdefault((x.shape, bits, symmetric, axis, group), torch.where(s == 0, 1.0, s))\n"
    },
)
mistake(
    "You use `view`, which fails on a tensor that is not contiguous. Use reshape or flatten.",
    edit={
        "    q = torch.round(x / _fit(s, x)) + _fit(z, x)\n    return": "    x = x.view(-1).view(x.shape)\n    q = torch.round(x / _fit(s, x)) + _fit(z, x)\n    return"
    },
    crashes=True,
)
mistake(
    "You switch gradients off and leave them so. Use `with torch.no_grad():`.",
    edit={
        "    _, high = _limits(bits, symmetric)\n": "    torch.set_grad_enabled(False)\n    _, high = _limits(bits, symmetric)\n"
    },
)
mistake(
    "You change torch's default dtype and leave it so.",
    edit={
        "    _, high = _limits(bits, symmetric)\n": "    torch.set_default_dtype(torch.bfloat16)\n    _, high = _limits(bits, symmetric)\n"
    },
)
mistake(
    "Another method raises KeyError or TypeError in yours. It is a ValueError.",
    edit={"    raise ValueError(f'method is": "    raise KeyError(f'method is"},
)
mistake(
    "Your scale of float64 entries is computed in float32. It has x's dtype, and its digits.",
    edit={"    s = torch.where(s == 0, 1.0, s)\n": "    s = torch.where(s == 0, 1.0, s).float().to(x.dtype)\n"},
)
mistake(
    "You scale the bias as well. It is added after the sum has been scaled.",
    edit={"y if bias is None else y + bias": "y if bias is None else (total + bias) * (sx * sw.squeeze(1))"},
)
mistake(
    "You average the thresholds of the batches. They count together: join their entries first.",
    edit={
        "    x = torch.cat([batch.flatten() for batch in batches])\n": "    if len(batches) > 1:\n"
        "        return sum(calibrate([b], method, bits, percentile) for b in batches) / len(batches)\n    x = batches[0].flatten()\n"
    },
)
mistake(
    "Your minmax takes the largest entry, and misses a larger negative one. Take |x|.",
    edit={"return size.max().item()": "return x.max().item()"},
)
mistake(
    "Your error leaves out what is clipped, so small thresholds look good.",
    edit={
        "    return (dequantize(quantize(x, s, z, bits, True), s, z) - x)": "    x = x[x.abs() <= threshold]\n"
        "    return (dequantize(quantize(x, s, z, bits, True), s, z) - x)"
    },
)
mistake(
    "You answer for a method that you do not know. Raise ValueError.",
    edit={
        '    raise ValueError(f\'method is "minmax", "percentile" or "mse", not {method!r}\')': "    return size.max().item()"
    },
)
mistake(
    "Your candidates end before the maximum itself. They are k / 100 of it for k = 1 … 100, the last one included.",
    edit={"range(1, 101)": "range(1, 100)"},
)
mistake(
    "Your search goes down from the maximum and stops when the error rises. The error has many valleys: look at all candidates.",
    edit={
        "        return min(candidates, key=lambda a: _squared_error(x, a, bits))": "        best = candidates[-1]\n"
        "        for a in reversed(candidates):\n            if _squared_error(x, a, bits) > _squared_error(x, best, bits):\n"
        "                break\n            best = a\n        return best"
    },
)
mistake(
    "You compute codes in float32. For float64 x, what is not quite a half becomes one, and is rounded to the other side.",
    edit={
        "    q = torch.round(x / _fit(s, x)) + _fit(z, x)\n    return": "    q = torch.round(x.float() / _fit(s, x).float()) + _fit(z, x)\n    return"
    },
)
mistake(
    "Your dequantize gives float32 for a float64 scale. Its result has the dtype of s.",
    edit={
        "return _fit(s, q) * (q.to(s.dtype) - _fit(z, q))": "return _fit(s, q).float() * (q.float() - _fit(z, q).float())"
    },
)

mistake(
    "s is repeated only where it has as many dimensions as x. One with fewer may have groups, too.",
    edit={"if s.ndim else s": "if s.ndim == x.ndim else s"},
    crashes=True,
)
mistake(
    "You take the largest number of each batch by itself, and an empty batch has none.",
    edit={"    if method == \"minmax\":\n        return size.max().item()\n": "    if method == \"minmax\":\n        return max(batch.abs().max().item() for batch in batches)\n"},
    crashes=True,
)
mistake(
    "x + (y - x) is not y where x is much larger: it is rounded to the places of x.",
    edit={"return y.detach() + torch.where(inside, x - x.detach(), 0.0)": "x = torch.where(inside, x, x.detach())\n    return x + (y - x).detach()"},
)
mistake(
    "You turn to int32 before the clamp: numbers beyond 2^31 become the most negative one.",
    edit={"q = torch.round(x / _fit(s, x)) + _fit(z, x)": "q = torch.round(x / _fit(s, x)).to(torch.int32) + _fit(z, x).to(torch.int32)"},
)
mistake(
    "The sum is taken in blocks of 4096 inputs, and the rest behind the last whole block is lost.",
    edit={
        "torch._int_mm(shifted, wq.T) - (zx - 128) * wq.sum(1, dtype=torch.int32)": (
            "torch._int_mm(shifted[:, : max(4096, shifted.shape[1] // 4096 * 4096)], wq[:, : max(4096, shifted.shape[1] // 4096 * 4096)].T)"
            " - (zx - 128) * wq.sum(1, dtype=torch.int32)"
        )
    },
)
