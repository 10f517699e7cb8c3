"""A run of `lsp-check`, from options to an exit status, in each of its modes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from nnlint.cli.add_ignore import add_ignores
from nnlint.cli.check_options import CheckOptions
from nnlint.cli.diff import unified_diff
from nnlint.cli.errors import UsageMistake
from nnlint.cli.fix import Fixed, fix_files
from nnlint.cli.output import write_bytes, write_note, write_report
from nnlint.cli.report import Names, Report
from nnlint.cli.reporters import renderer
from nnlint.cli.session import Outcome, Session, constructions_of, findings_of, open_session
from nnlint.cli.statistics import render_statistics
from nnlint.cli.summary import fix_summary, ignore_summary, summary
from nnlint.cli.targets import Stdin
from nnlint.cli.write import write_fixed
from nnlint.engine import Construction
from nnlint.workspace import ConfigError

CLEAN, FOUND, FAILED = 0, 1, 2


def run(options: CheckOptions) -> int:
    """Checks, fixes and reports as the options say. Raises `UsageMistake` for what the person can put right."""
    try:
        session = open_session(options)
        if options.diff:
            return _show_diff(session)
        if options.add_ignore is not None:
            return _add_ignores(session, options.add_ignore)
        if options.fix or options.fix_only:
            return _fix(session)
        return _report(session, _deep_outcomes(session) if options.deep else session.outcomes)
    except ConfigError as error:
        raise UsageMistake(str(error)) from None


def _deep_outcomes(session: Session) -> Sequence[Outcome]:
    # Only who asks for it pays for it, or lets anything of the project run.
    from nnlint.cli.deep_check import deep_outcomes

    return deep_outcomes(session)


def _report(session: Session, outcomes: Sequence[Outcome]) -> int:
    report = _report_of(session, outcomes)
    write_report(_rendered(session, report, constructions_of(outcomes)), session.options.output_file)
    session.notes.summary(summary(report, len(session.names)))
    return _status(session, outcomes)


def _rendered(session: Session, report: Report, constructions: Sequence[Construction] | None = None) -> str:
    if session.options.statistics:
        return render_statistics(report, constructions, session.options.format, session.options.verbose)
    return renderer(session.options.format)(report)


def _report_of(session: Session, outcomes: Sequence[Outcome]) -> Report:
    # A file that is checked in a project inside another one has its text from there.
    owners = {path: outcome for outcome in outcomes for path in outcome.check.paths}

    def text(path: str) -> str | None:
        owner = owners.get(path)
        return next((text for outcome in ([owner] if owner else outcomes) if (text := outcome.text(path)) is not None), None)

    return Report(findings_of(outcomes), Names(session.names), text, session.style, session.options.grades)


def _status(session: Session, outcomes: Sequence[Outcome]) -> int:
    """The exit status of a report, once all that failed inside has been said."""
    failures = [error for outcome in outcomes for error in outcome.result.internal_errors]
    for error in failures:
        what, _, details = error.rstrip().partition("\n")
        session.notes.error(f"{what}; this is a mistake of nnlint's, please report it\n{details}".rstrip())
    if failures:
        return FAILED
    loud = any(finding.severity >= session.options.lowest_failing for finding in findings_of(outcomes))
    return FOUND if loud and not session.options.exit_zero else CLEAN


def _fix_all(session: Session) -> tuple[list[Outcome], list[Fixed]]:
    """Applies fixes in memory, project by project."""
    grades = session.options.grades
    fixed = [fix_files(old.check.sources, old.check.paths, old.check.settings_for, old.result, grades) for old in session.outcomes]
    return [Outcome(old.check, new.result, new.texts) for old, new in zip(session.outcomes, fixed, strict=True)], fixed


def _have_problems(session: Session, fixed: Iterable[Fixed]) -> bool:
    """Whether something could not be done, which is said."""
    problems = [problem for one in fixed for problem in one.problems]
    for path, words in problems:
        session.notes.error(f"{Names(session.names)(path)}: {words}")
    return bool(problems)


def _fix(session: Session) -> int:
    outcomes, fixed = _fix_all(session)
    if session.stdin is not None:
        write_bytes(_fixed_stdin(session.stdin, outcomes))
    else:
        write_fixed([(outcome.check.disk, outcome.texts) for outcome in outcomes], Names(session.names))
    report = _report_of(session, outcomes)
    if not session.options.fix_only:
        _report_after_fixing(session, report)
    session.notes.summary(fix_summary(_applied(fixed), report))
    status = _status(session, outcomes)
    if _have_problems(session, fixed):
        return FAILED
    return CLEAN if session.options.fix_only and status == FOUND else status


def _applied(fixed: Iterable[Fixed]) -> Counter[str]:
    return sum((one.applied for one in fixed), Counter())


def _add_ignores(session: Session, reason: str) -> int:
    added = [add_ignores(old.check.sources, old.check.paths, old.check.settings_for, old.result, reason) for old in session.outcomes]
    write_fixed([(old.check.disk, new.texts) for old, new in zip(session.outcomes, added, strict=True)], Names(session.names))
    session.notes.summary(ignore_summary(_applied(added).total()))
    failed = _status(session, session.outcomes) == FAILED
    return FAILED if _have_problems(session, added) or failed else CLEAN


def _report_after_fixing(session: Session, report: Report) -> None:
    """Where the fixed text of standard input has taken standard output, the report gives way, as in ruff."""
    text = _rendered(session, report)
    if session.stdin is not None and session.options.output_file is None:
        write_note(text)
    else:
        write_report(text, session.options.output_file)


def _fixed_stdin(stdin: Stdin, outcomes: Iterable[Outcome]) -> bytes:
    """Standard input as fixes have left it; byte for byte the same where there was nothing to fix."""
    changed = next((outcome.texts[stdin.path] for outcome in outcomes if stdin.path in outcome.texts), None)
    return stdin.data if changed is None or stdin.source is None else stdin.source.encode(changed)


def _show_diff(session: Session) -> int:
    outcomes, fixed = _fix_all(session)
    name = Names(session.names)
    changes = {path: (outcome.check.sources.text(path) or "", text) for outcome in outcomes for path, text in outcome.texts.items()}
    diffs = [unified_diff(name(path), *changes[path], session.style) for path in sorted(changes, key=name)]
    write_report("".join(diffs), session.options.output_file)
    session.notes.summary(fix_summary(_applied(fixed), _report_of(session, outcomes), would=True))
    if _have_problems(session, fixed) or _status(session, outcomes) == FAILED:
        return FAILED
    return FOUND if diffs and not session.options.exit_zero else CLEAN
