"""Refuses, as AWS does and in its words, writes and queries of DynamoDB that ministack lets pass.

One of them at a time works on the tables.
"""

import json
import threading

from ministack.core.responses import error_response_json
from ministack.services import dynamodb

from rules import replaced

CLAUSES = ("SET", "REMOVE", "ADD", "DELETE")

# Expired items are deleted in a thread of its own, which holds this lock; nobody else did.
dynamodb._lock = threading.RLock()


@replaced(dynamodb)
def _apply_update_expression(apply, item, expression, values, names, updated=None):
    """One place is named once, and what is in a map needs the map:
    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.UpdateExpressions.html
    https://github.com/scylladb/scylladb/issues/10043"""
    clauses = _clauses(expression)
    for clause, _ in clauses:
        if [other for other, _ in clauses].count(clause) > 1:
            section = f'The "{clause}" section can only be used once in an update expression;'
            raise ValueError(f"Invalid UpdateExpression: {section}")
    paths = [(clause, path) for clause, actions in clauses for path in _paths(actions, names)]
    for index, (_, one) in enumerate(paths):
        for _, other in paths[:index]:
            if one[: len(other)] == other[: len(one)]:
                raise ValueError(
                    "Invalid UpdateExpression: Two document paths overlap with each other; must remove or rewrite one "
                    f"of these paths; path one: [{', '.join(map(str, other))}], path two: [{', '.join(map(str, one))}]"
                )
    for clause, path in paths:
        if clause == "REMOVE" and path[1:] and dynamodb._get_at_path(item, path[:-1]) is None:
            raise ValueError("The document path provided in the update expression is invalid for update")
    return apply(item, expression, values, names, updated)


@replaced(dynamodb)
def _validate_expression_attrs(validate, request, expressions, *wording):
    """ministack takes `:a` for used where `:ab` is."""
    refused = validate(request, expressions, *wording)
    tokens = [token for name in expressions for token in dynamodb._tokenize(request.get(name) or "")]
    used = {token[1] for token in tokens if token[0] in ("NAME_REF", "VALUE_REF")}
    for given in ("ExpressionAttributeValues", "ExpressionAttributeNames"):
        unused = [placeholder for placeholder in request.get(given) or () if placeholder not in used]
        if unused and not refused:
            return _invalid(f"Value provided in {given} unused in expressions: keys: {{{', '.join(unused)}}}")
    return refused


@replaced(dynamodb)
def _query(query, request):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Query.FilterExpression.html"""
    with dynamodb._lock:
        table = _table(request)
        names = request.get("ExpressionAttributeNames") or {}
        if table and request.get("FilterExpression"):
            keys = _keys(table, request.get("IndexName"))
            for name in _attributes(dynamodb._tokenize(request["FilterExpression"]), names):
                if name in keys:
                    only = "Filter Expression can only contain non-primary key attributes"
                    return _invalid(f"{only}: Primary key attribute: {name}")
        return query(request)


@replaced(dynamodb)
def _transact_write_items(transact, request):
    """ministack refuses another key of an item in UpdateItem alone."""
    with dynamodb._lock:
        for action in request.get("TransactItems") or ():
            update = action.get("Update") or {}
            table = _table(update)
            if table and update.get("UpdateExpression"):
                names = update.get("ExpressionAttributeNames") or {}
                paths = [path for _, actions in _clauses(update["UpdateExpression"]) for path in _paths(actions, names)]
                if refused := dynamodb._key_attribute_update_error(table, {tuple(path) for path in paths}):
                    return refused
        return transact(request)


def _with_its_message(cancel, *reasons):
    """This exception's message has a capital, unlike that of others: https://github.com/boto/boto3/issues/2657"""
    status, headers, body = cancel(*reasons)
    cancelled = json.loads(body)
    return status, headers, json.dumps({**cancelled, "Message": cancelled["message"]}).encode()


@replaced(dynamodb)
def _transact_cancel_response(cancel, *reasons):
    return _with_its_message(cancel, *reasons)


@replaced(dynamodb)
def _transact_validation_cancel_response(cancel, *reasons):
    return _with_its_message(cancel, *reasons)


@replaced(dynamodb)
def _update_item(update, request):
    with dynamodb._lock:
        return update(request)


@replaced(dynamodb)
def _put_item(put, request):
    with dynamodb._lock:
        return put(request)


@replaced(dynamodb)
def _delete_item(delete, request):
    with dynamodb._lock:
        return delete(request)


@replaced(dynamodb)
def _batch_get_item(get, request):
    with dynamodb._lock:
        return get(request)


@replaced(dynamodb)
def _get_item(get, request):
    with dynamodb._lock:
        return get(request)


def _invalid(words):
    return error_response_json("ValidationException", words, 400)


def _table(request):
    return dynamodb._tables.get(dynamodb._normalize_table_name(request.get("TableName")))


def _keys(table, index):
    key, place, _ = dynamodb._resolve_index_keys(table, index)
    return {key, place}


def _clauses(expression):
    """Each clause of an update, and the tokens of its actions."""
    clauses = []
    for token in dynamodb._tokenize(expression):
        if token[0] == "IDENT" and token[1].upper() in CLAUSES:
            clauses.append((token[1].upper(), []))
        elif clauses and token[0] != "EOF":
            clauses[-1][1].append(token)
    return clauses


def _paths(actions, names):
    """What the actions of a clause change."""
    return [dynamodb._parse_path_from_tokens(action, names) for action in dynamodb._split_by_comma(actions)]


def _attributes(tokens, names):
    """The attributes of an item that are named, without what is inside them."""
    for before, token in zip([("EOF", ""), *tokens], tokens, strict=False):
        if token[0] in ("IDENT", "NAME_REF") and before[0] != "DOT":
            yield names.get(token[1], token[1])
