"""framework/hf_generate against transformers: its processors, its `generate` on tiny Llamas, its files of weights."""

import json

import pytest
import torch


@pytest.fixture(scope="module")
def hf():
    return pytest.importorskip("transformers.generation")


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(
    "ours, theirs, arguments",
    [
        ("RepetitionPenalty", "RepetitionPenaltyLogitsProcessor", [(2.0,), (0.7,), (1.0,)]),
        ("NoRepeatNGram", "NoRepeatNGramLogitsProcessor", [(1,), (2,), (3,), (30,)]),
        ("MinP", "MinPLogitsWarper", [(0.0,), (0.1,), (0.5,), (1.0,)]),
        ("MinLength", "MinLengthLogitsProcessor", [(8, 3), (9, 3), (10, 3)]),
    ],
)
def test_processors(reference, hf, ours, theirs, arguments, dtype):
    gen = torch.Generator().manual_seed(0)
    for options in arguments:
        for V in (4, 11):
            ids = torch.randint(V, (20, 9), generator=gen)
            logits = torch.randn(20, V, generator=gen, dtype=dtype)
            got = getattr(reference, ours)(*options)(ids, logits)
            assert torch.equal(got, getattr(hf, theirs)(*options)(ids, logits.clone()))


@pytest.fixture(scope="module")
def llama():
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(
        vocab_size=13, hidden_size=16, intermediate_size=24, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2,
        max_position_embeddings=64, pad_token_id=0, bos_token_id=None, eos_token_id=None, tie_word_embeddings=True,
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(config).double().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(20)
    return model


def adapter(llama):
    def model(new, positions, mask, cache):
        out = llama(input_ids=new, position_ids=positions, attention_mask=mask.long(), past_key_values=cache, use_cache=True)
        return out.logits, out.past_key_values

    return model


def batch(seed, pads, T=6):
    ids = torch.randint(1, 13, (len(pads), T), generator=torch.Generator().manual_seed(seed))
    mask = torch.arange(T) >= torch.tensor(pads)[:, None]
    return ids.masked_fill(~mask, 0), mask


@pytest.mark.parametrize("pads", [[0], [0, 0, 0], [3, 0, 5, 1]])
@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("eos", [None, 4, 7])
def test_greedy(reference, llama, pads, use_cache, eos):
    ids, mask = batch(len(pads), pads)
    got = reference.generate(adapter(llama), ids, mask, 12, eos=eos, use_cache=use_cache)
    want = llama.generate(ids, attention_mask=mask.long(), max_new_tokens=12, do_sample=False, eos_token_id=eos, use_cache=use_cache)
    assert torch.equal(got, want)


@pytest.mark.parametrize("options", [{"repetition_penalty": 1.7}, {"no_repeat_ngram_size": 2}, {"min_length": 9, "eos_token_id": 4}])
@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [3, 0, 5, 1]])
def test_processors_in_the_loop(reference, llama, options, pads):
    """Hugging Face looks at the padding too, so its rows are generated one by one."""
    ids, mask = batch(1, pads)
    eos = options.get("eos_token_id")
    processors = {
        "repetition_penalty": lambda v: reference.RepetitionPenalty(v),
        "no_repeat_ngram_size": lambda v: reference.NoRepeatNGram(v),
        "min_length": lambda v: reference.MinLength(v, eos),
    }
    given = [processors[name](value) for name, value in options.items() if name in processors]
    got = reference.generate(adapter(llama), ids, mask, 14, processors=given, eos=eos)
    for b in range(len(pads)):
        want = llama.generate(ids[b : b + 1, pads[b] :], max_new_tokens=14, do_sample=False, **options)[0, 6 - pads[b] :].tolist()
        assert got[b, 6:].tolist()[: len(want)] == want


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_sampling_with_the_global_generator(reference, llama, seed):
    """`generate` of transformers draws by `torch.multinomial` too: the tokens are the same."""
    ids, mask = batch(seed, [0, 2, 4])
    torch.manual_seed(seed)
    got = reference.generate(adapter(llama), ids, mask, 10, processors=[reference.MinP(0.05)], do_sample=True, eos=4)
    torch.manual_seed(seed)
    want = llama.generate(ids, attention_mask=mask.long(), max_new_tokens=10, do_sample=True, min_p=0.05, top_k=0, eos_token_id=4)
    assert torch.equal(got, want)


def test_stop_strings(reference, hf):
    """The criterion of transformers on every row of up to three tokens of a tokenizer whose tokens are whole characters."""
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    pieces = ["st", "op", "opera", "sto", "pper", "las", "topper", "s", "to", "pped", "at", "abcdef", "<unk>"]
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel({piece: i for i, piece in enumerate(pieces)}, "<unk>"))
    tokenizer.decoder = tokenizers.decoders.Fuse()
    wrapped = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="<unk>")
    for stops in (["stop"], ["oper", "topst"]):
        theirs = hf.StopStringCriteria(wrapped, stops)
        ours = reference.StopString(stops, lambda tokens: "".join(pieces[token] for token in tokens))
        ids = torch.cartesian_prod(*[torch.arange(11)] * 3)
        assert torch.equal(ours(ids), theirs(ids, None))


@pytest.mark.parametrize("limit", [100, 1100, 2000, 5000, 10**6])
def test_files_of_weights(reference, llama, tmp_path, limit):
    files, index = reference.shard_state_dict(llama.state_dict(), limit)
    llama.save_pretrained(tmp_path, max_shard_size=limit)
    saved = tmp_path / "model.safetensors.index.json"
    if len(files) == 1:
        assert not saved.exists() and (tmp_path / "model.safetensors").exists()
        return
    want = json.loads(saved.read_text())
    assert want["metadata"]["total_size"] == index["metadata"]["total_size"]
    sizes = lambda weight_map: sorted((file, name) for name, file in weight_map.items())  # noqa: E731
    assert sizes(index["weight_map"]) == sizes(want["weight_map"])


@pytest.mark.parametrize("limit", [7, 16, 40, 10**4])
def test_split(reference, limit):
    split = pytest.importorskip("huggingface_hub").split_torch_state_dict_into_shards
    gen = torch.Generator().manual_seed(limit)
    sd = {f"w{i}": torch.zeros(int(torch.randint(1, 12, (), generator=gen))) for i in range(30)}
    files, index = reference.shard_state_dict(sd, limit)
    want = split(sd, filename_pattern="model{suffix}.safetensors", max_shard_size=limit)
    assert index["weight_map"] == want.tensor_to_filename and index["metadata"] == want.metadata
    assert [list(file) for file in files] == list(want.filename_to_tensors.values())
