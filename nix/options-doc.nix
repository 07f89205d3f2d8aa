# What the lab's modules say of their options. Only declarations are read, so neither NixOS nor a package is needed;
# with `pkgs` there is NixOS's own manual of them too, which refuses an option that says nothing of itself.
{
  lib,
  pkgs ? null,
}:
let
  inherit
    (lib.evalModules {
      modules = [
        ./modules
        { _module.check = false; }
      ];
    })
    options
    ;
  homelab = { inherit (options) homelab; };

  repository = toString ../. + "/";
  # A path of this machine, or of the store, says little elsewhere.
  located =
    name: option:
    option
    // {
      declarations = map (file: name (lib.removePrefix repository (toString file))) option.declarations;
    };
  isShown = option: option.visible && !option.internal && !option.readOnly;
in
{
  list = map (located lib.id) (lib.filter isShown (lib.optionAttrSetToDocList homelab));
}
// lib.optionalAttrs (pkgs != null) {
  manual =
    (pkgs.nixosOptionsDoc {
      options = homelab;
      # The manual takes a bare name for a file of nixpkgs.
      transformOptions = located (name: {
        inherit name;
      });
      warningsAreErrors = true;
    }).optionsCommonMark;
}
