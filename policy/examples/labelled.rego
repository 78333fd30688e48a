# Every call must say what it is for: a tag, or a session.
package budgetguard.policy

deny contains "send X-Tags or X-Session-Id" if {
	count(input.tags) == 0
	input.session == null
}
