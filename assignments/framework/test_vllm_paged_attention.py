"""Public checks of framework/vllm_paged_attention: run `pytest` on this file, or `autograder check framework/vllm_paged_attention`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from math import inf, nan
import torch
from autograder.checks import Budget, case, check, flags, reject


def traffic(rng, n, steps, mix="aaffkcc", ops=None):
    """Operations by their letters, each with a random number that says which of the blocks in use it is about."""
    letters = list(ops) if ops else [rng.choice(mix) for _ in range(steps)]
    return {"n": n, "ops": [[letter, rng.integer(0, 10**6)] for letter in letters]}


def drive(allocator, n, ops):
    """Operate an allocator: `held` has each use of a block once. What was asked and what came back is written down.

    a: alloc. f: free one use. k: fork some uses, t: all of them. c: cow. x: free something that nobody has, y: fork it behind a good one, z: cow it.
    """
    held, log = [], []

    def attempt(name, about, *arguments):
        about = list(about)
        try:
            value = getattr(allocator, name)(*arguments)
        except (MemoryError, ValueError) as error:
            value = type(error).__name__
        log.append({"op": name, "about": about, "gave": value, "n_free": allocator.n_free})
        return value

    for letter, number in ops:
        use = number % len(held) if held else None
        unused = sorted(set(range(n)) - set(held))
        nobody = [*unused[:1], -1, n][number % (len(unused[:1]) + 2)]
        if letter == "a":
            block = attempt("alloc", [])
            if isinstance(block, int):
                held.append(block)
        elif letter == "x":
            attempt("free", [nobody], nobody)
        elif letter == "z":
            attempt("cow", [nobody], nobody)
        elif letter == "y":
            table = [*held[:2], nobody]
            attempt("fork", table, table)
        elif use is None:
            continue
        elif letter == "f":
            attempt("free", [held[use]], held[use])
            held.pop(use)
        elif letter == "k":
            table = [held[use], held[0]]
            new = attempt("fork", table, table)
            table.clear()  # the new list is not this one
            if isinstance(new, list):
                held += new
        elif letter == "t":  # all of them
            table = list(held)
            new = attempt("fork", table, table)
            if isinstance(new, list):
                held += new
        elif letter == "c":
            got = attempt("cow", [held[use]], held[use])
            if isinstance(got, tuple):
                held[use] = got[0]
    return log


def keeps_the_books(seen, want, inputs):
    """The log is replayed: only a block that nobody has may be handed out, and the users decide about everything else."""
    for name in want:
        n = inputs["n"]
        users = [0] * n
        if len(seen[name]) != len(want[name]):
            return reject("After a wrong answer of the allocator, fewer or more operations were possible.")
        for number, step in enumerate(seen[name], 1):
            op, about, gave = step["op"], step["about"], step["gave"]
            known = all(isinstance(b, int) and 0 <= b < n and users[b] > 0 for b in about)
            free = sum(u == 0 for u in users)
            taken = None
            if op == "alloc":
                right = "MemoryError" if not free else None
                taken = gave if right is None else None
                if right is not None and gave != right:
                    return reject("Operation {number}: no block is free, so alloc raises MemoryError.", number=number)
            elif not known:
                if gave != "ValueError":
                    return reject("Operation {number}, {op}: a block without users gives ValueError.", number=number, op=op)
            elif op == "free":
                users[about[0]] -= 1
                if gave is not None:
                    return reject("Operation {number}: this block has a user, so free accepts it.", number=number)
            elif op == "fork":
                for b in about:
                    users[b] += 1
                if gave != about:
                    return reject("Operation {number}: fork gives a list of the same blocks.", number=number)
            elif users[about[0]] == 1:
                if gave != (about[0], False):
                    return reject("Operation {number}: this block has one user, so cow gives the block itself and False.", number=number)
            elif not free:
                if gave != "MemoryError":
                    return reject("Operation {number}: cow needs a block and none is free, so it raises MemoryError.", number=number)
            else:
                if not isinstance(gave, tuple) or len(gave) != 2 or gave[1] is not True:
                    return reject("Operation {number}: this block has several users, so cow gives another one and True.", number=number)
                taken = gave[0]
                users[about[0]] -= 1
            if taken is not None or (op == "alloc" and free):
                if not isinstance(taken, int) or isinstance(taken, bool) or not 0 <= taken < n or users[taken]:
                    return reject("Operation {number}, {op}: the block that was handed out is in use, or is no block.", number=number, op=op)
                users[taken] = 1
            if step["n_free"] != sum(u == 0 for u in users):
                return reject("After operation {number}, {op}: n_free is not the number of blocks without users.", number=number, op=op)
    return None


@check(points=2, inputs=traffic, judge=keeps_the_books, lecture='blocks-and-their-users', public=[case('two blocks', n=2, steps=0, ops='aafafaf'), case('forks and copies on write', n=4, steps=0, ops='akcckcffff'), case('twenty operations', n=5, steps=20)])
def blocks_have_as_many_users_as_uses(student, n, ops):
    """Only blocks that nobody has are handed out, and a block is free when its last user has left it."""
    one, other = student.BlockAllocator(n), student.BlockAllocator(n)
    return {"one": drive(one, n, ops), "other": drive(other, n, ops[::-1])}


@check(points=1, inputs=traffic, judge=keeps_the_books, lecture='blocks-and-their-users', public=[case('none is free', n=2, steps=0, ops='aaaka' + 'c' * 4), case('freed twice', n=3, steps=0, ops='xxafxxax')])
def what_is_refused_changes_nothing(student, n, ops):
    """A block without users gives ValueError, a missing block MemoryError, and everything is as before."""
    return {"one": drive(student.BlockAllocator(n), n, ops)}


def tokens(rng, nb=3, bs=2, G=1, D=2, n=3, slots=None, skip=0, dtype="float32", layout="plain"):
    slots = torch.tensor(slots) if slots is not None else rng.permutation(nb * bs)[:n]
    slots[torch.arange(len(slots)) < skip] = -1
    n = len(slots)
    made = [rng.normal(n, G, D, dtype=dtype) for _ in "kvkv"]
    return {"cache": rng.normal(2, nb, bs, G, D, dtype=dtype), "made": made, "slots": slots, "layout": layout}


@check(points=2, inputs=tokens, lecture='slots', public=[case('slots 1 and 2', nb=2, slots=[1, 2]), case('one is written nowhere', nb=2, bs=3, slots=[4, -1, 0]), case('keys and values of a block side by side', layout='side by side', n=4)])
def tokens_land_in_their_slots(student, cache, made, slots, layout):
    """The cache itself is written, whatever its layout: slot b · bs + i is offset i of block b, and -1 is none."""
    whole = cache.clone()
    if layout == "side by side":
        whole = whole.transpose(0, 1).contiguous().transpose(0, 1)
    elif layout == "heads first":
        whole = whole.transpose(2, 3).contiguous().transpose(2, 3)
    k, v, k2, v2 = made
    view, given = k.mT.contiguous().mT, slots.clone()
    result = student.write_kv(whole[0], whole[1], view, v, given)
    first = whole.clone()
    student.write_kv(whole[0], whole[1], k2, v2, given.roll(1))
    return {"result": result, "first": first, "second": whole, "left": [given, view.clone()]}


def requests(rng, lens, bs=2, G=1, H=1, D=2, extra=0, more=0, first=None, dtype="float32", loud=1.0, scale=None, behind=None):
    """Requests of these lengths in a shuffled cache. extra: unused blocks. more: entries behind the table. first: the block of the first entry."""
    needs = [-(-n // bs) for n in lens]
    nb, m = sum(needs) + extra, max(needs) + more
    order = rng.permutation(nb).tolist()
    if first is not None:
        order.remove(first)
        order.insert(0, first)
    tables = []
    for need in needs:
        row, order = order[:need], order[need:]
        fill = [rng.integer(0, nb) if behind is None else behind for _ in range(m - need)]
        tables.append(row + fill)
    cache = [rng.normal(nb, bs, G, D, dtype=dtype) for _ in "kv"]
    return {
        "q": loud * rng.normal(len(lens), H, D, dtype=dtype), "kc": cache[0], "vc": cache[1], "block_tables": torch.tensor(tables),
        "ctx_lens": torch.tensor(lens), "scale": D**-0.5 if scale is None else scale,
    }


def holes(cache, block_tables, ctx_lens):
    """(nb, bs, 1, 1) bool: the slots that hold no token of any request."""
    nb, bs = cache.shape[:2]
    real = torch.zeros(nb * bs, dtype=torch.bool)
    for row, n in zip(block_tables.tolist(), ctx_lens.tolist(), strict=True):
        for j in range(n):
            real[row[j // bs] * bs + j % bs] = True
    return ~real.view(nb, bs, 1, 1)


@check(points=2, inputs=requests, lecture='attention-through-a-table', public=[case('one request of three tokens, in two blocks', lens=[3]), case('two requests', lens=[4, 1], bs=3, H=2, D=3), case('four query heads share two', lens=[5], bs=2, G=2, H=4, scale=1.0)])
def attention_follows_the_block_table(student, q, kc, vc, block_tables, ctx_lens, scale):
    """The output is the attention over the request's tokens, wherever their blocks lie."""
    nb = len(kc)
    turned = kc.mT.contiguous().mT, vc.transpose(0, 1).contiguous().transpose(0, 1), q.mT.contiguous().mT
    found = {"out": student.paged_attention(q, kc, vc, block_tables, ctx_lens, scale)}
    # The same requests with the blocks in the opposite order, as views.
    moved = turned[0].flip(0), turned[1].flip(0)
    found["moved"] = student.paged_attention(turned[2], *moved, nb - 1 - block_tables, ctx_lens, scale)
    found["other values"] = student.paged_attention(q, kc.flip(0), vc.flip(0) + 1, block_tables, ctx_lens, scale)
    found["others"] = student.paged_attention(-q, turned[0], turned[1], block_tables, ctx_lens, scale)
    return found | {"left": flags(q, kc, vc, block_tables)}


