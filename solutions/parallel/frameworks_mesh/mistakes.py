"""Wrong ways to write parallel/frameworks_mesh, each with the sentence that a student should read."""

import torch

from autograder.checks import mistake

LOOP = "for name, size in _dimensions(sizes, order).items():"
SHAPE = "shape = list(_dimensions(sizes, order).values())[::-1]"
VIEW = "torch.arange(torch.Size(shape).numel()).view(shape)"
NAMES = "names = list(_dimensions(sizes, order))[::-1]"
GROUPS = "return mesh.permute(outside + inside).reshape(-1, size).tolist()"
OWN = "return {name: sizes.get(name, 1) for name in names}"

# --- coordinates -------------------------------------------------------------------------------------------------------------

mistake("Your last name changes fastest, as in torch's init_device_mesh. Here the first one does.", edit={LOOP: "for name, size in reversed(_dimensions(sizes, order).items()):"})
mistake("Your last name changes fastest everywhere. Here the first one does.", edit={OWN: "return {name: sizes.get(name, 1) for name in names[::-1]}"})
mistake("You go through the dict of sizes. The order says how ranks are counted.", edit={OWN: "return {name: size for name, size in sizes.items() if name in names} | {name: 1 for name in names if name not in sizes}"})
mistake("You take every coordinate as rank modulo size. Divide by the sizes of the faster dimensions first.", edit={"left, coords[name] = divmod(left, size)": "coords[name] = rank % size\n        left = left // size"})
mistake("You divide by the size of the dimension itself twice: the stride is the product of the sizes before it.", edit={"left, coords[name] = divmod(left, size)": "coords[name], left = (left // size) % size, left // size"})
mistake("Coordinates begin at 0. Yours begin at 1.", edit={"    return coords\n": "    return {name: each + 1 for name, each in coords.items()}\n"})
mistake("You leave out dimensions of size 1. The keys are all names of the order.", edit={"    return coords\n": "    return {name: each for name, each in coords.items() if sizes.get(name, 1) > 1}\n"})
mistake("You return the keys of sizes. The keys are the names of the order.", edit={"    return coords\n": "    return {name: coords.get(name, 0) for name in sizes}\n"})
mistake("A rank beyond the mesh wraps around for you. Raise ValueError.", edit={"if left != 0:": "if left < 0:"})
mistake("A negative rank counts from the end for you. Raise ValueError.", edit={"if left != 0:": "if left > 0:"})
mistake("A dimension that has no place in the order is dropped by you. Raise ValueError, unless its size is 1.", edit={"if any(size != 1 and name not in names for name, size in sizes.items()):": "if False:"})
mistake("You refuse a size of 1 that has no place in the order. It changes nothing.", edit={"size != 1 and name not in names": "name not in names"}, crashes=True)
mistake("A name of the order that is not in sizes is an error for you. Its size is 1.", edit={OWN: "return {name: sizes[name] for name in names}"}, crashes=True)
mistake("You write the sizes of 1 into the caller's dict.", edit={OWN: "return {name: sizes.setdefault(name, 1) for name in names}"})
mistake("Your mesh has the fastest dimension first. torch's has the slowest first.", edit={SHAPE: "shape = list(_dimensions(sizes, order).values())", "names = list(_dimensions(sizes, order))[::-1]": "names = list(_dimensions(sizes, order))", VIEW: "torch.arange(torch.Size(shape).numel()).view(shape[::-1]).permute(*range(len(shape) - 1, -1, -1))"})
mistake("Your mesh has the right shape, but ranks run along its first dimension. The last one is the fastest.", edit={VIEW: "torch.arange(torch.Size(shape).numel()).view(shape[::-1]).permute(*range(len(shape) - 1, -1, -1))", GROUPS: "return sorted(sorted(each) for each in device_mesh(sizes, '-'.join(names)).permute(*range(len(names) - 1, -1, -1)).permute(outside + inside).reshape(-1, size).tolist())"})
mistake("Your ranks are int32. They are int64.", edit={VIEW: VIEW.replace("numel()", "numel(), dtype=torch.int32")})
mistake("Your mesh is flat. It has one dimension for each name.", edit={"return " + VIEW: "return torch.arange(torch.Size(shape).numel())", "mesh = device_mesh(sizes, order)": "mesh = device_mesh(sizes, order).view([_dimensions(sizes, order)[name] for name in names])"})

