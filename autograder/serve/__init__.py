"""The pages of a class in a browser of this machine, with forms for staff: points, comments, answers, new known mistakes."""
