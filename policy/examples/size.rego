# A ceiling on what one request may ask for.
package budgetguard.policy

deny contains "ask for at most 4096 output tokens" if input.max_tokens > 4096

deny contains "a limit on the output is required" if input.max_tokens == null

deny contains sprintf("one request may cost 0.50 USD at most, this one could cost %v", [input.estimated_usd]) if input.estimated_usd > 0.5
