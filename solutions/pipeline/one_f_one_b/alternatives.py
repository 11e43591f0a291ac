"""Right implementations of pipeline/one_f_one_b, done differently."""

import torch

from autograder.checks import alternative


@alternative("p - s forwards, then one backward and one forward in turn")
def one_f_one_b(p, m):
    schedule = []
    for s in range(p):
        ahead = min(p - s, m)
        ops = [(s, "F", i) for i in range(ahead)]
        for i in range(m):
            ops.append((s, "B", i))
            if ahead + i < m:
                ops.append((s, "F", ahead + i))
        schedule.append(ops)
    return schedule


@alternative("driven by events: a backward when one can run, else a forward while there is room")
def one_f_one_b(p, m):
    schedule = [[] for _ in range(p)]
    end, clock = {}, [0.0] * p
    while len(end) < 2 * p * m:
        best = None
        for s in range(p):
            f = sum(op[1] == "F" for op in schedule[s])
            b = len(schedule[s]) - f
            options = []
            if b < f and (s == p - 1 or (s + 1, "B", b) in end):
                ready = max(end[s, "F", b], end.get((s + 1, "B", b), 0.0))
                options.append((max(clock[s], ready), 0, s, "B", b))
            if f < m and f - b < p - s and (s == 0 or (s - 1, "F", f) in end):
                options.append((max(clock[s], end.get((s - 1, "F", f), 0.0)), 1, s, "F", f))
            best = min([*options, *([best] if best else [])], default=None)
        start, _, s, kind, i = best
        end[s, kind, i] = clock[s] = start + (1.0 if kind == "F" else 2.0)
        schedule[s].append((s, kind, i))
    return schedule


@alternative("by depth: recursion over stages, the executor a loop over the next device that can go on")
def peak_activations(p, m):
    return [min(p, m)] + peak_activations(p - 1, m) if p else []


@alternative("by depth: recursion over stages, the executor a loop over the next device that can go on")
def memory_vs_gpipe(p, m):
    return [min(1.0, (p - s) / m) for s in range(p)]


@alternative("by depth: recursion over stages, the executor a loop over the next device that can go on")
def run_schedule(schedule, stages, x, y, loss_fn):
    m = len(schedule[0]) // 2
    last = len(stages) - 1
    position, done = [0] * len(stages), set()
    x_parts, y_parts = torch.tensor_split(x, m), torch.tensor_split(y, m)
    ins, outs, losses = {}, {}, []

    def able(s):
        if position[s] == 2 * m:
            return False
        _, kind, i = schedule[s][position[s]]
        if kind == "F":
            return s == 0 or (s - 1, "F", i) in done
        return s == last or (s + 1, "B", i) in done

    while len(done) < 2 * m * len(stages):
        s = max(s for s in range(len(stages)) if able(s))
        _, kind, i = schedule[s][position[s]]
        if kind == "F":
            ins[s, i] = x_parts[i] if s == 0 else outs[s - 1, i].detach().requires_grad_(True)
            outs[s, i] = stages[s](ins[s, i])
        elif s == last:
            loss = loss_fn(outs.pop((s, i)), y_parts[i])
            losses.append(loss.detach() * y_parts[i].shape[0])
            (loss * y_parts[i].shape[0] / y.shape[0]).backward()
            del loss
        else:
            torch.autograd.backward([outs.pop((s, i))], [ins.pop((s + 1, i)).grad])
        position[s] += 1
        done.add((s, kind, i))
    return sum(losses) / y.shape[0]


@alternative("gradients by autograd.grad, micro-batches by slices")
def run_schedule(schedule, stages, x, y, loss_fn):
    p, m, rows = len(stages), len(schedule[0]) // 2, len(x)
    edges = [0]
    for i in range(m):
        edges.append(edges[-1] + rows // m + (1 if i < rows % m else 0))
    stash, sent, back, mean = {}, {}, {}, None
    queue = [list(reversed(ops)) for ops in schedule]
    while any(queue):
        for s in range(p):
            if not queue[s]:
                continue
            _, kind, i = queue[s][-1]
            if (kind == "F" and s and (s - 1, i) not in sent) or (kind == "B" and s < p - 1 and (s + 1, i) not in back):
                continue
            queue[s].pop()
            part = slice(edges[i], edges[i + 1])
            if kind == "F":
                h = sent.pop((s - 1, i)).requires_grad_() if s else x[part]
                out = stages[s](h)
                stash[s, i] = (h, out)
                if s < p - 1:
                    sent[s, i] = out.detach()
                continue
            h, out = stash.pop((s, i))
            if s == p - 1:
                out = loss_fn(out, y[part]) * (edges[i + 1] - edges[i]) / rows
                mean = out.detach() if mean is None else mean + out.detach()
            own = [w for w in stages[s].parameters() if w.requires_grad]
            grads = torch.autograd.grad(out, own + ([h] if s else []), back.pop((s + 1, i), None))
            for w, g in zip(own, grads, strict=False):
                w.grad = g if w.grad is None else w.grad + g
            back[s, i] = grads[-1]
            del h, out
    return mean


@alternative(
    "each list sorted: the backward of i stands behind the forward of i + warm-up; the executor goes in rounds of one operation"
)
def one_f_one_b(p, m):
    schedule = []
    for s in range(p):
        place = {(s, "F", i): i for i in range(m)} | {(s, "B", i): min(i + p - 1 - s, m - 1) + 0.5 for i in range(m)}
        schedule.append(sorted(place, key=lambda op: (place[op], op[2])))
    return schedule


@alternative(
    "each list sorted: the backward of i stands behind the forward of i + warm-up; the executor goes in rounds of one operation"
)
def run_schedule(schedule, stages, x, y, loss_fn):
    last, m = len(stages) - 1, len(schedule[0]) // 2
    mail = {(0, "F", i): rows for i, rows in enumerate(x.tensor_split(m))}  # what each operation waits for
    mail |= {(last, "B", i): None for i in range(m)}
    lists, kept, losses = [iter(ops) for ops in schedule], {}, []
    waiting = [next(ops, None) for ops in lists]
    while any(waiting):
        sent = {}
        for s in [s for s, op in enumerate(waiting) if op in mail]:
            op = waiting[s]
            _, kind, i = op
            if kind == "F":
                entered = mail.pop(op)
                left = stages[s](entered)
                if s == last:
                    target = y.tensor_split(m)[i]
                    left = loss_fn(left, target) * target.shape[0] / y.shape[0]
                    losses.append(left.detach())
                else:
                    sent[s + 1, "F", i] = left.detach().requires_grad_()
                kept[s, i] = entered, left
            else:
                entered, left = kept.pop((s, i))
                torch.autograd.backward(left, mail.pop(op))
                if s:
                    sent[s - 1, "B", i] = entered.grad
            entered = left = None
            waiting[s] = next(lists[s], None)
        mail |= sent
    return torch.stack(losses).sum()


@alternative("Megatron's loops: forwards that remain, and a flag for the last of them")
def one_f_one_b(p, m):
    lists = []
    for rank in range(p):
        warm_up = min(p - rank - 1, m)
        remaining = m - warm_up
        ops, forward, backward = [], 0, 0
        for _ in range(warm_up):
            ops.append((rank, "F", forward))
            forward += 1
        for _ in range(remaining):
            ops += [(rank, "F", forward), (rank, "B", backward)]
            forward, backward = forward + 1, backward + 1
        for _ in range(warm_up):
            ops.append((rank, "B", backward))
            backward += 1
        lists.append(ops)
    return lists
