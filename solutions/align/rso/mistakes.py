"""Wrong ways to write align/rso, each with the sentence that a student should read."""

import random

from autograder.checks import mistake

CHANCE = "math.exp((values[place] - largest) / beta)"
LARGEST = "largest = max(values[place] for place in waiting)"
LOOKED = "for place in list(waiting):"
ACCEPT = """                accepted.append(place)
                waiting.remove(place)
                if len(accepted) == n:
                    break
"""
NEXT = "u = next(numbers, None)"
GAMES = "[(a, b) if rm(a, b) >= 0.5 else (b, a) for a, b in zip(players[::2], players[1::2], strict=False)]"
FURTHER = "[winner for winner, _ in games] + players[len(games) * 2 :]"
H = "pc - pr if kind == \"hinge\" else (pc - rc.detach()) - (pr - rr.detach())"
LOSS = "-F.logsigmoid(gamma * h) if kind == \"sigmoid-norm\" else (1 - gamma * h).relu()"
LOGIT = "torch.log(wins) - torch.log1p(-wins)"
RATE = "sum(math.exp((r - max(values)) / beta) for r in values) / len(values)"

# --- rewards, and how many are accepted ------------------------------------------------------------------------------------

mistake("The reward is the probability itself. It is its logit, log(p / (1 - p)).", edit={LOGIT: "wins.clone()"})
mistake("The reward is the logarithm of the probability. The logarithm of 1 - p is missing.", edit={LOGIT: "wins.log()"})
mistake("The sign of the reward is wrong: who wins more often has the larger one.", edit={LOGIT: "(-wins).log1p() - wins.log()"})
mistake(
    "You keep the probabilities away from 0 and 1. A probability of 0 gives -inf, and 1e-12 its own reward.",
    edit={LOGIT: "torch.logit(wins, eps=1e-6)"},
)
mistake("The acceptance rate does not take the largest reward off, and overflows.", edit={RATE: "(rewards.double() / beta).exp().mean().item()"})
mistake("β multiplies in the acceptance rate. It divides.", edit={RATE: "((rewards.double() - rewards.max()) * beta).exp().mean().item()"})
mistake("You return how many are accepted, not the share.", edit={RATE: "((rewards.double() - rewards.max()) / beta).exp().sum().item()"})
mistake("You return the rate of the mean reward. The mean is over the chances.", edit={RATE: "((rewards.mean() - rewards.max()) / beta).exp().item()"})
mistake(
    "You return the mean over the chances of a softmax, which is always 1 / N. The largest chance is 1.",
    edit={RATE: "(rewards / beta).softmax(0).mean().item()"},
)

# --- rejection sampling ------------------------------------------------------------------------------------------------------

mistake("β multiplies the distance from the best one. It divides: a small β is strict.", edit={CHANCE: CHANCE.replace("/ beta", "* beta")})
mistake("β is missing in the chances.", edit={CHANCE: "math.exp(values[place] - largest)"})
mistake("The chances are sigmoids of the rewards. The best candidate must have the chance 1.", edit={CHANCE: "1 / (1 + math.exp(min(-values[place] / beta, 700)))"})
mistake(
    "The largest reward is that of all candidates, also of accepted ones. Take the largest one that is left in each sweep.",
    edit={LARGEST: "largest = max(values)"},
)
mistake("The accepted are the rejected: accept where the number is smaller than the chance.", edit={"if u < " + CHANCE: "chance = " + CHANCE + "\n            if u >= chance or chance == 1"})
mistake("An accepted candidate stays among the others, and is accepted again. Take it out.", edit={"                waiting.remove(place)\n": ""})
mistake("A sweep goes on after n are accepted, so that too many are. Stop at once.", edit={"                if len(accepted) == n:\n                    break\n": ""})
mistake(
    "A sweep is finished before the n first ones are cut out, and takes random numbers that are not used. Stop at once.",
    edit={"                if len(accepted) == n:\n                    break\n": "", "    return accepted\n    # END SOLUTION\n\n\ndef rso_pairs": "    return accepted[:n]\n    # END SOLUTION\n\n\ndef rso_pairs"},
)
mistake("A new sweep begins after each acceptance. The sweep goes on to the next candidate.", edit={"                if len(accepted) == n:\n                    break\n": "                break\n"})
mistake("The candidates are sorted by their reward first. They are looked at by growing place.", edit={LOOKED: "for place in sorted(waiting, key=lambda place: -values[place]):"})
mistake("The accepted places are returned sorted. They are returned in the order of acceptance.", edit={"    return accepted\n    # END SOLUTION\n\n\ndef rso_pairs": "    return sorted(accepted)\n    # END SOLUTION\n\n\ndef rso_pairs"})


