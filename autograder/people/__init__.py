"""What people say of a student's work: rubric points, comments at a line, requests for a regrade; one TOML file for each student."""

from autograder.people.files import Folder, Stale, folder_of
from autograder.people.records import Answer, Comment, Points, Removed, Request, Said

__all__ = ["Answer", "Comment", "Folder", "Points", "Removed", "Request", "Said", "Stale", "folder_of"]
