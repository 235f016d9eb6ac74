# SPDX-License-Identifier: Apache-2.0
"""As much YAML as the settings of tests need: blocks of mappings and lists, plain and quoted words,
or a document that is JSON."""
import json


def scalar(text):
    text = text.strip()
    if text[:1] in "\"'[{" and text:
        return json.loads(text.replace("'", '"'))
    return {"": None, "null": None, "true": True, "false": False}.get(text, text)


def block(lines, indent):
    """Take lines that are at least so far in; lines is a list of (indent, text), consumed."""
    if not lines or lines[0][0] < indent:
        return None
    indent = lines[0][0]
    if lines[0][1].startswith("-"):
        found = []
        while lines and lines[0][0] == indent and lines[0][1].startswith("-"):
            rest = lines[0][1][1:]
            inner = rest.strip()
            if ": " in inner or inner.endswith(":"):
                lines[0] = (indent + 1 + len(rest) - len(rest.lstrip()), inner)
                found.append(block(lines, indent + 1))
            else:
                lines.pop(0)
                found.append(scalar(inner))
        return found
    found = {}
    while lines and lines[0][0] == indent and not lines[0][1].startswith("-"):
        key, _, rest = lines.pop(0)[1].partition(": ")
        if rest.strip():
            found[key.rstrip()] = scalar(rest)
            continue
        key = key.rstrip()[:-1]
        deeper = indent if lines and lines[0][1].startswith("-") else indent + 1
        found[key] = block(lines, deeper)
    return found


def load(text):
    if text.lstrip().startswith("{"):
        return json.loads(text)
    lines = [(len(line) - len(line.lstrip()), line.strip()) for line in text.splitlines()
             if line.strip() and not line.lstrip().startswith("#")]
    return block(lines, 0) or {}


def dump(value, indent=0):
    pad = "  " * indent
    if isinstance(value, dict):
        return "".join(pad + key + (":\n" + dump(inner, indent + 1) if inner and isinstance(inner, (dict, list))
                                    else ": " + one(inner) + "\n") for key, inner in value.items())
    rows = []
    for item in value:
        text = dump(item, indent + 1) if isinstance(item, dict) else pad + "  " + one(item) + "\n"
        rows.append(pad + "- " + text[len(pad) + 2:])
    return "".join(rows)


def one(value):
    if isinstance(value, str):
        return value if value[:1] not in "[{\"'" else json.dumps(value)
    return json.dumps(value)
