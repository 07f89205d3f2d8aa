# Makes datasets that are missing and sets properties that differ. Nothing is ever destroyed or renamed.

failures=0

complain() {
  echo "$1" >&2
  failures=$((failures + 1))
}

# Whether a property can only be given when a dataset is made.
creation_only() {
  case $1 in
    casesensitivity | encryption | keyformat | normalization | pbkdf2iters | utf8only | volblocksize) return 0 ;;
    *) return 1 ;;
  esac
}

# What ZFS says of a value when it is asked with -p: bytes for sizes, and a word of its own for some.
as_told() { # PROPERTY VALUE
  case $1=$2 in
    acltype=posixacl) echo posix ;;
    xattr=sa) echo on ;; # since OpenZFS 2.3, where `on` means it
    *quota=none | *reservation=none) echo 0 ;;
    *:*=*) echo "$2" ;; # a property of the owner's is text, whatever it looks like
    *=[0-9]*[KMGTPE]) numfmt --from=iec "$2" ;;
    *) echo "$2" ;;
  esac
}

# Whether the dataset has this very value by itself; one that is inherited changes with the parent.
has() { # DATASET PROPERTY VALUE
  local value source
  IFS=$'\t' read -r value source < <(zfs get -Hp -o value,source "$2" "$1")
  [ "$value" = "$(as_told "$2" "$3")" ] && [[ $source != inherited* ]]
}

# ensure DATASET PROPERTY=VALUE...
ensure() {
  local dataset=$1 assignment arguments=()
  shift
  if ! zfs list -H -o name "$dataset" >/dev/null 2>&1; then
    for assignment; do
      arguments+=(-o "$assignment")
    done
    # Not mounted by ZFS: the mount units are ordered behind this one.
    zfs create -u -p "${arguments[@]}" "$dataset" || complain "$dataset could not be made"
    return 0
  fi
  for assignment; do
    creation_only "${assignment%%=*}" && continue
    has "$dataset" "${assignment%%=*}" "${assignment#*=}" && continue
    # -u: a new mountpoint must not unmount what is in use.
    zfs set -u "$assignment" "$dataset" || complain "$dataset keeps its old ${assignment%%=*}"
  done
}

finish() {
  [ "$failures" -eq 0 ] || exit 1
}

