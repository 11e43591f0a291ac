"""Wrong implementations of pipeline/interleaved, and what a student should read about each."""

from autograder.checks import mistake

LAYERS = "list(range((c * p + r) * size, (c * p + r + 1) * size))"
TURNS = "turns = [(c, group + i) for group in range(0, m, p) for c in range(v) for i in range(p)]"
WARM_UP = "warm_up = min(m * v, 2 * (p - 1 - r) + (v - 1) * p)"
BACKWARDS = 'backwards = [((v - 1 - c) * p + r, "B", i) for c, i in turns]'
FORWARDS = 'forwards = [(c * p + r, "F", i) for c, i in turns]'

mistake(
    "A device's chunks hold neighbouring layers: then a micro-batch passes each device once, and nothing is gained. Chunk c of "
    "device r is stage c · p + r.",
    edit={LAYERS: "list(range((r * v + c) * size, (r * v + c + 1) * size))"},
)
mistake(
    "You deal out single layers in turn. A stage's layers lie next to each other: n_layers / (p · v) of them.",
    edit={LAYERS: "list(range(c * p + r, n_layers, p * v))"},
)
mistake(
    "Your lists are the other way round: first the device, then its chunks.",
    edit={
        "for c in range(v)] for r in range(p)]\n    # END SOLUTION": "for r in range(p)] for c in range(v)]\n    # END SOLUTION"
    },
)
mistake(
    "Your schedule puts stages r · v … on device r. Stage s lives on device s % p: chunk c of device r is stage c · p + r.",
    edit={
        FORWARDS: 'forwards = [(r * v + c, "F", i) for c, i in turns]',
        BACKWARDS: 'backwards = [(r * v + v - 1 - c, "B", i) for c, i in turns]',
    },
)
mistake(
    "You warm up as in plain 1F1B, with p - 1 - r forwards. A device has to send p micro-batches through all but its last chunk "
    "first: 2 · (p - 1 - r) + (v - 1) · p.",
    edit={WARM_UP: "warm_up = min(m * v, p - 1 - r)"},
)
mistake(
    "Your warm-up is too short for the chunks: it is 2 · (p - 1 - r) + (v - 1) · p forwards.",
    edit={WARM_UP: "warm_up = min(m * v, 2 * (p - 1 - r))"},
)
mistake(
    "Your warm-up counts v chunks instead of v - 1, so every device holds p activations too many.",
    edit={WARM_UP: "warm_up = min(m * v, 2 * (p - 1 - r) + v * p)"},
)
mistake(
    "All devices warm up as long as the first one, and hold as much. It gets 2 shorter from device to device.",
    edit={WARM_UP: "warm_up = min(m * v, 2 * (p - 1) + (v - 1) * p)"},
)
mistake(
    "All micro-batches go through a chunk before the next chunk begins (breadth first). It takes no longer, but a device holds up to "
    "m · v activations. Take groups of p micro-batches through all chunks.",
    edit={TURNS: "turns = [(c, i) for c in range(v) for i in range(m)]", WARM_UP: "warm_up = m * v"},
)
mistake(
    "You run all forwards, then all backwards. It takes no longer, but a device holds m · v activations. Let backwards begin "
    "after the warm-up.",
    edit={WARM_UP: "warm_up = m * v"},
)
mistake(
    "Your backwards visit the chunks in the same order as the forwards. Gradients come from the loss: the last chunk goes first.",
    edit={BACKWARDS: 'backwards = [(c * p + r, "B", i) for c, i in turns]'},
)
mistake(
    "Each micro-batch goes through all chunks of a device before the next one (depth first), so the device waits for it to come round. "
    "Send p micro-batches through a chunk before the next chunk.",
    edit={TURNS: "turns = [(c, i) for i in range(m) for c in range(v)]"},
)
mistake(
    "In the steady phase you run the backward before the forward. The forward comes first: without it the next device waits.",
    edit={"ops += [forward, backwards[k]]": "ops += [backwards[k], forward]"},
)
mistake(
    "You ignore the chunks: your schedule has p stages. There are p · v.",
    edit={
        TURNS: "turns = [(c, group + i) for group in range(0, m, p) for c in range(1) for i in range(p)]",
        "min(m * v, 2": "min(m, 2",
        "backwards[m * v - warm_up :]": "backwards[m - warm_up :]",
        "((v - 1 - c) * p + r": "(c * p + r",
    },
)
mistake(
    "You leave out the backwards at the end. After the steady phase, the micro-batches of the warm-up still have to come back.",
    edit={"schedule.append(ops + backwards[m * v - warm_up :])": "schedule.append(ops)"},
)
mistake(
    "You accept any m. The groups have p micro-batches, so m has to be a multiple of p: raise ValueError.",
    edit={"    if m % p:\n": "    if m < 1:\n"},
)
mistake(
    "You only refuse fewer micro-batches than devices. m has to be a multiple of p.",
    edit={"    if m % p:\n": "    if m < p:\n"},
)
mistake(
    "Your bubble is that of plain 1F1B, (p - 1)/m. With v chunks it is a v-th of it.",
    edit={"return (p - 1) / (v * m)": "return (p - 1) / m"},
)
mistake(
    "You divide by v². Filling takes p - 1 steps of a v-th each: (p - 1)/(v · m).",
    edit={"return (p - 1) / (v * m)": "return (p - 1) / (v * v * m)"},
)
mistake(
    "Your peak is plain 1F1B's, p - r. A device holds v chunks, and more micro-batches in each.",
    edit={"[min(m * v, (v - 1) * p + 2 * (p - r) - 1) for r in range(p)]": "[min(m * v, p - r) for r in range(p)]"},
)
mistake(
    "Your peak is the warm-up. In the steady phase one more forward runs before the first backward.",
    edit={
        "[min(m * v, (v - 1) * p + 2 * (p - r) - 1) for r in range(p)]": "[min(m * v, (v - 1) * p + 2 * (p - 1 - r)) for r in range(p)]"
    },
)
mistake(
    "You forget that there are m · v activations in all: the peak is no more than that.",
    edit={
        "[min(m * v, (v - 1) * p + 2 * (p - r) - 1) for r in range(p)]": "[(v - 1) * p + 2 * (p - r) - 1 for r in range(p)]"
    },
)
mistake(
    "You count in micro-batches of a whole device. Asked are activations of one micro-batch in one chunk: v times as many.",
    edit={
        "[min(m * v, (v - 1) * p + 2 * (p - r) - 1) for r in range(p)]": "[min(m * v, (v - 1) * p + 2 * (p - r) - 1) // v for r in range(p)]"
    },
)
mistake(
    "You count the forward direction only. A gradient crosses every boundary as well.",
    edit={"return 2 * m * (p * v - 1) if p > 1 else 0": "return m * (p * v - 1) if p > 1 else 0"},
)
mistake(
    "You multiply plain 1F1B's transfers by v. There are p · v - 1 boundaries: between chunks, the last device sends to the first.",
    edit={"return 2 * m * (p * v - 1) if p > 1 else 0": "return 2 * m * (p - 1) * v"},
)
mistake(
    "With one device nothing is sent: its stages all lie on it.",
    edit={"return 2 * m * (p * v - 1) if p > 1 else 0": "return 2 * m * (p * v - 1)"},
)