@mistake("You take the n best. They do not follow the best policy: use the random numbers, and accept with the chance exp((r - m) / β).")
def rejection_sample(rewards, n, beta, uniforms):
    if not 0 <= n <= len(rewards) or not beta > 0:
        raise ValueError("n or beta")
    for _, u in zip(range(n), uniforms, strict=False):
        assert u < 1
    return rewards.argsort(descending=True, stable=True)[:n].tolist()


@mistake("You draw the random numbers yourself. Take them from `uniforms`, one for each look at a candidate.")
def rejection_sample(rewards, n, beta, uniforms):
    if not 0 <= n <= len(rewards) or not beta > 0:
        raise ValueError("n or beta")
    own, accepted, waiting = random.Random(7), [], list(range(len(rewards)))
    while len(accepted) < n:
        top = rewards[waiting].max()
        for place in list(waiting):
            if own.random() < ((rewards[place] - top) / beta).exp() and len(accepted) < n:
                accepted.append(place)
                waiting.remove(place)
    return accepted


@mistake("All places have their own number, and keep it in each sweep. Each look at a candidate takes the next number.")
def rejection_sample(rewards, n, beta, uniforms):
    if not 0 <= n <= len(rewards) or not beta > 0:
        raise ValueError("n or beta")
    source = iter(uniforms)
    numbers = [next(source, 0.0) for _ in rewards]
    accepted, waiting = [], list(range(len(rewards)))
    while len(accepted) < n:
        top = rewards[waiting].max()
        for place in list(waiting):
            if numbers[place] < ((rewards[place] - top) / beta).exp() and len(accepted) < n:
                accepted.append(place)
                waiting.remove(place)
    return accepted


@mistake("Candidates with equal rewards are one to you. Each place is a candidate of its own: keep places, not rewards.")
def rejection_sample(rewards, n, beta, uniforms):
    if not 0 <= n <= len(rewards) or not beta > 0:
        raise ValueError("n or beta")
    each = rewards.double().tolist()
    source, accepted, left = iter(uniforms), [], {r: place for place, r in enumerate(each)}
    while len(accepted) < n:
        if not left:
            done = set(accepted)
            left = {r: place for place, r in enumerate(each) if place not in done}
        top = max(left)
        for r in list(left):
            u = next(source, None)
            if u is None:
                raise ValueError("numbers")
            if u < 2.718281828459045 ** ((r - top) / beta):
                accepted.append(left.pop(r))
                if len(accepted) == n:
                    break
    return accepted


@mistake("The largest reward is looked up anew after each acceptance. It stays the same until the sweep ends.")
def rejection_sample(rewards, n, beta, uniforms):
    if not 0 <= n <= len(rewards) or not beta > 0:
        raise ValueError("n or beta")
    source, accepted, waiting = iter(uniforms), [], list(range(len(rewards)))
    while len(accepted) < n:
        top = rewards[waiting].max()
        for place in list(waiting):
            u = next(source, None)
            if u is None:
                raise ValueError("numbers")
            if u < ((rewards[place] - top) / beta).exp():
                accepted.append(place)
                waiting.remove(place)
                if len(accepted) == n:
                    break
                top = rewards[waiting].max()
    return accepted


