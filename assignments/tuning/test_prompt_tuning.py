"""Public checks of tuning/prompt_tuning: run `pytest` on this file, or `autograder check tuning/prompt_tuning`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from autograder.checks import case, check, difference, flags, gradients, in_evaluation, lab, raises, reject, with_weights


def texts(rng, V=5, C=3, P=4, n=4, dtype="float32", grad=False, first=False):
    return {"table": rng.normal(V, C, dtype=dtype), "ids": torch.arange(n) if first else rng.integers(0, V, n), "P": P, "grad": grad}


@check(points=1, inputs=texts, lecture='where-a-prompt-begins', public=[case('as many ids as vectors'), case('two ids for five vectors', P=5, n=2), case('more ids than vectors', P=2, n=5)])
def a_text_is_copied_from_the_table(student, table, ids, P, grad):
    """With "text", vector i is a copy of the table's row ids[i], from the start again when ids run out."""
    held = table.clone().requires_grad_(grad)
    turned = ids.repeat(2, 1).T.contiguous().T[1]  # a view
    prompts = [student.SoftPrompt(P, table.shape[1], "text", each, some) for each, some in ((held, ids), (held, turned), (held.flip(0), ids))]
    prompt = prompts[0]
    seen = {"weights": [each.weight.detach().clone() for each in prompts], "parameters": sorted(n for n, _ in prompt.named_parameters())}
    with torch.no_grad():
        prompt.weight.mul_(3)
    seen["table after"], seen["others after"] = held.detach().clone(), prompts[1].weight.detach().clone()
    with torch.no_grad():
        held.zero_()
    seen["weight after"], seen["left"] = prompt.weight.detach().clone(), flags(held, prompt)
    seen["before tokens"] = [each(table[None, :1]).detach() for each in prompts]
    seen["leaf"] = bool(prompt.weight.is_leaf)
    (prompt.weight * 2).sum().backward()
    seen["gradient of the table"] = held.grad
    return seen


def starts(rng, V=60, C=20, P=30, dtype="float32", default="float32"):
    return {"table": rng.normal(V, C, dtype=dtype), "P": P, "seed": rng.integer(0, 10**6), "default": default}


def drawn(seen, want, inputs):
    for name in ("random", "vocab"):
        one, two, again = (seen[name][i].double() for i in range(3))
        if torch.equal(one, two):
            return reject('Two prompts with init="{name}" are equal; each draws its own.', name=name)
        if not torch.equal(one, again):
            return reject('After the same torch.manual_seed, init="{name}" gives another prompt.', name=name)
    numbers = seen["random"][0].double().flatten()
    if not bool(numbers.isfinite().all()) or not 0.1 < float(numbers.std()) < 1.1:
        return reject("The standard deviation of a random prompt is not between 0.1 and 1.1.")
    if abs(float(numbers.mean())) > 7 * float(numbers.std()) / len(numbers) ** 0.5:
        return reject("The numbers of a random prompt do not have the mean 0.")
    if len(numbers.unique()) < 0.9 * len(numbers):
        return reject("The numbers of a random prompt are not drawn one by one.")
    table = inputs["table"]
    rows = set()
    for one in seen["vocab"]:
        equal = (one[:, None] == table[None]).all(-1)
        if not bool(equal.any(-1).all()):
            return reject('A vector of init="vocab" is no row of the table.')
        rows |= set(equal.int().argmax(-1).tolist())
    if len(seen["vocab"][0]) > 90 * len(table) and len(rows) < len(table):
        return reject('A row of the table never comes with init="vocab". Each may come.')
    if len(rows) < min(6, len(table)):
        return reject('The vectors of init="vocab" come from few rows of the table; each is drawn by itself.')
    first = {int(one[0, 0].view(-1).eq(table[:, 0]).int().argmax()) for one in seen["first rows"]}
    if len(first) < 2:
        return reject('With init="vocab" the first vector is always the same row.')
    return difference(seen["kept"], want["kept"])


