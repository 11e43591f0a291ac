"""Wrong ways to write cot/self_consistency, each with the sentence that a student should read."""

import re
from fractions import Fraction

from autograder.checks import mistake

HASH = r'found = re.search(r"####\s*(" + NUMBER.pattern + ")", text)'
LINE = 'line = text[phrase.end() :].split("\\n", 1)[0]'
KEEP = "answer = number[0] if number else answer"
BOXES = r'for box in reversed(list(re.finditer(r"\\boxed\{", text))):'
DEPTH = 'depth += (text[i] == "{") - (text[i] == "}")'
WHOLE = r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+"
VOTES = "if answer is not None:\n            votes[answer] = votes.get(answer, 0) + 1"
BEST = "max(votes, key=lambda answer: votes[answer], default=None)"
SCORES = "scores = [sum(each) / (len(each) if normalize else 1) for each in logps]"
WEIGHT = "weights[answer] = weights.get(answer, 0.0) + math.exp(score - top)"
CHOSEN = "chosen = sorted(able, key=steps, reverse=True)[:k]"
STEPS = 'sum(bool(line.strip()) for line in paths[i][0].split("\\n"))'
SECOND = 'reply = llm(f"{prompt} {llm(prompt)}{THEREFORE}")'

# --- reading an answer ---------------------------------------------------------------------------------------------------

mistake("Of several #### you take the last one. The first one with a number behind it is the answer: a model that goes on writes another question.", edit={HASH: HASH.replace('re.search(r"', 're.search(r"(?s:.*)')})
mistake("You look for a number anywhere behind the first ####. Between the two may be white space only.", edit={HASH: HASH.replace(r"\s*", r"[^0-9]*?")})
mistake("You ask for exactly one space behind ####. Any white space may stand there, or none.", edit={HASH: HASH.replace(r"\s*", " ")})
mistake("A line break behind #### ends your search. Any white space may stand there.", edit={HASH: HASH.replace(r"\s*", "[ ]*")})


@mistake("You look at the first #### only. If no number follows it, the next one may be the answer: headings begin so, too.")
def extract_answer(text, style):
    if style == "hash":
        behind = text.partition("####")[2].strip()
        found = re.match(NUMBER.pattern, behind)
        return found[0] if found else None
    return REFERENCE(text, style)


NUMBER = re.compile(
    r"(?:[-−]?[$€£¥]?|[$€£¥][-−])(?:\\[dt]?frac\{[0-9]+\}\{[0-9]+\}|[0-9]+/[0-9]+|(?:[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|[0-9]+)(?:\.[0-9]+)?|\.[0-9]+)"
)
PHRASES = ("answer is", "answer:", "答案是", "答案为", "答案：")


def REFERENCE(text, style):
    if style == "hash":
        found = re.search(r"####\s*(" + NUMBER.pattern + ")", text)
        return found[1] if found else None
    if style == "phrase":
        answer = None
        for phrase in re.finditer("|".join(map(re.escape, PHRASES)), text, re.IGNORECASE):
            number = NUMBER.search(text[phrase.end() :].split("\n", 1)[0])
            answer = number[0] if number else answer
        return answer
    if style != "boxed":
        raise ValueError(style)
    for box in reversed(list(re.finditer(r"\\boxed\{", text))):
        depth = 1
        for i in range(box.end(), len(text)):
            depth += (text[i] == "{") - (text[i] == "}")
            if depth == 0:
                if inside := text[box.end() : i].strip():
                    return inside
                break
    return None


@mistake("You take the last number of the text. It may be something else: the answer stands behind its mark.")
def extract_answer(text, style):
    if style == "phrase":
        found = NUMBER.findall(text)
        return found[-1] if found else None
    return REFERENCE(text, style)


@mistake("Behind the phrase you take the last number of the line. The first one is the answer.")
def extract_answer(text, style):
    if style == "phrase":
        answer = None
        for phrase in re.finditer("|".join(map(re.escape, PHRASES)), text, re.IGNORECASE):
            numbers = NUMBER.findall(text[phrase.end() :].split("\n", 1)[0])
            answer = numbers[-1] if numbers else answer
        return answer
    return REFERENCE(text, style)


