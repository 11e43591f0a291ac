"""Wrong implementations of quant/memory_activation, and what a student should read about each."""

import torch

from autograder.checks import mistake

mistake(
    "You count 4 bytes for each activation. They have 2, and the masks of dropout 1.",
    edit={'"norm1": 2 * sbh': '"norm1": 4 * sbh', '"norm2": 2 * sbh': '"norm2": 4 * sbh'},
)
mistake(
    "Your table of scores leaves out the heads: each of the a heads has one.",
    edit={"sbh, square = s * b * h, a * s * s * b\n    return {": "sbh, square = s * b * h, s * s * b\n    return {"},
)
mistake(
    "Your table of scores leaves out the batch.",
    edit={"sbh, square = s * b * h, a * s * s * b\n    return {": "sbh, square = s * b * h, a * s * s\n    return {"},
)
mistake(
    "Your dropout masks have 2 bytes a number. A mask has one.",
    edit={'"softmax dropout": square': '"softmax dropout": 2 * square', '"mlp dropout": sbh': '"mlp dropout": 2 * sbh', '"attention dropout": sbh': '"attention dropout": 2 * sbh'},
)
mistake(
    "The softmax's dropout keeps no input of its own in your table, so the second product with v loses its left factor. It keeps dropped scores, 2 a s² b.",
    edit={'"dropped softmax": 2 * square': '"dropped softmax": 0'},
)
mistake(
    "The inner width of the MLP is 4 h. Its two inner tensors take 8 sbh each.",
    edit={'"gelu input": 8 * sbh': '"gelu input": 2 * sbh', '"second linear input": 8 * sbh': '"second linear input": 2 * sbh'},
)
mistake(
    "You count q alone. The product of queries and keys keeps both.",
    edit={'"q and k": 4 * sbh': '"q and k": 2 * sbh'},
)
mistake(
    "Your parts come in another order than the table's: left column first.",
    edit={'        "norm1": 2 * sbh,\n': "", '        "mlp dropout": sbh,\n': '        "mlp dropout": sbh,\n        "norm1": 2 * sbh,\n'},
)
mistake(
    "Your parts are floats. Beyond 2^53 they are not exact.",
    edit={'"q and k": 4 * sbh': '"q and k": int(4.0 * sbh)'},
)
mistake(
    "Tensor parallelism divides everything in your formula. Norms, inputs of the first linears and dropout masks after a sum lie on each GPU in whole.",
    edit={"whole / (t if sp else 1) + cut / t": "(whole + cut) / t"},
)
mistake(
    "Tensor parallelism divides the linear layers only in your formula. Heads are cut, too, and with them the tables of scores.",
    edit={"return whole / (t if sp else 1) + cut / t": "square = 5 * square if recompute == 'none' else 0\n    return whole / (t if sp else 1) + (cut - square) / t + square"},
)
mistake(
    "Sequence parallelism changes nothing in your formula. It cuts the ten parts of sbh that tensor parallelism leaves whole.",
    edit={"whole / (t if sp else 1)": "whole"},
)
mistake(
    "With sequence parallelism you divide by t twice.",
    edit={"return whole / (t if sp else 1) + cut / t": "return (whole + cut / t) / (t if sp else 1)"},
)
mistake(
    "You cut 12 of the 34 sbh. Attention has 8 (q, k, v and the projection's input) and the MLP 16 inside.",
    edit={"whole, cut = 10 * sbh, 24 * sbh": "whole, cut = 22 * sbh, 12 * sbh"},
)
mistake(
    "You cut 10 and leave 24 whole. It is the other way round.",
    edit={"whole, cut = 10 * sbh, 24 * sbh": "whole, cut = 24 * sbh, 10 * sbh"},
)
mistake(
    "The number of heads is missing in the part with s². Write 5 a s² b.",
    edit={"sbh, square = s * b * h, a * s * s * b\n    if": "sbh, square = s * b * h, s * s * b\n    if"},
)
mistake(
    "Selective recomputation drops the softmax alone in your formula. Its dropout mask and the dropped scores go, too.",
    edit={'(5 * square if recompute == "none" else 0)': '(5 * square if recompute == "none" else 3 * square)'},
)
mistake(
    "Selective recomputation drops q, k and v, too, in your formula. They are what it computes from.",
    edit={"24 * sbh + (5 * square": "(24 if recompute == 'none' else 18) * sbh + (5 * square"},
)
mistake(
    "Full recomputation keeps nothing in your formula. The layer's input must be kept.",
    edit={"return 2.0 * sbh": "return 0.0"},
)
mistake(
    "With full recomputation your input has one byte a number. It has two.",
    edit={"return 2.0 * sbh": "return 1.0 * sbh"},
)
mistake(
    "You divide the input that full recomputation keeps by t. It lies on each GPU in whole.",
    edit={"return 2.0 * sbh": "return 2.0 * sbh / t"},
)
mistake(
    "With sequence parallelism you divide the input that full recomputation keeps by t. Here it lies on each GPU in whole.",
    edit={"return 2.0 * sbh": "return 2.0 * sbh / (t if sp else 1)"},
)
mistake(
    "Another recompute is taken for none. Raise ValueError.",
    edit={'if recompute not in ("none", "selective", "full") or t < 1:': "if t < 1:", 'if recompute == "none" else 0': 'if recompute != "selective" else 0'},
)
mistake(
    "t = 0 with full recomputation is accepted. There is no GPU then: raise ValueError.",
    edit={'("none", "selective", "full") or t < 1:': '("none", "selective", "full") or (t < 1 and recompute != "full"):'},
)
mistake(
    "You give the overhead as a share of the forward pass. It is a share of forward and backward pass, which are three times as much.",
    edit={"repeated[recompute] / (3 * (linear + scores))": "repeated[recompute] / (linear + scores)"},
)
mistake(
    "You give the new total in place of what comes on top of it.",
    edit={"return repeated[recompute] / (3 * (linear + scores))": "return 1 + repeated[recompute] / (3 * (linear + scores))"},
)
mistake(
    "You give the overhead in percent. It is a share: 0.25 is a quarter.",
    edit={"return repeated[recompute] / (3 * (linear + scores))": "return 100 * repeated[recompute] / (3 * (linear + scores))"},
)
mistake(
    "The products with scores are missing below the line. They are part of each pass, too.",
    edit={"(3 * (linear + scores))": "(3 * linear)"},
)
mistake(
    "You repeat the products with scores three times. They are computed once more, in their forward form.",
    edit={'"selective": scores': '"selective": 3 * scores'},
)
mistake(
    "You count one product with scores. There are two: queries with keys, and scores with values.",
    edit={"24 * h, 4 * s": "24 * h, 2 * s"},
)
mistake(
    "An unknown word costs nothing in your overhead. Raise ValueError.",
    edit={"    if recompute not in repeated:\n        raise ValueError(f\"there is no {recompute!r}\")\n": "", "repeated[recompute] /": "repeated.get(recompute, 0) /"},
)
mistake(
    "You round √n. The best k depends on what an input and a layer take, and on the ceiling: compare all k.",
    edit={"return min(range(1, n + 1), key=lambda k: -(-n // k) * boundary + k * layer)": "return max(1, round(n**0.5))"},
)
mistake(
    "You round √(n · boundary / layer). Near it the ceiling decides: compare the k around it, or all.",
    edit={"return min(range(1, n + 1), key=lambda k: -(-n // k) * boundary + k * layer)": "return min(n, max(1, round((n * boundary / layer) ** 0.5)))"},
)
mistake(
    "You return the number of segments. Asked for is how many layers one has.",
    edit={"return min(range(1, n + 1), key=lambda k: -(-n // k) * boundary + k * layer)": "return -(-n // min(range(1, n + 1), key=lambda k: -(-n // k) * boundary + k * layer))"},
)
mistake(
    "You return the smallest peak. Asked for is the k that has it.",
    edit={"return min(range(1, n + 1), key=lambda k: -(-n // k) * boundary + k * layer)": "return min(-(-n // k) * boundary + k * layer for k in range(1, n + 1))"},
)
mistake(
    "Your number of segments is rounded down. The last, shorter segment has an input, too.",
    edit={"-(-n // k) * boundary": "(n // k) * boundary"},
)
mistake(
    "Your number of segments is n / k, not rounded up.",
    edit={"-(-n // k) * boundary": "n / k * boundary"},
)
mistake(
    "Of several best k you return the largest.",
    edit={"min(range(1, n + 1), key": "min(range(n, 0, -1), key"},
)
mistake(
    "You only try k that divide n. The last segment may be shorter.",
    edit={"min(range(1, n + 1), key": "min((k for k in range(1, n + 1) if n % k == 0), key"},
)
mistake(
    "You stop before n. All layers may be one segment.",
    edit={"min(range(1, n + 1), key": "min(range(1, max(n, 2)), key"},
)
mistake(
    "You exchange the two: inputs of segments cost `boundary`, layers of one segment `layer`.",
    edit={"-(-n // k) * boundary + k * layer": "-(-n // k) * layer + k * boundary"},
)
mistake(
    "For no layers you return 0 or 1. Raise ValueError.",
    edit={'        raise ValueError(f"{n} layers")\n': "        return 1\n"},
)
mistake(
    "You add up all saved tensors. A tensor that is saved twice is in memory once: count storages.",
    edit={"kept[storage.data_ptr()] = storage": "kept[len(kept)] = storage"},
)
mistake(
    "You tell tensors apart by where they begin. A view that begins later lies in the same storage.",
    edit={"kept[storage.data_ptr()] = storage": "kept[t.data_ptr()] = storage"},
)
mistake(
    "You count the elements of a view. What it keeps alive is its whole storage.",
    edit={"kept[storage.data_ptr()] = storage": "kept[storage.data_ptr()] = t", "sum(storage.nbytes() for": "sum(storage.numel() * storage.element_size() for"},
)
mistake(
    "You count four bytes for each number. Take the dtype's, or the storage's bytes.",
    edit={"kept[storage.data_ptr()] = storage": "kept[storage.data_ptr()] = (t, storage)", "sum(storage.nbytes() for storage in": "sum(4 * (s.nbytes() // t.element_size()) for t, s in"},
)
mistake(
    "You count numbers, not bytes.",
    edit={"kept[storage.data_ptr()] = storage": "kept[storage.data_ptr()] = (t, storage)", "sum(storage.nbytes() for storage in": "sum(s.nbytes() // t.element_size() for t, s in"},
)
mistake(
    "You leave out a tensor only if it is the very object in `ignore`. A transposed weight is a view: compare storages.",
    edit={
        "    ignored = {t.untyped_storage().data_ptr() for t in ignore}\n": "    ignored = {id(t) for t in ignore}\n",
        "if storage.data_ptr() not in ignored:": "if id(t) not in ignored:",
    },
)
mistake(
    "You compare where tensors begin with those of `ignore`. A view that begins later is part of the parameter, too.",
    edit={"ignored = {t.untyped_storage().data_ptr() for t in ignore}": "ignored = {t.data_ptr() for t in ignore}", "if storage.data_ptr() not in ignored:": "if t.data_ptr() not in ignored:"},
)
mistake(
    "You go through `ignore` again for each tensor. A generator is empty after the first time: make a set before.",
    edit={
        "    ignored = {t.untyped_storage().data_ptr() for t in ignore}\n": "",
        "if storage.data_ptr() not in ignored:": "if storage.data_ptr() not in [each.untyped_storage().data_ptr() for each in ignore]:",
    },
)
mistake(
    "`ignore` is ignored.",
    edit={"if storage.data_ptr() not in ignored:": "if True:"},
)
mistake(
    "You never count inputs. They are kept for the backward pass like everything else, if nobody says that they are to be ignored.",
    edit={"{t.untyped_storage().data_ptr() for t in ignore}": "{t.untyped_storage().data_ptr() for t in (*ignore, *inputs)}"},
)
mistake(
    "You never count leaves (parameters, inputs). Only those in `ignore` are left out.",
    edit={"if storage.data_ptr() not in ignored:": "if storage.data_ptr() not in ignored and not (t.is_leaf and t.requires_grad):"},
)
mistake(
    "You count tensors that require a gradient alone. Constants, indices and results are kept as well.",
    edit={"if storage.data_ptr() not in ignored:": "if storage.data_ptr() not in ignored and t.requires_grad:"},
)
mistake(
    "You keep addresses and not the storages. When fn drops something, its address is used again, and two storages count as one.",
    edit={"kept[storage.data_ptr()] = storage": "kept[storage.data_ptr()] = storage.nbytes()", "sum(storage.nbytes() for storage in kept.values())": "sum(kept.values())"},
)
mistake(
    "You call fn twice, once to warm up. It is called once.",
    edit={"        fn(*inputs)\n    return sum(storage": "        fn(*inputs)\n    fn(*inputs)\n    return sum(storage"},
)
mistake(
    "You turn gradients on before you call fn, or make its inputs require them. It is called as it is.",
    edit={"        fn(*inputs)\n    return sum(storage": "        fn(*(x.detach().requires_grad_() for x in inputs))\n    return sum(storage"},
)
mistake(
    "You run the backward pass, too: afterwards tensors have gradients that nobody asked for.",
    edit={"        fn(*inputs)\n    return sum(storage": "        y = fn(*inputs)\n    if y is not None and y.requires_grad:\n        y.sum().backward()\n    return sum(storage"},
)
mistake(
    "What was saved in earlier calls is still counted. Begin with nothing each time.",
    edit={"    kept = {}  # holds": "    kept = globals().setdefault('_kept', {})  # holds"},
)


