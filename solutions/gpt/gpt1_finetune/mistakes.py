"""Wrong ways to write gpt/gpt1_finetune, each with the sentence that a student should read."""

from autograder.checks import mistake

N1 = "n = self.ln_1(x + self.attn(x))"
N2 = "return self.ln_2(n + self.mlp(n))"
QKV = "q, k, v = (each.unflatten(-1, (self.H, -1)).transpose(1, 2) for each in self.c_attn(x).chunk(3, dim=-1))"
SCORES = "scores = q @ k.mT * q.shape[-1] ** -0.5  # (B, H, T, T)"
LATER = "later = torch.ones_like(scores[0, 0], dtype=torch.bool).triu(1)"
WEIGHTS = "weights = scores.masked_fill(later, -torch.inf).softmax(-1)"
OUT = "return self.c_proj((weights @ v).transpose(1, 2).flatten(2))"
MLP = "return self.c_proj(self.act(self.c_fc(x)))"
GELU = "return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))"
NORMS = "self.ln_1, self.ln_2 = nn.LayerNorm(C, eps), nn.LayerNorm(C, eps)"

SIM = 'parts = [[fields["a"], fields["b"]], [fields["b"], fields["a"]]]'
MCQ = 'parts = [[fields["context"] + fields["question"], answer] for answer in fields["answers"]]'
ENTAIL = 'parts = [[fields["premise"], fields["hypothesis"]]]'
JOIN = "return [[S, *first, *(token for text in more for token in [DLM, *text]), E] for first, *more in parts]"
KIND = '    else:\n        raise ValueError(f"there is no kind {kind!r}")\n    return [[S'

ALL = '''    if not found.any(1).all():
        raise ValueError(f"a row has no token {extract_id}")
'''
FIRST = "first = found.int().argmax(1)  # of equal numbers argmax takes the first"
READ = "return h[torch.arange(len(h), device=h.device), first]"

ANSWERS = "return (reads @ w.T + b).squeeze(-1)"
SUM = "return reads.sum(1) @ w.T + b"

SURPRISE = 'surprise = nn.functional.cross_entropy(lm_logits[:, :-1].mT, ids[:, 1:], reduction="none")  # (B, T - 1)'
COUNTS = "counts = lm_mask[:, 1:]"
MEAN = "lm = (surprise * counts).sum(1) / counts.sum(1)"
LOSS = "return nn.functional.cross_entropy(clf_logits, y) + lam * lm.mean()"

# --- the block -------------------------------------------------------------------------------------------------------

mistake("Your norms stand in front of the parts (Pre-LN), as in GPT-2. In GPT-1 they stand behind the sums.", edit={
    N1: "n = x + self.attn(self.ln_1(x))", N2: "return n + self.mlp(self.ln_2(n))"})  # fmt: skip
mistake("You normalise what attention gives and add x afterwards. The sum is normalised.", edit={N1: "n = x + self.ln_1(self.attn(x))"})
mistake("You normalise what the feed-forward network gives and add n afterwards. The sum is normalised.", edit={N2: "return n + self.ln_2(self.mlp(n))"})
mistake("Your feed-forward network reads x. It reads n, the normalised sum.", edit={N2: "return self.ln_2(n + self.mlp(x))"})
mistake("Your second sum adds x. It adds n, the normalised sum.", edit={N2: "return self.ln_2(x + self.mlp(n))"})
mistake("Both sums are normalised by ln_1 in your block.", edit={N2: "return self.ln_1(n + self.mlp(n))"})
mistake("You leave out the first norm.", edit={N1: "n = x + self.attn(x)"})
mistake("You leave out the second norm.", edit={N2: "return n + self.mlp(n)"})
mistake("You forget to add x to what attention gives.", edit={N1: "n = self.ln_1(self.attn(x))"})
mistake("You forget to add n to what the feed-forward network gives.", edit={N2: "return self.ln_2(self.mlp(n))"})
mistake("Attention and feed-forward network get the same input in your block. One comes after the other.", edit={
    N1: "n = self.ln_1(x)", N2: "return self.ln_2(x + self.attn(n) + self.mlp(n))"})  # fmt: skip
