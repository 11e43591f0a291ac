"""Wrong ways to write eval/loglikelihood_mc, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

# --- the boundary ---------------------------------------------------------------------------------------------------------

BARE = "    bare = ctx.rstrip()\n"
MOVED = "ctx, cont = bare, ctx[len(bare) :] + cont"
PAIR = "return head, encode(ctx + cont)[len(head) :]"
EMPTY = "return [prefix], encode(cont)"
mistake("Context and continuation are encoded separately. Encode both together, and cut behind the context's tokens.", edit={PAIR: "return head, encode(cont)"})
mistake("White space at the end of the context stays there. It moves to the continuation: tokens begin with their space.", edit={BARE: "    bare = ctx\n"})
mistake("White space at the end of the context is lost. It moves to the continuation.", edit={MOVED: "ctx = bare"})
mistake("Only spaces move. Line breaks at the end of the context move, too.", edit={BARE: '    bare = ctx.rstrip(" ")\n'})
mistake("Only one space moves. All white space at the end does.", edit={BARE: '    bare = ctx[:-1] if ctx[-1:].isspace() else ctx\n'})
mistake("One space is put in front of the continuation, whatever stood there. What was there moves.", edit={MOVED: 'ctx, cont = bare, (" " if bare != ctx else "") + cont'})
mistake("White space is taken from both ends of the context. What stands in front stays.", edit={BARE: "    bare = ctx.strip()\n"})
mistake("White space around the continuation is cut off.", edit={MOVED: "ctx, cont = bare, ctx[len(bare) :] + cont.rstrip()"})
mistake("An empty context has no token at all, so the first token of the answer can't be scored. It is [prefix].", edit={EMPTY: "return [], encode(cont)"})
mistake("The prefix stands in front of every context. Only an empty one has it.", edit={PAIR: "return [prefix, *head], encode(ctx + cont)[len(head) :]"})
mistake("Whether the context is empty is asked before its white space has moved.", edit={f"    if not ctx:\n        {EMPTY}\n": "", BARE: f"    if not ctx:\n        {EMPTY}\n" + BARE})
mistake("The context's tokens are taken from the whole. They are encode(ctx), by itself.", edit={PAIR: "whole = encode(ctx + cont)\n    return whole[: len(head)], whole[len(head) :]"})
mistake("The cut is where both encodings begin to differ. It is behind as many tokens as encode(ctx) has.", edit={PAIR: "whole = encode(ctx + cont)\n    same = 0\n    while same < min(len(head), len(whole)) and head[same] == whole[same]:\n        same += 1\n    return head, whole[same:]"})
mistake("The prefix 0 is built in. It is an argument.", edit={EMPTY: "return [0], encode(cont)"})

# --- one answer -----------------------------------------------------------------------------------------------------------

READ = "read = (ctx + cont)[:-1][-max_len:]"
LOGITS = "logits = model(torch.tensor([read]))[0, -len(cont) :]"
NOGRAD = "    with torch.no_grad():\n        logits = "
FLOAT = "logits = logits if logits.dtype == torch.float64 else logits.float()"
LOGPS = "logps = logits.log_softmax(-1).gather(-1, wanted[:, None])"
RESULT = "return logps.sum().item(), bool((logits.argmax(-1) == wanted).all())"
GUARD = "if not ctx or len(cont) > max_len:"
mistake(
    "The model reads the last token, too, and each token is scored where it stands. It is predicted from the place before it.",
    edit={READ: "read = (ctx + cont)[-max_len:]"},
)
mistake("You read everything, the last token too, and shift afterwards. The scores are right, but the last token asks for nothing: leave it out.", edit={READ: "read = (ctx + cont)[-max_len - 1 :]", LOGITS: "logits = model(torch.tensor([read]))[0, -len(cont) - 1 : -1]"})
mistake("The logits one place too early are taken.", edit={LOGITS: "logits = model(torch.tensor([[*read, read[-1]]]))[0, -len(cont) - 2 : -2] if len(read) > len(cont) else model(torch.tensor([read]))[0, -len(cont) :]"})
mistake("The score is the mean over the answer's tokens. It is the sum; what to divide by is decided later.", edit={RESULT: "return logps.mean().item(), bool((logits.argmax(-1) == wanted).all())"})
mistake("The context's tokens are scored as well. Only the continuation's are.", edit={LOGITS: "logits = model(torch.tensor([read]))[0]\n        cont = (ctx + cont)[-len(read) :]"})
mistake("The logits are added up without log_softmax.", edit={LOGPS: "logps = logits.gather(-1, wanted[:, None])"})
mistake("Probabilities are added up, without a logarithm.", edit={LOGPS: "logps = logits.softmax(-1).gather(-1, wanted[:, None])"})
mistake("The logarithm is taken after the softmax: what rounds to 0 becomes -inf. Use log_softmax.", edit={LOGPS: "logps = logits.softmax(-1).log().gather(-1, wanted[:, None])"})
mistake("exp overflows for large logits. Use log_softmax, or take the largest one off first.", edit={LOGPS: "logps = (logits - logits.exp().sum(-1, keepdim=True).log()).gather(-1, wanted[:, None])"})
mistake("A loss is returned: its sign is the other way round.", edit={RESULT: "return -logps.sum().item(), bool((logits.argmax(-1) == wanted).all())"})
mistake("greedy is True if any token is the largest. All must be.", edit={RESULT: "return logps.sum().item(), bool((logits.argmax(-1) == wanted).any())"})
mistake("greedy looks at the last token only.", edit={RESULT: "return logps.sum().item(), bool(logits[-1].argmax() == wanted[-1])"})
mistake("greedy looks at the first token only.", edit={RESULT: "return logps.sum().item(), bool(logits[0].argmax() == wanted[0])"})
mistake("greedy is True if the answer is more probable than not. It asks for the largest logit of each place.", edit={RESULT: "return logps.sum().item(), logps.sum().item() > math.log(0.5)"})
mistake("A token is taken for greedy if no other is larger. Of equal ones only the first one is.", edit={RESULT: "return logps.sum().item(), bool((logits.gather(-1, wanted[:, None])[:, 0] == logits.amax(-1)).all())"})
mistake("Of equally large logits you take the last one. It is the one with the smallest id.", edit={RESULT: "return logps.sum().item(), bool((logits.shape[-1] - 1 - logits.flip(-1).argmax(-1) == wanted).all())"})
mistake("A gradient is recorded, for every answer of the exam. Call the model under torch.no_grad().", edit={"    with torch.no_grad():\n        logits": "    if True:\n        logits"})
mistake("Gradients stay switched off for everybody afterwards. Use torch.no_grad() as a context.", edit={"    with torch.no_grad():\n        logits": "    torch.set_grad_enabled(False)\n    if True:\n        logits"})
mistake("Nothing is cut: a long context is read whole. The model reads at most max_len tokens.", edit={READ: "read = (ctx + cont)[:-1]"})
mistake("One token too few is read: max_len counts what the model reads, without the last token of the continuation.", edit={READ: "read = (ctx + cont)[-max_len:][:-1] if len(ctx + cont) > max_len and max_len > len(cont) else (ctx + cont)[:-1][-max_len:]"})
mistake("One token too many is read.", edit={READ: "read = (ctx + cont)[:-1][-max_len - 1 :]"})
mistake("The text is cut on the right, and the answer is lost. Cut on the left.", edit={READ: "read = (ctx + cont)[:-1][:max_len]"})
mistake("The default window is not 2048.", edit={"cont: list[int], max_len: int = 2048": "cont: list[int], max_len: int = 1024"})
mistake("16-bit logits are scored in 16 bits: errors of a percent and more. Go to float32 first.", edit={f"    {FLOAT}\n": ""})
mistake("Everything is scored in float32, float64 as well.", edit={FLOAT: "logits = logits.float()"})
mistake("A continuation that is longer than the window is cut and scored. It raises ValueError.", edit={GUARD: "if not ctx:", LOGITS: "logits = model(torch.tensor([read]))[0, -len(cont) :]\n        cont = cont[-len(logits) :]"})
mistake("A continuation that just fits is refused. It raises ValueError only if it has more than max_len tokens.", crashes=True, edit={GUARD: "if not ctx or len(cont) >= max_len:"})
mistake("An empty context passes: its first token has nothing before it. It raises ValueError.", edit={GUARD: "if len(cont) > max_len:", READ: "read = ([0] * (not ctx) + ctx + cont)[:-1][-max_len:]"})
mistake("For an empty continuation the model is called all the same.", edit={"    if not cont:\n        return 0.0, True\n": "    if not cont:\n        model(torch.tensor([ctx]))\n        return 0.0, True\n"})
mistake("An empty continuation is not greedy in your code. With no token there is none that fails.", edit={"return 0.0, True": "return 0.0, False"})


@mistake("The model is called once for each token of the answer. One call gives the logits of all places.")
def loglikelihood(model, ctx, cont, max_len=2048):
    if not ctx or len(cont) > max_len:
        raise ValueError
    total, greedy = 0.0, True
    for i, token in enumerate(cont):
        with torch.no_grad():
            logits = model(torch.tensor([(ctx + cont[:i])[-max_len:]]))[0, -1]
        logits = logits if logits.dtype == torch.float64 else logits.float()
        total += logits.log_softmax(-1)[token].item()
        greedy = greedy and logits.argmax().item() == token
    return total, greedy


# --- long texts -----------------------------------------------------------------------------------------------------------

END = "end = min(done + max_len - ctx_len + 1, len(tokens))"
APPENDED = "pieces.append((tokens[end - max_len - 1 : done], tokens[done:end]))"
FIRST = "pieces = [([prefix], tokens[:max_len])] if tokens else []"
mistake("Every further piece begins with the prefix, without any context. It has the tokens before it.", edit={APPENDED: "pieces.append(([prefix], tokens[done:end]))"})
mistake("The first token is not scored: it is the first context. The prefix stands before it.", edit={FIRST: "pieces = [(tokens[:1], tokens[1:max_len])] if tokens else []"})
mistake("The context is always ctx_len tokens long. The last piece has as many as fit.", edit={APPENDED: "pieces.append((tokens[done - ctx_len : done], tokens[done:end]))"})
mistake("A window of context + continuation has max_len tokens in your code. The last token is not read, so one more fits.", edit={END: "end = min(done + max(max_len - ctx_len, 1), len(tokens))", APPENDED: "pieces.append((tokens[max(end - max_len, 0) : done] or tokens[done - 1 : done], tokens[done:end]))"})
mistake("The further pieces overlap: their continuations begin ctx_len tokens earlier, and tokens are scored twice.", edit={APPENDED: "pieces.append((tokens[end - max_len - 1 : done - ctx_len], tokens[done - ctx_len : end]))"})
mistake("The last piece, which is shorter, is left out.", edit={"while done < len(tokens):": "while done + max_len - ctx_len + 1 <= len(tokens):"})
mistake("ctx_len is ignored: every piece has one token of context.", edit={END: "end = min(done + max_len, len(tokens))"})
mistake("The first piece is as short as the others. It has max_len tokens.", edit={FIRST: "pieces = [([prefix], tokens[: max_len - ctx_len + 1])] if tokens else []", "    done = max_len\n": "    done = max_len - ctx_len + 1\n", APPENDED: "pieces.append((tokens[max(end - max_len - 1, 0) : done], tokens[done:end]))"})
mistake("An empty text has a piece without tokens. It has none.", edit={FIRST: "pieces = [([prefix], tokens[:max_len])]"})
mistake("The context holds the continuation as well. It ends where the continuation begins.", edit={APPENDED: "pieces.append((tokens[end - max_len - 1 : end - 1], tokens[done:end]))"})
mistake("A ctx_len of 0 passes: some token would be scored without anything before it. It raises ValueError.", edit={"if not 1 <= ctx_len <= max_len:": "if ctx_len > max_len:"})
mistake(
    "A ctx_len above max_len passes. It raises ValueError.",
    edit={"if not 1 <= ctx_len <= max_len:": "if ctx_len < 1:", END: "end = min(done + max(max_len - ctx_len + 1, 1), len(tokens))"},
)
mistake("You return inputs and targets as they go into the model. Context and continuation do not overlap.", edit={FIRST: "pieces = [([prefix] + tokens[: min(max_len, len(tokens)) - 1], tokens[:max_len])] if tokens else []", APPENDED: "pieces.append((tokens[end - max_len - 1 : end - 1], tokens[done:end]))"})

SUM = "return sum((loglikelihood(model, ctx, cont, max_len)[0] for ctx, cont in rolling_windows(tokens, prefix, max_len, ctx_len)), 0.0)"
mistake("The mean over the pieces is returned. It is their sum.", edit={SUM: "pieces = [loglikelihood(model, ctx, cont, max_len)[0] for ctx, cont in rolling_windows(tokens, prefix, max_len, ctx_len)]\n    return sum(pieces) / max(len(pieces), 1)"})
mistake("The sum is divided by the number of tokens.", edit={SUM: SUM.replace(", 0.0)", ", 0.0) / max(len(tokens), 1)")})
mistake("ctx_len does not reach the pieces.", edit={SUM: SUM.replace("max_len, ctx_len)", "max_len)")})
mistake("The whole text is read at once, however long it is.", edit={SUM: "return loglikelihood(model, [prefix], tokens, 10**6)[0]"})
mistake("The window slides by one token, and each call scores a single one. Pieces score many tokens with one call.", edit={SUM: "return sum((loglikelihood(model, ([prefix] + tokens)[: i + 1][-max_len:], tokens[i : i + 1], max_len)[0] for i in range(len(tokens))), 0.0)"})

# --- accuracies ------------------------------------------------------------------------------------------------------------

SIZES = 'sizes = {"acc": lambda text: 1, "acc_norm": len, "acc_bytes": lambda text: len(text.encode())}'
PICKED = "right[name].append(int(values.index(max(values)) == want))"
VALUES = "values = [score / size(text) for score, text in zip(scores, texts, strict=True)]"
CHECKED = 'if len(scores) != len(texts) or not 0 <= want < len(texts) or "" in texts:'
VARIANCE = "n / (n - 1) * p * (1 - p) if n > 1 else math.nan"
mistake("acc_norm divides by the number of words. It divides by the number of characters.", edit={SIZES: SIZES.replace('"acc_norm": len', '"acc_norm": lambda text: len(text.split())')})
mistake("acc_norm divides by bytes as well. Characters and bytes differ outside of ASCII.", edit={SIZES: SIZES.replace('"acc_norm": len', '"acc_norm": lambda text: len(text.encode())')})
mistake("acc_bytes divides by characters. In UTF-8 a character has up to four bytes.", edit={SIZES: SIZES.replace("len(text.encode())}", "len(text)}")})
mistake("Bytes are counted in UTF-16.", edit={SIZES: SIZES.replace("text.encode()", 'text.encode("utf-16-le")')})
mistake("The length counts the space in front of the answer. It is the length of the answer's text alone.", edit={SIZES: SIZES.replace('"acc_norm": len', '"acc_norm": lambda text: len(text) + 1').replace("len(text.encode())", "len(text.encode()) + 1")})
mistake("acc is the normalised one, too. It takes log-likelihoods as they are.", edit={SIZES: SIZES.replace("lambda text: 1", "len")})
mistake("Log-likelihoods are multiplied by the length. Divide.", edit={VALUES: VALUES.replace("score / size", "score * size")})
mistake("The smallest value is taken: log-likelihoods are negative, and the one nearest to 0 is the best.", edit={PICKED: PICKED.replace("max(values)", "min(values)")})
mistake("The absolute value is compared.", edit={PICKED: "right[name].append(int(max(range(len(values)), key=lambda i: abs(values[i])) == want))"})
mistake("Of equal values the last one is taken. It is the first one.", edit={PICKED: "right[name].append(int(max(range(len(values)), key=lambda i: (values[i], i)) == want))"})
mistake("If the right answer has the same value as another one, you count it as right always. The first one is the model's answer.", edit={PICKED: "right[name].append(int(values[want] == max(values)))"})
mistake("Ties count as wrong always. The first one is the model's answer.", edit={PICKED: "right[name].append(int(values[want] == max(values) and values.count(max(values)) == 1))"})
mistake("The standard deviation has n in its denominator. For a sample it is n - 1.", edit={VARIANCE: "p * (1 - p) if n > 1 else math.nan"})
mistake("The standard deviation is returned. The standard error is that divided by √n.", edit={"math.sqrt(each / n)": "math.sqrt(each)"})
mistake("The variance is divided by n, without a square root.", edit={"math.sqrt(each / n)": "each / n"})
mistake("The standard deviation is divided by n. It is divided by √n.", edit={"math.sqrt(each / n)": "math.sqrt(each) / n"})
mistake("With one question the error is 0: as if it were known exactly. It is nan.", edit={"if n > 1 else math.nan": "if n > 1 else 0.0"})
mistake("All errors are those of acc. Each accuracy has its own.", edit={"for name, p in found.items()": "for name, p in dict.fromkeys(found, found['acc']).items()"})
mistake("Accuracies are given in percent. They are shares from 0 to 1.", edit={"return found | {": "return {name: 100 * p for name, p in found.items()} | {"})
mistake("No question at all gives 0. It raises ValueError.", edit={"if not n or not n == len(choices) == len(gold):": "if not n:\n        return dict.fromkeys(['acc', 'acc_norm', 'acc_bytes', 'acc_stderr', 'acc_norm_stderr', 'acc_bytes_stderr'], 0.0)\n    if not n == len(choices) == len(gold):"})
mistake("A gold of -1 is the last answer in your code. It raises ValueError.", edit={CHECKED: CHECKED.replace("0 <= want", "-len(texts) <= want"), PICKED: PICKED.replace("== want", "== want % len(texts)")})
mistake("A gold beyond the answers counts as wrong in silence. It raises ValueError.", edit={CHECKED: 'if len(scores) != len(texts) or want < 0 or "" in texts:'})
mistake("Scores and answers of different number are cut to the shorter list. It raises ValueError.", edit={CHECKED: 'if not 0 <= want < len(texts) or "" in texts:', VALUES: VALUES.replace("strict=True", "strict=False")})
mistake("An empty answer has length 1 in your code. It raises ValueError.", edit={CHECKED: "if len(scores) != len(texts) or not 0 <= want < len(texts):", VALUES: VALUES.replace("size(text)", "max(size(text), 1)")})
mistake("Lists of different lengths are cut to the shortest one. They raise ValueError.", edit={"if not n or not n == len(choices) == len(gold):": "if not n:", "zip(lls, choices, gold, strict=True)": "zip(lls, choices, gold, strict=False)"})

# --- contamination -----------------------------------------------------------------------------------------------------------

WORDS = 'words = text.lower().translate(str.maketrans("", "", string.punctuation)).split()'
GRAMS = "return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]"
INDEX = "return {gram for text in texts for gram in _ngrams(text, n)}"
FOUND = "return any(gram in index for gram in _ngrams(text, n))"
mistake("Capitals count. Both sides go through lower() first.", edit={WORDS: WORDS.replace("text.lower()", "text")})
mistake("Marks stay in the words.", edit={WORDS: "words = text.lower().split()"})
mistake("A mark becomes a space. It is deleted: well-known is the word wellknown.", edit={WORDS: 'words = text.lower().translate(str.maketrans(string.punctuation, " " * 32)).split()'})
mistake("Letters and marks of other scripts are deleted. Only the 32 marks of string.punctuation are.", edit={WORDS: 'words = "".join(c for c in text.lower() if c.isascii() and (c.isalnum() or c.isspace())).split()'})
mistake("Words are split at single spaces: line breaks and double spaces make other words.", edit={WORDS: 'words = text.lower().translate(str.maketrans("", "", string.punctuation)).split(" ")'})
mistake("The last n-gram is missing: there are len(words) - n + 1 of them.", edit={GRAMS: "return [tuple(words[i : i + n]) for i in range(len(words) - n)]"})
mistake("Pieces at the end that are shorter than n are n-grams in your code. They have n words.", edit={GRAMS: "return [tuple(words[i : i + n]) for i in range(len(words))]"})
mistake("The n-grams do not overlap. One begins at every word.", edit={GRAMS: "return [tuple(words[i : i + n]) for i in range(0, len(words) - n + 1, n)]"})
mistake("N-grams are made of characters. They are made of words.", edit={GRAMS: "words = ' '.join(words)\n    return [tuple(words[i : i + n]) for i in range(len(words) - n + 1)]"})
mistake("All n-grams must be found. One is enough.", edit={FOUND: "return all(gram in index for gram in _ngrams(text, n)) and bool(_ngrams(text, n))"})
mistake("A text that is too short counts as contaminated. It never is.", edit={FOUND: "return all(False for _ in _ngrams(text, n)) or any(gram in index for gram in _ngrams(text, n))"})
mistake("The training texts are joined before the n-grams are made, so that some lie across two texts.", edit={INDEX: 'return set(_ngrams(" ".join(texts), n))'})
mistake("The words of an n-gram are sorted: another order counts as the same.", edit={GRAMS: "return [tuple(sorted(words[i : i + n])) for i in range(len(words) - n + 1)]"})
mistake("The default of n is not 13.", edit={"def ngram_index(texts: list[str], n: int = 13)": "def ngram_index(texts: list[str], n: int = 8)", "index: set[tuple[str, ...]], n: int = 13": "index: set[tuple[str, ...]], n: int = 8"})
mistake("N-grams are kept as joined text. They are tuples of words.", edit={GRAMS: 'return [" ".join(words[i : i + n]) for i in range(len(words) - n + 1)]'})
mistake("Words that are in the index in any n-gram count. The n words must be together, in one of them.", edit={FOUND: "known = {word for gram in index for word in gram}\n    return any(set(gram) <= known for gram in _ngrams(text, n))"})
mistake(
    "contaminated() does not make the text lower-case, although ngram_index() does. Both sides go the same way.",
    edit={FOUND: "words = text.translate(str.maketrans('', '', string.punctuation)).split()\n    return any(tuple(words[i : i + n]) in index for i in range(len(words) - n + 1))"},
)
mistake("The length of the first answer divides all scores of a question. Each answer has its own.", edit={VALUES: "values = [score / size(texts[0]) for score, text in zip(scores, texts, strict=True)]"})
mistake("The model reads a 0 in front of every context. It reads what it was given.", edit={READ: "read = ([0] + ctx + cont)[:-1][-max_len:]"})
mistake("If all answers are right or all are wrong, the error is nan in your code. It is 0 there, and nan with one question only.", edit={VARIANCE: "n / (n - 1) * p * (1 - p) if n > 1 and 0 < p < 1 else math.nan"})
mistake("The sum is kept in float32. Python's floats have 16 digits.", edit={SUM: "return torch.tensor([loglikelihood(model, ctx, cont, max_len)[0] for ctx, cont in rolling_windows(tokens, prefix, max_len, ctx_len)]).sum().item()"})
mistake("max_len does not reach loglikelihood(), which takes its default.", crashes=True, edit={SUM: SUM.replace("cont, max_len)[0]", "cont)[0]")})
mistake("A token counts as greedy if its probability is above 1/2. It has to be the largest, which may be less.", edit={RESULT: "return logps.sum().item(), bool((logps > -0.6931).all())"})

# --- of other kinds -------------------------------------------------------------------------------------------------------------

mistake("greedy compares log-probabilities: rounding makes logits equal that are not. It compares the logits.", edit={RESULT: "return logps.sum().item(), bool((logits.log_softmax(-1).argmax(-1) == wanted).all())"})
mistake("If all answers are impossible you count any gold as right. The first answer is the model's.", edit={PICKED: "right[name].append(int(max(values) == -math.inf or values.index(max(values)) == want))"})
mistake("An answer of white space is refused. Only one without any character is empty.", crashes=True, edit={CHECKED: CHECKED.replace('"" in texts', 'not all(text.strip() for text in texts)')})
mistake("Only white space of ASCII moves. rstrip() without an argument knows other kinds, such as the no-break space.", edit={BARE: '    bare = ctx.rstrip(" \\t\\n\\r\\f\\v")\n'})
mistake("Curly quotation marks and long dashes are deleted, too. Only the 32 marks of string.punctuation are.", edit={WORDS: WORDS.replace("string.punctuation", 'string.punctuation + "“”‘’–—…"')})
mistake("You use casefold(), which makes ß two letters. The text goes through lower().", edit={WORDS: WORDS.replace("lower()", "casefold()")})
mistake("An empty continuation is answered before the context is looked at. Without a context it raises ValueError.", edit={"    if not ctx or len(cont)": "    if not cont:\n        return 0.0, True\n    if not ctx or len(cont)"})
mistake("You compare scores in float32, where log-likelihoods that differ in the eighth digit are equal. Compare the floats.", edit={"values = [score / size(text) for score, text in zip(scores, texts, strict=True)]": "values = torch.tensor([score / size(text) for score, text in zip(scores, texts, strict=True)]).tolist()"})
mistake("Gradients are switched on afterwards, also where the caller had switched them off. torch.no_grad() as a context leaves them as they were.", edit={"    with torch.no_grad():\n        logits": "    torch.set_grad_enabled(False)\n    if True:\n        logits", "[0, -len(cont) :]": "[0, -len(cont) :]\n    torch.set_grad_enabled(True)"})