PLACED = "return [[list(range((c * p + r) * size, (c * p + r + 1) * size)) for c in range(v)] for r in range(p)]"
PEAKS = "return [min(m * v, (v - 1) * p + 2 * (p - r) - 1) for r in range(p)]"
SENT = "return 2 * m * (p * v - 1) if p > 1 else 0"

mistake(
    "Your chunks are in the wrong order: chunk 0 of a device holds its first layers.",
    edit={PLACED: PLACED.replace("for c in range(v)]", "for c in reversed(range(v))]")},
)
mistake(
    "Every second chunk goes round the devices backwards, as in a V-shaped placement. Here chunk c of device r is stage c · p + r, whatever c is.",
    edit={
        PLACED: "turn = lambda c, r: c * p + (r if c % 2 == 0 else p - 1 - r)\n"
        "    return [[list(range(turn(c, r) * size, (turn(c, r) + 1) * size)) for c in range(v)] for r in range(p)]"
    },
)
mistake(
    "You raise AssertionError (`assert`) when m is not a multiple of p. Raise ValueError: Python leaves assertions out when it optimizes.",
    edit={"raise ValueError(f": "raise AssertionError(f"},
)
mistake(
    "You ask for an m that is a multiple of p · v. A group has p micro-batches, and goes through all v chunks: a multiple of p is enough.",
    edit={"    if m % p:\n": "    if m % (p * v):\n"},
    crashes=True,
)
mistake(
    "You raise ValueError whatever m is. A multiple of p is right.",
    edit={"    if m % p:\n": "    if True:\n"},
    crashes=True,
)
mistake(
    "You ask for more micro-batches than devices. As many are right, too: m = p is a multiple of p.",
    edit={"    if m % p:\n": "    if m % p or m == p > 1:\n"},
    crashes=True,
)
mistake(
    "Your warm-up is one forward longer than it has to be, and so is what each device holds: 2 · (p - 1 - r) + (v - 1) · p are enough.",
    edit={WARM_UP: "warm_up = min(m * v, 1 + 2 * (p - 1 - r) + (v - 1) * p)"},
)
mistake(
    "Your warm-up counts p - 1 micro-batches for each chunk but the last. A group has p of them: 2 · (p - 1 - r) + (v - 1) · p.",
    edit={WARM_UP: "warm_up = min(m * v, 2 * (p - 1 - r) + (v - 1) * (p - 1))"},
)
mistake(
    "The backwards at the end run micro-batch by micro-batch. They go on as before: p of them through a chunk, then the chunk before it.",
    edit={
        "schedule.append(ops + backwards[m * v - warm_up :])": "schedule.append(ops + sorted(backwards[m * v - warm_up :], key=lambda op: (op[2], -op[0])))"
    },
)
mistake(
    "You give every device the peak of the first one. Behind it each holds two fewer.",
    edit={PEAKS: "return [min(m * v, (v - 1) * p + 2 * p - 1)] * p"},
)
mistake(
    "Your list of peaks begins with the last device.",
    edit={PEAKS: PEAKS.replace("for r in range(p)]", "for r in reversed(range(p))]")},
)
mistake(
    "Your peaks shrink by 1 from device to device. In this schedule the warm-up shrinks by 2: (v - 1) · p + 2 · (p - r) - 1.",
    edit={PEAKS: "return [min(m * v, (v - 1) * p + p - r) for r in range(p)]"},
)
mistake(
    "You count p · v boundaries. Between p · v stages there are p · v - 1: nothing is sent behind the last one.",
    edit={SENT: "return 2 * m * p * v if p > 1 else 0"},
)
mistake(
    "From the last device back to the first one you count activations only. The gradients come back over that boundary as well.",
    edit={SENT: "return m * (2 * (p - 1) * v + v - 1) if p > 1 else 0"},
)
mistake(
    "You give what one device sends. Asked are the tensors of all devices together.",
    edit={SENT: "return 2 * m * (p * v - 1) // p if p > 1 else 0"},
)
mistake(
    "You keep the schedule of earlier calls (`functools.cache`) and hand out the same lists again. Who changes them, as an executor does with "
    "`pop`, changes your next answer: make new lists in each call.",
    edit={"def interleaved(": "import functools\n\n\n@functools.cache\ndef interleaved("},
)
mistake(
    "With one chunk you take any number of micro-batches, as plain 1F1B does. A number that is no multiple of p is refused here, whatever v is.",
    edit={"if m % p:": "if v > 1 and m % p:"},
)
mistake(
    "With as many micro-batches as devices you run all forwards first, as older versions of Megatron-LM do. Then the last devices hold more "
    "than they have to: warm up as with more micro-batches.",
    edit={WARM_UP: "warm_up = m * v if m == p else min(m * v, 2 * (p - 1 - r) + (v - 1) * p)"},
)
