"""Wrong implementations of quant/mixed_precision, and what a student should read about each."""



from autograder.checks import mistake

mistake(
    "Your best scale is not rounded down to a power of two.",
    edit={"    return 2.0**power\n    # END": "    return torch.finfo(dtype).max / largest\n    # END"},
)
mistake(
    "Your best scale is one power too large: the largest gradient overflows.",
    edit={"    return 2.0**power\n    # END": "    return 2.0 ** (power + 1)\n    # END"},
)
mistake(
    "Your best scale is half of what is possible.",
    edit={"    return 2.0**power\n    # END": "    return 2.0 ** (power - 1)\n    # END"},
)
mistake(
    "You take the largest gradient, not the largest |g|.",
    edit={"g.abs().max().item()": "g.max().item()"},
)
mistake(
    "You take the first tensor's largest gradient. It is the largest of all tensors.",
    edit={"max((g.abs().max().item() for g in gradients if g.numel()), default=0.0)": "next((g.abs().max().item() for g in gradients if g.numel()), 0.0)"},
)
mistake(
    "Your scale is never below 1. Large gradients need a smaller one.",
    edit={"    return 2.0**power\n    # END": "    return max(1.0, 2.0**power)\n    # END"},
)
mistake(
    "Where all gradients are 0 your scale is infinite or 0. It is 1.",
    edit={"        return 1.0\n    m, e": "        return math.inf\n    m, e"},
)
mistake(
    "Your best scale ignores the dtype.",
    edit={"math.frexp(torch.finfo(dtype).max)": "math.frexp(65504.0)"},
)
mistake(
    "You count zeros as lost. They were 0 before.",
    edit={"((g != 0) & ((g * scale).to(dtype) == 0))": "((g * scale).to(dtype) == 0)"},
)
mistake(
    "You divide by all numbers. The share is of those that are not 0.",
    edit={"int((g != 0).sum())": "g.numel()"},
)
mistake(
    "You compare with float16's smallest normal number. Below it there are subnormal ones, which are not 0.",
    edit={"((g * scale).to(dtype) == 0)": "((g * scale).abs() < torch.finfo(dtype).tiny)"},
)
mistake(
    "You round to 16 bits before you multiply by the scale. What is lost then is lost.",
    edit={"(g * scale).to(dtype)": "(g.to(dtype) * scale)"},
)
mistake(
    "Your share is the mean of the tensors' shares. Count over all of them together.",
    edit={"return lost / alive if alive else 0.0": "shares = [int(((g != 0) & ((g * scale).to(dtype) == 0)).sum()) / max(1, int((g != 0).sum())) for g in gradients]\n    return sum(shares) / len(shares) if alive else 0.0"},
)
mistake(
    "Your share ignores the scale.",
    edit={"(g * scale).to(dtype)": "g.to(dtype)"},
)
mistake(
    "You step although there are bad numbers, and the weights become nan.",
    edit={"        if not self.found:\n            optimizer.step()\n": "        optimizer.step()\n"},
)
mistake(
    "You set bad gradients to 0 and step all the same. With momentum or Adam such a step moves weights.",
    edit={"        if not self.found:\n            optimizer.step()\n": "        for group in optimizer.param_groups:\n            for p in group['params']:\n                if p.grad is not None and self.found:\n                    p.grad.zero_()\n        optimizer.step()\n"},
)
mistake(
    "You look for nan alone. inf and -inf are bad, too.",
    edit={"not bool(torch.isfinite(g).all())": "bool(torch.isnan(g).any())"},
)
mistake(
    "You look for inf alone, perhaps only for the positive one. nan and -inf are bad, too.",
    edit={"not bool(torch.isfinite(g).all())": "bool((g == math.inf).any())"},
)
mistake(
    "Your finding is the last tensor's. One bad number in any of them is enough.",
    edit={"self.found = self.found or not bool(torch.isfinite(g).all())": "self.found = not bool(torch.isfinite(g).all())"},
)
mistake(
    "You stop at the first bad tensor, and the gradients after it are not divided.",
    edit={"            self.found = self.found or not bool(torch.isfinite(g).all())\n": "            self.found = self.found or not bool(torch.isfinite(g).all())\n            if self.found:\n                break\n"},
)
mistake(
    "You put new tensors into .grad. Divide in place: others may hold the same tensor.",
    edit={"        for g in gradients:\n            g.div_(self.value)\n": "        for p in parameters:\n            p.grad = None if p.grad is None else p.grad / self.value\n        for g in [p.grad for p in parameters if p.grad is not None]:\n"},
)
mistake(
    "unscale_ multiplies by the scale. It undoes it.",
    edit={"g.div_(self.value)": "g.mul_(self.value)"},
)
mistake(
    "Float16 gradients are unscaled, too: what is divided there is 0 again. Raise ValueError.",
    edit={"        if any(g.dtype == torch.float16 for g in gradients):\n            raise ValueError(\"gradients in float16 can't be unscaled: copy them to float32 first\")\n": ""},
)
mistake(
    "You refuse float16 gradients after others have been divided. Look first.",
    edit={
        "        if any(g.dtype == torch.float16 for g in gradients):\n            raise ValueError(\"gradients in float16 can't be unscaled: copy them to float32 first\")\n": "",
        "            g.div_(self.value)\n": "            if g.dtype == torch.float16:\n                raise ValueError(g.dtype)\n            g.div_(self.value)\n",
    },
)
mistake(
    "After a refused unscale_ your scaler believes that it has unscaled.",
    edit={
        "        if any(g.dtype": "        known, self.found = self.found, False\n        if any(g.dtype",
        "        if self.found is not None:\n            raise RuntimeError(\"gradients": "        self.found = known\n        if self.found is not None:\n            raise RuntimeError(\"gradients",
    },
    crashes=True,
)
mistake(
    "You refuse bfloat16 gradients as well. They have float32's range, and dividing loses nothing.",
    edit={"g.dtype == torch.float16 for g": "g.dtype.itemsize == 2 for g"},
    crashes=True,
)
mistake(
    "Unscaling twice divides twice. The second call in a round raises RuntimeError.",
    edit={'        if self.found is not None:\n            raise RuntimeError("gradients were unscaled before in this round")\n': ""},
)
mistake(
    "step divides again although unscale_ has been called.",
    edit={"        if self.found is None:\n            self.unscale_([p for": "        if self.found is not None:\n            found, self.found = self.found, None\n            self.unscale_([p for group in optimizer.param_groups for p in group[\"params\"]])\n            self.found = found or self.found\n        else:\n            self.unscale_([p for"},
)
mistake(
    "step unscales nothing by itself: without unscale_ the weights move by gradients that are thousands of times too large.",
    edit={'            self.unscale_([p for group in optimizer.param_groups for p in group["params"]])\n': "            self.found = not all(bool(torch.isfinite(p.grad).all()) for group in optimizer.param_groups for p in group['params'] if p.grad is not None)\n"},
)
mistake(
    "step unscales the first group of parameters alone.",
    edit={'for group in optimizer.param_groups for p in group["params"]]': 'for p in optimizer.param_groups[0]["params"]]'},
)
mistake(
    "A second step in one round steps again. Raise RuntimeError.",
    edit={'        if self.stepped:\n            raise RuntimeError("step was called before in this round")\n': ""},
)
mistake(
    "step says whether there were bad numbers. It says whether the optimizer stepped.",
    edit={"        return not self.found\n": "        return self.found\n"},
)
mistake(
    "After step your round is over, so unscale_ can be called again. It is over with update.",
    edit={"        self.stepped = True\n        if not self.found:\n            optimizer.step()\n        return not self.found\n": "        self.stepped = True\n        found, self.found = self.found, None\n        if not found:\n            optimizer.step()\n        self.last = found\n        return not found\n",
          "        if self.found is None:\n            raise RuntimeError(\"nothing": "        if self.found is None:\n            self.found = getattr(self, 'last', None)\n        if self.found is None:\n            raise RuntimeError(\"nothing"},
)
mistake(
    "update without anything unscaled counts as a good round. Raise RuntimeError.",
    edit={'        if self.found is None:\n            raise RuntimeError("nothing was unscaled in this round")\n': ""},
)
mistake(
    "You count good rounds on after a bad one. Counting begins anew.",
    edit={"self.good = 0 if self.found else self.good + 1": "self.good = self.good if self.found else self.good + 1"},
)
mistake(
    "You count good rounds on after the scale has grown, so it never grows again.",
    edit={"            self.value *= self.growth\n            self.good = 0\n": "            self.value *= self.growth\n"},
)
mistake(
    "The scale grows one round too late.",
    edit={"elif self.good == self.interval:": "elif self.good > self.interval:"},
)
mistake(
    "The scale grows one round too early: the interval must be complete.",
    edit={"elif self.good == self.interval:": "elif self.good == max(1, self.interval - 1):"},
)
mistake(
    "The scale doubles whatever `growth` is.",
    edit={"self.value *= self.growth": "self.value *= 2.0"},
)
mistake(
    "The scale halves whatever `backoff` is.",
    edit={"self.value *= self.backoff": "self.value *= 0.5"},
)
mistake(
    "You divide by backoff: the scale grows after a bad round.",
    edit={"self.value *= self.backoff": "self.value /= self.backoff"},
)
mistake(
    "Your scale never falls below 1. Where gradients are large it must.",
    edit={"self.value *= self.backoff": "self.value = max(1.0, self.value * self.backoff)"},
)
mistake(
    "The finding of a round stays for the next one.",
    edit={"        self.found, self.stepped = None, False\n": "        self.stepped = False\n"},
    crashes=True,
)
mistake(
    "All scalers share one state. Keep it in the object.",
    edit={"        self.value *= self.backoff": "        self.value *= self.backoff", "self.value, self.good = float(init), 0": "self.value, self.good = globals().setdefault('_scale', {}).setdefault('value', float(init)), 0"},
)
mistake(
    "A float16 loss is multiplied in float16, and a scale of 65536 is infinite there. Make it float32 first.",
    edit={"(loss.float() if loss.dtype.itemsize < 4 else loss) * self.value": "loss * self.value"},
)
mistake(
    "A float64 loss becomes float32. Only 16 bits are widened.",
    edit={"(loss.float() if loss.dtype.itemsize < 4 else loss) * self.value": "loss.float() * self.value"},
)
mistake(
    "The scaled loss has lost its graph.",
    edit={"(loss.float() if loss.dtype.itemsize < 4 else loss) * self.value": "(loss.detach().float() if loss.dtype.itemsize < 4 else loss.detach()).requires_grad_() * self.value"},
    crashes=True,
)
mistake(
    "The loss is not scaled in your step: gradients of 1e-8 are 0 in float16.",
    edit={"torch.autograd.grad(scaler.scale(loss), low, allow_unused=True)": "[None if g is None else g.float() * scale for g in torch.autograd.grad(loss, low, allow_unused=True)]"},
)
mistake(
    "You divide in 16 bits and copy then. Copy to float32 first, and divide there.",
    edit={"w.grad = None if g is None else g.float()": "w.grad = None if g is None else (g / scale).float() * scale"},
)
mistake(
    "You clip the scaled gradients. Unscale them first: the bound is for the real ones.",
    edit={"if clip is not None and clip < norm < math.inf:\n        for g in unscaled:\n            g.mul_(clip / norm)": "if clip is not None and clip < norm * scale < math.inf:\n        for g in unscaled:\n            g.mul_(clip / (norm * scale))"},
)
mistake(
    "The norm that you report is that of the scaled gradients.",
    edit={'"norm": norm,': '"norm": norm * scale,'},
)
mistake(
    "You report the norm after clipping.",
    edit={'"norm": norm,': '"norm": norm if clip is None or found else min(norm, clip),'},
)
mistake(
    "You clip each tensor by its own norm. The norm is over all of them together, so the direction stays.",
    edit={"            g.mul_(clip / norm)\n": "            g.mul_(min(1.0, clip / max(g.norm().item(), 1e-30)))\n"},
)
mistake(
    "You clip each number. It is the norm of all that is bounded.",
    edit={"            g.mul_(clip / norm)\n": "            g.clamp_(-clip, clip)\n"},
)
mistake(
    "You scale every gradient to the norm `clip`, the small ones, too. Only a larger norm is made smaller.",
    edit={"clip < norm < math.inf": "0 < norm < math.inf"},
)
mistake(
    "Without clip your norm is missing. It is computed all the same.",
    edit={"norm = math.inf if found else": "norm = math.inf if found else 0.0 if clip is None else"},
)
mistake(
    "Your norm is the sum of the tensors' norms, not the root of the sum of all squares.",
    edit={"math.sqrt(sum(g.double().square().sum().item() for g in unscaled))": "sum(g.norm().item() for g in unscaled)"},
)
mistake(
    "The loss that you report is the scaled one.",
    edit={'"loss": loss.item()': '"loss": loss.item() * scale'},
)
mistake(
    "You report the scale after the step. It is the one that this step used.",
    edit={'"scale": scale}': '"scale": scaler.value}'},
)
mistake(
    "The function gets the float32 weights themselves. It computes with copies in 16 bits.",
    edit={"w.detach().to(dtype, copy=True).requires_grad_()": "w.detach().clone().requires_grad_()"},
)
mistake(
    "Your copies in 16 bits hang on the masters' graph. They are leaves of their own.",
    edit={"w.detach().to(dtype, copy=True).requires_grad_()": "w.requires_grad_().to(dtype)"},
)
mistake(
    "Your copies are float16 whatever `dtype` is.",
    edit={"w.detach().to(dtype, copy=True)": "w.detach().to(torch.float16, copy=True)"},
)
mistake(
    "The masters' old gradients are still there, and the new ones are added. Forget them first.",
    edit={"w.grad = None if g is None else g.float()": "w.grad = w.grad if g is None else g.float() + (0 if w.grad is None else w.grad)"},
)
mistake(
    "A weight without a gradient keeps the one of an earlier step. It has None.",
    edit={"w.grad = None if g is None else g.float()": "w.grad = w.grad if g is None else g.float()"},
)
mistake(
    "A weight that is not used gets a gradient of zeros. With momentum it moves all the same: leave it None.",
    edit={"w.grad = None if g is None else g.float()": "w.grad = torch.zeros_like(w) if g is None else g.float()"},
)
mistake(
    "The masters keep their gradients after the step.",
    edit={"    for w in master:\n        w.grad = None\n": ""},
)
mistake(
    "You call the loss function a second time to report the loss.",
    edit={'"loss": loss.item()': '"loss": loss_fn(low).item()'},
)
mistake(
    "Your step forgets to update the scaler.",
    edit={"    scaler.update()\n": "    scaler.found, scaler.stepped = None, False\n"},
)
mistake(
    "Your updated weights are rounded to 16 bits. Updates that are smaller than their last bit are lost.",
    edit={"    scaler.update()\n": "    scaler.update()\n    with torch.no_grad():\n        for w in master:\n            w.copy_(w.to(dtype))\n"},
)
mistake(
    "By default your step does not clip. The default is 1.",
    edit={"    scale = scaler.value\n    low": "    clip = None if clip == 1.0 else clip\n    scale = scaler.value\n    low"},
)
mistake(
    "With bad numbers you clip by a norm of inf or nan.",
    edit={"norm = math.inf if found else math.sqrt(": "norm = math.sqrt("},
)
mistake(
    "Your sum has no memory: small numbers are lost one by one.",
    edit={"y = x - excess": "y = x", "(new - total) - y": "torch.zeros_like(y)"},
)
mistake(
    "The sign of your excess is that of the missing part. Here it is what was too much: subtract it from the next x.",
    edit={"y = x - excess": "y = x + excess", "(new - total) - y": "y - (new - total)"},
)
mistake(
    "You add the excess to x. It is what was too much: subtract it.",
    edit={"y = x - excess": "y = x + excess"},
)
mistake(
    "Your excess is always 0 by algebra: (total + y) - total - y must use the rounded sum.",
    edit={"(new - total) - y": "((total.double() + y.double()) - total.double() - y.double()).to(y.dtype)"},
)
mistake(
    "You compute in float32 and round once in the end. Each operation is rounded.",
    edit={"    y = x - excess\n    new = total + y\n    return new, (new - total) - y": "    y = x.double() - excess.double()\n    new = (total.double() + y).to(total.dtype)\n    return new, ((new.double() - total.double()) - y).to(total.dtype)"},
)
mistake(
    "Your excess forgets what it was before: it compares the new sum with x, not with y.",
    edit={"(new - total) - y": "(new - total) - x"},
)
mistake(
    "You compute new - (total + y), which is 0. The brackets are (new - total) - y.",
    edit={"(new - total) - y": "new - (total + y)"},
)
mistake(
    "You change total and excess in place. Return new tensors.",
    edit={"    y = x - excess\n    new = total + y\n    return new, (new - total) - y": "    old = total.clone()\n    y = x - excess\n    total += y\n    excess.copy_((total - old) - y)\n    return total, excess"},
)
mistake(
    "Your results are float32. They have the dtype of the three tensors.",
    edit={"return new, (new - total) - y": "return new.float(), ((new - total) - y).float()"},
)
mistake(
    "Results are returned in the wrong order: the new sum comes first.",
    edit={"return new, (new - total) - y": "return (new - total) - y, new"},
)
mistake(
    "step looks at the gradients again although unscale_ has looked. Its finding counts, also if somebody cleaned the gradients since.",
    edit={
        "        self.stepped = True\n        if not self.found:": "        self.stepped = True\n        self.found = any("
        "not bool(torch.isfinite(p.grad).all()) for group in optimizer.param_groups for p in group['params'] if p.grad is not None)\n"
        "        if not self.found:"
    },
)
mistake(
    "update refuses a round without a step. It needs no more than a finding.",
    edit={
        '            raise RuntimeError("nothing was unscaled in this round")\n': '            raise RuntimeError("nothing was unscaled in this round")\n'
        '        if not self.stepped:\n            raise RuntimeError("no step")\n'
    },
    crashes=True,
)
mistake(
    "After your step the masters no longer require gradients.",
    edit={"    for w in master:\n        w.grad = None\n": "    for w in master:\n        w.grad = None\n        w.requires_grad_(False)\n"},
)
mistake(
    "A copy requires a gradient only if its master does. All of them do.",
    edit={"w.detach().to(dtype, copy=True).requires_grad_()": "w.detach().to(dtype, copy=True).requires_grad_(w.requires_grad)"},
    crashes=True,
)
mistake(
    "Your norm is computed in float16, where squares of small numbers are 0.",
    edit={"g.double().square().sum().item() for g in unscaled": "g.half().square().double().sum().item() for g in unscaled"},
)
mistake(
    "Your norm is computed from squares in float32, where those of 1e24 are infinite and those of 1e-24 are 0. Add them up in float64.",
    edit={"g.double().square().sum().item() for g in unscaled": "g.square().sum().item() for g in unscaled"},
)
mistake(
    "Where the dtype is float32 your copies are the masters themselves, and a loss that changes its copies changes the weights. Copy them.",
    edit={"w.detach().to(dtype, copy=True)": "w.detach().to(dtype)"},
)
mistake(
    "A clip of 0.0 does not clip. Only None means that nothing is clipped.",
    edit={"if clip is not None and clip < norm": "if clip and clip < norm"},
)
mistake(
    "The loss that you report is the scaled loss divided by the scale, which is infinite for large losses. Report the loss itself.",
    edit={'"loss": loss.item()': '"loss": scaler.scale(loss).item() / scaler.value'},
)
mistake(
    "You make a float64 loss float32 before you report it, and a large one becomes infinite.",
    edit={"    loss = loss_fn(low)\n": "    loss = loss_fn(low).float()\n"},
)
mistake(
    "A second unscale_ in a bad round is allowed. It raises RuntimeError in every round.",
    edit={"        if self.found is not None:\n            raise RuntimeError(\"gradients": "        if self.found is False:\n            raise RuntimeError(\"gradients"},
)
mistake(
    "unscale_ that meets no gradient does not count. It was called all the same, and found nothing bad.",
    edit={"        self.found = False\n        for g": "        self.found = False if gradients else None\n        for g"},
    crashes=True,
)
mistake(
    "A tensor of one number without an axis is taken with its sign. Take |g| there, too.",
    edit={"g.abs().max().item() for g in gradients": "(g.abs().max() if g.ndim else g).item() for g in gradients"},
)
mistake(
    "Your scale never grows beyond 2^24. It has no upper bound.",
    edit={"self.value *= self.growth": "self.value = max(self.value, min(2.0**24, self.value * self.growth))"},
)
mistake(
    "Your scale never falls below 2^-24. It has no lower bound.",
    edit={"self.value *= self.backoff": "self.value = min(self.value, max(2.0**-24, self.value * self.backoff))"},
)
mistake("You look whether the *sum* of a gradient is finite. Large numbers that are finite themselves add up to inf: look at each of them.", edit={"torch.isfinite(g).all()": "torch.isfinite(g.sum())"})
mistake("A loss that is nan comes back as inf. The loss is what loss_fn gave.", edit={'{"loss": loss.item()': '{"loss": math.inf if loss.isnan() else loss.item()'})
