package budgetguard.frugal_test

import data.budgetguard.policy

denied(model, usage) if count(policy.deny) > 0 with input as {"model": model, "budgets": [{"usage": usage, "budget": 10, "mode": "soft"}]}

test_below_80_per_cent_all_models if not denied("o3", 7.99)

test_above_only_cheap_ones if {
	denied("o3", 8)
	not denied("gpt-4.1-mini", 9.5)
}
