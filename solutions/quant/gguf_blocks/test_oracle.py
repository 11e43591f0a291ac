"""quant/gguf_blocks against the package `gguf`: its quantizers byte by byte, its writer and its reader."""

import numpy as np
import pytest


@pytest.fixture(scope="module")
def gguf():
    return pytest.importorskip("gguf")


def weights(seed=0):
    x = np.random.default_rng(seed).standard_normal((6, 256)).astype(np.float32)
    x[2] = 0
    x[3, :32] = 5
    x[4] *= 1e-3
    return x


@pytest.mark.parametrize("name", ["q8_0", "q4_0", "q4_1", "q5_0"])
def test_bytes_and_weights(reference, gguf, name):
    kind = gguf.GGMLQuantizationType[name.upper()]
    for seed in range(10):
        x = weights(seed)
        want = gguf.quants.quantize(x, kind)
        assert np.array_equal(getattr(reference, f"quantize_{name}")(x), want)
        assert np.array_equal(getattr(reference, f"dequantize_{name}")(want), gguf.quants.dequantize(want, kind))


def test_the_worked_example(reference):
    x = np.linspace(-1, 0.9, 32, dtype=np.float32)[None]
    block = reference.quantize_q4_0(x)
    assert block.shape == (1, 18) and block[0, :2].tobytes().hex() == "0030"  # float16 0.125


def test_q4_k(reference, gguf):
    b = np.random.default_rng(1).integers(0, 256, (3, 288)).astype(np.uint8)
    b[:, [1, 3, 145, 147]] &= 0x3F  # no infinite scales
    want = gguf.quants.dequantize(b, gguf.GGMLQuantizationType.Q4_K)
    np.testing.assert_allclose(reference.dequantize_q4_k(b), want, rtol=1e-6, atol=1e-6)


def test_the_reader_of_the_package_reads_what_we_write(reference, gguf, tmp_path):
    kv = {
        "general.architecture": "tiny",
        "n": 3,
        "neg": -5,
        "f": 1.5,
        "yes": True,
        "tokens": ["a", "é"],
        "wide": [1, 2**40],
    }
    tensors = {"x": weights(), "h": weights()[:, :3].astype(np.float16), "i": np.arange(5, dtype=np.int64)}
    path = tmp_path / "ours.gguf"
    path.write_bytes(reference.write_gguf(kv, tensors, alignment=64))
    reader = gguf.GGUFReader(path)
    assert {key: reader.fields[key].contents() for key in kv} == kv
    assert [each.name for each in reader.tensors] == list(tensors)
    for each in reader.tensors:
        assert np.array_equal(np.array(each.data).reshape(tensors[each.name].shape), tensors[each.name])


def test_we_read_what_the_writer_of_the_package_writes(reference, gguf, tmp_path):
    path = tmp_path / "theirs.gguf"
    writer = gguf.GGUFWriter(path, "tiny")
    writer.add_uint32("n", 7)
    writer.add_float32("f", 0.25)
    writer.add_bool("yes", True)
    writer.add_string("s", "größe")
    writer.add_array("tokens", ["<s>", "é"])
    writer.add_array("scores", [0.5, -1.5])
    writer.add_tensor("plain", weights())
    kinds = {"Q8_0": "q8_0", "Q4_0": "q4_0", "Q5_0": "q5_0"}
    for name in kinds:
        kind = gguf.GGMLQuantizationType[name]
        writer.add_tensor(name, gguf.quants.quantize(weights(), kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    kv, tensors = reference.read_gguf(path.read_bytes())
    assert kv == {
        "general.architecture": "tiny", "n": 7, "f": 0.25, "yes": True, "s": "größe", "tokens": ["<s>", "é"], "scores": [0.5, -1.5],
    }  # fmt: skip
    assert np.array_equal(tensors["plain"], weights())
    for name in kinds:
        kind = gguf.GGMLQuantizationType[name]
        want = gguf.quants.dequantize(gguf.quants.quantize(weights(), kind), kind)
        assert np.array_equal(tensors[name], want)
