"""What others do otherwise than pipeline/gpipe asks for."""

from autograder.checks import convention

convention(
    "You return the bubble relative to the busy time, (p - 1)/m, as Megatron's papers do. As a share of the *total* it is (p - 1)/(m + p - 1).",
    used_by="Megatron-LM (the papers)",
    costs="the_bubble_shrinks_with_micro_batches",
    edit={"return (p - 1) / (m + p - 1)": "return (p - 1) / m"},
)

convention(
    "Each micro-batch's mean loss weighs the same, 1/m, as in PyTorch's schedules. When m does not divide the batch, micro-batches differ in size: weigh each by its rows, b/B.",
    used_by="PyTorch (torch.distributed.pipelining)",
    costs="gradients_are_those_of_the_batch",
    edit={"* (len(ys[i]) / len(y))": "/ m"},
)
