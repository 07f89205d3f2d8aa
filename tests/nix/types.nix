# The types that tests/modules/option_types.py reads out of the option table, as types of nixpkgs' lib.
{ lib }:
let
  inherit (lib) types;
  keys = lib.importJSON ../data/systemd-keys.json;

  scalar = [
    types.bool
    types.int
    types.float
    types.str
    types.path
  ];

  # What pkgs.formats.json and its kin take.
  json =
    types.nullOr (
      types.oneOf (
        scalar
        ++ [
          (types.attrsOf json)
          (types.listOf json)
        ]
      )
    )
    // {
      description = "JSON value";
    };

  # A value of a systemd unit or network file: definitions of the same key add up to a list.
  unitOption = lib.mkOptionType {
    name = "systemd option";
    description = "systemd option";
    check =
      value:
      let
        isAtom = x: x == null || lib.any (type: type.check x) scalar || lib.isDerivation x;
      in
      if lib.isList value then lib.all isAtom value else isAtom value;
    merge =
      location: definitions:
      let
        values = lib.options.getValues definitions;
      in
      if lib.any lib.isList values then
        lib.concatMap lib.toList values
      else
        lib.options.mergeEqualOption location definitions;
  };

  # One section of such a file. systemd only warns of a key it does not know, and then does without.
  section =
    parser: name:
    let
      free = types.attrsOf unitOption;
      known = lib.genAttrs keys.${parser}.${name} (_: null);
      isKnown = key: known ? ${key} || lib.hasPrefix "X-" key;
      suggested =
        key:
        lib.concatStringsSep ", " (
          lib.filter (near: lib.strings.levenshtein key near < 4) (lib.attrNames known)
        );
    in
    free
    // {
      merge =
        location: definitions:
        lib.mapAttrs (
          key: value:
          if isKnown key then
            value
          else
            throw "The option `${
              lib.showOption (location ++ [ key ])
            }' does not exist: systemd has no such key in [${name}]. Near: ${suggested key}"
        ) (free.merge location definitions);
    };

  simple = {
    inherit (types)
      bool
      str
      nonEmptyStr
      singleLineStr
      path
      pathInStore
      package
      int
      float
      number
      port
      attrs
      anything
      raw
      ;
    inherit json unitOption;
    passwdEntry = types.passwdEntry types.str;
    unsigned = types.ints.unsigned;
    positive = types.ints.positive;
    submodule = types.submodule { freeformType = types.attrsOf types.anything; };
    function = types.functionTo types.anything;
    atom = types.nullOr (types.oneOf (lib.take 4 scalar));
    nixAtom = types.nullOr (types.oneOf (scalar ++ [ types.package ]));
    sysctl = types.nullOr (types.oneOf (lib.take 4 scalar));
  };

  constructors = {
    null = arguments: types.nullOr (typeOf (lib.head arguments));
    list = arguments: types.listOf (typeOf (lib.head arguments));
    nonEmptyList = arguments: types.nonEmptyListOf (typeOf (lib.head arguments));
    attrs = arguments: types.attrsOf (typeOf (lib.head arguments));
    either = arguments: types.oneOf (map typeOf arguments);
    enum = arguments: types.enum (lib.head arguments);
    separated = arguments: types.separatedString (lib.head arguments);
    matching = arguments: types.strMatching (lib.head arguments);
    between =
      arguments:
      let
        low = lib.head arguments;
        high = lib.last arguments;
      in
      types.addCheck types.number (x: x >= low && x <= high)
      // {
        description = "number between ${toString low} and ${toString high} (both inclusive)";
      };
    section = arguments: section (lib.head arguments) (lib.last arguments);
    submodule =
      arguments:
      let
        freeform = lib.head arguments;
      in
      types.submodule {
        freeformType = if freeform == null then null else typeOf freeform;
        options = declarations (lib.last arguments);
      };
  };

  typeOf =
    kind: if lib.isString kind then simple.${kind} else constructors.${lib.head kind} (lib.tail kind);

  declaration =
    declared:
    lib.mkOption (
      {
        type = typeOf declared.type;
      }
      // lib.optionalAttrs (declared ? default) { inherit (declared) default; }
    );

  declarations = lib.mapAttrs (
    _: node: if node ? group then declarations node.group else declaration node
  );
in
{
  inherit declarations unitOption json;
}
