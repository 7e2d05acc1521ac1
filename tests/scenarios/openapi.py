# SPDX-License-Identifier: EUPL-1.2
"""Answers held against docs/api/openapi.yaml: as much of JSON Schema as that file uses."""
import pathlib
import re

import yaml

SPECIFICATION = pathlib.Path(__file__).resolve().parents[2] / "docs" / "api" / "openapi.yaml"
KINDS = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool,
         "null": type(None)}


class Specification:
    """The description of the interface."""

    def __init__(self):
        self.root = yaml.safe_load(SPECIFICATION.read_text())

    def resolve(self, node):
        while "$ref" in node:
            target = self.root
            for name in node["$ref"][2:].split("/"):
                target = target[name]
            node = target
        return node

    def faults(self, value, schema, where="$", part=False):
        """What of the value is not as the schema says, one line each."""
        schema = self.resolve(schema)
        for one in schema.get("allOf", ()):
            yield from self.faults(value, one, where, part=True)
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and not any(self._is(value, kind) for kind in kinds):
            yield f"{where}: {type(value).__name__} is not {kinds}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is not one of {schema['enum']}"
        if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
            yield f"{where}: {value!r} does not match {schema['pattern']}"
        if isinstance(value, dict):
            yield from self._members(value, schema, where, part)
        if isinstance(value, list):
            for i, item in enumerate(value):
                yield from self.faults(item, schema.get("items", {}), f"{where}[{i}]")

    @staticmethod
    def _is(value, kind):
        return isinstance(value, KINDS[kind]) and not (
            kind == "integer" and isinstance(value, bool))

    def _members(self, value, schema, where, part):
        properties = schema.get("properties", {})
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where}: {name} is missing"
        for name, member in value.items():
            if name in properties:
                yield from self.faults(member, properties[name], f"{where}.{name}")
            elif properties and not part:
                yield f"{where}: {name} is not described"

    def check(self, method, path, response):
        """Fail unless path has this answer: its status, media type, headers, body."""
        operation = self.root["paths"][path][method.lower()]
        answer = self.resolve(operation["responses"][str(response.status_code)])
        media = response.headers["Content-Type"].split(";")[0]
        assert media in answer["content"], f"{media} for {response.status_code} of {path}"
        for name, header in answer.get("headers", {}).items():
            if self.resolve(header).get("required"):
                assert name in response.headers, name
        if media.endswith("json"):
            schema = answer["content"][media]["schema"]
            assert not (found := list(self.faults(response.json(), schema))), found
        assert "X-Correlation-Id" in response.headers
