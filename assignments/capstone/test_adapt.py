"""Public checks of capstone/adapt: run `pytest` on this file, or `autograder check capstone/adapt`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import torch
from torch import nn
from autograder.checks import Tolerance, case, check, difference, flags, gradients, lab, reject
from autograder.lab.exam import Language, mean_loss, pieces_of, unfinished


CONTEXT = 16


PROMPT = 8


STEPS, PREFER_STEPS = 150, 80


LEARNS, LEARNS_WELL = 1.0, 0.5


MARGIN, WINS, FORGETS = 0.5, 0.8, 0.6


HANGS_STEPS, HANGS_MARGIN = 160, 1.0


NEAR = 0.1, 0.8


GOES_ON = 1.7


SINGULAR = 1e-3


LENGTH = 6


ROUNDED = 0.05


ROUND_TRIP = Tolerance(atol=0.0, rtol=1e-5)


def known(rng, vocab, lag):
    """A language, and the name of the model that knows it."""
    language = Language.drawn(rng, vocab, lag)
    return language, {"sigma": list(language.sigma), "lag": language.lag, "seed": rng.integer(0, 2**31)}


def exchanged(rng, language, pairs):
    """The language in which so many pairs of tokens have exchanged what follows them."""
    sigma, tokens = list(language.sigma), rng.sample(range(len(language.sigma)), 2 * pairs)
    for a, b in zip(tokens[::2], tokens[1::2], strict=True):
        sigma[a], sigma[b] = sigma[b], sigma[a]
    return Language(sigma, language.lag)


def ask(model, text):
    """The logits after a text."""
    with torch.no_grad():
        return model(torch.tensor([text[-CONTEXT:]]))[0, -1]


def sit(model, exam, length=None):
    """Predict one token after the other, until the exam, or its first `length` tokens, are over. How long the text is then."""
    text = list(exam.prompt)
    for _ in range(exam.length if length is None else length):
        text.append(exam.next(ask(model, text)))
    return len(text)


def sums(parameters):
    """For each parameter its shape and a sum over its bits, which another last bit changes."""
    found = []
    for each in parameters:
        bits = each.detach().contiguous().view(torch.int32).flatten().long()
        found.append([*each.shape, int((bits * (torch.arange(len(bits)) % 997 + 1)).sum())])
    return found


def with_grad(*models):
    """The names of parameters in which a gradient was left."""
    return [name for model in models for name, p in model.named_parameters() if p.grad is not None]


def gradient_left(seen, function, given):
    """What is wrong where a gradient was left in the model that was given, or in the one that was returned."""
    for part, whose in (("gradients left", f"the {given} that it was given"), ("gradients in it", f"the model that `{function}` returned")):
        if seen[part]:
            return reject("`.grad` is left in {name} of {whose}. Set it to None.", name=seen[part][0], whose=whose)
    return None


def watched(train, given):
    """What `train()` gives, and the states of what learns, as one sum each, in which it called a model with gradients."""
    states = []

    def look(module, arguments, output):
        if not torch.is_grad_enabled() or module is given or not any(isinstance(each, type(given)) for each in module.modules()):
            return
        learning = sums(p for p in module.parameters() if p.requires_grad)
        if learning and (state := sum((i + 1) * each[-1] for i, each in enumerate(learning))) not in states:
            states.append(state)

    hook = nn.modules.module.register_module_forward_hook(look)
    try:
        return train(), states
    finally:
        hook.remove()


def moves(seen, steps, spare):
    """What is wrong where more moves were made than steps were asked for. `spare` states are for a look at the end, or at the reference."""
    if len(seen["states"]) > steps + spare:
        return reject(
            "With steps = {steps} the gradient was computed at {found} different values of what learns. Each step is one move.",
            steps=steps, found=len(seen["states"]),
        )  # fmt: skip
    return None


def arguments_decide(seen, function, other):
    """The logits of models that were trained on equal arguments, on `other` ones, and after the model that was given had changed."""
    first = seen["first"]
    if not bool(first.isfinite().all()):
        return reject("The logits after a few steps are not finite.")
    if not torch.equal(seen["again"], first):
        return reject("The same arguments give different models. Something hangs on what was drawn before.")
    if not torch.equal(seen["without gradients outside"], first):
        return reject("Under torch.no_grad() of the caller, `{function}` gives another model.", function=function)
    if not torch.equal(seen["views"], first):
        return reject("The same ids as views of other data, which are not contiguous, give another model.")
    for part in other:
        if torch.equal(seen[part], first):
            return reject("With {part} the model is the same.", part=part)
    if not torch.equal(seen["after another result was changed"], first):
        return reject("Two calls of `{function}` with the same arguments return models that share memory. Return a new one each time.", function=function)
    if not torch.equal(seen["no step on what was changed"], seen["what was changed"]):
        return reject(
            "The model was changed in place, and `{function}` called again with no step: the logits are not those of the changed model. Keep nothing from call to call.",
            function=function,
        )  # fmt: skip
    if not torch.equal(seen["after it was changed"], first):
        return reject("Who changes the model that was given changes the one that `{function}` returned, too: they share memory.", function=function)
    return None


def short(rng, vocab=8, lag=None, N=120, steps=3, pairs=3):
    language, model = known(rng, vocab, lag)
    new = exchanged(rng, language, pairs)
    return {
        "base": lab("solved", **model),
        "text": torch.tensor(new.text(rng, N)),
        "other_text": torch.tensor(new.text(rng, N)),
        "ids": rng.integers(0, vocab, 2, 9),
        "steps": steps,
        "seeds": [rng.integer(0, 2**31) for _ in range(2)],
    }


def adapters_alone(seen, want, inputs):
    """At the start the base's logits; then few numbers that learn beside a base that stays; the arguments decide alone."""
    own = sums(inputs["base"].parameters())
    if seen["base afterwards"] != own:
        return reject("`adapt` changes the base that it is given. Adapt a copy of it.")
    if (found := gradient_left(seen, "adapt", "base")) is not None:
        return found
    for part in ("left", "modes", "global", "base", "what was changed"):
        if (found := difference(seen[part], want[part])) is not None:
            return found
    if not torch.equal(seen["no step"], seen["base"]):
        return reject("Before the first step the adapted model has other logits than the base. Let the adapters begin at 0.")
    frozen = [each[:-1] for each in seen["frozen"]], [each[:-1] for each in own]
    if len(frozen[0]) < len(frozen[1]):
        return reject("Only {found} of the base's {own} parameters are there and frozen. Let none of them learn; add adapters beside them.", found=len(frozen[0]), own=len(frozen[1]))
    if sorted(frozen[0]) != sorted(frozen[1]):
        return reject("Beside the adapters the model has parameters of the shapes {found}. The base has {own}.", found=frozen[0], own=frozen[1])
    if sorted(seen["frozen"]) != sorted(own):
        return reject("Parameters that require no gradients are not those of the base, bit for bit: the base is frozen.")
    count, most = sum(seen["learning"]), sum(p.numel() for p in inputs["base"].parameters()) // 10
    if not 0 < count <= most:
        return reject("The adapters have {count} numbers. They have one at least, and at most {most}.", count=count, most=most)
    if (found := moves(seen, inputs["steps"], 1)) is not None:
        return found
    return arguments_decide(seen, "adapt", ("another text", "another seed", "more steps", "no step"))


