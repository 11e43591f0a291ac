"""Links that open a topic's notebook on other people's machines: from the address of the class edition, where the course names it."""

from __future__ import annotations

from dataclasses import dataclass

from autograder.course.config import Course

USUAL_BRANCH = "main"


@dataclass(frozen=True)
class Online:
    """The class edition on GitHub."""

    owner: str
    name: str
    branch: str

    @property
    def address(self) -> str:
        return f"https://github.com/{self.owner}/{self.name}"

    def colab(self, topic: str) -> str:
        """
        >>> Online("uni", "course", "main").colab("quant")
        'https://colab.research.google.com/github/uni/course/blob/main/assignments/quant/quant.ipynb'
        """
        path = f"assignments/{topic}/{topic}.ipynb"
        return f"https://colab.research.google.com/github/{self.owner}/{self.name}/blob/{self.branch}/{path}"

    def jupyter(self, topic: str) -> str:
        """Binder: JupyterLab in the browser, in an environment made from `.binder/`."""
        branch = self.branch.replace("/", "%2F")
        path = f"assignments/{topic}/{topic}.ipynb"
        return f"https://mybinder.org/v2/gh/{self.owner}/{self.name}/{branch}?urlpath=lab/tree/{path}"


def online(course: Course) -> Online | None:
    """Where the class edition is, None where the course does not say so."""
    if not course.repository:
        return None
    address, _, branch = course.repository.partition("/tree/")
    owner, name = address.removeprefix("https://github.com/").split("/")
    return Online(owner, name.removesuffix(".git"), branch or USUAL_BRANCH)
