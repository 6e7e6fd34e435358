"""Prints one file of a Python wheel as JSON. A .py file is read as data, from its syntax tree: none of it is run."""

import ast
import json
import sys
import zipfile


def value(node):
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, (ast.List, ast.Tuple)):
        return [value(each) for each in node.elts]
    if isinstance(node, ast.Dict):
        return {value(key): value(item) for key, item in zip(node.keys, node.values)}
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -value(node.operand)
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        if name == "Decimal":
            return float(value(node.args[0]))
        if node.args:
            return {"is": name, "args": [value(each) for each in node.args]}
        return {"is": name, **{each.arg: value(each.value) for each in node.keywords}}
    raise SystemExit(f"cannot read {ast.dump(node)[:200]}")


wheel, member = sys.argv[1:3]
text = zipfile.ZipFile(wheel).read(member).decode()
if member.endswith(".json"):
    print(text)
else:
    assigned = [s for s in ast.parse(text).body if isinstance(s, ast.AnnAssign)]
    print(json.dumps({s.target.id: value(s.value) for s in assigned}))