@check(points=1, inputs=short, judge=adapters_alone, lecture='adapters-beside-a-frozen-base', public=[case('three steps', vocab=6), case('the shortest text, one step', vocab=7, N=17, steps=1)])
def adapters_alone_learn(student, base, text, other_text, ids, steps, seeds):
    """`adapt` begins with the base's logits, then few numbers learn beside it; it leaves the base as it was, and its arguments decide alone."""
    drawn, models, held, untouched = [], [], list(base.parameters()), sums(base.parameters())
    base.q_proj.train()
    base.v_proj.weight.requires_grad_(False)

    def adapted(number, steps, seed, text=text):
        torch.manual_seed(number)
        models.append(student.adapt(base, text, steps, seed))
        drawn.append(torch.rand(2))
        with torch.no_grad():
            return models[-1](ids)[:, -1]

    with torch.no_grad():
        seen = {"base": base(ids)[:, -1]}
    seen["first"] = adapted(1, steps, seeds[0])
    if sums(base.parameters()) != untouched:  # with a base that is another one by now, nothing else can be asked
        return {"base afterwards": sums(base.parameters())}
    seen |= {
        "states": watched(lambda: adapted(1, steps, seeds[0]), base)[1],
        "no step": adapted(2, 0, seeds[0]),
        "again": adapted(3, steps, seeds[0]),
        "views": adapted(1, steps, seeds[0], torch.stack([text, other_text], 1)[:, 0]),
        "another text": adapted(1, steps, seeds[0], other_text),
        "another seed": adapted(1, steps, seeds[1]),
        "more steps": adapted(3, steps + 4, seeds[0]),
    }
    with torch.no_grad():
        seen["without gradients outside"] = adapted(4, steps, seeds[0])
        seen["left"] = [flags(base, text), torch.is_grad_enabled()]
    seen["gradients left"], seen["gradients in it"] = with_grad(base), with_grad(models[0])
    seen["learning"] = [p.numel() for p in models[0].parameters() if p.requires_grad]
    seen["frozen"] = sums(p for p in models[0].parameters() if not p.requires_grad)
    seen["base afterwards"] = sums(base.parameters())
    seen["modes"] = [sorted({m.training for m in model.modules()}) for model in models]
    with torch.no_grad():
        for each in models[1].parameters():  # of the same arguments as the first
            each.add_(0.01)
        seen["after another result was changed"] = models[0](ids)[:, -1]
        for each in held:
            each.add_(0.01)
        seen["after it was changed"] = models[0](ids)[:, -1]
        seen["what was changed"] = base(ids)[:, -1]
    return seen | {"no step on what was changed": adapted(2, 0, seeds[0]), "global": drawn}


def new_language(rng, vocab=12, lag=None, pairs=3, N=1500, length=120):
    """A base, a text in the language that it is to learn, and an exam in it."""
    language, model = known(rng, vocab, lag)
    new = exchanged(rng, language, pairs)
    held_out = new.text(rng, PROMPT + length)
    return {
        "base": lab("solved", **model),
        "ids": torch.tensor(new.text(rng, N)),
        "seed": rng.integer(0, 2**31),
        "exam": lab("exam", tokens=held_out, given=PROMPT, vocab=vocab, best=new.loss(held_out, PROMPT)),
    }


