"""Stand-ins for Dolos and compare50: commands that take their arguments and write their documented output.

How alike two files are is what `difflib` says of their lines, those of the template left out. Everything else (arguments, columns, names, what
is refused) is as the tools have it; `autograder/integrations/similar/__init__.py` says where that is written down.
"""

from __future__ import annotations

import sys
from pathlib import Path

_ALIKE = """
def lines(path, ignored=()):
    return [line.strip() for line in open(path, encoding="utf-8") if line.strip() and line.strip() not in ignored]

def alike(one, other, template):
    ignored = set(lines(template))
    a, b = lines(one, ignored), lines(other, ignored)
    same = sum(block.size for block in difflib.SequenceMatcher(None, a, b, autojunk=False).get_matching_blocks())
    return same, len(a), len(b)
"""

DOLOS = (
    """#!{python}
import argparse, csv, difflib, itertools, os, sys
"""
    + _ALIKE
    + """
parser = argparse.ArgumentParser(prog="dolos")
run = parser.add_subparsers(dest="command", required=True).add_parser("run")
run.add_argument("paths", nargs="+")
run.add_argument("-f", "--output-format", choices=["terminal", "csv", "web"], default="terminal")
run.add_argument("-l", "--language")
run.add_argument("-i", "--ignore")
run.add_argument("-o", "--output-destination")
asked = parser.parse_args()
[info] = asked.paths
rows = [row for row in csv.DictReader(open(info, encoding="utf-8", newline="")) if row["ignored"] != "true"]
files = [os.path.join(os.path.dirname(info), row["filename"]) for row in rows]
if len(files) < 2:
    sys.exit("You need to supply at least two files")
if os.path.exists(asked.output_destination):
    sys.exit(f"Directory {asked.output_destination} already exists. Please specify a different output destination.")
os.mkdir(asked.output_destination)
head = ["id", "leftFileId", "leftFilePath", "rightFileId", "rightFilePath", "similarity", "totalOverlap", "longestFragment", "leftCovered", "rightCovered"]
with open(os.path.join(asked.output_destination, "pairs.csv"), "w", encoding="utf-8", newline="") as stream:
    out = csv.writer(stream)
    out.writerow(head)
    for number, (one, other) in enumerate(itertools.combinations(range(len(files)), 2)):
        same, a, b = alike(files[one], files[other], asked.ignore)
        out.writerow([number, one, files[one], other, files[other], 2 * same / ((a + b) or 1), 2 * same, same, same, same])
print("Completed")
"""
)

COMPARE50 = (
    """#!{python}
import argparse, difflib, glob, html, itertools, os, sys
"""
    + _ALIKE
    + '''
parser = argparse.ArgumentParser(prog="compare50")
parser.add_argument("submissions", nargs="+")
parser.add_argument("-d", "--distro", nargs="+", default=[])
parser.add_argument("-o", "--output", default="results")
parser.add_argument("-n", type=int, default=50)
asked = parser.parse_args()
if os.path.exists(asked.output):
    input("already exists. Do you want to remove it? [Y/n] ")
    sys.exit(1)
found = []
for one, other in itertools.combinations(asked.submissions, 2):
    [first], [second] = glob.glob(one + "/*"), glob.glob(other + "/*")
    same, a, b = alike(first, second, asked.distro[0])
    if same:
        found.append((same, one, round(100 * same / a), other, round(100 * same / b), first))
if not found:
    print("Done, no similarities found.")
    sys.exit()
os.mkdir(asked.output)
found.sort(reverse=True)
for number, (_, one, left, other, right, file) in enumerate(found[: asked.n], 1):
    code = html.escape(open(file, encoding="utf-8").read())
    with open(f"{asked.output}/match_{number}.html", "w") as stream:
        stream.write('<html lang="en"><head></head><body><div class="wrapper" id="page"><nav><h4><a href="index.html"><b>compare50</b></a></h4></nav><div id="content">')
        for view, shares in (("structure", (left, right)), ("text", (1, 2)), ("exact", (1, 1))):
            stream.write(f"""<div id="{view}" class="container-fluid h-100 view {view}">
    <div class="row sticky-top bg-dark text-light" id="{view}sub_names">
            <div class="col-sm-6 col-2 sub_name">
                <h5>{html.escape(one)} ({shares[0]}%)</h5>
            </div>
            <div class="col-sm-6 col-2 sub_name">
                <h5>{html.escape(other)} ({shares[1]}%)</h5>
            </div>
    </div>
    <div class="row diff"><div class="col-sm-6 col-2 side left"><h4 class="file_name">{html.escape(file)}</h4><pre><code>{code}</code></pre></div></div>
</div>""")
        stream.write("</div></div></body></html>")
with open(f"{asked.output}/index.html", "w") as stream:
    stream.write("<!DOCTYPE HTML>")
print("Done! Visit file:///index.html in a web browser to see the results.")
'''
)


def put_tool(folder: Path, name: str, text: str = "") -> Path:
    """An executable stand-in in `folder`, which is to stand on the path."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    text = text or {"dolos": DOLOS, "compare50": COMPARE50}[name]
    path.write_text(text.replace("{python}", sys.executable, 1), "utf-8")
    path.chmod(0o755)
    return path
