"""Checks of align/reward_model: the reward at the last token, the head, the pair's loss, training, and that it finds the true rewards."""

import torch

from autograder.checks import case, check, flags, gradients, in_evaluation, raises, with_gradients, with_weights
from autograder.lab.answers import AnswerWorld


def masked(rng, spans, t=None, **_):
    """bool (B, T): True from and to what `spans` say, row by row; a list of places stands for a row with holes."""
    mask = torch.zeros(len(spans), t, dtype=torch.bool)
    for row, span in enumerate(spans):
        if isinstance(span, list):
            mask[row, span] = True
        else:
            mask[row, span[0] : span[1]] = True
    return mask


def batch(rng, spans=((0, 2),), t=3, c=2, dtype="float64", kind="bool", noise=1.0, bias=None):
    mask = masked(rng, spans, t)
    h = rng.normal(len(spans), t, c, dtype=dtype)
    if noise > 1:
        h = torch.where(mask[..., None], h, noise * h.clamp(-1, 1))
    found = {"h": h, "mask": mask.long() if kind == "int64" else mask, "w": rng.normal(c, dtype=dtype), "more": {}}
    if bias == "tensor":
        found["more"] = {"b": rng.normal(1, dtype=dtype)[0]}
    elif bias is not None:
        found["more"] = {"b": bias}
    return found


@check(
    points=2,
    inputs=batch,
    lecture="where-the-reward-is-read",
    public=[
        case("padding on the right", spans=[(0, 3), (0, 5)], t=5, c=4),
        case("padding on the left", spans=[(2, 5), (4, 5)], t=5, c=3, kind="int64"),
        case("padding between tokens too", spans=[[0, 2], [1, 2]], t=4, c=2),
        case("a bias", spans=[(0, 4), (1, 3)], t=6, c=2, bias=0.75),
        case("float32, loud padding", spans=[(0, 2), (1, 4), (0, 5)], t=5, c=3, dtype="float32", noise=1000.0),
    ],
    hidden=[
        case("one token in a row", spans=[(0, 1), (6, 7), (3, 4), (0, 7)], t=7, c=5),
        case("padding between tokens", spans=[[0, 3], [1, 2, 5], [4], [0, 1, 2, 3]], t=6, c=3, kind="int64"),
        case("no padding", spans=[(0, 4)] * 3, t=4, c=2),
        case("one row, one place", spans=[(0, 1)], t=1, c=6, bias=-2.0),
        case("as many rows as places and as numbers", spans=[(0, 2), (1, 4), (0, 4), (2, 3)], t=4, c=4, kind="int64"),
        case("one number a place", spans=[(0, 2), (1, 3)], t=3, c=1),
        case("the bias is a tensor", spans=[(0, 2), (1, 5)], t=5, c=3, bias="tensor"),
        case("loud padding on both sides", spans=[(1, 3), (2, 6)], t=8, c=3, noise=1e6, kind="int64"),
        case("float32", spans=[(0, 2), (2, 6)], t=6, c=5, dtype="float32", bias=0.5),
        case("so loud that w · h is infinite in the padding", spans=[(1, 3), (2, 6), (0, 4)], t=8, c=6, noise=3e38, dtype="float32"),
        case("three hundred places", spans=[(0, 290), (5, 300)], t=300, c=2),
        case("long rows, wide states, a large bias", spans=[(3, 20), (0, 19), [0, 17, 18]], t=21, c=20, bias=40.0),
    ],
    fresh=2,
    cites=["to h at the last tokens alone", "True or 1 where a token is", "b: a number, or a tensor of shape ()", "the last token is the last place that is not padding", "What stands in h at the other places"],
)
def the_reward_stands_at_the_last_token(student, h, mask, w, more):
    """The reward is w · h + b at the last place that is not padding, wherever padding stands, and nothing else in h counts."""
    torch.manual_seed(5)
    torch.rand(1)  # from here on a seed that is set inside shows, too
    number = {name: each for name, each in more.items() if not isinstance(each, torch.Tensor)}
    tensors = {"h": h, "w": w} | {name: each for name, each in more.items() if isinstance(each, torch.Tensor)}
    return {
        "rewards": with_gradients(lambda **given: student.last_token_reward(given.pop("h"), mask, given.pop("w"), **given, **number), **tensors),
        "in the other kind of mask": student.last_token_reward(h, mask.long() if mask.dtype == torch.bool else mask.bool(), w, **more),
        "of views": student.last_token_reward(h.mT.contiguous().mT, mask.T.contiguous().T, w.repeat_interleave(2)[::2], **more),
        "turned round": student.last_token_reward(h.flip(1), mask.flip(1), w, **more),
        "by name": student.last_token_reward(h=h, mask=mask, w=w),
        "only b learns": with_gradients(lambda b: student.last_token_reward(h, mask, w, b), b=w[0]),
        "each alone": torch.cat([student.last_token_reward(h[[row]], mask[[row]], w, **more) for row in range(len(h))]),
        "left": flags(h, mask, w),
        "mask": mask,
        "chance": torch.rand(2),  # nothing was drawn, and nothing was seeded
    }


