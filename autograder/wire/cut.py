"""What is kept of an answer that is much larger than any right one: its types, shapes and first elements.

A right answer has about the size of the reference's. So a worker is told how many bytes are wanted, and sends of a larger
answer only what it takes to say how it is wrong ("shape is (1000000,), expected (2, 3)"). The grader reads no more than that.
"""

from __future__ import annotations

import hashlib
import itertools
from typing import Any

import numpy as np
import torch

from autograder.wire.decode import decode
from autograder.wire.encode import bytes_of, encode
from autograder.wire.tree import MAX_DEPTH, MAX_RAW
from autograder.wire.values import ARRAY_DTYPES, TENSOR_NAMES, Cut, Drawn

HEAD = 8  # elements that are kept of a tensor, keys of a dict
_ITEM_BYTES = 8  # a container of more items than threshold / this is cut
_SHORT = 64  # bytes of one item that is kept of a container that was cut


def encode_within(value: Any, limit: int) -> bytes:
    """`encode`, in at most `limit` bytes: of what is larger, the largest parts are cut. 0 is no limit."""
    if not limit:
        return encode(value)
    blob = encode(_without_large_tensors(value, limit))
    if len(blob) <= limit:
        return blob
    plain = decode(blob)
    del blob  # it may be as large as the answer
    threshold = limit // 2
    while threshold >= 64:
        blob = encode(_cut(plain, threshold))
        if len(blob) <= limit:
            return blob
        threshold //= 4
    return encode(Cut(_kind(plain), "", (_length(plain),), None, _digest(plain)))


def _without_large_tensors(value: Any, limit: int, depth: int = 0) -> Any:
    """`value`, with tensors and arrays cut that are larger than `limit` alone: they are not copied to find that out.

    Only what is exactly of a type that crosses is looked at: nothing of a type that the submission made is called.
    """
    kind = type(value)
    if kind is torch.Tensor or kind is torch.nn.Parameter:
        plain = value.layout is torch.strided and not value.is_quantized and value.dtype in TENSOR_NAMES
        fits = plain and value.numel() * value.element_size() <= MAX_RAW  # else `encode` refuses it
        return _cut(value.detach(), limit) if fits else value
    if kind is np.ndarray:
        return _cut(value, limit) if value.dtype.name in ARRAY_DTYPES and value.nbytes <= MAX_RAW else value
    if depth > MAX_DEPTH:
        return value
    if kind is list or kind is tuple:
        return kind(_without_large_tensors(item, limit, depth + 1) for item in value)
    if kind is dict:
        return {key: _without_large_tensors(item, limit, depth + 1) for key, item in value.items()}
    return value


def _cut(value: Any, threshold: int) -> Any:
    """`value`, with what is larger than `threshold` bytes (by a rough count) cut."""
    if isinstance(value, torch.Tensor):
        if value.numel() * value.element_size() <= threshold:
            return value
        head = value.reshape(-1)[:HEAD].clone()
        return Cut("Tensor", TENSOR_NAMES[value.dtype], tuple(value.shape), head, _digest(value))
    if isinstance(value, np.ndarray):
        if value.nbytes <= threshold:
            return value
        return Cut("ndarray", str(value.dtype), value.shape, value.reshape(-1)[:HEAD].copy(), _digest(value))
    if isinstance(value, str | bytes):
        return value if len(value) <= threshold else _short(value, value[:200])
    if isinstance(value, dict):
        if 2 * len(value) > threshold // _ITEM_BYTES:
            return _short(value, [_cut(key, _SHORT) for key in itertools.islice(value, HEAD)])
        return {key: _cut(item, threshold) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        if len(value) > threshold // _ITEM_BYTES:
            count = max(HEAD, threshold // _SHORT // 4) if isinstance(value, list | tuple) else HEAD
            return _short(value, [_cut(item, _SHORT) for item in itertools.islice(value, count)])
        if isinstance(value, list | tuple):
            return type(value)(_cut(item, threshold) for item in value)
    return value


def _short(value: Any, head: Any) -> Cut:
    return Cut(_kind(value), "", (len(value),), head, _digest(value))


def _kind(value: Any) -> str:
    return (
        "iterator"
        if isinstance(value, Drawn)
        else "Tensor"
        if isinstance(value, torch.Tensor)
        else type(value).__name__
    )


def _length(value: Any) -> int:
    return len(value) if hasattr(value, "__len__") and not isinstance(value, torch.Tensor) else 0


def _digest(value: Any) -> str:
    """Of all of a value: equal values have equal ones."""
    digest = hashlib.blake2b(digest_size=16)
    if isinstance(value, torch.Tensor):
        digest.update(f"{value.dtype} {tuple(value.shape)} ".encode())
        data: Any = bytes_of(value)  # a buffer, which NumPy's types do not say
        digest.update(data)
    else:
        digest.update(encode(value))
    return digest.hexdigest()
