"""Wrong ways to write warmup/training_loop, each with the sentence that a student should read."""

import math

import torch

from autograder.checks import mistake

MOVE = "return p - lr * weight_decay * p - lr * m_hat / (v_hat.sqrt() + eps), m, v"
M = "m = beta1 * m + (1 - beta1) * g"
V = "v = beta2 * v + (1 - beta2) * g**2"
NORM = "norm = torch.stack([(g**2).sum() for g in grads]).sum().sqrt()"

# --- one step --------------------------------------------------------------------------------------------------------

mistake(
    "Your running means are not corrected for their start with zeros: divide m by 1 - β1^t and v by 1 - β2^t.",
    edit={"m_hat = m / (1 - beta1**t)": "m_hat = m", "v_hat = v / (1 - beta2**t)": "v_hat = v"},
)
mistake("You correct m and not v. Both means begin with zeros.", edit={"v_hat = v / (1 - beta2**t)": "v_hat = v"})
mistake("You correct v and not m. Both means begin with zeros.", edit={"m_hat = m / (1 - beta1**t)": "m_hat = m"})
mistake(
    "Your correction counts one step too few: the first step has t = 1 (β1^1), so t - 1 would divide by 0 there.",
    edit={
        "m_hat = m / (1 - beta1**t)": "m_hat = m / (1 - beta1 ** max(t - 1, 1))",
        "v_hat = v / (1 - beta2**t)": "v_hat = v / (1 - beta2 ** max(t - 1, 1))",
    },
)
mistake(
    "You return the corrected means as the new state, so each later step corrects them once more. Keep m and v as they are.",
    edit={MOVE: MOVE.replace(", m, v", ", m_hat, v_hat")},
)
mistake("eps stands under your root. It is added to √v̂, outside.", edit={"(v_hat.sqrt() + eps)": "(v_hat + eps).sqrt()"})
mistake(
    "You add eps to √v before the correction (TensorFlow's “epsilon hat”). PyTorch adds it to the corrected √v̂.",
    edit={"(v_hat.sqrt() + eps)": "((v.sqrt() + eps) / (1 - beta2**t) ** 0.5)"},
)
mistake("You divide by v̂ instead of its root.", edit={"(v_hat.sqrt() + eps)": "(v_hat + eps)"})
mistake("Your v is the mean of the gradients' absolute values. It is the mean of their squares.", edit={"g**2\n    m_hat": "g.abs()\n    m_hat"})
mistake(
    "Your betas are exchanged: β1 belongs to the mean of the gradients, β2 to that of their squares.",
    edit={"beta1, beta2 = betas": "beta2, beta1 = betas"},
)
mistake("The weights of old and new are exchanged in your m: the old mean keeps the share β1.", edit={M: "m = (1 - beta1) * m + beta1 * g"})
mistake("Your m is a momentum as in SGD: β1 m + g. The new gradient enters with the share 1 - β1.", edit={M: "m = beta1 * m + g"})
mistake(
    "You use m and v from before this step. The new gradient belongs in both first.",
    edit={"m_hat = m / (1": "m_hat = old_m / (1",
          "    m = beta1 * m": "    old_m = m\n    m = beta1 * m"},
)  # fmt: skip
mistake("You use Nesterov's look ahead (NAdam). AdamW moves by m̂ itself.", edit={
    "    return p - lr * weight": "    m_hat = beta1 * m_hat + (1 - beta1) * g / (1 - beta1**t)\n    return p - lr * weight"})  # fmt: skip
mistake("You move by the sign of m alone. The step is m̂ / (√v̂ + eps).", edit={"lr * m_hat / (v_hat.sqrt() + eps)": "lr * m_hat.sign()"})

# --- weight decay ----------------------------------------------------------------------------------------------------

mistake(
    "You add λ p to the gradient, as L2 regularization in Adam does. Then m and v divide the decay away again. Take lr · λ · p off beside them.",
    edit={"    m = beta1 * m + (1 - beta1) * g\n": "    g = g + weight_decay * p\n    m = beta1 * m + (1 - beta1) * g\n",
          " - lr * weight_decay * p": ""},
)  # fmt: skip
mistake("Your decay is not multiplied by lr. PyTorch takes lr · λ · p off.", edit={"lr * weight_decay * p": "weight_decay * p"})
mistake("Your parameters do not decay.", edit={" - lr * weight_decay * p": ""})
mistake("Your decay makes parameters grow: it is subtracted.", edit={"p - lr * weight_decay * p": "p + lr * weight_decay * p"})
mistake(
    "You shrink the parameter after it has moved, so the step shrinks too. The old p is on the right.",
    edit={MOVE: "return (p - lr * m_hat / (v_hat.sqrt() + eps)) * (1 - lr * weight_decay), m, v"},
)
mistake("Your default of weight_decay is 0, that of Adam. AdamW's is 0.01.", edit={
    "    eps: float = 1e-8,\n    weight_decay: float = 0.01,\n) -> tuple[Tensor, Tensor, Tensor]:":
    "    eps: float = 1e-8,\n    weight_decay: float = 0.0,\n) -> tuple[Tensor, Tensor, Tensor]:"})  # fmt: skip

