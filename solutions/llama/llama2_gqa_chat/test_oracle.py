"""llama/llama2_gqa_chat against transformers' caches and attention, the published chat template, tokenizers, and torch's losses."""

import re
import runpy
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

# num_key_value_heads, head size and layers of published configurations; tests shrink them.
MODELS = {
    "Llama 2 7B": {"layers": 32, "heads": 32, "kv_heads": 32, "D": 128},
    "Llama 2 13B": {"layers": 40, "heads": 40, "kv_heads": 40, "D": 128},
    "Llama 2 70B": {"layers": 80, "heads": 64, "kv_heads": 8, "D": 128},
    "TinyLlama 1.1B": {"layers": 22, "heads": 32, "kv_heads": 4, "D": 64},
}
BYTES_PER_TOKEN = {"Llama 2 7B": 524_288, "Llama 2 13B": 819_200, "Llama 2 70B": 327_680, "TinyLlama 1.1B": 22_528}


@pytest.mark.parametrize("name", MODELS)
def test_bytes_of_one_token(reference, name):
    sizes = MODELS[name]
    cache = reference.KVCache(1, sizes["kv_heads"], 10, sizes["D"], torch.float16)
    assert sizes["layers"] * cache.nbytes == 10 * BYTES_PER_TOKEN[name]


@pytest.mark.parametrize("cuts", [[5, 6, 7, 8], [1, 4, 8]])
def test_static_and_dynamic_cache(reference, cuts):
    """What transformers' caches keep, they keep at the same places; theirs are cut to the tokens in use."""
    transformers = pytest.importorskip("transformers")
    config = transformers.LlamaConfig(num_hidden_layers=1, num_attention_heads=6, num_key_value_heads=2, hidden_size=24)
    ours = reference.KVCache(3, 2, 11, 4)
    static, dynamic = transformers.StaticCache(config=config, max_cache_len=11), transformers.DynamicCache()
    start = 0
    for end in cuts:
        k, v = torch.randn(2, 3, 2, end - start, 4)
        mine = ours.update(k, v, torch.arange(start, end))
        places = static.update(k.clone(), v.clone(), 0, {"cache_position": torch.arange(start, end)})
        longer = dynamic.update(k, v, 0)
        for kept, all_places, joined in zip(mine, places, longer, strict=True):
            assert torch.equal(kept, joined)
            assert torch.equal(kept, all_places[:, :, :end])
        start = end
    assert len(ours) == cuts[-1] == int(dynamic.get_seq_length())


def tiny(name):
    transformers = pytest.importorskip("transformers")
    real = MODELS[name]
    group = real["heads"] // real["kv_heads"]
    heads = 2 * group if group < 8 else group
    config = transformers.LlamaConfig(
        vocab_size=17, hidden_size=heads * 4, num_hidden_layers=1, num_attention_heads=heads, num_key_value_heads=heads // group,
        intermediate_size=8, attn_implementation="eager", max_position_embeddings=64,
    )  # fmt: skip
    torch.manual_seed(0)
    return transformers.LlamaForCausalLM(config).eval(), config


@pytest.mark.parametrize("name", MODELS)
@pytest.mark.parametrize("cuts", [[6], [4, 5, 6], [2, 6]])
def test_attention_of_a_llama(reference, name, cuts):
    """The attention layer of a Llama of transformers', with its weights and its rotation, in pieces; values, and gradients of a first piece."""
    modeling = pytest.importorskip("transformers.models.llama.modeling_llama")
    model, config = tiny(name)
    layer, D = model.model.layers[0].self_attn, config.hidden_size // config.num_attention_heads
    x = torch.randn(2, cuts[-1], config.hidden_size)

    def rotate(states, pos):
        cos, sin = model.model.rotary_emb(states, pos.expand(states.shape[0], -1))
        return modeling.apply_rotary_pos_emb(states, states, cos, sin)[0]

    T = cuts[-1]
    mask = torch.full((T, T), -torch.inf).triu(1)[None, None]
    positions = torch.arange(T)[None]
    want = layer(x, position_embeddings=model.model.rotary_emb(x, positions), attention_mask=mask)[0]
    cache = reference.KVCache(2, config.num_key_value_heads, T, D)
    found, start = [], 0
    for end in cuts:
        new = x[:, start:end]
        q, k, v = (p(new).unflatten(-1, (-1, D)).transpose(1, 2) for p in (layer.q_proj, layer.k_proj, layer.v_proj))
        out = reference.cached_gqa(q, k, v, torch.arange(start, end), cache, rotate)
        found.append(layer.o_proj(out.transpose(1, 2).flatten(2)))
        start = end
    torch.testing.assert_close(torch.cat(found, 1), want, atol=1e-5, rtol=1e-4)


