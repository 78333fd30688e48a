// reasons.js - why a call was refused or failed, in words (contract 1.4, 9.7).
const WORDS = {
  budget: 'Budget used up', session_budget: 'Session budget used up', tag_budget: 'Tag budget used up', parent_tag_budget: 'Budget of a parent tag used up',
  rate_limit: 'Rate limit', policy: 'Denied by policy', policy_error: 'Policy failed', tenant_mismatch: 'X-Tenant-Id of another tenant', unmetered_route: 'Route cannot be metered',
  missing_key: 'No API key', invalid_key: 'Wrong API key', too_large: 'Body too large', media_type: 'Wrong media type', validation: 'Invalid request',
  unknown_model: 'No provider for the model', no_provider_key: 'Provider has no key', unknown_tag: 'Unknown tag', invalid_session: 'Invalid session id',
  upstream_401: 'Provider rejected the key', upstream_403: 'Provider rejected the key', upstream_unreachable: 'Provider unreachable', upstream_invalid: 'Invalid answer of the provider', upstream_timeout: 'Provider timed out',
  client_gone: 'Client left', crash: 'Gateway was stopped hard', legacy: 'Old /log route', unmetered: 'Passed through unmetered',
};
export const reasonText = (r) => (r ? WORDS[r] ?? String(r).replaceAll('_', ' ') : 'No reason noted');
