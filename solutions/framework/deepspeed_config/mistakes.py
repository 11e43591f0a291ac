"""Wrong ways to write framework/deepspeed_config, each with the sentence that a student should read."""

from autograder.checks import mistake

TAKEN = "train, micro, steps = (cfg.get(name)"
CHECK = "if train != micro * steps * world:"
PAPER = "whole, shared = {0: (16, 0), 1: (4, 12), 2: (2, 14), 3: (0, 16)}.get(stage, (None, None))"
ONLY = "if offload_param and not (offload_opt and stage == 3):"

mistake("You ignore the number of GPUs.", edit={TAKEN: f"world = 1\n    {TAKEN}"})
mistake("You do not check the equation in the end, so fractions are cut off and contradictions pass.", edit={CHECK: "if False:"})
mistake("You check the equation only where all three are given. A missing one can leave a fraction too.", edit={
    CHECK: "if None not in (cfg.get('train_batch_size'), cfg.get('train_micro_batch_size_per_gpu'), cfg.get('gradient_accumulation_steps')) and train != micro * steps * world:"})  # fmt: skip
mistake("You forget the GPUs in the steps of accumulation.", crashes=True, edit={"else train // (micro * world)": "else train // micro"})
mistake("With the whole batch alone you put it into steps. There is one step then.", edit={
    "steps = 1 if train is None or micro is None else train // (micro * world)": "steps = 1 if train is None else train // ((micro or 1) * world)"})  # fmt: skip
mistake("Sizes of 0 and below pass.", edit={"if any(size is not None and size < 1 for size in (train, micro, steps)):": "if False:"})
mistake("You look for sizes below 1 in the whole batch alone. Two negative sizes make a positive one, so each of the three must be 1 or more.", edit={
    "if any(size is not None and size < 1 for size in (train, micro, steps)):": "if 0 in (train, micro, steps) or (train is not None and train < 1):", CHECK: "if train < 1 or train != micro * steps * world:"})  # fmt: skip
mistake("Steps alone are not enough: neither batch size follows from them.", edit={"if train is None and micro is None:": "if train is None and micro is None and steps is None:",
    "    if train is None:\n        train =": "    if train is None:\n        micro = micro or 1\n        train ="})  # fmt: skip

mistake("Your stages are not cumulative: each shards one thing alone.", edit={
    '{"sharded": stage >= 1,': '{"sharded": stage == 1,', '{"sharded": stage >= 2,': '{"sharded": stage == 2,'})  # fmt: skip
mistake("Stage 1 shards gradients in your plan. Stage 2 is the first one that does.", edit={'{"sharded": stage >= 2,': '{"sharded": stage >= 1,'})
mistake("Parameters are offloaded in every stage in your plan. That needs stage 3.", edit={'("offload_param", 3)': '("offload_param", 0)'})
mistake("The optimizer is offloaded in stage 0 in your plan. That needs stage 1.", edit={'("offload_optimizer", 1)': '("offload_optimizer", 0)'})
mistake("Gradients stay on the GPU in your plan where the optimizer is offloaded.", edit={'"gpu" if optimizer == "gpu" else "cpu"': '"gpu"'})
mistake("Gradients go to NVMe in your plan. The optimizer computes on the CPU.", edit={'"gpu" if optimizer == "gpu" else "cpu"': "optimizer"})
mistake('"none" is a device in your plan. It means the GPU.', edit={'"gpu" if device == "none" else device': "device"})
mistake("You refuse stages below 0 and above 3, and take 1.5. A stage is 0, 1, 2 or 3, and everything else is a ValueError.", edit={
    "if stage not in (0, 1, 2, 3):": "if stage < 0 or stage > 3:"})  # fmt: skip
mistake("You return one and the same plan each time that no stage is given. When a caller changes it, the next call is wrong. Make a new dict in each call.", edit={
    "def zero_plan(": 'PLAIN = {name: {"sharded": False, "device": "gpu"} for name in ("optimizer", "gradients", "parameters")}\n\n\ndef zero_plan(',
    'zero = cfg.get("zero_optimization") or {}': 'zero = cfg.get("zero_optimization") or {}\n    if not zero:\n        return PLAIN'})  # fmt: skip
