# The default policy is assembled into policy.o.
$(O)/lib/guard/policy.o: policy/default.rego
