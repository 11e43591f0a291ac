"""What others do otherwise than warmup/tensors_autograd asks for."""

from autograder.checks import convention

convention(
    "Your backward goes on with the gradients that an earlier call left in the values in between, as micrograd does. Keep those of one call apart.",
    used_by="Karpathy's micrograd (engine.py), where the user sets all gradients to 0 between two calls",
    costs="another_call_adds_up",
    edit={
        "        grads = dict.fromkeys(order, 0.0) | {self: 1.0}\n": "        self.grad = 1.0\n",
        "            value.grad += grads[value]\n": "",
        "grads[parent] += slope * grads[value]": "parent.grad += slope * value.grad",
    },
)
convention(
    "Your `view` accepts tables in which the new shape only splits dimensions, as torch's. Here the numbers must stand one after the other.",
    used_by="torch (Tensor.view, where old and new strides are compatible)",
    costs="view_needs_numbers_in_order",
    edit={
        "        rows = zip(": "        if len(self.shape) == 1 and shape and math.prod(shape) == self.shape[0]:\n"
        "            strides = tuple(s * self.strides[0] for s in contiguous_strides(shape))\n"
        "            return View(self.storage, shape, strides, self.offset)\n        rows = zip("
    },
)
