"""The twin: the trusted process that holds an exercise's authored files. It makes inputs, judges and compares.

What it reads of submissions are blobs, decoded as plain data; no submitted code runs here. It has the same interpreter, torch
and thread count as the worker.
"""

from __future__ import annotations

import socket
import time
import types
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch

from autograder.checks.declared import AuthoringError, Check, Tolerance
from autograder.checks.rng import Rng
from autograder.experiment.time_limit import TimeUp
from autograder.plan import PlannedCase
from autograder.results import Message
from autograder.twin import docstrings
from autograder.twin.bounded import bounded
from autograder.twin.compare import compare, differing_part
from autograder.twin.described import describe
from autograder.twin.evidence import is_evidence
from autograder.twin.examples import Search, examples
from autograder.twin.exercise import Exercise, load_exercise, load_public, reference_module
from autograder.twin.judging import asks_for_the_reference, blamed, judged, parameters_of, parts_of
from autograder.twin.making import make_inputs
from autograder.twin.messages import (
    Described,
    Discrete,
    Evidence,
    Examine,
    Made,
    Make,
    Open,
    Perturb,
    Reply,
    Request,
    Review,
    Reviewed,
    Seen,
    Shown,
    Shrink,
    Tried,
    Try,
    Verdict,
    Weighed,
    took_too_long,
)  # fmt: skip
from autograder.twin.show import show, show_apart
from autograder.wire.channel import Channel, ChannelError
from autograder.wire.decode import decode
from autograder.wire.encode import encode
from autograder.wire.values import BadValue


def serve(sock: socket.socket) -> None:
    """Answer requests until the channel closes."""
    channel: Channel[Reply, Request] = Channel(sock, Request)
    twin = Twin(guarded=True)
    while True:
        try:
            number, request = channel.receive()
            channel.send(number, twin.answer(request))
        except ChannelError:
            return