@check(points=1, inputs=starts, judge=drawn, lecture='where-a-prompt-begins', public=[case('30 vectors')])
def other_prompts_are_drawn(student, table, P, seed, default):
    """With "random" the numbers are drawn around 0, with "vocab" rows of the table, anew for each prompt."""
    C = table.shape[1]
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, default))
    try:
        seen = {}
        for name, arguments in (("random", ()), ("vocab", ("vocab", table))):
            torch.manual_seed(seed)
            prompts = [student.SoftPrompt(P, C, *arguments) for _ in range(2)]
            torch.manual_seed(seed)
            prompts.append(student.SoftPrompt(P, C, *arguments))
            seen[name] = [each(each.weight[None, :1]).detach()[0, :P] for each in prompts]
        torch.manual_seed(seed + 1)
        seen["first rows"] = [student.SoftPrompt(2, C, "vocab", table).weight.detach() for _ in range(12)]
        dtypes = [str(seen[name][0].dtype) for name in ("random", "vocab")]
        seen["kept"] = {"dtypes": dtypes, "table": table.clone(), "default": str(torch.get_default_dtype())}
    finally:
        torch.set_default_dtype(before)
    return seen


def prompted(rng, lengths=(4, 2), T=4, P=3, side="right", seed=0, ids=None, masked=True, keep=1.0, prompt="float32", **model):
    B, C = len(lengths), model.get("width", 12)
    real = torch.arange(T) < torch.tensor(lengths)[:, None]
    mask = real.flip(1) if side == "left" else real
    made = rng.integers(0, 29, B, T) if ids is None else torch.tensor(ids)
    labels = made.masked_fill(~mask | (rng.uniform(0, 1, B, T) > keep), -100)
    labels[0, 0] = made[0, 0]
    return {
        "model": lab("frozen_model", seed=rng.integer(0, 10**6), **model),
        "weight": rng.normal(P, C, dtype=prompt),
        "ids": made,
        "mask": mask if masked else None,
        "labels": labels,
    }


def holding(student, weight):
    return with_weights(student.SoftPrompt(*weight.shape), {"weight": weight})


@check(points=1, inputs=prompted, lecture='what-the-model-is-given', public=[case('two sequences, one padded'), case('padding on the left', side='left', lengths=(1, 3), T=3, P=2)])
def the_prompt_stands_before_everything(student, model, weight, ids, mask, labels):
    """The model gets prompt and tokens, and a mask in which the prompt can be seen; only the prompt has a gradient."""
    prompt = holding(student, weight)
    found = student.forward_with_prompt(model, prompt, ids, mask)
    turned = [x if x is None else x.T.contiguous().T for x in (ids, mask)]
    again = student.forward_with_prompt(model, prompt, turned[0].flip(0), None if mask is None else turned[1].flip(0))
    shorter = student.forward_with_prompt(model, prompt, ids[:1, :1])
    embeds = model.embed(ids).detach()
    view, embedded = embeds.transpose(0, 1).contiguous().transpose(0, 1), [prompt(embeds).detach()[:, ::2]]
    frozen = holding(student, weight).requires_grad_(False).eval()
    embedded += [frozen(view)[:, ::2], frozen(-view)[:, ::2], frozen(view)[:, ::2]]
    left = [flags(prompt, view), flags(frozen, view)]
    student.forward_with_prompt(model, frozen, ids)
    gradient = gradients(found["logits"], {"weight": prompt.weight})["weight"]
    if gradient is not None and weight.dtype != embeds.dtype:
        gradient = gradient.float()  # what went through float32 is no more exact than that
    quiet = in_evaluation(prompt, lambda: prompt(embeds)[:, ::2])
    if weight.dtype != embeds.dtype:  # what went through float32 is no more exact than that
        quiet["gradients"] = {name: None if grad is None else grad.float() for name, grad in quiet["gradients"].items()}
    return {
        "frozen afterwards": flags(frozen),
        "in evaluation mode": quiet,
        "found": {name: value.detach() for name, value in found.items()},
        "again": again["logits"].detach()[:, ::2, :7],
        "shorter": shorter["logits"].detach()[..., :7],
        "embedded": embedded,
        "gradient": gradient,
        "its dtype": str(prompt.weight.dtype),
        "learning": [name for name, p in (*model.named_parameters(), *prompt.named_parameters()) if p.requires_grad],
        "left": left,
    }