@mistake("You know only the English phrases. 答案是, 答案为 and 答案： stand in PHRASES, too.")
def extract_answer(text, style):
    if style == "phrase":
        answer = None
        for phrase in re.finditer("answer is|answer:", text, re.IGNORECASE):
            number = NUMBER.search(text[phrase.end() :].split("\n", 1)[0])
            answer = number[0] if number else answer
        return answer
    return REFERENCE(text, style)


@mistake("You look behind the last phrase alone. If no number follows it on its line, an earlier phrase may have one.")
def extract_answer(text, style):
    if style == "phrase":
        places = [phrase.end() for phrase in re.finditer("|".join(map(re.escape, PHRASES)), text, re.IGNORECASE)]
        number = NUMBER.search(text[places[-1] :].split("\n", 1)[0]) if places else None
        return number[0] if number else None
    return REFERENCE(text, style)


@mistake("A box ends at its first closing brace. \\boxed{\\frac{1}{2}} holds more: count the braces.")
def extract_answer(text, style):
    if style == "boxed":
        found = [each.strip() for each in re.findall(r"\\boxed\{([^}]*)\}", text) if each.strip()]
        return found[-1] if found else None
    return REFERENCE(text, style)


@mistake("A box ends at the last closing brace of the text. It ends at its own one.")
def extract_answer(text, style):
    if style == "boxed":
        begin, end = text.rfind("\\boxed{"), text.rfind("}")
        return text[begin + 7 : end].strip() or None if 0 <= begin < end else None
    return REFERENCE(text, style)


@mistake("You look at the last box only. If it is never closed or empty, an earlier one holds the answer.")
def extract_answer(text, style):
    if style == "boxed":
        begin = text.rfind("\\boxed{")
        depth = 1
        for i in range(begin + 7, len(text)):
            depth += (text[i] == "{") - (text[i] == "}")
            if depth == 0 and begin >= 0:
                return text[begin + 7 : i].strip() or None
        return None
    return REFERENCE(text, style)


@mistake("Your regular expression skips boxes inside of boxes. The last box is the one that begins last, also inside of another.")
def extract_answer(text, style):
    if style == "boxed":
        best, at = None, 0
        while (begin := text.find("\\boxed{", at)) >= 0:
            depth, at = 1, begin + 7
            for i in range(at, len(text)):
                depth += (text[i] == "{") - (text[i] == "}")
                if depth == 0:
                    best, at = text[begin + 7 : i].strip() or best, i
                    break
        return best
    return REFERENCE(text, style)


