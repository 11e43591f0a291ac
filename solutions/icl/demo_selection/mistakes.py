"""Wrong ways to write icl/demo_selection, each with the sentence that a student should read."""

from autograder.checks import mistake

COSINES = "return dots.masked_fill(zero, 0.0) / norms.masked_fill(zero, 1.0)"
NEAR = 'near = cosines(x, pool) if metric == "cosine" else -(pool - x).norm(dim=-1)'
LEFT = "left = [i for i in range(len(pool)) if i not in exclude]"
BOUND = "if not 1 <= k <= len(left):"
SORTED = "return sorted(left, key=lambda i: (-values[i], i))[:k][::-1]"
FIRST = "first = max(range(len(pool)), key=lambda i: relevance[i])"
VALUE = "lam * relevance[i] - (1 - lam) * twice[i]"
MORE = "redundancy = torch.maximum(redundancy, cosines(pool[chosen[-1]], pool))"
TERM = "rare[word] * f * (k1 + 1) / (f + k1 * (1 - b + b * len(docs[i]) / mean_length))"
ODDS = "word: (N - n + 0.5) / (n + 0.5)"
FLOOR = "floor = 0.25 * sum(rare.values()) / len(rare)"
HAVING = "having = Counter(word for count in counts for word in count)"
BEST = "best = sorted(numbers, key=lambda i: (-scores[i], i))"
WORST = "worst = sorted(numbers, key=lambda i: (scores[i], i))"
OTHERS = "others = sorted((j for j in range(len(docs)) if j != i), key=lambda j: (-fit[j], j))"
CANDIDATES = "candidates = sorted(others[:n])"
BACK = "return [candidates[j] for j in positives], [candidates[j] for j in negatives]"

# --- nearest neighbours ----------------------------------------------------------------------------------------------------

mistake("The nearest example stands first. It is the last one, next to the question.", edit={SORTED: "return sorted(left, key=lambda i: (-values[i], i))[:k]"})
mistake("You take the dot product for the cosine: long vectors win. Divide by both lengths.", edit={COSINES: "return pool @ x"})
mistake("The examples' vectors are not divided by their lengths.", edit={COSINES: "return pool @ x / x.norm().clamp(min=1e-30)"})
mistake("A zero vector gives nan. Its cosine is 0 with everything.", edit={COSINES: "return pool @ x / (x.norm() * pool.norm(dim=-1))"})
mistake("You add 1 to the lengths, to keep zero away. That changes every cosine of short vectors.", edit={COSINES: "return pool @ x / (norms + 1.0)"})
mistake("You use torch's normalize, which has 1e-12 below each length: the cosine of shorter vectors comes out too small. A vector that is not zero may be as short as 1e-15.", edit={
    COSINES: "return torch.nn.functional.normalize(pool, dim=-1) @ torch.nn.functional.normalize(x, dim=-1)"})
