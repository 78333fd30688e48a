# Once 80 per cent of a budget are spent, only cheap models go on.
package budgetguard.policy

cheap := {"gpt-4.1-mini", "gpt-4.1-nano", "gpt-4o-mini", "gpt-5-mini", "gpt-5-nano", "claude-haiku-4-5", "gemini-2.5-flash", "gemini-2.5-flash-lite"}

deny contains message if {
	some b in input.budgets
	b.usage >= b.budget * 0.8
	not input.model in cheap
	message := sprintf("%v of %v USD are spent: use one of %s", [b.usage, b.budget, concat(", ", sort(cheap))])
}
