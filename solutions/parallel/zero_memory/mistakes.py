"""Wrong ways to write parallel/zero_memory, each with the sentence that a student should read."""

from autograder.checks import mistake

WEIGHTS, GRADIENTS, STATE = '"weights": 2 * psi / (n if stage >= 3 else 1)', '"gradients": 2 * psi / (n if stage >= 2 else 1)', '"optimizer": K * psi / (n if stage >= 1 else 1)'
BYTES = "return sum(zero_parts(psi, n, stage, K).values())"
BAD = 'if stage not in (0, 1, 2, 3):\n        raise ValueError(f"there is no stage {stage}")\n    return {'

# --- bytes -------------------------------------------------------------------------------------------------------------------

mistake("Stage 1 shares the weights for you. It shares the optimizer's state.", edit={WEIGHTS: WEIGHTS.replace(">= 3", ">= 1"), STATE: STATE.replace(">= 1", ">= 3")})
mistake("You share gradients at stage 1 already. They are shared from stage 2 on.", edit={GRADIENTS: GRADIENTS.replace(">= 2", ">= 1")})
mistake("At stage 2 the weights are shared for you. They are whole until stage 3.", edit={WEIGHTS: WEIGHTS.replace(">= 3", ">= 2")})
mistake("At stage 3 only the weights are shared for you. What was shared before stays shared.", edit={GRADIENTS: GRADIENTS.replace("stage >= 2", "stage == 2"), STATE: STATE.replace("stage >= 1", "stage == 1")})
mistake("Gradients stay whole at stage 2 for you.", edit={GRADIENTS: GRADIENTS.replace(">= 2", ">= 3")})
mistake("At stage 3 one n-th of the optimizer's state is shared once more.", edit={STATE: STATE.replace("(n if stage >= 1 else 1)", "(n * n if stage == 3 else n if stage >= 1 else 1)")})
mistake("K is 16 where none is passed: that counts weights and gradients twice. It is 12.", edit={"def zero_parts(psi: float, n: int, stage: int, K: float = 12)": "def zero_parts(psi: float, n: int, stage: int, K: float = 16)", "def zero_bytes(psi: float, n: int, stage: int, K: float = 12)": "def zero_bytes(psi: float, n: int, stage: int, K: float = 16)"})
mistake("K is 8 where none is passed: the copy of the weights in 4 bytes is missing.", edit={"def zero_bytes(psi: float, n: int, stage: int, K: float = 12)": "def zero_bytes(psi: float, n: int, stage: int, K: float = 8)"})
mistake("You always take 12 bytes of state. Use K.", edit={STATE: STATE.replace("K *", "12 *")})
mistake("Your weights have 4 bytes. In mixed precision they have 2; the copy in 4 bytes is among K.", edit={WEIGHTS: WEIGHTS.replace("2 * psi", "4 * psi")})
mistake("Your gradients have 4 bytes. In the paper they have 2.", edit={GRADIENTS: GRADIENTS.replace("2 * psi", "4 * psi")})
mistake("You count as DeepSpeed's estimator does, with 18 bytes shared. The paper shares 14 at stage 2 and 16 at stage 3.", edit={BYTES: "return float(sum(zero_parts(psi, n, stage, K).values())) + (4 * psi / n if stage == 2 else 2 * psi / n if stage == 3 else 0.0)"})
mistake("You divide everything by n at each stage.", edit={WEIGHTS: WEIGHTS.replace("stage >= 3", "stage"), GRADIENTS: GRADIENTS.replace("stage >= 2", "stage")})
mistake("You multiply by n: that is the memory of all devices together.", edit={BYTES: BYTES.replace("sum(", "n * sum(")})
mistake("You return gigabytes. Return bytes.", edit={BYTES: BYTES.replace("values())", "values()) / 1e9")})
mistake("You round bytes up to whole numbers.", edit={BYTES: BYTES.replace("sum(zero_parts(psi, n, stage, K).values())", "float(math.ceil(sum(zero_parts(psi, n, stage, K).values())))")})
mistake("You divide whole numbers and drop the rest.", edit={STATE: STATE.replace("K * psi / (", "K * psi // (")})
mistake("Every stage beyond 3 is stage 3 for you. Raise ValueError.", edit={BAD: BAD.replace("stage not in (0, 1, 2, 3)", "stage < 0")})
mistake("A negative stage is stage 0 for you. Raise ValueError.", edit={BAD: BAD.replace("stage not in (0, 1, 2, 3)", "stage > 3")})
mistake("Stage 0 is an error for you. It is plain data parallelism.", edit={BAD: BAD.replace("(0, 1, 2, 3)", "(1, 2, 3)")}, crashes=True)
mistake("You exchange gradients and weights in the result.", edit={WEIGHTS: WEIGHTS.replace("weights", "gradients"), GRADIENTS: GRADIENTS.replace("gradients", "weights")})

