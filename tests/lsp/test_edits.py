"""Which fixes are made together: as many as fit, each whole or not at all."""

from __future__ import annotations

from nnlint.findings import Applicability, FileEdit, Finding, Fix, Severity
from nnlint.lsp.edits import best_fix, combined
from nnlint.text import Edit, Span

PATH, OTHER = "/project/a.py", "/project/b.py"


def fix(*edits: FileEdit, applicability: Applicability = Applicability.UNSAFE) -> Fix:
    return Fix("mend", applicability, edits)


def edit(start: int, end: int, content: str = "x", path: str | None = None) -> FileEdit:
    return FileEdit(Edit(Span(start, end), content), path)


def on(path: str, *edits: FileEdit) -> set[FileEdit]:
    return {FileEdit(each.edit, path) for each in edits}


def test_of_two_that_overlap_the_first_is_made_and_the_second_waits_whole() -> None:
    first, second = fix(edit(0, 5)), fix(edit(4, 6), edit(20, 21))
    assert set(combined([first, second], PATH)) == on(PATH, edit(0, 5))


def test_neighbors_do_not_overlap() -> None:
    assert set(combined([fix(edit(0, 5)), fix(edit(5, 6))], PATH)) == on(PATH, edit(0, 5), edit(5, 6))


def test_different_insertions_at_one_place_are_not_made_together() -> None:
    assert set(combined([fix(edit(3, 3, "a")), fix(edit(3, 3, "b"))], PATH)) == on(PATH, edit(3, 3, "a"))


def test_an_edit_that_two_fixes_share_lets_both_be_made() -> None:
    shared = edit(0, 0, "import torch\n")
    made = set(combined([fix(shared, edit(10, 11)), fix(shared, edit(20, 21))], PATH))
    assert made == on(PATH, shared, edit(10, 11), edit(20, 21))


def test_edits_of_another_file_count_there() -> None:
    here, there = fix(edit(0, 5)), fix(edit(0, 5, path=OTHER))
    by_name = fix(edit(1, 2, path=PATH))
    assert set(combined([here, there, by_name], PATH)) == on(PATH, edit(0, 5)) | on(OTHER, edit(0, 5))


def test_the_safest_fix_is_the_best_and_one_that_is_only_shown_is_none() -> None:
    unsafe, safe = fix(edit(0, 1)), fix(edit(1, 2), applicability=Applicability.SAFE)
    shown = fix(edit(2, 3), applicability=Applicability.DISPLAY)

    def finding(*fixes: Fix) -> Finding:
        return Finding("NN304", "loss-keeps-graph", "…", PATH, Span(0, 1), Severity.WARNING, fixes)

    assert best_fix(finding(shown, unsafe, safe)) is safe
    assert best_fix(finding(unsafe, shown)) is unsafe
    assert best_fix(finding(shown)) is None
