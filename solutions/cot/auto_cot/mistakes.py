"""Wrong ways to write cot/auto_cot, each with the sentence that a student should read."""

import re

import torch

from autograder.checks import mistake

# --- where to begin ---------------------------------------------------------------------------------------------------------

CHOSEN = "chosen.append(int(nearest.argmax()))"
NEAREST = "nearest = torch.minimum(nearest, _squared(x, x[chosen[-1:]])[:, 0])"
mistake("The point that is farthest from the last one is taken. It has to be far from all that were chosen: what counts is the distance to the nearest of them.", edit={NEAREST: "nearest = _squared(x, x[chosen[-1:]])[:, 0]"})
mistake("Distances to all chosen points are added up. What counts is the distance to the nearest of them.", edit={NEAREST: "nearest = nearest + _squared(x, x[chosen[-1:]])[:, 0].sqrt()", "nearest = _squared(x, x[:1])[:, 0]": "nearest = _squared(x, x[:1])[:, 0].sqrt()"})
mistake("The largest of the distances to the chosen points counts in your code. It is the smallest.", edit={NEAREST: NEAREST.replace("torch.minimum", "torch.maximum")})
mistake("Distances are always measured from the first point.", edit={NEAREST: "nearest[chosen[-1]] = -1.0"})
mistake("The nearest point is taken, not the farthest one.", edit={CHOSEN: "chosen.append(int(nearest.argmin()))"})
mistake("Of equally far points the last one is taken. It is the first one.", edit={CHOSEN: "chosen.append(len(x) - 1 - int(nearest.flip(0).argmax()))"})
mistake("The point nearest to the mean is the first center. It is x[0].", edit={"    chosen = [0]\n    nearest = _squared(x, x[:1])[:, 0]": "    chosen = [int(_squared(x, x.mean(0, keepdim=True))[:, 0].argmin())]\n    nearest = _squared(x, x[chosen])[:, 0]"})
mistake("The first k points are taken, wherever they lie.", edit={CHOSEN: "chosen.append(len(chosen))"})
mistake("You return numbers of points. The points themselves are wanted.", edit={"    return x[chosen]": "    return x.new_tensor(chosen)[:, None].expand(-1, x.shape[1]).clone()"})
mistake("Distances are sums of absolute differences. They are Euclidean.", edit={"return ((x[:, None] - centers) ** 2).sum(-1)": "return (x[:, None] - centers).abs().sum(-1)"})
mistake("You compare directions (cosines). k-means uses Euclidean distances.", edit={"return ((x[:, None] - centers) ** 2).sum(-1)": "return 1 - torch.nn.functional.cosine_similarity(x[:, None], centers, dim=-1)"})
mistake("A k of 0 passes. It raises ValueError.", edit={"if not 1 <= k <= len(x):": "if k < 0 or k > len(x):"})
mistake("A k above the number of points passes. It raises ValueError.", edit={"if not 1 <= k <= len(x):": "if k < 1:"})


@mistake("You stop when all different points are chosen, so there are fewer than k. Points repeat then.")
def initial_centers(x, k):
    if not 1 <= k <= len(x):
        raise ValueError
    chosen = [0]
    while len(chosen) < k:
        nearest = ((x[:, None] - x[chosen]) ** 2).sum(-1).amin(1)
        if nearest.max() == 0:
            break
        chosen.append(int(nearest.argmax()))
    return x[chosen]


@mistake("If k is 1, the result is a view of x: who changes a center changes the point. Return a copy.")
def initial_centers(x, k):
    if not 1 <= k <= len(x):
        raise ValueError
    chosen = [0]
    while len(chosen) < k:
        chosen.append(int(((x[:, None] - x[chosen]) ** 2).sum(-1).amin(1).argmax()))
    return x[:1] if k == 1 else x[chosen]


# --- k-means ------------------------------------------------------------------------------------------------------------------

