"""Wrong ways to write icl/prompt_calibration, each with the sentence that a student should read."""

from autograder.checks import mistake

GUARD = 'if template.count("{x}") != 1 or template.count("{y}") != 1 or template.index("{x}") > template.index("{y}"):'
DEMOS = "parts += [before + given + between + label + behind for given, label in demos]"
OPEN = "parts.append(before + x + between.rstrip())"
SCORE = "each.mean() if normalize else each.sum() for each in tokens"
IMPOSSIBLE = "if scores.max() == -torch.inf:"
MEAN = "mean = p_cf.mean(0)"
QUOTIENT = "q = p / mean"
ROWS = "return q / q.sum(-1, keepdim=True)"
SHARES = "shares = torch.nn.functional.one_hot(labels, p.shape[-1]).to(p.dtype).mean(1)"
GLOBAL = "torch.special.entr(shares).sum(-1)"
LOCAL = "return torch.special.entr(p).sum(-1).mean(-1)"
ASK = "label_probs(logprob_fn, build_prompt(instruction, demos, x, template), verbalizers) for x in given"

# --- the prompt ------------------------------------------------------------------------------------------------------------

mistake("A space stays at the end of the prompt. The model begins the label with a space of its own: the prompt ends before it.", edit={OPEN: "parts.append(before + x + between)"})
mistake("The white space at the end of the text is cut off. Texts stay as they are; only the template loses its white space.", edit={OPEN: "parts.append((before + x + between).rstrip())"})
mistake("You add a space behind the prompt.", edit={OPEN: 'parts.append(before + x + between.rstrip() + " ")'})
mistake("The open example lacks what stands between the text and the label.", edit={OPEN: "parts.append(before + x)"})
mistake("What stands behind the label ends the prompt, too. The prompt ends before {y}.", edit={OPEN: "parts.append(before + x + between.rstrip() + behind)"})
mistake("What stands behind the label is left out of the examples.", edit={DEMOS: DEMOS.replace(" + behind", "")})
mistake("Examples lose the white space before their label. Only the open one ends before it.", edit={DEMOS: DEMOS.replace("between", "between.rstrip()")})
mistake("The examples stand in the opposite order.", edit={DEMOS: DEMOS.replace("in demos]", "in demos[::-1]]")})
mistake("Texts and labels are exchanged in the examples.", edit={DEMOS: DEMOS.replace("for given, label", "for label, given")})
mistake("An empty instruction leaves an empty part and a separator at the beginning.", edit={"parts = [instruction] if instruction else []": "parts = [instruction]"})
mistake("The instruction is left out.", edit={"parts = [instruction] if instruction else []": "parts = []"})
mistake("The instruction is stripped. It is used as it is.", edit={"parts = [instruction] if instruction else []": "parts = [instruction.strip()] if instruction.strip() else []"})
mistake("sep is ignored.", edit={"return sep.join(parts)": 'return "\\n\\n".join(parts)'})
mistake("The default of sep is one line break. It is an empty line.", edit={'sep: str = "\\n\\n"': 'sep: str = "\\n"'})
mistake("You accept any template. {x} and {y} stand in it once each, {x} first; else it is a ValueError.", edit={GUARD: "if False:"})
mistake("You accept a template in which {y} stands first.", edit={GUARD: 'if template.count("{x}") != 1 or template.count("{y}") != 1:'})
mistake("You accept a template that has {x} or {y} twice.", edit={GUARD: 'if "{x}" not in template or "{y}" not in template or template.index("{x}") > template.index("{y}"):'})


@mistake("You fill in {x} first and {y} then, also where the text has {y} in it. Only the template's own places are filled in.")
def build_prompt(instruction, demos, x, template, sep="\n\n"):
    if template.count("{x}") != 1 or template.count("{y}") != 1 or template.index("{x}") > template.index("{y}"):
        raise ValueError(template)
    parts = [instruction] if instruction else []
    parts += [template.replace("{x}", given).replace("{y}", label) for given, label in demos]
    return sep.join([*parts, template.replace("{x}", x).split("{y}")[0].rstrip()])


