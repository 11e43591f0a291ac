"""Wrong ways to write multimodal/clip_loss, each with the sentence that a student should read."""


from autograder.checks import mistake

ASKED = "if H % P or W % P:"
GRID = "grid = img.reshape(B, K, H // P, P, W // P, P)  # (batch, channel, row of patches, row, column of patches, column)"
ORDER = "return grid.permute(0, 2, 4, 1, 3, 5).flatten(3).flatten(1, 2)"
SIZE = "if img.shape[2:] != (self.image_size, self.image_size):"
TOKENS = "tokens = patchify(img, self.patch_size) @ self.patch_embedding.weight.flatten(1).T  # (B, N, C)"
FIRST = "first = self.class_embedding.expand(len(img), 1, -1)  # (B, 1, C)"
OUT = "return torch.cat([first, tokens], dim=1) + self.position_embedding.weight"
UNIT = "img, txt = (x / x.norm(dim=-1, keepdim=True) for x in (img, txt))"
SCALE = "scale = logit_scale.clamp(max=math.log(100)).exp()"
SCORES = "scores = scale * cosines(img, txt)"
CLIP = "return -(scores.log_softmax(1).diagonal().mean() + scores.log_softmax(0).diagonal().mean()) / 2"
SIGLIP = "scores = t.exp() * cosines(img, txt) + b"
SIGNS = "signs = 2 * torch.ones_like(scores.diagonal()).diag() - 1"
SUM = "return -nn.functional.logsigmoid(signs * scores).sum() / len(img)"

# --- patches ---------------------------------------------------------------------------------------------------------

mistake("Your patches go from top to bottom first. They stand in reading order: from left to right, then the next row.",
        edit={ORDER: ORDER.replace("0, 2, 4, 1", "0, 4, 2, 1")}, fails=["patches_stand_in_reading_order"])  # fmt: skip
mistake("The pixels of your patches are transposed. In a patch, they stand row by row.", edit={ORDER: ORDER.replace("3, 5)", "5, 3)")})
mistake("You reshape the image without moving its dimensions: a row of numbers then holds whole rows of pixels, not a patch.",
        edit={ORDER: "return img.reshape(B, (H // P) * (W // P), K * P * P)"}, fails=["patches_stand_in_reading_order"])  # fmt: skip
mistake("You exchange the dimensions of patches and of pixels: your patches are grids of every P-th pixel.",
        edit={GRID: "grid = img.reshape(B, K, P, H // P, P, W // P).permute(0, 1, 3, 2, 5, 4)"})  # fmt: skip
mistake("Each channel has patches of its own. A patch holds all channels.", edit={ORDER: "return grid.permute(0, 1, 2, 4, 3, 5).reshape(B, -1, K * P * P)"})
mistake("Pixels at the right and at the lower edge are left out where P does not divide the size. That is a ValueError.",
        edit={ASKED: "img = img[:, :, : H // P * P, : W // P * P]\n    if False:"})  # fmt: skip
mistake("You ask only whether P divides the height.", edit={ASKED: "if H % P:"})
mistake("You ask only whether P divides the number of pixels.", edit={ASKED: "if H * W % (P * P):", GRID: "H = H - H % P\n    W = W - W % P\n    img = img[:, :, :H, :W]\n    " + GRID})
mistake("Your patches overlap: the next one begins P pixels further, not one.",
        edit={ORDER: "return torch.nn.functional.unfold(img, P, stride=max(P - 1, 1)).mT"})  # fmt: skip
mistake("The channels stand in reverse order, as some programs read images (BGR).", edit={ORDER: ORDER.replace("grid.", "grid.flip(1).")})
mistake("No gradient flows back through your patches.", edit={GRID: GRID.replace("img.reshape", "img.detach().reshape")})

# --- the first layer -------------------------------------------------------------------------------------------------

mistake("The class token stands behind the patches. It is the first token.", edit={OUT: OUT.replace("[first, tokens]", "[tokens, first]")},
        fails=["class_token_first_then_patches_with_positions"])  # fmt: skip
mistake("The class token has no position: row 0 is for it, and is added too.",
        edit={OUT: "return torch.cat([first, tokens + self.position_embedding.weight[1:]], dim=1)"})  # fmt: skip
