/* builtin_absent.c - functions that OPA has and this engine does not offer; a
 * policy that calls one is refused at load with the reason.
 */
#include "rego/builtin_tables.h"

#define NO_NETWORK                                                       \
    "policies are evaluated while a request waits and must not use the " \
    "network"
#define NO_KEYS "a policy must not handle private keys"
#define NO_X509 \
    "certificates are not taken apart; io.jwt.* check signatures with them"
#define NO_GRAPHQL "GraphQL is not offered"

const struct builtin builtin_absent[] = {
    BUILTIN_ABSENT("http.send", 1, "(a)>(a)", NO_NETWORK),
    BUILTIN_ABSENT("net.lookup_ip_addr", 1, "s>{s}", NO_NETWORK),
    BUILTIN_ABSENT("graphql.is_valid", 2, "|s(a)||s(a)|>b", NO_GRAPHQL),
    BUILTIN_ABSENT("graphql.parse", 2, "|s(a)||s(a)|>[(a)]", NO_GRAPHQL),
    BUILTIN_ABSENT("graphql.parse_and_verify", 2, "|s(a)||s(a)|>[|b(a)|]",
                   NO_GRAPHQL),
    BUILTIN_ABSENT("graphql.parse_query", 1, "s>(a)", NO_GRAPHQL),
    BUILTIN_ABSENT("graphql.parse_schema", 1, "s>(a)", NO_GRAPHQL),
    BUILTIN_ABSENT("graphql.schema_is_valid", 1, "|s(a)|>b", NO_GRAPHQL),
    BUILTIN_ABSENT("providers.aws.sign_req", 3, "(a)(a)n>(a)",
                   "without http.send there is nothing to sign for"),
    BUILTIN_ABSENT("rego.parse_module", 2, "ss>(a)",
                   "a policy cannot take policies apart"),
    BUILTIN_ABSENT("crypto.parse_private_keys", 1, "s>[(a)]", NO_KEYS),
    BUILTIN_ABSENT("crypto.x509.parse_rsa_private_key", 1, "s>(a)", NO_KEYS),
    BUILTIN_ABSENT("crypto.x509.parse_keypair", 2, "ss>(a)", NO_KEYS),
    BUILTIN_ABSENT("crypto.x509.parse_certificates", 1, "s>[(a)]", NO_X509),
    BUILTIN_ABSENT("crypto.x509.parse_certificate_request", 1, "s>(a)",
                   NO_X509),
    BUILTIN_ABSENT("crypto.x509.parse_and_verify_certificates", 1,
                   "s>[|b[(a)]|]", NO_X509),
    BUILTIN_ABSENT("crypto.x509.parse_and_verify_certificates_with_options", 2,
                   "s(a)>[|b[(a)]|]", NO_X509),
    BUILTIN_ABSENT("strings.render_template", 2, "s(a)>s",
                   "use sprintf or a template string"),
    BUILTIN_END,
};
