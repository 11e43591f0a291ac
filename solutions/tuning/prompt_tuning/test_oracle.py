"""tuning/prompt_tuning against PEFT on a tiny GPT-2: logits, loss, gradients, and where prompts begin."""

import pytest
import torch
import torch.nn.functional as F

from autograder.lab.frozen import frozen_model


class AsOurs(torch.nn.Module):
    """A model of transformers behind the interface of the lab's."""

    def __init__(self, theirs):
        super().__init__()
        self.theirs, self.embed, self.longest = theirs, theirs.get_input_embeddings(), theirs.config.n_positions

    def forward(self, embeds, mask):
        return self.theirs(inputs_embeds=embeds, attention_mask=mask.long()).logits


def gpt2():
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(0)
    sizes = {"vocab_size": 29, "n_positions": 20, "n_embd": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.3}
    return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, bos_token_id=0, eos_token_id=0)).eval()


@pytest.mark.slow
@pytest.mark.parametrize("P, side", [(5, "right"), (5, "left"), (1, "right")])
def test_pefts_prompt_tuning(reference, P, side):
    peft = pytest.importorskip("peft")
    theirs = peft.get_peft_model(gpt2(), peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=P)).eval()
    weight = theirs.prompt_encoder["default"].embedding.weight
    trained = [p for p in theirs.parameters() if p.requires_grad]
    assert [tuple(p.shape) for p in trained] == [(P, 32)] and (P != 5 or weight.numel() == 160)
    ours, prompt = AsOurs(gpt2()).requires_grad_(False), reference.SoftPrompt(P, 32)
    with torch.no_grad():
        prompt.weight.copy_(weight)
    ids = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 6, 5, 3, 5, 8]])
    mask = torch.tensor([[1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0]]).bool()
    mask = mask.flip(1) if side == "left" else mask
    labels = ids.masked_fill(~mask, -100)
    want = theirs(input_ids=ids, attention_mask=mask.long(), labels=labels)
    found = reference.forward_with_prompt(ours, prompt, ids, mask, labels)
    assert found["logits"].shape == want.logits.shape == (2, P + 6, 29)
    torch.testing.assert_close(found["logits"], want.logits, atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(found["loss"], want.loss)
    want.loss.backward()
    found["loss"].backward()
    torch.testing.assert_close(prompt.weight.grad, weight.grad, atol=1e-6, rtol=1e-4)


def test_a_prompt_of_real_tokens_is_as_good_as_the_tokens(reference):
    model = frozen_model(seed=1)
    words, ids = torch.tensor([7, 0, 28, 7]), torch.tensor([[3, 1, 4], [1, 5, 9]])
    prompt = reference.SoftPrompt(4, 12, "text", model.embed.weight, words)
    discrete = model(torch.cat([words.expand(2, -1), ids], 1))
    found = reference.forward_with_prompt(model, prompt, ids, labels=ids)
    torch.testing.assert_close(found["logits"], discrete, rtol=0, atol=0)
    want = F.cross_entropy(discrete[:, 3:-1].flatten(0, 1), ids.flatten())
    torch.testing.assert_close(found["loss"], want)


def test_the_papers_count(reference):
    """Section 1: T5 XXL has vectors of 4096 numbers; 5 of them are 20,480 parameters."""
    assert reference.SoftPrompt(5, 4096).weight.numel() == 20_480


def test_a_prompt_alone_learns_a_task(reference):
    torch.manual_seed(0)
    model = frozen_model(seed=2)
    before = [p.clone() for p in model.parameters()]
    prompt = reference.SoftPrompt(4, 12)
    ids = torch.arange(24).remainder(11).view(4, 6)
    optimizer = torch.optim.Adam(prompt.parameters(), lr=0.1)
    losses = []
    for _ in range(60):
        loss = reference.forward_with_prompt(model, prompt, ids, labels=torch.full_like(ids, 3))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.6 * losses[0]
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_votes(reference):
    logits = [torch.randn(9, 4, generator=torch.Generator().manual_seed(i)) for i in range(5)]
    want = [max(range(4), key=lambda k: (sum(int(x[b].argmax()) == k for x in logits), -k)) for b in range(9)]
    assert reference.prompt_ensemble(logits).tolist() == want