# --- the optimizer ---------------------------------------------------------------------------------------------------

mistake(
    "You count the steps of the optimizer. A parameter without a gradient does not count the step: t is its own.",
    edit={"        for i, p in enumerate(self.params):\n            if p.grad is None:\n                continue\n            self.t[i] += 1\n":
          "        for i, p in enumerate(self.params):\n            self.t[i] += 1\n            if p.grad is None:\n                continue\n"},
)  # fmt: skip
mistake(
    "A missing gradient counts as 0 in your step: the parameter decays and goes on with its old momentum. Leave it out.",
    edit={
        "            if p.grad is None:\n                continue\n": "",
        "                p, p.grad, self.m[i]": "                p, torch.zeros_like(p) if p.grad is None else p.grad, self.m[i]",
    },
)
mistake("Your step ends at the first parameter without a gradient. Go on with the next one.", edit={"                continue\n": "                break\n"})
mistake(
    "You put a new tensor in place of the parameter's numbers. Change them in place: views and tied weights see it then.",
    edit={"                p.copy_(new)\n": "                p.data = new\n"},
)
mistake(
    "You put new tensors into the optimizer's list. The model still holds the old ones: change the numbers in place.",
    edit={"                p.copy_(new)\n": "                self.params[i] = new.requires_grad_()\n"},
)
mistake("Your step clears the gradients. Only `zero_grad` does.", edit={"                p.copy_(new)\n": "                p.copy_(new)\n            p.grad = None\n"})
mistake(
    "Your optimizer uses the learning rate that it was made with. It reads `lr` in every step.",
    edit={"        self.t = [0 for _ in self.params]\n": "        self.t = [0 for _ in self.params]\n        self.first = lr\n",
          "self.t[i], self.lr, self.betas": "self.t[i], self.first, self.betas"},
)  # fmt: skip
mistake(
    "You keep `params` as it came. A generator is empty after its first walk: make a list of it.",
    edit={"        self.params = list(params)\n": "        self.params = params\n", "        self.m = [torch.zeros_like(p) for p in self.params]\n":
          "        self.m = [torch.zeros_like(p) for p in params]\n"},
)  # fmt: skip
mistake(
    "All parameters share one m and one v in your optimizer, as if they were one number. Each has its own, of its own shape.",
    edit={"self.m[i], self.v[i] = adamw_update(\n                p, p.grad, self.m[i], self.v[i]":
          "self.m[0], self.v[0] = adamw_update(\n                p, p.grad, self.m[0].mean(), self.v[0].mean()"},
)  # fmt: skip
mistake("Your optimizer passes over weight_decay, and takes the default.", edit={"self.betas, self.eps, self.weight_decay\n            )": "self.betas, self.eps\n            )"})
mistake(
    "`zero_grad` fills the gradients with zeros. Set them to None: a parameter without a gradient is left out of the step.",
    edit={"            p.grad = None\n": "            if p.grad is not None:\n                p.grad.zero_()\n"},
)


@mistake("The state of your optimizer belongs to the class, so that two optimizers share it. Make it in `__init__`.")
class AdamW:
    state = {}  # noqa: RUF012

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params = list(params)
        self.lr, self.options = lr, (betas, eps, weight_decay)

    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is None:
                continue
            m, v, t = self.state.get(i, [torch.zeros_like(p), torch.zeros_like(p), 0])
            new, m, v = adamw_update(p, p.grad, m, v, t + 1, self.lr, *self.options)
            self.state[i] = [m, v, t + 1]
            with torch.no_grad():
                p.copy_(new)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


# --- the schedule ----------------------------------------------------------------------------------------------------

