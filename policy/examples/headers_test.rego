package budgetguard.headers_test

import data.budgetguard.policy

denied(model, headers) if count(policy.deny) > 0 with input as {"model": model, "headers": headers}

test_without_headers_all_pass if not denied("gpt-4o", {})

test_test_runs_use_demo_models if {
	denied("gpt-4o", {"x-environment": "test"})
	not denied("demo-small", {"x-environment": "test"})
}

test_production_needs_a_change if {
	denied("gpt-4o", {"x-environment": "production"})
	denied("gpt-4o", {"x-environment": "production", "x-change": "soon"})
	not denied("gpt-4o", {"x-environment": "production", "x-change": "CHG-20261"})
}
