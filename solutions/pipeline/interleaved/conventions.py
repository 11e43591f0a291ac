"""What others do otherwise than pipeline/interleaved asks for."""

from autograder.checks import convention

convention(
    "You give the idle share of the total, as GPipe's paper does. Asked is idle time over busy time: (p - 1)/(v · m).",
    used_by="GPipe (the paper)",
    costs="the_bubble_has_a_formula",
    edit={"return (p - 1) / (v * m)": "return (p - 1) / (v * m + p - 1)"},
)
