# Text of systemd's units as NixOS writes it, near enough for tests to read and for systemd-analyze to check.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  render = value: if lib.isBool value then lib.boolToString value else toString value;
  line = key: value: "${key}=${render value}\n";
  lines =
    section:
    lib.concatStrings (
      lib.mapAttrsToList (key: value: lib.concatMapStrings (line key) (lib.toList value)) (
        lib.filterAttrs (_: value: value != null && value != [ ]) section
      )
    );
  part = name: section: lib.optionalString (lines section != "") "[${name}]\n${lines section}\n";

  relations = {
    Requires = "requires";
    Wants = "wants";
    After = "after";
    Before = "before";
    BindsTo = "bindsTo";
    PartOf = "partOf";
    Conflicts = "conflicts";
    Requisite = "requisite";
    OnFailure = "onFailure";
    OnSuccess = "onSuccess";
    Upholds = "upholds";
  };
  unitSection =
    unit:
    {
      Description = if unit.description or "" == "" then null else unit.description;
      Documentation = unit.documentation or [ ];
    }
    // lib.mapAttrs (_: attribute: lib.concatStringsSep " " (unit.${attribute} or [ ])) (
      lib.filterAttrs (_: attribute: unit.${attribute} or [ ] != [ ]) relations
    )
    // unit.unitConfig or { };

  scriptOf =
    name: kind: text:
    "${pkgs.writeShellScript "unit-script-${name}-${kind}" "set -e\n${text}"}";
  scripts =
    name: service:
    let
      optional = kind: text: lib.optional (text != "") (scriptOf name kind text);
      joined = key: own: own ++ lib.toList (service.serviceConfig.${key} or [ ]);
    in
    {
      ExecStartPre = joined "ExecStartPre" (optional "pre-start" service.preStart);
      ExecStart = joined "ExecStart" (optional "start" service.script);
      ExecStartPost = joined "ExecStartPost" (optional "post-start" service.postStart);
      ExecReload = joined "ExecReload" (optional "reload" service.reload);
      ExecStop = joined "ExecStop" (optional "pre-stop" service.preStop);
      ExecStopPost = joined "ExecStopPost" (optional "post-stop" service.postStop);
    };
  defaultPath = [
    pkgs.coreutils
    pkgs.findutils
    pkgs.gnugrep
    pkgs.gnused
    pkgs.systemd
  ];
  environment =
    service:
    lib.mapAttrsToList (name: value: ''"${name}=${toString value}"'') (
      {
        PATH = "${lib.makeBinPath (service.path ++ defaultPath)}:${
          lib.makeSearchPath "sbin" (service.path ++ defaultPath)
        }";
      }
      // lib.filterAttrs (_: value: value != null) service.environment
    );
  serviceSection =
    name: service:
    service.serviceConfig
    // scripts name service
    // {
      Environment = environment service ++ lib.toList (service.serviceConfig.Environment or [ ]);
    };

  # These two have no default: set or not is all that counts.
  startLimits =
    { name, options, ... }:
    {
      config = {
        name = lib.mkOptionDefault name;
        unitConfig = {
          StartLimitBurst = lib.mkIf options.startLimitBurst.isDefined options.startLimitBurst.value;
          StartLimitIntervalSec = lib.mkIf options.startLimitIntervalSec.isDefined options.startLimitIntervalSec.value;
        };
      };
    };

  unit = value: sections: {
    inherit (value) enable wantedBy requiredBy;
    text = part "Unit" (unitSection value) + sections;
  };
  kinds = {
    services = {
      suffix = "service";
      sections = name: value: part "Service" (serviceSection name value);
    };
    timers = {
      suffix = "timer";
      sections = _: value: part "Timer" value.timerConfig;
    };
    sockets = {
      suffix = "socket";
      sections =
        _: value:
        part "Socket" (
          {
            ListenStream = value.listenStreams;
            ListenDatagram = value.listenDatagrams;
          }
          // value.socketConfig
        );
    };
    paths = {
      suffix = "path";
      sections = _: value: part "Path" value.pathConfig;
    };
    slices = {
      suffix = "slice";
      sections = _: value: part "Slice" value.sliceConfig;
    };
    targets = {
      suffix = "target";
      sections = _: _: "";
    };
  };
  unitsOf =
    kind:
    { suffix, sections }:
    lib.mapAttrs' (
      name: value: lib.nameValuePair "${name}.${suffix}" (unit value (sections name value))
    ) config.systemd.${kind};

  mountOf =
    value:
    unit value (
      part "Mount" (
        {
          What = value.what;
          Where = value.where;
          Type = if value.type == "" then null else value.type;
          Options = if value.options == "" then null else value.options;
        }
        // value.mountConfig
      )
    );
  escaped = path: lib.replaceStrings [ "-" "/" ] [ "\\x2d" "-" ] (lib.removePrefix "/" path);
in
{
  options.systemd = lib.genAttrs (lib.attrNames kinds) (
    _: lib.mkOption { type = lib.types.attrsOf (lib.types.submodule startLimits); }
  );

  config.systemd.units = lib.mkMerge (
    lib.mapAttrsToList unitsOf kinds
    ++ [
      (lib.listToAttrs (
        map (value: lib.nameValuePair "${escaped value.where}.mount" (mountOf value)) config.systemd.mounts
      ))
    ]
    ++ [
      # A timer that names its service by `startAt` gets the timer unit of the same name.
      (lib.mapAttrs'
        (
          name: value:
          lib.nameValuePair "${name}.timer" {
            wantedBy = [ "timers.target" ];
            text = part "Timer" { OnCalendar = value.startAt; };
          }
        )
        (
          lib.filterAttrs (
            _: value: lib.toList value.startAt != [ ] && value.startAt != ""
          ) config.systemd.services
        )
      )
    ]
  );
}
