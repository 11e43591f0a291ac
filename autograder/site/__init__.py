"""The lectures as pages for a browser: for `autograder read` on a student's machine, and as static pages for a web server.

sources    lectures/ → the folder of sources that Sphinx reads, and the order of the pages
extension  what Sphinx and MyST do not know of GitHub's Markdown: its formulas, its links; and the order of the pages
build      runs Sphinx, which writes anew what has changed; its warnings, as sentences
standing   how far a student is, as a small file that the pages read
assets     style, scripts, and KaTeX with its fonts, so that no page asks another host for anything
"""
