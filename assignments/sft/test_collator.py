"""Public checks of sft/collator: run `pytest` on this file, or `autograder check sft/collator`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

import re
from autograder.checks import case, check, raises


@check(points=1, lecture='a-prompt-and-an-answer', public=[case('without and with an input', pairs=[('Name a colour.', ''), ('Translate into German.', 'dog')])])
def alpaca_has_two_prompts(student, pairs):
    """Alpaca's prompt has a part for the input only where there is one, and ends behind its last colon."""
    return {"prompts": [student.alpaca_prompt(*pair) for pair in pairs], "no input given": [student.alpaca_prompt(first) for first, _ in pairs]}


CHATML = {role: (f"<|im_start|>{role}\n", "<|im_end|>\n") for role in ("system", "user", "assistant")}


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


@check(points=2, inputs=chat, lecture='which-tokens-are-trained', public=[case('a question and an answer', turns=[('u', 'What is 2 + 2?'), ('a', 'It is 4.')]), case('a line feed in front of an answer', turns=[('s', 'You help.'), ('u', 'Go on\n'), ('a', '\nOn.')])])
def answers_and_their_ends_are_trained(student, messages, template):
    """The labels of all answers and of their tails are their ids, and everything else has -100."""
    return examples(student, messages, template)


@check(points=1, inputs=chat, lecture='which-tokens-are-trained', public=[case('two answers', turns=[('u', 'a'), ('a', 'b'), ('u', 'c'), ('a', 'd')])])
def the_last_answer_alone(student, messages, template):
    """With "last" the last answer alone is trained; what is neither of both, and roles without a template, raise."""
    encode = tokenizer(0)
    refused = [raises("ValueError", lambda each=each: student.build_example([], encode, template, each)) for each in ("user", "all", "Last", "")]
    refused += [raises("ValueError", lambda role=role: student.build_example([*messages, {"role": role, "content": "x"}], tokenizer(0), template)) for role in ("Assistant", "")]
    refused.append(raises("ValueError", lambda: student.build_example([*messages, {"role": "nobody", "content": ""}], tokenizer(0), template)))
    return {"last": examples(student, messages, template, train_on="last"), "both": [student.build_example(messages, encode, template, *each) for each in (["last"], ["assistant"], [])], "refused": refused}


def batches(rng, lengths, max_len=None, pad=0, trained=0.6, low=3):
    batch = []
    for n in lengths:
        ids = [rng.choice([pad, rng.integer(low, 50)]) for _ in range(n)]
        batch.append((ids, [i if rng.real(0, 1) < trained else -100 for i in ids]))
    return {"batch": batch, "pad": pad, "max_len": max_len}


@check(points=2, inputs=batches, lecture='filling-up', public=[case('the id that fills up is in the examples too', lengths=[4, 2, 3], pad=2), case('longer than the maximum', lengths=[3, 6], max_len=4), case('shorter than the maximum', lengths=[3, 1], max_len=9)])
def examples_become_a_batch(student, batch, pad, max_len):
    """Rows are filled up to the longest one, on either side; ids of examples keep their labels and are attended to."""
    left = student.collate(batch, pad, "left", max_len)
    seen = [student.collate(batch, pad, max_len=max_len), left, student.collate(batch[::-1], pad, "right"), student.collate(batch, pad, "left")]
    other = student.collate([(ids[::-1], labels[::-1]) for ids, labels in batch], pad + 1, max_len=max_len)
    return {"seen": [*seen, other], "refused": [raises("ValueError", lambda side=side: student.collate(batch, pad, side)) for side in ("both", "Left", "")]}


def pairs_of_texts(rng, pairs=(), words=0, length=9):
    pairs = [list(pair) for pair in pairs]
    for _ in range(words):
        pairs.append([" ".join(rng.word("abc", 1, 3) for _ in range(rng.integer(1, length))) for _ in "12"])
    return {"pairs": pairs}


@check(points=1, inputs=pairs_of_texts, lecture='how-alike-are-two-texts', public=[case('one word more', pairs=[('Write a short poem.', 'Write a poem.'), ('Write a poem', 'Write a poem about a dog')]), case('in another order', pairs=[('a b c d', 'd c b a'), ('x a y b z', 'a b')])])
def rouge_l_counts_words_in_order(student, pairs):
    """ROUGE-L is the F measure of the longest common subsequence of words."""
    return [student.rouge_l(*pair) for pair in pairs] + [student.rouge_l(b, a) for a, b in pairs]


def candidates(rng, pool, cands, thr=None):
    return {"pool": list(pool), "cands": list(cands), "thr": thr}


POOL = ["Write a short poem about the sea.", "Name three fruits."]


@check(points=1, inputs=candidates, lecture='near-copies', public=[case('near copies of the pool and of each other', pool=POOL, cands=['Write a poem about the sea.', 'Sort these numbers.', 'Sort these two numbers.', 'Name a colour.']), case('just at the threshold', pool=['a b'], cands=['a c', 'd e'], thr=0.5)])
def near_copies_are_dropped(student, pool, cands, thr):
    """A candidate is kept if it is less alike than the threshold to the pool and to what was kept before it."""
    if thr is None:
        return [student.dedup_rouge(pool, cands), student.dedup_rouge(pool, cands[::-1])]
    return [student.dedup_rouge(pool, cands, thr), student.dedup_rouge(pool, cands[::-1], thr), student.dedup_rouge(pool, cands, 2.0), student.dedup_rouge(pool, cands, thr)]
