"""Checks of position/shaw: the index, the vectors of keys and of values, the causal triangle, precision, memory."""

from autograder.checks import Budget, case, check, flags, gradients, leaves


def sizes(rng, T, S, K):
    return {"T": T, "S": S, "K": K}


@check(
    points=1,
    inputs=sizes,
    lecture="a-row-for-each-distance",
    public=[case("three tokens, distance 1", T=3, S=3, K=1), case("five tokens, distance 2", T=5, S=5, K=2)],
    hidden=[
        case("one token", T=1, S=1, K=3),
        case("nothing is told apart", T=4, S=4, K=0),
        case("nothing is clipped", T=4, S=4, K=7),
        case("the farthest key is just not clipped", T=6, S=6, K=5),
        case("forty tokens, distance 20", T=40, S=40, K=20),
        case("as many tokens as rows", T=9, S=9, K=4),
        case("six hundred rows", T=3, S=4, K=300),
    ],
    cites=["their distance, clipped to", "key minus query", "with values from 0 to 2K"],
)
def distances_are_clipped(student, T, S, K):
    """Row K + (key's position - query's position), clipped to 0 … 2K."""
    index = student.relative_index(T, S, K)
    first = index.clone()
    index.zero_()  # that of this call only
    return {
        "index": first,
        "once more": student.relative_index(T, S, K),
        "one more": student.relative_index(T, S, K + 1),
    }


def heads(rng, B=1, H=2, T=3, S=None, D=4, K=1, values=True, loud=1.0, dtype="float32", ks=1.0, vs=1.0, **more):
    """Queries, keys and values, and the two tables. `ks`, `vs`: size of the rows for keys and for values."""
    S = S or T
    return {
        "q": rng.normal(B, H, T, D, scale=loud, dtype=dtype),
        "k": rng.normal(B, H, S, D, dtype=dtype),
        "v": rng.normal(B, H, S, D, dtype=dtype),
        "rk": rng.normal(2 * K + 1, D, scale=ks, dtype=dtype),
        "rv": rng.normal(2 * K + 1, D, scale=vs, dtype=dtype) if values else None,
        **more,
    }


def attend(student, q, k, v, rk, rv, **options):
    """Values and all gradients."""
    wanted = dict(zip("qkv", leaves(q, k, v), strict=True)) | {"rk": leaves(rk)[0]}
    if rv is not None:
        wanted["rv"] = leaves(rv)[0]
    out = student.shaw_attention(*wanted.values(), **options)
    return {"out": out, "gradients": gradients(out, wanted)}


@check(
    points=2,
    inputs=heads,
    lecture="a-vector-added-to-the-key",
    public=[
        case("three tokens", H=1, T=3, D=2, values=False),
        case("two heads, five tokens, distance 2", B=1, H=2, T=5, D=3, K=2, values=False),
    ],
    hidden=[
        case("nothing is told apart", B=2, H=3, T=4, D=5, K=0, values=False),
        case("nothing is clipped", B=2, H=1, T=5, D=3, K=6, values=False),
        case("one token", B=3, H=2, T=1, D=4, K=2, values=False),
        case("D = 1", B=1, H=3, T=6, D=1, K=2, values=False),
        case("all sizes alike", B=5, H=5, T=5, D=5, K=2, values=False),
        case("twenty features, distances to 18", B=1, H=2, T=20, D=20, K=18, values=False),
        case("the rows decide", B=2, H=3, T=7, D=9, K=3, ks=4.0, values=False),
        case("a hundred tokens", B=1, H=1, T=100, D=3, K=4, values=False),
    ],
    fresh=1,
    cites=[
        "the score of query t and key s is",
        "rv None: nothing is added",
        "the same for all heads",
        "K follows from rk",
        "the softmax runs over the keys",
    ],
)
def rows_are_added_to_keys(student, q, k, v, rk, rv):
    """The score is q·(k + rk[r])/√D with the row r of the distance, and gradients flow to q, k, v and rk."""
    return attend(student, q, k, v, rk, rv)


@check(
    points=2,
    inputs=heads,
    lecture="a-vector-added-to-the-value",
    public=[
        case("three tokens", H=1, T=3, D=2),
        case("two heads, five tokens, distance 2", B=1, H=2, T=5, D=3, K=2),
    ],
    hidden=[
        case("nothing is told apart", B=2, H=3, T=4, D=5, K=0),
        case("nothing is clipped", B=2, H=1, T=5, D=3, K=6),
        case("one token", B=3, H=2, T=1, D=4, K=2),
        case("all sizes alike", B=3, H=3, T=3, D=3, K=1),
        case("the rows for keys are zero", B=2, H=4, T=6, D=5, K=2, ks=0.0),
        case("the rows for values are zero", B=2, H=3, T=5, D=4, K=1, vs=0.0),
        case("twenty tokens, distances to 18", B=1, H=2, T=20, D=6, K=18),
        case("thirty tokens, distance 1", B=2, H=1, T=30, D=2, K=1),
    ],
    fresh=1,
    cites=["the output of query t is", "Inputs may be views", "also to tables of zeros", "Each call depends on its own arguments"],
)
def rows_are_added_to_values(student, q, k, v, rk, rv):
    """The output is Σ p·(v + rv[r]), gradients reach rv, and nothing is left over from other calls."""
    apart = [x.transpose(1, 2).contiguous().transpose(1, 2) for x in (q, k, v)]  # as layers split their heads
    tables = [x.T.contiguous().T for x in (rk, rv)]
    fewer = max(len(rk) - 2, 1)  # K - 1
    return {
        **attend(student, q, k, v, rk, rv),
        "of views": student.shaw_attention(*apart, *tables),
        "other tables": student.shaw_attention(*apart, -tables[1], tables[0]),
        "fewer rows": student.shaw_attention(q, k, v, rk[:fewer], rv[:fewer]),
        "left": flags(*apart, *tables),
    }