mistake("Your attention is not causal: a token sees later ones.", edit={LATER: LATER.replace(".triu(1)", ".triu(1) & False")})
mistake("Your mask hides the earlier tokens instead of the later ones.", edit={LATER: LATER.replace(".triu(1)", ".tril(-1)")})
mistake("A token sees one later token in your block.", edit={LATER: LATER.replace(".triu(1)", ".triu(2)")})
mistake("A token does not see itself in your block.", edit={LATER: LATER + "\n        later = later | (torch.eye(len(later), dtype=torch.bool) & (torch.arange(len(later)) > 0))"})
mistake("Your scores are not divided by √D.", edit={SCORES: SCORES.replace(" * q.shape[-1] ** -0.5", "")})
mistake("Your scores are divided by √C. Each head has D features.", edit={SCORES: SCORES.replace("q.shape[-1] ** -0.5", "x.shape[-1] ** -0.5")})
mistake("Queries and keys are exchanged: first come the queries, then the keys.", edit={QKV: QKV.replace("q, k, v", "k, q, v")})
mistake("Your queries, keys and values of a head stand together (q k v, q k v, …). First come all queries, then all keys, then all values.", edit={
    QKV: "q, k, v = self.c_attn(x).unflatten(-1, (self.H, -1)).transpose(1, 2).chunk(3, dim=-1)"})  # fmt: skip
mistake("Your heads take every H-th feature. The first D features belong to head 0.", edit={
    QKV: QKV.replace(".unflatten(-1, (self.H, -1)).transpose(1, 2)", ".unflatten(-1, (-1, self.H)).permute(0, 3, 1, 2)")})  # fmt: skip
mistake("You put the heads' outputs together feature by feature. All features of a head stand together.", edit={
    OUT: "return self.c_proj((weights @ v).permute(0, 2, 3, 1).flatten(2))"})  # fmt: skip
mistake("Your softmax runs over the queries. It runs over the keys.", edit={WEIGHTS: "weights = scores.masked_fill(later, -torch.inf).mT.softmax(-1).mT.nan_to_num()"})
mistake("You hide later tokens after the softmax, so the weights do not sum to 1.", edit={WEIGHTS: "weights = scores.softmax(-1).masked_fill(later, 0.0)"})
mistake("You leave out the last linear layer of attention.", edit={OUT: "return (weights @ v).transpose(1, 2).flatten(2) + 0 * self.c_proj(x)"})
mistake("Your activation stands behind the second linear layer. It stands between both.", edit={MLP: "return self.act(self.c_proj(self.c_fc(x)))"})
mistake("You ignore the activation that is given.", edit={"MLP(C, gelu if act is None else act)": "MLP(C, gelu)"})
mistake("`act or gelu` takes an activation for none that is empty: a module without parts has the length 0.", edit={"gelu if act is None else act": "act or gelu"})
mistake("Your activation is ReLU. GPT-1 uses GELU.", edit={GELU: "return x.relu()"})
mistake("Your activation is the short form of GELU, x · σ(1.702 x).", edit={GELU: "return x * torch.sigmoid(1.702 * x)"})
mistake("The cube is missing in your GELU.", edit={GELU: GELU.replace(" + 0.044715 * x**3", "")})
mistake("Your eps is always 1e-5. Take the one that is given.", edit={NORMS: "self.ln_1, self.ln_2 = nn.LayerNorm(C), nn.LayerNorm(C)"})
mistake("Only one of your norms has the eps that is given.", edit={NORMS: "self.ln_1, self.ln_2 = nn.LayerNorm(C, eps), nn.LayerNorm(C)"})
mistake("You divide by C - 1 in the variance of your norm.", edit={
    N2: "s = n + self.mlp(n)\n        C = s.shape[-1]\n        s = (s - s.mean(-1, keepdim=True)) / (s.var(-1, keepdim=True) + self.ln_2.eps).sqrt()\n        return s * self.ln_2.weight + self.ln_2.bias"})  # fmt: skip
mistake("You compute in float32. float64 stays float64.", edit={
    N1: "n = self.ln_1((x + self.attn(x)).float().to(x.dtype))"})  # fmt: skip
mistake("Your block has dropout, so training mode gives other results.", edit={N1: "n = self.ln_1(x + nn.functional.dropout(self.attn(x), 0.1, self.training))"})
mistake("Your block is right in training mode only: in evaluation mode the mask is missing.", edit={
    WEIGHTS: "weights = (scores.masked_fill(later, -torch.inf) if self.training else scores).softmax(-1)"})  # fmt: skip
mistake("Your linear layers have no biases.", edit={
    "self.c_fc, self.c_proj, self.act = nn.Linear(C, 4 * C), nn.Linear(4 * C, C), act": "self.c_fc, self.c_proj, self.act = nn.Linear(C, 4 * C, bias=False), nn.Linear(4 * C, C, bias=False), act"})  # fmt: skip

# --- tasks -----------------------------------------------------------------------------------------------------------

