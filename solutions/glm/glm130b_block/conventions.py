"""What others do otherwise than glm/glm130b_block asks for."""

from autograder.checks import convention

convention(
    "Your first half goes through gelu. In GLM-130B it is the second one.",
    used_by="T5 1.1 and Hugging Face's GLM (the first half of the fused layer is the gate)",
    costs="the_second_half_goes_through_gelu",
    edit={"return x1 * F.gelu(x2)": "return F.gelu(x1) * x2"},
)
convention(
    "You take all queries first, then all keys, then all values. GLM-130B sorts by heads.",
    used_by="GPT-2, and SwissArmyTransformer's own attention",
    costs="each_head_has_its_rows_together",
    edit={
        "self.query_key_value(x).unflatten(-1, (self.H, -1)).transpose(1, 2).chunk(3, dim=-1)": "(each.unflatten(-1, (self.H, -1)).transpose(1, 2) for each in self.query_key_value(x).chunk(3, dim=-1))"
    },
)
