"""The last words of a run."""

from __future__ import annotations

from collections import Counter

from nnlint.cli.report import Report
from nnlint.findings import Applicability, Severity


def summary(report: Report, file_count: int) -> str:
    """How much was found, and how much of it can be fixed how."""
    if not report.findings:
        return f"No findings in {_count(file_count, 'file')}."
    by_severity = Counter(finding.severity for finding in report.findings)
    kinds = ", ".join(f"{by_severity[severity]} {severity.label}" for severity in sorted(Severity, reverse=True) if by_severity[severity])
    return " ".join([f"Found {_count(len(report.findings), 'finding')} ({kinds}).", *_fixable(report)])


def fix_summary(applied: Counter[str], report: Report, would: bool = False) -> str:
    """What fixing came to; `would`, where nothing is written."""
    verb = "Would fix" if would else "Fixed"
    codes = f" ({', '.join(f'{code}: {count}' for code, count in sorted(applied.items()))})" if applied else ""
    more = _more_with_unsafe(report)
    rest = f"; {more} more with --unsafe-fixes" if more else ""
    left = len(report.findings)
    return f"{verb} {_count(applied.total(), 'finding')}{codes}{rest}; {_count(left, 'finding')} {'would be ' if would else ''}left."


def ignore_summary(suppressed: int) -> str:
    return f"Suppressed {_count(suppressed, 'finding')}."


def _fixable(report: Report) -> list[str]:
    now = sum(map(report.is_fixable, report.findings))
    more = _more_with_unsafe(report)
    words = [f"{now} can be fixed with --fix"] if now else []
    words += [f"{more} {'more ' if now else 'can be fixed '}with --fix --unsafe-fixes"] if more else []
    return [f"{', '.join(words)}."] if words else []


def _more_with_unsafe(report: Report) -> int:
    """The findings that `--fix` would fix only together with `--unsafe-fixes`, which is not given."""
    return sum(
        any(fix.applicability is Applicability.UNSAFE for fix in finding.fixes)
        for finding in report.findings
        if not report.is_fixable(finding)
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
