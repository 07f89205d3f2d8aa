# The program, with everything that `pyhomelab init` copies into a new lab.
{
  lib,
  stdenv,
  installShellFiles,
  python3Packages,
}:
let
  inherit (lib) fileset;
  inherit (lib.importTOML ../pyproject.toml) project;
in
python3Packages.buildPythonApplication {
  pname = project.name;
  inherit (project) version;
  pyproject = true;

  src = fileset.toSource {
    root = ../.;
    fileset = fileset.unions [
      ../LICENSE
      ../README.md
      ../flake.lock
      ../pyhomelab
      ../pyproject.toml
      ./lab.nix
      ./modules
    ];
  };

  build-system = [ python3Packages.hatchling ];
  dependencies = [
    python3Packages.click
    python3Packages.fabric
    python3Packages.pydantic
    python3Packages.rich
    python3Packages.ruamel-yaml
    python3Packages.ruamel-yaml-clib
  ];

  nativeBuildInputs = [ installShellFiles ];
  # The program writes its own completion, so it has to run on the machine that builds it.
  postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    installShellCompletion --cmd pyhomelab \
      --bash <($out/bin/pyhomelab completion bash) \
      --fish <($out/bin/pyhomelab completion fish) \
      --zsh <($out/bin/pyhomelab completion zsh)
  '';

  pythonImportsCheck = [ "pyhomelab" ];

  meta = {
    inherit (project) description;
    license = lib.licenses.mit;
    mainProgram = "pyhomelab";
    platforms = lib.platforms.linux;
  };
}
