"""GPT-2's own merges and vocabulary, as OpenAI released them.

Where the files come from: `data/gpt2/ORIGIN.md`. In a check's inputs they are used by name, `lab("gpt2_merges")` and
`lab("gpt2_vocab")`.
"""

import gzip
import json
from functools import cache
from importlib.resources import files


def gpt2_merges() -> list[tuple[str, str]]:
    """The 50 000 merges in the order in which they were learned; bytes are written as characters (`"Ġ"` is a space)."""
    return list(_merges())


def gpt2_vocab() -> dict[str, int]:
    """The 50 257 tokens and their ids: 256 bytes, a token for each merge, and `"<|endoftext|>"` (id 50256)."""
    return dict(_vocab())


@cache
def _merges() -> tuple[tuple[str, str], ...]:
    _version, *lines = _read("vocab.bpe").splitlines()
    return tuple((left, right) for left, right in (line.split(" ") for line in lines))


@cache
def _vocab() -> dict[str, int]:
    return json.loads(_read("encoder.json"))


def _read(name: str) -> str:
    packed = files("autograder.lab").joinpath("data", "gpt2", name + ".gz").read_bytes()
    return gzip.decompress(packed).decode("utf-8")
