-- schema.sql - ledger.sqlite, version 1 (PRAGMA user_version).
-- Times are ms UTC, money nano-dollars, rates pico-dollars per token.
-- Embedded into the binary; migrations follow in lib/ledger/db.c.

CREATE TABLE tenant(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  name TEXT NOT NULL UNIQUE,
  origin TEXT NOT NULL,
  rate_limit_per_min INTEGER, tokens_per_min INTEGER, max_concurrent INTEGER,
  default_session_budget_nano INTEGER,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL) STRICT;

CREATE TABLE api_key(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL,
  hash BLOB NOT NULL UNIQUE,
  first4 TEXT NOT NULL, last4 TEXT NOT NULL, name TEXT,
  is_active INTEGER NOT NULL,
  created_at INTEGER NOT NULL, last_used_at INTEGER, revoked_at INTEGER) STRICT;
CREATE INDEX api_key_tenant ON api_key(tenant_id);

-- tenant_id 0: none.  scope_id: decimal id, or session, user, model name.
CREATE TABLE budget(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  scope_kind INTEGER NOT NULL, scope_id TEXT NOT NULL,
  tenant_id INTEGER NOT NULL,
  period INTEGER NOT NULL, window INTEGER NOT NULL,
  start_at INTEGER NOT NULL, end_at INTEGER NOT NULL,
  amount_nano INTEGER NOT NULL, mode TEXT NOT NULL, alert_thresholds TEXT,
  is_active INTEGER NOT NULL, weight INTEGER NOT NULL,
  inheritance_mode TEXT NOT NULL,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  UNIQUE(scope_kind, scope_id, tenant_id, period, window)) STRICT;
CREATE INDEX budget_tenant ON budget(tenant_id);

CREATE TABLE tag(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  tenant_id INTEGER NOT NULL, name TEXT NOT NULL, description TEXT,
  parent_id INTEGER, path TEXT NOT NULL, level INTEGER NOT NULL,
  is_active INTEGER NOT NULL, color TEXT, metadata TEXT,
  session_budget_nano INTEGER,
  created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL,
  UNIQUE(tenant_id, name), UNIQUE(tenant_id, path)) STRICT;

CREATE TABLE session(
  tenant_id INTEGER NOT NULL, session_id TEXT NOT NULL,
  name TEXT, path TEXT,
  custom_budget_nano INTEGER, tag_budget_nano INTEGER,
  status TEXT NOT NULL DEFAULT 'active', metadata TEXT,
  created_at INTEGER NOT NULL, last_active_at INTEGER NOT NULL,
  PRIMARY KEY(tenant_id, session_id)) STRICT, WITHOUT ROWID;

CREATE TABLE model_price(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  model TEXT NOT NULL, provider TEXT NOT NULL, version_tag TEXT NOT NULL,
  source TEXT NOT NULL, deleted INTEGER NOT NULL DEFAULT 0,
  UNIQUE(provider, model)) STRICT;

CREATE TABLE price_version(
  version INTEGER PRIMARY KEY AUTOINCREMENT,
  model_price_id INTEGER NOT NULL, valid_from INTEGER NOT NULL,
  "in" INTEGER NOT NULL, cached INTEGER, out INTEGER NOT NULL,
  cache_write INTEGER, cache_write_1h INTEGER, audio_in INTEGER,
  audio_out INTEGER, image_in INTEGER, image_out INTEGER,
  per_image INTEGER, web_search INTEGER, long_above INTEGER,
  fast_permille INTEGER, us_permille INTEGER, eu_permille INTEGER,
  max_output INTEGER, context INTEGER) STRICT;

CREATE TABLE ledger(
  id INTEGER PRIMARY KEY,
  kind TEXT NOT NULL, request_id TEXT NOT NULL,
  ts INTEGER NOT NULL, recorded_at INTEGER NOT NULL,
  tenant TEXT, tenant_id INTEGER NOT NULL, key_id INTEGER,
  route TEXT, method TEXT, provider TEXT, model TEXT, model_answered TEXT,
  usd INTEGER NOT NULL,
  prompt_tok INTEGER NOT NULL, cached_tok INTEGER NOT NULL,
  cache_write_tok INTEGER NOT NULL, comp_tok INTEGER NOT NULL,
  reasoning_tok INTEGER NOT NULL,
  status TEXT, reason TEXT, http_status INTEGER, metered_by TEXT,
  price_version INTEGER, price_basis TEXT, held INTEGER NOT NULL,
  session TEXT, "user" TEXT, ingest_token_id INTEGER, event_id TEXT,
  corrects INTEGER, detail TEXT,
  latency_ms INTEGER, ttft_ms INTEGER, stream INTEGER NOT NULL,
  hash BLOB NOT NULL) STRICT;
CREATE UNIQUE INDEX ledger_request ON ledger(request_id) WHERE kind = 'usage';
CREATE UNIQUE INDEX ledger_event ON ledger(ingest_token_id, event_id)
  WHERE event_id IS NOT NULL;
CREATE INDEX ledger_ts ON ledger(ts);
CREATE INDEX ledger_tenant ON ledger(tenant_id, ts);
CREATE INDEX ledger_session ON ledger(tenant_id, session, ts)
  WHERE session IS NOT NULL;
CREATE INDEX ledger_user ON ledger(tenant_id, "user", ts)
  WHERE "user" IS NOT NULL;
