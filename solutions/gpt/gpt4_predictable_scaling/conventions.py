"""What others do otherwise than gpt/gpt4_predictable_scaling asks for."""

from autograder.checks import convention

convention(
    "Your bins include their lower edge. Here a confidence of exactly i/bins belongs to the bin below.",
    used_by="code that sorts confidences with floor(p · bins), or NumPy's histogram and digitize with their defaults",
    costs="an_edge_belongs_to_the_bin_below",
    edit={
        "index = (confidence * bins).ceil().long() - 1": "index = (confidence * bins).floor().long().clamp(max=bins - 1)"
    },
)
convention(
    "You compare logarithms of losses, so that runs with a small loss count more. Here the losses themselves are compared.",
    used_by="J. Hoffmann et al., Training Compute-Optimal Large Language Models (2022), which fits logarithms with a Huber loss",
    costs="noise_is_met_by_least_squares",
    edit={
        "        error = (slope[:, None] * dx - dL).square().sum(1)\n": (
            "        fitted = slope[:, None] * dx + L.mean()\n        error = (fitted.clamp(min=1e-9).log() - L.clamp(min=1e-9).log()).square().sum(1)\n"
        )
    },
)
