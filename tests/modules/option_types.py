"""Type descriptions of the option table ("null or (list of string)") as data to build types from."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

# A plain name ("bool") or [constructor, argument, …].
Type = str | list[Any]

_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"

# Nouns that stand for one type by themselves; the longest match wins, so that order does not matter.
_NOUNS: dict[str, Type] = {
    "boolean": "bool",
    "string": "str",
    "non-empty string": "nonEmptyStr",
    "string (with check: non-empty)": "nonEmptyStr",
    "string (with check: non-empty without trailing slash)": "nonEmptyStr",
    "string (with check: hexadecimal string)": "nonEmptyStr",
    "(optionally newline-terminated) single-line string": "singleLineStr",
    "single-line string": "singleLineStr",
    "string, not containing newlines or colons": "passwdEntry",
    "path, not containing newlines or colons": "path",
    "path in the Nix store": "pathInStore",
    "path": "path",
    "package": "package",
    "signed integer": "int",
    "integer of at least 16 bits": "int",
    "unsigned integer, meaning >=0": "unsigned",
    "positive integer, meaning >0": "positive",
    "nonzero signed integer, meaning !=0": "int",
    "floating point number": "float",
    "nonnegative integer or floating point number, meaning >=0": "number",
    "nonnegative floating point number, meaning >=0": "number",
    "16 bit unsigned integer; between 0 and 65535 (both inclusive)": "port",
    "8 bit unsigned integer; between 0 and 255 (both inclusive)": ["between", 0, 255],
    "attribute set": "attrs",
    "anything": "anything",
    "unspecified value": "anything",
    "raw value": "raw",
    "unknown": "anything",
    "submodule": "submodule",
    "systemd option": "unitOption",
    "JSON value": "json",
    "Json value or lambda": "anything",
    "YAML value": "json",
    "YAML 1.2 value": "json",
    "TOML value": "json",
    "atom (null, bool, int, float or string)": "atom",
    "INI atom (null, bool, int, float or string)": "atom",
    "atom (bool, int or string)": "atom",
    "sysctl option value": "sysctl",
    "Nix config atom (null, bool, int, float, str, path or package)": "nixAtom",
    "file mode string": "str",
    "session name": "str",
    "string without spaces": "str",
    "string, with spaces inside double quotes": "str",
    "string without line breaks or quotes": "str",
    "settings option": "json",
    "dataset/template options": "json",
    "configured template name": "str",
    "nixpkgs config": "anything",
    "nixpkgs overlay": "anything",
    "An evaluation of Nixpkgs; the top level attribute set of packages": "anything",
    "tmpfiles.d(5) age format": "str",
    "secret value": "anything",
    "string, package, bool, int or float": "json",
    "string, path, bool, or integer": "json",
}
_LISTED = r" or a (?:non-empty )?list of them(?: for duplicate keys)?"
_LISTED_ATOM = re.compile(rf"(?:INI )?atom \((?:null, )?bool, int(?:, float)? or string\){_LISTED}")
_INI_SECTION = re.compile(rf"section of an INI file \(attrs of INI atom \([^)]*\)(?:{_LISTED})?\)")
_PREFIXES = {"list of ": "list", "attribute set of ": "attrs", "lazy attribute set of ": "attrs"}
_TEXT = r'("(?:[^"\\]|\\.)*")'
_SPECIAL: list[tuple[re.Pattern[str], Callable[..., Type]]] = [
    (
        re.compile(rf"integer(?: or floating point number)? between ({_NUMBER}) and ({_NUMBER}) \(both inclusive\)"),
        lambda low, high: ["between", json.loads(low), json.loads(high)],
    ),
    (re.compile(rf"value {_TEXT} \(singular enum\)"), lambda value: ["enum", [json.loads(value)]]),
    (re.compile(rf"strings concatenated with {_TEXT}"), lambda by: ["separated", json.loads(by)]),
    (_LISTED_ATOM, lambda: ["either", "atom", ["list", "atom"]]),
    (_INI_SECTION, lambda: ["attrs", ["either", "atom", ["list", "atom"]]]),
]
_ENUM_ITEM = re.compile(rf'"(?:[^"\\]|\\.)*"|true|false|<null>|{_NUMBER}')
_NOUN = re.compile("|".join(re.escape(noun) for noun in sorted(_NOUNS, key=len, reverse=True)))


class UnknownTypeError(ValueError):
    """A description that names a type of a single module, which the table alone cannot rebuild."""


@dataclass
class _Reader:
    text: str
    at: int = 0

    def eat(self, token: str) -> bool:
        found = self.text.startswith(token, self.at)
        if found:
            self.at += len(token)
        return found

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self.text, self.at)
        if found:
            self.at = found.end()
        return found

    def expression(self) -> Type:
        members = [self.term()]
        while True:
            if self.eat(" convertible to it"):
                continue
            if not (self.eat(", or ") or self.eat(" or ")):
                break
            members.append(self.term())
        return members[0] if len(members) == 1 else ["either", *members]

    def term(self) -> Type:
        if self.eat("null or "):  # takes the whole rest: "null or string or path"
            return ["null", self.expression()]
        if self.eat("function that evaluates to a(n) "):
            self.term()
            return "function"
        for read in (self._enum, self._pattern, self._special, self._prefixed, self._noun, self._bracketed):
            found = read()
            if found is not None:
                return found
        raise UnknownTypeError(self.text)

    def _prefixed(self) -> Type | None:
        if self.eat("non-empty (list of "):
            return self._closed(["nonEmptyList", self.expression()])
        for prefix, constructor in _PREFIXES.items():
            if self.eat(prefix):
                return [constructor, self.term()]
        return None

    def _bracketed(self) -> Type | None:
        return self._closed(self.expression()) if self.eat("(") else None

    def _closed(self, inner: Type) -> Type:
        if not self.eat(")"):
            raise UnknownTypeError(self.text)
        return inner

    def _enum(self) -> Type | None:
        if not self.eat("one of "):
            return None
        items: list[object] = []
        while item := self.match(_ENUM_ITEM):
            items.append(None if item[0] == "<null>" else json.loads(item[0]))
            if not self.eat(", "):
                break
        return ["enum", items]

    def _pattern(self) -> Type | None:
        if not self.eat("string matching the pattern "):
            return None
        start, depth = self.at, 0
        while self.at < len(self.text) and not (self.text[self.at] == ")" and depth == 0):
            depth += {"(": 1, ")": -1}.get(self.text[self.at], 0)
            self.at += 1
        return ["matching", self.text[start : self.at]]

    def _special(self) -> Type | None:
        for pattern, built in _SPECIAL:
            if found := self.match(pattern):
                return built(*found.groups())
        return None

    def _noun(self) -> Type | None:
        found = self.match(_NOUN)
        return _NOUNS[found[0]] if found else None


def parse(description: str) -> Type:
    """The type behind `description`; UnknownTypeError when only its own module knows it."""
    reader = _Reader(description)
    found = reader.expression()
    if reader.at != len(description):
        raise UnknownTypeError(description)
    return found