mistake("The first phrase wins. A model that corrects itself says its answer twice: the last one counts.", edit={KEEP: "answer = number[0] if number and not answer else answer"})
mistake("You look beyond the line of the phrase. A number on a later line is no answer.", edit={LINE: "line = text[phrase.end() :]"})
mistake("Upper and lower case differ in your search. 'Answer:' and 'ANSWER IS' are phrases, too.", edit={", text, re.IGNORECASE)": ", text)"})
mistake("The first box wins. The last one that counts is the answer.", edit={BOXES: r'for box in re.finditer(r"\\boxed\{", text):'})
mistake("An empty box is an answer. It does not count: look at the one before.", edit={"if inside := text[box.end() : i].strip():\n                    return inside": "return text[box.end() : i].strip()"})
mistake("White space at the ends of a box stays. Strip it.", edit={"if inside := text[box.end() : i].strip():": "if (inside := text[box.end() : i]).strip():"})
mistake("Another style gets None. It raises ValueError.", edit={'raise ValueError(f"style is hash, phrase or boxed, not {style!r}")': "return None"})
mistake("A box is taken for a number only. It may hold anything, such as the letter of a choice.", edit={"return inside\n": "return inside if NUMBER.search(inside) else None\n"})
mistake("Commas are taken wherever they stand between digits. A group is a comma and exactly three digits.", edit={WHOLE: r"[0-9]+(?:,[0-9]+)*"})
mistake("A comma ends your number: of 1,000 you keep the 1.", edit={WHOLE: r"[0-9]+"})
mistake("After a comma you take three digits although a fourth follows. Groups have exactly three.", edit={"(?![0-9])|[0-9]+)": "|[0-9]+)"})
mistake("The first group may have any length in yours. One to three digits stand before the first comma.", edit={"[0-9]{1,3}(?:,": "[0-9]+(?:,"})
mistake("A number loses its minus.", edit={r"(?:[-−]?[$€£¥]?|[$€£¥][-−])": r"[$€£¥]?"})
mistake("A minus behind the currency sign is lost: $-5 is a number, too.", edit={r"(?:[-−]?[$€£¥]?|[$€£¥][-−])": r"[-−]?[$€£¥]?"})
mistake("The sign − (U+2212) is not known to you. It is a minus, too.", edit={r"(?:[-−]?[$€£¥]?|[$€£¥][-−])": r"(?:-?[$€£¥]?|[$€£¥]-)"})
mistake("A number must begin with a digit in yours. .5 is a number.", edit={'    r"|\\.[0-9]+)"\n': '    r")"\n'})
mistake("A full stop at the end of the sentence becomes part of your number.", edit={r"(?:\.[0-9]+)?": r"(?:\.[0-9]*)?"})
mistake("Of a fraction only the numerator is found.", edit={'    r"|[0-9]+/[0-9]+"\n': ""})
mistake(r"You use \d, which finds the digits of every script. Here digits are 0 to 9.", edit={WHOLE: r"[0-9]{1,3}(?:,[0-9]{3})+(?![0-9])|\d+"})
mistake("You do not know LaTeX's fractions \\dfrac and \\tfrac.", edit={r'r"(?:\\[dt]?frac\{[0-9]+\}\{[0-9]+\}"': r'r"(?:\\frac\{[0-9]+\}\{[0-9]+\}"'})

# --- one spelling --------------------------------------------------------------------------------------------------------------

mistake("Numbers become floats and lose digits. Compute with exact fractions.", edit={"return str(Fraction(s))": "return str(Fraction(float(Fraction(s))).limit_denominator(10**6))"})
mistake("Decimals keep their zeros: 1000.00 and 1000 do not vote together.", edit={"return str(Fraction(s))": "return s if Fraction(s) else '0'"})
mistake("A division by zero raises an error. The result is None.", edit={"except ZeroDivisionError:": "except KeyError:"}, crashes=True)
mistake("50% becomes 1/2. The per cent sign is taken out like a unit.", edit={"return str(Fraction(s))": "return str(Fraction(s) / (100 if percent else 1))", 's = IGNORED.sub("", s).strip()': 'percent = "%" in s\n    s = IGNORED.sub("", s).strip()'})
mistake("A number anywhere in the text is enough for you. The whole text must be one number.", edit={"if not NUMBER.fullmatch(s):\n        return None": "if not NUMBER.search(s):\n        return None\n    s = NUMBER.search(s)[0]"})
mistake("You take out all white space: '2 1/2' becomes 21/2. White space inside of a number makes it none.", edit={'s = IGNORED.sub("", s).strip()': 's = re.sub(r"\\s", "", IGNORED.sub("", s))'})
mistake("You take out all commas before you look: 1,00 becomes 100. It is no number.", edit={'s = IGNORED.sub("", s).strip()': 's = IGNORED.sub("", s).strip().replace(",", "")'})
mistake("White space at the ends makes a number none. Strip it.", edit={'s = IGNORED.sub("", s).strip()': 's = IGNORED.sub("", s)'})
mistake(r"\text{…} loses its name, its words stay. Take out both.", edit={r"\\text\{[^{}]*\}|": r"\\text|[{}]|"})
mistake(r"LaTeX's spaces \! and \, stay in the number.", edit={r"\\[$%!,]": r"\\[$%]"})
mistake(r"\$ leaves its backslash behind.", edit={r"|\\[$%!,]": r"|\\[!,]"})
mistake(r"^\circ stays: 90^\circ is 90.", edit={r"|\^\\circ": ""})
mistake("What Python reads as a number is one for you: 1e3, 1_000, inf. Only the forms of the docstring are.", edit={"if not NUMBER.fullmatch(s):\n        return None": "if not NUMBER.fullmatch(s):\n        try:\n            return str(Fraction(s))\n        except (ValueError, ZeroDivisionError):\n            return None"})
mistake("The sign − stays in the result. Its minus is '-'.", edit={"return str(Fraction(s))": 'return str(Fraction(s)).replace("-", "−")'})
mistake("Fractions become decimals. The result is p/q in lowest terms.", edit={"return str(Fraction(s))": "return str(Fraction(s)) if Fraction(s).denominator == 1 else str(float(Fraction(s)))"})