mistake("You take any device.", edit={'if device not in ("none", "cpu", "nvme"):': "if False:"})

mistake("Stage 1 keeps 4 bytes for parameters and gradients whole, and divides 12. You divide other parts.", edit={PAPER: PAPER.replace("1: (4, 12)", "1: (2, 14)")})
mistake("Adam needs 12 bytes in the paper's convention: a copy of the parameter, momentum and variance. You count 16.", edit={
    PAPER: PAPER.replace("(4, 12)", "(4, 16)").replace("(2, 14)", "(2, 18)").replace("(0, 16)", "(0, 20)").replace("(16, 0)", "(20, 0)")})  # fmt: skip
mistake("You use DeepSpeed's 18 bytes in the paper's convention.", edit={PAPER: PAPER.replace("(2, 14)", "(2, 18)").replace("(0, 16)", "(0, 18)")})
mistake("You use the paper's bytes in DeepSpeed's convention.", edit={"2 * P + 18 * P // N": "2 * P + 14 * P // N", "4 * L + 18 * P // N": "4 * L + 16 * P // N"})
mistake("The largest layer is missing in stage 3.", edit={"(6 * L * N, 4 * L + 18 * P // N)": "(6 * L * N, 18 * P // N)"})
mistake("Parameters are offloaded without the optimizer, or without stage 3, in your estimate.", edit={ONLY: "if False:"})
mistake("You divide with / and cut the fraction off with int. A float has 16 digits, and larger numbers are rounded. Use //, which is exact.", edit={
    "whole * P + shared * P // N": "whole * P + int(shared * P / N)"})  # fmt: skip
mistake("You multiply by 1.5 and make an int of it. A float has 16 digits, and larger numbers are rounded. Multiply by 3 and use // 2, which is exact.", edit={
    "3 * P * max(4 * N, 16) // 2": "int(1.5 * P * max(4 * N, 16))"})  # fmt: skip
mistake("With few GPUs the CPU holds 16 bytes a parameter all the same. You leave the maximum out.", edit={"3 * P * max(4 * N, 16) // 2": "6 * P * N"})

mistake("You cut gradients off by the bucket's size: a gradient is put into a bucket that still has any room.", edit={"if not buckets or n > room:": "if not buckets or room <= 0:"})


@mistake("You put gradients into older buckets that have room. Those are under way already.")
def bucketize(numels, bucket):
    buckets, rooms = [], []
    for i, n in enumerate(numels):
        for b in range(len(buckets)):
            if rooms[b] >= n:
                buckets[b].append(i)
                rooms[b] -= n
                break
        else:
            buckets.append([i])
            rooms.append(bucket - n)
    return buckets


mistake("A loss scale of 0 is fixed in your function. It means dynamic.", edit={"    if scale:\n": '    if "loss_scale" in fp16:\n'})
mistake("You return one and the same dict for all defaults. When a caller changes it, the next call is wrong. Make a new dict in each call.", edit={
    "def loss_scale(": 'DEFAULTS = {"dynamic": True, "scale": 2.0**16, "window": 1000, "hysteresis": 2, "min": 1}\n\n\ndef loss_scale(',
    '    return {\n        "dynamic": True,': '    if not fp16.keys() - {"enabled", "loss_scale"}:\n        return DEFAULTS\n    return {\n        "dynamic": True,'})  # fmt: skip
mistake("You write the default where a setting is 0. A 0 is there: the default is for what is missing.", edit={
    'fp16.get("hysteresis", 2)': 'fp16.get("hysteresis") or 2', 'fp16.get("min_loss_scale", 1)': 'fp16.get("min_loss_scale") or 1'})  # fmt: skip
mistake("You cut the fraction of a fixed scale off. It is that number as a float.", edit={'"scale": float(scale)': '"scale": float(int(scale)) if scale >= 1 else float(scale)'})
mistake("A fixed scale is returned as it was written, a whole number if it was one. It is that number as a float.", edit={'"scale": float(scale)': '"scale": scale'})
