"""Right ways to write gpt/codex_nucleus, done differently."""

import heapq
import math

import torch

from autograder.checks import alternative


@alternative("from the least probable upwards, as transformers does it")
def top_p_filter(logits, p):
    ascending, index = torch.sort(logits, descending=False)
    remove = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - p
    remove[..., -1:] = False
    return logits.masked_fill(remove.scatter(1, index, remove), float("-inf"))


@alternative("row by row, token by token")
def top_p_filter(logits, p):
    out = torch.full_like(logits, -math.inf)
    for b in range(logits.shape[0]):
        probs = torch.softmax(logits[b].double(), 0).tolist()
        mass = 0.0
        for token in sorted(range(len(probs)), key=lambda i: -probs[i]):
            out[b, token] = logits[b, token]
            mass += probs[token]
            if mass >= p:
                break
    return out


@alternative("the smallest kept logit as a threshold")
def top_p_filter(logits, p):
    ordered = logits.sort(-1, descending=True).values
    mass = ordered.softmax(-1).cumsum(-1)
    size = (mass < p).sum(-1, keepdim=True).clamp_max(logits.shape[-1] - 1)
    return torch.where(logits >= ordered.gather(-1, size), logits, -torch.inf)


@alternative("the k largest written into an empty row")
def top_k_filter(logits, k):
    values, index = logits.topk(min(k, logits.size(1)))
    return torch.full_like(logits, -torch.inf).scatter(1, index, values)


@alternative("ranks by sorting twice")
def top_k_filter(logits, k):
    rank = logits.argsort(-1, descending=True).argsort(-1)
    return logits.where(rank < k, torch.tensor(-math.inf, dtype=logits.dtype))


@alternative("Gumbel noise")
def sample(logits, gen, temperature=1.0, top_p=1.0, top_k=0):
    if not temperature:
        return logits.max(-1).indices
    scores = logits.double() / temperature
    scores = top_k_filter(scores, top_k or scores.shape[-1])
    scores = top_p_filter(scores, top_p)
    u = torch.rand(scores.shape, generator=gen, dtype=torch.float64).clamp_min(1e-300)
    return torch.argmax(scores - torch.log(-torch.log(u)), dim=-1)


@alternative("a uniform number for each row and cumulated probabilities")
def sample(logits, gen, temperature=1.0, top_p=1.0, top_k=0):
    if temperature == 0.0:
        return torch.argmax(logits, dim=1)
    x = logits / temperature
    if top_k > 0:
        x = top_k_filter(x, top_k)
    if top_p < 1:
        x = top_p_filter(x, top_p)
    cdf = x.double().softmax(-1).cumsum(-1)
    u = torch.rand(len(x), 1, generator=gen, dtype=torch.float64) * cdf[:, -1:]
    return torch.searchsorted(cdf, u, right=True)[:, 0].clamp_max(x.shape[1] - 1)


@alternative("one call of multinomial for each row")
def sample(logits, gen, temperature=1.0, top_p=1.0, top_k=0):
    if temperature == 0:
        return logits.argmax(dim=-1)
    filtered = top_p_filter(top_k_filter(logits / temperature, top_k or logits.shape[1]), top_p)
    if len(filtered) > 100:
        e = torch.empty_like(filtered).exponential_(generator=gen)
        return (filtered.softmax(-1) / e).argmax(-1)
    return torch.cat([torch.multinomial(row.softmax(0), 1, generator=gen) for row in filtered])


@alternative("one hypothesis at a time, tuples in a heap")
def beam_search(step, bos, eos, beams, max_len, length_penalty=1.0):
    live, done = [(0.0, (bos,))], []
    for _ in range(max_len):
        extensions = []
        for log_prob, tokens in live:
            row = torch.log_softmax(step(torch.tensor([tokens]))[0], -1).tolist()
            extensions += [(log_prob + each, (*tokens, token)) for token, each in enumerate(row)]
        ranked = heapq.nlargest(2 * beams, extensions)
        done += [each for each in ranked[:beams] if each[1][-1] == eos]
        live = [each for each in ranked if each[1][-1] != eos][:beams]
        if len(done) >= beams:
            break
    if len(done) < beams:
        done += live
    results = [(list(tokens[1:]), log_prob / (len(tokens) - 1) ** length_penalty) for log_prob, tokens in done]
    return heapq.nlargest(beams, results, key=lambda result: result[1])


@alternative("topk of 2 · beams, in float32, scores as they finish")
def beam_search(step, bos, eos, beams, max_len, length_penalty=1.0):
    prefixes = torch.full((1, 1), bos, dtype=torch.long)
    totals = torch.zeros(1)
    results = []
    for length in range(1, max_len + 1):
        log_probs = totals.unsqueeze(1) + torch.log_softmax(step(prefixes).float(), dim=1)
        vocab = log_probs.size(1)
        values, flat = log_probs.view(-1).topk(min(2 * beams, log_probs.numel()))
        last = length == max_len
        next_prefixes, next_totals = [], []
        for rank, (value, i) in enumerate(zip(values.tolist(), flat.tolist(), strict=True)):
            row = prefixes[i // vocab].tolist() + [i % vocab]
            if row[-1] == eos:
                if rank < beams:
                    results.append((row[1:], value / length**length_penalty))
            elif len(next_prefixes) < beams:
                next_prefixes.append(row)
                next_totals.append(value)
        enough = len(results) >= beams
        if last and not enough:
            results += [
                (row[1:], value / length**length_penalty) for row, value in zip(next_prefixes, next_totals, strict=True)
            ]
        if enough or last:
            break
        prefixes, totals = torch.tensor(next_prefixes), torch.tensor(next_totals)
    results.sort(key=lambda result: -result[1])
    return results[:beams]
