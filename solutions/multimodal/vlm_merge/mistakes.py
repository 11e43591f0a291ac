"""Wrong ways to write multimodal/vlm_merge, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

COUNT = "if int(place.sum()) != len(feats):"
PUT = "found[place] = feats.to(embeds.dtype)"
ROOM = "found += [token] * (next(counts) if token == image_id else 1)"
GELU = "return self.linear_2(nn.functional.gelu(self.linear_1(x)))"
GRID = "columns += [(start + a, start + b, start + c) for a in range(t) for b in range(h) for c in range(w)]"
NEXT = "start, at = start + max(t, h, w), at + t * h * w"

mistake("Every image gets as many places as the first one. Each has its own number.", edit={ROOM: "found += [token] * (n_patches[0] if token == image_id else 1)"})
mistake("You add places behind the image token, so there is one too many. The token itself is one of them.", edit={ROOM: "found += [token] * (1 + next(counts) if token == image_id else 1)"})
mistake("An image without features keeps a token in your list. It gets none.", edit={ROOM: "found += [token] * (max(1, next(counts)) if token == image_id else 1)"})
mistake("Features that are left over are lost without a word. Too many are as wrong as too few.", edit={COUNT: "if int(place.sum()) > len(feats):", PUT: "found[place] = feats[: int(place.sum())].to(embeds.dtype)"})
mistake("Where features are missing, your places stay as they were. Raise ValueError.", edit={COUNT: "if int(place.sum()) < len(feats):", PUT: "found[place.nonzero()[: len(feats)].unbind(1)] = feats.to(embeds.dtype)"})
mistake("A single feature is repeated for all places. Count before you write.", edit={COUNT: "if int(place.sum()) != len(feats) and len(feats) != 1:"})
mistake("You write into the embeddings that you are given. Copy them first.", edit={"found = embeds.clone()": "found = embeds.detach() if embeds.requires_grad else embeds"})
mistake("No gradient reaches the features: you detach them.", edit={PUT: "found[place] = feats.detach().to(embeds.dtype)"})
mistake("Gradients reach the embeddings of image tokens: you add instead of putting in.", edit={PUT: "found[place] = found[place] - found[place].detach() + feats.to(embeds.dtype)"})
mistake("You fill column by column. Features come sequence by sequence.", edit={PUT: "found.transpose(0, 1)[place.T] = feats.to(embeds.dtype)"})
mistake("Your result has the dtype of the features. It has that of the embeddings.", edit={"found = embeds.clone()": "found = embeds.to(feats.dtype, copy=True)", PUT: "found[place] = feats"})
mistake("You use the approximation of GELU by tanh. The docstring asks for the exact one.", edit={GELU: GELU.replace("(self.linear_1(x))", '(self.linear_1(x), approximate="tanh")')})
mistake("There is a GELU behind the second layer too. It stands between the two.", edit={GELU: "return nn.functional.gelu(self.linear_2(nn.functional.gelu(self.linear_1(x))))"})
mistake("Rows and columns are exchanged: features come row by row.", edit={GRID: "columns += [(start + a, start + c, start + b) for a in range(t) for b in range(h) for c in range(w)]"})
mistake("Rows and columns begin at 0 in every image. They begin at its start.", edit={GRID: "columns += [(start + a, b, c) for a in range(t) for b in range(h) for c in range(w)]"})
mistake("Text behind an image goes on at the number of tokens. It goes on behind the largest position.", edit={NEXT: "start, at = start + t * h * w, at + t * h * w"})
mistake("Text behind an image goes on behind its last row. A wide image has larger columns.", edit={NEXT: "start, at = start + max(t, h), at + t * h * w"})
mistake("Patches are always merged 2 by 2 in your code. Take `merge`.", edit={"h, w = h // merge, w // merge": "h, w = h // 2, w // 2"})
mistake("You ignore grids that are left over. Raise ValueError.", edit={"    if left:\n        raise ValueError(\"more grids than images\")\n": ""})
mistake("You write the -100 into the ids that you are given.", edit={"ids.masked_fill(ids == image_id, -100)": "ids.masked_fill_(ids == image_id, -100)"})
mistake("Every sequence begins with the first feature. The list goes on from sequence to sequence.", edit={PUT: "for b in range(len(ids)):\n        found[b, place[b]] = feats[: int(place[b].sum())].to(embeds.dtype)"})
mistake("You round features to float32 on the way.", edit={PUT: "found[place] = feats.float().to(embeds.dtype)"})
mistake("You do not look whether text stands within an image.", edit={"if ids[at : at + t * h * w] != [image_id] * (t * h * w):": "if len(ids) < at + t * h * w:"})
mistake("You shift the labels. That is the task of the loss.", edit={"return ids.masked_fill(ids == image_id, -100)": "return ids.roll(-1, -1).masked_fill(ids.roll(-1, -1) == image_id, -100)"})


@mistake("You mask with 0, which is a token. -100 is ignored.")
def mask_labels(ids, image_id):
    return torch.where(ids == image_id, 0, ids)
mistake("A batch without images gives the embeddings themselves. Results share nothing with arguments.", edit={"found = embeds.clone()": "if not len(feats):\n        return embeds\n    found = embeds.clone()"})
mistake("You multiply the embeddings of image tokens by 0, and 0 · nan is nan. Anything may stand there.", edit={
    "found = embeds.clone()": "found = embeds * (~place)[..., None]", PUT: "found = found.index_put((place,), feats.to(embeds.dtype), accumulate=True)"})  # fmt: skip
mistake("Where the features are frozen, no gradient reaches the embeddings. Each of the two gets its own.", edit={
    "found = embeds.clone()": "found = embeds.clone() if feats.requires_grad else embeds.detach().clone()"})  # fmt: skip
mistake("You count image tokens in the dtype of the embeddings. bfloat16 has no 257: count in int64.", edit={"    found = embeds.clone()\n    found[place] = feats.to(embeds.dtype)\n    return found\n": "    if not len(feats):\n        return embeds.clone()\n    index = (place.to(embeds.dtype).flatten().cumsum(0) - 1).long().clamp(0, len(feats) - 1).view(ids.shape)\n    return torch.where(place[..., None], feats.to(embeds.dtype)[index], embeds)\n"})
