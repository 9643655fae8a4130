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
            # The functions go last: stacks need them to delete what they hold.
            rounds = [[t for t in of_kind if t.name != world.prefix], [t for t in of_kind if t.name == world.prefix]]
            for together in rounds:
                with ThreadPoolExecutor(8) as pool:
                    for thing, reason in zip(together, pool.map(lambda t: _removed(world, t), together), strict=True):
                        if reason is None:
                            say(f"removed {thing.kind} {thing.name} from {thing.account}")
                        else:
                            failed[thing] = reason
    if not failed:
        world.journal.forget()
    return failed


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
