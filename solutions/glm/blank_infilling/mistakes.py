"""Wrong ways to write glm/blank_infilling, each with the sentence that a student should read."""

from autograder.checks import mistake

POS1 = "pos1 += [mask_at[number]] * (len(piece) + 1)"
POS2 = "pos2 += range(1, len(piece) + 2)"
TARGETS = "targets += [*piece, EOP]"
IDS = "ids += [SOP, *piece]"
SEEN = "return (places < sep) | (places <= places[:, None])"

# --- the blocks ------------------------------------------------------------------------------------------------------

mistake("You count pos1 in the original text. It is the place in part A, where each span is one MASK.", edit={
    POS1: "pos1 += [spans[number][0]] * (len(piece) + 1)"})  # fmt: skip
mistake("Your pos1 counts on in part B. A piece has the place of its MASK everywhere.", edit={
    POS1: "pos1 += range(len(pos1), len(pos1) + len(piece) + 1)"})  # fmt: skip
mistake("You hand out the places of the MASKs in the order of the text. Piece and MASK belong together, whatever the order.", edit={
    POS1: "pos1 += [mask_at[pos2.count(1)]] * (len(piece) + 1)"})  # fmt: skip
mistake("Your pos2 counts on over all of part B. It begins with 1 again in each piece.", edit={
    POS2: "pos2 += range(max(pos2, default=0) + 1, max(pos2, default=0) + len(piece) + 2)"})  # fmt: skip
mistake("You put MASK in place of each token. A span of any length is one MASK.", edit={
    "        part_a.append(MASK)\n": "        part_a += [MASK] * (end - start)\n"})  # fmt: skip
mistake("You ignore `order`: your pieces stand in the order of the text.", edit={"for number in order:": "for number in range(len(spans)):"})
mistake("You read `order` the wrong way round: order[0] is the number of the span that is written first.", edit={
    "for number in order:": "for number in sorted(range(len(order)), key=lambda i: order[i]):"})  # fmt: skip
mistake("The tokens behind the last span are missing in part A.", edit={"    part_a += tokens[last:]\n": ""})
mistake("Your pieces hold EOP as an input. EOP is only ever a target.", edit={
    IDS: "ids += [SOP, *piece, EOP]", TARGETS: "targets += [*piece, EOP, EOP]", POS1: POS1.replace("1)", "2)"), POS2: POS2.replace("2)", "3)")})  # fmt: skip
mistake("Your targets are the tokens of part B themselves. The target is the token that follows.", edit={TARGETS: "targets += [SOP, *piece]"})
mistake("Your targets do not end at the end of a piece: behind its last token comes EOP, not the SOP of the next piece.", edit={
    "    loss_mask =": "    targets = targets[:sep] + [*ids[sep + 1 :], EOP][: len(ids) - sep]\n    loss_mask ="})  # fmt: skip
mistake("Your targets of part A are -100. Here they are part A itself, and loss_mask says what counts.", edit={
    "= part_a, list(part_a),": "= part_a, [-100] * sep,"})  # fmt: skip
mistake("Your loss counts the MASKs of part A as well. Only part B is asked.", edit={
    "loss_mask = [0] * sep +": "loss_mask = [int(i in mask_at) for i in range(sep)] +"})  # fmt: skip

# --- the mask --------------------------------------------------------------------------------------------------------

mistake("Your part A is causal. Its tokens see all of part A, in both directions.", edit={SEEN: "return places <= places[:, None]"})
mistake("Your part A looks into part B, where the answers stand.", edit={SEEN: "return (places < sep) | (places <= places[:, None]) | (places[:, None] < sep)"})
mistake("You return 0 and -inf for adding to scores. The mask is bool, True where t may look.", edit={
    SEEN: "return torch.zeros(N, N).masked_fill(~((places < sep) | (places <= places[:, None])), -math.inf)"})  # fmt: skip

# --- the long span and the draws -------------------------------------------------------------------------------------

mistake("[gMASK] stands behind the prefix, and so it has the place prefix_len. You give the piece the place behind it.", edit={
    "    return make_blocks(tokens, [(prefix_len, len(tokens))], [0], GMASK, SOP, EOP)":
    "    made = make_blocks(tokens, [(prefix_len, len(tokens))], [0], GMASK, SOP, EOP)\n    made['pos1'][made['sep'] :] += 1\n    return made"})  # fmt: skip
mistake("A draw of 0 becomes a span of one token in your function. It is drawn again.", edit={
    "        if k > 0:\n            return k\n": "        return max(k, 1)\n"})  # fmt: skip
mistake("You do not shuffle the lengths: the last one ends the drawing, so it is longer on average.", edit={"    rng.shuffle(lengths)\n": ""})
mistake("You draw from the generator of the module random. Draw from `rng`.", edit={"k, product = 0, rng.random()": "k, product = 0, __import__('random').random()"})
mistake("You draw only the last length anew when the spans do not fit. All lengths are thrown away.", edit={
    "    while True:\n        lengths = []\n        while": "    lengths = []\n    while True:\n        lengths = lengths[:-1]\n        while"})  # fmt: skip

# --- of other kinds --------------------------------------------------------------------------------------------------

mistake("Two spans that touch share one MASK in your part A. Each span has its own.", edit={
    "        part_a.append(MASK)\n": "        if not (mask_at[:-1] and start == last):\n            part_a.append(MASK)\n        else:\n            mask_at[-1] -= 1\n"})  # fmt: skip
mistake("Your mask is a triangle moved by sep, so part B sees sep tokens ahead.", edit={SEEN: "return places < places[:, None] + max(sep, 1)"})
mistake("Your spans are lists. They are tuples of two int.", edit={
    "spans.append((gap + before, gap + before + length))": "spans.append([gap + before, gap + before + length])"})  # fmt: skip
mistake("You seed the module random from `rng`, and so you change what other parts of a program draw from it.", edit={
    "    rng.shuffle(lengths)\n": "    import random\n\n    random.seed(rng.random())\n    random.shuffle(lengths)\n"})  # fmt: skip
mistake("Your loss_mask is a bool tensor. It is int64, as all rows are.", edit={
    '| {"sep": sep}': '| {"sep": sep, "loss_mask": torch.tensor(loss_mask) > 0}'})  # fmt: skip
mistake("No span is longer than eight tokens in your function. A draw may be any number above 0.", edit={"        if k > 0:": "        if 0 < k < 9:"})
mistake("In a long text you place spans at equal distances. Every placement is equally likely.", edit={
    "sorted(rng.sample(range(gaps), len(lengths)))": "(sorted(rng.sample(range(gaps), len(lengths))) if n < 50 else [i * gaps // len(lengths) for i in range(len(lengths))])"})  # fmt: skip
mistake("Your ids go through float32, which has no 16,777,217.", edit={"{name: torch.tensor(row) for": "{name: torch.Tensor(row).long() for"})
mistake("You give the same tensor for a mask again. Who changes one in place changes the next.", edit={"def glm_mask(": "from functools import lru_cache\n\n\n@lru_cache(maxsize=64)\ndef glm_mask("})
mistake("Your Poisson distribution has a mean of 20 at most. It has the mean lam, however large lam is.", edit={
    "while product > math.exp(-lam):": "while product > math.exp(-min(lam, 20)):"})  # fmt: skip
