"""Checks of framework/vllm_scheduler: hashes of blocks, texts, the rules of each step, blocks, what the prefix cache spares."""

from functools import partial

from autograder.checks import case, check, difference, reject

# --- hashes ----------------------------------------------------------------------------------------------------------


def sequences(rng, bs, lists=None, n=0, length=12, V=2, extras=((),), many=0):
    """Lists of tokens, or n random ones; each is hashed with each of the extras. And `many` lists of 20 blocks, all different."""
    lists = [list(tokens) for tokens in lists or [rng.integers(0, V, rng.integer(0, length)).tolist() for _ in range(n)]]
    return {"calls": [[tokens, list(extra)] for tokens in lists for extra in extras], "bs": bs, "many": many}


def same_where_all_before_is_the_same(seen, want):
    """The numbers are open. Which of them are equal is not: each is replaced by the place where it was seen first."""
    if seen["different"] != want["different"]:
        return reject("{blocks} blocks are different, and have {numbers} different numbers.", blocks=want["different"], numbers=seen["different"])
    seen, want = seen["numbers"], want["numbers"]
    if [len(each) for each in seen] != [len(each) for each in want]:
        return reject("There is one number for each full block, and none for tokens behind the last full block.")

    def pattern(lists):
        first = {}
        return [[first.setdefault(h, len(first)) for h in each] for each in lists]

    mine, theirs = pattern(seen), pattern(want)
    for a, b in zip(mine, theirs, strict=True):
        for x, y in zip(a, b, strict=True):
            if x < y:
                return reject("Two blocks have the same number, although their tokens, something before them, or `extra` differ.")
            if x > y:
                return reject("Two blocks have different numbers, although their tokens, all tokens before them and `extra` are the same.")
    return None


LARGE = [10**3, 10**5, 10**6, 50257, 128256, 2**8, 2**15, 2**16, 2**17, 2**18, 2**20, 2**24, 2**31, 2**32]
"""What somebody may multiply a token with before the next one is added."""


@check(
    points=2,
    inputs=sequences,
    judge=same_where_all_before_is_the_same,
    lecture="the-prefix-cache",
    public=[
        case("the same block behind another one", bs=2, lists=[[1, 2, 3, 4], [5, 6, 3, 4], [1, 2, 3, 4, 5]]),
        case("the same block twice", bs=2, lists=[[1, 2, 1, 2, 1, 2]]),
        case("another extra", bs=2, lists=[[1, 2, 3, 4]], extras=[(), ("adapter",), ("adapter", 2)]),
    ],
    hidden=[
        case("random ones of two tokens", bs=3, n=25, length=14),
        case("shorter than a block, just as long, none", bs=4, lists=[[1, 2, 3], [1, 2, 3, 4], [], [1, 2, 3, 4, 5, 6, 7]]),
        case("blocks of one token", bs=1, lists=[[0, 0, 1], [0, 1, 0], [1, 0, 0], [0, 0]]),
        case("the order of tokens in a block", bs=3, lists=[[1, 2, 3], [3, 2, 1], [2, 1, 3], [1, 2, 3, 3, 2, 1], [3, 2, 1, 1, 2, 3]]),
        case("tokens that would stand in each other's place in a text", bs=2, lists=[[1, 12], [11, 2], [112, 0], [0, 112]]),
        case("long ones that differ in the first token", bs=4, lists=[[i, *range(3, 90)] for i in range(4)]),
        case("large ids", bs=2, lists=[[128000, 128001], [128001, 128000], [0, 128000], [151935, 2**20]]),
        case("one large token, and a small one behind it", bs=2, lists=[[0, 1], [1, 0], *([n, 0] for n in LARGE), *([0, n] for n in LARGE)]),
        case("several extras", bs=2, n=6, length=9, extras=[(), (0,), (1,), ("0",), (0, 0)]),
        case("extra is in every block, not as a token", bs=2, lists=[[7, 7, 7, 7], [7, 7]], extras=[(), (7,), (7, 7)]),
        # Of numbers with 32 bits about five would be there twice, of numbers with 64 bits one in a billion.
        case("two hundred thousand blocks", bs=2, lists=[[1, 2]], many=10_000),
    ],
    fresh=1,
    cites=["A number for each", "Two blocks have the same number exactly if"],
)
def a_number_stands_for_all_before_it(student, calls, bs, many):
    """Full blocks have equal numbers exactly if they and everything before them are the same."""
    numbers = [student.block_hashes(tokens, bs, tuple(extra)) for tokens, extra in calls]
    different = {h for i in range(many) for h in student.block_hashes([i, *range(20 * bs - 1)], bs)}
    return {"numbers": numbers, "different": len(different)}


