"""Why a run has no answer, in words for the person who asked."""

from __future__ import annotations


class NoAnswer(Exception):
    """The model could not be run, or the run proves nothing. The text says why and, where there is one, the cure."""
