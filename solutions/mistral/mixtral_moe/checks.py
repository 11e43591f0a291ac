"""Checks of mistral/mixtral_moe: the router, the experts, who is computed, the loss for an even load, and how many numbers there are."""

import math

import torch

from autograder.checks import Budget, case, check, flags, with_gradients


def layer(rng, N=4, C=3, E=4, F=5, k=2, dtype="float32", loud=1.0, only=None, gates=1.0):
    """Tokens and the weights of a layer. `only`: the first feature is 1, and these experts alone have large logits."""
    x, Wg = rng.normal(N, C, dtype=dtype), loud * rng.normal(E, C, dtype=dtype)
    if only is not None:
        x[:, 0] = 1.0
        Wg[:, 0] = -12.0
        Wg[list(only), 0] = 12.0
    W13 = rng.normal(E, 2 * F, C, dtype=dtype)
    W13[:, :F] *= gates
    return {"x": x, "Wg": Wg, "W13": W13, "W2": rng.normal(E, C, F, dtype=dtype, scale=0.5), "k": k}


def routed(student, x, Wg, k):
    """Weights, choices, gradients; of views, and of other tokens of the same shape."""
    weights, idx = student.route(x, Wg, k)
    views = [x.T.contiguous().T, -Wg.T.contiguous().T]
    return {
        "weights": with_gradients(lambda x, Wg: student.route(x, Wg, k)[0], x=x, Wg=Wg), "plain": weights, "idx": idx,
        "of views": list(student.route(*views, k)), "with one": list(student.route(x, -Wg, 1)), "left": flags(x, Wg, *views),
    }  # fmt: skip


@check(
    points=2,
    inputs=layer,
    lecture="the-router",
    public=[case("two of four experts"), case("one of three", N=3, C=2, E=3, k=1)],
    hidden=[
        case("two of eight", N=9, C=6, E=8, k=2),
        case("all of them", N=5, C=4, E=3, k=3),
        case("one expert", N=4, C=3, E=1, k=1),
        case("as many of everything", N=4, C=4, E=4, k=2),
        case("one token", N=1, C=5, E=6, k=4),
        case("many experts", N=20, C=7, E=19, k=6),
        case("large logits", N=6, C=5, E=5, k=3, loud=10.0),
    ],
    fresh=1,
    cites=["the k experts with the largest logits", "the softmax over these k logits alone", "a linear layer without bias", "so a row adds up to 1", "Inputs may be views"],
)  # fmt: skip
def the_largest_logits_are_chosen(student, x, Wg, W13, W2, k):
    """The k largest logits decide, the largest first, and the weights are their softmax."""
    return routed(student, x, Wg, k)


@check(
    points=1,
    inputs=layer,
    lecture="the-router",
    public=[case("two of four experts", dtype="float64")],
    hidden=[
        case("three of six", N=5, C=4, E=6, k=3, dtype="float64"),
        case("large logits", N=6, C=5, E=5, k=3, loud=200.0, dtype="float64"),
        case("all of them", N=3, C=6, E=4, F=2, k=4, dtype="float64"),
    ],
    cites=["everything is computed in the dtype of the inputs", "Hugging Face computes it in float32"],
)
def float64_is_exact_to_the_end(student, x, Wg, W13, W2, k):
    """For float64 tensors everything is computed in float64, the softmax of the router too."""
    out = with_gradients(lambda x, Wg: student.moe_forward(x, Wg, W13, W2, k), x=x, Wg=Wg)
    one = torch.ones(1, 1, dtype=x.dtype)
    near = torch.cat([one, one + 1e-9])  # logits that only float64 tells apart
    experts = torch.ones(2, 2, 1, dtype=x.dtype), torch.stack([one, 5 * one])
    return routed(student, x, Wg, k) | {"out": out, "of near logits": student.moe_forward(one, near, *experts, 1)}


