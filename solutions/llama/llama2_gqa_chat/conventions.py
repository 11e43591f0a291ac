"""What others do otherwise than llama/llama2_gqa_chat asks for."""

import torch

from autograder.checks import convention

convention(
    "You compute the softmax in float32, as Meta's code and Hugging Face's models do. For float64 tensors it is float64 here.",
    used_by="Meta's llama/model.py, Hugging Face transformers (eager attention of Llama)",
    costs="tokens_are_taken_back_in_float64",
    edit={
        "weights = scores.masked_fill(later, -torch.inf).softmax(-1)": "weights = scores.masked_fill(later, -torch.inf).softmax(-1, dtype=torch.float32).to(q.dtype)"
    },
)

convention(
    "You look for Meta's four tags and let <s> and </s> pass. As text they would end an answer too: refuse all six.",
    used_by="Meta's llama/generation.py (SPECIAL_TAGS)",
    costs="forged_chats_are_refused",
    edit={'"<</SYS>>", "<s>", "</s>"]': '"<</SYS>>"]'},
)


@convention(
    "Your cache makes a longer copy in each call. Here the memory is taken once, and results are views of it.",
    used_by="Hugging Face transformers (DynamicCache)",
    costs="nothing_is_copied",
)
class KVCache:
    def __init__(self, B, G, max_len, D, dtype=torch.float32):
        self.k, self.v = (torch.zeros(B, G, 0, D, dtype=dtype) for _ in "kv")
        self.max_len = max_len

    def __len__(self):
        return self.k.shape[2]

    @property
    def nbytes(self):
        B, G, _, D = self.k.shape
        return 2 * B * G * self.max_len * D * self.k.element_size()

    def update(self, k, v, pos):
        s = int(pos[0])
        if s > len(self) or s + len(pos) > self.max_len:
            raise IndexError("no room, or a hole")
        self.k = torch.cat([self.k[:, :, :s], k.detach().to(self.k.dtype)], dim=2)
        self.v = torch.cat([self.v[:, :, :s], v.detach().to(self.v.dtype)], dim=2)
        return self.k, self.v
