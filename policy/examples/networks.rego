# Calls come from our own networks only.
package budgetguard.policy

networks := ["127.0.0.0/8", "10.0.0.0/8", "192.168.0.0/16", "::1/128", "fd00::/8"]

deny contains sprintf("%s is not one of our networks", [input.source_ip]) if not from_inside

from_inside if {
	some network in networks
	net.cidr_contains(network, input.source_ip)
}
