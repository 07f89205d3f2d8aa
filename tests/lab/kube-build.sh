#!/bin/sh
# kube-build.sh PLACE MIRROR - makes PLACE/bin with the server of a Kubernetes, its etcd and its kubectl, from a Debian
# mirror alone. Debian 12 is the last one with the whole source of Kubernetes, and with the Go that compiles it.
set -eu
place=$1 mirror=$2
suite=bookworm
built="kube-apiserver kube-controller-manager kube-scheduler"

# An apt of its own, which knows this one suite and nothing of what is installed here.
apt=$place/apt
mkdir -p "$apt/lists/partial" "$apt/archives/partial" "$apt/parts" "$apt/keys" "$place/bin"
: >"$apt/status"
cp /usr/share/keyrings/debian-archive-*.gpg "$apt/keys/"
cat >"$apt/sources" <<END
deb $mirror $suite main
deb-src $mirror $suite main
END
cat >"$apt/conf" <<END
Acquire::Check-Valid-Until "false";
APT::Architecture "$(dpkg --print-architecture)";
APT::Sandbox::User "root";
Dir::Cache "$apt";
Dir::Etc::main "/dev/null";
Dir::Etc::parts "$apt/parts";
Dir::Etc::preferencesparts "$apt/parts";
Dir::Etc::sourcelist "$apt/sources";
Dir::Etc::sourceparts "$apt/parts";
Dir::Etc::trustedparts "$apt/keys";
Dir::State "$apt";
Dir::State::status "$apt/status";
END
cd "$place"
APT_CONFIG=$apt/conf apt-get -qq update
APT_CONFIG=$apt/conf apt-get -qq source --download-only kubernetes
APT_CONFIG=$apt/conf apt-get -qq download \
  etcd-server golang-1.19-go golang-1.19-src golang-github-modern-go-reflect2-dev kubernetes-client
for package in ./*.deb; do dpkg-deb --extract "$package" unpacked; done
cp unpacked/usr/bin/etcd unpacked/usr/bin/kubectl bin/

gopath=$place/go
source=$gopath/src/k8s.io/kubernetes
mkdir -p "$source"
tar --extract --gzip --file ./kubernetes_*.orig.tar.gz --directory "$source" --strip-components 1

# The reflect2 that it bundles crashes with this Go as soon as a custom resource arrives; Debian's does not.
bundled=$source/vendor/github.com/modern-go/reflect2
rm -f "$bundled"/*.go "$bundled"/*.s
cp unpacked/usr/share/gocode/src/github.com/modern-go/reflect2/*.go \
  unpacked/usr/share/gocode/src/github.com/modern-go/reflect2/*.s "$bundled/"
rm -f "$bundled"/*_test.go

export CGO_ENABLED=0 GO111MODULE=off GOCACHE="$place/compiled" GOFLAGS=-trimpath GOPATH="$gopath" GOPROXY=off \
  GOROOT="$place/unpacked/usr/lib/go-1.19" HOME="$place"
go=$GOROOT/bin/go
cd "$source"

# One file is not in the source but made from it: the description of all objects, which is what validates them.
"$go" build -o "$place/openapi-gen" k8s.io/kubernetes/vendor/k8s.io/kube-openapi/cmd/openapi-gen
described=$(
  grep -rl --include='*.go' '+k8s:openapi-gen=' pkg staging/src/k8s.io |
    grep -v -e code-generator/ -e sample-apiserver/ -e _test.go -e zz_generated |
    xargs -n 1 dirname | sort -u |
    sed -e 's,^pkg,k8s.io/kubernetes/pkg,' -e 's,^staging/src,k8s.io/kubernetes/vendor,' | paste -sd ,
)
"$place/openapi-gen" --logtostderr --input-dirs "$described" --output-file-base zz_generated.openapi \
  --output-package k8s.io/kubernetes/pkg/generated/openapi --report-filename "$place/violations" \
  --go-header-file hack/boilerplate/boilerplate.generatego.txt

# As upstream's own build does: a server of no version is refused by clients.
version=1.20.2
flags="-s -w"
for package in component-base/version client-go/pkg/version; do
  at=k8s.io/kubernetes/vendor/k8s.io/$package
  flags="$flags -X $at.gitVersion=v$version -X $at.gitMajor=1 -X $at.gitMinor=20"
done
for program in $built; do
  "$go" build -ldflags "$flags" -o "$place/bin/$program" "k8s.io/kubernetes/cmd/$program"
done
