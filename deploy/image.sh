#!/usr/bin/env bash
# Builds the image of deploy/Dockerfile under a name: deploy/image.sh retain:local
# Needs Go, npm and Docker.
set -euo pipefail
cd "$(dirname "$0")/.."
name=${1:?"usage: deploy/image.sh NAME"}
version=$(sed -n 's/^const DefaultVersion = "\(.*\)"$/\1/p' runtime/runtime.go)

platform=$(docker version --format '{{.Server.Arch}}')
case $platform in
amd64) npm=x64 ;;
arm64) npm=arm64 ;;
*) echo "there is no restate-server for $platform" >&2; exit 1 ;;
esac

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
CGO_ENABLED=0 GOOS=linux GOARCH=$platform go test -c -o "$context/retain.test" .
# The server is taken for Docker's platform, which need not be this one's.
npm install --silent --no-audit --no-fund --force --prefix "$context/npm" "@restatedev/restate-server-linux-$npm@$version" >&2
cp "$context/npm/node_modules/@restatedev/restate-server-linux-$npm/bin/restate-server" "$context/"
for certificates in "${SSL_CERT_FILE:-}" /etc/ssl/certs/ca-certificates.crt /etc/pki/tls/certs/ca-bundle.crt /etc/ssl/cert.pem; do
  if [ -s "$certificates" ]; then
    cp "$certificates" "$context/ca-certificates.crt"
    break
  fi
done
rm -rf "$context/npm"
chmod 755 "$context/restate-server" "$context/retain.test"
docker build -q -f deploy/Dockerfile -t "$name" "$context"
