#!/bin/sh
# deps.sh [build|test] -- installs what Debian 12 lacks to build BudgetGuard
# (build, the default) or also to run every test (test).
#
# Does nothing, and needs no network, when everything is there.  Uses sudo only
# if something is missing and the caller is not root.
set -eu

mode=${1:-build}
case $mode in
build | test) ;;
*) echo "usage: $0 [build|test]" >&2; exit 2 ;;
esac

want="gcc make pkg-config libmicrohttpd-dev libcurl4-openssl-dev
      liblmdb-dev libsqlite3-dev libsodium-dev libssl-dev libjemalloc-dev
      zlib1g-dev tzdata ca-certificates libc6-dev binutils"
if [ "$mode" = test ]; then
	want="$want libcmocka-dev clang clang-tidy clang-format cppcheck sqlite3
	      nginx-light wrk chromium libclang-rt-14-dev python3 curl openssl procps"
fi

# Installed, under this name or (nginx flavours) as the program itself.
have() {
	case $1 in
	nginx-light) command -v nginx >/dev/null 2>&1 || [ -x /usr/sbin/nginx ] && return 0 ;;
	esac
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null |
		grep -qx installed
}

node_is_enough() {
	command -v node >/dev/null 2>&1 && command -v npm >/dev/null 2>&1 &&
		[ "$(node -p 'process.versions.node.split(".")[0]')" -ge 18 ]
}

miss=
for p in $want; do
	have "$p" || miss="$miss $p"
done
# Building needs npm for the rank tables, the tests run on Node.
if ! node_is_enough; then
	miss="$miss nodejs npm"
fi
[ -n "$miss" ] || exit 0

command -v apt-get >/dev/null 2>&1 || {
	echo "deps.sh: this is not Debian; please install:$miss" >&2
	exit 1
}
sudo=
if [ "$(id -u)" -ne 0 ]; then
	command -v sudo >/dev/null 2>&1 || {
		echo "deps.sh: run as root, or install sudo; missing:$miss" >&2
		exit 1
	}
	sudo=sudo
fi
echo "deps.sh: installing$miss"
$sudo apt-get update -q
# shellcheck disable=SC2086  # a list of names
$sudo env DEBIAN_FRONTEND=noninteractive \
	apt-get install -q -y --no-install-recommends $miss