mistake("You make the vectors float32, so float64 vectors that are nearly equal become equal. Compute in the dtype of the vectors.", edit={NEAR: "x, pool = x.float(), pool.float()\n    " + NEAR})
mistake("The farthest examples are chosen.", edit={SORTED: "return sorted(left, key=lambda i: (values[i], i))[:k][::-1]"})
mistake("With metric='euclidean' the farthest examples are chosen: a small distance is near.", edit={NEAR: NEAR.replace("-(pool", "(pool")})
mistake("The metric is ignored.", edit={NEAR: "near = cosines(x, pool)"})
mistake("The default metric is the distance. It is the cosine.", edit={'metric: str = "cosine"': 'metric: str = "euclidean"'})
mistake("Your distance is that of the sums of absolute differences. It is the Euclidean one.", edit={NEAR: NEAR.replace("norm(dim=-1)", "abs().sum(-1)")})
mistake("Your distance is the largest difference of a coordinate. It is the Euclidean one.", edit={NEAR: NEAR.replace("norm(dim=-1)", "abs().amax(-1)")})
mistake("The absolute cosine counts: opposite vectors are near. They are the farthest ones.", edit={NEAR: NEAR.replace("cosines(x, pool)", "cosines(x, pool).abs()")})
mistake("exclude is ignored: the question itself is found first.", edit={LEFT: "left = list(range(len(pool)))"})
mistake("Only the first excluded example is left out.", edit={LEFT: "left = [i for i in range(len(pool)) if i not in exclude[:1]]"})
mistake("Examples are excluded after k have been chosen, so that fewer than k remain.", edit={SORTED: "return [i for i in sorted(range(len(pool)), key=lambda i: (-values[i], i))[:k] if i not in exclude][::-1]"})
mistake("An example with the same vector as the question is left out. Only what exclude names is.", edit={LEFT: "left = [i for i in range(len(pool)) if i not in exclude and not torch.equal(pool[i], x)] or list(range(len(pool)))"})
mistake("The numbers are those of the list without the excluded examples. Use the pool's own numbers.", edit={SORTED: "order = sorted(left, key=lambda i: (-values[i], i))[:k][::-1]\n    return [left.index(i) for i in order]"})
mistake("Of equally near examples the larger number counts as nearer. The smaller one does.", edit={SORTED: "return sorted(left, key=lambda i: (-values[i], -i))[:k][::-1]"})
mistake("You sort from far to near and cut the end off: of equally near examples the smaller number stands farther away.", edit={SORTED: "return sorted(left, key=lambda i: values[i])[-k:]"})
mistake("The chosen examples stand in the order of their numbers. They stand from far to near.", edit={SORTED: "return sorted(sorted(left, key=lambda i: (-values[i], i))[:k])"})
mistake("Another metric is taken for the distance. It raises ValueError.", edit={'if metric not in ("cosine", "euclidean"):': "if False:"})
mistake("k = 0 gives an empty list. It raises ValueError.", edit={BOUND: "if not 0 <= k <= len(left):"})
mistake("If k is too large you return fewer examples. It raises ValueError.", edit={BOUND: "if k < 1:"})
mistake("k is compared with the whole pool. Only the examples that are left count.", edit={BOUND: "if not 1 <= k <= len(pool):"})
mistake("You return tensors in place of Python's ints.", edit={SORTED: "return [torch.tensor(i) for i in sorted(left, key=lambda i: (-values[i], i))[:k][::-1]]"})
mistake("The pool is normalized in place. Nothing that is passed in may change.", edit={COSINES: "pool /= pool.norm(dim=-1, keepdim=True).clamp(min=1e-30)\n    return pool @ x / x.norm().clamp(min=1e-30)"})

# --- MMR ----------------------------------------------------------------------------------------------------------------------

