# Who may use which models. data.models comes from models.json beside this file:
# tenant -> list of glob patterns; "*" is for everybody else.
package budgetguard.policy

deny contains message if {
	not model_allowed
	message := sprintf("tenant %s may not use %s", [input.tenant, input.model])
}

patterns := data.models[input.tenant]

patterns := data.models["*"] if not data.models[input.tenant]

model_allowed if {
	some pattern in patterns
	glob.match(pattern, [], input.model)
}