@mistake("You only call fn: all that it makes on the way is kept, and nothing is computed again.")
def checkpoint(fn, inputs):
    return fn(*inputs)


@mistake("You move what is saved elsewhere, or copy it, instead of computing it again.")
def checkpoint(fn, inputs):
    with torch.autograd.graph.saved_tensors_hooks(lambda t: t.detach().clone(), lambda t: t):
        return fn(*inputs)


class _OnlyInputs(torch.autograd.Function):
    @staticmethod
    def forward(ctx, fn, *inputs):
        ctx.fn, ctx.state = fn, torch.get_rng_state()
        ctx.save_for_backward(*inputs)
        with torch.no_grad():
            return fn(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_(x.requires_grad) for x in ctx.saved_tensors]
        now = torch.get_rng_state()
        torch.set_rng_state(ctx.state)
        with torch.enable_grad():
            y = ctx.fn(*inputs)
        torch.set_rng_state(now)
        torch.autograd.backward(y, grad)
        return None, *(x.grad for x in inputs)


@mistake("Your result has no graph when no input requires a gradient, so parameters inside of fn don't learn. It is a known trap of the first such function.")
def checkpoint(fn, inputs):
    return _OnlyInputs.apply(fn, *inputs)


class _NoParameters(torch.autograd.Function):
    @staticmethod
    def forward(ctx, fn, _, *inputs):
        ctx.fn, ctx.state = fn, torch.get_rng_state()
        ctx.save_for_backward(*inputs)
        with torch.no_grad():
            return fn(*inputs)

    @staticmethod
    def backward(ctx, grad):
        inputs = [x.detach().requires_grad_() for x in ctx.saved_tensors]
        now = torch.get_rng_state()
        torch.set_rng_state(ctx.state)
        with torch.enable_grad():
            y = ctx.fn(*inputs)
        torch.set_rng_state(now)
        return None, None, *torch.autograd.grad(y, inputs, grad)


