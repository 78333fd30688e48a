# The policy in force when OPA_POLICY_PATH is not set.
#
# A call goes out if `allow` is exactly true and `deny` is empty. Whatever else
# happens - undefined, an error, the time limit - it is refused. The files in
# examples/ only add to `deny`, so any of them can be copied beside this one.
package budgetguard.policy

default allow := false

allow if count(deny) == 0

deny contains message if {
	some b in input.budgets
	b.mode == "hard"
	b.usage >= b.budget
	message := sprintf("%s budget (%s) is used up: %v of %v USD", [b.scope, b.period, b.usage, b.budget])
}

# What a caller is told beside the messages.
reason := concat("; ", sort(deny)) if count(deny) > 0
