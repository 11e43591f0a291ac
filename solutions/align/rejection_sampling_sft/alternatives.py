"""Right ways to write align/rejection_sampling_sft, done differently."""

import math
import re

import torch

from autograder.checks import alternative


@alternative("a loop that remembers the best so far")
def best_of_n(prompts, sample, rm, n):
    if not n >= 1:
        raise ValueError(n)
    found = []
    for prompt in prompts:
        best = None
        for answer in sample(prompt, n):
            reward = rm(prompt, answer)
            if best is None or reward > best[2]:
                best = (prompt, answer, reward)
        found.append(best)
    return found


@alternative("argmax over a list of rewards")
def best_of_n(prompts, sample, rm, n):
    if n <= 0:
        raise ValueError(n)
    found = []
    for prompt in prompts:
        answers = sample(prompt, n)
        rewards = [rm(prompt, answer) for answer in answers]
        i = rewards.index(max(rewards))
        found.append((prompt, answers[i], rewards[i]))
    return found


@alternative("answer by answer, in loops")
def best_of_n_policy(probs, rewards, n):
    p, r = probs.double().reshape(-1, probs.shape[-1]), rewards.reshape(-1, probs.shape[-1])
    found = torch.zeros_like(p)
    for row in range(len(p)):
        for i in range(p.shape[1]):
            at_most, below = p[row][r[row] <= r[row, i]].sum(), p[row][r[row] < r[row, i]].sum()
            if p[row, i] > 0:
                found[row, i] = p[row, i] / (at_most - below) * (at_most**n - below**n)
    return found.view(probs.shape).to(probs.dtype)


@alternative("sum over which of the n draws is the first best one")
def best_of_n_policy(probs, rewards, n):
    smaller = (rewards.unsqueeze(-2) < rewards.unsqueeze(-1)).to(probs.dtype)
    not_larger = (rewards.unsqueeze(-2) <= rewards.unsqueeze(-1)).to(probs.dtype)
    below = torch.einsum("...ij,...j->...i", smaller, probs)
    at_most = torch.einsum("...ij,...j->...i", not_larger, probs)
    # draw j is this answer, all before it are worse, none behind it is better
    return probs * sum(below**j * at_most ** (n - 1 - j) for j in range(n))


@alternative("the binomials themselves, as whole numbers")
def bon_expected_max(scores, k):
    n = scores.numel()
    if k < 1 or k > n:
        raise ValueError(k)
    ordered, total = scores.double().sort().values.tolist(), math.comb(n, k)
    ways, found = 1, []
    for i in range(k, n + 1):  # C(i - 1, k - 1)
        found.append(ways / total * ordered[i - 1])
        ways = ways * i // (i - k + 1)
    return math.fsum(found)


@alternative("logarithms of binomials")
def bon_expected_max(scores, k):
    n = len(scores)
    if k not in range(1, n + 1):
        raise ValueError(k)
    ordered = sorted(scores.tolist())

    def log_comb(a, b):
        return math.lgamma(a + 1) - math.lgamma(b + 1) - math.lgamma(a - b + 1)

    weights = [math.exp(log_comb(i - 1, k - 1) - log_comb(n, k)) for i in range(k, n + 1)]
    base = ordered[-1]
    return base + math.fsum(w * (s - base) for w, s in zip(weights, ordered[k - 1 :], strict=True))


@alternative("the harmonic way: 1/n instead of (n - 1)/n")
def bon_kl_bound(n):
    if n <= 0:
        raise ValueError(n)
    return math.log(n) + 1 / n - 1


@alternative("a regular expression and a set")
def distinct_paths(paths):
    seen, kept = set(), []
    for path in paths:
        key = "|".join("[" + re.sub(" ", "", each) + "]" for each in re.findall(r"<<(.*?)>>", path, flags=re.DOTALL))
        if key not in seen:
            seen.add(key)
            kept.append(path)
    return kept


@alternative("max over the rounds of each prompt")
def training_set(rounds, keep="all"):
    if keep == "last":
        return [*rounds[-1]] if len(rounds) else []
    if keep != "all":
        raise ValueError(keep)
    every = [example for found in rounds for example in found]
    prompts = dict.fromkeys(prompt for prompt, _, _ in every)
    return [max((e for e in every if e[0] == prompt), key=lambda e: e[2]) for prompt in prompts]


@alternative("one dictionary for both kinds")
def training_set(rounds, keep="all"):
    if keep not in {"all", "last"}:
        raise ValueError(keep)
    best = {}
    for found in rounds if keep == "all" else rounds[-1:]:
        for prompt, answer, reward in found:
            old = best.get(prompt)
            best[prompt] = (prompt, answer, reward) if old is None or old[2] < reward else old
    return [*best.values()]