COPY = "    centers = centers.clone()\n"
FIRST = "labels = _squared(x, centers).argmin(1)\n    for"
LOOP = "for number in labels.unique():"
MEAN = "centers[number] = x[labels == number].mean(0)"
NEXT = "before, labels = labels, _squared(x, centers).argmin(1)"
STOP = "        if labels.equal(before):\n            break\n"
mistake("The centers that were given are moved. Nothing that is passed in may change: work on a copy.", edit={COPY: ""})
mistake("A cluster without points gets the mean of nothing, nan. Its center stays.", edit={LOOP: "for number in range(len(centers)):"})
mistake("A cluster without points moves to the origin. Its center stays.", edit={LOOP: "for number in range(len(centers)):", MEAN: "centers[number] = x[labels == number].sum(0) / max(int((labels == number).sum()), 1)"})
mistake("A center without points is dropped, and the numbers of the others change. It stays.", edit={"    return labels, centers\n": "    used = labels.unique()\n    return torch.searchsorted(used, labels), centers[used]\n"})
mistake("A center without points jumps to the point that is farthest from all centers, as in scikit-learn. It stays where it is.", edit={NEXT: "empty = [c for c in range(len(centers)) if c not in labels.tolist()]\n        for c in empty:\n            centers[c] = x[_squared(x, centers).amin(1).argmax()]\n        " + NEXT})
mistake("The center moves to the median. It is the mean.", edit={MEAN: "centers[number] = x[labels == number].median(0).values"})
mistake("The center moves to the member that is nearest to the mean. It is the mean itself.", edit={MEAN: "members = x[labels == number]\n            centers[number] = members[((members - members.mean(0)) ** 2).sum(1).argmin()]"})
mistake("The sum of the members is not divided by their number.", edit={MEAN: "centers[number] = x[labels == number].sum(0)"})
mistake("Of equally near centers the last one is taken. It is the first one.", edit={FIRST: "labels = len(centers) - 1 - _squared(x, centers).flip(1).argmin(1)\n    for", NEXT: "before, labels = labels, len(centers) - 1 - _squared(x, centers).flip(1).argmin(1)"})
mistake("Points go to the farthest center.", edit={FIRST: FIRST.replace("argmin", "argmax"), NEXT: NEXT.replace("argmin", "argmax")})
mistake("Distances are compared with the sum over the wrong dimension.", edit={"** 2).sum(-1)  # (N, K)": "** 2).amax(-1)  # (N, K)"})
mistake("The labels that are returned are those from before the last move. They must fit the centers that are returned.", edit={NEXT: "before, labels = labels, _squared(x, centers).argmin(1)\n        old = before", FIRST: "labels = old = _squared(x, centers).argmin(1)\n    for", "    return labels, centers\n": "    return old, centers\n"})
mistake("One round too few: with iters = 1 no center moves.", edit={"for _ in range(iters):": "for _ in range(iters - 1):"})
mistake("One round too many: with iters = 0 the centers move once.", edit={"for _ in range(iters):": "for _ in range(iters + 1):"})
mistake("iters is ignored.", edit={"for _ in range(iters):": "for _ in range(100):"})
mistake("You stop after three rounds by default. The default is 100.", edit={"iters: int = 100": "iters: int = 3"})
mistake("You stop when hardly any point changes its center. Stop when none does.", edit={STOP: "        if (labels != before).sum() <= 1:\n            break\n"})
mistake("After the first center has moved, the points are assigned anew before the others move. All centers move at once.", edit={LOOP: "for number in labels.unique().tolist():", MEAN: "centers[number] = x[labels == number].mean(0) if (labels == number).any() else centers[number]\n            labels = _squared(x, centers).argmin(1) if number == 0 else labels"})
mistake("The new center is the mean of the old one and of its points.", edit={MEAN: "centers[number] = (x[labels == number].sum(0) + centers[number]) / ((labels == number).sum() + 1)"})
mistake("Labels are int32.", edit={"    return labels, centers\n": "    return labels.int(), centers\n"})
mistake("Everything becomes float32. The centers have x's dtype.", edit={"    return labels, centers\n": "    return labels, centers.float()\n"})
mistake("The points are scaled to unit length first.", edit={COPY: COPY + "    x = torch.nn.functional.normalize(x, dim=1)\n"})

# --- usable ---------------------------------------------------------------------------------------------------------------------