def excess(length, record, exam):
    """What is wrong with how an exam went, or the mean loss above that of the language."""
    wrong = unfinished(record, exam)
    if wrong is None:
        wrong = difference(length, len(exam["tokens"]))
    return wrong, 0.0 if wrong is not None else mean_loss(record) - exam["best"]


def marked(seen, record, inputs, bound):
    """The model has at most a tenth of learning numbers, and its loss in the exam is near enough to what is possible."""
    wrong, above = excess(seen["length"], record, inputs["exam"])
    if wrong is not None:
        return wrong
    own = sums(inputs["base"].parameters())
    if sorted(seen["frozen"]) != sorted(own):
        return reject("Parameters that require no gradients are not those of the base, bit for bit: the base is frozen.")
    count, most = sum(seen["learning"]), sum(p.numel() for p in inputs["base"].parameters()) // 10
    if count > most:
        return reject("The adapters have {count} numbers. They have at most {most}.", count=count, most=most)
    if not above <= bound:
        return reject(
            "In the exam of the new language the mean loss is {above} nats above that of the language. At most {bound} are asked for.",
            above=round(above, 3), bound=bound,
        )  # fmt: skip
    return None


def learns(seen, record, inputs):
    """More than half of what there is to learn is learned."""
    return marked(seen, record, inputs, LEARNS)


def learns_well(seen, record, inputs):
    """Nearly all that there is to learn is learned."""
    return marked(seen, record, inputs, LEARNS_WELL)


def taught(student, base, ids, seed, exam):
    """What an adapted model says in the exam, and what it is made of."""
    model = student.adapt(base, ids, STEPS, seed)
    return {
        "length": sit(model, exam),
        "learning": [p.numel() for p in model.parameters() if p.requires_grad],
        "frozen": sums(p for p in model.parameters() if not p.requires_grad),
    }


@check(points=1, inputs=new_language, judge=learns, lecture='the-exam-of-the-new-language', public=[case('three pairs exchanged', lag=2)])
def it_learns_the_new_language(student, base, ids, seed, exam):
    """After 150 steps the adapted model's loss in the new language is at most 1 nat above that of the language itself."""
    return taught(student, base, ids, seed, exam)


@check(points=2, inputs=new_language, judge=learns_well, lecture='the-exam-of-the-new-language', public=[case('four pairs of ten tokens', vocab=10, lag=3, pairs=4)])
def it_learns_it_well(student, base, ids, seed, exam):
    """After 150 steps the adapted model's loss in the new language is at most 0.5 nats above that of the language itself."""
    return taught(student, base, ids, seed, exam)


def to_merge(rng, vocab=8, lag=None, steps=20, pairs=3):
    language, model = known(rng, vocab, lag)
    return {
        "base": lab("solved", **model),
        "blank": lab("solved", **model | {"seed": rng.integer(0, 2**31)}),
        "texts": [torch.tensor(exchanged(rng, language, pairs).text(rng, 400)) for _ in range(2)],
        "ids": rng.integers(0, vocab, 2, 12),
        "steps": steps,
        "seed": rng.integer(0, 2**31),
    }


def a_plain_model(seen, want, inputs):
    """The shape of a base, and the logits of the adapted model, which is as it was."""
    if seen["required"][0] != seen["required"][1]:
        return reject("After `merge`, other parameters of the adapted model require gradients than before.")
    if not seen["same parameters"]:
        return reject("`merge` puts new parameters into the adapted model: whoever holds the old ones holds nothing of it.")
    for part in ("parameters", "state", "left", "gradients left", "modes"):
        if (found := difference(seen[part], want[part])) is not None:
            return found
    if seen["base afterwards"] != sums(inputs["base"].parameters()):
        return reject("The base is not the same after its adapted copy was merged.")
    adapted = seen["adapted"]
    if difference(seen["base"], want["base"]) is not None or not bool(((adapted - seen["base"]).abs() > 0.1).any()):
        return reject("After {steps} steps the adapted model says what the base says.", steps=inputs["steps"])
    if not torch.equal(seen["adapted afterwards"], adapted):
        return reject("`merge` changes the adapted model that it is given. Merge a copy of it.")
    for part, of, what in (
        ("merged", "adapted", "the merged one (another model was adapted before it was merged)"),
        ("merged once more", "adapted", "the one that was merged once more"),
        ("a base with its weights", "adapted", "a base with the weights of the merged one"),
        ("merged after the adapters were changed", "with other adapters", "the one that was merged after the adapters had been changed in place"),
    ):
        if not bool((seen[part] - seen[of]).abs().max() <= 1e-4):
            return reject("The logits of the adapted model and of this one differ: {what}.", what=what)
    for part, what in (("after the adapted one was changed", "the adapted model"), ("after another one was changed", "another merged model")):
        if not torch.equal(seen[part], seen["merged"]):
            return reject("Who changes {what} afterwards changes the merged one, too: they share memory.", what=what)
    return low_rank(seen["changes"], inputs["base"])


def low_rank(changes, base):
    """r (m + n), added up over the weights, is within SHARE, where r is the rank of the change of a weight (m, n)."""
    weights = dict(base.named_parameters())
    ranks = {name: sum(value > SINGULAR for value in values) for name, values in changes if name in weights}
    needed, most = sum(r * sum(weights[name].shape) for name, r in ranks.items()), sum(p.numel() for p in weights.values()) // 10
    if needed <= most:
        return None
    name = max(ranks, key=lambda each: ranks[each] * sum(weights[each].shape))
    return reject(
        "Merged, {name} differs from the base's by a matrix of rank {rank}. Adapters for that have {needed} numbers in all, and at most {most} are allowed.",
        name=name, rank=ranks[name], needed=needed, most=most,
    )