class Twin:
    """The state: one opened exercise, and a search for a smaller example when one is on. `guarded`: this process is there for it
    alone, so that what looking at an answer costs can be bounded."""

    def __init__(self, guarded: bool = False) -> None:
        self.guarded = guarded
        self.exercise: Exercise | None = None
        self._reference: types.ModuleType | None = None
        self._search: tuple[Search, Check, PlannedCase] | None = None

    def answer(self, request: Request) -> Reply:
        match request:
            case Open():
                return self.open(request)
            case Make():
                return self.make(request)
            case Review():
                return Reviewed(self.review_all(request.seen))
            case Evidence():
                return self.weigh(request)
            case Discrete():
                found = compare(decode(request.value), decode(request.want), Tolerance(atol=float("inf"))).difference
                return Shown("" if found is None else f"{found.path or 'the answer'}: {found.want} became {found.got}")
            case Perturb():
                return Made(inputs=encode(_perturbed(decode(request.inputs))))
            case Shrink():
                return self.shrink(request)
            case Examine():
                from autograder.twin.examine import examine

                assert self.exercise is not None
                return examine(self, self.exercise, request.checks, request.forbid)
            case Tried():
                return self.next_try(request.failed)

    def open(self, request: Open) -> Described:
        try:
            if request.folder:
                exercise = load_exercise(Path(request.folder), request.name)
            else:
                exercise = load_public(Path(request.test_module), request.name, request.stub)
            described = describe(exercise)
        except AuthoringError as error:
            return Described(problem=str(error))
        except Exception as error:  # a fault of the authored files that we did not foresee
            return Described(problem=f"{type(error).__name__}: {error}")
        self.exercise = exercise
        self._reference = None
        return described

    def make(self, request: Make) -> Made:
        assert self.exercise is not None
        check = self.exercise.check(request.check)
        if not request.drawn:
            parameters = (*check.public, *check.hidden)[request.index].parameters
            return make_inputs(check, Rng(int(request.seed, 16)), parameters)
        try:
            parameters = examples(check, request.seed)[request.drawn - 1]
        except Exception as error:
            return Made(problem=f"drawing its examples raised {type(error).__name__}: {error}")
        made = make_inputs(check, _rng_of_example(request.seed, request.drawn), parameters)
        made.example = encode(parameters)
        return made

    def shrink(self, request: Shrink) -> Try:
        assert self.exercise is not None
        if self._search is not None:
            self._search[0].end()
        check, case = self.exercise.check(request.check), request.case
        search = Search(check, case.seed, case.example)
        self._search = search, check, case
        return self.next_try(None)

    def next_try(self, failed: bool | None) -> Try:
        """The next example with inputs that can be made."""
        if self._search is None:
            return Try(None)
        search, check, case = self._search
        while (parameters := search.next(failed)) is not None:
            made = make_inputs(check, _rng_of_example(case.seed, case.drawn), parameters)
            made.example = encode(parameters)
            if not made.problem:
                return Try(made)
            failed = False
        self._search = None
        return Try(None)

    def review_all(self, seen: list[Seen]) -> list[Verdict]:
        """Verdicts on observations of one submission. Once looking at one has taken too long, no other of its check is looked at."""
        verdicts: list[Verdict] = []
        dear: set[str] = set()
        for each in seen:
            if each.check in dear:
                verdicts.append(Verdict(False, message=Message(id="judge.not-asked", values={})))
                continue
            began = time.process_time()
            verdict = self.review(each)
            verdict.seconds = time.process_time() - began
            if took_too_long(verdict):
                dear.add(each.check)
            verdicts.append(verdict)
        return verdicts

    def review(self, seen: Seen) -> Verdict:
        assert self.exercise is not None
        check = self.exercise.check(seen.check)
        if asks_for_the_reference(check):
            self.reference()  # what reading it costs is nobody's answer
        try:
            with self._bounded(seen):
                return self._review(check, seen)
        except (Exception, TimeUp) as error:
            return blamed(error, lambda: self._review_own(check, seen))

    def _bounded(self, seen: Seen) -> AbstractContextManager[None]:
        if not self.guarded:
            return nullcontext()
        return bounded(len(seen.value) + len(seen.case.want) + len(seen.case.inputs))

    def _review_own(self, check: Check, seen: Seen) -> None:
        with self._bounded(seen):
            want = parts_of(seen.case, seen.case.want)
            judged(check, parts_of(seen.case, seen.case.want), want, seen.case, self.reference)

    def _review(self, check: Check, seen: Seen) -> Verdict:
        try:
            value, record = parts_of(seen.case, seen.value)
        except BadValue as error:
            return Verdict(False, message=Message(id="run.too-big", values={"what": str(error), "limit": ""}))
        want, want_record = parts_of(seen.case, seen.case.want)
        text = show(value)
        verdict = judged(check, (value, record), (want, want_record), seen.case, self.reference)
        verdict.text = text
        if verdict.difference is not None and check.name == docstrings.NAME:
            want = docstrings.answer_written(parameters_of(check, seen.case), want)
            verdict.want_text = show(want)
        if verdict.difference is not None:
            part, wanted = differing_part(value, want, verdict.difference.path)
            if part is not value or text == show(want):
                verdict.text, verdict.want_text = show_apart(part, wanted)
        if verdict.passed and seen.changed and not check.mutates:
            return Verdict(False, text=text, message=_mutation(seen))
        if not verdict.passed:
            if seen.changed and not check.mutates and verdict.message is None:
                verdict.message = _mutation(seen)  # often the cause; the difference is shown below it
            verdict.matches = [
                index
                for index, mistake in seen.case.mistakes.items()
                if mistake and (mistake == seen.value or _alike(check, (value, record), parts_of(seen.case, mistake)))
            ]
        return verdict

    def reference(self) -> types.ModuleType:
        assert self.exercise is not None
        if self._reference is None:
            self._reference = reference_module(self.exercise)
        return self._reference

    def weigh(self, request: Evidence) -> Weighed:
        assert self.exercise is not None
        check = self.exercise.check(request.check)
        want = decode(request.want)
        kinds = []
        for blob in request.values:
            value = decode(blob)
            same = blob == request.want or _same(check, value, want)
            kinds.append("same" if same else "different" if is_evidence(value) else "anything")
        return Weighed(kinds)


def _rng_of_example(seed: str, number: int) -> Rng:
    return Rng(int(seed, 16)).split(f"example {number}")


def _alike(check: Check, one: tuple[Any, Any], other: tuple[Any, Any]) -> bool:
    """Whether two implementations gave the same, and the same happened: as far as this check looks."""
    return _same(check, one[0], other[0]) and (check.judge is None or _same(check, one[1], other[1]))


def _same(check: Check, value: Any, other: Any) -> bool:
    return compare(value, other, check.tolerance).difference is None


def _mutation(seen: Seen) -> Message:
    """Which inputs are not what they were."""
    try:
        before, after = decode(seen.case.inputs), decode(seen.changed)
        names = [name for name in before if encode(before[name]) != encode(after.get(name))]
    except (BadValue, AttributeError):
        names = []
    return Message(id="run.mutated", values={"input": ", ".join(names) or "its inputs"})


def _perturbed(value: Any) -> Any:
    """`value` with its tensors one unit in the last place larger. Python's floats stay: they are parameters and rules, the same
    in every right answer (a temperature of 0, a tie that the docstring settles), where kernels round tensors as they like."""
    if isinstance(value, torch.Tensor) and value.is_floating_point() and value.element_size() > 1:
        if value.element_size() < 4:
            return value
        return torch.where(value.isfinite(), torch.nextafter(value, torch.full_like(value, float("inf"))), value)
    if isinstance(value, dict):
        return {key: _perturbed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_perturbed(item) for item in value]
    if isinstance(value, tuple):
        return tuple(_perturbed(item) for item in value)
    return value
