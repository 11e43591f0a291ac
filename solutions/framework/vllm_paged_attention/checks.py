"""Checks of framework/vllm_paged_attention: users of blocks, writing into slots, attention over blocks, shared beginnings, a kernel."""

from math import inf, nan

import torch

from autograder.checks import Budget, Tolerance, case, check, difference, flags, reject
from autograder.lab.kernels import interpreted, launches

# --- the allocator ---------------------------------------------------------------------------------------------------


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


@check(
    points=2,
    inputs=traffic,
    judge=keeps_the_books,
    lecture="blocks-and-their-users",
    public=[
        case("two blocks", n=2, steps=0, ops="aafafaf"),
        case("forks and copies on write", n=4, steps=0, ops="akcckcffff"),
        case("twenty operations", n=5, steps=20),
    ],
    hidden=[
        case("many operations", n=7, steps=150),
        case("one block", n=1, steps=0, ops="akkffcfa"),
        case("twenty blocks, all in use, all free again", n=20, steps=0, ops="a" * 20 + "f" * 20 + "a" * 20),
        case("shared by many", n=3, steps=0, ops="a" + "k" * 6 + "cc" + "f" * 12 + "aaa"),
        case("almost always full", n=6, steps=150, mix="aaaaffkcccf"),
        case("many shared ones", n=9, steps=150, mix="akkkfffffcc"),
        case("a table of twenty is forked", n=20, steps=0, ops="a" * 20 + "t" + "f" * 40),
        case("no operation but copies", n=5, steps=0, ops="aakkkcccffccffcc"),
    ],
    fresh=2,
    cites=["counts how many users each has", "it has one user then", "without users the block is free again", "each has one user more", "If b has one user it may write",
           "the user who writes gets a free block with one user", "two allocators share nothing", "Returns a new list with the same blocks"],
)  # fmt: skip
def blocks_have_as_many_users_as_uses(student, n, ops):
    """Only blocks that nobody has are handed out, and a block is free when its last user has left it."""
    one, other = student.BlockAllocator(n), student.BlockAllocator(n)
    return {"one": drive(one, n, ops), "other": drive(other, n, ops[::-1])}


@check(
    points=1,
    inputs=traffic,
    judge=keeps_the_books,
    lecture="blocks-and-their-users",
    public=[case("none is free", n=2, steps=0, ops="aaaka" + "c" * 4), case("freed twice", n=3, steps=0, ops="xxafxxax")],
    hidden=[
        case("all kinds", n=4, steps=160, mix="aakfcxyzxyz"),
        case("full and shared: copies are refused, and change nothing", n=3, steps=0, ops="aaakk" + "c" * 9 + "ff" + "c" * 6),
        case("a fork that is refused changes nothing", n=4, steps=0, ops="aaayyyffffaaaayfff"),
        case("blocks -1 and n", n=2, steps=0, ops="xxxxxxzzzzzzayyyyyyaxzxzf"),
        case("no blocks at all", n=0, steps=0, ops="axzya"),
    ],
    fresh=2,
    cites=["What is refused", "Raises MemoryError if none is free", "Raises ValueError if b has no user or is no block", "Raises ValueError if one of them has no user"],
)
def what_is_refused_changes_nothing(student, n, ops):
    """A block without users gives ValueError, a missing block MemoryError, and everything is as before."""
    return {"one": drive(student.BlockAllocator(n), n, ops)}


# --- writing ---------------------------------------------------------------------------------------------------------


def tokens(rng, nb=3, bs=2, G=1, D=2, n=3, slots=None, skip=0, dtype="float32", layout="plain"):
    slots = torch.tensor(slots) if slots is not None else rng.permutation(nb * bs)[:n]
    slots[torch.arange(len(slots)) < skip] = -1
    n = len(slots)
    made = [rng.normal(n, G, D, dtype=dtype) for _ in "kvkv"]
    return {"cache": rng.normal(2, nb, bs, G, D, dtype=dtype), "made": made, "slots": slots, "layout": layout}


