"""Checks of sft/collator: Alpaca's prompt, which tokens are trained, batches, near copies."""

import re

from autograder.checks import case, check, raises

# --- prompts ---------------------------------------------------------------------------------------------------------


@check(
    points=1,
    lecture="a-prompt-and-an-answer",
    public=[case("without and with an input", pairs=[("Name a colour.", ""), ("Translate into German.", "dog")])],
    hidden=[
        case("white space is an input, and nothing is stripped", pairs=[(" Sort. \n", " "), ("\tSort.\n\n", "\n 3, 1\n")]),
        case("braces and percent signs", pairs=[("Fill {input} in.", "{instruction} {0} %s"), ("{input}", "x"), ("{}", "")]),
        case("texts that look like the prompt", pairs=[("a\n\n### Input:\nb", ""), ("### Response:", "### Response:")]),
        case("not only ASCII, and nothing at all", pairs=[("写一首诗", "春天 🌸"), ("", ""), ("", "x")]),
        case("backslashes", pairs=[(r"C:\new \1 \g<0>", r"\n"), ("a\\", "")]),
    ],
    cites=["Nothing stands behind the last colon", "Both texts may hold anything", "and nothing is stripped"],
)
def alpaca_has_two_prompts(student, pairs):
    """Alpaca's prompt has a part for the input only where there is one, and ends behind its last colon."""
    return {"prompts": [student.alpaca_prompt(*pair) for pair in pairs], "no input given": [student.alpaca_prompt(first) for first, _ in pairs]}


# --- which tokens are trained ----------------------------------------------------------------------------------------

CHATML = {role: (f"<|im_start|>{role}\n", "<|im_end|>\n") for role in ("system", "user", "assistant")}
SHORT = {"user": ("Q:", ""), "assistant": ("\nA:", "</s>"), "tool": ("", "\n")}
BARE = {"assistant": ("", ""), "user": ("U", "")}


def said(*pairs):
    names = {"s": "system", "u": "user", "a": "assistant", "t": "tool", "A": "Assistant"}
    return [{"role": names[role], "content": content} for role, content in pairs]


def chat(rng, turns, template=CHATML, **more):
    return {"messages": said(*turns), "template": {role: tuple(parts) for role, parts in template.items()}} | more


def tokenizer(start):
    """Control tokens, double line feeds and words are one id each; each text begins with an id of its own; ids are remembered."""
    known = {}

    def encode(text):
        if text not in known:
            pieces = re.findall(r"<\|\w+\|>|</s>|\n\n|\w+|.", text, re.DOTALL)
            known[text] = [start] * (start > 0 and text != "") + [start + int.from_bytes(piece.encode()[:5], "big") for piece in pieces]
        return known[text]

    return encode


def examples(student, messages, template, **options):
    plain, marked = tokenizer(0), tokenizer(7)
    texts = [messages, messages[::-1], messages + messages[:2], messages]
    return [student.build_example(text, encode, template, **options) for encode in (plain, marked) for text in texts]


@check(
    points=2,
    inputs=chat,
    lecture="which-tokens-are-trained",
    public=[
        case("a question and an answer", turns=[("u", "What is 2 + 2?"), ("a", "It is 4.")]),
        case("a line feed in front of an answer", turns=[("s", "You help."), ("u", "Go on\n"), ("a", "\nOn.")]),
    ],
    hidden=[
        case("four turns", turns=[("s", "You help."), ("u", "a b"), ("a", "c d e"), ("u", "f"), ("a", "g")]),
        case("a user types the head of an answer", turns=[("u", "<|im_start|>assistant\nSure.<|im_end|>\n"), ("a", "No.")]),
        case("an answer quotes a question", turns=[("u", "x"), ("a", "<|im_start|>user\nx<|im_end|>\n<|im_start|>assistant\n")]),
        case("the same text twice", turns=[("u", "yes"), ("a", "yes"), ("u", "yes"), ("a", "yes")]),
        case("an empty answer, an empty question", turns=[("u", ""), ("a", ""), ("u", "x"), ("a", "")]),
        case("another template", turns=[("u", "x\n"), ("a", "y </s>"), ("t", "12"), ("a", "z")], template=SHORT),
        case("heads and tails of nothing", turns=[("a", "x"), ("u", "y"), ("a", "z")], template=BARE),
        case("nobody answers", turns=[("s", "x"), ("u", "y"), ("u", "z")]),
        case("the assistant begins", turns=[("a", "Hello!"), ("a", "Anybody?"), ("u", "Yes.")]),
        case("a role that is almost the assistant", turns=[("A", "x"), ("a", "y"), ("A", "z")], template=BARE | {"Assistant": ("<", ">")}),
        case("no message", turns=[]),
        case("thirty messages", turns=[("u", "a b"), ("a", "c")] * 15),
        case("a template without the assistant", turns=[("u", "x"), ("t", "12"), ("u", "y")], template={"user": ("Q:", ""), "tool": ("", "\n")}),
    ],
    cites=[
        "Nothing is shifted", "Each message is head content tail", "all messages of the role assistant are trained", "the labels of content and tail are their ids",
        "Its head has -100 everywhere", "All other messages have -100", "are encoded each by itself", "a content may hold a head", "It may give the same list again",
        "perhaps none", "Arguments are left as they were", "A label is the id of its own token",
    ],
)  # fmt: skip
def answers_and_their_ends_are_trained(student, messages, template):
    """The labels of all answers and of their tails are their ids, and everything else has -100."""
    return examples(student, messages, template)


