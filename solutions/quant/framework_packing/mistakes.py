"""Wrong implementations of quant/framework_packing, and what a student should read about each."""

import torch

from autograder.checks import mistake

mistake(
    "The first code of a word is in its highest bits. It is the lowest: code i begins at bit bits · i.",
    edit={"return (parts << places).sum(-1).to(torch.int32)": "return (parts << places.flip(0)).sum(-1).to(torch.int32)", "(words.unsqueeze(-1) >> places)": "(words.unsqueeze(-1) >> places.flip(0))"},
)
mistake(
    "Your words come out as int64. They are int32, and those with the highest bit set are negative.",
    edit={".sum(-1).to(torch.int32)": ".sum(-1)"},
)
mistake(
    "Words of 2^31 and more are cut to the largest int32. They wrap around and are negative.",
    edit={".sum(-1).to(torch.int32)": ".sum(-1).clamp(max=2**31 - 1).to(torch.int32)"},
)
mistake(
    "You lose the highest bit of a word, to keep it positive.",
    edit={".sum(-1).to(torch.int32)": ".sum(-1).bitwise_and(2**31 - 1).to(torch.int32)"},
)
mistake(
    "You add up words as floats. Above 2^24 they are not exact.",
    edit={"return (parts << places).sum(-1).to(torch.int32)": "return (parts << places).float().sum(-1).long().to(torch.int32)"},
)
mistake(
    "When reading, you do not mask after the shift: the sign of a negative word fills its upper codes.",
    edit={" & (2**bits - 1)  # the sign": "  # the sign"},
)
mistake(
    "You divide by powers of two when reading. For negative words that rounds toward zero, and codes are off by one.",
    edit={"(words.unsqueeze(-1) >> places) & (2**bits - 1)": "torch.div(words.unsqueeze(-1), 2 ** places.long(), rounding_mode='trunc').to(torch.int32) & (2**bits - 1)"},
)
mistake(
    "You read a word's absolute value. A negative word is a pattern of bits.",
    edit={"(words.unsqueeze(-1) >> places)": "(words.unsqueeze(-1).abs() >> places)"},
)
mistake(
    "A word takes codes that lie N / P apart. It takes P neighbours.",
    edit={"codes.reshape(*codes.shape[:-1], -1, per)[": "codes.reshape(*codes.shape[:-1], per, -1).mT[", "return parts.flatten(-2)\n": "return parts.mT.flatten(-2)\n"},
)
mistake(
    "The order is used the other way round: code order.index(i) in the place i.",
    edit={"[..., list(order or range(per))]": "[..., torch.tensor(order or range(per)).argsort().tolist()]", "torch.tensor(order).argsort().tolist()": "list(order)"},
)
mistake(
    "When reading, you use the order as it is. It must be undone.",
    edit={"torch.tensor(order).argsort().tolist()": "list(order)"},
)
mistake(
    "When packing, the order is ignored.",
    edit={"list(order or range(per))": "list(range(per))", "    if order is not None:\n": "    if False:\n"},
)
mistake(
    "You always shift by four bits, whatever `bits` is.",
    edit={"parts << places": "parts << torch.arange(0, 4 * per, 4, device=codes.device)"},
)
mistake(
    "You mask with 15 when reading, whatever `bits` is.",
    edit={"& (2**bits - 1)  # the sign": "& 15  # the sign"},
)
mistake(
    "Codes come out as int64 or bytes. They are int32.",
    edit={"return parts.flatten(-2)\n": "return parts.flatten(-2).long()\n"},
)
mistake(
    "You shift in the codes' own dtype: bytes lose what goes beyond 8 bits.",
    edit={"return (parts << places)": "return (parts.to(given) << places.to(given))", "    codes = _checked(codes, bits)\n    per = 32": "    given = codes.dtype\n    codes = _checked(codes, bits)\n    per = 32"},
)
mistake(
    "You compare before you widen: for uint8, 256 is 0, and every code is refused.",
    edit={"    codes = codes.long()  # before anything is compared: 256 is 0 for uint8\n": "", "        raise ValueError(f\"a code is outside of 0 to {2**bits - 1}\")\n    return codes\n": "        raise ValueError(f\"a code is outside of 0 to {2**bits - 1}\")\n    return codes.long()\n"},
    crashes=True,
)
mistake(
    "Codes that are too large run over into their neighbours. Raise ValueError.",
    edit={"(codes >= 0) & (codes < 2**bits)": "codes >= 0"},
)
mistake(
    "Negative codes are accepted. Raise ValueError.",
    edit={"(codes >= 0) & (codes < 2**bits)": "codes < 2**bits"},
)
mistake(
    "You cut codes to their lowest bits, or to the range, in place of refusing them.",
    edit={"    if not bool(((codes >= 0) & (codes < 2**bits)).all()):\n        raise ValueError(f\"a code is outside of 0 to {2**bits - 1}\")\n    return codes\n": "    return codes & (2**bits - 1)\n"},
)
mistake(
    "Codes that fill no whole word are padded with zeros, or dropped. Raise ValueError.",
    edit={'        raise ValueError(f"{codes.shape[-1]} codes do not fill words of {per}")\n': "        codes = F.pad(codes, (0, -codes.shape[-1] % per))\n"},
)
mistake(
    "Any number of bits is accepted for packing. It is 2, 4 or 8.",
    edit={"    if bits not in (2, 4, 8):\n        raise ValueError(f\"{bits} bits\")\n    codes = ": "    codes = "},
)
mistake(
    "Any number of bits is accepted for reading. It is 2, 4 or 8.",
    edit={"    if bits not in (2, 4, 8):\n        raise ValueError(f\"{bits} bits\")\n    places": "    places"},
)
mistake(
    "Only zeros' upper end is looked at. A zero of -1 is none.",
    edit={"stored = _checked(zeros, bits) if v2 else (_checked(zeros, bits) - 1) % 2**bits": "stored = zeros.long() % 2**bits if v2 else (zeros.long() - 1) % 2**bits\n    if bool((zeros.long() >= 2**bits).any()):\n        raise ValueError('zeros')"},
)
mistake(
    "Zeros out of range are brought into it by the modulo, and nobody sees it. Look at them before you subtract.",
    edit={"(_checked(zeros, bits) - 1) % 2**bits": "(zeros.long() - 1) % 2**bits"},
)
mistake(
    "GPTQ's zeros are stored as they are. The format stores zero - 1 (unless v2).",
    edit={"stored = _checked(zeros, bits) if v2 else (_checked(zeros, bits) - 1) % 2**bits": "stored = _checked(zeros, bits)", "zeros if v2 else (zeros + 1) % 2**bits": "zeros"},
)
mistake(
    "Version 2 stores the zero itself. You subtract 1 there, too.",
    edit={"stored = _checked(zeros, bits) if v2 else (_checked(zeros, bits) - 1) % 2**bits": "stored = (_checked(zeros, bits) - 1) % 2**bits", "zeros if v2 else (zeros + 1) % 2**bits": "(zeros + 1) % 2**bits"},
)
mistake(
    "You store zero + 1. It is zero - 1.",
    edit={"(_checked(zeros, bits) - 1) % 2**bits": "(_checked(zeros, bits) + 1) % 2**bits", "(zeros + 1) % 2**bits": "(zeros - 1) % 2**bits"},
)
mistake(
    "When reading GPTQ's zeros, the 1 is not added.",
    edit={"zeros if v2 else (zeros + 1) % 2**bits": "zeros"},
)
mistake(
    "A stored 2^bits - 1 becomes the zero 2^bits. It is 0.",
    edit={"(zeros + 1) % 2**bits": "zeros + 1"},
)
mistake(
    "A zero of 0 is stored as 0, so it is the same as a zero of 1. It is stored as the largest code.",
    edit={"(_checked(zeros, bits) - 1) % 2**bits": "(_checked(zeros, bits) - 1).clamp(min=0)"},
)
mistake(
    "You subtract 1 from the packed word: only its lowest zero-point changes.",
    edit={
        "stored = _checked(zeros, bits) if v2 else (_checked(zeros, bits) - 1) % 2**bits": "stored = _checked(zeros, bits)",
        "pack_int32(q, bits).T.contiguous(), pack_int32(stored, bits)": "pack_int32(q, bits).T.contiguous(), pack_int32(stored, bits) - (0 if v2 else 1)",
    },
)
mistake(
    "GPTQ's qweight packs along the outputs in your code. It packs along the inputs.",
    edit={"pack_int32(q, bits).T.contiguous(), pack_int32(stored, bits)": "pack_int32(q.T, bits), pack_int32(stored, bits)"},
)
mistake(
    "Your qweight is (O, C / P). Its shape is (C / P, O).",
    edit={"pack_int32(q, bits).T.contiguous(), pack_int32(stored, bits)": "pack_int32(q, bits), pack_int32(stored, bits)", "unpack_int32(qweight.T, bits)": "unpack_int32(qweight, bits)"},
)
mistake(
    "Your qweight is a transposed view. Files want contiguous tensors.",
    edit={"pack_int32(q, bits).T.contiguous(), pack_int32(stored, bits)": "pack_int32(q, bits).T, pack_int32(stored, bits)"},
)
mistake(
    "GPTQ's zero-points pack along the groups in your code. They pack along the outputs.",
    edit={"pack_int32(stored, bits)\n    # END": "pack_int32(stored.T.reshape(stored.shape), bits)\n    # END", "    zeros = unpack_int32(qzeros, bits)\n": "    zeros = unpack_int32(qzeros, bits)\n    zeros = zeros.reshape(zeros.T.shape).T\n"},
)
mistake(
    "You use AWQ's order for GPTQ. GPTQ has the usual one.",
    edit={"pack_int32(q, bits).T.contiguous()": "pack_int32(q, bits, AWQ_ORDER if bits == 4 else None).T.contiguous()", "unpack_int32(qweight.T, bits)": "unpack_int32(qweight.T, bits, AWQ_ORDER if bits == 4 else None)"},
)
mistake(
    "The codes that you read are (C, O). They are (O, C).",
    edit={"return unpack_int32(qweight.T, bits).contiguous(), zeros": "return unpack_int32(qweight.T, bits).T.contiguous(), zeros"},
)
mistake(
    "AWQ packs in the usual order in your code. Its order is 0 2 4 6 1 3 5 7.",
    edit={"pack_int32(q.T, 4, AWQ_ORDER), pack_int32(zeros, 4, AWQ_ORDER)": "pack_int32(q.T, 4), pack_int32(zeros, 4)", "unpack_int32(qweight, 4, AWQ_ORDER).T.contiguous(), unpack_int32(qzeros, 4, AWQ_ORDER)": "unpack_int32(qweight, 4).T.contiguous(), unpack_int32(qzeros, 4)"},
)
mistake(
    "AWQ's zero-points pack in the usual order in your code. They have the order of the weights.",
    edit={"pack_int32(zeros, 4, AWQ_ORDER)": "pack_int32(zeros, 4)", "unpack_int32(qzeros, 4, AWQ_ORDER)": "unpack_int32(qzeros, 4)"},
)
mistake(
    "You use the reading order 0 4 1 5 2 6 3 7 for packing. It is the inverse of AWQ's order.",
    edit={"pack_int32(q.T, 4, AWQ_ORDER), pack_int32(zeros, 4, AWQ_ORDER)": "pack_int32(q.T, 4, (0, 4, 1, 5, 2, 6, 3, 7)), pack_int32(zeros, 4, (0, 4, 1, 5, 2, 6, 3, 7))"},
)
mistake(
    "AWQ packs along the inputs in your code, as GPTQ does. It packs along the outputs.",
    edit={"pack_int32(q.T, 4, AWQ_ORDER), pack_int32(zeros": "pack_int32(F.pad(q, (0, -q.shape[1] % 8)), 4, AWQ_ORDER).T.contiguous(), pack_int32(zeros"},
)
mistake(
    "You subtract 1 from AWQ's zero-points. Only GPTQ does that.",
    edit={"pack_int32(q.T, 4, AWQ_ORDER), pack_int32(zeros, 4, AWQ_ORDER)": "pack_int32(q.T, 4, AWQ_ORDER), pack_int32((_checked(zeros, 4) - 1) % 16, 4, AWQ_ORDER)"},
)
mistake(
    "Converted layers keep GPTQ's zeros less one.",
    edit={"    return pack_awq(q, zeros)\n": "    return pack_awq(q, zeros if v2 else (zeros - 1) % 16)\n"},
)
mistake(
    "You convert by reordering words alone. GPTQ packs along the inputs, AWQ along the outputs: unpack and pack.",
    edit={"    return pack_awq(q, zeros)\n": "    return pack_int32(unpack_int32(qweight), 4, AWQ_ORDER), pack_awq(q, zeros)[1]\n"},
)
mistake(
    "A layer with act_order is converted, and its groups are wrong afterwards. Raise ValueError.",
    edit={'        raise ValueError("AWQ has groups of neighbours only")\n': "        pass\n"},
)
mistake(
    "You accept every g_idx that rises. The groups must have C / G inputs each.",
    edit={"not torch.equal(g_idx.long(), inputs // (q.shape[1] // len(zeros)))": "bool((g_idx.diff() < 0).any())"},
)
mistake(
    "You accept every g_idx with as many inputs in each group. They must be neighbours, in order.",
    edit={"not torch.equal(g_idx.long(), inputs // (q.shape[1] // len(zeros)))": "g_idx.long().bincount().tolist() != [q.shape[1] // len(zeros)] * len(zeros)"},
)
mistake(
    "Every list of groups is refused. One that says what AWQ does anyway is right.",
    edit={"not torch.equal(g_idx.long(), inputs // (q.shape[1] // len(zeros)))": "True"},
    crashes=True,
)
mistake(
    "The conversion reads each layer as version 1.",
    edit={"unpack_gptq(qweight, qzeros, 4, v2)": "unpack_gptq(qweight, qzeros, 4)"},
)
mistake(
    "Your layer ignores g_idx: with act_order inputs get the scales of other groups.",
    edit={'neighbours if g_idx is None or layout == "awq" else g_idx': "neighbours if g_idx is None or layout == 'awq' else g_idx", "group = self.g_idx.long()": "group = torch.arange(q.shape[1], device=q.device) // (q.shape[1] // len(zeros))"},
)
mistake(
    "Your layer sorts g_idx first, or the inputs by it, and not the weights with them.",
    edit={"group = self.g_idx.long()": "group = self.g_idx.long().sort().values"},
)
mistake(
    "g_idx gives your layer's scales their group, but the zero-points are taken as neighbours.",
    edit={"(q - zeros[group].T)": "(q - zeros[torch.arange(len(group), device=q.device) * len(zeros) // len(group)].T)"},
)
mistake(
    "You compute scales · q - zeros. It is scales · (q - zeros).",
    edit={"(q - zeros[group].T).to(x.dtype) * self.scales.to(x.dtype)[group].T": "q.to(x.dtype) * self.scales.to(x.dtype)[group].T - zeros[group].T.to(x.dtype)"},
)
mistake(
    "You subtract the zero-points from the wrong side: scales · (zeros - q).",
    edit={"(q - zeros[group].T)": "(zeros[group].T - q)"},
)
mistake(
    "q - zeros is computed in bytes, and negative differences wrap around.",
    edit={"(q - zeros[group].T)": "(q.to(torch.uint8) - zeros[group].T.to(torch.uint8))"},
)
mistake(
    "The weight is computed in float16, whatever x is. Convert scales to x's dtype first.",
    edit={"(q - zeros[group].T).to(x.dtype) * self.scales.to(x.dtype)[group].T": "((q - zeros[group].T).half() * self.scales.half()[group].T).to(x.dtype)"},
)
mistake(
    "The layer computes in the scales' dtype, and its result has that one. It is x's.",
    edit={"return F.linear(x, weight, None if self.bias is None else self.bias.to(x.dtype))": "return F.linear(x.to(self.scales.dtype).float(), weight.float(), None if self.bias is None else self.bias.float())"},
)
mistake(
    "The bias is left out.",
    edit={"None if self.bias is None else self.bias.to(x.dtype)": "None"},
)
mistake(
    "Your layer unpacks when it is made. What is loaded later has no effect.",
    edit={
        'self.register_buffer("bias", bias)\n': 'self.register_buffer("bias", bias)\n        self.kept = unpack_gptq(qweight, qzeros, bits, v2) if layout == "gptq" else unpack_awq(qweight, qzeros)\n',
        "        if self.layout == \"gptq\":\n            q, zeros = unpack_gptq(self.qweight, self.qzeros, self.bits, self.v2)\n        else:\n            q, zeros = unpack_awq(self.qweight, self.qzeros)\n": "        q, zeros = self.kept\n",
    },
)
mistake(
    "Your layer has an unpacked weight in its state dict. That is what packing was to save.",
    edit={'self.register_buffer("bias", bias)\n': 'self.register_buffer("bias", bias)\n        self.register_buffer("weight", torch.zeros(len(scales), scales.shape[1]))\n'},
)
mistake(
    "Scales and bias are parameters of your layer. They are buffers.",
    edit={'self.register_buffer("scales", scales)': "self.scales = nn.Parameter(scales)"},
)
mistake(
    "An AWQ layer of yours has g_idx in its state dict. Published ones have none.",
    edit={'persistent=layout == "gptq"': "persistent=True"},
)
mistake(
    "A GPTQ layer of yours has no g_idx in its state dict if none was given.",
    edit={'persistent=layout == "gptq"': 'persistent=layout == "gptq" and g_idx is not None'},
    crashes=True,
)
mistake(
    "No gradient flows through your layer to x.",
    edit={"return F.linear(x, weight,": "return F.linear(x.detach(), weight,"},
)
mistake(
    "An unknown layout is taken for one of the two. Raise ValueError.",
    edit={"        if layout not in (\"gptq\", \"awq\"):\n            raise ValueError(f\"there is no layout {layout!r}\")\n": "        layout = layout if layout == 'awq' else 'gptq'\n"},
)
mistake(
    "Your layer always reads four bits.",
    edit={"unpack_gptq(self.qweight, self.qzeros, self.bits, self.v2)": "unpack_gptq(self.qweight, self.qzeros, 4, self.v2)"},
    crashes=True,
)
mistake(
    "Your layer reads every checkpoint as version 1.",
    edit={"unpack_gptq(self.qweight, self.qzeros, self.bits, self.v2)": "unpack_gptq(self.qweight, self.qzeros, self.bits)"},
)