@check(
    points=3,
    inputs=layer,
    lecture="the-experts",
    public=[case("two of four experts"), case("one of two", N=3, C=2, E=2, F=3, k=1), case("one expert: an ordinary layer", N=3, C=2, E=1, F=4, k=1)],
    hidden=[
        case("two of eight", N=11, C=6, E=8, F=7, k=2),
        case("more experts than choices", N=2, C=4, E=9, F=3, k=2),
        case("all of them", N=5, C=4, E=3, F=6, k=3),
        case("as many of everything", N=4, C=4, E=4, F=4, k=2),
        case("one token", N=1, C=5, E=6, F=2, k=3),
        case("one feature inside", N=7, C=3, E=5, F=1, k=2),
        case("all choose the same two", N=6, C=4, E=5, F=3, k=2, only=(1, 3)),
        case("many experts", N=19, C=5, E=18, F=2, k=3),
        case("more tokens than any capacity", N=150, C=2, E=2, F=1, k=1),
        case("all tokens in one expert of four", N=300, C=2, E=4, F=1, k=1, only=(2,)),
        case("gates of thousands", N=5, C=3, E=3, F=4, k=1, dtype="float64", gates=2000.0),
    ],
    fresh=1,
    cites=[
        "also where a gate is in the thousands", "each token goes through its k experts", "one above the other the gate", "An expert is a SwiGLU", "An expert without tokens gets a gradient of zeros", "Gradients flow to all floating tensors",
        "what a call returns does not depend on earlier",
    ],
)  # fmt: skip
def outputs_of_experts_are_added(student, x, Wg, W13, W2, k):
    """Each token gets the sum of its experts' outputs, each times its own weight, and gradients reach everything."""
    found = with_gradients(lambda x, Wg, W13, W2: student.moe_forward(x, Wg, W13, W2, k), x=x, Wg=Wg, W13=W13, W2=W2)
    views = [each.mT.contiguous().mT for each in (x, Wg, W13, W2)]
    order = list(reversed(range(len(Wg))))
    return {
        "out": found,
        "other tokens, views": student.moe_forward(-views[0].flip(0), *views[1:], k),
        "other experts": student.moe_forward(x, Wg[order] * 2, W13.flip(0) / 2, W2, k),
        "with one": student.moe_forward(x, Wg, W13, W2, 1),
        "left": flags(x, Wg, W13, W2, *views),
    }


@check(
    points=1,
    inputs=layer,
    lecture="who-is-computed",
    public=[case("experts 1 and 2 of four, the others hold nan", N=3, only=(1, 2))],
    hidden=[
        case("expert 0 of three", N=5, C=4, E=3, F=2, k=1, only=(0,)),
        case("the last two of six", N=4, C=5, E=6, F=3, k=2, only=(4, 5)),
        case("one token, three of seven", N=1, C=6, E=7, F=2, k=3, only=(0, 3, 6)),
        case("the first and the last of five", N=6, C=3, E=5, F=4, k=2, only=(0, 4)),
    ],
    cites=["An expert sees the tokens that chose it", "A token with nan or infinity"],
)
def experts_see_their_own_tokens_alone(student, x, Wg, W13, W2, k):
    """What an expert that nobody chose holds, or a token of somebody else, does not matter."""
    chosen = Wg[:, 0] > 0
    spoiled = [torch.where(chosen[:, None, None], weight, torch.full_like(weight, math.nan)) for weight in (W13, W2)]
    tokens = torch.cat([x, torch.full_like(x[:1], math.nan), torch.full_like(x[:1], math.inf)])
    beside = student.moe_forward(tokens, Wg, W13, W2, k)
    return {
        "nan in experts": student.moe_forward(x, Wg, *spoiled, k),
        "nan in a token": beside[: len(x)],
        "the row of that token": beside[len(x)],
    }


@check(
    points=1,
    budget=Budget(cpu=4),
    lecture="who-is-computed",
    public=[case("one of 32 experts", N=4096, C=128, E=32, F=256, k=1)],
    hidden=[case("one of 48 experts", N=4096, C=128, E=48, F=192, k=1)],
    cites=["So the layer costs k E of what all experts would cost"],
)
def work_is_done_for_chosen_experts_only(student, N, C, E, F, k):
    """The layer does the work of k experts for each token, not of all."""
    x, Wg = ((torch.arange(n * C) * step).sin().view(n, C) for n, step in ((N, 0.7), (E, 1.3)))
    W13, W2 = torch.full((E, 2 * F, C), 0.01), torch.full((E, C, F), 0.02)
    return student.moe_forward(x, Wg, W13, W2, k)[::97, :4]


