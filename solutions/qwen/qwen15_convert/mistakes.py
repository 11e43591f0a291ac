"""Wrong ways to write qwen/qwen15_convert, each with the sentence that a student should read."""

from autograder.checks import mistake

THIRDS = 'for letter, third in zip("qkv", sd[old].chunk(3), strict=True):'
UNKNOWN = "unknown = [name for name in sd if name not in names and not NO_WEIGHT.search(name)]"
OWN = '"?", letter)] = third.clone(memory_format=torch.contiguous_format)'
OTHER = "found[new] = sd[old].clone(memory_format=torch.contiguous_format)"
FIRST = 'if turns and turns[0][0] != "system" and default_system is not None:'
TEXT = 'text = "".join(f"<|im_start|>{role}\\n{content}<|im_end|>\\n" for role, content in turns)'
END = 'return text + "<|im_start|>assistant\\n" if add_generation_prompt else text'
WINDOW = "return use_sliding_window and i >= max_window_layers"

mistake("You take w1 for the gate, as in Llama's files. In Qwen 1 the gate is w2.", edit={'"mlp.w1.weight": "mlp.up_proj.weight"': '"mlp.w1.weight": "mlp.gate_proj.weight"', '"mlp.w2.weight": "mlp.gate_proj.weight"': '"mlp.w2.weight": "mlp.up_proj.weight"'})
mistake("You deal the rows of c_attn out like cards. The queries are the first third.", edit={THIRDS: THIRDS.replace("sd[old].chunk(3)", "[sd[old][j::3] for j in range(3)]")})
mistake("You put the rows of queries and keys in another order, as for Meta's files. Both Qwens rotate halves.", edit={
    THIRDS: THIRDS.replace("sd[old].chunk(3)", "[w[sorted(range(len(w)), key=lambda r: (r % 2, r))] if j < 2 else w for j, w in enumerate(sd[old].chunk(3))]")})  # fmt: skip
mistake("The two norms of a layer are exchanged: ln_1 stands before attention.", edit={'"ln_1.weight": "input_layernorm.weight"': '"ln_1.weight": "post_attention_layernorm.weight"', '"ln_2.weight": "post_attention_layernorm.weight"': '"ln_2.weight": "input_layernorm.weight"'})
mistake("You copy the embeddings into the head. The two are not tied.", edit={OTHER: 'found[new] = sd["transformer.wte.weight" if old == "lm_head.weight" else old].clone(memory_format=torch.contiguous_format)'})
mistake("Your thirds share memory with c_attn. Give each its own.", edit={OWN: '"?", letter)] = third'})
mistake("Your copies keep the steps of a transposed view. They must be contiguous.", edit={OWN: '"?", letter)] = third.clone()', OTHER: "found[new] = sd[old].clone()"})
mistake("You convert everything to float32. dtypes stay.", edit={OTHER: OTHER.replace("sd[old]", "sd[old].float()")})
mistake("You accept names that nobody knows, and lose their weights. Raise KeyError.", edit={UNKNOWN: "unknown = []"})
mistake("You refuse the tables of the rotation. They are no weights: pass them over.", edit={UNKNOWN: "unknown = [name for name in sd if name not in names]"})
mistake("You pass over every name that contains rotary_emb. Only those that end with .rotary_emb.inv_freq are tables.", edit={r'r"\.rotary_emb\.inv_freq$|': r'r"rotary_emb|'})
mistake("You leave out what is missing. Raise KeyError.", edit={"for old, new in names.items():": "for old, new in names.items():\n        if old not in sd:\n            continue"})
mistake("You take as many layers as the file has, whatever n_layers says.", edit={"for i in range(n_layers):": 'for i in range(len([name for name in sd if name.endswith("ln_1.weight")])):'})
mistake("You empty the dict that you are given.", edit={OTHER: OTHER.replace("sd[old]", "sd.pop(old)")})
mistake("The line feed behind <|im_end|> is missing.", edit={TEXT: TEXT.replace("<|im_end|>\\n", "<|im_end|>")})
mistake("You leave the assistant's start out where the assistant spoke last, as some files of Qwen 1.5 do.", edit={END: END.replace("add_generation_prompt", 'add_generation_prompt and (not turns or turns[-1][0] != "assistant")')})
mistake("You add the default system message to every chat. It is for chats that begin with another role.", edit={FIRST: "if turns and default_system is not None:"})
mistake("You look for a system message anywhere. The first message counts.", edit={FIRST: FIRST.replace('turns[0][0] != "system"', 'all(role != "system" for role, _ in turns)')})
mistake("An empty default is a default too: only None adds nothing.", edit={FIRST: FIRST.replace("default_system is not None", "default_system")})
mistake("You add a system message to a chat without messages.", edit={FIRST: 'if (not turns or turns[0][0] != "system") and default_system is not None:'})
mistake("Your windows are in the lower layers, as the name suggests. They begin at max_window_layers.", edit={WINDOW: WINDOW.replace(">=", "<")})
mistake("You ignore use_sliding_window.", edit={WINDOW: "return i >= max_window_layers"})
mistake("Your biases are in another order than your weights.", edit={THIRDS: THIRDS.replace('"qkv"', '"qvk" if old.endswith("bias") else "qkv"')})
mistake("You put the default into the list of messages that you are given.", edit={'turns = [("system", default_system), *turns]': 'messages.insert(0, {"role": "system", "content": default_system})\n        turns = [("system", default_system), *turns]'})
mistake("You take control tokens out of contents. They are written as they are.", edit={'(message["role"], message["content"])': '(message["role"], message["content"].replace("<|im_end|>", ""))'})
mistake("Your tensors require gradients. Those of a file do not.", edit={OTHER: "found[new] = torch.nn.Parameter(sd[old]).clone(memory_format=torch.contiguous_format)"})
mistake("You pass over every name that ends in masked_bias. Only .attn.masked_bias is known.", edit={r"\.attn\.masked_bias$": r"masked_bias$"})
mistake("You pass over names in which only the last letters are those of a table. A dot stands before rotary_emb.", edit={
    r"\.rotary_emb\.inv_freq$": r"rotary_emb\.inv_freq$"})  # fmt: skip
mistake("Weights that are one tensor in sd are one tensor in your result. Each has memory of its own.", edit={"    found = {}\n": "    found, copies = {}, {}\n", "found[new] = sd[old].clone(memory_format=torch.contiguous_format)": "found[new] = copies.setdefault((sd[old].data_ptr(), sd[old].shape), sd[old].clone(memory_format=torch.contiguous_format))"})