def head_batch(rng, spans=((0, 2),), t=3, c=2, dtype="float64"):
    made = batch(rng, spans, t, c, dtype)
    return {"h": made["h"], "mask": made["mask"], "weights": {"w": made["w"], "b": rng.normal(1, dtype=dtype)[0]}}


@check(
    points=1,
    inputs=head_batch,
    lecture="where-the-reward-is-read",
    public=[case("two sequences", spans=[(0, 3), (2, 4)], t=4, c=3), case("float32", spans=[(0, 2)], t=3, c=2, dtype="float32")],
    hidden=[
        case("one number", spans=[(0, 2), (1, 3), (0, 4)], t=4, c=1),
        case("twenty numbers", spans=[(0, 2), (1, 3)], t=3, c=20),
        case("six numbers, float32", spans=[(0, 2), (3, 5), (1, 2), (0, 5)], t=5, c=6, dtype="float32"),
    ],
    cites=["both zeros in the beginning", "w of shape dim and b of shape", "dtype is the dtype of the parameters", "Makes w and b, of the dtype that is given", "with w and b"],
)
def a_head_is_a_vector_and_a_number(student, h, mask, weights):
    """RewardHead has two parameters, w and b, which are zeros in the beginning, and reads the reward with them."""
    torch.manual_seed(5)
    torch.rand(1)  # from here on a seed that is set inside shows, too
    new = student.RewardHead(h.shape[-1], dtype=h.dtype)
    head = with_weights(student.RewardHead(h.shape[-1], dtype=h.dtype), weights)
    plain = student.RewardHead(h.shape[-1] + 2)
    used = with_weights(student.RewardHead(h.shape[-1], dtype=h.dtype), weights).eval()
    used.b.requires_grad_(False)
    new.train()
    return {
        "new": {name: each.detach().clone() for name, each in new.named_parameters()},
        "by default": {name: each.detach().clone() for name, each in plain.named_parameters()},
        "rewards": head(h, mask).detach(),
        "gradients": gradients(head(h, mask), head),
        "new rewards": new(h, mask).detach(),
        "trains": [each.requires_grad for each in new.parameters()],
        "of views, in evaluation mode": used(h.mT.contiguous().mT, mask.T.contiguous().T).detach(),
        "in evaluation mode": in_evaluation(head, lambda: head(h, mask)),
        "left": flags(h, mask, used, new),
        "chance": torch.rand(2),
    }


def pairs(rng, b=1, dtype="float64", spread=2.0, numbers=None, margins=False, lowest=0.0, moved=0.0, **options):
    """Rewards of `b` pairs. `options` are left to their defaults where a case has none."""
    if numbers:
        rc, rr = (torch.tensor(each, dtype=torch.float64) for each in numbers)
    else:
        rc, rr = (spread * rng.normal(b, dtype="float64") + moved for _ in range(2))
    if margins:
        options["margin"] = rng.uniform(lowest, 3.0, b).to(getattr(torch, dtype))
    return {"rc": rc.to(getattr(torch, dtype)), "rr": rr.to(getattr(torch, dtype)), "options": options}


