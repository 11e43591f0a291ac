"""What watches memory: that it sees every holder, and is none itself."""

import torch

from autograder.lab.held import Held


def test_memory_is_held_by_a_tensor_a_view_or_a_graph_and_by_nothing_else():
    held = Held()
    x, y, z = torch.randn(3, 3), torch.randn(3, 3), torch.randn(3, 3)
    for name, each in (("x", x), ("y", y), ("z", z)):
        held.memory(name, each)
    row = y[1:]
    graph = (z.T @ torch.ones(3, 1, requires_grad=True)).sum()
    del each
    assert held.names() == ["x", "y", "z"]
    del x, y, z
    assert held.names() == ["y", "z"]
    del row
    assert held.names() == ["z"]
    graph.backward()  # lets what it has saved go
    assert held.names() == []


def test_a_copy_and_a_watched_tensor_are_seen_until_they_are_let_go():
    held = Held()
    x = held.copy("copy", torch.ones(2))
    part, loss = x[:1], torch.zeros(())
    held.watch("loss", loss)
    del x
    assert held.names() == ["copy", "loss"]
    del part, loss
    assert held.names() == []


def test_what_holds_itself_alone_is_let_go():
    held = Held()
    circle = [torch.ones(3)]
    held.memory("in a circle", circle[0])
    circle.append(circle)
    del circle
    assert held.names() == []