KEPT: dict[str, torch.Tensor] = {}


@mistake("You keep meshes and give the same tensor out again. It belongs to the caller.")
def device_mesh(sizes, order):
    key = f"{sorted(sizes.items())} {order}"
    names = order.split("-")
    if any(size != 1 and name not in names for name, size in sizes.items()):
        raise ValueError(key)
    if key not in KEPT:
        shape = [sizes.get(name, 1) for name in names[::-1]]
        KEPT[key] = torch.arange(torch.Size(shape).numel()).view(shape)
    return KEPT[key]


# --- groups ------------------------------------------------------------------------------------------------------------------

mistake("You put those together that agree in dims. They differ in dims alone, and agree in all other dimensions.", edit={GROUPS: "return mesh.permute(inside + outside).reshape(size, -1).tolist()"})
mistake("You cut the ranks into runs of the group's size. That is right for the fastest dimension only.", edit={GROUPS: "return mesh.reshape(-1, size).tolist()"})
mistake("You take ranks one stride apart as if dims were the slowest dimension.", edit={GROUPS: "return mesh.reshape(size, -1).T.tolist()"})
mistake("Of several dims you take the first one. A group runs through all of them.", edit={'chosen = dims.split("-")': 'chosen = dims.split("-")[:1]'})
mistake("You join groups of each dimension into one list. One group runs through all dims together.", edit={
    GROUPS: "return [group for i in inside for group in mesh.permute([j for j in range(mesh.ndim) if j != i] + [i]).reshape(-1, mesh.shape[i]).tolist()]"
})  # fmt: skip
mistake("Your group is ordered by dims as they are written. Ranks of a group ascend.", edit={"inside = [i for i, name in enumerate(names) if name in chosen]": "inside = [names.index(name) for name in chosen]"})
mistake("Your groups are not sorted by their first rank.", edit={GROUPS: "return mesh.permute(outside[::-1] + inside).reshape(-1, size).tolist()"})
mistake("You leave out groups of one rank. Each rank is in a group.", edit={GROUPS: "return [] if size == 1 else mesh.permute(outside + inside).reshape(-1, size).tolist()"})
mistake("You return the groups as tuples. They are lists.", edit={GROUPS: "return [tuple(each) for each in mesh.permute(outside + inside).reshape(-1, size).tolist()]"})
mistake("You return the group of rank 0. All groups are asked for.", edit={GROUPS: GROUPS.replace(".tolist()", "[:1].tolist()")})
mistake("A name that is not in the order is ignored by you. Raise ValueError.", edit={"if not set(chosen) <= set(names):": "if False:"})
mistake("You look for letters, not for names: \"tp\" is in \"tpdp\".", edit={"if not set(chosen) <= set(names):": "if not all(name[:2] in names for name in chosen):", 'if name in chosen]\n    outside': 'if any(name == each[:2] for each in chosen)]\n    outside'})
mistake("You take all ranks for one group if two dims are given.", edit={GROUPS: "return [mesh.flatten().tolist()] if len(chosen) > 1 else mesh.permute(outside + inside).reshape(-1, size).tolist()"})

# --- checkpoints -------------------------------------------------------------------------------------------------------------

PARTS = "dim, parts = rule if isinstance(rule, tuple) else (rule, [old_tp * pieces[0].shape[rule]])"
BLOCKS = "blocks = [piece.split([part // old_tp for part in parts], dim) for piece in pieces]"
CUT = "rank[name] = torch.cat([matrix.chunk(new_tp, dim)[i] for matrix in whole], dim)"