mistake("The first example follows the formula with nothing chosen: for lam = 0 any one will do. The first is the most similar one.", edit={FIRST: "first = max(range(len(pool)), key=lambda i: lam * relevance[i])"})
mistake("You make the vectors float32 before you choose different ones, so float64 vectors that are nearly equal become equal. Compute in the dtype of the vectors.", edit={"relevance = cosines(x, pool).tolist()": "x, pool = x.float(), pool.float()\n    relevance = cosines(x, pool).tolist()"})
mistake("Redundancy is the largest cosine with the whole pool. Only chosen examples count.", edit={"twice = redundancy.tolist()": "twice = [max(cosines(pool[i], pool)[j].item() for j in range(len(pool)) if j != i) for i in range(len(pool))]"})
mistake("Redundancy is the cosine with the last chosen example alone. Take the largest one with all chosen.", edit={MORE: "redundancy = cosines(pool[chosen[-1]], pool)"})
mistake("Redundancy is that with the first chosen example alone.", edit={MORE: "pass"})
mistake("Redundancy is the mean over the chosen examples. It is the largest cosine.", edit={"twice = redundancy.tolist()": "twice = torch.stack([cosines(pool[j], pool) for j in chosen]).mean(0).tolist()"})
mistake("Redundancy is the sum over the chosen examples. It is the largest cosine.", edit={"twice = redundancy.tolist()": "twice = torch.stack([cosines(pool[j], pool) for j in chosen]).sum(0).tolist()"})
mistake("Redundancy is the smallest cosine. One near twin is enough to make an example redundant: take the largest.", edit={"torch.maximum": "torch.minimum"})
mistake("Redundancy is never below 0 in yours. An example that points away from all chosen ones has a bonus.", edit={"twice = redundancy.tolist()": "twice = redundancy.clamp(min=0).tolist()"})
mistake("Redundancy is added. It is taken off.", edit={VALUE: "lam * relevance[i] + (1 - lam) * twice[i]"})
mistake("lam and 1 - lam are exchanged.", edit={VALUE: "(1 - lam) * relevance[i] - lam * twice[i]"})
mistake("lam multiplies nearness, and redundancy counts in full. It has the factor 1 - lam.", edit={VALUE: "lam * relevance[i] - twice[i]"})
mistake("The default of lam is not 0.5.", edit={"lam: float = 0.5": "lam: float = 0.7"})
mistake("Chosen examples can be chosen again.", edit={"rest = [i for i in range(len(pool)) if i not in chosen]": "rest = list(range(len(pool)))"})
mistake("The order is reversed, as in knn_demos. Here the order of choosing is asked.", edit={"        redundancy = torch.maximum(redundancy, cosines(pool[chosen[-1]], pool))\n    return chosen": "        redundancy = torch.maximum(redundancy, cosines(pool[chosen[-1]], pool))\n    return chosen[::-1]"})
mistake("The result is sorted by number.", edit={"        redundancy = torch.maximum(redundancy, cosines(pool[chosen[-1]], pool))\n    return chosen": "        redundancy = torch.maximum(redundancy, cosines(pool[chosen[-1]], pool))\n    return sorted(chosen)"})
mistake("Of equal values the largest number wins. The smallest one does.", edit={"rest = [i for i in range(len(pool)) if i not in chosen]": "rest = [i for i in reversed(range(len(pool))) if i not in chosen]"})
mistake("MMR with dot products: long vectors win. Similar means a large cosine.", edit={"relevance = cosines(x, pool).tolist()": "relevance = (pool @ x).tolist()"})
mistake("You multiply the squares of two lengths before you take the root. For lengths of 1e14 that is beyond float32: multiply the lengths.", edit={
    "relevance = cosines(x, pool).tolist()": "gram = pool @ pool.T\n    square = gram.diagonal()\n    among = gram / (square[:, None] * square).sqrt().clamp(min=1e-37)\n    relevance = cosines(x, pool).tolist()",
    "cosines(pool[first], pool)": "among[first]", "cosines(pool[chosen[-1]], pool)": "among[chosen[-1]]"})
mistake("Among the examples you take dot products. Similar means a large cosine there, too.", edit={"cosines(pool[first], pool)": "pool @ pool[first]", MORE: "redundancy = torch.maximum(redundancy, pool @ pool[chosen[-1]])"})
mistake("All k are chosen at once by their values against the first one. Choose one after the other.", edit={"    while len(chosen) < k:": "    rest = sorted((i for i in range(len(pool)) if i != chosen[0]), key=lambda i: -(lam * relevance[i] - (1 - lam) * redundancy[i].item()))\n    chosen += rest[: k - 1]\n    while len(chosen) < k:"})
mistake("You search among the k nearest only, so it is their order that changes. All N examples may be chosen.", edit={"rest = [i for i in range(len(pool)) if i not in chosen]": "near = sorted(range(len(pool)), key=lambda i: -relevance[i])[:k]\n        rest = sorted(i for i in near if i not in chosen)"})
mistake("lam beyond 0 and 1 is accepted. It raises ValueError.", edit={"if not (1 <= k <= len(pool) and 0 <= lam <= 1):": "if not 1 <= k <= len(pool):"})
mistake("k beyond 1 and N is accepted. It raises ValueError.", edit={"if not (1 <= k <= len(pool) and 0 <= lam <= 1):": "k = min(k, len(pool))\n    if not 0 <= lam <= 1:"})

# --- BM25 ------------------------------------------------------------------------------------------------------------------------