mistake("A number is taken for accepted candidates, too. Only a look at a candidate that is left takes one.", edit={NEXT: "u = next(numbers, None) if place == waiting[0] or not accepted else (next(numbers, None), next(numbers, None))[1]"})
mistake("More candidates than there are pass. n > N raises ValueError.", edit={"if not 0 <= n <= len(rewards):": "n = min(n, len(rewards))\n    if n < 0:"})
mistake("A negative n gives an empty list. It raises ValueError.", edit={"if not 0 <= n <= len(rewards):": "if n > len(rewards):"})
mistake("beta = 0 passes. It raises ValueError.", edit={"if not beta > 0:": "if beta < 0:"}, crashes=True)
mistake("When the random numbers end, you return what is accepted so far. Raise ValueError.", edit={'raise ValueError(f"the random numbers end after {len(accepted)} of {n} candidates are accepted")': "return accepted"})
mistake("When the random numbers end, you begin with them again. Raise ValueError.", edit={"iter(uniforms)": "__import__(\"itertools\").cycle(uniforms)"})
mistake("Without candidates to accept a random number is taken already. n = 0 takes none.", edit={"while len(accepted) < n:": "next(numbers, None) if n == 0 else None\n    while len(accepted) < n:"})

mistake("A candidate is accepted with the chance 1 - exp((r - m) / β). Accept where the number is smaller than exp((r - m) / β).", edit={"if u < " + CHANCE: "if u > 1 - " + CHANCE})
mistake("The least reward is taken off. It is the largest one that makes the best candidate's chance 1.", edit={LARGEST: LARGEST.replace("max(", "min("), CHANCE: "math.exp(min((values[place] - largest) / beta, 700))"})
mistake("You return the places among those that were left, not among all candidates.", edit={"                accepted.append(place)\n": "                accepted.append(waiting.index(place))\n"})

# --- pairs ---------------------------------------------------------------------------------------------------------------------

mistake("The worse answer stands first. A pair is (better, worse).", edit={GAMES: GAMES.replace("(a, b) if", "(b, a) if").replace("else (b, a)", "else (a, b)")})
mistake("With 1/2 the second answer wins. The first one does.", edit={"rm(a, b) >= 0.5": "rm(a, b) > 0.5"})
mistake("The reward model is ignored: who stands first wins.", edit={GAMES: "[(a, b) for a, b in zip(players[::2], players[1::2], strict=False)]"})
mistake("The better answer is the one with the larger number. Ask the reward model.", edit={GAMES: "[(max(a, b), min(a, b)) for a, b in zip(players[::2], players[1::2], strict=False)]"})
mistake("The reward model is asked twice for each pair. Ask it once.", edit={"if rm(a, b) >= 0.5": "if rm(a, b) >= 0.5 or rm(b, a) < -1"})
mistake("Neighbours overlap: an answer plays twice in one round.", edit={GAMES: GAMES.replace("players[::2], players[1::2]", "players, players[1:]")})
mistake("The first half plays against the second half. Neighbours play: the first against the second.", edit={GAMES: GAMES.replace("players[::2], players[1::2]", "players[: len(players) // 2], players[len(players) // 2 :]")})
mistake("The last one of an odd number is lost in a tournament. It goes into the next round.", edit={FURTHER: "[winner for winner, _ in games]"})
mistake("The one without a game stands before the winners in the next round. It stands behind them.", edit={FURTHER: "players[len(games) * 2 :] + [winner for winner, _ in games]"})
mistake("The losers go on. The winners play the next round.", edit={FURTHER: "[loser for _, loser in games] + players[len(games) * 2 :]"})
mistake("Each answer plays against each other one. A round has n // 2 games.", edit={GAMES: "[(a, b) if rm(a, b) >= 0.5 else (b, a) for i, a in enumerate(players) for b in players[i + 1 :]]", "        players = [winner": "        return pairs\n        players = [winner"})
mistake("Another kind is taken for a tournament. It raises ValueError.", edit={'if kind not in ("first-round", "tournament"):': "if False:"})
mistake("The default is a tournament. It is the first round.", edit={'kind: str = "first-round"': 'kind: str = "tournament"'})
mistake("The pairs are lists. They are tuples.", edit={GAMES: "[[a, b] if rm(a, b) >= 0.5 else [b, a] for a, b in zip(players[::2], players[1::2], strict=False)]"})
mistake("The list that was given is taken apart. Work on a copy.", edit={"        players = [winner": "        players[:] = [winner"})

