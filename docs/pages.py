"""Makes each type's page of its schema, its role in template.yaml, its bad templates, its example and docs/source/.

It takes the Python of cfn-lint. The schema for editors is made along with them.
"""

import json
import re
import sys
import textwrap
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import editor
from permissions import Permissions
from retries import Retries

DOCS = Path(__file__).resolve().parent
ROOT = DOCS.parent
MADE = "<!-- Made by `make docs`, of what docs/pages.py names. -->"


def schemas():
    """The schemas of all types by their names, without `Custom::`."""
    files = sorted((ROOT / "schemas").glob("[A-Z]*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in files}


def wrapped(text):
    return textwrap.fill(text, 120, break_long_words=False, break_on_hyphens=False)


def first(kinds):
    """A text may be any scalar, and any scalar a text: the type that is meant comes first."""
    return kinds if isinstance(kinds, str) else kinds[0]


def kind(schema):
    """The type in AWS's words."""
    if "anyOf" in schema:
        return "Json"
    if first(schema["type"]) == "array":
        items = schema["items"]
        return "List of Tag" if is_tag(items) else f"List of {kind(items)}"
    return first(schema["type"]).capitalize()


def is_tag(schema):
    return list(schema.get("properties", {})) == ["Key", "Value"]


def placeholder(schema):
    """A property's value in a syntax block."""
    if "anyOf" not in schema and first(schema["type"]) == "array":
        items = schema["items"]
        return [{"Key": "String", "Value": "String"} if is_tag(items) else kind(items)]
    return kind(schema)


def yaml(properties):
    for name, value in properties.items():
        if isinstance(value, str):
            yield f"  {name}: {value}"
            continue
        yield f"  {name}:"
        for item in value:
            lines = [item] if isinstance(item, str) else [f"{key}: {inner}" for key, inner in item.items()]
            yield f"    - {lines[0]}"
            yield from (f"      {line}" for line in lines[1:])


def syntax(schema):
    properties = {name: placeholder(each) for name, each in schema["properties"].items()}
    written = json.dumps({"Type": schema["title"], "Properties": properties}, indent=2)
    # A list of one word reads better on its line.
    written = re.sub(r'\[\s+("\w+")\s+\]', r"[\1]", written)
    return [
        "## Syntax",
        "\n".join(["```yaml", f"Type: {schema['title']}", "Properties:", *yaml(properties), "```"]),
        "\n".join(["```json", written, "```"]),
    ]


def required(name, schema):
    if name in schema["required"]:
        return "Yes"
    ways = [choice["required"] for choice in schema.get("oneOf", [])]
    if [name] in ways:
        others = " or ".join(f"`{way[0]}`" for way in ways if way != [name])
        return f"Yes, unless there is {others}"
    return "No"


def facts(name, each, schema):
    """The lines below a property."""
    yield "Required", required(name, schema)
    yield "Type", kind(each)
    values = each.get("items", each)
    if "boolean" not in values.get("type", []) and "enum" in values:
        yield "Allowed values", " | ".join(f"`{value}`" for value in values["enum"])
    if "default" in each:
        yield "Default", f"`{json.dumps(each['default'])}`"
    if "pattern" in values and first(values["type"]) == "string":
        yield "Pattern", f"`{values['pattern']}`"
    for key, label in (("minLength", "Minimum length"), ("maxLength", "Maximum length"), ("minItems", "Minimum items")):
        if key in each:
            yield label, str(each[key])
    for key, label in (("minimum", "Minimum"), ("maximum", "Maximum")):
        if key in each:
            yield label, str(each[key])
    for other, needs in schema.get("dependentRequired", {}).items():
        if other == name:
            yield "Needs", ", ".join(f"`{need}`" for need in needs)
    yield "Update", each.get("x-update", "No interruption")


def properties(schema):
    yield "## Properties"
    for name, each in schema["properties"].items():
        yield f"### `{name}`"
        yield wrapped(each["description"])
        yield "\n".join(f"- *{label}*: {fact}" for label, fact in facts(name, each, schema))


def return_values(schema):
    yield "## Return values"
    yield "### Ref"
    yield wrapped(schema["x-ref"])
    yield "### Fn::GetAtt"
    rows = [f"| `{name}` | {each['description']} |" for name, each in schema["x-attributes"].items()]
    yield "\n".join(["| attribute | |", "|---|---|", *rows]) if rows else "There is nothing."


def mistakes(name):
    """One bad template for each place in the properties, and what is said of it."""
    bad = json.loads((ROOT / f"tests/bad-templates/{name}.json").read_text(encoding="utf-8"))
    said = {}
    for each in bad:
        place = re.match(r"ResourceProperties(?:\.([\w.\[\]]+): |: [^`]*`(\w+)`)", each["reason"])
        if place:
            said.setdefault(re.sub(r"\[\d+\]", "", place[1] or place[2]), each)
    rows = [f"| {each['bad']} | {cell(each['reason'])} |" for each in said.values()]
    yield "## Mistakes"
    yield wrapped("What a template may get wrong is refused before AWS is asked, in words such as these:")
    yield "\n".join(["| the template has | the stack's event says |", "|---|---|", *rows])


def cell(text):
    return text.replace("|", "\\|")


def example(name):
    text = (DOCS / f"examples/{name}.yaml").read_text(encoding="utf-8")
    yield "## Example"
    yield f"[A whole template](examples/{name}.yaml), which the tests deploy:"
    yield f"```yaml\n{text.strip()}\n```"


def page(name, schema, permissions):
    """The page of a type."""
    source = (DOCS / f"source/{name}.md").read_text(encoding="utf-8").strip()
    intro, rest = Retries(schema).filled(source).split("\n## ", 1)
    parts = [
        f"# {schema['title']}",
        MADE,
        intro.strip(),
        *syntax(schema),
        *properties(schema),
        *return_values(schema),
        f"## {rest}",
        f"[Its faults](faults/{name}.md) say what comes of a call that goes wrong; [Faults](Faults.md) explains them.",
        *permissions.of(name),
        *mistakes(name),
        *example(name),
    ]
    return "\n\n".join(parts) + "\n"


def made():
    """All that is made, by the names of its files in the repository."""
    known = schemas()
    permissions = Permissions(ROOT / "template.yaml", known)
    files = {f"docs/{name}.md": page(name, schema, permissions) for name, schema in known.items()}
    return files | {"schemas/template.json": json.dumps(editor.template(known), indent=2, ensure_ascii=False) + "\n"}


def main():
    for name, text in made().items():
        (ROOT / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
