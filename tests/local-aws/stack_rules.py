"""Which stacks CloudFormation updates, creates again and deletes: as AWS, after an operation that failed.

A stack whose creation was rolled back can only be deleted, and one whose rollback or deletion failed can't be updated.
`aws cloudformation deploy` asks for a change set of type UPDATE for each stack that is there, and prints the refusal.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html
"""

from ministack.core.responses import now_iso
from ministack.services.cloudformation import stacks
from ministack.services.cloudformation.handlers import _ACTION_HANDLERS, _resolve_stack
from ministack.services.cloudformation.helpers import _error, _p

from rules import replaced

FAILED = {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "DELETE_FAILED", "UPDATE_ROLLBACK_FAILED", "IMPORT_ROLLBACK_FAILED"}
# By its name such a stack isn't found: it has been deleted, or nobody has executed its first change set yet.
ABSENT = {"DELETE_COMPLETE", "REVIEW_IN_PROGRESS"}


def _asked(action):
    """Puts a function before an action of CloudFormation; the action follows if the function answers nothing."""

    def decorator(rule):
        original = _ACTION_HANDLERS[action]
        _ACTION_HANDLERS[action] = lambda params: rule(params) or original(params)
        return rule

    return decorator


@_asked("UpdateStack")
def update(params):
    stack = _there(params)
    if stack and not _can_be_updated(stack["StackStatus"]):
        return _error(
            "ValidationError", f"Stack:{stack['StackId']} is in {stack['StackStatus']} state and can not be updated."
        )
    return None


@_asked("CreateChangeSet")
def change(params):
    if _p(params, "ChangeSetType", "UPDATE") != "CREATE":
        return update(params)
    stack = _there(params)
    if stack:
        name, set_name = stack["StackName"], _p(params, "ChangeSetName")
        return _error(
            "ValidationError",
            f"Stack [{name}] already exists and cannot be created again with the changeSet [{set_name}].",
        )
    return None


@_asked("CreateStack")
def create(params):
    stack = _there(params)
    return stack and _error("AlreadyExistsException", f"Stack [{stack['StackName']}] already exists")


@replaced(stacks)
async def _roll_back_operation(roll_back, stack_name, stack_id, stack, operation, **named):
    """What a rollback couldn't delete stays in the stack, so that a deletion tries it again."""
    # The rollback takes them out of the stack's own list.
    before = dict(stack.get("_resources", {}))
    await roll_back(stack_name, stack_id, stack, operation, **named)
    if stack["StackStatus"] == "ROLLBACK_FAILED":
        for logical_id in stack["_rollback_failed"]:
            failed = {**before[logical_id], "ResourceStatus": "DELETE_FAILED", "Timestamp": now_iso()}
            stack["_resources"][logical_id] = failed


def _there(params):
    stack = _resolve_stack(_p(params, "StackName"))
    return None if stack is None or stack["StackStatus"] in ABSENT else stack


def _can_be_updated(status):
    return status not in FAILED and not status.endswith("_IN_PROGRESS")
