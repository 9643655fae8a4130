"""Takes away what runs under a prefix have made: what the journal tells, and what carries prefix and tag."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import things
from world import Stopped


def clean(world, say):
    """Removes what is left, whoever made it; returns what couldn't be removed, with the reason."""
    failed = {}
    order = list(things.KINDS)
    # Twice: what a stack kept when it was deleted is found the second time, and what was in the way has gone.
    for _ in range(2):
        failed.clear()
        left = list(dict.fromkeys([*world.journal.left(), *things.found(world)]))
        for kind in order:
            of_kind = [thing for thing in left if thing.kind == kind]
            for together in _rounds(world, of_kind):
                with ThreadPoolExecutor(8) as pool:
                    for thing, reason in zip(together, pool.map(lambda t: _removed(world, t), together), strict=True):
                        if reason is None:
                            say(f"removed {thing.kind} {thing.name} from {thing.account}")
                        else:
                            failed[thing] = reason
    if not failed:
        world.journal.forget()
    return failed


def _rounds(world, left):
    """What goes at once: stacks first that functions have to answer, then who lets them call, then the functions."""
    answering = {world.name(of) for of in ("callers", "echo", "fixtures", "tooling")}
    ranks = [[], [], []]
    for thing in left:
        ranks[2 if thing.name == world.prefix else 1 if thing.name in answering else 0].append(thing)
    return ranks


def _removed(world, thing):
    """None once it is gone, or why it isn't."""
    try:
        things.remove(world, thing)
    except Stopped:
        raise
    except Exception as error:
        return f"{type(error).__name__}: {error}"
    with contextlib.suppress(FileNotFoundError):
        world.journal.gone(thing)
    return None
