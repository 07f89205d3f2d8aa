# Builders that need nothing but a static busybox.
{ config, lib }:
rec {
  busybox = builtins.path {
    path = ./busybox;
    name = "busybox";
  };

  run =
    name: environment: script:
    derivation (
      {
        inherit name;
        inherit (config.nixpkgs.hostPlatform) system;
        builder = "${busybox}/bin/sh";
        args = [
          "-euc"
          script
        ];
        PATH = "${busybox}/bin";
      }
      // environment
    );

  # A file of the store. Names of units hold characters that names of store paths must not.
  file = name: builtins.toFile (lib.strings.sanitizeDerivationName name);

  # The text of a program with its values; `directory` makes it one, and tells it where it is.
  program =
    name: source: values:
    file name (
      builtins.replaceStrings ([ "@busybox@" ] ++ map (value: "@${value}@") (lib.attrNames values)) (
        [ "${busybox}" ] ++ lib.attrValues values
      ) (builtins.readFile source)
    );

  directory =
    name:
    {
      links,
      programs ? { },
      texts ? { },
    }:
    let
      lines =
        files: lib.concatStrings (lib.mapAttrsToList (target: source: "${target} ${source}\n") files);
    in
    run name
      {
        links = lines links;
        programs = lines programs;
        texts = lines texts;
        passAsFile = [
          "links"
          "programs"
          "texts"
        ];
      }
      ''
        mkdir $out
        while read -r target source; do
          mkdir -p "$(dirname "$out/$target")"
          ln -s "$source" "$out/$target"
        done < "$linksPath"
        while read -r target source; do
          mkdir -p "$(dirname "$out/$target")"
          sed "s|@out@|$out|g" "$source" > "$out/$target"
          chmod 755 "$out/$target"
        done < "$programsPath"
        while read -r target source; do cp "$source" "$out/$target"; done < "$textsPath"
      '';
}
