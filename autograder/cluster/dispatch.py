"""Which node grades what, while nodes come and go. What a lost node had in hand is given to another one.

One thread decides, one event after the other: a unit that is wanted, an answer, a node that began, time that has passed. So there is
nothing to lock, and an answer is taken once, from the node that has the work at that moment.
"""

from __future__ import annotations

import functools
import math
import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Collection
from concurrent.futures import Future

import msgspec

from autograder.cluster.arrivals import Arrivals
from autograder.cluster.hands import Hand, State, sentence
from autograder.cluster.jobs import MESSAGE_SECONDS, Job, LostWith, error_of, follow, settle, units_of_message
from autograder.cluster.machines import Cluster, ClusterError, NodeUnfit, Place
from autograder.cluster.messages import Damaged, Report, Unit, Work, pack
from autograder.grading.record import Graded

POLL = 1.0  # seconds between two looks at which nodes there are
PATIENCE = 300.0  # seconds without a node that could do what is left
ALL_REFUSED = 15.0  # the same, where there are nodes and none may grade
LOSSES = 5  # nodes that one unit may be lost with
RESTARTS = 5  # of a node's program, while its machine is there
PAUSE = 3.0  # seconds before the first of them; the next ones wait longer


class Dispatcher:
    """Hands units to nodes. Start it, ask for units (`grade`), and stop it."""

    def __init__(
        self,
        cluster: Cluster,
        slots: Callable[[Place], int],
        settings: Callable[[Place], bytes],
        lacks: Callable[[Report], list[str]],
        say: Callable[[str], None],
        patience: float = PATIENCE,
    ) -> None:
        """`slots`: how many answers a node grades at a time. `lacks`: why a node that reports this may not grade."""
        self._cluster = cluster
        self._slots, self._settings, self._lacks, self._say = slots, settings, lacks, say
        self._patience = patience
        self._events: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="dispatch", daemon=True)
        self._lock = threading.Lock()
        self._failure: ClusterError | None = None
        self._unsettled: set[Future[Graded]] = set()
        self._stopping = False
        self.hands: list[Hand] = []  # every one that there ever was
        self._first = threading.Event()  # a node grades, or none ever will
        self._jobs: dict[str, Job] = {}  # by key: those not done yet
        self._known: dict[str, Future[Graded]] = {}  # by key: of those
        self._arrivals = Arrivals()
        self._waiting: dict[bool, deque[Job]] = {True: deque(), False: deque()}  # by whether they need a GPU
        self._shipments: dict[str, tuple[str, bytes]] = {}  # by exercise
        self._restarts: dict[str, int] = {}  # by place
        self._start_at: dict[str, float] = {}  # by place: not before
        self._served = {True: time.monotonic(), False: time.monotonic()}  # when somebody could last do such work
        self._seconds, self._units = 0.0, 0  # that were graded

    # --- for other threads ---

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Wait for nothing more, and end the nodes."""
        if not self._stopping:
            self._stopping = True
            self._events.put(lambda: None)
            if self._thread.is_alive():
                self._thread.join()
            self._fail(ClusterError("Grading on the cluster was stopped."))

    def ship(self, exercise: str, shipment: object) -> None:
        """What nodes need to grade this exercise; each gets it once, when it first has to."""
        self._shipments[exercise] = pack(shipment)

    def grade(self, unit: Unit, *, on_gpu: bool, wall_seconds: float) -> Future[Graded]:
        """What will come of `unit`; keys that are equal to one that is still graded are not graded again. Raises `ClusterError` when
        nothing will."""
        job = Job(unit, on_gpu, wall_seconds)
        with self._lock:
            if self._failure is not None:
                raise self._failure
            self._unsettled.add(job.done)
        job.done.add_done_callback(self._settled)
        self._events.put(functools.partial(self._wanted, job))
        return job.done

    def layers(self) -> list[str]:
        """The layers of isolation that every node has which may grade; waits for the first one."""
        self._first.wait()
        if self._failure is not None:
            raise self._failure
        every = [hand.report.layers for hand in self.hands if hand.accepted and hand.report is not None]
        return [name for name in every[0] if all(name in layers for layers in every)]

    # --- the thread ---

    def _run(self) -> None:
        looked = 0.0
        try:
            while not self._stopping:
                try:
                    self._events.get(timeout=POLL)()
                    while not self._events.empty():
                        self._events.get()()
                except queue.Empty:
                    pass
                if time.monotonic() - looked >= POLL:
                    self._look()
                    looked = time.monotonic()
                self._hand_out()
        except ClusterError as error:
            self._fail(error)
        except BaseException as error:
            self._fail(ClusterError(f"the cluster can't be used any more ({type(error).__name__}: {error})"))
            raise
        finally:
            for hand in self.hands:
                if hand.state in (State.BEGINS, State.GRADES):
                    hand.state = State.GONE
                    hand.node.stop()

    def _fail(self, error: ClusterError) -> None:
        with self._lock:
            self._failure = self._failure or error
            unsettled = list(self._unsettled)
        self._first.set()
        for future in unsettled:
            settle(future, error=error)

    def _settled(self, future: Future[Graded]) -> None:
        with self._lock:
            self._unsettled.discard(future)

    def _wanted(self, job: Job) -> None:
        key = job.unit.key
        known = self._known.setdefault(key, job.done)
        if known is not job.done:
            known.add_done_callback(functools.partial(follow, job.done))
            return
        self._jobs[key] = job
        self._waiting[job.on_gpu].append(job)

    def _look(self) -> None:
        """Which machines came and went, and who has been silent for too long."""
        now = time.monotonic()
        places = {place.id: place for place in self._cluster.places() if self._slots(place) > 0}
        for hand in self._in(State.BEGINS, State.GRADES):
            if hand.place.id not in places:
                self._lost(hand, "its machine is gone")
            elif overdue := hand.overdue(now):
                self._lost(hand, overdue, kill=True)
        held = {hand.place.id for hand in self._in(State.BEGINS, State.GRADES, State.REFUSED)}
        for place in places.values():
            if place.id not in held and now >= self._start_at.get(place.id, 0.0):
                self._start(place)
        self._require_hope(now, places)

    def _start(self, place: Place) -> None:
        slots = self._slots(place)
        hand = Hand(place, slots, self._cluster.start(place, slots), time.monotonic())
        self.hands.append(hand)
        begun = hand.node.begin(self._settings(place))
        begun.add_done_callback(lambda future: self._events.put(functools.partial(self._begun, hand, future)))

    def _begun(self, hand: Hand, future: Future[bytes]) -> None:
        if hand.state is not State.BEGINS:
            return
        error = error_of(future)
        if isinstance(error, NodeUnfit):
            self._refuse(hand, [str(error)])
            return
        if error:
            self._lost(hand, f"it could not begin: {error}")
            return
        report = hand.report = msgspec.msgpack.decode(future.result(), type=Report)
        if problems := self._lacks(report):
            self._refuse(hand, problems)
            return
        hand.state, hand.accepted = State.GRADES, True
        self._first.set()
        self._say(sentence(hand))

    def _refuse(self, hand: Hand, problems: list[str]) -> None:
        """A node can't do it, and could not if it was asked again: what it has in hand goes to the front again."""
        hand.state, hand.problems = State.REFUSED, problems
        for job in reversed(hand.take_back()):
            self._waiting[job.on_gpu].appendleft(job)
        self._say(f"Node {hand.place.name} is not used: {'; '.join(problems)}.")
        hand.node.stop()

    def _hand_out(self) -> None:
        """Keep each node's hands full, those with the least to do first."""
        if not any(self._waiting.values()):
            return
        ready = self._in(State.GRADES)
        while True:
            free = [hand for hand in ready if hand.room > 0 and self._next_of(hand) is not None]
            if not free:
                return
            self._send(max(free, key=lambda hand: hand.room / hand.slots))

    def _next_of(self, hand: Hand) -> deque[Job] | None:
        """From which of those that wait a node is to take."""
        kinds = (True, False) if hand.gpu else (False,)
        return next((self._waiting[kind] for kind in kinds if self._waiting[kind]), None)

    def _send(self, hand: Hand) -> None:
        waiting = self._next_of(hand)
        assert waiting is not None
        slots = sum(each.slots for each in self._in(State.GRADES))
        mean = self._seconds / self._units if self._units else MESSAGE_SECONDS
        jobs = [waiting.popleft() for _ in range(min(units_of_message(len(waiting), slots, mean), len(waiting)))]
        needs: dict[str, str] = {}
        for exercise in {job.unit.exercise for job in jobs}:
            hash, data = self._shipments[exercise]
            needs[exercise] = hash
            if hash not in hand.has:
                hand.has.add(hash)
                taken = hand.node.take(hash, data)
                taken.add_done_callback(lambda future: self._events.put(functools.partial(self._taken, hand, future)))
        hash, data = pack(Work([job.unit for job in jobs], needs))
        number = hand.give(jobs, sum(job.wall_seconds for job in jobs), time.monotonic())
        future = hand.node.grade(hash, data)
        future.add_done_callback(lambda future: self._events.put(functools.partial(self._graded, hand, number, future)))

    def _taken(self, hand: Hand, future: Future[None]) -> None:
        error = error_of(future)
        if isinstance(error, NodeUnfit) and hand.state is State.GRADES:
            self._refuse(hand, [str(error)])

    def _graded(self, hand: Hand, number: int, future: Future[bytes]) -> None:
        if number not in hand.works:  # it was lost in the meantime, and what it had is given to others
            return
        error = error_of(future)
        if isinstance(error, NodeUnfit):
            self._refuse(hand, [str(error)])
            return
        if error:
            self._lost(hand, str(error), kill=True)
            return
        jobs = {job.unit.key: job for job in hand.works[number].jobs}
        try:
            arrived = self._arrivals.read(future.result(), {key: job.unit for key, job in jobs.items()})
        except Damaged as damaged:
            self._lost(hand, str(damaged), kill=True)
            return
        hand.heard = time.monotonic()
        del hand.works[number]
        for answer, graded in arrived:
            job = jobs.pop(answer.key, None)
            if job is not None:
                hand.units, hand.seconds = hand.units + 1, hand.seconds + answer.seconds
                self._units, self._seconds = self._units + 1, self._seconds + answer.seconds
                self._done(job)
                settle(job.done, graded)
        if jobs:
            self._again(hand, list(jobs.values()))

    def _done(self, job: Job) -> None:
        """Nobody has to grade it any more; whoever keeps its result gives it to those who want the same later."""
        del self._jobs[job.unit.key]
        self._known.pop(job.unit.key, None)

    def _lost(self, hand: Hand, why: str, kill: bool = False) -> None:
        """A node is gone: what it had in hand goes to the front again, in its order."""
        hand.state, hand.problems = State.GONE, [why]
        times = self._restarts[hand.place.id] = self._restarts.get(hand.place.id, 0) + 1
        self._start_at[hand.place.id] = time.monotonic() + PAUSE * times if times <= RESTARTS else math.inf
        jobs = hand.take_back()
        again = f"; {len(jobs)} answers that it had are graded again" if jobs else ""
        self._say(f"Node {hand.place.name} was lost ({why}){again}.")
        self._again(hand, jobs)
        hand.node.stop(kill=True) if kill else hand.node.stop()

    def _again(self, hand: Hand, jobs: list[Job]) -> None:
        for job in reversed(jobs):
            job.losses.append(hand.place.name)
            if len(job.losses) < LOSSES:
                self._waiting[job.on_gpu].appendleft(job)
                continue
            self._done(job)
            settle(job.done, error=LostWith(job.losses))

    def _require_hope(self, now: float, places: Collection[str]) -> None:
        """Raises `ClusterError` when nobody is there, and nobody came for a while, who could do what waits."""
        for on_gpu, waiting in self._waiting.items():
            able = [hand for hand in self._in(State.BEGINS, State.GRADES) if hand.gpu or not on_gpu]
            if able or not waiting:
                self._served[on_gpu] = now
                continue
            last = {hand.place.id: hand for hand in self.hands if hand.place.id in places}
            given_up = [hand for hand in last.values() if self._given_up(hand)]
            patience = min(self._patience, ALL_REFUSED) if len(given_up) == len(places) > 0 else self._patience
            if now - self._served[on_gpu] > patience:
                raise ClusterError(_hopeless(on_gpu, len(waiting), now - self._served[on_gpu], list(last.values())))

    def _given_up(self, hand: Hand) -> bool:
        """Whether nothing is started on its machine any more."""
        return hand.state is State.REFUSED or self._start_at.get(hand.place.id) == math.inf

    def _in(self, *states: State) -> list[Hand]:
        return [hand for hand in self.hands if hand.state in states]


def _hopeless(on_gpu: bool, waiting: int, seconds: float, hands: list[Hand]) -> str:
    said = [
        f"node {hand.place.name} is {hand.state.value}: {'; '.join(hand.problems)}" for hand in hands if hand.problems
    ]
    what = "node with a GPU" if on_gpu else "node that may grade"
    text = f"{waiting} answers are left, and the cluster has had no {what} for {seconds:.0f} s."
    mend = "Mend that, or add nodes; what was graded is kept, and the same command goes on."
    return "\n".join([text, *(f"{each[:1].upper()}{each[1:]}." for each in said), mend])