@mistake("str.format reads all braces of the template. Only {x} and {y} are places, others stay.", crashes=True)
def build_prompt(instruction, demos, x, template, sep="\n\n"):
    if template.count("{x}") != 1 or template.count("{y}") != 1 or template.index("{x}") > template.index("{y}"):
        raise ValueError(template)
    parts = [instruction] if instruction else []
    parts += [template.format(x=given, y=label) for given, label in demos]
    return sep.join([*parts, template.split("{y}")[0].rstrip().format(x=x)])


# --- label probabilities -----------------------------------------------------------------------------------------------------

mistake("The continuation has no space before the word. The model has learned words with one.", edit={'" " + word': "word"})
mistake("You put the space at the end of the prompt. It belongs to the continuation.", edit={'logprob_fn(prompt, " " + word)': 'logprob_fn(prompt + " ", word)'})
mistake("Only the first token of a word counts. Its score is the sum over all of its tokens.", edit={SCORE: "each.mean() if normalize else each[0] for each in tokens"})
mistake("Only the last token of a word counts, as in scripts for labels of one token. Here words may have several.", edit={SCORE: "each.mean() if normalize else each[-1] for each in tokens"})
mistake("The score is the mean always. By default it is the sum.", edit={SCORE: "each.mean() for each in tokens"})
mistake("normalize is ignored.", edit={SCORE: "each.sum() for each in tokens"})
mistake("normalize divides by the number of characters. It takes the mean over tokens.", edit={SCORE: "each.sum() / len(word) if normalize else each.sum() for word, each in zip(words, tokens)"})
mistake("Of several words only the first one counts. A label has the sum over its words.", edit={"for word in words]": "for word in words[:1]]"})
mistake("Of several words the most probable one counts. A label has the sum over its words.", edit={".logsumexp(0))": ".amax(0))"})
mistake("The log-probabilities of a label's words are added: that is the probability of all of them. Add probabilities.", edit={".logsumexp(0))": ".sum(0))"})
mistake("A label with many words is divided by their number. Its probability is the sum.", edit={".logsumexp(0))": ".logsumexp(0) - torch.tensor(float(len(words))).log())"})
mistake("The probabilities are not divided by their total. Those of the K labels sum to 1.", edit={"return scores.softmax(0)": "return scores.exp()"})
mistake("exp of a sum of -3,000 is 0, and 0 / 0 is nan. Take the largest logarithm off first.", edit={"return scores.softmax(0)": "return scores.exp() / scores.exp().sum()"})
mistake("You compute in float32. The result is float64.", edit={"dtype=torch.float64) for word": "dtype=torch.float32) for word"})
mistake("You return log-probabilities.", edit={"return scores.softmax(0)": "return scores.log_softmax(0)"})
mistake("If no label is possible you return nan. It is a ValueError.", edit={IMPOSSIBLE: "if False:"})
mistake("One impossible label is enough for you to give up. Only if all are, it is a ValueError.", edit={IMPOSSIBLE: "if scores.min() == -torch.inf:"}, crashes=True)
mistake("An impossible word makes its label impossible. It counts nothing, and the label's other words count.", edit={".logsumexp(0))": ".logsumexp(0) if all((each > -torch.inf).all() for each in tokens) else torch.tensor(-torch.inf, dtype=torch.float64))"})
mistake("-inf is replaced by a large negative number. An impossible label then gets a part if all are improbable.", edit={"scores = torch.stack(scores)\n": "scores = torch.stack(scores).clamp(min=-1000.0)\n"})
mistake("The model is asked twice for each word.", edit={"tokens = [torch.tensor(logprob_fn(": "tokens = [torch.tensor([logprob_fn(prompt, \" \" + word) for _ in range(2)][0] and logprob_fn("})

# --- calibration ----------------------------------------------------------------------------------------------------------------

