"""Notebooks: the cells are one program, and each shows its own findings."""

from __future__ import annotations

import pytest
from lsprotocol import types

from nnlint.lsp.notebooks import python_only
from tests.lsp.conftest import StartEditor
from tests.lsp.editor import Buffer, Editor
from tests.lsp.texts import LAYER, MENDED, NET

pytestmark = pytest.mark.asyncio

IMPORTS = "%matplotlib inline\n!pip install torch\nimport torch.nn as nn"
MODEL = NET.removeprefix("import torch.nn as nn\n\n\n")


class Notebook:
    """A notebook in the editor, cell by cell."""

    def __init__(self, editor: Editor, name: str, cells: list[str]) -> None:
        self.editor = editor
        self.uri = editor.uri(name)
        self.version = 1
        self.cells = [self._cell(number, text) for number, text in enumerate(cells)]
        editor.client.notebook_document_did_open(
            types.DidOpenNotebookDocumentParams(
                types.NotebookDocument(self.uri, "jupyter-notebook", 1, [code_cell(cell) for cell in self.cells]),
                [types.TextDocumentItem(cell.uri, "python", 1, cell.text) for cell in self.cells],
            )
        )

    def _cell(self, number: int, text: str) -> Buffer:
        cell = Buffer(self.editor, f"{self.uri.replace('file:', 'vscode-notebook-cell:')}#W{number}", text)
        self.editor.buffers[cell.uri] = cell
        return cell

    def type(self, cell: Buffer, old: str, new: str) -> None:
        change = types.TextDocumentContentChangePartial(cell.range_of(old), new)
        cell.text = cell.text.replace(old, new)
        cell.version += 1
        identifier = types.VersionedTextDocumentIdentifier(cell.version, cell.uri)
        self._change(text_content=[types.NotebookDocumentCellContentChanges(identifier, [change])])

    def insert(self, at: int, text: str) -> Buffer:
        cell = self._cell(100 + self.version, text)
        self.cells.insert(at, cell)
        array = types.NotebookCellArrayChange(at, 0, [code_cell(cell)])
        opened = [types.TextDocumentItem(cell.uri, "python", 1, text)]
        self._change(structure=types.NotebookDocumentCellChangeStructure(array, opened))
        return cell

    def remove(self, at: int) -> Buffer:
        cell = self.cells.pop(at)
        closed = [types.TextDocumentIdentifier(cell.uri)]
        self._change(structure=types.NotebookDocumentCellChangeStructure(types.NotebookCellArrayChange(at, 1), did_close=closed))
        return cell

    def close(self) -> None:
        closed = [types.TextDocumentIdentifier(cell.uri) for cell in self.cells]
        params = types.DidCloseNotebookDocumentParams(types.NotebookDocumentIdentifier(self.uri), closed)
        self.editor.client.notebook_document_did_close(params)

    def _change(self, **cells: object) -> None:
        self.version += 1
        identifier = types.VersionedNotebookDocumentIdentifier(self.version, self.uri)
        change = types.NotebookDocumentChangeEvent(cells=types.NotebookDocumentCellChanges(**cells))
        self.editor.client.notebook_document_did_change(types.DidChangeNotebookDocumentParams(identifier, change))


def code_cell(cell: Buffer) -> types.NotebookCell:
    return types.NotebookCell(types.NotebookCellKind.Code, cell.uri)


async def marked(cell: Buffer, expected: list[str]) -> None:
    """Wait until just these parts of a cell are marked."""

    def fits(params: types.PublishDiagnosticsParams) -> bool:
        return params.version == cell.version and [cell.text_in(found.range) for found in params.diagnostics] == expected

    await cell.editor.wait_for_push(cell.uri, fits)


async def test_a_finding_is_shown_in_the_cell_that_it_is_from(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    imports, model = Notebook(editor, "model.ipynb", [IMPORTS, MODEL]).cells
    await marked(model, [LAYER])
    await marked(imports, [])


async def test_cells_are_pushed_to_and_a_pull_for_one_is_empty(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    _, model = Notebook(editor, "model.ipynb", [IMPORTS, MODEL]).cells
    await marked(model, [LAYER])
    report = await editor.pull(model.uri)
    assert isinstance(report, types.RelatedFullDocumentDiagnosticReport)
    assert not report.items


async def test_what_is_typed_in_one_cell_counts_in_the_others(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    notebook = Notebook(editor, "model.ipynb", [f"{IMPORTS}\nNORM = nn.Softplus", MODEL.replace("nn.BatchNorm2d", "NORM")])
    imports, model = notebook.cells
    await marked(model, [])
    notebook.type(imports, "nn.Softplus", "nn.BatchNorm2d")
    await marked(model, [LAYER])
    notebook.type(model, LAYER, MENDED)
    await marked(model, [])


async def test_cells_that_come_and_go_count(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    notebook = Notebook(editor, "model.ipynb", [MODEL])
    [model] = notebook.cells
    await marked(model, [])
    notebook.insert(0, IMPORTS)
    await marked(model, [LAYER])
    notebook.remove(1)
    await editor.wait_for_push(model.uri, lambda params: not params.diagnostics and params.version is None)


async def test_closing_a_notebook_takes_its_diagnostics_back(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    notebook = Notebook(editor, "model.ipynb", [IMPORTS, MODEL])
    await marked(notebook.cells[1], [LAYER])
    notebook.close()
    await editor.wait_for_push(notebook.cells[1].uri, lambda params: not params.diagnostics)


async def test_hover_and_fixes_work_in_a_cell(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    _, model = Notebook(editor, "model.ipynb", [IMPORTS, MODEL]).cells
    await marked(model, [LAYER])
    assert await model.hover(LAYER) is not None
    fix = await editor.client.code_action_resolve_async(await model.action(LAYER, "bias=False"))
    assert fix.edit is not None
    [change] = fix.edit.document_changes or []
    assert isinstance(change, types.TextDocumentEdit)
    assert (change.text_document.uri, change.text_document.version) == (model.uri, 1)
    [edit] = change.edits
    assert isinstance(edit, types.TextEdit | types.AnnotatedTextEdit)
    assert edit.range.start == model.position(model.text.index(LAYER) + len(LAYER) - 1)


async def test_a_broken_cell_loses_only_itself(start: StartEditor) -> None:
    editor = await start("vscode-1.105")
    _, broken, model = Notebook(editor, "model.ipynb", [IMPORTS, "def half(a, (", MODEL]).cells
    await marked(model, [LAYER])
    pushed = await editor.wait_for_push(broken.uri, lambda params: bool(params.diagnostics))
    assert {found.code for found in pushed.diagnostics} == {"NN000"}


CELLS = {
    "%matplotlib inline\nx = 1": f"0#{' ' * 16}\nx = 1",
    "files = !ls -l\n": "files = 0#    \n",
    "if True:\n    !ls (\ny = 2": "if True:\n    0#   \ny = 2",
    "nn.Conv2d?\n?print": "0#        \n0#    ",
    "%%bash\nls (": "      \n    ",
    "%%time\nx = 1": "      \nx = 1",
    "y = (a\n     % b)\nz != 1": "y = (a\n     % b)\nz != 1",
    'text = """\n%s\n"""': 'text = """\n%s\n"""',
}


@pytest.mark.parametrize(("written", "read"), CELLS.items())
async def test_what_only_ipython_understands_is_replaced_in_place(written: str, read: str) -> None:
    assert python_only(written) == read
