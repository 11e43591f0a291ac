"""Writes fixture.json: the groups that Megatron's and DeepSpeed's own classes give. Run once, by hand, with torch (for the CPU) and NumPy.

Two packages are downloaded and unpacked, and nothing is installed:
    pip download --no-deps --only-binary=:all: --python-version 3.12 megatron-core==0.19.2      # its folder stands on PYTHONPATH
    pip download --no-deps --no-binary=:all: --no-build-isolation deepspeed==0.19.8
The argument is the path of DeepSpeed's deepspeed/runtime/pipe/topology.py. It is run alone: all that it takes from the package is its `comm`, which is
not called here.
"""

import importlib.util
import itertools
import json
import sys
import types
from pathlib import Path

import torch
from megatron.core import __version__ as megatron_version
from megatron.core.parallel_state import RankGenerator

MESHES = [
    ("tp-cp-ep-dp-pp", {"tp": 2, "dp": 2, "pp": 2}),
    ("tp-cp-ep-dp-pp", {"tp": 2, "cp": 2, "dp": 2, "pp": 2}),
    ("tp-cp-ep-dp-pp", {"tp": 2, "ep": 2, "dp": 3, "pp": 2}),
    ("tp-cp-ep-dp-pp", {"tp": 8, "dp": 4}),
    ("tp-cp-ep-dp-pp", {"cp": 4, "dp": 3}),
    ("tp-cp-ep-dp-pp", {"pp": 6}),
    ("tp-cp-ep-pp-dp", {"tp": 2, "cp": 2, "pp": 3, "dp": 2}),
    ("tp-cp-ep-pp-dp", {"tp": 2, "ep": 3, "pp": 2, "dp": 2}),
    ("tp-cp-pp-ep-dp", {"tp": 2, "pp": 2, "ep": 2, "dp": 2}),
    ("tp-dp-pp", {"tp": 3, "dp": 4, "pp": 2}),
    ("tp-pp-dp", {"tp": 4, "pp": 3, "dp": 2}),
    ("dp-tp-pp", {"dp": 2, "tp": 4, "pp": 3}),
    ("pp-dp-tp", {"pp": 2, "dp": 3, "tp": 2}),
    ("dp-pp-tp", {"dp": 5, "pp": 2, "tp": 3}),
    ("cp-tp-dp-pp", {"cp": 2, "tp": 2, "dp": 3, "pp": 2}),
    ("dp-cp-tp", {"dp": 2, "cp": 3, "tp": 2}),
    ("ep-tp-pp-dp", {"ep": 2, "tp": 3, "pp": 2, "dp": 2}),
    ("pp-ep-dp", {"pp": 3, "ep": 2, "dp": 2}),
    ("tp", {"tp": 7}),
    ("tp-dp", {"tp": 5, "dp": 7}),
]
REFUSED = [("tp-dp", {"tp": 2, "pp": 2}), ("dp-pp", {"dp": 2, "pp": 3, "cp": 2})]
TOPOLOGIES = [(2, 2, 2), (4, 2, 3), (1, 4, 2), (3, 1, 5), (2, 8, 2), (6, 1, 1)]  # pp, tp, dp


def megatron(order, sizes):
    generator = RankGenerator(**{name: sizes.get(name, 1) for name in ("tp", "ep", "dp", "pp", "cp")}, order=order)
    found = {}
    for count in (1, 2, 3):
        for dims in itertools.combinations([name for name in order.split("-") if name in sizes], count):
            found["-".join(dims)] = generator.get_ranks("-".join(dims))
            assert generator.get_ranks("-".join(reversed(dims))) == found["-".join(dims)]
    return found


def refused(order, sizes):
    try:
        megatron(order, sizes)
    except RuntimeError:
        return True
    return False


def deepspeed(module, pp, tp, dp):
    topology = module.PipeModelDataParallelTopology(num_pp=pp, num_mp=tp, num_dp=dp)
    names = {"pp": "pipe", "dp": "data", "tp": "model"}
    assert topology.get_axis_names() == list(names.values())
    coords = [topology.get_coord(rank)._asdict() for rank in range(topology.world_size())]
    return {
        "coords": [[at[axis] for axis in names.values()] for at in coords],
        "groups": {name: topology.get_axis_comm_lists(axis) for name, axis in names.items()},
    }


sys.modules["deepspeed"] = types.SimpleNamespace(comm=None)
spec = importlib.util.spec_from_file_location("topology", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
found = {
    "versions": {"megatron-core": megatron_version, "deepspeed": "0.19.8", "torch": torch.__version__},
    "megatron": [[order, sizes, megatron(order, sizes)] for order, sizes in MESHES],
    "megatron refuses": [[order, sizes] for order, sizes in REFUSED if refused(order, sizes)],
    "deepspeed": [[sizes, deepspeed(module, *sizes)] for sizes in TOPOLOGIES],
}
Path(__file__).with_name("fixture.json").write_text(json.dumps(found, separators=(",", ":")) + "\n")