mistake("You write two texts in one order only. They have no order: write both.", edit={SIM: 'parts = [[fields["a"], fields["b"]]]'})
mistake("You write both orders into one sequence. They are two sequences.", edit={SIM: 'parts = [[fields["a"], fields["b"], fields["b"], fields["a"]]]'})
mistake("Your two sequences come in the wrong order: first a, then b.", edit={SIM: 'parts = [[fields["b"], fields["a"]], [fields["a"], fields["b"]]]'})
mistake("You leave the second order out where both texts are alike. There are always two sequences.", edit={
    SIM: SIM + '\n        parts = parts[:1] if fields["a"] == fields["b"] else parts'})  # fmt: skip
mistake("Premise and hypothesis are exchanged.", edit={ENTAIL: 'parts = [[fields["hypothesis"], fields["premise"]]]'})
mistake("You write premise and hypothesis in both orders. Only one is right: a premise implies a hypothesis, not the reverse.", edit={
    ENTAIL: 'parts = [[fields["premise"], fields["hypothesis"]], [fields["hypothesis"], fields["premise"]]]'})  # fmt: skip
mistake("You write a delimiter between context and question. There is none.", edit={MCQ: 'parts = [[fields["context"], fields["question"], answer] for answer in fields["answers"]]'})
mistake("The question stands before the context. It stands behind it.", edit={MCQ: MCQ.replace('fields["context"] + fields["question"]', 'fields["question"] + fields["context"]')})
mistake("You write all answers into one sequence. Each has its own.", edit={MCQ: 'parts = [[fields["context"] + fields["question"], *fields["answers"]]]'})
mistake("You leave out the question.", edit={MCQ: MCQ.replace(' + fields["question"]', "")})
mistake("Equal answers are written once. Each answer has a sequence.", edit={MCQ: MCQ.replace('in fields["answers"]]', 'in dict.fromkeys(map(tuple, fields["answers"]))]')})
mistake("The delimiter is missing.", edit={JOIN: JOIN.replace("[DLM, *text]", "text")})
mistake("You write a delimiter before the end token too.", edit={JOIN: JOIN.replace("), E]", "), DLM, E]")})
mistake("The start token is missing.", edit={JOIN: JOIN.replace("[S, *first", "[*first")})
mistake("The end token is missing, at which the answer is read.", edit={JOIN: JOIN.replace("), E]", ")]")})
mistake("The end token stands at the beginning, as BERT's [CLS] does. A causal model has seen nothing there.", edit={
    JOIN: JOIN.replace("[S, *first", "[E, S, *first").replace("), E]", ")]")})  # fmt: skip
mistake("Delimiter and end token are exchanged.", edit={JOIN: JOIN.replace("[DLM, *text]", "[E, *text]").replace("), E]", "), DLM]")})
mistake("You leave out the delimiter before an empty text.", edit={JOIN: JOIN.replace("for text in more for", "for text in more if text for")})
mistake("You pad all sequences of an example to one length. None is padded.", edit={
    JOIN: JOIN.replace("return ", "found = ") + "\n    longest = max(map(len, found))\n    return [each + [0] * (longest - len(each)) for each in found]"})  # fmt: skip
mistake("You cut long texts. None is cut.", edit={JOIN: JOIN.replace("in parts]", "in [[text[:510] for text in part] for part in parts]]")})
mistake("You take another kind for a text to be classified. Raise ValueError.", edit={
    '    elif kind == "entail":': '    elif kind not in ("entail", "sim", "mcq"):\n        parts = [[fields.get("text", [])]]\n    elif kind == "entail":'})  # fmt: skip
mistake("Another kind raises KeyError in your function. The docstring says ValueError.", edit={KIND: KIND.replace("ValueError", "KeyError")})
mistake("You write the question into the list of the context, so `fields` changes.", edit={
    MCQ: 'fields["context"] += fields["question"]\n        parts = [[fields["context"], answer] for answer in fields["answers"]]'})  # fmt: skip

# --- reading ---------------------------------------------------------------------------------------------------------

mistake("You read the answer at the first token, as BERT does. A causal model has seen nothing else there.", edit={READ: "return h[:, 0]"})
mistake("You read the answer at the last place, which is padding in shorter rows.", edit={READ: "return h[:, -1]"})
mistake("You read the answer before the end token.", edit={READ: "return h[torch.arange(len(h)), first - 1]"})
mistake("You take the last end token of a row. Padding may hold it too: take the first.", edit={FIRST: "first = ids.shape[1] - 1 - found.flip(1).int().argmax(1)"})
mistake("You count the tokens that are not 0. Look for the end token.", edit={FIRST: "first = (ids != 0).sum(1) - 1"})
mistake("You take the largest id of each row for the end token.", edit={FIRST: "first = ids.argmax(1)"})
mistake("You take the mean of all tokens.", edit={READ: "return h.mean(1)"})
mistake("You take the mean of the tokens up to the end. Take the features at the end token alone.", edit={
    READ: "return torch.stack([row[: n + 1].mean(0) for row, n in zip(h, first.tolist())])"})  # fmt: skip
