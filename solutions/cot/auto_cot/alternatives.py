"""Right ways to write cot/auto_cot, done differently."""

import math
import re

import numpy as np
import torch
from torch.nn import functional as F

from autograder.checks import alternative

DECOMPOSE = "Before this can be answered, which smaller questions must be answered? Write each of them on a line of its own."


@alternative("cdist to all that were chosen, in every round")
def initial_centers(x, k):
    if k < 1 or k > x.shape[0]:
        raise ValueError
    centers = x[:1].clone()
    for _ in range(k - 1):
        distances = torch.cdist(x, centers, compute_mode="donot_use_mm_for_euclid_dist").min(dim=1).values
        centers = torch.cat([centers, x[torch.argmax(distances)][None]])
    return centers


@alternative("lists and math.dist")
def initial_centers(x, k):
    rows = x.tolist()
    if k not in range(1, len(rows) + 1):
        raise ValueError
    chosen = [rows[0]]
    while len(chosen) < k:
        chosen.append(max(rows, key=lambda row: min(math.dist(row, each) for each in chosen)))
    return torch.tensor(chosen, dtype=x.dtype)


@alternative("one-hot labels, and a product of matrices for the sums")
def kmeans(x, centers, iters=100):
    labels = (x[:, None, :] - centers[None]).square().sum(2).argmin(1)
    for _ in range(iters):
        members = F.one_hot(labels, len(centers)).to(x.dtype)
        counts = members.sum(0)[:, None]
        centers = torch.where(counts > 0, members.T @ x / counts.clamp(min=1), centers)
        new = (x[:, None, :] - centers[None]).square().sum(2).argmin(1)
        if (new == labels).all():
            break
        labels = new
    return labels, centers + 0


@alternative("NumPy, add.at and bincount, and the expanded square")
def kmeans(x, centers, iters=100):
    points, where = x.double().numpy(), centers.double().numpy().copy()

    def nearest():
        return np.argmin((points**2).sum(1)[:, None] - 2 * points @ where.T + (where**2).sum(1), axis=1)

    labels, moved = nearest(), 0
    while moved < iters:
        sums = np.zeros_like(where)
        np.add.at(sums, labels, points)
        counts = np.bincount(labels, minlength=len(where))
        where[counts > 0] = sums[counts > 0] / counts[counts > 0, None]
        moved += 1
        new = nearest()
        if np.array_equal(new, labels):
            break
        labels = new
    return torch.from_numpy(labels), torch.from_numpy(where).to(x.dtype)


@alternative("index_add and cdist; stops when no center moves")
def kmeans(x, centers, iters=100):
    place = centers.clone()

    def assign():
        return torch.cdist(x, place, compute_mode="donot_use_mm_for_euclid_dist").argmin(-1)

    for _ in range(iters):
        labels = assign()
        counts = torch.bincount(labels, minlength=len(place)).to(x.dtype)
        sums = torch.zeros_like(place).index_add_(0, labels, x)
        old = place.clone()
        place[counts > 0] = (sums / counts.clamp(min=1)[:, None])[counts > 0]
        if place.equal(old):
            break
    return assign(), place


@alternative("one condition after the other")
def usable(item, max_words=60, max_steps=5):
    question, rationale, answer = item
    if len(re.findall(r"\S+", question)) > max_words:
        return False
    steps = 0
    for line in rationale.split("\n"):
        if not line.isspace() and line:
            steps += 1
    if steps > max_steps:
        return False
    if not rationale.strip() or rationale.strip()[-1] != ".":
        return False
    return bool(answer.strip()) and rationale.find(answer.strip()) >= 0


@alternative("a regular expression for the end, and repeated line breaks")
def usable(item, max_words=60, max_steps=5):
    rationale = re.sub(r"\n\s*\n", "\n", item[1].strip())
    short = len(item[0].split()) <= max_words and rationale.count("\n") + 1 <= max_steps + (not rationale)
    return short and re.search(r"\.\s*\Z", item[1]) is not None and item[2].strip() != "" and item[2].strip() in item[1].strip()


@alternative("sorted by distance, then the first usable one, cluster by cluster")
def pick_demos(x, labels, centers, items, max_words=60, max_steps=5):
    if len(items) != x.shape[0]:
        raise ValueError("items")
    found = []
    for number, center in enumerate(centers):
        members = (labels == number).nonzero()[:, 0]
        order = torch.linalg.vector_norm(x[members] - center, dim=1).sort(stable=True).indices
        for i in members[order].tolist():
            if usable_here(items[i], max_words, max_steps):
                found.append(i)
                break
    return found


def usable_here(item, max_words, max_steps):
    question, rationale, answer = item
    lines = [line for line in rationale.splitlines() if line.strip()]
    fits = len(question.split()) <= max_words and len(lines) <= max_steps
    return fits and rationale.rstrip().endswith(".") and len(answer.strip()) > 0 and answer.strip() in rationale.rstrip()


@alternative("one walk over all points with the best of each cluster so far")
def pick_demos(x, labels, centers, items, max_words=60, max_steps=5):
    if len(x) != len(items):
        raise ValueError
    best = {}
    for i, (row, label) in enumerate(zip(x, labels.tolist(), strict=True)):
        distance = float((row - centers[label]).norm())
        if usable_here(items[i], max_words, max_steps) and (label not in best or distance < best[label][0]):
            best[label] = (distance, i)
    return [best[label][1] for label in sorted(best)]


@alternative("joined blocks")
def build_auto_cot(items, question):
    begin = "Let's think step by step."
    blocks = []
    for q, r, a in items:
        blocks.append("Q: " + q.strip() + "\nA: " + begin + " " + re.sub(r"\s+", " ", r).strip() + " The answer is " + a.strip() + ".")
    blocks.append("Q: " + question.strip() + "\nA: " + begin)
    return "\n\n".join(blocks)


@alternative("a list of turns, from which each prompt is put together anew")
def least_to_most(llm, problem, question, limit=8):
    text = llm(problem + " " + question + "\n" + DECOMPOSE)
    smaller = []
    for line in text.split("\n"):
        line = line.strip()
        found = re.match(r"([0-9]+[.)]|-|\*)\s+(.*)", line)
        line = found[2] if found else line
        if line and line != question and len(smaller) < limit:
            smaller.append(line)
    turns = []
    for each in smaller + [question]:
        prompt = "\n\n".join([problem, *(f"Q: {q}\nA: {a}" for q, a in turns), f"Q: {each}\nA:"])
        turns.append((each, llm(prompt).strip().partition("\n")[0].strip()))
    return turns[-1][1], [a for _, a in turns[:-1]]
