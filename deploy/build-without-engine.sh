#!/usr/bin/env bash
# Builds an image where no docker or podman runs: debootstrap makes the base image, buildah builds the Dockerfile in a chroot.
#
# usage, as root on Debian or Ubuntu:  deploy/build-without-engine.sh [service|training|service-gpu]
#
#   IMAGE            name and tag of the image                                     pofx:VERSION for service, else pofx-TARGET:VERSION
#   STORAGE          folder of the base's file system and of buildah's images      /var/tmp/pofx-image
#   SUITE, MIRROR    Debian release and mirror of the base                          bookworm, debootstrap's default
#   PIP_CONFIG_FILE  a pip.conf for a package mirror; present only while pip runs   none
#   BUILD_OPTIONS    further `buildah build` options, split at blanks               none
#
# needs the packages buildah and debootstrap; nothing outside STORAGE is written.
set -euo pipefail
cd "$(dirname "$0")/.."

target=${1:-service}
version=$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
image=${IMAGE:-pofx$([ "$target" = service ] || echo "-$target"):$version}
storage=${STORAGE:-/var/tmp/pofx-image}
suite=${SUITE:-bookworm}
base=localhost/pofx-base:$suite

# vfs and chroot need no kernel support: no overlay, no user namespaces, no cgroups. A format with HEALTHCHECK is asked for.
buildah() {
  command buildah --root "$storage/images" --runroot "$storage/run" --storage-driver vfs "$@"
}

make_base() {
  rm -rf "$storage/base"
  debootstrap --variant=minbase --include=ca-certificates,python3,python3-venv "$suite" "$storage/base" ${MIRROR:+"$MIRROR"}
  rm -rf "$storage"/base/var/cache/apt/* "$storage"/base/var/lib/apt/lists/* "$storage"/base/var/log/*.log
  local container
  container=$(buildah from scratch)
  buildah add --quiet "$container" "$storage/base" /
  buildah config --env PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "$container"
  buildah commit --quiet --rm "$container" "$base"
  rm -rf "$storage/base"
}

mkdir -p "$storage"
buildah inspect --type image "$base" >/dev/null 2>&1 || make_base

options=(--isolation chroot --format docker --target "$target" --tag "$image")
options+=(--build-arg "BASE_IMAGE=$base" --build-arg "GPU_BASE_IMAGE=$base")
[ -z "${PIP_CONFIG_FILE:-}" ] || options+=(--secret "id=pip,src=$PIP_CONFIG_FILE")
# shellcheck disable=SC2206  # options are split on purpose
options+=(${BUILD_OPTIONS:-})
buildah build "${options[@]}" .
buildah images "$image"
