# What a system's own scripts are given to run, as files: snippets of the activation, checks before a switch, the boot
# loader; and the names of the services that are really started.
{
  config,
  lib,
  file,
}:
let
  cfg = config.stub;
  textOf = snippet: if lib.isString snippet then snippet else snippet.text or "";
  files =
    place: texts:
    lib.mapAttrs' (
      name: text: lib.nameValuePair "stub/${place}/${name}" (file "${place}-${name}" "${text}\n")
    ) texts;
in
files "activation" (lib.mapAttrs (_: textOf) config.system.activationScripts)
// files "checks" config.system.preSwitchChecks
// files "boot-loader" { install = cfg.bootLoader; }
// {
  "stub/services" = file "services" (
    lib.concatMapStrings (name: "${name}.service\n") (lib.attrNames cfg.services)
  );
}