def changes(base, merged):
    """For each weight that is another one than the base's, the singular values of the difference; those of rounding are left out."""
    found = []
    for (name, p), (_, q) in zip(base.named_parameters(), merged.named_parameters(), strict=False):
        if p.shape == q.shape and not torch.equal(p, q) and bool(q.isfinite().all()):
            values = torch.linalg.svdvals(q.detach().double() - p.detach().double()).tolist()
            found.append([name, [value for value in values if value > 1e-4]])
    return found


@check(points=1, inputs=to_merge, judge=a_plain_model, lecture='a-plain-model-again', public=[case('twenty steps')])
def merging_gives_a_plain_model(student, base, blank, texts, ids, steps, seed):
    """`merge` gives a model with the parameters of a base and the logits of the adapted one, and leaves the adapted one as it was."""

    def said(model):
        return model(ids)[:, -2:]

    adapted, _ = (student.adapt(base, text, steps, seed) for text in texts)
    first = next(m for m in adapted.modules() if not list(m.children()))
    first.train()
    with torch.no_grad():
        seen = {"base": said(base), "adapted": said(adapted)}
    held, adapters = list(adapted.parameters()), [p for p in adapted.parameters() if p.requires_grad]
    adapters[0].requires_grad_(False)
    required = [[p.requires_grad for p in adapted.parameters()]]
    merged = student.merge(adapted)
    left = [first.training, any(m.training for m in adapted.modules() if m is not first)]
    required.append([p.requires_grad for p in adapted.parameters()])
    same = all(p is q for p, q in zip(held, adapted.parameters(), strict=False))
    blank.load_state_dict(merged.state_dict(), strict=False)
    with torch.no_grad():
        seen |= {
            "merged": said(merged),
            "adapted afterwards": said(adapted),
            "a base with its weights": said(blank),
        }
        another = student.merge(adapted)
        seen["merged once more"] = said(another)
        for each in another.parameters():
            each.mul_(0.5)
        seen["after another one was changed"] = said(merged)
        seen["gradients left"] = with_grad(base, merged)
        for each in adapters:
            each.mul_(-1.2)
        seen |= {"with other adapters": said(adapted), "merged after the adapters were changed": said(student.merge(adapted))}
        for each in held:
            each.mul_(0.0)
        seen["after the adapted one was changed"] = said(merged)
    return seen | {
        "parameters": [[name, list(p.shape), str(p.dtype), p.requires_grad] for name, p in merged.named_parameters()],
        "changes": changes(base, merged),
        "state": sorted(merged.state_dict()),
        "left": left,
        "required": required,
        "same parameters": same,
        "modes": sorted({m.training for m in merged.modules()}),
        "base afterwards": sums(base.parameters()),
    }


class Chain(nn.Module):
    """A model whose logits hang on the last two tokens, on the place, and on the mode, as those of a model with dropout do."""

    def __init__(self, table):
        super().__init__()
        self.table = nn.Parameter(table.clone())
        self.places = nn.Parameter(table[0].clone())

    def forward(self, ids):
        before = torch.cat([ids[:, :1], ids[:, :-1]], 1)
        at = torch.arange(1, ids.shape[1] + 1, device=ids.device)[:, None] * 0.1
        return (self.table[ids] + 0.5 * self.table[before].flip(-1) + at * self.places) * (1.0 if self.training else 0.8)


def pairs_for_tables(rng, vocab=5, N=3, P=2, L=3, M=3, beta=0.5, scale=1.0, same=False, training=(True, False)):
    return {
        "tables": [rng.normal(vocab, vocab, scale=scale) for _ in range(2)],
        "prompts": rng.integers(0, vocab, N, P),
        "liked": rng.integers(0, vocab, N, L),
        "disliked": rng.integers(0, vocab, N, M),
        "beta": beta,
        "same": same,
        "training": list(training),
    }


@check(points=1, inputs=pairs_for_tables, lecture='what-somebody-likes', public=[case('three pairs'), case('the model is the reference: log 2', N=2, same=True), case('logits in the hundreds', vocab=4, N=2, scale=200.0, beta=1.0)])
def a_pair_has_its_loss(student, tables, prompts, liked, disliked, beta, same, training):
    """The loss of pairs is the mean of -log σ(beta · h), and its gradient reaches the model alone."""
    model = Chain(tables[0]).train(training[0])
    reference = model if same else Chain(tables[1]).train(training[1])
    loss = student.preference_loss(model, reference, prompts, liked, disliked, beta)
    turned = student.preference_loss(model, reference, prompts, disliked, liked, beta)
    everything = {f"model.{name}": p for name, p in model.named_parameters()}
    everything |= {f"reference.{name}": p for name, p in reference.named_parameters()}
    seen = {
        "loss": loss.detach(),
        "turned round": turned.detach(),
        "gradients": gradients(loss, everything),
        "first pair alone": student.preference_loss(
            model, reference, prompts[:1], liked[:1], disliked[:1], beta
        ).detach(),
        "of views": student.preference_loss(
            model, reference, prompts.T.contiguous().T, liked.T.contiguous().T, disliked.T.contiguous().T, beta
        ).detach(),
        "left": [flags(model, reference), with_grad(model, reference)],
    }
    with torch.no_grad():
        for each in reference.parameters():
            each.mul_(-0.5)
        seen["the reference changed in place"] = student.preference_loss(model, reference, prompts, liked, disliked, beta)
        seen["gradients stay off"] = not torch.is_grad_enabled()
    return seen