RETURNED = 'return len(question) <= max_words and len(steps) <= max_steps and rationale.endswith(".") and answer != "" and answer in rationale'
STEPS = 'steps = [line for line in rationale.split("\\n") if line.strip()]'
SPLIT = "question, rationale, answer = item[0].split(), item[1].rstrip(), item[2].strip()"
mistake("A question of exactly max_words words is refused. At most max_words are allowed.", edit={RETURNED: RETURNED.replace("<= max_words", "< max_words")})
mistake("A rationale of exactly max_steps steps is refused. At most max_steps are allowed.", edit={RETURNED: RETURNED.replace("<= max_steps", "< max_steps")})
mistake("Steps are counted as sentences. A step is a line.", edit={STEPS: 'steps = [part for part in rationale.split(".") if part.strip()]'})
mistake("Blank lines count as steps.", edit={STEPS: 'steps = rationale.split("\\n")'})
mistake("Line breaks are counted, so there may be one step more.", edit={STEPS: 'steps = [line for line in rationale.split("\\n") if line.strip()][1:]'})
mistake("Only lines without any character are no steps. Lines of white space are blank, too.", edit={STEPS: 'steps = [line for line in rationale.split("\\n") if line]'})
mistake("Characters of the question are counted, not words.", edit={SPLIT: SPLIT.replace("item[0].split()", "item[0]")})
mistake("The question is split at single spaces. Line breaks separate words, too.", edit={SPLIT: SPLIT.replace("item[0].split()", 'item[0].split(" ")')})
mistake("The words of the rationale are counted, not those of the question.", edit={SPLIT: SPLIT.replace("item[0].split()", "item[1].split()")})
mistake("A rationale that was cut off is shown. It must end with a full stop.", edit={RETURNED: RETURNED.replace(' and rationale.endswith(".")', "")})
mistake("Any mark at the end will do in your code. It must be a full stop.", edit={RETURNED: RETURNED.replace('endswith(".")', 'endswith((".", "!", "?"))')})
mistake("White space behind the full stop makes an item unusable. It is taken off first.", edit={SPLIT: SPLIT.replace("item[1].rstrip()", "item[1]")})
mistake("An item without an answer is shown. The answer must not be empty.", edit={RETURNED: RETURNED.replace(' and answer != ""', "")})
mistake("The answer need not stand in the rationale. It must: else both contradict each other.", edit={RETURNED: RETURNED.replace(" and answer in rationale", "")})
mistake("The answer is looked up with the white space around it.", edit={SPLIT: SPLIT.replace("item[2].strip()", "item[2]")})
mistake("Capitals do not count for the answer in your code. It stands in the rationale as it is, or it does not.", edit={RETURNED: RETURNED.replace("answer in rationale", "answer.lower() in rationale.lower()")})
mistake("The answer must be a word of its own in your code. It need only stand somewhere in the rationale.", edit={RETURNED: RETURNED.replace("answer in rationale", "answer in rationale.rstrip('.').split()")})
mistake("It is enough if one of the conditions holds. All four must.", edit={RETURNED: "return len(question) <= max_words or len(steps) <= max_steps"})
mistake("max_words and max_steps are exchanged.", edit={"def usable(item: tuple[str, str, str], max_words: int = 60, max_steps: int = 5)": "def usable(item: tuple[str, str, str], max_steps: int = 5, max_words: int = 60)"})
mistake("The limit of steps is built in. It is an argument.", edit={RETURNED: RETURNED.replace("<= max_steps", "<= 5")})
mistake("The limit of words is built in. It is an argument.", edit={RETURNED: RETURNED.replace("<= max_words", "<= 60")})

mistake("The answer must stand in the last line in your code. It may stand anywhere in the rationale.", edit={RETURNED: RETURNED.replace("answer in rationale", "answer in (rationale.split(chr(10)) or [''])[-1]")})

# --- one example of each cluster --------------------------------------------------------------------------------------------------

