package budgetguard.size_test

import data.budgetguard.policy

denied(call) if count(policy.deny) > 0 with input as call

test_small_calls_pass if not denied({"max_tokens": 4096, "estimated_usd": 0.5})

test_long_answers_do_not if denied({"max_tokens": 4097, "estimated_usd": 0.1})

test_open_ends_do_not if denied({"max_tokens": null, "estimated_usd": 0.1})

test_dear_ones_do_not if denied({"max_tokens": 10, "estimated_usd": 0.51})
