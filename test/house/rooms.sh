#!/bin/sh
# rooms.sh BUILD -- the direction between rooms, checked on symbols.
#
# Reads test/house/rooms ("room: rooms it may use") and the symbol tables of
# BUILD/lib/<room>/*.o.  A reference from one room into another that the rules
# do not name is an error, also if an `extern` hides it from the headers.
# Foreign libraries are checked the same way: each has its rooms.
build=${1:?build directory}
rules=$(dirname "$0")/rooms

{
	sed 's/#.*//; s/:/ /; /^ *$/d; s/^/R /' "$rules"
	cat <<-'LIBS'
		L ^mdb_ counters
		L ^sqlite3_ ledger
		L ^MHD_ net
		L ^curl_ net
		L ^(crypto_|sodium_|randombytes) base
		L ^(EVP_|OSSL_|OPENSSL_|CRYPTO_|BN_|ECDSA_|PEM_|X509|BIO_|RSA_|EC_|ASN1_|OBJ_|GENERAL_NAME|OPENSSL_sk|[di]2[di]_) rego
	LIBS
	for o in "$build"/lib/*/*.o; do
		# An object whose source is gone is left from an earlier build.
		src=${o#"$build"/}
		[ -e "${src%.o}.c" ] || continue
		room=$(basename "$(dirname "$o")")
		nm -g "$o" | awk -v o="${src%.o}.c" -v r="$room" '
			NF == 3 { print "D", $3, r, o }
			NF == 2 { print "U", $2, r, o }'
	done
} | awk '
	$1 == "R" { known[$2] = 1; for (i = 3; i <= NF; i++) ok[$2 " " $i] = 1; next }
	$1 == "L" { lib[$2] = $3; next }
	$1 == "D" { home[$2] = $3; from[$2] = $4; if (!($3 in known)) bad["no rule for room " $3] = 1; next }
	{ n++; sym[n] = $2; room[n] = $3; file[n] = $4 }
	END {
		for (i = 1; i <= n; i++) {
			s = sym[i]; r = room[i]
			for (l in lib) if (s ~ l && lib[l] != r)
				bad[file[i] " uses " s ", which only " lib[l] "/ may"] = 1
			if (s in home && home[s] != r && !((r " " home[s]) in ok))
				bad[file[i] " uses " s " of " from[s] ": " r " may not use " home[s]] = 1
		}
		for (b in bad) { print b; e++ }
		exit e > 0
	}'
