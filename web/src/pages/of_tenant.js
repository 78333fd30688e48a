// of_tenant.js - pages that show the things of one tenant: which one, and a
// control to choose another.  It is `tenantId` in the address; without it the
// first.
import { html } from 'lit';
import { api } from '../api.js';
import { href, route, setQuery } from '../router.js';
import { field } from '../ui/field.js';
import { empty } from '../ui/states.js';

const LISTED = 500;

/** {tenants, tenant}; tenant null: there is none, or not that one. */
export async function chosenTenant(signal) {
  const tenants = await api.get('/admin/tenant', { signal }), id = route().query.get('tenantId');
  return { tenants, tenant: (id ? tenants.find((t) => String(t.id) === id) : tenants[0]) ?? null };
}

/** `keep`: filters that another tenant's things may have, too. */
export function tenantPicker({ tenants, tenant }, keep = []) {
  const q = route().query;
  const onchange = (v) => setQuery({ ...Object.fromEntries([...q.keys()].filter((k) => !keep.includes(k)).map((k) => [k, ''])), tenantId: v }, { push: true });
  if (tenants.length > LISTED) return field({ id: 'q-tenantId', name: 'tenantId', label: 'Tenant id', type: 'number', value: tenant?.id ?? '', hint: tenant?.name, onchange });
  return field({ id: 'q-tenantId', name: 'tenantId', label: 'Tenant', type: 'select', options: tenants.map((t) => [t.id, t.name]), value: tenant?.id ?? '', onchange });
}

/** In place of the page where there is no tenant to show. */
export const noTenant = ({ tenants }, what) => (tenants.length === 0
  ? empty('No tenants yet', `${what} belong to a tenant. Make one first; a key and a first call follow from there.`, html`<a class="button filled" href=${href('tenants')}>Make a tenant</a>`)
  : empty('No such tenant', 'It may have been deleted. Its rows stay in the ledger.', html`<a class="button tonal" href=${href(route().page)}>Show the first tenant</a>`));
