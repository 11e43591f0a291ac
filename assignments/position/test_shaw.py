"""Public checks of position/shaw: run `pytest` on this file, or `autograder check position/shaw`.

Expected values are recorded in `expected/`. Generated from the course: changes here are lost.
"""

from autograder.checks import case, check, flags, gradients, leaves


def sizes(rng, T, S, K):
    return {"T": T, "S": S, "K": K}


@check(points=1, inputs=sizes, lecture='a-row-for-each-distance', public=[case('three tokens, distance 1', T=3, S=3, K=1), case('five tokens, distance 2', T=5, S=5, K=2)])
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


@check(points=2, inputs=heads, lecture='a-vector-added-to-the-key', public=[case('three tokens', H=1, T=3, D=2, values=False), case('two heads, five tokens, distance 2', B=1, H=2, T=5, D=3, K=2, values=False)])
def rows_are_added_to_keys(student, q, k, v, rk, rv):
    """The score is q·(k + rk[r])/√D with the row r of the distance, and gradients flow to q, k, v and rk."""
    return attend(student, q, k, v, rk, rv)


@check(points=2, inputs=heads, lecture='a-vector-added-to-the-value', public=[case('three tokens', H=1, T=3, D=2), case('two heads, five tokens, distance 2', B=1, H=2, T=5, D=3, K=2)])
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


@check(points=1, inputs=heads, lecture='queries-beside-the-last-keys', public=[case('one query, four keys', H=1, T=1, S=4, D=2, K=2), case('two queries, five keys', T=2, S=5, K=1)])
def queries_stand_beside_the_last_keys(student, q, k, v, rk, rv):
    """With T ≠ S, query t has position t + S - T, in the index and in the attention."""
    T, S, K = q.shape[2], k.shape[2], len(rk) // 2
    pairs = [(T, S), (T + 1, S), (T, S + 2)]
    index = [student.relative_index(*pair, K) for pair in pairs]
    causal = student.shaw_attention(q, k, v, rk, rv, causal=True) if T <= S else None
    return {"index": index, **attend(student, q, k, v, rk, rv), "causal": causal}


@check(points=1, inputs=heads, lecture='queries-beside-the-last-keys', public=[case('three tokens', H=2, T=3, D=2), case('four tokens, keys alone', H=1, T=4, D=3, K=2, values=False)])
def causal_hides_later_keys(student, q, k, v, rk, rv):
    """With causal=True, query t sees the keys up to t + S - T, and without it all of them."""
    return {
        **attend(student, q, k, v, rk, rv, causal=True),
        "all": student.shaw_attention(q, k, v, rk, rv, causal=False),
    }


@check(points=1, inputs=heads, lecture='a-vector-added-to-the-key', public=[case('two heads, three tokens', T=3, D=2, dtype='float64')])
def float64_is_exact_to_the_end(student, q, k, v, rk, rv):
    """For float64 inputs everything, the softmax too, is computed in float64."""
    return {**attend(student, q, k, v, rk, rv), "causal": student.shaw_attention(q, k, v, rk, rv, causal=True)}