@mistake("Fractions are not brought to lowest terms: 2/4 and 1/2 do not vote together.")
def normalize_number(s):
    s = re.sub(r"\\text\{[^{}]*\}|\\[$%!,]|\^\\circ|[$€£¥%]", "", s).strip()
    if not NUMBER.fullmatch(s):
        return None
    s = re.sub(r"\\[dt]?frac\{(\d+)\}\{(\d+)\}", r"\1/\2", s).replace("−", "-").replace(",", "")
    if "/" in s:
        above, below = map(int, s.split("/"))
        return None if below == 0 else str(above) if below == 1 else f"{above}/{below}"
    return str(Fraction(s))



@mistake(r"You rewrite \frac{1}{2} as 1/2 wherever it stands: 2\frac{1}{2} becomes 21/2. The whole text must be one number, before it is rewritten.")
def normalize_number(s):
    s = re.sub(r"\\text\{[^{}]*\}|\\[$%!,]|\^\\circ|[$€£¥%]", "", s).strip().replace("−", "-")
    s = re.sub(r"\\[dt]?frac\{([0-9]+)\}\{([0-9]+)\}", r"\1/\2", s)
    if not NUMBER.fullmatch(s):
        return None
    try:
        return str(Fraction(s.replace(",", "")))
    except ZeroDivisionError:
        return None


# --- votes -----------------------------------------------------------------------------------------------------------------------

