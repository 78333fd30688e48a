package budgetguard.policy_test

import data.budgetguard.policy

budget(usage, mode) := {"period": "monthly", "usage": usage, "budget": 10, "scope": "tenant", "scope_id": "2", "mode": mode, "held": 0}

test_allows_without_budgets if policy.allow with input as {"budgets": []}

test_allows_below_the_limit if policy.allow with input as {"budgets": [budget(9.99, "hard")]}

test_denies_at_the_limit if {
	not policy.allow with input as {"budgets": [budget(1, "hard"), budget(10, "hard")]}
	policy.reason == "tenant budget (monthly) is used up: 10 of 10 USD" with input as {"budgets": [budget(10, "hard")]}
}

test_soft_budgets_only_warn if policy.allow with input as {"budgets": [budget(12, "soft")]}

test_denies_an_empty_input_never if policy.allow with input as {}