def test_in_the_model_of_another_exercise(reference):
    """One `KVCache` for each layer of llama/llama1_block's Llama: pieces give the logits of one pass."""
    llama = runpy.run_path(str(Path(__file__).parents[1] / "llama1_block" / "solution.py"), run_name="llama1_block")
    torch.manual_seed(0)
    model = llama["Llama"](llama["LlamaCfg"](vocab=11, dim=12, n_layers=2, n_heads=6, n_kv_heads=2, ffn_dim=10)).double()
    ids = torch.randint(0, 11, (3, 8))
    caches = [reference.KVCache(3, 2, 8, 2, torch.float64) for _ in range(2)]
    pieces = [model(ids[:, start:end], cache=caches) for start, end in ((0, 5), (5, 6), (6, 8))]
    torch.testing.assert_close(torch.cat(pieces, 1), model(ids))


class Through:
    """A cache without memory, which lets gradients through."""

    def __len__(self):
        return 0

    def update(self, k, v, pos):
        return k, v


@pytest.mark.parametrize("H, G", [(4, 4), (6, 2), (5, 1)])
def test_gradients(reference, H, G):
    q, k, v = (torch.randn(2, n, 5, 4, dtype=torch.float64, requires_grad=True) for n in (H, G, G))
    weights = torch.randn(2, H, 5, 4, dtype=torch.float64)
    ours = reference.cached_gqa(q, k, v, torch.arange(5), Through(), lambda x, pos: x)
    theirs = F.scaled_dot_product_attention(q, k, v, is_causal=True, enable_gqa=True)
    torch.testing.assert_close(ours, theirs)
    mine, oracle = (torch.autograd.grad((out * weights).sum(), (q, k, v)) for out in (ours, theirs))
    torch.testing.assert_close(mine, oracle)


# The chat template in the tokenizer configuration of Llama-2-7b-chat-hf.
TEMPLATE = (
    "{% if messages[0]['role'] == 'system' %}{% set loop_messages = messages[1:] %}{% set system_message = messages[0]['content'] %}"
    "{% else %}{% set loop_messages = messages %}{% set system_message = false %}{% endif %}{% for message in loop_messages %}"
    "{% if (message['role'] == 'user') != (loop.index0 % 2 == 0) %}"
    "{{ raise_exception('Conversation roles must alternate user/assistant/user/assistant/...') }}{% endif %}"
    "{% if loop.index0 == 0 and system_message != false %}"
    "{% set content = '<<SYS>>\\n' + system_message + '\\n<</SYS>>\\n\\n' + message['content'] %}"
    "{% else %}{% set content = message['content'] %}{% endif %}"
    "{% if message['role'] == 'user' %}{{ bos_token + '[INST] ' + content.strip() + ' [/INST]' }}"
    "{% elif message['role'] == 'assistant' %}{{ ' '  + content.strip() + ' ' + eos_token }}{% endif %}{% endfor %}"
)
CHATS = [
    [("user", "hi")],
    [("user", "hi"), ("assistant", "yo"), ("user", "ok")],
    [("system", " Be\nbrief. "), ("user", "\n hi "), ("assistant", " yo\n"), ("user", "\tok")],
    [("system", ""), ("user", " 你好 🦙"), ("assistant", "")],
    [("user", ""), ("assistant", "a"), ("user", "b\n\nc"), ("assistant", "d"), ("user", "e")],
]
CHATS = [[{"role": role, "content": content} for role, content in chat] for chat in CHATS]


@pytest.mark.parametrize("chat", CHATS)
def test_the_published_template(reference, chat):
    utils = pytest.importorskip("transformers.utils.chat_template_utils")
    texts, _ = utils.render_jinja_template([chat], chat_template=TEMPLATE, bos_token="<s>", eos_token="</s>")
    assert reference.render_llama2_chat(chat) == texts[0]


CONTROL = {"<s>": 1, "</s>": 2}


def by_units(messages, encode):
    """The ids of a chat as Meta's code makes them: one unit at a time, each encoded by itself, with the ids of <s> and </s> around it."""
    if messages[0]["role"] == "system":
        first = f"<<SYS>>\n{messages[0]['content']}\n<</SYS>>\n\n{messages[1]['content']}"
        messages = [{"role": "user", "content": first}, *messages[2:]]
    ids = []
    for i in range(0, len(messages), 2):
        unit = f"[INST] {messages[i]['content'].strip()} [/INST]"
        answered = i + 1 < len(messages)
        ids += [CONTROL["<s>"], *encode(unit + f" {messages[i + 1]['content'].strip()} " if answered else unit)]
        ids += [CONTROL["</s>"]] if answered else []
    return ids


@pytest.fixture(scope="module")
def tokenizer():
    """A tokenizer of the same kind as Llama 2's, with a small vocabulary that is learned here."""
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    normalizers = tokenizers.normalizers
    tokenizer.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    names = ["<unk>", *CONTROL, *(f"<0x{byte:02X}>" for byte in range(256))]
    trainer = tokenizers.trainers.BpeTrainer(vocab_size=330, special_tokens=names, show_progress=False)
    tokenizer.train_from_iterator(["[INST] hi [/INST] yo ", "[INST] <<SYS>>\nBe\nbrief.\n<</SYS>>\n\nhi [/INST]"], trainer)
    assert [tokenizer.token_to_id(name) for name in CONTROL] == list(CONTROL.values())
    return tokenizer