@check(
    points=1,
    inputs=pairs,
    lecture="the-loss-of-a-pair",
    public=[
        case("three pairs", numbers=[[1.0, 0.0, -2.0], [0.0, 0.0, 1.0]]),
        case("far apart", numbers=[[0.0, 500.0], [500.0, 0.0]]),
        case("float32", b=4, dtype="float32"),
    ],
    hidden=[
        case("one pair", b=1),
        case("seven pairs", b=7, spread=4.0),
        case("twenty pairs", b=20),
        case("all rewards are large", b=5, moved=-3000.0),
        case("very far apart, float32", numbers=[[-1e4, 1e4, 80.0], [1e4, -1e4, -20.0]], dtype="float32"),
    ],
    fresh=2,
    cites=["one loss for each pair", "Nothing is averaged", "Rewards in size up to 1e4", "It is differentiable with respect to rc and rr"],
)
def each_pair_has_its_loss(student, rc, rr, options):
    """The loss of a pair is -log σ(rc - rr): one number for each pair, finite however far they are apart."""
    return {
        "losses": with_gradients(student.bt_loss, rc=rc, rr=rr),
        "exchanged": with_gradients(student.bt_loss, rc=rr, rr=rc),
        "both moved": student.bt_loss(rc + 3, rr + 3),
        "once more": student.bt_loss(rc, rr),
        "of views": student.bt_loss(rc.repeat_interleave(2)[::2], rr.repeat_interleave(2)[::2]),
        "left": flags(rc, rr),
    }


@check(
    points=1,
    inputs=pairs,
    lecture="a-margin-and-a-centre",
    public=[
        case("a margin for all", numbers=[[3.0, 0.5], [1.0, 1.0]], margin=2.0),
        case("a margin for each pair", b=3, margins=True),
        case("a negative margin", numbers=[[3.0, 0.5], [1.0, 1.0]], margin=-1.0),
        case("rewards are held near zero", numbers=[[3.0, -1.0], [1.0, 1.0]], center_coef=0.01),
    ],
    hidden=[
        case("both", b=5, margin=0.7, center_coef=0.05),
        case("both, a margin for each", b=6, margins=True, center_coef=0.3),
        case("a large coefficient, float32", b=4, center_coef=2.0, dtype="float32"),
        case("some margins are negative", b=18, margins=True, lowest=-3.0),
        case("a very large coefficient", b=3, center_coef=40.0),
        case("a margin of a thousand", b=3, margin=1000.0),
        case("large rewards are held", b=3, moved=50.0, center_coef=0.001, margin=1.0),
        case("margins in float32", b=5, margins=True, dtype="float32", spread=5.0),
    ],
    fresh=1,
    cites=["a number for all pairs or b", "the weight of a second term", "a number for all pairs, or (B,)"],
)
def a_margin_and_a_centre(student, rc, rr, options):
    """The margin is taken off inside of log σ, and center_coef (rc + rr)² is added to each pair's loss."""
    torch.manual_seed(5)
    torch.rand(1)  # from here on a seed that is set inside shows, too
    return {
        "losses": with_gradients(lambda rc, rr: student.bt_loss(rc, rr, **options), rc=rc, rr=rr),
        "exchanged": with_gradients(lambda rc, rr: student.bt_loss(rc, rr, **options), rc=rr, rr=rc),
        "by place": student.bt_loss(rc, rr, options.get("margin", 0.0), options.get("center_coef", 0.0)),
        "without": student.bt_loss(rc=rc, rr=rr),
        "chance": torch.rand(2),
    }


