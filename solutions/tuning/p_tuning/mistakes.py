"""Wrong ways to write tuning/p_tuning, each with the sentence that a student should read."""

from autograder.checks import mistake

LSTM = "self.lstm_head = nn.LSTM(C, h, num_layers=2, dropout=dropout, bidirectional=True, batch_first=True)"
ONE = "x = self.embedding.weight[None]  # (1, P, C): one sequence of P steps"
RUN = "x, _ = self.lstm_head(x)"
OUT = "return self.mlp_head(x)[0]"
LAYERS = "self.mlp_head = nn.Sequential(*layers[:-1])"
EVAL = "encoder.eval()"
BAKED = "prompt = encoder().clone()"
MODES = "module.training = mode"
VECTORS = "vectors = prompt if isinstance(prompt, Tensor) else prompt()"
PART = "part = vectors[len(places)].to(word_emb.weight.dtype).expand(B, 1, -1)"
INPUT = "part = word_emb(x_ids)"
ANCHOR = "part = word_emb(torch.full((B, 1), item, device=x_ids.device))"
AT = "at += part.shape[1]"
COUNT = "lstm = sum(2 * 4 * h * (n_in + h + 2) for n_in in (C, 2 * h))"

# --- the encoder -----------------------------------------------------------------------------------------------------

mistake("The dimensions of time and batch are exchanged in your LSTM: it reads P sequences of one step.", edit={LSTM: LSTM.replace("batch_first=True", "batch_first=False")})  # fmt: skip
mistake("Your LSTM reads in one direction, twice. The second one reads from the end.", edit={RUN: "y = self.lstm_head(x)[0]\n            x = torch.cat([y[..., : y.shape[-1] // 2]] * 2, -1)"})  # fmt: skip
mistake("Your MLP takes the last state of the LSTM for all vectors. It takes the output of each step.", edit={RUN: "x, _ = self.lstm_head(x)\n            x = x[:, -1:].expand(-1, len(self.embedding.weight), -1)"})  # fmt: skip
mistake("Your LSTM reads the vectors from the last to the first.", edit={ONE: "x = self.embedding.weight.flip(0)[None] if self.lstm_head is not None else self.embedding.weight[None]"})  # fmt: skip
mistake("Your MLP has no ReLU, so its layers are one.", edit={LAYERS: "self.mlp_head = nn.Sequential(*(each if isinstance(each, nn.Linear) else nn.Identity() for each in layers[:-1]))"})  # fmt: skip
mistake("Your MLP ends in a ReLU, so no number of the prompt is negative.", edit={LAYERS: "self.mlp_head = nn.Sequential(*layers)"})
mistake("Your MLP has tanh in the place of ReLU, as prefix tuning has it.", edit={LAYERS: "self.mlp_head = nn.Sequential(*(each if isinstance(each, nn.Linear) else nn.Tanh() for each in layers[:-1]))"})  # fmt: skip
mistake("You add the vectors that went in to those that come out.", edit={OUT: "return self.mlp_head(x)[0] + self.embedding.weight"})
mistake("Your vectors are detached, so only the network learns.", edit={ONE: "x = self.embedding.weight.detach()[None]"})
mistake("Your MLP has dropout as well.", edit={OUT: 'return nn.functional.dropout(self.mlp_head(x)[0], 0.5 if self.lstm_head is None and self.dropout else 0.0, self.training)', "self.lstm_head = None": "self.lstm_head, self.dropout = None, dropout"})  # fmt: skip
mistake("You ignore `dropout`.", edit={LSTM: LSTM.replace("dropout=dropout, ", "")})

# --- baking ----------------------------------------------------------------------------------------------------------

mistake("You bake in the mode that the encoder is in, so dropout is baked in.", edit={EVAL: "pass"})
mistake("Your encoder is in evaluation mode afterwards.", edit={MODES: "pass"})
mistake("You put all parts into training mode afterwards, those too that were not.", edit={MODES: "module.training = True"})
mistake("Your baked prompt requires a gradient.", edit={BAKED: BAKED + "\n    prompt = encoder()"})
mistake("You bake the vectors that go into the network, not those that come out.", edit={BAKED: "prompt = encoder.embedding.weight.clone()"})

# --- templates -------------------------------------------------------------------------------------------------------

mistake("All learned places get the first vector. Each gets the next one.", edit={PART: PART.replace("vectors[len(places)]", "vectors[0]")})
mistake("Your learned vectors are taken from the end.", edit={PART: PART.replace("vectors[len(places)]", "vectors[-1 - len(places)]")})
mistake("Your places count items of the template. An \"x\" takes T places.", edit={AT: "at += 1"})
mistake("You call the encoder for every \"P\". It is called once.", edit={PART: "part = (prompt if isinstance(prompt, Tensor) else prompt())[len(places)].to(word_emb.weight.dtype).expand(B, 1, -1)"})  # fmt: skip
mistake("Your anchors get no gradient, though the words may learn.", edit={ANCHOR: ANCHOR.replace("part = word_emb(torch", "part = word_emb(torch") + ".detach()"})  # fmt: skip
mistake("Your prompt is detached in the template, so nothing learns.", edit={VECTORS: VECTORS + "\n    vectors = vectors.detach()"})
mistake("You use the input's first sequence for all of them.", edit={INPUT: "part = word_emb(x_ids[:1]).expand(B, -1, -1)"})
mistake("You do not count the \"P\": vectors that are left over are dropped.", edit={'if strings.count("P") != len(vectors):': 'if strings.count("P") > len(vectors):'})  # fmt: skip
mistake("You count one bias for each row of the LSTM. torch has two.", edit={COUNT: COUNT.replace("h + 2", "h + 1")})
mistake("White space around a string is taken away. Only \"P\" and \"x\" themselves are known.", edit={"    if set(strings) - {\"P\", \"x\"}:": "    if {string.strip() for string in strings} - {\"P\", \"x\"}:"}, crashes=True)
