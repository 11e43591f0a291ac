"""framework/vllm_scheduler against numbers of vLLM's own tests, a counting model of its loop, and each request alone."""

import random

import pytest


def serve(reference, sizes, requests, **options):
    """Serve (id, prompt, max_new, arrival); a new token depends on all known tokens. Gives the steps and the texts."""
    scheduler = reference.Scheduler(*sizes, **options)
    known, texts, log, sampled = {}, {}, [], {}
    coming, done = list(requests), set()
    for step in range(5000):
        while coming and coming[0][3] <= step:
            i, prompt, new, arrival = coming.pop(0)
            scheduler.add(reference.Req(i, list(prompt), new, arrival))
            known[i], texts[i] = list(prompt), []
        out = scheduler.step(sampled)
        log.append((out, scheduler.tables, scheduler.n_free))
        done |= set(out.finished)
        sampled = {}
        for i, start, n in out.prefill + [(i, len(known[i]) - 1, 1) for i in out.decode]:
            if start + n == len(known[i]):
                sampled[i] = hash(tuple(known[i])) % 50
                texts[i].append(sampled[i])
        for i, token in sampled.items():
            known[i].append(token)
        if not coming and len(done) == len(requests):
            return scheduler, log, texts
    raise AssertionError("it does not end")


def test_prefix_caching_of_vllm(reference):
    """The numbers of vLLM's test_prefix_caching.py (`test_prefill`): 10 blocks of 16, prompts of 55 and 53 tokens, 48 of them alike.

    vLLM's block 0 is a placeholder, so its blocks 1 to 10 are 0 to 9 here. After both, its free blocks are 6 7 8 9 10, 4, 5, 3 2 1.
    """
    common = [i for i in range(3) for _ in range(16)]
    scheduler = reference.Scheduler(1000, 8, 10, 16)
    scheduler.add(reference.Req(0, common + [3] * 7, 2))
    first = scheduler.step({})
    assert first.prefill == [(0, 0, 55)] and scheduler.tables == {0: [0, 1, 2, 3]}
    scheduler.add(reference.Req(1, common + [4] * 5, 1))
    second = scheduler.step({0: 9})
    assert second.prefill == [(1, 48, 5)] and second.decode == [0]
    assert scheduler.tables == {0: [0, 1, 2, 3], 1: [0, 1, 2, 4]} and scheduler.n_free == 5
    last = scheduler.step({0: 9, 1: 9})
    assert sorted(last.finished) == [0, 1] and scheduler.n_free == 10
    assert list(scheduler.unused) == [5, 6, 7, 8, 9, 3, 4, 2, 1, 0]
    scheduler.add(reference.Req(2, common + [5] * 6, 1))
    assert scheduler.step({}).prefill == [(2, 48, 6)]
    assert scheduler.tables == {2: [0, 1, 2, 5]}


def counting(sizes, requests):
    """The loop of vLLM's scheduler without a prefix cache, with numbers of blocks only."""
    max_tokens, max_seqs, n_blocks, bs = sizes
    waiting, running, steps = [], [], []
    coming, finished = [dict(id=i, prompt=len(p), known=len(p), end=len(p) + new, done=0, at=at) for i, p, new, at in requests], 0
    blocks = lambda n: (n + bs - 1) // bs  # noqa: E731
    while finished < len(requests):
        while coming and coming[0]["at"] <= len(steps):
            waiting.append(coming.pop(0))
        for r in running:
            r["known"] += r["done"] == r["known"]
        ended = [r["id"] for r in running if r["known"] == r["end"]]
        finished += len(ended)
        running = [r for r in running if r["known"] < r["end"]]
        budget, chunks, gone, index = max_tokens, {}, [], 0
        while index < len(running) and budget:
            r = running[index]
            n = min(r["known"] - r["done"], budget)
            while sum(blocks(x["done"]) for x in running if x is not r) + blocks(r["done"] + n) > n_blocks:
                victim = running.pop()
                victim["done"] = 0
                waiting.insert(0, victim)
                gone.append(victim["id"])
                if victim is r:
                    break
            if r in running:
                chunks[r["id"]] = (r["done"], n)
                r["done"] += n
                budget -= n
                index += 1
        while waiting and budget and len(running) < max_seqs and not gone:
            r = waiting[0]
            n = min(r["known"], budget)
            if sum(blocks(x["done"]) for x in running) + blocks(n) > n_blocks:
                break
            running.append(waiting.pop(0))
            chunks[r["id"]] = (0, n)
            r["done"] = n
            budget -= n
        steps.append((chunks, gone, sorted(ended)))
    return steps


SIZES = [(8, 3, 6, 2), (5, 5, 14, 1), (16, 4, 9, 3), (64, 8, 200, 4), (4, 2, 12, 2)]


def random_requests(seed, sizes, n=14):
    draw = random.Random(seed)
    room, at, made = sizes[2] * sizes[3], 0, []
    for i in range(n):
        new = draw.randint(1, min(6, room - 1))
        made.append((i, [draw.randrange(3) for _ in range(draw.randint(1, min(9, room - new)))], new, at))
        at += draw.randint(0, 2)
    return made


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("seed", range(6))
def test_the_loop_of_vllm(reference, sizes, seed):
    requests = random_requests(seed, sizes)
    _, log, _ = serve(reference, sizes, requests, prefix_cache=False)
    want = counting(sizes, requests)
    got = []
    for out, _, _ in log:
        chunks = {i: (start, n) for i, start, n in out.prefill} | dict.fromkeys(out.decode)
        got.append((chunks, out.preempted, sorted(out.finished)))
    assert len(got) == len(want)
    for (mine, *others), (theirs, *wanted) in zip(got, want, strict=True):
        assert others == wanted and set(mine) == set(theirs)
        assert all((chunk is None and theirs[i][1] == 1) or chunk == theirs[i] for i, chunk in mine.items())


@pytest.mark.parametrize("sizes", SIZES)
@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("prefix_cache", [True, False])
def test_texts_are_those_of_each_alone(reference, sizes, seed, prefix_cache):
    requests = random_requests(seed + 100, sizes)
    scheduler, log, texts = serve(reference, sizes, requests, prefix_cache=prefix_cache)
    for i, prompt, new, _ in requests:
        _, _, alone = serve(reference, sizes, [(i, prompt, new, 0)])
        assert texts[i] == alone[i] and len(texts[i]) == new
    assert scheduler.n_free == sizes[2] and scheduler.tables == {}
    for out, tables, n_free in log:
        assert sum(n for _, _, n in out.prefill) + len(out.decode) <= sizes[0] and len(tables) <= sizes[1]
        assert n_free == sizes[2] - len({b for table in tables.values() for b in table})


def test_hashes(reference):
    """All lists of up to five tokens of two kinds: numbers are equal exactly where all tokens up to the end of the block are."""
    import itertools

    by_number = {}
    for length in range(6):
        for tokens in itertools.product(range(2), repeat=length):
            for extra in ((), ("a",)):
                hashes = reference.block_hashes(list(tokens), 2, extra)
                assert len(hashes) == length // 2
                for i, h in enumerate(hashes, 1):
                    by_number.setdefault(h, set()).add((tokens[: 2 * i], extra))
    assert all(len(each) == 1 for each in by_number.values())
    assert len(by_number) == 2 * (4 + 16)
