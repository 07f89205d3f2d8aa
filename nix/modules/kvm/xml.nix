# XML as Nix values. Every attribute and every text is escaped here, so no caller can forget to.
{ lib }:
let
  attribute = name: value: " ${name}='${lib.escapeXML (toString value)}'";
  attributes = attrs: lib.concatStrings (lib.mapAttrsToList attribute attrs);

  render =
    indent:
    {
      tag,
      attrs,
      content,
    }:
    let
      open = "${indent}<${tag}${attributes attrs}";
      inner = if lib.isList content then lib.flatten content else toString content;
    in
    if inner == [ ] then
      "${open}/>\n"
    else if lib.isList inner then
      "${open}>\n${lib.concatMapStrings (render "${indent}  ") inner}${indent}</${tag}>\n"
    else
      "${open}>${lib.escapeXML inner}</${tag}>\n";
in
{
  # An element; `content` is a list of elements (lists in it are flattened) or a text.
  element = tag: attrs: content: { inherit tag attrs content; };
  empty = tag: attrs: {
    inherit tag attrs;
    content = [ ];
  };
  toText = render "";
}