mistake("You add up all end tokens of a row. The first one counts.", edit={READ: "return (h * found[..., None]).sum(1)"})
mistake("You select by a mask, which gives several rows where padding holds the end token.", edit={READ: "return h[found]"})
mistake("You use the place of the first row's end token for all rows.", edit={READ: "return h[:, first[0]]"})
mistake("A row without an end token gives the features of some other place. Raise ValueError.", edit={ALL: ""})
mistake("You raise an error only if no row has an end token. Each row needs one.", edit={"if not found.any(1).all():": "if not found.any():"})
mistake("You raise IndexError. The docstring says ValueError.", edit={ALL: ALL.replace("ValueError", "IndexError")})
mistake("Your end token is always 9.", edit={"found = ids == extract_id": "found = ids == 9"})
mistake("You return (B, 1, C). It is (B, C).", edit={READ: "return h[torch.arange(len(h)), first][:, None]"})
mistake("No gradient flows through what you read.", edit={READ: READ.replace("h[torch", "h.detach()[torch")})

mistake("You read one order of a pair only. Both are added.", edit={SUM: "return reads[:, 0] @ w.T + b"})
mistake("You take the mean of both reads. They are added.", edit={SUM: "return reads.mean(1) @ w.T + b"})
mistake("You add the scores of both orders, so b counts twice. The reads are added, and the layer is applied once.", edit={SUM: "return (reads @ w.T + b).sum(1)"})
mistake("You take the larger of both reads. They are added.", edit={SUM: "return reads.amax(1) @ w.T + b"})
mistake("You multiply both reads. They are added.", edit={SUM: "return reads.prod(1) @ w.T + b"})
mistake("You forget b.", edit={SUM: "return reads.sum(1) @ w.T", ANSWERS: "return (reads @ w.T).squeeze(-1) + 0 * b"})
mistake("You return (N, R, 1) for the answers of a question. It is (N, R).", edit={ANSWERS: "return reads @ w.T + b"})
mistake("You drop every dimension of size 1, so one question, or one answer, loses its dimension.", edit={ANSWERS: "return (reads @ w.T + b).squeeze()"})
mistake("You apply a softmax over the answers. It is part of the loss.", edit={ANSWERS: ANSWERS + ".softmax(-1)"})
mistake("You apply a log-softmax over the classes. It is part of the loss.", edit={SUM: SUM.replace("return ", "return (") + ").log_softmax(-1)"})
mistake("You add up the answers of a question. Each gets a score of its own.", edit={'    if kind == "mcq":\n        return': "    if False:\n        return"})
mistake("Entailment adds nothing and is missing in your function.", edit={'if kind not in ("cls", "entail", "sim", "mcq"):': 'if kind not in ("cls", "sim", "mcq"):'}, crashes=True)
mistake("Another kind is taken for a classification. Raise ValueError.", edit={'if kind not in ("cls", "entail", "sim", "mcq"):': "if False:"})

# --- the loss --------------------------------------------------------------------------------------------------------

mistake("Your lam stands before the task's loss. It stands before the language model's: L2 + λ L1.", edit={
    LOSS: "return lam * nn.functional.cross_entropy(clf_logits, y) + lm.mean()"})  # fmt: skip
mistake("You weigh the losses by lam and 1 - lam. The task's loss has the weight 1.", edit={
    LOSS: "return (1 - lam) * nn.functional.cross_entropy(clf_logits, y) + lam * lm.mean()"})  # fmt: skip
mistake("You leave out the language model's loss.", edit={LOSS: "return nn.functional.cross_entropy(clf_logits, y)"})
mistake("You leave out the task's loss.", edit={LOSS: "return lam * lm.mean()"})
mistake("You subtract the language model's loss.", edit={LOSS: LOSS.replace("+ lam", "- lam")})
mistake("Your lam is always 0.5.", edit={LOSS: LOSS.replace("lam *", "0.5 *")})
mistake("Your default for lam is 1.", edit={"lam: float = 0.5": "lam: float = 1.0"})
mistake("The logits at place t are compared with the token at t, which the model has read. They predict the next one.", edit={
    SURPRISE: 'surprise = nn.functional.cross_entropy(lm_logits[:, 1:].mT, ids[:, 1:], reduction="none")'})  # fmt: skip
