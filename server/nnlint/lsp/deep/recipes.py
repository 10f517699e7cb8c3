"""The report of a training recipe, brought to where the client shows pages."""

from __future__ import annotations

import tempfile

from lsprotocol import types
from pygls.lsp.server import LanguageServer

from nnlint.deep.worker.messages import Answer
from nnlint.lsp.addresses import uri_of
from nnlint.lsp.capabilities import Client
from nnlint.lsp.documents import Document

RECIPE_REPORT = "nnlint/recipeReport"


async def show_recipe(server: LanguageServer, client: Client, document: Document, class_name: str, answer: Answer) -> str:
    """Show the report in the client, as well as it can; a sentence that says what is in it and where it is."""
    from nnlint.deep.recipe_report.html import render
    from nnlint.deep.recipe_report.recipe import Recipe

    recipe = Recipe(class_name, document.name, answer)
    page = render([recipe])
    if client.shows_recipes:
        server.protocol.notify(RECIPE_REPORT, {"uri": document.uri, "className": class_name, "html": page})
        return f"{class_name}: {recipe.summary}"
    path = _written(page, class_name)
    if client.opens_documents:
        await server.window_show_document_async(types.ShowDocumentParams(uri_of(path), external=True))
    return f"{class_name}: {recipe.summary}; the report is {path}"


def _written(page: str, class_name: str) -> str:
    """The path of a file of its own, which goes when the system cleans up its temporary files."""
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", prefix=f"nnlint-{class_name}-", suffix=".html", delete=False) as file:
        file.write(page)
    return file.name
