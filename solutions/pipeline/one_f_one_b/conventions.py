"""What others do otherwise than pipeline/one_f_one_b asks for."""

from autograder.checks import convention

convention(
    "Each micro-batch's mean loss weighs the same, 1/m, as in PyTorch's schedules. When m does not divide the batch, micro-batches differ in size: weigh each by its rows, b/B.",
    used_by="PyTorch (torch.distributed.pipelining)",
    costs="gradients_are_those_of_the_batch",
    edit={"* (len(targets[i]) / len(y))": "/ m"},
)