mistake("The length of a document does not count.", edit={TERM: "rare[word] * f * (k1 + 1) / (f + k1)"})
mistake("Length is taken without the mean length.", edit={TERM: TERM.replace(" / mean_length", "")})
mistake("b and 1 - b are exchanged.", edit={TERM: TERM.replace("1 - b + b * len", "b + (1 - b) * len")})
mistake("Length counts the different words. It is the number of all words.", edit={TERM: TERM.replace("len(docs[i])", "len(count)")})
mistake("How often a word stands in a document does not count.", edit={"if f := count[word]:": "if f := min(1, count[word]):"})
mistake("k1 stands without the factor k1 + 1 above.", edit={TERM: TERM.replace("f * (k1 + 1)", "f")})
mistake("Frequency is not saturated: twice as many is twice as good.", edit={TERM: "rare[word] * f"})
mistake("A word twice in the query counts once. It counts twice.", edit={"for word in query:": "for word in dict.fromkeys(query):"})
mistake("n is how often all documents together have the word. It is the number of documents that have it.", edit={HAVING: "having = Counter(word for doc in docs for word in doc)", ODDS: "word: max(N - n + 0.5, 0.25) / (n + 0.5)"})
mistake("The idf is ln(N / n). It has the halves of the docstring.", edit={ODDS: "word: N / n"})
mistake("The halves are left out of the idf.", edit={ODDS: "word: max(N - n, 1e-9) / n"})
mistake("The idf is upside down: frequent words count most.", edit={ODDS: "word: (n + 0.5) / (N - n + 0.5)"})
mistake("Negative idf stay: a document loses by having a word. They are replaced by 0.25 times the mean.", edit={"value if value >= 0 else floor": "value"})
mistake("Negative idf become 0. They are replaced by 0.25 times the mean.", edit={FLOOR: "floor = 0.0"})
mistake("Negative idf become 0.25. They are replaced by 0.25 times the mean.", edit={FLOOR: "floor = 0.25"})
mistake("Negative idf become their absolute value.", edit={"value if value >= 0 else floor": "abs(value)"})
mistake("The mean is over the positive idf. It is over all, the negative ones as they were.", edit={FLOOR: "floor = 0.25 * sum(v for v in rare.values() if v > 0) / max(sum(v > 0 for v in rare.values()), 1)"})
mistake("The mean counts a word as often as it stands in the documents. Each different word counts once.", edit={FLOOR: "floor = 0.25 * sum(rare[w] for doc in docs for w in doc) / sum(map(len, docs))"})
mistake("The mean is over the query's words. It is over all words of the documents.", edit={FLOOR: "floor = 0.25 * sum(rare.get(w, 0.0) for w in set(query)) / max(len(set(query)), 1)"})
mistake("Small idf are lifted to 0.25 times the mean, too. Only negative ones are.", edit={"value if value >= 0 else floor": "max(value, floor)"})
mistake("An idf of exactly 0 is replaced, too. Only negative ones are.", edit={"value if value >= 0 else floor": "value if value > 0 else floor"})
mistake("A mean that is negative becomes 0. It stays.", edit={FLOOR: "floor = max(0.0, 0.25 * sum(rare.values()) / len(rare))"})
mistake("Lucene's idf lacks the 1.", edit={"1 + each if idf": "each if idf"})
mistake("idf is always Lucene's.", edit={'1 + each if idf == "lucene" else each': "1 + each", "if rare:": "if False:"})
mistake("The default idf is Lucene's. It is okapi's.", edit={'idf: str = "okapi"': 'idf: str = "lucene"'})
mistake("k1 is 1.2 by default, as Lucene's is. Here it is 1.5.", edit={"k1: float = 1.5": "k1: float = 1.2"})
mistake("Another idf is taken for okapi's. It raises ValueError.", edit={'if idf not in ("okapi", "lucene"):': "if False:"})
mistake("Logarithms to the base 2.", edit={"math.log(1 + each if": "math.log2(1 + each if"})
mistake("Scores are divided by the number of words in the query.", edit={"return scores\n": "return scores / max(len(query), 1)\n"})
mistake("Documents without any word divide by 0.", edit={"mean_length = sum(map(len, docs)) / N": "mean_length = 1 / (1 / (sum(map(len, docs)) / N))"}, crashes=True)
mistake("Empty documents are left out of N and of the mean length.", edit={"N, counts = len(docs), [Counter(doc) for doc in docs]": "N, counts = max(sum(map(bool, docs)), 1), [Counter(doc) for doc in docs]", "torch.zeros(N, dtype=torch.float64)": "torch.zeros(len(docs), dtype=torch.float64)"})
mistake("Scores are float32.", edit={"torch.zeros(N, dtype=torch.float64)": "torch.zeros(N)"})

