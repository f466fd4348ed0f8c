"""Rules about regular expressions.

The broker compiles them with PCRE. Python's dialect differs in details, so only errors that both share count.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator

from mqctl.model.draft import Draft
from mqctl.model.problem import Problem

_SHARED_ERRORS = (
    "unbalanced parenthesis",
    "missing ), unterminated subpattern",
    "unterminated character set",
    "nothing to repeat",
    "bad character range",
    "bad escape (end of pattern)",
    "min repeat greater than max repeat",
)


def compile_error(pattern: str) -> str:
    """What keeps a pattern from being a regular expression, empty when nothing does."""
    if "\\Q" in pattern or "(?#" in pattern:
        return ""
    translated = re.sub(r"\(\?<(?=[A-Za-z_])", "(?P<", pattern)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            re.compile(translated)
        except re.error as error:
            return error.msg if error.msg.startswith(_SHARED_ERRORS) else ""
    return ""


def valid_patterns(draft: Draft) -> Iterator[Problem]:
    """Policies and permissions carry regular expressions (RabbitMQ guides "Policies", "Access Control")."""
    for path, pattern in _patterns(draft):
        error = compile_error(pattern)
        if error:
            yield Problem(
                path, f"must be a regular expression: {error}", pattern, "a literal ( [ * + ? needs a \\"
            )


def _patterns(draft: Draft) -> Iterator[tuple[str, str]]:
    cluster = draft.cluster
    if cluster is None:
        return
    for index, policy in enumerate(cluster.policies):
        yield f"rabbitmq_policies[{index}].pattern", policy.pattern
    for index, user in enumerate(cluster.users):
        for number, permission in enumerate(user.permissions):
            for right in ("configure", "write", "read"):
                path = f"rabbitmq_users[{index}].permissions[{number}].{right}"
                yield path, getattr(permission, right)


STRUCTURAL = (valid_patterns,)