DISTANCES = "distances = _squared(x, centers).gather(1, labels[:, None])[:, 0].tolist()"
MEMBERS = "members = [i for i, label in enumerate(labels.tolist()) if label == number and usable(items[i], max_words, max_steps)]"
PICKED = "            picked.append(min(members, key=distances.__getitem__))\n"
mistake("The distance to the origin decides. It is the distance to the cluster's own center.", edit={DISTANCES: "distances = (x**2).sum(1).tolist()"})
mistake("The distance to the nearest center of all decides. It is the cluster's own.", edit={DISTANCES: "distances = _squared(x, centers).amin(1).tolist()"})
mistake("The distance to the first center decides for all clusters.", edit={DISTANCES: "distances = _squared(x, centers)[:, 0].tolist()"})
mistake("You compute clusters anew from the centers. The labels that are given decide.", edit={DISTANCES: "labels = _squared(x, centers).argmin(1)\n    " + DISTANCES})
mistake("The first usable item of a cluster is taken. It is the one nearest to the center.", edit={PICKED: "            picked.append(members[0])\n"})
mistake("The farthest item is taken.", edit={PICKED: PICKED.replace("min(", "max(")})
mistake("Of equally near items the last one is taken. It is the first one.", edit={PICKED: "            picked.append(min(members, key=lambda i: (distances[i], -i)))\n"})
mistake("The nearest item is taken, usable or not.", edit={MEMBERS: "members = [i for i, label in enumerate(labels.tolist()) if label == number]"})
mistake("If the nearest item is not usable, the cluster gives none. The next one is tried.", edit={MEMBERS: "members = [i for i, label in enumerate(labels.tolist()) if label == number]", PICKED: "            best = min(members, key=distances.__getitem__)\n            picked += [best] if usable(items[best], max_words, max_steps) else []\n"})
mistake("A cluster without a usable item gives its nearest one all the same. It gives none.", edit={MEMBERS: MEMBERS + "\n        members = members or [i for i, label in enumerate(labels.tolist()) if label == number]"})
mistake("A cluster without a usable item stands in the list as -1. It gives none.", edit={PICKED: PICKED + "        else:\n            picked.append(-1)\n"})
mistake("The numbers are sorted. They stand in the order of the clusters.", edit={"    return picked\n": "    return sorted(picked)\n"})
mistake("The numbers stand in the order of the distances. They stand in the order of the clusters.", edit={"    return picked\n": "    return sorted(picked, key=distances.__getitem__)\n"})
mistake("Numbers are counted within the cluster. They are numbers of the items.", edit={PICKED: "            picked.append(members.index(min(members, key=distances.__getitem__)))\n"})
mistake("max_words and max_steps do not reach usable().", edit={MEMBERS: MEMBERS.replace("items[i], max_words, max_steps", "items[i]")})
mistake("Points and items of different number pass. They raise ValueError.", edit={"if len(items) != len(x):": "if len(items) < len(x):"})
mistake("Missing items are skipped. They raise ValueError.", edit={"if len(items) != len(x):": "if len(items) > len(x):", MEMBERS: MEMBERS.replace("label == number and", "i < len(items) and label == number and")})

# --- the prompt ---------------------------------------------------------------------------------------------------------------------

SHOWN = "shown = [f\"Q: {q.strip()}\\nA: {STEP_BY_STEP} {' '.join(r.split())} The answer is {a.strip()}.\\n\\n\" for q, r, a in items]"
PROMPT = 'return "".join(shown) + f"Q: {question.strip()}\\nA: {STEP_BY_STEP}"'
mistake("The new question comes without the words to begin with. The prompt ends with them.", edit={PROMPT: 'return "".join(shown) + f"Q: {question.strip()}\\nA:"'})
mistake("The examples come without \"Let's think step by step.\".", edit={SHOWN: SHOWN.replace("A: {STEP_BY_STEP} ", "A: ")})
mistake("The answers of the examples are missing.", edit={SHOWN: SHOWN.replace(" The answer is {a.strip()}.", "")})
mistake("The reasoning of the examples is missing.", edit={SHOWN: SHOWN.replace("{' '.join(r.split())} ", "")})
mistake("The rationale keeps its line breaks. It stands on one line.", edit={SHOWN: SHOWN.replace("{' '.join(r.split())}", "{r.strip()}")})
mistake("Line breaks become spaces, but several spaces stay.", edit={SHOWN: SHOWN.replace("{' '.join(r.split())}", "{r.strip().replace(chr(10), ' ')}")})
mistake("There is no empty line between two examples.", edit={SHOWN: SHOWN.replace(".\\n\\n", ".\\n")})
mistake("Nothing follows the last words: your prompt ends with a space or a line break.", edit={PROMPT: PROMPT.replace('{STEP_BY_STEP}"', '{STEP_BY_STEP} "')})
mistake("The question stands before the examples. It comes last.", edit={PROMPT: 'return f"Q: {question.strip()}\\nA: {STEP_BY_STEP}\\n\\n" + "".join(shown)'})
mistake("White space around question and answer stays.", edit={SHOWN: SHOWN.replace("{q.strip()}", "{q}").replace("{a.strip()}", "{a}")})
mistake("White space around the new question stays.", edit={PROMPT: PROMPT.replace("question.strip()", "question")})
mistake("All white space of the questions is put together. Only that at their ends goes.", edit={SHOWN: SHOWN.replace("{q.strip()}", "{' '.join(q.split())}")})
mistake("There is no full stop behind the answer.", edit={SHOWN: SHOWN.replace("{a.strip()}.", "{a.strip()}")})
mistake("Unusable items are left out of the prompt. That was decided before: every item that is given is shown.", edit={SHOWN: SHOWN.replace("for q, r, a in items]", "for q, r, a in items if usable((q, r, a))]")})

