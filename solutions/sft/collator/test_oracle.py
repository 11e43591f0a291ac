"""sft/collator against Hugging Face's chat templates and collator, trl's collator, PyTorch's padding, and the package rouge-score."""

import random

import pytest
import torch

# {% generation %} marks what the assistant writes: Hugging Face makes a mask of it from the places of characters.
TEMPLATE = (
    "{% for m in messages %}{{ '<|im_start|>' + m['role'] + '\n' }}{% if m['role'] == 'assistant' %}"
    "{% generation %}{{ m['content'] + '<|im_end|>' }}{% endgeneration %}{% else %}{{ m['content'] + '<|im_end|>' }}{% endif %}{% endfor %}"
)
CHATS = [
    [("user", "hi")],
    [("user", "what is 2 + 2 ?"), ("assistant", "it is 4 .")],
    [("system", "you help ."), ("user", "hi"), ("assistant", "hi , you"), ("user", "hi"), ("assistant", "hi")],
    [("assistant", "hi"), ("assistant", "what ?"), ("user", "it is 4")],
]


@pytest.mark.slow
@pytest.mark.parametrize("turns", CHATS)
def test_masks_of_hugging_face(reference, turns):
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    words = ["<unk>", "<|im_start|>", "<|im_end|>", "system", "user", "assistant", *["hi", "what", "is", "2", "+", "?", "it", "4", ".", "you", "help", ",", "Ċ"]]
    model = tokenizers.models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>")
    tokenizer = tokenizers.Tokenizer(model)
    tokenizer.normalizer = tokenizers.normalizers.Replace("\n", " Ċ ")
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(["<|im_start|>", "<|im_end|>"])
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=tokenizer)
    messages = [{"role": role, "content": content} for role, content in turns]
    got = fast.apply_chat_template(messages, chat_template=TEMPLATE, tokenize=True, return_dict=True, return_assistant_tokens_mask=True)
    template = {role: (f"<|im_start|>{role}\n", "<|im_end|>") for role in ("system", "user", "assistant")}
    ids, labels = reference.build_example(messages, lambda text: tokenizer.encode(text, add_special_tokens=False).ids, template)
    assert ids == list(got["input_ids"])
    assert 0 not in ids
    assert [label != -100 for label in labels] == [bool(flag) for flag in got["assistant_masks"]]
    assert all(label in (-100, i) for i, label in zip(ids, labels, strict=True))


@pytest.mark.slow
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_collator_of_hugging_face(reference, side):
    transformers = pytest.importorskip("transformers")
    tokenizers = pytest.importorskip("tokenizers")
    inner = tokenizers.Tokenizer(tokenizers.models.WordLevel({"a": 0, "</s>": 1}, unk_token="a"))
    fast = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, pad_token="</s>", eos_token="</s>", padding_side=side)
    batch = [([5, 6, 7, 1], [-100, 6, 7, 1]), ([8, 1], [8, 1]), ([9, 1, 1], [-100, -100, 1])]
    collator = transformers.DataCollatorForSeq2Seq(fast, padding=True)
    rows = [{"input_ids": ids, "labels": labels, "attention_mask": [1] * len(ids)} for ids, labels in batch]
    want = collator(rows)
    got = reference.collate(batch, 1, side)
    for name in got:
        torch.testing.assert_close(got[name], want[name])


@pytest.mark.slow  # the import of trl alone takes seconds
@pytest.mark.parametrize("pad", [0, 1])
def test_the_collator_of_trl(reference, pad):
    trainer = pytest.importorskip("trl.trainer.sft_trainer")
    batch = [([5, 6, 7, 1], [-100, 6, 7, 1]), ([8, 1], [8, 1]), ([9, 1, 1], [-100, -100, 1])]
    want = trainer.DataCollatorForLanguageModeling(pad_token_id=pad)([{"input_ids": ids, "labels": labels} for ids, labels in batch])
    torch.testing.assert_close(reference.collate(batch, pad), dict(want))


def test_rouge_score(reference):
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"], use_stemmer=False)
    draw = random.Random(0)
    texts = ["", "?!", "Don't STOP!", "naïve x_1", *(" ".join(draw.choices(list("abcdE7"), k=draw.randint(1, 12))) for _ in range(20))]
    for a in texts:
        for b in texts:
            assert reference.rouge_l(a, b) == pytest.approx(scorer.score(a, b)["rougeL"].fmeasure, abs=1e-12)


@pytest.mark.slow
def test_the_loss_of_a_model_counts_the_labels(reference):
    """Hugging Face shifts by itself, so the loss is the mean over all labels but one in the first place."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(vocab_size=29, hidden_size=8, intermediate_size=12, num_hidden_layers=1, num_attention_heads=2)
    model = transformers.LlamaForCausalLM(config).eval()
    batch = reference.collate([([3, 4, 5, 2], [-100, -100, 5, 2]), ([6, 2], [-100, 2])], pad=2)
    with torch.no_grad():
        got = model(**batch)
        logp = got.logits.log_softmax(-1)
    want = -(logp[0, 1, 5] + logp[0, 2, 2] + logp[1, 0, 2]) / 3
    torch.testing.assert_close(got.loss, want)