@check(
    points=2,
    inputs=tokens,
    lecture="slots",
    public=[
        case("slots 1 and 2", nb=2, slots=[1, 2]),
        case("one is written nowhere", nb=2, bs=3, slots=[4, -1, 0]),
        case("keys and values of a block side by side", layout="side by side", n=4),
    ],
    hidden=[
        case("all slots", nb=4, bs=3, G=2, D=5, n=12, dtype="float64"),
        case("heads before slots, as vLLM's HND layout", nb=5, bs=4, G=3, D=2, n=9, layout="heads first"),
        case("keys and values of a block side by side, many heads", nb=3, bs=5, G=4, D=3, n=8, layout="side by side", dtype="float64"),
        case("some are written nowhere", nb=3, bs=4, G=2, D=3, n=10, skip=4),
        case("all are written nowhere", nb=2, bs=2, slots=[-1, -1]),
        case("none", nb=2, bs=2, n=0),
        case("blocks of one slot", nb=7, bs=1, n=5),
        case("one block", nb=1, bs=19, n=18, D=3),
        case("as many of everything", nb=3, bs=3, G=3, D=3, n=3),
        case("the last slot is written, and one nowhere", nb=2, bs=3, slots=[-1, 5]),
    ],
    fresh=1,
    cites=["Write the keys and values of n tokens into their slots", "It may be a view of a larger tensor", "A token with the slot", "All other slots stay"],
)  # fmt: skip
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


# --- attention -------------------------------------------------------------------------------------------------------


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
    }  # fmt: skip