# --- least to most ---------------------------------------------------------------------------------------------------------------------

LINES = 'lines = [re.sub(r"^(?:[0-9]+[.)]|[-*])\\s+", "", line.strip()) for line in llm(f"{problem} {question}\\n{DECOMPOSE}").split("\\n")]'
SMALLER = "smaller = [line for line in lines if line and line != question][:limit]"
ANSWER = 'answer = next((line.strip() for line in llm(prompt).split("\\n") if line.strip()), "")'
mistake("The answers do not stand in the following prompts. Each question is asked with all that were answered before.", edit={'        prompt += f" {answer}"\n': '        prompt = problem\n'})
mistake("Only the questions stand in the following prompts, without their answers.", edit={'prompt += f" {answer}"': 'prompt += ""'})
mistake("Only the last answer stands in the prompt. All of them do.", edit={'        prompt += f" {answer}"\n': '        prompt = f"{problem}\\n\\nQ: {each}\\nA: {answer}"\n'})
mistake("The problem itself is missing in the prompts of the second stage.", edit={"prompt, answers = problem, []": 'prompt, answers = "", []'})
mistake("The question itself is not asked at the end: the last smaller answer is taken for it.", edit={"for each in [*smaller, question]:": "for each in smaller or [question]:", "return answers[-1], answers[:-1]": "return answers[-1], answers[:-1] if not smaller else answers"})
mistake("The question itself is asked twice, if the model lists it.", edit={SMALLER: "smaller = [line for line in lines if line][:limit]"})
mistake("Blank lines are asked as questions.", edit={SMALLER: "smaller = [line for line in lines if line != question][:limit]"})
mistake("A smaller question that differs from the question in capitals only is left out. It is asked.", edit={SMALLER: "smaller = [line for line in lines if line and line.lower() != question.lower()][:limit]"})
mistake("A smaller question that contains the question is left out. Only one that is equal to it is.", edit={SMALLER: "smaller = [line for line in lines if line and question not in line][:limit]"})
mistake("Lines without a question mark at the end are left out. Every line that is not blank is a smaller question.", edit={SMALLER: "smaller = [line for line in lines if line.endswith('?') and line != question][:limit]"})
mistake("There is no empty line between the problem and the questions.", edit={'prompt += f"\\n\\nQ: {each}\\nA:"': 'prompt += f"\\nQ: {each}\\nA:"'})
mistake("Numbers are taken off again and again: '- 1. b?' keeps its 1.", edit={LINES: LINES.replace("(?:[0-9]+[.)]|[-*])", "(?:[0-9]+[.)]|[-*]|\\s)+")})
mistake("Numbers stay in front of the smaller questions.", edit={LINES: 'lines = [line.strip() for line in llm(f"{problem} {question}\\n{DECOMPOSE}").split("\\n")]'})
mistake("Numbers and marks go even if no white space follows: '2.5 what?' loses its 2.", edit={LINES: LINES.replace("\\s+", "\\s*")})
mistake("Any digits in front go. They number the line only with a point or a bracket behind them.", edit={LINES: LINES.replace("[0-9]+[.)]", "[0-9]+[.)]?")})
mistake("Only numbers with one digit go.", edit={LINES: LINES.replace("[0-9]+", "[0-9]")})
mistake("Only '1.' is known as a number, not '1)'.", edit={LINES: LINES.replace("[.)]", "[.]")})
mistake("Bullets stay in front of the smaller questions: '-' and '*' go as well.", edit={LINES: LINES.replace("(?:[0-9]+[.)]|[-*])", "[0-9]+[.)]")})
mistake("White space in front of a numbered line hides its number.", edit={LINES: LINES.replace('line.strip()) for line', 'line.rstrip()) for line')})
mistake("The limit is applied before lines are left out.", edit={SMALLER: "smaller = [line for line in lines[:limit] if line and line != question]"})
mistake("All lines are asked, however many. At most limit are.", edit={SMALLER: "smaller = [line for line in lines if line and line != question]"})
mistake("The limit counts the question itself, too.", edit={SMALLER: "smaller = [line for line in lines if line and line != question][: max(limit - 1, 0)]"})
mistake("The default limit is not 8.", edit={"question: str, limit: int = 8": "question: str, limit: int = 5"})
mistake("All that the model writes is the answer, also the questions that it invents. Only the first line that is not blank is.", edit={ANSWER: "answer = llm(prompt).strip()"})
mistake("The first line is the answer, also if it is blank. It is the first line that is not.", edit={ANSWER: 'answer = llm(prompt).split("\\n")[0].strip()'})
mistake("The answer ends where the model writes \"Q:\". It ends with its line.", edit={ANSWER: 'answer = llm(prompt).split("Q:")[0].strip()'})
mistake("What looks like a number is cut out of the middle of questions as well. Only what stands in front goes.", edit={LINES: LINES.replace("^(?:[0-9]", "(?:[0-9]")})
mistake("The answer ends at the first empty line. It ends with its line.", edit={ANSWER: 'answer = llm(prompt).strip().split("\\n\\n")[0].strip()'})
mistake("The last line is the answer. It is the first one that is not blank.", edit={ANSWER: 'answer = (llm(prompt).strip().split("\\n") or [""])[-1].strip()'})
mistake("White space stays around the answers.", edit={ANSWER: 'answer = next((line for line in llm(prompt).split("\\n") if line.strip()), "")'})
mistake("A smaller question that comes twice is asked once. Each line is asked.", edit={SMALLER: "smaller = [line for line in dict.fromkeys(lines) if line and line != question][:limit]"})
mistake("The last answer stands in the list, too. The list has the answers to the smaller questions.", edit={"return answers[-1], answers[:-1]": "return answers[-1], answers"})
mistake("The smaller questions are returned. Their answers are wanted.", edit={"return answers[-1], answers[:-1]": "return answers[-1], smaller"})
mistake("The smaller questions are asked from the last to the first.", edit={"[*smaller, question]:": "[*smaller[::-1], question]:"})
mistake("The problem is missing in the first prompt.", edit={LINES: LINES.replace("{problem} {question}", "{question}")})
mistake("The first prompt ends without the words that ask for smaller questions.", edit={LINES: LINES.replace("\\n{DECOMPOSE}", "")})
mistake("The model is asked twice to take the problem apart.", edit={"    lines = [": "    llm(f\"{problem} {question}\\n{DECOMPOSE}\")\n    lines = ["})