mistake("None has votes: texts without an answer win. They have no vote.", edit={VOTES: "votes[answer] = votes.get(answer, 0) + 1"})
mistake("Of equal answers the last one wins. The one that came first in the list does.", edit={BEST: "max(reversed(votes), key=lambda answer: votes[answer], default=None)"})
mistake("Of equal answers the smallest text wins. The one that came first in the list does.", edit={BEST: "max(sorted(votes), key=lambda answer: votes[answer], default=None)"})
mistake("Of equal answers the one wins that had all its votes first. The one whose first vote came first does.", edit={"votes[answer] = votes.get(answer, 0) + 1": "votes[answer] = votes.pop(answer, 0) + 1"})
mistake("Without any vote your code raises an error. The result is None.", edit={", default=None)": ")"}, crashes=True)
mistake("majority normalizes its answers. They are compared as they are.", edit={"if answer is not None:\n            votes": "if answer is not None:\n            answer = normalize_number(answer) or answer\n            votes"})
mistake("Texts vote as they are written: $1,000 and 1000 are two answers. Normalize them first.", edit={"answer and (normalize_number(answer) or answer)": "answer"})
mistake("An answer that is no number is lost. It votes as it stands.", edit={"answer and (normalize_number(answer) or answer)": "answer and normalize_number(answer)"})
mistake("Agreement is the share of the texts that have an answer. It is the share of all texts.", edit={"answers.count(best) / len(texts)": "answers.count(best) / sum(each is not None for each in answers)"})
mistake("Agreement counts texts without an answer as agreeing.", edit={"answers.count(best) / len(texts)": "(answers.count(best) + answers.count(None)) / len(texts)"})
mistake("Agreement is a number of texts. Divide by how many there are.", edit={"answers.count(best) / len(texts)": "float(answers.count(best))"})
mistake("An empty text counts as no answer. Only None does.", edit={VOTES: VOTES.replace("answer is not None", "answer")})
mistake("The weight is always the probability of the whole text, so long texts have none. normalize takes the mean.", edit={SCORES: "scores = [sum(each) for each in logps]"})
mistake("The weight is always the mean. With normalize=False it is the sum.", edit={SCORES: "scores = [sum(each) / len(each) for each in logps]"})
mistake("The default is the sum. By default weights are normalized.", edit={"normalize: bool = True": "normalize: bool = False"})
mistake("The weight is the mean of the probabilities. It is exp of the mean of their logarithms.", edit={SCORES: "scores = [math.log(sum(map(math.exp, each)) / len(each)) if normalize else sum(each) for each in logps]"})
mistake("You add log-probabilities. Weights are probabilities: take exp before they are added.", edit={WEIGHT: "weights[answer] = weights.get(answer, 0.0) + score"})
mistake("The best text decides alone. The weights of all texts with the same answer are added.", edit={WEIGHT: "weights[answer] = max(weights.get(answer, 0.0), math.exp(score - top))"})
mistake("exp(-10000) is 0 in floats, so nobody has a weight. Take the largest logarithm off first.", edit={"top = max((score for answer, score in zip(answers, scores, strict=True) if answer is not None), default=0.0)": "top = 0.0", "weights[best] / sum(weights.values())": "weights[best] / (sum(weights.values()) or 1.0)"})
mistake("The largest logarithm that you take off may belong to a text without an answer. All others are then 0.", edit={"if answer is not None), default=0.0)": "), default=0.0)", "weights[best] / sum(weights.values())": "weights[best] / (sum(weights.values()) or 1.0)"})
mistake("Texts without an answer count in the share. It is a share of the weights of texts that have one.", edit={"weights[best] / sum(weights.values())": "weights[best] / sum(math.exp(score - top) for score in scores)"})
mistake("The weights of an answer are averaged. They are added: many texts count more than one.", edit={"return best, weights[best]": "weights = {each: weight / answers.count(each) for each, weight in weights.items()}\n    best = max(weights, key=lambda answer: weights[answer])\n    return best, weights[best]"})
mistake("The share is the sum of the weights, not divided by all.", edit={"return best, weights[best] / sum(weights.values())": "return best, weights[best] * math.exp(top)"})
mistake("Lists of different lengths are cut to the shorter one in silence. They raise ValueError.", edit={"if len(answers) != len(logps):": "answers, logps = answers[: len(logps)], logps[: len(answers)]\n    if False:"})
mistake("Of equal weights the last wins. The one that came first in the list does.", edit={"best = max(weights, key": "best = max(reversed(weights), key"})
mistake("Texts with None vote, too.", edit={"weights: dict[str, float] = {}\n    for answer, score in zip(answers, scores, strict=True):\n        if answer is not None:\n            weights": "weights: dict[str, float] = {}\n    for answer, score in zip(answers, scores, strict=True):\n        if True:\n            weights"})
mistake("Complexity is the number of characters. Count the steps.", edit={STEPS: "len(paths[i][0])"})
mistake("Empty lines count as steps.", edit={STEPS: STEPS.replace("bool(line.strip())", "1")})
mistake("Lines of white space count as steps. A step holds more.", edit={STEPS: STEPS.replace("line.strip()", "line")})
mistake("Sentences are your steps. Lines are.", edit={STEPS: 'len(re.findall(r"[.!?]", paths[i][0]))'})
mistake("The simplest texts vote. The most complex ones should.", edit={CHOSEN: CHOSEN.replace(", reverse=True", "")})
mistake("k texts are chosen before those without an answer are left out, so fewer than k vote. Leave them out first.", edit={"able = [i for i, (_, answer) in enumerate(paths) if answer is not None]": "able = list(range(len(paths)))"})
mistake("Of texts with equally many steps the later one is taken. Earlier ones come first.", edit={CHOSEN: "chosen = sorted(able, key=lambda i: (steps(i), i), reverse=True)[:k]"})
mistake("Of answers with equally many votes the one of the most complex text wins. The one that comes first in the list does.", edit={"for i in sorted(chosen)": "for i in chosen"})
mistake("All texts vote, whatever k is.", edit={CHOSEN: "chosen = able"})
mistake("All texts that are as complex as the k-th one vote. Only k do.", edit={CHOSEN: "bound = sorted(map(steps, able), reverse=True)[:k]\n    chosen = [i for i in able if steps(i) >= bound[-1]]"})
mistake("k = 0 gives None, and a negative k cuts from the other end. Both raise ValueError.", edit={"if k < 1:": "if False:"})
mistake("Only a negative k is refused. k = 0 raises ValueError, too.", edit={"if k < 1:": "if k < 0:"})
mistake("More than there are: you refuse a k that is larger than the list. Then all vote.", edit={"if k < 1:": "if k < 1 or k > len(paths) > 1:"}, crashes=True)

