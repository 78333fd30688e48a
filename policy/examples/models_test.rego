package budgetguard.models_test

import data.budgetguard.policy

lists := {"research": ["*"], "support": ["gpt-4.1-mini*"], "*": ["gpt-*"]}

denied(tenant, model) if count(policy.deny) > 0 with input as {"tenant": tenant, "model": model} with data.models as lists

test_listed_tenant_has_its_own_list if {
	not denied("support", "gpt-4.1-mini-2025-04-14")
	denied("support", "gpt-4.1")
}

test_star_lists_everything if not denied("research", "anything/at-all")

test_others_have_the_common_list if {
	not denied("acme", "gpt-4o")
	denied("acme", "claude-opus-4-5")
}
