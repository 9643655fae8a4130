"""The table of beliefs, by what they are about."""

from . import answers, organizations, policies, sharing

TABLE = [*answers.TABLE.beliefs, *organizations.TABLE.beliefs, *policies.TABLE.beliefs, *sharing.TABLE.beliefs]