def loads(rng, N=4, E=3, k=2, scale=1.0, dtype="float64", one=False):
    logits = rng.normal(N, E, dtype=dtype, scale=scale)
    if one:
        logits[:, 1] += 30.0
    return {"router_logits": logits, "k": k}


@check(
    points=2,
    inputs=loads,
    lecture="an-even-load",
    public=[case("four tokens, two of three experts"), case("one of two", N=3, E=2, k=1), case("all choose expert 1", one=True, N=5)],
    hidden=[
        case("two of eight", N=30, E=8, k=2),
        case("all of them", N=4, E=3, k=3),
        case("one expert", N=4, E=1, k=1),
        case("as many of everything", N=4, E=4, k=4),
        case("experts without tokens", N=2, E=12, k=2),
        case("large logits", N=6, E=5, k=3, scale=300.0),
        case("so large that most probabilities are 0", N=7, E=6, k=3, scale=1e5),
        case("float32", N=9, E=6, k=2, dtype="float32"),
        case("one token", N=1, E=7, k=3),
        case("many of both", N=25, E=21, k=18),
    ],
    fresh=1,
    cites=["f_e the number of tokens", "the mean over the tokens of the softmax over all E", "f is a count and has no gradient", "Megablocks divides f by k"],
)  # fmt: skip
def an_uneven_load_costs_more(student, router_logits, k):
    """The loss is E times the sum over experts of how often each is chosen, times its mean probability."""
    found = with_gradients(lambda router_logits: student.aux_loss(router_logits, k), router_logits=router_logits)
    return {"loss": found, "with one": student.aux_loss(router_logits, 1), "of equal logits": student.aux_loss(0 * router_logits, k), "other tokens": student.aux_loss(-router_logits.T.contiguous().T, k), "left": flags(router_logits)}


def models(rng, cfgs):
    return {"cfgs": [list(cfg) for cfg in cfgs]}


@check(
    points=1,
    inputs=models,
    lecture="what-it-costs",
    public=[case("Mixtral 8x7B, and one that fits on paper", cfgs=[(32_000, 4096, 32, 32, 8, 128, 14_336, 8, 2), (10, 4, 1, 2, 1, 2, 3, 2, 1)])],
    hidden=[
        case("a larger one", cfgs=[(32_768, 6144, 56, 48, 8, 128, 16_384, 8, 2)]),
        case("one of each size is not 1", cfgs=[tuple(7 if i == j else 1 for i in range(9)) for j in range(8)]),
        case("others", cfgs=[(50, 8, 3, 4, 2, 5, 11, 6, 3), (17, 6, 2, 3, 3, 4, 5, 1, 1)]),
    ],
    cites=["The numbers that have to be in memory", "two norms of C numbers"],
)
def all_numbers_are_counted(student, cfgs):
    """The whole model is counted: embedding, norms, attention, routers, all experts, output layer."""
    return [student.total_params(student.MoECfg(*cfg)) for cfg in cfgs]


@check(
    points=1,
    inputs=models,
    lecture="what-it-costs",
    public=[case("Mixtral 8x7B, and one that fits on paper", cfgs=[(32_000, 4096, 32, 32, 8, 128, 14_336, 8, 2), (10, 4, 1, 2, 1, 2, 3, 2, 1)])],
    hidden=[
        case("a larger one", cfgs=[(32_768, 6144, 56, 48, 8, 128, 16_384, 8, 2)]),
        case("all experts", cfgs=[(50, 8, 3, 4, 2, 5, 11, 6, 6), (17, 6, 2, 3, 3, 4, 5, 1, 1)]),
        case("others", cfgs=[(50, 8, 3, 4, 2, 5, 11, 6, 3), (19, 10, 4, 5, 1, 3, 7, 64, 8)]),
        case("seven of ten, where shares are rounded", cfgs=[(50, 8, 1, 4, 2, 5, 3, 10, 7), (50, 8, 3, 4, 2, 5, 7, 49, 29)]),
    ],
    cites=["The numbers that one token meets"],
)
def one_token_meets_a_part(student, cfgs):
    """A token meets everything but the experts that it does not choose."""
    return [student.active_params(student.MoECfg(*cfg)) for cfg in cfgs]
