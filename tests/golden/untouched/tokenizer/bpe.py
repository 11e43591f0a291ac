"""BPE in the order of the lecture: count, merge, repeat."""

from collections import defaultdict



def train_bpe(word_counts: dict[str, int], num_merges: int) -> list[tuple[str, str]]:
    # YOUR CODE HERE
    raise NotImplementedError("train_bpe is not written yet")


def encode_word(word: str, merges: list[tuple[str, str]]) -> list[str]:
    # YOUR CODE HERE
    raise NotImplementedError("encode_word is not written yet")


def decode(pieces: list[str]) -> str:
    # YOUR CODE HERE
    raise NotImplementedError("decode is not written yet")
