"""The life of a resource type through stacks: every kind of change that CloudFormation knows, and what is left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field

from outcome import Outcome, held, not_tried
from stacks import Stack
from world import MANAGEMENT, Stopped

# Under which names the resource is in its template: the second is the same thing, renamed.
FIRST, RENAMED, BAD = "Thing", "RenamedThing", "Bad"


@dataclass(frozen=True)
class Life:
    """A type, what its resource says at each step, and how what is there is looked at."""

    type: str
    function: str
    # Properties, from the world; a step that has none isn't part of the life.
    first: Callable
    look: Callable
    second: Callable | None = None
    elsewhere: Callable | None = None
    # Why not, if this life can't be tried.
    hindrance: Callable = field(default=lambda world: None)
    where: str = MANAGEMENT
    # Whether it is to be made before anything else in its stack fails: an account would be made, and closed again.
    rolls_back: bool = True
    # Said of what has to be in the properties of the renamed one.
    renamed: Callable = field(default=lambda world: {})
    # What else is looked at once it has changed in place.
    once_updated: Callable | None = None
    # The last change before it goes.
    before_the_end: Callable | None = None
    # Why nothing is updated, where nothing is.
    never_updated: str = "every property of this type replaces it"
    # Whether it was there before the resource, and stays when that goes.
    stays: bool = False


@dataclass(frozen=True)
class Step:
    life: str
    name: str
    outcome: Outcome


class Living:
    """A life in progress: each step compares what is there with what was there before."""

    def __init__(self, life, world):
        self.life = life
        self.world = world
        account = world.accounts[life.where]
        self.token = (
            f"arn:{account.partition}:lambda:{account.region}:{account.id}:function:{world.prefix}-{life.function}"
        )
        self.stack = Stack(world, f"life-{life.function}", life.where)
        self.steps = []

    def run(self):
        """All steps; the first that isn't good is the last."""
        why = self.life.hindrance(self.world)
        if why is not None:
            self.steps.append(Step(self.life.type, "all", not_tried(why)))
            return self.steps
        try:
            for name, step in (
                ("failing create", self.failing_create),
                ("create", self.create),
                ("no-op", self.no_op),
                ("update", self.update),
                ("failing update", self.failing_update),
                ("rename of the logical id", self.rename),
                ("replacement", self.replace),
                ("delete", self.delete),
            ):
                started = time.monotonic()
                outcome = self._tried(step).took(time.monotonic() - started)
                self.steps.append(Step(self.life.type, name, outcome))
                if not outcome.is_good:
                    break
        except Stopped:
            self.steps.append(Step(self.life.type, "the rest", not_tried("the run was stopped")))
        return self.steps

    def failing_create(self):
        self.nothing = self.look()
        bad = self._template(self.life.first(self.world), bad=True)
        ended = self.stack.create(bad)
        if ended.status != "ROLLBACK_COMPLETE" or not _says_why(ended):
            return held(False, str(ended))
        self.stack.delete()
        return self._shows(lambda there: there == self.nothing, f"{ended.status}, and nothing is left")

    def create(self):
        ended = self.stack.create(self._template(self.life.first(self.world)))
        if ended.status != "CREATE_COMPLETE":
            return held(False, str(ended))
        self.id = self.stack.ids()[FIRST]
        return self._shows(lambda there: self.life.stays or there != self.nothing, "it is there")

    def no_op(self):
        # Another time limit reaches the function, and changes nothing.
        return self._changed(lambda there, before: there == before, "what is there is as it was", ServiceTimeout="3500")

    def update(self):
        if self.life.second is None or self.life.second(self.world) is None:
            return not_tried(self.life.never_updated)
        self.now = self.life.second
        outcome = self._changed(lambda there, before: there != before, "changed in place")
        if outcome.is_good and self.life.once_updated:
            self.life.once_updated(self.world)
        return outcome

    def failing_update(self):
        before = self.look()
        ended = self.stack.update(self._template(self._changing(), bad=True))
        if ended.status != "UPDATE_ROLLBACK_COMPLETE" or not _says_why(ended):
            return held(False, str(ended))
        return self._shows(lambda there: there == before, f"{ended.status}, and all is as it was")

    def rename(self):
        before = self.look()
        self.logical_id = RENAMED
        ended = self.stack.update(self._template({**self.now(self.world), **self.life.renamed(self.world)}))
        if ended.status != "UPDATE_COMPLETE":
            return held(False, str(ended))
        self.id = self.stack.ids()[RENAMED]
        return self._shows(lambda there: there == before, "what is there is as it was")

    def replace(self):
        if self.life.elsewhere is None:
            return not_tried("no property of this type replaces it")
        before, self.now = self.look(), self.life.elsewhere
        ended = self.stack.update(self._template({**self.now(self.world), **self.life.renamed(self.world)}))
        now = self.stack.ids()[RENAMED]
        if ended.status != "UPDATE_COMPLETE" or now == self.id:
            return held(False, f"{ended}; its id is {'the same' if now == self.id else 'another'}")
        return self._shows(lambda there: there != before, "the new one is there, and the old one gone")

    def delete(self):
        if self.life.before_the_end and self.life.before_the_end(self.world) != self.now(self.world):
            said = {**self.life.before_the_end(self.world), **self.life.renamed(self.world)}
            ended = self.stack.update(self._template(said))
            if ended.status != "UPDATE_COMPLETE":
                return held(False, str(ended))
        ended = self.stack.delete()
        if ended.status != "DELETE_COMPLETE":
            return held(False, str(ended))
        return self._shows(lambda there: there == self.nothing, "nothing is left")

    def look(self):
        return self.life.look(self.world)

    # How the resource is called, and what it says at the moment.
    logical_id = FIRST

    def now(self, world):
        return self.life.first(world)

    def _changing(self):
        """What the failing update would change: back to the first, or another time limit."""
        said = self.life.first(self.world)
        return said if said != self.now(self.world) else {**said, "ServiceTimeout": "3400"}

    def _changed(self, holds, said, **more):
        before = self.look()
        ended = self.stack.update(self._template({**self.now(self.world), **more}))
        now = self.stack.ids()[self.logical_id]
        if ended.status != "UPDATE_COMPLETE" or now != self.id:
            return held(False, f"{ended}; its id is {'the same' if now == self.id else 'another'}")
        return self._shows(lambda there: holds(there, before), said)

    def _shows(self, holds, said):
        """Reads lag behind: what is there is looked at until it is as it should be."""
        seconds = self.world.until(lambda: holds(self.look()), within=self.world.lag if not self.world.local else 15)
        if seconds is None:
            return held(False, f"what is there is otherwise: {self.look()}")
        return held(True, f"{said}; seen after {seconds:.0f} s" if seconds >= 1 else said)

    def _template(self, said, bad=False):
        thing = {"ServiceToken": self.token, **said}
        resources = {self.logical_id: {"Type": f"Custom::{self.life.type}", "Properties": thing}}
        if bad and self.life.rolls_back:
            # It fails once the resource is there: CloudFormation has to take that back.
            nonsense = {**thing, "Nonsense": "a property that no type has"}
            resources[BAD] = {
                "Type": f"Custom::{self.life.type}",
                "DependsOn": self.logical_id,
                "Properties": nonsense,
            }
        elif bad:
            thing["Nonsense"] = "a property that no type has"
        return {"Resources": resources}

    def _tried(self, step):
        try:
            return step()
        except Stopped:
            raise
        except Exception as error:
            return Outcome.failed(f"{type(error).__name__}: {error}")


def _says_why(ended):
    return ended.failed_with("Nonsense")