@check(
    points=1,
    inputs=heads,
    lecture="queries-beside-the-last-keys",
    public=[case("one query, four keys", H=1, T=1, S=4, D=2, K=2), case("two queries, five keys", T=2, S=5, K=1)],
    hidden=[
        case("all but one", B=2, H=3, T=5, S=6, D=4, K=2),
        case("one query, thirty keys", B=1, H=2, T=1, S=30, D=3, K=9),
        case("more queries than keys", B=2, H=1, T=6, S=4, D=3, K=3),
        case("many more, nothing clipped", B=1, H=2, T=9, S=2, D=5, K=12),
    ],
    cites=["The last query stands beside the last key", "query t sees key s if"],
)
def queries_stand_beside_the_last_keys(student, q, k, v, rk, rv):
    """With T ≠ S, query t has position t + S - T, in the index and in the attention."""
    T, S, K = q.shape[2], k.shape[2], len(rk) // 2
    pairs = [(T, S), (T + 1, S), (T, S + 2)]
    index = [student.relative_index(*pair, K) for pair in pairs]
    causal = student.shaw_attention(q, k, v, rk, rv, causal=True) if T <= S else None
    return {"index": index, **attend(student, q, k, v, rk, rv), "causal": causal}


@check(
    points=1,
    inputs=heads,
    lecture="queries-beside-the-last-keys",
    public=[case("three tokens", H=2, T=3, D=2), case("four tokens, keys alone", H=1, T=4, D=3, K=2, values=False)],
    hidden=[
        case("five tokens, three heads", B=2, H=3, T=5, D=4, K=2),
        case("later keys are loud", B=1, H=2, T=6, D=4, K=2, loud=3e4, dtype="float64"),
        case("all scores are far below -1e9, or above", B=2, H=3, T=5, D=3, K=1, loud=1e12, dtype="float64"),
        case("one token", B=2, H=1, T=1, D=5, K=1),
        case("as many tokens as heads", B=1, H=4, T=4, D=2, K=0),
        case("thirty tokens", B=1, H=1, T=30, D=2, K=20),
    ],
    cites=["none after its own position", "Its weights for other keys are 0"],
)
def causal_hides_later_keys(student, q, k, v, rk, rv):
    """With causal=True, query t sees the keys up to t + S - T, and without it all of them."""
    return {
        **attend(student, q, k, v, rk, rv, causal=True),
        "all": student.shaw_attention(q, k, v, rk, rv, causal=False),
    }


@check(
    points=1,
    inputs=heads,
    lecture="a-vector-added-to-the-key",
    public=[case("two heads, three tokens", T=3, D=2, dtype="float64")],
    hidden=[
        case("loud scores", B=1, H=3, T=5, D=4, K=2, loud=50.0, dtype="float64"),
        case("six tokens", B=2, H=1, T=6, D=3, K=3, dtype="float64"),
        case("keys alone", B=1, H=2, T=4, D=5, K=1, values=False, dtype="float64"),
    ],
    cites=["The softmax is computed in it", "results have that dtype", "Hugging Face"],
)
def float64_is_exact_to_the_end(student, q, k, v, rk, rv):
    """For float64 inputs everything, the softmax too, is computed in float64."""
    return {**attend(student, q, k, v, rk, rv), "causal": student.shaw_attention(q, k, v, rk, rv, causal=True)}


@check(
    points=1,
    inputs=heads,
    budget=Budget(memory=4),
    lecture="without-a-vector-for-each-pair",
    hidden=[
        case("200 tokens", B=1, H=16, T=200, D=24, K=8, causal=False),
        case("220 tokens, keys alone", B=1, H=12, T=220, D=28, K=5, values=False, causal=False),
        case("210 tokens, causal", B=1, H=14, T=210, D=26, K=6, causal=True),
    ],
    cites=["no tensor of B·H·T·S·D numbers", "A check measures it"],
)
def makes_no_vector_for_each_pair(student, q, k, v, rk, rv, causal):
    """The memory needed is that of the scores, not D times as much."""
    out = student.shaw_attention(q, k, v, rk, rv, causal)
    return out[:, :, ::29, ::3].clone()