mistake("You add positions to the patches before the class token is there, so each patch has the row of its left neighbour.",
        edit={OUT: "return torch.cat([first + self.position_embedding.weight[-1], tokens + self.position_embedding.weight[:-1]], dim=1)"})  # fmt: skip
mistake("You add no positions.", edit={OUT: OUT.removesuffix(" + self.position_embedding.weight")})
mistake("You add the class token to every patch, and put zeros in front.",
        edit={OUT: "return torch.cat([0 * first, tokens + first], dim=1) + self.position_embedding.weight"})  # fmt: skip
mistake("Only the first image of a batch gets a class token.",
        edit={FIRST: "first = torch.zeros(len(img), 1, tokens.shape[-1], dtype=tokens.dtype)\n        first[0] = self.class_embedding"})  # fmt: skip
mistake("Your positions run backwards.", edit={OUT: OUT.replace("embedding.weight", "embedding.weight.flip(0)")})
mistake("Your tokens are multiplied by √C, as words are in the first Transformer. Here they are not.",
        edit={OUT: OUT.replace("+ self", "* tokens.shape[-1] ** 0.5 + self")})  # fmt: skip
mistake("Your class token has no gradient.", edit={FIRST: FIRST.replace("embedding.expand", "embedding.detach().expand")})
mistake("Your positions have no gradient.", edit={OUT: OUT.replace("embedding.weight", "embedding.weight.detach()")})
mistake("You thaw a parameter that somebody has frozen.", edit={TOKENS: TOKENS + "\n        self.requires_grad_(True)"})
mistake("Your layer takes images of another size, as long as the number of patches fits. It is a ValueError.",
        edit={SIZE: "if img.shape[2] * img.shape[3] != self.image_size**2:"})  # fmt: skip
mistake("You look at the height of an image alone. Its width has to fit as well.", edit={SIZE: "if img.shape[2] != self.image_size:"})
mistake("Your layer has a bias in its convolution. The layer of CLIP has none.",
        edit={"stride=patch_size, bias=False)": "stride=patch_size, bias=True)"}, crashes=True)  # fmt: skip
mistake("The convolution moves by one pixel instead of a patch.",
        edit={TOKENS: "P, S = self.patch_size, self.image_size // self.patch_size\n        "
              "tokens = nn.functional.conv2d(img, self.patch_embedding.weight)[:, :, :S, :S].flatten(2).mT"})  # fmt: skip
mistake("Your tokens of patches go from top to bottom first.",
        edit={TOKENS: "tokens = self.patch_embedding(img).mT.flatten(2).mT"})  # fmt: skip
mistake("In training mode your layer drops something at random. Nothing is dropped here.", edit={OUT: OUT.replace("return ", "return nn.functional.dropout(").replace("weight", "weight, 0.1, self.training)")})

# --- the loss of CLIP ------------------------------------------------------------------------------------------------

mistake("You use logit_scale as it is. It is the logarithm of the scale: take exp.", edit={SCALE: "scale = logit_scale.clamp(max=100)"},
        fails=["images_choose_texts_and_texts_images"])  # fmt: skip
mistake("You divide by exp(logit_scale). It is the scale, not the temperature.", edit={SCORES: "scores = cosines(img, txt) / scale"})
mistake("Only images choose. Texts choose among images too: there are two cross-entropies.", edit={CLIP: "return -scores.log_softmax(1).diagonal().mean()"},
        fails=["images_choose_texts_and_texts_images"])  # fmt: skip
mistake("Only texts choose. Images choose among texts too: there are two cross-entropies.", edit={CLIP: "return -scores.log_softmax(0).diagonal().mean()"})
mistake("You add the two cross-entropies. The loss is half their sum.", edit={CLIP: CLIP.removesuffix(" / 2")})
mistake("Both of your cross-entropies run over the rows.", edit={CLIP: CLIP.replace("softmax(0)", "softmax(1)")})
mistake("Your softmax runs over all pairs of the batch at once. Each row has one of its own, and each column.",
        edit={CLIP: "return -scores.flatten().log_softmax(0).view_as(scores).diagonal().mean()"})  # fmt: skip