mistake("You join fused pieces end to end and cut the whole. Each matrix is joined and cut on its own.", edit={
    CUT: "rank[name] = torch.cat(pieces, dim).chunk(new_tp, dim)[i].clone()"
}, fails=["a_checkpoint_is_cut_anew"])  # fmt: skip
mistake("You join the matrices rightly and then cut the whole of them. Each one is cut on its own.", edit={CUT: "rank[name] = torch.cat(whole, dim).chunk(new_tp, dim)[i].clone()"})
mistake("You take all matrices of a fused tensor to be equally large.", edit={BLOCKS: "blocks = [piece.tensor_split(len(parts), dim) for piece in pieces]"})
mistake("You take the sizes of parts for those of one rank. They are those of the whole.", edit={BLOCKS: "blocks = [piece.split([min(part, piece.shape[dim]) if k == 0 else (piece.shape[dim] - min(parts[0], piece.shape[dim])) // (len(parts) - 1) for k, part in enumerate(parts)], dim) if len(parts) > 1 and (piece.shape[dim] - min(parts[0], piece.shape[dim])) % (len(parts) - 1) == 0 else (piece,) for piece in pieces]"})
mistake("You cut every tensor along dimension 0. The spec says which.", edit={PARTS: PARTS + "\n        dim, parts = 0, parts if isinstance(rule, tuple) else [old_tp * pieces[0].shape[0]]"}, crashes=True)
mistake("You cut tensors that every rank holds whole.", edit={"if rule is None:\n            for rank in new:\n                rank[name] = pieces[0].clone()": "if rule is None:\n            for i, rank in enumerate(new):\n                rank[name] = pieces[0].tensor_split(new_tp)[i].clone()"})
mistake("You add up tensors that every rank holds whole. They are the same one.", edit={"rank[name] = pieces[0].clone()": "rank[name] = torch.stack(pieces).sum(0)"})
mistake("Only the first new rank gets the tensors that are not cut.", edit={"for rank in new:\n                rank[name] = pieces[0].clone()": "for i, rank in enumerate(new):\n                rank[name] = pieces[0].clone() if i == 0 else torch.zeros_like(pieces[0])"})
mistake("The tensors that are not cut are shared by all ranks and by the old shards. Copy them.", edit={"rank[name] = pieces[0].clone()": "rank[name] = pieces[0]"})
mistake("All new ranks share one copy of the tensors that are not cut.", edit={"            for rank in new:\n": "            one = pieces[0].clone()\n            for rank in new:\n", "rank[name] = pieces[0].clone()": "rank[name] = one"})
mistake("Your pieces are views of one tensor. They are copies of their own.", edit={CUT: CUT.replace("torch.cat([matrix.chunk(new_tp, dim)[i] for matrix in whole], dim)", "whole[0].chunk(new_tp, dim)[i] if len(whole) == 1 else torch.cat([matrix.chunk(new_tp, dim)[i] for matrix in whole], dim)"), "whole = [torch.cat([block[k] for block in blocks], dim)": "whole = [(blocks[0][k] if len(blocks) == 1 else torch.cat([block[k] for block in blocks], dim))"})
mistake("You deal rows out in turn: rank 0 gets rows 0, n, 2n. It gets the first piece.", edit={CUT: "rank[name] = torch.cat([matrix.unflatten(dim, (-1, new_tp)).select(dim if dim < 0 else dim + 1, i) for matrix in whole], dim).clone()"})
mistake("What can't be divided is cut into unequal pieces by you. Raise ValueError.", edit={"if any(part % new_tp for part in parts):": "if False:", CUT: CUT.replace("matrix.chunk(new_tp, dim)", "matrix.tensor_split(new_tp, dim)")})
mistake("You only look whether the sum of the parts can be divided. Each of them must be.", edit={"if any(part % new_tp for part in parts):": "if sum(parts) % new_tp:", CUT: CUT.replace("matrix.chunk(new_tp, dim)", "matrix.tensor_split(new_tp, dim)")})
mistake("Everything becomes float32. Dtypes stay.", edit={CUT: CUT + ".float()"})
mistake("The last rank comes first in your pieces.", edit={"for i, rank in enumerate(new):": "for i, rank in enumerate(reversed(new)):"})
mistake("You sort the names. They stay in their order.", edit={"for name in shards[0]:": "for name in sorted(shards[0]):"})
mistake("You take only the first old rank's piece and cut that.", edit={"pieces, rule = [shard[name] for shard in shards], spec[name]": "pieces, rule = [shards[0][name]] * len(shards), spec[name]"})

