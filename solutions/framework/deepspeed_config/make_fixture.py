"""Writes fixture.json: what DeepSpeed itself says. Run once, by hand: pip install --no-deps deepspeed==0.19.8, then its small needs."""

import importlib.metadata
import json
from pathlib import Path

from deepspeed.runtime.config import DeepSpeedConfig
from deepspeed.runtime.zero.stage3 import estimate_zero3_model_states_mem_needs
from deepspeed.runtime.zero.stage_1_and_2 import estimate_zero2_model_states_mem_needs

TRAIN, MICRO, STEPS = "train_batch_size", "train_micro_batch_size_per_gpu", "gradient_accumulation_steps"
CONFIGS = [
    {TRAIN: 64, MICRO: 4}, {TRAIN: 64, STEPS: 8}, {MICRO: 4, STEPS: 2}, {TRAIN: 24}, {MICRO: 3}, {TRAIN: 12, MICRO: 3, STEPS: 4},
    {STEPS: 2}, {}, {TRAIN: 30, MICRO: 4}, {TRAIN: 12, MICRO: 3, STEPS: 3}, {TRAIN: 10, STEPS: 3},
]  # fmt: skip
SCALES = [
    {}, {"enabled": False, "loss_scale": 8}, {"enabled": True}, {"enabled": True, "loss_scale": 128}, {"enabled": True, "loss_scale": 0},
    {"enabled": True, "initial_scale_power": 12, "loss_scale_window": 500, "hysteresis": 3, "min_loss_scale": 2},
]  # fmt: skip


def batches(config):
    try:
        read = DeepSpeedConfig(dict(config))
    except AssertionError:
        return None
    return [read.train_batch_size, read.train_micro_batch_size_per_gpu, read.gradient_accumulation_steps]


def scale(fp16):
    read = DeepSpeedConfig({TRAIN: 1, "fp16": fp16}).float16_config
    names = "enabled", "loss_scale", "initial_scale_power", "loss_scale_window", "hysteresis", "min_loss_scale"
    return {name: getattr(read, name) for name in names}


found = {
    "versions": {name: importlib.metadata.version(name) for name in ("deepspeed", "torch")},
    "batches, one GPU": [[config, batches(config)] for config in CONFIGS],
    "loss scales": [[fp16, scale(fp16)] for fp16 in SCALES],
    "stage 2": [
        [P, N, cpu, *map(int, estimate_zero2_model_states_mem_needs(P, N, 1, cpu_offload=cpu))]
        for P in (7_500_000_000, 1_300_000_007) for N in (1, 3, 8, 64) for cpu in (False, True)
    ],
    "stage 3": [
        [P, L, N, cpu, parameters, *map(int, estimate_zero3_model_states_mem_needs(P, L, N, 1, cpu, parameters)[:2])]
        for P, L in ((7_500_000_000, 100_000_000), (1_300_000_007, 50_257_001)) for N in (1, 3, 8, 64)
        for cpu, parameters in ((False, False), (True, False), (True, True))
    ],
}  # fmt: skip
Path(__file__).with_name("fixture.json").write_text(json.dumps(found, indent=None, separators=(",", ":")) + "\n")
