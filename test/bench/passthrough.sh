#!/bin/sh
# passthrough.sh [ROUNDS] -- the transport alone against nginx.
#
# A mock (nginx, 600-byte answer), nginx as a plain reverse proxy to it, and
# test/bench/passthrough to it: same wrk load in turns (1 KB POST), medians of
# ROUNDS (3).  Prints requests/s, the ratio to nginx, CPU per request.
set -eu
cd "$(dirname "$0")/../.."
rounds=${1:-3}
secs=${SECS:-3}
O=${O:-build}
make -s O="$O" "$O/net.a" "$O/base.a" "$O/test/bench/passthrough.o"
prog=$O/test/bench/passthrough
cc -pthread -o "$prog" "$prog.o" "$O/net.a" "$O/base.a" -ljemalloc \
	-lmicrohttpd -lcurl -lsodium -lz -lm
dir=$(mktemp -d)
trap 'kill $(cat "$dir/pids" "$dir/nginx.pid" 2>/dev/null) 2>/dev/null || :; sleep 0.2; rm -rf "$dir"' EXIT
port() { # a free port
	python3 -c 'import socket; s=socket.socket(); s.bind(("127.0.0.1",0)); print(s.getsockname()[1])'
}
mock=$(port)
proxy=$(port)
body=$(head -c 600 /dev/zero | tr '\0' x)
cat >"$dir/nginx.conf" <<E
worker_processes 2; pid $dir/nginx.pid; error_log $dir/error.log;
events { worker_connections 8192; }
http {
	access_log off; keepalive_requests 100000000;
	client_body_temp_path $dir/b; proxy_temp_path $dir/p;
	fastcgi_temp_path $dir/f; uwsgi_temp_path $dir/u; scgi_temp_path $dir/s;
	upstream m { server 127.0.0.1:$mock; keepalive 256; keepalive_requests 100000000; }
	server { listen 127.0.0.1:$mock; location / { default_type application/json; return 200 '$body'; } }
	server { listen 127.0.0.1:$proxy; location / { proxy_pass http://m; proxy_http_version 1.1; proxy_set_header Connection ""; } }
}
E
cat >"$dir/post.lua" <<'E'
wrk.method = "POST"
wrk.body = string.rep("y", 1008)
wrk.headers["Content-Type"] = "application/json"
wrk.headers["Authorization"] = "Bearer bg_0123456789"
E
nginx -p "$dir" -c "$dir/nginx.conf"
"$prog" 2 "http://127.0.0.1:$mock" >"$dir/port" &
pid=$!
echo $pid >"$dir/pids"
until [ -s "$dir/port" ]; do sleep 0.05; done
ours=$(cat "$dir/port")
ticks() { awk '{print $14 + $15}' "/proc/$pid/stat"; }
median() { sort -n | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }
for c in 8 64; do
	: >"$dir/n" && : >"$dir/o" && : >"$dir/r" && : >"$dir/cpu"
	i=0
	while [ $i -lt "$rounds" ]; do
		n=$(wrk -t2 -c$c -d"${secs}s" -s "$dir/post.lua" "http://127.0.0.1:$proxy/v1/x" | awk '/Requests\/sec/{print $2}')
		t0=$(ticks)
		wrk -t2 -c$c -d"${secs}s" -s "$dir/post.lua" "http://127.0.0.1:$ours/v1/x" >"$dir/out"
		t1=$(ticks)
		if grep -q 'Non-2xx\|Socket errors' "$dir/out"; then cat "$dir/out"; exit 1; fi
		o=$(awk '/Requests\/sec/{print $2}' "$dir/out")
		k=$(awk '/requests in/{print $1}' "$dir/out")
		echo "$n" >>"$dir/n"; echo "$o" >>"$dir/o"
		echo "$n $o" | awk '{print $2 / $1}' >>"$dir/r"
		echo "$t0 $t1 $k" | awk '{print ($2 - $1) * 10000 / $3}' >>"$dir/cpu"
		i=$((i + 1))
	done
	printf 'c=%-3s nginx %8.0f/s  ours %8.0f/s  ratio %.2f  cpu %.1f us\n' $c \
		"$(median <"$dir/n")" "$(median <"$dir/o")" "$(median <"$dir/r")" "$(median <"$dir/cpu")"
done