# --- a plan, and utilization -------------------------------------------------------------------------------------------------

ALLOWED = "if n_gpus % (tp * pp) == 0 and node % tp == 0 and n_heads % tp == 0 and n_layers % pp == 0 and per_param * psi <= mem * tp * pp"

mistake("Tensor parallelism leaves the node. tp divides node.", edit={"for tp in range(1, node + 1)": "for tp in range(1, n_gpus + 1)", ALLOWED: ALLOWED.replace("node % tp == 0 and ", "")})
mistake("tp is at most node for you. It divides node.", edit={ALLOWED: ALLOWED.replace("node % tp == 0 and ", "")})
mistake("tp must divide the number of heads.", edit={ALLOWED: ALLOWED.replace("n_heads % tp == 0 and ", "")})
mistake("pp must divide the number of layers.", edit={ALLOWED: ALLOWED.replace("n_layers % pp == 0 and ", "")})
mistake("Your sizes do not use all GPUs: tp · dp · pp = n_gpus.", edit={ALLOWED: ALLOWED.replace("n_gpus % (tp * pp) == 0", "tp * pp <= n_gpus")})
mistake("Data parallelism divides the memory for you. Each copy of the model is whole: only tp and pp divide it.", edit={ALLOWED: ALLOWED.replace("mem * tp * pp", "mem * n_gpus")})
mistake("You forget that the pipeline divides the memory.", edit={ALLOWED: ALLOWED.replace("mem * tp * pp", "mem * tp")})
mistake("You count the weights alone, 2 bytes. Gradients and optimizer state must fit as well.", edit={ALLOWED: ALLOWED.replace("per_param * psi", "2 * psi")})
mistake("Your bytes for each parameter are always 16. Use per_param.", edit={ALLOWED: ALLOWED.replace("per_param", "16")})
mistake("Exactly full is too full for you. It is allowed.", edit={ALLOWED: ALLOWED.replace("<=", "<")})
mistake("You take the fewest copies. The largest dp is asked for.", edit={"dp, tp, pp = max(allowed)": "dp, tp, pp = min(allowed)"})
mistake("Of equal dp you take the longest pipeline. Take the largest tp.", edit={"dp, tp, pp = max(allowed)": "dp, tp, pp = max(allowed, key=lambda each: (each[0], -each[1]))"})
mistake("You take the largest tp first. The largest dp comes first.", edit={"dp, tp, pp = max(allowed)": "dp, tp, pp = max(allowed, key=lambda each: (each[1], each[0]))"})
mistake("You return (dp, tp, pp). The order is tp, dp, pp.", edit={"return tp, dp, pp": "return dp, tp, pp"})
mistake("Where nothing is allowed you return the largest model parallelism. Raise ValueError.", edit={'raise ValueError("the model does not fit")': "return min(node, n_gpus), 1, max(n_gpus // node, 1)"})
mistake("Your node always has 8 GPUs.", edit={"for tp in range(1, node + 1)": "for tp in range(1, 9)", ALLOWED: ALLOWED.replace("node % tp", "8 % tp")})
mistake("A token costs 2 N for you, the forward pass. In training it is 6 N.", edit={"6 * n_params": "2 * n_params"})
mistake("You count 8 N, with a second forward pass. What is computed twice does not count in MFU.", edit={"6 * n_params": "8 * n_params"})
mistake("Attention is missing: 12 L C T more for each token.", edit={" + 12 * L * C * T": " + 0 * L"})
mistake("You halve attention for the causal mask. PaLM's formula does not.", edit={"12 * L * C * T": "6 * L * C * T"})
mistake("You count attention's forward pass alone, 4 L C T.", edit={"12 * L * C * T": "4 * L * C * T"})
mistake("Attention costs 12 L C T for a token, not 12 L C T².", edit={"12 * L * C * T": "12 * L * C * T * T"})
mistake("You return per cent. A share is asked for.", edit={"/ peak": "/ peak * 100"})
mistake("You return what is left of the peak at most: 1. More than 1 shows that a number is wrong.", edit={"return tokens_per_s * (6 * n_params + 12 * L * C * T) / peak": "return min(tokens_per_s * (6 * n_params + 12 * L * C * T) / peak, 1.0)"})