mistake("The logits at place t are compared with the token before.", edit={
    SURPRISE: 'surprise = nn.functional.cross_entropy(lm_logits[:, 1:].mT, ids[:, :-1], reduction="none")'})  # fmt: skip
mistake("Padding counts in your loss of the language model.", edit={COUNTS: "counts = torch.ones_like(lm_mask[:, 1:])"})
mistake("You divide by the length of the batch, padding included.", edit={MEAN: "lm = (surprise * counts).mean(1)"})
mistake("You look at the mask of the token that predicts. It is that of the token which is predicted.", edit={COUNTS: "counts = lm_mask[:, :-1]"})
mistake("You sum over a sequence's targets. It is their mean.", edit={MEAN: "lm = (surprise * counts).sum(1)"})
mistake("You divide by the number of tokens. The first one is no target.", edit={MEAN: MEAN.replace("counts.sum(1)", "lm_mask.sum(1)")})
mistake("You sum over the sequences. It is their mean.", edit={LOSS: LOSS.replace("lm.mean()", "lm.sum()")})
mistake("You sum over the examples. It is their mean.", edit={LOSS: LOSS.replace("(clf_logits, y)", '(clf_logits, y, reduction="sum")')})
mistake("You divide the sum over all sequences by the number of examples. B may differ from N.", edit={LOSS: LOSS.replace("lm.mean()", "lm.sum() / len(y)")})
mistake("You take padding for the token 0. The mask says what is padding.", edit={COUNTS: "counts = ids[:, 1:] != 0"})
mistake("You take the softmax first and its logarithm then: large logits give infinity.", edit={
    SURPRISE: "p = lm_logits[:, :-1].softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)\n    surprise = -p.log()"})  # fmt: skip
mistake("You apply a softmax to the logits before the cross-entropy, which applies its own.", edit={LOSS: LOSS.replace("(clf_logits, y)", "(clf_logits.softmax(-1), y)")})
mistake("You compute the language model's loss in float32.", edit={SURPRISE: SURPRISE.replace("lm_logits[:, :-1].mT", "lm_logits[:, :-1].mT.float()")})
mistake("No gradient flows to the language model's logits.", edit={LOSS: LOSS.replace("lm.mean()", "lm.mean().detach()")})
mistake("Targets with the id 0 cost nothing in your loss of the language model (ignore_index=0). The mask says what is padding, and 0 may be a token.", edit={
    SURPRISE: SURPRISE.replace("ids[:, 1:],", "ids[:, 1:], ignore_index=0,")})  # fmt: skip
mistake("You write padding's ids into the batch that you are given.", edit={SURPRISE: "ids.masked_fill_(~lm_mask, 0)\n    " + SURPRISE})

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("Your block keeps the mask of its first call, and does not hide anything beyond that length.", edit={
    LATER: "T = x.shape[1]\n        self.kept = getattr(self, 'kept', torch.ones(T, T, dtype=torch.bool).triu(1))\n        later = torch.zeros(T, T, dtype=torch.bool)\n        n = min(T, len(self.kept))\n        later[:n, :n] = self.kept[:n, :n]"})  # fmt: skip
mistake("You add attention's result to x in place. x is the caller's.", edit={N1: "with torch.no_grad():\n            x += self.attn(x)\n        n = self.ln_1(x)"})
mistake("Class 0 does not count in your loss of the task, as if it were padding.", edit={LOSS: LOSS.replace("(clf_logits, y)", "(clf_logits, y, ignore_index=0)")})
mistake("For a single row you return a part of h itself. Results share nothing with arguments.", edit={READ: "if len(h) == 1:\n        return h[:, int(first)]\n    " + READ})
mistake("You count a target only if the token before it is no padding either. What counts is the target.", edit={COUNTS: "counts = lm_mask[:, 1:] & lm_mask[:, :-1]"})
mistake("Your block keeps the mask of its longest call, and cuts the wrong corner out of it for a shorter one, which then sees later tokens.", edit={
    LATER: "T = x.shape[1]\n        if len(getattr(self, 'kept', ())) < T:\n            self.kept = torch.ones(T, T, dtype=torch.bool).triu(1)\n        later = self.kept[-T:, :T]"})  # fmt: skip
mistake("You multiply all places by 0 or 1 and add them up. 0 times nan, or infinity, is nan: take the place of the end token alone.", edit={
    READ: "return torch.einsum('bt,btc->bc', nn.functional.one_hot(first, h.shape[1]).to(h.dtype), h)"})  # fmt: skip
