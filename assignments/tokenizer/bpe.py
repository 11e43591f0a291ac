"""Byte-pair encoding of words: learn merges from a word list, apply them to a word, join the pieces again.

The unit is a *symbol*: a string of one or more characters. A word starts as one symbol for each of its characters
(Unicode code points), and the last one carries the end-of-word mark: "low" is `["l", "o", "w</w>"]`, "a" is
`["a</w>"]`. So `"w</w>"` is one symbol from the start, a different one from `"w"`, and `"</w>"` alone is never a
symbol.

Words are not empty and hold neither whitespace nor the text `</w>`. Characters are taken as they come: nothing is lower-cased or
normalised. Nothing here changes its arguments, and a result depends on the arguments of its own call alone.
"""

END = "</w>"  # the end-of-word mark


def train_bpe(word_counts: dict[str, int], num_merges: int) -> list[tuple[str, str]]:
    """Learn at most `num_merges` merges, in order, from words and how often each occurs.

    One step: count every pair of neighbouring symbols, merge the most frequent pair in every word, and start again
    with the new symbols.

    - A pair counts at every position where it stands, times the count of its word (a positive int). Overlapping
      positions all count: `a a a b</w>` holds the pair (a, a) twice. A pair never spans two words.
    - A merge goes through each word from left to right and joins the pairs it meets without overlap: with (a, a),
      `a a a b</w>` becomes `aa a b</w>`.
    - Ties: every symbol has an id. The symbols that the words start with get 0, 1, 2, … in Python's string order
      (`"a" < "a</w>" < "b"`); the symbol that a merge makes gets the next id. Of the pairs with the highest count, the
      one with the smallest `(id of left, id of right)` is merged: smallest left id first, then smallest right id.
      Hugging Face's tokenizers do the same; subword-nmt takes the last pair in string order instead.
    - Training stops early when no word has two symbols left. `num_merges=0` and an empty `word_counts` give `[]`.

    Returns the merges `(left, right)` in the order in which they were made.

    >>> train_bpe({"low": 5, "lower": 2, "newest": 6, "widest": 3}, 3)
    [('e', 's'), ('es', 't</w>'), ('l', 'o')]
    """
    # YOUR CODE HERE
    raise NotImplementedError("train_bpe is not written yet")


def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    """Split one word into pieces with the merges that training gave.

    The rank of a pair is its place in `merges` (0 is the first). Start from the word's characters, the last one with
    `</w>`; then, as long as some neighbouring pair is in `merges`, take the pair with the lowest rank and merge it,
    from left to right and without overlap. What matters is the rank, not the length of a piece and not its place in
    the word.

    `merges` holds no pair twice, and each pair stands after the merges that make its two symbols. Characters that
    training never saw stay pieces of their own. The empty word gives `[]`.

    >>> encode_word("lowest", [("e", "s"), ("es", "t</w>"), ("l", "o")])
    ['lo', 'w', 'est</w>']
    """
    # YOUR CODE HERE
    raise NotImplementedError("encode_word is not written yet")


def decode(pieces: list[str]) -> str:
    """Join the pieces of any number of words: `</w>` becomes a space between words, and the last one leaves none.

    Pieces that stop inside a word are joined as they are. No pieces give `""`.

    >>> decode(["lo", "w</w>", "est</w>"])
    'low est'
    >>> decode(["lo"])
    'lo'
    """
    # YOUR CODE HERE
    raise NotImplementedError("decode is not written yet")