# --- EPR --------------------------------------------------------------------------------------------------------------------------

mistake("Negatives stand with the largest first. The smallest stands first.", edit={"return best[:k], worst[:k]": "return best[:k], worst[:k][::-1]"})
mistake("You put the scores into a float32 tensor, so scores that are nearly equal become equal. Python's floats have 16 digits: sort them as they are, or use float64.", edit={
    BEST: "scores = torch.tensor(scores).tolist()\n    " + BEST})
mistake("Positives and negatives are exchanged.", edit={"return best[:k], worst[:k]": "return worst[:k], best[:k]"})
mistake("Negatives are the end of the list of positives, so equal scores are in the wrong order.", edit={"return best[:k], worst[:k]": "return best[:k], best[::-1][:k]"})
mistake("Negatives are all that are not positive.", edit={"return best[:k], worst[:k]": "return best[:k], worst[: len(scores) - k]"})
mistake("Of equal scores the larger number comes first among the positives.", edit={BEST: "best = sorted(numbers, key=lambda i: (-scores[i], -i))"})
mistake("An example can be positive and negative at once. Less than 2 k candidates raise ValueError.", edit={"if not 1 <= k <= len(scores) / 2:": "if not 1 <= k <= len(scores):"})
mistake("k = 0 gives two empty lists. It raises ValueError.", edit={"if not 1 <= k <= len(scores) / 2:": "if not k <= len(scores) / 2:"})
mistake("Exactly 2 k candidates are refused. They are enough.", edit={"if not 1 <= k <= len(scores) / 2:": "if not 1 <= k < len(scores) / 2:"}, crashes=True)
mistake("Impossible candidates are left out. -inf is the smallest score.", edit={WORST: "worst = sorted((i for i in numbers if scores[i] > -1e300), key=lambda i: (scores[i], i))"})
mistake("The example itself is among its candidates: it fits best. Leave it out.", edit={OTHERS: OTHERS.replace(" if j != i", "")})
mistake("The example itself is left out of the documents, so numbers and idf change. All N documents count.", edit={"fit = bm25(docs[i], docs).tolist()": "fit = bm25(docs[i], docs[:i] + docs[i + 1 :]).tolist()\n    fit.insert(i, 0.0)"})
mistake("The language model is asked about all examples. Only the n candidates are.", edit={"return [candidates[j] for j in positives]": "[score(j) for j in others]\n    return [candidates[j] for j in positives]"})
mistake("The language model is asked twice about each candidate.", edit={"epr_labels([score(j) for j in candidates], k)": "epr_labels([max(score(j), score(j)) for j in candidates], k)"})
mistake("The numbers are places in the list of candidates. The examples' own numbers are asked.", edit={BACK: "return positives, negatives"})
mistake("Candidates stay in the order of the search, so of equal scores the better fit comes first. The smaller number does.", edit={CANDIDATES: "candidates = others[:n]"})
mistake("The search alone decides: the best fits are positive, the worst negative.", edit={"epr_labels([score(j) for j in candidates], k)": "epr_labels([0.0 * score(j) + fit[j] for j in candidates], k)"})
mistake("The candidates are the n examples that fit worst.", edit={OTHERS: OTHERS.replace("-fit[j]", "fit[j]")})
mistake("n counts the example itself: one candidate is missing.", edit={CANDIDATES: "candidates = sorted(others[: n - 1])"})
mistake("Of examples that fit equally well the larger number becomes a candidate.", edit={OTHERS: OTHERS.replace("(-fit[j], j)", "(-fit[j], -j)")})
mistake("Examples without a shared word are no candidates in yours. The n best fits are, whatever their score.", edit={CANDIDATES: "candidates = sorted(j for j in others[:n] if fit[j] > 0)"}, crashes=True)
mistake("Twins of the example are left out as well. Only the example itself is.", edit={OTHERS: OTHERS.replace("if j != i)", "if docs[j] != docs[i])")}, crashes=True)

