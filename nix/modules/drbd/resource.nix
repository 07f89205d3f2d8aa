# One resource as text for drbdadm, in the grammar of DRBD 9 or of 8.4, which refuses the words it does not know.
{ lib }:
{
  name,
  version,
  resource,
  secret ? null,
}:
let
  nine = version == "9";
  yes = condition: lines: lib.optionals condition lines;
  section = title: lines: [ "${title} {" ] ++ map (line: "    ${line}") lines ++ [ "}" ];

  address =
    host:
    "${
      if lib.hasInfix ":" host.address then "ipv6 [${host.address}]" else "ipv4 ${host.address}"
    }:${toString resource.port}";
  hostNames = lib.sort (a: b: resource.hosts.${a}.nodeId < resource.hosts.${b}.nodeId) (
    lib.attrNames resource.hosts
  );

  volume =
    host:
    section "volume 0" (
      [ "device minor ${toString resource.minor};" ]
      ++ (
        if host.disk == null then
          [ "disk none;" ]
        else
          [
            "disk ${host.disk};"
            "meta-disk internal;"
          ]
      )
    );
  on =
    hostName:
    let
      host = resource.hosts.${hostName};
    in
    section "on ${hostName}" (
      yes nine [ "node-id ${toString host.nodeId};" ] ++ [ "address ${address host};" ] ++ volume host
    );

  net = section "net" (
    [
      "protocol ${resource.protocol};"
      "verify-alg crc32c;"
      # Solved by itself only where nothing is lost: one side wrote nothing. Which copy else to give up, a person decides.
      "after-sb-0pri discard-zero-changes;"
      "after-sb-1pri disconnect;"
      "after-sb-2pri disconnect;"
    ]
    ++ yes resource.allowTwoPrimaries [ "allow-two-primaries yes;" ]
    ++ yes (secret != null) [
      "cram-hmac-alg sha256;"
      ''shared-secret "${secret}";''
    ]
  );

  options = yes nine (
    section "options" (
      [
        "auto-promote yes;" # whoever opens the device becomes primary: a guest needs no other step
        "quorum ${resource.quorum};"
      ]
      ++ yes (resource.quorum != "off") [ "on-no-quorum ${resource.onNoQuorum};" ]
    )
  );

  disk = section "disk" (
    [
      "on-io-error detach;" # go on with the peer's copy
      # Zeros arrive as discards: a full resync does not turn a sparse zvol into a full one.
      "rs-discard-granularity 1048576;"
    ]
    ++ yes (resource.rate != null) [ "c-max-rate ${resource.rate};" ]
  );
in
lib.concatMapStrings (line: line + "\n") (
  section "resource \"${name}\"" (
    net
    ++ options
    ++ disk
    ++ lib.concatMap on hostNames
    ++ yes nine (section "connection-mesh" [ "hosts ${lib.concatStringsSep " " hostNames};" ])
  )
)