@check(
    points=1,
    inputs=chat,
    lecture="which-tokens-are-trained",
    public=[case("two answers", turns=[("u", "a"), ("a", "b"), ("u", "c"), ("a", "d")])],
    hidden=[
        case("a question in the end", turns=[("u", "a"), ("a", "b"), ("a", "c"), ("u", "d")]),
        case("two answers that are alike", turns=[("a", "b"), ("u", "a"), ("a", "b"), ("s", "e")]),
        case("nobody answers", turns=[("u", "a"), ("s", "b")]),
        case("the last one is empty", turns=[("u", "a"), ("a", "b"), ("u", "c"), ("a", "")]),
        case("another template", turns=[("a", "x"), ("t", "12"), ("u", "y"), ("a", "z"), ("t", "1")], template=SHORT),
    ],
    cites=["only the last one of them is", "Anything else is a ValueError also where", "A role that the template does not have"],
)
def the_last_answer_alone(student, messages, template):
    """With "last" the last answer alone is trained; what is neither of both, and roles without a template, raise."""
    encode = tokenizer(0)
    refused = [raises("ValueError", lambda each=each: student.build_example([], encode, template, each)) for each in ("user", "all", "Last", "")]
    refused += [raises("ValueError", lambda role=role: student.build_example([*messages, {"role": role, "content": "x"}], tokenizer(0), template)) for role in ("Assistant", "")]
    refused.append(raises("ValueError", lambda: student.build_example([*messages, {"role": "nobody", "content": ""}], tokenizer(0), template)))
    return {"last": examples(student, messages, template, train_on="last"), "both": [student.build_example(messages, encode, template, *each) for each in (["last"], ["assistant"], [])], "refused": refused}


# --- batches ---------------------------------------------------------------------------------------------------------


def batches(rng, lengths, max_len=None, pad=0, trained=0.6, low=3):
    batch = []
    for n in lengths:
        ids = [rng.choice([pad, rng.integer(low, 50)]) for _ in range(n)]
        batch.append((ids, [i if rng.real(0, 1) < trained else -100 for i in ids]))
    return {"batch": batch, "pad": pad, "max_len": max_len}


@check(
    points=2,
    inputs=batches,
    lecture="filling-up",
    public=[
        case("the id that fills up is in the examples too", lengths=[4, 2, 3], pad=2),
        case("longer than the maximum", lengths=[3, 6], max_len=4),
        case("shorter than the maximum", lengths=[3, 1], max_len=9),
    ],
    hidden=[
        case("several", lengths=[5, 1, 7, 2], pad=9),
        case("one example", lengths=[6], pad=1),
        case("as long as the maximum, and one more", lengths=[5, 6, 4], max_len=5, pad=3),
        case("all are longer", lengths=[7, 8, 9], max_len=3, pad=4),
        case("all of one length", lengths=[3, 3, 3], pad=5, trained=1.0),
        case("an empty example", lengths=[0, 4, 0], pad=6),
        case("nothing but empty examples", lengths=[0, 0]),
        case("a maximum of one", lengths=[4, 2, 0], max_len=1),
        case("large ids", lengths=[2, 3], pad=3_000_000_000, low=40),
        case("the id that fills up is -1", lengths=[2, 4], pad=-1),
        case("nothing is trained", lengths=[3, 2], trained=-1.0, pad=7),
        case("forty examples", lengths=[1, 2, 1, 3] * 10, pad=11),
        case("many", lengths=[1, 12, 3, 9, 9, 2, 30, 4, 17, 6], pad=8),
    ],
    fresh=1,
    cites=[
        "such a token of an example keeps its label", "what is filled up stands behind", "of longer examples the first max_len", "T is the length of the longest example",
        "The mask is 1 for tokens", "each int64", "None nothing is cut", "left before it", "some of them may be empty",
    ],
)  # fmt: skip
def examples_become_a_batch(student, batch, pad, max_len):
    """Rows are filled up to the longest one, on either side; ids of examples keep their labels and are attended to."""
    left = student.collate(batch, pad, "left", max_len)
    seen = [student.collate(batch, pad, max_len=max_len), left, student.collate(batch[::-1], pad, "right"), student.collate(batch, pad, "left")]
    other = student.collate([(ids[::-1], labels[::-1]) for ids, labels in batch], pad + 1, max_len=max_len)
    return {"seen": [*seen, other], "refused": [raises("ValueError", lambda side=side: student.collate(batch, pad, side)) for side in ("both", "Left", "")]}


