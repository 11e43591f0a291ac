"""Made official_code.json, once: examples from GLM's own pre-training code. test_oracle.py reads the result.

Takes the path of a clone of https://github.com/THUDM/GLM (commit 4f61ed7237a3b0187f4d62062429348276a78c84). Its class
ConstructBlockStrategy is read from blocklm_utils.py, and make_block_data is run with a stub for the tokenizer and with a generator
whose shuffle gives the order of the case. Versions: NumPy 2.4.6.
"""

import ast
import copy
import json
import random
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np

COMMIT = "4f61ed7237a3b0187f4d62062429348276a78c84"
show = ["git", "-C", sys.argv[1], "show", f"{COMMIT}:blocklm_utils.py"]
source = subprocess.run(show, capture_output=True, text=True, check=True).stdout.replace("np.long", "np.int64")
tree = ast.parse(source)
tree.body = [node for node in tree.body if isinstance(node, ast.ClassDef)]
names = {"np": np, "copy": copy, "random": random}
exec(compile(tree, "blocklm_utils.py", "exec"), names)

IDS = {"MASK": 1, "gMASK": 9, "sop": 2, "eop": 3}
strategy = SimpleNamespace(
    random_position=False, encoder_decoder=False, shuffle_blocks=True, sentinel_token=False, block_mask_prob=0.0,
    block_position_encoding=True, context_mask_ratio=0.0, generation_mask=IDS["gMASK"], eod_token=-1,
    tokenizer=SimpleNamespace(get_command=lambda name: SimpleNamespace(Id=IDS[name])),
)  # fmt: skip
build = names["ConstructBlockStrategy"].make_block_data
rng = random.Random(5)
cases = []
for n, k, task in [(6, 2, "bert"), (1, 1, "bert"), (9, 1, "generation"), (12, 4, "bert"), (40, 7, "bert"), (90, 12, "bert"), (5, 1, "generation")]:
    tokens = [rng.randrange(10, 60) for _ in range(n)]
    cuts = sorted(rng.sample(range(n + 1), 2 * k)) if n > 1 else [0, 1]
    spans = list(zip(cuts[::2], cuts[1::2], strict=True))
    if n == 12:
        spans = [(0, 2), (2, 3), (3, 5), (11, 12)]  # three that touch, and the last token
    if task == "generation":
        spans = [(spans[0][0], n)]
    order = rng.sample(range(k), k)

    class Shuffle:
        def shuffle(self, rows, order=order, spans=spans):
            rows[:] = [spans[i] for i in order]

    found = build(strategy, np.array(tokens), None, None, list(spans), Shuffle(), task=task)
    names_of = ["tokens", "targets", "loss_mask", "positions"]
    made = {name: value.tolist() for name, value in zip(names_of, found[:4], strict=True)} | {"sep": int(found[4])}
    cases.append({"tokens": tokens, "spans": spans, "order": order, "task": task, "made": made})
Path(__file__).with_suffix(".json").write_text(json.dumps({"numpy": np.__version__, "commit": COMMIT, "cases": cases}) + "\n")