WAVE = "wave = (1 + math.cos(math.pi * (step - warmup) / (total - warmup))) / 2"
mistake("Your warm-up is one step ahead: (step + 1) / warmup. Step 0 has the factor 0.", edit={"return step / warmup": "return (step + 1) / warmup"})
mistake("Your warm-up begins at the floor. It rises from 0.", edit={"return step / warmup": "return floor + (1 - floor) * step / warmup"})
mistake("Your wave is counted from step 0. It begins in step `warmup`.", edit={WAVE: "wave = (1 + math.cos(math.pi * step / total)) / 2"})
mistake(
    "Your wave is `total` steps long, so it has not come down in step `total`. It has total - warmup steps.",
    edit={WAVE: "wave = (1 + math.cos(math.pi * (step - warmup) / total)) / 2"},
)
mistake("Your wave is a whole one: it is back at 1 in step `total`. Half a wave goes down.", edit={WAVE: "wave = (1 + math.cos(2 * math.pi * (step - warmup) / (total - warmup))) / 2"})
mistake("You fall in a straight line. The docstring asks for half a cosine wave.", edit={WAVE: "wave = (total - step) / (total - warmup)"})
mistake("You cut the wave off at the floor. The whole wave lies between 1 and the floor.", edit={
    "return floor + (1 - floor) * wave": "return max(floor, wave)"})  # fmt: skip
mistake("You ignore the floor.", edit={"return floor + (1 - floor) * wave": "return wave"})
mistake("You lift the wave by the floor, so it begins above 1. Shrink it as well: floor + (1 - floor) · wave.", edit={
    "return floor + (1 - floor) * wave": "return floor + wave"})  # fmt: skip

# --- clipping --------------------------------------------------------------------------------------------------------


@mistake("You clip each gradient by its own norm, which changes the direction of the step. There is one norm for all of them.")
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    if not grads:
        return torch.tensor(0.0)
    norm = torch.stack([(g**2).sum() for g in grads]).sum().sqrt()
    for g in grads:
        g.mul_((max_norm / ((g**2).sum().sqrt() + 1e-6)).clamp(max=1.0))
    return norm


@mistake("You cut each number off at ± max_norm. Multiply all of them by one factor: the direction stays.")
def clip_grad_norm(params, max_norm):
    grads = [p.grad for p in params if p.grad is not None]
    if not grads:
        return torch.tensor(0.0)
    norm = torch.stack([(g**2).sum() for g in grads]).sum().sqrt()
    for g in grads:
        g.clamp_(-max_norm, max_norm)
    return norm


mistake("You add up the norms of the gradients. Add up their squares, then take the root.", edit={
    NORM: "norm = torch.stack([(g**2).sum().sqrt() for g in grads]).sum()"})  # fmt: skip
mistake("You take the largest of the norms. The global norm is the root of the sum of all squares.", edit={
    NORM: "norm = torch.stack([(g**2).sum().sqrt() for g in grads]).max()"})  # fmt: skip
mistake("You forget the root of the sum of squares.", edit={".sum().sqrt()\n    factor": ".sum()\n    factor"})
mistake("Your norm is the root of the *mean* of squares. A length adds them up.", edit={
    NORM: "norm = torch.cat([g.flatten() for g in grads]).square().mean().sqrt()"})  # fmt: skip
mistake("You make short gradients longer: the factor is at most 1.", edit={".clamp(max=1.0)": ""})
mistake("You return the norm after clipping. The one from before is what people watch.", edit={"    return norm\n": "    return norm * factor\n"})
mistake("You multiply each gradient by the factor twice.", edit={
    "g.mul_(factor)": "g.mul_(factor).mul_(factor)"})  # fmt: skip
mistake("You put new tensors into `.grad`. Change the numbers in place: others may hold the gradient too.", edit={
    "grads = [p.grad for p in params if p.grad is not None]": "params = list(params)\n    grads = [p.grad for p in params if p.grad is not None]",
    "    for g in grads:\n        g.mul_(factor)\n":
    "    for p in params:\n        p.grad = None if p.grad is None else p.grad * factor\n"})  # fmt: skip
mistake("A division by a norm of 0 gives nan. Add 1e-6 to the norm.", edit={"(max_norm / (norm + 1e-6)).clamp": "(max_norm / norm).clamp"})
mistake("Your function fails when no parameter has a gradient. The norm is 0 then.", edit={"    if not grads:\n        return torch.tensor(0.0)\n": ""}, crashes=True)


@mistake("You walk through `params` twice. A generator is empty the second time: make a list of it.")
def clip_grad_norm(params, max_norm):
    squares = [(p.grad**2).sum() for p in params if p.grad is not None]
    if not squares:
        return torch.tensor(0.0)
    norm = torch.stack(squares).sum().sqrt()
    for p in params:
        if p.grad is not None:
            p.grad.mul_((max_norm / (norm + 1e-6)).clamp(max=1.0))
    return norm


