"""What others do otherwise than glm/chatglm34_prompt asks for."""

from autograder.checks import convention

convention(
    "You write empty messages with their role. GLM-4's template leaves them out.",
    used_by="programs that write the format by hand and render every message",
    costs="glm4_leaves_out_empty_messages",
    edit={'if role_of(message) and message["content"]]': "if role_of(message)]"},
)
