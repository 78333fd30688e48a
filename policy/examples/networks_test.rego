package budgetguard.networks_test

import data.budgetguard.policy

denied(ip) if count(policy.deny) > 0 with input as {"source_ip": ip}

test_inside_passes if {
	not denied("127.0.0.1")
	not denied("10.20.30.40")
	not denied("fd00::1")
}

test_outside_does_not if {
	denied("8.8.8.8")
	denied("2001:db8::1")
}