# --- accumulation ----------------------------------------------------------------------------------------------------


@mistake("You divide each micro-batch's loss by the number of micro-batches. Divide by the number of all items, `n_items`.")
def accumulate(loss_sum, micro_batches, n_items):
    micro_batches, total = list(micro_batches), 0.0
    for batch in micro_batches:
        loss = loss_sum(batch) / len(micro_batches)
        loss.backward()
        total += loss.item()
    return total


mistake("You use the sum of the losses. Their mean divides by `n_items`.", edit={"loss = loss_sum(batch) / n_items": "loss = loss_sum(batch)"})
mistake("Your gradients are those of the sum, though the loss that you return is the mean.", edit={
    "loss = loss_sum(batch) / n_items\n        loss.backward()": "loss = loss_sum(batch)\n        loss.backward()\n        loss = loss / n_items"})  # fmt: skip
mistake("You return the loss of the last micro-batch. It is the mean over all items.", edit={"total += loss.item()": "total = loss.item()"})
mistake("You divide by `n_items` a second time.", edit={"    return total\n": "    return total / n_items\n"})


@mistake("You add all losses up and go backward once, so all micro-batches are in memory together. Go backward after each.")
def accumulate(loss_sum, micro_batches, n_items):
    loss = sum(loss_sum(batch) for batch in micro_batches) / n_items
    loss.backward()
    return loss.item()


@mistake("You compute the loss of every micro-batch before the first backward pass, so all are in memory together.")
def accumulate(loss_sum, micro_batches, n_items):
    losses = [loss_sum(batch) / n_items for batch in micro_batches]
    for loss in losses:
        loss.backward()
    return sum(loss.item() for loss in losses)


# --- the loop --------------------------------------------------------------------------------------------------------

mistake("You never drop old gradients, so that each step uses those of all steps before.", edit={"        optimizer.zero_grad()\n": ""})
mistake("You drop the gradients after the step only, so the first step uses what was there before the call.", edit={
    "        optimizer.zero_grad()\n": "", "        optimizer.step()\n": "        optimizer.step()\n        optimizer.zero_grad()\n"})  # fmt: skip
mistake("You set the learning rate after the step, so each step uses the one of the step before.", edit={
    "        optimizer.step()\n        log": "        log",
    "        optimizer.lr = lr * cosine": "        optimizer.step()\n        optimizer.lr = lr * cosine"})  # fmt: skip
mistake("You count steps from 1. The first step has the number 0, and with a warm-up the learning rate 0.", edit={
    "optimizer.lr = lr * cosine_with_warmup(i, warmup": "optimizer.lr = lr * cosine_with_warmup(i + 1, warmup"})  # fmt: skip
mistake("You multiply the learning rate of the step before by the factor. It is lr times the factor of this step.", edit={
    "optimizer.lr = lr * cosine_with_warmup(i, warmup, len(batches), floor)":
    "optimizer.lr = optimizer.lr * cosine_with_warmup(i, warmup, len(batches), floor)"})  # fmt: skip
mistake("Your loop does not clip: it only measures.", edit={"clip_grad_norm(params, max_norm)": 'clip_grad_norm(params, float("inf"))'})
mistake("You clip after the step. It is too late then.", edit={
    "        norm = clip_grad_norm(params, max_norm)\n": "", "        optimizer.step()\n        log": "        optimizer.step()\n        norm = clip_grad_norm(params, max_norm)\n        log"})  # fmt: skip
mistake("You clip before the gradients are there: what is clipped is empty.", edit={
    "        loss = accumulate(loss_sum, micro_batches, n_items)\n        norm = clip_grad_norm(params, max_norm)\n":
    "        norm = clip_grad_norm(params, max_norm)\n        loss = accumulate(loss_sum, micro_batches, n_items)\n"})  # fmt: skip
mistake("You make a new optimizer in each step, which forgets m, v and t.", edit={
    "        optimizer.zero_grad()\n": "        optimizer = AdamW(params, lr, weight_decay=weight_decay)\n        optimizer.zero_grad()\n"})  # fmt: skip
mistake("You pass over `floor` in your loop.", edit={"cosine_with_warmup(i, warmup, len(batches), floor)\n": "cosine_with_warmup(i, warmup, len(batches))\n"})
mistake("You pass over `weight_decay` in your loop.", edit={"AdamW(params, lr, weight_decay=weight_decay)": "AdamW(params, lr)"})