@mistake("You hand gradients to the inputs alone. Parameters that fn uses need theirs, too: call backward, not grad.")
def checkpoint(fn, inputs):
    return _NoParameters.apply(fn, torch.ones((), requires_grad=torch.is_grad_enabled()), *inputs)


mistake(
    "The second call draws other random numbers than the first. Put torch's state back to what it was before fn.",
    edit={"            torch.set_rng_state(before)\n": ""},
)
mistake(
    "After the second call torch draws again what it drew before. Put its state back to what it was when the backward pass began.",
    edit={"            torch.set_rng_state(now)\n": ""},
)
mistake(
    "You remember the state after fn has drawn. Take it before.",
    edit={
        "        return fn(*inputs)\n": "        y = fn(*inputs)\n    before = torch.get_rng_state()\n    return y\n",
        "        nonlocal count\n": "        nonlocal count\n",
    },
)
mistake(
    "You seed torch in both calls. The numbers agree, but each segment and each step draws the same, and everything after it is fixed.",
    edit={
        "    before = torch.get_rng_state()\n": "    torch.manual_seed(0)\n    before = torch.get_rng_state()\n",
    },
)
mistake(
    "In a backward pass autograd is off. Turn it on for the second call, or nothing is saved in it.",
    edit={"with torch.enable_grad(), torch.autograd": "with torch.autograd"},
    crashes=True,
)
mistake(
    "You call fn again for each tensor that is needed. Once is enough: keep what the second call saves.",
    edit={"        if not again:\n": "        if True:\n"},
)
mistake(
    "You call fn again right after the first time, and keep the results. The second call belongs into the backward pass.",
    edit={"        return fn(*inputs)\n": "        y = fn(*inputs)\n    if y.requires_grad:\n        fn(*inputs)\n    return y\n"},
)
mistake(
    "You cut the graph before fn: nothing behind the segment gets a gradient.",
    edit={"        return fn(*inputs)\n": "        return fn(*(x.detach() for x in inputs))\n"},
    crashes=True,
)
mistake(
    "What the segment made on the way is held in a list that lives as long as the result.",
    edit={"        count += 1\n        return count - 1\n": "        count += 1\n        held.append(t)\n        return count - 1\n", "def number(_: Tensor)": "def number(t: Tensor)", "    count = 0\n": "    count = 0\n    held = []\n"},
)
mistake(
    "Without a graph your function runs twice. In torch.no_grad() nothing will ever be needed.",
    edit={"        return fn(*inputs)\n": "        y = fn(*inputs)\n    return y if torch.is_grad_enabled() else fn(*inputs)\n"},
)
mistake(
    "You turn gradients on while fn runs. In torch.no_grad() nothing is saved.",
    edit={"        fn(*inputs)\n    return sum(storage": "        with torch.enable_grad():\n            fn(*inputs)\n    return sum(storage"},
)
mistake(
    "You try segments up to a fixed length only. With cheap layers the best one may be longer.",
    edit={"min(range(1, n + 1), key": "min(range(1, min(n, 50) + 1), key"},
)
mistake(
    "Whole numbers (indices, masks) are missing in your count. They are saved like everything else.",
    edit={"if storage.data_ptr() not in ignored:": "if storage.data_ptr() not in ignored and t.is_floating_point():"},
)
mistake(
    "You look into the caller's list again in the backward pass. It may hold other tensors by then: make a list of your own before.",
    edit={"    inputs = list(inputs)  # the caller's list may change\n": ""},
)
mistake(
    "A negative t is accepted. There is at least one GPU: raise ValueError where t is below 1.",
    edit={'("none", "selective", "full") or t < 1:': '("none", "selective", "full") or t == 0:'},
)
mistake(
    "With sequence parallelism another recompute is accepted. Raise ValueError whatever sp is.",
    edit={'if recompute not in ("none", "selective", "full") or t < 1:': 'if (recompute not in ("none", "selective", "full") and not sp) or t < 1:'},
)
mistake(
    "You try segments up to 512 layers and all in one. The best one may lie between.",
    edit={"min(range(1, n + 1), key": "min([*range(1, min(n, 512) + 1), n], key"},
)
mistake(
    "You look through `inputs` before you call fn. It may be a generator, and is empty then: make a list first, or leave it.",
    edit={"    ignored = {t.untyped_storage": "    any(t.requires_grad for t in inputs)\n    ignored = {t.untyped_storage"},
    crashes=True,
)