@check(points=1, inputs=prompted, lecture='what-is-learned', public=[case('two sequences, one padded', P=2, T=3, lengths=(3, 2)), case('some tokens are not learned', lengths=(4, 4), keep=0.4)])
def labels_move_with_the_tokens(student, model, weight, ids, mask, labels):
    """The prompt gets labels of -100, its last logits predict the first token, and the loss is a mean over all labels."""
    prompt = holding(student, weight)
    seen = {}
    if mask is not None and bool((labels != -100)[mask].all()):  # labels may be learned where the mask says padding
        other = student.forward_with_prompt(model, prompt, ids, mask, ids)
        seen["all labels"] = other["loss"].detach()
    found = student.forward_with_prompt(model, prompt, ids, mask, labels)
    seen |= {name: found[name].detach() for name in ("loss", "labels", "mask")}
    seen["labels' dtype"], seen["keys"] = str(found["labels"].dtype), sorted(found)
    model.zero_grad()
    found["loss"].backward()
    seen["gradient"] = prompt.weight.grad
    seen["keys without labels"] = sorted(student.forward_with_prompt(model, prompt, ids, mask))
    return seen | {"model's": [p.grad for p in model.parameters()], "left": flags(model, prompt)}


@check(points=1, inputs=lambda rng, longest=6, P=2, C=12: {'model': lab('frozen_model', seed=3, longest=longest, layers=1), 'table': rng.normal(5, C), 'P': P, 'ids': rng.integers(0, 29, 2, longest - P)}, lecture='what-the-model-is-given', public=[case('six positions')])
def impossible_prompts_are_refused(student, model, table, P, ids):
    """A ValueError for another init, a missing or wrong table, missing ids, and more positions than the model has."""
    C = table.shape[1]
    make = student.SoftPrompt
    none = ids.new_zeros(0)
    wrong = {
        "another init": lambda: make(P, C, "words", table, ids[0]),
        "capitals": lambda: make(P, C, "TEXT", table, ids[0]),
        "vocab without a table": lambda: make(P, C, "vocab"),
        "text without a table": lambda: make(P, C, "text", None, ids[0]),
        "text without ids": lambda: make(P, C, "text", table),
        "no id": lambda: make(P, C, "text", table, none),
        "a narrow table": lambda: make(P, C, "vocab", table[:, :-1]),
        "a wide table": lambda: make(P, C, "text", table.repeat(1, 2), ids[0] % 5),
        "one position too many": lambda: student.forward_with_prompt(model, make(P + 1, C), ids),
        "one token too many": lambda: student.forward_with_prompt(model, make(P, C), torch.cat([ids, ids[:, :1]], 1)),
        "one padding too many": lambda: student.forward_with_prompt(
            model, make(P, C), torch.cat([ids, ids[:, :1]], 1), torch.arange(ids.shape[1] + 1).expand(2, -1) > 0
        ),
    }
    good = student.forward_with_prompt(model, make(P, C, "text", table, ids[0] % 5), ids)
    found = {name: raises("ValueError", call) for name, call in wrong.items()}
    return found | {"good": good["logits"].detach()[:, -1, :9], "without": make(P, C, "random").weight.shape[0]}


def voters(rng, N=3, B=4, K=3, dtype="float32", values=None, loud=0.0):
    made = [rng.normal(B, K, dtype=dtype) for _ in range(N)] if values is None else [torch.tensor(v, dtype=getattr(torch, dtype)) for v in values]
    if loud:
        made[0] = made[0] * loud
    return {"logits": made}


@check(points=1, inputs=voters, lecture='many-prompts-in-one-batch', public=[case('two against one loud', values=[[[0.1, 0.0]], [[0.2, 0.1]], [[0.0, 9.0]]]), case('a tie', values=[[[0.0, 1.0, 0.0]], [[0.0, 0.0, 3.0]]])])
def prompts_vote(student, logits):
    """Each prompt has one vote, whatever its numbers; the class with the most votes wins, of several the smallest."""
    turned = [each.flip(0).T.contiguous().T for each in logits]  # views
    first = student.prompt_ensemble(logits)
    return [first, student.prompt_ensemble(turned), student.prompt_ensemble([-each for each in logits]), flags(*logits)]
