"""Made official_code.json, once: masks, positions and rotations of SwissArmyTransformer's ChatGLM. test_oracle.py reads the result.

Takes the path of a clone of https://github.com/THUDM/SwissArmyTransformer (commit 63dc23aeb40b5b4ee580de00a8961a324a103abf). Two methods are
read from sat/model/official/chatglm_model.py and the rotation from sat/model/position_embedding/rotary_embeddings.py; they run on the CPU
with a stub for the model. Versions: torch 2.13.0.
"""

import ast
import json
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import torch
import torch.nn.functional as F

COMMIT = "63dc23aeb40b5b4ee580de00a8961a324a103abf"


def definitions(path, wanted):
    show = ["git", "-C", sys.argv[1], "show", f"{COMMIT}:{path}"]
    tree = ast.parse(subprocess.run(show, capture_output=True, text=True, check=True).stdout)
    tree.body = [node for node in ast.walk(tree) if getattr(node, "name", None) in wanted]
    for node in tree.body:
        node.decorator_list = []
    names = {"torch": torch, "F": F}
    exec(compile(tree, path, "exec"), names)
    return names


model = definitions("sat/model/official/chatglm_model.py", ("get_masks", "get_position_ids", "get_pad_length"))
rotary = definitions(
    "sat/model/position_embedding/rotary_embeddings.py", ("RotaryEmbedding", "rotate_half", "apply_rotary_pos_emb_index")
)
BOS, PAD, GMASK = 9, 3, 8
stub = SimpleNamespace(bos_token_id=BOS, pad_token_id=PAD, parameters=lambda: iter([torch.zeros(1)]))
stub.get_pad_length = lambda seq: model["get_pad_length"](stub, seq)
inputs = []
for rows in (
    [[1, 2, GMASK, BOS, 4, 5]],
    [[20, GMASK, 21, 22, BOS], [PAD, PAD, 23, GMASK, BOS]],
    [[PAD, GMASK, BOS, 30, 31, 32, 33], [40, 41, 42, GMASK, 43, BOS, 44], [PAD, PAD, PAD, PAD, 50, GMASK, BOS]],
):
    ids = torch.tensor(rows)
    at = [row.index(GMASK) for row in rows]
    mask = model["get_masks"](stub, ids, "cpu")
    pos = model["get_position_ids"](stub, ids, at, "cpu")
    inputs.append({"ids": rows, "mask_pos": at, "pad_len": [row.count(PAD) for row in rows], "mask": mask.long().tolist(), "pos": pos.tolist()})

rotations = []
for seed, (B, H, T, D) in enumerate([(1, 1, 3, 4), (2, 3, 4, 8), (2, 2, 5, 16)]):
    torch.manual_seed(seed)
    x, pos = torch.randn(B, H, T, D).double(), torch.randint(0, 40, (B, 2, T))
    q1, q2 = x.permute(2, 0, 1, 3).chunk(2, dim=-1)  # theirs works on (T, B, H, D)
    cos, sin = rotary["RotaryEmbedding"](D // 2)(q1, seq_len=int(pos.max()) + 1)
    turn = rotary["apply_rotary_pos_emb_index"]
    q1, _ = turn(q1, q1, cos, sin, pos[:, 0].transpose(0, 1).contiguous())
    q2, _ = turn(q2, q2, cos, sin, pos[:, 1].transpose(0, 1).contiguous())
    out = torch.cat([q1, q2], dim=-1).permute(1, 2, 0, 3)
    rotations.append({"x": x.tolist(), "pos": pos.tolist(), "out": out.tolist()})
text = json.dumps({"torch": torch.__version__, "commit": COMMIT, "inputs": inputs, "rotations": rotations})
Path(__file__).with_suffix(".json").write_text(text + "\n")
