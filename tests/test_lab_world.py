"""The simulated world: what its collectives give, that a hang is an exception, and that only real records replay."""

import copy

import pytest
import torch

from autograder.lab.hosted import Deadlock, Mismatch
from autograder.lab.replay import BadEvents, replay
from autograder.lab.world import World


def x(rank):
    return torch.tensor([1.0, 2.0, 3.0, 4.0]) * 10**rank


def test_collectives_give_what_torch_distributed_gives():
    def program(comm):
        mine = x(comm.rank)
        return (
            comm.all_reduce(x(comm.rank)),
            comm.all_reduce(x(comm.rank), op="max"),
            comm.broadcast(x(comm.rank), src=1),
            comm.all_gather(mine),
            comm.reduce_scatter(mine),
        )

    for rank, (total, largest, sent, gathered, scattered) in enumerate(World(2).run(program)):
        assert total.tolist() == [11, 22, 33, 44]
        assert largest.tolist() == [10, 20, 30, 40]
        assert sent.tolist() == [10, 20, 30, 40]
        assert [each.tolist() for each in gathered] == [x(0).tolist(), x(1).tolist()]
        assert scattered.tolist() == [[11, 22], [33, 44]][rank]


def test_a_handle_changes_its_tensor_when_it_is_waited_for():
    def program(comm):
        mine = x(comm.rank)
        handle = comm.all_reduce(mine, async_op=True)
        before = mine.clone()
        handle.wait()
        handle.wait()
        return before, mine

    for rank, (before, after) in enumerate(World(3).run(program)):
        assert torch.equal(before, x(rank))
        assert after.tolist() == [111, 222, 333, 444]


def test_messages_arrive_in_order_and_do_not_change_on_the_way():
    def program(comm):
        if comm.rank == 0:
            mine = x(0)
            comm.send(mine, 1)
            mine += 1
            comm.send(mine, 1)
            return None
        return comm.recv(0), comm.recv(0)

    first, second = World(2).run(program)[1]
    assert torch.equal(first, x(0)) and torch.equal(second, x(0) + 1)


def test_every_run_has_the_same_order():
    def program(comm):
        for _ in range(3):
            comm.barrier()
            comm.mark(str(comm.rank))

    def record():
        world = World(4)
        world.run(program)
        return [(event["event"], event["rank"], event["op"]) for event in world.events]

    assert record() == record()


@pytest.mark.parametrize(
    "program, message",
    [
        (lambda comm: comm.rank and comm.all_reduce(x(0)), r"rank 1 waits in collective 0, .*\(rank 0 never called"),
        (lambda comm: comm.recv(0), "rank 1 waits for a message from rank 0"),
        (lambda comm: comm.rank or comm.all_reduce(x(0), async_op=True), "the program ended, but rank 1 never called"),
    ],
)
def test_a_hang_is_an_exception_that_says_who_waits(program, message):
    with pytest.raises(Deadlock, match=message):
        World(2).run(program)


def test_ranks_that_meet_in_different_calls_are_told():
    with pytest.raises(Mismatch, match=r"rank 0 called all_reduce of float32 \(1,\), but rank 1 called .*\(2,\)"):
        World(2).run(lambda comm: comm.all_reduce(torch.zeros(1 + comm.rank)))


def test_what_a_rank_raises_comes_out_and_ends_the_others():
    ended = []

    def program(comm):
        if comm.rank == 2:
            raise KeyError("mine")
        try:
            comm.barrier()
        finally:
            ended.append(comm.rank)

    with pytest.raises(KeyError, match="mine"):
        World(3).run(program)
    assert sorted(ended) == [0, 1]


def ring(comm):
    comm.send(x(comm.rank), (comm.rank + 1) % comm.size)
    comm.recv((comm.rank - 1) % comm.size)
    comm.all_reduce(x(comm.rank))


def test_a_record_replays():
    world = World(3)
    world.run(ring)
    record = replay(world.events, 3)
    assert [(each.src, each.dst, each.step, each.received) for each in record.messages] == [
        (0, 1, 1, True), (1, 2, 1, True), (2, 0, 1, True),
    ]  # fmt: skip
    assert record.of("all_reduce")[0].total.tolist() == [111, 222, 333, 444]
    assert record.sent_bytes(0) == 16


@pytest.mark.parametrize(
    "forge",
    [
        lambda events: events.reverse(),
        lambda events: events.pop(0),  # received, never sent
        lambda events: events.pop(next(i for i, e in enumerate(events) if e["event"] == "call" and e["rank"] == 2)),
        lambda events: next(e for e in events if e["event"] == "recv").update(tensor=torch.zeros(4)),
        lambda events: next(e for e in events if e["event"] == "call").update(tensor=torch.zeros(5)),
        lambda events: events[0].update(rank=7),
        lambda events: events[0].update(peer=-3),
        lambda events: events[0].update(event="gift"),
        lambda events: events[0].update(tensor=[1.0]),
        lambda events: events.append({}),
    ],
)
def test_a_forged_record_does_not(forge):
    world = World(3)
    world.run(ring)
    events = copy.deepcopy(world.events)
    forge(events)
    with pytest.raises(BadEvents):
        replay(events, 3)
