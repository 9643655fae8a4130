"""The table of beliefs, by what they are about."""

from . import answers, callers, names, organizations, policies, sharing, tables

TABLE = [
    *answers.TABLE.beliefs,
    *callers.TABLE.beliefs,
    *names.TABLE.beliefs,
    *organizations.TABLE.beliefs,
    *policies.TABLE.beliefs,
    *sharing.TABLE.beliefs,
    *tables.TABLE.beliefs,
]