@pytest.mark.parametrize("chat", CHATS)
def test_token_for_token(reference, tokenizer, chat):
    """The text as a whole, with <s> and </s> read as control tokens, gives the ids that Meta's code puts together."""
    text = reference.render_llama2_chat(chat)
    found = tokenizer.encode(text, add_special_tokens=False)
    assert found.ids == by_units(chat, lambda part: tokenizer.encode(part, add_special_tokens=False).ids)
    assert found.ids.count(CONTROL["<s>"]) == text.count("<s>") and len(found.ids) < len(text.encode())


@pytest.mark.slow
def test_mistral_common(reference):
    """The vocabulary of Mistral 7B and its makers' own code, where the formats agree: one question, without a system message."""
    pytest.importorskip("mistral_common")
    from mistral_common.protocol.instruct.messages import AssistantMessage, UserMessage
    from mistral_common.protocol.instruct.request import ChatCompletionRequest
    from mistral_common.tokens.tokenizers.mistral import MistralTokenizer

    mistral = MistralTokenizer.v1()
    pieces = mistral.instruct_tokenizer.tokenizer

    def ids(text):
        """Of a text with control tokens."""
        found = []
        for part in re.split("(</?s>)", text):
            found += [CONTROL[part]] if part in CONTROL else pieces.encode(part, bos=False, eos=False) if part else []
        return found

    for text in ("hi", "What is 2 + 2?", "你好 🦙", "two\nlines", "[a] <b>"):
        theirs = mistral.encode_chat_completion(ChatCompletionRequest(messages=[UserMessage(content=text)]))
        assert ids(reference.render_llama2_chat([{"role": "user", "content": text}])) == theirs.tokens
    chat = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "yo"}, {"role": "user", "content": "ok"}]
    assert ids(reference.render_llama2_chat(chat)) == by_units(chat, lambda part: pieces.encode(part, bos=False, eos=False))
    # What the docstring says of Mistral: <s> once, and no space before </s>.
    messages = [UserMessage(content="hi"), AssistantMessage(content="yo"), UserMessage(content="ok")]
    theirs = mistral.encode_chat_completion(ChatCompletionRequest(messages=messages)).tokens
    assert theirs == ids("<s>[INST] hi [/INST] yo</s>[INST] ok [/INST]")


BAD = [["assistant"], ["user", "user"], ["system", "assistant"], ["user", "assistant", "system"]]


@pytest.mark.parametrize("roles", BAD)
def test_what_the_template_refuses(reference, roles):
    utils = pytest.importorskip("transformers.utils.chat_template_utils")
    chat = [{"role": role, "content": "x"} for role in roles]
    with pytest.raises(Exception, match="alternate"):
        utils.render_jinja_template([chat], chat_template=TEMPLATE, bos_token="<s>", eos_token="</s>")
    with pytest.raises(ValueError):
        reference.render_llama2_chat(chat)


@pytest.mark.parametrize("scale", [0.1, 1.0, 50.0, 2000.0])
def test_losses_of_torch(reference, scale):
    rc, rr = (torch.randn(2, 9, dtype=torch.float64) * scale).requires_grad_()
    margin = torch.randint(0, 4, (9,)).double()
    one = torch.ones(9, dtype=torch.float64)
    ours = reference.rm_margin_loss(rc, rr, margin)
    losses = [F.binary_cross_entropy_with_logits(rc - rr - margin, one)]
    if scale < 100:
        losses.append(F.soft_margin_loss(rc - rr - margin, one))  # infinite for scores that lie thousands apart
    for theirs in losses:
        torch.testing.assert_close(ours, theirs)
        mine, oracle = (torch.autograd.grad(loss, (rc, rr), retain_graph=True) for loss in (ours, theirs))
        torch.testing.assert_close(mine, oracle)


@pytest.mark.parametrize("turns", [1, 2, 5])
def test_ghost_attention_by_the_paper(reference, turns):
    """[u1 + inst, a1, …, un + inst, an] for the sample; the instruction dropped in all but the first turn, loss 0 for all previous turns."""
    dialog = [{"role": role, "content": f"{role} {i}"} for i in range(turns) for role in ("user", "assistant")]
    prompts = reference.ghost_prompts(dialog[:-1], "inst")
    assert [m["content"].startswith("inst\n") for m in prompts] == [m["role"] == "user" for m in prompts]
    messages, loss = reference.ghost_attention(dialog, "inst")
    text = reference.render_llama2_chat(messages)
    assert text.count("inst\n") == 1 and text.startswith("<s>[INST] inst\nuser 0 [/INST]")
    counted = [m["content"] for m, counts in zip(messages, loss, strict=True) if counts]
    assert counted == [f"assistant {turns - 1}"]
