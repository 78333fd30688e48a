# Dear models only on weekdays from 8 to 18 o'clock (BUDGET_TIMEZONE).
package budgetguard.policy

dear := {"gpt-5", "o3", "claude-opus-4-5", "gemini-2.5-pro"}

deny contains "dear models rest outside business hours" if {
	input.model in dear
	not business_hours
}

business_hours if {
	not input.day_of_week in {"saturday", "sunday"}
	input.time >= 8
	input.time < 18
}