@mistake("Each smaller question is asked in a prompt of its own, without what was answered before, and only the last one sees the answers.")
def least_to_most(llm, problem, question, limit=8):
    first = f"{problem} {question}\nBefore this can be answered, which smaller questions must be answered? Write each of them on a line of its own."
    lines = [re.sub(r"^(?:[0-9]+[.)]|[-*])\s+", "", line.strip()) for line in llm(first).split("\n")]
    answers, transcript = [], problem
    for each in [line for line in lines if line and line != question][:limit]:
        written = llm(f"{problem}\n\nQ: {each}\nA:")
        answers.append(next((line.strip() for line in written.split("\n") if line.strip()), ""))
        transcript += f"\n\nQ: {each}\nA: {answers[-1]}"
    written = llm(f"{transcript}\n\nQ: {question}\nA:")
    return next((line.strip() for line in written.split("\n") if line.strip()), ""), answers


@mistake("Whether anything changes is seen by the first round only: you move the centers once and assign once.")
def kmeans(x, centers, iters=100):
    centers = centers.clone()
    labels = torch.cdist(x, centers).argmin(1)
    for number in labels.unique() if iters else []:
        centers[number] = x[labels == number].mean(0)
    return torch.cdist(x, centers).argmin(1), centers


# --- of other kinds --------------------------------------------------------------------------------------------------------------

