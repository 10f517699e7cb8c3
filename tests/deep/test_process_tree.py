"""Finding and killing what a process has started, on Linux and where there is only `ps`."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from nnlint.deep.worker.processes import process_tree
from tests.deep.leftovers import left_after_death, marked

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="one side of the comparison is /proc")


def test_ps_and_proc_say_the_same_of_a_process() -> None:
    with subprocess.Popen(["sleep", "60"], start_new_session=True) as child:
        told = [{p.pid: p for p in listing()}[child.pid] for listing in (process_tree._from_proc, process_tree._from_ps)]
        child.kill()
    assert [(p.parent, p.group, p.is_zombie) for p in told] == [(told[0].parent, child.pid, False)] * 2
    assert all(p.resident % 1024 == 0 for p in told)


@pytest.mark.parametrize("has_proc", [True, False])
def test_a_tree_is_killed_to_the_last_process(has_proc: bool) -> None:
    program = f"""\
        import os, subprocess, time
        from nnlint.deep.worker.processes import process_tree
        process_tree.IS_LINUX = {has_proc}
        process_tree.adopt_orphans()
        for options in ({{}}, {{"start_new_session": True}}):
            subprocess.Popen(["sh", "-c", "trap '' TERM; sleep 600 & sh -c 'sleep 600 & sleep 600'"], **options)
        while len(process_tree.running()) < 8:
            time.sleep(0.02)
        process_tree.kill_all()
        print(len(process_tree.descendants()))
        """
    with marked() as mark:
        said = subprocess.run([sys.executable, "-c", textwrap.dedent(program)], capture_output=True, text=True, timeout=60)
        assert said.stdout == "0\n", said.stderr
        assert left_after_death(mark) == []