mistake("You return the sum over the pairs. It is the mean.", edit={CLIP: CLIP.replace("mean()", "sum()")})
mistake("You take the product of the two softmaxes of each pair before the logarithm of their mean. Both logarithms are averaged.",
        edit={CLIP: "return -((scores.softmax(1) + scores.softmax(0)) / 2).diagonal().log().mean()"})  # fmt: skip
mistake("Your loss has the wrong sign.", edit={CLIP: CLIP.replace("return -", "return ")})
mistake("Your scores are dot products. Divide by the lengths of both vectors.", edit={UNIT: "pass"})
mistake("You make the images vectors of length 1, but not the texts.", edit={UNIT: "img = img / img.norm(dim=-1, keepdim=True)"})
mistake("You divide all vectors by one length, that of the whole table. Each vector has its own.",
        edit={UNIT: UNIT.replace("norm(dim=-1, keepdim=True)", "norm()")})  # fmt: skip
mistake("You divide each feature by its length over the batch. Each vector has a length of its own: dim=-1.",
        edit={UNIT: UNIT.replace("dim=-1", "dim=0")})  # fmt: skip
mistake("There is no limit for the scale. Above 100 it is 100.", edit={SCALE: "scale = logit_scale.exp()"}, fails=["the_scale_is_at_most_100"])
mistake("You limit the logarithm of the scale to 100, not the scale.", edit={SCALE: "scale = logit_scale.clamp(max=100).exp()"})
mistake("Your scale is limited below as well. It may be less than 1.", edit={SCALE: SCALE.replace("max=", "0, ")})
mistake("Your limit is 1/0.07, where the scale begins. It is 100.", edit={SCALE: SCALE.replace("100", "1 / 0.07")})
mistake("You limit the scale, but let its gradient pass. Above the limit the gradient of logit_scale is 0.",
        edit={SCALE: "raw = logit_scale.exp()\n    scale = raw + (raw.clamp(max=100) - raw).detach()"}, fails=["the_scale_is_at_most_100"])  # fmt: skip
mistake("You limit the scores. The scale is limited.", edit={SCALE: "scale = logit_scale.exp()", SCORES: f"{SCORES}.clamp(-100, 100)"})
mistake("You change logit_scale itself. Inputs are not changed.",
        edit={SCALE: "logit_scale.data.clamp_(max=4.605170185988092)\n    scale = logit_scale.exp()"})  # fmt: skip
mistake("logit_scale gets no gradient. The scale is learned.", edit={SCALE: SCALE.replace("logit_scale.", "logit_scale.detach().")})
mistake("Texts get no gradient.", edit={SCORES: "scores = scale * cosines(img, txt.detach())"})
mistake("You take the logarithm of a softmax. Where a probability is 0 in floating point, that is infinite: use log_softmax.",
        edit={CLIP: CLIP.replace("log_softmax(1)", "softmax(1).log()")}, fails=["large_scores_stay_finite"])  # fmt: skip
mistake("Everything is computed in float32, also for float64.",
        edit={UNIT: UNIT.replace("in (img, txt))", "in (img.float(), txt.float()))"), "return img @ txt.T": "return (img @ txt.T).double()"})  # fmt: skip
mistake("Your labels are smoothed. The right class of a row has all the weight.",
        edit={CLIP: "B = len(img)\n    return (nn.functional.cross_entropy(scores, torch.arange(B), label_smoothing=0.1)"
              " + nn.functional.cross_entropy(scores.T, torch.arange(B), label_smoothing=0.1)) / 2"})  # fmt: skip

# --- the loss of SigLIP ----------------------------------------------------------------------------------------------

mistake("You divide by B², the number of pairs. The sum is divided by B.", edit={SUM: "return -nn.functional.logsigmoid(signs * scores).mean()"},
        fails=["each_pair_is_a_question_of_its_own"])  # fmt: skip
