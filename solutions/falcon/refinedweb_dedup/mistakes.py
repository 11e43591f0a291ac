"""Wrong ways to write falcon/refinedweb_dedup, each with the sentence that a student should read."""

from collections import defaultdict

from autograder.checks import mistake

STARTS = "starts = range(max(len(tokens) - n + 1, min(len(tokens), 1)))"
SHINGLE = "return {shingle_hash(tokens[i : i + n]) for i in starts}"
EXACT = "h, a, b = (x.astype(object) for x in (h, a, b))  # Python's integers do not overflow"
SIGN = "return ((a[:, None] * h + b[:, None]) % M).min(axis=1).astype(np.uint64)"
EMPTY = "return np.full(len(a), M, dtype=np.uint64)"
BAND = "sigs[:, k * rows : (k + 1) * rows].tolist()"
BUCKETS = "        buckets = defaultdict(list)\n"
REFUSE = "if bands * rows > sigs.shape[1]:"
CURVE = "return 1.0 if one_band == 1 else -math.expm1(b * math.log1p(-one_band))"
STAY = "return [i for i in range(n) if parent[i] == i]"
JOIN = "if spans and spans[-1][0] == d and i <= spans[-1][2]:"
WINDOWS = "for i in range(len(doc) - min_len + 1):"
REPEATED = "sorted(place for group in places.values() if len(group) > 1 for place in group)"

mistake("A document shorter than n has no shingle in your code. It has one, of all its tokens.", edit={STARTS: "starts = range(len(tokens) - n + 1)"})
mistake("Your shingles are of characters. They are of tokens.", edit={SHINGLE: 'text = " ".join(tokens)\n    return {shingle_hash(list(text[i : i + n])) for i in range(len(text) - n + 1)}'})  # fmt: skip
mistake("You join tokens with a blank, so that (a b, c) and (a, b c) are one shingle. Hand the list over.", edit={SHINGLE: 'return {shingle_hash(" ".join(tokens[i : i + n]).split(" ")) for i in starts}'})  # fmt: skip

mistake("Your products overflow: uint64 has 64 bits and a·x has up to 122.", edit={EXACT: ""})
mistake("You keep 32 bits of each value, as datasketch did.", edit={SIGN: SIGN.replace("% M)", "% M & 0xFFFFFFFF)")})
mistake("Your first hash function is used at all places.", edit={SIGN: SIGN.replace("a[:, None] * h + b[:, None]", "a[:1, None] * h + b[:, None]")})
mistake("The signature of an empty set is 0 in your code, which every set would like to have. It is M.", edit={EMPTY: EMPTY.replace("M,", "0,")})

mistake("One row that agrees makes a pair in your code. All rows of a band have to agree.", edit={
    "bands * rows > sigs.shape[1]:\n": "bands * rows > sigs.shape[1]:\n", "for k in range(bands):": "bands, rows = bands * rows, 1\n    for k in range(bands):"})  # fmt: skip
mistake("Your bands overlap: band k begins at column k. It begins at k · rows.", edit={BAND: "sigs[:, k : k + rows].tolist()"})
mistake("All bands share your buckets, so band 0 of one document meets band 1 of another one.", edit={BUCKETS: "        buckets = pairs_of = locals().get('pairs_of') or defaultdict(list)\n"})  # fmt: skip
mistake("Only neighbours in a bucket are pairs in your code. All of them are.", edit={"for j in bucket[place + 1 :]}": "for j in bucket[place + 1 : place + 2]}"})

mistake("Your curve is 0 where s^r is below 1e-16. Use log1p and expm1.", edit={CURVE: "return 1 - (1 - one_band) ** b"})
mistake("You exchange bands and rows.", edit={"one_band = s**r": "r, b = b, r\n    one_band = s**r"})

mistake("You drop the second of every pair, so that nothing may stay of a pair that is written (5, 3) or a chain.", edit={STAY: "return [i for i in range(n) if i not in {j for _, j in pairs}]"})  # fmt: skip