CREATE INDEX ledger_corrects ON ledger(corrects) WHERE corrects IS NOT NULL;

CREATE TABLE ledger_tag(
  ledger_id INTEGER NOT NULL, tag_id INTEGER NOT NULL,
  name TEXT NOT NULL, path TEXT NOT NULL, direct INTEGER NOT NULL,
  PRIMARY KEY(ledger_id, tag_id)) STRICT, WITHOUT ROWID;

CREATE TRIGGER ledger_no_update BEFORE UPDATE ON ledger
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER ledger_no_delete BEFORE DELETE ON ledger
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
-- REPLACE deletes without firing delete triggers
CREATE TRIGGER ledger_no_replace BEFORE INSERT ON ledger
  WHEN EXISTS (SELECT 1 FROM ledger WHERE id = NEW.id) OR
    (NEW.kind = 'usage' AND EXISTS (SELECT 1 FROM ledger
      WHERE kind = 'usage' AND request_id = NEW.request_id))
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER ledger_tag_no_replace BEFORE INSERT ON ledger_tag
  WHEN EXISTS (SELECT 1 FROM ledger_tag
    WHERE ledger_id = NEW.ledger_id AND tag_id = NEW.tag_id)
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER ledger_tag_no_update BEFORE UPDATE ON ledger_tag
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;
CREATE TRIGGER ledger_tag_no_delete BEFORE DELETE ON ledger_tag
  BEGIN SELECT RAISE(ABORT, 'ledger is append-only'); END;

-- tenant_id -1: all tenants (then key_id is 0).
CREATE TABLE rollup_hour(
  tenant_id INTEGER NOT NULL, bucket INTEGER NOT NULL,
  key_id INTEGER NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
  status TEXT NOT NULL, usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input INTEGER NOT NULL, cached INTEGER NOT NULL,
  cache_write INTEGER NOT NULL, output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL,
  PRIMARY KEY(tenant_id, bucket, key_id, model, provider, status))
  STRICT, WITHOUT ROWID;
CREATE TABLE rollup_day(
  tenant_id INTEGER NOT NULL, bucket INTEGER NOT NULL,
  key_id INTEGER NOT NULL, model TEXT NOT NULL, provider TEXT NOT NULL,
  status TEXT NOT NULL, usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input INTEGER NOT NULL, cached INTEGER NOT NULL,
  cache_write INTEGER NOT NULL, output INTEGER NOT NULL,
  reasoning INTEGER NOT NULL,
  PRIMARY KEY(tenant_id, bucket, key_id, model, provider, status))
  STRICT, WITHOUT ROWID;
CREATE TABLE rollup_tag_hour(
  tag_id INTEGER NOT NULL, bucket INTEGER NOT NULL, direct INTEGER NOT NULL,
  status TEXT NOT NULL, usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL,
  PRIMARY KEY(tag_id, bucket, direct, status)) STRICT, WITHOUT ROWID;
CREATE TABLE rollup_tag_day(
  tag_id INTEGER NOT NULL, bucket INTEGER NOT NULL, direct INTEGER NOT NULL,
  status TEXT NOT NULL, usd INTEGER NOT NULL, requests INTEGER NOT NULL,
  input INTEGER NOT NULL, output INTEGER NOT NULL,
  PRIMARY KEY(tag_id, bucket, direct, status)) STRICT, WITHOUT ROWID;

CREATE TABLE ingest_token(
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  label TEXT NOT NULL UNIQUE, token TEXT NOT NULL UNIQUE,
  tenant_id INTEGER NOT NULL, active INTEGER NOT NULL,
  created_at INTEGER NOT NULL, last_seen_at INTEGER,
  usage_count INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE alert(
  id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL,
  budget_id INTEGER NOT NULL, window_start INTEGER NOT NULL,
  scope TEXT NOT NULL, period TEXT NOT NULL, threshold INTEGER NOT NULL,
  spent_nano INTEGER NOT NULL, amount_nano INTEGER NOT NULL,
  tenant_id INTEGER NOT NULL,
  UNIQUE(budget_id, window_start, threshold)) STRICT;
CREATE TABLE audit(
  id INTEGER PRIMARY KEY AUTOINCREMENT, ts INTEGER NOT NULL,
  tenant_id INTEGER, actor TEXT NOT NULL, event TEXT NOT NULL,
  details TEXT NOT NULL) STRICT;
CREATE TABLE admin_session(
  id BLOB PRIMARY KEY, csrf TEXT NOT NULL,
  created_at INTEGER NOT NULL, expires_at INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;
CREATE TABLE setting(name TEXT PRIMARY KEY, value INTEGER NOT NULL)
  STRICT, WITHOUT ROWID;

CREATE VIEW "UsageLedger" AS
  SELECT id,
    strftime('%Y-%m-%dT%H:%M:%S', ts / 1000, 'unixepoch') ||
      printf('.%03dZ', ts % 1000) AS ts,
    tenant, route,
    CASE WHEN usd < 0 THEN '-' ELSE '' END ||
      CASE WHEN usd % 1000000000 = 0 THEN CAST(abs(usd) / 1000000000 AS TEXT)
        ELSE rtrim(printf('%d.%09d', abs(usd) / 1000000000,
                          abs(usd) % 1000000000), '0') END AS usd,
    prompt_tok AS promptTok, comp_tok AS compTok
  FROM ledger WHERE kind IN ('usage', 'correction');

PRAGMA user_version = 1;
