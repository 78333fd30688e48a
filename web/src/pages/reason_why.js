// reason_why.js - why a row was refused or broke off, in words (contract 1.4, 9.7).
const WORDS = {
  missing_key: 'The call came without a key.',
  invalid_key: 'The key is not one of ours, or was revoked.',
  tenant_mismatch: 'X-Tenant-Id named another tenant than the key’s.',
  too_large: 'The body is larger than MAX_BODY_BYTES.',
  media_type: 'The body’s media type is not read here.',
  validation: 'The body is not a valid request.',
  unknown_model: 'No provider is configured for the model.',
  no_provider_key: 'The provider has no key here.',
  unmetered_route: 'The route spends without a bound that could be held.',
  rate_limit: 'The tenant’s rate limit was reached.',
  unknown_tag: 'A tag does not exist or is not active.',
  invalid_session: 'The session id is not valid.',
  session_budget: 'The session’s budget would have been exceeded.',
  budget: 'A budget would have been exceeded.',
  tag_budget: 'A tag’s budget would have been exceeded.',
  parent_tag_budget: 'The budget of a tag above would have been exceeded.',
  policy: 'The policy denied the call.',
  policy_error: 'The policy failed, and what fails denies.',
  upstream_401: 'The provider rejected the gateway’s key.',
  upstream_403: 'The provider rejected the gateway’s key.',
  upstream_unreachable: 'The provider could not be reached.',
  upstream_invalid: 'The provider’s answer could not be read; the whole hold was booked.',
  upstream_timeout: 'The provider fell silent; the whole hold was booked.',
  upstream_cut: 'The provider’s stream broke off; what had come was booked.',
  client_gone: 'The client left before the end; what the provider reported, or what had been sent, was booked.',
  restart: 'The gateway was killed in mid-call; the hold decides what is booked.',
  unmetered: 'The route was let through without metering (PASSTHROUGH=all).',
  legacy: 'Reported through POST /log.',
};
export const REASONS = Object.keys(WORDS);

/** A sentence for a reason; itself where there is none. */
export function reasonWhy(reason) {
  if (!reason) return '';
  const m = /^upstream_(\d{3})$/.exec(reason);
  return WORDS[reason] ?? (m ? `The provider answered ${m[1]}.` : reason);
}