mistake("You return the sum over all pairs. Divide it by B.", edit={SUM: SUM.removesuffix(" / len(img)")})
mistake("You use t as it is. It is the logarithm of the scale: take exp.", edit={SIGLIP: SIGLIP.replace("t.exp()", "t")})
mistake("You do not add the bias.", edit={SIGLIP: "scores = t.exp() * cosines(img, txt) + 0 * b"})
mistake("You subtract the bias.", edit={SIGLIP: SIGLIP.replace("+ b", "- b")})
mistake("The bias is scaled too. It is added to the scaled cosine.", edit={SIGLIP: "scores = t.exp() * (cosines(img, txt) + b)"})
mistake("The scale of SigLIP is limited to 100 in your code. There is no limit here.", edit={SIGLIP: SIGLIP.replace("t.exp()", "t.exp().clamp(max=100)")})
mistake("Your signs are 1 and 0, so a wrong pair always costs ln 2. They are 1 and -1.", edit={SIGNS: SIGNS.replace("2 * ", "").removesuffix(" - 1")})
mistake("Your signs are the wrong way round.", edit={SIGNS: SIGNS.replace("signs = 2 * ", "signs = 1 - 2 * ").removesuffix(" - 1")})
mistake("Only the pairs that belong together count in your loss.", edit={SUM: "return -nn.functional.logsigmoid(scores.diagonal()).sum() / len(img)"})
mistake("The bias gets the sign of the diagonal everywhere. It is inside the parentheses that the sign multiplies.",
        edit={SIGLIP: "scores = t.exp() * cosines(img, txt)", SUM: SUM.replace("signs * scores", "signs * scores + b")})  # fmt: skip
mistake("You take the logarithm of a sigmoid that is 0 in floating point. Use logsigmoid, or softplus.",
        edit={SUM: "return -torch.sigmoid(signs * scores).log().sum() / len(img)"}, fails=["large_scores_stay_finite"])  # fmt: skip
mistake("You compute ln(1 + exp(x)) as it stands, and exp overflows.", edit={SUM: "return (1 + (-signs * scores).exp()).log().sum() / len(img)"},
        fails=["large_scores_stay_finite"])  # fmt: skip
mistake("Right and wrong pairs are averaged apart, so that they weigh the same. Each of the B² pairs counts once.",
        edit={SUM: "each = -nn.functional.logsigmoid(signs * scores)\n    right = each.diagonal().sum()\n    "
              "return right / len(img) + (each.sum() - right) / max(len(img) * (len(img) - 1), 1)"})  # fmt: skip
mistake("The bias gets no gradient. It is learned.", edit={SIGLIP: SIGLIP.replace("+ b", "+ b.detach()")})
mistake("The scale of SigLIP gets no gradient. It is learned.", edit={SIGLIP: SIGLIP.replace("t.exp()", "t.detach().exp()")})
mistake("You compute a softmax, as CLIP does. SigLIP asks about each pair alone.", edit={SUM: "return -scores.log_softmax(1).diagonal().mean()"})
mistake("You take the logistic function of the diagonal only where a pair is counted as right, and 1 - σ without its logarithm elsewhere.",
        edit={SUM: "p = torch.sigmoid(scores)\n    right = torch.eye(len(img), dtype=torch.bool)\n    "
              "return torch.where(right, -nn.functional.logsigmoid(scores), p).sum() / len(img)"})  # fmt: skip


# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("You cut the memory of the image, not the image: for a view with other strides your patches are wrong.",
        edit={GRID: "grid = img.as_strided((B, K, H // P, P, W // P, P), (K * H * W, H * W, P * W, W, P, 1))"})  # fmt: skip
mistake("In evaluation mode your layer remembers the first images. Each call has images of its own.",
        edit={OUT: "out = torch.cat([first, tokens], dim=1) + self.position_embedding.weight\n        if self.training:\n            return out\n"
              "        self.seen = getattr(self, 'seen', {})\n        return self.seen.setdefault(out.shape, out)"})  # fmt: skip
mistake("You shift and scale the pixels before you cut the image. They are used as they are.",
        edit={TOKENS: TOKENS.replace("patchify(img,", "patchify((img - 0.5) / 0.5,")})  # fmt: skip
mistake("The lengths of your vectors are constants in the gradient. The cosine depends on them.",
        edit={UNIT: UNIT.replace("keepdim=True)", "keepdim=True).detach()")})  # fmt: skip
