"""What others do otherwise than position/sinusoidal asks for."""

from autograder.checks import convention

convention(
    "Your angles are computed in float32. Far positions lose their digits before the sine is taken (0.004 of an angle of "
    "100 000). Use float64 for positions and frequencies, and round the result.",
    used_by="PyTorch's tutorial on Transformers, and most code that follows it",
    costs="far_positions_are_exact",
    edit={
        "angles = torch.arange(n)[:, None] * _frequencies(C, base)": (
            "angles = torch.arange(n, dtype=torch.float32)[:, None] * _frequencies(C, base).float()"
        ),
    },
)
