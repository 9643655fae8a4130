"""How a rule takes the place of what moto or ministack does."""

import functools


def replaced(owner):
    """Puts a function in the place of the owner's of that name, which it takes as its first argument."""

    def decorator(rule):
        original = getattr(owner, rule.__name__)

        @functools.wraps(original)
        def method(self, *arguments, **named):
            return rule(original, self, *arguments, **named)

        setattr(owner, rule.__name__, method)
        return rule

    return decorator
