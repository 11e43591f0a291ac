"""Interleaved 1F1B: each device holds several chunks of layers, and the bubble shrinks with their number.

A model is cut into p · v stages, numbered from 0 in the order in which data pass through them. There are p devices (ranks), and
device r holds v stages, its *chunks* 0 … v - 1: chunk c of device r is stage c · p + r. So stage s lives on device s % p, and a
micro-batch goes round all devices v times on its way forward, and v times on its way back.

An operation of a schedule is (stage, "F" or "B", micro-batch), all numbered from 0. F of stage s needs F of stage s - 1, if s > 0; B
needs its own F and, unless s is the last stage p · v - 1, B of stage s + 1. A stage is a v-th of a device's layers: its forward takes
tf / v and its backward tb / v.
"""

Op = tuple[int, str, int]
Schedule = list[list[Op]]


def place_layers(n_layers: int, p: int, v: int) -> list[list[list[int]]]:
    """Which layers each chunk of each device holds.

    n_layers: number of layers of the model, a multiple of p · v. All stages have the same number of layers, and each stage's are
        next to each other.

    Returns a list for each device, in it a list for each of its chunks, in it the layers, ascending.

    >>> place_layers(8, 2, 2)
    [[[0, 1], [4, 5]], [[2, 3], [6, 7]]]
    """
    # YOUR CODE HERE
    raise NotImplementedError("place_layers is not written yet")


def interleaved(p: int, m: int, v: int) -> Schedule:
    """The interleaved 1F1B schedule, as Megatron-LM runs it.

    p: number of devices, >= 1.
    m: number of micro-batches, >= 1. Raises ValueError if it is not a multiple of p.
    v: number of chunks on each device, >= 1.

    Returns p lists: entry r is what device r runs, one after the other, in this order. Any schedule is right that

    - has F and B of each of its stages for each micro-batch, once, on the stage's device, and never comes to a deadlock;
    - takes no longer than m · (tf + tb) + (p - 1) · (tf + tb) / v, with tb = 2 tf and with tb = tf;
    - and holds at most min(m · v, (v - 1) · p + 2 · (p - r) - 1) activations on device r at any time. An activation is that of one
      micro-batch in one *stage*; it is held from F to B.

    The recipe: micro-batches go in groups of p. Forwards of a device are, group after group, p micro-batches through its chunk 0, the
    same p through chunk 1, and so on; backwards are the same with the chunks in reverse. Device r warms up with
    min(m · v, 2 · (p - 1 - r) + (v - 1) · p) forwards, then runs a forward and a backward in turn, then the backwards that are left.

    >>> interleaved(1, 1, 2)
    [[(0, 'F', 0), (1, 'F', 0), (1, 'B', 0), (0, 'B', 0)]]
    >>> interleaved(2, 3, 2)
    Traceback (most recent call last):
    ValueError: 3 micro-batches are no multiple of 2 devices

    What the recipe gives for p = m = v = 2 on device 1:

        [(1, "F", 0), (1, "F", 1), (3, "F", 0), (3, "B", 0), (3, "F", 1), (3, "B", 1), (1, "B", 0), (1, "B", 1)]
    """
    # YOUR CODE HERE
    raise NotImplementedError("interleaved is not written yet")


def bubble_over_ideal(p: int, m: int, v: int) -> float:
    """The idle time of a device over its busy time (over the ideal, not over the total), in this schedule.

    >>> bubble_over_ideal(4, 8, 2)  # 3 / 16: 4.5 units of time are idle beside 24
    0.1875
    """
    # YOUR CODE HERE
    raise NotImplementedError("bubble_over_ideal is not written yet")


def peak_chunks(p: int, m: int, v: int) -> list[int]:
    """For each device, the most activations (of one micro-batch in one chunk) that it holds at once in this schedule.

    >>> peak_chunks(4, 8, 2)
    [11, 9, 7, 5]
    """
    # YOUR CODE HERE
    raise NotImplementedError("peak_chunks is not written yet")


def transfers(p: int, m: int, v: int) -> int:
    """How many tensors are sent from one device to another in a whole step: activations forwards and gradients backwards.

    Each of the p · v - 1 boundaries between neighbouring stages is crossed once in either direction by each micro-batch. Between
    stages on the same device (p = 1) nothing is sent.

    >>> transfers(4, 8, 2)
    112
    """
    # YOUR CODE HERE
    raise NotImplementedError("transfers is not written yet")
