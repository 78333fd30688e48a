package budgetguard.hours_test

import data.budgetguard.policy

denied(model, day, hour) if count(policy.deny) > 0 with input as {"model": model, "day_of_week": day, "time": hour}

test_by_day_all_models if not denied("o3", "tuesday", 8)

test_by_night_cheap_models if not denied("gpt-4.1-mini", "sunday", 3)

test_by_night_no_dear_models if {
	denied("o3", "tuesday", 18)
	denied("o3", "tuesday", 7)
	denied("o3", "saturday", 12)
}
