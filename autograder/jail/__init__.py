"""Processes: the zygote that forks them, the worker that student code runs in, and the kernel's layers around it."""