mistake("The content-free probabilities are taken off. Each label is divided by its own.", edit={QUOTIENT: "q = p - mean"})
mistake("You multiply by the content-free probabilities. That makes the bias stronger: divide.", edit={QUOTIENT: "q = p * mean"})
mistake("Rows do not sum to 1 after the division.", edit={ROWS: "return q"})
mistake("You put a softmax around W p, as the paper writes it. Here each row is divided by its sum.", edit={ROWS: "return q.softmax(-1)"})
mistake("Only the first content-free text is used. Take the mean of all.", edit={MEAN: "mean = p_cf[0]"})
mistake("The mean is over labels, not over the content-free texts.", edit={MEAN: "mean = p_cf.mean(1).mean().expand(p.shape[1])"})
mistake("You average logarithms: the geometric mean. The mean of the probabilities is asked.", edit={MEAN: "mean = p_cf.log().mean(0).exp()"})
mistake("You average the texts calibrated one by one. The mean of the content-free probabilities comes first.", edit={QUOTIENT: "q = (p[:, None] / p_cf).mean(1)"})
mistake("You divide by the mean of the texts themselves. That is batch calibration, of other authors: here only content-free texts count.", edit={MEAN: "mean = p.mean(0)"})
mistake("Each column is divided by its sum. Each text's row must sum to 1.", edit={ROWS: "return q / q.sum(0, keepdim=True)"})
mistake("A mean of 0 gives infinity or nan. It is a ValueError.", edit={"if (mean == 0).any():": "if False:"})
mistake("You refuse a 0 in one content-free text. Only the mean must not be 0.", edit={"if (mean == 0).any():": "if (p_cf == 0).any():"}, crashes=True)
mistake("A small number is added to the mean, to be safe. Results are then wrong for strong biases.", edit={QUOTIENT: "q = p / (mean + 1e-6)"})
mistake("The input is divided in place. Nothing that is passed in may change.", edit={QUOTIENT: "q = p.div_(mean)"})
mistake("The result is always float64. It has the dtype of p.", edit={QUOTIENT: "q = p.double() / mean"})

# --- entropies --------------------------------------------------------------------------------------------------------------------

mistake("GlobalE of the mean probabilities. Each text first gets its most probable label, and labels are counted.", edit={SHARES: "shares = p.mean(1)"})
mistake("GlobalE counts over all prompts together. Each prompt has its own.", edit={SHARES: "shares = torch.nn.functional.one_hot(labels, p.shape[-1]).to(p.dtype).mean((0, 1)).expand(len(p), -1)"})
mistake("GlobalE counts over the prompts for each text. It counts over the texts for each prompt.", edit={"labels = p.argmax(-1)\n": "labels = p.argmax(-1).T\n"})
mistake("Counts stand in the place of shares.", edit={SHARES: SHARES.replace(".mean(1)", ".sum(1)")})
mistake("0 log 0 is nan in yours. It is 0.", edit={GLOBAL: "-(shares * shares.log()).sum(-1)"})
mistake("A small number in the logarithm keeps nan away and makes the entropy wrong.", edit={GLOBAL: "-(shares * (shares + 1e-3).log()).sum(-1)"})
mistake("GlobalE in bits. Logarithms are natural ones.", edit={GLOBAL: "torch.special.entr(shares).sum(-1) / torch.log(torch.tensor(2.0, dtype=p.dtype))"})
mistake("GlobalE is divided by log K, to be at most 1. It is the entropy itself.", edit={GLOBAL: "torch.special.entr(shares).sum(-1) / torch.log(torch.tensor(max(p.shape[-1], 2), dtype=p.dtype))"})
mistake("The sign of the entropy is wrong.", edit={GLOBAL: "-torch.special.entr(shares).sum(-1)"})
mistake("Of equal probabilities the last label is taken. The first one is.", edit={"labels = p.argmax(-1)\n": "labels = p.shape[-1] - 1 - p.flip(-1).argmax(-1)\n"})
mistake("GlobalE is float32 always. It has the dtype of p.", edit={".to(p.dtype)": ".float()"})
mistake("LocalE of the mean probabilities. The entropy of each text comes first, then the mean.", edit={LOCAL: "return torch.special.entr(p.mean(1)).sum(-1)"})
mistake("LocalE counts most probable labels. It looks at the probabilities.", edit={LOCAL: "return torch.special.entr(torch.nn.functional.one_hot(p.argmax(-1), p.shape[-1]).to(p.dtype).mean(1)).sum(-1)"})
mistake("LocalE is the sum over the texts. It is the mean.", edit={LOCAL: "return torch.special.entr(p).sum(-1).sum(-1)"})
mistake("LocalE is the mean over labels, too. Over labels it is a sum.", edit={LOCAL: "return torch.special.entr(p).mean((1, 2))"})
mistake("0 log 0 is nan in LocalE. It is 0.", edit={LOCAL: "return -(p * p.log()).sum(-1).mean(-1)"})
mistake("LocalE clamps probabilities at 1e-4: rare labels count wrongly.", edit={LOCAL: "return -(p * p.clamp(min=1e-4).log()).sum(-1).mean(-1)"})
mistake("LocalE is in bits. Logarithms are natural ones.", edit={LOCAL: "return -(p * torch.where(p > 0, p, 1.0).log2()).sum(-1).mean(-1)"})
mistake("LocalE is the mean over prompts for each text.", edit={LOCAL: "return torch.special.entr(p).sum(-1).mean(0)"})
mistake("LocalE says how sure the prompt is: 1 less the largest probability. It is an entropy.", edit={LOCAL: "return 1 - p.amax(-1).mean(-1)"})

