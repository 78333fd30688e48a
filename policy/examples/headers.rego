# Rules by header: tests never reach a dear model, and a change number is needed
# in production.
package budgetguard.policy

deny contains "test runs use demo models" if {
	input.headers["x-environment"] == "test"
	not startswith(input.model, "demo-")
}

deny contains "x-change must look like CHG-1234" if {
	input.headers["x-environment"] == "production"
	not regex.match(`^CHG-[0-9]{4,}$`, object.get(input.headers, "x-change", ""))
}