# --- what fits ---------------------------------------------------------------------------------------------------------------

MAX = "return mem / zero_bytes(1.0, n, stage, K)"
MIN = "return max(1, math.ceil(shared / left)) if stage else 1"
LEFT = "if left < 0 or (left == 0 and stage > 0):"

mistake("You divide mem by 16 at every stage.", edit={MAX: "return mem / (zero_bytes(1.0, n, 0, K) + 0 * zero_bytes(1.0, n, stage, K))"})
mistake("You multiply what one device holds at stage 0 by n. Only what is shared grows with n.", edit={MAX: "return mem * (n if stage else 1) / zero_bytes(1.0, n, 0, K) + 0 * zero_bytes(1.0, n, stage, K)"})
mistake("You forget K: another optimizer has another state.", edit={MAX: MAX.replace(", K)", ")")})
mistake("You round psi down. It may be a fraction.", edit={MAX: "return float(mem // zero_bytes(1.0, n, stage, K))"})
mistake("You solve for n devices with all of the memory together.", edit={MAX: MAX.replace("mem /", "n * mem /")})
mistake("You round the number of devices down. It is not enough then.", edit={MIN: "return max(1, int(shared // left)) if stage else 1"})
mistake("Exactly full is too full for you.", edit={MIN: "return max(1, math.floor(shared / left) + 1) if stage else 1"})
mistake("You double the number until it fits. The smallest one is asked for.", edit={MIN: "n = 1\n    while n < shared / left:\n        n *= 2\n    return n if stage else 1"})
mistake("You divide all bytes by mem, as if everything were shared.", edit={MIN: "return max(1, math.ceil(sum(whole.values()) / mem)) if stage else 1"})
mistake("You give no device at all where nothing has to be shared. One is the least.", edit={MIN: "return math.ceil(shared / left) if stage else 1", 'left = mem - (sum(whole.values()) - shared)': 'left = mem - (sum(whole.values()) - shared)\n    shared = shared if sum(whole.values()) > mem else 0'})
mistake("You return -1 where no number of devices is enough. Raise ValueError.", edit={'    raise ValueError("no number of devices is enough")': "    return -1"})
mistake("You give up above a thousand devices.", edit={MIN: "return min(1000, max(1, math.ceil(shared / left))) if stage else 1"})
mistake("You return a float. The number of devices is an int.", edit={MIN: "return max(1.0, float(math.ceil(shared / left))) if stage else 1.0"})
mistake("More devices help at stage 0 for you. Plain data parallelism shares nothing.", edit={
    LEFT: "if stage == 0:\n        return max(1, math.ceil(sum(whole.values()) / mem))\n    " + LEFT
})  # fmt: skip
mistake("If nothing is left for the shared part, you take one device. No number is enough.", edit={LEFT: "if left < 0:", MIN: "return (1 if left == 0 else max(1, math.ceil(shared / left))) if stage else 1"})

# --- traffic -----------------------------------------------------------------------------------------------------------------

SENT = "return (3 if stage == 3 else 2) * psi * (n - 1) / n"

