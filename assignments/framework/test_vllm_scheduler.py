"""Public checks of framework/vllm_scheduler: run `pytest` on this file, or `autograder check framework/vllm_scheduler`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from functools import partial
from autograder.checks import case, check, difference, reject


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


@check(points=2, inputs=sequences, judge=same_where_all_before_is_the_same, lecture='the-prefix-cache', public=[case('the same block behind another one', bs=2, lists=[[1, 2, 3, 4], [5, 6, 3, 4], [1, 2, 3, 4, 5]]), case('the same block twice', bs=2, lists=[[1, 2, 1, 2, 1, 2]]), case('another extra', bs=2, lists=[[1, 2, 3, 4]], extras=[(), ('adapter',), ('adapter', 2)])])
def a_number_stands_for_all_before_it(student, calls, bs, many):
    """Full blocks have equal numbers exactly if they and everything before them are the same."""
    numbers = [student.block_hashes(tokens, bs, tuple(extra)) for tokens, extra in calls]
    different = {h for i in range(many) for h in student.block_hashes([i, *range(20 * bs - 1)], bs)}
    return {"numbers": numbers, "different": len(different)}


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


@check(points=3, inputs=traffic, lecture='what-a-step-does', public=[case('one request', max_tokens=8, max_seqs=2, n_blocks=8, bs=2, requests=[(3, [1, 2, 3], 4, 0)]), case('three requests, and few blocks', max_tokens=6, max_seqs=3, n_blocks=5, bs=2, n=3, prompt=(2, 5), new=(3, 5), gap=1), case('the same beginning', max_tokens=8, max_seqs=2, n_blocks=9, bs=2, requests=[(1, [5, 6, 7, 8, 9], 2, 0), (2, [5, 6, 7, 8, 4], 2, 2)])])
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


@check(points=3, inputs=traffic, judge=keeps_the_rules, lecture='what-a-step-does', public=[case('a long prompt in chunks, while another one goes on', max_tokens=4, max_seqs=2, n_blocks=9, bs=2, requests=[(3, [1, 2], 6, 0), (4, [5] * 9, 2, 1)]), case('the last one has to go', max_tokens=8, max_seqs=3, n_blocks=4, bs=2, requests=[(9, [1, 2], 5, 0), (5, [3, 4], 4, 0)]), case('nobody waits without need', max_tokens=9, max_seqs=2, n_blocks=12, bs=2, requests=[(1, [1, 2], 6, 0), (2, [3], 2, 0), (3, [4, 4], 2, 0)])])
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


@check(points=2, inputs=traffic, judge=keeps_the_books, lecture='blocks', public=[case('two requests', max_tokens=6, max_seqs=2, n_blocks=8, bs=2, requests=[(7, [1, 2, 3], 3, 0), (2, [4, 5, 6, 7], 2, 1)]), case('few blocks', max_tokens=6, max_seqs=3, n_blocks=4, bs=2, n=3, prompt=(2, 4), new=(3, 5), gap=1)])
def no_block_is_lost(student, sizes, options, requests, limit):
    """Tables have the blocks that are needed and no others, nothing is written that others use, and all blocks come back."""
    scheduler, log, _, done = serve(student, sizes, options, requests, limit)
    out = scheduler.step({})
    idle = [out.prefill, out.decode, out.preempted, out.finished, scheduler.tables, scheduler.n_free]
    return {"log": log, "done": done, "idle": idle}


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


@check(points=1, inputs=one_by_one, lecture='the-prefix-cache', public=[case('the same prompt again', prompts=[AB, AB], n_blocks=20), case('the same block behind another one', prompts=[[1, 2, 3, 4, 5], [9, 9, 3, 4, 5]], n_blocks=20), case('all of it is known', prompts=[[1, 2, 3, 4], [1, 2, 3, 4]], n_blocks=20)])
def known_beginnings_are_not_computed(student, sizes, options, requests, limit):
    """A request begins behind the known full blocks of its beginning, and computes one token at least."""
    return _first_chunks(student, sizes, options, requests, limit)


A, B, C, D = ([10 * i + j for j in range(5)] for i in (1, 2, 3, 4))


@check(points=1, inputs=one_by_one, lecture='the-prefix-cache', public=[case('room for two: the older one is forgotten', prompts=[A, B, C, B, A], n_blocks=6), case('used again, so it stays', prompts=[A, B, A, C, A, B], n_blocks=6)])
def what_was_not_used_longest_is_forgotten(student, sizes, options, requests, limit):
    """A new block is the free one that was given back the longest time ago; ends of tables go before their beginnings."""
    return _first_chunks(student, sizes, options, requests, limit)
