"""Wrong ways to write align/reward_model, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

LAST = "last = torch.where(present, places, -1).amax(1)  # (B,)"
READ = "return h[torch.arange(len(h), device=h.device), last] @ w + b"
LOSS = "return -F.logsigmoid(rc - rr - margin) + center_coef * (rc + rr) ** 2"
TOKENS = "    if not present.any(1).all():\n        raise ValueError(\"a row of the mask has no token\")\n"
SHAPES = "    if rc.shape != rr.shape:\n        raise ValueError(f\"rc has the shape {tuple(rc.shape)}, rr {tuple(rr.shape)}\")\n    return -F"
SHARE = "    if rc.shape != rr.shape:\n        raise ValueError(f\"rc has the shape {tuple(rc.shape)}, rr {tuple(rr.shape)}\")\n    return (rc"
MEAN = "loss = bt_loss(head(*chosen), head(*rejected), margin, center_coef).mean()"

# --- where the reward is read -----------------------------------------------------------------------------------------

mistake("The reward is read in the last column, also where padding stands there. Read it at the last token.", edit={LAST: "last = torch.full_like(places[: len(h)], h.shape[1] - 1) if len(h) <= h.shape[1] else h.shape[1] - 1"})
mistake("You count the tokens and take that place. This is right for padding on the right alone: look for the last place with a token.", edit={LAST: "last = present.sum(1) - 1"})
mistake("The reward is read at the first token. It has seen nothing but itself: take the last one.", edit={LAST: "last = torch.where(present, places, h.shape[1]).amin(1)"})
mistake("argmax of a mask finds the first token. Look for the last one, for instance with places times mask.", edit={LAST: "last = present.long().argmax(1)"})
mistake("You stop before the first padding that follows a token. The last token counts, also behind a gap.", edit={LAST: "last = (places * (present.long().cumsum(1) == places - present.long().argmax(1)[:, None] + 1)).amax(1)"})
mistake("The reward is the mean over all tokens. It is read at the last one, which has seen them all.", edit={READ: "return ((h @ w) * present).sum(1) / present.sum(1) + b"})
mistake("The reward is the sum over all tokens. It is read at the last one.", edit={READ: "return ((h @ w) * present).sum(1) + b"})
mistake("The reward is the largest of all places. It is read at the last token.", edit={READ: "return (h @ w).amax(1) + b"})
mistake("The place before the last token is read, as if a token were to be predicted.", edit={READ: "return h[torch.arange(len(h), device=h.device), (last - 1).clamp(min=0)] @ w + b"})
mistake("The bias b is left out.", edit={READ: "return h[torch.arange(len(h), device=h.device), last] @ w"})
mistake("A row without a token gets a reward. It raises ValueError.", edit={TOKENS: ""})
mistake("You raise only if no row at all has a token. One row is enough.", edit={"not present.any(1).all()": "not present.any()"})
mistake("The reward goes through a sigmoid. It is any number, and only differences of rewards become probabilities.", edit={READ: "return torch.sigmoid(h[torch.arange(len(h), device=h.device), last] @ w + b)"})
mistake("Rewards are made to have the mean 0 over the batch. A reward does not depend on the other rows.", edit={READ: "r = h[torch.arange(len(h), device=h.device), last] @ w + b\n    return r - r.mean()"})
mistake("The result has the shape (B, 1). It is one number for each sequence, (B,).", edit={READ: "return h[torch.arange(len(h), device=h.device), last] @ w[:, None] + b"})
mistake("The hidden state is detached, so no gradient reaches the language model.", edit={READ: "return h.detach()[torch.arange(len(h), device=h.device), last] @ w + b"})
mistake("All rows are read at the last token of the longest one. Each row has its own.", edit={LAST: "last = torch.where(present, places, -1).amax().expand(len(h))"})

# --- the head -----------------------------------------------------------------------------------------------------------

mistake("w is drawn at random. Both parameters are zeros in the beginning.", edit={"self.w = nn.Parameter(torch.zeros(dim, dtype=dtype))": "self.w = nn.Parameter(torch.ones(dim, dtype=dtype) / dim)"})
mistake("The bias does not learn: it is no parameter.", edit={"self.b = nn.Parameter(torch.zeros((), dtype=dtype))": "self.register_buffer(\"b\", torch.zeros((), dtype=dtype))"})
mistake("The head ignores dtype. Its parameters have the dtype that it was given.", edit={"self.w = nn.Parameter(torch.zeros(dim, dtype=dtype))": "self.w = nn.Parameter(torch.zeros(dim))", "self.b = nn.Parameter(torch.zeros((), dtype=dtype))": "self.b = nn.Parameter(torch.zeros(()))", "return last_token_reward(h, mask, self.w, self.b)": "return last_token_reward(h, mask, self.w.to(h.dtype), self.b.to(h.dtype))"})
mistake("The head's forward leaves the bias out.", edit={"return last_token_reward(h, mask, self.w, self.b)": "return last_token_reward(h, mask, self.w)"})

# --- the loss of a pair ---------------------------------------------------------------------------------------------------

mistake("Chosen and rejected are exchanged: the loss falls when the rejected answer gets the larger reward.", edit={LOSS: "return -F.logsigmoid(rr - rc - margin) + center_coef * (rc + rr) ** 2"})
mistake("This is 1 - σ, without the logarithm. A pair that is very wrong then has no gradient.", edit={LOSS: "return 1 - torch.sigmoid(rc - rr - margin) + center_coef * (rc + rr) ** 2"})
mistake("You take log(sigmoid(x)) in two steps. For -500 the sigmoid is 0 and its logarithm infinite: use logsigmoid.", edit={LOSS: "return -torch.sigmoid(rc - rr - margin).log() + center_coef * (rc + rr) ** 2"})
mistake("A small number inside of the logarithm hides the infinity, and takes the gradient of the pairs that are most wrong.", edit={LOSS: "return -(torch.sigmoid(rc - rr - margin) + 1e-12).log() + center_coef * (rc + rr) ** 2"})
mistake("The loss is not negated: it falls when the order is wrong.", edit={LOSS: "return F.logsigmoid(rc - rr - margin) + center_coef * (rc + rr) ** 2"})
mistake("You return the mean over the pairs. There is one loss for each pair.", edit={LOSS: "return (-F.logsigmoid(rc - rr - margin) + center_coef * (rc + rr) ** 2).mean()"})
mistake("Each answer is judged by itself, as right or wrong. Only the difference of a pair is known.", edit={LOSS: "return -F.logsigmoid(rc - margin) - F.logsigmoid(-rr) + center_coef * (rc + rr) ** 2"})
mistake("Rewards are made to have mean 0 and deviation 1 within the batch. Then the loss of a pair hangs on the other pairs.", edit={LOSS: "both = torch.cat([rc, rr])\n    scale = both.std(correction=0) + 1e-6\n    return -F.logsigmoid((rc - rr) / scale - margin) + center_coef * (rc + rr) ** 2"})
mistake("Chosen and rejected rewards are centred apart from each other. The difference between them is what is learned.", edit={LOSS: "return -F.logsigmoid((rc - rc.mean()) - (rr - rr.mean()) - margin) + center_coef * (rc + rr) ** 2"})
mistake("The margin is added. It is taken off: the chosen reward must be larger by the margin.", edit={LOSS: "return -F.logsigmoid(rc - rr + margin) + center_coef * (rc + rr) ** 2"})
mistake("The margin stands outside of log σ, where it has no gradient.", edit={LOSS: "return -F.logsigmoid(rc - rr) + margin + center_coef * (rc + rr) ** 2"})
mistake("The margin is ignored.", edit={LOSS: "return -F.logsigmoid(rc - rr) + center_coef * (rc + rr) ** 2"})
mistake("This is a hinge with a margin. The loss is -log σ of the difference less the margin.", edit={LOSS: "return (margin - (rc - rr)).relu() + center_coef * (rc + rr) ** 2"})
mistake("The centre holds the difference, not the sum. The sum is what the first term does not see.", edit={LOSS: "return -F.logsigmoid(rc - rr - margin) + center_coef * (rc - rr) ** 2"})
mistake("The centre holds the two squares. It is the square of the sum.", edit={LOSS: "return -F.logsigmoid(rc - rr - margin) + center_coef * (rc**2 + rr**2)"})
mistake("The centre is the square of the mean of all sums. Each pair has its own square.", edit={LOSS: "return -F.logsigmoid(rc - rr - margin) + center_coef * (rc + rr).mean() ** 2"})
mistake("center_coef is ignored.", edit={LOSS: "return -F.logsigmoid(rc - rr - margin)"})
mistake("A table of B² pairs is made of (B, 1) and (B,) in silence. Rewards of two shapes raise ValueError.", edit={SHAPES: "    return -F"})
mistake("Only the number of rewards is compared. (B, 1) and (B,) have as many and still make a table.", edit={SHAPES: "    if rc.numel() != rr.numel():\n        raise ValueError(\"sizes\")\n    return -F"})
mistake("pair_accuracy compares rewards of two shapes. They raise ValueError.", edit={SHARE: "    return (rc"})
mistake("Equal rewards count as a success. The chosen answer must have the larger one.", edit={"(rc > rr)": "(rc >= rr)"})
mistake("Equal rewards count as half a success. They are none.", edit={"return (rc > rr).double().mean().item()": "return ((rc > rr).double() + 0.5 * (rc == rr).double()).mean().item()"})

# --- training ---------------------------------------------------------------------------------------------------------------

mistake("The gradient of the sum is taken. Each step goes along the mean over the pairs.", edit={MEAN: "loss = bt_loss(head(*chosen), head(*rejected), margin, center_coef).sum()"})
mistake("Gradients of earlier steps are kept and added up. Each step uses its own.", edit={"    losses = []\n    for _": "    losses, kept = [], [0.0, 0.0]\n    for _", "            for parameter, slope in zip(head.parameters(), slopes, strict=True):\n                parameter -= lr * slope": "            kept = [old + new for old, new in zip(kept, slopes, strict=True)]\n            for parameter, slope in zip(head.parameters(), kept, strict=True):\n                parameter -= lr * slope"})
mistake("You climb: the step is added. It is taken off.", edit={"parameter -= lr * slope": "parameter += lr * slope"})
mistake("The learning rate is left out.", edit={"parameter -= lr * slope": "parameter -= slope"})
mistake("The loss after each step is returned. It is the one before.", edit={"        losses.append(loss.item())": "        losses.append(bt_loss(head(*chosen), head(*rejected), margin, center_coef).mean().item())"})
mistake("margin and center_coef do not reach the loss in the training.", edit={MEAN: "loss = bt_loss(head(*chosen), head(*rejected)).mean()"})
mistake("One more step is made than was asked for.", edit={"range(steps)": "range(steps + 1)"})
mistake("The head is float32, whatever h is. It has the dtype of h.", edit={"RewardHead(chosen[0].shape[-1], chosen[0].dtype)": "RewardHead(chosen[0].shape[-1])", "return last_token_reward(h, mask, self.w, self.b)": "return last_token_reward(h, mask, self.w.to(h.dtype), self.b.to(h.dtype))"})
mistake("The default learning rate is not 0.5.", edit={"lr: float = 0.5": "lr: float = 0.1"})
mistake("The bias is not trained.", edit={"                parameter -= lr * slope": "                if parameter.ndim:\n                    parameter -= lr * slope"})


@mistake("The mask of the chosen answers is used for the rejected ones too. Each has its own.")
def train_rm(chosen, rejected, steps, lr=0.5, margin=0.0, center_coef=0.0):
    head = RewardHead(chosen[0].shape[-1], chosen[0].dtype)
    losses = []
    width = min(chosen[1].shape[1], rejected[1].shape[1])
    for _ in range(steps):
        other = rejected[0][:, :width] @ head.w
        last = torch.where(chosen[1][:, :width], torch.arange(width), 0).amax(1)
        loss = bt_loss(head(*chosen), other.gather(1, last[:, None])[:, 0] + head.b, margin, center_coef).mean()
        slopes = torch.autograd.grad(loss, [head.w, head.b])
        with torch.no_grad():
            head.w -= lr * slopes[0]
            head.b -= lr * slopes[1]
        losses.append(loss.item())
    return head, losses

# --- half-done ideas ----------------------------------------------------------------------------------------------------------

mistake("The centre takes the mean of the two rewards. It is the square of their sum, four times as much.", edit={LOSS: "return -F.logsigmoid(rc - rr - margin) + center_coef * ((rc + rr) / 2) ** 2"})
mistake("All pairs get the mean of the margins. Each pair has its own.", edit={LOSS: "return -F.logsigmoid(rc - rr - torch.as_tensor(margin, dtype=rc.dtype).mean()) + center_coef * (rc + rr) ** 2"})
mistake("The loss is computed in float32, also for float64 rewards.", edit={LOSS: "return (-F.logsigmoid(rc.float() - rr.float() - margin)).to(rc.dtype) + center_coef * (rc + rr) ** 2"})
mistake("Losses are cut off at 100. Then the pairs that are most wrong have no gradient.", edit={LOSS: "return (-F.logsigmoid(rc - rr - margin)).clamp(max=100) + center_coef * (rc + rr) ** 2"})
mistake("The step has momentum. Each one goes along its own gradient alone.", edit={"    losses = []\n    for _": "    losses, speed = [], [0.0, 0.0]\n    for _", "            for parameter, slope in zip(head.parameters(), slopes, strict=True):\n                parameter -= lr * slope": "            speed = [0.9 * old + new for old, new in zip(speed, slopes, strict=True)]\n            for parameter, slope in zip(head.parameters(), speed, strict=True):\n                parameter -= lr * slope"})
mistake("The weights decay on the way. Nothing does here.", edit={"parameter -= lr * slope": "parameter -= lr * (slope + 0.01 * parameter)"})
mistake("The gradient is cut to length 1. Nothing is cut.", edit={"parameter -= lr * slope": "parameter -= lr * slope / max(1.0, float(slope.norm()))"})
mistake("The parameters of a trained head require no gradient any more, or did not in the beginning. They are to be trained.", edit={"self.w = nn.Parameter(torch.zeros(dim, dtype=dtype))": "self.w = nn.Parameter(torch.zeros(dim, dtype=dtype))\n        self.b_ = None", "self.b = nn.Parameter(torch.zeros((), dtype=dtype))": "self.b = nn.Parameter(torch.zeros((), dtype=dtype), requires_grad=False)", "slopes = torch.autograd.grad(loss, list(head.parameters()))": "slopes = [*torch.autograd.grad(loss, [head.w]), torch.zeros(())]"})
mistake("Holes in the mask are filled from the first token on before the last one is looked for, by the number of tokens.", edit={LAST: "last = present.long().argmax(1) + present.sum(1) - 1"})
mistake("The margin holds also where the order is right by far: it is multiplied, not taken off.", edit={LOSS: "return -F.logsigmoid((rc - rr) * (1 + margin)) + center_coef * (rc + rr) ** 2"})
mistake("The shapes are compared by their number of dimensions alone. One reward and five rewards do not pair.", edit={SHAPES: "    if rc.ndim != rr.ndim:\n        raise ValueError(\"shapes\")\n    if len(rc) != len(rr):\n        rr = rr[: len(rc)].expand(len(rc)) if len(rr) > len(rc) else rr\n        rc = rc[: len(rr)]\n    return -F"})
mistake("All rewards are computed, and those of other places are multiplied by 0. Infinity times 0 is nan: pick the last place out.", edit={READ: "one = (places == last[:, None]).to(h.dtype)\n    return (h @ w * one).sum(1) + b"})
mistake("w is made by nn.Linear and multiplied by 0, which draws random numbers. Use torch.zeros.", edit={"self.w = nn.Parameter(torch.zeros(dim, dtype=dtype))": "self.w = nn.Parameter(nn.Linear(dim, 1, dtype=dtype).weight.detach()[0] * 0)"})
mistake("You seed torch's random numbers before the training, for others too. Nothing here is random.", edit={"    losses = []\n": "    losses = []\n    torch.manual_seed(0)\n"})
mistake("The training stops when the loss is small. It takes `steps` steps, and returns as many losses.", edit={"        losses.append(loss.item())": "        losses.append(loss.item())\n        if losses[-1] < 1e-6:\n            break"})
mistake("The slopes are cut off at 10. Each step takes lr times the whole gradient.", edit={"parameter -= lr * slope": "parameter -= lr * slope.clamp(-10, 10)"})
mistake("A negative margin is taken for 0. It may be negative.", edit={LOSS: "return -F.logsigmoid(rc - rr - torch.as_tensor(margin).clamp(min=0)) + center_coef * (rc + rr) ** 2"})
mistake("The margins that are passed in are changed: clamp_ works in place. Nothing that is passed in is changed.", edit={LOSS: "margin = margin.clamp_(min=0) if isinstance(margin, Tensor) else margin\n    return -F.logsigmoid(rc - rr - margin) + center_coef * (rc + rr) ** 2"})
mistake("`lr or 0.5` makes 0.5 of a length of 0. Steps of length 0 change nothing.", edit={"parameter -= lr * slope": "parameter -= (lr or 0.5) * slope"})
mistake("b becomes a Python number, and no gradient reaches it.", edit={READ: "return h[torch.arange(len(h), device=h.device), last] @ w + float(b)"})
mistake("You ask whether σ(rc - rr) is above 1/2. Of rewards that hardly differ it is rounded to 1/2: compare the rewards themselves.", edit={"(rc > rr)": "(torch.sigmoid(rc - rr) > 0.5)"})