def holes(cache, block_tables, ctx_lens):
    """(nb, bs, 1, 1) bool: the slots that hold no token of any request."""
    nb, bs = cache.shape[:2]
    real = torch.zeros(nb * bs, dtype=torch.bool)
    for row, n in zip(block_tables.tolist(), ctx_lens.tolist(), strict=True):
        for j in range(n):
            real[row[j // bs] * bs + j % bs] = True
    return ~real.view(nb, bs, 1, 1)


@check(
    points=2,
    inputs=requests,
    lecture="attention-through-a-table",
    public=[
        case("one request of three tokens, in two blocks", lens=[3]),
        case("two requests", lens=[4, 1], bs=3, H=2, D=3),
        case("four query heads share two", lens=[5], bs=2, G=2, H=4, scale=1.0),
    ],
    hidden=[
        case("five requests", lens=[7, 1, 12, 4, 8], bs=4, G=2, H=6, D=3, extra=3, dtype="float64"),
        case("full blocks, one more, one less", lens=[6, 7, 5, 3, 2, 4], bs=3, G=1, H=3, D=5),
        case("blocks of one slot", lens=[5, 2], bs=1, G=3, H=3, D=2, dtype="float64"),
        case("one large block", lens=[9, 17], bs=20, G=2, H=2, D=4),
        case("another scale", lens=[4, 6], bs=2, G=1, H=2, D=3, scale=0.37),
        case("a scale of 1, and large scores", lens=[5, 9], bs=4, G=2, H=4, D=6, loud=200.0, scale=1.0, dtype="float64"),
        case("as many of everything", lens=[4, 4, 4, 4], bs=4, G=4, H=4, D=4),
        case("many blocks", lens=[67, 35], bs=2, G=1, H=2, D=3, dtype="float64"),
        case("twenty requests", lens=list(range(1, 21)), bs=3, G=1, H=2, D=2),
        case("eighteen heads", lens=[3, 5], bs=2, G=6, H=18, D=19, dtype="float64"),
    ],
    fresh=2,
    cites=["the newest token of each request attends to all", "Query head h uses key", "Scores are scale", "results have the dtype of the queries", "Inputs may be views"],
)
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


@check(
    points=1,
    inputs=requests,
    lecture="attention-through-a-table",
    public=[case("the table goes on with block 0, which is used", lens=[3, 1], more=2, behind=0, first=0), case("rubbish behind the last token", lens=[1, 3, 5], bs=4),
            case("the table goes on with a number that is no block", lens=[3, 1], more=1, behind=99)],
    hidden=[
        case("it goes on with -1", lens=[2, 7, 1], bs=3, more=3, behind=-1, extra=2, G=2, H=4, D=3),
        case("it goes on with a large number", lens=[5, 2], bs=2, more=1, behind=10**6, H=2, dtype="float64"),
        case("it goes on with any block", lens=[1, 6, 3], bs=2, more=4, extra=4, G=1, H=3, D=5),
        case("block 0 is used, and the table goes on with it", lens=[2, 9], bs=2, more=2, behind=0, first=0, H=2, dtype="float64"),
    ],
    fresh=1,
    cites=["Entries of a block table behind the last", "What is in slots that hold no token", "Block 0 is a block like any other"],
)
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


# A copy of the keys alone has 32 MiB; what the requests need has one half.
@check(
    points=1,
    inputs=in_a_large_cache,
    lecture="attention-through-a-table",
    budget=Budget(memory=4),
    public=[case("two short requests in a cache of 8192 blocks", nb=8192, lens=[40, 21])],
    hidden=[case("three requests, a larger cache", nb=9000, lens=[33, 16, 70], G=1), case("large blocks", nb=2500, lens=[64, 130], bs=64)],
    cites=["no copy of the whole cache is made"],
)
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


# --- the kernel in Triton --------------------------------------------------------------------------------------------


def kernel_requests(rng, lens, half=False, behind=-1, more=1, extra=2, below=0.0, **sizes):
    """As `requests`, with nan in every slot that holds no token. `below`: what is taken off all scores (for one head).

    Where scores are in the hundreds, float32 has them exactly, in whatever order it adds up: what a rounded one changes in its weight
    is more than the tolerance.
    """
    made = requests(rng, lens, behind=behind, more=more, extra=extra, **sizes)
    q, kc, scale = made["q"], made["kc"], made["scale"]
    if below or (sizes.get("loud", 1.0) > 1.0 and not half):
        q[:] = q[0, 0].sign() if below else q.round()
        kc[:] = (8 * kc).round() / 8
    if below:
        kc -= below / scale * q[0, 0] / q.shape[-1]
    hole = holes(kc, made["block_tables"], made["ctx_lens"])
    made |= {name: made[name].masked_fill(hole, nan) for name in ("kc", "vc")}
    return made | ({name: made[name].half() for name in ("q", "kc", "vc")} if half else {})


def judge_kernel(seen, want, inputs, reference):
    """What paged_attention gives in float32, from one launch of a kernel, in the dtype of the queries."""
    if not seen["launched"]:
        return reject("paged_attention_triton launches no kernel of Triton: what it returns was computed without one.")
    if len(seen["launched"]) > 1:
        return reject("paged_attention_triton launches {n} kernels. One launch has a program for each query head of each request.", n=len(seen["launched"]))
    q, kc, vc, tables, lens, scale = (inputs[name] for name in ("q", "kc", "vc", "block_tables", "ctx_lens", "scale"))
    fine = Tolerance(atol=1e-5, rtol=1e-4) if q.dtype == torch.float32 else Tolerance(atol=1e-4, rtol=1e-3)
    for name, values in (("out", vc), ("of other values", -2 * vc)):
        exact = reference.paged_attention(q.float(), kc.float(), values.float(), tables, lens, scale)
        wrong = difference(seen[name], exact.to(q.dtype), fine)
        if wrong:
            return wrong
    return difference(seen["left"], want["left"])


@check(
    points=2,
    bonus=True,
    needs="triton",
    inputs=kernel_requests,
    judge=judge_kernel,
    lecture="a-kernel-in-triton",
    hidden=[
        case("one request of three tokens", lens=[3]),
        case("requests of several lengths, four heads share two", lens=[7, 1, 4], bs=4, G=2, H=4, D=8),
        case("blocks and features that are no powers of two", lens=[11, 3], bs=5, G=1, H=2, D=6),
        case("six heads, a block of one slot", lens=[2, 5], bs=1, G=3, H=6, D=3),
        case("full blocks, one more, one less", lens=[6, 7, 5], bs=3, H=2, G=2, D=16),
        case("tables that go on with a large number", lens=[2, 9], bs=4, more=3, behind=10**6, H=2, D=4),
        case("another scale, scores of hundreds", lens=[9, 4], bs=4, D=8, loud=100.0, scale=0.5),
        case("scores around -200", lens=[5, 8], bs=4, D=8, below=200.0, scale=0.5),
        case("float16", lens=[9, 2], bs=4, G=2, H=4, D=16, half=True),
        case("float16, scores that it can't hold", lens=[6, 3], bs=2, D=8, loud=2e4, scale=1e-5, half=True),
        case("one feature, one long block", lens=[17], bs=20, D=1),
        case("twenty requests", lens=list(range(1, 21)), bs=7, D=4),
    ],
    cites=["from one launch of a kernel in Triton", "It reads nothing else", "the result has the dtype of q"],
)
def a_kernel_walks_over_the_blocks(student, q, kc, vc, block_tables, ctx_lens, scale):
    """Optional: paged_attention_triton gives the attention of all requests from one launch of a kernel in Triton."""
    names = []
    q, kc, vc = (interpreted(x) for x in (q, kc, vc))
    where = block_tables.to(q.device), ctx_lens.to(q.device)
    with launches(names):
        out = student.paged_attention_triton(q, kc, vc, *where, scale)
    others = student.paged_attention_triton(q, kc, -2 * vc, *where, scale)
    return {"out": out.cpu(), "of other values": others.cpu(), "launched": names, "left": flags(q, kc, vc)}


# --- all together ----------------------------------------------------------------------------------------------------


def families(rng, prompt, children, new, bs=2, G=1, H=2, D=3):
    T = prompt + children * new
    return {
        "sizes": [bs, prompt, children, new],
        "q": rng.normal(children, new, H, D, dtype="float64"),
        "k": rng.normal(T, G, D, dtype="float64"),
        "v": rng.normal(T, G, D, dtype="float64"),
    }


@check(
    points=2,
    inputs=families,
    lecture="shared-beginnings",
    public=[case("two continuations of three tokens", prompt=3, children=2, new=2)],
    hidden=[
        case("the prompt fills its blocks", prompt=6, children=3, new=4, bs=3, G=2, H=4),
        case("five continuations", prompt=7, children=5, new=6, bs=4),
        case("a prompt of one token", prompt=1, children=2, new=9, bs=4, D=2),
        case("blocks of one slot", prompt=2, children=3, new=3, bs=1),
    ],
    fresh=1,
    cites=["The block table of a second request", "The caller then copies what is in b"],
)
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


@check(
    points=1,
    lecture="what-is-wasted",
    public=[case("3 + 0 + 3", ctx_lens=[1, 4, 5], bs=4), case("blocks of one", ctx_lens=[3, 2], bs=1)],
    hidden=[
        case("equal lengths", ctx_lens=[5, 5, 5], bs=4),
        case("a very long block", ctx_lens=[2], bs=33_554_437),
        case("full ones, one more, one less", ctx_lens=[16, 17, 15, 32, 33, 31], bs=16),
        case("nobody", ctx_lens=[], bs=5),
        case("none yet", ctx_lens=[0, 3, 0], bs=7),
        case("many", ctx_lens=[7 * i + i * i for i in range(40)], bs=24),
        case("one of a thousand", ctx_lens=[1000], bs=128),
    ],
    cites=["How many slots are taken by requests"],
)  # fmt: skip
def less_than_a_block_is_wasted(student, ctx_lens, bs):
    """A request wastes the rest of its last block, and nothing else."""
    return [student.waste(ctx_lens, size) for size in (bs, bs + 3)]


@check(
    points=1,
    bonus=True,
    device="cuda",
    inputs=requests,
    lecture="attention-through-a-table",
    tolerance=Tolerance(atol=1e-4, rtol=1e-3, why="a GPU adds up in another order"),
    hidden=[
        case("twenty requests", lens=list(range(3, 63, 3)), bs=16, G=2, H=8, D=32, extra=5),
        case("one long request", lens=[300], bs=16, G=1, H=4, D=16),
    ],
)
def the_cache_stays_on_the_gpu(student, q, kc, vc, block_tables, ctx_lens, scale):
    """On a GPU, tokens are written to the cache and attended to there, and the output is returned there."""
    kc, vc, bs = kc.clone(), vc.clone(), kc.shape[1]
    out = student.paged_attention(q, kc, vc, block_tables, ctx_lens, scale)
    newest = block_tables.gather(1, ((ctx_lens - 1) // bs)[:, None])[:, 0] * bs + (ctx_lens - 1) % bs
    student.write_kv(kc, vc, 2 * kc.flatten(0, 1)[newest], -vc.flatten(0, 1)[newest], newest)
    after = student.paged_attention(q, kc, vc, block_tables, ctx_lens, scale)
    return {"out": out.cpu(), "after": after.cpu(), "same place": [each.device.type == q.device.type for each in (out, after, kc)]}


@check(
    points=1,
    bonus=True,
    device="cuda",
    needs="triton",
    inputs=kernel_requests,
    judge=judge_kernel,
    lecture="a-kernel-in-triton",
    hidden=[
        case("eight requests", lens=list(range(5, 45, 5)), bs=16, G=2, H=4, D=64),
        case("float16, blocks and features that are no powers of two", lens=[100, 37, 70], bs=24, G=3, H=6, D=80, half=True),
        case("one long request", lens=[700], bs=16, G=1, H=2, D=32),
    ],
)
def a_compiled_kernel_walks_over_the_blocks(student, q, kc, vc, block_tables, ctx_lens, scale):
    """Optional: on a GPU, the compiled kernel gives the attention of all requests from one launch."""
    names = []
    with launches(names):
        out = student.paged_attention_triton(q, kc, vc, block_tables, ctx_lens, scale)
    others = student.paged_attention_triton(q, kc, -2 * vc, block_tables, ctx_lens, scale)
    return {"out": out.cpu(), "of other values": others.cpu(), "launched": names, "left": flags(q, kc, vc)}