# --- two calls ----------------------------------------------------------------------------------------------------------------------

mistake("The second prompt lacks the model's own thought. It holds all of the first prompt, the reply, and the request.", edit={SECOND: 'llm(prompt)\n    reply = llm(f"{prompt}{THEREFORE}")'})
mistake("The second prompt lacks the question.", edit={SECOND: 'reply = llm(f"{llm(prompt)}{THEREFORE}")'})
mistake("You strip the model's thought. It is used as it is.", edit={SECOND: 'reply = llm(f"{prompt} {llm(prompt).strip()}{THEREFORE}")'})
mistake("You strip the question. It is used as it is.", edit={"Q: {question}": "Q: {question.strip()}"})
mistake("The space between the first prompt and the reply is missing.", edit={SECOND: 'reply = llm(f"{prompt}{llm(prompt)}{THEREFORE}")'})
mistake("You return the number of the first reply, and never ask for it.", edit={SECOND: "reply = llm(prompt)"})
mistake("You take the last number of the second reply. The first one is the answer.", edit={"number = NUMBER.search(reply)\n": "number = (list(NUMBER.finditer(reply)) or [None])[-1]\n"})
mistake("Only a reply that is nothing but a number gives you an answer. Take its first number.", edit={"number = NUMBER.search(reply)\n": "number = NUMBER.fullmatch(reply.strip())\n"})
mistake("The answer is not normalized.", edit={"return normalize_number(number[0]) if number else None": "return number[0] if number else None"})
mistake("The first prompt does not ask for steps.", edit={"\\nA: {STEP_BY_STEP}": "\\nA:"})
mistake("The first call is made twice: once to keep its reply, once for the second prompt.", edit={SECOND: 'llm(prompt)\n    reply = llm(f"{prompt} {llm(prompt)}{THEREFORE}")'})
mistake("The number must stand on the first line of the second reply. The first number of the whole reply is the answer.", edit={"number = NUMBER.search(reply)\n": 'number = NUMBER.search(reply.split("\\n")[0])\n'})

# --- of other kinds ---------------------------------------------------------------------------------------------------------------------