# --- all together -------------------------------------------------------------------------------------------------------------------

mistake("classify does not calibrate.", edit={"if content_free:": "if False:"})
mistake("Content-free texts stand in a prompt without examples. They stand in the same prompt as the texts.", edit={"p = contextual_calibration(p, ask(content_free))": "demos = []\n        p = contextual_calibration(p, ask(content_free))"})
mistake("The prompt is calibrated with N/A alone. There are three content-free texts by default.", edit={'CONTENT_FREE = ("N/A", "[MASK]", "")': 'CONTENT_FREE = ("N/A",)'})
mistake("content_free is ignored, and the default taken.", edit={"ask(content_free))": "ask(CONTENT_FREE))"})
mistake("Content-free texts are asked again for each text. Once is enough.", edit={"return torch.stack([label_probs": "if given is texts and content_free:\n            for _ in texts[1:]:\n                ask(content_free)\n        return torch.stack([label_probs"})
mistake("The instruction is left out of the prompts.", edit={"build_prompt(instruction, demos, x, template)": 'build_prompt("", demos, x, template)'})
mistake("Words are normalized by their length in classify. Its scores are sums.", edit={ASK: ASK.replace("verbalizers)", "verbalizers, True)")})
mistake("The labels are those before calibration.", edit={"p = ask(texts)": "p = ask(texts)\n    labels = p.argmax(-1)", "return p.argmax(-1), p\n": "return labels, p\n"})
mistake("The probabilities are those before calibration.", edit={"p = contextual_calibration(p, ask(content_free))": "return contextual_calibration(p, ask(content_free)).argmax(-1), p"})
mistake("Each text is calibrated by all texts and content-free texts together.", edit={"p = contextual_calibration(p, ask(content_free))": "p = contextual_calibration(p, torch.cat([p, ask(content_free)]))"})
mistake("The example blocks are joined by one line break in classify. build_prompt's default is an empty line.", edit={"build_prompt(instruction, demos, x, template)": 'build_prompt(instruction, demos, x, template, "\\n")'})
mistake("Without content_free your code raises an error. Then nothing is calibrated.", edit={"if content_free:": "if True:"}, crashes=True)
mistake("An example is added to the prompt after each text. Each text stands alone behind the examples.", edit={"p = ask(texts)": "rows = []\n    for x in texts:\n        rows.append(ask([x])[0])\n        demos = [*demos, (x, verbalizers[int(rows[-1].argmax())][0])]\n    p = torch.stack(rows)"})