mistake("In your columns the right image is missing in the sum of the denominator.",
        edit={CLIP: "own = torch.eye(len(img), dtype=torch.bool)\n    back = scores.masked_fill(own, -1e9).logsumexp(0) - scores.diagonal()\n    "
              "return (back.mean() - scores.log_softmax(1).diagonal().mean()) / 2"})  # fmt: skip
mistake("Equal texts are right answers for each other's images in your CLIP loss. Only text i is right for image i.",
        edit={CLIP: "same = ((txt[:, None] - txt[None]).abs().amax(-1) == 0).to(scores.dtype)\n    same = same / same.sum(1, keepdim=True)\n    "
              "return -((same * scores.log_softmax(1)).sum(1) + (same * scores.log_softmax(0)).sum(0)).mean() / 2"})  # fmt: skip
mistake("Equal texts count as pairs with each other's images in your SigLIP loss. Only i = j has the sign 1.",
        edit={SIGNS: "signs = 2 * ((txt[:, None] - txt[None]).abs().amax(-1) == 0).to(scores.dtype) - 1"})  # fmt: skip
mistake("You ask about image i and text j only for i ≤ j. The other half of the table are questions too.",
        edit={SUM: SUM.replace("(signs * scores)", "(signs * scores).triu()")})  # fmt: skip
mistake("Your loss takes the bias out of the right pairs. It is added to every score.",
        edit={SIGLIP: "scores = t.exp() * cosines(img, txt) + b * (1 - torch.eye(len(img), dtype=img.dtype))"})  # fmt: skip

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("In your SigLIP rows behind the thirty-second count only in whole pieces of 32. The sum is over all pairs.",
        edit={SUM: "n = len(img) if len(img) <= 32 else len(img) // 32 * 32\n    return -nn.functional.logsigmoid(signs * scores)[:n].sum() / len(img)"})  # fmt: skip
mistake("Your scale is at least 0.01. There is no limit below.", edit={SCALE: "scale = logit_scale.clamp(math.log(0.01), math.log(100)).exp()"})
mistake("Without gradients your layer keeps the class token of its first call, also when its parameters have changed since.",
        edit={FIRST: "if not torch.is_grad_enabled():\n            self.kept = getattr(self, 'kept', self.class_embedding.clone())\n        "
              "first = (self.class_embedding if torch.is_grad_enabled() else self.kept).expand(len(img), 1, -1)"})  # fmt: skip
mistake("No gradient flows to images behind the eighth one.",
        edit={GRID: "img = torch.cat([img[:8], img[8:].detach()])\n    " + GRID})  # fmt: skip

mistake(
    "A smaller square image passes, with the first positions. ValueError is raised for any other size.",
    edit={
        "if img.shape[2:] != (self.image_size, self.image_size):": "if img.shape[2] != img.shape[3] or img.shape[2] > self.image_size:",
        "torch.cat([first, tokens], dim=1) + self.position_embedding.weight": "torch.cat([first, tokens], dim=1) + self.position_embedding.weight[: tokens.shape[1] + 1]",
    },
)
mistake(
    "Of the table in pieces of 256 rows, each piece has its own diagonal. A pair belongs together where i = j, in all of the table.",
    edit={
        "signs = 2 * torch.ones_like(scores.diagonal()).diag() - 1": "i = torch.arange(len(img), device=img.device)\n    signs = torch.where(i[:, None] % 256 == i, 1.0, -1.0).to(scores.dtype)"
    },
)
mistake(
    "The largest score of the whole table is taken off. In a row without large scores all exponentials are 0 then.",
    edit={
        "    return -(scores.log_softmax(1).diagonal().mean() + scores.log_softmax(0).diagonal().mean()) / 2\n": (
            "    scores = scores - scores.detach().max()\n    e, right = scores.exp(), scores.diagonal()\n"
            "    return (e.sum(1).log() - right + e.sum(0).log() - right).mean() / 2\n"
        )
    },
)
mistake(
    "Signs are remembered from the first call, which may have been one of inference: they can't be used where gradients are wanted.",
    edit={"signs = 2 * torch.ones_like(scores.diagonal()).diag() - 1": "signs = siglip_loss.__dict__.setdefault(str((len(img), scores.dtype)), 2 * torch.ones_like(scores.diagonal()).diag() - 1)"},
    crashes=True,
)
