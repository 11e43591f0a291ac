import unicodedata

import regex

from autograder.checks import alternative


@alternative("a regular expression for the tokens, translate for the rest")
def basic_tokenize(text, lower=True):
    text = regex.sub(r"[\t\n\r\p{Z}]", " ", text)
    text = regex.sub(r"[\p{Cc}\p{Cf}\uFFFD]", "", text)
    han = (
        "\u4e00-\u9fff\u3400-\u4dbf\U00020000-\U0002a6df\U0002a700-\U0002b73f\U0002b740-\U0002b81f\U0002b820-\U0002ceaf"
        "\uf900-\ufaff\U0002f800-\U0002fa1f"
    )
    text = regex.sub(f"([{han}])", r" \1 ", text)
    if lower:
        text = regex.sub(r"\p{Mn}", "", unicodedata.normalize("NFD", text)).lower()
    mark = r"\p{P}$+<=>\^`|~"
    return regex.findall(rf"[{mark}]|[^{mark} ]+", text)


@alternative("word by word, as in Google's BERT: lower case and accents after splitting at white space")
def basic_tokenize(text, lower=True):
    chars = []
    for c in text:
        code, category = ord(c), unicodedata.category(c)
        if c not in "\t\r\n" and (category in {"Cc", "Cf"} or code in (0, 0xFFFD)):
            continue
        han = [
            (0x4E00, 0x9FFF),
            (0x3400, 0x4DBF),
            (0xF900, 0xFAFF),
            (0x20000, 0x2A6DF),
            (0x2A700, 0x2CEAF),
            (0x2F800, 0x2FA1F),
        ]
        if any(code in range(low, high + 1) for low, high in han):
            chars += " ", c, " "
        else:
            chars.append(" " if c.isspace() else c)
    tokens = []
    for word in "".join(chars).split():
        if lower:
            word = "".join(c for c in unicodedata.normalize("NFD", word.lower()) if unicodedata.category(c) != "Mn")
        token = ""
        for c in word:
            other_ascii = c.isascii() and not c.isalnum()
            if other_ascii or unicodedata.category(c)[0] == "P":
                tokens += [token, c]
                token = ""
            else:
                token += c
        tokens.append(token)
    return [token for token in tokens if token]


@alternative("a trie")
def wordpiece(word, vocab, unk="[UNK]", max_chars=100):
    if len(word) > max_chars:
        return [unk]
    starts, insides = {}, {}
    for piece in vocab:
        if piece.startswith("##"):
            node, rest = insides, piece[2:]
        else:
            node, rest = starts, piece
        for c in rest:
            node = node.setdefault(c, {})
        node["piece"] = piece
    pieces, start = [], 0
    while start < len(word):
        node, found, end = insides if start else starts, None, start
        for i in range(start, len(word)):
            node = node.get(word[i])
            if node is None:
                break
            if "piece" in node:
                found, end = node["piece"], i + 1
        if found is None:
            return [unk]
        pieces.append(found)
        start = end
    return pieces


class Node:
    def __init__(self):
        self.next, self.piece, self.fail, self.pops = {}, None, None, []


def trie(vocab):
    """The trie of LinMaxMatch: where a node has no edge for the next character, `pops` are the pieces that are settled
    and `fail` is the node of what is left."""
    root = Node()
    for piece in {*vocab, "##"}:
        node = root
        for c in piece:
            node = node.next.setdefault(c, Node())
        node.piece = piece
    inside = root.next["#"].next["#"]
    queue = [root, inside]
    for parent in queue:
        for c, node in parent.next.items():
            if node is inside:
                continue
            if node.piece is not None:
                node.pops, node.fail = [node.piece], inside
            else:
                pops, z = list(parent.pops), parent.fail
                while z is not None and c not in z.next:
                    pops += z.pops
                    z = z.fail
                if z is not None:
                    node.pops, node.fail = pops, z.next[c]
            queue.append(node)
    return root, inside


@alternative("LinMaxMatch (Song et al., 2021): failure links, one pass over the word")
def wordpiece(word, vocab, unk="[UNK]", max_chars=100):
    if not word:
        return []
    if len(word) > max_chars:
        return [unk]
    node, inside = trie(vocab)
    pieces = []
    for c in word:
        while c not in node.next:
            if node.fail is None:
                return [unk]
            pieces += node.pops
            node = node.fail
        node = node.next[c]
    while node is not inside:
        if node.fail is None:
            return [unk]
        pieces += node.pops
        node = node.fail
    return pieces


@alternative("shortens the candidate, recursion for the rest")
def wordpiece(word, vocab, unk="[UNK]", max_chars=100):
    def cut(rest, mark):
        if not rest:
            return []
        piece = rest
        while piece and mark + piece not in vocab:
            piece = piece[:-1]
        if not piece:
            raise KeyError
        return [mark + piece] + cut(rest[len(piece) :], "##")

    try:
        return [unk] if len(word) > max_chars else cut(word, "")
    except KeyError:
        return [unk]


@alternative("a loop with extend")
def encode(text, vocab, lower=True, unk="[UNK]", max_chars=100):
    pieces = []
    for token in basic_tokenize(text, lower=lower):
        pieces.extend(wordpiece(token, vocab, unk=unk, max_chars=max_chars))
    return pieces
