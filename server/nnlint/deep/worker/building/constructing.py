"""Constructs a model from the expression that a way names."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterable
from types import CodeType
from typing import Any

from torch import nn

from ..failures import first_line
from ..messages import Way
from ..problems import NoAnswer
from ..running.calling import seed

# Parameters that have a constructor load a checkpoint; a run needs none, and may not load any.
_WEIGHTS = re.compile(r"(\w+_)?(pretrained|weights|ckpt|checkpoint)(_\w+)?")
_LACKING = re.compile(r"missing \d+ required (?:positional|keyword-only) arguments?: (.*)$")


class CannotConstruct(NoAnswer):
    """The constructor failed. `call` is what to write in its place: `Net(num_classes=...)`."""

    def __init__(self, reason: str, call: str) -> None:
        super().__init__(reason)
        self.call = call


class Blueprint:
    """A way's expression, which gives an equal model each time; `text` is the expression as it is evaluated."""

    def __init__(self, way: Way, names: dict[str, Any]) -> None:
        self.text = way.model.strip()
        self._names = dict(names)
        try:
            expression = ast.parse(self.text, mode="eval").body
        except SyntaxError as error:
            raise CannotConstruct(f"{self.text} is no Python expression: {error.msg}", f"{way.model}(...)") from None
        standing = _where_it_stands(expression, way.path)
        self._code = _compiled(expression) if standing is None else _compiled(standing, way.path)
        self._expression = expression
        self._is_tried = False

    def model(self) -> nn.Module:
        """The model, in training mode, from the same random state every time; raises `CannotConstruct`."""
        try:
            return self._evaluated()
        except NoAnswer:
            raise
        except (Exception, SystemExit) as error:
            if not self._is_tried and self._leave_weights_out():
                return self._evaluated_once_more(error)
            raise self._refusal(error) from error
        finally:
            self._is_tried = True

    def _evaluated_once_more(self, before: BaseException) -> nn.Module:
        try:
            return self._evaluated()
        except (Exception, SystemExit):
            raise self._refusal(before) from before

    def _evaluated(self) -> nn.Module:
        seed()
        value = eval(self._code, self._names)
        if not isinstance(value, nn.Module) and callable(value):
            self._change(ast.Call(self._expression, [], []))
            value = eval(self._code, self._names)
        model = _module_of(value, self.text)
        model.train()  # whose result some classes forget to return
        return model

    def _change(self, expression: ast.expr) -> None:
        self._expression, self.text, self._code = expression, ast.unparse(expression), _compiled(expression)

    def _leave_weights_out(self) -> bool:
        """Passes nothing for what would be a checkpoint; whether there is such a parameter."""
        call = self._expression
        parameters = self._parameters()
        if not isinstance(call, ast.Call) or not parameters:
            return False
        given = {keyword.arg for keyword in call.keywords} | {p.name for p in parameters[: len(call.args)]}
        loading = [p for p in parameters if _WEIGHTS.fullmatch(p.name) and p.name not in given and p.default not in (None, False, p.empty)]
        nothing = [ast.keyword(p.name, ast.Constant(False if p.default is True else None)) for p in loading]
        if nothing:
            self._change(ast.Call(call.func, call.args, [*call.keywords, *nothing]))
        return bool(nothing)

    def _parameters(self) -> list[inspect.Parameter]:
        """The parameters of what the expression calls, as far as they can be known."""
        called = self._expression.func if isinstance(self._expression, ast.Call) else self._expression
        try:
            return list(inspect.signature(eval(_compiled(called), self._names)).parameters.values())
        except Exception:
            return []

    def _refusal(self, error: BaseException) -> CannotConstruct:
        missing = self._missing(str(error)) if isinstance(error, TypeError) else []
        if not missing:
            return CannotConstruct(f"{self.text} fails: {first_line(error)}", self.text)
        return CannotConstruct(f"{self.text} lacks {_listed(missing)}", self._call_with(missing))

    def _missing(self, message: str) -> list[str]:
        """The required parameters that the expression gives nothing for, those that are handed on to a base class too."""
        call = self._expression
        if not isinstance(call, ast.Call) or any(isinstance(part, ast.Starred) for part in call.args):
            return []
        parameters = self._parameters()
        named = [p for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
        given = {keyword.arg for keyword in call.keywords} | {p.name for p in named[: len(call.args)]}
        missing = [p.name for p in named if p.default is p.empty and p.name not in given]
        lacking = _LACKING.search(message)
        if not missing and lacking is not None and any(p.kind is p.VAR_KEYWORD for p in parameters):
            return re.findall(r"'(\w+)'", lacking.group(1))
        return missing

    def _call_with(self, missing: list[str]) -> str:
        call = self._expression
        assert isinstance(call, ast.Call)
        keywords = [*call.keywords, *(ast.keyword(name, ast.Constant(...)) for name in missing)]
        return ast.unparse(ast.Call(call.func, call.args, keywords)).replace("Ellipsis", "...")


def pragma(call: str, inputs: str) -> str:
    """The comment that says how to build and call a model."""
    return f"# nnlint: deep {call}, input={inputs}"


def _module_of(value: Any, text: str) -> nn.Module:
    """The one module that a value is or holds."""
    parts: Iterable[Any] = value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else [value]
    held = [part for part in parts if isinstance(part, nn.Module)]
    if len(held) == 1:
        return held[0]
    kind = type(value).__name__
    raise CannotConstruct(f"{text} gives a {kind} with {len(held)} modules in it" if held else f"{text} gives a {kind}, no nn.Module", text)


def _where_it_stands(expression: ast.expr, path: str) -> ast.expr | None:
    """The same call in the way's file, so that what it constructs is known to be constructed there."""
    if not isinstance(expression, ast.Call):
        return None
    try:
        with open(path, "rb") as file:
            tree = ast.parse(file.read(), path)
    except (OSError, SyntaxError, ValueError):
        return None
    wanted, called = ast.dump(expression), ast.dump(expression.func)
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.dump(node.func) == called)
    return next((node for node in calls if ast.dump(node) == wanted), None)


def _compiled(expression: ast.expr, path: str = "<way>") -> CodeType:
    return compile(ast.fix_missing_locations(ast.Expression(expression)), path, "eval")


def _listed(names: list[str]) -> str:
    return " and ".join(names) if len(names) < 3 else f"{', '.join(names[:-1])} and {names[-1]}"
