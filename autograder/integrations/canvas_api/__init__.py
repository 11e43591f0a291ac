"""Canvas by its API: the class list in, grades and feedback out.

`place` says which course is meant and finds the token, `http` speaks with Canvas through canvasapi, `people` is the class list,
`grades` compares what Canvas has with what it should have, `sent` remembers what was sent, and `send` sends it.

What is relied on, and where it is documented (read in November 2026):

- users of a course, 10 a page until asked for more, email always included, the login left out of who has not accepted yet:
  https://canvas.instructure.com/doc/api/courses.html#method.courses.users
- assignments (`published`, `points_possible`, `grading_type`, `group_category_id`, `grade_group_students_individually`, `post_manually`):
  https://canvas.instructure.com/doc/api/assignments.html
- submissions of an assignment (`score`, `entered_score` before Canvas's own late policy, `excused`, `grader_id`, `submission_comments`), and
  grades of many students in one request, which Canvas works off in a job: https://canvas.instructure.com/doc/api/submissions.html
- how far that job is: https://canvas.instructure.com/doc/api/progress.html. It fails as a whole when one student is not found, after it has
  graded the others (`Submission.process_bulk_update` in https://github.com/instructure/canvas-lms): so what came of it is read back
- pages follow one another by `Link` headers: https://canvas.instructure.com/doc/api/file.pagination.html
- too many requests: https://canvas.instructure.com/doc/api/file.throttling.html. The answer was 403 with the words `Rate Limit Exceeded`
  until October 2025, and is 429 since (https://github.com/ucfopen/canvasapi/issues/704); schools that host Canvas themselves are later
- errors are `{"errors": [{"message": …}]}`; of the two kinds of 401 the one for a bad token has the header `WWW-Authenticate`
  (https://canvasapi.readthedocs.io/en/stable/exceptions.html)
"""
