"""The API's description taken apart for people who read it on a page. Pure: OpenAPI in, plain words out.

What an operation does is said where it is written; nothing is said here that the description does not say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_REFERENCE = "#/components/schemas/"
_KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "true or false", "null": "null"}
_MOST_VALUES = 12  # of an enumeration; regions are more


@dataclass(frozen=True)
class Field:
    """One value that is sent or answered. `shape` names what it consists of, where that has fields of its own."""

    name: str
    kind: str
    text: str
    required: bool
    shape: str | None = None


@dataclass(frozen=True)
class Refusal:
    """One way in which an operation may not be done."""

    status: str
    code: str
    text: str


@dataclass(frozen=True)
class Operation:
    """One thing that programs can do. `parameters` are in the address or in headers, `sent` is the body's shape."""

    id: str
    method: str
    path: str
    tag: str
    summary: str
    text: str
    token: bool
    parameters: tuple[Field, ...]
    sent: str | None
    answered: str | None
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class Shape:
    """A JSON object by its fields."""

    name: str
    text: str
    fields: tuple[Field, ...]


def operations(description: Mapping[str, Any]) -> list[Operation]:
    """Every operation, in the order in which they are described."""
    examples = description["components"]["examples"]
    return [
        Operation(
            id=found["operationId"],
            method=method.upper(),
            path=path,
            tag=found["tags"][0],
            summary=found["summary"],
            text=found["description"],
            token=bool(found.get("security")),
            parameters=tuple(
                _field(each["name"], each["schema"] | {"description": each["description"]}, bool(each["required"]))
                for each in found.get("parameters", ())
            ),
            sent=_shape_of(found.get("requestBody", {})),
            answered=_shape_of(found["responses"]["200"]),
            refusals=tuple(
                Refusal(status, code, examples[code]["summary"])
                for status, answer in sorted(found["responses"].items())
                if status >= "400"
                for code in answer["content"]["application/problem+json"]["examples"]
            ),
        )
        for path, methods in description["paths"].items()
        for method, found in methods.items()
    ]


def shapes(description: Mapping[str, Any]) -> list[Shape]:
    """Every object that is sent or answered, by name."""
    known = description["components"]["schemas"]
    return [
        Shape(name, schema["description"], tuple(_fields(schema, known)))
        for name, schema in sorted(known.items())
        if "properties" in schema
    ]


def sent(description: Mapping[str, Any]) -> frozenset[str]:
    """The names of the objects that are sent; all others are answered."""
    by_name = {shape.name: shape for shape in shapes(description)}
    todo = [operation.sent for operation in operations(description) if operation.sent is not None]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        found.add(name)
        todo += [field.shape for field in by_name[name].fields if field.shape is not None and field.shape not in found]
    return frozenset(found)


def _fields(schema: Mapping[str, Any], known: Mapping[str, Any]) -> Iterator[Field]:
    for name, rules in schema["properties"].items():
        yield _field(name, _resolved(rules, known), name in schema.get("required", ()))


def _resolved(rules: Mapping[str, Any], known: Mapping[str, Any]) -> Mapping[str, Any]:
    """An enumeration in its place; what has fields of its own stays a reference."""
    name = rules.get("$ref", "").removeprefix(_REFERENCE)
    return known[name] | rules if name and "properties" not in known[name] else rules


def _field(name: str, rules: Mapping[str, Any], required: bool) -> Field:
    return Field(name, kind(rules), rules.get("description", ""), required, _named(rules))


def _named(rules: Mapping[str, Any]) -> str | None:
    """The object that a value is, may be, or is a list of."""
    for each in (rules, rules.get("items", {}), *rules.get("anyOf", ())):
        if "$ref" in each and "type" not in each:
            return str(each["$ref"]).removeprefix(_REFERENCE)
    return None


def kind(rules: Mapping[str, Any]) -> str:
    """What a value is, in words; an object by its name."""
    if "$ref" in rules and "type" not in rules:
        return str(rules["$ref"]).removeprefix(_REFERENCE)
    if "anyOf" in rules:
        return " or ".join(kind(each) for each in rules["anyOf"])
    if "const" in rules:
        return str(rules["const"])
    if "enum" in rules:
        values = [str(value) for value in rules["enum"]]
        return ", ".join(values) if len(values) <= _MOST_VALUES else f"{values[0]}, … {values[-1]}"
    if rules.get("type") == "array":
        return f"list of {kind(rules['items'])}"
    if rules.get("type") == "object":
        inner = rules.get("additionalProperties")
        return f"object of {kind(inner)}" if isinstance(inner, Mapping) else "object"
    if rules.get("format") == "date-time":
        return "moment"
    return _KINDS[rules["type"]]


def _shape_of(answer: Mapping[str, Any]) -> str | None:
    schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
    return str(schema["$ref"]).removeprefix(_REFERENCE) if "$ref" in schema else None
