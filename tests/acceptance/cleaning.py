"""Takes away what runs under a prefix have made: what the journal tells, and what carries prefix and tag."""

import contextlib
from concurrent.futures import ThreadPoolExecutor

import things
from world import Stopped


def clean(world, say):
    """Removes what is left, whoever made it; returns what couldn't be removed, with the reason."""
    failed = {}
    # Twice: what a stack kept when it was deleted is found the second time, and what was in the way has gone.
    for _ in range(2):
        failed.clear()
        left = list(dict.fromkeys([*world.journal.left(), *things.found(world)]))
        for together in _phases(world, left):
            with ThreadPoolExecutor(8) as pool:
                for thing, reason in zip(together, pool.map(lambda t: _removed(world, t), together), strict=True):
                    if reason is None:
                        say(f"removed {thing.kind} {thing.name} from {thing.account}")
                    else:
                        failed[thing] = reason
    if not failed:
        world.journal.forget()
    return failed


def _phases(world, left):
    """What goes at once. Stacks of resources first, which the functions have to answer; then the shares of subnets, and
    the stacks that hold these, or let others call the functions; then the functions; then all else, by its kind."""
    needed = {world.name(of) for of in ("echo", "fixtures", "tooling")}
    stacks = [thing for thing in left if thing.kind == "stack"]
    functions = [thing for thing in stacks if thing.name == world.prefix]
    last = [thing for thing in stacks if thing.name in needed]
    first = [thing for thing in stacks if thing not in last and thing not in functions]
    kinds = {kind: [thing for thing in left if thing.kind == kind] for kind in things.KINDS if kind != "stack"}
    return [first, kinds.pop("share"), last, functions, *kinds.values()]


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
