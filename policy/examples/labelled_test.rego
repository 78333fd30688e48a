package budgetguard.labelled_test

import data.budgetguard.policy

denied(tags, session) if count(policy.deny) > 0 with input as {"tags": tags, "session": session}

test_a_tag_is_enough if not denied(["engineering"], null)

test_a_session_is_enough if not denied([], "s-1")

test_one_of_them_is_needed if denied([], null)