SQUARED = "return ((x[:, None] - centers) ** 2).sum(-1)"
mistake("Distances are computed as x² - 2xc + c²: far from the origin nothing is left of them in float32. Subtract first.", edit={SQUARED: "return (x**2).sum(-1, keepdim=True) - 2 * x @ centers.mT + (centers**2).sum(-1)"})
mistake("torch.cdist computes x² - 2xc + c² from 26 points on: far from the origin nothing is left of it in float32. Subtract first, or choose its compute_mode.", edit={SQUARED: "return torch.cdist(x, centers)"})
mistake("A line is compared with the question before its number is taken off. What is left of it is compared.", edit={LINES: LINES.replace('.split("\\n")]', '.split("\\n") if line.strip() != question]')})
mistake("All marks in front go: '-- x' loses both. What numbers a line is one of them, with white space behind it.", edit={LINES: LINES.replace("(?:[0-9]+[.)]|[-*])", "(?:[0-9]+[.)]|[-*])+")})
mistake("A line that differs from the question by its question mark is left out. Only one that is equal is.", edit={SMALLER: 'smaller = [line for line in lines if line and line.rstrip("?") != question.rstrip("?")][:limit]'})
mistake("Without an example the white space around the new question stays.", edit={PROMPT: PROMPT.replace("question.strip()", "question.strip() if items else question")})
mistake("'A:' is taken off answers. The answer is the line as the model writes it.", edit={ANSWER: ANSWER.replace('(line.strip() for', '(line.strip().removeprefix("A:").strip() for')})
mistake("A full stop of another script passes. It is a point.", edit={RETURNED: RETURNED.replace('endswith(".")', 'endswith((".", "。"))')})
mistake("Quotation marks behind the full stop are ignored. The rationale ends with the full stop.", edit={SPLIT: SPLIT.replace("item[1].rstrip()", "item[1].rstrip().rstrip(chr(34))")})
mistake("Only numbers with one or two digits go.", edit={LINES: LINES.replace("[0-9]+", "[0-9]{1,2}")})
mistake("Other bullets go, too. Only '-' and '*' do.", edit={LINES: LINES.replace("[-*]", "[-*•]")})
mistake("Numbers go with a colon behind them, too. Only a point or a closing bracket makes a number of a line.", edit={LINES: LINES.replace("[.)]", "[.):]")})
mistake("You end when the centers hardly move. They move until no point changes its center, however small the steps are.", edit={"labels.equal(before)": "(labels.equal(before) or torch.allclose(centers, torch.stack([x[labels == j].mean(0) if (labels == j).any() else centers[j] for j in range(len(centers))])))"})
mistake("Items that are farther than your first “smallest distance”, such as 1e9, are never taken. Begin with infinity.", edit={"        if members:\n": "        members = [i for i in members if distances[i] < 1e9]\n        if members:\n"})
mistake("You fill in a template with `replace`, one after the other, so braces in a question are filled in, too. Items are shown as they are given.", edit={"    shown = [f\"Q: {q.strip()}\\nA: {STEP_BY_STEP} {' '.join(r.split())} The answer is {a.strip()}.\\n\\n\" for q, r, a in items]\n": "    template = \"Q: {question}\\nA: \" + STEP_BY_STEP + \" {rationale} The answer is {answer}.\\n\\n\"\n    shown = [template.replace(\"{question}\", q.strip()).replace(\"{rationale}\", \" \".join(r.split())).replace(\"{answer}\", a.strip()) for q, r, a in items]\n"})
mistake("You take off a number only if a space or a tab follows. Any white space may follow, a wide space of Chinese texts too.", edit={LINES: LINES.replace("\\s+", "[ \\t]+")})