mistake("The first occurrence is missing. Every occurrence counts.", edit={REPEATED: REPEATED.replace("for place in group)", "for place in group[1:])")})
mistake("Spans that only touch are two in your code. A run of covered tokens is one.", edit={JOIN: JOIN.replace("<=", "<")})
mistake("Your runs reach into the next document.", edit={JOIN: "if spans and i <= spans[-1][2] and d >= spans[-1][0] and i + min_len > spans[-1][2]:"})


@mistake("You compare hashes of windows. Two different windows may have the same one: compare the tokens.")
def exact_substring_dups(docs, min_len=50):
    places = defaultdict(list)
    for d, doc in enumerate(docs):
        for i in range(len(doc) - min_len + 1):
            places[hash(tuple(doc[i : i + min_len]))].append((d, i))
    spans = []
    for d, i in sorted(place for group in places.values() if len(group) > 1 for place in group):
        if spans and spans[-1][0] == d and i <= spans[-1][2]:
            spans[-1] = (d, spans[-1][1], i + min_len)
        else:
            spans.append((d, i, i + min_len))
    return spans


@mistake("You look for windows of other documents only. The same document counts too.")
def exact_substring_dups(docs, min_len=50):
    places = defaultdict(set)
    for d, doc in enumerate(docs):
        for i in range(len(doc) - min_len + 1):
            places[tuple(doc[i : i + min_len])].add((d, i))
    spans = []
    for d, i in sorted(p for group in places.values() if len({d for d, _ in group}) > 1 for p in group):
        if spans and spans[-1][0] == d and i <= spans[-1][2]:
            spans[-1] = (d, spans[-1][1], i + min_len)
        else:
            spans.append((d, i, i + min_len))
    return spans


@mistake("You follow the pairs by recursion, which ends at about a thousand documents in a row.", crashes=True)
def dedup_clusters(n, pairs):
    near = defaultdict(list)
    for i, j in pairs:
        near[i].append(j)
        near[j].append(i)
    seen, kept = set(), []

    def visit(i):
        if i not in seen:
            seen.add(i)
            for j in near[i]:
                visit(j)

    for i in range(n):
        if i not in seen:
            kept.append(i)
            visit(i)
    return kept


# --- of other kinds -------------------------------------------------------------------------------------------------

mistake("You sort the tokens of a shingle, so their order is lost.", edit={SHINGLE: "return {shingle_hash(sorted(tokens[i : i + n])) for i in starts}"})
mistake("You make every factor odd. Functions are given, and are used as they are.", edit={SIGN: SIGN.replace("a[:, None] * h", "(a | 1)[:, None] * h")})
mistake("You stop at the first band that has a pair. Every band may bring more.", edit={"    return pairs\n": "        if pairs:\n            break\n    return pairs\n"})
mistake("You go one step up from a document, and not to the root of its cluster.", edit={"while parent[i] != i:": "if parent[i] != i:"})
mistake("Windows that overlap each other are not repeated in your code. They are.", edit={
    REPEATED: "sorted(p for group in places.values() for p in group if any(q[0] != p[0] or abs(q[1] - p[1]) >= min_len for q in group))"})  # fmt: skip
mistake("Where a band rarely agrees you take b · s^r for the probability. That is near only as long as it is small itself.", edit={"-math.expm1(b * math.log1p(-one_band))": "(1 - (1 - one_band) ** b if one_band > 1e-6 else b * one_band)"})
mistake("You write the numbers of a window one after the other, so 1, 12 and 11, 2 look alike. Compare tokens.", edit={"places[tuple(doc[i : i + min_len])]": "places[''.join(map(str, doc[i : i + min_len]))]"})
mistake("Without documents too many bands are not refused. They raise ValueError always.", edit={"if bands * rows > sigs.shape[1]:": "if len(sigs) and bands * rows > sigs.shape[1]:"})