# --- near copies -----------------------------------------------------------------------------------------------------


def pairs_of_texts(rng, pairs=(), words=0, length=9):
    pairs = [list(pair) for pair in pairs]
    for _ in range(words):
        pairs.append([" ".join(rng.word("abc", 1, 3) for _ in range(rng.integer(1, length))) for _ in "12"])
    return {"pairs": pairs}


@check(
    points=1,
    inputs=pairs_of_texts,
    lecture="how-alike-are-two-texts",
    public=[
        case("one word more", pairs=[("Write a short poem.", "Write a poem."), ("Write a poem", "Write a poem about a dog")]),
        case("in another order", pairs=[("a b c d", "d c b a"), ("x a y b z", "a b")]),
    ],
    hidden=[
        case("at random", words=12),
        case("longer, at random", words=3, length=40),
        case("marks separate, and case does not matter", pairs=[("Don't STOP!", "don t stop"), ("a_b-c", "a b c"), ("3.14", "3 14")]),
        case("no words", pairs=[("", ""), ("", "a"), ("?!", "?!"), ("诗", "诗"), ("a 诗", "a")]),
        case("letters beyond a to z separate", pairs=[("naïve", "na ve"), ("Zürich", "zurich"), ("x２", "x"), ("straße", "strasse")]),
        case("words that repeat", pairs=[("a a a", "a"), ("a", "a a a a"), ("a b a b", "b a b a"), ("a b", "a a b b")]),
        case("nothing in common", pairs=[("one two", "three four five")]),
        case("not neighbours", pairs=[("a x b y c", "a b c d e f g"), ("a b c", "x a y b z c")]),
        case("in small letters it is one of a to z", pairs=[("273 \N{KELVIN SIGN}", "273 k"), ("\N{KELVIN SIGN}g", "kg")]),
    ],
    fresh=1,
    cites=["everything else separates them", "in order not necessarily neighbours", "F is 0 0 where", "Words are the longest runs"],
)
def rouge_l_counts_words_in_order(student, pairs):
    """ROUGE-L is the F measure of the longest common subsequence of words."""
    return [student.rouge_l(*pair) for pair in pairs] + [student.rouge_l(b, a) for a, b in pairs]


def candidates(rng, pool, cands, thr=None):
    return {"pool": list(pool), "cands": list(cands), "thr": thr}


POOL = ["Write a short poem about the sea.", "Name three fruits."]


@check(
    points=1,
    inputs=candidates,
    lecture="near-copies",
    public=[
        case("near copies of the pool and of each other", pool=POOL, cands=["Write a poem about the sea.", "Sort these numbers.", "Sort these two numbers.", "Name a colour."]),
        case("just at the threshold", pool=["a b"], cands=["a c", "d e"], thr=0.5),
    ],
    hidden=[
        case("white space is kept", pool=["Rest."], cands=[" Go on.\n", "Stop"]),
        case("an empty pool", pool=[], cands=["one two three", "one two three", "four", "one two three four", "Four!"]),
        case("what was dropped does not count", pool=["a b c d e"], cands=["a b c d x", "b c d x y z", "c d x y z w"], thr=0.75),
        case("no candidates", pool=POOL, cands=[]),
        case("only copies", pool=POOL, cands=POOL[::-1]),
        case("another threshold, and exactly there", pool=["a b c d"], cands=["a b c x", "a b x y", "a b c d"], thr=0.75),
        case("a threshold of one", pool=["a b c"], cands=["c b a", "A, b, c!", "a b", "c b a"], thr=1.0),
        case("a threshold of zero", pool=[], cands=["a", "b", "c"], thr=0.0),
        case("many of both", pool=[f"p{i} q r s" for i in range(20)], cands=[f"c{i} t u v" for i in range(20)] + ["c19 t u", "p18 q r", "x", "x y", "x"], thr=0.8),
        case("without words", pool=["?"], cands=["!", "!", "诗", "a"]),
        case("the last of the pool", pool=["x y z", "q r s", "k l m n o p q"], cands=["k l m n o p r", "x q k"]),
    ],
    cites=["With candidates that were dropped", "and with every candidate that was kept", "Returns those that are kept", "and so it is here", "is less than thr"],
)  # fmt: skip
def near_copies_are_dropped(student, pool, cands, thr):
    """A candidate is kept if it is less alike than the threshold to the pool and to what was kept before it."""
    if thr is None:
        return [student.dedup_rouge(pool, cands), student.dedup_rouge(pool, cands[::-1])]
    return [student.dedup_rouge(pool, cands, thr), student.dedup_rouge(pool, cands[::-1], thr), student.dedup_rouge(pool, cands, 2.0), student.dedup_rouge(pool, cands, thr)]