@check(
    points=1,
    inputs=pairs,
    lecture="the-loss-of-a-pair",
    public=[case("four pairs, of which one ties", numbers=[[1.0, 2.0, 0.0, 3.0], [0.0, 2.0, 1.0, -1.0]]), case("five pairs", b=5)],
    hidden=[
        case("one pair", b=1),
        case("two ties of three", numbers=[[1.0, -2.0, 0.0], [1.0, -2.0, -1.0]]),
        case("nineteen pairs", b=19),
        case("nine pairs, float32", b=9, dtype="float32"),
        case("nearly a tie", numbers=[[1.0, 1.0 + 1e-12, 0.3], [1.0 + 1e-12, 1.0, 0.1]]),
        case("all wrong", numbers=[[0.0, -1.0], [1.0, 5.0]]),
        case("nearly a tie, float32", numbers=[[1e-9, 0.0, 0.3], [0.0, 1e-9, 0.1]], dtype="float32"),
    ],
    cites=["Equal rewards are no success", "the chosen answer has the larger reward", "Raises ValueError if rc and rr have different shapes", "Raises ValueError if a row of mask has no token", "Raises ValueError if they have different shapes"],
)
def ties_are_no_success_and_shapes_are_held(student, rc, rr, options):
    """Accuracy counts pairs with a strictly larger chosen reward; rewards of two shapes, and a row without a token, raise ValueError."""
    torch.manual_seed(5)
    h, w = rc[:, None, None].expand(-1, 3, 2), rc.new_ones(2)
    mask = torch.ones(len(rc), 3, dtype=torch.bool)
    empty = mask.clone()
    empty[-1] = False
    return {
        "accuracy": [student.pair_accuracy(rc, rr), student.pair_accuracy(rr, rc), student.pair_accuracy(rc, rc)],
        "of views": student.pair_accuracy(rc.repeat_interleave(2)[::2], rr.repeat_interleave(2)[::2]),
        "left": flags(rc, rr),
        "losses": student.bt_loss(rc, rr),
        "a good mask": student.last_token_reward(h, mask, w),
        "a table": [raises("ValueError", lambda: student.bt_loss(rc[:, None], rr)), raises("ValueError", lambda: student.bt_loss(rc, rr[:, None]))],
        "two sizes": [raises("ValueError", lambda: student.bt_loss(torch.cat([rc, rc]), rr)), raises("ValueError", lambda: student.bt_loss(rc, rr.sum()))],
        "chance": torch.rand(2),
        "accuracies": [raises("ValueError", lambda: student.pair_accuracy(rc[:, None], rr)), raises("ValueError", lambda: student.pair_accuracy(rc, rr.sum()))],
        "no token": raises("ValueError", lambda: student.last_token_reward(h, empty, w)),
        "no token, in numbers": raises("ValueError", lambda: student.last_token_reward(h, empty.long(), w)),
        "no token anywhere": raises("ValueError", lambda: student.last_token_reward(h, torch.zeros_like(empty), w)),
    }


def answers(rng, b=4, sizes=(3, 5), c=2, dtype="float64", steps=3, margins=False, scale=1.0, **options):
    """Chosen and rejected answers, of different widths, and a hidden direction that people like."""
    liked = rng.normal(c, dtype="float64")
    found = {}
    for name, t, sign in (("chosen", sizes[0], 1), ("rejected", sizes[1], -1)):
        starts = [rng.integer(0, t) for _ in range(b)]
        mask = masked(rng, [(start, rng.integer(start + 1, t + 1)) for start in starts], t)
        h = rng.normal(b, t, c, dtype="float64") + sign * 0.8 * liked
        found[name] = ((scale * h).to(getattr(torch, dtype)), mask)
    if margins:
        options["margin"] = rng.uniform(0.0, 2.0, b).to(getattr(torch, dtype))
    return found | {"steps": steps, "options": options}