def tastes(rng, language, good, number, turned=()):
    """Pairs: prompts, liked continuations, disliked ones. One token of each breaks the rule: a good one, and one that is not.

    After the tokens `turned` it is the other way round. Half of the pairs are such ones then, and the token that decides is in the prompt.
    """
    vocab, lag, length = len(language.sigma), language.lag, PROMPT + LENGTH
    bad = [token for token in range(vocab) if token not in good]
    prompts, liked, disliked = [], [], []
    for i in range(number):
        text, place = language.text(rng, length), rng.integer(PROMPT, PROMPT + lag if turned else length)
        while turned and (text[place - lag] in turned) != (i % 2 == 1):
            text = language.text(rng, length)
        rule = language.sigma[text[place - lag]]
        yes, no = (bad, good) if text[place - lag] in turned else (good, bad)
        for tokens, found in ((yes, liked), (no, disliked)):
            changed = list(text)
            changed[place] = rng.choice([token for token in tokens if token != rule])
            for later in range(place + lag, length, lag):
                changed[later] = language.sigma[changed[later - lag]]
            found.append(changed[PROMPT:])
        prompts.append(text[:PROMPT])
    return prompts, liked, disliked


def to_prefer(rng, vocab=12, lag=None, number=64, asked=40, length=200, beta=0.5, counts=(PREFER_STEPS,), before=0.0, hangs=False):
    """Pairs to learn from; an exam in the old language, and behind it new pairs, of which nobody says which continuation is the liked one.

    counts: so many steps has each training, after which all new pairs are asked for. before: how much (nats) the model likes good tokens at the start.
    hangs: the taste hangs on the prompt.
    """
    language, model = known(rng, vocab, lag)
    good = rng.sample(range(vocab), vocab // 2)
    turned = rng.sample(range(vocab), vocab // 2) if hangs else ()
    prompts, liked, disliked = (torch.tensor(each) for each in tastes(rng, language, good, number, turned))
    new_prompts, *both = tastes(rng, language, good, asked, turned)
    liked_first = [rng.integer(0, 2) == 1 for _ in range(asked)]
    shown = [
        (yes if which else no) + (no if which else yes) for yes, no, which in zip(*both, liked_first, strict=True)
    ]
    held_out = language.text(rng, PROMPT + length)
    return {
        "model": lab("solved", **model),
        "prompts": prompts,
        "liked": liked,
        "disliked": disliked,
        "beta": beta,
        "counts": list(counts),
        "taste": [before if token in good else -before for token in range(vocab)] if before else [],
        "length": length,
        "new_prompts": new_prompts,
        "exam": lab(
            "exam",
            tokens=held_out + [token for both in shown for token in both] * len(counts),
            given=PROMPT,
            vocab=vocab,
            best=language.loss(held_out, PROMPT),
            pieces=[length] + [LENGTH] * (2 * asked * len(counts)),
            notes={"liked first": liked_first, "hangs": hangs},
        ),
    }


def with_taste(model, taste):
    """The model itself, in which each token has so many more nats everywhere (a row of its output layer says what follows which token)."""
    if taste:
        with torch.no_grad():
            weight = model.lm_head.weight
            everywhere = weight.sum(0)  # what all tokens that are read have in common
            weight.add_(torch.outer(torch.tensor(taste), everywhere / (weight @ everywhere).mean()))
    return model


def margins(exam, lost, model, prompts):
    """h of each new pair (trainings, pairs), from the losses that were kept and the reference's, which is computed here."""
    tokens = torch.tensor(exam["tokens"][-LENGTH * 2 * len(prompts) :]).view(-1, LENGTH)
    whole = torch.cat([torch.tensor(prompts).repeat_interleave(2, 0), tokens], 1)
    with torch.no_grad():
        logits = model(whole)[:, PROMPT - 1 : -1]
    before = logits.log_softmax(-1).gather(-1, tokens[..., None]).sum((1, 2))
    gained = (-torch.tensor(lost, dtype=torch.float64).view(-1, len(tokens)) - before).unflatten(1, (-1, 2))  # log π - log π_ref
    h = gained[..., 0] - gained[..., 1]
    return torch.where(torch.tensor(exam["notes"]["liked first"]), h, -h)


def asked_about_pairs(seen, record, inputs):
    """What is wrong with how an exam went; or the margins of new pairs after each training, and the excess loss in the old language after the first."""
    exam = inputs["exam"]
    wrong = unfinished(record, exam)
    if wrong is None:
        wrong = difference(seen, len(exam["tokens"]))
    if wrong is not None:
        return wrong, None, None
    first, *others = pieces_of(record)
    model = with_taste(inputs["model"], inputs["taste"])
    return None, margins(exam, others, model, inputs["new_prompts"]), first / exam["pieces"][0] - exam["best"]


def prefers(seen, record, inputs):
    """The margin grew on new pairs, and the old language is not forgotten."""
    wrong, h, above = asked_about_pairs(seen, record, inputs)
    if wrong is not None:
        return wrong
    mean, hangs = float(h.mean()), inputs["exam"]["notes"]["hangs"]
    if hangs:
        if mean >= HANGS_MARGIN:
            return None
        return reject(
            "The taste hangs on the prompt here, and on new pairs the mean margin is {mean} nats. At least {least} are asked for.",
            mean=round(mean, 2), least=HANGS_MARGIN,
        )  # fmt: skip
    if not mean >= MARGIN:
        return reject("On new pairs the mean margin is {mean} nats. At least {least} are asked for.", mean=round(mean, 2), least=MARGIN)
    wins, pairs = int((h > 0).sum()), h.numel()
    if not wins >= WINS * pairs:
        return reject("The margin is above 0 in {wins} of {pairs} new pairs. At least eight of ten are asked for.", wins=wins, pairs=pairs)
    if not above <= FORGETS:
        return reject(
            "In an exam of the old language the mean loss is {above} nats above that of the language: it is forgotten. At most {most} are allowed.",
            above=round(above, 3), most=FORGETS,
        )  # fmt: skip
    return None


@check(points=2, inputs=to_prefer, judge=prefers, lecture='without-forgetting', public=[case('12 tokens', lag=3, asked=20, length=150)])
def it_prefers_what_is_liked(student, model, prompts, liked, disliked, beta, counts, taste, length, new_prompts, exam):
    """After training, the liked continuation of new pairs has gained on the other one, and the old language is not forgotten."""
    return asked(student, with_taste(model, taste), prompts, liked, disliked, beta, counts, length, new_prompts, exam)


def asked(student, model, prompts, liked, disliked, beta, counts, length, new_prompts, exam):
    """Train, and predict a text of the old language, and after each training both continuations of each new prompt. How many tokens that were."""
    told = 0
    for steps in counts:
        policy = student.prefer(model, prompts, liked, disliked, beta, steps)
        told += 0 if told else sit(policy, exam, length)
        for prompt in new_prompts:
            for _ in range(2):
                text = list(prompt)
                for _ in range(LENGTH):
                    text.append(exam.next(ask(policy, text)))
                told += LENGTH
    return told


def stays_near(seen, record, inputs):
    """The margin grew, and no further than so large a beta lets it, however long the training is."""
    wrong, h, _ = asked_about_pairs(seen, record, inputs)
    if wrong is not None:
        return wrong
    (least, most), means, counts = NEAR, h.mean(1).tolist(), inputs["counts"]
    if not least <= means[0] <= most:
        return reject(
            "With beta = {beta} the mean margin on new pairs is {mean} nats after {steps} steps. It is from {least} to {most}.",
            beta=inputs["beta"], mean=round(means[0], 2), steps=counts[0], least=least, most=most,
        )  # fmt: skip
    if not means[-1] <= GOES_ON * means[0]:
        return reject(
            "With beta = {beta} the mean margin on new pairs is {first} nats after {few} steps, and goes on to {last} after {many}. At most {times} times as much is allowed.",
            beta=inputs["beta"], first=round(means[0], 2), few=counts[0], last=round(means[-1], 2), many=counts[-1], times=GOES_ON,
        )  # fmt: skip
    return None


@check(points=1, inputs=to_prefer, judge=stays_near, lecture='without-forgetting', public=[case('beta = 20', beta=20.0, lag=2, asked=12, length=4)])
def a_larger_beta_stays_nearer(student, model, prompts, liked, disliked, beta, counts, taste, length, new_prompts, exam):
    """With a large beta the margin grows a little and then stops: beta is what it costs to leave the reference."""
    return asked(student, with_taste(model, taste), prompts, liked, disliked, beta, counts, length, new_prompts, exam)


def few_pairs(rng, vocab=8, lag=None, number=5, steps=3, beta=0.5, shorter=2):
    language, model = known(rng, vocab, lag)
    prompts, liked, disliked = (
        torch.tensor(each) for each in tastes(rng, language, list(range(vocab // 2)), number)
    )
    return {
        "model": lab("solved", **model),
        "prompts": prompts,
        "liked": liked,
        "disliked": disliked[:, : LENGTH - shorter],
        "beta": beta,
        "steps": steps,
        "ids": rng.integers(0, vocab, 2, 9),
    }


def a_copy_is_trained(seen, want, inputs):
    """The reference stays; the copy begins with its logits, changes, and hangs on the arguments alone."""
    if seen["model afterwards"] != sums(inputs["model"].parameters()):
        return reject("`prefer` changes the model that it is given, which is the reference. Train a copy of it.")
    if (found := gradient_left(seen, "prefer", "model")) is not None or (found := moves(seen, inputs["steps"], 2)) is not None:
        return found
    for part in ("left", "modes", "shapes", "global", "model", "what was changed"):
        if (found := difference(seen[part], want[part])) is not None:
            return found
    if not torch.equal(seen["no step"], seen["model"]):
        return reject("With no step the logits are not those of the model that was given.")
    return arguments_decide(seen, "prefer", ("no step", "more steps", "another beta", "turned round"))


@check(points=1, inputs=few_pairs, judge=a_copy_is_trained, lecture='without-forgetting', public=[case('three steps, disliked ones are shorter', vocab=6)])
def the_reference_stays(student, model, prompts, liked, disliked, beta, steps, ids):
    """`prefer` trains a copy: the model that it is given stays as it was, and the arguments decide alone."""
    drawn, models, held = [], [], list(model.parameters())
    model.k_proj.train()
    model.embed.weight.requires_grad_(False)

    def trained(number, steps, beta=beta, yes=liked, no=disliked, prompts=prompts):
        torch.manual_seed(number)
        models.append(student.prefer(model, prompts, yes, no, beta, steps))
        drawn.append(torch.rand(2))
        with torch.no_grad():
            return models[-1](ids)[:, -1]

    with torch.no_grad():
        seen = {"model": model(ids)[:, -1]}
    seen |= {
        "first": trained(1, steps),
        "states": watched(lambda: trained(1, steps), model)[1],
        "no step": trained(2, 0),
        "again": trained(3, steps),
        "more steps": trained(3, steps + 4),
        "another beta": trained(3, steps + 3, beta=4 * beta),
        "turned round": trained(3, steps, yes=disliked, no=liked),
        "views": trained(1, steps, beta, *(each.T.contiguous().T for each in (liked, disliked, prompts))),
    }
    with torch.no_grad():
        seen["without gradients outside"] = trained(4, steps)
        seen["left"] = [flags(model, prompts), torch.is_grad_enabled()]
    seen["gradients left"], seen["gradients in it"] = with_grad(model), with_grad(models[0])
    seen["shapes"] = [[name, list(p.shape), str(p.dtype)] for name, p in models[0].named_parameters()]
    seen["modes"] = [sorted({m.training for m in each.modules()}) for each in models]
    seen["model afterwards"] = sums(model.parameters())
    with torch.no_grad():
        for each in models[1].parameters():  # of the same arguments as the first
            each.add_(0.01)
        seen["after another result was changed"] = models[0](ids)[:, -1]
        for each in held:
            each.add_(0.01)
        seen["after it was changed"] = models[0](ids)[:, -1]
        seen["what was changed"] = model(ids)[:, -1]
    return seen | {"no step on what was changed": trained(2, 0), "global": drawn}


class Bag(nn.Module):
    """Parameters by name; a dot in a name stands for a module in between. The last one is tied to the first, and there is a buffer."""

    def __init__(self, tensors):
        super().__init__()
        for name, tensor in tensors.items():
            owner, _, own = name.rpartition(".")
            if owner and not hasattr(self, owner):
                self.add_module(owner, nn.Module())
            self.get_submodule(owner).register_parameter(own, nn.Parameter(tensor.clone()))
        self.tied = self.w0
        self.register_buffer("mask", torch.ones(2, 3))


def rows(rng, shapes=((3, 4),), sizes=(1.0,), zero=0, kind="solved", **model):
    """A model, and loose matrices, the rows of which have the sizes `sizes` in turn; the row `zero` of the first one is 0."""
    tensors = {f"w{i}": rng.normal(*shape) for i, shape in enumerate(shapes)}
    for tensor in tensors.values():
        if tensor.ndim == 2:
            for i, row in enumerate(tensor):
                row.mul_(sizes[i % len(sizes)])
    tensors["w0"][zero] = 0.0
    tensors |= {"norm.scale": rng.normal(5), "norm.weight": rng.normal(2, 3), "one": rng.normal(), "short": rng.normal(2, 4, dtype="bfloat16")}
    if kind == "solved":
        model = known(rng, model.pop("vocab", 6), None)[1] | model
    return {
        "model": lab(kind, **model),
        "tensors": tensors,
        "codes": {
            "a": rng.integers(-127, 128, 3, 5).to(torch.int8),
            "a.scale": rng.uniform(0.01, 2.0, 3),
            "b.scale": rng.normal(4),
            "square": rng.integers(-127, 128, 4, 4).to(torch.int8),
            "square.scale": rng.uniform(0.01, 2.0, 4),
        },
    }


def nearest_codes(packed, parameters):
    """What is wrong with codes and scales of these parameters. Which of two codes a tie gets is open."""
    for name, p in parameters.items():
        p = p.detach()
        if p.ndim != 2:
            if not torch.equal(packed[name], p):
                return reject("The parameter {name} is not as it was.", name=name)
            continue
        p = p.float()
        scale = p.abs().amax(1) / 127
        scale = torch.where(scale == 0, 1.0, scale)
        if difference(packed[f"{name}.scale"] / scale, torch.ones_like(scale)) is not None:
            return reject(
                "The scales of {name} are not the largest absolute value of each row, divided by 127 (1 where that is 0).", name=name
            )
        exact = p.double() / scale[:, None].double()
        wrong = (packed[name].double() - exact).abs() > 0.5 + 1e-3
        if bool(wrong.any()):
            row, column = wrong.nonzero()[0].tolist()
            return reject(
                "{name}[{row}, {column}] divided by the scale of its row is {exact}, and its code is {code}.",
                name=name, row=row, column=column, exact=round(exact[row, column].item(), 3), code=packed[name][row, column].item(),
            )  # fmt: skip
    return None


def as_near_as_eight_bits(seen, want, inputs):
    bag = dict(inputs["tensors"])
    for part, parameters in (
        ("model", dict(inputs["model"].named_parameters())),
        ("loose", bag),
        ("loose, the model changed", bag),
        ("loose, what came back changed", bag),
    ):
        if (found := nearest_codes(seen[part], parameters)) is not None:
            return found
    if nearest_codes(seen["of the model changed"], {name: each + 1.0 for name, each in bag.items()}) is not None:
        return reject("The model was changed in place, and `quantize` called again: what it gives is not of the changed model. Keep nothing from call to call.")
    for name, each in seen["loose"].items():
        if each.dtype == torch.int8:
            back = each.double() * seen["loose"][f"{name}.scale"].double()[:, None]
            if difference(seen["back"][name].double(), back, ROUND_TRIP) is not None:
                return reject("`dequantize` gives other numbers than code times scale of the row.")
    rest = {"model", "loose", "loose, the model changed", "loose, what came back changed", "of the model changed", "back"}
    return difference({k: v for k, v in seen.items() if k not in rest}, {k: v for k, v in want.items() if k not in rest})


@check(points=1, inputs=rows, judge=as_near_as_eight_bits, lecture='eight-bits-and-a-scale-for-each-row', public=[case('rows of three sizes', sizes=(1.0, 100.0, 1e-15), kind='toy_decoder', vocab=5, width=4, layers=1, seed=3)])
def each_row_has_its_scale(student, model, tensors, codes):
    """Each row of a matrix has the scale max|row| / 127 and the nearest codes; other parameters stay, and all of it comes back."""
    bag = Bag(tensors)
    bag.w0.requires_grad_(False)
    bag.norm.eval()
    held = list(bag.parameters())
    model.train()
    packed, loose = student.quantize(model), student.quantize(bag)
    requires = [name for each in (packed, loose) for name, tensor in each.items() if tensor.requires_grad]
    left, before = flags(model, bag), {name: each.clone() for name, each in loose.items()}
    back, given = student.dequantize(loose), student.dequantize(codes)
    views = {name: torch.stack([each, each], -1)[..., 0] for name, each in codes.items()}
    from_views = student.dequantize(views)
    again = {name: each.clone() for name, each in back.items()}
    with torch.no_grad():
        for each in held:
            each.add_(1.0)
        after = {name: each.clone() for name, each in loose.items()}
        of_changed = student.quantize(bag)
        for each in back.values():
            each.add_(1.0)
    return {
        "model": packed,
        "loose": before,
        "loose, the model changed": after,
        "of the model changed": of_changed,
        "loose, what came back changed": loose,
        "back": again,
        "given": given,
        "given as views": from_views,
        "held": [p.detach().clone() for p in bag.parameters()],
        "requires gradients": requires,
        "left": [left, with_grad(bag), flags(*codes.values(), *views.values())],
    }


def to_pack(rng, vocab=12, lag=None, length=120, outlier=1.0, whole=True):
    language, model = known(rng, vocab, lag)
    held_out = language.text(rng, PROMPT + length)
    other = model | {"sigma": rng.permutation(vocab).tolist(), "seed": rng.integer(0, 2**31)}
    return {
        "model": lab("solved", **model, outlier=outlier),
        "blank": lab("solved", **other),
        "whole": whole,
        "exam": lab("exam", tokens=held_out, given=PROMPT, vocab=vocab, best=language.loss(held_out, PROMPT)),
    }


def as_good_in_eight_bits(seen, record, inputs):
    """The loss in the exam, and what the returned codes and scales lose in the trusted side's own model."""
    exam, model = inputs["exam"], inputs["model"]
    wrong, above = excess(seen["length"], record, exam)
    if wrong is not None:
        return wrong
    found = {"the model with what `dequantize` gives": above}
    if inputs["whole"]:
        packed = seen["packed"]
        size = sum(each.numel() * each.element_size() for each in packed.values())
        most = 0.35 * sum(4 * p.numel() for p in model.parameters())
        if size > most:
            return reject("What `quantize` gives has {size} bytes. At most {most} are asked for.", size=size, most=round(most))
        found["the codes times their scales"] = lost_with(packed, model, exam["tokens"]) - exam["best"]
    for what, value in found.items():
        if not value <= ROUNDED:
            return reject(
                "In the exam the mean loss of {what} is {value} nats above that of the language. At most {most} are allowed.",
                what=what, value=round(value, 3), most=ROUNDED,
            )  # fmt: skip
    return None


def lost_with(packed, model, tokens):
    """The mean loss of `model` with these codes and scales, computed where no implementation is."""
    text = torch.tensor(tokens)
    with torch.no_grad():
        for name, p in model.named_parameters():
            p.copy_(packed[name].float() * packed[f"{name}.scale"][:, None])
        first = model(text[None, :CONTEXT])[0, PROMPT - 1 : -1].log_softmax(-1).gather(-1, text[PROMPT:CONTEXT, None])
        pieces = text.unfold(0, CONTEXT + 1, 1)
        others = model(pieces[:, :-1])[:, -1].log_softmax(-1).gather(-1, pieces[:, -1:])
    return -float(torch.cat([first, others]).mean())


@check(points=1, inputs=to_pack, judge=as_good_in_eight_bits, lecture='eight-bits-and-a-scale-for-each-row', public=[case('one row a thousand times as large', vocab=8, outlier=1000.0, whole=False)])
def eight_bits_are_enough(student, model, blank, whole, exam):
    """In eight bits the model is as good in the exam as before, to 0.05 nats, even where one row is a thousand times as large as others."""
    packed = student.quantize(model)
    blank.load_state_dict(student.dequantize(packed))
    return {"packed": packed if whole else None, "length": sit(blank, exam)}