@mistake("You clip after every micro-batch. Accumulate first: only the whole gradient has the length that counts.")
def train(params, loss_sum, batches, lr, warmup, floor=0.0, max_norm=1.0, weight_decay=0.01):
    params, log = list(params), []
    optimizer = AdamW(params, lr, weight_decay=weight_decay)
    for i, (micro_batches, n_items) in enumerate(batches):
        optimizer.zero_grad()
        loss = 0.0
        for batch in micro_batches:
            loss += accumulate(loss_sum, [batch], n_items)
            norm = clip_grad_norm(params, max_norm)
        optimizer.lr = lr * cosine_with_warmup(i, warmup, len(batches), floor)
        optimizer.step()
        log.append({"loss": loss, "norm": norm.item(), "lr": optimizer.lr})
    return log


@mistake("You take a step for every micro-batch. There is one for each batch, with all its gradients together.")
def train(params, loss_sum, batches, lr, warmup, floor=0.0, max_norm=1.0, weight_decay=0.01):
    params, log = list(params), []
    optimizer = AdamW(params, lr, weight_decay=weight_decay)
    for i, (micro_batches, n_items) in enumerate(batches):
        optimizer.lr = lr * cosine_with_warmup(i, warmup, len(batches), floor)
        loss = 0.0
        for batch in micro_batches:
            optimizer.zero_grad()
            loss += accumulate(loss_sum, [batch], n_items)
            norm = clip_grad_norm(params, max_norm)
            optimizer.step()
        log.append({"loss": loss, "norm": norm.item(), "lr": optimizer.lr})
    return log


# --- precision, state ------------------------------------------------------------------------------------------------


@mistake("Your optimizer keeps its means in float32. They have the dtype of their parameter.")
class AdamW:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
        self.params = list(params)
        self.lr, self.options = lr, (betas, eps, weight_decay)
        self.m = [torch.zeros(p.shape) for p in self.params]
        self.v = [torch.zeros(p.shape) for p in self.params]
        self.t = [0] * len(self.params)

    def step(self):
        for i, p in enumerate(self.params):
            if p.grad is not None:
                self.t[i] += 1
                new, m, v = adamw_update(p, p.grad, self.m[i], self.v[i], self.t[i], self.lr, *self.options)
                self.m[i], self.v[i] = m.float(), v.float()
                with torch.no_grad():
                    p.copy_(new)

    def zero_grad(self):
        for p in self.params:
            p.grad = None


@mistake("You change m and v in place. They belong to the caller: return new ones.")
def adamw_update(p, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    with torch.no_grad():
        m.mul_(betas[0]).add_(g, alpha=1 - betas[0])
        v.mul_(betas[1]).addcmul_(g, g, value=1 - betas[1])
        step = m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps)
        return p - lr * weight_decay * p - lr * step, m, v


@mistake("Your new parameter is recorded by autograd: the graph of all steps would stay in memory. Detach p.")
def adamw_update(p, g, m, v, t, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    m = betas[0] * m + (1 - betas[0]) * g
    v = betas[1] * v + (1 - betas[1]) * g * g
    step = m / (1 - betas[0] ** t) / (torch.sqrt(v) / math.sqrt(1 - betas[1] ** t) + eps)
    return p * (1 - lr * weight_decay) - lr * step, m, v


# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("A gradient of zeros counts as none in your step. It decays the parameter, and moves it on by its old momentum.", edit={
    "            if p.grad is None:\n                continue\n": "            if p.grad is None or not p.grad.any():\n                continue\n"})  # fmt: skip
mistake("You stop after the first micro-batch whose loss is 0, as if nothing came after it.", edit={
    "        total += loss.item()\n": "        total += loss.item()\n        if not loss.item():\n            break\n"})  # fmt: skip
mistake("Your warm-up does not go below the floor. It begins at 0.", edit={"return step / warmup": "return max(floor, step / warmup)"})
mistake("You let only matrices decay, as nanoGPT does with two groups of parameters. Here every parameter decays.", edit={
    "return p - lr * weight_decay * p - lr": "return p - lr * weight_decay * p * (p.ndim >= 2) - lr"})  # fmt: skip
mistake("Your norm is rounded to float32. It has the gradients' dtype.", edit={"    return norm\n": "    return norm.float()\n"})
mistake("You collect all micro-batches before the first one is used. Take one, run its backward pass, and only then ask for the next.", edit={
    "    for batch in micro_batches:": "    for batch in list(micro_batches):"})  # fmt: skip
mistake("Your t stops counting at 100. Both means are corrected by 1 - β^t in every step, however late.", edit={
    "self.t[i] += 1": "self.t[i] = min(self.t[i] + 1, 100)"})  # fmt: skip