@check(
    points=1,
    inputs=answers,
    lecture="training",
    public=[
        case("one step", b=3, steps=1, lr=1.0),
        case("four steps", b=5, steps=4, lr=0.3, center_coef=0.02),
        case("two steps, by default", b=2, steps=2),
        case("no step at all", b=2, steps=0),
    ],
    hidden=[
        case("eighteen steps, by default", b=8, c=4, steps=18),
        case("one pair", b=1, steps=5, sizes=(4, 4), lr=0.2),
        case("one very large step", b=4, c=3, steps=1, lr=30.0),
        case("hidden states of size 100", b=1, c=2, steps=5, scale=100.0),
        case("steps of length 0", b=3, steps=2, lr=0.0),
        case("many pairs, long rows, wide states", b=18, c=17, sizes=(17, 19), steps=2, lr=0.3, margins=True),
        case("a negative margin", b=4, steps=3, margin=-0.8),
        case("margins", b=6, c=3, steps=6, margins=True, lr=0.4),
        case("a margin, and rewards near zero", b=4, c=5, steps=8, margin=1.0, center_coef=0.1, lr=0.1),
        case("float32", b=5, c=3, steps=5, dtype="float32"),
        case("as many pairs as numbers", b=3, c=3, steps=3, sizes=(3, 3), lr=0.7),
    ],
    fresh=1,
    cites=["lr times the gradient of the mean", "the mean loss before each step", "with the dtype of h", "No momentum, nothing decays", "Row i of both is one pair", "handed to bt_loss"],
)
def gradient_descent_trains_the_head(student, chosen, rejected, steps, options):
    """Each step takes lr times the gradient of the mean loss off w and b, from zeros on; the losses are those before each step."""
    torch.manual_seed(5)
    torch.rand(1)  # from here on a seed that is set inside shows, too
    first, losses = student.train_rm(chosen, rejected, steps, **options)
    second, fewer = student.train_rm(rejected, chosen, steps=steps, **options)
    other, slow = student.train_rm(chosen, rejected, steps, lr=0.03)
    if first.w.dtype == torch.float32:  # losses that were computed in float32 have no more digits than it
        losses, fewer, slow = (torch.tensor(each) if isinstance(each, list) and {*map(type, each)} == {float} else each for each in (losses, fewer, slow))
    viewed, _ = student.train_rm(*((h.mT.contiguous().mT, mask.T.contiguous().T) for h, mask in (chosen, rejected)), steps, **options)
    with torch.no_grad():
        return {
            "slowly": [other.w.clone(), other.b.clone(), slow],
            "of views": viewed.w.clone(),
            "losses": losses,
            "w": first.w.clone(),
            "b": first.b.clone(),
            "the other way round": [second.w.clone(), second.b.clone(), fewer],
            "rewards": [first(*chosen), first(*rejected)],
            "left": flags(*chosen, *rejected),
            "chance": torch.rand(2),
        }


def world(rng, seed=0, prompts=1, vocab=2, length=2, center=0.0, beta=0.5):
    return {"seed": seed, "prompts": prompts, "vocab": vocab, "length": length, "center": center, "beta": beta}


@check(
    points=1,
    inputs=world,
    lecture="what-the-training-ends-at",
    public=[case("three answers", seed=1)],
    hidden=[
        case("two prompts", seed=2, prompts=2),
        case("seven answers", seed=3, vocab=3, length=2, beta=1.0),
        case("rewards are held near zero", seed=4, center=0.01, prompts=2, length=3),
    ],
    cites=["The first term sees only their difference"],
)
def training_finds_the_true_rewards(student, seed, prompts, vocab, length, center, beta):
    """Over all pairs of a small world the loss is flat at the true rewards, and steps lead to rewards with the same best policy."""
    small = AnswerWorld(seed, prompts, vocab, length)
    n = len(small.answers)
    i, j = (each.reshape(-1) for each in torch.meshgrid(torch.arange(n), torch.arange(n), indexing="ij"))
    preferred = torch.sigmoid(small.rewards[:, i] - small.rewards[:, j])  # how often people choose i

    def slope(table):
        table = table.detach().requires_grad_()
        each = torch.stack([student.bt_loss(row[i], row[j], center_coef=center) for row in table])
        value = (preferred * each).sum() / n
        return value.item(), torch.autograd.grad(value, table)[0]

    at_truth = slope(small.rewards + 2.0)
    table, values = torch.zeros_like(small.rewards), []
    for _ in range(6):
        value, down = slope(table)
        table = table - 1.5 * down
        values.append(value)
    up = small.rewards[:, i] > small.rewards[:, j]
    return {
        "at the truth": at_truth[0],
        "its slope": at_truth[1],
        "on the way": values,
        "rewards": table,
        "best policy": (small.logps(small.reference()) + table / beta).softmax(-1),
        "accuracy": student.pair_accuracy(table[:, i][up], table[:, j][up]),
    }
