"""docs/cluster.md: its files for Slurm and Kubernetes do what the page says, as far as that shows without a cluster."""

from __future__ import annotations

import os
import re
import stat
import subprocess
from pathlib import Path

import pytest
from command_line import here

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs/cluster.md").read_text("utf-8")
BATCH = ROOT / "docs/cluster/grade.sbatch"
STANDS_IN = {
    "scontrol": 'echo "one"; echo "two"; echo "three"',
    "hostname": "echo 10.0.0.1",
    "srun": 'while [ "${1#--}" != "$1" ]; do shift; done; exec "$@"',
    "ray": 'echo "ray $*" >> "$LOG"; case "$1" in start) exec sleep 60;; esac',
    # Real grading takes longer than three nodes take to start.
    "autograder": 'until [ "$(grep -c "^ray start" "$LOG")" = 3 ]; do sleep 0.05; done; trap "echo stopped >> $LOG; exit 130" INT; echo "autograder $*" >> "$LOG"; [ "${WAIT:-}" ] && { sleep 60 & wait; }; exit 0',
}


@pytest.fixture
def site(tmp_path: Path) -> dict[str, str]:
    """Slurm's commands, Ray's and ours, which write down how they are called."""
    folder = tmp_path / ".venv/bin"
    folder.mkdir(parents=True)
    for name, body in STANDS_IN.items():
        file = folder / name
        file.write_text(f"#!/bin/bash\n{body}\n")
        file.chmod(0o755)
    job = {
        "SLURM_SUBMIT_DIR": str(tmp_path),
        "SLURM_JOB_NODELIST": "x",
        "SLURM_JOB_ID": "7",
        "SLURM_CPUS_PER_TASK": "16",
    }
    return {**os.environ, **job, "LOG": str(tmp_path / "log"), "PATH": f"{folder}:{os.environ['PATH']}"}


def test_the_batch_file_starts_ray_on_each_node_and_grades_on_the_first(site: dict[str, str]) -> None:
    done = subprocess.run([BATCH, "handed in", "-e", "first"], env=site, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr
    lines = Path(site["LOG"]).read_text().splitlines()
    starts = sorted(line for line in lines if line.startswith("ray start"))
    assert len(starts) == 3
    assert sum("--head" in line and "--num-cpus=15" in line and "--port=20007" in line for line in starts) == 1
    assert sum("--address=10.0.0.1:20007" in line and "--num-cpus=16" in line for line in starts) == 2
    assert "autograder grade handed in -e first --cluster 10.0.0.1:20007" in lines


def test_the_batch_file_hands_on_the_signal_before_the_time_limit(site: dict[str, str]) -> None:
    job = subprocess.Popen([BATCH, "class"], env={**site, "WAIT": "1"}, stderr=subprocess.DEVNULL)
    log = Path(site["LOG"])
    while not (log.exists() and "autograder" in log.read_text()):
        assert job.poll() is None
    job.terminate()
    assert job.wait(60) != 0
    assert "stopped" in log.read_text()


def test_the_batch_file_wants_to_know_what_to_grade() -> None:
    done = subprocess.run([BATCH], capture_output=True, text=True)
    assert done.returncode == 2 and "Name what to grade" in done.stderr
    assert BATCH.stat().st_mode & stat.S_IXUSR


def test_the_manifest_grades_without_privileges() -> None:
    yaml = pytest.importorskip("yaml")
    job = yaml.safe_load((ROOT / "docs/cluster/grade.yaml").read_text("utf-8"))
    cluster = job["spec"]["rayClusterSpec"]
    groups = [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]
    for group in groups:
        pod = group["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] and not pod["automountServiceAccountToken"]
        assert not any("securityContext" in container for container in pod["containers"])
    pinned = re.search(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text("utf-8"), re.MULTILINE)
    assert pinned is not None and cluster["rayVersion"] == pinned[1]
    assert groups[0]["rayStartParams"]["num-cpus"] == "0"
    assert "volumes" not in cluster["workerGroupSpecs"][0]["template"]["spec"], "results are the head's alone"
    assert job["spec"]["entrypoint"].startswith("autograder grade ")


def test_the_page_links_to_files_that_are_there_and_the_option_exists(tmp_path: Path) -> None:
    for target in re.findall(r"\]\((?!http)([^)#]+)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    assert "--cluster" in here(tmp_path, "grade", "--help").out