@mistake("You pack in place, with |= into the given words or codes of the caller. Make new tensors.")
def pack_int32(codes, bits=4, order=None):
    codes = _checked(codes, bits) if codes.dtype != torch.int64 else codes
    per = 32 // bits
    if bits not in (2, 4, 8) or codes.shape[-1] % per or bool(((codes < 0) | (codes >= 2**bits)).any()):
        raise ValueError(bits)
    parts = codes.view(*codes.shape[:-1], -1, per) if codes.is_contiguous() else codes.contiguous().view(*codes.shape[:-1], -1, per)
    order = list(order or range(per))
    words = parts[..., order[0]]
    for i in range(1, per):
        words |= parts[..., order[i]] << (bits * i)
    return words.to(torch.int32)
mistake(
    "Your AWQ layer takes its groups from g_idx. It is for GPTQ only, AWQ has groups of neighbours.",
    edit={'neighbours if g_idx is None or layout == "awq" else g_idx': "neighbours if g_idx is None else g_idx"},
)
mistake(
    "The codes that you read from AWQ are a transposed view. What is returned is contiguous.",
    edit={"unpack_int32(qweight, 4, AWQ_ORDER).T.contiguous()": "unpack_int32(qweight, 4, AWQ_ORDER).T"},
)
mistake(
    "When reading GPTQ's zeros you always cut to four bits.",
    edit={"zeros if v2 else (zeros + 1) % 2**bits": "zeros if v2 else (zeros + 1) % 16"},
)
mistake(
    "Your layer without a bias has one of zeros in its state dict.",
    edit={'self.register_buffer("bias", bias)': 'self.register_buffer("bias", torch.zeros(scales.shape[1]) if bias is None else bias)'},
)
mistake(
    "You multiply codes and zero-points by the scale, round both, and subtract then. In 16 bits little is left: subtract whole numbers first.",
    edit={"(q - zeros[group].T).to(x.dtype) * self.scales.to(x.dtype)[group].T": "q.to(x.dtype) * self.scales.to(x.dtype)[group].T - zeros[group].T.to(x.dtype) * self.scales.to(x.dtype)[group].T"},
)
mistake(
    "You make codes int32 before you look at them: 2^32 + 3 is 3 there. Look first, or widen to int64.",
    edit={"codes = codes.long()  # before": "codes = codes.to(torch.int32).long()  # before"},
)
mistake(
    "With two bits your packing ignores the order.",
    edit={"list(order or range(per))": "list(order if order and bits > 2 else range(per))"},
)
mistake(
    "With two bits your reading ignores the order.",
    edit={"    if order is not None:\n": "    if order is not None and bits > 2:\n"},
)
mistake(
    "Where there are no codes, you look for their largest. There is none: return no words.",
    edit={"not bool(((codes >= 0) & (codes < 2**bits)).all())": "int(codes.min()) < 0 or int(codes.max()) >= 2**bits"},
    crashes=True,
)
mistake(
    "With one group you do not look at g_idx. It must hold zeros then.",
    edit={"if g_idx is not None and not torch.equal": "if g_idx is not None and len(zeros) > 1 and not torch.equal"},
)
mistake(
    "You index with g_idx in its own dtype. Bytes are taken for a mask, and int16 is refused: make it int64 first.",
    edit={"group = self.g_idx.long()": "group = self.g_idx"},
    crashes=True,
)
mistake("You take \"AWQ\" for \"awq\". Any other layout raises ValueError.", edit={'        if layout not in ("gptq", "awq"):': '        if layout.lower() not in ("gptq", "awq"):'})
