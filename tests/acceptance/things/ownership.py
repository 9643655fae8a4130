"""What makes a thing the run's own: the prefix in its name, and the run's tag."""

import json

from world import TAG


def tagged(world, tags):
    """Whether tags, in any of the forms in which services show them, hold the run's."""
    pairs = {tag.get("Key", tag.get("key", tag.get("TagKey"))): tag for tag in tags}
    tag = pairs.get(TAG, {})
    return world.prefix in (tag.get("Value"), tag.get("value"), tag.get("TagValue"))


def only(world, name, tags=None):
    """Whatever a journal says: what lacks the prefix or the tag is somebody else's, and stays."""
    if not world.is_ours(name):
        raise ValueError(f"{json.dumps(name)} doesn't carry the prefix {world.prefix}: it is left alone")
    if tags is not None and not tagged(world, tags):
        raise ValueError(f"{json.dumps(name)} doesn't carry the tag {TAG}={world.prefix}: it is left alone")
