"""What others do otherwise than pipeline/naive asks for."""

from autograder.checks import convention

convention(
    "You divide the idle time by the busy time, as Megatron's papers do. Here the bubble is a share of the *total*: idle / (p · makespan).",
    used_by="Megatron-LM (the papers)",
    costs="the_bubble_is_a_share_of_all_time",
    edit={'return 1 - busy / (p * timeline["makespan"])': 'return p * timeline["makespan"] / busy - 1'},
)
