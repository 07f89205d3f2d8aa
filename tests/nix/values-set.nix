# Names of the options that somebody other than `foreign` places defines, each evaluated as far as it was defined.
{
  lib,
  options,
  foreign,
}:
let
  ours = file: !lib.any (place: lib.hasPrefix place (toString file)) foreign;
  isPlain = value: lib.isAttrs value && !lib.isDerivation value;

  # A definition without its mkIf, mkMerge, mkForce, mkBefore.
  contents =
    definition:
    let
      kind = definition._type or "";
    in
    if !isPlain definition || kind == "" then
      [ definition ]
    else if kind == "merge" then
      lib.concatMap contents definition.contents
    else if kind == "if" then
      lib.optionals definition.condition (contents definition.content)
    else
      contents (definition.content or definition);

  # Only what was defined is looked at: submodules have options without a value, which nobody may ask for.
  look =
    definition: value:
    if isPlain definition && isPlain value then
      lib.all (name: !(value ? ${name}) || lookAll definition.${name} value.${name}) (
        lib.attrNames definition
      )
    else if lib.isList definition && lib.isList value then
      lib.all (item: lib.all (member: look member item) definition) value
    else if isPlain value then
      true
    else
      builtins.deepSeq value true;
  lookAll = definition: value: lib.all (content: look content value) (contents definition);

  # A default is a definition of the lowest priority; only what was set on top of it counts.
  isSet =
    option:
    option.isDefined
    && option.highestPrio < (lib.mkOptionDefault null).priority
    && lib.any ours option.files;
  checked = option: lib.all (definition: lookAll definition option.value) option.definitions;
  # The message of an assertion need only make sense where it does not hold.
  asked = removeAttrs options [
    "_module"
    "assertions"
  ];
  found = lib.filter isSet (lib.collect lib.isOption asked);
in
map (option: builtins.seq (checked option) (lib.showOption option.loc)) found
