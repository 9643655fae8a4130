"""Who may do what by a policy: a statement in two lines, with accounts and units by their names."""

import json
import re
import textwrap
from dataclasses import dataclass

from botocore.exceptions import ClientError

WIDTH = 92
# Equal to one of the values: no word but "is".
EQUALS = ("ArnEquals", "Bool", "StringEquals")


@dataclass(frozen=True)
class Grant:
    """A statement: whom it is about, and what it lets them do or denies them."""

    who: tuple
    verb: str
    actions: tuple
    conditions: tuple
    sid: str

    def __str__(self):
        said = f"{self.verb} {', '.join(self.actions)}"
        if self.conditions:
            said += f" if {' and '.join(self.conditions)}"
        wrapped = textwrap.wrap(said, WIDTH - 4, break_on_hyphens=False, break_long_words=False)
        return "\n    ".join([f"{', '.join(self.who):<52} {self.sid}", *wrapped])


def read(get, names):
    """The grants of the policy that `get` gets; none if there is no policy, or nothing that has one."""
    try:
        document = get()
    except ClientError as error:
        # NoSuchBucketPolicy, NoSuchEntity, RepositoryNotFoundException and so on.
        if re.search("NoSuch|NotFound", error.response["Error"]["Code"]):
            return []
        raise
    document = json.loads(document) if isinstance(document, str) else document
    return [_grant(statement, names) for statement in document["Statement"]]


def entries(grants):
    """What a list shows of them."""
    return [str(grant) for grant in grants] or ["(nobody)"]


def _grant(statement, names):
    conditions = dict(statement.get("Condition", {}))
    # The account is trusted as a whole, for the roles of it that the condition names.
    who = conditions.get("ArnEquals", {}).get("aws:PrincipalArn")
    if who:
        conditions["ArnEquals"] = {
            key: value for key, value in conditions["ArnEquals"].items() if key != "aws:PrincipalArn"
        }
    else:
        principal = statement["Principal"]
        who = principal if principal == "*" else [each for kind in principal.values() for each in _list(kind)]
    return Grant(
        who=tuple(_named(each, names) for each in _list(who)),
        verb="may" if statement["Effect"] == "Allow" else "may not",
        actions=tuple(_list(statement["Action"])),
        conditions=tuple(
            _condition(operator, key, [str(each) for each in _list(value)], names)
            for operator, keys in conditions.items()
            for key, value in keys.items()
        ),
        sid=statement.get("Sid", ""),
    )


def _condition(operator, key, values, names):
    """`in Workloads/Production/app` for the path of a unit that has a name."""
    units = [names.get(value.removesuffix("/*").rpartition("*")[2]) for value in values]
    if key == "aws:PrincipalOrgPaths" and all(units):
        return f"in {' or '.join(units)}"
    return f"{key} {'is' if operator in EQUALS else operator} {' or '.join(values)}"


def _named(principal, names):
    """`role/app-deploy of app-development` for an ARN, `tooling` for an account."""
    if principal == "*":
        return "everybody"
    account, _, entity = principal.removeprefix("arn:aws:iam::").partition(":")
    account = names.get(account, account)
    return account if entity in ("", "root") else f"{entity} of {account}"


def _list(value):
    return value if isinstance(value, list) else [value]