# --- of other kinds ------------------------------------------------------------------------------------------------------------------

mistake("The mean length is over documents with words. It is over all N.", edit={"mean_length = sum(map(len, docs)) / N": "mean_length = sum(map(len, docs)) / max(sum(map(bool, docs)), 1)"})
mistake("Words are made small. They are compared as they are.", edit={"N, counts = len(docs), [Counter(doc) for doc in docs]": "query, docs = [w.lower() for w in query], [[w.lower() for w in doc] for doc in docs]\n    N, counts = len(docs), [Counter(doc) for doc in docs]"})
mistake("Cosines are rounded to two digits, so examples become equally near that are not.", edit={COSINES: "return (100 * (dots.masked_fill(zero, 0.0) / norms.masked_fill(zero, 1.0))).round() / 100"})
mistake("An example that points away from the question is never chosen early: its cosine becomes 0.", edit={COSINES: "return (dots.masked_fill(zero, 0.0) / norms.masked_fill(zero, 1.0)).clamp(min=0)"})
mistake("MMR starts with the first example of the pool.", edit={FIRST: "first = 0"})
mistake("The floor is a quarter of the idf of the word itself.", edit={"value if value >= 0 else floor": "value if value >= 0 else 0.25 * value"})
mistake("The factor of the floor is 0.5. It is 0.25.", edit={FLOOR: "floor = 0.5 * sum(rare.values()) / len(rare)"})
mistake("With fewer than n others your code raises an error. All others are candidates then.", edit={CANDIDATES: "candidates = sorted(others[j] for j in range(n))"}, crashes=True)
mistake("epr_pairs searches with Lucene's idf. It uses bm25 with its defaults.", edit={"fit = bm25(docs[i], docs).tolist()": 'fit = bm25(docs[i], docs, idf="lucene").tolist()'})
mistake("epr_pairs asks how well the example fits as a document to each other example. The example is the query.", edit={"fit = bm25(docs[i], docs).tolist()": "fit = [bm25(doc, docs)[i].item() for doc in docs]"})

# --- of other kinds ---------------------------------------------------------------------------------------------------------------------

mistake("Distances are computed as x² - 2xe + e²: far from the origin nothing is left of them. Subtract the vectors first.", edit={NEAR: 'near = cosines(x, pool) if metric == "cosine" else 2 * pool @ x - (pool**2).sum(-1)'})
mistake("You use torch's cosine_similarity as it is: it takes lengths below 1e-8 for 1e-8. Only a zero vector has the cosine 0.", edit={COSINES: "return torch.nn.functional.cosine_similarity(pool, x[None])"})
mistake("Products of lengths below 1e-8 become 1e-8, so short vectors have small cosines. Only a zero vector has the cosine 0.", edit={COSINES: "return dots / norms.clamp(min=1e-8)"})
mistake("Negative scores of bm25 become 0 in epr_pairs. If most words are frequent, they say which examples fit better.", edit={"fit = bm25(docs[i], docs).tolist()": "fit = bm25(docs[i], docs).clamp(min=0).tolist()"})
mistake("n = 0 means all examples in yours. There is no candidate then, and it raises ValueError.", edit={CANDIDATES: "candidates = sorted(others[: n or None])"})
mistake("The values of MMR are rounded to six digits. The largest one counts.", edit={VALUE: f"round({VALUE}, 6)"})
mistake("How often a word stands in a document counts up to 20 only. It counts as often as it is there.", edit={TERM: TERM.replace("(f + k1", "(min(f, 20) + k1")})
mistake("You multiply the squares of both lengths before you take the root. In float32 that is infinite for long vectors: take each root first.", edit={"norms = x.norm() * pool.norm(dim=-1)": "norms = (x.square().sum() * pool.square().sum(-1)).sqrt()"})
mistake("You use torch.cdist as it is. From 26 rows on it computes distances from products: far from the origin nothing is left of them.", edit={NEAR: NEAR.replace("(pool - x).norm(dim=-1)", "torch.cdist(x[None], pool)[0]")})