mistake("extract_answer gives the normalized number. It gives the answer as it stands in the text.", edit={"return found[1] if found else None": "return normalize_number(found[1]) if found else None", "return answer\n    if style": "return answer and normalize_number(answer)\n    if style"})
mistake("The currency sign is cut off by extract_answer. The answer is given as it stands, and the sign belongs to the number.", edit={'return found[1] if found else None': 'return found[1].replace("$", "") if found else None', "return answer\n    if style": 'return answer and answer.replace("$", "")\n    if style'})
mistake("Nothing is minus nothing: -0 stays -0 in yours. Its value is 0.", edit={"return str(Fraction(s))": 'return ("-" if s.startswith("-") else "") + str(abs(Fraction(s)))'})
mistake("A minus is lost when you make a fraction.", edit={r'r"\1/\2", s)': r'r"\1/\2", s).lstrip("-" if "frac" in s else "")'})
mistake("Without any answer all texts agree for you. Agreement is then 0.0.", edit={"0.0 if best is None else answers.count(best) / len(texts)": "answers.count(best) / max(len(texts), 1)"})
mistake("Without any answer the share is 1 in yours. It is 0.0.", edit={"return None, 0.0\n    best": "return None, 1.0\n    best"})
mistake("Without any texts you divide by 0.", edit={"0.0 if best is None else answers.count(best) / len(texts)": "answers.count(best) / len(texts) if best is not None or not texts else 0.0"}, crashes=True)
mistake("The text of each style is searched for a box first. Only the asked style counts.", edit={'if style == "hash":\n': 'if style == "hash" and "boxed{" in text:\n        style = "boxed"\n    if style == "phrase" and "boxed{" in text:\n        style = "boxed"\n    if style == "hash":\n'})
mistake("A colon of another kind: you know 'answer:' only with a space behind it.", edit={'"|".join(map(re.escape, PHRASES))': '"|".join(re.escape(each) for each in PHRASES).replace("answer:", "answer: ")'})
mistake("You ask that a phrase ends with a word. It may be a part of longer words: 'answer is' stands in 'answer isn't' and in 'the answer is18'.", edit={'"|".join(map(re.escape, PHRASES))': 'r"answer is\\b|answer:|答案是|答案为|答案："'})
mistake("Weights are exp of the last token's log-probability. All tokens count.", edit={"scores = [sum(each) / (len(each) if normalize else 1) for each in logps]": "scores = [each[-1] for each in logps]"})
mistake("One token less: you leave out the last one.", edit={"scores = [sum(each) / (len(each) if normalize else 1) for each in logps]": "scores = [sum(each[:-1]) / (max(len(each) - 1, 1) if normalize else 1) for each in logps]"})
mistake("A sum of weights is divided by the number of texts, not by the sum of all weights.", edit={"weights[best] / sum(weights.values())": "weights[best] * math.exp(top) / len(answers)"})
mistake("The list of paths is sorted in place. Nothing that is passed in may change.", edit={"chosen = sorted(able, key=steps, reverse=True)[:k]": "chosen = sorted(able, key=steps, reverse=True)[:k]\n    votes = [paths[i][1] for i in sorted(chosen)]\n    paths.sort(key=lambda path: path[0].count('\\n'))\n    return majority(votes)"})

mistake(
    "`if answer` leaves out the answer that is an empty text. Only None stands for no answer: write `is not None`.",
    edit={"if answer is not None:\n            weights[": "if answer:\n            weights["},
)
mistake(
    "A text without any step is left out of the vote. Only texts without an answer are.",
    edit={"able = [i for i, (_, answer) in enumerate(paths) if answer is not None]": "able = [i for i, (_, answer) in enumerate(paths) if answer is not None and steps(i)]"},
)

mistake(
    "Weights go through float32, in which near ones are equal.",
    edit={"math.exp(score - top)": "math.exp(float(__import__('numpy').float32(score)) - float(__import__('numpy').float32(top)))"},
)
mistake(
    "You look for phrases in `text.lower()` and cut the text itself there. Some letters become two: places are no longer the same.",
    edit={
        '        for phrase in re.finditer("|".join(map(re.escape, PHRASES)), text, re.IGNORECASE):\n': (
            '        for phrase in re.finditer("|".join(map(re.escape, PHRASES)), text.lower()):\n'
        )
    },
)
mistake(
    "You round fractions with long denominators. Numbers may have up to 1,000 digits below the line as well, and none is rounded.",
    edit={"return str(Fraction(s))": "return str(Fraction(s).limit_denominator(10**300))"},
)
