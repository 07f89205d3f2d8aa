# Options of the lab whose example they would refuse themselves. `examples` holds one for each name, as the option's
# own text of it says.
{
  lib,
  options,
  examples,
}:
let
  accepted =
    option:
    (builtins.tryEval (
      builtins.deepSeq
        (lib.mergeDefinitions option.loc option.type [
          {
            file = "the example";
            value = examples.${lib.showOption option.loc};
          }
        ]).mergedValue
        true
    )).success;
  # An option and those within its value, as NixOS's manual lists them.
  within =
    option:
    [ option ]
    ++ lib.concatMap within (lib.collect lib.isOption (option.type.getSubOptions option.loc));
  all = lib.concatMap within (lib.collect lib.isOption options.homelab);
in
map (option: lib.showOption option.loc) (
  lib.filter (option: examples ? ${lib.showOption option.loc} && !accepted option) all
)
