"""What others do otherwise than quant/int8_outliers asks for."""

from autograder.checks import convention

convention(
    "Values below the threshold in an outlier column count for the largest |x| of their row, as in bitsandbytes. Here the whole column is left out.",
    used_by="bitsandbytes (int8_vectorwise_quant sets outliers to 0, takes the largest |x| of each row, and then sets the columns' codes to 0)",
    costs="outlier_columns_are_wholly_apart",
    edit={
        "xq, sx = quantize_rows(torch.where(regular, x, 0.0))  # a code of 0 adds nothing": "xq, sx = quantize_rows(torch.where(x.abs() < threshold, x, 0.0))\n    xq = torch.where(regular, xq, 0)"
    },
)
convention(
    "Outliers are multiplied with the weights that the codes stand for, as in bitsandbytes. Here they meet the weights as they were given.",
    used_by="bitsandbytes (int8_mixed_scaled_mm, where only the codes of W are kept)",
    costs="outlier_columns_are_wholly_apart",
    edit={"x[..., columns] @ W[:, columns].T": "x[..., columns] @ (wq * sw)[:, columns].T"},
)