# --- traffic ---------------------------------------------------------------------------------------------------------


def traffic(rng, max_tokens, max_seqs, n_blocks, bs, n=0, prompt=(1, 9), new=(1, 6), gap=2, V=50, shared=0, requests=None, prefix_cache=None):
    """n random requests, each some steps after the one before. Their prompts begin with up to `shared` tokens that are the same."""
    common, step, made = rng.integers(0, V, shared).tolist(), 0, []
    for i in range(n):
        body = rng.integers(0, V, rng.integer(*prompt)).tolist()
        step += rng.integer(0, gap)
        tokens, more = common[: rng.integer(0, shared + 1)] + body, rng.integer(*new)
        made.append([101 + 7 * i % 50, tokens[: n_blocks * bs - more], more, step])
    made = [list(each) for each in requests] if requests else made
    assert all(-(-(len(prompt) + new) // bs) <= n_blocks for _, prompt, new, _ in made)
    limit = 3 * sum(len(prompt) + new for _, prompt, new, _ in made) + 3 * made[-1][3] + 9
    options = {} if prefix_cache is None else {"prefix_cache": prefix_cache}
    return {"sizes": [max_tokens, max_seqs, n_blocks, bs], "options": options, "requests": made, "limit": limit}


def serve(student, sizes, options, requests, limit):
    """Run a scheduler with a memory: what a step computes is written through the tables, and read again for each new token.

    What stands in a slot depends on all tokens up to its own, as keys and values do; a new token depends on all that is read.
    """
    bs = sizes[3]
    scheduler = student.Scheduler(*sizes, **options)
    student.Scheduler(3, 1, 2, 5, prefix_cache=False)  # another one has sizes of its own
    memory, prompts = {}, {i: prompt for i, prompt, _, _ in requests}
    texts, ends = {i: [] for i in prompts}, {i: new for i, _, new, _ in requests}
    sampled, log, done, coming, asked = {}, [], set(), list(requests), []
    for step in range(limit):
        came = []
        while coming and coming[0][3] <= step:
            i, prompt, new, arrival = coming.pop(0)
            given = student.Req(i, list(prompt), new, arrival)
            scheduler.add(given)
            came.append(i)
            asked.append(given)
        before = dict(sampled)
        out = scheduler.step(sampled)
        done |= set(out.finished)
        tables = scheduler.tables
        work = [tuple(chunk) for chunk in out.prefill]
        work += [(i, len(prompts[i]) + len(texts[i]) - 1, 1) for i in out.decode if i in prompts]
        log.append({"came": came, "sampled": before, "is left": sampled == before, "prefill": out.prefill, "decode": out.decode, "preempted": out.preempted,
                    "finished": out.finished, "tables": tables, "n_free": scheduler.n_free})  # fmt: skip
        sampled = {}
        reads = []
        for i, start, n in work:
            tokens, table = prompts.get(i, []) + texts.get(i, []), tables.get(i, [])
            value = 1
            for j, token in enumerate(tokens[: start + n]):
                value = (value * 1000003 + token + 1) % 2**31
                if j >= start and j // bs < len(table):
                    memory[table[j // bs], j % bs] = value
            if tokens and start + n == len(tokens):
                reads.append((i, len(tokens), table))
        for i, length, table in reads:
            total = 0
            for j in range(length):
                total = (total * 31 + (memory.get((table[j // bs], j % bs), 0) if j // bs < len(table) else 0)) % 2**31
            if len(texts[i]) < ends[i]:
                texts[i].append(total % 50)
                sampled[i] = texts[i][-1]
        if not coming and len(done) == len(requests):
            break
    if any(list(given.prompt) != list(prompts[given.id]) for given in asked):
        texts["prompts"] = [given.prompt for given in asked]  # they should be as they were
    return scheduler, log, texts, sorted(done)


@check(
    points=3,
    inputs=traffic,
    lecture="what-a-step-does",
    public=[
        case("one request", max_tokens=8, max_seqs=2, n_blocks=8, bs=2, requests=[(3, [1, 2, 3], 4, 0)]),
        case("three requests, and few blocks", max_tokens=6, max_seqs=3, n_blocks=5, bs=2, n=3, prompt=(2, 5), new=(3, 5), gap=1),
        case("the same beginning", max_tokens=8, max_seqs=2, n_blocks=9, bs=2, requests=[(1, [5, 6, 7, 8, 9], 2, 0), (2, [5, 6, 7, 8, 4], 2, 2)]),
    ],
    hidden=[
        case("ten requests, few blocks", max_tokens=9, max_seqs=4, n_blocks=7, bs=3, n=10),
        case("enough of everything", max_tokens=64, max_seqs=12, n_blocks=60, bs=3, n=9),
        case("long prompts in small chunks", max_tokens=4, max_seqs=3, n_blocks=12, bs=4, n=5, prompt=(9, 30), new=(1, 9)),
        case("the same beginning, few blocks", max_tokens=10, max_seqs=4, n_blocks=9, bs=2, n=9, shared=8, new=(2, 7)),
        case("the same prompts again and again", max_tokens=12, max_seqs=3, n_blocks=10, bs=2, requests=[(i, [4, 4, 4, 4, 4, 4][: 3 + i % 4], 5, i) for i in range(8)]),
        case("one at a time", max_tokens=1, max_seqs=1, n_blocks=8, bs=2, n=4, prompt=(1, 6)),
        case("blocks of one token, all needed", max_tokens=5, max_seqs=5, n_blocks=12, bs=1, n=7, prompt=(1, 5), new=(3, 8), gap=1),
        case("without a prefix cache", max_tokens=10, max_seqs=4, n_blocks=8, bs=2, n=8, shared=6, prefix_cache=False, new=(2, 5)),
        case("pauses between requests", max_tokens=7, max_seqs=3, n_blocks=9, bs=3, n=6, gap=14, shared=5),
        case("one token each", max_tokens=6, max_seqs=3, n_blocks=6, bs=2, n=7, new=(1, 2)),
        case("all come at once, twenty of them", max_tokens=20, max_seqs=18, n_blocks=24, bs=2, n=20, gap=1, prompt=(1, 6), new=(2, 6)),
    ],
    fresh=2,
    cites=["goes on as if nothing had happened", "A block is written by one request only", "A full block whose tokens were computed stays known", "At least its last known token is always computed",
           "A request that has all of its max_new tokens with it is finished", "says nothing about the order", "Old ones stay"],
)  # fmt: skip
def everyone_gets_the_text_of_running_alone(student, sizes, options, requests, limit):
    """Every request finishes once, with the text that it would get alone: its blocks hold its own tokens' keys and values."""
    _, log, texts, done = serve(student, sizes, options, requests, limit)
    _, _, second, _ = serve(student, sizes, options, requests[:2], limit)  # another scheduler, after the first
    return {"texts": texts, "done": done, "second": second, "finished": sum(len(step["finished"]) for step in log)}


def follow(log, sizes, requests, rule):
    """Replay a log and hold every step against the rules; `rule` gets what is known of a step and returns a refusal or None."""
    known = {i: len(prompt) for i, prompt, _, _ in requests}
    prompts, ends = dict(known), {i: len(prompt) + new for i, prompt, new, _ in requests}
    order, computed, ran = [], {}, {}
    for number, step in enumerate(log, 1):
        if any(len(chunk) != 3 for chunk in step["prefill"]):
            return reject("`prefill` has triples of id, start and n.")
        order += step["came"]
        for i in step["sampled"]:
            known[i] = known.get(i, 0) + 1
        over = [i for i in order if known[i] >= ends[i]]
        lasting = {i: table for i, table in ran.items() if i not in over}
        order = [i for i in order if i not in over]
        work = {}
        twice = len(step["prefill"]) + len(step["decode"]) != len({*(c[0] for c in step["prefill"]), *step["decode"]})
        for i, start, n in step["prefill"]:
            work[i] = (start, n)
        for i in step["decode"]:
            work[i] = (known.get(i, 0) - 1, 1)
        for i in [i for i in computed if i not in step["tables"]]:
            del computed[i]
        begins = [i for i in step["tables"] if i not in computed]
        start_of = {i: computed.get(i, work.get(i, (0, 0))[0]) for i in step["tables"]}
        found = rule(number=number, step=step, sizes=sizes, order=order, known=known, prompts=prompts, over=over, lasting=lasting, work=work,
                     twice=twice, begins=begins, start_of=start_of)  # fmt: skip
        if found is not None:
            return found
        for i in step["tables"]:
            computed[i] = start_of[i] + work.get(i, (0, 0))[1]
        ran = step["tables"]
    return None


def _rules(number, step, sizes, order, known, prompts, over, lasting, work, twice, begins, start_of, cached=True):
    max_tokens, max_seqs, n_blocks, bs = sizes
    tables, preempted = step["tables"], step["preempted"]
    used = sum(n for _, n in work.values())
    if not step["is left"]:
        return reject("Step {number}: the tokens that were passed are changed.", number=number)
    if twice:
        return reject("Step {number}: a request is in the lists of a step twice.", number=number)
    if sorted(step["finished"]) != sorted(over):
        return reject("Step {number}: the finished ones are not those that got their last token.", number=number)
    if used > max_tokens:
        return reject("Step {number} computes more than {limit} tokens.", number=number, limit=max_tokens)
    if len(tables) > max_seqs:
        return reject("In step {number} more than {limit} requests run.", number=number, limit=max_seqs)
    if set(tables) != set(order[: len(tables)]):
        return reject("Step {number}: those that run are not the ones that were added first. First come, first served; who was added last is preempted first.", number=number)
    if sorted(preempted) != sorted(i for i in lasting if i not in tables):
        return reject("Step {number}: the preempted ones are not those that ran before and wait now.", number=number)
    if preempted and sum(-(-known[i] // bs) for i in lasting) <= n_blocks:
        return reject("Step {number}: somebody is preempted, although there are blocks for all known tokens of those that run.", number=number)
    if preempted and any(i not in lasting for i in tables):
        return reject("Step {number}: somebody begins in a step in which somebody else is preempted.", number=number)
    for i, (start, n) in work.items():
        if i not in tables:
            return reject("Step {number}: a request computes tokens and does not run.", number=number)
        if start != start_of[i] or n < 1 or start + n > known[i]:
            return reject("Step {number}: a chunk does not begin where the last one ended, is empty, or goes beyond the known tokens.", number=number)
    for i in step["decode"]:
        if start_of[i] != known[i] - 1 or known[i] <= prompts[i]:
            return reject("Step {number}: `decode` has a request that lacks more than its newest token, or computes its prompt.", number=number)
    for i, start, _ in step["prefill"]:
        if start == known[i] - 1 and known[i] > prompts[i]:
            return reject("Step {number}: `prefill` has a request that computes the newest token alone; it belongs to `decode`.", number=number)
    if any(i not in work for i in tables if start_of[i] == known[i] - 1 and i not in begins):
        return reject("Step {number}: a request that runs and lacks only its newest token computes nothing.", number=number)
    left = max_tokens - used
    if left and any(start_of[i] + work.get(i, (0, 0))[1] < known[i] for i in tables):
        return reject("Step {number} leaves {left} of the tokens unused, and a request that runs has more to compute.", number=number, left=left)
    could = left and len(tables) < max_seqs and not preempted and len(order) > len(tables)
    if could:  # known blocks may be among the free ones, and a chunk behind them needs others
        chunk = known[order[len(tables)]] if cached else min(known[order[len(tables)]], left)
    if could and step["n_free"] >= -(-chunk // bs):
        return reject("Step {number}: a request waits, although it could begin.", number=number)
    return None


def keeps_the_rules(seen, want, inputs):
    """Any schedule that keeps the rules is right; it has to end, too."""
    rules = partial(_rules, cached=inputs["options"].get("prefix_cache", True))
    return follow(seen["log"], inputs["sizes"], inputs["requests"], rules) or difference(seen["done"], want["done"])


@check(
    points=3,
    inputs=traffic,
    judge=keeps_the_rules,
    lecture="what-a-step-does",
    public=[
        case("a long prompt in chunks, while another one goes on", max_tokens=4, max_seqs=2, n_blocks=9, bs=2, requests=[(3, [1, 2], 6, 0), (4, [5] * 9, 2, 1)]),
        case("the last one has to go", max_tokens=8, max_seqs=3, n_blocks=4, bs=2, requests=[(9, [1, 2], 5, 0), (5, [3, 4], 4, 0)]),
        case("nobody waits without need", max_tokens=9, max_seqs=2, n_blocks=12, bs=2, requests=[(1, [1, 2], 6, 0), (2, [3], 2, 0), (3, [4, 4], 2, 0)]),
    ],
    hidden=[
        case("twelve requests, few blocks", max_tokens=9, max_seqs=4, n_blocks=7, bs=3, n=12),
        case("few requests at a time", max_tokens=16, max_seqs=2, n_blocks=30, bs=2, n=7, new=(2, 7)),
        case("small chunks", max_tokens=3, max_seqs=3, n_blocks=16, bs=2, n=5, prompt=(6, 14), new=(3, 9)),
        case("enough of everything", max_tokens=64, max_seqs=12, n_blocks=60, bs=3, n=8, gap=1),
        case("blocks of one token, all needed", max_tokens=5, max_seqs=5, n_blocks=11, bs=1, n=6, prompt=(1, 5), new=(3, 7), gap=1),
        case("the same beginning", max_tokens=6, max_seqs=4, n_blocks=10, bs=2, n=8, shared=7),
        case("without a prefix cache", max_tokens=6, max_seqs=4, n_blocks=10, bs=2, n=6, shared=7, prefix_cache=False),
        case("a chunk needs no more than its own blocks", max_tokens=4, max_seqs=2, n_blocks=5, bs=2, requests=[(1, [1, 2], 4, 0), (2, [3] * 8, 1, 1)], prefix_cache=False),
        case("all are preempted several times", max_tokens=18, max_seqs=18, n_blocks=6, bs=2, n=7, prompt=(1, 4), new=(5, 8), gap=1),
        case("nineteen at a time", max_tokens=40, max_seqs=19, n_blocks=60, bs=2, n=22, prompt=(1, 3), new=(2, 4), gap=1),
        case("blocks of nineteen", max_tokens=30, max_seqs=3, n_blocks=6, bs=19, n=4, prompt=(15, 40), new=(3, 6)),
        case("pauses, and one token each", max_tokens=5, max_seqs=2, n_blocks=9, bs=2, n=5, gap=6, new=(1, 3)),
        # 2 is preempted, and then gets one token of each step: what the model gave is computed again, too, and is no newest token.
        case("computed again in chunks of one", max_tokens=2, max_seqs=2, n_blocks=6, bs=2, requests=[(1, [1, 2], 10, 0), (2, [3], 8, 0)], prefix_cache=False),
    ],
    fresh=2,
    cites=["No step computes more tokens", "no more requests run at a time", "those that run are always the ones", "computes it in every step", "No step leaves some of max_tokens unused",
           "the one that was added last of those that run is preempted", "Nobody is preempted while there are blocks", "it waits before all others", "The order in each list is open"],
)  # fmt: skip
def every_step_keeps_the_rules(student, sizes, options, requests, limit):
    """Each step keeps to max_tokens and max_seqs, serves the first who came, wastes nothing, and preempts the last when it must."""
    _, log, _, done = serve(student, sizes, options, requests, limit)
    return {"log": log, "done": done}


def _blocks(number, step, sizes, order, known, prompts, over, lasting, work, twice, begins, start_of):
    n_blocks, bs = sizes[2:]
    tables = step["tables"]
    everything = [b for table in tables.values() for b in table]
    if any(not isinstance(b, int) or not 0 <= b < n_blocks for b in everything):
        return reject("Step {number}: a table has something that is no block.", number=number)
    for i, table in tables.items():
        if len(set(table)) != len(table):
            return reject("Step {number}: a table has a block twice.", number=number)
        if len(table) != -(-(start_of[i] + work.get(i, (0, 0))[1]) // bs):
            return reject("Step {number}: a table has more or fewer blocks than its computed tokens need.", number=number)
        old = lasting.get(i, [])
        if i not in begins and table[: len(old)] != old:
            return reject("Step {number}: blocks of a request that runs were exchanged.", number=number)
        mine = start_of[i] // bs if i in work else len(table)
        for b in table[mine:]:
            if everything.count(b) > 1 and not any(b in other[: -(-start_of.get(j, 0) // bs)] for j, other in tables.items() if j != i and j in begins):
                return reject("Step {number}: a block that is written is in two tables.", number=number)
    if step["n_free"] != n_blocks - len(set(everything)):
        return reject("Step {number}: n_free is not the number of blocks that are in no table.", number=number)
    return None


def keeps_the_books(seen, want, inputs):
    return follow(seen["log"], inputs["sizes"], inputs["requests"], _blocks) or difference(
        {name: seen[name] for name in ("done", "idle")}, {name: want[name] for name in ("done", "idle")}
    )


@check(
    points=2,
    inputs=traffic,
    judge=keeps_the_books,
    lecture="blocks",
    public=[
        case("two requests", max_tokens=6, max_seqs=2, n_blocks=8, bs=2, requests=[(7, [1, 2, 3], 3, 0), (2, [4, 5, 6, 7], 2, 1)]),
        case("few blocks", max_tokens=6, max_seqs=3, n_blocks=4, bs=2, n=3, prompt=(2, 4), new=(3, 5), gap=1),
    ],
    hidden=[
        case("ten requests, few blocks", max_tokens=9, max_seqs=4, n_blocks=8, bs=3, n=10),
        case("the same beginning, few blocks", max_tokens=10, max_seqs=5, n_blocks=9, bs=2, n=9, shared=8, new=(2, 7)),
        case("shared by many at once", max_tokens=30, max_seqs=9, n_blocks=26, bs=3, n=9, shared=12, gap=1),
        case("blocks of nineteen", max_tokens=30, max_seqs=3, n_blocks=6, bs=19, n=4, prompt=(15, 40), new=(3, 6)),
        case("blocks of one token", max_tokens=7, max_seqs=4, n_blocks=14, bs=1, n=6, shared=5),
        case("long prompts in small chunks", max_tokens=4, max_seqs=3, n_blocks=12, bs=4, n=4, prompt=(9, 30), new=(1, 9)),
        case("without a prefix cache", max_tokens=10, max_seqs=4, n_blocks=8, bs=2, n=8, shared=6, prefix_cache=False, new=(2, 5)),
    ],
    fresh=1,
    cites=["has exactly the blocks that its computed tokens need", "its table is gone", "How many blocks are in no table", "two tables share a block only if", "all lists of the answer are empty"],
)  # fmt: skip
def no_block_is_lost(student, sizes, options, requests, limit):
    """Tables have the blocks that are needed and no others, nothing is written that others use, and all blocks come back."""
    scheduler, log, _, done = serve(student, sizes, options, requests, limit)
    out = scheduler.step({})
    idle = [out.prefill, out.decode, out.preempted, out.finished, scheduler.tables, scheduler.n_free]
    return {"log": log, "done": done, "idle": idle}


# --- the prefix cache ------------------------------------------------------------------------------------------------


def _answer(prompt, new):
    """The text that `serve` gives for a prompt."""
    tokens, values, value = list(prompt), [], 1
    for _ in range(new):
        while len(values) < len(tokens):
            value = (value * 1000003 + tokens[len(values)] + 1) % 2**31
            values.append(value)
        total = 0
        for each in values:
            total = (total * 31 + each) % 2**31
        tokens.append(total % 50)
    return tokens[len(prompt) :]


def one_by_one(rng, n_blocks, prompts=(), bs=2, max_tokens=64, new=1, prefix_cache=None, chat=False, requests=None):
    """Each request comes when the one before has long finished. chat: each goes on behind the answer to the one before."""
    if chat:
        turns, prompts = prompts, [prompts[0]]
        for turn in turns[1:]:
            prompts.append([*prompts[-1], *_answer(prompts[-1], new), *turn])
    requests = [list(each) for each in requests or ((i + 1, list(prompt), new, 40 * i) for i, prompt in enumerate(prompts))]
    options = {} if prefix_cache is None else {"prefix_cache": prefix_cache}
    return {"sizes": [max_tokens, 2, n_blocks, bs], "options": options, "requests": requests, "limit": 40 * len(requests) + 60}


def _first_chunks(student, sizes, options, requests, limit):
    """Where each request began to compute, also after each preemption."""
    _, log, texts, _ = serve(student, sizes, options, requests, limit)
    starts, before = {}, {}
    for step in log:
        for i, start, n in step["prefill"]:
            if i not in before:
                starts.setdefault(i, []).append([start, n])
        for i in step["decode"]:
            if i not in before:
                starts.setdefault(i, []).append(["decode"])
        before = step["tables"]
    return {"starts": starts, "texts": texts}


AB = [1, 2, 3, 4, 5, 6, 7]


@check(
    points=1,
    inputs=one_by_one,
    lecture="the-prefix-cache",
    public=[
        case("the same prompt again", prompts=[AB, AB], n_blocks=20),
        case("the same block behind another one", prompts=[[1, 2, 3, 4, 5], [9, 9, 3, 4, 5]], n_blocks=20),
        case("all of it is known", prompts=[[1, 2, 3, 4], [1, 2, 3, 4]], n_blocks=20),
    ],
    hidden=[
        case("several lengths", prompts=[AB, AB[:2], AB[:3], AB[:5], [*AB, 8, 9], [*AB, 8, 7]], n_blocks=40),
        case("a gap", prompts=[AB, [1, 2, 9, 4, 5, 6, 7], [1, 2, 3, 4, 9, 6, 7]], n_blocks=30),
        case("blocks of three, that do not come out even", bs=3, prompts=[AB, AB, AB[:6], [*AB, 1, 2, 3]], n_blocks=20),
        case("tokens that the model gave are known as well", new=8, prompts=[[1, 2], [1, 2], [1, 2, 3]], n_blocks=30),
        case("a chat: the next question stands behind the answer", chat=True, new=6, prompts=[[1, 2, 3], [4], [5, 6]], n_blocks=40),
        # 1 and 2 compute the same block at the same time. The block of 1 is taken by 5, that of 2 is still known.
        case("two blocks with the same tokens, one is forgotten", n_blocks=8,
             requests=[(1, [1, 2], 1, 0), (2, [1, 2], 9, 0), (4, [9] * 9, 1, 1), (5, [8, 8], 1, 3), (3, [1, 2, 3], 1, 5)]),
        # As above, but neither 1 nor 2 runs any more when a block is taken.
        case("two blocks with the same tokens, both given back", n_blocks=4,
             requests=[(1, [1, 2], 1, 0), (2, [1, 2], 1, 0), (4, [9] * 5, 1, 4), (3, [1, 2, 3], 1, 8)]),
        case("switched off", prompts=[AB, AB, AB[:4]], n_blocks=20, prefix_cache=False),
        case("computed in chunks", prompts=[AB, AB, [*AB, 4, 4, 4]], n_blocks=20, max_tokens=3),
        case("blocks of one", bs=1, prompts=[AB, AB, [1, 2, 3, 3], [1]], n_blocks=30),
        # 2 is preempted when 1 needs a third block, and begins again when 1 is finished.
        case("after a preemption", n_blocks=4, max_tokens=8, requests=[(1, [10, 11, 12, 13], 3, 0), (2, [20], 6, 0)]),
        case("after a preemption, switched off", n_blocks=4, max_tokens=8, requests=[(9, [1, 2], 5, 0), (5, [3, 4], 4, 0)], prefix_cache=False),
        case("a prompt that begins in the last free block", n_blocks=5, max_tokens=4, requests=[(1, [1, 2], 4, 0), (2, [3] * 8, 1, 1)]),
        case("a long one", prompts=[range(40), range(40), range(39)], n_blocks=60),
    ],
    cites=["uses the known blocks that its known tokens begin with", "its first chunk has start", "At least its last known token"],
)  # fmt: skip
def known_beginnings_are_not_computed(student, sizes, options, requests, limit):
    """A request begins behind the known full blocks of its beginning, and computes one token at least."""
    return _first_chunks(student, sizes, options, requests, limit)


A, B, C, D = ([10 * i + j for j in range(5)] for i in (1, 2, 3, 4))


@check(
    points=1,
    inputs=one_by_one,
    lecture="the-prefix-cache",
    public=[
        case("room for two: the older one is forgotten", prompts=[A, B, C, B, A], n_blocks=6),
        case("used again, so it stays", prompts=[A, B, A, C, A, B], n_blocks=6),
    ],
    hidden=[
        case("room for three", prompts=[A, B, C, D, A, D, C], n_blocks=9),
        case("the end of a beginning is forgotten first", prompts=[A, B[:3], A, B, A[:3]], n_blocks=4),
        case("never used blocks are taken first", prompts=[A, B[:2], C[:2], A], n_blocks=5),
        case("long ones, half forgotten", prompts=[range(9), range(20, 26), range(9), range(30, 34), range(20, 29), range(9)], n_blocks=8),
        case("longer texts", new=5, prompts=[A, B, A, C, D, C, A], n_blocks=10),
        case("blocks of three", bs=3, prompts=[range(10), range(20, 27), range(40, 47), range(10), range(20, 27)], n_blocks=7),
        case("who is preempted gives back the end of a beginning first", n_blocks=5, max_tokens=8, requests=[(9, [1, 2], 7, 0), (5, [3, 4], 6, 0)]),
    ],
    cites=["The free block that was given back the longest time ago", "the last one of its table counts as given back first", "Using a free block from the prefix cache"],
)  # fmt: skip
def what_was_not_used_longest_is_forgotten(student, sizes, options, requests, limit):
    """A new block is the free one that was given back the longest time ago; ends of tables go before their beginnings."""
    return _first_chunks(student, sizes, options, requests, limit)