# --- of other kinds ----------------------------------------------------------------------------------------------------------

mistake("You sort the names of the order. They stay in the order given.", edit={'    names = order.split("-")\n    if any(': '    names = sorted(order.split("-"))\n    if any('})
mistake("A sliced piece keeps the memory of the whole tensor, and of the old shard when nothing is cut. Copy it.", edit={CUT: CUT.replace("torch.cat([matrix.chunk(new_tp, dim)[i] for matrix in whole], dim)", "pieces[i] if new_tp == old_tp else torch.cat([matrix.chunk(new_tp, dim)[i] for matrix in whole], dim)")})
mistake("You take an old layout as it is when the number of ranks stays, and return the same list.", edit={"    old_tp = len(shards)\n": "    old_tp = len(shards)\n    if new_tp == old_tp:\n        return shards\n"})
mistake("You cut what can't be divided when it is fused, by its whole size. Each matrix must be divisible, also where the rule has one number for dim.", edit={"if any(part % new_tp for part in parts):": "if len(parts) == 1 and parts[0] % new_tp:", CUT: CUT.replace("matrix.chunk(new_tp, dim)", "matrix.tensor_split(new_tp, dim)")})
mistake("dp counts from the total over tp alone: the pipeline's ranks are missing.", edit={"(n_gpus // (tp * pp), tp, pp)": "(n_gpus // tp, tp, pp)"})
mistake("You fill a node with tp, whatever fits. A smaller tp may leave room for more copies.", edit={"for tp in range(1, node + 1)": "for tp in [max(t for t in range(1, node + 1) if node % t == 0 and n_heads % t == 0 and n_gpus % t == 0)]"})
mistake("You give C the heads' size alone. C is heads times head size, as it is passed.", edit={"12 * L * C * T": "12 * L * (C // 64 if C >= 64 else C) * T"})
mistake("Rank 0 alone is looked at: all groups are shifted copies of its group for you.", edit={GROUPS: "first = mesh.permute(outside + inside).reshape(-1, size)[0]\n    return [(first + i * size).tolist() for i in range(mesh.numel() // size)]"})
mistake("You look for the names of a group in its text, so that etp is a group of tp as well. Split the text at the hyphens.", edit={"name in chosen]": "name in dims]", "name not in chosen]": "name not in dims]"})
mistake("You look for the names of sizes in the text of the order, where t is found in tp. Split the text at the hyphens.", edit={"if any(size != 1 and name not in names for": "if any(size != 1 and name not in order for"})
mistake("You look for the names of dims in the text of the order, where p is found in tp. Split both texts at the hyphens.", edit={"if not set(chosen) <= set(names):": "if any(name not in order for name in chosen):"})
mistake("Your pieces are views of one whole tensor, so each piece keeps all of it in memory. Give each memory of its own.", edit={CUT: CUT.replace("torch.cat([matrix.chunk(new_tp, dim)[i] for matrix in whole], dim)", "whole[0].chunk(new_tp, dim)[i] if len(whole) == 1 else torch.cat([matrix.chunk(new_tp, dim)[i] for matrix in whole], dim)")})
mistake("Your names stand in the order of spec. They stand in that of the old shards.", edit={"for name in shards[0]:": "for name in spec:"})