mistake("Stage 3 sends as much as the others for you. It gathers the weights twice.", edit={SENT: SENT.replace("(3 if stage == 3 else 2)", "2")})
mistake("Stages 1 and 2 send less for you. They gather the new weights where stage 0 gathers gradients.", edit={SENT: SENT.replace("else 2)", "else 2 if stage == 0 else 1)")})
mistake("Stage 1 reduces all gradients everywhere and gathers weights on top. A reduce-scatter is enough.", edit={SENT: SENT.replace("(3 if stage == 3 else 2)", "(3 if stage in (1, 3) else 2)")})
mistake("You count 2 psi and 3 psi, for very many devices. With n devices it is (n - 1) / n of that.", edit={SENT: "return float((3 if stage == 3 else 2) * psi)"})
mistake("You count bytes. Numbers are asked for.", edit={SENT: SENT.replace("* psi", "* 2 * psi")})
mistake("You add up all devices. Each one's share is asked for.", edit={SENT: SENT.replace(" / n", " * 1.0")})
mistake("Stage 3 gathers and reduces twice for you: 4. It reduces once.", edit={SENT: SENT.replace("3 if stage == 3", "4 if stage == 3")})

# --- uneven shards -----------------------------------------------------------------------------------------------------------

FLAT = "return -(-sum(math.prod(shape) for shape in shapes) // n)"
ROWS = "return sum(-(-(shape[0] if shape else 1) // n) * math.prod(shape[1:]) for shape in shapes)"

mistake("You round down. The fullest device has the rest, too.", edit={FLAT: "return sum(math.prod(shape) for shape in shapes) // n", ROWS: "return sum((shape[0] if shape else 1) // n * math.prod(shape[1:]) for shape in shapes)"})
mistake("Flat, you pad each parameter. Only the whole is padded.", edit={FLAT: "return sum(-(-math.prod(shape) // n) for shape in shapes)"})
mistake("You cut each parameter's numbers, not its rows.", edit={ROWS: "return sum(-(-math.prod(shape) // n) for shape in shapes)"})
mistake("You cut along the last dimension. Rows are dimension 0.", edit={ROWS: "return sum(-(-(shape[-1] if shape else 1) // n) * math.prod(shape[:-1]) for shape in shapes)"})
mistake("You compute with floats, which lose the last digits of large numbers.", edit={FLAT: "return math.ceil(sum(math.prod(shape) for shape in shapes) / n)"})
mistake("You share rows of all parameters together. Each one is cut by itself.", edit={ROWS: "rows = [(shape[0] if shape else 1, math.prod(shape[1:])) for shape in shapes]\n    return math.ceil(sum(count * width for count, width in rows) / n) if rows else 0"})
mistake("You leave out a parameter without dimensions. It counts as one.", edit={FLAT: "return -(-sum(math.prod(shape) for shape in shapes if shape) // n)", ROWS: "return sum(-(-shape[0] // n) * math.prod(shape[1:]) for shape in shapes if shape)"})
mistake("You deal the rest of the rows out to different devices. With pieces of ceil(size / n) rows the first device has the most of every parameter.", edit={ROWS: "held, at = [0] * n, 0\n    for shape in shapes:\n        for _ in range(min(shape[0] if shape else 1, 10**6)):\n            held[at % n] += math.prod(shape[1:])\n            at += 1\n    return max(held)"})
mistake("You exchange flat and not flat.", edit={"    if flat:\n": "    if not flat:\n"})
mistake("You give the mean of all devices. The fullest one counts.", edit={ROWS: "return -(-sum(math.prod(shape) for shape in shapes) // n)"})

# --- offloading --------------------------------------------------------------------------------------------------------------

PLAN = 'return {"gpu": 2.0 * psi, "cpu": (2 + K) * psi / n, "down": 2 * psi / n, "up": 2 * psi / n}'

