"""Addresses of documents and the paths that the engine knows them by."""

from __future__ import annotations

import os

from pygls.uris import from_fs_path, to_fs_path


def path_of(uri: str) -> str:
    """The absolute path of a file's address. Any other address (`untitled:`, a notebook's cell) stands for itself: it is in no project."""
    path = to_fs_path(uri) if uri[:5].lower() == "file:" else None
    return os.path.normpath(path) if path else uri


def uri_of(path: str) -> str:
    uri: str = from_fs_path(path)
    return uri
