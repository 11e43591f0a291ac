"""Wrong ways to write framework/hf_generate, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

PENALTY = "torch.where(logits < 0, logits * self.p, logits / self.p)"
GRAMS = "(grams[..., :-1] == begun).all(-1) & (grams >= 0).all(-1)"
FED = "            fed = ids.shape[1]\n"
POSITIONS = "positions = (mask.long().cumsum(1) - 1).clamp_min(0)"
DONE = "token = token.masked_fill(done, pad)"
EOS = "done = done | (token == eos)"
PLACES = "places = [(stop, i) for stop in self.stops for i in range(len(text)) if text.startswith(stop, i)]"
ANY = "done.append(any(not before.startswith(stop, i) for stop, i in places))"

# --- processors ------------------------------------------------------------------------------------------------------

mistake(
    "Your penalty divides logits below 0, which makes these tokens more likely. Multiply them by p.",
    edit={PENALTY: "logits / self.p"},
)


@mistake("You penalize a token once for each time it is there. However often it is there, its logit is changed once.")
class RepetitionPenalty:
    def __init__(self, p):
        self.p = p

    def __call__(self, ids, logits):
        logits = logits.clone()
        for b, row in enumerate(ids.tolist()):
            for token in row:
                if token >= 0:
                    logits[b, token] *= self.p if logits[b, token] < 0 else 1 / self.p
        return logits


mistake(
    "You compare n tokens instead of n - 1: you forbid what followed when the last n tokens were there before.",
    edit={"t >= self.n:": "t > self.n:", "self.n, 1)  # (B": "self.n + 1, 1)  # (B", "t - self.n + 1 :]": "t - self.n :]"},
)
mistake(
    "Places that hold -1 make up n-grams in your `NoRepeatNGram`. They are no tokens.",
    edit={GRAMS: "(grams[..., :-1] == begun).all(-1)"},
)
mistake(
    "Your `MinLength` counts places without a token, so rows that were filled up may end too early.",
    edit={"(ids >= 0).sum(1) < self.n": "torch.full((len(ids),), ids.shape[1]) < self.n"},
)
mistake(
    "Your `MinLength` writes into the logits that it got. Return new ones.",
    edit={"        logits = logits.clone()\n        logits[short": "        logits[short"},
)
mistake(
    "Your bound is p. It is p times the probability of the most probable token.",
    edit={"self.p * probs.amax(-1, keepdim=True)": "self.p"},
)
mistake(
    "You forbid the token that has exactly p times the largest probability. It stays.",
    edit={"probs < self.p * probs.amax": "probs <= self.p * probs.amax"},
)

# --- stops -----------------------------------------------------------------------------------------------------------

mistake(
    "You stop wherever the text has a stop. What was complete before the last token came stops nothing.",
    edit={ANY: "done.append(bool(places))"},
)
mistake(
    'You look at the end of the text alone. The last token may go on behind the stop: "st", "opera".',
    edit={ANY: "done.append(any(text.endswith(stop) for stop in self.stops))"},
)
mistake(
    "You decode token by token and join the texts. Two tokens can give one character together: decode the whole row.",
    edit={
        "text, before = self.decode(tokens), self.decode(tokens[:-1])": (
            'text = "".join(self.decode([token]) for token in tokens)\n'
            '            before = "".join(self.decode([token]) for token in tokens[:-1])'
        )
    },
)

# --- the loop --------------------------------------------------------------------------------------------------------

mistake(
    "Your positions count the places that were filled up. The first real token of each row has position 0.",
    edit={POSITIONS: "positions = torch.arange(mask.shape[1]).expand(mask.shape)"},
)
mistake(
    "Your prompt has the right positions, but new tokens get the number of their column.",
    edit={POSITIONS: POSITIONS + "\n        if fed:\n            positions[:, -1] = ids.shape[1] - 1"},
)
mistake(
    "You give the model the cache and all tokens again, so it sees each of them several times.",
    edit={FED: "            fed = 0\n"},
    crashes=True,
)
mistake(
    "You ignore `use_cache=False`: without the cache, the model gets all tokens in each call.",
    edit={"if use_cache:": "if True:"},
)
mistake(
    "The model runs while gradients are recorded. Nobody needs the graph, and it keeps all of its tensors in memory.",
    edit={"with torch.no_grad():": "with torch.enable_grad():"},
)
mistake(
    "Finished rows go on with new tokens. They get `pad`.",
    edit={DONE: "token = token.masked_fill(done & (token == token + 1), pad)"},
)
mistake(
    "A row that ended comes back to life: whether it is finished is decided anew with each token.",
    edit={EOS: "done = token == eos"},
)
mistake(
    "An eos in the prompt finishes the row. Only new tokens do.",
    edit={"done = torch.zeros(len(ids), dtype=torch.bool, device=ids.device)": "done = (ids == eos).any(1) if eos is not None else torch.zeros(len(ids), dtype=torch.bool)"},
)
mistake(
    "You go on to max_new when all rows are finished.",
    edit={"if done.all():": "if False:"},
)
mistake(
    "Your processors run in the opposite order.",
    edit={"for processor in processors:": "for processor in reversed(processors):"},
)
mistake(
    "You sample with torch's global generator. All randomness comes from `gen`.",
    edit={"1, generator=gen)": "1)"},
)
mistake(
    "You draw from the model's own logits. The processed ones are drawn from.",
    edit={
        "logits = logits[:, -1]\n": "logits = raw = logits[:, -1]\n",
        "torch.multinomial(logits.softmax(-1)": "torch.multinomial(raw.softmax(-1)",
    },
)

# --- files of weights ------------------------------------------------------------------------------------------------

mistake(
    "Tied weights are saved twice. One memory is saved once, under its first name.",
    edit={"if memory in known:": "if False:"},
)
mistake(
    "You tell tied weights by the start of their memory alone. Slices of another shape are other tensors.",
    edit={"memory = tensor.data_ptr(), tensor.shape, tensor.stride()": "memory = tensor.data_ptr()"},
)
mistake(
    "You close a file when it is exactly full. It may have max_bytes.",
    edit={"if filled + size > max_bytes:": "if filled + size >= max_bytes:"},
)
mistake(
    "You count elements, not bytes.",
    edit={"tensor.numel() * tensor.element_size()": "tensor.numel() * 4"},
)

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake(
    "Your files hold copies of the weights. They hold the tensors themselves: a large model does not fit into memory twice.",
    edit={"current[name] = tensor\n": "current[name] = tensor.clone()\n"},
)
mistake(
    "The mask that you were given is changed: places without a token are True after the call.",
    edit={"    return ids\n    # END SOLUTION": "    given.fill_(True)\n    return ids\n    # END SOLUTION", "    done = torch.zeros": "    given = mask\n    done = torch.zeros"},
)
mistake(
    "The last of your stops decides alone. A row is finished when one of them says so.",
    edit={"            done = done | stop(text)\n": "            stopped = stop(text)\n        if stopping:\n            done = done | stopped\n"},
)
mistake(
    "You take `pad` for an end: a row in which the model itself writes that token goes on.",
    edit={EOS: "done = done | (token == eos) | (token == pad)"},
)


@mistake("Your penalty remembers tokens of earlier calls. Each call looks at the ids that it gets, and at nothing else.")
class RepetitionPenalty:
    def __init__(self, p):
        self.p, self.seen = p, None

    def __call__(self, ids, logits):
        V = logits.shape[1]
        seen = torch.zeros(len(ids), V + 1, dtype=torch.bool).scatter(1, ids.masked_fill(ids < 0, V), True)[:, :V]
        if self.seen is not None and self.seen.shape == seen.shape:
            seen = seen | self.seen
        self.seen = seen
        return torch.where(seen, torch.where(logits < 0, logits * self.p, logits / self.p), logits)

mistake(
    "The model gets -1 at places without a token, which is no id of its vocabulary. Processors and stops alone see -1.",
    edit={"logits, cache = model(ids[:, fed:]": "logits, cache = model(text[:, fed:]"},
    crashes=True,
)
mistake(
    "You compare the places of all stops together. A stop counts that stands where this one did not stand before.",
    edit={
        "            places = [(stop, i) for stop in self.stops for i in range(len(text)) if text.startswith(stop, i)]\n": (
            "            places = [(tuple(self.stops), i) for i in range(len(text)) if text.startswith(tuple(self.stops), i)]\n"
        )
    },
)
mistake(
    "Processors get logits in float32. What is computed from logits has their dtype: float64 stays float64.",
    edit={"logits = processor(text, logits)": "logits = processor(text, logits.float())"},
)
mistake(
    "You draw only where a generator is given. With do_sample and no generator, torch's global one is used.",
    edit={"[:, 0] if do_sample else": "[:, 0] if do_sample and gen else"},
)
mistake(
    "Places without a token have the position -1. They may have any position from 0 on: an embedding has no row -1.",
    edit={"(mask.long().cumsum(1) - 1).clamp_min(0)": "mask.long().cumsum(1) - 1"},
)
mistake(
    "Stops get the padding's ids. They find -1 at places without a token, as processors do.",
    edit={"done = done | stop(text)": "done = done | stop(ids)"},
)
mistake(
    "Where the cache of a model is None you feed all tokens again. With use_cache each later call gets the newest token alone, whatever the cache is.",
    edit={"        if use_cache:\n            fed": "        if use_cache and cache is not None:\n            fed"},
)
