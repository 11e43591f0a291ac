"""What others do otherwise than multimodal/clip_loss asks for."""

from autograder.checks import convention

convention(
    "In your patches the channels of a pixel stand beside each other. Here all numbers of channel 0 come first, as in a convolution's weight.",
    used_by="vit-pytorch (b c (h p1) (w p2) -> b (h w) (p1 p2 c))",
    costs="patches_stand_in_reading_order",
    edit={
        "grid.permute(0, 2, 4, 1, 3, 5)": "grid.permute(0, 2, 4, 3, 5, 1)",
        "self.patch_embedding.weight.flatten(1)": "self.patch_embedding.weight.permute(0, 2, 3, 1).flatten(1)",
    },
)