# --- losses --------------------------------------------------------------------------------------------------------------------

mistake("The supervised model is left out of the normalised losses.", edit={H: "pc - pr"})
mistake("The hinge of SLiC does not know the supervised model: it is on pc - pr.", edit={H: "(pc - rc.detach()) - (pr - rr.detach())"})
mistake("The supervised model's margin is added. It is taken off.", edit={H: "pc - pr if kind == \"hinge\" else (pc + rc.detach()) - (pr + rr.detach())"})
mistake("A gradient reaches the supervised model. Detach rc and rr.", edit={"rc.detach()": "rc", "rr.detach()": "rr"})
mistake("γ stands outside of the loss. It multiplies the margin.", edit={LOSS: "-F.logsigmoid(h) * gamma if kind == \"sigmoid-norm\" else (1 - h).relu() * gamma"})
mistake("The hinge wants a margin of γ. It wants γ times the margin to be 1.", edit={LOSS: "-F.logsigmoid(gamma * h) if kind == \"sigmoid-norm\" else (gamma - h).relu()"})
mistake("Better and worse are exchanged.", edit={LOSS: "-F.logsigmoid(-gamma * h) if kind == \"sigmoid-norm\" else (1 + gamma * h).relu()"})
mistake("log and sigmoid are taken in two steps. Far from 0 that is -inf: use logsigmoid.", edit={"-F.logsigmoid(gamma * h)": "-(gamma * h).sigmoid().log()"})
mistake("You return the mean over the pairs. There is one loss for each pair.", edit={"return " + LOSS: "return (" + LOSS + ").mean()"})
mistake("The default of γ is not 0.05.", edit={"gamma: float = 0.05": "gamma: float = 0.1"})
mistake("Another kind is taken for a hinge. It raises ValueError.", edit={'if kind not in ("sigmoid-norm", "hinge-norm", "hinge"):': "if False:"})
mistake("The hinge is squared. It is max(0, 1 - γ h).", edit={"(1 - gamma * h).relu()": "(1 - gamma * h).relu() ** 2"})

# --- half-done ideas ----------------------------------------------------------------------------------------------------------

mistake("Any kind that begins with \"hinge\" is accepted. Only the three kinds are.", edit={"if kind not in (\"sigmoid-norm\", \"hinge-norm\", \"hinge\"):": "if kind != \"sigmoid-norm\" and not kind.startswith(\"hinge\"):"})
mistake("Other spellings of a kind are accepted. They raise ValueError.", edit={"if kind not in (\"first-round\", \"tournament\"):": "kind = kind.replace(\"_\", \"-\").lower()\n    if kind not in (\"first-round\", \"tournament\"):"})
mistake("The chance of a candidate has a floor. However small it is, it is used as it is.", edit={CHANCE: "math.exp(max((values[place] - largest) / beta, -30))"})
mistake("Rewards go through float32, which cannot tell large rewards apart.", edit={"values, numbers = rewards.tolist()": "values, numbers = rewards.float().tolist()"})
mistake("Probabilities are kept 1e-15 away from 0. The logit of 1e-20 is a number like others.", edit={LOGIT: "torch.logit(wins, eps=1e-15).masked_fill(wins == 0, -math.inf).masked_fill(wins == 1, math.inf)"})
mistake("A reward without a dimension gets one. The shape is that of `wins`.", edit={LOGIT: "torch.atleast_1d(torch.log(wins) - torch.log1p(-wins))"})
mistake("A β below 1e-3 is taken as 1e-3. Any positive β is right.", edit={CHANCE: "math.exp((values[place] - largest) / max(beta, 1e-3))"})
mistake("A β below 1e-3 is taken as 1e-3 in the acceptance rate. Any positive β is right.", edit={RATE: "sum(math.exp((r - max(values)) / max(beta, 1e-3)) for r in values) / len(values)"})
mistake("β = nan is accepted. It is not positive: ask `not beta > 0`.", edit={"if not beta > 0:": "if beta <= 0:"})