mistake("Your gradients stay on the device. They lie on the CPU.", edit={PLAN: PLAN.replace("2.0 * psi", "4.0 * psi").replace("(2 + K)", "K")})
mistake("You share the weights on the device, as at stage 3. All of them stay.", edit={PLAN: PLAN.replace("2.0 * psi", "2.0 * psi / n")})
mistake("The weights move up in 4 bytes for you. They are made small before.", edit={PLAN: PLAN.replace('"up": 2', '"up": 4')})
mistake("The gradients move down in 4 bytes for you. They have 2.", edit={PLAN: PLAN.replace('"down": 2', '"down": 4')})
mistake("Each process moves all gradients. It moves its n-th part.", edit={PLAN: PLAN.replace('"down": 2 * psi / n', '"down": 2.0 * psi').replace('"up": 2 * psi / n', '"up": 2.0 * psi')})
mistake("The optimizer's state moves, too, for you. It stays on the CPU.", edit={PLAN: PLAN.replace('"down": 2 *', '"down": (2 + K) *')})
mistake("You forget the gradients on the CPU.", edit={PLAN: PLAN.replace("(2 + K)", "K")})
mistake("The state on the CPU is whole for each process. It is shared.", edit={PLAN: PLAN.replace('psi / n, "down"', 'psi / 1, "down"')})
mistake("You always take 12 bytes of state for the CPU. Use K.", edit={PLAN: PLAN.replace("(2 + K)", "14")})
mistake("You exchange up and down.", edit={PLAN: PLAN.replace('"gpu": 2.0 * psi, "cpu": (2 + K) * psi / n', '"gpu": (2 + K) * psi / n, "cpu": 2.0 * psi')})

# --- of other kinds ----------------------------------------------------------------------------------------------------------

mistake("max_params of stage 0 grows with n for you. Nothing is shared there.", edit={MAX: "return mem * (n if stage == 0 else 1) / zero_bytes(1.0, n, stage, K)"})
mistake("You look for the number of devices with 12 bytes of state whatever K is.", edit={"whole = zero_parts(psi, 1, stage, K)": "whole = zero_parts(psi, 1, stage)"})
mistake("You share weights first when you look for the number of devices. The optimizer's state comes first.", edit={"shared = sum(list(whole.values())[3 - stage :])": "shared = sum(list(whole.values())[:stage])"})
mistake("You take powers of two for the number of devices. Any number is allowed.", edit={MIN: "return 2 ** max(0, math.ceil(math.log2(max(shared / left, 1)))) if stage else 1"})
mistake("One device sends something for you. Alone it sends nothing.", edit={SENT: "return (3 if stage == 3 else 2) * psi * max(n - 1, 1) / n"})
mistake("Flat, you leave the zeros out. They take memory as well.", edit={FLAT: "total = sum(math.prod(shape) for shape in shapes)\n        return total // n if total % n == 0 else max(total // n, total - (n - 1) * (total // n) if n > total else -(-total // n)) if n <= total else 0"})
mistake("A parameter with fewer rows than devices is kept whole by you. It is cut into single rows.", edit={ROWS: "return sum((-(-(shape[0] if shape else 1) // n) if (shape[0] if shape else 1) >= n else (shape[0] if shape else 1)) * math.prod(shape[1:]) for shape in shapes)"})
mistake("Your bytes are whole numbers where psi is one. Bytes are floats.", edit={'"weights": 2 * psi / (n if stage >= 3 else 1),': '"weights": 2 * psi / n if stage >= 3 else 2 * psi,'})
mistake("The weights that stay on the device are a whole number where psi is one. Bytes are floats.", edit={PLAN: PLAN.replace("2.0 * psi", "2 * psi")})
mistake("You round the pieces of a parameter up by a division of floats, which loses the last digits of large numbers. Use whole numbers: -(-rows // n).", edit={ROWS: "return sum(math.ceil((shape[0] if shape else 1) / n) * math.prod(shape[1:]) for shape in shapes)"})
mistake("You try numbers of devices up to 100 000 and then give up. More may be needed.", edit={MIN: "found = max(1, math.ceil(shared / left)) if stage else 1\n    if found > 10**5:\n        raise ValueError\n    return found"})
mistake("min_devices takes stage 4 for stage 3. Raise ValueError.", edit={"whole = zero_parts(psi, 1, stage, K)": "stage = min(stage, 3)\n    whole = zero_parts(psi, 1, stage, K)"})
mistake("Without any memory your min_devices divides by 0. No number of devices is enough then: raise ValueError.", edit={"(left == 0 and stage > 0)": "(left == 0 and stage in (1, 2))"}, crashes=True)
