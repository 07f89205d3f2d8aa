# Options of the lab that say too little of themselves, each with what it lacks.
{ lib, options }:
let
  # A switch, a package and a group of options explain themselves.
  isPlain =
    option:
    lib.elem option.type [
      "boolean"
      "package"
      "submodule"
    ];
  lacks =
    option:
    lib.optional (option.description or null == null) "a description"
    ++ lib.optional (!isPlain option && !option ? example) "an example";
  shown = lib.filter (option: !option.internal && option.visible && !option.readOnly) (
    lib.optionAttrSetToDocList (options.homelab or { })
  );
in
lib.concatMap (option: map (what: "${option.name} lacks ${what}") (lacks option)) shown
