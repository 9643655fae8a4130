"""Statements in other words: what the functions take for the same, and how what is shown differs from what was put."""

import json
import re

ROOT = re.compile(r"arn:[\w-]+:iam::(\d{12}):root")


def meaning(statements):
    """In the order of the statements; the rules are those of shared/policy-statement/src/equivalent.rs."""
    return [{name: _element(name, value) for name, value in each.items() if value != {}} for each in statements]


def differences(put, shown):
    """What is shown in other words, element by element, without any value."""
    said = []
    if [each.get("Sid") for each in put] != [each.get("Sid") for each in shown]:
        said.append("other statements, or in another order")
    for before, after in zip(put, shown, strict=False):
        for name in {**before, **after}:
            if json.dumps(before.get(name)) != json.dumps(after.get(name)):
                said.append(f"{name} is {_kind(name, before.get(name))} and shown as {_kind(name, after.get(name))}")
    return list(dict.fromkeys(said))


def _element(name, value):
    if name == "Principal":
        return {kind: sorted(ROOT.sub(r"\1", each) for each in _list(values)) for kind, values in value.items()}
    if name == "Condition":
        return {
            operator: {key.lower(): sorted(str(each).lower() for each in _list(values)) for key, values in keys.items()}
            for operator, keys in value.items()
        }
    if name in ("Action", "Resource"):
        return sorted(each.lower() if name == "Action" else each for each in _list(value))
    return value


def _kind(name, value):
    """The form of a value: what it holds may be an account's."""
    if value is None:
        return "absent"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_kind(name, each)}" for key, each in sorted(value.items())) + "}"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if isinstance(value, str):
        return (
            "a root's ARN" if ROOT.fullmatch(value) else "an account's id" if re.fullmatch(r"\d{12}", value) else "text"
        )
    return type(value).__name__


def _list(value):
    return value if isinstance(value, list) else [value]
