"""Public checks of mistral/mixtral_moe: run `pytest` on this file, or `autograder check mistral/mixtral_moe`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

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
    }


@check(points=2, inputs=layer, lecture='the-router', public=[case('two of four experts'), case('one of three', N=3, C=2, E=3, k=1)])
def the_largest_logits_are_chosen(student, x, Wg, W13, W2, k):
    """The k largest logits decide, the largest first, and the weights are their softmax."""
    return routed(student, x, Wg, k)


@check(points=1, inputs=layer, lecture='the-router', public=[case('two of four experts', dtype='float64')])
def float64_is_exact_to_the_end(student, x, Wg, W13, W2, k):
    """For float64 tensors everything is computed in float64, the softmax of the router too."""
    out = with_gradients(lambda x, Wg: student.moe_forward(x, Wg, W13, W2, k), x=x, Wg=Wg)
    one = torch.ones(1, 1, dtype=x.dtype)
    near = torch.cat([one, one + 1e-9])  # logits that only float64 tells apart
    experts = torch.ones(2, 2, 1, dtype=x.dtype), torch.stack([one, 5 * one])
    return routed(student, x, Wg, k) | {"out": out, "of near logits": student.moe_forward(one, near, *experts, 1)}


@check(points=3, inputs=layer, lecture='the-experts', public=[case('two of four experts'), case('one of two', N=3, C=2, E=2, F=3, k=1), case('one expert: an ordinary layer', N=3, C=2, E=1, F=4, k=1)])
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


@check(points=1, inputs=layer, lecture='who-is-computed', public=[case('experts 1 and 2 of four, the others hold nan', N=3, only=(1, 2))])
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


@check(points=1, budget=Budget(cpu=4), lecture='who-is-computed', public=[case('one of 32 experts', N=4096, C=128, E=32, F=256, k=1)])
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


@check(points=2, inputs=loads, lecture='an-even-load', public=[case('four tokens, two of three experts'), case('one of two', N=3, E=2, k=1), case('all choose expert 1', one=True, N=5)])
def an_uneven_load_costs_more(student, router_logits, k):
    """The loss is E times the sum over experts of how often each is chosen, times its mean probability."""
    found = with_gradients(lambda router_logits: student.aux_loss(router_logits, k), router_logits=router_logits)
    return {"loss": found, "with one": student.aux_loss(router_logits, 1), "of equal logits": student.aux_loss(0 * router_logits, k), "other tokens": student.aux_loss(-router_logits.T.contiguous().T, k), "left": flags(router_logits)}


def models(rng, cfgs):
    return {"cfgs": [list(cfg) for cfg in cfgs]}


@check(points=1, inputs=models, lecture='what-it-costs', public=[case('Mixtral 8x7B, and one that fits on paper', cfgs=[(32000, 4096, 32, 32, 8, 128, 14336, 8, 2), (10, 4, 1, 2, 1, 2, 3, 2, 1)])])
def all_numbers_are_counted(student, cfgs):
    """The whole model is counted: embedding, norms, attention, routers, all experts, output layer."""
    return [student.total_params(student.MoECfg(*cfg)) for cfg in cfgs]


@check(points=1, inputs=models, lecture='what-it-costs', public=[case('Mixtral 8x7B, and one that fits on paper', cfgs=[(32000, 4096, 32, 32, 8, 128, 14336, 8, 2), (10, 4, 1, 2, 1, 2, 3, 2, 1)])])
def one_token_meets_a_part(student, cfgs):
    """A token meets everything but the experts that it does not choose."""
    return [student.active_params(student.MoECfg(*cfg)) for cfg in cfgs]