@check(points=1, inputs=requests, lecture='attention-through-a-table', public=[case('the table goes on with block 0, which is used', lens=[3, 1], more=2, behind=0, first=0), case('rubbish behind the last token', lens=[1, 3, 5], bs=4), case('the table goes on with a number that is no block', lens=[3, 1], more=1, behind=99)])
def rubbish_is_not_looked_at(student, q, kc, vc, block_tables, ctx_lens, scale):
    """What stands in other slots (nan, infinities, large numbers) and behind the end of a table changes nothing."""
    hole = holes(kc, block_tables, ctx_lens)
    rubbish = [(nan, nan), (1e30, inf), (-inf, nan), (0.0, 7.0)]
    found = []
    for a, b in rubbish:
        keys, values = kc.masked_fill(hole, a), vc.masked_fill(hole, b)
        before = [each.clone().view(torch.uint8) for each in (keys, values)]  # bits: nan is not equal to itself
        found.append(student.paged_attention(q, keys, values, block_tables, ctx_lens, scale))
        found.append([torch.equal(old, each.view(torch.uint8)) for old, each in zip(before, (keys, values), strict=True)])
    return found


def in_a_large_cache(rng, lens, nb, bs=16, G=2, H=8, D=32):
    """64 numbers for keys and 64 for values: what ships stays small, and the experiment makes a large cache of them."""
    order, tables = rng.permutation(nb).tolist(), []
    for n in lens:
        tables.append([order.pop() for _ in range(-(-n // bs))])
    tables = [row + [-1] * (max(map(len, tables)) - len(row)) for row in tables]
    return {"q": rng.normal(len(lens), H, D), "few": rng.normal(2, 64), "sizes": [nb, bs, G, D], "block_tables": torch.tensor(tables), "ctx_lens": torch.tensor(lens)}


@check(points=1, inputs=in_a_large_cache, lecture='attention-through-a-table', budget=Budget(memory=4), public=[case('two short requests in a cache of 8192 blocks', nb=8192, lens=[40, 21])])
def the_cache_is_not_copied(student, q, few, sizes, block_tables, ctx_lens):
    """Memory follows the requests, not the size of the cache: no copy of it is made."""
    nb, bs, G, D = sizes
    caches = []
    for numbers in few:
        times = -(-(8 * nb + bs * G * D) // 64)
        long = torch.cat([numbers * (1 + each / times) for each in range(times)])
        # Each block begins eight numbers behind the one before: a large cache as a view of few numbers.
        caches.append(long.unfold(0, bs * G * D, 8)[:nb].unflatten(1, (bs, G, D)))
    return student.paged_attention(q, *caches, block_tables, ctx_lens, D**-0.5)


def families(rng, prompt, children, new, bs=2, G=1, H=2, D=3):
    T = prompt + children * new
    return {
        "sizes": [bs, prompt, children, new],
        "q": rng.normal(children, new, H, D, dtype="float64"),
        "k": rng.normal(T, G, D, dtype="float64"),
        "v": rng.normal(T, G, D, dtype="float64"),
    }


@check(points=2, inputs=families, lecture='shared-beginnings', public=[case('two continuations of three tokens', prompt=3, children=2, new=2)])
def continuations_share_a_prompt(student, sizes, q, k, v):
    """Requests that fork a prompt, copy on write and go on get the attention that each would get alone."""
    bs, prompt, children, new = sizes
    G, D = k.shape[1:]
    blocks = -(-prompt // bs) + children * (-(-(prompt + new) // bs) - prompt // bs)
    allocator = student.BlockAllocator(blocks)
    cache = torch.full((blocks, 2, bs, G, D), float("nan"), dtype=torch.float64)  # keys and values side by side
    kc, vc = cache[:, 0], cache[:, 1]
    table = [allocator.alloc() for _ in range(-(-prompt // bs))]
    slots = torch.tensor([table[j // bs] * bs + j % bs for j in range(prompt)])
    student.write_kv(kc, vc, k[:prompt], v[:prompt], slots)
    tables = [table, *(allocator.fork(table) for _ in range(children - 1))]
    tables = [list(each) for each in tables]
    outs, copied, free = [], 0, [allocator.n_free]
    for step in range(new):
        length, slots = prompt + step, []
        for each in tables:
            if length % bs == 0:
                each.append(allocator.alloc())
            else:
                block, is_new = allocator.cow(each[-1])
                if is_new:
                    cache[block] = cache[each[-1]]
                    copied += 1
                each[-1] = block
            slots.append(each[-1] * bs + length % bs)
        rows = [prompt + child * new + step for child in range(children)]
        student.write_kv(kc, vc, k[rows], v[rows], torch.tensor(slots))
        lens = torch.full((children,), length + 1)
        outs.append(student.paged_attention(q[:, step], kc, vc, torch.tensor(tables), lens, 0.5))
        free.append(allocator.n_free)
    for each in tables:
        for block in each:
            allocator.free(block)
    return {"outs": outs, "copied": copied, "free": [*free, allocator.n_free]}


@check(points=1, lecture='what-is-wasted', public=[case('3 + 0 + 3', ctx_lens=[1, 4, 5], bs=4), case('blocks of one', ctx_lens=[3, 2], bs=1)])
def less_than_a_block_is_wasted(student, ctx_lens, bs):
    """A request wastes the rest of its last block, and nothing else."""
    return [student.waste(ctx_lens, size) for size in (bs, bs + 3)]