# --- of other kinds ------------------------------------------------------------------------------------------------------------------

mistake("Labels with equal probabilities share a text in GlobalE. The first of them has it.", edit={SHARES: "first = (p == p.amax(-1, keepdim=True)).to(p.dtype)\n    shares = (first / first.sum(-1, keepdim=True)).mean(1)"})
mistake("The empty content-free text is skipped. It is a text as others are.", edit={"ask(content_free))": "ask([x for x in content_free if x]))"})
mistake("Without a text there is no open example in yours. An empty text is a text, too.", edit={OPEN: "parts += [before + x + between.rstrip()] if x else []"})
mistake("The instruction is followed by one line break. It is joined by sep, as all parts are.", edit={"parts = [instruction] if instruction else []": "parts = []", "return sep.join(parts)": 'return (instruction + "\\n" if instruction else "") + sep.join(parts)'})
mistake("Only spaces are cut off before the label. All white space is, line breaks too.", edit={"between.rstrip())": 'between.rstrip(" "))'})
mistake("White space before the text is lost where the text is empty. Only white space before {y} in the template is cut off.", edit={OPEN: "parts.append(before + x + between.rstrip() if x else (before + between).rstrip())"})
mistake("Labels are the least probable ones.", edit={"return p.argmax(-1), p\n": "return p.argmin(-1), p\n"})
mistake("Of equally probable labels the last one is taken.", edit={"return p.argmax(-1), p\n": "return p.shape[-1] - 1 - p.flip(-1).argmax(-1), p\n"})
mistake("Probabilities are rounded to four digits.", edit={"return scores.softmax(0)": "return (scores.softmax(0) * 1e4).round() / 1e4"})
mistake("The mean of p_cf is brought to the sum 1 in float32.", edit={MEAN: "mean = p_cf.float().mean(0).to(p.dtype)"})

# --- of other kinds ------------------------------------------------------------------------------------------------------------------

mistake("One content-free text that is empty is taken for none. Only without any text nothing is calibrated.", edit={"if content_free:": "if any(content_free):"})
mistake("Content-free texts that are equal count once. The mean is over all rows.", edit={"ask(content_free))": "ask(tuple(dict.fromkeys(content_free))))"})
mistake("Empty parts are left out before the others are joined. Only an empty instruction is.", edit={"return sep.join(parts)": "return sep.join(part for part in parts if part)"})
mistake("Line breaks at the end of an example are cut off. Its template is filled in as it is.", edit={DEMOS: 'parts += [(before + given + between + label + behind).rstrip("\\n") for given, label in demos]'})
mistake("The beginning of the prompt is stripped. Only white space before {y} goes, in the open example.", edit={OPEN: "parts.append((before if parts else before.lstrip()) + x + between.rstrip())"})
mistake("Only spaces, tabs and line breaks are cut off before the label. rstrip() without an argument knows other white space, too.", edit={OPEN: 'parts.append(before + x + between.rstrip(" \\n\\t"))'})
mistake("The words of labels are stripped. The continuation is a space and the word as it is.", edit={'" " + word': '" " + word.strip()'})
mistake("A word that stands twice in a label counts once. It counts twice.", edit={"for word in words]": "for word in dict.fromkeys(words)]"})
mistake("With one label only you do not ask whether it is possible. It raises ValueError, too.", edit={IMPOSSIBLE: "if scores.max() == -torch.inf and len(scores) > 1:"})
mistake("A mean that is nearly 0 is refused. Only 0 itself is.", edit={"if (mean == 0).any():": "if (mean < 1e-12).any():"}, crashes=True)
mistake("Probabilities that are nearly equal count as equal in GlobalE. The largest one counts.", edit={"labels = p.argmax(-1)\n": "labels = (p >= p.amax(-1, keepdim=True) - 1e-6).int().argmax(-1)\n"})
mistake("-inf is replaced by -10,000, which a possible label may have, too. Then an impossible one gets a part.", edit={"scores = torch.stack(scores)\n": "scores = torch.stack(scores).clamp(min=-1e4)\n"})
